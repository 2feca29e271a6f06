/** Where the rules' states are kept between evaluations, and which rules they belong to. */
import { createHash } from 'node:crypto';
import { sql, type Kysely } from 'kysely';
import { isMeasure } from '../domain/measure.js';
import type { Period } from '../domain/period.js';
import type { Rule } from '../domain/rule.js';
import { epochOf } from '../domain/series.js';
import type { Store } from '../load/database.js';
import type { Database } from '../load/schema.js';
import { batches, insertMany } from './bulk.js';
import { periodId, type Catalogue, type RuleGroup } from './catalogue.js';
import { comparePosition, withTold, type RuleState, type Told } from './rule-state.js';
import type { Entry } from './sweep.js';

const STATE_COLUMNS = {
  rule: 'text',
  area_id: 'integer',
  series_id: 'integer',
  school_type_id: 'integer',
  breakdown_id: 'integer',
  epoch: 'text',
  in_breach: 'boolean',
  before: 'boolean',
  period_id: 'integer',
  as_of: 'date',
  value: 'numeric',
  symbol: 'text',
  compared: 'numeric',
  mailed: 'numeric',
  opened_by: 'bigint',
  updated_at: 'timestamptz',
} as const;

/** What an edit of a rule changes: measure, line, breakdown, school type, series. Its areas and recipients do not count. */
export function ruleFingerprint(rule: Rule): string {
  const { measure, condition, schoolType, breakdown, timeIdentifiers, sources, dataSets } = rule;
  const parts = [measure, condition, schoolType, breakdown, timeIdentifiers ?? null, sources ?? null, dataSets ?? null];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** The area selectors of a rule as they are kept. */
export function areasText(rule: Rule): string {
  return JSON.stringify(rule.areas);
}

interface StateKey {
  readonly rule: Rule;
  readonly areaId: number;
}

type Reader = Kysely<Database>;

/** The states of some rules in a slice, for some areas, with what their mails have told. */
export async function loadStates(
  db: Reader,
  catalogue: Catalogue,
  group: RuleGroup,
  rules: readonly Rule[],
  areaIds: readonly number[],
): Promise<Map<string, Map<number, Entry>>> {
  const states = new Map<string, Map<number, Entry>>(rules.map(({ name }) => [name, new Map<number, Entry>()]));
  if (rules.length === 0 || areaIds.length === 0) return states;
  const names = rules.map(({ name }) => name);
  const told = await loadTold(db, catalogue, group, names, areaIds);
  const rows = await db
    .selectFrom('alert_state as s')
    .leftJoin('alert as o', 'o.id', 's.opened_by')
    .selectAll('s')
    .select(['o.muted as opening_muted', 'o.period_id as opening_period', 'o.as_of as opening_as_of'])
    .where('s.rule', '=', sql<string>`any(${names}::text[])`)
    .where('s.area_id', '=', sql<number>`any(${[...areaIds]}::int[])`)
    .where('s.series_id', '=', group.slice.series.id)
    .where('s.school_type_id', '=', group.slice.schoolTypeId)
    .where('s.breakdown_id', '=', group.slice.breakdownId)
    .execute();
  for (const row of rows) {
    const period = catalogue.periods.get(row.period_id);
    if (period === undefined) continue;
    const { in_breach: inBreach, before, value, compared, mailed } = row;
    const mails = told.get(toldKey(row.rule, row.area_id)) ?? NOTHING_TOLD;
    const state: RuleState = {
      ...{ inBreach, before, value, compared, mailed, period },
      asOf: row.as_of === 'infinity' ? undefined : row.as_of,
      symbol: row.symbol ?? undefined,
      told: mails.told,
      unheard: inBreach === true && isUnheard(catalogue, row, mails.inBreach) ? true : undefined,
    };
    const ofRule = states.get(row.rule);
    const other = ofRule?.get(row.area_id);
    // Of two stretches of a series the newer one is the present.
    if (other === undefined || comparePosition(other.state, state) < 0)
      ofRule?.set(row.area_id, { state, openedBy: row.opened_by ?? undefined, opening: undefined });
  }
  return states;
}

/** The event that opened an alert, as far as it is on record. */
interface Opening {
  readonly opened_by: number | null;
  readonly opening_muted: string | null;
  readonly opening_period: number | null;
  readonly opening_as_of: string | null;
}

/** Was the open alert recorded without a mail, and is there no mail of it since? Of one without an opening nothing is said. */
function isUnheard(catalogue: Catalogue, opening: Opening, told: readonly ToldInBreach[]): boolean {
  const { opened_by: id, opening_muted: muted, opening_period: periodId, opening_as_of: asOf } = opening;
  const period = periodId === null ? undefined : catalogue.periods.get(periodId);
  if (id === null || muted === null || asOf === null || period === undefined) return false;
  const at = { period, asOf: asOf === 'infinity' ? undefined : asOf };
  return !told.some((each) => each.id > id && comparePosition(each, at) >= 0);
}

/** An event that a mail told, after which the rule was in breach. */
interface ToldInBreach {
  readonly id: number;
  readonly period: Period;
  readonly asOf: string | undefined;
}

interface Mails {
  readonly told: readonly Told[];
  readonly inBreach: readonly ToldInBreach[];
}

const NOTHING_TOLD: Mails = { told: [], inBreach: [] };

const toldKey = (rule: string, areaId: number): string => `${areaId} ${rule}`;

/** What mails told, the last word for each figure; what a rule told before it was edited belongs to another rule. */
async function loadTold(
  db: Reader,
  catalogue: Catalogue,
  group: RuleGroup,
  names: readonly string[],
  areaIds: readonly number[],
): Promise<Map<string, Mails>> {
  const rows = await db
    .selectFrom('alert as e')
    .innerJoin('alert_rule as r', 'r.rule', 'e.rule')
    // An event keeps no symbol; its version has it, as long as that is kept.
    .leftJoin('figure as f', (join) =>
      join
        .onRef('f.version_id', '=', 'e.version_id')
        .onRef('f.area_id', '=', 'e.area_id')
        .onRef('f.series_id', '=', 'e.series_id')
        .onRef('f.period_id', '=', 'e.period_id')
        .onRef('f.school_type_id', '=', 'e.school_type_id')
        .onRef('f.breakdown_id', '=', 'e.breakdown_id')
        .onRef('f.as_of', '=', 'e.as_of')
        .on('e.value', 'is', null),
    )
    .select(['e.rule', 'e.area_id', 'e.period_id', 'e.as_of', 'e.value', 'e.in_breach', 'e.event', 'e.reason'])
    .select(['e.id', 'e.measure', 'f.symbols'])
    .select((eb) =>
      eb
        .selectFrom('notification as n')
        .select(sql<number | null>`max((n.payload ->> 'places')::integer)`.as('places'))
        .whereRef('n.alert_id', '=', 'e.id')
        .as('mail_places'),
    )
    .where('e.muted', 'is', null)
    .where('e.rule', '=', sql<string>`any(${[...names]}::text[])`)
    .where('e.area_id', '=', sql<number>`any(${[...areaIds]}::int[])`)
    .where('e.series_id', '=', group.slice.series.id)
    .where('e.school_type_id', '=', group.slice.schoolTypeId)
    .where('e.breakdown_id', '=', group.slice.breakdownId)
    .whereRef('e.at', '>=', 'r.first_seen')
    .orderBy('e.rule')
    .orderBy('e.area_id')
    .orderBy('e.period_id')
    .orderBy('e.as_of')
    .orderBy('e.id')
    .execute();
  const mails = new Map<string, Mails>();
  for (const row of rows) {
    const period = catalogue.periods.get(row.period_id);
    if (period === undefined) continue;
    const key = toldKey(row.rule, row.area_id);
    const asOf = row.as_of === 'infinity' ? undefined : row.as_of;
    const { event: kind, value, in_breach: inBreach, reason, mail_places: mailPlaces } = row;
    const symbol = isMeasure(row.measure) ? row.symbols?.[row.measure] : undefined;
    const event = { kind, period, asOf, value, symbol, inBreach, reason, mailPlaces: mailPlaces ?? undefined };
    const { told, inBreach: others } = mails.get(key) ?? NOTHING_TOLD;
    mails.set(key, {
      told: withTold(told, event),
      inBreach: inBreach ? [...others, { id: row.id, period, asOf }] : others,
    });
  }
  return mails;
}

/** The newest figure that each rule has seen of any area of a level, in a slice. */
export async function loadNewest(
  db: Reader,
  catalogue: Catalogue,
  group: RuleGroup,
): Promise<Map<string, Map<string, { readonly period: Period; readonly asOf: string | undefined }>>> {
  const names = group.rules.map(({ name }) => name);
  const rows = await db
    .selectFrom('alert_state as s')
    .innerJoin('area as a', 'a.id', 's.area_id')
    .select(['s.rule', 'a.level', 's.period_id', (eb) => eb.fn.max('s.as_of').as('as_of')])
    .where('s.rule', '=', sql<string>`any(${names}::text[])`)
    .where('s.series_id', '=', group.slice.series.id)
    .where('s.school_type_id', '=', group.slice.schoolTypeId)
    .where('s.breakdown_id', '=', group.slice.breakdownId)
    .groupBy(['s.rule', 'a.level', 's.period_id'])
    .execute();
  const newest = new Map<string, Map<string, { readonly period: Period; readonly asOf: string | undefined }>>();
  for (const row of rows) {
    const period = catalogue.periods.get(row.period_id);
    if (period === undefined) continue;
    const ofRule =
      newest.get(row.rule) ?? new Map<string, { readonly period: Period; readonly asOf: string | undefined }>();
    newest.set(row.rule, ofRule);
    const at = { period, asOf: row.as_of === 'infinity' ? undefined : row.as_of };
    const known = ofRule.get(row.level);
    if (known === undefined || comparePosition(known, at) < 0) ofRule.set(row.level, at);
  }
  return newest;
}

/** Writes changed states, each with the event that opened its breach. */
export async function saveStates(
  db: Reader,
  catalogue: Catalogue,
  group: RuleGroup,
  changed: readonly (StateKey & { readonly entry: Entry; readonly openedBy: number | null })[],
  now: Date,
): Promise<void> {
  const rows = changed.map(({ rule, areaId, entry: { state }, openedBy }) => ({
    ...{ rule: rule.name, area_id: areaId, series_id: group.slice.series.id },
    ...{ school_type_id: group.slice.schoolTypeId, breakdown_id: group.slice.breakdownId },
    epoch: epochOf(rule.measure, state.period),
    in_breach: state.inBreach,
    before: state.before,
    period_id: periodId(catalogue, state.period),
    as_of: state.asOf ?? 'infinity',
    ...{ value: state.value, symbol: state.symbol ?? null, compared: state.compared, mailed: state.mailed },
    opened_by: openedBy,
    updated_at: now,
  }));
  for (const batch of batches(rows))
    await sql`${insertMany('alert_state', STATE_COLUMNS, batch)}
      on conflict (rule, area_id, series_id, school_type_id, breakdown_id, epoch) do update set
        in_breach = excluded.in_breach, before = excluded.before, period_id = excluded.period_id,
        as_of = excluded.as_of, value = excluded.value, symbol = excluded.symbol, compared = excluded.compared,
        mailed = excluded.mailed, opened_by = excluded.opened_by, updated_at = excluded.updated_at`.execute(db);
}

/** Forgets states: of a rule in a slice for the areas given. */
export async function dropStates(db: Reader, group: RuleGroup, gone: readonly StateKey[]): Promise<void> {
  const byRule = new Map<string, number[]>();
  for (const { rule, areaId } of gone) byRule.set(rule.name, [...(byRule.get(rule.name) ?? []), areaId]);
  for (const [rule, areaIds] of byRule)
    await db
      .deleteFrom('alert_state')
      .where('rule', '=', rule)
      .where('area_id', '=', sql<number>`any(${areaIds}::int[])`)
      .where('series_id', '=', group.slice.series.id)
      .where('school_type_id', '=', group.slice.schoolTypeId)
      .where('breakdown_id', '=', group.slice.breakdownId)
      .execute();
}

/** Names an alert of a rule for an area in a slice. */
export function waitingKey(
  rule: string,
  areaId: number,
  { series, schoolTypeId, breakdownId }: RuleGroup['slice'],
): string {
  return JSON.stringify([rule, areaId, series.id, schoolTypeId, breakdownId]);
}

/** The alerts, as `waitingKey` names them, of which something is owed to anybody, or in the queue, and not sent. */
export async function waitingAlerts(db: Reader): Promise<ReadonlySet<string>> {
  const rows = await db
    .selectFrom('notification as n')
    .innerJoin('alert as e', 'e.id', 'n.alert_id')
    .leftJoin('mail as m', 'm.id', 'n.mail_id')
    .select(['e.rule', 'e.area_id', 'e.series_id', 'e.school_type_id', 'e.breakdown_id'])
    .where((eb) => eb.or([eb('n.mail_id', 'is', null), eb('m.state', 'in', ['queued', 'sending'])]))
    .execute();
  return new Set(
    rows.map((row) => JSON.stringify([row.rule, row.area_id, row.series_id, row.school_type_id, row.breakdown_id])),
  );
}

/** How many alerts stand open by events that a run recorded for a quiet backfill: nobody was mailed of them. */
export async function openedUnmailed({ db }: Pick<Store, 'db'>, runId: number): Promise<number> {
  // Of two stretches of a series the newer one counts.
  const { rows } = await sql<{ n: number }>`
    select count(*)::int as n from (
      select distinct on (s.rule, s.area_id, s.series_id, s.school_type_id, s.breakdown_id) s.in_breach, a.muted, a.run_id
      from alert_state s join period p on p.id = s.period_id left join alert a on a.id = s.opened_by
      order by s.rule, s.area_id, s.series_id, s.school_type_id, s.breakdown_id, p.sort desc, s.as_of desc
    ) newest
    where in_breach and muted = 'backfill' and run_id = ${runId}`.execute(db);
  return rows[0]?.n ?? 0;
}
