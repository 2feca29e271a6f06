import { describe, expect, it } from 'vitest';
import type { Store } from '../../src/load/database.js';
import { findAreas } from '../../src/load/areas.js';
import { heldBackByRuns, leftovers } from '../../src/load/sources.js';
import {
  acceptVersion,
  learnNumber,
  loadVersion,
  lastReleases,
  recordRefusal,
  removeVersion,
  unacceptVersion,
  withdrawVersion,
} from '../../src/load/versions.js';
import type { VersionMeta } from '../../src/load/versions.js';
import { academicPeriod } from '../../src/domain/period.js';
import { freshStore } from '../support/database.js';
import { allPass, BEDFORD, ENGLAND, heldBy, load, loaded, LUTON, observation, versionMeta } from './sample.js';

async function rates(store: Store): Promise<Record<string, string | null>> {
  const rows = await store.db.selectFrom('absence').select(['area_name', 'persistent_absence_rate']).execute();
  return Object.fromEntries(rows.map((row) => [row.area_name, row.persistent_absence_rate]));
}

async function everything(store: Store): Promise<unknown> {
  return {
    figures: await store.db.selectFrom('absence').selectAll().orderBy('area_code').orderBy('time_period').execute(),
    areas: await store.db
      .selectFrom('area')
      .select(['key', 'code', 'name', 'region_name', 'named_by'])
      .where('named_by', 'is not', null)
      .orderBy('key')
      .execute(),
  };
}

const rate = (value: string, rest = {}) => observation({ persistent_absence_rate: value }, rest);

const lastRelease = async (...of: Parameters<typeof lastReleases>) => (await lastReleases(...of))[0];

describe.each(['postgres', 'embedded'] as const)('loading versions (%s)', (kind) => {
  it('a file that an amendment replaced is the same data set, whatever its columns are called', async () => {
    const store = await freshStore(kind);
    const file = { kind: 'release file', dataSetFileId: '7d6a0000-2222-4bbb-8ccc-0000000000f1' };
    const before = versionMeta({ source: { ...file, fileId: 'a' }, publishedAt: new Date('2025-02-20T09:30:00Z') });
    const after = versionMeta({
      source: { ...file, fileId: 'b' },
      dataSet: { title: before.dataSet.title, columns: ['time_period', 'education_phase', 'pa_perc'] },
      publishedAt: new Date('2025-03-06T09:30:00Z'),
      sha256: 'another',
    });
    await load(store, before, [rate('17.3'), rate('20.1', { area: BEDFORD })]);
    expect(await load(store, after, [rate('17.4')])).toMatchObject({ kind: 'loaded', version: '1.0.1' });
    // Bedford was taken out: nothing of the file that was replaced is left.
    expect(await rates(store)).toEqual({ Luton: '17.4' });
  });

  it('the figures of a version are shown as published, with symbols and provenance', async () => {
    const store = await freshStore(kind);
    const outcome = await load(store, versionMeta({ publishedAt: new Date('2024-03-21T09:30:15.250Z') }), [
      observation(
        { enrolments: '40012', persistent_absence_rate: '17.30', severe_absence_rate: null, overall_absence_rate: '7' },
        { symbols: { severe_absence_rate: 'c' }, computed: 4 },
      ),
      observation({ enrolments: '7000000' }, { area: ENGLAND }),
    ]);
    expect(outcome).toMatchObject({ kind: 'loaded', version: '1.0.0', rows: 2, areas: 2, diff: undefined });
    const row = await store.db.selectFrom('absence').selectAll().where('area_name', '=', 'Luton').executeTakeFirst();
    expect(row).toMatchObject({
      series: 'absence/academic-year',
      publication: 'pupil-absence-in-schools-in-england',
      release: 'Academic year 2022/23',
      data_set: 'Absence by geography',
      data_set_version: '1.0.0',
      published_at: new Date('2024-03-21T09:30:15.250Z'),
      time_period: '202223',
      time_identifier: 'Academic year',
      geographic_level: 'Local authority',
      area_code: 'E06000032',
      old_la_code: '821',
      region_name: 'East of England',
      enrolments: '40012',
      persistent_absence_rate: '17.30',
      severe_absence_rate: null,
      authorised_absence_rate: null,
      as_of: null,
      symbols: { severe_absence_rate: 'c' },
    });
    expect(Object.keys(row?.provenance ?? {}).sort()).toEqual(
      ['enrolments', 'overall_absence_rate', 'persistent_absence_rate', 'severe_absence_rate'].sort(),
    );
    expect(row?.provenance['persistent_absence_rate']).toMatchObject({
      data_set: 'Absence by geography',
      version: '1.0.0',
      release: 'Academic year 2022/23',
      computed: true,
    });
    expect(row?.provenance['enrolments']).not.toHaveProperty('computed');
  });

  it('a newer version replaces an older one, and the difference is kept', async () => {
    const store = await freshStore(kind);
    const first = await loaded(store, versionMeta(), [rate('17.0'), rate('18.0', { area: BEDFORD })]);
    const outcome = await load(store, versionMeta({ publishedAt: new Date('2024-04-02T10:00:00Z') }), [
      rate('17.5'),
      rate('20.0', { area: ENGLAND }),
    ]);
    expect(outcome).toMatchObject({
      version: '1.0.1',
      diff: {
        previousId: first,
        added: 1,
        gone: 1,
        changed: 1,
        sample: [
          {
            area: 'Luton',
            period: 'Academic year 2022/23',
            measure: 'persistent_absence_rate',
            from: '17.0',
            to: '17.5',
          },
        ],
      },
    });
    expect(await rates(store)).toEqual({ Luton: '17.5', England: '20.0' });
  });

  it('the same bytes are not loaded twice', async () => {
    const store = await freshStore(kind);
    const meta = versionMeta();
    const first = await loaded(store, meta, [rate('17.0')]);
    expect(await load(store, meta, [rate('17.0')])).toEqual({
      kind: 'unchanged',
      versionId: first,
      version: '1.0.0',
      state: 'loaded',
    });
    await removeVersion(store, first, 'wrong file');
    expect(await load(store, meta, [rate('17.0')])).toMatchObject({ kind: 'unchanged', state: 'removed' });
    expect(await load(store, { ...meta, again: true }, [rate('17.0')])).toMatchObject({
      kind: 'loaded',
      version: '1.0.1',
    });
  });

  it('removing a version restores exactly what was before, names of areas included', async () => {
    const store = await freshStore(kind);
    const academy = { ...LUTON, level: 'School', key: '100000', code: '100000', name: 'Hill School' } as const;
    await loaded(store, versionMeta(), [rate('17.0'), rate('9.1', { area: academy })]);
    const before = await everything(store);
    const second = await loaded(store, versionMeta({ publishedAt: new Date('2024-04-02T10:00:00Z') }), [
      rate('17.5'),
      rate('9.2', { area: { ...academy, name: 'Hill Academy' } }),
      rate('20.0', { area: ENGLAND }),
    ]);
    expect(await everything(store)).not.toEqual(before);
    expect((await findAreas(store, 'hill school'))[0]?.name).toBe('Hill Academy');
    await removeVersion(store, second, 'published by mistake', new Date('2024-04-03T00:00:00Z'));
    expect(await everything(store)).toEqual(before);
    await expect(removeVersion(store, second, 'again')).rejects.toThrow(/removed already/);
    await expect(removeVersion(store, 999, 'no')).rejects.toThrow(/no data set version 999/);
    const row = await store.db
      .selectFrom('data_set_version')
      .select(['state', 'ended_at', 'history'])
      .where('id', '=', second)
      .executeTakeFirstOrThrow();
    expect(row).toEqual({
      state: 'removed',
      ended_at: new Date('2024-04-03T00:00:00Z'),
      history: [{ at: '2024-04-03T00:00:00.000Z', what: 'removed', reason: 'published by mistake' }],
    });
  });

  it.each(['removed', 'quarantined', 'refused'] as const)(
    'a version that is %s neither dates its release, which orders the figures, nor names release and data set',
    async (fate) => {
      const store = await freshStore(kind);
      const at = (day: string) => ({ publishedAt: new Date(`${day}T09:30:00Z`) });
      const a = { title: 'Release A' };
      await loaded(store, versionMeta({ ...at('2024-06-01'), release: a }), [rate('20.0')]);
      await loaded(store, versionMeta({ ...at('2024-03-01'), release: { title: 'Release B' } }), [rate('21.0')]);
      const before = await everything(store);
      expect(await rates(store)).toEqual({ Luton: '20.0' });
      const early = versionMeta({
        ...at('2024-01-01'),
        release: { title: 'release a' },
        dataSet: { title: 'Absence, by geography', apiId: undefined },
      });
      if (fate === 'refused') await recordRefusal(store, early, new Error('not readable'));
      else {
        const { versionId } = await load(
          store,
          early,
          [rate('120.0')],
          fate === 'quarantined' ? heldBy('rates') : allPass,
        );
        if (fate === 'removed') await removeVersion(store, versionId, 'a slip');
      }
      expect(await everything(store)).toEqual(before);
    },
  );

  it('a quarantined version is not read until each gate that holds it is accepted', async () => {
    const store = await freshStore(kind);
    await loaded(store, versionMeta(), [rate('17.0')]);
    const newer = versionMeta({ publishedAt: new Date('2024-04-02T10:00:00Z') });
    const held = await load(
      store,
      newer,
      [rate('71.0', { area: { ...LUTON, name: 'Lutn' } })],
      heldBy('sums', 'areas'),
    );
    expect(held).toMatchObject({ kind: 'quarantined', rows: 1 });
    expect(await rates(store)).toEqual({ Luton: '17.0' });
    await expect(acceptVersion(store, held.versionId, 'columns', 'fine')).rejects.toThrow(/Held back by: areas, sums/);
    expect(await acceptVersion(store, held.versionId, 'sums', 'estimates')).toEqual({
      state: 'quarantined',
      stillHeldBy: ['areas'],
    });
    expect(await rates(store)).toEqual({ Luton: '17.0' });
    expect(await acceptVersion(store, held.versionId, 'areas', 'merged')).toEqual({ state: 'loaded', stillHeldBy: [] });
    expect(await rates(store)).toEqual({ Luton: '71.0' });
    await removeVersion(store, held.versionId, 'no');
    expect(await rates(store)).toEqual({ Luton: '17.0' });
  });

  it('what was accepted is held back again as before, can be accepted again, and is then new to the rules', async () => {
    const store = await freshStore(kind);
    await loaded(store, versionMeta(), [rate('17.0')]);
    const newer = versionMeta({ publishedAt: new Date('2024-04-02T10:00:00Z') });
    const rows = [rate('71.0', { area: { ...LUTON, name: 'Lutn' } })];
    const { versionId } = await load(store, newer, rows, heldBy('sums', 'areas'));
    const held = async (): Promise<unknown> => ({
      rates: await rates(store),
      found: await findAreas(store, 'Lutn'),
      gates: await store.db.selectFrom('gate_result').selectAll().orderBy('version_id').orderBy('gate').execute(),
      versions: await store.db
        .selectFrom('data_set_version')
        .select(['id', 'state', 'is_current'])
        .orderBy('id')
        .execute(),
      diffs: await store.db.selectFrom('version_diff').selectAll().orderBy('version_id').execute(),
    });
    const before = await held();
    await expect(unacceptVersion(store, versionId, 'no')).rejects.toThrow(/No gate of version \d+ was accepted/);
    for (const gate of ['sums', 'areas']) await acceptVersion(store, versionId, gate, 'fine');
    expect(await rates(store)).toEqual({ Luton: '71.0' });
    await store.db.updateTable('data_set_version').set({ evaluated_at: new Date() }).execute();
    expect(await unacceptVersion(store, versionId, 'not after all')).toEqual(['areas', 'sums']);
    expect(await held()).toEqual(before);
    for (const gate of ['sums', 'areas']) await acceptVersion(store, versionId, gate, 'fine');
    expect(await rates(store)).toEqual({ Luton: '71.0' });
    const version = await store.db
      .selectFrom('data_set_version')
      .select(['ended_at', 'evaluated_at', 'history'])
      .where('id', '=', versionId)
      .executeTakeFirstOrThrow();
    expect(version).toMatchObject({ ended_at: null, evaluated_at: null });
    expect(version.history).toMatchObject([
      { what: 'accepted sums' },
      { what: 'accepted areas' },
      { what: 'no longer accepted areas, sums', reason: 'not after all' },
      { what: 'accepted sums' },
      { what: 'accepted areas' },
    ]);
    await removeVersion(store, versionId, 'no');
    await expect(unacceptVersion(store, versionId, 'no')).rejects.toThrow(/is removed/);
  });

  it('a gate accepted beforehand is recorded as such and holds nothing back', async () => {
    const store = await freshStore(kind);
    const meta = versionMeta({ accept: [{ gate: 'sums', reason: 'estimates do not add up' }] });
    const outcome = await load(store, meta, [rate('17.0')], heldBy('sums'));
    expect(outcome).toMatchObject({ kind: 'loaded', verdicts: [{ gate: 'sums', verdict: 'accepted' }] });
    const { history } = await store.db.selectFrom('data_set_version').select('history').executeTakeFirstOrThrow();
    expect(history).toMatchObject([{ what: 'accepted sums', reason: 'estimates do not add up' }]);
  });

  it('what dead runs left unseen by the rules is quiet only where all of it came by quiet backfills', async () => {
    const store = await freshStore(kind);
    expect(await leftovers(store)).toBeUndefined();
    const quiet = versionMeta({ source: { kind: 'api', backfill: true } });
    await loaded(store, quiet, [rate('17.0')]);
    expect(await leftovers(store)).toEqual({ quiet: true });
    await loaded(store, versionMeta({ publishedAt: new Date('2024-04-02T10:00:00Z') }), [rate('17.5')]);
    expect(await leftovers(store)).toEqual({ quiet: false });
  });

  it('an override given with the same bytes accepts what is held back', async () => {
    const store = await freshStore(kind);
    const meta = versionMeta();
    const held = await load(store, meta, [rate('17.0')], heldBy('sums'));
    const accept = [
      { gate: 'sums', reason: 'estimates' },
      { gate: 'columns', reason: 'not needed' },
    ];
    expect(await load(store, { ...meta, accept }, [rate('17.0')])).toMatchObject({
      kind: 'loaded',
      versionId: held.versionId,
      rows: 1,
      verdicts: [{ gate: 'sums', verdict: 'accepted' }],
    });
    expect(await rates(store)).toEqual({ Luton: '17.0' });
  });

  it('a withdrawn version is no longer current, and is marked once', async () => {
    const store = await freshStore(kind);
    await loaded(store, versionMeta(), [rate('17.0')]);
    const second = await loaded(store, versionMeta({ publishedAt: new Date('2024-04-02T10:00:00Z') }), [rate('17.5')]);
    expect(await withdrawVersion(store, second, 'withdrawn at source')).toBe(true);
    expect(await withdrawVersion(store, second, 'withdrawn at source')).toBe(false);
    expect(await rates(store)).toEqual({ Luton: '17.0' });
  });

  it('two rows about one figure quarantine the file, naming both lines', async () => {
    const store = await freshStore(kind);
    const rows = Array.from({ length: 300 }, (_, i) =>
      rate('5.0', { area: { ...LUTON, key: String(1000 + i), name: `Area ${i}` }, line: i + 2 }),
    );
    rows.push(rate('6.0', { area: { ...LUTON, key: '1017', name: 'Area 17' }, line: 302 }));
    const meta = versionMeta();
    const outcome = await load(store, meta, rows, allPass, {
      async *reread() {
        await Promise.resolve();
        yield rows.slice(0, 250);
        yield rows.slice(250);
      },
    });
    expect(outcome).toMatchObject({ kind: 'quarantined', rows: 0, verdicts: [{ gate: 'key unique' }] });
    expect(outcome.kind === 'quarantined' && outcome.verdicts[0]?.message).toContain('Lines 19 and 302');
    expect(await rates(store)).toEqual({});
    await expect(acceptVersion(store, outcome.versionId, 'key unique', 'x')).rejects.toThrow(/correct the file/);
    expect(await load(store, meta, rows)).toMatchObject({ kind: 'unchanged', state: 'quarantined' });
  });

  it('a refused file leaves a row with the reason, once, and no figures', async () => {
    const store = await freshStore(kind);
    const meta = versionMeta();
    const refused = await recordRefusal(store, meta, new Error('absence.csv has none of the five rates'));
    expect(await recordRefusal(store, meta, new Error('absence.csv has none of the five rates'))).toEqual(refused);
    const versions = await store.db.selectFrom('data_set_version').select(['state', 'rows']).execute();
    expect(versions).toEqual([{ state: 'refused', rows: 0 }]);
    const gates = await store.db.selectFrom('gate_result').select('message').execute();
    expect(gates).toEqual([{ message: 'absence.csv has none of the five rates' }]);
    expect(await load(store, meta, [rate('17.0')])).toMatchObject({ kind: 'loaded', version: '1.0.0' });
  });

  it('what a run holds back is told by the names that it gives itself', async () => {
    const store = await freshStore(kind);
    const { id: runId } = await store.db
      .insertInto('run_record')
      .values({ trigger: 'manual', started_at: new Date(), outcome: 'running', detail: '{}' })
      .returning('id')
      .executeTakeFirstOrThrow();
    await loaded(store, versionMeta({ dataSet: { title: 'Absence by geography 2022/23' } }), [rate('17.0')]);
    const next = versionMeta({
      release: { title: 'Academic year 2023/24' },
      dataSet: { title: 'Absence by geography 2023/24' },
    });
    await load(store, { ...next, runId }, [rate('18.0')], heldBy('sums'));
    expect(await heldBackByRuns(store)).toMatchObject([
      { release: 'Academic year 2023/24', dataSet: 'Absence by geography 2023/24' },
    ]);
  });

  it('what the gates remember is there for the next version of the data set, and for no other', async () => {
    const store = await freshStore(kind);
    const meta = versionMeta();
    expect(await lastRelease(store, meta)).toBeUndefined();
    await load(store, meta, [rate('17.0')], { ...allPass, shape: () => ({ areas: 153 }) });
    const next = versionMeta({
      release: { title: 'Academic year 2023/24' },
      dataSet: { title: 'Absence by geography 2023/24' },
    });
    expect(await lastRelease(store, next)).toEqual({
      shape: { areas: 153 },
      likeness: 'same data set',
      isSameRelease: false,
    });
    expect(await lastRelease(store, versionMeta({ dataSet: { title: 'Absence by pupil group' } }))).toBeUndefined();
  });

  it('a data set that is new is held against one that is alike: by its title, a local file by its columns', async () => {
    const store = await freshStore(kind);
    const remembering = (areas: number) => ({ ...allPass, shape: () => ({ areas }) });
    await load(store, versionMeta(), [rate('17.0')], remembering(153));
    const more = { columns: ['time_period', 'enrolments', 'new_column'] };
    expect(await lastRelease(store, versionMeta({ dataSet: more })), 'a column more').toEqual({
      shape: { areas: 153 },
      likeness: 'alike',
      isSameRelease: false,
    });
    const local = (label: string, columns: readonly string[]): VersionMeta =>
      versionMeta({ release: { title: label }, dataSet: { title: label, local: true, columns } });
    await load(store, local('2022/23', ['a', 'b']), [rate('16.0')], remembering(152));
    expect(await lastRelease(store, local('2023/24', ['B', 'a']))).toEqual({
      shape: { areas: 152 },
      likeness: 'alike',
      isSameRelease: false,
    });
    expect(await lastRelease(store, local('2023/24', ['a', 'c'])), 'other columns').toMatchObject({
      likeness: 'other label',
    });
    expect(await lastRelease(store, local('2022/23', ['a', 'b']))).toMatchObject({ isSameRelease: true });
    expect(await lastRelease(store, local('2022/23', ['a', 'c'])), 'other columns under one label').toMatchObject({
      likeness: 'same label',
    });
  });

  it('the last release is the one before, also where later ones were loaded first', async () => {
    const store = await freshStore(kind);
    const release = (year: number): VersionMeta =>
      versionMeta({
        release: { title: `Academic year ${year}` },
        publishedAt: new Date(`${year + 2}-03-20T09:30:00Z`),
      });
    for (const year of [2022, 2016, 2018])
      await load(store, release(year), [rate('17.0')], { ...allPass, shape: () => ({ year }) });
    const before = async (year: number): Promise<unknown> => (await lastRelease(store, release(year)))?.shape;
    expect(await before(2020)).toEqual({ year: 2018 });
    expect(await before(2023)).toEqual({ year: 2022 });
    expect(await before(2010), 'nothing before: the nearest after').toEqual({ year: 2016 });
  });

  it('a file of the API whose number is not known takes no number of the API, and gets its own when that is known', async () => {
    const store = await freshStore(kind);
    const dataSet = { apiId: '7d6a0000-1111-4bbb-8ccc-0000000000a1' };
    const release = (year: number) => ({
      title: `Academic year ${year}`,
      firstPublished: new Date(`${year}-03-20T09:30:00Z`),
    });
    const one = { major: 1, minor: 0, patch: 0 };
    await load(store, versionMeta({ dataSet, release: release(2025), version: one }), [rate('19.2')]);
    const byWebsite = versionMeta({ dataSet, release: release(2026) });
    expect(await load(store, byWebsite, [rate('17.3')])).toMatchObject({ kind: 'loaded', version: '0.0.0' });
    const patch = versionMeta({ dataSet, release: release(2025), version: { ...one, patch: 1 } });
    expect(await load(store, patch, [rate('19.3')])).toMatchObject({ kind: 'loaded', version: '1.0.1' });
    const known = { ...byWebsite, version: { major: 1, minor: 1, patch: 0 } };
    expect(await load(store, known, [rate('17.3')])).toMatchObject({ kind: 'unchanged', version: '1.1.0' });
    // The website's bytes of a version may be others than the API's.
    const others = versionMeta({ dataSet, release: release(2026), version: { major: 1, minor: 2, patch: 0 } });
    await load(store, others, [rate('17.5')]);
    const bytes = versionMeta({ dataSet, release: release(2026) });
    expect(await load(store, bytes, [rate('17.50')])).toMatchObject({ kind: 'loaded', version: '0.0.0' });
    expect(await load(store, { ...bytes, version: { major: 1, minor: 2, patch: 0 } }, [rate('17.50')])).toMatchObject({
      ...{ kind: 'unchanged', version: '0.0.0' },
    });
    const numbers = await store.db
      .selectFrom('data_set_version')
      .select(['major', 'minor', 'patch'])
      .orderBy('id')
      .execute();
    expect(numbers.map((each) => Object.values(each).join('.'))).toEqual(['1.0.0', '1.1.0', '1.0.1', '1.2.0', '0.0.0']);
  });

  describe('a file of the website that becomes a data set of the API', () => {
    const apiId = '7d6a0000-1111-4bbb-8ccc-0000000000a1';
    const one = { major: 1, minor: 0, patch: 0 };
    const day = (year: number, month: number): Date => new Date(Date.UTC(year, month - 1, 20, 9, 30));
    const release = (year: number) => ({ title: `Academic year ${year}`, firstPublished: day(year, 3) });
    const file = (year: number, month: number) => ({
      release: release(year),
      publishedAt: day(year, month),
      source: { kind: 'release file', key: `file ${year} ${month}`, dataSetFileId: `file of ${year}` },
    });
    const inApi = (year: number, month: number, id = apiId) => ({
      ...file(year, month),
      dataSet: { apiId: id },
      source: { kind: 'api', key: `api ${id} ${year} ${month}`, dataSetFileId: `file of ${year}`, dataSetId: id },
    });
    /** 'identity release number', with a star where it is current, as loaded. */
    async function places(store: Store): Promise<string[]> {
      const rows = await store.db
        .selectFrom('data_set_version as v')
        .innerJoin('data_set as d', 'd.id', 'v.data_set_id')
        .innerJoin('release as r', 'r.id', 'v.release_id')
        .select(['d.api_id', 'r.title', 'v.major', 'v.minor', 'v.patch', 'v.is_current'])
        .orderBy('v.id')
        .execute();
      return rows.map(
        ({ api_id, title, major, minor, patch, is_current }) =>
          `${api_id?.at(-1) ?? '-'} ${title.slice(-4)} ${major}.${minor}.${patch}${is_current ? ' *' : ''}`,
      );
    }

    it('takes its data set along, whose other files stay in it', async () => {
      const store = await freshStore(kind);
      await load(store, versionMeta(file(2023, 3)), [rate('17.1')]);
      await load(store, versionMeta(file(2024, 3)), [rate('17.2')]);
      expect(await places(store)).toEqual(['- 2023 1.0.0 *', '- 2024 1.0.1 *']);
      await load(store, versionMeta({ ...inApi(2024, 4), version: one }), [rate('17.3')]);
      expect(await places(store)).toEqual(['1 2023 0.0.0 *', '1 2024 0.0.1', '1 2024 1.0.0 *']);
      await load(store, versionMeta(file(2023, 5)), [rate('17.4')]);
      expect((await places(store)).at(-1)).toBe('1 2023 0.0.2 *');
      // The older file turns out to be another one's.
      await load(store, versionMeta({ ...inApi(2023, 6, apiId.replace(/1$/, '2')), version: one }), [rate('17.5')]);
      const own = ['1 2024 0.0.1', '1 2024 1.0.0 *'];
      expect(await places(store)).toEqual(['2 2023 0.0.0', ...own, '2 2023 0.0.1', '2 2023 1.0.0 *']);
    });

    it('goes over to one that is known already; where both counted, the rules look at what is left', async () => {
      const store = await freshStore(kind);
      const loaded = versionMeta(file(2024, 3));
      await load(store, loaded, [rate('17.1')]);
      await load(store, versionMeta({ ...inApi(2023, 3), version: one }), [rate('16.0')]);
      // As a program that did not know of this left them.
      const beside = { ...file(2024, 4), dataSet: { apiId }, source: { kind: 'api', dataSetId: apiId } };
      await load(store, versionMeta({ ...beside, version: { ...one, minor: 1 } }), [rate('17.2')]);
      await store.db
        .updateTable('data_set_version')
        .set({ evaluated_at: day(2024, 4) })
        .execute();
      expect(await places(store)).toEqual(['- 2024 1.0.0 *', '1 2023 1.0.0 *', '1 2024 1.1.0 *']);
      await learnNumber(store, 'file 2024 3', apiId, { ...one, patch: 7 });
      expect(await places(store)).toEqual(['1 2024 1.0.7', '1 2023 1.0.0 *', '1 2024 1.1.0 *']);
      const open = await store.db
        .selectFrom('data_set_version')
        .select('published_at')
        .where('evaluated_at', 'is', null)
        .execute();
      expect(open).toEqual([{ published_at: day(2024, 4) }]);
    });

    it('is held against what it replaces within its release', async () => {
      const store = await freshStore(kind);
      await load(store, versionMeta(file(2024, 3)), [rate('17.1')], { ...allPass, shape: () => 'before' });
      const [last] = await lastReleases(store, versionMeta({ ...inApi(2024, 4), version: one }));
      expect(last).toEqual({ shape: 'before', likeness: 'same data set', isSameRelease: true });
    });
  });

  it('where two data sets are amended one after the other, no warning stays', async () => {
    const store = await freshStore(kind);
    const amended = async (title: string, value: string, day: number) =>
      load(store, versionMeta({ dataSet: { title }, publishedAt: new Date(Date.UTC(2024, 2, day)) }), [rate(value)]);
    await amended('Absence by term', '17.0', 1);
    await amended('Absence by group', '17.0', 1);
    expect(await amended('Absence by term', '18.0', 2)).toMatchObject({ verdicts: [{ verdict: 'warn' }] });
    expect(await amended('Absence by group', '18.0', 2)).toMatchObject({ verdicts: [{ verdict: 'pass' }] });
    const verdicts = await store.db
      .selectFrom('gate_result as g')
      .innerJoin('data_set_version as v', 'v.id', 'g.version_id')
      .select('g.verdict')
      .where('v.is_current', '=', true)
      .execute();
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(['pass', 'pass']);
  });

  it('two data sets of one release that give a figure differently are told of, with both figures', async () => {
    const store = await freshStore(kind);
    const fromTerms = versionMeta({ dataSet: { title: 'Absence by term' } });
    await load(store, fromTerms, [rate('17.0'), rate('9.1', { area: BEDFORD })]);
    const verdictsBeside = async (title: string, luton: string, bedford: string) => {
      const outcome = await load(store, versionMeta({ dataSet: { title } }), [
        rate(luton),
        rate(bedford, { area: BEDFORD }),
      ]);
      return outcome.kind === 'loaded' ? outcome.verdicts : [];
    };
    expect(await verdictsBeside('Exact', '17.04', '9.05'), 'equal at one decimal place').toMatchObject([
      { gate: 'data sets agree', verdict: 'pass', message: expect.stringMatching(/^2 figures .* agree/) as unknown },
    ]);
    expect(await verdictsBeside('Another', '17.0', '9.2')).toMatchObject([
      {
        ...{ gate: 'data sets agree', verdict: 'warn' },
        message:
          '2 of 4 figures that another data set of the release gives, too, are others there: ' +
          'Bedford, Academic year 2022/23, Total: persistent_absence_rate 9.2 here, 9.1 in “Absence by term”, and more.',
        detail: {
          count: 2,
          first: [
            { area: 'Bedford', here: '9.2' },
            { area: 'Bedford', here: '9.2' },
          ],
        },
      },
    ]);
    const kept = await store.db
      .selectFrom('gate_result')
      .select('verdict')
      .where('gate', '=', 'data sets agree')
      .execute();
    expect(kept.map(({ verdict }) => verdict).sort()).toEqual(['pass', 'warn']);
  });
});

it('a file that breaks off in the middle leaves nothing behind', async () => {
  const store = await freshStore('postgres');
  async function* broken() {
    yield [rate('17.0')];
    await Promise.resolve();
    throw new Error('line 3 column 2: "abc" is no figure');
  }
  await expect(loadVersion(store, versionMeta(), broken(), allPass)).rejects.toThrow('line 3 column 2');
  for (const table of ['figure', 'data_set_version', 'area', 'release'] as const)
    expect(await store.db.selectFrom(table).selectAll().execute()).toEqual([]);
  expect(await load(store, versionMeta(), [rate('17.0')])).toMatchObject({ kind: 'loaded' });
});

it('a release that leaves out old years takes nothing away, and its version is held against the release before', async () => {
  const store = await freshStore('postgres');
  const old = { period: academicPeriod(2021, 'Academic year') };
  await loaded(store, versionMeta(), [rate('18.0', old), rate('17.0')]);
  const outcome = await load(
    store,
    versionMeta({ release: { title: 'Academic year 2023/24' }, publishedAt: new Date('2025-03-20T09:30:00Z') }),
    [rate('17.1'), rate('16.0', { period: academicPeriod(2023, 'Academic year') })],
  );
  expect(outcome).toMatchObject({ diff: { added: 1, gone: 0, changed: 1 } });
  const rows = await store.db
    .selectFrom('absence')
    .select(['time_period', 'release', 'persistent_absence_rate'])
    .orderBy('time_period')
    .execute();
  expect(rows).toEqual([
    { time_period: '202122', release: 'Academic year 2022/23', persistent_absence_rate: '18.0' },
    { time_period: '202223', release: 'Academic year 2023/24', persistent_absence_rate: '17.1' },
    { time_period: '202324', release: 'Academic year 2023/24', persistent_absence_rate: '16.0' },
  ]);
});
