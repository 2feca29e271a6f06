/** What EES takes back, amends back, or seems to take back while it is in trouble: what it publishes in the end is current. */
import { describe, expect, it } from 'vitest';
import { smallWide } from '../fault/harness/small-files.js';
import { ABSENCE, CROSSED, FILE_TITLE, watch, type Watch } from '../fault/harness/watch.js';
import { LONG_SET, REASONS_SET } from './support.js';

const SLUG = '2022-23';
const ORIGINAL = smallWide({ ...CROSSED, shares: { 'Luton 2023': [19.1, 1.8] } });
const OTHER = smallWide(CROSSED);

/** One file is published and loaded. @param inApi whether the official API has it too */
async function loadedOnce(inApi: boolean): Promise<Watch> {
  const world = await watch();
  world.ees.publish({
    publication: ABSENCE,
    slug: SLUG,
    title: 'Academic year 2022/23',
    at: '2024-03-21T09:30:02Z',
    files: [
      { name: 'wide.csv', title: FILE_TITLE, content: ORIGINAL, ...(inApi ? { api: { dataSetId: LONG_SET } } : {}) },
    ],
  });
  world.at('2024-03-21T09:40:00Z');
  expect((await world.run()).code).toBe(0);
  expect(await figures(world)).toEqual(AS_PUBLISHED);
  return world;
}

const AS_PUBLISHED = ['202122 17', '202223 17', '202324 19.1'];
const AMENDED = ['202122 17', '202223 17', '202324 20.6'];

/** Luton's figures; none where no area of that name has one. */
async function figures(world: Watch): Promise<string[]> {
  const { code, stdout } = await world.program.run('series', '--area', 'Luton');
  return code === 0 && stdout.includes('figure') ? world.figures() : [];
}

let minute = 0;
/** Some polls, two minutes apart. @returns their exit codes */
async function polls(world: Watch, count: number): Promise<number[]> {
  const codes: number[] = [];
  for (let poll = 0; poll < count; poll++) {
    minute += 2;
    world.at(new Date(Date.parse('2024-04-02T08:00:00Z') + minute * 60_000).toISOString());
    codes.push((await world.run()).code);
  }
  return codes;
}

function amend(world: Watch, content: string): void {
  world.amend({
    slug: SLUG,
    at: new Date(Date.parse('2024-04-02T08:00:30Z') + minute * 60_000).toISOString(),
    content,
  });
}

describe.each([
  ['of the website', false],
  ['of the official API', true],
])('a file %s', (_where, inApi) => {
  it('that is amended and amended back has its old figures again', async () => {
    const world = await loadedOnce(inApi);
    amend(world, OTHER);
    await polls(world, 1);
    expect(await figures(world)).toEqual(AMENDED);
    amend(world, ORIGINAL);
    await polls(world, 1);
    expect(await figures(world)).toEqual(AS_PUBLISHED);
    amend(world, OTHER);
    await polls(world, 1);
    expect(await figures(world)).toEqual(AMENDED);
  }, 120_000);

  it('whose replacement the website tells in part, a poll late, is loaded by the next', async () => {
    const world = await loadedOnce(inApi);
    const told = await fetch(`${world.ees.contentUrl}/publications/${ABSENCE}/releases/${SLUG}/data-content`);
    const old: unknown = await told.json();
    amend(world, OTHER);
    world.ees.removeRoute(/\/data-content$/, () => old);
    await polls(world, 1);
    world.ees.restoreRoutes();
    await polls(world, 2);
    expect(await figures(world)).toEqual(AMENDED);
  }, 120_000);

  it('is kept where both lists of files fail for a poll', async () => {
    const world = await loadedOnce(inApi);
    world.ees.amend({ publication: ABSENCE, release: SLUG, at: '2024-04-02T08:00:30Z', note: 'Wording.' });
    world.ees.removeRoute(/\/data-content$/);
    world.ees.removeRoute(/\/data-set-files$/, (value) => ({ ...(value as object), results: [] }));
    expect(await polls(world, 1)).toEqual([3]);
    expect(await figures(world)).toEqual(AS_PUBLISHED);
    world.ees.restoreRoutes();
    expect(await polls(world, 3)).toEqual([0, 0, 0]);
    expect(await figures(world)).toEqual(AS_PUBLISHED);
  }, 120_000);
});

it('a file of the website that an amendment takes out and another puts back is current again', async () => {
  const world = await loadedOnce(false);
  const at = () => new Date(Date.parse('2024-04-02T08:00:30Z') + minute * 60_000).toISOString();
  world.ees.amend({ publication: ABSENCE, release: SLUG, at: at(), remove: [FILE_TITLE] });
  await polls(world, 1);
  expect(await figures(world)).toEqual([]);
  world.ees.amend({
    publication: ABSENCE,
    release: SLUG,
    at: at(),
    add: [{ name: 'wide.csv', title: FILE_TITLE, content: ORIGINAL }],
  });
  await polls(world, 1);
  expect(await figures(world)).toEqual(AS_PUBLISHED);
}, 120_000);

describe('the official API', () => {
  it('refusing everything, as behind a firewall, withdraws nothing', async () => {
    const world = await loadedOnce(true);
    world.ees.fault(({ path }) => (path.startsWith('/statistics') ? { kind: 'forbidden' } : undefined));
    expect(new Set(await polls(world, 4))).toEqual(new Set([3]));
    expect(await figures(world)).toEqual(AS_PUBLISHED);
    world.ees.fault();
    await polls(world, 3);
    expect(await figures(world)).toEqual(AS_PUBLISHED);
  }, 120_000);

  it('with an empty list and nothing behind it withdraws nothing', async () => {
    const world = await loadedOnce(true);
    world.ees.removeRoute(/\/publications\/[^/]+\/data-sets$/, (value) => ({ ...(value as object), results: [] }));
    world.ees.removeRoute(/\/statistics\/v1\/data-sets\/[^/]+$/);
    await polls(world, 4);
    world.ees.restoreRoutes();
    await polls(world, 2);
    expect(await figures(world)).toEqual(AS_PUBLISHED);
  }, 120_000);

  it('withdrawing a version and publishing it again', async () => {
    const world = await loadedOnce(true);
    world.ees.withdrawVersion(LONG_SET, '1.0');
    await polls(world, 2);
    expect(await figures(world)).toEqual([]);
    const [version] = world.ees.dataSet(LONG_SET).versions;
    if (version) version.status = 'Published';
    await polls(world, 2);
    expect(await figures(world)).toEqual(AS_PUBLISHED);
  }, 120_000);

  it('withdrawing a version and publishing the same bytes as a patch', async () => {
    const world = await loadedOnce(true);
    world.ees.withdrawVersion(LONG_SET, '1.0');
    await polls(world, 2);
    amend(world, ORIGINAL);
    await polls(world, 2);
    expect(await figures(world)).toEqual(AS_PUBLISHED);
  }, 120_000);

  it.each([
    ['when it answers', false],
    ['while it is away, and gets its number later', true],
  ])(
    "withdrawing a version whose bytes were published again as a patch %s: they are the patch's",
    async (_when, isAway) => {
      const world = await loadedOnce(true);
      if (isAway)
        world.ees.fault(({ path }) => (path.startsWith('/statistics') ? { kind: 'server error' } : undefined));
      amend(world, ORIGINAL);
      await polls(world, 1);
      world.ees.fault();
      world.ees.withdrawVersion(LONG_SET, '1.0');
      await polls(world, 3);
      expect(await figures(world)).toEqual(AS_PUBLISHED);
      const listed = (await world.program.run('versions', 'list', '--json')).json();
      expect(listed).toMatchObject([{ data_set_version: '1.0.1', state: 'loaded', is_current: true }]);
      expect(world.subjects().filter((subject) => subject.includes('withdrawn'))).toEqual([]);
      world.ees.withdrawVersion(LONG_SET, '1.0.1');
      await polls(world, 3);
      expect(await figures(world)).toEqual([]);
      const [version] = world.ees.dataSet(LONG_SET).versions;
      if (version) version.status = 'Published';
      await polls(world, 3);
      expect(await figures(world)).toEqual(AS_PUBLISHED);
    },
    120_000,
  );

  it.each([
    ['by the official API', false, true],
    ['by the website', true, true],
    ['by the official API and withdrawn with the one', false, false],
  ])(
    "withdrawing a data set whose file, taken %s, goes over to another as it is: it is the other's",
    async (_way, isAway, isFirst) => {
      const world = await watch();
      if (isAway)
        world.ees.fault(({ path }) => (path.startsWith('/statistics') ? { kind: 'server error' } : undefined));
      world.ees.publish({
        publication: ABSENCE,
        slug: SLUG,
        title: 'Academic year 2022/23',
        at: '2024-03-21T09:30:02Z',
        files: [{ name: 'wide.csv', title: FILE_TITLE, content: ORIGINAL, api: { dataSetId: LONG_SET } }],
      });
      await polls(world, 1);
      world.ees.fault();
      const goOver = async (): Promise<void> => {
        const at = new Date(Date.parse('2024-04-02T08:00:30Z') + minute * 60_000).toISOString();
        const enable = [{ file: FILE_TITLE, api: { dataSetId: REASONS_SET } }];
        world.ees.amend({ publication: ABSENCE, release: SLUG, at, enable });
        world.ees.supersedeDataSet(LONG_SET, REASONS_SET);
        await polls(world, 3);
        expect(await figures(world)).toEqual(AS_PUBLISHED);
      };
      if (isFirst) await goOver();
      world.ees.withdrawDataSet(LONG_SET);
      await polls(world, 4);
      expect(await figures(world)).toEqual(isFirst ? AS_PUBLISHED : []);
      if (!isFirst) {
        await goOver();
        world.ees.withdrawDataSet(LONG_SET);
        await polls(world, 2);
      }
      expect(await figures(world)).toEqual(AS_PUBLISHED);
      amend(world, OTHER);
      await polls(world, 2);
      expect(await figures(world)).toEqual(AMENDED);
    },
    120_000,
  );

  it.each([
    ['deprecating a data set', undefined, 'deprecated'],
    ['naming the successor of a data set', REASONS_SET, 'superseded'],
  ])(
    '%s: that is noticed, and its figures stay',
    async (_how, successor, what) => {
      const world = await loadedOnce(true);
      const dataSet = world.ees.dataSet(LONG_SET);
      dataSet.status = 'Deprecated';
      if (successor !== undefined) dataSet.supersedingDataSetId = successor;
      await polls(world, 3);
      expect((await world.noticed()).map((each) => each.what)).toEqual([what]);
      expect(await figures(world)).toEqual(AS_PUBLISHED);
      amend(world, OTHER);
      await polls(world, 2);
      expect(await figures(world)).toEqual(AMENDED);
    },
    120_000,
  );

  it('listing a data set that it had withdrawn again, as deprecated', async () => {
    const world = await loadedOnce(true);
    world.ees.withdrawDataSet(LONG_SET);
    await polls(world, 3);
    expect(await figures(world)).toEqual([]);
    world.ees.dataSet(LONG_SET).status = 'Deprecated';
    await polls(world, 3);
    expect(await figures(world)).toEqual(AS_PUBLISHED);
  }, 120_000);

  it('withdrawing a data set, taken from the website while it was away, and bringing it back', async () => {
    const world = await watch();
    world.ees.fault(({ path }) => (path.startsWith('/statistics') ? { kind: 'server error' } : undefined));
    world.ees.publish({
      publication: ABSENCE,
      slug: SLUG,
      title: 'Academic year 2022/23',
      at: '2024-03-21T09:30:02Z',
      files: [{ name: 'wide.csv', title: FILE_TITLE, content: ORIGINAL, api: { dataSetId: LONG_SET } }],
    });
    await polls(world, 1);
    expect(await figures(world)).toEqual(AS_PUBLISHED);
    world.ees.fault();
    world.ees.withdrawDataSet(LONG_SET);
    await polls(world, 3);
    expect(await figures(world)).toEqual([]);
    world.ees.dataSet(LONG_SET).status = 'Published';
    await polls(world, 3);
    expect(await figures(world)).toEqual(AS_PUBLISHED);
  }, 120_000);
});
