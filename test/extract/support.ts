/** What the tests of extract share: a client that hurries, files of each kind, and what was asked of the stand-in. */
import { expect } from 'vitest';
import type { StandIn } from '../../demo/stand-in.js';
import { createEesClient, type EesClient, type EesClientOptions } from '../../src/extract/client.js';

export const ABSENCE = 'pupil-absence-in-schools-in-england';
export const ATTENDANCE = 'pupil-attendance-in-schools';
/** API data sets of the tests. */
export const LONG_SET = '019d209c-08dc-74b6-9edb-52d521406fcf';
export const REASONS_SET = '019d209b-b031-7497-8205-af255b581d91';
export const PA_SET = '55629501-e98b-0c75-adba-f95a0cfbb5e9';

export const NUMBERS_SET = '55629501-1945-0174-956c-594f21c90404';

/** Matchers for the inside of an expected object: what vitest gives is `any` there. */
export const stringContaining = (text: string): unknown => expect.stringContaining(text);
export const stringMatching = (pattern: RegExp): unknown => expect.stringMatching(pattern);
export const arrayContaining = (items: unknown[]): unknown => expect.arrayContaining(items);
export const anyOf = (type: unknown): unknown => expect.any(type);

/** Waits of milliseconds where the product waits seconds. */
export const HURRY = {
  requestMs: 1500,
  headersMs: 1500,
  attempts: 3,
  firstWaitMs: 5,
  longestWaitMs: 20,
  longestRetryAfterMs: 2000,
};

export function clientFor(
  { apiUrl, contentUrl }: { readonly apiUrl: string; readonly contentUrl: string },
  options: Partial<EesClientOptions> = {},
): EesClient {
  return createEesClient({
    apiUrl,
    contentUrl,
    contact: 'absence@luton.example',
    version: '1.2.3',
    environment: {},
    ...options,
    timing: { ...HURRY, ...options.timing },
  });
}

const GEOGRAPHY = 'time_period,time_identifier,geographic_level,country_code,country_name';

function csv(header: string, rows: readonly string[]): string {
  return [header, ...rows, ''].join('\r\n');
}

/** Rates by geographic level, one row; `rate` makes the bytes differ. */
export function wide(term: string, rate = '17.3'): string {
  return csv(
    `${GEOGRAPHY},education_phase,enrolments,enrolments_pa_10_exact,enrolments_pa_10_exact_percent,enrolments_pa_50_exact,enrolments_pa_50_exact_percent`,
    ['202324', '202425'].map((year) => `${year},${term},National,E92000001,England,Total,1000,173,${rate},15,1.5`),
  );
}

export function long(rate = '17.3'): string {
  return csv(
    `${GEOGRAPHY},phase_type_grouping,absence_type,enrolment_count,enrolment_percent`,
    [
      ['Total pupils', '1000', 'z'],
      ['Persistent absence', '173', rate],
      ['Severe absence', '15', '1.5'],
    ].map((cells) => `202425,Academic year,National,E92000001,England,Total,${cells.join(',')}`),
  );
}

export function reasons(count = '5'): string {
  return csv(
    `${GEOGRAPHY},phase_type_grouping,attendance_status,attendance_type,attendance_reason,session_count,session_percent`,
    [
      `202425,Academic year,National,E92000001,England,Total,Absence,Authorised,Illness,${count},1.0`,
      `202425,Academic year,National,E92000001,England,Total,Absence,Authorised,Study,${count},1.0`,
    ],
  );
}

export function fourYearOlds(): string {
  return wide('Academic year');
}

export function oneSession(): string {
  return csv(`${GEOGRAPHY},year_breakdown,education_phase,enrolments_one_or_more_sessions`, [
    '202425,Academic year,National,E92000001,England,Six half terms,Total,900',
    '202425,Academic year,National,E92000001,England,Six half terms,Special,90',
  ]);
}

export function attendanceRates(week: number, rate: string): string {
  return csv(
    `time_period,time_identifier,time_frame,geographic_level,country_code,country_name,education_phase,persistent_absence_percent`,
    [
      `2025,Week ${week},Year to date,National,E92000001,England,All schools,${rate}`,
      `2025,Week ${week},Year to date,National,E92000001,England,Primary,${rate}`,
    ],
  );
}

export function numbersOfSchools(): string {
  return csv(`${GEOGRAPHY},education_phase,num_schools`, [
    '2025,Week 29,National,E92000001,England,Primary,900',
    '2025,Week 29,National,E92000001,England,Secondary,90',
  ]);
}

/** The requests since the last call, as 'GET path?query' without the prefixes and with ids shortened to `…`. */
export function asked(standIn: StandIn, from: number): string[] {
  return standIn.requests
    .slice(from)
    .map(({ path, query }) =>
      `${path.replace('/statistics/v1', 'official ').replace('/content/api', 'content ')}${query}`.replace(
        /[0-9a-f]{8}-[0-9a-f-]{27}/g,
        '…',
      ),
    );
}
