/**
 * The program on the embedded database killed with SIGKILL, again and again: its database dies with it, in the middle of
 * what it writes, and comes right when the program opens it again. FAULT_SEED=… replays one seed.
 */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { buildProgram, type BuiltProgram } from './harness/built-program.js';
import { addressesOf, play, type Played } from './harness/play.js';
import { FEWER_STEPS, STEPS } from './harness/scenario.js';
import { countRows, differences } from './harness/snapshot.js';
import { EMBEDDED } from './harness/world.js';

const SEED = process.env['FAULT_SEED'];
const FIRST_SEED = Number(SEED ?? process.env['FAULT_FIRST_SEED'] ?? 1);
// Opening the database takes seconds, so the long run plays a quarter of the seeds that it plays on a server.
const SEEDS = SEED === undefined ? Math.max(1, Math.round(Number(process.env['FAULT_SEEDS'] ?? 1) / 4)) : 1;
const PER_STEP = Number(process.env['FAULT_KILLS_PER_STEP'] ?? 1);
/** A seed of the long run is replayed with its configuration, so that it plays as many steps. */
const PLAYED = Number(process.env['FAULT_SEEDS'] ?? 1) > 1 ? STEPS : FEWER_STEPS.slice(0, 2);

let program: BuiltProgram;
/** On a server, in half the time: on both databases everything must come out the same. */
let undisturbed: Played;

beforeAll(async () => {
  program = await buildProgram();
  undisturbed = await play(program, inject('testDatabaseUrl'), undefined, PLAYED);
  await undisturbed.world.close();
}, 300_000);
afterAll(() => program.remove());

describe('the program on the embedded database, killed at any instant', () => {
  it.each(Array.from({ length: SEEDS }, (_, index) => FIRST_SEED + index))(
    'case 05, seed %i: what was written halfway comes right; figures, events and states are as if nobody had disturbed it, every mail arrives, none is repeated but for an answer that was not noted',
    async (seed) => {
      const usualMs = 2 * undisturbed.usualMs;
      const kills = { seed, usualMs, perStep: PER_STEP, exactly: true };
      const played = await play(program, EMBEDDED, kills, PLAYED);
      const story = `FAULT_SEED=${seed} replays this:\n${played.story.join('\n')}`;
      try {
        const copies = [...played.mails.values()];
        const repeated = copies.reduce((sum, { length }) => sum + length - 1, 0);
        console.log(
          `Embedded database, FAULT_SEED=${seed}: ${played.kills} kills; mails expected ${undisturbed.mails.size}, ` +
            `repeated ${repeated} (answer not noted: ${played.unconfirmed}); rows compared ${countRows(played.snapshot)}.`,
        );
        expect(differences(undisturbed.snapshot, played.snapshot), story).toEqual([]);
        expect(played.kills, story).toBeGreaterThanOrEqual(PER_STEP * PLAYED.length);
        expect(addressesOf(played), story).toEqual(addressesOf(undisturbed));
        expect(repeated, story).toBeLessThanOrEqual(played.unconfirmed);
        for (const [first, ...others] of copies)
          for (const other of others) expect(other.raw.equals(first?.raw ?? Buffer.alloc(0)), story).toBe(true);
      } finally {
        await played.world.close();
      }
    },
    1_800_000,
  );
});
