/** Fault cases 27 and 28: the mail server in every kind of trouble. */
import { describe, expect, it } from 'vitest';
import { greylist, refuseRecipient } from '../../demo/mail-catcher.js';
import { EXPIRED } from '../support/certificates.js';
import { CONFIG, publishCrossing, watchWithHistory, type Watch } from './harness/watch.js';

const THREE = CONFIG.replace(
  '[attendance@luton.example]',
  '[attendance@luton.example, gone@luton.example, desk@example.org]',
);

interface ListedMail {
  readonly address: string;
  readonly state: string;
  readonly attempts: number;
  readonly answer: string | null;
}

async function mails(world: Watch): Promise<ListedMail[]> {
  return (await world.program.run('mail', 'list', '--json')).json() as ListedMail[];
}

async function runAt(world: Watch, time: string) {
  world.at(time);
  return world.run();
}

describe('mail', () => {
  it('case 27: a server that is down for a day, then greylists: everything waits, health says so, one mail a recipient arrives, in one piece', async () => {
    const world = await watchWithHistory({ config: THREE });
    publishCrossing(world);
    world.mail.behave(({ at }) =>
      at === 'connect' ? { kind: 'refuse', code: 421, message: 'Come back later' } : undefined,
    );
    const { report } = await world.run();
    expect(report.mails).toMatchObject({ composed: 3, sent: 0, retried: 3, dead: 0 });
    for (const hour of [10, 12, 14, 16, 18, 20, 22]) await runAt(world, `2025-03-20T${hour}:32:00Z`);
    const status = (await world.program.run('status', '--json')).json() as {
      health: { well: boolean; reasons: string[] };
    };
    expect(status.health.well).toBe(false);
    expect(status.health.reasons.join()).toMatch(
      /a mail has waited for 13 hours; the mail server said: .*Come back later/,
    );
    world.mail.behave(greylist(1));
    await runAt(world, '2025-03-21T10:00:00Z');
    expect(world.mail.messages).toEqual([]);
    await runAt(world, '2025-03-21T11:30:00Z');
    for (const address of ['attendance@luton.example', 'gone@luton.example', 'desk@example.org'])
      expect(world.subjects(address)).toHaveLength(1);
    expect((await mails(world)).map(({ state }) => state)).toEqual(['sent', 'sent', 'sent']);
  });

  it('case 28: one of three refused for good: the others have their mail, the refusal is shown and told to the operator, and is not repeated', async () => {
    const world = await watchWithHistory({ config: THREE });
    world.mail.behave(refuseRecipient('gone@luton.example'));
    publishCrossing(world);
    // The third that was sent tells the operator.
    expect((await world.run()).report.mails).toMatchObject({ sent: 3, dead: 1 });
    await runAt(world, '2025-03-20T12:00:00Z');
    expect(world.subjects('attendance@luton.example')).toHaveLength(1);
    expect(world.subjects('desk@example.org')).toHaveLength(1);
    const gone = (await mails(world)).find(({ address }) => address === 'gone@luton.example');
    expect(gone).toMatchObject({ state: 'dead', attempts: 1 });
    expect(gone?.answer).toContain('No such mailbox here');
    expect(world.subjects('ops@luton.example')).toEqual(['absence-watch: 1 mail could not be delivered']);
  });

  it('case 28, all refused for good: all given up at once, each shown; the run itself is well', async () => {
    const world = await watchWithHistory({ config: THREE });
    world.mail.behave(({ at, address }) =>
      at === 'rcpt to' && !address.startsWith('ops') ? { kind: 'refuse', code: 550 } : undefined,
    );
    publishCrossing(world);
    const { code, report } = await world.run();
    expect(report.mails).toMatchObject({ sent: 1, dead: 3 });
    expect(world.subjects('ops@luton.example')).toEqual(['absence-watch: 3 mails could not be delivered']);
    expect(code).toBe(0);
    expect((await mails(world)).filter(({ state }) => state === 'dead')).toHaveLength(3);
  });

  it('case 28, the sign-in revoked: the mails wait, they are not to blame; no password in what is said', async () => {
    const world = await watchWithHistory({ mail: { auth: { user: 'watch', password: 'of-yesterday' } } });
    world.program.env['SMTP_URL'] = world.mail.url.replace('://', '://watch:of-today-secret@');
    publishCrossing(world);
    const said = await world.run();
    expect(said.report.mails).toMatchObject({ sent: 0, dead: 0, retried: 1 });
    const [mail] = await mails(world);
    expect(mail).toMatchObject({ state: 'queued' });
    expect(JSON.stringify(mail) + said.stdout + said.stderr).not.toContain('of-today-secret');
    world.program.env['SMTP_URL'] = world.mail.url.replace('://', '://watch:of-yesterday@');
    await runAt(world, '2025-03-20T12:00:00Z');
    expect(world.subjects()).toHaveLength(1);
  });

  it.each([
    ['STARTTLS stripped', {}],
    ['an expired certificate', { tls: EXPIRED }],
  ])('case 28, %s: nothing goes out in plain text, the mail waits with the reason', async (_what, options) => {
    const world = await watchWithHistory({ mail: options });
    // A name that is not loopback: there encryption is required.
    world.program.env['SMTP_URL'] = world.mail.url.replace('127.0.0.1', '0.0.0.0');
    publishCrossing(world);
    const { report } = await world.run();
    expect(report.mails).toMatchObject({ sent: 0, dead: 0, retried: 1 });
    expect(world.mail.messages).toEqual([]);
    const [mail] = await mails(world);
    expect(mail?.answer).toMatch(/TLS|certificate/i);
  });
});
