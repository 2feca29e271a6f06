/** Whether rates are percent, as they always were, and not fractions: by how high they are. */
import type { Observation } from '../domain/figure.js';
import { MEASURE_WORDS, MEASURES, RATES, type Rate } from '../domain/measure.js';
import { Findings, verdictOf, type Numbers } from './gate-figures.js';
import type { GateVerdict } from './gates.js';

/** Of the rows of one level, school type and topic: by rate, in the order of RATES. Percent. */
interface Tally {
  readonly rows: Float64Array;
  readonly sum: Float64Array;
  /** Rows below LEAST. */
  readonly low: Float64Array;
}

const freshTally = (): Tally => ({
  rows: new Float64Array(RATES.length),
  sum: new Float64Array(RATES.length),
  low: new Float64Array(RATES.length),
});

/** Where each rate stands among the numbers of a row. */
const PLACES = RATES.map((rate) => MEASURES.indexOf(rate));

/** How high the rates of one period are: by level, school type and topic, so that tables of unlike schools never mix. */
export class RateHeights {
  readonly #groups = new Map<string, Tally>();
  #last: { readonly level: string; readonly schoolType: string; readonly topic: string; tally: Tally } | undefined;

  // Called for every row of a file: no array and no function is made.
  add({ area: { level }, schoolType, breakdown: { topic } }: Observation, numbers: Numbers): void {
    // Rows next to each other are mostly of one group.
    const last = this.#last;
    const isSame = last?.level === level && last.schoolType === schoolType && last.topic === topic;
    const { rows, sum, low } = isSame ? last.tally : this.#tallyOf(level, schoolType, topic);
    for (let at = 0; at < PLACES.length; at++) {
      const value = numbers[PLACES[at] ?? 0] ?? NaN;
      // NaN is no number.
      if (!(value >= -Infinity)) continue;
      rows[at] = (rows[at] ?? 0) + 1;
      sum[at] = (sum[at] ?? 0) + value;
      if (value < LEAST) low[at] = (low[at] ?? 0) + 1;
    }
  }

  #tallyOf(level: string, schoolType: string, topic: string): Tally {
    const name = [level, schoolType, topic].join(', ');
    const tally = this.#groups.get(name) ?? freshTally();
    this.#groups.set(name, tally);
    this.#last = { level, schoolType, topic, tally };
    return tally;
  }

  /** The mean of each rate in percent, by "Local authority, Total, Total"; of groups with enough rows to tell by. */
  means(): MeanRates {
    const means: MeanRates = {};
    for (const { group, rate, rows, sum } of this.enough())
      (means[group] ??= {})[rate] = Number((sum / rows).toPrecision(6));
    return means;
  }

  *enough(): Generator<{ group: string; rate: Rate; rows: number; sum: number; low: number }> {
    for (const [group, tally] of this.#groups)
      for (const [at, rate] of RATES.entries()) {
        const [rows = 0, sum = 0, low = 0] = [tally.rows[at], tally.sum[at], tally.low[at]];
        if (rows >= (group.startsWith('National, ') ? 1 : FEWEST_ROWS)) yield { group, rate, rows, sum, low };
      }
  }
}

export type MeanRates = Record<string, Partial<Record<Rate, number>>>;

/** Fewer places are no level: any of them may be a special case. England is one. */
const FEWEST_ROWS = 10;

/** No real rate moved by more than about 2 between two periods; a change of unit is 100. */
const LARGEST_FACTOR = 10;

/** Percent below which a rate of HIGH is a fraction: published ones are 2.3% or more. */
const LEAST = 1;

/** Severe and unauthorised absence are below 1% in truth. */
const HIGH: readonly Rate[] = ['overall_absence_rate', 'authorised_absence_rate', 'persistent_absence_rate'];

const MOST_LOW = 0.5;

/** One period of a series. */
interface Period {
  readonly period: string;
  readonly heights: RateHeights;
}

/** A series of the file, with its periods from the newest to the oldest, and what it was in the last release. */
interface SeriesOfFile {
  readonly name: string;
  readonly all: readonly Period[];
  readonly before: { readonly period: string; readonly rates: MeanRates } | undefined;
}

export function ratesArePercent(series: readonly SeriesOfFile[]): GateVerdict {
  const findings = new Findings();
  let compared = 0;

  function compare(now: MeanRates, then: MeanRates, name: string, period: string, other: string): void {
    for (const [group, rates] of Object.entries(now))
      for (const rate of RATES) {
        const [mean, before] = [rates[rate] ?? 0, then[group]?.[rate] ?? 0];
        if (mean <= 0 || before <= 0) continue;
        compared += 1;
        if (Math.max(mean / before, before / mean) >= LARGEST_FACTOR)
          findings.add(
            () =>
              `${MEASURE_WORDS[rate]} of ${name} is ${mean}% on average in ${period}, ${before}% in ${other} (${group})`,
          );
      }
  }

  for (const { name, all, before } of series) {
    for (const { period, heights } of all)
      for (const { group, rate, rows, low } of heights.enough())
        if (HIGH.includes(rate) && low > rows * MOST_LOW)
          findings.add(
            () =>
              `${MEASURE_WORDS[rate]} of ${name} is below ${LEAST}% in ${low} of ${rows} rows in ${period} (${group})`,
          );
    const means = all.map(({ period, heights }) => ({ period, rates: heights.means() }));
    for (const [index, { period, rates }] of means.entries()) {
      const other = index === 0 ? before : undefined;
      if (other !== undefined) compare(rates, other.rates, name, period, `${other.period} of the last release`);
      const earlier = means[index + 1];
      if (earlier !== undefined) compare(rates, earlier.rates, name, period, earlier.period);
    }
  }
  return verdictOf('rates are percent', 'quarantine', findings, `${compared} rates are as high as they were before`);
}
