import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { composeBrief } from '../../src/alerts/brief.js';
import { briefJson } from '../../src/alerts/brief-json.js';
import { inPlace, naturalFrequency, ordinal, periodEnded, symbolWords } from '../../src/alerts/brief-words.js';
import type { Brief, BriefFacts, FigureRow, Paragraph } from '../../src/alerts/brief-model.js';
import { decimal, printed, type Decimal } from '../../src/domain/decimal.js';
import { statedAt } from '../../src/alerts/brief-print.js';
import { academicPeriod, weekPeriod } from '../../src/domain/period.js';
import { lutonFacts, row, term, years } from './brief-fixtures.js';

function told(brief: Brief, about: Paragraph['about'] = 'area'): string {
  return brief.paragraphs
    .filter((paragraph) => paragraph.about === about)
    .flatMap(({ sentences }) => sentences.map(({ text }) => text))
    .join(' ');
}

/** Only Luton's own figures. */
function alone(own: readonly FigureRow[], changes: Partial<BriefFacts> = {}): Brief {
  return composeBrief(
    lutonFacts({ own, region: [], england: [], neighbours: undefined, authorities: [], groups: [], ...changes }),
  );
}

describe('the story of Luton', () => {
  const brief = composeBrief(lutonFacts());

  it('tells count, rate, natural frequency and the year before', () => {
    expect(told(brief)).toContain(
      '6,569 pupil enrolments in Luton (17.3%, about one in six) were persistently absent across the autumn and spring terms 2024/25, down slightly, by 0.7 percentage points, from 18.0% in 2023/24',
    );
    expect(told(brief)).toContain(
      '570 pupils (1.5%, about one in 67) were severely absent, the rate unchanged from 2023/24',
    );
  });

  it('sets region, England and neighbours beside it, and tells that England’s rise slowed for two years', () => {
    expect(told(brief, 'comparison')).toContain(
      'Persistent absence in Luton (17.3%) was lower than in England (17.6%, down from 19.2%), higher than in the East of England (16.9%, down from 18.5%) and lower than on average in its three statistical neighbours (18.9%).',
    );
    expect(told(brief, 'comparison')).toContain(
      'The rise in severe absence across England has slowed for two years running: 0.4 percentage points in 2022/23, 0.3 in 2023/24 and 0.2 in 2024/25.',
    );
  });

  it('ranks among the authorities with a figure and says who is level', () => {
    expect(told(brief, 'rank')).toBe(
      'For persistent absence Luton ranks 3rd among five authorities with a figure (1st is the highest), level with one other. For severe absence it ranks 4th among five.',
    );
  });

  it('tells pupil groups of England where the area has none, and says so', () => {
    expect(told(brief, 'groups')).toBe(
      'Across England (there are no such figures for Luton), of pupils with an education, health and care (EHC) plan, 33.8% were persistently absent (down from 35.0%) and 7.3% severely absent (up from 6.6%). Of pupils in state-funded secondary schools in Luton 20.4% were persistently absent (down from 21.6%) and 2.6% severely absent (unchanged).',
    );
  });

  it('types no number: each one in the prose is a stored figure with data set, version and release', () => {
    for (const sentence of brief.paragraphs.flatMap(({ sentences }) => sentences)) {
      let rest = sentence.text;
      for (const number of sentence.numbers) {
        const at = rest.indexOf(number.text);
        expect(at, `${number.text} in “${sentence.text}”`).toBeGreaterThanOrEqual(0);
        rest = rest.slice(0, at) + rest.slice(at + number.text.length);
        expect(number.from.length).toBeGreaterThan(0);
        for (const source of number.from) {
          expect(source.data_set).toBe('Absence by authority');
          expect(source.data_set_version).toBe('1.0.0');
          expect(source.release).toBe('Autumn and spring term 2024/25');
          expect(typeof source.value).toBe('number');
        }
      }
      // What is left may name years, and the place of a rank of one.
      expect(rest.replace(/\b\d{4}\/\d{2}\b/g, '').replace('1st is the highest', '')).not.toMatch(/\d/);
    }
  });
});

describe('what the years before allow', () => {
  it('tells a record high only where it stands out in print and is not across a gap', () => {
    const rising = years({ 2021: ['20.0'], 2022: ['20.1'], 2023: ['20.3'], 2024: ['20.9'] });
    expect(told(alone(rising))).toContain('the highest since the figures on record began in 2021/22');
    expect(told(alone([...years({ 2018: ['25.0'] }), ...rising]))).toContain(
      'the highest since comparable figures began in 2021/22',
    );
    expect(told(alone(years({ 2021: ['20.94'], 2022: ['20.1'], 2023: ['20.3'], 2024: ['20.9'] })))).not.toContain(
      'highest',
    );
    expect(
      told(alone(years({ 2022: ['20.1'], 2023: ['20.3'], 2024: ['20.9'] }))),
      'three figures are no record',
    ).not.toContain('highest');
  });

  it('calls the first figure ever the first', () => {
    expect(told(alone(years({ 2024: ['20.0', '2.0'] })))).toMatch(
      /This is the first figure held here for Luton in this series\..*severely absent\.$/,
    );
  });

  it('says that last year is missing or withheld', () => {
    const withheld = row(term(2023), { persistent_absence_rate: null }, { symbols: { persistent_absence_rate: 'c' } });
    expect(told(alone([...years({ 2022: ['20.0'] }), withheld, ...years({ 2024: ['19.0'] })]))).toContain(
      'The figure for 2023/24 is withheld so that no pupil can be identified (published as “c”), so there is nothing to compare it with.',
    );
    const both = row(
      term(2023),
      { persistent_absence_rate: null, severe_absence_rate: null },
      { symbols: { persistent_absence_rate: 'c', severe_absence_rate: 'c' } },
    );
    expect(told(alone([...years({ 2022: ['20.0', '2.0'] }), both, ...years({ 2024: ['19.0', '2.1'] })]))).toMatch(
      /nothing to compare it with\. .*2\.1%.* severely absent\. There is no figure of severe absence for 2023\/24 to compare it with either\./,
    );
    expect(told(alone(years({ 2022: ['20.0'], 2024: ['19.0'] })))).toContain(
      '20.0% for 2022/23, lies beyond a gap and makes no trend',
    );
  });

  it('tells no trend, slowing or record across the pandemic or the change of attendance codes', () => {
    const text = told(alone(years({ 2017: ['10.0'], 2018: ['11.0'], 2020: ['30.0'] })));
    expect(text).toContain('11.0% for 2018/19, lies beyond a gap and makes no trend: the pandemic years lie between');
    expect(text).not.toMatch(/slowed|sped|up |down |highest/);
    const codes = told(
      alone([row(term(2023), { overall_absence_rate: '7.0' }), row(term(2024), { overall_absence_rate: '6.0' })]),
    );
    expect(codes).toContain('No earlier figure stands beside it: attendance codes and coverage changed in 2024/25');
    expect(codes).not.toContain('7.0');
  });

  it('does not call a change slower when two decimals do not show it', () => {
    expect(told(alone(years({ 2022: ['18.000'], 2023: ['19.001'], 2024: ['20.001'] })))).not.toContain('slowed');
    expect(told(alone(years({ 2022: ['18.00'], 2023: ['19.04'], 2024: ['20.04'] })))).toContain(
      'The rise has slowed: 1.04 percentage points in 2023/24 and 1.00 in 2024/25.',
    );
  });

  it('does not call noise a change of pace where a line close by asks for another decimal', () => {
    const severe = (last: string): string =>
      told(
        composeBrief(
          lutonFacts({
            own: years({ 2022: ['10.0', '1.0'], 2023: ['10.0', '1.5'], 2024: ['10.0', last] }),
            region: [],
            england: [],
          }),
          { focus: 'severe_absence_rate', threshold: 2 },
        ),
      );
    expect(severe('2.004')).toContain('up 0.504 percentage points from 1.500%');
    expect(severe('2.004')).not.toContain('sped up');
    expect(severe('2.02')).toContain('The rise has sped up: 0.50 percentage points in 2023/24 and 0.52 in 2024/25.');
  });

  it('takes a pace from the unrounded differences, never from how they are printed', () => {
    const pace = (...rates: string[]): string | undefined =>
      /The (rise|fall).*/.exec(
        told(alone(rates.map((rate, i) => row(term(2021 + i), { persistent_absence_rate: rate })))),
      )?.[0];
    expect(pace('20.8', '21.2', '22.204', '23.208'), 'two equal differences at last').toBeUndefined();
    expect(pace('19.0', '20.204', '21.208', '22.708'), 'printed 1.20, 1.01 and 1.50').toBe(
      'The rise has sped up: 1.0 percentage points in 2023/24 and 1.5 in 2024/25.',
    );
    expect(pace('20.2', '21.204', '22.208', '23.808'), 'two equal differences at first').toBe(
      'The rise has sped up: 1.0 percentage points in 2023/24 and 1.6 in 2024/25.',
    );
    expect(pace('23.208', '22.204', '21.2', '20.8'), 'a fall, printed 1.01 and 1.00 at first').toBe(
      'The fall has slowed: 1.0 percentage points in 2023/24 and 0.4 in 2024/25.',
    );
    expect(pace('21.2', '22.2039', '23.208'), 'sped up by 0.0002, printed 1.00 and 1.01').toBeUndefined();
  });

  it('tells no pace beside an unchanged figure, nor one with a change of 0.0', () => {
    const pace = (rates: Record<number, [string]>): string | undefined =>
      /The (rise|fall).*/.exec(told(alone(years(rates))))?.[0];
    expect(pace({ 2022: ['17.0'], 2023: ['17.6'], 2024: ['17.63'] }), 'unchanged').toBeUndefined();
    expect(pace({ 2022: ['17.0'], 2023: ['17.04'], 2024: ['18.0'] }), 'a rise of 0.0 first').toBeUndefined();
    expect(pace({ 2021: ['16.98'], 2022: ['17.0'], 2023: ['17.4'], 2024: ['18.0'] }), 'one year of two').toBe(
      'The rise has sped up: 0.4 percentage points in 2023/24 and 0.6 in 2024/25.',
    );
    const england = years({ 2022: ['17.0'], 2023: ['17.6'], 2024: ['17.63'] }, { area: 'England' });
    const beside = told(alone(years({ 2023: ['18.0'], 2024: ['17.3'] }), { england }), 'comparison');
    expect(beside).toBe('Persistent absence in Luton (17.3%) was lower than in England (17.6%, unchanged).');
  });
});

describe('what is called the first figure', () => {
  const weeks = (...rates: readonly (readonly [number, number, string])[]): FigureRow[] =>
    rates.map(([year, week, rate]) => row(weekPeriod(year, week), { overall_absence_rate: rate }));

  it('is no week that follows another', () => {
    const brief = alone(weeks([2025, 44, '6.1'], [2025, 45, '6.4']));
    expect(told(brief)).toBe(
      'Overall absence in Luton was 6.4% of possible sessions in week 45 2025. In week 44 2025 it was 6.1%.',
    );
    expect(brief.table.beforeHeading).toBeUndefined();
    expect(told(alone(weeks([2025, 45, '6.4'])))).toContain('This is the first figure held here for Luton');
  });

  it('is no running total that follows another of the year', () => {
    const ytd = (year: number, asOf: string): FigureRow =>
      row(academicPeriod(year, 'Year to date'), { persistent_absence_rate: '17.3' }, { asOf });
    const at = (past: readonly FigureRow[]): string => told(alone([ytd(2025, '2026-02-20')], { past }));
    expect(at([])).toContain('This is the first figure held here for Luton in this series.');
    expect(at([ytd(2024, '2025-07-20')])).toContain('This is the first figure of the year.');
    expect(at([ytd(2024, '2025-07-20'), ytd(2025, '2026-02-06')])).toContain(
      'There is no figure for the same point of 2024/25 to compare it with.',
    );
  });

  it('is that of the measure where older figures of another are there', () => {
    const text = told(alone([...years({ 2023: ['18.0'] }), ...years({ 2024: ['17.3', '1.5'] })]));
    expect(text).toContain('This is the first severe absence figure held here for Luton in this series.');
    expect(text).not.toContain('first figure');
  });
});

describe('what a sceptic found', () => {
  const area = { area: 'Hill Top School', areaCode: '109123', schoolType: 'State-funded primary' };
  const school = { name: 'Hill Top School', level: 'School', code: '109123', regionName: 'East of England' };

  it('tells no record behind a year that is missing or withheld here only', () => {
    const higher = { 2012: ['21.0'], 2013: ['20.0'] } as const;
    const later = { 2015: ['15.0'], 2016: ['16.0'], 2017: ['17.0'], 2018: ['18.0'] } as const;
    const withheld = row(term(2014), { persistent_absence_rate: null }, { symbols: { persistent_absence_rate: 'c' } });
    const england = years({ ...higher, 2014: ['19.0'], ...later }, { area: 'England' });
    expect(told(alone([...years(higher), withheld, ...years(later)], { england }))).not.toContain('the highest');
    expect(told(alone(years({ ...higher, ...later }), { england }))).not.toContain('the highest');
    expect(told(alone(years({ ...higher, ...later })))).not.toContain('the highest');
  });

  it('tells since when: the figures of the area, those on record, or those that may be compared', () => {
    const rising = { 2021: ['20.0'], 2022: ['20.1'], 2023: ['20.3'], 2024: ['20.9'] } as const;
    const england = years({ 2016: ['10.0'], ...rising }, { area: 'England' });
    expect(told(alone(years(rising), { england }))).toContain(
      'from 20.3% in 2023/24. That is the highest since the area’s figures began in 2021/22.',
    );
    expect(told(alone(years(rising)))).toContain('the highest since the figures on record began in 2021/22.');
    expect(told(alone(years({ 2018: ['25.0'], ...rising }), { england }))).toContain(
      'the highest since comparable figures began in 2021/22.',
    );
  });

  it('says of a group that it is withheld, and not that there is none', () => {
    const [first] = lutonFacts().groups;
    if (first === undefined) throw new Error('the story has groups');
    const c = { persistent_absence_rate: 'c', severe_absence_rate: 'c' };
    const none = { persistent_absence_rate: null, severe_absence_rate: null };
    const options = { topic: 'SEN provision', breakdown: 'EHC plan', symbols: c };
    const withheld = row(term(2024), { enrolments: '1500', ...none, overall_absence_rate: '9.0' }, options);
    expect(told(composeBrief(lutonFacts({ groups: [{ ...first, withheld }] })), 'groups')).toMatch(
      /^The figures for Luton are withheld so that no pupil can be identified \(published as “c”\); across England, of pupils/,
    );
    const only = { ...first, where: 'area' as const, now: withheld, before: undefined, withheld };
    expect(told(composeBrief(lutonFacts({ groups: [only] })), 'groups')).toBe(
      'The figures for persistent absence and severe absence of pupils with an education, health and care (EHC) plan in Luton are withheld so that no pupil can be identified (published as “c”).',
    );
    const half = row(
      term(2024),
      { enrolments: '5000', persistent_absence_rate: '18.0', severe_absence_rate: null },
      { schoolType: 'State-funded primary', symbols: { severe_absence_rate: 'c' } },
    );
    const primary = { where: 'area', topic: 'Total', breakdown: 'Total', schoolType: 'State-funded primary' } as const;
    expect(told(composeBrief(lutonFacts({ groups: [{ ...primary, now: half, before: undefined }] })), 'groups')).toBe(
      'Of pupils in state-funded primary schools in Luton 18.0% were persistently absent; the figure for severe absence is withheld so that no pupil can be identified (published as “c”).',
    );
    const severe = { ...half, values: { enrolments: '5000', severe_absence_rate: '0.6' }, symbols: {} };
    expect(told(composeBrief(lutonFacts({ groups: [{ ...primary, now: severe, before: severe }] })), 'groups')).toBe(
      'Of pupils in state-funded primary schools in Luton 0.6% were severely absent.',
    );
  });

  it('minds one and many', () => {
    const [neighbour] = lutonFacts().neighbours?.rows ?? [];
    if (neighbour === undefined) throw new Error('the story has neighbours');
    const brief = composeBrief(lutonFacts({ neighbours: { configured: 3, rows: [neighbour] } }));
    expect(told(brief, 'comparison')).toContain('lower than in its one statistical neighbour with a figure (18.2%)');
    const one = composeBrief(
      lutonFacts({
        area: school,
        schoolType: 'State-funded primary',
        own: years({ 2023: ['12.5'], 2024: ['11.0'] }, area),
        authorities: [],
        groups: [],
        neighbours: undefined,
      }),
    );
    expect(one.headline).toBe('Hill Top School: persistent absence 11.0%');
    expect(told(one)).toMatch(/^11\.0% of pupil enrolments at Hill Top School \(about one in nine\)/);
    expect(told(one, 'comparison')).toContain('lower than in state-funded primary schools in England (17.6%');
    expect(one.chart?.title).toBe('Persistent absence at Hill Top School, autumn and spring terms');
  });

  it('says of a count that moved a lot what it was, where the rate as printed has not', () => {
    const own = (before: string, now: string): FigureRow[] =>
      [before, now].map((severe_absentees, i) =>
        row(term(2023 + i), { severe_absentees, severe_absence_rate: `0.0${2 - i}`, enrolments: '9000' }),
      );
    const of = (before: string, now: string): string => told(alone(own(before, now)));
    expect(of('2', '1')).toContain(
      '1 pupil enrolment in Luton (0.0%) was severely absent across the autumn and spring terms 2024/25, down from 2, the rate unchanged from 2023/24.',
    );
    expect(of('0', '3')).toContain('3 pupil enrolments in Luton (0.0%) were severely absent across the autumn and');
    expect(of('0', '3')).toContain(', up from none, the rate unchanged from 2023/24.');
    expect(of('100', '101')).toContain('2024/25, the rate unchanged from 2023/24.');
  });
  it('says in the words of the chart that a figure is unchanged', () => {
    const own = years({ 2022: ['20.0', '1.5'], 2023: ['20.0', '1.5'], 2024: ['20.0', '1.5'] });
    expect(composeBrief(lutonFacts({ own }), { focus: 'severe_absence_rate' }).chart?.alt).toContain(
      'Luton: unchanged at 1.5% from 2022/23 to 2024/25.',
    );
  });
  it('gives a figure the decimals that tell it from the line of a rule', () => {
    const own = years({ 2023: ['18.0', '1.9'], 2024: ['17.3', '1.998'] });
    const brief = composeBrief(lutonFacts({ own }), { focus: 'severe_absence_rate', threshold: 2 });
    expect(told(brief)).toContain('17.3% of pupil enrolments in Luton');
    expect(told(brief)).toContain(
      '1.998% of pupils (about one in 50) were severely absent, up 0.098 percentage points',
    );
    expect(
      brief.table.rows.find(({ place, measure }) => place === 'Luton' && measure.startsWith('severe')),
    ).toMatchObject({
      ...{ now: '1.998%', before: '1.900%' },
    });
    expect(brief.chart?.alt).toContain('A dashed line marks 2.00%.');
  });
  it('names the one missing year, and whose it is, once', () => {
    const text = told(alone(years({ 2022: ['20.0', '1.1'], 2024: ['19.0', '1.5'] })));
    expect(text).toContain('makes no trend: no figure for Luton was published for 2023/24.');
    expect(text).toContain('The figure before it, 1.1% for 2022/23, lies beyond the same gap.');
  });

  it('tells no frequency beside 0.0%', () => {
    const one = row(term(2024), { severe_absentees: '1', severe_absence_rate: '0.01' });
    expect(told(alone([one]))).toMatch(/^1 pupil enrolment in Luton \(0\.0%\) was severely absent/);
  });

  it('prints one more decimal where the change of the region or of England would contradict its figures', () => {
    const england = years({ 2023: ['18.04'], 2024: ['16.95'] }, { area: 'England' });
    const own = years({ 2023: ['18.0'], 2024: ['17.0'] });
    for (const beside of [{ england }, { region: england }])
      expect(alone(own, beside).table.rows.map(({ now, before, change }) => [now, before, change])).toEqual([
        ['17.00%', '18.00%', '−1.00'],
        ['16.95%', '18.04%', '−1.09'],
      ]);
  });

  it('says that other schools have figures, where all together have none', () => {
    const schools = { schoolType: 'State-funded primary' };
    const facts = { ...schools, otherTypes: ['State-funded secondary', 'Special'] };
    expect(told(alone(years({ 2024: ['17.3'] }, schools), facts), 'notes')).toBe(
      'Only state-funded primary schools are told here, as no figure for all schools together is published for Luton; figures for state-funded secondary schools and special schools are published apart.',
    );
    expect(told(alone(years({ 2024: ['17.3'] })), 'notes')).toBe('');
  });

  it('claims no more of a running total than the day of publication', () => {
    const ytd = row(academicPeriod(2024, 'Year to date'), { persistent_absence_rate: '17.3' }, { asOf: '2025-02-20' });
    const brief = alone([{ ...ytd, asOfPublication: true }]);
    expect(told(brief)).toContain('in the academic year 2024/25 so far, as published on 20 February 2025.');
    expect(brief.periodWords).toBe('year to date 2024/25, as at 20 February 2025');
    expect(brief.periodEnded).toBe('The figures count the year so far, as published on 20 February 2025.');
  });

  it('has articles, an “and” where it belongs, and “low” in the headline', () => {
    const city = { name: 'City of London', level: 'Local authority', code: 'E09000001', regionName: 'London' };
    expect(told(alone(years({ 2024: ['17.3'] }), { area: city }))).toMatch(/^17\.3% .* in the City of London \(/);
    expect(inPlace({ name: 'Isles Of Scilly', level: 'Local authority' })).toBe('in the Isles Of Scilly');
    const england = years({ 2024: ['17.6'] }, { area: 'England' });
    const region = years({ 2024: ['17.5'] }, { area: 'South West' });
    const neighbours = { configured: 1, rows: years({ 2024: ['17.0'] }) };
    const sides = alone(years({ 2024: ['17.3'] }), { england, region, neighbours });
    expect(told(sides, 'comparison')).toContain(
      'was lower than in England (17.6%) and in the South West (17.5%), and higher than in its one statistical neighbour (17.0%).',
    );
    const low = row(term(2024), { persistent_absence_rate: null }, { symbols: { persistent_absence_rate: 'low' } });
    expect(alone([low]).headline).toBe('Luton: persistent absence too low to show');
  });
});

describe('how figures are counted', () => {
  const counted = (count: string, rate: string): string =>
    told(alone([row(term(2024), { severe_absentees: count, severe_absence_rate: rate })]));

  it('knows one pupil, none, and rates without a count', () => {
    expect(counted('1', '0.5')).toContain('1 pupil enrolment in Luton (0.5%, about one in 200) was severely absent');
    expect(counted('0', '0.0')).toMatch(/^No pupil enrolments in Luton \(0\.0%\) were severely absent/);
    expect(counted('1234.5', '2.0')).toMatch(
      /^2\.0% of pupil enrolments in Luton \(about one in 50\) were severely absent/,
    );
  });

  it('tells running totals without counts, with their day in words', () => {
    const ytd = row(
      academicPeriod(2024, 'Year to date'),
      { persistent_absentees: '6569', persistent_absence_rate: '17.3' },
      { asOf: '2025-02-07' },
    );
    expect(told(alone([ytd]))).toMatch(
      /^17\.3% of pupil enrolments in Luton \(about one in six\) were persistently absent in the academic year 2024\/25 so far, up to 7 February 2025\./,
    );
    expect(told(alone([row(weekPeriod(2025, 8), { overall_absence_rate: '7.9' })]))).toContain(
      'Overall absence in Luton was 7.9% of possible sessions in week 8 2025.',
    );
  });

  it('names a suppressed figure and the last one published', () => {
    const own = [
      ...years({ 2023: ['18.0', '1.5'] }),
      row(term(2024), { persistent_absence_rate: null }, { symbols: { persistent_absence_rate: 'c' } }),
    ];
    expect(told(alone(own))).toBe(
      'The figure for persistent absence in Luton across the autumn and spring terms 2024/25 is withheld so that no pupil can be identified (published as “c”). The last one published was 18.0% for 2023/24.',
    );
    const running = row(
      academicPeriod(2024, 'Year to date'),
      { persistent_absence_rate: null },
      { asOf: '2025-02-07', symbols: { persistent_absence_rate: 'c' } },
    );
    const england = [row(running.period, { persistent_absence_rate: '25.0' }, { area: 'England', asOf: '2025-02-07' })];
    const secondary = composeBrief(
      lutonFacts({
        ...{ own: [running], england, region: [], groups: [], neighbours: undefined, rank: [] },
        schoolType: 'State-funded secondary',
      }),
    );
    expect(told(secondary)).toContain('2024/25 so far, up to 7 February 2025, is withheld so that');
    // The figures beside a withheld one are of the same schools, which no other word says.
    expect(told(secondary, 'comparison')).toBe(
      'Persistent absence in state-funded secondary schools was 25.0% in England.',
    );
    expect(symbolWords('low')).toContain('rounds to zero');
    expect(symbolWords('z')).toContain('not applicable');
    expect(symbolWords('')).toBe('missing in the release');
  });

  it('leaves out groups of fewer than a thousand enrolments', () => {
    const group = lutonFacts()
      .groups.slice(1)
      .map((one) => ({ ...one, now: { ...one.now, values: { ...one.now.values, enrolments: '999' } } }));
    expect(told(composeBrief(lutonFacts({ groups: group })), 'groups')).toBe('Small groups of pupils are left out.');
  });

  it('compares England with nobody and ranks only authorities', () => {
    const facts = lutonFacts();
    const brief = composeBrief({
      ...facts,
      area: { name: 'England', level: 'National', code: 'E92000001', regionName: undefined },
      own: facts.england,
      england: [],
      region: [],
      neighbours: undefined,
      authorities: [],
    });
    expect(brief.paragraphs.map(({ about }) => about)).toEqual(['area', 'groups']);
    expect(told(brief, 'groups')).toMatch(/^Of pupils with an education/);
  });
});

describe('natural frequencies', () => {
  it.each([
    ['17.3', 'one in 6'],
    ['17.6', 'two in 11'],
    ['20', 'one in 5'],
    ['2.3', 'one in 43'],
    ['40', 'two in 5'],
    ['67', 'two in 3'],
    ['1.501', 'one in 67'],
    ['1.5', 'one in 67'],
    ['45', undefined],
    ['75', undefined],
    ['100', undefined],
    ['0', undefined],
  ])('%s% is %s', (rate, expected) => {
    const near = naturalFrequency(decimal(rate));
    expect(near === undefined ? undefined : `${near.of === 1 ? 'one' : 'two'} in ${near.among}`).toBe(expected);
  });

  it('is never further than half a point away, rounded to a whole percentage or a tenth', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100_000 }), (thousandths) => {
        const near = naturalFrequency(decimal(thousandths).div(1000));
        if (near === undefined) return;
        const percent = (100 * near.of) / near.among;
        const away = [Math.round(percent), Math.round(percent * 10) / 10].map((one) =>
          Math.abs(one - thousandths / 1000),
        );
        expect(Math.min(...away)).toBeLessThanOrEqual(0.5 + 1e-9);
        if (near.of === 2) expect(near.among).toBeLessThanOrEqual(20);
      }),
    );
  });
});

describe('printed numbers', () => {
  const rate = fc.integer({ min: 0, max: 10_000_000 }).map((n) => (n / 100_000).toFixed(5));

  /** The true difference rounded; with two decimals the one of the figures as printed, which may be off by less than 0.01. */
  const expectTrue = (shown: string, exact: Decimal, said: string): void => {
    const places = shown.split('.')[1]?.length ?? 0;
    if (places === 1) expect(printed(shown, 1), said).toBe(printed(exact, 1));
    else expect([places, exact.minus(shown).abs().lt(0.01)], said).toEqual([2, true]);
  };

  it('never contradict each other: a printed difference is that of the printed figures, and the true one', () => {
    fc.assert(
      fc.property(fc.array(rate, { minLength: 2, maxLength: 5 }), (rates) => {
        const own = rates.map((value, i) => row(term(2025 - rates.length + i), { persistent_absence_rate: value }));
        const exact = decimal(rates.at(-1) ?? '0').minus(rates.at(-2) ?? '0');
        const text = told(alone(own)).split('The ')[0] ?? '';
        const change =
          /(\d+\.\d+)% of .*, (up|down)(?: slightly, by)? (\d+\.\d+) percentage points,? from (\d+\.\d+)% in/.exec(
            text,
          );
        const unchanged = /unchanged from/.test(text);
        const noPrevious = /gap|first figure/.test(text);
        expect(change !== null || unchanged || noPrevious, text).toBe(true);
        if (change === null) return;
        const [, now = '', direction, by = '', before = ''] = change;
        const shown = direction === 'up' ? by : `-${by}`;
        expectTrue(shown, exact, text);
        expect(decimal(now).minus(before).eq(shown), text).toBe(true);
      }),
    );
  });

  it('have the same decimals in prose, table and chart but where a change needs one more, and it contradicts no figures', () => {
    const stretch = fc.array(rate, { minLength: 4, maxLength: 4 });
    const rows = (rates: readonly string[], area: string): FigureRow[] =>
      rates.map((value, i) => row(term(2021 + i), { persistent_absence_rate: value }, { area }));
    fc.assert(
      fc.property(stretch, stretch, stretch, (luton, east, england) => {
        const brief = alone(rows(luton, 'Luton'), {
          region: rows(east, 'East of England'),
          england: rows(england, 'England'),
        });
        const quoted = brief.paragraphs
          .flatMap(({ sentences }) => sentences.flatMap(({ numbers }) => numbers))
          .filter(({ kind }) => kind === 'rate' || kind === 'difference')
          .map(({ text }) => text);
        const cells = brief.table.rows.flatMap(({ now, before, change }) => [now, before, change]);
        const alt = brief.chart?.alt.match(/\d+\.\d+%/g) ?? [];
        const placesOf = (text: string): number => /\.(\d+)/.exec(text)?.[1]?.length ?? 0;
        const decimals = [...quoted, ...cells, ...alt].map(placesOf);
        const own = brief.places.persistent_absence_rate ?? 0;
        if (own === 1) expect(new Set(decimals)).toEqual(new Set([1]));
        expect([1, 2]).toContain(own);
        for (const text of alt) expect(placesOf(text)).toBe(own);
        for (const { now, before, change, values } of brief.table.rows) {
          const shown = change.replace('−', '-').replace('+', '');
          expectTrue(shown, decimal(values.change ?? 0), change);
          expect(decimal(now.slice(0, -1)).minus(before.slice(0, -1)).eq(shown), `${now} ${before} ${change}`).toBe(
            true,
          );
        }
        for (const { sentences } of brief.paragraphs)
          for (const { text, value, kind } of sentences.flatMap(({ numbers }) => numbers))
            if (kind === 'difference') expectTrue(text, decimal(value).abs(), text);
      }),
    );
  });

  it('state a difference truly with any two figures, at whatever decimals the section has', () => {
    const long = fc.integer({ min: 0, max: 99_999_999 }).map((n) => decimal(n).div(9_999_991).times(7));
    fc.assert(
      fc.property(
        fc.oneof(rate.map(decimal), long),
        fc.oneof(rate.map(decimal), long),
        fc.constantFrom(1, 2),
        (a, b, p) => {
          const at = statedAt(a, b, p);
          expect([p, 2]).toContain(at);
          expectTrue(
            printed(decimal(printed(a, at)).minus(printed(b, at)), at),
            a.minus(b),
            `${a.toFixed()} ${b.toFixed()}`,
          );
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('take a change from the figures as printed where two decimals do not make it agree with them', () => {
    const rows = (before: string, now: string): FigureRow[] => years({ 2023: ['18.0', before], 2024: ['17.3', now] });
    const none = { region: [], neighbours: undefined, authorities: [], groups: [] };
    const brief = (before: string, now: string): Brief =>
      composeBrief(lutonFacts({ ...none, own: rows(before, now), england: rows('2.09483', '1.94744') }), {
        atLeast: { severe_absence_rate: 2 },
      });
    const luton = brief('1.89474', '2.36842');
    expect(told(luton), '0.474 unrounded').toContain('up 0.48 percentage points from 1.89%');
    expect(luton.table.rows.filter(({ measure }) => measure === 'severe_absence_rate')).toMatchObject([
      { now: '2.37%', before: '1.89%', change: '+0.48', values: { change: 0.47368 } },
      { now: '1.95%', before: '2.09%', change: '−0.14', values: { change: -0.14739 } },
    ]);
    const third = brief('1.9249', '1.9450');
    expect(told(third), '0.0201 unrounded').toContain('up slightly, by 0.03 percentage points, from 1.92%');
    expect(third.table.rows.find(({ measure }) => measure === 'severe_absence_rate')).toMatchObject({
      ...{ now: '1.95%', before: '1.92%', change: '+0.03' },
    });
    expect(third.places.severe_absence_rate).toBe(2);
    expect(told(brief('2.004', '2.001'))).toContain('severely absent, unchanged from 2023/24');
  });

  it('tell the mean of the neighbours a year before, and its change where the same ones have figures', () => {
    const of = (year: number, rates: Readonly<Record<string, string>>): FigureRow[] =>
      Object.entries(rates).flatMap(([area, rate]) => years({ [year]: [rate] }, { area, areaCode: area }));
    const mean = (before: FigureRow[], now: FigureRow[] = of(2024, { Slough: '18.2', Derby: '20.0' })) =>
      alone(years({ 2023: ['18.0'], 2024: ['17.3'] }), {
        neighbours: { configured: 3, rows: now, before },
      }).table.rows.find(({ place }) => place === 'Mean of neighbours');
    expect(mean(of(2023, { Slough: '18.0', Derby: '19.0' }))).toMatchObject({
      ...{ now: '19.1%', before: '18.5%', change: '+0.6', values: { now: 19.1, before: 18.5, change: 0.6 } },
    });
    expect(mean(of(2023, { Slough: '18.0', Derby: '19.0' }))?.sources).toHaveLength(4);
    expect(mean(of(2023, { Slough: '18.0' })), 'not of the same').toMatchObject({ before: '18.0%', change: '–' });
    expect(mean(of(2023, { Slough: '18.0', Reading: '19.0' }))).toMatchObject({ before: '18.5%', change: '–' });
    expect(mean([])).toMatchObject({ before: '–', change: '–', values: { before: null, change: null } });
    expect(mean(of(2023, { Slough: '18.05', Derby: '19.05' })), 'needs two decimals').toMatchObject({
      ...{ now: '19.10%', before: '18.55%', change: '+0.55' },
    });
  });

  it('say the same of a comparison in prose and table', () => {
    const england = years({ 2023: ['17.31'], 2024: ['17.34'] }, { area: 'England' });
    const brief = alone(years({ 2023: ['18.0'], 2024: ['17.3'] }), { england });
    expect(told(brief, 'comparison')).toContain('England (17.3%, unchanged)');
    expect(brief.table.rows.find(({ place }) => place === 'England')).toMatchObject({
      now: '17.3%',
      before: '17.3%',
      change: '0.0',
      values: { change: 0.03 },
    });
    const close = alone(years({ 2023: ['18.04'], 2024: ['17.255'] }), { england });
    expect(told(close)).toContain(
      '17.26% of pupil enrolments in Luton (about one in six) were persistently absent across the autumn and spring terms 2024/25, down slightly, by 0.78 percentage points, from 18.04% in 2023/24',
    );
    expect(told(close, 'comparison')).toContain('Luton (17.26%) was lower than in England (17.34%, up from 17.31%)');
    expect(close.table.rows.find(({ place }) => place === 'England')).toMatchObject({ now: '17.34%', change: '+0.03' });
    expect(close.headline).toBe('Luton: persistent absence 17.26%');
  });

  it('never contradict each other in a told speeding up or slowing', () => {
    const close = fc.integer({ min: 0, max: 300 }).map((n) => (17 + n / 100).toFixed(2));
    fc.assert(
      fc.property(fc.array(close, { minLength: 4, maxLength: 4 }), (rates) => {
        const text = told(alone(rates.map((value, i) => row(term(2021 + i), { persistent_absence_rate: value }))));
        const [, how, all = ''] = /has (slowed|sped up)[^:]*: (.*)\./.exec(text) ?? [];
        if (how === undefined) return;
        expect(text).not.toContain('unchanged');
        const steps = [...all.matchAll(/(\d+\.\d+)(?: percentage points)? in/g)].map(([, step]) => Number(step));
        const sorted = [...steps].sort((a, b) => (how === 'slowed' ? b - a : a - b));
        expect(steps.length).toBeGreaterThan(1);
        expect(steps).toEqual(sorted);
        expect(steps).not.toContain(0);
        expect(new Set(steps).size).toBe(steps.length);
        const last = /(?:up|down)(?: slightly, by)? (\d+\.\d+) percentage points/.exec(text)?.[1];
        expect(last).toBe(steps.at(-1)?.toFixed(last?.split('.')[1]?.length));
      }),
    );
  });

  it('keep to the rounding of decimals, half away from zero', () => {
    expect(told(alone(years({ 2024: ['6.55'] })))).toContain('6.6%');
    expect(told(alone(years({ 2024: ['1.005'] })))).toContain('1.0%');
  });
});

describe('words', () => {
  it('counts places', () => {
    expect([1, 2, 3, 4, 11, 12, 13, 21, 101, 111, 112, 122].map(ordinal)).toEqual([
      '1st',
      '2nd',
      '3rd',
      '4th',
      '11th',
      '12th',
      '13th',
      '21st',
      '101st',
      '111th',
      '112th',
      '122nd',
    ]);
  });

  it('knows when a period ended', () => {
    expect(periodEnded(term(2024))).toBe('The period ended with the spring term, at Easter 2025.');
    expect(periodEnded(term(2024, 'Autumn term'))).toBe('The term ended at Christmas 2024.');
    expect(periodEnded(term(2024, 'Academic year'))).toBe('The academic year ended in July 2025.');
    expect(periodEnded(weekPeriod(2025, 8))).toBe('The week ended on 21 February 2025.');
    expect(periodEnded(term(2024, 'Year to date'), '2025-07-11')).toBe(
      'The figures count the year up to 11 July 2025.',
    );
  });
});

describe('a brief as JSON', () => {
  it('has figures as numbers, and where each stands', () => {
    const json = briefJson(composeBrief(lutonFacts()));
    expect(json).toMatchObject({
      area_name: 'Luton',
      time_period: '202425',
      releases: [{ data_set_version: '1.0.0', published_at: '2025-10-23T08:30:00.000Z' }],
    });
    expect(json['table']).toContainEqual(
      expect.objectContaining({
        measure: 'persistent_absence_rate',
        place: 'Luton',
        now: 17.3,
        before: 18,
        change: -0.7,
      }),
    );
    expect(JSON.stringify(json)).toContain('"text":"17.3%","value":17.3,"kind":"rate","from":[{"area":"Luton"');
  });
});
