/** Which version of a data set is current within its release. */
import { sql } from 'kysely';
import type { Trx } from './version-record.js';

/** Makes the newest loaded version of a data set within a release the current one: by time of publication, then by number. */
export async function chooseCurrent(trx: Trx, dataSetId: number, releaseId: number): Promise<void> {
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
 * The version that a new one is held against: of the same data set, the one it replaces within its release, else the
 * newest of the releases before.
 */
export async function previousVersion(
  trx: Trx,
  version: { readonly id: number; readonly dataSetId: number; readonly releaseId: number; readonly publishedAt: Date },
): Promise<{ id: number; releaseId: number } | undefined> {
  const { rows } = await sql<{ id: number; releaseId: number }>`
    select v.id, v.release_id as "releaseId"
    from data_set_version v join release r on r.id = v.release_id
    where v.data_set_id = ${version.dataSetId} and v.state = 'loaded' and v.id <> ${version.id} and v.rows > 0
      and (r.first_published, r.id) <= (select first_published, id from release where id = ${version.releaseId})
      and (v.release_id <> ${version.releaseId} or v.published_at <= ${version.publishedAt})
    order by v.release_id = ${version.releaseId} desc, r.first_published desc, r.id desc,
      v.published_at desc, v.major desc, v.minor desc, v.patch desc, v.id desc
    limit 1`.execute(trx);
  return rows[0];
}
