/**
 * Holds the figures of many areas against many rules, in memory: what evaluation and simulation have in common.
 * Nothing is read or written here.
 */
import { dayWords, periodWords } from './brief-words.js';
import { findAbolished, findAuthority } from '../domain/authorities.js';
import { measureBit } from '../domain/measure.js';
import type { Period } from '../domain/period.js';
import { isEndedSeries } from '../domain/series.js';
import type { Muted, Rule } from '../domain/rule.js';
import type { Catalogue, CatalogueArea, CatalogueVersion, RuleGroup } from './catalogue.js';
import { ruleFigure, type Beside } from './comparison.js';
import { decide, endArea } from './decide.js';
import { hasMeasure, type Covered, type FigureAt, type Grid } from './figures-at.js';
import type { RuleFigure } from './reading.js';
import type { Telling } from './reason.js';
import { retract } from './revise.js';
import { comparePosition, withoutMail, type Decision, type Outcome, type RuleState } from './rule-state.js';

/** An event with all that its record needs. */
export interface PendingEvent {
  readonly rule: Rule;
  readonly group: RuleGroup;
  readonly areaId: number;
  readonly decision: Decision;
  readonly versionId: number;
  readonly releaseId: number;
  readonly muted: Muted | undefined;
  /** What brought it about: with it, an event has a name of its own. */
  readonly cause: string;
}

/** A rule's state for one area, and the event that opened its present breach. */
export interface Entry {
  readonly state: RuleState;
  readonly openedBy: number | undefined;
  readonly opening: PendingEvent | undefined;
}

interface Position {
  readonly period: Period;
  readonly asOf: string | undefined;
}

/** One rule on its way through the versions. */
export interface RuleOnWay {
  readonly rule: Rule;
  readonly areaIds: ReadonlySet<number>;
  readonly entries: Map<number, Entry>;
  /** The newest figure of any area of a level that the rule has seen. */
  readonly newest: Map<string, Position>;
  /** Areas whose entry changed or went. */
  readonly touched: Set<number>;
}

/** What the figures of a step are seen with. */
export interface Step {
  readonly catalogue: Catalogue;
  readonly group: RuleGroup;
  readonly grid: Grid;
  readonly beside: Beside;
  readonly mute: (rule: Rule, areaId: number) => Muted | undefined;
  readonly sink: (event: PendingEvent) => void;
  /** Is there news of an alert, the rule's for an area, that is owed or queued and not sent? Asked of what is muted. */
  readonly isWaiting?: ((rule: Rule, areaId: number) => boolean) | undefined;
  /** How events are told; by mail unless it says otherwise. */
  readonly telling?: Telling | undefined;
  /** Hears of the figures that a rule is given, before it decides. */
  readonly audience?: Audience | undefined;
}

/** Who follows figures on their way to the rules. */
export interface Audience {
  readonly see: (rule: Rule, areaId: number, figures: readonly RuleFigure[]) => void;
  /** The area is gone: what was open for it is closed. */
  readonly end: (rule: Rule, areaId: number) => void;
}

/** Areas of a rule without a figure in a newer release, where others have one. */
export interface MissingArea {
  readonly rule: Rule;
  readonly area: CatalogueArea;
  readonly version: CatalogueVersion;
  readonly period: Period;
  /** It had a figure where others had their newest one before: it is missing from now on. */
  readonly isNew: boolean;
}

/** An authority that was abolished, found gone by a rule where it had a figure before: it is gone from now on. */
export interface EndedArea {
  readonly rule: Rule;
  readonly area: CatalogueArea;
  readonly why: string;
}

/** What a version lacks of the areas that a rule knows. */
export interface Lacking {
  readonly missing: readonly MissingArea[];
  readonly ended: readonly EndedArea[];
}

export interface VersionStep extends Step {
  readonly version: CatalogueVersion;
  /** What the version itself holds. */
  readonly covered: readonly Covered[];
  readonly judged: ReadonlySet<number>;
  /** Simulation: an area seen for the first time brings all its history, period by period. */
  readonly walkHistory: boolean;
}

/** The rule sees a version: figures of areas it knows, first figures of areas it does not, and areas that are missing. */
export function sweepVersion(way: RuleOnWay, step: VersionStep): Lacking {
  const { rule } = way;
  for (const areaId of new Set([...step.grid.keys(), ...way.entries.keys()])) {
    if (!way.areaIds.has(areaId)) continue;
    const own = (step.grid.get(areaId) ?? []).filter((figure) => hasMeasure(figure, rule.measure));
    const rows = own.filter((figure) => step.judged.has(figure.periodId));
    const figures = [
      ...figuresToDecide(way, step, areaId, rows).map((row) => ruleFigure(rule, row, own, step.beside)),
      ...figuresGone(way, step, areaId, own),
    ].sort(comparePosition);
    if (figures.length === 0) continue;
    step.audience?.see(rule, areaId, figures);
    const before = way.entries.get(areaId);
    const outcome = decide(rule, before?.state, figures, undefined, step.telling);
    settle(way, step, areaId, outcome, { ...causeOf(step.version), muted: step.mute(rule, areaId) });
  }
  const lacking = findMissing(way, step);
  for (const each of step.covered) if (speaksOf(each, rule)) seeNewest(way, each);
  return lacking;
}

function figuresToDecide(
  way: RuleOnWay,
  step: VersionStep,
  areaId: number,
  rows: readonly FigureAt[],
): readonly FigureAt[] {
  const state = way.entries.get(areaId)?.state;
  if (state !== undefined)
    return rows.filter(
      (row) => comparePosition(row, state) >= 0 || state.told.some((told) => comparePosition(told, row) === 0),
    );
  if (step.walkHistory) return rows;
  const last = rows.at(-1);
  const newest = way.newest.get(step.catalogue.areas.get(areaId)?.level ?? '');
  return last === undefined || (newest !== undefined && last.period.sort < newest.period.sort) ? [] : [last];
}

/**
 * Figures that were told and that a version for their period leaves without a row: it took the place of the one that
 * had them. To a reader that is the same as an empty cell.
 */
function figuresGone(way: RuleOnWay, step: VersionStep, areaId: number, own: readonly FigureAt[]): RuleFigure[] {
  const level = step.catalogue.areas.get(areaId)?.level;
  const isCovered = (at: Position): boolean =>
    step.covered.some(
      (covered) => covered.level === level && speaksOf(covered, way.rule) && comparePosition(covered, at) === 0,
    );
  return (way.entries.get(areaId)?.state.told ?? [])
    .filter((told) => told.value !== null && isCovered(told) && !own.some((each) => comparePosition(each, told) === 0))
    .map(({ period, asOf }) => ({ period, asOf, value: null, symbol: '', enrolments: undefined, against: undefined }));
}

function speaksOf(covered: Covered, rule: Rule): boolean {
  return (covered.has & measureBit(rule.measure)) !== 0;
}

function seeNewest(way: RuleOnWay, at: Position & { readonly level: string }): void {
  const known = way.newest.get(at.level);
  if (known === undefined || comparePosition(known, at) < 0) way.newest.set(at.level, at);
}

/** Areas that the rule knows, of a level for which this version brings something newer, without a figure for it. */
function findMissing(way: RuleOnWay, step: VersionStep): Lacking {
  const missing: MissingArea[] = [];
  const ended: EndedArea[] = [];
  for (const covered of step.covered) {
    const known = way.newest.get(covered.level);
    if (!speaksOf(covered, way.rule) || known === undefined || comparePosition(covered, known) <= 0) continue;
    for (const [areaId, { state }] of way.entries) {
      const area = step.catalogue.areas.get(areaId);
      if (area?.level !== covered.level || comparePosition(state, covered) >= 0) continue;
      const found = step.grid
        .get(areaId)
        ?.some((figure) => hasMeasure(figure, way.rule.measure) && comparePosition(figure, covered) === 0);
      if (found === true) continue;
      const why = whyEnded(way.rule, area, covered);
      const isNew = comparePosition(state, known) >= 0;
      if (why === undefined)
        missing.push({ rule: way.rule, area, version: step.version, period: covered.period, isNew });
      else {
        const abolished = abolishedWords(area, covered.period.startYear);
        if (isNew && abolished !== undefined) ended.push({ rule: way.rule, area, why: abolished });
        const outcome = endArea(way.rule, state, covered.period, covered.asOf, why);
        step.audience?.end(way.rule, areaId);
        settle(way, step, areaId, outcome, { ...causeOf(step.version), muted: step.mute(way.rule, areaId) });
      }
    }
  }
  return { missing, ended };
}

/** ': its place was taken by Cumberland, and by Westmorland and Furness'; names of authorities have an 'and' of their own. */
function successorWords(codes: readonly string[]): string {
  const names = codes.map((code) => findAuthority(code)?.name).filter((name) => name !== undefined);
  return names.length === 0 ? '' : `: its place was taken by ${names.join(', and by ')}`;
}

/** Why a missing area counts as gone: it was abolished before the period ended, or the rule takes missing as gone. */
export function whyEnded(rule: Rule, area: CatalogueArea, at: Position): string | undefined {
  return (
    abolishedWords(area, at.period.startYear) ??
    (rule.onMissingArea === 'clear'
      ? `${area.name} has no figure in ${periodWords(at.period, at.asOf)}, where others have one (on_missing_area: clear)`
      : undefined)
  );
}

/**
 * When an authority was abolished and what took its place; undefined where it was there to the end of the academic year.
 * @param startYear calendar year in which the academic year began
 */
export function abolishedWords(area: CatalogueArea, startYear: number): string | undefined {
  const authority = area.level === 'Local authority' ? findAbolished(area.key, startYear) : undefined;
  if (authority === undefined) return undefined;
  return `${area.name} was abolished on ${dayWords(authority.closed)} and has no figure of its own any more${successorWords(authority.successors)}`;
}

/** A version was withdrawn or removed: what it alone told is taken back, what another version says instead is a revision. */
export function sweepWithdrawn(way: RuleOnWay, step: Step, version: CatalogueVersion): void {
  const { rule } = way;
  for (const [areaId, entry] of [...way.entries]) {
    const own = (step.grid.get(areaId) ?? []).filter((figure) => hasMeasure(figure, rule.measure));
    const figures = own.map((figure) => ruleFigure(rule, figure, own, step.beside));
    const taken = retract(
      rule,
      entry.state,
      (at) => own.some((figure) => comparePosition(figure, at) === 0),
      figures.at(-1),
    );
    const rest = taken.state === undefined ? { events: [], state: undefined } : decide(rule, taken.state, figures);
    const outcome = { events: [...taken.events, ...rest.events], state: rest.state };
    if (outcome.state === entry.state && outcome.events.length === 0) continue;
    const cause = {
      ...causeOf(version),
      cause: `withdrawn:${version.id}${version.ends > 1 ? `:${version.ends}` : ''}`,
    };
    settle(way, step, areaId, outcome, { ...cause, muted: step.mute(rule, areaId) });
  }
}

export interface Cause {
  readonly versionId: number;
  readonly releaseId: number;
  readonly cause: string;
  readonly muted: Muted | undefined;
  /** Also a baseline that is not in breach is told. */
  readonly tellAll?: boolean;
}

function causeOf(version: CatalogueVersion): Omit<Cause, 'muted'> {
  return {
    versionId: version.id,
    releaseId: version.releaseId,
    cause: `version:${version.id}${version.ends > 0 ? `:${version.ends}` : ''}`,
  };
}

function takesBack({ kind }: Decision): boolean {
  return kind === 'corrected' || kind === 'cleared' || kind === 'area ended';
}

/** Writes an outcome into the rule's state, and its events into the sink with what mutes them. */
export function settle(way: RuleOnWay, step: Step, areaId: number, outcome: Outcome, given: Cause): void {
  // What waits to be sent goes out as if it were still so, whatever mutes what comes now: what takes it back follows it.
  const follows =
    given.muted !== undefined && outcome.events.some(takesBack) && step.isWaiting?.(way.rule, areaId) === true;
  const from = follows ? { ...given, muted: undefined } : given;
  const before = way.entries.get(areaId);
  let opening = before?.opening;
  let unmailed = false;
  for (const decision of outcome.events) {
    const quiet = decision.kind === 'baseline' && !decision.inBreach && from.tellAll !== true;
    // What a series that a break has ended says is no news to anyone today.
    const ended = isEndedSeries(step.group.slice.series.name) ? 'series ended' : undefined;
    const muted = quiet ? 'not in breach' : (from.muted ?? ended);
    unmailed ||= from.muted !== undefined;
    const { versionId, releaseId, cause } = from;
    const event: PendingEvent = {
      rule: way.rule,
      group: step.group,
      areaId,
      decision,
      versionId,
      releaseId,
      muted,
      cause,
    };
    if (
      decision.inBreach &&
      (decision.kind === 'baseline' || decision.kind === 'crossed' || before?.state.inBreach !== true)
    )
      opening = event;
    step.sink(event);
  }
  const { state } = outcome;
  if (state === before?.state) return;
  way.touched.add(areaId);
  if (state === undefined) {
    way.entries.delete(areaId);
    return;
  }
  const open = state.inBreach === true;
  way.entries.set(areaId, {
    state: unmailed ? withoutMail(before?.state, state, opening !== before?.opening) : state,
    openedBy: open && opening === before?.opening ? before?.openedBy : undefined,
    opening: open ? opening : undefined,
  });
}
