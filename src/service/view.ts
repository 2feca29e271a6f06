/** What can be said of the service at this moment: by its database, and by the process itself. */
import type { Logger } from 'pino';
import type { Settings } from '../config.js';
import type { Store } from '../load/database.js';
import { runningHere, type RunUnderWay } from '../load/runs.js';
import { createBoard, type Board } from './board.js';
import { withTroubles, type Health } from './health.js';
import type { Service, ServiceState } from './service.js';
import type { Status } from './status.js';

/** The service on its open database, or why there is none yet. */
export type Subject =
  | { readonly kind: 'open'; readonly store: Store; readonly service: Service }
  | {
      readonly kind: 'waiting';
      readonly why: string;
      /** Another process has the database: to stand by for it is well. */
      readonly standby: boolean;
      /** Migrations that others have to apply first. */
      readonly pending?: readonly string[];
    };

export type OpenSubject = Extract<Subject, { kind: 'open' }>;

export interface Seen {
  /** As the database has it, or had it at `stale`; undefined where nothing was read of it yet. */
  readonly status: Status | undefined;
  readonly stale: Date | undefined;
  /** Why there is no database to ask, in words; undefined while there is one, be it busy. */
  readonly down: string | undefined;
  /** The verdict of the database's state and of this process together. */
  readonly health: Health;
  /** As /healthz says it: whoever stands by is well. */
  readonly well: boolean;
  /** What the process knows of itself. */
  readonly own: Pick<ServiceState, 'role' | 'runningSince' | 'lastReport' | 'runsEnded'> & {
    /** Its own run, or one of a command that it runs for somebody. */
    readonly underWay: RunUnderWay | undefined;
  };
}

export interface View {
  /** Never fails: while the database is down it tells what was read last and what the process knows. */
  look(): Promise<Seen>;
  /** @throws StillWaiting while there is no database */
  open(): OpenSubject;
}

/** What was asked for needs the database, which the service still waits for. */
export class StillWaiting extends Error {
  override readonly name = 'StillWaiting';
}

export interface ViewOptions {
  readonly subject: () => Subject;
  readonly settings: () => Settings;
  readonly log: Logger;
  readonly now: () => Date;
}

const NOTHING_KNOWN: Health = { well: true, reasons: [], attention: [] };

export function createView({ subject, settings, log, now }: ViewOptions): View {
  let board: Board | undefined;
  let saidBefore: string | undefined;
  return {
    async look() {
      const found = subject();
      if (found.kind === 'waiting') return waitingFor(found.why, found.standby);
      const { store, service } = found;
      board ??= createBoard(store, settings, now);
      const { status, stale, down: said } = await board.read();
      if (said !== saidBefore) {
        if (said !== undefined) log.warn({ error: said }, 'the state of the service could not be read');
        saidBefore = said;
      }
      const { state } = service;
      const down = said === undefined ? undefined : `the database does not answer: ${said}`;
      const health = withTroubles(status?.health ?? NOTHING_KNOWN, {
        down,
        trouble: state.trouble,
        brokenConfiguration: state.brokenConfiguration,
        newerConfiguration: state.newer?.modified,
      });
      // Whoever stands by is well as long as it can see the database; the active one answers for the work.
      const well = health.well || (state.role === 'standby' && state.trouble === undefined && down === undefined);
      return { status, stale, down, health, well, own: { ...state, underWay: runningHere(store) } };
    },
    open() {
      const found = subject();
      if (found.kind === 'waiting') throw new StillWaiting(found.why);
      return found;
    },
  };
}

function waitingFor(why: string, standby: boolean): Seen {
  return {
    status: undefined,
    stale: undefined,
    down: why,
    health: standby ? { well: true, reasons: [], attention: [why] } : { well: false, reasons: [why], attention: [] },
    well: standby,
    own: {
      role: standby ? 'standby' : 'starting',
      runningSince: undefined,
      lastReport: undefined,
      runsEnded: new Map(),
      underWay: undefined,
    },
  };
}
