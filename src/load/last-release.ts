/** What the gates hold a version against: the last release of its data set, or of one that is alike. */
import { sql } from 'kysely';
import { titleWithoutYear } from '../domain/titles.js';
import type { Likeness } from '../transform/gates.js';
import { dataSetOfFile } from './api-data-set.js';
import type { Store } from './database.js';
import { releaseSlug, type VersionMeta } from './version-meta.js';
import { fileOf, layoutOf, storedIdentity } from './version-record.js';

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
 * What was published last before this version, of the same data set: so the verdict does not depend on the order in
 * which history is loaded. A file that an amendment put in the place of another is held against that one, be it called
 * otherwise, or in other columns, which are then 'alike'. Where nothing was before it, what was published next; the
 * gates then ask less of it. Where the data set is new, one that is alike: of EES one with the same title (its columns
 * changed), for a local file one with the same columns (every label is a data set of its own). A local file may have
 * come with a column more or less, that need not be one that is read: so the versions of its label come in the order
 * of their publication whatever their columns, then files of other labels, one of each kind, and the gates tell which
 * is the same table.
 * @returns the nearest first; of EES at most one
 */
export async function lastReleases(store: Store, meta: VersionMeta): Promise<LastRelease[]> {
  const dataSets = await store.db
    .selectFrom('data_set')
    .select(['id', 'identity', 'title'])
    .where('publication', '=', meta.publication.slug)
    .execute();
  const identity = storedIdentity(meta);
  // A file that has become a data set of the API is the data set that it was.
  const file = fileOf(meta);
  const before = file && (await dataSetOfFile(store.db, file));
  const isInApi = meta.dataSet.apiId !== undefined;
  const same = dataSets.filter((each) => each.identity === identity || (isInApi && each.id === before));
  const inPlaceOf = [before, ...(await replacedDataSets(store, meta))];
  const replaced = dataSets.filter((each) => !same.includes(each) && inPlaceOf.includes(each.id));
  const isLocal = meta.dataSet.local === true;
  const layout = layoutOf(meta);
  const title = titleWithoutYear(meta.dataSet.title);
  const alike = isLocal ? dataSets : dataSets.filter((each) => titleWithoutYear(each.title) === title);
  const other = dataSets.filter((each) => !same.includes(each));
  const kin: readonly Kin[] = isLocal
    ? [
        { dataSets: same, likeness: 'same label' },
        { dataSets: alike, layout: { is: layout }, likeness: 'alike' },
        { dataSets: other, layout: { isNot: layout }, likeness: 'other label' },
      ]
    : [
        { dataSets: [...same, ...replaced], likeness: 'same data set' },
        { dataSets: alike, likeness: 'alike' },
      ];
  const found: LastRelease[] = [];
  for (const isLater of [false, true])
    for (const of of kin)
      for (const { shape, slug, likeness, dataSetId, layout: columns } of await nearest(store, meta, of, isLater)) {
        const isReplaced = likeness === 'same data set' || likeness === 'same label';
        const isSameRelease = isReplaced && !isLater && slug === releaseSlug(meta);
        // In other columns it may give less, and is then another table in the same place.
        const isOther = columns !== layout && replaced.some(({ id }) => id === dataSetId);
        const shown = isReplaced && isOther ? 'alike' : likeness;
        found.push({ shape, likeness: shown, isSameRelease, ...(isLater ? { isLater: true } : {}) });
        if (!isLocal) return found;
      }
  return found;
}

/**
 * The data sets of the files in whose place this one is in its release (`source.replaces`): uploaded anew, a file has
 * another id at EES, and may have another title.
 */
async function replacedDataSets(store: Store, { publication, source }: VersionMeta): Promise<(number | undefined)[]> {
  const ids: unknown[] = Array.isArray(source['replaces']) ? source['replaces'] : [];
  return Promise.all(
    ids
      .filter((id) => typeof id === 'string')
      .map((dataSetFileId) => dataSetOfFile(store.db, { publication: publication.slug, dataSetFileId })),
  );
}

/** What a file is about, in short. */
const KIND = sql<string>`concat(v.layout, jsonb_path_query_array(v.shape, '$.series.keyvalue().key'),
  jsonb_path_query_array(v.shape, '$.series.*.schoolTypes'), jsonb_path_query_array(v.shape, '$.series.*.topics'),
  jsonb_path_query_array(v.shape, '$.series.*.levels'))`;

/** Versions of which the nearest are asked for. */
interface Kin {
  readonly dataSets: readonly { readonly id: number }[];
  readonly layout?: { readonly is: string } | { readonly isNot: string };
  /** Of the same label those of the same columns are the same data set. */
  readonly likeness: Likeness;
}

interface Near {
  readonly shape: unknown;
  readonly slug: string;
  readonly likeness: Likeness;
  readonly dataSetId: number;
  readonly layout: string | null;
}

/**
 * The loaded version next to this one in time: releases by when they were first published, the versions of this one's
 * own release by their own time. Of local files one of each kind, as files of many kinds come under labels of one
 * publication: kinds differ by their columns and by the series, schools and pupil groups that they are about. Those of
 * one label with the columns of this one are of one kind.
 * @param isLater after it instead of before it
 * @returns the nearest first
 */
async function nearest(
  store: Store,
  meta: VersionMeta,
  { dataSets, layout, likeness }: Kin,
  isLater: boolean,
): Promise<Near[]> {
  const isOfKinds = layout !== undefined || likeness === 'same label';
  const own = layoutOf(meta);
  const { publishedAt } = meta;
  const releasedAt = meta.release.firstPublished ?? publishedAt;
  // What has no date is published when it is loaded: nothing is later.
  const isDated = publishedAt !== undefined && releasedAt !== undefined;
  if (dataSets.length === 0 || (isLater && !isDated)) return [];
  const isOwn = sql<boolean>`r.slug = ${releaseSlug(meta)}`;
  let query = store.db
    .selectFrom('data_set_version as v')
    .innerJoin('release as r', 'r.id', 'v.release_id')
    .select(['v.id', 'v.data_set_id as dataSetId', 'r.slug', 'v.layout', KIND.as('kind')])
    .where(
      'v.data_set_id',
      'in',
      dataSets.map(({ id }) => id),
    )
    .where('v.state', '=', 'loaded')
    .where('v.shape', 'is not', null);
  if (layout !== undefined)
    query =
      'is' in layout
        ? query.where('v.layout', '=', layout.is)
        : query.where('v.layout', 'is distinct from', layout.isNot);
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
  const ordered = query
    .orderBy(isOwn, 'desc')
    .orderBy('r.first_published', direction)
    .orderBy('v.published_at', direction)
    .orderBy('v.id', direction);
  const candidates = await (isOfKinds ? ordered : ordered.limit(1)).execute();
  const kinds = new Map<string, Omit<Near, 'shape'> & { readonly id: number }>();
  for (const { kind, ...found } of candidates) {
    const isSame = likeness === 'same label' && found.layout === own;
    const key = isSame ? own : kind;
    if (!kinds.has(key)) kinds.set(key, { ...found, likeness: isSame ? 'same data set' : likeness });
  }
  const kept = [...kinds.values()];
  if (kept.length === 0) return [];
  const shapes = await store.db
    .selectFrom('data_set_version')
    .select(['id', 'shape'])
    .where(
      'id',
      'in',
      kept.map(({ id }) => id),
    )
    .execute();
  const shapeOf = new Map(shapes.map(({ id, shape }) => [id, shape]));
  return kept.map(({ id, ...rest }) => ({ ...rest, shape: shapeOf.get(id) }));
}
