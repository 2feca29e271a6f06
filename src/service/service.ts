/**
 * The unattended life: hold the lease, run when a slot is due, deliver mail, drain at the end. Each of these goes on
 * while a run takes its time. node-cron ticks; the truth about slots stands in the database (slots.ts).
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { createTask, type ScheduledTask } from 'node-cron';
import type { Logger } from 'pino';
import { operatorEdge } from '../alerts/operator.js';
import type { Settings } from '../config.js';
import type { Store } from '../load/database.js';
import { RunHeldError } from '../load/errors.js';
import { prune } from '../load/prune.js';
import { getSetting } from '../load/runs.js';
import { operatorPost } from '../mail-server.js';
import { runOnce, type RunReport } from '../pipeline.js';
import { retentionAt } from '../retention.js';
import { startDelivery } from './delivery.js';
import { configurationOf, holdLease, newerConfiguration, releaseLease, type Configuration } from './lease.js';
import { tellOverlap } from './overlap.js';
import { pause } from './pause.js';
import {
  changedTo,
  claimSlot,
  noteOverlap,
  postponeSlot,
  recoverSlots,
  settleSlot,
  slotsOf,
  type ClaimedSlot,
  type NextSlots,
} from './slots.js';
import { overdueNow } from './status.js';

export interface ServiceOptions {
  readonly store: Store;
  /** Read again on `reload`; the old ones stay where the new are broken. */
  readonly settings: Settings;
  readonly log: Logger;
  readonly now: () => Date;
  /** Aborted to drain: what is under way may end, nothing new begins. */
  readonly signal: AbortSignal;
  /** ms between looks at lease and slots. */
  readonly beatMs?: number;
  /** ms between looks at the queue of mails, at most. */
  readonly deliverMs?: number;
  /** ms that what is under way may still take after the signal. */
  readonly graceMs?: number;
}

export interface ServiceState {
  role: 'active' | 'standby' | 'starting';
  /** Since when a run of this process is under way. */
  runningSince: Date | undefined;
  lastReport: RunReport | undefined;
  /** How many runs of this process have ended, by outcome; one that broke off is among the failed. */
  runsEnded: ReadonlyMap<string, number>;
  /** When the loop last came round: an old one means that the process hangs. */
  lastBeat: Date;
  /** A newer configuration that another service goes by; this one then only delivers mail. */
  newer: Configuration | undefined;
  /** Why the last round failed; undefined when it did not. */
  trouble: string | undefined;
  /** Why the configuration could not be read again; undefined when it could. */
  brokenConfiguration: string | undefined;
}

export interface Service {
  readonly state: Readonly<ServiceState>;
  /** Settings for everything from now on. */
  reload(settings: Settings): void;
  /** The configuration cannot be used: the old one stays, and health says so. */
  refuse(why: string): void;
  readonly settings: () => Settings;
  /** Aborted when the grace time after the signal is over, with the signal's reason: what is still under way is to stop. */
  readonly graceOver: AbortSignal;
  /** Ends when drained. */
  readonly ended: Promise<void>;
}

const BEAT_MS = 10_000;
const DELIVER_MS = 15_000;
const GRACE_MS = 60_000;
/** After runs that broke off (not: EES was down) the next one waits twice as long each time, up to this. */
const LONGEST_WAIT_MS = 15 * 60_000;
const DAY_MS = 86_400_000;

export function startService(options: ServiceOptions): Service {
  const service = new RunningService(options);
  return {
    state: service.state,
    settings: () => service.settings,
    reload: (settings) => {
      service.reload(settings);
    },
    refuse: (why) => {
      service.state.brokenConfiguration = why;
    },
    graceOver: service.graceOver,
    ended: service.live(),
  };
}

class RunningService {
  readonly state: ServiceState;
  settings: Settings;
  readonly #holder = `${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`;
  readonly #hardStop = new AbortController();
  readonly graceOver = this.#hardStop.signal;
  readonly #rest;
  readonly #delivery;
  readonly #beatMs: number;
  #configuration: Promise<Configuration>;
  #next: NextSlots;
  #tasks: ScheduledTask[] = [];
  #run: Promise<void> | undefined;
  /** Slots may stand as running although nothing runs: at first, and after a run that broke off. */
  #recover = true;
  #brokenOff = 0;
  #notBefore = 0;
  /** When retention was last applied (ms since the epoch). */
  #pruned = 0;

  constructor(private readonly options: ServiceOptions) {
    const { store, settings, log, now, signal } = options;
    this.settings = settings;
    this.#beatMs = options.beatMs ?? BEAT_MS;
    this.#rest = pause(signal);
    this.#configuration = configurationOf(settings);
    this.#next = slotsOf(settings.config.schedule);
    this.#delivery = startDelivery({ store, settings, log, now, signal, everyMs: options.deliverMs ?? DELIVER_MS });
    this.state = {
      role: 'starting',
      runningSince: undefined,
      lastReport: undefined,
      runsEnded: new Map(),
      lastBeat: now(),
      newer: undefined,
      trouble: undefined,
      brokenConfiguration: undefined,
    };
    signal.addEventListener(
      'abort',
      () => {
        log.info('draining: what is under way may end');
        setTimeout(() => {
          log.warn('the grace time is over: what is still under way is stopped');
          this.#hardStop.abort(signal.reason);
        }, options.graceMs ?? GRACE_MS).unref();
      },
      { once: true },
    );
  }

  async live(): Promise<void> {
    const { store, log, signal } = this.options;
    this.#schedule();
    while (!signal.aborted) {
      await this.#round();
      await this.#rest.for(this.#beatMs);
    }
    for (const task of this.#tasks) await task.destroy();
    await this.#run;
    await this.#delivery.ended;
    if (store.kind === 'postgres')
      await releaseLease(store, this.#holder).catch((error: unknown) => {
        log.warn({ error: String(error) }, 'the lease could not be given back: it runs out by itself');
      });
  }

  reload(fresh: Settings): void {
    this.settings = fresh;
    this.#next = changedTo(this.#next, slotsOf(fresh.config.schedule), this.options.now());
    this.#configuration = configurationOf(fresh);
    this.state.brokenConfiguration = undefined;
    this.#delivery.reload(fresh);
    this.#schedule();
    this.#rest.end();
    this.options.log.info('the configuration was read again');
  }

  #schedule(): void {
    for (const task of this.#tasks) void task.destroy();
    const { cron, timezone } = this.settings.config.schedule;
    this.#tasks = cron.map((expression) => {
      // A tick that comes late or not at all costs nothing: the next round finds the slot.
      const task = createTask(
        expression,
        () => {
          this.#rest.end();
        },
        { timezone, suppressMissedWarning: true },
      );
      void task.start();
      return task;
    });
  }

  async #round(): Promise<void> {
    const { log, now } = this.options;
    try {
      if (await this.#isActive()) await this.#lookAtSlots();
      if (this.state.trouble !== undefined) log.info('the rounds go on again');
      this.state.trouble = undefined;
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      if (said !== this.state.trouble) log.error({ error: said }, 'this round failed; the next one tries again');
      this.state.trouble = said;
    }
    this.state.lastBeat = now();
  }

  async #isActive(): Promise<boolean> {
    const { store, log } = this.options;
    if (store.kind === 'embedded') {
      this.state.role = 'active';
      return true;
    }
    const newer = await newerConfiguration(store, await this.#configuration);
    if (newer !== undefined && this.state.newer === undefined)
      log.warn({ newer }, 'another service has a newer configuration and evaluates by it; this one only delivers mail');
    this.state.newer = newer;
    const token = newer === undefined ? await holdLease(store, this.#holder) : undefined;
    if (token === undefined) {
      if (newer !== undefined && this.state.role === 'active') await releaseLease(store, this.#holder);
      if (this.state.role !== 'standby') log.info('another service is active on this database: standing by');
      this.state.role = 'standby';
      return false;
    }
    if (this.state.role !== 'active') {
      log.info({ holder: this.#holder, token }, 'this service is the active one');
      this.state.role = 'active';
      this.#recover = true;
    }
    return true;
  }

  async #lookAtSlots(): Promise<void> {
    const { store, log, now, signal } = this.options;
    const next = this.#next;
    if (this.#run !== undefined) {
      // What follows a run is short: the next round looks again.
      if (this.state.runningSince === undefined) return;
      const met = await noteOverlap(store, next, 'a run of the service', now());
      if (met === undefined) return;
      log.info({ dueAt: met.dueAt }, 'a run is under way: this slot waits for its end');
      await this.#tellOverlap();
      return;
    }
    if (signal.aborted || Date.now() < this.#notBefore) return;
    if (this.#recover) await recoverSlots(store);
    this.#recover = false;
    const slot = await claimSlot(store, next, now());
    if (slot === undefined) return;
    if (slot.missed > 0)
      log.warn({ missed: slot.missed, dueAt: slot.dueAt }, 'slots were missed: one run stands for them');
    this.#run = this.#serve(slot).finally(() => {
      this.#run = undefined;
      this.#delivery.wake();
      this.#rest.end();
    });
  }

  /** Runs for a slot. Never throws: whatever happens, the slot is served, waits, or is recovered. */
  async #serve(slot: ClaimedSlot): Promise<void> {
    const { store, log, now } = this.options;
    const { settings } = this;
    this.state.runningSince = now();
    try {
      const report = await runOnce({
        store,
        settings,
        log,
        now,
        signal: this.graceOver,
        trigger: slot.missed + slot.waited > 0 ? 'catch-up' : 'schedule',
        composed: (await getSetting(store, 'composed')) === true,
        mailServer: this.#delivery.server(),
      }).catch((error: unknown) => {
        if (!(error instanceof RunHeldError)) this.#countRun('failed');
        throw error;
      });
      this.#countRun(report.outcome);
      this.state.lastReport = report;
      this.state.runningSince = undefined;
      this.#brokenOff = 0;
      await settleSlot(store, slot.dueAt, report.runId);
      await this.#tellOverlap();
      await tellOverdue(store, settings, now()).catch((error: unknown) => {
        log.warn({ error: String(error) }, 'the operator cannot be told of overdue releases; the next run tries again');
      });
      await this.#keepHouse();
    } catch (error) {
      if (error instanceof RunHeldError) await this.#postpone(slot, error);
      else {
        this.#recover = true;
        const wait = Math.min(this.#beatMs * 2 ** this.#brokenOff++, LONGEST_WAIT_MS);
        this.#notBefore = Date.now() + wait;
        log.error({ error: error instanceof Error ? error.message : String(error) }, 'the run broke off');
      }
    } finally {
      this.state.runningSince = undefined;
    }
  }

  #countRun(outcome: RunReport['outcome']): void {
    const { runsEnded } = this.state;
    this.state.runsEnded = new Map(runsEnded).set(outcome, (runsEnded.get(outcome) ?? 0) + 1);
  }

  /** Once a day what is older than the retention setting goes. */
  async #keepHouse(): Promise<void> {
    const { store, log, now } = this.options;
    if (now().getTime() - this.#pruned < DAY_MS) return;
    this.#pruned = now().getTime();
    const gone = await prune(store, retentionAt(this.settings.config.retention, now()), {
      now: now(),
      dryRun: false,
    });
    log.info(gone, 'what is older than the retention setting is gone');
  }

  async #postpone(slot: ClaimedSlot, { holder }: RunHeldError): Promise<void> {
    const { store, log, now } = this.options;
    const met = holder === undefined ? 'another run' : `run ${holder.runId} (${holder.trigger})`;
    log.info({ dueAt: slot.dueAt, met }, 'another run is under way: this slot waits for its end');
    this.#notBefore = Date.now() + this.#beatMs;
    try {
      await postponeSlot(store, slot, met, now());
    } catch (error) {
      this.#recover = true;
      log.warn({ error: String(error) }, 'the slot could not be put back');
    }
    await this.#tellOverlap();
  }

  async #tellOverlap(): Promise<void> {
    const { store, log, now } = this.options;
    const { config } = this.settings;
    const teller = { post: operatorPost(this.settings), most: config.failuresBeforeMail, now: now() };
    await tellOverlap(store, teller).catch((error: unknown) => {
      log.warn({ error: String(error) }, 'the operator cannot be told of slots that wait; the next slot tries again');
    });
  }
}

/** Tells the operator once of each release that should be out and is not, and forgets it when it has come. */
async function tellOverdue(store: Store, settings: Settings, now: Date): Promise<void> {
  for (const { publication, says } of await overdueNow(store, now))
    await operatorEdge(
      store,
      operatorPost(settings),
      `overdue:${publication}`,
      says === undefined ? 'well' : 'ill',
      {
        ill: () => ({
          subject: `absence-watch: a release is overdue (${publication})`,
          text: [
            `${says ?? ''}.`,
            '',
            'Nothing is wrong with this program as far as it knows: EES answers, and has nothing new.',
            `See https://explore-education-statistics.service.gov.uk/find-statistics/${publication} for what is announced.`,
            'When the release comes it is loaded and mailed as ever; no second mail says so.',
          ].join('\n'),
        }),
      },
      now,
    );
}
