/** Is it well? One verdict with reasons, for status, /healthz and the page. */
import type { MailHealth } from '../alerts/queue-upkeep.js';
import { troubleWords, type RunTroubles } from '../run-troubles.js';
import { API_NAMES, stillLeftAlone } from '../extract/left-alone.js';
import { ukTime } from '../print.js';
import type { SourceState } from '../source-state.js';

export interface HealthFacts {
  readonly now: Date;
  readonly source: SourceState;
  /** Runs that broke off, mails that cannot be written. */
  readonly troubles: RunTroubles;
  /** That a run keeps too many slots waiting, in a sentence. */
  readonly overlap: string | undefined;
  /** When EES should have answered again at the latest, by the schedule: the second slot after its last answer. */
  readonly pollExpected: Date | undefined;
  readonly mail: MailHealth;
  readonly failuresBeforeMail: number;
  /** Entries of the configuration that name nothing, a sentence each. */
  readonly unmatched: readonly string[];
  /** Sentences about data set versions held back or refused, and files that the last run could not load, one each. */
  readonly heldBack: readonly string[];
  readonly overdue: readonly string[];
}

export interface Health {
  readonly well: boolean;
  /** Why not; empty when well. */
  readonly reasons: readonly string[];
  /** What a person should look at, though the service is well. */
  readonly attention: readonly string[];
}

/** Every usual schedule polls daily: after this long without an answer something is wrong … */
const POLL_MAY_BE_OLD_MS = 26 * 3_600_000;
/** … unless the schedule looks less often: then this long after a slot that should have been answered. */
const SLOT_MAY_BE_LATE_MS = 2 * 3_600_000;
const MAIL_MAY_WAIT_MS = 6 * 3_600_000;

export function healthOf(facts: HealthFacts): Health {
  const { now, source, mail } = facts;
  const age = (at: string | Date | null | undefined): number =>
    at === null || at === undefined ? 0 : now.getTime() - new Date(at).getTime();
  const reasons: string[] = [];
  const attention: string[] = [];
  if (source.failures > 0)
    (source.failures >= facts.failuresBeforeMail ? reasons : attention).push(
      `the last ${source.failures === 1 ? 'run' : `${source.failures} runs`} failed${source.lastError === null ? '' : `: ${source.lastError}`}`,
    );
  reasons.push(...troubleWords(facts.troubles));
  if (
    source.lastPoll !== null &&
    age(source.lastGoodPoll ?? source.lastPoll) > POLL_MAY_BE_OLD_MS &&
    (facts.pollExpected === undefined || age(facts.pollExpected) > SLOT_MAY_BE_LATE_MS)
  )
    reasons.push(`EES last answered ${hours(age(source.lastGoodPoll ?? source.lastPoll))} ago`);
  if (mail.paused === undefined && mail.oldestWaiting !== undefined && age(mail.oldestWaiting) > MAIL_MAY_WAIT_MS)
    reasons.push(
      `a mail has waited for ${hours(age(mail.oldestWaiting))}${mail.lastAnswer === undefined ? '' : `; the mail server said: ${mail.lastAnswer}`}`,
    );
  if (mail.dead > 0)
    reasons.push(`${mail.dead} ${mail.dead === 1 ? 'mail was' : 'mails were'} given up (see "mail list")`);
  if (mail.held > 0)
    reasons.push(
      `${mail.held} old ${mail.held === 1 ? 'mail waits' : 'mails wait'} for your word: ${mail.holdReason ?? 'the database looks restored'}`,
    );
  if (facts.overlap !== undefined) attention.push(facts.overlap);
  if (mail.paused !== undefined) attention.push('sending is paused ("alerts resume" ends it)');
  for (const { api, until, said } of stillLeftAlone(source.leftAlone, now.getTime()))
    attention.push(
      `${API_NAMES[api]} asked for time until ${ukTime(until)} (${said}): the schedule does not ask it before`,
    );
  for (const { source: name, route, reason, missing, failures } of source.degraded)
    attention.push(
      failures !== undefined
        ? `${name}: ${reason}`
        : `${name}: ${route} does not answer as it should (${reason})${missing.length === 0 ? '' : `; missing meanwhile: ${missing.join(', ')}`}`,
    );
  attention.push(...facts.unmatched, ...facts.heldBack, ...facts.overdue);
  return { well: reasons.length === 0, reasons, attention };
}

function hours(ms: number): string {
  const count = Math.round(ms / 3_600_000);
  return count >= 48 ? `${Math.round(count / 24)} days` : `${count} hours`;
}

const DAY_MS = 86_400_000;
/** Days after an announced date, or after the end of an announced month, before a release counts as overdue. */
const GRACE_DAYS = 3;
/** A release this long before the announced date, or half the usual wait, is taken for an earlier one. */
const EARLY_DAYS = 60;
/** A rhythm is known from so many releases on. */
const KNOWN_FROM = 6;

/** What is known of a publication's releases. */
export interface Rhythm {
  readonly publication: string;
  /** First publication of each release, any order. */
  readonly published: readonly Date[];
  /** The publisher's word: 'YYYY', 'YYYY-MM' or 'YYYY-MM-DD'. */
  readonly announced: string | undefined;
}

/**
 * What is said of a release that should be out: by the publisher's announced date while that is to come, else by the past
 * rhythm. An announcement that nobody renews (they are typed by hand) does not stand in the way of the rhythm.
 */
export function overdueRelease({ publication, published, announced }: Rhythm, now: Date): string | undefined {
  const times = published.map((at) => at.getTime()).toSorted((a, b) => a - b);
  const newest = times.at(-1);
  const gaps = times.slice(1).map((at, index) => at - (times[index] ?? at));
  const span = announced === undefined ? undefined : spanOf(announced);
  if (span !== undefined) {
    if (now.getTime() <= span.end + GRACE_DAYS * DAY_MS) return undefined;
    const usual = gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? Infinity;
    const early = Math.min(EARLY_DAYS * DAY_MS, usual / 2);
    if (newest === undefined || newest < span.start - early)
      return `${publication}: a release was announced for ${announced ?? ''} and has not come`;
  }
  if (newest === undefined || times.length < KNOWN_FROM) return undefined;
  const longest = Math.max(...gaps);
  // The longest gap of the past holds the holidays; a quarter more is patience enough.
  return now.getTime() - newest > longest * 1.25 + GRACE_DAYS * DAY_MS
    ? `${publication}: nothing new for ${Math.round((now.getTime() - newest) / DAY_MS)} days; the longest wait so far was ${Math.round(longest / DAY_MS)}`
    : undefined;
}

/** Beginning and end of an announced day, month or year, in ms since the epoch. */
function spanOf(announced: string): { readonly start: number; readonly end: number } | undefined {
  const [, year, month, day] = /^(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?$/.exec(announced) ?? [];
  if (year === undefined) return undefined;
  const at = (years: number, months: number, days: number): number =>
    Date.UTC(Number(year) + years, (month === undefined ? 0 : Number(month) - 1) + months, Number(day ?? 1) + days);
  if (day !== undefined) return { start: at(0, 0, 0), end: at(0, 0, 1) };
  return { start: at(0, 0, 0), end: month === undefined ? at(1, 0, 0) : at(0, 1, 0) };
}

/** What a running service adds to what the database says. */
export interface ServiceTroubles {
  /** That the database does not answer, and why. */
  readonly down: string | undefined;
  readonly trouble: string | undefined;
  readonly brokenConfiguration: string | undefined;
  /** When the file of a newer configuration, which another service goes by, was changed. */
  readonly newerConfiguration: string | undefined;
}

/** The verdict on the service as a whole. */
export function withTroubles(health: Health, troubles: ServiceTroubles): Health {
  const reasons = [
    ...(troubles.down === undefined ? [] : [troubles.down]),
    ...(troubles.trouble === undefined ? [] : [`the service cannot do its rounds: ${troubles.trouble}`]),
    ...health.reasons,
  ];
  const attention = [
    ...(troubles.brokenConfiguration === undefined
      ? []
      : [
          `the configuration was changed and cannot be used, the one read before holds: ${troubles.brokenConfiguration}`,
        ]),
    ...(troubles.newerConfiguration === undefined
      ? []
      : [
          `another service has a newer configuration (changed ${troubles.newerConfiguration}) and evaluates by it; this one only delivers mail until it has the same`,
        ]),
    ...health.attention,
  ];
  return { well: reasons.length === 0, reasons, attention };
}
