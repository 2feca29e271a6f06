/** Fault cases 25 and 26: the database goes away, is full, or says no. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { setTimeout as wait } from 'node:timers/promises';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../src/config.js';
import { openDatabase } from '../../src/load/database.js';
import { runOnce } from '../../src/pipeline.js';
import { startService } from '../../src/service/service.js';
import { testDatabaseUrl } from '../support/database.js';
import { freshProgram } from '../support/program.js';
import {
  NO_SERVER_PROGRAMS,
  CAN_MOUNT,
  ownServer,
  smallDisk,
  WITH_SERVER_PROGRAMS,
  WITH_SMALL_DISK,
} from './harness/own-server.js';
import { startMonitor } from './harness/monitor.js';
import { startProxy, type Proxy } from './harness/proxy.js';
import { smallWide } from './harness/small-files.js';
import { CONFIG, CROSSED, publishCrossing, watch, watchWithHistory, type Watch } from './harness/watch.js';

const BEFORE = ['202122 17', '202223 17'];
const AFTER = [...BEFORE, '202324 20.6'];

/** A connection beside the program's. */
async function beside(url: string = testDatabaseUrl()): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

async function proxied(): Promise<{ proxy: Proxy; url: string }> {
  const url = new URL(testDatabaseUrl());
  const proxy = await startProxy({ host: url.hostname, port: Number(url.port) });
  onTestFinished(() => proxy.close());
  url.port = String(proxy.port);
  return { proxy, url: url.href };
}

/** Starts a run and waits until its COPY stands before the locked table. */
async function heldAtCopy<T>(world: Watch, admin: pg.Client, looker: pg.Client, run: () => Promise<T>) {
  await admin.query('begin');
  await admin.query(`lock table "${world.program.schema}".figure in share mode`);
  const running = run();
  for (;;) {
    const { rows } = await looker.query<{ pid: number }>(
      'select pid from pg_locks where relation = $1::regclass and not granted',
      [`"${world.program.schema}".figure`],
    );
    const [waiting] = rows;
    if (waiting !== undefined) return { running, pid: waiting.pid };
    await wait(25);
  }
}

const MADE_TO_FAIL = 'made to fail';

/** Has the database refuse writes of some rows of a table. @param which once only, or those that the condition names */
async function refusing(
  world: Watch,
  { table, code, once = false, when = 'true' }: { table: string; code: string; once?: boolean; when?: string },
): Promise<{ end(): Promise<void> }> {
  const admin = await beside();
  const { schema } = world.program;
  await admin.query(`
    set search_path = "${schema}";
    create sequence refusals;
    create function refuse() returns trigger language plpgsql as $$
      begin
        if ${once ? `nextval('"${schema}".refusals') = 1` : 'true'} then
          raise exception '${MADE_TO_FAIL}' using errcode = '${code}';
        end if;
        return new;
      end $$;
    create trigger refuse before insert or update on "${table}" for each row when (${when}) execute function refuse();`);
  return {
    async end() {
      await admin.query(`drop trigger refuse on "${table}"`);
    },
  };
}

/** History is loaded, the outside monitor listens, and the operator is mailed after two failures. */
async function monitored(): Promise<{ world: Watch; heard: string[]; operator: () => string[] }> {
  const { url, heard } = await startMonitor();
  const config = `${CONFIG}failures_before_mail: 2\nheartbeat_url: ${url}\n`;
  const world = await watchWithHistory({ config });
  return { world, heard, operator: () => world.subjects('ops@luton.example') };
}

interface SaidStatus {
  readonly health: { readonly well: boolean; readonly reasons: readonly string[] };
  readonly failures: number;
  readonly mail: { readonly waiting: number; readonly oldestWaiting?: string };
}

const statusOf = async (world: Watch): Promise<SaidStatus> =>
  (await world.program.run('status', '--json')).json() as SaidStatus;

async function expectWhole(world: Watch): Promise<void> {
  expect(await world.figures()).toEqual(AFTER);
  expect(world.subjects()).toHaveLength(1);
  const versions = (await world.program.run('versions', 'list', '--json')).json() as unknown[];
  expect(versions).toHaveLength(2);
}

describe('the database', () => {
  it('case 25: down when the program starts: a run ends with exit code 1 and the reason, the next one does everything', async () => {
    const { proxy, url } = await proxied();
    const monitor = await startMonitor();
    const world = await watchWithHistory({
      config: `${CONFIG}heartbeat_url: ${monitor.url}\n`,
      env: { DATABASE_URL: url, DATABASE_SCHEMA: undefined },
    });
    onTestFinished(async () => {
      const client = await beside();
      await client.query('drop schema if exists absence_watch cascade');
    });
    publishCrossing(world);
    await proxy.goAway();
    const said = await world.program.run('run');
    expect(said.code).toBe(1);
    expect(said.stderr).toMatch(/The database ".*" at 127\.0\.0\.1:\d+ cannot be reached: .*refused.*DATABASE_URL/i);
    expect(monitor.heard).toEqual(['/ping/start', '/ping', '/ping/fail']);
    await proxy.comeBack();
    expect((await world.run()).code).toBe(0);
    expect(await world.figures()).toEqual(AFTER);
  });

  it('case 25, gone under a service: it lives on, says so, and goes on by itself when the database is back', async () => {
    const { proxy, url } = await proxied();
    const world = await watchWithHistory();
    publishCrossing(world);
    const store = await openDatabase(url, { schema: world.program.schema });
    const settings = await loadConfig('watch.yaml', world.program.env, world.program.directory);
    const stop = new AbortController();
    await proxy.goAway();
    const now = () => new Date('2025-03-20T09:32:00Z');
    const log = pino({ level: 'silent' });
    const service = startService({ store, settings, log, now, signal: stop.signal, beatMs: 50, deliverMs: 50 });
    onTestFinished(async () => {
      stop.abort();
      await service.ended;
      await store.close();
    });
    while (service.state.trouble === undefined) await wait(20);
    expect(service.state.trouble).toMatch(/ECONNREFUSED|terminated/);
    await proxy.comeBack();
    while (world.mail.messages.length === 0) await wait(20);
    expect(service.state.trouble).toBeUndefined();
    await expectWhole(world);
  });

  it('case 25, the session of a load terminated: it is loaded again from its start, in the same run', async () => {
    const world = await watchWithHistory();
    publishCrossing(world);
    const [admin, looker] = [await beside(), await beside()];
    const { running, pid } = await heldAtCopy(world, admin, looker, () => world.run());
    await looker.query('select pg_terminate_backend($1)', [pid]);
    await admin.query('rollback');
    const { code, report } = await running;
    expect(report.files).toMatchObject([{ outcome: 'loaded' }]);
    expect(code).toBe(0);
    await expectWhole(world);
  });

  it('case 25, connections that go silent in the middle of a load: given up in time, the run ends, the next one loads it whole', async () => {
    const { proxy, url } = await proxied();
    const world = await watchWithHistory();
    publishCrossing(world);
    const store = await openDatabase(url, { schema: world.program.schema, silentMs: 500 });
    onTestFinished(() => store.close());
    const settings = await loadConfig('watch.yaml', world.program.env, world.program.directory);
    const [admin, looker] = [await beside(), await beside()];
    const run = (): Promise<string> =>
      runOnce({
        ...{ store, settings, log: pino({ level: 'silent' }), trigger: 'schedule' },
        now: () => new Date('2025-03-20T09:32:00Z'),
        signal: new AbortController().signal,
      }).then(
        ({ outcome }) => outcome,
        (error: unknown) => String(error),
      );
    const { running } = await heldAtCopy(world, admin, looker, run);
    // Longer than it takes to look into a quiet connection: one that waits for a lock is not dead.
    await wait(1_500);
    proxy.silence();
    await admin.query('rollback');
    await wait(1_500);
    await proxy.comeBack();
    expect(await running).toMatch(/lock of this run was lost|terminated/);
    // By a connection that may be silent for longer: on a busy machine half a second is nothing.
    expect((await world.run()).code).toBe(0);
    await expectWhole(world);
  });

  it.skipIf(NO_SERVER_PROGRAMS)(
    `case 25, restarted in the middle of a load: nothing of it is there, no unhandled error, the next run loads it whole${WITH_SERVER_PROGRAMS}`,
    async () => {
      const server = await ownServer();
      const world = await watchWithHistory({ env: { DATABASE_URL: server.url } });
      publishCrossing(world);
      const { running } = await heldAtCopy(world, await beside(server.url), await beside(server.url), () =>
        world.run(),
      );
      await server.restart();
      const { code } = await running;
      expect([0, 1, 3]).toContain(code);
      if (code !== 0) {
        expect(await world.figures()).toEqual(BEFORE);
        expect((await world.run()).code).toBe(0);
      }
      await expectWhole(world);
    },
    300_000,
  );

  it.each([
    ['a deadlock', '40P01', 'loaded'],
    ['a serialization failure', '40001', 'loaded'],
    ['a statement timeout', '57014', 'failed'],
    ['a full disk', '53100', 'failed'],
  ] as const)(
    'case 26: %s (%s) during a load: rolled back; what passes by itself is tried again, what does not is for the next run',
    async (_what, code, outcome) => {
      const world = await watchWithHistory();
      publishCrossing(world);
      await refusing(world, { table: 'data_set_version', code, once: true });
      const first = await world.run();
      expect(first.report.files).toMatchObject([{ outcome }]);
      if (outcome === 'failed') {
        expect(first.code).toBe(3);
        expect(first.report.files[0]?.reason).toContain(MADE_TO_FAIL);
        expect(await world.figures()).toEqual(BEFORE);
        const { rows } = await (
          await beside()
        ).query<{ n: string }>(`select count(*) as n from "${world.program.schema}".figure`);
        expect(rows).toEqual([{ n: '22' }]);
        expect((await world.run()).code).toBe(0);
      }
      await expectWhole(world);
    },
  );

  it('case 26: a statement cancelled by the server (statement_timeout) during a load: rolled back, the run says so, and the next one loads it whole', async () => {
    const world = await watchWithHistory();
    publishCrossing(world);
    const admin = await beside();
    // Set within the transaction of the load, at its COPY: the program's own limit of two minutes is not waited for.
    await admin.query(`
      set search_path = "${world.program.schema}";
      create function hurry() returns trigger language plpgsql as $$
        begin perform set_config('statement_timeout', '200ms', true); return null; end $$;
      create trigger hurry before insert on figure for each statement execute function hurry();
      create function dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(20); return new; end $$;
      create trigger dawdle before insert on data_set_version for each row execute function dawdle();`);
    const first = await world.run();
    expect(first.code).toBe(3);
    expect(first.report.files).toMatchObject([{ outcome: 'failed' }]);
    expect(first.report.files[0]?.reason).toContain('canceling statement due to statement timeout');
    expect(await world.figures()).toEqual(BEFORE);
    expect((await admin.query(`select count(*)::int as n from figure`)).rows).toEqual([{ n: 22 }]);
    await admin.query('drop trigger dawdle on data_set_version');
    expect((await world.run()).code).toBe(0);
    await expectWhole(world);
  });

  it('case 26: a shorter statement_timeout of the role or the database does not hold for a load: the program sets its own', async () => {
    const impatient = new URL(testDatabaseUrl());
    impatient.searchParams.set('options', '-c statement_timeout=300ms');
    const world = await watchWithHistory();
    world.program.env['DATABASE_URL'] = impatient.href;
    publishCrossing(world);
    const [admin, looker] = [await beside(), await beside()];
    const { running } = await heldAtCopy(world, admin, looker, () => world.run());
    await wait(600);
    await admin.query('rollback');
    expect((await running).code).toBe(0);
    await expectWhole(world);
  });

  it.each([
    'data_set_version',
    'alert',
    'alert_state',
    'notification',
    'mail',
    'mail_attempt',
    'source_state',
    'run_record',
  ])(
    'case 26: one serialization failure at a write to %s: the transaction is done again, the run ends well',
    async (table) => {
      const world = await watchWithHistory();
      publishCrossing(world);
      await refusing(world, { table, code: '40001', once: true });
      expect(await world.run()).toMatchObject({ code: 0, report: { outcome: 'done', notes: [] } });
      await expectWhole(world);
    },
  );

  it.each([
    ['a full disk', '53100'],
    ['a statement timeout', '57014'],
  ])(
    'case 26: %s (%s) whenever a mail is written: the run is done in part, monitor and status say so, and once it is over everything is mailed once',
    async (_what, code) => {
      const { world, heard, operator } = await monitored();
      publishCrossing(world);
      const refusal = await refusing(world, { table: 'mail', code });
      for (let runs = 1; runs <= 2; runs++) {
        const { code: exit, report } = await world.run();
        expect(exit).toBe(3);
        expect(report).toMatchObject({ outcome: 'in part', mails: { composed: 0, sent: 0 } });
        expect(report.notes.join()).toContain(MADE_TO_FAIL);
        expect(heard.at(-1)).toBe('/ping/fail');
        const status = await statusOf(world);
        expect(status.health.reasons.join()).toContain(MADE_TO_FAIL);
        expect(status.mail).toMatchObject({ waiting: 1, oldestWaiting: '2025-03-20T09:32:00.000Z' });
      }
      const text = (await world.program.run('status')).stdout;
      expect(text).toMatch(/^Ill: /);
      expect(text).toContain('Mail: 1 waiting');
      const doctor = await world.program.run('doctor');
      expect(doctor.code).toBe(1);
      expect(doctor.stdout).toContain(MADE_TO_FAIL);
      expect(world.mail.messages).toEqual([]);
      await refusal.end();
      for (let runs = 1; runs <= 2; runs++) {
        expect(await world.run()).toMatchObject({ code: 0, report: { outcome: 'done', notes: [] } });
        expect(heard.at(-1)).toBe('/ping');
        expect(operator()).toEqual(['absence-watch: mails can be written again']);
        await expectWhole(world);
      }
      expect(await statusOf(world)).toMatchObject({ health: { well: true }, mail: { waiting: 0 } });
    },
  );

  it('case 26: only the mails of alerts cannot be written: the operator is told on the edges, at the second run and at the end', async () => {
    const { world, operator } = await monitored();
    publishCrossing(world);
    const refusal = await refusing(world, { table: 'mail', code: '53100', when: "new.kind <> 'operator'" });
    const told = [0, 1, 1];
    for (const mails of told) {
      expect((await world.run()).code).toBe(3);
      expect(operator()).toHaveLength(mails);
    }
    expect(operator()[0]).toMatch(/mails cannot be written since/);
    await refusal.end();
    for (let runs = 1; runs <= 2; runs++) {
      expect((await world.run()).code).toBe(0);
      expect(operator()).toHaveLength(2);
    }
    await expectWhole(world);
  });

  it('case 26: the comparison with the rules fails after the load: fail is pinged, status is ill, the operator is told on the edges, and everything is told once it is over', async () => {
    const { world, heard, operator } = await monitored();
    publishCrossing(world);
    const refusal = await refusing(world, { table: 'alert', code: '53100' });
    const told = [0, 1, 1];
    for (const [before, mails] of told.entries()) {
      const said = await world.program.run('run', '--json');
      expect(said.code).toBe(1);
      expect(said.stderr).toContain(MADE_TO_FAIL);
      expect(heard.at(-1)).toBe('/ping/fail');
      const status = await statusOf(world);
      expect(status.failures).toBe(before + 1);
      expect(status.health.well).toBe(false);
      expect(status.health.reasons.join()).toContain(MADE_TO_FAIL);
      expect(operator()).toHaveLength(mails);
    }
    expect(operator()[0]).toMatch(/runs break off since/);
    expect((await world.program.run('doctor')).stdout).toContain(MADE_TO_FAIL);
    await refusal.end();
    for (let runs = 1; runs <= 2; runs++) {
      expect((await world.run()).code).toBe(0);
      expect(heard.at(-1)).toBe('/ping');
      expect(operator()).toHaveLength(2);
    }
    await expectWhole(world);
    expect(await statusOf(world)).toMatchObject({ health: { well: true }, failures: 0 });
  });

  it('case 26: the database refuses what was seen at EES: the run breaks off with that reason, and nobody calls it an outage of EES', async () => {
    const { world } = await monitored();
    // Once: noting an outage would then succeed.
    await refusing(world, { table: 'source_state', code: '53100', once: true });
    expect((await world.program.run('run')).code).toBe(1);
    expect((await statusOf(world)).health.reasons.join()).toMatch(/^the last run broke off: .*made to fail$/);
    expect((await world.run()).code).toBe(0);
    expect(await statusOf(world)).toMatchObject({ health: { well: true, reasons: [] }, failures: 0 });
  });

  it.skipIf(!CAN_MOUNT)(
    `case 26: no room for downloads: the data set fails with the reason, no piece stays, and it is loaded when there is room${WITH_SMALL_DISK}`,
    async () => {
      const disk = await smallDisk('64k');
      const world = await watchWithHistory({ config: `${CONFIG}data_directory: ${disk}\n` });
      publishCrossing(world);
      const filler = join(disk, 'filler');
      await writeFile(filler, Buffer.alloc(64 * 1024)).catch(() => undefined);
      const { code, report } = await world.run();
      expect(code).toBe(3);
      expect(report.files).toMatchObject([{ outcome: 'failed' }]);
      expect(report.files[0]?.reason).toMatch(/ENOSPC|no space/i);
      expect(
        (await readdir(join(disk, 'downloads'), { recursive: true })).filter((name) => name.includes('.')),
      ).toEqual([]);
      await rm(filler);
      expect((await world.run()).code).toBe(0);
      await expectWhole(world);
    },
  );

  it.skipIf(!CAN_MOUNT)(
    `case 26: no room for the embedded database: said with its place and what to do; with room again all is well${WITH_SMALL_DISK}`,
    async () => {
      const disk = await smallDisk('4m');
      const program = await freshProgram({ DATABASE_URL: `pglite:${disk}/db` });
      const full = await program.run('status');
      expect([full.code, full.stderr]).toEqual([
        1,
        `absence-watch: The embedded database in ${disk}/db cannot be opened: no space is left on its disk. Make room there; nothing that was loaded is lost.\n`,
      ]);
      await promisify(execFile)('mount', ['-o', 'remount,size=400m', disk]);
      expect((await program.run('status')).code).toBe(0);
    },
  );

  it.skipIf(NO_SERVER_PROGRAMS || !CAN_MOUNT)(
    `case 26: no room for the database: rolled back, the old figures stay, and it is loaded when there is room${WITH_SERVER_PROGRAMS}${WITH_SMALL_DISK}`,
    async () => {
      const disk = await smallDisk('16m', 'database server');
      const server = await ownServer();
      const admin = await beside(server.url);
      await admin.query(`create tablespace small location '${disk}'`);
      const world = await watch({
        env: { DATABASE_URL: `${server.url}?options=${encodeURIComponent('-c default_tablespace=small')}` },
      });
      world.publish({
        slug: '2022-23',
        title: 'Academic year 2022/23',
        at: '2024-03-21T09:30:02Z',
        content: smallWide({ identifier: 'Academic year', years: [2021, 2022] }),
      });
      expect((await world.run()).code).toBe(0);
      const years = Array.from({ length: 18 }, (_, index) => 2006 + index);
      publishCrossing(world, smallWide({ ...CROSSED, years }));
      const filler = join(disk, 'filler');
      await writeFile(filler, Buffer.alloc(16 * 1024 * 1024)).catch(() => undefined);
      const said = await world.program.run('run', '--json');
      expect([1, 3]).toContain(said.code);
      expect(said.stdout + said.stderr).toMatch(/could not extend file|No space left/i);
      await rm(filler);
      expect(await world.figures()).toEqual(BEFORE);
      expect((await world.run()).code).toBe(0);
      expect(await world.figures()).toContain('202324 20.6');
      expect(world.subjects()).toHaveLength(1);
    },
    300_000,
  );
});
