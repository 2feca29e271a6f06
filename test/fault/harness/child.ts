/** The program in a process of its own, to be killed. */
import { spawn } from 'node:child_process';
import type { BuiltProgram } from './built-program.js';

export interface Ended {
  /** null where a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Child {
  /** undefined where it could not be started. */
  readonly pid: number | undefined;
  readonly ended: Promise<Ended>;
  /** ms since the start. */
  readonly age: () => number;
  readonly isRunning: () => boolean;
  kill(signal: NodeJS.Signals): void;
  /** Everything said so far, stderr. */
  readonly said: () => string;
}

/**
 * Starts one command.
 * @param at what the program's clock shows at its start; without it the real time
 */
export function startChild(
  program: BuiltProgram,
  argv: readonly string[],
  place: {
    readonly cwd: string;
    readonly env: NodeJS.ProcessEnv;
    readonly at?: Date;
    /** Further options of node's own. */
    readonly node?: readonly string[];
  },
): Child {
  const shift = place.at === undefined ? 0 : place.at.getTime() - Date.now();
  const child = spawn(process.execPath, [...(place.node ?? []), '--import', program.clock, program.cli, ...argv], {
    cwd: place.cwd,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], CLOCK_SHIFT_MS: String(shift), ...place.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const started = performance.now();
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<Ended>((settle, fail) => {
    child.once('error', fail);
    child.once('close', (code, signal) => {
      settle({ code, signal, stdout, stderr });
    });
  });
  return {
    pid: child.pid,
    ended,
    age: () => performance.now() - started,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    kill: (signal) => void child.kill(signal),
    said: () => stderr,
  };
}
