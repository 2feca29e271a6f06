/** Which briefs a release owes: one for each area asked for, when it brings a finished period that is new for the area. */
import { sql, type Kysely } from 'kysely';
import type { BriefRequest } from '../domain/rule.js';
import type { Database } from '../load/schema.js';
import type { Catalogue, CatalogueVersion } from './catalogue.js';
import type { AreaLookup } from './rule-changes.js';

export interface DueBrief {
  readonly areaId: number;
  readonly releaseId: number;
  readonly versionIds: readonly number[];
  readonly notify: readonly string[];
}

interface Newest {
  readonly versionId: number;
  readonly areaId: number;
  readonly seriesId: number;
  readonly sort: number;
}

/**
 * Briefs owed by versions: for each area and series of finished periods, the version with the newest period, where no
 * version evaluated before had one as new. So an amendment owes none, nor does an older release that comes late, and
 * of several releases at once only the newest does.
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
  for (const request of requests) areasOf.set(request, await lookup.resolve(request.areas));
  const areaIds = [...new Set([...areasOf.values()].flatMap((ids) => [...ids]))];
  const seen = catalogue.versions.filter(({ evaluated, state }) => evaluated && state === 'loaded');
  const before = new Map<string, number>();
  for (const each of await newestFinished(db, seen, areaIds)) {
    const key = `${each.areaId}/${each.seriesId}`;
    before.set(key, Math.max(before.get(key) ?? 0, each.sort));
  }
  const brought = new Map<string, Newest[]>();
  for (const each of await newestFinished(db, due, areaIds)) {
    const key = `${each.areaId}/${each.seriesId}`;
    if (each.sort <= (before.get(key) ?? 0)) continue;
    const best = brought.get(key)?.[0]?.sort ?? 0;
    if (each.sort > best) brought.set(key, [each]);
    else if (each.sort === best) brought.get(key)?.push(each);
  }
  const byId = new Map(due.map((version) => [version.id, version]));
  const owed = new Map<string, { areaId: number; releaseId: number; versionIds: Set<number> }>();
  for (const { areaId, versionId } of [...brought.values()].flat()) {
    const releaseId = byId.get(versionId)?.releaseId;
    if (releaseId === undefined) continue;
    const key = `${areaId}/${releaseId}`;
    const brief = owed.get(key) ?? { areaId, releaseId, versionIds: new Set<number>() };
    brief.versionIds.add(versionId);
    owed.set(key, brief);
  }
  return [...owed.values()].flatMap(({ areaId, releaseId, versionIds }) => {
    const notify = requests
      .filter((request) => areasOf.get(request)?.has(areaId) === true)
      .flatMap((each) => each.notify);
    return notify.length === 0
      ? []
      : [{ areaId, releaseId, versionIds: [...versionIds].sort((a, b) => a - b), notify }];
  });
}

/** Briefs are told of all pupils in all schools, so only such figures make one due. */
async function newestFinished(
  db: Kysely<Database>,
  versions: readonly CatalogueVersion[],
  areaIds: readonly number[],
): Promise<Newest[]> {
  if (versions.length === 0 || areaIds.length === 0) return [];
  const { rows } = await sql<Newest>`
    select f.version_id as "versionId", f.area_id as "areaId", f.series_id as "seriesId", max(p.sort) as sort
    from figure f
    join period p on p.id = f.period_id and p.kind = 'finished'
    join school_type t on t.id = f.school_type_id and t.name = 'Total'
    join breakdown b on b.id = f.breakdown_id and b.topic = 'Total' and b.name = 'Total'
    where f.version_id = any(${versions.map(({ id }) => id)}::int[]) and f.area_id = any(${[...areaIds]}::int[])
    group by f.version_id, f.area_id, f.series_id`.execute(db);
  return rows;
}
