/** Chance that can be repeated: the same seed gives the same numbers. */

export interface Chance {
  /** 0 to below 1. */
  next(): number;
  /** A whole number, both ends included. */
  between(from: number, to: number): number;
  /** One of them. @throws when there are none */
  of<T>(items: readonly T[]): T;
}

/** Mulberry32: small, fast, and as even as fault injection needs. */
export function chance(seed: number): Chance {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1));
  return {
    next,
    between,
    of(items) {
      const [item] = items.slice(between(0, items.length - 1));
      if (items.length === 0) throw new Error('there is nothing to choose from');
      return item as (typeof items)[number];
    },
  };
}
