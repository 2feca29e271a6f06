/** Gates that look at one row at a time. */
import type { Observation } from '../domain/figure.js';
import {
  COUNT_OF,
  COUNTS,
  isRate,
  MEASURE_WORDS,
  MEASURES,
  type Count,
  type Measure,
  type Rate,
} from '../domain/measure.js';
import type { Gate, GateName, GateVerdict } from './gates.js';

/** Findings kept for a closer look; all are counted. */
const MOST_KEPT = 5;

/** What was found, and how often. */
export class Findings {
  count = 0;
  readonly first: string[] = [];

  /** @param say is asked only while findings are kept */
  add(say: () => string): void {
    this.count += 1;
    if (this.first.length < MOST_KEPT) this.first.push(say());
  }

  /** "a; b and 3 more" */
  toString(): string {
    const more = this.count - this.first.length;
    return `${this.first.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
  }
}

export function verdictOf(
  gate: GateName,
  verdict: 'warn' | 'quarantine',
  findings: Findings,
  pass: string,
): GateVerdict {
  return findings.count === 0
    ? { gate, verdict: 'pass', message: pass }
    : { gate, verdict, message: String(findings), detail: { count: findings.count, first: findings.first } };
}

/** Which figure it is, for a message: place, time, schools, pupils. */
export function named({ area, period, schoolType, breakdown, line }: Observation): string {
  const group = breakdown.topic === 'Total' ? '' : `, ${breakdown.topic}: ${breakdown.breakdown}`;
  return `${area.name}, ${period.label}, ${schoolType}${group} (line ${line})`;
}

/** The figures of an observation as numbers, by place in MEASURES; NaN where there is none. Used again for each row. */
export type Numbers = Float64Array;

/** Place of each measure in Numbers. */
const AT = Object.fromEntries(MEASURES.map((measure, index) => [measure, index])) as Record<Measure, number>;

/** Reads all figures once, for all gates. */
export function readNumbers({ values }: Observation, into: Numbers): void {
  MEASURES.forEach((measure, place) => {
    const text = values[measure];
    into[place] = text == null ? NaN : Number(text);
  });
}

export function numberOf(numbers: Numbers, measure: Measure): number {
  return numbers[AT[measure]] ?? NaN;
}

/** Rates are percent: 0 to 100. No count is below zero. */
export function figuresWithinRange(): Gate {
  const findings = new Findings();
  return {
    observe(observation, numbers) {
      MEASURES.forEach((measure, place) => {
        const value = numbers[place] ?? NaN;
        if (!(value < 0 || (value > 100 && isRate(measure)))) return;
        const written = `${observation.values[measure] ?? ''}${isRate(measure) ? '%' : ''}`;
        findings.add(() => `${MEASURE_WORDS[measure]} ${written}: ${named(observation)}`);
      });
    },
    verdict: () =>
      verdictOf('rates in range', 'quarantine', findings, 'all rates are between 0 and 100, no count is below zero'),
  };
}

const COUNTED = Object.entries(COUNT_OF) as [Rate, Count][];

/** Half of DfE's rounding unit of 5. */
const HALF_OF_FIVE = 2.5;
/** A rate rounded to five places and then to four (as in the file of 2022/23) is off by up to this much of the last one. */
const ROUNDED_TWICE = 0.55;
/** What binary fractions may be off by, in percent. */
const BINARY = 1e-9;

/** What the counts give, in percent: with five decimals, or as many as tell it from the rate that is published. */
function shownBeside(published: number, exact: number): string {
  let decimals = 5;
  while (decimals < 10 && Number(exact.toFixed(decimals)) === published) decimals += 1;
  return exact.toFixed(decimals);
}

/**
 * Whether all counts of a level are multiples of 5, as DfE rounded them up to 2016/17 (in the file of pupil referral
 * units those of England and regions are, those of authorities are not).
 */
export class CountRounding {
  readonly #allFives = new Map<string, boolean>();

  observe(observation: Observation, numbers: Numbers): void {
    const { level } = observation.area;
    if (this.#allFives.get(level) === false) return;
    const allFives = COUNTS.every((count) => {
      const value = numberOf(numbers, count);
      return Number.isNaN(value) || value % 5 === 0;
    });
    this.#allFives.set(level, allFives);
  }

  /** How far a count of this level may be from the truth. */
  half(level: string): number {
    return this.#allFives.get(level) === true ? HALF_OF_FIVE : 0;
  }
}

/** Decimal places of a rate; at least one, as "7" stands for 7.0 where trailing zeros are cut. */
function places(text: string): number {
  const point = text.indexOf('.');
  return point === -1 ? 1 : text.length - point - 1;
}

/** Findings that hold only if the counts of their level are exact. */
class UnlessRounded {
  readonly certain = new Findings();
  readonly #byLevel = new Map<string, Findings>();

  add(level: string, isCertain: boolean, say: () => string): void {
    let findings = this.certain;
    if (!isCertain) {
      findings = this.#byLevel.get(level) ?? new Findings();
      this.#byLevel.set(level, findings);
    }
    findings.add(say);
  }

  /** The findings that stand, the certain ones first. */
  standing(rounding: CountRounding): Findings {
    if (this.certain.count > 0) return this.certain;
    for (const [level, findings] of this.#byLevel) if (rounding.half(level) === 0) return findings;
    return this.certain;
  }
}

/** rate = count / enrolments, as far as rounding lets it. */
export function contradictions(): Gate {
  const rounding = new CountRounding();
  const findings = new UnlessRounded();
  let checked = 0;
  return {
    observe(observation, numbers) {
      rounding.observe(observation, numbers);
      const enrolments = numberOf(numbers, 'enrolments');
      if (Number.isNaN(enrolments)) return;
      const isRunning = observation.period.kind !== 'finished';
      for (const [rate, countMeasure] of COUNTED) {
        const text = observation.values[rate];
        const count = numberOf(numbers, countMeasure);
        if (text == null || Number.isNaN(count)) continue;
        if (isRunning && !(Number.isInteger(enrolments) && Number.isInteger(count))) continue;
        checked += 1;
        const published = numberOf(numbers, rate);
        const half = ROUNDED_TWICE * 10 ** -places(text) + BINARY;
        // Nobody of nobody is none; somebody of nobody cannot be.
        const exact = enrolments === 0 && count === 0 ? 0 : (100 * count) / enrolments;
        if (Math.abs(published - exact) <= half) continue;
        const least = (100 * (count - HALF_OF_FIVE)) / (enrolments + HALF_OF_FIVE);
        const most = (100 * (count + HALF_OF_FIVE)) / Math.max(enrolments - HALF_OF_FIVE, 1);
        findings.add(
          observation.area.level,
          published < least - half || published > most + half,
          () =>
            `${MEASURE_WORDS[rate]} ${text}% against ${count} of ${enrolments} = ${shownBeside(published, exact)}%: ${named(observation)}`,
        );
      }
    },
    verdict: () =>
      verdictOf(
        'rate and count',
        'quarantine',
        findings.standing(rounding),
        `${checked} rates agree with their counts`,
      ),
  };
}

/** Percentage points by which two rates may miss their sum before it is more than a slip of rounding or weighting. */
const FAR_OFF = 1;

/** A part is never more than its whole: rounding keeps the order of counts, and of rates of equal precision. */
export function partsWithinWholes(): Gate {
  const parts = new Findings();
  const sums = new Findings();
  const farOff = new Findings();
  const over = new Findings();
  let compared = 0;
  return {
    observe(observation, numbers) {
      const { values } = observation;
      for (const [part, whole] of PARTS) {
        const over = numberOf(numbers, part) - numberOf(numbers, whole);
        if (over > 0 && over > orderOf(part, values[part], values[whole]))
          parts.add(
            () =>
              `${MEASURE_WORDS[part]} ${values[part] ?? ''}, more than ${MEASURE_WORDS[whole]} ${values[whole] ?? ''}: ${named(observation)}`,
          );
      }
      const {
        overall_absence_rate: overall,
        authorised_absence_rate: authorised,
        unauthorised_absence_rate: unauthorised,
      } = values;
      if (overall == null || authorised == null || unauthorised == null) return;
      compared += 1;
      const whole = numberOf(numbers, 'overall_absence_rate');
      const isOver = (['authorised_absence_rate', 'unauthorised_absence_rate'] as const).some((part) => {
        const more = numberOf(numbers, part) - whole;
        return more > 0 && more > orderOf(part, values[part], overall);
      });
      if (isOver)
        over.add(
          () =>
            `authorised ${authorised}% or unauthorised ${unauthorised}%, more than overall absence ${overall}%: ${named(observation)}`,
        );
      const sum = numberOf(numbers, 'authorised_absence_rate') + numberOf(numbers, 'unauthorised_absence_rate');
      const finest = Math.max(places(overall), places(authorised), places(unauthorised));
      const off = Math.abs(sum - whole);
      if (off > 1.5 * 10 ** -finest + BINARY)
        (off > FAR_OFF + BINARY ? farOff : sums).add(
          () =>
            `authorised ${authorised}% and unauthorised ${unauthorised}% make ${sum.toFixed(5)}%, not ${overall}%: ${named(observation)}`,
        );
    },
    verdict: () => {
      if (parts.count > 0) return verdictOf('parts and wholes', 'quarantine', parts, '');
      if (farOff.count > 0) return verdictOf('parts and wholes', 'quarantine', farOff, '');
      return over.count > 0 && over.count >= compared * NEARLY_ALL
        ? verdictOf('parts and wholes', 'quarantine', over, '')
        : verdictOf('parts and wholes', 'warn', sums, 'no part is larger than its whole');
    },
  };
}

/** In so many rows it is no slip of a row: columns changed places. */
const NEARLY_ALL = 0.9;

/** By how much a part may seem to be more than its whole: half of the last place of a rate that is rounded more coarsely. */
function orderOf(part: Measure, one: string | null | undefined, other: string | null | undefined): number {
  if (!isRate(part) || one == null || other == null) return 0;
  const [a, b] = [places(one), places(other)];
  return a === b ? 0 : ROUNDED_TWICE * 10 ** -Math.min(a, b) + BINARY;
}

const PARTS = [
  ['persistent_absentees', 'enrolments'],
  ['severe_absentees', 'persistent_absentees'],
  ['severe_absence_rate', 'persistent_absence_rate'],
] as const satisfies readonly (readonly [Measure, Measure])[];
