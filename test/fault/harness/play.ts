/** The scenario from end to end, undisturbed or with kills, and what came of it. */
import { setTimeout as wait } from 'node:timers/promises';
import { sql } from 'kysely';
import type { CaughtMail } from '../../../demo/mail-catcher.js';
import type { BuiltProgram } from './built-program.js';
import { chance as chanceOf } from './chance.js';
import type { Ended } from './child.js';
import { drawPlan, killBy, planText, type KillPlan } from './kills.js';
import { STEPS, type Step } from './scenario.js';
import { snapshot, type Snapshot } from './snapshot.js';
import { EMBEDDED, World } from './world.js';

export interface Played {
  readonly snapshot: Snapshot;
  /** By recipient and Message-ID, the messages that arrived. */
  readonly mails: ReadonlyMap<string, readonly CaughtMail[]>;
  readonly kills: number;
  /** Mails that the server had taken over when a kill hit, and that were not noted as sent. */
  readonly unconfirmed: number;
  /** Milliseconds of a run, start of the program included, on average. */
  readonly usualMs: number;
  /** What was done, for a person who replays a seed. */
  readonly story: readonly string[];
  readonly world: World;
}

const MINUTE = 60_000;

/**
 * Plays the scenario.
 * @param databaseUrl of a server, or EMBEDDED
 * @param kills undefined: nobody is killed. usualMs: how long a run takes, for kills by time. perStep: kills a step, on
 * average; `exactly`: each step has as many, and where a run was over before its instant another one is killed early on
 */
export async function play(
  program: BuiltProgram,
  databaseUrl: string,
  kills?: { readonly seed: number; readonly usualMs: number; readonly perStep: number; readonly exactly?: boolean },
  steps: readonly Step[] = STEPS,
): Promise<Played> {
  const world = await World.create(program, databaseUrl);
  const chance = chanceOf(kills?.seed ?? 0);
  const story: string[] = [];
  let killed = 0;
  let unconfirmed = 0;
  let quietMs = 0;
  let quietRuns = 0;

  const toTheEnd = async (): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      const child = world.start('run');
      const ended = await child.ended;
      // The server may hold the lock of a killed run for a moment.
      if (ended.code === 4 && attempt < 50) {
        await wait(100);
        continue;
      }
      expectWell(ended, story);
      quietMs += child.age();
      quietRuns++;
      return;
    }
  };

  /** @returns whether the plan's instant came before the end of the run */
  const struck = async (plan: KillPlan): Promise<boolean> => {
    const received = world.mail.messages.length;
    const child = world.start('run');
    const hit = await killBy(world, child, plan);
    story.push(`  ${planText(plan)}: ${hit ? `killed after ${Math.round(child.age())} ms` : 'ended before'}`);
    if (!hit) {
      expectWell(await child.ended, story, [0, 3, 4]);
      return false;
    }
    killed++;
    await world.untilForgotten();
    const open = await unconfirmedAmong(world, world.mail.messages.slice(received));
    if (open > 0) story.push(`    ${open} mails had been taken over and were not noted`);
    unconfirmed += open;
    // Past the end of a dead sender's claim.
    world.now = new Date(world.now.getTime() + 5 * MINUTE);
    return true;
  };

  for (const step of steps) {
    world.now = new Date(step.at);
    step.apply(world.ees, step.at);
    world.now = new Date(world.now.getTime() + 2 * MINUTE);
    story.push(`${step.at} ${step.says}`);
    if (kills !== undefined) {
      const { usualMs, perStep, exactly = false } = kills;
      const before = killed;
      const wanted = exactly ? perStep : chance.between(1, 2 * perStep - 1);
      for (let kill = 0; kill < wanted; kill++)
        if (!(await struck(drawPlan(chance, usualMs, databaseUrl === EMBEDDED)))) break;
      while (exactly && killed - before < wanted)
        await struck({ kind: 'time', ms: Math.round((0.1 + 0.4 * chance.next()) * usualMs) });
    }
    await toTheEnd();
  }
  // Once more, later: reports about mails given up, and whatever was put off.
  world.now = new Date(world.now.getTime() + 120 * MINUTE);
  await toTheEnd();

  return {
    snapshot: await world.reading(snapshot),
    mails: byRecipient(world.mail.messages),
    kills: killed,
    unconfirmed,
    usualMs: quietMs / quietRuns,
    story,
    world,
  };
}

function expectWell({ code, signal, stderr }: Ended, story: readonly string[], good = [0, 3]): void {
  if (code === null || !good.includes(code))
    throw new Error(`a run ended with ${code ?? signal ?? '?'}:\n${stderr}\nafter\n${story.join('\n')}`);
}

function messageId(mail: CaughtMail): string {
  return /^message-id:\s*(<[^>]+>)/im.exec(mail.raw.toString('latin1'))?.[1] ?? 'none';
}

export function byRecipient(messages: readonly CaughtMail[]): Map<string, CaughtMail[]> {
  const found = new Map<string, CaughtMail[]>();
  for (const mail of messages) {
    const key = `${mail.to.join(', ')} ${messageId(mail)}`;
    found.set(key, [...(found.get(key) ?? []), mail]);
  }
  return found;
}

/** How many different mails each recipient got; what they say is compared in the snapshot. */
export function addressesOf(played: Pick<Played, 'mails'>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const key of played.mails.keys()) {
    const address = key.split(' ')[0] ?? '';
    counts[address] = (counts[address] ?? 0) + 1;
  }
  return counts;
}

/** How many of the mails just received stand as being sent: the program died between the answer and its note. */
async function unconfirmedAmong(world: World, received: readonly CaughtMail[]): Promise<number> {
  if (received.length === 0) return 0;
  return world.reading(async ({ db }) => {
    const { rows } = await sql<{ address: string; message_id: string }>`
      select address, message_id from mail where state = 'sending'`.execute(db);
    const open = new Set(rows.map(({ address, message_id }) => `${address} ${message_id}`));
    return [...byRecipient(received).keys()].filter((key) => open.has(key)).length;
  });
}
