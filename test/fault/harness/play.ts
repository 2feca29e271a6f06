/** The scenario from end to end, undisturbed or with kills, and what came of it. */
import { setTimeout as wait } from 'node:timers/promises';
import { sql } from 'kysely';
import type { CaughtMail } from '../../../demo/mail-catcher.js';
import type { BuiltProgram } from './built-program.js';
import { chance as chanceOf } from './chance.js';
import type { Ended } from './child.js';
import { drawPlan, killBy, planText } from './kills.js';
import { STEPS } from './scenario.js';
import { snapshot, type Snapshot } from './snapshot.js';
import { World } from './world.js';

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
 * @param seed undefined: nobody is killed
 * @param usualMs how long a run takes, for kills by time
 */
export async function play(
  program: BuiltProgram,
  databaseUrl: string,
  kills?: { readonly seed: number; readonly usualMs: number; readonly perStep: number },
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

  for (const step of STEPS) {
    world.now = new Date(step.at);
    step.apply(world.ees, step.at);
    world.now = new Date(world.now.getTime() + 2 * MINUTE);
    story.push(`${step.at} ${step.says}`);
    const wanted = kills === undefined ? 0 : chance.between(1, 2 * kills.perStep - 1);
    for (let kill = 0; kill < wanted; kill++) {
      const plan = drawPlan(chance, kills?.usualMs ?? 0);
      const received = world.mail.messages.length;
      const child = world.start('run');
      const hit = await killBy(world, child, plan);
      story.push(`  ${planText(plan)}: ${hit ? `killed after ${Math.round(child.age())} ms` : 'ended before'}`);
      if (!hit) {
        expectWell(await child.ended, story, [0, 3, 4]);
        break;
      }
      killed++;
      await world.untilForgotten();
      const open = await unconfirmedAmong(world, world.mail.messages.slice(received));
      if (open > 0) story.push(`    ${open} mails had been taken over and were not noted`);
      unconfirmed += open;
      // Past the end of a dead sender's claim.
      world.now = new Date(world.now.getTime() + 5 * MINUTE);
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
