/** Commands that only look: areas, series, versions, status. */
import type { Command } from 'commander';
import { periodOf } from '../domain/period.js';
import { COUNT_OF, isMeasure, isRate, MEASURES, type Measure } from '../domain/measure.js';
import { printed, printedCount } from '../domain/decimal.js';
import { canonicalBreakdown } from '../domain/breakdowns.js';
import { canonicalSchoolType } from '../domain/school-types.js';
import { predecessorsOf, successorsOf } from '../domain/areas.js';
import { breakBetweenSeries, discontinuities, type Discontinuity } from '../domain/series.js';
import { heldForRules } from '../alerts/queue-upkeep.js';
import { findAreas, type AreaRow } from '../load/areas.js';
import { isAfterPruned } from '../load/currency.js';
import { differences } from '../load/differences.js';
import { currentSeries, listVersionRows, versionRow } from '../load/inspect.js';
import { seriesAsOf } from '../load/as-of.js';
import { removeVersion, unacceptVersion } from '../load/versions.js';
import type { AbsenceView } from '../load/schema.js';
import { withTroubles } from '../service/health.js';
import { statusOf, statusText } from '../service/status.js';
import { oneArea } from './area.js';
import { UsageError, type AddCommand, type Context } from './context.js';
import { timeOption } from './time-option.js';
import { csv } from '../series-csv.js';
import { counted, sparkline, table, ukTime } from '../print.js';
import { diffCounts, differenceCsv, differenceJson, DIFFERENCES_CSV_HEADER, differenceText } from '../print-diff.js';

export function register(program: Command, add: AddCommand): void {
  add(
    program,
    'areas <name...>',
    'find an area by name or code',
    'absence-watch areas luton',
    async (context, args) => {
      const found = await areasNamed(context, args.join(' '));
      const rows = found.map(areaAnswer);
      context.out.result(rows, () =>
        rows.length === 0
          ? `No area is called "${args.join(' ')}". Try a part of the name, an ONS code, DfE's three digits or a URN.`
          : table(
              ['level', 'code', 'DfE', 'name', 'parent', 'note'],
              rows.map((row) => [
                row.geographic_level,
                row.area_code,
                row.old_la_code ?? '',
                row.area_name,
                row.parent ?? '',
                [
                  ...row.successors.map((each) => `since ${each.on}: ${each.area_name} (${each.old_la_code})`),
                  ...row.predecessors.map((each) => `before ${each.on}: ${each.area_name} (${each.old_la_code})`),
                ].join('; '),
              ]),
            ),
      );
      return rows.length === 0 ? 1 : 0;
    },
  );

  add(
    program,
    'series',
    'the figures of an area over time, with release and version',
    'absence-watch series --area Luton --measure severe_absence_rate',
    series,
  )
    .requiredOption('--area <name>', 'name, ONS code, DfE code or URN')
    .option('--measure <measure>', `one of ${MEASURES.join(', ')}`, 'persistent_absence_rate')
    .option(
      '--time-identifier <identifier>',
      "'Academic year', 'Autumn term', 'Autumn and spring term', 'Year to date', …",
    )
    .option('--school-type <type>', 'school type', 'Total')
    .option('--breakdown <topic=value>', "for example 'SEN provision=EHC plan'", 'Total=Total')
    .option('--as-of <date>', 'what was published by then (2025-10-23, or with a time)')
    .option('--csv', 'comma-separated values');

  const versions = program.command('versions').description('data set versions: list, compare and remove');
  add(versions, 'list', 'all data set versions, newest load first', 'absence-watch versions list', async (context) => {
    const rows = await listVersionRows(await context.store());
    context.out.result(rows, () =>
      rows.length === 0
        ? 'Nothing is loaded yet.'
        : table(
            ['id', 'publication', 'release', 'data set', 'version', 'state', 'rows', 'published', 'diff'],
            rows.map((row) => [
              String(row.id),
              row.publication,
              row.release,
              row.data_set,
              row.data_set_version,
              row.is_current ? 'current' : row.state,
              String(row.rows),
              ukTime(row.published_at),
              row.diff === null ? '' : `+${row.diff.added} -${row.diff.gone} ~${row.diff.changed}`,
            ]),
          ),
    );
    return 0;
  });
  add(
    versions,
    'diff <id>',
    'every figure that a version added, took away or changed, from what to what',
    'absence-watch versions diff 12',
    versionDiff,
  ).option('--csv', 'comma-separated values');
  add(
    versions,
    'remove <id>',
    'takes a version back: the figures are again as if it had never been loaded',
    'absence-watch versions remove 12 --reason "wrong file"',
    async (context, [id], options) => {
      const number = versionOption(id);
      const reason = String(options['reason']);
      const store = await context.store();
      await removeVersion(store, number, reason, context.now());
      const held = await heldForRules(store);
      context.out.result(
        { id: number, state: 'removed', reason, held_mails: held ?? 0 },
        () => `Version ${number} is removed: ${reason}${heldWords(held)}`,
      );
      return 0;
    },
  ).requiredOption('--reason <text>', 'why: kept with the version');
  add(
    versions,
    'unaccept <id>',
    'takes back that gates were overridden: the version is held back again, the figures are as before',
    'absence-watch versions unaccept 12 --reason "the publisher will correct it"',
    async (context, [id], options) => {
      const number = versionOption(id);
      const reason = String(options['reason']);
      const store = await context.store();
      const gates = await unacceptVersion(store, number, reason, context.now());
      const held = await heldForRules(store);
      context.out.result(
        { id: number, state: 'quarantined', gates, reason, held_mails: held ?? 0 },
        () => `Version ${number} is held back again by ${gates.join(', ')}: ${reason}${heldWords(held)}`,
      );
      return 0;
    },
  ).requiredOption('--reason <text>', 'why: kept with the version');

  add(
    program,
    'status',
    'health in words, runs, what is loaded, overdue, quarantined, waiting to be sent',
    'absence-watch status',
    async (context) => {
      const read = await statusOf(await context.store(), context.settings, context.now());
      const { brokenConfiguration } = context;
      const status = { ...read, health: withTroubles(read.health, { ...NO_TROUBLES, brokenConfiguration }) };
      context.out.result(status, () => statusText(status));
      return 0;
    },
    'as the service',
  );
}

/** What a service knows of itself, and a command does not. */
const NO_TROUBLES = { down: undefined, trouble: undefined, newerConfiguration: undefined };

/** What becomes of mails, sent and waiting, now that a version does not count any more. */
function heldWords(held: number | undefined): string {
  if (held === undefined) return '';
  const next = 'The next run corrects what was mailed of it ("absence-watch run" does so now).';
  const waiting = `Until then ${counted(held, 'mail')} in the queue ${held === 1 ? 'is' : 'are'} held, to be written anew from the figures that count then.`;
  return `\n${held === 0 ? next : `${next} ${waiting}`}`;
}

/** @throws UsageError */
function versionOption(id: string | undefined): number {
  if (id === undefined || !/^\d{1,9}$/.test(id))
    throw new UsageError(`"${id ?? ''}" is no version id; see "versions list".`);
  return Number(id);
}

/** Printed while it is read: a restated file of every school has a million figures. */
async function versionDiff(
  context: Context,
  [argument]: readonly string[],
  options: Record<string, unknown>,
): Promise<0> {
  const id = versionOption(argument);
  const store = await context.store();
  const row = await versionRow(store, id);
  if (row === undefined) throw new UsageError(`There is no data set version ${id}; see "versions list".`);
  const { out } = context;
  const batches = differences(store, id);
  if (options['csv'] === true) {
    out.raw(DIFFERENCES_CSV_HEADER);
    for await (const batch of batches) out.raw(batch.map(differenceCsv).join(''));
  } else if (out.json) {
    let before = '[';
    for await (const batch of batches)
      for (const each of batch) {
        out.raw(`${before}\n${JSON.stringify(differenceJson(each))}`);
        before = ',';
      }
    out.raw(before === '[' ? '[]\n' : '\n]\n');
  } else {
    const what = `${row.data_set}, ${row.release}, version ${row.data_set_version}`;
    if (row.diff !== null)
      out.raw(`${what}: ${diffCounts(row.diff)} against the version before (${row.diff.previous_id ?? 'none'}).\n`);
    // Else `differences` says what is gone.
    else if (!(await isAfterPruned(store, id)))
      out.raw(`${what}: it is the first of its data set, there is nothing to hold it against.\n`);
    for await (const batch of batches) out.raw(batch.map((each) => `${differenceText(each)}\n`).join(''));
  }
  return 0;
}

/** The areas that a text names, from the facts that are known without data and from what is loaded. */
async function areasNamed(context: Context, text: string): Promise<AreaRow[]> {
  return findAreas(await context.store(), text);
}

function areaAnswer(area: AreaRow) {
  const relative = (kind: typeof successorsOf) =>
    area.level !== 'Local authority'
      ? []
      : kind(area.key).map(({ authority, on }) => ({
          area_code: authority.code,
          old_la_code: authority.oldLaCode,
          area_name: authority.name,
          on,
        }));
  return {
    geographic_level: area.level,
    area_code: area.code,
    old_la_code: area.oldLaCode ?? null,
    area_name: area.name,
    region_code: area.regionCode ?? null,
    region_name: area.regionName ?? null,
    parent: area.level === 'National' ? null : area.level === 'Regional' ? 'England' : (area.regionName ?? 'England'),
    predecessors: relative(predecessorsOf),
    successors: relative(successorsOf),
  };
}

async function series(context: Context, _args: readonly string[], options: Record<string, unknown>): Promise<0 | 1> {
  const measure = String(options['measure']);
  if (!isMeasure(measure)) throw new UsageError(`"${measure}" is no measure. Known: ${MEASURES.join(', ')}.`);
  const asOf = typeof options['asOf'] === 'string' ? timeOption('--as-of', options['asOf'], 'to its end') : undefined;
  const area = await oneArea(context, String(options['area']));
  const { topic, breakdown } = breakdownOption(String(options['breakdown']));
  const schoolType = canonicalSchoolType(String(options['schoolType'])) ?? String(options['schoolType']);
  const query = {
    areaIds: [area.id],
    timeIdentifier: typeof options['timeIdentifier'] === 'string' ? options['timeIdentifier'] : undefined,
    schoolType,
    breakdownTopic: topic,
    breakdown,
  };
  const store = await context.store();
  const all = asOf === undefined ? await currentSeries(store, query) : await seriesAsOf(store, query, asOf);
  const rows = inOrder(all.filter((row) => row[measure] !== null || row.symbols?.[measure] !== undefined));
  if (options['csv'] === true) {
    context.out.raw(csv(rows));
    return 0;
  }
  const interruptions = interruptionsOf(measure, rows);
  context.out.result(
    rows.map((row) => ({
      ...rowWithNumbers(row),
      discontinuity: (interruptions.get(row)?.between ?? []).map(({ kind, says }) => ({ kind, says })),
    })),
    () =>
      seriesText(area.name, measure, schoolType, `${topic}: ${breakdown}`, rows, interruptions) +
      (rows.length === 0 && area.level === 'School' && schoolType === 'Total' ? OF_ITS_KIND : ''),
  );
  return rows.length === 0 ? 1 : 0;
}

/** 'topic=value' in the names used here. @throws UsageError */
export function breakdownOption(text: string): { topic: string; breakdown: string } {
  const at = text.indexOf('=');
  if (at <= 0)
    throw new UsageError(`--breakdown takes topic=value, for example "SEN provision=EHC plan"; got "${text}".`);
  return canonicalBreakdown(text.slice(0, at).trim(), text.slice(at + 1).trim());
}

function inOrder(rows: readonly AbsenceView[]): AbsenceView[] {
  const sort = (row: AbsenceView): number => periodOf(row.time_period, row.time_identifier)?.sort ?? 0;
  return rows.toSorted(
    (a, b) => a.series.localeCompare(b.series) || sort(a) - sort(b) || (a.as_of ?? '').localeCompare(b.as_of ?? ''),
  );
}

/** What lies between a row and the one of the time before it. */
interface Interruption {
  readonly before: AbsenceView;
  readonly between: readonly Discontinuity[];
}

/** By the row that follows: the breaks and gaps of a measure, within series and between two of one make. */
function interruptionsOf(measure: Measure, rows: readonly AbsenceView[]): Map<AbsenceView, Interruption> {
  const found = new Map<AbsenceView, Interruption>();
  const names = [...new Set(rows.map((row) => row.series))];
  for (const [at, row] of rows.entries()) {
    const previous = rows[at - 1];
    if (previous?.series !== row.series) {
      const divided = names.flatMap((name) => {
        const between = breakBetweenSeries(name, row.series);
        const before = rows.findLast((each) => each.series === name);
        return between === undefined || before === undefined ? [] : [{ before, between: [between] }];
      });
      if (divided[0] !== undefined) found.set(row, divided[0]);
      continue;
    }
    const [earlier, later] = [previous, row].map((each) => periodOf(each.time_period, each.time_identifier));
    if (earlier === undefined || later === undefined) continue;
    const between = discontinuities(measure, earlier, later);
    if (between.length > 0) found.set(row, { before: previous, between });
  }
  return found;
}

/** Where a chart is interrupted, and before the words that say why. */
const INTERRUPTED = '┊';

/** The chart of one series, interrupted within it. */
function chartOf(
  measure: Measure,
  own: readonly AbsenceView[],
  interruptions: ReadonlyMap<AbsenceView, unknown>,
): string {
  const bars = sparkline(own.map((row) => (row[measure] === null ? undefined : Number(row[measure]))));
  return own.map((row, at) => `${at > 0 && interruptions.has(row) ? INTERRUPTED : ''}${bars[at] ?? ''}`).join('');
}

/** A row of the view as JSON wants it: figures as numbers. */
export function rowWithNumbers(row: AbsenceView): Record<string, unknown> {
  const answer: Record<string, unknown> = { ...row };
  for (const measure of MEASURES) {
    const value = row[measure];
    answer[measure] = value === null ? null : Number(value);
  }
  return answer;
}

/** Which rates their file does not give. */
function computedNote(measure: Measure, rows: readonly AbsenceView[]): string[] {
  const computed = rows.filter((row) => row.provenance[measure]?.computed === true);
  if (computed.length === 0) return [];
  const which = computed.length === rows.length ? 'all' : computed.map((row) => row.period_label).join(', ');
  return [`computed from the counts, as the file gives no ${measure}: ${which}`];
}

const OF_ITS_KIND =
  ' A school has the figures of its own kind of school: --school-type "State-funded primary", "State-funded secondary" or "Special".';

function seriesText(
  area: string,
  measure: Measure,
  schoolType: string,
  group: string,
  rows: readonly AbsenceView[],
  interruptions: ReadonlyMap<AbsenceView, Interruption>,
): string {
  if (rows.length === 0) return `No figure of ${measure} is loaded for ${area} (school type ${schoolType}, ${group}).`;
  const say = (row: AbsenceView, each: Measure): string => {
    const value = row[each];
    if (value === null) return row.symbols?.[each] ?? '';
    return isRate(each) ? `${printed(value)}%` : printedCount(value);
  };
  const count = isRate(measure) ? COUNT_OF[measure] : undefined;
  const parts = [...new Set(rows.map((row) => row.series))].map((name) => {
    const own = rows.filter((row) => row.series === name);
    return [
      `${area}, ${measure}, ${schoolType}, ${group}, series ${name}   ${chartOf(measure, own, interruptions)}`,
      ...own.flatMap((row) => {
        const { before, between } = interruptions.get(row) ?? { before: row, between: [] };
        const where = `between ${before.period_label} and ${row.period_label}`;
        return between.map(({ kind, says }) => `${INTERRUPTED} ${kind} ${where}: ${says}`);
      }),
      table(
        [
          'period',
          ...(own.some((row) => row.as_of !== null) ? ['as of'] : []),
          measure,
          ...(count === undefined ? [] : [count]),
          'enrolments',
          'release',
          'version',
          'published',
        ],
        own.map((row) => [
          row.period_label,
          ...(own.some((each) => each.as_of !== null) ? [row.provenance[measure]?.as_of ?? row.as_of ?? ''] : []),
          say(row, measure),
          ...(count === undefined ? [] : [say(row, count)]),
          say(row, 'enrolments'),
          row.provenance[measure]?.release ?? row.release,
          row.provenance[measure]?.version ?? row.data_set_version,
          ukTime(row.provenance[measure]?.published_at ?? row.published_at),
        ]),
      ),
      ...computedNote(measure, own),
    ].join('\n');
  });
  return `${parts.join('\n\n')}\n${counted(rows.length, 'figure')}.`;
}
