/** Which series, schools and period a brief is about. */
import { sql } from 'kysely';
import { RATES } from '../domain/measure.js';
import { periodOf, type Period } from '../domain/period.js';
import type { BriefWanted, Rows, View } from './brief-facts.js';

export const ALL_PUPILS = { topic: 'Total', breakdown: 'Total' } as const;

/** There is nothing to tell. */
export class NoFiguresError extends Error {
  override readonly name = 'NoFiguresError';
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

/** Which series and period to tell: of the release or series wanted, finished before running, newest first, widest first. */
export async function choosePeriod(db: View, here: Rows, name: string, wanted: BriefWanted): Promise<Told> {
  const { topic, breakdown } = wanted.slice ?? ALL_PUPILS;
  let rows = here.where('breakdown_topic', '=', topic).where('breakdown', '=', breakdown);
  if (wanted.slice !== undefined) rows = rows.where('school_type', '=', wanted.slice.schoolType);
  if (wanted.series !== undefined) rows = rows.where('series', '=', wanted.series);
  if (wanted.timePeriod !== undefined) rows = rows.where('time_period', '=', wanted.timePeriod);
  if (wanted.timeIdentifier !== undefined) rows = rows.where('time_identifier', '=', wanted.timeIdentifier);
  if (wanted.release !== undefined) {
    const releases = await db
      .selectFrom('release')
      .select(['publication', 'title'])
      .where((eb) => eb.or([eb('slug', '=', wanted.release ?? ''), eb('title', '=', wanted.release ?? '')]))
      .execute();
    if (releases.length === 0)
      throw new NoFiguresError(`No release “${wanted.release}” is loaded. “absence-watch status” lists what is.`);
    rows = rows.where(
      sql<boolean>`(publication, release) in (${sql.join(releases.map((one) => sql`(${one.publication}, ${one.title})`))})`,
    );
  }
  const found = (await rows.execute()).flatMap((row) => {
    const period = periodOf(row.time_period, row.time_identifier);
    const hasRate = RATES.some((rate) => row[rate] !== null || row.symbols?.[rate] !== undefined);
    return period === undefined || !hasRate ? [] : [{ row, period }];
  });
  found.sort(
    (a, b) =>
      Number(a.period.kind !== 'finished') - Number(b.period.kind !== 'finished') ||
      b.period.startYear - a.period.startYear ||
      widest(a.period) - widest(b.period) ||
      b.period.sort - a.period.sort ||
      Number(a.row.school_type !== 'Total') - Number(b.row.school_type !== 'Total') ||
      Number(b.row.enrolments ?? 0) - Number(a.row.enrolments ?? 0) ||
      rankOfType(a.row.school_type) - rankOfType(b.row.school_type) ||
      a.row.school_type.localeCompare(b.row.school_type) ||
      a.row.series.localeCompare(b.row.series),
  );
  const best = found[0];
  if (best === undefined)
    throw new NoFiguresError(
      `No absence rate of ${name} is loaded${wanted.release === undefined ? '' : ` from the release “${wanted.release}”`}.`,
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

/** Where no enrolments tell which schools have most pupils. */
const TYPE_ORDER = ['Total', 'State-funded primary', 'State-funded secondary', 'Special', 'Alternative provision'];

function rankOfType(type: string): number {
  const at = TYPE_ORDER.indexOf(type);
  return at === -1 ? TYPE_ORDER.length : at;
}

function widest(period: Period): number {
  const at = WIDEST_FIRST.indexOf(period.timeIdentifier);
  return at === -1 ? WIDEST_FIRST.length : at;
}
