/** What is known of a file before its figures are read: from where, which release, which data set, which version. */
import type { Observation } from '../domain/figure.js';
import { titleWithoutYear } from '../domain/titles.js';

export interface VersionNumber {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

export interface VersionMeta {
  readonly publication: {
    readonly slug: string;
    /** The slug, where unknown. */
    readonly title?: string | undefined;
    readonly eesId?: string | undefined;
  };
  readonly release: {
    /** 'Autumn and spring term 2024/25'; for local files the label. */
    readonly title: string;
    /** EES slug; made from the title where there is none. */
    readonly slug?: string | undefined;
    /** 'accredited official statistics', … */
    readonly status?: string | undefined;
    readonly url?: string | undefined;
    /** True time of publication of the release's first version, as far as known; default: `publishedAt`. */
    readonly firstPublished?: Date | undefined;
  };
  readonly dataSet: {
    readonly title: string;
    /** Id in the official API. */
    readonly apiId?: string | undefined;
    /** Column names of the file: with the title they tell one data set from another. */
    readonly columns: readonly string[];
    /** Of a local file its label is the identity. */
    readonly local?: boolean | undefined;
  };
  /** The API's number; files outside the API are counted. */
  readonly version?: VersionNumber | undefined;
  /** The version's own time of publication; undated files count as published when loaded. */
  readonly publishedAt?: Date | undefined;
  /** Where the bytes came from. */
  readonly source: Readonly<Record<string, unknown>>;
  readonly sha256: string;
  readonly fileName: string;
  readonly bytes: number;
  readonly runId?: number | undefined;
  /** Gates that are overridden, and why. */
  readonly accept?: readonly { readonly gate: string; readonly reason: string }[] | undefined;
  /** Load the bytes again although a version of them was removed or withdrawn before. */
  readonly again?: boolean | undefined;
}

export interface Verdict {
  readonly gate: string;
  readonly verdict: 'pass' | 'warn' | 'quarantine';
  readonly message: string;
  readonly detail?: unknown;
}

/** The quality gates as a load needs them: they see every batch, and judge when the file has been read. */
export interface Gates {
  observe(batch: readonly Observation[]): void;
  verdicts(): readonly Verdict[];
  /** What the gates want to know of this version when the next one comes. */
  shape(): unknown;
}

/** Identity of a data set of the official API. */
export function apiIdentity(apiId: string): string {
  return `api:${apiId}`;
}

/** Identity of a data set within its publication, by which its versions are counted and held against each other. */
export function dataSetIdentity(meta: VersionMeta): string {
  if (meta.dataSet.apiId !== undefined) return apiIdentity(meta.dataSet.apiId);
  if (meta.dataSet.local === true) return `label:${meta.release.title.trim()}`;
  return `title:${titleWithoutYear(meta.dataSet.title)}|columns:${columnNames(meta)}`;
}

/** The columns of a file as one text, whatever their order and case. */
export function columnNames(meta: VersionMeta): string {
  return meta.dataSet.columns
    .map((column) => column.trim().toLowerCase())
    .sort()
    .join(',');
}

/** A slug as EES would make it: 'Autumn term 2024/25' is 'autumn-term-2024-25'. */
export function releaseSlug(meta: VersionMeta): string {
  return (
    meta.release.slug ??
    meta.release.title
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '')
  );
}

export function numberText({ major, minor, patch }: VersionNumber): string {
  return `${major}.${minor}.${patch}`;
}
