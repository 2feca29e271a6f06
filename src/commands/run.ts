/** `run`: one cycle, with progress on a terminal. */
import type { Command } from 'commander';
import type { FileReport } from '../load-file.js';
import { DatabaseHeldError } from '../load/errors.js';
import { refuseUnmigrated } from '../load/migrate.js';
import { runOnce, type RunReport } from '../pipeline.js';
import { counted, table } from '../print.js';
import type { ExitCode } from '../surroundings.js';
import { ping } from '../tools.js';
import type { AddCommand, Context } from './context.js';

export function register(program: Command, add: AddCommand): void {
  add(
    program,
    'run',
    'one cycle: poll, fetch what is new, load, evaluate, send what is due',
    'absence-watch run',
    async (context, _args, options) => {
      const migrating = options['migrate'] !== false;
      const store = await context.store({ migrate: migrating }).catch(async (error: unknown) => {
        // It has no database to be a run of, and the monitor may be all that hears of it.
        if (!(error instanceof DatabaseHeldError)) await ping(context.settings, 'fail');
        throw error;
      });
      if (!migrating) await refuseUnmigrated(store);
      const report = await runOnce({ ...tools(context, store), trigger: 'manual' });
      context.out.result(reportAnswer(report), () => reportText(report));
      return exitCodeOf(report);
    },
  ).option('--no-migrate', 'leave the form of the database as it is');
}

/** What a run is done with, from a command's context. */
export function tools(context: Context, store: Awaited<ReturnType<Context['store']>>) {
  const { settings, log, now, signal, streams } = context;
  for (const warning of settings.warnings) log.warn(warning);
  const progress = streams.columns === undefined ? undefined : progressLine(context);
  return { store, settings, log, now, signal, ...(progress === undefined ? {} : { progress }) };
}

/** One line that is written over, on a terminal. */
export function progressLine({ streams }: Pick<Context, 'streams'>): (text: string) => void {
  return (text) => {
    streams.stderr.write(`\r\u001b[2K${text.slice(0, (streams.columns ?? 80) - 1)}`);
  };
}

export function exitCodeOf(report: Pick<RunReport, 'outcome'>): ExitCode {
  return report.outcome === 'done' ? 0 : report.outcome === 'in part' ? 3 : 1;
}

function reportAnswer(report: RunReport) {
  const { runId, ...rest } = report;
  return { run: runId, ...rest };
}

function nothingLoaded({ error, degraded }: RunReport): string {
  if (error !== null) return `EES could not be read: ${error}`;
  return degraded.length === 0 ? 'Nothing new at EES.' : 'Nothing new in what EES shows; not all of it could be read:';
}

/** A reason with the file that it is about, which many of them name themselves. */
export function ofFile(file: string, reason: string): string {
  return reason.startsWith(file) ? reason : `${file}: ${reason}`;
}

/** What the gates warn of in a file that was loaded or held back. */
export function warningsOf({ file, gates }: FileReport): string[] {
  return gates
    .filter(({ verdict }) => verdict === 'warn')
    .map(({ gate, message }) => `${file}: warning, ${gate}: ${message}`);
}

/** What became of the mails of a run; those to the operator are told apart, as those written are the recipients'. */
export function mailWords({ composed, sent, retried, dead, to_operator = 0 }: RunReport['mails']): string {
  const parts = [`${composed} written`, `${sent - to_operator} sent`];
  if (retried > 0) parts.push(`${retried} to be tried again`);
  if (dead > 0) parts.push(`${dead} given up`);
  return `${parts.join(', ')}${to_operator > 0 ? `; ${to_operator} sent to the operator` : ''}`;
}

function reportText(report: RunReport): string {
  const { files, mails } = report;
  return [
    ...(files.length === 0
      ? [nothingLoaded(report)]
      : [
          table(
            ['outcome', 'release', 'data set', 'version', 'rows'],
            files.map((file) => [file.outcome, file.release, file.data_set, file.version ?? '', String(file.rows)]),
          ),
          ...files
            .filter((file) => file.reason !== null && file.outcome !== 'unchanged')
            .map((file) => ofFile(file.file, file.reason ?? '')),
          ...files.flatMap(warningsOf),
        ]),
    ...report.degraded.map(
      (each) =>
        `${each.source}: ${each.reason}${each.missing.length === 0 ? '' : `; missing meanwhile: ${each.missing.join('; ')}`}`,
    ),
    ...report.notes,
    `${counted(report.events, 'event')}; mail: ${mailWords(mails)}.`,
    `${counted(report.requests, 'request')}, ${counted(report.bytes, 'byte')}. Run ${report.runId}: ${report.outcome}.`,
  ].join('\n');
}
