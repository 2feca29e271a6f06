/** Fault cases 11 to 17: EES in every kind of trouble, and EES that moves things. Every fault at every request: test/extract/faults. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Fault } from '../../demo/stand-in.js';
import { createEesClient } from '../../src/extract/client.js';
import { discover } from '../../src/extract/discover.js';
import { download } from '../../src/extract/download.js';
import type { WantedFile } from '../../src/extract/wanted.js';
import { openDatabase } from '../../src/load/database.js';
import { testDatabaseUrl } from '../support/database.js';
import { zipped } from '../support/zip.js';
import { startMonitor } from './harness/monitor.js';
import { smallWide } from './harness/small-files.js';
import { snapshot, type Snapshot } from './harness/snapshot.js';
import { ABSENCE, CONFIG, CROSSED, publishCrossing, watch, watchWithHistory, type Watch } from './harness/watch.js';

const DOWNLOAD = /\/(csv|files\/[^/]+)$/;
const CROSSING = 'Luton: persistent absence 20.6%, above your 20.0% line';

const ZIP = zipped('data.csv', smallWide(CROSSED));
const GZ = gzipSync(smallWide(CROSSED));

/** With one byte another one. */
function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ 0xff, at);
  return copy;
}

/** What the database holds of figures, events and mails. */
async function held(world: Watch): Promise<Snapshot> {
  const store = await openDatabase(testDatabaseUrl(), { schema: world.program.schema });
  try {
    return await snapshot(store);
  } finally {
    await store.close();
  }
}

/** The next run is well: what was published meanwhile is loaded and told, once. */
async function expectTakenUp(world: Watch): Promise<void> {
  world.ees.fault();
  const { code, report } = await world.run();
  expect(report.files.map(({ outcome }) => outcome)).toEqual(['loaded']);
  expect(code).toBe(0);
  expect(await world.figures()).toContain('202324 20.6');
  expect(world.subjects()).toHaveLength(1);
  expect(world.subjects()[0]).toContain(CROSSING);
}

/** The only file that there is to fetch. */
async function onlyFile(world: Watch): Promise<WantedFile> {
  const client = clientOf(world);
  const { files } = await discover(client, [{ publication: ABSENCE }], undefined, { apiPatienceMs: 0 });
  client.close();
  const [file] = files;
  if (file === undefined) throw new Error('nothing to fetch');
  return file;
}

function clientOf(world: Watch) {
  const { apiUrl, contentUrl } = world.ees;
  const timing = { attempts: 2, firstWaitMs: 5, longestWaitMs: 10 };
  return createEesClient({ apiUrl, contentUrl, version: '0', environment: {}, timing });
}

describe('EES in trouble', () => {
  it('case 11: EES answering 429 with Retry-After, or 500 and 503: it is asked again when it said, the budget ends, the operator hears of it after three failed runs, once', async () => {
    const world = await watchWithHistory();
    publishCrossing(world);
    // One 429: the wait it asks for is kept, and the run is a good one.
    world.ees.fault([{ kind: 'too many requests', retryAfter: 1 }]);
    const asked = world.ees.requests.length;
    const started = performance.now();
    const { report } = await world.run();
    expect(report.files.map(({ outcome }) => outcome)).toEqual(['loaded']);
    expect(performance.now() - started).toBeGreaterThan(950);
    expect(world.ees.requests.length - asked).toBeLessThan(30);

    world.ees.fault(() => ({ kind: 'too many requests', retryAfter: 3_600 }));
    for (let failed = 1; failed <= 4; failed++) {
      world.at(`2025-03-20T1${failed}:00:00Z`);
      const before = world.ees.requests.length;
      const run = await world.run();
      expect(run.code).toBe(1);
      expect(run.report.error).toContain('429');
      expect(world.ees.requests.length - before).toBeLessThan(10);
      expect(world.subjects('ops@luton.example')).toHaveLength(failed < 3 ? 0 : 1);
    }
    world.ees.fault();
    expect((await world.run()).code).toBe(0);
    expect(world.subjects('ops@luton.example')).toEqual([
      expect.stringContaining('EES cannot be read since'),
      'absence-watch: EES answers again',
    ]);
  });

  it('case 11, at the very first run: what then comes is still a first look, and told as one', async () => {
    const world = await watch();
    world.publish({
      slug: '2023-24',
      title: 'Academic year 2023/24',
      at: '2024-03-21T09:30:00Z',
      content: smallWide(CROSSED),
    });
    world.ees.fault(() => ({ kind: 'wrong JSON' }));
    expect((await world.run()).code).toBe(1);
    world.ees.fault();
    expect((await world.run()).code).toBe(0);
    expect((await world.events()).every(({ reason }) => reason.startsWith('first look'))).toBe(true);
    expect(world.subjects()).toEqual([expect.stringMatching(/^First look: Luton/)]);
  });

  it('case 12: EES silent after the headers: the stall ends the try, nothing is kept, nothing hangs', async () => {
    const world = await watch();
    world.publish({
      slug: 'a',
      title: 'Academic year 2023/24',
      at: '2024-03-21T09:30:00Z',
      content: smallWide(CROSSED),
    });
    const file = await onlyFile(world);
    const directory = await mkdtemp(join(tmpdir(), 'stall-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    world.ees.fault(() => ({ kind: 'stall', afterBytes: 400 }));
    const client = clientOf(world);
    const started = performance.now();
    await expect(download(client, file, directory, { stallMs: 150 })).rejects.toThrow(/0\.15 s/);
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(await readdir(directory)).toEqual([]);
    world.ees.fault();
    const got = await download(client, file, directory, { stallMs: 5_000 });
    expect(got).toMatchObject({ kind: 'file', rows: 33 });
    client.close();
  });

  it.each<[string, Fault, RegExp]>([
    ['cut in half', { kind: 'cut' }, /broke off/],
    ['shorter than its length says', { kind: 'wrong length', by: 400 }, /broke off/],
    [
      'longer than its length says',
      { kind: 'wrong length', by: -400 },
      /other bytes than its ETag is of, and ends within a line: it was cut/,
    ],
    ['with a bad gzip trailer', { kind: 'bad gzip trailer' }, /gzip/],
  ])(
    'case 13: a body %s is no short load: it is asked for again, fails, and the next run loads it whole',
    async (_how, fault, says) => {
      const world = await watchWithHistory();
      publishCrossing(world);
      const before = world.ees.requests.length;
      world.ees.fault(({ path }) => (DOWNLOAD.test(path) ? fault : undefined));
      const { code, report } = await world.run();
      expect(code).toBe(3);
      const tries = world.ees.requests.slice(before).filter(({ path }) => DOWNLOAD.test(path)).length;
      expect(tries).toBeGreaterThan(1);
      expect(tries).toBeLessThan(10);
      expect(report.files).toMatchObject([{ outcome: 'failed', rows: 0 }]);
      expect(report.files[0]?.reason).toMatch(says);
      expect(await world.figures()).toEqual(['202122 17', '202223 17']);
      await expectTakenUp(world);
    },
  );

  it.each<[string, Buffer, (whole: Buffer) => Buffer, RegExp]>([
    ['an archive cut in half', ZIP, (whole) => whole.subarray(0, whole.length / 2), /is a broken ZIP archive/],
    ['an archive without its last byte', ZIP, (whole) => whole.subarray(0, -1), /is a broken ZIP archive/],
    ['an archive with a byte of the file changed', ZIP, (whole) => flipped(whole, 200), /cannot be read|checksum/],
    ['a .gz cut in half', GZ, (whole) => whole.subarray(0, whole.length / 2), /cannot be read to its end/],
    ['a .gz with a bad trailer', GZ, (whole) => flipped(whole, whole.length - 6), /cannot be read to its end/],
  ])(
    'case 13, a file at hand: %s is refused with the reason, nothing is loaded; whole it is loaded',
    async (_what, whole, broken, says) => {
      const world = await watch();
      const path = join(world.program.directory, 'data.packed');
      const backfill = ['backfill', '--file', path, '--publication', ABSENCE, '--release', 'By hand'];
      await writeFile(path, broken(whole));
      const said = await world.program.run(...backfill);
      expect(said.code, said.stdout).toBe(1);
      expect(said.stderr).toMatch(says);
      expect((await world.program.run('versions', 'list', '--json')).json()).toEqual([]);
      await writeFile(path, whole);
      const again = await world.program.run(...backfill);
      expect(again.code, again.stderr).toBe(0);
      expect(await world.figures()).toContain('202324 20.6');
    },
  );

  it.each<[string, Fault, RegExp]>([
    ['a web page', { kind: 'HTML' }, /web page|HTML/],
    ['JSON of another shape', { kind: 'wrong JSON' }, /field .*; it begins [{[]/],
  ])(
    'case 14: %s with status 200 is an error that names the address and what came; nothing is loaded',
    async (_what, fault, says) => {
      const world = await watchWithHistory();
      publishCrossing(world);
      world.ees.fault(() => fault);
      const { code, report } = await world.run();
      expect(code).toBe(1);
      expect(report.error).toMatch(says);
      expect(report.error).toContain(world.ees.origin);
      expect(await world.figures()).toEqual(['202122 17', '202223 17']);
      await expectTakenUp(world);
    },
  );

  it('case 15: a publication renamed, a slug redirected, a publication superseded: followed, its figures are the same series, nobody is told that data is missing', async () => {
    const world = await watchWithHistory();
    world.ees.renamePublication(ABSENCE, 'pupil-absence', 'Pupil absence');
    world.at('2025-03-20T09:32:00Z');
    world.ees.publish({
      publication: 'pupil-absence',
      slug: '2023-24',
      title: 'Academic year 2023/24',
      at: '2025-03-20T09:30:05Z',
      files: [{ name: 'wide.csv', title: 'Absence rates by geographic level', content: smallWide(CROSSED) }],
    });
    const { code, report } = await world.run();
    expect(report.files.map(({ outcome }) => outcome)).toEqual(['loaded']);
    expect(code).toBe(0);
    expect(report.notes.join('\n')).toContain(`"${ABSENCE}" is called "pupil-absence" at EES now`);
    expect(await world.noticed()).toContainEqual({ publication: ABSENCE, what: 'renamed' });
    expect((await world.events()).filter(({ muted }) => muted === null).map(({ event }) => event)).toEqual(['crossed']);
    expect(await world.figures()).toEqual(['202122 17', '202223 17', '202324 20.6']);

    world.at('2025-09-01T09:32:00Z');
    world.ees.publish({ publication: 'the-new-one', slug: 'x', title: 'Academic year 2023/24', files: [] });
    world.ees.supersedePublication('pupil-absence', 'the-new-one');
    const after = await world.run();
    expect(after.code).toBe(0);
    expect(after.report.notes.join('\n')).toContain('"pupil-absence" was superseded by "the-new-one"');
    expect(await world.noticed()).toContainEqual({ publication: 'pupil-absence', what: 'superseded' });
    expect(world.subjects()).toHaveLength(1);
    // Said once: the run after it has nothing to say of either.
    world.at('2025-09-01T09:34:00Z');
    const quiet = await world.run();
    expect(quiet.report.notes).toEqual([]);
    expect(world.subjects('ops@luton.example')).toEqual([]);
  });

  it('case 15: a publication that answers 404 and is listed nowhere any more: status tells it, the operator once, and nobody hears that data is missing', async () => {
    const world = await watchWithHistory();
    publishCrossing(world);
    await world.run();
    const before = await held(world);
    world.ees.removeRoute(/\/sitemap-items$/, () => []);
    world.ees.removeRoute(new RegExp(`/publications/${ABSENCE}`));
    world.ees.removeRoute(/\/statistics\/v1\/publications$/, (page) => ({ ...(page as object), results: [] }));
    world.ees.removeRoute(/\/statistics\/v1\/publications\/./);
    for (let minute = 10; minute <= 18; minute += 2) {
      world.at(`2025-04-05T09:${minute}:00Z`);
      expect((await world.run()).code).toBe(0);
    }
    const status = (await world.program.run('status', '--json')).json() as { health: { attention: string[] } };
    expect(status.health.attention.join()).toContain(`"${ABSENCE}" is not among the publications of the website`);
    expect(world.subjects('ops@luton.example')).toEqual([`absence-watch: EES does not list ${ABSENCE}`]);
    const after = await held(world);
    for (const what of ['absence', 'alert_event', 'states', 'owed', 'versions'])
      expect(after[what], what).toEqual(before[what]);
    expect(world.subjects()).toHaveLength(1);
  });

  it('case 16: the same release polled again: no load, no mail, a few requests; the monitor hears start and success, and nothing else is written', async () => {
    const { url, heard } = await startMonitor();
    const world = await watchWithHistory({ config: `${CONFIG}heartbeat_url: ${url}\n` });
    publishCrossing(world);
    await world.run();
    const before = await held(world);
    heard.length = 0;
    const asked = world.ees.requests.length;
    for (const minute of ['34', '36', '38']) {
      world.at(`2025-03-20T09:${minute}:00Z`);
      const { code, report } = await world.run();
      expect(code).toBe(0);
      expect(report).toMatchObject({ files: [], events: 0, mails: { sent: 0, composed: 0 } });
    }
    expect(world.ees.requests.length - asked).toBeLessThanOrEqual(6);
    expect(heard).toEqual(['/ping/start', '/ping', '/ping/start', '/ping', '/ping/start', '/ping']);
    expect(await held(world)).toEqual(before);
    expect(world.mail.messages).toHaveLength(1);
  });

  it('case 17: an amendment is a version beside the old one; what was mailed and changed is told as a correction, nothing else is', async () => {
    const world = await watchWithHistory();
    publishCrossing(world);
    await world.run();
    world.at('2025-04-03T09:32:00Z');
    const content = smallWide({ ...CROSSED, shares: { 'Luton 2023': [19.8, 1.8], 'Derby 2023': [17.4, 1.7] } });
    world.amend({ slug: '2023-24', at: '2025-04-03T09:30:00Z', content, note: 'Luton corrected.' });
    const { report } = await world.run();
    expect(report.files).toMatchObject([{ outcome: 'loaded', version: '1.0.2' }]);
    expect(report.files[0]?.diff).toMatchObject({ added: 0, gone: 0 });
    expect(report.files[0]?.diff?.changed).toBeGreaterThan(0);
    const versions = (await world.program.run('versions', 'list', '--json')).json() as unknown[];
    expect(versions).toHaveLength(3);
    expect(await world.figures()).toContain('202324 19.8');
    expect(world.subjects()).toEqual([
      expect.stringContaining(CROSSING),
      expect.stringMatching(/^Correction: Luton: persistent absence was 20\.6%, now 19\.8%/),
    ]);
  });
});

describe('a release amended in words only', () => {
  it('case 17, words only: nothing is fetched, nobody is told', async () => {
    const world = await watchWithHistory();
    world.at('2024-05-03T09:32:00Z');
    world.ees.amend({ publication: ABSENCE, release: '2022-23', at: '2024-05-03T09:30:00Z', note: 'Wording.' });
    const { code, report } = await world.run();
    expect(code).toBe(0);
    expect(report.files.filter(({ outcome }) => outcome !== 'unchanged')).toEqual([]);
    expect(world.subjects()).toEqual([]);
  });
});
