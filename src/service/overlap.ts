/** A run that keeps the slots of the schedule waiting: in health as soon as it is too many, to the operator once. */
import { z } from 'zod';
import { operatorEdge, type OperatorPost } from '../alerts/operator.js';
import type { Store } from '../load/database.js';
import { counted, ukTime } from '../print.js';

/** Slots that fell due while a run was under way and that no run has stood for yet. */
export interface WaitingSlots {
  readonly count: number;
  /** When the first of them was due; undefined where none waits. */
  readonly since: Date | undefined;
  /** What they met, in words. */
  readonly met: string;
}

const detail = z.object({ met: z.string() });

export async function waitingSlots(store: Pick<Store, 'db'>): Promise<WaitingSlots> {
  const rows = await store.db
    .selectFrom('slot')
    .innerJoin('run_record', 'run_record.id', 'slot.run_id')
    .select(['slot.due_at', 'run_record.detail'])
    // Each try to run takes one for a moment.
    .where('slot.state', 'in', ['due', 'running'])
    .where('run_record.outcome', '=', 'overlap')
    .orderBy('slot.due_at')
    .execute();
  const [first] = rows;
  const parsed = detail.safeParse(first?.detail);
  return { count: rows.length, since: first?.due_at, met: parsed.success ? parsed.data.met : 'another run' };
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
