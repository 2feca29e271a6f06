/** EES, a mail server and a database for a program that is killed again and again, and what is looked at from outside. */
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { refuseRecipient, startMailCatcher, type MailCatcher, type SmtpStep } from '../../../demo/mail-catcher.js';
import { StandIn, type LoggedRequest } from '../../../demo/stand-in.js';
import { openDatabase, type Store } from '../../../src/load/database.js';
import { freshSchema } from '../../support/database.js';
import type { BuiltProgram } from './built-program.js';
import { startChild, type Child } from './child.js';
import { REFUSED_RECIPIENT, SCENARIO_CONFIG } from './scenario.js';
import { SCRATCH } from '../../support/scratch.js';

export interface Ears {
  /** The answer waits for it. */
  onRequest: (request: LoggedRequest) => void | Promise<void>;
  onSmtp: (step: SmtpStep) => void;
}

/** In place of a server's address: the program's own database, in a directory of the world. */
export const EMBEDDED = 'pglite:./data/db';

/** A server's sessions, as the harness meets them. */
interface Sessions {
  readonly watcher: pg.Client;
  readonly locker: pg.Client;
}

export class World {
  readonly ears: Ears = { onRequest: () => undefined, onSmtp: () => undefined };
  /** The program's clock and that of EES. */
  now = new Date(0);
  /** Of the programs that are started from now on; what they say is read by nobody but a person, usually. */
  logLevel: 'info' | 'warn' = 'warn';

  private constructor(
    readonly program: BuiltProgram,
    readonly ees: StandIn,
    readonly mail: MailCatcher,
    readonly directory: string,
    readonly schema: string,
    /** undefined: the embedded database, which nobody but the program reaches. */
    private readonly sessions: Sessions | undefined,
    private readonly databaseUrl: string,
  ) {}

  /** Looks at what the program's sessions do. @throws for the embedded database */
  get watcher(): pg.Client {
    return this.#onServer().watcher;
  }

  /**
   * Holds locks. Not the watcher: within a transaction the server shows sessions as they were at its first look.
   * @throws for the embedded database
   */
  get locker(): pg.Client {
    return this.#onServer().locker;
  }

  #onServer(): Sessions {
    if (this.sessions === undefined) throw new Error('the embedded database has no sessions to look at');
    return this.sessions;
  }

  /** @param databaseUrl of a server, or EMBEDDED */
  static async create(program: BuiltProgram, databaseUrl: string): Promise<World> {
    const directory = await mkdtemp(join(SCRATCH, 'absence-watch-faults-'));
    await writeFile(join(directory, 'watch.yaml'), SCENARIO_CONFIG);
    let world: World | undefined = undefined;
    const ees = await StandIn.start({ now: () => world?.now ?? new Date(0) });
    const mail = await startMailCatcher();
    const sessions = databaseUrl === EMBEDDED ? undefined : await connect(databaseUrl);
    const created: World = new World(program, ees, mail, directory, freshSchema(), sessions, databaseUrl);
    world = created;
    const refuses = refuseRecipient(REFUSED_RECIPIENT);
    mail.behave((step) => {
      created.ears.onSmtp(step);
      return refuses(step);
    });
    ees.fault(async (request) => {
      await created.ears.onRequest(request);
      return undefined;
    });
    return created;
  }

  start(...argv: string[]): Child {
    const isEmbedded = this.sessions === undefined;
    return startChild(this.program, [...argv, '--config', 'watch.yaml'], {
      cwd: this.directory,
      at: this.now,
      // As in vitest.config.ts: a run is too short for the embedded database's code to be worth compiling well.
      node: isEmbedded ? ['--liftoff-only'] : [],
      env: {
        DATABASE_URL: isEmbedded ? this.databaseUrl : `${this.databaseUrl}?application_name=${this.schema}`,
        DATABASE_SCHEMA: this.schema,
        EES_API_URL: this.ees.apiUrl,
        EES_CONTENT_URL: this.ees.contentUrl,
        SMTP_URL: this.mail.url,
        HTTP_PORT: '0',
        LOG_LEVEL: this.logLevel,
      },
    });
  }

  /**
   * Whether a session of the program waits for the lock of a table. Of this very one: sessions wait a moment for the
   * server's own catalogue, too, which all tests share.
   */
  async isHeldUp(table: string): Promise<boolean> {
    const { rows } = await this.watcher.query(
      `select 1 from pg_locks l join pg_stat_activity a on a.pid = l.pid
       where a.application_name = $1 and not l.granted and l.locktype = 'relation' and l.relation = to_regclass($2)`,
      [this.schema, `${pg.escapeIdentifier(this.schema)}.${table}`],
    );
    return rows.length > 0;
  }

  /** Waits until the server has noticed the end of every session of a dead program; an embedded one died with it. */
  async untilForgotten(): Promise<void> {
    if (this.sessions === undefined) return;
    for (;;) {
      const { rows } = await this.watcher.query<{ count: number }>(
        'select count(*)::int as count from pg_stat_activity where application_name = $1',
        [this.schema],
      );
      if (rows[0]?.count === 0) return;
      await wait(5);
    }
  }

  /**
   * The database as the harness reads it. Of an embedded one a copy, while no program runs: what a kill has left there
   * is for the program to put right.
   */
  async reading<T>(work: (store: Store) => Promise<T>): Promise<T> {
    const copy = join(this.directory, 'looked-at');
    if (this.sessions === undefined) await cp(join(this.directory, 'data/db'), copy, { recursive: true });
    const url = this.sessions === undefined ? `pglite:${copy}` : this.databaseUrl;
    const store = await openDatabase(url, { schema: this.schema });
    try {
      return await work(store);
    } finally {
      await store.close();
      await rm(copy, { recursive: true, force: true });
    }
  }

  /** @param keepSchema where somebody will want to look at it */
  async close(keepSchema = false): Promise<void> {
    if (this.sessions !== undefined) {
      const { watcher, locker } = this.sessions;
      if (!keepSchema) await watcher.query(`drop schema if exists ${pg.escapeIdentifier(this.schema)} cascade`);
      await Promise.all([watcher.end(), locker.end()]);
    }
    await Promise.all([this.ees.close(), this.mail.close()]);
    await rm(this.directory, { recursive: true, force: true });
  }
}

async function connect(databaseUrl: string): Promise<Sessions> {
  const watcher = new pg.Client({ connectionString: databaseUrl });
  const locker = new pg.Client({ connectionString: databaseUrl });
  await Promise.all([watcher.connect(), locker.connect()]);
  return { watcher, locker };
}
