/** What a rule was last applied with besides what makes it another rule: so that `config check` can tell an edit of it. */
import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table alert_rule add column if not exists settings jsonb`.execute(db);
}
