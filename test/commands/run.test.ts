/** What `run` says to whoever starts it by hand. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { main } from '../../src/main.js';
import { smallWide } from '../fault/harness/small-files.js';
import { ABSENCE, CROSSED, FILE_TITLE, watch } from '../fault/harness/watch.js';

it('tells what the gates warn of in what it loads', async () => {
  const world = await watch();
  const other = smallWide({ ...CROSSED, shares: { 'Luton 2023': [21.6, 1.8] } });
  world.ees.publish({
    publication: ABSENCE,
    slug: '2023-24',
    title: 'Academic year 2023/24',
    at: '2025-03-20T09:30:02Z',
    files: [
      { name: 'level.csv', title: FILE_TITLE, content: smallWide(CROSSED) },
      { name: 'area.csv', title: 'Absence by area', content: other },
    ],
  });
  world.at('2025-03-20T09:40:00Z');
  const { code, stdout } = await world.program.run('run');
  expect(code, stdout).toBe(0);
  expect(stdout).toMatch(
    /^\w+\.csv: warning, data sets agree: .*Luton, .*: persistent_absence_rate (20\.6|21\.6)\S* here, /m,
  );
});

it('told to end while it loads a file, leaves that file for the next one', async () => {
  const world = await watch();
  world.publish({
    slug: '2023-24',
    title: 'Academic year 2023/24',
    at: '2025-03-20T09:30:02Z',
    content: smallWide(CROSSED),
  });
  world.at('2025-03-20T09:40:00Z');
  const { directory, env } = world.program;
  const held = (): string[] =>
    readdirSync(join(directory, 'data'), { recursive: true })
      .map(String)
      .filter((name) => name.endsWith('.csv'));
  const fetched = (): number => world.ees.requests.filter(({ path }) => /\/files\/[^/]+$/.test(path)).length;
  const stop = new AbortController();
  const code = await main(['run'], {
    streams: { stdout: { write: () => true }, stderr: { write: () => true }, columns: undefined, cwd: directory },
    env,
    now: () => {
      // Looked at by the load once its file is there whole.
      if (fetched() > 0 && held().length > 0) stop.abort(new Error('interrupted by SIGTERM'));
      return new Date('2025-03-20T09:40:00Z');
    },
    signal: stop.signal,
  });
  expect([code, fetched(), held().length]).toEqual([1, 1, 1]);
  world.at('2025-03-20T09:50:00Z');
  expect((await world.run()).report.files.map(({ outcome }) => outcome)).toEqual(['loaded']);
  expect([fetched(), held()]).toEqual([1, []]);
  expect(await world.figures()).toContain('202324 20.6');
});
