import { createServer, type RequestListener, type Server } from 'node:http';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EesClient } from '../../src/extract/client.js';
import { DEFAULT_LIMITS, download, within } from '../../src/extract/download.js';
import { cleanDownloads } from '../../src/extract/held-files.js';
import { createRecordCounter } from '../../src/extract/records.js';
import type { WantedFile } from '../../src/extract/wanted.js';
import { clientFor, LONG_SET } from './support.js';

const CSV = 'time_period,rate\r\n202324,1\r\n202425,"2,5"\r\n';
const FILE_ID = 'e3e3e3e3-0000-4000-8000-000000000002';
const MB = 1024 ** 2;
const LIMITS = { stallMs: 150, totalMs: 600 };

let server: Server;
let client: EesClient;
let directory: string;
let answer: RequestListener;
let seen: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'download-'));
  seen = [];
  server = createServer((request, response) => {
    seen.push(request.url ?? '');
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  client = clientFor({ apiUrl: `${origin}/statistics`, contentUrl: `${origin}/api` });
});
afterEach(async () => {
  client.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(directory, { recursive: true });
});

function wanted(change: Partial<WantedFile> = {}): WantedFile {
  return {
    publication: { slug: 'absence', title: 'Absence', eesId: undefined },
    release: {
      title: '2024/25',
      slug: '2024-25',
      status: undefined,
      firstPublished: '2026-03-26T09:30:00.000Z',
      url: 'https://x.example',
    },
    dataSet: { title: 'Absence', apiId: LONG_SET, columns: undefined },
    version: undefined,
    publishedAt: '2026-03-26T09:30:00.000Z',
    source: { kind: 'api', dataSetId: LONG_SET, version: '1.1', dataSetFileId: FILE_ID },
    alternative: undefined,
    expected: { rows: 2, bytes: undefined },
    fileName: 'absence.csv',
    ...change,
  };
}

const onWebsite = { kind: 'release file', releaseVersionId: FILE_ID, fileId: FILE_ID, dataSetFileId: FILE_ID } as const;

describe('a whole file', () => {
  it.each([
    ['plain', {}, Buffer.from(CSV)],
    ['gzip, as told', { 'content-encoding': 'gzip' }, gzipSync(CSV)],
    ['gzip, not told', {}, gzipSync(CSV)],
    ['gzip told, plain sent', { 'content-encoding': 'gzip' }, Buffer.from(CSV)],
    ['packed twice', { 'content-encoding': 'gzip' }, gzipSync(gzipSync(CSV))],
    ['two gzip members', {}, Buffer.concat([gzipSync(CSV.slice(0, 20)), gzipSync(CSV.slice(20))])],
  ])('%s: kept plain, counted and hashed', async (_how, headers, body) => {
    answer = (_request, response) => response.writeHead(200, { 'content-type': 'text/csv', ...headers }).end(body);
    const got = await download(client, wanted(), directory, LIMITS);
    if (got.kind !== 'file') throw new Error('expected a file');
    expect(got).toMatchObject({
      rows: 2,
      bytes: CSV.length,
      fileName: 'absence.csv',
      contentType: 'text/csv',
      notes: [],
    });
    expect(got.sha256).toBe(createHash('sha256').update(CSV).digest('hex'));
    expect(await readFile(got.path, 'utf8')).toBe(CSV);
    expect(await text(got.open())).toBe(CSV);
    expect(seen).toEqual([`/statistics/v1/data-sets/${LONG_SET}/csv?dataSetVersion=1.1`]);
    expect(client.spent).toEqual({ requests: 1, bytes: body.length });
    await got.remove();
    expect(await readdir(directory)).toEqual([]);
  });

  it('bytes in pieces of one each, split anywhere', async () => {
    answer = (_request, response) => {
      const body = gzipSync(CSV);
      response.writeHead(200, { 'transfer-encoding': 'chunked' });
      for (const byte of body) response.write(Buffer.from([byte]));
      response.end();
    };
    expect(await download(client, wanted(), directory, LIMITS)).toMatchObject({ rows: 2, bytes: CSV.length });
  });
});

describe('a file that is not whole is fetched again, and never left behind', () => {
  const whole = gzipSync(CSV);
  const flipped = Buffer.from(whole);
  flipped.writeUInt32LE(1, flipped.length - 8);
  it.each<[string, RequestListener, RegExp]>([
    [
      'cut, length told',
      (_q, r) => r.writeHead(200, { 'content-length': 99 }).write(CSV.slice(0, 30), () => r.destroy()),
      /broke off/,
    ],
    ['cut inside gzip, cleanly ended', (_q, r) => r.end(whole.subarray(0, whole.length - 9)), /damaged gzip/],
    ['bad gzip trailer', (_q, r) => r.end(flipped), /damaged gzip/],
    [
      'fewer rows than EES counts, other ones each time',
      (_q, r) => r.end(`time_period,rate\n202324,${seen.length}\n`),
      /1 records where EES counts 2/,
    ],
    ['stall', (_q, r) => r.writeHead(200).write('time_period,'), /stopped sending for 0.15 s after 12 bytes/],
    [
      'a web page',
      (_q, r) => r.writeHead(200, { 'content-type': 'text/csv' }).end('\uFEFF <!DOCTYPE html><p>Sorry'),
      /a web page where a CSV/,
    ],
    [
      'a web page that comes in small pieces',
      (_q, r) => {
        r.write('\r\n \n');
        setTimeout(() => r.write('<'), 20);
        setTimeout(() => r.end('html>\n<p>\nSorry\n'), 40);
      },
      /a web page where a CSV/,
    ],
    ['problem details', (_q, r) => r.end('{"title":"Oops"}'), /JSON where a CSV/],
    ['nothing', (_q, r) => r.end(), /empty file/],
    ['503', (_q, r) => r.writeHead(503).end(), /answered 503/],
  ])('%s', async (_what, broken, message) => {
    answer = broken;
    await expect(download(client, wanted(), directory, LIMITS)).rejects.toThrow(message);
    expect(seen.length).toBe(3);
    expect(await readdir(directory)).toEqual([]);
    answer = (request, response) => {
      answer = (_request, second) => second.end(whole);
      broken(request, response);
    };
    expect(await download(client, wanted(), directory, LIMITS)).toMatchObject({ rows: 2 });
  });

  it('a slow drip, ended when its time is over, is not asked for again by the same way in this run', async () => {
    answer = (_request, response) => {
      drip(response);
    };
    await expect(download(client, wanted(), directory, LIMITS)).rejects.toThrow(/took longer than 0\.6 s/);
    expect(seen).toHaveLength(1);
    await expect(download(client, wanted({ alternative: onWebsite }), directory, LIMITS)).rejects.toThrow(
      /files.* took longer than 0\.6 s/,
    );
    expect(seen).toHaveLength(3);
    expect(await readdir(directory)).toEqual([]);
    answer = (_request, response) => response.end(whole);
    expect(await download(client, wanted(), directory, LIMITS)).toMatchObject({ rows: 2 });
  });

  it.each([
    ['by the official API', wanted(), 'time_period,rate\n202324,1\n'],
    ['by the website, ended within a line', wanted({ source: onWebsite }), 'time_period,rate\n202324,1'],
  ])(
    'another number of rows than EES counts, twice with the same bytes, %s: no third time',
    async (_way, file, body) => {
      answer = (_request, response) => response.end(body);
      await expect(download(client, file, directory, LIMITS)).rejects.toThrow(/1 records where EES counts 2/);
      expect(seen).toHaveLength(2);
      expect(await readdir(directory)).toEqual([]);
      // A later run asks again.
      answer = (_request, response) => response.end(whole);
      expect(await download(client, file, directory, LIMITS)).toMatchObject({ rows: 2 });
    },
  );

  it('cut within the last record, with as many of them as EES counts and no ETag: asked for again', async () => {
    const file = wanted({ source: onWebsite });
    const cut = CSV.trimEnd().slice(0, -1);
    answer = (_request, response) => {
      answer = (_again, second) => second.end(CSV);
      response.end(cut);
    };
    expect(await download(client, file, directory, LIMITS)).toMatchObject({ bytes: CSV.length, doubts: [] });
    expect(seen).toHaveLength(2);
  });

  it('without a line end at its end and without an ETag, twice the same bytes: taken, and doubted', async () => {
    answer = (_request, response) => response.end(CSV.trimEnd());
    expect(await download(client, wanted({ source: onWebsite }), directory, LIMITS)).toMatchObject({
      rows: 2,
      doubts: [expect.stringMatching(/ends within a line, and no ETag .*; it came twice with the same bytes$/)],
    });
    expect(seen).toHaveLength(2);
  });

  it('a refusal is not repeated: the release was amended meanwhile', async () => {
    answer = (_request, response) => response.writeHead(403).end();
    await expect(download(client, wanted({ source: onWebsite }), directory, LIMITS)).rejects.toThrow(/answered 403/);
    expect(seen).toHaveLength(1);
  });

  it('far more than what EES says of it makes likely: it is not unpacked to the end, nor asked for again', async () => {
    const bomb = gzipSync(Buffer.alloc(96 * MB, '0'));
    answer = (_request, response) => response.writeHead(200).end(bomb);
    await expect(download(client, wanted(), directory)).rejects.toThrow(/more than \d+ bytes unpacked/);
    expect(seen).toHaveLength(1);
    expect(await readdir(directory)).toEqual([]);
  });

  it.each<[what: string, expected: WantedFile['expected'], most: number]>([
    ['nothing is told: as much as of any file', { rows: undefined, bytes: undefined }, 4096 * MB],
    ['a count of none', { rows: 0, bytes: undefined }, 4096 * MB],
    ['a few rows, a small size', { rows: 2, bytes: 3000 }, 64 * MB],
    ['a size', { rows: undefined, bytes: 91 * MB }, 16 * 91 * MB],
    ['rows', { rows: 34_701, bytes: undefined }, 34_701 * 4096],
    ['both: the larger of the two', { rows: 34_701, bytes: 2 * MB }, 34_701 * 4096],
    ['more than of any file', { rows: 5_500_000, bytes: 900 * MB }, 4096 * MB],
  ])('%s', (_what, expected, most) => {
    const bounded = within(DEFAULT_LIMITS, expected);
    expect(bounded.plainBytes).toBe(most);
    expect(bounded.wireBytes).toBe(Math.min(most, DEFAULT_LIMITS.wireBytes));
  });

  it('too many bytes: over the wire, or only once unpacked; not asked again', async () => {
    answer = (_request, response) => response.end(randomBytes(5000));
    await expect(download(client, wanted(), directory, { ...LIMITS, wireBytes: 4000 })).rejects.toThrow(
      /more than 4000 bytes,/,
    );
    answer = (_request, response) => response.end(gzipSync('a,b\n'.repeat(100_000)));
    await expect(download(client, wanted(), directory, { ...LIMITS, plainBytes: 9000 })).rejects.toThrow(
      /more than 9000 bytes unpacked/,
    );
    expect(seen).toHaveLength(2);
    expect(await readdir(directory)).toEqual([]);
  });

  it('a run that is stopped leaves nothing', async () => {
    const stop = new AbortController();
    const stopping = clientFor({ apiUrl: originOf() + '/statistics', contentUrl: originOf() }, { signal: stop.signal });
    answer = (_request, response) => {
      response.writeHead(200).write('time_period,');
      stop.abort(new Error('stopped by the operator'));
    };
    await expect(download(stopping, wanted(), directory, LIMITS)).rejects.toThrow('stopped by the operator');
    expect(await readdir(directory)).toEqual([]);
  });
});

describe('two ways', () => {
  it('the website steps in where the official API fails, and the log is told', async () => {
    answer = (request, response) =>
      (request.url ?? '').startsWith('/statistics')
        ? response.writeHead(500).end()
        : response.writeHead(200, { etag: 'W/"1"' }).end(CSV);
    const got = await download(client, wanted({ alternative: onWebsite }), directory, LIMITS);
    expect(got).toMatchObject({
      kind: 'file',
      source: onWebsite,
      etag: 'W/"1"',
      notes: [expect.stringContaining('answered 500')],
    });
  });

  it('the ETag of what is held is sent, and 304 fetches nothing', async () => {
    answer = (request, response) =>
      request.headers['if-none-match'] === 'W/"1"' ? response.writeHead(304).end() : response.end(CSV);
    expect(
      await download(client, wanted({ source: { ...onWebsite, etag: 'W/"1"' } }), directory, LIMITS),
    ).toMatchObject({
      kind: 'not modified',
      etag: 'W/"1"',
    });
    expect(await readdir(directory)).toEqual([]);
  });

  it("the website's count of rows is believed less than the same bytes twice", async () => {
    answer = (_request, response) => response.end(CSV);
    const got = await download(
      client,
      wanted({ source: onWebsite, expected: { rows: 7, bytes: undefined } }),
      directory,
      LIMITS,
    );
    expect(got).toMatchObject({
      rows: 2,
      doubts: [expect.stringContaining('2 records where EES counts 7; it came twice')],
    });
    expect(seen).toHaveLength(2);
  });
});

describe("the website's ETag is the MD5 of the content", () => {
  const tagOf = (body: string, as: 'hex' | 'base64' = 'hex') => `W/"${createHash('md5').update(body).digest(as)}"`;
  const lines = `${CSV}202425,2\n`;

  it.each([
    ['at the end of a line, however often', CSV, 3],
    ['within the last cell, the count right', lines.slice(0, -2), 3],
    ['within the last cell, the count unknown', lines.slice(0, -2), undefined],
  ])('cut %s: not believed, and asked for again another time', async (_where, sent, rows) => {
    answer = (_request, response) => response.writeHead(200, { etag: tagOf(lines) }).end(sent);
    const file = wanted({ source: onWebsite, expected: { rows, bytes: undefined } });
    await expect(download(client, file, directory, LIMITS)).rejects.toThrow(/where EES counts 3|it was cut/);
    expect(await readdir(directory)).toEqual([]);
    answer = (_request, response) => response.writeHead(200, { etag: tagOf(lines) }).end(lines);
    expect(await download(client, file, directory, LIMITS)).toMatchObject({ rows: 3, notes: [] });
  });

  it.each(['hex', 'base64'] as const)('in %s: what it is of is whole at once, whatever the count', async (as) => {
    answer = (_request, response) => response.writeHead(200, { etag: tagOf(CSV, as) }).end(CSV);
    const file = wanted({ source: onWebsite, expected: { rows: 7, bytes: undefined } });
    expect(await download(client, file, directory, LIMITS)).toMatchObject({
      rows: 2,
      doubts: [],
    });
    expect(seen).toHaveLength(1);
  });
});

describe('a file that a killed run had fetched whole', () => {
  const NOW = Date.parse('2026-03-26T09:31:00Z');
  const HOUR = 3_600_000;
  const fetchedOnce = async (file = wanted()) => {
    answer = (_request, response) => response.writeHead(200, { 'content-type': 'text/csv', etag: '"1"' }).end(CSV);
    client.close();
    client = clientFor({ apiUrl: `${originOf()}/statistics`, contentUrl: `${originOf()}/api` }, { now: () => NOW });
    const got = await download(client, file, directory, LIMITS);
    if (got.kind !== 'file') throw new Error('expected a file');
    expect(seen).toHaveLength(1);
    return got;
  };

  it('is not fetched again, by whichever of its ways it came, and leaves nothing once it is not needed', async () => {
    const first = await fetchedOnce(wanted({ source: onWebsite }));
    await cleanDownloads(directory, NOW + HOUR);
    for (const file of [wanted({ source: onWebsite }), wanted({ alternative: onWebsite })]) {
      const again = await download(client, file, directory, LIMITS);
      if (again.kind !== 'file') throw new Error('expected a file');
      const { bytes, sha256, fileName, contentType } = first;
      expect(again).toMatchObject({ bytes, sha256, fileName, contentType, etag: '"1"', rows: 2, source: onWebsite });
      expect(again.notes).toEqual([expect.stringContaining('fetched by a run before')]);
      expect(await text(again.open())).toBe(CSV);
    }
    expect(seen).toHaveLength(1);
    await first.remove();
    expect(await readdir(directory)).toEqual([]);
  });

  it('is fetched again where its bytes are not those that came, or another version is wanted', async () => {
    const { path } = await fetchedOnce();
    await writeFile(path, CSV.replace('202324', '202223'));
    await download(client, wanted(), directory, LIMITS);
    expect(seen).toHaveLength(2);
    const source = { kind: 'api', dataSetId: LONG_SET, version: '1.2', dataSetFileId: FILE_ID } as const;
    await download(client, wanted({ source }), directory, LIMITS);
    expect(seen).toHaveLength(3);
  });

  it('is kept for a day', async () => {
    await fetchedOnce();
    expect(await cleanDownloads(directory, NOW + 23 * HOUR)).toEqual([]);
    expect(await cleanDownloads(directory, NOW + 25 * HOUR)).toHaveLength(2);
    expect(await readdir(directory)).toEqual([]);
  });
});

it('what a killed process left in pieces is removed, and nothing else', async () => {
  await writeFile(join(directory, 'absence-watch-1234.part'), 'half');
  await writeFile(join(directory, 'absence-watch-5678.csv'), 'whole, but nobody knows');
  await writeFile(join(directory, 'mine.csv'), 'keep');
  expect((await cleanDownloads(directory, Date.now())).sort()).toEqual([
    'absence-watch-1234.part',
    'absence-watch-5678.csv',
  ]);
  expect(await readdir(directory)).toEqual(['mine.csv']);
});

it('records are counted as a CSV parser counts them, however the bytes are cut', () => {
  const cell = fc.string({ unit: fc.constantFrom('a', '1', ',', '"', '\n', '\r\n', ' ') });
  fc.assert(
    fc.property(
      fc.array(fc.array(cell, { minLength: 2, maxLength: 2 }), { minLength: 1, maxLength: 8 }),
      fc.constantFrom('\n', '\r\n'),
      fc.boolean(),
      fc.integer({ min: 1, max: 9 }),
      (rows, end, last, size) => {
        const quoted = rows.map((row) =>
          row.map((value) => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value)).join(','),
        );
        const bytes = Buffer.from(quoted.join(end) + (last ? end : ''));
        const counter = createRecordCounter();
        for (let at = 0; at < bytes.length; at += size) counter.take(bytes.subarray(at, at + size));
        const parsed: unknown[] = parse(bytes, { relax_column_count: true, record_delimiter: ['\r\n', '\n'] });
        expect(counter.count()).toBe(parsed.length);
      },
    ),
  );
});

function originOf(): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function drip(response: Parameters<RequestListener>[1]): void {
  response.writeHead(200);
  const timer = setInterval(() => response.write('x'), 40);
  response.on('close', () => {
    clearInterval(timer);
  });
}

it('a file that cannot be made on the disk gives its turn back: the ones after it fail as quickly', async () => {
  answer = (_request, response) => {
    void rm(directory, { recursive: true, force: true }).then(() => response.end(CSV));
  };
  for (let file = 0; file < 3; file++)
    await expect(download(client, wanted(), directory, { ...LIMITS, totalMs: 120_000 })).rejects.toThrow('ENOENT');
  await mkdir(directory, { recursive: true });
});
