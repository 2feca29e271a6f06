/** The layouts of the absence publication, by era, filled with composed figures. */
import { academicYearLabel, sixDigits } from '../../src/domain/period.js';
import { csvOf, geography, percent, pick, type Column, type Edition, type Placed } from './csv.js';
import { areasOf, composeYear, type Correction, type Counts } from './figures.js';
import { addUpGroups, composeGroups, type GroupFigures } from './groups.js';
import type { ComposedPeriod } from './targets.js';

/** What one file covers. */
export interface Coverage extends Edition {
  readonly period: Exclude<ComposedPeriod, 'Year to date'>;
  /** First calendar years of its academic years. */
  readonly years: readonly number[];
  readonly correction?: Correction;
}

/** One row: an area in a year, a phase, and in some files a group of pupils. */
interface Row extends Placed {
  readonly startYear: number;
  readonly phase: string;
  readonly topic: string;
  readonly group: string;
  readonly counts: Counts;
}

const GEOGRAPHY = [
  'geographic_level',
  'country_code',
  'country_name',
  'region_code',
  'region_name',
  'old_la_code',
  'new_la_code',
  'la_name',
];

const ENROLMENTS: Column<Row> = ['enrolments', ({ counts }) => counts.enrolments];

const overall = ({ counts }: Row): number => counts.authorised + counts.unauthorised;

const SESSIONS: readonly Column<Row>[] = [
  ['sess_possible', ({ counts }) => counts.possible],
  ['sess_overall', overall],
  ['sess_authorised', ({ counts }) => counts.authorised],
  ['sess_unauthorised', ({ counts }) => counts.unauthorised],
  ['sess_overall_percent', (row) => percent(overall(row), row.counts.possible)],
  ['sess_authorised_percent', ({ counts }) => percent(counts.authorised, counts.possible)],
  ['sess_unauthorised_percent', ({ counts }) => percent(counts.unauthorised, counts.possible)],
];

const PERSISTENT: readonly Column<Row>[] = [
  ['enrolments_pa_10_exact', ({ counts }) => counts.persistent],
  ['enrolments_pa_10_exact_percent', ({ counts }) => percent(counts.persistent, counts.enrolments)],
];

const SEVERE: readonly Column<Row>[] = [
  ['enrolments_pa_50_exact', ({ counts }) => counts.severe],
  ['enrolments_pa_50_exact_percent', ({ counts }) => percent(counts.severe, counts.enrolments)],
];

/** Reasons in the order of the file, with their weight among authorised or unauthorised absence. */
const AUTHORISED = [
  ['sess_auth_illness', 72],
  ['sess_auth_appointments', 7],
  ['sess_auth_religious', 2],
  ['sess_auth_study', 1],
  ['sess_auth_traveller', 0.3],
  ['sess_auth_holiday', 0.2],
  ['sess_auth_ext_holiday', 0.1],
  ['sess_auth_excluded', 3.5],
  ['sess_auth_other', 13.9],
] as const;
const UNAUTHORISED = [
  ['sess_unauth_holiday', 20],
  ['sess_unauth_late', 9],
  ['sess_unauth_other', 68],
  ['sess_unauth_noyet', 3],
] as const;

/** Columns that divide a count by weights (which add up to 100), each the difference of two rounded running sums. */
function divided(weights: readonly (readonly [string, number])[], of: 'authorised' | 'unauthorised'): Column<Row>[] {
  let before = 0;
  return weights.map(([name, weight]) => {
    const from = before;
    const to = Math.min(100, Number((from + weight).toFixed(6)));
    before = to;
    return [name, ({ counts }) => Math.round((counts[of] * to) / 100) - Math.round((counts[of] * from) / 100)];
  });
}

const REASONS: readonly Column<Row>[] = [
  ...divided(AUTHORISED, 'authorised'),
  ['sess_auth_totalreasons', ({ counts }) => counts.authorised],
  ...divided(UNAUTHORISED, 'unauthorised'),
  ['sess_unauth_totalreasons', ({ counts }) => counts.unauthorised],
  ['sess_overall_totalreasons', overall],
];

const TIME_PERIOD: Column<Row> = ['time_period', ({ startYear }) => sixDigits(startYear)];

function timeIdentifier({ period }: Coverage): Column<Row> {
  return ['time_identifier', () => period];
}

function phaseColumn(name: string): Column<Row> {
  return [name, ({ phase }) => phase];
}

const newestFirst = (years: readonly number[]): number[] => [...years].sort((a, b) => b - a);

/** Newest year first; England first, then regions, then authorities. */
function rowsOf(coverage: Coverage): Row[] {
  return newestFirst(coverage.years).flatMap((startYear) =>
    areasOf(composeYear(coverage.period, startYear, coverage.correction), coverage.london).flatMap((area) =>
      [...area.rows].map(([phase, counts]) => ({ area, startYear, phase, topic: 'Total', group: 'Total', counts })),
    ),
  );
}

/**
 * Absence rates by geographic level: the wide layout.
 * @param phase `school_type` up to 2023/24, `education_phase` since; the severe columns move with it
 */
export function wideFile(coverage: Coverage, phase: 'school_type' | 'education_phase'): string {
  const isOld = phase === 'school_type';
  const halfTerms: Column<Row>[] =
    coverage.period === 'Academic year' ? [['year_breakdown', () => 'Six half terms']] : [];
  const time = isOld ? [timeIdentifier(coverage), ...halfTerms, TIME_PERIOD] : [TIME_PERIOD, timeIdentifier(coverage)];
  const columns = [
    ...time,
    ...pick(geography(coverage), GEOGRAPHY),
    phaseColumn(phase),
    ['num_schools', ({ counts }: Row) => counts.schools] as const,
    ENROLMENTS,
    ...SESSIONS,
    ...PERSISTENT,
    ...(isOld ? [...REASONS, ...SEVERE] : [...SEVERE, ...REASONS]),
  ];
  return csvOf(columns, rowsOf(coverage));
}

/** Every area with all pupils, each phase, and each group of all phases. */
function breakdownRows(coverage: Coverage): Row[] {
  return newestFirst(coverage.years).flatMap((startYear) => {
    const figures = composeYear(coverage.period, startYear, coverage.correction);
    const groups = composeGroups(figures, startYear);
    return areasOf(figures, coverage.london).flatMap((area) => {
      const members = figures.flatMap(({ authority }, at): GroupFigures[] => {
        const belongs =
          area.level === 'National' ||
          authority === area.authority ||
          (area.level === 'Regional' && [authority.regionCode, authority.innerOuter?.code].includes(area.regionCode));
        const ofAuthority = groups[at];
        return belongs && ofAuthority ? [ofAuthority] : [];
      });
      return [
        ...[...area.rows].map(([phase, counts]) => ({
          area,
          startYear,
          phase,
          topic: 'Total',
          group: 'Total',
          counts,
        })),
        ...[...addUpGroups(members)].flatMap(([topic, cells]) =>
          [...cells].map(([group, counts]) => ({ area, startYear, phase: 'Total', topic, group, counts })),
        ),
      ];
    });
  });
}

/** Absence by pupil characteristics: `breakdown_topic` and `breakdown`, England, regions and authorities. */
export function characteristicsFile(coverage: Coverage): string {
  const terms = coverage.period === 'Academic year' ? 'Six half terms' : coverage.period;
  const columns: Column<Row>[] = [
    TIME_PERIOD,
    timeIdentifier(coverage),
    ['absence_terms', () => terms],
    ...pick(geography(coverage), GEOGRAPHY),
    phaseColumn('education_phase'),
    ['breakdown_topic', ({ topic }) => topic],
    ['breakdown', ({ group }) => group],
    ENROLMENTS,
    ...SESSIONS,
    ...PERSISTENT,
    ...SEVERE,
  ];
  return csvOf(columns, breakdownRows(coverage));
}

/** How the older characteristics files spell the same groups. */
const OLD_GROUPS: Readonly<Record<string, string>> = {
  'EHC plan': 'SEN - Statement or EHCP',
  'SEN support': 'SEN - SEN support',
  'No SEN': 'SEN - No SEN',
  'FSM eligible': 'FSM - Eligible',
  'Not FSM eligible': 'FSM - Not eligible',
};

/** The older layout, England only: one column `characteristic`. */
export function nationalCharacteristicsFile(coverage: Coverage): string {
  const columns: Column<Row>[] = [
    timeIdentifier(coverage),
    TIME_PERIOD,
    ...pick(geography(coverage), GEOGRAPHY),
    phaseColumn('school_type'),
    ['characteristic', ({ group }) => OLD_GROUPS[group] ?? group],
    ENROLMENTS,
    ...SESSIONS,
    ...PERSISTENT,
    ...SEVERE,
  ];
  const rows = breakdownRows(coverage).filter(({ area }) => area.level === 'National');
  return csvOf(columns, rows);
}

/** The three rows that the long layout makes of one. */
const ABSENCE_TYPES = ['Total pupils', 'Persistent absence', 'Severe absence'] as const;

/** The long layout of the official API's data set for persistent and severe absentees. */
export function longFile(coverage: Coverage): string {
  type LongRow = Row & { readonly absenceType: (typeof ABSENCE_TYPES)[number] };
  const count = ({ absenceType, counts }: LongRow): number =>
    absenceType === 'Total pupils'
      ? counts.enrolments
      : absenceType === 'Persistent absence'
        ? counts.persistent
        : counts.severe;
  const columns: Column<LongRow>[] = [
    TIME_PERIOD,
    timeIdentifier(coverage),
    ...pick(geography(coverage), GEOGRAPHY),
    phaseColumn('phase_type_grouping'),
    ['absence_type', ({ absenceType }) => absenceType],
    ['enrolment_count', count],
    [
      'enrolment_percent',
      (row) => (row.absenceType === 'Total pupils' ? 'z' : percent(count(row), row.counts.enrolments)),
    ],
  ];
  const rows = rowsOf(coverage).flatMap((row) => ABSENCE_TYPES.map((absenceType) => ({ ...row, absenceType })));
  return csvOf(columns, rows);
}

/** '2018/19 to 2024/25' for a list of years. */
export function yearsText(years: readonly number[]): string {
  return `${academicYearLabel(Math.min(...years))} to ${academicYearLabel(Math.max(...years))}`;
}
