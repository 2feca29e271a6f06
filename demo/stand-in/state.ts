/**
 * What is published: publications, releases and their versions, files, API data sets and their versions, and the acts
 * that change them, with the identifiers that EES keeps and changes at each act. Plain memory; serving is elsewhere.
 */
import { guid } from './identity.js';
import {
  compareVersions,
  versionText,
  type AmendmentInput,
  type ApiDataSet,
  type ApiInput,
  type ApiVersion,
  type FileInput,
  type PublicationRecord,
  type ReleaseFile,
  type ReleaseInput,
  type ReleaseRecord,
} from './records.js';
import { StoredFile } from './stored-file.js';

export class PublishedState {
  readonly publications: PublicationRecord[] = [];
  readonly dataSets: ApiDataSet[] = [];
  readonly publicationRedirects: { readonly fromSlug: string; readonly toSlug: string }[] = [];
  /** By publication slug. */
  readonly releaseRedirects = new Map<string, { fromSlug: string; toSlug: string }[]>();
  readonly #now: () => Date;
  readonly #apiLagMs: number;
  #made = 0;

  /**
   * @param now the clock for `at` left out and for what is live
   * @param apiLagMs milliseconds by which API versions follow the website; 0: at once
   */
  constructor(now: () => Date, apiLagMs = 0) {
    this.#now = now;
    this.#apiLagMs = apiLagMs;
  }

  now(): Date {
    return this.#now();
  }

  /** Publishes a new release. @returns its ids, and the catalogue id of each file by title */
  publish(input: ReleaseInput): {
    releaseId: string;
    releaseVersionId: string;
    dataSetFileIds: Record<string, string>;
  } {
    const at = this.#time(input.at);
    const publication = this.#publicationFor(input);
    if (publication.releases.some((release) => release.slug === input.slug))
      throw new Error(`${input.publication} already has a release ${input.slug}: amend it instead`);
    const release: ReleaseRecord = {
      releaseId: this.#guid('release'),
      slug: input.slug,
      title: input.title,
      yearTitle: input.yearTitle ?? /\d{4}(\/\d\d)?/.exec(input.title)?.[0] ?? '',
      coverageTitle: input.coverageTitle ?? input.title.replace(/ ?\d{4}(\/\d\d)?/, ''),
      type: input.type ?? 'AccreditedOfficialStatistics',
      versionIds: [this.#guid('release version')],
      displayDate: at,
      updatedAt: at,
      updates: [{ date: at, summary: 'First published' }],
      files: [],
      supportingFiles: (input.supportingFiles ?? []).map((file) => ({
        fileId: this.#guid('file'),
        filename: file.name,
        title: file.title,
        summary: '',
        content: Buffer.from(file.content),
      })),
      nextReleaseDate: input.nextReleaseDate,
    };
    if (input.latest === false && publication.releases.length > 0) publication.releases.splice(1, 0, release);
    else publication.releases.unshift(release);
    for (const file of input.files) this.#add(publication, release, file, at);
    return {
      releaseId: release.releaseId,
      releaseVersionId: release.versionIds[0] ?? '',
      dataSetFileIds: Object.fromEntries(release.files.map((file) => [file.title, file.dataSetFileId])),
    };
  }

  /**
   * Amends a release: always a new release version id; a replaced file keeps its catalogue id, gets a new file id and
   * date, and makes a patch of its API data set version. @returns the new release version id
   */
  amend(input: AmendmentInput): string {
    const at = this.#time(input.at);
    const publication = this.publication(input.publication);
    const release = this.release(input.publication, input.release);
    const versionId = this.#guid('release version');
    release.versionIds.push(versionId);
    release.updatedAt = at;
    if (input.note !== undefined) release.updates.unshift({ date: at, summary: input.note });
    if (input.resetDisplayDate === true) release.displayDate = at;
    if (input.nextReleaseDate) release.nextReleaseDate = input.nextReleaseDate;
    for (const replacement of input.replace ?? []) {
      const file = this.#file(release, replacement.file);
      file.content = new StoredFile(replacement.content, replacement.filters);
      file.name = replacement.name ?? file.name;
      file.title = replacement.title ?? file.title;
      file.fileId = this.#guid('file');
      file.subjectId = this.#guid('subject');
      file.updatedAt = at;
      if (file.apiDataSetId !== undefined)
        this.#patch(this.dataSet(file.apiDataSetId), release, file, at, replacement.notes);
    }
    const removed = (input.remove ?? []).map((wanted) => this.#file(release, wanted));
    release.files = release.files.filter((file) => !removed.includes(file));
    for (const file of input.add ?? []) this.#add(publication, release, file, at);
    for (const { file, api } of input.enable ?? [])
      this.#enable(publication, release, this.#file(release, file), api, at);
    return versionId;
  }

  /** Puts a release first in the order set by hand. */
  setLatest(publicationSlug: string, releaseSlug: string, at?: Date): void {
    const publication = this.publication(publicationSlug);
    const { releases } = publication;
    publication.touchedAt = at;
    const release = this.release(publicationSlug, releaseSlug);
    releases.splice(releases.indexOf(release), 1);
    releases.unshift(release);
  }

  /** Gives a publication another slug; the old one is redirected. */
  renamePublication(slug: string, newSlug: string, newTitle?: string): void {
    const publication = this.publication(slug);
    publication.slug = newSlug;
    publication.title = newTitle ?? publication.title;
    this.publicationRedirects.push({ fromSlug: slug, toSlug: newSlug });
  }

  /** Gives a release another slug and title; the old slug is redirected. */
  renameRelease(
    publicationSlug: string,
    slug: string,
    newSlug: string,
    newTitle: string,
    redirect: 'at once' | 'not yet' = 'at once',
  ): void {
    const release = this.release(publicationSlug, slug);
    release.slug = newSlug;
    release.title = newTitle;
    if (redirect === 'not yet') return;
    const redirects = this.releaseRedirects.get(publicationSlug) ?? [];
    this.releaseRedirects.set(publicationSlug, [...redirects, { fromSlug: slug, toSlug: newSlug }]);
  }

  /** One publication takes the place of another, which leaves the sitemap but keeps its pages. */
  supersedePublication(slug: string, by: string): void {
    this.publication(slug).supersededBy = this.publication(by);
  }

  /** Marks a version withdrawn: its csv and meta still answer, queries no longer. */
  withdrawVersion(dataSetId: string, version: string, at?: Date | string): void {
    const record = this.#version(dataSetId, version);
    record.status = 'Withdrawn';
    record.withdrawn = this.#time(at);
  }

  deprecateVersion(dataSetId: string, version: string): void {
    this.#version(dataSetId, version).status = 'Deprecated';
  }

  /** Marks a data set as discontinued in favour of another. */
  supersedeDataSet(dataSetId: string, by: string): void {
    const dataSet = this.dataSet(dataSetId);
    dataSet.status = 'Deprecated';
    dataSet.supersedingDataSetId = by;
  }

  /** Withdraws a whole data set: it is listed nowhere and answers 403. */
  withdrawDataSet(dataSetId: string): void {
    this.dataSet(dataSetId).status = 'Withdrawn';
  }

  /** @throws when there is none */
  publication(slug: string): PublicationRecord {
    return found(
      this.publications.find((each) => each.slug === slug),
      `publication ${slug}`,
    );
  }

  /** @throws when there is none */
  release(publicationSlug: string, slug: string): ReleaseRecord {
    const { releases } = this.publication(publicationSlug);
    return found(
      releases.find((each) => each.slug === slug),
      `release ${slug} of ${publicationSlug}`,
    );
  }

  /** @throws when there is none */
  dataSet(id: string): ApiDataSet {
    return found(
      this.dataSets.find((each) => each.id === id),
      `data set ${id}`,
    );
  }

  /** The versions of a data set that the API knows by now, in the order in which they went live. */
  liveVersions(dataSet: ApiDataSet): ApiVersion[] {
    const now = this.#now().getTime();
    return dataSet.versions.filter((version) => version.liveFrom <= now);
  }

  /** "Latest live": the version last published in time that was not withdrawn, whatever its number. */
  latestLive(dataSet: ApiDataSet): ApiVersion | undefined {
    return this.liveVersions(dataSet)
      .filter((version) => version.status !== 'Withdrawn')
      .reduce<ApiVersion | undefined>(
        (last, each) => (last && last.published > each.published ? last : each),
        undefined,
      );
  }

  /** The release to which a release version id belongs, and whether it is still the newest version. */
  releaseOfVersion(
    versionId: string,
  ): { publication: PublicationRecord; release: ReleaseRecord; isCurrent: boolean } | undefined {
    for (const publication of this.publications)
      for (const release of publication.releases)
        if (release.versionIds.includes(versionId))
          return { publication, release, isCurrent: release.versionIds.at(-1) === versionId };
    return undefined;
  }

  #add(publication: PublicationRecord, release: ReleaseRecord, input: FileInput, at: Date): void {
    const file: ReleaseFile = {
      dataSetFileId: this.#guid('data set file'),
      fileId: this.#guid('file'),
      subjectId: this.#guid('subject'),
      name: input.name,
      title: input.title,
      summary: input.summary ?? '',
      content: new StoredFile(input.content, input.filters),
      updatedAt: at,
      apiDataSetId: undefined,
    };
    release.files.push(file);
    if (input.api) this.#enable(publication, release, file, input.api, at);
  }

  #enable(
    publication: PublicationRecord,
    release: ReleaseRecord,
    file: ReleaseFile,
    { dataSetId, bump, title, notes }: ApiInput,
    at: Date,
  ): void {
    file.apiDataSetId = dataSetId;
    let dataSet = this.dataSets.find((each) => each.id === dataSetId);
    if (!dataSet) {
      dataSet = {
        id: dataSetId,
        publication,
        title: title ?? file.title,
        summary: file.summary,
        status: 'Published',
        supersedingDataSetId: undefined,
        versions: [],
      };
      this.dataSets.push(dataSet);
    }
    const newest = [...dataSet.versions].sort(compareVersions).at(-1);
    const number = !newest
      ? { major: 1, minor: 0 }
      : bump === 'major'
        ? { major: newest.major + 1, minor: 0 }
        : { major: newest.major, minor: newest.minor + 1 };
    this.#makeLive(dataSet, { ...number, patch: 0 }, release, file, at, notes);
  }

  #patch(dataSet: ApiDataSet, release: ReleaseRecord, file: ReleaseFile, at: Date, notes?: string): void {
    const ofFile = dataSet.versions.filter((each) => each.dataSetFileId === file.dataSetFileId).sort(compareVersions);
    const { major, minor, patch } = found(ofFile.at(-1), `version of ${dataSet.title} made from ${file.title}`);
    this.#makeLive(dataSet, { major, minor, patch: patch + 1 }, release, file, at, notes);
  }

  #makeLive(
    dataSet: ApiDataSet,
    number: Pick<ApiVersion, 'major' | 'minor' | 'patch'>,
    release: ReleaseRecord,
    file: ReleaseFile,
    at: Date,
    notes = '',
  ): void {
    const published = new Date(at.getTime() + this.#apiLagMs);
    dataSet.versions.push({
      ...number,
      status: 'Published',
      published,
      liveFrom: this.#apiLagMs === 0 ? -Infinity : published.getTime(),
      withdrawn: undefined,
      notes,
      dataSetFileId: file.dataSetFileId,
      content: file.content,
      release,
    });
  }

  #publicationFor({ publication: slug, publicationId, publicationTitle }: ReleaseInput): PublicationRecord {
    const known = this.publications.find((each) => each.slug === slug);
    if (known) return known;
    const words = slug.replaceAll('-', ' ');
    const title = publicationTitle ?? (words.charAt(0).toUpperCase() + words.slice(1)).replace('england', 'England');
    const made: PublicationRecord = {
      id: publicationId ?? guid(`publication ${slug}`),
      slug,
      title,
      summary: `${title}: levels, reasons and characteristics.`,
      releases: [],
      legacyLinks: [],
      supersededBy: undefined,
    };
    this.publications.push(made);
    return made;
  }

  #file(release: ReleaseRecord, wanted: string): ReleaseFile {
    const file = release.files.find((each) => each.title === wanted || each.name === wanted);
    return found(file, `file "${wanted}" in ${release.title}`);
  }

  #version(dataSetId: string, version: string): ApiVersion {
    const record = this.dataSet(dataSetId).versions.find((each) => versionText(each) === version);
    return found(record, `version ${version} of data set ${dataSetId}`);
  }

  #time(at: Date | string | undefined): Date {
    return at === undefined ? this.#now() : new Date(at);
  }

  #guid(what: string): string {
    this.#made++;
    return guid(`${what} ${this.#made}`);
  }
}

function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`The stand-in has no ${what}`);
  return value;
}
