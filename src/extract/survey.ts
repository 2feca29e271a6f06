/** One look around at EES: what its parts share while it goes on. */
import type { DataSet } from './answers.js';
import type { EesClient } from './client.js';
import { EesError, troubleOf } from './errors.js';
import type { Memory } from './memory.js';
import type { KnownName } from './names.js';
import { standingSince, type Asked } from './standing.js';
import type { Version, WantedFile } from './wanted.js';

export interface ReleaseNews {
  /** Name of the publication. */
  readonly publication: string;
  readonly slug: string;
  readonly title: string;
  /** first look: there before the publication was watched, and followed from now on. */
  readonly kind:
    'first look' | 'new release' | 'amended' | 'amended in text only' | 'no longer latest' | 'renamed' | 'gone';
  /** True ISO time of publication, where known. */
  readonly at: string | undefined;
  /** The publisher's own note on an amendment. */
  readonly note?: string | undefined;
}

/** A publication that is another one at EES now. */
export interface PublicationNews {
  /** Slug, as it was followed until now. */
  readonly publication: string;
  readonly what: 'renamed' | 'superseded';
  /** Slug of the publication that is followed in its place. */
  readonly now: string;
}

/** The number of a version whose bytes were taken from the website while the official API was away, or before they were in it. */
export interface Numbered {
  /** `sourceKey` under which they were loaded. */
  readonly key: string;
  /** Of the official API. */
  readonly dataSetId: string;
  readonly version: Version;
}

export interface Skipped {
  readonly publication: string;
  readonly release: string;
  readonly title: string;
  readonly reason: string;
}

/** A way to EES that does not work as it should. */
export interface Degraded {
  readonly source: string;
  readonly api: 'content' | 'official';
  /** The route without its ids. */
  readonly route: string;
  /** vanished: gone or of another shape, wants a human; unreachable: may pass. */
  readonly kind: 'vanished' | 'unreachable';
  readonly reason: string;
  /** What cannot be had meanwhile, in words. */
  readonly missing: readonly string[];
  /** All figures come without this way too; what is missing is said about them, no more. */
  readonly costsNoFigure: boolean;
  /** ISO time of the first poll that met it. */
  readonly since: string;
}

/** Data that EES took back; or a whole data set that it calls deprecated, which goes no further and stands as it is. */
export interface Withdrawn {
  readonly publication: string;
  readonly title: string;
  /** Title; undefined for a whole data set. */
  readonly release: string | undefined;
  readonly status: 'withdrawn' | 'deprecated' | 'removed from its release';
  readonly what:
    | {
        readonly kind: 'version';
        readonly dataSetId: string;
        readonly version: string;
        /** The website's file of the same bytes, which may have been loaded instead. */
        readonly fileId: string | undefined;
      }
    | { readonly kind: 'data set'; readonly dataSetId: string; readonly supersededBy: string | undefined }
    | {
        readonly kind: 'release file';
        readonly release: string;
        readonly dataSetFileId: string;
        readonly fileId: string;
      };
  /** ISO time, where EES tells. */
  readonly at: string | undefined;
}

/** Data that EES had taken back and publishes again. */
export type Reinstated =
  | { readonly kind: 'version'; readonly dataSetId: string; readonly version: string }
  | { readonly kind: 'data set'; readonly dataSetId: string };

/** A file that was loaded, by its ids at EES. */
export interface LoadedFile {
  readonly dataSetFileId: string;
  readonly fileId: string;
  readonly title: string;
  readonly fileName: string;
  /** Data set of the official API that it became. */
  readonly apiId: string | undefined;
}

export interface DiscoverOptions {
  /** Whether the pipeline holds these bytes (or has refused them): asked for each file before it is offered. */
  readonly alreadyLoaded?: (file: WantedFile) => boolean | Promise<boolean>;
  /** Whether the pipeline holds figures of a release: asked for those that are not followed. */
  readonly isLoadedRelease?: (publication: string, slug: string) => Promise<boolean>;
  /**
   * The files of a release that the pipeline holds, each as it was loaded last: asked for releases of which nothing is
   * remembered. A backfill, or a program with another memory, loaded them.
   */
  readonly loadedFiles?: (publication: string, release: string) => Promise<readonly LoadedFile[]>;
  /** The whole round of the official API instead of one step of it. */
  readonly thorough?: boolean;
  /** ms that a version may be behind its file on the website before the website's file is taken. */
  readonly apiDeadlineMs?: number;
  /** ms to wait within a poll for versions that are behind (they come about 20 s later). */
  readonly apiPatienceMs?: number;
  /** Names under which figures are loaded already. */
  readonly known?: readonly KnownName[];
}

/** The state of one call of `discover`. */
export interface Survey {
  readonly client: EesClient;
  readonly memory: Memory;
  readonly options: Required<Omit<DiscoverOptions, 'alreadyLoaded' | 'isLoadedRelease' | 'loadedFiles'>> &
    Pick<DiscoverOptions, 'alreadyLoaded' | 'isLoadedRelease' | 'loadedFiles'>;
  readonly releases: ReleaseNews[];
  readonly publications: PublicationNews[];
  readonly numbered: Numbered[];
  readonly withdrawn: Withdrawn[];
  readonly reinstated: Reinstated[];
  readonly degraded: Degraded[];
  readonly notes: string[];
  /** What came of each list of data sets, by the publication's id: refused or not, it is asked for once. */
  readonly dataSetLists: Map<string, Promise<readonly DataSet[]>>;
  /** Data sets whose versions were asked for. */
  readonly versionsAsked: Set<string>;
  /** Which places were asked, and what came of it. */
  readonly asked: Asked;
}

/** What the website alone has. */
export const MISSING_WITHOUT_WEBSITE = [
  'release files that are not in the official API (term releases above all)',
  'amendments of text only',
  'the status of releases',
  'the date of the next release',
];
export const MISSING_WITHOUT_API = ['numbers of data set versions', 'withdrawn and deprecated versions'];

/**
 * Notes that a way does not work, and goes on.
 * @param about costsNoFigure: whether all figures come without this way, should it be gone alone
 * @throws the error itself when it is no trouble of EES (the run was stopped, its budget is used up)
 */
export function degrade(
  survey: Survey,
  error: unknown,
  {
    costsNoFigure = false,
    ...about
  }: Pick<Degraded, 'source' | 'api' | 'route' | 'missing'> & { costsNoFigure?: boolean },
): void {
  const kind = troubleOf(error);
  if (kind === undefined || !(error instanceof EesError)) throw error;
  const asked = survey.asked.places.get(error) ?? { place: about.route, path: '', query: {} };
  survey.asked.failed.push({ ...about, missing: [...about.missing], kind, reason: error.message, ...asked });
  const key = `${about.source} ${about.api} ${about.route}`;
  if (survey.degraded.some((known) => `${known.source} ${known.api} ${known.route}` === key)) return;
  const since = standingSince(survey.memory, about) ?? new Date(survey.client.now()).toISOString();
  survey.degraded.push({
    ...about,
    kind,
    reason: error.message,
    since,
    // An API that is down is asked no more in this look around: more is missing than this.
    costsNoFigure: costsNoFigure && !survey.asked.down.has(about.api),
  });
}
