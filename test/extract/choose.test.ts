import { describe, expect, it } from 'vitest';
import { choose, unmatched } from '../../src/extract/choose.js';
import { byVersion, parseVersion, sizeInBytes, statusWords } from '../../src/extract/wanted.js';
import { attendanceRates, fourYearOlds, long, oneSession, reasons, stringMatching, wide } from './support.js';

const header = (csv: string) => (csv.split('\r\n')[0] ?? '').split(',');
const candidate = (title: string, csv: string) => ({ title, ids: ['0198aaaa', undefined], columns: header(csv) });

describe('by their columns', () => {
  it.each([
    ['rates by level', wide('Academic year')],
    ['long', long()],
    ['attendance', attendanceRates(29, '1')],
  ])('%s: wanted', (title, csv) => {
    expect(choose(candidate(title, csv), undefined)).toEqual({ wanted: true });
  });

  it.each<[string, string, RegExp]>([
    ['reasons', reasons(), /sessions by reason/],
    ['one session', oneSession(), /none of the five/],
    ['Absence for four year olds', fourYearOlds(), /four-year-olds/],
    ...[
      'Absence by 4-year-olds',
      'Absence for 4yr olds',
      'Absence for 4 yr olds',
      'Absence for pupils aged 4',
      'Absence for pupils aged four',
      'Absence at age 4',
      'Absence of four years old pupils',
      'Absence of 4 year\u2010olds',
      'Absence for 4YO',
    ].map((title): [string, string, RegExp] => [title, fourYearOlds(), /four-year-olds/]),
    ['single days', 'attendance_date,time_period,geographic_level,overall_absence_perc', /single days/],
    [
      'bands',
      'time_period,time_identifier,geographic_level,enrolments_overall_0_5,enrolments_overall_100',
      /bands of 5%/,
    ],
  ])('%s: passed over, with the reason', (title, csv, reason) => {
    const choice = choose(candidate(title, csv), undefined);
    expect(choice).toMatchObject({ wanted: false, reason: stringMatching(reason) });
  });

  it('four-year-olds are also known by the name of the file', () => {
    for (const fileName of [
      'absence_for_four_year_olds.csv',
      '7_absence_4yr.csv',
      'absence_4yos.csv',
      'four_yr_olds.csv',
    ])
      expect(choose({ ...candidate('Absence rates', fourYearOlds()), fileName }, undefined)).toMatchObject({
        wanted: false,
      });
  });

  it.each([
    'Absence in year 4',
    'Absence by year group',
    '4 yearly absence',
    'Absence, school year 2023/24',
    'Pupils aged 14',
    'Absence over four years',
    'Four year comparison of absence',
    'Absence over the last 4yrs',
    'Absence of pupils aged 4 to 15',
    'Absence, ages 4-15',
    'Pupils aged four and over',
    'Absence of 4 to 15 year olds',
  ])('%s: no four-year-olds', (title) => {
    expect(choose(candidate(title, wide('Academic year')), undefined)).toEqual({ wanted: true });
  });

  it('what cannot be judged is taken: unknown columns, and figures that lack a period', () => {
    expect(choose({ title: 'x', ids: [], columns: undefined }, undefined)).toEqual({ wanted: true });
    expect(choose(candidate('x', 'geographic_level,sess_overall_percent'), undefined)).toEqual({ wanted: true });
  });
});

describe('by the configuration', () => {
  it('an include wins over columns and over an exclude, by id, title or file name, whatever its case', () => {
    const file = { ...candidate('reasons', reasons()), fileName: '7_reasons_2term.csv' };
    for (const include of [['0198AAAA'], [' Reasons '], ['7_reasons_2term.csv'], ['7_reasons_2term']])
      expect(choose(file, { include, exclude: ['reasons'] })).toEqual({ wanted: true });
  });

  it('where some are included, no others are wanted', () => {
    const choice = choose(candidate('rates', wide('Academic year')), { include: ['reasons'], exclude: [] });
    expect(choice).toMatchObject({ wanted: false, reason: stringMatching(/not among those/) });
  });

  it('an exclude wins over the columns, by title or file name', () => {
    const file = { ...candidate('rates', wide('Academic year')), fileName: 'rates.csv' };
    for (const exclude of [['rates'], ['rates.csv']])
      expect(choose(file, { exclude })).toMatchObject({ wanted: false });
  });

  it('an entry that names nothing is known', () => {
    const files = [{ title: 'rates', fileName: 'rates.csv', ids: ['0198aaaa'] }];
    expect(unmatched(files, { include: ['Rates', 'rate'], exclude: ['reasons.csv', '0198aaaa'] })).toEqual([
      { list: 'include', entry: 'rate' },
      { list: 'exclude', entry: 'reasons.csv' },
    ]);
  });
});

it('versions are numbers, sizes are bytes, statuses are words', () => {
  expect(['1.10', '1.9', '2', 'v1.9.1'].sort(byVersion)).toEqual(['1.9', 'v1.9.1', '1.10', '2']);
  expect(parseVersion('2.1')).toEqual({ major: 2, minor: 1, patch: 0 });
  expect(() => parseVersion('2.*')).toThrow('"2.*" is no data set version');
  expect([sizeInBytes('41 Mb'), sizeInBytes('3 Kb'), sizeInBytes('12 B'), sizeInBytes('large')]).toEqual([
    42991616,
    3072,
    12,
    undefined,
  ]);
  expect(statusWords('AccreditedOfficialStatistics')).toBe('accredited official statistics');
});
