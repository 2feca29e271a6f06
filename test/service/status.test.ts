import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.js';
import type { Store } from '../../src/load/database.js';
import { recordNoRun, setSourceState, withRunLock } from '../../src/load/runs.js';
import { acceptVersion, unacceptVersion } from '../../src/load/versions.js';
import { statusOf, statusText, type Status } from '../../src/service/status.js';
import { NO_SOURCE_STATE } from '../../src/source-state.js';
import { allPass, load, observation, versionMeta } from '../load/sample.js';
import { freshStore, secondStore } from '../support/database.js';

const NOW = new Date('2026-11-24T09:31:00Z');

async function textAfter(trigger: string, outcome: 'in part' | 'failed', detail: object, state?: object) {
  const store = await freshStore('postgres');
  await store.db
    .insertInto('run_record')
    .values({ trigger, outcome, started_at: NOW, finished_at: NOW, detail: JSON.stringify(detail) })
    .execute();
  if (state !== undefined) await setSourceState(store, 'ees', { ...NO_SOURCE_STATE, ...state }, NOW);
  return statusText(await statusOf(store, await loadConfig(undefined, {}, '/nowhere'), NOW));
}

const failed = (file: string, reason: string): object => ({
  ...{ file, release: 'Academic year 2023/24', outcome: 'failed', version: null, rows: 0, reason },
});

it('names a file that failed, with the reason, in the verdict of status', async () => {
  const said = await textAfter('backfill', 'in part', {
    files: [failed('rates.csv', 'the disk is full'), { ...failed('other.csv', ''), outcome: 'loaded' }],
  });
  expect(said).toMatch(
    /^Well, but there is something to look at:\n.*rates\.csv \(Academic year 2023\/24\).*the disk is full/,
  );
  expect(said).not.toContain('other.csv');
});

it('names a few of many, and no reason longer than a line or two', async () => {
  const files = Array.from({ length: 40 }, (_, index) => failed(`rates-${index}.csv`, 'so '.repeat(500)));
  const said = await textAfter('manual', 'in part', { files });
  expect(said).toContain('rates-4.csv');
  expect(said).not.toContain('rates-5.csv');
  expect(said).toContain('35 more');
  expect(said.length).toBeLessThan(3_000);
});

it('says once what is known of files that run after run could not be fetched', async () => {
  const known = {
    ...{ source: 'absence', route: 'releases/…/files/…', missing: ['"Rates" (Academic year 2023/24)'] },
    ...{ reason: '1 file could not be fetched: "Rates": 404', since: NOW.toISOString(), failures: 2 },
  };
  const said = await textAfter('schedule', 'in part', { files: [failed('rates.csv', '404')] }, { degraded: [known] });
  expect(said.match(/404/g)).toHaveLength(1);
});

it('says why the last run broke off', async () => {
  expect(await textAfter('schedule', 'failed', { error: 'no room on the disk' })).toContain('no room on the disk');
});

it.each([
  [1, 'the last run failed: EES is away'],
  [2, 'the last 2 runs failed: EES is away'],
])('counts the runs that failed in words, %i of them', async (failures, says) => {
  const store = await freshStore('postgres');
  await setSourceState(store, 'ees', { ...NO_SOURCE_STATE, failures, lastError: 'EES is away' }, NOW);
  const settings = await loadConfig(undefined, {}, '/nowhere');
  const sooner = { ...settings, config: { ...settings.config, failuresBeforeMail: 1 } };
  const { health } = await statusOf(store, sooner, NOW);
  expect(health.reasons).toEqual([says]);
  expect(health.well).toBe(false);
});

it('gives the reason with which a gate was overridden, the last one where it was taken back in between', async () => {
  const store = await freshStore('postgres');
  const settings = await loadConfig(undefined, {}, '/nowhere');
  const sums = { gate: 'sums', verdict: 'quarantine', message: 'does not add up' } as const;
  const areas = { gate: 'areas', verdict: 'warn', message: 'two are new' } as const;
  const accept = [{ gate: 'sums', reason: 'estimates do not add up' }];
  const gates = { ...allPass, verdicts: () => [sums, areas] };
  const outcome = await load(store, versionMeta({ accept }), [observation({ persistent_absence_rate: '17.0' })], gates);
  if (outcome.kind !== 'loaded') throw new Error(outcome.kind);
  const said = async (): Promise<string> => statusText(await statusOf(store, settings, NOW));
  expect(await said()).toContain('sums: does not add up (accepted: estimates do not add up)\n');
  expect(await said()).toContain('areas: two are new (warn)\n');
  await unacceptVersion(store, outcome.versionId, 'not after all');
  await acceptVersion(store, outcome.versionId, 'sums', 'the publisher\n  says so');
  expect(await said()).toContain('sums: does not add up (accepted: the publisher says so)\n');
  const [row] = (await statusOf(store, settings, NOW)).loaded;
  expect(row?.history.at(-1)).toMatchObject({ what: 'accepted sums', reason: 'the publisher\n  says so' });
});

describe.each(['postgres', 'embedded'] as const)('the last run (%s)', (kind) => {
  const said = async (store: Store): Promise<[string | undefined, Status['last_run']]> => {
    const status = await statusOf(store, await loadConfig(undefined, {}, '/nowhere'), NOW);
    return [/^Last run .*/m.exec(statusText(status))?.[0], status.last_run];
  };

  it('ended without a word where it is on record as running and nobody is at it; nothing is written', async () => {
    const store = await freshStore(kind);
    const killed = { trigger: 'backfill', outcome: 'running' as const, started_at: NOW, detail: '{}' };
    await store.db.insertInto('run_record').values(killed).execute();
    const [text, run] = await said(store);
    expect(text).toMatch(/^Last run \d+ \(backfill\) .*: ended without a word \(kill, power cut\)\.$/);
    expect(run).toMatchObject({ outcome: 'abandoned', finished_at: null });
    expect(await store.db.selectFrom('run_record').select('outcome').execute()).toEqual([{ outcome: 'running' }]);
  });

  it('is the one under way, also for another process, and not the slot that met it', async () => {
    const store = await freshStore(kind);
    const seen = await withRunLock(store, { trigger: 'schedule' }, async ({ id }) => {
      await recordNoRun(store, 'overlap', 'schedule', NOW, {});
      const other = kind === 'postgres' ? await secondStore(store) : store;
      const [text, run] = await said(other);
      expect(text).toMatch(new RegExp(`^Last run ${id} \\(schedule\\) .*: running\\.$`));
      return { end: { outcome: 'done', detail: {} }, result: run };
    });
    expect(seen).toMatchObject({ trigger: 'schedule', outcome: 'running' });
    await recordNoRun(store, 'missed', 'schedule', NOW, { slots: 1 });
    const [text, run] = await said(store);
    expect(run).toMatchObject({ id: seen?.id, outcome: 'done' });
    expect(text).toMatch(/: done, took \d+ s\.$/);
  });
});
