/** What a version says differently from the one before it, counted figure by figure: a row has up to eight. */
import { sql, type Kysely, type RawBuilder } from 'kysely';
import * as z from 'zod';
import { MEASURES } from '../domain/measure.js';
import type { Database } from './schema.js';

export type Change = 'added' | 'gone' | 'changed';

const changedFigure = z.object({
  area: z.string(),
  period: z.string(),
  school_type: z.string(),
  breakdown: z.string(),
  measure: z.string(),
  /** Decimal text as published, or the symbol. */
  from: z.string().nullable(),
  to: z.string().nullable(),
});

export type ChangedFigure = Readonly<z.infer<typeof changedFigure>>;

export interface VersionDiff {
  readonly previousId: number;
  /** Figures, be they numbers or symbols, that the previous version does not have. */
  readonly added: number;
  /** Figures that are no longer there, with their row or their column. */
  readonly gone: number;
  /** Figures of which the number, or the symbol in its place, is another. */
  readonly changed: number;
  /** The first of those that changed, in the order of `IN_ORDER`; `differences` gives all. */
  readonly sample: readonly ChangedFigure[];
}

const SAMPLE = 20;

/** The sample as it was kept. */
export function readSample(kept: unknown): ChangedFigure[] {
  return z.array(changedFigure).catch([]).parse(kept);
}

/** Rows n and o are about the same figures. */
export const SAME_KEY = sql`n.area_id = o.area_id and n.series_id = o.series_id and n.period_id = o.period_id
  and n.school_type_id = o.school_type_id and n.breakdown_id = o.breakdown_id and n.as_of = o.as_of`;

/** What row n is about, in words, from the tables that `NAMED` joins. */
export const NAMES = sql`a.name as area, p.label as period, t.name as school_type,
  case when b.topic = 'Total' then 'Total' else b.topic || ': ' || b.name end as breakdown`;
export const NAMED = sql`join area a on a.id = n.area_id join period p on p.id = n.period_id
  join school_type t on t.id = n.school_type_id join breakdown b on b.id = n.breakdown_id`;

/** England, regions, authorities, other areas, schools. */
export const AREA_ORDER = sql`case a.level when 'National' then 0 when 'Regional' then 1 when 'Local authority' then 2
  when 'School' then 4 else 3 end, a.level, a.name, a.code, a.id`;

/** Of each area the newest period first, totals before groups. */
export const IN_ORDER = sql`${AREA_ORDER}, p.sort desc, p.id, n.as_of desc, n.series_id,
  t.name <> 'Total', t.name, b.topic <> 'Total', b.topic, b.name, m.at`;

export interface Compared {
  readonly id: number;
  readonly previousId: number;
  readonly sameRelease: boolean;
  /** Only these areas. */
  readonly areaIds?: readonly number[];
}

/**
 * The rows of a version, a running total that it gives once with no `day`: it is the same one as of whatever day. Of one
 * that it gives for several days the newest `is_newest`.
 */
function rowsOf(versionId: number, within: RawBuilder<unknown>): RawBuilder<unknown> {
  const key = sql`area_id, series_id, period_id, school_type_id, breakdown_id`;
  return sql`(select f.*, case when running.days = 1 then null else f.as_of end as day,
      f.as_of = running.newest as is_newest
    from figure f left join (
      select ${key}, count(*) as days, max(f.as_of) as newest
      from figure f where f.version_id = ${versionId} and f.as_of <> 'infinity' ${within}
      group by ${key}) running using (${key})
    where f.version_id = ${versionId} ${within})`;
}

/**
 * The rows of a version (n) beside those of the one before it (o). Of another release, and of the days of a running
 * total, only what the new version speaks of is held against it: a release that leaves out old years takes nothing away.
 * A running total is held against that of the day before, as long as a version has one for each area; one of which the
 * release has no day any more, as it makes way for the next year, is gone as it stood in the view.
 */
export function pairsOf({ id, previousId, sameRelease, areaIds }: Compared): RawBuilder<unknown> {
  const within = areaIds === undefined ? sql`` : sql`and f.area_id = any(${[...areaIds]}::int[])`;
  return sql`${rowsOf(id, within)} n
    full join (
      select f.* from ${rowsOf(previousId, within)} f
      where (${sameRelease} and (f.as_of = 'infinity' or (f.is_newest and (f.series_id, f.period_id) not in (
        select distinct series_id, period_id from figure where version_id = ${id})))) or (f.series_id, f.period_id, coalesce(f.day, '-infinity')) in (
        select series_id, period_id, coalesce(day, '-infinity') from ${rowsOf(id, sql``)} spoken)
    ) o on ${sql.join(
      ['area_id', 'series_id', 'period_id', 'school_type_id', 'breakdown_id'].map(
        (key) => sql`${sql.ref(`n.${key}`)} = ${sql.ref(`o.${key}`)}`,
      ),
      sql` and `,
    )} and coalesce(n.day, '-infinity') = coalesce(o.day, '-infinity')`;
}

/** What is printed for a measure of row n or o: the figure, else its symbol. */
function shown(row: 'n' | 'o', measure: string): RawBuilder<unknown> {
  return sql`coalesce(${sql.ref(`${row}.${measure}`)}::text, ${sql.ref(`${row}.symbols`)} ->> ${sql.lit(measure)}, '')`;
}

/** Both rows have the measure and differ in it. Numbers are compared as numbers: 17.30 is 17.3. */
function changedMeasure(measure: string, index: number): RawBuilder<unknown> {
  return sql`(n.has & o.has & ${sql.lit(1 << index)} <> 0 and (
    ${sql.ref(`n.${measure}`)} is distinct from ${sql.ref(`o.${measure}`)}
    or n.symbols ->> ${sql.lit(measure)} is distinct from o.symbols ->> ${sql.lit(measure)}))`;
}

const CHANGED_IN_ROW = sql`(${sql.join(
  MEASURES.map((measure, i) => sql`${changedMeasure(measure, i)}::int`),
  sql` + `,
)})`;

/** The measures that one row has and the other, if there is one, has not. */
function onlyIn(row: 'n' | 'o', other: 'n' | 'o'): RawBuilder<unknown> {
  return sql`bit_count((${sql.ref(`${row}.has`)} & ~coalesce(${sql.ref(`${other}.has`)}, 0::smallint))::int::bit(${sql.lit(MEASURES.length)}))`;
}

/** One row (at, measure, change, from, to) for each figure that rows n and o have; change is null where they agree. */
export const FIGURES_OF_PAIR = sql`lateral (values ${sql.join(
  MEASURES.map((measure, i) => {
    const bit = sql.lit(1 << i);
    return sql`(${sql.lit(i)}, ${sql.lit(measure)},
      case when coalesce(n.has, 0) & ${bit} = 0 then case when o.has & ${bit} <> 0 then 'gone' end
        when coalesce(o.has, 0) & ${bit} = 0 then 'added'
        when ${changedMeasure(measure, i)} then 'changed' end,
      case when o.has & ${bit} <> 0 then ${shown('o', measure)} end,
      case when n.has & ${bit} <> 0 then ${shown('n', measure)} end)`;
  }),
)}) as m (at, measure, change, "from", "to")`;

/** The key of a pair, whichever of its rows is there. */
export const KEY_OF_PAIR = sql.join(
  ['area_id', 'series_id', 'period_id', 'school_type_id', 'breakdown_id', 'as_of'].map(
    (key) => sql`coalesce(${sql.ref(`n.${key}`)}, ${sql.ref(`o.${key}`)}) as ${sql.ref(key)}`,
  ),
);

/** Compares two versions in the database and keeps the result. */
export async function recordDiff(
  trx: Kysely<Database>,
  versionId: number,
  previous: { readonly id: number; readonly sameRelease: boolean },
): Promise<VersionDiff> {
  const compared = { id: versionId, previousId: previous.id, sameRelease: previous.sameRelease };
  const { rows } = await sql<{ added: number; gone: number; changed: number }>`
    select coalesce(sum(${onlyIn('n', 'o')}), 0)::int as added, coalesce(sum(${onlyIn('o', 'n')}), 0)::int as gone,
      coalesce(sum(${CHANGED_IN_ROW}), 0)::int as changed
    from ${pairsOf(compared)}`.execute(trx);
  const counts = rows[0] ?? { added: 0, gone: 0, changed: 0 };
  const sample = counts.changed > 0 ? await sampleOf(trx, compared) : [];
  const row = { previous_id: previous.id, ...counts, sample: JSON.stringify(sample) };
  await trx
    .insertInto('version_diff')
    .values({ version_id: versionId, ...row })
    .onConflict((conflict) => conflict.column('version_id').doUpdateSet(row))
    .execute();
  return { previousId: previous.id, ...counts, sample };
}

/** The difference as it was kept; undefined for a first version. */
export async function readDiff(db: Kysely<Database>, versionId: number): Promise<VersionDiff | undefined> {
  const row = await db.selectFrom('version_diff').selectAll().where('version_id', '=', versionId).executeTakeFirst();
  if (row === undefined || row.previous_id === null) return undefined;
  const { previous_id: previousId, added, gone, changed, sample } = row;
  return { previousId, added, gone, changed, sample: readSample(sample) };
}

async function sampleOf(trx: Kysely<Database>, compared: Compared): Promise<ChangedFigure[]> {
  const { rows } = await sql<ChangedFigure>`
    select ${NAMES}, m.measure, m."from", m."to"
    from (
      select ${KEY_OF_PAIR}, m.* from ${pairsOf(compared)} cross join ${FIGURES_OF_PAIR}
      where m.change = 'changed'
    ) n
    cross join lateral (select n.at, n.measure, n."from", n."to") m
    ${NAMED}
    order by ${IN_ORDER}
    limit ${SAMPLE}`.execute(trx);
  return rows;
}
