/** Which version of a data set is current within its release, and which one each is held against. */
import { sql } from 'kysely';
import type { Store } from './database.js';
import { recordDiff } from './diff.js';
import type { Trx } from './version-record.js';

/**
 * Version v lost its figures to retention and was neither taken back nor held back before: all the rest of it still holds.
 */
const PRUNED = sql`(v.state = 'removed' and v.history -> -1 ->> 'what' = 'pruned'
  and v.history -> -2 ->> 'what' is distinct from 'removed'
  and not exists (select from gate_result g where g.version_id = v.id and g.verdict = 'quarantine'))`;

/** … and still counted, so that others were held against it. */
const PRUNED_WHILE_LOADED = sql`(${PRUNED} and v.history -> -2 ->> 'what' is distinct from 'withdrawn')`;

/** Version v of release r stands somewhere before version n of release nr of the same data set, and had figures. */
const BEFORE = sql`(v.data_set_id = n.data_set_id and v.id <> n.id and v.rows > 0
  and (r.first_published, r.id) <= (nr.first_published, nr.id)
  and (v.release_id <> n.release_id
    or (v.published_at, v.major, v.minor, v.patch, v.id) < (n.published_at, n.major, n.minor, n.patch, n.id)))`;

/**
 * Makes the newest loaded version of a data set within a release the current one: by time of publication, then by number.
 * Release and data set are called, and dated, as the versions say that count; one that is held back or taken back says nothing.
 */
export async function chooseCurrent(trx: Trx, dataSetId: number, releaseId: number): Promise<void> {
  await sql`
    update release r set
      title = coalesce((select v.release_title from data_set_version v where v.release_id = r.id and v.state = 'loaded'
        order by v.published_at desc, v.id desc limit 1), r.title),
      first_published = coalesce((select min(coalesce(v.release_first_published, v.published_at)) from data_set_version v
        where v.release_id = r.id and (v.state in ('loaded', 'withdrawn') or ${PRUNED})), r.first_published)
    where r.id = ${releaseId}`.execute(trx);
  await sql`
    update data_set d set title = coalesce((select v.data_set_title from data_set_version v
      where v.data_set_id = d.id and v.state = 'loaded' order by v.published_at desc, v.id desc limit 1), d.title)
    where d.id = ${dataSetId}`.execute(trx);
  const newest = await trx
    .selectFrom('data_set_version')
    .select('id')
    .where('data_set_id', '=', dataSetId)
    .where('release_id', '=', releaseId)
    .where('state', '=', 'loaded')
    .orderBy('published_at', 'desc')
    .orderBy('major', 'desc')
    .orderBy('minor', 'desc')
    .orderBy('patch', 'desc')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  await trx
    .updateTable('data_set_version')
    .set({ is_current: false })
    .where('data_set_id', '=', dataSetId)
    .where('release_id', '=', releaseId)
    .where('is_current', '=', true)
    .where('id', '<>', newest?.id ?? 0)
    .execute();
  if (newest === undefined) return;
  await trx
    .updateTable('data_set_version')
    .set({ is_current: true })
    .where('id', '=', newest.id)
    .where('is_current', '=', false)
    .execute();
}

/**
 * Holds each version of a data set against the one before it: the one that it replaces within its release, else the
 * newest of the releases before. Differences that were kept and still hold are left alone, so that this costs what a
 * version that comes, comes late or goes has changed. One against a version that was pruned since holds as long as no
 * other comes in between: it could not be worked out again.
 */
export async function compareVersions(trx: Trx, dataSetId: number): Promise<void> {
  const { rows } = await sql<{ id: number; previousId: number | null; sameRelease: boolean | null }>`
    select n.id, o.id as "previousId", o.same_release as "sameRelease"
    from data_set_version n join release nr on nr.id = n.release_id
    left join version_diff d on d.version_id = n.id
    left join lateral (
      select v.id, v.release_id = n.release_id as same_release
      from data_set_version v join release r on r.id = v.release_id
      where ${BEFORE} and (v.state = 'loaded' or (v.id = d.previous_id and ${PRUNED_WHILE_LOADED}))
      order by v.release_id = n.release_id desc, r.first_published desc, r.id desc,
        v.published_at desc, v.major desc, v.minor desc, v.patch desc, v.id desc
      limit 1) o on true
    where n.data_set_id = ${dataSetId} and n.state in ('loaded', 'quarantined') and n.rows > 0
      and o.id is distinct from d.previous_id
    order by n.id`.execute(trx);
  for (const { id, previousId, sameRelease } of rows)
    if (previousId === null) await trx.deleteFrom('version_diff').where('version_id', '=', id).execute();
    else await recordDiff(trx, id, { id: previousId, sameRelease: sameRelease === true });
}

/** Whether a version stands behind one whose figures retention took away. */
export async function isAfterPruned({ db }: Pick<Store, 'db'>, id: number): Promise<boolean> {
  const { rows } = await sql`
    select 1
    from data_set_version n join release nr on nr.id = n.release_id
    join data_set_version v on v.data_set_id = n.data_set_id join release r on r.id = v.release_id
    where n.id = ${id} and ${BEFORE} and ${PRUNED_WHILE_LOADED}
    limit 1`.execute(db);
  return rows.length > 0;
}
