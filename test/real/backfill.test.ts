/** Every published file through `backfill --file`; every figure against an independent reading of the file. */
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import Papa from 'papaparse';
import { describe, expect, it } from 'vitest';
import type { BackfillReport } from '../../src/backfill.js';
import type { FigureDifference } from '../../src/load/differences.js';
import { freshProgram, type Program } from '../support/program.js';
import { HAS_REAL_DATA, realFile, WITH_REAL_DATA } from '../support/real-data.js';

const ABSENCE = 'pupil-absence-in-schools-in-england';
const ATTENDANCE = 'pupil-attendance-in-schools';
const THE_SCHOOL_FILE = '2018-19_absence_3term_nat_reg_la_school.rewritten.csv.gz';

/** What each file gives that does not simply load. */
const NOT_LOADED: Readonly<Record<string, RegExp>> = {
  '2022-23_4_absence_2term_pru.csv': /no column for the school type/,
};

function filesOf(folder: string): string[] {
  return HAS_REAL_DATA
    ? readdirSync(realFile(folder)).filter(
        (name) => /\.csv(\.gz)?$/.test(name) && !name.endsWith('.meta.csv') && name !== THE_SCHOOL_FILE,
      )
    : [];
}

/** Rows of a file as papaparse reads them. */
function independently(path: string): Record<string, string>[] {
  const bytes = readFileSync(path);
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8').replace(/^\uFEFF/, '');
  return Papa.parse<Record<string, string>>(text, { header: true, skipEmptyLines: true }).data;
}

/** Which columns of the files of pupil referral units hold which figure. */
const PRU_FIGURES = {
  enrolments: /^enrolments$/,
  persistent_absentees: /^enrolments_pa_?10_exact$/,
  persistent_absence_rate: /^enrolments_pa_?10_exact_percent$/,
  overall_absence_rate: /^sess_overall_percent$/,
  authorised_absence_rate: /^sess_authorised_percent$/,
  unauthorised_absence_rate: /^sess_unauthorised_percent$/,
};

/** Every figure of such a file: '201617 Luton enrolments' to the cell as published. */
function figuresOf(path: string): Map<string, string> {
  return new Map(
    independently(path).flatMap((row) =>
      Object.entries(row).flatMap(([column, cell]) =>
        Object.entries(PRU_FIGURES)
          .filter(([, named]) => named.test(column))
          .map(([measure]): [string, string] => {
            const code = row['old_la_code'] ?? '';
            const place = /^[1-9]\d\d$/.test(code) ? code : row['region_name'] || 'England';
            return [`${row['time_period'] ?? ''} ${place.toLowerCase()} ${measure}`, cell];
          }),
      ),
    ),
  );
}

/** 'changed 201617 821 enrolments: 180 → c' for each figure that two files do not share. */
function figureChanges(before: Map<string, string>, after: Map<string, string>): string[] {
  const number = (cell: string | undefined): string =>
    cell === undefined ? 'none' : /^-?\d/.test(cell) ? String(Number(cell)) : cell;
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((key) => {
    const [from, to] = [number(before.get(key)), number(after.get(key))];
    const change = !before.has(key) ? 'added' : !after.has(key) ? 'gone' : from === to ? undefined : 'changed';
    return change === undefined ? [] : [`${change} ${key}: ${from} → ${to}`];
  });
}

function inWords({ change, measure, from, to, ...row }: FigureDifference): string {
  const place = row.old_la_code ?? row.area_name.toLowerCase();
  return `${change} ${row.time_period} ${place} ${measure}: ${from ?? 'none'} → ${to ?? 'none'}`;
}

async function load(program: Program, path: string, publication: string, release: string, ...more: string[]) {
  const said = await program.run(
    'backfill',
    '--file',
    path,
    '--publication',
    publication,
    '--release',
    release,
    '--json',
    ...more,
  );
  return { said, report: said.json() as BackfillReport };
}

describe.skipIf(!HAS_REAL_DATA)(`published files${WITH_REAL_DATA}`, () => {
  it('each loads whole, or is held back with the reason', async () => {
    const program = await freshProgram();
    const outcomes: Record<string, string> = {};
    for (const [folder, publication] of [
      ['absence', ABSENCE],
      ['attendance', ATTENDANCE],
      ['attendance/stream', ATTENDANCE],
    ] as const)
      for (const name of filesOf(folder)) {
        const { said, report } = await load(
          program,
          realFile(`${folder}/${name}`),
          publication,
          // A label that says nothing of school types, as the name of the file may.
          `Release ${Object.keys(outcomes).length + 1}`,
        );
        const [file] = report.files;
        outcomes[name] = file?.outcome ?? 'none';
        const why = NOT_LOADED[name];
        if (why === undefined) {
          expect(`${name}: ${file?.outcome ?? ''} ${file?.reason ?? ''}`).toBe(`${name}: loaded `);
          expect(said.code).toBe(0);
          expect(file?.rows).toBeGreaterThan(0);
        } else {
          expect(file?.reason).toMatch(why);
          expect(said.code).toBe(3);
          expect(file?.rows).toBe(0);
        }
      }
    expect(Object.keys(outcomes).length).toBeGreaterThan(20);
    // None is half loaded: what is on record as a number of rows is there.
    const { Pool } = (await import('pg')).default;
    const pool = new Pool({ connectionString: program.env['DATABASE_URL'] });
    try {
      const { rows } = await pool.query<{ told: string; there: string }>(
        `select (select sum(rows) from ${program.schema}.data_set_version) as told, (select count(*) from ${program.schema}.figure) as there`,
      );
      expect(rows[0]?.there).toBe(rows[0]?.told);
    } finally {
      await pool.end();
    }
  });

  it('a column that is not read, more or less, lets no damaged table through, under the same label or another', async () => {
    const program = await freshProgram();
    const all = independently(realFile('absence/2016-23_fullyear_pa_severe_nat_reg_la.computed.csv'));
    const year = (period: string): Record<string, string>[] => all.filter((row) => row['time_period'] === period);
    const isEngland = (row: Record<string, string>): boolean => row['geographic_level'] === 'National';
    const isSecondAuthority = (row: Record<string, string>): boolean =>
      row['geographic_level'] === 'Local authority' && Number(row['old_la_code']) % 2 === 0;
    const half = (row: Record<string, string>): Record<string, string> => {
      const [enrolments, persistent, severe] = ['enrolments', 'enrolments_pa_10_exact', 'enrolments_pa_50_exact'].map(
        (column) => Math.floor(Number(row[column]) / 2),
      );
      const percent = (count = 0): string => ((100 * count) / (enrolments ?? 0)).toFixed(5);
      return {
        ...row,
        ...{ enrolments: String(enrolments), enrolments_pa_10_exact: String(persistent) },
        ...{ enrolments_pa_50_exact: String(severe), enrolments_pa_10_exact_percent: percent(persistent) },
        enrolments_pa_50_exact_percent: percent(severe),
      };
    };
    const without = (row: Record<string, string>, ...columns: string[]): Record<string, string> =>
      Object.fromEntries(Object.entries(row).filter(([column]) => !columns.includes(column)));
    const asFraction = (row: Record<string, string>): Record<string, string> => ({
      ...without(row, 'enrolments_pa_10_exact', 'enrolments_pa_50_exact'),
      enrolments_pa_50_exact_percent: (Number(row['enrolments_pa_50_exact_percent']) / 100).toFixed(6),
    });
    const more = (rows: readonly Record<string, string>[]): Record<string, string>[] =>
      rows.map((row) => ({ ...row, num_schools: '5' }));
    const given = async (rows: readonly Record<string, string>[], label: string, at: string, ...rest: string[]) => {
      const path = join(program.directory, 'given.csv');
      await writeFile(path, Papa.unparse([...rows]));
      const { report } = await load(program, path, ABSENCE, label, '--published-at', at, ...rest);
      const [file] = report.files;
      return [
        file?.outcome,
        ...(file?.gates ?? []).filter(({ verdict }) => verdict === 'quarantine').map((g) => g.gate),
      ];
    };
    const held = async (rows: readonly Record<string, string>[], label: string) =>
      given(rows, label, label === 'Year' ? '2023-04-01' : '2024-03-01', '--dry-run');

    expect(await given(year('202122'), 'Year', '2023-03-01')).toEqual(['loaded']);
    for (const [period, label] of [
      ['202122', 'Year'],
      ['202223', 'Next year'],
    ] as const) {
      const rows = year(period);
      expect(await held(more(rows), label)).toEqual(['loaded']);
      const cut = rows.filter((row) => !isEngland(row));
      expect(await held(more(cut), label)).toEqual(['quarantined', 'England and regions']);
      const few = rows.filter((row) => !isSecondAuthority(row));
      expect(await held(more(few), label)).toEqual(expect.arrayContaining(['quarantined', 'authorities']));
      expect(await held(more(rows.map(half)), label)).toEqual(expect.arrayContaining(['quarantined', 'enrolments']));
      expect(await held(rows.map(asFraction), label)).toEqual(
        expect.arrayContaining(['quarantined', 'rates are percent']),
      );
    }
    const less = year('202223').map((row) => without(row, 'enrolments_pa_50_exact'));
    expect(await held(less, 'Next year'), 'a measure less').toEqual(['loaded']);
  });

  it('where columns of one label change and change back, each file is held against the one published before it', async () => {
    const program = await freshProgram();
    const year = independently(realFile('absence/2016-23_fullyear_pa_severe_nat_reg_la.computed.csv')).filter(
      (row) => row['time_period'] === '202223',
    );
    const codes = year.flatMap((row) => (row['geographic_level'] === 'Local authority' ? [row['old_la_code']] : []));
    const without = (count: number): Record<string, string>[] => {
      const left = new Set([...new Set(codes)].slice(0, count));
      return year.filter((row) => !left.has(row['old_la_code']));
    };
    const renamed = (rows: readonly Record<string, string>[]): Record<string, string>[] =>
      rows.map(({ school_type: type = '', ...row }) => ({ ...row, education_phase: type }));
    const given = async (rows: readonly Record<string, string>[], day: number, ...rest: string[]) => {
      const path = join(program.directory, 'given.csv');
      await writeFile(path, Papa.unparse([...rows]));
      const at = `2024-03-0${day}`;
      const { report } = await load(program, path, ABSENCE, 'L', '--published-at', at, ...rest);
      const [file] = report.files;
      return [
        file?.outcome,
        ...(file?.gates ?? []).filter(({ verdict }) => verdict === 'quarantine').map((g) => g.gate),
      ];
    };
    // 'authorities add up' warns or holds where some are left out; that is not the question.
    const accept = ['--accept', 'authorities add up', '--reason', 'left out for a test'];
    expect((await given(without(3), 1, ...accept))[0]).toBe('loaded');
    expect(await given(renamed(year), 2)).toEqual(['loaded']);
    for (const rows of [without(5), renamed(without(5))])
      expect(await given(rows, 3, '--dry-run')).toEqual(expect.arrayContaining(['quarantined', 'authorities']));
    const noEngland = year.filter((row) => row['geographic_level'] !== 'National');
    expect(await given(noEngland, 3, '--dry-run')).toEqual(['quarantined', 'England and regions']);
  });

  it('running totals of two years under one label are each held against the file before; what leaves the view is gone', async () => {
    const program = await freshProgram();
    const names = filesOf('attendance/stream').sort((a, b) => a.slice(-12).localeCompare(b.slice(-12)));
    expect(names).toHaveLength(13);
    let before: Record<string, string>[] = [];
    for (const name of names) {
      const path = realFile(`attendance/stream/${name}`);
      const at = name.slice(-12, -4).replace(/^(....)(..)(..)$/, '$1-$2-$3T09:30:00Z');
      const { report } = await load(program, path, ATTENDANCE, 'YTD', '--published-at', at);
      const [file] = report.files;
      expect(`${name} ${file?.outcome ?? ''} ${file?.reason ?? ''}`).toBe(`${name} loaded `);
      const rows = independently(path);
      const said = file?.gates.find(({ gate }) => gate === 'rows');
      if (said?.verdict === 'warn') {
        expect(said.message).toContain(`${rows.length} rows for`);
        expect(said.message).toContain(`${before.length} for`);
      }
      const isOff = before.length > 0 && Math.abs(rows.length - before.length) > before.length / 10;
      expect(`${name} ${said?.verdict ?? 'pass'}`).toBe(`${name} ${isOff ? 'warn' : 'pass'}`);
      const isNewYear = before.length > 0 && before[0]?.['time_period'] !== rows[0]?.['time_period'];
      if (isNewYear) {
        const figures = Object.values(ATTENDED).filter((column) => column in (before[0] ?? {}));
        expect(file?.diff).toMatchObject({ gone: before.length * figures.length, changed: 0 });
      } else if (before.length > 0) expect(file?.diff?.gone).toBe(0);
      before = rows;
    }
  });

  it('a file of another table under the same label loads, and what it takes out of the view is told with what to do', async () => {
    const program = await freshProgram();
    const written = async (name: string, rows: readonly Record<string, string>[]): Promise<string> => {
      await writeFile(join(program.directory, name), Papa.unparse([...rows]));
      return join(program.directory, name);
    };
    const widened = (path: string, more: Record<string, string>): Record<string, string>[] =>
      independently(realFile(path)).map((row) => ({ ...row, ...more }));
    const severe = 'absence/2016-23_fullyear_pa_severe_nat_reg_la.computed.csv';
    const weekly = 'attendance/2025-26_attendance_weekly_20251120.csv';
    const cases = [
      [ABSENCE, 'absence/2016-17_absence_by_term.csv', realFile('absence/2016-17_absence_in_prus.csv')],
      [ABSENCE, severe, await written('boys.csv', widened(severe, { gender: 'Male' }))],
      [ATTENDANCE, weekly, await written('to-date.csv', widened(weekly, { time_frame: 'Year to date' }))],
    ] as const;
    const told: string[] = [];
    for (const [at, [publication, first, second]] of cases.entries()) {
      const label = `Label ${at}`;
      const meta = first.includes('by_term') ? ['--meta', realFile(first.replace('.csv', '.meta.csv'))] : [];
      const before = await load(program, realFile(first), publication, label, '--published-at', '2026-03-22', ...meta);
      expect(before.report.files[0]?.gates).toEqual([]);
      const { said, report } = await load(program, second, publication, label, '--published-at', '2026-03-23');
      const [file] = report.files;
      expect([said.code, file?.outcome, file?.diff?.gone === 0]).toEqual([0, 'loaded', false]);
      told.push(...(file?.gates ?? []).map(({ gate, verdict, message }) => `${gate}: ${verdict}: ${message}`));
    }
    const had = 'the version before in this release had it';
    const advice =
      'The next file under a label takes the place of the one before. If this is another data set, take it back ("versions remove") and load it under a label of its own';
    expect(told).toEqual([
      `rows: warn: nothing is left of absence/autumn-term, absence/spring-term, absence/summer-term; ${had}; nothing is left of "Special", "State-funded primary", "State-funded secondary", "Academic year 2012/13" of absence/academic-year; ${had}. ${advice}`,
      `rows: warn: nothing is left of "Total", "Special", "State-funded primary", "State-funded secondary" of absence/academic-year; ${had}. ${advice}`,
      `rows: warn: nothing is left of attendance/week; ${had}. ${advice}`,
    ]);
  });

  it('England and regions that are gone from single weeks are missed, and holidays are not', async () => {
    const program = await freshProgram();
    const path = realFile('attendance/2025-26_attendance_weekly_20251120.csv');
    const all = independently(path);
    type Row = Record<string, string>;
    const isEngland = (row: Row): boolean => row['geographic_level'] === 'National';
    const isLondon = (row: Row): boolean => row['geographic_level'] === 'Regional' && row['region_name'] === 'London';
    const weekOf = (row: Row): number => Number(row['time_identifier']?.replace('Week ', ''));
    const after = (week: number, rows: readonly Row[] = all): Row[] =>
      rows.filter((row) => weekOf(row) === 45).map((row) => ({ ...row, time_identifier: `Week ${week}` }));
    const given = async (rows: readonly Row[], label = 'L', ...more: string[]): Promise<string[]> => {
      const altered = join(program.directory, 'altered.csv');
      await writeFile(altered, Papa.unparse([...rows]));
      const at = ['--published-at', '2025-12-04', ...more];
      const [file] = (await load(program, altered, ATTENDANCE, label, ...at)).report.files;
      const held = (file?.gates ?? []).filter(({ verdict }) => verdict === 'quarantine');
      return held.map(({ gate, message }) => `${gate}: ${message}`);
    };
    const without = (gone: (row: Row) => boolean, rows: readonly Row[] = all): Row[] =>
      rows.filter((row) => !gone(row));
    const cases: [rows: Row[], found: RegExp][] = [
      [
        without((row) => isEngland(row) && weekOf(row) === 45),
        /England is missing from attendance.week, Week 45 2025;/,
      ],
      [
        without((row) => isEngland(row) && weekOf(row) === 45 && row['education_phase'] === 'Total'),
        /England is missing from attendance.week, Week 45 2025 \(rows of all schools and all pupils\);/,
      ],
      [
        without((row) => isLondon(row) && weekOf(row) >= 38),
        /region E12000007 is missing from attendance.week, Week 38 2025, Week 39 2025, .*, Week 43 2025, Week 45 2025;/,
      ],
      [[...all, ...without(isEngland, after(46))], /England is missing from attendance.week, Week 46 2025;/],
      [[...all, ...without(isLondon, after(46))], /region E12000007 is missing from attendance.week, Week 46 2025;/],
    ];
    // A first file is held against its own weeks, a later one against the version before, too.
    const told: string[][] = [];
    for (const [rows] of cases) told.push(await given(rows, 'Other', '--dry-run'));
    const published = await load(program, path, ATTENDANCE, 'L', '--published-at', '2025-11-20');
    expect(published.report.files[0]?.gates).toEqual([]);
    for (const [rows] of cases) told.push(await given(rows, 'L', '--dry-run'));
    for (const [at, found] of [...cases, ...cases].map(([, each]) => each).entries())
      expect(told[at]).toEqual([expect.stringMatching(found)]);
    const london = (row: Row): boolean => row['region_name'] === 'London';
    expect(
      await given(
        without((row) => london(row) && weekOf(row) === 45),
        'L',
        '--dry-run',
      ),
      'with its boroughs',
    ).toEqual([
      expect.stringMatching(/region E12000007 is missing from attendance.week, Week 45 2025; the last release had it/),
    ]);
    const holiday = after(46, all).filter((row) => row['geographic_level'] === 'Local authority' && !london(row));
    expect(await given([...all, ...holiday.filter((row) => Number(row['old_la_code']) % 3 === 0)]), 'holidays').toEqual(
      [],
    );
    expect(await given([...all, ...after(46), ...after(47)])).toEqual([]);
  });

  it('the pupil referral units of 2022/23 load as alternative provision when said so, never as Total', async () => {
    const program = await freshProgram();
    const path = realFile('absence/2022-23_4_absence_2term_pru.csv');
    const { report } = await load(program, path, ABSENCE, 'PRU', '--school-type', 'Pupil referral unit');
    expect(report.files[0]?.outcome).toBe('loaded');
    const total = await program.run('series', '--area', 'Wirral', '--json');
    expect(total.json()).toEqual([]);
    const said = await program.run(
      'series',
      '--area',
      'Wirral',
      '--school-type',
      'Alternative provision',
      '--measure',
      'severe_absence_rate',
      '--json',
    );
    const rows = said.json() as {
      severe_absence_rate: number | null;
      time_period: string;
      symbols: Record<string, string>;
    }[];
    const own = independently(path).filter((row) => row['la_name'] === 'Wirral');
    expect(rows.length).toBe(own.length);
    for (const row of rows) {
      const cell =
        own.find((each) => each['time_period'] === row.time_period)?.['enrolments_pa_50_exact_percent'] ?? '';
      expect(row.severe_absence_rate ?? row.symbols['severe_absence_rate']).toBe(
        /^\d/.test(cell) ? Number(cell) : cell,
      );
    }
  });

  /** Columns of a file and of the view that say the same; school types as the view calls them. */
  const WIDE = {
    enrolments: 'enrolments',
    persistent_absentees: 'enrolments_pa_10_exact',
    persistent_absence_rate: 'enrolments_pa_10_exact_percent',
    severe_absentees: 'enrolments_pa_50_exact',
    severe_absence_rate: 'enrolments_pa_50_exact_percent',
    overall_absence_rate: 'sess_overall_percent',
    authorised_absence_rate: 'sess_authorised_percent',
    unauthorised_absence_rate: 'sess_unauthorised_percent',
  };
  const ATTENDED = {
    enrolments: 'enrolments',
    persistent_absence_rate: 'pa_perc',
    overall_absence_rate: 'overall_absence_perc',
    authorised_absence_rate: 'authorised_absence_perc',
    unauthorised_absence_rate: 'unauthorised_absence_perc',
  };
  const TYPES: Readonly<Record<string, string>> = {
    Primary: 'State-funded primary',
    Secondary: 'State-funded secondary',
  };

  it.each([
    ['absence/2018-19_absence_3term_nat_reg_la.rewritten.csv', ABSENCE, WIDE],
    ['absence/2016-23_fullyear_pa_severe_nat_reg_la.computed.csv', ABSENCE, WIDE],
    ['attendance/2024-25_attendance_ytd_20250807.csv', ATTENDANCE, ATTENDED],
    ['attendance/stream/2025-26_attendance_ytd_20260205.csv', ATTENDANCE, ATTENDED],
  ])('%s: every figure in the view is the one in the file', async (name, publication, columns) => {
    const program = await freshProgram();
    const { report } = await load(program, realFile(name), publication, name);
    const rows = independently(realFile(name));
    expect(report.files[0]).toMatchObject({ outcome: 'loaded', rows: rows.length });
    const { Pool } = (await import('pg')).default;
    const pool = new Pool({ connectionString: program.env['DATABASE_URL'] });
    try {
      const { rows: viewed } = await pool.query<
        Record<string, string | null> & { symbols: Record<string, string> | null }
      >(`select a.*, a.symbols from ${program.schema}.absence a`);
      expect(viewed.length).toBe(rows.length);
      const keyOf = (row: Record<string, unknown>): string =>
        [
          row['time_period'],
          row['geographic_level'],
          row['region_name'],
          row['old_la_code'],
          row['area_name'],
          row['school_type'],
        ]
          .join('|')
          .toLowerCase();
      const seen = new Map(
        viewed.map((row) => [
          `${String(row['time_period'])}|${String(row['geographic_level'])}|${row['geographic_level'] === 'Local authority' ? String(row['old_la_code']) : String(row['area_code'])}|${String(row['school_type'])}`,
          row,
        ]),
      );
      expect(seen.size).toBe(rows.length);
      for (const row of rows) {
        const level = row['geographic_level'] ?? '';
        const area =
          level === 'National' ? row['country_code'] : level === 'Regional' ? row['region_code'] : row['old_la_code'];
        const type = row['school_type'] ?? row['education_phase'] ?? '';
        const found = seen.get(`${row['time_period'] ?? ''}|${level}|${(area ?? '').trim()}|${TYPES[type] ?? type}`);
        expect(found, keyOf(row)).toBeDefined();
        for (const [column, source] of Object.entries(columns)) {
          const cell = (row[source] ?? '').trim();
          if (!(source in row)) {
            expect(found?.[column] ?? null).toBe(null);
            continue;
          }
          if (/^-?\d/.test(cell)) expect(Number(found?.[column])).toBe(Number(cell));
          else {
            expect(found?.[column]).toBe(null);
            expect(found?.symbols?.[column]).toBe(cell);
          }
        }
      }
    } finally {
      await pool.end();
    }
  });

  it('drafts and final of one file, and what is then altered in it, give the true diff, counted figure by figure', async () => {
    const program = await freshProgram();
    const [draft = '', final = ''] = ['_v1_first_commit', ''].map((which) =>
      realFile(`absence/2016-17_absence_in_prus${which}.csv`),
    );
    const altered = join(program.directory, 'altered.csv');
    const rows = Papa.parse<string[]>(readFileSync(final, 'utf8'), { skipEmptyLines: true }).data;
    const [header = []] = rows;
    const [hidden, dropped] = ['enrolments_pa_10_exact', 'sess_unauthorised_percent'].map((name) =>
      header.indexOf(name),
    );
    const isAuthority = (row: readonly string[]): boolean => /^\d{3}$/.test(row[header.indexOf('old_la_code')] ?? '');
    await writeFile(
      altered,
      Papa.unparse(
        rows
          .filter((row) => row[header.indexOf('time_period')] !== '201314' || !isAuthority(row))
          .map((row) => row.map((cell, at) => (at === hidden && isAuthority(row) ? 'c' : cell)))
          .map((row) => row.filter((_, at) => at !== dropped)),
      ),
    );
    const told = [];
    for (const [day, [before, after]] of [
      [draft, draft],
      [draft, final],
      [final, altered],
    ].entries()) {
      const accepted = ['authorities', 'measures'].flatMap((gate) => ['--accept', gate]);
      const at = `2018-03-0${day + 1}T09:30:00Z`;
      const { report } = await load(
        program,
        after ?? '',
        ABSENCE,
        'PRUs',
        ...['--published-at', at, ...accepted, '--reason', 'altered for a test'],
      );
      if (day === 0) continue;
      const [version] = (await program.run('versions', 'list', '--json')).json() as { id: number }[];
      const all = (await program.run('versions', 'diff', String(version?.id), '--json')).json() as FigureDifference[];
      const expected = figureChanges(figuresOf(before ?? ''), figuresOf(after ?? ''));
      expect(all.map(inWords).toSorted()).toEqual(expected.toSorted());
      const count = (change: string): number => expected.filter((each) => each.startsWith(change)).length;
      const counts = { added: count('added'), gone: count('gone'), changed: count('changed') };
      expect(report.files[0]?.diff).toMatchObject(counts);
      expect(report.files[0]?.diff?.sample).toHaveLength(Math.min(20, counts.changed));
      told.push(counts);
    }
    expect(told[0]).toEqual({ added: 0, gone: 0, changed: 0 });
    expect(told[1]?.gone).toBeGreaterThan(1000);
    expect(told[1]?.changed).toBeGreaterThan(400);
  });

  it('running totals load in any order: the autumn after January, which has what autumn files have not', async () => {
    const program = await freshProgram();
    const stream = filesOf('attendance/stream').filter((name) => name.startsWith('2025-26'));
    const days = stream.map((name) => name.slice(-12, -4)).sort();
    expect(days).toHaveLength(10);
    const january = '20260122';
    for (const day of [january, ...days.filter((each) => each !== january)]) {
      const { report } = await load(
        program,
        realFile(`attendance/stream/2025-26_attendance_ytd_${day}.csv`),
        ATTENDANCE,
        'YTD 2025/26',
        ...['--published-at', `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}T09:30:00Z`],
      );
      expect(report.files.map(({ outcome, reason }) => `${day} ${outcome} ${reason ?? ''}`)).toEqual([
        `${day} loaded `,
      ]);
    }
    const series = (await program.run('series', '--area', 'England', '--json')).json() as { as_of: string }[];
    expect(series.map((row) => row.as_of)).toEqual(['2026-02-05']);
  });

  it('a revision of a file is a second version with the true differences', async () => {
    const program = await freshProgram();
    const names = [
      'attendance/stream/2025-26_attendance_ytd_20260122.csv',
      'attendance/stream/2025-26_attendance_ytd_20260205.csv',
    ];
    for (const [index, name] of names.entries())
      await load(
        program,
        realFile(name),
        ATTENDANCE,
        'Year to date',
        '--published-at',
        ['2026-01-22T09:30:00Z', '2026-02-05T09:30:00Z'][index] ?? '',
      );
    const versions = (await program.run('versions', 'list', '--json')).json() as {
      data_set_version: string;
      is_current: boolean;
    }[];
    expect(versions.map((row) => [row.data_set_version, row.is_current])).toEqual([
      ['1.0.1', true],
      ['1.0.0', false],
    ]);
    const series = (await program.run('series', '--area', 'England', '--json')).json() as {
      as_of: string;
      persistent_absence_rate: number;
    }[];
    const own = independently(realFile(names[1] ?? '')).find(
      (row) => row['geographic_level'] === 'National' && row['education_phase'] === 'Total',
    );
    expect(series).toHaveLength(1);
    expect(series[0]).toMatchObject({ as_of: '2026-02-05', persistent_absence_rate: Number(own?.['pa_perc']) });
    const before = (await program.run('series', '--area', 'England', '--as-of', '2026-01-25', '--json')).json() as {
      as_of: string;
    }[];
    expect(before.map((row) => row.as_of)).toEqual(['2026-01-22']);
  });
});
