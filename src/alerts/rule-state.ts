/** What a rule remembers of an area, what it decides, and the small questions both answer. */
import { decimal } from '../domain/decimal.js';
import type { Period } from '../domain/period.js';
import type { EventKind, Rule } from '../domain/rule.js';
import { symbolMeaning } from '../domain/symbol.js';
import { furtherBy, read, type Reading, type RuleFigure } from './reading.js';
import { isBetweenLines, placesIn, UNHEARD, type CountedFrom, type Telling } from './reason.js';

/** A figure that a mail of this rule has told. */
export interface Told {
  readonly period: Period;
  readonly asOf: string | undefined;
  /** Decimal text, as published then; null where the last word was that there is no figure any more. */
  readonly value: string | null;
  /** The symbol in its place, where that is known. */
  readonly symbol: string | undefined;
  /** Decimal places with which a reader saw it, at least: what a revision has to show at to be one for the reader. */
  readonly places: number;
  readonly inBreach: boolean;
  /** Whether the rule was in breach before this figure: what a revision of it is judged from. */
  readonly before: boolean;
}

/** What a rule remembers of one area, series, school type and breakdown. It never expires. */
export interface RuleState {
  /** null: no figure yet that could be judged. */
  readonly inBreach: boolean | null;
  /** `inBreach` before the newest figure: what a revision of that figure is judged from. */
  readonly before: boolean | null;
  /** The newest figure seen. */
  readonly period: Period;
  readonly asOf: string | undefined;
  readonly value: string | null;
  readonly symbol: string | undefined;
  /** What was held against the line: the value, or the difference in the rule's direction. */
  readonly compared: string | null;
  /** `compared` as last mailed in the present breach, or as it was when that began where nobody was mailed since. */
  readonly mailed: string | null;
  readonly told: readonly Told[];
  /** In breach, and whatever said so was muted: nobody knows of the alert. */
  readonly unheard?: boolean | undefined;
}

export interface Decision {
  readonly kind: EventKind;
  /** In plain words: the figures, the line, and what it was before. */
  readonly reason: string;
  readonly inBreach: boolean;
  /** A correction that opens an alert: by the revision the newest figure came to be past the line. */
  readonly opens?: boolean;
  /** In breach on the clearing line alone: the figure, or the difference, is not past the line itself. */
  readonly betweenLines: boolean;
  readonly value: string | null;
  /** In the place of a value. */
  readonly symbol: string | undefined;
  readonly previousValue: string | null;
  /** What was held against the line; null for low. */
  readonly compared: string | null;
  readonly threshold: string;
  readonly period: Period;
  readonly asOf: string | undefined;
}

export interface Outcome {
  readonly events: readonly Decision[];
  readonly state: RuleState | undefined;
}

/** Orders figures of one series: by period, inside a running year by day. */
export function comparePosition(
  a: { readonly period: Period; readonly asOf: string | undefined },
  b: { readonly period: Period; readonly asOf: string | undefined },
): number {
  if (a.period.sort !== b.period.sort) return a.period.sort - b.period.sort;
  const [x, y] = [a.asOf ?? '', b.asOf ?? ''];
  return x < y ? -1 : x > y ? 1 : 0;
}

/** A state without a value is a judged one only where the figure was `low` and the rule has a line for the figure itself. */
export function wasJudgedLow(rule: Rule, state: RuleState): boolean {
  const asIs: RuleFigure = { ...state, enrolments: undefined, against: undefined };
  return state.inBreach !== null && read(rule, asIs).kind === 'low';
}

/**
 * The state when the events of a step were recorded but not mailed: what was last mailed stays what it was.
 * @param raised the step opened an alert
 */
export function withoutMail(before: RuleState | undefined, after: RuleState, raised: boolean): RuleState {
  const open = after.inBreach === true;
  return {
    ...after,
    told: before?.told ?? [],
    mailed: open ? worseFrom(before) : null,
    unheard: open && (raised || before?.unheard === true) ? true : undefined,
  };
}

/** What a step makes of an alert that nobody knows of: news of it makes it known, and its end says that nobody did. */
export function followUnheard(before: RuleState | undefined, { events, state }: Outcome): Outcome {
  if (before?.unheard !== true || state === undefined || state === before) return { events, state };
  const ofPresent = events.filter((event) => comparePosition(event, state) >= 0);
  if (state.inBreach === true) {
    const isKnown = ofPresent.some(({ inBreach }) => inBreach);
    return { events, state: { ...state, unheard: isKnown ? undefined : true } };
  }
  const end = ofPresent.findLast(({ kind }) => kind === 'cleared' || kind === 'corrected' || kind === 'area ended');
  return {
    events: events.map((event) => (event === end ? { ...event, reason: `${event.reason}${UNHEARD}` } : event)),
    state: { ...state, unheard: undefined },
  };
}

/**
 * What `worse_by` is counted from: what was last mailed; where an alert was opened and muted, what it was opened at, so
 * that a silence, a pause or a backfill does not keep what follows it from being told.
 */
export function worseFrom(state: RuleState | undefined): string | null {
  return state?.inBreach === true ? (state.mailed ?? state.compared) : null;
}

/** What a figure is counted from that lies more than `worse_by` further past the line; undefined where it does not. */
export function worse(rule: Rule, state: RuleState, reading: Reading, telling: Telling): CountedFrom | undefined {
  const from = worseFrom(state);
  if (rule.worseBy === undefined || from === null || reading.kind !== 'number') return undefined;
  const by = furtherBy(rule.condition, reading.compared, from);
  if (!by.gt(rule.worseBy)) return undefined;
  return { compared: from, told: state.unheard === true ? undefined : telling };
}

export function toldAt(
  state: RuleState,
  at: { readonly period: Period; readonly asOf: string | undefined },
): Told | undefined {
  return state.told.find((told) => comparePosition(told, at) === 0);
}

/** With one more event told; the first one about a figure says how the rule stood before that figure. */
export function withTold(
  told: readonly Told[],
  event: Pick<Decision, 'period' | 'asOf' | 'value' | 'symbol' | 'inBreach' | 'reason'> & {
    readonly kind: string;
    /** Decimal places of the figure in the mails that told it, where those are known. */
    readonly mailPlaces?: number | undefined;
  },
): readonly Told[] {
  const { kind, period, asOf, value, symbol, inBreach, reason, mailPlaces = 1 } = event;
  const places = Math.max(placesIn(reason), mailPlaces);
  const others = told.filter((each) => comparePosition(each, event) !== 0);
  const before = told.find((each) => comparePosition(each, event) === 0)?.before ?? stoodBefore(kind);
  return [...others, { period, asOf, value, symbol, places, inBreach, before }];
}

/** These are told only of a rule that was in breach before. */
function stoodBefore(kind: string): boolean {
  return kind === 'cleared' || kind === 'worse' || kind === 'reminder';
}

export function seen(figure: RuleFigure): Pick<RuleState, 'period' | 'asOf' | 'value' | 'symbol'> {
  return { period: figure.period, asOf: figure.asOf, value: figure.value, symbol: figure.symbol };
}

/** A figure that counts for nothing leaves its place and symbol, so that a number for the same place is the first one. */
export function seenWithoutFigure(figure: RuleFigure): Pick<RuleState, 'period' | 'asOf' | 'value' | 'symbol'> {
  const low = figure.symbol !== undefined && symbolMeaning(figure.symbol) === 'low';
  return { ...seen(figure), value: null, symbol: low ? undefined : figure.symbol };
}

export function sameNumber(a: string | null, b: string | null): boolean {
  return a === null || b === null ? a === b : decimal(a).eq(b);
}

export function comparedText(reading: Reading): string | null {
  return reading.kind === 'number' ? reading.compared.toFixed() : null;
}

export function blank(
  rule: Rule,
  at: { readonly period: Period; readonly asOf: string | undefined },
): Omit<Decision, 'kind' | 'reason' | 'previousValue'> {
  return {
    inBreach: false,
    betweenLines: false,
    value: null,
    symbol: undefined,
    compared: null,
    threshold: String(rule.condition.line),
    period: at.period,
    asOf: at.asOf,
  };
}

export function decision(
  rule: Rule,
  kind: EventKind,
  figure: RuleFigure,
  reading: Reading,
  inBreach: boolean,
  previousValue: string | null,
  reason: string,
): Decision {
  return {
    kind,
    reason,
    inBreach,
    betweenLines: isBetweenLines(rule.condition, reading, inBreach),
    value: figure.value,
    symbol: figure.symbol,
    previousValue,
    compared: comparedText(reading),
    threshold: String(rule.condition.line),
    period: figure.period,
    asOf: figure.asOf,
  };
}
