/** The first page: is it well, when did and will it look, what does it know, what waits. */
import type { VersionRow } from '../../load/inspect.js';
import { counted, ukTime } from '../../print.js';
import { diffCounts } from '../../print-diff.js';
import type { Health } from '../health.js';
import { outcomeWords, type Status } from '../status.js';
import type { Seen } from '../view.js';
import { cell, facts, list, section, table, text, type Block, type Cell, type Page, type Section } from './content.js';
import { runSummary } from './runs.js';

/** So many rows of what is loaded; the rest is under Releases. */
const SHOWN = 15;

export function overviewPage({ status, stale, health, own }: Seen): Page {
  return {
    title: 'Overview',
    lead: stale === undefined ? '' : `As it was known at ${ukTime(stale)}.`,
    under: '/',
    sections: [
      section('', [
        verdict(health),
        health.attention.length === 0
          ? undefined
          : { kind: 'verdict', tone: 'warn', text: 'To look at:', reasons: health.attention },
        facts([
          ['Now', nowWords(own, status?.last_run ?? null)],
          ...(status === undefined ? ownFacts(own) : factsOf(status)),
        ]),
        status === undefined ? undefined : { kind: 'search', value: '' },
      ]),
      ...(status === undefined ? [] : sectionsOf(status)),
    ],
  };
}

/** @param run may be another process's, and is not known while the database answers nobody */
function nowWords({ role, runningSince, underWay }: Seen['own'], run: Status['last_run']): string {
  const found =
    underWay ??
    (run?.outcome === 'running' ? { runId: run.id, trigger: run.trigger, since: run.started_at } : undefined);
  const words = found && `run ${found.runId} (${found.trigger}) is under way since ${ukTime(found.since)}`;
  if (role === 'standby') return `standing by; ${words ?? 'another instance is active'}`;
  if (words !== undefined) return words;
  if (runningSince !== undefined) return `running since ${ukTime(runningSince)}`;
  return role === 'starting' ? 'waiting for the database' : 'waiting for the next slot';
}

/** What the process knows without its database. */
function ownFacts({ lastReport: report }: Seen['own']): Fact[] {
  return report === undefined ? [] : [['Last run of this process', `Run ${report.runId}: ${report.outcome}`]];
}

type Fact = readonly [term: string, text: string, href?: string];

function factsOf({ last_run: run, mail, ...status }: Status): Fact[] {
  return [
    run === null
      ? ['Last run', 'none yet']
      : ['Last run', `${ukTime(run.started_at)}: ${outcomeWords(run)}`, `/runs/${run.id}`],
    ['Next slot', ukTimeOr(status.next_run, 'none')],
    ['EES last answered', ukTime(status.last_good_poll)],
    ['Last loaded', ukTime(status.last_load)],
    ['Loaded', `${counted(status.totals.rows, 'row')} of ${counted(status.totals.areas, 'area')}`, '/versions'],
    ['Mail', `${mail.waiting} waiting, ${mail.dead} given up${mail.paused === undefined ? '' : ', sending is paused'}`],
    ['Last mail sent', ukTime(mail.lastSentAt)],
  ];
}

function sectionsOf(status: Status): Section[] {
  const run = status.last_run;
  return [
    section('What is loaded', loaded(status.loaded)),
    section('What changed last', newestDiff(status)),
    section('The last run', run === null ? [text('There was no run yet.')] : [text(runSummary(run))]),
    ...(status.skipped.length === 0
      ? []
      : [
          section('Not downloaded', [
            list(status.skipped.map((each) => `${each.title} (${each.release}): ${each.reason}`)),
          ]),
        ]),
  ];
}

function verdict(health: Health): Block {
  return health.well
    ? { kind: 'verdict', tone: 'good', text: 'Well.', reasons: [] }
    : { kind: 'verdict', tone: 'bad', text: 'Ill:', reasons: health.reasons };
}

function ukTimeOr(at: Date | null, otherwise: string): string {
  return at === null ? otherwise : ukTime(at);
}

function loaded(rows: readonly VersionRow[]): Block[] {
  if (rows.length === 0)
    return [text('Nothing is loaded yet. "absence-watch run" fetches what is new, "absence-watch backfill" history.')];
  return [
    versionTable('Current data set versions, newest load first', rows.slice(0, SHOWN)),
    ...(rows.length > SHOWN
      ? [{ kind: 'links' as const, items: [{ text: `All ${rows.length} current versions`, href: '/versions' }] }]
      : []),
  ];
}

/** A table of data set versions, each a link to its page. */
export function versionTable(caption: string, rows: readonly VersionRow[]): Block {
  return table(
    caption,
    ['Release', 'Data set', 'Version', 'State', 'Published', 'Rows', 'Changes'],
    rows.map((row) => [
      cell(row.release, { href: `/versions/${row.id}` }),
      cell(row.data_set, { note: row.publication }),
      cell(row.data_set_version),
      stateCell(row),
      cell(ukTime(row.published_at)),
      cell(row.rows),
      cell(row.diff === null ? '' : changesWords(row.diff)),
    ]),
  );
}

/** '3,245 added, 280 gone': of the figures, against the version before. */
function changesWords({ added, gone, changed }: NonNullable<VersionRow['diff']>): string {
  const parts = [
    [added, 'added'],
    [gone, 'gone'],
    [changed, 'changed'],
  ] as const;
  const said = parts.filter(([count]) => count > 0).map(([count, what]) => counted(count, what, what));
  return said.length === 0 ? 'none' : said.join(', ');
}

/** The state with what the gates said. */
export function stateCell(row: VersionRow): Cell {
  const warned = row.gates.filter((gate) => gate.verdict === 'warn').length;
  const note = warned === 0 ? '' : counted(warned, 'warning');
  if (row.is_current) return cell('current', { tone: 'good', note });
  return cell(row.state, { tone: row.state === 'quarantined' || row.state === 'refused' ? 'bad' : 'plain', note });
}

function newestDiff({ newest_diff: diff }: Status): Block[] {
  if (diff === null) return [text('No version has replaced another yet.', true)];
  return [
    text(`${diff.data_set}, ${diff.release}, against the version before it: ${diffCounts(diff)}.`),
    { kind: 'links', items: [{ text: 'What changed', href: `/versions/${diff.version_id}` }] },
  ];
}
