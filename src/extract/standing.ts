/**
 * Which ways to EES are gone at present. A quiet poll asks two routes of many, so what one poll met says little of the
 * others: a way that is gone stays so until it was asked again and answered. Where the whole of an API was down, any
 * answer of it will do.
 */
import type * as z from 'zod';
import * as answers from './answers.js';
import type { Api, EesClient } from './client.js';
import { tryFile, type Downloaded } from './download.js';
import { EesError, EesRefusedError, troubleOf } from './errors.js';
import type { Memory, StandingMemo } from './memory.js';
import type { Degraded, Survey } from './survey.js';
import type { WantedFile } from './wanted.js';

export const EVERY_SOURCE = 'every source';

/** A way that is gone, since one poll or another. */
export interface Standing extends Omit<Degraded, 'costsNoFigure'> {
  /** What the operator hears of once: the official API, the website, or one route of the website. */
  readonly way: string;
}

/** Places of an API in a row that gave nothing usable, after which the whole of it is left alone: one may be gone by itself. */
const PLACES_IN_A_ROW = 2;

/** What was asked in one look around. */
export interface Asked {
  /** As '`api` `place`'. */
  readonly answered: Set<string>;
  /** Where each error came from. */
  readonly places: WeakMap<object, Pick<StandingMemo, 'place' | 'path' | 'query'>>;
  readonly failed: Omit<StandingMemo, 'since' | 'whole'>[];
  /** What each place said that failed when it was asked last, as '`api` `place`'. */
  readonly errors: Map<string, EesError>;
  /** By API: the places that gave nothing usable since any of it answered. */
  readonly silent: Record<Api, Set<string>>;
  /** APIs that are down: not asked again in this look around. */
  readonly down: Map<Api, EesError>;
}

export function nothingAsked(): Asked {
  return {
    answered: new Set(),
    places: new WeakMap(),
    failed: [],
    errors: new Map(),
    silent: { official: new Set(), content: new Set() },
    down: new Map(),
  };
}

/** The same client; which places answered, and which threw, is noted, and an API that is down is asked no more. */
export function noting(client: EesClient, { answered, places, errors, silent, down }: Asked): EesClient {
  return {
    ...client,
    async get(api, path, schema, query) {
      const place = placeOf(api, path);
      const key = `${api} ${place}`;
      const before = down.get(api);
      if (before !== undefined) throw before;
      try {
        const answer = await client.get(api, path, schema, query);
        answered.add(key);
        errors.delete(key);
        silent[api].clear();
        return answer;
      } catch (error) {
        if (error instanceof Error) places.set(error, { place, path, query: told(query) });
        if (error instanceof EesError) {
          errors.set(key, error);
          // Who says no is there.
          if (troubleOf(error) === 'vanished') silent[api].clear();
          if (troubleOf(error) === 'unreachable') silent[api].add(place);
          if (silent[api].size >= PLACES_IN_A_ROW) down.set(api, error);
        }
        throw error;
      }
    },
  };
}

/** A query without what it leaves to the server. */
function told(query: Parameters<EesClient['get']>[3] = {}): StandingMemo['query'] {
  return Object.fromEntries(
    Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/**
 * The place whose answer tells that a way is back. The round of the official API comes by each of its lists again, so
 * there it is that very list; elsewhere nobody may ask for the same release or file a second time, so it is the route.
 */
function placeOf(api: Api, path: string): string {
  if (api === 'official') return /\/(data-sets|versions)$/.test(path) ? path : path.replace(/^(\/[^/]+\/)[^/]+/, '$1…');
  return path.replace(/\/(publications|releases|data-set-files)\/(?!sitemap-items)[^/]+/g, '/$1/…');
}

/** Since when, as ISO time, the same trouble has stood; undefined where it is new. */
export function standingSince(
  { degraded }: Memory,
  about: Pick<Degraded, 'source' | 'api' | 'route'>,
): string | undefined {
  return degraded.find(
    ({ source, api, route }) => source === about.source && api === about.api && route === about.route,
  )?.since;
}

/** What the website may answer at places that are asked only when something is published. */
const LESSER_ROUTES: readonly (readonly [route: RegExp, answer: z.ZodType])[] = [
  [/\/data-content$/, answers.dataContent],
  [/\/updates$/, answers.updates],
  [/\/data-set-files$/, answers.dataSetFilePage],
  [/\/data-set-files\/…$/, answers.dataSetFile],
];

/** The routes of files, as they are told and as they are remembered. */
const FILES = { api: 'content', route: 'releases/…/files/…', place: '/releases/…/files/…' } as const;
const CSV = { api: 'official', route: 'data-sets/…/csv', place: '/data-sets/…/csv' } as const;

type FileRoute = typeof FILES | typeof CSV;

/** How a file came. */
export type Came = Pick<Downloaded, 'source' | 'detour' | 'missed'>;

/** Notes whether the official API handed out a file, and whether the pinned address of the website did. */
export function noteWay(memory: Memory, { publication, source }: WantedFile, got: Came, at: string): void {
  const { slug } = publication;
  const { missed } = got;
  if (got.source.kind === 'api') noteFileRoute(memory, slug, CSV, undefined, at);
  else {
    // Refused is one version (withdrawn meanwhile), not the route.
    const isRefused = missed instanceof EesRefusedError && missed.status === 403;
    const kind = troubleOf(missed);
    if (source.kind === 'api' && missed !== undefined && kind !== undefined && !isRefused) {
      const trouble = {
        kind,
        reason: missed.message,
        path: `/data-sets/${source.dataSetId}/csv`,
        query: { dataSetVersion: source.version },
      };
      noteFileRoute(memory, slug, CSV, trouble, at);
    }
    const { releaseVersionId, fileId } = got.source;
    const detour =
      got.detour === undefined
        ? undefined
        : {
            kind: 'vanished' as const,
            reason: got.detour,
            path: `/releases/${releaseVersionId}/files/${fileId}`,
            query: {},
          };
    noteFileRoute(memory, slug, FILES, detour, at);
  }
}

/** @param trouble undefined where it answered: then it does so for every publication */
function noteFileRoute(
  memory: Memory,
  source: string,
  of: FileRoute,
  trouble: Pick<StandingMemo, 'kind' | 'reason' | 'path' | 'query'> | undefined,
  at: string,
): void {
  const isOfIt = (each: StandingMemo): boolean => each.api === of.api && each.place === of.place;
  const before = memory.degraded.find((each) => isOfIt(each) && each.source === source);
  memory.degraded = memory.degraded.filter((each) => (trouble === undefined ? !isOfIt(each) : each !== before));
  if (trouble !== undefined)
    memory.degraded.push({ ...of, ...trouble, source, missing: [], since: before?.since ?? at, whole: false });
}

/**
 * One step for each place that is gone and that nobody asks for until the next release (of the website, and the files of
 * the official API): whoever was told that it is gone hears soon that it is back.
 */
export function lesserRoutes({ client, memory, asked }: Survey): (() => Promise<void>)[] {
  return memory.degraded
    .filter(({ api, place, whole, path }) => (api === 'content' || place === CSV.place) && !whole && path !== '')
    .flatMap(({ source, api, route, missing, place, path, query }) => {
      const answer = LESSER_ROUTES.find(([pattern]) => pattern.test(place))?.[1];
      if (answer === undefined && place !== FILES.place && place !== CSV.place) return [];
      return async () => {
        try {
          if (answer !== undefined) await client.get(api, path, answer, query);
          else {
            await tryFile(client, api, path, query);
            asked.answered.add(`${api} ${place}`);
          }
        } catch (error) {
          if (answer === undefined && error instanceof EesRefusedError && error.status === 403) {
            // That version was withdrawn or amended since; the route is there.
            asked.answered.add(`${api} ${place}`);
            return;
          }
          const kind = troubleOf(error);
          if (kind === undefined || !(error instanceof EesError)) throw error;
          asked.failed.push({ source, api, route, missing, kind, reason: error.message, place, path, query });
        }
      };
    });
}

/** Brings what is remembered up to date after a look around. */
export function bringUpToDate({ memory, asked, client }: Survey, watched: readonly string[]): void {
  const { answered, failed } = asked;
  const failedAt = new Set(failed.map(keyOf));
  const answers = new Set([...answered].map((key) => key.split(' ')[0]));
  const suspects = new Set(memory.suspects.filter((key) => !answered.has(key) || failedAt.has(key)));
  let known = memory.degraded.filter((each) => {
    if (each.source !== EVERY_SOURCE && !watched.includes(each.source)) return false;
    const key = keyOf(each);
    if (failedAt.has(key)) return !each.whole || !answers.has(each.api);
    if (answered.has(key) || isNeededNoMore(memory, each, answered)) return false;
    if (!each.whole || !answers.has(each.api)) return true;
    // Should this place fail alone again before it has answered, it was not the whole API.
    suspects.add(key);
    return false;
  });
  for (const each of failed) {
    const key = keyOf(each);
    const looksWhole = each.kind === 'unreachable' && !answers.has(each.api) && !suspects.has(key);
    const before =
      known.find((other) => other.source === each.source && keyOf(other) === key) ??
      (looksWhole ? known.find((other) => other.whole && other.api === each.api) : undefined);
    const now: StandingMemo = {
      ...each,
      // An API that is down is met at another route by each poll: it keeps the name it was met under first.
      ...(before && { source: before.source, route: before.route, place: before.place }),
      since: before?.since ?? new Date(client.now()).toISOString(),
      whole: looksWhole && before?.whole !== false,
    };
    known = before === undefined ? [...known, now] : known.map((other) => (other === before ? now : other));
  }
  memory.degraded = known;
  memory.suspects = [...suspects];
}

/** What is gone now, each route of a source once. */
export function standing({ degraded }: Pick<Memory, 'degraded'>): Standing[] {
  const shown = new Map<string, Standing>();
  for (const each of degraded) {
    const key = `${each.source} ${each.api} ${each.route}`;
    if (!shown.has(key)) shown.set(key, shownAs(each));
  }
  return [...shown.values()];
}

function shownAs({ source, api, route, kind, reason, missing, since, whole }: StandingMemo): Standing {
  const way = api === 'official' ? 'the official API' : whole ? 'the website' : `the website: ${route}`;
  // Where a whole API is down, the source that met it first is none more concerned than the others.
  return { source: whole ? EVERY_SOURCE : source, api, route, kind, reason, missing, since, way };
}

function keyOf({ api, place }: Pick<StandingMemo, 'api' | 'place'>): string {
  return `${api} ${place}`;
}

/** Whether nothing will ask there again: it would be called gone for ever. */
function isNeededNoMore(memory: Memory, { api, place }: StandingMemo, answered: ReadonlySet<string>): boolean {
  const publications = Object.values(memory.publications);
  if (api === 'content') return place === '/redirects' && answered.has('content /publications/sitemap-items');
  // Asked only where something is not found in a list: the list came, and it was not asked.
  if (place === '/data-sets/…')
    return [...answered].some((key) => /^official \/publications\/.*\/data-sets$/.test(key));
  if (place === '/publications') return publications.every(({ eesId }) => eesId !== undefined);
  const id = place.split('/')[2];
  if (id === undefined || id === '…') return false;
  return place.startsWith('/publications/')
    ? !publications.some(({ eesId }) => eesId === id)
    : !publications.some(({ dataSets }) => dataSets[id] !== undefined && dataSets[id].status !== 'Withdrawn');
}
