/** The official way: data sets and their versions, with their numbers and their standing. */
import type { z } from 'zod';
import * as answers from './answers.js';
import type { EesClient } from './client.js';
import { EesRefusedError, troubleOf } from './errors.js';
import type { DataSetMemo, FileMemo, PublicationMemo, VersionMemo } from './memory.js';
import { findName } from './names.js';
import { degrade, MISSING_WITHOUT_API, type Survey } from './survey.js';
import { isMadeFrom } from './taken-back.js';
import { byVersion, parseVersion, releaseFileKey } from './wanted.js';

/** ms after which a publication that the official API does not list is looked for again. */
const SOUGHT_AGAIN_MS = 3_600_000;

/** No list of EES is near this long; a server that counts pages without end is not followed. */
const MOST_PAGES = 50;

/** Finds the ids of publications in the official list, which leaves out those without a data set. */
export async function findOfficially(survey: Survey, publications: readonly PublicationMemo[]): Promise<void> {
  const unknown: PublicationMemo[] = [];
  for (const publication of publications.filter(({ eesId }) => eesId === undefined))
    if (survey.client.now() - Date.parse(publication.unlisted ?? '') < SOUGHT_AGAIN_MS)
      survey.notes.push(`"${publication.slug}" is not in the official API`);
    else unknown.push(publication);
  if (unknown.length === 0) return;
  const listed = await readPublications(survey.client);
  for (const publication of unknown) {
    const known = findName(survey.options.known, undefined, [publication.slug]);
    const found = listed.find(({ slug }) => slug === publication.slug) ?? listed.find(({ id }) => id === known?.eesId);
    if (found) {
      const name = findName(survey.options.known, found.id, [publication.slug])?.name ?? publication.name;
      Object.assign(publication, { eesId: found.id, title: found.title, ...(publication.seen ? {} : { name }) });
      delete publication.unlisted;
    } else {
      survey.notes.push(`"${publication.slug}" is not in the official API`);
      publication.unlisted = new Date(survey.client.now()).toISOString();
    }
  }
}

/**
 * Looks at the data sets of one publication: which are there, which have another version than last time.
 * @param alone whether the website does not help: then the newest version of a data set never seen is news too
 */
export async function lookAtDataSets(survey: Survey, publication: PublicationMemo, alone: boolean): Promise<void> {
  const { eesId } = publication;
  if (eesId === undefined) return;
  const listed = await readDataSets(survey.client, eesId).catch(async (error: unknown) => {
    if (alone && error instanceof EesRefusedError && error.status === 404 && (await isUnlisted(survey, publication)))
      return undefined;
    throw error;
  });
  if (listed === undefined) return;
  for (const item of listed) {
    delete publication.dataSets[item.id]?.elsewhere;
    await noteDataSet(survey, publication, item, alone);
  }
  for (const [id, { status, elsewhere }] of Object.entries(publication.dataSets))
    if (status !== 'Withdrawn' && (alone || elsewhere !== true) && !listed.some((item) => item.id === id))
      await askWhyMissing(survey, publication, id, alone, true);
}

/** Whether the API's own list has the publication no longer, either: then it is gone and the API is well. */
async function isUnlisted({ client, notes }: Survey, publication: PublicationMemo): Promise<boolean> {
  if ((await readPublications(client)).some(({ id }) => id === publication.eesId)) return false;
  notes.push(`"${publication.slug}" is no longer in the official API`);
  Object.assign(publication, { eesId: undefined, unlisted: new Date(client.now()).toISOString() });
  return true;
}

async function noteDataSet(
  survey: Survey,
  publication: PublicationMemo,
  item: answers.DataSet,
  alone: boolean,
): Promise<void> {
  const before = publication.dataSets[item.id];
  const { latestVersion } = item;
  const latest =
    latestVersion === undefined ? '' : `${latestVersion.version} ${latestVersion.published} ${latestVersion.file.id}`;
  const known = (publication.dataSets[item.id] ??= freshDataSet(item.title));
  known.title = item.title;
  const successor = item.supersedingDataSetId;
  const deprecated = item.status === 'Deprecated' && known.status !== 'Deprecated';
  if (deprecated && known.ours)
    survey.withdrawn.push({
      publication: publication.name,
      title: item.title,
      release: undefined,
      status: 'deprecated',
      what: { kind: 'data set', dataSetId: item.id, supersededBy: successor },
      at: undefined,
    });
  if (known.status === 'Withdrawn') reopen(filesOf(publication).filter(({ apiId }) => apiId === item.id));
  if (known.ours && known.status !== 'Published' && item.status === 'Published')
    survey.reinstated.push({ kind: 'data set', dataSetId: item.id });
  known.status = item.status;
  if (successor !== undefined) known.supersededBy = successor;
  const moved = known.latest !== latest;
  // A patch of an old release may stand far down the list, and is the one published last.
  if (moved && (alone || before?.latest !== undefined))
    await lookAtVersions(survey, publication, item.id, alone, [1], latestVersion?.version);
  known.latest = latest;
  // Named later, or not to be had at first: tried until it is followed.
  if (item.status === 'Deprecated' && successor !== undefined && known.followed !== successor) {
    await followSuccessor(survey, publication, item.title, successor);
    known.followed = successor;
  }
}

export function freshDataSet(title: string): DataSetMemo {
  return { title, status: 'Published', ours: false, pages: 1, versions: {} };
}

/**
 * The data set that takes a deprecated one's place is watched from now on, wherever it is listed. What it holds by now is
 * news, and perhaps in no release that is followed.
 */
async function followSuccessor(survey: Survey, publication: PublicationMemo, title: string, id: string): Promise<void> {
  const known = publication.dataSets[id];
  const isWatched = Object.values(survey.memory.publications).some((each) =>
    each === publication ? known !== undefined && Object.keys(known.versions).length > 0 : each.dataSets[id],
  );
  if (isWatched) return;
  const note = (successor: string): void => {
    survey.notes.push(`The data set "${title}" was superseded by "${successor}", which is watched in its place`);
  };
  if (known !== undefined) {
    note(known.title);
    await lookAtVersions(survey, publication, id, true);
    return;
  }
  const item = await survey.client.get('official', `/data-sets/${id}`, answers.dataSet);
  note(item.title);
  publication.dataSets[id] = { ...freshDataSet(item.title), elsewhere: true };
  await noteDataSet(survey, publication, item, true);
}

/**
 * A data set that is listed no longer: withdrawn where it is refused with 403 and a list without it stands beside that.
 * A refusal alone may be that of a firewall, and 404 may be a slip of EES.
 * @param isUnlisted whether the list was read in this look around, and does not have it
 */
async function askWhyMissing(
  survey: Survey,
  publication: PublicationMemo,
  id: string,
  alone: boolean,
  isUnlisted: boolean,
): Promise<void> {
  const known = publication.dataSets[id];
  if (!known || known.status === 'Withdrawn') return;
  let item: answers.DataSet;
  try {
    item = await survey.client.get('official', `/data-sets/${id}`, answers.dataSet);
  } catch (error) {
    if (!(error instanceof EesRefusedError) || error.status !== 403) throw error;
    if (!isUnlisted && !(await isDelisted(survey, publication, id, error))) throw error;
    known.status = 'Withdrawn';
    for (const version of Object.values(known.versions)) if (version.state === 'open') version.state = 'skipped';
    if (known.ours)
      survey.withdrawn.push({
        publication: publication.name,
        title: known.title,
        release: undefined,
        status: 'withdrawn',
        what: { kind: 'data set', dataSetId: id, supersededBy: known.supersededBy },
        at: undefined,
      });
    return;
  }
  await noteDataSet(survey, publication, item, alone);
}

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
  const seenUntil = Object.values(known.versions).reduce(
    (latest, { published }) => (published > latest ? published : latest),
    '',
  );
  // At first sight of a data set on its own, the version with the highest number is what is current.
  const newest =
    seenUntil === ''
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
    const file = carried(publication, known, item, met);
    if (!met.has(item)) noteStanding(survey, publication, id, item, version);
    // Never met while it stood, and loaded all the same: by the website, while the official API was away.
    else if (!isPublished(item) && file?.state === 'handled') noteWithdrawal(survey, publication, id, item);
    else if (isPublished(item) && (seenUntil === '' ? alone && item === newest : version.published > seenUntil))
      version.state = 'open';
    // The website's own file of these bytes comes first: it says more about its release.
    if (file === undefined || !isPublished(item)) continue;
    if (file.version === undefined || byVersion(item.version, file.version) > 0) file.version = item.version;
    reopen([file]);
    if (version.state === 'open') version.state = 'known';
    if (version.state === 'handled' && file.state === 'open') file.state = 'handled';
    if (version.state === 'known' && file.state === 'handled') {
      version.state = 'handled';
      survey.numbered.push({ key: releaseFileKey(file.fileId), version: parseVersion(item.version) });
    }
  }
}

function isPublished({ status }: { readonly status: string }): boolean {
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
    survey.reinstated.push({ kind: 'version', dataSetId: id, version: item.version });
    return;
  }
  if (before.state === 'open')
    Object.assign(before, { state: 'skipped', reason: `it is ${item.status.toLowerCase()}` });
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
      fileId: carried(publication, publication.dataSets[id] ?? freshDataSet(id), item)?.fileId,
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
  { versions }: DataSetMemo,
  { published, file: { id } }: answers.DataSetVersion,
  met: ReadonlySet<answers.DataSetVersion> = new Set(),
): FileMemo | undefined {
  if (published === undefined) return undefined;
  const isOfThese = new Set([...met].map((item) => item.version));
  return filesOf(publication).find(
    (file) =>
      file.dataSetFileId === id &&
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

function filesOf({ releases }: PublicationMemo): FileMemo[] {
  return Object.values(releases)
    .filter(({ followed }) => followed)
    .flatMap(({ files }) => files);
}

/** What was taken back and stands again is looked at anew. */
function reopen(files: readonly FileMemo[]): void {
  for (const file of files)
    if (file.takenBack === true) {
      file.state = 'open';
      delete file.takenBack;
      delete file.reason;
    }
}

/**
 * Whether the official API has withdrawn a whole data set: it refuses it, and lists the others of the publication
 * without it. A refusal alone may be that of a firewall.
 */
export async function isDelisted(
  survey: Survey,
  { eesId }: PublicationMemo,
  id: string,
  refusal: unknown,
): Promise<boolean> {
  if (!(refusal instanceof EesRefusedError) || refusal.status !== 403 || eesId === undefined) return false;
  try {
    return !(await readDataSets(survey.client, eesId)).some((each) => each.id === id);
  } catch (error) {
    if (troubleOf(error) === undefined) throw error;
    return false;
  }
}

/** Every publication with a data set. */
export function readPublications(client: EesClient) {
  return allPages((page) => client.get('official', '/publications', answers.publicationPage, { page, pageSize: 40 }));
}

/** Every data set of a publication. */
export function readDataSets(client: EesClient, publicationId: string): Promise<answers.DataSet[]> {
  return allPages((page) =>
    client.get('official', `/publications/${publicationId}/data-sets`, answers.dataSetPage, { page, pageSize: 20 }),
  );
}

/** Every version of a data set. */
export function readVersions(client: EesClient, id: string): Promise<answers.DataSetVersion[]> {
  return allPages((page) =>
    client.get('official', `/data-sets/${id}/versions`, answers.dataSetVersionPage, { page, pageSize: 20 }),
  );
}

/** Column names of a data set version: filters and indicators (those with one value only are not told). */
export async function readMetaColumns(client: EesClient, id: string, version: string): Promise<string[]> {
  const meta = await client.get('official', `/data-sets/${id}/meta`, answers.dataSetMeta, {
    dataSetVersion: version,
    types: 'Filters,Indicators',
  });
  return [
    ...STANDARD_COLUMNS,
    ...meta.filters.map(({ column }) => column),
    ...meta.indicators.map(({ column }) => column),
  ];
}

/** Every data file has them (EES open data standard); the meta leaves them out. */
const STANDARD_COLUMNS = ['time_period', 'time_identifier', 'geographic_level', 'country_code', 'country_name'];

/**
 * One step of the round of the official API: a list of data sets, or one page of the versions of a data set of ours. With
 * the website well, every new release, amendment and version shows in its listing within one poll; what only the official
 * API knows is its own bookkeeping (a version or data set withdrawn or deprecated, a successor named). No single official
 * request tells that for all data sets (`/publications` carries a display date and is an index that lags), so each poll
 * takes one step, and a change of standing is noticed within one round. That keeps a quiet poll at two requests.
 * @param lost publications that the website does not serve: their lists were read before this
 * @param others further steps of the round
 */
export async function takeStep(
  survey: Survey,
  publications: readonly PublicationMemo[],
  lost: ReadonlySet<PublicationMemo>,
  others: readonly (() => Promise<void>)[],
): Promise<void> {
  if (await askNumber(survey, publications)) return;
  const steps = [
    ...publications.flatMap((publication) => stepsOf(survey, publication, lost.has(publication))),
    ...others,
  ];
  const first = survey.memory.turn % Math.max(1, steps.length);
  const taken = survey.options.thorough ? steps : steps.slice(first, first + 1);
  survey.memory.turn = (first + taken.length) % Math.max(1, steps.length);
  for (const step of taken) await step();
}

/** In the place of a step: the versions of a data set that was taken from the website while the official API was away. */
async function askNumber(survey: Survey, publications: readonly PublicationMemo[]): Promise<boolean> {
  for (const publication of publications) {
    const id = filesOf(publication).find(({ unnumbered }) => unnumbered === true)?.apiId;
    if (id === undefined) continue;
    try {
      await lookAtVersions(survey, publication, id, false);
    } catch (error) {
      if (!(error instanceof EesRefusedError) || error.status !== 403) throw error;
      await askWhyMissing(survey, publication, id, false, false);
    }
    for (const file of filesOf(publication)) if (file.apiId === id) delete file.unnumbered;
    return true;
  }
  return false;
}

/** @param isRead whether the list of data sets was read in this look around */
function stepsOf(survey: Survey, publication: PublicationMemo, isRead: boolean): (() => Promise<void>)[] {
  if (publication.eesId === undefined) return [];
  const versions = Object.entries(publication.dataSets)
    .filter(([, { ours, status }]) => ours && status !== 'Withdrawn')
    .flatMap(([id, { pages }]) =>
      Array.from({ length: pages }, (_, index) => async () => {
        if (index === 0 && survey.versionsAsked.has(id)) return;
        try {
          await lookAtVersions(survey, publication, id, false, [index + 1]);
        } catch (error) {
          if (!(error instanceof EesRefusedError) || error.status !== 403) throw error;
          await askWhyMissing(survey, publication, id, false, false);
        }
      }),
    );
  const elsewhere = Object.entries(publication.dataSets)
    .filter(([, memo]) => memo.elsewhere === true && memo.status !== 'Withdrawn')
    .map(
      ([id]) =>
        () =>
          askWhyMissing(survey, publication, id, false, false),
    );
  return [...(isRead ? [] : [() => lookAtDataSets(survey, publication, false), ...elsewhere]), ...versions];
}

/** Notes that the official API does not do, and goes on. */
export function noteOfficialTrouble(survey: Survey, source: string, error: unknown): void {
  const url = error instanceof Error && 'url' in error && typeof error.url === 'string' ? error.url : '';
  const route = /\/(versions|meta|csv)(?:[?/]|$)/.exec(url)?.[1];
  degrade(survey, error, {
    source,
    api: 'official',
    route: route === undefined ? (url.includes('/data-sets') ? 'data-sets' : 'publications') : `data-sets/…/${route}`,
    missing: MISSING_WITHOUT_API,
  });
}

/** Everything of a paged list, within reason. */
export async function allPages<T>(
  read: (page: number) => Promise<{ results: T[]; paging: z.infer<typeof answers.publicationPage>['paging'] }>,
): Promise<T[]> {
  const all: T[] = [];
  for (let page = 1; page <= MOST_PAGES; page += 1) {
    const { results, paging } = await read(page);
    all.push(...results);
    if (page >= paging.totalPages || results.length === 0) break;
  }
  return all;
}
