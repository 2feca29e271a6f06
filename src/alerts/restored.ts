/**
 * Recognises a database that was put back from a backup: what it believes unsent may long have gone out. Four tracks:
 * a dump that is read back makes its tables anew, and a copied directory its files; the witness, a small file beside the
 * data, remembers a later hour than the database; and where nothing of that shows, the silence since.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { sql, type Transaction } from 'kysely';
import * as z from 'zod';
import type { Store } from '../load/database.js';
import type { Database } from '../load/schema.js';
import { isOld, lockDelivery, writeDelivery, type DeliveryState } from './delivery-state.js';

const witness = z.object({ id: z.string(), alive: z.iso.datetime() });
type Witness = z.infer<typeof witness>;

/** A sign of life is written this often at most. */
const BEAT_MS = 30_000;
/** The witness is written after the database; a crash between the two, or clocks that differ, must not look like a backup. */
const SLACK_MS = 5 * 60_000;
/** A sign of life from further ahead is of a clock that has been put right since. */
const AHEAD_MS = 3_600_000;

export interface LifeOptions {
  readonly now: Date;
  readonly retryForMs: number;
  /** Path of the witness, in a directory that outlives the database. */
  readonly witness?: string | undefined;
  readonly warn?: ((message: string) => void) | undefined;
}

/**
 * Leaves a sign of life and looks whether the last one fits.
 * @returns the hold that stands, new or old; undefined where mail may flow
 */
export async function noteAlive(
  store: Pick<Store, 'db' | 'files'>,
  options: LifeOptions,
): Promise<DeliveryState['hold']> {
  const seen = options.witness === undefined ? undefined : await readWitness(options.witness);
  const state = await store.db.transaction().execute(async (trx) => {
    const before = await lockDelivery(trx, options.now);
    const life = { table: await mailTable(trx), files: store.files };
    const { now } = options;
    const isAhead = (at: string | undefined): boolean => at !== undefined && Date.parse(at) > now.getTime() + AHEAD_MS;
    // What a clock that was ahead took for a long silence was none.
    const standing = before.hold?.newsBefore === undefined && isAhead(before.hold?.at) ? undefined : before.hold;
    const hold = standing ?? (await suspicion(trx, before, life, seen, options));
    if (hold !== undefined) await endOldClaims(trx, hold, now);
    const wasAhead = isAhead(before.alive);
    const fresh = !wasAhead && before.alive !== undefined && now.getTime() - Date.parse(before.alive) < BEAT_MS;
    const isSame = before.table === life.table && before.files === life.files;
    if (fresh && hold === before.hold && isSame) return before;
    const after: DeliveryState = {
      ...before,
      ...life,
      hold,
      // A clock that was put right begins a new life: what a witness remembers of the old one proves nothing.
      id: wasAhead ? randomUUID() : (before.id ?? randomUUID()),
      // Clocks of several machines differ: the sign of life never goes back, unless one was put right.
      alive: new Date(
        Math.max(now.getTime(), wasAhead ? 0 : Date.parse(before.alive ?? '1970-01-01T00:00:00Z')),
      ).toISOString(),
    };
    await writeDelivery(trx, after, options.now);
    return after;
  });
  const { id, alive } = state;
  if (options.witness !== undefined && id !== undefined && alive !== undefined) {
    if (seen?.id !== id || seen.alive !== alive) await writeWitness(options.witness, { id, alive }, options.warn);
  }
  return state.hold;
}

/**
 * A mail that was being sent when the backup was made is held like the others: nobody claims what is old, and a claim
 * without an end would keep later mails to its recipient waiting.
 */
async function endOldClaims(
  trx: Transaction<Database>,
  hold: NonNullable<DeliveryState['hold']>,
  now: Date,
): Promise<void> {
  await trx
    .updateTable('mail')
    .set({ state: 'queued', claimed_until: null })
    .where('state', '=', 'sending')
    .where('claimed_until', '<', now)
    .where(isOld(hold))
    .execute();
}

async function suspicion(
  trx: Transaction<Database>,
  before: DeliveryState,
  { table, files }: Pick<DeliveryState, 'table' | 'files'>,
  seen: Witness | undefined,
  { now, retryForMs }: LifeOptions,
): Promise<DeliveryState['hold']> {
  const { alive } = before;
  if (alive === undefined) return undefined;
  const at = now.toISOString();
  const all = { at, createdBefore: at, newsBefore: at, loadedSince: alive };
  if (before.table !== undefined && before.table !== table) {
    return { ...all, reason: `The tables were made anew since ${alive}, as by a backup that was read back.` };
  }
  if (before.files !== undefined && files !== undefined && before.files !== files) {
    return {
      ...all,
      reason: `The files of the database are copies, made since ${alive}, as of a backup that was put back (or of one that moved here).`,
    };
  }
  if (seen !== undefined && seen.id === before.id && Date.parse(seen.alive) > Date.parse(alive) + SLACK_MS) {
    return {
      ...all,
      reason: `Mail was looked after until ${seen.alive}, but the database knows of nothing after ${alive}, as after a restored backup.`,
    };
  }
  if (now.getTime() - Date.parse(alive) > retryForMs && (await anyQueuedBy(trx, alive))) {
    const reason = `Nobody has looked after mail since ${alive}, longer than a mail is retried; what waited then may be stale, or may have gone out if this is a restored backup.`;
    return { at, createdBefore: alive, reason };
  }
  return undefined;
}

async function anyQueuedBy(trx: Transaction<Database>, alive: string): Promise<boolean> {
  const found = await trx
    .selectFrom('mail')
    .select('id')
    .where('state', 'in', ['queued', 'sending'])
    .where('created_at', '<', new Date(alive))
    .limit(1)
    .executeTakeFirst();
  return found !== undefined;
}

async function mailTable(trx: Transaction<Database>): Promise<string> {
  const { rows } = await sql<{ oid: string }>`select 'mail'::regclass::oid::text as oid`.execute(trx);
  return rows[0]?.oid ?? '';
}

/** Undefined where there is none, or none that can be read: a witness is evidence only while it speaks. */
async function readWitness(path: string): Promise<Witness | undefined> {
  try {
    return witness.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}

/** A witness that cannot be written costs one track of four, and must not keep mail from going out. */
async function writeWitness(path: string, content: Witness, warn: LifeOptions['warn']): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const draft = `${path}.${randomUUID()}`;
    await writeFile(draft, `${JSON.stringify(content)}\n`, { mode: 0o600 });
    await rename(draft, path);
  } catch (error) {
    warn?.(
      `${path} cannot be written (${error instanceof Error ? error.message : String(error)}): a restored backup may go unnoticed.`,
    );
  }
}
