/** What a series did up to a figure: the year before, records, and whether a change is speeding up or slowing. */
import { Decimal } from '../domain/decimal.js';
import type { Measure } from '../domain/measure.js';
import { academicYearLabel, type Period } from '../domain/period.js';
import { discontinuity, type Discontinuity } from '../domain/series.js';
import type { FigureRow, Sentence } from './brief-model.js';
import {
  difference,
  differenceFits,
  figureOf,
  joined,
  placesWhere,
  say,
  type Figure,
  type Rounding,
} from './brief-print.js';
import { shortPeriod } from './brief-words.js';

/** What stands before a figure, to compare it with. */
export type Before =
  /** The same period a year before, comparable. */
  | { readonly kind: 'year before'; readonly figure: Figure }
  /** The last figure before, behind a gap or a break. */
  | { readonly kind: 'apart'; readonly figure: Figure; readonly by: Discontinuity }
  /** There are earlier figures, but none for the year before; the symbol where one stands for it. */
  | { readonly kind: 'missing'; readonly academicYear: string; readonly symbol: string | undefined }
  | { readonly kind: 'first' };

export interface Pace {
  readonly direction: 'rise' | 'fall';
  readonly how: 'slowing' | 'speeding up';
  /** For how many years running. */
  readonly years: 1 | 2;
  /** Oldest first: three figures, or four where it goes on for two years. */
  readonly figures: readonly Figure[];
}

export interface Course {
  readonly now: Figure;
  readonly before: Before;
  readonly record:
    { readonly kind: 'highest' | 'lowest'; readonly since: Period; readonly wholeSeries: boolean } | undefined;
  readonly pace: Pace | undefined;
  /** Decimal places at which figures and differences of this course agree in print. */
  readonly places: number;
}

/** Is `earlier` the same period of the year before `later`? */
export function isYearBefore(earlier: Period, later: Period): boolean {
  return earlier.startYear === later.startYear - 1 && earlier.timeIdentifier === later.timeIdentifier;
}

/** The row of the same period a year before the last one. */
export function rowYearBefore(rows: readonly FigureRow[]): FigureRow | undefined {
  const last = rows.at(-1);
  return last === undefined ? undefined : rows.find((row) => isYearBefore(row.period, last.period));
}

/** A record wants company: fewer earlier figures make every second one a record. */
const RECORD_WANTS = 3;
/** A slowing that two decimals do not show is no news. */
const MOST_PLACES_OF_PACE = 2;

/**
 * The course of one measure up to the last row, undefined where that row has no number.
 * @param rows one area, oldest first @param atLeast decimal places to print with at the least
 */
export function courseOf(rows: readonly FigureRow[], measure: Measure, atLeast = 1): Course | undefined {
  const last = rows.at(-1);
  const now = figureOf(last, measure);
  if (last === undefined || now === undefined) return undefined;
  const like = rows.filter((row) => row.period.timeIdentifier === last.period.timeIdentifier);
  const stretch = comparableStretch(like, measure);
  const before = beforeOf(like, measure, now);
  const base = (as: Rounding): boolean =>
    before.kind !== 'year before' || differenceFits(as, now.value, before.figure.value);
  const pace = last.period.kind === 'finished' ? paceOf(stretch) : undefined;
  const shows = (as: Rounding): boolean => pace !== undefined && base(as) && paceShows(as, pace);
  const withPace = placesWhere(shows, atLeast);
  // More decimals asked for by a line close by make no news of what two decimals do not show.
  const tellPace =
    pace !== undefined &&
    placesWhere(shows) <= MOST_PLACES_OF_PACE &&
    withPace <= Math.max(MOST_PLACES_OF_PACE, atLeast);
  return {
    now,
    before,
    record: last.period.kind === 'finished' ? recordOf(stretch, like) : undefined,
    pace: tellPace ? pace : undefined,
    places: tellPace ? withPace : placesWhere(base, atLeast),
  };
}

function beforeOf(rows: readonly FigureRow[], measure: Measure, now: Figure): Before {
  const earlier = rows.filter((row) => row.period.sort < now.row.period.sort);
  const yearBefore = rowYearBefore(rows);
  const figure = figureOf(yearBefore, measure);
  if (figure !== undefined) {
    const by = discontinuity(measure, figure.row.period, now.row.period);
    return by === undefined ? { kind: 'year before', figure } : { kind: 'apart', figure, by };
  }
  const academicYear = academicYearLabel(now.row.period.startYear - 1);
  const symbol = yearBefore?.symbols[measure];
  if (symbol !== undefined) return { kind: 'missing', academicYear, symbol };
  const lastFigure = earlier.map((row) => figureOf(row, measure)).findLast((found) => found !== undefined);
  if (lastFigure === undefined) return { kind: 'first' };
  const by = discontinuity(measure, lastFigure.row.period, now.row.period);
  return by === undefined
    ? { kind: 'missing', academicYear, symbol: undefined }
    : { kind: 'apart', figure: lastFigure, by };
}

/** The figures up to the last one between which neither gap nor break lies, oldest first. */
export function comparableStretch(rows: readonly FigureRow[], measure: Measure): readonly Figure[] {
  const stretch: Figure[] = [];
  for (const row of [...rows].reverse()) {
    const figure = figureOf(row, measure);
    const next = stretch[0];
    if (figure === undefined) break;
    if (next !== undefined && discontinuity(measure, row.period, next.row.period) !== undefined) break;
    stretch.unshift(figure);
  }
  return stretch;
}

/** A record stands out in print too: equal as printed to an earlier figure is none. */
function recordOf(stretch: readonly Figure[], rows: readonly FigureRow[]): Course['record'] {
  const now = stretch.at(-1);
  const earlier = stretch.slice(0, -1);
  const first = earlier[0];
  if (now === undefined || first === undefined || earlier.length < RECORD_WANTS) return undefined;
  const shown = now.value.toDecimalPlaces(1, Decimal.ROUND_HALF_UP);
  const others = earlier.map(({ value }) => value.toDecimalPlaces(1, Decimal.ROUND_HALF_UP));
  const about = { since: first.row.period, wholeSeries: rows[0] === first.row };
  if (others.every((other) => other.lt(shown))) return { kind: 'highest', ...about };
  if (others.every((other) => other.gt(shown))) return { kind: 'lowest', ...about };
  return undefined;
}

function steps(figures: readonly Figure[]): readonly Decimal[] {
  return figures.slice(1).map(({ value }, i) => value.minus(figures[i]?.value ?? value));
}

/** Speeding up or slowing, from unrounded differences, of changes that go one way. */
function paceOf(stretch: readonly Figure[]): Pace | undefined {
  const [d1, d2, d3] = [undefined, undefined, undefined, ...steps(stretch.slice(-4))].slice(-3);
  if (d2 === undefined || d3 === undefined || d2.isZero() || d3.isZero() || d2.gt(0) !== d3.gt(0)) return undefined;
  if (d2.abs().eq(d3.abs())) return undefined;
  const direction = d3.gt(0) ? 'rise' : 'fall';
  const how = d3.abs().lt(d2.abs()) ? 'slowing' : 'speeding up';
  const alsoBefore =
    d1 !== undefined &&
    !d1.isZero() &&
    d1.gt(0) === d2.gt(0) &&
    !d1.abs().eq(d2.abs()) &&
    d2.abs().lt(d1.abs()) === (how === 'slowing');
  return { direction, how, years: alsoBefore ? 2 : 1, figures: stretch.slice(alsoBefore ? -4 : -3) };
}

/** Do the printed differences fit the printed figures, and go the way that is told? */
function paceShows(as: Rounding, { figures, how }: Pace): boolean {
  const fits = figures.every(({ value }, i) => i === 0 || differenceFits(as, value, figures[i - 1]?.value ?? value));
  const shown = steps(figures).map((step) => as(step).abs());
  return (
    fits &&
    shown.every(
      (step, i) => i === 0 || (how === 'slowing' ? step.lt(shown[i - 1] ?? step) : step.gt(shown[i - 1] ?? step)),
    )
  );
}

/**
 * 'The rise has slowed for two years running: 0.4 percentage points in 2022/23, 0.3 in 2023/24 and 0.2 in 2024/25.'
 * @param of what moves, where it has to be said: ' in severe absence across England'
 */
export function paceSentence({ pace, places }: Course, of: string): Sentence | undefined {
  if (pace === undefined) return undefined;
  const gone = pace.how === 'slowing' ? 'slowed' : 'sped up';
  const howLong = pace.years === 2 ? ' for two years running' : '';
  const parts = pace.figures.slice(1).map((figure, i) => {
    const by = difference(figure, pace.figures[i] ?? figure, places);
    return say`${by}${i === 0 ? ' percentage points' : ''} in ${shortPeriod(figure.row.period)}`;
  });
  return say`The ${pace.direction}${of} has ${gone}${howLong}: ${joined(parts)}.`;
}
