/**
 * The official API, version 1: /publications and /data-sets, as strict as the real one about what it is asked. Without
 * the query route, which this project never calls.
 */
import { changesBetween, META_TYPES, metaOf } from './describe.js';
import { displayDate, hashNumber, stamp } from './identity.js';
import { compareText, type FileProfile } from './profile.js';
import { isReply, json, paged, pageOf, problem, route, type Asked, type Reply, type Route } from './reply.js';
import { compareVersions, versionText, type ApiDataSet, type ApiVersion, type PublicationRecord } from './records.js';
import type { PublishedState } from './state.js';

const PAGING = ['page', 'pageSize'];

function summaryOf(publication: PublicationRecord): object {
  const latest = publication.releases[0];
  return {
    id: publication.id,
    title: publication.title,
    slug: publication.slug,
    summary: publication.summary,
    // The display date of the latest release: it does not move when that is amended.
    lastPublished: displayDate(latest?.displayDate ?? new Date(0)),
  };
}

/** The data sets of a publication that have gone live, but for withdrawn ones. */
function listed(state: PublishedState, publicationId: string): ApiDataSet[] {
  return state.dataSets.filter(
    (each) =>
      each.publication.id === publicationId && each.status !== 'Withdrawn' && state.liveVersions(each).length > 0,
  );
}

const hasPublishedDataSet = (state: PublishedState, publication: PublicationRecord): boolean =>
  listed(state, publication.id).some((each) => each.status === 'Published');

/** What a version tells of its file. */
function coverage(profile: FileProfile): object {
  return {
    totalResults: profile.rows,
    timePeriods: { start: profile.first?.label ?? '', end: profile.last?.label ?? '' },
    geographicLevels: profile.levels,
    filters: profile.filters.map(({ label }) => label),
    indicators: profile.indicators.map(({ label }) => label),
  };
}

async function dataSetOf(state: PublishedState, dataSet: ApiDataSet): Promise<object> {
  const latest = state.latestLive(dataSet);
  return {
    id: dataSet.id,
    title: dataSet.title,
    summary: dataSet.summary,
    status: dataSet.status,
    supersedingDataSetId: dataSet.supersedingDataSetId,
    latestVersion: latest && {
      version: versionText(latest),
      published: stamp(latest.published),
      file: { id: latest.dataSetFileId },
      ...coverage(await latest.content.profile()),
    },
  };
}

async function versionOf(version: ApiVersion): Promise<object> {
  return {
    version: versionText(version),
    type: version.patch > 0 ? 'Patch' : version.minor > 0 ? 'Minor' : 'Major',
    status: version.status,
    published: stamp(version.published),
    withdrawn: version.withdrawn && stamp(version.withdrawn),
    notes: version.notes,
    file: { id: version.dataSetFileId },
    release: { title: version.release.title, slug: version.release.slug },
    ...coverage(await version.content.profile()),
  };
}

/**
 * Finds a version by number ('1' is 1.0.0, '2.1' is 2.1.0 exactly) or by wildcard, which sees only published ones,
 * highest number first. @returns undefined when nothing matches
 */
function chosen(versions: readonly ApiVersion[], text: string): ApiVersion | undefined {
  const parts = text.trim().replace(/^v/i, '').split('.');
  if (parts.length > 3 || parts.some((part) => !/^(\d+|\*)$/.test(part))) return undefined;
  const star = parts.indexOf('*');
  const numbers = (star < 0 ? parts : parts.slice(0, star)).map(Number);
  if (star >= 0 && parts.slice(star).some((part) => part !== '*')) return undefined;
  const matches = (version: ApiVersion, wanted: readonly number[]): boolean =>
    wanted.every((number, index) => [version.major, version.minor, version.patch][index] === number);
  if (star < 0) return versions.find((version) => matches(version, [...numbers, 0, 0].slice(0, 3)));
  return versions
    .filter((version) => version.status === 'Published' && matches(version, numbers))
    .sort(compareVersions)
    .at(-1);
}

/** The data set that was asked for, or 404, or 403 when it is withdrawn. */
function openDataSet({ state, params }: Asked): ApiDataSet | Reply {
  const dataSet = state.dataSets.find((each) => each.id === params['dataSetId']);
  if (!dataSet) return problem(404);
  return dataSet.status === 'Withdrawn' || state.liveVersions(dataSet).length === 0 ? problem(403) : dataSet;
}

/** The version that meta and csv are asked for: with none, or '*', the one last published in time. */
function pinned(asked: Asked, dataSet: ApiDataSet): ApiVersion | undefined {
  const text = asked.query.get('dataSetVersion') ?? '';
  if (text.trim() === '' || text.trim() === '*') return asked.state.latestLive(dataSet);
  return chosen(asked.state.liveVersions(dataSet), text);
}

function publications({ state, query }: Asked): Reply {
  const page = pageOf(query, { most: 40, usual: 20 });
  if (isReply(page)) return page;
  const search = query.get('search');
  if (search !== null && search.length < 3)
    return problem(400, [
      {
        message: 'Must be at least 3 characters.',
        path: 'search',
        code: 'MinimumLength',
        detail: { minLength: 3, value: search },
      },
    ]);
  const words = (search ?? '').toLowerCase().split(/\s+/);
  const found = state.publications
    .filter((each) => hasPublishedDataSet(state, each))
    .filter((each) => words.every((word) => each.title.toLowerCase().includes(word)))
    // Ranked by meaning at EES: an order that nobody may rely on.
    .sort((a, b) => hashNumber(a.slug) - hashNumber(b.slug));
  return json(paged(found.map(summaryOf), page));
}

function publication({ state, params }: Asked): Reply {
  const found = state.publications.find((each) => each.id === params['publicationId']);
  return found && hasPublishedDataSet(state, found) ? json(summaryOf(found)) : problem(404);
}

async function dataSets({ state, params, query }: Asked): Promise<Reply> {
  const page = pageOf(query, { most: 20, usual: 10 });
  if (isReply(page)) return page;
  const newest = (dataSet: ApiDataSet): number => state.latestLive(dataSet)?.published.getTime() ?? 0;
  const found = listed(state, params['publicationId'] ?? '').sort(
    (a, b) => newest(b) - newest(a) || compareText(a.title, b.title) || compareText(a.id, b.id),
  );
  const { paging, results } = paged(found, page);
  return json({ paging, results: await Promise.all(results.map((each) => dataSetOf(state, each))) });
}

async function dataSet(asked: Asked): Promise<Reply> {
  const found = openDataSet(asked);
  return isReply(found) ? found : json(await dataSetOf(asked.state, found));
}

async function versions(asked: Asked): Promise<Reply> {
  const page = pageOf(asked.query, { most: 20, usual: 10 });
  if (isReply(page)) return page;
  const found = openDataSet(asked);
  if (isReply(found)) return found;
  const inOrder = [...asked.state.liveVersions(found)].sort(
    // Patches of one minor version come in no order at all.
    (a, b) =>
      b.major - a.major ||
      b.minor - a.minor ||
      hashNumber(`${found.id} ${versionText(a)}`) - hashNumber(`${found.id} ${versionText(b)}`),
  );
  const { paging, results } = paged(inOrder, page);
  return json({ paging, results: await Promise.all(results.map(versionOf)) });
}

/** One version of the path: '*' here means the highest number. */
function versionInPath(asked: Asked): { dataSet: ApiDataSet; version: ApiVersion } | Reply {
  const found = openDataSet(asked);
  if (isReply(found)) return found;
  const version = chosen(asked.state.liveVersions(found), decodeURIComponent(asked.params['dataSetVersion'] ?? ''));
  return version ? { dataSet: found, version } : problem(404);
}

async function version(asked: Asked): Promise<Reply> {
  const found = versionInPath(asked);
  return isReply(found) ? found : json(await versionOf(found.version));
}

async function changes(asked: Asked): Promise<Reply> {
  const found = versionInPath(asked);
  if (isReply(found)) return found;
  const live = asked.state.liveVersions(found.dataSet);
  const changeSet = async (of: ApiVersion): Promise<object> => {
    const before = live[live.indexOf(of) - 1];
    const sets = before
      ? changesBetween(found.dataSet.id, await before.content.profile(), await of.content.profile())
      : { majorChanges: {}, minorChanges: {} };
    return { versionNumber: versionText(of), notes: of.notes, ...sets };
  };
  const withHistory = /^true$/i.test(asked.query.get('includePatchHistory') ?? '');
  const { major, minor, patch } = found.version;
  // The real service runs into an unhandled exception here.
  if (withHistory && patch === 0) return problem(500);
  const history = withHistory
    ? live.filter((each) => each.major === major && each.minor === minor && each.patch > 0 && each.patch < patch)
    : [];
  return json({ ...(await changeSet(found.version)), patchHistory: await Promise.all(history.map(changeSet)) });
}

async function meta(asked: Asked): Promise<Reply> {
  const found = openDataSet(asked);
  if (isReply(found)) return found;
  const types = asked.query.get('types')?.split(',');
  const wrong = types?.filter((type) => !(META_TYPES as readonly string[]).includes(type)) ?? [];
  if (wrong.length > 0)
    return problem(
      400,
      wrong.map((value, index) => ({
        message: 'Must be one of the allowed values.',
        path: `types[${index}]`,
        code: value === '' ? 'NotEmpty' : 'AllowedValue',
        detail: { value, allowed: META_TYPES },
      })),
    );
  const wanted = pinned(asked, found);
  return wanted ? json(metaOf(found.id, await wanted.content.profile(), types ?? META_TYPES)) : problem(404);
}

/** Always gzip, whatever the client accepts; no entity tag, no range, no date. */
async function csv(asked: Asked): Promise<Reply> {
  const found = openDataSet(asked);
  if (isReply(found)) return found;
  const wanted = pinned(asked, found);
  if (!wanted) return problem(404);
  return {
    status: 200,
    headers: {
      'content-type': 'text/csv',
      'content-encoding': 'gzip',
      'content-disposition': `attachment; filename=${found.id}_v${versionText(wanted)}.csv`,
      'x-robots-tag': 'noindex',
    },
    body: { kind: 'bytes', bytes: await wanted.content.gzipped() },
  };
}

/** Paths below /v1. */
export const OFFICIAL_ROUTES: readonly Route[] = [
  route('/publications', publications, [...PAGING, 'search']),
  route('/publications/:publicationId(guid)', publication, []),
  route('/publications/:publicationId(guid)/data-sets', dataSets, PAGING),
  route('/data-sets/:dataSetId(guid)', dataSet, []),
  route('/data-sets/:dataSetId(guid)/versions', versions, PAGING),
  route('/data-sets/:dataSetId(guid)/versions/:dataSetVersion', version, []),
  route('/data-sets/:dataSetId(guid)/versions/:dataSetVersion/changes', changes, ['includePatchHistory']),
  route('/data-sets/:dataSetId(guid)/meta', meta, ['types', 'dataSetVersion']),
  route('/data-sets/:dataSetId(guid)/csv', csv, ['dataSetVersion']),
];
