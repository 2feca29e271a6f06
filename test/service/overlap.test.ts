import { describe, expect, it } from 'vitest';
import type { Store } from '../../src/load/database.js';
import { withRunLock } from '../../src/load/runs.js';
import { overlapWords, tellOverlap, waitingSlots } from '../../src/service/overlap.js';
import { claimSlot, noteOverlap, postponeSlot, settleSlot, slotsOf } from '../../src/service/slots.js';
import { openEdges } from '../../src/alerts/operator.js';
import { freshStore } from '../support/database.js';

const next = slotsOf({ cron: ['*/15 * * * *'], timezone: 'Europe/London' });
const at = (time: string): Date => new Date(`2026-11-23T${time}Z`);
const MOST = 1;

describe.each(['embedded', 'postgres'] as const)('slots that wait (%s)', (kind) => {
  const words = async (store: Store) => overlapWords(await waitingSlots(store), MOST);
  const tell = (store: Store, time: string) =>
    tellOverlap(store, { post: { from: 'watch@x.example', to: ['ops@x.example'] }, most: MOST, now: at(time) });
  const during = async (store: Store, trigger: string, work: (met: string) => Promise<void>) =>
    withRunLock(store, { trigger }, async ({ id }) => {
      const met = `run ${id} (${trigger})`;
      await work(met);
      return { end: { outcome: 'done', detail: {} }, result: met };
    });
  const meet = async (store: Store, time: string, met: string): Promise<void> => {
    const slot = await claimSlot(store, next, at(time));
    if (slot === undefined) throw new Error('a slot was due');
    await postponeSlot(store, slot, met, at(time));
  };

  it('are told with the run that is under way; those left over from one that is over count for nothing', async () => {
    const store = await freshStore(kind);
    const old = await during(store, 'backfill', async (met) => {
      await meet(store, '09:00:00', met);
      await meet(store, '09:15:00', met);
      expect(await words(store)).toContain(`2 slots of the schedule have waited since`);
      expect(await words(store)).toContain(`for the end of ${met}`);
      await tell(store, '09:15:00');
    });
    expect(await words(store), 'it is over').toBeUndefined();
    await tell(store, '09:15:30');
    expect(await openEdges(store)).toEqual([]);

    await during(store, 'manual', async (met) => {
      // The service tries the newest that is left over, again and again.
      await meet(store, '09:16:00', met);
      await meet(store, '09:17:00', met);
      expect(await waitingSlots(store)).toMatchObject({ count: 0 });
      await meet(store, '09:30:00', met);
      await meet(store, '09:31:00', met);
      expect(await waitingSlots(store)).toMatchObject({ count: 1, since: at('09:30:00') });
      await meet(store, '09:45:00', met);
      expect(await words(store)).toMatch(/^2 slots .* 09:30/);
      expect(await words(store)).toContain(`for the end of ${met}`);
      await tell(store, '09:45:00');
    });
    const mails = await store.db.selectFrom('mail').select('raw').orderBy('id').execute();
    expect(mails).toHaveLength(2);
    const [, second] = mails.map(({ raw }) => Buffer.from(raw).toString());
    expect(second).toContain('(manual)');
    expect(second).not.toContain(old);
    expect(
      (await store.db.selectFrom('run_record').select('detail').where('outcome', '=', 'overlap').execute()).length,
    ).toBe(2);
  });

  it('wait for nothing where the run died without a word', async () => {
    const store = await freshStore(kind);
    const killed = { trigger: 'backfill', outcome: 'running' as const, started_at: at('09:00:00'), detail: '{}' };
    await store.db.insertInto('run_record').values(killed).execute();
    await meet(store, '09:00:00', 'run 1 (backfill)');
    await meet(store, '09:15:00', 'run 1 (backfill)');
    expect(await waitingSlots(store)).toMatchObject({ count: 0, since: undefined });
  });

  it('are those that fell due in the run of the service, and not those that it stands for', async () => {
    const store = await freshStore(kind);
    await during(store, 'backfill', async (met) => {
      await meet(store, '09:00:00', met);
      await meet(store, '09:15:00', met);
    });
    const slot = await claimSlot(store, next, at('09:20:00'));
    await during(store, 'catch-up', async (met) => {
      expect(await waitingSlots(store)).toMatchObject({ count: 0 });
      for (const time of ['09:30:00', '09:45:00']) await noteOverlap(store, next, 'a run of the service', at(time));
      expect(await waitingSlots(store)).toEqual({ count: 2, since: at('09:30:00'), met });
    });
    await settleSlot(store, slot?.dueAt ?? at('09:15:00'), 1);
    expect(await waitingSlots(store)).toMatchObject({ count: 0 });
  });
});
