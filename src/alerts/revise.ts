/** Revisions: another value for a figure published before, or none any more. */
import { decimal } from '../domain/decimal.js';
import type { Period } from '../domain/period.js';
import type { Rule } from '../domain/rule.js';
import { symbolMeaning } from '../domain/symbol.js';
import { periodWords } from './brief-words.js';
import { isBreach, isLevel, read, type Readable, type Reading, type RuleFigure } from './reading.js';
import {
  differenceBefore,
  measured,
  OF_HISTORY,
  revisedStanding,
  sayFigure,
  wasNow,
  type Earlier,
  type Telling,
} from './reason.js';
import { printsDifferently } from './rule-print.js';
import {
  blank,
  comparePosition,
  comparedText,
  decision,
  sameNumber,
  seen,
  toldAt,
  withTold,
  worse,
  worseFrom,
  type Decision,
  type Outcome,
  type RuleState,
  type Told,
} from './rule-state.js';

/** Another value, or another comparison, for the newest figure. */
export function revise(rule: Rule, state: RuleState, figure: RuleFigure, reading: Readable, telling: Telling): Outcome {
  const compared = comparedText(reading);
  const sameFigure = sameNumber(figure.value, state.value) && figure.symbol === state.symbol;
  const told = toldAt(state, figure);
  const reprinted = told !== undefined && readsDifferently(rule, told, figure.value);
  if (sameFigure && !reprinted && sameNumber(compared, state.compared)) return { events: [], state };

  const inBreach = isBreach(rule.condition, reading, state.before ?? false);
  const next = { ...seen(figure), inBreach, before: state.before, compared };
  const turned = inBreach !== state.inBreach;
  if (turned || reprinted) {
    const asTold = told === undefined || (turned && !reprinted) ? undefined : told;
    const was: Earlier & { readonly places?: number } = asTold ?? state;
    // What nobody was mailed may lie between what was told and the state.
    const isAsTold =
      asTold === undefined || (asTold.inBreach === state.inBreach && sameNumber(asTold.value, state.value));
    const event = corrected(rule, figure, reading, was, {
      ...{ inBreach, sameFigure: sameFigure && !reprinted, present: true },
      turned: inBreach !== (asTold ?? state).inBreach,
      wasCompared: isLevel(rule.condition) ? was.value : isAsTold ? state.compared : null,
    });
    return {
      events: [turned && inBreach ? { ...event, opens: true } : event],
      state: { ...next, mailed: inBreach ? compared : null, told: withTold(state.told, event) },
    };
  }
  const further = inBreach ? worse(rule, state, reading, telling) : undefined;
  if (further !== undefined) {
    const said = sayFigure(rule, figure, reading, true, state.compared, further);
    const event = decision(
      rule,
      'worse',
      figure,
      reading,
      true,
      state.value,
      `revised figure: ${said.figure}, ${said.still}, ${said.further}${said.notes}`,
    );
    return { events: [event], state: { ...next, mailed: compared, told: withTold(state.told, event) } };
  }
  return { events: [], state: { ...next, mailed: inBreach ? worseFrom(state) : null, told: state.told } };
}

/** A number for a period of which a reader was told that there is none, where it makes no event of its own. */
export function numberAtLast(rule: Rule, { events, state }: Outcome, figure: RuleFigure, reading: Reading): Outcome {
  const told = state === undefined ? undefined : toldAt(state, figure);
  if (
    state === undefined ||
    told === undefined ||
    told.value !== null ||
    reading.kind === 'none' ||
    figure.value === null
  )
    return { events, state };
  const event = corrected(rule, figure, reading, told, {
    ...{ inBreach: state.inBreach === true, turned: false, sameFigure: false, present: true },
    wasCompared: null,
  });
  return { events: [event], state: { ...state, told: withTold(state.told, event) } };
}

/** A figure older than the newest one changes no state; it is told where a mail had said something else. */
export function reviseHistory(rule: Rule, state: RuleState, figure: RuleFigure, reading: Reading): Outcome {
  const told = toldAt(state, figure);
  if (told === undefined || sameNumber(figure.value, told.value)) return { events: [], state };
  if (reading.kind === 'none') return historyAside(reviseAway(rule, state, figure, reading.why));
  const inBreach = isBreach(rule.condition, reading, told.before);
  const turned = inBreach !== told.inBreach;
  if (!turned && !readsDifferently(rule, told, figure.value)) return { events: [], state };
  const correction = corrected(rule, figure, reading, told, {
    inBreach,
    turned,
    sameFigure: false,
    present: false,
    wasCompared: isLevel(rule.condition) ? told.value : null,
  });
  return historyAside({ events: [correction], state: { ...state, told: withTold(state.told, correction) } });
}

function historyAside({ events, state }: Outcome): Outcome {
  return {
    events: events.map((event) => ({ ...event, reason: `${event.reason}${OF_HISTORY}` })),
    state,
  };
}

/**
 * A told figure that is no figure that counts any more (suppressed, or too small to be judged): the reader hears of it,
 * the state stays what it was.
 */
export function reviseAway(rule: Rule, state: RuleState, figure: RuleFigure, why: string): Outcome {
  const told = toldAt(state, figure);
  const isPresent = comparePosition(figure, state) === 0;
  // Without its comparison figure a difference is none.
  const compared = isLevel(rule.condition) || figure.value === null ? state.compared : null;
  const next = isPresent ? { ...state, symbol: symbolSince(figure), compared } : state;
  if (told === undefined || !readsDifferently(rule, told, figure.value)) return { events: [], state: next };
  const inBreach = isPresent ? (state.inBreach ?? false) : told.inBreach;
  const what = wasNow(rule, told, figure, told.places);
  const event: Decision = {
    ...blank(rule, figure),
    kind: 'corrected',
    reason: `${measured(rule)} in ${periodWords(figure.period, figure.asOf)} revised: ${what}${figure.value === null ? '' : `, which is not judged: ${why}`}${isPresent && inBreach ? '. The alert stays open, since a missing figure does not clear it' : ''}`,
    inBreach,
    value: figure.value,
    previousValue: told.value,
    symbol: figure.symbol,
  };
  return { events: [event], state: { ...next, told: withTold(state.told, event) } };
}

/** The symbol that took the place of a figure; 'low' is a figure, too low for a difference to be told. */
function symbolSince({ value, symbol }: RuleFigure): string | undefined {
  return value !== null || symbol === undefined || symbolMeaning(symbol) === 'low' ? undefined : symbol;
}

/** Would a reader of the mail that told a figure see another one, or none, in its place? */
function readsDifferently(rule: Rule, told: Told, now: string | null): boolean {
  if (told.value === null || now === null) return told.value !== now;
  return printsDifferently(rule, told.value, now, told.places);
}

function corrected(
  rule: Rule,
  figure: RuleFigure,
  reading: Readable,
  was: Earlier & { readonly places?: number },
  found: {
    readonly inBreach: boolean;
    readonly turned: boolean;
    readonly sameFigure: boolean;
    readonly present: boolean;
    /** Decimal text of what was held against the line before; null where that is not known. */
    readonly wasCompared: string | null;
  },
): Decision {
  const said = sayFigure(rule, figure, reading, found.inBreach);
  const when = periodWords(figure.period, figure.asOf);
  const what = found.sameFigure
    ? `the figure that ${measured(rule)} in ${when} is compared with was revised`
    : `${measured(rule)} in ${when} revised: ${wasNow(rule, was, figure, Math.max(said.places, was.places ?? 1))}`;
  const wasCompared = found.wasCompared === null ? undefined : decimal(found.wasCompared);
  const standing = revisedStanding(rule, wasCompared, reading, said, found);
  const before =
    found.sameFigure && figure.value !== null && found.wasCompared !== null
      ? differenceBefore(rule, figure.value, found.wasCompared, said.places)
      : '';
  const reason = isLevel(rule.condition)
    ? `${what}, ${standing}`
    : `${what}; that makes ${said.figure}, ${standing}${before}`;
  return decision(rule, 'corrected', figure, reading, found.inBreach, was.value, `${reason}${said.notes}`);
}

/**
 * A figure was withdrawn or its version removed, and no other version has one for that period: what was told of it is
 * corrected, and the state is what it was before.
 * @param exists whether a period still has a figure
 * @param newest the newest figure left, undefined where none is
 */
export function retract(
  rule: Rule,
  state: RuleState,
  exists: (at: { readonly period: Period; readonly asOf: string | undefined }) => boolean,
  newest: RuleFigure | undefined,
): Outcome {
  const gone = state.told.filter((told) => told.value !== null && !exists(told));
  const events = gone.map((told): Decision => ({
    kind: 'corrected',
    reason: `the figure for ${periodWords(told.period, told.asOf)} was withdrawn: ${wasNow(rule, told, { ...told, value: null, symbol: undefined }, told.places)}`,
    inBreach: state.before ?? false,
    betweenLines: false,
    value: null,
    symbol: undefined,
    previousValue: told.value,
    compared: null,
    threshold: String(rule.condition.line),
    period: told.period,
    asOf: told.asOf,
  }));
  const told = state.told.filter((each) => !gone.includes(each));
  if (exists(state)) return { events, state: { ...state, told } };
  if (newest === undefined) return { events, state: undefined };
  const reading = read(rule, newest);
  return {
    events,
    state: {
      ...seen(newest),
      inBreach: state.before,
      before: state.before,
      compared: comparedText(reading),
      mailed: state.before === true ? state.mailed : null,
      unheard: state.before === true ? state.unheard : undefined,
      told,
    },
  };
}
