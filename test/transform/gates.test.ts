import { format, resolveConfig } from 'prettier';
import { describe, expect, it } from 'vitest';
import { TOTAL, type Observation } from '../../src/domain/figure.js';
import type { Measure } from '../../src/domain/measure.js';
import { academicPeriod, weekPeriod, type Period } from '../../src/domain/period.js';
import {
  createGates,
  GATES,
  gatesDocument,
  type GateName,
  type GateVerdict,
  type LastRelease,
  type Likeness,
} from '../../src/transform/gates.js';

const YEAR = academicPeriod(2024, 'Autumn and spring term');
const BEFORE = academicPeriod(2023, 'Autumn and spring term');

interface Row {
  level?: Observation['area']['level'];
  key?: string;
  period?: Period;
  schoolType?: string;
  topic?: string;
  group?: string;
  regionCode?: string;
  values: Partial<Record<Measure, string | null>>;
  symbols?: Partial<Record<Measure, string>>;
}

function observation({
  level = 'National',
  key = 'E92000001',
  period = YEAR,
  schoolType = 'Total',
  topic,
  group = 'Unknown',
  regionCode,
  values,
  symbols = {},
}: Row): Observation {
  return {
    area: {
      level,
      key,
      code: key,
      oldLaCode: undefined,
      name: `${level} ${key}`,
      regionCode,
      regionName: undefined,
    },
    series: `absence/${period.kind === 'week' ? 'week' : period.timeIdentifier}`,
    period,
    schoolType,
    breakdown: topic === undefined ? TOTAL : { topic, breakdown: group },
    asOf: undefined,
    values,
    symbols,
    computed: 0,
    line: 2,
  };
}

function judge(gate: GateName, rows: readonly Row[], before?: readonly Row[], isLater = false): GateVerdict {
  const previous: LastRelease | undefined = before && {
    ...{ shape: shapeOf(before), likeness: 'same data set', isSameRelease: false, isLater },
  };
  const gates = createGates({ previous: previous && [previous] });
  gates.observe(rows.map(observation));
  const verdict = gates.verdicts().find((each) => each.gate === gate);
  if (!verdict) throw new Error(`no verdict of ${gate}`);
  return verdict;
}

/** As the database keeps it. */
function shapeOf(rows: readonly Row[]): unknown {
  const gates = createGates();
  gates.observe(rows.map(observation));
  return JSON.parse(JSON.stringify(gates.shape()));
}

const authorities = (count: number, more: Partial<Row> = {}): Row[] =>
  Array.from({ length: count }, (_, index) => ({
    level: 'Local authority',
    key: String(200 + index),
    values: { enrolments: '1000' },
    ...more,
  }));
const regions = (keys: readonly string[], more: Partial<Row> = {}): Row[] =>
  keys.map((key) => ({ level: 'Regional', key, values: { enrolments: '1000' }, ...more }));
const EIGHT = ['E12000001', 'E12000002', 'E12000003', 'E12000004', 'E12000005', 'E12000006', 'E12000008', 'E12000009'];
const INNER_OUTER = ['E13000001', 'E13000002'];

describe('gates: each with what just passes and what just fails', () => {
  it('rates in range', () => {
    const rate = (value: string): Row[] => [{ values: { severe_absence_rate: value } }];
    expect(judge('rates in range', [...rate('0'), ...rate('100')]).verdict).toBe('pass');
    expect(judge('rates in range', rate('100.1'))).toMatchObject({
      verdict: 'quarantine',
      message: expect.stringContaining('severe absence 100.1%: National') as string,
    });
    expect(judge('rates in range', rate('-0.1')).verdict).toBe('quarantine');
    const count = (value: string): string => judge('rates in range', [{ values: { severe_absentees: value } }]).verdict;
    expect([count('0'), count('-1')]).toEqual(['pass', 'quarantine']);
  });

  it('pupil groups', () => {
    const group = (topic: string, name: string): GateVerdict =>
      judge('pupil groups', [{ topic, group: name, values: { severe_absence_rate: '1' } }]);
    expect(group('SEN provision', 'EHC plan').verdict).toBe('pass');
    expect(group('SEN provision', 'EHCP (new spelling)')).toMatchObject({
      verdict: 'quarantine',
      message:
        'line 2: "EHCP (new spelling)" is no group of SEN provision that is known (EHC plan, SEN support, School action, School action plus, No SEN, Unknown)',
    });
    expect(group('Sex', 'Girls and boys').verdict).toBe('quarantine');
    expect(group('SEN primary need', 'A need of tomorrow')).toMatchObject({
      verdict: 'warn',
      message: 'kept as the file calls them: line 2: "A need of tomorrow" of SEN primary need',
    });
    expect(group('A topic of tomorrow', 'Some').verdict).toBe('warn');
  });

  it('rates are percent: against the last release and the next period of the file', () => {
    const severe = (value: string, more: Partial<Row> = {}): Row[] => [
      { values: { severe_absence_rate: value }, ...more },
    ];
    const verdict = (...args: [readonly Row[], (readonly Row[])?, boolean?]): string =>
      judge('rates are percent', ...args).verdict;
    // No bound of its own: severe absence of primary schools was 0.3%.
    expect(verdict(severe('0.02'))).toBe('pass');
    expect(verdict(severe('0.21'), severe('2.09'))).toBe('pass');
    expect(judge('rates are percent', severe('0.021'), severe('2.1'))).toMatchObject({
      verdict: 'quarantine',
      message: expect.stringContaining(
        'severe absence of absence/Autumn and spring term is 0.021% on average in Autumn and spring term 2024/25, 2.1% in Autumn and spring term 2024/25 of the last release (National, Total, Total)',
      ) as string,
    });
    expect(verdict(severe('2.1'), severe('0.021')), 'the other way').toBe('quarantine');
    expect(verdict(severe('0.021'), severe('2.1'), true), 'the release after it').toBe('quarantine');
    expect(verdict([...severe('0.021'), ...severe('2.1', { period: BEFORE })])).toBe('quarantine');
    expect(verdict([...severe('0.3'), ...severe('2.1', { period: BEFORE })])).toBe('pass');
    expect(verdict(severe('0.021', { schoolType: 'Special' }), severe('2.1')), 'other schools').toBe('pass');
    expect(verdict(severe('0'), severe('2.1')), 'nobody').toBe('pass');
    const places = (value: string, count: number): Row[] =>
      authorities(count, { values: { severe_absence_rate: value } });
    expect(verdict(places('0.021', 10), places('2.1', 10))).toBe('quarantine');
    expect(verdict(places('0.021', 9), places('2.1', 9)), 'few').toBe('pass');
  });

  it('rates are percent: by themselves', () => {
    const verdict = (measure: Measure, values: readonly string[], more: Partial<Row> = {}): string =>
      judge(
        'rates are percent',
        values.map((value) => ({ values: { [measure]: value }, ...more })),
      ).verdict;
    for (const measure of ['overall_absence_rate', 'authorised_absence_rate', 'persistent_absence_rate'] as const) {
      expect([measure, verdict(measure, ['1']), verdict(measure, ['0.99'])]).toEqual([measure, 'pass', 'quarantine']);
      const authority = { level: 'Local authority' } as const;
      const some = (low: number): string[] => Array.from({ length: 20 }, (_, at) => (at < low ? '0.17' : '17.3'));
      expect(verdict(measure, some(10), authority)).toBe('pass');
      expect(verdict(measure, some(11), authority)).toBe('quarantine');
      expect(verdict(measure, ['0.17', '0.16'], authority), 'few').toBe('pass');
    }
    for (const measure of ['severe_absence_rate', 'unauthorised_absence_rate'] as const)
      expect(verdict(measure, ['0.3'])).toBe('pass');
  });

  it('rate and count: exact counts', () => {
    const row = (rate: string, count = '6569', enrolments = '37973'): Row => ({
      values: { enrolments, persistent_absentees: count, persistent_absence_rate: rate },
    });
    // 6569 of 37973 are 17.299133…%.
    for (const rate of ['17.3', '17.30', '17.29913', '17.299'])
      expect(judge('rate and count', [row(rate)]).verdict).toBe('pass');
    for (const rate of ['17.4', '17.29921', '17.2']) {
      const verdict = judge('rate and count', [row('17.3'), row(rate)]);
      expect(verdict.verdict).toBe('quarantine');
      expect(verdict.message).toContain(`persistent absence ${rate}% against 6569 of 37973 = 17.29913%`);
    }
  });

  it('rate and count: wider where all counts of the level are multiples of 5', () => {
    // Published for a region in 2016/17: 80.1% beside 1,585 of 1,975, which are 80.25%.
    const row = (rate: string, more: Partial<Row> = {}): Row => ({
      level: 'Regional',
      values: { enrolments: '1975', persistent_absentees: '1585', persistent_absence_rate: rate },
      ...more,
    });
    expect(judge('rate and count', [row('80.1')]).verdict).toBe('pass');
    expect(judge('rate and count', [row('79.9')]).verdict).toBe('quarantine');
    const exact: Row = {
      level: 'Regional',
      values: { enrolments: '101', persistent_absentees: '1', persistent_absence_rate: '1' },
    };
    expect(judge('rate and count', [row('80.1'), exact]).verdict).toBe('quarantine');
    expect(judge('rate and count', [row('80.1'), { ...exact, level: 'Local authority' }]).verdict).toBe('pass');
  });

  it('rate and count: estimates of running periods are exempt, no other fractions, and nobody is none', () => {
    const values = { enrolments: '100.5', persistent_absentees: '10', persistent_absence_rate: '50' };
    const period = weekPeriod(2025, 8);
    expect(judge('rate and count', [{ values, period }]).verdict).toBe('pass');
    expect(judge('rate and count', [{ values: { ...values, enrolments: '100' }, period }]).verdict).toBe('quarantine');
    expect(judge('rate and count', [{ values }]).verdict).toBe('quarantine');
    // No multiple of 5, so counts are exact.
    const exact = { values: { enrolments: '101', persistent_absentees: '1', persistent_absence_rate: '1' } };
    const ofNobody = (rate: string, count = '0'): string =>
      judge('rate and count', [
        exact,
        { values: { enrolments: '0', persistent_absentees: count, persistent_absence_rate: rate } },
      ]).verdict;
    expect([ofNobody('0'), ofNobody('10'), ofNobody('0', '1')]).toEqual(['pass', 'quarantine', 'quarantine']);
  });

  it('parts and wholes', () => {
    const counts = (severe: string): Row[] => [
      { values: { enrolments: '101', persistent_absentees: '20', severe_absentees: severe } },
    ];
    expect(judge('parts and wholes', counts('20')).verdict).toBe('pass');
    expect(judge('parts and wholes', counts('21')).verdict).toBe('quarantine');
    const fives: Row[] = [{ values: { persistent_absentees: '125', severe_absentees: '130' } }];
    expect(judge('parts and wholes', fives).verdict, 'rounding keeps the order').toBe('quarantine');
    const twoRates = (severe: string, persistent = '12.3'): string =>
      judge('parts and wholes', [{ values: { severe_absence_rate: severe, persistent_absence_rate: persistent } }])
        .verdict;
    expect(['12.3', '12.4', '12.34', '12.36'].map((severe) => twoRates(severe))).toEqual([
      ...['pass', 'quarantine', 'pass', 'quarantine'],
    ]);
    const rates = (overall: string, unauthorised = '1.4'): Row[] => [
      {
        values: {
          overall_absence_rate: overall,
          authorised_absence_rate: '3.3',
          unauthorised_absence_rate: unauthorised,
        },
      },
    ];
    expect(judge('parts and wholes', rates('4.8')).verdict).toBe('pass');
    expect(judge('parts and wholes', rates('4.9')).verdict).toBe('warn');
    expect(judge('parts and wholes', rates('5.7')).verdict).toBe('warn');
    const digit = judge('parts and wholes', [...rates('4.7'), ...rates('14.7')]);
    expect(digit.verdict, 'a digit too many').toBe('quarantine');
    expect(digit.message).toContain('authorised 3.3% and unauthorised 1.4% make 4.70000%, not 14.7%');
    // Overall and authorised absence have changed places: in one row a slip, in nearly all the columns did.
    const swapped = rates('3.2', '0.3');
    const rows = (count: number): Row[] => [
      ...Array.from({ length: count }, () => swapped).flat(),
      ...Array.from({ length: 10 - count }, () => rates('3.6', '0.3')).flat(),
    ];
    expect([8, 9, 10].map((count) => judge('parts and wholes', rows(count)).verdict)).toEqual([
      ...['warn', 'quarantine', 'quarantine'],
    ]);
    expect(judge('parts and wholes', swapped).message).toContain(
      'authorised 3.3% or unauthorised 0.3%, more than overall absence 3.2%',
    );
  });

  it('phases add up', () => {
    const phases = (total: string, special: string | null = '200', more: Partial<Row> = {}): Row[] =>
      (
        [
          ['Total', total],
          ['State-funded primary', '6003'],
          ['State-funded secondary', '4001'],
          ['Special', special],
        ] as const
      ).map(([schoolType, enrolments]) => ({ schoolType, values: { enrolments }, ...more }));
    expect(judge('phases add up', phases('10204')).verdict).toBe('pass');
    expect(judge('phases add up', phases('10205'))).toMatchObject({
      verdict: 'warn',
      message: expect.stringContaining('phases make 10204, Total is 10205') as string,
    });
    expect(judge('phases add up', phases('10306')).verdict).toBe('warn');
    expect(judge('phases add up', phases('10308')).verdict).toBe('quarantine');
    // Withheld special schools: only more than Total counts.
    expect(judge('phases add up', phases('12000', null)).verdict).toBe('pass');
    expect(judge('phases add up', phases('9900', null)).verdict).toBe('quarantine');
    expect(
      judge('phases add up', phases('20000', '200', { period: academicPeriod(2024, 'Year to date') })).verdict,
    ).toBe('pass');
    const besides: Row = { schoolType: 'Alternative provision', values: { enrolments: '50' } };
    for (const total of ['10204', '10254'])
      expect(judge('phases add up', [...phases(total), besides]).verdict).toBe('pass');
  });

  it('phases add up: the rounding of counts', () => {
    const rows = (total: string): Row[] => [
      { schoolType: 'Total', values: { enrolments: total } },
      ...['State-funded primary', 'State-funded secondary', 'Special'].map((schoolType) => ({
        schoolType,
        values: { enrolments: '1005' },
      })),
    ];
    expect(judge('phases add up', rows('3025')).verdict).toBe('pass');
    expect(judge('phases add up', rows('3030')).verdict).toBe('warn');
  });

  it('authorities add up', () => {
    const rows = (england: string, more: Partial<Row> = {}): Row[] => [
      { values: { enrolments: england }, ...more },
      ...authorities(100, { values: { enrolments: '1001' }, ...more }),
    ];
    expect(judge('authorities add up', rows('100100')).verdict).toBe('pass');
    expect(judge('authorities add up', rows('100101')).verdict).toBe('warn');
    expect(judge('authorities add up', rows('101111')).verdict).toBe('warn');
    expect(judge('authorities add up', rows('101112')).verdict).toBe('quarantine');
    expect(judge('authorities add up', rows('200000', { period: weekPeriod(2025, 8) })).verdict).toBe('pass');
    expect(judge('authorities add up', rows('100100.5')).verdict).toBe('pass');
    const withheld: Row = {
      level: 'Local authority',
      key: '999',
      values: { enrolments: null },
      symbols: { enrolments: 'c' },
    };
    expect(judge('authorities add up', [...rows('150000'), withheld]).verdict).toBe('pass');
    expect(judge('authorities add up', [...rows('50000'), withheld]).verdict).toBe('quarantine');
  });

  it('authorities add up: London is counted once', () => {
    const england: Row = { values: { enrolments: '9002' } };
    const rows = [
      england,
      ...regions(EIGHT, { values: { enrolments: '1001' } }),
      ...regions(INNER_OUTER, { values: { enrolments: '500' } }),
    ];
    expect(judge('authorities add up', rows).verdict).toBe('warn');
    expect(
      judge('authorities add up', [...rows, ...regions(['E12000007'], { values: { enrolments: '994' } })]).verdict,
    ).toBe('pass');
    expect(
      judge('authorities add up', [...rows, ...regions(['E12000007'], { values: { enrolments: '1201' } })]).verdict,
    ).toBe('quarantine');
  });

  it('England and regions', () => {
    const before = [{ values: {} }, ...regions([...EIGHT, ...INNER_OUTER])];
    expect(judge('England and regions', [{ values: {} }, ...regions([...EIGHT, 'E12000007'])], before).verdict).toBe(
      'pass',
    );
    expect(judge('England and regions', [{ values: {} }, ...regions(EIGHT)], before)).toMatchObject({
      verdict: 'quarantine',
      message: expect.stringContaining('regions E12000007 are missing') as string,
    });
    expect(judge('England and regions', regions([...EIGHT, 'E12000007']), before)).toMatchObject({
      verdict: 'quarantine',
      message: expect.stringContaining('England is missing') as string,
    });
    // The headline may be gone while rows of single school types are left.
    const primary = { schoolType: 'State-funded primary' };
    const places: Row[] = [{ values: {} }, ...regions([...EIGHT, 'E12000007'])];
    const byType = [...places, ...places.map((row) => ({ ...row, ...primary }))];
    expect(judge('England and regions', byType, byType).verdict).toBe('pass');
    expect(judge('England and regions', byType.slice(1), byType).message).toContain(
      'England is missing from absence/Autumn and spring term, Autumn and spring term 2024/25 (rows of all schools and all pupils)',
    );
    expect(judge('England and regions', byType.toSpliced(1, 1), byType).message).toContain('regions E12000001');
    expect(
      judge(
        'England and regions',
        places.map((row) => ({ ...row, ...primary })),
        byType,
      ).verdict,
    ).toBe('quarantine');
    // A data set that never had them claims nothing.
    expect(judge('England and regions', authorities(3), authorities(3)).verdict).toBe('pass');
    expect(judge('England and regions', [{ values: {}, period: BEFORE }, ...authorities(3)]).verdict).toBe(
      'quarantine',
    );
    // In a holiday week only some areas are at school.
    expect(
      judge('England and regions', [
        { values: {}, period: weekPeriod(2025, 43) },
        ...authorities(3, { period: weekPeriod(2025, 44) }),
      ]).verdict,
    ).toBe('pass');
  });

  it('authorities', () => {
    expect(judge('authorities', authorities(150), authorities(153)).verdict).toBe('pass');
    expect(judge('authorities', authorities(149), authorities(153))).toMatchObject({
      verdict: 'quarantine',
      message: expect.stringContaining('149 authorities') as string,
    });
    expect(judge('authorities', authorities(157), authorities(153)).verdict).toBe('quarantine');
    expect(judge('authorities', authorities(10)).verdict).toBe('pass');
    expect(judge('authorities', authorities(5), authorities(7)).verdict, 'less than a third gone').toBe('pass');
    expect(judge('authorities', authorities(4), authorities(7)).verdict, 'a third gone').toBe('quarantine');
    const week = { period: weekPeriod(2025, 44) };
    expect(judge('authorities', authorities(10, week), authorities(153, week)).verdict).toBe('pass');
    const secondary = authorities(153, { schoolType: 'State-funded secondary' });
    expect(judge('authorities', [...secondary, ...authorities(150)], [...secondary, ...authorities(153)]).verdict).toBe(
      'pass',
    );
    expect(
      judge('authorities', [...secondary, ...authorities(149)], [...secondary, ...authorities(153)]).message,
    ).toContain('149 authorities in absence/Autumn and spring term, Autumn and spring term 2024/25 (rows of all');
    expect(judge('authorities', [...secondary, ...authorities(153)], secondary).verdict, 'a first Total').toBe('pass');
    const small = { schoolType: 'Alternative provision' };
    expect(judge('authorities', authorities(130, small), authorities(140, small)).verdict).toBe('pass');
    expect(judge('authorities', authorities(125, small), authorities(140, small)).verdict).toBe('quarantine');
  });

  it('measures', () => {
    const row = (values: Row['values'], more: Partial<Row> = {}): Row[] => [{ values, ...more }];
    const both = { severe_absence_rate: '2.1', persistent_absence_rate: '17.3' };
    expect(judge('measures', row(both), row(both)).verdict).toBe('pass');
    expect(judge('measures', row({ persistent_absence_rate: '17.3' }), row(both))).toMatchObject({
      verdict: 'quarantine',
      message: expect.stringContaining('severe absence of absence/Autumn and spring term missing') as string,
    });
    const withheld = { values: { ...both, severe_absence_rate: null }, symbols: { severe_absence_rate: 'c' } };
    expect(judge('measures', [withheld], row(both)).verdict).toBe('pass');
    expect(judge('measures', row(both), row({ persistent_absence_rate: '17.3' })).verdict).toBe('pass');
    // No persistent absence is published before January.
    const running = (year: number): Partial<Row> => ({ period: academicPeriod(year, 'Year to date') });
    const overall = { overall_absence_rate: '6.1' };
    expect(judge('measures', row(overall, running(2025)), row({ ...overall, ...both }, running(2024))).verdict).toBe(
      'pass',
    );
    expect(judge('measures', row(overall, running(2025)), row({ ...overall, ...both }, running(2025))).verdict).toBe(
      'quarantine',
    );
  });

  it('measures of some places only, as rows of the long layout that are gone leave them', () => {
    const full = { enrolments: '1000', persistent_absence_rate: '17.3' };
    const bare = { enrolments: '1000' };
    const england = (values: Row['values']): Row[] => [{ values }];
    const table = (without: number, more: Partial<Row> = {}): Row[] => [
      ...england(full),
      ...regions(EIGHT, { values: full }),
      ...authorities(153, { values: full, ...more }).map((row, index) =>
        index < without ? { ...row, values: bare } : row,
      ),
    ];
    expect(judge('measures', table(3)).verdict).toBe('pass');
    expect(judge('measures', table(4))).toMatchObject({
      verdict: 'quarantine',
      message: expect.stringContaining('persistent absence of 4 of 153 authorities in absence/Autumn') as string,
    });
    const small = { schoolType: 'Special' };
    expect(judge('measures', table(15, small).slice(1 + EIGHT.length)).verdict).toBe('pass');
    expect(judge('measures', table(16, small).slice(1 + EIGHT.length)).verdict).toBe('quarantine');
    expect(judge('measures', [...england(bare), ...table(0).slice(1)]).message).toContain(
      'persistent absence of England in absence/Autumn and spring term missing',
    );
    const [first, ...others] = EIGHT;
    expect(
      judge('measures', [...regions([first ?? ''], { values: bare }), ...regions(others, { values: full })]).message,
    ).toContain('persistent absence of E12000001 in');
    // A symbol is a word about the figure.
    const withheld: Row[] = authorities(153, { values: { ...bare, persistent_absence_rate: null } }).map((row) => ({
      ...row,
      symbols: { persistent_absence_rate: 'c' },
    }));
    expect(judge('measures', [...england(full), ...withheld]).verdict).toBe('pass');
    // In an older period, and where the rows of all schools alone are without.
    expect(judge('measures', [...table(0), ...table(4, { period: BEFORE })]).message).toContain('2023/24');
    const secondary = authorities(153, { schoolType: 'State-funded secondary', values: full });
    expect(judge('measures', [...secondary, ...table(4)]).message).toContain('(rows of all schools and all pupils)');
  });

  it('measures of a level that had them in the last release', () => {
    const full = { enrolments: '1000', persistent_absence_rate: '17.3' };
    const bare = { enrolments: '1000' };
    const table = (ofAuthorities: Row['values']): Row[] => [
      { values: full },
      ...regions(EIGHT, { values: full }),
      ...authorities(153, { values: ofAuthorities }),
    ];
    expect(judge('measures', table(bare)).verdict, 'perhaps it was never published').toBe('pass');
    expect(judge('measures', table(bare), table(full))).toMatchObject({
      verdict: 'quarantine',
      message: expect.stringContaining('persistent absence of all authorities in absence/Autumn') as string,
    });
    expect(judge('measures', table(full), table(bare)).verdict).toBe('pass');
    expect(judge('measures', table(bare), table(full), true).verdict, 'it may have begun since').toBe('pass');
  });

  it('an empty cell is as little as no row, but in a week, where there were holidays', () => {
    const both = { enrolments: '1000', severe_absence_rate: '2.1' };
    const blank = (mark: string, more: Partial<Row> = {}): Partial<Row> => ({
      values: { enrolments: null, severe_absence_rate: null },
      symbols: { enrolments: mark, severe_absence_rate: mark },
      ...more,
    });
    const table = (england: Partial<Row>, some: Partial<Row> = {}, more: Partial<Row> = {}): Row[] => [
      { values: both, ...england, ...more },
      ...regions(EIGHT, { values: both, ...more }),
      ...authorities(76, { values: both, ...some, ...more }),
      ...authorities(153, { values: both, ...more }).slice(76),
    ];
    expect(judge('measures', table(blank('')))).toMatchObject({
      verdict: 'quarantine',
      message: expect.stringContaining('severe absence of England in absence/Autumn') as string,
    });
    for (const mark of ['c', '[x]', 'z', 'low', '..', 'NaN'])
      expect(judge('measures', table(blank(mark))).verdict, mark).toBe('pass');
    expect(judge('measures', table({}, blank(''))).message).toContain('severe absence of 76 of 153 authorities');
    const gone = table({}).map((row) => ({ ...row, ...blank('') }));
    expect(judge('measures', gone, table({})).message).toContain(
      'the last release had it for Autumn and spring term 2024/25',
    );
    const week = { period: weekPeriod(2024, 30) };
    expect(judge('measures', table(blank(''), blank(''), week)).verdict).toBe('pass');
  });

  describe('weeks of which the newest is one of holidays', () => {
    const rates = { overall_absence_rate: '6.2' };
    const week = (number: number): Row[] =>
      [{ values: rates }, ...regions(EIGHT, { values: rates }), ...authorities(150, { values: rates })].map((row) => ({
        ...row,
        period: weekPeriod(2025, number),
      }));
    const holiday = week(44).slice(-4);
    const before = [...week(43), ...holiday];
    const held = (rows: readonly Row[], wanted = 'quarantine'): string[] => {
      const gates = createGates({
        previous: [{ shape: shapeOf(before), likeness: 'same data set', isSameRelease: true }],
      });
      gates.observe(rows.map(observation));
      return gates.verdicts().flatMap(({ gate, verdict }) => (verdict === wanted ? [gate] : []));
    };
    const now = [...before, ...week(45)];

    it('are held against the newest week that has England', () => {
      expect(held(now)).toEqual([]);
      expect(held(before)).toEqual([]);
      expect(held(now.filter(({ level }) => level !== undefined))).toEqual(['England and regions']);
      expect(held(now.filter(({ level }) => level !== 'Regional'))).toEqual(['England and regions']);
      const present = week(45).map((row) => ({ ...row, values: { overall_absence_rate: '93.8' } }));
      expect(held([...before, ...present])).toEqual(['rates are percent']);
    });

    it('want England and regions where half of their authorities have figures', () => {
      const first = (rows: readonly Row[]): string => judge('England and regions', rows).verdict;
      const open = (count: number, more: Partial<Row> = {}): Row[] =>
        authorities(count, { values: rates, period: weekPeriod(2025, 46), ...more });
      const [north = ''] = EIGHT;
      const region = (keys: readonly string[], number: number): Row[] =>
        regions(keys, { values: rates, period: weekPeriod(2025, number) });
      expect([74, 75].map((count) => first([...before, ...open(count)]))).toEqual(['pass', 'quarantine']);
      const closed = { values: { overall_absence_rate: null }, symbols: { overall_absence_rate: 'NaN' } };
      expect(first([...before, ...open(150, closed)])).toBe('pass');
      const inNorth = (count: number, more: Partial<Row> = {}): Row[] => open(count, { regionCode: north, ...more });
      const all = [...before, ...inNorth(10, { period: weekPeriod(2025, 42) }), ...region([north], 42)];
      expect([4, 5].map((count) => first([...all, ...inNorth(count)]))).toEqual(['pass', 'quarantine']);
      expect(first([...all, ...inNorth(5), ...region([north], 46)])).toBe('pass');
      // London, cut in two in one week and whole in another.
      const inner = { regionCode: INNER_OUTER[0] ?? '' };
      const halves = [...before, ...region(INNER_OUTER, 43), ...open(8, { ...inner, period: weekPeriod(2025, 43) })];
      expect(first([...halves, ...open(8, inner)])).toBe('quarantine');
      expect(first([...halves, ...open(8, inner), ...region(['E12000007'], 46)])).toBe('pass');
      // Their Totals, where their other rows are there.
      const phase = { schoolType: 'Special' };
      const england: Row[] = [43, 46].map((number) => ({ values: rates, period: weekPeriod(2025, number) }));
      expect(first([...england, ...england.map((row) => ({ ...row, ...phase }))])).toBe('pass');
      expect(first([...england.slice(0, 1), ...england.map((row) => ({ ...row, ...phase }))])).toBe('quarantine');
    });

    it('want England and regions where the last release had them', () => {
      const few = [...week(43), ...week(42).slice(0, 20)];
      const against = (rows: readonly Row[], stored = shapeOf(few), more: Partial<LastRelease> = {}): string[] => {
        const previous: LastRelease[] = [{ shape: stored, likeness: 'same data set', isSameRelease: false, ...more }];
        const gates = createGates({ previous });
        gates.observe(rows.map(observation));
        return gates.verdicts().flatMap(({ gate, verdict }) => (verdict === 'quarantine' ? [gate] : []));
      };
      expect(against(few)).toEqual([]);
      expect(against([...week(43), ...week(42).slice(1, 20)])).toEqual(['England and regions']);
      expect(against([...week(43), ...week(42).slice(0, 20).toSpliced(1, 1)])).toEqual(['England and regions']);
      expect(against([...week(43), ...week(42).slice(1, 20)], shapeOf(few), { isLater: true })).toEqual([]);
      // Older builds kept no places of weeks.
      const old = JSON.parse(JSON.stringify(shapeOf(few)), (key, value: unknown) =>
        key === 'weeks' && Array.isArray(value) ? value.map((each: unknown[]) => each.slice(0, 2)) : value,
      ) as unknown;
      expect(against([...week(43), ...week(42).slice(1, 20)], old)).toEqual([]);
      expect(against(week(43).slice(1), old)).toEqual(['England and regions']);
    });

    it('that lack a third of the authorities in all weeks are warned of; a column is missed', () => {
      expect(held(now, 'warn')).toEqual([]);
      expect(
        held(
          now.filter(({ level }) => level !== 'Local authority'),
          'warn',
        ),
      ).toEqual(['rows']);
      expect(
        held(
          now.filter(({ key }) => !(Number(key) < 250)),
          'warn',
        ),
      ).toEqual(['rows']);
      expect(
        held(
          now.filter(({ key }) => !(Number(key) < 249)),
          'warn',
        ),
      ).toEqual([]);
      const blank = { values: { overall_absence_rate: null }, symbols: { overall_absence_rate: '' } };
      const emptied = now.map((row) => ({
        ...row,
        values: { ...row.values, ...blank.values },
        symbols: blank.symbols,
      }));
      expect(held(emptied)).toEqual(['measures']);
    });
  });

  describe('holes in one school type or pupil group', () => {
    const full = { enrolments: '1000', severe_absence_rate: '2.1' };
    const bare = { enrolments: '1000' };
    const GROUPS: readonly Partial<Row>[] = [
      {},
      { schoolType: 'State-funded primary' },
      { topic: 'SEN provision', group: 'EHC plan' },
      { topic: 'SEN provision', group: 'No SEN' },
    ];
    const of = (group: Partial<Row>): Row[] => [
      { values: full, ...group },
      ...regions(EIGHT, { values: full, ...group }),
      ...authorities(153, { values: full, ...group }),
    ];
    const all = GROUPS.flatMap(of);
    const isEhc = ({ group }: Row): boolean => group === 'EHC plan';
    const isPrimary = ({ schoolType }: Row): boolean => schoolType === 'State-funded primary';
    const isEngland = ({ level }: Row): boolean => level === undefined;
    const found = (rows: readonly Row[], before?: readonly Row[], isLater?: boolean): string[] =>
      (['England and regions', 'authorities', 'measures', 'rows'] as const).flatMap((gate) => {
        const { verdict, message } = judge(gate, rows, before, isLater);
        return verdict === 'pass' ? [] : [`${gate}: ${verdict}: ${message}`];
      });
    const without = (is: (row: Row) => boolean): Row[] => all.map((row) => (is(row) ? { ...row, values: bare } : row));

    it('nothing is missing, of the last release, of the year before and in a first file', () => {
      expect(found(all, all)).toEqual([]);
      expect(found([...all, ...all.map((row) => ({ ...row, period: BEFORE }))])).toEqual([]);
      expect(found(all)).toEqual([]);
    });

    it('a measure of a group', () => {
      const inSeries = 'in absence/Autumn and spring term missing in Autumn and spring term 2024/25';
      const before = 'the last release had it for Autumn and spring term 2024/25';
      expect(found(without(isEhc), all)).toEqual([
        `measures: quarantine: severe absence ${inSeries} (Total, SEN provision: EHC plan); ${before}`,
      ]);
      expect(found(without(isPrimary), all)).toEqual([
        `measures: quarantine: severe absence ${inSeries} (State-funded primary); ${before}`,
      ]);
      expect(
        found(
          without((row) => isPrimary(row) && row.level === 'Regional'),
          all,
        ),
      ).toEqual([`measures: quarantine: severe absence of all regions ${inSeries} (State-funded primary); ${before}`]);
      expect(found(without((row) => isPrimary(row) && isEngland(row)))).toEqual([
        `measures: quarantine: severe absence of England ${inSeries} (State-funded primary); other places have it`,
      ]);
      const some = without((row) => isEhc(row) && Number(row.key) < 251);
      expect(found(some, all)[0]).toContain('severe absence of 51 of 153 authorities');
      expect(
        found(
          without((row) => isEhc(row) && Number(row.key) < 250),
          all,
        ),
      ).toEqual([]);
      const inFile = [...without(isEhc), ...all.map((row) => ({ ...row, period: BEFORE }))];
      expect(found(inFile)[0]).toContain('Autumn and spring term 2023/24 of the same file has it');
      const gone = [...without(() => true), ...all.map((row) => ({ ...row, period: BEFORE }))];
      expect(found(gone)).toEqual([
        `measures: quarantine: severe absence of absence/Autumn and spring term missing in Autumn and spring term 2024/25; Autumn and spring term 2023/24 of the same file has it`,
      ]);
      expect(found(without(isEhc)), 'perhaps it was never published').toEqual([]);
      expect(found(without(isEhc), all, true), 'it may have begun since').toEqual([]);
    });

    it('rows under another identifier are a series without England, or stand alone', () => {
      const astray: Row = { ...all[20], period: academicPeriod(2024, 'Autumn term'), values: full };
      expect(found([...all, astray])).toEqual([
        'England and regions: quarantine: 1 row of absence/Autumn term, Autumn term 2024/25 (line 2), beside 648 of absence/Autumn and spring term: is the time identifier right?',
      ]);
      expect(found([...all, { ...astray, level: 'National', key: 'E92000001' }])).toEqual([]);
      expect(found(all.filter((row) => !isEngland(row)))).toEqual([]);
      const four = all.slice(20, 24).map((row): Row => ({ ...row, period: academicPeriod(2024, 'Autumn term') }));
      expect(found([...all, ...four])).toEqual([
        'England and regions: quarantine: England is missing from absence/Autumn term, Autumn term 2024/25; absence/Autumn and spring term of the same file has it',
      ]);
    });

    it('places of a group', () => {
      const keep = (is: (row: Row) => boolean): Row[] => all.filter((row) => !is(row));
      const of2024 = 'from absence/Autumn and spring term, Autumn and spring term 2024/25';
      const before = 'the last release had it for Autumn and spring term 2024/25';
      expect(
        found(
          keep((row) => isPrimary(row) && isEngland(row)),
          all,
        ),
      ).toEqual([`England and regions: quarantine: England of State-funded primary missing ${of2024}; ${before}`]);
      expect(
        found(
          keep((row) => isEhc(row) && row.level === 'Regional'),
          all,
        ),
      ).toEqual([
        `England and regions: quarantine: all regions of Total, SEN provision: EHC plan missing ${of2024}; ${before}`,
      ]);
      expect(
        found(
          keep((row) => isEhc(row) && Number(row.key) < 251),
          all,
        ),
      ).toEqual([
        `authorities: quarantine: 51 of 153 authorities of Total, SEN provision: EHC plan missing ${of2024}; ${before}`,
      ]);
      expect(
        found(
          keep((row) => isEhc(row) && Number(row.key) < 250),
          all,
        ),
      ).toEqual([]);
    });

    it('one region of a group', () => {
      const gone = all.filter((row) => !(isPrimary(row) && row.key === 'E12000001'));
      const words = '1 of 8 regions of State-funded primary missing from absence/Autumn and spring term';
      expect(found(gone, all)[0]).toContain(words);
      expect(found([...gone, ...all.map((row) => ({ ...row, period: BEFORE }))])[0]).toContain(words);
      const without = (row: Row): boolean => row.key !== 'E12000001';
      const never = gone.map((row) => ({ ...row, period: BEFORE }));
      expect(found([...gone, ...never], never), 'it never had it').toEqual([]);
      expect(found(all.filter(without), all)[0], 'told of the file as a whole').toContain(
        'regions E12000001 are missing',
      );
    });

    it('a group without a row is told, as it may have another name', () => {
      const rest = all.filter((row) => !isEhc(row));
      expect(found(rest, all)).toEqual([
        expect.stringMatching(/^rows: warn: no row of Total, SEN provision: EHC plan for Autumn.*; 486 rows for /),
      ]);
    });
  });

  it('enrolments', () => {
    const luton = (enrolments: string, more: Partial<Row> = {}): Row => ({
      level: 'Local authority',
      key: '821',
      values: { enrolments },
      ...more,
    });
    const earlier = { period: BEFORE };
    expect(judge('enrolments', [luton('40000', earlier), luton('50000')]).verdict).toBe('pass');
    expect(judge('enrolments', [luton('40000', earlier), luton('50001')])).toMatchObject({
      verdict: 'quarantine',
      message: expect.stringContaining('Local authority 821: 50001 enrolments') as string,
    });
    expect(judge('enrolments', [luton('29999')], [luton('40000', earlier)]).verdict).toBe('quarantine');
    expect(judge('enrolments', [luton('29999')], [luton('40000')]).verdict).toBe('quarantine');
    expect(judge('enrolments', [luton('90000', { topic: 'Sex' })], [luton('40000')]).verdict).toBe('pass');
    expect(judge('enrolments', [luton('90000', { schoolType: 'Special' })], [luton('40000')]).verdict).toBe('pass');
    expect(judge('enrolments', [luton('700', earlier), luton('999')]).verdict, 'few pupils').toBe('pass');
    expect(judge('enrolments', [luton('700', earlier), luton('1000')]).verdict, 'no longer few').toBe('quarantine');
    expect(judge('enrolments', [luton('1000', earlier), luton('700')]).verdict).toBe('quarantine');
    // A gap of years is not a year.
    expect(
      judge('enrolments', [luton('40000', { period: academicPeriod(2022, 'Autumn and spring term') }), luton('90000')])
        .verdict,
    ).toBe('pass');
    const running = (year: number): Partial<Row> => ({ period: academicPeriod(year, 'Year to date') });
    expect(judge('enrolments', [luton('60000', running(2024))], [luton('40000', running(2023))]).verdict).toBe('pass');
    expect(judge('enrolments', [luton('60000', running(2024))], [luton('40000', running(2024))]).verdict).toBe(
      'quarantine',
    );
  });

  it('rows', () => {
    expect(judge('rows', authorities(110), authorities(100)).verdict).toBe('pass');
    expect(judge('rows', authorities(111), authorities(100)).verdict).toBe('warn');
  });

  it('suppressed', () => {
    const rows = (withheld: number): Row[] =>
      authorities(100).map((row, index) =>
        index < withheld ? { ...row, values: { enrolments: null }, symbols: { enrolments: 'c' } } : row,
      );
    expect(judge('suppressed', rows(5), rows(0)).verdict).toBe('pass');
    const missing = rows(6).map((row) => (row.symbols ? { ...row, symbols: { enrolments: 'x' } } : row));
    expect(judge('suppressed', missing, rows(0)).verdict).toBe('warn');
    const empty = rows(6).map((row) => (row.symbols ? { ...row, symbols: { enrolments: '' } } : row));
    expect(judge('suppressed', empty, rows(0)).verdict, 'an empty cell is a symbol').toBe('warn');
    const low = rows(6).map((row) => (row.symbols ? { ...row, symbols: { enrolments: 'low' } } : row));
    expect(judge('suppressed', low, rows(0)).verdict).toBe('pass');
    expect(judge('suppressed', rows(6), rows(0))).toMatchObject({
      verdict: 'warn',
      message: expect.stringContaining('6.0% of the figures') as string,
    });
  });
});

describe('gates at large', () => {
  it('of another data set only series about the same schools are held against', () => {
    const against = (before: readonly Row[], likeness: Likeness): string | undefined => {
      const gates = createGates({ previous: [{ shape: shapeOf(before), likeness, isSameRelease: false }] });
      gates.observe(authorities(100).map(observation));
      return gates.verdicts().find(({ gate }) => gate === 'authorities')?.verdict;
    };
    expect(against(authorities(153), 'alike')).toBe('quarantine');
    expect(against(authorities(153, { schoolType: 'State-funded secondary' }), 'alike')).toBe('pass');
    expect(against(authorities(153, { schoolType: 'State-funded secondary' }), 'same data set')).toBe('quarantine');
  });

  describe('of files of other columns', () => {
    const england: Row = { values: { enrolments: '9000' } };
    const table: Row[] = [england, ...regions([...EIGHT, 'E12000007']), ...authorities(153)];
    const held = (rows: readonly Row[], before: readonly Row[], likeness: Likeness = 'other label'): string[] => {
      const isSameRelease = likeness === 'same label';
      const gates = createGates({ previous: [{ shape: shapeOf(before), likeness, isSameRelease }] });
      gates.observe(rows.map(observation));
      // The sums of these made-up places are not the question.
      const found = gates.verdicts().filter(({ gate }) => gate !== 'authorities add up');
      return found.flatMap(({ gate, verdict }) => (verdict === 'quarantine' ? [gate] : []));
    };
    const halved = (row: Row): Row => ({ ...row, values: { enrolments: String(Number(row.values.enrolments) / 2) } });
    const rated = (rows: readonly Row[], rate: string): Row[] =>
      rows.map((row) => ({ ...row, values: { ...row.values, severe_absence_rate: rate } }));

    it.each(['same label', 'other label'] as const)('the same table is held as by its columns: %s', (likeness) => {
      const against = (rows: readonly Row[], before = table): string[] => held(rows, before, likeness);
      expect(against(table)).toEqual([]);
      expect(against(table.slice(1)), 'England gone').toEqual(['England and regions']);
      expect(against(table.toSpliced(1, 1)), 'a region gone').toEqual(['England and regions']);
      expect(against(table.slice(0, -4)), 'authorities gone').toEqual(['authorities']);
      expect(against([table[0] ?? england, ...table.slice(1, 10), ...authorities(76)])).toEqual(['authorities']);
      expect(against(table.map(halved))).toEqual(['enrolments']);
      // A measure more, a measure less, other school types beside the Total of both.
      expect(against(rated(table, '2').slice(1))).toEqual(['England and regions']);
      expect(against(rated(table, '0.02'), rated(table, '2'))).toEqual(['rates are percent']);
      const phases = table.map((row) => ({ ...row, schoolType: 'State-funded secondary' }));
      expect(against(table.slice(1), [...table, ...phases])).toEqual(['England and regions']);
    });

    it.each(['same label', 'other label'] as const)('another table is not held: %s', (likeness) => {
      const as = (rows: readonly Row[], more: Partial<Row>): Row[] => rows.map((row) => ({ ...row, ...more }));
      const against = (rows: readonly Row[]): string[] => held(rows, table, likeness);
      expect(against(as(table.slice(20), { schoolType: 'Alternative provision' }))).toEqual([]);
      expect(against(as(table.slice(20), { topic: 'Sex' })), 'pupil groups').toEqual([]);
      expect(against([...table.slice(20), { ...england, level: 'School', key: '100001' }]), 'schools').toEqual([]);
      expect(against(as(table.slice(20), { values: { overall_absence_rate: '6' } })), 'no measure').toEqual([]);
      expect(against(as(table.slice(20), { period: academicPeriod(2024, 'Autumn term') })), 'term').toEqual([]);
    });

    it('what another table takes out, as it takes the place of the one before, is warned of', () => {
      const as = (rows: readonly Row[], more: Partial<Row>): Row[] => rows.map((row) => ({ ...row, ...more }));
      const nothingLeft = (rows: readonly Row[], before: readonly Row[], more: Partial<LastRelease> = {}): unknown => {
        const last: LastRelease = { shape: shapeOf(before), likeness: 'same label', isSameRelease: true, ...more };
        const gates = createGates({ previous: [last], isLocal: more.likeness === undefined });
        gates.observe(rows.map(observation));
        const { verdict, message } = gates.verdicts().find(({ gate }) => gate === 'rows') ?? {};
        const told = message?.matchAll(/nothing is left of (.*?); the version before in this release had it/g) ?? [];
        return [verdict, ...[...told].map(([, what]) => what), message?.includes('label of its own')];
      };
      const few = table.slice(0, 2);
      const series = 'absence/Autumn and spring term';
      expect(nothingLeft(few, few)).toEqual(['pass', false]);
      expect(nothingLeft([...few, ...as(few, { topic: 'Sex' })], few), 'more').toEqual(['pass', false]);
      const males = as(few, { topic: 'Sex', group: 'Male' });
      expect(nothingLeft(males, few)).toEqual(['warn', `"Total" of ${series}`, true]);
      expect(nothingLeft(few, [...few, ...males])).toEqual(['warn', `"Total, Sex: Male" of ${series}`, true]);
      const term = as(few, { period: academicPeriod(2024, 'Autumn term') });
      expect(nothingLeft(term, few)).toEqual(['warn', series, true]);
      expect(nothingLeft(few, [...few, ...term])).toEqual(['warn', 'absence/Autumn term', true]);
      const schools = (more: Partial<Row>): Row[] => as([england], { level: 'School', key: '100001', ...more });
      expect(nothingLeft(few, [...few, ...schools({})])).toEqual(['warn', `"level School" of ${series}`, true]);
      expect(nothingLeft(schools({}), schools({ schoolType: 'Special' }))).toEqual([
        ...['warn', `"Special" of ${series}`, true],
      ]);
      expect(nothingLeft(schools({}), schools({ topic: 'Sex' }))).toEqual(['warn', `"Sex" of ${series}`, true]);
      expect(nothingLeft(schools({ topic: 'Sex' }), schools({}))).toEqual(['warn', `"all pupils" of ${series}`, true]);
      const overall = as(few, { values: { overall_absence_rate: '6' } });
      expect(nothingLeft(overall, few)).toEqual(['warn', `"pupil enrolments" of ${series}`, true]);
      expect(nothingLeft([...few, ...males], [...few, ...as(few, { period: BEFORE })])).toEqual([
        ...['warn', `"Autumn and spring term 2023/24" of ${series}`, true],
      ]);
      // What EES amends comes under no label; what is published later, or as another release, is not replaced.
      expect(nothingLeft(males, few, { likeness: 'same data set' })).toEqual(['warn', `"Total" of ${series}`, false]);
      expect(nothingLeft(males, few, { likeness: 'alike' })).toEqual(['warn', `"Total" of ${series}`, false]);
      for (const other of [{ isSameRelease: false }, { likeness: 'other label', isSameRelease: false }] as const)
        expect(nothingLeft(males, few, other)).toEqual(['pass', false]);
    });

    it('less is asked of a file that ends in an earlier year, and of England alone under another label', () => {
      const earlier = table.map((row) => ({ ...row, period: BEFORE }));
      expect(held(earlier.slice(10), table)).toEqual([]);
      expect(held(earlier.slice(12, 100), table)).toEqual(['authorities']);
      expect(held([england], table)).toEqual([]);
      expect(held([halved(england)], table)).toEqual(['enrolments']);
      expect(held([england], table, 'same label')).toEqual(['England and regions', 'authorities']);
    });

    it('under the same label a year or a measure that is gone is missed, where nothing else is another', () => {
      const whole = [...table, ...table.map((row) => ({ ...row, period: BEFORE }))];
      expect(held(table, whole, 'same label')).toEqual(['England and regions']);
      expect(held(table, whole)).toEqual([]);
      expect(held(table, rated(whole, '2'), 'same label'), 'perhaps another table').toEqual(['measures']);
      expect(held(table, rated(whole, '2'))).toEqual([]);
    });

    it('each series is held against the nearest file of its table', () => {
      const shapes = [table.map((row) => ({ ...row, topic: 'Sex' })), table.slice(10), table];
      const gates = createGates({
        previous: shapes.map((rows) => ({ shape: shapeOf(rows), likeness: 'other label', isSameRelease: false })),
      });
      gates.observe(authorities(100).map(observation));
      const found = gates.verdicts().filter(({ verdict }) => verdict === 'quarantine');
      expect(found.map(({ gate }) => gate)).toEqual(['authorities']);
    });

    describe('whose label had them before the last one changed them', () => {
      const whole = [...table, ...table.map((row) => ({ ...row, period: BEFORE }))];
      const between = (rows: readonly Row[], last: readonly Row[], first: readonly Row[]): string[] => {
        const gates = createGates({
          previous: [
            { shape: shapeOf(last), likeness: 'same label', isSameRelease: true },
            { shape: shapeOf(first), likeness: 'same data set', isSameRelease: true },
          ],
        });
        gates.observe(rows.map(observation));
        const found = gates.verdicts().filter(({ gate }) => gate !== 'authorities add up');
        return found.flatMap(({ gate, verdict }) => (verdict === 'quarantine' ? [gate] : []));
      };

      it('the last one counts, where it is the same table', () => {
        expect(between(table.slice(0, -5), table, table.slice(0, -3))).toEqual(['authorities']);
        expect(between(table.slice(1), table, table.slice(1))).toEqual(['England and regions']);
        expect(between(table, table, table.slice(0, -5))).toEqual([]);
        expect(between(table.map(halved), table, table.map(halved))).toEqual(['enrolments']);
        const schools = table.map((row) => ({ ...row, schoolType: 'Special' }));
        expect(between(table.slice(1), schools, table), 'another table').toEqual(['England and regions']);
      });

      it('as much is asked as of one whose columns never changed', () => {
        const earlier = table.map((row) => ({ ...row, period: BEFORE }));
        expect(between(earlier.slice(1), table, earlier), 'an earlier year').toEqual(['England and regions']);
        const few = rated(table.slice(0, 120), '2');
        expect(between(table, few, rated(table, '2')), 'a measure').toEqual(expect.arrayContaining(['measures']));
        expect(between(table, few, table), 'one that it did not have').not.toContain('measures');
      });

      it('years that the last one still had are missed, and not those that it had not', () => {
        expect(between(table, whole, whole)).toEqual(['England and regions']);
        expect(between(table, table, whole)).toEqual([]);
        expect(between(table, rated(table, '2'), whole)).toEqual(['measures']);
        const groups = whole.map((row) => ({ ...row, topic: 'Sex' }));
        expect(between(table, groups, whole), 'another table').toEqual(['England and regions']);
        const term = [academicPeriod(2024, 'Autumn term'), academicPeriod(2023, 'Autumn term')].flatMap((period) =>
          table.map((row) => ({ ...row, period })),
        );
        expect(between(table, [...table, ...term], [...table, ...term]), 'a series').toEqual(['England and regions']);
        expect(between(table, table, [...table, ...term])).toEqual([]);
      });
    });

    it('where an older build kept no levels, a table under one label is told by its rows', () => {
      const old = (rows: readonly Row[]): unknown =>
        JSON.parse(JSON.stringify(shapeOf(rows)).replaceAll(/"(levels|topics)":\[[^\]]*\],/g, ''));
      const judged = (before: readonly Row[], likeness: Likeness): string | undefined => {
        const gates = createGates({ previous: [{ shape: old(before), likeness, isSameRelease: false }] });
        gates.observe(authorities(100).map(observation));
        return gates.verdicts().find(({ gate }) => gate === 'authorities')?.verdict;
      };
      expect(judged(authorities(153), 'same label')).toBe('pass');
      expect(judged(authorities(105), 'same label')).toBe('quarantine');
      expect(judged(authorities(105), 'other label')).toBe('pass');
    });
  });

  it('start afresh where the stored shape is of another build', () => {
    const gates = createGates({
      previous: [{ shape: { nonsense: true }, likeness: 'same data set', isSameRelease: false }],
    });
    gates.observe(authorities(3).map(observation));
    expect(gates.verdicts().every(({ verdict }) => verdict === 'pass')).toBe(true);
  });

  it('count every finding and keep a few', () => {
    const rows = Array.from({ length: 20 }, () => ({ values: { overall_absence_rate: '101' } }));
    const { message, detail } = judge('rates in range', rows);
    expect(message).toContain('and 15 more');
    expect(detail).toMatchObject({ count: 20 });
  });

  it('are all in the table, and the table is in docs/gates.md (npx vitest run test/transform/gates -u writes it)', async () => {
    const judged = createGates()
      .verdicts()
      .map(({ gate }) => gate);
    const listed = GATES.map(({ gate }) => gate);
    expect(listed).toEqual(expect.arrayContaining(judged));
    expect(new Set(listed).size).toBe(listed.length);
    const document = await format(gatesDocument(), { ...(await resolveConfig('docs/gates.md')), parser: 'markdown' });
    await expect(document).toMatchFileSnapshot('../../docs/gates.md');
  });
});

describe('a version held against one that was published after it', () => {
  const held = (rows: readonly Row[], later: readonly Row[], isLater = true): string[] =>
    GATES.map(({ gate }) => gate)
      .filter((gate) =>
        ['England and regions', 'authorities', 'measures', 'enrolments', 'rows', 'suppressed'].includes(gate),
      )
      .filter((gate) => judge(gate, rows, later, isLater).verdict !== 'pass');
  const all: Row[] = [{ values: { enrolments: '9000' } }, ...regions([...EIGHT, 'E12000007']), ...authorities(153)];

  it('is not held back for levels and measures that may have begun since', () => {
    for (const begins of [1, 10]) {
      const without = begins === 1 ? all.slice(1) : all.slice(0, -153);
      expect(held(without, all), 'as loaded in turn').toEqual([]);
      expect(held(without, all, false), 'as the next one').not.toEqual([]);
    }
    const rates = { enrolments: '9000', severe_absence_rate: '2' };
    expect(held(all, [...all.slice(1), { values: rates }])).toEqual([]);
    expect(held(all, [...all.slice(1), { values: rates }], false)).toEqual(['measures']);
    const withSymbols = all.map((row) => ({ ...row, symbols: { severe_absence_rate: 'c' } }));
    expect([held(all, withSymbols), held(withSymbols, all)]).toEqual([[], []]);
    // Rows of all schools began for authorities in 2025/26.
    const byType = all.map((row) => ({ ...row, schoolType: 'State-funded secondary' }));
    expect(held([...all.slice(0, 10), ...byType], [...all, ...byType])).toEqual([]);
    expect(held([...all.slice(0, 10), ...byType], [...all, ...byType], false)).not.toEqual([]);
  });

  it('has the levels that it has in full, and the enrolments of the same and the next year', () => {
    expect(held(all.slice(0, 100), all)).toEqual(['authorities']);
    expect(held(all.toSpliced(2, 1), all)).toEqual(['England and regions']);
    const england = (enrolments: string, period: Period): Row[] => [{ values: { enrolments }, period }];
    expect(held(england('7000', BEFORE), england('9000', YEAR))).toEqual([]);
    expect(held(england('6000', BEFORE), england('9000', YEAR))).toEqual(['enrolments']);
    const running = academicPeriod(2024, 'Year to date');
    // Ever more schools send their registers.
    expect(held(england('6000', running), england('9000', running))).toEqual([]);
    expect(held(england('6000', running), england('9000', running), false)).toEqual(['enrolments']);
  });

  it('in older periods too', () => {
    const older = (rows: readonly Row[]): Row[] => rows.map((row) => ({ ...row, period: BEFORE }));
    expect(held([...all.slice(1), ...older(all.slice(1))], [...all, ...older(all)])).toEqual([]);
    expect(held([...all, ...older(all.slice(0, 10))], [...all, ...older(all)])).toEqual([]);
    expect(held([...all, ...older(all.slice(0, 100))], [...all, ...older(all)])).toEqual(['authorities']);
  });
});

describe('older periods of a file', () => {
  const year = (start: number, count: number): Row[] =>
    authorities(count, { period: academicPeriod(start, 'Academic year') });
  const held = (rows: readonly Row[], before: readonly Row[] | undefined, isSameRelease = false): string[] => {
    const gates = createGates({
      previous: before && [{ shape: shapeOf(before), likeness: 'same data set', isSameRelease }],
    });
    gates.observe(rows.map(observation));
    return gates.verdicts().flatMap(({ gate, verdict }) => (verdict === 'quarantine' ? [gate] : []));
  };

  it('a file cut off in an older period is held back: two authorities where the next year has 153', () => {
    expect(held([...year(2022, 153), ...year(2021, 2)], undefined)).toEqual(['authorities']);
    expect(held([...year(2022, 153), ...year(2021, 150)], undefined)).toEqual([]);
  });

  it('a version that leaves out years of the one it replaces is held back; a new release may leave them out', () => {
    const whole = [...year(2022, 153), ...year(2021, 153)];
    expect(held(year(2022, 153), whole, true)).toEqual(['England and regions']);
    expect(held(year(2022, 153), whole)).toEqual([]);
    // A running year makes way for the next one, and that is told.
    const running = (startYear: number): Row[] => [
      { period: academicPeriod(startYear, 'Year to date'), values: { overall_absence_rate: '6.6' } },
    ];
    const toldOf = (isSameRelease: boolean): string => {
      const gates = createGates({
        previous: [{ shape: shapeOf(running(2021)), likeness: 'same data set', isSameRelease }],
      });
      gates.observe(running(2022).map(observation));
      return gates.verdicts().flatMap(({ verdict, message }) => (verdict === 'warn' ? [message] : []))[0] ?? '';
    };
    expect(held(running(2022), running(2021), true)).toEqual([]);
    expect(toldOf(true)).toBe(
      'Year to date 2021/22 of absence/Year to date made way: the version before in this release had it',
    );
    expect(toldOf(false)).toBe('');
  });

  it('a few rows under another time identifier than all others of their year are held back', () => {
    const places = [...regions([...EIGHT, ...INNER_OUTER]), { values: { enrolments: '10000' } } as Row];
    const autumn = (rows: readonly Row[]): Row[] =>
      rows.map((row) => ({ ...row, period: academicPeriod(2024, 'Autumn term') }));
    const verdict = (rows: readonly Row[]): GateVerdict => judge('England and regions', rows);
    expect(verdict(places).verdict).toBe('pass');
    expect(verdict([...places.slice(1), ...autumn(places.slice(0, 1))])).toMatchObject({
      verdict: 'quarantine',
      message:
        '1 row of absence/Autumn term, Autumn term 2024/25 (line 2), beside 10 of absence/Autumn and spring term: is the time identifier right?',
    });
    // England's own row too, and one of a year to date.
    expect(verdict([...places.slice(0, 10), ...autumn(places.slice(10))]).verdict).toBe('quarantine');
    const running = places.map((row) => ({ ...row, period: academicPeriod(2024, 'Year to date') }));
    expect(verdict([...running.slice(1), ...autumn(running.slice(0, 1))]).verdict).toBe('quarantine');
    // Where the others are as few, or of other years, and where there are more, it may be a table of its own.
    expect(verdict([...places.slice(2), ...autumn(places.slice(0, 1))]).verdict).toBe('pass');
    const before = autumn(places.slice(10)).map((row) => ({ ...row, period: academicPeriod(2023, 'Autumn term') }));
    expect(verdict([...places, ...before]).verdict).toBe('pass');
    const phases = ['Total', 'State-funded primary', 'State-funded secondary', 'Special'].flatMap((schoolType) =>
      places.map((row) => ({ ...row, schoolType })),
    );
    const ofLondon = phases.filter(({ key }) => key === 'E13000001');
    expect(verdict([...phases, ...autumn(ofLondon)]).verdict).toBe('pass');
    expect(verdict([...phases, ...autumn(ofLondon.slice(1))]).verdict).toBe('quarantine');
    // England's headline beside a table that has it too.
    expect(verdict([...phases, ...autumn(places.slice(10))]).verdict).toBe('pass');
    const withoutTotal = phases.filter(({ level, schoolType }) => level !== undefined || schoolType !== 'Total');
    expect(verdict([...withoutTotal, ...autumn(places.slice(10))]).verdict).toBe('quarantine');
  });

  it('weeks that are gone from a school year that the file still has are named', () => {
    const weeks = (...numbers: number[]): Row[] =>
      numbers.map((week) => ({
        period: weekPeriod(week < 36 ? 2026 : 2025, week),
        values: { overall_absence_rate: '6.6' },
      }));
    const told = (rows: readonly Row[], before: readonly Row[], more: Partial<LastRelease> = {}): GateVerdict => {
      const shape = shapeOf(before);
      const gates = createGates({
        previous: [{ shape, likeness: 'same data set', isSameRelease: false, ...more }],
      });
      gates.observe(rows.map(observation));
      const verdict = gates.verdicts().find(({ gate }) => gate === 'rows');
      if (verdict === undefined) throw new Error('no verdict of rows');
      return verdict;
    };
    const before = weeks(37, 38, 39, 2);
    expect(told(weeks(37, 38, 39, 2, 3), before).verdict).toBe('pass');
    expect(told(weeks(39, 2, 3), before)).toMatchObject({
      verdict: 'warn',
      message: 'no row for Week 37 2025, Week 38 2025 (absence/week); the last release had some',
    });
    // A school year makes way for the next one: within a release that is told.
    const older: Row[] = [{ period: weekPeriod(2025, 20), values: { overall_absence_rate: '6.6' } }];
    expect(told(before, older).verdict).toBe('pass');
    expect(told(before, [...older, ...before]).verdict).toBe('pass');
    expect(told(before, older, { isSameRelease: true })).toMatchObject({
      verdict: 'warn',
      message: 'no row for Week 20 2025 (absence/week); the version before in this release had some',
    });
    expect(told(weeks(38, 39, 2), before, { isSameRelease: true }).message).toBe(
      'no row for Week 37 2025 (absence/week); the version before in this release had some',
    );
    // Of what was published later an older file knows nothing.
    expect(told(weeks(37, 38), before, { isLater: true }).verdict).toBe('pass');
  });

  it('a year without the England that it had is held back', () => {
    const england: Row = { period: academicPeriod(2021, 'Academic year'), values: { enrolments: '153000' } };
    const now = [...year(2022, 153), ...year(2021, 153)];
    expect(held(now, [...now, england])).toEqual(['England and regions']);
  });
});
