/** What the gates hold a version against: the last release of its data set, or of one that is alike. */
import type { Likeness } from '../transform/gates.js';
import type { Store } from './database.js';
import { releaseSlug, titleWithoutYear, type VersionMeta } from './version-meta.js';
import { layoutOf, storedIdentity } from './version-record.js';

export interface LastRelease {
  /** What the gates remembered of it (`Gates.shape`). */
  readonly shape: unknown;
  readonly likeness: Likeness;
  /** It is the version that this one replaces within its release. */
  readonly isSameRelease: boolean;
}

/**
 * The newest loaded version of the same data set among the releases up to this one, else the nearest later. Where the
 * data set is new, one that is alike: of EES one with the same title (its columns changed), for a local file one with
 * the same columns (every label is a data set of its own). A local file of other columns under its label may be another
 * table altogether, or the same one that lost a column: the gates tell by its rows.
 */
export async function lastRelease(store: Store, meta: VersionMeta): Promise<LastRelease | undefined> {
  const dataSets = await store.db
    .selectFrom('data_set')
    .select(['id', 'identity', 'title'])
    .where('publication', '=', meta.publication.slug)
    .execute();
  const identity = storedIdentity(meta);
  const same = dataSets.filter((each) => each.identity === identity);
  const isLocal = meta.dataSet.local === true;
  const layout = isLocal ? layoutOf(meta) : undefined;
  const last = await newest(store, meta, same, layout);
  if (last !== undefined) return { ...last, likeness: 'same data set' };
  const title = titleWithoutYear(meta.dataSet.title);
  const alike = isLocal ? dataSets : dataSets.filter((each) => titleWithoutYear(each.title) === title);
  const other = await newest(store, meta, alike, layout);
  if (other !== undefined) return { shape: other.shape, likeness: 'alike', isSameRelease: false };
  const label = isLocal ? await newest(store, meta, same) : undefined;
  return label && { shape: label.shape, likeness: 'same label', isSameRelease: false };
}

async function newest(
  store: Store,
  meta: VersionMeta,
  dataSets: readonly { readonly id: number }[],
  layout?: string,
): Promise<Pick<LastRelease, 'shape' | 'isSameRelease'> | undefined> {
  if (dataSets.length === 0) return undefined;
  const published = meta.release.firstPublished ?? meta.publishedAt;
  let query = store.db
    .selectFrom('data_set_version as v')
    .innerJoin('release as r', 'r.id', 'v.release_id')
    .select(['v.shape', 'r.slug'])
    .where(
      'v.data_set_id',
      'in',
      dataSets.map(({ id }) => id),
    )
    .where('v.state', '=', 'loaded')
    .where('v.shape', 'is not', null);
  if (layout !== undefined) query = query.where('v.layout', '=', layout);
  if (published !== undefined)
    query = query
      .orderBy((eb) => eb('r.first_published', '>', published))
      .orderBy((eb) => eb.case().when('r.first_published', '>', published).then(eb.ref('r.first_published')).end());
  const row = await query
    .orderBy('r.first_published', 'desc')
    .orderBy('v.published_at', 'desc')
    .orderBy('v.id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row && { shape: row.shape, isSameRelease: row.slug === releaseSlug(meta) };
}
