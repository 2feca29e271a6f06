/** What a version is held against, whatever the order in which history is loaded. */
import { describe, expect, it } from 'vitest';
import type { VersionMeta } from '../../src/load/version-meta.js';
import { lastReleases, type LastRelease } from '../../src/load/last-release.js';
import type { Store } from '../../src/load/database.js';
import { freshStore } from '../support/database.js';
import { allPass, load, observation, versionMeta } from './sample.js';

const lastRelease = async (store: Store, meta: VersionMeta): Promise<LastRelease | undefined> =>
  (await lastReleases(store, meta))[0];

describe.each(['postgres', 'embedded'] as const)('what a version is held against (%s)', (kind) => {
  const day = (month: string): Date => new Date(`2025-${month}-20T09:30:00Z`);

  it.each([
    ['of a local file under one label', (): VersionMeta => local('YTD')],
    [
      'of a data set of EES within its release',
      (): VersionMeta => versionMeta({ release: { firstPublished: day('01') } }),
    ],
  ])('%s: the one before it in time; only where there is none the next one, and that is said', async (_, meta) => {
    const store = await freshStore(kind);
    const at = (month: string): VersionMeta => ({
      ...meta(),
      sha256: month.padStart(64, '0'),
      publishedAt: day(month),
    });
    const before = async (month: string): Promise<unknown> => await lastRelease(store, at(month));
    const remembered = async (month: string): Promise<void> => {
      await load(store, at(month), [observation({ enrolments: '1' })], { ...allPass, shape: () => month });
    };
    await remembered('07');
    expect(await before('03')).toMatchObject({ shape: '07', isSameRelease: false, isLater: true });
    await remembered('11');
    expect(await before('03'), 'the next').toMatchObject({ shape: '07', isLater: true });
    await remembered('03');
    expect(await before('05')).toEqual({ shape: '03', likeness: 'same data set', isSameRelease: true });
    expect(await before('09')).toEqual({ shape: '07', likeness: 'same data set', isSameRelease: true });
    expect(await before('12')).toEqual({ shape: '11', likeness: 'same data set', isSameRelease: true });
    expect(await before('07'), 'published at the same time').toMatchObject({ shape: '07', isSameRelease: true });
  });

  it('an amendment of an old release is held against its own release, not against a newer one', async () => {
    const store = await freshStore(kind);
    const of = (year: number, published: Date): VersionMeta =>
      versionMeta({
        release: { title: `Year ${year}`, firstPublished: new Date(`${year}-03-20`) },
        publishedAt: published,
      });
    for (const year of [2024, 2023])
      await load(store, of(year, new Date(`${year}-03-20`)), [observation({ enrolments: '1' })], {
        ...allPass,
        shape: () => year,
      });
    expect(await lastRelease(store, of(2023, day('05')))).toMatchObject({ shape: 2023, isSameRelease: true });
    expect(await lastRelease(store, of(2025, day('05')))).toMatchObject({ shape: 2024, isSameRelease: false });
  });

  it('a local file without a date is held against what is there', async () => {
    const store = await freshStore(kind);
    await load(store, local('YTD'), [observation({ enrolments: '1' })], { ...allPass, shape: () => 'there' });
    expect(await lastRelease(store, { ...local('YTD'), publishedAt: undefined })).toMatchObject({
      isSameRelease: true,
    });
  });

  it('a local file is offered one file of each kind, the nearest first: its own columns, its own label, other labels', async () => {
    const store = await freshStore(kind);
    const of = (label: string, month: string, columns: string[]): VersionMeta => {
      const meta = local(label);
      return {
        ...meta,
        ...{ sha256: month.padStart(64, '0'), publishedAt: day(month), dataSet: { ...meta.dataSet, columns } },
      };
    };
    const keep = async (meta: VersionMeta, shape: unknown): Promise<unknown> =>
      load(store, meta, [observation({ enrolments: '1' })], { ...allPass, shape: () => shape });
    const about = (schoolType: string, n: number): unknown => ({ n, series: { year: { schoolTypes: [schoolType] } } });
    await keep(of('A', '01', ['x', 'y']), about('Total', 1));
    await keep(of('B', '02', ['x', 'z']), about('Total', 2));
    await keep(of('C', '03', ['x', 'z']), about('Total', 3));
    await keep(of('D', '04', ['x', 'z']), about('Special', 4));
    await keep(of('A', '06', ['x', 'y']), about('Total', 6));
    const offered = await lastReleases(store, of('A', '05', ['x', 'y', 'unread']));
    expect(
      offered.map(({ shape, likeness, isSameRelease, isLater }) => [
        (shape as { n: number }).n,
        likeness,
        isSameRelease,
        isLater,
      ]),
    ).toEqual([
      [1, 'same label', true, undefined],
      [4, 'other label', false, undefined],
      [3, 'other label', false, undefined],
      [6, 'same label', false, true],
    ]);
  });

  it('versions under one label come in the order in which they were published, whatever their columns', async () => {
    const store = await freshStore(kind);
    const at = (month: string, columns: string[]): VersionMeta => {
      const meta = local('YTD');
      const sha256 = month.padStart(64, '0');
      return { ...meta, ...{ sha256, publishedAt: day(month), dataSet: { ...meta.dataSet, columns } } };
    };
    for (const [month, column] of [
      ['01', 'school_type'],
      ['02', 'school_type'],
      ['03', 'education_phase'],
      ['06', 'education_phase'],
      ['07', 'school_type'],
    ] as const)
      await load(store, at(month, [column]), [observation({ enrolments: '1' })], { ...allPass, shape: () => month });
    const offered = async (month: string, column: string): Promise<unknown[]> =>
      (await lastReleases(store, at(month, [column])))
        .filter(({ likeness }) => likeness !== 'alike')
        .map(({ shape, likeness, isSameRelease, isLater }) => [
          isLater === true ? 'then' : 'before',
          ...[shape, likeness, isSameRelease],
        ]);
    expect(await offered('04', 'school_type')).toEqual([
      ['before', '03', 'same label', true],
      ['before', '02', 'same data set', true],
      ['then', '06', 'same label', false],
      ['then', '07', 'same data set', false],
    ]);
    expect(await offered('08', 'education_phase')).toEqual([
      ['before', '07', 'same label', true],
      ['before', '06', 'same data set', true],
    ]);
  });

  it.each([
    ['the same file, called otherwise', 'a', {}, 'same data set'],
    ['another file in its place, called otherwise', 'b', { replaces: ['other', 'a'] }, 'same data set'],
    ['another file in its place, in other columns', 'b', { replaces: ['a'] }, 'alike'],
  ] as const)('of EES within one release: %s', async (how, dataSetFileId, more, likeness) => {
    const store = await freshStore(kind);
    const of = (title: string, month: string, source: VersionMeta['source'], columns?: string[]): VersionMeta =>
      versionMeta({
        release: { firstPublished: day('01') },
        dataSet: { title, ...(columns && { columns }) },
        source: { kind: 'release file', ...source },
        publishedAt: day(month),
      });
    await load(store, of('By level', '01', { dataSetFileId: 'a' }), [observation({ enrolments: '1' })], {
      ...allPass,
      shape: () => 'before',
    });
    const columns = how.endsWith('other columns') ? ['time_period', 'pupils'] : undefined;
    expect(await lastRelease(store, of('By area', '02', { dataSetFileId, ...more }, columns))).toEqual({
      shape: 'before',
      likeness,
      isSameRelease: true,
    });
    expect(await lastRelease(store, of('By area', '02', { dataSetFileId: 'b' }, columns))).toBeUndefined();
  });

  function local(label: string): VersionMeta {
    return versionMeta({ release: { title: label }, dataSet: { title: label, local: true } });
  }
});
