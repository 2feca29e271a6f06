/** Files of ten areas in the layouts of EES, small enough that a run over them takes about a second. */
import { sixDigits } from '../../../src/domain/period.js';

/** DfE's three digits, ONS code, name, region. */
const AUTHORITIES = [
  ['821', 'E06000032', 'Luton', 'E12000006', 'East of England'],
  ['822', 'E06000055', 'Bedford', 'E12000006', 'East of England'],
  ['883', 'E06000034', 'Thurrock', 'E12000006', 'East of England'],
  ['831', 'E06000015', 'Derby', 'E12000004', 'East Midlands'],
  ['856', 'E06000016', 'Leicester', 'E12000004', 'East Midlands'],
  ['846', 'E06000043', 'Brighton and Hove', 'E12000008', 'South East'],
  ['887', 'E06000035', 'Medway', 'E12000008', 'South East'],
] as const;

export type AuthorityName = (typeof AUTHORITIES)[number][2];

/** Share of pupils persistently and severely absent, in percent; 'c': withheld. */
export type Shares = readonly [persistent: number, severe: number] | 'c';

export interface SmallFile {
  readonly identifier: 'Academic year' | 'Autumn and spring term';
  /** First calendar years. */
  readonly years: readonly number[];
  /** What differs from 17% and 1.6%, by 'Luton 2024'. */
  readonly shares?: Readonly<Record<string, Shares>>;
}

interface Counts {
  readonly enrolments: number;
  readonly persistent: number;
  readonly severe: number;
  readonly withheld: boolean;
}

interface Row {
  readonly year: number;
  /** level, region code, region name, three digits, ONS code, name */
  readonly place: readonly string[];
  readonly counts: Counts;
}

function countsOf(name: AuthorityName, index: number, year: number, file: SmallFile): Counts {
  // Thousands, so that a share with one decimal is a whole number of pupils.
  const enrolments = 40_000 + 1_000 * index + 1_000 * (year - 2020);
  const shares = file.shares?.[`${name} ${year}`] ?? [17 + 0.1 * index, 1.6];
  const [persistent, severe] = shares === 'c' ? [17, 1.6] : shares;
  return {
    enrolments,
    persistent: Math.round((enrolments * persistent) / 100),
    severe: Math.round((enrolments * severe) / 100),
    withheld: shares === 'c',
  };
}

function added(parts: readonly Counts[]): Counts {
  const sum = (of: 'enrolments' | 'persistent' | 'severe'): number =>
    parts.reduce((total, part) => total + part[of], 0);
  return { enrolments: sum('enrolments'), persistent: sum('persistent'), severe: sum('severe'), withheld: false };
}

function rowsOf(file: SmallFile): Row[] {
  return file.years.toReversed().flatMap((year) => {
    const authorities = AUTHORITIES.map((authority, index) => ({
      authority,
      counts: countsOf(authority[2], index, year, file),
    }));
    const regions = [...new Map(AUTHORITIES.map(([, , , code, name]) => [code, name]))];
    return [
      { year, place: ['National', '', '', '', '', ''], counts: added(authorities.map(({ counts }) => counts)) },
      ...regions.map(([code, name]) => ({
        year,
        place: ['Regional', code, name, '', '', ''],
        counts: added(authorities.filter(({ authority }) => authority[3] === code).map(({ counts }) => counts)),
      })),
      ...authorities.map(({ authority: [oldCode, newCode, name, regionCode, regionName], counts }) => ({
        year,
        place: ['Local authority', regionCode, regionName, oldCode, newCode, name],
        counts,
      })),
    ];
  });
}

const PLACE =
  'time_period,time_identifier,country_code,country_name,geographic_level,region_code,region_name,old_la_code,new_la_code,la_name';

function placed({ year, place }: Row, { identifier }: SmallFile): string {
  return [sixDigits(year), identifier, 'E92000001', 'England', ...place].join(',');
}

function percent(count: number, of: number): string {
  return String(Number(((100 * count) / of).toFixed(5)));
}

function csv(header: string, lines: readonly string[]): string {
  return [header, ...lines, ''].join('\n');
}

/** Counts and rates of persistent and severe absence by area. */
export function smallWide(file: SmallFile): string {
  return csv(
    `${PLACE},education_phase,enrolments,enrolments_pa_10_exact,enrolments_pa_10_exact_percent,enrolments_pa_50_exact,enrolments_pa_50_exact_percent`,
    rowsOf(file).map((row) => {
      const { enrolments, persistent, severe, withheld } = row.counts;
      const figures = withheld
        ? ['c', 'c', 'c', 'c']
        : [persistent, percent(persistent, enrolments), severe, percent(severe, enrolments)];
      return [placed(row, file), 'Total', enrolments, ...figures].join(',');
    }),
  );
}

/** One pupil group of England beside all pupils. @param severe share of the group, in percent, by year */
export function smallGroups(file: SmallFile, severe: Readonly<Record<number, number>>): string {
  return csv(
    `${PLACE},education_phase,breakdown_topic,breakdown,enrolments,enrolments_pa_50_exact,enrolments_pa_50_exact_percent`,
    rowsOf(file)
      .filter(({ place }) => place[0] === 'National')
      .flatMap((row) => {
        const { enrolments, severe: all } = row.counts;
        const group = Math.round((enrolments / 20) * ((severe[row.year] ?? 6) / 100));
        const line = (topic: string, name: string, of: number, count: number): string =>
          [placed(row, file), 'Total', topic, name, of, count, percent(count, of)].join(',');
        return [
          line('Total', 'Total', enrolments, all),
          line('SEN provision', 'EHC plan', Math.round(enrolments / 20), group),
        ];
      }),
  );
}

/** The long layout of the official API: a line for each kind of absence. */
export function smallLong(file: SmallFile): string {
  return csv(
    `${PLACE},phase_type_grouping,absence_type,enrolment_count,enrolment_percent`,
    rowsOf(file).flatMap((row) => {
      const { enrolments, persistent, severe } = row.counts;
      const line = (type: string, count: number, share: string): string =>
        [placed(row, file), 'Total', type, count, share].join(',');
      return [
        line('Total pupils', enrolments, 'z'),
        line('Persistent absence', persistent, percent(persistent, enrolments)),
        line('Severe absence', severe, percent(severe, enrolments)),
      ];
    }),
  );
}
