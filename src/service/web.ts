/** HTTP of the service: health, readiness, metrics, and the status page. Read-only. */
import { fastify, type FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { isLoopback } from '../alerts/smtp-settings.js';
import type { Store } from '../load/database.js';
import { migrationState } from '../load/migrate.js';
import { createBoard, withPatience, type Board } from './board.js';
import { withTroubles, type Health } from './health.js';
import { createMetrics } from './metrics.js';
import { addPages } from './page/routes.js';
import type { Service } from './service.js';
import type { Status } from './status.js';

export interface Web {
  readonly url: string;
  close(): Promise<void>;
}

/** Nobody else listens where HTTP_HOST and HTTP_PORT say. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/** Without a round of the service's loop for so long the process hangs; loads keep the embedded database for minutes. */
const BEAT_MAY_BE_OLD_MS = { postgres: 5 * 60_000, embedded: 30 * 60_000 } as const;
const READY_MS = 3_000;

export interface WebOptions {
  readonly store: Store;
  readonly service: Service;
  readonly log: Logger;
  readonly now: () => Date;
}

/** @throws ListenError */
export async function startWeb(options: WebOptions): Promise<Web> {
  const { httpHost: host, httpPort: port } = options.service.settings().environment;
  const app = createWeb(options);
  try {
    return { url: await app.listen({ host, port }), close: () => app.close() };
  } catch (error) {
    await app.close();
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new ListenError(
      code === 'EADDRINUSE'
        ? `Something else listens on port ${port} of ${host}: set HTTP_PORT to another one (0: any that is free).`
        : `The status page cannot be served on ${host}, port ${port} (${code}): set HTTP_HOST and HTTP_PORT.`,
    );
  }
}

/** What is there without the status page, too. */
const ALWAYS: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);

/** The server before it listens. */
export function createWeb({ store, service, log, now }: WebOptions): FastifyInstance {
  const app = fastify({
    bodyLimit: 1024,
    requestTimeout: 10_000,
    keepAliveTimeout: 5_000,
    forceCloseConnections: true,
  });
  const board = createBoard(store, service.settings, now);
  app.addHook('onRequest', async (request, reply) => {
    // A page of another site must not reach a loopback service through a name of its own.
    if (!service.settings().config.page.exposed && !isLoopback(request.hostname.replace(/^\[(.*)\]$/, '$1')))
      await reply.code(421).type('text/plain').send('Not a name of this service. Behind a proxy set page.exposed.\n');
  });
  app.addHook('onSend', async (_request, reply) => {
    void reply.headers({
      'Content-Security-Policy':
        "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      'Cross-Origin-Resource-Policy': 'same-origin',
    });
    if (!reply.hasHeader('cache-control')) void reply.header('Cache-Control', 'no-store');
    return Promise.resolve();
  });
  app.setErrorHandler((error, request, reply) => {
    log.error(
      { error: error instanceof Error ? error.message : String(error), path: request.routeOptions.url },
      'a request failed',
    );
    const { statusCode } = error as { statusCode?: number };
    const bad = statusCode !== undefined && statusCode >= 400 && statusCode < 500;
    void reply
      .code(bad ? statusCode : 503)
      .type('text/plain; charset=utf-8')
      .header('Retry-After', '30')
      .send(
        bad ? 'The request is not understood.\n' : 'The database does not answer just now. Try again in a minute.\n',
      );
  });

  const seen = { store, service, board, now };
  addHealth(app, seen, log);
  // A setting that is read again at SIGHUP.
  app.addHook('onRequest', async (request, reply) => {
    if (!service.settings().config.page.enabled && !ALWAYS.has(request.routeOptions.url ?? ''))
      await reply.code(404).type('text/plain').send('The status page is switched off.\n');
  });
  addPages(app, { ...seen, health: (status) => wholeHealth(status, service) });
  return app;
}

/** The verdict of the database's state and of this process together. */
function wholeHealth(status: Status, { state }: Service): Health {
  return withTroubles(status.health, {
    trouble: state.trouble,
    brokenConfiguration: state.brokenConfiguration,
    newerConfiguration: state.newer?.modified,
  });
}

function addHealth(
  app: FastifyInstance,
  { store, service, board, now }: { store: Store; service: Service; board: Board; now: () => Date },
  log: Logger,
): void {
  app.get('/healthz', async (_request, reply) => {
    const { role } = service.state;
    const age = now().getTime() - service.state.lastBeat.getTime();
    const minutes = BEAT_MAY_BE_OLD_MS[store.kind] / 60_000;
    if (age > BEAT_MAY_BE_OLD_MS[store.kind])
      return reply
        .code(503)
        .send({ well: false, role, reasons: [`the service has not come round for ${minutes} minutes`], attention: [] });
    try {
      const { status, stale } = await board.read();
      const health = wholeHealth(status, service);
      // Whoever stands by is well as long as it can see the database; the active one answers for the work.
      const well = health.well || (role === 'standby' && service.state.trouble === undefined);
      return await reply.code(well ? 200 : 503).send({
        well,
        role,
        reasons: well ? [] : health.reasons,
        attention: health.attention,
        as_of: stale ?? now(),
      });
    } catch (error) {
      log.warn({ error: error instanceof Error ? error.message : String(error) }, 'health could not be read');
      return reply.code(503).send({ well: false, role, reasons: ['the database does not answer'], attention: [] });
    }
  });

  app.get('/readyz', async (_request, reply) => {
    try {
      const { pending } = await withPatience(migrationState(store), READY_MS);
      return await reply.code(pending.length === 0 ? 200 : 503).send({ ready: pending.length === 0, pending });
    } catch {
      // A load keeps the embedded database: it is there, and as this program made it.
      if (store.kind === 'embedded' && service.state.runningSince !== undefined)
        return reply.send({ ready: true, pending: [], busy: true });
      return reply.code(503).send({ ready: false, reason: 'the database does not answer' });
    }
  });

  const metrics = createMetrics();
  app.get('/metrics', async (_request, reply) => {
    const { status, stale } = await board.read();
    const text = await metrics.text({
      status,
      health: wholeHealth(status, service),
      stale: stale !== undefined,
      state: service.state,
      now: now(),
    });
    return reply.type(metrics.contentType).send(text);
  });
}
