/** How one figure stands against a rule: a number that can be held against the line, too low to print, or no figure. */
import { decimal, type Decimal } from '../domain/decimal.js';
import type { Period } from '../domain/period.js';
import type { Condition, Rule } from '../domain/rule.js';
import { discontinuity } from '../domain/series.js';
import { symbolMeaning } from '../domain/symbol.js';
import { symbolWords } from './brief-words.js';

/** What rise, fall and gaps compare a figure with. */
export interface Against {
  readonly who: 'a year before' | 'England' | 'neighbours';
  /** Decimal text as published (of neighbours the unweighted mean); null where there is no number. */
  readonly value: string | null;
  readonly period: Period;
  readonly asOf: string | undefined;
  /** How many neighbours the mean is of, and how many are configured. */
  readonly members?: { readonly withFigure: number; readonly configured: number };
}

/** One figure of one area, series, school type and breakdown, as the rule reads it. */
export interface RuleFigure {
  readonly period: Period;
  /** For running totals and weeks the day up to which they count (ISO date). */
  readonly asOf: string | undefined;
  /** Decimal text as published; null where a symbol stands. */
  readonly value: string | null;
  /** The symbol as published, where `value` is null. */
  readonly symbol: string | undefined;
  /** Decimal text; null or undefined where not published. */
  readonly enrolments: string | null | undefined;
  /** The symbol that stands in place of the enrolments. */
  readonly enrolmentsSymbol?: string | undefined;
  readonly against: Against | undefined;
}

/** `compared`: what is held against the line: the value itself, or the difference, in the rule's direction. */
export type Reading =
  | { readonly kind: 'number'; readonly value: Decimal; readonly compared: Decimal; readonly notes: readonly string[] }
  | { readonly kind: 'low' }
  | { readonly kind: 'none'; readonly why: string };

/** A figure that can be judged. */
export type Readable = Exclude<Reading, { kind: 'none' }>;

/** True for conditions that are told for each period in which they happen, instead of a state carried over. */
export function isPerPeriod(condition: Condition): boolean {
  return condition.kind === 'rise' || condition.kind === 'fall';
}

/** True where the rule holds the figure itself, not a difference, against its line. */
export function isLevel(condition: Condition): condition is Extract<Condition, { kind: 'above' | 'below' }> {
  return condition.kind === 'above' || condition.kind === 'below';
}

const none = (why: string): Reading => ({ kind: 'none', why });

/**
 * Reads a figure for a rule. `low` and `k` are figures below every line and no figure for a difference; other
 * symbols, fewer enrolments than `min_enrolments` and a missing comparison are no figure.
 */
export function read(rule: Rule, figure: RuleFigure): Reading {
  const notes: string[] = [];
  const meaning = figure.symbol === undefined ? undefined : symbolMeaning(figure.symbol);
  if (figure.value === null && meaning !== 'low') return none(`the figure is ${symbolWords(figure.symbol ?? '')}`);
  const small = tooSmall(rule, figure);
  if (small !== undefined) return none(small);
  if (figure.value === null)
    return isLevel(rule.condition)
      ? { kind: 'low' }
      : none('the figure is too low to be published, so no difference can be told');
  if (typeof figure.enrolments !== 'string' && rule.minEnrolments > 0)
    notes.push('the number of pupil enrolments behind it is not published');
  const value = decimal(figure.value);
  if (isLevel(rule.condition)) return { kind: 'number', value, compared: value, notes };

  const against = figure.against;
  const wanted = whoIsCompared(rule.condition);
  if (against === undefined || against.value === null) return none(`there is no figure ${wanted} to compare with`);
  if (against.who === 'a year before') {
    const between = discontinuity(rule.measure, against.period, figure.period);
    if (between?.kind === 'break') return none(between.says);
    if (between !== undefined) notes.push(`compared across a gap: ${between.says}`);
  }
  if (against.members !== undefined && against.members.withFigure < against.members.configured)
    notes.push(`${against.members.withFigure} of ${against.members.configured} statistical neighbours have a figure`);
  const difference = value.minus(against.value);
  return { kind: 'number', value, compared: rule.condition.kind === 'fall' ? difference.neg() : difference, notes };
}

function tooSmall(rule: Rule, figure: RuleFigure): string | undefined {
  if (rule.minEnrolments <= 0) return undefined;
  if (typeof figure.enrolments === 'string')
    return decimal(figure.enrolments).lt(rule.minEnrolments)
      ? `it stands for ${figure.enrolments} pupil enrolments, fewer than the rule asks for (${rule.minEnrolments})`
      : undefined;
  return figure.enrolmentsSymbol !== undefined && symbolMeaning(figure.enrolmentsSymbol) === 'low'
    ? `it stands for fewer pupil enrolments than the rule asks for (${rule.minEnrolments})`
    : undefined;
}

function whoIsCompared(condition: Condition): string {
  if (condition.kind === 'gap_to_england') return 'for England';
  if (condition.kind === 'gap_to_neighbours') return 'for enough statistical neighbours';
  return 'for the same period a year before';
}

/**
 * Is the rule in breach? Strictly more (or less) than the line; once in breach, until past the clearing line.
 * @param carried whether it was in breach before this figure
 */
export function isBreach(condition: Condition, reading: Readable, carried: boolean): boolean {
  if (reading.kind === 'low') return condition.kind === 'below';
  const { compared } = reading;
  switch (condition.kind) {
    case 'above':
    case 'gap_to_england':
    case 'gap_to_neighbours':
      return (
        compared.gt(condition.line) ||
        (carried && condition.clearBelow !== undefined && compared.gte(condition.clearBelow))
      );
    case 'below':
      return (
        compared.lt(condition.line) ||
        (carried && condition.clearAbove !== undefined && compared.lte(condition.clearAbove))
      );
    case 'rise':
    case 'fall':
      return compared.gt(condition.line);
  }
}

/** How much further into breach `compared` is than `mailed` was, in points (negative: less far). */
export function furtherBy(condition: Condition, compared: Decimal, mailed: string): Decimal {
  return condition.kind === 'below' ? decimal(mailed).minus(compared) : compared.minus(mailed);
}
