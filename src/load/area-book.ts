/**
 * The areas of one load: their numbers, and how the version calls them. A long file has hundreds of thousands of schools,
 * so what is kept of each lies outside the heap of objects, in pages and buffers, until it is written.
 */
import type { AreaRef } from '../domain/area.js';
import type { Period } from '../domain/period.js';
import { Pages } from '../transform/pages.js';

/** A URN, as a number: those of a file lie close together. Longer ones, and keys that carry a LAESTAB, stay text. */
const URN = /^[1-9]\d{0,6}$/;

interface KnownArea {
  readonly id: number;
  readonly level: string;
  readonly key: string;
}

export class AreaBook {
  /** The highest number before this load: areas above it are new. */
  readonly lastKnown: number;
  /** How many areas the version has figures of. */
  named = 0;
  readonly #byUrn = new Pages();
  readonly #byKey = new Map<string, number>();
  /** What many areas share, and the numbers by which their namings name it. */
  readonly #surroundings: Surroundings[] = [];
  readonly #surroundingNumbers = new Map<string, number>();
  #lastSurroundings = 0;
  readonly #texts = new Texts();
  /** By number: the place of its naming in `#texts`, plus 1, and of which period it is. */
  readonly #places = new Pages();
  readonly #sorts = new Pages();
  #last = 0;

  constructor(known: readonly KnownArea[]) {
    for (const { id, level, key } of known) {
      if (id > this.#last) this.#last = id;
      this.#number(level, key, id);
    }
    this.lastKnown = this.#last;
  }

  /** The number of an area; of what the file calls it the newest period counts. */
  of(area: AreaRef, period: Period): number {
    const id = this.#number(area.level, area.key, this.#last + 1);
    if (id > this.#last) this.#last = id;
    const place = this.#places.at(id) - 1;
    if (place === -1) this.named += 1;
    else if (period.sort <= this.#sorts.at(id)) return id;
    this.#sorts.put(id, period.sort);
    const text = this.#textOf(area);
    if (place === -1 || this.#texts.read(place) !== text) this.#places.put(id, this.#texts.add(text) + 1);
    return id;
  }

  /** How the version calls the areas it has figures of, from a number on. */
  *namings(from = 0): Generator<{ readonly id: number; readonly area: AreaRef }> {
    for (let id = from; id <= this.#last; id++) {
      const place = this.#places.at(id) - 1;
      if (place !== -1) yield { id, area: this.#areaOf(this.#texts.read(place)) };
    }
  }

  get last(): number {
    return this.#last;
  }

  #number(level: string, key: string, next: number): number {
    if (level === 'School' && URN.test(key)) {
      const known = this.#byUrn.at(Number(key));
      if (known === 0) this.#byUrn.put(Number(key), next);
      return known === 0 ? next : known;
    }
    const text = `${level}\t${key}`;
    const known = this.#byKey.get(text);
    if (known === undefined) this.#byKey.set(text, next);
    return known ?? next;
  }

  /** As `#areaOf` reads it back. Schools share much, and are often called by nothing but their URN. */
  #textOf(area: AreaRef): string {
    const { key, code, name } = area;
    const number = this.#surroundingsOf(area);
    const text = `${number}${BETWEEN}${key}`;
    return code === key && name === key ? text : `${text}${BETWEEN}${code}${BETWEEN}${name}`;
  }

  /** @returns their number */
  #surroundingsOf({ level, oldLaCode, regionCode, regionName }: AreaRef): number {
    // Schools next to each other are mostly of one authority.
    const last = this.#surroundings[this.#lastSurroundings];
    if (
      last?.oldLaCode === oldLaCode &&
      last?.level === level &&
      last.regionCode === regionCode &&
      last.regionName === regionName
    )
      return this.#lastSurroundings;
    const id = JSON.stringify([level, oldLaCode, regionCode, regionName]);
    const number = this.#surroundingNumbers.get(id) ?? this.#surroundings.length;
    if (number === this.#surroundings.length) {
      this.#surroundings.push({ level, oldLaCode, regionCode, regionName });
      this.#surroundingNumbers.set(id, number);
    }
    this.#lastSurroundings = number;
    return number;
  }

  #areaOf(text: string): AreaRef {
    // Not JSON: reading it keeps each short text in a table of the engine.
    const [number, key = '', code = key, name = key] = text.split(BETWEEN);
    const surroundings = this.#surroundings[Number(number)];
    if (surroundings === undefined) throw new Error(`no surroundings ${number ?? ''}`);
    const { level, oldLaCode, regionCode, regionName } = surroundings;
    return { level, key, code, oldLaCode, name, regionCode, regionName };
  }
}

type Surroundings = Pick<AreaRef, 'level' | 'oldLaCode' | 'regionCode' | 'regionName'>;

const BETWEEN = '\u001f';

const PAGE = 1024 * 1024;
const LENGTH_BYTES = 4;

/** Texts, appended and never changed, each known by its place. */
class Texts {
  readonly #pages: Buffer[] = [];
  #free = PAGE;

  /** @returns its place */
  add(text: string): number {
    const length = Buffer.byteLength(text);
    if (this.#free + LENGTH_BYTES + length > PAGE) {
      this.#pages.push(Buffer.allocUnsafeSlow(Math.max(PAGE, LENGTH_BYTES + length)));
      this.#free = 0;
    }
    const index = this.#pages.length - 1;
    const at = this.#free;
    this.#pages[index]?.writeUInt32LE(length, at);
    this.#pages[index]?.write(text, at + LENGTH_BYTES);
    this.#free = at + LENGTH_BYTES + length;
    return index * PAGE + at;
  }

  read(place: number): string {
    const page = this.#pages[Math.floor(place / PAGE)];
    const at = place % PAGE;
    const start = at + LENGTH_BYTES;
    return page?.toString('utf8', start, start + page.readUInt32LE(at)) ?? '';
  }
}
