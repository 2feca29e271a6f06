/** Metrics for Prometheus. docs/operate.md lists them; a test holds the two against each other. */
import { Counter, Gauge, Registry } from 'prom-client';
import { VERSION } from '../version.js';
import type { Status } from './status.js';
import type { Seen } from './view.js';

const PREFIX = 'absence_watch_';

/** Everything that is measured: name to help. */
export const METRICS = {
  info: 'Always 1; the label names the version of the program',
  started_timestamp_seconds: 'When this process began to serve (Unix time)',
  database_up: '1 while there is a database that answers or is busy with a load, 0 while it is down or waited for',
  up_to_date: '1 while the database answers, 0 while figures are those read last',
  well: '1 when healthy',
  active: '1 when this instance is the active one',
  run_seconds: 'Seconds that the run under way has taken so far, 0 when none is',
  last_run_timestamp_seconds: 'When the last run ended (Unix time)',
  last_run_success: '1 when the last run was done or done in part',
  runs_total: 'Runs of the schedule that ended in this process, by outcome (failed: those that broke off, too)',
  last_good_poll_timestamp_seconds: 'When EES last answered (Unix time)',
  last_load_timestamp_seconds: 'When a data set version was last loaded (Unix time)',
  failures_in_a_row: 'Runs in a row that failed',
  sources_degraded: 'Ways to EES that do not answer as they should',
  versions_current: 'Data set versions that are current',
  rows_current: 'Rows of figures that are current',
  versions_quarantined: 'Data set versions held back by a gate',
  releases_overdue: 'Expected releases that have not come',
  mails_waiting: 'Mails waiting to be sent',
  mails_dead: 'Mails given up',
  mails_held: 'Old mails that wait for a word after a restored backup',
  mail_oldest_waiting_seconds: 'Age of the oldest mail that waits',
  sending_paused: '1 while sending is paused',
} as const;

type Name = keyof typeof METRICS;

const OF_THE_PROCESS: ReadonlySet<Name> = new Set<Name>([
  'started_timestamp_seconds',
  'database_up',
  'up_to_date',
  'well',
  'active',
  'run_seconds',
]);

export interface Metrics {
  readonly contentType: string;
  /** The text that Prometheus reads. */
  text(seen: Seen, now: Date): Promise<string>;
}

/** @param started when the process began to serve */
export function createMetrics(started: Date): Metrics {
  const registry = new Registry();
  const gauges = new Map<Name, Gauge>();
  for (const name of Object.keys(METRICS) as Name[])
    if (name !== 'info' && name !== 'runs_total')
      gauges.set(name, new Gauge({ name: PREFIX + name, help: METRICS[name], registers: [registry] }));
  const set = (name: Name, value: number): void => {
    gauges.get(name)?.set(value);
  };
  new Gauge({ name: `${PREFIX}info`, help: METRICS.info, labelNames: ['version'], registers: [registry] }).set(
    { version: VERSION },
    1,
  );
  const runs = new Counter({
    name: `${PREFIX}runs_total`,
    help: METRICS.runs_total,
    labelNames: ['outcome'],
    registers: [registry],
  });
  const seconds = (at: Date | string | null | undefined): number =>
    at === null || at === undefined ? 0 : new Date(at).getTime() / 1000;
  const age = (at: Date | undefined, now: Date): number =>
    at === undefined ? 0 : Math.max(0, (now.getTime() - at.getTime()) / 1000);

  const show = (status: Status, now: Date): void => {
    const { mail, last_run: run } = status;
    // While one is under way, the one before it still is the last that ended.
    if (run?.outcome !== 'running') {
      set('last_run_timestamp_seconds', seconds(run?.finished_at));
      set('last_run_success', run?.outcome === 'done' || run?.outcome === 'in part' ? 1 : 0);
    }
    set('last_good_poll_timestamp_seconds', seconds(status.last_good_poll));
    set('last_load_timestamp_seconds', seconds(status.last_load));
    set('failures_in_a_row', status.failures);
    set('sources_degraded', status.degraded.length);
    set('versions_current', status.totals.versions);
    set('rows_current', status.totals.rows);
    set('versions_quarantined', status.quarantined.length);
    set('releases_overdue', status.overdue.length);
    set('mails_waiting', mail.waiting);
    set('mails_dead', mail.dead);
    set('mails_held', mail.held);
    set('mail_oldest_waiting_seconds', age(mail.oldestWaiting, now));
    set('sending_paused', mail.paused === undefined ? 0 : 1);
  };
  /** A nought would be a figure: what the database alone knows has no sample as long as it was never read. */
  const forget = (): void => {
    for (const [name, gauge] of gauges) if (!OF_THE_PROCESS.has(name)) gauge.remove();
  };

  return {
    contentType: registry.contentType,
    text({ status, health, stale, down, own }, now) {
      // Counted when they end, not when somebody asks.
      runs.reset();
      for (const [outcome, count] of own.runsEnded) runs.inc({ outcome }, count);
      set('started_timestamp_seconds', seconds(started));
      set('database_up', down === undefined ? 1 : 0);
      set('up_to_date', status === undefined || stale !== undefined ? 0 : 1);
      set('well', health.well ? 1 : 0);
      set('active', own.role === 'active' ? 1 : 0);
      set('run_seconds', age(own.runningSince, now));
      if (status === undefined) forget();
      else show(status, now);
      return registry.metrics();
    },
  };
}
