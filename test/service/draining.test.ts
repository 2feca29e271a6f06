/** A service on the embedded database that is told to end while it runs a command for somebody. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, it, onTestFinished, vi } from 'vitest';
import { StandIn } from '../../demo/index.js';
import { openSocket } from '../../src/commands/start.js';
import { loadConfig } from '../../src/config.js';
import { openDatabase, type Store } from '../../src/load/database.js';
import { main } from '../../src/main.js';
import { startService } from '../../src/service/service.js';
import { askService } from '../../src/service/socket.js';
import type { Surroundings } from '../../src/surroundings.js';
import { ABSENCE, wide } from '../extract/support.js';
import { freshStore, putEmbedded } from '../support/database.js';
import { SCRATCH } from '../support/scratch.js';

const NOW = new Date('2026-11-24T09:01:00Z');
const PATIENT = { timeout: 60_000, interval: 30 };
const BACKFILL = ['backfill', '--publication', ABSENCE];

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Where what is said is heard, and what ends it. */
interface Ear {
  readonly out: string[];
  readonly err: string[];
  readonly signal: AbortSignal;
}

interface Town {
  readonly ees: StandIn;
  readonly directory: string;
  readonly databaseUrl: string;
  readonly surroundings: (more: Partial<Ear>) => Surroundings;
  readonly command: (argv: readonly string[], ear?: Partial<Ear>) => Promise<Said>;
  /** EES has a release whose file it does not hand out until `handOut`. */
  readonly publish: () => void;
  readonly handOut: () => void;
  /** A backfill has come to that file. */
  readonly isAtIt: () => boolean;
}

async function town(): Promise<Town> {
  const directory = await mkdtemp(join(SCRATCH, 'absence-watch-draining-'));
  const ees = await StandIn.start({ now: () => NOW });
  onTestFinished(async () => {
    await ees.close();
    await rm(directory, { recursive: true, force: true });
  });
  await writeFile(
    join(directory, 'watch.yaml'),
    'schedule: { cron: ["30 9 * * *"], timezone: Europe/London }\nmail: { from: absence@luton.example, operator: [ops@luton.example] }\n',
  );
  const databaseUrl = `pglite:${join(directory, 'db')}`;
  const env = {
    ...{ EES_API_URL: ees.apiUrl, EES_CONTENT_URL: ees.contentUrl, DATABASE_URL: databaseUrl },
    ...{ HTTP_PORT: '0', LOG_LEVEL: 'info', ABSENCE_WATCH_CONFIG: join(directory, 'watch.yaml') },
  };
  // What the service runs for others goes by its own environment.
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const surroundings: Town['surroundings'] = ({ out, err, signal = new AbortController().signal }) => ({
    streams: {
      stdout: { write: (text) => out?.push(text) },
      stderr: { write: (text) => err?.push(text) },
      columns: undefined,
      cwd: directory,
    },
    env,
    now: () => NOW,
    signal,
  });
  let isAtIt = false;
  return {
    ees,
    directory,
    databaseUrl,
    surroundings,
    async command(argv, { out = [], err = [], ...more } = {}) {
      const code = await main(argv, surroundings({ out, err, ...more }));
      return { code, out: out.join(''), err: err.join('') };
    },
    publish() {
      ees.fault(({ path }) => {
        if (!/\/files\/[^/]+$/.test(path)) return undefined;
        isAtIt = true;
        return { kind: 'unavailable' };
      });
      ees.publish({
        ...{ publication: ABSENCE, slug: '2024-25', title: 'Academic year 2024/25', at: '2026-03-26T09:30:00Z' },
        files: [{ name: 'w.csv', title: 'Absence by level', content: wide('Academic year') }],
      });
    },
    handOut() {
      ees.fault();
    },
    isAtIt: () => isAtIt,
  };
}

async function backfills({ db }: Store): Promise<unknown[]> {
  const rows = await db.selectFrom('run_record').selectAll().where('trigger', '=', 'backfill').execute();
  return rows.map(({ outcome, detail }) => [outcome, detail['error'] ?? null]);
}

it('lets the command end, takes no new one and says so, and only then closes the database', async () => {
  const { directory, databaseUrl, command, publish, handOut, isAtIt } = await town();
  await putEmbedded(join(directory, 'db'));
  const end = new AbortController();
  const log: string[] = [];
  const service = command(['start'], { signal: end.signal, err: log });
  await vi.waitFor(() => {
    expect(log.join('')).toContain('absence-watch is running');
    expect(log.join('')).toContain('run ended');
  }, PATIENT);
  publish();
  const backfill = command(BACKFILL);
  await vi.waitFor(() => {
    expect(isAtIt()).toBe(true);
  }, PATIENT);

  end.abort(new Error('interrupted by SIGTERM'));
  const late = await command(['status']);
  expect(late).toMatchObject({ code: 1, out: '' });
  expect(late.err).toBe(
    'absence-watch: the service is ending (interrupted by SIGTERM) and takes no new command: try again when it has ended\n',
  );
  const lateJson = await command(['status', '--json']);
  expect(JSON.parse(lateJson.out)).toEqual({ error: late.err.replace(/^absence-watch: |\n$/g, '') });

  expect(log.join('')).not.toContain('drained; bye');
  handOut();
  const loaded = await backfill;
  expect([loaded.code, loaded.err.includes('absence-watch:')]).toEqual([0, false]);
  expect((await service).code).toBe(0);
  expect(log.join('')).toContain('drained; bye');
  const store = await openDatabase(databaseUrl);
  expect(await backfills(store)).toEqual([['done', null]]);
  await store.close();
}, 120_000);

it('stops the command when the grace time is over, with the signal on record, in a database that is still open', async () => {
  const { directory, surroundings, publish, isAtIt } = await town();
  const socketPath = join(directory, 'db.sock');
  const store = await freshStore('embedded');
  const end = new AbortController();
  const settings = await loadConfig('watch.yaml', process.env, directory);
  const now = (): Date => NOW;
  const service = startService({
    ...{ store, settings, now, signal: end.signal, graceMs: 50, beatMs: 30, deliverMs: 40 },
    log: pino({ level: 'silent' }),
  });
  const socket = await openSocket(socketPath, store, service, now, end.signal);
  await vi.waitFor(() => {
    expect(service.state.lastReport).toBeDefined();
    expect(service.state.runningSince).toBeUndefined();
  }, PATIENT);
  publish();
  const err: string[] = [];
  const backfill = askService(socketPath, BACKFILL, surroundings({ err }));
  await vi.waitFor(() => {
    expect(isAtIt()).toBe(true);
  }, PATIENT);

  end.abort(new Error('interrupted by SIGTERM'));
  await service.ended;
  await socket.close();
  expect(await backfills(store)).toEqual([['failed', 'interrupted by SIGTERM']]);
  expect(await backfill).toBe(1);
  expect(err.join('')).toContain('absence-watch: interrupted by SIGTERM\n');
}, 60_000);
