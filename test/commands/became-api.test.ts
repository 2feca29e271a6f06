/** A file of the website that becomes a data set of the official API goes on as the data set that it was. */
import { describe, expect, it } from 'vitest';
import type { VersionRow } from '../../src/load/inspect.js';
import { openDatabase } from '../../src/load/database.js';
import { ABSENCE, FILE_TITLE, watch, type Watch } from '../fault/harness/watch.js';
import { smallWide, type SmallFile } from '../fault/harness/small-files.js';
import { LONG_SET } from '../extract/support.js';
import { testDatabaseUrl } from '../support/database.js';

const SLUG = '2022-23';
const FIRST: SmallFile = { identifier: 'Academic year', years: [2021, 2022], shares: { 'Luton 2022': [20.6, 1.8] } };
const WITHHELD: SmallFile = { ...FIRST, shares: { 'Luton 2022': 'c' } };

/** Without the row of Luton, 2021/22. */
function shortened(file: SmallFile): string {
  const lines = smallWide(file).split('\n');
  return lines.filter((line) => !(line.startsWith('202122') && line.includes('Luton'))).join('\n');
}

const FIRST_LOOK = 'First look: Luton: persistent absence 20.6%, above your 20.0% line (academic year 2022/23)';
const CORRECTION =
  'Correction: Luton: persistent absence was 20.6%, now no figure is published (academic year 2022/23)';

/** The file is loaded, and no data set of the API. */
async function loadedOnce(): Promise<Watch> {
  const world = await watch();
  const content = smallWide(FIRST);
  world.publish({ slug: SLUG, title: 'Academic year 2022/23', at: '2024-03-21T09:30:02Z', content });
  expect((await world.run()).code).toBe(0);
  expect(world.subjects()).toEqual([FIRST_LOOK]);
  return world;
}

/** An amendment that makes it a data set of the API. @param file its new bytes, where it has some */
function enable({ ees }: Watch, at: string, file?: SmallFile): void {
  const replace = file === undefined ? [] : [{ file: FILE_TITLE, content: smallWide(file) }];
  const enabled = [{ file: FILE_TITLE, api: { dataSetId: LONG_SET } }];
  ees.amend({ publication: ABSENCE, release: SLUG, at, note: 'In the API', replace, enable: enabled });
}

async function versions({ program }: Watch): Promise<VersionRow[]> {
  return ((await program.run('versions', 'list', '--json')).json() as VersionRow[]).toReversed();
}

/** '1.0.0 loaded', with a star where it is current; oldest first. */
async function listed(world: Watch): Promise<string[]> {
  const rows = await versions(world);
  return rows.map((row) => `${row.data_set_version} ${row.state}${row.is_current ? ' *' : ''}`);
}

/** How the history has one figure: since when, until when. */
async function history({ program }: Watch): Promise<unknown[]> {
  return onDatabase(program.schema, async (store) => {
    const rows = await store.db
      .selectFrom('absence_history')
      .select(['data_set_version', 'valid_from', 'valid_to'])
      .where('area_name', '=', 'Luton')
      .where('time_period', '=', '202223')
      .orderBy('valid_from')
      .execute();
    return rows.map((row) => [row.data_set_version, row.valid_from.toISOString(), row.valid_to?.toISOString()]);
  });
}

async function onDatabase<T>(
  schema: string,
  work: (store: Awaited<ReturnType<typeof openDatabase>>) => Promise<T>,
): Promise<T> {
  const store = await openDatabase(testDatabaseUrl(), { schema });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** One run that is killed when all of its loads are written, and before anything is remembered of them. */
async function killedRun(world: Watch): Promise<void> {
  const remembered = await onDatabase(world.program.schema, ({ db }) =>
    db.selectFrom('source_state').selectAll().execute(),
  );
  await world.run();
  await onDatabase(world.program.schema, async ({ db }) => {
    for (const { source, state } of remembered)
      await db
        .updateTable('source_state')
        .set({ state: JSON.stringify(state) })
        .where('source', '=', source)
        .execute();
  });
}

const backfill = async ({ program }: Watch): Promise<void> => {
  const said = await program.run('backfill', '--publication', ABSENCE, '--release', SLUG);
  expect(said.code, said.stderr).toBe(0);
};

/** What may come between its amendment and the run that sees it through. */
const BETWEEN: readonly { readonly name: string; readonly happens: (world: Watch) => Promise<unknown> }[] = [
  { name: 'nothing in between', happens: () => Promise.resolve() },
  { name: 'a run that is killed in between', happens: killedRun },
  { name: 'a backfill in between', happens: backfill },
  {
    name: 'the official API away in between',
    async happens(world) {
      world.ees.removeRoute(/^\/statistics/);
      await world.run();
      world.ees.restoreRoutes();
    },
  },
  {
    name: 'the website away in between',
    async happens(world) {
      world.ees.removeRoute(/^\/content/);
      await world.run();
      world.ees.restoreRoutes();
    },
  },
];

describe.each(BETWEEN)('$name', ({ name, happens }) => {
  it('with other bytes: its version 1.0 replaces what was loaded', async () => {
    const world = await loadedOnce();
    world.at('2024-05-01T10:15:00Z');
    enable(world, '2024-05-01T10:00:00Z', WITHHELD);
    await happens(world);
    for (let polls = 0; polls < 3; polls += 1) await world.run();
    expect(await listed(world)).toEqual(['0.0.0 loaded', '1.0.0 loaded *']);
    expect(await world.figures()).toEqual(['202122 17', '202223 null']);
    const [, fixed] = await versions(world);
    expect(fixed?.diff).toMatchObject({ added: 0, gone: 0, changed: 12 });
    expect((await history(world)).at(0)).toEqual(['0.0.0', '2024-03-21T09:30:02.000Z', '2024-05-01T10:00:00.000Z']);
    // A backfill tells nobody.
    if (name !== 'a backfill in between') expect(world.subjects()).toEqual([FIRST_LOOK, CORRECTION]);
  });

  it('with the same bytes: its version 1.0 is what was loaded, its patches replace it, and taken back it is gone', async () => {
    const world = await loadedOnce();
    world.at('2024-04-01T10:15:00Z');
    enable(world, '2024-04-01T10:00:00Z');
    await happens(world);
    for (let polls = 0; polls < 3; polls += 1) await world.run();
    expect(await listed(world)).toEqual(['1.0.0 loaded *']);
    world.at('2024-05-01T10:15:00Z');
    world.amend({ slug: SLUG, at: '2024-05-01T10:00:00Z', content: shortened(FIRST) });
    await world.run();
    expect(await listed(world)).toEqual(['1.0.0 loaded', '1.0.1 loaded *']);
    expect(await world.figures()).toEqual(['202223 20.6']);
    world.at('2024-06-01T10:15:00Z');
    world.amend({ slug: SLUG, at: '2024-06-01T10:00:00Z', content: shortened(WITHHELD) });
    await world.run();
    expect(await world.figures()).toEqual(['202223 null']);
    expect(await listed(world)).toEqual(['1.0.0 loaded', '1.0.1 loaded', '1.0.2 loaded *']);
    expect(world.subjects()).toEqual([FIRST_LOOK, CORRECTION]);
    for (const version of ['1.0', '1.0.1', '1.0.2']) world.ees.withdrawVersion(LONG_SET, version);
    for (let polls = 0; polls < 4; polls += 1) await world.run();
    expect(await listed(world)).toEqual(['1.0.0 withdrawn', '1.0.1 withdrawn', '1.0.2 withdrawn']);
  });
});

it('by a backfill alone, before any run has seen it', async () => {
  const world = await loadedOnce();
  world.at('2024-04-01T10:15:00Z');
  enable(world, '2024-04-01T10:00:00Z');
  await backfill(world);
  expect(await listed(world)).toEqual(['1.0.0 loaded *']);
});

it('its version comes after the release has shown on the website', async () => {
  const world = await loadedOnce();
  world.at('2024-05-01T10:00:05Z');
  world.amend({ slug: SLUG, at: '2024-05-01T10:00:00Z', content: smallWide(WITHHELD) });
  await world.run();
  expect(await listed(world)).toEqual(['1.0.0 loaded', '1.0.1 loaded *']);
  world.at('2024-05-01T10:15:00Z');
  // As EES shows it: the release does not move for that.
  const { ees } = world;
  const release = ees.release(ABSENCE, SLUG);
  const before = release.updatedAt;
  enable(world, '2024-05-01T10:00:30Z');
  release.updatedAt = before;
  release.versionIds.pop();
  for (let polls = 0; polls < 4; polls += 1) await world.run();
  expect(await listed(world)).toEqual(['0.0.0 loaded', '1.0.0 loaded *']);
  expect(world.subjects()).toEqual([FIRST_LOOK, CORRECTION]);
});
