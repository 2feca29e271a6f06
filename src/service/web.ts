/** HTTP of the service: health, readiness, metrics, and the status page. Read-only. */
import { fastify } from 'fastify';
import type { Logger } from 'pino';
import { Gauge, Registry } from 'prom-client';
import type { Store } from '../load/database.js';
import { migrationState } from '../load/migrate.js';
import type { Service } from './service.js';
import { statusOf, statusText } from './status.js';

export interface Web {
  readonly url: string;
  close(): Promise<void>;
}

/** Without a round of the service's loop for so long the process hangs. A run may take its time. */
const BEAT_MAY_BE_OLD_MS = 10 * 60_000;

export async function startWeb(options: {
  store: Store;
  service: Service;
  log: Logger;
  now: () => Date;
}): Promise<Web> {
  const { store, service, log, now } = options;
  const settings = service.settings();
  const app = fastify({ bodyLimit: 1024, requestTimeout: 10_000, trustProxy: false });
  app.addHook('onSend', async (_request, reply) => {
    void reply.headers({
      'Content-Security-Policy':
        "default-src 'none'; img-src data:; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      'Cache-Control': 'no-store',
    });
  });
  app.setErrorHandler((error, _request, reply) => {
    log.error({ error: error instanceof Error ? error.message : String(error) }, 'a request failed');
    void reply.code(500).type('text/plain').send('Something went wrong; the log says what.\n');
  });

  app.get('/healthz', async (_request, reply) => {
    const beatAge = now().getTime() - service.state.lastBeat.getTime();
    if (!service.state.running && beatAge > BEAT_MAY_BE_OLD_MS)
      return reply.code(503).send({ well: false, reasons: ['the service has not come round for ten minutes'] });
    if (service.state.role === 'standby') return reply.send({ well: true, role: 'standby', reasons: [] });
    try {
      const { health } = await statusOf(store, service.settings(), now());
      return await reply.code(health.well ? 200 : 503).send({ ...health, role: service.state.role });
    } catch (error) {
      log.warn({ error: error instanceof Error ? error.message : String(error) }, 'health could not be read');
      return reply.code(503).send({ well: false, reasons: ['the database does not answer'] });
    }
  });

  app.get('/readyz', async (_request, reply) => {
    try {
      const { pending } = await migrationState(store);
      return await reply.code(pending.length === 0 ? 200 : 503).send({ ready: pending.length === 0, pending });
    } catch {
      return reply.code(503).send({ ready: false, reason: 'the database does not answer' });
    }
  });

  const metrics = createMetrics(service);
  app.get('/metrics', async (_request, reply) => {
    await metrics.update(await statusOf(store, service.settings(), now()), now());
    return reply.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });

  if (settings.config.page.enabled)
    app.get('/', async (_request, reply) =>
      reply.type('text/plain; charset=utf-8').send(`${statusText(await statusOf(store, service.settings(), now()))}\n`),
    );

  const url = await app.listen({ host: settings.environment.httpHost, port: settings.environment.httpPort });
  return { url, close: () => app.close() };
}

function createMetrics(service: Service) {
  const registry = new Registry();
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `absence_watch_${name}`, help, registers: [registry] });
  const well = gauge('well', '1 when healthy');
  const active = gauge('active', '1 when this instance is the active one');
  const lastPoll = gauge('last_good_poll_age_seconds', 'Seconds since EES last answered');
  const versions = gauge('versions_current', 'Data set versions that are current');
  const rows = gauge('rows_current', 'Rows of figures that are current');
  const quarantined = gauge('versions_quarantined', 'Data set versions held back by a gate');
  const waiting = gauge('mails_waiting', 'Mails waiting to be sent');
  const dead = gauge('mails_dead', 'Mails given up');
  const oldest = gauge('mail_oldest_waiting_seconds', 'Age of the oldest mail that waits');
  const overdue = gauge('releases_overdue', 'Expected releases that have not come');
  return {
    registry,
    update(status: Awaited<ReturnType<typeof statusOf>>, now: Date): Promise<void> {
      const age = (at: Date | string | null | undefined): number =>
        at === null || at === undefined ? 0 : (now.getTime() - new Date(at).getTime()) / 1000;
      well.set(status.health.well ? 1 : 0);
      active.set(service.state.role === 'active' ? 1 : 0);
      lastPoll.set(age(status.last_good_poll));
      versions.set(status.totals.versions);
      rows.set(status.totals.rows);
      quarantined.set(status.quarantined.length);
      waiting.set(status.mail.waiting);
      dead.set(status.mail.dead);
      oldest.set(age(status.mail.oldestWaiting));
      overdue.set(status.overdue.length);
      return Promise.resolve();
    },
  };
}
