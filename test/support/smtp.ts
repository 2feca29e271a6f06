/** Mails in the queue, a mail server to take them, and a clock to move. */
import { setTimeout as wait } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { startMailCatcher, type MailCatcher, type MailCatcherOptions } from '../../demo/mail-catcher.js';
import type { DeliverOptions } from '../../src/alerts/deliver.js';
import { composePlain } from '../../src/alerts/plain-mail.js';
import { openSmtp, type Deadlines, type Smtp } from '../../src/alerts/smtp.js';
import { readSmtpUrl } from '../../src/alerts/smtp-settings.js';
import type { Store } from '../../src/load/database.js';

export const SENDER = 'Absence watch <watch@luton.example>';
export const MORNING = new Date('2026-10-22T08:31:00Z');
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export interface Clock {
  (): Date;
  /** Moves on by that many milliseconds. */
  pass(ms: number): void;
  /** Moves to that time, never back. */
  to(time: Date): void;
}

export function clockAt(start: Date): Clock {
  let now = start.getTime();
  return Object.assign(() => new Date(now), {
    pass(ms: number) {
      now += ms;
    },
    to(time: Date) {
      now = Math.max(now, time.getTime());
    },
  });
}

/** Delivery as configured by default, by that clock, without chance. */
export function delivery(clock: Clock, more: Partial<DeliverOptions> = {}): DeliverOptions {
  return { clock, maxPerHour: 200, retryForMs: 5 * DAY, random: () => 0.5, ...more };
}

/** A mail server that is closed when the test ends. */
export async function mailServer(options?: MailCatcherOptions): Promise<MailCatcher> {
  const server = await startMailCatcher(options);
  onTestFinished(async () => {
    // Node ends with a fault of its own where a socket is destroyed under a TLS handshake that is just failing.
    await wait(20);
    await server.close();
  });
  return server;
}

/** The way to that server; `hasty` deadlines for servers that hang. */
export function smtpTo(server: Pick<MailCatcher, 'url'>, deadlines?: Deadlines): Smtp {
  const smtp = openSmtp({
    from: SENDER,
    ...readSmtpUrl(server.url),
    ...(deadlines === undefined ? {} : { deadlines }),
  });
  onTestFinished(() => {
    smtp.close();
  });
  return smtp;
}

/** Puts one mail for each address into the queue. @returns their ids, in order */
export async function queueMails(
  store: Store,
  addresses: readonly string[],
  at: Date,
  kind = 'alert',
): Promise<number[]> {
  const ids: number[] = [];
  for (const address of addresses) {
    const subject = `News for ${address}`;
    const mail = {
      from: SENDER,
      to: 'somebody@luton.example',
      subject,
      text: 'News',
      key: `${address} ${at.toISOString()}`,
    };
    const { raw, messageId } = await composePlain({ ...mail, date: at });
    const { id } = await store.db
      .insertInto('mail')
      .values({
        address,
        subject,
        message_id: messageId,
        raw,
        kind,
        state: 'queued',
        next_attempt_at: at,
        created_at: at,
      })
      .returning('id')
      .executeTakeFirstOrThrow();
    ids.push(id);
  }
  return ids;
}

/** For each recipient the Message-IDs that arrived, in order. */
export function received(server: MailCatcher): Map<string, string[]> {
  const ids = new Map<string, string[]>();
  for (const { to, raw } of server.messages) {
    const id = /^message-id: *(<[^>]+>)/im.exec(raw.toString('latin1'))?.[1] ?? 'none';
    for (const address of to) ids.set(address, [...(ids.get(address) ?? []), id]);
  }
  return ids;
}

export async function attempts(store: Store, mailId: number): Promise<string[]> {
  const rows = await store.db
    .selectFrom('mail_attempt')
    .select('outcome')
    .where('mail_id', '=', mailId)
    .orderBy('id')
    .execute();
  return rows.map((row) => row.outcome);
}
