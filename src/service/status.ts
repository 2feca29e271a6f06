/** The state of the service as `status` prints it and the page shows it. Reads only. */
import { sql } from 'kysely';
import * as z from 'zod';
import { openEdges } from '../alerts/operator.js';
import { mailHealth, type MailHealth } from '../alerts/queue-upkeep.js';
import { nextSlots, type Settings } from '../config.js';
import type { Store } from '../load/database.js';
import { lastRun, listVersionRows, loadedTotals, type RunRow, type VersionRow } from '../load/inspect.js';
import { stillLeftAlone } from '../extract/left-alone.js';
import { noticedText } from '../noticed.js';
import { counted, shortened, table, ukTime } from '../print.js';
import { changeText, diffCounts } from '../print-diff.js';
import { runTroubles } from '../run-troubles.js';
import { readSourceState, type SourceState, type Unmatched } from '../source-state.js';
import { stillUnmatched, unmatchedWords } from '../unmatched.js';
import { overlapWords, waitingSlots } from './overlap.js';
import { healthOf, overdueRelease, type Health, type Rhythm } from './health.js';

export interface Status {
  readonly health: Health;
  /** The one under way, if any. */
  readonly last_run: RunRow | null;
  readonly next_run: Date | null;
  readonly last_good_poll: string | null;
  /** When a data set version was last loaded. */
  readonly last_load: Date | null;
  /** Runs in a row that failed: EES could not be read, or they broke off. */
  readonly failures: number;
  readonly totals: { readonly versions: number; readonly rows: number; readonly areas: number };
  readonly loaded: readonly VersionRow[];
  readonly overdue: readonly string[];
  readonly quarantined: readonly VersionRow[];
  readonly refused: readonly VersionRow[];
  readonly mail: MailHealth;
  readonly degraded: SourceState['degraded'];
  /** Hosts that asked for time, which the schedule leaves alone until then. */
  readonly left_alone: SourceState['leftAlone'];
  readonly skipped: SourceState['skipped'];
  /** Entries of `data_sets` in the configuration that name nothing. */
  readonly unmatched: readonly Unmatched[];
  /** What was noticed at EES that brings no figures, newest last. */
  readonly noticed: SourceState['noticed'];
  /** Of the version loaded last among those that count. */
  readonly newest_diff:
    (VersionRow['diff'] & { readonly version_id: number; readonly data_set: string; readonly release: string }) | null;
  readonly warnings: readonly string[];
}

/** Gathers everything. @param now of the database's owner */
export async function statusOf(store: Store, settings: Settings, now: Date): Promise<Status> {
  const { config } = settings;
  const [versions, run, totals, mail, source, rhythms, edges, slots] = await Promise.all([
    listVersionRows(store),
    lastRun(store),
    loadedTotals(store),
    mailHealth(store),
    sourceStateOf(store),
    rhythmsOf(store),
    openEdges(store),
    waitingSlots(store),
  ]);
  const unmatched = stillUnmatched(source, config.sources);
  const overlap = overlapWords(slots, config.failuresBeforeMail);
  const troubles = runTroubles(edges);
  const overdue = withAnnounced(rhythms, source)
    .map((rhythm) => overdueRelease(rhythm, now))
    .filter((says) => says !== undefined);
  const pollExpected =
    source.lastGoodPoll === null ? undefined : nextSlots(config.schedule, new Date(source.lastGoodPoll), 2)[1];
  // A version that a later one of the same data set and release replaced needs nobody any more.
  const superseded = (row: VersionRow): boolean =>
    versions.some(
      (other) =>
        other.is_current &&
        other.id > row.id &&
        other.data_set === row.data_set &&
        other.release === row.release &&
        other.publication === row.publication,
    );
  const quarantined = versions.filter((row) => row.state === 'quarantined' && !superseded(row));
  const refused = versions.filter((row) => row.state === 'refused' && !superseded(row));
  const heldBack = [
    ...quarantined.map((row) => `quarantined: ${row.data_set}, ${row.release} (version ${row.id}): ${gateWords(row)}`),
    ...refused.map((row) => `refused: ${row.data_set}, ${row.release}: ${gateWords(row)}`),
    ...(run === undefined ? [] : troublesOf(run, source, troubles.brokenOff !== undefined)),
  ];
  // By publication: history loaded late is not what changed last.
  const [newest] = versions
    .filter((row) => row.state === 'loaded' && row.diff !== null && row.diff.previous_id !== null)
    .sort((a, b) => b.published_at.getTime() - a.published_at.getTime() || b.id - a.id);
  return {
    health: healthOf({
      now,
      source,
      troubles,
      overlap,
      pollExpected,
      mail,
      failuresBeforeMail: config.failuresBeforeMail,
      unmatched: unmatched.map(unmatchedWords),
      heldBack,
      overdue,
    }),
    last_run: run ?? null,
    next_run: nextSlots(config.schedule, now, 1)[0] ?? null,
    last_good_poll: source.lastGoodPoll,
    last_load: versions.find((row) => row.state === 'loaded')?.loaded_at ?? null,
    failures: Math.max(source.failures, troubles.brokenOff?.count ?? 0),
    totals,
    loaded: versions.filter((row) => row.is_current),
    overdue,
    quarantined,
    refused,
    mail,
    degraded: source.degraded,
    left_alone: stillLeftAlone(source.leftAlone, now.getTime()),
    skipped: source.skipped,
    unmatched,
    noticed: source.noticed,
    newest_diff:
      newest?.diff == null
        ? null
        : { ...newest.diff, version_id: newest.id, data_set: newest.data_set, release: newest.release },
    warnings: settings.warnings.map((warning) => warning.message),
  };
}

/** What a run leaves of its troubles; another version of the program may have left something else. */
const runDetail = z.object({
  error: z.string().nullish().catch(undefined),
  files: z
    .array(z.object({ file: z.string(), release: z.string(), outcome: z.string(), reason: z.string().nullable() }))
    .catch([]),
});

const MOST_FILES = 5;
const LONGEST_REASON = 300;

/** A sentence for each file that the run could not load, and for an end before its time, where nothing else tells it. */
function troublesOf(run: RunRow, source: SourceState, isBrokenOffTold: boolean): string[] {
  const { error, files } = runDetail.parse(run.detail);
  const sentences: string[] = [];
  const isTold = source.failures > 0 || (isBrokenOffTold && run.trigger !== 'backfill');
  if (run.outcome === 'failed' && typeof error === 'string' && !isTold)
    sentences.push(`run ${run.id} (${run.trigger}) broke off: ${shortened(error, LONGEST_REASON)}`);
  // Files of EES that wait to be had are told with those of the runs before; a backfill's are not among them.
  if (run.trigger !== 'backfill' && source.degraded.some(({ failures }) => failures !== undefined)) return sentences;
  const failed = files.filter(({ outcome }) => outcome === 'failed');
  for (const { file, release, reason } of failed.slice(0, MOST_FILES))
    sentences.push(
      `run ${run.id} (${run.trigger}) could not load ${file} (${release}): ${shortened(reason ?? 'no reason was noted', LONGEST_REASON)}`,
    );
  if (failed.length > MOST_FILES)
    sentences.push(`${failed.length - MOST_FILES} more files of run ${run.id} could not be loaded`);
  return sentences;
}

function gateWords(row: VersionRow): string {
  return row.gates
    .filter((gate) => gate.verdict === 'quarantine')
    .map((gate) => `${gate.gate}: ${gate.message}`)
    .join('; ');
}

/** The stored state of the sources. */
export async function sourceStateOf(store: Store): Promise<SourceState> {
  const row = await store.db.selectFrom('source_state').select('state').where('source', '=', 'ees').executeTakeFirst();
  return readSourceState(row?.state);
}

async function rhythmsOf(store: Store): Promise<Omit<Rhythm, 'announced'>[]> {
  const rows = await store.db
    .selectFrom('release')
    .select(['publication', sql<Date[]>`array_agg(first_published)`.as('published')])
    .groupBy('publication')
    .execute();
  return rows;
}

/** For each publication what is overdue of it, in words; `says` is undefined where nothing is. */
export async function overdueNow(
  store: Store,
  now: Date,
): Promise<{ readonly publication: string; readonly says: string | undefined }[]> {
  const [source, rhythms] = await Promise.all([sourceStateOf(store), rhythmsOf(store)]);
  return withAnnounced(rhythms, source).map((rhythm) => ({
    publication: rhythm.publication,
    says: overdueRelease(rhythm, now),
  }));
}

function withAnnounced(rhythms: readonly Omit<Rhythm, 'announced'>[], source: SourceState): Rhythm[] {
  const announced = new Map(source.next.map((each) => [each.publication, each.nextReleaseDate ?? undefined]));
  return rhythms.map((rhythm) => ({ ...rhythm, announced: announced.get(rhythm.publication) }));
}

/** So many are in the text; all that are kept are in the JSON. */
const NOTICED_SHOWN = 5;

/** So many changed figures are in the text. */
const CHANGES_SHOWN = 5;

function diffText(diff: NonNullable<Status['newest_diff']>): string {
  const { data_set, release, version_id, changed, gone } = diff;
  const shown = diff.sample.slice(0, CHANGES_SHOWN);
  const more = changed - shown.length;
  const all = `absence-watch versions diff ${version_id}`;
  return [
    `Newest diff (${data_set}, ${release}): ${diffCounts(diff)}.`,
    ...shown.map((each) => `  - ${changeText(each)}`),
    ...(more > 0 ? [`  and ${more.toLocaleString('en-GB')} more: ${all}`] : []),
    ...(gone > 0 && more <= 0 ? [`  those that are gone: ${all}`] : []),
  ].join('\n');
}

/** A verdict; of a gate that was overridden with the reason that was given, the last one where there were several. */
function verdictWords({ history }: VersionRow, { gate, verdict }: VersionRow['gates'][number]): string {
  const reason =
    verdict === 'accepted' ? history.findLast(({ what }) => what === `accepted ${gate}`)?.reason : undefined;
  // One line, as all of the list.
  return reason === undefined || reason === '' ? verdict : `${verdict}: ${reason.replaceAll(/\s+/g, ' ')}`;
}

/** How a run ended; of one that did so without a word nobody knows when. */
export function outcomeWords({ outcome }: RunRow): string {
  return outcome === 'abandoned' ? 'ended without a word (kill, power cut)' : outcome;
}

function endWords(run: RunRow): string {
  const { started_at: from, finished_at: to } = run;
  const took = to === null || run.outcome === 'abandoned' ? undefined : to.getTime() - from.getTime();
  return `${outcomeWords(run)}${took === undefined ? '' : `, took ${Math.max(1, Math.round(took / 1000))} s`}`;
}

/** The status in words. */
export function statusText(status: Status): string {
  const { health, mail } = status;
  const parts: string[] = [];
  parts.push(
    [
      health.well
        ? `Well${health.attention.length === 0 ? '.' : ', but there is something to look at:'}`
        : `Ill: ${health.reasons.join('; ')}.${health.attention.length === 0 ? '' : '\n\nAlso to look at:'}`,
      ...health.attention.map((each) => `  - ${each}`),
    ].join('\n'),
  );
  const run = status.last_run;
  parts.push(
    [
      run === null ? 'No run yet.' : `Last run ${run.id} (${run.trigger}) ${ukTime(run.started_at)}: ${endWords(run)}.`,
      `${status.last_good_poll === null ? 'EES has answered no run of the schedule yet' : `EES last answered: ${ukTime(status.last_good_poll)}`}. Last loaded: ${ukTime(status.last_load)}.`,
      status.next_run === null
        ? 'No next slot.'
        : `Next slot of the schedule (while "start" runs): ${ukTime(status.next_run)}.`,
    ].join('\n'),
  );
  parts.push(
    status.loaded.length === 0
      ? 'Nothing is loaded yet: "absence-watch run" fetches what is new, "absence-watch backfill" history.'
      : [
          `Loaded: ${counted(status.totals.versions, 'current data set version')}, ${counted(status.totals.rows, 'row')}, ${counted(status.totals.areas, 'area')}.`,
          table(
            ['id', 'publication', 'release', 'data set', 'version', 'rows', 'published'],
            status.loaded.map((row) => [
              String(row.id),
              row.publication,
              row.release,
              row.data_set,
              row.data_set_version,
              String(row.rows),
              ukTime(row.published_at),
            ]),
          ),
        ].join('\n'),
  );
  const warned = status.loaded.filter((row) => row.gates.length > 0);
  if (warned.length > 0)
    parts.push(
      [
        'Gates that warned:',
        ...warned.flatMap((row) =>
          row.gates.map(
            (gate) => `  - ${row.data_set}, ${row.release}: ${gate.gate}: ${gate.message} (${verdictWords(row, gate)})`,
          ),
        ),
      ].join('\n'),
    );
  if (status.newest_diff !== null) parts.push(diffText(status.newest_diff));
  parts.push(
    `Mail: ${counted(mail.waiting, 'waiting', 'waiting')}${mail.unwritten === 0 ? '' : ` (${mail.unwritten} of them not written yet)`}, ${counted(mail.dead, 'given up', 'given up')}; last sent ${ukTime(mail.lastSentAt ?? null)}.${mail.heldForRules === 0 ? '' : ` A version was taken back: ${counted(mail.heldForRules, 'mail')} held until the next run.`}`,
  );
  if (status.noticed.length > 0)
    parts.push(
      [
        'Noticed at EES, without new figures:',
        ...status.noticed.slice(-NOTICED_SHOWN).map((each) => `  - ${noticedText(each)}`),
      ].join('\n'),
    );
  if (status.skipped.length > 0)
    parts.push(
      ['Not downloaded:', ...status.skipped.map((each) => `  - ${each.title} (${each.release}): ${each.reason}`)].join(
        '\n',
      ),
    );
  return parts.join('\n\n');
}
