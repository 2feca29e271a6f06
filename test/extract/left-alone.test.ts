/** A host that asks for more time than a run waits is left alone by the schedule until then, run after run. */
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../src/config.js';
import { openDatabase } from '../../src/load/database.js';
import { runOnce, type RunReport } from '../../src/pipeline.js';
import type { Status } from '../../src/service/status.js';
import { smallWide } from '../fault/harness/small-files.js';
import { CROSSED, publishCrossing, watchWithHistory, type Watch } from '../fault/harness/watch.js';
import { testDatabaseUrl } from '../support/database.js';

interface Scheduled {
  readonly world: Watch;
  /** A run of the schedule, and how often each API was asked. */
  readonly run: (time: string) => Promise<{ report: RunReport; official: number; content: number }>;
  readonly status: (time: string) => Promise<Status>;
}

async function scheduled(): Promise<Scheduled> {
  const world = await watchWithHistory();
  const store = await openDatabase(testDatabaseUrl(), { schema: world.program.schema });
  onTestFinished(() => store.close());
  const settings = await loadConfig('watch.yaml', world.program.env, world.program.directory);
  return {
    world,
    async run(time) {
      world.at(time);
      const from = world.ees.requests.length;
      const report = await runOnce({
        ...{ store, settings, log: pino({ level: 'silent' }), trigger: 'schedule' },
        now: () => new Date(time),
        signal: new AbortController().signal,
      });
      const asked = world.ees.requests.slice(from).map(({ path }) => path);
      return {
        report,
        official: asked.filter((path) => path.startsWith('/statistics')).length,
        content: asked.filter((path) => path.startsWith('/content')).length,
      };
    },
    async status(time) {
      world.at(time);
      return (await world.program.run('status', '--json')).json() as Status;
    },
  };
}

const refuse = (world: Watch, paths: RegExp, retryAfter: number): void => {
  world.ees.fault(({ path }) => (paths.test(path) ? { kind: 'too many requests', retryAfter } : undefined));
};

it('the website: not asked by the schedule before the time that it gave, told in status, asked again then', async () => {
  const { world, run, status } = await scheduled();
  refuse(world, /^\/content/, 7200);
  expect((await run('2024-04-02T09:00:00Z')).content).toBe(1);
  world.ees.fault();
  expect(await run('2024-04-02T09:02:00Z')).toMatchObject({ content: 0, report: { outcome: 'in part' } });
  const told = await status('2024-04-02T09:03:00Z');
  expect(told.left_alone).toMatchObject([{ api: 'content', until: '2024-04-02T11:00:00.000Z' }]);
  expect(told.health.attention.join('\n')).toMatch(/^The website asked for time until 2 Apr 2024, 12:00 /m);
  expect((await run('2024-04-02T10:59:00Z')).content).toBe(0);
  publishCrossing(world, smallWide(CROSSED));
  expect(await run('2024-04-02T11:00:00Z')).toMatchObject({ report: { outcome: 'done' } });
  expect((await status('2024-04-02T11:01:00Z')).left_alone).toEqual([]);
}, 60_000);

it('both: nothing is asked, the run says why, and nothing is lost', async () => {
  const { world, run, status } = await scheduled();
  refuse(world, /./, 3600);
  await run('2025-03-20T09:30:00Z');
  world.ees.fault();
  const between = await run('2025-03-20T09:40:00Z');
  expect([between.official, between.content, between.report.outcome]).toEqual([0, 0, 'failed']);
  expect(between.report.error).toContain('asked to be left alone until 2025-03-20T10:30:00.000Z');
  expect((await status('2025-03-20T09:41:00Z')).left_alone).toHaveLength(2);
  publishCrossing(world);
  expect((await run('2025-03-20T10:30:00Z')).report.files.map(({ outcome }) => outcome)).toEqual(['loaded']);
}, 60_000);

it('no longer than a day, however long it asks for; a clock that was ahead for a run holds up nothing', async () => {
  const { world, run } = await scheduled();
  refuse(world, /^\/content/, 10 * 86_400);
  await run('2024-04-02T09:00:00Z');
  expect((await run('2024-04-03T08:58:00Z')).content).toBe(0);
  expect((await run('2024-04-03T09:00:00Z')).content).toBe(1);
  await run('2031-04-03T09:00:00Z');
  expect((await run('2024-04-04T09:02:00Z')).content).toBe(1);
}, 60_000);

it('a run by hand asks all the same, and an answer ends it', async () => {
  const { world, run } = await scheduled();
  refuse(world, /^\/content/, 7200);
  await run('2024-04-02T09:00:00Z');
  world.at('2024-04-02T09:10:00Z');
  await world.run();
  expect((await run('2024-04-02T09:12:00Z')).content).toBe(0);
  world.ees.fault();
  world.at('2024-04-02T09:14:00Z');
  expect((await world.run()).code).toBe(0);
  expect(await run('2024-04-02T09:16:00Z')).toMatchObject({ content: 1, report: { outcome: 'done' } });
}, 60_000);
