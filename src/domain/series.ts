/**
 * Series: figures that may be compared over time: same publication family, same time identifier, no break between.
 * A series that a break of every measure divides has two ids (five and six half terms); a break that touches some
 * measures only (the attendance codes of 2024/25) and gaps are answered by `discontinuity`.
 */
import { isRate, type Measure } from './measure.js';
import { academicYearLabel, type Period, type TimeIdentifier } from './period.js';

/** absence: the school census; attendance: daily registers. A publication we do not know is a family of its own (its slug). */
export type Family = string;

/** Publications of one family; the term publications were superseded in 2023, their figures go on in the first one. */
const FAMILIES: Record<string, Family> = {
  'pupil-absence-in-schools-in-england': 'absence',
  'pupil-absence-in-schools-in-england-autumn-term': 'absence',
  'pupil-absence-in-schools-in-england-autumn-and-spring-terms': 'absence',
  'pupil-attendance-in-schools': 'attendance',
};

/** The publications whose layouts and families are known. */
export const KNOWN_PUBLICATIONS: readonly string[] = Object.keys(FAMILIES);

export function familyOf(publicationSlug: string): Family {
  return FAMILIES[publicationSlug] ?? publicationSlug;
}

/** The part of a series id that a time identifier gives: weeks share one series. */
function identifierSlug(timeIdentifier: TimeIdentifier): string {
  return timeIdentifier.startsWith('Week ') ? 'week' : timeIdentifier.toLowerCase().replaceAll(' ', '-');
}

/** The academic year from which six half terms are counted (DfE methodology: five up to 2011/12). */
const SIX_HALF_TERMS_FROM = 2012;

/**
 * The id of the series a figure belongs to, for example `absence/autumn-and-spring-term`, `attendance/year-to-date`,
 * `absence/academic-year` (six half terms) or `absence/academic-year/five-half-terms`.
 * @param halfTerms what the file says (`year_breakdown`); without it the year decides
 */
export function seriesId(family: Family, period: Period, halfTerms?: 5 | 6): string {
  const id = `${family}/${identifierSlug(period.timeIdentifier)}`;
  if (period.timeIdentifier !== 'Academic year' || family === 'attendance') return id;
  const five = halfTerms === undefined ? period.startYear < SIX_HALF_TERMS_FROM : halfTerms === 5;
  return five ? `${id}/five-half-terms` : id;
}

/** Whether a break has ended a series: its figures are history, whoever looks at them for the first time. */
export function isEndedSeries(id: string): boolean {
  return id.endsWith('/five-half-terms');
}

/** Rates whose meaning changed with the attendance codes of 2024/25 (DfE, "Working together to improve school attendance"). */
const CODES_CHANGED_FROM = 2024;
const CODE_DEPENDENT: readonly Measure[] = [
  'overall_absence_rate',
  'authorised_absence_rate',
  'unauthorised_absence_rate',
];

/** Why two figures of one series cannot be told as a trend. */
export type Discontinuity =
  | { readonly kind: 'break'; readonly year: number; readonly says: string }
  | {
      readonly kind: 'gap';
      readonly says: string;
      /** The academic years without a figure, where nothing but that lies between: others may have figures for them. */
      readonly missing?: readonly string[];
    };

/**
 * What lies between two periods of one series, if anything: a break makes the figures incomparable, a gap makes
 * them comparable only with a word of warning. Across neither a trend, a record or a slowing is told. Where there are
 * both, the break.
 */
export function discontinuity(measure: Measure, earlier: Period, later: Period): Discontinuity | undefined {
  return discontinuities(measure, earlier, later)[0];
}

/** As `discontinuity`, all that there is: breaks first. */
export function discontinuities(measure: Measure, earlier: Period, later: Period): Discontinuity[] {
  return [codesBetween(measure, earlier, later), gapBetween(measure, earlier, later)].filter(
    (each) => each !== undefined,
  );
}

function codesBetween(measure: Measure, earlier: Period, later: Period): Discontinuity | undefined {
  if (
    !isRate(measure) ||
    !CODE_DEPENDENT.includes(measure) ||
    earlier.startYear >= CODES_CHANGED_FROM ||
    later.startYear < CODES_CHANGED_FROM
  )
    return undefined;
  return {
    kind: 'break',
    year: CODES_CHANGED_FROM,
    says: 'attendance codes and coverage changed in 2024/25, so figures before and after are not compared',
  };
}

function gapBetween(measure: Measure, earlier: Period, later: Period): Discontinuity | undefined {
  // No full year 2019/20 was published (schools closed in March 2020) and 2020/21 counts COVID codes apart. How pupils'
  // absence was counted bears on rates and on counts of absentees, not on how many pupils are enrolled.
  const ofAbsence = measure !== 'enrolments';
  if (ofAbsence && later.kind === 'finished' && earlier.startYear <= 2019 && later.startYear >= 2020)
    return { kind: 'gap', says: 'the pandemic years lie between (no full year 2019/20 was published)' };
  if (ofAbsence && later.kind === 'finished' && earlier.startYear === 2020 && later.startYear > 2020)
    return { kind: 'gap', says: '2020/21 counted absence for COVID-19 apart' };
  if (later.kind === 'finished' && later.startYear - earlier.startYear > 1) {
    const missing = Array.from({ length: later.startYear - earlier.startYear - 1 }, (_, i) =>
      academicYearLabel(earlier.startYear + 1 + i),
    );
    const [only] = missing;
    const between =
      missing.length === 1 && only !== undefined
        ? only
        : `the years between ${earlier.academicYear} and ${later.academicYear}`;
    return { kind: 'gap', says: `no figure was published for ${between}`, missing };
  }
  return undefined;
}

/** The break that divides two series of one make, for example full years of five and of six half terms. */
export function breakBetweenSeries(earlier: string, later: string): Discontinuity | undefined {
  if (!isEndedSeries(earlier) || earlier !== `${later}/five-half-terms`) return undefined;
  return {
    kind: 'break',
    year: SIX_HALF_TERMS_FROM,
    says: 'full years count five half terms up to 2011/12 and six from 2012/13, so figures before and after are not compared',
  };
}

/**
 * The stretch of a series inside which a measure may be compared: figures of two epochs are never compared, and the
 * first figure of an epoch is a baseline.
 */
export function epochOf(measure: Measure, period: Period): 'before 2024/25' | 'current' {
  return CODE_DEPENDENT.includes(measure) && period.startYear < CODES_CHANGED_FROM ? 'before 2024/25' : 'current';
}
