/** A file of the website that becomes a data set of the official API: what was loaded of it is that data set's from then on. */
import { sql, type Kysely } from 'kysely';
import { judgeAgain } from './agree.js';
import { chooseCurrent, compareVersions } from './currency.js';
import type { Database } from './schema.js';
import { apiIdentity } from './version-meta.js';
import type { Trx } from './version-record.js';

/** A file of EES by its catalogue id, which it keeps from version to version of its release. */
export interface FileOfRelease {
  /** Slug by which the publication is known here. */
  readonly publication: string;
  readonly dataSetFileId: string;
}

/** The data set to which the newest version of a file belongs; undefined where nothing of it was loaded. */
export async function dataSetOfFile(
  db: Kysely<Database>,
  { publication, dataSetFileId }: FileOfRelease,
): Promise<number | undefined> {
  const row = await db
    .selectFrom('data_set_version as v')
    .innerJoin('data_set as d', 'd.id', 'v.data_set_id')
    .select('v.data_set_id')
    .where('d.publication', '=', publication)
    .where(sql<boolean>`v.source ->> 'dataSetFileId' = ${dataSetFileId}`)
    .orderBy('v.id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.data_set_id;
}

/**
 * Makes what came of a file by the website versions of the API's data set that the file is now. Where the API's was not
 * known here, the file's data set takes its identity, with all its versions; else the file's versions go over. They count
 * 0.0.0, 0.0.1, … like all whose number in the API is not known (`numberVersion`), until it is learned. Without anything
 * of the file in another data set it does nothing. Call it while holding the lock of a load.
 */
export async function joinApiDataSet(trx: Trx, apiId: string, file: FileOfRelease): Promise<void> {
  const strays = await trx
    .selectFrom('data_set_version as v')
    .innerJoin('data_set as d', 'd.id', 'v.data_set_id')
    .select(['v.id', 'v.data_set_id', 'v.release_id', 'd.title', 'd.api_id'])
    .where('d.publication', '=', file.publication)
    .where(sql<boolean>`d.api_id is distinct from ${apiId}`)
    .where(sql<boolean>`v.source ->> 'dataSetFileId' = ${file.dataSetFileId}`)
    // What the API gave is of the data set that it was given as.
    .where(sql<boolean>`v.source ->> 'kind' = 'release file'`)
    .orderBy('v.id')
    .execute();
  const [first] = strays;
  if (first === undefined) return;
  const identity = { publication: file.publication, identity: apiIdentity(apiId), api_id: apiId };
  const known = await trx
    .selectFrom('data_set')
    .select('id')
    .where('publication', '=', identity.publication)
    .where('identity', '=', identity.identity)
    .executeTakeFirst();
  if (known === undefined && first.api_id === null) {
    await trx.updateTable('data_set').set(identity).where('id', '=', first.data_set_id).execute();
    const all = await trx
      .selectFrom('data_set_version')
      .select('id')
      .where('data_set_id', '=', first.data_set_id)
      .execute();
    await takeOver(
      trx,
      first.data_set_id,
      all.map(({ id }) => id),
    );
    return;
  }
  const { id: dataSetId } =
    known ??
    (await trx
      .insertInto('data_set')
      .values({ ...identity, title: first.title })
      .returning('id')
      .executeTakeFirstOrThrow());
  const releases = [...new Set(strays.map(({ release_id }) => release_id))];
  const counted = await trx
    .selectFrom('data_set_version')
    .select('id')
    .where('data_set_id', '=', dataSetId)
    .where('release_id', 'in', releases)
    .where('is_current', '=', true)
    .execute();
  await takeOver(
    trx,
    dataSetId,
    strays.map(({ id }) => id),
  );
  const dataSets = [...new Set([dataSetId, ...strays.map(({ data_set_id }) => data_set_id)])];
  for (const each of dataSets) {
    for (const release of releases) await chooseCurrent(trx, each, release);
    await compareVersions(trx, each);
  }
  for (const release of releases) await judgeAgain(trx, release);
  // Two counted side by side, and one does no more: the rules look at the other as at what is new.
  if (counted.length > 0)
    await trx
      .updateTable('data_set_version')
      .set({ evaluated_at: null })
      .where('data_set_id', '=', dataSetId)
      .where('release_id', 'in', releases)
      .where('is_current', '=', true)
      .execute();
}

/** Makes versions those of a data set of the API, in the order of their numbers, which they lose. */
async function takeOver(trx: Trx, dataSetId: number, ids: readonly number[]): Promise<void> {
  await sql`
    update data_set_version v set
      is_current = v.is_current and v.data_set_id = ${dataSetId},
      data_set_id = ${dataSetId}, major = 0, minor = 0,
      patch = n.place - 1 + coalesce((select max(o.patch) + 1 from data_set_version o
        where o.data_set_id = ${dataSetId} and o.major = 0 and o.minor = 0 and o.id <> all(${[...ids]}::int[])), 0)
    from (select id, row_number() over (order by major, minor, patch, id) as place
      from data_set_version where id = any(${[...ids]}::int[])) n
    where v.id = n.id`.execute(trx);
}
