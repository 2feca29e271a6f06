/** What can be wrong with the database, said to people. */

/** The embedded database is open in another process. Commands end with exit code 4, or go through its socket. */
export class DatabaseHeldError extends Error {
  override readonly name = 'DatabaseHeldError';
  readonly exitCode = 4;
  constructor(
    readonly directory: string,
    readonly holder: {
      readonly pid: number;
      readonly host: string;
      readonly since: Date;
      readonly socketPath?: string | undefined;
    },
    lockFile: string,
  ) {
    super(
      `The database in ${directory} is held by process ${holder.pid} on ${holder.host} since ${holder.since.toISOString()}. ` +
        `Wait until it ends, or stop it. If no such process exists, delete ${lockFile} and try again.`,
    );
  }
}

/** The database cannot serve this program: too old a server, tables of a newer version, no rights. */
export class DatabaseUnusableError extends Error {
  override readonly name = 'DatabaseUnusableError';
}

/** The database cannot be opened as things are: nobody answers, or there is no room. Its cause is what was said. */
export class DatabaseOutOfReachError extends Error {
  override readonly name = 'DatabaseOutOfReachError';
}

/** What an error of a connection says. Where a name has several addresses that all refuse, it has a code and no message. */
export function saidBy(error: unknown): string {
  const said = error instanceof Error ? error.message : String(error);
  return said === '' && error instanceof Error && 'code' in error ? String(error.code) : said;
}

/** Whether an error, or what caused it, says that there is no room on the disk. */
export function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('code' in error && typeof error.code === 'string' && DISK_FULL.has(error.code)) return true;
  return /no space left on device/i.test(error.message) || isDiskFull(error.cause);
}

const DISK_FULL = new Set(['ENOSPC', 'EDQUOT', '53100']);

/** The database lacks what this version of the program adds to it, and the program was told to leave that to others. */
export class UnmigratedError extends Error {
  override readonly name = 'UnmigratedError';
  constructor(
    schema: string,
    /** Names of the migrations that wait to be applied. */
    readonly pending: readonly string[],
  ) {
    super(
      `The database (schema ${schema}) is not at this version yet: ${pending.join(', ')} pending. ` +
        'Run "absence-watch migrate", as the role that owns the schema.',
    );
  }
}

/** A run or backfill is under way on the same database. Commands end with exit code 4. */
export class RunHeldError extends Error {
  override readonly name = 'RunHeldError';
  readonly exitCode = 4;
  constructor(readonly holder: { readonly runId: number; readonly trigger: string; readonly since: Date } | undefined) {
    super(
      holder === undefined
        ? 'Another run is starting on this database. Try again in a minute.'
        : `Run ${holder.runId} (${holder.trigger}) holds this database since ${holder.since.toISOString()}. Wait until it ends.`,
    );
  }
}

/** A key stands twice in one file. */
export class DuplicateKeyError extends Error {
  override readonly name = 'DuplicateKeyError';
  constructor(
    /** Number of the second observation, counted from 1. */
    readonly observation: number,
    options: ErrorOptions,
  ) {
    super(`Two rows of the file are about the same figure (the second is observation ${observation}).`, options);
  }
}
