/** `backfill`: history from EES or from files at hand. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import {
  backfill,
  isWrongUse,
  type BackfillReport,
  type EesBackfill,
  type LocalBackfill,
  type PlanTotals,
} from '../backfill.js';
import { sizeWords } from '../backfill-progress.js';
import { folded } from '../domain/breakdowns.js';
import { canonicalSchoolType, KNOWN_SCHOOL_TYPES } from '../domain/school-types.js';
import { BackfillRequestError, releasesWanted } from '../extract/history.js';
import { openLocalFile, readMetaFile } from '../extract/local-file.js';
import { counted, table } from '../print.js';
import { ACCEPTABLE_GATES } from '../transform/gates.js';
import { UsageError, type AddCommand, type Context } from './context.js';
import { timeOption } from './time-option.js';
import { exitCodeOf, mailWords, ofFile, tools, warningsOf } from './run.js';

export function register(program: Command, add: AddCommand): void {
  add(
    program,
    'backfill',
    'loads history: from EES, or from local files',
    'absence-watch backfill --file data.csv.gz --publication pupil-absence-in-schools-in-england --release "Academic year 2018/19"',
    async (context, _args, options) => {
      const asked = requestOf(context, options);
      try {
        // A file is read to its end for its hash while the database gets ready.
        const [request, store] = await Promise.all([opened(asked), context.store()]);
        const inHand = tools(context, store);
        const report = await backfill(inHand, request, {
          dryRun: options['dryRun'] === true,
          notify: options['notify'] === true,
          accept: acceptedGates(options),
          announce: (text) => {
            context.out.remark(text);
          },
        });
        inHand.progress?.('');
        context.out.result(report, () => reportText(report));
        return exitCodeOf(report);
      } catch (error) {
        throw isWrongUse(error) ? new UsageError(error.message) : error;
      }
    },
  )
    .requiredOption('--publication <slug>', 'the last part of its address on the website')
    .option('--from <year>', 'academic year, for example 2016/17')
    .option('--to <year>', 'academic year, for example 2024/25')
    .option('--release <release>', 'slug of one release; with --file: its label, for example "Academic year 2018/19"')
    .option('--data-set <id>', 'one data set: its id, or its title')
    .option('--file <file>', 'a local .csv, .csv.gz or .zip')
    .option('--meta <file>', 'its metadata file')
    .option('--published-at <time>', 'when it was published (ISO time; default: now)')
    .option('--school-type <type>', 'what schools a file without such a column is about')
    .option('--dry-run', 'says what it would do, and does nothing')
    .option('--notify', 'sends the alerts that history raises')
    .option(
      '--accept <gate>',
      'overrides a gate that holds a data set back; once for each gate',
      (gate: string, before: readonly string[]) => [...before, gate],
      [],
    )
    .option('--reason <text>', 'why: kept with the version');
}

function given(options: Record<string, unknown>, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}

/** What becomes part of tables and mails. @throws UsageError where it is more than a line */
function oneLine(options: Record<string, unknown>, name: string): string | undefined {
  const value = given(options, name);
  if (value !== undefined && /[\p{Cc}\u2028\u2029]/u.test(value))
    throw new UsageError(`--${name} has to be one line without control characters; got ${JSON.stringify(value)}.`);
  return value;
}

/** As asked for: the files are not read yet. */
interface LocalRequest extends Omit<LocalBackfill, 'file' | 'metaText'> {
  readonly path: string;
  readonly metaPath: string | undefined;
}

/** @throws LocalFileError */
async function opened(request: LocalRequest | EesBackfill): Promise<LocalBackfill | EesBackfill> {
  if (request.kind === 'ees') return request;
  const { path, metaPath, ...rest } = request;
  const metaText = metaPath === undefined ? undefined : await readMetaFile(metaPath);
  return { ...rest, file: await openLocalFile(path), metaText };
}

/** @throws UsageError */
function requestOf(context: Context, options: Record<string, unknown>): LocalRequest | EesBackfill {
  const publication = oneLine(options, 'publication') ?? '';
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(publication))
    throw new UsageError(
      `"${publication}" is no publication slug; one looks like pupil-absence-in-schools-in-england.`,
    );
  const file = given(options, 'file');
  const release = oneLine(options, 'release');
  if (file === undefined) {
    for (const [name, option] of [
      ['meta', '--meta'],
      ['publishedAt', '--published-at'],
      ['schoolType', '--school-type'],
    ] as const)
      if (options[name] !== undefined) throw new UsageError(`${option} goes with --file.`);
    const years = { from: given(options, 'from'), to: given(options, 'to') };
    try {
      releasesWanted({ ...years, release });
    } catch (error) {
      if (error instanceof BackfillRequestError) throw new UsageError(error.message);
      throw error;
    }
    return { kind: 'ees', publication, ...years, release, dataSet: given(options, 'dataSet') };
  }
  if (release === undefined || release.trim() === '')
    throw new UsageError('--file needs --release LABEL, for example --release "Autumn term 2024/25".');
  for (const [name, option] of [
    ['from', '--from'],
    ['to', '--to'],
    ['dataSet', '--data-set'],
  ] as const)
    if (options[name] !== undefined) throw new UsageError(`${option} does not go with --file.`);
  const published = given(options, 'publishedAt');
  const publishedAt = published === undefined ? undefined : timeOption('--published-at', published, 'from its start');
  const meta = given(options, 'meta');
  const schoolType = given(options, 'schoolType');
  if (schoolType !== undefined && canonicalSchoolType(schoolType) === undefined)
    throw new UsageError(`"${schoolType}" is no school type; known are ${KNOWN_SCHOOL_TYPES.join(', ')}.`);
  return {
    kind: 'file',
    path: resolve(context.streams.cwd, file),
    metaPath: meta === undefined ? undefined : resolve(context.streams.cwd, meta),
    publication,
    release: release.trim(),
    publishedAt,
    schoolType: schoolType === undefined ? undefined : canonicalSchoolType(schoolType),
  };
}

function acceptedGates(options: Record<string, unknown>): { gate: string; reason: string }[] {
  const gates = Array.isArray(options['accept']) ? options['accept'].map(String) : [];
  const reason = given(options, 'reason')?.trim() ?? '';
  if (gates.length === 0) {
    if (reason !== '') throw new UsageError('--reason goes with --accept GATE.');
    return [];
  }
  if (reason === '') throw new UsageError('--accept needs --reason TEXT: why the gate is overridden.');
  return gates.map((gate) => {
    const known = ACCEPTABLE_GATES.find((each) => folded(each) === folded(gate));
    if (known !== undefined) return { gate: known, reason };
    throw new UsageError(
      `--accept ${gate}: there is no such gate that could be accepted. Use one of: ${ACCEPTABLE_GATES.join(', ')} (see docs/gates.md).`,
    );
  });
}

function notWanted({ title, release, reason }: BackfillReport['skipped'][number]): string {
  return `Not wanted: ${title} (${release}): ${reason}`;
}

function nothingToLoad({ plan, skipped }: BackfillReport): string {
  if (plan.length > 0) return 'Nothing to load: all of it is there already.';
  return skipped.length > 0
    ? 'Nothing to load: what EES has of it is not wanted.'
    : 'Nothing to load: EES has no file that fits.';
}

/** ' (2 of them not in breach)', as `alerts list` calls them. */
function quietWords({ not_in_breach: quiet }: BackfillReport): string {
  return quiet === 0 ? '' : ` (${quiet.toLocaleString('en-GB')} of them not in breach)`;
}

/** '2 releases, 3 files (1.2 MB). Would load 2 files (0.8 MB); 1 is loaded already.' */
function totalsWords({ releases, already_loaded: loaded, to_load: toLoad, ...all }: PlanTotals): string {
  const amount = ({ files, bytes, of_unknown_size: unknown }: PlanTotals['to_load']): string =>
    `${counted(files, 'file')}${files === 0 ? '' : ` (${sizeWords(bytes, unknown)})`}`;
  return `${counted(releases, 'release')}, ${amount(all)}. Would load ${amount(toLoad)}; ${counted(loaded, 'is', 'are')} loaded already.`;
}

function reportText(report: BackfillReport): string {
  if (report.dry_run && report.files.length === 0)
    return [
      report.plan.length === 0
        ? 'Nothing to load.'
        : table(
            ['release', 'data set', 'file', 'version', 'rows', 'bytes', 'already'],
            report.plan.map((file) => [
              file.release,
              file.data_set,
              file.file,
              file.version ?? '',
              String(file.rows ?? ''),
              String(file.bytes ?? ''),
              file.already_loaded ? 'yes' : '',
            ]),
          ),
      ...report.skipped.map(notWanted),
      ...report.notes,
      ...(report.totals === null ? [] : [totalsWords(report.totals)]),
    ].join('\n');
  return [
    report.files.length === 0
      ? [nothingToLoad(report), ...report.skipped.map(notWanted)].join('\n')
      : table(
          [report.dry_run ? 'would be' : 'outcome', 'release', 'file', 'version', 'rows', 'added', 'gone', 'changed'],
          report.files.map((file) => [
            file.outcome,
            file.release,
            file.file,
            file.version ?? '',
            String(file.rows),
            ...(file.diff === null
              ? ['', '', '']
              : [String(file.diff.added), String(file.diff.gone), String(file.diff.changed)]),
          ]),
        ),
    ...report.files.flatMap((file) => [
      ...(file.reason === null ? [] : [ofFile(file.file, file.reason)]),
      ...warningsOf(file),
      ...file.notes.map((note) => `${file.file}: note: ${note}`),
    ]),
    ...report.notes,
    ...(report.dry_run
      ? ['Nothing was written.']
      : [
          ...(report.told_late === 0
            ? []
            : [
                `A run had fetched what was accepted, and a gate put it off: ${counted(report.told_late, 'recipient is', 'recipients are')} told what it brings, in a mail marked as a follow-up.`,
              ]),
          ...(report.open_unmailed === 0
            ? []
            : [
                `${counted(report.open_unmailed, 'alert is', 'alerts are')} open by the newest of these figures, and nobody was mailed: a backfill is quiet without --notify. \`alerts list\` shows them; rules go on from there.`,
              ]),
          `${counted(report.events, 'event')} recorded${quietWords(report)}${report.mails === null ? ', nothing sent' : `; mail: ${mailWords(report.mails)}`}.`,
        ]),
  ].join('\n');
}
