/**
 * What happens at EES in the kill harness: history, a second series, a crossing, a data set held back, an amendment, a
 * data set put right, a version withdrawn; with recipients of which one is refused for good.
 */
import type { StandIn } from '../../../demo/stand-in.js';
import { smallGroups, smallLong, smallWide, type Shares, type SmallFile } from './small-files.js';

const PUBLICATION = 'pupil-absence-in-schools-in-england';
const LONG_SET = '019d209c-08dc-74b6-9edb-52d521406fcf';
const REFUSED = 'gone@luton.example';

export const REFUSED_RECIPIENT = REFUSED;

export const SCENARIO_CONFIG = `
sources:
  - publication: ${PUBLICATION}
recipients:
  team: [attendance@luton.example, ${REFUSED}]
  desk: [desk@example.org]
rules:
  - { name: England severe, measure: severe_absence_rate, areas: [England], above: 1.65, notify: [team, desk] }
  - { name: Luton persistent, measure: persistent_absence_rate, areas: [Luton], above: 20, worse_by: 0.1, notify: [team] }
  - { name: Authorities severe, measure: severe_absence_rate, areas: [{ level: Local authority }], above: 2.0, clear_below: 1.9, notify: [desk] }
  - { name: EHC plan pupils, measure: severe_absence_rate, areas: [England], breakdown: { topic: SEN provision, value: EHC plan }, above: 7, notify: [desk] }
  - { name: Persistent absence climbing, measure: persistent_absence_rate, areas: [{ level: Local authority }], rise: 1.0, notify: [team] }
briefs:
  - { areas: [Luton], notify: [team] }
mail: { from: watch@luton.example, operator: [ops@luton.example] }
`;

const NAMES = { wide: 'Absence rates by geographic level', groups: 'Absence by pupil characteristics' };
const LONG = 'Absence for persistent and severe absentees';

const BEFORE: Readonly<Record<string, Shares>> = {
  'Derby 2022': [18.4, 2.2],
  'Derby 2023': [19, 2.3],
  'Luton 2023': [18, 1.5],
};
const YEAR_2024: SmallFile = {
  identifier: 'Academic year',
  years: [2022, 2023, 2024],
  shares: {
    ...BEFORE,
    'Luton 2024': [20.5, 2.15],
    'Derby 2024': [18.2, 1.5],
    'Medway 2024': [18.9, 2.05],
  },
};
const AMENDED: SmallFile = {
  ...YEAR_2024,
  shares: { ...YEAR_2024.shares, 'Luton 2024': [20.7, 2.15], 'Medway 2024': [18.9, 1.85] },
};
const GROUPS_2024 = smallGroups(YEAR_2024, { 2022: 6, 2023: 6.5, 2024: 7.3 });

export interface Step {
  readonly says: string;
  readonly at: string;
  readonly apply: (ees: StandIn, at: string) => void;
}

export const STEPS: readonly Step[] = [
  {
    says: 'history, two ways of the same figures and one pupil group',
    at: '2025-03-20T09:30:02Z',
    apply: (ees, at) => {
      const history: SmallFile = { identifier: 'Academic year', years: [2021, 2022, 2023], shares: BEFORE };
      ees.publish({
        publication: PUBLICATION,
        slug: '2023-24',
        title: 'Academic year 2023/24',
        at,
        files: [
          { name: 'wide.csv', title: NAMES.wide, content: smallWide(history) },
          { name: 'groups.csv', title: NAMES.groups, content: smallGroups(history, { 2022: 6, 2023: 6.5 }) },
          { name: 'long.csv', title: LONG, content: smallLong(history), api: { dataSetId: LONG_SET } },
        ],
      });
    },
  },
  {
    says: 'another series: autumn and spring terms',
    at: '2025-10-23T08:30:04Z',
    apply: (ees, at) => {
      ees.publish({
        publication: PUBLICATION,
        slug: '2024-25-autumn-and-spring-term',
        title: 'Autumn and spring term 2024/25',
        at,
        files: [
          {
            name: 'wide.csv',
            title: NAMES.wide,
            content: smallWide({
              identifier: 'Autumn and spring term',
              years: [2022, 2023, 2024],
              shares: { 'Luton 2024': [20.4, 2.1], 'Leicester 2023': [17, 2.4], 'Leicester 2024': 'c' },
            }),
          },
        ],
      });
    },
  },
  {
    says: 'a new year: Luton crosses, Derby clears; a data set contradicts itself and is held back',
    at: '2026-03-26T09:30:11Z',
    apply: (ees, at) => {
      ees.publish({
        publication: PUBLICATION,
        slug: '2024-25',
        title: 'Academic year 2024/25',
        at,
        files: [
          { name: 'wide.csv', title: NAMES.wide, content: smallWide(YEAR_2024) },
          { name: 'groups.csv', title: NAMES.groups, content: GROUPS_2024.replace(/7\.\d+$/m, '9.9') },
          { name: 'long.csv', title: LONG, content: smallLong(YEAR_2024), api: { dataSetId: LONG_SET } },
        ],
      });
    },
  },
  {
    says: 'an amendment: Luton revised, Medway was never above its line',
    at: '2026-04-09T13:05:40Z',
    apply: (ees, at) => {
      ees.amend({
        publication: PUBLICATION,
        release: '2024-25',
        at,
        note: 'Figures of Luton and Medway corrected.',
        replace: [
          { file: NAMES.wide, content: smallWide(AMENDED) },
          { file: LONG, content: smallLong(AMENDED) },
        ],
      });
    },
  },
  {
    says: 'the data set that was held back comes right',
    at: '2026-04-23T10:00:00Z',
    apply: (ees, at) => {
      ees.amend({
        publication: PUBLICATION,
        release: '2024-25',
        at,
        replace: [{ file: NAMES.groups, content: GROUPS_2024 }],
      });
    },
  },
  {
    says: 'the newest version in the API is withdrawn',
    at: '2026-05-07T09:00:00Z',
    apply: (ees, at) => {
      const versions = ees.dataSet(LONG_SET).versions;
      const newest = versions.at(-1);
      if (newest === undefined) throw new Error('the scenario has published no version');
      ees.withdrawVersion(LONG_SET, `${newest.major}.${newest.minor}.${newest.patch}`.replace(/\.0$/, ''), at);
    },
  },
];

/** History; a new year with crossings and a data set held back; an amendment. The long run plays all. */
export const FEWER_STEPS: readonly Step[] = [...STEPS.slice(0, 1), ...STEPS.slice(2, 4)];
