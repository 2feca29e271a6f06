/** Sends what is due, from any number of processes at once, and notes what came of it. */
import { setTimeout as elapsed } from 'node:timers/promises';
import type { Store } from '../load/database.js';
import { operatorEdge, reportDead, type OperatorPost } from './operator.js';
import { composePlain } from './plain-mail.js';
import { claimMail, markDead, markRetry, markSent, type ClaimedMail } from './queue.js';
import { applySkip, countHeld } from './queue-upkeep.js';
import { noteAlive } from './restored.js';
import { newSender, type Sender } from './sender.js';
import { DEADLINES, type Failed, type SendResult, type Smtp } from './smtp.js';

export interface DeliverOptions {
  readonly clock: () => Date;
  readonly maxPerHour: number;
  readonly retryForMs: number;
  /** Once aborted no further mail is begun; those under way end. */
  readonly signal?: AbortSignal | undefined;
  /** Conversations at once; Microsoft 365 allows three. */
  readonly concurrency?: number;
  /** 0 to 1, for the spread of retries. */
  readonly random?: () => number;
  /** Who hears of dead letters and of a hold. */
  readonly operator?: OperatorPost | undefined;
  /** Path of the witness that tells a restored database: see restored.ts. */
  readonly witness?: string | undefined;
  /** What went wrong without stopping delivery. */
  readonly warn?: (message: string) => void;
  /** Waits that many milliseconds, before a note that the database did not take is tried again. */
  readonly wait?: (ms: number) => Promise<void>;
}

export interface Delivered {
  readonly sent: number;
  /** How many of those sent went to the operator and not to a recipient; not said where none did. */
  readonly to_operator?: number;
  readonly retried: number;
  readonly dead: number;
  /** Waiting for a word of the operator after a restored backup. */
  readonly held: number;
  /** Why the queue was left before it was empty. */
  readonly stopped?: 'paused' | 'hourly cap' | 'interrupted';
  /** With 'hourly cap': when the next mail may go. */
  readonly until?: Date;
  /** The fault of the mail server that all further mails of this pass were spared. */
  readonly blocked?: string;
}

/** Longer than an attempt can take, so that a claim outlives its sender only when the sender is gone. */
const LEASE_MS = 2 * DEADLINES.total;
/** So many messages without a verdict, one after another, and the fault is taken for the server's. */
const PATIENCE = 3;

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/**
 * Milliseconds until the next attempt: half a minute after the first, then doubling up to an hour. Where a message may
 * have arrived unconfirmed the steps are four times as long and go up to twelve hours, to repeat it as rarely as can be.
 * @param attempt attempts made so far
 * @param spread 0 to 1, moves the time by up to a quarter either way
 */
export function retryDelay(attempt: number, unknown: boolean, spread: number): number {
  const step = unknown ? 4 : 2;
  const most = unknown ? 12 * HOUR_MS : HOUR_MS;
  return Math.min(0.5 * MINUTE_MS * step ** (attempt - 1), most) * (0.75 + spread / 2);
}

/**
 * Sends until nothing is due, sending is paused, the hour is full, or the signal comes. A refused recipient holds up
 * nobody; a mail server that is down is asked once a pass, and all mails then due wait together.
 * @throws what the database says, where it stays out of reach; claims left open are taken over later
 */
export async function deliverDue(store: Store, smtp: Smtp, options: DeliverOptions): Promise<Delivered> {
  await lookAround(store, options);
  const pass = new Pass(store, smtp, options);
  try {
    await sendAll(pass, options);
    // What could not be delivered is told in the same pass: the next one may be a month away.
    if (options.operator !== undefined) {
      const told = await reportDead(store, options.operator, options.clock()).catch((error: unknown) => {
        options.warn?.(`the operator cannot be told of mails given up: ${String(error)}`);
        return 'quiet';
      });
      if (told === 'mailed') await sendAll(pass, options);
    }
  } finally {
    await pass.end();
  }
  return { ...pass.tally, held: await countHeld(store) };
}

async function sendAll(pass: Pass, { concurrency = 2 }: DeliverOptions): Promise<void> {
  // All of them end before an error goes on: a conversation under way must be noted.
  const ends = await Promise.allSettled(Array.from({ length: concurrency }, () => pass.work()));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

/** Before anything goes out: is this the database it was, and what of the queue is to be left alone? */
async function lookAround(store: Store, options: DeliverOptions): Promise<void> {
  const now = options.clock();
  const { retryForMs, witness, operator } = options;
  const hold = await noteAlive(store, { now, retryForMs, witness, warn: options.warn });
  if (operator !== undefined) {
    const mails = {
      ill: () => ({
        subject: 'absence-watch: old mails are held, the database may be a restored backup',
        text: [
          hold?.reason ?? '',
          '',
          'Nothing of that time is sent until you decide. New releases are loaded and mailed as ever.',
          'See what is held:          absence-watch mail list',
          'It had gone out, drop it:  absence-watch mail skip --before DATE',
          'It had not, send it:       absence-watch mail retry',
        ].join('\n'),
      }),
    };
    // A mail about the queue that cannot be written holds up none that is in it.
    await operatorEdge(store, operator, 'restored', hold === undefined ? 'well' : 'ill', mails, now).catch(
      (error: unknown) => options.warn?.(`the operator cannot be told of held mails: ${String(error)}`),
    );
  }
  await applySkip(store, now);
}

class Pass {
  tally: Omit<Delivered, 'held'> = { sent: 0, retried: 0, dead: 0 };
  #blocked: Failed | undefined;
  #unanswered = 0;
  readonly #spread: number;
  readonly #sender: Sender;

  constructor(
    private readonly store: Store,
    private readonly smtp: Smtp,
    private readonly options: DeliverOptions,
  ) {
    // One spread for the pass: mails that failed together are tried together again.
    this.#spread = (options.random ?? Math.random)();
    this.#sender = newSender(store);
  }

  end(): Promise<void> {
    return this.#sender.end();
  }

  async work(): Promise<void> {
    while (this.tally.stopped === undefined) {
      if (this.options.signal?.aborted === true) {
        this.tally = { ...this.tally, stopped: 'interrupted' };
        return;
      }
      const claim = await claimMail(this.store, this.options.clock(), LEASE_MS, this.options.maxPerHour, this.#sender);
      switch (claim.kind) {
        case 'nothing':
          return;
        case 'paused':
          this.tally = { ...this.tally, stopped: 'paused' };
          return;
        case 'capped':
          this.tally = { ...this.tally, stopped: 'hourly cap', until: claim.until };
          return;
        case 'mail':
          await this.#deliver(claim.mail);
      }
    }
  }

  async #deliver(mail: ClaimedMail): Promise<void> {
    const spared = this.#blocked !== undefined;
    const result = this.#blocked ?? (await this.smtp.send({ to: mail.address, raw: mail.raw }));
    this.#watch(result);
    const count = await untilNoted(() => this.#note(mail, result, spared), this.options.wait ?? elapsed);
    this.tally = { ...this.tally, [count]: this.tally[count] + 1 };
    if (count === 'sent' && mail.kind === 'operator')
      this.tally = { ...this.tally, to_operator: (this.tally.to_operator ?? 0) + 1 };
  }

  #watch(result: SendResult): void {
    if (result.kind !== 'failed') {
      this.#unanswered = 0;
      return;
    }
    this.#unanswered++;
    if (this.#blocked !== undefined || (!result.server && this.#unanswered < PATIENCE)) return;
    this.#blocked = { ...result, reason: `Not tried: ${result.reason}`, ambiguous: false };
    this.tally = { ...this.tally, blocked: result.reason };
  }

  async #note(mail: ClaimedMail, result: SendResult, spared: boolean): Promise<'sent' | 'retried' | 'dead'> {
    const now = this.options.clock();
    if (result.kind === 'accepted') {
      await markSent(this.store, mail, result.answer, now);
      return 'sent';
    }
    const answer = result.kind === 'refused' ? result.answer : result.reason;
    if (result.kind === 'refused' && result.permanent) {
      await markDead(this.store, mail, answer, 'refused');
      return 'dead';
    }
    const end = mail.firstAttemptAt.getTime() + this.options.retryForMs;
    if (now.getTime() >= end) {
      await markDead(this.store, mail, answer, 'gave up');
      return 'dead';
    }
    const unknown = result.kind === 'failed' && result.ambiguous;
    const next = Math.min(now.getTime() + retryDelay(mail.attempt, unknown, this.#spread), end);
    await markRetry(this.store, mail, answer, new Date(next), spared ? 'not tried' : unknown ? 'unknown' : 'retry');
    return 'retried';
  }
}

const NOTE_TRIES = 6;

/**
 * The note of an answer is tried again while the database restarts: a mail that was accepted and not noted goes out a
 * second time.
 */
async function untilNoted<T>(note: () => Promise<T>, wait: (ms: number) => Promise<void>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await note();
    } catch (error) {
      if (tries === NOTE_TRIES) throw error;
      await wait(250 * 2 ** tries);
    }
  }
}

/** Sends one test mail at once, past queue and pause, and says what the server answered. */
export async function testMail(smtp: Smtp, from: string, to: string, now: Date): Promise<SendResult> {
  const { raw } = await composePlain({
    from,
    to,
    subject: 'absence-watch: test mail',
    text: `This is a test. absence-watch can send mail through ${smtp.server}.\nIt was sent at ${now.toISOString()} by the command "mail test"; nothing else follows from it.`,
    key: `test ${now.toISOString()}`,
    date: now,
  });
  return smtp.send({ to, raw });
}
