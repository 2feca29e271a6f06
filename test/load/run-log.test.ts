/** The log of a run is kept with it: bounded, redacted, and never in the way of the run. */
import { setTimeout as wait } from 'node:timers/promises';
import { pino, type Logger } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Store } from '../../src/load/database.js';
import { prune } from '../../src/load/prune.js';
import { keepRunLog } from '../../src/load/run-log.js';
import { withRunLock } from '../../src/load/runs.js';
import { logOptions } from '../../src/log.js';
import { freshStore, secondStore } from '../support/database.js';

const NOW = new Date('2026-11-24T09:31:00Z');
const done = { outcome: 'done', detail: {} } as const;

function logAt(level: string, said: string[] = []): Logger {
  return pino(logOptions(level), { write: (line) => void said.push(line) });
}

async function kept(store: Store): Promise<[level: string, message: string, detail: string][]> {
  const rows = await store.db.selectFrom('run_log').selectAll().orderBy('run_id').orderBy('number').execute();
  return rows.map(({ level, message, detail }) => [level, message, detail]);
}

describe.each(['postgres', 'embedded'] as const)('the log of a run (%s)', (kind) => {
  it('is kept from info upwards, redacted, whatever goes to stderr', async () => {
    const store = await freshStore(kind);
    const said: string[] = [];
    await withRunLock(store, { trigger: 'manual', now: () => NOW, log: logAt('warn', said) }, ({ log }) => {
      log.debug('not this');
      log.info({ file: 'rates.csv', rows: 22, reason: null, to: 'somebody@luton.example' }, 'loaded: Rates');
      log.warn({ mails: { sent: 2, dead: 0 } }, 'a word\0 of warning');
      log.error({ error: '450 <busy.bee@luton.example>: busy' }, 'sent to busy.bee@luton.example, in vain');
      return Promise.resolve({ end: done, result: undefined });
    });
    expect(await kept(store)).toEqual([
      ['info', 'loaded: Rates', 'file: rates.csv; rows: 22; to: [redacted]'],
      ['warn', 'a word of warning', 'mails: 2 sent, 0 dead'],
      ['error', 'sent to [address], in vain', 'error: 450 <[address]>: busy'],
    ]);
    expect(said.map((line) => (JSON.parse(line) as { level: string; run: number }).level)).toEqual(['warn', 'error']);
    expect(said.every((line) => line.includes('"run":1') && !line.includes('busy.bee'))).toBe(true);
  });

  it('is there before the run ends, also of one that fails', async () => {
    const store = await freshStore(kind);
    const { log, end } = keepRunLog(store, logAt('silent'), 7, () => NOW, { everyMs: 20 });
    log.info('begun');
    while ((await kept(store)).length === 0) await wait(20);
    await end();
    await withRunLock(store, { trigger: 'manual', log: logAt('silent') }, ({ log: own }) => {
      own.info('about to fail');
      return Promise.reject(new Error('failed'));
    }).catch(() => undefined);
    expect((await kept(store)).map(([, message]) => message)).toEqual(['about to fail', 'begun']);
  });

  it('has a bound for lines and for their length; warnings find room after the rest, and what is left out is counted', async () => {
    const store = await freshStore(kind);
    const { log, end } = keepRunLog(store, logAt('silent'), 1, () => NOW);
    for (let line = 0; line < 2_000; line++) log.info({ padding: 'x'.repeat(5_000) }, 'y'.repeat(5_000));
    log.error('at last');
    await end();
    const lines = await kept(store);
    expect(lines.length).toBeLessThanOrEqual(302);
    expect(Math.max(...lines.map(([, message, detail]) => message.length + detail.length))).toBeLessThanOrEqual(1_500);
    expect(lines.at(-2)?.[1]).toBe('at last');
    expect(lines.at(-1)?.[1]).toMatch(/^1,750 more lines/);
  });

  it('goes with the run when that is older than the retention setting', async () => {
    const store = await freshStore(kind);
    const say = (now: Date): Promise<void> =>
      withRunLock(store, { trigger: 'manual', now: () => now, log: logAt('silent') }, ({ log }) => {
        log.info(now.toISOString());
        return Promise.resolve({ end: done, result: undefined });
      });
    await say(new Date('2024-01-01T09:00:00Z'));
    await say(NOW);
    const keep = { runs: new Date('2025-01-01T00:00:00Z'), mails: undefined, versions: undefined };
    await prune(store, keep, { now: NOW, dryRun: true });
    expect(await kept(store)).toHaveLength(2);
    await prune(store, keep, { now: NOW, dryRun: false });
    expect((await kept(store)).map(([, message]) => message)).toEqual([NOW.toISOString()]);
  });
});

it('does not hold up the run where it cannot be written: the run ends, and stderr says so', async () => {
  const store = await freshStore('postgres');
  const other = await secondStore(store);
  let unlock: () => void = () => undefined;
  const locked = new Promise<void>((resolve) => {
    void other.db.transaction().execute(async (trx) => {
      await trx
        .insertInto('run_log')
        .values({ run_id: 1, number: 1, at: NOW, level: 'info', message: '', detail: '' })
        .execute();
      resolve();
      await new Promise<void>((free) => (unlock = free));
    });
  });
  await locked;
  onTestFinished(() => {
    unlock();
  });
  const said: string[] = [];
  const { log, end } = keepRunLog(store, logAt('warn', said), 1, () => NOW, { patienceMs: 50 });
  log.info('waits for the row of the other');
  const begun = performance.now();
  await end();
  expect(performance.now() - begun).toBeLessThan(2_000);
  expect(said.join('')).toContain('the log of this run could not be kept');
  unlock();
});
