/** The website's content API: what it lists of publications, releases and their files. Unknown parameters are ignored. */
import { displayDate, guid, stamp } from './identity.js';
import { CATALOGUE_ROUTES, THEME } from './catalogue.js';
import { isReply, json, paged, pageOf, problem, route, type Asked, type Reply, type Route } from './reply.js';
import type { PublicationRecord, ReleaseFile, ReleaseRecord } from './records.js';
import type { PublishedState } from './state.js';

function publicationOf({ state, params }: Asked): PublicationRecord | undefined {
  return state.publications.find((each) => each.slug === params['slug']);
}

/** The release of the path, or 404. */
function releaseOf(asked: Asked): { publication: PublicationRecord; release: ReleaseRecord } | Reply {
  const publication = publicationOf(asked);
  const release = publication?.releases.find((each) => each.slug === asked.params['release']);
  return publication && release ? { publication, release } : problem(404);
}

const currentVersion = (release: ReleaseRecord): string => release.versionIds.at(-1) ?? '';

function publicationSitemap({ state }: Asked): Reply {
  const items = state.publications
    .filter((publication) => !publication.supersededBy && publication.releases.length > 0)
    .map((publication) => {
      const newest = [...publication.releases].sort((a, b) => b.updatedAt.getTime() - a.updatedAt.getTime());
      const times = [newest[0]?.updatedAt, publication.touchedAt].flatMap((at) =>
        at === undefined ? [] : [at.getTime()],
      );
      return { publication, newest, touchedAt: new Date(Math.max(...times)) };
    })
    .sort((a, b) => (b.newest[0]?.updatedAt.getTime() ?? 0) - (a.newest[0]?.updatedAt.getTime() ?? 0));
  return json(
    items.map(({ publication, newest, touchedAt }) => ({
      slug: publication.slug,
      lastModified: stamp(touchedAt),
      releases: newest.map((release) => ({ slug: release.slug, lastModified: stamp(release.updatedAt) })),
    })),
  );
}

function publication(asked: Asked): Reply {
  const found = publicationOf(asked);
  if (!found) return problem(404);
  const latest = found.releases[0];
  return json({
    id: found.id,
    slug: found.slug,
    title: found.title,
    summary: found.summary,
    latestRelease: latest && { id: latest.releaseId, slug: latest.slug, title: latest.title },
    nextReleaseDate: latest?.nextReleaseDate,
    supersededByPublication: found.supersededBy && {
      id: found.supersededBy.id,
      slug: found.supersededBy.slug,
      title: found.supersededBy.title,
    },
    theme: { id: THEME.id, title: THEME.title, summary: THEME.summary },
    contact: {
      id: guid('contact'),
      teamName: 'School statistics team',
      teamEmail: 'school.statistics@example.org',
      contactName: 'A. Statistician',
    },
  });
}

function publicationSummary({ state, params }: Asked): Reply {
  const found = state.publications.find((each) => each.id === params['id']);
  if (!found) return problem(404);
  const latest = found.releases[0];
  return json({
    id: found.id,
    title: found.title,
    slug: found.slug,
    summary: found.summary,
    published: latest && displayDate(latest.displayDate),
  });
}

function releaseEntries(asked: Asked): Reply {
  const found = publicationOf(asked);
  if (!found) return problem(404);
  const entries = [
    ...found.releases.map((release, index) => ({
      releaseId: release.releaseId,
      slug: release.slug,
      title: release.title,
      yearTitle: release.yearTitle,
      coverageTitle: release.coverageTitle,
      published: displayDate(release.displayDate),
      lastUpdated: stamp(release.updatedAt),
      isLatestRelease: index === 0,
    })),
    ...found.legacyLinks,
  ];
  const given = ['page', 'pageSize'].filter((name) => asked.query.has(name));
  if (given.length === 1)
    return problem(400, [
      {
        message: 'Give both page and pageSize, or neither.',
        path: given[0] === 'page' ? 'pageSize' : 'page',
        code: 'RequiredValue',
      },
    ]);
  const everything = { page: 1, pageSize: Math.max(entries.length, 1) };
  const page = given.length === 0 ? everything : pageOf(asked.query, { most: 100, usual: 10 });
  return isReply(page) ? page : json(paged<object>(entries, page));
}

function releases(asked: Asked): Reply {
  const found = publicationOf(asked);
  if (!found) return problem(404);
  return json(
    found.releases.map((release, index) => ({
      id: currentVersion(release),
      releaseId: release.releaseId,
      title: release.title,
      slug: release.slug,
      yearTitle: release.yearTitle,
      coverageTitle: release.coverageTitle,
      published: displayDate(release.displayDate),
      nextReleaseDate: release.nextReleaseDate && {
        year: String(release.nextReleaseDate.year),
        month: String(release.nextReleaseDate.month ?? ''),
        day: String(release.nextReleaseDate.day ?? ''),
      },
      type: release.type,
      latestRelease: index === 0,
    })),
  );
}

function releaseIds(asked: Asked): Reply {
  const found = publicationOf(asked);
  return found ? json(found.releases.map((release) => release.releaseId)) : problem(404);
}

function versionSummary(asked: Asked): Reply {
  const found = releaseOf(asked);
  if (isReply(found)) return found;
  const { publication: owner, release } = found;
  return json({
    id: currentVersion(release),
    releaseId: release.releaseId,
    isLatestRelease: owner.releases[0] === release,
    published: stamp(release.displayDate),
    lastUpdated: stamp(release.updatedAt),
    updateCount: release.updates.length,
    slug: release.slug,
    title: release.title,
    yearTitle: release.yearTitle,
    coverageTitle: release.coverageTitle,
    type: release.type,
    publishingOrganisations: [],
    publication: { id: owner.id, slug: owner.slug, title: owner.title },
  });
}

function updates(asked: Asked): Reply {
  const found = releaseOf(asked);
  if (isReply(found)) return found;
  const page = pageOf(asked.query, { most: 100, usual: 10 });
  if (isReply(page)) return page;
  const notes = found.release.updates.map(({ date, summary }) => ({ date: stamp(date), summary }));
  return json(paged(notes, page));
}

async function dataSetSummary(state: PublishedState, file: ReleaseFile): Promise<object> {
  const profile = await file.content.profile();
  const isLive = state.dataSets.some((each) => each.id === file.apiDataSetId && state.liveVersions(each).length > 0);
  return {
    dataSetFileId: file.dataSetFileId,
    fileId: file.fileId,
    subjectId: file.subjectId,
    title: file.title,
    summary: file.summary && `<p>${file.summary}</p>`,
    isApiEnabled: isLive,
    publicApiDataSetId: isLive ? file.apiDataSetId : undefined,
    meta: {
      filters: profile.filters.map(({ label }) => label),
      geographicLevels: profile.levels,
      indicators: profile.indicators.map(({ label }) => label),
      numDataFileRows: profile.rows,
      timePeriodRange: { start: profile.first?.label ?? '', end: profile.last?.label ?? '' },
    },
  };
}

async function dataContent(asked: Asked): Promise<Reply> {
  const found = releaseOf(asked);
  if (isReply(found)) return found;
  const { release } = found;
  return json({
    releaseId: release.releaseId,
    releaseVersionId: currentVersion(release),
    dataGuidance: '<p>Describes the data files of this release.</p>',
    dataSets: await Promise.all(release.files.map((file) => dataSetSummary(asked.state, file))),
    featuredTables: [],
    supportingFiles: release.supportingFiles.map((file) => ({
      fileId: file.fileId,
      extension: file.filename.split('.').at(-1) ?? '',
      filename: file.filename,
      title: file.title,
      summary: file.summary,
      size: `${Math.max(1, Math.round(file.content.length / 1024))} Kb`,
    })),
  });
}

/** Original bytes of one file; a superseded release version answers 403, its files are deleted. */
async function releaseFile({ state, params, headers }: Asked): Promise<Reply> {
  const found = state.releaseOfVersion(params['versionId'] ?? '');
  if (!found) return problem(404);
  if (!found.isCurrent) return problem(403);
  const { release } = found;
  const supporting = release.supportingFiles.find((each) => each.fileId === params['fileId']);
  if (supporting)
    return {
      status: 200,
      headers: {
        'content-type': 'application/octet-stream',
        'content-disposition': `attachment; filename="${supporting.filename}"`,
      },
      body: { kind: 'bytes', bytes: supporting.content },
    };
  const file = release.files.find((each) => each.fileId === params['fileId']);
  if (!file) return problem(404);
  const etag = `W/"${await file.content.md5()}"`;
  const caching = {
    'cache-control': 'public,max-age=300',
    etag,
    'last-modified': release.updatedAt.toUTCString(),
  };
  const known = (headers['if-none-match'] ?? '').split(',').map((each) => each.trim());
  if (known.includes(etag) || known.includes('*')) return { status: 304, headers: caching, body: { kind: 'none' } };
  return {
    status: 200,
    headers: { ...caching, 'content-type': 'text/csv', 'content-disposition': `attachment; filename="${file.name}"` },
    body: { kind: 'stream', size: file.content.size, open: () => file.content.open() },
  };
}

function tree({ state, query }: Asked): Reply {
  const filter = query.get('filter') ?? '';
  if (!['DataTables', 'DataCatalogue', 'FastTrack'].includes(filter))
    return problem(400, [{ message: 'The filter field is required.', path: 'filter', code: 'RequiredValue' }]);
  const publications = state.publications.map((each) => ({
    id: each.id,
    slug: each.slug,
    title: each.title,
    supersededBy: each.supersededBy && {
      id: each.supersededBy.id,
      slug: each.supersededBy.slug,
      title: each.supersededBy.title,
    },
    isSuperseded: each.supersededBy !== undefined,
    anyLiveReleaseHasData: each.releases.some((release) => release.files.length > 0),
    latestReleaseHasData: (each.releases[0]?.files.length ?? 0) > 0,
  }));
  return json([{ id: THEME.id, title: THEME.title, summary: THEME.summary, publications }]);
}

function publicationInfos({ state, query }: Asked): Reply {
  const theme = query.get('themeId');
  if (theme !== null && theme !== THEME.id) return json([]);
  return json(
    state.publications.flatMap((each) => {
      const latest = each.releases[0];
      return latest
        ? [
            {
              publicationId: each.id,
              publicationSlug: each.slug,
              latestPublishedRelease: { releaseId: latest.releaseId, releaseSlug: latest.slug },
            },
          ]
        : [];
    }),
  );
}

function redirects({ state }: Asked): Reply {
  return json({
    publicationRedirects: state.publicationRedirects,
    methodologyRedirects: [],
    releaseRedirectsByPublicationSlug: Object.fromEntries(state.releaseRedirects),
  });
}

const RELEASE = '/publications/:slug/releases/:release';

/** Paths below /content/api. Fixed paths come before those with a slug. */
export const CONTENT_ROUTES: readonly Route[] = [
  route('/publications/sitemap-items', publicationSitemap),
  route('/publications/tree', tree),
  route('/publications/:id(guid)/summary', publicationSummary),
  route('/publications/:slug', publication),
  route('/publications/:slug/release-entries', releaseEntries),
  route('/publications/:slug/releases', releases),
  route('/publications/:slug/release-ids', releaseIds),
  route(`${RELEASE}/version-summary`, versionSummary),
  route(`${RELEASE}/updates`, updates),
  route(`${RELEASE}/data-content`, dataContent),
  route('/releases/:versionId(guid)/files/:fileId(guid)', releaseFile),
  route('/publicationinfos', publicationInfos),
  route('/redirects', redirects),
  route('/themes', () => json([THEME])),
  ...CATALOGUE_ROUTES,
];
