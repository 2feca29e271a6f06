/** Backup and restore by the commands of docs/operate.md as they stand there, on a Postgres server. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { smallWide } from '../fault/harness/small-files.js';
import { freshSchema, testDatabaseUrl } from '../support/database.js';
import { freshProgram, type Program } from '../support/program.js';
import { addressAs, connected, documentedRoles } from '../support/roles.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CLIENTS = ['pg_dump', 'pg_restore', 'psql'];
const NO_CLIENTS = CLIENTS.some((name) => spawnSync(name, ['--version']).status !== 0);
const WITH_CLIENTS = NO_CLIENTS ? ' (skipped: pg_dump, pg_restore and psql are not on this machine)' : '';

/** The block of the section with that word in it. */
async function documented(word: string): Promise<string> {
  const docs = await readFile(join(ROOT, 'docs/operate.md'), 'utf8');
  const [, section = ''] = /^## Backup and restore\n([^]*?)^## /m.exec(docs) ?? [];
  const blocks = [...section.matchAll(/```sh\n([^]*?)```/g)].map(([, block = '']) => block);
  return blocks.find((block) => block.includes(word)) ?? '';
}

/** What belongs to an installed service; the rest of a block is run as it stands. */
const STUBS = 'systemctl() { :; }\n';

interface Ran {
  readonly code: number;
  readonly stderr: string;
}

/** @param schema in place of absence_watch */
async function shell(block: string, cwd: string, url: string, schema: string): Promise<Ran> {
  const lines = block
    .split('\n')
    // Where the address comes from on an installed machine.
    .filter((line) => !line.startsWith('DATABASE_URL='))
    .join('\n')
    .replaceAll('/opt/absence-watch/', ROOT)
    .replace(/(--schema=)absence_watch\b/g, `$1${schema}`)
    .replace('--file=' + join(ROOT, 'deploy'), `--set=schema=${schema} $&`);
  return new Promise((resolve) => {
    execFile(
      'sh',
      ['-e', '-c', STUBS + lines],
      { cwd, env: { ...process.env, DATABASE_URL: url } },
      (error, _, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stderr });
      },
    );
  });
}

async function load(program: Program, year: number): Promise<void> {
  const content = smallWide({ identifier: 'Academic year', years: [year - 1, year], shares: {} });
  await writeFile(join(program.directory, 'wide.csv'), content);
  const loading = await program.run(
    ...['backfill', '--file', 'wide.csv', '--publication', 'pupil-absence-in-schools-in-england'],
    ...['--release', `Academic year ${year}/${(year + 1) % 100}`, '--json'],
  );
  expect(loading).toMatchObject({ code: 0, stderr: '' });
}

async function releases(program: Program): Promise<string[]> {
  const rows = (await program.run('versions', 'list', '--json')).json() as { release: string }[];
  return rows.map(({ release }) => release).sort();
}

/** What a later version of the program would have added to the schema. */
const NEWER_FORM = (schema: string): string => `
  set search_path to ${schema};
  create type later_kind as enum ('a', 'b');
  create table later (id integer primary key references data_set_version, kind later_kind, run integer references run_record);
  create function later_of(v integer) returns integer language sql as 'select 1';
  create view later_view as select l.id, a.series from later l cross join absence a;
  alter table run_record add column later_note text;
  insert into schema_migration (name, timestamp) values ('9999_later', 'now');`;

it.each(['pg_dump', 'pg_restore'])(
  '%s finds the database, whether its address is in a secret file or not',
  async (block) => {
    const settings = await mkdtemp(join(tmpdir(), 'absence-watch-address-'));
    onTestFinished(() => rm(settings, { recursive: true, force: true }));
    const line = (await documented(block)).split('\n').find((each) => each.startsWith('DATABASE_URL=')) ?? '';
    const said = (): string => {
      const text = `${line.replaceAll('/etc/absence-watch', settings)}\nprintf %s "$DATABASE_URL"`;
      return spawnSync('sh', ['-e', '-c', text], { encoding: 'utf8' }).stdout;
    };
    await writeFile(join(settings, 'environment'), 'SMTP_URL=smtp://x\nDATABASE_URL=postgres://in.environment/x\n');
    expect(said()).toBe('postgres://in.environment/x');
    await mkdir(join(settings, 'secrets'));
    await writeFile(join(settings, 'environment'), 'LOG_LEVEL=info\n');
    await writeFile(join(settings, 'secrets', 'database_url'), 'postgres://in.secret/x');
    expect(said()).toBe('postgres://in.secret/x');
  },
);

describe.skipIf(NO_CLIENTS)(`a backup read back${WITH_CLIENTS}`, () => {
  it('in the database of the role itself: the figures of the backup, whatever came later', async () => {
    const name = freshSchema();
    const superuser = await connected(testDatabaseUrl());
    await superuser.query(`create role ${name} login password '…'`);
    await superuser.query(`create database ${name} owner ${name}`);
    onTestFinished(async () => {
      await superuser.query(`drop database ${name} with (force)`);
      await superuser.query(`drop role ${name}`);
    });
    const url = addressAs(name, name);
    const program = await freshProgram({ DATABASE_URL: url, DATABASE_SCHEMA: 'absence_watch' });
    await load(program, 2021);
    expect(await shell(await documented('pg_dump'), program.directory, url, 'absence_watch')).toMatchObject({
      code: 0,
    });
    await load(program, 2022);
    expect(await releases(program)).toHaveLength(2);
    const back = await shell(await documented('pg_restore'), program.directory, url, 'absence_watch');
    expect(back).toEqual({ code: 0, stderr: '' });
    expect(await releases(program)).toEqual(['Academic year 2021/22']);
    await load(program, 2022);
  });

  it('under the roles of docs/database.md, and over a database of a later version: all may what they might', async () => {
    const name = freshSchema();
    const roles = await documentedRoles(name);
    await roles.makeService();
    const owner = await freshProgram({ DATABASE_URL: addressAs(name), DATABASE_SCHEMA: name });
    expect(await owner.run('migrate')).toMatchObject({ code: 0 });
    await roles.makeReader();
    const service = await freshProgram({ DATABASE_URL: addressAs(`${name}_service`), DATABASE_SCHEMA: name });
    await load(service, 2021);
    const cwd = owner.directory;
    expect(await shell(await documented('pg_dump'), cwd, addressAs(name), name)).toMatchObject({ code: 0 });
    await load(service, 2022);
    await (await connected(addressAs(name))).query(NEWER_FORM(name));
    expect((await service.run('migrate')).stderr).toContain('newer version');

    expect(await shell(await documented('pg_restore'), cwd, addressAs(name), name)).toEqual({ code: 0, stderr: '' });
    expect(await releases(service)).toEqual(['Academic year 2021/22']);
    await load(service, 2022);
    const reader = await connected(addressAs(`${name}_reader`));
    for (const view of ['absence', 'absence_history', 'alert_event', 'run'])
      expect((await reader.query(`select * from ${name}.${view} limit 1`)).rows.length).toBeLessThanOrEqual(1);
    await expect(reader.query(`select * from ${name}.notification`)).rejects.toThrow(/permission denied/);
    const left = await reader.query(
      `select relname from pg_class where relnamespace = '${name}'::regnamespace and relname like 'later%'`,
    );
    expect(left.rows).toEqual([]);
    // What later versions add is the service's, too.
    await (await connected(addressAs(name))).query(`create table ${name}.added (id integer)`);
    const working = await connected(addressAs(`${name}_service`));
    expect((await working.query(`select * from ${name}.added`)).rows).toEqual([]);
  });

  it('changes nothing where it cannot be done: a dump cut off, a view of others on ours, a role that may not', async () => {
    const name = freshSchema();
    const roles = await documentedRoles(name);
    await roles.makeService();
    const owner = await freshProgram({ DATABASE_URL: addressAs(name), DATABASE_SCHEMA: name });
    await load(owner, 2021);
    const cwd = owner.directory;
    const [dump, restore] = [await documented('pg_dump'), await documented('pg_restore')];
    expect(await shell(dump, cwd, addressAs(name), name)).toMatchObject({ code: 0 });
    await load(owner, 2022);
    const both = await releases(owner);
    expect(both).toHaveLength(2);

    const asService = await shell(restore, cwd, addressAs(`${name}_service`), name);
    expect([asService.code === 0, asService.stderr.includes('must be owner')]).toEqual([false, true]);
    expect(await releases(owner)).toEqual(both);

    const superuser = new pg.Client({ connectionString: testDatabaseUrl() });
    await superuser.connect();
    onTestFinished(() => superuser.end());
    await superuser.query(`create schema ${name}_reports`);
    onTestFinished(async () => {
      await superuser.query(`drop schema if exists ${name}_reports cascade`);
    });
    await superuser.query(`create view ${name}_reports.luton as select * from ${name}.absence`);
    const withView = await shell(restore, cwd, addressAs(name), name);
    expect([withView.code === 0, withView.stderr.includes(`${name}_reports.luton`)]).toEqual([false, true]);
    expect(await releases(owner)).toEqual(both);
    await superuser.query(`drop schema ${name}_reports cascade`);

    const file = join(cwd, 'absence-watch.dump');
    await truncate(file, Math.floor((await stat(file)).size * 0.6));
    expect((await shell(restore, cwd, addressAs(name), name)).code).not.toBe(0);
    expect(await releases(owner)).toEqual(both);
  });
});
