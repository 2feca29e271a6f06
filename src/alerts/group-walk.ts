/** The rules of one slice on their way through versions, a bounded number of areas at a time. */
import type { Kysely } from 'kysely';
import type { Period } from '../domain/period.js';
import type { Rule } from '../domain/rule.js';
import type { Database } from '../load/schema.js';
import type { Catalogue, CatalogueVersion, RuleGroup } from './catalogue.js';
import { besideOf, neededPeriods, type Beside } from './comparison.js';
import { readCoverage, readGrid, type Covered, type Grid } from './figures-at.js';
import { measureBit } from '../domain/measure.js';
import { comparePosition } from './rule-state.js';
import { sweepVersion, type Entry, type Lacking, type RuleOnWay, type Step } from './sweep.js';

/** DfE's statistical neighbours: old_la_code to those of its ten neighbours. */
export type Neighbours = ReadonlyMap<string, readonly string[]>;

/** What becomes of the events on the way, and who else hears of the figures. */
type Reactions = Pick<Step, 'mute' | 'sink' | 'isWaiting' | 'telling' | 'audience'>;

export interface Position {
  readonly period: Period;
  readonly asOf: string | undefined;
}

/** States held in memory at a time (rules × areas). */
const STATES_AT_A_TIME = 300_000;
const MOST_AREAS = 3000;
const FEWEST_AREAS = 100;

export class GroupWalk {
  readonly #db: Kysely<Database>;
  readonly #neighbours: Neighbours;
  readonly #authorityIds: ReadonlyMap<string, number>;
  readonly #englandId: number | undefined;
  /** By rule, where only its schools are looked at. */
  readonly #schools = new Map<string, ReadonlySet<number>>();

  constructor(
    db: Kysely<Database>,
    readonly catalogue: Catalogue,
    readonly group: RuleGroup,
    /** Rule name to the ids of its areas. */
    readonly areaIds: ReadonlyMap<string, ReadonlySet<number>>,
    neighbours: Neighbours,
  ) {
    this.#db = db;
    this.#neighbours = neighbours;
    const areas = [...catalogue.areas.values()];
    this.#englandId = areas.find(({ level }) => level === 'National')?.id;
    this.#authorityIds = new Map(
      areas.flatMap(({ id, level, oldLaCode }) =>
        level === 'Local authority' && oldLaCode !== undefined ? [[oldLaCode, id] as const] : [],
      ),
    );
  }

  areasOf(rule: Rule): ReadonlySet<number> {
    const all = this.areaIds.get(rule.name) ?? new Set<number>();
    if (!this.group.slice.schoolsOnly) return all;
    const schools = this.#schools.get(rule.name) ?? new Set([...all].filter((id) => this.#isSchool(id)));
    this.#schools.set(rule.name, schools);
    return schools;
  }

  #isSchool(areaId: number): boolean {
    return this.catalogue.areas.get(areaId)?.level === 'School';
  }

  /** The versions that these rules read, oldest publication first. */
  versions(): CatalogueVersion[] {
    const { publications, withoutDataSets } = this.group;
    return this.catalogue.versions.filter(
      (version) =>
        (publications === undefined || publications.includes(version.publication)) &&
        !withoutDataSets.includes(version.dataSetId),
    );
  }

  /** What versions hold of this slice, by version. */
  async coverage(versions: readonly CatalogueVersion[]): Promise<Map<number, Covered[]>> {
    const found = await readCoverage(
      this.#db,
      this.catalogue,
      this.group,
      versions.map(({ id }) => id),
    );
    const byVersion = new Map<number, Covered[]>();
    for (const each of found) byVersion.set(each.versionId, [...(byVersion.get(each.versionId) ?? []), each]);
    return byVersion;
  }

  /** All areas of the given rules in pieces, small enough for all their states to be held at once. */
  *chunks(rules: readonly Rule[]): Generator<number[]> {
    const all = new Set<number>();
    for (const rule of rules) for (const id of this.areasOf(rule)) all.add(id);
    const ids = [...all].sort((a, b) => a - b);
    const size = Math.max(FEWEST_AREAS, Math.min(MOST_AREAS, Math.floor(STATES_AT_A_TIME / Math.max(1, rules.length))));
    for (let start = 0; start < ids.length; start += size) yield ids.slice(start, start + size);
  }

  /** Figures of some areas, and of those they are compared with, as they stood without some of the versions. */
  async step(
    areaIds: readonly number[],
    periodIds: readonly number[] | undefined,
    unknownVersions: readonly number[],
    reactions: Reactions,
  ): Promise<Step> {
    const query = { areaIds: [...new Set([...areaIds, ...this.#comparedWith(areaIds)])], periodIds, unknownVersions };
    const all = await readGrid(this.#db, this.catalogue, this.group, query);
    const own = new Set(areaIds);
    const grid: Grid = new Map([...all].filter(([areaId]) => own.has(areaId)));
    return { catalogue: this.catalogue, group: this.group, grid, beside: this.#beside(all), ...reactions };
  }

  /** Takes rules through one version. @returns the areas that it lacks, by rule */
  async version(
    ways: readonly RuleOnWay[],
    chunk: readonly number[],
    at: {
      readonly version: CatalogueVersion;
      readonly covered: readonly Covered[];
      readonly unknownVersions: readonly number[];
      readonly walkHistory: boolean;
    },
    reactions: Reactions,
  ): Promise<Lacking[]> {
    const rules = ways.map(({ rule }) => rule);
    const needed = neededPeriods(rules, new Set(at.covered.map(({ periodId }) => periodId)), this.catalogue.periods);
    const step = await this.step(chunk, needed.read, at.unknownVersions, reactions);
    return ways.map((way) => sweepVersion(way, { ...step, ...at, judged: needed.judged }));
  }

  #comparedWith(areaIds: readonly number[]): number[] {
    const kinds = new Set(this.group.rules.map(({ condition }) => condition.kind));
    const england = kinds.has('gap_to_england') && this.#englandId !== undefined ? [this.#englandId] : [];
    const neighbours = kinds.has('gap_to_neighbours') ? areaIds.flatMap((id) => this.#neighbourIds(id)?.ids ?? []) : [];
    return [...england, ...neighbours];
  }

  #beside(grid: Grid): Beside {
    return besideOf(grid, this.#englandId, (areaId) => this.#neighbourIds(areaId));
  }

  #neighbourIds(areaId: number): { readonly configured: number; readonly ids: readonly number[] } | undefined {
    const area = this.catalogue.areas.get(areaId);
    if (area?.level !== 'Local authority' || area.oldLaCode === undefined) return undefined;
    const codes = this.#neighbours.get(area.oldLaCode);
    if (codes === undefined) return undefined;
    return {
      configured: codes.length,
      ids: codes.flatMap((code) => {
        const id = this.#authorityIds.get(code);
        return id === undefined ? [] : [id];
      }),
    };
  }
}

/** A rule about to start on its way. */
export function startWay(
  rule: Rule,
  areaIds: ReadonlySet<number>,
  entries: Map<number, Entry>,
  newest: ReadonlyMap<string, Position>,
): RuleOnWay {
  return { rule, areaIds, entries, newest: new Map(newest), touched: new Set() };
}

/** The newest figure of each level that some coverage has for a rule's measure. */
export function newestCovered(rule: Rule, coverage: Iterable<readonly Covered[]>): Map<string, Position> {
  const newest = new Map<string, Position>();
  for (const covered of coverage)
    for (const each of covered) {
      if ((each.has & measureBit(rule.measure)) === 0) continue;
      const known = newest.get(each.level);
      if (known === undefined || comparePosition(known, each) < 0) newest.set(each.level, each);
    }
  return newest;
}

/**
 * Replays versions, oldest publication first, as if each had been evaluated on its morning, with states of its own:
 * what simulation prints, and what a backfill would have raised. An area seen first brings its history period by period.
 */
export async function replay(
  walk: GroupWalk,
  rules: readonly Rule[],
  chunk: readonly number[],
  coverage: ReadonlyMap<number, readonly Covered[]>,
  reactions: Reactions,
): Promise<void> {
  const ways = rules.map((rule) => startWay(rule, walk.areasOf(rule), new Map(), new Map()));
  const loaded = walk.catalogue.versions.filter(({ state }) => state === 'loaded');
  const unknown = new Set(loaded.map(({ id }) => id));
  for (const version of loaded) {
    unknown.delete(version.id);
    const covered = coverage.get(version.id);
    if (covered === undefined) continue;
    await walk.version(ways, chunk, { version, covered, unknownVersions: [...unknown], walkHistory: true }, reactions);
  }
}
