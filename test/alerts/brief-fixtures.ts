/** Facts for briefs and mails in tests: the story of Luton, as numbers a reader of the news would know. */
import { academicPeriod, type Period, type TimeIdentifier } from '../../src/domain/period.js';
import type { Measure } from '../../src/domain/measure.js';
import type { BriefFacts, FigureRow } from '../../src/alerts/brief-model.js';

export const PUBLISHED = '2025-10-23T08:30:00.000Z';
export const RELEASE = 'Autumn and spring term 2024/25';

export type Values = Partial<Record<Measure, string | null>>;

export interface RowOptions {
  readonly area?: string;
  readonly areaCode?: string;
  readonly schoolType?: string;
  readonly topic?: string;
  readonly breakdown?: string;
  readonly asOf?: string;
  readonly symbols?: Partial<Record<Measure, string>>;
}

export function row(period: Period, values: Values, options: RowOptions = {}): FigureRow {
  const symbols = options.symbols ?? {};
  const spoken = [...Object.keys(values), ...Object.keys(symbols)];
  return {
    area: options.area ?? 'Luton',
    areaCode: options.areaCode ?? 'E06000032',
    period,
    schoolType: options.schoolType ?? 'Total',
    topic: options.topic ?? 'Total',
    breakdown: options.breakdown ?? 'Total',
    asOf: options.asOf,
    values,
    symbols,
    provenance: Object.fromEntries(
      spoken.map((measure) => [
        measure,
        { data_set: 'Absence by authority', version: '1.0.0', release: RELEASE, published_at: PUBLISHED },
      ]),
    ),
  };
}

export function term(
  startYear: number,
  identifier: Exclude<TimeIdentifier, `Week ${number}`> = 'Autumn and spring term',
): Period {
  return academicPeriod(startYear, identifier);
}

/** Rows of one area for consecutive or other years: { 2023: ['18.0', '1.5'] } are persistent and severe rates. */
export function years(
  rates: Readonly<Record<number, readonly [string, string?, string?]>>,
  options: RowOptions = {},
): FigureRow[] {
  return Object.entries(rates).map(([year, [persistent, severe, overall]]) =>
    row(
      term(Number(year)),
      {
        persistent_absence_rate: persistent,
        ...(severe === undefined ? {} : { severe_absence_rate: severe }),
        ...(overall === undefined ? {} : { overall_absence_rate: overall }),
      },
      options,
    ),
  );
}

const ENGLAND = { area: 'England', areaCode: 'E92000001' };
const EAST = { area: 'East of England', areaCode: 'E12000006' };

function ehcPlan(startYear: number, persistent: string, severe: string): FigureRow {
  return row(
    term(startYear),
    { enrolments: '430000', persistent_absence_rate: persistent, severe_absence_rate: severe },
    { ...ENGLAND, topic: 'SEN provision', breakdown: 'EHC plan' },
  );
}

function secondary(startYear: number, persistent: string, severe: string): FigureRow {
  return row(
    term(startYear),
    { enrolments: '16120', persistent_absence_rate: persistent, severe_absence_rate: severe },
    { schoolType: 'State-funded secondary' },
  );
}

/** Luton, autumn and spring terms 2024/25, with the figures the news report has and composed ones around them. */
export function lutonFacts(changes: Partial<BriefFacts> = {}): BriefFacts {
  const own = [
    ...years({ 2016: ['10.9', '0.5'], 2017: ['11.4', '0.5'], 2018: ['11.0', '0.6'] }),
    ...years({ 2021: ['22.4', '1.2'], 2022: ['20.6', '1.4'] }),
    row(term(2023), {
      enrolments: '37801',
      persistent_absentees: '6804',
      persistent_absence_rate: '18.0',
      severe_absentees: '567',
      severe_absence_rate: '1.5',
    }),
    row(term(2024), {
      enrolments: '37973',
      persistent_absentees: '6569',
      persistent_absence_rate: '17.3',
      severe_absentees: '570',
      severe_absence_rate: '1.5',
    }),
  ];
  return {
    area: { name: 'Luton', level: 'Local authority', code: 'E06000032', regionName: 'East of England' },
    series: 'absence/autumn-and-spring-term',
    schoolType: 'Total',
    own,
    region: years({ 2021: ['21.3', '1.5'], 2022: ['20.3', '1.8'], 2023: ['18.5', '2.0'], 2024: ['16.9', '2.2'] }, EAST),
    england: years(
      {
        2016: ['10.4', '0.7'],
        2017: ['11.3', '0.8'],
        2018: ['10.5', '0.8'],
        2021: ['22.3', '1.41'],
        2022: ['21.2', '1.81'],
        2023: ['19.2', '2.08'],
        2024: ['17.6', '2.28'],
      },
      ENGLAND,
    ),
    neighbours: {
      configured: 3,
      rows: [
        ...years({ 2024: ['18.2', '1.9'] }, { area: 'Slough', areaCode: 'E06000039' }),
        ...years({ 2024: ['19.9', '2.4'] }, { area: 'Derby', areaCode: 'E06000015' }),
        ...years({ 2024: ['18.6', '2.2'] }, { area: 'Leicester', areaCode: 'E06000016' }),
      ],
    },
    authorities: [
      ...years({ 2024: ['17.3', '1.5'] }),
      ...years({ 2024: ['18.2', '1.9'] }, { area: 'Slough', areaCode: 'E06000039' }),
      ...years({ 2024: ['19.9', '2.4'] }, { area: 'Derby', areaCode: 'E06000015' }),
      ...years({ 2024: ['17.3', '2.2'] }, { area: 'Leicester', areaCode: 'E06000016' }),
      ...years({ 2024: ['12.6', '1.2'] }, { area: 'Rutland', areaCode: 'E06000017' }),
    ],
    groups: [
      {
        where: 'England',
        topic: 'SEN provision',
        breakdown: 'EHC plan',
        schoolType: 'Total',
        now: ehcPlan(2024, '33.8', '7.3'),
        before: ehcPlan(2023, '35.0', '6.6'),
      },
      {
        where: 'area',
        topic: 'Total',
        breakdown: 'Total',
        schoolType: 'State-funded secondary',
        now: secondary(2024, '20.4', '2.6'),
        before: secondary(2023, '21.6', '2.6'),
      },
    ],
    releases: [
      {
        publication: 'Pupil absence in schools in England',
        title: RELEASE,
        status: 'accredited official statistics',
        url: 'https://explore-education-statistics.service.gov.uk/find-statistics/pupil-absence-in-schools-in-england/2024-25-autumn-and-spring-term',
        dataSet: 'Absence by authority',
        version: '1.0.0',
        publishedAt: new Date(PUBLISHED),
      },
    ],
    ...changes,
  };
}
