/** How far a backfill is: by bytes where sizes are known, on a terminal as one line, else as lines of the log. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { StandIn } from '../../demo/index.js';
import { createProgress } from '../../src/backfill-progress.js';
import { main } from '../../src/main.js';
import { ABSENCE, long, LONG_SET, wide } from '../extract/support.js';
import { freshProgram } from '../support/program.js';

const MB = 1_000_000;

function playing(sizes: Parameters<typeof createProgress>[0]) {
  let now = 0;
  const said: string[] = [];
  const logged: string[] = [];
  const progress = createProgress(sizes, {
    now: () => now,
    say: (text) => said.push(text),
    log: (text) => logged.push(text),
  });
  return { progress, said, logged, at: (ms: number) => (now = ms) };
}

it('tells files, rows, bytes, rate and time left, and goes by bytes: a small file done is not half of the work', () => {
  const { progress, said, at } = playing([
    { bytes: MB, rows: 1000 },
    { bytes: 9 * MB, rows: 9000 },
  ]);
  progress.begin('small');
  expect(said).toEqual(['1 of 2 files, 0 rows, 0.0 of 10.0 MB: small']);
  at(10_000);
  progress.end(MB, 1000);
  progress.begin('large');
  expect(said.at(-1)).toBe('2 of 2 files, 1,000 rows, 1.0 of 10.0 MB, 100 rows/s, 0.1 MB/s, about 90 s left: large');
  at(40_000);
  progress.read(3 * MB, 9 * MB, 3000);
  // Fetched whole and read to a third: four of six parts of its nine tenths.
  expect(said.at(-1)).toBe('2 of 2 files, 4,000 rows, 4.0 of 10.0 MB, 100 rows/s, 0.1 MB/s, about 17 s left: large');
});

it('a file in the making counts as fetched so far', () => {
  const { progress, said, at } = playing([{ bytes: 10 * MB, rows: undefined }]);
  progress.begin('only');
  at(5_000);
  progress.fetched(2 * MB);
  at(10_000);
  progress.fetched(3 * MB);
  expect(said.at(-1)).toBe('1 of 1 file, 0 rows, fetching 5.0 of 10.0 MB, 0.5 MB/s, about 30 s left: only');
});

it('sizes that are not known are estimated from rows, and no total is claimed', () => {
  const { progress, said, at } = playing([
    { bytes: MB, rows: 1000 },
    { bytes: undefined, rows: 3000 },
  ]);
  progress.begin('a');
  at(10_000);
  progress.end(MB, 1000);
  progress.begin('b');
  expect(said.at(-1)).toBe('2 of 2 files, 1,000 rows, 1.0 MB, 100 rows/s, 0.1 MB/s, about 30 s left: b');
});

it('long times are told in minutes and hours; lines of the log come twice a minute', () => {
  const { progress, said, logged, at } = playing([{ bytes: 100 * MB, rows: undefined }]);
  progress.begin('slow');
  for (let second = 1; second <= 61; second += 1) {
    at(second * 1000);
    progress.fetched(20_000);
  }
  expect(logged).toHaveLength(2);
  expect(said.at(-1)).toContain('about 2 h 46 min left');
  at(600_000);
  progress.read(50 * MB, 100 * MB, 5);
  expect(said.at(-1)).toContain('about 3 min left');
});

it('on a terminal one line that is cleared at the end; without one the log has the plan, and begin and end of each file', async () => {
  const ees = await StandIn.start();
  onTestFinished(() => ees.close());
  ees.publish({
    publication: ABSENCE,
    slug: '2024-25',
    title: 'Academic year 2024/25',
    at: '2026-03-26T09:30:00Z',
    files: [
      { name: 'pa.csv', title: 'Persistent and severe', content: long(), api: { dataSetId: LONG_SET } },
      { name: 'w.csv', title: 'Absence by level', content: wide('Academic year') },
    ],
  });
  for (const columns of [200, undefined]) {
    const program = await freshProgram({ EES_API_URL: ees.apiUrl, EES_CONTENT_URL: ees.contentUrl, LOG_LEVEL: 'info' });
    let stderr = '';
    const code = await main(['backfill', '--publication', ABSENCE], {
      streams: {
        stdout: { write: () => true },
        stderr: { write: (text) => (stderr += text) },
        columns,
        cwd: program.directory,
      },
      env: program.env,
      now: () => new Date('2026-04-01T12:00:00Z'),
      signal: new AbortController().signal,
    });
    expect(code).toBe(0);
    if (columns === undefined) {
      expect(stderr).not.toContain('\u001b');
      const lines = stderr.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as { msg: string }]));
      expect(lines.map(({ msg }) => msg.replace(/, \d+ rows?, [^:]*/, ''))).toEqual([
        `asking EES what it has of ${ABSENCE}`,
        expect.stringMatching(/^plan: 2 files to load \([\d.]+ MB\), 0 loaded already, 0 not wanted$/),
        '1 of 2 files: begins: Academic year 2024/25, Absence by level',
        '1 of 2 files: loaded',
        '2 of 2 files: begins: Academic year 2024/25, Persistent and severe',
        '2 of 2 files: loaded',
      ]);
    } else {
      expect(stderr).toMatch(/2 of 2 files, \d rows, [\d.]+( of [\d.]+)? MB/);
      expect(stderr.endsWith('\r\u001b[2K')).toBe(true);
      expect(stderr).not.toContain('"msg"');
    }
  }
});

it('a local file without a terminal: the log has its begin and its end', async () => {
  const program = await freshProgram({ LOG_LEVEL: 'info' });
  await writeFile(join(program.directory, 'pa.csv'), wide('Academic year'));
  const { stderr } = await program.run(
    ...['backfill', '--file', 'pa.csv', '--publication', ABSENCE, '--release', 'Academic year 2024/25'],
  );
  const said = stderr.split('\n').flatMap((line) => (line === '' ? [] : [(JSON.parse(line) as { msg: string }).msg]));
  expect(said).toEqual(['pa.csv: begins', expect.stringMatching(/^pa\.csv: \w+, \d+ rows?$/)]);
});
