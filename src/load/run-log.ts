/**
 * The log of a run, kept with the run for the status page: from info upwards, as redacted as the log itself, bounded. It
 * is written a statement at a time, outside of every transaction of the run, and given up where that takes too long.
 */
import { symbols, type DestinationStream, type Logger } from 'pino';
import type { Store } from './database.js';

export interface KeptLog {
  /** Says what it is told where the parent does, too, under the run's number. */
  readonly log: Logger;
  /** Writes what is left. Never fails. */
  readonly end: () => Promise<void>;
}

export interface KeepOptions {
  /** ms between writes while the run goes on: what a run that is killed had said is mostly there. */
  readonly everyMs?: number;
  /** ms that the last write may take. */
  readonly patienceMs?: number;
}

interface Line {
  readonly number: number;
  readonly at: Date;
  readonly level: string;
  readonly message: string;
  /** The other fields of the line, in words. */
  readonly detail: string;
}

const EVERY_MS = 3_000;
const PATIENCE_MS = 5_000;
/** Lines of a run that are kept, whatever they say; so many more where they warn. */
const MOST_LINES = 250;
const MORE_WARNINGS = 50;
const LONGEST_MESSAGE = 500;
const LONGEST_DETAIL = 1_000;
const INFO = 30;
const WARN = 40;

export function keepRunLog(
  store: Store,
  parent: Logger,
  runId: number,
  now: () => Date,
  { everyMs = EVERY_MS, patienceMs = PATIENCE_MS }: KeepOptions = {},
): KeptLog {
  let waiting: Line[] = [];
  let count = 0;
  let leftOut = 0;
  let writing: Promise<unknown> | undefined;
  let timer: NodeJS.Timeout | undefined;

  const write = (): Promise<unknown> => {
    writing ??= writeWaiting().finally(() => {
      writing = undefined;
    });
    return writing;
  };
  /** @returns why it could not be written; the lines wait for the next time */
  async function writeWaiting(): Promise<unknown> {
    const lines = waiting;
    waiting = [];
    if (lines.length === 0) return undefined;
    try {
      await store.db
        .insertInto('run_log')
        .values(lines.map((line) => ({ run_id: runId, ...line })))
        // Written before, where the answer was lost.
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      return undefined;
    } catch (error) {
      waiting = [...lines, ...waiting];
      return error;
    }
  }

  function keep(level: number, text: string): void {
    if (count >= MOST_LINES + (level >= WARN ? MORE_WARNINGS : 0)) {
      leftOut++;
      return;
    }
    waiting.push({ number: ++count, at: now(), level: parent.levels.labels[level] ?? String(level), ...wordsOf(text) });
    timer ??= setInterval(() => void write(), everyMs).unref();
  }

  return {
    log: childInto(parent, { run: runId }, keep),
    async end() {
      clearInterval(timer);
      if (leftOut > 0)
        waiting.push({
          ...{ number: ++count, at: now(), level: 'info', detail: '' },
          message: `${leftOut.toLocaleString('en-GB')} more ${leftOut === 1 ? 'line' : 'lines'} of this run went to stderr alone`,
        });
      const trouble = await inTime(Promise.resolve(writing).then(write), patienceMs);
      if (trouble !== undefined)
        parent.warn({ run: runId, error: messageOf(trouble) }, 'the log of this run could not be kept');
    },
  };
}

async function inTime(work: Promise<unknown>, ms: number): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<unknown>((resolve) => {
    timer = setTimeout(() => {
      resolve(new Error('the database does not answer in time'));
    }, ms);
  });
  return Promise.race([work, late]).finally(() => {
    clearTimeout(timer);
  });
}

/**
 * A child of a logger that hands each finished line, redacted as the parent's, to `keep` as well, from info upwards also
 * where the parent says less.
 */
function childInto(parent: Logger, bindings: object, keep: (level: number, line: string) => void): Logger {
  const log = parent.child(bindings, { level: parent.levelVal <= INFO ? parent.level : 'info' });
  const out: unknown = Reflect.get(parent, symbols.streamSym);
  const both = {
    [symbols.needsMetadataGsym]: true,
    /** Set by pino before each line. */
    lastLevel: 0,
    write(line: string): void {
      if (this.lastLevel >= parent.levelVal && isStream(out)) out.write(line);
      if (this.lastLevel >= INFO) keep(this.lastLevel, line);
    },
  };
  Reflect.set(log, symbols.streamSym, both);
  return log;
}

function isStream(value: unknown): value is DestinationStream {
  return typeof value === 'object' && value !== null && 'write' in value && typeof value.write === 'function';
}

/** What the line itself says, and its other fields as words. */
function wordsOf(line: string): Pick<Line, 'message' | 'detail'> {
  const { msg, ...fields } = fieldsOf(line);
  const detail = Object.entries(fields)
    .filter(([name, value]) => !ALWAYS_THERE.has(name) && value !== null)
    .map(([name, value]) => `${name}: ${valueWords(value)}`)
    .join('; ');
  return {
    message: shortened(typeof msg === 'string' ? msg : '', LONGEST_MESSAGE),
    detail: shortened(detail, LONGEST_DETAIL),
  };
}

/** '2 sent, 0 retried' of an object of numbers; what is no plain value otherwise as JSON. */
function valueWords(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const entries: [string, unknown][] = Object.entries(value);
    if (entries.every(([, each]) => typeof each === 'number'))
      return entries.map(([name, each]) => `${String(each)} ${name}`).join(', ');
  }
  return JSON.stringify(value);
}

const ALWAYS_THERE: ReadonlySet<string> = new Set(['level', 'time', 'run', 'pid', 'hostname']);

function fieldsOf(line: string): Record<string, unknown> {
  const parsed: unknown = JSON.parse(line);
  return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {};
}

/** No longer than that, and without NUL, which the database does not take. */
function shortened(text: string, most: number): string {
  const plain = text.replaceAll('\0', '');
  return plain.length > most ? `${plain.slice(0, most - 1)}…` : plain;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
