/** The official way: publications and their data sets, and how those stand. */
import * as answers from './answers.js';
import { EesRefusedError, troubleOf } from './errors.js';
import { readDataSets, readPublications } from './lists.js';
import { filesOf, freshDataSet, leaveAsHistory, reopen, type DataSetMemo, type PublicationMemo } from './memory.js';
import { findName } from './names.js';
import { degrade, MISSING_WITHOUT_API, type Survey } from './survey.js';
import { DATA_SET_WITHDRAWN } from './taken-back.js';
import { isPublished, lookAtVersions } from './versions.js';
import { byVersion } from './wanted.js';

/** ms after which a publication that the official API does not list is looked for again. */
const SOUGHT_AGAIN_MS = 3_600_000;

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
  const listed = await dataSetsOf(survey, eesId).catch(async (error: unknown) => {
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

/** Every data set of a publication, asked for once in a look around. */
function dataSetsOf({ client, dataSetLists }: Survey, eesId: string): Promise<readonly answers.DataSet[]> {
  const list = dataSetLists.get(eesId) ?? readDataSets(client, eesId);
  dataSetLists.set(eesId, list);
  return list;
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
  if (known.status === 'Withdrawn') {
    reopen(filesOf(publication).filter(({ apiId }) => apiId === item.id));
    reopen(Object.values(known.versions).filter(isPublished));
  }
  // To be discontinued takes nothing back; programs before this one took it for that.
  const isOfBefore = item.status === 'Deprecated' && known.stands !== true;
  const isBack = known.status === 'Withdrawn' || (known.status !== 'Published' && item.status === 'Published');
  if (known.ours && (isOfBefore || isBack)) survey.reinstated.push({ kind: 'data set', dataSetId: item.id });
  if (known.ours && isOfBefore) known.stands = true;
  known.status = item.status;
  if (successor !== undefined) known.supersededBy = successor;
  const moved = known.latest !== latest;
  // A file that was loaded when it was in no API.
  const isJoined = filesOf(publication).some(
    ({ dataSetFileId, apiId, state }) =>
      dataSetFileId === latestVersion?.file.id && apiId === undefined && state === 'handled',
  );
  // What was new by now the website's files have told; not every page of versions may have been read for that.
  if (!alone && before?.latest === undefined) leaveAsHistory(known, latestVersion?.published ?? '');
  // A patch of an old release may stand far down the list, and is the one published last.
  if (moved && (isJoined || !isMet(known, latestVersion)) && (alone || before?.latest !== undefined || isJoined))
    await lookAtVersions(survey, publication, item.id, alone, [1], latestVersion?.version);
  known.latest = latest;
  // Named later, or not to be had at first: tried until it is followed.
  if (item.status === 'Deprecated' && successor !== undefined && known.followed !== successor) {
    await followSuccessor(survey, publication, item.title, successor);
    known.followed = successor;
  }
}

/**
 * Whether the latest version is one that was met already, for the sake of the website's file of it, and no other of those
 * is both higher and newer: such a one was taken back.
 */
function isMet({ versions }: DataSetMemo, latest: answers.DataSet['latestVersion']): boolean {
  if (latest === undefined || versions[latest.version]?.published !== latest.published) return false;
  return Object.entries(versions).every(
    ([version, each]) =>
      !isPublished(each) || byVersion(version, latest.version) <= 0 || each.published <= latest.published,
  );
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
 * @param listLacksIt whether the list was read in this look around, and does not have it
 */
export async function askWhyMissing(
  survey: Survey,
  publication: PublicationMemo,
  id: string,
  alone: boolean,
  listLacksIt: boolean,
): Promise<void> {
  const known = publication.dataSets[id];
  if (!known || known.status === 'Withdrawn') return;
  let item: answers.DataSet;
  try {
    item = await survey.client.get('official', `/data-sets/${id}`, answers.dataSet);
  } catch (error) {
    if (!(error instanceof EesRefusedError) || error.status !== 403) throw error;
    if (!listLacksIt && !(await isDelisted(survey, publication, id, error))) throw error;
    known.status = 'Withdrawn';
    for (const version of Object.values(known.versions))
      if (version.state === 'open')
        Object.assign(version, { state: 'skipped', takenBack: true, reason: DATA_SET_WITHDRAWN });
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
    return !(await dataSetsOf(survey, eesId)).some((each) => each.id === id);
  } catch (error) {
    if (troubleOf(error) === undefined) throw error;
    return false;
  }
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
