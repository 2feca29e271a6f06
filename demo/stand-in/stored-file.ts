/** The bytes of one uploaded data file, from memory or from disk, in the forms that EES serves them. */
import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { createGunzip, createGzip, gzipSync } from 'node:zlib';
import { profileOf, type FileProfile } from './profile.js';

/** The CSV itself, or where it lies on disk (plain or .gz; never copied, read when asked for). */
export type FileContent = Buffer | string | { readonly path: string };

/** An uploaded file never changes, so everything derived from it is made once. */
export class StoredFile {
  readonly #source: Buffer | { readonly path: string };
  readonly #filters: readonly string[] | undefined;
  #profile: Promise<FileProfile> | undefined;
  #gzipped: Promise<Buffer> | undefined;
  #md5: Promise<string> | undefined;

  /** @param filters names of the filter columns, where they cannot be told from the values */
  constructor(content: FileContent, filters?: readonly string[]) {
    this.#source = typeof content === 'string' ? Buffer.from(content) : content;
    this.#filters = filters;
  }

  get #isCompressed(): boolean {
    return !Buffer.isBuffer(this.#source) && this.#source.path.endsWith('.gz');
  }

  /** Bytes of the CSV; undefined for a compressed file on disk, whose length is not known beforehand. */
  get size(): number | undefined {
    if (Buffer.isBuffer(this.#source)) return this.#source.length;
    return this.#isCompressed ? undefined : statSync(this.#source.path).size;
  }

  /** The CSV as uploaded. */
  open(): Readable {
    if (Buffer.isBuffer(this.#source)) return Readable.from([this.#source]);
    const file = createReadStream(this.#source.path);
    if (!this.#isCompressed) return file;
    const plain = createGunzip();
    file.on('error', (error) => plain.destroy(error));
    return file.pipe(plain);
  }

  /** The CSV as the official API serves it. */
  gzipped(): Promise<Buffer> {
    this.#gzipped ??= Buffer.isBuffer(this.#source)
      ? Promise.resolve(gzipSync(this.#source))
      : this.#isCompressed
        ? buffer(createReadStream(this.#source.path))
        : buffer(this.open().pipe(createGzip()));
    return this.#gzipped;
  }

  /** Base64 MD5 of the CSV: the entity tag of the content API. */
  md5(): Promise<string> {
    this.#md5 ??= (async () => {
      const hash = createHash('md5');
      for await (const chunk of this.open()) hash.update(chunk as Buffer);
      return hash.digest('base64');
    })();
    return this.#md5;
  }

  profile(): Promise<FileProfile> {
    this.#profile ??= profileOf(this.open(), this.#filters);
    return this.#profile;
  }
}
