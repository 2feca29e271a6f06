/** A run that keeps the slots of the schedule waiting: in health as soon as it is too many, to the operator once. */
import { operatorEdge, type OperatorPost } from '../alerts/operator.js';
import type { Store } from '../load/database.js';
import { endedWithoutAWord, runningNow } from '../load/runs.js';
import { counted, ukTime } from '../print.js';

/** Slots that fell due while the run under way went on. Those left over from a run that is over are not among them. */
export interface WaitingSlots {
  readonly count: number;
  /** When the first of them was due; undefined where none waits. */
  readonly since: Date | undefined;
  /** What they wait for, in words. */
  readonly met: string;
}

const NONE: WaitingSlots = { count: 0, since: undefined, met: 'another run' };

export async function waitingSlots(store: Store): Promise<WaitingSlots> {
  const running = await runningNow(store);
  if (running === undefined || (await endedWithoutAWord(store, running.runId))) return NONE;
  const rows = await store.db
    .selectFrom('slot')
    .innerJoin('run_record', 'run_record.id', 'slot.run_id')
    .select('slot.due_at')
    // Each try to run takes one for a moment.
    .where('slot.state', 'in', ['due', 'running'])
    .where('run_record.outcome', '=', 'overlap')
    // By number and not by time: what was met earlier was another run, whatever the clocks said.
    .where('run_record.id', '>', running.runId)
    .orderBy('slot.due_at')
    .execute();
  return { count: rows.length, since: rows[0]?.due_at, met: `run ${running.runId} (${running.trigger})` };
}

/** In a sentence, where more wait than the operator is to hear of. */
export function overlapWords({ count, since, met }: WaitingSlots, most: number): string | undefined {
  if (since === undefined || count <= most) return undefined;
  return `${counted(count, 'slot')} of the schedule have waited since ${ukTime(since)} for the end of ${met}`;
}

/** Tells the operator once of a run that keeps too many slots waiting, and forgets it when none waits any more. */
export async function tellOverlap(
  store: Store,
  { post, most, now }: { readonly post: OperatorPost; readonly most: number; readonly now: Date },
): Promise<void> {
  const waiting = await waitingSlots(store);
  const words = overlapWords(waiting, most);
  // Fewer wait than are worth a mail, and yet some do: it is not over.
  if (words === undefined && waiting.count > 0) return;
  await operatorEdge(
    store,
    post,
    'overlap',
    words === undefined ? 'well' : 'ill',
    {
      ...(words === undefined ? {} : { reason: words }),
      ill: () => ({
        subject: `absence-watch: a run keeps the schedule waiting since ${waiting.since?.toISOString().slice(0, 16) ?? ''}Z`,
        text: [
          `${words ?? ''}.`,
          '',
          'One run will stand for all of them as soon as it ends; until then nothing new is seen.',
          '"absence-watch status" shows what is under way. A backfill of years may take hours; a run that hangs can be ended,',
          'and the next one takes everything up. No second mail says that it is over.',
        ].join('\n'),
      }),
    },
    now,
  );
}
