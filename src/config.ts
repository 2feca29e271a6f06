/**
 * The one configuration: a YAML file for what is decided, environment variables for what differs by place and what is
 * secret. Everything else is built from what comes out here.
 */
import { readFile, stat } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import { isLoopback, readSmtpUrl, SmtpSettingsError, type SmtpSettings } from './alerts/smtp-settings.js';
import { readEnvironment, type Environment } from './config/environment.js';
import { readNeighbours, type Neighbours } from './config/neighbours.js';
import { parseConfig, type ParsedConfig } from './config/parse.js';
import { configurationSchema } from './config/schema.js';
import { trustAlso } from './config/trust.js';
import { ConfigError, type Config, type ConfigProblem, type PlacedName, type Remains } from './config/types.js';

export { readEnvironment, VARIABLE_NAMES, type Environment } from './config/environment.js';
export type { Neighbours } from './config/neighbours.js';
export { parseConfig, type ParsedConfig } from './config/parse.js';
export { nextSlots, type Schedule } from './config/schedule.js';
export { configSchema } from './config/schema.js';
export * from './config/types.js';
export type { Duration, Mailbox } from './config/words.js';

export interface Settings {
  readonly config: Config;
  /** With the database that holds when DATABASE_URL is unset. */
  readonly environment: Environment & { readonly databaseUrl: string };
  /** DfE's statistical neighbours; empty where the configuration names no file of them. */
  readonly neighbours: Neighbours;
  /** The mail server; undefined where SMTP_URL is unset: nothing can be sent. */
  readonly smtp: SmtpSettings | undefined;
  /** Absolute; undefined where there is no file and the built-in defaults hold. */
  readonly configFile: string | undefined;
  /** Doubts about the configuration that do not stop it. */
  readonly warnings: readonly ConfigProblem[];
  /** What only loaded figures can tell right from wrong (alerts/watched-names). */
  readonly names: readonly PlacedName[];
}

export const DEFAULT_CONFIG_FILE = 'config/absence-watch.yaml';

const LARGEST_FILE = 4_000_000;

/**
 * Reads configuration file and environment. Without a named file (here or in ABSENCE_WATCH_CONFIG) and without the
 * default one the built-in defaults hold: no rules, nobody is mailed.
 * @param path as on the command line
 * @param cwd relative paths start here
 * @throws ConfigError with every problem of both at once
 */
export async function loadConfig(
  path: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  cwd: string = process.cwd(),
): Promise<Settings> {
  const environment = await readEnvironment(env, (file) => readFile(resolve(cwd, file), 'utf8'));
  const named = path ?? (environment.kind === 'ok' ? environment.environment.configFile : env['ABSENCE_WATCH_CONFIG']);
  const shownName = named ?? DEFAULT_CONFIG_FILE;
  const content = await contentOf(resolve(cwd, shownName), shownName, named !== undefined);
  const parsed: ParsedConfig =
    content.kind === 'unreadable'
      ? { kind: 'invalid', problems: [content.problem] }
      : parseConfig(content.kind === 'text' ? content.text : '', shownName);
  const problems = [
    ...(parsed.kind === 'invalid' ? parsed.problems : []),
    ...(environment.kind === 'invalid' ? environment.problems : []),
  ];
  if (environment.kind === 'invalid') throw new ConfigError(problems);
  const { databaseSchema, extraCaCertificates } = environment.environment;
  if (extraCaCertificates !== undefined && (env['NODE_EXTRA_CA_CERTS'] ?? '').trim() === '') {
    const why = await trustAlso(resolve(cwd, extraCaCertificates));
    if (why !== undefined) problems.push(ofVariable('NODE_EXTRA_CA_CERTS_FILE', why));
  }
  const databaseIn = (dataDirectory: string): string =>
    databaseUrl(environment.environment, resolve(cwd, dataDirectory), cwd);
  const remains = (names: readonly PlacedName[], dataDirectory: string): Remains => ({
    ...{ names, databaseSchema },
    databaseUrl: databaseIn(dataDirectory),
  });
  if (parsed.kind === 'invalid') {
    const { rest } = parsed;
    throw new ConfigError(
      problems,
      rest?.dataDirectory === undefined ? undefined : remains(rest.names, rest.dataDirectory),
      databaseIn(rest?.dataDirectory ?? dataDirectoryIn(content)),
    );
  }
  const { config, warnings, names } = parsed;
  const smtp = smtpOf(environment.environment, config.mail.tls, problems);
  if (!isLoopback(environment.environment.httpHost) && !config.page.exposed)
    problems.push(
      ofVariable(
        'HTTP_HOST',
        'is not this machine alone: set `page: { exposed: true }` if a proxy in front does the sign-in',
      ),
    );
  const neighboursFile = config.neighbours === undefined ? undefined : resolve(cwd, config.neighbours);
  const neighbours = await readNeighbours(neighboursFile).catch((error: unknown) => {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
    return new Map() as Neighbours;
  });
  if (problems.length > 0) throw new ConfigError(problems, remains(names, config.dataDirectory));
  const dataDirectory = resolve(cwd, config.dataDirectory);
  return {
    config: { ...config, dataDirectory },
    neighbours,
    environment: { ...environment.environment, databaseUrl: databaseUrl(environment.environment, dataDirectory, cwd) },
    smtp,
    configFile: content.kind === 'text' ? resolve(cwd, shownName) : undefined,
    warnings,
    names,
  };
}

function ofVariable(path: string, message: string): ConfigProblem {
  return { file: 'environment', line: 0, column: 0, path, message };
}

type Content =
  | { readonly kind: 'text'; readonly text: string }
  /** The default file, which need not be there. */
  | { readonly kind: 'none' }
  | { readonly kind: 'unreadable'; readonly problem: ConfigProblem };

async function contentOf(file: string, shownName: string, isNamed: boolean): Promise<Content> {
  const unreadable = (message: string): Content => ({
    kind: 'unreadable',
    problem: { file: shownName, line: 0, column: 0, path: '', message },
  });
  try {
    const { size } = await stat(file);
    if (size > LARGEST_FILE) return unreadable(`is larger than ${LARGEST_FILE} bytes`);
    const text = await readFile(file, 'utf8');
    // As a full disk or a save that was cut off leaves it: rules that vanish so would be new ones once they are back.
    if (text.split('\n').every((line) => /^\s*(#|$)/.test(line)))
      return unreadable('is empty. Put back what stood in it, or delete the file to go by the built-in defaults');
    return { kind: 'text', text };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    if (code === 'ENOENT' && !isNamed) return { kind: 'none' };
    return unreadable(code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`);
  }
}

/** What a file that is no YAML says of its data directory in a line of its own; else the usual one. */
function dataDirectoryIn(content: Content): string {
  const said =
    content.kind === 'text' ? /^data_directory:\s*(["']?)([^"'#\n]+?)\1\s*(?:#.*)?$/m.exec(content.text) : null;
  return configurationSchema.shape.data_directory.parse(said?.[2]);
}

function smtpOf(
  environment: Environment,
  tls: 'required' | 'off',
  problems: ConfigProblem[],
): SmtpSettings | undefined {
  if (environment.smtpUrl === undefined) return undefined;
  try {
    return readSmtpUrl(environment.smtpUrl, tls, environment.smtpOAuth);
  } catch (error) {
    if (!(error instanceof SmtpSettingsError)) throw error;
    problems.push(ofVariable('SMTP_URL', error.message));
    return undefined;
  }
}

const EMBEDDED = 'pglite:';

/** The embedded database lives in the data directory unless a variable says otherwise. */
function databaseUrl({ databaseUrl: given }: Environment, dataDirectory: string, cwd: string): string {
  if (given === undefined) return `${EMBEDDED}${resolve(dataDirectory, 'db')}`;
  if (!given.startsWith(EMBEDDED)) return given;
  const directory = given.slice(EMBEDDED.length);
  return isAbsolute(directory) || directory === 'memory' ? given : `${EMBEDDED}${resolve(cwd, directory)}`;
}
