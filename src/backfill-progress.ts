/** How far a backfill is, in words: files, rows, bytes, rate, time left. */
import { counted } from './print.js';
import type { Tools } from './tools.js';

/** What is told of a file before it is fetched; undefined where EES does not tell. */
export interface FileSize {
  /** Unpacked. */
  readonly bytes: number | undefined;
  /** Records. */
  readonly rows: number | undefined;
}

export interface ProgressEars {
  /** ms, of a clock that is never set back. */
  readonly now: () => number;
  /** For a terminal: at most ten times a second. */
  readonly say: (text: string) => void;
  /** Where there is no terminal: twice a minute. */
  readonly log: (text: string) => void;
}

export interface Progress {
  begin(title: string): void;
  /** More bytes of this file over the wire. */
  fetched(bytes: number): void;
  /** So many of all bytes of this file, unpacked, are read, and so many rows of figures written. */
  read(bytes: number, of: number, rows: number): void;
  /** This file is dealt with. @param bytes of it, unpacked @param rows of figures written */
  end(bytes: number, rows: number): void;
  /** As it stands. */
  text(): string;
}

const SAY_EVERY_MS = 100;
/** ms between two lines of the log that tell how far it is. */
export const LOG_EVERY_MS = 30_000;
/** Of the work of a file: the rest is reading and writing. */
const FETCHING = 0.5;

/** @param sizes of the files, in the order in which they are taken */
export function createProgress(sizes: readonly FileSize[], { now, say, log }: ProgressEars): Progress {
  const started = now();
  const weights = weightsOf(sizes);
  const isKnown = sizes.every(({ bytes }) => bytes !== undefined);
  const total = sum(weights);
  let at = -1;
  let title = '';
  let saidAt = -Infinity;
  let loggedAt = started;
  /** Of files that are dealt with. */
  const done = { weight: 0, bytes: 0, rows: 0 };
  let here = { fetched: 0, bytes: 0, rows: 0, share: 0 };

  const text = (): string => {
    const seconds = (now() - started) / 1000;
    const rows = done.rows + here.rows;
    const bytes = done.bytes + here.bytes;
    const isFetching = here.fetched > 0 && here.bytes === 0;
    const shown = bytes + (isFetching ? here.fetched : 0);
    const worked = done.weight + here.share * (weights[at] ?? 0);
    return [
      `${at + 1} of ${counted(sizes.length, 'file')}`,
      `${rows.toLocaleString('en-GB')} ${rows === 1 ? 'row' : 'rows'}`,
      `${isFetching ? 'fetching ' : ''}${megabytes(shown)}${isKnown ? ` of ${megabytes(total)}` : ''} MB`,
      ...(seconds > 0 && rows > 0 ? [`${Math.round(rows / seconds).toLocaleString('en-GB')} rows/s`] : []),
      ...(seconds > 0 && shown > 0 ? [`${megabytes(shown / seconds)} MB/s`] : []),
      ...(seconds > 0 && worked > 0 ? [`about ${inWords((seconds / worked) * (total - worked))} left`] : []),
    ].join(', ');
  };
  const tell = (always = false): void => {
    if (always || now() - saidAt >= SAY_EVERY_MS) {
      saidAt = now();
      say(`${text()}: ${title}`);
    }
    if (now() - loggedAt >= LOG_EVERY_MS) {
      loggedAt = now();
      log(`${text()}: ${title}`);
    }
  };
  return {
    text,
    begin(name) {
      at += 1;
      title = name;
      tell(true);
    },
    fetched(bytes) {
      here.fetched += bytes;
      // Packed it is less than it will be; a file that was cut comes again.
      here.share = FETCHING * Math.min(1, here.fetched / (weights[at] ?? 1));
      tell();
    },
    read(bytes, of, rows) {
      here = { ...here, bytes, rows, share: FETCHING + (1 - FETCHING) * Math.min(1, bytes / Math.max(of, 1)) };
      tell();
    },
    end(bytes, rows) {
      done.weight += weights[at] ?? 0;
      done.bytes += bytes;
      done.rows += rows;
      here = { fetched: 0, bytes: 0, rows: 0, share: 0 };
    },
  };
}

/** Says what it is given as lines of the log; nothing on a terminal, where they would stand in the line of the progress. */
export function plainLines({ progress, log }: Pick<Tools, 'progress' | 'log'>): (text: string, about?: object) => void {
  return (text, about = {}) => {
    if (progress === undefined) log.info(about, text);
  };
}

/** '2 files to load (3.4 MB), 1 loaded already, 0 not wanted' @param toLoad files */
export function planWords(toLoad: readonly FileSize[], loaded: number, notWanted: number): string {
  const known = toLoad.flatMap(({ bytes }) => bytes ?? []);
  const size = toLoad.length === 0 ? '' : ` (${sizeWords(sum(known), toLoad.length - known.length)})`;
  return `${counted(toLoad.length, 'file')} to load${size}, ${loaded} loaded already, ${notWanted} not wanted`;
}

/** '12.3 MB, and 2 of unknown size'. @param unknown how many files are of unknown size */
export function sizeWords(bytes: number, unknown: number): string {
  return `${megabytes(bytes)} MB${unknown === 0 ? '' : `, and ${unknown} of unknown size`}`;
}

/** Bytes of each file, where need be from its rows, else what files have on average; 1 each where nothing is known. */
function weightsOf(sizes: readonly FileSize[]): number[] {
  const known = sizes.flatMap(({ bytes, rows }) => (bytes === undefined ? [] : [{ bytes, rows: rows ?? 0 }]));
  const withRows = known.filter(({ rows }) => rows > 0);
  const perRow = sum(withRows.map(({ bytes }) => bytes)) / sum(withRows.map(({ rows }) => rows));
  const onAverage = known.length === 0 ? undefined : sum(known.map(({ bytes }) => bytes)) / known.length;
  return sizes.map(({ bytes, rows }) => bytes ?? (rows === undefined ? onAverage : rows * (perRow || 1)) ?? 1);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

/** '40 s', '4 min', '2 h 5 min' */
function inWords(seconds: number): string {
  if (seconds < 100) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
