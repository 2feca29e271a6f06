/** Abolished authorities that the configuration still counts on: news for the operator, who can name their successors. */
import { sql, type Kysely } from 'kysely';
import type { AreaSelector, BriefRequest, Rule } from '../domain/rule.js';
import type { Database } from '../load/schema.js';
import type { Catalogue, CatalogueArea, CatalogueVersion } from './catalogue.js';
import type { AreaLookup } from './rule-changes.js';
import { abolishedWords, type EndedArea } from './sweep.js';

/** What the operator is told of one area. */
export interface EndedNews {
  /** DfE's digits of the area: it is told once, whatever watches it. */
  readonly key: string;
  readonly name: string;
  /** What happened, and what names it in the configuration. */
  readonly text: string;
}

/** Later than any academic year: whoever was abolished at all was so by then. */
const LAST_YEAR = 9998;

interface Configured {
  readonly rules: readonly Rule[];
  readonly briefs: readonly BriefRequest[];
}

/**
 * News of areas that have come to their end: those that rules found gone, and those that rules or briefs name and that
 * versions which nobody has seen yet leave out.
 * @param found by rules in their states
 * @param due loaded versions
 */
export async function endedAreas(
  db: Kysely<Database>,
  catalogue: Catalogue,
  found: readonly EndedArea[],
  due: readonly CatalogueVersion[],
  configured: Configured,
  lookup: AreaLookup,
): Promise<EndedNews[]> {
  const ended = new Map<number, { readonly area: CatalogueArea; readonly why: string; readonly rules: Set<string> }>();
  for (const { area, why, rule } of found) {
    const known = ended.get(area.id) ?? { area, why, rules: new Set<string>() };
    ended.set(area.id, known);
    known.rules.add(rule.name);
  }
  const named = await namedAreas(configured, lookup);
  for (const { area, why } of await leftOut(db, catalogue, due, [...named.keys()]))
    if (!ended.has(area.id)) ended.set(area.id, { area, why, rules: new Set() });
  return [...ended.values()].map(({ area, why, rules }) => ({
    ...{ key: area.key, name: area.name },
    text: endedText(why, named.get(area.id), [...rules]),
  }));
}

interface Namers {
  readonly rules: readonly string[];
  readonly briefs: boolean;
}

/** Areas that rules or briefs name one by one, with which of them do. */
async function namedAreas({ rules, briefs }: Configured, lookup: AreaLookup): Promise<Map<number, Namers>> {
  const byName = (areas: readonly AreaSelector[]): Promise<Set<number>> =>
    lookup.resolve(areas.filter(({ by }) => by === 'name'));
  const named = new Map<number, Namers>();
  for (const rule of rules)
    for (const id of await byName(rule.areas)) {
      const namers = named.get(id) ?? { rules: [], briefs: false };
      named.set(id, { ...namers, rules: [...namers.rules, rule.name] });
    }
  for (const brief of briefs)
    for (const id of await byName(brief.areas)) named.set(id, { rules: named.get(id)?.rules ?? [], briefs: true });
  return named;
}

/** Abolished authorities among some areas without a figure for the newest finished year that versions have of authorities. */
async function leftOut(
  db: Kysely<Database>,
  catalogue: Catalogue,
  versions: readonly CatalogueVersion[],
  areaIds: readonly number[],
): Promise<{ readonly area: CatalogueArea; readonly why: string }[]> {
  const candidates = areaIds.flatMap((id) => {
    const area = catalogue.areas.get(id);
    return area !== undefined && abolishedWords(area, LAST_YEAR) !== undefined ? [area] : [];
  });
  if (candidates.length === 0 || versions.length === 0) return [];
  const { rows } = await sql<{ areaId: number; startYear: number }>`
    select f.area_id as "areaId", max(p.start_year) as "startYear"
    from figure f
    join area a on a.id = f.area_id and a.level = 'Local authority'
    join period p on p.id = f.period_id and p.kind = 'finished'
    where f.version_id = any(${versions.map(({ id }) => id)}::int[])
    group by f.area_id`.execute(db);
  const newest = Math.max(...rows.map(({ startYear }) => startYear));
  const newestOf = new Map(rows.map(({ areaId, startYear }) => [areaId, startYear]));
  return candidates.flatMap((area) => {
    const why = (newestOf.get(area.id) ?? -Infinity) < newest ? abolishedWords(area, newest) : undefined;
    return why === undefined ? [] : [{ area, why }];
  });
}

function endedText(why: string, named: Namers | undefined, watching: readonly string[]): string {
  const quoted = (rules: readonly string[]): string =>
    `${rules.length === 1 ? 'rule' : 'rules'} ${rules.map((rule) => `"${rule}"`).join(', ')}`;
  const places = [...(named === undefined || named.rules.length === 0 ? [] : [quoted(named.rules)])];
  if (named?.briefs === true) places.push('`briefs`');
  const whatToDo =
    places.length === 0
      ? `It was watched by ${quoted(watching)} as one of many: nothing is to be changed.`
      : `The configuration names it in ${places.join(' and in ')}, where nothing more will come of it: name there what took its place, or take it out.`;
  return `${why}. ${whatToDo}`;
}
