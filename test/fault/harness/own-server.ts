/** A Postgres of one test's own, to be restarted and filled up; where the machine has no server programs there is none. */
import { execFile } from 'node:child_process';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { existsSync, readdirSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { SCRATCH } from '../../support/scratch.js';

const run = promisify(execFile);
const PROGRAMS = '/usr/lib/postgresql';

const directory = existsSync(PROGRAMS)
  ? readdirSync(PROGRAMS)
      .sort((a, b) => Number(b) - Number(a))
      .map((version) => join(PROGRAMS, version, 'bin'))
      .find((each) => existsSync(join(each, 'pg_ctl')))
  : undefined;

export const NO_SERVER_PROGRAMS = directory === undefined;
/** For names of tests, so that a report of skipped ones says why. */
export const WITH_SERVER_PROGRAMS = NO_SERVER_PROGRAMS
  ? ' (skipped: pg_ctl is not on this machine; install the postgresql package)'
  : '';

const IS_ROOT = process.getuid?.() === 0;
/** Whether a small file system can be made: only root may. */
export const CAN_MOUNT = IS_ROOT && existsSync('/usr/bin/mount');
export const WITH_SMALL_DISK = CAN_MOUNT ? '' : ' (skipped: only root can mount a small file system)';

async function serverUser(): Promise<{ uid: number; gid: number } | undefined> {
  if (!IS_ROOT) return undefined;
  const id = async (flag: string): Promise<number> => Number((await run('id', [flag, 'postgres'])).stdout);
  return { uid: await id('-u'), gid: await id('-g') };
}

/** A file system of its own size in memory, gone after the test. @param owner whoever is to write besides root */
export async function smallDisk(size: string, owner?: 'database server'): Promise<string> {
  const place = await mkdtemp(join(SCRATCH, 'absence-watch-disk-'));
  await run('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'tmpfs', place]);
  const user = owner === undefined ? undefined : await serverUser();
  if (user !== undefined) await chown(place, user.uid, user.gid);
  onTestFinished(async () => {
    await run('umount', ['-l', place]);
    await rm(place, { recursive: true, force: true });
  });
  return place;
}

export interface OwnServer {
  readonly url: string;
  /** Ends it as a power cut would, and starts it again. */
  restart(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Stopped and removed after the test. */
export async function ownServer(): Promise<OwnServer> {
  if (directory === undefined) throw new Error('no server programs');
  const place = await mkdtemp(join(SCRATCH, 'absence-watch-own-server-'));
  const user = await serverUser();
  if (user !== undefined) await chown(place, user.uid, user.gid);
  const options = { ...user, cwd: place };
  const data = join(place, 'data');
  await run(join(directory, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync'], options);
  const port = await freePort();
  const settings = `-p ${port} -h 127.0.0.1 -k ${place} -c fsync=off`;
  const control = (...argv: string[]): Promise<unknown> =>
    run(join(directory, 'pg_ctl'), ['-D', data, '-w', '-t', '120', '-l', join(place, 'log'), ...argv], options);
  await control('start', '-o', settings);
  onTestFinished(async () => {
    await control('stop', '-m', 'immediate');
    await rm(place, { recursive: true, force: true });
  });
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    async restart() {
      await control('restart', '-m', 'immediate', '-o', settings);
    },
  };
}
