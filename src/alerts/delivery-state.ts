/**
 * What the senders of one database share beside the queue: the pause, the hold after a restored backup, signs of life, and
 * whether the rules have yet to look at a version that ceased to count.
 */
import { sql, type Kysely, type RawBuilder, type Transaction } from 'kysely';
import * as z from 'zod';
import type { Store } from '../load/database.js';
import type { Database } from '../load/schema.js';

const NAME = 'delivery';

const time = z.iso.datetime();

/** Which mails are old: queued before a time, or telling of what was published before a time and only loaded again since. */
const oldMail = z.object({
  createdBefore: time,
  newsBefore: time.optional(),
  loadedSince: time.optional(),
});
export type OldMail = z.infer<typeof oldMail>;

const deliveryState = z.object({
  paused: z.object({ at: time, reason: z.string() }).optional(),
  /** Set by the program where the database looks like a restored backup; ended by a person. */
  hold: oldMail.extend({ at: time, reason: z.string() }).optional(),
  /** The last `mail skip`, which also covers what is composed until then. */
  skip: oldMail.extend({ until: time }).optional(),
  /** When mail was last looked after. */
  alive: time.optional(),
  /** Tells one database from another. */
  id: z.string().optional(),
  /** Object id of the table `mail`: another one after a dump was read back. */
  table: z.string().optional(),
  /** Of an embedded database: tells its files from a copy of them. */
  files: z.string().optional(),
});
export type DeliveryState = z.infer<typeof deliveryState>;

/** The state as it is now, without a lock. */
export async function readDelivery(store: Pick<Store, 'db'>): Promise<DeliveryState> {
  const row = await store.db.selectFrom('setting').select('value').where('name', '=', NAME).executeTakeFirst();
  return deliveryState.parse(row?.value ?? {});
}

/** Reads the state and keeps every other sender from it until the transaction ends. */
export async function lockDelivery(trx: Transaction<Database>, now: Date): Promise<DeliveryState> {
  return deliveryState.parse(await lockSetting(trx, NAME, now));
}

export async function writeDelivery(trx: Transaction<Database>, state: DeliveryState, now: Date): Promise<void> {
  await writeSetting(trx, NAME, state, now);
}

/** Reads a setting and locks it, making it first where there is none. @returns {} where there was none */
export async function lockSetting(trx: Transaction<Database>, name: string, now: Date): Promise<unknown> {
  const find = trx.selectFrom('setting').select('value').where('name', '=', name).forUpdate();
  const found = await find.executeTakeFirst();
  if (found !== undefined) return found.value;
  await trx
    .insertInto('setting')
    .values({ name, value: '{}', updated_at: now })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute();
  return (await find.executeTakeFirstOrThrow()).value;
}

export async function writeSetting(db: Kysely<Database>, name: string, value: unknown, now: Date): Promise<void> {
  await db
    .updateTable('setting')
    .set({ value: JSON.stringify(value), updated_at: now })
    .where('name', '=', name)
    .execute();
}

/**
 * True for a row of `mail`, by whatever name, that is old in that sense. News from a backfill was asked for, and is never old; neither is
 * what the program itself says to its operator.
 */
export function isOld(old: OldMail | undefined, mail = 'mail'): RawBuilder<boolean> {
  if (old === undefined) return sql<boolean>`false`;
  const early = sql<boolean>`${sql.ref(`${mail}.created_at`)} < ${old.createdBefore}::timestamptz`;
  if (old.newsBefore === undefined || old.loadedSince === undefined) return sql<boolean>`(${early})`;
  return sql<boolean>`(${early} or exists (
    select 1
    from notification n
    left join alert a on a.id = n.alert_id
    left join run_record r on r.id = n.run_id
    join data_set_version v on v.id = a.version_id or n.payload -> 'versionIds' @> to_jsonb(v.id)
    where n.mail_id = ${sql.ref(`${mail}.id`)}
      and n.kind in ('alert', 'brief')
      and r.trigger is distinct from 'backfill'
      and v.published_at < ${old.newsBefore}::timestamptz
      and v.loaded_at >= ${old.loadedSince}::timestamptz))`;
}

/** What recipients are mailed; the rest is for the operator. */
export const NEWS = ['alert', 'brief'] as const;

/**
 * Has a version ceased to count (removed, held back again, withdrawn at EES) since the rules last looked at it? Not one
 * whose figures retention took away: those had been replaced before.
 */
const HAS_ENDED_UNSEEN = sql`exists (
  select 1 from data_set_version v
  where v.state <> 'loaded' and v.ended_at >= v.evaluated_at and v.history -> -1 ->> 'what' is distinct from 'pruned')`;

/**
 * True for a row of `mail` that is not to be handed out before the next evaluation. A mail quotes more figures than it has
 * news of (region, England, years before), and no list says which: so no news goes out while any version is unseen.
 */
export const WAITS_FOR_RULES: RawBuilder<boolean> = sql<boolean>`(mail.kind in (${sql.join(NEWS)}) and ${HAS_ENDED_UNSEEN})`;

/** Whether news waits for the next evaluation, since a version has ceased to count. */
export async function newsWaitsForRules(db: Kysely<Database>): Promise<boolean> {
  const { rows } = await sql<{ waits: boolean }>`select ${HAS_ENDED_UNSEEN} as waits`.execute(db);
  return rows[0]?.waits === true;
}
