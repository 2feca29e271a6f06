import Papa from 'papaparse';
import { describe, expect, it } from 'vitest';
import { attendanceFile, composedReleases, persistentAbsenceFile, type ReleaseFile } from '../../demo/index.js';
import { splitWithin } from '../../demo/composed/split.js';
import { PublishedState } from '../../demo/stand-in/state.js';
import { AUTHORITIES } from '../../src/domain/authorities.js';
import { printed } from '../../src/domain/decimal.js';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';

type Row = Record<string, string>;

const state = new PublishedState(() => new Date('2026-04-01T00:00:00Z'));
const steps = composedReleases();
const filesAfter = new Map<string, ReleaseFile[]>();
for (const step of steps) {
  step.apply(state);
  const newest = state.publications.flatMap(({ releases }) => releases).sort((a, b) => +b.updatedAt - +a.updatedAt)[0];
  filesAfter.set(
    step.id,
    (newest?.files ?? []).map((file) => ({ ...file })),
  );
}

function parsed(csv: string): Row[] {
  return Papa.parse<Row>(csv, { header: true, skipEmptyLines: true }).data;
}

async function rowsOf(step: string, title: RegExp): Promise<Row[]> {
  const file = filesAfter.get(step)?.find((each) => title.test(each.title));
  if (!file) throw new Error(`${step} has no file ${String(title)}`);
  return parsed((await buffer(file.content.open())).toString());
}

const number = (row: Row, column: string): number => Number(row[column]);

function only(rows: Row[], wanted: Row): Row {
  const found = rows.filter((row) => Object.entries(wanted).every(([column, value]) => row[column] === value));
  expect(found, JSON.stringify(wanted)).toHaveLength(1);
  return found[0] ?? {};
}

const STORY = 'autumn-and-spring-2024-25';
const TERMS = await rowsOf(STORY, /geographic level/);
const GROUPS = await rowsOf(STORY, /characteristics/);

describe('the figures of the story', () => {
  const area = (code: string, year: string): Row =>
    only(TERMS, {
      time_period: year,
      time_identifier: 'Autumn and spring term',
      education_phase: 'Total',
      old_la_code: code,
      ...(code === '' ? { geographic_level: 'National' } : {}),
    });
  const rate = (row: Row, measure: 10 | 50): string => row[`enrolments_pa_${measure}_exact_percent`] ?? '';

  it('has 6,569 persistently absent pupils in Luton, 17.3% from 18.0%', () => {
    expect(area('821', '202425')['enrolments_pa_10_exact']).toBe('6569');
    expect(printed(rate(area('821', '202425'), 10))).toBe('17.3');
    expect(printed(rate(area('821', '202324'), 10))).toBe('18.0');
    expect(area('821', '202425')['region_name']).toBe('East of England');
  });

  it('has 1.5% severe absence in Luton, unchanged as printed but not in truth', () => {
    expect(printed(rate(area('821', '202425'), 50))).toBe('1.5');
    expect(printed(rate(area('821', '202324'), 50))).toBe('1.5');
    expect(rate(area('821', '202425'), 50)).not.toBe(rate(area('821', '202324'), 50));
  });

  it('has England at 17.6% from 19.2% and 2.3% from 2.1%, the rise in severe absence slowing', () => {
    expect(printed(rate(area('', '202425'), 10))).toBe('17.6');
    expect(printed(rate(area('', '202324'), 10))).toBe('19.2');
    const severe = ['202122', '202223', '202324', '202425'].map((year) => Number(rate(area('', year), 50)));
    expect(severe.map((each) => printed(each)).slice(2)).toEqual(['2.1', '2.3']);
    const rises = severe.slice(1).map((each, at) => each - (severe[at] ?? 0));
    expect(rises[0]).toBeGreaterThan(rises[1] ?? 0);
    expect(rises[1]).toBeGreaterThan(rises[2] ?? 0);
    expect(rises[2]).toBeGreaterThan(0);
  });

  it('has pupils with an education, health and care plan in England at 7.3% from 6.6%', () => {
    const plan = (year: string): Row =>
      only(GROUPS, { time_period: year, geographic_level: 'National', breakdown: 'EHC plan' });
    expect(printed(rate(plan('202425'), 50))).toBe('7.3');
    expect(printed(rate(plan('202324'), 50))).toBe('6.6');
  });

  it('rounds no difference of the story against the two figures beside it', () => {
    const pairs = [
      [area('821', '202425'), area('821', '202324'), 10],
      [area('', '202425'), area('', '202324'), 10],
      [area('', '202425'), area('', '202324'), 50],
      [area('', '202324'), area('', '202223'), 50],
    ] as const;
    for (const [now, before, measure] of pairs) {
      const difference = Number(rate(now, measure)) - Number(rate(before, measure));
      const asPrinted = Number(printed(rate(now, measure))) - Number(printed(rate(before, measure)));
      expect(printed(difference)).toBe(printed(asPrinted.toFixed(6)));
    }
  });

  it('is left alone by the correction of another authority, which changes England by less than is printed', async () => {
    const corrected = await rowsOf('correction', /geographic level/);
    const differing = corrected.filter((row, at) => JSON.stringify(row) !== JSON.stringify(TERMS[at]));
    expect(
      differing.map((row) => `${row['la_name'] ?? ''}|${row['region_name'] ?? ''}|${row['education_phase'] ?? ''}`),
    ).toEqual([
      '||Total',
      '||State-funded secondary',
      '|East of England|Total',
      '|East of England|State-funded secondary',
      'Thurrock|East of England|Total',
      'Thurrock|East of England|State-funded secondary',
    ]);
    const england = only(corrected, { time_period: '202425', geographic_level: 'National', education_phase: 'Total' });
    expect(printed(rate(england, 10))).toBe('17.6');
    expect(printed(rate(england, 50))).toBe('2.3');
  });
});

const COUNTS = [
  'enrolments',
  'enrolments_pa_10_exact',
  'enrolments_pa_50_exact',
  'sess_possible',
  'sess_overall',
  'sess_authorised',
  'sess_unauthorised',
];

describe.each([
  ['full-year-2022-23', 'school_type', 'halves'],
  ['autumn-and-spring-2023-24', 'school_type', 'halves'],
  ['autumn-2024-25', 'education_phase', 'whole'],
  ['correction', 'education_phase', 'whole'],
  ['full-year-2024-25', 'education_phase', 'whole'],
] as const)('the rates by geographic level of %s', (step, phaseColumn, london) => {
  const rows = rowsOf(step, /geographic level/);

  it('add up: phases to totals, authorities to regions to England', async () => {
    const sums = new Map<string, number>();
    const add = (key: string, row: Row): void => {
      for (const column of COUNTS)
        sums.set(`${key} ${column}`, (sums.get(`${key} ${column}`) ?? 0) + number(row, column));
    };
    const totals: { key: string; row: Row }[] = [];
    for (const row of await rows) {
      const phase = row[phaseColumn] ?? '';
      const place = `${row['geographic_level'] ?? ''}${row['region_name'] ?? ''}${row['old_la_code'] ?? ''}`;
      const time = row['time_period'] ?? '';
      if (phase === 'Total') totals.push({ key: `phases ${time} ${place}`, row });
      else add(`phases ${time} ${place}`, row);
      if (row['geographic_level'] === 'Local authority') {
        add(`region ${time} ${phase} ${row['region_name'] ?? ''}`, row);
        add(`england ${time} ${phase}`, row);
      } else if (row['geographic_level'] === 'National') totals.push({ key: `england ${time} ${phase}`, row });
      else if (london === 'halves' && row['region_code'] === 'E12000007') continue;
      else totals.push({ key: `region ${time} ${phase} ${row['region_name'] ?? ''}`, row });
    }
    expect(totals.length).toBeGreaterThan(100);
    for (const { key, row } of totals)
      for (const column of COUNTS) expect(sums.get(`${key} ${column}`), `${key} ${column}`).toBe(number(row, column));
  });

  it('have rates that are their counts divided, and severe absentees among the persistent ones', async () => {
    const rates = [
      ['enrolments_pa_10_exact_percent', 'enrolments_pa_10_exact', 'enrolments'],
      ['enrolments_pa_50_exact_percent', 'enrolments_pa_50_exact', 'enrolments'],
      ['sess_overall_percent', 'sess_overall', 'sess_possible'],
      ['sess_authorised_percent', 'sess_authorised', 'sess_possible'],
      ['sess_unauthorised_percent', 'sess_unauthorised', 'sess_possible'],
    ] as const;
    let worst = 0;
    for (const row of await rows) {
      for (const [rate, count, base] of rates)
        worst = Math.max(worst, Math.abs(number(row, rate) - (100 * number(row, count)) / number(row, base)));
      const [severe, persistent, all] = [50, 10, 0].map((measure) =>
        number(row, measure === 0 ? 'enrolments' : `enrolments_pa_${measure}_exact`),
      );
      expect((severe ?? NaN) <= (persistent ?? NaN) && (persistent ?? NaN) <= (all ?? NaN), JSON.stringify(row)).toBe(
        true,
      );
    }
    expect(worst).toBeLessThan(0.0000051);
  });

  it('have each authority that existed in the year once, England and nine regions', async () => {
    const year = (await rows)[0]?.['time_period'] ?? '';
    const newest = (await rows).filter((row) => row['time_period'] === year && row[phaseColumn] === 'Total');
    const codes = newest.flatMap((row) => row['old_la_code'] || []);
    expect(new Set(codes).size).toBe(codes.length);
    const firstDay = `${year.slice(0, 4)}-09-01`;
    const existing = AUTHORITIES.filter(
      ({ opened, closed }) => (opened ?? '') <= firstDay && (closed ?? '9') > firstDay,
    );
    expect(codes.sort()).toEqual(existing.map(({ oldLaCode }) => oldLaCode).sort());
    expect(newest.filter((row) => row['geographic_level'] === 'Regional')).toHaveLength(london === 'whole' ? 9 : 11);
    expect(newest.filter((row) => row['geographic_level'] === 'National')).toHaveLength(1);
  });

  it('move the enrolments of an authority by less than a quarter in a year', async () => {
    const enrolments = new Map<string, number>();
    for (const row of await rows)
      if (row[phaseColumn] === 'Total' && row['old_la_code'])
        enrolments.set(`${row['old_la_code']} ${(row['time_period'] ?? '').slice(0, 4)}`, number(row, 'enrolments'));
    for (const [key, count] of enrolments) {
      const [code = '', year] = key.split(' ');
      const before = enrolments.get(`${code} ${Number(year) - 1}`);
      if (before !== undefined) expect(Math.abs(count / before - 1), key).toBeLessThan(0.25);
    }
  });
});

describe('the groups', () => {
  it('add up to all pupils of each area, and areas to England', () => {
    const totals = GROUPS.filter((row) => row['education_phase'] === 'Total' && row['breakdown_topic'] === 'Total');
    expect(totals.length).toBeGreaterThan(900);
    const sums = new Map<string, number>();
    for (const row of GROUPS) {
      if (row['breakdown_topic'] === 'Total') continue;
      const place = `${row['time_period'] ?? ''}${row['region_name'] ?? ''}${row['old_la_code'] ?? ''}`;
      for (const column of COUNTS) {
        const key = `${place} ${row['breakdown_topic'] ?? ''} ${column}`;
        sums.set(key, (sums.get(key) ?? 0) + number(row, column));
      }
      const [severe, persistent] = [number(row, 'enrolments_pa_50_exact'), number(row, 'enrolments_pa_10_exact')];
      expect(severe <= persistent && persistent <= number(row, 'enrolments'), JSON.stringify(row)).toBe(true);
    }
    for (const row of totals)
      for (const topic of ['SEN provision', 'FSM eligibility'])
        for (const column of COUNTS) {
          const key = `${row['time_period'] ?? ''}${row['region_name'] ?? ''}${row['old_la_code'] ?? ''} ${topic} ${column}`;
          expect(sums.get(key), key).toBe(number(row, column));
        }
  });

  it('are published for authorities too', () => {
    const row = only(GROUPS, { time_period: '202425', la_name: 'Luton', breakdown: 'EHC plan' });
    expect(number(row, 'enrolments')).toBeGreaterThan(1_000);
  });
});

describe('the other layouts', () => {
  it('tell the same figures in the long shape as in the wide one', async () => {
    const wide = await rowsOf('full-year-2024-25', /geographic level/);
    const long = await rowsOf('full-year-2024-25', /persistent and severe/);
    expect(long).toHaveLength(3 * wide.length);
    wide.forEach((row, at) => {
      const [all, persistent, severe] = long.slice(3 * at, 3 * at + 3);
      expect([all?.['enrolment_count'], all?.['enrolment_percent']]).toEqual([row['enrolments'], 'z']);
      expect(persistent?.['enrolment_percent']).toBe(row['enrolments_pa_10_exact_percent']);
      expect(severe?.['enrolment_count']).toBe(row['enrolments_pa_50_exact']);
    });
  });

  it('have quoted headers and the time identifier last in the year to date', () => {
    const header = attendanceFile({ startYear: 2024, week: 30 }).split('\n')[0] ?? '';
    expect(header).toMatch(/^"time_period","geographic_level",.*,"pa_perc","time_identifier"$/);
    expect(attendanceFile({ startYear: 2025, week: 40 }, false).split('\n')[0]).not.toContain('pa_perc');
  });

  it('have no row for all schools of an authority in attendance before 2025/26, and one since', () => {
    const lutons = (startYear: number): string[] =>
      parsed(attendanceFile({ startYear, week: 30 }))
        .filter((row) => row['la_name'] === 'Luton')
        .map((row) => row['school_type'] ?? row['education_phase'] ?? '');
    expect(lutons(2024)).toEqual(['Primary', 'Secondary', 'Special']);
    expect(lutons(2025)).toEqual(['Total', 'Primary', 'Secondary', 'Special']);
  });

  it('have a running rate a week in the persistent-absence data set', () => {
    const rows = parsed(persistentAbsenceFile(2024, [30, 8]));
    const england = rows.filter(
      (row) => row['geographic_level'] === 'National' && row['education_phase'] === 'All schools',
    );
    expect(england.map((row) => row['time_identifier'])).toEqual(['Week 30', 'Week 8']);
    expect(england.every((row) => row['time_frame'] === 'Year to date' && row['time_period'] === '2025')).toBe(true);
  });
});

describe('the releases', () => {
  it('come in order of time and say COMPOSED in every summary', () => {
    const times = steps.map(({ at }) => at);
    expect([...times].sort()).toEqual(times);
    const summaries = [...filesAfter.values()].flat().map(({ summary }) => summary);
    expect(summaries.length).toBeGreaterThan(10);
    expect(summaries.filter((each) => !each.startsWith('COMPOSED'))).toEqual([]);
  });

  it('are the same each time, ids and figures', async () => {
    const compose = async (): Promise<unknown> => {
      const anew = new PublishedState(() => new Date('2026-04-01T00:00:00Z'));
      composedReleases()
        .find(({ id }) => id === 'attendance-2025-week-30')
        ?.apply(anew);
      const releases = anew.publications.flatMap((each) => each.releases);
      const files = releases.flatMap((each) => each.files);
      return [releases.map((each) => each.versionIds), await Promise.all(files.map(({ content }) => content.md5()))];
    };
    expect(await compose()).toEqual(await compose());
  });
});

describe('splitWithin', () => {
  it('gives whole parts that add up and keep their caps', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ weight: fc.double({ min: 0.001, max: 1_000, noNaN: true }), cap: fc.nat(500) }), {
          minLength: 1,
        }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (parts, share) => {
          const caps = parts.map(({ cap }) => cap);
          const total = Math.floor(caps.reduce((so, cap) => so + cap, 0) * share);
          const given = splitWithin(
            total,
            parts.map(({ weight }) => weight),
            caps,
          );
          expect(given.reduce((so, part) => so + part, 0)).toBe(total);
          given.forEach((part, at) => {
            expect(Number.isInteger(part) && part >= 0 && part <= (caps[at] ?? -1)).toBe(true);
          });
        },
      ),
    );
  });

  it('refuses what does not fit', () => {
    expect(() => splitWithin(11, [1, 1], [5, 5])).toThrow(/does not fit/);
  });
});
