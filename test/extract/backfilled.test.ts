/** Releases that only a backfill had loaded are watched like all others: what an amendment takes out of them, or puts in its place. */
import { expect, it } from 'vitest';
import { smallWide } from '../fault/harness/small-files.js';
import { ABSENCE, CROSSED, FILE_TITLE, QUIET, watch, type Watch } from '../fault/harness/watch.js';

const OLD = '2021-22';
const FIRST = smallWide({ identifier: 'Academic year', years: [2020, 2021] });
const AMENDED = smallWide({
  identifier: 'Academic year',
  years: [2020, 2021],
  shares: { 'Luton 2020': [18.1, 1.6] },
});

interface Listed {
  readonly releases: readonly { readonly slug: string }[];
}

/** An old release beside the newest, loaded by a backfill after the first poll. */
async function backfilled(): Promise<Watch> {
  const world = await watch();
  world.publish({ slug: OLD, title: 'Academic year 2021/22', at: '2023-03-16T09:30:02Z', content: FIRST });
  world.publish({
    slug: '2023-24',
    title: 'Academic year 2023/24',
    at: '2025-03-20T09:30:02Z',
    content: smallWide({ ...QUIET, years: [2022, 2023] }),
  });
  world.at('2025-03-20T09:40:00Z');
  expect((await world.run()).code).toBe(0);
  const { code } = await world.program.run('backfill', '--publication', ABSENCE, '--release', OLD);
  expect(code).toBe(0);
  expect(await world.figures()).toContain('202021 17');
  return world;
}

async function poll(world: Watch, time: string): Promise<void> {
  world.at(time);
  expect((await world.run()).report.outcome).not.toBe('failed');
}

async function oldVersions(world: Watch): Promise<string[]> {
  const rows = (await world.program.run('versions', 'list', '--json')).json() as {
    release: string;
    state: string;
    is_current: boolean;
  }[];
  return rows
    .filter(({ release }) => release === 'Academic year 2021/22')
    .map((row) => `${row.state}${row.is_current ? ' current' : ''}`);
}

it('a file that is taken out is withdrawn', async () => {
  const world = await backfilled();
  world.ees.amend({ publication: ABSENCE, release: OLD, at: '2025-04-02T08:00:00Z', remove: [FILE_TITLE] });
  await poll(world, '2025-04-02T08:01:00Z');
  expect(await oldVersions(world)).toEqual(['withdrawn']);
  expect(await world.figures()).not.toContain('202021 17');
  expect(await world.noticed()).toEqual([{ publication: ABSENCE, what: 'removed from its release' }]);
}, 60_000);

it('an empty list of the catalogue, where the release will not tell its files, takes nothing out', async () => {
  const world = await backfilled();
  world.ees.amend({ publication: ABSENCE, release: OLD, at: '2025-04-02T08:00:00Z', note: 'Words.' });
  world.ees.removeRoute(/data-content$/);
  world.ees.removeRoute(/data-set-files$/, (value) => ({
    ...(value as object),
    results: [],
    paging: { page: 1, pageSize: 40, totalResults: 0, totalPages: 0 },
  }));
  await poll(world, '2025-04-02T08:01:00Z');
  expect(await oldVersions(world)).toEqual(['loaded current']);
  expect(await world.noticed()).toEqual([]);
}, 60_000);

it('a file that is uploaded anew, under another title, takes the place of the one before', async () => {
  const world = await backfilled();
  const add = [{ name: 'again.csv', title: 'Absence, corrected', content: AMENDED }];
  world.ees.amend({ publication: ABSENCE, release: OLD, at: '2025-04-02T08:00:00Z', remove: [FILE_TITLE], add });
  await poll(world, '2025-04-02T08:01:00Z');
  expect(await world.figures()).toContain('202021 18.1');
  expect((await oldVersions(world)).filter((each) => each.endsWith('current'))).toHaveLength(1);
  expect(await world.noticed()).toEqual([]);
}, 60_000);

it('a file taken out of a followed release before it was first polled is withdrawn', async () => {
  const world = await watch();
  world.publish({
    slug: '2023-24',
    title: 'Academic year 2023/24',
    at: '2025-03-20T09:30:02Z',
    content: smallWide(CROSSED),
  });
  world.at('2025-03-20T09:40:00Z');
  const { code } = await world.program.run('backfill', '--publication', ABSENCE);
  expect(code).toBe(0);
  expect(await world.figures()).toContain('202324 20.6');
  world.ees.amend({ publication: ABSENCE, release: '2023-24', at: '2025-04-02T08:00:00Z', remove: [FILE_TITLE] });
  await poll(world, '2025-04-02T08:01:00Z');
  expect((await world.program.run('series', '--area', 'Luton')).code).not.toBe(0);
}, 60_000);

it('a release that is listed no longer is told of', async () => {
  const world = await backfilled();
  world.ees.removeRoute(/sitemap-items$/, (value) =>
    (value as Listed[]).map((each) => ({ ...each, releases: each.releases.filter(({ slug }) => slug !== OLD) })),
  );
  await poll(world, '2025-04-02T08:01:00Z');
  expect(await world.noticed()).toEqual([{ publication: ABSENCE, what: 'no longer listed' }]);
}, 60_000);
