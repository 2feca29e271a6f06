/**
 * When to run. node-cron only ticks; which slots are due is computed from the expressions and the slots on record, so
 * that nothing is lost while the process was down, asleep or busy, and nothing runs twice.
 *
 * A slot on record is `running`, then `done`. One that met another run waits as `due` and is `overlap` once a later run
 * stood for it. Slots that nobody was there for are counted by a run record of outcome `missed`.
 */
import { sql, type Transaction } from 'kysely';
import { nextSlots, type Schedule } from '../config.js';
import type { Store } from '../load/database.js';
import { getSetting, recordNoRun, setSetting } from '../load/runs.js';
import type { Database } from '../load/schema.js';

/** The moments of the schedule after one moment and up to another, in order. */
export type NextSlots = (after: Date, until: Date) => readonly Date[];

export interface DueSlot {
  readonly dueAt: Date;
  /** Slots before it that nobody served: this run stands for them too. */
  readonly missed: number;
}

/** A slot that this process alone is to run. */
export interface ClaimedSlot extends DueSlot {
  /** Earlier slots that met another run, for which this one stands as well. */
  readonly waited: number;
}

/** More than any schedule has in a week. */
const MOST_SLOTS = 700_000;
/** Of a longer absence only the last week is counted. */
const COUNTED_MS = 7 * 86_400_000;

export function slotsOf(schedule: Schedule): NextSlots {
  return (after, until) => nextSlots(schedule, after, MOST_SLOTS, until);
}

/**
 * The slots of a schedule that was changed while the service was up: those of the old expressions until then, those of
 * the new ones from then on.
 * @param from when the new ones were read
 */
export function changedTo(before: NextSlots, fresh: NextSlots, from: Date): NextSlots {
  return (after, until) =>
    // Of a clock that was set back behind the change nothing is known but what holds now.
    after >= from || until < from ? fresh(after, until) : [...before(after, from), ...fresh(from, until)];
}

/**
 * The newest slot that is due and on no record, with how many it stands for (of the last week, after a longer absence).
 * @param last the newest slot on record, or the last look, whichever is later
 */
export function dueSlot(next: NextSlots, last: Date, now: Date): DueSlot | undefined {
  const recent = new Date(Math.max(last.getTime(), now.getTime() - COUNTED_MS));
  const found = next(recent, now);
  // A schedule without a slot in a week is a sparse one: then all of them are few.
  const slots = found.length > 0 || recent.getTime() === last.getTime() ? found : next(last, now);
  const newest = slots.at(-1);
  return newest === undefined ? undefined : { dueAt: newest, missed: slots.length - 1 };
}

/**
 * Takes what is to be run now, if anything: the newest slot that fell due, else the newest one that waits. Of any
 * number of callers exactly one gets it. The first call ever takes `now` as a slot: a fresh installation looks at once.
 */
export async function claimSlot(store: Store, next: NextSlots, now: Date): Promise<ClaimedSlot | undefined> {
  return inTurn(store, async (trx) => {
    const due = await newSlot(trx, next, now);
    if (due !== undefined) {
      if (!(await insertSlot(trx, due.dueAt, 'running', null))) return undefined;
      if (due.missed > 0) await recordNoRun({ db: trx }, 'missed', 'schedule', now, { slots: due.missed });
      return { ...due, waited: await countWaiting(trx) };
    }
    const waiting = await trx
      .selectFrom('slot')
      .select('due_at')
      .where('state', '=', 'due')
      .orderBy('due_at', 'desc')
      .limit(1)
      .executeTakeFirst();
    if (waiting === undefined) return undefined;
    await trx.updateTable('slot').set({ state: 'running' }).where('due_at', '=', waiting.due_at).execute();
    return { dueAt: waiting.due_at, missed: 0, waited: (await countWaiting(trx)) + 1 };
  });
}

/** Notes that a run served the slot, and with it those that waited before it. */
export async function settleSlot(store: Store, dueAt: Date, runId: number): Promise<void> {
  await store.db.updateTable('slot').set({ state: 'done', run_id: runId }).where('due_at', '=', dueAt).execute();
  await store.db
    .updateTable('slot')
    .set({ state: 'overlap' })
    .where('state', '=', 'due')
    .where('due_at', '<', dueAt)
    .execute();
}

/**
 * Puts a claimed slot back because another run is under way: it waits. The first slot that meets a run writes a run
 * record, the others refer to it. One that is left over from an earlier run stays with the record of that one.
 * @param met what is under way, for the record
 */
export async function postponeSlot(store: Store, slot: DueSlot, met: string, now: Date): Promise<void> {
  await inTurn(store, async (trx) => {
    const claimed = await trx
      .selectFrom('slot')
      .select('run_id')
      .where('due_at', '=', slot.dueAt)
      .where('state', '=', 'running')
      .executeTakeFirst();
    if (claimed === undefined) return;
    await trx
      .updateTable('slot')
      .set({ state: 'due', run_id: claimed.run_id ?? (await overlapRecord(trx, met, now)) })
      .where('due_at', '=', slot.dueAt)
      .execute();
  });
}

/** Records a slot that falls due while a run of this very process goes on; it waits for the end of that run. */
export async function noteOverlap(store: Store, next: NextSlots, met: string, now: Date): Promise<DueSlot | undefined> {
  return inTurn(store, async (trx) => {
    const due = await newSlot(trx, next, now);
    if (due === undefined) return undefined;
    const taken = await insertSlot(trx, due.dueAt, 'due', await overlapRecord(trx, met, now));
    return taken ? due : undefined;
  });
}

/**
 * Settles slots that a process left running when it died: those whose run had ended are done, the others wait for the
 * next one. Call it only as the active service, when no run of one's own is under way.
 * @returns how many wait again
 */
export async function recoverSlots(store: Store): Promise<number> {
  return inTurn(store, async (trx) => {
    const left = await trx.selectFrom('slot').select('due_at').where('state', '=', 'running').execute();
    let waiting = 0;
    for (const { due_at } of left) {
      const served = await trx
        .selectFrom('run_record')
        .select('id')
        .where('trigger', 'in', ['schedule', 'catch-up'])
        .where('outcome', 'in', ['done', 'in part'])
        .where('started_at', '>=', due_at)
        .orderBy('id')
        .limit(1)
        .executeTakeFirst();
      await trx
        .updateTable('slot')
        .set(served === undefined ? { state: 'due' } : { state: 'done', run_id: served.id })
        .where('due_at', '=', due_at)
        .execute();
      if (served === undefined) waiting++;
    }
    return waiting;
  });
}

/** One after the other, whoever asks. */
async function inTurn<T>(store: Store, work: (trx: Transaction<Database>) => Promise<T>): Promise<T> {
  return store.db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(hashtext(${`absence-watch slots ${store.schema}`}))`.execute(trx);
    return work(trx);
  });
}

/** When the slots were last looked at, by whichever service was active. */
const LOOKED_AT = 'slots looked at';

/**
 * Slots and looks of a clock that was ahead are passed over: they would stop everything until that time comes.
 *
 * A look that finds nothing is on record too: by the expressions of that time nothing was due up to then, and those of
 * another configuration have no say about it.
 */
async function newSlot(trx: Transaction<Database>, next: NextSlots, now: Date): Promise<DueSlot | undefined> {
  const newest = await trx
    .selectFrom('slot')
    .select('due_at')
    .where('due_at', '<=', now)
    .orderBy('due_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  const look = new Date(String(await getSetting({ db: trx }, LOOKED_AT)));
  await setSetting({ db: trx }, LOOKED_AT, now, now);
  if (newest === undefined) return { dueAt: now, missed: 0 };
  return dueSlot(next, look > newest.due_at && look <= now ? look : newest.due_at, now);
}

async function insertSlot(
  trx: Transaction<Database>,
  dueAt: Date,
  state: 'running' | 'due',
  runId: number | null,
): Promise<boolean> {
  const taken = await trx
    .insertInto('slot')
    .values({ due_at: dueAt, state, run_id: runId })
    .onConflict((conflict) => conflict.column('due_at').doNothing())
    .returning('due_at')
    .executeTakeFirst();
  return taken !== undefined;
}

async function countWaiting(trx: Transaction<Database>): Promise<number> {
  const { count } = await trx
    .selectFrom('slot')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('state', '=', 'due')
    .executeTakeFirstOrThrow();
  return count;
}

/** The run record of the slots that wait for the run under way, made with the first of them. */
async function overlapRecord(trx: Transaction<Database>, met: string, now: Date): Promise<number> {
  const waiting = await trx
    .selectFrom('slot')
    .innerJoin('run_record', 'run_record.id', 'slot.run_id')
    .select('run_record.id')
    // A slot that is tried again still refers to the record of its first meeting.
    .where('slot.state', 'in', ['due', 'running'])
    .where('run_record.outcome', '=', 'overlap')
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('run_record as later')
            .select('later.id')
            .where('later.outcome', '=', 'running')
            .whereRef('later.id', '>', 'run_record.id'),
        ),
      ),
    )
    .limit(1)
    .executeTakeFirst();
  return waiting?.id ?? (await recordNoRun({ db: trx }, 'overlap', 'schedule', now, { met }));
}
