/** HTTP of the service: health, readiness, metrics, and the status page. Read-only. */
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { isLoopback } from '../alerts/smtp-settings.js';
import type { Settings } from '../config.js';
import { migrationState } from '../load/migrate.js';
import { runningHere } from '../load/runs.js';
import { withoutAddresses } from '../log.js';
import { errorWords, withPatience } from './board.js';
import { createMetrics } from './metrics.js';
import { addPages } from './page/routes.js';
import { createView, StillWaiting, type Subject, type View } from './view.js';

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
  /** As last read. */
  readonly settings: () => Settings;
  /** Asked at every request: a service that waits for its database answers too. */
  readonly subject: () => Subject;
  readonly log: Logger;
  readonly now: () => Date;
}

/** @throws ListenError */
export async function startWeb(options: WebOptions): Promise<Web> {
  const { httpHost: host, httpPort: port } = options.settings().environment;
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

const HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
};
const PLAIN = 'text/plain; charset=utf-8';
const FOREIGN_NAME = 'Not a name of this service. Behind a proxy set page.exposed.\n';
const SWITCHED_OFF = 'The status page is switched off.\n';
const NOT_UNDERSTOOD = 'The request is not understood.\n';

/** The server before it listens. */
export function createWeb(options: WebOptions): FastifyInstance {
  const { settings, log } = options;
  const isForeign = ({ hostname }: FastifyRequest): boolean =>
    !settings().config.page.exposed && !isLoopback(hostname.replace(/^\[(.*)\]$/, '$1'));
  const refuse = (reply: FastifyReply, code: number, text: string): FastifyReply =>
    reply.code(code).type(PLAIN).send(text);
  const app = fastify({
    bodyLimit: 1024,
    requestTimeout: 10_000,
    keepAliveTimeout: 5_000,
    forceCloseConnections: true,
    // A path that cannot be decoded, or is too long, comes past all hooks.
    frameworkErrors: (_error, request, reply) => {
      void reply.headers({ ...HEADERS, 'Cache-Control': 'no-store' });
      if (isForeign(request)) void refuse(reply, 421, FOREIGN_NAME);
      else if (!settings().config.page.enabled) void refuse(reply, 404, SWITCHED_OFF);
      else void refuse(reply, 400, NOT_UNDERSTOOD);
    },
  });
  app.addHook('onRequest', async (request, reply) => {
    // A page of another site must not reach a loopback service through a name of its own.
    if (isForeign(request)) await refuse(reply, 421, FOREIGN_NAME);
  });
  app.addHook('onSend', (_request, reply, payload, done) => {
    void reply.headers(HEADERS);
    if (!reply.hasHeader('cache-control')) void reply.header('Cache-Control', 'no-store');
    // Reasons quote the mail server and the configuration; whoever may look need not know who is told.
    done(null, typeof payload === 'string' ? withoutAddresses(payload) : payload);
  });
  app.setErrorHandler((error, request, reply) => {
    if (error instanceof StillWaiting)
      return void reply.code(503).type(PLAIN).header('Retry-After', '30').send(`Not ready yet: ${error.message}\n`);
    log.error(
      { error: error instanceof Error ? error.message : String(error), path: request.routeOptions.url },
      'a request failed',
    );
    const { statusCode } = error as { statusCode?: number };
    const bad = statusCode !== undefined && statusCode >= 400 && statusCode < 500;
    void reply
      .code(bad ? statusCode : 503)
      .type(PLAIN)
      .header('Retry-After', '30')
      .send(bad ? NOT_UNDERSTOOD : 'The database does not answer just now. Try again in a minute.\n');
  });

  const view = createView(options);
  addHealth(app, view, options);
  // A setting that is read again at SIGHUP.
  app.addHook('onRequest', async (request, reply) => {
    if (!settings().config.page.enabled && !ALWAYS.has(request.routeOptions.url ?? ''))
      await refuse(reply, 404, SWITCHED_OFF);
  });
  addPages(app, { ...options, view });
  return app;
}

function addHealth(app: FastifyInstance, view: View, { subject, now }: WebOptions): void {
  app.get('/healthz', async (_request, reply) => {
    const found = subject();
    if (found.kind === 'open') {
      const { role, lastBeat } = found.service.state;
      const mayBeOld = BEAT_MAY_BE_OLD_MS[found.store.kind];
      if (now().getTime() - lastBeat.getTime() > mayBeOld)
        return reply.code(503).send({
          ...{ well: false, role, attention: [] },
          reasons: [`the service has not come round for ${mayBeOld / 60_000} minutes`],
        });
    }
    const { well, own, health, stale } = await view.look();
    return reply.code(well ? 200 : 503).send({
      well,
      role: own.role,
      reasons: well ? [] : health.reasons,
      attention: health.attention,
      as_of: stale ?? now(),
    });
  });

  app.get('/readyz', async (_request, reply) => {
    const found = subject();
    if (found.kind === 'waiting') {
      const pending = found.pending === undefined ? {} : { pending: found.pending };
      return reply.code(503).send({ ready: false, reason: found.why, ...pending });
    }
    const { store } = found;
    try {
      const { pending } = await withPatience(migrationState(store), READY_MS);
      return await reply.code(pending.length === 0 ? 200 : 503).send({ ready: pending.length === 0, pending });
    } catch (error) {
      // A load keeps the embedded database: it is there, and as this program made it.
      if (store.kind === 'embedded' && runningHere(store) !== undefined)
        return reply.send({ ready: true, pending: [], busy: true });
      return reply.code(503).send({ ready: false, reason: `the database does not answer: ${errorWords(error)}` });
    }
  });

  const metrics = createMetrics(now());
  app.get('/metrics', async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.text(await view.look(), now())),
  );
}
