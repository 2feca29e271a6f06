/** The data catalogue of the content API: every data file of every release by its lasting id. */
import { displayDate, guid, stamp } from './identity.js';
import { compareText, LEVEL_CODES, type FileProfile } from './profile.js';
import { isReply, json, paged, pageOf, problem, route, type Asked, type Reply, type Route } from './reply.js';
import { versionText, type PublicationRecord, type ReleaseFile, type ReleaseRecord } from './records.js';
import type { PublishedState } from './state.js';

export const THEME = {
  id: guid('theme'),
  slug: 'pupils-and-schools',
  title: 'Pupils and schools',
  summary: 'Absence and attendance.',
};

interface Listed {
  readonly publication: PublicationRecord;
  readonly release: ReleaseRecord;
  readonly file: ReleaseFile;
}

function everyFile(state: PublishedState): Listed[] {
  return state.publications.flatMap((publication) =>
    publication.releases.flatMap((release) => release.files.map((file) => ({ publication, release, file }))),
  );
}

function sitemap({ state }: Asked): Reply {
  return json(everyFile(state).map(({ file }) => ({ id: file.dataSetFileId, lastModified: stamp(file.updatedAt) })));
}

/** Which version of which API data set this file is, once the API knows it. */
function apiOf(state: PublishedState, file: ReleaseFile): { id: string; version: string } | undefined {
  const dataSet = state.dataSets.find((each) => each.id === file.apiDataSetId);
  const version = dataSet && state.liveVersions(dataSet).findLast((each) => each.dataSetFileId === file.dataSetFileId);
  return dataSet && version ? { id: dataSet.id, version: versionText(version) } : undefined;
}

function metaOf(profile: FileProfile): object {
  return {
    numDataFileRows: profile.rows,
    geographicLevels: profile.levels,
    timePeriodRange: { from: profile.first?.label ?? '', to: profile.last?.label ?? '' },
    filters: profile.filters.map(({ label }) => label),
    indicators: profile.indicators.map(({ label }) => label),
  };
}

function sizeText(bytes: number | undefined): string {
  const kilobytes = (bytes ?? 0) / 1024;
  return kilobytes < 1024 ? `${Math.max(1, Math.round(kilobytes))} Kb` : `${Math.round(kilobytes / 1024)} Mb`;
}

async function summaryOf(state: PublishedState, { publication, release, file }: Listed): Promise<object> {
  return {
    id: file.dataSetFileId,
    fileId: file.fileId,
    filename: file.name,
    fileSize: sizeText(file.content.size),
    fileExtension: 'csv',
    title: file.title,
    content: file.summary,
    theme: { id: THEME.id, title: THEME.title },
    publication: { id: publication.id, title: publication.title, slug: publication.slug },
    // Here the release's id is that of its version.
    release: { id: release.versionIds.at(-1), title: release.title, slug: release.slug },
    latestData: publication.releases[0] === release,
    isSuperseded: publication.supersededBy !== undefined,
    published: displayDate(release.displayDate),
    lastUpdated: `${file.updatedAt.toISOString().slice(0, 19)}Z`,
    api: apiOf(state, file),
    meta: metaOf(await file.content.profile()),
  };
}

async function list({ state, query }: Asked): Promise<Reply> {
  const page = pageOf(query, { most: 40, usual: 10, lastPage: 9999 });
  if (isReply(page)) return page;
  const publicationId = query.get('publicationId');
  const releaseId = query.get('releaseId');
  const level = query.get('geographicLevel');
  const term = query.get('searchTerm')?.toLowerCase();
  if (term !== undefined && term.length < 3)
    return problem(400, [{ message: 'Must be at least 3 characters.', path: 'searchTerm', code: 'MinimumLength' }]);
  const latestOnly = query.get('latestOnly') ?? (releaseId === null ? 'true' : 'false');
  const profiles = new Map<ReleaseFile, FileProfile>();
  const all = everyFile(state);
  if (level !== null) for (const { file } of all) profiles.set(file, await file.content.profile());
  const found = all.filter(
    ({ publication, release, file }) =>
      (publicationId === null ? !publication.supersededBy : publication.id === publicationId) &&
      (releaseId === null || release.versionIds.at(-1) === releaseId) &&
      (latestOnly !== 'true' || publication.releases[0] === release) &&
      (query.get('dataSetType') !== 'Api' || apiOf(state, file) !== undefined) &&
      (term === undefined || `${file.title} ${file.summary}`.toLowerCase().includes(term)) &&
      (level === null || (profiles.get(file)?.levels ?? []).some((label) => LEVEL_CODES[label] === level)),
  );
  const byDate = query.get('sort') === 'Published';
  const isDescending = (query.get('sortDirection') ?? (byDate ? 'Desc' : 'Asc')) === 'Desc';
  found.sort((a, b) => {
    const order = byDate
      ? a.release.displayDate.getTime() - b.release.displayDate.getTime()
      : compareText(a.file.title, b.file.title);
    return (isDescending ? -order : order) || compareText(a.file.dataSetFileId, b.file.dataSetFileId);
  });
  const { paging, results } = paged(found, page);
  return json({ results: await Promise.all(results.map((each) => summaryOf(state, each))), paging });
}

function listedFile({ state, params }: Asked): Listed | undefined {
  return everyFile(state).find(({ file }) => file.dataSetFileId === params['id']);
}

async function detail(asked: Asked): Promise<Reply> {
  const found = listedFile(asked);
  if (!found) return problem(404);
  const { publication, release, file } = found;
  const profile = await file.content.profile();
  return json({
    id: file.dataSetFileId,
    title: file.title,
    summary: file.summary,
    file: {
      id: file.fileId,
      name: file.name,
      size: sizeText(file.content.size),
      meta: metaOf(profile),
      dataCsvPreview: { headers: profile.headers, rows: profile.preview },
      variables: [...profile.filters, ...profile.indicators].map(({ label, column }) => ({ label, value: column })),
      subjectId: file.subjectId,
    },
    footnotes: [],
    release: {
      id: release.versionIds.at(-1),
      title: release.title,
      slug: release.slug,
      type: release.type,
      isLatestPublishedRelease: publication.releases[0] === release,
      isSuperseded: publication.supersededBy !== undefined,
      published: displayDate(release.displayDate),
      lastUpdated: stamp(release.updatedAt),
      publication: {
        id: publication.id,
        title: publication.title,
        slug: publication.slug,
        themeTitle: THEME.title,
      },
    },
    api: apiOf(asked.state, file),
  });
}

/** Plain CSV under its own name: no gzip, no entity tag, no caching. */
function download(asked: Asked): Reply {
  const found = listedFile(asked);
  if (!found) return problem(404);
  const { file } = found;
  return {
    status: 200,
    headers: { 'content-type': 'text/csv', 'content-disposition': `attachment; filename="${file.name}"` },
    body: { kind: 'stream', size: file.content.size, open: () => file.content.open() },
  };
}

export const CATALOGUE_ROUTES: readonly Route[] = [
  route('/data-set-files/sitemap-items', sitemap),
  route('/data-set-files', list),
  route('/data-set-files/:id(guid)', detail),
  route('/data-set-files/:id(guid)/download', download),
];
