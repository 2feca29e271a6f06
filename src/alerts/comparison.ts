/** Figures as a rule reads them: beside what the rule compares them with. Pure. */
import { Decimal } from '../domain/decimal.js';
import type { Measure } from '../domain/measure.js';
import type { Period } from '../domain/period.js';
import type { Rule } from '../domain/rule.js';
import { hasMeasure, type FigureAt, type Grid } from './figures-at.js';
import { isPerPeriod, type Against, type RuleFigure } from './reading.js';

const DAY = 86_400_000;
/** The same weekday a year before. */
const A_YEAR = 364;
/** Running totals come every one or two weeks, and holidays move: how far the same point of last year may lie off. */
const NEAR_ENOUGH = 10;
/** England and the neighbours are published with the area; in different data sets their days may differ a little. */
const SAME_POINT = 3;
/** A mean of fewer of the configured neighbours than this part says too little. */
const ENOUGH_NEIGHBOURS = 0.5;

/** Where the comparisons of a slice are found. */
export interface Beside {
  readonly england: readonly FigureAt[];
  /** The area's statistical neighbours: their figures, and how many are configured; undefined where it has none. */
  neighbours(
    areaId: number,
  ): { readonly configured: number; readonly figures: readonly (readonly FigureAt[])[] } | undefined;
}

/** A stored figure as the rule reads it; `own` are all figures of its area. */
export function ruleFigure(rule: Rule, figure: FigureAt, own: readonly FigureAt[], beside: Beside): RuleFigure {
  return {
    period: figure.period,
    asOf: figure.asOf,
    value: figure.values[rule.measure] ?? null,
    symbol: symbolOf(figure, rule.measure),
    enrolments: figure.values.enrolments,
    enrolmentsSymbol: symbolOf(figure, 'enrolments'),
    against: against(rule, figure, own, beside),
  };
}

function symbolOf(figure: FigureAt, measure: Measure): string | undefined {
  return figure.values[measure] === null ? figure.symbols[measure] : undefined;
}

function against(rule: Rule, figure: FigureAt, own: readonly FigureAt[], beside: Beside): Against | undefined {
  switch (rule.condition.kind) {
    case 'above':
    case 'below':
      return undefined;
    case 'rise':
    case 'fall': {
      const before = samePointAYearBefore(figure, own, rule.measure);
      return (
        before && {
          who: 'a year before',
          value: before.values[rule.measure] ?? null,
          period: before.period,
          asOf: before.asOf,
        }
      );
    }
    case 'gap_to_england': {
      const england = samePoint(figure, beside.england, rule.measure);
      return (
        england && {
          who: 'England',
          value: england.values[rule.measure] ?? null,
          period: england.period,
          asOf: england.asOf,
        }
      );
    }
    case 'gap_to_neighbours': {
      const neighbours = beside.neighbours(figure.areaId);
      if (neighbours === undefined) return undefined;
      const values = neighbours.figures
        .map((figures) => samePoint(figure, figures, rule.measure)?.values[rule.measure])
        .filter((value) => typeof value === 'string');
      const members = { withFigure: values.length, configured: neighbours.configured };
      if (values.length < neighbours.configured * ENOUGH_NEIGHBOURS || values.length === 0) return undefined;
      const mean = values.reduce((sum, value) => sum.plus(value), new Decimal(0)).div(values.length);
      return { who: 'neighbours', value: mean.toFixed(), period: figure.period, asOf: figure.asOf, members };
    }
  }
}

function isAYearBefore(earlier: Period, later: Period): boolean {
  if (earlier.startYear !== later.startYear - 1) return false;
  return later.kind !== 'week' || earlier.timeIdentifier === later.timeIdentifier;
}

/** The same period of the year before: for a running total the nearest day, at most ten days off. */
function samePointAYearBefore(figure: FigureAt, own: readonly FigureAt[], measure: Measure): FigureAt | undefined {
  const candidates = own.filter((each) => hasMeasure(each, measure) && isAYearBefore(each.period, figure.period));
  if (figure.period.kind !== 'year to date' || figure.asOf === undefined) return candidates.at(-1);
  const target = Date.parse(figure.asOf) - A_YEAR * DAY;
  return nearest(candidates, target, NEAR_ENOUGH);
}

/** Another area's figure for the same period: for a running total of the same day, or nearly. */
function samePoint(figure: FigureAt, others: readonly FigureAt[], measure: Measure): FigureAt | undefined {
  const candidates = others.filter((each) => each.periodId === figure.periodId && hasMeasure(each, measure));
  if (figure.asOf === undefined) return candidates.at(-1);
  return nearest(candidates, Date.parse(figure.asOf), SAME_POINT);
}

function nearest(candidates: readonly FigureAt[], target: number, days: number): FigureAt | undefined {
  let best: FigureAt | undefined;
  let distance = days * DAY;
  for (const each of candidates) {
    if (each.asOf === undefined) continue;
    const off = Math.abs(Date.parse(each.asOf) - target);
    if (off > distance || (off === distance && best !== undefined)) continue;
    best = each;
    distance = off;
  }
  return best;
}

/** Periods to be judged, and those to be read for it. */
export interface Needed {
  readonly judged: ReadonlySet<number>;
  readonly read: readonly number[];
}

/**
 * What a change in some periods bears on. Rises and falls need the year before each period beside it, and the year
 * after is judged anew, as it is compared with one that may have changed.
 */
export function neededPeriods(
  rules: readonly Rule[],
  changed: Iterable<number>,
  periods: ReadonlyMap<number, Period>,
): Needed {
  const judged = new Set(changed);
  const read = new Set(judged);
  if (!rules.some(({ condition }) => isPerPeriod(condition))) return { judged, read: [...read] };
  for (const id of [...judged]) {
    const period = periods.get(id);
    if (period === undefined) continue;
    for (const [other, candidate] of periods) {
      if (candidate.timeIdentifier !== period.timeIdentifier) continue;
      const years = candidate.startYear - period.startYear;
      if (years === 1) judged.add(other);
      if (Math.abs(years) === 1) read.add(other);
    }
  }
  return { judged, read: [...read] };
}

/** The comparisons that lie in a grid. */
export function besideOf(
  grid: Grid,
  englandId: number | undefined,
  neighbourIds: (areaId: number) => { readonly configured: number; readonly ids: readonly number[] } | undefined,
): Beside {
  return {
    england: englandId === undefined ? [] : (grid.get(englandId) ?? []),
    neighbours(areaId) {
      const found = neighbourIds(areaId);
      return found && { configured: found.configured, figures: found.ids.map((id) => grid.get(id) ?? []) };
    },
  };
}
