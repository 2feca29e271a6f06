/** What becomes of news that is not sent yet when a version has ceased to count: a step of the evaluation that looks at that. */
import { sql, type Kysely } from 'kysely';
import type { Database } from '../load/schema.js';
import { newsWaitsForRules, readDelivery } from './delivery-state.js';
import { takeUnarrivedApart } from './queue.js';

/**
 * Takes waiting mails back that may quote what does not count any more: what they tell is owed again, to be written anew
 * from what does. Briefs on versions none of which counts are owed no longer. A mail that may have arrived stays, and so
 * does every mail after a restored backup: their corrections follow them.
 */
export async function takeNewsBack(trx: Kysely<Database>): Promise<void> {
  if (!(await newsWaitsForRules(trx))) return;
  if ((await readDelivery({ db: trx })).hold === undefined) await takeUnarrivedApart(trx);
  await sql`
    delete from notification n
    where n.kind = 'brief' and n.mail_id is null and not exists (
      select 1 from data_set_version v where n.payload -> 'versionIds' @> to_jsonb(v.id) and v.state = 'loaded')`.execute(
    trx,
  );
}
