/** Mails for a dozen situations, from briefs and events as they are recorded. */
import { composeBrief, type BriefOptions } from '../../src/alerts/brief.js';
import type { BriefArea, BriefFacts } from '../../src/alerts/brief-model.js';
import type { MailModel, MailNews, MailSection } from '../../src/alerts/mail-model.js';
import { academicPeriod, weekPeriod } from '../../src/domain/period.js';
import { lutonFacts, RELEASE, row, term, years } from './brief-fixtures.js';

export const LUTON: BriefArea = {
  name: 'Luton',
  level: 'Local authority',
  code: 'E06000032',
  regionName: 'East of England',
};
const ENGLAND: BriefArea = { name: 'England', level: 'National', code: 'E92000001', regionName: undefined };
const BEDFORD: BriefArea = { ...LUTON, name: 'Bedford', code: 'E06000055' };
const SERIES = 'absence/autumn-and-spring-term';

export function news(changes: Partial<MailNews> = {}): MailNews {
  const value = changes.value === undefined ? '2.1' : changes.value;
  return {
    event: 'crossed',
    rule: 'Luton severe absence',
    condition: { kind: 'above', line: 2, clearBelow: 1.8 },
    measure: 'severe_absence_rate',
    area: LUTON,
    series: SERIES,
    period: term(2024),
    asOf: undefined,
    schoolType: 'Total',
    topic: 'Total',
    breakdown: 'Total',
    value,
    previous: '1.5',
    inBreach: true,
    betweenLines: false,
    threshold: '2',
    compared: value,
    reason: 'severe absence 2.1%, above the line of 2.0%; it was 1.5% in autumn and spring terms 2023/24',
    release: RELEASE,
    fingerprint: 'luton-severe-202425',
    ...changes,
  };
}

/** Without a picture: pictures are drawn and looked at elsewhere. */
export function section(facts: BriefFacts, some: readonly MailNews[] = [], options: BriefOptions = {}): MailSection {
  const brief = composeBrief(facts, options);
  const chart = brief.chart === undefined ? undefined : { png: Buffer.from('picture'), svg: '', alt: brief.chart.alt };
  const { topic, breakdown } = facts.group ?? { topic: 'Total', breakdown: 'Total' };
  const slice = { schoolType: facts.schoolType, topic, breakdown };
  return { area: facts.area, series: facts.series, ...slice, news: some, brief, chart };
}

export function model(sections: readonly MailSection[], changes: Partial<MailModel> = {}): MailModel {
  return {
    date: new Date('2025-10-23T08:41:00Z'),
    from: { name: 'Absence watch', address: 'absence@luton.example' },
    replyTo: undefined,
    to: 'officer@luton.example',
    groups: ['attendance-team'],
    owner: 'Data team, data@luton.example',
    sections,
    composed: false,
    followUp: undefined,
    silenced: 0,
    notices: [],
    references: [],
    versions: ['Absence by authority 1.0.0'],
    ...changes,
  };
}

/** Luton with a severe absence of 2.1%, up from 1.5%. */
function lutonAbove(severe = '2.1', count = '797'): BriefFacts {
  const facts = lutonFacts();
  const last = facts.own.at(-1);
  if (last === undefined) throw new Error('the story has figures');
  const now = { ...last, values: { ...last.values, severe_absence_rate: severe, severe_absentees: count } };
  return { ...facts, own: [...facts.own.slice(0, -1), now] };
}

function authority(name: string, code: string, severe: string, before = '1.9'): BriefFacts {
  const own = years(
    { 2022: ['20.0', '1.6'], 2023: ['19.0', before], 2024: ['18.2', severe] },
    { area: name, areaCode: code },
  );
  return lutonFacts({
    area: { name, level: 'Local authority', code, regionName: 'South East' },
    own,
    region: [],
    groups: [],
    neighbours: undefined,
    authorities: [],
  });
}

function many(count: number): MailSection[] {
  return Array.from({ length: count }, (_, i) => {
    const name = `Authority ${String(i + 1).padStart(2, '0')}`;
    const code = `E060009${String(i).padStart(2, '0')}`;
    const severe = `2.${(i % 8) + 1}`;
    const area: BriefArea = { name, level: 'Local authority', code, regionName: undefined };
    return {
      ...section(authority(name, code, severe), [
        news({
          area,
          value: severe,
          previous: '1.9',
          rule: 'Severe absence, all authorities',
          fingerprint: code,
          reason: `severe absence ${severe}%, above the line of 2.0%; it was 1.9% in autumn and spring terms 2023/24`,
        }),
      ]),
      chart: undefined,
    };
  });
}

function ytd(): BriefFacts {
  const at = (year: number, rate: string, day: string, area: string): BriefFacts['own'] => [
    row(
      academicPeriod(year, 'Year to date'),
      { persistent_absence_rate: rate, overall_absence_rate: year < 2024 ? '7.0' : '6.6' },
      { asOf: day, area, schoolType: 'State-funded secondary' },
    ),
  ];
  return lutonFacts({
    series: 'attendance/year-to-date',
    schoolType: 'State-funded secondary',
    own: [...at(2023, '25.9812345', '2024-07-12', 'Luton'), ...at(2024, '24.113', '2025-07-11', 'Luton')],
    region: [],
    england: [...at(2023, '26.1', '2024-07-12', 'England'), ...at(2024, '24.9', '2025-07-11', 'England')],
    neighbours: undefined,
    authorities: [],
    groups: [],
    releases: [
      {
        publication: 'Pupil attendance in schools',
        title: 'Week 28 2025',
        status: 'official statistics',
        url: undefined,
        dataSet: 'Attendance, year to date',
        version: '2.1.1',
        publishedAt: new Date('2025-07-24T08:30:00Z'),
      },
    ],
  });
}

function suppressed(): BriefFacts {
  const facts = lutonFacts();
  const area = { area: 'Hill Top School', areaCode: '109123' };
  return {
    ...facts,
    area: { name: 'Hill Top School', level: 'School', code: '109123', regionName: 'East of England' },
    own: [
      row(term(2023), { persistent_absence_rate: '12.5', severe_absence_rate: '0.9' }, area),
      row(
        term(2024),
        { enrolments: '208', persistent_absentees: '1', persistent_absence_rate: '0.5', severe_absence_rate: null },
        { ...area, symbols: { severe_absence_rate: 'c' } },
      ),
    ],
    authorities: [],
    neighbours: undefined,
    groups: [],
  };
}

function englandFacts(): BriefFacts {
  const facts = lutonFacts();
  return {
    ...facts,
    area: ENGLAND,
    own: facts.england,
    region: [],
    england: [],
    neighbours: undefined,
    authorities: [],
    groups: facts.groups.slice(0, 1).map((group) => ({ ...group, where: 'area' as const })),
  };
}

/** England's pupils with an EHC plan alone. */
function ehcPlanFacts(): BriefFacts {
  const facts = englandFacts();
  const group = facts.groups.find(({ breakdown }) => breakdown === 'EHC plan');
  if (group?.before === undefined) throw new Error('the story has an EHC plan group');
  const { topic, breakdown, before, now } = group;
  return { ...facts, group: { topic, breakdown }, own: [before, now], groups: [] };
}

function week(): BriefFacts {
  const at = (year: number, rate: string): BriefFacts['own'] => [
    row(weekPeriod(year, 8), { overall_absence_rate: rate }, { asOf: `${year}-02-21` }),
  ];
  return lutonFacts({
    series: 'attendance/week',
    own: [...at(2024, '7.4'), ...at(2025, '7.9')],
    region: [],
    england: [],
    neighbours: undefined,
    authorities: [],
    groups: [],
  });
}

const ehcPlan = news({
  rule: 'EHC plan pupils, England',
  condition: { kind: 'above', line: 7, clearBelow: undefined },
  area: ENGLAND,
  topic: 'SEN provision',
  breakdown: 'EHC plan',
  value: '7.3',
  previous: '6.6',
  threshold: '7',
  reason:
    'severe absence of pupils with an education, health and care (EHC) plan 7.3%, above the line of 7.0%; it was 6.6% in autumn and spring terms 2023/24',
  fingerprint: 'england-ehc',
});

/** Name of the golden files, and the mail. */
export const SITUATIONS: Readonly<Record<string, () => MailModel>> = {
  'the-story-of-luton': () => model([section(lutonFacts())]),
  'one-line-crossed': () => model([section(lutonAbove(), [news()], { focus: 'severe_absence_rate', threshold: 2 })]),
  'rounding-would-hide-the-crossing': () =>
    model([
      section(
        lutonAbove('2.04', '775'),
        [
          news({
            value: '2.04',
            reason: 'severe absence 2.04%, above the line of 2.00%; it was 1.50% in autumn and spring terms 2023/24',
          }),
        ],
        { focus: 'severe_absence_rate', threshold: 2, places: 2 },
      ),
    ]),
  'several-areas': () => {
    const slough: BriefArea = { name: 'Slough', level: 'Local authority', code: 'E06000039', regionName: 'South East' };
    return model([
      section(authority('Slough', 'E06000039', '2.8', '2.1'), [
        news({
          area: slough,
          event: 'worse',
          value: '2.8',
          previous: '2.1',
          fingerprint: 'slough',
          rule: 'Severe absence nearby',
          reason:
            'severe absence 2.8%, still above the line of 2.0%, 0.7 percentage points further than the 2.1% last mailed; it was 2.1% in autumn and spring terms 2023/24',
        }),
      ]),
      section(lutonAbove(), [
        news(),
        news({
          event: 'crossed',
          rule: 'Falling',
          condition: { kind: 'fall', line: 0.5 },
          measure: 'persistent_absence_rate',
          value: '17.3',
          previous: '18.0',
          threshold: '0.5',
          compared: '0.7',
          fingerprint: 'fall',
          reason:
            'persistent absence 17.3%, down 0.7 percentage points from 18.0% (autumn and spring terms 2023/24), more than the line of 0.5 percentage points',
        }),
      ]),
      section(authority('Derby', 'E06000015', '1.7'), []),
    ]);
  },
  cleared: () =>
    model(
      [
        section(lutonAbove('1.7', '646'), [
          news({
            event: 'cleared',
            inBreach: false,
            value: '1.7',
            previous: '2.1',
            reason:
              'severe absence 1.7%, below the clearing line of 1.8%; it was 2.1% in autumn and spring terms 2023/24',
          }),
        ]),
      ],
      { references: ['<first@luton.example>', '<second@luton.example>'] },
    ),
  reminder: () =>
    model([
      section(lutonAbove('2.2', '835'), [
        news({
          event: 'reminder',
          value: '2.2',
          previous: '2.1',
          reason:
            'severe absence 2.2%, still above the line of 2.0%; it was 2.1% in autumn and spring terms 2023/24; told at each release, as the rule asks',
        }),
      ]),
    ]),
  'reminder-between-the-lines': () =>
    model([
      section(
        lutonAbove('1.9', '721'),
        [
          news({
            event: 'reminder',
            value: '1.9',
            previous: '2.1',
            betweenLines: true,
            reason:
              'severe absence 1.9%, no longer above the line of 2.0%, but not yet below the clearing line of 1.8%; it was 2.1% in autumn and spring terms 2023/24; told at each release, as the rule asks',
          }),
        ],
        { focus: 'severe_absence_rate', threshold: 2 },
      ),
    ]),
  corrected: () =>
    model([
      section(lutonFacts(), [
        news({
          event: 'corrected',
          rule: 'Luton persistent absence',
          condition: { kind: 'above', line: 17, clearBelow: undefined },
          measure: 'persistent_absence_rate',
          value: '17.3',
          previous: '17.9',
          threshold: '17',
          reason:
            'persistent absence in autumn and spring terms 2024/25 revised: was 17.9%, now 17.3%, still above the line of 17.0%',
          fingerprint: 'corrected',
        }),
      ]),
    ]),
  'first-look': () =>
    model([
      section(lutonAbove(), [
        news({
          event: 'baseline',
          previous: null,
          reason: 'first look under this rule: severe absence 2.1%, above the line of 2.0%',
        }),
      ]),
      section(ehcPlanFacts(), [
        {
          ...ehcPlan,
          event: 'baseline',
          previous: null,
          reason:
            'first look under this rule: severe absence of pupils with an education, health and care (EHC) plan 7.3%, above the line of 7.0%',
        },
      ]),
    ]),
  'area-ended': () =>
    model([
      {
        area: { name: 'Cumbria', level: 'Local authority', code: 'E10000006', regionName: 'North West' },
        series: SERIES,
        ...{ schoolType: 'Total', topic: 'Total', breakdown: 'Total' },
        news: [
          news({
            event: 'area ended',
            area: { name: 'Cumbria', level: 'Local authority', code: 'E10000006', regionName: 'North West' },
            value: null,
            reason:
              'Cumbria was abolished on 31 March 2023 and has no figure of its own any more: its place was taken by Cumberland, and by Westmorland and Furness; last figure 2.3% in autumn and spring terms 2022/23. The alert is closed; that is no improvement',
          }),
        ],
        brief: undefined,
        chart: undefined,
        releases: lutonFacts().releases,
      },
    ]),
  'no-figure-in-the-release': () =>
    model([
      {
        area: BEDFORD,
        series: SERIES,
        ...{ schoolType: 'Total', topic: 'Total', breakdown: 'Total' },
        news: [
          news({
            event: 'area ended',
            area: BEDFORD,
            value: null,
            reason:
              'Bedford has no figure in autumn and spring terms 2024/25, where others have one (on_missing_area: clear); last figure 2.3% in autumn and spring terms 2023/24. The alert is closed; that is no improvement',
          }),
        ],
        brief: undefined,
        chart: undefined,
        releases: lutonFacts().releases,
      },
      {
        area: LUTON,
        series: SERIES,
        ...{ schoolType: 'Total', topic: 'Total', breakdown: 'Total' },
        news: [],
        brief: undefined,
        chart: undefined,
        lacking: term(2024),
        releases: lutonFacts().releases,
      },
    ]),
  'pupil-group-of-england': () =>
    model([section(ehcPlanFacts(), [ehcPlan], { focus: 'severe_absence_rate', threshold: 7 })]),
  'gap-to-england': () =>
    model([
      section(authority('Derby', 'E06000015', '2.9'), [
        news({
          area: { name: 'Derby', level: 'Local authority', code: 'E06000015', regionName: 'East Midlands' },
          rule: 'Far above England',
          condition: { kind: 'gap_to_england', line: 0.5, clearBelow: undefined },
          value: '2.9',
          previous: '1.9',
          threshold: '0.5',
          compared: '0.62',
          reason:
            'severe absence 2.9%, 0.6 percentage points above England (2.3%), more than the line of 0.5 percentage points',
        }),
      ]),
    ]),
  composed: () => model([section(lutonAbove(), [news()], { composed: true })], { composed: true }),
  'follow-up-with-silences-and-notices': () =>
    model([section(lutonAbove(), [news()])], {
      followUp: 'told before',
      silenced: 2,
      notices: ['Term figures are only in release files of the website, which could not be reached in this run.'],
    }),
  'suppressed-at-a-school': () => model([section(suppressed())]),
  'year-to-date-of-a-school-type': () => model([section(ytd())]),
  'a-week': () => model([section(week())]),
  'more-areas-than-a-mail-holds': () => model(many(27)),
};
