import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StandIn, type Fault } from '../../demo/index.js';
import { API, ask, csv, DATA_SET, publish } from './asking.js';

let standIn: StandIn;

beforeEach(async () => {
  standIn = await StandIn.start();
});

afterEach(() => standIn.close());

const get = (path: string, init?: RequestInit): ReturnType<typeof ask> => ask(standIn, path, init);

describe('troubles', () => {
  const path = `${API}/data-sets/${DATA_SET}/csv?dataSetVersion=1.0`;

  beforeEach(() => {
    publish(standIn, [2018, 2019, 2020, 2021, 2022], '2022-23', { dataSetId: DATA_SET });
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
    const answer = await get(`${API}/data-sets/${DATA_SET}/versions`, { redirect: 'manual' });
    expect(answer.status).toBe(status);
    expect((await get(`${API}/data-sets/${DATA_SET}`)).status).toBe(200);
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
