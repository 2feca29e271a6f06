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
 * pupils would be a wrong figure.
 */
const OTHER_PUPILS: readonly { readonly name: RegExp; readonly who: string }[] = [
  { name: /\b(four|4)[-_ ]?year[-_ ]?olds?\b|_four_year_olds?\b|_4_?yos?\b/i, who: 'four-year-olds alone' },
];

/**
 * Decides about one data set. An explicit include wins over everything, an exclude over the columns. Wanted is also what
 * cannot be judged: a file whose columns nobody tells (its header decides once it is here), and one that ought to be ours
 * and cannot be understood (the load quarantines it with the reason).
 */
export function choose({ title, fileName, ids, columns }: Candidate, dataSets: WatchedSource['dataSets']): Choice {
  const names = [title, ...ids].flatMap((name) => (name === undefined ? [] : [plain(name)]));
  const named = (list: readonly string[] | undefined) => (list ?? []).some((entry) => names.includes(plain(entry)));
  if (named(dataSets?.include)) return { wanted: true };
  if (named(dataSets?.exclude)) return { wanted: false, reason: 'excluded by data_sets in the configuration' };
  const others = OTHER_PUPILS.find(({ name }) => name.test(title) || name.test(fileName ?? ''));
  if (others) return { wanted: false, reason: `it is about ${others.who}` };
  if (columns === undefined) return { wanted: true };
  const recognised = recogniseColumns(columns);
  return recognised.kind === 'not ours' ? { wanted: false, reason: recognised.reason } : { wanted: true };
}

function plain(name: string): string {
  return name.trim().toLowerCase();
}
