/** Publications, releases, files and API data sets as the stand-in keeps them, and what tests say to change them. */
import type { StoredFile, FileContent } from './stored-file.js';

export type ReleaseType =
  | 'AccreditedOfficialStatistics'
  | 'OfficialStatistics'
  | 'AdHocStatistics'
  | 'ExperimentalStatistics'
  | 'ManagementInformation'
  | 'OfficialStatisticsInDevelopment';

/** Month and day are optional and typed by hand. */
export interface NextReleaseDate {
  readonly year: number;
  readonly month?: number;
  readonly day?: number;
}

export interface ReleaseFile {
  /** The catalogue's id: kept when the file is replaced, new with each release. */
  readonly dataSetFileId: string;
  /** New with each replacement. */
  fileId: string;
  subjectId: string;
  name: string;
  title: string;
  summary: string;
  content: StoredFile;
  /** When this very file was published or replaced. */
  updatedAt: Date;
  apiDataSetId: string | undefined;
}

export interface SupportingFile {
  readonly fileId: string;
  readonly filename: string;
  readonly title: string;
  readonly summary: string;
  readonly content: Buffer;
}

export interface ReleaseRecord {
  readonly releaseId: string;
  slug: string;
  title: string;
  yearTitle: string;
  coverageTitle: string;
  readonly type: ReleaseType;
  /** Newest last; every older one is superseded and answers 403. */
  readonly versionIds: string[];
  /** Display date: kept through amendments. */
  displayDate: Date;
  /** True publication time of the newest version. */
  updatedAt: Date;
  readonly updates: { readonly date: Date; readonly summary: string }[];
  files: ReleaseFile[];
  readonly supportingFiles: SupportingFile[];
  nextReleaseDate: NextReleaseDate | undefined;
}

export interface PublicationRecord {
  readonly id: string;
  slug: string;
  title: string;
  readonly summary: string;
  /** In the order set by hand: the first is "the latest release", whenever it was published. */
  readonly releases: ReleaseRecord[];
  /** Links to releases from before EES, shown among the entries. */
  readonly legacyLinks: { readonly title: string; readonly url: string }[];
  supersededBy: PublicationRecord | undefined;
  /** When something of the publication itself was changed, where that was not with a release. */
  touchedAt?: Date | undefined;
}

export type VersionStatus = 'Published' | 'Deprecated' | 'Withdrawn';

export interface ApiVersion {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  status: VersionStatus;
  readonly published: Date;
  /** Hidden until then: the API follows the website by some seconds. */
  readonly liveFrom: number;
  withdrawn: Date | undefined;
  readonly notes: string;
  readonly dataSetFileId: string;
  readonly content: StoredFile;
  readonly release: ReleaseRecord;
}

export interface ApiDataSet {
  readonly id: string;
  readonly publication: PublicationRecord;
  readonly title: string;
  readonly summary: string;
  status: VersionStatus;
  supersedingDataSetId: string | undefined;
  /** In the order in which they went live. */
  readonly versions: ApiVersion[];
}

/** A data file to publish. */
export interface FileInput {
  /** 'absence_2term_nat_reg_la.csv' */
  readonly name: string;
  readonly title: string;
  readonly summary?: string;
  readonly content: FileContent;
  /** Filter columns, where they cannot be told from their values. */
  readonly filters?: readonly string[];
  /** Also in the official API. */
  readonly api?: ApiInput;
}

export interface ApiInput {
  /** GUID; a data set not seen before starts at 1.0. */
  readonly dataSetId: string;
  /** What a new release's file gives: next minor (default), or next major where something is gone. */
  readonly bump?: 'minor' | 'major';
  /** Title of the data set, default that of the file. */
  readonly title?: string;
  readonly notes?: string;
}

export interface ReleaseInput {
  /** Slug; a publication not seen before is created. */
  readonly publication: string;
  readonly publicationTitle?: string;
  readonly publicationId?: string;
  /** '2024-25-autumn-and-spring-term' */
  readonly slug: string;
  /** 'Autumn and spring term 2024/25' */
  readonly title: string;
  readonly yearTitle?: string;
  readonly coverageTitle?: string;
  readonly type?: ReleaseType;
  /** Default: now. */
  readonly at?: Date | string;
  readonly files: readonly FileInput[];
  readonly supportingFiles?: readonly { name: string; title: string; content: Buffer | string }[];
  /** Default true: first in the order set by hand. */
  readonly latest?: boolean;
  readonly nextReleaseDate?: NextReleaseDate;
}

export interface AmendmentInput {
  readonly publication: string;
  /** Slug of the release. */
  readonly release: string;
  readonly at?: Date | string;
  /** Public update note; without one `updateCount` stays. */
  readonly note?: string;
  /** Files by title or name, with their new bytes; none of them: text only. */
  readonly replace?: readonly {
    file: string;
    content: FileContent;
    name?: string;
    title?: string;
    filters?: readonly string[];
    notes?: string;
  }[];
  readonly add?: readonly FileInput[];
  /** Files, by title or name, that are a data set of the API from now on: its first version is of the bytes they have now. */
  readonly enable?: readonly { file: string; api: ApiInput }[];
  /** Titles or names. */
  readonly remove?: readonly string[];
  /** Analysts may tick this; by default the display date stays. */
  readonly resetDisplayDate?: boolean;
  readonly nextReleaseDate?: NextReleaseDate;
}

/** '2.1', or '2.1.1' where there is a patch. */
export function versionText({ major, minor, patch }: Pick<ApiVersion, 'major' | 'minor' | 'patch'>): string {
  return `${major}.${minor}${patch > 0 ? `.${patch}` : ''}`;
}

/** Negative when `a` is the lower number. */
export function compareVersions(a: ApiVersion, b: ApiVersion): number {
  return a.major - b.major || a.minor - b.minor || a.patch - b.patch;
}
