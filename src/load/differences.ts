/**
 * All that a version says differently from the one before it. Only counts and a sample are kept with the version;
 * figures never change, so the whole list is worked out when it is asked for, and is the same each time.
 */
import { sql, type Kysely } from 'kysely';
import type { Measure } from '../domain/measure.js';
import { isAfterPruned } from './currency.js';
import type { Store } from './database.js';
import { AREA_ORDER, FIGURES_OF_PAIR, IN_ORDER, KEY_OF_PAIR, NAMED, pairsOf, type Change } from './diff.js';
import type { Database } from './schema.js';
import { VersionStateError } from './version-states.js';

/** Columns as in view `absence`. */
export interface FigureDifference {
  readonly change: Change;
  readonly series: string;
  readonly time_period: string;
  readonly time_identifier: string;
  readonly period_label: string;
  readonly geographic_level: string;
  readonly area_code: string;
  readonly old_la_code: string | null;
  readonly area_name: string;
  readonly school_type: string;
  readonly breakdown_topic: string;
  readonly breakdown: string;
  /** ISO date; null for finished periods. */
  readonly as_of: string | null;
  readonly measure: Measure;
  /** Decimal text as published, or the symbol; null where there is no such figure. */
  readonly from: string | null;
  readonly to: string | null;
}

/** Areas compared in one go: a file of every school has too many figures to hold them all. */
const AT_ONCE = 500;

/**
 * The figures added, gone and changed, in the order of the sample, some areas at a time; nothing for a first version.
 * @throws VersionStateError where there is no such version, or its figures were pruned
 */
export async function* differences(
  { db }: Pick<Store, 'db'>,
  id: number,
  atOnce = AT_ONCE,
): AsyncGenerator<FigureDifference[]> {
  const version = await db
    .selectFrom('data_set_version as v')
    .leftJoin('version_diff as d', 'd.version_id', 'v.id')
    .leftJoin('data_set_version as previous', 'previous.id', 'd.previous_id')
    .select(['v.id', 'v.release_id', 'd.previous_id', 'previous.release_id as previous_release'])
    .where('v.id', '=', id)
    .executeTakeFirst();
  if (version === undefined) throw new VersionStateError(`There is no data set version ${id}; see "versions list".`);
  if (version.previous_id === null) {
    if (await isAfterPruned({ db }, id))
      throw new VersionStateError(
        `The figures of the version before version ${id} were taken away by the retention setting: there is nothing left to hold it against.`,
      );
    return;
  }
  const compared = {
    id,
    previousId: version.previous_id,
    sameRelease: version.release_id === version.previous_release,
  };
  for (const each of [id, compared.previousId])
    if (!(await hasFigures(db, each)))
      throw new VersionStateError(
        `The figures of version ${each} were taken away by the retention setting: of what version ${id} changed only the numbers are left (versions list).`,
      );
  const areas = await sql<{ id: number }>`
    select a.id from area a
    where a.id in (select area_id from figure where version_id in (${id}, ${compared.previousId}))
    order by ${AREA_ORDER}`.execute(db);
  for (let at = 0; at < areas.rows.length; at += atOnce) {
    const areaIds = areas.rows.slice(at, at + atOnce).map((area) => area.id);
    const { rows } = await sql<FigureDifference>`
      select m.change, s.name as series, p.time_period, p.time_identifier, p.label as period_label,
        a.level as geographic_level, a.code as area_code, a.old_la_code, a.name as area_name, t.name as school_type,
        b.topic as breakdown_topic, b.name as breakdown, nullif(n.as_of, 'infinity') as as_of,
        m.measure, m."from", m."to"
      from (
        select ${KEY_OF_PAIR}, m.* from ${pairsOf({ ...compared, areaIds })} cross join ${FIGURES_OF_PAIR}
        where m.change is not null
      ) n
      cross join lateral (select n.at, n.measure, n.change, n."from", n."to") m
      ${NAMED}
      join series s on s.id = n.series_id
      order by ${IN_ORDER}`.execute(db);
    if (rows.length > 0) yield rows;
  }
}

async function hasFigures(db: Kysely<Database>, versionId: number): Promise<boolean> {
  const { rows } = await sql`select 1 from figure where version_id = ${versionId} limit 1`.execute(db);
  return rows.length > 0;
}
