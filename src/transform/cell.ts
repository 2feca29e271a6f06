/** A cell is a number by one strict grammar, or a known symbol, or an error. */
import { symbolMeaning } from '../domain/symbol.js';

/** No figure of absence needs more: attendance writes 15 digits and a point. */
const LONGEST_NUMBER = 40;

const NUMBER = /^-?\d+(?:\.\d+)?$/;
export type Cell =
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'symbol'; readonly symbol: string }
  | { readonly kind: 'unknown' };

const UNKNOWN: Cell = { kind: 'unknown' };

/**
 * Reads one cell. The number stays decimal text exactly as published (only spaces around it go); no thousands commas,
 * no exponents, no percent sign. The symbol is kept as published, trimmed.
 */
export function readCell(cell: string): Cell {
  if (isNumber(cell)) return { kind: 'number', text: cell };
  const trimmed = cell.trim();
  if (isNumber(trimmed)) return { kind: 'number', text: trimmed };
  if (symbolMeaning(trimmed) !== undefined) return { kind: 'symbol', symbol: trimmed };
  return UNKNOWN;
}

/** True for the grammar `-?digits[.digits]`, at most 40 characters. */
export function isNumber(text: string): boolean {
  return text.length <= LONGEST_NUMBER && NUMBER.test(text);
}
