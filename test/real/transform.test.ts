/** Published files and fixtures of DfE's own tests, through reading, normalising and gates. */
import { createReadStream, existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { parse as parseStream } from 'csv-parse';
import Papa from 'papaparse';
import { describe, expect, it } from 'vitest';
import { symbolMeaning } from '../../src/domain/symbol.js';
import type { Observation } from '../../src/domain/figure.js';
import type { Measure } from '../../src/domain/measure.js';
import { openCsv } from '../../src/transform/csv.js';
import { NotOursError, TransformError } from '../../src/transform/error.js';
import { createGates, type LastRelease } from '../../src/transform/gates.js';
import { ABSENCE, ATTENDANCE, readObservations, readRecords } from '../transform/reading.js';

const DATA = process.env['EES_REAL_DATA'] ?? join(import.meta.dirname, '../../../shared/data');
const isHere = existsSync(DATA);

const filesOf = (folder: string): string[] =>
  isHere
    ? readdirSync(join(DATA, folder))
        .filter((name) => name.endsWith('.csv') && !name.endsWith('.meta.csv'))
        .map((name) => join(DATA, folder, name))
    : [];

const PUBLISHED = ['absence', 'attendance', 'attendance/stream'].flatMap(filesOf);
const SCHOOLS = join(DATA, 'absence/2018-19_absence_3term_nat_reg_la_school.rewritten.csv.gz');

/** A file of the attendance publication carries its day of publication in its name. */
function contextOf(path: string): Parameters<typeof readObservations>[1] {
  const [, year, month, day] = /_(\d{4})(\d\d)(\d\d)\.csv$/.exec(path) ?? [];
  return {
    file: basename(path),
    publication: path.includes('attendance') ? ATTENDANCE : ABSENCE,
    publishedAt: year === undefined ? '2025-10-16T08:30:00Z' : `${year}-${month ?? ''}-${day ?? ''}T09:30:00Z`,
    ...(path.endsWith('_pru.csv') ? { dataSetTitle: 'Absence in PRUs, autumn and spring terms' } : {}),
  };
}

function papaRows(path: string): { header: string[]; rows: string[][] } {
  const { data } = Papa.parse<string[]>(readFileSync(path, 'utf8').replace(/^\uFEFF/, ''), { skipEmptyLines: true });
  const [header = [], ...rows] = data;
  return { header: header.map((name) => name.toLowerCase()), rows };
}

/** Which columns hold which figure, written down apart from the product's table. */
const COLUMNS: Record<Measure, RegExp> = {
  enrolments: /^enrolments$/,
  persistent_absentees: /^enrolments_pa_?10_exact$/,
  persistent_absence_rate: /^(enrolments_pa_?10_exact_percent|pa_perc|persistent_absence_percent)$/,
  severe_absentees: /^enrolments_pa_50_exact$/,
  severe_absence_rate: /^enrolments_pa_50_exact_percent$/,
  overall_absence_rate: /^(sess_overall_percent|overall_absence_perc)$/,
  authorised_absence_rate: /^(sess_authorised_percent|authorised_absence_perc)$/,
  unauthorised_absence_rate: /^(sess_unauthorised_percent|unauthorised_absence_perc)$/,
};

function expectSameFigures(
  observations: readonly Observation[],
  header: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const columns = (Object.keys(COLUMNS) as Measure[]).flatMap((measure) => {
    const at = header.findIndex((name) => COLUMNS[measure].test(name));
    return at === -1 ? [] : [{ measure, at }];
  });
  expect(observations).toHaveLength(rows.length);
  observations.forEach((observation, index) => {
    const row = rows[index] ?? [];
    for (const { measure, at } of columns) {
      const published = row[at] ?? '';
      const value = observation.values[measure] ?? observation.symbols[measure];
      if (value !== published)
        throw new Error(`line ${observation.line}, ${measure}: "${value ?? ''}", in the file "${published}"`);
      if ((observation.values[measure] === null) !== (symbolMeaning(published) !== undefined))
        throw new Error(`line ${observation.line}: ${published}`);
    }
    expect(Object.keys(observation.values).length).toBe(columns.length);
  });
}

describe.skipIf(!isHere)('published files (skipped where EES_REAL_DATA or ../shared/data is absent)', () => {
  it.each(PUBLISHED.map((path) => [basename(path), path]))(
    '%s: every row as csv reads it, every figure as published, no gate holds it back',
    async (_, path) => {
      const { header, rows } = papaRows(path);
      const bytes = readFileSync(path);
      const read = await readRecords(bytes, { size: 5000 });
      expect(read.rows).toEqual(rows);

      const { observations } = await readObservations(bytes, contextOf(path));
      expectSameFigures(observations, header, rows);

      const gates = createGates();
      gates.observe(observations);
      expect(gates.verdicts().filter(({ verdict }) => verdict !== 'pass')).toEqual([]);
    },
  );

  it('the file of every school, row by row beside csv-parse', { timeout: 180_000 }, async () => {
    const ours = await openCsv(createReadStream(SCHOOLS).pipe(createGunzip()), { file: 'schools.csv' });
    const parser = createReadStream(SCHOOLS)
      .pipe(createGunzip())
      .pipe(parseStream({ from_line: 2 }));
    const theirs: AsyncIterator<string[]> = parser[Symbol.asyncIterator]();
    let rows = 0;
    for await (const batch of ours.batches()) {
      for (const row of batch.rows) {
        const next = await theirs.next();
        rows += 1;
        if (next.done === true || row.join('\u001f') !== next.value.join('\u001f'))
          throw new Error(`line ${rows + 1} differs`);
      }
    }
    expect((await theirs.next()).done).toBe(true);
    expect(rows).toBe(285_263);
  });

  it('an amended file passes the gates against its draft, and the stream of attendance against itself', async () => {
    for (const paths of [
      ['absence/2016-17_absence_in_prus_v1_first_commit.csv', 'absence/2016-17_absence_in_prus.csv'].map((name) =>
        join(DATA, name),
      ),
      [...filesOf('attendance').filter((path) => path.includes('_ytd_')), ...filesOf('attendance/stream')].sort(
        (a, b) => a.slice(-12).localeCompare(b.slice(-12)),
      ),
    ]) {
      let previous: LastRelease | undefined;
      for (const path of paths) {
        const gates = createGates({ previous: previous && [previous] });
        gates.observe((await readObservations(readFileSync(path), contextOf(path))).observations);
        const held = gates.verdicts().filter(({ verdict }) => verdict === 'quarantine');
        expect(held, basename(path)).toEqual([]);
        previous = {
          shape: JSON.parse(JSON.stringify(gates.shape())),
          likeness: 'same data set',
          isSameRelease: false,
        };
      }
    }
  });

  it('an altered count, or a third of the authorities gone, is held back', async () => {
    const path = join(DATA, 'absence/2016-23_fullyear_pa_severe_nat_reg_la.computed.csv');
    const { observations } = await readObservations(readFileSync(path), contextOf(path));
    const judge = (rows: readonly Observation[], shape?: unknown): string[] => {
      const gates = createGates({ previous: [{ shape, likeness: 'same data set', isSameRelease: false }] });
      gates.observe(rows);
      return gates.verdicts().flatMap(({ gate, verdict }) => (verdict === 'quarantine' ? [gate] : []));
    };
    const gates = createGates();
    gates.observe(observations);
    const luton = observations.findIndex(({ area }) => area.key === '821');
    const altered = observations.map((each, index) =>
      index === luton ? { ...each, values: { ...each.values, severe_absentees: '9' } } : each,
    );
    expect(judge(altered)).toEqual(['rate and count', 'phases add up']);
    const fewer = observations.filter(({ area }) => area.level !== 'Local authority' || Number(area.key) % 3 !== 0);
    expect(judge(fewer, gates.shape())).toEqual(['authorities add up', 'authorities']);
  });
});

describe.skipIf(!isHere)('rates that became fractions (skipped where ../shared/data is absent)', () => {
  type Figures = Observation['values'];
  const FRACTION = /_rate$/;
  const divided = (values: Figures, only: RegExp = FRACTION): Figures =>
    Object.fromEntries(
      Object.entries(values).map(([measure, text]) => [
        measure,
        only.test(measure) && text != null ? String(Number(text) / 100) : text,
      ]),
    );
  const withoutCounts = (values: Figures): Figures =>
    Object.fromEntries(Object.entries(values).filter(([measure]) => FRACTION.test(measure)));
  const judge = (rows: readonly Observation[], before?: readonly Observation[]): string[] => {
    const last = createGates();
    last.observe(before ?? []);
    const shape: unknown = JSON.parse(JSON.stringify(last.shape()));
    const gates = createGates({ previous: [{ shape, likeness: 'same data set', isSameRelease: false }] });
    gates.observe(rows);
    return gates.verdicts().flatMap(({ gate, verdict }) => (verdict === 'quarantine' ? [gate] : []));
  };
  const read = async (name: string): Promise<Observation[]> => {
    const path = join(DATA, name);
    return (await readObservations(readFileSync(path), contextOf(path))).observations;
  };

  it('are held back in the stream of attendance, all of them or one', async () => {
    const before = await read('attendance/stream/2025-26_attendance_ytd_20251120.csv');
    const after = await read('attendance/stream/2025-26_attendance_ytd_20251204.csv');
    expect(judge(after, before)).toEqual([]);
    for (const [only, ...more] of [[FRACTION], [/^unauthorised_absence_rate$/, 'parts and wholes']] as const) {
      const altered = after.map((each) => ({ ...each, values: divided(each.values, only) }));
      expect(judge(altered, before)).toEqual([...more, 'rates are percent']);
    }
    const all = after.map((each) => ({ ...each, values: divided(each.values) }));
    expect(judge(all), 'without a release before').toEqual(['rates are percent']);
  });

  it('are held back in a file of full years without counts', async () => {
    const all = (await read('absence/2016-23_fullyear_pa_severe_nat_reg_la.computed.csv')).map((each) => ({
      ...each,
      values: withoutCounts(each.values),
    }));
    const before = all.filter(({ period }) => period.startYear < 2022);
    const newest = all.filter(({ period }) => period.startYear === 2022);
    expect(judge(newest, before)).toEqual([]);
    for (const only of [FRACTION, /^severe_absence_rate$/]) {
      const altered = newest.map((each) => ({ ...each, values: divided(each.values, only) }));
      expect(judge(altered, before)).toEqual(['rates are percent']);
      expect(judge([...before, ...altered]), 'beside its older years').toEqual(['rates are percent']);
    }
  });
});

/** England's row of both phases is called Total in the newest year, where the regions' rows are called as ever. */
const HELD_375 = '375, held back by England and regions';

/** What each file of DfE's screener and of the EES platform's tests yields, and why. */
const FIXTURES: Record<string, readonly [yields: string, why: string]> = {
  'absence_school.csv': ['cells: line 26', 'rows about an authority count the academies of one type only'],
  'absence_school_major_auto.csv': ['school type', 'its school type column was taken out'],
  'absence_school_minor_manual.csv': ['cells: line 26', 'as the first'],
  'absence_school_patch_manual.csv': ['areas: line 18', 'the codes of Barnsley with the name of Hull'],
  'absence_school_with_amendments.csv': ['cells: line 26', 'as the first'],
  'location_name_ambiguity.csv': ['not ours', 'admission numbers'],
  'missing_region.csv': [
    '409, held back by rate and count, parts and wholes, England and regions',
    'made-up figures of levels below authorities',
  ],
  'overlapping_terms.csv': ['not ours', 'admission numbers'],
  'fail__adding_z_locationCode.csv': [
    '373, held back by rate and count, England and regions',
    'three rows of places outside England are no areas; the row of the added district is made up',
  ],
  'fail__blanks_indicators.csv': ['key unique: line 18', 'the blanks stand in rows that were repeated'],
  'fail__col_name_spaces.csv': [HELD_375, 'spaces in column names are read as underscores'],
  'fail__data_mandatory_cols.csv': [HELD_375, 'year and level are known names of old files'],
  'fail__duplicate_rows.csv': ['key unique: line 78', 'a row repeated'],
  'fail__fails_allchecks.csv': ['time: line 2', 'four digits for an academic year'],
  'fail__geographic_catch.csv': ['school type', 'schoolName is no column of ours'],
  'fail__geography_level_completed.csv': ['areas: line 33', 'a region without code and name'],
  'fail__indicators_smushed.csv': ['not ours', 'pupil counts'],
  'fail__la_combinations.csv': [HELD_375, 'the ONS code tells which authority it is, and names do not matter'],
  'fail__missing_region_name.csv': ['not ours', 'dragons'],
  'fail__na_geography_code.csv': ['not ours', 'pupil counts'],
  'fail__non_standard_headers.csv': ['not ours', 'headcounts'],
  'fail__null.csv': ['cells: line 7', '"null" is no symbol'],
  'fail__other_geography_code_duplicates.csv': ['not ours', 'pupil counts'],
  'fail__overcompleted_cols.csv': [HELD_375, 'what an England row says of regions is not read'],
  'fail__region_combinations.csv': ['areas: line 38', 'the three digits of Hackney with the ONS code of Lambeth'],
  'fail__regional_blanks.csv': ['areas: line 7', 'a region without code and name'],
  'fail__time_identifier.csv': [HELD_375, '"Academic Year" differs in case only'],
  'fail__time_period.csv': ['time: line 2', 'seven digits'],
  'fail__total.csv': [HELD_375, '"All" is read as Total'],
  'pass__name_multiple_levels.csv': ['12, held back by rate and count, parts and wholes', 'made-up figures'],
  'pass__outside_of_england_region.csv': [
    'school type: line 3',
    'its phases, Combined and Individual, are no kinds of school',
  ],
  'pass__passes_everything_advisory.csv': ['375', 'good in every respect'],
};

async function outcomeOf(path: string): Promise<string> {
  try {
    const { observations } = await readObservations(readFileSync(path), { file: basename(path) });
    const gates = createGates();
    gates.observe(observations);
    const held = gates.verdicts().flatMap(({ gate, verdict }) => (verdict === 'quarantine' ? [gate] : []));
    return `${observations.length}${held.length > 0 ? `, held back by ${held.join(', ')}` : ''}`;
  } catch (error) {
    if (error instanceof NotOursError) return 'not ours';
    if (!(error instanceof TransformError)) throw error;
    return `${error.gate}${error.line === undefined ? '' : `: line ${error.line}`}`;
  }
}

describe.skipIf(!isHere)('fixtures of the screener and of EES (skipped where ../shared/data is absent)', () => {
  const paths = ['fixtures-ees', 'fixtures-screener'].flatMap(filesOf);

  it('are all in the table', () => {
    expect(paths.map((path) => basename(path)).sort()).toEqual(Object.keys(FIXTURES).sort());
  });

  it.each(paths.map((path) => [basename(path), ...(FIXTURES[basename(path)] ?? ['', '']), path] as const))(
    '%s yields %s: %s',
    async (_, yields, __, path) => {
      expect(await outcomeOf(path)).toBe(yields);
    },
  );
});
