/**
 * The one way to EES: two requests at once, named by a User-Agent, retried with full jitter where that may help,
 * Retry-After honoured, everything bounded in size, time and number, every answer checked where it comes in.
 */
import type { Readable } from 'node:stream';
import { setTimeout as sleepFor } from 'node:timers/promises';
import type * as z from 'zod';
import { createAgents, ProxyError, type ProxyEnvironment } from './agents.js';
import { plainBytes } from './bytes.js';
import { followed, retryAfter, shown } from './redirects.js';
import { createTurns } from './turns.js';
import {
  EesAnswerError,
  EesBudgetError,
  EesError,
  EesProxyError,
  EesRefusedError,
  EesUnavailableError,
} from './errors.js';
import { API_NAMES, askedForTime, type LeftAlone } from './left-alone.js';

/** The two ways in: the official API (documented, partial) and the website's content API (complete, unstable). */
export type Api = 'official' | 'content';

export interface Timing {
  /** From sending a request for JSON to the last byte of its answer. The server itself gives up after 30 s. */
  readonly requestMs: number;
  /** From sending a request for a file to its headers. */
  readonly headersMs: number;
  /** Tries in all. */
  readonly attempts: number;
  /** Full jitter: a wait is uniform between 0 and min(longest, first × 2^n). */
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
  /** Whoever asks for more is not asked again in this run, nor by the schedule before that time: no path of that API is. */
  readonly longestRetryAfterMs: number;
}

export const DEFAULT_TIMING: Timing = {
  requestMs: 40_000,
  headersMs: 40_000,
  attempts: 4,
  firstWaitMs: 500,
  longestWaitMs: 20_000,
  longestRetryAfterMs: 60_000,
};

export interface Budget {
  readonly requests: number;
  /** ms after the client's making in which requests may start. */
  readonly ms: number;
}

export interface EesClientOptions {
  readonly apiUrl: string;
  readonly contentUrl: string;
  /** An address for EES to write to: goes into the User-Agent, what a header cannot hold as in the address of a page. */
  readonly contact?: string | undefined;
  /** Of this product. */
  readonly version: string;
  /** Where HTTPS_PROXY and NO_PROXY are looked up; default process.env. */
  readonly environment?: ProxyEnvironment;
  readonly signal?: AbortSignal | undefined;
  readonly budget?: Partial<Budget>;
  readonly timing?: Partial<Timing>;
  /** What runs before were told and still holds: these are not asked. */
  readonly leftAlone?: readonly LeftAlone[];
  readonly random?: () => number;
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<unknown>;
  /** ms since the epoch. */
  readonly now?: () => number;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** An answer whose body is still coming. The body must be read to its end or destroyed. */
export interface OpenAnswer {
  readonly status: 200 | 304;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Readable;
}

export interface EesClient {
  /**
   * One JSON answer, checked. Unknown fields are ignored.
   * @throws EesAnswerError naming URL and field, EesRefusedError, EesUnavailableError, EesBudgetError
   */
  get<T>(api: Api, path: string, schema: z.ZodType<T>, query?: Query): Promise<T>;
  /** One try at a file; `persist` repeats it. Headers must come within the deadline, the body is the caller's to watch. */
  open(api: Api, path: string, query?: Query, headers?: Readonly<Record<string, string>>): Promise<OpenAnswer>;
  /** Repeats what failed for a while: waits as told by the server, else with full jitter. */
  persist<T>(attempt: () => Promise<T>): Promise<T>;
  /** Waits, unless the run is stopped. */
  sleep(ms: number): Promise<void>;
  /** Counts bytes that a caller of `open` read. */
  readonly count: (bytes: number) => void;
  readonly spent: { readonly requests: number; readonly bytes: number };
  readonly signal: AbortSignal | undefined;
  /** ms since the epoch. */
  now(): number;
  /** What each API said that asked for more time than a run waits, a sentence each: it was asked no more since. */
  leftAlone(): readonly string[];
  /** The same, to be kept for the next runs. */
  askedForTime(): readonly LeftAlone[];
  /** ms by which the clock of an API's host is ahead of this machine's, by its last answer, to a second or so; undefined before that. */
  clockAhead(api: Api): number | undefined;
  close(): void;
}

const REQUESTS_AT_ONCE = 2;
const MOST_REDIRECTS = 5;
/** The largest JSON answer known (the sitemap of all files) is far below one megabyte. */
const JSON_BYTES = 16 * 1024 * 1024;
/** Of the body of a refusal, which only explains it. */
const PROBLEM_BYTES = 64 * 1024;
const PROBLEM_MS = 3000;
/** A server may name any time; what comes after this one has no date. */
const LATEST_DATE = Date.parse('9999-12-31T23:59:59Z');
const RETRYABLE_STATUS = [408, 429, 500, 502, 503, 504];

/** @throws Error when a URL of the configuration is none */
export function createEesClient(options: EesClientOptions): EesClient {
  const timing = { ...DEFAULT_TIMING, ...options.timing };
  const budget = { requests: 1000, ms: 60 * 60_000, ...options.budget };
  const now = options.now ?? Date.now;
  const random = options.random ?? Math.random;
  const wait = options.sleep ?? ((ms: number, signal?: AbortSignal) => sleepFor(ms, undefined, { signal }));
  const { signal } = options;
  const base: Record<Api, URL> = {
    official: new URL(`${options.apiUrl.replace(/\/+$/, '').replace(/\/v1$/, '')}/v1`),
    content: new URL(options.contentUrl.replace(/\/+$/, '')),
  };
  const agents = createAgents(options.environment ?? process.env, REQUESTS_AT_ONCE);
  const userAgent = `absence-watch/${options.version}${options.contact ? ` (${inHeader(options.contact)})` : ''}`;
  const started = now();
  const spent = { requests: 0, bytes: 0 };
  const turns = createTurns(REQUESTS_AT_ONCE);
  const pausedUntil: Record<Api, number> = { official: 0, content: 0 };
  const leftAlone = new Map<Api, { readonly until: string; readonly said: string; readonly kept: LeftAlone }>(
    (options.leftAlone ?? []).map((kept) => [kept.api, { ...kept, kept }]),
  );
  const ahead = new Map<Api, number>();

  async function sleep(ms: number): Promise<void> {
    if (ms > 0) await wait(ms, signal);
    signal?.throwIfAborted();
  }

  function urlOf(api: Api, path: string, query: Query): URL {
    const url = new URL(base[api].href.replace(/\/$/, '') + path);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value));
    return url;
  }

  /** @throws EesUnavailableError where the API has asked for more time than this run waits */
  function mayAsk(api: Api, url: URL): void {
    const alone = leftAlone.get(api);
    if (alone === undefined) return;
    const why = `${API_NAMES[api]} asked to be left alone until ${alone.until}`;
    throw new EesUnavailableError(`${shown(url)} was not asked: ${why}`, shown(url), { retryable: false });
  }

  /** One request and its redirects; ends with 200, 304 or an error. Its turn is over when the body has been read. */
  async function send(
    api: Api,
    first: URL,
    headers: Readonly<Record<string, string>>,
    stop: AbortSignal,
  ): Promise<OpenAnswer> {
    let url = first;
    for (let hop = 0; hop <= MOST_REDIRECTS; hop += 1) {
      mayAsk(api, url);
      if (spent.requests >= budget.requests || now() - started > budget.ms)
        throw new EesBudgetError(
          `This run has used its share of EES (${spent.requests} requests, ${Math.round((now() - started) / 1000)} s); the next run goes on. A backfill: less at a time (--from, --to, --release)`,
          shown(url),
        );
      spent.requests += 1;
      // Loaded when first needed: commands that ask nobody start sooner, and smaller.
      const { default: axios } = await import('axios');
      const answer = await axios.request<Readable>({
        url: url.href,
        responseType: 'stream',
        decompress: false,
        maxRedirects: 0,
        proxy: false,
        validateStatus: () => true,
        maxBodyLength: 0,
        ...agents.agentsFor(url),
        headers: { 'User-Agent': userAgent, 'Accept-Encoding': 'gzip', ...headers },
        signal: stop,
      });
      const body = answer.data;
      // A body that breaks off while nobody listens must not end the process.
      body.on('error', () => undefined);
      const given = answer.headers as Record<string, unknown>;
      const apart = aheadBy(given);
      if (apart !== undefined) ahead.set(api, apart);
      const location = text(given['location']);
      if (answer.status >= 301 && answer.status <= 308 && answer.status !== 304 && location !== undefined) {
        body.destroy();
        url = followed(url, location);
        continue;
      }
      if (answer.status === 200 || answer.status === 304)
        return { status: answer.status, url: shown(url), headers: given as OpenAnswer['headers'], body };
      throw await refusal(answer.status, given, body, shown(url), api);
    }
    throw new EesUnavailableError(`${shown(first)} leads from one redirect to the next without end`, shown(first), {
      retryable: false,
    });
  }

  async function refusal(
    status: number,
    headers: Record<string, unknown>,
    body: Readable,
    url: string,
    api: Api,
  ): Promise<EesError> {
    if (!RETRYABLE_STATUS.includes(status))
      return new EesRefusedError(`${url} answered ${status}${await problemOf(body, url)}`, url, status);
    body.destroy();
    const retryAfterMs = retryAfter(text(headers['retry-after']), text(headers['date']), now());
    const patient = retryAfterMs === undefined || retryAfterMs <= timing.longestRetryAfterMs;
    if (retryAfterMs !== undefined && patient) pausedUntil[api] = Math.max(pausedUntil[api], now() + retryAfterMs);
    const asks = retryAfterMs === undefined ? '' : ` and asks to wait ${Math.ceil(retryAfterMs / 1000)} s`;
    if (retryAfterMs !== undefined && !patient) {
      const until = new Date(Math.min(now() + retryAfterMs, LATEST_DATE)).toISOString();
      const said = `${url} answered ${status}`;
      leftAlone.set(api, { until, said, kept: askedForTime(api, said, retryAfterMs, now()) });
    }
    return new EesUnavailableError(`${url} answered ${status}${asks}`, url, { retryable: patient, retryAfterMs });
  }

  /** What one request may take, from its start; the wait that a server asked for comes before. */
  async function withDeadline<T>(api: Api, ms: number, url: URL, work: (stop: AbortSignal) => Promise<T>): Promise<T> {
    mayAsk(api, url);
    await sleep(pausedUntil[api] - now());
    const controller = new AbortController();
    const late = new EesUnavailableError(`${shown(url)} did not answer within ${ms / 1000} s`, shown(url));
    const timer = setTimeout(() => {
      controller.abort(late);
    }, ms);
    const stopped = () => {
      controller.abort(signal?.reason);
    };
    signal?.addEventListener('abort', stopped, { once: true });
    try {
      return await work(controller.signal);
    } catch (error) {
      signal?.throwIfAborted();
      // The status decides, whatever became of the body that explains it.
      if (error instanceof EesRefusedError) throw error;
      if (controller.signal.aborted) throw late;
      throw error instanceof EesError ? error : networkError(error, shown(url));
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stopped);
    }
  }

  async function persist<T>(attempt: () => Promise<T>): Promise<T> {
    for (let tried = 1; ; tried += 1) {
      try {
        return await attempt();
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof EesError) || !error.retryable || tried >= timing.attempts) throw error;
        const jitter = random() * Math.min(timing.longestWaitMs, timing.firstWaitMs * 2 ** (tried - 1));
        await sleep((error.retryAfterMs ?? 0) + jitter);
      }
    }
  }

  const count = (bytes: number) => {
    spent.bytes += bytes;
  };

  return {
    get(api, path, schema, query = {}) {
      const url = urlOf(api, path, query);
      return persist(() =>
        turns.take(() =>
          withDeadline(api, timing.requestMs, url, async (stop) => {
            const answer = await send(api, url, { Accept: 'application/json' }, stop);
            stop.addEventListener('abort', () => answer.body.destroy(), { once: true });
            return checked(await readJson(answer, count), schema, answer.url);
          }),
        ),
      );
    },
    async open(api, path, query = {}, headers = {}) {
      const url = urlOf(api, path, query);
      const done = await turns.next();
      try {
        const answer = await withDeadline(api, timing.headersMs, url, (stop) =>
          send(api, url, { Accept: '*/*', ...headers }, stop),
        );
        answer.body.once('close', done);
        return answer;
      } catch (error) {
        done();
        throw error;
      }
    },
    persist,
    sleep,
    count,
    spent,
    signal,
    now,
    leftAlone: () =>
      [...leftAlone].map(
        ([api, { until, said }]) =>
          `${API_NAMES[api]} asked to be left alone until ${until} (${said}): nothing more was asked of it`,
      ),
    askedForTime: () => [...leftAlone.values()].map(({ kept }) => kept),
    clockAhead: (api) => ahead.get(api),
    close: () => {
      agents.destroy();
    },
  };
}

/** The visible ASCII of a text, all else percent-encoded: the HTTP library would leave some of it out in silence. */
function inHeader(words: string): string {
  return words.replaceAll(/[^\x20-\x7e]/gu, (character) =>
    [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}

/** ms by which an answer's Date (and Age, out of a cache) is ahead of this machine's clock. */
function aheadBy(headers: Record<string, unknown>): number | undefined {
  const date = Date.parse(text(headers['date']) ?? '');
  const age = Number(text(headers['age']) ?? 0);
  return Number.isNaN(date) || Number.isNaN(age) ? undefined : date + age * 1000 - Date.now();
}

function networkError(error: unknown, url: string): EesUnavailableError {
  const cause = error instanceof Error && error.cause instanceof ProxyError ? error.cause : undefined;
  if (cause !== undefined)
    return new EesProxyError(`${url} could not be reached: ${cause.message}`, url, {
      cause,
      retryable: cause.retryable,
    });
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  return new EesUnavailableError(`${url} could not be reached${code === undefined ? '' : ` (${code})`}`, url, {
    cause: error,
  });
}

/** What a problem-details body says, for the message; '' where it says nothing, or not soon and briefly. */
async function problemOf(body: Readable, url: string): Promise<string> {
  const late = setTimeout(() => body.destroy(), PROBLEM_MS);
  try {
    const said: unknown = JSON.parse(await readText(body, url, PROBLEM_BYTES, () => undefined));
    if (typeof said !== 'object' || said === null || !('title' in said) || typeof said.title !== 'string') return '';
    return ` (${said.title.slice(0, 200)})`;
  } catch {
    return '';
  } finally {
    clearTimeout(late);
  }
}

async function readText(body: Readable, url: string, limit: number, onWire: (bytes: number) => void): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of plainBytes(body, url, { wireBytes: limit, plainBytes: limit }, onWire)) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

async function readJson(answer: OpenAnswer, onWire: (bytes: number) => void): Promise<unknown> {
  const said = await readText(answer.body, answer.url, JSON_BYTES, onWire);
  try {
    return JSON.parse(said);
  } catch (error) {
    const what = looksLikeHtml(said) ? 'a web page' : 'something that is no JSON';
    // A maintenance page or a half-written answer goes by; a changed route shows in its fields.
    throw new EesAnswerError(
      `${answer.url} sent ${what} where JSON was expected: "${said.slice(0, 80).trim()}"`,
      answer.url,
      undefined,
      {
        cause: error,
        retryable: true,
      },
    );
  }
}

/** Whether text begins like a web page (or other markup): CSV and JSON never do. */
export function looksLikeHtml(start: string): boolean {
  return /^[\uFEFF\s]*<[!?a-z]/i.test(start);
}

function checked<T>(answer: unknown, schema: z.ZodType<T>, url: string): T {
  const result = schema.safeParse(answer);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field =
    issue === undefined || issue.path.length === 0 ? '(the whole answer)' : issue.path.map(String).join('.');
  const more = result.error.issues.length > 1 ? ` (and ${result.error.issues.length - 1} more)` : '';
  throw new EesAnswerError(
    `${url} is not as EES documents it: field ${field}: ${issue?.message ?? 'unexpected'}${more}; it begins ${JSON.stringify(answer).slice(0, 80)}`,
    url,
    field,
  );
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
