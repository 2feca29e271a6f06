/** `start` that waits for its database: it answers from its first moment, and says what it waits for. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { StandIn } from '../../demo/index.js';
import { expect, it, onTestFinished } from 'vitest';
import { lockDirectory } from '../../src/load/directory-lock.js';
import { main } from '../../src/main.js';
import { startProxy } from '../fault/harness/proxy.js';
import { dropSchema, freshSchema, testDatabaseUrl } from '../support/database.js';
import { freshProgram } from '../support/program.js';
import { SCRATCH } from '../support/scratch.js';

interface Started {
  readonly log: () => string;
  /** What the log says of where it listens. */
  readonly url: () => Promise<string>;
  readonly stop: () => Promise<number>;
  readonly hasEnded: () => boolean;
}

async function directory(): Promise<string> {
  const path = await mkdtemp(join(SCRATCH, 'absence-watch-start-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

function start(cwd: string, env: NodeJS.ProcessEnv, ...options: string[]): Started {
  const end = new AbortController();
  let said = '';
  let ended = false;
  const code = main(['start', ...options], {
    streams: {
      stdout: { write: () => undefined },
      stderr: { write: (text) => (said += text) },
      columns: undefined,
      cwd,
    },
    env: { HTTP_PORT: '0', ...env },
    now: () => new Date(),
    signal: end.signal,
  }).finally(() => {
    ended = true;
  });
  const stop = (): Promise<number> => {
    end.abort(new Error('stopped'));
    return code;
  };
  onTestFinished(async () => {
    await stop();
  });
  const url = async (): Promise<string> => {
    for (;;) {
      const [, found] = /"url":"(http:[^"]+)"/.exec(said) ?? [];
      if (found !== undefined) return found;
      if (ended) throw new Error(said);
      await wait(20);
    }
  };
  return { log: () => said, url, stop, hasEnded: () => ended };
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function ask(url: string, path: string): Promise<Answer> {
  const response = await fetch(new URL(path, url));
  return { status: response.status, text: await response.text() };
}

async function until(check: () => Promise<boolean>): Promise<void> {
  while (!(await check())) await wait(50);
}

it('says what it waits for while the database is down, and goes on at the same address when it is there', async () => {
  const target = new URL(testDatabaseUrl());
  const proxy = await startProxy({ host: target.hostname, port: Number(target.port) });
  const schema = freshSchema();
  onTestFinished(async () => {
    await dropSchema(schema);
    await proxy.close();
  });
  target.port = String(proxy.port);
  await proxy.goAway();
  const ees = await StandIn.start({});
  onTestFinished(() => ees.close());
  const service = start(await directory(), {
    DATABASE_URL: target.href,
    DATABASE_SCHEMA: schema,
    EES_API_URL: ees.apiUrl,
    EES_CONTENT_URL: ees.contentUrl,
  });
  const url = await service.url();
  await until(async () => (await ask(url, '/healthz')).text.includes('ECONNREFUSED'));
  const health = await ask(url, '/healthz');
  expect(health.status).toBe(503);
  expect(JSON.parse(health.text)).toMatchObject({ well: false, role: 'starting' });
  expect(health.text).toContain('the database cannot be reached');
  const ready = await ask(url, '/readyz');
  expect(ready.status).toBe(503);
  expect(ready.text).toContain('the database cannot be reached');
  const overview = await ask(url, '/');
  expect([overview.status, overview.text.includes('the database cannot be reached')]).toEqual([200, true]);
  expect((await ask(url, '/metrics')).text).toContain('absence_watch_well 0');
  expect(await ask(url, '/alerts')).toMatchObject({
    status: 503,
    text: expect.stringContaining('Not ready yet') as string,
  });
  await proxy.comeBack();
  await until(async () => (await ask(url, '/readyz')).status === 200);
  await until(async () => (await ask(url, '/healthz')).text.includes('"role":"active"'));
  expect(await service.stop()).toBe(0);
});

it('told to leave the form alone, waits until somebody else has migrated, and says what is pending', async () => {
  const schema = freshSchema();
  onTestFinished(() => dropSchema(schema));
  const ees = await StandIn.start({});
  onTestFinished(() => ees.close());
  const env = {
    DATABASE_URL: testDatabaseUrl(),
    DATABASE_SCHEMA: schema,
    EES_API_URL: ees.apiUrl,
    EES_CONTENT_URL: ees.contentUrl,
  };
  const service = start(await directory(), env, '--no-migrate');
  const url = await service.url();
  await until(() => Promise.resolve(service.hasEnded() || service.log().includes('waiting until')));
  expect(service.log()).toContain('Run \\"absence-watch migrate\\"');
  const ready = await ask(url, '/readyz');
  expect(ready.status).toBe(503);
  expect(JSON.parse(ready.text)).toMatchObject({ pending: expect.arrayContaining(['0001_initial']) as string[] });
  const health = await ask(url, '/healthz');
  expect([health.status, health.text.includes('absence-watch migrate')]).toEqual([503, true]);
  const migrating = await freshProgram(env);
  expect((await migrating.run('run', '--no-migrate')).stderr).toContain('Run "absence-watch migrate"');
  expect((await migrating.run('migrate')).code).toBe(0);
  await until(async () => (await ask(url, '/readyz')).status === 200);
  await until(async () => (await ask(url, '/healthz')).text.includes('"role":"active"'));
  expect(await service.stop()).toBe(0);
});

it('stands by, well, while another process holds the embedded database', async () => {
  const cwd = await directory();
  const lock = await lockDirectory(join(cwd, 'db'), undefined);
  onTestFinished(() => lock.release());
  const service = start(cwd, { DATABASE_URL: `pglite:${join(cwd, 'db')}` });
  const url = await service.url();
  await until(async () => (await ask(url, '/healthz')).status === 200);
  const health = await ask(url, '/healthz');
  expect(JSON.parse(health.text)).toMatchObject({ well: true, role: 'standby', reasons: [] });
  expect(health.text).toContain(`is held by process ${process.pid}`);
  const ready = await ask(url, '/readyz');
  expect(ready.status).toBe(503);
  expect(ready.text).toContain(`is held by process ${process.pid}`);
  expect(await service.stop()).toBe(0);
});

it('stands by for the holder of the embedded database also where that one has the port', async () => {
  const cwd = await directory();
  const lock = await lockDirectory(join(cwd, 'db'), undefined);
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    await lock.release();
    holder.close();
  });
  const { port } = holder.address() as AddressInfo;
  const service = start(cwd, { DATABASE_URL: `pglite:${join(cwd, 'db')}`, HTTP_PORT: String(port) });
  await until(() => Promise.resolve(service.log().includes('standing by')));
  expect(service.hasEnded()).toBe(false);
  expect(await service.stop()).toBe(0);
});

it('ends at once, saying which variable to set, where something else has the port of a service on a server', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    other.close();
  });
  const { port } = other.address() as AddressInfo;
  const service = start(await directory(), { DATABASE_URL: 'postgres://a@127.0.0.1:9/b', HTTP_PORT: String(port) });
  await until(() => Promise.resolve(service.hasEnded()));
  expect(await service.stop()).toBe(1);
  expect(service.log()).toContain('set HTTP_PORT');
});
