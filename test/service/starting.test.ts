/** Commands beside a service that holds the embedded database and does not listen yet. */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { lockDirectory } from '../../src/load/directory-lock.js';
import { main } from '../../src/main.js';
import { serveCommands } from '../../src/service/socket.js';
import { putEmbedded } from '../support/database.js';
import { SCRATCH } from '../support/scratch.js';

async function directory(): Promise<string> {
  const path = await mkdtemp(join(SCRATCH, 'absence-watch-starting-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

interface Asked {
  readonly ended: Promise<number>;
  readonly out: () => string;
  readonly err: () => string;
  readonly interrupt: () => void;
}

function command(cwd: string, ...argv: string[]): Asked {
  let [out, err] = ['', ''];
  const end = new AbortController();
  const ended = main(argv, {
    streams: {
      stdout: { write: (text) => (out += text) },
      stderr: { write: (text) => (err += text) },
      columns: undefined,
      cwd,
    },
    env: { DATABASE_URL: `pglite:${join(cwd, 'db')}`, LOG_LEVEL: 'silent', HTTP_PORT: '0' },
    now: () => new Date('2026-04-01T12:00:00Z'),
    signal: end.signal,
  });
  return {
    ended,
    out: () => out,
    err: () => err,
    interrupt: () => {
      end.abort(new Error('interrupted'));
    },
  };
}

async function until(check: () => boolean): Promise<void> {
  while (!check()) await wait(20);
}

it('wait until it listens, and say so', async () => {
  const cwd = await directory();
  const socketPath = join(cwd, 'db.sock');
  const lock = await lockDirectory(join(cwd, 'db'), socketPath);
  onTestFinished(() => lock.release());
  const status = command(cwd, 'status');
  await until(() => status.err().includes(`waiting for the service (process ${process.pid})`));
  const socket = await serveCommands(socketPath, (argv, streams) => {
    streams.stdout.write(`served: ${argv.join(' ')}`);
    return Promise.resolve(3);
  });
  onTestFinished(() => socket.close());
  expect(await status.ended).toBe(3);
  expect(status.out()).toBe('served: status');
  expect(status.err()).not.toContain('db.lock');
});

it.each([[], ['--json']])('end in words when they are interrupted while the service is at it %s', async (...more) => {
  const cwd = await directory();
  const socketPath = join(cwd, 'db.sock');
  const lock = await lockDirectory(join(cwd, 'db'), socketPath);
  onTestFinished(() => lock.release());
  const atIt = new Promise<AbortSignal>((begun) => {
    const serving = serveCommands(socketPath, async (_argv, _streams, gone) => {
      begun(gone);
      await new Promise((resolve) => {
        gone.addEventListener('abort', resolve);
      });
      return 1;
    });
    onTestFinished(async () => (await serving).close());
  });
  const status = command(cwd, 'status', ...more);
  const gone = await atIt;
  status.interrupt();
  expect(await status.ended).toBe(1);
  expect(status.err()).toBe('absence-watch: interrupted\n');
  expect(status.out()).toBe(more.length === 0 ? '' : '{\n  "error": "interrupted"\n}\n');
  await until(() => gone.aborted);
});

it('that cannot be told where it is: a name too long for a socket is refused, and nothing is left listening', async () => {
  const cwd = await directory();
  const path = join(cwd, `${'long'.repeat(30)}.sock`);
  await expect(serveCommands(path, () => Promise.resolve(0))).rejects.toThrow('its name is too long');
});

it('open the database themselves when it ends meanwhile', async () => {
  const cwd = await directory();
  await putEmbedded(join(cwd, 'db'));
  const lock = await lockDirectory(join(cwd, 'db'), join(cwd, 'db.sock'));
  const migrating = command(cwd, 'migrate');
  await wait(50);
  await lock.release();
  expect(await migrating.ended).toBe(0);
  expect(migrating.out()).toContain('0001_initial');
});

it('say who holds it, at once, where that is no service, and when they are interrupted', async () => {
  const cwd = await directory();
  const lock = await lockDirectory(join(cwd, 'db'), undefined);
  const beside = command(cwd, 'status');
  expect(await beside.ended).toBe(4);
  expect(beside.err()).toContain(`is held by process ${process.pid}`);
  await lock.release();
  const starting = await lockDirectory(join(cwd, 'db'), join(cwd, 'db.sock'));
  onTestFinished(() => starting.release());
  const waiting = command(cwd, 'status');
  waiting.interrupt();
  expect(await waiting.ended).toBe(4);
});
