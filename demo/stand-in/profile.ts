/** What EES learns from a data file when it is uploaded: levels, periods, filters, indicators, places. */
import { parse } from 'csv-parse';
import type { Readable } from 'node:stream';
import { symbolMeaning } from '../../src/domain/symbol.js';

export interface TimePeriod {
  /** 'AY', 'T1T2', 'W29', … */
  readonly code: string;
  /** '2024/2025' or '2025'. */
  readonly period: string;
  /** '2024/25 Autumn and spring term' */
  readonly label: string;
}

export interface ProfiledColumn {
  readonly column: string;
  readonly label: string;
}

export interface ProfiledFilter extends ProfiledColumn {
  /** In the order of the file. */
  readonly options: readonly string[];
}

export interface ProfiledIndicator extends ProfiledColumn {
  readonly unit: '' | '%';
  readonly decimalPlaces: number;
}

export interface Place {
  readonly code: string;
  readonly label: string;
  /** DfE's three digits, for an authority; the laestab, for a school. */
  readonly oldCode: string | undefined;
}

export interface FileProfile {
  readonly headers: readonly string[];
  /** Data rows, without the header. */
  readonly rows: number;
  /** The first five rows. */
  readonly preview: readonly (readonly string[])[];
  /** Labels ('Local authority'), in alphabetical order as the catalogue shows them. */
  readonly levels: readonly string[];
  /** Ordered by code as text, then period: so W10 comes before W2. */
  readonly periods: readonly TimePeriod[];
  /** First and last period in time. */
  readonly first: TimePeriod | undefined;
  readonly last: TimePeriod | undefined;
  readonly filters: readonly ProfiledFilter[];
  readonly indicators: readonly ProfiledIndicator[];
  readonly places: ReadonlyMap<string, readonly Place[]>;
}

export const LEVEL_CODES: Readonly<Record<string, string>> = {
  National: 'NAT',
  Regional: 'REG',
  'Local authority': 'LA',
  'Local authority district': 'LAD',
  'Parliamentary constituency': 'PCON',
  School: 'SCH',
  Ward: 'WARD',
  MAT: 'MAT',
  Institution: 'INST',
  Provider: 'PROV',
};

/** The columns that name a place at each level: code, name, and the second code where there is one. */
const PLACE_COLUMNS: Readonly<Record<string, readonly [string, string, string?]>> = {
  National: ['country_code', 'country_name'],
  Regional: ['region_code', 'region_name'],
  'Local authority': ['new_la_code', 'la_name', 'old_la_code'],
  School: ['school_urn', 'school_name', 'school_laestab'],
};

/** Neither filter nor indicator: time and geography, and columns that analysts leave out of the metadata. */
const OTHER_COLUMNS = new Set([
  'time_period',
  'time_identifier',
  'geographic_level',
  ...Object.values(PLACE_COLUMNS).flatMap((columns) => columns.filter((column) => column !== undefined)),
  ...['estab', 'laestab', 'urn', 'school_estab', 'trust', 'academy_type', 'academy_open_date', 'all_through'],
]);

const LABELS: Readonly<Record<string, string>> = {
  education_phase: 'Education phase',
  phase_type_grouping: 'Phase-type grouping',
  breakdown_topic: 'Breakdown topic',
  enrolments: 'Number of pupil enrolments',
  num_schools: 'Number of schools',
  enrolments_pa_10_exact: 'Number of persistent absentees',
  enrolments_pa_10_exact_percent: 'Percentage of persistent absentees',
  enrolments_pa_50_exact: 'Number of severe absentees',
  enrolments_pa_50_exact_percent: 'Percentage of severe absentees',
  sess_possible: 'Number of possible sessions',
  sess_overall: 'Number of overall absence sessions',
  sess_authorised: 'Number of authorised absence sessions',
  sess_unauthorised: 'Number of unauthorised absence sessions',
  sess_overall_percent: 'Overall absence rate',
  sess_authorised_percent: 'Authorised absence rate',
  sess_unauthorised_percent: 'Unauthorised absence rate',
  pa_perc: 'Persistent absence rate',
  persistent_absence_percent: 'Persistent absence rate',
};

function labelOf(column: string): string {
  const words = column.replaceAll('_', ' ').trim();
  return LABELS[column] ?? words.charAt(0).toUpperCase() + words.slice(1);
}

const TERMS: Readonly<Record<string, readonly [code: string, words: string]>> = {
  'academic year': ['AY', ''],
  'autumn term': ['T1', 'Autumn term'],
  'spring term': ['T2', 'Spring term'],
  'autumn and spring term': ['T1T2', 'Autumn and spring term'],
  'summer term': ['T3', 'Summer term'],
  'calendar year': ['CY', ''],
};

/** The period of a row; an identifier that EES does not know counts as an academic year. */
export function timePeriod(timePeriodCell: string, identifier: string): TimePeriod {
  const year = Number(timePeriodCell.slice(0, 4));
  const week = /^week (\d+)$/i.exec(identifier.trim())?.[1];
  if (week !== undefined) return { code: `W${week}`, period: String(year), label: `${year} Week ${week}` };
  const [code, words] = TERMS[identifier.trim().toLowerCase()] ?? ['AY', ''];
  if (timePeriodCell.length === 4) return { code, period: String(year), label: `${year}${words && ` ${words}`}` };
  const short = String((year + 1) % 100).padStart(2, '0');
  return { code, period: `${year}/${year + 1}`, label: `${year}/${short}${words && ` ${words}`}` };
}

/** Where a period stands in time: the year, then the week or term in it. */
function timeOrder({ code, period }: TimePeriod): number {
  const within = /^W(\d+)$/.exec(code)?.[1];
  return Number(period.slice(0, 4)) * 100 + (within === undefined ? 0 : Number(within));
}

/** Rows after which a column that held nothing but numbers and symbols is an indicator for good. */
const ROWS_TO_DECIDE = 2_000;
const MOST_OPTIONS = 5_000;

const isFigure = (cell: string): boolean => /^-?[\d.,]+(e[+-]?\d+)?$/i.test(cell) || symbolMeaning(cell) !== undefined;

/** Columns seen so far, sorted into filters and indicators as values come. */
class Columns {
  readonly options = new Map<number, Set<string>>();
  readonly positions: ReadonlyMap<string, number>;
  readonly #filters = new Set<number>();
  readonly #candidates: number[];

  constructor(
    readonly headers: readonly string[],
    wanted: readonly string[] | undefined,
  ) {
    this.positions = new Map(headers.map((header, index) => [header, index]));
    this.#candidates = headers.flatMap((header, index) => (OTHER_COLUMNS.has(header) ? [] : [index]));
    for (const index of this.#candidates) {
      this.options.set(index, new Set());
      if (wanted?.includes(headers[index] ?? '')) this.#filters.add(index);
    }
  }

  see(row: readonly string[], rowNumber: number): void {
    for (const index of this.#candidates) {
      const isFilter = this.#filters.has(index);
      if (!isFilter && rowNumber > ROWS_TO_DECIDE) continue;
      const cell = row[index] ?? '';
      if (!isFilter && !isFigure(cell)) this.#filters.add(index);
      const options = this.options.get(index);
      if (options && options.size < MOST_OPTIONS) options.add(cell);
    }
  }

  /** A filter with a single value is left out of the metadata, as EES does. */
  filters(): ProfiledFilter[] {
    return [...this.#filters].flatMap((index) => {
      const column = this.headers[index] ?? '';
      const options = [...(this.options.get(index) ?? [])].filter((option) => option !== '');
      return options.length > 1 ? [{ column, label: labelOf(column), options }] : [];
    });
  }

  indicators(): ProfiledIndicator[] {
    return this.#candidates.flatMap((index) => {
      if (this.#filters.has(index)) return [];
      const column = this.headers[index] ?? '';
      const isPercent = /perc|rate/.test(column);
      return [
        { column, label: labelOf(column), unit: isPercent ? '%' : '', decimalPlaces: isPercent ? 1 : 0 } as const,
      ];
    });
  }
}

/**
 * Reads a CSV file once and says what is in it.
 * @param filters names of filter columns, for a file whose filters look like figures
 * @throws when the bytes are no CSV
 */
export async function profileOf(csv: Readable, filters?: readonly string[]): Promise<FileProfile> {
  const parser = csv.pipe(parse({ bom: true, relax_column_count: true, skip_empty_lines: true }));
  csv.on('error', (error) => parser.destroy(error));
  let columns: Columns | undefined;
  let rows = 0;
  const preview: string[][] = [];
  const periods = new Map<string, TimePeriod>();
  const places = new Map<string, Map<string, Place>>();
  for await (const record of parser) {
    const row = record as string[];
    if (!columns) {
      columns = new Columns(row, filters);
      continue;
    }
    rows++;
    if (preview.length < 5) preview.push(row);
    columns.see(row, rows);
    const at = columns.positions;
    const cell = (name: string): string => (row[at.get(name) ?? -1] ?? '').trim();
    const time = `${cell('time_period')} ${cell('time_identifier')}`;
    if (!periods.has(time) && /^\d/.test(time))
      periods.set(time, timePeriod(cell('time_period'), cell('time_identifier')));
    const level = cell('geographic_level');
    const [codeColumn, nameColumn, oldColumn] = PLACE_COLUMNS[level] ?? [];
    const code = codeColumn === undefined ? '' : cell(codeColumn);
    const oldCode = oldColumn === undefined ? undefined : cell(oldColumn);
    const known = places.get(level) ?? new Map<string, Place>();
    places.set(level, known);
    const key = `${code} ${oldCode ?? ''}`;
    if (!known.has(key)) known.set(key, { code, label: nameColumn === undefined ? '' : cell(nameColumn), oldCode });
  }
  const inTime = [...periods.values()].sort((a, b) => timeOrder(a) - timeOrder(b));
  return {
    headers: columns?.headers ?? [],
    rows,
    preview,
    levels: [...places.keys()].filter((level) => level !== '').sort(),
    periods: [...inTime].sort((a, b) => compareText(a.code, b.code) || compareText(a.period, b.period)),
    first: inTime[0],
    last: inTime.at(-1),
    filters: columns?.filters() ?? [],
    indicators: columns?.indicators() ?? [],
    places: new Map([...places].map(([level, found]) => [level, [...found.values()]])),
  };
}

/** By code unit, never by locale: the order is part of the contract. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
