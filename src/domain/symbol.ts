/** The symbols that stand for a figure, and what each means. One table; parsing uses nothing else. */

export type SymbolMeaning = 'confidential' | 'not available' | 'not applicable' | 'low' | 'unreliable' | 'no data';

/**
 * Spelling (lower case, without brackets) to meaning. Sources: DfE "open data standards" and Government Analysis
 * Function for c, x, z, low, u; k, ~, :, ., .., - and the rest as found in DfE's published files (see docs/data.md).
 */
const MEANINGS: ReadonlyMap<string, SymbolMeaning> = new Map(
  Object.entries({
    c: 'confidential',
    supp: 'confidential',
    x: 'not available',
    ':': 'not available',
    z: 'not applicable',
    low: 'low',
    k: 'low',
    '~': 'low',
    u: 'unreliable',
    '.': 'no data',
    '..': 'no data',
    '-': 'no data',
    '': 'no data',
    'n/a': 'no data',
    na: 'no data',
    nan: 'no data',
    '#value!': 'no data',
  } satisfies Record<string, SymbolMeaning>),
);

/** The meaning of a cell that is no number, bare or in brackets; undefined when it is no known symbol. */
export function symbolMeaning(cell: string): SymbolMeaning | undefined {
  const bare = cell.trim().toLowerCase();
  return MEANINGS.get(/^(\[.*\]|\(.*\))$/.test(bare) ? bare.slice(1, -1).trim() : bare);
}
