/** `start`: the unattended service. */
import { chmod, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { ConfigError, loadConfig, type Settings } from '../config.js';
import { openDatabase } from '../load/database.js';
import { DatabaseHeldError } from '../load/errors.js';
import { migrate } from '../load/migrate.js';
import { main } from '../main.js';
import { startService } from '../service/service.js';
import { serveCommands, type CommandSocket } from '../service/socket.js';
import { startWeb } from '../service/web.js';
import type { AddCommand, Context } from './context.js';

export function register(program: Command, add: AddCommand): void {
  add(
    program,
    'start',
    'the unattended service: schedule, retries, status page, health, metrics',
    'absence-watch start',
    start,
  ).option('--no-migrate', 'leave the form of the database as it is');
}

/** Where other commands reach the holder of an embedded database: beside its directory. */
function socketOf(settings: Settings): string | undefined {
  const { databaseUrl } = settings.environment;
  return databaseUrl.startsWith('pglite:') && databaseUrl !== 'pglite:memory'
    ? `${databaseUrl.slice('pglite:'.length).replace(/\/+$/, '')}.sock`
    : undefined;
}

const STANDBY_MS = 15_000;

async function start(context: Context, _args: readonly string[], options: Record<string, unknown>): Promise<0 | 1> {
  const { log, now, signal, streams } = context;
  let settings = context.settings;
  for (const warning of settings.warnings) log.warn(warning);
  await mkdir(settings.config.dataDirectory, { recursive: true });
  const socketPath = socketOf(settings);
  const store = await opened(context, socketPath);
  if (store === undefined) return 0;
  let socket: CommandSocket | undefined;
  try {
    if (options['migrate'] !== false) await migrate(store);
    const service = startService({ store, settings, log, now, signal });
    if (socketPath !== undefined) {
      await mkdir(dirname(socketPath), { recursive: true });
      socket = await serveCommands(socketPath, (argv, clientStreams, clientSignal) =>
        main(argv, {
          streams: clientStreams,
          env: process.env,
          now,
          signal: AbortSignal.any([clientSignal, signal]),
          sharedStore: store,
        }),
      );
      await chmod(socketPath, 0o600);
    }
    const web = await startWeb({ store, service, log, now });
    log.info(
      { url: web.url, schedule: settings.config.schedule, data: join(settings.config.dataDirectory) },
      `absence-watch is running; status page: ${web.url}`,
    );
    const reload = (): void => {
      loadConfig(settings.configFile, process.env, streams.cwd).then(
        (fresh) => {
          settings = fresh;
          service.reload(fresh);
        },
        (error: unknown) => {
          log.error(
            { error: error instanceof ConfigError || error instanceof Error ? error.message : String(error) },
            'the new configuration is broken: the old one stays',
          );
        },
      );
    };
    process.on('SIGHUP', reload);
    try {
      await service.ended;
    } finally {
      process.off('SIGHUP', reload);
      await socket?.close();
      await web.close();
    }
    log.info('drained; bye');
    return 0;
  } finally {
    await store.close();
  }
}

/** Opens the database; beside another service on an embedded one it stands by until that one ends. */
async function opened(context: Context, socketPath: string | undefined) {
  const { settings, log, signal } = context;
  for (let told = false; ; told = true) {
    try {
      return await openDatabase(settings.environment.databaseUrl, {
        schema: settings.environment.databaseSchema,
        logger: log,
        ...(socketPath === undefined ? {} : { socketPath }),
      });
    } catch (error) {
      if (!(error instanceof DatabaseHeldError)) throw error;
      if (!told) log.info({ holder: error.message }, 'another process holds the database: standing by');
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, STANDBY_MS);
        signal.addEventListener(
          'abort',
          () => {
            clearTimeout(timer);
            resolve();
          },
          { once: true },
        );
      });
      if (signal.aborted) return undefined;
    }
  }
}
