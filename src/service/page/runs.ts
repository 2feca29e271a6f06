/** Runs, and one run with what it wrote down. */
import * as z from 'zod';
import type { Store } from '../../load/database.js';
import { countRuns, listRuns, logOfRun, runRow, type RunLogLine, type RunRow } from '../../load/inspect.js';
import { counted, shortened, ukClock, ukTime } from '../../print.js';
import {
  cell,
  facts,
  list,
  pageLinks,
  section,
  table,
  text,
  type Block,
  type Cell,
  type Page,
  type Tone,
} from './content.js';

const A_PAGE = 100;

const number = z.number().optional().catch(undefined);
const texts = z.array(z.string()).catch([]);

/** What a run leaves in its record; another version of the program may have left something else. */
const detail = z.object({
  loaded: number,
  events: number,
  requests: number,
  bytes: number,
  slots: number,
  met: z.string().optional().catch(undefined),
  error: z.string().nullish().catch(undefined),
  mails: z.object({ composed: number, sent: number, retried: number, dead: number }).optional().catch(undefined),
  files: z
    .array(
      z.object({
        file: z.string(),
        release: z.string(),
        outcome: z.string(),
        version: z.string().nullable(),
        rows: z.number(),
        reason: z.string().nullable(),
      }),
    )
    .catch([]),
  degraded: z.array(z.object({ source: z.string(), route: z.string(), reason: z.string(), missing: texts })).catch([]),
  notes: texts,
});

export function outcomeCell(outcome: string): Cell {
  const tone =
    outcome === 'done'
      ? 'good'
      : outcome === 'failed' || outcome === 'abandoned'
        ? 'bad'
        : outcome === 'in part'
          ? 'warn'
          : 'plain';
  return cell(outcome, { tone });
}

function tookWords(run: RunRow): string {
  if (run.finished_at === null) return '';
  const seconds = Math.round((run.finished_at.getTime() - run.started_at.getTime()) / 1000);
  return seconds < 120 ? `${seconds}\u00a0s` : `${Math.round(seconds / 60)}\u00a0min`;
}

/** What a run did, in a sentence. */
export function runSummary(run: RunRow): string {
  const said = detail.parse(run.detail);
  if (run.outcome === 'missed')
    return `${counted(said.slots ?? 0, 'slot')} had passed without a service; the next run stood for them.`;
  if (run.outcome === 'overlap') return `Slots met ${said.met ?? 'another run'} and waited for its end.`;
  if (run.outcome === 'running') return 'Under way.';
  if (run.outcome === 'abandoned')
    return `Ended without a word (kill, power cut); ${run.finished_at === null ? 'the next run takes up what it left' : 'the run after it took up what it left'}.`;
  if (typeof said.error === 'string') return said.error;
  if (said.loaded === 0 && said.files.length === 0 && said.events === 0)
    return said.requests === undefined ? 'Nothing new.' : `Nothing new; ${counted(said.requests, 'request')}.`;
  const parts = [
    said.loaded === undefined ? '' : `${counted(said.loaded, 'data set')} loaded`,
    said.events === undefined ? '' : counted(said.events, 'event'),
    said.mails?.composed === undefined ? '' : `${counted(said.mails.composed, 'mail')} written`,
    said.requests === undefined ? '' : counted(said.requests, 'request'),
  ].filter((part) => part !== '');
  return parts.length === 0 ? '' : `${parts.join(', ')}.`;
}

/** @param number of the page, from 1 */
export async function runsPage(store: Store, number: number): Promise<Page> {
  const from = (number - 1) * A_PAGE;
  const [runs, all] = await Promise.all([listRuns(store, A_PAGE, from), countRuns(store)]);
  return {
    title: 'Runs',
    lead: '',
    under: '/runs',
    sections: [
      section('', [
        runs.length === 0
          ? text(number === 1 ? 'There was no run yet.' : 'There are no more.')
          : table(
              `Runs ${from + 1} to ${from + runs.length} of ${all.toLocaleString('en-GB')}, newest first`,
              ['Run', 'Started', 'Took', 'Outcome', 'What it did'],
              runs.map((run) => [
                cell(`${run.id},\u00a0${run.trigger}`, { href: `/runs/${run.id}` }),
                cell(ukTime(run.started_at)),
                cell(tookWords(run)),
                outcomeCell(run.outcome),
                cell(shortened(runSummary(run), 200)),
              ]),
            ),
        pageLinks('/runs', number, all > from + A_PAGE),
      ]),
    ],
  };
}

function endedWords(run: RunRow): string {
  if (run.finished_at !== null) return `${ukTime(run.finished_at)} (${tookWords(run)})`;
  return run.outcome === 'running' ? 'not yet' : 'nobody knows when';
}

/** @returns undefined where there is no such run */
export async function runPage(store: Store, id: number): Promise<Page | undefined> {
  const run = await runRow(store, id);
  if (run === undefined) return undefined;
  const said = detail.parse(run.detail);
  const log = await logOfRun(store, id);
  return {
    title: `Run ${run.id}`,
    lead: `${run.trigger}, ${ukTime(run.started_at)}: ${run.outcome}`,
    under: '/runs',
    sections: [
      section('', [
        text(runSummary(run)),
        facts([
          ['Started', ukTime(run.started_at)],
          ['Ended', endedWords(run)],
          ...(said.requests === undefined
            ? []
            : [['Asked of EES', `${counted(said.requests, 'request')}, ${sizeWords(said.bytes ?? 0)}`] as const]),
          ...(said.mails === undefined ? [] : [['Mail', mailWords(said.mails)] as const]),
        ]),
      ]),
      ...(said.files.length === 0 ? [] : [section('Files', [files(said.files)])]),
      ...(said.degraded.length === 0
        ? []
        : [
            section('What did not answer', [
              list(
                said.degraded.map(
                  (each) =>
                    `${each.source}, ${each.route}: ${each.reason}${each.missing.length === 0 ? '' : `; missing meanwhile: ${each.missing.join('; ')}`}`,
                ),
              ),
            ]),
          ]),
      ...(said.notes.length === 0 ? [] : [section('Notes', [list(said.notes)])]),
      ...(log.length === 0 ? [] : [section('Log', [logTable(log)])]),
    ],
  };
}

/** '1.2 MB', with a space that does not break. */
function sizeWords(bytes: number): string {
  if (bytes < 1_000) return counted(bytes, 'byte');
  const inMb = bytes >= 1_000_000;
  return `${(bytes / (inMb ? 1_000_000 : 1_000)).toFixed(inMb ? 1 : 0)}\u00a0${inMb ? 'MB' : 'kB'}`;
}

function logTable(lines: readonly RunLogLine[]): Block {
  return table(
    'What this run logged, oldest first',
    ['Time', 'Level', 'Line'],
    lines.map(({ at, level, message, detail: more }) => [
      cell(ukClock(at)),
      cell(level, { tone: TONES[level] ?? 'plain' }),
      cell(message, { note: more }),
    ]),
  );
}

const TONES: Readonly<Record<string, Tone>> = { warn: 'warn', error: 'bad', fatal: 'bad' };

function mailWords({
  composed = 0,
  sent = 0,
  retried = 0,
  dead = 0,
}: NonNullable<z.infer<typeof detail>['mails']>): string {
  return [
    `${composed} written`,
    `${sent} sent`,
    ...(retried > 0 ? [`${retried} to be tried again`] : []),
    ...(dead > 0 ? [`${dead} given up`] : []),
  ].join(', ');
}

function files(rows: z.infer<typeof detail>['files']): Block {
  return table(
    'Files of this run',
    ['File', 'Release', 'Outcome', 'Version', 'Rows'],
    rows.map((file) => [
      cell(file.file, { note: file.reason ?? '' }),
      cell(file.release),
      cell(file.outcome, { tone: file.outcome === 'loaded' ? 'good' : file.outcome === 'unchanged' ? 'plain' : 'bad' }),
      cell(file.version),
      cell(file.rows),
    ]),
  );
}
