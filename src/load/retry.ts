/** Trying again after what passes by itself: a serialization failure, a deadlock, a database that restarts. */
import { setTimeout as sleep } from 'node:timers/promises';

const TRANSIENT_CODES = new Set([
  '40001', // serialization failure
  '40P01', // deadlock
  '55P03', // lock not available
  '57P01', // shut down by an administrator
  '57P02', // crashed beside us
  '57P03', // starting up
  '53300', // too many connections
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
]);

/** pg gives no code to connections that end on their own. */
const TRANSIENT_MESSAGES =
  /connection terminated|timeout exceeded when trying to connect|not queryable|client has encountered a connection error/i;

/** Whether an error of the database is one that passes by itself. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('code' in error && typeof error.code === 'string')
    return TRANSIENT_CODES.has(error.code) || error.code.startsWith('08');
  return TRANSIENT_MESSAGES.test(error.message) || isTransient(error.cause);
}

export interface RetryOptions {
  /** How often it is tried in all. */
  readonly attempts?: number | undefined;
  /** Pause before the second attempt (ms), doubled each time up to 5 s. */
  readonly firstPauseMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Runs work that may be run again from its start (a read, or one transaction), again after transient errors.
 * @throws the last error
 */
export async function retrying<S, T>(store: S, work: (store: S) => Promise<T>, options: RetryOptions = {}): Promise<T> {
  const attempts = options.attempts ?? 6;
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(store);
    } catch (error) {
      if (attempt >= attempts || !isTransient(error)) throw error;
      const pause = Math.min(5_000, (options.firstPauseMs ?? 200) * 2 ** (attempt - 1));
      await sleep(pause, undefined, options.signal === undefined ? {} : { signal: options.signal });
    }
  }
}
