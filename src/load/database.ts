/**
 * One database, two kinds: a Postgres server, or PGlite in a directory of this machine. Both speak through pg and
 * kysely; only COPY differs.
 */
import { chmod, mkdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { PGlite } from '@electric-sql/pglite';
import { Kysely, sql, type PostgresPool, type Transaction } from 'kysely';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { DeadConnections, SILENT_MS } from './dead-connections.js';
import { SchemaDialect } from './dialect.js';
import { lockDirectory, type DirectoryLock } from './directory-lock.js';
import { onOwnThread, onThisThread, type EmbeddedInstance } from './embedded-thread.js';
import { DatabaseOutOfReachError, DatabaseUnusableError, isDiskFull, saidBy } from './errors.js';
import { isTransient } from './retry.js';
import type { Database } from './schema.js';

/** What the database says of itself; the shape of pino. */
export interface DatabaseLogger {
  warn(detail: object, message: string): void;
}

export interface OpenOptions {
  /** Everything lives in it. */
  readonly schema?: string;
  readonly logger?: DatabaseLogger;
  /** Every transaction is read-only. */
  readonly readOnly?: boolean;
  /** Server only: how long nothing moves on a connection in use before it is looked into (ms). */
  readonly silentMs?: number;
  /** Embedded only: where other processes may reach the holder of the directory. */
  readonly socketPath?: string;
  /** Embedded only: an instance that others use too, each with a schema of its own; it is not closed here. */
  readonly shared?: PGlite;
}

/**
 * Writes rows in COPY's text format (tabs, `\N`, line ends included) into a table of the schema.
 * @param chunks UTF-8, pieces of about 64 KB, each ending at a line's end
 * @throws the server's error, with `where` telling the line within this COPY
 */
export type Copy = (table: string, columns: readonly string[], chunks: AsyncIterable<Uint8Array>) => Promise<void>;

export interface Store {
  readonly kind: 'postgres' | 'embedded';
  readonly db: Kysely<Database>;
  readonly schema: string;
  /**
   * Tells the files of an embedded database from a copy of them; undefined for a server, in memory, and on a file system
   * that does not know when a file was made.
   */
  readonly files?: string | undefined;
  /** A transaction on a connection of its own that can also COPY. Not to be nested in another transaction. */
  copyTransaction<T>(work: (trx: Transaction<Database>, copy: Copy) => Promise<T>): Promise<T>;
  /**
   * A connection held outside the pool's turn, for session locks; undefined for the embedded database, which has a
   * single session. `lost` resolves when the connection breaks.
   */
  session(): Promise<Session | undefined>;
  close(): Promise<void>;
}

export interface Session {
  readonly db: Kysely<Database>;
  readonly lost: Promise<Error>;
  end(): Promise<void>;
}

const OLDEST_SERVER = 140_000;
const STATEMENT_TIMEOUT_MS = 120_000;
const LOCK_TIMEOUT_MS = 15_000;
const IDLE_IN_TRANSACTION_MS = 300_000;
const CONNECT_TIMEOUT_MS = 10_000;

const DATE_OID = 1082;
const BIGINT_OID = 20;

/** date stays text (a Date would be local midnight), bigint is a number where that loses nothing, numeric stays text. */
function typeParsers(): pg.CustomTypesConfig {
  const types = new pg.TypeOverrides();
  types.setTypeParser(DATE_OID, (text) => text);
  types.setTypeParser(BIGINT_OID, (text) => (Number.isSafeInteger(Number(text)) ? Number(text) : text));
  return types;
}

/**
 * Opens a database.
 * @param url `postgres://…`, `pglite:DIRECTORY`, or `pglite:memory`
 * @throws DatabaseHeldError, DatabaseUnusableError, or what the connection says
 */
export async function openDatabase(url: string, options: OpenOptions = {}): Promise<Store> {
  const schema = options.schema ?? 'absence_watch';
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema))
    throw new DatabaseUnusableError(
      `DATABASE_SCHEMA "${schema}" is no plain name: use small letters, digits and _ (for example absence_watch).`,
    );
  if (url.startsWith('pglite:')) return openEmbedded(url.slice('pglite:'.length), schema, options);
  if (/^postgres(ql)?:\/\//.test(url)) return openServer(url, schema, options);
  throw new DatabaseUnusableError(
    'DATABASE_URL must start with postgres:// or pglite: (for example pglite:./data/db).',
  );
}

async function openServer(url: string, schema: string, options: OpenOptions): Promise<Store> {
  const dead = new DeadConnections(url, options.silentMs ?? SILENT_MS, options.logger);
  const pool = new pg.Pool({
    Client: dead.clientClass(),
    connectionString: url,
    max: 8,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    application_name: 'absence-watch',
    types: typeParsers(),
  });
  dead.follow(pool);
  const connections = new Connections(pool, schema, options, (client, session) => {
    dead.introduce(client, session);
  });
  const close = async (): Promise<void> => {
    dead.stop();
    await pool.end();
  };
  const store: Store = {
    kind: 'postgres',
    schema,
    db: kyselyOver(connections, schema),
    copyTransaction: (work) =>
      connections.dedicated((client, db) =>
        db.transaction().execute((trx) =>
          work(trx, async (table, columns, chunks) => {
            await pipeline(
              Readable.from(chunks, { objectMode: true, highWaterMark: 2 }),
              client.query(copyFrom(copyStatement(schema, table, columns, 'STDIN'))),
            );
          }),
        ),
      ),
    session: () => openSession(connections),
    close,
  };
  try {
    await refuseOldServer(store.db);
  } catch (error) {
    await close();
    throw isTransient(error) ? outOfReach(url, error) : error;
  }
  return store;
}

/** Without user and password. */
function outOfReach(url: string, cause: unknown): DatabaseOutOfReachError {
  const { host, pathname } = URL.canParse(url) ? new URL(url) : { host: '', pathname: '' };
  return new DatabaseOutOfReachError(
    `The database${pathname.length > 1 ? ` "${pathname.slice(1)}"` : ''}${host === '' ? '' : ` at ${host}`} cannot be reached: ${saidBy(cause)}. ` +
      'See that the server runs, takes connections, and is the one that DATABASE_URL names.',
    { cause },
  );
}

async function refuseOldServer(db: Kysely<Database>): Promise<void> {
  const { rows } = await sql<{ number: number; name: string }>`
    select current_setting('server_version_num')::int as number, current_setting('server_version') as name`.execute(db);
  const version = rows[0];
  if (version === undefined || version.number < OLDEST_SERVER)
    throw new DatabaseUnusableError(
      `The database server is PostgreSQL ${version?.name ?? '?'}; absence-watch needs 14 or later.`,
    );
}

async function openEmbedded(place: string, schema: string, options: OpenOptions): Promise<Store> {
  try {
    return await openDirectory(place, schema, options);
  } catch (error) {
    if (!isDiskFull(error)) throw error;
    throw new DatabaseOutOfReachError(
      `The embedded database in ${resolve(place)} cannot be opened: no space is left on its disk. Make room there; nothing that was loaded is lost.`,
      { cause: error },
    );
  }
}

async function openDirectory(place: string, schema: string, options: OpenOptions): Promise<Store> {
  const inMemory = place === 'memory';
  const directory = inMemory ? undefined : resolve(place);
  let lock: DirectoryLock | undefined;
  if (directory !== undefined) {
    await mkdir(dirname(directory), { recursive: true, mode: 0o700 });
    lock = await lockDirectory(directory, options.socketPath);
  }
  try {
    if (directory !== undefined) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      // PGlite creates its files readable by all.
      await chmod(directory, 0o700);
    }
    // Loaded only here: with a Postgres server it would cost memory for nothing.
    const { createPgConfig } = await import('@electric-sql/pglite/node-postgres');
    const lite =
      options.shared === undefined ? await onOwnThread(directory ?? 'memory://') : onThisThread(options.shared);
    const files = directory === undefined ? undefined : await madeWhereAndWhen(directory);
    // The bridge asks for no more of PGlite than an EmbeddedInstance is.
    return { ...embeddedStore(lite, createPgConfig(lite as unknown as PGlite), lock, schema, options), files };
  } catch (error) {
    await lock?.release();
    throw error;
  }
}

/** Of the one file that the database only ever writes in place: whatever copies a directory makes it anew. */
async function madeWhereAndWhen(directory: string): Promise<string | undefined> {
  const { ino, birthtimeNs } = await stat(join(directory, 'global', 'pg_control'), { bigint: true });
  return birthtimeNs === 0n ? undefined : `${ino} ${birthtimeNs}`;
}

function embeddedStore(
  lite: EmbeddedInstance,
  config: object,
  lock: DirectoryLock | undefined,
  schema: string,
  options: OpenOptions,
): Store {
  // One session only: a second connection, or one ended for idleness, would break it.
  const pool = new pg.Pool({ ...config, max: 1, idleTimeoutMillis: 0, types: typeParsers() });
  const connections = new Connections(pool, schema, options);
  return {
    kind: 'embedded',
    schema,
    db: kyselyOver(connections, schema),
    copyTransaction: (work) =>
      connections.dedicated((_client, db) =>
        db.transaction().execute((trx) =>
          work(trx, async (table, columns, chunks) => {
            let done = 0;
            for await (const piece of gathered(chunks, EMBEDDED_PIECE)) {
              try {
                await lite.copy(copyStatement(schema, table, columns, "'/dev/blob'"), piece.text);
              } catch (error) {
                throw withLineOffset(error, done);
              }
              done += piece.lines;
            }
          }),
        ),
      ),
    session: () => Promise.resolve(undefined),
    async close() {
      await pool.end();
      await lite.close();
      await lock?.release();
    },
  };
}

/** The embedded database takes a COPY as one blob; about 20,000 rows each measured best, and keeps memory flat. */
const EMBEDDED_PIECE = 2_000_000;

async function* gathered(
  chunks: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<{ text: Uint8Array; lines: number }> {
  let parts: Uint8Array[] = [];
  let length = 0;
  const piece = (): { text: Uint8Array; lines: number } => {
    const text = Buffer.concat(parts);
    let lines = 0;
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines++;
    parts = [];
    length = 0;
    return { text, lines };
  };
  for await (const chunk of chunks) {
    parts.push(chunk);
    length += chunk.length;
    if (length >= size) yield piece();
  }
  if (length > 0) yield piece();
}

/** Makes the line that an error of one piece names the line of the whole COPY. */
function withLineOffset(error: unknown, offset: number): unknown {
  if (error instanceof Error && 'where' in error && typeof error.where === 'string')
    error.where = error.where.replace(/line (\d+)/, (_, line: string) => `line ${Number(line) + offset}`);
  return error;
}

function copyStatement(schema: string, table: string, columns: readonly string[], source: string): string {
  const names = columns.map((column) => pg.escapeIdentifier(column)).join(', ');
  return `COPY ${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)} (${names}) FROM ${source}`;
}

function kyselyOver(pool: PostgresPool, schema: string): Kysely<Database> {
  return new Kysely<Database>({ dialect: new SchemaDialect(pool, schema) });
}

/** The pool's connections, each set up once: schema, time limits, and an ear for errors so that none ends the process. */
class Connections {
  readonly #ready = new WeakSet<pg.PoolClient>();

  constructor(
    readonly pool: pg.Pool,
    readonly schema: string,
    readonly options: OpenOptions,
    /** Told of each new connection and the server's number for it. */
    readonly met: (client: pg.PoolClient, session: number) => void = () => undefined,
  ) {
    pool.on('error', (error) => {
      this.#lost(error);
    });
  }

  #lost(error: Error): void {
    this.options.logger?.warn({ error: error.message }, 'a database connection was lost');
  }

  /** jit off: it takes seconds to compile what then runs for milliseconds. */
  async connect(): Promise<pg.PoolClient> {
    const client = await this.pool.connect();
    if (this.#ready.has(client)) return client;
    try {
      client.on('error', (error) => {
        this.#lost(error);
      });
      const { rows } = await client.query<{ session: number }>(
        `select pg_backend_pid() as session, set_config('search_path', $1, false), set_config('statement_timeout', $2, false),
                set_config('lock_timeout', $3, false), set_config('idle_in_transaction_session_timeout', $4, false),
                set_config('default_transaction_read_only', $5, false), set_config('timezone', 'UTC', false),
                set_config('jit', 'off', false)`,
        [
          pg.escapeIdentifier(this.schema),
          `${STATEMENT_TIMEOUT_MS}ms`,
          `${LOCK_TIMEOUT_MS}ms`,
          `${IDLE_IN_TRANSACTION_MS}ms`,
          this.options.readOnly === true ? 'on' : 'off',
        ],
      );
      if (rows[0] !== undefined) this.met(client, rows[0].session);
      this.#ready.add(client);
      return client;
    } catch (error) {
      client.release(error instanceof Error ? error : true);
      throw error;
    }
  }

  end(): Promise<void> {
    return this.pool.end();
  }

  /** Runs work with one connection and a kysely bound to it; a connection that failed badly is not used again. */
  async dedicated<T>(work: (client: pg.PoolClient, db: Kysely<Database>) => Promise<T>): Promise<T> {
    const client = await this.connect();
    let broken: Error | undefined;
    const onError = (error: Error): void => {
      broken = error;
    };
    client.on('error', onError);
    try {
      return await work(client, boundTo(client, this.schema));
    } finally {
      client.off('error', onError);
      client.release(broken);
    }
  }
}

function boundTo(client: pg.PoolClient, schema: string): Kysely<Database> {
  const borrowed = new Proxy(client, {
    get(target, property) {
      if (property === 'release') return () => undefined;
      const value: unknown = Reflect.get(target, property);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  return kyselyOver({ connect: () => Promise.resolve(borrowed), end: () => Promise.resolve() }, schema);
}

async function openSession(connections: Connections): Promise<Session> {
  const client = await connections.connect();
  const lost = new Promise<Error>((settle) => {
    client.once('error', settle);
    client.once('end', () => {
      settle(new Error('the database connection ended'));
    });
  });
  return {
    db: boundTo(client, connections.schema),
    lost,
    end() {
      // Closed, not given back: locks of the session must end with it.
      client.release(true);
      return Promise.resolve();
    },
  };
}
