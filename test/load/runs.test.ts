import { setTimeout as wait } from 'node:timers/promises';
import { sql } from 'kysely';
import { describe, expect, it, vi } from 'vitest';
import { RunHeldError } from '../../src/load/errors.js';
import {
  getSetting,
  getSourceState,
  recordNoRun,
  runningNow,
  setSetting,
  setSourceState,
  withRunLock,
  type RunEnd,
} from '../../src/load/runs.js';
import { freshStore, secondStore } from '../support/database.js';

const done: RunEnd = { outcome: 'done', detail: { loaded: 2 } };

describe.each(['postgres', 'embedded'] as const)('runs (%s)', (kind) => {
  it('one at a time: a second leaves and says who holds the database', async () => {
    const store = await freshStore(kind);
    const refusal = await withRunLock(store, { trigger: 'schedule' }, async (run) => {
      const second = await withRunLock(store, { trigger: 'backfill' }, () =>
        Promise.resolve({ end: done, result: 0 }),
      ).catch((error: unknown) => error);
      expect(await runningNow(store)).toMatchObject({ runId: run.id });
      return { end: done, result: second };
    });
    expect(refusal).toBeInstanceOf(RunHeldError);
    expect(refusal).toMatchObject({ exitCode: 4, holder: { trigger: 'schedule' } });
    expect(await withRunLock(store, { trigger: 'manual' }, () => Promise.resolve({ end: done, result: 7 }))).toBe(7);
    const runs = await store.db.selectFrom('run').select(['trigger', 'outcome', 'detail']).orderBy('id').execute();
    expect(runs).toEqual([
      { trigger: 'schedule', outcome: 'done', detail: { loaded: 2 } },
      { trigger: 'manual', outcome: 'done', detail: { loaded: 2 } },
    ]);
  });

  it('a run that fails is recorded with its reason, and frees the database', async () => {
    const store = await freshStore(kind);
    await expect(
      withRunLock(store, { trigger: 'manual' }, () => Promise.reject(new Error('EES did not answer'))),
    ).rejects.toThrow('EES did not answer');
    const run = await store.db.selectFrom('run').selectAll().executeTakeFirstOrThrow();
    expect(run).toMatchObject({ outcome: 'failed', detail: { error: 'EES did not answer' } });
    expect(run.finished_at).not.toBeNull();
    await withRunLock(store, { trigger: 'manual' }, () => Promise.resolve({ end: done, result: 0 }));
  });

  it('settings and states of sources are remembered', async () => {
    const store = await freshStore(kind);
    expect(await getSetting(store, 'paused')).toBeUndefined();
    await setSetting(store, 'paused', { since: '2025-01-01' });
    await setSetting(store, 'paused', false);
    expect(await getSetting(store, 'paused')).toBe(false);
    expect(await getSourceState(store, 'content')).toBeUndefined();
    await setSourceState(store, 'content', { etag: 'W/"1"' });
    expect(await getSourceState(store, 'content')).toEqual({ etag: 'W/"1"' });
    await recordNoRun(store, 'missed', 'schedule', new Date('2025-01-01T09:30:00Z'), { slots: 3 });
    expect(await store.db.selectFrom('run').select('outcome').execute()).toEqual([{ outcome: 'missed' }]);
  });
});

it('the lock goes with the connection of a run that died, and the next run marks it abandoned', async () => {
  const store = await freshStore('postgres');
  const other = await secondStore(store);
  const end = await withRunLock(store, { trigger: 'schedule' }, async (run) => {
    await sql`select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'
      and database = (select oid from pg_database where datname = current_database())
      and pid <> pg_backend_pid() and objid = (hashtext(${`absence-watch run ${store.schema}`})::bigint & 4294967295)::oid`.execute(
      other.db,
    );
    await vi.waitFor(() => {
      expect(run.signal.aborted).toBe(true);
    });
    await withRunLock(other, { trigger: 'takeover' }, () => Promise.resolve({ end: done, result: 0 }));
    return { end: done, result: 'went on' };
  });
  expect(end).toBe('went on');
  const runs = await store.db.selectFrom('run').select(['trigger', 'outcome']).orderBy('id').execute();
  expect(runs.at(-1)).toEqual({ trigger: 'takeover', outcome: 'done' });
  expect(runs[0]).toEqual({ trigger: 'schedule', outcome: 'abandoned' });
});

it('a run whose process does not move any more gives way, and is marked abandoned; one that is alive does not', async () => {
  const store = await freshStore('postgres');
  const other = await secondStore(store);
  const next = (): Promise<unknown> =>
    withRunLock(other, { trigger: 'takeover', frozenMs: 400 }, () => Promise.resolve({ end: done, result: 'taken' }));
  const alive = await withRunLock(store, { trigger: 'schedule', beatMs: 50 }, async () => {
    await wait(800);
    return { end: done, result: await next().catch((error: unknown) => error) };
  });
  expect(alive).toBeInstanceOf(RunHeldError);
  // Nothing beats: as in a process that was stopped.
  const frozen = await withRunLock(store, { trigger: 'schedule', beatMs: 1_000_000 }, async (run) => {
    const atOnce = await next().catch((error: unknown) => error);
    await wait(800);
    const later = await next();
    await vi.waitFor(() => {
      expect(run.signal.aborted).toBe(true);
    });
    return { end: done, result: [atOnce, later] };
  });
  expect(frozen).toEqual([expect.any(RunHeldError), 'taken']);
  const runs = await store.db.selectFrom('run').select(['trigger', 'outcome']).orderBy('id').execute();
  expect(runs.map(({ trigger, outcome }) => `${trigger} ${outcome}`)).toEqual([
    'schedule done',
    'schedule abandoned',
    'takeover done',
  ]);
});
