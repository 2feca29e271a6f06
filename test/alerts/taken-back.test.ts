/** Mails that wait when a version ceases to count. */
import { simpleParser } from 'mailparser';
import { describe, expect, it } from 'vitest';
import { refuseRecipient } from '../../demo/mail-catcher.js';
import { deliverDue } from '../../src/alerts/deliver.js';
import { nextDue } from '../../src/alerts/queue.js';
import { heldForRules, type MailRow } from '../../src/alerts/queue-upkeep.js';
import type { VersionRow } from '../../src/load/inspect.js';
import { reinstateVersion, withdrawVersion } from '../../src/load/version-states.js';
import { smallWide } from '../fault/harness/small-files.js';
import {
  ABSENCE,
  CONFIG,
  CROSSED,
  fillTheHour,
  publishCrossing,
  storeOf,
  subjectOf,
  watchWithHistory,
  type Watch,
} from '../fault/harness/watch.js';
import { clockAt, delivery, queueMails, smtpTo } from '../support/smtp.js';

const TEAM = 'attendance@luton.example';
const BRIEFED = `${CONFIG}briefs:\n  - { areas: [Bedford], notify: [team] }\n`;
const CROSSING = 'Luton: persistent absence 20.6%, above your 20.0% line (academic year 2023/24)';
const corrected = (was: string, now: string): string =>
  `Correction: Luton: persistent absence was ${was}%, now ${now}%, above your 20.0% line (academic year 2023/24)`;

function down(world: Watch): void {
  world.mail.behave(({ at }) => (at === 'connect' ? { kind: 'refuse', code: 421 } : undefined));
}

function amend(world: Watch, share: number): void {
  world.at('2025-03-21T09:32:00Z');
  const content = smallWide({ ...CROSSED, shares: { 'Luton 2023': [share, 1.8] } });
  world.amend({ slug: '2023-24', at: '2025-03-21T09:30:00Z', content });
}

/** The newest version. */
async function takeBack(world: Watch, time: string, ...more: string[]) {
  const [newest] = (await world.program.run('versions', 'list', '--json')).json() as VersionRow[];
  world.at(time);
  return world.program.run('versions', 'remove', String(newest?.id), '--reason', 'wrong file', ...more);
}

async function queue(world: Watch): Promise<string[]> {
  const rows = (await world.program.run('mail', 'list', '--json')).json() as MailRow[];
  return rows.filter(({ state, address }) => state === 'queued' && address === TEAM).map(({ subject }) => subject);
}

/** A pass of the delivery loop of a service, in another process than the commands. */
async function loop(world: Watch, time: string) {
  return deliverDue(await storeOf(world), smtpTo(world.mail), delivery(clockAt(new Date(time))));
}

/** Luton crosses its line and is mailed; then an amendment, of which the mail is tried, unless the server is well. */
async function crossedAndAmended(world: Watch, server?: 'well'): Promise<void> {
  publishCrossing(world);
  await world.run();
  if (server === undefined) down(world);
  amend(world, 24.4);
  await world.run();
}

function subjectAndId({ raw }: { readonly raw: Buffer }): { subject: string; id: string | undefined } {
  return { subject: subjectOf(raw), id: /^message-id: *(<[^>]+>)/im.exec(raw.toString('latin1'))?.[1] };
}

async function lastText({ mail }: Watch): Promise<string> {
  const raw = mail.messages.findLast(({ to }) => to.includes(TEAM))?.raw ?? '';
  return ((await simpleParser(raw)).text ?? '').replaceAll(/\s+/g, ' ');
}

async function runAt(world: Watch, time: string) {
  world.at(time);
  return (await world.run()).report.mails;
}

describe('a version ceases to count while mails wait', () => {
  it('a correction that was tried and did not arrive is held, and comes to nothing', async () => {
    const world = await watchWithHistory();
    await crossedAndAmended(world);
    expect(await queue(world)).toEqual([corrected('20.6', '24.4')]);
    const said = await takeBack(world, '2025-03-21T10:00:00Z');
    expect(said.stdout).toContain('Until then 1 mail in the queue is held, to be written anew from the figures that');
    world.mail.behave(undefined);
    expect((await world.program.run('status')).stdout).toContain(
      'A version was taken back: 1 mail held until the next run.',
    );
    expect(await loop(world, '2025-03-21T11:00:00Z')).toMatchObject({ sent: 0 });
    expect(await nextDue(await storeOf(world)), 'nothing to look for in a hurry').toBeUndefined();
    expect(world.subjects()).toEqual([CROSSING]);
    expect(await runAt(world, '2025-03-21T12:00:00Z')).toMatchObject({ composed: 0, sent: 0 });
    expect(await queue(world)).toEqual([]);
    expect(await loop(world, '2025-03-22T11:00:00Z')).toMatchObject({ sent: 0 });
    expect(world.subjects()).toEqual([CROSSING]);
    const events = (await world.events()).filter(({ event }) => event === 'corrected');
    expect(
      events.map(({ value, muted }) => [value, muted]),
      'on record',
    ).toEqual([
      [24.4, null],
      [20.6, null],
    ]);
  });

  it('what was mailed is corrected, and what came beside it is told, once', async () => {
    const world = await watchWithHistory();
    await crossedAndAmended(world, 'well');
    down(world);
    const shares = { 'Luton 2023': [24.4, 1.8], 'Derby 2024': [17.4, 2.3], 'Luton 2024': [20.4, 1.8] } as const;
    world.at('2025-03-22T09:32:00Z');
    world.publish({
      ...{ slug: '2024-25', title: 'Academic year 2024/25', at: '2025-03-22T09:30:00Z', fileTitle: 'Of 2024/25' },
      content: smallWide({ ...CROSSED, years: [2024], shares }),
    });
    await world.run();
    expect(await queue(world)).toHaveLength(1);
    world.at('2025-03-22T10:00:00Z');
    await world.program.run('versions', 'remove', '3', '--reason', 'wrong file');
    world.mail.behave(undefined);
    expect(await loop(world, '2025-03-22T11:00:00Z')).toMatchObject({ sent: 0 });
    expect(await runAt(world, '2025-03-22T12:00:00Z')).toMatchObject({ composed: 1, sent: 1 });
    expect(world.subjects()).toEqual([CROSSING, corrected('20.6', '24.4'), expect.stringMatching(/and 1 more$/)]);
    const text = await lastText(world);
    expect(text).toContain('revised: was 24.4%, now 20.6%');
    expect(text).toContain('Line crossed: Severe absence 2.3%');
    await loop(world, '2025-03-23T11:00:00Z');
    await runAt(world, '2025-03-23T12:00:00Z');
    expect(world.subjects()).toHaveLength(3);
  });

  it('what may have arrived is held too, and then goes out before its correction', async () => {
    const world = await watchWithHistory();
    publishCrossing(world);
    await world.run();
    world.mail.behave(({ at }) => (at === 'message' ? { kind: 'drop' } : undefined));
    amend(world, 24.4);
    await world.run();
    await takeBack(world, '2025-03-21T10:00:00Z');
    world.mail.behave(undefined);
    expect(await loop(world, '2025-03-21T11:00:00Z')).toMatchObject({ sent: 0 });
    await runAt(world, '2025-03-21T12:00:00Z');
    const [first, second, again, back] = world.mail.messages.filter(({ to }) => to.includes(TEAM)).map(subjectAndId);
    expect(first?.subject).toBe(CROSSING);
    expect(again, 'under the same Message-ID').toEqual(second);
    expect(back?.subject).toBe(corrected('24.4', '20.6'));
  });

  it.each(['the hourly cap', 'a pause'])('a mail that was kept back by %s is held', async (by) => {
    const world = await watchWithHistory();
    publishCrossing(world);
    await world.run();
    if (by !== 'a pause') await world.program.configure(CONFIG.replace('operator:', 'max_per_hour: 1, operator:'));
    amend(world, 24.4);
    if (by === 'a pause') down(world);
    else await fillTheHour(world, '2025-03-21T09:31:00Z');
    await world.run();
    expect(await queue(world)).toEqual([corrected('20.6', '24.4')]);
    if (by === 'a pause') await world.program.run('alerts', 'pause', '--reason', 'wrong file');
    await takeBack(world, '2025-03-21T10:00:00Z');
    world.mail.behave(undefined);
    if (by === 'a pause') await world.program.run('alerts', 'resume');
    expect(await loop(world, '2025-03-21T11:00:00Z')).toMatchObject({ sent: 0 });
    await runAt(world, '2025-03-21T12:00:00Z');
    expect(await queue(world)).toEqual([]);
    expect(world.subjects()).toEqual([CROSSING]);
  });

  it('a mail that was given up and is queued again is held', async () => {
    const world = await watchWithHistory();
    publishCrossing(world);
    await world.run();
    world.mail.behave(refuseRecipient(TEAM));
    amend(world, 24.4);
    await world.run();
    await takeBack(world, '2025-03-21T10:00:00Z');
    world.mail.behave(undefined);
    expect((await world.program.run('mail', 'retry')).stdout).toContain(
      '1 mail queued again. A version was taken back:',
    );
    await loop(world, '2025-03-21T11:00:00Z');
    await runAt(world, '2025-03-21T12:00:00Z');
    expect(world.subjects()).toEqual([CROSSING]);
  });

  it('a brief on figures that are gone is not sent, and is owed again once there are some', async () => {
    const world = await watchWithHistory({ config: BRIEFED });
    await world.program.configure(BRIEFED.replace('above: 20', 'above: 90'));
    publishCrossing(world);
    down(world);
    await world.run();
    expect(await queue(world)).toEqual([expect.stringMatching(/^Bedford: .*2023\/24\)$/)]);
    await takeBack(world, '2025-03-21T10:00:00Z');
    world.mail.behave(undefined);
    expect(await loop(world, '2025-03-21T11:00:00Z')).toMatchObject({ sent: 0 });
    await runAt(world, '2025-03-21T12:00:00Z');
    expect(await queue(world)).toEqual([]);
    expect(world.subjects()).toEqual([expect.stringMatching(/2022\/23\)$/)]);
    amend(world, 24.4);
    world.at('2025-03-21T13:00:00Z');
    await world.run();
    expect(world.subjects()).toEqual([
      expect.stringMatching(/2022\/23\)$/),
      expect.stringMatching(/^Bedford: .*2023\/24\)$/),
    ]);
  });

  it('it is the same where EES withdraws it, and where a gate holds it back again', async () => {
    for (const how of ['withdrawn', 'held back'] as const) {
      const world = await watchWithHistory();
      await crossedAndAmended(world);
      const store = await storeOf(world);
      const at = new Date('2025-03-21T10:00:00Z');
      if (how === 'withdrawn') await withdrawVersion(store, 3, 'withdrawn at source', at);
      else {
        await store.db.updateTable('gate_result').set({ verdict: 'accepted' }).where('version_id', '=', 3).execute();
        world.at(at.toISOString());
        const said = await world.program.run('versions', 'unaccept', '3', '--reason', 'wrong');
        expect(said.stdout).toContain('1 mail in the queue is held');
      }
      world.mail.behave(undefined);
      expect(await loop(world, '2025-03-21T11:00:00Z'), how).toMatchObject({ sent: 0 });
      await runAt(world, '2025-03-21T12:00:00Z');
      expect(world.subjects(), how).toEqual([CROSSING]);
    }
  });

  it('mail to the operator is not held, and neither is news after a version went that no rule had seen', async () => {
    const world = await watchWithHistory();
    await crossedAndAmended(world);
    const store = await storeOf(world);
    const later = new Date('2025-03-21T10:30:00Z');
    await queueMails(store, ['ops@luton.example'], later, 'operator');
    await takeBack(world, '2025-03-21T10:00:00Z');
    world.mail.behave(undefined);
    expect(await loop(world, '2025-03-21T11:00:00Z')).toMatchObject({ sent: 1 });
    expect(world.subjects()).toEqual([CROSSING]);
    await runAt(world, '2025-03-21T12:00:00Z');
    await store.db
      .updateTable('data_set_version')
      .set({ state: 'quarantined', is_current: false, evaluated_at: null })
      .execute();
    world.at('2025-03-21T13:00:00Z');
    const said = await world.program.run('versions', 'remove', '1', '--reason', 'never counted', '--json');
    expect(said.json()).toMatchObject({ state: 'removed', held_mails: 0 });
    expect(await heldForRules(store)).toBeUndefined();
  });

  it('figures that retention takes away hold no mail', async () => {
    const world = await watchWithHistory();
    await crossedAndAmended(world);
    await world.program.configure(`${CONFIG}retention: { versions: 1 day, runs: 2 years }\n`);
    world.at('2025-03-29T10:00:00Z');
    expect((await world.program.run('prune')).code).toBe(0);
    const rows = (await world.program.run('versions', 'list', '--json')).json() as VersionRow[];
    expect(rows.find(({ id }) => id === 2)?.state).toBe('removed');
    world.mail.behave(undefined);
    expect(await loop(world, '2025-03-29T11:00:00Z')).toMatchObject({ sent: 1 });
  });

  it('a clock that is behind hides no removal from the rules', async () => {
    const world = await watchWithHistory();
    await crossedAndAmended(world);
    await takeBack(world, '2025-03-21T09:00:00Z');
    world.mail.behave(undefined);
    expect(await loop(world, '2025-03-21T11:00:00Z')).toMatchObject({ sent: 0 });
    await runAt(world, '2025-03-21T09:32:00Z');
    expect(await heldForRules(await storeOf(world)), 'seen').toBeUndefined();
    expect(world.subjects()).toEqual([CROSSING]);
  });

  it('published again, and withdrawn again, it is told each time', async () => {
    const world = await watchWithHistory();
    publishCrossing(world);
    await world.run();
    const store = await storeOf(world);
    const gone = CROSSING.replace('20.6%, above', 'was 20.6%, now withdrawn, no longer above');
    for (const day of ['21', '22']) {
      await withdrawVersion(store, 2, 'withdrawn at source', new Date(`2025-03-${day}T08:00:00Z`));
      await runAt(world, `2025-03-${day}T09:00:00Z`);
      await reinstateVersion(store, 2, new Date(`2025-03-${day}T10:00:00Z`));
      await runAt(world, `2025-03-${day}T11:00:00Z`);
      await runAt(world, `2025-03-${day}T12:00:00Z`);
    }
    const twice = [`Correction: ${gone}`, expect.stringContaining(CROSSING) as string];
    expect(world.subjects()).toEqual([CROSSING, ...twice, ...twice]);
  });

  it('of a crossing that nobody was mailed and that is gone, nothing is said, and it is told once it comes again', async () => {
    const world = await watchWithHistory();
    publishCrossing(world);
    down(world);
    await world.run();
    amend(world, 24.4);
    await world.run();
    const store = await storeOf(world);
    for (const id of [3, 2]) {
      await withdrawVersion(store, id, 'withdrawn at source', new Date('2025-03-21T10:00:00Z'));
      if (id === 3) await runAt(world, '2025-03-21T10:30:00Z');
    }
    world.mail.behave(undefined);
    expect(await loop(world, '2025-03-21T11:00:00Z')).toMatchObject({ sent: 0 });
    expect(await runAt(world, '2025-03-21T12:00:00Z')).toMatchObject({ sent: 0 });
    expect([world.subjects(), await queue(world)]).toEqual([[], []]);
    expect((await world.events()).filter(({ muted }) => muted === null)).toHaveLength(4);
    await reinstateVersion(store, 2, new Date('2025-03-21T13:00:00Z'));
    await runAt(world, '2025-03-21T14:00:00Z');
    expect(world.subjects()).toEqual([CROSSING]);
  });

  it('a crossing that may have arrived is taken back though its correction alone is owed', async () => {
    const world = await watchWithHistory();
    world.mail.behave(({ at }) => (at === 'message' ? { kind: 'drop' } : undefined));
    publishCrossing(world);
    await world.run();
    await takeBack(world, '2025-03-21T10:00:00Z');
    world.mail.behave(undefined);
    await runAt(world, '2025-03-21T12:00:00Z');
    expect(world.subjects()).toEqual([CROSSING, CROSSING, expect.stringMatching(/^Correction: .* now withdrawn/)]);
  });

  it('what was mailed is corrected also where a quiet backfill comes before the next run', async () => {
    const world = await watchWithHistory();
    publishCrossing(world);
    await world.run();
    await takeBack(world, '2025-03-21T10:00:00Z');
    world.at('2025-03-21T10:30:00Z');
    expect((await world.program.run('backfill', '--publication', ABSENCE)).code).toBe(0);
    await runAt(world, '2025-03-21T12:00:00Z');
    expect(world.subjects()).toEqual([CROSSING, expect.stringMatching(/^Correction: .* now withdrawn/)]);
  });
});
