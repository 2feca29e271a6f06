/** A database for one test: empty, migrated, on a real Postgres or embedded, gone when the test has passed. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { PGlite } from '@electric-sql/pglite';
import { sql } from 'kysely';
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
    const store = await openDatabase(`pglite:${directory}`, rest);
    await migrate(store);
    closeAfterTest(store, () => Promise.resolve());
    return store;
  }
  const schema = options.schema ?? emptied[kind].pop() ?? freshSchema();
  const store = await openHere(kind, schema, rest);
  await migrate(store);
  forms[kind] ??= await formOf(store);
  closeAfterTest(store, () => (options.schema === undefined ? putBack(kind, schema) : dropSchema(schema)));
  return store;
}

/** On the suite's Postgres, or in this worker's embedded instance. */
async function openHere(kind: Store['kind'], schema: string, options: OpenOptions = {}): Promise<Store> {
  if (kind === 'postgres') return openDatabase(testDatabaseUrl(), { ...options, schema });
  shared ??= startEmbedded();
  return openDatabase('pglite:memory', { ...options, schema, shared: await shared });
}

/** Schemas of tests that passed, as they were before their first row: cheaper than new ones. */
const emptied: Readonly<Record<Store['kind'], string[]>> = { postgres: [], embedded: [] };

/** What migrations, tables, columns, constraints, functions and rights a schema has that was only migrated. */
const forms: Partial<Record<Store['kind'], string>> = {};

async function formOf({ db, schema }: Store): Promise<string> {
  const { rows } = await sql<{ form: string }>`
    with own as (select oid from pg_namespace where nspname = ${schema}),
      relations as (select c.* from pg_class c, own where c.relnamespace = own.oid)
    select md5(concat(
      (select string_agg(name, ',' order by name) from ${sql.table(`${schema}.schema_migration`)}),
      (select string_agg(concat(relname, relkind, relacl), ',' order by relname) from relations),
      (select string_agg(concat(c.relname, a.attname, a.atttypid::regtype, a.attnotnull), ',' order by c.relname, a.attnum)
        from relations c join pg_attribute a on a.attrelid = c.oid where c.relkind in ('r', 'v') and a.attnum > 0),
      (select string_agg(concat(c.relname, k.conname), ',' order by c.relname, k.conname)
        from relations c join pg_constraint k on k.conrelid = c.oid),
      (select string_agg(concat(c.relname, t.tgname), ',' order by c.relname, t.tgname)
        from relations c join pg_trigger t on t.tgrelid = c.oid where not t.tgisinternal),
      (select string_agg(concat(p.proname, md5(p.prosrc)), ',' order by p.proname, p.oid) from pg_proc p, own
        where p.pronamespace = own.oid))) as form`.execute(db);
  return rows[0]?.form ?? '';
}

/** Empties a schema for the next test; one that a test has changed in form is dropped. */
async function putBack(kind: Store['kind'], schema: string): Promise<void> {
  const store = await openHere(kind, schema);
  const isAsBefore = (await formOf(store)) === forms[kind];
  if (isAsBefore) {
    const { rows } = await sql<{ name: string }>`
      select relname as name from pg_class
      where relnamespace = (select oid from pg_namespace where nspname = ${schema}) and relkind = 'r'
        and pg_relation_size(oid) > 0 and relname not like 'schema_migration%'`.execute(store.db);
    const tables = rows.map(({ name }) => sql.table(`${schema}.${name}`));
    if (tables.length > 0) await sql`truncate ${sql.join(tables)} restart identity cascade`.execute(store.db);
    await sql`
      select setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) from pg_sequences
      where schemaname = ${schema} and last_value is not null`.execute(store.db);
  }
  await store.close();
  if (isAsBefore) emptied[kind].push(schema);
  else if (kind === 'postgres') await dropSchema(schema);
}

/** A second connection pool on the database of a store: what another process would have. Closed after the test. */
export async function secondStore(store: Store, options: OpenOptions = {}): Promise<Store> {
  const second = await openDatabase(testDatabaseUrl(), { ...options, schema: store.schema });
  closeAfterTest(second, () => Promise.resolve());
  return second;
}

export async function dropSchema(schema: string): Promise<void> {
  const store = await openDatabase(testDatabaseUrl(), { schema });
  await sql`drop schema if exists ${sql.id(schema)} cascade`.execute(store.db);
  await store.close();
}

function closeAfterTest(store: Store, drop: () => Promise<void>): void {
  onTestFinished(async ({ task }) => {
    await store.close();
    if (task.result?.state !== 'fail') await drop();
  });
}
