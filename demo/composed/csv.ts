/** Composed figures as text: the columns that place a row, rates, and the CSV itself. */
import { ENGLAND, type AreaFigures } from './figures.js';

/** How an edition of a file spells its areas. */
export interface Edition {
  readonly london: 'whole' | 'halves';
  /** Barnsley and Sheffield got new ONS codes in 2025; files go on with the old ones for a while. */
  readonly codes: 'before 2025' | 'now';
}

/** DfE's three digits of the authorities that were re-coded in 2025. */
const RECODED = ['370', '373'];

export type Row = Readonly<Record<string, string | number>>;

/** The geography of a row. */
export function placed({ level, regionCode, regionName, authority }: AreaFigures, edition: Edition): Row {
  const isRecoded = authority !== undefined && RECODED.includes(authority.oldLaCode) && edition.codes === 'before 2025';
  return {
    geographic_level: level,
    country_code: ENGLAND.code,
    country_name: ENGLAND.name,
    region_code: regionCode,
    region_name: regionName,
    old_la_code: authority?.oldLaCode ?? '',
    new_la_code: (isRecoded ? authority.codes[0] : authority?.code) ?? '',
    la_name: authority?.name ?? '',
  };
}

/** A rate in percent to five decimals without trailing zeros, as in the files. */
export function percent(count: number, of: number): string {
  return of === 0 ? 'z' : String(Number(((100 * count) / of).toFixed(5)));
}

function cell(value: string | number, isQuoted: boolean): string {
  const text = String(value);
  return isQuoted || /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Rows as CSV under the given header.
 * @param quoted quotes every header and text cell, as the attendance files do
 * @throws when a row lacks a column of the header
 */
export function csvOf(headers: readonly string[], rows: readonly Row[], quoted = false): string {
  const lines = rows.map((row) =>
    headers
      .map((header) => {
        const value = row[header];
        if (value === undefined) throw new Error(`a composed row has no ${header}`);
        return cell(value, quoted && typeof value === 'string');
      })
      .join(','),
  );
  return `${[headers.map((header) => cell(header, quoted)).join(','), ...lines].join('\n')}\n`;
}
