/** Files that were offered and could not be fetched, poll after poll: remembered with what is known of each file. */
import type { FailureMemo, PublicationMemo } from './memory.js';

/** What of one publication could not be fetched. */
export interface Unfetched {
  readonly source: string;
  /** Of the newest failure. */
  readonly route: string;
  readonly reason: string;
  /** The files in words. */
  readonly missing: readonly string[];
  /** ISO time of the first failure. */
  readonly since: string;
  /** Polls in a row in which the file that has waited longest could not be fetched. */
  readonly failures: number;
}

/** How many files a sentence names. */
const MOST_NAMED = 10;

/** One more failure of a file. @param at ISO time */
export function oneMore(before: FailureMemo | undefined, reason: string, at: string): FailureMemo {
  return { since: before?.since ?? at, last: at, count: (before?.count ?? 0) + 1, reason };
}

/** The files of one publication that are still to be had and failed last time; undefined where there is none. */
export function unfetchedOf(publication: PublicationMemo): Unfetched | undefined {
  const files = Object.entries(publication.releases).flatMap(([slug, release]) =>
    release.files.map((file) => ({ ...file, release: release.title ?? slug, route: 'releases/…/files/…' })),
  );
  const versions = Object.values(publication.dataSets).flatMap(({ title, versions: all }) =>
    Object.values(all).map((version) => ({
      ...version,
      title,
      release: version.release.title,
      route: 'data-sets/…/csv',
    })),
  );
  const waiting = [...files, ...versions]
    .flatMap(({ title, release, route, state, failure }) =>
      state === 'open' && failure !== undefined ? [{ name: `"${title}" (${release})`, route, ...failure }] : [],
    )
    .sort((a, b) => b.last.localeCompare(a.last));
  const [newest] = waiting;
  if (newest === undefined) return undefined;
  const names = waiting.map(({ name }) => name);
  const more = names.length > MOST_NAMED ? [`${names.length - MOST_NAMED} more`] : [];
  const missing = [...names.slice(0, MOST_NAMED), ...more];
  return {
    source: publication.name,
    route: newest.route,
    reason: `${names.length === 1 ? '1 file' : `${names.length} files`} could not be fetched: ${missing.join(', ')}: ${newest.reason}`,
    missing,
    since: waiting.map(({ since }) => since).reduce((first, since) => (since < first ? since : first)),
    failures: Math.max(...waiting.map(({ count }) => count)),
  };
}
