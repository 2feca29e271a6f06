/** Rules tried on all loaded history, oldest publication first; nothing is written. How users choose a threshold. */
import type { Kysely } from 'kysely';
import { decimal, Decimal } from '../domain/decimal.js';
import type { Condition, Rule } from '../domain/rule.js';
import type { Database } from '../load/schema.js';
import { groupRules, readCatalogue, withSchools, type Catalogue } from './catalogue.js';
import { ruleFigure } from './comparison.js';
import { hasMeasure } from './figures-at.js';
import { GroupWalk, replay, type Neighbours } from './group-walk.js';
import { isPerPeriod, read } from './reading.js';
import { AreaLookup } from './rule-changes.js';
import type { PendingEvent } from './sweep.js';

export interface SimulateOptions {
  /** Another line for every rule: `--above 2.5`. */
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

/** A line that would have given about so many alerts a year. */
export interface SuggestedLine {
  readonly alertsAYear: number;
  readonly line: number;
  /** How many it would really have given, on average, after the first look. */
  readonly wouldHaveGiven: number;
  /** How many figures are past it at first look, told once in a summary; none of a rule that is told for each period. */
  readonly firstLook: number;
}

export interface SimulatedRule {
  readonly rule: string;
  readonly areas: number;
  /** Events that would have been told, by academic year of the figure, oldest first; years without any are 0. */
  readonly perYear: readonly { readonly academicYear: string; readonly events: number }[];
  /** For a rule over many areas; empty where no line fits or the rule is about few. */
  readonly suggested: readonly SuggestedLine[];
}

export interface Simulation {
  readonly events: readonly SimulatedEvent[];
  readonly rules: readonly SimulatedRule[];
}

/** From how many areas on a rule's line is chosen by how many alerts it makes. */
const MANY_AREAS = 10;
const WANTED = [1, 5, 20] as const;

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
  for (const group of groupRules(catalogue, tried)) {
    const walk = new GroupWalk(store.db, catalogue, group, areaIds, options.neighbours ?? new Map());
    const coverage = await walk.coverage(walk.versions().filter(({ state }) => state === 'loaded'));
    const reactions = { mute: () => undefined, sink: (event: PendingEvent) => void pending.push(event) };
    for (const chunk of walk.chunks(group.rules)) {
      await replay(walk, group.rules, chunk, coverage, reactions);
      const { grid, beside } = await walk.step(chunk, undefined, [], reactions);
      for (const rule of group.rules)
        for (const [areaId, all] of grid) {
          if (!walk.areasOf(rule).has(areaId)) continue;
          const own = all.filter((figure) => hasMeasure(figure, rule.measure));
          lines.get(rule.name)?.add(own.map((figure) => ruleFigure(rule, figure, own, beside)));
        }
    }
  }
  const events = pending.map((event) => simulated(catalogue, event)).sort((a, b) => a.at.getTime() - b.at.getTime());
  return {
    events,
    rules: tried.map((rule) => {
      const areas = areaIds.get(rule.name)?.size ?? 0;
      const chooser = lines.get(rule.name);
      const mine = pending.filter((event) => event.rule === rule && event.muted === undefined);
      return {
        ...{ rule: rule.name, areas, perYear: countPerYear(mine, chooser?.years() ?? []) },
        suggested: areas < MANY_AREAS ? [] : (chooser?.suggest() ?? []),
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

function simulated(catalogue: Catalogue, event: PendingEvent): SimulatedEvent {
  const { rule, group, decision } = event;
  const version = catalogue.versions.find(({ id }) => id === event.versionId);
  const area = catalogue.areas.get(event.areaId);
  return {
    ...{ at: version?.publishedAt ?? new Date(0), rule: rule.name, event: decision.kind, reason: decision.reason },
    ...{
      measure: rule.measure,
      area_code: area?.code ?? '',
      area_name: area?.name ?? '',
      series: group.slice.series.name,
    },
    ...{ time_period: decision.period.timePeriod, time_identifier: decision.period.timeIdentifier },
    ...{ school_type: rule.schoolType, breakdown_topic: rule.breakdown.topic, breakdown: rule.breakdown.breakdown },
    ...{ value: decision.value, previous_value: decision.previousValue, threshold: decision.threshold },
    ...{ release: version?.release ?? '', muted: event.muted ?? null },
  };
}

function countPerYear(events: readonly PendingEvent[], years: readonly string[]): SimulatedRule['perYear'] {
  const counts = new Map<string, number>(years.map((year) => [year, 0]));
  for (const { decision } of events)
    counts.set(decision.period.academicYear, (counts.get(decision.period.academicYear) ?? 0) + 1);
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([academicYear, count]) => ({ academicYear, events: count }));
}

/**
 * Counts, for every line at once, how many alerts it would have raised: a figure that goes from `from` to `to` crosses
 * each line from `from` on and below `to`. Clearing lines are left out of account, so the counts are about right.
 */
class LineChooser {
  readonly #condition: Condition;
  readonly #rule: Rule;
  readonly #crossings: { readonly from: Decimal | undefined; readonly to: Decimal }[] = [];
  readonly #firsts: Decimal[] = [];
  readonly #years = new Set<string>();

  constructor(rule: Rule) {
    this.#rule = rule;
    this.#condition = rule.condition;
  }

  /** One area's figures in order. */
  add(figures: readonly Parameters<typeof read>[1][]): void {
    let previous: Decimal | undefined;
    let year: number | undefined;
    for (const figure of figures) {
      this.#years.add(figure.period.academicYear);
      const reading = read(this.#rule, figure);
      if (reading.kind !== 'number') continue;
      const value = this.#condition.kind === 'below' ? reading.compared.neg() : reading.compared;
      const fresh = figure.period.kind !== 'finished' && year !== figure.period.startYear;
      const ownPeriod = isPerPeriod(this.#condition) && figure.period.kind !== 'year to date';
      if (ownPeriod || fresh) this.#crossings.push({ from: undefined, to: value });
      else if (previous === undefined) this.#firsts.push(value);
      else if (value.gt(previous)) this.#crossings.push({ from: previous, to: value });
      previous = value;
      year = figure.period.startYear;
    }
  }

  years(): string[] {
    return [...this.#years];
  }

  /** Lines in tenths of a point (whole numbers for counts): of those that give about as many, the strictest. */
  suggest(): SuggestedLine[] {
    // The first year is where everything starts from: nothing can cross in it.
    const years = Math.max(1, this.#years.size - 1);
    const step = this.#rule.measure.endsWith('_rate') ? new Decimal('0.1') : new Decimal(1);
    const steps = new Map<number, number>();
    const at = (value: Decimal): number => value.div(step).ceil().toNumber();
    for (const { from, to } of this.#crossings) {
      const end = at(to);
      const start = from === undefined ? Math.min(0, end) : at(from);
      if (end <= start) continue;
      steps.set(start, (steps.get(start) ?? 0) + 1);
      steps.set(end, (steps.get(end) ?? 0) - 1);
    }
    const lines: { readonly line: number; readonly a: number }[] = [];
    let running = 0;
    for (const where of [...steps.keys()].sort((a, b) => a - b)) {
      running += steps.get(where) ?? 0;
      if (running > 0) lines.push({ line: where, a: running / years });
    }
    return WANTED.flatMap((wanted) => {
      const best = lines.reduce<(typeof lines)[number] | undefined>(
        (found, each) => (found === undefined || distance(each.a, wanted) <= distance(found.a, wanted) ? each : found),
        undefined,
      );
      if (best === undefined || best.a > wanted * FAR || best.a * FAR < wanted) return [];
      const line = step.times(this.#condition.kind === 'below' ? -best.line : best.line).toNumber();
      const firstLook = this.#firsts.filter((value) => value.gt(step.times(best.line))).length;
      return [{ alertsAYear: wanted, line, wouldHaveGiven: Math.round(best.a * 10) / 10, firstLook }];
    });
  }
}

/** "About" ends where a line gives twice as many, or half. */
const FAR = 2;

function distance(a: number, b: number): number {
  return Math.abs(Math.log(a / b));
}
