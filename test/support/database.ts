/** A database for one test: empty, migrated, on a real Postgres or embedded, gone when the test has passed. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { inject, onTestFinished } from 'vitest';
import { openDatabase, type OpenOptions, type Store } from '../../src/load/database.js';
import { migrate } from '../../src/load/migrate.js';

/** Address of the suite's Postgres. */
export function testDatabaseUrl(): string {
  return inject('testDatabaseUrl');
}

export function freshSchema(): string {
  return `test_${randomBytes(6).toString('hex')}`;
}

/** One embedded instance for each test file: a schema in it costs a tenth of an instance. */
let shared: Promise<PGlite> | undefined;

/** An empty embedded database as an archive, kept between runs of the suite: starting from it takes a fifth of the time. */
const ARCHIVE = new URL('../../node_modules/.cache/absence-watch-embedded.tar', import.meta.url);

async function startEmbedded(): Promise<PGlite> {
  const archive = await readFile(ARCHIVE).catch(() => undefined);
  if (archive !== undefined) {
    const instance = await PGlite.create('memory://', { loadDataDir: new Blob([archive]) }).catch(() => undefined);
    if (instance !== undefined) return instance;
  }
  const instance = await PGlite.create('memory://');
  const written = new URL(`${ARCHIVE.href}.${process.pid}`);
  await mkdir(new URL('.', ARCHIVE), { recursive: true });
  await writeFile(written, Buffer.from(await (await instance.dumpDataDir('none')).arrayBuffer()));
  await rename(written, ARCHIVE);
  return instance;
}

/**
 * Puts an empty embedded database on disk, for tests that are not about the making of one: that computes for seconds.
 * @param directory not there yet
 */
export async function putEmbedded(directory: string): Promise<void> {
  if (!existsSync(ARCHIVE)) await embedded();
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await promisify(execFile)('tar', ['-xf', fileURLToPath(ARCHIVE), '-C', directory]);
}

/**
 * Opens a migrated database of its own for the running test, and closes it when the test ends. The schema of a failed
 * test on Postgres stays, for looking at (as long as the server does: see TEST_DATABASE_URL).
 * @param directory embedded only: on disk there, instead of in memory
 */
export async function freshStore(
  kind: Store['kind'],
  options: OpenOptions & { readonly directory?: string } = {},
): Promise<Store> {
  const { directory, ...rest } = options;
  if (directory !== undefined) {
    await putEmbedded(directory);
    const store = await openDatabase(`pglite:${directory}`, rest);
    await migrate(store);
    closeAfterTest(store, () => Promise.resolve());
    return store;
  }
  const schema = options.schema ?? emptied[kind].pop() ?? freshSchema();
  const store = await openHere(kind, schema, rest);
  await migrate(store);
  asMigrated[kind] ??= await lookAt(kind, schema);
  closeAfterTest(store, () => (options.schema === undefined ? putBack(kind, schema) : dropSchema(schema)));
  return store;
}

/** A schema on the suite's Postgres for the running test, migrated and without a row. A failed test's stays. */
export async function migratedSchema(): Promise<string> {
  const schema = await takeSchema();
  onTestFinished(async ({ task }) => {
    if (task.result?.state !== 'fail') await putBack('postgres', schema);
  });
  return schema;
}

/** A schema on the suite's Postgres, migrated and without a row: one that was put back, or a new one. */
export async function takeSchema(): Promise<string> {
  const schema = emptied.postgres.pop() ?? (await migratedAnew());
  asMigrated.postgres ??= await lookAt('postgres', schema);
  return schema;
}

async function migratedAnew(): Promise<string> {
  const schema = freshSchema();
  const store = await openHere('postgres', schema);
  await migrate(store);
  await store.close();
  return schema;
}

/** On the suite's Postgres, or in this worker's embedded instance. */
async function openHere(kind: Store['kind'], schema: string, options: OpenOptions = {}): Promise<Store> {
  if (kind === 'postgres') return openDatabase(testDatabaseUrl(), { ...options, schema });
  return openDatabase('pglite:memory', { ...options, schema, shared: await embedded() });
}

function embedded(): Promise<PGlite> {
  return (shared ??= startEmbedded());
}

/**
 * This worker's own connection, on which schemas are looked at, emptied and dropped: to connect costs the server more
 * than the work does. It keeps no worker alive.
 */
let keeper: pg.Pool | undefined;

/** Runs statements in one transaction. @returns the rows of all of them */
async function keep<Row extends object>(kind: Store['kind'], schema: string, ...statements: string[]): Promise<Row[]> {
  const all = ['begin read write', `set local search_path = ${schema}`, ...statements, 'commit'].join(';\n');
  if (kind === 'embedded') {
    const results = await (await embedded()).exec(all);
    return results.flatMap(({ rows }) => rows as Row[]);
  }
  if (keeper === undefined) {
    keeper = new pg.Pool({ connectionString: testDatabaseUrl(), max: 1, idleTimeoutMillis: 0, allowExitOnIdle: true });
    // Cut by a test, or by the end of the server: the next statement connects anew.
    keeper.on('error', () => undefined);
  }
  // Of several statements pg answers with a list, which its types do not say.
  return [await keeper.query<Row>(all)].flat().flatMap(({ rows }) => rows);
}

/** Schemas of tests that passed, as they were before their first row: cheaper than new ones. */
const emptied: Readonly<Record<Store['kind'], string[]>> = { postgres: [], embedded: [] };

interface Look {
  /** What migrations, tables, columns, constraints, functions and rights the schema has. */
  readonly form: string;
  /** Names of tables that are not empty, but for those of the migrations. */
  readonly filled: readonly string[];
  /** Bytes of the largest of them. */
  readonly largest: number;
}

/** A schema that was only migrated. */
const asMigrated: Partial<Record<Store['kind'], Look>> = {};

async function lookAt(kind: Store['kind'], schema: string): Promise<Look> {
  const [look] = await keep<Look>(
    kind,
    schema,
    // By way of what depends on the schema, with its index: catalogues that hold many schemas are long to read through.
    'set local enable_hashjoin = off',
    'set local enable_mergejoin = off',
    'set local enable_seqscan = off',
    `with own as (
        select d.classid, d.objid from pg_depend d join pg_namespace n on d.refobjid = n.oid
        where d.refclassid = 'pg_namespace'::regclass and n.nspname = '${schema}'),
      relations as (select c.* from own join pg_class c on own.classid = 'pg_class'::regclass and c.oid = own.objid),
      functions as (select p.* from own join pg_proc p on own.classid = 'pg_proc'::regclass and p.oid = own.objid),
      filled as (select relname, pg_relation_size(oid) as size from relations
        where relkind = 'r' and pg_relation_size(oid) > 0 and relname not like 'schema_migration%')
    select md5(concat(
      (select string_agg(name, ',' order by name) from schema_migration),
      (select string_agg(concat(relname, relkind, relacl), ',' order by relname) from relations),
      (select string_agg(concat(c.relname, a.attname, a.atttypid::regtype, a.attnotnull), ',' order by c.relname, a.attnum)
        from relations c join pg_attribute a on a.attrelid = c.oid where c.relkind in ('r', 'v') and a.attnum > 0),
      (select string_agg(concat(c.relname, i.indexrelid::regclass, i.indisunique), ',' order by c.relname, i.indexrelid)
        from relations c join pg_index i on i.indrelid = c.oid),
      (select string_agg(concat(c.relname, k.conname), ',' order by c.relname, k.conname)
        from relations c join pg_constraint k on k.conrelid = c.oid),
      (select string_agg(concat(c.relname, t.tgname), ',' order by c.relname, t.tgname)
        from relations c join pg_trigger t on t.tgrelid = c.oid where not t.tgisinternal),
      (select string_agg(concat(proname, md5(replace(prosrc, '${schema}', ''))), ',' order by proname, oid)
        from functions))) as form,
      (select coalesce(json_agg(relname), '[]') from filled) as filled,
      (select coalesce(max(size), 0)::int from filled) as largest`,
  );
  if (look === undefined) throw new Error(`nothing is to be seen of the schema ${schema}`);
  return look;
}

/**
 * Rows up to here are deleted: tables that are truncated get new files, each with its indexes, and so does whatever
 * refers to them. What is deleted stays in the files until one of them is that long.
 */
const DELETED_BYTES = 256 * 1024;

/** Empties a schema for the next test; one that a test has changed in form is dropped. */
export async function putBack(kind: Store['kind'], schema: string): Promise<void> {
  const { form, filled, largest } = await lookAt(kind, schema);
  if (form !== asMigrated[kind]?.form) {
    if (kind === 'postgres') await dropSchema(schema);
    return;
  }
  const emptying =
    largest > DELETED_BYTES ? [`truncate ${filled.join(', ')} cascade`] : filled.map((table) => `delete from ${table}`);
  await keep(
    kind,
    schema,
    `set local lock_timeout = '15s'`,
    // References are not followed: all tables are emptied.
    'set local session_replication_role = replica',
    ...emptying,
    `select setval(s.seqrelid, s.seqstart, false) from pg_depend d
      join pg_namespace n on d.refobjid = n.oid join pg_sequence s on d.objid = s.seqrelid
      where d.refclassid = 'pg_namespace'::regclass and d.classid = 'pg_class'::regclass and n.nspname = '${schema}'
        and pg_sequence_last_value(s.seqrelid) is not null`,
  );
  emptied[kind].push(schema);
}
/** A second connection pool on the database of a store: what another process would have. Closed after the test. */
export async function secondStore(store: Store, options: OpenOptions = {}): Promise<Store> {
  const second = await openDatabase(testDatabaseUrl(), { ...options, schema: store.schema });
  closeAfterTest(second, () => Promise.resolve());
  return second;
}

export async function dropSchema(schema: string): Promise<void> {
  await keep('postgres', schema, `drop schema if exists ${schema} cascade`);
}

function closeAfterTest(store: Store, drop: () => Promise<void>): void {
  onTestFinished(async ({ task }) => {
    await store.close();
    if (task.result?.state !== 'fail') await drop();
  });
}
