/** The configuration as the program reads it. */
import type { BriefRequest, Rule, WatchedName } from '../domain/rule.js';
import type { Schedule } from './schedule.js';
import type { Duration, Mailbox } from './words.js';

export interface DataSetChoice {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

export interface Source {
  /** Slug of the publication on EES. */
  readonly publication: string;
  readonly dataSets: DataSetChoice;
}

export interface MailSettings {
  readonly from: Mailbox;
  readonly replyTo: Mailbox | undefined;
  /** Who is told of the pipeline itself. */
  readonly operator: readonly Mailbox[];
  /** Whom to ask about the lines. */
  readonly owner: string | undefined;
  readonly tls: 'required' | 'off';
  readonly maxPerHour: number;
  readonly retryFor: Duration;
}

export interface Config {
  readonly schedule: Schedule;
  readonly sources: readonly Source[];
  readonly recipients: ReadonlyMap<string, readonly Mailbox[]>;
  readonly rules: readonly Rule[];
  readonly briefs: readonly BriefRequest[];
  readonly mail: MailSettings;
  /** File of statistical neighbours; `loadConfig` makes it absolute. */
  readonly neighbours: string | undefined;
  readonly heartbeatUrl: string | undefined;
  readonly failuresBeforeMail: number;
  /** undefined: kept for ever. */
  readonly retention: {
    readonly versions: Duration | undefined;
    readonly runs: Duration | undefined;
    readonly mails: Duration | undefined;
  };
  /** `loadConfig` makes it absolute. */
  readonly dataDirectory: string;
  /** Goes into the User-Agent; undefined where the file names nobody (`NO_CONTACT`). */
  readonly contact: string | undefined;
  readonly page: { readonly enabled: boolean; readonly exposed: boolean };
}

export interface ConfigPlace {
  /** The file as it was named, or 'environment'. */
  readonly file: string;
  /** 1-based; 0 where the problem has no place in the file. */
  readonly line: number;
  readonly column: number;
  /** 'rules[0].measure', or the name of the variable. */
  readonly path: string;
}

/** One mistake (or, among warnings, one doubt), where it stands and what to do. */
export interface ConfigProblem extends ConfigPlace {
  readonly message: string;
}

/** A name that only loaded figures can tell right from wrong, and where it stands. */
export type PlacedName = WatchedName & { readonly place: ConfigPlace };

/** 'config.yaml:12:5 rules[0].measure: …', 'environment HTTP_PORT: …' */
export function problemText({ file, line, column, path, message }: ConfigProblem): string {
  const place = line > 0 ? `${file}:${line}:${column}` : file;
  return path === '' ? `${place} ${message}` : `${place} ${path}: ${message}`;
}

/** What is said where a configuration has no contact: no fault, for the program works without. */
export const NO_CONTACT =
  'Requests to EES do not say whom its people may write to: set `contact`, or an address of `mail`.';

/** What can be read of a configuration that cannot be used, for `config check` to look further. */
export interface Remains {
  readonly names: readonly PlacedName[];
  readonly databaseUrl: string;
  readonly databaseSchema: string;
}

/** The configuration cannot be used: every mistake of it at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  /**
   * @param remains undefined where the environment is wrong, too, or nothing of the file can be read
   * @param databaseUrl where the database is likely to be, to look for a service there; undefined where nothing tells
   */
  constructor(
    readonly problems: readonly ConfigProblem[],
    readonly remains?: Remains,
    readonly databaseUrl: string | undefined = remains?.databaseUrl,
  ) {
    super(`wrong configuration:\n${problems.map((problem) => `  ${problemText(problem)}`).join('\n')}`);
  }
}
