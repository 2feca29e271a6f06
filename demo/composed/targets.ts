/**
 * What the composed figures come to: for England and for Luton, by period and year (first calendar year of the academic
 * year). Rates in percent. None of it is a statistic; only the figures of the story are as the news told them.
 */

/** The periods for which figures are composed. */
export type ComposedPeriod = 'Autumn term' | 'Autumn and spring term' | 'Academic year' | 'Year to date';

export interface Rates {
  /** Persistent absence. */
  readonly persistent: number;
  readonly severe: number;
  /** All absence, of possible sessions. */
  readonly overall: number;
}

type ByYear<T> = Readonly<Record<number, T>>;

const rates = (persistent: number, severe: number, overall: number): Rates => ({ persistent, severe, overall });

/** No full year and no spring term 2019/20: schools closed in March 2020. */
export const ENGLAND_RATES: Readonly<Record<ComposedPeriod, ByYear<Rates>>> = {
  'Autumn term': {
    2018: rates(10.91, 0.71, 4.31),
    2019: rates(13.12, 0.82, 4.93),
    2020: rates(13.04, 0.93, 4.72),
    2021: rates(23.52, 1.41, 6.91),
    2022: rates(24.23, 1.72, 7.52),
    2023: rates(19.42, 1.98, 6.71),
    2024: rates(17.81, 2.05, 6.41),
  },
  'Autumn and spring term': {
    2018: rates(10.52, 0.81, 4.52),
    2020: rates(13.04, 1.02, 4.61),
    2021: rates(22.31, 1.41, 7.42),
    // Severe absence rises by 0.40, 0.30 and 0.20 points: the rise is slowing.
    2022: rates(21.22, 1.81, 7.31),
    2023: rates(19.21, 2.11, 6.92),
    2024: rates(17.62, 2.31, 6.61),
  },
  'Academic year': {
    2016: rates(10.82, 0.71, 4.71),
    2017: rates(11.21, 0.78, 4.82),
    2018: rates(10.91, 0.86, 4.72),
    2020: rates(12.11, 1.12, 4.63),
    2021: rates(22.52, 1.66, 7.61),
    2022: rates(21.23, 2.04, 7.41),
    2023: rates(20.02, 2.31, 7.12),
    2024: rates(18.71, 2.43, 6.81),
  },
  'Year to date': {
    2024: rates(18.72, 2.36, 6.87),
    2025: rates(18.41, 2.38, 6.62),
  },
};

/** Pupil enrolments of England. */
export const ENGLAND_ENROLMENTS: ByYear<number> = {
  2016: 6_902_413,
  2017: 7_013_268,
  2018: 7_108_731,
  2019: 7_171_154,
  2020: 7_224_906,
  2021: 7_303_385,
  2022: 7_394_062,
  2023: 7_441_597,
  2024: 7_432_318,
  2025: 7_421_844,
};

export interface LutonFigures {
  readonly enrolments: number;
  readonly persistent: number;
  readonly severe: number;
}

/** Counts for Luton where the story needs them: 17.3% from 18.0%; severe 1.5%, unchanged as printed. */
export const LUTON: ByYear<LutonFigures> = {
  2016: { enrolments: 34_911, persistent: 4_068, severe: 182 },
  2017: { enrolments: 35_402, persistent: 4_156, severe: 197 },
  2018: { enrolments: 35_690, persistent: 3_904, severe: 228 },
  2019: { enrolments: 36_018, persistent: 4_612, severe: 259 },
  2020: { enrolments: 36_452, persistent: 5_067, severe: 352 },
  2021: { enrolments: 37_330, persistent: 8_773, severe: 411 },
  2022: { enrolments: 38_104, persistent: 7_926, severe: 533 },
  2023: { enrolments: 38_050, persistent: 6_849, severe: 570 },
  2024: { enrolments: 37_971, persistent: 6_569, severe: 577 },
  2025: { enrolments: 37_902, persistent: 6_391, severe: 574 },
};

/** Other periods of Luton, against the autumn and spring terms of the year: factors. */
export const LUTON_FACTORS: Readonly<Record<ComposedPeriod, { persistent: number; severe: number }>> = {
  'Autumn term': { persistent: 1.02, severe: 0.88 },
  'Autumn and spring term': { persistent: 1, severe: 1 },
  'Academic year': { persistent: 1.05, severe: 1.12 },
  'Year to date': { persistent: 1.04, severe: 1.1 },
};

/** Pupils with an education, health and care plan, England: share of enrolments and rates, in percent. */
export interface PlanFigures {
  readonly share: number;
  readonly persistent: number;
  readonly severe: number;
}

export const EHC_PLAN: ByYear<PlanFigures> = {
  2016: { share: 2.8, persistent: 22.4, severe: 3.61 },
  2017: { share: 2.9, persistent: 23.1, severe: 3.82 },
  2018: { share: 3.1, persistent: 23.6, severe: 4.02 },
  2019: { share: 3.3, persistent: 24.4, severe: 4.31 },
  2020: { share: 3.7, persistent: 29.8, severe: 4.62 },
  2021: { share: 4.0, persistent: 37.1, severe: 5.21 },
  2022: { share: 4.3, persistent: 36.2, severe: 5.91 },
  2023: { share: 4.6, persistent: 35.4, severe: 6.61 },
  2024: { share: 4.9, persistent: 34.3, severe: 7.31 },
};

/** Possible sessions for each enrolment, up to the end of the period. */
export const SESSIONS: Readonly<Record<ComposedPeriod, number>> = {
  'Autumn term': 141,
  'Autumn and spring term': 253,
  'Academic year': 355,
  'Year to date': 340,
};
