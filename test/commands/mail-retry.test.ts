/** Mails that were given up, and what became of their news before somebody queues them again. */
import { describe, expect, it } from 'vitest';
import { refuseRecipient } from '../../demo/mail-catcher.js';
import type { MailRow } from '../../src/alerts/queue-upkeep.js';
import { smallWide, type SmallFile } from '../fault/harness/small-files.js';
import { CONFIG, CROSSED, publishCrossing, watchWithHistory, type Watch } from '../fault/harness/watch.js';

const TEAM = 'attendance@luton.example';
const CROSSING = 'Luton: persistent absence 20.6%, above your 20.0% line (academic year 2023/24)';
const CORRECTION =
  'Correction: Luton: persistent absence was 20.6%, now 24.4%, above your 20.0% line (academic year 2023/24)';

/** Luton crosses its line, and the mail of it is refused for good. */
async function refusedCrossing(): Promise<Watch> {
  const world = await watchWithHistory();
  world.mail.behave(refuseRecipient(TEAM));
  publishCrossing(world);
  await world.run();
  expect((await dead(world)).map(({ subject }) => subject)).toEqual([CROSSING]);
  return world;
}

async function dead({ program }: Watch): Promise<MailRow[]> {
  return (await program.run('mail', 'list', '--state', 'dead', '--json')).json() as MailRow[];
}

async function amend(world: Watch, more: SmallFile['shares'] = {}, day = '2025-03-21'): Promise<void> {
  world.at(`${day}T09:32:00Z`);
  const content = smallWide({ ...CROSSED, shares: { 'Luton 2023': [24.4, 1.8], ...more } });
  world.amend({ slug: '2023-24', at: `${day}T09:30:00Z`, content });
  await world.run();
}

async function runAt(world: Watch, time: string): Promise<void> {
  world.at(time);
  await world.run();
}

describe('mail retry', () => {
  it('leaves a mail whose figure was corrected since, and says why; named, it goes out', async () => {
    const world = await refusedCrossing();
    world.mail.behave(undefined);
    await amend(world);
    expect(world.subjects()).toEqual([CORRECTION]);
    const [{ id } = { id: 0 }] = await dead(world);
    const { stdout } = await world.program.run('mail', 'retry');
    expect(stdout).toContain('0 mails queued again.');
    expect(stdout).toContain(`mail ${id} to ${TEAM}, “${CROSSING}”: its figure was corrected since`);
    expect(stdout).toContain(`absence-watch mail retry ${id}`);
    const told = (await world.program.run('mail', 'retry', '--json')).json();
    expect(told).toEqual({
      ...{ queued: 0, released: 0 },
      overtaken: [{ id, address: TEAM, subject: CROSSING, since: 'corrected' }],
    });
    await runAt(world, '2025-03-21T10:00:00Z');
    expect(world.subjects()).toEqual([CORRECTION]);
    expect((await world.program.run('mail', 'skip', String(id))).stdout).toBe('Skipped: 1 mail.\n');
    expect(await dead(world)).toEqual([]);
    expect((await world.program.run('mail', 'retry')).stdout).toBe('0 mails queued again.\n');
    expect((await world.program.run('mail', 'retry', String(id))).stdout).toContain('1 mail queued again.');
    await runAt(world, '2025-03-21T11:00:00Z');
    expect(world.subjects()).toEqual([CORRECTION, CROSSING]);
    expect((await world.program.run('mail', 'skip', String(id))).stdout, 'sent').toBe('Skipped: 0 mails.\n');
    for (const argv of [[], [String(id), '--before', '2025-01-01'], ['all']])
      expect((await world.program.run('mail', 'skip', ...argv)).code).toBe(2);
  });

  it('queues it where the correction was given up too: it goes first', async () => {
    const world = await refusedCrossing();
    await amend(world);
    expect(await dead(world)).toHaveLength(2);
    world.mail.behave(undefined);
    expect((await world.program.run('mail', 'retry')).stdout).toBe('2 mails queued again.\n');
    await runAt(world, '2025-03-21T10:00:00Z');
    expect(world.subjects()).toEqual([CROSSING, CORRECTION]);
  });

  it('leaves it where the correction was given up too, in a mail that is left for something else', async () => {
    const world = await refusedCrossing();
    await amend(world, { 'Bedford 2023': [15, 2.4] });
    world.mail.behave(undefined);
    await amend(world, { 'Bedford 2023': [15, 2.9] }, '2025-03-24');
    const left = await dead(world);
    expect(left.map(({ subject }) => subject)).toEqual([expect.stringContaining('and 1 more'), CROSSING]);
    const { stdout } = await world.program.run('mail', 'retry');
    expect(stdout).toContain('0 mails queued again.');
    for (const { id } of left) expect(stdout).toContain(`mail ${id} to`);
  });

  it('leaves a mail whose alert was cleared since, also where nobody was told', async () => {
    const world = await refusedCrossing();
    world.mail.behave(undefined);
    const silence = ['--rule', 'Luton persistent', '--until', '2027-01-01', '--reason', 'known'];
    await world.program.run('alerts', 'silence', ...silence);
    world.at('2026-03-19T09:32:00Z');
    world.publish({
      ...{ slug: '2024-25', title: 'Academic year 2024/25', at: '2026-03-19T09:30:05Z' },
      content: smallWide({ ...CROSSED, years: [2021, 2022, 2023, 2024] }),
    });
    await world.run();
    expect((await world.events()).at(-1)).toMatchObject({ event: 'cleared', muted: 'silence' });
    expect((await world.program.run('mail', 'retry')).stdout).toContain('its alert was cleared since');
  });

  it('queues a mail that what came since leaves true', async () => {
    const world = await refusedCrossing();
    world.mail.behave(undefined);
    await amend(world, { ...CROSSED.shares, 'Bedford 2023': [15.2, 1.8] });
    expect((await world.program.run('mail', 'retry')).stdout).toBe('1 mail queued again.\n');
  });

  it('leaves a brief on figures that were taken back since', async () => {
    const world = await watchWithHistory({
      config: `${CONFIG.replace('above: 20', 'above: 90')}briefs:\n  - { areas: [Bedford], notify: [team] }\n`,
    });
    world.mail.behave(refuseRecipient(TEAM));
    publishCrossing(world);
    await world.run();
    const [newest] = (await world.program.run('versions', 'list', '--json')).json() as { id: number }[];
    world.at('2025-03-21T10:00:00Z');
    await world.program.run('versions', 'remove', String(newest?.id), '--reason', 'wrong file');
    await runAt(world, '2025-03-21T12:00:00Z');
    expect((await world.program.run('mail', 'retry')).stdout).toContain('its figures were taken back since');
  });
});
