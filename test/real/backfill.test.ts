/** Every published file through `backfill --file`; every figure against an independent reading of the file. */
import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import Papa from 'papaparse';
import { describe, expect, it } from 'vitest';
import type { BackfillReport } from '../../src/backfill.js';
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
