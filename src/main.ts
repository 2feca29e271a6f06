/** The program as a function: arguments and surroundings in, exit code out. `cli.ts` runs it for a shell, the service for others. */
import { Command, CommanderError, Option } from 'commander';
import { pino, type Logger } from 'pino';
import { ConfigError, loadConfig } from './config.js';
import * as alertCommands from './commands/alerts.js';
import * as backfillCommand from './commands/backfill.js';
import * as briefCommand from './commands/brief.js';
import * as configCommands from './commands/config.js';
import { storeOpener, UsageError, type AddCommand, type Context } from './commands/context.js';
import * as demoCommand from './commands/demo.js';
import * as doctorCommand from './commands/doctor.js';
import * as inspectCommands from './commands/inspect.js';
import * as mailCommands from './commands/mail.js';
import { Output } from './commands/output.js';
import * as runCommand from './commands/run.js';
import * as startCommand from './commands/start.js';
import { DatabaseHeldError, RunHeldError } from './load/errors.js';
import { logOptions } from './log.js';
import { askService } from './service/socket.js';
import type { ExitCode, Surroundings } from './surroundings.js';
import { VERSION } from './version.js';

const COMMANDS = [
  demoCommand,
  runCommand,
  startCommand,
  backfillCommand,
  inspectCommands,
  briefCommand,
  alertCommands,
  mailCommands,
  doctorCommand,
  configCommands,
];

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

  const add: AddCommand = (parent, nameAndArguments, description, example, handler) =>
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
        const settings = await loadConfig(text(options['config']), surroundings.env, streams.cwd);
        const level = text(options['logLevel']) ?? settings.environment.logLevel;
        const log: Logger = pino(logOptions(level), { write: (line) => void streams.stderr.write(line) });
        const database = storeOpener(settings, log, surroundings.sharedStore);
        const context: Context = {
          out: new Output(streams, json),
          log,
          settings,
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
  for (const command of COMMANDS) command.register(program, add);

  try {
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof DatabaseHeldError && surroundings.sharedStore === undefined) {
      const answer = await askService(error.holder.socketPath, argv, surroundings);
      if (answer !== undefined) return answer;
    }
    const failure = explain(error);
    if (json) streams.stdout.write(`${JSON.stringify({ error: failure.message }, null, 2)}\n`);
    streams.stderr.write(`absence-watch: ${failure.message}\n`);
    return failure.code;
  }
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
