/** Figures of one slice as they stood when certain versions were known, for many areas at a time. */
import { sql, type Kysely } from 'kysely';
import type { Measure } from '../domain/measure.js';
import type { Period } from '../domain/period.js';
import { figuresAsOf, type CurrentFigure } from '../load/figures.js';
import type { Database } from '../load/schema.js';
import type { Catalogue, RuleGroup } from './catalogue.js';
import { comparePosition } from './rule-state.js';

/** One area, period and (for running totals) day. */
export interface FigureAt extends Omit<CurrentFigure, 'asOf'> {
  readonly period: Period;
  readonly asOf: string | undefined;
}

/** Areas to their figures in the order of their periods. */
export type Grid = ReadonlyMap<number, readonly FigureAt[]>;

export interface GridQuery {
  readonly areaIds: readonly number[];
  /** undefined: all. */
  readonly periodIds: readonly number[] | undefined;
  /** Versions that are loaded but not yet known at that moment. */
  readonly unknownVersions: readonly number[];
}

/**
 * Reads figures, each measure resolved by the rule of the view `absence`; of a running total every day is a figure
 * of its own.
 */
export async function readGrid(
  db: Kysely<Database>,
  catalogue: Catalogue,
  group: RuleGroup,
  query: GridQuery,
): Promise<Grid> {
  const [rule] = group.rules;
  const grid = new Map<number, FigureAt[]>();
  if (rule === undefined) return grid;
  const figures = await figuresAsOf(db, {
    ...{ areaIds: query.areaIds, periodIds: query.periodIds, withoutVersions: query.unknownVersions },
    ...{
      series: [group.slice.series.name],
      schoolType: group.slice.schoolType,
      breakdown: rule.breakdown,
      allAsOf: true,
    },
    publications: group.publications,
    dataSets: group.withoutDataSets.length === 0 ? undefined : { exclude: group.withoutDataSets },
  });
  for (const figure of figures) {
    const period = catalogue.periods.get(figure.periodId);
    if (period === undefined) continue;
    const ofArea = grid.get(figure.areaId) ?? [];
    if (ofArea.length === 0) grid.set(figure.areaId, ofArea);
    ofArea.push({ ...figure, period, asOf: figure.asOf === 'infinity' ? undefined : figure.asOf });
  }
  for (const ofArea of grid.values()) ofArea.sort(comparePosition);
  return grid;
}

/** True where the figure's row speaks of the measure, be it with a number or a symbol. */
export function hasMeasure(figure: FigureAt, measure: Measure): boolean {
  return figure.values[measure] !== undefined;
}

/** What a version holds of one slice: a period at a level of areas. */
export interface Covered {
  readonly versionId: number;
  readonly level: string;
  readonly periodId: number;
  readonly period: Period;
  /** The newest day of it, for running totals. */
  readonly asOf: string | undefined;
  /** measureMask of what any of its rows speaks of. */
  readonly has: number;
}

/** What some versions hold of a slice, without their areas. */
export async function readCoverage(
  db: Kysely<Database>,
  catalogue: Catalogue,
  group: RuleGroup,
  versionIds: readonly number[],
): Promise<Covered[]> {
  if (versionIds.length === 0) return [];
  const { slice } = group;
  const { rows } = await sql<{ versionId: number; level: string; periodId: number; asOf: string; has: number }>`
    select f.version_id as "versionId", a.level, f.period_id as "periodId", max(f.as_of) as "asOf",
      bit_or(f.has)::int as has
    from figure f join area a on a.id = f.area_id
    where f.version_id = any(${[...versionIds]}::int[]) and f.series_id = ${slice.series.id}
      and f.school_type_id = ${slice.schoolTypeId} and f.breakdown_id = ${slice.breakdownId}
    group by f.version_id, a.level, f.period_id`.execute(db);
  return rows.flatMap((row) => {
    const period = catalogue.periods.get(row.periodId);
    return period === undefined ? [] : [{ ...row, period, asOf: row.asOf === 'infinity' ? undefined : row.asOf }];
  });
}
