/**
 * What the columns of a data file mean, era by era. A file is recognised by its columns, never by its name, and columns
 * are found by name, in any order, whatever the case; spaces and underscores are the same.
 *
 * To teach the program a new spelling, add it to the line of its meaning in COLUMNS, MEASURE_COLUMNS or GROUP_COLUMNS;
 * a new shape of file is a line in LAYOUTS.
 */
import type { GeographicLevel } from './area.js';
import type { Measure } from './measure.js';

/** A column name as it is compared: trimmed, lower case, without a byte order mark, spaces as underscores. */
export function columnKey(name: string): string {
  return name
    .replace(/^\uFEFF/, '')
    .trim()
    .toLowerCase()
    .replace(/\s+/g, '_');
}

/**
 * Columns that say when, where and for which schools. The first name is the one of today's files; where a file has
 * several, the first counts.
 */
export const COLUMNS = {
  timePeriod: ['time_period', 'year'],
  timeIdentifier: ['time_identifier'],
  /** 'five half terms', 'six half terms' (2018/19 files). */
  yearBreakdown: ['year_breakdown'],
  /** Characteristics since 2024/25. */
  absenceTerms: ['absence_terms'],
  /** 'Total', 'Autumn term' under "Academic year" (2016/17); 'Six half terms' in the files before EES. */
  term: ['term'],
  /** 'Week', 'Year to date', or a day of the week (attendance since 2025). */
  timeFrame: ['time_frame'],
  level: ['geographic_level', 'level'],
  countryCode: ['country_code'],
  countryName: ['country_name', 'country'],
  regionCode: ['region_code'],
  regionName: ['region_name'],
  newLaCode: ['new_la_code'],
  oldLaCode: ['old_la_code'],
  laName: ['la_name'],
  schoolUrn: ['school_urn', 'urn'],
  schoolLaestab: ['school_laestab', 'laestab'],
  schoolName: ['school_name'],
  absenceType: ['absence_type'],
  enrolmentCount: ['enrolment_count'],
  enrolmentPercent: ['enrolment_percent'],
} as const;

export type ColumnRole = keyof typeof COLUMNS;

/**
 * Columns that name the kind of school. `school_type` until 2023/24, `education_phase` since, `phase_type_grouping` in the
 * long file, `establishment_type` in DfE's harmonised names. All that a file has count; of a single school the first.
 */
export const SCHOOL_TYPE_COLUMNS = [
  'school_type',
  'phase_type_grouping',
  'establishment_type',
  'education_phase',
  'school_phase',
  'phase_type',
];

/** What is measured. Rates are percent everywhere. */
export const MEASURE_COLUMNS: Record<Measure, readonly string[]> = {
  enrolments: ['enrolments', 'enrolment_count'],
  persistent_absentees: ['enrolments_pa_10_exact', 'enrolments_pa10_exact'],
  persistent_absence_rate: [
    'enrolments_pa_10_exact_percent',
    'enrolments_pa10_exact_percent',
    // Attendance: year to date from the spring of each year; its separate data set.
    'pa_perc',
    'persistent_absence_percent',
  ],
  severe_absentees: ['enrolments_pa_50_exact'],
  severe_absence_rate: ['enrolments_pa_50_exact_percent', 'severe_absence_percent'],
  overall_absence_rate: ['sess_overall_percent', 'overall_absence_perc', 'overall_absence_percent'],
  authorised_absence_rate: ['sess_authorised_percent', 'authorised_absence_perc', 'authorised_absence_percent'],
  unauthorised_absence_rate: ['sess_unauthorised_percent', 'unauthorised_absence_perc', 'unauthorised_absence_percent'],
};

/** Pairs of columns that name a pupil group: its topic, where there is such a column, and the group. */
export const TOPIC_AND_GROUP: readonly { readonly topic?: string; readonly group: string }[] = [
  { topic: 'breakdown_topic', group: 'breakdown' },
  { topic: 'characteristic', group: 'characteristic_breakdown' },
  { group: 'characteristic' },
  { group: 'characteristic_breakdown' },
  { group: 'characteristic_1' },
  { group: 'characteristic_2' },
];

/**
 * Columns of one topic each: those of DfE's data dictionary (personal characteristics, special educational needs, children
 * looked after) with the aliases it names. A row in which two of them name a group is a cross-tabulation, but for a
 * subdivision (`within`, the first of these that the file has).
 */
export const GROUP_COLUMNS: readonly {
  readonly column: string;
  readonly topic: string;
  readonly within?: readonly string[];
}[] = [
  { column: 'sex', topic: 'Sex' },
  { column: 'gender', topic: 'Sex' },
  { column: 'fsm', topic: 'FSM eligibility' },
  { column: 'fsm_eligibility', topic: 'FSM eligibility' },
  { column: 'fsm_status', topic: 'FSM eligibility' },
  { column: 'sen_status', topic: 'SEN status' },
  { column: 'sen_provision', topic: 'SEN provision', within: ['sen_status'] },
  { column: 'sen_primary_need', topic: 'SEN primary need' },
  { column: 'primary_need', topic: 'SEN primary need' },
  { column: 'sen_secondary_need', topic: 'SEN secondary need' },
  { column: 'secondary_need', topic: 'SEN secondary need' },
  // An alias of all three below.
  { column: 'ethnicity', topic: 'Ethnicity' },
  { column: 'ethnicity_major', topic: 'Ethnicity major' },
  { column: 'major_ethnicity', topic: 'Ethnicity major' },
  { column: 'ethnicity_minor', topic: 'Ethnicity minor', within: ['ethnicity_major', 'ethnicity'] },
  { column: 'minor_ethnicity', topic: 'Ethnicity minor', within: ['major_ethnicity', 'ethnicity'] },
  {
    column: 'ethnicity_detailed',
    topic: 'Ethnicity detailed',
    within: ['ethnicity_minor', 'minor_ethnicity', 'ethnicity_major', 'major_ethnicity', 'ethnicity'],
  },
  { column: 'minority_ethnic', topic: 'Minority ethnic' },
  { column: 'first_language', topic: 'First language' },
  { column: 'ncyear', topic: 'Year group' },
  { column: 'nc_year', topic: 'Year group' },
  { column: 'year_group', topic: 'Year group' },
  { column: 'age', topic: 'Age' },
  { column: 'age_group', topic: 'Age group' },
  { column: 'month_of_birth', topic: 'Month of birth' },
  { column: 'term_of_birth', topic: 'Term of birth' },
  { column: 'disadvantage_status', topic: 'Disadvantage status' },
  { column: 'disability_status', topic: 'Disability status' },
  { column: 'learning_difficulty_disability', topic: 'Learning difficulty or disability' },
  { column: 'health_condition', topic: 'Health condition' },
  { column: 'idaci_decile', topic: 'IDACI decile' },
  { column: 'mobility', topic: 'Mobility' },
  { column: 'rurality', topic: 'Rurality' },
  { column: 'relative_access', topic: 'Relative access', within: ['rurality'] },
  { column: 'prior_attainment', topic: 'Prior attainment' },
  { column: 'social_care_group', topic: 'Social care group' },
  { column: 'cla_group', topic: 'Children looked after' },
  { column: 'period_of_care_length', topic: 'Length of period of care' },
  { column: 'placement', topic: 'Placement' },
  { column: 'young_carer', topic: 'Young carer' },
];

/** Words of the names above: a column that has one most probably says which pupils a row is about. */
const PUPIL_WORDS: ReadonlySet<string> = new Set(
  (
    'age birth breakdown care carer carers characteristic characteristics cin cla cohort disability disadvantage ' +
    'disadvantaged ehcp ethnic ethnicity filter fsm gender language need needs premium pupil pupils sen sex'
  ).split(' '),
);

/** Whether the name of a column speaks of groups of pupils. */
export function speaksOfPupils(name: string): boolean {
  return columnKey(name)
    .split(/[^a-z0-9]+/)
    .some((word) => PUPIL_WORDS.has(word));
}

/**
 * Words that a value has which narrows a row: groups of pupils, kinds of schools, and what leaves some out. Not 'pupil': a
 * source or a remark may have it.
 */
const NARROWING_WORDS: ReadonlySet<string> = new Set(
  (
    'academies academy carers children cin cla cohort disadvantaged eal ehc ehcp except excluding fsm ks1 ks2 ks3 ks4 ks5 ' +
    'maintained only sen'
  ).split(' '),
);

/** Whether a text in a column that is not known says that only some pupils or schools are counted. */
export function narrowsPupils(text: string): boolean {
  return text
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .some((word) => NARROWING_WORDS.has(word));
}

/**
 * Geographic levels and, beyond those with columns of their own, their code and name columns (EES open data standard).
 */
export const LEVELS: Record<GeographicLevel, readonly [code?: string | undefined, name?: string]> = {
  National: [],
  Regional: [],
  'Local authority': [],
  School: [],
  'Local authority district': ['lad_code', 'lad_name'],
  'Parliamentary constituency': ['pcon_code', 'pcon_name'],
  Ward: ['ward_code', 'ward_name'],
  'Local enterprise partnership': ['local_enterprise_partnership_code', 'local_enterprise_partnership_name'],
  'Local skills improvement plan area': ['lsip_code', 'lsip_name'],
  'English devolved area': ['english_devolved_area_code', 'english_devolved_area_name'],
  'Mayoral combined authority': ['mayoral_combined_authority_code', 'mayoral_combined_authority_name'],
  'Opportunity area': ['opportunity_area_code', 'opportunity_area_name'],
  'Police force area': ['pfa_code', 'pfa_name'],
  'RSC region': [undefined, 'rsc_region_lead_name'],
  MAT: ['trust_id', 'trust_name'],
  Sponsor: ['sponsor_id', 'sponsor_name'],
  Provider: ['provider_ukprn', 'provider_name'],
  Institution: ['institution_id', 'institution_name'],
  'Planning area': ['planning_area_code', 'planning_area_name'],
};

const LEVELS_BY_SPELLING = new Map(
  (Object.keys(LEVELS) as GeographicLevel[]).map((level) => [level.toLowerCase(), level] as const),
);

/** A geographic level as a file spells it ("LOCAL AUTHORITY"); undefined when it is none. */
export function readLevel(text: string): GeographicLevel | undefined {
  return LEVELS_BY_SPELLING.get(text.trim().toLowerCase());
}

/** Figures that files are known to have and that are not read: sessions, reasons, numbers of schools. */
export const FIGURES_NOT_WATCHED: readonly RegExp[] = [
  /^(?!reason_(group|type|category)$)(sess|reason|auth|unauth|t|pt)_/,
  /_(sessions|perc|covid)$/,
  /^(num_schools|school_count|total_num_schools|total_enrolments|overall_attendance|attendance_perc)$/,
  /^(overall|authorised|unauthorised)_absence$/,
  /^approved_educational_activity$/,
];

/** Other columns that files are known to have and that are not read: facts about schools, names of other levels. */
export const NOT_WATCHED: readonly RegExp[] = [
  /^(academic_year|characteristic_label)$/,
  /^(estab|laestab|urn|school_estab|academy_open_date)$/,
  /^(lad|pcon|ward|lsip|pfa)_(code|name)$/,
];

/**
 * Columns that are not read and leave out the rest where they say something else than Total: facts about a school, which
 * in a row about an area say which of its schools it counts, and kinds of sessions.
 */
export const NARROWING = {
  schools: /^(trust|academy_type|all_through)$/,
  sessions: /^(reason_(group|type|category)|absence_reason|attendance_(status|type))$/,
} as const;

export type LayoutName =
  'wide' | 'characteristics' | 'long' | 'attendance' | 'attendance persistent absence' | 'before EES';

interface LayoutRule {
  /** All of these columns must be there. */
  readonly has: readonly string[];
  readonly is: LayoutName | { readonly notOurs: string };
}

/** The shapes of files, tried from top to bottom: the first whose columns are all there. */
export const LAYOUTS: readonly LayoutRule[] = [
  { has: ['attendance_date'], is: { notOurs: 'it holds single days (attendance_date), which are not watched' } },
  {
    has: ['attendance_reason'],
    is: { notOurs: 'it holds sessions by reason (attendance_reason), none of the five absence rates' },
  },
  {
    has: ['enrolments_overall_0_5'],
    is: { notOurs: 'it holds enrolments in bands of 5% (enrolments_overall_0_5 …), none of the five absence rates' },
  },
  { has: ['absence_type', 'enrolment_count'], is: 'long' },
  { has: ['absence_type', 'enrolment_percent'], is: 'long' },
  { has: ['persistent_absence_percent'], is: 'attendance persistent absence' },
  { has: ['overall_absence_perc'], is: 'attendance' },
  { has: ['pa_perc'], is: 'attendance' },
  { has: ['term', 'year', 'level'], is: 'before EES' },
  { has: ['breakdown_topic', 'breakdown'], is: 'characteristics' },
  { has: ['characteristic'], is: 'characteristics' },
  { has: ['characteristic_breakdown'], is: 'characteristics' },
  { has: ['geographic_level'], is: 'wide' },
  { has: ['level'], is: 'wide' },
];

/** What each value of `absence_type` counts, in the long layout. */
export const ABSENCE_TYPES: Readonly<Record<string, { readonly count: Measure; readonly rate: Measure | undefined }>> =
  {
    // Its percent is 100 or "z".
    'total pupils': { count: 'enrolments', rate: undefined },
    'persistent absence': { count: 'persistent_absentees', rate: 'persistent_absence_rate' },
    'severe absence': { count: 'severe_absentees', rate: 'severe_absence_rate' },
  };

export const LONG_MEASURES: readonly Measure[] = [
  'enrolments',
  'persistent_absentees',
  'persistent_absence_rate',
  'severe_absentees',
  'severe_absence_rate',
];
