/**
 * What discovery knows of EES from last time, as JSON. It is a model of the watched part of EES plus one mark a file:
 * whether the pipeline has dealt with it. An unknown shape (an older or newer program wrote it) starts afresh, which
 * costs requests and nothing else: the pipeline knows what it has loaded.
 */
import * as z from 'zod';

/** Polls in a row in which a file could not be fetched. */
const failure = z.object({
  /** ISO time of the first. */
  since: z.string(),
  /** ISO time of the newest. */
  last: z.string(),
  count: z.number(),
  reason: z.string(),
});

const file = z.object({
  dataSetFileId: z.string(),
  fileId: z.string(),
  title: z.string(),
  fileName: z.string(),
  rows: z.number().optional(),
  bytes: z.number().optional(),
  /** The file's own time of publication. */
  lastUpdated: z.string(),
  /** Header; dropped once the release is settled. */
  columns: z.array(z.string()).optional(),
  apiId: z.string().optional(),
  /** The API version that carries these bytes, once known. */
  version: z.string().optional(),
  /** open: not decided or not yet handled by the pipeline; handled: loaded, quarantined or refused; skipped: not wanted. */
  state: z.enum(['open', 'handled', 'skipped']),
  reason: z.string().optional(),
  /** Of these bytes, from the website. */
  etag: z.string().optional(),
  failure: failure.optional(),
  /** Taken from the website while the official API was away, or before it was in it: its version is asked for. */
  unnumbered: z.boolean().optional(),
  /** Skipped because the official API has taken these bytes back. */
  takenBack: z.boolean().optional(),
  /** Files that were in its place in the release before, under ids of their own: uploaded anew, a file gets another. */
  replaces: z.array(z.object({ dataSetFileId: z.string(), fileId: z.string(), title: z.string() })).optional(),
  /** Titles, file names and ids that it had before: the configuration may name it by one of them. */
  formerly: z.array(z.string()).optional(),
});

const release = z.object({
  /** As the sitemap had it when the release was last understood; '' while that is not so. */
  lastModified: z.string(),
  /** Whether its files are followed. Old releases are only watched for a change. */
  followed: z.boolean(),
  /** Only watched, and not listed at present. */
  gone: z.boolean().optional(),
  releaseId: z.string().optional(),
  releaseVersionId: z.string().optional(),
  title: z.string().optional(),
  type: z.string().optional(),
  firstPublished: z.string().optional(),
  lastUpdated: z.string().optional(),
  updateCount: z.number().optional(),
  files: z.array(file),
});

const version = z.object({
  status: z.string(),
  published: z.string(),
  dataSetFileId: z.string(),
  rows: z.number(),
  release: z.object({ title: z.string(), slug: z.string() }),
  /** known: there before we looked, or covered by the website's file; open: to be loaded from the API; handled, skipped: as for files. */
  state: z.enum(['known', 'open', 'handled', 'skipped']),
  reason: z.string().optional(),
  /** Skipped because it, or its data set, was taken back before it could be fetched. */
  takenBack: z.boolean().optional(),
  failure: failure.optional(),
});

const dataSet = z.object({
  title: z.string(),
  status: z.string(),
  supersededBy: z.string().optional(),
  /** Deprecated, and said to stand all the same: programs of before had marked its versions as taken back. */
  stands: z.boolean().optional(),
  /** The successor that was found and is followed. */
  followed: z.string().optional(),
  /** Took another one's place, and is in no list of a watched publication: asked for by its id. */
  elsewhere: z.boolean().optional(),
  /** version, published and file of the latest live version, as one text; '' where none is live. */
  latest: z.string().optional(),
  /**
   * ISO time up to which it is history what was published of it: then it was met, and the newest that was published.
   * Later versions are news, whenever and in whatever order they are met.
   */
  historyUntil: z.string().optional(),
  /** Whether a file of it was ever wanted: then its versions are looked at in turn. */
  ours: z.boolean(),
  pages: z.number(),
  columns: z.array(z.string()).optional(),
  versions: z.record(z.string(), version),
});

const publication = z.object({
  /** The slug in use now. */
  slug: z.string(),
  /** The slug it was first met under: its identity here. */
  name: z.string(),
  title: z.string(),
  eesId: z.string().optional(),
  /** ISO time at which the official API did not list it. */
  unlisted: z.string().optional(),
  next: z.string().optional(),
  latestRelease: z.string().optional(),
  /** When something of the publication itself was last changed, as the website's listing tells it. */
  touched: z.string().optional(),
  /** Whether the website was read once: what is there then is not news. */
  seen: z.boolean(),
  /** Not in the website's listing, which then looked like this; looked for again when it looks different, and now and then. */
  absent: z
    .object({
      listing: z.string(),
      note: z.string(),
      /** Whether another publication that is watched has taken its place. */
      served: z.boolean(),
      /** ISO time of the first of so many polls in a row. */
      since: z.string().default(''),
      polls: z.number().default(0),
      /** ISO time at which it was last looked for beyond the listing. */
      soughtAt: z.string().default(''),
    })
    .optional(),
  /** The choice in the configuration under which files were last chosen. */
  choice: z.string(),
  releases: z.record(z.string(), release),
  /** By slug, followed releases that are listed no longer and have no redirect, which may come late. */
  vanished: z.record(z.string(), release).default({}),
  /** By slug in use, the slug that a renamed release was first met under: its identity here. */
  releaseNames: z.record(z.string(), z.string()).default({}),
  dataSets: z.record(z.string(), dataSet),
});

const standing = z.object({
  source: z.string(),
  api: z.enum(['content', 'official']),
  route: z.string(),
  kind: z.enum(['vanished', 'unreachable']),
  reason: z.string(),
  missing: z.array(z.string()),
  /** ISO time of the first poll that met it. */
  since: z.string(),
  /** What must answer for it to be well again. */
  place: z.string(),
  /** What was asked there, with its ids. */
  path: z.string().default(''),
  query: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
  /** Whether the whole API seemed down: then any answer of it will do. */
  whole: z.boolean(),
});

const memory = z.object({
  shape: z.literal(1),
  publications: z.record(z.string(), publication),
  /** Where the round of the official API stands. */
  turn: z.number(),
  /** ISO time of its last step; '' before the first. */
  steppedAt: z.string().default(''),
  /** The ways to EES that are gone. */
  degraded: z.array(standing).default([]),
  /** Places, as '`api` `place`', that failed when their API seemed down as a whole and have not answered since. */
  suspects: z.array(z.string()).default([]),
});

export type FailureMemo = z.infer<typeof failure>;
export type FileMemo = z.infer<typeof file>;
export type ReleaseMemo = z.infer<typeof release>;
export type VersionMemo = z.infer<typeof version>;
export type DataSetMemo = z.infer<typeof dataSet>;
export type PublicationMemo = z.infer<typeof publication>;
export type StandingMemo = z.infer<typeof standing>;
export type Memory = z.infer<typeof memory>;

/** Why a file of an old release is passed over. */
export const HISTORY = 'it was there before this publication was watched; backfill loads it';

/** The slug under which a release is known here. @param slug in use at EES */
export function releaseName({ releaseNames }: Pick<PublicationMemo, 'releaseNames'>, slug: string): string {
  return releaseNames[slug] ?? slug;
}

/** A release is called otherwise from now on, and is the same here. */
export function renameRelease({ releaseNames }: PublicationMemo, from: string, to: string): void {
  releaseNames[to] = releaseNames[from] ?? from;
}

/** A copy of what was remembered; fresh where there is nothing or another shape. */
export function readMemory(remembered: unknown): Memory {
  const result = memory.safeParse(remembered);
  return result.success
    ? structuredClone(result.data)
    : { shape: 1, publications: {}, turn: 0, steppedAt: '', degraded: [], suspects: [] };
}

export function freshPublication(slug: string): PublicationMemo {
  return {
    slug,
    name: slug,
    title: slug,
    seen: false,
    choice: '',
    releases: {},
    vanished: {},
    releaseNames: {},
    dataSets: {},
  };
}

export function freshRelease(lastModified: string): ReleaseMemo {
  return { lastModified, followed: false, files: [] };
}

export function freshDataSet(title: string): DataSetMemo {
  return { title, status: 'Published', ours: false, pages: 1, versions: {} };
}

/** What was published of a data set by then was there before it was watched. @param published ISO time */
export function leaveAsHistory(dataSet: DataSetMemo, published: string): void {
  if (published > (dataSet.historyUntil ?? '')) dataSet.historyUntil = published;
}

/** The files of the releases that are followed. */
export function filesOf({ releases }: PublicationMemo): FileMemo[] {
  return Object.values(releases)
    .filter(({ followed }) => followed)
    .flatMap(({ files }) => files);
}

/** What was taken back and stands again is looked at anew. */
export function reopen(taken: readonly (FileMemo | VersionMemo)[]): void {
  for (const each of taken)
    if (each.takenBack === true) {
      each.state = 'open';
      delete each.takenBack;
      delete each.reason;
    }
}
