/** What every command is given: settings, log, database on demand, output, a way to be interrupted. */
import type { Command } from 'commander';
import type { Logger } from 'pino';
import type { ConfigProblem, Remains, Settings } from '../config.js';
import { openDatabase, type Store } from '../load/database.js';
import { migrate } from '../load/migrate.js';
import type { ExitCode, Streams } from '../surroundings.js';
import type { Output } from './output.js';

/** Wrong use of a command: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface Context {
  readonly out: Output;
  readonly log: Logger;
  readonly settings: Settings;
  /** Why the file on the disk cannot be used, where the settings are those that a service read before. */
  readonly brokenConfiguration: string | undefined;
  readonly streams: Streams;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  /** Opens (and, unless told otherwise, migrates) the database once; closed when the command ends. */
  store(options?: { migrate?: boolean }): Promise<Store>;
}

/** Opens one database at most once, and closes it unless it is a service's own. */
export function storeOpener(
  where: Pick<Settings['environment'], 'databaseUrl' | 'databaseSchema'>,
  log: Logger,
  shared: Store | undefined,
): { open: (options?: { migrate?: boolean }) => Promise<Store>; close: () => Promise<void> } {
  let opened: Promise<Store> | undefined;
  return {
    async open(options) {
      if (shared !== undefined) return shared;
      opened ??= openDatabase(where.databaseUrl, {
        schema: where.databaseSchema,
        logger: log,
      }).then(async (store) => {
        try {
          if (options?.migrate !== false) await migrate(store);
          return store;
        } catch (error) {
          await store.close();
          throw error;
        }
      });
      return opened;
    },
    async close() {
      await opened?.then(
        (store) => store.close(),
        () => undefined,
      );
    },
  };
}

export type Handler = (
  context: Context,
  args: readonly string[],
  options: Record<string, unknown>,
) => Promise<ExitCode>;

/**
 * Looks further into a configuration that cannot be used: what can be told of it is told at once.
 * @param store opens (and migrates) its database
 */
export type BrokenConfigHandler = (
  problems: readonly ConfigProblem[],
  remains: Remains,
  store: () => Promise<Store>,
) => Promise<readonly ConfigProblem[]>;

/**
 * Adds a command with the options that every command takes, and an example to its help.
 * @param onBrokenConfig 'as the service': a service that is running answers by the configuration that it goes by
 */
export type AddCommand = (
  parent: Command,
  nameAndArguments: string,
  description: string,
  example: string,
  handler: Handler,
  onBrokenConfig?: BrokenConfigHandler | 'as the service',
) => Command;
