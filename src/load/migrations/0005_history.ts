/** Versions are held against each other figure by figure, where rows were counted before. Views come with 0013. */
import { sql, type Kysely } from 'kysely';
import { recordDiff } from '../diff.js';
import type { Database } from '../schema.js';

/** As a type that kysely takes for tables: an interface has no index. */
type Tables = { [Table in keyof Database]: { [Column in keyof Database[Table]]: Database[Table][Column] } };

export async function up(db: Kysely<unknown>): Promise<void> {
  // Of versions whose figures were pruned the old counts stay.
  const { rows } = await sql<{ id: number; previousId: number; sameRelease: boolean }>`
    select v.id, d.previous_id as "previousId", v.release_id = o.release_id as "sameRelease"
    from version_diff d
    join data_set_version v on v.id = d.version_id
    join data_set_version o on o.id = d.previous_id
    where exists (select from figure f where f.version_id = v.id) and exists (select from figure f where f.version_id = o.id)
    order by v.id`.execute(db);
  for (const { id, previousId, sameRelease } of rows)
    await recordDiff(db.withTables<Tables>(), id, { id: previousId, sameRelease });
}
