/**
 * The recorded step between load and mail: every version that the rules have not seen is held against them, and events,
 * states and what is owed to whom are written in one transaction with the note that the version is evaluated. A crash
 * leaves everything as it was, and the next evaluation finds the version due; events have unique names, so nothing is
 * recorded twice. One transaction for all due versions, not one for each, because a new rule is looked at once, when all
 * of them are known.
 */
import { sql, type Kysely } from 'kysely';
import { periodOf, type Period } from '../domain/period.js';
import type { BriefRequest, Muted, Rule } from '../domain/rule.js';
import type { Store } from '../load/database.js';
import { retrying } from '../load/retry.js';
import type { Database } from '../load/schema.js';
import { dueBriefs } from './due-briefs.js';
import { groupRules, readCatalogue, withSchools, type Catalogue, type CatalogueVersion } from './catalogue.js';
import { endedAreas, type EndedNews } from './ended-areas.js';
import { evaluateGroup, openKey, type GroupContext } from './evaluate-group.js';
import type { Neighbours } from './group-walk.js';
import { isPerPeriod } from './reading.js';
import { recordBriefs, type Recipients } from './record.js';
import { applyRules, AreaLookup, ruleChanges } from './rule-changes.js';
import { activeSilences } from './silence.js';
import { waitingAlerts } from './state-store.js';
import type { EndedArea, MissingArea, PendingEvent } from './sweep.js';
import { takeNewsBack } from './taken-back.js';

export interface EvaluateOptions {
  readonly rules: readonly Rule[];
  readonly briefs: readonly BriefRequest[];
  readonly recipients: Recipients;
  readonly neighbours?: Neighbours | undefined;
  readonly runId: number | null;
  readonly now: Date;
  /** Records what history would have raised, and mails nothing of what was loaded; what was taken back is no history. */
  readonly muteAs?: 'backfill' | undefined;
  /** Mails also what history would have raised (backfill --notify). */
  readonly notifyHistory?: boolean | undefined;
  readonly paused: boolean;
  /** Says what would happen, and leaves everything as it is. */
  readonly dryRun?: boolean | undefined;
}

/** An event as recorded; baselines of what is not in breach are counted, not listed. */
export interface EvaluatedEvent {
  readonly rule: string;
  readonly event: string;
  readonly reason: string;
  readonly area: string;
  readonly areaCode: string;
  readonly series: string;
  readonly period: string;
  readonly release: string;
  readonly value: string | null;
  readonly muted: Muted | undefined;
}

export interface Evaluation {
  readonly events: readonly EvaluatedEvent[];
  /** First looks that found nothing in breach. */
  readonly quietBaselines: number;
  /** How many mails' worth of news is owed: rows of the queue, one for each address and event or brief. */
  readonly notifications: number;
  /** Addresses that are owed something by this evaluation. */
  readonly addresses: number;
  readonly versions: number;
  /** For the operator: areas without a figure where others have one. */
  readonly warnings: readonly string[];
  /** Of these, the areas that are missing from now on, one line a rule and release. */
  readonly newlyMissing: readonly string[];
  /** For the operator: abolished authorities that leave a gap. The same area may come again with later releases. */
  readonly ended: readonly EndedNews[];
  /** Rules that were edited while they had alerts open. */
  readonly edited: readonly EditedRule[];
}

/** What became of the alerts that were open when a rule was edited. */
export interface EditedRule {
  readonly rule: string;
  readonly stayOpen: number;
  /** Closed by the edit, and told. */
  readonly closed: number;
  /** Names of areas that the edited rule does not watch, or for which it has no figure to go on from. */
  readonly forgotten: readonly string[];
}

const NOTHING: Evaluation = {
  events: [],
  quietBaselines: 0,
  notifications: 0,
  addresses: 0,
  versions: 0,
  warnings: [],
  newlyMissing: [],
  edited: [],
  ended: [],
};

/** Carries the answer of a dry run out of the transaction that is rolled back. */
class RolledBack extends Error {
  constructor(readonly evaluation: Evaluation) {
    super('dry run');
  }
}

/**
 * Evaluates what is due: versions not yet seen by the rules (loaded, or withdrawn since), and rules that are new or
 * edited since they were last applied.
 */
export async function evaluate(store: Pick<Store, 'db'>, options: EvaluateOptions): Promise<Evaluation> {
  try {
    return await retrying(store, ({ db }) =>
      db.transaction().execute(async (trx) => {
        const evaluation = await evaluateIn(trx, options);
        if (options.dryRun === true) throw new RolledBack(evaluation);
        return evaluation;
      }),
    );
  } catch (error) {
    if (error instanceof RolledBack) return error.evaluation;
    throw error;
  }
}

/** Carries what a trial found out of the transaction that is rolled back. */
class Tried<T> extends Error {
  constructor(readonly found: T) {
    super('trial');
  }
}

/**
 * What there is to read once some rules are applied and evaluated, as if no other had ever been configured; all of it is
 * taken back.
 */
export async function tryRules<T>(
  store: Pick<Store, 'db'>,
  options: Pick<EvaluateOptions, 'rules' | 'now' | 'neighbours'>,
  found: (trx: Kysely<Database>) => Promise<T>,
): Promise<T> {
  const trial = { ...options, briefs: [], recipients: {}, runId: null, paused: false };
  let tried: Tried<T> | undefined;
  try {
    await store.db.transaction().execute(async (trx) => {
      await evaluateIn(trx, trial);
      tried = new Tried(await found(trx));
      throw tried;
    });
  } catch (error) {
    if (tried === undefined || error !== tried) throw error;
    return tried.found;
  }
  throw new Error('A trial of rules was not taken back.');
}

async function evaluateIn(trx: Kysely<Database>, options: EvaluateOptions): Promise<Evaluation> {
  const { rules, now } = options;
  const due = await lockDue(trx);
  const changes = await ruleChanges(trx, rules);
  const edited = [...changes.byRule.values()].some(({ kind }) => kind !== 'known');
  if (due.length === 0 && !edited && changes.gone.length === 0) {
    if (changes.settings.size > 0) await applyRules(trx, rules, changes, now);
    return NOTHING;
  }

  const known = await readCatalogue(trx);
  // With nothing loaded yet nothing was looked at: the first look is still to come.
  if (due.length === 0 && known.versions.length === 0) return NOTHING;
  if (due.length > 0) await takeNewsBack(trx);
  const openBefore = await openAlerts(
    trx,
    [...changes.byRule].filter(([, { kind }]) => kind === 'edited').map(([name]) => name),
  );
  await applyRules(trx, rules, changes, now);
  const lookup = new AreaLookup(trx);
  const areaIds = new Map<string, Set<number>>();
  const newAreas = new Map<string, ReadonlySet<number>>();
  for (const rule of rules) {
    const ids = await lookup.resolve(rule.areas);
    areaIds.set(rule.name, ids);
    const change = changes.byRule.get(rule.name);
    if (change?.kind !== 'other areas') continue;
    const before = await lookup.resolve(change.before);
    newAreas.set(rule.name, new Set([...ids].filter((id) => !before.has(id))));
    await forgetOtherAreas(trx, rule, ids);
  }

  if (known.versions.some(({ id, state }) => state !== 'loaded' && due.includes(id)))
    await addAreasWithStates(trx, areaIds);
  const catalogue = await withSchools(trx, known, areaIds.values());

  const silenced = await activeSilences({ db: trx }, now);
  const muteGone = (rule: Rule, areaId: number): Muted | undefined =>
    silenced(rule.name, areaId) ? 'silence' : options.paused ? 'paused' : undefined;
  const mute = (rule: Rule, areaId: number): Muted | undefined => options.muteAs ?? muteGone(rule, areaId);
  const context: GroupContext = {
    ...{ db: trx, catalogue, changes, areaIds, newAreas, mute, muteGone, due: new Set(due) },
    openBefore: new Map(openBefore.map(({ key, period }) => [key, period])),
    neighbours: options.neighbours ?? new Map(),
    waiting: await waitingAlerts(trx),
    history: options.muteAs === 'backfill' || options.notifyHistory === true,
    recording: { recipients: options.recipients, runId: options.runId, now },
  };
  const events: PendingEvent[] = [];
  const missing: MissingArea[] = [];
  const gone: EndedArea[] = [];
  let quietBaselines = 0;
  for (const group of groupRules(catalogue, rules, areaIds)) {
    const found = await evaluateGroup(context, group);
    quietBaselines += found.quietBaselines;
    for (const event of found.events) events.push(event);
    missing.push(...found.missing);
    gone.push(...found.ended);
  }
  const dueVersions = catalogue.versions.filter(({ id, state }) => context.due.has(id) && state === 'loaded');
  const ended = await endedAreas(trx, catalogue, gone, dueVersions, options, lookup);
  if (options.muteAs === undefined && !options.paused) {
    await recordBriefs(trx, await dueBriefs(trx, catalogue, dueVersions, options.briefs, lookup), context.recording);
  }
  await markEvaluated(trx, due, now);
  const fates = fatesOf(openBefore, events, rules);
  return {
    ...{ quietBaselines, versions: due.length, edited: fates, ended },
    warnings: [...warningsOf(missing), ...ended.map(({ text }) => text), ...fates.flatMap(forgottenWords)],
    newlyMissing: warningsOf(missing.filter(({ isNew }) => isNew)),
    events: events.map((event) => evaluated(catalogue, event)),
    ...(await owedSince(trx, options)),
  };
}

/**
 * Versions that no rule has seen, and those that ceased to count since they were seen, locked: a second evaluation
 * waits, and then finds nothing due.
 */
async function lockDue(trx: Kysely<Database>): Promise<number[]> {
  const rows = await trx
    .selectFrom('data_set_version')
    .select('id')
    .where((eb) =>
      eb.or([
        eb('state', '=', 'loaded').and('evaluated_at', 'is', null),
        eb('state', '<>', 'loaded').and('ended_at', '>=', eb.ref('evaluated_at')),
      ]),
    )
    .orderBy('published_at')
    .orderBy('id')
    .forUpdate()
    .execute();
  return rows.map(({ id }) => id);
}

/** An alert that is open under a rule about to be edited. */
interface OpenAlert {
  readonly rule: string;
  readonly areaId: number;
  readonly areaName: string;
  readonly key: string;
  /** The newest period that the rule has seen. */
  readonly period: Period;
}

/** Open alerts of rules about to be forgotten; of two stretches of a series the newer one counts. */
async function openAlerts(trx: Kysely<Database>, rules: readonly string[]): Promise<OpenAlert[]> {
  if (rules.length === 0) return [];
  const rows = await trx
    .selectFrom('alert_state as s')
    .innerJoin('period as p', 'p.id', 's.period_id')
    .innerJoin('area as a', 'a.id', 's.area_id')
    .distinctOn(['s.rule', 's.area_id', 's.series_id', 's.school_type_id', 's.breakdown_id'])
    .select(['s.rule', 's.series_id', 's.area_id', 's.in_breach', 'a.name', 'p.time_period', 'p.time_identifier'])
    .where('s.rule', '=', sql<string>`any(${[...rules]}::text[])`)
    .orderBy('s.rule')
    .orderBy('s.area_id')
    .orderBy('s.series_id')
    .orderBy('s.school_type_id')
    .orderBy('s.breakdown_id')
    .orderBy('p.sort', 'desc')
    .orderBy('s.as_of', 'desc')
    .execute();
  return rows.flatMap((row) => {
    const period = periodOf(row.time_period, row.time_identifier);
    if (row.in_breach !== true || period === undefined) return [];
    const key = openKey(row.rule, row.series_id, row.area_id);
    return [{ rule: row.rule, areaId: row.area_id, areaName: row.name, key, period }];
  });
}

/** What became of alerts that were open when their rules were edited, one entry a rule. */
function fatesOf(open: readonly OpenAlert[], events: readonly PendingEvent[], rules: readonly Rule[]): EditedRule[] {
  const last = new Map<string, PendingEvent>();
  for (const event of events) last.set(openKey(event.rule.name, event.group.slice.series.id, event.areaId), event);
  const fates = new Map<string, { stayOpen: number; closed: number; forgotten: Set<string> }>();
  for (const { rule, key, areaName } of open) {
    const fate = fates.get(rule) ?? { stayOpen: 0, closed: 0, forgotten: new Set<string>() };
    fates.set(rule, fate);
    const event = last.get(key);
    if (event?.decision.inBreach === true) fate.stayOpen++;
    else if (event !== undefined) fate.closed++;
    // A rise or a fall is told for its own period alone, and leaves nothing open.
    else if (rules.some((each) => each.name === rule && !isPerPeriod(each.condition))) fate.forgotten.add(areaName);
  }
  return [...fates].map(([rule, { forgotten, ...fate }]) => ({ rule, ...fate, forgotten: [...forgotten].sort() }));
}

function forgottenWords({ rule, forgotten }: EditedRule): string[] {
  if (forgotten.length === 0) return [];
  return [
    `Rule "${rule}" was edited: its alert${forgotten.length === 1 ? '' : 's'} open for ${someNames(forgotten)} ended without a mail, since the edited rule does not look there or has no figure to go on from.`,
  ];
}

/** An area that only a withdrawn version spoke of has no name any more; what a rule told of it is corrected all the same. */
async function addAreasWithStates(trx: Kysely<Database>, areaIds: ReadonlyMap<string, Set<number>>): Promise<void> {
  const rows = await trx.selectFrom('alert_state').select(['rule', 'area_id']).distinct().execute();
  for (const row of rows) areaIds.get(row.rule)?.add(row.area_id);
}

async function forgetOtherAreas(trx: Kysely<Database>, rule: Rule, areaIds: ReadonlySet<number>): Promise<void> {
  await trx
    .deleteFrom('alert_state')
    .where('rule', '=', rule.name)
    .where('area_id', '<>', sql<number>`all(${[...areaIds]}::int[])`)
    .execute();
}

/** Later than the end that was looked at, by whosever clock that was noted. */
async function markEvaluated(trx: Kysely<Database>, ids: readonly number[], now: Date): Promise<void> {
  if (ids.length === 0) return;
  await trx
    .updateTable('data_set_version')
    .set({ evaluated_at: sql<Date>`greatest(${now}::timestamptz, ended_at + interval '1 millisecond')` })
    .where('id', 'in', ids)
    .execute();
}

async function owedSince(
  trx: Kysely<Database>,
  options: EvaluateOptions,
): Promise<{ notifications: number; addresses: number }> {
  const row = await trx
    .selectFrom('notification')
    .select([sql<number>`count(*)::int`.as('n'), sql<number>`count(distinct address)::int`.as('addresses')])
    .where('created_at', '=', options.now)
    .where('run_id', 'is not distinct from', options.runId)
    .where('kind', 'in', ['alert', 'brief'])
    .executeTakeFirstOrThrow();
  return { notifications: row.n, addresses: row.addresses };
}

function evaluated(
  catalogue: Catalogue,
  { rule, group, areaId, decision, versionId, muted }: PendingEvent,
): EvaluatedEvent {
  const area = catalogue.areas.get(areaId);
  return {
    ...{ rule: rule.name, event: decision.kind, reason: decision.reason, series: group.slice.series.name, muted },
    ...{ area: area?.name ?? '', areaCode: area?.code ?? '', period: decision.period.label, value: decision.value },
    release: catalogue.versions.find(({ id }) => id === versionId)?.release ?? '',
  };
}

/** One line for each rule and release, with the first areas by name. */
function warningsOf(missing: readonly MissingArea[]): string[] {
  const lines = new Map<
    string,
    { readonly rule: Rule; readonly version: CatalogueVersion; readonly period: string; names: Set<string> }
  >();
  for (const { rule, area, version, period } of missing) {
    const key = JSON.stringify([rule.name, version.releaseId, period.label]);
    const line = lines.get(key) ?? { rule, version, period: period.label, names: new Set<string>() };
    line.names.add(area.name);
    lines.set(key, line);
  }
  return [...lines.values()].map(({ rule, version, period, names }) => {
    const all = [...names];
    return `Rule "${rule.name}": no figure for ${someNames(all)} in ${period} (release "${version.release}"), where other areas have one. Their state is kept (on_missing_area: keep).`;
  });
}

const SHOWN = 10;

function someNames(all: readonly string[]): string {
  const more = all.length > SHOWN ? ` and ${all.length - SHOWN} more` : '';
  return `${all.slice(0, SHOWN).join(', ')}${more}`;
}
