/**
 * Three services on one Postgres, each killed and started again at random, through many slots: each slot is run once,
 * none is forgotten, none is missed while one of them lives, and no mail goes twice but where the kill fell between the
 * server's answer and our note of it.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, inject, it, onTestFinished } from 'vitest';
import { nextSlots, type Schedule } from '../../src/config.js';
import type { Store } from '../../src/load/database.js';
import { buildProgram, type BuiltProgram } from './harness/built-program.js';
import { chance } from './harness/chance.js';
import type { Child } from './harness/child.js';
import { SCENARIO_CONFIG, STEPS } from './harness/scenario.js';
import { World } from './harness/world.js';

const SLOTS = Number(process.env['FAULT_SLOTS'] ?? 6);
const SEED = Number(process.env['FAULT_SEED'] ?? 1);
/** Seconds from slot to slot. */
const EVERY_S = Number(process.env['FAULT_SLOT_SECONDS'] ?? 4);
/**
 * With slots further apart than a standby's looks at the lease (10 s), one service is always left alive, and then nothing
 * may be missed; closer ones fall due while nobody is there, and must be counted.
 */
const ALWAYS_SERVED = EVERY_S > 10;
const SCHEDULE: Schedule = { cron: [`*/${EVERY_S} * * * * *`], timezone: 'Europe/London' };
const SERVICES = 3;

let program: BuiltProgram;
beforeAll(async () => {
  program = await buildProgram();
}, 300_000);
afterAll(() => program.remove());

/** As if the lease had run out, where it was the dead service's: nobody waits for that here. */
async function forgetDead(store: Store, dead: Child): Promise<void> {
  await sql`
    update lease set until = clock_timestamp() - interval '1 second'
    where split_part(holder, '/', 2) = ${String(dead.pid)}`.execute(store.db);
}

/** Whether a service has got as far as to look after the slots, or to stand by. */
function isUp(service: Child): boolean {
  return /is the active one|standing by/.test(service.said());
}

async function slotsOf(store: Store): Promise<{ due_at: Date; state: string; run_id: number | null }[]> {
  return store.db.selectFrom('slot').selectAll().orderBy('due_at').execute();
}

it(
  `three services through ${SLOTS} slots (seed ${SEED})`,
  async () => {
    const world = await World.create(program, inject('testDatabaseUrl'));
    onTestFinished(({ task }) => world.close(task.result?.state === 'fail'));
    // Tells who is up (below).
    world.logLevel = 'info';
    const cron = JSON.stringify(SCHEDULE.cron);
    await writeFile(join(world.directory, 'watch.yaml'), `schedule: { cron: ${cron} }\n${SCENARIO_CONFIG}`);
    const random = chance(SEED);
    const base = Date.parse(STEPS[0]?.at ?? '');
    const begun = performance.now();
    const tick = (): Date => (world.now = new Date(base + performance.now() - begun));
    tick();
    expect((await world.start('migrate').ended).code).toBe(0);

    const start = (): Child => {
      tick();
      return world.start('start');
    };
    const services = Array.from({ length: SERVICES }, start);
    onTestFinished(() => {
      for (const service of services) service.kill('SIGKILL');
    });
    const publish = (step: number): void => {
      STEPS[step]?.apply(world.ees, tick().toISOString());
    };
    publish(0);

    let published = 1;
    let kills = 0;
    const over = base + SLOTS * EVERY_S * 1000;
    await world.reading(async (store) => {
      while (tick().getTime() < over || published < STEPS.length) {
        await wait(random.between(500, 2500));
        if (published < STEPS.length && random.next() < 0.3) publish(published++);
        const victim = random.between(0, SERVICES - 1);
        const isLast = !services.some((service, index) => index !== victim && isUp(service));
        if (random.next() < 0.25 && !(ALWAYS_SERVED && isLast)) {
          const dead = services[victim];
          if (dead === undefined) throw new Error('no such service');
          dead.kill('SIGKILL');
          await dead.ended;
          kills++;
          await forgetDead(store, dead);
          services[victim] = start();
        }
      }
      // Left in peace until everything is taken up and told.
      const last = tick();
      const settled = async (): Promise<boolean> => {
        const slots = await slotsOf(store);
        const { open } = await store.db
          .selectFrom('mail')
          .select((eb) => eb.fn.countAll<number>().as('open'))
          .where('state', 'in', ['queued', 'sending'])
          .executeTakeFirstOrThrow();
        return open === 0 && slots.some(({ due_at, state }) => state === 'done' && due_at > last);
      };
      for (let patience = 0; !(await settled()); patience++) {
        expect(patience, services.map((service) => service.said()).join('\n')).toBeLessThan(600);
        // A claim of a dead sender stands for two minutes by its clock: passed here.
        await sql`update mail set claimed_until = claimed_until - interval '10 seconds' where state = 'sending'`.execute(
          store.db,
        );
        await wait(500);
        tick();
      }
    });
    for (const service of services) service.kill('SIGTERM');
    for (const { ended } of services) expect(await ended).toMatchObject({ code: 0 });

    await world.reading(async (store) => {
      const slots = await slotsOf(store);
      const done = slots.filter(({ state }) => state === 'done');
      expect(slots.filter(({ state }) => state !== 'done' && state !== 'overlap')).toEqual([]);
      // Each slot run once: no run stands for two slots, and no two runs for one.
      const runs = await store.db.selectFrom('run_record').selectAll().orderBy('id').execute();
      const ended = runs.filter(({ outcome }) => outcome === 'done' || outcome === 'in part' || outcome === 'failed');
      expect(done.map(({ run_id }) => run_id).sort()).toEqual(ended.map(({ id }) => id).sort());
      expect(runs.filter(({ outcome }) => outcome === 'running')).toEqual([]);
      // None forgotten: every slot of the schedule is on record, or counted as missed.
      const [first, newest] = [slots[0]?.due_at, slots.at(-1)?.due_at];
      if (first === undefined || newest === undefined) throw new Error('no slot was recorded');
      const missed = runs
        .filter(({ outcome }) => outcome === 'missed')
        .reduce((sum, { detail }) => sum + Number(detail['slots']), 0);
      if (ALWAYS_SERVED) expect(missed).toBe(0);
      expect(slots.length - 1 + missed).toBe(nextSlots(SCHEDULE, first, 10_000, newest).length);
      // Everything told, and nothing more often than an attempt that nobody could note.
      const mails = await store.db.selectFrom('mail').select(['id', 'message_id', 'state']).execute();
      expect(new Set(mails.map(({ state }) => state))).toEqual(new Set(['sent', 'dead']));
      const attempts = await store.db.selectFrom('mail_attempt').select(['mail_id', 'outcome']).execute();
      for (const { id, message_id, state } of mails) {
        // Its own header: a later mail of the thread names it too.
        const own = `message-id: ${message_id.toLowerCase()}`;
        const received = world.mail.messages.filter(({ raw }) =>
          raw.toString('latin1').toLowerCase().includes(own),
        ).length;
        const unsure = attempts.filter(({ mail_id, outcome }) => mail_id === id && outcome === 'unknown').length;
        expect(received, message_id).toBeGreaterThanOrEqual(state === 'sent' ? 1 : 0);
        expect(received, message_id).toBeLessThanOrEqual((state === 'sent' ? 1 : 0) + unsure);
      }
      expect(kills).toBeGreaterThan(0);
      console.log(
        `${kills} kills, ${slots.length} slots, ${done.length} runs, ${missed} missed, ${mails.length} mails`,
      );
    });
  },
  SLOTS * EVERY_S * 1000 + 400_000,
);
