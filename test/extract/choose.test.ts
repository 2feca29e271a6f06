import { describe, expect, it } from 'vitest';
import { choose } from '../../src/extract/choose.js';
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

  it.each([
    ['reasons', reasons(), /sessions by reason/],
    ['one session', oneSession(), /none of the five/],
    ['Absence for four year olds', fourYearOlds(), /four-year-olds/],
    ['Absence by 4-year-olds', fourYearOlds(), /four-year-olds/],
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
    const file = { ...candidate('Absence rates', fourYearOlds()), fileName: 'absence_for_four_year_olds.csv' };
    expect(choose(file, undefined)).toMatchObject({ wanted: false });
  });

  it('what cannot be judged is taken: unknown columns, and figures that lack a period', () => {
    expect(choose({ title: 'x', ids: [], columns: undefined }, undefined)).toEqual({ wanted: true });
    expect(choose(candidate('x', 'geographic_level,sess_overall_percent'), undefined)).toEqual({ wanted: true });
  });
});

describe('by the configuration', () => {
  it('an include wins over columns and over an exclude, by id or by title whatever its case', () => {
    for (const include of [['0198AAAA'], [' Reasons ']])
      expect(choose(candidate('reasons', reasons()), { include, exclude: ['reasons'] })).toEqual({ wanted: true });
  });

  it('an exclude wins over the columns', () => {
    expect(choose(candidate('rates', wide('Academic year')), { exclude: ['rates'] })).toMatchObject({ wanted: false });
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
