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

/** One row of a file: an area, at a time, with its counts. */
export interface Placed {
  readonly area: AreaFigures;
}

/** A column: its name and what it shows of a row. */
export type Column<T> = readonly [name: string, show: (row: T) => string | number];

/** The columns that place a row, by name; files put them in different orders. */
export function geography(edition: Edition): Readonly<Record<string, (row: Placed) => string>> {
  const oldCodes = edition.codes === 'before 2025' ? RECODED : [];
  return {
    geographic_level: ({ area }) => area.level,
    country_code: () => ENGLAND.code,
    country_name: () => ENGLAND.name,
    region_code: ({ area }) => area.regionCode,
    region_name: ({ area }) => area.regionName,
    old_la_code: ({ area }) => area.authority?.oldLaCode ?? '',
    new_la_code: ({ area: { authority } }) =>
      (authority && oldCodes.includes(authority.oldLaCode) ? authority.codes[0] : authority?.code) ?? '',
    la_name: ({ area }) => area.authority?.name ?? '',
  };
}

/** Columns by name out of a table. @throws when the table has none of that name */
export function pick<T>(
  table: Readonly<Record<string, (row: T) => string | number>>,
  names: readonly string[],
): Column<T>[] {
  return names.map((name) => {
    const show = table[name];
    if (!show) throw new Error(`no column ${name} is composed`);
    return [name, show];
  });
}

/** A rate in percent to five decimals without trailing zeros, as in the files. */
export function percent(count: number, of: number): string {
  return of === 0 ? 'z' : String(Number(((100 * count) / of).toFixed(5)));
}

function cell(text: string, isQuoted: boolean): string {
  return isQuoted || /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Rows as CSV.
 * @param quoted quotes every header and text cell, as the attendance files do
 */
export function csvOf<T>(columns: readonly Column<T>[], rows: readonly T[], quoted = false): string {
  const lines = [columns.map(([name]) => cell(name, quoted)).join(',')];
  for (const row of rows) {
    let line = '';
    for (const [, show] of columns) {
      const value = show(row);
      line += typeof value === 'number' ? `,${value}` : `,${cell(value, quoted)}`;
    }
    lines.push(line.slice(1));
  }
  return `${lines.join('\n')}\n`;
}
