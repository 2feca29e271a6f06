/** The program as a function: arguments and surroundings in, exit code out. `cli.ts` runs it for a shell, the service for others. */
import { Command, CommanderError, Option } from 'commander';
import { pino, type Logger } from 'pino';
import { ConfigError, loadConfig, type Settings } from './config.js';
import { storeOpener, UsageError, type AddCommand, type Context } from './commands/context.js';
import { Output } from './commands/output.js';
import { DatabaseHeldError, RunHeldError } from './load/errors.js';
import { logOptions } from './log.js';
import { askService, NOT_INSIDE, socketBeside, untilServiceListens } from './service/socket.js';
import type { ExitCode, Surroundings } from './surroundings.js';
import { VERSION } from './version.js';

interface CommandModule {
  register(program: Command, add: AddCommand): void;
}

/** Where each command lives. Only the one that is asked for is loaded: all together take seconds and 100 MB. */
const COMMANDS: Readonly<Record<string, () => Promise<CommandModule>>> = {
  demo: () => import('./commands/demo.js'),
  run: () => import('./commands/run.js'),
  start: () => import('./commands/start.js'),
  backfill: () => import('./commands/backfill.js'),
  areas: () => import('./commands/inspect.js'),
  series: () => import('./commands/inspect.js'),
  versions: () => import('./commands/inspect.js'),
  status: () => import('./commands/inspect.js'),
  brief: () => import('./commands/brief.js'),
  alerts: () => import('./commands/alerts.js'),
  mail: () => import('./commands/mail.js'),
  doctor: () => import('./commands/doctor.js'),
  config: () => import('./commands/config.js'),
  migrate: () => import('./commands/config.js'),
  prune: () => import('./commands/prune.js'),
};

/** The module of the command that the arguments begin with; all of them where they begin with none, for help and errors. */
async function commandModules(argv: readonly string[]): Promise<readonly CommandModule[]> {
  const name = argv[0] ?? '';
  const asked = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  const modules = await Promise.all((asked === undefined ? Object.values(COMMANDS) : [asked]).map((load) => load()));
  return [...new Set(modules)];
}

/**
 * Runs one command.
 * @param argv arguments without node and script
 * @returns the exit code; never throws
 */
export async function main(argv: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  const { streams } = surroundings;
  let code: ExitCode = 0;
  let json = argv.includes('--json');
  const program = new Command('absence-watch')
    .description("Watches England's pupil-absence figures and mails when an area crosses a line")
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void streams.stdout.write(text),
      writeErr: (text) => void streams.stderr.write(text),
    });

  const add: AddCommand = (parent, nameAndArguments, description, example, handler, onBrokenConfig) =>
    parent
      .command(nameAndArguments)
      .description(description)
      .option('--config <file>', 'configuration file (default: config/absence-watch.yaml)')
      .option('--json', 'one JSON document on stdout')
      .addOption(
        new Option('--log-level <level>', 'how much to log on stderr').choices([
          'trace',
          'debug',
          'info',
          'warn',
          'error',
          'silent',
        ]),
      )
      .exitOverride()
      .configureOutput({
        writeOut: (text) => void streams.stdout.write(text),
        writeErr: (text) => void streams.stderr.write(text),
      })
      .addHelpText('after', `\nExample:\n  ${example}\n`)
      .action(async (...parameters: unknown[]) => {
        const command = parameters.at(-1) as Command;
        const options = command.optsWithGlobals<Record<string, unknown>>();
        json = options['json'] === true;
        const logOf = (level: string): Logger =>
          pino(logOptions(level), { write: (line) => void streams.stderr.write(line) });
        let settings: Settings;
        let brokenConfiguration: string | undefined;
        try {
          settings = await loadConfig(text(options['config']), surroundings.env, streams.cwd);
        } catch (error) {
          if (!(error instanceof ConfigError) || onBrokenConfig === undefined) throw error;
          if (onBrokenConfig === 'as the service') {
            settings = settingsOfService(error, surroundings);
            brokenConfiguration = error.message;
          } else {
            if (error.remains === undefined) throw error;
            const database = storeOpener(error.remains, logOf('silent'), surroundings.sharedStore);
            try {
              throw new ConfigError(await onBrokenConfig(error.problems, error.remains, () => database.open()));
            } finally {
              await database.close();
            }
          }
        }
        const log = logOf(text(options['logLevel']) ?? settings.environment.logLevel);
        const database = storeOpener(settings.environment, log, surroundings.sharedStore);
        const context: Context = {
          out: new Output(streams, json),
          log,
          settings,
          brokenConfiguration,
          streams,
          now: surroundings.now,
          signal: surroundings.signal,
          store: (openOptions) => database.open(openOptions),
        };
        try {
          code = await handler(context, command.processedArgs.flat().map(String), options);
        } finally {
          await database.close();
        }
      });
  for (const command of await commandModules(argv)) command.register(program, add);

  try {
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      if (json) streams.stdout.write(`${JSON.stringify({ error: error.message }, null, 2)}\n`);
      return 2;
    }
    if (
      error instanceof DatabaseHeldError &&
      surroundings.sharedStore === undefined &&
      !NOT_INSIDE.has(argv[0] ?? '')
    ) {
      const found = await untilServiceListens(error, surroundings);
      // Nothing was done yet: a command begins with its database.
      if (found === 'free') return main(argv, surroundings);
      const answer = found === 'listens' ? await askService(error.holder.socketPath, argv, surroundings) : undefined;
      if (answer !== undefined) return answer;
    }
    if (error instanceof ServiceWanted) {
      const answer = await askService(error.socketPath, argv, surroundings);
      if (answer !== undefined) return answer;
    }
    const failure = explain(error instanceof ServiceWanted ? error.cause : error);
    if (json) {
      const broken = error instanceof ServiceWanted ? error.cause : error;
      const problems = broken instanceof ConfigError ? { problems: broken.problems } : {};
      streams.stdout.write(`${JSON.stringify({ error: failure.message, ...problems }, null, 2)}\n`);
    }
    streams.stderr.write(`absence-watch: ${failure.message}\n`);
    return failure.code;
  }
}

/** A service that still goes by an older configuration may answer where the one on the disk is broken. */
class ServiceWanted extends Error {
  override readonly name = 'ServiceWanted';
  constructor(
    readonly socketPath: string,
    override readonly cause: ConfigError,
  ) {
    super(cause.message);
  }
}

/** @throws ServiceWanted outside of a service, ConfigError where there can be none */
function settingsOfService(error: ConfigError, { ownSettings }: Surroundings): Settings {
  if (ownSettings !== undefined) return ownSettings();
  const socketPath = error.databaseUrl === undefined ? undefined : socketBeside(error.databaseUrl);
  throw socketPath === undefined ? error : new ServiceWanted(socketPath, error);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The exit code of an error and what to tell the person. */
function explain(error: unknown): { code: ExitCode; message: string } {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ConfigError || error instanceof UsageError) return { code: 2, message };
  if (error instanceof RunHeldError || error instanceof DatabaseHeldError) return { code: 4, message };
  return { code: 1, message };
}
