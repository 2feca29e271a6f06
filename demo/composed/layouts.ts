/** The layouts of the absence publication, by era, filled with composed figures. */
import { academicYearLabel, sixDigits } from '../../src/domain/period.js';
import { csvOf, percent, placed, type Edition, type Row } from './csv.js';
import { areasOf, composeYear, type Correction, type Counts, type Level } from './figures.js';
import { addUpGroups, composeGroups } from './groups.js';
import { splitWithin } from './split.js';
import type { ComposedPeriod } from './targets.js';

/** What one file covers. */
export interface Coverage extends Edition {
  readonly period: Exclude<ComposedPeriod, 'Year to date'>;
  /** First calendar years of its academic years. */
  readonly years: readonly number[];
  readonly correction?: Correction;
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
const SESSIONS = ['sess_possible', 'sess_overall', 'sess_authorised', 'sess_unauthorised'];
const SESSION_RATES = ['sess_overall_percent', 'sess_authorised_percent', 'sess_unauthorised_percent'];
const PERSISTENT = ['enrolments_pa_10_exact', 'enrolments_pa_10_exact_percent'];
const SEVERE = ['enrolments_pa_50_exact', 'enrolments_pa_50_exact_percent'];

/** Reasons in the order of the file, with their weight among authorised or unauthorised absence. */
const AUTHORISED: Readonly<Record<string, number>> = {
  sess_auth_illness: 72,
  sess_auth_appointments: 7,
  sess_auth_religious: 2,
  sess_auth_study: 1,
  sess_auth_traveller: 0.3,
  sess_auth_holiday: 0.2,
  sess_auth_ext_holiday: 0.1,
  sess_auth_excluded: 3.5,
  sess_auth_other: 13.9,
};
const UNAUTHORISED: Readonly<Record<string, number>> = {
  sess_unauth_holiday: 20,
  sess_unauth_late: 9,
  sess_unauth_other: 68,
  sess_unauth_noyet: 3,
};
const REASONS = [
  ...Object.keys(AUTHORISED),
  'sess_auth_totalreasons',
  ...Object.keys(UNAUTHORISED),
  'sess_unauth_totalreasons',
  'sess_overall_totalreasons',
];

function rates({ enrolments, persistent, severe }: Counts): Row {
  return {
    enrolments,
    enrolments_pa_10_exact: persistent,
    enrolments_pa_10_exact_percent: percent(persistent, enrolments),
    enrolments_pa_50_exact: severe,
    enrolments_pa_50_exact_percent: percent(severe, enrolments),
  };
}

function sessions({ possible, authorised, unauthorised }: Counts): Row {
  const overall = authorised + unauthorised;
  return {
    sess_possible: possible,
    sess_overall: overall,
    sess_authorised: authorised,
    sess_unauthorised: unauthorised,
    sess_overall_percent: percent(overall, possible),
    sess_authorised_percent: percent(authorised, possible),
    sess_unauthorised_percent: percent(unauthorised, possible),
  };
}

function reasons({ authorised, unauthorised }: Counts): Row {
  const spread = (total: number, weights: Readonly<Record<string, number>>): Row => {
    const parts = splitWithin(total, Object.values(weights));
    return Object.fromEntries(Object.keys(weights).map((name, at) => [name, parts[at] ?? 0]));
  };
  return {
    ...spread(authorised, AUTHORISED),
    sess_auth_totalreasons: authorised,
    ...spread(unauthorised, UNAUTHORISED),
    sess_unauth_totalreasons: unauthorised,
    sess_overall_totalreasons: authorised + unauthorised,
  };
}

/** Newest year first, England first, then regions, then authorities. */
function rowsOf(coverage: Coverage, row: (counts: Counts, phase: string, time: Row) => Row): Row[] {
  return [...coverage.years].reverse().flatMap((year) => {
    const time = { time_period: sixDigits(year), time_identifier: coverage.period };
    return areasOf(composeYear(coverage.period, year, coverage.correction), coverage.london).flatMap((area) =>
      [...area.rows].map(([phase, counts]) => ({ ...placed(area, coverage), ...row(counts, phase, time) })),
    );
  });
}

/**
 * Absence rates by geographic level: the wide layout.
 * @param phaseColumn `school_type` up to 2023/24, `education_phase` since; the severe columns move with it
 */
export function wideFile(coverage: Coverage, phaseColumn: 'school_type' | 'education_phase'): string {
  const isOld = phaseColumn === 'school_type';
  const breakdown = isOld && coverage.period === 'Academic year' ? ['year_breakdown'] : [];
  const headers = [
    ...(isOld ? ['time_identifier', ...breakdown, 'time_period'] : ['time_period', 'time_identifier']),
    ...GEOGRAPHY,
    phaseColumn,
    'num_schools',
    'enrolments',
    ...SESSIONS,
    ...SESSION_RATES,
    ...PERSISTENT,
    ...(isOld ? [] : SEVERE),
    ...REASONS,
    ...(isOld ? SEVERE : []),
  ];
  const rows = rowsOf(coverage, (counts, phase, time) => ({
    ...time,
    year_breakdown: 'Six half terms',
    [phaseColumn]: phase,
    num_schools: counts.schools,
    ...rates(counts),
    ...sessions(counts),
    ...reasons(counts),
  }));
  return csvOf(headers, rows);
}

/** Total and groups of an area, as topic and group. */
type Breakdowns = readonly { readonly topic: string; readonly group: string; readonly counts: Counts }[];

/** Every area of one year with its breakdowns: all pupils, each phase, and each group of all phases. */
function breakdownsOf(
  coverage: Coverage,
  year: number,
): { place: Row; level: Level; phases: ReadonlyMap<string, Counts>; groups: Breakdowns }[] {
  const figures = composeYear(coverage.period, year, coverage.correction);
  const groups = composeGroups(figures, year);
  return areasOf(figures, coverage.london).map((area) => {
    const members = figures.flatMap(({ authority }, at) => {
      const belongs =
        area.level === 'National' ||
        authority === area.authority ||
        (area.level === 'Regional' &&
          (authority.regionCode === area.regionCode || authority.innerOuter?.code === area.regionCode));
      return belongs ? (groups[at] ?? []) : [];
    });
    const added = addUpGroups(members);
    return {
      place: placed(area, coverage),
      level: area.level,
      phases: area.rows,
      groups: [...added].flatMap(([topic, cells]) => [...cells].map(([group, counts]) => ({ topic, group, counts }))),
    };
  });
}

/** Absence by pupil characteristics: `breakdown_topic` and `breakdown`, England, regions and authorities. */
export function characteristicsFile(coverage: Coverage): string {
  const headers = [
    'time_period',
    'time_identifier',
    'absence_terms',
    ...GEOGRAPHY,
    'education_phase',
    'breakdown_topic',
    'breakdown',
    'enrolments',
    ...SESSIONS,
    ...SESSION_RATES,
    ...PERSISTENT,
    ...SEVERE,
  ];
  const terms = coverage.period === 'Academic year' ? 'Six half terms' : coverage.period;
  const rows = [...coverage.years].reverse().flatMap((year) =>
    breakdownsOf(coverage, year).flatMap(({ place, phases, groups }) => {
      const common = { ...place, time_period: sixDigits(year), time_identifier: coverage.period, absence_terms: terms };
      const row = (phase: string, topic: string, group: string, counts: Counts): Row => ({
        ...common,
        education_phase: phase,
        breakdown_topic: topic,
        breakdown: group,
        ...rates(counts),
        ...sessions(counts),
      });
      return [
        ...[...phases].map(([phase, counts]) => row(phase, 'Total', 'Total', counts)),
        ...groups.map(({ topic, group, counts }) => row('Total', topic, group, counts)),
      ];
    }),
  );
  return csvOf(headers, rows);
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
  const headers = [
    'time_identifier',
    'time_period',
    ...GEOGRAPHY,
    'school_type',
    'characteristic',
    'enrolments',
    ...SESSIONS,
    ...SESSION_RATES,
    ...PERSISTENT,
    ...SEVERE,
  ];
  const rows = [...coverage.years].reverse().flatMap((year) =>
    breakdownsOf(coverage, year)
      .filter(({ level }) => level === 'National')
      .flatMap(({ place, phases, groups }) => {
        const common = { ...place, time_period: sixDigits(year), time_identifier: coverage.period };
        const row = (phase: string, characteristic: string, counts: Counts): Row => ({
          ...common,
          school_type: phase,
          characteristic,
          ...rates(counts),
          ...sessions(counts),
        });
        return [
          ...[...phases].map(([phase, counts]) => row(phase, 'Total', counts)),
          ...groups.map(({ group, counts }) => row('Total', OLD_GROUPS[group] ?? group, counts)),
        ];
      }),
  );
  return csvOf(headers, rows);
}

/** The long layout of the official API's data set for persistent and severe absentees. */
export function longFile(coverage: Coverage): string {
  const headers = [
    'time_period',
    'time_identifier',
    ...GEOGRAPHY,
    'phase_type_grouping',
    'absence_type',
    'enrolment_count',
    'enrolment_percent',
  ];
  const rows = rowsOf(coverage, (counts, phase, time) => ({ ...time, phase_type_grouping: phase, ...counts })).flatMap(
    (row) => {
      const enrolments = Number(row['enrolments']);
      const kinds = [
        ['Total pupils', enrolments, 'z'],
        ['Persistent absence', Number(row['persistent']), percent(Number(row['persistent']), enrolments)],
        ['Severe absence', Number(row['severe']), percent(Number(row['severe']), enrolments)],
      ] as const;
      return kinds.map(([kind, count, rate]) => ({
        ...row,
        absence_type: kind,
        enrolment_count: count,
        enrolment_percent: rate,
      }));
    },
  );
  return csvOf(headers, rows);
}

/** '2018/19 to 2024/25' for a list of years. */
export function yearsText(years: readonly number[]): string {
  return `${academicYearLabel(Math.min(...years))} to ${academicYearLabel(Math.max(...years))}`;
}
