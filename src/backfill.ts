/** History on demand: from EES or from files at hand, on the one lock, quiet unless asked otherwise. */
import { basename } from 'node:path';
import type { Evaluation } from './alerts/evaluate.js';
import { openedUnmailed } from './alerts/state-store.js';
import { BackfillRequestError, type BackfillPlan, type BackfillRequest } from './extract/history.js';
import { LocalFileError, type LocalFile } from './extract/local-file.js';
import { underKnownName } from './known-names.js';
import { withRunLock } from './load/runs.js';
import { loadFile, type FileReport, type FileToLoad } from './load-file.js';
import type { RunReport } from './pipeline.js';
import { deliverOwed, evaluateLeftovers, evaluateLoaded } from './tell.js';
import type { Tools } from './tools.js';
import type { Acceptance } from './accepted.js';
import { LOG_EVERY_MS, plainLines } from './backfill-progress.js';
import { counted } from './print.js';
import { dryEes, loadFromEes, NOTHING, wholeOrNot } from './backfill-ees.js';

export interface LocalBackfill {
  readonly kind: 'file';
  readonly file: LocalFile;
  readonly metaText: string | undefined;
  readonly publication: string;
  /** The release's label, which is also the data set's identity. */
  readonly release: string;
  readonly publishedAt: Date | undefined;
  readonly schoolType: string | undefined;
}

export interface EesBackfill extends BackfillRequest {
  readonly kind: 'ees';
}

export interface BackfillOptions {
  readonly dryRun: boolean;
  /** Sends what history raises; else it is recorded and muted. */
  readonly notify: boolean;
  /** Empty: none. */
  readonly accept: readonly Acceptance[];
  /** Told before anything is sent, with `notify`. */
  readonly announce: (text: string) => void;
}

export interface BackfillReport {
  readonly run: number | null;
  readonly dry_run: boolean;
  readonly outcome: 'done' | 'in part' | 'failed';
  readonly plan: readonly PlannedFile[];
  /** Of a plan alone; null where something was loaded, or tried on a local file. */
  readonly totals: PlanTotals | null;
  readonly files: readonly FileReport[];
  readonly skipped: BackfillPlan['skipped'];
  readonly notes: readonly string[];
  /** All that were recorded. */
  readonly events: number;
  /** Of these, first looks that found nothing in breach. */
  readonly not_in_breach: number;
  /** Recipients that are owed news of what runs had fetched, a gate had held back, and this backfill accepted. */
  readonly told_late: number;
  /** Alerts that stand open by this backfill and that nobody was mailed of, since it was quiet. */
  readonly open_unmailed: number;
  readonly mails: RunReport['mails'] | null;
}

interface Amount {
  readonly files: number;
  /** Of those whose size EES tells. */
  readonly bytes: number;
  /** How many files those are whose size it does not tell. */
  readonly of_unknown_size: number;
}

/** What a plan comes to. */
export interface PlanTotals extends Amount {
  readonly releases: number;
  /** Files. */
  readonly already_loaded: number;
  /** The rest of them. */
  readonly to_load: Amount;
}

/** One file of a plan. */
export interface PlannedFile {
  readonly release: string;
  readonly data_set: string;
  readonly file: string;
  readonly version: string | null;
  readonly bytes: number | null;
  readonly rows: number | null;
  readonly already_loaded: boolean;
}

/**
 * Loads history. Interrupted, it takes up where it was when called again: what is loaded is not fetched twice.
 * @throws RunHeldError, what EES or the database throws before anything is planned
 */
export async function backfill(
  tools: Tools,
  request: LocalBackfill | EesBackfill,
  options: BackfillOptions,
): Promise<BackfillReport> {
  // A plan writes nothing, so it needs no lock.
  if (options.dryRun)
    return request.kind === 'file'
      ? dryLocal(tools, await underKnownName(tools.store, request), options)
      : dryEes(tools, request);
  const done = await withRunLock<BackfillReport | { readonly refused: Error }>(
    tools.store,
    { trigger: 'backfill', now: tools.now, log: tools.log },
    async (run) => {
      const inRun = {
        ...tools,
        log: run.log,
        signal: AbortSignal.any([tools.signal, run.signal]),
      };
      await evaluateLeftovers(inRun, run.id, options.notify ? 'all' : 'to be told');
      const loaded = await (
        request.kind === 'file'
          ? loadLocal(inRun, request, run.id, options)
          : loadFromEes(inRun, request, run.id, options)
      ).catch((error: unknown) => {
        if (isWrongUse(error)) return { refused: error };
        throw error;
      });
      // A slip of the person at the keyboard is no failure of the service.
      if ('refused' in loaded)
        return {
          end: { outcome: 'done', detail: { notes: [`nothing was done: ${loaded.refused.message}`] } },
          result: loaded,
        };
      const evaluation = await evaluateLoaded(inRun, run.id, options.notify ? 'told' : 'quiet');
      if (options.notify)
        options.announce(
          `This makes ${evaluation.addresses} ${evaluation.addresses === 1 ? 'mail' : 'mails'} (one a recipient).`,
        );
      const { late, ...done } = loaded;
      const { mails, unwritten } = await deliverIf(options.notify || late !== undefined, inRun);
      const notes = [...loaded.notes, ...unwritten];
      const quietBaselines = evaluation.quietBaselines + (late?.quietBaselines ?? 0);
      const bad = loaded.files.filter((file) => file.outcome !== 'loaded' && file.outcome !== 'unchanged');
      const outcome =
        bad.length === 0
          ? wholeOrNot(notes)
          : bad.length === loaded.files.length && bad.every((file) => file.outcome === 'failed')
            ? 'failed'
            : 'in part';
      const report: BackfillReport = {
        run: run.id,
        dry_run: false,
        outcome,
        totals: null,
        ...done,
        notes,
        events: evaluation.events.length + (late?.events.length ?? 0) + quietBaselines,
        not_in_breach: quietBaselines,
        told_late: late?.addresses ?? 0,
        open_unmailed: await openedUnmailed(tools.store, run.id),
        mails,
      };
      return {
        end: {
          outcome,
          detail: {
            files: loaded.files.map(({ file, release, outcome: each, version, rows, reason }) => ({
              file,
              release,
              outcome: each,
              version,
              rows,
              reason,
            })),
            events: report.events,
            mails,
          },
        },
        result: report,
      };
    },
  );
  if ('refused' in done) throw done.refused;
  return done;
}

/** Where something is told, what is owed goes out; `unwritten` says why some of it could not be written. */
async function deliverIf(
  isTold: boolean,
  tools: Tools,
): Promise<{ mails: BackfillReport['mails']; unwritten: readonly string[] }> {
  if (!isTold) return { mails: null, unwritten: [] };
  const { unwritten, ...mails } = await deliverOwed(tools);
  return { mails, unwritten: unwritten === undefined ? [] : [unwritten] };
}

export interface Loaded extends Pick<BackfillReport, 'plan' | 'files' | 'skipped' | 'notes'> {
  /** What the rules made of what was accepted and is told though the backfill is quiet. */
  readonly late?: Evaluation | undefined;
}

/** Whether what was asked for cannot be: a name that EES does not have, a file that is not there. A broken file is no slip. */
export function isWrongUse(error: unknown): error is Error {
  return error instanceof BackfillRequestError || (error instanceof LocalFileError && !error.isDamaged);
}

function localFile(request: LocalBackfill, options: BackfillOptions, runId: number | undefined, now: Date): FileToLoad {
  const { file } = request;
  return {
    meta: {
      publication: { slug: request.publication },
      release: { title: request.release },
      dataSet: { title: request.release, local: true },
      publishedAt: request.publishedAt ?? now,
      source: {
        ...{ kind: 'local file', path: basename(file.path), backfill: !options.notify },
        ...(request.schoolType === undefined ? {} : { schoolType: request.schoolType }),
      },
      sha256: file.sha256,
      fileName: file.fileName,
      bytes: file.bytes,
      runId,
      accept: options.accept,
      // Whoever loads a file by hand means it, even if it was taken back before.
      again: true,
    },
    open: () => file.open(),
    metaText: request.metaText,
    schoolType: request.schoolType,
  };
}

async function loadLocal(
  tools: Tools,
  request: LocalBackfill,
  runId: number,
  options: BackfillOptions,
): Promise<Loaded> {
  const { store, now, signal } = tools;
  const line = plainLines(tools);
  const name = basename(request.file.path);
  let saidAt = performance.now();
  line(`${name}: begins`);
  const report = await loadFile(
    {
      store,
      now,
      signal,
      onRows: (rows) => {
        const text = `${name}: ${counted(rows, 'row')}`;
        tools.progress?.(text);
        if (performance.now() - saidAt < LOG_EVERY_MS) return;
        saidAt = performance.now();
        line(text);
      },
    },
    localFile(await underKnownName(tools.store, request), options, runId, now()),
  );
  line(`${name}: ${report.outcome}, ${counted(report.rows, 'row')}`, {
    outcome: report.outcome,
    reason: report.reason,
  });
  return { ...NOTHING, files: [report] };
}

async function dryLocal(tools: Tools, request: LocalBackfill, options: BackfillOptions): Promise<BackfillReport> {
  const { store, now, signal } = tools;
  const file = localFile(request, options, undefined, now());
  const report = await loadFile({ store, now, signal, dryRun: true }, file);
  return {
    run: null,
    dry_run: true,
    outcome: report.outcome === 'loaded' ? 'done' : 'in part',
    plan: [],
    totals: null,
    files: [report],
    skipped: [],
    notes: [],
    events: 0,
    not_in_breach: 0,
    told_late: 0,
    open_unmailed: 0,
    mails: null,
  };
}
