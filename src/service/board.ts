/**
 * The status for those who ask often: read anew when it is old, shared by all who ask meanwhile, and answered from
 * memory while a long load keeps the database.
 */
import type { Settings } from '../config.js';
import type { Store } from '../load/database.js';
import { saidBy } from '../load/errors.js';
import { shortened } from '../print.js';
import { statusOf, type Status } from './status.js';

export interface Reading {
  /** Undefined where nothing was ever read. */
  readonly status: Status | undefined;
  /** When it was read, where that is not now. */
  readonly stale: Date | undefined;
  /** What the database said, or that it said nothing, where it is taken for gone; undefined also while a load keeps it. */
  readonly down: string | undefined;
}

export interface Board {
  /** Never fails: what was read last outlives the database. */
  read(): Promise<Reading>;
}

const FRESH_MS = 2_000;
const PATIENCE_MS = 4_000;
/** Loading the largest file into the embedded database takes minutes, in which nothing else is read. */
const MEANS_SOMETHING_MS = 15 * 60_000;

export function createBoard(store: Store, settings: () => Settings, now: () => Date): Board {
  let last: { readonly status: Status; readonly at: Date; readonly clock: number } | undefined;
  let reading: Promise<Status> | undefined;

  function readAnew(): Promise<Status> {
    reading ??= statusOf(store, settings(), now())
      .then((status) => {
        last = { status, at: now(), clock: performance.now() };
        return status;
      })
      .finally(() => {
        reading = undefined;
      });
    return reading;
  }

  return {
    async read() {
      if (last !== undefined && performance.now() - last.clock < FRESH_MS)
        return { status: last.status, stale: undefined, down: undefined };
      try {
        return { status: await withPatience(readAnew(), PATIENCE_MS), stale: undefined, down: undefined };
      } catch (error) {
        const isBusy =
          error instanceof TooLong && last !== undefined && performance.now() - last.clock < MEANS_SOMETHING_MS;
        return { status: last?.status, stale: last?.at, down: isBusy ? undefined : errorWords(error) };
      }
    },
  };
}

const WORDS = 300;

export function errorWords(error: unknown): string {
  return shortened(saidBy(error), WORDS);
}

/** The database is busy or out of reach. */
export class TooLong extends Error {
  override readonly name = 'TooLong';
  constructor() {
    super('no answer in time');
  }
}

/** @throws TooLong after so many ms; the work goes on, and its failure is nobody's any more */
export async function withPatience<T>(work: Promise<T>, ms: number): Promise<T> {
  work.catch(() => undefined);
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      work,
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => {
          reject(new TooLong());
        }, ms);
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}
