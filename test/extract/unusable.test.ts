/**
 * One route that answers nothing usable is as one that is gone, and the run goes on with the rest in the same poll; an API
 * of which nothing answers is left alone for the rest of the run. What was seen and cannot be had is named.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StandIn, type Fault } from '../../demo/stand-in.js';
import type { EesClient } from '../../src/extract/client.js';
import { discover, type Discovery } from '../../src/extract/discover.js';
import { download } from '../../src/extract/download.js';
import { ABSENCE, clientFor, HURRY, long, LONG_SET, reasons, REASONS_SET, wide } from './support.js';

const LONG = 'Absence for persistent and severe absentees';
const TERM = 'Absence rates by geographic level - autumn term';

let now: number;
let ees: StandIn;
let directory: string;
let memory: unknown;
/** Of the last poll. */
let found: Discovery;

beforeEach(async () => {
  now = Date.parse('2026-04-02T08:00:00Z');
  memory = undefined;
  ees = await StandIn.start({ now: () => new Date(now) });
  directory = await mkdtemp(join(tmpdir(), 'unusable-'));
  ees.publish({
    publication: ABSENCE,
    slug: '2024-25-autumn-term',
    title: 'Autumn term 2024/25',
    at: '2025-08-07T08:30:05Z',
    files: [{ name: 'term.csv', title: TERM, content: wide('Autumn term') }],
  });
  ees.publish({
    publication: ABSENCE,
    slug: '2024-25',
    title: 'Academic year 2024/25',
    at: '2026-03-26T09:30:05Z',
    files: [{ name: 'long.csv', title: LONG, content: long(), api: { dataSetId: LONG_SET } }],
  });
  expect(await poll()).toEqual([TERM, LONG]);
});
afterEach(async () => {
  await ees.close();
  await rm(directory, { recursive: true });
});

/** Two minutes later. @returns the titles of what was loaded */
async function poll(): Promise<string[]> {
  now += 120_000;
  const client: EesClient = clientFor(ees, {
    now: () => now,
    sleep: (ms) => Promise.resolve(void (now += ms)),
    timing: { ...HURRY, attempts: 2 },
  });
  try {
    found = await discover(client, [{ publication: ABSENCE }], memory);
    const handled = [];
    for (const file of found.files)
      try {
        const got = await download(client, file, directory, { stallMs: 300 });
        if (got.kind === 'file') {
          found.fetched(file, got);
          await got.remove();
        }
        handled.push(file);
      } catch (error) {
        found.failed(file, String(error));
      }
    memory = JSON.parse(JSON.stringify(found.remember(handled)));
    return handled.map(({ dataSet }) => dataSet.title);
  } finally {
    client.close();
  }
}

/** Replaces both files. */
function amend(rate: string): void {
  ees.amend({
    publication: ABSENCE,
    release: '2024-25-autumn-term',
    at: new Date((now += 1000)),
    note: `Now ${rate}.`,
    replace: [{ file: 'term.csv', content: wide('Autumn term', rate) }],
  });
  ees.amend({
    publication: ABSENCE,
    release: '2024-25',
    at: new Date((now += 1000)),
    note: `Now ${rate}.`,
    replace: [{ file: 'long.csv', content: long(rate) }],
  });
}

const UNUSABLE: readonly Fault[] = [{ kind: 'HTML' }, { kind: 'server error' }, { kind: 'broken JSON' }];

describe.each(UNUSABLE)('a route of the website answers $kind', (fault) => {
  it.each([
    ['the columns of a file', /\/data-set-files\/[^/]+$/],
    ['the files of a release', /\/data-content$/],
    ['the data catalogue', /\/data-set-files$/],
    ['the notes on amendments', /\/updates$/],
  ])('%s: all is loaded by the same poll, and the route is asked once', async (_what, route) => {
    amend('18.0');
    ees.fault(({ path }) => (path.startsWith('/content') && route.test(path) ? fault : undefined));
    const mark = ees.requests.length;
    expect(await poll()).toEqual([TERM, LONG]);
    expect(found.degraded).toMatchObject([{ api: 'content', source: ABSENCE }]);
    const paths = ees.requests.slice(mark).flatMap(({ path, query }) => (route.test(path) ? [path + query] : []));
    // Each address twice: a try and its repetition.
    expect(paths.length).toBeLessThanOrEqual(2 * new Set(paths).size);
    if (route.test('/data-set-files/x')) expect(paths).toHaveLength(2);
  });

  it('the summary of one release hides no other', async () => {
    amend('18.0');
    ees.fault(({ path }) => (path.endsWith('autumn-term/version-summary') ? fault : undefined));
    expect(await poll()).toEqual([LONG]);
    ees.fault();
    expect(await poll()).toEqual([TERM]);
  });

  it('columns that the official API does not tell: the header of the file decides', async () => {
    ees.removeRoute(/^\/content/);
    amend('18.0');
    ees.fault(({ path }) => (path.endsWith('/meta') ? fault : undefined));
    expect(await poll()).toEqual([LONG]);
  });
});

describe('the website shows new files, and is down from then on', () => {
  beforeEach(() => {
    amend('18.0');
    let isDown = false;
    ees.fault(({ path }) => {
      isDown ||= /\/data-set-files\/[^/]+$/.test(path);
      return isDown && path.startsWith('/content') ? { kind: 'unavailable' } : undefined;
    });
  });

  it('the version of the official API is loaded, and what only the website has is named until it can be had', async () => {
    expect(await poll()).toEqual([LONG]);
    for (let count = 1; count < 4; count += 1) {
      expect(found.unfetched()).toMatchObject([
        { missing: [`"${TERM}" (Autumn term 2024/25)`], failures: count, source: ABSENCE },
      ]);
      const mark = ees.requests.length;
      expect(await poll()).toEqual([]);
      // The listing and one route more, each tried twice.
      expect(ees.requests.slice(mark).filter(({ path }) => path.startsWith('/content'))).toHaveLength(4);
    }
    ees.fault();
    expect(await poll()).toEqual([TERM]);
    expect(found.unfetched()).toEqual([]);
  });

  it('what adds nothing is not fetched: the official API tells its columns', async () => {
    ees.publish({
      publication: ABSENCE,
      slug: '2025-26',
      title: 'Academic year 2025/26',
      at: new Date((now += 1000)),
      files: [{ name: 'why.csv', title: 'Sessions', content: reasons(), api: { dataSetId: REASONS_SET } }],
    });
    expect(await poll()).toEqual([LONG]);
    expect(found.skipped).toMatchObject([{ title: 'Sessions' }]);
  });

  it('a file that the website does not yet call one of the official API comes from there all the same', async () => {
    const without = (value: unknown): unknown =>
      JSON.parse(
        JSON.stringify(value, (key, each: unknown) => (/^(api|publicApiDataSetId)$/.test(key) ? undefined : each)),
      );
    ees.removeRoute(/\/data-content$|\/data-set-files$/, without);
    expect([...(await poll()), ...(await poll())]).toEqual([LONG]);
  });

  it('a version that the official API has later is loaded then', async () => {
    const versions = ees.dataSet(LONG_SET).versions;
    const late = versions.pop();
    expect(await poll()).toEqual([]);
    if (late !== undefined) versions.push(late);
    expect(await poll()).toEqual([LONG]);
  });
});

describe('the files of the official API', () => {
  const GONE = { api: 'official', source: ABSENCE, route: 'data-sets/…/csv', way: 'the official API', missing: [] };

  it.each<Fault>([
    { kind: 'HTML' },
    { kind: 'stall' },
    { kind: 'stall', afterBytes: 0 },
    { kind: 'server error' },
    { kind: 'cut' },
  ])('$kind, while all else is well: the website does, and that is told until one comes again', async (fault) => {
    amend('18.0');
    ees.fault(({ path }) => (path.endsWith('/csv') ? fault : undefined));
    expect(await poll()).toEqual([TERM, LONG]);
    expect(found.standing()).toMatchObject([GONE]);
    const [{ since } = { since: '' }] = found.standing();
    // No file is new: a step of the round asks for its beginning.
    const mark = ees.requests.length;
    const polls = 4;
    // A silence of half a minute is waited for: not in a test.
    if (fault.kind === 'stall') ees.fault();
    for (let quiet = 0; quiet < polls; quiet += 1) expect(await poll()).toEqual([]);
    expect(ees.requests.length - mark).toBe(2 * polls);
    // What is cut later on begins well.
    if (fault.kind === 'HTML' || fault.kind === 'server error')
      expect(found.standing()).toMatchObject([{ ...GONE, since }]);
    ees.fault();
    for (let quiet = 0; quiet < polls; quiet += 1) await poll();
    expect(found.standing()).toEqual([]);
  });

  it('the next one that comes whole tells that they are back', async () => {
    amend('18.0');
    ees.removeRoute(/\/csv$/);
    expect(await poll()).toEqual([TERM, LONG]);
    expect(found.standing()).toMatchObject([GONE]);
    ees.restoreRoutes();
    amend('18.1');
    expect(await poll()).toEqual([TERM, LONG]);
    expect(found.standing()).toEqual([]);
  });

  it('a version that is refused says nothing about the others', async () => {
    amend('18.0');
    ees.fault(({ path }) => (path.endsWith('/csv') ? { kind: 'forbidden' } : undefined));
    expect(await poll()).toEqual([TERM, LONG]);
    expect(found.standing()).toEqual([]);
  });
});

describe('an API of which nothing answers', () => {
  it.each(UNUSABLE)('$kind: no more than two of its places are asked by a run', async (fault) => {
    amend('18.0');
    for (const [api, other] of [
      ['/content', '/statistics'],
      ['/statistics', '/content'],
    ] as const) {
      ees.fault(({ path }) => (path.startsWith(api) ? fault : undefined));
      const mark = ees.requests.length;
      await poll();
      const asked = ees.requests.slice(mark).map(({ path }) => path);
      const places = new Set(asked.filter((path) => path.startsWith(api) && !path.endsWith('/csv')));
      expect(places.size).toBeLessThanOrEqual(2);
      expect(asked.some((path) => path.startsWith(other))).toBe(true);
    }
  });
});
