import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StandIn, type Fault, type FileInput } from '../../demo/index.js';

const ABSENCE = 'pupil-absence-in-schools-in-england';
const DATA_SET = '0198aaaa-0000-7000-8000-00000000d5e7';
const OTHER = '0198bbbb-0000-7000-8000-00000000d5e7';

const csv = (years: number[], value = '1'): string =>
  [
    'time_period,time_identifier,geographic_level,country_code,country_name,education_phase,enrolments',
    ...years.flatMap((year) =>
      ['Total', 'Special'].map(
        (phase) => `${year}${(year + 1) % 100},Academic year,National,E92000001,England,${phase},${value}`,
      ),
    ),
    '',
  ].join('\n');

const file = (content: FileInput['content'], api?: FileInput['api']): FileInput => ({
  name: 'a.csv',
  title: 'Absence',
  content,
  ...(api && { api }),
});

let standIn: StandIn;
let clock: Date;

beforeEach(async () => {
  clock = new Date('2026-03-26T09:30:00Z');
  standIn = await StandIn.start({ now: () => clock });
});

afterEach(() => standIn.close());

type Json = Record<string, unknown>;

async function get(path: string, init?: RequestInit): Promise<{ status: number; headers: Headers; json: Json }> {
  const response = await fetch(standIn.origin + path, init);
  const text = await response.text();
  const isJson = text !== '' && /json/.test(response.headers.get('content-type') ?? '');
  const json = isJson ? (JSON.parse(text) as Json) : { text };
  return { status: response.status, headers: response.headers, json };
}

/** The bytes as they come over the wire. */
function raw(path: string): Promise<{ headers: http.IncomingHttpHeaders; body: Buffer }> {
  return new Promise((resolve, reject) => {
    http
      .get(standIn.origin + path, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          resolve({ headers: response.headers, body: Buffer.concat(chunks) });
        });
        response.on('error', reject);
      })
      .on('error', reject);
  });
}

function publish(years: number[], slug: string, api?: FileInput['api']): ReturnType<StandIn['publish']> {
  const files = [file(csv(years), api)];
  return standIn.publish({ publication: ABSENCE, slug, title: `Academic year ${slug}`, files });
}

const content = `/content/api/publications/${ABSENCE}`;
const api = '/statistics/v1';

describe('the official API is strict', () => {
  beforeEach(() => {
    publish([2022], '2022-23', { dataSetId: DATA_SET });
  });

  it.each([
    ['an unknown query parameter with 400', `${api}/publications?cachebuster=1`, 400],
    ['a page size over the limit with 400', `${api}/publications?pageSize=41`, 400],
    [
      'a page size over the smaller limit of data sets with 400',
      `${api}/data-sets/${DATA_SET}/versions?pageSize=21`,
      400,
    ],
    ['page zero with 400', `${api}/publications?page=0`, 400],
    ['a search of two letters with 400', `${api}/publications?search=ab`, 400],
    ['empty types with 400', `${api}/data-sets/${DATA_SET}/meta?types=`, 400],
    ['an id that is no GUID with 404', `${api}/data-sets/absence`, 404],
    ['an unknown data set with 404', `${api}/data-sets/${OTHER}`, 404],
    ['a number after a star with 404', `${api}/data-sets/${DATA_SET}/versions/1.*.1`, 404],
    ['a version that was never with 404', `${api}/data-sets/${DATA_SET}/csv?dataSetVersion=1.1`, 404],
    [
      'a patch history where there is no patch with 500',
      `${api}/data-sets/${DATA_SET}/versions/1.0/changes?includePatchHistory=true`,
      500,
    ],
  ])('answers %s', async (_what, path, status) => {
    expect((await get(path)).status).toBe(status);
  });

  it('names the unknown parameter', async () => {
    const { json } = await get(`${api}/publications?utm=1`);
    expect(json['errors']).toMatchObject([{ code: 'UnknownField', path: 'utm' }]);
  });

  it('redirects capitals in the path with 308 and keeps the query', async () => {
    const { status, headers } = await get(`${api}/Data-Sets/${DATA_SET}/versions?page=1`, { redirect: 'manual' });
    expect(status).toBe(308);
    expect(headers.get('location')).toBe(`${standIn.origin}${api}/data-sets/${DATA_SET}/versions?page=1`);
  });

  it('refuses another Accept with 406 and HEAD with 405', async () => {
    expect((await get(`${api}/publications`, { headers: { accept: 'text/csv' } })).status).toBe(406);
    expect((await get(`${api}/publications`, { method: 'HEAD' })).status).toBe(405);
  });

  it('answers an unknown publication with no data sets, not with 404', async () => {
    const { status, json } = await get(`${api}/publications/${OTHER}/data-sets`);
    expect(status).toBe(200);
    expect(json).toMatchObject({ results: [], paging: { totalResults: 0, totalPages: 1 } });
  });

  it('serves gzip whatever was accepted, the bytes as they were uploaded', async () => {
    const { headers, body } = await raw(`${api}/data-sets/${DATA_SET}/csv?dataSetVersion=1.0`);
    expect(headers['content-encoding']).toBe('gzip');
    expect(Number(headers['content-length'])).toBe(body.length);
    expect(headers['etag']).toBeUndefined();
    expect(gunzipSync(body).toString()).toBe(csv([2022]));
  });

  it('leaves nulls out and marks every answer as composed', async () => {
    const { json, headers } = await get(`${api}/data-sets/${DATA_SET}`);
    expect(json).not.toHaveProperty('supersedingDataSetId');
    expect(headers.get('x-composed')).toBe('true');
    expect(headers.get('api-supported-versions')).toBe('1');
  });
});

describe('versions', () => {
  const latest = async (): Promise<unknown> =>
    ((await get(`${api}/data-sets/${DATA_SET}`)).json['latestVersion'] as Json)['version'];

  beforeEach(() => {
    publish([2022], '2022-23', { dataSetId: DATA_SET });
    clock = new Date('2026-03-27T09:30:00Z');
    publish([2022, 2023], '2023-24', { dataSetId: DATA_SET });
  });

  it('count up: minor for a new release, major where something is gone, patch for a replaced file', async () => {
    expect(await latest()).toBe('1.1');
    standIn.amend({
      publication: ABSENCE,
      release: '2023-24',
      replace: [{ file: 'Absence', content: csv([2022, 2023], '2') }],
    });
    expect(await latest()).toBe('1.1.1');
    publish([2023, 2024], '2024-25', { dataSetId: DATA_SET, bump: 'major' });
    expect(await latest()).toBe('2.0');
  });

  it('are latest by time of publication, so that a patch to an older release comes first', async () => {
    clock = new Date('2026-03-28T09:30:00Z');
    standIn.amend({
      publication: ABSENCE,
      release: '2022-23',
      replace: [{ file: 'Absence', content: csv([2022], '3') }],
    });
    expect(await latest()).toBe('1.0.1');
    const star = await get(`${api}/data-sets/${DATA_SET}/versions/*`);
    expect(star.json['version']).toBe('1.1');
    const unpinned = await raw(`${api}/data-sets/${DATA_SET}/csv`);
    expect(gunzipSync(unpinned.body).toString()).toBe(csv([2022], '3'));
  });

  it('are exact numbers: 1 is 1.0, and 1.1 is not its patch', async () => {
    standIn.amend({
      publication: ABSENCE,
      release: '2023-24',
      replace: [{ file: 'Absence', content: csv([2022, 2023], '2') }],
    });
    const version = async (text: string): Promise<unknown> =>
      (await get(`${api}/data-sets/${DATA_SET}/versions/${text}`)).json['version'];
    expect(await version('1')).toBe('1.0');
    expect(await version('v1.1')).toBe('1.1');
    expect(await version('1.1.*')).toBe('1.1.1');
  });

  it('tell what was added, never a changed figure', async () => {
    const { json } = await get(`${api}/data-sets/${DATA_SET}/versions/1.1/changes`);
    expect(json).toMatchObject({
      majorChanges: {},
      minorChanges: { timePeriods: [{ currentState: { code: 'AY', period: '2023/2024', label: '2023/24' } }] },
    });
    standIn.amend({
      publication: ABSENCE,
      release: '2023-24',
      replace: [{ file: 'Absence', content: csv([2022, 2023], '9') }],
    });
    const patch = await get(`${api}/data-sets/${DATA_SET}/versions/1.1.1/changes?includePatchHistory=true`);
    expect(patch.json).toMatchObject({ majorChanges: {}, minorChanges: {}, patchHistory: [] });
  });

  it('once withdrawn say so, keep their csv and are no longer the latest', async () => {
    standIn.withdrawVersion(DATA_SET, '1.1');
    expect(await latest()).toBe('1.0');
    const { json } = await get(`${api}/data-sets/${DATA_SET}/versions/1.1`);
    expect(json).toMatchObject({ status: 'Withdrawn', withdrawn: expect.any(String) as string });
    expect((await get(`${api}/data-sets/${DATA_SET}/csv?dataSetVersion=1.1`)).status).toBe(200);
    expect((await get(`${api}/data-sets/${DATA_SET}/versions/1.*`)).json['version']).toBe('1.0');
  });

  it('of a superseded data set stay listed as deprecated, of a withdrawn one answer 403', async () => {
    standIn.supersedeDataSet(DATA_SET, OTHER);
    expect((await get(`${api}/data-sets/${DATA_SET}`)).json).toMatchObject({
      status: 'Deprecated',
      supersedingDataSetId: OTHER,
    });
    standIn.withdrawDataSet(DATA_SET);
    expect((await get(`${api}/data-sets/${DATA_SET}`)).status).toBe(403);
  });

  it('follow the website by the lag', async () => {
    await standIn.close();
    standIn = await StandIn.start({ now: () => clock, apiLagMs: 20_000 });
    publish([2022], '2022-23', { dataSetId: DATA_SET });
    expect((await get(`${content}/releases/2022-23/data-content`)).status).toBe(200);
    expect((await get(`${api}/data-sets/${DATA_SET}`)).status).toBe(403);
    clock = new Date(clock.getTime() + 20_000);
    expect(await latest()).toBe('1.0');
  });
});

describe('the content API', () => {
  const summary = async (): Promise<Json> => (await get(`${content}/releases/2022-23/version-summary`)).json;
  const files = async (): Promise<Json[]> =>
    (await get(`${content}/releases/2022-23/data-content`)).json['dataSets'] as Json[];

  let first: ReturnType<StandIn['publish']>;
  beforeEach(() => {
    first = publish([2022], '2022-23');
  });

  it('keeps and changes the ids at an amendment as EES does', async () => {
    const [before] = await files();
    const summaryBefore = await summary();
    clock = new Date('2026-04-17T10:12:44.900Z');
    standIn.amend({ publication: ABSENCE, release: '2022-23', note: 'Words only.' });
    expect(await files()).toEqual([before]);
    const afterWords = await summary();
    expect(afterWords['id']).not.toBe(summaryBefore['id']);
    expect(afterWords['updateCount']).toBe(2);
    expect(afterWords['published']).toBe(summaryBefore['published']);
    expect(Date.parse(String(afterWords['lastUpdated']))).toBe(clock.getTime());

    standIn.amend({
      publication: ABSENCE,
      release: '2022-23',
      replace: [{ file: 'a.csv', content: csv([2022], '2') }],
    });
    const [replaced] = await files();
    expect(replaced?.['dataSetFileId']).toBe(before?.['dataSetFileId']);
    expect(replaced?.['fileId']).not.toBe(before?.['fileId']);
    expect((await summary())['updateCount']).toBe(2);
  });

  it('answers 403 for the files of a superseded release version', async () => {
    const [one] = await files();
    const path = `/content/api/releases/${first.releaseVersionId}/files/${String(one?.['fileId'])}`;
    expect((await get(path)).status).toBe(200);
    standIn.amend({ publication: ABSENCE, release: '2022-23', note: 'Words only.' });
    expect((await get(path)).status).toBe(403);
  });

  it('knows a file again by its entity tag', async () => {
    const [one] = await files();
    const path = `/content/api/releases/${first.releaseVersionId}/files/${String(one?.['fileId'])}`;
    const { headers, json } = await get(path);
    expect(json['text']).toBe(csv([2022]));
    expect(headers.get('etag')).toBe(
      `W/"${createHash('md5')
        .update(csv([2022]))
        .digest('base64')}"`,
    );
    const again = await get(path, { headers: { 'if-none-match': headers.get('etag') ?? '' } });
    expect(again.status).toBe(304);
  });

  it('moves the sitemaps at a new file and at an amendment', async () => {
    const id = first.dataSetFileIds['Absence'];
    clock = new Date('2026-04-17T10:12:44.900Z');
    standIn.amend({ publication: ABSENCE, release: '2022-23', note: 'Words only.' });
    const releases = (await get('/content/api/publications/sitemap-items')).json as unknown as Json[];
    expect(releases).toMatchObject([{ slug: ABSENCE, releases: [{ slug: '2022-23' }] }]);
    const [release] = releases[0]?.['releases'] as Json[];
    expect(Date.parse(String(release?.['lastModified']))).toBe(clock.getTime());
    const catalogue = (await get('/content/api/data-set-files/sitemap-items')).json as unknown as Json[];
    expect(catalogue.map((each) => each['id'])).toEqual([id]);
    expect(Date.parse(String(catalogue[0]?.['lastModified']))).toBe(Date.parse('2026-03-26T09:30:00Z'));
  });

  it('shows preview, variables and download of a catalogue file', async () => {
    const path = `/content/api/data-set-files/${first.dataSetFileIds['Absence'] ?? ''}`;
    const { json } = await get(path);
    expect(json).toMatchObject({
      file: {
        name: 'a.csv',
        dataCsvPreview: {
          headers: csv([]).trim().split(','),
          rows: [expect.any(Array), expect.any(Array)] as unknown[],
        },
        variables: [
          { label: 'Education phase', value: 'education_phase' },
          { label: 'Number of pupil enrolments', value: 'enrolments' },
        ],
      },
      release: { slug: '2022-23', isLatestPublishedRelease: true },
    });
    const { headers, body } = await raw(`${path}/download`);
    expect(headers['content-encoding']).toBeUndefined();
    expect(body.toString()).toBe(csv([2022]));
  });

  it('lists the catalogue, by default the latest release alone', async () => {
    publish([2023], '2023-24');
    const slugs = async (query: string): Promise<unknown[]> =>
      ((await get(`/content/api/data-set-files${query}`)).json['results'] as { release: Json }[]).map(
        (each) => each.release['slug'],
      );
    expect(await slugs('')).toEqual(['2023-24']);
    expect((await slugs('?latestOnly=false&whatever=1')).sort()).toEqual(['2022-23', '2023-24']);
    expect((await get('/content/api/data-set-files?pageSize=41')).status).toBe(400);
  });

  it('takes the order of releases from people, not from time', async () => {
    publish([2023], '2023-24');
    standIn.setLatest(ABSENCE, '2022-23');
    const releases = (await get(`${content}/releases`)).json as unknown as Json[];
    expect(releases.map((each) => [each['slug'], each['latestRelease']])).toEqual([
      ['2022-23', true],
      ['2023-24', false],
    ]);
    expect((await get(content)).json).toMatchObject({ latestRelease: { slug: '2022-23' } });
  });

  it('redirects a renamed publication in the list of redirects alone', async () => {
    standIn.renamePublication(ABSENCE, 'pupil-absence');
    expect((await get(content)).status).toBe(404);
    expect((await get('/content/api/publications/pupil-absence')).status).toBe(200);
    expect((await get('/content/api/redirects')).json).toMatchObject({
      publicationRedirects: [{ fromSlug: ABSENCE, toSlug: 'pupil-absence' }],
    });
  });

  it('drops a superseded publication from the sitemap, not from its own address', async () => {
    standIn.publish({ publication: 'newer', slug: '2023-24', title: 'Academic year 2023/24', files: [] });
    standIn.supersedePublication(ABSENCE, 'newer');
    const sitemap = (await get('/content/api/publications/sitemap-items')).json as unknown as Json[];
    expect(sitemap.map((each) => each['slug'])).toEqual(['newer']);
    expect((await get(content)).json).toMatchObject({ supersededByPublication: { slug: 'newer' } });
  });

  it('serves files from disk, plain and compressed', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'stand-in-'));
    try {
      await writeFile(join(directory, 'plain.csv'), csv([2021]));
      await writeFile(join(directory, 'packed.csv.gz'), gzipSync(csv([2020])));
      const names = ['plain.csv', 'packed.csv.gz'];
      const inputs = names.map((name) => ({ name, title: name, content: { path: join(directory, name) } }));
      const { dataSetFileIds } = standIn.publish({ publication: ABSENCE, slug: 'x', title: 'X', files: inputs });
      const served = await Promise.all(
        names.map(async (name) =>
          (await raw(`/content/api/data-set-files/${dataSetFileIds[name] ?? ''}/download`)).body.toString(),
        ),
      );
      expect(served).toEqual([csv([2021]), csv([2020])]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('can lose a route, or change its shape, and get it back', async () => {
    standIn.removeRoute(/version-summary$/);
    standIn.removeRoute(/sitemap-items$/, () => ({ items: [] }));
    expect((await get(`${content}/releases/2022-23/version-summary`)).status).toBe(404);
    expect((await get('/content/api/publications/sitemap-items')).json).toEqual({ items: [] });
    standIn.restoreRoutes();
    expect((await get(`${content}/releases/2022-23/version-summary`)).status).toBe(200);
  });
});

describe('troubles', () => {
  const path = `${api}/data-sets/${DATA_SET}/csv?dataSetVersion=1.0`;

  beforeEach(() => {
    publish([2018, 2019, 2020, 2021, 2022], '2022-23', { dataSetId: DATA_SET });
  });

  const broken: readonly (readonly [string, Fault])[] = [
    ['a reset', { kind: 'reset' }],
    ['a body cut in the middle', { kind: 'cut' }],
    ['a wrong check sum', { kind: 'bad gzip trailer' }],
  ];

  it.each(broken)('%s fails the download, and the next one is well', async (_what, fault) => {
    standIn.fault([fault]);
    await expect(get(path)).rejects.toThrow();
    expect((await get(path)).json['text']).toBe(csv([2018, 2019, 2020, 2021, 2022]));
  });

  it('a stall sends headers and then nothing', async () => {
    standIn.fault([{ kind: 'stall' }]);
    const response = await fetch(standIn.origin + path, { signal: AbortSignal.timeout(200) });
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow(/timeout|aborted/);
  });

  it('a slow drip arrives whole in the end', async () => {
    standIn.fault([{ kind: 'slow drip', bytes: 60, everyMs: 2 }]);
    expect((await get(path)).json['text']).toBe(csv([2018, 2019, 2020, 2021, 2022]));
  });

  it.each([
    ['server error', 500],
    ['bad gateway', 502],
    ['unavailable', 503],
    ['too many requests', 429],
    ['wrong JSON', 200],
    ['HTML', 200],
    ['redirect loop', 302],
  ] as const)('%s answers %i', async (kind, status) => {
    standIn.fault((request) => (request.path.endsWith('/versions') ? { kind } : undefined));
    const answer = await get(`${api}/data-sets/${DATA_SET}/versions`, { redirect: 'manual' });
    expect(answer.status).toBe(status);
    expect((await get(`${api}/data-sets/${DATA_SET}`)).status).toBe(200);
  });

  it('too many requests can say when to come back', async () => {
    standIn.fault([{ kind: 'too many requests', retryAfter: 7 }]);
    expect((await get(path)).headers.get('retry-after')).toBe('7');
    standIn.fault([{ kind: 'too many requests' }]);
    expect((await get(path)).headers.get('retry-after')).toBeNull();
  });

  it('are in the log of requests, with status and bytes', async () => {
    standIn.fault([{ kind: 'reset' }]);
    await expect(get(path)).rejects.toThrow();
    await get(path, { headers: { 'user-agent': 'absence-watch/0 (me@example.org)' } });
    expect(standIn.requests.map(({ method, status, query }) => [method, status, query])).toEqual([
      ['GET', 0, '?dataSetVersion=1.0'],
      ['GET', 200, '?dataSetVersion=1.0'],
    ]);
    expect(standIn.requests[1]?.userAgent).toBe('absence-watch/0 (me@example.org)');
    expect(standIn.requests[1]?.bytes).toBe(gzipSync(csv([2018, 2019, 2020, 2021, 2022])).length);
  });
});
