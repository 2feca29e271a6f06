/** Rows in the text format of COPY: tab between columns, `\N` for NULL, a backslash before what would be misread. */

/** Measured best for the wire: one row a piece is five times slower. */
const PIECE = 64 * 1024;
/** What a piece may grow by before it is looked at: a row is a few hundred bytes. */
const ROOM = 4 * 1024;

const TAB = 0x09;
const LF = 0x0a;
const BACKSLASH = 0x5c;
const CAPITAL_N = 0x4e;
const BEYOND_ASCII = 0x80;
/** Letters that stand for the control characters which COPY would misread. */
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/**
 * Writes rows into bytes. A file has millions of cells of a few letters each: copying letter by letter takes less time
 * than joining them to a string, which would be copied again on its way to the wire.
 */
export class CopyRows {
  #bytes = Buffer.allocUnsafeSlow(PIECE + ROOM);
  #length = 0;
  #isRowBegun = false;

  /** Adds a cell to the row. @param cell null: NULL */
  cell(cell: string | number | null): void {
    const text = cell === null ? '' : typeof cell === 'number' ? String(cell) : cell;
    // Three bytes a character at most, or two for an escaped one.
    this.#makeRoom(3 * text.length + 3);
    const bytes = this.#bytes;
    let at = this.#length;
    if (this.#isRowBegun) bytes[at++] = TAB;
    this.#isRowBegun = true;
    if (cell === null) {
      bytes[at++] = BACKSLASH;
      bytes[at++] = CAPITAL_N;
    }
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code < 0x20 || code === BACKSLASH || code >= BEYOND_ASCII) {
        const rest = text.slice(index).replace(/[\\\t\n\r]/g, (character) => ESCAPES[character] ?? character);
        at += bytes.write(rest, at);
        break;
      }
      bytes[at++] = code;
    }
    this.#length = at;
  }

  endRow(): void {
    this.#makeRoom(1);
    this.#bytes[this.#length++] = LF;
    this.#isRowBegun = false;
  }

  get isFull(): boolean {
    return this.#length >= PIECE;
  }

  /** @returns the rows written since the last time */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#bytes = Buffer.allocUnsafeSlow(PIECE + ROOM);
    this.#length = 0;
    return taken;
  }

  #makeRoom(wanted: number): void {
    if (this.#length + wanted <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * (this.#length + wanted));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

/** One row. */
export function writeRow(rows: CopyRows, cells: readonly (string | number | null)[]): void {
  for (const cell of cells) rows.cell(cell);
  rows.endRow();
}

/** Rows of some things, in pieces of about 64 KB. */
export async function* gatherRows<T>(
  things: Iterable<T>,
  write: (rows: CopyRows, thing: T) => void,
): AsyncGenerator<Buffer> {
  yield* gatherBatches([things], write);
}

/** The same for things that come in batches, without a pause between the rows of one batch. */
export async function* gatherBatches<T>(
  batches: Iterable<Iterable<T>> | AsyncIterable<Iterable<T>>,
  write: (rows: CopyRows, thing: T) => void,
): AsyncGenerator<Buffer> {
  const rows = new CopyRows();
  for await (const batch of batches) {
    for (const thing of batch) {
      write(rows, thing);
      if (rows.isFull) yield rows.take();
    }
  }
  const last = rows.take();
  if (last.length > 0) yield last;
}
