/**
 * Names and codes in use now: what the newest loaded release says, where the facts do not know better. A release without
 * codes (DfE's three digits then stand in their place) takes none away.
 */
import { sql } from 'kysely';
import { currentNameAndCode } from '../domain/areas.js';
import type { GeographicLevel } from '../domain/area.js';
import type { Trx } from './version-record.js';

/**
 * Works out afresh how the areas of one version are called, after it was loaded, accepted, withdrawn or removed. An
 * area that no loaded version speaks of keeps its last name, is `named_by` nobody, and is not found by searches.
 * @param upTo areas with a higher number are new with this version, and named already
 */
export async function renameAreas(trx: Trx, versionId: number, upTo = HIGHEST_ID): Promise<void> {
  await sql`
    update area a
    set code = coalesce(newest.code, a.code), old_la_code = coalesce(newest.old_la_code, a.old_la_code),
      name = coalesce(newest.name, a.name), region_code = coalesce(newest.region_code, a.region_code),
      region_name = coalesce(newest.region_name, a.region_name), named_by = newest.version_id,
      aliases = coalesce(newest.aliases, '[]')
    from area_naming own
    left join lateral (
      select (array_agg(n.code order by n.code is not distinct from n.old_la_code, r.first_published desc, v.published_at desc, v.id desc))[1] as code,
        (array_agg(n.old_la_code order by r.first_published desc, v.published_at desc, v.id desc))[1] as old_la_code,
        (array_agg(n.name order by r.first_published desc, v.published_at desc, v.id desc))[1] as name,
        (array_agg(n.region_code order by r.first_published desc, v.published_at desc, v.id desc))[1] as region_code,
        (array_agg(n.region_name order by r.first_published desc, v.published_at desc, v.id desc))[1] as region_name,
        (array_agg(n.version_id order by r.first_published desc, v.published_at desc, v.id desc))[1] as version_id,
        to_jsonb(array_agg(distinct lower(n.name)) || array_agg(distinct lower(n.code))) as aliases
      from area_naming n
      join data_set_version v on v.id = n.version_id and v.state = 'loaded'
      join release r on r.id = v.release_id
      where n.area_id = own.area_id
    ) newest on true
    where own.version_id = ${versionId} and own.area_id <= ${upTo} and a.id = own.area_id
      and (${upTo === HIGHEST_ID} or a.named_by is distinct from newest.version_id or not coalesce(a.aliases ? lower(own.name) and a.aliases ? lower(own.code), false))
  `.execute(trx);
  for (let last: number | undefined = 0; last !== undefined;) last = await callByFacts(trx, versionId, last, upTo);
}

const HIGHEST_ID = 2 ** 31 - 1;
/** Areas looked at in one go: schools are many. */
const AT_ONCE = 5000;

/**
 * Schools are called as their newest file calls them; only their region may be out of date (London's boroughs).
 * @returns the area after which to go on; undefined at the end
 */
async function callByFacts(trx: Trx, versionId: number, after: number, upTo: number): Promise<number | undefined> {
  const areas = await trx
    .selectFrom('area_naming as own')
    .innerJoin('area as a', 'a.id', 'own.area_id')
    .select(['a.id', 'a.level', 'a.key', 'a.code', 'a.old_la_code', 'a.name', 'a.region_code', 'a.region_name'])
    .where('own.version_id', '=', versionId)
    .where('own.area_id', '>', after)
    .where('own.area_id', '<=', upTo)
    .where('a.named_by', 'is not', null)
    .orderBy('own.area_id')
    .limit(AT_ONCE)
    .execute();
  const corrections = areas.flatMap((area) => {
    const now = currentNameAndCode({
      level: area.level as GeographicLevel,
      key: area.key,
      code: area.code,
      oldLaCode: area.old_la_code ?? undefined,
      name: area.name,
      regionCode: area.region_code ?? undefined,
      regionName: area.region_name ?? undefined,
    });
    const row = {
      id: area.id,
      code: now.code,
      old_la_code: now.oldLaCode ?? null,
      name: now.name,
      region_code: now.regionCode ?? null,
      region_name: now.regionName ?? null,
    };
    const same =
      row.code === area.code &&
      row.old_la_code === area.old_la_code &&
      row.name === area.name &&
      row.region_code === area.region_code &&
      row.region_name === area.region_name;
    return same ? [] : [row];
  });
  if (corrections.length > 0)
    await sql`
    update area a
    set code = c.code, old_la_code = c.old_la_code, name = c.name, region_code = c.region_code, region_name = c.region_name
    from jsonb_to_recordset(${JSON.stringify(corrections)}::jsonb)
      as c (id integer, code text, old_la_code text, name text, region_code text, region_name text)
    where a.id = c.id`.execute(trx);
  return areas.length < AT_ONCE ? undefined : areas.at(-1)?.id;
}
