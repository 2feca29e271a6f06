/** What a backfill can be planned from: the publication under any of its slugs, its files and its data sets, over both APIs. */
import type * as z from 'zod';
import * as answers from './answers.js';
import type { EesClient } from './client.js';
import { EesRefusedError, troubleOf } from './errors.js';
import { allPages, readDataSets, readPublications, readVersions } from './lists.js';
import { fieldName, findName, followRedirects, slugsOf } from './names.js';
import type { BackfillRequest } from './history.js';

type Catalogued = z.infer<typeof answers.dataSetFilePage>['results'][number];

/** A file as the data catalogue lists it, or with what its release tells where it does not. */
export interface CatalogueFile extends Omit<Catalogued, 'filename' | 'api'> {
  readonly filename?: string | undefined;
  readonly api?: { readonly id: string } | undefined;
}

type ReleaseEntry = z.infer<typeof answers.releaseList>[number];

export interface Publication {
  readonly id: string;
  /** The slug in use now. */
  readonly slug: string;
  /** How it is called here. */
  readonly name: string;
  /** Every slug it has or had, as far as is known. */
  readonly slugs: readonly string[];
  readonly title: string;
}

/** One API data set with its versions. */
export interface Versions {
  readonly id: string;
  readonly title: string;
  readonly publication: Publication;
  readonly versions: readonly answers.DataSetVersion[];
}

/** Times in a row that a route gave nothing after which it is taken for gone: one thing may be gone by itself. */
export const UNTOLD_IN_A_ROW = 2;

/** Runs something that may fail for reasons of EES. @returns undefined then, once it was told */
export async function tolerated<T>(work: () => Promise<T>, tell: (why: string) => unknown): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (troubleOf(error) === undefined || !(error instanceof Error)) throw error;
    tell(error.message);
    return undefined;
  }
}

/** @throws whatever keeps the publication from being found; what else is gone is among the notes */
export async function readWebsite(client: EesClient, request: BackfillRequest, notes: string[]) {
  const publications = await findOnWebsite(client, request, notes);
  const files: { publication: Publication; item: CatalogueFile; types: ReadonlyMap<string, string | undefined> }[] = [];
  /** Of files by their ids, once the catalogue's list is known to be gone. */
  let times: ReadonlyMap<string, string | undefined> | undefined;
  for (const publication of publications) {
    const catalogued =
      times === undefined
        ? await tolerated<CatalogueFile[]>(
            () => readCatalogue(client, publication),
            (why) => notes.push(`The data catalogue does not list files (${why}): each release is asked for its own`),
          )
        : undefined;
    if (catalogued === undefined) times ??= await readTimes(client, notes);
    const releases = await tolerated(
      () =>
        client.get('content', `/publications/${encodeURIComponent(publication.slug)}/releases`, answers.releaseList),
      (why) => notes.push(`The status of releases is not known (${why})`),
    );
    const types = new Map((releases ?? []).map((release) => [release.slug, release.type]));
    const listed = catalogued ?? (await readReleases(client, publication, releases, times ?? new Map(), notes));
    files.push(...listed.map((item) => ({ publication, item, types })));
  }
  return { publications, files };
}

function readCatalogue(client: EesClient, { id }: Publication) {
  return allPages((page) =>
    client.get('content', '/data-set-files', answers.dataSetFilePage, {
      publicationId: id,
      latestOnly: false,
      page,
      pageSize: 40,
    }),
  );
}

/** When each file was last replaced, by the ids of the data catalogue. */
async function readTimes(client: EesClient, notes: string[]): Promise<ReadonlyMap<string, string | undefined>> {
  const sitemap = await tolerated(
    () => client.get('content', '/data-set-files/sitemap-items', answers.fileSitemap),
    (why) => notes.push(`The times at which files were last replaced are not known (${why}): those of releases count`),
  );
  return new Map((sitemap ?? []).map(({ id, lastModified }) => [id, lastModified]));
}

/** The files of all releases without the catalogue's list, which is gone. */
async function readReleases(
  client: EesClient,
  publication: Publication,
  releases: readonly ReleaseEntry[] | undefined,
  times: ReadonlyMap<string, string | undefined>,
  notes: string[],
): Promise<CatalogueFile[]> {
  if (releases === undefined) {
    notes.push(`The files of "${publication.slug}" on the website are not known`);
    return [];
  }
  const files: CatalogueFile[] = [];
  let failures = 0;
  for (const [index, release] of releases.entries())
    try {
      files.push(...(await readRelease(client, publication, release, times)));
      failures = 0;
    } catch (error) {
      const trouble = troubleOf(error);
      if (trouble === undefined || !(error instanceof Error)) throw error;
      // What does not answer would be waited for at each release anew.
      failures += 1;
      const isOver = trouble !== 'vanished' || failures >= UNTOLD_IN_A_ROW;
      const unread = isOver ? releases.slice(index) : [release];
      notes.push(`The files of ${unread.map(({ title }) => `"${title}"`).join(', ')} are not known (${error.message})`);
      if (isOver) break;
    }
  return files;
}

async function readRelease(
  client: EesClient,
  { slug }: Publication,
  release: ReleaseEntry,
  times: ReadonlyMap<string, string | undefined>,
): Promise<CatalogueFile[]> {
  const path = `/publications/${encodeURIComponent(slug)}/releases/${encodeURIComponent(release.slug)}`;
  const summary = await client.get('content', `${path}/version-summary`, answers.versionSummary);
  const content = await client.get('content', `${path}/data-content`, answers.dataContent);
  return content.dataSets.map((item) => ({
    id: item.dataSetFileId,
    fileId: item.fileId,
    title: item.title,
    lastUpdated: times.get(item.dataSetFileId) ?? summary.lastUpdated,
    published: summary.published,
    release: { id: content.releaseVersionId, slug: release.slug, title: summary.title },
    ...(item.publicApiDataSetId === undefined ? {} : { api: { id: item.publicApiDataSetId } }),
    ...(item.meta === undefined ? {} : { meta: item.meta }),
  }));
}

/** The publication (under its new name, if it was renamed), and those that it superseded. */
async function findOnWebsite(client: EesClient, request: BackfillRequest, notes: string[]): Promise<Publication[]> {
  const ask = (name: string) =>
    client
      .get('content', `/publications/${encodeURIComponent(name)}`, answers.publicationDetail)
      .catch((error: unknown) => {
        if (error instanceof EesRefusedError && error.status === 404) return undefined;
        throw error;
      });
  const readRedirects = async () => (await client.get('content', '/redirects', answers.redirects)).publicationRedirects;
  let found = await ask(request.publication);
  // Under this slug it is there: the former ones are good to have. Not there: without them nothing can be said.
  const redirects = found
    ? await tolerated(readRedirects, (why) => notes.push(`Former names of publications are not known (${why})`))
    : await readRedirects();
  const renamed = followRedirects(redirects ?? [], request.publication);
  if (!found && renamed !== request.publication) found = await ask(renamed);
  const named = ({ id, slug, title }: Pick<Publication, 'id' | 'slug' | 'title'>): Publication =>
    withName(request, { id, slug, title }, slugsOf(redirects ?? [], slug));
  const themes = await tolerated(
    () => client.get('content', '/publications/tree', answers.publicationTree, { filter: 'DataCatalogue' }),
    (why) => notes.push(`Publications that were superseded by this one are not known (${why})`),
  );
  const listed = (themes ?? []).flatMap(({ publications }) => publications);
  const asked = found ?? listed.find(({ slug }) => slug === renamed);
  if (!asked) return [];
  if (!found)
    notes.push(`The website has no page of "${renamed}", its list of publications does: the page's route may be gone`);
  const before = listed.filter(({ supersededBy }) => supersededBy?.id === asked.id);
  return [named(asked), ...before.map(named)];
}

/** @param slugs all it has or had */
function withName(
  { known = [], sources = [] }: BackfillRequest,
  publication: Pick<Publication, 'id' | 'slug' | 'title'>,
  slugs: readonly string[],
): Publication {
  const name =
    findName(known, publication.id, slugs)?.name ??
    fieldName(slugs) ??
    sources.find((source) => slugs.includes(source.publication))?.publication ??
    publication.slug;
  return { ...publication, name, slugs };
}

export async function readOfficial(
  client: EesClient,
  request: BackfillRequest,
  onWebsite: readonly Publication[],
): Promise<Versions[]> {
  const publications = onWebsite.length > 0 ? onWebsite : await findOfficially(client, request);
  const all: Versions[] = [];
  for (const publication of publications)
    for (const { id, title } of await readDataSets(client, publication.id))
      all.push({ id, title, publication, versions: await readVersions(client, id) });
  return all;
}

/** The publication in the official list, which knows no former slugs: what was loaded before tells its id. */
async function findOfficially(client: EesClient, request: BackfillRequest): Promise<Publication[]> {
  const { publication: slug, known = [] } = request;
  const before = findName(known, undefined, [slug]);
  const listed = await readPublications(client);
  const found =
    listed.find((each) => each.slug === slug) ??
    listed.find((each) => each.id === before?.eesId || each.slug === before?.slug);
  return found ? [withName(request, found, [slug, found.slug])] : [];
}
