/** Figures with the numbers of their keys, as they stood at a time: what the rules are evaluated on. */
import { sql, type Kysely, type RawBuilder } from 'kysely';
import { MEASURES, type Measure } from '../domain/measure.js';
import type { Database } from './schema.js';
import { CANDIDATES, NOT_HELD } from './views.js';

export interface FigureQuery {
  /** What was published by then; undefined: all that is loaded. */
  readonly at?: Date | undefined;
  readonly areaIds?: readonly number[] | undefined;
  /** Names of series. */
  readonly series?: readonly string[] | undefined;
  readonly periodIds?: readonly number[] | undefined;
  readonly schoolType?: string | undefined;
  readonly breakdown?: { readonly topic: string; readonly breakdown: string } | undefined;
  /** Every day of a running total that was published, instead of the newest. */
  readonly allAsOf?: boolean | undefined;
  /** Only what these publications (slugs) say, as if nothing else were loaded. */
  readonly publications?: readonly string[] | undefined;
  /** Only what these data sets (ids) say, or all but those. */
  readonly dataSets?: { readonly include: readonly number[] } | { readonly exclude: readonly number[] } | undefined;
  /** Leaves versions out, as if they had not been loaded. */
  readonly withoutVersions?: readonly number[] | undefined;
}

/** Where one measure comes from. */
export interface FigureSource {
  readonly versionId: number;
  /** Worked out from the row's counts. */
  readonly computed: boolean;
  /** The day to which it counts, or 'infinity'; undefined where that is the figure's own. */
  readonly asOf: string | undefined;
}

export interface CurrentFigure {
  readonly areaId: number;
  readonly seriesId: number;
  readonly periodId: number;
  readonly schoolTypeId: number;
  readonly breakdownId: number;
  /** ISO date; 'infinity' for finished periods. */
  readonly asOf: string;
  /** Decimal text; null where a symbol stands; absent where no data set has the measure. */
  readonly values: Readonly<Partial<Record<Measure, string | null>>>;
  readonly symbols: Readonly<Partial<Record<Measure, string>>>;
  readonly provenance: Readonly<Partial<Record<Measure, FigureSource>>>;
  /** The version that gave the rates, and its release. */
  readonly versionId: number;
  readonly releaseId: number;
}

interface Row {
  readonly area_id: number;
  readonly series_id: number;
  readonly period_id: number;
  readonly school_type_id: number;
  readonly breakdown_id: number;
  readonly as_of: string;
  readonly vals: string;
  readonly versions: string | null;
  readonly days: string | null;
  readonly has: number;
  readonly computed: number;
  readonly symbols: Partial<Record<Measure, string>> | null;
  readonly version_id: number;
  readonly release_id: number;
}

/**
 * The figures that view `absence` shows, or would have shown at a time of publication, by the same rule
 * (`figure_resolve`), ordered by area, series, period, school type, breakdown and day.
 */
export async function figuresAsOf(db: Kysely<Database>, query: FigureQuery): Promise<CurrentFigure[]> {
  if (query.areaIds?.length === 0 || query.series?.length === 0 || query.periodIds?.length === 0) return [];
  const day = query.allAsOf === true ? sql`, f.as_of` : sql``;
  const { rows } = await sql<Row>`
    with counted as (${versionsOf(query)}),
    days as (
      select distinct f.version_id, f.series_id, f.period_id, f.as_of
      from figure f join counted v on v.id = f.version_id and v.of > 1
      where f.as_of <> 'infinity' and ${ofSeries(query)}
    )
    select g.area_id, g.series_id, g.period_id, g.school_type_id, g.breakdown_id,
      (g.current).as_of as as_of, (g.current).vals::text as vals, (g.current).versions::text as versions,
      (g.current).days::text as days,
      (g.current).has as has, (g.current).computed as computed, (g.current).symbols as symbols,
      (g.current).version_id as version_id, v.release_id
    from (
      select f.area_id, f.series_id, f.period_id, f.school_type_id, f.breakdown_id, figure_resolve(${CANDIDATES}) as current
      from figure f
      join counted v on v.id = f.version_id and ${countingRows(query)}
      join data_set d on d.id = v.data_set_id
      join release r on r.id = v.release_id
      where ${sql.join(conditions(query), sql` and `)}
      group by f.area_id, f.series_id, f.period_id, f.school_type_id, f.breakdown_id ${day}
    ) g
    join data_set_version v on v.id = (g.current).version_id
    order by g.area_id, g.series_id, g.period_id, g.school_type_id, g.breakdown_id, (g.current).as_of`.execute(db);
  return rows.map(figureOf);
}

/** The versions that count at all, those of one data set within its release newest first: `nth` 1 of so many. */
function versionsOf(query: FigureQuery): RawBuilder<unknown> {
  const { at, publications, dataSets, withoutVersions = [] } = query;
  const from = publications === undefined ? sql`` : sql` and ds.publication = any(${[...publications]}::text[])`;
  const chosen =
    dataSets === undefined
      ? sql``
      : 'include' in dataSets
        ? sql` and v.data_set_id = any(${[...dataSets.include]}::int[])`
        : sql` and v.data_set_id <> all(${[...dataSets.exclude]}::int[])`;
  const counts =
    at === undefined
      ? sql`v.state = 'loaded'`
      : sql`v.published_at <= ${at} and (v.state = 'loaded' or (v.state = 'withdrawn' and v.ended_at > ${at} and ${NOT_HELD}))`;
  return sql`
    select v.id, v.data_set_id, v.release_id, v.published_at, v.areas, row_number() over newest_first as nth,
      count(*) over (partition by v.data_set_id, v.release_id) as of
    from data_set_version v join data_set ds on ds.id = v.data_set_id
    where ${counts} and v.rows > 0 and v.id <> all(${[...withoutVersions]}::int[]) ${from} ${chosen}
    window newest_first as (
      partition by v.data_set_id, v.release_id
      order by v.published_at desc, v.major desc, v.minor desc, v.patch desc, v.id desc)`;
}

/**
 * The rows of them that count: those of the newest version. Of a running total each day is a figure of its own, which a
 * version of a later day does not take back: where every day is asked for, those of older versions count as well, up to
 * a day of which a newer version speaks, or that comes after all that newer ones know of its year.
 */
function countingRows({ allAsOf }: FigureQuery): RawBuilder<unknown> {
  if (allAsOf !== true) return sql`v.nth = 1`;
  return sql`(v.nth = 1 or (f.as_of <> 'infinity' and not exists (
    select from days d join counted n on n.id = d.version_id
    where n.data_set_id = v.data_set_id and n.release_id = v.release_id and n.nth < v.nth
      and d.series_id = f.series_id and d.period_id = f.period_id
    having bool_or(d.as_of = f.as_of) or max(d.as_of) < f.as_of)))`;
}

function ofSeries({ series }: FigureQuery): RawBuilder<unknown> {
  return series === undefined
    ? sql`true`
    : sql`f.series_id = any(array(select s.id from series s where s.name = any(${[...series]}::text[])))`;
}

function conditions(query: FigureQuery): RawBuilder<unknown>[] {
  const { areaIds, periodIds, schoolType, breakdown } = query;
  return [
    ofSeries(query),
    ...(areaIds === undefined ? [] : [sql`f.area_id = any(${[...areaIds]}::int[])`]),
    ...(periodIds === undefined ? [] : [sql`f.period_id = any(${[...periodIds]}::int[])`]),
    ...(schoolType === undefined
      ? []
      : [sql`f.school_type_id = (select t.id from school_type t where t.name = ${schoolType})`]),
    ...(breakdown === undefined
      ? []
      : [
          sql`f.breakdown_id = (select b.id from breakdown b where b.topic = ${breakdown.topic} and b.name = ${breakdown.breakdown})`,
        ]),
  ];
}

/** An array of numbers as the server prints it: '{17.3,NULL}'. */
function cellsOf(text: string): (string | null)[] {
  return text
    .slice(1, -1)
    .split(',')
    .map((cell) => (cell === 'NULL' ? null : cell));
}

function figureOf(row: Row): CurrentFigure {
  const cells = cellsOf(row.vals);
  const versions = row.versions === null ? undefined : cellsOf(row.versions);
  const days = row.days === null ? undefined : cellsOf(row.days);
  const values: Partial<Record<Measure, string | null>> = {};
  const provenance: Partial<Record<Measure, FigureSource>> = {};
  MEASURES.forEach((measure, i) => {
    if ((row.has & (1 << i)) === 0) return;
    values[measure] = cells[i] ?? null;
    const versionId = versions === undefined ? row.version_id : Number(versions[i]);
    provenance[measure] = { versionId, computed: (row.computed & (1 << i)) !== 0, asOf: days?.[i] ?? undefined };
  });
  return {
    areaId: row.area_id,
    seriesId: row.series_id,
    periodId: row.period_id,
    schoolTypeId: row.school_type_id,
    breakdownId: row.breakdown_id,
    asOf: row.as_of,
    values,
    symbols: row.symbols ?? {},
    provenance,
    versionId: row.version_id,
    releaseId: row.release_id,
  };
}

/** A part of the data that versions speak of: all areas of a series, period, school type and breakdown. */
export interface TouchedSlice {
  readonly seriesId: number;
  readonly periodId: number;
  readonly schoolTypeId: number;
  readonly breakdownId: number;
  /** How many rows of it the versions have. */
  readonly figures: number;
}

/** What some versions speak of, without their areas: a file of 300,000 figures has a few hundred. */
export async function touchedSlices(db: Kysely<Database>, versionIds: readonly number[]): Promise<TouchedSlice[]> {
  if (versionIds.length === 0) return [];
  const { rows } = await sql<TouchedSlice>`
    select series_id as "seriesId", period_id as "periodId", school_type_id as "schoolTypeId",
      breakdown_id as "breakdownId", count(*)::int as figures
    from figure where version_id = any(${[...versionIds]}::int[])
    group by series_id, period_id, school_type_id, breakdown_id
    order by series_id, period_id, school_type_id, breakdown_id`.execute(db);
  return rows;
}

export interface TouchedKey {
  readonly areaId: number;
  readonly seriesId: number;
  readonly periodId: number;
  readonly schoolTypeId: number;
  readonly breakdownId: number;
  readonly asOf: string;
}

/**
 * The keys that some versions speak of.
 * @param areaIds only those of these areas
 */
export async function touchedKeys(
  db: Kysely<Database>,
  versionIds: readonly number[],
  areaIds?: readonly number[],
): Promise<TouchedKey[]> {
  if (versionIds.length === 0 || areaIds?.length === 0) return [];
  const within = areaIds === undefined ? sql`` : sql`and area_id = any(${[...areaIds]}::int[])`;
  const { rows } = await sql<TouchedKey>`
    select distinct area_id as "areaId", series_id as "seriesId", period_id as "periodId",
      school_type_id as "schoolTypeId", breakdown_id as "breakdownId", as_of as "asOf"
    from figure where version_id = any(${[...versionIds]}::int[]) ${within}
    order by 1, 2, 3, 4, 5, 6`.execute(db);
  return rows;
}
