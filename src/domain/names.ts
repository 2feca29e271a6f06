/** Comparing names as people write them: without regard to case, accents, punctuation, and forgiving a slip. */

/**
 * A name reduced to what identifies it: lower case, no accents, no punctuation, '&' read as 'and', 'Saint' as 'st',
 * without 'the'. @returns for example 'bristol city of' for 'Bristol, City of'
 */
export function foldName(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replaceAll('&', ' and ')
    .replace(/['’`]/g, '')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .replace(/\bsaint\b/g, 'st')
    .replace(/\bthe\b/g, ' ')
    .replace(/ {2,}/g, ' ')
    .trim();
}

/**
 * How many letters must be added, dropped, changed or swapped with their neighbour to turn one text into the other
 * (optimal string alignment).
 * @param most gives up beyond this and answers most + 1
 */
export function distance(a: string, b: string, most = Infinity): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const changed = a[row - 1] === b[column - 1] ? 0 : 1;
      let best = Math.min(
        (previous[column] ?? Infinity) + 1,
        (current[column - 1] ?? Infinity) + 1,
        (previous[column - 1] ?? Infinity) + changed,
      );
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1])
        best = Math.min(best, (beforePrevious[column - 2] ?? Infinity) + 1);
      current.push(best);
    }
    if (Math.min(...current) > most) return most + 1;
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length] ?? most + 1;
}

/** How many slips a word of this length may hold and still be recognised: none up to three letters, then one in four, three at most. */
export function slipsAllowed(length: number): number {
  return length <= 3 ? 0 : Math.min(3, Math.ceil(length / 4));
}

/** The longest text that is compared letter by letter; longer ones are nobody's slip of the pen. */
const LONGEST = 120;

/**
 * The candidate that was probably meant, for "did you mean" in an error message: the same but for case and
 * punctuation, else the one with the fewest slips, else the only one that begins as the name does.
 * @returns undefined when none is near
 */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  const wanted = foldName(name.slice(0, LONGEST));
  if (wanted === '') return undefined;
  let best: { candidate: string; slips: number } | undefined;
  const beginning: string[] = [];
  for (const candidate of candidates) {
    const folded = foldName(candidate);
    const most = slipsAllowed(Math.max(wanted.length, folded.length));
    const slips = distance(wanted, folded, most);
    if (slips <= most && (!best || slips < best.slips)) best = { candidate, slips };
    if (folded.startsWith(wanted) || (folded.length > 3 && wanted.startsWith(folded))) beginning.push(candidate);
  }
  return best?.candidate ?? (beginning.length === 1 ? beginning[0] : undefined);
}
