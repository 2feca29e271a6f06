/** What the tests of extract share: a client that hurries, files of each kind, and what was asked of the stand-in. */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { expect } from 'vitest';
import type { LoggedRequest, StandIn } from '../../demo/stand-in.js';
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

const SPEC = resolve(process.env['EES_OPENAPI'] ?? '../shared/ees-openapi-v1.json');
export const hasSpec = existsSync(SPEC);

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: { readonly type?: string; readonly items?: object };
}

/** What is wrong with requests to the official API by its own description: empty when nothing is. */
export function offences(requests: readonly LoggedRequest[]): string[] {
  const spec = JSON.parse(readFileSync(SPEC, 'utf8')) as {
    paths: Record<string, Record<string, { parameters?: Parameter[] }>>;
    components: { schemas: Record<string, object> };
  };
  const ajv = new Ajv({ strict: false, coerceTypes: true });
  addFormats.default(ajv);
  ajv.addSchema({ $id: 'ees', components: spec.components });
  const holds = (schema: object, value: unknown) =>
    ajv.validate(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"ees#/')) as object, value);
  return requests
    .filter(({ path }) => path.startsWith('/statistics'))
    .flatMap(({ method, path, query }) => {
      const where = `${method} ${path}${query}`;
      if (/[A-Z]/.test(path)) return [`${where}: capitals in the path`];
      const parts = path.replace('/statistics', '').split('/');
      const entry = Object.entries(spec.paths).find(([template]) => {
        const names = template.split('/');
        return names.length === parts.length && names.every((name, at) => name.startsWith('{') || name === parts[at]);
      });
      const operation = entry?.[1][method.toLowerCase()];
      if (!entry || !operation) return [`${where}: no such operation`];
      const parameters = operation.parameters ?? [];
      const given = [...new URLSearchParams(query)];
      const unknown = given.filter(([name]) => !parameters.some((each) => each.in === 'query' && each.name === name));
      const bad = given.filter(([name, value]) => {
        const schema = parameters.find((each) => each.name === name)?.schema;
        return schema && !holds(schema, schema.type === 'array' ? value.split(',') : value);
      });
      const ids = entry[0].split('/').flatMap((name, at) => {
        const schema = parameters.find((each) => each.in === 'path' && name === `{${each.name}}`)?.schema;
        return schema && !holds(schema, parts[at]) ? [`${where}: ${name} is ${parts[at] ?? ''}`] : [];
      });
      return [
        ...unknown.map(([name]) => `${where}: unknown ${name}`),
        ...bad.map(([name]) => `${where}: bad ${name}`),
        ...ids,
      ];
    });
}
