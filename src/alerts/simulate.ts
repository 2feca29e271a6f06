/** Rules tried on all loaded history, oldest publication first; nothing is written. How users choose a threshold. */
import type { Kysely } from 'kysely';
import { decimal } from '../domain/decimal.js';
import type { Measure } from '../domain/measure.js';
import type { Rule } from '../domain/rule.js';
import { isEndedSeries } from '../domain/series.js';
import type { Database } from '../load/schema.js';
import { groupRules, readCatalogue, withSchools, type Catalogue } from './catalogue.js';
import { hasMeasure } from './figures-at.js';
import { GroupWalk, replay, type Neighbours } from './group-walk.js';
import { LineChooser, type Suggestions } from './line-chooser.js';
import type { RuleFigure } from './reading.js';
import { AreaLookup } from './rule-changes.js';
import { clearingLine } from './rule-print.js';
import type { PendingEvent } from './sweep.js';

export interface SimulateOptions {
  /** Another line for every rule, which all have to be of one kind: `--above 2.5`. */
  readonly line?: number | undefined;
  readonly neighbours?: Neighbours | undefined;
}

/** An event as the view `alert_event` would show it; `at` is when the version that raises it was published. */
export interface SimulatedEvent {
  readonly at: Date;
  readonly rule: string;
  readonly event: string;
  readonly reason: string;
  readonly measure: string;
  readonly area_code: string;
  readonly area_name: string;
  readonly series: string;
  readonly time_period: string;
  readonly time_identifier: string;
  readonly school_type: string;
  readonly breakdown_topic: string;
  readonly breakdown: string;
  readonly value: string | null;
  readonly previous_value: string | null;
  readonly threshold: string;
  readonly release: string;
  /** 'not in breach' for first looks that nobody would be told of; silences and pauses are left out. */
  readonly muted: string | null;
}

/** What would have been told of the figures of an academic year; years come oldest first, also those without any. */
export interface SimulatedYear {
  readonly academicYear: string;
  /**
   * Alerts that open, as the suggested lines are chosen by: past the line at first sight, crossed, or taken past the line by
   * a revision. Each is one that a mail tells of.
   */
  readonly alerts: number;
  /** All events: those, and what became of them (cleared, worse, corrected, reminder). */
  readonly events: number;
}

export interface SimulatedRule {
  readonly rule: string;
  readonly measure: Measure;
  readonly areas: number;
  /** The line that was tried and the clearing line that went with it, in place of the configured ones. */
  readonly tried?: { readonly line: number; readonly clearing: number; readonly configured: number } | undefined;
  readonly perYear: readonly SimulatedYear[];
  /** For a rule over several areas, by how many alerts lines would have given. */
  readonly suggested: Suggestions | undefined;
}

export interface Simulation {
  readonly events: readonly SimulatedEvent[];
  readonly rules: readonly SimulatedRule[];
}

/** From how many areas on a rule's line is chosen by how many alerts it makes; of one area the events themselves say it. */
const SEVERAL_AREAS = 2;

/** Replays all loaded versions through rules as `evaluate` would have met them, one release after the other. */
export async function simulate(
  store: { readonly db: Kysely<Database> },
  rules: readonly Rule[],
  options: SimulateOptions = {},
): Promise<Simulation> {
  const { line } = options;
  const tried = line === undefined ? rules : rules.map((rule) => withLine(rule, line));
  const lookup = new AreaLookup(store.db);
  const areaIds = new Map<string, ReadonlySet<number>>();
  for (const rule of tried) areaIds.set(rule.name, await lookup.resolve(rule.areas));
  const catalogue = await withSchools(store.db, await readCatalogue(store.db), areaIds.values());
  const pending: PendingEvent[] = [];
  const lines = new Map(tried.map((rule) => [rule.name, new LineChooser(rule)]));
  const years = new Map(tried.map((rule) => [rule.name, new Set<string>()]));
  for (const group of groupRules(catalogue, tried, areaIds)) {
    const walk = new GroupWalk(store.db, catalogue, group, areaIds, options.neighbours ?? new Map());
    const coverage = await walk.coverage(walk.versions().filter(({ state }) => state === 'loaded'));
    const { series } = group.slice;
    // Nothing is told of a series that a break has ended.
    const counts = !isEndedSeries(series.name);
    const track = (areaId: number): string => `${series.id} ${areaId}`;
    const reactions = {
      mute: () => undefined,
      sink: (event: PendingEvent) => void pending.push(event),
      telling: 'replayed' as const,
      audience: {
        see: (rule: Rule, areaId: number, figures: readonly RuleFigure[]) => {
          if (counts) lines.get(rule.name)?.see(track(areaId), figures);
        },
        end: (rule: Rule, areaId: number) => {
          if (counts) lines.get(rule.name)?.end(track(areaId));
        },
      },
    };
    for (const chunk of walk.chunks(group.rules)) {
      await replay(walk, group.rules, chunk, coverage, reactions);
      const { grid } = await walk.step(chunk, undefined, [], reactions);
      for (const rule of group.rules)
        for (const [areaId, all] of grid)
          if (walk.areasOf(rule).has(areaId))
            for (const figure of all)
              if (hasMeasure(figure, rule.measure)) years.get(rule.name)?.add(figure.period.academicYear);
    }
  }
  const events = pending.map((event) => simulated(catalogue, event)).sort((a, b) => a.at.getTime() - b.at.getTime());
  return {
    events,
    rules: tried.map((rule, i) => {
      const areas = areaIds.get(rule.name)?.size ?? 0;
      const mine = pending.filter((event) => event.rule === rule && event.muted === undefined);
      return {
        ...{ rule: rule.name, measure: rule.measure, areas, perYear: countPerYear(mine, years.get(rule.name) ?? []) },
        tried: movedLines(rules[i], rule),
        suggested: areas < SEVERAL_AREAS ? undefined : lines.get(rule.name)?.suggest(),
      };
    }),
  };
}

/** The same rule with another line; the distance to its clearing line stays. */
function withLine(rule: Rule, line: number): Rule {
  const { condition } = rule;
  const moved = (clear: number | undefined): number | undefined =>
    clear === undefined ? undefined : decimal(clear).plus(line).minus(condition.line).toNumber();
  switch (condition.kind) {
    case 'below':
      return { ...rule, condition: { ...condition, line, clearAbove: moved(condition.clearAbove) } };
    case 'rise':
    case 'fall':
      return { ...rule, condition: { ...condition, line } };
    default:
      return { ...rule, condition: { ...condition, line, clearBelow: moved(condition.clearBelow) } };
  }
}

/** undefined where no other line was tried, or the rule has no clearing line. */
function movedLines(configured: Rule | undefined, { condition }: Rule): SimulatedRule['tried'] {
  const before = configured === undefined ? undefined : clearingLine(configured.condition);
  const clearing = clearingLine(condition);
  if (before === undefined || clearing === undefined || before === clearing) return undefined;
  return { line: condition.line, clearing, configured: before };
}

function simulated(catalogue: Catalogue, event: PendingEvent): SimulatedEvent {
  const { rule, group, decision } = event;
  const version = catalogue.versions.find(({ id }) => id === event.versionId);
  const area = catalogue.areas.get(event.areaId);
  return {
    ...{
      at: version?.publishedAt ?? new Date(0),
      rule: rule.name,
      event: decision.kind,
      reason: decision.reason,
    },
    ...{
      measure: rule.measure,
      area_code: area?.code ?? '',
      area_name: area?.name ?? '',
      series: group.slice.series.name,
    },
    ...{ time_period: decision.period.timePeriod, time_identifier: decision.period.timeIdentifier },
    ...{
      school_type: group.slice.schoolType,
      breakdown_topic: rule.breakdown.topic,
      breakdown: rule.breakdown.breakdown,
    },
    ...{ value: decision.value, previous_value: decision.previousValue, threshold: decision.threshold },
    ...{ release: version?.release ?? '', muted: event.muted ?? null },
  };
}

function countPerYear(events: readonly PendingEvent[], years: Iterable<string>): SimulatedYear[] {
  const counts = new Map<string, SimulatedYear>();
  for (const academicYear of years) counts.set(academicYear, { academicYear, alerts: 0, events: 0 });
  for (const { decision } of events) {
    const { academicYear } = decision.period;
    const { alerts, events: all } = counts.get(academicYear) ?? { alerts: 0, events: 0 };
    const opens = decision.kind === 'baseline' || decision.kind === 'crossed' || decision.opens === true;
    counts.set(academicYear, { academicYear, alerts: alerts + (opens ? 1 : 0), events: all + 1 });
  }
  return [...counts.values()].sort((a, b) => (a.academicYear < b.academicYear ? -1 : 1));
}
