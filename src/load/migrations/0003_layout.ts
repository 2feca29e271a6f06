/** What tells files of one make from others, where neither API nor title names the data set. */
import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table data_set_version add column layout text`.execute(db);
}
