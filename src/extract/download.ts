/**
 * A file of EES, whole or not at all: streamed to a temporary file, unpacked, checked, made durable, then given its name.
 * Kept unpacked: what reads it next is bound by parsing, not by the disk.
 */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { plainBytes, type Limits } from './bytes.js';
import { looksLikeHtml, type Api, type EesClient, type OpenAnswer, type Query } from './client.js';
import * as answers from './answers.js';
import { EesAnswerError, EesError, EesRefusedError, EesUnavailableError } from './errors.js';
import { heldFile, hold, letGo, pieceIn, type FileFacts } from './held-files.js';
import { createRecordCounter } from './records.js';
import type { FileSource, WantedFile } from './wanted.js';

export interface DownloadLimits extends Limits {
  /** ms for one try at a file, to its last byte. The try that used them up is the last by its way in this run. */
  readonly totalMs: number;
  readonly stallMs: number;
}

/** The largest published file (attendance by day) is about 1 GB unpacked. */
export const DEFAULT_LIMITS: DownloadLimits = {
  wireBytes: 2 * 1024 ** 3,
  plainBytes: 4 * 1024 ** 3,
  stallMs: 30_000,
  totalMs: 20 * 60_000,
};

/** Far more than a row, or a file, has been known to take: what EES says of either is rough. */
const BYTES_OF_A_ROW = 4096;
const TIMES_ITS_SIZE = 16;
/** Any file may have as many: a count or size that is far out must keep no small file out. */
const FLOOR_BYTES = 64 * 1024 ** 2;

/** The same limits, the bytes bound by what EES says of a file (rows, size), where it says anything. */
export function within<T extends Limits>(limits: T, { rows = 0, bytes = 0 }: WantedFile['expected']): T {
  // A count of none is none.
  if (rows === 0 && bytes === 0) return limits;
  const most = Math.max(FLOOR_BYTES, rows * BYTES_OF_A_ROW, bytes * TIMES_ITS_SIZE);
  return {
    ...limits,
    wireBytes: Math.min(limits.wireBytes, most),
    plainBytes: Math.min(limits.plainBytes, most),
  };
}

export interface Downloaded {
  readonly kind: 'file';
  readonly path: string;
  /** Of the plain bytes. */
  readonly bytes: number;
  /** Hex, of the plain bytes. */
  readonly sha256: string;
  /** CSV records without the header. */
  readonly rows: number;
  readonly fileName: string;
  readonly contentType: string;
  readonly etag: string | undefined;
  /** The way it came. */
  readonly source: FileSource;
  /** What a reader of the log should know of the way it came: a second one taken, fetched by a run before. */
  readonly notes: readonly string[];
  /** What speaks against its being whole, and was not enough: another number of rows than the website tells. */
  readonly doubts: readonly string[];
  /** Why it had to come from the data catalogue; undefined where it did not. */
  readonly detour?: string;
  /** Why it had to come by the other API; undefined where it did not. */
  readonly missed?: EesError;
  /** The plain bytes. */
  open(): Readable;
  /** Files are kept only as long as a load needs them. */
  remove(): Promise<void>;
}

/** The website answers that the bytes are those of `source.etag`: nothing was fetched. */
export interface NotModified {
  readonly kind: 'not modified';
  readonly etag: string;
  readonly source: FileSource;
}

const LINE_END = 0x0a;

/**
 * Fetches one file, unless it lies there whole already. Cut, stalled and damaged bodies are fetched again from the start,
 * those that come too slowly are not; where the way preferred fails for good, the other one is taken.
 * @param directory made if absent; the file in it is the caller's to remove
 * @throws EesUnavailableError, EesRefusedError (403: the release was amended meanwhile, ask discovery again),
 *   EesAnswerError (no CSV, too large, not as many records as EES counts)
 */
export async function download(
  client: EesClient,
  file: WantedFile,
  directory: string,
  limits: Partial<DownloadLimits> = {},
): Promise<Downloaded | NotModified> {
  const all = within({ ...DEFAULT_LIMITS, ...limits }, file.expected);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const oneWay = async (source: FileSource, notes: readonly string[]): Promise<Downloaded | NotModified> => {
    try {
      return await fetched(client, file, source, { open: () => ask(client, source) }, directory, all, notes);
    } catch (error) {
      if (source.kind !== 'release file' || !(error instanceof EesRefusedError) || error.status !== 404) throw error;
      return await fromCatalogue(client, file, source, directory, all, notes, error);
    }
  };
  for (const source of [file.source, file.alternative]) {
    const held = source === undefined ? undefined : await heldFile(directory, source);
    if (source !== undefined && held !== undefined)
      return downloaded(directory, source, held.path, {
        ...held.facts,
        notes: [...held.facts.notes, 'fetched by a run before, which was ended before it had loaded it'],
      });
  }
  try {
    return await oneWay(file.source, []);
  } catch (error) {
    if (!file.alternative || !(error instanceof EesError)) throw error;
    const got = await oneWay(file.alternative, [`${error.message}; taken the other way`]);
    return got.kind === 'file' ? { ...got, missed: error } : got;
  }
}

/**
 * Whether an address hands out a file, told by the first bytes of it; one try.
 * @throws EesError where it does not
 */
export async function tryFile(client: EesClient, api: Api, path: string, query: Query): Promise<void> {
  const { body, url } = await client.open(api, path, query);
  const beginning = createBeginning(url);
  for await (const chunk of plainBytes(body, url, DEFAULT_LIMITS, client.count)) if (beginning.take(chunk)) break;
  if (beginning.bytes() > 0) return;
  throw new EesUnavailableError(`${url} sent an empty file`, url);
}

/**
 * The same file from the data catalogue, whose address is not pinned: taken only if that file is there before and after.
 * @throws the refusal by the way that is pinned, where this one does not do either
 */
async function fromCatalogue(
  client: EesClient,
  file: WantedFile,
  source: Extract<FileSource, { kind: 'release file' }>,
  directory: string,
  limits: DownloadLimits,
  notes: readonly string[],
  refusal: EesRefusedError,
): Promise<Downloaded> {
  const path = `/data-set-files/${source.dataSetFileId}`;
  const isThere = async (): Promise<boolean> =>
    (await client.get('content', path, answers.dataSetFile)).file.id === source.fileId;
  try {
    if (!(await isThere())) throw refusal;
    const note = `${refusal.message}; taken from the data catalogue`;
    const open = () => client.open('content', `${path}/download`);
    const confirm = async (): Promise<void> => {
      if (!(await isThere())) throw refusal;
    };
    const way = { open, confirm, detour: refusal.message };
    const got = await fetched(client, file, source, way, directory, limits, [...notes, note]);
    if (got.kind !== 'file') throw refusal;
    return got;
  } catch (error) {
    if (error instanceof EesError) throw refusal;
    throw error;
  }
}

/** A way to the bytes of a source. */
interface Way {
  readonly open: () => Promise<OpenAnswer>;
  /** @throws where they have turned out to be others meanwhile */
  readonly confirm?: () => Promise<void>;
  /** Why it is not the pinned address, where it is not. */
  readonly detour?: string;
}

async function fetched(
  client: EesClient,
  file: WantedFile,
  source: FileSource,
  way: Way,
  directory: string,
  limits: DownloadLimits,
  notes: readonly string[],
): Promise<Downloaded | NotModified> {
  /** The website counts rows when it imports, and nothing promises that count: twice the same bytes are believed. */
  let doubted: string | undefined;
  return client.persist(async () => {
    const answer = await way.open();
    const etag = answer.headers['etag'];
    if (answer.status === 304) {
      answer.body.resume();
      return { kind: 'not modified', etag: etag ?? etagOf(source) ?? '', source };
    }
    const temporary = pieceIn(directory);
    try {
      const { endsWithLine, md5, ...got } = await written(client, answer, temporary, limits);
      const expected = file.expected.rows;
      const doubts: string[] = [];
      const isAsTagged = sameContent(etag, md5);
      if (isAsTagged === false && !endsWithLine)
        throw new EesUnavailableError(
          `${answer.url} came with other bytes than its ETag is of, and ends within a line: it was cut`,
          answer.url,
        );
      // What its ETag is of is whole, whatever the website counted when it imported it (blank lines, too).
      const isMiscounted = expected !== undefined && expected !== got.rows && isAsTagged !== true;
      // Cut within its last record, it would have the right number of them. The official API packs what it sends.
      const isOpenEnded = isAsTagged === undefined && !endsWithLine && source.kind !== 'api';
      if (isMiscounted || isOpenEnded) {
        const differs = isMiscounted
          ? `${answer.url} holds ${got.rows} records where EES counts ${expected}`
          : `${answer.url} ends within a line, and no ETag tells whether that is all of it`;
        // Short of lines and ended within one, or not what its ETag is of, it was cut, however often it comes like that.
        const isCut = isMiscounted && got.rows < expected && (!endsWithLine || isAsTagged === false);
        if (source.kind === 'api' || isCut || doubted !== got.sha256) {
          const isNews = doubted !== got.sha256;
          doubted = got.sha256;
          // Bytes that came twice would come a third time.
          throw new EesUnavailableError(differs, answer.url, { retryable: isNews });
        }
        doubts.push(`${differs}; it came twice with the same bytes`);
      }
      const facts: FileFacts = {
        ...got,
        fileName: file.fileName,
        contentType: answer.headers['content-type'] ?? '',
        etag: way.detour === undefined ? etag : undefined,
        notes: [...notes],
        doubts,
        ...(way.detour === undefined ? {} : { detour: way.detour }),
      };
      await way.confirm?.();
      const path = await hold(temporary, directory, source, facts, new Date(client.now()).toISOString());
      return downloaded(directory, source, path, facts);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  });
}

function downloaded(directory: string, source: FileSource, path: string, facts: FileFacts): Downloaded {
  const { detour, ...known } = facts;
  return {
    kind: 'file',
    path,
    source,
    ...known,
    etag: facts.etag,
    ...(detour === undefined ? {} : { detour }),
    open: () => createReadStream(path, { highWaterMark: 256 * 1024 }),
    remove: () => letGo(directory, source),
  };
}

function ask(client: EesClient, source: FileSource): Promise<OpenAnswer> {
  if (source.kind === 'api')
    return client.open('official', `/data-sets/${source.dataSetId}/csv`, { dataSetVersion: source.version });
  const etag = etagOf(source);
  return client.open(
    'content',
    `/releases/${source.releaseVersionId}/files/${source.fileId}`,
    {},
    etag === undefined ? {} : { 'If-None-Match': etag },
  );
}

function etagOf(source: FileSource): string | undefined {
  return source.kind === 'release file' ? source.etag : undefined;
}

/**
 * Whether the bytes are those an ETag is of: the website's is the MD5 of the content, in hex or base64.
 * @returns undefined for an ETag of another kind, or none
 */
function sameContent(etag: string | undefined, md5: Buffer): boolean | undefined {
  const [, hex, base64] = /^(?:W\/)?"(?:([0-9a-f]{32})|([A-Za-z0-9+/]{22}==))"$/i.exec(etag ?? '') ?? [];
  if (hex !== undefined) return hex.toLowerCase() === md5.toString('hex');
  return base64 === undefined ? undefined : base64 === md5.toString('base64');
}

/** Streams the body into a new file and checks what passes by. */
async function written(client: EesClient, answer: OpenAnswer, path: string, limits: DownloadLimits) {
  const { url, body } = answer;
  const handle = await open(path, 'wx', 0o600).catch((error: unknown) => {
    // Unread, it would keep its turn for good.
    body.destroy();
    throw error;
  });
  const late = setTimeout(() => {
    // A drip would use up the time of every further try too, while all else waits.
    const why = `${url} took longer than ${limits.totalMs / 1000} s`;
    body.destroy(new EesUnavailableError(why, url, { retryable: false }));
  }, limits.totalMs);
  const stop = () => {
    body.destroy();
  };
  client.signal?.addEventListener('abort', stop, { once: true });
  try {
    const hash: Hash = createHash('sha256');
    const tag: Hash = createHash('md5');
    const records = createRecordCounter();
    const beginning = createBeginning(url);
    let bytes = 0;
    let last: number | undefined;
    for await (const chunk of plainBytes(body, url, limits, client.count)) {
      beginning.take(chunk);
      bytes += chunk.length;
      last = chunk.at(-1) ?? last;
      hash.update(chunk);
      tag.update(chunk);
      records.take(chunk);
      // Unlike write, writeFile goes on until every byte is out.
      await handle.writeFile(chunk);
    }
    if (bytes === 0) throw new EesUnavailableError(`${url} sent an empty file`, url);
    await handle.sync();
    const rows = Math.max(0, records.count() - 1);
    return { bytes, sha256: hash.digest('hex'), md5: tag.digest(), rows, endsWithLine: last === LINE_END };
  } finally {
    clearTimeout(late);
    client.signal?.removeEventListener('abort', stop);
    body.destroy();
    await handle.close();
  }
}

/** Bytes by which a page of a gateway is known from a CSV file. */
const BEGINNING = 512;

/** The first bytes of a file, in however many pieces they come. */
function createBeginning(url: string) {
  let start = Buffer.alloc(0);
  return {
    bytes: () => start.length,
    /**
     * @returns whether no more are needed
     * @throws EesAnswerError where they are a page of a gateway, or problem details
     */
    take(chunk: Buffer): boolean {
      if (start.length >= BEGINNING) return true;
      start = Buffer.concat([start, chunk.subarray(0, BEGINNING - start.length)]);
      refuseMarkup(start, url);
      return start.length >= BEGINNING;
    },
  };
}

/** A page of a gateway, or problem details, under status 200. Another time may be better. */
function refuseMarkup(start: Buffer, url: string): void {
  const text = start.toString('utf8');
  const what = looksLikeHtml(text) ? 'a web page' : /^[\uFEFF\s]*\{\s*"/.test(text) ? 'JSON' : undefined;
  if (what === undefined) return;
  throw new EesAnswerError(
    `${url} sent ${what} where a CSV file was expected: "${text.slice(0, 80).trim()}"`,
    url,
    undefined,
    {
      retryable: true,
    },
  );
}
