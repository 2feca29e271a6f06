/** The program as it is shipped: compiled into a directory of its own and started from there. */
import { execFile } from 'node:child_process';
import { copyFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { BenchFile } from './files.js';
import { measured, type DatabaseServer, type Spent } from './measure.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

export interface Program {
  readonly directory: string;
  readonly cli: string;
}

export async function compiled(directory: string): Promise<Program> {
  await promisify(execFile)(process.execPath, [join(ROOT, 'build.js'), join(directory, 'dist')]);
  await copyFile(join(ROOT, 'package.json'), join(directory, 'package.json'));
  await symlink(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  return { directory, cli: join(directory, 'dist/src/cli.js') };
}

export const PUBLICATION = 'pupil-absence-in-schools-in-england';

/** Rules and recipients of an ordinary installation. */
export const ORDINARY_RULES = `
recipients: { team: [team@example.org] }
rules:
  - { name: Luton, measure: persistent_absence_rate, areas: [Luton], above: 12, notify: [team] }
  - { name: England, measure: persistent_absence_rate, areas: [England], above: 12, notify: [team] }
  - { name: Authorities, measure: persistent_absence_rate, areas: [{ level: Local authority }], rise: 1, notify: [team] }
mail: { from: watch@example.org, tls: "off", max_per_hour: 1000 }
`;

export interface Ran extends Spent {
  /** The one JSON document on its standard output. */
  readonly answer: unknown;
}

/** Runs a command of the program to its end. */
export async function command(
  program: Program,
  server: DatabaseServer,
  args: readonly string[],
  {
    rules = ORDINARY_RULES,
    schema,
    env = {},
  }: { rules?: string; schema: string; env?: Readonly<Record<string, string>> },
): Promise<Ran> {
  const config = join(program.directory, 'absence-watch.yaml');
  await writeFile(
    config,
    `sources: [{ publication: ${PUBLICATION} }]\ndata_directory: ${join(program.directory, 'data')}\n${rules}`,
  );
  const spent = await measured(server, {
    command: process.execPath,
    args: [program.cli, ...args, '--config', config, '--json'],
    cwd: program.directory,
    env: { DATABASE_URL: server.url, DATABASE_SCHEMA: schema, LOG_LEVEL: 'error', ...env },
  });
  return { ...spent, answer: JSON.parse(spent.stdout) as unknown };
}

/** Loads a file into an empty schema: gates, difference, indexes and evaluation included. */
export async function load(program: Program, server: DatabaseServer, file: BenchFile, schema: string): Promise<Ran> {
  await server.client.query(`drop schema if exists ${schema} cascade`);
  const ran = await command(program, server, loadArguments(file), { schema });
  const { rows } = await server.client.query<{ n: string }>(`select count(*) as n from ${schema}.figure`);
  if (Number(rows[0]?.n) < file.rows * 0.99)
    throw new Error(`only ${rows[0]?.n ?? 0} of ${file.rows} rows were loaded`);
  return ran;
}

export function loadArguments(file: BenchFile): string[] {
  const label = ['--release', 'Academic year 2018/19', '--published-at', '2020-03-26T09:30:00Z'];
  return ['backfill', '--file', file.path, '--publication', PUBLICATION, ...label];
}
