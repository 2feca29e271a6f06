/**
 * `npm run bench`: how long the large file takes, and one ten times as long (1 GB on disk, some minutes), beside
 * other ways to load it, and what an ordinary day costs. Writes RESULTS.md. `--quick` leaves the long one out, `--runs N`
 * sets the runs of each.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startServer } from '../test/support/postgres.js';
import { releaseAndPolls, thousandRules } from './daily.js';
import { schoolFile, tenFold, type BenchFile } from './files.js';
import { DatabaseServer, median, type Spent } from './measure.js';
import { compiled, load, type Program } from './program.js';
import { readBack } from './reading.js';
import { report, type FileResult, type Way } from './report.js';
import { dropRivals, withCopyStreams, withKysely, withPgloader, withPsql } from './rivals.js';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    runs: { type: 'string', default: '5' },
  },
});
const RUNS = Number(options.runs);
const ROOT = resolve(import.meta.dirname, '..');
const DATA = process.env['EES_REAL_DATA'] ?? resolve(ROOT, '../shared/data');

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const isThere = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;

const directory = await mkdtemp(join(tmpdir(), 'absence-watch-bench-'));
// Results are of a server that keeps its promises: fsync stays on.
const started = await startServer();
try {
  const server = await DatabaseServer.connect(started.url);
  say(`Database: ${server.version}, ${started.name}`);
  say('Building the program');
  const program = await compiled(directory);
  const school = await schoolFile(DATA, directory);
  say(`File: ${school.what}, ${school.rows} rows`);
  const files = [await measureFile(program, server, school, RUNS, true)];
  if (!options.quick) {
    say('Writing the file ten times as long');
    files.push(await measureFile(program, server, await tenFold(school, directory), 1, false));
  }

  say('A thousand rules over all schools');
  await load(program, server, school, 'bench_rules');
  const ruled = await thousandRules(program, server, school, 'bench_rules');
  say('A release of all authorities, and unchanged polls');
  const daily = await releaseAndPolls(program, server, 'bench_daily', RUNS);

  const text = report({
    server: server.version,
    files,
    ruled,
    ...daily,
    hasPsql: isThere('psql'),
    ten: !options.quick,
  });
  await writeFile(join(ROOT, 'bench/RESULTS.md'), text);
  say(`\n${text}`);
  await server.client.end();
} finally {
  await started.stop();
  await rm(directory, { recursive: true, force: true });
}

/** All ways in turn, again and again, so that what else the machine does falls on all of them. */
async function measureFile(
  program: Program,
  server: DatabaseServer,
  file: BenchFile,
  runs: number,
  all: boolean,
): Promise<FileResult> {
  const hasPsql = isThere('psql');
  const copy = (kind: 'bare' | 'hand-written') => (): Promise<Spent> =>
    hasPsql ? withPsql(kind, server, file, directory) : withCopyStreams(kind, server, file);
  const ways: (Way & { readonly run: () => Promise<Spent>; readonly runs: number })[] = [
    { name: 'absence-watch', run: () => load(program, server, file, 'bench'), runs },
    { name: hasPsql ? 'psql \\copy, all text' : 'COPY by pg-copy-streams, all text', run: copy('bare'), runs },
    { name: 'hand-written: \\copy, then INSERT … SELECT', run: copy('hand-written'), runs },
  ];
  if (all) {
    ways.push({ name: 'csv-parse and kysely, 1,000 rows a statement', run: () => withKysely(server, file), runs: 1 });
    if (isThere('pgloader'))
      ways.push({ name: 'pgloader, all text', run: () => withPgloader(server, file, directory), runs: 1 });
  }
  const spent = new Map<string, Spent[]>(ways.map(({ name }) => [name, []]));
  for (let round = 0; round < runs; round += 1)
    for (const way of ways) {
      if (round >= way.runs) continue;
      const took = await way.run();
      spent.get(way.name)?.push(took);
      say(`  ${way.name}: ${(took.wallMs / 1000).toFixed(2)} s`);
    }
  await dropRivals(server);
  return {
    file,
    reading: await readBack(server, 'bench'),
    ways: ways.map(({ name }) => ({ name, runs: spent.get(name) ?? [], median: median(spent.get(name) ?? []) })),
  };
}
