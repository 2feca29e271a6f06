/**
 * Mail goes out whatever else is going on: a loop of its own, in every instance, standby or not. One way to the mail
 * server stays open for all of it, so that a token for signing in is asked for once.
 */
import type { Logger } from 'pino';
import { nextDue } from '../alerts/queue.js';
import type { Smtp } from '../alerts/smtp.js';
import type { Settings } from '../config.js';
import type { Store } from '../load/database.js';
import { deliverQueue, openMailServer } from '../mail-server.js';
import { pause } from './pause.js';

export interface Delivery {
  /** The way to the mail server, for runs that send what they owe; undefined where none is configured. */
  server(): Smtp | undefined;
  /** A pass at once: a run has written mails. */
  wake(): void;
  /** Another mail server, perhaps. */
  reload(settings: Settings): void;
  /** Ends when drained: a conversation under way is finished and noted. */
  readonly ended: Promise<void>;
}

export interface DeliveryOptions {
  readonly store: Store;
  readonly settings: Settings;
  readonly log: Logger;
  readonly now: () => Date;
  /** Aborted to drain. */
  readonly signal: AbortSignal;
  /** ms between looks at the queue, at most: mails of another process and a pause that ended are seen then. */
  readonly everyMs: number;
}

const SOONEST_MS = 1_000;

export function startDelivery(options: DeliveryOptions): Delivery {
  const { store, log, now, signal, everyMs } = options;
  let settings = options.settings;
  let server = openMailServer(settings);
  const rest = pause(signal);
  let trouble: string | undefined;

  async function pass(): Promise<number> {
    try {
      if (server !== undefined) await deliverQueue({ store, settings, log, now, signal, server });
      if (trouble !== undefined) log.info('mail is looked after again');
      trouble = undefined;
      const due = server === undefined ? undefined : await nextDue(store);
      if (due === undefined) return everyMs;
      return Math.min(Math.max(due.getTime() - now().getTime(), SOONEST_MS), everyMs);
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      if (said !== trouble) log.error({ error: said }, 'the queue of mails cannot be looked after; it is tried again');
      trouble = said;
      return everyMs;
    }
  }

  async function loop(): Promise<void> {
    while (!signal.aborted) await rest.for(await pass());
    server?.close();
  }

  return {
    server: () => server,
    wake: () => {
      rest.end();
    },
    reload(fresh) {
      const before = server;
      settings = fresh;
      server = openMailServer(fresh);
      // What is under way on the old one may end; its deadlines bound it.
      if (before !== undefined)
        setTimeout(() => {
          before.close();
        }, DEADLINE_MS).unref();
      rest.end();
    },
    ended: loop(),
  };
}

/** No attempt takes longer (alerts/smtp). */
const DEADLINE_MS = 60_000;
