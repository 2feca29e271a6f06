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
  if (kind === 'embedded') {
    const { directory, ...rest } = options;
    const place = directory ?? 'memory';
    if (directory === undefined) shared ??= startEmbedded();
    const store = await openDatabase(`pglite:${place}`, {
      ...(shared === undefined || directory !== undefined ? {} : { schema: freshSchema(), shared: await shared }),
      ...rest,
    });
    await migrate(store);
    closeAfterTest(store, () => Promise.resolve());
    return store;
  }
  const schema = options.schema ?? freshSchema();
  const store = await openDatabase(testDatabaseUrl(), { ...options, schema });
  await migrate(store);
  closeAfterTest(store, () => dropSchema(schema));
  return store;
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
