import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../src/config.js';
import { downloadsOf } from '../src/downloads.js';
import { CONFIG, publishCrossing, watch } from './fault/harness/watch.js';
import { SCRATCH } from './support/scratch.js';

async function parts(directory: string): Promise<string[]> {
  if (!existsSync(directory)) return [];
  return (await readdir(directory, { recursive: true })).filter((name) => name.endsWith('.part'));
}

it('a run does not clear away what another database that shares the data directory is loading', async () => {
  const data = await mkdtemp(join(SCRATCH, 'absence-watch-shared-'));
  onTestFinished(() => rm(data, { recursive: true, force: true }));
  const config = `${CONFIG}data_directory: ${data}\n`;
  const [one, other] = [await watch({ config }), await watch({ config })];
  publishCrossing(one);
  // Slow enough for a whole run of the other to pass meanwhile.
  one.ees.fault(({ path }) => (/\/files\//.test(path) ? { kind: 'slow drip', bytes: 100, everyMs: 100 } : undefined));
  const loading = one.run();
  while ((await parts(join(data, 'downloads'))).length === 0) await wait(20);
  expect((await other.run()).code).toBe(0);
  expect(await parts(join(data, 'downloads'))).toHaveLength(1);
  one.ees.fault();
  const { code, report } = await loading;
  expect([code, report.files.map(({ outcome }) => outcome)]).toEqual([0, ['loaded']]);
});

it('the directory is that of a database and schema, whoever signs in', async () => {
  const of = async (env: NodeJS.ProcessEnv): Promise<string> =>
    downloadsOf(await loadConfig(undefined, env, '/nowhere'));
  const base = await of({ DATABASE_URL: 'postgres://a:one@db.example/watch' });
  expect(await of({ DATABASE_URL: 'postgres://b:two@db.example/watch' })).toBe(base);
  expect(await of({ DATABASE_URL: 'postgres://a:one@db.example/other' })).not.toBe(base);
  expect(await of({ DATABASE_URL: 'postgres://a:one@db.example/watch', DATABASE_SCHEMA: 'x' })).not.toBe(base);
  expect(await of({ DATABASE_URL: 'pglite:./one' })).not.toBe(await of({ DATABASE_URL: 'pglite:./two' }));
});
