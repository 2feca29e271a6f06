/** Each version keeps what it said of its release and data set, so that taking it back takes that back too. */
import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table data_set_version add column release_title text, add column release_first_published timestamptz,
    add column data_set_title text`.execute(db);
  await sql`update data_set_version v
    set release_title = r.title, release_first_published = r.first_published, data_set_title = d.title
    from release r, data_set d where r.id = v.release_id and d.id = v.data_set_id`.execute(db);
}
