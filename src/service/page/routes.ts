/** Addresses of the status page. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Logger } from 'pino';
import * as z from 'zod';
import { renderChart } from '../../alerts/chart.js';
import type { Settings } from '../../config.js';
import type { Store } from '../../load/database.js';
import { getSetting } from '../../load/runs.js';
import { csv } from '../../series-csv.js';
import { errorWords, withPatience } from '../board.js';
import { StillWaiting, type Seen, type View } from '../view.js';
import { alertsPage } from './alerts.js';
import { areaPage, areasPage, DRAWN } from './area.js';
import { areaSeries, chartOf, everyFigure, findArea, linesOf } from './area-figures.js';
import { section, text, type Page } from './content.js';
import { overviewPage } from './overview.js';
import { renderPage, STYLE_VERSION } from './render.js';
import { runPage, runsPage } from './runs.js';
import { STYLE } from './style.js';
import { ICON } from './templates.js';
import { versionPage, versionsPage } from './versions.js';

export interface PageOptions {
  readonly settings: () => Settings;
  readonly view: View;
  readonly log: Logger;
  readonly now: () => Date;
}

const id = z.object({
  id: z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number),
});
/** No control characters: the database takes no NUL, and no name has one. */
const plain = z.string().regex(/^\P{Cc}*$/u);
const place = z.object({ level: plain.min(1).max(100), code: plain.min(1).max(40) });
const pageNumber = z.object({
  page: z
    .string()
    .regex(/^[1-9]\d{0,3}$/)
    .transform(Number)
    .catch(1)
    .default(1),
});
const query = z.object({ q: plain.max(200).catch('').default('') });
const ofRule = z.object({ rule: plain.min(1).max(200).optional().catch(undefined) });
const chartQuery = z.object({ series: plain.max(200), measure: z.enum(DRAWN) });

/** A page waits so long for a database that is loading. */
const PATIENCE_MS = 8_000;
const YEAR_S = 31_536_000;

export function addPages(app: FastifyInstance, { settings, view, log, now }: PageOptions): void {
  const composed = async (): Promise<boolean> => (await getSetting(view.open().store, 'composed')) === true;

  /**
   * Sends a page, or says that there is none.
   * @param make of what is in the database
   */
  async function send(reply: FastifyReply, make: (store: Store) => Promise<Page | undefined>): Promise<FastifyReply> {
    let page: Page | undefined;
    let isComposed: boolean;
    try {
      [page, isComposed] = await withPatience(Promise.all([make(view.open().store), composed()]), PATIENCE_MS);
    } catch (error) {
      if (!(error instanceof StillWaiting))
        log.error({ error: errorWords(error), path: reply.request.routeOptions.url }, 'a page could not be made');
      void reply.header('Retry-After', '30');
      return html(reply, noAnswer(error), 503, wasComposed);
    }
    return html(reply, page ?? NOTHING_HERE, page === undefined ? 404 : 200, isComposed);
  }

  function html(reply: FastifyReply, page: Page, code: number, isComposed: boolean, seen?: Seen): FastifyReply {
    const known = seen?.stale === undefined ? undefined : { at: seen.stale, down: seen.down !== undefined };
    return reply
      .code(code)
      .type('text/html; charset=utf-8')
      .send(renderPage(page, { now: now(), composed: isComposed, known }));
  }

  let wasComposed = false;
  app.get('/', async (_request, reply) => {
    const seen = await view.look();
    // While the database is busy or gone, what it said before holds.
    if (seen.status !== undefined && seen.stale === undefined)
      wasComposed = await withPatience(composed(), PATIENCE_MS).catch(() => wasComposed);
    return html(reply, overviewPage(seen), 200, wasComposed, seen);
  });
  app.get('/versions', (request, reply) =>
    send(reply, (store) => versionsPage(store, pageNumber.parse(request.query).page)),
  );
  app.get('/versions/:id', (request, reply) => {
    const wanted = id.safeParse(request.params);
    return send(reply, async (store) => (wanted.success ? versionPage(store, wanted.data.id) : undefined));
  });
  app.get('/alerts', (request, reply) =>
    send(reply, (store) => alertsPage(store, now(), ofRule.parse(request.query).rule)),
  );
  app.get('/areas', (request, reply) => send(reply, (store) => areasPage(store, query.parse(request.query).q.trim())));
  app.get('/runs', (request, reply) => send(reply, (store) => runsPage(store, pageNumber.parse(request.query).page)));
  app.get('/runs/:id', (request, reply) => {
    const wanted = id.safeParse(request.params);
    return send(reply, async (store) => (wanted.success ? runPage(store, wanted.data.id) : undefined));
  });

  app.get('/area/:level/:code', (request, reply) => {
    const wanted = place.safeParse(request.params);
    if (!wanted.success) return send(reply, () => Promise.resolve(undefined));
    const { level, code } = wanted.data;
    return code.endsWith('.csv')
      ? sendCsv(reply, level, code.slice(0, -'.csv'.length))
      : send(reply, async (store) => areaPage(store, level, code, settings().config.rules, await composed()));
  });
  async function sendCsv(reply: FastifyReply, level: string, code: string): Promise<FastifyReply> {
    const { store } = view.open();
    const area = await withPatience(findArea(store, level, code), PATIENCE_MS);
    if (area === undefined) return send(reply, () => Promise.resolve(undefined));
    const rows = await withPatience(everyFigure(store, area), PATIENCE_MS);
    const prefix = (await composed()) ? 'COMPOSED-' : '';
    return reply
      .type('text/csv; charset=utf-8')
      .header('Content-Disposition', `attachment; filename="${prefix}absence-${fileWord(area.name)}.csv"`)
      .send(csv(rows));
  }

  app.get('/area/:level/:code/chart.png', async (request, reply) => {
    const wanted = place.and(chartQuery).safeParse({ ...asObject(request.params), ...asObject(request.query) });
    const { store } = view.open();
    const area = wanted.success
      ? await withPatience(findArea(store, wanted.data.level, wanted.data.code), PATIENCE_MS)
      : undefined;
    if (!wanted.success || area === undefined) return reply.code(404).type('text/plain').send('No such chart.\n');
    const [series, lines, isComposed] = await withPatience(
      Promise.all([areaSeries(store, area), linesOf(store, area, settings().config.rules), composed()]),
      PATIENCE_MS,
    );
    const one = series.find((each) => each.series === wanted.data.series);
    const model = one === undefined ? undefined : chartOf(area, one, wanted.data.measure, lines, isComposed);
    if (model === undefined) return reply.code(404).type('text/plain').send('No such chart.\n');
    return reply.type('image/png').send((await renderChart(model)).png);
  });

  app.get('/style.css', (request, reply) =>
    reply
      .type('text/css; charset=utf-8')
      .header(
        'Cache-Control',
        request.url.endsWith(`?${STYLE_VERSION}`) ? `public, max-age=${YEAR_S}, immutable` : 'no-cache',
      )
      .send(STYLE),
  );
  app.get('/icon.svg', (_request, reply) =>
    reply.type('image/svg+xml').header('Cache-Control', 'public, max-age=86400').send(ICON),
  );
  app.setNotFoundHandler((_request, reply) => send(reply, () => Promise.resolve(undefined)));
}

function noAnswer(error: unknown): Page {
  return {
    title: error instanceof StillWaiting ? 'Not ready yet' : 'The database does not answer',
    lead: '',
    under: '',
    sections: [
      section('', [
        error instanceof StillWaiting ? text(`The service waits: ${error.message}.`) : undefined,
        text('This page is made of what is in the database. Try again in a minute; the overview tells what is known.'),
        { kind: 'links', items: [{ text: 'Overview', href: '/' }] },
      ]),
    ],
  };
}

const NOTHING_HERE: Page = {
  title: 'Nothing here',
  lead: '',
  under: '',
  sections: [
    section('', [
      text('There is no such page, or what it was about is not loaded.'),
      { kind: 'links', items: [{ text: 'Overview', href: '/' }] },
    ]),
  ],
};

function asObject(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}

/** 'Kingston upon Hull, City of' as part of a file's name. */
function fileWord(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}
