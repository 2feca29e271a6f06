/** Entries of `data_sets` in the configuration that name nothing at EES: they stand until they are corrected, or EES has it. */
import type { Config } from './config.js';
import type { SourceState, Unmatched } from './source-state.js';

/** What the last run found to name nothing, as far as the configuration still says it. */
export function stillUnmatched({ unmatched }: Pick<SourceState, 'unmatched'>, sources: Config['sources']): Unmatched[] {
  return unmatched.filter(({ publication, list, entry }) =>
    sources.some((source) => source.publication === publication && source.dataSets[list].includes(entry)),
  );
}

/** Those that the runs before did not find. */
export function newlyUnmatched(before: readonly Unmatched[], now: readonly Unmatched[]): Unmatched[] {
  const known = new Set(before.map(keyOf));
  return now.filter((each) => !known.has(keyOf(each)));
}

function keyOf({ publication, list, entry }: Unmatched): string {
  return JSON.stringify([publication, list, entry]);
}

export const UNMATCHED_ADVICE =
  'Write a title, a file name or an id as EES has it, or take the entry out of the configuration.';

/** 'data_sets of pupil-absence in the configuration: include "Levle" names no data set of the releases that are followed' */
export function unmatchedWords({ publication, list, entry }: Unmatched): string {
  return `data_sets of ${publication} in the configuration: ${list} "${entry}" names no data set of the releases that are followed`;
}
