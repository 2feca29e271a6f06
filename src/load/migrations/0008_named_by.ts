/**
 * Which version an area is called by stands in the same transaction as the version, like how versions call their areas;
 * asking for the same version again for each of thirty thousand schools took a third of a second of a load.
 */
import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table area drop constraint if exists area_named_by_fkey`.execute(db);
}
