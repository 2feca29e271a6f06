/** Bytes off the wire: unpacked whatever the headers say, watched while they come, bounded. */
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { EesAnswerError, EesUnavailableError } from './errors.js';

/** A gateway that packs what was packed already makes two layers. */
const MOST_LAYERS = 2;

export interface Limits {
  /** Bytes over the wire. */
  readonly wireBytes: number;
  /** Bytes after unpacking: what a small packed body may grow to. */
  readonly plainBytes: number;
  /** ms without a byte before the body counts as stalled; undefined: the caller's deadline suffices. */
  readonly stallMs?: number;
}

/**
 * The plain bytes of a body. gzip is recognised by its first two bytes (1f 8b): some gateways drop the header, others
 * pack twice. zlib checks the trailer (CRC-32 and length) of every layer.
 * @throws EesUnavailableError when the body breaks off, stalls or is damaged, EesAnswerError when it is too large
 */
export async function* plainBytes(
  body: Readable,
  url: string,
  limits: Limits,
  onWire: (bytes: number) => void = () => undefined,
): AsyncGenerator<Buffer> {
  let plain = 0;
  try {
    for await (const chunk of unpacked(arriving(body, url, limits, onWire), MOST_LAYERS)) {
      plain += chunk.length;
      if (plain > limits.plainBytes) throw tooLarge(url, limits.plainBytes, ' unpacked');
      yield chunk;
    }
  } catch (error) {
    throw told(error, url);
  } finally {
    body.destroy();
  }
}

/** Chunks as they arrive, counted; a silence longer than `stallMs` destroys the body. */
async function* arriving(
  body: Readable,
  url: string,
  limits: Limits,
  onWire: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  let wire = 0;
  let timer: NodeJS.Timeout | undefined;
  const watch = () => {
    clearTimeout(timer);
    const { stallMs } = limits;
    if (stallMs === undefined) return;
    timer = setTimeout(() => {
      body.destroy(new EesUnavailableError(`${url} stopped sending for ${stallMs / 1000} s after ${wire} bytes`, url));
    }, stallMs);
  };
  try {
    watch();
    for await (const chunk of body as AsyncIterable<Buffer>) {
      // The time until the consumer asks for more is not the server's.
      clearTimeout(timer);
      wire += chunk.length;
      onWire(chunk.length);
      if (wire > limits.wireBytes) throw tooLarge(url, limits.wireBytes, '');
      yield chunk;
      watch();
    }
  } finally {
    clearTimeout(timer);
  }
}

async function* unpacked(chunks: AsyncIterable<Buffer>, layers: number): AsyncGenerator<Buffer> {
  const source = chunks[Symbol.asyncIterator]();
  try {
    const head = await firstBytes(source);
    const all = resumed(head, source);
    if (layers > 0 && head.length >= 2 && head[0] === 0x1f && head[1] === 0x8b)
      yield* unpacked(gunzipped(all), layers - 1);
    else yield* all;
  } finally {
    await source.return?.();
  }
}

/** At least two bytes, unless there are no more. */
async function firstBytes(source: AsyncIterator<Buffer>): Promise<Buffer> {
  let head: Buffer = Buffer.alloc(0);
  while (head.length < 2) {
    const next = await source.next();
    if (next.done) break;
    head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  return head;
}

async function* resumed(head: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

async function* gunzipped(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  const fed = feed(chunks, gunzip);
  try {
    yield* gunzip as AsyncIterable<Buffer>;
    await fed;
  } finally {
    gunzip.destroy();
    // A failure of the source has already come out of the iteration above.
    await fed.catch(() => undefined);
  }
}

async function feed(chunks: AsyncIterable<Buffer>, into: ReturnType<typeof createGunzip>): Promise<void> {
  try {
    for await (const chunk of chunks) {
      if (into.destroyed) return;
      if (!into.write(chunk)) await drained(into);
    }
    into.end();
  } catch (error) {
    into.destroy(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}

function drained(stream: ReturnType<typeof createGunzip>): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done).off('close', done);
      resolve();
    };
    stream.on('drain', done).on('close', done);
    if (stream.destroyed) done();
  });
}

function tooLarge(url: string, limit: number, how: string): EesAnswerError {
  return new EesAnswerError(`${url} sent more than ${limit} bytes${how}, which is more than is taken`, url, undefined);
}

function told(error: unknown, url: string): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  const damaged = typeof error.code === 'string' && error.code.startsWith('Z_');
  return new EesUnavailableError(
    damaged ? `${url} sent a damaged gzip body (${error.message})` : `${url} broke off its answer (${error.message})`,
    url,
    { cause: error },
  );
}
