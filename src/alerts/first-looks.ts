/**
 * How rules look at areas for the first time: a new or an edited rule, or areas new in a rule. Held in memory, as the
 * sweep over versions is; nothing is read or written here.
 */
import type { Period } from '../domain/period.js';
import type { Rule } from '../domain/rule.js';
import { periodWords } from './brief-words.js';
import { ruleFigure } from './comparison.js';
import { decide, endArea, OCCASION_WORDS, startsAfresh, type Occasion } from './decide.js';
import { hasMeasure, type FigureAt } from './figures-at.js';
import { isPerPeriod, read, type RuleFigure } from './reading.js';
import { blank, type Decision, type Outcome } from './rule-state.js';
import { settle, whyEnded, type Cause, type RuleOnWay, type Step } from './sweep.js';

/** How a rule comes to look at areas for the first time. */
interface First {
  readonly occasion: Occasion;
  readonly cause: string;
}

/**
 * First looks: of a new or edited rule, or at areas new in a rule. The newest figure of each area is a baseline; an
 * area without a figure where others of its level have a newer one is not looked at.
 * @param except areas that `sweepOpen` looks at
 * @returns areas whose newest figure is none that counts: for `sweepUnjudged`
 */
export function sweepFirst(
  way: RuleOnWay,
  step: Step,
  first: First & { readonly except: ReadonlySet<number> },
): number[] {
  const unjudged: number[] = [];
  for (const [areaId, all] of step.grid) {
    if (!way.areaIds.has(areaId) || first.except.has(areaId)) continue;
    const own = all.filter((figure) => hasMeasure(figure, way.rule.measure));
    const last = own.at(-1);
    if (last === undefined || isMissing(way, step, areaId, last)) continue;
    const newest = ruleFigure(way.rule, last, own, step.beside);
    if (read(way.rule, newest).kind === 'none') unjudged.push(areaId);
    const outcome = decide(way.rule, undefined, [newest], first.occasion);
    settle(way, step, areaId, outcome, { ...madeBy(way, step, areaId, last, first), tellAll: false });
  }
  return unjudged;
}

/**
 * First looks at areas whose newest figure is none that counts: the last one that counts is the baseline, since a missing
 * figure changes no state, at first sight or later. Where there is none, what `sweepFirst` found stands.
 * @param step with all periods of these areas, and perhaps of others
 */
export function sweepUnjudged(way: RuleOnWay, step: Step, areaIds: readonly number[], first: First): void {
  const { rule } = way;
  if (isPerPeriod(rule.condition)) return;
  for (const areaId of areaIds) {
    const own = (step.grid.get(areaId) ?? []).filter((figure) => hasMeasure(figure, rule.measure));
    const figures = own.map((figure) => ruleFigure(rule, figure, own, step.beside));
    const newest = figures.at(-1);
    const at = lastJudged(rule, figures);
    const basis = at === undefined ? undefined : own[at];
    if (newest === undefined || basis === undefined) continue;
    const { events, state } = decide(rule, undefined, figures.slice(at), first.occasion);
    const [baseline, ...more] = events;
    // Where the rule takes a missing figure as cleared, there is nothing to start from.
    if (baseline === undefined || more.length > 0) continue;
    const told = baseline.inBreach
      ? [{ ...baseline, reason: `${baseline.reason}; ${withoutNewest(rule, newest)}` }]
      : events;
    settle(way, step, areaId, { events: told, state }, { ...madeBy(way, step, areaId, basis, first), tellAll: false });
  }
}

function withoutNewest(rule: Rule, newest: RuleFigure): string {
  const reading = read(rule, newest);
  return `there is no figure for ${periodWords(newest.period, newest.asOf)} that counts: ${reading.kind === 'none' ? reading.why : ''}. ${STAYS_OPEN}`;
}

const STAYS_OPEN = 'The alert stays open, since a missing figure does not clear it';

/**
 * First looks of an edited rule at areas for which the rule as it was had an alert open: what the edit closes is told
 * too. Where the newest figure is none that counts, or the area has none, the last figure that counts is the baseline,
 * and the alert goes on from there: a missing figure clears no alert, with an edit or without.
 * @param step with all periods of these areas
 * @param openBefore areas to the newest period that the rule as it was had seen
 */
export function sweepOpen(
  way: RuleOnWay,
  step: Step,
  first: First & { readonly openBefore: ReadonlyMap<number, Period> },
): void {
  for (const [areaId, openAt] of first.openBefore) {
    if (!way.areaIds.has(areaId)) continue;
    const own = (step.grid.get(areaId) ?? []).filter((figure) => hasMeasure(figure, way.rule.measure));
    const last = own.at(-1);
    if (last === undefined) continue;
    const look = lookAtOpen(way, step, areaId, { own, last, openAt, occasion: first.occasion });
    if (look === undefined) continue;
    settle(way, step, areaId, look, { ...madeBy(way, step, areaId, look.of, first), tellAll: look.tellAll });
  }
}

interface OpenLook extends Outcome {
  /** The figure that the events are about. */
  readonly of: FigureAt;
  readonly tellAll: boolean;
}

function lookAtOpen(
  way: RuleOnWay,
  step: Step,
  areaId: number,
  from: {
    readonly own: readonly FigureAt[];
    readonly last: FigureAt;
    readonly openAt: Period;
    readonly occasion: Occasion;
  },
): OpenLook | undefined {
  const { rule } = way;
  const { own, last, openAt, occasion } = from;
  const figures = own.map((figure) => ruleFigure(rule, figure, own, step.beside));
  const newest = ruleFigure(rule, last, own, step.beside);
  const reading = read(rule, newest);
  const missing = isMissing(way, step, areaId, last);
  const whole = decide(rule, undefined, [newest], occasion);
  // A rise or a fall is told for its own period alone, and a new stretch of a series starts afresh: neither goes on.
  const goesOn = !isPerPeriod(rule.condition) && startsAfresh(rule, openAt, newest) === undefined;
  if (!missing && (reading.kind !== 'none' || !goesOn))
    return { ...closedByEdit(whole), of: last, tellAll: reading.kind !== 'none' };
  if (!goesOn) return undefined;

  const at = lastJudged(rule, figures);
  const basis = at === undefined ? undefined : own[at];
  if (at === undefined || basis === undefined) {
    const event: Decision = {
      ...blank(rule, newest),
      kind: 'baseline',
      previousValue: null,
      reason: `${OCCASION_WORDS[occasion]}: there is no figure that counts${reading.kind === 'none' ? ` (${reading.why})` : ''}`,
    };
    return { ...closedByEdit({ events: [event], state: whole.state }), of: last, tellAll: true };
  }
  const { events, state } = decide(rule, undefined, figures.slice(at), occasion);
  const [baseline] = events;
  const final = events.at(-1);
  if (baseline === undefined || final === undefined || state === undefined) return undefined;
  if (state.inBreach !== true)
    return { ...closedByEdit({ events: [final], state }), of: final === baseline ? basis : last, tellAll: true };
  const area = step.catalogue.areas.get(areaId);
  const newestOfLevel = way.newest.get(area?.level ?? '');
  const isGone = missing && area !== undefined && newestOfLevel !== undefined;
  const ended = isGone ? whyEnded(rule, area, newestOfLevel) : undefined;
  if (isGone && ended !== undefined)
    return { ...endArea(rule, state, newestOfLevel.period, newestOfLevel.asOf, ended), of: last, tellAll: true };
  const why = isGone
    ? `${area.name} has no figure in ${periodWords(newestOfLevel.period, newestOfLevel.asOf)}, where others have one. ${STAYS_OPEN}`
    : withoutNewest(rule, newest);
  const reason = `${baseline.reason}; ${why}`;
  return { events: [{ ...baseline, reason }], state, of: basis, tellAll: true };
}

/** The last figure that counts, as far back as the state of a rule goes. */
function lastJudged(rule: Rule, figures: readonly RuleFigure[]): number | undefined {
  let later: RuleFigure | undefined;
  for (let i = figures.length - 1; i >= 0; i--) {
    const figure = figures[i];
    if (figure === undefined) return undefined;
    if (later !== undefined && startsAfresh(rule, figure.period, later) !== undefined) return undefined;
    if (read(rule, figure).kind !== 'none') return i;
    later = figure;
  }
  return undefined;
}

function closedByEdit({ events, state }: Outcome): Outcome {
  return {
    events: events.map((event) =>
      event.inBreach
        ? event
        : {
            ...event,
            reason: `${event.reason}; under the rule as it was before, an alert was open: it is closed by the edit`,
          },
    ),
    state,
  };
}

/** Others of the area's level have a newer figure than its last. */
function isMissing(way: RuleOnWay, step: Step, areaId: number, last: FigureAt): boolean {
  const newest = way.newest.get(step.catalogue.areas.get(areaId)?.level ?? '');
  return newest === undefined || last.period.sort < newest.period.sort;
}

/** Names the version that the rule's measure of a figure comes from. */
function madeBy(
  way: RuleOnWay,
  step: Step,
  areaId: number,
  figure: FigureAt,
  { cause }: First,
): Omit<Cause, 'tellAll'> {
  const versionId = figure.provenance[way.rule.measure]?.versionId ?? figure.versionId;
  const releaseId = step.catalogue.versions.find(({ id }) => id === versionId)?.releaseId ?? figure.releaseId;
  return { versionId, releaseId, cause, muted: step.mute(way.rule, areaId) };
}
