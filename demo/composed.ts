/**
 * Composed releases: the story of the project told to the pipeline, release by release. The titles are those of EES, the
 * figures are made up (but for the story's own) and everything that shows them must say so.
 */
import { attendanceFile, persistentAbsenceFile } from './composed/attendance.js';
import type { Correction } from './composed/figures.js';
import {
  characteristicsFile,
  longFile,
  nationalCharacteristicsFile,
  wideFile,
  yearsText,
  type Coverage,
} from './composed/layouts.js';
import { guid } from './stand-in/identity.js';
import type { FileInput, ReleaseType } from './stand-in/records.js';
import type { PublishedState } from './stand-in/state.js';

/** The mark that releases from here carry: whoever shows their figures says COMPOSED and leaves the licence line out. */
export const COMPOSED = true;

/** For the head of a mail or a page. */
export const composedNote = 'COMPOSED: these figures were made up for a demonstration. They are not statistics.';

export const ABSENCE = 'pupil-absence-in-schools-in-england';
export const ATTENDANCE = 'pupil-attendance-in-schools';

/** The API data sets of the composed releases. */
export const PERSISTENT_AND_SEVERE_ID = guid('composed: absence for persistent and severe absentees');
export const PERSISTENT_IN_ATTENDANCE_ID = guid('composed: persistent absence in schools');

const TITLES: Readonly<Record<string, string>> = {
  [ABSENCE]: 'Pupil absence in schools in England',
  [ATTENDANCE]: 'Pupil attendance in schools',
};

/** One act of the story. */
export interface ComposedStep {
  /** Short name for tests: 'autumn-and-spring-2024-25'. */
  readonly id: string;
  /** Publication time (ISO), 09:30 in London. */
  readonly at: string;
  /** What happens, for a person. */
  readonly says: string;
  /** Publishes it at `at`, whatever the clock says. */
  readonly apply: (standIn: PublishedState) => void;
}

const TERM_YEARS = [2018, 2020, 2021, 2022, 2023, 2024];
const FULL_YEARS = [2016, 2017, 2018, 2020, 2021, 2022, 2023, 2024];
const AUTUMN_YEARS = [2018, 2019, 2020, 2021, 2022, 2023, 2024];

const upTo = (years: readonly number[], last: number): number[] => years.filter((year) => year <= last);

function covers(
  period: Coverage['period'],
  years: readonly number[],
  london: Coverage['london'],
  correction?: Correction,
): Coverage {
  return { period, years, london, codes: 'before 2025', ...(correction && { correction }) };
}

function summary(what: string, { period, years }: Coverage): string {
  return `COMPOSED figures, no statistics. ${what}, ${period.toLowerCase()}, ${yearsText(years)}.`;
}

function wide(name: string, coverage: Coverage, phaseColumn: 'school_type' | 'education_phase'): FileInput {
  return {
    name,
    title: `Absence rates by geographic level - ${coverage.period.toLowerCase()}`,
    summary: summary('Absence rates of England, regions and local authorities', coverage),
    content: wideFile(coverage, phaseColumn),
  };
}

function characteristics(name: string, coverage: Coverage): FileInput {
  return {
    name,
    title: `Absence by pupil characteristics - ${coverage.period.toLowerCase()}`,
    summary: summary('Absence by SEN provision and FSM eligibility', coverage),
    content: characteristicsFile(coverage),
  };
}

function long(coverage: Coverage): FileInput {
  return {
    name: 'absence_persistent_severe_absentees.csv',
    title: 'Absence for persistent and severe absentees',
    summary: summary('Pupils persistently and severely absent', coverage),
    content: longFile(coverage),
    api: { dataSetId: PERSISTENT_AND_SEVERE_ID },
  };
}

interface Act {
  readonly id: string;
  readonly at: string;
  readonly says: string;
  readonly publication: string;
  readonly slug: string;
  readonly title: string;
  readonly files: () => readonly FileInput[];
}

function release({ id, at, says, publication, slug, title, files }: Act): ComposedStep {
  const type: ReleaseType = publication === ABSENCE ? 'AccreditedOfficialStatistics' : 'OfficialStatistics';
  const publicationTitle = TITLES[publication] ?? publication;
  return {
    id,
    at,
    says,
    apply: (standIn) => {
      standIn.publish({ publication, publicationTitle, slug, title, type, at, files: files() });
    },
  };
}

/** A school had sent its registers twice: so many more pupils of Thurrock's secondary schools were absent. */
const CORRECTION: Correction = {
  period: 'Autumn and spring term',
  startYear: 2024,
  oldLaCode: '883',
  phase: 'State-funded secondary',
  persistent: 214,
  severe: 37,
};

const TERMS_2024 = covers('Autumn and spring term', TERM_YEARS, 'whole');

const WEEKS_2024 = [30, 28, 26, 24, 21, 20, 18, 15, 14, 12, 10, 8];

/** The story in order of time. Each step is to be applied once; run the pipeline after each. */
export function composedReleases(): readonly ComposedStep[] {
  return [
    release({
      id: 'full-year-2022-23',
      at: '2024-03-21T09:30:02.417Z',
      says: 'Academic year 2022/23: the history, in the older layout',
      publication: ABSENCE,
      slug: '2022-23',
      title: 'Academic year 2022/23',
      files: () => {
        const coverage = covers('Academic year', upTo(FULL_YEARS, 2022), 'halves');
        return [
          wide('1_absence_3term_nat_reg_la.csv', coverage, 'school_type'),
          {
            name: '2_absence_3term_characteristics.csv',
            title: 'Absence by characteristic - academic year',
            summary: summary('Absence by pupil characteristic, England', coverage),
            content: nationalCharacteristicsFile(coverage),
          },
        ];
      },
    }),
    release({
      id: 'autumn-and-spring-2023-24',
      at: '2024-10-17T08:30:09.12Z',
      says: 'Autumn and spring term 2023/24',
      publication: ABSENCE,
      slug: '2023-24-autumn-and-spring-term',
      title: 'Autumn and spring term 2023/24',
      files: () => {
        const coverage = covers('Autumn and spring term', upTo(TERM_YEARS, 2023), 'halves');
        return [
          wide('1_absence_2term_nat_reg_la.csv', coverage, 'school_type'),
          characteristics('2_absence_2term_characteristics.csv', coverage),
        ];
      },
    }),
    release({
      id: 'full-year-2023-24',
      at: '2025-03-20T09:30:05.861Z',
      says: 'Academic year 2023/24, with a first version of the data set for persistent and severe absentees in the official API',
      publication: ABSENCE,
      slug: '2023-24',
      title: 'Academic year 2023/24',
      files: () => {
        const coverage = covers('Academic year', upTo(FULL_YEARS, 2023), 'halves');
        return [
          wide('1_absence_3term_nat_reg_la.csv', coverage, 'education_phase'),
          characteristics('2_absence_3term_characteristics.csv', coverage),
          long(coverage),
        ];
      },
    }),
    release({
      id: 'attendance-2025-week-30',
      at: '2025-08-07T08:30:01.54Z',
      says: 'Attendance up to week 30 of 2025: year to date, and the weekly persistent absence in the official API',
      publication: ATTENDANCE,
      slug: '2025-week-30',
      title: 'Week 30 2025',
      files: () => [
        {
          name: 'attendance_year_to_date.csv',
          title: 'Pupil attendance in schools - year to date',
          summary: 'COMPOSED figures, no statistics. Attendance of the year 2024/25 so far.',
          content: attendanceFile({ startYear: 2024, week: 30 }),
        },
        {
          name: 'persistent_absence.csv',
          title: 'Persistent absence in schools',
          summary: 'COMPOSED figures, no statistics. Persistent absence of the year so far, week by week.',
          content: persistentAbsenceFile(2024, WEEKS_2024),
          api: { dataSetId: PERSISTENT_IN_ATTENDANCE_ID },
        },
      ],
    }),
    release({
      id: 'autumn-2024-25',
      at: '2025-08-07T08:30:04.2Z',
      says: 'Autumn term 2024/25',
      publication: ABSENCE,
      slug: '2024-25-autumn-term',
      title: 'Autumn term 2024/25',
      files: () => [
        wide('1_absence_1term_nat_reg_la.csv', covers('Autumn term', AUTUMN_YEARS, 'whole'), 'education_phase'),
      ],
    }),
    release({
      id: 'autumn-and-spring-2024-25',
      at: '2025-10-23T08:30:07.938Z',
      says: 'Autumn and spring term 2024/25: the release of the story',
      publication: ABSENCE,
      slug: '2024-25-autumn-and-spring-term',
      title: 'Autumn and spring term 2024/25',
      files: () => [
        wide('1_absence_2term_nat_reg_la.csv', TERMS_2024, 'education_phase'),
        characteristics('2_absence_2term_characteristics.csv', TERMS_2024),
      ],
    }),
    {
      id: 'correction',
      at: '2025-11-06T14:12:44.9Z',
      says: 'Autumn and spring term 2024/25 amended: figures of Thurrock corrected, both files replaced',
      apply: (standIn) => {
        const corrected = covers('Autumn and spring term', TERM_YEARS, 'whole', CORRECTION);
        const files = [
          wide('1_absence_2term_nat_reg_la.csv', corrected, 'education_phase'),
          characteristics('2_absence_2term_characteristics.csv', corrected),
        ];
        standIn.amend({
          publication: ABSENCE,
          release: '2024-25-autumn-and-spring-term',
          at: '2025-11-06T14:12:44.9Z',
          note: 'COMPOSED: figures of secondary schools in Thurrock corrected.',
          replace: files.map(({ title, content }) => ({ file: title, content })),
        });
      },
    },
    {
      id: 'words-only',
      at: '2025-11-20T11:05:31Z',
      says: 'Autumn and spring term 2024/25 amended: words only, no file replaced',
      apply: (standIn) => {
        standIn.amend({
          publication: ABSENCE,
          release: '2024-25-autumn-and-spring-term',
          at: '2025-11-20T11:05:31Z',
          note: 'COMPOSED: wording of a headline improved.',
        });
      },
    },
    release({
      id: 'full-year-2024-25',
      at: '2026-03-26T09:30:15.2Z',
      says: 'Academic year 2024/25; the data set in the official API grows by a year (version 1.1)',
      publication: ABSENCE,
      slug: '2024-25',
      title: 'Academic year 2024/25',
      files: () => {
        const coverage = covers('Academic year', FULL_YEARS, 'whole');
        return [
          wide('1_absence_3term_nat_reg_la.csv', coverage, 'education_phase'),
          characteristics('2_absence_3term_characteristics.csv', coverage),
          long(coverage),
        ];
      },
    }),
  ];
}
