/** Requests to the status page made by chance, on figures, rules and troubles with markup in their names. */
import { connect, type AddressInfo } from 'node:net';
import { pino } from 'pino';
import type { FastifyInstance } from 'fastify';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../src/config.js';
import { openDatabase, type Store } from '../../src/load/database.js';
import { createWeb } from '../../src/service/web.js';
import { testDatabaseUrl } from '../support/database.js';
import type { Chance } from './harness/chance.js';
import { INPUTS, mutated, tryAll } from './harness/mutate.js';
import { smallWide } from './harness/small-files.js';
import { CONFIG, CROSSED, watch } from './harness/watch.js';

/** Never to be seen as it is in a page. */
const MARK = '<zz9 onload=x>';
const PATHS = [
  '/',
  '/versions',
  '/versions/1',
  '/alerts',
  '/areas',
  '/runs',
  '/runs/1',
  '/healthz',
  '/readyz',
  '/metrics',
  '/style.css',
  '/icon.svg',
  '/area/Local%20authority/821',
  '/area/National/E92000001.csv',
  '/area/Local%20authority/821/chart.png?series=x&measure=severe_absence_rate',
  '/areas?q=luton',
  '/alerts?rule=x',
  '/versions?page=2',
  '/runs?page=2',
];
const PIECES = [
  ...[
    '%3Czz9%20onload=x%3E',
    '%22%3E%3Czz9%3E',
    '..%2f',
    '/../',
    '//',
    '%00',
    '%',
    '%zz',
    '%ff',
    '?',
    '&',
    '=',
    '#',
    ';',
    '+',
    '%0d%0aX-Y:%20z',
  ],
  ...[
    "'--",
    '%27%20or%201=1',
    '*',
    '-1',
    '99999999999',
    '1e9',
    'NaN',
    '__proto__',
    'constructor',
    '[]',
    '{}',
    '${7*7}',
    '{{7*7}}',
    'x'.repeat(3_000),
    '%e2%80%ae',
    '?page=0',
    '?q=',
  ],
];
const METHODS = ['GET', 'GET', 'GET', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'] as const;

let store: Store;
let app: FastifyInstance;

beforeEach(async () => {
  const hostile = CONFIG.replace('name: Luton persistent', `name: "${MARK} persistent"`);
  const world = await watch({ config: hostile });
  const content = smallWide(CROSSED).replaceAll(',Luton,', `,Luton ${MARK},`);
  world.publish({
    slug: '2023-24',
    title: `Academic year 2023/24 ${MARK}`,
    at: '2024-03-21T09:30:00Z',
    content,
    fileTitle: `Absence rates ${MARK}`,
    name: `${MARK}.csv`,
  });
  world.mail.behave(({ at }) => (at === 'message' ? { kind: 'refuse', code: 550, message: MARK } : undefined));
  const { report } = await world.run();
  expect(report.files).toMatchObject([{ outcome: 'loaded' }]);
  store = await openDatabase(testDatabaseUrl(), { schema: world.program.schema });
  const settings = await loadConfig('watch.yaml', world.program.env, world.program.directory);
  const now = () => new Date('2024-03-21T09:40:00Z');
  const service = {
    state: {
      role: 'active',
      runningSince: undefined,
      lastReport: report,
      runsEnded: new Map([[report.outcome, 1]]),
      lastBeat: now(),
      newer: undefined,
      trouble: MARK,
      brokenConfiguration: MARK,
    },
    settings: () => settings,
    reload: () => undefined,
    refuse: () => undefined,
    graceOver: new AbortController().signal,
    ended: Promise.resolve(),
  } as const;
  app = createWeb({
    settings: service.settings,
    subject: () => ({ kind: 'open', store, service }),
    log: pino({ level: 'silent' }),
    now,
  });
  onTestFinished(async () => {
    await app.close();
    await store.close();
  });
});

function requestOf(chance: Chance): { method: (typeof METHODS)[number]; url: string; headers: Record<string, string> } {
  const path = chance.of(PATHS);
  const url = chance.next() < 0.3 ? path : mutated(Buffer.from(path), chance, PIECES).toString('latin1');
  const headers: Record<string, string> = {
    host: chance.next() < 0.9 ? 'localhost' : chance.of(['127.0.0.1', MARK, 'evil.example']),
  };
  if (chance.next() < 0.2) headers['if-none-match'] = MARK;
  return { method: chance.of(METHODS), url: url.startsWith('/') ? url : `/${url}`, headers };
}

describe('requests to the status page', () => {
  it(
    'are answered, without a failure of its own and without unescaped output',
    { timeout: 4 * 3_600_000 },
    async () => {
      const codes = new Map<number, number>();
      const inputs = await tryAll(INPUTS, async (chance) => {
        const { method, url, headers } = requestOf(chance);
        const answer = await app.inject({ method, url, headers });
        codes.set(answer.statusCode, (codes.get(answer.statusCode) ?? 0) + 1);
        // With the troubles of this service /healthz and nothing else may say 503.
        if (answer.statusCode >= 500)
          expect([answer.statusCode, url]).toEqual([503, expect.stringContaining('/healthz')]);
        const type = String(answer.headers['content-type'] ?? '');
        if (type.includes('html') || type.includes('svg')) expect(answer.body).not.toMatch(/<zz9/i);
        if (type.includes('html')) expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
        expect(JSON.stringify(answer.headers)).not.toMatch(/<zz9|x-y/i);
        return 1;
      });
      console.log(
        `Requests: ${inputs} inputs, answered ${[...codes]
          .sort()
          .map(([code, n]) => `${code}: ${n}`)
          .join(', ')}`,
      );
      expect(codes.get(200)).toBeGreaterThan(0);
    },
  );

  it('that are no HTTP are answered or cut off, and the next one is served', { timeout: 4 * 3_600_000 }, async () => {
    await app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = app.server.address() as AddressInfo;
    const whole = Buffer.from(
      'GET /areas?q=x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc',
    );
    const inputs = await tryAll(Math.ceil(INPUTS / 10), async (chance) => {
      const bytes = mutated(whole, chance, [
        ...PIECES,
        '\r\n',
        '\n',
        '\u0000',
        'Transfer-Encoding: chunked\r\n',
        'ffffffff\r\n',
        'Content-Length: -1\r\n',
        'Expect: 100-continue\r\n',
        'Upgrade: h2c\r\n',
      ]);
      const said = await spoken(port, bytes);
      expect(said).not.toMatch(/<zz9/i);
      expect(said === '' || said.startsWith('HTTP/1.1 ')).toBe(true);
      return 1;
    });
    console.log(`Bytes that are no HTTP: ${inputs} inputs`);
    expect(
      await spoken(port, Buffer.from('GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')),
    ).toMatch(/^HTTP\/1\.1 200 /);
  });
});

/** What comes back until the connection ends, or nothing more comes for a moment. */
function spoken(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve) => {
    let said = '';
    const socket = connect(port, '127.0.0.1');
    const end = (): void => {
      socket.destroy();
      resolve(said);
    };
    // A request that is not over yet is waited for by the server; the test does not wait with it.
    socket.setTimeout(bytes.includes('/readyz') ? 10_000 : 150, end);
    socket.on('data', (chunk: Buffer) => (said += chunk.toString('latin1')));
    socket.on('error', end);
    socket.on('close', end);
    socket.write(bytes);
  });
}
