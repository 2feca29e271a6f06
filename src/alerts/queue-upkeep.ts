/** What people see of the queue and do with it: list, retry, skip, pause, health. */
import { sql, type RawBuilder, type Transaction } from 'kysely';
import type { Store } from '../load/database.js';
import { attemptsMade } from '../load/inspect.js';
import type { Database, MailState } from '../load/schema.js';
import {
  isOld,
  lockDelivery,
  newsWaitsForRules,
  readDelivery,
  WAITS_FOR_RULES,
  writeDelivery,
  type DeliveryState,
} from './delivery-state.js';
import { overtakenMails, type OvertakenMail } from './overtaken.js';

type Db = Pick<Store, 'db'>;

const DAY_MS = 86_400_000;

export interface MailRow {
  readonly id: number;
  readonly address: string;
  readonly subject: string;
  readonly kind: string;
  /** As in the database, and 'held' for what waits for a word after a restored backup. */
  readonly state: MailState | 'held';
  /** Attempts made since it was queued, or last queued again: not those that it was spared. */
  readonly attempts: number;
  readonly answer: string | null;
  readonly message_id: string;
  readonly created_at: Date;
  readonly next_attempt_at: Date;
  readonly sent_at: Date | null;
}

/** The queue, newest first; `state` picks one state. */
export async function listMail(
  store: Db,
  options: { state?: MailRow['state'] | undefined; limit?: number } = {},
): Promise<MailRow[]> {
  const { hold } = await readDelivery(store);
  const state = sql<MailRow['state']>`case when state = 'queued' and ${isOld(hold)} then 'held' else state end`;
  const { state: wanted, limit = 1000 } = options;
  return store.db
    .selectFrom('mail')
    .select(['id', 'address', 'subject', 'kind', 'answer', 'message_id', 'created_at', 'next_attempt_at', 'sent_at'])
    .select([state.as('state'), attemptsMade('mail').as('attempts')])
    .$if(wanted !== undefined, (query) => query.where(sql<boolean>`${state} = ${wanted}`))
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
}

/**
 * Queues dead mails again, as they stand: all that nothing since has overtaken, or those named (skipped ones too). Without
 * ids it also lets go what is held after a restored backup.
 * @returns how many were queued and let go, and which were left dead since they were overtaken
 */
export async function retryDead(
  store: Db,
  now: Date,
  ids?: readonly number[],
): Promise<{ queued: number; released: number; overtaken: OvertakenMail[] }> {
  return store.db.transaction().execute(async (trx) => {
    const state = await lockDelivery(trx, now);
    let released = 0;
    if (ids === undefined && state.hold !== undefined) {
      released = await countOld(trx, state.hold);
      await writeDelivery(trx, { ...state, hold: undefined }, now);
    }
    const overtaken = ids === undefined ? await overtakenMails(trx) : [];
    const left = overtaken.map(({ id }) => id);
    const again = await trx
      .updateTable('mail')
      .set({ state: 'queued', attempts: 0, next_attempt_at: now, claimed_until: null })
      .where('state', 'in', ids === undefined ? ['dead'] : ['dead', 'skipped'])
      .where(sql<boolean>`length(raw) > 0`)
      .where('id', 'not in', [...left, -1])
      .$if(ids !== undefined, (query) => query.where('id', 'in', [...(ids ?? []), -1]))
      .executeTakeFirst();
    return { queued: Number(again.numUpdatedRows), released, overtaken };
  });
}

/**
 * After a restored backup: nothing that was queued, or published, before that date goes out. Ends a hold. What the next
 * runs load again of before that date is skipped for a day.
 * @returns how many mails and notifications were skipped
 */
export async function skipBefore(
  store: Db,
  before: Date,
  now: Date,
): Promise<{ mails: number; notifications: number }> {
  if (before.getTime() > now.getTime())
    throw new RangeError(`${before.toISOString()} is still to come: only past mails can be skipped.`);
  return store.db.transaction().execute(async (trx) => {
    const state = await lockDelivery(trx, now);
    const skip = {
      createdBefore: before.toISOString(),
      newsBefore: before.toISOString(),
      loadedSince: state.hold?.loadedSince ?? now.toISOString(),
      until: new Date(now.getTime() + DAY_MS).toISOString(),
    };
    await writeDelivery(trx, { ...state, hold: undefined, skip }, now);
    const notifications = await skipNotifications(trx, before, now);
    return { mails: await skipMails(trx, skip, now), notifications };
  });
}

/** Skips what came into the queue since and is covered by the last `mail skip`. @returns how many */
export async function applySkip(store: Db, now: Date): Promise<number> {
  const { skip } = await readDelivery(store);
  if (skip === undefined || Date.parse(skip.until) <= now.getTime()) return 0;
  return store.db.transaction().execute((trx) => skipMails(trx, skip, now));
}

async function skipMails(
  trx: Transaction<Database>,
  skip: NonNullable<DeliveryState['skip']>,
  now: Date,
): Promise<number> {
  return skipWhere(trx, isOld(skip), `Skipped: older than ${skip.createdBefore} (mail skip).`, now);
}

/** Leaves these mails out for good, as far as they are not sent: `mail retry` does not queue them again unless it is told to. */
export function skipNamed(store: Db, ids: readonly number[], now: Date): Promise<number> {
  return store.db.transaction().execute(async (trx) => {
    await lockDelivery(trx, now);
    return skipWhere(trx, sql<boolean>`id = any(${[...ids]}::bigint[])`, 'Skipped by name (mail skip).', now);
  });
}

async function skipWhere(
  trx: Transaction<Database>,
  which: RawBuilder<boolean>,
  answer: string,
  now: Date,
): Promise<number> {
  const skipped = await trx
    .updateTable('mail')
    .set({ state: 'skipped', claimed_until: null, answer })
    .where((eb) =>
      eb.or([
        eb('state', 'in', ['queued', 'dead']),
        eb.and([eb('state', '=', 'sending'), eb('claimed_until', '<', now)]),
      ]),
    )
    .where(which)
    .executeTakeFirst();
  return Number(skipped.numUpdatedRows);
}

/** What was owed but not yet composed is put under one empty, skipped mail for each address, where it stays on record. */
async function skipNotifications(trx: Transaction<Database>, before: Date, now: Date): Promise<number> {
  const owed = await trx
    .selectFrom('notification')
    .select(['id', 'address'])
    .where('mail_id', 'is', null)
    .where('created_at', '<', before)
    .orderBy('id')
    .forUpdate()
    .execute();
  const byAddress = new Map<string, number[]>();
  for (const { id, address } of owed) byAddress.set(address, [...(byAddress.get(address) ?? []), id]);
  for (const [address, ids] of byAddress) {
    const { id } = await trx
      .insertInto('mail')
      .values({
        address,
        subject: `${ids.length} not composed`,
        message_id: `<skipped.${ids[0] ?? 0}@absence-watch>`,
        raw: new Uint8Array(),
        kind: 'alert',
        state: 'skipped',
        next_attempt_at: now,
        answer: `Skipped: older than ${before.toISOString()} (mail skip).`,
        created_at: now,
      })
      .returning('id')
      .executeTakeFirstOrThrow();
    await trx.updateTable('notification').set({ mail_id: id }).where('id', 'in', ids).execute();
  }
  return owed.length;
}

/** How many mails wait for a word after a restored backup. */
export async function countHeld(store: Db): Promise<number> {
  return countOld(store.db, (await readDelivery(store)).hold);
}

async function countOld(db: Db['db'], hold: DeliveryState['hold']): Promise<number> {
  if (hold === undefined) return 0;
  const { count } = await db
    .selectFrom('mail')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('state', '=', 'queued')
    .where(isOld(hold))
    .executeTakeFirstOrThrow();
  return count;
}

/**
 * How many mails of news are held until the next run has looked at a version that ceased to count; undefined where the
 * rules have seen all that did.
 */
export async function heldForRules({ db }: Db): Promise<number | undefined> {
  if (!(await newsWaitsForRules(db))) return undefined;
  const { count } = await db
    .selectFrom('mail')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('state', '=', 'queued')
    .where(WAITS_FOR_RULES)
    .executeTakeFirstOrThrow();
  return count;
}

/** Stops all sending at once, in every process; what is in the middle of a conversation ends it. */
export async function pauseSending(store: Db, reason: string, now: Date): Promise<void> {
  await store.db.transaction().execute(async (trx) => {
    const state = await lockDelivery(trx, now);
    await writeDelivery(trx, { ...state, paused: { at: now.toISOString(), reason } }, now);
  });
}

/**
 * Ends a pause. What waited in the queue goes out; what happened meanwhile was recorded as muted and is not mailed.
 * @returns how many events that were, undefined where nothing was paused
 */
export async function resumeSending(store: Db, now: Date): Promise<number | undefined> {
  return store.db.transaction().execute(async (trx) => {
    const { paused, ...state } = await lockDelivery(trx, now);
    await writeDelivery(trx, state, now);
    if (paused === undefined) return undefined;
    const row = await trx
      .selectFrom('alert')
      .select(({ fn }) => fn.countAll<string>().as('events'))
      .where('muted', '=', 'paused')
      .where('at', '>=', new Date(paused.at))
      .executeTakeFirst();
    return Number(row?.events ?? 0);
  });
}

/** Since when and why sending is paused; undefined where it is not. */
export async function pausedSince(store: Db): Promise<DeliveryState['paused']> {
  return (await readDelivery(store)).paused;
}

/** What health, status and metrics say of the queue. */
export interface MailHealth {
  /** Written and not sent, and those still to be written. */
  readonly waiting: number;
  /** Of those waiting: owed and not yet written, one for each recipient. */
  readonly unwritten: number;
  readonly oldestWaiting: Date | undefined;
  /** Of those waiting: tried and not yet delivered, with the last answer. */
  readonly retrying: number;
  readonly lastAnswer: string | undefined;
  readonly dead: number;
  readonly held: number;
  readonly holdReason: string | undefined;
  /** Of those waiting: until the next run has looked at a version that ceased to count. */
  readonly heldForRules: number;
  readonly paused: DeliveryState['paused'];
  readonly lastSentAt: Date | undefined;
}

/** The second channel beside the operator's mails: a queue that does not move must show where no mail is needed to see it. */
export async function mailHealth(store: Db): Promise<MailHealth> {
  const state = await readDelivery(store);
  const row = await store.db
    .selectFrom('mail')
    .select((eb) => [
      eb.fn.countAll<number>().filterWhere('state', 'in', ['queued', 'sending']).as('waiting'),
      sql<Date | null>`min(created_at) filter (where state in ('queued', 'sending'))`.as('oldest'),
      sql<number>`count(*) filter (where state = 'queued' and attempts > 0)`.as('retrying'),
      eb.fn.countAll<number>().filterWhere('state', '=', 'dead').as('dead'),
      sql<Date | null>`max(sent_at)`.as('sent'),
    ])
    .executeTakeFirstOrThrow();
  const last = await store.db
    .selectFrom('mail')
    .select('answer')
    .where('state', '=', 'queued')
    .where('attempts', '>', 0)
    .orderBy('next_attempt_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  const owed = await store.db
    .selectFrom('notification')
    .select([
      sql<number>`count(distinct lower(address))::int`.as('recipients'),
      sql<Date | null>`min(created_at)`.as('oldest'),
    ])
    .where('mail_id', 'is', null)
    .where('kind', 'in', ['alert', 'brief'])
    .executeTakeFirstOrThrow();
  const oldest = [row.oldest, owed.oldest].filter((at) => at !== null);
  return {
    waiting: row.waiting + owed.recipients,
    unwritten: owed.recipients,
    oldestWaiting: oldest.length === 0 ? undefined : new Date(Math.min(...oldest.map((at) => at.getTime()))),
    retrying: row.retrying,
    lastAnswer: last?.answer ?? undefined,
    dead: row.dead,
    held: await countOld(store.db, state.hold),
    holdReason: state.hold?.reason,
    heldForRules: (await heldForRules(store)) ?? 0,
    paused: state.paused,
    lastSentAt: row.sent ?? undefined,
  };
}
