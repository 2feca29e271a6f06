/**
 * Commands beside a service that holds the embedded database: the command line sends its arguments over a socket that
 * only the owner can open, the service runs the same `main` with its own open database, and streams back what is said.
 */
import { chmod, open, rm, type FileHandle } from 'node:fs/promises';
import { createConnection, createServer, type Socket } from 'node:net';
import { basename, dirname } from 'node:path';
import { createInterface } from 'node:readline';
import * as z from 'zod';
import { isHeld } from '../load/directory-lock.js';
import type { DatabaseHeldError } from '../load/errors.js';
import type { ExitCode, Streams, Surroundings } from '../surroundings.js';
import { messageOf } from '../tools.js';
import { pause } from './pause.js';

const request = z.object({
  argv: z.array(z.string().max(10_000)).max(1_000),
  cwd: z.string().max(4_096),
  columns: z.number().int().positive().optional(),
});
const answer = z.union([
  z.object({ out: z.string() }),
  z.object({ err: z.string() }),
  z.object({ code: z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3), z.literal(4)]) }),
]);

/** Runs one command of a client. `signal` aborts when the client goes away. */
export type Serve = (argv: readonly string[], streams: Streams, signal: AbortSignal) => Promise<ExitCode>;

export interface CommandSocket {
  readonly path: string;
  /** Takes no new command, and ends when those under way have ended. */
  close(): Promise<void>;
}

/** Where other commands reach the holder of an embedded database: beside its directory. */
export function socketBeside(databaseUrl: string): string | undefined {
  return databaseUrl.startsWith('pglite:') && databaseUrl !== 'pglite:memory'
    ? `${databaseUrl.slice('pglite:'.length).replace(/\/+$/, '')}.sock`
    : undefined;
}

/** Bytes of a socket's path that Linux takes (sun_path without its end); what is longer is cut without a word. */
const LONGEST_PATH = 107;

/** A path to a socket that is short enough; its directory stays open while it is used. */
interface ShortPath {
  readonly path: string;
  readonly directory: FileHandle | undefined;
}

/** @throws Error where even the name within its directory is too long, ENOENT where the directory is not there */
async function shortened(path: string): Promise<ShortPath> {
  if (Buffer.byteLength(path) <= LONGEST_PATH) return { path, directory: undefined };
  const directory = await open(dirname(path), 'r');
  const short = `/proc/self/fd/${directory.fd}/${basename(path)}`;
  if (Buffer.byteLength(short) <= LONGEST_PATH) return { path: short, directory };
  await directory.close();
  throw new Error(
    `${path} cannot be a socket: its name is too long (Linux takes ${LONGEST_PATH} bytes). Give the database a directory with a shorter name`,
  );
}

/** Commands that make no sense inside a service. */
export const NOT_INSIDE: ReadonlySet<string> = new Set(['start', 'demo']);

/**
 * Listens at `path` (mode 0600; a left-over file of a dead service is replaced: the database lock tells that it is dead).
 * @param ending once aborted, commands are refused in words; those under way go on
 */
export async function serveCommands(
  path: string,
  serve: Serve,
  ending = new AbortController().signal,
): Promise<CommandSocket> {
  await rm(path, { force: true });
  const short = await shortened(path);
  const connections = new Set<Socket>();
  const underWay = new Set<Promise<void>>();
  const closed = new AbortController();
  const noMore = AbortSignal.any([ending, closed.signal]);
  const server = createServer((socket) => {
    connections.add(socket);
    const gone = new AbortController();
    socket.on('error', () => undefined);
    socket.on('close', () => {
      connections.delete(socket);
      gone.abort(new Error('the command was interrupted'));
    });
    const send = (message: z.infer<typeof answer>): void => {
      if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
    };
    const answerTo = async (line: string): Promise<void> => {
      let code: ExitCode;
      try {
        const { argv, cwd, columns } = request.parse(JSON.parse(line));
        const stdout = {
          write: (out: string): void => {
            send({ out });
          },
        };
        const stderr = {
          write: (err: string): void => {
            send({ err });
          },
        };
        code = noMore.aborted
          ? failed(
              `the service is ending (${messageOf(noMore.reason)}) and takes no new command: try again when it has ended`,
              argv,
              { stdout, stderr },
            )
          : await serve(argv, { stdout, stderr, columns, cwd }, gone.signal);
      } catch (error) {
        send({ err: `absence-watch: ${messageOf(error)}\n` });
        code = 1;
      }
      send({ code });
      socket.end();
    };
    createInterface({ input: socket }).once('line', (line) => {
      const command = answerTo(line).finally(() => underWay.delete(command));
      underWay.add(command);
    });
  });
  const close = async (): Promise<void> => {
    closed.abort(new Error('it is drained'));
    while (underWay.size > 0) await Promise.all(underWay);
    for (const connection of connections) connection.end();
    await new Promise<void>((resolve) => {
      server.close(() => {
        resolve();
      });
    });
    // Not before: closing takes away the path that was listened at.
    await short.directory?.close();
    await rm(path, { force: true });
  };
  const mask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(short.path, resolve);
    });
    await chmod(path, 0o600);
  } catch (error) {
    // A server that is left open keeps its process alive for ever.
    await close();
    throw error;
  } finally {
    process.umask(mask);
  }
  return { path, close };
}

/**
 * Asks the service at `path` to run a command.
 * @returns its exit code; undefined when no service answers there
 */
export async function askService(
  path: string | undefined,
  argv: readonly string[],
  surroundings: Surroundings,
): Promise<ExitCode | undefined> {
  if (path === undefined) return undefined;
  const { streams, signal } = surroundings;
  const socket = await connectedTo(path);
  if (socket === undefined) return undefined;
  signal.addEventListener('abort', () => socket.destroy(), { once: true });
  socket.write(
    `${JSON.stringify({ argv, cwd: streams.cwd, ...(streams.columns === undefined ? {} : { columns: streams.columns }) })}\n`,
  );
  const lines = createInterface({ input: socket });
  // Without this a socket that we destroyed leaves the loop waiting for ever.
  socket.once('close', () => {
    lines.close();
  });
  let code: ExitCode | undefined;
  for await (const line of lines) {
    const message = answer.parse(JSON.parse(line));
    if ('out' in message) streams.stdout.write(message.out);
    else if ('err' in message) streams.stderr.write(message.err);
    else code = message.code;
  }
  return (
    code ??
    failed(
      signal.aborted
        ? messageOf(signal.reason)
        : 'the service was killed, or told twice to end, before the command was done',
      argv,
      streams,
    )
  );
}

/** Says why a command failed as `main` would. @returns its exit code */
function failed(why: string, argv: readonly string[], { stdout, stderr }: Pick<Streams, 'stdout' | 'stderr'>): 1 {
  if (argv.includes('--json')) stdout.write(`${JSON.stringify({ error: why }, null, 2)}\n`);
  stderr.write(`absence-watch: ${why}\n`);
  return 1;
}

/** A service makes its database before it listens: at its first start that takes 20 s on a slow machine. */
const STARTING_MS = 30_000;
const SAID_AFTER_MS = 2_000;
const LOOK_MS = 200;

/**
 * Waits for a service that holds the embedded database and does not listen yet, or not any more.
 * @returns 'listens': `askService` may be asked; 'free': the database is held no longer; 'silent': nothing of it in time,
 *   or the holder is no service
 */
export async function untilServiceListens(
  { directory, holder }: DatabaseHeldError,
  { streams, signal }: Pick<Surroundings, 'streams' | 'signal'>,
): Promise<'listens' | 'free' | 'silent'> {
  const { socketPath, pid } = holder;
  if (socketPath === undefined) return 'silent';
  const began = performance.now();
  const rest = pause(signal);
  let said = false;
  while (!signal.aborted) {
    const socket = await connectedTo(socketPath);
    socket?.destroy();
    if (socket !== undefined) return 'listens';
    if (!(await isHeld(directory))) return 'free';
    const waited = performance.now() - began;
    if (waited > STARTING_MS) return 'silent';
    if (waited > SAID_AFTER_MS && !said) {
      streams.stderr.write(`absence-watch: waiting for the service (process ${pid}), which is starting or ending\n`);
      said = true;
    }
    await rest.for(LOOK_MS);
  }
  return 'silent';
}

async function connectedTo(path: string): Promise<Socket | undefined> {
  const short = await shortened(path).catch(() => undefined);
  if (short === undefined) return undefined;
  const socket = createConnection(short.path);
  const connected = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => {
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
  await short.directory?.close();
  return connected ? socket : undefined;
}
