import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { simpleParser } from 'mailparser';
import { describe, expect, it, onTestFinished } from 'vitest';
import { enqueueOperatorMail, heartbeat, openEdges, operatorEdge, type EdgeMails } from '../../src/alerts/operator.js';
import { listMail } from '../../src/alerts/queue-upkeep.js';
import type { Store } from '../../src/load/database.js';
import { freshStore, secondStore } from '../support/database.js';
import { clockAt, HOUR, MORNING, SENDER } from '../support/smtp.js';

const POST = { from: SENDER, to: ['ops@luton.example', 'Second <two@luton.example>'] };

const OUTAGE: EdgeMails = {
  after: 3,
  ill: ({ count, since }) => ({
    subject: 'EES does not answer',
    text: `${count} runs failed since ${since.toISOString()}.`,
  }),
  well: ({ since }) => ({ subject: 'EES answers again', text: `It had failed since ${since.toISOString()}.` }),
};

async function subjects(store: Store): Promise<string[]> {
  const mails = await listMail(store);
  return mails.filter((mail) => mail.address === 'ops@luton.example').map((mail) => mail.subject);
}

describe('an outage', () => {
  it('is mailed once after three failed runs in a row, and once when it is over', async () => {
    const store = await freshStore('postgres');
    const clock = clockAt(MORNING);
    const turn = async (state: 'ill' | 'well'): Promise<string> => {
      clock.pass(HOUR);
      return operatorEdge(store, POST, 'outage', state, OUTAGE, clock());
    };
    const told: string[] = [];
    for (const state of ['well', 'ill', 'ill', 'ill', 'ill', 'well', 'well', 'ill', 'well'] as const) {
      told.push(await turn(state));
    }
    expect(told).toEqual(['quiet', 'quiet', 'quiet', 'mailed', 'quiet', 'mailed', 'quiet', 'quiet', 'quiet']);
    expect(await subjects(store)).toEqual(['EES answers again', 'EES does not answer']);
    for (let run = 0; run < 3; run++) await turn('ill');
    expect(await subjects(store)).toEqual(['EES does not answer', 'EES answers again', 'EES does not answer']);
  });

  it('shows in the open edges from its first failure, mailed or not', async () => {
    const store = await freshStore('postgres');
    await operatorEdge(store, POST, 'outage', 'ill', OUTAGE, MORNING);
    expect(await openEdges(store)).toEqual([{ key: 'outage', count: 1, since: MORNING, mailed: false }]);
    await operatorEdge(store, POST, 'outage', 'well', OUTAGE, MORNING);
    expect(await openEdges(store)).toEqual([]);
  });

  it('found by several processes at once is mailed once', async () => {
    const store = await freshStore('postgres');
    const stores = [store, await secondStore(store), await secondStore(store)];
    const edge: EdgeMails = { ill: OUTAGE.ill };
    const told = await Promise.all(
      stores.map((each) => operatorEdge(each, POST, 'overdue:spring', 'ill', edge, MORNING)),
    );
    expect(told.sort()).toEqual(['mailed', 'quiet', 'quiet']);
    expect(await subjects(store)).toEqual(['EES does not answer']);
  });

  it('without an operator to tell is recorded all the same', async () => {
    const store = await freshStore('postgres');
    const nobody = { from: SENDER, to: [] };
    expect(await operatorEdge(store, nobody, 'outage', 'ill', { ...OUTAGE, after: 1 }, MORNING)).toBe('quiet');
    expect(await openEdges(store)).toHaveLength(1);
  });
});

describe('a mail to the operator', () => {
  it('goes to each address by itself, marked as automatic, once for its key', async () => {
    const store = await freshStore('postgres');
    const mail = { subject: 'Größe 1 quarantined', text: 'File a.csv, line 3: …' };
    expect(await enqueueOperatorMail(store.db, POST, 'quarantine 7', mail, MORNING)).toBe(2);
    expect(await enqueueOperatorMail(store.db, POST, 'quarantine 7', mail, new Date(MORNING.getTime() + HOUR))).toBe(0);
    const [row] = await store.db
      .selectFrom('mail')
      .select(['raw', 'kind', 'message_id'])
      .orderBy('id', 'desc')
      .execute();
    const parsed = await simpleParser(Buffer.from(row?.raw ?? []));
    expect(parsed.to).toMatchObject({ value: [{ address: 'two@luton.example', name: 'Second' }] });
    expect(parsed.subject).toBe('Größe 1 quarantined');
    expect(parsed.text).toContain('File a.csv, line 3: …');
    expect(parsed.messageId).toBe(row?.message_id);
    expect(parsed.headers.get('auto-submitted')).toBe('auto-generated');
    expect(row?.kind).toBe('operator');
  });

  it('cannot be given a second header by what it tells of', async () => {
    const store = await freshStore('postgres');
    await enqueueOperatorMail(store.db, POST, 'x', { subject: 'A\r\nBcc: x@evil.example', text: 'x' }, MORNING);
    const { raw } = await store.db.selectFrom('mail').select('raw').limit(1).executeTakeFirstOrThrow();
    expect(Buffer.from(raw).toString()).not.toMatch(/^Bcc:/im);
  });
});

describe('the heartbeat', () => {
  async function listener(status: number): Promise<{ url: string; pings: string[] }> {
    const pings: string[] = [];
    const server = createServer((request, response) => {
      pings.push(request.url ?? '');
      response.writeHead(status).end();
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, pings };
  }

  it('pings start, failure and success', async () => {
    const { url, pings } = await listener(200);
    for (const event of ['start', 'fail', 'success'] as const)
      expect(await heartbeat(`${url}/uuid?key=1`, event, 7)).toBe(true);
    expect(pings).toEqual(['/uuid/start?key=1', '/uuid/fail?key=1', '/uuid?key=1']);
  });

  it.each([404, 500])('answered with %i is no reason to fail', async (status) => {
    const { url } = await listener(status);
    expect(await heartbeat(url, 'success', 7)).toBe(false);
  });

  it.each(['http://127.0.0.1:1/x', 'no url'])('to %s is no reason to fail', async (url) => {
    expect(await heartbeat(url, 'start', 7)).toBe(false);
  });
});
