import fc from 'fast-check';
import { sql } from 'kysely';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { greylist, refuseRecipient, type MailCatcher } from '../../demo/mail-catcher.js';
import { deliverDue, retryDelay, type Delivered } from '../../src/alerts/deliver.js';
import { claimMail, nextDue } from '../../src/alerts/queue.js';
import { listMail, mailHealth, pauseSending, resumeSending, retryDead } from '../../src/alerts/queue-upkeep.js';
import type { SendResult, Smtp } from '../../src/alerts/smtp.js';
import type { Store } from '../../src/load/database.js';
import { freshStore, secondStore, testDatabaseUrl } from '../support/database.js';
import {
  attempts,
  clockAt,
  DAY,
  delivery,
  HOUR,
  mailServer,
  MINUTE,
  MORNING,
  queueMails,
  received,
  SENDER,
  type Clock,
  smtpTo,
} from '../support/smtp.js';

const THREE = ['a@luton.example', 'b@luton.example', 'c@luton.example'];

function perRecipient(server: MailCatcher): Record<string, number> {
  return Object.fromEntries([...received(server)].map(([address, ids]) => [address, ids.length]));
}

describe.each(['postgres', 'embedded'] as const)('delivery (%s)', (kind) => {
  it('brings each mail to its recipient once, and nothing more when asked again', async () => {
    const store = await freshStore(kind);
    const server = await mailServer();
    const clock = clockAt(MORNING);
    await queueMails(store, THREE, MORNING);
    expect(await deliverDue(store, smtpTo(server), delivery(clock))).toEqual({ sent: 3, retried: 0, dead: 0, held: 0 });
    expect(await deliverDue(store, smtpTo(server), delivery(clock))).toEqual({ sent: 0, retried: 0, dead: 0, held: 0 });
    expect(perRecipient(server)).toEqual({ 'a@luton.example': 1, 'b@luton.example': 1, 'c@luton.example': 1 });
    expect(await listMail(store)).toMatchObject([{ state: 'sent', attempts: 1 }, { state: 'sent' }, { state: 'sent' }]);
  });

  it('to one recipient refused for good leaves the others alone, and shows the answer', async () => {
    const store = await freshStore(kind);
    const server = await mailServer();
    server.behave(refuseRecipient('b@luton.example'));
    await queueMails(store, THREE, MORNING);
    expect(await deliverDue(store, smtpTo(server), delivery(clockAt(MORNING)))).toMatchObject({ sent: 2, dead: 1 });
    expect(perRecipient(server)).toEqual({ 'a@luton.example': 1, 'c@luton.example': 1 });
    expect(await listMail(store, { state: 'dead' })).toMatchObject([
      { address: 'b@luton.example', attempts: 1, answer: '550 No such mailbox here' },
    ]);
    expect(await nextDue(store)).toBeUndefined();
  });
});

describe('a mail that is put off', () => {
  it('by greylisting is tried again within a minute and then arrives, once', async () => {
    const store = await freshStore('postgres');
    const server = await mailServer();
    server.behave(greylist(2));
    const clock = clockAt(MORNING);
    const [id = 0] = await queueMails(store, ['a@luton.example'], MORNING);
    expect(await deliverDue(store, smtpTo(server), delivery(clock))).toMatchObject({ sent: 0, retried: 1 });
    const due = await nextDue(store);
    expect(due?.getTime()).toBeLessThanOrEqual(MORNING.getTime() + MINUTE);
    for (let pass = 0; pass < 2; pass++) {
      clock.to((await nextDue(store)) ?? clock());
      await deliverDue(store, smtpTo(server), delivery(clock));
    }
    expect(perRecipient(server)).toEqual({ 'a@luton.example': 1 });
    expect(await attempts(store, id)).toEqual(['retry', 'retry', 'sent']);
  });

  it('waits half a minute, then twice as long each time up to an hour; unconfirmed ones longer', () => {
    const delays = [1, 2, 3, 8, 9, 100].map((attempt) => retryDelay(attempt, false, 0.5) / MINUTE);
    expect(delays).toEqual([0.5, 1, 2, 60, 60, 60]);
    expect(retryDelay(1, false, 1)).toBeLessThan(MINUTE);
    expect(retryDelay(1, true, 1)).toBeLessThan(MINUTE);
    expect(retryDelay(7, true, 0.5)).toBe(12 * HOUR);
  });

  it('never waits less after more attempts, and never longer than the most', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.boolean(),
        fc.float({ min: 0, max: 1, noNaN: true }),
        (n, unknown, spread) => {
          const [now, next] = [retryDelay(n, unknown, spread), retryDelay(n + 1, unknown, spread)];
          expect(next).toBeGreaterThanOrEqual(now);
          expect(next).toBeLessThanOrEqual((unknown ? 12 * HOUR : HOUR) * 1.25);
        },
      ),
    );
  });

  it('for longer than agreed is given up, and comes back only when asked', async () => {
    const store = await freshStore('postgres');
    const server = await mailServer();
    server.behave((step) => (step.at === 'rcpt to' ? { kind: 'refuse', code: 451 } : undefined));
    const clock = clockAt(MORNING);
    const [id = 0] = await queueMails(store, ['a@luton.example'], MORNING);
    const options = delivery(clock, { retryForMs: 2 * HOUR });
    for (let due = await nextDue(store); due !== undefined; due = await nextDue(store)) {
      clock.to(due);
      await deliverDue(store, smtpTo(server), options);
    }
    expect(clock().getTime() - MORNING.getTime()).toBe(2 * HOUR);
    expect((await attempts(store, id)).at(-1)).toBe('gave up');
    expect((await mailHealth(store)).dead).toBe(1);

    server.behave(undefined);
    clock.pass(DAY);
    expect(await deliverDue(store, smtpTo(server), options)).toMatchObject({ sent: 0 });
    expect(await retryDead(store, clock())).toEqual({ queued: 1, released: 0, overtaken: [] });
    expect(await deliverDue(store, smtpTo(server), options)).toMatchObject({ sent: 1 });
  });
});

describe('mails to one recipient', () => {
  const ADDRESS = 'a@luton.example';

  /** One mail that was put off, and ten seconds later another to the same recipient, and one to somebody else. */
  async function twoInTurn(after: SendResult): Promise<{
    store: Store;
    clock: Clock;
    ids: readonly number[];
    pass: (retryForMs?: number) => Promise<Delivered>;
    sent: string[];
  }> {
    const store = await freshStore('postgres');
    const clock = clockAt(MORNING);
    const sent: string[] = [];
    let answers: SendResult[] = [{ kind: 'refused', permanent: false, answer: '451 Later' }, after];
    const smtp: Smtp = {
      ...{ server: 'mail.luton.example:587', close: () => undefined },
      verify: () => Promise.resolve({ kind: 'accepted', answer: '250 ok' }),
      send: ({ to }) => {
        const [answer = { kind: 'accepted', answer: '250 ok' }] = to.toLowerCase() === ADDRESS ? answers : [];
        if (to.toLowerCase() === ADDRESS) answers = answers.slice(1);
        if (answer.kind === 'accepted') sent.push(to);
        return Promise.resolve(answer);
      },
    };
    const pass = (retryForMs = 5 * DAY): Promise<Delivered> => deliverDue(store, smtp, delivery(clock, { retryForMs }));
    const first = await queueMails(store, [ADDRESS], clock());
    await pass();
    clock.pass(10_000);
    const rest = await queueMails(store, ['A@Luton.example', 'b@luton.example'], clock());
    return { store, clock, ids: [...first, ...rest], pass, sent };
  }

  it('go in the order of their writing: one that was tried and waits is not overtaken, and holds up nobody else', async () => {
    const { store, clock, pass, sent } = await twoInTurn({ kind: 'accepted', answer: '250 ok' });
    expect(await pass()).toMatchObject({ sent: 1 });
    expect(sent).toEqual(['b@luton.example']);
    // The one that waits for its turn wakes nobody up.
    expect((await nextDue(store))?.getTime()).toBeGreaterThan(clock().getTime());
    clock.pass(MINUTE);
    expect(await pass()).toMatchObject({ sent: 2 });
    expect(sent).toEqual(['b@luton.example', ADDRESS, 'A@Luton.example']);
  });

  it.each<[string, SendResult, number]>([
    ['refused for good', { kind: 'refused', permanent: true, answer: '554 No' }, 5 * DAY],
    ['given up', { kind: 'refused', permanent: false, answer: '451 Later' }, MINUTE],
  ])('go on once the earlier one is %s', async (_, after, retryForMs) => {
    const { clock, pass, sent } = await twoInTurn(after);
    clock.pass(MINUTE);
    expect(await pass(retryForMs)).toMatchObject({ dead: 1, sent: 2 });
    expect(sent.toSorted()).toEqual(['A@Luton.example', 'b@luton.example']);
  });

  it('do not wait for one that is held after a restored backup, nor for one that was skipped', async () => {
    for (const fate of ['held', 'held in the middle of an attempt', 'skipped'] as const) {
      const { store, clock, ids, pass, sent } = await twoInTurn({ kind: 'accepted', answer: '250 ok' });
      const at = clock().toISOString();
      const hold = { at, createdBefore: at, reason: 'restored' };
      if (fate !== 'skipped')
        await sql`update setting set value = value || ${JSON.stringify({ hold })}::jsonb where name = 'delivery'`.execute(
          store.db,
        );
      else
        await store.db
          .updateTable('mail')
          .set({ state: 'skipped' })
          .where('id', '=', ids[0] ?? 0)
          .execute();
      if (fate === 'held in the middle of an attempt')
        await store.db
          .updateTable('mail')
          .set({ state: 'sending', claimed_until: new Date(clock().getTime() - 1) })
          .where('id', '=', ids[0] ?? 0)
          .execute();
      const { held } = await pass();
      expect(sent.toSorted(), fate).toEqual(['A@Luton.example', 'b@luton.example']);
      expect(held, fate).toBe(fate === 'skipped' ? 0 : 1);
      // What is held waits for a word, which wakes the sender by itself.
      expect(await nextDue(store), fate).toBeUndefined();
    }
  });

  it('do not hold up what the program says to its operator at the same address, nor wait for it', async () => {
    const { store, clock, ids, pass, sent } = await twoInTurn({ kind: 'accepted', answer: '250 ok' });
    await queueMails(store, [ADDRESS], clock(), 'operator');
    await pass();
    expect(sent.toSorted()).toEqual([ADDRESS, 'b@luton.example']);
    await store.db
      .updateTable('mail')
      .set({ kind: 'operator' })
      .where('id', '=', ids[0] ?? 0)
      .execute();
    await pass();
    expect(sent.toSorted()).toEqual(['A@Luton.example', ADDRESS, 'b@luton.example']);
  });

  it('wake nobody up while sending is paused', async () => {
    const store = await freshStore('postgres');
    await queueMails(store, [ADDRESS], MORNING);
    await pauseSending(store, 'holidays', MORNING);
    expect(await nextDue(store)).toBeUndefined();
    await resumeSending(store, MORNING);
    expect(await nextDue(store)).toEqual(MORNING);
  });
});

describe('a mail server that is down', () => {
  it('for a day loses no mail and doubles none, and is asked once a pass', async () => {
    const store = await freshStore('postgres');
    const server = await mailServer();
    server.behave((step) => (step.at === 'connect' ? { kind: 'drop' } : undefined));
    const clock = clockAt(MORNING);
    const ids = await queueMails(store, THREE, MORNING);
    let passes = 0;
    while (clock().getTime() < MORNING.getTime() + DAY) {
      const result = await deliverDue(store, smtpTo(server), delivery(clock, { concurrency: 1 }));
      expect(result).toMatchObject({ sent: 0, retried: 3, blocked: expect.any(String) as string });
      passes++;
      // Those that were spared an attempt have had none.
      if (passes === 1) expect((await listMail(store)).map((mail) => mail.attempts)).toEqual([0, 0, 1]);
      clock.to((await nextDue(store)) ?? clock());
    }
    expect(server.connections()).toBe(passes);
    expect((await listMail(store)).reduce((sum, mail) => sum + mail.attempts, 0)).toBe(passes);
    expect(passes).toBeLessThan(40);
    const health = await mailHealth(store);
    expect(health).toMatchObject({ waiting: 3, retrying: 3, oldestWaiting: MORNING });
    expect(health.lastAnswer).toContain('while connecting');

    server.behave(undefined);
    expect(await deliverDue(store, smtpTo(server), delivery(clock))).toMatchObject({ sent: 3 });
    expect(perRecipient(server)).toEqual({ 'a@luton.example': 1, 'b@luton.example': 1, 'c@luton.example': 1 });
    for (const id of ids) expect((await attempts(store, id)).filter((outcome) => outcome === 'sent')).toHaveLength(1);
  });

  it('for longer than mails are retried gives all of them up', async () => {
    const store = await freshStore('postgres');
    const clock = clockAt(MORNING);
    await queueMails(store, THREE, MORNING);
    const nobody = smtpTo({ url: 'smtp://127.0.0.1:1' });
    for (let due = await nextDue(store); due !== undefined; due = await nextDue(store)) {
      clock.to(due);
      await deliverDue(store, nobody, delivery(clock, { retryForMs: HOUR }));
    }
    expect((await mailHealth(store)).dead).toBe(3);
  });

  it('refusing the sign-in keeps the mails, which are not to blame', async () => {
    const store = await freshStore('postgres');
    const server = await mailServer({ auth: { user: 'watch', password: 'right' } });
    await queueMails(store, THREE, MORNING);
    const smtp = smtpTo({ url: server.url.replace('//', '//watch:wrong@') });
    expect(await deliverDue(store, smtp, delivery(clockAt(MORNING), { concurrency: 1 }))).toMatchObject({
      retried: 3,
      dead: 0,
    });
    expect(server.connections()).toBe(1);
  });

  it('hanging on one mail does not keep the others, and hanging on all is noticed after three', async () => {
    const store = await freshStore('postgres');
    const server = await mailServer();
    const hasty = { connect: 300, total: 300 };
    server.behave((step) => (step.address === 'a@luton.example' ? { kind: 'hang' } : undefined));
    await queueMails(store, THREE, MORNING);
    const clock = clockAt(MORNING);
    expect(await deliverDue(store, smtpTo(server, hasty), delivery(clock, { concurrency: 1 }))).toMatchObject({
      sent: 2,
      retried: 1,
    });
    server.behave((step) => (step.at === 'rcpt to' ? { kind: 'hang' } : undefined));
    clock.pass(DAY);
    await queueMails(store, [...THREE, 'd@luton.example', 'e@luton.example'], clock());
    const before = server.connections();
    expect(await deliverDue(store, smtpTo(server, hasty), delivery(clock, { concurrency: 1 }))).toMatchObject({
      // The second to a@ waits for the first.
      retried: 5,
      blocked: expect.any(String) as string,
    });
    expect(server.connections() - before).toBe(3);
  });
});

describe('a mail that may have arrived', () => {
  it('goes out again under the same Message-ID when the connection dropped after the final dot', async () => {
    const store = await freshStore('postgres');
    const server = await mailServer();
    server.behave((step) => (step.at === 'message' && step.times === 1 ? { kind: 'drop' } : undefined));
    const clock = clockAt(MORNING);
    const [id = 0] = await queueMails(store, ['a@luton.example'], MORNING);
    expect(await deliverDue(store, smtpTo(server), delivery(clock))).toMatchObject({ sent: 0, retried: 1 });
    clock.pass(MINUTE);
    expect(await deliverDue(store, smtpTo(server), delivery(clock))).toMatchObject({ sent: 1 });
    const ids = received(server).get('a@luton.example') ?? [];
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
    expect(await attempts(store, id)).toEqual(['unknown', 'sent']);
  });

  it('goes out again under the same Message-ID when the program died before noting the answer', async () => {
    const store = await freshStore('postgres');
    const server = await mailServer();
    const clock = clockAt(MORNING);
    const [id = 0] = await queueMails(store, ['a@luton.example'], MORNING);
    const claim = await claimMail(store, clock(), 2 * MINUTE, 200);
    if (claim.kind !== 'mail') throw new Error('a mail was due');
    await smtpTo(server).send({ to: claim.mail.address, raw: claim.mail.raw });
    expect(await attempts(store, id)).toEqual(['sending']);

    clock.pass(MINUTE);
    expect(await deliverDue(store, smtpTo(server), delivery(clock))).toMatchObject({ sent: 0 });
    clock.pass(2 * MINUTE);
    expect(await deliverDue(store, smtpTo(server), delivery(clock))).toMatchObject({ sent: 1 });
    const ids = received(server).get('a@luton.example') ?? [];
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
    expect(await listMail(store)).toMatchObject([{ state: 'sent', attempts: 2 }]);
    expect(await attempts(store, id)).toEqual(['unknown', 'sent']);
  });
});

describe.each(['postgres', 'embedded'] as const)('a clock that jumps while a mail is handed over (%s)', (kind) => {
  it.each([
    ['five minutes ahead', 5 * MINUTE],
    ['three hours ahead', 3 * HOUR],
    ['three hours back', -3 * HOUR],
  ])('%s: no mail goes out twice, by this process or another', async (_how, jump) => {
    const store = await freshStore(kind);
    const server = await mailServer();
    await queueMails(store, THREE, MORNING);
    const clock = clockAt(MORNING);
    const real = smtpTo(server);
    let jumped = false;
    const slow: Smtp = {
      ...real,
      async send(mail) {
        const answered = await real.send(mail);
        if (jumped) return answered;
        jumped = true;
        clock.pass(jump);
        await deliverDue(store, real, delivery(clock));
        return answered;
      },
    };
    await deliverDue(store, slow, delivery(clock));
    clock.pass(4 * HOUR);
    await deliverDue(store, real, delivery(clock));
    expect(perRecipient(server)).toEqual({ 'a@luton.example': 1, 'b@luton.example': 1, 'c@luton.example': 1 });
  });
});

it('a mail that another machine is sending is left to it, however its clock goes, until that machine is gone', async () => {
  const store = await freshStore('postgres');
  const server = await mailServer();
  const [id = 0] = await queueMails(store, ['a@luton.example'], MORNING);
  const clock = clockAt(MORNING);
  await claimMail(store, clock(), 2 * MINUTE, 200);
  const elsewhere = new pg.Client({ connectionString: testDatabaseUrl() });
  await elsewhere.connect();
  onTestFinished(() => elsewhere.end());
  await elsewhere.query('select pg_advisory_lock(1096243533, 77)');
  const claimedBy = (since: string) =>
    sql`update mail set claimed_by = 77, claimed_since = clock_timestamp() - ${since}::interval where id = ${id}`.execute(
      store.db,
    );
  await claimedBy('10 seconds');
  clock.pass(HOUR);
  expect(await deliverDue(store, smtpTo(server), delivery(clock))).toMatchObject({ sent: 0 });
  await elsewhere.query('select pg_advisory_unlock(1096243533, 77)');
  expect(await deliverDue(store, smtpTo(server), delivery(clock))).toMatchObject({ sent: 1 });

  // One that stands still has not ended its connection: it is waited for as long as any attempt can take.
  await sql`update mail set state = 'sending', claimed_until = ${clock()}`.execute(store.db);
  await elsewhere.query('select pg_advisory_lock(1096243533, 77)');
  await claimedBy('3 minutes');
  clock.pass(HOUR);
  expect(await deliverDue(store, smtpTo(server), delivery(clock))).toMatchObject({ sent: 1 });
});

describe('several processes on one queue', () => {
  it('deliver each of forty mails once', async () => {
    const store = await freshStore('postgres');
    const others = await Promise.all([secondStore(store), secondStore(store)]);
    const server = await mailServer();
    const addresses = Array.from({ length: 40 }, (_, at) => `reader-${at}@luton.example`);
    await queueMails(store, addresses, MORNING);
    const clock = clockAt(MORNING);
    const results = await Promise.all(
      [store, ...others].map((each) => deliverDue(each, smtpTo(server), delivery(clock))),
    );
    expect(results.reduce((sum, result) => sum + result.sent, 0)).toBe(40);
    expect(Object.values(perRecipient(server))).toEqual(addresses.map(() => 1));
    expect(results.filter((result) => result.sent > 0).length).toBeGreaterThan(1);
  });

  it('together keep to the hourly cap, and go on when the hour is over', async () => {
    const store = await freshStore('postgres');
    const other = await secondStore(store);
    const server = await mailServer();
    await queueMails(
      store,
      Array.from({ length: 12 }, (_, at) => `reader-${at}@luton.example`),
      MORNING,
    );
    const clock = clockAt(MORNING);
    const options = delivery(clock, { maxPerHour: 5 });
    const first = await Promise.all([store, other].map((each) => deliverDue(each, smtpTo(server), options)));
    expect(server.messages).toHaveLength(5);
    expect(first).toContainEqual(
      expect.objectContaining({ stopped: 'hourly cap', until: new Date(MORNING.getTime() + HOUR) }),
    );
    clock.pass(HOUR - 1);
    expect(await deliverDue(store, smtpTo(server), options)).toMatchObject({ sent: 0 });
    clock.pass(1);
    expect(await deliverDue(store, smtpTo(server), options)).toMatchObject({ sent: 5 });
  });
});

describe('sending that is stopped', () => {
  it('by a pause in the middle ends after the mails under way, in every process, until it is resumed', async () => {
    const store = await freshStore('postgres');
    const server = await mailServer();
    await queueMails(
      store,
      Array.from({ length: 10 }, (_, at) => `reader-${at}@luton.example`),
      MORNING,
    );
    const clock = clockAt(MORNING);
    const real = smtpTo(server);
    let begun = 0;
    const pausing: Smtp = {
      ...real,
      async send(mail) {
        if (++begun === 3) await pauseSending(store, 'wrong figures', clock());
        return real.send(mail);
      },
    };
    const result = await deliverDue(store, pausing, delivery(clock, { concurrency: 1 }));
    expect(result).toMatchObject({ sent: 3, stopped: 'paused' });
    expect((await mailHealth(store)).paused).toMatchObject({ reason: 'wrong figures' });
    expect(await deliverDue(store, real, delivery(clock))).toMatchObject({ sent: 0, stopped: 'paused' });
    expect(await resumeSending(store, clock())).toBe(0);
    expect(await deliverDue(store, real, delivery(clock))).toMatchObject({ sent: 7 });
    expect(new Set(Object.values(perRecipient(server)))).toEqual(new Set([1]));
  });

  it('by a signal ends the mail under way, notes it, and begins no other', async () => {
    const store = await freshStore('postgres');
    const server = await mailServer();
    await queueMails(store, THREE, MORNING);
    const stop = new AbortController();
    const real = smtpTo(server);
    const stopping: Smtp = {
      ...real,
      send(mail) {
        stop.abort();
        return real.send(mail);
      },
    };
    const options = delivery(clockAt(MORNING), { concurrency: 1, signal: stop.signal });
    expect(await deliverDue(store, stopping, options)).toMatchObject({ sent: 1, stopped: 'interrupted' });
    expect(await listMail(store, { state: 'queued' })).toHaveLength(2);
  });
});

describe('the operator', () => {
  it('hears of mails given up in one mail, of the next ones an hour later, and never of its own', async () => {
    const store = await freshStore('postgres');
    const server = await mailServer();
    server.behave((step) =>
      step.at === 'rcpt to' && !step.address.startsWith('ops')
        ? { kind: 'refuse', code: 550, message: 'Gone' }
        : undefined,
    );
    const clock = clockAt(MORNING);
    const options = delivery(clock, { operator: { from: SENDER, to: ['ops@luton.example'] } });
    await queueMails(store, THREE, MORNING);
    await deliverDue(store, smtpTo(server), options);
    await deliverDue(store, smtpTo(server), options);
    expect(perRecipient(server)).toEqual({ 'ops@luton.example': 1 });
    const text = server.messages[0]?.raw.toString() ?? '';
    expect(text).toContain('Subject: absence-watch: 3 mails could not be delivered');
    expect(text).toContain('b@luton.example');
    expect(text).toContain('550 Gone');
    expect(text).toContain('absence-watch mail retry');

    clock.pass(MINUTE);
    await queueMails(store, ['d@luton.example'], clock());
    await deliverDue(store, smtpTo(server), options);
    await deliverDue(store, smtpTo(server), options);
    expect(perRecipient(server)).toEqual({ 'ops@luton.example': 1 });
    clock.pass(HOUR);
    await deliverDue(store, smtpTo(server), options);
    server.behave((step) => (step.at === 'rcpt to' ? { kind: 'refuse', code: 550 } : undefined));
    await deliverDue(store, smtpTo(server), options);
    clock.pass(2 * HOUR);
    await deliverDue(store, smtpTo(server), options);
    // All that is refused is refused for good, the operator's mails too, and nobody is mailed about those.
    const dead = await listMail(store, { state: 'dead' });
    const ofOperator = dead.filter((mail) => mail.kind === 'operator').length;
    expect(dead.length - ofOperator).toBe(4);
    expect(await listMail(store, { state: 'queued' })).toHaveLength(0);
    clock.pass(2 * HOUR);
    await deliverDue(store, smtpTo(server), options);
    expect(await listMail(store, { state: 'dead' })).toHaveLength(dead.length);
  });
});
