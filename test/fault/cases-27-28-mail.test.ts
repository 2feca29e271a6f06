/** Fault cases 27 and 28: the mail server in every kind of trouble. */
import { simpleParser } from 'mailparser';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { greylist, refuseRecipient } from '../../demo/mail-catcher.js';
import { EXPIRED } from '../support/certificates.js';
import { testDatabaseUrl } from '../support/database.js';
import { smallWide, type SmallFile } from './harness/small-files.js';
import { ABSENCE, CONFIG, CROSSED, publishCrossing, watchWithHistory, type Watch } from './harness/watch.js';

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

  /** News of three runs, an hour apart: two crossings and a correction of the first. */
  async function threeRuns(world: Watch): Promise<void> {
    publishCrossing(world);
    await world.run();
    const year: SmallFile = { ...CROSSED, years: [2022, 2023, 2024] };
    const shares = { ...CROSSED.shares, 'Luton 2024': [20.4, 1.8], 'Derby 2024': [17.4, 2.3] } as const;
    const content = smallWide({ ...year, shares });
    world.at('2025-03-20T10:32:00Z');
    world.publish({ slug: '2024-25', title: 'Academic year 2024/25', at: '2025-03-20T10:30:00Z', content });
    await world.run();
    world.at('2025-03-20T11:32:00Z');
    const corrected = smallWide({ ...year, shares: { ...shares, 'Derby 2024': [17.4, 2.5] } });
    world.amend({ slug: '2024-25', at: '2025-03-20T11:30:00Z', content: corrected });
    await world.run();
  }

  it('case 27, a server that is down over three runs: what was tried stays as it is, what was not is one mail, in the order of the news', async () => {
    const world = await watchWithHistory();
    world.mail.behave(({ at }) => (at === 'connect' ? { kind: 'refuse', code: 421 } : undefined));
    await threeRuns(world);
    expect(world.mail.messages).toEqual([]);
    world.mail.behave(undefined);
    world.at('2025-03-21T09:00:00Z');
    expect((await world.run()).report.mails).toMatchObject({ composed: 0, sent: 2 });
    expect(world.subjects()).toEqual([
      expect.stringMatching(/^Luton: persistent absence 20\.6%, above your 20\.0% line/),
      // Nobody was mailed that it had crossed at 2.3%.
      expect.stringMatching(/^Derby: severe absence 2\.50%, above your 2\.00% line/),
    ]);
  });

  it('case 27, news of three runs that could not be written as mails: once they can, one mail with all of it', async () => {
    const world = await watchWithHistory();
    const admin = new pg.Client({ connectionString: testDatabaseUrl() });
    await admin.connect();
    onTestFinished(() => admin.end());
    await admin.query(`
      set search_path = "${world.program.schema}";
      create function refuse() returns trigger language plpgsql as $$
        begin raise exception 'the disk is full' using errcode = '53100'; end $$;
      create trigger refuse before insert on mail for each row execute function refuse();`);
    await threeRuns(world);
    expect(world.mail.messages).toEqual([]);
    await admin.query('drop trigger refuse on mail');
    world.at('2025-03-21T09:00:00Z');
    await world.run();
    expect(world.subjects()).toHaveLength(1);
    expect((await mails(world)).filter(({ address }) => address === 'attendance@luton.example')).toHaveLength(1);
    const raw = world.mail.messages.find(({ to }) => to.includes('attendance@luton.example'))?.raw;
    const text = (await simpleParser(raw ?? '')).text ?? '';
    // Area by area, within an area in the order of the news.
    expect(text.match(/^(Line crossed|Corrected figure)[^:]*: [^;]*?[\d.]+%/gm)).toEqual([
      'Line crossed: Severe absence 2.50%',
      'Line crossed: Persistent absence 20.6%',
    ]);
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

  it('case 28, a backfill that tells: what waits and what was given up is said as a run says it, the operator apart', async () => {
    const world = await watchWithHistory({ config: THREE });
    world.mail.behave(({ at, address }) => {
      if (at !== 'rcpt to' || /^(ops|attendance)/.test(address)) return undefined;
      return { kind: 'refuse', code: address.startsWith('gone') ? 550 : 451 };
    });
    publishCrossing(world);
    const { stdout, stderr, code } = await world.program.run('backfill', '--publication', ABSENCE, '--notify');
    expect(code, stderr).toBe(0);
    expect(stdout + stderr).toContain('This makes 3 mails');
    expect(stdout).toMatch(
      /events? recorded; mail: 3 written, 1 sent, 1 to be tried again, 1 given up; 1 sent to the operator\.$/m,
    );
    world.mail.behave(undefined);
    world.at('2025-03-20T12:00:00Z');
    expect((await world.program.run('run')).stdout).toMatch(/0 events; mail: 0 written, 1 sent\.$/m);
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
