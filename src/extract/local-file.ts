/** Files at hand, for `backfill --file`: .csv, .csv.gz, or a .zip that holds one CSV; and the metadata file beside it. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { Readable } from 'node:stream';
import { crc32, createGunzip } from 'node:zlib';
import yauzl from 'yauzl';

export interface LocalFile {
  readonly path: string;
  readonly fileName: string;
  /** Of the plain bytes, hex. */
  readonly sha256: string;
  readonly bytes: number;
  /** The plain bytes. */
  open(): Readable;
}

/** A local file that cannot be read. The message says which and why. */
export class LocalFileError extends Error {
  override readonly name = 'LocalFileError';

  /** @param isDamaged it is there, and its contents are broken */
  constructor(
    message: string,
    readonly isDamaged = false,
  ) {
    super(message);
  }
}

/** What one file may hold unpacked: far above the largest published one, far below a disk. */
const MOST_BYTES = 8 * 1024 ** 3;
const MOST_META_BYTES = 4 * 1024 ** 2;
/** Each read is a turn of another thread: few large ones. */
const READ_AT_ONCE = 512 * 1024;

/**
 * Reads a file once to know its size and hash; broken archives are found here, before anything is loaded.
 * @throws LocalFileError when there is no such file, it is a folder, a broken archive or one without a CSV
 */
export async function openLocalFile(path: string): Promise<LocalFile> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined) throw new LocalFileError(`There is no file ${path}.`);
  if (!info.isFile()) throw new LocalFileError(`${path} is no file.`);
  const start = await firstBytes(path);
  let fileName = basename(path);
  let opener: () => Readable;
  if (start[0] === 0x1f && start[1] === 0x8b) {
    fileName = fileName.replace(/\.gz$/i, '');
    opener = () => unpacked(createReadStream(path, { highWaterMark: READ_AT_ONCE }), createGunzip());
  } else if (start.toString('latin1', 0, 2) === 'PK') {
    const entry = await onlyCsv(path);
    fileName = basename(entry);
    opener = () => Readable.from(zipEntry(path, entry), { objectMode: false });
  } else opener = () => createReadStream(path, { highWaterMark: READ_AT_ONCE });

  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of opener() as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MOST_BYTES) throw new LocalFileError(`${path} unpacks to more than 8 GiB.`);
      hash.update(chunk);
    }
  } catch (error) {
    if (error instanceof LocalFileError) throw error;
    throw new LocalFileError(
      `${path} cannot be read to its end: ${error instanceof Error ? error.message : String(error)}`,
      true,
    );
  }
  return { path, fileName, sha256: hash.digest('hex'), bytes, open: opener };
}

/** The text of a metadata file. @throws LocalFileError */
export async function readMetaFile(path: string): Promise<string> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined || !info.isFile()) throw new LocalFileError(`There is no metadata file ${path}.`);
  if (info.size > MOST_META_BYTES) throw new LocalFileError(`${path} is too large for a metadata file (over 4 MiB).`);
  return (await readFile(path, 'utf8')).replace(/^\uFEFF/, '');
}

async function firstBytes(path: string): Promise<Buffer> {
  const handle = await open(path);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** A failing source must fail the reader too: a plain pipe would leave it waiting. */
function unpacked(source: Readable, gunzip: ReturnType<typeof createGunzip>): Readable {
  source.on('error', (error) => gunzip.destroy(error));
  return source.pipe(gunzip);
}

async function onlyCsv(path: string): Promise<string> {
  const names: string[] = [];
  try {
    const zip = await yauzl.openPromise(path, { lazyEntries: true });
    try {
      for await (const entry of zip.eachEntry()) if (/\.csv$/i.test(entry.fileName)) names.push(entry.fileName);
    } finally {
      zip.close();
    }
  } catch (error) {
    throw new LocalFileError(
      `${path} is a broken ZIP archive: ${error instanceof Error ? error.message : String(error)}`,
      true,
    );
  }
  const data = names.filter((name) => !/\.meta\.csv$/i.test(name));
  const [only] = data;
  if (only === undefined || data.length > 1)
    throw new LocalFileError(
      `${path} holds ${data.length} CSV files${data.length === 0 ? '' : ` (${data.slice(0, 5).join(', ')})`}; it must hold exactly one.`,
    );
  return only;
}

async function* zipEntry(path: string, name: string): AsyncGenerator<Buffer> {
  const zip = await yauzl.openPromise(path, { lazyEntries: true });
  try {
    for await (const entry of zip.eachEntry())
      if (entry.fileName === name) {
        // yauzl checks lengths, not the checksum: a flipped byte would pass.
        let checksum = 0;
        for await (const chunk of (await zip.openReadStreamPromise(entry)) as AsyncIterable<Buffer>) {
          checksum = crc32(chunk, checksum);
          yield chunk;
        }
        if (checksum !== entry.crc32)
          throw new LocalFileError(`${path}: the checksum of ${name} is wrong; the archive is damaged.`, true);
        return;
      }
    throw new LocalFileError(`${path} no longer holds ${name}.`);
  } finally {
    zip.close();
  }
}
