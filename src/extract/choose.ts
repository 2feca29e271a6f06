/** Which files of a release are worth fetching: told by their columns, unless the configuration names them. */
import { recogniseColumns } from '../domain/columns.js';
import type { WatchedSource } from './wanted.js';

export interface Candidate {
  readonly title: string;
  readonly fileName?: string | undefined;
  /** Ids by which the configuration may name it. */
  readonly ids: readonly (string | undefined)[];
  /** Undefined where no way of knowing them answers. */
  readonly columns: readonly string[] | undefined;
}

export type Choice = { readonly wanted: true } | { readonly wanted: false; readonly reason: string };

/**
 * Files that look like ours and are about other pupils, with no column to tell: a Total of four-year-olds taken for all
 * pupils would be a wrong figure. In titles, which are typed by hand, and in file names, where "_" stands for a blank.
 * "year 4" is a class of eight-year-olds, "over four years" a span of time, and "aged 4 to 15" means all pupils.
 */
const OTHER_PUPILS: readonly { readonly names: readonly RegExp[]; readonly who: string }[] = [
  {
    names: [
      /\b(four|4) ?(years?|yrs?) ?(olds?|of age)\b/i,
      /\bage[ds]? ?(four|4)\b(?! ?(to|and|or|over|plus|\d))/i,
      /\b4 ?yos?\b/i,
      /(?<!\b(last|past|previous|over) )\b4yrs?(?=\.|$)/i,
    ],
    who: 'four-year-olds alone',
  },
];

/** What the configuration says of the data sets of a source. */
type DataSets = WatchedSource['dataSets'];

/**
 * Decides about one data set. Where the configuration includes some, those are wanted whatever their columns, and no
 * others; an exclude wins over the columns. Wanted is also what cannot be judged: a file whose columns nobody tells (its
 * header decides once it is here), and one that ought to be ours and cannot be understood (the load quarantines it with
 * the reason).
 */
export function choose(candidate: Candidate, dataSets: DataSets): Choice {
  const { title, fileName, columns } = candidate;
  const isNamedBy = (list: readonly string[]): boolean => list.some((entry) => isNamed(candidate, entry));
  const include = dataSets?.include ?? [];
  if (isNamedBy(include)) return { wanted: true };
  if (isNamedBy(dataSets?.exclude ?? []))
    return { wanted: false, reason: 'excluded by data_sets in the configuration' };
  if (include.length > 0)
    return { wanted: false, reason: 'not among those that data_sets in the configuration includes' };
  const others = OTHER_PUPILS.find(({ names }) =>
    [title, fileName ?? ''].some((text) => names.some((name) => name.test(words(text)))),
  );
  if (others) return { wanted: false, reason: `it is about ${others.who}` };
  if (columns === undefined) return { wanted: true };
  const recognised = recogniseColumns(columns);
  return recognised.kind === 'not ours' ? { wanted: false, reason: recognised.reason } : { wanted: true };
}

/** An entry of `data_sets` in the configuration. */
export interface Entry {
  readonly list: 'include' | 'exclude';
  readonly entry: string;
}

/** The entries of the configuration that name none of these data sets: misspelt, or of releases that are not followed. */
export function unmatched(candidates: readonly Omit<Candidate, 'columns'>[], dataSets: DataSets): Entry[] {
  return (['include', 'exclude'] as const).flatMap((list) =>
    (dataSets?.[list] ?? [])
      .filter((entry) => !candidates.some((candidate) => isNamed(candidate, entry)))
      .map((entry) => ({ list, entry })),
  );
}

/** By title, id, or name of the file with or without its ending. */
function isNamed({ title, fileName, ids }: Omit<Candidate, 'columns'>, entry: string): boolean {
  const names = [title, fileName, fileName?.replace(/\.csv$/i, ''), ...ids];
  return names.some((name) => name !== undefined && plain(name) === plain(entry));
}

function plain(name: string): string {
  return name.trim().toLowerCase();
}

function words(name: string): string {
  return name.replaceAll(/[-_\s\u2010-\u2015]+/g, ' ');
}
