/** One group of rules evaluated on what is due, in pieces, each piece written before the next is read. */
import type { Kysely } from 'kysely';
import type { Period } from '../domain/period.js';
import type { Muted, Rule } from '../domain/rule.js';
import type { Database } from '../load/schema.js';
import type { Catalogue, CatalogueVersion, RuleGroup } from './catalogue.js';
import { sweepFirst, sweepOpen, sweepUnjudged } from './first-looks.js';
import { neededPeriods } from './comparison.js';
import type { Occasion } from './decide.js';
import type { Covered } from './figures-at.js';
import { GroupWalk, newestCovered, replay, startWay, type Neighbours } from './group-walk.js';
import { isPerPeriod } from './reading.js';
import { eventFingerprint, recordEvents, type Recipients } from './record.js';
import type { RuleChanges } from './rule-changes.js';
import { comparePosition } from './rule-state.js';
import { dropStates, loadNewest, loadStates, saveStates, waitingKey } from './state-store.js';
import {
  sweepWithdrawn,
  type EndedArea,
  type Entry,
  type MissingArea,
  type PendingEvent,
  type RuleOnWay,
  type Step,
} from './sweep.js';

export interface GroupContext {
  readonly db: Kysely<Database>;
  readonly catalogue: Catalogue;
  readonly changes: RuleChanges;
  /** Rule name to the ids of its areas. */
  readonly areaIds: ReadonlyMap<string, ReadonlySet<number>>;
  /** Of rules whose areas were edited, the areas that are new. */
  readonly newAreas: ReadonlyMap<string, ReadonlySet<number>>;
  /** Alerts that were open under a rule before it was edited: openKey to the newest period it had seen. */
  readonly openBefore: ReadonlyMap<string, Period>;
  readonly mute: (rule: Rule, areaId: number) => Muted | undefined;
  /** The same of what a version that ceased to count had told: a quiet backfill of others does not keep that back. */
  readonly muteGone: (rule: Rule, areaId: number) => Muted | undefined;
  /** Alerts (waitingKey) of which something is owed or queued and not sent. */
  readonly waiting: ReadonlySet<string>;
  /** Ids of versions that no rule has seen. */
  readonly due: ReadonlySet<number>;
  readonly neighbours: Neighbours;
  /** Also records what history would have raised. */
  readonly history: boolean;
  readonly recording: { readonly recipients: Recipients; readonly runId: number | null; readonly now: Date };
}

/** Names an alert that was open under a rule before its edit. */
export function openKey(rule: string, seriesId: number, areaId: number): string {
  return JSON.stringify([rule, seriesId, areaId]);
}

export interface GroupEvaluation {
  readonly events: readonly PendingEvent[];
  readonly quietBaselines: number;
  readonly missing: readonly MissingArea[];
  readonly ended: readonly EndedArea[];
}

/** A rule that looks at areas for the first time, once, when all versions are known. */
interface FirstLook {
  readonly rule: Rule;
  readonly areaIds: ReadonlySet<number>;
  readonly occasion: Occasion;
}

interface Plan {
  readonly known: readonly Rule[];
  readonly first: readonly FirstLook[];
  /** Loaded versions to be seen one after the other, with what they hold. */
  readonly steps: readonly { readonly version: CatalogueVersion; readonly covered: readonly Covered[] }[];
  readonly withdrawn: readonly CatalogueVersion[];
  /** Of all loaded versions; read only where it is needed. */
  readonly everything: ReadonlyMap<number, readonly Covered[]>;
}

/** Evaluates the rules of a group, and records events, what is owed, and states. */
export async function evaluateGroup(context: GroupContext, group: RuleGroup): Promise<GroupEvaluation> {
  const { db, catalogue } = context;
  const walk = new GroupWalk(db, catalogue, group, context.areaIds, context.neighbours);
  const newest = await loadNewest(db, catalogue, group);
  const plan = await makePlan(context, walk, (rule) => newest.has(rule.name));
  const events: PendingEvent[] = [];
  const missing: MissingArea[] = [];
  const ended: EndedArea[] = [];
  let quietBaselines = 0;
  if (plan.steps.length === 0 && plan.first.length === 0 && plan.withdrawn.length === 0)
    return { events, quietBaselines, missing, ended };

  for (const chunk of walk.chunks(group.rules)) {
    const raised: PendingEvent[] = [];
    const entries = await loadStates(db, catalogue, group, plan.known, chunk);
    const ways = plan.known.map((rule) =>
      startWay(
        rule,
        knownAreas(context, rule),
        entries.get(rule.name) ?? new Map<number, Entry>(),
        newest.get(rule.name) ?? new Map(),
      ),
    );
    const reactions = {
      mute: context.mute,
      sink: (event: PendingEvent) => void raised.push(event),
      isWaiting: (rule: Rule, areaId: number) => context.waiting.has(waitingKey(rule.name, areaId, group.slice)),
    };
    const unknown = new Set(
      [...context.due].filter((id) => catalogue.versions.some((v) => v.id === id && v.state === 'loaded')),
    );
    for (const version of catalogue.versions.filter(({ id }) => unknown.has(id))) {
      unknown.delete(version.id);
      const step = plan.steps.find((each) => each.version.id === version.id);
      if (step === undefined || ways.length === 0) continue;
      const at = { ...step, unknownVersions: [...unknown], walkHistory: false };
      for (const lacking of await walk.version(ways, chunk, at, reactions)) {
        missing.push(...lacking.missing);
        ended.push(...lacking.ended);
      }
    }
    for (const version of ways.length === 0 ? [] : plan.withdrawn) {
      const step = await walk.step(chunk, undefined, [], { ...reactions, mute: context.muteGone });
      for (const way of ways) sweepWithdrawn(way, step, version);
    }
    const firstWays = await lookFirst(context, walk, plan, chunk, reactions);
    if (context.history) await recordHistory(context, walk, plan, chunk, [...ways, ...firstWays], raised);
    await write(context, group, raised, [...ways, ...firstWays]);
    for (const event of raised)
      if (event.muted === 'not in breach') quietBaselines++;
      else events.push(event);
  }
  return { events, quietBaselines, missing, ended };
}

async function makePlan(context: GroupContext, walk: GroupWalk, hasStates: (rule: Rule) => boolean): Promise<Plan> {
  const { rules } = walk.group;
  const versions = walk.versions();
  const due = versions.filter(({ id }) => context.due.has(id));
  const dueCoverage = await walk.coverage(due);
  const covering = due.filter(({ id }) => dueCoverage.has(id));
  const steps = covering
    .filter(({ state }) => state === 'loaded')
    .map((version) => ({ version, covered: dueCoverage.get(version.id) ?? [] }));
  const isKnown = (rule: Rule): boolean => {
    const kind = context.changes.byRule.get(rule.name)?.kind;
    return (kind === 'known' || kind === 'other areas') && hasStates(rule);
  };
  const first = rules.flatMap((rule) => firstLook(context, walk, rule, isKnown(rule), steps.length > 0));
  const needsAll = first.length > 0 || (context.history && steps.length > 0);
  return {
    known: rules.filter(isKnown),
    first,
    steps,
    withdrawn: covering.filter(({ state }) => state !== 'loaded'),
    everything: needsAll ? await walk.coverage(versions.filter(({ state }) => state === 'loaded')) : new Map(),
  };
}

/** A rule known of old looks first only at a series that none of its states is of, and at areas an edit added. */
function firstLook(
  context: GroupContext,
  walk: GroupWalk,
  rule: Rule,
  known: boolean,
  figuresCame: boolean,
): FirstLook[] {
  const kind = context.changes.byRule.get(rule.name)?.kind;
  if (known) {
    const areaIds = context.newAreas.get(rule.name);
    return areaIds === undefined || areaIds.size === 0 ? [] : [{ rule, areaIds, occasion: 'new area' }];
  }
  const areaIds = walk.areasOf(rule);
  if (kind === 'new') return [{ rule, areaIds, occasion: 'new rule' }];
  if (kind === 'edited') return [{ rule, areaIds, occasion: 'edited rule' }];
  return figuresCame || kind === 'other areas' ? [{ rule, areaIds, occasion: 'first figure' }] : [];
}

function knownAreas(context: GroupContext, rule: Rule): ReadonlySet<number> {
  const added = context.newAreas.get(rule.name);
  const all = context.areaIds.get(rule.name) ?? new Set<number>();
  return added === undefined ? all : new Set([...all].filter((id) => !added.has(id)));
}

async function lookFirst(
  context: GroupContext,
  walk: GroupWalk,
  plan: Plan,
  chunk: readonly number[],
  reactions: Pick<Step, 'mute' | 'sink' | 'isWaiting'>,
): Promise<RuleOnWay[]> {
  if (plan.first.length === 0) return [];
  const ways = plan.first.map(({ rule, areaIds }) =>
    startWay(rule, areaIds, new Map(), newestCovered(rule, plan.everything.values())),
  );
  const newest = new Set(ways.flatMap((way) => [...way.newest.values()].map(({ period }) => period)));
  const ids = [...context.catalogue.periods].filter(([, period]) => newest.has(period)).map(([id]) => id);
  const rules = plan.first.map(({ rule }) => rule);
  const { read } = neededPeriods(rules, ids, context.catalogue.periods);
  const step = await walk.step(chunk, read, [], reactions);
  const cause = `first:${context.recording.now.toISOString()}`;
  const unjudged: { way: RuleOnWay; areaIds: readonly number[]; occasion: Occasion }[] = [];
  for (const [i, way] of ways.entries()) {
    const occasion = plan.first[i]?.occasion ?? 'first figure';
    const openBefore = openOf(context, walk, way.rule, chunk);
    const found = sweepFirst(way, step, { occasion, cause, except: new Set(openBefore.keys()) });
    if (found.length > 0) unjudged.push({ way, areaIds: found, occasion });
    if (openBefore.size === 0) continue;
    const whole = await walk.step([...openBefore.keys()], undefined, [], reactions);
    sweepOpen(way, whole, { occasion, cause, openBefore });
  }
  if (unjudged.length > 0) {
    // Read once for all rules: their areas overlap.
    const all = new Set(unjudged.flatMap(({ areaIds }) => areaIds));
    const whole = await walk.step([...all], undefined, [], reactions);
    for (const { way, areaIds, occasion } of unjudged) sweepUnjudged(way, whole, areaIds, { occasion, cause });
  }
  return ways;
}

/** Areas for which a rule had an alert open before it was edited. */
function openOf(
  { openBefore }: GroupContext,
  { group }: GroupWalk,
  rule: Rule,
  chunk: readonly number[],
): Map<number, Period> {
  const open = new Map<number, Period>();
  if (openBefore.size === 0) return open;
  for (const areaId of chunk) {
    const openAt = openBefore.get(openKey(rule.name, group.slice.series.id, areaId));
    if (openAt !== undefined) open.set(areaId, openAt);
  }
  return open;
}

/**
 * What the versions of a backfill would have raised on their mornings: events of a replay of everything, as far as they
 * come from these versions and lie before the present, which a backfill never changes. An alert that is opened so is
 * followed to its end, with whichever version that came: else it would be told as if it were open. How an alert stood is
 * mailed of its newest figure alone: a baseline or a reminder with a later event is recorded, and what came later is told.
 */
async function recordHistory(
  context: GroupContext,
  walk: GroupWalk,
  plan: Plan,
  chunk: readonly number[],
  ways: readonly RuleOnWay[],
  raised: PendingEvent[],
): Promise<void> {
  if (plan.steps.length === 0) return;
  const states = new Map(ways.map((way) => [way.rule.name, way.entries]));
  const recorded = new Set(raised.map(eventFingerprint));
  const opened = new Set<string>();
  const sink = (event: PendingEvent): void => {
    const { rule, areaId, decision } = event;
    const state = states.get(rule.name)?.get(areaId)?.state;
    const past = state === undefined || comparePosition(decision, state) < 0;
    const key = alertOf(event);
    const ends = decision.kind === 'cleared' && opened.has(key);
    if (!ends && (!past || !context.due.has(event.versionId) || event.muted === 'not in breach')) return;
    if (decision.inBreach) opened.add(key);
    else opened.delete(key);
    if (!recorded.has(eventFingerprint(event))) raised.push({ ...event, muted: context.mute(rule, areaId) });
  };
  const ofPresent = raised.length;
  await replay(walk, walk.group.rules, chunk, plan.everything, {
    ...{ mute: () => undefined, sink, telling: 'recorded' },
  });
  const last = new Map<string, PendingEvent>();
  for (const event of raised) {
    if (event.muted === 'not in breach') continue;
    const known = last.get(alertOf(event));
    if (known === undefined || comparePosition(known.decision, event.decision) <= 0) last.set(alertOf(event), event);
  }
  for (const [i, event] of raised.entries())
    if (i >= ofPresent && event.muted === undefined && isStanding(event) && last.get(alertOf(event)) !== event)
      raised[i] = { ...event, muted: 'backfill' };
}

function alertOf({ rule, areaId }: PendingEvent): string {
  return JSON.stringify([rule.name, areaId]);
}

/** Does it say how an alert stands, not what became of it? A rise or a fall is news of its own period. */
function isStanding({ rule, decision }: PendingEvent): boolean {
  return (decision.kind === 'baseline' || decision.kind === 'reminder') && !isPerPeriod(rule.condition);
}

async function write(
  context: GroupContext,
  group: RuleGroup,
  raised: readonly PendingEvent[],
  ways: readonly RuleOnWay[],
): Promise<void> {
  const { db, catalogue, recording } = context;
  const ids = await recordEvents(db, catalogue, raised, recording);
  for (const way of ways) {
    const touched = [...way.touched].map((areaId) => ({ rule: way.rule, areaId, entry: way.entries.get(areaId) }));
    const changed = touched.flatMap(({ rule, areaId, entry }) => {
      if (entry === undefined) return [];
      const opened = entry.opening === undefined ? undefined : ids.get(eventFingerprint(entry.opening));
      return [{ rule, areaId, entry, openedBy: opened ?? entry.openedBy ?? null }];
    });
    await saveStates(db, catalogue, group, changed, recording.now);
    await dropStates(
      db,
      group,
      touched.filter(({ entry }) => entry === undefined),
    );
  }
}
