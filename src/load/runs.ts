/** Runs: who holds the database, what each run did, and small things remembered between runs. */
import { sql, type RawBuilder } from 'kysely';
import { pino, type Logger } from 'pino';
import type { Session, Store } from './database.js';
import { RunHeldError } from './errors.js';
import { retrying } from './retry.js';
import { keepRunLog } from './run-log.js';
import type { RunTable } from './schema.js';

export type RunOutcome = RunTable['outcome'];

export interface Run {
  readonly id: number;
  readonly startedAt: Date;
  /** Under the run's number; what it is told is kept with the run (run-log.ts). */
  readonly log: Logger;
  /** Aborted when the lock is lost with its connection: what the run then still does could meet another's. */
  readonly signal: AbortSignal;
}

export interface RunEnd {
  readonly outcome: Exclude<RunOutcome, 'running'>;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** How often a run shows the server, through the session of its lock, that its process is alive. */
const BEAT_MS = 10_000;
/**
 * A run whose session has been silent for so long is taken for frozen (a stopped process, a machine asleep): its session
 * is ended, so that the database is free. As long as a lease, so that a standby takes over within a minute.
 */
const FROZEN_MS = 40_000;
/** Sessions that beat; one of an older program does not, and is never ended. */
const BEATING = 'absence-watch run';

interface Beat {
  readonly beatMs: number;
  readonly frozenMs: number;
}

/** Embedded databases of this process that a run holds: the lock of the directory keeps other processes out. */
const heldHere = new WeakSet<object>();

/** What people are told of a run that is under way. */
export interface RunUnderWay {
  readonly runId: number;
  readonly trigger: string;
  readonly since: Date;
}

/** Runs of this process that are on record, by their database. */
const underWayHere = new WeakMap<object, RunUnderWay>();

/**
 * Runs work as the only run on this database, with a run record. Runs that ended without a word (kill, power cut, a
 * process that froze) are marked abandoned first.
 * @throws RunHeldError when another run is under way; what the work throws, after the run is recorded as failed
 */
export async function withRunLock<T>(
  store: Store,
  start: { readonly trigger: string; readonly now?: () => Date; readonly log?: Logger } & Partial<Beat>,
  work: (run: Run) => Promise<{ readonly end: RunEnd; readonly result: T }>,
): Promise<T> {
  const now = start.now ?? (() => new Date());
  const { beatMs = BEAT_MS, frozenMs = FROZEN_MS, log: say } = start;
  const release = await takeLock(store, { beatMs, frozenMs }, say);
  try {
    await retrying(store, (it) => abandonRuns(it, now()));
    const startedAt = now();
    // A first record whose confirmation was lost is marked abandoned by the next run.
    const id = await retrying(store, (it) => startRun(it, start.trigger, startedAt));
    underWayHere.set(store.db, { runId: id, trigger: start.trigger, since: startedAt });
    const kept = keepRunLog(store, start.log ?? pino({ level: 'silent' }), id, now);
    try {
      const { end, result } = await work({ id, startedAt, log: kept.log, signal: release.signal });
      await retrying(store, (it) => finishRun(it, id, end, now()));
      return result;
    } catch (error) {
      const detail = { error: error instanceof Error ? error.message : String(error) };
      // The database itself may be what failed: the next run marks this one abandoned.
      const attempts = release.signal.aborted ? 1 : undefined;
      await retrying(store, (it) => finishRun(it, id, { outcome: 'failed', detail }, now()), { attempts }).catch(
        () => undefined,
      );
      throw error;
    } finally {
      await kept.end();
    }
  } finally {
    underWayHere.delete(store.db);
    await release.unlock();
  }
}

interface Lock {
  readonly signal: AbortSignal;
  unlock(): Promise<void>;
}

async function takeLock(store: Store, beat: Beat, log: Logger | undefined): Promise<Lock> {
  const session = await store.session();
  return session === undefined ? takeLockHere(store) : takeLockOfServer(store, session, beat, log);
}

async function takeLockHere(store: Store): Promise<Lock> {
  if (heldHere.has(store.db)) throw new RunHeldError(await holder(store));
  heldHere.add(store.db);
  return {
    signal: new AbortController().signal,
    unlock() {
      heldHere.delete(store.db);
      return Promise.resolve();
    },
  };
}

function lockKey({ schema }: Store): RawBuilder<unknown> {
  return sql`hashtext(${`absence-watch run ${schema}`})`;
}

/** What is true of the lock with that key in pg_locks `l`, where somebody has it: a key is shown in two halves. */
function isLockOf(key: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`l.locktype = 'advisory' and l.granted and l.objsubid = 1
      and l.database = (select oid from pg_database where datname = current_database())
      and ((l.classid::bigint << 32) | l.objid::bigint) = ${key}::bigint`;
}

/** An advisory lock of a connection of its own: the server frees it when the process dies. */
async function takeLockOfServer(
  store: Store,
  session: Session,
  { beatMs, frozenMs }: Beat,
  log: Logger | undefined,
): Promise<Lock> {
  const key = lockKey(store);
  const taken = async (): Promise<boolean> => {
    const { rows } = await sql<{ taken: boolean }>`select pg_try_advisory_lock(${key}) as taken`.execute(session.db);
    return rows[0]?.taken === true;
  };
  try {
    if (!(await taken())) {
      const ended = await endFrozen(session, key, frozenMs);
      if (ended) log?.warn({ frozenMs }, 'the run that held the database did not move any more: its session was ended');
      if (!ended || !(await taken())) throw new RunHeldError(await holder(store));
    }
    await sql`select set_config('application_name', ${BEATING}, false)`.execute(session.db);
  } catch (error) {
    await session.end();
    throw error;
  }
  const lost = new AbortController();
  let ended = false;
  let isBeating = false;
  const beat = setInterval(() => {
    if (isBeating) return;
    isBeating = true;
    void sql`select 1`
      .execute(session.db)
      .catch(() => undefined)
      .finally(() => (isBeating = false));
  }, beatMs);
  beat.unref();
  void session.lost.then((error) => {
    if (!ended) lost.abort(new Error('the connection that holds the lock of this run was lost', { cause: error }));
  });
  return {
    signal: lost.signal,
    async unlock() {
      ended = true;
      clearInterval(beat);
      // The end of the connection frees it too, but only when the server comes to notice.
      await sql`select pg_advisory_unlock(${key})`.execute(session.db).catch(() => undefined);
      await session.end();
    },
  };
}

/**
 * Ends the session that holds the lock where it beats and has not for too long.
 * @returns whether it did, and the lock is free
 */
async function endFrozen(session: Session, key: RawBuilder<unknown>, frozenMs: number): Promise<boolean> {
  // Ended by whoever has the same role, and waited for.
  const { rows } = await sql<{ ended: boolean }>`
    select pg_terminate_backend(a.pid, 5000) as ended
    from pg_locks l join pg_stat_activity a using (pid)
    where ${isLockOf(key)}
      and a.usename = current_user and a.application_name = ${BEATING}
      and a.state = 'idle' and a.state_change < clock_timestamp() - make_interval(secs => ${frozenMs / 1000})`.execute(
    session.db,
  );
  return rows.some(({ ended }) => ended);
}

async function holder(store: Store): Promise<RunUnderWay | undefined> {
  const running = await store.db
    .selectFrom('run_record')
    .select(['id', 'trigger', 'started_at'])
    .where('outcome', '=', 'running')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return running && { runId: running.id, trigger: running.trigger, since: running.started_at };
}

/** Whether a run is under way at this moment, and which. */
export async function runningNow(store: Store): Promise<RunUnderWay | undefined> {
  return holder(store);
}

/** The run that this process is at, known also while its load keeps the embedded database. */
export function runningHere(store: Store): RunUnderWay | undefined {
  return underWayHere.get(store.db);
}

/** Whether a run that was read as 'running' has died (kill, power cut) and waits to be marked so. Writes nothing. */
export async function endedWithoutAWord(store: Store, runId: number): Promise<boolean> {
  if (await isLockHeld(store)) return false;
  // It may have ended since it was read: a run is recorded as ended before its lock is free.
  const row = await store.db.selectFrom('run_record').select('outcome').where('id', '=', runId).executeTakeFirst();
  return row?.outcome === 'running';
}

async function isLockHeld(store: Store): Promise<boolean> {
  if (store.kind === 'embedded') return heldHere.has(store.db);
  const { rows } = await sql`select 1 from pg_locks l where ${isLockOf(lockKey(store))}`.execute(store.db);
  return rows.length > 0;
}

/** Marks runs that are still 'running': to be called by the holder of the lock, when none can be. @returns their ids */
async function abandonRuns(store: Store, now: Date): Promise<number[]> {
  const rows = await store.db
    .updateTable('run_record')
    .set({ outcome: 'abandoned', finished_at: now })
    .where('outcome', '=', 'running')
    .returning('id')
    .execute();
  return rows.map(({ id }) => id);
}

async function startRun(store: Store, trigger: string, at: Date): Promise<number> {
  const row = await store.db
    .insertInto('run_record')
    .values({ trigger, started_at: at, outcome: 'running', detail: '{}' })
    .returning('id')
    .executeTakeFirstOrThrow();
  return row.id;
}

async function finishRun(store: Store, id: number, end: RunEnd, at: Date): Promise<void> {
  await store.db
    .updateTable('run_record')
    .set({ outcome: end.outcome, finished_at: at, detail: JSON.stringify(end.detail) })
    .where('id', '=', id)
    // A run that lost its lock may have been given up by its successor: its late word does not count.
    .where('outcome', '=', 'running')
    .execute();
}

/** Writes down a run that did not take place: a slot missed, or met while another run went on. */
export async function recordNoRun(
  store: Reader,
  outcome: 'overlap' | 'missed',
  trigger: string,
  at: Date,
  detail: Readonly<Record<string, unknown>>,
): Promise<number> {
  const row = await store.db
    .insertInto('run_record')
    .values({ trigger, started_at: at, finished_at: at, outcome, detail: JSON.stringify(detail) })
    .returning('id')
    .executeTakeFirstOrThrow();
  return row.id;
}

type Reader = Pick<Store, 'db'>;

/** What was remembered under a name; undefined when nothing was. */
export async function getSetting(store: Reader, name: string): Promise<unknown> {
  const row = await store.db.selectFrom('setting').select('value').where('name', '=', name).executeTakeFirst();
  return row?.value;
}

/** Remembers a value that JSON can carry. */
export async function setSetting(store: Reader, name: string, value: unknown, now: Date = new Date()): Promise<void> {
  const row = { value: JSON.stringify(value ?? null), updated_at: now };
  await store.db
    .insertInto('setting')
    .values({ name, ...row })
    .onConflict((conflict) => conflict.column('name').doUpdateSet(row))
    .execute();
}

/** What was remembered of a source between polls; undefined at the first. */
export async function getSourceState(store: Reader, source: string): Promise<unknown> {
  const row = await store.db.selectFrom('source_state').select('state').where('source', '=', source).executeTakeFirst();
  return row?.state;
}

/** Not within a transaction of the caller's: it is tried again by itself. */
export async function setSourceState(
  store: Reader,
  source: string,
  state: unknown,
  now: Date = new Date(),
): Promise<void> {
  const row = { state: JSON.stringify(state ?? null), updated_at: now };
  await retrying(store, ({ db }) =>
    db
      .insertInto('source_state')
      .values({ source, ...row })
      .onConflict((conflict) => conflict.column('source').doUpdateSet(row))
      .execute(),
  );
}
