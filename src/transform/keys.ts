/** Keys and their numbers: exact, in two flat arrays, so that hundreds of thousands stay cheap. */

const SMALLEST = 1 << 6;
/** How full the table may get; beyond it the search for a free place gets long. */
const FULLEST = 0.75;

/** Growing copies a table, so keys are spread over many small ones: memory never holds more than one of them twice. */
const PARTS = 64;

export class KeyTable {
  readonly #parts = Array.from({ length: PARTS }, () => new Part());

  /**
   * Gives a key a number, unless it has one.
   * @param key a whole number from 0 to 2^53 - 2
   * @param number a whole number from 0 to 2^32 - 1
   * @returns the number that it had before, else undefined
   */
  add(key: number, number: number): number | undefined {
    const hash = mixed(key);
    return this.#parts[hash >>> 26]?.add(key, hash, number);
  }
}

class Part {
  #keys = new Float64Array(SMALLEST);
  #numbers = new Uint32Array(SMALLEST);
  #used = 0;

  add(key: number, hash: number, number: number): number | undefined {
    const at = this.#find(key, hash);
    if (this.#keys[at] !== 0) return this.#numbers[at];
    this.#keys[at] = key + 1;
    this.#numbers[at] = number;
    this.#used += 1;
    if (this.#used > this.#keys.length * FULLEST) this.#grow();
    return undefined;
  }

  /** The place of a key, or the free place where it belongs. A free place holds 0, a used one its key plus 1. */
  #find(key: number, hash: number): number {
    const keys = this.#keys;
    const mask = keys.length - 1;
    let at = hash & mask;
    while (keys[at] !== 0 && keys[at] !== key + 1) at = (at + 1) & mask;
    return at;
  }

  #grow(): void {
    const keys = this.#keys;
    const numbers = this.#numbers;
    this.#keys = new Float64Array(keys.length * 2);
    this.#numbers = new Uint32Array(keys.length * 2);
    keys.forEach((stored, from) => {
      if (stored === 0) return;
      const at = this.#find(stored - 1, mixed(stored - 1));
      this.#keys[at] = stored;
      this.#numbers[at] = numbers[from] ?? 0;
    });
  }
}

/** Spreads neighbouring keys over the table (the finaliser of MurmurHash3 over both halves of the number). */
function mixed(key: number): number {
  let hash = (key >>> 0) ^ Math.imul(Math.floor(key / 0x1_0000_0000), 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
