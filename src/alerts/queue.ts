/**
 * The queue of composed mails. A mail is claimed by one process at a time, its attempt is on record before it is made,
 * and what came of it is noted afterwards; a claim that nobody closed is taken over when its lease ends and its sender is gone.
 */
import { sql, type Kysely, type RawBuilder, type Transaction } from 'kysely';
import type { Store } from '../load/database.js';
import { retrying } from '../load/retry.js';
import type { Database, MailAttemptTable, MailState } from '../load/schema.js';
import { isOld, lockDelivery, NEWS, readDelivery, WAITS_FOR_RULES, type DeliveryState } from './delivery-state.js';
import { isOrphaned, type Sender } from './sender.js';

type Db = Pick<Store, 'db'>;

/** A mail that this process alone may send until the lease ends. */
export interface ClaimedMail {
  readonly id: number;
  readonly address: string;
  readonly messageId: string;
  readonly kind: string;
  readonly raw: Uint8Array;
  /** Counted from 1, since the mail was queued or last queued again. */
  readonly attempt: number;
  readonly attemptId: number;
  readonly firstAttemptAt: Date;
}

export type Claim =
  | { readonly kind: 'mail'; readonly mail: ClaimedMail }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'paused' }
  /** The hour is full; `until` is when the next one may go. */
  | { readonly kind: 'capped'; readonly until: Date };

const HOUR_MS = 3_600_000;

/**
 * What is noted for later than this was noted by a clock that has been put right since: nothing in the queue is begun
 * ahead of its time, and no two machines' clocks that are fit to share a database differ by as much.
 */
const FUTURE_MS = HOUR_MS;

/**
 * A transaction, whole again after what passes by itself: an answer of the mail server that is not noted is a mail that
 * goes out twice. A claim whose confirmation was lost runs out with its lease.
 */
function again<T>(store: Db, work: (trx: Transaction<Database>) => Promise<T>): Promise<T> {
  return retrying(store, ({ db }) => db.transaction().execute(work));
}

/**
 * Makes the notifications of a finished run due, together with those that runs before it left behind when they crashed.
 * @returns how many fell due
 */
export async function releaseDue(store: Db, runId: number | 'all', now: Date): Promise<number> {
  const query = store.db.updateTable('notification').set({ due_at: now }).where('due_at', 'is', null);
  // Runs exclude each other and count upwards: whatever an earlier one left undone, it will not finish.
  const left =
    runId === 'all' ? query : query.where((eb) => eb.or([eb('run_id', 'is', null), eb('run_id', '<=', runId)]));
  const released = await retrying(left, (update) => update.executeTakeFirst());
  return Number(released.numUpdatedRows);
}

/**
 * Claims the mail that was written first of those that are due, unless sending is paused or the hour is full. Held mails are
 * passed over, and so is news while a version has ceased to count and the rules have not looked at that.
 * @param leaseMs how long the claim stands; longer than any attempt can take
 * @param sender who claims; without one the lease alone keeps others away
 */
export async function claimMail(
  store: Db,
  now: Date,
  leaseMs: number,
  maxPerHour: number,
  sender?: Sender,
): Promise<Claim> {
  return again(store, async (trx) => {
    // One claim at a time: the pause counts from the moment it is set, and the hour's count cannot be overrun.
    const state = await lockDelivery(trx, now);
    if (state.paused !== undefined) return { kind: 'paused' };
    const full = await hourFullUntil(trx, now, maxPerHour);
    if (full !== undefined) return { kind: 'capped', until: full };
    const mail = await pickMail(trx, state, now, leaseMs);
    if (mail === undefined) return { kind: 'nothing' };
    await trx
      .updateTable('mail_attempt')
      .set({ outcome: 'unknown', answer: 'The sender ended before an answer was noted.' })
      .where('mail_id', '=', mail.id)
      .where('outcome', '=', 'sending')
      .execute();
    await trx
      .updateTable('mail')
      .set({
        ...{ state: 'sending', attempts: mail.attempts + 1, claimed_until: new Date(now.getTime() + leaseMs) },
        ...{ claimed_by: (await sender?.number()) ?? null, claimed_since: sql<Date>`clock_timestamp()` },
      })
      .where('id', '=', mail.id)
      .execute();
    const { id: attemptId } = await trx
      .insertInto('mail_attempt')
      .values({ mail_id: mail.id, at: now, outcome: 'sending', answer: '' })
      .returning('id')
      .executeTakeFirstOrThrow();
    const attempt = mail.attempts + 1;
    const first = await trx
      .selectFrom('mail_attempt')
      .select('at')
      .where('mail_id', '=', mail.id)
      .orderBy('id', 'desc')
      .offset(attempt - 1)
      .limit(1)
      .executeTakeFirst();
    const { address, message_id, kind, raw } = mail;
    const claimed = { id: mail.id, address, messageId: message_id, kind, raw, attempt, attemptId };
    return { kind: 'mail', mail: { ...claimed, firstAttemptAt: first?.at ?? now } };
  });
}

/** When the next mail may go, where those that went (or may have gone) within the last hour fill it. */
async function hourFullUntil(trx: Transaction<Database>, now: Date, maxPerHour: number): Promise<Date | undefined> {
  const newest = await trx
    .selectFrom('mail_attempt')
    .select('at')
    .where('at', '>', new Date(now.getTime() - HOUR_MS))
    .where('at', '<', new Date(now.getTime() + FUTURE_MS))
    .where('outcome', 'in', ['sending', 'sent', 'unknown'])
    .orderBy('at', 'desc')
    .offset(Math.max(maxPerHour - 1, 0))
    .limit(1)
    .executeTakeFirst();
  return newest === undefined ? undefined : new Date(newest.at.getTime() + HOUR_MS);
}

function pickMail(trx: Transaction<Database>, state: DeliveryState, now: Date, leaseMs: number) {
  const future = new Date(now.getTime() + FUTURE_MS);
  return trx
    .selectFrom('mail')
    .select(['id', 'address', 'message_id', 'kind', 'raw', 'attempts'])
    .where((eb) =>
      eb.or([
        eb.and([eb('state', '=', 'queued'), eb('next_attempt_at', '<=', now)]),
        eb.and([eb('state', '=', 'sending'), eb('claimed_until', '<', now), isOrphaned(leaseMs)]),
        // By a clock that was ahead.
        eb.and([eb('state', '=', 'queued'), eb('created_at', '>', future)]),
        eb.and([
          ...[eb('state', '=', 'sending'), eb('claimed_until', '>', new Date(future.getTime() + leaseMs))],
          isOrphaned(leaseMs),
        ]),
        eb.and([
          eb('state', '=', 'queued'),
          eb.exists(
            eb
              .selectFrom('mail_attempt')
              .select('mail_attempt.id')
              .whereRef('mail_attempt.mail_id', '=', 'mail.id')
              .where('mail_attempt.at', '>', future),
          ),
        ]),
      ]),
    )
    .$if(state.hold !== undefined, (query) => query.where(sql<boolean>`not ${isOld(state.hold)}`))
    .where(sql<boolean>`not ${WAITS_FOR_RULES}`)
    .where(isNextInTurn(state))
    .orderBy('created_at')
    .orderBy('id')
    .limit(1)
    .forUpdate()
    .skipLocked()
    .executeTakeFirst();
}

/**
 * A correction must not overtake what it corrects: to one recipient one mail at a time, in the order of their writing. One
 * that was tried and waits keeps later ones waiting until it is sent or dead, for as long as mails are retried; one that is
 * held after a restored backup does not. What the program says to its operator, who may be a recipient too, is another
 * matter: an outage is not told days late because a mail of news is put off.
 */
function isNextInTurn({ hold }: DeliveryState): RawBuilder<boolean> {
  return sql<boolean>`not exists (
    select 1 from mail before
    where before.state in ('queued', 'sending') and before.id < mail.id and lower(before.address) = lower(mail.address)
      and (before.kind = 'operator') = (mail.kind = 'operator')
      and not (before.state = 'queued' and ${isOld(hold, 'before')}))`;
}

/** Notes that the server took the mail over. Holds even where the lease was lost meanwhile: it is the truth. */
export async function markSent(store: Db, mail: ClaimedMail, answer: string, now: Date): Promise<void> {
  await again(store, async (trx) => {
    await trx
      .updateTable('mail')
      .set({ state: 'sent', answer, sent_at: now, claimed_until: null })
      .where('id', '=', mail.id)
      .execute();
    await closeAttempt(trx, mail, 'sent', answer);
  });
}

/** Puts the mail back until `next`. 'unknown': it may have arrived although nobody confirmed it. */
export async function markRetry(
  store: Db,
  mail: ClaimedMail,
  answer: string,
  next: Date,
  outcome: 'retry' | 'unknown' | 'not tried',
): Promise<void> {
  await again(store, async (trx) => {
    await settle(trx, mail, { state: 'queued', answer, next_attempt_at: next, claimed_until: null });
    await closeAttempt(trx, mail, outcome, answer);
  });
}

/** Gives the mail up: refused for good, or tried for as long as agreed. */
export async function markDead(
  store: Db,
  mail: ClaimedMail,
  answer: string,
  why: 'refused' | 'gave up',
): Promise<void> {
  await again(store, async (trx) => {
    await settle(trx, mail, { state: 'dead', answer, claimed_until: null });
    await closeAttempt(trx, mail, why, answer);
  });
}

/** Only while the claim is still this one: another process may have taken over, or even have sent it. */
async function settle(
  trx: Transaction<Database>,
  mail: ClaimedMail,
  values: { state: MailState; answer: string; claimed_until: null; next_attempt_at?: Date },
): Promise<void> {
  await trx
    .updateTable('mail')
    .set(values)
    .where('id', '=', mail.id)
    .where('state', '=', 'sending')
    .where('attempts', '=', mail.attempt)
    .execute();
}

async function closeAttempt(
  trx: Transaction<Database>,
  mail: ClaimedMail,
  outcome: 'sent' | 'retry' | 'unknown' | 'refused' | 'gave up' | 'not tried',
  answer: string,
): Promise<void> {
  await trx.updateTable('mail_attempt').set({ outcome, answer }).where('id', '=', mail.attemptId).execute();
}

/**
 * Takes the mails apart that nobody has tried to send: what they tell is owed again, and goes into the one mail that is
 * written next. One that was tried never changes: it may have arrived.
 * @param whose an address in lower case, or everybody's
 */
export async function takeUntriedApart(
  trx: Kysely<Database>,
  whose: { readonly address: string } | 'all',
): Promise<void> {
  const rows = await newsTriedOnly(trx, ['not tried'])
    .$if(whose !== 'all', (query) =>
      query.where(sql<boolean>`lower(address) = ${whose === 'all' ? '' : whose.address}`),
    )
    .forUpdate()
    .skipLocked()
    .execute();
  await takeApart(
    trx,
    rows.map(({ id }) => id),
  );
}

/**
 * Takes all mails of news apart that cannot have arrived: nobody has tried to send them, or the mail server never took
 * them. What they tell is owed again.
 */
export async function takeUnarrivedApart(trx: Kysely<Database>): Promise<void> {
  // Given up may mean that it was taken over and nobody said so.
  const rows = await newsTriedOnly(trx, ['not tried', 'retry', 'refused']).orderBy('id').forUpdate().execute();
  await takeApart(
    trx,
    rows.map(({ id }) => id),
  );
}

/** Queued mails of news whose attempts, if any, all ended so. */
function newsTriedOnly(trx: Kysely<Database>, outcomes: readonly MailAttemptTable['outcome'][]) {
  return trx
    .selectFrom('mail')
    .select('id')
    .where('state', '=', 'queued')
    .where('kind', 'in', [...NEWS])
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('mail_attempt')
            .select('mail_attempt.id')
            .whereRef('mail_attempt.mail_id', '=', 'mail.id')
            .where('mail_attempt.outcome', 'not in', [...outcomes]),
        ),
      ),
    );
}

async function takeApart(trx: Kysely<Database>, ids: readonly number[]): Promise<void> {
  if (ids.length === 0) return;
  await trx
    .updateTable('notification')
    .set({ mail_id: null })
    .where('mail_id', 'in', [...ids])
    .execute();
  await trx
    .deleteFrom('mail')
    .where('id', 'in', [...ids])
    .execute();
}

/**
 * When the queue next needs attention: the next attempt due, or the end of a claim; undefined for an empty queue. What
 * waits for an earlier mail to the same recipient comes when that does; what waits for a word of the operator, held or
 * paused, or for the rules is looked for as often as what another process queues.
 */
export async function nextDue(store: Db): Promise<Date | undefined> {
  const state = await readDelivery(store);
  if (state.paused !== undefined) return undefined;
  const { at } = await store.db
    .selectFrom('mail')
    .select(sql<Date | null>`min(case when state = 'queued' then next_attempt_at else claimed_until end)`.as('at'))
    .where('state', 'in', ['queued', 'sending'])
    .where(isNextInTurn(state))
    .where(sql<boolean>`not (state = 'queued' and ${isOld(state.hold)})`)
    .where(sql<boolean>`not ${WAITS_FOR_RULES}`)
    .executeTakeFirstOrThrow();
  return at ?? undefined;
}
