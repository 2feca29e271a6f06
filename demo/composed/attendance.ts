/** The layouts of the attendance publication, filled with composed figures: estimates from schools that share registers. */
import { sixDigits } from '../../src/domain/period.js';
import { csvOf, placed, type Row } from './csv.js';
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

/** Areas and phases of the attendance files: authorities have no row for all schools before 2025/26. */
function rowsOf(ytd: YearToDate, row: (counts: Counts, phase: string, key: string) => Row): Row[] {
  return areasOf(composeYear('Year to date', ytd.startYear), 'whole').flatMap((area) =>
    [...area.rows].flatMap(([phase, counts]) => {
      if (phase === 'Total' && area.level === 'Local authority' && ytd.startYear < 2025) return [];
      const place = placed(area, { london: 'whole', codes: 'before 2025' });
      return [{ ...place, ...row(counts, NAMES[phase] ?? phase, keyOf(area, phase)) }];
    }),
  );
}

/** Sums over daily registers are divided by the days, so that counts have fractions. */
const DAYS = 85;
const SHARE_THAT_REPORTS = 0.838;

function estimated(count: number, key: string): number {
  return Math.round(count * SHARE_THAT_REPORTS * DAYS * (1 + 0.02 * chance(`reports ${key}`))) / DAYS;
}

/**
 * Attendance, year to date: quoted headers, counts with fractions, `pa_perc`, `time_identifier` last and called
 * "Academic year" though it is a running total.
 * @param withPersistent false for the files of the autumn, which have no `pa_perc`
 */
export function attendanceFile(ytd: YearToDate, withPersistent = true): string {
  const phaseColumn = ytd.startYear < 2025 ? 'school_type' : 'education_phase';
  const headers = [
    'time_period',
    ...GEOGRAPHY,
    phaseColumn,
    'num_schools',
    'enrolments',
    'overall_attendance',
    'overall_absence',
    'authorised_absence',
    'unauthorised_absence',
    'possible_sessions',
    'reason_i_authorised_illness',
    'reason_g_unauthorised_holiday',
    'total_num_schools',
    'total_enrolments',
    'attendance_perc',
    'overall_absence_perc',
    'authorised_absence_perc',
    'unauthorised_absence_perc',
    'illness_perc',
    ...(withPersistent ? ['pa_perc'] : []),
    'time_identifier',
  ];
  const gone = weeksGone(ytd.week) / WEEKS;
  const rows = rowsOf(ytd, (counts, phase, key) => {
    const possible = Math.round(counts.possible * SHARE_THAT_REPORTS * gone);
    const authorised = Math.round(counts.authorised * SHARE_THAT_REPORTS * gone);
    const unauthorised = Math.round(counts.unauthorised * SHARE_THAT_REPORTS * gone);
    const overall = authorised + unauthorised;
    const illness = Math.round(authorised * 0.72);
    const rate = (sessions: number): number => (100 * sessions) / possible;
    return {
      time_period: sixDigits(ytd.startYear),
      [phaseColumn]: phase,
      num_schools: estimated(counts.schools, key),
      enrolments: estimated(counts.enrolments, key),
      overall_attendance: possible - overall,
      overall_absence: overall,
      authorised_absence: authorised,
      unauthorised_absence: unauthorised,
      possible_sessions: possible,
      reason_i_authorised_illness: illness,
      reason_g_unauthorised_holiday: Math.round(unauthorised * 0.2),
      total_num_schools: counts.schools,
      total_enrolments: counts.enrolments,
      attendance_perc: 100 - rate(overall),
      overall_absence_perc: rate(overall),
      authorised_absence_perc: rate(authorised),
      unauthorised_absence_perc: rate(unauthorised),
      illness_perc: rate(illness),
      pa_perc: runningRate(counts, ytd, key),
      time_identifier: 'Academic year',
    };
  });
  return csvOf(headers, rows, true);
}

/**
 * Persistent absence in schools: one running rate for each published week, `time_frame` between time and geography.
 * @param weeks ISO weeks of the academic year, newest first
 */
export function persistentAbsenceFile(startYear: number, weeks: readonly number[]): string {
  const headers = [
    'time_period',
    'time_identifier',
    'time_frame',
    ...GEOGRAPHY,
    'education_phase',
    'persistent_absence_percent',
  ];
  const rows = weeks.flatMap((week) =>
    rowsOf({ startYear, week }, (counts, phase, key) => ({
      time_period: week >= 36 ? startYear : startYear + 1,
      time_identifier: `Week ${week}`,
      time_frame: 'Year to date',
      education_phase: phase === 'Total' ? 'All schools' : phase,
      persistent_absence_percent: Number(runningRate(counts, { startYear, week }, key).toFixed(2)),
    })),
  );
  return csvOf(headers, rows);
}
