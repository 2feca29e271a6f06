import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { FastifyInstance } from 'fastify';
import { loadConfig } from '../../src/config.js';
import type { Store } from '../../src/load/database.js';
import { withRunLock } from '../../src/load/runs.js';
import { METRICS } from '../../src/service/metrics.js';
import type { Service, ServiceState } from '../../src/service/service.js';
import { overviewPage } from '../../src/service/page/overview.js';
import { createView } from '../../src/service/view.js';
import { createWeb, type WebOptions } from '../../src/service/web.js';
import { freshStore, secondStore } from '../support/database.js';
import { HOUR, MORNING, queueMails } from '../support/smtp.js';

const SECRETS = {
  DATABASE_URL: 'postgres://watch:database-password@db.example/watch',
  SMTP_URL: 'smtp://user:mail-password@mail.example:587',
};

interface More {
  readonly exposed?: boolean;
  readonly page?: () => boolean;
}

async function web(store: Store, state: Partial<ServiceState> = {}, more: More = {}): Promise<FastifyInstance> {
  const app = createWeb(await parts(store, state, more));
  onTestFinished(() => app.close());
  return app;
}

async function parts(store: Store, state: Partial<ServiceState> = {}, more: More = {}): Promise<WebOptions> {
  const loaded = await loadConfig(undefined, SECRETS, '/nowhere');
  const settings = () => ({
    ...loaded,
    config: { ...loaded.config, page: { enabled: more.page?.() ?? true, exposed: more.exposed === true } },
  });
  const service: Service = {
    state: {
      role: 'active',
      runningSince: undefined,
      lastReport: undefined,
      runsEnded: new Map(),
      lastBeat: MORNING,
      newer: undefined,
      trouble: undefined,
      brokenConfiguration: undefined,
      ...state,
    },
    settings,
    reload: () => undefined,
    refuse: () => undefined,
    graceOver: new AbortController().signal,
    ended: Promise.resolve(),
  };
  return {
    settings: service.settings,
    subject: () => ({ kind: 'open', store, service }),
    log: pino({ level: 'silent' }),
    now: () => MORNING,
  };
}

interface Verdict {
  well: boolean;
  reasons: string[];
  attention: string[];
}

describe('health', () => {
  it('is well when nothing is wrong, and ready with this version of the tables', async () => {
    const app = await web(await freshStore('postgres'));
    const health = await app.inject('/healthz');
    expect([health.statusCode, health.json<Verdict>().well]).toEqual([200, true]);
    const ready = await app.inject('/readyz');
    expect([ready.statusCode, ready.json()]).toEqual([200, { ready: true, pending: [] }]);
  });

  it('is ill with the reason when a mail has waited too long; whoever stands by is well all the same', async () => {
    const store = await freshStore('postgres');
    await queueMails(store, ['a@luton.example'], new Date(MORNING.getTime() - 7 * HOUR));
    const active = await (await web(store)).inject('/healthz');
    expect(active.statusCode).toBe(503);
    expect(active.json<Verdict>().reasons).toEqual(['a mail has waited for 7 hours']);
    const standby = await (await web(store, { role: 'standby' })).inject('/healthz');
    expect(standby.statusCode).toBe(200);
  });

  it('names no mail address, wherever a reason quotes one', async () => {
    const store = await freshStore('postgres');
    const app = await web(store, { brokenConfiguration: 'rules[3].notify[0]: "boss@private.example" is no group' });
    const { attention } = (await app.inject('/healthz')).json<Verdict>();
    expect(attention.join()).toContain('rules[3].notify[0]: "[address]" is no group');
    const page = (await app.inject('/')).body;
    expect(page).toContain('[address]');
    expect(page).not.toContain('boss@private');
  });

  it('is ill when the rounds fail or do not come round', async () => {
    const store = await freshStore('postgres');
    const failing = await (await web(store, { trouble: 'the disk is full' })).inject('/healthz');
    expect([failing.statusCode, failing.json<Verdict>().reasons]).toEqual([
      503,
      ['the service cannot do its rounds: the disk is full'],
    ]);
    const hanging = await (await web(store, { lastBeat: new Date(MORNING.getTime() - HOUR) })).inject('/healthz');
    expect(hanging.statusCode).toBe(503);
  });

  it('says so, and is well, when the configuration is broken or another one is newer', async () => {
    const state = {
      brokenConfiguration: 'watch.yaml:3:1 rules: is no list',
      newer: { hash: 'x', modified: '2026-11-24T09:02:00.000Z' },
    };
    const health = await (await web(await freshStore('postgres'), state)).inject('/healthz');
    expect(health.statusCode).toBe(200);
    const said = health.json<Verdict>().attention.join('\n');
    expect(said).toContain('watch.yaml:3:1');
    expect(said).toContain('2026-11-24T09:02:00.000Z');
  });

  it('is ill, not silent, when the database is gone', async () => {
    const store = await freshStore('postgres');
    const app = await web({ ...store, db: store.db.withSchema('gone_for_good') });
    const health = await app.inject('/healthz');
    expect(health.statusCode).toBe(503);
    expect(health.json<Verdict>().reasons).toEqual([expect.stringMatching(/^the database does not answer: /)]);
  });
});

describe('while the database is down', () => {
  const lastReport = {
    ...{ runId: 7, outcome: 'done' as const, files: [], skipped: [], degraded: [], notes: [], events: 0, requests: 2 },
    ...{ bytes: 0, error: null, mails: { sent: 0, retried: 0, dead: 0, held: 0, composed: 0 } },
  };

  it('metrics and overview tell what the process knows, and nothing that it does not', async () => {
    const store = await freshStore('postgres');
    const app = await web(
      { ...store, db: store.db.withSchema('gone_for_good') },
      { lastReport, runsEnded: new Map([['done', 1]]) },
    );
    const metrics = await app.inject('/metrics');
    expect(metrics.statusCode).toBe(200);
    for (const line of ['database_up 0', 'well 0', 'active 1', 'up_to_date 0', 'runs_total{outcome="done"} 1'])
      expect(metrics.body).toContain(`absence_watch_${line}\n`);
    expect(metrics.body).toMatch(/^absence_watch_started_timestamp_seconds \d+$/m);
    expect(metrics.body).not.toMatch(/^absence_watch_versions_current \d/m);
    const overview = await app.inject('/');
    expect(overview.statusCode).toBe(200);
    expect(overview.body).toContain('the database does not answer');
    expect(overview.body).toContain('Run 7');
    const other = await app.inject('/alerts');
    expect(other.statusCode).toBe(503);
    expect(other.body).toContain('The database does not answer');
    expect(other.body).toContain('href="/"');
  });

  it('they hold on to what was read last, and say of when it is', async () => {
    const store = await freshStore('postgres');
    await queueMails(store, ['a@luton.example'], MORNING);
    let isGone = false;
    const app = await web({
      ...store,
      get db() {
        return isGone ? store.db.withSchema('gone_for_good') : store.db;
      },
    });
    expect((await app.inject('/metrics')).body).toContain('absence_watch_database_up 1\n');
    isGone = true;
    // An answer is good for two seconds.
    await wait(2_100);
    const metrics = await app.inject('/metrics');
    for (const line of ['database_up 0', 'well 0', 'up_to_date 0', 'mails_waiting 1'])
      expect(metrics.body).toContain(`absence_watch_${line}\n`);
    const overview = await app.inject('/');
    expect(overview.statusCode).toBe(200);
    expect(overview.body).toContain('1 waiting');
    expect(overview.body).toMatch(/does not answer; this is what was known at \d/);
  });
});

describe('the server', () => {
  it('tells every metric that the documentation lists, and no other', async () => {
    const app = await web(await freshStore('postgres'), {
      lastReport: {
        ...{ runId: 7, outcome: 'done', files: [], skipped: [], degraded: [], notes: [], events: 0, requests: 2 },
        ...{ bytes: 0, error: null, mails: { sent: 0, retried: 0, dead: 0, held: 0, composed: 0 } },
      },
      runsEnded: new Map([['done', 1]]),
    });
    const { body } = await app.inject('/metrics');
    const told = [...body.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name).sort();
    expect(told).toEqual(
      Object.keys(METRICS)
        .map((name) => `absence_watch_${name}`)
        .sort(),
    );
    expect(body).toContain('absence_watch_runs_total{outcome="done"} 1');
    const docs = await readFile(new URL('../../docs/operate.md', import.meta.url), 'utf8');
    const listed = [...docs.matchAll(/^\| `(absence_watch_\w+)` +\| (.*?) +\|$/gm)].map(([, name, says]) => [
      name,
      says,
    ]);
    expect(listed).toEqual(Object.entries(METRICS).map(([name, says]) => [`absence_watch_${name}`, says]));
  });

  it('answers to loopback names alone, unless it is exposed', async () => {
    const store = await freshStore('postgres');
    const closed = await web(store);
    for (const host of ['localhost:8080', '127.0.0.1:8080', '[::1]:8080'])
      expect((await closed.inject({ url: '/', headers: { host } })).statusCode, host).toBe(200);
    expect((await closed.inject({ url: '/', headers: { host: 'evil.example' } })).statusCode).toBe(421);
    const open = await web(store, {}, { exposed: true });
    expect((await open.inject({ url: '/', headers: { host: 'absence.example.org' } })).statusCode).toBe(200);
  });

  it('answers to a path that cannot be read as to any other: under its own names alone, with the same headers', async () => {
    const store = await freshStore('postgres');
    const app = await web(store);
    const usual = (await app.inject('/')).headers;
    for (const url of ['/%E0%A4%A', '/area/%C3%28/1', `/versions/${'9'.repeat(500)}`]) {
      const answer = await app.inject(url);
      expect([url, answer.statusCode >= 400 && answer.statusCode < 500]).toEqual([url, true]);
      expect(answer.headers['content-type'], url).toMatch(/^text\/(plain|html); charset=utf-8$/);
      for (const name of ['content-security-policy', 'x-content-type-options', 'referrer-policy', 'cache-control'])
        expect(answer.headers[name], `${url} ${name}`).toBe(usual[name]);
      expect((await app.inject({ url, headers: { host: 'evil.example' } })).statusCode, url).toBe(421);
    }
    const off = await web(store, {}, { page: () => false });
    expect((await off.inject('/%E0%A4%A')).statusCode).toBe(404);
  });

  it('changes nothing and takes nothing', async () => {
    const app = await web(await freshStore('postgres'));
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH'] as const)
      expect((await app.inject({ method, url: '/alerts' })).statusCode).toBe(404);
  });

  it('shows what was typed as text, whatever it is', async () => {
    const app = await web(await freshStore('postgres'));
    const { body } = await app.inject(`/areas?q=${encodeURIComponent('"><script>alert(1)</script>')}`);
    expect(body).not.toContain('<script');
    expect(body).toContain('&lt;script&gt;');
    for (const path of [
      '/versions/1;drop',
      '/versions/99999999999',
      '/runs/-1',
      '/area/x/y',
      '/area/%00/%27',
      '/area/a/b/chart.png?series=x&measure=y',
      '/versions?page=0x1',
      '/alerts?rule=%27',
    ])
      expect([200, 404], path).toContain((await app.inject(path)).statusCode);
  });

  it('never shows a password or an address', async () => {
    const store = await freshStore('postgres');
    await queueMails(store, ['somebody@luton.example'], MORNING);
    const app = await web(store);
    for (const path of ['/', '/versions', '/alerts', '/areas', '/runs', '/healthz', '/readyz', '/metrics', '/none']) {
      const { body, headers } = await app.inject(path);
      expect(body + JSON.stringify(headers)).not.toMatch(/password|somebody@|db\.example|mail\.example/);
      expect(headers['content-security-policy']).toContain("default-src 'none'");
      expect(headers['content-security-policy']).not.toContain('unsafe');
    }
  });
});

it('the page goes when it is switched off while the service runs; health stays', async () => {
  let isOn = true;
  const app = await web(await freshStore('postgres'), {}, { page: () => isOn });
  const codes = async (): Promise<number[]> =>
    Promise.all(['/', '/alerts', '/healthz', '/metrics'].map(async (path) => (await app.inject(path)).statusCode));
  expect(await codes()).toEqual([200, 200, 200, 200]);
  isOn = false;
  expect(await codes()).toEqual([404, 404, 200, 200]);
});

it('older runs are pages further on, each run on one of them', async () => {
  const store = await freshStore('postgres');
  const app = await web(store);
  const bodyOf = async (path: string): Promise<string> => (await app.inject(path)).body.replaceAll('&#x3D;', '=');
  expect(await bodyOf('/runs')).toContain('There was no run yet.');
  const outcome = 'done' as const;
  const run = { trigger: 'schedule', started_at: MORNING, finished_at: MORNING, outcome, detail: '{}' };
  await store.db
    .insertInto('run_record')
    .values(Array.from({ length: 205 }, () => run))
    .execute();
  const pages = await Promise.all([1, 2, 3, 4].map((number) => bodyOf(`/runs?page=${number}`)));
  const shown = pages.map((body) => [...body.matchAll(/href="\/runs\/(\d+)"/g)].map(([, id]) => Number(id)));
  expect(shown.flat()).toEqual(Array.from({ length: 205 }, (_, index) => 205 - index));
  expect(shown.map((ids) => ids.length)).toEqual([100, 100, 5, 0]);
  const links = pages.map((body) =>
    [...body.matchAll(/<a href="(\/runs\?page=\d+)">(\w+)<\/a>/g)].map(([, ...at]) => at),
  );
  expect(links).toEqual([
    [['/runs?page=2', 'Older']],
    [
      ['/runs?page=1', 'Newer'],
      ['/runs?page=3', 'Older'],
    ],
    [['/runs?page=2', 'Newer']],
    [['/runs?page=3', 'Newer']],
  ]);
  expect(pages[1]).toContain('Runs 101 to 200 of 205, newest first');
  expect(pages[3]).toContain('There are no more.');
  for (const number of ['0', '-1', '1e3', '99999999999', '2;'])
    expect(await bodyOf(`/runs?page=${number}`), number).toContain('Runs 1 to 100 of 205');
});

it('the page of a run shows its log, with warnings and errors marked, as text', async () => {
  const store = await freshStore('postgres');
  const { id } = await store.db
    .insertInto('run_record')
    .values({ trigger: 'schedule', started_at: MORNING, finished_at: MORNING, outcome: 'in part', detail: '{}' })
    .returning('id')
    .executeTakeFirstOrThrow();
  const lines = [
    ['info', 'loaded: <b>Rates</b>', 'file: rates.csv; rows: 22'],
    ['warn', 'a word of warning', ''],
    ['error', 'a data set could not be loaded', 'error: HTTP 500'],
  ] as const;
  await store.db
    .insertInto('run_log')
    .values(
      lines.map(([level, message, detail], index) => ({
        ...{ run_id: id, number: index + 1, at: MORNING, level, message, detail },
      })),
    )
    .execute();
  const { body } = await (await web(store)).inject(`/runs/${id}`);
  expect(body).toContain('loaded: &lt;b&gt;Rates&lt;/b&gt;');
  expect(body).toContain('file: rates.csv; rows: 22');
  expect(body).toContain('<span class="warn">warn</span>');
  expect(body).toContain('<span class="bad">error</span>');
  expect(body).toMatch(/\d\d:\d\d:\d\d/);
});

describe('a command that the service runs for somebody', () => {
  it('is named on the overview, also while its load keeps the embedded database, which is ready all the same', async () => {
    const store = await freshStore('embedded');
    const app = await web(store);
    const view = createView(await parts(store));
    const overview = async (): Promise<string> => JSON.stringify(overviewPage(await view.look()));
    expect(await overview()).toContain('waiting for the next slot');
    // An answer is good for two seconds.
    await wait(2_100);
    await withRunLock(store, { trigger: 'backfill', now: () => MORNING }, async ({ id }) => {
      const [page, ready] = await store.copyTransaction(() => Promise.all([overview(), app.inject('/readyz')]));
      expect(page).toContain('As it was known at');
      expect(page).toContain(`run ${id} (backfill) is under way since`);
      expect(ready.json()).toEqual({ ready: true, pending: [], busy: true });
      return { end: { outcome: 'done', detail: {} }, result: undefined };
    });
  });

  it('and one that another process runs, until it ends, well or without a word', async () => {
    const store = await freshStore('postgres');
    const app = await web(store);
    const now = async (): Promise<string> => (await app.inject('/')).body;
    await withRunLock(await secondStore(store), { trigger: 'backfill', now: () => MORNING }, async ({ id }) => {
      expect(await now()).toContain(`run ${id} (backfill) is under way since`);
      return { end: { outcome: 'done', detail: {} }, result: undefined };
    });
    const killed = { trigger: 'manual', outcome: 'running' as const, started_at: MORNING, detail: '{}' };
    const { id } = await store.db.insertInto('run_record').values(killed).returning('id').executeTakeFirstOrThrow();
    // An answer is good for two seconds.
    await wait(2_100);
    expect(await now()).toContain('waiting for the next slot');
    for (const path of ['/', '/runs', `/runs/${id}`]) {
      const { body } = await app.inject(path);
      expect(body, path).toContain('Ended without a word (kill, power cut); the next run takes up what it left.');
      expect(body, path).not.toContain('Under way.');
    }
  });
});
