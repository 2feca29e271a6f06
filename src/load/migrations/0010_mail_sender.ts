/** Who has claimed a mail, and since when by the database's own clock: see alerts/sender. */
import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table mail add column if not exists claimed_by integer, add column if not exists claimed_since timestamptz`.execute(
    db,
  );
}
