/** Fault cases 1 to 6: the program in a process of its own, ended in the middle of something. Case 5 at length: kill.test.ts. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { buildProgram, type BuiltProgram } from './harness/built-program.js';
import { chance } from './harness/chance.js';
import { killBy, type KillPlan } from './harness/kills.js';
import { byRecipient } from './harness/play.js';
import { STEPS } from './harness/scenario.js';
import { differences, snapshot, type Snapshot } from './harness/snapshot.js';
import { World } from './harness/world.js';

let program: BuiltProgram;
/** The first release loaded and told, with nobody in the way. */
let undisturbed: Snapshot;

beforeAll(async () => {
  program = await buildProgram();
  const world = await World.create(program, inject('testDatabaseUrl'));
  publishFirst(world);
  expect((await world.start('run').ended).code).toBe(0);
  undisturbed = await world.reading(snapshot);
  await world.close();
}, 300_000);
afterAll(() => program.remove());

function publishFirst(world: World): void {
  const [first] = STEPS;
  if (first === undefined) throw new Error('the scenario is empty');
  world.now = new Date(first.at);
  first.apply(world.ees, first.at);
  world.now = new Date(world.now.getTime() + 120_000);
}

async function freshWorld(): Promise<World> {
  const world = await World.create(program, inject('testDatabaseUrl'));
  onTestFinished(({ task }) => world.close(task.result?.state === 'fail'));
  publishFirst(world);
  return world;
}

/** Five minutes on, past the claim of a dead sender, it runs again. */
async function again(world: World): Promise<void> {
  await world.untilForgotten();
  world.now = new Date(world.now.getTime() + 300_000);
  const { code, stderr } = await world.start('run').ended;
  expect(code, stderr).toBe(0);
}

/** @returns what the program had said until then */
async function killed(world: World, plan: KillPlan, ...argv: string[]): Promise<string> {
  const child = world.start(...(argv.length > 0 ? argv : ['run']));
  expect(await killBy(world, child, plan)).toBe(true);
  await world.untilForgotten();
  return (await child.ended).stderr;
}

async function expectAsUndisturbed(world: World): Promise<void> {
  expect(differences(undisturbed, await world.reading(snapshot))).toEqual([]);
}

const outcomes = (world: World): Promise<string[]> =>
  world.reading(async ({ db }) =>
    (await db.selectFrom('run_record').select('outcome').orderBy('id').execute()).map(({ outcome }) => outcome),
  );
const numberOf = (world: World, table: 'figure' | 'data_set_version' | 'alert' | 'notification'): Promise<number> =>
  world.reading(async ({ db }) => {
    const { rows } = await sql<{ n: number }>`select count(*)::int as n from ${sql.table(table)}`.execute(db);
    return rows[0]?.n ?? 0;
  });

describe('the program ended in the middle', { timeout: 300_000 }, () => {
  it('case 01: SIGKILL during a download leaves no version; the next run removes the piece and fetches it again', async () => {
    const world = await freshWorld();
    // Each database has a directory of its own in there.
    const downloaded = async (): Promise<string[]> => {
      const all = await readdir(join(world.directory, 'data/downloads'), {
        recursive: true,
        withFileTypes: true,
      }).catch(() => []);
      return all.filter((entry) => entry.isFile()).map(({ name }) => name);
    };
    const isFile = /\/(csv|files\/[^/]+)$/;
    world.ees.fault(({ path }) => (isFile.test(path) ? { kind: 'slow drip', bytes: 100, everyMs: 40 } : undefined));
    const child = world.start('run');
    while ((await downloaded()).length === 0 && child.isRunning()) await wait(5);
    child.kill('SIGKILL');
    expect((await child.ended).signal).toBe('SIGKILL');
    expect(await downloaded()).not.toEqual([]);
    expect(await numberOf(world, 'data_set_version')).toBe(0);
    world.ees.fault();
    await again(world);
    expect(await downloaded()).toEqual([]);
    expect(await outcomes(world)).toEqual(['abandoned', 'done']);
    await expectAsUndisturbed(world);
  });

  it('case 02: SIGKILL during COPY leaves no figure; the run stands as abandoned and the next one loads', async () => {
    const world = await freshWorld();
    await killed(world, { kind: 'table', table: 'figure', fromRequest: 0, afterMs: undefined });
    expect(await numberOf(world, 'figure')).toBe(0);
    expect(await numberOf(world, 'data_set_version')).toBe(0);
    await again(world);
    expect(await outcomes(world)).toEqual(['abandoned', 'done']);
    await expectAsUndisturbed(world);
  });

  it('case 03: SIGKILL after the figures are in and before the rules saw them: the next run tells the same', async () => {
    const world = await freshWorld();
    await killed(world, { kind: 'table', table: 'alert', fromRequest: 0, afterMs: undefined });
    expect(await numberOf(world, 'figure')).toBeGreaterThan(0);
    expect(await numberOf(world, 'alert')).toBe(0);
    expect(await numberOf(world, 'notification')).toBe(0);
    await again(world);
    await expectAsUndisturbed(world);
  });

  it('case 03, between two loads: the first look at what is new is one look, as if nothing had happened', async () => {
    const world = await freshWorld();
    const said = await killed(world, { kind: 'table', table: 'source_state', fromRequest: 0, afterMs: undefined });
    expect(await numberOf(world, 'data_set_version'), said).toBe(1);
    await again(world);
    await expectAsUndisturbed(world);
  });

  it('case 03, a data set held back: SIGKILL before the operator was told: the next run tells, once', async () => {
    const world = await freshWorld();
    await again(world);
    const [, , third] = STEPS;
    if (third === undefined) throw new Error('the scenario is too short');
    world.now = new Date(Date.parse(third.at) + 120_000);
    third.apply(world.ees, third.at);
    await killed(world, { kind: 'table', table: 'setting', fromRequest: 0, afterMs: undefined });
    for (let run = 0; run < 2; run++) await again(world);
    const mails = await world.reading(({ db }) =>
      db.selectFrom('mail').select('subject').where('subject', 'like', '%held back%').execute(),
    );
    expect(mails).toHaveLength(1);
  });

  it('case 04: SIGKILL after the mail server took a mail over and before that was noted: one repetition, the same Message-ID, attempt 2 on record', async () => {
    const world = await freshWorld();
    await killed(world, { kind: 'mail', at: 'message', nth: 1, afterMs: 0 });
    const [first] = world.mail.messages;
    expect(world.mail.messages).toHaveLength(1);
    const state = await world.reading(({ db }) =>
      db
        .selectFrom('mail')
        .select(['id', 'state'])
        .where('address', '=', first?.to[0] ?? '')
        .executeTakeFirstOrThrow(),
    );
    expect(state.state).toBe('sending');
    await again(world);
    const told = world.mail.messages.filter(({ to }) => to[0] !== 'ops@luton.example');
    const copies = [...byRecipient(told).values()].map((mails) => mails.length).sort();
    expect(copies).toEqual([1, 2]);
    const [original, repeated] = world.mail.messages.filter(({ to }) => to[0] === first?.to[0]);
    expect(repeated?.raw.equals(original?.raw ?? Buffer.alloc(0))).toBe(true);
    const attempts = await world.reading(({ db }) =>
      db.selectFrom('mail_attempt').select('outcome').where('mail_id', '=', state.id).orderBy('id').execute(),
    );
    expect(attempts.map(({ outcome }) => outcome)).toEqual(['unknown', 'sent']);
    await expectAsUndisturbed(world);
  });

  it('case 05: SIGKILL at five random instants of one cycle: tables equal to those of an undisturbed run', async () => {
    const world = await freshWorld();
    const draw = chance(5);
    for (let kill = 0; kill < 5; kill++) {
      await killBy(world, world.start('run'), { kind: 'time', ms: 200 + draw.between(0, 4_000) });
      await world.untilForgotten();
      world.now = new Date(world.now.getTime() + 300_000);
    }
    await again(world);
    await expectAsUndisturbed(world);
  });

  it('case 05, a backfill: SIGKILL at a write of its second file: begun again, it goes on with what is missing, and comes to the same', async () => {
    const backfill = ['backfill', '--publication', 'pupil-absence-in-schools-in-england'];
    const create = async (): Promise<World> => {
      const world = await World.create(program, inject('testDatabaseUrl'));
      onTestFinished(({ task }) => world.close(task.result?.state === 'fail'));
      for (const { at, apply } of STEPS.slice(0, 2)) {
        world.now = new Date(at);
        apply(world.ees, at);
      }
      world.now = new Date(world.now.getTime() + 120_000);
      return world;
    };
    const calm = await create();
    expect((await calm.start(...backfill).ended).code).toBe(0);
    const asked = calm.ees.requests.map(({ path }) => path);
    const downloads = asked.flatMap((path, index) => (/\/(csv|files\/[^/]+)$/.test(path) ? [index + 1] : []));
    expect(downloads).toHaveLength(4);

    const world = await create();
    // From the request for the second file on: the first one is in by then.
    const plan: KillPlan = { kind: 'table', table: 'figure', fromRequest: downloads[1] ?? 0, afterMs: undefined };
    await killed(world, plan, ...backfill);
    expect(await numberOf(world, 'data_set_version')).toBe(1);
    world.now = new Date(world.now.getTime() + 300_000);
    const before = world.ees.requests.length;
    const { code, stderr } = await world.start(...backfill).ended;
    expect(code, stderr).toBe(0);
    const again = world.ees.requests.slice(before).map(({ path }) => path);
    // Neither what was loaded nor what lay there whole is fetched again; the third file is.
    expect(again).not.toContain(asked[(downloads[0] ?? 0) - 1]);
    expect(again).not.toContain(asked[(downloads[1] ?? 0) - 1]);
    expect(again).toContain(asked[(downloads[2] ?? 0) - 1]);
    expect(await outcomes(world)).toEqual(['abandoned', 'done']);
    expect(differences(await calm.reading(snapshot), await world.reading(snapshot))).toEqual([]);
    expect(world.mail.messages.map(({ to }) => to)).toEqual(calm.mail.messages.map(({ to }) => to));
  });

  it('case 06, a run by hand: SIGTERM during a download ends it, with nothing kept and no word against EES', async () => {
    const world = await freshWorld();
    const isFile = /\/(csv|files\/[^/]+)$/;
    world.ees.fault(({ path }) => (isFile.test(path) ? { kind: 'slow drip', bytes: 100, everyMs: 40 } : undefined));
    const child = world.start('run');
    while (!world.ees.requests.some(({ path }) => isFile.test(path)) && child.isRunning()) await wait(5);
    child.kill('SIGTERM');
    const { code, stderr } = await child.ended;
    expect(code).toBe(1);
    expect(stderr).toContain('interrupted by SIGTERM');
    expect(stderr).not.toContain('EES could not be read');
    expect(await numberOf(world, 'data_set_version')).toBe(0);
    world.ees.fault();
    await again(world);
    await expectAsUndisturbed(world);
  });

  it('case 06: SIGTERM during a load: the service ends what is under way and exits 0, the lock is free', async () => {
    const world = await freshWorld();
    const { locker, schema } = world;
    expect((await world.start('migrate').ended).code).toBe(0);
    await locker.query('begin');
    await locker.query(`lock table "${schema}".figure in share mode`);
    const service = world.start('start');
    while (!(await world.isHeldUp('figure'))) {
      if (!service.isRunning()) throw new Error(`the service ended by itself: ${service.said()}`);
      await wait(20);
    }
    service.kill('SIGTERM');
    await wait(200);
    expect(service.isRunning()).toBe(true);
    await locker.query('rollback');
    const { code, signal, stderr } = await service.ended;
    expect({ code, signal }, stderr).toEqual({ code: 0, signal: null });
    expect(await outcomes(world)).toEqual(['done']);
    await expectAsUndisturbed(world);
    await again(world);
  });
});
