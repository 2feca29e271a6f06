/** Mails that nobody has tried to send when the figures they quote are amended: they are written anew from what stands. */
import { simpleParser } from 'mailparser';
import { describe, expect, it } from 'vitest';
import { smallWide, type SmallFile } from '../fault/harness/small-files.js';
import { CONFIG, CROSSED, fillTheHour, publishCrossing, watchWithHistory, type Watch } from '../fault/harness/watch.js';

const TEAM = 'attendance@luton.example';
const RULES = /^rules:\n( {2}- .*\n)+/m;

/** At most one mail an hour leaves, and one has: what is due waits, and nobody tries to send it. */
function capped(rules: readonly string[], briefs = ''): string {
  return CONFIG.replace(
    RULES,
    `rules: [${rules.map((rule) => `\n  { ${rule}, areas: [Luton], notify: [team] }`).join(',')}]\n`,
  )
    .replace('operator:', 'max_per_hour: 1, operator:')
    .concat(briefs);
}

const BRIEFS = 'briefs:\n  - { areas: [Luton], notify: [team] }\n';

/** The crossing of 2023/24 waits untried. */
async function waiting(config: string): Promise<Watch> {
  const world = await watchWithHistory({ config });
  publishCrossing(world);
  const sent = world.subjects().length;
  await fillTheHour(world, '2025-03-20T09:35:00Z');
  await world.run();
  expect(world.subjects()).toHaveLength(sent);
  return world;
}

async function amend(world: Watch, shares: SmallFile['shares']): Promise<void> {
  world.at('2025-03-20T09:52:00Z');
  const content = smallWide({ ...CROSSED, shares: { ...CROSSED.shares, ...shares } });
  world.amend({ slug: '2023-24', at: '2025-03-20T09:50:00Z', content });
  expect((await world.run()).code).toBe(0);
}

/** What the team is mailed once the hour is over. */
async function mailed(world: Watch): Promise<{ readonly subject: string; readonly text: string }> {
  const before = world.mail.messages.length;
  world.at('2025-03-20T12:00:00Z');
  await world.run();
  const mails = world.mail.messages.slice(before).filter(({ to }) => to.includes(TEAM));
  expect(mails).toHaveLength(1);
  const { subject = '', text = '' } = await simpleParser(mails[0]?.raw ?? '');
  return { subject, text: text.replaceAll(/\s+/g, ' ') };
}

describe('figures are amended while a mail that quotes them waits untried', () => {
  it('a brief does not tell what was withheld since', async () => {
    const world = await waiting(capped([], BRIEFS));
    await amend(world, { 'Luton 2023': 'c' });
    const { subject, text } = await mailed(world);
    expect(subject).toBe('Luton: persistent absence not shown, severe absence not shown (academic year 2023/24)');
    expect(text).not.toContain('20.6');
  });

  it('nor after a pause that the amendment fell into', async () => {
    const world = await waiting(capped([], BRIEFS));
    await world.program.run('alerts', 'pause', '--reason', 'to look');
    await amend(world, { 'Luton 2023': [21.4, 1.8] });
    await world.program.run('alerts', 'resume');
    const { subject } = await mailed(world);
    expect(subject).toBe('Luton: persistent absence 21.4%, severe absence 1.8% (academic year 2023/24)');
  });

  it('an alert has England and the rank beside it as they stand', async () => {
    const world = await waiting(capped(['name: Line, measure: persistent_absence_rate, above: 20']));
    await amend(world, { 'Bedford 2023': [24.1, 1.6] });
    const { subject, text } = await mailed(world);
    expect(subject).toBe('Luton: persistent absence 20.6%, above your 20.0% line (academic year 2023/24)');
    expect(text).toContain('higher than in England (18.7%, up from 17.3%)');
    expect(text).toContain('ranks 2nd among seven authorities');
  });
});
