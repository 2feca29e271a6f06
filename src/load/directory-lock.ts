/**
 * The lock of the embedded database: PGlite takes none, and two processes on one directory lose rows without a word.
 * A file beside the directory names the holder; it is taken over only from a holder that is surely gone.
 */
import { readFileSync } from 'node:fs';
import { open, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { DatabaseHeldError } from './errors.js';

const lockContent = z.object({
  pid: z.number().int(),
  host: z.string(),
  /** When the process started, in the kernel's own count: tells a re-used pid from the holder. */
  started: z.string(),
  since: z.iso.datetime(),
  socketPath: z.string().optional(),
});
type LockContent = z.infer<typeof lockContent>;

/** The holder touches its lock this often, so that another host (or container), which cannot see its pid, can tell. */
const HEARTBEAT_MS = 10_000;
const SILENT_MS = 120_000;
const TAKEOVER_MS = 10_000;

export interface DirectoryLock {
  release(): Promise<void>;
}

/** Field 22 of /proc/PID/stat; '' where there is no such process or no such file system. */
function processStart(pid: number): string {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

async function isGone(holder: LockContent, lockFile: string): Promise<boolean> {
  if (holder.host === hostname()) return !isRunning(holder.pid) || processStart(holder.pid) !== holder.started;
  const { mtimeMs } = await stat(lockFile);
  return Date.now() - mtimeMs > SILENT_MS;
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

async function createExclusively(file: string, content: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx', 0o600);
    await handle.writeFile(content);
    await handle.close();
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

/** What the lock file says; undefined when there is none, or it was left half written. */
async function readLock(lockFile: string): Promise<{ text: string; holder: LockContent | undefined } | undefined> {
  try {
    const text = await readFile(lockFile, 'utf8');
    const parsed = lockContent.safeParse(text === '' ? undefined : JSON.parse(text));
    return { text, holder: parsed.success ? parsed.data : undefined };
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    if (error instanceof SyntaxError) return { text: '', holder: undefined };
    throw error;
  }
}

/** Whether a process that lives holds the lock of a directory. */
export async function isHeld(directory: string): Promise<boolean> {
  const lockFile = `${directory}.lock`;
  const holder = (await readLock(lockFile))?.holder;
  return holder !== undefined && !(await isGone(holder, lockFile).catch(() => true));
}

/**
 * Takes the lock of a directory for this process.
 * @param socketPath where the holder can be reached, kept for others to read
 * @throws DatabaseHeldError when another process (or another part of this one) has it
 */
export async function lockDirectory(directory: string, socketPath: string | undefined): Promise<DirectoryLock> {
  const lockFile = `${directory}.lock`;
  const content = JSON.stringify({
    pid: process.pid,
    host: hostname(),
    started: processStart(process.pid),
    since: new Date().toISOString(),
    ...(socketPath === undefined ? {} : { socketPath }),
  } satisfies LockContent);

  for (let attempt = 0; ; attempt++) {
    if (await createExclusively(lockFile, content)) break;
    const found = await readLock(lockFile);
    if (found === undefined) continue;
    if (found.holder !== undefined && !(await isGone(found.holder, lockFile)))
      throw held(directory, found.holder, lockFile);
    // A file without a readable holder is being written at this moment, or was cut off by a crash: give it a second.
    if (found.holder === undefined && attempt < 10) {
      await sleep(100);
      continue;
    }
    if (await takeOver(lockFile, found.text, content)) break;
    await sleep(50);
  }

  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(lockFile, now, now).catch(() => undefined);
  }, HEARTBEAT_MS);
  heartbeat.unref();
  return {
    async release() {
      clearInterval(heartbeat);
      if ((await readLock(lockFile))?.text === content) await rm(lockFile, { force: true });
    },
  };
}

function held(directory: string, { pid, host, since, socketPath }: LockContent, lockFile: string): DatabaseHeldError {
  return new DatabaseHeldError(directory, { pid, host, since: new Date(since), socketPath }, lockFile);
}

/**
 * Replaces the lock of a dead holder. Of several processes that find the same dead holder, the one that creates the
 * guard file acts, and only while the lock still says what it said.
 */
async function takeOver(lockFile: string, deadText: string, content: string): Promise<boolean> {
  const guard = `${lockFile}.takeover`;
  if (!(await createExclusively(guard, String(process.pid)))) {
    const age = await stat(guard).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > TAKEOVER_MS) await rm(guard, { force: true });
    return false;
  }
  try {
    if (((await readLock(lockFile))?.text ?? '') !== deadText) return false;
    const mine = `${lockFile}.${process.pid}`;
    await writeFile(mine, content, { mode: 0o600 });
    await rename(mine, lockFile);
    return true;
  } finally {
    await rm(guard, { force: true });
  }
}
