/** Troubles that a request can be given instead of, or on the way to, its answer. */
import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';

export type Fault =
  /** The connection is reset before any answer. */
  | { readonly kind: 'reset' }
  /** Headers and `afterBytes` (default 0) of the body, then silence. */
  | { readonly kind: 'stall'; readonly afterBytes?: number }
  /** The connection closes after this share of the body (default a half). */
  | { readonly kind: 'cut'; readonly share?: number }
  /** The whole body, and a Content-Length that is `by` bytes more (or less) than it is; then the connection closes in order. */
  | { readonly kind: 'wrong length'; readonly by: number }
  /** The whole body gzipped, its check sum wrong. */
  | { readonly kind: 'bad gzip trailer' }
  /** 500 with a problem body. */
  | { readonly kind: 'server error' }
  /** 502 with the HTML of a gateway. */
  | { readonly kind: 'bad gateway' }
  /** 403 with the page of a firewall. */
  | { readonly kind: 'forbidden' }
  /** 503 without a body. */
  | { readonly kind: 'unavailable' }
  /** 429; `retryAfter` in seconds or as an HTTP date, left out where undefined. */
  | { readonly kind: 'too many requests'; readonly retryAfter?: number | string }
  /** 200 with JSON of another shape. */
  | { readonly kind: 'wrong JSON' }
  /** 200 with JSON that ends in the middle, its length right. */
  | { readonly kind: 'broken JSON' }
  /** 200 with a page for people. */
  | { readonly kind: 'HTML' }
  /** A redirect to itself. */
  | { readonly kind: 'redirect loop' }
  /** The body in pieces of `bytes` (default 1), one each `everyMs` milliseconds (default 200). */
  | { readonly kind: 'slow drip'; readonly bytes?: number; readonly everyMs?: number };

/** An answer ready for the wire. */
export interface Ready {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Buffer;
}

const HTML = { 'content-type': 'text/html; charset=utf-8' };
const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };

function page(title: string): Buffer {
  return Buffer.from(`<!DOCTYPE html><html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>`);
}

const SERVER_ERROR = {
  type: 'https://tools.ietf.org/html/rfc9110#section-15.6.1',
  title: 'An error occurred while processing your request.',
  status: 500,
};

/** The answer that replaces the real one, for troubles that have one of their own. */
export function replacement(fault: Fault, url: string): Ready | undefined {
  switch (fault.kind) {
    case 'server error':
      return { status: 500, headers: JSON_TYPE, bytes: Buffer.from(JSON.stringify(SERVER_ERROR)) };
    case 'forbidden':
      return { status: 403, headers: HTML, bytes: page('403 Forbidden') };
    case 'bad gateway':
      return { status: 502, headers: HTML, bytes: page('502 Bad Gateway') };
    case 'unavailable':
      return { status: 503, headers: {}, bytes: Buffer.alloc(0) };
    case 'too many requests': {
      const wait = fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) };
      return { status: 429, headers: { ...HTML, ...wait }, bytes: page('429 Too Many Requests') };
    }
    case 'wrong JSON':
      return { status: 200, headers: JSON_TYPE, bytes: Buffer.from('{"message":"Hello"}') };
    case 'broken JSON':
      return { status: 200, headers: JSON_TYPE, bytes: Buffer.from('{"paging":{"page":1,"pageSize":20,"total') };
    case 'HTML':
      return { status: 200, headers: HTML, bytes: page('Sorry, there is a problem with the service') };
    case 'redirect loop':
      return { status: 302, headers: { location: url }, bytes: Buffer.alloc(0) };
    default:
      return undefined;
  }
}

/** The same answer with a gzip body whose check sum is wrong. */
export function withBadTrailer({ status, headers, bytes }: Ready): Ready {
  const isGzip = headers['content-encoding'] === 'gzip';
  const broken = Buffer.from(isGzip ? bytes : gzipSync(bytes));
  // Four bytes of CRC-32 and four of length end the stream.
  broken.writeUInt32LE((broken.readUInt32LE(broken.length - 8) ^ 0xffffffff) >>> 0, broken.length - 8);
  return { status, headers: { ...headers, 'content-encoding': 'gzip' }, bytes: broken };
}

/** Sends an answer the way the trouble wants it. @returns the number of body bytes sent so far, kept up to date */
export function sendBroken(response: ServerResponse, ready: Ready, fault: Fault, sent: (bytes: number) => void): void {
  const { status, headers, bytes } = ready;
  const begin = (): void => {
    response.writeHead(status, { ...headers, 'content-length': String(bytes.length) });
    response.flushHeaders();
  };
  switch (fault.kind) {
    case 'reset':
      response.socket?.resetAndDestroy();
      return;
    case 'stall': {
      begin();
      const some = bytes.subarray(0, fault.afterBytes ?? 0);
      if (some.length > 0) response.write(some);
      sent(some.length);
      return;
    }
    case 'cut': {
      begin();
      const half = bytes.subarray(0, Math.floor(bytes.length * (fault.share ?? 0.5)));
      sent(half.length);
      if (half.length === 0) response.socket?.destroy();
      else response.write(half, () => response.socket?.destroy());
      return;
    }
    case 'wrong length': {
      const { socket } = response;
      const length = { 'content-length': String(bytes.length + fault.by), connection: 'close' };
      const head = Object.entries({ ...headers, ...length }).map(([name, value]) => `${name}: ${value}\r\n`);
      sent(bytes.length);
      // Past the library, which writes no more than the length that it was told.
      socket?.end(Buffer.concat([Buffer.from(`HTTP/1.1 ${status} OK\r\n${head.join('')}\r\n`), bytes]));
      return;
    }
    case 'slow drip': {
      begin();
      const size = fault.bytes ?? 1;
      let at = 0;
      const timer = setInterval(() => {
        const piece = bytes.subarray(at, at + size);
        at += piece.length;
        sent(piece.length);
        response.write(piece);
        if (at < bytes.length) return;
        clearInterval(timer);
        response.end();
      }, fault.everyMs ?? 200);
      response.on('close', () => {
        clearInterval(timer);
      });
      return;
    }
    default:
      response.writeHead(status, { ...headers, 'content-length': String(bytes.length) });
      sent(bytes.length);
      response.end(bytes);
  }
}
