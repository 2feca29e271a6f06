/**
 * The status for those who ask often: read anew when it is old, shared by all who ask meanwhile, and answered from
 * memory while a long load keeps the database.
 */
import type { Settings } from '../config.js';
import type { Store } from '../load/database.js';
import { statusOf, type Status } from './status.js';

export interface Reading {
  readonly status: Status;
  /** When it was read, where that is not now: the database did not answer in time. */
  readonly stale: Date | undefined;
}

export interface Board {
  /** @throws what the database says, where nothing was ever read, or the last reading is too old to mean anything */
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
        return { status: last.status, stale: undefined };
      try {
        return { status: await withPatience(readAnew(), PATIENCE_MS), stale: undefined };
      } catch (error) {
        if (error instanceof TooLong && last !== undefined && performance.now() - last.clock < MEANS_SOMETHING_MS)
          return { status: last.status, stale: last.at };
        throw error;
      }
    },
  };
}

/** The database is busy or out of reach. */
export class TooLong extends Error {
  override readonly name = 'TooLong';
  constructor() {
    super('the database does not answer in time');
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
