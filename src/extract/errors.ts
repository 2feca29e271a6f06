/** What can go wrong between EES and us, each kind with what a caller may do about it. */

interface Circumstances {
  readonly cause?: unknown;
  /** Whether asking again may help. */
  readonly retryable?: boolean;
  /** What the server asked for, in ms. */
  readonly retryAfterMs?: number | undefined;
}

/** Any failure of a request to EES. `url` never carries credentials. */
export class EesError extends Error {
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    readonly url: string,
    { cause, retryable = false, retryAfterMs }: Circumstances = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.retryable = retryable;
    this.retryAfterMs = retryAfterMs;
  }
}

/** No usable answer: network, deadline, stall, a body cut off, 5xx, 429. Another time may be better. */
export class EesUnavailableError extends EesError {
  constructor(message: string, url: string, circumstances: Circumstances = {}) {
    super(message, url, { retryable: true, ...circumstances });
  }
}

/** The proxy on the way kept the request from EES, which was not asked. */
export class EesProxyError extends EesUnavailableError {}

/** The server understood and said no (4xx): asking again is pointless. */
export class EesRefusedError extends EesError {
  constructor(
    message: string,
    url: string,
    readonly status: number,
  ) {
    super(message, url);
  }
}

/** An answer that is not what EES documents: names the URL and the field (dotted path; undefined where it is no JSON at all). */
export class EesAnswerError extends EesError {
  constructor(
    message: string,
    url: string,
    readonly field: string | undefined,
    circumstances: Circumstances = {},
  ) {
    super(message, url, circumstances);
  }
}

/** This run has used what it may use of EES. */
export class EesBudgetError extends EesError {}

/** What a source is told to be: a route that is gone or answers another shape is 'vanished', one that does not answer 'unreachable'. */
export function troubleOf(error: unknown): 'vanished' | 'unreachable' | undefined {
  if (error instanceof EesRefusedError) return 'vanished';
  if (error instanceof EesAnswerError) return error.retryable ? 'unreachable' : 'vanished';
  if (error instanceof EesUnavailableError) return 'unreachable';
  return undefined;
}
