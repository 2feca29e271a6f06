/** What the tests of the stand-in share: a small file, ways to publish it and to ask for things. */
import http from 'node:http';
import type { FileInput, StandIn } from '../../demo/index.js';

export const ABSENCE = 'pupil-absence-in-schools-in-england';
export const DATA_SET = '0198aaaa-0000-7000-8000-00000000d5e7';
export const OTHER = '0198bbbb-0000-7000-8000-00000000d5e7';

export const CONTENT = `/content/api/publications/${ABSENCE}`;
export const API = '/statistics/v1';

export type Json = Record<string, unknown>;

/** A file of England, two phases a year. */
export const csv = (years: number[], value = '1'): string =>
  [
    'time_period,time_identifier,geographic_level,country_code,country_name,education_phase,enrolments',
    ...years.flatMap((year) =>
      ['Total', 'Special'].map(
        (phase) => `${year}${(year + 1) % 100},Academic year,National,E92000001,England,${phase},${value}`,
      ),
    ),
    '',
  ].join('\n');

/** Publishes a release of one file. */
export function publish(
  standIn: StandIn,
  years: number[],
  slug: string,
  api?: FileInput['api'],
): ReturnType<StandIn['publish']> {
  const file: FileInput = { name: 'a.csv', title: 'Absence', content: csv(years), ...(api && { api }) };
  return standIn.publish({ publication: ABSENCE, slug, title: `Academic year ${slug}`, files: [file] });
}

/** Asks and reads the answer: an array as `list`, what is no JSON as `text`. */
export async function ask(
  standIn: StandIn,
  path: string,
  init?: RequestInit,
): Promise<{ status: number; headers: Headers; json: Json; list: readonly Json[] }> {
  const response = await fetch(standIn.origin + path, init);
  const text = await response.text();
  const isJson = text !== '' && /json/.test(response.headers.get('content-type') ?? '');
  const answer = isJson ? (JSON.parse(text) as Json | Json[]) : { text };
  const { status, headers } = response;
  return Array.isArray(answer)
    ? { status, headers, json: {}, list: answer }
    : { status, headers, json: answer, list: [] };
}

/** The bytes as they come over the wire. */
export function raw(standIn: StandIn, path: string): Promise<{ headers: http.IncomingHttpHeaders; body: Buffer }> {
  return new Promise((resolve, reject) => {
    http
      .get(standIn.origin + path, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          resolve({ headers: response.headers, body: Buffer.concat(chunks) });
        });
        response.on('error', reject);
      })
      .on('error', reject);
  });
}
