/**
 * When a program is killed: at any time, at a request, at a step of the mail conversation, before a write to a table of a
 * server, or at a write to the journal of the embedded database.
 */
import { watch } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import type { SmtpStep } from '../../../demo/mail-catcher.js';
import type { Chance } from './chance.js';
import type { Child } from './child.js';
import type { World } from './world.js';

/** What the program is about to write when it is stopped at a table's lock: the steps of a run in turn. */
const TABLES = [
  'run_record', // the run begins, or ends
  'figure', // COPY
  'data_set_version', // figures written, version not
  'gate_result',
  'source_state', // loaded and committed, not yet remembered
  'alert',
  'alert_state',
  'notification', // queueing
  'mail', // composing, claiming, noting the answer
  'mail_attempt',
  'setting',
] as const;

const SMTP_STEPS = ['connect', 'mail from', 'rcpt to', 'message'] as const satisfies readonly SmtpStep['at'][];

export type KillPlan =
  | { readonly kind: 'time'; readonly ms: number }
  /** `download`: only requests for the bytes of a file. `nth` counts from 1. */
  | { readonly kind: 'request'; readonly nth: number; readonly download: boolean; readonly afterMs: number }
  | { readonly kind: 'mail'; readonly at: (typeof SMTP_STEPS)[number]; readonly nth: number; readonly afterMs: number }
  /** The table is locked from the nth request on (0: from the start). `afterMs` undefined: killed while it waits. */
  | {
      readonly kind: 'table';
      readonly table: (typeof TABLES)[number];
      readonly fromRequest: number;
      readonly afterMs: number | undefined;
    }
  /** Embedded only: a commit reaches the disk through the journal. Counted from the nth request on. */
  | { readonly kind: 'journal'; readonly nth: number; readonly fromRequest: number; readonly afterMs: number };

const ON_SERVER = ['time', 'request', 'download', 'mail', 'mail', 'table', 'table', 'table'] as const;
const EMBEDDED = ['time', 'request', 'download', 'mail', 'mail', 'journal', 'journal', 'journal'] as const;

/** @param usualMs how long a run took that nobody disturbed */
export function drawPlan(chance: Chance, usualMs: number, isEmbedded = false): KillPlan {
  const afterMs = chance.of([0, 0, 1, 2, 5, 15]);
  switch (chance.of(isEmbedded ? EMBEDDED : ON_SERVER)) {
    case 'journal':
      return { kind: 'journal', nth: chance.between(1, 30), fromRequest: chance.of([0, 1, 3, 6, 9]), afterMs };
    case 'time':
      return { kind: 'time', ms: Math.round(chance.next() * usualMs) };
    case 'request':
      return { kind: 'request', nth: chance.between(1, 10), download: false, afterMs };
    case 'download':
      return { kind: 'request', nth: chance.between(1, 3), download: true, afterMs };
    case 'mail':
      return { kind: 'mail', at: chance.of([...SMTP_STEPS, 'message']), nth: chance.between(1, 3), afterMs };
    case 'table':
      return {
        kind: 'table',
        table: chance.of(TABLES),
        fromRequest: chance.of([0, 0, 3, 6, 9]),
        afterMs: chance.of([undefined, undefined, 0, 1, 3, 10]),
      };
  }
}

export function planText(plan: KillPlan): string {
  switch (plan.kind) {
    case 'time':
      return `after ${plan.ms} ms`;
    case 'request':
      return `${plan.afterMs} ms after ${plan.download ? 'download' : 'request'} ${plan.nth}`;
    case 'mail':
      return `${plan.afterMs} ms after "${plan.at}" ${plan.nth}`;
    case 'table':
      return `${plan.afterMs === undefined ? 'while it waits' : `${plan.afterMs} ms after it waited`} to write ${plan.table} (from request ${plan.fromRequest})`;
    case 'journal':
      return `${plan.afterMs} ms after write ${plan.nth} to the journal (from request ${plan.fromRequest})`;
  }
}

/**
 * Lets the program run until the plan's instant and kills it then.
 * @returns whether it was killed; false where it ended before
 */
export async function killBy(world: World, child: Child, plan: KillPlan): Promise<boolean> {
  const over = child.ended.then(() => undefined);
  const strike = async (afterMs: number): Promise<void> => {
    if (afterMs > 0) await Promise.race([wait(afterMs), over]);
    child.kill('SIGKILL');
  };
  try {
    switch (plan.kind) {
      case 'time':
        await strike(plan.ms);
        break;
      case 'request':
        await Promise.race([nthRequest(world, plan.nth, plan.download), over]);
        await strike(plan.afterMs);
        break;
      case 'mail': {
        let seen = 0;
        const met = new Promise<void>((resolve) => {
          world.ears.onSmtp = ({ at }) => {
            if (at === plan.at && ++seen === plan.nth) {
              // Before the server has answered this step, or else by the clock.
              if (plan.afterMs === 0) child.kill('SIGKILL');
              resolve();
            }
          };
        });
        await Promise.race([met, over]);
        await strike(plan.afterMs);
        break;
      }
      case 'table':
        await atTable(world, child, plan, strike);
        break;
      case 'journal':
        if (plan.fromRequest > 0) await Promise.race([nthRequest(world, plan.fromRequest, false), over]);
        await nthWrite(join(world.directory, 'data/db/pg_wal'), child, plan.nth);
        await strike(plan.afterMs);
    }
    const { signal } = await child.ended;
    return signal === 'SIGKILL';
  } finally {
    world.ears.onRequest = () => undefined;
    world.ears.onSmtp = () => undefined;
  }
}

/** @param until its answer waits for that */
function nthRequest(world: World, nth: number, download: boolean, until?: Promise<void>): Promise<void> {
  let seen = 0;
  return new Promise((resolve) => {
    world.ears.onRequest = ({ path }) => {
      if (download && !/\/(csv|files\/[^/]+|download)$/.test(path)) return undefined;
      if (++seen !== nth) return undefined;
      resolve();
      return until;
    };
  });
}

/** Waits for the nth change of a file in a directory, or for the end of the program. */
async function nthWrite(directory: string, child: Child, nth: number): Promise<void> {
  const exists = (): Promise<boolean> =>
    access(directory).then(
      () => true,
      () => false,
    );
  while (child.isRunning() && !(await exists())) await wait(5);
  if (!child.isRunning()) return;
  let seen = 0;
  let count = (): void => undefined;
  const met = new Promise<void>((resolve) => {
    count = () => {
      if (++seen === nth) resolve();
    };
  });
  const watcher = watch(directory, count);
  await Promise.race([met, child.ended]);
  watcher.close();
}

/** Holds the table against writers until one waits: the program then stands at that very statement. */
async function atTable(
  world: World,
  child: Child,
  plan: Extract<KillPlan, { kind: 'table' }>,
  strike: (afterMs: number) => Promise<void>,
): Promise<void> {
  let goOn = (): void => undefined;
  // A busy machine might let the program write before the table is held.
  const isHeld = new Promise<void>((resolve) => (goOn = resolve));
  if (plan.fromRequest > 0) await Promise.race([nthRequest(world, plan.fromRequest, false, isHeld), child.ended]);
  const { watcher, locker, schema } = world;
  const name = `${pg.escapeIdentifier(schema)}.${plan.table}`;
  const exists = async (): Promise<boolean> => {
    const { rows } = await watcher.query<{ it: string | null }>('select to_regclass($1)::text as it', [name]);
    return rows[0]?.it != null;
  };
  while (child.isRunning() && !(await exists())) await wait(5);
  if (!child.isRunning()) return;
  await locker.query('begin');
  try {
    await locker.query(`lock table ${name} in share mode`);
    goOn();
    // Once it waits it stands: asking more often hits no other instant, and takes half a core from the program.
    while (child.isRunning() && !(await world.isHeldUp(plan.table))) await wait(25);
    if (!child.isRunning()) return;
    if (plan.afterMs === undefined) await strike(0);
  } finally {
    goOn();
    await locker.query('rollback');
  }
  if (plan.afterMs !== undefined) await strike(plan.afterMs);
}
