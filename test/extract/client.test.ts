import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { bypassesProxy } from '../../src/extract/agents.js';
import type { EesClient, EesClientOptions } from '../../src/extract/client.js';
import { EesAnswerError, EesBudgetError, EesRefusedError, EesUnavailableError } from '../../src/extract/errors.js';
import { probe } from '../../src/extract/probe.js';
import { clientFor, stringContaining, stringMatching } from './support.js';

const schema = z.object({ paging: z.object({ page: z.number() }) });
const GOOD = JSON.stringify({ paging: { page: 1, more: true }, new: 'field' });

let server: Server;
let answer: RequestListener;
let seen: { url: string; headers: Record<string, unknown> }[];
let waits: number[];
let now: number;

beforeEach(async () => {
  seen = [];
  waits = [];
  now = Date.parse('2026-10-22T08:30:00Z');
  server = createServer((request, response) => {
    seen.push({ url: request.url ?? '', headers: request.headers });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** A client whose waits are noted instead of waited for. */
function client(options: Partial<EesClientOptions> = {}): EesClient {
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return clientFor(
    { apiUrl: `${origin}/statistics`, contentUrl: `${origin}/api/` },
    {
      now: () => now,
      random: () => 0.5,
      sleep: (ms) => {
        waits.push(ms);
        now += ms;
        return Promise.resolve();
      },
      ...options,
      timing: { attempts: 4, firstWaitMs: 100, longestWaitMs: 300, longestRetryAfterMs: 60_000, ...options.timing },
    },
  );
}

const publications = (from: EesClient) => from.get('official', '/publications', schema, { page: 1 });

describe('a request', () => {
  it('carries product, version and contact, asks for gzip and JSON, and an unknown field is no error', async () => {
    answer = (_request, response) => response.end(GOOD);
    expect(await publications(client())).toEqual({ paging: { page: 1 } });
    expect(seen).toMatchObject([
      {
        url: '/statistics/v1/publications?page=1',
        headers: {
          'user-agent': 'absence-watch/1.2.3 (absence@luton.example)',
          accept: 'application/json',
          'accept-encoding': 'gzip',
        },
      },
    ]);
  });

  it('names a contact whole, whatever it is written in', async () => {
    answer = (_request, response) => response.end(GOOD);
    await publications(client({ contact: 'Zoë, 東 <zoë@lüton.example>' }));
    expect(seen[0]?.headers['user-agent']).toBe(
      'absence-watch/1.2.3 (Zo%C3%AB, %E6%9D%B1 <zo%C3%AB@l%C3%BCton.example>)',
    );
  });

  it('never more than two at once', async () => {
    let open = 0;
    let most = 0;
    answer = (_request, response) => {
      most = Math.max(most, (open += 1));
      setTimeout(() => {
        open -= 1;
        response.end(GOOD);
      }, 10);
    };
    const one = client();
    await Promise.all(Array.from({ length: 9 }, () => publications(one)));
    expect(most).toBe(2);
    expect(one.spent.requests).toBe(9);
    expect(one.spent.bytes).toBe(9 * GOOD.length);
  });

  it('a missing field is an error that names URL and field, at once', async () => {
    answer = (_request, response) => response.end('{"paging":{}}');
    const error = await publications(client()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(EesAnswerError);
    expect(error).toMatchObject({
      field: 'paging.page',
      message: stringMatching(/v1\/publications\?page=1.*field paging\.page/),
    });
    expect(seen).toHaveLength(1);
  });

  it('a web page instead of JSON is recognised, and tried again', async () => {
    answer = (_request, response) => response.end('<html><h1>Sorry');
    await expect(publications(client())).rejects.toThrow(/sent a web page where JSON was expected: "<html>/);
    expect(seen).toHaveLength(4);
  });

  it('an endless answer is cut off', async () => {
    answer = (_request, response) => {
      const timer = setInterval(() => response.write(Buffer.alloc(1024 * 1024, 0x20)), 1);
      response.on('close', () => {
        clearInterval(timer);
      });
    };
    await expect(publications(client({ timing: { requestMs: 20_000 } }))).rejects.toThrow(/more than 16777216 bytes/);
    expect(seen).toHaveLength(1);
  });
});

describe('trouble', () => {
  it.each([400, 403, 404, 406, 415])('%i is never asked again', async (status) => {
    answer = (_request, response) => response.writeHead(status).end('{"title":"No such thing"}');
    const error = await publications(client()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(EesRefusedError);
    expect(error).toMatchObject({ status, message: stringContaining('(No such thing)') });
    expect(seen).toHaveLength(1);
  });

  it.each([
    [400, 'hangs'],
    [403, 'drips'],
    [404, 'hangs'],
    [404, 'drips'],
    [404, 'breaks off'],
    [404, 'never ends'],
  ])('%i is the answer, and asked once, though its body %s', async (status, how) => {
    answer = (_request, response) => {
      response.writeHead(status, { 'content-length': '1000000000' });
      response.write('{"title":"No');
      if (how === 'breaks off') setTimeout(() => response.destroy(), 20);
      if (how === 'hangs' || how === 'breaks off') return;
      const piece = Buffer.alloc(how === 'drips' ? 1 : 1024 * 1024, 0x20);
      const timer = setInterval(() => response.write(piece), 20);
      response.on('close', () => {
        clearInterval(timer);
      });
    };
    const one = client({ timing: { requestMs: 300, headersMs: 300 } });
    await expect(publications(one)).rejects.toMatchObject({ name: 'EesRefusedError', status, retryable: false });
    const file = one.persist(() => one.open('official', '/data-sets/1/csv'));
    await expect(file).rejects.toMatchObject({ name: 'EesRefusedError', status });
    expect(seen).toHaveLength(2);
  });

  it('what a refusal says besides is not waited for as long as an answer is', async () => {
    answer = (_request, response) => response.writeHead(404).write('{"title":"No');
    const started = performance.now();
    await expect(publications(client({ timing: { requestMs: 40_000 } }))).rejects.toThrow('answered 404');
    expect(performance.now() - started).toBeLessThan(6000);
  });

  it.each([429, 500, 502, 503, 504])(
    '%i is asked again, with full jitter that doubles up to its cap',
    async (status) => {
      answer = (_request, response) => response.writeHead(status).end();
      await expect(publications(client())).rejects.toBeInstanceOf(EesUnavailableError);
      expect(waits).toEqual([50, 100, 150]);
    },
  );

  it.each([
    ['seconds', '7'],
    ['a date', 'Thu, 22 Oct 2026 08:30:07 GMT'],
  ])('Retry-After in %s is waited for, by every request to that API', async (_form, value) => {
    answer = (_request, response) => {
      answer = (_second, well) => well.end(GOOD);
      response.writeHead(429, { date: 'Thu, 22 Oct 2026 08:30:00 GMT', 'retry-after': value }).end();
    };
    await publications(client());
    expect(waits).toEqual([7050]);
  });

  it.each([
    ['behind', 'Thu, 22 Oct 2026 09:30:00 GMT', 'Thu, 22 Oct 2026 09:30:07 GMT', 7050],
    ['ahead', 'Thu, 22 Oct 2026 07:30:00 GMT', 'Thu, 22 Oct 2026 07:30:07 GMT', 7050],
    ['well, and the server tells no time', 'soon', 'Thu, 22 Oct 2026 08:30:07 GMT', 7050],
    ['well, and the time is over', 'Thu, 22 Oct 2026 08:30:00 GMT', 'Thu, 22 Oct 2026 08:20:00 GMT', 50],
    ['well, and the wait negative', 'Thu, 22 Oct 2026 08:30:00 GMT', '-30', 50],
    ['well, and the wait no time at all', 'Thu, 22 Oct 2026 08:30:00 GMT', 'a while', 50],
  ])('a date as Retry-After counts from the server’s own time: our clock is %s', async (_how, date, value, waited) => {
    answer = (_request, response) => {
      answer = (_second, well) => well.end(GOOD);
      response.writeHead(429, { date, 'retry-after': value }).end();
    };
    await publications(client());
    expect(waits).toEqual([waited]);
  });

  it('a Retry-After beyond the cap ends the tries of this run', async () => {
    answer = (_request, response) => response.writeHead(503, { 'retry-after': '3600' }).end();
    await expect(publications(client())).rejects.toThrow(/asks to wait 3600 s/);
    expect(seen).toHaveLength(1);
  });

  it('a Retry-After beyond the cap: nothing more is asked of that API by this client, and the other one goes on', async () => {
    answer = (request, response) =>
      (request.url ?? '').startsWith('/api')
        ? response.end(GOOD)
        : response.writeHead(429, { 'retry-after': '7200' }).end();
    const one = client();
    expect(one.leftAlone()).toEqual([]);
    await expect(publications(one)).rejects.toThrow('asks to wait 7200 s');
    const further = one.get('official', '/data-sets/1', schema);
    await expect(further).rejects.toMatchObject({
      name: 'EesUnavailableError',
      retryable: false,
      message: stringMatching(/data-sets\/1 was not asked: .* to be left alone until 2026-10-22T10:30:00\.000Z/),
    });
    await expect(one.persist(() => one.open('official', '/data-sets/1/csv'))).rejects.toThrow('was not asked');
    expect(await one.get('content', '/publications', schema)).toEqual({ paging: { page: 1 } });
    expect(seen.map(({ url }) => url)).toEqual(['/statistics/v1/publications?page=1', '/api/publications']);
    expect(one.leftAlone()).toEqual([
      stringMatching(/^The official API asked to be left alone until 2026-10-22T10:30:00\.000Z \(.* answered 429/),
    ]);
    expect(waits).toEqual([]);
    await expect(publications(client())).rejects.toThrow('answered 429');
    expect(seen).toHaveLength(3);
  });

  it('a Retry-After of more years than a calendar has', async () => {
    answer = (_request, response) => response.writeHead(429, { 'retry-after': '9'.repeat(200) }).end();
    const one = client();
    await expect(publications(one)).rejects.toThrow('answered 429');
    await expect(publications(one)).rejects.toThrow('left alone until 9999-12-31');
  });

  it('a drip is cut off by the deadline of the whole request', async () => {
    answer = (_request, response) => {
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => {
        clearInterval(timer);
      });
    };
    const started = performance.now();
    await expect(publications(client({ timing: { requestMs: 200, attempts: 1 } }))).rejects.toThrow(
      /did not answer within 0.2 s/,
    );
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('nobody listens: the message says so without more', async () => {
    const gone = clientFor({ apiUrl: 'http://user:secret@127.0.0.1:1', contentUrl: 'http://127.0.0.1:1' });
    const error = await publications(gone).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      message: 'http://127.0.0.1:1/v1/publications?page=1 could not be reached (ECONNREFUSED)',
    });
  });

  it('the budget of a run is an end, not a retry', async () => {
    answer = (_request, response) => response.writeHead(500).end();
    await expect(publications(client({ budget: { requests: 2 } }))).rejects.toBeInstanceOf(EesBudgetError);
    expect(seen).toHaveLength(2);
    await expect(publications(client({ budget: { ms: -1 } }))).rejects.toThrow(/has used its share/);
  });
});

describe('redirects', () => {
  it('a path with capitals is followed to its lower-case twin, also where the gateway names an inner host', async () => {
    for (const inner of ['', 'http://inner.azure.example']) {
      answer = (request, response) =>
        (request.url ?? '').includes('ABC')
          ? response.writeHead(308, { location: inner + (request.url ?? '').toLowerCase() }).end()
          : response.end(GOOD);
      await client().get('official', '/data-sets/ABC', schema, { page: 1 });
      expect(seen.at(-1)?.url).toBe('/statistics/v1/data-sets/abc?page=1');
    }
  });

  it('another host is not followed, and a loop ends', async () => {
    answer = (_request, response) => response.writeHead(302, { location: 'http://169.254.169.254/secrets' }).end();
    await expect(publications(client())).rejects.toThrow(/another host \(169\.254\.169\.254\), which is not followed/);
    expect(seen).toHaveLength(1);
    answer = (request, response) => response.writeHead(302, { location: request.url ?? '' }).end();
    await expect(publications(client())).rejects.toThrow(/one redirect to the next without end/);
    expect(seen).toHaveLength(1 + 6);
  });
});

it('doctor learns which host answers, how fast, or why not', async () => {
  answer = (request, response) =>
    (request.url ?? '').startsWith('/api') ? response.end('[]') : response.writeHead(503).end('');
  expect(await probe(client())).toMatchObject({
    api: { ok: false, reason: stringContaining('answered 503'), fault: 'host' },
    content: { ok: true },
  });
});

it.each([
  [404, '', 'route'],
  [200, '[{"slug":"a"}]', 'route'],
  [200, '<html>', 'host'],
  [403, '', 'refused'],
  [407, '', 'refused'],
])('doctor tells by %i "%s" that the fault is: %s', async (status, body, fault) => {
  answer = (_request, response) => response.writeHead(status).end(body);
  expect(await probe(client())).toMatchObject({ content: { ok: false, fault } });
});

it('tells how far the clock of EES is ahead, also by what a cache answers', async () => {
  answer = (_request, response) =>
    response.writeHead(200, { date: new Date(Date.now() + 600_000).toUTCString(), age: '60' }).end('[]');
  const asking = client();
  expect(asking.clockAhead('content')).toBeUndefined();
  await probe(asking);
  expect(Math.abs((asking.clockAhead('content') ?? 0) - 660_000)).toBeLessThan(30_000);
});

it.each([
  ['https://api.education.gov.uk/', '', false],
  ['https://api.education.gov.uk/', '*', true],
  ['https://api.education.gov.uk/', 'education.gov.uk', true],
  ['https://api.education.gov.uk/', '.education.gov.uk', true],
  ['https://api.education.gov.uk/', '*.gov.uk, localhost', true],
  ['https://api.education.gov.uk/', 'ducation.gov.uk', false],
  ['https://api.education.gov.uk/', 'api.education.gov.uk:8443', false],
  ['https://api.education.gov.uk:8443/', 'localhost API.education.gov.uk:8443', true],
  ['https://api.education.gov.uk/', ' , localhost ,  api.education.gov.uk ', true],
  ['https://api.education.gov.uk./', 'education.gov.uk', true],
  ['https://api.education.gov.uk/', 'education.gov.uk.:443', true],
  ['https://api.education.gov.uk/', '10.0.0.0/8', false],
  ['https://10.20.30.40/', '10.0.0.0/8', true],
  ['https://11.20.30.40/', '10.0.0.0/8,192.168.0.0/16', false],
  ['https://10.20.30.40/', '10.0.0.0/33, 10.0.0.0/999, /8, x/8', false],
  ['https://10.20.30.40/', '10.20.30.40', true],
  ['https://10.20.30.40:8443/', '10.20.30.40:443', false],
  ['https://10.20.30.40/', '30.40', false],
  ['https://[fd00::1]/', 'fd00::1', true],
  ['https://[fd00::1]/', '[fd00::1]:443', true],
  ['https://[fd00::1]/', 'fd00::/8', true],
  ['https://[fe80::1]/', 'fd00::/8, 10.0.0.0/8', false],
])('%s with NO_PROXY "%s": goes past the proxy: %s', (url, noProxy, expected) => {
  expect(bypassesProxy(new URL(url), noProxy)).toBe(expected);
});
