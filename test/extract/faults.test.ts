import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StandIn, type Fault } from '../../demo/stand-in.js';
import type { EesClient } from '../../src/extract/client.js';
import { discover } from '../../src/extract/discover.js';
import { download } from '../../src/extract/download.js';
import { ABSENCE, clientFor, HURRY, long, LONG_SET, wide } from './support.js';

const FAULTS: readonly Fault[] = [
  { kind: 'reset' },
  { kind: 'stall' },
  { kind: 'cut' },
  { kind: 'bad gzip trailer' },
  { kind: 'server error' },
  { kind: 'bad gateway' },
  { kind: 'unavailable' },
  { kind: 'too many requests' },
  { kind: 'too many requests', retryAfter: 0 },
  { kind: 'wrong JSON' },
  { kind: 'broken JSON' },
  { kind: 'HTML' },
  { kind: 'redirect loop' },
  { kind: 'slow drip', everyMs: 50 },
];

/** What one request may take at most here: a stall or a drip ends after this. */
const DEADLINE = 150;
const TIMING = { requestMs: DEADLINE, headersMs: DEADLINE, attempts: 2, firstWaitMs: 1, longestWaitMs: 2 };
const LIMITS = { stallMs: DEADLINE, totalMs: DEADLINE };
/** For runs without a fault: a busy machine must not look like one. */
const WELL = { ...HURRY, requestMs: 20_000, headersMs: 20_000 };

let ees: StandIn;
let directory: string;

beforeAll(async () => {
  ees = await StandIn.start();
  directory = await mkdtemp(join(tmpdir(), 'faults-'));
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
afterAll(async () => {
  await ees.close();
  await rm(directory, { recursive: true });
});

interface Run {
  readonly got: string[];
  readonly memory: unknown;
  readonly failed: boolean;
}

/** One run from nothing, or from what the one before remembered. */
async function run(memory?: unknown, well = false): Promise<Run> {
  const client: EesClient = clientFor(ees, { timing: well ? WELL : TIMING });
  const got: string[] = [];
  let failed = false;
  try {
    const found = await discover(client, [{ publication: ABSENCE }], memory, { apiPatienceMs: 0 });
    const handled = [];
    for (const file of found.files) {
      try {
        const result = await download(client, file, directory, well ? {} : LIMITS);
        if (result.kind !== 'file') throw new Error('nothing was held yet');
        got.push(`${file.dataSet.title} ${result.rows}`);
        handled.push(file);
        await result.remove();
      } catch {
        failed = true;
      }
    }
    return { got, failed, memory: JSON.parse(JSON.stringify(found.remember(handled))) as unknown };
  } catch {
    return { got, failed: true, memory };
  } finally {
    client.close();
  }
}

const ALL = ['Absence for persistent and severe absentees 3', 'Absence rates by geographic level 2'];

describe.each(FAULTS)('$kind, met by each request of a run in turn', (fault) => {
  it('ends within the deadline, leaves nothing half done, and the next run completes', async () => {
    ees.fault();
    const start = ees.requests.length;
    await run(undefined, true);
    const requests = ees.requests.length - start;
    expect(requests).toBeGreaterThan(9);
    for (let index = 0; index < requests; index += 1) {
      ees.fault(Array.from({ length: index + 1 }, (_, at) => (at === index ? fault : undefined)));
      const started = performance.now();
      const first = await run();
      // One request met the fault, at most one retry of it came to the same deadline.
      expect(performance.now() - started, `request ${index}`).toBeLessThan(4 * DEADLINE + 3000);
      expect(await readdir(directory), `request ${index}`).toEqual([]);
      ees.fault();
      const second = first.got.length === ALL.length ? undefined : await run(first.memory, true);
      expect([...first.got, ...(second?.got ?? [])].sort(), `request ${index}`).toEqual(ALL);
    }
  });
});

describe.each(FAULTS)('$kind, met by every request', (fault) => {
  it('ends within the deadlines, with nothing half done, and heals', async () => {
    ees.fault(() => fault);
    const started = performance.now();
    const first = await run();
    expect(performance.now() - started).toBeLessThan(40 * DEADLINE + 3000);
    expect(first.failed || first.got.length === ALL.length).toBe(true);
    expect(await readdir(directory)).toEqual([]);
    ees.fault();
    const second = await run(first.memory, true);
    expect([...first.got, ...second.got].sort()).toEqual(ALL);
  });
});
