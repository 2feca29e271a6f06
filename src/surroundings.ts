/** What the program is run in: a shell, or a service that runs commands for others. */
import type { Settings } from './config.js';
import type { Store } from './load/database.js';

export interface Streams {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  /** Columns of the terminal on stdout, undefined when it is none. */
  readonly columns: number | undefined;
  /** Directory that relative paths on the command line are relative to. */
  readonly cwd: string;
}

/** 0 done, 1 failed, 2 wrong use or configuration, 3 done in part, 4 another run holds the lock. */
export type ExitCode = 0 | 1 | 2 | 3 | 4;

/** Inside a service the commands of others use its open database. */
export interface Surroundings {
  readonly streams: Streams;
  readonly env: NodeJS.ProcessEnv;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  readonly sharedStore?: Store;
  /** What the service goes by, where the file on the disk cannot be used. */
  readonly ownSettings?: () => Settings;
}
