/**
 * What analysts read. Nothing is stored twice: which figure is current is worked out when asked, from the versions
 * that are current and the time they were published.
 */
import { sql, type Kysely, type RawBuilder } from 'kysely';
import { MEASURES, RATES } from '../domain/measure.js';
import { COMMENTS } from './comments.js';

const MEASURE_COUNT = sql.lit(MEASURES.length);

/** The measures of `figure` as an array in the order of MEASURES. */
export const VALUES_OF_FIGURE: RawBuilder<unknown> = sql`array[${sql.join(MEASURES.map((name) => sql.ref(`f.${name}`)))}]`;

/**
 * All rows of a group as candidates, newest first: of a running total the newest day, then the newest release, then
 * within a release the version published later, then the one with more areas; that no order of loading decides, the data
 * set whose identity comes first.
 */
export const CANDIDATES: RawBuilder<unknown> = sql`
  array_agg(
    row(f.version_id, v.release_id, f.as_of, f.has, f.computed, ${VALUES_OF_FIGURE}, f.symbols)::figure_candidate
    order by f.as_of desc, r.first_published desc, r.id desc, v.published_at desc, v.areas desc, d.identity, v.id desc)`;

/** A column for each measure out of a `figure_current`. */
export function measureColumns(current: string): RawBuilder<unknown> {
  return sql.join(MEASURES.map((name, i) => sql`(${sql.ref(current)}).vals[${sql.lit(i + 1)}] as ${sql.ref(name)}`));
}

/** The version that a row is named after: the one of the persistent rate, else of the first rate there is, else of any figure. */
const NAMING_ORDER = [...RATES, ...MEASURES.filter((name) => !(RATES as readonly string[]).includes(name))].map(
  (name) => MEASURES.indexOf(name) + 1,
);

export async function createViews(db: Kysely<unknown>): Promise<void> {
  await createResolution(db);
  await createAbsence(db);
  await createHistory(db);
  await createOthers(db);
  await comment(db);
}

async function createResolution(db: Kysely<unknown>): Promise<void> {
  await sql`
    create type figure_candidate as (
      version_id integer, release_id integer, as_of date, has smallint, computed smallint, vals numeric[], symbols jsonb
    );
    create type figure_current as (
      vals numeric[], versions integer[], has smallint, computed smallint, symbols jsonb, version_id integer, as_of date,
      days date[]
    );
  `.execute(db);
  await createFunctions(db);
}

/**
 * The rule of product: each measure from the newest release that has it (of a running total, first from the newest day
 * that has it: two data sets of one release may count to different days); of two data sets of one release a number
 * before a symbol, the more precise where the two agree at the lesser precision (half a unit of its last place), else
 * the first candidate. The row is of the day of the version it is named after.
 */
async function createFunctions(db: Kysely<unknown>): Promise<void> {
  // The body of a plpgsql function is read when it is called, by whoever's search path: its types carry the schema.
  const { rows } = await sql<{ schema: string }>`select current_schema() as schema`.execute(db);
  const schema = rows[0]?.schema ?? '';
  const candidate = sql.id(schema, 'figure_candidate');
  const current = sql.id(schema, 'figure_current');
  await sql`
    create or replace function figure_resolve(candidates figure_candidate[]) returns figure_current
    language plpgsql immutable parallel safe as $resolve$
    declare
      measures constant text[] := array[${sql.join(MEASURES.map((name) => sql.lit(name)))}];
      naming constant integer[] := array[${sql.join(NAMING_ORDER.map((index) => sql.lit(index)))}];
      newest ${candidate} := candidates[1];
      each ${candidate};
      chosen ${candidate};
      front ${candidate};
      result ${current};
      everything integer := 0;
      bit integer;
    begin
      for at in 1 .. cardinality(candidates) loop
        everything := everything | (candidates[at]).has;
      end loop;
      if newest.has = everything and (cardinality(candidates) = 1
          or (candidates[2]).release_id <> newest.release_id or (candidates[2]).as_of <> newest.as_of) then
        result.vals := newest.vals;
        result.symbols := newest.symbols;
        result.has := newest.has;
        result.computed := newest.computed;
        result.version_id := newest.version_id;
        result.as_of := newest.as_of;
        return result;
      end if;
      result.vals := array_fill(null::numeric, array[${MEASURE_COUNT}]);
      result.versions := array_fill(null::integer, array[${MEASURE_COUNT}]);
      result.days := array_fill(null::date, array[${MEASURE_COUNT}]);
      result.has := everything;
      result.computed := 0;
      for i in 1 .. ${MEASURE_COUNT} loop
        bit := 1 << (i - 1);
        continue when everything & bit = 0;
        front := null;
        foreach each in array candidates loop
          continue when each.has & bit = 0;
          if front.version_id is null then
            front := each;
            chosen := each;
          elsif each.release_id <> front.release_id or each.as_of <> front.as_of then
            exit;
          elsif each.vals[i] is not null and (chosen.vals[i] is null or (
              scale(each.vals[i]) > scale(chosen.vals[i])
              and abs(each.vals[i] - front.vals[i]) <= 0.5 * power(10::numeric, -scale(front.vals[i])))) then
            if front.vals[i] is null then
              front := each;
            end if;
            chosen := each;
          end if;
        end loop;
        result.vals[i] := chosen.vals[i];
        result.versions[i] := chosen.version_id;
        result.days[i] := chosen.as_of;
        if chosen.computed & bit <> 0 then
          result.computed := result.computed | bit;
        end if;
        if chosen.symbols ? measures[i] then
          result.symbols := coalesce(result.symbols, '{}'::jsonb)
            || jsonb_build_object(measures[i], chosen.symbols -> measures[i]);
        end if;
      end loop;
      foreach bit in array naming loop
        result.version_id := result.versions[bit];
        result.as_of := result.days[bit];
        exit when result.version_id is not null;
      end loop;
      return result;
    end
    $resolve$;

    -- Which data set version gave each measure; versions is null where one gave all. The day only where it is not the row's.
    create or replace function figure_provenance(
      versions integer[], single integer, has integer, computed integer, days date[], day date) returns jsonb
    language sql stable parallel safe
    return (
      select jsonb_object_agg(m.name,
        jsonb_build_object('data_set', d.title, 'version', v.major || '.' || v.minor || '.' || v.patch,
          'release', r.title, 'published_at', v.published_at)
        || case when computed & (1 << (m.at - 1)::integer) <> 0 then '{"computed": true}'::jsonb else '{}'::jsonb end
        || case when days[m.at] <> day then jsonb_build_object('as_of', days[m.at]) else '{}'::jsonb end)
      from unnest(array[${sql.join(MEASURES.map((name) => sql.lit(name)))}]) with ordinality as m (name, at)
      join data_set_version v on v.id = coalesce(versions[m.at], single)
      join data_set d on d.id = v.data_set_id
      join release r on r.id = v.release_id
      where has & (1 << (m.at - 1)::integer) <> 0
    );
  `.execute(db);
}

/** Columns that name a row, in their order, from the tables p (period), a (area), t (school type), b (breakdown). */
const PERIOD = sql`p.time_period, p.time_identifier, p.label as period_label, p.academic_year`;
const PLACE = sql`a.level as geographic_level, a.code as area_code, a.old_la_code, a.name as area_name,
  a.region_code, a.region_name`;
const PUPILS = sql`t.name as school_type, b.topic as breakdown_topic, b.name as breakdown`;

/**
 * One GROUP BY over the joined tables, grouped by their keys: a condition on any column that they determine (a name, a
 * code, a series) is then applied before the grouping, and finds its figures by index.
 */
async function createAbsence(db: Kysely<unknown>): Promise<void> {
  await sql`
    create or replace view absence as
    select g.series, rd.publication, rr.title as release, rd.title as data_set,
      rv.major || '.' || rv.minor || '.' || rv.patch as data_set_version, rv.published_at, rv.loaded_at,
      g.time_period, g.time_identifier, g.period_label, g.academic_year,
      g.geographic_level, g.area_code, g.old_la_code, g.area_name, g.region_code, g.region_name,
      g.school_type, g.breakdown_topic, g.breakdown,
      ${measureColumns('g.current')},
      nullif((g.current).as_of, 'infinity') as as_of,
      (g.current).symbols as symbols,
      figure_provenance((g.current).versions, (g.current).version_id, (g.current).has, (g.current).computed,
        (g.current).days, (g.current).as_of) as provenance
    from (
      select s.name as series, ${PERIOD}, ${PLACE}, ${PUPILS}, figure_resolve(${CANDIDATES}) as current
      from figure f
      join data_set_version v on v.id = f.version_id and v.is_current
      join data_set d on d.id = v.data_set_id
      join release r on r.id = v.release_id
      join area a on a.id = f.area_id
      join series s on s.id = f.series_id
      join period p on p.id = f.period_id
      join school_type t on t.id = f.school_type_id
      join breakdown b on b.id = f.breakdown_id
      group by a.id, s.id, p.id, t.id, b.id
    ) g
    join data_set_version rv on rv.id = (g.current).version_id
    join data_set rd on rd.id = rv.data_set_id
    join release rr on rr.id = rv.release_id
  `.execute(db);
}

/** A version that no gate holds back: one withdrawn or removed while it was held back was never the one to read. */
export const NOT_HELD: RawBuilder<unknown> = sql`not exists (
  select from gate_result held where held.version_id = v.id and held.verdict = 'quarantine')`;

/** Creates what resolves figures, and the views of them, afresh in a database that had an earlier form. */
export async function renewResolution(db: Kysely<unknown>): Promise<void> {
  await sql`
    do $$ begin
      if not exists (select from pg_attribute where attrelid = 'figure_current'::regclass and attname = 'days') then
        alter type figure_current add attribute days date[];
      end if;
    end $$`.execute(db);
  await createFunctions(db);
  await createAbsence(db);
  await createHistory(db);
  await sql`drop function if exists figure_provenance(integer[], integer, integer, integer)`.execute(db);
  await comment(db);
}

/**
 * Every figure of every version, with the times at which any of its measures was the one to read: one row for each
 * stretch of time, since what a withdrawn version had replaced counts again afterwards. A version counts from its
 * publication on, one that was withdrawn until then, one that we removed (a slip of ours) never; but for the times of
 * the versions after it within its release. A row lives while its version counts, for as long as newer days and newer
 * releases leave it one of its measures. Two data sets of one release do not end each other: which of them
 * the view shows is a matter of precision, not of time. What a gate held back to the end is no history. `figuresAsOf` asks
 * the same of one time.
 */
async function createHistory(db: Kysely<unknown>): Promise<void> {
  const takenOver = sql.join(
    MEASURES.map((_, i) => {
      const bit = sql.lit(1 << i);
      return sql`case when h.has & ${bit} <> 0 then coalesce(
        times_united(h.times) filter (where h.has & ${bit} <> 0) over outranks, '{}') else '{(,)}' end`;
    }),
    sql` * `,
  );
  await sql`
    create or replace aggregate times_united(tstzmultirange) (
      sfunc = multirange_union, stype = tstzmultirange, initcond = '{}', parallel = safe);

    create or replace view absence_history as
    select h.series, h.publication, h.release, h.data_set, h.data_set_version, h.published_at, h.loaded_at,
      h.time_period, h.time_identifier, h.period_label, h.academic_year, ${PLACE},
      h.school_type, h.breakdown_topic, h.breakdown,
      ${sql.join(MEASURES.map((name) => sql.ref(`h.${name}`)))},
      nullif(h.as_of, 'infinity') as as_of, h.symbols,
      figure_provenance(null, h.version_id, h.has, h.computed, null, null) as provenance,
      coalesce(lower(read.during), h.published_at) as valid_from,
      case when read.during is null then h.published_at else upper(read.during) end as valid_to
    from area a
    cross join lateral (
      select h.*,
        h.times - (${takenOver}) as lived
      from (
        select s.name as series, ds.publication, r.title as release, ds.title as data_set,
          v.major || '.' || v.minor || '.' || v.patch as data_set_version, v.published_at, v.loaded_at,
          ${PERIOD}, ${PUPILS}, f.*, v.times, v.release_id, r.first_published
        from figure f
        join (
          select v.*, counts.times - coalesce(times_united(counts.times) over later, '{}') as times
          from data_set_version v
          cross join lateral (
            select case
              when v.state = 'loaded' then tstzmultirange(tstzrange(v.published_at, null))
              when v.state = 'withdrawn' and ${NOT_HELD}
                then tstzmultirange(tstzrange(v.published_at, greatest(v.published_at, v.ended_at)))
              else '{}' end as times
          ) counts
          window later as (
            partition by v.data_set_id, v.release_id
            order by v.published_at desc, v.major desc, v.minor desc, v.patch desc, v.id desc
            rows between unbounded preceding and 1 preceding)
        ) v on v.id = f.version_id and (v.state = 'loaded' or (v.state in ('withdrawn', 'removed') and ${NOT_HELD}))
        join data_set ds on ds.id = v.data_set_id
        join release r on r.id = v.release_id
        join series s on s.id = f.series_id
        join period p on p.id = f.period_id
        join school_type t on t.id = f.school_type_id
        join breakdown b on b.id = f.breakdown_id
        where f.area_id = a.id
      ) h
      window outranks as (
          partition by h.series_id, h.period_id, h.school_type_id, h.breakdown_id
          order by h.as_of desc, h.first_published desc, h.release_id desc
          groups between unbounded preceding and 1 preceding)
    ) h
    left join lateral unnest(h.lived) as read (during) on true
  `.execute(db);
}

async function createOthers(db: Kysely<unknown>): Promise<void> {
  await sql`
    create view alert_event as
    select e.at, e.rule, e.event, e.reason, e.measure, a.code as area_code, a.name as area_name, s.name as series,
      p.time_period, p.time_identifier, t.name as school_type, b.topic as breakdown_topic, b.name as breakdown,
      e.value, e.previous_value, e.threshold, r.title as release, e.muted
    from alert e
    join area a on a.id = e.area_id
    join series s on s.id = e.series_id
    join period p on p.id = e.period_id
    join school_type t on t.id = e.school_type_id
    join breakdown b on b.id = e.breakdown_id
    join release r on r.id = e.release_id;

    create view run as
    select id, trigger, started_at, finished_at, outcome, detail from run_record;
  `.execute(db);
}

async function comment(db: Kysely<unknown>): Promise<void> {
  const statements = Object.entries(COMMENTS).flatMap(([view, { about, columns }]) => [
    sql`comment on view ${sql.ref(view)} is ${sql.lit(about)}`,
    ...Object.entries(columns).map(
      ([column, text]) => sql`comment on column ${sql.ref(`${view}.${column}`)} is ${sql.lit(text)}`,
    ),
  ]);
  await sql.join(statements, sql`; `).execute(db);
}
