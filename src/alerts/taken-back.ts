/** What becomes of mails that are not sent yet when the figures they quote change: a step of the evaluation that looks at that. */
import { sql, type Kysely } from 'kysely';
import type { Database } from '../load/schema.js';
import { newsWaitsForRules, readDelivery } from './delivery-state.js';
import { takeUnarrivedApart, takeUntriedApart } from './queue.js';

/**
 * Takes waiting mails back that may quote what is amended, withheld or gone: what they tell is owed again, to be written
 * anew from the figures that count. After versions that came, the mails that nobody tried to send (one that was tried never
 * changes); after one that ceased to count, all that cannot have arrived, and briefs on versions none of which counts are
 * owed no longer. A mail that may have arrived stays, and so does every mail after a restored backup: their corrections
 * follow them.
 */
export async function takeNewsBack(trx: Kysely<Database>): Promise<void> {
  const isHeld = (await readDelivery({ db: trx })).hold !== undefined;
  if (!(await newsWaitsForRules(trx))) {
    if (!isHeld) await takeUntriedApart(trx, 'all');
    return;
  }
  if (!isHeld) await takeUnarrivedApart(trx);
  await sql`
    delete from notification n
    where n.kind = 'brief' and n.mail_id is null and not exists (
      select 1 from data_set_version v where n.payload -> 'versionIds' @> to_jsonb(v.id) and v.state = 'loaded')`.execute(
    trx,
  );
}
