/**
 * A stand-in of EES: a real HTTP server on loopback with both of its APIs, whose publications tests and the demo change
 * while it runs. What is published lives in `stand-in/state`, the answers in `stand-in/official` and `stand-in/content`.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { CONTENT_ROUTES } from './stand-in/content.js';
import { replacement, sendBroken, withBadTrailer, type Fault, type Ready } from './stand-in/faults.js';
import { OFFICIAL_ROUTES } from './stand-in/official.js';
import { problem, type Asked, type Body, type Reply, type Route } from './stand-in/reply.js';
import { PublishedState } from './stand-in/state.js';

export type { Fault } from './stand-in/faults.js';
export type * from './stand-in/records.js';
export type { FileContent } from './stand-in/stored-file.js';

/** One request as it came, kept up to date while it is answered. */
export interface LoggedRequest {
  readonly at: Date;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** '' or '?page=2' */
  readonly query: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly userAgent: string;
  /** 0 until answered, and where the connection was reset instead. */
  status: number;
  /** Bytes of body sent, as they went over the wire. */
  bytes: number;
}

export interface StandInOptions {
  /** The clock: default the real one. */
  readonly now?: () => Date;
  /** Milliseconds by which the API follows the website at each publication (some 20 s at EES); default 0. */
  readonly apiLagMs?: number;
  /** Default any free port. */
  readonly port?: number;
}

/** Decides the trouble of a request, which waits for the decision; `index` counts all requests since the faults were set, from 0. */
export type FaultPlan = (request: LoggedRequest, index: number) => Fault | undefined | Promise<Fault | undefined>;

const OFFICIAL = '/statistics';
const CONTENT = '/content/api';

export class StandIn extends PublishedState {
  /** Every request, oldest first. */
  readonly requests: LoggedRequest[] = [];
  readonly #server: Server;
  readonly #removed: { readonly pattern: RegExp; readonly change: ((value: unknown) => unknown) | undefined }[] = [];
  #plan: FaultPlan | undefined;
  #planned = 0;

  private constructor(options: StandInOptions) {
    super(options.now ?? (() => new Date()), options.apiLagMs);
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        // A defect of the stand-in must fail the test that met it, not look like a fault of EES.
        response.writeHead(599, { 'content-type': 'text/plain' });
        response.end(`The stand-in failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      });
    });
  }

  /** Starts a stand-in with nothing published. */
  static async start(options: StandInOptions = {}): Promise<StandIn> {
    const standIn = new StandIn(options);
    await new Promise<void>((resolve, reject) => {
      standIn.#server.once('error', reject);
      standIn.#server.listen(options.port ?? 0, '127.0.0.1', resolve);
    });
    return standIn;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** For EES_API_URL. */
  get apiUrl(): string {
    return `${this.origin}${OFFICIAL}`;
  }

  /** For EES_CONTENT_URL. */
  get contentUrl(): string {
    return `${this.origin}${CONTENT}`;
  }

  /**
   * Gives requests troubles: by a function, or the listed ones to the next requests in turn (undefined: none).
   * Without an argument all is well again.
   */
  fault(plan?: FaultPlan | readonly (Fault | undefined)[]): void {
    this.#planned = 0;
    this.#plan = typeof plan === 'function' || plan === undefined ? plan : (_request, index) => plan[index];
  }

  /**
   * Takes routes away: those whose path (with prefix, '/content/api/…') matches answer 404, or, with `change`, their
   * JSON in another shape.
   */
  removeRoute(pattern: RegExp, change?: (value: unknown) => unknown): void {
    this.#removed.push({ pattern, change });
  }

  /** All removed routes are back. */
  restoreRoutes(): void {
    this.#removed.length = 0;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.origin);
    const headers: Record<string, string | undefined> = {};
    for (const [name, value] of Object.entries(request.headers))
      headers[name] = Array.isArray(value) ? value.join(', ') : value;
    const logged: LoggedRequest = {
      at: this.now(),
      method: request.method ?? '',
      path: url.pathname,
      query: url.search,
      headers,
      userAgent: headers['user-agent'] ?? '',
      status: 0,
      bytes: 0,
    };
    this.requests.push(logged);
    const fault = await this.#plan?.(logged, this.#planned++);
    const sent = (bytes: number): void => {
      logged.bytes += bytes;
    };
    if (fault?.kind === 'reset') {
      sendBroken(response, { status: 0, headers: {}, bytes: Buffer.alloc(0) }, fault, sent);
      return;
    }
    const ready = fault && replacement(fault, url.pathname + url.search);
    if (fault && ready) {
      logged.status = ready.status;
      sendBroken(response, ready, fault, sent);
      return;
    }
    const reply = await this.#reply(url, logged);
    logged.status = reply.status;
    if (fault) {
      const whole = await collected(reply, headers['accept-encoding'] ?? '');
      sendBroken(response, fault.kind === 'bad gzip trailer' ? withBadTrailer(whole) : whole, fault, sent);
      return;
    }
    if (reply.body.kind !== 'stream') {
      const { status, headers: replyHeaders, bytes } = await collected(reply, headers['accept-encoding'] ?? '');
      const length = status === 304 ? {} : { 'content-length': String(bytes.length) };
      response.writeHead(status, { ...replyHeaders, ...length });
      sent(bytes.length);
      response.end(bytes);
      return;
    }
    const { size, open } = reply.body;
    response.writeHead(reply.status, {
      ...reply.headers,
      ...(size === undefined ? {} : { 'content-length': String(size) }),
    });
    const file = open();
    file.on('data', (chunk: Buffer) => {
      sent(chunk.length);
    });
    // A client that goes away in the middle is its own affair.
    await pipeline(file, response).catch(() => undefined);
  }

  async #reply(url: URL, logged: LoggedRequest): Promise<Reply> {
    const common = { 'x-composed': 'true' };
    const path = url.pathname;
    const reply = await this.#routed(url, logged);
    const removed = this.#removed.find(({ pattern }) => pattern.test(path));
    if (removed && !removed.change) return { ...problem(404), headers: { ...problem(404).headers, ...common } };
    const body: Body =
      removed?.change && reply.body.kind === 'json'
        ? { kind: 'json', value: removed.change(reply.body.value) }
        : reply.body;
    const official = path.startsWith(OFFICIAL) ? { 'api-supported-versions': '1' } : {};
    return { ...reply, headers: { ...reply.headers, ...common, ...official }, body };
  }

  async #routed(url: URL, logged: LoggedRequest): Promise<Reply> {
    const path = url.pathname;
    if (/[A-Z]/.test(path.replaceAll(/%[0-9A-Fa-f]{2}/g, '')))
      return {
        status: 308,
        headers: { location: this.origin + path.toLowerCase() + url.search },
        body: { kind: 'none' },
      };
    const version = /^\/statistics\/v1(\.0)?(?=\/)/.exec(path)?.[0];
    const isOfficial = version !== undefined;
    if (!isOfficial && !path.startsWith(`${CONTENT}/`)) return problem(404);
    const rest = path.slice(isOfficial ? version.length : CONTENT.length);
    const route = (isOfficial ? OFFICIAL_ROUTES : CONTENT_ROUTES).find((each) => each.path.test(rest));
    if (!route) return problem(404);
    if (logged.method !== 'GET') return problem(405);
    if (isOfficial && !/application\/(json|\*)|\*\/\*/.test(logged.headers['accept'] ?? '*/*')) return problem(406);
    const unknown = unknownFields(route, url.searchParams);
    if (unknown) return unknown;
    const asked: Asked = {
      state: this,
      params: route.path.exec(rest)?.groups ?? {},
      query: url.searchParams,
      headers: logged.headers,
    };
    return await route.answer(asked);
  }
}

function unknownFields(route: Route, query: URLSearchParams): Reply | undefined {
  const { knows } = route;
  if (!knows) return undefined;
  const unknown = [...new Set(query.keys())].filter((name) => !knows.includes(name));
  if (unknown.length === 0) return undefined;
  return problem(
    400,
    unknown.map((path) => ({ message: `Unknown field: ${path}`, path, code: 'UnknownField' })),
  );
}

/** The answer with its whole body, JSON compressed as the client likes it. */
async function collected({ status, headers, body }: Reply, accepts: string): Promise<Ready> {
  switch (body.kind) {
    case 'none':
      return { status, headers, bytes: Buffer.alloc(0) };
    case 'bytes':
      return { status, headers, bytes: body.bytes };
    case 'stream':
      return { status, headers, bytes: await buffer(body.open()) };
    case 'json': {
      const plain = Buffer.from(JSON.stringify(body.value));
      if (/\bbr\b/.test(accepts))
        return { status, headers: { ...headers, 'content-encoding': 'br' }, bytes: brotliCompressSync(plain) };
      if (/\bgzip\b/.test(accepts))
        return { status, headers: { ...headers, 'content-encoding': 'gzip' }, bytes: gzipSync(plain) };
      return { status, headers, bytes: plain };
    }
  }
}
