/** The small table of a brief: a row for each place and measure, this period beside the year before. */
import { Decimal, printed } from '../domain/decimal.js';
import type { Rate } from '../domain/measure.js';
import { discontinuity } from '../domain/series.js';
import type { BriefFacts, BriefTable, FigureRow, TableRow } from './brief-model.js';
import {
  figureOf,
  meanOf,
  neighbourMeans,
  rounding,
  shownDifference,
  sourceOf,
  statedAt,
  type Places,
} from './brief-print.js';
import { shortPeriod } from './brief-words.js';
import { rowYearBefore } from './brief-trend.js';
import { academicYearLabel, type Period } from '../domain/period.js';

const NO_FIGURE = '–';
const NEIGHBOURS = 'Mean of neighbours';

/** '+0.7', '−0.7', '0.0'. */
export function signed(value: Decimal, places: number): string {
  const text = printed(value.abs(), places);
  if (new Decimal(text).isZero()) return text;
  return `${value.gt(0) ? '+' : '−'}${text}`;
}

/**
 * Figures in percent, changes in percentage points.
 * @param places as the prose prints the same figures; a change is what a reader gets by subtracting (see `statedAt`)
 */
export function briefTable(facts: BriefFacts, measures: readonly Rate[], places: Places): BriefTable {
  const last = facts.own.at(-1);
  const period = last?.period;
  const rows = measures.flatMap((measure) => {
    const to = places(measure);
    return [
      row(measure, facts.area.name, facts.own, to),
      row(measure, facts.region.at(-1)?.area ?? '', facts.region, to),
      row(measure, 'England', facts.england, to),
      neighboursRow(measure, facts, to),
    ].filter((one) => one !== undefined);
  });
  // Where no place has anything for the year before, a column of dashes only puzzles.
  const hasBefore = rows.some(({ before }) => before !== NO_FIGURE);
  return {
    nowHeading: period === undefined ? '' : shortPeriod(period),
    beforeHeading: period === undefined || !hasBefore ? undefined : yearBeforeHeading(facts, period),
    rows,
  };
}

/** 'week 8 2024' beside 'week 8 2025', '2023/24' beside '2024/25'. */
function yearBeforeHeading({ own, region, england }: BriefFacts, period: Period): string {
  const before = [own, region, england].map((rows) => rowYearBefore(rows)?.period).find((one) => one !== undefined);
  return before === undefined ? academicYearLabel(period.startYear - 1) : shortPeriod(before);
}

function row(measure: Rate, place: string, rows: readonly FigureRow[], places: number): TableRow | undefined {
  const last = rows.at(-1);
  if (last === undefined) return undefined;
  const now = figureOf(last, measure);
  const symbol = last.symbols[measure];
  if (now === undefined && symbol === undefined) return undefined;
  const beforeRow = rowYearBefore(rows);
  const found = figureOf(beforeRow, measure);
  const between = found === undefined ? undefined : discontinuity(measure, found.row.period, last.period);
  // Across a break the two must not stand beside each other; across a gap they may, without a change.
  const before = between?.kind === 'break' ? undefined : found;
  const comparable = now !== undefined && before !== undefined && between === undefined;
  const at = comparable ? statedAt(now.value, before.value, places) : places;
  return {
    measure,
    place,
    now: now === undefined ? (symbol ?? NO_FIGURE) : `${printed(now.value, at)}%`,
    before: before === undefined ? (beforeRow?.symbols[measure] ?? NO_FIGURE) : `${printed(before.value, at)}%`,
    values: {
      now: now?.value.toNumber() ?? null,
      before: before?.value.toNumber() ?? null,
      change: comparable ? now.value.minus(before.value).toNumber() : null,
    },
    change: comparable ? signed(shownDifference(rounding(at), now.value, before.value), at) : NO_FIGURE,
    sources: [now, before].filter((figure) => figure !== undefined).map(sourceOf),
  };
}

/** A change is told where both means are of the same neighbours. */
function neighboursRow(measure: Rate, facts: BriefFacts, places: number): TableRow | undefined {
  const means = neighbourMeans(facts, measure);
  if (means === undefined) return undefined;
  const now = meanOf(means.now);
  const before = means.before.length === 0 ? undefined : meanOf(means.before);
  const comparable = before !== undefined && means.comparable;
  const at = comparable ? statedAt(now, before, places) : places;
  return {
    measure,
    place: NEIGHBOURS,
    now: `${printed(now, at)}%`,
    before: before === undefined ? NO_FIGURE : `${printed(before, at)}%`,
    change: comparable ? signed(shownDifference(rounding(at), now, before), at) : NO_FIGURE,
    values: {
      now: now.toNumber(),
      before: before?.toNumber() ?? null,
      change: comparable ? now.minus(before).toNumber() : null,
    },
    sources: [...means.now, ...means.before].map(sourceOf),
  };
}
