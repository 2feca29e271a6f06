/** A file that an amendment deletes and uploads anew: the same data set under another id. What it replaces counts until it does. */
import { expect, it } from 'vitest';
import { openDatabase } from '../../src/load/database.js';
import { getSourceState, setSourceState } from '../../src/load/runs.js';
import { SOURCE } from '../../src/source-state.js';
import { smallLong, smallWide } from '../fault/harness/small-files.js';
import { ABSENCE, CROSSED, FILE_TITLE, watch, type Watch } from '../fault/harness/watch.js';
import { testDatabaseUrl } from '../support/database.js';
import { oneSession } from './support.js';

const SLUG = '2022-23';
const ORIGINAL = smallWide(CROSSED);
const LATER = { ...CROSSED, shares: { 'Luton 2023': [21.4, 1.8] } } as const;
const CORRECTED = smallWide(LATER);
/** A rate that its count contradicts. */
const CONTRADICTING = CORRECTED.replace(',21.4,', ',99.9,');

const AS_PUBLISHED = ['202122 17', '202223 17', '202324 20.6'];
const AS_CORRECTED = ['202122 17', '202223 17', '202324 21.4'];
const FIRST_LOOK = expect.stringMatching(/^First look: Luton: /) as string;
const CORRECTION = expect.stringMatching(/^Correction: Luton: persistent absence was 20\.6%, now 21\.4%/) as string;

async function loadedOnce(): Promise<Watch> {
  const world = await watch();
  world.publish({ slug: SLUG, title: 'Academic year 2022/23', at: '2024-03-21T09:30:02Z', content: ORIGINAL });
  world.at('2024-03-21T09:40:00Z');
  expect((await world.run()).code).toBe(0);
  expect(await figures(world)).toEqual(AS_PUBLISHED);
  expect(world.subjects()).toEqual([FIRST_LOOK]);
  return world;
}

/** Luton's figures; none where no area of that name has one. */
async function figures(world: Watch): Promise<string[]> {
  const { code } = await world.program.run('series', '--area', 'Luton');
  return code === 0 ? world.figures() : [];
}

/** '1.0.1 loaded current', newest first. */
async function versions(world: Watch): Promise<string[]> {
  const rows = (await world.program.run('versions', 'list', '--json')).json() as {
    data_set_version: string;
    state: string;
    is_current: boolean;
  }[];
  return rows.map((row) => `${row.data_set_version} ${row.state}${row.is_current ? ' current' : ''}`);
}

let minute = 0;
const time = (seconds: number): string =>
  new Date(Date.parse('2024-04-02T08:00:00Z') + minute * 60_000 + seconds * 1_000).toISOString();

function uploadAnew(world: Watch, content: string, title = FILE_TITLE): void {
  const add = [{ name: 'wide.csv', title, content }];
  world.ees.amend({ publication: ABSENCE, release: SLUG, at: time(30), remove: [FILE_TITLE], add });
}

function takeOut(world: Watch): void {
  world.ees.amend({ publication: ABSENCE, release: SLUG, at: time(30), remove: [FILE_TITLE] });
}

async function poll(world: Watch): Promise<number> {
  minute += 2;
  world.at(time(0));
  return (await world.run()).code;
}

function refuseDownloads(world: Watch): void {
  world.ees.fault(({ path }) => (/\/releases\/[^/]+\/files\//.test(path) ? { kind: 'forbidden' } : undefined));
}

it('takes the place as the next version, and what was told is corrected', async () => {
  const world = await loadedOnce();
  uploadAnew(world, CORRECTED);
  expect(await poll(world)).toBe(0);
  expect(await figures(world)).toEqual(AS_CORRECTED);
  expect(await versions(world)).toEqual(['1.0.1 loaded current', '1.0.0 loaded']);
  expect(world.subjects()).toEqual([FIRST_LOOK, CORRECTION]);
  expect(await world.noticed()).toEqual([]);
}, 60_000);

it('with the same bytes is no news', async () => {
  const world = await loadedOnce();
  uploadAnew(world, ORIGINAL);
  expect(await poll(world)).toBe(0);
  expect(await figures(world)).toEqual(AS_PUBLISHED);
  expect(await versions(world)).toEqual(['1.0.0 loaded current']);
  expect(world.subjects()).toEqual([FIRST_LOOK]);
  takeOut(world);
  await poll(world);
  expect(await figures(world)).toEqual([]);
}, 60_000);

it('and held back leaves the figures before in use until it is accepted', async () => {
  const world = await loadedOnce();
  uploadAnew(world, CONTRADICTING);
  expect(await poll(world)).toBe(3);
  expect(await poll(world)).toBe(0);
  expect(await figures(world)).toEqual(AS_PUBLISHED);
  expect(await versions(world)).toEqual(['1.0.1 quarantined', '1.0.0 loaded current']);
  expect(world.subjects()).toEqual([FIRST_LOOK]);
  expect(world.subjects('ops@luton.example')).toEqual([
    expect.stringContaining('held back: Absence rates by geographic level'),
  ]);

  const reason = ['--accept', 'rate and count', '--reason', 'as published'];
  expect((await world.program.run('backfill', '--publication', ABSENCE, ...reason)).code).toBe(0);
  expect(await figures(world)).toEqual(['202122 17', '202223 17', '202324 99.9']);
  expect(await versions(world)).toEqual(['1.0.1 loaded current', '1.0.0 loaded']);
  await poll(world);
  expect(world.subjects().slice(1)).toEqual([expect.stringMatching(/Correction: .* was 20\.6%, now 99\.9%/)]);
}, 60_000);

it('and not to be had leaves the figures before in use until it comes', async () => {
  const world = await loadedOnce();
  uploadAnew(world, CORRECTED);
  refuseDownloads(world);
  expect(await poll(world)).toBe(3);
  expect(await poll(world)).toBe(3);
  expect(await figures(world)).toEqual(AS_PUBLISHED);
  world.ees.fault();
  expect(await poll(world)).toBe(0);
  expect(await figures(world)).toEqual(AS_CORRECTED);
  expect(world.subjects()).toEqual([FIRST_LOOK, CORRECTION]);
}, 60_000);

it('under another title and not to be had leaves the figures before in use until it comes', async () => {
  const world = await loadedOnce();
  uploadAnew(world, CORRECTED, 'Absence in schools by area');
  refuseDownloads(world);
  expect(await poll(world)).toBe(3);
  expect(await figures(world)).toEqual(AS_PUBLISHED);
  expect(world.subjects()).toEqual([FIRST_LOOK]);
  world.ees.fault();
  expect(await poll(world)).toBe(0);
  expect(await figures(world)).toEqual(AS_CORRECTED);
  expect(await versions(world)).toEqual(['1.0.0 loaded current', '1.0.0 withdrawn']);
  expect(world.subjects()).toEqual([FIRST_LOOK, CORRECTION]);
}, 60_000);

it.each([
  ['a year missing', smallWide({ ...LATER, years: [2022, 2023] })],
  ['most authorities missing', CORRECTED.replaceAll(/^.*,(Bedford|Thurrock|Leicester|Medway),.*\n/gm, '')],
])(
  'under another title and with %s is held back, as it is under the same',
  async (_what, content) => {
    const world = await loadedOnce();
    uploadAnew(world, content, 'Absence in schools by area');
    expect(content).not.toBe(CORRECTED);
    expect(await poll(world)).toBe(3);
    expect(await figures(world)).toEqual(AS_PUBLISHED);
    expect(await versions(world)).toEqual(['1.0.0 quarantined', '1.0.0 loaded current']);
    expect(world.subjects()).toEqual([FIRST_LOOK]);
  },
  60_000,
);

it('once more before the first came leaves the figures before in use until the last comes', async () => {
  const world = await loadedOnce();
  refuseDownloads(world);
  uploadAnew(world, CONTRADICTING);
  await poll(world);
  uploadAnew(world, CORRECTED);
  await poll(world);
  expect(await figures(world)).toEqual(AS_PUBLISHED);
  world.ees.fault();
  expect(await poll(world)).toBe(0);
  expect(await figures(world)).toEqual(AS_CORRECTED);
  takeOut(world);
  await poll(world);
  expect(await figures(world)).toEqual([]);
}, 60_000);

it('and held back, then taken out: what it was to replace is withdrawn with it', async () => {
  const world = await loadedOnce();
  uploadAnew(world, CONTRADICTING);
  await poll(world);
  takeOut(world);
  expect(await poll(world)).toBe(0);
  expect(await figures(world)).toEqual([]);
  expect(await versions(world)).toEqual(['1.0.1 withdrawn', '1.0.0 withdrawn']);
  expect((await world.noticed()).map(({ what }) => what)).toEqual([
    'removed from its release',
    'removed from its release',
  ]);
  expect(world.subjects().slice(1)).toEqual([expect.stringContaining('was 20.6%, now withdrawn')]);
}, 60_000);

it('and loaded, then taken out: no older figures come back', async () => {
  const world = await loadedOnce();
  uploadAnew(world, CORRECTED);
  await poll(world);
  takeOut(world);
  await poll(world);
  expect(await figures(world)).toEqual([]);
  expect(world.subjects().slice(2)).toEqual([expect.stringContaining('was 21.4%, now withdrawn')]);
}, 60_000);

it('in other columns: what it replaces goes when it is loaded', async () => {
  const world = await loadedOnce();
  refuseDownloads(world);
  uploadAnew(world, smallLong(LATER));
  await poll(world);
  expect(await figures(world)).toEqual(AS_PUBLISHED);
  world.ees.fault();
  expect(await poll(world)).toBe(0);
  expect(await figures(world)).toEqual(AS_CORRECTED);
  expect(await versions(world)).toEqual(['1.0.0 loaded current', '1.0.0 withdrawn']);
  expect(world.subjects()).toEqual([FIRST_LOOK, CORRECTION]);
}, 60_000);

it('in other columns and held back: what it replaces goes when it is accepted', async () => {
  const world = await loadedOnce();
  uploadAnew(world, smallLong(LATER).replace(',21.4', ',99.9'));
  expect(await poll(world)).toBe(3);
  expect(await figures(world)).toEqual(AS_PUBLISHED);
  const reason = ['--accept', 'rate and count', '--reason', 'as published'];
  expect((await world.program.run('backfill', '--publication', ABSENCE, ...reason)).code).toBe(0);
  expect(await versions(world)).toEqual(['1.0.0 loaded current', '1.0.0 withdrawn']);
}, 60_000);

it.each([
  ['under another title', CORRECTED, 'Absence of four-year-olds'],
  ['without a figure that is watched', oneSession(), FILE_TITLE],
])(
  '%s it replaces nothing: the old file is withdrawn at once',
  async (_how, content, title) => {
    const world = await loadedOnce();
    refuseDownloads(world);
    uploadAnew(world, content, title);
    await poll(world);
    expect(await figures(world)).toEqual([]);
    expect(await versions(world)).toEqual(['1.0.0 withdrawn']);
    expect(world.subjects().slice(1)).toEqual([expect.stringContaining('was 20.6%, now withdrawn')]);
  },
  60_000,
);

it('by a run that was killed before it could note it: the next one notes it, and nothing is told twice', async () => {
  const world = await loadedOnce();
  const store = await openDatabase(testDatabaseUrl(), { schema: world.program.schema });
  try {
    const before = await getSourceState(store, SOURCE);
    uploadAnew(world, CORRECTED);
    await poll(world);
    await setSourceState(store, SOURCE, before, new Date());
  } finally {
    await store.close();
  }
  expect(await poll(world)).toBe(0);
  expect(await figures(world)).toEqual(AS_CORRECTED);
  expect(await versions(world)).toEqual(['1.0.1 loaded current', '1.0.0 loaded']);
  expect(world.subjects()).toEqual([FIRST_LOOK, CORRECTION]);
}, 60_000);

it('a file that was amended and is then taken out leaves no older figures behind', async () => {
  const world = await loadedOnce();
  world.amend({ slug: SLUG, at: time(30), content: CORRECTED });
  await poll(world);
  expect(await figures(world)).toEqual(AS_CORRECTED);
  takeOut(world);
  await poll(world);
  expect(await figures(world)).toEqual([]);
  expect(world.subjects().slice(2)).toEqual([expect.stringContaining('was 21.4%, now withdrawn')]);
}, 60_000);
