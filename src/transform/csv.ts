/**
 * Streaming reader of comma-separated files: strict, and fast where nothing is quoted.
 *
 * Lines without a quote are cut at their commas by the loop in `cutLines`, which is what makes a file of 90 MB a matter
 * of a second; records with a quote in them go to csv-parse. The tests hold the two against each other.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { CsvError, parse } from 'csv-parse/sync';
import { TransformError } from './error.js';

/** Some rows of a file, in order. */
export interface Batch {
  /** The cells as the file has them (unquoted, untrimmed): of the wanted columns, in the order in which they were asked for. */
  readonly rows: readonly (readonly string[])[];
  /** The line on which each row starts; the header is line 1. */
  readonly lines: readonly number[];
}

export interface CsvFile {
  readonly header: readonly string[];
  /**
   * Reads on. To be called once.
   * @param wanted indexes of the columns to return, all by default; every row is checked for its number of cells
   * @throws TransformError at the first row that cannot be read
   */
  batches(wanted?: readonly number[]): AsyncGenerator<Batch, void, undefined>;
  /** What is odd about the file as a whole (its encoding); complete once all batches are read. */
  readonly warnings: readonly string[];
}

export interface CsvOptions {
  /** Named in errors. */
  readonly file: string;
  /** A longer record means a quote that is never closed. */
  readonly maxRecordBytes?: number;
}

const LF = 0x0a;
const CR = 0x0d;
const QUOTE = 0x22;
const COMMA = 0x2c;

const MAX_RECORD_BYTES = 1024 * 1024;
/** However much a stream hands out at once: larger strings would leave the young generation of the heap. */
const BLOCK_BYTES = 64 * 1024;

/** A stretch of the file that begins and ends with a record. */
interface Block {
  readonly text: string;
  /** Line on which it begins. */
  readonly line: number;
}

/**
 * Opens a file and reads its header. Accepts a byte order mark, CRLF, LF and CR (also mixed), quoted line breaks, and
 * blank lines. What is not UTF-8 is read, line by line, as Windows-1252, with a warning.
 * @throws TransformError for an empty file, NUL bytes, unclosed or misplaced quotes, records beyond the limit
 */
export async function openCsv(chunks: AsyncIterable<Uint8Array>, options: CsvOptions): Promise<CsvFile> {
  const warnings: string[] = [];
  const blocks = readBlocks(chunks, options, warnings);
  for (;;) {
    const first = await blocks.next();
    if (first.done === true)
      throw new TransformError('file', { file: options.file }, 'is empty', 'Get the file again from its source');
    const { text, line } = first.value;
    const start = text.search(/[^\r\n]/);
    if (start === -1) continue;
    const headerLine = line + countLineEnds(text, 0, start);
    const end = recordEnd(text, start);
    const header = readQuoted([{ text: text.slice(start, end), line: headerLine }], options.file)[0] ?? [];
    const rest = { text: text.slice(end), line: headerLine + countLineEnds(text, start, end) };
    return {
      header,
      warnings,
      async *batches(wanted = header.map((_, index) => index)) {
        const slots = new Int32Array(header.length).fill(-1);
        wanted.forEach((column, slot) => (slots[column] = slot));
        yield cutLines(rest, slots, wanted.length, options.file);
        for await (const block of blocks) yield cutLines(block, slots, wanted.length, options.file);
      },
    };
  }
}

/** Cuts the bytes into blocks of whole records and decodes them. */
async function* readBlocks(
  chunks: AsyncIterable<Uint8Array>,
  { file, maxRecordBytes = MAX_RECORD_BYTES }: CsvOptions,
  warnings: string[],
): AsyncGenerator<Block, void, undefined> {
  let line = 1;
  let isStart = true;
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  const take = (atEnd: boolean): Block | undefined => {
    let bytes = Buffer.concat(waiting);
    if (isStart && bytes.subarray(0, 3).equals(BYTE_ORDER_MARK)) bytes = bytes.subarray(3);
    isStart = false;
    const nul = bytes.indexOf(0);
    if (nul !== -1)
      throw new TransformError(
        'file',
        { file, line: line + countLineEnds(bytes.toString('latin1', 0, nul), 0, nul) },
        'has a NUL byte, so it is no text in UTF-8 or Windows-1252',
        'If it is UTF-16 or a spreadsheet, save it as CSV in UTF-8',
      );
    const end = atEnd ? bytes.length : endOfLastRecord(bytes);
    if (bytes.length - end > maxRecordBytes)
      throw new TransformError(
        'file',
        { file, line: line + countLineEnds(bytes.toString('latin1', 0, end), 0, end) },
        `begins a record of more than ${maxRecordBytes} bytes`,
        'Probably a quote is never closed; get the file again from its source',
      );
    waiting = end < bytes.length ? [bytes.subarray(end)] : [];
    waitingBytes = bytes.length - end;
    if (end === 0) return undefined;
    const block = { text: decode(bytes.subarray(0, end), line, warnings), line };
    line += countLineEnds(block.text, 0, block.text.length);
    return block;
  };
  let readTo = BLOCK_BYTES;
  for await (const chunk of chunks)
    for (let at = 0; at < chunk.length; at += BLOCK_BYTES) {
      const piece = chunk.subarray(at, at + BLOCK_BYTES);
      waiting.push(piece);
      waitingBytes += piece.length;
      if (waitingBytes < readTo) continue;
      const block = take(false);
      readTo = waitingBytes + BLOCK_BYTES;
      if (block !== undefined) yield block;
    }
  const block = take(true);
  if (block !== undefined) yield block;
}

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** Index behind the last line end that is not inside quotes; 0 when there is none. */
function endOfLastRecord(bytes: Buffer): number {
  if (!bytes.includes(QUOTE)) {
    const cr = bytes.lastIndexOf(CR, -2);
    return Math.max(bytes.lastIndexOf(LF), cr === bytes.length - 1 ? -1 : cr) + 1;
  }
  let isQuoted = false;
  let end = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === QUOTE) isQuoted = !isQuoted;
    // A CR at the very end may be the first half of CRLF.
    else if (!isQuoted && (byte === LF || (byte === CR && at + 1 < bytes.length))) end = at + 1;
  }
  return end;
}

/** What Windows-1252 has where Latin-1 has controls. Written out: TextDecoder of Node 20 reads them as Latin-1. */
const FROM_0X80 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

function windows1252(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/[\x80-\x9f]/g, (character) => FROM_0X80[character.charCodeAt(0) - 0x80] ?? '');
}

/** Decodes whole lines. Each line that is valid UTF-8 is read as UTF-8, whatever its neighbours are. */
function decode(bytes: Buffer, line: number, warnings: string[]): string {
  if (isAscii(bytes)) return bytes.toString('latin1');
  if (isUtf8(bytes)) return bytes.toString('utf8');
  const parts: string[] = [];
  let start = 0;
  while (start < bytes.length) {
    const lf = bytes.indexOf(LF, start);
    const end = lf === -1 ? bytes.length : lf + 1;
    const part = bytes.subarray(start, end);
    if (isUtf8(part)) parts.push(part.toString('utf8'));
    else {
      parts.push(windows1252(part));
      if (warnings.length === 0)
        warnings.push(
          `not UTF-8 (first on line ${line + countLineEnds(parts.join(''), 0, parts.join('').length - 1)}): read as Windows-1252`,
        );
    }
    start = end;
  }
  return parts.join('');
}

/** Line ends in a stretch of text; CRLF is one. */
function countLineEnds(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at !== -1 && at < to; at = text.indexOf('\n', at + 1)) count += 1;
  for (let at = text.indexOf('\r', from); at !== -1 && at < to; at = text.indexOf('\r', at + 1))
    if (text.charCodeAt(at + 1) !== LF) count += 1;
  return count;
}

/** Index of the line end (or end of text) at which the record that starts here ends. */
function recordEnd(text: string, start: number): number {
  let isQuoted = false;
  for (let at = start; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) isQuoted = !isQuoted;
    else if (!isQuoted && (code === LF || code === CR)) return at;
  }
  return text.length;
}

/** Cuts a block into rows of the wanted cells. @param slots for each column its place in a row, or -1 */
function cutLines({ text, line: firstLine }: Block, slots: Int32Array, width: number, file: string): Batch {
  const rows: string[][] = [];
  const lines: number[] = [];
  const quoted: Block[] = [];
  const quotedRows: number[] = [];
  const columns = slots.length;
  const length = text.length;
  let line = firstLine;
  let at = 0;
  while (at < length) {
    const start = at;
    const row = new Array<string>(width);
    let column = 0;
    let cell = at;
    let code;
    for (; ; at += 1) {
      code = at < length ? text.charCodeAt(at) : LF;
      if (code > COMMA) continue;
      if (code === COMMA || code === LF || code === CR) {
        const slot = column < columns ? (slots[column] ?? -1) : -1;
        if (slot !== -1) row[slot] = text.slice(cell, at);
        column += 1;
        cell = at + 1;
        if (code !== COMMA) break;
      } else if (code === QUOTE) break;
    }
    if (code === QUOTE) {
      at = recordEnd(text, start);
      quoted.push({ text: text.slice(start, at), line });
      quotedRows.push(rows.length);
      line += countLineEnds(text, start, at);
    } else if (at === start) {
      // A blank line.
      at = lineStart(text, at);
      line += 1;
      continue;
    } else if (column !== columns) throw ragged(file, line, column, columns);
    rows.push(row);
    lines.push(quoted.length > 0 && code === QUOTE ? (quoted[quoted.length - 1]?.line ?? line) : line);
    at = lineStart(text, at);
    line += 1;
  }
  const records = quoted.length === 0 ? [] : readQuoted(quoted, file);
  records.forEach((record, index) => {
    if (record.length !== columns) throw ragged(file, quoted[index]?.line ?? firstLine, record.length, columns);
    const row = rows[quotedRows[index] ?? 0] ?? [];
    for (let column = 0; column < columns; column += 1) {
      const slot = slots[column] ?? -1;
      if (slot !== -1) row[slot] = record[column] ?? '';
    }
  });
  return { rows, lines };
}

/** Index behind the line end at which a record ended. */
function lineStart(text: string, end: number): number {
  return text.charCodeAt(end) === CR && text.charCodeAt(end + 1) === LF ? end + 2 : end + 1;
}

/** Records with quotes in them, read by csv-parse. */
function readQuoted(records: readonly Block[], file: string): string[][] {
  try {
    const read = parse(records.map((record) => record.text).join('\n'), {
      record_delimiter: ['\n'],
      relax_column_count: true,
    });
    if (read.length === records.length) return read;
    throw new TransformError(
      'file',
      { file, line: records[0]?.line ?? 1 },
      `and the lines after it hold ${records.length} records by their quotes, and ${read.length} by their line ends`,
      QUOTES_ADVICE,
    );
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const done = typeof error['records'] === 'number' ? error['records'] : 0;
    throw new TransformError(
      'file',
      { file, line: records[done]?.line ?? 1 },
      PROBLEMS[error.code] ?? `cannot be read (${error.code})`,
      QUOTES_ADVICE,
      { cause: error },
    );
  }
}

const QUOTES_ADVICE = 'Get the file again from its source; if it is so there, its publisher has to mend it';

const PROBLEMS: Partial<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'opens a quote that is never closed',
  INVALID_OPENING_QUOTE: 'has a quote inside a cell that does not begin with one',
  CSV_INVALID_CLOSING_QUOTE: 'has text behind the closing quote of a cell',
};

function ragged(file: string, line: number, cells: number, columns: number): TransformError {
  return new TransformError(
    'file',
    { file, line },
    `has ${cells} cells where the header has ${columns}`,
    'Get the file again from its source; if it is so there, its publisher has to mend it',
  );
}
