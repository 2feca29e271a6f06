/** The stand-in's official API against the published description, so that the stand-in cannot drift to please us. */
import { Ajv, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ABSENCE, longFile, PERSISTENT_AND_SEVERE_ID, StandIn } from '../../demo/index.js';

const DESCRIPTION = '../shared/ees-openapi-v1.json';
const isHere = existsSync(DESCRIPTION);

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema?: Json }>> }>
  >;
}

interface Description {
  readonly paths: Readonly<Record<string, { readonly get?: Operation }>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>> };
}

/**
 * The description closes each part of an allOf to what the part itself names, which no object can satisfy. Here the
 * parts become one closed object.
 */
function mended(schema: Json, all: Readonly<Record<string, Json>>): Json {
  const parts = schema['allOf'];
  if (!Array.isArray(parts) || parts.length < 2) return schema;
  const resolved = (parts as Json[]).map((part) => {
    const name = typeof part['$ref'] === 'string' ? part['$ref'].split('/').at(-1) : undefined;
    return name === undefined ? part : (all[name] ?? {});
  });
  return {
    type: 'object',
    additionalProperties: false,
    required: resolved.flatMap((part) => (part['required'] ?? []) as string[]),
    properties: Object.assign({}, ...resolved.map((part) => part['properties'] ?? {})) as Json,
  };
}

function load(): { description: Description; validator: (schema: Json) => ValidateFunction } {
  // The real API leaves nulls out, so that none is allowed here: `nullable` goes.
  const description = JSON.parse(readFileSync(DESCRIPTION, 'utf8'), (key, value: unknown) =>
    key === 'nullable' ? undefined : value,
  ) as Description;
  const schemas = description.components.schemas;
  const ajv = new Ajv({ strict: false, allErrors: true });
  formats.default(ajv);
  ajv.addSchema({
    $id: 'ees',
    components: {
      schemas: Object.fromEntries(Object.entries(schemas).map(([name, each]) => [name, mended(each, schemas)])),
    },
  });
  const absolute = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(absolute);
    if (!isObject(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [key, key === '$ref' ? `ees${String(each)}` : absolute(each)]),
    );
  };
  return { description, validator: (schema) => ajv.compile(absolute(schema) as Json) };
}

/** Every null in a body, by path: the real API leaves them out. */
function nulls(value: unknown, path = '$'): string[] {
  if (value === null) return [path];
  if (Array.isArray(value)) return value.flatMap((each, at) => nulls(each, `${path}[${at}]`));
  return isObject(value) ? Object.entries(value).flatMap(([key, each]) => nulls(each, `${path}.${key}`)) : [];
}

describe.skipIf(!isHere)(
  'the stand-in answers as the official description says (skipped without the description)',
  () => {
    let standIn: StandIn;
    let publicationId: string;
    const { description, validator } = isHere ? load() : { description: undefined, validator: undefined };

    beforeAll(async () => {
      standIn = await StandIn.start();
      for (const years of [[2023], [2023, 2024]]) {
        const slug = `${years.at(-1) ?? ''}`;
        const content = longFile({ period: 'Academic year', years, london: 'whole', codes: 'now' });
        const severe = { name: 'long.csv', title: 'Severe', content, api: { dataSetId: PERSISTENT_AND_SEVERE_ID } };
        standIn.publish({ publication: ABSENCE, slug, title: `Academic year ${slug}`, files: [severe] });
      }
      standIn.amend({
        publication: ABSENCE,
        release: '2024',
        replace: [
          {
            file: 'Severe',
            content:
              'time_period,time_identifier,geographic_level,country_code,country_name,region_code,region_name,old_la_code,new_la_code,la_name,absence_type,enrolment_percent\n' +
              '202425,Academic year,Local authority,E92000001,England,E12000006,East of England,821,E06000032,Luton,Severe absence,1.5\n' +
              '202425,Academic year,School,E92000001,England,E12000006,East of England,821,E06000032,Luton,Persistent absence,c\n',
            notes: 'Columns gone, for the sake of major changes.',
          },
        ],
      });
      standIn.withdrawVersion(PERSISTENT_AND_SEVERE_ID, '1.0', '2026-04-01T12:00:00Z');
      publicationId = standIn.publication(ABSENCE).id;
    });

    afterAll(() => standIn.close());

    const dataSet = `/data-sets/${PERSISTENT_AND_SEVERE_ID}`;
    const unknown = '019d0000-0000-7000-8000-000000000000';

    it.each([
      ['/publications?search=absence&page=1&pageSize=40', 200, '/publications'],
      ['/publications?page=2', 200, '/publications'],
      ['/publications?search=zzz', 200, '/publications'],
      ['/publications?pageSize=500&page=0', 400, '/publications'],
      ['/publications?unheard=1', 400, '/publications'],
      ['/publications/PUBLICATION', 200, '/publications/{publicationId}'],
      ['/publications/UNKNOWN', 404, '/publications/{publicationId}'],
      ['/publications/PUBLICATION/data-sets?page=1&pageSize=20', 200, '/publications/{publicationId}/data-sets'],
      ['/publications/PUBLICATION/data-sets?pageSize=21', 400, '/publications/{publicationId}/data-sets'],
      ['/data-sets/DATA-SET', 200, '/data-sets/{dataSetId}'],
      ['/data-sets/UNKNOWN', 404, '/data-sets/{dataSetId}'],
      ['/data-sets/DATA-SET/versions?page=1&pageSize=20', 200, '/data-sets/{dataSetId}/versions'],
      ['/data-sets/DATA-SET/versions/1.1.1', 200, '/data-sets/{dataSetId}/versions/{dataSetVersion}'],
      ['/data-sets/DATA-SET/versions/1.0', 200, '/data-sets/{dataSetId}/versions/{dataSetVersion}'],
      ['/data-sets/DATA-SET/versions/7.*', 404, '/data-sets/{dataSetId}/versions/{dataSetVersion}'],
      ['/data-sets/DATA-SET/versions/1.0/changes', 200, '/data-sets/{dataSetId}/versions/{dataSetVersion}/changes'],
      ['/data-sets/DATA-SET/versions/1.1/changes', 200, '/data-sets/{dataSetId}/versions/{dataSetVersion}/changes'],
      [
        '/data-sets/DATA-SET/versions/1.1.1/changes?includePatchHistory=true',
        200,
        '/data-sets/{dataSetId}/versions/{dataSetVersion}/changes',
      ],
      ['/data-sets/DATA-SET/meta?dataSetVersion=1.1', 200, '/data-sets/{dataSetId}/meta'],
      ['/data-sets/DATA-SET/meta?dataSetVersion=1.1.1', 200, '/data-sets/{dataSetId}/meta'],
      ['/data-sets/DATA-SET/meta?types=Filters,TimePeriods', 200, '/data-sets/{dataSetId}/meta'],
      ['/data-sets/DATA-SET/meta?dataSetVersion=9.9', 404, '/data-sets/{dataSetId}/meta'],
    ] as const)('GET %s: %i', async (address, status, path) => {
      const operation = description?.paths[`/v1${path}`]?.get;
      const concrete = address
        .replace('PUBLICATION', publicationId)
        .replace('DATA-SET', PERSISTENT_AND_SEVERE_ID)
        .replace('UNKNOWN', unknown);
      const response = await fetch(`${standIn.apiUrl}/v1${concrete}`);
      expect(response.status).toBe(status);
      const body: unknown = await response.json();
      const schema = operation?.responses[String(status)]?.content?.['application/json']?.schema;
      // An unexpected status or a route without a schema would make the test pass on nothing.
      if (!schema || !validator) throw new Error(`the description has no schema for ${path} ${status}`);
      const validate = validator(schema);
      validate(body);
      expect(validate.errors ?? []).toEqual([]);
      expect(nulls(body)).toEqual([]);
      const asked = [...new URL(response.url).searchParams.keys()].filter((name) => name !== 'unheard');
      const known = operation.parameters?.filter((each) => each.in === 'query').map(({ name }) => name) ?? [];
      expect(asked.filter((name) => !known.includes(name))).toEqual([]);
    });

    it('notices an answer that is wrong', () => {
      if (!validator) throw new Error('no description');
      const validate = validator({ $ref: '#/components/schemas/DataSetViewModel' });
      expect(validate({ id: unknown, title: 'A', summary: '', status: 'Published' })).toBe(true);
      expect(validate({ id: unknown, title: 'A', summary: '', status: 'Live' })).toBe(false);
      expect(validate({ id: unknown, title: 'A', summary: '', status: 'Published', extra: 1 })).toBe(false);
      expect(validate({ id: 'absence', title: 'A', summary: '', status: 'Published' })).toBe(false);
    });

    it('/data-sets/{dataSetId}/csv is text/csv in gzip', async () => {
      expect(
        Object.keys(description?.paths['/v1/data-sets/{dataSetId}/csv']?.get?.responses['200']?.content ?? {}),
      ).toEqual(['text/csv']);
      const response = await fetch(`${standIn.apiUrl}/v1${dataSet}/csv?dataSetVersion=1.1`, {
        headers: { 'accept-encoding': 'identity' },
      });
      expect(response.headers.get('content-type')).toBe('text/csv');
      expect(response.headers.get('content-encoding')).toBe('gzip');
      expect(response.headers.get('content-disposition')).toBe(
        `attachment; filename=${PERSISTENT_AND_SEVERE_ID}_v1.1.csv`,
      );
      expect((await response.text()).split('\n')[0]).toMatch(/^time_period,time_identifier,/);
    });
  },
);
