/** Gates that hold a version against the last release of its data set, and what they keep for the next one. */
import { z } from 'zod';
import type { Observation } from '../domain/figure.js';
import type { PeriodKind } from '../domain/period.js';
import { symbolMeaning } from '../domain/symbol.js';
import { Findings, numberOf, verdictOf, type Numbers } from './gate-figures.js';
import type { GateVerdict, LastRelease } from './gates.js';

const periodShape = z.object({
  period: z.string(),
  england: z.boolean(),
  regions: z.array(z.string()),
  authorities: z.number(),
});

const seriesShape = z.object({
  /** The newest period of the series. */
  period: z.string(),
  startYear: z.number(),
  kind: z.enum(['finished', 'year to date', 'week']),
  rows: z.number(),
  /** Figures and symbols, and how many of them are withheld. */
  figures: z.number(),
  suppressed: z.number(),
  england: z.boolean(),
  regions: z.array(z.string()),
  authorities: z.number(),
  /** School types counted, to know data sets of few schools. */
  schoolTypes: z.array(z.string()),
  /** Enrolments of Total by area ("Local authority 821"). */
  enrolments: z.record(z.string(), z.number()),
  /** All finished periods of the series, the newest included. */
  periods: z.array(periodShape).default([]),
});

const shapeSchema = z.object({ series: z.record(z.string(), seriesShape) });

/** What a version looked like: a summary of the newest period of each series. */
export type ReleaseShape = z.infer<typeof shapeSchema>;
type SeriesShape = z.infer<typeof seriesShape>;

/** A shape as it was stored; undefined where there is none, or one of another build of the program. */
export function readShape(stored: unknown): ReleaseShape | undefined {
  const read = shapeSchema.safeParse(stored);
  return read.success ? read.data : undefined;
}

/** What was met of one period of a series. */
class PeriodSeen {
  rows = 0;
  figures = 0;
  suppressed = 0;
  england = false;
  readonly regions = new Set<string>();
  readonly authorities = new Set<string>();
  readonly schoolTypes = new Set<string>();
  readonly enrolments = new Map<string, number>();
  readonly period: string;
  readonly startYear: number;
  readonly sort: number;
  readonly kind: PeriodKind;

  constructor({ period }: Observation) {
    this.period = period.label;
    this.startYear = period.startYear;
    this.sort = period.sort;
    this.kind = period.kind;
  }

  add({ area, symbols, schoolType, breakdown }: Observation, numbers: Numbers): void {
    this.rows += 1;
    for (const number of numbers) if (!Number.isNaN(number)) this.figures += 1;
    for (const symbol of Object.values(symbols)) {
      this.figures += 1;
      if (symbolMeaning(symbol) === 'confidential') this.suppressed += 1;
    }
    this.schoolTypes.add(schoolType);
    switch (area.level) {
      case 'School':
        return;
      case 'National':
        this.england ||= area.key === 'E92000001';
        break;
      case 'Regional':
        this.regions.add(area.key);
        break;
      case 'Local authority':
        this.authorities.add(area.key);
        break;
      default:
        return;
    }
    if (schoolType === 'Total' && breakdown.topic === 'Total') {
      const enrolments = numberOf(numbers, 'enrolments');
      if (!Number.isNaN(enrolments)) this.enrolments.set(`${area.level} ${area.key}`, enrolments);
    }
  }

  /** @param all periods of the series */
  shape(all: readonly PeriodSeen[]): SeriesShape {
    const { period, startYear, kind, rows, figures, suppressed, england } = this;
    return {
      period,
      startYear,
      kind,
      rows,
      figures,
      suppressed,
      england,
      regions: [...this.regions].sort(),
      authorities: this.authorities.size,
      schoolTypes: [...this.schoolTypes].sort(),
      enrolments: Object.fromEntries(this.enrolments),
      periods: all.filter(({ kind }) => kind === 'finished').map((each) => each.outline()),
    };
  }

  private outline(): z.infer<typeof periodShape> {
    const { period, england, regions, authorities } = this;
    return { period, england, regions: [...regions].sort(), authorities: authorities.size };
  }
}

/**
 * Watches the outline of a version: which areas, how many rows, how many pupils.
 * @param previous its shape; of another data set only series that count the same school types are held against it, and
 *   only within a release everything that it had must be there again
 */
export function releaseShape(previous: LastRelease<ReleaseShape> | undefined): {
  observe(observation: Observation, numbers: Numbers): void;
  verdicts(): GateVerdict[];
  shape(): ReleaseShape;
} {
  const seen = new Map<string, Map<number, PeriodSeen>>();
  let last: { series: string; sort: number; periodSeen: PeriodSeen } | undefined;

  function periodOf(observation: Observation): PeriodSeen {
    const { series, period } = observation;
    if (last?.series === series && last.sort === period.sort) return last.periodSeen;
    let periods = seen.get(series);
    if (periods === undefined) seen.set(series, (periods = new Map<number, PeriodSeen>()));
    let periodSeen = periods.get(period.sort);
    if (periodSeen === undefined) periods.set(period.sort, (periodSeen = new PeriodSeen(observation)));
    last = { series, sort: period.sort, periodSeen };
    return periodSeen;
  }

  /** The periods of each series, newest first. */
  const series = (): { name: string; newest: PeriodSeen; all: PeriodSeen[]; before: SeriesShape | undefined }[] =>
    [...seen].flatMap(([name, periods]) => {
      const all = [...periods.values()].sort((a, b) => b.sort - a.sort);
      const newest = all[0];
      if (newest === undefined) return [];
      const before = previous?.shape.series[name];
      const isAlike =
        previous?.isSameDataSet === true || String(before?.schoolTypes) === String([...newest.schoolTypes].sort());
      return [{ name, newest, all, before: isAlike ? before : undefined }];
    });

  return {
    observe: (observation, numbers) => {
      periodOf(observation).add(observation, numbers);
    },
    verdicts() {
      const all = series();
      return [
        englandAndRegions(all, previous?.isSameRelease === true ? previous.shape : undefined),
        authorities(all),
        enrolments(all),
        ...againstLastRelease(all),
      ];
    },
    shape: () => ({ series: Object.fromEntries(series().map(({ name, newest, all }) => [name, newest.shape(all)])) }),
  };
}

type SeriesSeen = { name: string; newest: PeriodSeen; all: PeriodSeen[]; before: SeriesShape | undefined };

/** Some files have rows of other places, called z or by a code of Wales, in single periods. */
const OF_ENGLAND = /^E1[23]/;

const LONDON = 'E12000007';
const INNER_AND_OUTER_LONDON = ['E13000001', 'E13000002'];

/** Regions, London being one however it is cut. */
function wholeRegions(regions: Iterable<string>): Set<string> {
  return new Set([...regions].map((region) => (INNER_AND_OUTER_LONDON.includes(region) ? LONDON : region)));
}

/** @param replaced what the version had that this one replaces within its release */
function englandAndRegions(all: readonly SeriesSeen[], replaced: ReleaseShape | undefined): GateVerdict {
  const findings = new Findings();
  for (const [name, { periods }] of Object.entries(replaced?.series ?? {})) {
    const there = new Set(all.find((each) => each.name === name)?.all.map(({ period }) => period));
    const gone = periods.filter(({ period }) => !there.has(period)).map(({ period }) => period);
    if (gone.length > 0)
      findings.add(() => `${gone.join(', ')} of ${name} are missing; the version before in this release had them`);
  }
  for (const { name, newest, all: periods, before } of all) {
    const present = newest.kind === 'week' ? periods : [newest];
    const expected = [...periods, ...(before === undefined ? [] : [before])];
    if (expected.some(({ england }) => england) && !present.some(({ england }) => england))
      findings.add(() => `England is missing from ${name}, ${newest.period}`);
    const regions = wholeRegions(present.flatMap((period) => [...period.regions]));
    const missing = [...wholeRegions(expected.flatMap((period) => [...period.regions]))].filter(
      (region) => !regions.has(region),
    );
    if (missing.length > 0)
      findings.add(() => `regions ${missing.join(', ')} are missing from ${name}, ${newest.period}`);
    const anywhere = wholeRegions(
      periods.flatMap((period) => [...period.regions].filter((code) => OF_ENGLAND.test(code))),
    );
    for (const older of periods.filter((each) => each !== newest && each.kind === 'finished')) {
      const own = wholeRegions(older.regions);
      const then = before?.periods.find(({ period }) => period === older.period);
      if (then?.england === true && !older.england)
        findings.add(() => `England is missing from ${name}, ${older.period}; the last release had it`);
      const wanted = own.size > 0 ? anywhere : wholeRegions(then?.regions ?? []);
      const without = [...wanted].filter((region) => !own.has(region));
      if (without.length > 0)
        findings.add(() => `regions ${without.join(', ')} are missing from ${name}, ${older.period}`);
    }
  }
  return verdictOf(
    'England and regions',
    'quarantine',
    findings,
    'England and all regions that were there before are there',
  );
}

const MOST_AUTHORITIES_OFF = 3;
/** Not every authority has a pupil referral unit or a special school, and which have changes. */
const SMALL_SCHOOL_TYPES = ['Special', 'Alternative provision'];
const MOST_SHARE_OFF = 0.1;

function authorities(all: readonly SeriesSeen[]): GateVerdict {
  const findings = new Findings();
  const said: string[] = [];
  for (const { name, newest, all: periods, before } of all) {
    if (newest.kind === 'week') continue;
    const isSmall = [...newest.schoolTypes].every((type) => SMALL_SCHOOL_TYPES.includes(type));
    const compare = (seen: PeriodSeen, expected: number | undefined, where: string): void => {
      if (expected === undefined || expected === 0) return;
      const allowed = isSmall ? Math.max(MOST_AUTHORITIES_OFF, expected * MOST_SHARE_OFF) : MOST_AUTHORITIES_OFF;
      if (Math.abs(seen.authorities.size - expected) > allowed)
        findings.add(() => `${seen.authorities.size} authorities in ${name}, ${seen.period}; ${expected} in ${where}`);
    };
    if (before !== undefined && before.authorities > 0) {
      said.push(`${newest.authorities.size} in ${name} (${before.authorities} in the last release)`);
      compare(newest, before.authorities, `${before.period} of the last release`);
    }
    for (const [index, older] of periods.entries()) {
      if (index === 0 || older.kind !== 'finished') continue;
      const then = before?.periods.find(({ period }) => period === older.period);
      if (then !== undefined) compare(older, then.authorities, 'the last release');
      const later = periods[index - 1];
      if (later !== undefined && older.authorities.size > 0)
        compare(older, later.authorities.size, `${later.period} of the same file`);
    }
  }
  return verdictOf(
    'authorities',
    'quarantine',
    findings,
    said.length === 0 ? 'no last release to count against' : said.join('; '),
  );
}

const LARGEST_MOVE = 0.25;
const FEWEST_ENROLMENTS = 1000;

/**
 * Year against the year before, in the file and in the last release; a running total only against itself, as it counts
 * the schools that send their registers, which were many more in 2024/25 than the year before.
 */
function enrolments(all: readonly SeriesSeen[]): GateVerdict {
  const findings = new Findings();
  let compared = 0;
  function compare(earlier: SeriesShape | PeriodSeen, where: string, later: PeriodSeen, name: string): void {
    for (const [area, now] of later.enrolments) {
      const then = earlier instanceof PeriodSeen ? earlier.enrolments.get(area) : earlier.enrolments[area];
      if (then === undefined || then < FEWEST_ENROLMENTS) continue;
      compared += 1;
      if (Math.abs(now - then) > then * LARGEST_MOVE)
        findings.add(
          () => `${area}: ${now} enrolments in ${later.period}, ${then} in ${earlier.period}${where} (${name})`,
        );
    }
  }
  for (const { name, newest, all: periods, before } of all) {
    if (newest.kind === 'week') continue;
    const isRunning = newest.kind === 'year to date';
    for (const later of isRunning ? [] : periods) {
      const earlier = periods.find(({ startYear }) => startYear === later.startYear - 1);
      if (earlier) compare(earlier, '', later, name);
    }
    const years = before === undefined ? undefined : newest.startYear - before.startYear;
    if (before !== undefined && (years === 0 || (years === 1 && !isRunning)))
      compare(before, ' of the last release', newest, name);
  }
  return verdictOf('enrolments', 'quarantine', findings, `${compared} enrolments moved by less than a quarter`);
}

const MOST_ROWS_OFF = 0.1;
const MOST_SUPPRESSED_OFF = 0.05;

function againstLastRelease(all: readonly SeriesSeen[]): GateVerdict[] {
  const rows = new Findings();
  const suppressed = new Findings();
  for (const { name, newest, before } of all) {
    if (before === undefined) continue;
    if (newest.kind !== 'week' && Math.abs(newest.rows - before.rows) > before.rows * MOST_ROWS_OFF)
      rows.add(
        () =>
          `${newest.rows} rows for ${newest.period}, ${before.rows} for ${before.period} in the last release (${name})`,
      );
    const now = share(newest);
    const then = share(before);
    if (Math.abs(now - then) > MOST_SUPPRESSED_OFF)
      suppressed.add(
        () =>
          `${percent(now)} of the figures for ${newest.period} are withheld, ${percent(then)} for ${before.period} in the last release (${name})`,
      );
  }
  return [
    verdictOf('rows', 'warn', rows, 'as many rows as in the last release, or no last release'),
    verdictOf(
      'suppressed',
      'warn',
      suppressed,
      'no more figures withheld than in the last release, or no last release',
    ),
  ];
}

function share({ figures, suppressed }: { figures: number; suppressed: number }): number {
  return figures === 0 ? 0 : suppressed / figures;
}

function percent(part: number): string {
  return `${(part * 100).toFixed(1)}%`;
}
