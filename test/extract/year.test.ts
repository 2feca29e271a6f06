import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StandIn } from '../../demo/stand-in.js';
import { discover, type Discovery } from '../../src/extract/discover.js';
import { download } from '../../src/extract/download.js';
import type { EesClient } from '../../src/extract/client.js';
import {
  ABSENCE,
  anyOf,
  arrayContaining,
  asked,
  ATTENDANCE,
  attendanceRates,
  clientFor,
  fourYearOlds,
  long,
  LONG_SET,
  NUMBERS_SET,
  numbersOfSchools,
  oneSession,
  PA_SET,
  reasons,
  REASONS_SET,
  wide,
} from './support.js';
import { hasDescription, offences } from '../support/description.js';

const SOURCES = [{ publication: ABSENCE }, { publication: ATTENDANCE }];

/** One year of EES, poll by poll; each test goes on where the one before stopped. */
describe('a year of polls, with the exact requests of each', () => {
  let now = Date.parse('2026-03-26T09:40:00Z');
  let ees: StandIn;
  let client: EesClient;
  let directory: string;
  let memory: unknown;
  let mark = 0;
  let names: string[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'year-'));
    ees = await StandIn.start({ now: () => new Date(now) });
    client = clientFor(ees, { now: () => now, budget: { ms: Infinity } });
    // The full year before, with everything a release holds; term releases of the same publication; one old release.
    ees.publish({
      publication: ABSENCE,
      publicationTitle: 'Pupil absence in schools in England',
      slug: '2023-24',
      title: 'Academic year 2023/24',
      at: '2025-03-20T09:30:05Z',
      files: [
        {
          name: 'long.csv',
          title: 'Absence for persistent and severe absentees',
          content: long('19.0'),
          api: { dataSetId: LONG_SET },
        },
      ],
    });
    ees.publish({
      publication: ABSENCE,
      slug: '2024-25-autumn-term',
      title: 'Autumn term 2024/25',
      at: '2025-08-07T08:30:05Z',
      files: [
        { name: 'a1.csv', title: 'Absence rates by geographic level - autumn term', content: wide('Autumn term') },
      ],
    });
    ees.publish({
      publication: ABSENCE,
      slug: '2024-25',
      title: 'Academic year 2024/25',
      at: '2026-03-26T09:30:05Z',
      nextReleaseDate: { year: 2026, month: 8 },
      files: [
        { name: 'a3.csv', title: 'Absence rates by geographic level', content: wide('Academic year') },
        {
          name: 'long.csv',
          title: 'Absence for persistent and severe absentees',
          content: long(),
          api: { dataSetId: LONG_SET },
        },
        {
          name: 'reasons.csv',
          title: 'Absence sessions by reason',
          content: reasons(),
          api: { dataSetId: REASONS_SET },
        },
        { name: 'a4.csv', title: 'Absence for four year olds', content: fourYearOlds() },
        { name: 'one.csv', title: 'Enrolments with one or more sessions of absence', content: oneSession() },
      ],
    });
    ees.publish({
      publication: ATTENDANCE,
      publicationTitle: 'Pupil attendance in schools',
      slug: '2025-week-29',
      title: 'Week 29 2025',
      type: 'OfficialStatistics',
      at: '2025-07-24T08:30:05Z',
      files: [
        {
          name: 'pa.csv',
          title: 'Persistent absence in schools',
          content: attendanceRates(29, '18.7'),
          api: { dataSetId: PA_SET },
        },
        {
          name: 'numbers.csv',
          title: 'Numbers of schools submitting data',
          content: numbersOfSchools(),
          api: { dataSetId: NUMBERS_SET },
        },
      ],
    });
  });
  afterAll(async () => {
    client.close();
    await ees.close();
    await rm(directory, { recursive: true });
  });

  /** One run: looks around, fetches everything, remembers it. */
  async function poll(): Promise<Discovery> {
    now += 2 * 60_000;
    mark = ees.requests.length;
    const found = await discover(client, SOURCES, memory, { apiPatienceMs: 0 });
    const polled = asked(ees, mark);
    for (const file of found.files) {
      const got = await download(client, file, directory);
      if (got.kind === 'file') await got.remove();
    }
    // As the database keeps it.
    memory = JSON.parse(JSON.stringify(found.remember(found.files)));
    names = found.files.map(
      ({ dataSet, version, release }) =>
        `${release.slug}: ${dataSet.title}${version ? ` ${version.major}.${version.minor}.${version.patch}` : ''}`,
    );
    quiet = polled;
    return found;
  }
  let quiet: string[] = [];

  it('first look: follows the newest release of each cadence and takes what its columns call for', async () => {
    const found = await poll();
    expect(names).toEqual([
      '2025-week-29: Persistent absence in schools 1.0.0',
      '2024-25-autumn-term: Absence rates by geographic level - autumn term',
      '2024-25: Absence rates by geographic level',
      '2024-25: Absence for persistent and severe absentees 1.1.0',
    ]);
    expect(found.releases.map(({ slug, kind }) => `${slug} ${kind}`)).toEqual([
      '2024-25-autumn-term first look',
      '2024-25 first look',
      '2025-week-29 first look',
    ]);
    expect(found.skipped.map(({ title, reason }) => [title, reason.slice(0, 40)])).toEqual(
      [
        ['Absence for four year olds', 'it is about four-year-olds alone'],
        ['Absence sessions by reason', expect.stringContaining('sessions by reason')],
        ['Enrolments with one or more sessions of absence', expect.stringContaining('none of the five')],
        ['Numbers of schools submitting data', expect.stringContaining('none of the five')],
      ].sort((a, b) => titleOrder(found, a) - titleOrder(found, b)),
    );
    expect(found.next).toEqual([
      { publication: ABSENCE, nextReleaseDate: '2026-08' },
      { publication: ATTENDANCE, nextReleaseDate: undefined },
    ]);
    const [file] = found.files.filter(({ dataSet }) => dataSet.title === 'Absence for persistent and severe absentees');
    expect(file).toMatchObject({
      publication: { slug: ABSENCE, title: 'Pupil absence in schools in England' },
      release: {
        title: 'Academic year 2024/25',
        status: 'accredited official statistics',
        firstPublished: '2026-03-26T09:30:05.000Z',
        url: `https://explore-education-statistics.service.gov.uk/find-statistics/${ABSENCE}/2024-25`,
      },
      dataSet: { apiId: LONG_SET },
      source: { kind: 'api', dataSetId: LONG_SET, version: '1.1' },
      alternative: { kind: 'release file' },
      expected: { rows: 3 },
    });
    expect(quiet).toMatchInlineSnapshot(`
      [
        "content /publications/sitemap-items",
        "content /publications/pupil-absence-in-schools-in-england",
        "content /publications/pupil-absence-in-schools-in-england/releases/2024-25-autumn-term/version-summary",
        "content /publications/pupil-absence-in-schools-in-england/releases/2024-25-autumn-term/data-content",
        "content /data-set-files?releaseId=…&latestOnly=false&page=1&pageSize=40",
        "content /publications/pupil-absence-in-schools-in-england/releases/2024-25/version-summary",
        "content /publications/pupil-absence-in-schools-in-england/releases/2024-25/data-content",
        "content /data-set-files?releaseId=…&latestOnly=false&page=1&pageSize=40",
        "content /publications/pupil-attendance-in-schools",
        "content /publications/pupil-attendance-in-schools/releases/2025-week-29/version-summary",
        "content /publications/pupil-attendance-in-schools/releases/2025-week-29/data-content",
        "content /data-set-files?releaseId=…&latestOnly=false&page=1&pageSize=40",
        "official /publications/…/data-sets?page=1&pageSize=20",
        "content /data-set-files/…",
        "content /data-set-files/…",
        "content /data-set-files/…",
        "official /data-sets/…/versions?page=1&pageSize=20",
        "content /data-set-files/…",
        "content /data-set-files/…",
        "content /data-set-files/…",
        "official /data-sets/…/versions?page=1&pageSize=20",
        "content /data-set-files/…",
      ]
    `);
  });

  it('nothing new: two requests, one to each API, whichever step of the round it is', async () => {
    const steps: string[] = [];
    for (let turn = 0; turn < 4; turn += 1) {
      const found = await poll();
      expect(found.nothingNew).toBe(true);
      expect(quiet).toHaveLength(2);
      expect(quiet[0]).toBe('content /publications/sitemap-items');
      steps.push(quiet[1] ?? '');
    }
    expect(steps.sort()).toEqual([
      'official /data-sets/…/versions?page=1&pageSize=20',
      'official /data-sets/…/versions?page=1&pageSize=20',
      'official /publications/…/data-sets?page=1&pageSize=20',
      'official /publications/…/data-sets?page=1&pageSize=20',
    ]);
  });

  it('autumn term: a new release, although analysts left another one first', async () => {
    ees.publish({
      publication: ABSENCE,
      slug: '2025-26-autumn-term',
      title: 'Autumn term 2025/26',
      at: new Date((now += 1000)),
      latest: false,
      files: [
        {
          name: 'a1.csv',
          title: 'Absence rates by geographic level - autumn term',
          content: wide('Autumn term', '17.0'),
        },
      ],
    });
    const found = await poll();
    expect(found.releases).toMatchObject([{ slug: '2025-26-autumn-term', kind: 'new release', publication: ABSENCE }]);
    expect(names).toEqual(['2025-26-autumn-term: Absence rates by geographic level - autumn term']);
    expect(quiet.slice(0, 1).concat(quiet.slice(2))).toEqual([
      'content /publications/sitemap-items',
      `content /publications/${ABSENCE}/releases/2025-26-autumn-term/version-summary`,
      `content /publications/${ABSENCE}/releases/2025-26-autumn-term/data-content`,
      'content /data-set-files?releaseId=…&latestOnly=false&page=1&pageSize=40',
      expect.stringContaining('official'),
      'content /data-set-files/…',
    ]);
    expect((await poll()).nothingNew).toBe(true);
    expect(quiet).toHaveLength(2);
  });

  it('an amendment of text only: recorded with its note, nothing fetched', async () => {
    ees.amend({
      publication: ABSENCE,
      release: '2025-26-autumn-term',
      at: new Date((now += 1000)),
      note: 'A footnote was mended.',
    });
    const found = await poll();
    expect(found.releases).toMatchObject([{ kind: 'amended in text only', note: 'A footnote was mended.' }]);
    expect(names).toEqual([]);
    expect(quiet).toHaveLength(6);
    expect(quiet.filter((request) => request.includes('data-set-files'))).toEqual([]);
  });

  it('an amendment with a replaced file: that file alone, with the true time and not the display date', async () => {
    now += 3_600_000;
    ees.amend({
      publication: ABSENCE,
      release: '2024-25',
      at: new Date(now),
      note: 'Figures for two authorities corrected.',
      replace: [{ file: 'Absence rates by geographic level', content: wide('Academic year', '17.9') }],
    });
    const at = new Date(now).toISOString();
    const found = await poll();
    expect(names).toEqual(['2024-25: Absence rates by geographic level']);
    expect(found.files[0]).toMatchObject({
      publishedAt: at,
      version: undefined,
      release: { firstPublished: '2026-03-26T09:30:05.000Z' },
    });
    expect(found.releases).toMatchObject([{ kind: 'amended', note: 'Figures for two authorities corrected.', at }]);
    // listing, step, publication, summary, files, catalogue, note, columns
    expect(quiet).toHaveLength(8);
    await poll();
  });

  it('an amendment whose bytes are the same: the ETag spares the download', async () => {
    const found = await discover(client, SOURCES, memory, { apiPatienceMs: 0 });
    expect(found.files).toEqual([]);
    ees.amend({
      publication: ABSENCE,
      release: '2025-26-autumn-term',
      at: new Date((now += 1000)),
      replace: [{ file: 'a1.csv', content: wide('Autumn term', '17.1') }],
    });
    const first = await discover(client, SOURCES, memory, { apiPatienceMs: 0 });
    const got = await download(client, first.files[0] ?? raise(), directory);
    if (got.kind !== 'file' || got.etag === undefined) throw new Error('expected a file with an ETag');
    memory = first.remember(first.files, new Map([[first.files[0] ?? raise(), got.etag]]));
    await got.remove();
    ees.amend({
      publication: ABSENCE,
      release: '2025-26-autumn-term',
      at: new Date((now += 1000)),
      replace: [{ file: 'a1.csv', content: wide('Autumn term', '17.1') }],
    });
    const second = await discover(client, SOURCES, memory, { apiPatienceMs: 0 });
    expect(second.files).toHaveLength(1);
    expect(await download(client, second.files[0] ?? raise(), directory)).toMatchObject({
      kind: 'not modified',
      etag: got.etag,
    });
    memory = second.remember(second.files);
    expect(await poll()).toMatchObject({ nothingNew: true });
  });

  it("a patch to last year's release, which was only watched: that file alone, by its patch", async () => {
    ees.amend({
      publication: ABSENCE,
      release: '2023-24',
      at: new Date((now += 1000)),
      replace: [{ file: 'long.csv', content: long('19.2') }],
    });
    const found = await poll();
    expect(names).toEqual(['2023-24: Absence for persistent and severe absentees 1.0.1']);
    expect(found.releases).toMatchObject([{ slug: '2023-24', kind: 'amended' }]);
    expect(found.files[0]?.source).toMatchObject({ kind: 'api', version: '1.0.1' });
    expect((await poll()).nothingNew).toBe(true);
  });

  it('autumn and spring terms: a release that becomes latest, and one that ceases to be', async () => {
    ees.publish({
      publication: ABSENCE,
      slug: '2025-26-autumn-and-spring-term',
      title: 'Autumn and spring term 2025/26',
      at: new Date((now += 1000)),
      files: [{ name: 'a2.csv', title: 'Absence rates by geographic level', content: wide('Autumn and spring term') }],
    });
    const found = await poll();
    expect(found.releases.map(({ slug, kind }) => `${slug} ${kind}`)).toEqual([
      '2024-25 no longer latest',
      '2025-26-autumn-and-spring-term new release',
    ]);
    expect(names).toEqual(['2025-26-autumn-and-spring-term: Absence rates by geographic level']);
  });

  it('a full year: next major version of its data set, a data set nobody needs is left', async () => {
    ees.publish({
      publication: ABSENCE,
      slug: '2025-26',
      title: 'Academic year 2025/26',
      at: new Date((now += 1000)),
      files: [
        {
          name: 'long.csv',
          title: 'Absence for persistent and severe absentees',
          content: long('17.0'),
          api: { dataSetId: LONG_SET, bump: 'major' },
        },
        {
          name: 'reasons.csv',
          title: 'Absence sessions by reason',
          content: reasons('6'),
          api: { dataSetId: REASONS_SET },
        },
      ],
    });
    await poll();
    expect(names).toEqual(['2025-26: Absence for persistent and severe absentees 2.0.0']);
    expect((await poll()).nothingNew).toBe(true);
  });

  it('a version withdrawn, a data set deprecated: noticed within one round of the official API, told once', async () => {
    ees.withdrawVersion(LONG_SET, '1.1', new Date((now += 1000)));
    const told: unknown[] = [];
    for (let turn = 0; turn < 4; turn += 1) {
      const found = await poll();
      told.push(...found.withdrawn);
      expect(quiet).toHaveLength(2);
    }
    expect(told).toMatchObject([
      { status: 'withdrawn', what: { kind: 'version', dataSetId: LONG_SET, version: '1.1' }, at: anyOf(String) },
    ]);
    ees.supersedeDataSet(PA_SET, NUMBERS_SET);
    const thorough = await discover(client, SOURCES, memory, { thorough: true, apiPatienceMs: 0 });
    expect(thorough.withdrawn).toMatchObject([
      {
        status: 'deprecated',
        publication: ATTENDANCE,
        what: { kind: 'data set', dataSetId: PA_SET, supersededBy: NUMBERS_SET },
      },
    ]);
    memory = thorough.remember([]);
  });

  it('a website route removed: the official API goes on, what is missing is named, and it heals by itself', async () => {
    ees.removeRoute(/sitemap-items$/);
    ees.publish({
      publication: ATTENDANCE,
      slug: '2025-week-39',
      title: 'Week 39 2025',
      type: 'OfficialStatistics',
      at: new Date((now += 1000)),
      files: [
        {
          name: 'pa.csv',
          title: 'Persistent absence in schools',
          content: attendanceRates(39, '16.0'),
          api: { dataSetId: PA_SET },
        },
        { name: 'daily.csv', title: 'Only on the website', content: wide('Autumn term') },
      ],
    });
    const found = await poll();
    expect(names).toEqual(['2025-week-39: Persistent absence in schools 1.1.0']);
    expect(found.degraded).toMatchObject([
      {
        api: 'content',
        route: 'publications/sitemap-items',
        kind: 'vanished',
        missing: arrayContaining([expect.stringContaining('term releases')]),
      },
    ]);
    // The listing, one request a publication, the versions of the set that moved, its columns.
    expect(quiet).toEqual([
      'content /publications/sitemap-items',
      'official /publications/…/data-sets?page=1&pageSize=20',
      'official /publications/…/data-sets?page=1&pageSize=20',
      'official /data-sets/…/versions?page=1&pageSize=20',
      'official /data-sets/…/meta?dataSetVersion=1.1&types=Filters%2CIndicators',
    ]);
    const since = found.degraded[0]?.since;
    const still = await poll();
    expect(still.nothingNew).toBe(true);
    // The try of the listing, and one request a publication.
    expect(quiet).toHaveLength(3);
    expect(still.degraded[0]?.since).toBe(since);
    ees.restoreRoutes();
    const well = await poll();
    expect(well.degraded).toEqual([]);
    // What came by the official way is not loaded twice; what only the website has comes now.
    expect(names).toEqual(['2025-week-39: Only on the website']);
    expect((await poll()).nothingNew).toBe(true);
  });

  it('another release put first by hand, and nothing else: one request more, once', async () => {
    for (const [first, former] of [
      ['2024-25', '2025-26'],
      ['2025-26', '2024-25'],
    ] as const) {
      ees.setLatest(ABSENCE, first, new Date((now += 1000)));
      const found = await poll();
      expect(found.releases.map(({ slug, kind }) => `${slug} ${kind}`)).toEqual([`${former} no longer latest`]);
      expect(quiet.filter((request) => request.startsWith('content'))).toEqual([
        'content /publications/sitemap-items',
        `content /publications/${ABSENCE}`,
      ]);
      expect(quiet).toHaveLength(3);
      expect((await poll()).nothingNew).toBe(true);
      expect(quiet).toHaveLength(2);
    }
  });

  it.skipIf(!hasDescription)(
    'every request to the official API was as its description allows (needs the OpenAPI file)',
    async () => {
      expect(await offences(ees.requests)).toEqual([]);
      expect(ees.requests.filter(({ status }) => status === 308 || status === 400)).toEqual([]);
      expect(new Set(ees.requests.map(({ userAgent }) => userAgent))).toEqual(
        new Set(['absence-watch/1.2.3 (absence@luton.example)']),
      );
    },
  );
});

function titleOrder(found: Discovery, entry: readonly unknown[]): number {
  return found.skipped.findIndex(({ title }) => title === entry[0]);
}

function raise(): never {
  throw new Error('expected a file');
}
