/** `backfill` from EES as its users meet it: what does not fit is told, and what was not asked is not called done. */
import { readdirSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { StandIn } from '../../demo/index.js';
import type { BackfillReport } from '../../src/backfill.js';
import { main } from '../../src/main.js';
import type { RunReport } from '../../src/pipeline.js';
import type { VersionRow } from '../../src/load/inspect.js';
import type { Status } from '../../src/service/status.js';
import { freshProgram, type Program } from '../support/program.js';
import { ABSENCE, long, LONG_SET, reasons, wide } from '../extract/support.js';

async function published(): Promise<{ ees: StandIn; program: Program; backfill: Program['run'] }> {
  const ees = await StandIn.start();
  onTestFinished(() => ees.close());
  ees.publish({
    publication: ABSENCE,
    slug: '2024-25',
    title: 'Academic year 2024/25',
    at: '2026-03-26T09:30:00Z',
    files: [
      { name: 'pa.csv', title: 'Persistent and severe', content: long(), api: { dataSetId: LONG_SET } },
      { name: 'w.csv', title: 'Absence by level', content: wide('Academic year') },
      { name: 'r.csv', title: 'Sessions by reason', content: reasons() },
    ],
  });
  // A backfill is often the first command of all.
  const program = await freshProgram(
    { EES_API_URL: ees.apiUrl, EES_CONTENT_URL: ees.contentUrl },
    { unmigrated: true },
  );
  return { ees, program, backfill: (...more) => program.run('backfill', '--publication', ABSENCE, ...more) };
}

it('a release or a data set that EES does not have is named, with what is near, and is no success', async () => {
  const { backfill } = await published();
  const release = await backfill('--release', '2024-26');
  expect(release.code).toBe(2);
  expect(release.stderr).toContain(
    'EES has no release "2024-26" of pupil-absence-in-schools-in-england. Did you mean 2024-25? It has: 2024-25.',
  );
  const dataSet = await backfill('--data-set', 'absence by levle', '--dry-run');
  expect(dataSet.code).toBe(2);
  expect(dataSet.stderr).toContain('EES has no data set "absence by levle"');
  expect(dataSet.stderr).toContain('Did you mean "Absence by level"?');
  const nonsense = await backfill('--data-set', 'nonsense');
  expect(nonsense.code).toBe(2);
  expect(nonsense.stderr).toContain('It has: "Absence by level", "Persistent and severe", "Sessions by reason".');
});

it.each([
  ['a release', ['--publication', ABSENCE, '--release', '2024-26']],
  ['a data set', ['--publication', ABSENCE, '--data-set', 'nonsense']],
  ['a publication', ['--publication', 'pupil-abscence']],
  ['a file', ['--publication', ABSENCE, '--file', 'nowhere.csv', '--release', 'Old']],
])('%s mistyped is wrong use: no run has failed for it', async (_what, options) => {
  const { program } = await published();
  expect((await program.run('backfill', ...options)).code).toBe(2);
  const status = (await program.run('status', '--json')).json() as Status;
  expect(status.last_run?.outcome).not.toBe('failed');
  expect(status.health).toMatchObject({ well: true, attention: [] });
  expect((await program.run('backfill', '--publication', ABSENCE)).code).toBe(0);
});

it('a plan is made of however many files EES has: a person waits for it', async () => {
  const { ees, backfill } = await published();
  const files = Array.from({ length: 1000 }, (_, n) => ({
    name: `${n}.csv`,
    title: `Reasons ${n}`,
    content: reasons(),
  }));
  ees.publish({ publication: ABSENCE, slug: '2023-24', title: '2023/24', at: '2025-03-20T09:30:00Z', files });
  const plan = (await backfill('--dry-run', '--json')).json() as BackfillReport;
  expect(plan.plan.length + plan.skipped.length).toBe(1003);
});

it('told to end while a file is being loaded, it leaves that file where it is: begun again, it is not fetched twice', async () => {
  const { ees, program, backfill } = await published();
  const stop = new AbortController();
  const held = async () =>
    (await readdir(join(program.directory, 'data'), { recursive: true })).filter((name) => name.endsWith('.csv'));
  const fetched = () => ees.requests.filter(({ path }) => /\/(csv|files\/[^/]+)$/.test(path)).length;
  const code = await main(['backfill', '--publication', ABSENCE], {
    streams: {
      stdout: { write: () => true },
      stderr: { write: () => true },
      columns: undefined,
      cwd: program.directory,
    },
    env: program.env,
    now: () => {
      // Looked at by the load once its file is there whole.
      if (readdirSync(program.directory, { recursive: true }).some((name) => String(name).endsWith('.csv')))
        stop.abort(new Error('interrupted by SIGTERM'));
      return new Date('2026-04-01T12:00:00Z');
    },
    signal: stop.signal,
  });
  expect(code).toBe(1);
  expect([fetched(), (await held()).length]).toEqual([1, 1]);
  expect((await program.run('versions', 'list', '--json')).json()).toEqual([]);
  const again = await backfill('--json');
  expect([again.code, (again.json() as BackfillReport).files.map(({ outcome }) => outcome)]).toEqual([
    0,
    ['loaded', 'loaded'],
  ]);
  expect([fetched(), await held()]).toEqual([2, []]);
});

it('what was removed stays so in a backfill of everything, and is fetched again where its data set is named', async () => {
  const { ees, program, backfill } = await published();
  expect((await backfill()).code).toBe(0);
  const versions = async () => (await program.run('versions', 'list', '--json')).json() as VersionRow[];
  const removed = (await versions()).find(({ data_set }) => data_set === 'Absence by level');
  expect((await program.run('versions', 'remove', String(removed?.id), '--reason', 'damaged on the way')).code).toBe(0);
  const fetched = () => ees.requests.filter(({ path }) => /\/files\/[^/]+$/.test(path)).length;
  const before = fetched();
  expect((await backfill()).stdout).toContain('Nothing to load');
  expect(fetched()).toBe(before);
  const again = await backfill('--data-set', 'Absence by level', '--json');
  expect([again.code, (again.json() as BackfillReport).files.map(({ outcome }) => outcome)]).toEqual([0, ['loaded']]);
  expect(fetched()).toBe(before + 1);
  expect((await versions()).map(({ data_set, state }) => `${data_set} ${state}`).toSorted()).toEqual([
    'Absence by level loaded',
    'Absence by level removed',
    'Persistent and severe loaded',
  ]);
});

it('what could not be read is fetched again where its data set is named', async () => {
  const { ees, program, backfill } = await published();
  ees.amend({
    publication: ABSENCE,
    release: '2024-25',
    at: '2026-03-27T09:30:00Z',
    replace: [{ file: 'Absence by level', content: wide('Academic year', '17.3 about') }],
  });
  expect((await program.run('run')).code).toBe(3);
  const fetched = () => ees.requests.filter(({ path }) => /\/files\/[^/]+$/.test(path)).length;
  const before = fetched();
  expect((await backfill()).stdout).toContain('Nothing to load');
  expect(fetched()).toBe(before);
  expect((await backfill('--data-set', 'Absence by level')).code).toBe(3);
  expect(fetched()).toBe(before + 1);
});

it('a plan ends with its totals: releases, files, their bytes as far as they are told, and what is loaded already', async () => {
  const { ees, backfill } = await published();
  await backfill('--data-set', 'Absence by level');
  ees.publish({
    publication: ABSENCE,
    slug: '2023-24',
    title: 'Academic year 2023/24',
    at: '2025-03-20T09:30:00Z',
    files: [{ name: 'old.csv', title: 'Absence by level', content: wide('Academic year', '18.0') }],
  });
  // Of one file the catalogue writes no size.
  ees.removeRoute(/\/data-set-files$/, (value) =>
    JSON.parse(
      JSON.stringify(value, (_key, each: unknown) =>
        typeof each === 'object' && each !== null && 'title' in each && each.title === 'Persistent and severe'
          ? { ...each, fileSize: undefined }
          : each,
      ),
    ),
  );
  const report = (await backfill('--dry-run', '--json')).json() as BackfillReport;
  const bytes = report.plan.reduce((sum, file) => sum + (file.bytes ?? 0), 0);
  const bytesToLoad = report.plan.reduce((sum, file) => sum + (file.already_loaded ? 0 : (file.bytes ?? 0)), 0);
  expect(bytes).toBeGreaterThan(bytesToLoad);
  expect(report.totals).toEqual({
    releases: 2,
    files: 3,
    bytes,
    of_unknown_size: 1,
    already_loaded: 1,
    to_load: { files: 2, bytes: bytesToLoad, of_unknown_size: 1 },
  });
  expect((await backfill('--dry-run')).stdout).toMatch(
    /\n2 releases, 3 files \(0\.0 MB, and 1 of unknown size\)\. Would load 2 files \(0\.0 MB, and 1 of unknown size\); 1 is loaded already\.\n$/,
  );
});

it('the first run after a backfill calls only that history which is not loaded', async () => {
  const { ees, program, backfill } = await published();
  for (const [slug, years, at] of [
    ['2023-24', ['202223', '202324'], '2025-03-20T09:30:00Z'],
    ['2022-23', ['202122', '202223'], '2024-03-21T09:30:00Z'],
  ] as const)
    ees.publish({
      publication: ABSENCE,
      slug,
      title: `Academic year ${slug.replace('-', '/')}`,
      at,
      files: [
        {
          name: 'w.csv',
          title: 'Absence by level',
          content: wide('Academic year').replace('202324', years[0]).replace('202425', years[1]),
        },
      ],
    });
  await program.configure(`
sources: [{ publication: ${ABSENCE} }]
recipients: { team: [a@luton.example] }
rules: [{ name: England, measure: severe_absence_rate, areas: [England], above: 2.0, notify: [team] }]
mail: { from: a@luton.example }
`);
  const history = async (): Promise<string[]> => {
    const { notes } = (await program.run('run', '--json')).json() as RunReport;
    return notes.filter((note) => note.includes('history'));
  };
  await backfill('--release', '2023-24');
  expect(await history()).toEqual([
    expect.stringContaining('1 of its 3 releases is history that is not loaded; to load it: absence-watch backfill'),
  ]);
  const second = await freshProgram({ EES_API_URL: ees.apiUrl, EES_CONTENT_URL: ees.contentUrl });
  await second.run('backfill', '--publication', ABSENCE);
  const { notes } = (await second.run('run', '--json')).json() as RunReport;
  expect(notes.filter((note) => note.includes('history'))).toEqual([]);
});

it('what fits and is not wanted, and years of which nothing is there, are not called "there already"', async () => {
  const { backfill } = await published();
  const skipped = await backfill('--data-set', 'Sessions by reason');
  expect(skipped.code).toBe(0);
  expect(skipped.stdout).toMatch(/Not wanted: Sessions by reason \(Academic year 2024\/25\): /);
  expect(skipped.stdout).not.toContain('there already');
  const years = await backfill('--to', '2010/11');
  expect(years.code).toBe(0);
  expect(years.stdout).toContain('Nothing to load: EES has no file that fits.');
});

it('wrong years are wrong use, said before anything is asked', async () => {
  const { ees, backfill } = await published();
  const before = ees.requests.length;
  const turned = await backfill('--from', '2022/23', '--to', '2020/21');
  expect(turned.code).toBe(2);
  expect(turned.stderr).toContain('--from 2022/23 is later than --to 2020/21');
  const apart = await backfill('--from', '2016/18');
  expect(apart.code).toBe(2);
  expect(apart.stderr).toContain('--from 2016/18 is no academic year; write it like 2016/17');
  expect(ees.requests.length).toBe(before);
});

it.each([
  [/^\/content/, 'The website does not help'],
  [/^\/statistics/, 'The official API does not help'],
  [/\/publications\/pupil-absence-in-schools-in-england$/, 'The website has no page of'],
  [/\/data-set-files$/, 'The data catalogue does not list files'],
])('with %s gone the plan is not whole: what is left is loaded, and it ends with 3', async (route, note) => {
  const { ees, backfill } = await published();
  ees.removeRoute(route);
  const planned = await backfill('--dry-run');
  expect(planned.stdout).toContain(note);
  expect(planned.code).toBe(3);
  const loaded = await backfill();
  expect(loaded.stdout).toContain(note);
  expect(loaded.stdout).toContain('loaded');
  expect(loaded.code).toBe(3);
});

describe('a host that asks to be left alone for longer than a run waits', () => {
  const FILES = /\/files\/[^/]+$/;
  const CSV = /\/csv$/;
  const alone = (ees: StandIn, paths: RegExp): void => {
    ees.fault(({ path }) => (paths.test(path) ? { kind: 'too many requests', retryAfter: 7200 } : undefined));
  };
  const count = (ees: StandIn, from: number, paths: RegExp): number =>
    ees.requests.slice(from).filter(({ path }) => paths.test(path)).length;

  it('backfill: one refusal is enough for all of its files, the report says until when, and a later one asks again', async () => {
    const { ees, backfill } = await published();
    ees.publish({
      publication: ABSENCE,
      slug: '2023-24',
      title: 'Academic year 2023/24',
      at: '2025-03-27T09:30:00Z',
      files: ['Autumn term', 'Spring term', 'Summer term'].map((term) => ({
        name: `${term}.csv`,
        title: `Absence by level, ${term}`,
        content: wide(term),
      })),
    });
    alone(ees, FILES);
    const from = ees.requests.length;
    const refused = await backfill('--json');
    const { files, notes } = refused.json() as BackfillReport;
    expect(refused.code).toBe(3);
    expect(count(ees, from, FILES)).toBe(1);
    expect(files.map(({ outcome }) => outcome).sort()).toEqual(['failed', 'failed', 'failed', 'failed', 'loaded']);
    expect(notes).toEqual([
      expect.stringMatching(/^The website asked to be left alone until 2026-04-01T14:00:00\.000Z/),
    ]);
    ees.fault();
    expect((await backfill()).code).toBe(0);
  });

  it('run: what the other API has comes from there, the rest at the next run, and it ends as done in part', async () => {
    const { ees, program } = await published();
    await program.configure(`
sources: [{ publication: ${ABSENCE} }]
recipients: { team: [a@luton.example] }
rules: [{ name: Luton, measure: severe_absence_rate, areas: [Luton], above: 2.0, notify: [team] }]
mail: { from: a@luton.example }
`);
    alone(ees, CSV);
    const from = ees.requests.length;
    const run = await program.run('run', '--json');
    const report = run.json() as RunReport;
    expect(run.code).toBe(3);
    expect(count(ees, from, CSV)).toBe(1);
    expect(report.files.map(({ outcome }) => outcome)).toEqual(['loaded', 'loaded']);
    expect(report.outcome).toBe('in part');
    expect(report.notes).toContainEqual(
      expect.stringMatching(/^The official API asked to be left alone until 2026-04-01T14:00:00\.000Z/),
    );
    ees.fault();
    expect((await program.run('run')).code).toBe(0);
  });
});

describe('a publication that was renamed is one publication, whichever slug is used', () => {
  const NEW = 'pupil-absence';
  const config = (slug: string): string => `
sources: [{ publication: ${slug}, data_sets: { exclude: [Absence by level] } }]
recipients: { team: [a@luton.example] }
rules: [{ name: Luton, measure: severe_absence_rate, areas: [Luton], above: 2.0, notify: [team] }]
mail: { from: a@luton.example }
`;

  async function renamed(): Promise<{ ees: StandIn; program: Program; loaded: () => Promise<string[]> }> {
    const { ees, program } = await published();
    ees.publish({
      publication: ABSENCE,
      slug: '2025-26',
      title: 'Academic year 2025/26',
      at: '2026-03-27T09:30:00Z',
      files: [
        {
          name: 'pa.csv',
          title: 'Persistent and severe',
          content: long().replaceAll('202425', '202526'),
          api: { dataSetId: LONG_SET },
        },
      ],
    });
    ees.renamePublication(ABSENCE, NEW);
    return {
      ees,
      program,
      loaded: async () =>
        ((await program.run('versions', 'list', '--json')).json() as VersionRow[])
          .map(({ publication, release, data_set }) => `${publication}: ${data_set}, ${release}`)
          .toSorted(),
    };
  }

  it.each([
    [NEW, ABSENCE],
    [ABSENCE, NEW],
  ])('asked for as %s, then as %s', async (first, second) => {
    const { program, loaded } = await renamed();
    expect((await program.run('backfill', '--publication', first, '--release', '2024-25')).code).toBe(0);
    const plan = (
      await program.run('backfill', '--publication', second, '--dry-run', '--json')
    ).json() as BackfillReport;
    expect(plan.plan.map(({ already_loaded }) => already_loaded)).toEqual([true, true, false]);
    expect((await program.run('backfill', '--publication', second)).code).toBe(0);
    expect(await loaded()).toEqual([
      `${ABSENCE}: Absence by level, Academic year 2024/25`,
      `${ABSENCE}: Persistent and severe, Academic year 2024/25`,
      `${ABSENCE}: Persistent and severe, Academic year 2025/26`,
    ]);
  });

  it.each([
    [NEW, ABSENCE],
    [ABSENCE, NEW],
  ])(
    'configured as %s, asked for as %s: what the configuration chooses counts, and a run goes on with the same',
    async (configured, asked) => {
      const { ees, program, loaded } = await renamed();
      await program.configure(config(configured));
      expect((await program.run('backfill', '--publication', asked, '--release', '2024-25')).code).toBe(0);
      expect(await loaded()).toEqual([`${ABSENCE}: Persistent and severe, Academic year 2024/25`]);
      expect((await program.run('run')).code).toBe(0);
      expect(await loaded()).toEqual([
        `${ABSENCE}: Persistent and severe, Academic year 2024/25`,
        `${ABSENCE}: Persistent and severe, Academic year 2025/26`,
      ]);
      ees.removeRoute(/^\/content/);
      const official = await program.run('backfill', '--publication', asked, '--dry-run', '--json');
      expect((official.json() as BackfillReport).plan.map(({ already_loaded }) => already_loaded)).toEqual([
        true,
        true,
      ]);
    },
  );

  it('a local file under the new slug goes with what runs loaded under the old one', async () => {
    const { ees, program } = await renamed();
    ees.renamePublication(NEW, ABSENCE);
    ees.publicationRedirects.length = 0;
    await program.configure(config(ABSENCE));
    await program.run('run');
    ees.renamePublication(ABSENCE, NEW);
    await program.run('run');
    await writeFile(join(program.directory, 'old.csv'), long().replaceAll('202425', '202223'));
    const said = await program.run('backfill', '--file', 'old.csv', '--publication', NEW, '--release', 'Old', '--json');
    expect((said.json() as BackfillReport).files.map(({ publication }) => publication)).toEqual([ABSENCE]);
  });
});

describe('what is held is not fetched again, and the plan says so', () => {
  const fetched = (ees: StandIn, from: number): string[] =>
    ees.requests
      .slice(from)
      .filter(({ path }) => /\/csv$|\/files\//.test(path))
      .map(({ path, status }) => `${/\/csv$/.test(path) ? 'API' : 'website'} ${status}`);

  async function again(program: Program, ees: StandIn): Promise<{ already: boolean[]; fetched: string[] }> {
    const mark = ees.requests.length;
    const plan = (
      await program.run('backfill', '--publication', ABSENCE, '--dry-run', '--json')
    ).json() as BackfillReport;
    await program.run('backfill', '--publication', ABSENCE);
    return { already: plan.plan.map(({ already_loaded }) => already_loaded), fetched: fetched(ees, mark) };
  }

  it('loaded from the website while the official API was away: held, and its number is learned', async () => {
    const { ees, program, backfill } = await published();
    ees.removeRoute(/^\/statistics/);
    expect((await backfill()).code).toBe(3);
    ees.restoreRoutes();
    expect(await again(program, ees)).toEqual({ already: [true, true], fetched: [] });
    const versions = (await program.run('versions', 'list', '--json')).json() as VersionRow[];
    expect(versions.map(({ data_set_version }) => data_set_version)).toEqual(['1.0.0', '1.0.0']);
  });

  it('loaded from the official API, which is away now', async () => {
    const { ees, program, backfill } = await published();
    expect((await backfill()).code).toBe(0);
    ees.removeRoute(/^\/statistics/);
    expect(await again(program, ees)).toEqual({ already: [true, true], fetched: [] });
  });

  it('published again with the same bytes: asked for once, by its ETag where there is one, then known', async () => {
    const { ees, program, backfill } = await published();
    expect((await backfill()).code).toBe(0);
    ees.amend({
      publication: ABSENCE,
      release: '2024-25',
      at: '2026-03-27T10:00:00Z',
      replace: [
        { file: 'w.csv', content: wide('Academic year') },
        { file: 'pa.csv', content: long() },
      ],
    });
    // The version before is of the same release and data set: it is in the plan, and held.
    expect(await again(program, ees)).toEqual({ already: [true, false, false], fetched: ['website 304', 'API 200'] });
    expect(await again(program, ees)).toEqual({ already: [true, true, true], fetched: [] });
  });

  it('what a run met again is known to a backfill', async () => {
    const { ees, program } = await published();
    await program.configure(`
sources: [{ publication: ${ABSENCE} }]
recipients: { team: [a@luton.example] }
rules: [{ name: Luton, measure: severe_absence_rate, areas: [Luton], above: 2.0, notify: [team] }]
mail: { from: a@luton.example }
`);
    expect((await program.run('run')).code).toBe(0);
    const replace = [{ file: 'w.csv', content: wide('Academic year') }];
    ees.amend({ publication: ABSENCE, release: '2024-25', at: '2026-03-27T10:00:00Z', replace });
    expect((await program.run('run')).code).toBe(0);
    expect(await again(program, ees)).toEqual({ already: [true, true], fetched: [] });
  });
});
