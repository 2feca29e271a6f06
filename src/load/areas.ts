/** Finding areas: as people name them, and as rules select them. */
import { sql, type Expression, type ExpressionBuilder, type SqlBool } from 'kysely';
import { KNOWN_AREAS, resolveArea, searchAreas, type Found, type NamedArea } from '../domain/area-search.js';
import { currentNameAndCode } from '../domain/areas.js';
import { boroughsOf, londonPartOf } from '../domain/authorities.js';
import type { GeographicLevel } from '../domain/area.js';
import type { AreaSelector } from '../domain/rule.js';
import type { Store } from './database.js';
import type { Database } from './schema.js';

/** An area of the facts or of loaded figures. */
export interface AreaRow extends NamedArea {
  /** undefined: no loaded figure is about it. */
  readonly id: number | undefined;
  readonly regionCode: string | undefined;
  readonly regionName: string | undefined;
}

type Reader = Pick<Store, 'db'>;

type Loaded = AreaRow & { readonly id: number };
type Which = (eb: ExpressionBuilder<Database, 'area'>) => Expression<SqlBool>;

const ALL: Which = (eb) => eb.lit(true);
const ALL_BUT_SCHOOLS: Which = (eb) => eb('level', '<>', 'School');

/** Schools are many: of them only those whose name or code holds a word of the text are looked at. */
function perhapsCalled(text: string): Which {
  const longest = text
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .reduce((best, word) => (word.length > best.length ? word : best), '');
  return (eb) =>
    eb.or([
      ALL_BUT_SCHOOLS(eb),
      sql<boolean>`strpos(lower(name) || aliases::text, ${longest}) > 0`,
      eb('code', '=', text.trim().toUpperCase()),
    ]);
}

/** The schools of an authority, a region, a country; `isWithin` in SQL. */
function schoolsWithin(outer: readonly AreaRow[]): Which {
  return (eb) =>
    eb.and([
      eb('level', '=', 'School'),
      eb.or(
        outer.map(({ level, code, oldLaCode }) =>
          level === 'National'
            ? eb.lit(true)
            : level === 'Regional'
              ? eb.or([eb('region_code', '=', code), sql<boolean>`old_la_code = any(${[...boroughsOf(code)]}::text[])`])
              : eb('old_la_code', '=', oldLaCode ?? null),
        ),
      ),
    ]);
}

async function loadedAreas(store: Reader, which: Which): Promise<Loaded[]> {
  const rows = await store.db
    .selectFrom('area')
    .select(['id', 'level', 'key', 'code', 'old_la_code', 'name', 'aliases', 'region_code', 'region_name'])
    .where('named_by', 'is not', null)
    .where(which)
    .orderBy('id')
    .execute();
  return rows.map((row) => ({
    id: row.id,
    level: row.level,
    key: row.key,
    code: row.code,
    oldLaCode: row.old_la_code ?? undefined,
    name: row.name,
    aliases: row.aliases,
    regionCode: row.region_code ?? undefined,
    regionName: row.region_name ?? undefined,
  }));
}

/** Areas that the facts know and no loaded figure is about. */
function unloadedAreas(loaded: readonly AreaRow[]): AreaRow[] {
  const there = new Set(loaded.map(({ level, key }) => `${level}\t${key}`));
  return KNOWN_AREAS.filter(({ level, key }) => !there.has(`${level}\t${key}`)).map((area) => {
    const { regionCode, regionName } = currentNameAndCode({
      ...area,
      level: area.level as GeographicLevel,
      regionCode: undefined,
      regionName: undefined,
    });
    return { ...area, id: undefined, regionCode, regionName };
  });
}

/**
 * Areas by a name or code as people write it, best first, those without loaded figures included.
 * @param limit how many at most
 */
export async function findAreas(store: Reader, text: string, limit = 50): Promise<AreaRow[]> {
  return (await matchAreas(store, text)).slice(0, limit).map(({ area }) => area);
}

/** As `findAreas`, with how well each answers. */
export async function matchAreas(store: Reader, text: string): Promise<Found<AreaRow>[]> {
  const loaded = await loadedAreas(store, perhapsCalled(text));
  return searchAreas(text, [...loaded, ...unloadedAreas(loaded)]);
}

/** What a selector of the configuration stands for among loaded areas. */
export type Selected =
  | { readonly kind: 'areas'; readonly areas: readonly (AreaRow & { readonly id: number })[] }
  /** Nothing loaded is called so; `near` may have been meant; `known`: an area of that name is known without figures. */
  | {
      readonly kind: 'none';
      readonly selector: AreaSelector;
      readonly near: readonly string[];
      readonly known?: AreaRow | undefined;
    };

function isLoaded(area: AreaRow): area is AreaRow & { readonly id: number } {
  return area.id !== undefined;
}

/**
 * The loaded areas that a selector stands for. A name stands for one area (of two authorities of one name the live
 * one, of an authority and a school the authority); `within` is a region, or for schools an authority.
 */
export async function selectAreas(store: Reader, selector: AreaSelector): Promise<Selected> {
  if (selector.by === 'name') {
    const loaded = await loadedAreas(store, perhapsCalled(selector.text));
    const found = resolveArea(selector.text, [...loaded, ...unloadedAreas(loaded)]);
    const areas = found.kind === 'one' ? [found.area] : found.kind === 'several' ? found.areas : [];
    const kept = areas.filter(isLoaded);
    if (kept.length > 0) return { kind: 'areas', areas: kept };
    if (found.kind === 'none') return { kind: 'none', selector, near: found.near.map(({ name }) => name) };
    const near = searchAreas(selector.text, loaded).map(({ area }) => `${area.name} (${area.level})`);
    return { kind: 'none', selector, near: near.slice(0, NEAR), known: areas[0] };
  }
  if (selector.by === 'all') return { kind: 'areas', areas: await loadedAreas(store, ALL) };
  const level = selector.level.trim().toLowerCase();
  const others = await loadedAreas(store, ALL_BUT_SCHOOLS);
  let outer: readonly AreaRow[] | undefined;
  if (selector.within !== undefined) {
    const around = resolveArea(selector.within, [...others, ...unloadedAreas(others)]);
    if (around.kind === 'none') return { kind: 'none', selector, near: around.near.map(({ name }) => name) };
    outer = around.kind === 'one' ? [around.area] : around.areas;
  }
  const ofLevel =
    level === 'school'
      ? await loadedAreas(store, outer === undefined ? (eb) => eb('level', '=', 'School') : schoolsWithin(outer))
      : others.filter((area) => area.level.toLowerCase() === level);
  if (ofLevel.length === 0) {
    const levels = await loadedLevels(store);
    if (!levels.some((each) => each.toLowerCase() === level)) return { kind: 'none', selector, near: levels };
  }
  const areas = outer === undefined ? ofLevel : ofLevel.filter((area) => outer.some((each) => isWithin(area, each)));
  return { kind: 'areas', areas };
}

/** How many areas are proposed where the one meant has no figures. */
const NEAR = 5;

async function loadedLevels(store: Reader): Promise<string[]> {
  const levels = store.db.selectFrom('area').select('level').distinct().where('named_by', 'is not', null);
  return (await levels.orderBy('level').execute()).map(({ level }) => level);
}

function isWithin(area: AreaRow, outer: AreaRow): boolean {
  if (outer.level === 'National') return area.level !== 'National';
  if (outer.level === 'Regional')
    return (
      area.level !== 'Regional' && (area.regionCode === outer.code || londonPartOf(area.oldLaCode)?.code === outer.code)
    );
  return outer.oldLaCode !== undefined && area.level !== outer.level && area.oldLaCode === outer.oldLaCode;
}

/** Ids of the loaded areas that a selector stands for; none where nothing answers to it. */
export async function resolveSelector(store: Reader, selector: AreaSelector): Promise<number[]> {
  const selected = await selectAreas(store, selector);
  return selected.kind === 'areas' ? selected.areas.map(({ id }) => id) : [];
}
