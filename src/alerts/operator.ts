/**
 * What the operator, and nobody else, is told about the pipeline itself. Edges only: one mail when something turns ill,
 * one when it is well again; what was said is kept in `setting`, so that a restart says nothing twice. Health and status
 * read the same rows, because a mail about failing mail would not arrive.
 */
import type { Agent } from 'node:http';
import { sql, type Kysely, type Transaction } from 'kysely';
import * as z from 'zod';
import type { Store } from '../load/database.js';
import { retrying } from '../load/retry.js';
import type { Database } from '../load/schema.js';
import { lockSetting, writeSetting } from './delivery-state.js';
import { composePlain } from './plain-mail.js';

/** Who writes to whom; without addresses everything is still recorded. */
export interface OperatorPost {
  readonly from: string;
  readonly to: readonly string[];
}

export interface OperatorMail {
  readonly subject: string;
  /** Plain words: what happened, where, what to do. */
  readonly text: string;
}

const PREFIX = 'operator:';

const edgeState = z.object({
  state: z.enum(['ill', 'well']).default('well'),
  /** Consecutive times it was found ill. */
  count: z.number().int().default(0),
  since: z.iso.datetime().optional(),
  mailed: z.boolean().default(false),
  /** The mail was due and the database would not take it. */
  owed: z.boolean().default(false),
  reason: z.string().optional(),
});

/** An illness as it stands: consecutive findings, the time of the first. */
export interface Edge {
  readonly count: number;
  readonly since: Date;
}

export interface EdgeMails {
  /** Why it is ill this time, for status and health. */
  readonly reason?: string;
  /** Findings in a row before the mail; 1 mails at once. */
  readonly after?: number;
  readonly ill: (edge: Edge) => OperatorMail;
  /** Without it the end is recorded and not mailed. With it the end is told also where the beginning could not be. */
  readonly well?: (edge: Edge) => OperatorMail;
}

/**
 * Records that the thing named by `key` ('outage', 'overdue:…', 'quarantine:…') is ill or well, and queues a mail where
 * that turned. Safe to call on every run and from several processes.
 * @returns 'mailed' where a mail was queued
 * @throws what the database says where it takes no mail: what is ill is counted all the same, what is well stays ill, so
 *   that the next call mails
 */
export async function operatorEdge(
  store: Pick<Store, 'db'>,
  post: OperatorPost,
  key: string,
  state: 'ill' | 'well',
  mails: EdgeMails,
  now: Date,
): Promise<'mailed' | 'quiet'> {
  if (state === 'well' && !(await knownIll(store, key))) return 'quiet';
  const turn = (mayMail: boolean): Promise<'mailed' | 'quiet'> =>
    retrying(store, ({ db }) =>
      db.transaction().execute((trx) => turnEdge(trx, post, key, state, mails, { now, mayMail })),
    );
  try {
    return await turn(true);
  } catch (error) {
    if (state === 'ill') await turn(false);
    throw error;
  }
}

async function turnEdge(
  trx: Transaction<Database>,
  post: OperatorPost,
  key: string,
  state: 'ill' | 'well',
  mails: EdgeMails,
  { now, mayMail }: { readonly now: Date; readonly mayMail: boolean },
): Promise<'mailed' | 'quiet'> {
  const before = edgeState.parse(await lockSetting(trx, PREFIX + key, now));
  const since = before.since === undefined ? now : new Date(before.since);
  if (state === 'well') {
    await writeSetting(trx, PREFIX + key, edgeState.parse({}), now);
    const isKnown = before.mailed || before.owed;
    if (before.state !== 'ill' || !isKnown || mails.well === undefined) return 'quiet';
    const mail = mails.well({ count: before.count, since });
    return queued(await enqueueOperatorMail(trx, post, `${key} well ${since.toISOString()}`, mail, now));
  }
  const count = before.count + 1;
  const isDue = !before.mailed && count >= (mails.after ?? 1);
  const mailed = before.mailed || (isDue && mayMail);
  const owed = isDue && !mayMail;
  const { reason } = mails;
  await writeSetting(trx, PREFIX + key, { state, count, since: since.toISOString(), mailed, owed, reason }, now);
  if (!isDue || !mayMail) return 'quiet';
  return queued(
    await enqueueOperatorMail(trx, post, `${key} ill ${since.toISOString()}`, mails.ill({ count, since }), now),
  );
}

function queued(mails: number): 'mailed' | 'quiet' {
  return mails > 0 ? 'mailed' : 'quiet';
}

async function knownIll(store: Pick<Store, 'db'>, key: string): Promise<boolean> {
  const row = await store.db
    .selectFrom('setting')
    .select('value')
    .where('name', '=', PREFIX + key)
    .executeTakeFirst();
  return row !== undefined && edgeState.parse(row.value).state === 'ill';
}

/** What is ill at present, for status and health. */
export interface OpenEdge extends Edge {
  readonly key: string;
  /** Whether the operator was told. */
  readonly mailed: boolean;
  /** Of the last finding. */
  readonly reason: string | undefined;
}

export async function openEdges(store: Pick<Store, 'db'>): Promise<OpenEdge[]> {
  const rows = await store.db
    .selectFrom('setting')
    .select(['name', 'value', 'updated_at'])
    .where('name', 'like', `${PREFIX}%`)
    .where(sql<boolean>`value ->> 'state' = 'ill'`)
    .orderBy('name')
    .execute();
  return rows.map(({ name, value, updated_at }) => {
    const { count, since, mailed, reason } = edgeState.parse(value);
    const from = since === undefined ? updated_at : new Date(since);
    return { key: name.slice(PREFIX.length), count, since: from, mailed, reason };
  });
}

/**
 * Queues one mail for each operator's address; the same key never gives a second one.
 * @param db a transaction, where the mail belongs to a change of state
 * @returns how many were queued
 */
export async function enqueueOperatorMail(
  db: Kysely<Database>,
  post: OperatorPost,
  key: string,
  mail: OperatorMail,
  now: Date,
): Promise<number> {
  let count = 0;
  for (const to of post.to) {
    const { raw, messageId } = await composePlain({ ...mail, from: post.from, to, key: `operator ${key}`, date: now });
    const written = await db
      .insertInto('mail')
      .values({
        address: to,
        subject: mail.subject,
        message_id: messageId,
        raw,
        kind: 'operator',
        state: 'queued',
        next_attempt_at: now,
        created_at: now,
      })
      .onConflict((conflict) => conflict.column('message_id').doNothing())
      .executeTakeFirst();
    count += Number(written.numInsertedOrUpdatedRows ?? 0);
  }
  return count;
}

const deadReport = z.object({ upTo: z.number().int().default(0), at: z.iso.datetime().optional() });
const DEAD = `${PREFIX}dead letters`;
/** However many passes give mails up, the operator hears of them once an hour. */
const DEAD_EVERY_MS = 3_600_000;
const DEAD_LISTED = 20;

/**
 * Tells the operator of mails given up since the last report. The operator's own dead mails are left out: they are
 * for `status` to show.
 */
export async function reportDead(store: Pick<Store, 'db'>, post: OperatorPost, now: Date): Promise<'mailed' | 'quiet'> {
  return store.db.transaction().execute(async (trx) => {
    const last = deadReport.parse(await lockSetting(trx, DEAD, now));
    if (last.at !== undefined && now.getTime() - Date.parse(last.at) < DEAD_EVERY_MS) return 'quiet';
    const given = await trx
      .selectFrom('mail_attempt as t')
      .innerJoin('mail as m', 'm.id', 't.mail_id')
      .select(['t.id as attempt', 'm.id', 'm.address', 'm.subject', 't.answer'])
      .where('t.id', '>', last.upTo)
      .where('t.outcome', 'in', ['refused', 'gave up'])
      .where('m.state', '=', 'dead')
      .where('m.kind', '<>', 'operator')
      .orderBy('t.id')
      .execute();
    const newest = given.at(-1);
    if (newest === undefined) return 'quiet';
    await writeSetting(trx, DEAD, { upTo: newest.attempt, at: now.toISOString() }, now);
    const lines = given
      .slice(0, DEAD_LISTED)
      .map(({ id, address, subject, answer }) => `- ${address} (mail ${id}, "${subject}"): ${answer}`);
    const more = given.length > DEAD_LISTED ? [`- and ${given.length - DEAD_LISTED} more`] : [];
    const one = given.length === 1;
    return queued(
      await enqueueOperatorMail(
        trx,
        post,
        `dead letters ${newest.attempt}`,
        {
          subject: `absence-watch: ${one ? '1 mail' : `${given.length} mails`} could not be delivered`,
          text: [
            `${one ? 'This mail was' : 'These mails were'} given up; all others are not affected.`,
            '',
            ...lines,
            ...more,
            '',
            'Correct the address in the configuration, or the mail server, then send again with: absence-watch mail retry',
          ].join('\n'),
        },
        now,
      ),
    );
  });
}

const HEARTBEAT_MS = 10_000;

/**
 * Pings a dead man's switch, so that silence itself is noticed from outside: `…/start` and `…/fail`, the URL itself at
 * success (the convention of healthchecks and its kin). Never throws: a heartbeat that fails is noticed at the other end.
 * @param agents the way out of the building
 * @returns whether it was received
 */
export async function heartbeat(
  url: string,
  event: 'start' | 'success' | 'fail',
  runId: number | undefined,
  agents: { readonly httpAgent?: Agent; readonly httpsAgent?: Agent } = {},
): Promise<boolean> {
  try {
    const target = new URL(url);
    if (event !== 'success') target.pathname = `${target.pathname.replace(/\/$/, '')}/${event}`;
    const { default: axios } = await import('axios');
    await axios.post(target.href, `run ${runId ?? 'without a record'}: ${event}`, {
      headers: { 'Content-Type': 'text/plain' },
      signal: AbortSignal.timeout(HEARTBEAT_MS),
      maxContentLength: 100_000,
      proxy: false,
      ...agents,
    });
    return true;
  } catch {
    return false;
  }
}
