import { describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import type { Store } from '../../src/load/database.js';
import {
  changedTo,
  claimSlot,
  dueSlot,
  noteOverlap,
  postponeSlot,
  recoverSlots,
  settleSlot,
  slotsOf,
  type NextSlots,
} from '../../src/service/slots.js';
import { freshStore, secondStore } from '../support/database.js';

const HALF_PAST_NINE = { cron: ['30 9 * * 1-5', '*/15 7-19 * * *'], timezone: 'Europe/London' };
const next = slotsOf(HALF_PAST_NINE);
const at = (text: string): Date => new Date(text);

async function states(store: Store): Promise<string[]> {
  const rows = await store.db.selectFrom('slot').selectAll().orderBy('due_at').execute();
  return rows.map((row) => `${row.due_at.toISOString().slice(5, 16)} ${row.state}`);
}

async function notRun(store: Store): Promise<{ outcome: string; detail: Record<string, unknown> }[]> {
  return store.db.selectFrom('run_record').select(['outcome', 'detail']).orderBy('id').execute();
}

describe('which slot is due', () => {
  it('is the newest, and stands for those before it', () => {
    expect(dueSlot(next, at('2026-11-23T09:00:00Z'), at('2026-11-23T09:14:59Z'))).toBeUndefined();
    expect(dueSlot(next, at('2026-11-23T09:00:00Z'), at('2026-11-23T09:15:00Z'))).toEqual({
      dueAt: at('2026-11-23T09:15:00Z'),
      missed: 0,
    });
  });

  it('is one after a laptop slept for three days', () => {
    // 52 quarters of an hour a day, where 09:30 meets one of them: three whole days are 156 slots.
    expect(dueSlot(next, at('2026-11-20T12:00:00Z'), at('2026-11-23T12:00:00Z'))).toEqual({
      dueAt: at('2026-11-23T12:00:00Z'),
      missed: 155,
    });
  });

  it('is found after a year, with the missed ones of the last week', () => {
    const due = dueSlot(next, at('2025-11-20T12:00:00Z'), at('2026-11-20T12:00:00Z'));
    expect(due).toEqual({ dueAt: at('2026-11-20T12:00:00Z'), missed: 7 * 52 - 1 });
  });

  it('is found of a schedule that looks twice a year', () => {
    const rare: NextSlots = slotsOf({ cron: ['0 10 24 3,10 *'], timezone: 'Europe/London' });
    expect(dueSlot(rare, at('2025-11-20T12:00:00Z'), at('2026-11-20T12:00:00Z'))).toEqual({
      dueAt: at('2026-10-24T09:00:00Z'),
      missed: 1,
    });
  });
});

describe('a schedule that is changed', () => {
  const changed = at('2026-11-23T09:03:30Z');
  const minutely = slotsOf({ cron: ['* * * * *'], timezone: 'Europe/London' });
  const hourly = slotsOf({ cron: ['0 * * * *'], timezone: 'Europe/London' });
  const minutes = (slots: readonly Date[]): string[] => slots.map((slot) => slot.toISOString().slice(11, 16));

  it('has the slots of each expression for the time in which it held', () => {
    const [start, end] = [at('2026-11-23T08:58:30Z'), at('2026-11-23T09:05:00Z')];
    expect(minutes(changedTo(hourly, minutely, changed)(start, end))).toEqual(['09:00', '09:04', '09:05']);
    expect(minutes(changedTo(minutely, hourly, changed)(start, end))).toEqual([
      ...['08:59', '09:00', '09:01', '09:02', '09:03'],
    ]);
  });

  it('holds where the clock is set back behind the change', () => {
    const next = changedTo(hourly, minutely, changed);
    expect(minutes(next(at('2026-11-23T08:00:00Z'), at('2026-11-23T08:02:00Z')))).toEqual(['08:01', '08:02']);
  });
});

describe.each(['embedded', 'postgres'] as const)('slots on record (%s)', (kind) => {
  it('begin with a look at once, and then follow the schedule, each once', async () => {
    const store = await freshStore(kind);
    expect(await claimSlot(store, next, at('2026-11-23T09:01:00Z'))).toEqual({
      dueAt: at('2026-11-23T09:01:00Z'),
      missed: 0,
      waited: 0,
    });
    await settleSlot(store, at('2026-11-23T09:01:00Z'), 1);
    expect(await claimSlot(store, next, at('2026-11-23T09:14:00Z'))).toBeUndefined();
    const slot = await claimSlot(store, next, at('2026-11-23T09:15:03Z'));
    expect(slot?.dueAt).toEqual(at('2026-11-23T09:15:00Z'));
    expect(await claimSlot(store, next, at('2026-11-23T09:15:04Z'))).toBeUndefined();
    await settleSlot(store, at('2026-11-23T09:15:00Z'), 2);
    expect(await states(store)).toEqual(['11-23T09:01 done', '11-23T09:15 done']);
    expect(await notRun(store)).toEqual([]);
  });

  it('missed collapse into one run, and the missing is recorded', async () => {
    const store = await freshStore(kind);
    await claimSlot(store, next, at('2026-11-20T12:00:00Z'));
    await settleSlot(store, at('2026-11-20T12:00:00Z'), 1);
    const slot = await claimSlot(store, next, at('2026-11-23T12:00:05Z'));
    expect(slot).toEqual({ dueAt: at('2026-11-23T12:00:00Z'), missed: 155, waited: 0 });
    expect(await notRun(store)).toEqual([{ outcome: 'missed', detail: { slots: 155 } }]);
    expect(await claimSlot(store, next, at('2026-11-23T12:00:06Z'))).toBeUndefined();
  });

  it('of another schedule count from the last look, in another process too', async () => {
    const store = await freshStore(kind);
    const minutely = slotsOf({ cron: ['* * * * *'], timezone: 'Europe/London' });
    const early = slotsOf({ cron: ['0 6 * * *'], timezone: 'Europe/London' });
    await claimSlot(store, minutely, at('2026-11-23T09:00:00Z'));
    await settleSlot(store, at('2026-11-23T09:00:00Z'), 1);
    for (const time of ['2026-11-23T09:00:20Z', '2026-11-23T09:03:40Z'])
      expect(await claimSlot(store, early, at(time))).toBeUndefined();
    expect(await claimSlot(store, minutely, at('2026-11-23T09:03:50Z'))).toBeUndefined();
    expect(await notRun(store)).toEqual([]);
    expect(await claimSlot(store, minutely, at('2026-11-23T09:10:05Z'))).toEqual({
      dueAt: at('2026-11-23T09:10:00Z'),
      missed: 6,
      waited: 0,
    });
  });

  it('that meet another run wait for its end, under one record, and one run stands for all of them', async () => {
    const store = await freshStore(kind);
    await claimSlot(store, next, at('2026-11-23T09:00:00Z'));
    await settleSlot(store, at('2026-11-23T09:00:00Z'), 1);
    const first = await claimSlot(store, next, at('2026-11-23T09:15:00Z'));
    if (first === undefined) throw new Error('a slot was due');
    await postponeSlot(store, first, 'run 7 (backfill)', at('2026-11-23T09:15:01Z'));
    const again = await claimSlot(store, next, at('2026-11-23T09:16:00Z'));
    expect(again).toEqual({ dueAt: at('2026-11-23T09:15:00Z'), missed: 0, waited: 1 });
    await postponeSlot(store, first, 'run 7 (backfill)', at('2026-11-23T09:16:01Z'));
    const second = await claimSlot(store, next, at('2026-11-23T09:30:00Z'));
    expect(second).toEqual({ dueAt: at('2026-11-23T09:30:00Z'), missed: 0, waited: 1 });
    if (second === undefined) throw new Error('a slot was due');
    await postponeSlot(store, second, 'run 7 (backfill)', at('2026-11-23T09:30:01Z'));
    expect(await notRun(store)).toEqual([{ outcome: 'overlap', detail: { met: 'run 7 (backfill)' } }]);

    const third = await claimSlot(store, next, at('2026-11-23T09:31:00Z'));
    expect(third).toEqual({ dueAt: at('2026-11-23T09:30:00Z'), missed: 0, waited: 2 });
    await settleSlot(store, at('2026-11-23T09:30:00Z'), 8);
    expect(await states(store)).toEqual(['11-23T09:00 done', '11-23T09:15 overlap', '11-23T09:30 done']);
    expect(await claimSlot(store, next, at('2026-11-23T09:32:00Z'))).toBeUndefined();
  });

  it("that fall due in one's own run wait for its end as well", async () => {
    const store = await freshStore(kind);
    const own = await claimSlot(store, next, at('2026-11-23T09:00:00Z'));
    await noteOverlap(store, next, 'a run of the service', at('2026-11-23T09:15:00Z'));
    expect(await noteOverlap(store, next, 'a run of the service', at('2026-11-23T09:15:10Z'))).toBeUndefined();
    await noteOverlap(store, next, 'a run of the service', at('2026-11-23T09:31:00Z'));
    if (own === undefined) throw new Error('a slot was due');
    await settleSlot(store, own.dueAt, 1);
    expect(await states(store)).toEqual(['11-23T09:00 done', '11-23T09:15 due', '11-23T09:30 due']);
    expect(await notRun(store)).toHaveLength(1);
    expect(await claimSlot(store, next, at('2026-11-23T09:31:00Z'))).toMatchObject({ waited: 2 });
  });

  it('left running by a crash are run again, unless their run had ended', async () => {
    const store = await freshStore(kind);
    await claimSlot(store, next, at('2026-11-23T09:00:00Z'));
    expect(await recoverSlots(store)).toBe(1);
    expect(await claimSlot(store, next, at('2026-11-23T09:01:00Z'))).toMatchObject({
      dueAt: at('2026-11-23T09:00:00Z'),
    });
    await store.db
      .insertInto('run_record')
      .values({
        trigger: 'catch-up',
        started_at: at('2026-11-23T09:01:00Z'),
        finished_at: at('2026-11-23T09:02:00Z'),
        outcome: 'done',
        detail: '{}',
      })
      .execute();
    expect(await recoverSlots(store)).toBe(0);
    expect(await states(store)).toEqual(['11-23T09:00 done']);
    expect(await claimSlot(store, next, at('2026-11-23T09:03:00Z'))).toBeUndefined();
  });

  it('of a clock that was a year ahead stop nothing', async () => {
    const store = await freshStore(kind);
    await claimSlot(store, next, at('2026-11-23T09:00:00Z'));
    await settleSlot(store, at('2026-11-23T09:00:00Z'), 1);
    await claimSlot(store, next, at('2027-11-23T09:00:00Z'));
    await settleSlot(store, at('2027-11-23T09:00:00Z'), 2);
    expect(await claimSlot(store, next, at('2026-11-23T09:15:00Z'))).toMatchObject({
      dueAt: at('2026-11-23T09:15:00Z'),
    });
  });

  it('of a clock set back three hours are not run twice', async () => {
    const store = await freshStore(kind);
    for (const time of ['2026-11-23T09:00:00Z', '2026-11-23T09:15:00Z', '2026-11-23T09:30:00Z']) {
      await claimSlot(store, next, at(time));
      await settleSlot(store, at(time), 1);
    }
    for (const time of ['2026-11-23T09:15:01Z', '2026-11-23T09:30:01Z'])
      expect(await claimSlot(store, next, at(time))).toBeUndefined();
    expect(await claimSlot(store, next, at('2026-11-23T09:45:00Z'))).toMatchObject({ missed: 0 });
  });
});

it('one slot has one taker, however many ask at the same moment', async () => {
  const store = await freshStore('postgres');
  await claimSlot(store, next, at('2026-11-23T09:00:00Z'));
  await settleSlot(store, at('2026-11-23T09:00:00Z'), 1);
  const stores = [store, await secondStore(store), await secondStore(store)];
  for (const minute of ['15', '30', '45']) {
    const now = at(`2026-11-23T09:${minute}:01Z`);
    const taken = await Promise.all([...stores, ...stores, ...stores].map((each) => claimSlot(each, next, now)));
    expect(taken.filter((slot) => slot !== undefined)).toHaveLength(1);
    await settleSlot(store, at(`2026-11-23T09:${minute}:00Z`), 1);
  }
  const { rows } = await sql<{ n: number }>`select count(*)::int as n from slot`.execute(store.db);
  expect(rows[0]?.n).toBe(4);
});
