/** Rows of the view `absence` as CSV, for people's spreadsheets. */
import { MEASURES } from './domain/measure.js';
import type { AbsenceView } from './load/schema.js';

const CSV_COLUMNS = [
  'series',
  'publication',
  'release',
  'data_set',
  'data_set_version',
  'published_at',
  'loaded_at',
  'time_period',
  'time_identifier',
  'period_label',
  'academic_year',
  'geographic_level',
  'area_code',
  'old_la_code',
  'area_name',
  'region_code',
  'region_name',
  'school_type',
  'breakdown_topic',
  'breakdown',
  ...MEASURES,
  'as_of',
  'symbols',
] as const satisfies readonly (keyof AbsenceView)[];

/** One line of CSV with its end, values as published; a spreadsheet takes nothing of it for a formula. */
export function csvLine(values: readonly (string | Date | object | null)[]): string {
  const cell = (value: string | Date | object | null): string => {
    const text =
      value === null
        ? ''
        : value instanceof Date
          ? value.toISOString()
          : typeof value === 'object'
            ? JSON.stringify(value)
            : value;
    // A spreadsheet takes a leading = + @ for a formula; negative numbers are left alone.
    const safe = /^[=+@\t\r]|^-(?![\d.])/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return `${values.map(cell).join(',')}\r\n`;
}

/** The view's columns (without provenance) as CSV. */
export function csv(rows: readonly AbsenceView[]): string {
  return [csvLine(CSV_COLUMNS), ...rows.map((row) => csvLine(CSV_COLUMNS.map((column) => row[column])))].join('');
}
