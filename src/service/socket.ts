/**
 * Commands beside a service that holds the embedded database: the command line sends its arguments over a socket that
 * only the owner can open, the service runs the same `main` with its own open database, and streams back what is said.
 */
import { chmod, rm } from 'node:fs/promises';
import { createConnection, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { isHeld } from '../load/directory-lock.js';
import type { DatabaseHeldError } from '../load/errors.js';
import type { ExitCode, Streams, Surroundings } from '../surroundings.js';
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
  close(): Promise<void>;
}

/** Where other commands reach the holder of an embedded database: beside its directory. */
export function socketBeside(databaseUrl: string): string | undefined {
  return databaseUrl.startsWith('pglite:') && databaseUrl !== 'pglite:memory'
    ? `${databaseUrl.slice('pglite:'.length).replace(/\/+$/, '')}.sock`
    : undefined;
}

/** Commands that make no sense inside a service. */
export const NOT_INSIDE: ReadonlySet<string> = new Set(['start', 'demo']);

/**
 * Listens at `path` (mode 0600; a left-over file of a dead service is replaced: the database lock tells that it is dead).
 */
export async function serveCommands(path: string, serve: Serve): Promise<CommandSocket> {
  await rm(path, { force: true });
  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    connections.add(socket);
    const gone = new AbortController();
    socket.on('error', () => undefined);
    socket.on('close', () => {
      connections.delete(socket);
      gone.abort(new Error('the command was interrupted'));
    });
    const send = (message: z.infer<typeof answer>): void => {
      if (!socket.destroyed) socket.write(`${JSON.stringify(message)}\n`);
    };
    createInterface({ input: socket }).once('line', (line) => {
      void (async () => {
        let code: ExitCode;
        try {
          const { argv, cwd, columns } = request.parse(JSON.parse(line));
          code = await serve(
            argv,
            {
              stdout: {
                write: (out) => {
                  send({ out });
                },
              },
              stderr: {
                write: (err) => {
                  send({ err });
                },
              },
              columns,
              cwd,
            },
            gone.signal,
          );
        } catch (error) {
          send({ err: `absence-watch: ${error instanceof Error ? error.message : String(error)}\n` });
          code = 1;
        }
        send({ code });
        socket.end();
      })();
    });
  });
  const mask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
  } finally {
    process.umask(mask);
  }
  await chmod(path, 0o600);
  return {
    path,
    close: () =>
      new Promise((resolve) => {
        for (const connection of connections) connection.end();
        server.close(() => {
          void rm(path, { force: true }).then(() => {
            resolve();
          });
        });
      }),
  };
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
  let code: ExitCode | undefined;
  for await (const line of createInterface({ input: socket })) {
    const message = answer.parse(JSON.parse(line));
    if ('out' in message) streams.stdout.write(message.out);
    else if ('err' in message) streams.stderr.write(message.err);
    else code = message.code;
  }
  if (code === undefined) {
    streams.stderr.write('absence-watch: the service ended before the command was done; its log says why\n');
    return 1;
  }
  return code;
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
  const socket = createConnection(path);
  return new Promise((resolve) => {
    socket.once('connect', () => {
      resolve(socket);
    });
    socket.once('error', () => {
      resolve(undefined);
    });
  });
}
