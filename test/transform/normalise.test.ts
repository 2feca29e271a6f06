import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Observation } from '../../src/domain/figure.js';
import { measureBit } from '../../src/domain/measure.js';
import { academicPeriod } from '../../src/domain/period.js';
import { NotOursError, TransformError } from '../../src/transform/error.js';
import { Pages } from '../../src/transform/pages.js';
import { ATTENDANCE, readObservations } from './reading.js';

const HEAD =
  'time_period,time_identifier,geographic_level,country_code,country_name,region_code,region_name,old_la_code,new_la_code,la_name';
const ENGLAND = 'National,E92000001,England,,,,,';
const LUTON = 'Local authority,E92000001,England,E12000006,East of England,821,E06000032,Luton';
const WIDE = `${HEAD},education_phase,enrolments,enrolments_pa_10_exact,enrolments_pa_10_exact_percent,enrolments_pa_50_exact,enrolments_pa_50_exact_percent`;

async function refusal(text: string, context = {}): Promise<TransformError> {
  const error: unknown = await readObservations(text, context).catch((thrown: unknown) => thrown);
  if (!(error instanceof TransformError)) throw new Error(`expected a TransformError, got ${String(error)}`);
  return error;
}

const one = async (text: string, context = {}): Promise<Observation> => {
  const { observations } = await readObservations(text, context);
  const [first] = observations;
  if (first === undefined || observations.length > 1) throw new Error(`expected one, got ${observations.length}`);
  return first;
};

describe('normalising', () => {
  it('reads a wide row into an observation with figures as published', async () => {
    const read = await one(`${WIDE}\n202425,Autumn and spring term,${LUTON},Total,37973,6569,17.29913,c,[c]\n`);
    expect(read).toEqual({
      area: {
        level: 'Local authority',
        key: '821',
        code: 'E06000032',
        oldLaCode: '821',
        name: 'Luton',
        regionCode: 'E12000006',
        regionName: 'East of England',
      },
      series: 'absence/autumn-and-spring-term',
      period: academicPeriod(2024, 'Autumn and spring term'),
      schoolType: 'Total',
      breakdown: { topic: 'Total', breakdown: 'Total' },
      asOf: undefined,
      values: {
        enrolments: '37973',
        persistent_absentees: '6569',
        persistent_absence_rate: '17.29913',
        severe_absentees: null,
        severe_absence_rate: null,
      },
      symbols: { severe_absentees: 'c', severe_absence_rate: '[c]' },
      computed: 0,
      line: 2,
    });
  });

  it('gives equal rows the same objects for area, period and breakdown', async () => {
    const { observations } = await readObservations(
      `${WIDE}\n202425,Autumn term,${LUTON},Primary,10,1,10,0,0\n202425,Autumn term,${ENGLAND},Total,10,1,10,0,0\n202425,AUTUMN TERM,${LUTON},Secondary,10,1,10,0,0\n`,
    );
    expect(observations[0]?.area).toBe(observations[2]?.area);
    expect(observations[0]?.period).toBe(observations[2]?.period);
    expect(observations.map(({ schoolType }) => schoolType)).toEqual([
      'State-funded primary',
      'Total',
      'State-funded secondary',
    ]);
  });

  it('merges the rows of the long layout, wherever they stand', async () => {
    const head = `${HEAD},phase_type_grouping,absence_type,enrolment_count,enrolment_percent`;
    const rows = [
      `202425,Academic year,${LUTON},All schools,Total pupils,38000,z`,
      `202425,Academic year,${ENGLAND},All schools,Total pupils,7400000,z`,
      `202425,Academic year,${LUTON},All schools,Severe absence,570,1.5`,
      `202425,Academic year,${ENGLAND},All schools,Persistent absence,1300000,17.56757`,
      `202425,Academic year,${LUTON},All schools,Persistent absence,6574,17.3`,
    ];
    const { observations } = await readObservations([head, ...rows].join('\n'));
    expect(observations.map(({ area, values, symbols, line }) => [area.name, values, symbols, line])).toEqual([
      [
        'Luton',
        {
          enrolments: '38000',
          severe_absentees: '570',
          severe_absence_rate: '1.5',
          persistent_absentees: '6574',
          persistent_absence_rate: '17.3',
        },
        {},
        2,
      ],
      [
        'England',
        { enrolments: '7400000', persistent_absentees: '1300000', persistent_absence_rate: '17.56757' },
        {},
        3,
      ],
    ]);
    const twice = await refusal([head, rows[0], rows[2], rows[2]].join('\n'));
    expect(twice).toMatchObject({ gate: 'key unique', line: 4 });
    expect(twice.problem, 'the line of the same absence type').toContain('repeats line 3');
    const unheard = await refusal([head, rows[0]?.replace('Total pupils', 'Some pupils')].join('\n'));
    expect(unheard).toMatchObject({ gate: 'cells', line: 2, column: 'absence_type', value: 'Some pupils' });
  });

  it('takes no word for known that JavaScript gives every object', async () => {
    const long = `${HEAD},phase_type_grouping,absence_type,enrolment_count,enrolment_percent`;
    for (const word of ['constructor', '__proto__', 'toString']) {
      const type = await refusal(`${long}\n202425,Academic year,${LUTON},All schools,${word},1,1\n`);
      expect(type).toMatchObject({ gate: 'cells', value: word });
      const cell = await refusal(`${WIDE}\n202425,Autumn term,${LUTON},Total,10,${word},10,0,0\n`);
      expect(cell).toMatchObject({ gate: 'cells', line: 2, value: word });
      const time = await refusal(`${WIDE}\n202425,${word},${LUTON},Total,10,1,10,0,0\n`);
      expect(time).toMatchObject({ gate: 'time', line: 2, value: word });
    }
  });

  it('gives a rate that cannot be computed the symbol in place of its count, or of the enrolments', async () => {
    const head = `${HEAD},education_phase,enrolments,enrolments_pa_10_exact,enrolments_pa_50_exact`;
    const read = await one(`${head}\n202425,Autumn term,${LUTON},Total,30000,5551,c\n`);
    expect(read.values).toMatchObject({ persistent_absence_rate: '18.50333', severe_absence_rate: null });
    expect(read.symbols).toEqual({ severe_absentees: 'c', severe_absence_rate: 'c' });
    expect(read.computed).toBe(measureBit('persistent_absence_rate'));
    const none = await one(`${head}\n202425,Autumn term,${LUTON},Total,x,5551,300\n`);
    expect(none.symbols).toEqual({ enrolments: 'x', persistent_absence_rate: 'x', severe_absence_rate: 'x' });
  });

  it('computes a rate that the file lacks and its counts give, and marks it', async () => {
    const head = `${HEAD},education_phase,enrolments,enrolments_pa_10_exact,enrolments_pa_50_exact,enrolments_pa_50_exact_percent`;
    const read = await one(`${head}\n202425,Autumn term,${LUTON},Total,30000,5551,10,c\n`);
    expect(read.values.persistent_absence_rate).toBe('18.50333');
    expect(read.computed).toBe(measureBit('persistent_absence_rate'));
    // What the file withholds is not worked out behind its back.
    expect(read.values.severe_absence_rate).toBeNull();
  });

  it('does not guess what an unknown school type may be', async () => {
    const error = await refusal(`${WIDE}\n202223,Autumn term,${LUTON},Wizarding,100,50,50,10,10\n`);
    expect(error).toMatchObject({ gate: 'school type', line: 2, column: 'education_phase', value: 'Wizarding' });
  });

  it('never takes a file without a school type for Total', async () => {
    const text = `${WIDE.replace(',education_phase', '')}\n202223,Autumn term,${LUTON},100,50,50,10,10\n`;
    const error = await refusal(text);
    expect(error.gate).toBe('school type');
    expect(error.message).toContain('--school-type');
    const types = async (context: object): Promise<string> => (await one(text, context)).schoolType;
    expect(await types({ dataSetTitle: 'Absence in pupil referral units' })).toBe('Alternative provision');
    expect(await types({ metaText: 'col_name,col_type,label\nenrolments,Indicator,Enrolments in PRUs\n' })).toBe(
      'Alternative provision',
    );
    expect(await types({ schoolType: 'special' })).toBe('Special');
    const both = {
      dataSetTitle: 'Absence in PRUs',
      metaText: 'col_name,label\nenrolments,Pupils in special schools\n',
    };
    expect((await refusal(text, both)).message).toContain('Alternative provision, Special');
    expect(await refusal(`${WIDE}\n202223,Autumn term,${LUTON},,100,50,50,10,10\n`)).toMatchObject({
      gate: 'school type',
      line: 2,
      column: 'education_phase',
    });
  });

  it('names file, line, column and value of what it cannot understand', async () => {
    const cases: [string, object][] = [
      [
        `202223,Autumn term,${LUTON},Total,100,"1,050",50,10,10`,
        { gate: 'cells', line: 2, column: 'enrolments_pa_10_exact', value: '1,050' },
      ],
      [`202223,Autumn term,${LUTON},Total,100,5e1,50,10,10`, { gate: 'cells', value: '5e1' }],
      [`202223,Autumn term,${LUTON},Total,100,50,50%,10,10`, { gate: 'cells', value: '50%' }],
      [`202223,Autumn term,${LUTON},Total,100,50,q,10,10`, { gate: 'cells', value: 'q' }],
      [
        `202223,Tax year,${LUTON},Total,100,50,50,10,10`,
        { gate: 'time', line: 2, column: 'time_identifier', value: 'Tax year' },
      ],
      [
        `202223,Autumn term,${LUTON.replace('Local authority', 'Planet')},Total,100,50,50,10,10`,
        { gate: 'areas', column: 'geographic_level', value: 'Planet' },
      ],
      [`202223,Autumn term,Regional,E92000001,England,,,,,,Total,100,50,50,10,10`, { gate: 'areas', line: 2 }],
      [
        `202223,Autumn term,Regional,E92000001,England,E12000006,South East,,,,Total,100,50,50,10,10`,
        { gate: 'areas', line: 2, problem: expect.stringContaining('South East has E12000008') as string },
      ],
      [
        `202223,Autumn term,National,W92000004,England,,,,,,Total,100,50,50,10,10`,
        { gate: 'areas', line: 2, problem: expect.stringContaining('England has E92000001') as string },
      ],
    ];
    for (const [row, expected] of cases)
      expect(await refusal(`${WIDE}\n${row}\n`, { file: 'x.csv' })).toMatchObject({ file: 'x.csv', ...expected });
    await expect(readObservations('a,b\n1,2\n')).rejects.toThrow(NotOursError);
    expect(await refusal('time_period,geographic_level,sess_overall_percent\n1,2,3\n')).toMatchObject({
      gate: 'columns',
      line: 1,
    });
  });

  it('names both lines of a key that stands twice', async () => {
    const row = `202223,Autumn term,${LUTON},Total,100,50,50,10,10`;
    const error = await refusal(
      `${WIDE}\n${row}\n202223,Autumn term,${ENGLAND},Total,1,1,1,1,1\n${row.replace('Luton', 'Luton Borough')}\n`,
    );
    expect(error).toMatchObject({ gate: 'key unique', line: 4 });
    expect(error.message).toContain('repeats line 2: both are about Luton Borough, Autumn term 2022/23, Total');
  });

  it('loads no groups of a topic that is two filters, and notes them', async () => {
    const { observations, notes } = await readObservations(
      [
        `${HEAD},education_phase,breakdown_topic,breakdown,enrolments_pa_10_exact_percent`,
        ...[
          'Total,Total,1',
          'SEN provision,EHC plan,2',
          'FSM eligibility and SEN provision,FSM eligible and EHC plan,3',
          'FSM eligibility - sex,FSM eligible - Male,4',
          'Ethnicity x FSM,White - FSM eligible,5',
        ].map((row) => `202425,Autumn term,${ENGLAND},Total,${row}`),
      ].join('\n'),
    );
    expect(observations.map(({ breakdown }) => breakdown.breakdown)).toEqual(['Total', 'EHC plan']);
    expect(notes).toContain('3 rows of two pupil characteristics at once are not loaded');
  });

  const CROSS = `${HEAD},education_phase,fsm,ethnicity_major,ethnicity_minor,enrolments_pa_10_exact_percent`;
  it('loads the margins of a cross-tabulation, and notes the rest', async () => {
    const rows = [
      'Total,Total,Total,1',
      'FSM Eligible,Total,Total,2',
      'Total,White,Irish,3',
      'Total,White,Total,4',
      'FSM Eligible,White,Irish,5',
    ];
    const { observations, notes } = await readObservations(
      [CROSS, ...rows.map((row) => `202425,Autumn term,${ENGLAND},Total,${row}`)].join('\n'),
    );
    expect(
      observations.map(({ breakdown, values }) => [
        breakdown.topic,
        breakdown.breakdown,
        values.persistent_absence_rate,
      ]),
    ).toEqual([
      ['Total', 'Total', '1'],
      ['FSM eligibility', 'FSM eligible', '2'],
      ['Ethnicity minor', 'Irish', '3'],
      ['Ethnicity major', 'White', '4'],
    ]);
    expect(notes).toContain('1 rows of two pupil characteristics at once are not loaded');
    expect(await refusal(`${CROSS}\n202425,Autumn term,${ENGLAND},Total,,,,1\n`)).toMatchObject({
      gate: 'cells',
      line: 2,
      column: 'fsm',
    });
  });

  it('does not take a group without a name for all pupils', async () => {
    const head = `${HEAD},education_phase,breakdown_topic,breakdown,enrolments_pa_10_exact_percent`;
    expect(await refusal(`${head}\n202425,Autumn term,${ENGLAND},Total,SEN provision,,1\n`)).toMatchObject({
      gate: 'cells',
      column: 'breakdown',
    });
    expect((await one(`${head}\n202425,Autumn term,${ENGLAND},Total,Total,,1\n`)).breakdown.topic).toBe('Total');
    expect(
      (await one(`${head}\n202425,Autumn term,${ENGLAND},Total,SEN provision,All pupils,1\n`)).breakdown.topic,
    ).toBe('Total');
  });

  it('tells two schools of one URN apart by their LAESTAB, and still finds a school that stands twice', async () => {
    const head = `${HEAD},urn,laestab,school_type,sess_overall_percent`;
    const school = (year: string, urn: string, laestab: string): string =>
      `${year},Academic year,School,E92000001,England,E12000002,North West,356,E08000007,Stockport,${urn},${laestab},Special,5`;
    const { observations, notes } = await readObservations(
      [
        head,
        school('200809', '106167', '3567503'),
        school('200809', '106167', '3587503'),
        school('200910', '106167', '3587503'),
        school('200910', ' ', '8316905'),
        school('200910', '', '8557216'),
      ].join('\n'),
    );
    expect(observations.map(({ area }) => area.key)).toEqual([
      '106167',
      '106167/3587503',
      '106167',
      '8316905',
      '8557216',
    ]);
    expect(notes.join()).toContain('URN 106167 stands for two schools');
    for (const laestab of ['3567503', '3587503']) {
      const text = [
        head,
        school('200809', '106167', '3567503'),
        school('200809', '106167', '3587503'),
        school('200809', '106167', laestab),
      ].join('\n');
      expect(await refusal(text)).toMatchObject({ gate: 'key unique', line: 4 });
    }
  });

  it('knows which LAESTAB a shared URN came with in a period, also where it came with the other one before', async () => {
    const head = `${HEAD},urn,laestab,school_type,sess_overall_percent`;
    const school = (year: string, laestab: string): string =>
      `${year},Academic year,School,E92000001,England,E12000002,North West,356,E08000007,Stockport,106167,${laestab},Special,5`;
    const rows = [school('200708', '3567503'), school('200809', '358/7503'), school('200809', '3567503')];
    const { observations } = await readObservations([head, ...rows].join('\n'));
    expect(observations.map(({ area }) => area.key)).toEqual(['106167', '106167', '106167/3567503']);
    for (const laestab of ['3567503', '3587503'])
      expect(await refusal([head, ...rows, school('200809', laestab)].join('\n'))).toMatchObject({
        gate: 'key unique',
        line: 5,
      });
  });

  it('does not read the broken academic_year column of attendance', async () => {
    const head = `academic_year,${HEAD},school_type,enrolments,overall_absence_perc,pa_perc`;
    const read = await one(`${head}\n606669,202223,Autumn term,${ENGLAND},Total,5436770.84615385,7.3,c\n`, {
      publication: ATTENDANCE,
    });
    expect(read).toMatchObject({
      series: 'attendance/autumn-term',
      values: { enrolments: '5436770.84615385' },
      symbols: { persistent_absence_rate: 'c' },
    });
  });

  it('passes over rows of empty cells', async () => {
    const { observations, notes } = await readObservations(
      `${WIDE}\n202223,Autumn term,${LUTON},Total,100,50,50,10,10\n${','.repeat(15)}\n`,
    );
    expect(observations).toHaveLength(1);
    expect(notes).toContain('1 rows of empty cells are not loaded');
  });

  it('gives the same whatever the order of columns, the line ends and the quoting', async () => {
    const header = WIDE.split(',');
    const rows = [
      `202425,Autumn term,${LUTON},Total,37973,6569,17.29913,c,c`,
      `202324,Autumn term,${ENGLAND},Primary,4000,400,10,40,1.0`,
    ].map((row) => row.split(','));
    const expected = (await readObservations([header, ...rows].map((row) => row.join(',')).join('\n'))).observations;
    const order = fc.shuffledSubarray([...header.keys()], { minLength: header.length });
    await fc.assert(
      fc.asyncProperty(order, fc.constantFrom('\n', '\r\n', '\r'), fc.boolean(), async (columns, lineEnd, quote) => {
        const text = [header, ...rows]
          .map((row) => columns.map((column) => (quote ? `"${row[column] ?? ''}"` : (row[column] ?? ''))).join(','))
          .join(lineEnd);
        expect((await readObservations(text)).observations).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });
});

describe('a file about some pupils only', () => {
  const META = 'col_name,col_type,label\n';
  const file = (column: string, ...cells: readonly string[]): string =>
    [
      `${HEAD},school_type,sess_overall_percent,${column}`,
      ...cells.map((text, index) => `20${21 + index}${22 + index},Autumn term,${ENGLAND},Total,5,${text}`),
    ].join('\n');

  it.each([
    ['ethnicity', 'White British', 'Ethnicity minor', 'White British'],
    ['ethnicity', 'Asian', 'Ethnicity major', 'Asian / Asian British'],
    ['ethnicity_detailed', 'Kashmiri Pakistani', 'Ethnicity detailed', 'Kashmiri Pakistani'],
    ['minority_ethnic', 'Minority ethnic', 'Minority ethnic', 'Minority ethnic group'],
    ['sen_secondary_need', 'Down syndrome', 'SEN secondary need', 'Down syndrome'],
    ['age', '16', 'Age', '16'],
    ['age_group', 'Under 19', 'Age group', 'Under 19'],
    ['social_care_group', 'CIN at 31 March', 'Social care group', 'CIN at 31 March'],
    ['young_carer', 'Young carer', 'Young carer', 'Young carer'],
    ['disability_status', 'Disability', 'Disability status', 'Disability'],
    ['Ethnicity', 'All pupils', 'Total', 'Total'],
  ])('knows the columns of the data dictionary: %s, %s', async (column, value, topic, breakdown) => {
    for (const metaText of [undefined, `${META}${column},Filter,Some pupils`])
      expect((await one(file(column, value), { metaText })).breakdown).toEqual({ topic, breakdown });
  });

  it('takes a subdivision for the group, whatever the two columns are called', async () => {
    for (const column of ['ethnicity', 'ethnicity_minor', 'major_ethnicity'])
      expect((await one(file(`${column},ethnicity_detailed`, 'White,Cornish'))).breakdown).toEqual({
        topic: 'Ethnicity detailed',
        breakdown: 'Cornish',
      });
  });

  it('holds back what the meta file declares a filter and nobody knows, but for totals', async () => {
    const metaText = `\uFEFF${META}Favourite colour,Filter,Colour\nsess_colour,Filter,Colour\n`;
    for (const column of ['favourite_colour', 'Favourite colour', 'sess_colour'])
      expect(await refusal(file(column, 'Total', 'Blue'), { metaText })).toMatchObject({
        gate: 'cells',
        file: 'test.csv',
        line: 3,
        column,
        value: 'Blue',
        message: expect.stringContaining('GROUP_COLUMNS') as string,
      });
    expect(await refusal(file('favourite_colour', '7'), { metaText })).toMatchObject({ line: 2, value: '7' });
    const { observations, notes } = await readObservations(
      file('favourite_colour', 'Total', 'All', 'All pupils', 'z', ''),
      { metaText },
    );
    expect(observations).toHaveLength(5);
    expect(notes).toContain('columns not known and not read: favourite_colour');
  });

  it('reads nothing into rows that are not loaded', async () => {
    const metaText = `${META}colour,Filter,Colour`;
    const { observations } = await readObservations(
      file('sex,fsm,colour', 'Total,Total,Total', 'Female,Eligible,Blue'),
      {
        metaText,
      },
    );
    expect(observations).toHaveLength(1);
  });

  it.each([
    ['a name that speaks of pupils', 'pupil_subset', ['Left-handed'], 2],
    ['a group of pupils', 'subset', ['Girls'], 2],
    ['a group of pupils by another name', 'subset', ['SEMH'], 2],
    ['a kind of schools', 'subset', ['State-funded AP school'], 2],
    ['children in need', 'population', ['Children in need'], 2],
    ['a remark that narrows', 'remark', ['SEN pupils only'], 2],
    ['academies', 'establishment_type_group', ['Academies'], 2],
    ['what is left out', 'basis', ['Excluding boarders'], 2],
    ['Total beside others', 'subset', ['Left-handed', 'Total'], 2],
    ['others beside Total', 'subset', ['Total', 'Left-handed'], 3],
  ])('without a declaration holds back %s', async (_, column, cells, line) => {
    for (const metaText of [undefined, META])
      expect(await refusal(file(column, ...cells), { metaText })).toMatchObject({ gate: 'cells', line, column });
    const metaText = `${META}${column},Indicator,What the publisher calls a figure`;
    expect((await readObservations(file(column, ...cells), { metaText })).observations).toHaveLength(cells.length);
  });

  it.each([
    ['figures', 'number_of_pupils', ['7', '7.5', 'c', '[z]', '']],
    ['a remark', 'source', ['School census', 'Pupil absence census', 'Other']],
    ['totals only', 'subset', ['Total', 'All pupils']],
  ])('without a declaration ignores %s, and notes the column', async (_, column, cells) => {
    const { observations, notes } = await readObservations(file(column, ...cells));
    expect(observations).toHaveLength(cells.length);
    expect(notes).toContain(`columns not known and not read: ${column}`);
  });

  it('a fact about a school is no filter', async () => {
    const row =
      '202425,Academic year,School,E92000001,England,E12000002,North West,356,E08000007,Stockport,106167,Special,5';
    const text = `${HEAD},urn,school_type,sess_overall_percent,kind\n${row},Special`;
    expect((await one(text)).schoolType).toBe('Special');
    expect((await one(text.replace(/Special$/, 'Academies'))).schoolType).toBe('Special');
  });
});

describe('places', () => {
  const rowsOf = (...places: readonly string[]): string =>
    [
      `${HEAD},education_phase,sess_overall_percent`,
      ...places.map((place) => `202425,Autumn term,${place},Total,5`),
    ].join('\n');

  it('that are not known are not loaded, and noted with their number', async () => {
    const { observations, notes } = await readObservations(
      rowsOf(
        LUTON,
        'Local authority,E92000001,England,x,Not available,x,x,Not available',
        'Local authority,z,Outside of England and unknown,z,Outside of England and unknown,z,z,Outside of England and unknown',
        'Regional,E92000001,England,z,Outside of England and unknown,,,',
      ),
    );
    expect(observations.map(({ area }) => area.name)).toEqual(['Luton']);
    expect(notes).toContain(
      '3 rows of unknown places ("Not available", "Outside of England": codes x and z) are not loaded',
    );
  });

  it.each([
    [
      'Local authority,E92000001,England,,,,,Dorset',
      'la_name',
      'Dorset',
      'old_la_code is ""; new_la_code is ""; la_name is "Dorset"; no code, and no name',
    ],
    ['Local authority,E92000001,England,,,,,', 'old_la_code', '', 'la_name is ""'],
    [LUTON.replace('821', '302'), 'old_la_code', '302', 'la_name is "Luton"; 302 is Barnet, E06000032 is Luton'],
    [
      'Regional,E92000001,England,E12000006,South East,,,',
      'region_code',
      'E12000006',
      'region_name is "South East"; E12000006 is',
    ],
    ['Ward,E92000001,England,,,,,', undefined, undefined, 'the file has no column that names one'],
  ])('that are no one area are told with their columns and cells: %s', async (place, column, value, says) => {
    const error = await refusal(rowsOf(ENGLAND, place));
    expect(error).toMatchObject({ gate: 'areas', line: 3, column, value });
    expect(error.problem).toContain(says);
  });
});

describe('a Total that stands under every topic', () => {
  const rowsOf = (...rows: readonly string[]): string =>
    [
      `${HEAD},education_phase,breakdown_topic,breakdown,enrolments,enrolments_pa_10_exact`,
      ...rows.map((row) => `202425,Autumn term,${ENGLAND},Total,${row}`),
    ].join('\n');

  it('is one row where every figure agrees, and noted', async () => {
    const { observations, notes } = await readObservations(
      rowsOf(
        'Total,Total,100,9',
        'SEN,Total,100,9.0',
        'SEN provision,EHC plan,5,1',
        'Sex,Total,100,9',
        'FSM,All,100,9',
      ),
    );
    expect(observations.map(({ breakdown, line }) => [breakdown.breakdown, line])).toEqual([
      ['Total', 2],
      ['EHC plan', 4],
    ]);
    expect(notes).toContain('3 rows repeat a Total under another name, with the same figures: loaded once');
    expect((await readObservations(rowsOf('Sex,Total,c,c', 'SEN,Total,c,c'))).observations).toHaveLength(1);
  });

  it('holds the file back where figures differ, and says which', async () => {
    const error = await refusal(rowsOf('Total,Total,100,9', 'SEN,Total,100,9', 'Sex,Total,101,c'));
    expect(error).toMatchObject({ gate: 'key unique', line: 4 });
    expect(error.message).toContain(
      'repeats line 2: both are about England, Autumn term 2024/25, Total, and they differ: ' +
        'enrolments is "100" there and "101" here; persistent_absentees is "9" there and "c" here',
    );
  });

  it('stays a repeated key under the same topic', async () => {
    for (const rows of [
      ['Sex,Total,100,9', 'sex,TOTAL,100,9'],
      ['Total,Total,100,9', 'Sex,Total,100,9', 'Sex,Total,100,9'],
    ])
      expect((await refusal(rowsOf(...rows))).problem).toContain(`repeats line ${rows.length}`);
    expect(await refusal(rowsOf('Sex,Female,100,9', 'Gender,Female,100,9'))).toMatchObject({ gate: 'key unique' });
  });

  it('is one row too in the long layout, and where two columns of school types say it', async () => {
    const long = ['Total pupils,100', 'Persistent absence,9', 'Severe absence,1'].flatMap((each) =>
      ['Total,Total', 'Sex,Total'].map((topic) => `202425,Autumn term,${ENGLAND},Total,${topic},${each}`),
    );
    const head = `${HEAD},phase_type_grouping,breakdown_topic,breakdown,absence_type,enrolment_count`;
    expect((await readObservations([head, ...long].join('\n'))).observations).toHaveLength(1);
    const types = ['Special,Total', 'Total,Special', 'Special,Special'].map(
      (each) => `202425,Autumn term,${ENGLAND},${each},5`,
    );
    const text = [`${HEAD},school_type,education_phase,sess_overall_percent`, ...types].join('\n');
    expect((await readObservations(text)).observations).toHaveLength(1);
  });
});

describe('a file about some schools only', () => {
  const file = (columns: string, ...cells: readonly string[]): string =>
    [
      `${HEAD},${columns},sess_overall_percent`,
      ...cells.map((text, index) => `20${21 + index}${22 + index},Autumn term,${ENGLAND},${text},5`),
    ].join('\n');
  const typesOf = async (columns: string, ...cells: readonly string[]): Promise<string[]> =>
    (await readObservations(file(columns, ...cells))).observations.map(({ schoolType }) => schoolType);

  it.each([
    ['Total,Secondary', 'State-funded secondary'],
    ['State-funded primary,Total', 'State-funded primary'],
    ['Total,All schools', 'Total'],
    ['State-funded secondary,Secondary', 'State-funded secondary'],
    ['State-funded primary and secondary,Secondary', 'State-funded secondary'],
    ['Special,Special and alternative provision', 'Special'],
    ['Non-maintained special school,Special', 'Non-maintained special'],
    ['z,Special', 'Special'],
    ['Primary,', 'State-funded primary'],
    ['Special,Individual', 'Special'],
    ['Total,Combined', 'Total'],
  ])('takes two columns for the schools that both name: %s', async (cells, type) => {
    expect(await typesOf('school_type,education_phase', cells)).toEqual([type]);
    expect(await typesOf('establishment_type,phase_type', cells)).toEqual([type]);
    expect(await typesOf('education_phase,school_type', cells.split(',').reverse().join(','))).toEqual([type]);
  });

  it('loads a whole file with two columns', async () => {
    expect(
      await typesOf(
        'establishment_type,education_phase',
        ...['Total', 'Primary', 'Special'].map((each) => `Total,${each}`),
      ),
    ).toEqual(['Total', 'State-funded primary', 'Special']);
  });

  it('does not load rows of two school types at once, and notes how many', async () => {
    const { observations, notes } = await readObservations(
      file('school_type,education_phase', 'Total,Total', 'Independent,Secondary', 'Independent,Total'),
    );
    expect(observations.map(({ schoolType }) => schoolType)).toEqual(['Total', 'Independent']);
    expect(notes).toContain('1 rows of two school types at once (columns school_type, education_phase) are not loaded');
  });

  it('names the column that it cannot understand', async () => {
    expect(await refusal(file('school_type,education_phase', 'Total,Total', 'Total,Sixth form'))).toMatchObject({
      gate: 'school type',
      line: 3,
      column: 'education_phase',
      value: 'Sixth form',
    });
    expect(await refusal(file('school_type,education_phase', ','))).toMatchObject({ column: 'school_type', value: '' });
    expect(await refusal(file('school_type,education_phase', 'Individual,z'))).toMatchObject({ line: 2 });
  });

  it('reads facts about a school as before', async () => {
    const text = `${HEAD},urn,school_type,education_phase,academy_type,trust,all_through,sess_overall_percent
202425,Academic year,School,E92000001,England,E12000002,North West,356,E08000007,Stockport,106167,Special,Secondary,Converter,A trust,Yes,5`;
    expect((await one(text)).schoolType).toBe('Special');
  });

  it.each([
    ['academy_type', 'Converter'],
    ['trust', 'Some Trust'],
    ['trust', '2014'],
    ['all_through', 'Yes'],
    ['reason_group', 'Illness'],
    ['attendance_status', 'Absent'],
  ])('holds back a row about an area that counts some schools or sessions only: %s', async (column, value) => {
    expect(await refusal(file(`school_type,${column}`, 'Total,N/A', `Total,${value}`))).toMatchObject({
      gate: 'cells',
      line: 3,
      column,
      value,
      problem: expect.stringContaining('only some') as string,
    });
    expect(await typesOf(`school_type,${column}`, 'Total,', 'Total,Total', 'Total,x', 'Total,N/A')).toHaveLength(4);
  });

  it('notes a column of reasons that says nothing', async () => {
    const { notes } = await readObservations(file('school_type,reason_group', 'Total,Total'));
    expect(notes).toContain('columns not known and not read: reason_group');
  });
});

describe('pages of numbers', () => {
  it('answer as a map would, near and far', () => {
    const place = fc.oneof(fc.nat(5000), fc.nat(10_000_000));
    fc.assert(
      fc.property(fc.array(fc.tuple(place, fc.nat(2 ** 32 - 1))), (puts) => {
        const pages = new Pages();
        const map = new Map<number, number>();
        for (const [at, value] of puts) {
          expect(pages.at(at)).toBe(map.get(at) ?? 0);
          pages.put(at, value);
          map.set(at, value);
        }
        for (const [at, value] of map) expect(pages.at(at)).toBe(value);
      }),
    );
  });
});
