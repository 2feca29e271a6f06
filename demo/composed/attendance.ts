/** The layouts of the attendance publication, filled with composed figures: estimates from schools that share registers. */
import { sixDigits } from '../../src/domain/period.js';
import { csvOf, geography, pick, type Column, type Placed } from './csv.js';
import { areasOf, composeYear, type AreaFigures, type Counts } from './figures.js';
import { chance } from './split.js';

/** A year to date, as published for one week. */
export interface YearToDate {
  /** First calendar year of the academic year. */
  readonly startYear: number;
  /** ISO week up to which it counts. */
  readonly week: number;
}

const GEOGRAPHY = [
  'geographic_level',
  'country_code',
  'country_name',
  'region_code',
  'region_name',
  'new_la_code',
  'la_name',
  'old_la_code',
];

/** Attendance calls the phases differently. */
const NAMES: Readonly<Record<string, string>> = {
  'State-funded primary': 'Primary',
  'State-funded secondary': 'Secondary',
};

/** Weeks of a school year, from week 36. */
const WEEKS = 47;

function weeksGone(week: number): number {
  return week >= 36 ? week - 35 : week + 52 - 35;
}

/** The running rate of persistent absence: high in autumn, then falling towards that of the year. */
function runningRate({ persistent, enrolments }: Counts, { week }: YearToDate, key: string): number {
  const early = 1 + 0.12 * (1 - weeksGone(week) / WEEKS);
  const wobble = 1 + 0.004 * chance(`${key} ${week}`);
  return (100 * persistent * early * wobble) / enrolments;
}

const keyOf = ({ regionCode, authority }: AreaFigures, phase: string): string =>
  `${regionCode} ${authority?.oldLaCode ?? ''} ${phase}`;

/** One row: an area's phase in one week. */
interface Row extends Placed {
  readonly ytd: YearToDate;
  readonly phase: string;
  /** Names the row, for chance. */
  readonly key: string;
  readonly counts: Counts;
}

const PLACE = pick(geography({ london: 'whole', codes: 'before 2025' }), GEOGRAPHY);

/** Areas and phases of the attendance files: authorities have no row for all schools before 2025/26. */
function rowsOf(ytd: YearToDate): Row[] {
  return areasOf(composeYear('Year to date', ytd.startYear), 'whole').flatMap((area) =>
    [...area.rows].flatMap(([phase, counts]) =>
      phase === 'Total' && area.level === 'Local authority' && ytd.startYear < 2025
        ? []
        : [{ area, ytd, phase: NAMES[phase] ?? phase, key: keyOf(area, phase), counts }],
    ),
  );
}

/** Sums over daily registers are divided by the days, so that counts have fractions. */
const DAYS = 85;
const SHARE_THAT_REPORTS = 0.838;

function estimated(count: number, key: string): number {
  return Math.round(count * SHARE_THAT_REPORTS * DAYS * (1 + 0.02 * chance(`reports ${key}`))) / DAYS;
}

/** Sessions that the registers of a phase have seen by that week. */
function seen({ ytd }: Row, sessions: number): number {
  return Math.round((sessions * SHARE_THAT_REPORTS * weeksGone(ytd.week)) / WEEKS);
}

const possible = (row: Row): number => seen(row, row.counts.possible);
const authorised = (row: Row): number => seen(row, row.counts.authorised);
const unauthorised = (row: Row): number => seen(row, row.counts.unauthorised);
const overall = (row: Row): number => authorised(row) + unauthorised(row);
const illness = (row: Row): number => Math.round(authorised(row) * 0.72);
const rate = (sessions: (row: Row) => number) => (row: Row) => (100 * sessions(row)) / possible(row);

/**
 * Attendance, year to date: quoted headers, counts with fractions, `pa_perc`, `time_identifier` last and called
 * "Academic year" though it is a running total.
 * @param withPersistent false for the files of the autumn, which have no `pa_perc`
 */
export function attendanceFile(ytd: YearToDate, withPersistent = true): string {
  const persistent: Column<Row>[] = withPersistent
    ? [['pa_perc', (row) => runningRate(row.counts, row.ytd, row.key)]]
    : [];
  const columns: Column<Row>[] = [
    ['time_period', () => sixDigits(ytd.startYear)],
    ...PLACE,
    [ytd.startYear < 2025 ? 'school_type' : 'education_phase', ({ phase }) => phase],
    ['num_schools', ({ counts, key }) => estimated(counts.schools, key)],
    ['enrolments', ({ counts, key }) => estimated(counts.enrolments, key)],
    ['overall_attendance', (row) => possible(row) - overall(row)],
    ['overall_absence', overall],
    ['authorised_absence', authorised],
    ['unauthorised_absence', unauthorised],
    ['possible_sessions', possible],
    ['reason_i_authorised_illness', illness],
    ['reason_g_unauthorised_holiday', (row) => Math.round(unauthorised(row) * 0.2)],
    ['total_num_schools', ({ counts }) => counts.schools],
    ['total_enrolments', ({ counts }) => counts.enrolments],
    ['attendance_perc', (row) => 100 - rate(overall)(row)],
    ['overall_absence_perc', rate(overall)],
    ['authorised_absence_perc', rate(authorised)],
    ['unauthorised_absence_perc', rate(unauthorised)],
    ['illness_perc', rate(illness)],
    ...persistent,
    ['time_identifier', () => 'Academic year'],
  ];
  return csvOf(columns, rowsOf(ytd), true);
}

/**
 * Persistent absence in schools: one running rate for each published week, `time_frame` between time and geography.
 * @param weeks ISO weeks of the academic year, newest first
 */
export function persistentAbsenceFile(startYear: number, weeks: readonly number[]): string {
  const columns: Column<Row>[] = [
    ['time_period', ({ ytd }) => (ytd.week >= 36 ? startYear : startYear + 1)],
    ['time_identifier', ({ ytd }) => `Week ${ytd.week}`],
    ['time_frame', () => 'Year to date'],
    ...PLACE,
    ['education_phase', ({ phase }) => (phase === 'Total' ? 'All schools' : phase)],
    ['persistent_absence_percent', ({ counts, ytd, key }) => Number(runningRate(counts, ytd, key).toFixed(2))],
  ];
  return csvOf(
    columns,
    weeks.flatMap((week) => rowsOf({ startYear, week })),
  );
}
