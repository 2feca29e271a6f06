/**
 * What is measured. Rates are percent (0-100), never fractions; a difference of two rates is in percentage points.
 * A persistent absentee missed 10% or more of possible sessions, a severe absentee 50% or more
 * (DfE, "Pupil absence in schools in England: methodology").
 */
export const RATES = [
  'persistent_absence_rate',
  'severe_absence_rate',
  'overall_absence_rate',
  'authorised_absence_rate',
  'unauthorised_absence_rate',
] as const;

export const COUNTS = ['enrolments', 'persistent_absentees', 'severe_absentees'] as const;

export type Rate = (typeof RATES)[number];
export type Count = (typeof COUNTS)[number];
export type Measure = Rate | Count;

/** Column order of the database and of every bit mask of measures: bit i stands for MEASURES[i]. */
export const MEASURES = [
  'enrolments',
  'persistent_absentees',
  'persistent_absence_rate',
  'severe_absentees',
  'severe_absence_rate',
  'overall_absence_rate',
  'authorised_absence_rate',
  'unauthorised_absence_rate',
] as const satisfies readonly Measure[];

/** The bit of one measure in a mask. */
export function measureBit(measure: Measure): number {
  return 1 << MEASURES.indexOf(measure);
}

/** The mask of several measures. */
export function measureMask(measures: Iterable<Measure>): number {
  let mask = 0;
  for (const measure of measures) mask |= measureBit(measure);
  return mask;
}

export function isRate(measure: Measure): measure is Rate {
  return (RATES as readonly string[]).includes(measure);
}

export function isMeasure(name: string): name is Measure {
  return (MEASURES as readonly string[]).includes(name);
}

/** The count behind a rate, where the field publishes one. */
export const COUNT_OF: Partial<Record<Rate, Count>> = {
  persistent_absence_rate: 'persistent_absentees',
  severe_absence_rate: 'severe_absentees',
};

/** How a measure is called in a sentence, lower case, without article. */
export const MEASURE_WORDS: Record<Measure, string> = {
  enrolments: 'pupil enrolments',
  persistent_absentees: 'persistently absent pupils',
  persistent_absence_rate: 'persistent absence',
  severe_absentees: 'severely absent pupils',
  severe_absence_rate: 'severe absence',
  overall_absence_rate: 'overall absence',
  authorised_absence_rate: 'authorised absence',
  unauthorised_absence_rate: 'unauthorised absence',
};
