/** What the area page is made from: the area's current figures, those of its region and of England, the lines of rules. */
import { briefChart } from '../../alerts/brief-chart.js';
import { placesBeside } from '../../alerts/brief-print.js';
import { figureRow } from '../../alerts/brief-facts.js';
import type { ChartModel, FigureRow } from '../../alerts/brief-model.js';
import { londonPartOf } from '../../domain/authorities.js';
import type { Rate } from '../../domain/measure.js';
import type { Rule } from '../../domain/rule.js';
import type { Store } from '../../load/database.js';
import { currentSeries } from '../../load/inspect.js';
import type { AbsenceView } from '../../load/schema.js';

export interface FoundArea {
  readonly id: number;
  readonly level: string;
  readonly code: string;
  readonly name: string;
  readonly old_la_code: string | null;
  readonly region_code: string | null;
  readonly region_name: string | null;
}

/** One series of an area, oldest period first, with the same periods of its region and of England. */
export interface AreaSeries {
  readonly series: string;
  readonly own: readonly FigureRow[];
  readonly region: readonly FigureRow[];
  readonly england: readonly FigureRow[];
}

/** A rule's line for a series of this area. */
export interface Line {
  readonly rule: string;
  readonly series: string;
  readonly measure: string;
  /** Percent. */
  readonly line: number;
}

export async function findArea(store: Store, level: string, code: string): Promise<FoundArea | undefined> {
  return store.db
    .selectFrom('area')
    .select(['id', 'level', 'code', 'name', 'old_la_code', 'region_code', 'region_name'])
    .where('level', '=', level)
    .where('code', '=', code)
    .orderBy('named_by', (order) => order.desc().nullsLast())
    .orderBy('id')
    .limit(1)
    .executeTakeFirst();
}

const EVERYBODY = { schoolType: 'Total', breakdownTopic: 'Total', breakdown: 'Total' };

/** The series of an area, finished periods before running ones. */
export async function areaSeries(store: Store, area: FoundArea): Promise<AreaSeries[]> {
  const part = londonPartOf(area.old_la_code)?.code;
  const beside = await store.db
    .selectFrom('area')
    .select(['id', 'level', 'code'])
    .where('id', '<>', area.id)
    .where((eb) =>
      eb.or([
        ...(area.level === 'National' ? [] : [eb('level', '=', 'National')]),
        ...(area.region_code === null || area.level === 'Regional'
          ? []
          : [eb.and([eb('level', '=', 'Regional'), eb('code', 'in', [area.region_code, part ?? area.region_code])])]),
        eb.lit(false),
      ]),
    )
    .execute();
  const views = await currentSeries(store, { areaIds: [area.id, ...beside.map(({ id }) => id)], ...EVERYBODY });
  const rows = (series: string, wanted: (view: AbsenceView) => boolean): FigureRow[] =>
    views
      .filter((view) => view.series === series && wanted(view))
      .map(figureRow)
      .filter((row) => row !== undefined)
      .sort((a, b) => a.period.sort - b.period.sort);
  const isOwn = (view: AbsenceView): boolean => view.geographic_level === area.level && view.area_code === area.code;
  const ofRegion = (series: string, code: string | undefined): FigureRow[] =>
    rows(series, (view) => !isOwn(view) && view.geographic_level === 'Regional' && view.area_code === code);
  /** Files up to 2023/24 have no row on London, but one each on Inner and Outer London. */
  const regionOf = (series: string): FigureRow[] => {
    const whole = ofRegion(series, area.region_code ?? undefined);
    return whole.length > 0 || part === undefined ? whole : ofRegion(series, part);
  };
  return [...new Set(views.filter(isOwn).map((view) => view.series))]
    .map((series) => ({
      series,
      own: rows(series, isOwn),
      region: area.level === 'Regional' ? [] : regionOf(series),
      england: rows(series, (view) => !isOwn(view) && view.geographic_level === 'National'),
    }))
    .filter(({ own }) => own.length > 0)
    .sort((a, b) => rank(a) - rank(b) || a.series.localeCompare(b.series));
}

function rank({ own }: AreaSeries): number {
  const kind = own.at(-1)?.period.kind;
  return kind === 'finished' ? 0 : kind === 'year to date' ? 1 : 2;
}

/** Every current figure of an area, as the view has them. */
export async function everyFigure(store: Store, area: FoundArea): Promise<AbsenceView[]> {
  return store.db
    .selectFrom('absence')
    .selectAll()
    .where('geographic_level', '=', area.level)
    .where('area_code', '=', area.code)
    .orderBy('series')
    .orderBy('time_period')
    .orderBy('time_identifier')
    .orderBy('school_type')
    .orderBy('breakdown_topic')
    .orderBy('breakdown')
    .execute();
}

/** Lines that rules have drawn for all pupils of this area: those that were evaluated on it. */
export async function linesOf(store: Store, area: FoundArea, rules: readonly Rule[]): Promise<Line[]> {
  const states = await store.db
    .selectFrom('alert_state as a')
    .innerJoin('series as s', 's.id', 'a.series_id')
    .select(['a.rule', 's.name as series'])
    .distinct()
    .where('a.area_id', '=', area.id)
    .orderBy('a.rule')
    .execute();
  return states.flatMap(({ rule: name, series }) => {
    const rule = rules.find((each) => each.name === name);
    const { condition } = rule ?? {};
    return rule !== undefined &&
      (condition?.kind === 'above' || condition?.kind === 'below') &&
      rule.schoolType === 'Total' &&
      rule.breakdown.topic === 'Total'
      ? [{ rule: name, series, measure: rule.measure, line: condition.line }]
      : [];
  });
}

/** The model of a chart; undefined where the area has fewer than two figures of the measure in this series. */
export function chartOf(
  area: FoundArea,
  { series, own, region, england }: AreaSeries,
  measure: Rate,
  lines: readonly Line[],
  composed: boolean,
): ChartModel | undefined {
  const has = (row: FigureRow): boolean => typeof row.values[measure] === 'string';
  const last = own.findLastIndex(has);
  if (own.filter(has).length < 2) return undefined;
  const drawn = [
    ...new Set(lines.filter((each) => each.series === series && each.measure === measure).map(({ line }) => line)),
  ];
  const [threshold, ...otherThresholds] = drawn;
  const chart = briefChart(
    {
      area: { name: area.name, level: area.level, code: area.code, regionName: area.region_name ?? undefined },
      series,
      schoolType: 'Total',
      own: own.slice(0, last + 1),
      region,
      england,
      neighbours: undefined,
      authorities: [],
      groups: [],
      releases: [],
    },
    { focus: measure, composed, ...(threshold === undefined ? {} : { threshold }) },
    () => placesBeside(own, measure, threshold),
  );
  return chart === undefined ? undefined : { ...chart, otherThresholds };
}
