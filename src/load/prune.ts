/**
 * What the retention setting takes away. Old runs go with their log, old slots whole. Of old mails the content goes and the fact that
 * they were sent stays, so that nothing is told twice. Of old versions the figures go, where that is configured; what
 * they were, what the gates said and what they changed stays.
 */
import { sql, type ExpressionBuilder, type Kysely } from 'kysely';
import type { Store } from './database.js';
import type { Database } from './schema.js';
import { beginLoad } from './version-record.js';

/** What is older than these goes; undefined keeps it for ever. */
export interface Retention {
  readonly runs: Date | undefined;
  readonly mails: Date | undefined;
  readonly versions: Date | undefined;
}

export interface Pruned {
  readonly runs: number;
  readonly slots: number;
  readonly mails: number;
  readonly versions: number;
  /** Rows of figures of those versions. */
  readonly figures: number;
}

export interface PruneOptions {
  readonly now: Date;
  /** Counts what would go, and leaves it. */
  readonly dryRun: boolean;
}

/** @returns how much went, or would go */
export async function prune(store: Store, keep: Retention, { now, dryRun }: PruneOptions): Promise<Pruned> {
  const { runs, slots } = keep.runs === undefined ? { runs: 0, slots: 0 } : await pruneRuns(store, keep.runs, dryRun);
  const mails = keep.mails === undefined ? 0 : await pruneMails(store, keep.mails, dryRun);
  const old = keep.versions === undefined ? [] : await oldVersions(store, keep.versions);
  if (!dryRun) {
    for (const { id } of old) await pruneVersion(store, id, now);
    if (store.kind === 'embedded') await clearUp(store, old.length > 0 ? [...CHANGING, 'figure'] : CHANGING);
  }
  return { runs, slots, mails, versions: old.length, figures: old.reduce((sum, { rows }) => sum + rows, 0) };
}

/** Tables whose rows change or go. */
const CHANGING = [
  ...['run_record', 'run_log', 'slot', 'setting', 'source_state'],
  ...['mail', 'mail_attempt', 'notification', 'alert_state'],
];

/** The room of rows that changed or went can be used again. A server sees to that by itself; the embedded one does not. */
async function clearUp({ db }: Store, tables: readonly string[]): Promise<void> {
  await sql`vacuum ${sql.join(tables.map((table) => sql.table(table)))}`.execute(db);
}

async function pruneRuns(
  { db }: Store,
  before: Date,
  dryRun: boolean,
): Promise<{ readonly runs: number; readonly slots: number }> {
  if (dryRun) {
    const runs = await db
      .selectFrom('run_record')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('finished_at', '<', before)
      .executeTakeFirstOrThrow();
    const slots = await db
      .selectFrom('slot')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where((eb) => isOldSlot(eb, before))
      .executeTakeFirstOrThrow();
    return { runs: runs.count, slots: slots.count };
  }
  const runs = await db.deleteFrom('run_record').where('finished_at', '<', before).executeTakeFirst();
  // Also what a run wrote that was pruned under it.
  await db
    .deleteFrom('run_log')
    .where((eb) =>
      eb.not(eb.exists(eb.selectFrom('run_record').select('id').whereRef('run_record.id', '=', 'run_log.run_id'))),
    )
    .execute();
  const slots = await db
    .deleteFrom('slot')
    .where((eb) => isOldSlot(eb, before))
    .executeTakeFirst();
  return { runs: Number(runs.numDeletedRows), slots: Number(slots.numDeletedRows) };
}

/** The newest one of all stays: it tells from when on slots are due. */
function isOldSlot(eb: ExpressionBuilder<Database, 'slot'>, before: Date) {
  return eb.and([
    eb('due_at', '<', before),
    eb('state', 'in', ['done', 'collapsed', 'overlap']),
    eb(
      'due_at',
      '<',
      eb.selectFrom('slot as newest').select((each) => each.fn.max('newest.due_at').as('at')),
    ),
  ]);
}

/** Dead letters are not among them: they wait for a person, who may correct what is wrong and send them again. */
function oldMails(db: Kysely<Database>, before: Date) {
  return db
    .selectFrom('mail')
    .select('id')
    .where('state', 'in', ['sent', 'skipped'])
    .where('created_at', '<', before)
    .where(sql<boolean>`length(raw) > 0`);
}

async function pruneMails({ db }: Store, before: Date, dryRun: boolean): Promise<number> {
  if (dryRun) return (await oldMails(db, before).execute()).length;
  return db.transaction().execute(async (trx) => {
    const ids = (await oldMails(trx, before).forUpdate().skipLocked().execute()).map(({ id }) => id);
    if (ids.length === 0) return 0;
    await trx.deleteFrom('mail_attempt').where('mail_id', 'in', ids).execute();
    await trx
      .deleteFrom('mail')
      .where('id', 'in', ids)
      .where((eb) =>
        eb.not(eb.exists(eb.selectFrom('notification').select('id').whereRef('notification.mail_id', '=', 'mail.id'))),
      )
      .execute();
    await trx.updateTable('mail').set({ raw: new Uint8Array(), answer: null }).where('id', 'in', ids).execute();
    return ids.length;
  });
}

/**
 * Versions that nothing shows any more: replaced, withdrawn, removed before that time, or held back and then overtaken by a
 * later one that is current. What is held back otherwise waits for a person's decision (`status` shows it) and stays.
 */
async function oldVersions({ db }: Store, before: Date): Promise<{ readonly id: number; readonly rows: number }[]> {
  return db
    .selectFrom('data_set_version as v')
    .select(['v.id', 'v.rows'])
    .where('v.is_current', '=', false)
    .where('v.state', '<>', 'refused')
    .where((eb) => eb.or([eb('v.state', '<>', 'loaded'), eb('v.evaluated_at', 'is not', null)]))
    .where((eb) =>
      eb.or([
        eb('v.state', '<>', 'quarantined'),
        eb.exists(
          eb
            .selectFrom('data_set_version as later')
            .select('later.id')
            .whereRef('later.data_set_id', '=', 'v.data_set_id')
            .whereRef('later.release_id', '=', 'v.release_id')
            .whereRef('later.id', '>', 'v.id')
            .where('later.is_current', '=', true),
        ),
      ]),
    )
    .where((eb) =>
      eb.or([
        eb.and([eb('v.state', '<>', 'loaded'), eb(sql<Date>`coalesce(v.ended_at, v.loaded_at)`, '<', before)]),
        eb.and([eb('v.loaded_at', '<', before), isReplacedBefore(before)]),
      ]),
    )
    .where((eb) => eb.exists(eb.selectFrom('figure as f').select('f.version_id').whereRef('f.version_id', '=', 'v.id')))
    .orderBy('v.id')
    .execute();
}

/**
 * A later version of the same data set and release counted before that time: not the newest one, or a release that is
 * revised often would keep everything. What was accepted, or published again, counts from then on.
 */
function isReplacedBefore(before: Date) {
  return sql<boolean>`exists (
    select from data_set_version newer
    where newer.data_set_id = v.data_set_id and newer.release_id = v.release_id and newer.state = 'loaded'
      and (newer.published_at, newer.major, newer.minor, newer.patch, newer.id)
        > (v.published_at, v.major, v.minor, v.patch, v.id)
      and coalesce((newer.history -> -1 ->> 'at')::timestamptz, newer.loaded_at) < ${before})`;
}

/** From then on it counts as removed: no later removal can make it current again. */
async function pruneVersion(store: Store, id: number, now: Date): Promise<void> {
  const entry = JSON.stringify([{ at: now.toISOString(), what: 'pruned', reason: 'older than the retention setting' }]);
  await store.db.transaction().execute(async (trx) => {
    await beginLoad(trx, store);
    const version = await trx
      .updateTable('data_set_version')
      .set({
        state: 'removed',
        ended_at: sql<Date>`coalesce(ended_at, ${now})`,
        history: sql`history || ${entry}::jsonb`,
      })
      .where('id', '=', id)
      .where('is_current', '=', false)
      .returning('id')
      .executeTakeFirst();
    if (version !== undefined) await trx.deleteFrom('figure').where('version_id', '=', id).execute();
  });
}
