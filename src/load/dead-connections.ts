/**
 * Connections to the database that died without a word: a cable pulled, a firewall that forgot, a server whose power went.
 * TCP tells of them after many minutes, or never; here a connection in use on which nothing moves is looked into.
 */
import { Socket } from 'node:net';
import pg from 'pg';
import type { DatabaseLogger } from './database.js';

/** A connection in use on which nothing has moved for so long (ms) is looked into; the answer may take a third of it. */
export const SILENT_MS = 30_000;

interface Watched {
  readonly socket: Socket;
  /** The server's own number for the session: a pooler between us gives others. */
  session: number | undefined;
  moved: number;
  since: number;
}

export class DeadConnections {
  readonly #all = new Map<pg.PoolClient, Watched>();
  readonly #inUse = new Set<pg.PoolClient>();
  readonly #timer: NodeJS.Timeout;
  #isLooking = false;

  constructor(
    private readonly url: string,
    private readonly silentMs: number,
    private readonly logger: DatabaseLogger | undefined,
  ) {
    this.#timer = setInterval(() => void this.#look(), silentMs / 2);
    this.#timer.unref();
  }

  /** For the pool: a client whose socket is known here. */
  clientClass(): typeof pg.Client {
    const watch = (client: pg.Client, socket: Socket): void => {
      const watched = { socket, session: undefined, moved: 0, since: performance.now() };
      this.#all.set(client as pg.PoolClient, watched);
      socket.once('close', () => {
        this.#all.delete(client as pg.PoolClient);
        this.#inUse.delete(client as pg.PoolClient);
      });
    };
    return class extends pg.Client {
      constructor(config: pg.ClientConfig) {
        const socket = new Socket();
        super({ ...config, stream: () => socket });
        watch(this, socket);
      }
    };
  }

  /** To be told of the pool's comings and goings. */
  follow(pool: pg.Pool): void {
    pool.on('acquire', (client) => {
      const watched = this.#all.get(client);
      if (watched === undefined) return;
      watched.since = performance.now();
      this.#inUse.add(client);
    });
    pool.on('release', (_error, client) => {
      this.#inUse.delete(client);
    });
  }

  /** Before its number is known a connection is left alone. */
  introduce(client: pg.PoolClient, session: number): void {
    const watched = this.#all.get(client);
    if (watched !== undefined) watched.session = session;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    const suspects = [...this.#inUse].flatMap((client) => {
      const watched = this.#all.get(client);
      return watched?.session !== undefined && this.#isSilent(watched)
        ? [{ ...watched, session: watched.session }]
        : [];
    });
    if (suspects.length === 0) return;
    this.#isLooking = true;
    try {
      const living = await this.#sessions(suspects.map(({ session }) => session));
      for (const { socket, session } of suspects)
        if (living?.has(session) !== true) {
          this.logger?.warn({ session }, 'a database connection is dead and is given up');
          // Whoever waits on it hears that the connection was terminated, which is tried again.
          socket.destroy();
        }
    } finally {
      this.#isLooking = false;
    }
  }

  #isSilent(watched: Watched): boolean {
    const moved = watched.socket.bytesRead + watched.socket.bytesWritten;
    if (moved !== watched.moved) {
      watched.moved = moved;
      watched.since = performance.now();
    }
    return performance.now() - watched.since >= this.silentMs;
  }

  /** Which of these sessions the server still has, asked on a new connection; undefined where it does not answer. */
  async #sessions(numbers: readonly number[]): Promise<ReadonlySet<number> | undefined> {
    const patience = this.silentMs / 3;
    const client = new pg.Client({
      connectionString: this.url,
      connectionTimeoutMillis: patience,
      query_timeout: patience,
      application_name: 'absence-watch',
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const { rows } = await client.query<{ pid: number }>(
        'select pid from pg_stat_activity where pid = any($1::int[])',
        [numbers],
      );
      return new Set(rows.map(({ pid }) => pid));
    } catch {
      return undefined;
    } finally {
      // Ended without waiting: the way there may be what is dead.
      void client.end().catch(() => undefined);
    }
  }
}
