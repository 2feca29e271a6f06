/** Runs a program as a process of its own and says what it took: of itself, and of the database server. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';

export interface Spent {
  readonly wallMs: number;
  /** CPU seconds of the program; undefined where the system does not tell (no /proc). */
  readonly clientCpu: number | undefined;
  /** CPU seconds of the server, all of its processes; undefined where it runs elsewhere. */
  readonly serverCpu: number | undefined;
  /** Largest resident memory of the program, in MiB. */
  readonly peakMiB: number | undefined;
  readonly walBytes: number;
  readonly stdout: string;
}

export interface ToRun {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Codes that are no failure; 0 by default. */
  readonly fine?: readonly number[];
}

const POLL_MS = 10;
const SETTLED_MS = 200;
/** Ticks a second of /proc: 100 on every Linux in use. */
const TICKS = 100;

/** @throws Error with what the program said, where it fails */
export async function measured(server: DatabaseServer, { command, args, env, cwd, fine = [0] }: ToRun): Promise<Spent> {
  await server.checkpoint();
  const walBefore = await server.wal();
  const cpuBefore = server.cpu();
  const started = performance.now();
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  let usage: Usage | undefined;
  const poll = setInterval(() => (usage = usageOf(child.pid) ?? usage), POLL_MS);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  clearInterval(poll);
  const wallMs = performance.now() - started;
  if (code === null || !fine.includes(code))
    throw new Error(`${command} ${args.join(' ')} ended with ${code ?? 'a signal'}:\n${stderr.slice(-2000)}`);
  // A session that ends in this moment is no process any more, and in no account yet.
  await wait(SETTLED_MS);
  const cpuAfter = server.cpu();
  return {
    wallMs,
    clientCpu: usage?.cpu,
    peakMiB: usage?.peakMiB,
    serverCpu: cpuBefore === undefined || cpuAfter === undefined ? undefined : cpuAfter - cpuBefore,
    walBytes: (await server.wal()) - walBefore,
    stdout,
  };
}

interface Usage {
  readonly cpu: number;
  readonly peakMiB: number;
}

function usageOf(pid: number | undefined): Usage | undefined {
  try {
    const kilobytes = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid ?? ''}/status`, 'utf8'))?.[1];
    // A process that has ended, and is not yet buried, has no memory any more.
    if (kilobytes === undefined) return undefined;
    const [user = 0, system = 0] = timesOf(pid ?? 0);
    return { cpu: (user + system) / TICKS, peakMiB: Number(kilobytes) / 1024 };
  } catch {
    return undefined;
  }
}

/** User, system, and both of children that have ended, in ticks. */
function timesOf(pid: number): number[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 15)
    .map(Number);
}

function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

/** The server: its write-ahead log, and its CPU where it runs on this machine. */
export class DatabaseServer {
  private constructor(
    readonly client: pg.Client,
    readonly version: string,
    readonly url: string,
    readonly pid: number | undefined,
  ) {}

  static async connect(url: string): Promise<DatabaseServer> {
    const client = new pg.Client({ connectionString: url });
    // A server that was stopped because something failed must not hide what.
    client.on('error', () => undefined);
    await client.connect();
    const { rows } = await client.query<{ pid: number; version: string; fsync: string }>(
      `select pg_backend_pid() as pid, current_setting('server_version') as version, current_setting('fsync') as fsync`,
    );
    const own = rows[0];
    let pid: number | undefined;
    try {
      const parent = parentOf(own?.pid ?? 0);
      if (readFileSync(`/proc/${parent}/comm`, 'utf8').startsWith('postgres')) pid = parent;
    } catch {
      pid = undefined;
    }
    return new DatabaseServer(client, `PostgreSQL ${own?.version ?? ''}, fsync ${own?.fsync ?? ''}`, url, pid);
  }

  /** What was written before is on disk, and is no part of what comes. */
  async checkpoint(): Promise<void> {
    await this.client.query('checkpoint');
  }

  async wal(): Promise<number> {
    const { rows } = await this.client.query<{ bytes: string }>(
      `select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::text as bytes`,
    );
    return Number(rows[0]?.bytes ?? 0);
  }

  /** CPU seconds of all its processes so far, ended ones included. */
  cpu(): number | undefined {
    if (this.pid === undefined) return undefined;
    let ticks = timesOf(this.pid).reduce((sum, each) => sum + each, 0);
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      try {
        if (parentOf(Number(name)) !== this.pid) continue;
        const [user = 0, system = 0] = timesOf(Number(name));
        ticks += user + system;
      } catch {
        // It ended meanwhile: the server counts it.
      }
    }
    return ticks / TICKS;
  }
}

/** The middle one by wall time. */
export function median(runs: readonly Spent[]): Spent {
  const middle = [...runs].sort((a, b) => a.wallMs - b.wallMs)[Math.floor(runs.length / 2)];
  if (middle === undefined) throw new Error('nothing was run');
  return middle;
}
