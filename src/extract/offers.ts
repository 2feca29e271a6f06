/** From what is known of EES to the files that are worth loading now. */
import { choose, unmatched, type Entry } from './choose.js';
import { readMetaColumns } from './lists.js';
import {
  freshDataSet,
  HISTORY,
  releaseName,
  type FileMemo,
  type PublicationMemo,
  type ReleaseMemo,
  type VersionMemo,
} from './memory.js';
import { isDelisted, noteOfficialTrouble } from './official.js';
import { DATA_SET_WITHDRAWN, whyTakenBack } from './taken-back.js';
import type { Skipped, Survey } from './survey.js';
import {
  parseVersion,
  releaseUrl,
  statusWords,
  type FileSource,
  type WantedFile,
  type WatchedSource,
} from './wanted.js';
import { readColumns } from './release.js';
import { noteTakenOut } from './replaced.js';
import { oneMore } from './unfetched.js';
import { lookAtVersions } from './versions.js';

/** A file to load, and how to remember that it was dealt with. */
export interface Offer {
  readonly file: WantedFile;
  readonly handled: (etag: string | undefined) => void;
  /** It could not be fetched. @param at ISO time */
  readonly failed: (reason: string, at: string) => void;
}

export interface Offers {
  readonly offers: Offer[];
  /** Files whose API version is still behind them. */
  readonly waiting: number;
  /** Wanted, and only to be had from an API that is down: not offered, since it would be asked again for each of them. */
  readonly outOfReach: readonly { readonly memo: FileMemo | VersionMemo; readonly reason: string }[];
}

/** Everything of one publication that has not been dealt with. */
export async function offersOf(survey: Survey, source: WatchedSource, publication: PublicationMemo): Promise<Offers> {
  reopenAfterEdit(source, publication);
  const offers: Offer[] = [];
  const outOfReach: Offers['outOfReach'][number][] = [];
  let waiting = 0;
  const { down } = survey.asked;
  for (const [slug, release] of Object.entries(publication.releases)) {
    for (const file of release.files.filter(isOpen)) {
      if (!(await isWanted(survey, source, publication, file))) continue;
      const pinned = await pin(survey, publication, slug, file);
      if (pinned.by === 'taken back') Object.assign(file, { state: 'skipped', takenBack: true, reason: pinned.reason });
      else if (pinned.by === 'behind') waiting += 1;
      // Looking for its version may have shown that its bytes came by the official way already.
      else if (isOpen(file) && (await isWantedByMeta(survey, source, publication, file, pinned))) {
        const reason = down.get('content')?.message;
        if (pinned.by === 'website' && reason !== undefined) outOfReach.push({ memo: file, reason });
        else
          offers.push(
            fileOffer(survey, publication, slug, release, file, pinned.by === 'version' ? pinned.version : undefined),
          );
      }
    }
    // What is not wanted takes nobody's place.
    for (const file of release.files.filter(({ state, replaces }) => state === 'skipped' && replaces !== undefined)) {
      for (const each of file.replaces ?? []) noteTakenOut(survey, publication, slug, release, each);
      delete file.replaces;
    }
    if (release.files.every(({ state }) => state !== 'open')) for (const file of release.files) delete file.columns;
  }
  for (const [id, dataSet] of Object.entries(publication.dataSets))
    for (const [text, version] of Object.entries(dataSet.versions))
      if (version.state === 'open' && (await isVersionWanted(survey, source, publication, id, text, version))) {
        const reason = down.get('official')?.message;
        if (reason !== undefined) outOfReach.push({ memo: version, reason });
        else offers.push(versionOffer(publication, id, text, version));
      }
  const fresh: Offer[] = [];
  for (const offer of offers)
    if (await survey.options.alreadyLoaded?.(offer.file)) offer.handled(undefined);
    else fresh.push(offer);
  return { offers: fresh, waiting, outOfReach };
}

function isOpen({ state }: FileMemo): boolean {
  return state === 'open';
}

/** Another choice in the configuration: what was skipped in the releases that are followed is judged again. */
function reopenAfterEdit({ dataSets }: WatchedSource, publication: PublicationMemo): void {
  const choice = JSON.stringify([dataSets?.include ?? [], dataSets?.exclude ?? []]);
  if (publication.choice !== '' && publication.choice !== choice) {
    for (const { files } of Object.values(publication.releases))
      for (const file of files)
        if (file.state === 'skipped' && file.reason !== undefined && file.reason !== HISTORY) file.state = 'open';
    for (const { versions } of Object.values(publication.dataSets))
      for (const version of Object.values(versions))
        if (version.state === 'skipped' && version.reason !== undefined && version.status === 'Published')
          version.state = 'open';
  }
  publication.choice = choice;
}

/** An entry of `data_sets` that names nothing: a misspelt one would do nothing in silence. */
export interface Unmatched extends Entry {
  /** Slug, as the configuration has it. */
  readonly publication: string;
}

/** Those of one source; none while the website, which alone lists every file, was never read. */
export function unmatchedOf({ publication: slug, dataSets }: WatchedSource, publication: PublicationMemo): Unmatched[] {
  if (!publication.seen) return [];
  const candidates = [
    ...Object.values(publication.releases).flatMap(({ files }) =>
      files.map((file) => ({ title: file.title, fileName: file.fileName, ids: idsOf(file) })),
    ),
    ...Object.entries(publication.dataSets).map(([id, { title, versions }]) => ({
      title,
      ids: [id, ...Object.values(versions).map(({ dataSetFileId }) => dataSetFileId)],
    })),
  ];
  return unmatched(candidates, dataSets).map((each) => ({ publication: slug, ...each }));
}

async function isWanted(
  survey: Survey,
  source: WatchedSource,
  publication: PublicationMemo,
  file: FileMemo,
): Promise<boolean> {
  const { title, fileName } = file;
  const byName = choose({ title, fileName, ids: idsOf(file), columns: undefined }, source.dataSets);
  if (byName.wanted && file.columns === undefined) {
    // Where the website does not tell them, the official API may, or the file's own header decides, once it is here.
    const columns = await readColumns(survey, publication, file);
    if (columns) file.columns = columns;
  }
  return judged(source, file);
}

/** By what else the configuration may name a file: what it is called by programs, and what it was called before. */
function idsOf({ dataSetFileId, apiId, formerly = [] }: FileMemo): (string | undefined)[] {
  return [dataSetFileId, apiId, ...formerly];
}

/** By title, ids and columns, as far as they are known; the reason against it is kept. */
function judged(source: WatchedSource, file: FileMemo): boolean {
  const { title, fileName, columns } = file;
  const choice = choose({ title, fileName, ids: idsOf(file), columns }, source.dataSets);
  if (choice.wanted) delete file.reason;
  else Object.assign(file, { state: 'skipped', reason: choice.reason });
  return choice.wanted;
}

/** The columns that the website does not tell any more, the official API does for a version of its own. */
async function isWantedByMeta(
  survey: Survey,
  source: WatchedSource,
  publication: PublicationMemo,
  file: FileMemo,
  pinned: Pinned,
): Promise<boolean> {
  if (file.columns !== undefined || pinned.by !== 'version' || file.apiId === undefined) return true;
  if (survey.asked.down.has('official')) return true;
  try {
    file.columns = await readMetaColumns(survey.client, file.apiId, pinned.version);
  } catch (error) {
    noteOfficialTrouble(survey, publication.name, error);
    return true;
  }
  return judged(source, file);
}

async function isVersionWanted(
  survey: Survey,
  source: WatchedSource,
  publication: PublicationMemo,
  id: string,
  text: string,
  version: VersionMemo,
): Promise<boolean> {
  const dataSet = publication.dataSets[id];
  if (!dataSet) return false;
  let columns: string[] | undefined;
  try {
    if (!survey.asked.down.has('official')) columns = await readMetaColumns(survey.client, id, text);
  } catch (error) {
    noteOfficialTrouble(survey, publication.name, error);
  }
  // One file has two titles, and the configuration may have that of the website.
  const onWebsite = Object.values(publication.releases)
    .flatMap(({ files }) => files)
    .filter(({ dataSetFileId }) => dataSetFileId === version.dataSetFileId)
    .flatMap((file) => [file.title, file.fileName, ...idsOf(file)]);
  const ids = [id, version.dataSetFileId, ...onWebsite];
  const choice = choose({ title: dataSet.title, ids, columns }, source.dataSets);
  if (choice.wanted) dataSet.ours = true;
  else Object.assign(version, { state: 'skipped', reason: choice.reason });
  if (columns) dataSet.columns = columns;
  return choice.wanted;
}

/** The way to take a file: a version of the official API, the website's own file, not yet, or not at all. */
type Pinned =
  | { readonly by: 'version'; readonly version: string }
  | { readonly by: 'website' }
  | { readonly by: 'behind' }
  | { readonly by: 'taken back'; readonly reason: string };

async function pin(survey: Survey, publication: PublicationMemo, slug: string, file: FileMemo): Promise<Pinned> {
  const id = file.apiId;
  if (id === undefined) return { by: 'website' };
  const dataSet = (publication.dataSets[id] ??= freshDataSet(file.title));
  dataSet.ours = true;
  const found = (): Pinned | undefined => {
    if (dataSet.status === 'Withdrawn') return { by: 'taken back', reason: DATA_SET_WITHDRAWN };
    const reason = whyTakenBack(
      Object.entries(dataSet.versions).map(([version, memo]) => ({ version, ...memo })),
      file,
    );
    if (reason !== undefined) return { by: 'taken back', reason };
    return file.version === undefined ? undefined : { by: 'version', version: file.version };
  };
  const settled = survey.client.now() - Date.parse(file.lastUpdated) > survey.options.apiDeadlineMs;
  const known = found();
  if (known) return known;
  if (survey.asked.down.has('official')) return { by: 'website' };
  try {
    if (!survey.versionsAsked.has(id)) await lookAtVersions(survey, publication, id, false);
    // A patch of an old release stands further down the list.
    const far = settled || slug !== publication.latestRelease;
    for (let page = 2; far && !found() && page <= dataSet.pages; page += 1)
      await lookAtVersions(survey, publication, id, false, [page]);
  } catch (error) {
    if (await isDelisted(survey, publication, id, error)) dataSet.status = 'Withdrawn';
    else noteOfficialTrouble(survey, publication.name, error);
    return found() ?? { by: 'website' };
  }
  return found() ?? { by: settled || wasRefused(survey, id) ? 'website' : 'behind' };
}

/** Whether the versions of a data set were asked for in vain, by the step of the round: they are not asked for again. */
function wasRefused({ asked }: Survey, id: string): boolean {
  return asked.failed.some(({ api, path }) => api === 'official' && path.startsWith(`/data-sets/${id}`));
}

function fileOffer(
  survey: Survey,
  publication: PublicationMemo,
  slug: string,
  release: ReleaseMemo,
  file: FileMemo,
  version: string | undefined,
): Offer {
  const onWebsite: FileSource = {
    kind: 'release file',
    releaseVersionId: release.releaseVersionId ?? '',
    fileId: file.fileId,
    dataSetFileId: file.dataSetFileId,
    etag: file.etag,
  };
  const dataSet = file.apiId === undefined ? undefined : publication.dataSets[file.apiId];
  const known = version === undefined ? undefined : dataSet?.versions[version];
  const inApi: FileSource | undefined =
    version === undefined || file.apiId === undefined
      ? undefined
      : { kind: 'api', dataSetId: file.apiId, version, dataSetFileId: file.dataSetFileId };
  return {
    file: {
      publication: { slug: publication.name, title: publication.title, eesId: publication.eesId },
      release: {
        title: release.title ?? slug,
        slug: releaseName(publication, slug),
        status: release.type === undefined ? undefined : statusWords(release.type),
        firstPublished: release.firstPublished ?? file.lastUpdated,
        url: releaseUrl(publication.slug, slug),
      },
      dataSet: { title: dataSet?.title ?? file.title, apiId: file.apiId, columns: file.columns },
      version: version === undefined ? undefined : parseVersion(version),
      publishedAt: known?.published ?? file.lastUpdated,
      source: inApi ?? onWebsite,
      replaces: file.replaces?.map(({ dataSetFileId }) => dataSetFileId),
      alternative: inApi ? { ...onWebsite, etag: undefined } : undefined,
      expected: { rows: known?.rows ?? file.rows, bytes: file.bytes },
      fileName: file.fileName,
    },
    handled(etag) {
      file.state = 'handled';
      delete file.failure;
      if (etag !== undefined) file.etag = etag;
      if (known) known.state = 'handled';
      const isAway = survey.degraded.some(({ api }) => api === 'official');
      if (file.apiId !== undefined && version === undefined && isAway) file.unnumbered = true;
    },
    failed(reason, at) {
      file.failure = oneMore(file.failure, reason, at);
    },
  };
}

function versionOffer(publication: PublicationMemo, id: string, text: string, version: VersionMemo): Offer {
  const dataSet = publication.dataSets[id];
  const release = publication.releases[version.release.slug];
  // The first version with the same file is the release's own; patches carry amendments.
  const first = Object.values(dataSet?.versions ?? {})
    .filter(({ dataSetFileId }) => dataSetFileId === version.dataSetFileId)
    .reduce((earliest, { published }) => (published < earliest ? published : earliest), version.published);
  return {
    file: {
      publication: { slug: publication.name, title: publication.title, eesId: publication.eesId },
      release: {
        title: version.release.title,
        slug: releaseName(publication, version.release.slug),
        status: release?.type === undefined ? undefined : statusWords(release.type),
        firstPublished: release?.firstPublished ?? first,
        url: releaseUrl(publication.slug, version.release.slug),
      },
      dataSet: { title: dataSet?.title ?? id, apiId: id, columns: dataSet?.columns },
      version: parseVersion(text),
      publishedAt: version.published,
      source: { kind: 'api', dataSetId: id, version: text, dataSetFileId: version.dataSetFileId },
      alternative: undefined,
      expected: { rows: version.rows, bytes: undefined },
      fileName: `${id}_v${text}.csv`,
    },
    handled() {
      version.state = 'handled';
      delete version.failure;
    },
    failed(reason, at) {
      version.failure = oneMore(version.failure, reason, at);
    },
  };
}

/** What was passed over in the releases that are followed, and why: for `status`. */
export function skippedOf(publication: PublicationMemo): Skipped[] {
  const files = Object.entries(publication.releases).flatMap(([slug, { title, files }]) =>
    files
      .filter(({ state }) => state === 'skipped')
      .map((file) => ({
        publication: publication.name,
        release: title ?? slug,
        title: file.title,
        reason: file.reason ?? '',
      })),
  );
  // A data set is met over both APIs where the website was away for a time, and in each of its patches.
  const listed = new Set(
    Object.values(publication.releases).flatMap((release) =>
      release.files.filter(({ state }) => state === 'skipped').map(({ dataSetFileId }) => dataSetFileId),
    ),
  );
  const versions = Object.values(publication.dataSets).flatMap(({ title, versions }) =>
    Object.values(versions)
      .filter(({ state, dataSetFileId }) => state === 'skipped' && !listed.has(dataSetFileId))
      .map((version) => ({
        publication: publication.name,
        release: version.release.title,
        title,
        reason: version.reason ?? '',
      })),
  );
  const once = new Map([...files, ...versions].map((each) => [JSON.stringify(each), each]));
  return [...once.values()];
}
