/**
 * Which briefs a release owes: one for each area asked for, when it brings a finished period that is new for the area, or
 * when it brings one for others and has no figure for the area.
 */
import { sql, type Kysely } from 'kysely';
import { findAbolished } from '../domain/authorities.js';
import type { Period } from '../domain/period.js';
import type { BriefRequest } from '../domain/rule.js';
import type { Database } from '../load/schema.js';
import { firstTold } from './brief-period.js';
import type { Catalogue, CatalogueVersion } from './catalogue.js';
import type { AreaLookup } from './rule-changes.js';

export interface DueBrief {
  readonly areaId: number;
  readonly releaseId: number;
  readonly versionIds: readonly number[];
  readonly notify: readonly string[];
  /** What the brief is about: of the release's periods the one that is told first. */
  readonly about: SeriesPeriod;
  /** Others of the area's level have a figure for it, and the area has none. */
  readonly isLacking: boolean;
}

export interface SeriesPeriod {
  readonly seriesId: number;
  readonly periodId: number;
}

interface Newest extends SeriesPeriod {
  readonly versionId: number;
  readonly areaId: number;
  readonly sort: number;
}

/**
 * Briefs owed by versions: for each area and series of finished periods, the version with the newest period, where no
 * version evaluated before had one as new. So an amendment owes none, nor does an older release that comes late, and
 * of several releases at once only the newest does. Where a version brings a new period for others of an area's level
 * and not for the area, what is owed says so: silence would read as if no release had come.
 */
export async function dueBriefs(
  db: Kysely<Database>,
  catalogue: Catalogue,
  due: readonly CatalogueVersion[],
  requests: readonly BriefRequest[],
  lookup: AreaLookup,
): Promise<DueBrief[]> {
  if (due.length === 0 || requests.length === 0) return [];
  const areasOf = new Map<BriefRequest, ReadonlySet<number>>();
  const named = new Set<number>();
  for (const request of requests) {
    areasOf.set(request, await lookup.resolve(request.areas));
    for (const id of await lookup.resolve(request.areas.filter(({ by }) => by === 'name'))) named.add(id);
  }
  const areaIds = [...new Set([...areasOf.values()].flatMap((ids) => [...ids]))];
  const seen = catalogue.versions.filter(({ evaluated, state }) => evaluated && state === 'loaded');
  const before = new Map<string, number>();
  const seenNewest = await newestFinished(db, seen, areaIds);
  for (const each of seenNewest) {
    const key = `${each.areaId}/${each.seriesId}`;
    before.set(key, Math.max(before.get(key) ?? 0, each.sort));
  }
  const brought = new Map<string, Newest[]>();
  const dueNewest = await newestFinished(db, due, areaIds);
  for (const each of dueNewest) {
    const key = `${each.areaId}/${each.seriesId}`;
    if (each.sort <= (before.get(key) ?? 0)) continue;
    const best = brought.get(key)?.[0]?.sort ?? 0;
    if (each.sort > best) brought.set(key, [each]);
    else if (each.sort === best) brought.get(key)?.push(each);
  }
  const releases = new Map([...seen, ...due].map(({ id, releaseId }) => [id, releaseId]));
  const told = toldFirst(catalogue, releases, [...seenNewest, ...dueNewest]);
  const owed = new Map<string, { areaId: number; releaseId: number; versionIds: Set<number>; about: SeriesPeriod }>();
  for (const { areaId, versionId } of [...brought.values()].flat()) {
    const releaseId = releases.get(versionId);
    const about = told.get(`${areaId}/${releaseId}`);
    if (releaseId === undefined || about === undefined) continue;
    const key = `${areaId}/${releaseId}`;
    const brief = owed.get(key) ?? { areaId, releaseId, versionIds: new Set<number>(), about };
    brief.versionIds.add(versionId);
    owed.set(key, brief);
  }
  const newest = [...before].map(([key, sort]) => {
    const [areaId = 0, seriesId = 0] = key.split('/').map(Number);
    return { areaId, seriesId, isNamed: named.has(areaId), sort: Math.max(sort, brought.get(key)?.[0]?.sort ?? 0) };
  });
  const all = [
    ...[...owed.values()].map((each) => ({ ...each, isLacking: false })),
    ...(await missingFrom(db, due, seen, newest)).map(({ version, ...each }) => ({
      ...{ ...each, releaseId: version.releaseId, versionIds: new Set([version.id]), isLacking: true },
    })),
  ];
  return all.flatMap(({ areaId, releaseId, versionIds, about, isLacking }) => {
    const notify = requests
      .filter((request) => areasOf.get(request)?.has(areaId) === true)
      .flatMap((each) => each.notify);
    return notify.length === 0
      ? []
      : [{ areaId, releaseId, versionIds: [...versionIds].sort((a, b) => a - b), notify, about, isLacking }];
  });
}

/**
 * By 'area/release' what a brief on the release is about. All its versions count: one that comes after the others and brings
 * a narrower period has nothing to tell that the brief had not.
 * @param releases of each version
 */
function toldFirst(
  { periods }: Catalogue,
  releases: ReadonlyMap<number, number>,
  newest: readonly Newest[],
): ReadonlyMap<string, SeriesPeriod> {
  const first = new Map<string, { about: SeriesPeriod; period: Period }>();
  for (const { versionId, areaId, seriesId, periodId } of newest) {
    const key = `${areaId}/${releases.get(versionId)}`;
    const period = periods.get(periodId);
    const best = first.get(key)?.period;
    if (period === undefined || (best !== undefined && firstTold(best, period) <= 0)) continue;
    first.set(key, { about: { seriesId, periodId }, period });
  }
  return new Map([...first].map(([key, { about }]) => [key, about]));
}

interface Missing {
  readonly areaId: number;
  readonly version: CatalogueVersion;
  readonly about: SeriesPeriod;
}

/**
 * Areas without a figure for the newest finished period that versions bring for others of their level. Of areas that are
 * asked for as some of many (the schools of an authority) only those that were there the last time: one that has closed
 * is not told of for ever. An abolished authority has come to its end, which is told otherwise.
 * @param seen versions evaluated before
 * @param newest of each area and series the newest period with a figure
 */
async function missingFrom(
  db: Kysely<Database>,
  due: readonly CatalogueVersion[],
  seen: readonly CatalogueVersion[],
  newest: readonly {
    readonly areaId: number;
    readonly seriesId: number;
    readonly sort: number;
    readonly isNamed: boolean;
  }[],
): Promise<Missing[]> {
  if (newest.length === 0) return [];
  const areas = await db
    .selectFrom('area')
    .select(['id', 'level', 'key'])
    .where('id', '=', sql<number>`any(${[...new Set(newest.map(({ areaId }) => areaId))]}::int[])`)
    .execute();
  const byId = new Map(areas.map((area) => [area.id, area]));
  const candidates = newest.flatMap((each) => {
    const area = byId.get(each.areaId);
    return area === undefined ? [] : [{ ...each, area }];
  });
  const brought = await newestOfLevels(db, due, candidates);
  const lacking = candidates.flatMap((each) => {
    const others = brought.get(`${each.area.level}/${each.seriesId}`);
    const isGone = each.area.level === 'Local authority' && findAbolished(each.area.key, others?.startYear ?? 0);
    return others === undefined || others.sort <= each.sort || isGone ? [] : [{ ...each, others }];
  });
  const known = await newestOfLevels(db, seen, lacking);
  return lacking.flatMap(({ areaId, seriesId, sort, isNamed, area, others }) => {
    const version = due.find(({ id }) => id === others.versionId);
    const before = known.get(`${area.level}/${seriesId}`)?.sort ?? 0;
    const isNew = others.sort > before && (isNamed || before <= sort);
    return version === undefined || !isNew ? [] : [{ areaId, version, about: { seriesId, periodId: others.periodId } }];
  });
}

interface OfLevel {
  readonly versionId: number;
  readonly level: string;
  readonly seriesId: number;
  readonly periodId: number;
  readonly sort: number;
  readonly startYear: number;
}

/** The newest finished period that some versions have for any area of a level, by level and series. */
async function newestOfLevels(
  db: Kysely<Database>,
  versions: readonly CatalogueVersion[],
  wanted: readonly { readonly seriesId: number; readonly area: { readonly level: string } }[],
): Promise<ReadonlyMap<string, OfLevel>> {
  if (versions.length === 0 || wanted.length === 0) return new Map();
  const { rows } = await sql<OfLevel>`
    select f.version_id as "versionId", a.level, f.series_id as "seriesId", f.period_id as "periodId", p.sort,
      p.start_year as "startYear"
    from figure f
    join area a on a.id = f.area_id and a.level = any(${[...new Set(wanted.map(({ area }) => area.level))]}::text[])
    ${toldInBriefs}
    where f.version_id = any(${versions.map(({ id }) => id)}::int[])
      and f.series_id = any(${[...new Set(wanted.map(({ seriesId }) => seriesId))]}::int[])
    group by f.version_id, a.level, f.series_id, f.period_id, p.sort, p.start_year
    order by p.sort, f.version_id desc`.execute(db);
  return new Map(rows.map((row) => [`${row.level}/${row.seriesId}`, row]));
}

/** Briefs are told of all pupils in all schools, so only such figures make one due. */
const toldInBriefs = sql`
    join period p on p.id = f.period_id and p.kind = 'finished'
    join school_type t on t.id = f.school_type_id and t.name = 'Total'
    join breakdown b on b.id = f.breakdown_id and b.topic = 'Total' and b.name = 'Total'`;

async function newestFinished(
  db: Kysely<Database>,
  versions: readonly CatalogueVersion[],
  areaIds: readonly number[],
): Promise<Newest[]> {
  if (versions.length === 0 || areaIds.length === 0) return [];
  const { rows } = await sql<Newest>`
    select distinct on (f.version_id, f.area_id, f.series_id)
      f.version_id as "versionId", f.area_id as "areaId", f.series_id as "seriesId", f.period_id as "periodId", p.sort
    from figure f ${toldInBriefs}
    where f.version_id = any(${versions.map(({ id }) => id)}::int[]) and f.area_id = any(${[...areaIds]}::int[])
    order by f.version_id, f.area_id, f.series_id, p.sort desc`.execute(db);
  return rows;
}
