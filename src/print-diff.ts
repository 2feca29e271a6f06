/** What a version changed, for people and their spreadsheets. */
import { printed, printedCount } from './domain/decimal.js';
import { isMeasure, isRate, MEASURE_WORDS } from './domain/measure.js';
import type { ChangedFigure } from './load/diff.js';
import type { FigureDifference } from './load/differences.js';
import { counted } from './print.js';
import { csvLine } from './series-csv.js';

/** '3 figures added, 1 gone, 12 changed'. */
export function diffCounts(diff: { readonly added: number; readonly gone: number; readonly changed: number }): string {
  const [gone, changed] = [diff.gone, diff.changed].map((count) => count.toLocaleString('en-GB'));
  return `${counted(diff.added, 'figure')} added, ${gone ?? ''} gone, ${changed ?? ''} changed`;
}

/** How a measure is called: 'persistent absence'. */
export function measureWords(measure: string): string {
  return isMeasure(measure) ? MEASURE_WORDS[measure] : measure;
}

/** A figure as published, with its unit; a symbol as it stands. */
export function figureText(measure: string, value: string | null): string {
  if (value === null || value === '') return 'none';
  if (!/^-?[\d.]+$/.test(value) || !isMeasure(measure)) return value;
  // A correction may lie in the second place: no rounding here.
  return isRate(measure)
    ? `${value.includes('.') ? value.replace(/(\.\d+?)0+$/, '$1') : printed(value)}%`
    : printedCount(value);
}

/** 'England, Academic year 2022/23: persistent absence 17.3% → 17.5%'. */
export function changeText({ area, period, school_type, breakdown, measure, from, to }: ChangedFigure): string {
  const about = [area, period, ...[school_type, breakdown].filter((each) => each !== 'Total')].join(', ');
  return `${about}: ${measureWords(measure)} ${figureText(measure, from)} → ${figureText(measure, to)}`;
}

/** As `changeText`, with what became of the figure before it. */
export function differenceText(each: FigureDifference): string {
  const breakdown = each.breakdown_topic === 'Total' ? 'Total' : `${each.breakdown_topic}: ${each.breakdown}`;
  const period = `${each.period_label}${each.as_of === null ? '' : ` to ${each.as_of}`}`;
  return `${each.change.padEnd('changed'.length)}  ${changeText({ ...each, area: each.area_name, period, breakdown })}`;
}

const COLUMNS = [
  ...(['change', 'series', 'time_period', 'time_identifier', 'period_label', 'geographic_level'] as const),
  ...(['area_code', 'old_la_code', 'area_name', 'school_type', 'breakdown_topic', 'breakdown', 'as_of'] as const),
  ...(['measure', 'from', 'to'] as const),
] as const satisfies readonly (keyof FigureDifference)[];

export const DIFFERENCES_CSV_HEADER = csvLine(COLUMNS);

export function differenceCsv(each: FigureDifference): string {
  return csvLine(COLUMNS.map((column) => each[column]));
}

/** Numbers as numbers; a symbol stays text. */
export function differenceJson(each: FigureDifference): Record<string, unknown> {
  const value = (text: string | null): number | string | null =>
    text !== null && /^-?\d/.test(text) && Number.isFinite(Number(text)) ? Number(text) : text;
  return { ...each, from: value(each.from), to: value(each.to) };
}
