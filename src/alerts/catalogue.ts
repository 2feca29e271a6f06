/** What the rules are evaluated on: versions in the order of their publication, series, periods, areas. Read once. */
import { sql, type Expression, type ExpressionBuilder, type Kysely, type SqlBool } from 'kysely';
import { foldName } from '../domain/names.js';
import { periodOf, type Period } from '../domain/period.js';
import type { SchoolType } from '../domain/figure.js';
import type { Rule } from '../domain/rule.js';
import { familyOf } from '../domain/series.js';
import type { Database, VersionState } from '../load/schema.js';

export interface CatalogueVersion {
  readonly id: number;
  readonly dataSetId: number;
  readonly releaseId: number;
  readonly release: string;
  readonly publication: string;
  /** Title, identity and API id of the data set: what `data_sets` of a rule may name. */
  readonly dataSetNames: readonly string[];
  readonly publishedAt: Date;
  readonly state: VersionState;
  readonly evaluated: boolean;
  /** How often it ceased to count: published or accepted again, it is news again. */
  readonly ends: number;
}

export interface CatalogueSeries {
  readonly id: number;
  readonly name: string;
  readonly family: string;
}

export interface CatalogueArea {
  readonly id: number;
  readonly level: string;
  readonly key: string;
  readonly code: string;
  readonly oldLaCode: string | undefined;
  readonly name: string;
}

export interface Catalogue {
  /** Oldest publication first. */
  readonly versions: readonly CatalogueVersion[];
  readonly series: readonly CatalogueSeries[];
  readonly periods: ReadonlyMap<number, Period>;
  readonly periodIds: ReadonlyMap<string, number>;
  readonly areas: ReadonlyMap<number, CatalogueArea>;
  readonly schoolTypes: ReadonlyMap<string, number>;
  /** Id by topic and name. */
  readonly breakdowns: ReadonlyMap<string, number>;
}

/** One stretch of figures that a rule is evaluated on at a time. */
export interface Slice {
  readonly series: CatalogueSeries;
  readonly schoolTypeId: number;
  readonly schoolType: SchoolType;
  readonly breakdownId: number;
  /** Of its areas only the schools: a school has the figures of its own kind of school, and none of all kinds together. */
  readonly schoolsOnly: boolean;
}

const breakdownKey = (topic: string, name: string): string => `${topic}\n${name}`;

/** Reads it all but schools: see `withSchools`. */
export async function readCatalogue(db: Kysely<Database>): Promise<Catalogue> {
  const versions = await db
    .selectFrom('data_set_version as v')
    .innerJoin('data_set as d', 'd.id', 'v.data_set_id')
    .innerJoin('release as r', 'r.id', 'v.release_id')
    .select(['v.id', 'v.data_set_id', 'v.release_id', 'v.published_at', 'v.state'])
    .select(['v.evaluated_at', 'd.title', 'd.identity', 'd.api_id', 'r.title as release', 'r.publication'])
    .select(
      sql<number>`(select count(*)::int from jsonb_array_elements(v.history) h
        where h ->> 'what' in ('removed', 'withdrawn') or h ->> 'what' like 'no longer accepted %')`.as('ends'),
    )
    // What was held back from the start, or never read, no rule has seen.
    .where((eb) => eb.or([eb('v.state', '=', 'loaded'), eb('v.ended_at', 'is not', null)]))
    .orderBy('v.published_at')
    .orderBy('v.id')
    .execute();
  const series = await db.selectFrom('series').select(['id', 'name', 'family']).execute();
  const periods = await db.selectFrom('period').select(['id', 'time_period', 'time_identifier']).execute();
  const areas = await readAreas(db, (eb) => eb('level', '<>', 'School'));
  const schoolTypes = await db.selectFrom('school_type').selectAll().execute();
  const breakdowns = await db.selectFrom('breakdown').selectAll().execute();
  return {
    versions: versions.map((v) => ({
      id: v.id,
      dataSetId: v.data_set_id,
      releaseId: v.release_id,
      release: v.release,
      publication: v.publication,
      dataSetNames: [v.title, v.identity, v.api_id ?? ''].map(foldName),
      publishedAt: v.published_at,
      state: v.state,
      evaluated: v.evaluated_at !== null,
      ends: v.ends,
    })),
    series,
    periods: new Map(
      periods.flatMap((row) => {
        const period = periodOf(row.time_period, row.time_identifier);
        return period === undefined ? [] : [[row.id, period]];
      }),
    ),
    periodIds: new Map(periods.map((row) => [`${row.time_period} ${row.time_identifier}`, row.id])),
    areas,
    schoolTypes: new Map(schoolTypes.map(({ name, id }) => [name, id])),
    breakdowns: new Map(breakdowns.map(({ topic, name, id }) => [breakdownKey(topic, name), id])),
  };
}

/**
 * The catalogue with the schools among some areas: all the others, which are most of a large database, are left out.
 * @param areaIds sets of areas that rules are about
 */
export async function withSchools(
  db: Kysely<Database>,
  catalogue: Catalogue,
  areaIds: Iterable<ReadonlySet<number>>,
): Promise<Catalogue> {
  const ids = new Set<number>();
  for (const set of areaIds) for (const id of set) if (!catalogue.areas.has(id)) ids.add(id);
  if (ids.size === 0) return catalogue;
  const schools = await readAreas(db, (eb) => eb('id', '=', sql<number>`any(${[...ids]}::int[])`));
  return { ...catalogue, areas: new Map([...catalogue.areas, ...schools]) };
}

async function readAreas(
  db: Kysely<Database>,
  which: (eb: ExpressionBuilder<Database, 'area'>) => Expression<SqlBool>,
): Promise<Map<number, CatalogueArea>> {
  const rows = await db
    .selectFrom('area')
    .select(['id', 'level', 'key', 'code', 'old_la_code', 'name'])
    .where(which)
    .execute();
  return new Map(rows.map(({ old_la_code, ...area }) => [area.id, { ...area, oldLaCode: old_la_code ?? undefined }]));
}

/** The part of a series' name that stands for its time identifier: 'autumn-and-spring-term', 'year-to-date', 'week'. */
function identifierOf(series: CatalogueSeries): string {
  return series.name.split('/')[1] ?? '';
}

function isRunning(series: CatalogueSeries): boolean {
  return ['year-to-date', 'week'].includes(identifierOf(series));
}

/** The loaded series that a rule watches: every finished period, or the time identifiers it names. */
export function watchedSeries(catalogue: Catalogue, rule: Rule): CatalogueSeries[] {
  const named = rule.timeIdentifiers?.map((name) =>
    /^week\b/i.test(name) ? 'week' : foldName(name).replaceAll(' ', '-'),
  );
  const families = rule.sources?.map(familyOf);
  return catalogue.series.filter(
    (series) =>
      (named === undefined
        ? !isRunning(series)
        : named.includes(foldName(identifierOf(series).replaceAll('-', ' ')).replaceAll(' ', '-'))) &&
      (families === undefined || families.includes(series.family)),
  );
}

/**
 * Where a rule's figures lie; empty while no figure of its school type and breakdown is loaded. A rule about all kinds of
 * schools together finds the schools that it names, or selects by their level, each under its own kind.
 */
export function slicesOf(catalogue: Catalogue, rule: Rule, areaIds: ReadonlySet<number>): Slice[] {
  const breakdownId = catalogue.breakdowns.get(breakdownKey(rule.breakdown.topic, rule.breakdown.breakdown));
  if (breakdownId === undefined) return [];
  const isOfSchools = rule.schoolType === 'Total' && namesSchools(catalogue, rule, areaIds);
  return [...catalogue.schoolTypes].flatMap(([schoolType, schoolTypeId]) => {
    const isOwn = schoolType === rule.schoolType;
    if (!isOwn && !isOfSchools) return [];
    const of = { schoolType, schoolTypeId, breakdownId, schoolsOnly: !isOwn };
    return watchedSeries(catalogue, rule).map((series) => ({ series, ...of }));
  });
}

/** 'all' is every area of which there are figures of all schools together: nobody asks so for twenty thousand schools. */
function namesSchools(catalogue: Catalogue, rule: Rule, areaIds: ReadonlySet<number>): boolean {
  if (rule.areas.some(({ by }) => by === 'all')) return false;
  for (const id of areaIds) if (catalogue.areas.get(id)?.level === 'School') return true;
  return false;
}

/** Rules that read the same figures, and so are evaluated together. */
export interface RuleGroup {
  readonly slice: Slice;
  /** Data sets left out by these rules, by id. */
  readonly withoutDataSets: readonly number[];
  /** Publications these rules read; undefined: all. */
  readonly publications: readonly string[] | undefined;
  readonly rules: readonly Rule[];
}

/**
 * Groups rules by series, school type, breakdown and sources; a rule is in one group for each series it watches.
 * @param areaIds rule name to the ids of its areas
 */
export function groupRules(
  catalogue: Catalogue,
  rules: readonly Rule[],
  areaIds: ReadonlyMap<string, ReadonlySet<number>>,
): RuleGroup[] {
  const groups = new Map<string, RuleGroup & { rules: Rule[] }>();
  for (const rule of rules) {
    const publications = rule.sources === undefined ? undefined : [...rule.sources].sort();
    const withoutDataSets = leftOut(catalogue, rule);
    for (const slice of slicesOf(catalogue, rule, areaIds.get(rule.name) ?? new Set())) {
      const key = JSON.stringify([
        slice.series.id,
        slice.schoolTypeId,
        slice.schoolsOnly,
        slice.breakdownId,
        publications,
        withoutDataSets,
      ]);
      const group = groups.get(key) ?? { slice, withoutDataSets, publications, rules: [] };
      group.rules.push(rule);
      groups.set(key, group);
    }
  }
  return [...groups.values()];
}

function leftOut(catalogue: Catalogue, rule: Rule): number[] {
  const { dataSets } = rule;
  if (dataSets === undefined) return [];
  const [included, excluded] = [dataSets.include.map(foldName), dataSets.exclude.map(foldName)];
  const out = catalogue.versions.filter(
    ({ dataSetNames }) =>
      (included.length > 0 && !dataSetNames.some((name) => included.includes(name))) ||
      dataSetNames.some((name) => name !== '' && excluded.includes(name)),
  );
  return [...new Set(out.map(({ dataSetId }) => dataSetId))].sort((a, b) => a - b);
}

/** The number of a period, as the tables have it. @throws when the period was never loaded */
export function periodId(catalogue: Catalogue, period: Period): number {
  const id = catalogue.periodIds.get(`${period.timePeriod} ${period.timeIdentifier}`);
  if (id === undefined) throw new Error(`no figure of ${period.label} is loaded, but a rule speaks of it`);
  return id;
}
