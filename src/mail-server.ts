/** From settings to mail server and delivery: what the pipeline, the service and the mail commands share. */
import { join } from 'node:path';
import { HttpsProxyAgent } from 'https-proxy-agent';
import type { Logger } from 'pino';
import { deliverDue, type Delivered } from './alerts/deliver.js';
import type { OperatorPost } from './alerts/operator.js';
import { noteAlive } from './alerts/restored.js';
import { openSmtp, type Smtp } from './alerts/smtp.js';
import type { Mailbox, Settings } from './config.js';
import type { Store } from './load/database.js';

/** 'Absence watch <absence@luton.example>'; a name is quoted, so that a comma in it ends nothing. */
export function mailboxText({ name, address }: Mailbox): string {
  return name === undefined ? address : `"${name.replace(/["\\]/g, '')}" <${address}>`;
}

/** The way to the mail server; undefined where SMTP_URL is unset. */
export function openMailServer(settings: Settings): Smtp | undefined {
  if (settings.smtp === undefined) return undefined;
  const { httpsProxy } = settings.environment;
  return openSmtp({
    ...settings.smtp,
    from: mailboxText(settings.config.mail.from),
    agent: httpsProxy === undefined ? undefined : new HttpsProxyAgent(httpsProxy),
  });
}

/** Who is told of the pipeline itself, and as whom it writes. */
export function operatorPost(settings: Settings): OperatorPost {
  return {
    from: mailboxText(settings.config.mail.from),
    to: settings.config.mail.operator.map((mailbox) => mailbox.address),
  };
}

export interface Deliverer {
  readonly store: Store;
  readonly settings: Settings;
  readonly log: Logger;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  /** An open way to the mail server, which stays open; without it one is opened for this pass. */
  readonly server?: Smtp | undefined;
}

/** Leaves a sign of life, and holds old mails where the database looks like a restored backup. */
export async function noteMailAlive({
  store,
  settings,
  log,
  now,
}: Omit<Deliverer, 'signal' | 'server'>): Promise<void> {
  if (settings.smtp !== undefined) await noteAlive(store, { now: now(), ...lifeOf(settings, log) });
}

function lifeOf({ config }: Settings, log: Logger) {
  return {
    retryForMs: config.mail.retryFor.milliseconds,
    witness: join(config.dataDirectory, 'mail-witness.json'),
    warn: (message: string) => {
      log.warn(message);
    },
  };
}

const NOTHING_SENT: Delivered = { sent: 0, retried: 0, dead: 0, held: 0 };

/** Sends what is due. Without a mail server everything waits, and status says so. */
export async function deliverQueue({ store, settings, log, now, signal, ...given }: Deliverer): Promise<Delivered> {
  const server = given.server ?? openMailServer(settings);
  if (server === undefined) return NOTHING_SENT;
  try {
    return await deliverDue(store, server, {
      clock: now,
      maxPerHour: settings.config.mail.maxPerHour,
      signal,
      operator: operatorPost(settings),
      ...lifeOf(settings, log),
    });
  } finally {
    // Closing breaks off every conversation on it, those of others too.
    if (given.server === undefined) server.close();
  }
}
