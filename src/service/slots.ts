/**
 * When to run. node-cron only ticks; which slots are due is computed from the expressions and the slots on record, so
 * that nothing is lost while the process was down, asleep or busy, and nothing runs twice.
 */
import type { Store } from '../load/database.js';

/** The next moments of the schedule after another, in order; fewer than asked for only where there are no more. */
export type NextSlots = (after: Date, count: number) => readonly Date[];

export interface DueSlot {
  readonly dueAt: Date;
  /** Slots before it that nobody served: this run stands for them too. */
  readonly missed: number;
}

/** Slots looked up at once: a laptop's long weekend in one go. */
const AT_ONCE = 1_000;
/** More slots than any real schedule has in two years: a bound on work, not a limit of use. */
const MOST_MISSED = 100_000;

/**
 * The newest slot that is due and on no record, with how many it stands for.
 * @param last the newest slot on record
 */
export function dueSlot(next: NextSlots, last: Date, now: Date): DueSlot | undefined {
  let newest: Date | undefined;
  let count = 0;
  for (let after = last; count < MOST_MISSED;) {
    const slots = next(after, AT_ONCE).filter((slot) => slot <= now);
    count += slots.length;
    newest = slots.at(-1) ?? newest;
    if (slots.length < AT_ONCE || newest === undefined) break;
    after = newest;
  }
  return newest === undefined ? undefined : { dueAt: newest, missed: count - 1 };
}

/**
 * Takes the slot that is due, if any: exactly one caller of any number gets it.
 * A slot that a crash left running is due again; the first call ever records a starting point and returns `now`.
 */
export async function claimSlot(store: Store, next: NextSlots, now: Date): Promise<DueSlot | undefined> {
  return store.db.transaction().execute(async (trx) => {
    const newest = await trx.selectFrom('slot').select('due_at').orderBy('due_at', 'desc').limit(1).executeTakeFirst();
    const claim = async (dueAt: Date): Promise<boolean> => {
      const taken = await trx
        .insertInto('slot')
        .values({ due_at: dueAt, state: 'running', run_id: null })
        .onConflict((conflict) => conflict.column('due_at').doNothing())
        .returning('due_at')
        .executeTakeFirst();
      return taken !== undefined;
    };
    if (newest === undefined) return (await claim(now)) ? { dueAt: now, missed: 0 } : undefined;
    const due = dueSlot(next, newest.due_at, now);
    return due !== undefined && (await claim(due.dueAt)) ? due : undefined;
  });
}

/** Notes what became of a slot. */
export async function settleSlot(
  store: Store,
  dueAt: Date,
  state: 'done' | 'overlap',
  runId: number | null,
): Promise<void> {
  await store.db.updateTable('slot').set({ state, run_id: runId }).where('due_at', '=', dueAt).execute();
}

/**
 * Slots that a dead process left running, oldest first: one run at once stands for all of them. Call it only while
 * holding the lease, when no run of one's own is under way.
 */
export async function collapseUnfinished(store: Store): Promise<number> {
  const result = await store.db
    .updateTable('slot')
    .set({ state: 'collapsed' })
    .where('state', 'in', ['running', 'due'])
    .executeTakeFirst();
  return Number(result.numUpdatedRows);
}
