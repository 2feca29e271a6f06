import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StandIn } from '../../demo/index.js';
import { ABSENCE, ask, CONTENT, csv, publish, raw, type Json } from './asking.js';

let standIn: StandIn;
let clock: Date;

beforeEach(async () => {
  clock = new Date('2026-03-26T09:30:00Z');
  standIn = await StandIn.start({ now: () => clock });
});

afterEach(() => standIn.close());

const get = (path: string, init?: RequestInit): ReturnType<typeof ask> => ask(standIn, path, init);

describe('the content API', () => {
  const summary = async (): Promise<Json> => (await get(`${CONTENT}/releases/2022-23/version-summary`)).json;
  const files = async (): Promise<Json[]> =>
    (await get(`${CONTENT}/releases/2022-23/data-content`)).json['dataSets'] as Json[];

  let first: ReturnType<StandIn['publish']>;
  beforeEach(() => {
    first = publish(standIn, [2022], '2022-23');
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
    const releases = (await get('/content/api/publications/sitemap-items')).list;
    expect(releases).toMatchObject([{ slug: ABSENCE, releases: [{ slug: '2022-23' }] }]);
    const [release] = releases[0]?.['releases'] as Json[];
    expect(Date.parse(String(release?.['lastModified']))).toBe(clock.getTime());
    const catalogue = (await get('/content/api/data-set-files/sitemap-items')).list;
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
    const { headers, body } = await raw(standIn, `${path}/download`);
    expect(headers['content-encoding']).toBeUndefined();
    expect(body.toString()).toBe(csv([2022]));
  });

  it('lists the catalogue, by default the latest release alone', async () => {
    publish(standIn, [2023], '2023-24');
    const slugs = async (query: string): Promise<unknown[]> =>
      ((await get(`/content/api/data-set-files${query}`)).json['results'] as { release: Json }[]).map(
        (each) => each.release['slug'],
      );
    expect(await slugs('')).toEqual(['2023-24']);
    expect((await slugs('?latestOnly=false&whatever=1')).sort()).toEqual(['2022-23', '2023-24']);
    expect((await get('/content/api/data-set-files?pageSize=41')).status).toBe(400);
  });

  it('takes the order of releases from people, not from time', async () => {
    publish(standIn, [2023], '2023-24');
    standIn.setLatest(ABSENCE, '2022-23');
    const releases = (await get(`${CONTENT}/releases`)).list;
    expect(releases.map((each) => [each['slug'], each['latestRelease']])).toEqual([
      ['2022-23', true],
      ['2023-24', false],
    ]);
    expect((await get(CONTENT)).json).toMatchObject({ latestRelease: { slug: '2022-23' } });
  });

  it('redirects a renamed publication in the list of redirects alone', async () => {
    standIn.renamePublication(ABSENCE, 'pupil-absence');
    expect((await get(CONTENT)).status).toBe(404);
    expect((await get('/content/api/publications/pupil-absence')).status).toBe(200);
    expect((await get('/content/api/redirects')).json).toMatchObject({
      publicationRedirects: [{ fromSlug: ABSENCE, toSlug: 'pupil-absence' }],
    });
  });

  it('drops a superseded publication from the sitemap, not from its own address', async () => {
    standIn.publish({ publication: 'newer', slug: '2023-24', title: 'Academic year 2023/24', files: [] });
    standIn.supersedePublication(ABSENCE, 'newer');
    const sitemap = (await get('/content/api/publications/sitemap-items')).list;
    expect(sitemap.map((each) => each['slug'])).toEqual(['newer']);
    expect((await get(CONTENT)).json).toMatchObject({ supersededByPublication: { slug: 'newer' } });
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
          (await raw(standIn, `/content/api/data-set-files/${dataSetFileIds[name] ?? ''}/download`)).body.toString(),
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
    expect((await get(`${CONTENT}/releases/2022-23/version-summary`)).status).toBe(404);
    expect((await get('/content/api/publications/sitemap-items')).json).toEqual({ items: [] });
    standIn.restoreRoutes();
    expect((await get(`${CONTENT}/releases/2022-23/version-summary`)).status).toBe(200);
  });
});
