/** What people ask of the database: state of the service, what is loaded, an area's series. Reads only. */
import { sql, type RawBuilder } from 'kysely';
import type { Store } from './database.js';
import { readSample, type ChangedFigure } from './diff.js';
import { endedWithoutAWord } from './runs.js';
import type { AbsenceView, AlertEventView, VersionState } from './schema.js';
import { NOTHING_WATCHED } from './unloaded.js';

/** One data set version with what a person wants to know of it. */
export interface VersionRow {
  id: number;
  publication: string;
  release: string;
  data_set: string;
  data_set_version: string;
  /** 'refused' has nothing to watch in it, and is no fault. */
  state: VersionState;
  is_current: boolean;
  published_at: Date;
  loaded_at: Date;
  rows: number;
  bytes: number;
  file_name: string;
  sha256: string;
  notes: string[];
  history: { at: string; what: string; reason: string }[];
  gates: { gate: string; verdict: string; message: string }[];
  /** Figures; of `sample` see VersionDiff. */
  diff: { previous_id: number | null; added: number; gone: number; changed: number; sample: ChangedFigure[] } | null;
}

/** A file that could not be understood is held back like any other, though nothing of it could be kept. */
function stateInWords(state: VersionState, gates: VersionRow['gates']): VersionState {
  return state === 'refused' && gates.some(({ gate }) => gate !== NOTHING_WATCHED) ? 'quarantined' : state;
}

/** All versions ever loaded, newest load first, with their gate results (passes left out) and diff. */
export async function listVersionRows(store: Store, limit = 1000): Promise<VersionRow[]> {
  return versionRows(store, limit);
}

async function versionRows(store: Store, limit: number, id?: number): Promise<VersionRow[]> {
  const rows = await store.db
    .selectFrom('data_set_version as v')
    .innerJoin('data_set as d', 'd.id', 'v.data_set_id')
    .innerJoin('release as r', 'r.id', 'v.release_id')
    .leftJoin('version_diff as diff', 'diff.version_id', 'v.id')
    .select([
      'v.id',
      'd.publication',
      'r.title as release',
      'd.title as data_set',
      'v.major',
      'v.minor',
      'v.patch',
      'v.state',
      'v.is_current',
      'v.published_at',
      'v.loaded_at',
      'v.rows',
      'v.bytes',
      'v.file_name',
      'v.sha256',
      'v.notes',
      'v.history',
      'diff.previous_id',
      'diff.added',
      'diff.gone',
      'diff.changed',
      'diff.sample',
    ])
    .$if(id !== undefined, (query) => query.where('v.id', '=', id ?? 0))
    .orderBy('v.id', 'desc')
    .limit(limit)
    .execute();
  const gates = await store.db
    .selectFrom('gate_result')
    .select(['version_id', 'gate', 'verdict', 'message'])
    .where('verdict', '<>', 'pass')
    .orderBy('gate')
    .execute();
  const gatesOf = (id: number): VersionRow['gates'] =>
    gates.filter((gate) => gate.version_id === id).map(({ gate, verdict, message }) => ({ gate, verdict, message }));
  return rows.map(({ major, minor, patch, previous_id, added, gone, changed, sample, ...row }) => ({
    ...row,
    state: stateInWords(row.state, gatesOf(row.id)),
    data_set_version: `${major}.${minor}.${patch}`,
    gates: gatesOf(row.id),
    diff:
      added === null || gone === null || changed === null
        ? null
        : { previous_id, added, gone, changed, sample: readSample(sample) },
  }));
}

/** One of them; undefined where there is none of that id. */
export async function versionRow(store: Store, id: number): Promise<VersionRow | undefined> {
  const [row] = await versionRows(store, 1, id);
  return row;
}

export interface RunRow {
  id: number;
  trigger: string;
  started_at: Date;
  /** Null also of one that ended without a word until the next run has marked it. */
  finished_at: Date | null;
  outcome: string;
  detail: Record<string, unknown>;
}

/**
 * The newest runs first.
 * @param offset how many of them are passed over
 */
export async function listRuns(store: Store, limit = 20, offset = 0): Promise<RunRow[]> {
  return asTheyAre(
    store,
    await store.db.selectFrom('run_record').selectAll().orderBy('id', 'desc').limit(limit).offset(offset).execute(),
  );
}

/** The run under way, else the last one; slots that only met one, or were missed, are none. */
export async function lastRun(store: Store): Promise<RunRow | undefined> {
  const rows = await store.db
    .selectFrom('run_record')
    .selectAll()
    .where('outcome', 'not in', ['overlap', 'missed'])
    .orderBy('id', 'desc')
    .limit(1)
    .execute();
  return (await asTheyAre(store, rows))[0];
}

/** One run; undefined where there is none of that id. */
export async function runRow(store: Store, id: number): Promise<RunRow | undefined> {
  const rows = await store.db.selectFrom('run_record').selectAll().where('id', '=', id).execute();
  return (await asTheyAre(store, rows))[0];
}

/** A run on record as running that nobody is at any more is told as the next run will mark it. */
async function asTheyAre(store: Store, rows: readonly RunRow[]): Promise<RunRow[]> {
  return Promise.all(
    rows.map(async (row) =>
      row.outcome === 'running' && (await endedWithoutAWord(store, row.id)) ? { ...row, outcome: 'abandoned' } : row,
    ),
  );
}

/** How many runs are on record. */
export async function countRuns(store: Store): Promise<number> {
  const { count } = await store.db
    .selectFrom('run_record')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return count;
}

export interface RunLogLine {
  at: Date;
  level: string;
  message: string;
  /** Other fields of the line, in words; '' for none. */
  detail: string;
}

/** What was kept of a run's log, oldest first. */
export async function logOfRun(store: Store, id: number): Promise<RunLogLine[]> {
  return store.db
    .selectFrom('run_log')
    .select(['at', 'level', 'message', 'detail'])
    .where('run_id', '=', id)
    .orderBy('number')
    .execute();
}

export interface SeriesQuery {
  readonly areaIds: readonly number[];
  readonly timeIdentifier?: string | undefined;
  readonly schoolType: string;
  readonly breakdownTopic: string;
  readonly breakdown: string;
}

/** The current rows of the view `absence` for some areas. */
export async function currentSeries(store: Store, query: SeriesQuery): Promise<AbsenceView[]> {
  const keys = await store.db
    .selectFrom('area')
    .select(['level', 'code', 'name'])
    .where('id', 'in', query.areaIds.length === 0 ? [-1] : [...query.areaIds])
    .execute();
  if (keys.length === 0) return [];
  let rows = store.db
    .selectFrom('absence')
    .selectAll()
    .where(
      sql<boolean>`(geographic_level, area_code, area_name) in (${sql.join(
        keys.map((key) => sql`(${key.level}, ${key.code}, ${key.name})`),
      )})`,
    )
    .where('school_type', '=', query.schoolType)
    .where('breakdown_topic', '=', query.breakdownTopic)
    .where('breakdown', '=', query.breakdown);
  if (query.timeIdentifier !== undefined) rows = rows.where('time_identifier', '=', query.timeIdentifier);
  return rows.execute();
}

/** How many figures of how many areas are loaded and current. */
export async function loadedTotals(store: Store): Promise<{ versions: number; rows: number; areas: number }> {
  const totals = await store.db
    .selectFrom('data_set_version')
    .select(({ fn }) => [fn.countAll().as('versions'), fn.sum<string>('rows').as('rows')])
    .where('is_current', '=', true)
    .executeTakeFirst();
  const areas = await store.db
    .selectFrom('area')
    .select(({ fn }) => fn.countAll().as('areas'))
    .executeTakeFirst();
  return { versions: Number(totals?.versions ?? 0), rows: Number(totals?.rows ?? 0), areas: Number(areas?.areas ?? 0) };
}

/** What waits in the mail queue and what has been given up. */
export async function mailTotals(
  store: Store,
): Promise<{ waiting: number; dead: number; oldest: Date | null; owed: number }> {
  const waiting = await store.db
    .selectFrom('mail')
    .select(({ fn }) => [fn.countAll().as('count'), fn.min('created_at').as('oldest')])
    .where('state', 'in', ['queued', 'sending'])
    .executeTakeFirst();
  const dead = await store.db
    .selectFrom('mail')
    .select(({ fn }) => fn.countAll().as('count'))
    .where('state', '=', 'dead')
    .executeTakeFirst();
  const owed = await store.db
    .selectFrom('notification')
    .select(({ fn }) => fn.countAll().as('count'))
    .where('mail_id', 'is', null)
    .executeTakeFirst();
  return {
    waiting: Number(waiting?.count ?? 0),
    dead: Number(dead?.count ?? 0),
    oldest: waiting?.oldest ?? null,
    owed: Number(owed?.count ?? 0),
  };
}

/**
 * Attempts made to send a mail since it was queued, or last queued again: without those that it was spared since the mail
 * server had just not answered for another. They count for when the next one is due.
 * @param mail name of the mail's row in the query
 */
export function attemptsMade(mail: string): RawBuilder<number> {
  return sql<number>`coalesce(${sql.ref(`${mail}.attempts`)} - (
    select count(*) from (
      select outcome, row_number() over (order by id desc) as back from mail_attempt where mail_id = ${sql.ref(`${mail}.id`)}
    ) counted where back <= ${sql.ref(`${mail}.attempts`)} and outcome = 'not tried'
  ), 0)::integer`;
}

/** An event as view `alert_event` shows it, with what became of its mails. */
export interface EventRow extends AlertEventView {
  mails: { address: string; state: string; attempts: number; answer: string | null }[];
}

/**
 * Events, newest first.
 * @param filter.held ids of mails that wait for a word of the operator, which the queue alone knows
 */
export async function listEvents(
  store: Store,
  filter: {
    readonly rule?: string | undefined;
    readonly areaId?: number | undefined;
    readonly limit: number;
    readonly held?: ReadonlySet<number>;
  },
): Promise<EventRow[]> {
  let events = store.db
    .selectFrom('alert as e')
    .innerJoin('area as a', 'a.id', 'e.area_id')
    .innerJoin('series as s', 's.id', 'e.series_id')
    .innerJoin('period as p', 'p.id', 'e.period_id')
    .innerJoin('school_type as t', 't.id', 'e.school_type_id')
    .innerJoin('breakdown as b', 'b.id', 'e.breakdown_id')
    .innerJoin('release as r', 'r.id', 'e.release_id')
    .select([
      'e.id',
      'e.at',
      'e.rule',
      'e.event',
      'e.reason',
      'e.measure',
      'a.code as area_code',
      'a.name as area_name',
      's.name as series',
      'p.time_period',
      'p.time_identifier',
      't.name as school_type',
      'b.topic as breakdown_topic',
      'b.name as breakdown',
      'e.value',
      'e.previous_value',
      'e.threshold',
      'r.title as release',
      'e.muted',
    ])
    .orderBy('e.id', 'desc')
    .limit(filter.limit);
  if (filter.rule !== undefined) events = events.where('e.rule', '=', filter.rule);
  if (filter.areaId !== undefined) events = events.where('e.area_id', '=', filter.areaId);
  const rows = await events.execute();
  const mails = await store.db
    .selectFrom('notification as n')
    .leftJoin('mail as m', 'm.id', 'n.mail_id')
    .select(['n.alert_id', 'n.address', 'm.id', 'm.state', 'm.answer'])
    .select(attemptsMade('m').as('attempts'))
    .where('n.alert_id', 'in', [...rows.map(({ id }) => id), -1])
    .orderBy('n.address')
    .execute();
  return rows.map(({ id, ...row }) => ({
    ...row,
    mails: mails
      .filter((mail) => mail.alert_id === id)
      .map(({ address, id: mailId, state, attempts, answer }) => ({
        address,
        state: mailId !== null && filter.held?.has(mailId) === true ? 'held' : (state ?? 'owed'),
        attempts,
        answer,
      })),
  }));
}
