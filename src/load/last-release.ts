/** What the gates hold a version against: the last release of its data set, or of one that is alike. */
import { sql } from 'kysely';
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
  /** It was published after this one, which is history loaded late. */
  readonly isLater?: true;
}

/**
 * What was published last before this version, of the same data set: so the verdict does not depend on the order in which
 * history is loaded. Where nothing was before it, what was published next; the gates then ask less of it. Where the data
 * set is new, one that is alike: of EES one with the same title (its columns changed), for a local file one with the same
 * columns (every label is a data set of its own). A local file of other columns under its label may be another table
 * altogether, or the same one that lost a column: the gates tell by its rows.
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
  const title = titleWithoutYear(meta.dataSet.title);
  const alike = isLocal ? dataSets : dataSets.filter((each) => titleWithoutYear(each.title) === title);
  const kin = [
    { dataSets: same, layout, likeness: 'same data set' },
    { dataSets: alike, layout, likeness: 'alike' },
  ] as const;
  const sameLabel = { dataSets: same, layout: undefined, likeness: 'same label' } as const;
  for (const { isLater, likeness, ...of } of [
    ...kin.map((each) => ({ ...each, isLater: false })),
    ...kin.map((each) => ({ ...each, isLater: true })),
    ...(isLocal ? [false, true].map((isLater) => ({ ...sameLabel, isLater })) : []),
  ]) {
    const found = await nearest(store, meta, of.dataSets, of.layout, isLater);
    if (found === undefined) continue;
    const isSameRelease = likeness === 'same data set' && !isLater && found.slug === releaseSlug(meta);
    return { shape: found.shape, likeness, isSameRelease, ...(isLater ? { isLater: true } : {}) };
  }
  return undefined;
}

/**
 * The loaded version next to this one in time: releases by when they were first published, the versions of this one's
 * own release by their own time.
 * @param isLater after it instead of before it
 */
async function nearest(
  store: Store,
  meta: VersionMeta,
  dataSets: readonly { readonly id: number }[],
  layout: string | undefined,
  isLater: boolean,
): Promise<{ readonly shape: unknown; readonly slug: string } | undefined> {
  const { publishedAt } = meta;
  const releasedAt = meta.release.firstPublished ?? publishedAt;
  // What has no date is published when it is loaded: nothing is later.
  const isDated = publishedAt !== undefined && releasedAt !== undefined;
  if (dataSets.length === 0 || (isLater && !isDated)) return undefined;
  const isOwn = sql<boolean>`r.slug = ${releaseSlug(meta)}`;
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
  if (isDated)
    query = query.where((eb) =>
      eb(
        eb
          .case()
          .when(isOwn)
          .then(eb('v.published_at', '>', publishedAt))
          .else(eb('r.first_published', '>', releasedAt))
          .end(),
        '=',
        isLater,
      ),
    );
  const direction = isLater ? 'asc' : 'desc';
  return query
    .orderBy(isOwn, 'desc')
    .orderBy('r.first_published', direction)
    .orderBy('v.published_at', direction)
    .orderBy('v.id', direction)
    .limit(1)
    .executeTakeFirst();
}
