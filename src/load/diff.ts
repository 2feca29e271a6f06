/** What a version says differently from the one before it. */
import { sql, type Kysely, type RawBuilder } from 'kysely';
import { MEASURES } from '../domain/measure.js';
import type { Database } from './schema.js';
import type { Trx } from './version-record.js';

export interface ChangedFigure {
  readonly area: string;
  readonly period: string;
  readonly school_type: string;
  readonly breakdown: string;
  readonly measure: string;
  /** Decimal text as published, or the symbol. */
  readonly from: string | null;
  readonly to: string | null;
}

export interface VersionDiff {
  readonly previousId: number;
  /** Rows of figures that the previous version does not have. */
  readonly added: number;
  /** Rows that are no longer there. */
  readonly gone: number;
  /** Rows of which a figure, or the symbol in its place, is another. */
  readonly changed: number;
  readonly sample: readonly ChangedFigure[];
}

const SAMPLE = 20;

/** Rows n and o are about the same figure. */
export const SAME_KEY = sql`n.area_id = o.area_id and n.series_id = o.series_id and n.period_id = o.period_id
  and n.school_type_id = o.school_type_id and n.breakdown_id = o.breakdown_id and n.as_of = o.as_of`;

/** What row n is about, in words, from the tables that `NAMED` joins. */
export const NAMES = sql`a.name as area, p.label as period, t.name as school_type,
  case when b.topic = 'Total' then 'Total' else b.topic || ': ' || b.name end as breakdown`;
export const NAMED = sql`join area a on a.id = n.area_id join period p on p.id = n.period_id
  join school_type t on t.id = n.school_type_id join breakdown b on b.id = n.breakdown_id`;

/** What is printed for a measure of row n or o: the figure, else its symbol. */
function shown(row: 'n' | 'o', measure: string): RawBuilder<unknown> {
  return sql`coalesce(${sql.ref(`${row}.${measure}`)}::text, ${sql.ref(`${row}.symbols`)} ->> ${sql.lit(measure)})`;
}

/** Numbers are compared as numbers (17.30 is 17.3); a measure that one version has no column for is no change. */
function changedMeasure(measure: string, index: number): RawBuilder<unknown> {
  return sql`(n.has & o.has & ${sql.lit(1 << index)} <> 0 and ${sql.ref(`n.${measure}`)} is distinct from ${sql.ref(`o.${measure}`)})`;
}

const CHANGED = sql`(${sql.join(MEASURES.map(changedMeasure), sql` or `)}
  or (n.has = o.has and n.symbols is distinct from o.symbols))`;

/**
 * Compares two versions in the database and keeps the result. Of another release, and of running totals, only the
 * periods that the new version speaks of are held against it: a release that leaves out old years takes nothing away.
 */
export async function recordDiff(
  trx: Trx,
  versionId: number,
  previous: { readonly id: number; readonly sameRelease: boolean },
): Promise<VersionDiff> {
  const { rows } = await sql<{ added: number; gone: number; changed: number }>`
    with spoken_of as (select distinct series_id, period_id, as_of from figure where version_id = ${versionId}),
      n as (select * from figure where version_id = ${versionId}),
      o as (
        select * from figure f where version_id = ${previous.id}
          and ((${previous.sameRelease} and f.as_of = 'infinity')
            or (f.series_id, f.period_id, f.as_of) in (select series_id, period_id, as_of from spoken_of)))
    select count(*) filter (where o.area_id is null)::int as added,
      count(*) filter (where n.area_id is null)::int as gone,
      count(*) filter (where n.area_id is not null and o.area_id is not null and ${CHANGED})::int as changed
    from n full join o on ${SAME_KEY}`.execute(trx);
  const counts = rows[0] ?? { added: 0, gone: 0, changed: 0 };
  const sample = counts.changed > 0 ? await sampleOfChanges(trx, versionId, previous.id) : [];
  await trx
    .insertInto('version_diff')
    .values({ version_id: versionId, previous_id: previous.id, ...counts, sample: JSON.stringify(sample) })
    .execute();
  return { previousId: previous.id, ...counts, sample };
}

/** The difference as it was kept; undefined for a first version. */
export async function readDiff(db: Kysely<Database>, versionId: number): Promise<VersionDiff | undefined> {
  const row = await db.selectFrom('version_diff').selectAll().where('version_id', '=', versionId).executeTakeFirst();
  if (row === undefined || row.previous_id === null) return undefined;
  const { previous_id: previousId, added, gone, changed, sample } = row;
  return { previousId, added, gone, changed, sample: sample as ChangedFigure[] };
}

async function sampleOfChanges(trx: Trx, versionId: number, previousId: number): Promise<ChangedFigure[]> {
  const measures = sql.join(
    MEASURES.map(
      (measure, i) => sql`(${sql.lit(i)}, ${sql.lit(measure)}, ${shown('o', measure)}, ${shown('n', measure)},
        ${changedMeasure(measure, i)} or (n.has & o.has & ${sql.lit(1 << i)} <> 0
          and n.symbols ->> ${sql.lit(measure)} is distinct from o.symbols ->> ${sql.lit(measure)}))`,
    ),
  );
  const { rows } = await sql<ChangedFigure>`
    select ${NAMES}, m.measure, m.old as from, m.new as to
    from figure n
    join figure o on ${SAME_KEY}
    ${NAMED}
    cross join lateral (values ${measures}) as m (at, measure, old, new, differs)
    where n.version_id = ${versionId} and o.version_id = ${previousId} and ${CHANGED} and m.differs
    limit ${SAMPLE}`.execute(trx);
  return rows;
}
