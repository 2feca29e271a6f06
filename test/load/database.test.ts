import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { expect, it, onTestFinished, vi } from 'vitest';
import { openDatabase } from '../../src/load/database.js';
import { lockDirectory } from '../../src/load/directory-lock.js';
import { DatabaseHeldError } from '../../src/load/errors.js';
import { isTransient, retrying } from '../../src/load/retry.js';
import { loadVersion } from '../../src/load/versions.js';
import { dropSchema, freshStore, secondStore, testDatabaseUrl } from '../support/database.js';
import { allPass, load, LUTON, observation, versionMeta } from './sample.js';

async function directory(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'absence-watch-lock-'));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return join(made, 'db');
}

it('dates, big numbers and decimals come as they are stored, whatever the time zone', async () => {
  const store = await freshStore('postgres');
  const { rows } = await sql<Record<string, unknown>>`
    select date '2024-07-01' as day, date 'infinity' as never, 17.30::numeric as rate, 42::bigint as small,
      9007199254740993::bigint as big`.execute(store.db);
  expect(rows).toEqual([{ day: '2024-07-01', never: 'infinity', rate: '17.30', small: 42, big: '9007199254740993' }]);
});

it('a read-only database refuses to write', async () => {
  const store = await freshStore('postgres');
  const reader = await secondStore(store, { readOnly: true });
  await expect(load(reader, versionMeta(), [observation({ enrolments: '1' })])).rejects.toThrow(/read-only/);
});

it.each([
  ['mysql://localhost', {}, /must start with postgres/],
  ['pglite:memory', { schema: 'Not "plain"' }, /no plain name/],
])('%s is refused with what to do', async (url, options, message) => {
  await expect(openDatabase(url, options)).rejects.toThrow(message);
});

it('a secret in the address is in no error', async () => {
  const failure = await openDatabase('postgres://user:hunter2@127.0.0.1:1/db').catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Error);
  expect(`${String(failure)} ${JSON.stringify(failure)}`).not.toContain('hunter2');
});

/** Observations in batches, with something done in between. */
async function* slowly(batches: number, between: (batch: number) => Promise<void>) {
  for (let batch = 0; batch < batches; batch++) {
    yield Array.from({ length: 2000 }, (_, i) =>
      observation({ enrolments: '100' }, { area: { ...LUTON, key: `${batch}-${i}`, code: `${batch}-${i}` } }),
    );
    await between(batch);
  }
}

it('a connection that the server cuts in the middle of a load leaves nothing, and the next load succeeds', async () => {
  const warn = vi.fn();
  const store = await freshStore('postgres', { logger: { warn } });
  const other = await secondStore(store);
  const cut = async (batch: number): Promise<void> => {
    if (batch !== 3) return;
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
      where query like ${`COPY "${store.schema}"%`} and pid <> pg_backend_pid()`.execute(other.db);
  };
  await expect(loadVersion(store, versionMeta(), slowly(50, cut), allPass)).rejects.toThrow();
  for (const table of ['figure', 'data_set_version', 'area'] as const)
    expect(await store.db.selectFrom(table).selectAll().execute()).toEqual([]);
  expect(
    await loadVersion(
      store,
      versionMeta(),
      slowly(2, () => Promise.resolve()),
      allPass,
    ),
  ).toMatchObject({ rows: 4000 });
  expect(warn).toHaveBeenCalled();
});

it('a reader sees all of a version or nothing, at every moment of its load', async () => {
  const store = await freshStore('postgres');
  const reader = await secondStore(store);
  await loadVersion(
    store,
    versionMeta(),
    slowly(1, () => Promise.resolve()),
    allPass,
  );
  const counts: number[] = [];
  const count = async (): Promise<void> => {
    const { rows } = await sql<{ n: number }>`select count(*) as n from absence`.execute(reader.db);
    counts.push(rows[0]?.n ?? -1);
  };
  await loadVersion(store, versionMeta({ publishedAt: new Date('2025-01-01') }), slowly(4, count), allPass);
  await count();
  expect(counts).toEqual([2000, 2000, 2000, 2000, 8000]);
});

it('an aborted load stops and leaves nothing', async () => {
  const store = await freshStore('postgres');
  const stop = new AbortController();
  const batches = slowly(1000, (batch) => {
    if (batch === 2) stop.abort(new Error('the service is stopping'));
    return Promise.resolve();
  });
  await expect(loadVersion(store, versionMeta(), batches, allPass, { signal: stop.signal })).rejects.toThrow(
    /stopping/,
  );
  expect(await store.db.selectFrom('figure').selectAll().execute()).toEqual([]);
});

it('what passes by itself is tried again, anything else is not', async () => {
  const store = await freshStore('postgres');
  let calls = 0;
  const flaky = (code: string, failures: number) => () => {
    calls += 1;
    return calls <= failures ? Promise.reject(Object.assign(new Error('failed'), { code })) : Promise.resolve(calls);
  };
  expect(await retrying(store, flaky('40001', 2), { firstPauseMs: 1 })).toBe(3);
  calls = 0;
  await expect(retrying(store, flaky('23505', 1), { firstPauseMs: 1 })).rejects.toThrow('failed');
  expect(calls).toBe(1);
  calls = 0;
  await expect(retrying(store, flaky('57P01', 99), { attempts: 3, firstPauseMs: 1 })).rejects.toThrow('failed');
  expect(calls).toBe(3);
  expect(isTransient(new Error('Connection terminated unexpectedly'))).toBe(true);
});

it('an embedded database computes on a thread of its own: the program goes on meanwhile; its errors arrive whole', async () => {
  const store = await openDatabase('pglite:memory');
  onTestFinished(() => store.close());
  let turns = 0;
  const turning = setInterval(() => turns++, 1);
  await sql`select count(*) from generate_series(1, 1000000)`.execute(store.db);
  clearInterval(turning);
  // On this thread it would be one or none.
  expect(turns).toBeGreaterThan(5);
  await expect(sql`select 1 / 0`.execute(store.db)).rejects.toMatchObject({ code: '22012', severity: 'ERROR' });
  await expect(sql`select nothing`.execute(store.db)).rejects.toMatchObject({ code: '42703', position: '8' });
});

it('the directory of an embedded database is kept by one process, and from other users', async () => {
  const place = await directory();
  const store = await openDatabase(`pglite:${place}`, { socketPath: `${place}.sock` });
  expect((await stat(place)).mode & 0o777).toBe(0o700);
  const refusal = await openDatabase(`pglite:${place}`).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(DatabaseHeldError);
  expect(refusal).toMatchObject({ exitCode: 4, holder: { pid: process.pid, socketPath: `${place}.sock` } });
  await store.close();
  const again = await openDatabase(`pglite:${place}`);
  await again.close();
  // A database on disk takes its time to make on a busy machine.
}, 240_000);

/** Takes the lock in another process, which then waits. */
async function otherProcess(place: string) {
  const program = `
    const { lockDirectory } = await import(${JSON.stringify(new URL('../../src/load/directory-lock.ts', import.meta.url).href)});
    try { await lockDirectory(${JSON.stringify(place)}); console.log('taken'); setInterval(() => {}, 1000); }
    catch (error) { console.log(error.name); }`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  return { said: said.toString().trim(), child };
}

it('a lock is taken over from a process that was killed, and from no living one', async () => {
  const place = await directory();
  const { said, child } = await otherProcess(place);
  expect(said).toBe('taken');
  await expect(lockDirectory(place, undefined)).rejects.toThrow(`held by process ${child.pid ?? ''} on ${hostname()}`);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const lock = await lockDirectory(place, undefined);
  expect((await otherProcess(place)).said).toBe('DatabaseHeldError');
  await lock.release();
  expect((await otherProcess(place)).said).toBe('taken');
});

it('of many that find a dead lock at once, one gets it', async () => {
  const place = await directory();
  const dead = { pid: 2 ** 22 + 1, host: hostname(), started: '1', since: '2024-01-01T00:00:00.000Z' };
  await writeFile(`${place}.lock`, JSON.stringify(dead));
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => lockDirectory(place, undefined)));
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

it('a lock of another host is taken over only when it has been silent for long; a lock cut off by a crash at once', async () => {
  const place = await directory();
  const elsewhere = { pid: 1, host: 'elsewhere', started: '1', since: '2024-01-01T00:00:00.000Z' };
  await writeFile(`${place}.lock`, JSON.stringify(elsewhere));
  await expect(lockDirectory(place, undefined)).rejects.toThrow(/on elsewhere/);
  const longAgo = new Date(Date.now() - 600_000);
  await utimes(`${place}.lock`, longAgo, longAgo);
  await (await lockDirectory(place, undefined)).release();
  await writeFile(`${place}.lock`, '{"pid": 1');
  const lock = await lockDirectory(place, undefined);
  expect(await readFile(`${place}.lock`, 'utf8')).toContain(String(process.pid));
  await lock.release();
});

it('the helper drops what it made', async () => {
  const store = await openDatabase(testDatabaseUrl(), { schema: 'test_dropped' });
  await sql`create schema test_dropped`.execute(store.db);
  await dropSchema('test_dropped');
  const { rows } = await sql`select 1 from pg_namespace where nspname = 'test_dropped'`.execute(store.db);
  expect(rows).toEqual([]);
  await store.close();
});

it('a service with rights on rows alone loads; an analyst reads the views and nothing of mails', async () => {
  const owner = await freshStore('postgres');
  const [service, analyst] = [`${owner.schema}_service`, `${owner.schema}_analyst`];
  const schema = sql.id(owner.schema);
  const views = sql.join(['absence', 'absence_history', 'alert_event', 'run'].map((view) => sql.table(view)));
  await sql`
    create role ${sql.id(service)};
    grant usage on schema ${schema} to ${sql.id(service)};
    grant select, insert, update, delete on all tables in schema ${schema} to ${sql.id(service)};
    grant usage, select, update on all sequences in schema ${schema} to ${sql.id(service)};
    create role ${sql.id(analyst)};
    grant usage on schema ${schema} to ${sql.id(analyst)};
    grant select on ${views}, data_set_version, data_set, release to ${sql.id(analyst)};`.execute(owner.db);
  onTestFinished(async () => {
    const admin = await openDatabase(testDatabaseUrl(), { schema: owner.schema });
    await sql`drop owned by ${sql.id(service)}, ${sql.id(analyst)}; drop role ${sql.id(service)}, ${sql.id(analyst)}`.execute(
      admin.db,
    );
    await admin.close();
  });
  const as = (role: string) => {
    const url = new URL(testDatabaseUrl());
    url.searchParams.set('options', `-c role=${role}`);
    return openDatabase(url.href, { schema: owner.schema });
  };
  const serving = await as(service);
  expect(await load(serving, versionMeta(), [observation({ enrolments: '1' })])).toMatchObject({ kind: 'loaded' });
  await serving.close();
  const reading = await as(analyst);
  expect(await reading.db.selectFrom('absence').selectAll().execute()).toHaveLength(1);
  expect(await reading.db.selectFrom('absence_history').selectAll().execute()).toHaveLength(1);
  await expect(reading.db.selectFrom('mail').selectAll().execute()).rejects.toThrow(/permission denied/);
  await expect(load(reading, versionMeta(), [observation({ enrolments: '1' })])).rejects.toThrow(/permission denied/);
  await reading.close();
});
