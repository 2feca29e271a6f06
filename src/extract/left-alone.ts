/** A host that asked for more time than a run waits: kept between runs, so that the next ones leave it alone, too. */
import type { Api } from './client.js';

/** An API that asked for time. */
export interface LeftAlone {
  readonly api: Api;
  /** ISO time before which it is not asked. */
  readonly until: string;
  /** How it said so, in words. */
  readonly said: string;
}

/** As a sentence begins with them. */
export const API_NAMES: Readonly<Record<Api, string>> = { official: 'The official API', content: 'The website' };

/** However long a host asks for: a slip of a gateway must not stop the watch for good. */
const LONGEST_MS = 86_400_000;

/** What a refusal asks for. @param retryAfterMs ms @param now ms since the epoch */
export function askedForTime(api: Api, said: string, retryAfterMs: number, now: number): LeftAlone {
  return { api, until: new Date(now + Math.min(retryAfterMs, LONGEST_MS)).toISOString(), said };
}

/**
 * Those of the kept ones that still hold. What lies further ahead than anything that is kept was noted by a clock that
 * was ahead, and holds no longer.
 * @param now ms since the epoch
 */
export function stillLeftAlone(kept: readonly LeftAlone[], now: number): LeftAlone[] {
  return kept.filter(({ until }) => Date.parse(until) > now && Date.parse(until) <= now + LONGEST_MS);
}
