/** Finding areas: as people name them, and as rules select them. */
import { sql } from 'kysely';
import { KNOWN_AREAS, resolveArea, searchAreas, type NamedArea } from '../domain/area-search.js';
import { currentNameAndCode } from '../domain/areas.js';
import type { GeographicLevel } from '../domain/area.js';
import type { AreaSelector } from '../domain/rule.js';
import type { Store } from './database.js';

/** An area of the facts or of loaded figures. */
export interface AreaRow extends NamedArea {
  /** undefined: no loaded figure is about it. */
  readonly id: number | undefined;
  readonly regionCode: string | undefined;
  readonly regionName: string | undefined;
}

type Reader = Pick<Store, 'db'>;

/**
 * Schools are many: of them only those whose name or code holds a word of the text are looked at.
 * @param text undefined: all areas
 * @param schools without a text: whether they are wanted
 */
async function loadedAreas(
  store: Reader,
  text: string | undefined,
  schools = true,
): Promise<(AreaRow & { readonly id: number })[]> {
  const longest = (text ?? '')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .reduce((best, word) => (word.length > best.length ? word : best), '');
  const rows = await store.db
    .selectFrom('area')
    .select(['id', 'level', 'key', 'code', 'old_la_code', 'name', 'aliases', 'region_code', 'region_name'])
    .where('named_by', 'is not', null)
    .where((eb) =>
      text === undefined
        ? schools
          ? eb.lit(true)
          : eb('level', '<>', 'School')
        : eb.or([
            eb('level', '<>', 'School'),
            sql<boolean>`strpos(lower(name) || aliases::text, ${longest}) > 0`,
            eb('code', '=', text.trim().toUpperCase()),
          ]),
    )
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
  const loaded = await loadedAreas(store, text);
  return searchAreas(text, [...loaded, ...unloadedAreas(loaded)])
    .slice(0, limit)
    .map(({ area }) => area);
}

/** What a selector of the configuration stands for among loaded areas. */
export type Selected =
  | { readonly kind: 'areas'; readonly areas: readonly (AreaRow & { readonly id: number })[] }
  /** Nothing loaded is called so; `near` may have been meant. */
  | { readonly kind: 'none'; readonly selector: AreaSelector; readonly near: readonly string[] };

function isLoaded(area: AreaRow): area is AreaRow & { readonly id: number } {
  return area.id !== undefined;
}

/**
 * The loaded areas that a selector stands for. A name stands for one area (of two authorities of one name the live
 * one, of an authority and a school the authority); `within` is a region, or for schools an authority.
 */
export async function selectAreas(store: Reader, selector: AreaSelector): Promise<Selected> {
  if (selector.by === 'name') {
    const loaded = await loadedAreas(store, selector.text);
    const found = resolveArea(selector.text, [...loaded, ...unloadedAreas(loaded)]);
    const areas = found.kind === 'one' ? [found.area] : found.kind === 'several' ? found.areas : [];
    const kept = areas.filter(isLoaded);
    if (kept.length > 0) return { kind: 'areas', areas: kept };
    const near = found.kind === 'none' ? found.near : found.kind === 'one' ? [found.area] : found.areas;
    return { kind: 'none', selector, near: near.map(({ name }) => name) };
  }
  const level = selector.by === 'all' ? undefined : selector.level.trim().toLowerCase();
  const all = await loadedAreas(store, undefined, level === undefined || level === 'school');
  if (selector.by === 'all') return { kind: 'areas', areas: all };
  const ofLevel = all.filter((area) => area.level.toLowerCase() === level);
  if (ofLevel.length === 0) return { kind: 'none', selector, near: await loadedLevels(store) };
  if (selector.within === undefined) return { kind: 'areas', areas: ofLevel };
  const around = resolveArea(selector.within, [
    ...all.filter((area) => area.level !== 'School'),
    ...unloadedAreas(all),
  ]);
  if (around.kind === 'none') return { kind: 'none', selector, near: around.near.map(({ name }) => name) };
  const outer = around.kind === 'one' ? [around.area] : around.areas;
  return { kind: 'areas', areas: ofLevel.filter((area) => outer.some((each) => isWithin(area, each))) };
}

async function loadedLevels(store: Reader): Promise<string[]> {
  const levels = store.db.selectFrom('area').select('level').distinct().where('named_by', 'is not', null);
  return (await levels.orderBy('level').execute()).map(({ level }) => level);
}

function isWithin(area: AreaRow, outer: AreaRow): boolean {
  if (outer.level === 'National') return area.level !== 'National';
  if (outer.level === 'Regional') return area.level !== 'Regional' && area.regionCode === outer.code;
  return outer.oldLaCode !== undefined && area.level !== outer.level && area.oldLaCode === outer.oldLaCode;
}

/** Ids of the loaded areas that a selector stands for; none where nothing answers to it. */
export async function resolveSelector(store: Reader, selector: AreaSelector): Promise<number[]> {
  const selected = await selectAreas(store, selector);
  return selected.kind === 'areas' ? selected.areas.map(({ id }) => id) : [];
}
