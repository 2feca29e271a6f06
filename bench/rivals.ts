/** The same file by other means: what a load is held against. */
import { createReadStream } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { BenchFile } from './files.js';
import { measured, type DatabaseServer, type Spent } from './measure.js';

/** What a hand-written load keeps: the columns that ours reads. */
const KEYS = [
  ...['time_identifier', 'year_breakdown', 'time_period', 'geographic_level', 'country_code', 'country_name'],
  ...['region_code', 'region_name', 'old_la_code', 'new_la_code', 'la_name', 'laestab', 'urn', 'school_type'],
];
const FIGURES = [
  ...['enrolments', 'enrolments_pa_10_exact', 'enrolments_pa_10_exact_percent'],
  ...['sess_overall_percent', 'sess_authorised_percent', 'sess_unauthorised_percent'],
];
const UNIQUE = [
  ...['time_period', 'time_identifier', 'year_breakdown', 'geographic_level', 'country_code', 'region_code'],
  ...['old_la_code', 'urn', 'laestab', 'school_type', 'version_id'],
];

const list = (names: readonly string[]): string => names.map((name) => pg.escapeIdentifier(name)).join(', ');

/** As many indexes as our table of figures has, of the same kinds. */
const TARGET = [
  'drop table if exists hand_written',
  `create table hand_written (version_id integer, ${KEYS.map((key) => `${key} text`).join(', ')}, ${FIGURES.map((figure) => `${figure} numeric`).join(', ')})`,
  `create unique index on hand_written (${list(UNIQUE)})`,
  'create index on hand_written using brin (version_id)',
];
const NUMBER = '^-?[0-9]+([.][0-9]+)?$';
const CAST = `insert into hand_written select 1, ${list(KEYS)}, ${FIGURES.map((name) => `case when ${name} ~ '${NUMBER}' then ${name}::numeric end`).join(', ')} from staging`;

async function headerOf(path: string): Promise<string[]> {
  const handle = await open(path);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(64 * 1024), 0, 64 * 1024, 0);
    return (buffer.toString('utf8', 0, bytesRead).split(/\r?\n/)[0] ?? '').replace(/^\uFEFF/, '').split(',');
  } finally {
    await handle.close();
  }
}

async function staging(path: string, name: string): Promise<string[]> {
  const columns = (await headerOf(path)).map((column) => `${pg.escapeIdentifier(column)} text`);
  return [`drop table if exists ${name}`, `create table ${name} (${columns.join(', ')})`];
}

/** Statements before, the file into a table of text, statements after. */
interface Script {
  readonly before: readonly string[];
  readonly table: string;
  readonly after: readonly string[];
}

async function script(kind: 'bare' | 'hand-written', file: BenchFile): Promise<Script> {
  return kind === 'bare'
    ? { before: await staging(file.path, 'bare'), table: 'bare', after: [] }
    : { before: [...(await staging(file.path, 'staging')), ...TARGET], table: 'staging', after: [CAST] };
}

/** psql, as its reader would write it: one transaction around what is measured. */
export async function withPsql(
  kind: 'bare' | 'hand-written',
  server: DatabaseServer,
  file: BenchFile,
  directory: string,
): Promise<Spent> {
  const { before, table, after } = await script(kind, file);
  for (const statement of before) await server.client.query(statement);
  const path = join(directory, `${kind}.sql`);
  const copy = `\\copy ${table} from '${file.path}' csv header`;
  await writeFile(path, ['begin;', copy, ...after.map((each) => `${each};`), 'commit;', ''].join('\n'));
  return measured(server, { command: 'psql', args: ['-q', '-v', 'ON_ERROR_STOP=1', '-f', path, server.url] });
}

/** The same through pg-copy-streams inside this process, where there is no psql. */
export async function withCopyStreams(
  kind: 'bare' | 'hand-written',
  server: DatabaseServer,
  file: BenchFile,
): Promise<Spent> {
  const { before, table, after } = await script(kind, file);
  for (const statement of before) await server.client.query(statement);
  await server.checkpoint();
  const walBefore = await server.wal();
  const serverBefore = server.cpu();
  const clientBefore = process.cpuUsage();
  const started = performance.now();
  await server.client.query('begin');
  await pipeline(
    createReadStream(file.path, { highWaterMark: 256 * 1024 }),
    server.client.query(copyFrom(`copy ${table} from stdin csv header`)),
  );
  for (const statement of after) await server.client.query(statement);
  await server.client.query('commit');
  const wallMs = performance.now() - started;
  const { user, system } = process.cpuUsage(clientBefore);
  const serverAfter = server.cpu();
  return {
    wallMs,
    clientCpu: (user + system) / 1e6,
    serverCpu: serverBefore === undefined || serverAfter === undefined ? undefined : serverAfter - serverBefore,
    peakMiB: undefined,
    walBytes: (await server.wal()) - walBefore,
    stdout: '',
  };
}

/** csv-parse and kysely: rows of a thousand to a statement, into the hand-written table. */
export async function withKysely(server: DatabaseServer, file: BenchFile): Promise<Spent> {
  for (const statement of TARGET) await server.client.query(statement);
  return measured(server, {
    command: process.execPath,
    args: ['--import', 'tsx', fileURLToPath(new URL('kysely-insert.ts', import.meta.url)), file.path, server.url],
    env: { BENCH_KEYS: KEYS.join(','), BENCH_FIGURES: FIGURES.join(',') },
  });
}

export async function withPgloader(server: DatabaseServer, file: BenchFile, directory: string): Promise<Spent> {
  for (const statement of await staging(file.path, 'pgloaded')) await server.client.query(statement);
  const path = join(directory, 'pgloader.load');
  await writeFile(
    path,
    `load csv from '${file.path}' into ${server.url} target table pgloaded with skip header = 1, fields terminated by ',';\n`,
  );
  return measured(server, { command: 'pgloader', args: ['-q', path] });
}

export async function dropRivals(server: DatabaseServer): Promise<void> {
  await server.client.query('drop table if exists bare, staging, hand_written, pgloaded');
}
