/** The versions of a data set at the official API: which are news, which carry a file of the website, which were taken back. */
import * as answers from './answers.js';
import { MOST_PAGES } from './lists.js';
import {
  filesOf,
  freshDataSet,
  leaveAsHistory,
  reopen,
  type FileMemo,
  type PublicationMemo,
  type VersionMemo,
} from './memory.js';
import type { Survey } from './survey.js';
import { isMadeFrom } from './taken-back.js';
import { byVersion, parseVersion, releaseFileKey } from './wanted.js';

/**
 * Reads the versions of a data set: news, numbers for files of the website, and versions taken back.
 * @param pages which pages of the list (newest numbers first); default the first
 * @param until a version that must be there: the list is read further until it is
 * @throws EesRefusedError 403 where the data set was withdrawn
 */
export async function lookAtVersions(
  survey: Survey,
  publication: PublicationMemo,
  id: string,
  alone: boolean,
  pages: readonly number[] = [1],
  until?: string,
): Promise<void> {
  const known = (publication.dataSets[id] ??= freshDataSet(id));
  if (pages.includes(1)) survey.versionsAsked.add(id);
  const listed: answers.DataSetVersion[] = [];
  const read = async (page: number): Promise<void> => {
    const answer = await survey.client.get('official', `/data-sets/${id}/versions`, answers.dataSetVersionPage, {
      page,
      pageSize: 20,
    });
    listed.push(...answer.results);
    known.pages = answer.paging.totalPages;
  };
  for (const page of pages) await read(page);
  const isThere = (): boolean =>
    until === undefined || known.versions[until] !== undefined || listed.some(({ version }) => version === until);
  for (let page = Math.max(...pages) + 1; !isThere() && page <= Math.min(known.pages, MOST_PAGES); page += 1)
    await read(page);
  const isFirstSight = Object.values(known.versions).every(({ published }) => published === '');
  // Memories of before this was kept have it from what they know.
  if (isFirstSight || known.historyUntil === undefined)
    for (const { published = '' } of isFirstSight ? listed : Object.values(known.versions))
      leaveAsHistory(known, published);
  const { historyUntil = '' } = known;
  // At first sight of a data set on its own, the version with the highest number is what is current.
  const newest = isFirstSight
    ? listed
        .filter(isPublished)
        .sort((a, b) => byVersion(a.version, b.version))
        .at(-1)
    : undefined;
  const met = new Set(listed.filter(({ version }) => known.versions[version] === undefined));
  // All of them first: which one carries a file of the website is told by those before and after it.
  for (const item of met) known.versions[item.version] = fromAnswer(item);
  for (const item of listed) {
    const version = known.versions[item.version];
    if (version === undefined) continue;
    const file = carried(publication, id, item, met);
    if (!met.has(item)) noteStanding(survey, publication, id, item, version);
    // Never met while it stood, and loaded all the same: by the website, while the official API was away.
    else if (!isPublished(item) && file?.state === 'handled') noteWithdrawal(survey, publication, id, item);
    else if (isPublished(item) && (isFirstSight ? alone && item === newest : version.published > historyUntil))
      version.state = 'open';
    // The website's own file of these bytes comes first: it says more about its release.
    if (file === undefined || !isPublished(item)) continue;
    // Where the website cannot give it, the official API does: it must be known to be of it.
    if (file.state === 'open') file.apiId ??= id;
    // Loaded when it was in no API, and the website has not said that it is: it may have come into it with other bytes.
    if (file.state === 'handled' && file.apiId === undefined) {
      if (version.state === 'known') version.state = 'open';
      continue;
    }
    if (file.version === undefined || byVersion(item.version, file.version) > 0) file.version = item.version;
    reopen([file]);
    if (version.state === 'open') version.state = 'known';
    if (version.state === 'handled' && file.state === 'open') file.state = 'handled';
    if (version.state === 'known' && file.state === 'handled') {
      version.state = 'handled';
      survey.numbered.push({ key: releaseFileKey(file.fileId), dataSetId: id, version: parseVersion(item.version) });
    }
  }
}

export function isPublished({ status }: { readonly status: string }): boolean {
  return status === 'Published';
}

function fromAnswer(item: answers.DataSetVersion): VersionMemo {
  return {
    status: item.status,
    published: item.published ?? '',
    dataSetFileId: item.file.id,
    rows: item.totalResults,
    release: item.release,
    state: 'known',
  };
}

function noteStanding(
  survey: Survey,
  publication: PublicationMemo,
  id: string,
  item: answers.DataSetVersion,
  before: VersionMemo,
): void {
  if (before.status === item.status) return;
  before.status = item.status;
  if (isPublished(item)) {
    reopen([before]);
    survey.reinstated.push({ kind: 'version', dataSetId: id, version: item.version });
    return;
  }
  if (before.state === 'open')
    Object.assign(before, { state: 'skipped', takenBack: true, reason: `it is ${item.status.toLowerCase()}` });
  noteWithdrawal(survey, publication, id, item);
}

function noteWithdrawal(survey: Survey, publication: PublicationMemo, id: string, item: answers.DataSetVersion): void {
  survey.withdrawn.push({
    publication: publication.name,
    title: publication.dataSets[id]?.title ?? id,
    release: item.release.title,
    status: item.status === 'Deprecated' ? 'deprecated' : 'withdrawn',
    what: {
      kind: 'version',
      dataSetId: id,
      version: item.version,
      fileId: carried(publication, id, item)?.fileId,
    },
    at: item.withdrawn,
  });
}

/**
 * The file of the website whose bytes a version carries. The file's id stays when it is replaced, and what is known of
 * the website may be older than the version: of those made since the file was last replaced the first carries it, and
 * a later one carries a file that took its place.
 * @param met versions that are met for the first time: beside a file that is still to be had they tell nothing, for
 *   the website was read just now
 */
function carried(
  publication: PublicationMemo,
  dataSetId: string,
  { published, file: { id } }: answers.DataSetVersion,
  met: ReadonlySet<answers.DataSetVersion> = new Set(),
): FileMemo | undefined {
  if (published === undefined) return undefined;
  const { versions } = publication.dataSets[dataSetId] ?? freshDataSet(dataSetId);
  const isOfThese = new Set([...met].map((item) => item.version));
  return filesOf(publication).find(
    (file) =>
      file.dataSetFileId === id &&
      // One that went over to another data set is that one's.
      (file.apiId ?? dataSetId) === dataSetId &&
      isMadeFrom(published, file.lastUpdated) &&
      !Object.entries(versions).some(
        ([other, before]) =>
          before.dataSetFileId === id &&
          before.published < published &&
          isMadeFrom(before.published, file.lastUpdated) &&
          !(file.state === 'open' && isOfThese.has(other)),
      ),
  );
}
