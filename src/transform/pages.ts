/** Whole numbers by their place, in pages: growing copies one page, and places that are never reached cost nothing. */

const PAGE = 1024;
const SMALLEST = 16;

export class Pages {
  readonly #pages = new Map<number, Uint32Array>();

  /** @returns what was put there, else 0 */
  at(place: number): number {
    return this.#pages.get(Math.floor(place / PAGE))?.[place % PAGE] ?? 0;
  }

  /** @param value a whole number from 0 to 2^32 - 1 */
  put(place: number, value: number): void {
    const index = Math.floor(place / PAGE);
    const within = place % PAGE;
    let page = this.#pages.get(index);
    if (page === undefined || within >= page.length) {
      page = longer(page, within);
      this.#pages.set(index, page);
    }
    page[within] = value;
  }
}

/** A copy of a page at least twice as long, with room for a place. */
function longer(page: Uint32Array | undefined, within: number): Uint32Array {
  let length = SMALLEST;
  while (length <= within) length *= 2;
  const copy = new Uint32Array(length);
  if (page !== undefined) copy.set(page);
  return copy;
}
