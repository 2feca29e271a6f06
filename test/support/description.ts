/**
 * The official description of the API (`EES_OPENAPI`, default ../shared/ees-openapi-v1.json), and what an OpenAPI
 * validator says of requests and answers by it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import formats from 'ajv-formats';
import { OpenAPIBackend, type Document } from 'openapi-backend';
import type { LoggedRequest } from '../../demo/stand-in.js';

const DESCRIPTION = resolve(process.env['EES_OPENAPI'] ?? '../shared/ees-openapi-v1.json');
/** Tests that need it are skipped without. */
export const hasDescription = existsSync(DESCRIPTION);

type Json = Record<string, unknown>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
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

function readDescription(): Document {
  const read = JSON.parse(readFileSync(DESCRIPTION, 'utf8'), (key, value: unknown) => {
    // The real API leaves nulls out, so that none is allowed here: `nullable` goes.
    if (key === 'nullable') return undefined;
    // Lists in a query are written with commas, which the description does not say.
    if (isObject(value) && value['in'] === 'query' && isObject(value['schema']) && value['schema']['type'] === 'array')
      return { ...value, explode: false };
    return value;
  }) as { components: { schemas: Record<string, Json> } };
  const { schemas } = read.components;
  const whole = Object.entries(schemas).map(([name, schema]) => [name, mended(schema, schemas)]);
  return {
    ...read,
    components: { ...read.components, schemas: Object.fromEntries(whole) as Json },
  } as unknown as Document;
}

let opened: Promise<OpenAPIBackend> | undefined;

/** The validator, for requests as the stand-in has them. */
export function description(): Promise<OpenAPIBackend> {
  opened ??= new OpenAPIBackend({
    definition: readDescription(),
    apiRoot: '/statistics',
    strict: true,
    ajvOpts: { strict: false, allErrors: true },
    customizeAjv(ajv) {
      formats.default(ajv);
      return ajv;
    },
  }).init();
  return opened;
}

/** What is wrong with requests to the official API: empty when nothing is. */
export async function offences(
  requests: readonly Pick<LoggedRequest, 'method' | 'path' | 'query'>[],
): Promise<string[]> {
  const api = await description();
  return requests
    .filter(({ path }) => path.startsWith('/statistics'))
    .flatMap(({ method, path, query }) => {
      const where = `${method} ${path}${query}`;
      if (/[A-Z]/.test(path)) return [`${where}: capitals in the path`];
      const request = { method, path, query: query.replace(/^\?/, ''), headers: {} };
      const operation = api.matchOperation(request);
      if (!operation) return [`${where}: no such operation`];
      return told(api.validateRequest(request, operation), where);
    });
}

/** What is wrong with an answer: empty when nothing is. @param path as the description writes it, without /v1 */
export async function wrongIn(path: string, status: number, body: unknown): Promise<string[]> {
  const api = await description();
  const operation = api.getOperations().find((each) => each.method === 'get' && each.path === `/v1${path}`);
  const answer: unknown = operation?.responses?.[String(status)];
  // Without a schema the validator would find everything right.
  if (!operation || !isObject(answer) || !isObject(answer['content']) || !('application/json' in answer['content']))
    return [`the description has no schema for ${path} ${status}`];
  return told(api.validateResponse(body, operation, status), `${path} ${status}`);
}

function told(
  { errors }: { readonly errors?: readonly { instancePath: string; message?: string; params: unknown }[] | null },
  where: string,
): string[] {
  return (errors ?? []).map(
    ({ instancePath, message, params }) => `${where}: ${instancePath} ${message ?? ''} ${JSON.stringify(params)}`,
  );
}
