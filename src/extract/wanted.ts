/** What discovery and backfill hand on: a file worth loading, and how to speak of versions. */

export interface Version {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

/** Where the bytes are. Always pinned: the same source never gives other bytes. */
export type FileSource =
  | { readonly kind: 'api'; readonly dataSetId: string; readonly version: string; readonly dataSetFileId: string }
  | {
      readonly kind: 'release file';
      readonly releaseVersionId: string;
      readonly fileId: string;
      readonly dataSetFileId: string;
      /** Of the same data set's bytes that are held already: an identical re-publication answers 304. */
      readonly etag?: string | undefined;
    };

/** One data set version at EES. */
export interface WantedFile {
  readonly publication: {
    /** The name under which the publication is known here: its first slug, kept when EES renames it. */
    readonly slug: string;
    readonly title: string;
    readonly eesId: string | undefined;
  };
  readonly release: {
    readonly title: string;
    readonly slug: string;
    /** 'accredited official statistics', …; undefined where only the official API was asked. */
    readonly status: string | undefined;
    /** ISO time of the release's first version, as well as it can be known: orders releases. */
    readonly firstPublished: string;
    /** The page a reader may be sent to. */
    readonly url: string;
  };
  readonly dataSet: {
    readonly title: string;
    readonly apiId: string | undefined;
    /** Header of the file (official API: column names of its filters and indicators), where known. */
    readonly columns: readonly string[] | undefined;
  };
  /** Of the official API; undefined for what only the website has. */
  readonly version: Version | undefined;
  /** True ISO time of publication of this version of the file; never a display date. */
  readonly publishedAt: string;
  readonly source: FileSource;
  /** Catalogue ids of the files in whose place it is in its release, where it was uploaded anew. */
  readonly replaces?: readonly string[] | undefined;
  /** The same bytes by the other way. */
  readonly alternative: FileSource | undefined;
  readonly expected: { readonly rows: number | undefined; readonly bytes: number | undefined };
  readonly fileName: string;
}

/** A source as the configuration names it. */
export interface WatchedSource {
  /** Slug. */
  readonly publication: string;
  readonly dataSets?: { readonly include?: readonly string[]; readonly exclude?: readonly string[] } | undefined;
}

export const VERSION_NUMBER = /^\s*v?(\d+)(?:\.(\d+))?(?:\.(\d+))?\s*$/;

/** '1' is 1.0.0, '2.1' is 2.1.0 exactly; a leading v and blanks are allowed. @throws Error for anything else */
export function parseVersion(text: string): Version {
  const [, major, minor = '0', patch = '0'] = VERSION_NUMBER.exec(text) ?? [];
  if (major === undefined) throw new Error(`"${text}" is no data set version; one looks like 2.1 or 2.1.1`);
  return { major: Number(major), minor: Number(minor), patch: Number(patch) };
}

/** Orders version texts by number, lowest first ('1.10' after '1.9'). */
export function byVersion(a: string, b: string): number {
  const [left, right] = [parseVersion(a), parseVersion(b)];
  return left.major - right.major || left.minor - right.minor || left.patch - right.patch;
}

/** 'AccreditedOfficialStatistics' -> 'accredited official statistics'. */
export function statusWords(type: string): string {
  return type.replace(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase();
}

const WEBSITE = 'https://explore-education-statistics.service.gov.uk/find-statistics';

/** The page of a release. */
export function releaseUrl(publicationSlug: string, releaseSlug: string): string {
  return `${WEBSITE}/${encodeURIComponent(publicationSlug)}/${encodeURIComponent(releaseSlug)}`;
}

/** '41 Mb' (as the catalogue writes sizes) in bytes, roughly; undefined where it is written otherwise. */
export function sizeInBytes(text: string | undefined): number | undefined {
  const [, amount, unit] = /^\s*([\d.]+)\s*([KMG]?)i?B\s*$/i.exec(text ?? '') ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  return Math.round(Number(amount) * 1024 ** ['', 'K', 'M', 'G'].indexOf(unit.toUpperCase()));
}

/** The same bytes, whichever way they come. */
export function sourceKey(source: FileSource): string {
  return source.kind === 'api' ? `api/${source.dataSetId}/${source.version}` : releaseFileKey(source.fileId);
}

/** `sourceKey` of a release file. */
export function releaseFileKey(fileId: string): string {
  return `file/${fileId}`;
}
