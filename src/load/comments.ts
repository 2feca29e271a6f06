/** What the views say of themselves (COMMENT ON), for analysts who meet them in a database tool. */

interface ViewComment {
  readonly about: string;
  /** In the order of the columns. */
  readonly columns: Readonly<Record<string, string>>;
}

const RATE = 'in percent of pupil enrolments, as published; NULL where symbols says why';
const SESSIONS = 'in percent of possible sessions, as published; NULL where symbols says why';

const FIGURE_COLUMNS = {
  series: 'Figures of one series may be compared over time; figures of two never',
  publication: 'Slug of the publication at Explore education statistics',
  release: 'Title of the release that gave the rates',
  data_set: 'Title of the data set that gave the rates',
  data_set_version: 'Version of that data set: major.minor.patch',
  published_at: 'When that version was published',
  loaded_at: 'When that version was loaded here',
  time_period: 'Six digits for academic years and terms (202425), the calendar year for a week',
  time_identifier: 'Academic year, Autumn term, Autumn and spring term, Year to date, Week 8, …',
  period_label: 'The period as people write it',
  academic_year: 'The academic year of the period: 2024/25',
  geographic_level: 'National, Regional, Local authority, School, …',
  area_code: 'ONS code in use now, whatever the file had; the URN of a school',
  old_la_code:
    'Three digits by which DfE knows a local authority; for a school those of its authority; NULL where there is none',
  area_name: 'Name in use now, whatever the file had',
  region_code: 'ONS code of the region',
  region_name: 'Name of the region',
  school_type: 'Total, State-funded primary, State-funded secondary, Special, Alternative provision',
  breakdown_topic: 'What pupils are grouped by: Total, SEN provision, FSM eligibility, …',
  breakdown: 'The group of pupils: Total, EHC plan, FSM eligible, …',
  enrolments: 'Pupil enrolments (a pupil with two schools counts twice); estimates of attendance have fractions',
  persistent_absentees: 'Enrolments that missed 10% or more of their possible sessions',
  persistent_absence_rate: `Persistent absentees ${RATE}`,
  severe_absentees: 'Enrolments that missed 50% or more of their possible sessions; each is a persistent absentee too',
  severe_absence_rate: `Severe absentees ${RATE}`,
  overall_absence_rate: `Sessions missed ${SESSIONS}`,
  authorised_absence_rate: `Sessions missed with leave ${SESSIONS}`,
  unauthorised_absence_rate: `Sessions missed without leave ${SESSIONS}`,
  as_of: 'Last day that a running total counts (of the version the row is named after); NULL for finished periods',
  symbols: 'Why figures are NULL: the symbol as published, by column ({"severe_absence_rate":"c"})',
  provenance:
    "Data set, version, release and time of publication that gave each figure, by column; computed: true where the rate was worked out from the row's own counts; as_of: where a running total counts to another day than the row's",
};

export const COMMENTS: Readonly<Record<string, ViewComment>> = {
  absence: {
    about:
      'The current figures: one row for each series, area, period, school type and breakdown. Each figure comes from the newest release that has it.',
    columns: FIGURE_COLUMNS,
  },
  absence_history: {
    about:
      'Every figure of every data set version ever loaded, with the time for which it was the one to read: one row for each stretch of time. A version that was withdrawn at source counts until then, one that was removed here never did.',
    columns: {
      ...FIGURE_COLUMNS,
      valid_from:
        'From when on it was the one to read: the publication of its version, or the withdrawal of a newer one',
      valid_to:
        'Until when: the last of its figures was superseded, or its version withdrawn; NULL while any is current; equal to valid_from where none ever was',
    },
  },
  alert_event: {
    about: 'What the rules found: one row for each event',
    columns: {
      at: 'When it was found',
      rule: 'Name of the rule',
      event: 'baseline, crossed, cleared, worse, corrected, reminder, area ended',
      reason: 'Why, in words',
      measure: 'Column of view absence that the rule watches',
      area_code: 'As in view absence',
      area_name: 'As in view absence',
      series: 'As in view absence',
      time_period: 'As in view absence',
      time_identifier: 'As in view absence',
      school_type: 'As in view absence',
      breakdown_topic: 'As in view absence',
      breakdown: 'As in view absence',
      value: 'The figure that was compared with the rule',
      previous_value: 'The figure before it',
      threshold: 'The line of the rule: percent, or percentage points for differences',
      release: 'Title of the release that brought the figure',
      muted: 'Why no mail was sent for it; NULL where one was due',
    },
  },
  run: {
    about: 'One row for each cycle of the pipeline',
    columns: {
      id: 'Number of the run',
      trigger: 'manual, schedule, catch-up, backfill, demo',
      started_at: 'When it started',
      finished_at: 'When it ended; NULL while it goes on',
      outcome: 'running, done, failed, in part, abandoned, overlap, missed',
      detail: 'What it found, loaded and failed at',
    },
  },
};
