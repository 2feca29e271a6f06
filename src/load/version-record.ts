/** The rows that say of a data set version what it is: publication, release, data set, number. */
import { createHash } from 'node:crypto';
import { sql, type Kysely, type Transaction } from 'kysely';
import { familyOf } from '../domain/series.js';
import { dataSetOfFile, joinApiDataSet, type FileOfRelease } from './api-data-set.js';
import type { Store } from './database.js';
import type { Database } from './schema.js';
import { columnNames, dataSetIdentity, releaseSlug, type VersionMeta, type VersionNumber } from './version-meta.js';

export type Trx = Transaction<Database>;

/** Name of the gate that the database keeps: no key twice in a version. */
export const KEY_GATE = 'key unique';

/** One load at a time numbers areas and versions; a large file may take longer than an ordinary statement. */
export async function beginLoad(trx: Trx, store: Store): Promise<void> {
  await sql`select set_config('statement_timeout', '0', true),
    pg_advisory_xact_lock(hashtext(${`${store.schema} load`}))`.execute(trx);
}

export interface VersionPlace {
  readonly dataSetId: number;
  readonly releaseId: number;
  readonly publishedAt: Date;
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The identity is long (it lists columns); its hash is what is stored. */
export function storedIdentity(meta: VersionMeta): string {
  const identity = dataSetIdentity(meta);
  return identity.length <= 100 ? identity : `hash:${hashOf(identity)}`;
}

/** What files of one make have in common: the names of their columns. */
export function layoutOf(meta: VersionMeta): string {
  return hashOf(columnNames(meta));
}

/**
 * Finds or makes publication, release and data set. What is known newly is added, nothing known is lost; how release and
 * data set are called, and since when, follows from the versions that count (`chooseCurrent`).
 */
export async function placeVersion(trx: Trx, meta: VersionMeta, loadedAt: Date): Promise<VersionPlace> {
  const publishedAt = meta.publishedAt ?? loadedAt;
  const { slug } = meta.publication;
  await trx
    .insertInto('publication')
    .values({
      slug,
      title: meta.publication.title ?? slug,
      family: familyOf(slug),
      ees_id: meta.publication.eesId ?? null,
    })
    .onConflict((conflict) =>
      conflict.column('slug').doUpdateSet({
        title: meta.publication.title ?? sql.ref('publication.title'),
        ees_id: meta.publication.eesId ?? sql.ref('publication.ees_id'),
      }),
    )
    .execute();
  const release = await trx
    .insertInto('release')
    .values({
      publication: slug,
      title: meta.release.title,
      slug: releaseSlug(meta),
      status: meta.release.status ?? null,
      url: meta.release.url ?? null,
      first_published: meta.release.firstPublished ?? publishedAt,
    })
    .onConflict((conflict) =>
      conflict.columns(['publication', 'slug']).doUpdateSet({
        status: meta.release.status ?? sql.ref('release.status'),
        url: meta.release.url ?? sql.ref('release.url'),
      }),
    )
    .returning('id')
    .executeTakeFirstOrThrow();
  const { apiId } = meta.dataSet;
  const file = fileOf(meta);
  if (apiId !== undefined && file !== undefined) await joinApiDataSet(trx, apiId, file);
  const dataSetId = (await replacedDataSet(trx, meta)) ?? (await dataSetOf(trx, meta));
  return { dataSetId, releaseId: release.id, publishedAt };
}

async function dataSetOf(trx: Trx, meta: VersionMeta): Promise<number> {
  const dataSet = await trx
    .insertInto('data_set')
    .values({
      publication: meta.publication.slug,
      identity: storedIdentity(meta),
      title: meta.dataSet.title,
      api_id: meta.dataSet.apiId ?? null,
    })
    .onConflict((conflict) =>
      conflict.columns(['publication', 'identity']).doUpdateSet({ title: sql.ref('data_set.title') }),
    )
    .returning('id')
    .executeTakeFirstOrThrow();
  return dataSet.id;
}

/**
 * The same, its release under the slug by which it is known here: a release that EES has renamed is told by the
 * catalogue id of a file of it, which EES keeps through amendments and never gives to another release (DfE, EES: a data
 * set file keeps its id from version to version of its release). So it does not matter who met the new slug first, a
 * run or a backfill, or by which of the two ways.
 */
export async function underKnownRelease(db: Kysely<Database>, meta: VersionMeta): Promise<VersionMeta> {
  const file = fileOf(meta);
  if (file === undefined) return meta;
  const known = await db
    .selectFrom('data_set_version as v')
    .innerJoin('release as r', 'r.id', 'v.release_id')
    .select('r.slug')
    .where('r.publication', '=', file.publication)
    .where(sql<boolean>`v.source ->> 'dataSetFileId' = ${file.dataSetFileId}`)
    .orderBy('v.id')
    .limit(1)
    .executeTakeFirst();
  return known === undefined ? meta : { ...meta, release: { ...meta.release, slug: known.slug } };
}

/** The file of EES that a version is of, where it is known. */
export function fileOf({ source, publication }: VersionMeta): FileOfRelease | undefined {
  const dataSetFileId = source['dataSetFileId'];
  return typeof dataSetFileId === 'string' ? { publication: publication.slug, dataSetFileId } : undefined;
}

/**
 * The data set whose file an amendment replaced: within a release the website keeps a file's catalogue id, also where
 * the new file names its columns differently (one revision of attendance did, on 6 March 2025).
 */
async function replacedDataSet(trx: Trx, meta: VersionMeta): Promise<number | undefined> {
  const file = fileOf(meta);
  return meta.dataSet.apiId !== undefined || file === undefined ? undefined : dataSetOfFile(trx, file);
}

/**
 * The API's number, else the next of 1.0.0, 1.0.1, …; a number once given to a removed version is not given again. A
 * data set of the API whose number is not known (its file came by the website while the API was away, or before it was in
 * the API) counts 0.0.0, 0.0.1, …: the API begins with 1.0, so no number of its own is ever taken.
 */
export async function numberVersion(trx: Trx, dataSetId: number, meta: VersionMeta): Promise<VersionNumber> {
  if (meta.version !== undefined) return meta.version;
  const { api_id: apiId } = await trx
    .selectFrom('data_set')
    .select('api_id')
    .where('id', '=', dataSetId)
    .executeTakeFirstOrThrow();
  const major = apiId === null ? 1 : 0;
  const last = await trx
    .selectFrom('data_set_version')
    .select(({ fn }) => fn.max('patch').as('patch'))
    .where('data_set_id', '=', dataSetId)
    .where('state', '<>', 'refused')
    .where('major', '=', major)
    .where('minor', '=', 0)
    .executeTakeFirst();
  return { major, minor: 0, patch: typeof last?.patch === 'number' ? last.patch + 1 : 0 };
}

/**
 * Gives a version another number, unless that is another version's. Call it while holding the lock of a load.
 * @returns the number it has now
 */
export async function renumbered(
  trx: Trx,
  { dataSetId }: Pick<VersionPlace, 'dataSetId'>,
  found: VersionNumber & { readonly id: number },
  known: VersionNumber,
): Promise<VersionNumber> {
  const other = await trx
    .selectFrom('data_set_version')
    .select('id')
    .where('data_set_id', '=', dataSetId)
    .where('major', '=', known.major)
    .where('minor', '=', known.minor)
    .where('patch', '=', known.patch)
    .where('state', 'in', ['loaded', 'quarantined', 'withdrawn'])
    .executeTakeFirst();
  if (other !== undefined) return found;
  const { major, minor, patch } = known;
  await trx.updateTable('data_set_version').set({ major, minor, patch }).where('id', '=', found.id).execute();
  return known;
}

export async function nextVersionId(trx: Trx): Promise<number> {
  const { rows } = await sql<{ id: number }>`
    select nextval(pg_get_serial_sequence('data_set_version', 'id'))::int as id`.execute(trx);
  const id = rows[0]?.id;
  if (id === undefined) throw new Error('the sequence of data_set_version gave no number');
  return id;
}

/** The columns of `data_set_version` that the file gives. */
export function fileColumns(meta: VersionMeta, place: VersionPlace, loadedAt: Date) {
  return {
    data_set_id: place.dataSetId,
    release_id: place.releaseId,
    published_at: place.publishedAt,
    loaded_at: loadedAt,
    source: JSON.stringify(meta.source),
    sha256: meta.sha256,
    layout: layoutOf(meta),
    file_name: meta.fileName,
    release_title: meta.release.title,
    release_first_published: meta.release.firstPublished ?? place.publishedAt,
    data_set_title: meta.dataSet.title,
    bytes: meta.bytes,
    run_id: meta.runId ?? null,
  };
}
