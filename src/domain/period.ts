/**
 * Time, as EES writes it: a time period (four or six digits) and a time identifier.
 * Finished periods are terms, autumn and spring terms together, and academic years; running periods are the
 * year to date and weeks.
 */

/** The time identifiers that absence and attendance use (EES open data standard; "Year to date" is ours, see product words). */
export type TimeIdentifier =
  | 'Academic year'
  | 'Autumn term'
  | 'Spring term'
  | 'Summer term'
  | 'Autumn and spring term'
  | 'Year to date'
  | `Week ${number}`;

export type PeriodKind = 'finished' | 'year to date' | 'week';

export interface Period {
  /** As in EES: six digits for academic years and terms ('202425'), the calendar year for a week ('2025'). */
  readonly timePeriod: string;
  readonly timeIdentifier: TimeIdentifier;
  readonly kind: PeriodKind;
  /** The first calendar year of the academic year: 2024 for 2024/25, also for a week in spring 2025. */
  readonly startYear: number;
  /** '2024/25' */
  readonly academicYear: string;
  /** What a person reads: 'Autumn and spring term 2024/25', 'Week 8 2025', 'Year to date 2024/25', 'Academic year 2024/25'. */
  readonly label: string;
  /** Orders the periods of one series: finished periods by year, weeks by the days they stand for. */
  readonly sort: number;
}

/** '2024/25' for 2024, '1999/00' for 1999. */
export function academicYearLabel(startYear: number): string {
  return `${startYear}/${String((startYear + 1) % 100).padStart(2, '0')}`;
}

/** '202425' for 2024. */
export function sixDigits(startYear: number): string {
  return `${startYear}${String((startYear + 1) % 100).padStart(2, '0')}`;
}

/** The Monday (as an ISO date) of an ISO 8601 week: DfE numbers attendance weeks so (2024 Week 37 is 9 September 2024). */
export function weekStart(year: number, week: number): string {
  const january4 = new Date(Date.UTC(year, 0, 4));
  const mondayOfWeek1 = january4.getTime() - ((january4.getUTCDay() + 6) % 7) * DAY;
  return new Date(mondayOfWeek1 + (week - 1) * 7 * DAY).toISOString().slice(0, 10);
}

/** Whether a calendar year has a week of that number: one in five or six has a 53rd. */
export function hasWeek(year: number, week: number): boolean {
  return week >= 1 && week <= 53 && weekStart(year, week) < weekStart(year + 1, 1);
}

/** The Friday of that week, the last school day: the `as_of` of a figure for a week. */
export function weekEnd(year: number, week: number): string {
  return new Date(Date.parse(weekStart(year, week)) + 4 * DAY).toISOString().slice(0, 10);
}

const DAY = 86_400_000;

/** The school year turns in August: DfE's week 36 is the first of a new one (weeks 1-35 belong to the year before). */
const FIRST_WEEK_OF_SCHOOL_YEAR = 36;

/**
 * Builds a period of an academic year or term.
 * @param startYear first calendar year of the academic year
 */
export function academicPeriod(startYear: number, timeIdentifier: Exclude<TimeIdentifier, `Week ${number}`>): Period {
  const academicYear = academicYearLabel(startYear);
  return {
    timePeriod: sixDigits(startYear),
    timeIdentifier,
    kind: timeIdentifier === 'Year to date' ? 'year to date' : 'finished',
    startYear,
    academicYear,
    label: `${timeIdentifier} ${academicYear}`,
    sort: startYear,
  };
}

/** Builds the period of one week. @param year calendar year, as published @param week 1-53 */
export function weekPeriod(year: number, week: number): Period {
  const startYear = week >= FIRST_WEEK_OF_SCHOOL_YEAR ? year : year - 1;
  return {
    timePeriod: String(year),
    timeIdentifier: `Week ${week}`,
    kind: 'week',
    startYear,
    academicYear: academicYearLabel(startYear),
    label: `Week ${week} ${year}`,
    sort: Number(weekStart(year, week).replaceAll('-', '')),
  };
}

/** '202425' -> 2024 when it is two consecutive years of this century or the last, else undefined ('202426', '2024', '002425'). */
export function parseSixDigits(text: string): number | undefined {
  if (!/^(19|20)\d{4}$/.test(text)) return undefined;
  const startYear = Number(text.slice(0, 4));
  return Number(text.slice(4)) === (startYear + 1) % 100 ? startYear : undefined;
}

/** The period that a row of the view `absence` names by its two columns; undefined when they are of no known form. */
export function periodOf(timePeriod: string, timeIdentifier: string): Period | undefined {
  const week = /^Week (\d{1,2})$/.exec(timeIdentifier);
  if (week !== null) return /^\d{4}$/.test(timePeriod) ? weekPeriod(Number(timePeriod), Number(week[1])) : undefined;
  const startYear = parseSixDigits(timePeriod);
  const identifier = ACADEMIC_IDENTIFIERS.find((known) => known === timeIdentifier);
  return startYear === undefined || identifier === undefined ? undefined : academicPeriod(startYear, identifier);
}

const ACADEMIC_IDENTIFIERS = [
  'Academic year',
  'Autumn term',
  'Spring term',
  'Summer term',
  'Autumn and spring term',
  'Year to date',
] as const;
