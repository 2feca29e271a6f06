/**
 * The rules' decisions: figures and state in, events with reasons and the new state out. Pure: no clock, no storage.
 *
 * One mechanism for everything that moves. Figures of one series, in the order of their periods (and, inside a running
 * year, of the day up to which they count), are held against the state one after the other. A figure beyond the newest
 * one carries the state on; another value for the newest one is a revision; an older one is history, and told only
 * where a mail said something else. What differs is when the state starts afresh: with a new school year for running
 * periods, at a break of the series for all, and with every period for `rise` and `fall`.
 */
import { discontinuity, epochOf } from '../domain/series.js';
import type { Period } from '../domain/period.js';
import type { EventKind, Rule } from '../domain/rule.js';
import { periodWords } from './brief-words.js';
import { isBreach, isPerPeriod, read, type Reading, type RuleFigure } from './reading.js';
import { measured, sayFigure, wasBefore, wasWhen, type Telling } from './reason.js';
import { numberAtLast, revise, reviseAway, reviseHistory } from './revise.js';
import {
  blank,
  comparePosition,
  comparedText,
  decision,
  followUnheard,
  seen,
  seenWithoutFigure,
  wasJudgedLow,
  withTold,
  worse,
  worseFrom,
  type Decision,
  type Outcome,
  type RuleState,
} from './rule-state.js';

/** Why a rule sees an area for the first time. */
export type Occasion = 'new rule' | 'edited rule' | 'new area' | 'first figure';

export const OCCASION_WORDS: Record<Occasion, string> = {
  'new rule': 'first look under this rule',
  'edited rule': 'first look since this rule was edited',
  'new area': 'first look at this area, new in the rule',
  'first figure': 'first figure under this rule',
};

/**
 * Holds figures against a rule, one after the other.
 * @param state undefined at first sight: the first figure given is then a baseline
 * @param figures of one area, series, school type and breakdown, in the order of `comparePosition`
 * @param occasion why the area is seen for the first time, for the reason of the baseline
 * @param telling how events are told, for the reasons that name an earlier one
 */
export function decide(
  rule: Rule,
  state: RuleState | undefined,
  figures: readonly RuleFigure[],
  occasion: Occasion = 'first figure',
  telling: Telling = 'mailed',
): Outcome {
  const events: Decision[] = [];
  let current = state;
  for (const figure of figures) {
    const step = followUnheard(current, decideOne(rule, current, figure, occasion, telling));
    events.push(...step.events);
    current = step.state;
  }
  return { events, state: current };
}

function decideOne(
  rule: Rule,
  state: RuleState | undefined,
  figure: RuleFigure,
  occasion: Occasion,
  telling: Telling,
): Outcome {
  const reading = read(rule, figure);
  if (state === undefined) return begin(rule, undefined, figure, reading, OCCASION_WORDS[occasion]);
  const order = comparePosition(figure, state);
  if (order < 0) return reviseHistory(rule, state, figure, reading);
  const restart = startsAfresh(rule, state.period, figure);
  if (restart !== undefined) return begin(rule, state, figure, reading, restart);
  if (order > 0) return advance(rule, state, figure, reading, { samePosition: false, telling });
  if (state.compared === null && !wasJudgedLow(rule, state)) {
    const first = advance(rule, state, figure, reading, { samePosition: true, telling });
    return first.events.length === 0 ? numberAtLast(rule, first, figure, reading) : first;
  }
  if (reading.kind !== 'none') return revise(rule, state, figure, reading, telling);
  return rule.onSuppressed === 'keep'
    ? reviseAway(rule, state, figure, reading.why)
    : withoutFigure(rule, state, figure, reading.why, state.inBreach);
}

/**
 * Why the state does not carry over to a figure, if it does not.
 * @param earlier the newest period seen before it
 */
export function startsAfresh(rule: Rule, earlier: Period, figure: RuleFigure): string | undefined {
  if (figure.period.kind !== 'finished' && figure.period.startYear !== earlier.startYear) return firstWords(figure, '');
  if (epochOf(rule.measure, figure.period) !== epochOf(rule.measure, earlier)) {
    const between = discontinuity(rule.measure, earlier, figure.period);
    return `first figure after a break in the series${between === undefined ? '' : ` (${between.says})`}`;
  }
  return undefined;
}

/** How the first figure that counts is called: of a running period, the year's first. */
function firstWords(figure: RuleFigure, otherwise: string): string {
  return figure.period.kind === 'finished' ? otherwise : `first figure of the year ${figure.period.academicYear}`;
}

/** The state at first sight, and at the start of a year or of a new stretch of the series. */
function begin(rule: Rule, state: RuleState | undefined, figure: RuleFigure, reading: Reading, why: string): Outcome {
  const told = state?.told ?? [];
  if (reading.kind === 'none')
    return {
      events: [],
      state: { ...seenWithoutFigure(figure), inBreach: null, before: null, compared: null, mailed: null, told },
    };
  const inBreach = isBreach(rule.condition, reading, false);
  const said = sayFigure(rule, figure, reading, inBreach);
  const event = decision(
    rule,
    'baseline',
    figure,
    reading,
    inBreach,
    state?.value ?? null,
    `${why}: ${said.figure}, ${said.standing}${said.notes}`,
  );
  return {
    events: [event],
    state: {
      ...seen(figure),
      inBreach,
      before: null,
      compared: event.compared,
      mailed: inBreach ? event.compared : null,
      told: inBreach ? withTold(told, event) : told,
    },
  };
}

/** The next figure of the series, or the first number for a period that had none. */
function advance(
  rule: Rule,
  state: RuleState,
  figure: RuleFigure,
  reading: Reading,
  { samePosition, telling }: { readonly samePosition: boolean; readonly telling: Telling },
): Outcome {
  const perPeriod = isPerPeriod(rule.condition) && figure.period.sort !== state.period.sort;
  const carried = perPeriod ? false : state.inBreach;
  if (reading.kind === 'none') {
    const without = withoutFigure(rule, state, figure, reading.why, perPeriod ? null : carried);
    const open = without.state?.inBreach === true && !isPerPeriod(rule.condition);
    if (!rule.remind || samePosition || !open) return without;
    return { ...without, events: [...without.events, stillOpen(rule, state, figure, reading.why)] };
  }
  if (state.inBreach === null && !isPerPeriod(rule.condition))
    return begin(rule, state, figure, reading, firstWords(figure, 'first figure that could be judged'));

  const was = carried ?? false;
  const inBreach = isBreach(rule.condition, reading, was);
  const further = inBreach && was ? worse(rule, state, reading, telling) : undefined;
  const said = sayFigure(rule, figure, reading, inBreach, was ? state.compared : null, further);
  const earlier = samePosition ? '' : wasBefore(rule, state, said.places);
  const previous = earlier === '' ? '' : `${earlier}${acrossWords(rule, state, figure)}`;
  // The notes are about the figure judged: they come before what it was earlier.
  const { notes } = said;
  const compared = comparedText(reading);
  const next = { ...seen(figure), inBreach, before: samePosition ? state.before : carried, compared };
  const tell = (kind: EventKind, reason: string): Outcome => {
    const event = decision(
      rule,
      kind,
      figure,
      reading,
      inBreach,
      figure.against?.who === 'a year before' ? figure.against.value : state.value,
      reason,
    );
    return {
      events: [event],
      state: { ...next, mailed: inBreach ? compared : null, told: withTold(state.told, event) },
    };
  };
  if (inBreach && !was) return tell('crossed', `${said.figure}, ${said.standing}${notes}${previous}`);
  if (was && !inBreach) return tell('cleared', `${said.figure}, ${said.cleared}${notes}${previous}`);
  if (inBreach) {
    if (further !== undefined)
      return tell('worse', `${said.figure}, ${said.still}, ${said.further}${notes}${previous}`);
    if (rule.remind)
      return tell(
        'reminder',
        `${said.figure}, ${said.still}${notes}${previous}; told at each release, as the rule asks`,
      );
  }
  return { events: [], state: { ...next, mailed: inBreach ? worseFrom(state) : null, told: state.told } };
}

/** ' (across a gap: …)' where the earlier figure that a reason names cannot be told as a trend with the one judged. */
function acrossWords(rule: Rule, earlier: RuleState, figure: RuleFigure): string {
  const between = discontinuity(rule.measure, earlier.period, figure.period);
  return between === undefined ? '' : ` (across a gap: ${between.says})`;
}

/** A figure that is no number: the state is kept, or cleared where the rule says so. */
function withoutFigure(
  rule: Rule,
  state: RuleState,
  figure: RuleFigure,
  why: string,
  carried: boolean | null,
): Outcome {
  const next = { ...seenWithoutFigure(figure), before: carried, compared: null, told: state.told };
  if (rule.onSuppressed === 'keep' || carried !== true)
    return { events: [], state: { ...next, inBreach: carried, mailed: carried === true ? worseFrom(state) : null } };
  const event: Decision = {
    ...blank(rule, figure),
    kind: 'cleared',
    previousValue: state.value,
    reason: `no figure for ${periodWords(figure.period, figure.asOf)}: ${why}; this rule takes that as cleared`,
  };
  return { events: [event], state: { ...next, inBreach: false, mailed: null } };
}

/** The reminder of an alert that stays open over a figure that is no number. */
function stillOpen(rule: Rule, state: RuleState, figure: RuleFigure, why: string): Decision {
  const when = periodWords(figure.period, figure.asOf);
  const last =
    state.value === null ? '' : `; the last figure was ${wasWhen(rule, state, 1)}${acrossWords(rule, state, figure)}`;
  return {
    ...blank(rule, figure),
    kind: 'reminder',
    inBreach: true,
    previousValue: state.value,
    reason: `there is no figure for ${measured(rule)} in ${when} that counts: ${why}. The alert stays open, since a missing figure does not clear it${last}. Told at each release, as the rule asks`,
  };
}

/** The area is gone for good: an open alert is closed, without a word of recovery. */
export function endArea(rule: Rule, state: RuleState, period: Period, asOf: string | undefined, why: string): Outcome {
  const ended: RuleState = { ...state, inBreach: null, before: null, mailed: null };
  if (state.inBreach !== true) return { events: [], state: ended };
  const event: Decision = {
    ...blank(rule, { period, asOf }),
    kind: 'area ended',
    previousValue: state.value,
    reason: `${why}; last figure ${wasWhen(rule, state, 1)}. The alert is closed; that is no improvement`,
  };
  return followUnheard(state, { events: [event], state: ended });
}
