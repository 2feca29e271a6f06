/** A running total that made way for that of the next year within its release is counted as gone, where it was not before. */
import { sql, type Kysely } from 'kysely';
import { recordDiff } from '../diff.js';
import type { Database } from '../schema.js';

/** As a type that kysely takes for tables: an interface has no index. */
type Tables = { [Table in keyof Database]: { [Column in keyof Database[Table]]: Database[Table][Column] } };

export async function up(db: Kysely<unknown>): Promise<void> {
  // Of versions whose figures were pruned the old counts stay.
  const { rows } = await sql<{ id: number; previousId: number }>`
    select v.id, o.id as "previousId"
    from version_diff d
    join data_set_version v on v.id = d.version_id
    join data_set_version o on o.id = d.previous_id and o.release_id = v.release_id
    where exists (select from figure f where f.version_id = v.id) and exists (
      select from figure f where f.version_id = o.id and f.as_of <> 'infinity' and (f.series_id, f.period_id) not in (
        select n.series_id, n.period_id from figure n where n.version_id = v.id))
    order by v.id`.execute(db);
  for (const { id, previousId } of rows)
    await recordDiff(db.withTables<Tables>(), id, { id: previousId, sameRelease: true });
}
