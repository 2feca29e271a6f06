/** `start`: the unattended service. */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { sql } from 'kysely';
import { unansweredNames } from '../alerts/watched-names.js';
import { loadConfig, problemText, type Settings } from '../config.js';
import { openDatabase, type Store } from '../load/database.js';
import { DatabaseHeldError, DatabaseUnusableError, isDiskFull, UnmigratedError } from '../load/errors.js';
import { migrate, refuseUnmigrated } from '../load/migrate.js';
import { isTransient } from '../load/retry.js';
import { main } from '../main.js';
import { errorWords } from '../service/board.js';
import { pause } from '../service/pause.js';
import { startService, type Service } from '../service/service.js';
import { serveCommands, socketBeside, type CommandSocket, type Serve } from '../service/socket.js';
import type { Subject } from '../service/view.js';
import { ListenError, startWeb, type Web } from '../service/web.js';
import type { AddCommand, Context } from './context.js';

export function register(program: Command, add: AddCommand): void {
  add(
    program,
    'start',
    'the unattended service: schedule, retries, status page, health, metrics',
    'absence-watch start',
    start,
  ).option('--no-migrate', 'leave the form of the database as it is');
}

const STANDBY_MS = 15_000;
const PENDING_MS = 5_000;
const LONGEST_WAIT_MS = 60_000;

async function start(context: Context, _args: readonly string[], options: Record<string, unknown>): Promise<0 | 1> {
  const { log, settings } = context;
  for (const warning of settings.warnings) log.warn(warning);
  await mkdir(settings.config.dataDirectory, { recursive: true, mode: 0o700 });
  const socketPath = socketBeside(settings.environment.databaseUrl);
  const front = new Front(context, socketPath !== undefined);
  // A service that waits for its database is not ended by a SIGHUP: what was changed is read when it is there.
  let changed = false;
  const note = (): void => {
    changed = true;
    log.info('SIGHUP: the configuration is read again when the database is there');
  };
  process.on('SIGHUP', note);
  try {
    await front.open();
    const store = await opened(context, socketPath, options['migrate'] !== false, front).finally(() => {
      process.off('SIGHUP', note);
    });
    if (store === undefined) return 0;
    try {
      await serve(context, store, socketPath, front, changed);
    } finally {
      await store.close();
    }
    return 0;
  } finally {
    process.off('SIGHUP', note);
    await front.close();
  }
}

async function serve(
  context: Context,
  store: Store,
  socketPath: string | undefined,
  front: Front,
  changed: boolean,
): Promise<void> {
  const { log, now, signal, settings } = context;
  const url = await front.mustListen();
  let socket: CommandSocket | undefined;
  // Where something fails to begin, what has begun is drained.
  const failed = new AbortController();
  const until = AbortSignal.any([signal, failed.signal]);
  const service = startService({ store, settings, log, now, signal: until });
  front.serves(store, service);
  try {
    if (socketPath !== undefined) socket = await openSocket(socketPath, store, service, now, until);
    await warnOfNames(settings, store, context);
    log.info(
      { url, schedule: settings.config.schedule, data: settings.config.dataDirectory },
      `absence-watch is running; status page: ${url}`,
    );
    await untilEnded(service, store, context, changed);
  } catch (error) {
    failed.abort(error);
    throw error;
  } finally {
    await service.ended;
    // Commands under way go on with the open database.
    await socket?.close();
    await front.close();
  }
  log.info('drained; bye');
}

/** What the service answers to others: from its first moment, also while it waits for its database. */
class Front {
  #subject: Subject = {
    kind: 'waiting',
    why: 'the database is being opened and brought to this version',
    standby: false,
  };
  #web: Web | undefined;
  #saidTaken = false;

  /** @param patient the holder of an embedded database may have the port too, and gives it back with the database */
  constructor(
    private readonly context: Context,
    private readonly patient: boolean,
  ) {}

  /** @throws ListenError, where the port will not come free by waiting */
  async open(): Promise<void> {
    try {
      await this.mustListen();
    } catch (error) {
      if (!this.patient || !(error instanceof ListenError)) throw error;
      if (!this.#saidTaken) this.context.log.warn({ error: error.message }, 'health is not served yet');
      this.#saidTaken = true;
    }
  }

  /** @returns where @throws ListenError */
  async mustListen(): Promise<string> {
    if (this.#web !== undefined) return this.#web.url;
    const { settings, log, now } = this.context;
    this.#web = await startWeb({
      settings: () => (this.#subject.kind === 'open' ? this.#subject.service.settings() : settings),
      subject: () => this.#subject,
      log,
      now,
    });
    log.info({ url: this.#web.url }, 'health and status page are served');
    return this.#web.url;
  }

  /** Says what is waited for. */
  async waits(why: string, more: { readonly standby?: boolean; readonly pending?: readonly string[] }): Promise<void> {
    this.#subject = { kind: 'waiting', why, standby: false, ...more };
    await this.open();
  }

  serves(store: Store, service: Service): void {
    this.#subject = { kind: 'open', store, service };
  }

  async close(): Promise<void> {
    const web = this.#web;
    this.#web = undefined;
    await web?.close();
  }
}

/** What watches nothing is said once; what is not loaded yet may still come. */
async function warnOfNames({ names }: Settings, store: Store, { log }: Context): Promise<void> {
  for (const { name, message } of await unansweredNames(store, names))
    log.warn(`${problemText({ ...name.place, message })}: nothing is watched there`);
}

/**
 * Serves the commands of others.
 * @param signal as of the service: once it is aborted no command begins, and one under way has the grace of the service's
 *   own runs
 */
export async function openSocket(
  path: string,
  store: Store,
  service: Service,
  now: () => Date,
  signal: AbortSignal,
): Promise<CommandSocket> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const serve: Serve = (argv, streams, gone) =>
    main(argv, {
      streams,
      env: process.env,
      now,
      signal: AbortSignal.any([gone, service.graceOver]),
      sharedStore: store,
      ownSettings: service.settings,
    });
  return serveCommands(path, serve, signal);
}

/**
 * Reads the configuration again at SIGHUP; a broken one is refused, and the service says so until it is mended.
 * @param changed a SIGHUP came while the database was waited for
 */
async function untilEnded(service: Service, store: Store, context: Context, changed: boolean): Promise<void> {
  const { settings, log, streams } = context;
  const reload = (): void => {
    loadConfig(settings.configFile, process.env, streams.cwd).then(
      (fresh) => {
        for (const warning of fresh.warnings) log.warn(warning);
        service.reload(fresh);
        return warnOfNames(fresh, store, context).catch((error: unknown) => {
          log.warn({ error: String(error) }, 'the names in the configuration could not be looked up');
        });
      },
      (error: unknown) => {
        const said = error instanceof Error ? error.message : String(error);
        service.refuse(said);
        log.error({ error: said }, 'the new configuration is broken: the old one stays');
      },
    );
  };
  process.on('SIGHUP', reload);
  if (changed) reload();
  try {
    await service.ended;
  } finally {
    process.off('SIGHUP', reload);
  }
}

/**
 * Opens the database and brings it to this version. Beside another service on an embedded one it stands by until that
 * one ends; a server that cannot be reached is waited for, and so is whoever else is to migrate it.
 * @returns undefined when told to end meanwhile
 */
async function opened(
  { settings, log, signal }: Context,
  socketPath: string | undefined,
  migrating: boolean,
  front: Front,
): Promise<Store | undefined> {
  const rest = pause(signal);
  let saidPending: string | undefined;
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      const store = await openDatabase(settings.environment.databaseUrl, {
        schema: settings.environment.databaseSchema,
        logger: log,
        ...(socketPath === undefined ? {} : { socketPath }),
      });
      try {
        await refusePooler(store);
        await (migrating ? migrate(store) : refuseUnmigrated(store));
        return store;
      } catch (error) {
        await store.close();
        throw error;
      }
    } catch (error) {
      if (error instanceof DatabaseHeldError) {
        if (attempt === 0) log.info({ holder: error.message }, 'another process holds the database: standing by');
        await front.waits(`standing by: ${error.message}`, { standby: true });
        await rest.for(STANDBY_MS);
      } else if (error instanceof UnmigratedError) {
        const { message, pending } = error;
        if (saidPending !== message) log.warn({ pending }, `waiting until the database is migrated: ${message}`);
        saidPending = message;
        await front.waits(message, { pending });
        // An embedded database takes seconds to open, and is held from whoever migrates meanwhile.
        await rest.for(socketPath === undefined ? PENDING_MS : STANDBY_MS);
      } else if (isTransient(error) || isDiskFull(error)) {
        const said = errorWords(isTransient(error) && error instanceof Error ? (error.cause ?? error) : error);
        log.warn({ error: said }, 'the database cannot be reached: it is tried again');
        await front.waits(`the database cannot be reached, it is tried again: ${said}`, {});
        await rest.for(Math.min(1_000 * 2 ** attempt, LONGEST_WAIT_MS));
      } else throw error;
    }
  }
  return undefined;
}

/**
 * Locks that die with their connection need a connection of their own. Behind a pooler that shares connections between
 * transactions, what one session sets is seen by another.
 * @throws DatabaseUnusableError
 */
async function refusePooler(store: Store): Promise<void> {
  const [one, other] = [await store.session(), await store.session()];
  try {
    if (one === undefined || other === undefined) return;
    const name = 'absence_watch.own_session';
    await sql`select set_config(${name}, ${'one'}, false)`.execute(one.db);
    const { rows } = await sql<{ seen: string | null }>`select current_setting(${name}, true) as seen`.execute(
      other.db,
    );
    if (rows[0]?.seen === 'one')
      throw new DatabaseUnusableError(
        'DATABASE_URL leads to a pooler that shares connections between transactions, where locks do not hold. Give the address of the server itself, or set the pooler to session mode.',
      );
  } finally {
    await one?.end();
    await other?.end();
  }
}
