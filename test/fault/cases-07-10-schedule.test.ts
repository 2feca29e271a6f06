/** Fault cases 7 to 10: two of a kind, the clock, a run that takes too long. */
import { setTimeout as wait } from 'node:timers/promises';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openEdges } from '../../src/alerts/operator.js';
import { loadConfig } from '../../src/config.js';
import { withRunLock } from '../../src/load/runs.js';
import { startService, type Service } from '../../src/service/service.js';
import { claimSlot, noteOverlap, settleSlot, slotsOf, type NextSlots } from '../../src/service/slots.js';
import { openDatabase, type Store } from '../../src/load/database.js';
import { freshStore, secondStore, testDatabaseUrl } from '../support/database.js';
import { CONFIG, publishCrossing, watchWithHistory, type Watch } from './harness/watch.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** The program of a case as a service of this process. */
async function serviceOf(world: Watch, now: () => Date): Promise<{ service: Service; drain: () => Promise<void> }> {
  const store = await openDatabase(testDatabaseUrl(), { schema: world.program.schema });
  const settings = await loadConfig('watch.yaml', world.program.env, world.program.directory);
  const stop = new AbortController();
  const log = pino({ level: 'silent' });
  const service = startService({ store, settings, log, now, signal: stop.signal, beatMs: 30, deliverMs: 30 });
  let isDrained = false;
  const drain = async (): Promise<void> => {
    if (isDrained) return;
    isDrained = true;
    stop.abort();
    await service.ended;
    await store.close();
  };
  onTestFinished(drain);
  return { service, drain };
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 3_000; tries++) {
    if (await isSo()) return;
    await wait(10);
  }
  throw new Error('it did not come about within half a minute');
}

/** Slots of an expression in London. */
function slots(...cron: string[]): NextSlots {
  return slotsOf({ cron, timezone: 'Europe/London' });
}

const runs = async (store: Store): Promise<string[]> =>
  (await store.db.selectFrom('run_record').select('outcome').orderBy('id').execute()).map(({ outcome }) => outcome);

describe('two of a kind, clocks, long runs', () => {
  it('case 07: a second run, or a backfill, beside a run ends with exit code 4 and says who holds the database; two services load a release once', async () => {
    const world = await watchWithHistory();
    const store = await openDatabase(testDatabaseUrl(), { schema: world.program.schema });
    onTestFinished(() => store.close());
    await withRunLock(store, { trigger: 'schedule' }, async (run) => {
      for (const command of [['run'], ['backfill', '--publication', 'pupil-absence-in-schools-in-england']]) {
        const said = await world.program.run(...command);
        expect(said.code).toBe(4);
        expect(said.stderr).toContain(`Run ${run.id} (schedule) holds this database`);
      }
      return { end: { outcome: 'done', detail: {} }, result: undefined };
    });

    publishCrossing(world);
    const at = new Date('2025-03-20T09:32:00Z');
    const services = [await serviceOf(world, () => at), await serviceOf(world, () => at)];
    await until(() => world.mail.messages.length > 0);
    await until(() => services.every(({ service }) => service.state.role !== 'starting'));
    await wait(300);
    expect(services.map(({ service }) => service.state.role).sort()).toEqual(['active', 'standby']);
    for (const { drain } of services) await drain();
    const loaded = await store.db.selectFrom('data_set_version').select('sha256').execute();
    expect(new Set(loaded.map(({ sha256 }) => sha256)).size).toBe(loaded.length);
    expect(world.subjects()).toHaveLength(1);
  });

  it('case 08: down over many slots, asleep, or set back by three hours: one run stands for what was missed, none comes twice', async () => {
    const store = await freshStore('embedded');
    const next = slots('*/15 7-19 * * *');
    const start = new Date('2026-06-01T09:00:00Z');
    const served: Date[] = [];
    const look = async (at: Date): Promise<number | undefined> => {
      const slot = await claimSlot(store, next, at);
      if (slot === undefined) return undefined;
      served.push(slot.dueAt);
      await settleSlot(store, slot.dueAt, 1);
      return slot.missed;
    };
    expect(await look(start)).toBe(0);
    // Four slots went by while nobody was there: 09:15 to 10:00.
    expect(await look(new Date('2026-06-01T10:01:00Z'))).toBe(3);
    expect(await look(new Date('2026-06-01T10:02:00Z'))).toBeUndefined();
    expect(await runs(store)).toEqual(['missed']);
    // The clock jumps three hours ahead, and is put right again.
    expect(await look(new Date('2026-06-01T13:02:00Z'))).toBe(11);
    for (let at = new Date('2026-06-01T10:02:00Z').getTime(); at < Date.parse('2026-06-01T10:14:00Z'); at += 4 * MINUTE)
      expect(await look(new Date(at))).toBeUndefined();
    // What falls due by the right clock is run, once each, also where the wrong clock had been already.
    for (let at = Date.parse('2026-06-01T10:14:00Z'); at <= Date.parse('2026-06-01T14:00:00Z'); at += 2 * MINUTE)
      await look(new Date(at));
    expect(new Set(served.map(Number)).size).toBe(served.length);
    expect(served.map((slot) => slot.toISOString())).toContain('2026-06-01T10:15:00.000Z');
    expect(await look(new Date('2026-06-01T14:00:30Z'))).toBeUndefined();
  });

  it('case 08, a service whose clock jumps three hours ahead and back: one run for what was missed, no slot twice, and news is mailed at once by the right clock', async () => {
    const world = await watchWithHistory({ config: `${CONFIG}schedule: { cron: "*/15 * * * *" }\n` });
    const store = await openDatabase(testDatabaseUrl(), { schema: world.program.schema });
    onTestFinished(() => store.close());
    /** Slots that were run, in the order of their runs, and whether one is due. */
    const served = async (): Promise<string[]> => {
      const rows = await store.db.selectFrom('slot').select(['due_at', 'state', 'run_id']).orderBy('run_id').execute();
      return rows
        .filter(({ state, run_id }) => state === 'done' && run_id !== null)
        .map(({ due_at }) => due_at.toISOString().slice(11, 16));
    };
    const recorded = async (): Promise<string[]> => (await runs(store)).slice(1);
    let now = new Date();
    const clock = (time: string): void => {
      now = new Date(`2025-03-20T${time}:00Z`);
      world.at(now.toISOString());
    };
    clock('06:01');
    const { service, drain } = await serviceOf(world, () => now);
    await until(async () => (await served()).length === 1);
    const [first] = await served();
    clock('09:01');
    await until(async () => (await served()).length === 2);
    clock('06:16');
    await until(async () => (await served()).length === 3);
    // Several looks later it is still so.
    await wait(300);
    expect(await served()).toEqual([first, '09:00', '06:15']);
    expect((await recorded()).filter((outcome) => outcome === 'missed')).toHaveLength(1);
    publishCrossing(world);
    clock('09:31');
    await until(() => world.subjects().length > 0);
    expect(world.subjects()).toEqual([expect.stringMatching(/^Luton: persistent absence 20\.6%/)]);
    await until(async () => (await served()).length === 4);
    await wait(300);
    expect(await served()).toEqual([first, '09:00', '06:15', '09:30']);
    expect(service.state.trouble).toBeUndefined();
    await drain();
    expect(world.subjects()).toHaveLength(1);
    // A clock that was put right is no restored backup, nor any other news for the operator.
    expect(world.subjects('ops@luton.example')).toEqual([]);
  });

  it.each(['2027-03-28', '2027-10-31'])(
    'case 09: on %s, when the clocks change in London, no slot is lost and none is doubled',
    async (day) => {
      const next = slots('*/15 * * * *', '30 1 * * *', '30 9 * * *');
      const store = await freshStore('embedded');
      const from = Date.parse(`${day}T00:00:00Z`) - 24 * HOUR;
      await claimSlot(store, next, new Date(from));
      const served: number[] = [];
      for (let at = from + MINUTE; at <= from + 72 * HOUR; at += 15 * MINUTE) {
        const slot = await claimSlot(store, next, new Date(at));
        if (slot === undefined) continue;
        expect(slot.missed).toBe(0);
        served.push(slot.dueAt.getTime());
        await settleSlot(store, slot.dueAt, 1);
      }
      // Every quarter of an hour that the world saw, whatever London called it, and nothing else.
      const quarters = Array.from({ length: 72 * 4 - 1 }, (_, index) => from + (index + 1) * 15 * MINUTE);
      expect(served).toEqual(quarters);
    },
  );

  it('case 10: a run that is not over when the next slots come: they are recorded as overlap, and one run stands for them', async () => {
    const store = await freshStore('postgres');
    const other = await secondStore(store);
    const next = slots('*/15 * * * *');
    const start = new Date('2026-06-01T09:00:00Z');
    const first = await claimSlot(store, next, start);
    for (const minutes of [15, 20, 30, 45])
      await noteOverlap(other, next, 'a run of the service', new Date(start.getTime() + minutes * MINUTE));
    await settleSlot(store, first?.dueAt ?? start, 1);
    const after = await claimSlot(store, next, new Date(start.getTime() + 50 * MINUTE));
    expect(after).toMatchObject({ missed: 0, waited: 3, dueAt: new Date('2026-06-01T09:45:00Z') });
    expect(await runs(store)).toEqual(['overlap']);
    await settleSlot(store, after?.dueAt ?? start, 2);
    expect(await claimSlot(store, next, new Date(start.getTime() + 51 * MINUTE))).toBeUndefined();
  });

  it('case 10, more slots than failures_before_mail: status names since when and how many wait, the operator is mailed once, and one run stands for all', async () => {
    const schedule = 'failures_before_mail: 2\nschedule: { cron: "*/15 * * * *", timezone: Europe/London }\n';
    const world = await watchWithHistory({ config: `${CONFIG}${schedule}` });
    const store = await openDatabase(testDatabaseUrl(), { schema: world.program.schema });
    onTestFinished(() => store.close());
    const attention = async (): Promise<string> =>
      (
        (await world.program.run('status', '--json')).json() as { health: { attention: string[] } }
      ).health.attention.join();
    const waiting = async (): Promise<number> =>
      (await store.db.selectFrom('slot').select('due_at').where('state', '=', 'due').execute()).length;
    let now = new Date('2024-03-21T10:00:00Z');
    await withRunLock(store, { trigger: 'backfill' }, async (run) => {
      await serviceOf(world, () => now);
      for (let slot = 1; slot <= 4; slot++) {
        await until(async () => (await waiting()) === slot);
        if (slot === 2) expect(await attention()).not.toContain('waited');
        now = new Date(now.getTime() + (slot < 4 ? 15 * MINUTE : 0));
      }
      await until(() => world.subjects('ops@luton.example').length > 0);
      world.at(now.toISOString());
      // A slot is there before it is on record what it met.
      await until(async () => (await attention()).startsWith('4 slots'));
      expect(await attention()).toMatch(
        new RegExp(`4 slots of the schedule have waited since .*10:00.* for the end of run ${run.id} \\(backfill\\)`),
      );
      return { end: { outcome: 'done', detail: {} }, result: undefined };
    });
    await until(async () => (await waiting()) === 0);
    expect(await attention()).not.toContain('waited');
    expect(world.subjects('ops@luton.example')).toEqual([
      'absence-watch: a run keeps the schedule waiting since 2024-03-21T10:00Z',
    ]);
    const edges = async () => (await openEdges(store)).map(({ key }) => key);
    await until(async () => !(await edges()).includes('overlap'));
  });
});
