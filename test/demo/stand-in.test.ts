import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StandIn } from '../../demo/index.js';
import { ABSENCE, API, ask, CONTENT, csv, DATA_SET, OTHER, publish, raw, type Json } from './asking.js';

let standIn: StandIn;
let clock: Date;

beforeEach(async () => {
  clock = new Date('2026-03-26T09:30:00Z');
  standIn = await StandIn.start({ now: () => clock });
});

afterEach(() => standIn.close());

const get = (path: string, init?: RequestInit): ReturnType<typeof ask> => ask(standIn, path, init);

describe('the official API is strict', () => {
  beforeEach(() => {
    publish(standIn, [2022], '2022-23', { dataSetId: DATA_SET });
  });

  it.each([
    ['an unknown query parameter with 400', `${API}/publications?cachebuster=1`, 400],
    ['a page size over the limit with 400', `${API}/publications?pageSize=41`, 400],
    [
      'a page size over the smaller limit of data sets with 400',
      `${API}/data-sets/${DATA_SET}/versions?pageSize=21`,
      400,
    ],
    ['page zero with 400', `${API}/publications?page=0`, 400],
    ['a search of two letters with 400', `${API}/publications?search=ab`, 400],
    ['empty types with 400', `${API}/data-sets/${DATA_SET}/meta?types=`, 400],
    ['an id that is no GUID with 404', `${API}/data-sets/absence`, 404],
    ['an unknown data set with 404', `${API}/data-sets/${OTHER}`, 404],
    ['a number after a star with 404', `${API}/data-sets/${DATA_SET}/versions/1.*.1`, 404],
    ['a version that was never with 404', `${API}/data-sets/${DATA_SET}/csv?dataSetVersion=1.1`, 404],
    [
      'a patch history where there is no patch with 500',
      `${API}/data-sets/${DATA_SET}/versions/1.0/changes?includePatchHistory=true`,
      500,
    ],
  ])('answers %s', async (_what, path, status) => {
    expect((await get(path)).status).toBe(status);
  });

  it('names the unknown parameter', async () => {
    const { json } = await get(`${API}/publications?utm=1`);
    expect(json['errors']).toMatchObject([{ code: 'UnknownField', path: 'utm' }]);
  });

  it('redirects capitals in the path with 308 and keeps the query', async () => {
    const { status, headers } = await get(`${API}/Data-Sets/${DATA_SET}/versions?page=1`, { redirect: 'manual' });
    expect(status).toBe(308);
    expect(headers.get('location')).toBe(`${standIn.origin}${API}/data-sets/${DATA_SET}/versions?page=1`);
  });

  it('refuses another Accept with 406 and HEAD with 405', async () => {
    expect((await get(`${API}/publications`, { headers: { accept: 'text/csv' } })).status).toBe(406);
    expect((await get(`${API}/publications`, { method: 'HEAD' })).status).toBe(405);
  });

  it('answers an unknown publication with no data sets, not with 404', async () => {
    const { status, json } = await get(`${API}/publications/${OTHER}/data-sets`);
    expect(status).toBe(200);
    expect(json).toMatchObject({ results: [], paging: { totalResults: 0, totalPages: 1 } });
  });

  it('serves gzip whatever was accepted, the bytes as they were uploaded', async () => {
    const { headers, body } = await raw(standIn, `${API}/data-sets/${DATA_SET}/csv?dataSetVersion=1.0`);
    expect(headers['content-encoding']).toBe('gzip');
    expect(Number(headers['content-length'])).toBe(body.length);
    expect(headers['etag']).toBeUndefined();
    expect(gunzipSync(body).toString()).toBe(csv([2022]));
  });

  it('leaves nulls out and marks every answer as composed', async () => {
    const { json, headers } = await get(`${API}/data-sets/${DATA_SET}`);
    expect(json).not.toHaveProperty('supersedingDataSetId');
    expect(headers.get('x-composed')).toBe('true');
    expect(headers.get('api-supported-versions')).toBe('1');
  });
});

describe('versions', () => {
  const latest = async (): Promise<unknown> =>
    ((await get(`${API}/data-sets/${DATA_SET}`)).json['latestVersion'] as Json)['version'];

  beforeEach(() => {
    publish(standIn, [2022], '2022-23', { dataSetId: DATA_SET });
    clock = new Date('2026-03-27T09:30:00Z');
    publish(standIn, [2022, 2023], '2023-24', { dataSetId: DATA_SET });
  });

  it('count up: minor for a new release, major where something is gone, patch for a replaced file', async () => {
    expect(await latest()).toBe('1.1');
    standIn.amend({
      publication: ABSENCE,
      release: '2023-24',
      replace: [{ file: 'Absence', content: csv([2022, 2023], '2') }],
    });
    expect(await latest()).toBe('1.1.1');
    publish(standIn, [2023, 2024], '2024-25', { dataSetId: DATA_SET, bump: 'major' });
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
    const star = await get(`${API}/data-sets/${DATA_SET}/versions/*`);
    expect(star.json['version']).toBe('1.1');
    const unpinned = await raw(standIn, `${API}/data-sets/${DATA_SET}/csv`);
    expect(gunzipSync(unpinned.body).toString()).toBe(csv([2022], '3'));
  });

  it('are exact numbers: 1 is 1.0, and 1.1 is not its patch', async () => {
    standIn.amend({
      publication: ABSENCE,
      release: '2023-24',
      replace: [{ file: 'Absence', content: csv([2022, 2023], '2') }],
    });
    const version = async (text: string): Promise<unknown> =>
      (await get(`${API}/data-sets/${DATA_SET}/versions/${text}`)).json['version'];
    expect(await version('1')).toBe('1.0');
    expect(await version('v1.1')).toBe('1.1');
    expect(await version('1.1.*')).toBe('1.1.1');
  });

  it('tell what was added, never a changed figure', async () => {
    const { json } = await get(`${API}/data-sets/${DATA_SET}/versions/1.1/changes`);
    expect(json).toMatchObject({
      majorChanges: {},
      minorChanges: { timePeriods: [{ currentState: { code: 'AY', period: '2023/2024', label: '2023/24' } }] },
    });
    standIn.amend({
      publication: ABSENCE,
      release: '2023-24',
      replace: [{ file: 'Absence', content: csv([2022, 2023], '9') }],
    });
    const patch = await get(`${API}/data-sets/${DATA_SET}/versions/1.1.1/changes?includePatchHistory=true`);
    expect(patch.json).toMatchObject({ majorChanges: {}, minorChanges: {}, patchHistory: [] });
  });

  it('once withdrawn say so, keep their csv and are no longer the latest', async () => {
    standIn.withdrawVersion(DATA_SET, '1.1');
    expect(await latest()).toBe('1.0');
    const { json } = await get(`${API}/data-sets/${DATA_SET}/versions/1.1`);
    expect(json).toMatchObject({ status: 'Withdrawn', withdrawn: expect.any(String) as string });
    expect((await get(`${API}/data-sets/${DATA_SET}/csv?dataSetVersion=1.1`)).status).toBe(200);
    expect((await get(`${API}/data-sets/${DATA_SET}/versions/1.*`)).json['version']).toBe('1.0');
  });

  it('of a superseded data set stay listed as deprecated, of a withdrawn one answer 403', async () => {
    standIn.supersedeDataSet(DATA_SET, OTHER);
    expect((await get(`${API}/data-sets/${DATA_SET}`)).json).toMatchObject({
      status: 'Deprecated',
      supersedingDataSetId: OTHER,
    });
    standIn.withdrawDataSet(DATA_SET);
    expect((await get(`${API}/data-sets/${DATA_SET}`)).status).toBe(403);
  });

  it('follow the website by the lag', async () => {
    await standIn.close();
    standIn = await StandIn.start({ now: () => clock, apiLagMs: 20_000 });
    publish(standIn, [2022], '2022-23', { dataSetId: DATA_SET });
    expect((await get(`${CONTENT}/releases/2022-23/data-content`)).status).toBe(200);
    expect((await get(`${API}/data-sets/${DATA_SET}`)).status).toBe(403);
    clock = new Date(clock.getTime() + 20_000);
    expect(await latest()).toBe('1.0');
  });
});
