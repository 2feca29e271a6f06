/** What a series did up to a figure: the year before, records, and whether a change is speeding up or slowing. */
import type { Decimal } from '../domain/decimal.js';
import { RATES, type Measure } from '../domain/measure.js';
import { academicYearLabel, type Period } from '../domain/period.js';
import { discontinuity, type Discontinuity } from '../domain/series.js';
import type { BriefFacts, FigureRow, Sentence } from './brief-model.js';
import {
  difference,
  differenceFits,
  figureOf,
  joined,
  meanOf,
  neighbourMeans,
  placesWhere,
  rounding,
  say,
  shownDifference,
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
  /** Of a running total: this year has earlier figures, but last year has none for the same point of it. */
  | { readonly kind: 'no such point'; readonly academicYear: string }
  /** Of a running total: the years before have figures, this one has none yet. */
  | { readonly kind: 'first of the year' }
  /** Of a week that no week of the year before can be set beside: the last one before it. */
  | { readonly kind: 'week before'; readonly figure: Figure }
  /** No earlier figure of the measure was ever loaded; `alone`: nor of any other measure. */
  | { readonly kind: 'first'; readonly alone: boolean };

export interface Pace {
  readonly direction: 'rise' | 'fall';
  readonly how: 'slowing' | 'speeding up';
  /** For how many years running. */
  readonly years: 1 | 2;
  /** Oldest first: three figures, or four where it goes on for two years. */
  readonly figures: readonly Figure[];
}

/** A figure that stands out from all that may be compared with it. */
export interface Highest {
  readonly kind: 'highest' | 'lowest';
  readonly since: Period;
  /** What began then: the area's figures, while others have older ones; all figures on record; those after a break or a gap. */
  readonly began: 'figures of the area' | 'figures on record' | 'comparable figures';
}

export interface Course {
  readonly now: Figure;
  readonly before: Before;
  readonly pace: Pace | undefined;
  /** Decimal places that figures and differences of this course need, to agree in print. */
  readonly places: 1 | 2;
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
/**
 * The course of one measure up to the last of an area's rows, oldest first; undefined where that row has no number.
 * @param around.past of a running total, its figures of earlier days
 */
export function courseOf(
  rows: readonly FigureRow[],
  measure: Measure,
  around: { readonly past?: readonly FigureRow[] | undefined } = {},
): Course | undefined {
  const last = rows.at(-1);
  const now = figureOf(last, measure);
  if (last === undefined || now === undefined) return undefined;
  const before = beforeOf(rows, measure, now, around.past ?? []);
  const pace = last.period.kind === 'finished' ? paceOf(comparableStretch(rowsLike(rows, last), measure)) : undefined;
  return {
    now,
    before,
    pace,
    places: placesWhere(
      (as) =>
        (before.kind !== 'year before' || differenceFits(as, now.value, before.figure.value)) &&
        (pace === undefined || (differencesFit(as, pace) && paceShows(as, pace))),
    ),
  };
}

/** Decimal places at which the change on the year before, where there is one to tell, agrees with its two figures. */
export function differencePlaces(rows: readonly FigureRow[], measure: Measure): 1 | 2 {
  const [now, before] = [figureOf(rows.at(-1), measure), figureOf(rowYearBefore(rows), measure)];
  if (now === undefined || before === undefined) return 1;
  if (discontinuity(measure, before.row.period, now.row.period) !== undefined) return 1;
  return placesWhere((as) => differenceFits(as, now.value, before.value));
}

/** Decimal places at which the change of the mean of the neighbours, where there is one to tell, agrees with both means. */
export function neighbourPlaces(facts: BriefFacts, measure: Measure): 1 | 2 {
  const means = neighbourMeans(facts, measure);
  if (means?.comparable !== true) return 1;
  const [now, before] = [meanOf(means.now), meanOf(means.before)];
  return placesWhere((as) => differenceFits(as, now, before));
}

function beforeOf(rows: readonly FigureRow[], measure: Measure, now: Figure, past: readonly FigureRow[]): Before {
  const { period } = now.row;
  const earlier = rows.filter((row) => row.period.sort < period.sort);
  const yearBefore = rowYearBefore(rows);
  const figure = figureOf(yearBefore, measure);
  if (figure !== undefined) {
    const by = discontinuity(measure, figure.row.period, period);
    return by === undefined ? { kind: 'year before', figure } : { kind: 'apart', figure, by };
  }
  const academicYear = academicYearLabel(period.startYear - 1);
  const symbol = yearBefore?.symbols[measure];
  if (symbol !== undefined) return { kind: 'missing', academicYear, symbol };
  const lastFigure = earlier.map((row) => figureOf(row, measure)).findLast((found) => found !== undefined);
  if (period.kind === 'year to date') {
    const told = past.filter((row) => figureOf(row, measure) !== undefined);
    if (told.some((row) => row.period.sort === period.sort)) return { kind: 'no such point', academicYear };
    if (told.length > 0) return { kind: 'first of the year' };
  }
  if (lastFigure === undefined)
    return { kind: 'first', alone: ![...earlier, ...past].some((row) => RATES.some((rate) => figureOf(row, rate))) };
  const by = discontinuity(measure, lastFigure.row.period, period);
  if (by === undefined && period.kind === 'week') return { kind: 'week before', figure: lastFigure };
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

/** Rows of the same period of each year. */
function rowsLike(rows: readonly FigureRow[], last: FigureRow): readonly FigureRow[] {
  return rows.filter((row) => row.period.timeIdentifier === last.period.timeIdentifier);
}

/**
 * Is the last of an area's rows, oldest first, the highest or the lowest of those that may be compared with it? A record
 * stands out in print too: equal as printed to an earlier figure is none. A running figure is none either.
 * @param places decimal places with which the figures are printed
 * @param others rows of other areas in the series, from which is seen whether a year is missing here only
 */
export function recordOf(
  rows: readonly FigureRow[],
  measure: Measure,
  places: number,
  others: readonly FigureRow[],
): Highest | undefined {
  const last = rows.at(-1);
  if (last?.period.kind !== 'finished') return undefined;
  const like = rowsLike(rows, last);
  const stretch = comparableStretch(like, measure);
  const now = stretch.at(-1);
  const earlier = stretch.slice(0, -1);
  const first = earlier[0];
  if (now === undefined || first === undefined || earlier.length < RECORD_WANTS) return undefined;
  const began = beginningOf(first, like, others);
  if (began === undefined) return undefined;
  const as = rounding(places);
  const shown = as(now.value);
  const than = earlier.map(({ value }) => as(value));
  const about = { since: first.row.period, began };
  if (than.every((other) => other.lt(shown))) return { kind: 'highest', ...about };
  if (than.every((other) => other.gt(shown))) return { kind: 'lowest', ...about };
  return undefined;
}

/**
 * What begins with the first figure of a comparable stretch. undefined where a figure is missing or withheld before it
 * that the series may well have: nobody knows what it was, so a record would claim too much.
 */
function beginningOf(
  { row, measure }: Figure,
  rows: readonly FigureRow[],
  others: readonly FigureRow[],
): Highest['began'] | undefined {
  const isEarlier = (other: FigureRow): boolean => other.period.sort < row.period.sort;
  const known = others.filter((other) => isEarlier(other) && figureOf(other, measure) !== undefined);
  const before = rows.findLast((other) => isEarlier(other) && other.values[measure] !== undefined);
  if (before === undefined) return known.length > 0 ? 'figures of the area' : 'figures on record';
  const between = discontinuity(measure, before.period, row.period);
  if (between === undefined || (between.kind === 'gap' && between.missing !== undefined)) return undefined;
  const onlyHere = known.some((other) => discontinuity(measure, other.period, row.period) === undefined);
  return onlyHere ? undefined : 'comparable figures';
}

function steps(figures: readonly Figure[]): readonly Decimal[] {
  return figures.slice(1).map(({ value }, i) => value.minus(figures[i]?.value ?? value));
}

/**
 * Speeding up or slowing, of changes that go one way. A change that one decimal shows as 0.0 is none to speak of, and a
 * pace that two decimals do not show is no news.
 */
function paceOf(stretch: readonly Figure[]): Pace | undefined {
  const [d1, d2, d3] = [undefined, undefined, undefined, ...steps(stretch.slice(-4))].slice(-3);
  if (d2 === undefined || d3 === undefined || isSlight(d2) || isSlight(d3) || d2.gt(0) !== d3.gt(0)) return undefined;
  const direction = d3.gt(0) ? 'rise' : 'fall';
  const how = d3.abs().lt(d2.abs()) ? 'slowing' : 'speeding up';
  const over = (years: 1 | 2): Pace => ({ direction, how, years, figures: stretch.slice(-2 - years) });
  const two = d1 === undefined || isSlight(d1) || d1.gt(0) !== d2.gt(0) ? [] : [over(2)];
  return [...two, over(1)].find((pace) => paceShows(rounding(2), pace));
}

/** Does each change go further than the one before it, or less far? */
function goOneWay(changes: readonly Decimal[], how: Pace['how']): boolean {
  return changes.every((change, i) => {
    const before = changes[i - 1]?.abs();
    return before === undefined || (how === 'slowing' ? change.abs().lt(before) : change.abs().gt(before));
  });
}

function isSlight(step: Decimal): boolean {
  return rounding(1)(step).isZero();
}

function differencesFit(as: Rounding, { figures }: Pace): boolean {
  return figures.every(({ value }, i) => i === 0 || differenceFits(as, value, figures[i - 1]?.value ?? value));
}

/** Do the differences go the way that is told, both as they are and as they are printed? */
function paceShows(as: Rounding, { figures, how }: Pace): boolean {
  const shown = figures.slice(1).map(({ value }, i) => shownDifference(as, value, figures[i]?.value ?? value));
  return [shown, steps(figures).map(as)].every(
    (changes) => changes.every((step) => !step.isZero()) && goOneWay(changes, how),
  );
}

/**
 * 'The rise has slowed for two years running: 0.4 percentage points in 2022/23, 0.3 in 2023/24 and 0.2 in 2024/25.'
 * @param places decimal places of the figures, at least those that the course of the pace needs
 * @param of what moves, where it has to be said: ' in severe absence across England'
 */
export function paceSentence(pace: Pace | undefined, places: number, of: string): Sentence | undefined {
  if (pace === undefined) return undefined;
  const gone = pace.how === 'slowing' ? 'slowed' : 'sped up';
  const howLong = pace.years === 2 ? ' for two years running' : '';
  const at = pacePlaces(pace, places);
  const parts = pace.figures.slice(1).map((figure, i) => {
    const by = difference(figure, pace.figures[i] ?? figure, at);
    return say`${by}${i === 0 ? ' percentage points' : ''} in ${shortPeriod(figure.row.period)}`;
  });
  return say`The ${pace.direction}${of} has ${gone}${howLong}: ${joined(parts)}.`;
}

/** Decimal places of the changes of a pace: those of the figures beside the last one, or two where those do not show it. */
function pacePlaces(pace: Pace, places: number): number {
  return paceShows(rounding(places), pace) && differencesFit(rounding(places), pace) ? places : Math.max(places, 2);
}
