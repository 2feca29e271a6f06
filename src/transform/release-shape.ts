/** The outline of a version: places, rows, measures and pupils of each period; and as it is kept for the next one. */
import * as z from 'zod';
import type { Breakdown, Observation } from '../domain/figure.js';
import type { PeriodKind } from '../domain/period.js';
import { measureBit, MEASURES, RATES, type Measure } from '../domain/measure.js';
import { symbolMeaning } from '../domain/symbol.js';
import { numberOf, type Numbers } from './gate-figures.js';
import { RateHeights } from './gate-units.js';

const placesShape = z.object({ england: z.boolean(), regions: z.array(z.string()), authorities: z.number() });

const groupShape = z.object({
  england: z.boolean(),
  /** Rows, those of London as one and as Inner and Outer London each counted. */
  regions: z.number(),
  authorities: z.number(),
  /** Of each measure with a number or a symbol: whether England has one, how many regions, how many authorities. */
  given: z.partialRecord(z.enum(MEASURES), z.tuple([z.boolean(), z.number(), z.number()])),
});

/** What one school type, and one pupil group in it, has in a period. */
export type GroupShape = z.infer<typeof groupShape>;

const scopesShape = placesShape.extend({
  /** The same of the rows about all schools and all pupils; absent in shapes of before that was kept. */
  whole: placesShape.optional(),
});

const periodShape = scopesShape.extend({ period: z.string() });

const seriesShape = periodShape.extend({
  /** `period` is the newest period of the series. */
  startYear: z.number(),
  kind: z.enum(['finished', 'year to date', 'week']),
  rows: z.number(),
  /** Figures and symbols, and how many of them are symbols in place of a number. */
  figures: z.number(),
  suppressed: z.number(),
  /** Measures with a number or a symbol anywhere in the newest period. */
  measures: z.array(z.enum(MEASURES)).default([]),
  /** Where each of them has one; absent in shapes of before that was kept. */
  given: z.partialRecord(z.enum(MEASURES), placesShape).default({}),
  /** Of each school type and pupil group ("Special, SEN provision: EHC plan"); absent in shapes of before that was kept. */
  groups: z.record(z.string(), groupShape).default({}),
  /** School types counted, to know data sets of few schools. */
  schoolTypes: z.array(z.string()),
  /** Geographic levels and topics of pupil groups, to know another table by; absent in shapes of before that was kept. */
  levels: z.array(z.string()).optional(),
  topics: z.array(z.string()).optional(),
  /** Mean of each rate by level, school type and topic, in percent; absent in shapes of before that was kept. */
  rates: z.record(z.string(), z.partialRecord(z.enum(RATES), z.number())).default({}),
  /** Enrolments of Total by area ("Local authority 821"). */
  enrolments: z.record(z.string(), z.number()),
  /** All periods of the series but weeks, the newest included. */
  periods: z.array(periodShape).default([]),
  /** Its weeks, newest first, each with the first calendar year of its school year and its places; absent in shapes of before that was kept. */
  weeks: z.array(z.tuple([z.string(), z.number(), scopesShape.optional()])).default([]),
});

const shapeSchema = z.object({ series: z.record(z.string(), seriesShape) });

/** What a version looked like: a summary of the newest period of each series. */
export type ReleaseShape = z.infer<typeof shapeSchema>;

export type SeriesShape = z.infer<typeof seriesShape>;

export type PeriodShape = z.infer<typeof periodShape>;

type ScopesShape = z.infer<typeof scopesShape>;

/** A shape as it was stored; undefined where there is none, or one of another build of the program. */
export function readShape(stored: unknown): ReleaseShape | undefined {
  const read = shapeSchema.safeParse(stored);
  return read.success ? read.data : undefined;
}

/** Places above school level that have rows, each with the mask of the measures that it has a number or a symbol of. */
class Places {
  /** undefined: no row. */
  #england: number | undefined;
  readonly #regions = new Map<string, number>();
  readonly #authorities = new Map<string, number>();

  add({ level, key }: Observation['area'], given: number): void {
    if (level === 'National') {
      if (key === 'E92000001') this.#england = (this.#england ?? 0) | given;
    } else if (level === 'Regional') this.#regions.set(key, (this.#regions.get(key) ?? 0) | given);
    else if (level === 'Local authority') this.#authorities.set(key, (this.#authorities.get(key) ?? 0) | given);
  }

  get england(): boolean {
    return this.#england !== undefined;
  }

  get regions(): readonly string[] {
    return [...this.#regions.keys()];
  }

  get authorities(): number {
    return this.#authorities.size;
  }

  get authorityKeys(): readonly string[] {
    return [...this.#authorities.keys()];
  }

  /** Where one measure has a number or a symbol. */
  of(measure: Measure): z.infer<typeof placesShape> {
    const gives = (mask: number): boolean => (mask & measureBit(measure)) !== 0;
    return {
      england: gives(this.#england ?? 0),
      regions: [...this.#regions].flatMap(([key, mask]) => (gives(mask) ? [key] : [])),
      authorities: [...this.#authorities.values()].filter(gives).length,
    };
  }

  shape(): z.infer<typeof placesShape> {
    const { england, regions, authorities } = this;
    return { england, regions: [...regions].sort(), authorities };
  }
}

const LEVELS = ['National', 'Regional', 'Local authority'];

/** Rows of one school type and pupil group. As no key is there twice, counting them counts places. */
class Group {
  /** For each of LEVELS the rows, then those that give each of MEASURES. */
  readonly #counts = LEVELS.map(() => new Uint32Array(1 + MEASURES.length));

  add({ level, key }: Observation['area'], given: number): void {
    const counts = this.#counts[LEVELS.indexOf(level)];
    if (counts === undefined || (level === 'National' && key !== 'E92000001')) return;
    for (let place = 0; place < counts.length; place++)
      if (place === 0 || (given & (1 << (place - 1))) !== 0) counts[place] = (counts[place] ?? 0) + 1;
  }

  shape(): GroupShape {
    const at = (place: number): [boolean, number, number] => {
      const [england = 0, regions = 0, authorities = 0] = this.#counts.map((counts) => counts[place] ?? 0);
      return [england > 0, regions, authorities];
    };
    const [england, regions, authorities] = at(0);
    const given = MEASURES.map((measure, place) => [measure, at(place + 1)] as const);
    return {
      england,
      regions,
      authorities,
      given: Object.fromEntries(given.filter(([, counts]) => counts.some(Boolean))),
    };
  }
}

/** What was met of one period of a series. */
export class PeriodSeen {
  rows = 0;
  figures = 0;
  suppressed = 0;
  /** With any row, and with one about all schools and all pupils: of the first a headline may be missing. */
  readonly places: Readonly<Record<Scope, Places>> = { any: new Places(), whole: new Places() };
  readonly #groups = new Map<string, Group>();
  readonly schoolTypes = new Set<string>();
  readonly levels = new Set<string>();
  readonly topics = new Set<string>();
  readonly enrolments = new Map<string, number>();
  /** Of a week: those with a number for a rate, which have no holidays, by key; each with the code of its region. */
  readonly authoritiesWithRates = new Map<string, string | undefined>();
  readonly heights = new RateHeights();
  readonly period: string;
  readonly startYear: number;
  readonly sort: number;
  readonly kind: PeriodKind;
  /** Of its first row. */
  readonly line: number;
  /** Mask of the measures that a row had a number or a symbol of. */
  #measures = 0;

  constructor({ period, line }: Observation) {
    this.period = period.label;
    this.startYear = period.startYear;
    this.sort = period.sort;
    this.kind = period.kind;
    this.line = line;
  }

  add(observation: Observation, numbers: Numbers): void {
    const { area, symbols, schoolType, breakdown } = observation;
    this.heights.add(observation, numbers);
    this.rows += 1;
    let given = 0;
    MEASURES.forEach((measure, place) => {
      const isNumber = !Number.isNaN(numbers[place] ?? NaN);
      const symbol = isNumber ? undefined : symbols[measure];
      if (!isNumber && symbol === undefined) return;
      // An empty cell says as little as a row that is not there; a week has some where there were holidays.
      if (symbol !== '') this.#measures |= 1 << place;
      if (symbol !== '' || this.kind === 'week') given |= 1 << place;
      this.figures += 1;
      if (symbol !== undefined && symbolMeaning(symbol) !== 'low') this.suppressed += 1;
    });
    this.schoolTypes.add(schoolType);
    this.levels.add(area.level);
    this.topics.add(breakdown.topic);
    this.places.any.add(area, given);
    const isWeekly = this.kind === 'week' && area.level === 'Local authority';
    if (isWeekly && RATES.some((rate) => !Number.isNaN(numberOf(numbers, rate))))
      this.authoritiesWithRates.set(area.key, area.regionCode);
    const isWhole = schoolType === 'Total' && breakdown.topic === 'Total';
    if (isWhole) this.places.whole.add(area, given);
    if (!ABOVE_SCHOOLS.has(area.level)) return;
    const words = groupWords(schoolType, breakdown);
    let group = this.#groups.get(words);
    if (group === undefined) this.#groups.set(words, (group = new Group()));
    group.add(area, given);
    if (isWhole) {
      const enrolments = numberOf(numbers, 'enrolments');
      if (!Number.isNaN(enrolments)) this.enrolments.set(`${area.level} ${area.key}`, enrolments);
    }
  }

  /** By school type and pupil group, of the rows above school level. */
  groups(): Record<string, GroupShape> {
    return Object.fromEntries([...this.#groups].map(([words, group]) => [words, group.shape()]));
  }

  gives(measure: Measure): boolean {
    return (this.#measures & measureBit(measure)) !== 0;
  }

  /** @param all periods of the series */
  shape(all: readonly PeriodSeen[]): SeriesShape {
    const { startYear, kind, rows, figures, suppressed } = this;
    return {
      ...this.outline(),
      ...{ startYear, kind, rows, figures, suppressed },
      measures: MEASURES.filter((measure) => this.gives(measure)),
      given: Object.fromEntries(
        MEASURES.filter((measure) => this.gives(measure)).map((measure) => [measure, this.places.any.of(measure)]),
      ),
      groups: this.groups(),
      schoolTypes: [...this.schoolTypes].sort(),
      levels: [...this.levels].sort(),
      topics: [...this.topics].sort(),
      rates: this.heights.means(),
      enrolments: Object.fromEntries(this.enrolments),
      periods: all.filter(({ kind }) => kind !== 'week').map((each) => each.outline()),
      weeks: all.filter(({ kind }) => kind === 'week').map((each) => [each.period, each.startYear, each.scopes()]),
    };
  }

  outline(): PeriodShape {
    return { period: this.period, ...this.scopes() };
  }

  scopes(): ScopesShape {
    const { any, whole } = this.places;
    return { ...any.shape(), whole: whole.shape() };
  }
}

/**
 * What a later version tells of an earlier one, by which that may be held: its figures, and the number of places of a
 * level that both have. Levels and measures that the earlier one lacks may have begun since, and with them rows and
 * symbols; a running total is of more schools the later in the year it is.
 * @param seen the periods of the earlier version, newest first
 */
export function asOfBefore(later: SeriesShape, newest: PeriodSeen, seen: readonly PeriodSeen[]): SeriesShape {
  const { rows, figures, suppressed } = newest;
  return {
    ...later,
    ...outlineAsOfBefore(later, newest),
    ...{ rows, figures, suppressed },
    measures: later.measures.filter((measure) => newest.gives(measure)),
    given: {},
    groups: {},
    enrolments: later.kind === 'finished' ? later.enrolments : {},
    periods: later.periods.flatMap((outline) => {
      const own = seen.find(({ period }) => period === outline.period);
      return own === undefined ? [] : [outlineAsOfBefore(outline, own)];
    }),
    weeks: [],
  };
}

function outlineAsOfBefore({ period, whole, ...any }: PeriodShape, { places }: PeriodSeen): PeriodShape {
  const asOf = (later: z.infer<typeof placesShape>, own: Places): z.infer<typeof placesShape> => ({
    england: later.england && own.england,
    regions: own.regions.length > 0 ? later.regions : [],
    authorities: own.authorities > 0 ? later.authorities : 0,
  });
  return { period, ...asOf(any, places.any), whole: whole && asOf(whole, places.whole) };
}

function groupWords(schoolType: string, { topic, breakdown }: Breakdown): string {
  return topic === 'Total' ? schoolType : `${schoolType}, ${topic}: ${breakdown}`;
}

/** A series of a version: its newest period, all its periods, newest first, and what the last release had of it. */
export interface SeriesSeen {
  readonly name: string;
  readonly newest: PeriodSeen;
  readonly all: readonly PeriodSeen[];
  readonly before: SeriesShape | undefined;
}

/** Rows of any school type and pupil group, or of all schools and all pupils together. */
export type Scope = 'any' | 'whole';

export const SCOPES: readonly Scope[] = ['any', 'whole'];

/** How a finding calls the rows of a scope. */
export const SCOPE_WORDS: Readonly<Record<Scope, string>> = { any: '', whole: ' (rows of all schools and all pupils)' };

export const ABOVE_SCHOOLS: ReadonlySet<string> = new Set(['National', 'Regional', 'Local authority']);

/** What an earlier version had in a scope; undefined where that was not kept. */
export function placesOf(before: ScopesShape | undefined, scope: Scope): z.infer<typeof placesShape> | undefined {
  return scope === 'any' ? before : before?.whole;
}

/** Some files have rows of other places, called z or by a code of Wales, in single periods. */
export const OF_ENGLAND = /^E1[23]/;

const LONDON = 'E12000007';

const INNER_AND_OUTER_LONDON = ['E13000001', 'E13000002'];

/** London being one however it is cut. */
export function wholeRegion(region: string): string {
  return INNER_AND_OUTER_LONDON.includes(region) ? LONDON : region;
}

export function wholeRegions(regions: Iterable<string>): Set<string> {
  return new Set([...regions].map(wholeRegion));
}
