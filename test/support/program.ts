/** The program run as a function, as a shell would run it, on the suite's Postgres. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { main } from '../../src/main.js';
import { dropSchema, freshSchema, migratedSchema, testDatabaseUrl } from './database.js';
import { SCRATCH } from './scratch.js';

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The JSON document on stdout. */
  json(): unknown;
}

export interface Program {
  /** Runs one command. */
  run(...argv: string[]): Promise<Said>;
  /** A directory of its own: the working directory. */
  readonly directory: string;
  readonly schema: string;
  readonly env: NodeJS.ProcessEnv;
  /** Writes the configuration that the next commands read. */
  configure(yaml: string): Promise<void>;
  /** The clock of the next commands. */
  at(time: string): void;
}

/**
 * A program in a directory and a schema of its own, without a row; the directory is gone when the test has passed.
 * @param options.unmigrated the schema is not there yet, and gone when the test has passed
 */
export async function freshProgram(
  env: NodeJS.ProcessEnv = {},
  options: { readonly unmigrated?: boolean } = {},
): Promise<Program> {
  const directory = await mkdtemp(join(SCRATCH, 'absence-watch-test-'));
  const isElsewhere = 'DATABASE_URL' in env;
  const isUnmigrated = isElsewhere || options.unmigrated === true;
  const schema = isUnmigrated ? freshSchema() : await migratedSchema();
  onTestFinished(async ({ task }) => {
    if (task.result?.state === 'fail') return;
    await rm(directory, { recursive: true, force: true });
    if (isUnmigrated && !isElsewhere) await dropSchema(schema);
  });
  let now = new Date('2026-04-01T12:00:00Z');
  let configured: string[] = [];
  const all: NodeJS.ProcessEnv = {
    DATABASE_URL: testDatabaseUrl(),
    DATABASE_SCHEMA: schema,
    LOG_LEVEL: 'silent',
    ...env,
  };
  return {
    directory,
    schema,
    env: all,
    at(time) {
      now = new Date(time);
    },
    async configure(yaml) {
      await writeFile(join(directory, 'watch.yaml'), yaml);
      configured = ['--config', 'watch.yaml'];
    },
    async run(...argv) {
      let stdout = '';
      let stderr = '';
      const takesConfig = configured.length > 0 && !argv.includes('--config') && !argv.includes('--help');
      const code = await main(takesConfig ? [...argv, ...configured] : argv, {
        streams: {
          stdout: { write: (text) => (stdout += text) },
          stderr: { write: (text) => (stderr += text) },
          columns: undefined,
          cwd: directory,
        },
        env: all,
        now: () => now,
        signal: new AbortController().signal,
      });
      return {
        code,
        stdout,
        stderr,
        json: () => JSON.parse(stdout) as unknown,
      };
    },
  };
}
