import { describe, expect, it } from 'vitest';
import { claimMail, markRetry, markSent, nextDue, releaseDue, type ClaimedMail } from '../../src/alerts/queue.js';
import {
  listMail,
  mailHealth,
  pauseSending,
  pausedSince,
  resumeSending,
  retryDead,
  skipBefore,
} from '../../src/alerts/queue-upkeep.js';
import type { Store } from '../../src/load/database.js';
import { freshStore, secondStore } from '../support/database.js';
import { attempts, clockAt, DAY, HOUR, MINUTE, MORNING, queueMails } from '../support/smtp.js';

const LEASE = 2 * MINUTE;

async function claimed(store: Store, now: Date): Promise<ClaimedMail | undefined> {
  const claim = await claimMail(store, now, LEASE, 200);
  return claim.kind === 'mail' ? claim.mail : undefined;
}

async function owe(store: Store, address: string, runId: number | null, at: Date): Promise<void> {
  await store.db
    .insertInto('notification')
    .values({
      kind: 'alert',
      address,
      recipient_group: 'team',
      alert_id: null,
      payload: null,
      run_id: runId,
      fingerprint: `${address} ${runId ?? 'none'} ${at.toISOString()}`,
      mail_id: null,
      created_at: at,
    })
    .execute();
}

describe('a notification', () => {
  it('falls due with its run or with the next one after a crash, and not with an earlier one', async () => {
    const store = await freshStore('postgres');
    for (const run of [1, 2, 3]) await owe(store, 'a@luton.example', run, MORNING);
    await owe(store, 'a@luton.example', null, MORNING);
    expect(await releaseDue(store, 2, MORNING)).toBe(3);
    expect(await releaseDue(store, 2, MORNING)).toBe(0);
    const waiting = await store.db.selectFrom('notification').select('run_id').where('due_at', 'is', null).execute();
    expect(waiting).toEqual([{ run_id: 3 }]);
    expect(await releaseDue(store, 'all', MORNING)).toBe(1);
  });
});

describe('a claim', () => {
  it('is on record before anything is sent, and nobody else gets the same mail', async () => {
    const store = await freshStore('postgres');
    const other = await secondStore(store);
    const [first = 0, second = 0] = await queueMails(store, ['a@x.example', 'b@x.example'], MORNING);
    const mails = await Promise.all([claimed(store, MORNING), claimed(other, MORNING), claimed(other, MORNING)]);
    expect(mails.map((mail) => mail?.id).sort()).toEqual([first, second, undefined]);
    expect(await attempts(store, first)).toEqual(['sending']);
    expect(await listMail(store)).toMatchObject([
      { state: 'sending', attempts: 1 },
      { state: 'sending', attempts: 1 },
    ]);
  });

  it('that ran out passes to another process; the first one can then no longer put the mail back', async () => {
    const store = await freshStore('postgres');
    await queueMails(store, ['a@x.example'], MORNING);
    const clock = clockAt(MORNING);
    const lost = await claimed(store, clock());
    expect(await nextDue(store)).toEqual(new Date(MORNING.getTime() + LEASE));
    clock.pass(LEASE + 1);
    const taken = await claimed(store, clock());
    if (lost === undefined || taken === undefined) throw new Error('both were due');
    expect(taken).toMatchObject({ id: lost.id, messageId: lost.messageId, attempt: 2, firstAttemptAt: MORNING });
    await markRetry(store, lost, '451 later', clock(), 'retry');
    expect(await listMail(store)).toMatchObject([{ state: 'sending', attempts: 2 }]);
    await markSent(store, taken, '250 ok', clock());
    expect(await listMail(store)).toMatchObject([{ state: 'sent', answer: '250 ok', sent_at: clock() }]);
  });

  it('that ran out although the mail was accepted is still noted as sent', async () => {
    const store = await freshStore('postgres');
    await queueMails(store, ['a@x.example'], MORNING);
    const clock = clockAt(MORNING);
    const slow = await claimed(store, clock());
    clock.pass(LEASE + 1);
    const taken = await claimed(store, clock());
    if (slow === undefined || taken === undefined) throw new Error('both were due');
    await markSent(store, slow, '250 ok', clock());
    await markRetry(store, taken, '451 later', clock(), 'retry');
    expect(await listMail(store)).toMatchObject([{ state: 'sent' }]);
  });

  it('made by a clock that was hours ahead does not keep the mail from going once it is put right', async () => {
    const store = await freshStore('postgres');
    const ahead = new Date(MORNING.getTime() + 3 * HOUR);
    const [sending = 0, tried = 0, waiting = 0] = await queueMails(
      store,
      ['a@x.example', 'b@x.example', 'c@x.example'],
      ahead,
    );
    await claimed(store, ahead);
    const second = await claimed(store, ahead);
    expect(second?.id).toBe(tried);
    if (second !== undefined) await markRetry(store, second, '421 busy', new Date(ahead.getTime() + MINUTE), 'retry');
    const one = async () => (await claimMail(store, MORNING, LEASE, 1)).kind;
    expect(await one()).toBe('mail');
    const rest = [await claimed(store, MORNING), await claimed(store, MORNING)];
    expect(rest.map((mail) => mail?.id)).toHaveLength(2);
    expect((await listMail(store)).map(({ state }) => state)).toEqual(['sending', 'sending', 'sending']);
    expect([await attempts(store, sending), await attempts(store, waiting)]).toEqual([
      ['unknown', 'sending'],
      ['sending'],
    ]);
    expect(await claimed(store, MORNING)).toBeUndefined();
  });

  it('takes the mail that waited longest', async () => {
    const store = await freshStore('postgres');
    const [late = 0] = await queueMails(store, ['late@x.example'], MORNING);
    const [early = 0] = await queueMails(store, ['early@x.example'], new Date(MORNING.getTime() - HOUR));
    expect((await claimed(store, MORNING))?.id).toBe(early);
    expect((await claimed(store, MORNING))?.id).toBe(late);
  });
});

describe('a pause', () => {
  it('is seen by every process at once, says why, and ends once', async () => {
    const store = await freshStore('postgres');
    const other = await secondStore(store);
    await queueMails(store, ['a@x.example'], MORNING);
    await pauseSending(store, 'checking the figures', MORNING);
    expect(await claimMail(other, MORNING, LEASE, 200)).toEqual({ kind: 'paused' });
    expect(await pausedSince(other)).toEqual({ at: MORNING.toISOString(), reason: 'checking the figures' });
    expect(await resumeSending(other, MORNING)).toBe(0);
    expect(await resumeSending(other, MORNING)).toBeUndefined();
    expect((await claimMail(store, MORNING, LEASE, 200)).kind).toBe('mail');
  });
});

describe('skipping', () => {
  it('drops mails and what is still owed from before that date, keeps them on record, and leaves the rest', async () => {
    const store = await freshStore('postgres');
    const yesterday = new Date(MORNING.getTime() - DAY);
    await queueMails(store, ['old@x.example'], yesterday);
    await queueMails(store, ['new@x.example'], MORNING);
    await owe(store, 'old@x.example', 1, yesterday);
    await owe(store, 'old@x.example', 2, yesterday);
    await owe(store, 'new@x.example', 3, MORNING);
    const border = new Date(MORNING.getTime() - HOUR);
    expect(await skipBefore(store, border, MORNING)).toEqual({ mails: 1, notifications: 2 });
    expect(await skipBefore(store, border, MORNING)).toEqual({ mails: 0, notifications: 0 });
    const skipped = await listMail(store, { state: 'skipped' });
    expect(skipped.map((mail) => mail.address)).toEqual(['old@x.example', 'old@x.example']);
    expect((await claimed(store, MORNING))?.address).toBe('new@x.example');
    expect(await claimed(store, MORNING)).toBeUndefined();
  });

  it('can be taken back by naming the mail, but not where there was none yet', async () => {
    const store = await freshStore('postgres');
    const [id = 0] = await queueMails(store, ['old@x.example'], new Date(MORNING.getTime() - DAY));
    await owe(store, 'old@x.example', 1, new Date(MORNING.getTime() - DAY));
    await skipBefore(store, MORNING, MORNING);
    const ids = (await listMail(store)).map((mail) => mail.id);
    expect(ids).toHaveLength(2);
    expect(await retryDead(store, MORNING)).toMatchObject({ queued: 0 });
    expect(await retryDead(store, MORNING, ids)).toMatchObject({ queued: 1 });
    expect((await claimed(store, MORNING))?.id).toBe(id);
    expect(await retryDead(store, MORNING, [])).toMatchObject({ queued: 0 });
  });

  it('of what is still to come is refused', async () => {
    const store = await freshStore('postgres');
    await expect(skipBefore(store, new Date(MORNING.getTime() + 1), MORNING)).rejects.toThrow(/still to come/);
  });
});

describe('health of an empty queue', () => {
  it('has nothing to say', async () => {
    const store = await freshStore('postgres');
    expect(await mailHealth(store)).toEqual({
      waiting: 0,
      unwritten: 0,
      oldestWaiting: undefined,
      retrying: 0,
      lastAnswer: undefined,
      dead: 0,
      held: 0,
      holdReason: undefined,
      heldForRules: 0,
      paused: undefined,
      lastSentAt: undefined,
    });
  });
});
