/** The one shape that every layout ends in. */
import type { AreaRef } from './area.js';
import type { Measure } from './measure.js';
import type { Period } from './period.js';

/** One of the names in domain/breakdowns. */
export type SchoolType = string;

export interface Breakdown {
  /** 'Total', 'SEN provision', 'FSM eligibility', … */
  readonly topic: string;
  /** 'Total', 'EHC plan', … Totals, also those inside a topic, are topic Total, breakdown Total. */
  readonly breakdown: string;
}

export const TOTAL: Breakdown = { topic: 'Total', breakdown: 'Total' };

/**
 * One area × period × school type × breakdown of one data set version.
 * `values` holds the decimal text as published (rates in percent, counts of pupil enrolments, fractions possible in
 * attendance estimates), null where a symbol stands; a measure the file has no column for is absent from `values`.
 */
export interface Observation {
  readonly area: AreaRef;
  readonly series: string;
  readonly period: Period;
  readonly schoolType: SchoolType;
  readonly breakdown: Breakdown;
  /** For running totals: the day up to which they count (ISO date). */
  readonly asOf: string | undefined;
  readonly values: Readonly<Partial<Record<Measure, string | null>>>;
  /** The symbol as published, for each measure that is null (also 'low'). */
  readonly symbols: Readonly<Partial<Record<Measure, string>>>;
  /** Mask (measureBit) of rates that the file lacks and its counts give. */
  readonly computed: number;
  /** Line of the file (1 = header) on which the row starts: for messages. */
  readonly line: number;
}
