/**
 * Quality gates between reading a version and making it current: what is held against what, how much play there is,
 * and what happens beyond it. Pure and streaming: gates see every batch of observations and judge at the end; they
 * keep small tables per area (never per school) and nothing of the file itself.
 */
import type { Observation } from '../domain/figure.js';
import { MEASURES } from '../domain/measure.js';
import { contradictions, figuresWithinRange, partsWithinWholes, readNumbers, type Numbers } from './gate-figures.js';
import { pupilGroups } from './gate-groups.js';
import { releaseShape } from './gate-shape.js';
import { authoritiesAndEngland, phasesAndTotal } from './gate-sums.js';
import { readShape, type ReleaseShape } from './release-shape.js';

export type GateName =
  | 'file'
  | 'columns'
  | 'cells'
  | 'time'
  | 'areas'
  | 'school type'
  | 'key unique'
  | 'pupil groups'
  | 'England and regions'
  | 'authorities'
  | 'measures'
  | 'rates in range'
  | 'rate and count'
  | 'parts and wholes'
  | 'rates are percent'
  | 'enrolments'
  | 'phases add up'
  | 'authorities add up'
  | 'rows'
  | 'suppressed'
  | 'data sets agree';

export interface GateVerdict {
  readonly gate: GateName;
  readonly verdict: 'pass' | 'warn' | 'quarantine';
  /** What was found, with figures. */
  readonly message: string;
  /** The first findings, for a closer look. */
  readonly detail?: unknown;
}

/** One line of docs/gates.md. */
export interface GateDescription {
  readonly gate: GateName;
  /** What is held against what. */
  readonly holds: string;
  readonly tolerance: string;
  /** Which levels and periods it binds. */
  readonly binds: string;
  /** What happens beyond the tolerance. */
  readonly verdict: string;
}

const REFUSES = 'quarantine; nothing of the file is loaded, so it cannot be accepted';

/** All gates, in the order in which a file meets them. docs/gates.md is this table. */
export const GATES: readonly GateDescription[] = [
  {
    gate: 'file',
    holds:
      'every record has as many cells as the header; quotes open and close; no NUL bytes; no record over 1 MiB; at least one row has a figure',
    tolerance:
      'blank lines, rows of empty cells, any line end, a byte order mark; what is not UTF-8 is read as Windows-1252 with a warning',
    binds: 'every file',
    verdict: REFUSES,
  },
  {
    gate: 'columns',
    holds: 'the columns for period, identifier, level and figures are there, each once',
    tolerance: 'any order, case and known spelling; new columns are ignored and noted (but see cells)',
    binds:
      'every file that has one of the five rates, or enrolments and a count that give one (it is then computed, and marked so); others are refused with the reason',
    verdict: REFUSES,
  },
  {
    gate: 'cells',
    holds:
      'each watched cell is a plain decimal number or a known symbol; each row says which pupils it is about, and no filter that is not known narrows it',
    tolerance:
      'symbols bare or in brackets, spaces around; filters that are not known may have Total, All, All pupils, or not apply',
    binds:
      'the watched columns; columns that are not known where the meta file declares them a Filter, or their name or values speak of groups of pupils, or some rows have Total in them and others have not; columns known to leave out schools (trust, academy type) or sessions (reasons, kinds of attendance), but not in rows about one school',
    verdict: REFUSES,
  },
  {
    gate: 'time',
    holds:
      'period and identifier are known and fit together (six digits of two consecutive years; four digits for a week)',
    tolerance: 'known spellings',
    binds: 'every row',
    verdict: REFUSES,
  },
  {
    gate: 'areas',
    holds:
      'the level is known and the row names one area of it: three digits, ONS code and name of one authority; code and name of one region or country',
    tolerance:
      'padded codes; a missing code where the name is unambiguous; known spellings; codes and names that are not known yet, but no known name under an unknown code of a region or country; rows about an unknown place (its name says so, or its code is a symbol and its name no known one) are left out and noted',
    binds: 'every row',
    verdict: REFUSES,
  },
  {
    gate: 'school type',
    holds:
      'columns, the title, the meta file or --school-type say which schools the figures are about; of several columns each counts (a phase beside a type of school), in rows about one school the first alone',
    tolerance:
      'none: never Total by default; rows of two types at once that no type has a name for are left out and noted',
    binds: 'every file',
    verdict: REFUSES,
  },
  {
    gate: 'key unique',
    holds: 'area, series, period, school type and breakdown occur once',
    tolerance:
      'two schools under one URN are told apart by their LAESTAB and noted; a Total that each topic of pupil groups repeats with the same figures is one row, and noted',
    binds: 'every row',
    verdict: REFUSES,
  },
  {
    gate: 'pupil groups',
    holds: 'every pupil group has a name that is known',
    tolerance: 'known spellings; a group or topic that may be new is kept as the file calls it, and warned of',
    binds:
      'every row; quarantine for topics with few groups that never change (SEN provision, FSM eligibility, sex), where an unknown one is another spelling',
    verdict: 'warn or quarantine',
  },
  {
    gate: 'England and regions',
    holds:
      'England and each region that the series had in its last release, or in another period of the file, is in its newest period; an older period that has regions has all, and what the last release had of it; a version that replaces another within its release has all its finished periods; where one series of the file has England and at least 100 authorities, each has England; no one to three rows, but for a headline of England, stand under a time identifier of their own beside ten times as many for the same year (a mistyped one); all of this also for the rows about all schools and all pupils; and England and the regions in each school type and pupil group that had them in the last release or the year before in the file',
    tolerance: 'London may come as one or as Inner and Outer London',
    binds:
      'series whose data set has those levels; weeks, as holiday weeks differ by area: in any week of the file, in each in which the last release had them or other rows of theirs are there, and in each in which half as many of their authorities have a rate as in their fullest week',
    verdict: 'quarantine',
  },
  {
    gate: 'authorities',
    holds:
      'number of authorities in the newest period against the last release of the series; in older periods against the last release and against the period after; all of this also for the rows about all schools and all pupils; and of each school type and pupil group against the last release or the year before in the file',
    tolerance:
      '3 more or fewer, and less than a third gone; one in ten where only alternative provision or special schools are counted; of one school type or pupil group less than a third gone',
    binds: 'series that had authorities in the last release, or in other finished periods of the file; weeks exempt',
    verdict: 'quarantine',
  },
  {
    gate: 'measures',
    holds:
      'each measure (rate, count, enrolments) that the newest period of the series had in the last release or the year before in the file, and in the last release for England, for regions, for authorities; and each that some places have in a period, for the other places of it, also for the rows about all schools and all pupils; the same for each school type and pupil group, also against the year before in the file',
    tolerance:
      'a symbol will do, an empty cell only in a week, where there may be holidays; 3 authorities may be without, one in ten where only alternative provision or special schools are counted, less than a third of those of one school type or pupil group',
    binds:
      'the newest period and all finished ones; against the last release running periods only within a year, as their persistent absence begins in January',
    verdict: 'quarantine',
  },
  {
    gate: 'rates in range',
    holds: 'every rate is between 0 and 100 percent, no count is below zero',
    tolerance: 'none',
    binds: 'every figure',
    verdict: 'quarantine',
  },
  {
    gate: 'rate and count',
    holds: 'persistent and severe absence rates against count / enrolments of the same row',
    tolerance:
      '0.55 of the last decimal place of the rate (some files were rounded twice); where all counts of the level are multiples of 5, also 2.5 on each count',
    binds:
      'rows with rate, count and enrolments; of running periods only whole numbers (attendance estimates have fractions)',
    verdict: 'quarantine at the first contradiction',
  },
  {
    gate: 'parts and wholes',
    holds:
      'severe absentees are persistent absentees, who are enrolments, and so are their rates; authorised and unauthorised are no more than overall absence and make it',
    tolerance:
      'none, as rounding keeps the order; rates of unequal decimals half of the coarser one; sums one and a half of the last decimal place',
    binds: 'rows that have both sides',
    verdict:
      'quarantine for parts; for authorised and unauthorised absence warn, quarantine where they miss overall absence by more than one point, or nine in ten rows have more of them (columns that changed places)',
  },
  {
    gate: 'rates are percent',
    holds:
      'mean of each rate against the last release of the series and against the period next to it in the file, same level, school type and topic of pupil groups; overall, authorised and persistent absence also by themselves',
    tolerance: 'a factor of 10; by themselves most are 1% or more',
    binds: 'every period; England, and any other level with at least 10 rows',
    verdict: 'quarantine',
  },
  {
    gate: 'enrolments',
    holds:
      'enrolments of an area against the year before, in the file and in the last release, and against the same period of the last release',
    tolerance: 'a quarter; areas below 1,000 enrolments exempt',
    binds:
      'school type Total, all pupils; England, regions, authorities; finished periods; year to date only against the same year, as its estimates count the schools that send registers',
    verdict: 'quarantine',
  },
  {
    gate: 'phases add up',
    holds:
      'primary, secondary and special (with or without alternative provision) against Total: enrolments, persistent and severe absentees',
    tolerance:
      'the rounding of the counts passes, up to 1% warns; where a phase is missing or suppressed only more than Total counts',
    binds: 'finished periods, all pupils, areas above school level that have Total and the phases',
    verdict: 'warn, beyond 1% (and 5 pupils) quarantine',
  },
  {
    gate: 'authorities add up',
    holds:
      'the sums of the authorities and of the regions against England: enrolments, persistent and severe absentees',
    tolerance:
      'the rounding of the counts passes, up to 1% warns; where one is suppressed only more than England counts',
    binds:
      'finished periods with whole-numbered counts and at least 100 authorities (nine regions); running periods and other estimates exempt, as they do not add up',
    verdict: 'warn, beyond 1% (and 5 pupils) quarantine',
  },
  {
    gate: 'rows',
    holds:
      'rows of the newest period against the last release of the series; school types and pupil groups that it had, or the year before in the file; a running year that a version of the same release had; the weeks of each school year of the file, and of a version of the same release all weeks; authorities in all weeks of the file; whatever other table it may be, each series, school type, pupil group, level, measure and period of the version whose place it takes in its release',
    tolerance:
      'one in ten; no rows are counted in single weeks, but none may be gone; of the authorities of all weeks a third',
    binds: 'series that were in the last release; groups of the rows above school level',
    verdict: 'warn',
  },
  {
    gate: 'suppressed',
    holds:
      'share of symbols among the figures of the newest period (all but “low”) against the last release of the series',
    tolerance: '5 percentage points',
    binds: 'series that were in the last release',
    verdict: 'warn',
  },
  {
    gate: 'data sets agree',
    holds: 'the same figure in two data sets of one release',
    tolerance: 'equal at the lesser precision of the two',
    binds: 'every figure that both have; judged when a version is loaded beside another',
    verdict: 'warn',
  },
];

/** Gates that `--accept` may override: a warning holds nothing back, and what is refused is not there to be accepted. */
export const ACCEPTABLE_GATES: readonly GateName[] = GATES.filter(
  ({ verdict }) => verdict !== REFUSES && verdict !== 'warn',
).map(({ gate }) => gate);

/** One gate at work. */
export interface Gate {
  /** @param numbers the figures of the observation; the array is used again for the next one */
  observe(observation: Observation, numbers: Numbers): void;
  verdict(): GateVerdict;
}

export interface Gates {
  observe(batch: readonly Observation[]): void;
  /** To be called once all batches were seen. */
  verdicts(): GateVerdict[];
  /** What the gates want to know of this version when the next one comes: plain JSON. */
  shape(): ReleaseShape;
}

/**
 * Of the same data set; of one that is alike, perhaps about other schools; or of a local file of other columns, under the
 * same label or another, perhaps another table.
 */
export type Likeness = 'same data set' | 'alike' | 'same label' | 'other label';

/** What a version may be held against. */
export interface LastRelease<Shape = unknown> {
  /** What `shape()` returned for it, as it was stored. */
  readonly shape: Shape;
  readonly likeness: Likeness;
  /** It is the version that this one replaces within its release. */
  readonly isSameRelease: boolean;
  /** It was published after this one, which is then not asked for what may only have begun since. */
  readonly isLater?: boolean | undefined;
}

/**
 * The gates for one version.
 * @param options.previous the nearest first: each series is held against the first that is of the same table
 * @param options.groupColumn the file's column of pupil groups, for messages
 * @param options.isLocal a file under a label, for advice
 */
export function createGates(
  options: {
    readonly previous?: readonly LastRelease[] | undefined;
    readonly groupColumn?: string | undefined;
    readonly isLocal?: boolean | undefined;
  } = {},
): Gates {
  const numbers: Numbers = new Float64Array(MEASURES.length);
  const shape = releaseShape(
    (options.previous ?? []).flatMap((last) => {
      const read = readShape(last.shape);
      return read === undefined ? [] : [{ ...last, shape: read }];
    }),
    options.isLocal ?? false,
  );
  const gates: readonly Gate[] = [
    pupilGroups(options.groupColumn),
    figuresWithinRange(),
    contradictions(),
    partsWithinWholes(),
    phasesAndTotal(),
    authoritiesAndEngland(),
  ];
  return {
    observe(batch) {
      for (const observation of batch) {
        readNumbers(observation, numbers);
        shape.observe(observation, numbers);
        for (const gate of gates) gate.observe(observation, numbers);
      }
    },
    verdicts: () => [...gates.map((gate) => gate.verdict()), ...shape.verdicts()],
    shape: () => shape.shape(),
  };
}

/** docs/gates.md, from the table. */
export function gatesDocument(): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    '# Quality gates',
    '',
    'What stands between a file and the figures that are current. The table is generated from `GATES` in',
    '`src/transform/gates.ts`; a test holds the two together. `status` shows every verdict but "pass" with its figures;',
    '`--accept GATE --reason TEXT` overrides a quarantine and is recorded, `versions unaccept ID --reason TEXT` takes that back.',
    '',
    line(['gate', 'what is held against what', 'tolerance', 'binds', 'beyond it']),
    line(['---', '---', '---', '---', '---']),
    ...GATES.map(({ gate, holds, tolerance, binds, verdict }) => line([gate, holds, tolerance, binds, verdict])),
    '',
    'The last release of a series is what was published last before the version, of the same data set; within one release',
    'the version before it, for local files under one label whatever their columns: so the verdict does not depend on the',
    'order in which history is loaded. Where nothing older is loaded, it is the version that was published next, and less',
    'is asked: levels, measures, rows and symbols that the older one lacks may have begun since. It is held only for the',
    'number of places of the levels that it has, and for what its figures are (rates, enrolments of finished periods).',
    '',
    'Where the data set is new, it is the last one of the same title in its publication (its columns changed), or for a',
    'local file of the same columns (each label is a data set of its own); of that one only series that both give for all',
    'schools, or for the same school types, are held against the file.',
    '',
    'A local file of other columns than those before it is held, series by series, against the last file that is the same',
    'table by its figures, under the same label or another: both give the series for all schools or for the same school',
    'types, for the same topics of pupil groups, for the same levels below authorities and regions (schools), and have a',
    'level and a measure in common. Columns that are not read, and measures more or less, do not make another table; a',
    'file of schools beside one of authorities and a file of pupil groups beside one of totals are other tables. England,',
    'regions, authorities, rates and enrolments then bind as above. Less is asked, as of an older version, where the file',
    'ends in an earlier year, or has but one level and another label. Measures bind under the same label where there are',
    'as many rows (one in ten more or fewer), and periods where no level and no measure is gone.',
    '',
    'Another table is not held against what was before it, and takes its place all the same where it comes under its label:',
    'it loads, the gate of rows warns of each series, school type, pupil group, level, measure and period that is then in no',
    'row, and says what to do.',
    '',
    'Where a label had the columns of a file before and its last version has others, that last version counts if it is the',
    'same table. An earlier year is then no reason to ask less; measures bind that both had, and periods that both had.',
    '',
    '## What published files taught',
    '',
    ...LESSONS.map((lesson) => `- ${lesson}`),
    '',
  ].join('\n');
}

/** Why some tolerances are what they are. */
const LESSONS: readonly string[] = [
  'Pupil referral units 2016/17: counts of England and regions are multiples of 5 (80.1% beside 1,585 of 1,975), those of authorities are exact. So rounding is judged level by level.',
  'Pupil referral units 2022/23: severe absence rates carry four decimal places and were first rounded to five (24.2064% beside 61 of 252), the other rates carry five. So each rate is judged by its own places, with 0.55 of the last one.',
  'Characteristics 2016/17: England only, all counts multiples of 5, one decimal place.',
  'Attendance: enrolments are estimates with fractions, and authorities exceed England by up to 3.4% in 2025/26. So sums bind finished periods with whole-numbered counts. They count the schools that send registers: London went from 789,981 to 1,012,390 between January 2024 and January 2025. So a year to date is held only against the same year.',
  'Attendance by week, autumn of 2025: England and nine regions are in each of nine weeks but that of half term, in which 4 of 153 authorities have a row; in the week before, 142 authorities, in the East Midlands 4 of 10. So England and a region are wanted in a week in which half of their authorities have a figure.',
  'Attendance 2025/26 added Total rows for authorities (494 to 647 rows): a warning, no more.',
  'Authorised and unauthorised absence make overall absence to one of the last decimal place in every row of every file collected: a point off is a wrong figure.',
  'Absence by term 2016/17 and the persistent absence data set of attendance have no counts: nothing to add up.',
  'Means of one rate at one level move by a factor of 2.02 at most from one period to the next (persistent absence of primary schools, 8.8% in 2020/21 and 17.7% in 2021/22), and those of overall, authorised and persistent absence are 2.3% or more, in every week and phase; one in seventy authorities is below 1%. A rate that became a fraction moves by 100 and is below 1%. So a factor of 10, and most rows below 1%, are no rates in percent. Severe and unauthorised absence are below 1% in truth (0.3%, 0.5%) and are only held against others.',
  'The school file 2018/19 has URN 106167 twice in 2008/09 (LAESTAB 3567503 and 3587503), URN 109664 twice in 2007/08 (as a primary and as a secondary school), and two schools without URN in 2006/07: none is a repeated key.',
];
