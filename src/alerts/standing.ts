/** How the rules stand at an area now, whether or not there is news of it. */
import type { Kysely } from 'kysely';
import type { Measure } from '../domain/measure.js';
import { periodOf, type Period } from '../domain/period.js';
import type { AreaSelector, Rule } from '../domain/rule.js';
import type { Store } from '../load/database.js';
import type { Database } from '../load/schema.js';
import type { BriefArea } from './brief-model.js';
import type { Slice } from './brief-facts.js';
import { readNews } from './compose-read.js';
import { tryRules } from './evaluate.js';
import type { Neighbours } from './group-walk.js';
import type { MailNews } from './mail-model.js';
import { standingReason } from './mail-news.js';
import { isBetweenLines } from './reason.js';
import { AreaLookup, ruleChanges } from './rule-changes.js';
import { decimal } from '../domain/decimal.js';

/** What a rule made of the newest figure of one area, series, school type and pupil group. */
export interface Standing extends Slice {
  readonly rule: Rule;
  readonly series: string;
  readonly period: Period;
  readonly asOf: string | undefined;
  /** Decimal text; null where no figure counts. */
  readonly value: string | null;
  readonly compared: string | null;
  /** null where nothing could be judged yet. */
  readonly inBreach: boolean | null;
}

/** The standings of some rules at an area; of two stretches of a series the newer one. */
export async function standingsOf(
  db: Kysely<Database>,
  areaId: number,
  rules: readonly Rule[],
): Promise<readonly Standing[]> {
  if (rules.length === 0) return [];
  const rows = await db
    .selectFrom('alert_state as a')
    .innerJoin('series as s', 's.id', 'a.series_id')
    .innerJoin('period as p', 'p.id', 'a.period_id')
    .innerJoin('school_type as t', 't.id', 'a.school_type_id')
    .innerJoin('breakdown as b', 'b.id', 'a.breakdown_id')
    .select([
      ...(['a.rule', 'a.as_of', 'a.value', 'a.compared', 'a.in_breach', 's.name as series', 'b.topic'] as const),
      ...(['p.time_period', 'p.time_identifier', 't.name as school_type', 'b.name as breakdown'] as const),
    ])
    .where('a.area_id', '=', areaId)
    .where(
      'a.rule',
      'in',
      rules.map(({ name }) => name),
    )
    .orderBy('p.sort')
    .orderBy('a.as_of')
    .execute();
  const newest = new Map<string, Standing>();
  for (const row of rows) {
    const rule = rules.find(({ name }) => name === row.rule);
    const period = periodOf(row.time_period, row.time_identifier);
    if (rule === undefined || period === undefined) continue;
    const { series, topic, breakdown, value, compared, in_breach: inBreach } = row;
    newest.set(JSON.stringify([row.rule, series, row.school_type, topic, breakdown]), {
      ...{ rule, series, period, schoolType: row.school_type, topic, breakdown, value, compared, inBreach },
      asOf: row.as_of === 'infinity' ? undefined : row.as_of,
    });
  }
  return [...newest.values()];
}

/** Where the newest figure of a series, school type and pupil group of an area stands. */
async function newestPositions(db: Kysely<Database>, area: BriefArea): Promise<ReadonlyMap<string, Position>> {
  const rows = await db
    .selectFrom('absence')
    .select([
      'series',
      'school_type',
      'breakdown_topic',
      'breakdown',
      'time_period',
      'time_identifier',
      'as_of',
      'symbols',
      'provenance',
    ])
    .where('geographic_level', '=', area.level)
    .where('area_code', '=', area.code)
    .execute();
  const newest = new Map<string, Position>();
  for (const row of rows) {
    const period = periodOf(row.time_period, row.time_identifier);
    if (period === undefined) continue;
    const { series, school_type: schoolType, breakdown_topic: topic, breakdown } = row;
    const key = sliceKey({ series, schoolType, topic, breakdown });
    const known = newest.get(key);
    if (known !== undefined && known.period.sort >= period.sort) continue;
    newest.set(key, {
      period,
      asOf: (measure) =>
        period.kind === 'finished' ? undefined : (row.provenance[measure]?.as_of ?? row.as_of ?? undefined),
      symbols: row.symbols ?? {},
    });
  }
  return newest;
}

interface Position {
  readonly period: Period;
  /** To which day a running total of the measure counts. */
  readonly asOf: (measure: Measure) => string | undefined;
  /** By measure, where one stands in place of a number. */
  readonly symbols: Readonly<Partial<Record<Measure, string>>>;
}

function sliceKey({ series, schoolType, topic, breakdown }: Slice & { readonly series: string }): string {
  return JSON.stringify([series, schoolType, topic, breakdown]);
}

/** News of a preview; `versionId` only of recorded events. */
export interface NewestNews {
  readonly areaId: number;
  readonly versionId: number | undefined;
  readonly news: MailNews;
}

/**
 * What the newest figures of an area are news of under the rules as configured: of each rule that watches the area the
 * last event on them that is told and, where there is none and the alert is open, how it stands. Of several series those
 * of the newest academic year. Rules that were not applied yet (new, edited) are tried, and nothing is kept of it.
 */
export async function newestNews(
  store: Pick<Store, 'db'>,
  areaId: number,
  configured: readonly Rule[],
  options: { readonly now: Date; readonly neighbours: Neighbours },
): Promise<readonly NewestNews[]> {
  const lookup = new AreaLookup(store.db);
  const rules: Rule[] = [];
  for (const rule of configured) if ((await lookup.resolve(rule.areas)).has(areaId)) rules.push(rule);
  if (rules.length === 0) return [];
  const changes = await ruleChanges(store.db, rules);
  const changed = rules.filter(({ name }) => changes.byRule.get(name)?.kind !== 'known');
  if (changed.length === 0) return newsOf(store.db, areaId, rules);
  const only = await onlyArea(store.db, lookup, areaId);
  const trial = rules.map((rule) => (changed.includes(rule) && only !== undefined ? { ...rule, areas: [only] } : rule));
  return tryRules(store, { ...options, rules: trial }, (trx) => newsOf(trx, areaId, rules));
}

/** What selects this one area, so that a rule on all schools is not tried on all; undefined where its code means others too. */
async function onlyArea(db: Kysely<Database>, lookup: AreaLookup, areaId: number): Promise<AreaSelector | undefined> {
  const row = await db.selectFrom('area').select('code').where('id', '=', areaId).executeTakeFirst();
  if (row === undefined) return undefined;
  const selector = { by: 'name' as const, text: row.code };
  const ids = await lookup.resolve([selector]);
  return ids.size === 1 && ids.has(areaId) ? selector : undefined;
}

/** @param rules as they were last applied; all of them watch the area */
async function newsOf(db: Kysely<Database>, areaId: number, rules: readonly Rule[]): Promise<readonly NewestNews[]> {
  const row = await db.selectFrom('area').selectAll().where('id', '=', areaId).executeTakeFirst();
  if (row === undefined) return [];
  const area: BriefArea = {
    name: row.name,
    level: row.level,
    code: row.code,
    regionName: row.region_name ?? undefined,
  };
  const newest = await newestPositions(db, area);
  const isNewest = (one: Slice & Pick<Standing, 'series' | 'period' | 'asOf'>, measure: Measure): boolean => {
    const at = newest.get(sliceKey(one));
    return at !== undefined && at.period.sort === one.period.sort && at.asOf(measure) === one.asOf;
  };
  const all = new Map<string, NewestNews>();
  for (const standing of await standingsOf(db, areaId, rules)) {
    if (standing.inBreach !== true || !isNewest(standing, standing.rule.measure)) continue;
    all.set(`${standing.rule.name}\n${sliceKey(standing)}`, {
      ...{ areaId, versionId: undefined },
      news: standingNews(standing, area, newest.get(sliceKey(standing))?.symbols[standing.rule.measure]),
    });
  }
  for (const { versionId, news } of await readNews(db, { toldOfArea: areaId }, rules))
    if (isNewest(news, news.measure) && isOfLine(news))
      all.set(`${news.rule}\n${sliceKey(news)}`, { areaId, versionId, news });
  const lastYear = Math.max(...[...all.values()].map(({ news }) => news.period.startYear));
  return [...all.values()].filter(({ news }) => news.period.startYear === lastYear);
}

/** Is the line it was told with the configured one? */
function isOfLine({ threshold, condition }: MailNews): boolean {
  return condition !== undefined && threshold !== null && decimal(threshold).eq(condition.line);
}

/** Is an open alert open on the clearing line alone? */
export function standsBetweenLines({ rule, value, compared }: Standing): boolean {
  if (value === null || compared === null) return false;
  const reading = { kind: 'number' as const, value: decimal(value), compared: decimal(compared), notes: [] };
  return isBetweenLines(rule.condition, reading, true);
}

/** An open alert told as the reminder that it is. */
function standingNews(standing: Standing, area: BriefArea, symbol: string | undefined): MailNews {
  const { rule, series, period, asOf, schoolType, topic, breakdown, value, compared } = standing;
  const { condition, measure } = rule;
  const news: MailNews = {
    ...{ event: 'reminder', rule: rule.name, condition, settings: rule, measure, area, series, period, asOf },
    ...{ schoolType, topic, breakdown, value, symbol, previous: null, inBreach: true },
    betweenLines: standsBetweenLines(standing),
    ...{ threshold: String(condition.line), compared, reason: '', release: '' },
    fingerprint: JSON.stringify(['open', rule.name, sliceKey(standing)]),
  };
  return { ...news, reason: standingReason(news), isStanding: true };
}
