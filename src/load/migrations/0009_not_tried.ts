/** A mail that was spared a try, since the mail server had just not answered for another, has not been attempted. */
import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table mail_attempt drop constraint if exists mail_attempt_outcome_check`.execute(db);
  await sql`alter table mail_attempt add constraint mail_attempt_outcome_check
    check (outcome in ('sending', 'sent', 'retry', 'unknown', 'refused', 'gave up', 'not tried'))`.execute(db);
}
