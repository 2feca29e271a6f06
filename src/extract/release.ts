/** One release of the website: its files, and what of them is new. */
import type * as z from 'zod';
import * as answers from './answers.js';
import { EesAnswerError, EesError, EesUnavailableError, troubleOf } from './errors.js';
import {
  freshDataSet,
  freshRelease,
  HISTORY,
  releaseName,
  renameRelease,
  type FileMemo,
  type PublicationMemo,
  type ReleaseMemo,
} from './memory.js';
import { handOn, noteTakenOut } from './replaced.js';
import { degrade, type ReleaseNews, type Survey } from './survey.js';
import { sizeInBytes } from './wanted.js';

/** A release as last modified, behind which its summary must not be (sub-second digits and clocks differ). */
const TOLERANCE_MS = 60_000;

/**
 * Reads a release that moved and notes its files.
 * @param lastModified as the listing tells it
 * @param firstLook whether the publication is met for the first time
 */
export async function lookAtRelease(
  survey: Survey,
  publication: PublicationMemo,
  slug: string,
  lastModified: string,
  firstLook: boolean,
): Promise<void> {
  const { client } = survey;
  const path = `/publications/${encodeURIComponent(publication.slug)}/releases/${encodeURIComponent(slug)}`;
  const summary = await client.get('content', `${path}/version-summary`, answers.versionSummary);
  const followed = publication.releases[slug] ?? underFormerName(survey, publication, slug, summary.releaseId);
  const knownFiles = followed?.files ?? [];
  const isFollowed = followed?.followed === true;
  const heldNow = isFollowed ? [] : await heldOf(survey, publication, slug);
  const had = knownFiles.length + heldNow.length;
  const { releaseVersionId, files } = await readFiles(survey, publication, path, summary, knownFiles, had);
  const before = followed ?? watchedBefore(survey, publication, slug, files);
  const known = before ?? freshRelease('');
  // Under the name that it turned out to have had.
  const held = before === followed ? heldNow : await heldOf(survey, publication, slug);
  const unknown = files.filter((file) => !known.files.some(({ fileId }) => fileId === file.fileId));
  // An old release that was only watched: what it held before is history, what was replaced now is news.
  const history =
    before?.followed === false && !firstLook ? unknown.filter((file) => file.lastUpdated <= before.lastModified) : [];
  for (const file of history) Object.assign(file, { state: 'skipped', reason: HISTORY });
  const { gone, takenOut } = handOn([...known.files, ...held], files);
  // What stands in the place of a file that counts is wanted as that was.
  for (const file of history)
    if (file.replaces !== undefined) {
      file.state = 'open';
      delete file.reason;
    }
  const fresh = unknown.filter(({ reason }) => reason !== HISTORY);
  // Told by the website as newer than the summary, or two answers of two versions: a cache on the way. Look again next time.
  const behind =
    Date.parse(lastModified) - Date.parse(summary.lastUpdated) > TOLERANCE_MS || releaseVersionId !== summary.id;
  const isNew = before === undefined || (!before.followed && before.files.length === 0 && firstLook);
  const kind = isNew
    ? firstLook
      ? 'first look'
      : 'new release'
    : fresh.length + gone.length > 0
      ? 'amended'
      : 'amended in text only';
  // The first is no amendment's.
  const amended = !isNew && summary.updateCount > (known.updateCount ?? 1);
  const release: ReleaseMemo = {
    lastModified: behind ? '' : lastModified,
    followed: true,
    releaseId: summary.releaseId,
    releaseVersionId,
    title: summary.title,
    type: summary.type,
    // What was there before we looked may have been amended since: then its display date, though set by hand, is nearer
    // to the truth than the time of the amendment.
    firstPublished:
      known.firstPublished ??
      (kind === 'new release' || summary.lastUpdated < summary.published ? summary.lastUpdated : summary.published),
    lastUpdated: summary.lastUpdated,
    updateCount: summary.updateCount,
    files,
  };
  // Of one that was only watched nobody knows how many notes it had.
  const since = known.updateCount === undefined ? known.lastModified : '';
  const note = amended ? await updateNote(survey, publication, path, since) : undefined;
  publication.releases[slug] = release;
  // An old copy of the release, or the same version told with another time: nothing happened that could be told.
  const isNews = kind !== 'amended in text only' || (!behind && summary.lastUpdated !== known.lastUpdated);
  if (isNews)
    survey.releases.push({ ...news(publication, slug, release, kind), ...(note === undefined ? {} : { note }) });
  for (const file of takenOut) noteTakenOut(survey, publication, slug, release, file);
}

/** What is known of a release whose redirect is not there (yet): EES's own id of it stays. */
function underFormerName(
  survey: Survey,
  publication: PublicationMemo,
  slug: string,
  releaseId: string,
): ReleaseMemo | undefined {
  const found = Object.entries(publication.vanished).find(([, release]) => release.releaseId === releaseId);
  if (found === undefined) return undefined;
  const [former, release] = found;
  publication.vanished = Object.fromEntries(Object.entries(publication.vanished).filter(([key]) => key !== former));
  if (former !== slug) {
    renameRelease(publication, former, slug);
    survey.releases.push(news(publication, slug, release, 'renamed'));
  }
  return release;
}

/**
 * A release that was only watched, and is listed no longer: without its id, and amended since, it is told by files that
 * were published before it was last seen. No new release has such files.
 */
function watchedBefore(
  survey: Survey,
  publication: PublicationMemo,
  slug: string,
  files: readonly FileMemo[],
): ReleaseMemo | undefined {
  const [found] = Object.entries(publication.releases)
    .filter(([, { followed, gone }]) => !followed && gone === true)
    .filter(([, { lastModified }]) => files.some(({ lastUpdated }) => lastUpdated <= lastModified))
    .sort(([, a], [, b]) => a.lastModified.localeCompare(b.lastModified));
  if (found === undefined) return undefined;
  const [former, release] = found;
  publication.releases = Object.fromEntries(Object.entries(publication.releases).filter(([key]) => key !== former));
  renameRelease(publication, former, slug);
  survey.releases.push(news(publication, slug, release, 'renamed'));
  return release;
}

/** Files of a release that was not followed until now which are loaded all the same: a backfill does that. */
async function heldOf({ options }: Survey, publication: PublicationMemo, slug: string): Promise<FileMemo[]> {
  const loaded = (await options.loadedFiles?.(publication.name, releaseName(publication, slug))) ?? [];
  return loaded.map(({ apiId, ...file }) => ({ ...file, ...apiOf(apiId), lastUpdated: '', state: 'handled' }));
}

/**
 * The files of a release: those known keep what is known of them, new ones are read from the catalogue.
 * @param had how many it was known to have, or to have loaded
 */
async function readFiles(
  survey: Survey,
  publication: PublicationMemo,
  path: string,
  summary: answers.VersionSummary,
  known: readonly FileMemo[],
  had: number,
): Promise<{ releaseVersionId: string; files: FileMemo[] }> {
  const keep = (fileId: string, apiId: string | undefined): FileMemo | undefined => {
    const file = known.find((each) => each.fileId === fileId);
    return file && inApi(publication, file, apiId);
  };
  let content: z.infer<typeof answers.dataContent>;
  try {
    content = await survey.client.get('content', `${path}/data-content`, answers.dataContent);
  } catch (error) {
    // The catalogue tells the same files, with more about each.
    const listed = await listedInstead(survey, `${path}/data-content`, summary, had, error);
    degrade(survey, error, { source: publication.name, api: 'content', route: 'releases/…/data-content', missing: [] });
    return {
      releaseVersionId: summary.id,
      files: listed.map((item) => keep(item.fileId, item.api?.id) ?? fromCatalogue(item, etagBefore(known, item.id))),
    };
  }
  const kept = content.dataSets.map((item) => keep(item.fileId, item.publicApiDataSetId));
  if (kept.every((file) => file !== undefined)) return { releaseVersionId: content.releaseVersionId, files: kept };

  const listed = await readCatalogue(survey, content.releaseVersionId).catch((error: unknown) => {
    degrade(survey, error, {
      source: publication.name,
      api: 'content',
      route: 'data-set-files',
      missing: ['the time at which each file was last replaced'],
      costsNoFigure: true,
    });
    return [];
  });
  const files = content.dataSets.map((item, index): FileMemo => {
    const before = kept[index];
    if (before) return before;
    const etag = etagBefore(known, item.dataSetFileId);
    const inCatalogue = listed.find(({ fileId }) => fileId === item.fileId);
    if (inCatalogue) return { ...fromCatalogue(inCatalogue, etag), ...apiOf(item.publicApiDataSetId) };
    return {
      dataSetFileId: item.dataSetFileId,
      fileId: item.fileId,
      title: item.title,
      fileName: `${item.dataSetFileId}.csv`,
      ...defined({ rows: item.meta?.numDataFileRows, etag }),
      // Replaced with this version of the release, or there since its first: the former is the later.
      lastUpdated: summary.lastUpdated,
      ...apiOf(item.publicApiDataSetId),
      state: 'open',
    };
  });
  return { releaseVersionId: content.releaseVersionId, files };
}

/**
 * A file that is known, with the data set of the API that it may have become since. Where it was loaded, that is followed
 * from now on, and which of its versions was loaded is asked for. A file that went over from one data set to another is
 * to be had as the other's: what was loaded of it goes with the former, should that be withdrawn.
 */
function inApi({ dataSets }: PublicationMemo, file: FileMemo, apiId: string | undefined): FileMemo {
  if (apiId === undefined || file.apiId === apiId) return file;
  if (file.apiId !== undefined && file.reason !== HISTORY) {
    const over: FileMemo = { ...file, apiId, state: 'open' };
    delete over.version;
    delete over.takenBack;
    delete over.reason;
    delete over.failure;
    return over;
  }
  if (file.state !== 'handled') return { ...file, apiId };
  (dataSets[apiId] ??= freshDataSet(file.title)).ours = true;
  return { ...file, apiId, unnumbered: true };
}

/**
 * The files of a release from the catalogue, in place of its own list.
 * @param had how many it was known to have
 * @throws where that does not do either: one trouble, told as that of the list, with both reasons
 */
async function listedInstead(
  survey: Survey,
  url: string,
  summary: answers.VersionSummary,
  had: number,
  error: unknown,
) {
  const kind = troubleOf(error);
  if (kind === undefined || !(error instanceof EesError)) throw error;
  let why: string;
  try {
    const listed = await readCatalogue(survey, summary.id);
    if (listed.length > 0 || had === 0) return listed;
    why = `it lists no file of "${summary.title}" as amended at ${summary.lastUpdated}, which had ${had}`;
  } catch (other) {
    if (troubleOf(other) === undefined || !(other instanceof EesError)) throw other;
    why = other.message;
  }
  const said = `${error.message}; nor does the data catalogue help: ${why}`;
  const both =
    kind === 'vanished'
      ? new EesAnswerError(said, url, undefined, { cause: error })
      : new EesUnavailableError(said, url, { cause: error });
  const asked = survey.asked.places.get(error);
  if (asked !== undefined) survey.asked.places.set(both, asked);
  throw both;
}

/** All files of one release version. The number of pages is bounded by what a release can hold. */
async function readCatalogue(survey: Survey, releaseVersionId: string) {
  const files: z.infer<typeof answers.dataSetFilePage>['results'] = [];
  for (let page = 1; page <= 25; page += 1) {
    const answer = await survey.client.get('content', '/data-set-files', answers.dataSetFilePage, {
      releaseId: releaseVersionId,
      // Otherwise amendments of every release but the latest are left out.
      latestOnly: false,
      page,
      pageSize: 40,
    });
    files.push(...answer.results.filter(({ release }) => release.id === releaseVersionId));
    if (page >= answer.paging.totalPages) break;
  }
  return files;
}

function fromCatalogue(
  item: z.infer<typeof answers.dataSetFilePage>['results'][number],
  etag: string | undefined,
): FileMemo {
  return {
    dataSetFileId: item.id,
    fileId: item.fileId,
    title: item.title,
    fileName: item.filename,
    ...defined({ rows: item.meta?.numDataFileRows, bytes: sizeInBytes(item.fileSize), etag }),
    lastUpdated: item.lastUpdated,
    ...apiOf(item.api?.id),
    state: 'open',
  };
}

function apiOf(apiId: string | undefined): { apiId?: string } {
  return apiId === undefined ? {} : { apiId };
}

/** The file that a new one replaces may hold the same bytes: its ETag (a hash of them) saves the download. */
function etagBefore(known: readonly FileMemo[], dataSetFileId: string): string | undefined {
  return known.find((file) => file.dataSetFileId === dataSetFileId)?.etag;
}

const FILE_ROUTE = 'data-set-files/…';

/** The header of a file, read from its preview; undefined where the website will not tell. A dead route is asked once. */
export async function readColumns(
  survey: Survey,
  publication: PublicationMemo,
  file: FileMemo,
): Promise<string[] | undefined> {
  if (survey.degraded.some(({ source, route }) => source === publication.name && route === FILE_ROUTE))
    return undefined;
  const { down, errors } = survey.asked;
  if (down.has('content')) return undefined;
  try {
    const before = errors.get(`content /${FILE_ROUTE}`);
    if (before !== undefined) throw before;
    const detail = await survey.client.get('content', `/data-set-files/${file.dataSetFileId}`, answers.dataSetFile);
    // Amended while we looked: those columns are another file's.
    if (detail.file.id !== file.fileId) return undefined;
    file.fileName = detail.file.name;
    return detail.file.dataCsvPreview.headers;
  } catch (error) {
    degrade(survey, error, {
      source: publication.name,
      api: 'content',
      route: FILE_ROUTE,
      missing: ['the columns of files before they are fetched'],
      costsNoFigure: true,
    });
    return undefined;
  }
}

/**
 * The publisher's note on an amendment: good to have, no reason to stop.
 * @param since ISO time of the version before; what is no later than its day is that one's note, or older
 */
async function updateNote(
  survey: Survey,
  publication: PublicationMemo,
  path: string,
  since: string,
): Promise<string | undefined> {
  try {
    const { results } = await survey.client.get('content', `${path}/updates`, answers.updates, {
      page: 1,
      pageSize: 1,
    });
    const [newest] = results;
    // A note is dated to the day: those who write it choose the time.
    const isOlder = newest?.date !== undefined && newest.date.slice(0, 10) <= since.slice(0, 10);
    return isOlder ? undefined : newest?.summary;
  } catch (error) {
    degrade(survey, error, {
      source: publication.name,
      api: 'content',
      route: 'releases/…/updates',
      missing: ['the notes on amendments'],
      costsNoFigure: true,
    });
    return undefined;
  }
}

/** What is told of a release. */
export function news(
  publication: PublicationMemo,
  slug: string,
  release: ReleaseMemo,
  kind: ReleaseNews['kind'],
): ReleaseNews {
  return { publication: publication.name, slug, title: release.title ?? slug, kind, at: release.lastUpdated };
}

/** Leaves out what is undefined: JSON would too, and optional fields here mean absent. */
function defined<T extends Record<string, unknown>>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
