import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StandIn } from '../../demo/stand-in.js';
import type { EesClient } from '../../src/extract/client.js';
import { discover } from '../../src/extract/discover.js';
import type { WatchedSource } from '../../src/extract/wanted.js';
import { newestOfEachCadence } from '../../src/extract/website.js';
import {
  ABSENCE,
  asked,
  ATTENDANCE,
  attendanceRates,
  clientFor,
  long,
  LONG_SET,
  PA_SET,
  reasons,
  REASONS_SET,
  stringContaining,
  stringMatching,
  wide,
} from './support.js';

const SOURCES = [{ publication: ABSENCE }];
const PATIENT = { apiPatienceMs: 0 };

let now: number;
let ees: StandIn;
let client: EesClient;
const tick = (ms = 60_000) => new Date((now += ms));

beforeEach(async () => {
  now = Date.parse('2026-10-22T08:40:00Z');
  ees = await StandIn.start({ now: () => new Date(now), apiLagMs: 20_000 });
  client = clientFor(ees, { now: () => now, sleep: (ms) => Promise.resolve(void (now += ms)) });
  ees.publish({
    publication: ABSENCE,
    slug: '2024-25',
    title: 'Academic year 2024/25',
    at: '2026-03-26T09:30:05Z',
    files: [
      { name: 'a3.csv', title: 'Absence rates by geographic level', content: wide('Academic year') },
      {
        name: 'long.csv',
        title: 'Absence for persistent and severe absentees',
        content: long(),
        api: { dataSetId: LONG_SET },
      },
    ],
  });
});
afterEach(async () => {
  client.close();
  await ees.close();
});

/** A look whose files were all dealt with. @returns the memory */
async function settle(sources = SOURCES): Promise<unknown> {
  const found = await discover(client, sources, undefined, PATIENT);
  return JSON.parse(JSON.stringify(found.remember(found.files)));
}

function amend(rate: string, file = 'long.csv'): void {
  const content = file === 'long.csv' ? long(rate) : wide('Academic year', rate);
  ees.amend({ publication: ABSENCE, release: '2024-25', at: tick(), replace: [{ file, content }] });
}

it('a first look says that older releases are history, and how they are loaded; later looks do not', async () => {
  ees.publish({
    publication: ABSENCE,
    slug: '2023-24',
    title: 'Academic year 2023/24',
    at: '2026-03-27T09:30:05Z',
    files: [{ name: 'a3.csv', title: 'Absence rates by geographic level', content: wide('Academic year') }],
  });
  const first = await discover(client, SOURCES, undefined, PATIENT);
  expect(first.notes).toEqual([
    `"${ABSENCE}" is new here: the newest release of each kind is watched, 1 of its 2 releases is history that is not loaded; ` +
      `to load it: absence-watch backfill --publication ${ABSENCE} (first with --dry-run)`,
  ]);
  amend('17.9');
  const later = await discover(client, SOURCES, first.remember(first.files), PATIENT);
  expect(later.notes).toEqual([expect.stringContaining('before the official API')]);
});

describe('the official API follows the website by some seconds', () => {
  it('a version that is behind is not taken for the new one, and is awaited within the poll', async () => {
    const memory = await settle();
    amend('17.9');
    const found = await discover(client, SOURCES, memory);
    expect(found.files.map(({ source }) => source)).toMatchObject([{ kind: 'api', version: '1.0.1' }]);
    expect(found.files[0]?.expected.rows).toBe(3);
  });

  it('a version that stays behind is offered by a later poll, and meanwhile nothing old is', async () => {
    const memory = await settle();
    amend('17.9');
    const early = await discover(client, SOURCES, memory, PATIENT);
    expect(early.files).toEqual([]);
    expect(early.notes).toEqual([expect.stringContaining('before the official API')]);
    tick(30_000);
    const mark = ees.requests.length;
    const later = await discover(client, SOURCES, early.remember([]), PATIENT);
    expect(later.files.map(({ source }) => source)).toMatchObject([{ version: '1.0.1' }]);
    // The listing, one step of the round, and (unless that was it) the versions awaited: the website is not read again.
    expect(asked(ees, mark).filter((request) => request.startsWith('content'))).toEqual([
      'content /publications/sitemap-items',
    ]);
  });

  it('a version that never comes is taken from the website after the deadline', async () => {
    const memory = await settle();
    amend('17.9');
    ees.dataSet(LONG_SET).versions.splice(1);
    const early = await discover(client, SOURCES, memory, PATIENT);
    expect(early.files).toEqual([]);
    tick(11 * 60_000);
    const late = await discover(client, SOURCES, early.remember([]), PATIENT);
    expect(late.files.map(({ source, version }) => [source.kind, version])).toEqual([['release file', undefined]]);
    expect((await discover(client, SOURCES, late.remember(late.files), PATIENT)).nothingNew).toBe(true);
  });
});

it.each([5, 6])(
  'after an amendment at any step of the round, quiet polls are two requests each (step %i)',
  async (step) => {
    const quiet = async (polls: number, memory: unknown): Promise<unknown> => {
      for (let poll = 0; poll < polls; poll++) {
        tick(120_000);
        const mark = ees.requests.length;
        const found = await discover(client, SOURCES, memory, PATIENT);
        expect(found.nothingNew).toBe(true);
        expect(asked(ees, mark), `poll ${poll}`).toHaveLength(2);
        memory = found.remember([]);
      }
      return memory;
    };
    const before = await quiet(step, await settle());
    amend('17.9');
    tick(30_000);
    const found = await discover(client, SOURCES, before, PATIENT);
    expect(found.files).toHaveLength(1);
    await quiet(6, found.remember(found.files));
  },
);

it('a release that ceases to be the latest shows where the listing tells a time of the publication for the first time', async () => {
  ees.publish({
    publication: ABSENCE,
    slug: '2025-26',
    title: 'Academic year 2025/26',
    at: '2026-04-27T09:30:05Z',
    files: [{ name: 'a3.csv', title: 'Absence rates by geographic level', content: wide('Academic year') }],
  });
  ees.removeRoute(/sitemap-items$/, (value) =>
    (value as object[]).map((each) => ({ ...each, lastModified: undefined })),
  );
  const memory = await settle();
  ees.restoreRoutes();
  ees.setLatest(ABSENCE, '2024-25', new Date(now));
  const found = await discover(client, SOURCES, memory, PATIENT);
  expect(found.releases.map(({ slug, kind }) => `${slug} ${kind}`)).toEqual(['2025-26 no longer latest']);
});

describe('what was not dealt with', () => {
  it('is offered again at every poll without asking EES more, and once remembered no more', async () => {
    const first = await discover(client, SOURCES, undefined, PATIENT);
    expect(first.files).toHaveLength(2);
    const memory = first.remember(first.files.slice(0, 1));
    const mark = ees.requests.length;
    const second = await discover(client, SOURCES, memory, PATIENT);
    expect(second.files.map(({ dataSet }) => dataSet.title)).toEqual([first.files[1]?.dataSet.title]);
    expect(asked(ees, mark)).toHaveLength(2);
    expect((await discover(client, SOURCES, second.remember(second.files), PATIENT)).files).toEqual([]);
  });

  it('is not offered when the pipeline holds it already, and a memory of another shape starts afresh', async () => {
    const found = await discover(
      client,
      SOURCES,
      { shape: 'from another age' },
      { ...PATIENT, alreadyLoaded: () => true },
    );
    expect(found.files).toEqual([]);
    expect(found.releases).toHaveLength(1);
    expect((await discover(client, SOURCES, found.remember([]), PATIENT)).nothingNew).toBe(true);
  });

  it('an edit of data_sets judges again what was skipped', async () => {
    const excluding = [{ publication: ABSENCE, dataSets: { exclude: ['absence rates by geographic level'] } }];
    const first = await discover(client, excluding, undefined, PATIENT);
    expect(first.files).toHaveLength(1);
    expect(first.skipped).toMatchObject([{ reason: stringContaining('configuration') }]);
    const second = await discover(client, SOURCES, first.remember(first.files), PATIENT);
    expect(second.files.map(({ dataSet }) => dataSet.title)).toEqual(['Absence rates by geographic level']);
    expect(second.skipped).toEqual([]);
  });
});

describe('a file that data_sets names by the title that it had', () => {
  const named = (list: 'include' | 'exclude'): WatchedSource[] => [
    { publication: ABSENCE, dataSets: { [list]: ['Absence rates by geographic level'] } },
  ];
  const inPlaceOf = { title: 'Absence rates by geographic level (revised)', content: wide('Academic year', '17.9') };
  const retitled = (): void => {
    ees.amend({
      publication: ABSENCE,
      release: '2024-25',
      at: tick(),
      replace: [{ file: 'a3.csv', ...inPlaceOf }],
    });
  };

  it.each([
    ['replaced', retitled],
    [
      'uploaded anew',
      (): void => {
        const add = [{ name: 'b3.csv', ...inPlaceOf }];
        ees.amend({ publication: ABSENCE, release: '2024-25', at: tick(), remove: ['a3.csv'], add });
      },
    ],
  ])('included, and %s under another, is wanted', async (_how, amend) => {
    const first = await discover(client, named('include'), undefined, PATIENT);
    expect(first.files).toHaveLength(1);
    amend();
    const found = await discover(client, named('include'), first.remember(first.files), PATIENT);
    expect(found.files.map(({ fileName, dataSet }) => [fileName, dataSet.title])).toEqual([
      [expect.stringMatching(/3\.csv$/), inPlaceOf.title],
    ]);
    expect(found.unmatched).toEqual([]);
    expect(found.withdrawn).toEqual([]);
  });

  it('excluded, and replaced under another, stays out', async () => {
    const first = await discover(client, named('exclude'), undefined, PATIENT);
    retitled();
    const found = await discover(client, named('exclude'), first.remember(first.files), PATIENT);
    expect(found.files).toEqual([]);
    expect(found.unmatched).toEqual([]);
  });
});

describe('names that change', () => {
  it('a renamed publication keeps its identity, before and after the configuration follows', async () => {
    const memory = await settle();
    ees.renamePublication(ABSENCE, 'pupil-absence', 'Pupil absence');
    ees.amend({
      publication: 'pupil-absence',
      release: '2024-25',
      at: tick(),
      replace: [{ file: 'a3.csv', content: wide('Academic year', '17.9') }],
    });
    const found = await discover(client, SOURCES, memory, PATIENT);
    expect(found.files.map(({ publication }) => publication.slug)).toEqual([ABSENCE]);
    expect(found.files[0]?.release.url).toContain('/pupil-absence/2024-25');
    expect(found.notes).toEqual([expect.stringContaining('is called "pupil-absence"')]);
    const after = await discover(client, [{ publication: 'pupil-absence' }], found.remember(found.files), PATIENT);
    expect(after.nothingNew).toBe(true);
  });

  describe('a renamed publication that is configured under both of its names is asked once', () => {
    const NEW = 'pupil-absence';
    const OLD_FIRST = [...SOURCES, { publication: NEW }];
    const NEW_FIRST = [{ publication: NEW }, ...SOURCES];
    const leaves = stringMatching(new RegExp(`^"${ABSENCE}" .*"${NEW}".*can leave the configuration$`));

    /** One look: what it found, and what it asked. */
    async function look(sources: { publication: string }[], memory: unknown) {
      const mark = ees.requests.length;
      const found = await discover(client, sources, memory, PATIENT);
      const files = found.files.map(({ publication, source }) => [publication.slug, source]);
      const kept = JSON.parse(JSON.stringify(found.remember(found.files))) as unknown;
      return { found, files, kept, requests: asked(ees, mark).sort() };
    }

    it.each([
      ['the old name before the new one', OLD_FIRST],
      ['the new name before the old one', NEW_FIRST],
    ])('%s', async (_order, both) => {
      const memory = await settle();
      ees.renamePublication(ABSENCE, NEW);
      const replace = [{ file: 'a3.csv', content: wide('Academic year', '17.9') }];
      ees.amend({ publication: NEW, release: '2024-25', at: tick(), replace });
      const alone = await look(SOURCES, memory);
      const first = await look(both, memory);
      expect([first.files, first.requests]).toEqual([alone.files, alone.requests]);
      expect(first.files).toHaveLength(1);
      expect(first.found.notes).toContainEqual(leaves);
      const second = await look(both, first.kept);
      expect([second.found.nothingNew, second.requests.length, second.found.notes]).toEqual([true, 2, [leaves]]);
      // Done as told, it is the same publication still.
      const third = await look([{ publication: NEW }], second.kept);
      expect([third.found.nothingNew, third.requests.length, third.found.notes]).toEqual([true, 2, []]);
    });

    it.each([
      ['the old name before the new one', OLD_FIRST],
      ['the new name before the old one', NEW_FIRST],
    ])('%s, from the beginning', async (_order, both) => {
      ees.renamePublication(ABSENCE, NEW);
      const alone = await look(SOURCES, undefined);
      const first = await look(both, undefined);
      expect([first.files, first.requests]).toEqual([alone.files, alone.requests]);
      expect((await look(both, first.kept)).requests).toHaveLength(2);
    });

    it('the old name added to the new one, which has been watched for long', async () => {
      ees.renamePublication(ABSENCE, NEW);
      const memory = await settle([{ publication: NEW }]);
      const first = await look(OLD_FIRST, memory);
      expect(first.files).toEqual([]);
      expect(first.found.notes).toEqual([leaves]);
      expect(first.requests).toContain('content /redirects');
      expect(first.requests).toHaveLength(3);
      const second = await look(OLD_FIRST, first.kept);
      expect([second.requests.length, second.found.notes, second.found.absent]).toEqual([2, [leaves], []]);
    });

    it('a publication that is followed in the place of one that it superseded, and named later', async () => {
      const memory = await settle();
      const files = [{ name: 'a3.csv', title: 'Absence rates', content: wide('Academic year', '16.0') }];
      ees.publish({ publication: NEW, slug: '2025-26', title: 'Academic year 2025/26', at: tick(), files });
      ees.supersedePublication(ABSENCE, NEW);
      const { kept } = await look(SOURCES, memory);
      const replace = [{ file: 'a3.csv', content: wide('Academic year', '16.9') }];
      ees.amend({ publication: NEW, release: '2025-26', at: tick(), replace });
      const both = await look(OLD_FIRST, kept);
      expect(both.files).toHaveLength(1);
      expect(both.found.notes).toContainEqual(leaves);
    });
  });

  it('a renamed release is the same release', async () => {
    const memory = await settle();
    ees.renameRelease(ABSENCE, '2024-25', '2024-25-revised', 'Academic year 2024/25 revised');
    const found = await discover(client, SOURCES, memory, PATIENT);
    expect(found.releases).toMatchObject([{ kind: 'renamed', slug: '2024-25-revised' }]);
    expect(found.files).toEqual([]);
    ees.amend({
      publication: ABSENCE,
      release: '2024-25-revised',
      at: tick(),
      replace: [{ file: 'a3.csv', content: wide('Academic year', '17.9') }],
    });
    const amended = await discover(client, SOURCES, found.remember([]), PATIENT);
    // Under the slug it was first met by, so that its versions follow each other; the link is the one in use.
    expect(amended.files.map(({ release }) => [release.slug, release.url.endsWith('/2024-25-revised')])).toEqual([
      ['2024-25', true],
    ]);
  });

  it('a renamed release whose redirect comes late is the same release', async () => {
    const memory = await settle();
    ees.renameRelease(ABSENCE, '2024-25', '2024-25-revised', 'Academic year 2024/25 revised', 'not yet');
    const found = await discover(client, SOURCES, memory, PATIENT);
    expect(found.releases.map(({ kind }) => kind)).toContain('renamed');
    expect(found.files).toEqual([]);
    ees.amend({
      publication: ABSENCE,
      release: '2024-25-revised',
      at: tick(),
      replace: [{ file: 'a3.csv', content: wide('Academic year', '17.9') }],
    });
    const amended = await discover(client, SOURCES, found.remember([]), PATIENT);
    expect(amended.files.map(({ release }) => release.slug)).toEqual(['2024-25']);
  });

  describe('a release that is only watched, renamed before its redirect is there, is no new release', () => {
    const OLD = '2023-24';
    const NEW = '2023-24-revised';

    beforeEach(() => {
      ees.publish({
        publication: ABSENCE,
        slug: OLD,
        title: 'Academic year 2023/24',
        at: '2025-03-20T09:30:05Z',
        latest: false,
        files: [
          { name: 'a2.csv', title: 'Absence rates by geographic level', content: wide('Academic year', '18.0') },
          { name: 'b2.csv', title: 'Absence rates by term', content: wide('Academic year', '18.1') },
        ],
      });
    });

    async function look(memory: unknown) {
      const mark = ees.requests.length;
      const found = await discover(client, SOURCES, memory, PATIENT);
      const kept = JSON.parse(JSON.stringify(found.remember(found.files))) as unknown;
      return { files: found.files.map(({ fileName }) => fileName), found, kept, requests: asked(ees, mark) };
    }
    const rename = (): void => {
      ees.renameRelease(ABSENCE, OLD, NEW, 'Academic year 2023/24 revised', 'not yet');
    };
    const replace = (): void => {
      const content = wide('Academic year', '18.4');
      ees.amend({ publication: ABSENCE, release: NEW, at: tick(), replace: [{ file: 'a2.csv', content }] });
    };

    it.each([
      ['in one poll', false],
      ['after a poll that listed neither', true],
    ])('%s: it stays watched', async (_when, isAway) => {
      let memory = await settle();
      rename();
      if (isAway) {
        ees.removeRoute(/sitemap-items$/, (listing) =>
          (listing as { releases: { slug: string }[] }[]).map((each) => ({
            ...each,
            releases: each.releases.filter(({ slug }) => slug !== NEW),
          })),
        );
        memory = (await look(memory)).kept;
        ees.restoreRoutes();
      }
      const renamed = await look(memory);
      expect([renamed.files, renamed.found.releases]).toEqual([[], []]);
      const quiet = await look(renamed.kept);
      expect([quiet.files, quiet.requests.length]).toEqual([[], 2]);
      // What is replaced later is news, and of the release as it was known.
      replace();
      const amended = await look(quiet.kept);
      expect(amended.files).toEqual(['a2.csv']);
      expect(amended.found.files[0]?.release).toMatchObject({ slug: OLD, title: 'Academic year 2023/24 revised' });
      expect(amended.found.releases).toMatchObject([{ kind: 'amended', slug: NEW }]);
    });

    it('and amended meanwhile: what it held before is history, what was replaced is news', async () => {
      const memory = await settle();
      rename();
      replace();
      const { files, found } = await look(memory);
      expect(files).toEqual(['a2.csv']);
      expect(found.files[0]?.release.slug).toBe(OLD);
      expect(found.releases.map(({ kind }) => kind)).toEqual(['renamed', 'amended']);
    });
  });

  it('a superseded publication is followed to the one that took its place', async () => {
    const memory = await settle();
    ees.publish({
      publication: 'pupil-absence-new',
      slug: '2025-26',
      title: 'Academic year 2025/26',
      at: tick(),
      files: [{ name: 'a3.csv', title: 'Absence rates', content: wide('Academic year', '16.0') }],
    });
    ees.supersedePublication(ABSENCE, 'pupil-absence-new');
    const found = await discover(client, SOURCES, memory, PATIENT);
    expect(found.files.map(({ publication, release }) => `${publication.slug} ${release.slug}`)).toEqual([
      'pupil-absence-new 2025-26',
    ]);
    const both = await discover(client, [...SOURCES, { publication: 'pupil-absence-new' }], memory, PATIENT);
    expect(both.files).toHaveLength(1);
    expect(both.notes).toEqual([expect.stringContaining('can leave the configuration')]);
  });

  it.each([
    ['by the next poll', 1],
    ['within an hour', 4],
  ])(
    'a publication whose redirect comes after its new name is followed %s, and back to its old one',
    async (_when, polls) => {
      let memory = await settle();
      const look = async (): Promise<unknown[]> => {
        tick();
        const found = await discover(client, SOURCES, memory, PATIENT);
        memory = found.remember(found.files);
        return [...found.publications];
      };
      ees.renamePublication(ABSENCE, 'pupil-absence');
      ees.removeRoute(/\/redirects$/, () => ({ publicationRedirects: [], releaseRedirectsByPublicationSlug: {} }));
      for (let poll = 0; poll < polls; poll++) expect(await look()).toEqual([]);
      ees.restoreRoutes();
      if (polls > 1) {
        tick(3_480_000);
        client.close();
        client = clientFor(ees, { now: () => now });
      }
      expect(await look()).toMatchObject([{ what: 'renamed', now: 'pupil-absence' }]);
      ees.renamePublication('pupil-absence', 'pupil-absence-b');
      ees.renamePublication('pupil-absence-b', ABSENCE);
      expect(await look()).toMatchObject([{ what: 'renamed', now: ABSENCE }]);
    },
  );

  it('a publication that EES does not have is told, and does not hide the others', async () => {
    const found = await discover(client, [{ publication: 'pupil-absense' }, ...SOURCES], undefined, PATIENT);
    expect(found.notes).toContainEqual(expect.stringContaining('"pupil-absense" is not among the publications'));
    expect(found.files).toHaveLength(2);
  });
});

describe('either way may be gone', () => {
  it('the official API down: everything comes from the website', async () => {
    ees.removeRoute(/^\/statistics/);
    const found = await discover(client, SOURCES, undefined, PATIENT);
    expect(found.files.map(({ source }) => source.kind)).toEqual(['release file', 'release file']);
    expect(found.degraded.map(({ api, route }) => `${api} ${route}`)).toEqual([
      'official data-sets',
      'official data-sets/…/versions',
    ]);
    expect(found.degraded[0]?.missing).toContain('numbers of data set versions');
    const memory = found.remember(found.files);
    ees.restoreRoutes();
    const well = await discover(client, SOURCES, memory, { ...PATIENT, thorough: true });
    expect(well).toMatchObject({ nothingNew: true, degraded: [] });
  });

  it('the website down: the official API alone gives its newest versions', async () => {
    ees.removeRoute(/^\/content/);
    const found = await discover(client, SOURCES, undefined, PATIENT);
    expect(found.files.map(({ source, release }) => [source.kind, release.title, release.status])).toEqual([
      ['api', 'Academic year 2024/25', undefined],
    ]);
    expect(found.degraded[0]?.missing.join()).toContain('term releases');
  });

  it('a route in the middle vanished or of another shape: the release is read again once it is back', async () => {
    const memory = await settle();
    for (const change of [undefined, (value: unknown) => ({ ...(value as object), lastUpdated: undefined })]) {
      ees.removeRoute(/version-summary$/, change);
      amend(change ? '17.8' : '17.9', 'a3.csv');
      const broken = await discover(client, SOURCES, memory, PATIENT);
      expect(broken.files).toEqual([]);
      expect(broken.degraded).toMatchObject([{ source: ABSENCE, route: 'version-summary', kind: 'vanished' }]);
      if (change) expect(broken.degraded[0]?.reason).toMatch(/version-summary.*field lastUpdated/);
      ees.restoreRoutes();
      expect((await discover(client, SOURCES, broken.remember([]), PATIENT)).files).toHaveLength(1);
    }
  });

  it('each of the lesser routes may vanish and the files still come', async () => {
    for (const route of [/data-content$/, /data-set-files$/, /data-set-files\/[0-9a-f-]+$/, /updates$/]) {
      ees.removeRoute(route);
      const found = await discover(client, SOURCES, undefined, PATIENT);
      expect(found.files.map(({ dataSet }) => dataSet.title).sort(), String(route)).toEqual([
        'Absence for persistent and severe absentees',
        'Absence rates by geographic level',
      ]);
      ees.restoreRoutes();
    }
  });

  it('a version number that is none degrades the way it came by; the files still come by the other', async () => {
    ees.removeRoute(/^\/statistics.*\/data-sets$/, (value) => {
      const page = value as { results: { latestVersion: object }[] };
      return {
        ...page,
        results: page.results.map((each) => ({ ...each, latestVersion: { ...each.latestVersion, version: '' } })),
      };
    });
    const found = await discover(client, SOURCES, undefined, PATIENT);
    expect(found.degraded.map(({ reason }) => reason).join()).toMatch(
      /field results\.0\.latestVersion\.version.*no version number/,
    );
    expect(found.files).toHaveLength(2);
  });

  it('both down is an error, and so is being stopped', async () => {
    ees.fault(() => ({ kind: 'unavailable' }));
    await expect(discover(client, SOURCES, undefined, PATIENT)).rejects.toThrow(/answered 503/);
    ees.fault();
    const stopped = clientFor(ees, { signal: AbortSignal.abort(new Error('SIGTERM')) });
    await expect(discover(stopped, SOURCES, undefined, PATIENT)).rejects.toThrow('SIGTERM');
  });
});

describe('a replaced file whose amendment the website does not tell', () => {
  const patch = [{ kind: 'api', version: '1.0.1' }];
  const sourcesOf = ({ files }: { files: readonly { source: unknown }[] }) => files.map(({ source }) => source);

  it.each<[string, () => void]>([
    [
      'the listing is gone',
      () => {
        ees.removeRoute(/publications\/sitemap-items/);
      },
    ],
    [
      'the website is down',
      () => {
        ees.fault(({ path }) => (path.startsWith('/content') ? { kind: 'unavailable' } : undefined));
      },
    ],
    [
      'the release is of another shape',
      () => {
        ees.removeRoute(/version-summary/, () => ({}));
      },
    ],
    [
      'the publication is of another shape',
      () => {
        ees.removeRoute(/publications\/pupil-absence-in-schools-in-england$/, () => ({}));
      },
    ],
  ])('%s for one poll: the patch is taken from the official API, once', async (_what, trouble) => {
    const memory = await settle();
    amend('17.9');
    tick();
    trouble();
    const found = await discover(client, SOURCES, memory, { ...PATIENT, thorough: true });
    expect(sourcesOf(found)).toMatchObject(patch);
    ees.restoreRoutes();
    ees.fault();
    // Not fetched by then: offered again, by whichever way.
    expect(sourcesOf(await discover(client, SOURCES, found.remember([]), PATIENT))).toMatchObject(patch);
    const after = await discover(client, SOURCES, found.remember(found.files), { ...PATIENT, thorough: true });
    expect(after.files).toEqual([]);
    amend('18.1');
    tick();
    expect(sourcesOf(await discover(client, SOURCES, after.remember([]), PATIENT))).toMatchObject([
      { kind: 'api', version: '1.0.2' },
    ]);
  });

  it('the listing is old while a step of the official API sees the patch: it is taken at once', async () => {
    const memory = await settle();
    let old: unknown;
    ees.removeRoute(/publications\/sitemap-items/, (value) => (old ??= value));
    await discover(client, SOURCES, memory, PATIENT);
    amend('17.9');
    tick();
    const found = await discover(client, SOURCES, memory, PATIENT);
    expect(sourcesOf(found)).toMatchObject(patch);
    ees.restoreRoutes();
    const after = await discover(client, SOURCES, found.remember(found.files), PATIENT);
    expect(after.files).toEqual([]);
  });

  it('the website gone for good: each patch is taken', async () => {
    let memory = await settle();
    ees.removeRoute(/^\/content/);
    for (const version of ['1.0.1', '1.0.2', '1.0.3']) {
      amend(`17.${version.at(-1)}`);
      tick();
      const found = await discover(client, SOURCES, memory, PATIENT);
      expect(sourcesOf(found)).toMatchObject([{ kind: 'api', version }]);
      memory = found.remember(found.files);
    }
  });

  it('a patch withdrawn meanwhile takes back itself and not the file that it replaced', async () => {
    const memory = await settle();
    amend('17.9');
    tick();
    ees.removeRoute(/publications\/sitemap-items/);
    const found = await discover(client, SOURCES, memory, PATIENT);
    const taken = found.remember(found.files);
    ees.withdrawVersion(LONG_SET, '1.0.1');
    const after = await discover(client, SOURCES, taken, PATIENT);
    expect(after.withdrawn).toMatchObject([{ what: { kind: 'version', version: '1.0.1' } }]);
    expect(after.withdrawn[0]?.what).toMatchObject({ fileId: undefined });
  });
});

it('a file removed by an amendment, and a whole data set withdrawn, are told', async () => {
  const memory = await settle();
  ees.amend({ publication: ABSENCE, release: '2024-25', at: tick(), remove: ['a3.csv'] });
  const removed = await discover(client, SOURCES, memory, PATIENT);
  expect(removed.withdrawn).toMatchObject([
    { status: 'removed from its release', what: { kind: 'release file', release: '2024-25' } },
  ]);
  ees.withdrawDataSet(LONG_SET);
  const gone = await discover(client, SOURCES, removed.remember([]), { ...PATIENT, thorough: true });
  expect(gone.withdrawn).toMatchObject([{ status: 'withdrawn', what: { kind: 'data set', dataSetId: LONG_SET } }]);
  expect((await discover(client, SOURCES, gone.remember([]), { ...PATIENT, thorough: true })).withdrawn).toEqual([]);
});

it('a patch makes an old version "latest live"; the pinned numbers are not misled', async () => {
  ees.publish({
    publication: ABSENCE,
    slug: '2025-26',
    title: 'Academic year 2025/26',
    at: tick(),
    files: [
      {
        name: 'long.csv',
        title: 'Absence for persistent and severe absentees',
        content: long('16.5'),
        api: { dataSetId: LONG_SET },
      },
    ],
  });
  tick();
  const memory = await settle();
  amend('17.9');
  tick();
  const found = await discover(client, SOURCES, memory, PATIENT);
  expect(found.files.map(({ release, source }) => [release.slug, source])).toMatchObject([
    ['2024-25', { version: '1.0.1' }],
  ]);
  expect(
    (await discover(client, SOURCES, found.remember(found.files), { ...PATIENT, thorough: true })).nothingNew,
  ).toBe(true);
});

describe('the official API alone', () => {
  it('a patch of an old release is found however many versions came after it', async () => {
    for (let week = 1; week <= 23; week++)
      ees.publish({
        publication: ABSENCE,
        slug: `2025-week-${week}`,
        title: `Week ${week} 2025`,
        at: tick(),
        files: [{ name: `${week}.csv`, title: 'Persistent', content: long(`1${week}`), api: { dataSetId: LONG_SET } }],
      });
    tick();
    ees.removeRoute(/^\/content/);
    const first = await discover(client, SOURCES, undefined, PATIENT);
    expect(first.files).toMatchObject([{ version: { minor: 23 } }]);
    const memory = first.remember(first.files);
    amend('17.9');
    tick();
    const found = await discover(client, SOURCES, memory, PATIENT);
    expect(found.files.map(({ release, source }) => [release.slug, source])).toMatchObject([
      ['2024-25', { version: '1.0.1' }],
    ]);
    const after = await discover(client, SOURCES, found.remember(found.files), PATIENT);
    expect(after.files).toEqual([]);
  });

  it('a version that was taken back and is not the newest is noticed by a step of the round', async () => {
    amend('17.9');
    tick();
    ees.removeRoute(/^\/content/);
    let memory = await settle();
    ees.withdrawVersion(LONG_SET, '1.0');
    client.close();
    client = clientFor(ees, { now: () => now, budget: { ms: Infinity } });
    const told: unknown[] = [];
    for (let poll = 0; poll < 3; poll++) {
      tick(3_600_000);
      const found = await discover(client, SOURCES, memory, PATIENT);
      told.push(...found.withdrawn.map(({ what }) => what));
      memory = found.remember(found.files);
    }
    expect(told).toMatchObject([{ kind: 'version', version: '1.0' }]);
  });

  it.each<[string, () => void, () => void]>([
    [
      'version',
      () => {
        ees.withdrawVersion(LONG_SET, '1.0.1');
      },
      () => {
        for (const version of ees.dataSet(LONG_SET).versions) version.status = 'Published';
      },
    ],
    [
      'data set',
      () => {
        ees.withdrawDataSet(LONG_SET);
      },
      () => {
        ees.dataSet(LONG_SET).status = 'Published';
      },
    ],
  ])(
    'a %s taken back before it could be fetched, and published again, is offered again',
    async (_what, take, giveBack) => {
      ees.removeRoute(/^\/content/);
      let memory = await settle();
      amend('17.9');
      tick();
      const offered = async (): Promise<unknown[]> => {
        const found = await discover(client, SOURCES, memory, { ...PATIENT, thorough: true });
        memory = found.remember([]);
        return found.files.map(({ version }) => version?.patch);
      };
      expect(await offered()).toEqual([1]);
      take();
      expect(await offered()).toEqual([]);
      giveBack();
      expect(await offered()).toEqual([1]);
    },
  );

  it('is asked once an hour for a publication that it does not list', async () => {
    ees.removeRoute(/^\/content/);
    const sources = [...SOURCES, { publication: 'pupil-absence-in-schools-in-england-autumn-term' }];
    let memory = await settle(sources);
    const lists = async (): Promise<number> => {
      const from = ees.requests.length;
      const found = await discover(client, sources, memory, PATIENT);
      expect(found.notes.join()).toContain('autumn-term" is not in the official API');
      memory = found.remember(found.files);
      return asked(ees, from).filter((request) => request.startsWith('official /publications?')).length;
    };
    expect([await lists(), await lists()]).toEqual([0, 0]);
    tick(3_600_000);
    expect([await lists(), await lists()]).toEqual([1, 0]);
  });
});

it('an official API that refuses everything is asked for its list of data sets once; files come from the website', async () => {
  let memory = await settle();
  ees.publish({
    publication: ABSENCE,
    slug: '2025-26',
    title: 'Academic year 2025/26',
    at: tick(),
    files: ['one', 'two', 'three'].map((name, index) => ({
      name: `${name}.csv`,
      title: `Absentees ${name}`,
      content: long(`1${index}.5`),
      api: { dataSetId: index === 0 ? LONG_SET : `019d209c-08dc-74b6-9edb-52d521406fd${index}` },
    })),
  });
  tick();
  ees.fault(({ path }) => (path.startsWith('/statistics') ? { kind: 'forbidden' } : undefined));
  const lists: number[] = [];
  // Whichever step of the round it is.
  for (let poll = 0; poll < 3; poll++) {
    const from = ees.requests.length;
    const found = await discover(client, SOURCES, memory, PATIENT);
    expect(found.files.map(({ source }) => source.kind)).toEqual(['release file', 'release file', 'release file']);
    expect(found.withdrawn).toEqual([]);
    lists.push(asked(ees, from).filter((request) => request.startsWith('official /publications/')).length);
    memory = found.remember([]);
  }
  expect(lists).toEqual([1, 1, 1]);
});

it.each([
  ['without any note', undefined],
  ['with the note of an earlier amendment', 'Wording of an earlier year.'],
])('a release that was only watched (%s), amended without a note, is told without one', async (_how, earlier) => {
  ees.publish({
    publication: ABSENCE,
    slug: '2023-24',
    title: 'Academic year 2023/24',
    at: '2025-03-20T09:30:05Z',
    latest: false,
    files: [{ name: 'a3.csv', title: 'Absence rates by geographic level', content: wide('Academic year', '19.9') }],
  });
  if (earlier !== undefined)
    ees.amend({ publication: ABSENCE, release: '2023-24', at: '2025-05-01T10:00:00Z', note: earlier });
  const memory = await settle();
  ees.amend({ publication: ABSENCE, release: '2023-24', at: tick() });
  tick();
  const found = await discover(client, SOURCES, memory, PATIENT);
  expect(found.releases.map(({ slug, kind, note }) => [slug, kind, note])).toEqual([
    ['2023-24', 'amended in text only', undefined],
  ]);
});

describe('a data set that takes the place of another', () => {
  const NEXT_SET = '019d209c-08dc-74b6-9edb-52d521406fc0';
  const OTHER = 'children-missing-education';

  it('is watched wherever it is listed: what it holds is loaded, and what it publishes next; quiet polls are two requests', async () => {
    const publishNext = (rate: string, week: number): void => {
      ees.publish({
        publication: OTHER,
        slug: `2026-week-${week}`,
        title: `Week ${week} 2026`,
        at: tick(),
        files: [{ name: 'next.csv', title: 'Absentees, new', content: long(rate), api: { dataSetId: NEXT_SET } }],
      });
    };
    publishNext('17.4', 1);
    tick();
    let memory = await settle();
    ees.supersedeDataSet(LONG_SET, NEXT_SET);
    const sources: unknown[] = [];
    const requests: number[] = [];
    for (let poll = 0; poll < 8; poll++) {
      if (poll === 4) {
        publishNext('17.6', 2);
        tick();
      }
      const from = ees.requests.length;
      const found = await discover(client, SOURCES, memory, PATIENT);
      sources.push(...found.files.map(({ publication, source }) => [publication.slug, source]));
      if (found.nothingNew) requests.push(ees.requests.length - from);
      memory = found.remember(found.files);
    }
    expect(sources).toMatchObject([
      [ABSENCE, { kind: 'api', dataSetId: NEXT_SET, version: '1.0' }],
      [ABSENCE, { kind: 'api', dataSetId: NEXT_SET, version: '1.1' }],
    ]);
    expect(requests.length).toBeGreaterThan(3);
    expect(Math.max(...requests)).toBeLessThanOrEqual(2);
  });

  it('a data set without a live version costs no further requests', async () => {
    let memory = await settle();
    ees.withdrawVersion(LONG_SET, '1.0');
    const requests: number[] = [];
    for (let poll = 0; poll < 6; poll++) {
      const from = ees.requests.length;
      memory = (await discover(client, SOURCES, memory, PATIENT)).remember([]);
      requests.push(ees.requests.length - from);
    }
    expect(Math.max(...requests.slice(2))).toBeLessThanOrEqual(2);
  });
});

it('many releases published one after another each become one version', async () => {
  let memory = await settle([{ publication: ATTENDANCE }]).catch(() => undefined);
  const seen: string[] = [];
  for (const week of [36, 38, 40, 42, 44]) {
    ees.publish({
      publication: ATTENDANCE,
      slug: `2025-week-${week}`,
      title: `Week ${week} 2025`,
      at: tick(),
      files: [
        {
          name: 'pa.csv',
          title: 'Persistent absence in schools',
          content: attendanceRates(week, '18.7'),
          api: { dataSetId: PA_SET },
        },
      ],
    });
    tick();
    const found = await discover(client, [{ publication: ATTENDANCE }], memory, PATIENT);
    seen.push(...found.files.map(({ release, version }) => `${release.slug} ${version?.major}.${version?.minor}`));
    memory = found.remember(found.files);
  }
  expect(seen).toEqual([
    '2025-week-36 1.0',
    '2025-week-38 1.1',
    '2025-week-40 1.2',
    '2025-week-42 1.3',
    '2025-week-44 1.4',
  ]);
});

it('what is followed at first: the newest of each cadence by its numbers, not old one-off releases', () => {
  expect(
    newestOfEachCadence([
      '2024-25',
      '2023-24',
      '2025-week-9',
      '2025-week-29',
      '2024-25-autumn-term',
      '2018-19-special',
      '2025-week-10',
    ]),
  ).toEqual(['2024-25', '2025-week-29', '2024-25-autumn-term']);
});

describe('bytes that the official API has taken back and the website still has', () => {
  const titles = ({ files }: { files: readonly { dataSet: { title: string } }[] }) =>
    files.map(({ dataSet }) => dataSet.title);
  const LONG = 'Absence for persistent and severe absentees';

  it.each([
    [
      'withdrawn',
      () => {
        ees.withdrawVersion(LONG_SET, '1.0');
      },
    ],
    [
      'deprecated',
      () => {
        ees.deprecateVersion(LONG_SET, '1.0');
      },
    ],
  ])('a version %s is not taken at first sight, and is named; a new file in its place is', async (how, takeBack) => {
    takeBack();
    const first = await discover(client, SOURCES, undefined, PATIENT);
    expect(titles(first)).toEqual(['Absence rates by geographic level']);
    expect(first.skipped).toMatchObject([
      { title: LONG, reason: `the official API has ${how} version 1.0, which is this file` },
    ]);
    expect(first.degraded).toEqual([]);
    const memory: unknown = JSON.parse(JSON.stringify(first.remember(first.files)));
    expect((await discover(client, SOURCES, memory, { ...PATIENT, thorough: true })).files).toEqual([]);
    amend('17.9');
    tick();
    expect(titles(await discover(client, SOURCES, memory, PATIENT))).toEqual([LONG]);
  });

  it('a version that is published again is taken', async () => {
    ees.withdrawVersion(LONG_SET, '1.0');
    const first = await discover(client, SOURCES, undefined, PATIENT);
    const [version] = ees.dataSet(LONG_SET).versions;
    if (version) version.status = 'Published';
    const again = await discover(client, SOURCES, first.remember(first.files), { ...PATIENT, thorough: true });
    expect(titles(again)).toEqual([LONG]);
    expect(again.skipped).toEqual([]);
  });

  it('a version withdrawn before its file could be fetched is offered no longer', async () => {
    const first = await discover(client, SOURCES, undefined, PATIENT);
    const memory = first.remember(first.files.filter(({ dataSet }) => dataSet.title !== LONG));
    ees.withdrawVersion(LONG_SET, '1.0');
    const second = await discover(client, SOURCES, memory, { ...PATIENT, thorough: true });
    expect(second.files).toEqual([]);
  });

  it('a data set withdrawn as a whole is not taken, and the official API is not called broken', async () => {
    ees.withdrawDataSet(LONG_SET);
    const first = await discover(client, SOURCES, undefined, PATIENT);
    expect(titles(first)).toEqual(['Absence rates by geographic level']);
    expect(first.skipped).toMatchObject([{ title: LONG, reason: 'the official API has withdrawn its data set' }]);
    expect(first.degraded).toEqual([]);
  });

  it('is taken where the official API does not answer: nobody says that it was taken back', async () => {
    ees.withdrawVersion(LONG_SET, '1.0');
    ees.removeRoute(/^\/statistics/);
    expect(titles(await discover(client, SOURCES, undefined, PATIENT))).toHaveLength(2);
  });
});

it('versions of a deprecated data set that an earlier program marked as taken back are said to stand, once', async () => {
  const thorough = { ...PATIENT, thorough: true };
  const noted = await discover(client, SOURCES, await settle(), thorough);
  ees.dataSet(LONG_SET).status = 'Deprecated';
  const deprecated = await discover(client, SOURCES, noted.remember([]), thorough);
  expect(deprecated.withdrawn).toMatchObject([{ status: 'deprecated', what: { kind: 'data set' } }]);
  const kept = JSON.stringify(deprecated.remember([]));
  expect((await discover(client, SOURCES, JSON.parse(kept), thorough)).reinstated).toEqual([]);
  // What it kept had no such mark.
  const before: unknown = JSON.parse(kept.replaceAll(',"stands":true', ''));
  expect((await discover(client, SOURCES, before, thorough)).reinstated).toEqual([
    { kind: 'data set', dataSetId: LONG_SET },
  ]);
});

it('a data set that is skipped is listed once, though it was met over both APIs', async () => {
  ees.removeRoute(/^\/content/);
  const reasonsFile = { name: 'r.csv', title: 'Sessions by reason', content: reasons() };
  ees.publish({
    publication: ABSENCE,
    slug: '2025-26',
    title: 'Academic year 2025/26',
    at: tick(),
    files: [{ ...reasonsFile, api: { dataSetId: REASONS_SET } }],
  });
  tick();
  const official = await discover(client, SOURCES, undefined, PATIENT);
  expect(official.skipped).toMatchObject([{ title: 'Sessions by reason' }]);
  ees.restoreRoutes();
  const both = await discover(client, SOURCES, official.remember(official.files), { ...PATIENT, thorough: true });
  expect(both.skipped).toMatchObject([{ title: 'Sessions by reason', release: 'Academic year 2025/26' }]);
});
