/** What the database knows of where bytes came from: `data_set_version.source`, as the pipeline wrote it. */
import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { Store } from './database.js';
import { NOTHING_WATCHED } from './unloaded.js';
import { apiKey, giveBackNumber, takeBackNumber, versionNumber } from './published-as.js';
import type { Database, VersionState } from './schema.js';
import { reinstateVersion, withdrawVersion } from './version-states.js';

/** How a file ended that an amendment took out of its release. */
export const REMOVED = 'removed from its release';

/**
 * Whether these bytes were dealt with: loaded, held back, refused, or taken back. A file that an amendment took out of
 * its release and another put back is to be loaded again.
 * @param isNamed whether a person asks for this data set: then what was removed by hand, or could not be read, is to be loaded again, too
 */
export async function isHandled(store: Store, key: string, isNamed = false): Promise<boolean> {
  const row = await store.db
    .selectFrom('data_set_version')
    .select('id')
    .where(isOf(key))
    .$if(isNamed, (query) => query.where('state', 'not in', ['removed', 'refused']))
    .where(sql<boolean>`(state <> 'withdrawn' or history -> -1 ->> 'reason' not like ${`${REMOVED}%`})`)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Whether anything of a release was loaded, counting or held back. @param publication its name @param slug of the release */
export async function isLoadedRelease(store: Store, publication: string, slug: string): Promise<boolean> {
  const row = await store.db
    .selectFrom('release as r')
    .innerJoin('data_set_version as v', 'v.release_id', 'r.id')
    .select('v.id')
    .where('r.publication', '=', publication)
    .where('r.slug', '=', slug)
    .where('v.state', 'in', ['loaded', 'quarantined'])
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/**
 * The website's files of a release that were loaded, counting or held back, each as it was loaded last: its ids at EES,
 * and the data set of the official API that it became.
 */
export async function loadedFiles(store: Store, publication: string, slug: string) {
  const rows = await store.db
    .selectFrom('release as r')
    .innerJoin('data_set_version as v', 'v.release_id', 'r.id')
    .innerJoin('data_set as d', 'd.id', 'v.data_set_id')
    .distinctOn(sql`v.source ->> 'dataSetFileId'`)
    .select([
      sql<string>`v.source ->> 'dataSetFileId'`.as('dataSetFileId'),
      sql<string>`v.source ->> 'fileId'`.as('fileId'),
      sql<string>`coalesce(v.data_set_title, d.title)`.as('title'),
      'v.file_name as fileName',
      'd.api_id',
    ])
    .where('r.publication', '=', publication)
    .where('r.slug', '=', slug)
    .where('v.state', 'in', ['loaded', 'quarantined'])
    .where(sql<boolean>`v.source ->> 'kind' = 'release file'`)
    .orderBy(sql`v.source ->> 'dataSetFileId'`)
    .orderBy('v.id', 'desc')
    .execute();
  return rows.map(({ api_id, ...file }) => ({ ...file, apiId: api_id ?? undefined }));
}

/** A version that came under this key, or whose very bytes were met under it again. */
export function isOf(key: string): RawBuilder<boolean> {
  return sql<boolean>`(source ->> 'key' = ${key} or coalesce(jsonb_exists(source -> 'also', ${key}), false))`;
}

/** EES promotes a version after its file shows on the website; clocks may differ by less than this. */
const CLOCK = sql`interval '60 seconds'`;

/** Whether a version of the official API was dealt with that carries the website's file as it was since `updated`. */
export async function isHandledAsVersion(store: Store, dataSetFileId: string, updated: Date): Promise<boolean> {
  const row = await store.db
    .selectFrom('data_set_version')
    .select('id')
    .where(sql<boolean>`source ->> 'kind' = 'api' and source ->> 'dataSetFileId' = ${dataSetFileId}`)
    .where(sql<boolean>`published_at >= ${updated}::timestamptz - ${CLOCK}`)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** The ETag of the newest bytes that were loaded, or are held back, of a file of the website. */
export async function heldEtag(store: Store, dataSetFileId: string): Promise<string | undefined> {
  const row = await store.db
    .selectFrom('data_set_version')
    .select(sql<string>`source ->> 'etag'`.as('etag'))
    .where(sql<boolean>`source ->> 'dataSetFileId' = ${dataSetFileId} and source ->> 'etag' <> ''`)
    .where('state', 'in', ['loaded', 'quarantined'])
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.etag;
}

/** Remembers that EES has the bytes of a version under another key too, so that nobody fetches them again. */
export async function noteSameBytes(
  store: Store,
  key: string,
  of: { readonly versionId: number } | { readonly dataSetFileId: string; readonly etag: string },
): Promise<void> {
  if ('versionId' in of) await noteKey(store.db, of.versionId, key);
  else
    await addKey(store.db, key)
      .where(sql<boolean>`source ->> 'dataSetFileId' = ${of.dataSetFileId} and source ->> 'etag' = ${of.etag}`)
      .execute();
}

/** The same of one version. */
export async function noteKey(db: Kysely<Database>, versionId: number, key: string): Promise<void> {
  await addKey(db, key).where('id', '=', versionId).execute();
}

function addKey(db: Kysely<Database>, key: string) {
  return db
    .updateTable('data_set_version')
    .set({ source: sql`jsonb_set(source, '{also}', coalesce(source -> 'also', '[]') || to_jsonb(${key}::text))` })
    .where(sql<boolean>`not ${isOf(key)}`);
}

/** What a publisher took back, by the ids that `source` carries. */
export type TakenBack =
  | { readonly kind: 'version'; readonly dataSetId: string; readonly version: string }
  | { readonly kind: 'data set'; readonly dataSetId: string }
  /** A file of the website, however often it was amended. */
  | { readonly kind: 'release file'; readonly dataSetFileId: string }
  /** One state of such a file. */
  | { readonly kind: 'bytes'; readonly fileId: string };

/** Of what was taken back together. */
const WITH_DATA_SET = 'with its data set';

/**
 * Marks every version that the publisher took back; none of them is current afterwards. Bytes that were published again as
 * a version that stands are that one's from then on.
 * @param status in words: withdrawn, deprecated, removed from its release
 * @returns the ids of those that were marked now
 */
export async function withdrawAtSource(store: Store, what: TakenBack, status: string, now: Date): Promise<number[]> {
  const reason = `${status} at source${what.kind === 'data set' ? `, ${WITH_DATA_SET}` : ''}`;
  const affected = await idsOf(store, what, ['loaded', 'quarantined']);
  const marked: number[] = [];
  for (const id of affected) {
    if (what.kind === 'version' && (await takeBackNumber(store, id, what))) continue;
    if (await withdrawVersion(store, id, reason, now)) marked.push(id);
  }
  return marked;
}

/**
 * Withdraws what was uploaded anew as another data set (another title, other columns), once the new file counts: the
 * next version of the same data set takes its place without that. Until then what was there before stays.
 * @returns the ids of those that were marked now
 */
export async function withdrawReplaced(store: Store, now: Date): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    select distinct o.id
    from data_set_version n
    join data_set_version o on o.release_id = n.release_id and o.data_set_id <> n.data_set_id and o.id < n.id
    where n.state = 'loaded' and o.state in ('loaded', 'quarantined') and o.source ->> 'kind' = 'release file'
      and jsonb_exists(n.source -> 'replaces', o.source ->> 'dataSetFileId')
    order by o.id`.execute(store.db);
  const marked: number[] = [];
  for (const { id } of rows) if (await withdrawVersion(store, id, `${REMOVED} at source`, now)) marked.push(id);
  return marked;
}

/**
 * Puts back what its publisher had taken back and publishes again; with a data set not the versions that were taken back
 * by themselves.
 * @returns the ids of those that count again
 */
export async function reinstateAtSource(
  store: Store,
  what: Extract<TakenBack, { dataSetId: string }>,
  now: Date,
): Promise<number[]> {
  const back: number[] = [];
  if (what.kind === 'version')
    for (const id of await idsOf(store, what, ['loaded', 'quarantined', 'withdrawn']))
      await giveBackNumber(store, id, what);
  const isTogether = what.kind === 'data set';
  for (const id of await idsOf(store, what, ['withdrawn'])) {
    const { reason } = await store.db
      .selectFrom('data_set_version')
      .select(sql<string | null>`history -> -1 ->> 'reason'`.as('reason'))
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    if (reason?.endsWith(WITH_DATA_SET) === isTogether && (await reinstateVersion(store, id, now))) back.push(id);
  }
  return back;
}

async function idsOf(store: Store, what: TakenBack, states: readonly VersionState[]): Promise<number[]> {
  let found = store.db
    .selectFrom('data_set_version as v')
    .innerJoin('data_set as d', 'd.id', 'v.data_set_id')
    .select('v.id')
    .where('v.state', 'in', states);
  if (what.kind === 'release file')
    // What the official API gave is its to take back.
    found = found
      .where(sql<boolean>`v.source ->> 'kind' = 'release file'`)
      .where(sql<boolean>`v.source ->> 'dataSetFileId' = ${what.dataSetFileId}`);
  else
    found =
      what.kind === 'bytes'
        ? found.where(sql<boolean>`v.source ->> 'fileId' = ${what.fileId}`)
        : // What came by the website belongs to the data set all the same.
          found.where(sql<boolean>`(v.source ->> 'dataSetId' = ${what.dataSetId} or d.api_id = ${what.dataSetId})`);
  if (what.kind === 'version') {
    const { major, minor, patch } = versionNumber(what.version);
    const key = apiKey(what.dataSetId, { major, minor, patch });
    found = found.where((eb) =>
      eb.or([eb.and([eb('v.major', '=', major), eb('v.minor', '=', minor), eb('v.patch', '=', patch)]), isOf(key)]),
    );
  }
  return (await found.orderBy('v.id').execute()).map(({ id }) => id);
}

/** Which versions a person means who accepts a gate. */
export interface HeldBackQuery {
  readonly publication: string;
  /** Slug or title. */
  readonly release?: string | undefined;
  /** The version's id as `versions list` shows it, an id at EES, or the title. */
  readonly dataSet?: string | undefined;
}

/** Ids of quarantined versions, oldest first. */
export async function heldBack(store: Store, { publication, release, dataSet }: HeldBackQuery): Promise<number[]> {
  let held = store.db
    .selectFrom('data_set_version as v')
    .innerJoin('data_set as d', 'd.id', 'v.data_set_id')
    .innerJoin('release as r', 'r.id', 'v.release_id')
    .select('v.id')
    .where('v.state', '=', 'quarantined')
    .where('d.publication', '=', publication)
    .orderBy('v.id');
  if (release !== undefined)
    held = held.where((eb) => eb.or([eb('r.slug', '=', release), eb('r.title', '=', release)]));
  if (dataSet !== undefined)
    held = held.where((eb) =>
      eb.or([
        eb(sql<string>`v.id::text`, '=', dataSet),
        eb('d.api_id', '=', dataSet),
        eb('d.title', '=', dataSet),
        eb(sql<string>`v.source ->> 'dataSetFileId'`, '=', dataSet),
      ]),
    );
  return (await held.execute()).map(({ id }) => id);
}

/** Those of some versions that runs of the schedule (or `run` by hand) had fetched, not backfills, in the same order. */
export async function fetchedByRuns(store: Store, ids: readonly number[]): Promise<number[]> {
  const rows = await store.db
    .selectFrom('data_set_version')
    .select('id')
    .where('id', '=', sql<number>`any(${[...ids]}::int[])`)
    // Every backfill says there whether it was a quiet one.
    .where(sql<boolean>`source -> 'backfill' is null`)
    .execute();
  const found = new Set(rows.map(({ id }) => id));
  return ids.filter((id) => found.has(id));
}

/** A version that a run held back or could not read. */
export interface HeldBack {
  readonly versionId: number;
  readonly publication: string;
  readonly release: string;
  readonly dataSet: string;
  readonly fileName: string;
  /** By which gates, and what they found. */
  readonly reason: string;
}

/**
 * What runs held back or could not read, oldest first, be it put right since or not. Without backfills: whoever runs one
 * is told there and then.
 */
export async function heldBackByRuns(store: Store): Promise<HeldBack[]> {
  return store.db
    .selectFrom('data_set_version as v')
    .innerJoin('data_set as d', 'd.id', 'v.data_set_id')
    .innerJoin('release as r', 'r.id', 'v.release_id')
    .innerJoin('gate_result as g', 'g.version_id', 'v.id')
    .select([
      'v.id as versionId',
      'd.publication',
      // As it calls itself: nothing that is held back says how release and data set are called.
      sql<string>`coalesce(v.release_title, r.title)`.as('release'),
      sql<string>`coalesce(v.data_set_title, d.title)`.as('dataSet'),
      'v.file_name as fileName',
      sql<string>`string_agg(case v.state when 'refused' then g.message else g.gate || ': ' || g.message end, '; '
        order by g.gate)`.as('reason'),
    ])
    .where('v.state', 'in', ['quarantined', 'refused'])
    .where('g.verdict', '=', 'quarantine')
    .where('g.gate', '<>', NOTHING_WATCHED)
    .where(sql<boolean>`v.source ->> 'backfill' is distinct from 'true'`)
    .where('v.run_id', 'is not', null)
    .groupBy(['v.id', 'd.id', 'r.id'])
    .orderBy('v.id')
    .execute();
}

/**
 * Versions that a dead run loaded and the rules have not seen; `quiet` where that run was a backfill that mails nothing.
 * undefined when there are none.
 */
export async function leftovers(store: Store): Promise<{ readonly quiet: boolean } | undefined> {
  const row = await store.db
    .selectFrom('data_set_version')
    .select(({ fn }) => [
      fn.countAll<number>().as('count'),
      sql<boolean | null>`bool_and(source ->> 'backfill' is not distinct from 'true')`.as('quiet'),
    ])
    .where('evaluated_at', 'is', null)
    .where('state', '=', 'loaded')
    .executeTakeFirstOrThrow();
  return row.count === 0 ? undefined : { quiet: row.quiet ?? false };
}
