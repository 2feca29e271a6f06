/**
 * The unattended life: hold the lease, run when a slot is due, deliver mail, answer on the socket and on HTTP, drain at
 * the end. node-cron ticks; the truth about slots stands in the database (slots.ts).
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { createTask, type ScheduledTask } from 'node-cron';
import type { Logger } from 'pino';
import { nextSlots, type Settings } from '../config.js';
import type { Store } from '../load/database.js';
import { RunHeldError } from '../load/errors.js';
import { deliverQueue } from '../mail-server.js';
import { runOnce, type RunReport } from '../pipeline.js';
import { holdLease, releaseLease } from './lease.js';
import { claimSlot, collapseUnfinished, settleSlot } from './slots.js';

export interface ServiceOptions {
  readonly store: Store;
  /** Read again on `reload`; the old ones stay where the new are broken. */
  readonly settings: Settings;
  readonly log: Logger;
  readonly now: () => Date;
  /** Aborted to drain: what is under way may end, nothing new begins. */
  readonly signal: AbortSignal;
  /** ms between looks at lease, slots and queue. */
  readonly beatMs?: number;
  /** ms that a run may still take after the signal. */
  readonly graceMs?: number;
}

export interface ServiceState {
  role: 'active' | 'standby' | 'starting';
  running: boolean;
  lastReport: RunReport | undefined;
  /** When the loop last came round: an old one means that the process hangs. */
  lastBeat: Date;
}

export interface Service {
  readonly state: Readonly<ServiceState>;
  /** Settings for everything from now on. */
  reload(settings: Settings): void;
  settings(): Settings;
  /** Ends when drained. */
  readonly ended: Promise<void>;
}

const BEAT_MS = 10_000;
const GRACE_MS = 60_000;
/** A run that lost its lease to a pause of the process must not be joined by a second one: the run lock sees to that. */
export function startService(options: ServiceOptions): Service {
  const { store, log, now, signal } = options;
  const holder = `${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`;
  const beatMs = options.beatMs ?? BEAT_MS;
  let settings = options.settings;
  const state: ServiceState = { role: 'starting', running: false, lastReport: undefined, lastBeat: now() };
  const hardStop = new AbortController();
  let tasks: ScheduledTask[] = [];
  let wake: (() => void) | undefined;

  const next = (after: Date, count: number): Date[] => nextSlots(settings.config.schedule, after, count);

  function schedule(): void {
    for (const task of tasks) void task.destroy();
    tasks = settings.config.schedule.cron.map((expression) => {
      const task = createTask(expression, () => wake?.(), { timezone: settings.config.schedule.timezone });
      void task.start();
      return task;
    });
  }

  async function becomeActive(): Promise<boolean> {
    const token = store.kind === 'embedded' ? 1 : await holdLease(store, holder);
    if (token === undefined) {
      if (state.role !== 'standby') log.info({ holder }, 'another service is active on this database: standing by');
      state.role = 'standby';
      return false;
    }
    if (state.role !== 'active') {
      log.info({ holder, token }, 'this service is the active one');
      const unfinished = await collapseUnfinished(store);
      state.role = 'active';
      // A slot that died with its process is owed: run at once, for all of them.
      if (unfinished > 0) await run('catch-up');
    }
    return true;
  }

  async function run(trigger: 'schedule' | 'catch-up'): Promise<number | undefined> {
    state.running = true;
    const renewal = setInterval(() => {
      if (store.kind === 'postgres')
        holdLease(store, holder).catch((error: unknown) => {
          log.warn({ error: String(error) }, 'the lease could not be renewed');
        });
    }, beatMs);
    try {
      const report = await runOnce({ store, settings, log, now, signal: hardStop.signal, trigger });
      state.lastReport = report;
      return report.runId;
    } finally {
      clearInterval(renewal);
      state.running = false;
    }
  }

  async function beat(): Promise<void> {
    state.lastBeat = now();
    if (await becomeActive()) {
      const slot = await claimSlot(store, next, now());
      if (slot !== undefined) {
        if (slot.missed > 0)
          log.warn({ missed: slot.missed, dueAt: slot.dueAt }, 'slots were missed: this run stands for them');
        try {
          const runId = await run(slot.missed > 0 ? 'catch-up' : 'schedule');
          await settleSlot(store, slot.dueAt, 'done', runId ?? null);
        } catch (error) {
          if (!(error instanceof RunHeldError)) throw error;
          log.info({ dueAt: slot.dueAt, holder: error.holder }, 'a run is under way: this slot is skipped');
          await settleSlot(store, slot.dueAt, 'overlap', null);
        }
      }
    }
    // Whoever stands by delivers too: a queue needs no lease.
    await deliverQueue({ store, settings, log, now, signal });
  }

  async function loop(): Promise<void> {
    schedule();
    while (!signal.aborted) {
      try {
        await beat();
      } catch (error) {
        log.error(
          { error: error instanceof Error ? error.message : String(error) },
          'this round failed; the next one tries again',
        );
      }
      if (signal.aborted) break;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, beatMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
        signal.addEventListener('abort', wake, { once: true });
      });
      wake = undefined;
    }
    for (const task of tasks) await task.destroy();
    if (store.kind === 'postgres') await releaseLease(store, holder).catch(() => undefined);
  }

  signal.addEventListener(
    'abort',
    () => {
      log.info('draining: what is under way may end');
      setTimeout(() => {
        hardStop.abort(new Error('the grace time is over'));
      }, options.graceMs ?? GRACE_MS).unref();
    },
    { once: true },
  );

  return {
    state,
    settings: () => settings,
    reload(fresh) {
      settings = fresh;
      schedule();
      log.info('the configuration was read again');
    },
    ended: loop(),
  };
}
