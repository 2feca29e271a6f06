/** What EES still has of the past: a plan of files for backfill, over both APIs. Fetches no data. */
import { nearest } from '../domain/names.js';
import { parseSixDigits, weekPeriod } from '../domain/period.js';
import type * as answers from './answers.js';
import { choose } from './choose.js';
import type { EesClient } from './client.js';
import { readMetaColumns } from './lists.js';
import { DATA_SET_WITHDRAWN, isMadeFrom, whyTakenBack } from './taken-back.js';
import {
  byVersion,
  parseVersion,
  releaseUrl,
  sizeInBytes,
  statusWords,
  type FileSource,
  type WantedFile,
  type WatchedSource,
} from './wanted.js';
import type { KnownName } from './names.js';
import {
  readOfficial,
  readWebsite,
  tolerated,
  type CatalogueFile,
  type Publication,
  type Versions,
} from './history-find.js';
import { createPreviews, createRoute, createStanding, NO_COLUMNS } from './history-routes.js';

export interface BackfillRequest {
  /** Slug. */
  readonly publication: string;
  /** Academic years ('2016/17'), inclusive: releases about these years. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** Slug of one release. */
  readonly release?: string | undefined;
  /** One data set: its id in the API or the catalogue, or its title. */
  readonly dataSet?: string | undefined;
  /** Of the configuration. */
  readonly dataSets?: WatchedSource['dataSets'];
  /** The configuration, where `dataSets` is not given: that of this publication counts, whichever of its slugs it names. */
  readonly sources?: readonly WatchedSource[];
  /** Names under which figures are loaded already. */
  readonly known?: readonly KnownName[];
}

export interface BackfillPlan {
  /** Oldest first. */
  readonly files: readonly WantedFile[];
  readonly skipped: readonly { readonly release: string; readonly title: string; readonly reason: string }[];
  readonly releases: readonly {
    readonly publication: string;
    readonly slug: string;
    readonly title: string;
    readonly files: number;
  }[];
  /** What could not be asked, in words. */
  readonly notes: readonly string[];
  /** The name of the publication here: its first slug. */
  readonly publication: string;
}

/** What was asked for cannot be: a wrong year, or a name that EES does not have. */
export class BackfillRequestError extends Error {
  override readonly name = 'BackfillRequestError';
}

/**
 * Plans a backfill. From the website: every file of the publication's releases and of the publications it superseded, in
 * its newest version. From the official API: every published version of its data sets, patches too, so that history can
 * be asked as of a date. Either alone suffices; `notes` says what is then missing.
 * @throws BackfillRequestError for a year that is none, or a publication, release or data set that EES does not have;
 *   Error when neither API answers, or one that does not might have the publication
 */
export async function planBackfill(client: EesClient, request: BackfillRequest): Promise<BackfillPlan> {
  const isWanted = releasesWanted(request);
  const notes: string[] = [];
  const skipped: BackfillPlan['skipped'][number][] = [];
  const website = await tolerated(
    () => readWebsite(client, request, notes),
    (why) => notes.push(`The website does not help (${why}): only data sets of the official API are planned`),
  );
  const official = await tolerated(
    () => readOfficial(client, request, website?.publications ?? []),
    (why) =>
      notes.push(`The official API does not help (${why}): files are taken from the website, versions have no numbers`),
  );
  if (!website && !official) throw new Error(`Neither API of EES helps. ${notes.join('. ')}`);
  if ((website?.publications ?? []).length === 0 && (official ?? []).length === 0) {
    const says = `has no publication "${request.publication}"`;
    if (website && official)
      throw new BackfillRequestError(`EES ${says}; its slug is the last part of its address on the website`);
    const asked = website ? 'The website' : 'The official API';
    throw new Error(`${asked} ${says}, and not all of EES could be asked. ${notes.join('. ')}`);
  }
  if (website?.publications.length === 0)
    notes.push(
      `The website does not know "${request.publication}", the official API does: only data sets of the latter are planned`,
    );
  // The publication asked for comes first, before those it superseded.
  const asked = website?.publications[0] ?? official?.[0]?.publication;
  const slugs = [request.publication, ...(asked?.slugs ?? [])];
  const dataSets = request.dataSets ?? request.sources?.find((each) => slugs.includes(each.publication))?.dataSets;
  refuseUnknown(request, namesAt(website?.files ?? [], official ?? []), isWanted, notes);

  const files: WantedFile[] = [];
  const pinned = new Set<string>();
  const meta = new Map<string, Promise<string[] | undefined>>();
  const askMeta = createRoute(notes, NO_COLUMNS, 'data sets');
  const previewOf = createPreviews(client, notes);
  const isWithdrawn = createStanding(client, notes);
  for (const { publication, item, types } of website?.files ?? []) {
    if (!isWanted(item.release.slug)) continue;
    const takenBack = official && (await whyRefused(official, item, isWithdrawn));
    if (takenBack !== undefined) {
      if (isNamed(request.dataSet, [item.title, item.id, item.api?.id]))
        skipped.push({ release: item.release.title, title: item.title, reason: takenBack });
      continue;
    }
    const version = official && versionOf(official, item);
    if (version) pinned.add(`${version.dataSetId} ${version.version.version}`);
    const ids = [item.id, item.api?.id];
    if (!isNamed(request.dataSet, [item.title, ...ids])) continue;
    const { columns, fileName } = await previewOf(item);
    const choice = choose({ title: item.title, fileName, ids, columns }, dataSets);
    if (!choice.wanted) skipped.push({ release: item.release.title, title: item.title, reason: choice.reason });
    else
      files.push(
        fromWebsite(
          publication,
          { ...item, filename: fileName },
          types.get(item.release.slug),
          firstOf(website?.files ?? [], item),
          columns,
          version,
        ),
      );
  }
  for (const { id, title, publication, versions } of official ?? [])
    for (const version of versions) {
      if (version.status !== 'Published' || pinned.has(`${id} ${version.version}`)) continue;
      if (!isWanted(version.release.slug) || !isNamed(request.dataSet, [title, id, version.file.id])) continue;
      // Columns go only with a new major version.
      const key = `${id} ${parseVersion(version.version).major}`;
      const asked = meta.get(key) ?? askMeta(title, () => readMetaColumns(client, id, version.version));
      meta.set(key, asked);
      const columns = await asked;
      const choice = choose({ title, ids: [id, version.file.id], columns }, dataSets);
      if (!choice.wanted) skipped.push({ release: version.release.title, title, reason: choice.reason });
      else files.push(fromApi(publication, id, title, version, versions, columns));
    }
  files.sort((a, b) => a.publishedAt.localeCompare(b.publishedAt));
  return { files, skipped, releases: releasesOf(files), notes, publication: asked?.name ?? request.publication };
}

/** The year (its first calendar year) a release is about, by the slug that EES makes from its time period. */
export function yearOfRelease(slug: string): number | undefined {
  const [, year, week] = /^(\d{4})-week-(\d{1,2})(?:-|$)/.exec(slug) ?? [];
  if (year !== undefined && week !== undefined) return weekPeriod(Number(year), Number(week)).startYear;
  const [, first, second] = /^(\d{4})-(\d{2})(?:-|$)/.exec(slug) ?? [];
  return first === undefined || second === undefined ? undefined : parseSixDigits(first + second);
}

/** One file or version of EES under every name that a request may call it by. */
interface Named {
  readonly releaseSlug: string;
  readonly title: string;
  readonly ids: readonly (string | undefined)[];
}

function namesAt(files: readonly { readonly item: CatalogueFile }[], official: readonly Versions[]): Named[] {
  return [
    ...files.map(({ item }) => ({ releaseSlug: item.release.slug, title: item.title, ids: [item.id, item.api?.id] })),
    ...official.flatMap(({ id, title, versions }) =>
      versions
        .filter(({ status }) => status === 'Published')
        .map((version) => ({ releaseSlug: version.release.slug, title, ids: [id, version.file.id] })),
    ),
  ];
}

/** How many names an error lists. */
const MOST_NAMED = 12;

/** @throws BackfillRequestError when the request names a release or a data set that is not among these */
function refuseUnknown(
  { publication, release, dataSet }: BackfillRequest,
  names: readonly Named[],
  isWanted: (slug: string) => boolean,
  notes: readonly string[],
): void {
  const refuse = (what: string, near: string | undefined, all: readonly string[]): never => {
    const known = [...new Set(all)].sort();
    const more = known.length > MOST_NAMED ? ` and ${known.length - MOST_NAMED} more` : '';
    throw new BackfillRequestError(
      [
        `EES has no ${what}.`,
        ...(near === undefined ? [] : [`Did you mean ${near}?`]),
        known.length === 0 ? 'It has none.' : `It has: ${known.slice(0, MOST_NAMED).join(', ')}${more}.`,
        ...notes.map((note) => `Not all of EES could be asked. ${note}.`),
      ].join(' '),
    );
  };
  const slugs = names.map(({ releaseSlug }) => releaseSlug);
  if (release !== undefined && !slugs.includes(release))
    refuse(`release "${release}" of ${publication}`, nearest(release, slugs), slugs);
  const here = names.filter(({ releaseSlug }) => isWanted(releaseSlug));
  if (dataSet === undefined || here.some(({ title, ids }) => isNamed(dataSet, [title, ...ids]))) return;
  const titles = here.map(({ title }) => title);
  const near = nearest(dataSet, titles);
  refuse(
    `data set "${dataSet}" in ${release ?? 'these releases'} of ${publication}`,
    near === undefined ? undefined : `"${near}"`,
    titles.map((title) => `"${title}"`),
  );
}

/**
 * Which releases, by their slugs, a request is about.
 * @throws BackfillRequestError for years that are none, or in the wrong order
 */
export function releasesWanted({
  from,
  to,
  release,
}: Pick<BackfillRequest, 'from' | 'to' | 'release'>): (slug: string) => boolean {
  const first = academicYear(from, '--from') ?? -Infinity;
  const last = academicYear(to, '--to') ?? Infinity;
  if (first > last) throw new BackfillRequestError(`--from ${from ?? ''} is later than --to ${to ?? ''}`);
  return (slug) => {
    if (release !== undefined) return slug === release;
    const year = yearOfRelease(slug);
    return year === undefined || (year >= first && year <= last);
  };
}

function academicYear(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  const year = parseSixDigits(text.trim().replace(/[/-]/, ''));
  if (year === undefined)
    throw new BackfillRequestError(`${option} ${text} is no academic year; write it like 2016/17`);
  return year;
}

function isNamed(wanted: string | undefined, names: readonly (string | undefined)[]): boolean {
  return wanted === undefined || names.some((name) => name?.trim().toLowerCase() === wanted.trim().toLowerCase());
}

/** Why the official API is against the bytes that the website has now, in words; undefined where it is not. */
async function whyRefused(
  official: readonly Versions[],
  item: CatalogueFile,
  isWithdrawn: (id: string, title: string) => Promise<boolean>,
): Promise<string | undefined> {
  const id = item.api?.id;
  // Listed are all but withdrawn ones; those of another publication answer.
  if (id !== undefined && official.every((each) => each.id !== id))
    return (await isWithdrawn(id, item.title)) ? DATA_SET_WITHDRAWN : undefined;
  const versions = official
    .flatMap((dataSet) => dataSet.versions)
    .map((version) => ({ ...version, dataSetFileId: version.file.id }));
  return whyTakenBack(versions, { dataSetFileId: item.id, lastUpdated: item.lastUpdated });
}

/** The version that carries the bytes the website has now. */
function versionOf(official: readonly Versions[], item: CatalogueFile) {
  const made = official
    .flatMap(({ id, title, versions }) => versions.map((version) => ({ dataSetId: id, title, version })))
    .filter(({ version }) => version.file.id === item.id && version.status === 'Published')
    .filter(({ version }) => version.published !== undefined && isMadeFrom(version.published, item.lastUpdated));
  return made.sort((a, b) => byVersion(a.version.version, b.version.version)).at(-1);
}

/** When a release first came out, as well as its files and its display date tell. */
function firstOf(files: readonly { readonly item: CatalogueFile }[], { release, published }: CatalogueFile): string {
  return files
    .filter(({ item }) => item.release.id === release.id)
    .reduce((first, { item }) => (item.lastUpdated < first ? item.lastUpdated : first), published);
}

function fromWebsite(
  publication: Publication,
  item: CatalogueFile & { readonly filename: string },
  type: string | undefined,
  firstPublished: string,
  columns: readonly string[] | undefined,
  pinned: ReturnType<typeof versionOf>,
): WantedFile {
  const onWebsite: FileSource = {
    kind: 'release file',
    releaseVersionId: item.release.id,
    fileId: item.fileId,
    dataSetFileId: item.id,
  };
  return {
    publication: { slug: publication.name, title: publication.title, eesId: publication.id },
    release: {
      title: item.release.title,
      slug: item.release.slug,
      status: type === undefined ? undefined : statusWords(type),
      firstPublished,
      url: releaseUrl(publication.slug, item.release.slug),
    },
    dataSet: { title: pinned?.title ?? item.title, apiId: pinned?.dataSetId ?? item.api?.id, columns },
    version: pinned && parseVersion(pinned.version.version),
    publishedAt: pinned?.version.published ?? item.lastUpdated,
    source: pinned
      ? { kind: 'api', dataSetId: pinned.dataSetId, version: pinned.version.version, dataSetFileId: item.id }
      : onWebsite,
    alternative: pinned ? onWebsite : undefined,
    expected: {
      rows: pinned?.version.totalResults ?? item.meta?.numDataFileRows,
      bytes: sizeInBytes(item.fileSize),
    },
    fileName: item.filename,
  };
}

function fromApi(
  publication: Publication,
  id: string,
  title: string,
  version: answers.DataSetVersion,
  versions: readonly answers.DataSetVersion[],
  columns: readonly string[] | undefined,
): WantedFile {
  const publishedAt = version.published ?? '';
  const firstPublished = versions
    .filter(({ file }) => file.id === version.file.id)
    .reduce((first, { published }) => (published !== undefined && published < first ? published : first), publishedAt);
  return {
    publication: { slug: publication.name, title: publication.title, eesId: publication.id },
    release: {
      title: version.release.title,
      slug: version.release.slug,
      status: undefined,
      firstPublished,
      url: releaseUrl(publication.slug, version.release.slug),
    },
    dataSet: { title, apiId: id, columns },
    version: parseVersion(version.version),
    publishedAt,
    source: { kind: 'api', dataSetId: id, version: version.version, dataSetFileId: version.file.id },
    alternative: undefined,
    expected: { rows: version.totalResults, bytes: undefined },
    fileName: `${id}_v${version.version}.csv`,
  };
}

function releasesOf(files: readonly WantedFile[]): BackfillPlan['releases'] {
  const releases = new Map<string, BackfillPlan['releases'][number]>();
  for (const { publication, release } of files) {
    const key = `${publication.slug} ${release.slug}`;
    const counted = releases.get(key)?.files ?? 0;
    releases.set(key, { publication: publication.slug, slug: release.slug, title: release.title, files: counted + 1 });
  }
  return [...releases.values()];
}
