import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { academicPeriod, weekPeriod } from '../../src/domain/period.js';
import { readTime, ukDay, ukMoment, type TimeCells } from '../../src/domain/time.js';

const absence = { family: 'absence', runningTotals: false, publishedOn: '2025-10-16' };
const attendance = { family: 'attendance', runningTotals: true, publishedOn: '2025-01-23' };

function cells(timePeriod: string, timeIdentifier: string | undefined, more: Partial<TimeCells> = {}): TimeCells {
  return {
    timePeriod,
    timeIdentifier,
    yearBreakdown: undefined,
    absenceTerms: undefined,
    term: undefined,
    timeFrame: undefined,
    ...more,
  };
}

describe('reading time', () => {
  it.each([
    [cells('202425', 'Autumn and spring term'), 'absence/autumn-and-spring-term', '2024/25'],
    [cells('202425', 'Academic year'), 'absence/academic-year', '2024/25'],
    [cells('201617', 'six half terms'), 'absence/academic-year', '2016/17'],
    [cells('201112', 'Academic year'), 'absence/academic-year/five-half-terms', '2011/12'],
    [
      cells('201213', 'Academic year', { yearBreakdown: 'five half terms' }),
      'absence/academic-year/five-half-terms',
      '2012/13',
    ],
    [cells('201617', 'Academic year', { term: 'Total' }), 'absence/academic-year', '2016/17'],
    [cells('201617', 'Academic year', { term: 'Autumn term' }), 'absence/autumn-term', '2016/17'],
    [cells('2015/16', undefined, { term: 'Six half terms' }), 'absence/academic-year', '2015/16'],
    [cells('2015/2016', 'SPRING  Term '), 'absence/spring-term', '2015/16'],
  ])('%j is of %s in %s', (time, series, year) => {
    const read = readTime(time, absence);
    expect(read).toMatchObject({ kind: 'time', series, asOf: undefined, period: { academicYear: year } });
  });

  it('calls the running "Academic year" of attendance the year to date, as of its day of publication', () => {
    expect(readTime(cells('202425', 'Academic year'), attendance)).toMatchObject({
      series: 'attendance/year-to-date',
      asOf: '2025-01-23',
      period: { timeIdentifier: 'Year to date', kind: 'year to date' },
    });
  });

  it('reads weeks by their school year, and the year to date at the end of a week', () => {
    expect(readTime(cells('2025', 'Week 8'), attendance)).toMatchObject({
      series: 'attendance/week',
      asOf: undefined,
      period: { academicYear: '2024/25', sort: 20250217 },
    });
    expect(readTime(cells('2025', 'Week 8', { timeFrame: 'Year to date' }), attendance)).toMatchObject({
      series: 'attendance/year-to-date',
      asOf: '2025-02-21',
      period: { timePeriod: '202425' },
    });
    expect(readTime(cells('2025', 'Week 8', { timeFrame: 'Week' }), attendance)).toMatchObject({
      series: 'attendance/week',
    });
    expect(readTime(cells('2025', 'Week 8', { timeFrame: 'Monday' }), attendance)).toEqual({ kind: 'single day' });
  });

  it.each([
    [cells('2018', 'Academic year'), 'timePeriod', '2018'],
    [cells('002425', 'Academic year'), 'timePeriod', '002425'],
    [cells('0025', 'Week 8'), 'timePeriod', '0025'],
    [cells('201819', 'Financial year'), 'timeIdentifier', 'Financial year'],
    [cells('2017188', 'Academic year'), 'timePeriod', '2017188'],
    [cells('606669', 'Academic year'), 'timePeriod', '606669'],
    [cells('2024/2026', 'Academic year'), 'timePeriod', '2024/2026'],
    [cells('202425', 'Week 8'), 'timePeriod', '202425'],
    [cells('2025', 'Week 54'), 'timeIdentifier', 'Week 54'],
    // 2026 has one.
    [cells('2025', 'Week 53'), 'timeIdentifier', 'Week 53'],
    [cells('202425', ''), 'timeIdentifier', ''],
    [cells('202425', 'Autumn term', { term: 'Spring term' }), 'term', 'Spring term'],
    [cells('202425', 'Academic year', { yearBreakdown: 'four half terms' }), 'yearBreakdown', 'four half terms'],
  ])('names what it does not know: %j', (time, column, value) => {
    expect(readTime(time, absence)).toMatchObject({ kind: 'unknown', column, value });
  });

  it('names both sides where a week stands beside a longer period', () => {
    expect(readTime(cells('202425', 'Academic year', { timeFrame: 'Week 12' }), attendance)).toMatchObject({
      kind: 'unknown',
      column: 'timeIdentifier',
      value: 'Academic year',
      why: 'contradicts "Week 12" in the same row',
    });
  });

  it('reads back the period it prints', () => {
    const finished = fc.constantFrom(
      'Academic year',
      'Autumn term',
      'Spring term',
      'Summer term',
      'Autumn and spring term',
    );
    fc.assert(
      fc.property(fc.integer({ min: 2000, max: 2098 }), finished, (year, identifier) => {
        const period = academicPeriod(year, identifier);
        expect(readTime(cells(period.timePeriod, identifier), absence)).toMatchObject({ period });
      }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 2000, max: 2098 }), fc.integer({ min: 1, max: 52 }), (year, week) => {
        expect(readTime(cells(String(year), `Week ${week}`), attendance)).toMatchObject({
          period: weekPeriod(year, week),
        });
      }),
    );
  });

  it('tells the day in the United Kingdom', () => {
    expect(ukDay('2025-07-01T23:30:00Z')).toBe('2025-07-02');
    expect(ukDay('2025-01-01T23:30:00Z')).toBe('2025-01-01');
  });

  it('a time of UK clocks is a moment', () => {
    for (const [local, moment] of [
      ['2025-06-01T23:59:59.999', '2025-06-01T22:59:59.999Z'],
      ['2025-01-31T00:00:00.000', '2025-01-31T00:00:00.000Z'],
      ['2025-03-30T00:00:00.000', '2025-03-30T00:00:00.000Z'],
      ['2025-03-30T23:59:59.999', '2025-03-30T22:59:59.999Z'],
      ['2025-10-26T23:59:59.999', '2025-10-26T23:59:59.999Z'],
      ['2025-10-26T00:00:00.000', '2025-10-25T23:00:00.000Z'],
    ] as const)
      expect(ukMoment(local).toISOString(), local).toBe(moment);
  });
});
