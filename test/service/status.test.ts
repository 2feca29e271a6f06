import { expect, it } from 'vitest';
import { loadConfig } from '../../src/config.js';
import { setSourceState } from '../../src/load/runs.js';
import { statusOf, statusText } from '../../src/service/status.js';
import { NO_SOURCE_STATE } from '../../src/source-state.js';
import { freshStore } from '../support/database.js';

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
