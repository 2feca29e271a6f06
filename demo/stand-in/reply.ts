/** What a route answers, before it goes over the wire, and the table that finds the route. */
import type { Readable } from 'node:stream';
import { GUID } from './identity.js';
import type { PublishedState } from './state.js';

export type Body =
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'stream'; readonly size: number | undefined; readonly open: () => Readable }
  | { readonly kind: 'none' };

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body;
}

export interface Asked {
  readonly state: PublishedState;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

export interface Route {
  readonly path: RegExp;
  /** Query parameters it knows; undefined: it does not look (content API). */
  readonly knows: readonly string[] | undefined;
  readonly answer: (asked: Asked) => Reply | Promise<Reply>;
}

/**
 * A GET route from a pattern: ':name' is one segment, ':name(guid)' one that is a GUID, so that any other id is a plain 404.
 * @param knows query parameters it accepts; leave out where unknown ones are ignored
 */
export function route(pattern: string, answer: Route['answer'], knows?: readonly string[]): Route {
  const source = pattern.replaceAll(/:(\w+)\(guid\)/g, `(?<$1>${GUID})`).replaceAll(/:(\w+)/g, '(?<$1>[^/]+)');
  return { path: new RegExp(`^${source}/?$`), knows, answer };
}

export function json(value: unknown, status = 200): Reply {
  return { status, headers: { 'content-type': 'application/json; charset=utf-8' }, body: { kind: 'json', value } };
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'One or more validation errors occurred.',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  500: 'An error occurred while processing your request.',
};

const SECTIONS: Readonly<Record<number, string>> = {
  400: '15.5.1',
  403: '15.5.4',
  404: '15.5.5',
  405: '15.5.6',
  406: '15.5.7',
  500: '15.6.1',
};

export interface FieldError {
  readonly message: string;
  readonly path?: string;
  readonly code: string;
  readonly detail?: unknown;
}

/** A problem body, as ASP.NET writes them; `errors` only with 400. */
export function problem(status: number, errors?: readonly FieldError[]): Reply {
  const value = {
    type: `https://tools.ietf.org/html/rfc9110#section-${SECTIONS[status] ?? '15'}`,
    title: TITLES[status] ?? 'Error',
    status,
    errors,
    traceId: '00-4f5e6a7b8c9d0e1f2a3b4c5d6e7f8091-a1b2c3d4e5f60718-00',
  };
  return {
    status,
    headers: { 'content-type': 'application/problem+json; charset=utf-8' },
    body: { kind: 'json', value },
  };
}

export interface Page {
  readonly page: number;
  readonly pageSize: number;
}

/** Reads page and pageSize, or says what is wrong with them. */
export function pageOf(
  query: URLSearchParams,
  limits: { readonly most: number; readonly usual: number; readonly lastPage?: number },
): Page | Reply {
  const errors: FieldError[] = [];
  const read = (path: string, usual: number, from: number, to: number): number => {
    const text = query.get(path);
    if (text === null || text === '') return usual;
    const value = Number(text);
    if (!Number.isInteger(value)) errors.push({ message: 'Must be a valid value.', path, code: 'InvalidValue' });
    else if (value < from && to === Infinity)
      errors.push({
        message: `Must be greater than or equal to ${from}.`,
        path,
        code: 'GreaterThanOrEqual',
        detail: { comparisonValue: from, value },
      });
    else if (value < from || value > to)
      errors.push({
        message: `Must be between ${from} and ${to}.`,
        path,
        code: 'InclusiveBetween',
        detail: { from, to, value },
      });
    return value;
  };
  const page = read('page', 1, 1, limits.lastPage ?? Infinity);
  const pageSize = read('pageSize', limits.usual, 1, limits.most);
  return errors.length > 0 ? problem(400, errors) : { page, pageSize };
}

export function isReply(value: object): value is Reply {
  return 'headers' in value && 'body' in value;
}

/** One page of a list. With no results there is still one page, but for a page size of one, when there is none. */
export function paged<T>(all: readonly T[], { page, pageSize }: Page): { paging: object; results: T[] } {
  const pages = Math.ceil(all.length / pageSize);
  const totalPages = all.length === 0 ? (pageSize === 1 ? 0 : 1) : pages;
  return {
    paging: { page, pageSize, totalResults: all.length, totalPages },
    results: all.slice((page - 1) * pageSize, page * pageSize),
  };
}
