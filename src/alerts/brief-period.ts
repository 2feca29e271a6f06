/** Which series, schools and period a brief is about. */
import { sql, type SelectQueryBuilder } from 'kysely';
import { RATES } from '../domain/measure.js';
import { periodOf, type Period } from '../domain/period.js';
import type { AbsenceView, Database } from '../load/schema.js';
import type { BriefWanted, Rows, View } from './brief-facts.js';

export const ALL_PUPILS = { topic: 'Total', breakdown: 'Total' } as const;

/** There is nothing to tell. */
export class NoFiguresError extends Error {
  override readonly name = 'NoFiguresError';
}

/** An area as the views name it. */
interface AreaKey {
  readonly level: string;
  readonly code: string;
}

/** Of the periods of one academic year the one that covers most is told first. */
const WIDEST_FIRST = ['Academic year', 'Autumn and spring term', 'Summer term', 'Spring term', 'Autumn term'];

export interface Told {
  readonly series: string;
  readonly schoolType: string;
  /** Where no figure of all schools together is told: other types with figures for the period. */
  readonly otherTypes: readonly string[];
  readonly period: Period;
  readonly publication: string;
}

/**
 * Which series and period to tell: of the release or series wanted, finished before running, newest first, widest first.
 * A release is asked for its own newest period: later releases mostly give the period too, and theirs are the current
 * figures, which are told.
 */
export async function choosePeriod(
  db: View,
  here: Rows,
  area: AreaKey & { readonly name: string },
  wanted: BriefWanted,
): Promise<Told> {
  const { topic, breakdown } = wanted.slice ?? ALL_PUPILS;
  let rows = here.where('breakdown_topic', '=', topic).where('breakdown', '=', breakdown);
  if (wanted.slice !== undefined) rows = rows.where('school_type', '=', wanted.slice.schoolType);
  if (wanted.series !== undefined) rows = rows.where('series', '=', wanted.series);
  if (wanted.timePeriod !== undefined) rows = rows.where('time_period', '=', wanted.timePeriod);
  if (wanted.timeIdentifier !== undefined) rows = rows.where('time_identifier', '=', wanted.timeIdentifier);
  const given = wanted.release === undefined ? undefined : await keysOfRelease(db, area, wanted.release);
  const found = (await rows.execute()).flatMap((row) => {
    const period = periodOf(row.time_period, row.time_identifier);
    const hasRate = RATES.some((rate) => row[rate] !== null || row.symbols?.[rate] !== undefined);
    return period === undefined || !hasRate || given?.has(keyOf(row)) === false ? [] : [{ row, period }];
  });
  found.sort(
    (a, b) =>
      firstTold(a.period, b.period) ||
      Number(a.row.school_type !== 'Total') - Number(b.row.school_type !== 'Total') ||
      Number(b.row.enrolments ?? 0) - Number(a.row.enrolments ?? 0) ||
      rankOfType(a.row.school_type) - rankOfType(b.row.school_type) ||
      a.row.school_type.localeCompare(b.row.school_type) ||
      a.row.series.localeCompare(b.row.series),
  );
  const best = found[0];
  if (best === undefined)
    throw new NoFiguresError(
      `No absence rate of ${area.name} is loaded${wanted.release === undefined ? '' : ` from the release “${wanted.release}”`}.`,
    );
  const { row, period } = best;
  const types = found
    .filter((one) => one.row.series === row.series && one.period.label === period.label)
    .map((one) => one.row.school_type)
    .filter((type) => type !== row.school_type);
  return {
    series: row.series,
    schoolType: row.school_type,
    otherTypes: row.school_type === 'Total' ? [] : [...new Set(types)],
    period,
    publication: row.publication,
  };
}

/** All that was published of an area and is not withdrawn or removed, current or not. */
export function historyOf(db: View, { level, code }: AreaKey): SelectQueryBuilder<Database, 'absence_history', object> {
  return db
    .selectFrom('absence_history')
    .where('geographic_level', '=', level)
    .where('area_code', '=', code)
    .where((is) =>
      is.exists(
        is
          .selectFrom('data_set_version as v')
          .innerJoin('data_set as d', 'd.id', 'v.data_set_id')
          .innerJoin('release as r', 'r.id', 'v.release_id')
          .select(sql.lit(1).as('one'))
          .where('v.state', '=', 'loaded')
          .whereRef('v.published_at', '=', 'absence_history.published_at')
          .whereRef('d.title', '=', 'absence_history.data_set')
          .whereRef('r.title', '=', 'absence_history.release'),
      ),
    );
}

type PeriodKey = Pick<AbsenceView, 'series' | 'time_period' | 'time_identifier' | 'school_type'>;

function keyOf({ series, time_period, time_identifier, school_type }: PeriodKey): string {
  return JSON.stringify([series, time_period, time_identifier, school_type]);
}

/** What a release gave of an area, whether its figures are still the current ones or not. */
async function keysOfRelease(db: View, area: AreaKey, wanted: string): Promise<ReadonlySet<string>> {
  const releases = await db
    .selectFrom('release')
    .select(['publication', 'title'])
    .where((eb) => eb.or([eb('slug', '=', wanted), eb('title', '=', wanted)]))
    .execute();
  if (releases.length === 0)
    throw new NoFiguresError(`No release “${wanted}” is loaded. “absence-watch status” lists what is.`);
  const rows = await historyOf(db, area)
    .select(['series', 'time_period', 'time_identifier', 'school_type'])
    .where(
      sql<boolean>`(publication, release) in (${sql.join(releases.map((one) => sql`(${one.publication}, ${one.title})`))})`,
    )
    .distinct()
    .execute();
  return new Set(rows.map(keyOf));
}

/** Where no enrolments tell which schools have most pupils. */
const TYPE_ORDER = ['Total', 'State-funded primary', 'State-funded secondary', 'Special', 'Alternative provision'];

function rankOfType(type: string): number {
  const at = TYPE_ORDER.indexOf(type);
  return at === -1 ? TYPE_ORDER.length : at;
}

/** Orders periods by which is told first: finished before running, newest first, widest first. */
export function firstTold(a: Period, b: Period): number {
  return (
    Number(a.kind !== 'finished') - Number(b.kind !== 'finished') ||
    b.startYear - a.startYear ||
    widest(a) - widest(b) ||
    b.sort - a.sort
  );
}

function widest(period: Period): number {
  const at = WIDEST_FIRST.indexOf(period.timeIdentifier);
  return at === -1 ? WIDEST_FIRST.length : at;
}
