/** What an event says of its figure beside the value: the difference it was judged by, and whether only the clearing line holds it. */
import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table alert
      add column between_lines boolean not null default false,
      add column compared numeric`.execute(db);
}
