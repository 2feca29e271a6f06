/** Dividing whole numbers so that the parts add up, and chance that is the same each time. */

/**
 * Divides a whole number in proportion to weights, no part above its cap. What is left after rounding down goes, one
 * each, to the heaviest.
 * @returns whole parts that add up to `total`
 * @throws when the caps together are too small
 */
export function splitWithin(total: number, weights: readonly number[], caps?: readonly number[]): number[] {
  const parts = weights.map(() => 0);
  let left = total;
  while (left > 0) {
    const open = weights
      .map((weight, index) => ({ index, weight, room: (caps?.[index] ?? Infinity) - (parts[index] ?? 0) }))
      .filter(({ weight, room }) => weight > 0 && room > 0);
    if (open.length === 0) throw new RangeError(`${total} does not fit: ${left} left over`);
    const all = sum(open.map(({ weight }) => weight));
    const whole = open.map(({ weight, room }) => Math.min(Math.floor((left * weight) / all), room));
    const given = sum(whole);
    const heaviest = [...open].sort((a, b) => b.weight - a.weight || a.index - b.index).slice(0, left);
    if (given > 0) open.forEach(({ index }, at) => (parts[index] = (parts[index] ?? 0) + (whole[at] ?? 0)));
    else for (const { index } of heaviest) parts[index] = (parts[index] ?? 0) + 1;
    left -= given > 0 ? given : heaviest.length;
  }
  return parts;
}

/** A number between -1 and 1 that looks random and is the same for the same text (FNV-1a, then mixed). */
export function chance(seed: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < seed.length; at++) hash = Math.imul(hash ^ seed.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 0x7fffffff - 1;
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((so, each) => so + each, 0);
}
