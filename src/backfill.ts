/** History on demand: from EES or from files at hand, on the one lock, quiet unless asked otherwise. */
import { ReadStream } from 'node:fs';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { createProgress, type Progress } from './backfill-progress.js';
import { familyOf } from './domain/series.js';
import { downloadsOf } from './downloads.js';
import type { EesClient } from './extract/client.js';
import { cleanDownloads, download } from './extract/download.js';
import { BackfillRequestError, planBackfill, type BackfillPlan, type BackfillRequest } from './extract/history.js';
import { findName } from './extract/names.js';
import { LocalFileError, openLocalFile, readMetaFile } from './extract/local-file.js';
import { sourceKey, type WantedFile } from './extract/wanted.js';
import { fileToLoad, noteNotModified, noteUnchanged } from './gather.js';
import { knownNames } from './known-names.js';
import type { Store } from './load/database.js';
import { withRunLock } from './load/runs.js';
import { heldBack, heldEtag, isHandled, isHandledAsVersion } from './load/sources.js';
import { acceptVersion, learnNumber } from './load/versions.js';
import { loadFile, type FileReport, type FileToLoad } from './load-file.js';
import type { RunReport } from './pipeline.js';
import { deliverOwed, evaluateLeftovers, evaluateLoaded } from './tell.js';
import { openClient, type Tools } from './tools.js';

export interface Acceptance {
  readonly gate: string;
  readonly reason: string;
}

export interface LocalBackfill {
  readonly kind: 'file';
  /** Absolute path. */
  readonly path: string;
  readonly metaPath: string | undefined;
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
  readonly files: readonly FileReport[];
  readonly skipped: BackfillPlan['skipped'];
  readonly notes: readonly string[];
  readonly events: number;
  readonly mails: RunReport['mails'] | null;
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
 * @throws RunHeldError, LocalFileError, what EES or the database throws before anything is planned
 */
export async function backfill(
  tools: Tools,
  request: LocalBackfill | EesBackfill,
  options: BackfillOptions,
): Promise<BackfillReport> {
  // A plan writes nothing, so it needs no lock.
  if (options.dryRun)
    return request.kind === 'file'
      ? dryLocal(tools, await underKnownName(tools, request), options)
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
      await evaluateLeftovers(inRun, run.id, 'all');
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
      const { mails, unwritten } = await deliverIf(options.notify, inRun);
      const notes = [...loaded.notes, ...unwritten];
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
        ...loaded,
        notes,
        events: evaluation.events.length,
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

/** With `notify` what is owed goes out; `unwritten` says why some of it could not be written. */
async function deliverIf(
  notify: boolean,
  tools: Tools,
): Promise<{ mails: BackfillReport['mails']; unwritten: readonly string[] }> {
  if (!notify) return { mails: null, unwritten: [] };
  const { unwritten, ...mails } = await deliverOwed(tools);
  return { mails, unwritten: unwritten === undefined ? [] : [unwritten] };
}

type Loaded = Pick<BackfillReport, 'plan' | 'files' | 'skipped' | 'notes'>;

const NOTHING = { plan: [], skipped: [], notes: [] } as const;

/** Whether what was asked for cannot be: a name that EES does not have, a file that is not there. A broken file is no slip. */
export function isWrongUse(error: unknown): error is Error {
  return error instanceof BackfillRequestError || (error instanceof LocalFileError && !error.isDamaged);
}

async function localFile(
  request: LocalBackfill,
  options: BackfillOptions,
  runId: number | undefined,
  now: Date,
): Promise<FileToLoad> {
  const file = await openLocalFile(request.path);
  return {
    meta: {
      publication: { slug: request.publication },
      release: { title: request.release },
      dataSet: { title: request.release, local: true },
      publishedAt: request.publishedAt ?? now,
      source: {
        ...{ kind: 'local file', path: basename(request.path), backfill: !options.notify },
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
    metaText: request.metaPath === undefined ? undefined : await readMetaFile(request.metaPath),
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
  const report = await loadFile(
    {
      store,
      now,
      signal,
      onRows: (rows) => tools.progress?.(`${basename(request.path)}: ${rows.toLocaleString('en-GB')} rows`),
    },
    await localFile(await underKnownName(tools, request), options, runId, now()),
  );
  if (report.outcome !== 'unchanged' || options.accept.length === 0 || report.version_id === null)
    return { ...NOTHING, files: [report] };
  return { ...NOTHING, files: await accepted(tools, [report.version_id], options.accept) };
}

async function dryLocal(tools: Tools, request: LocalBackfill, options: BackfillOptions): Promise<BackfillReport> {
  const { store, now, signal } = tools;
  const file = await localFile(request, options, undefined, now());
  const report = await loadFile({ store, now, signal, dryRun: true }, file);
  return {
    run: null,
    dry_run: true,
    outcome: report.outcome === 'loaded' ? 'done' : 'in part',
    plan: [],
    files: [report],
    skipped: [],
    notes: [],
    events: 0,
    mails: null,
  };
}

async function planned(plan: BackfillPlan, tools: Tools): Promise<PlannedFile[]> {
  return Promise.all(
    plan.files.map(async (file) => ({
      release: file.release.title,
      data_set: file.dataSet.title,
      file: file.fileName,
      version: file.version === undefined ? null : `${file.version.major}.${file.version.minor}.${file.version.patch}`,
      bytes: file.expected.bytes ?? null,
      rows: file.expected.rows ?? null,
      already_loaded: await isHeld(tools.store, file),
    })),
  );
}

/** Whether these bytes were dealt with, whichever way they came. */
async function isHeld(store: Store, { source, alternative, publishedAt }: WantedFile): Promise<boolean> {
  if (await isHandled(store, sourceKey(source))) return true;
  if (alternative !== undefined && (await isHandled(store, sourceKey(alternative)))) return true;
  // Planned without the official API, which does not answer now and did when they were loaded.
  return source.kind === 'release file' && isHandledAsVersion(store, source.dataSetFileId, new Date(publishedAt));
}

/** A file of the website is asked for with the ETag of what is held of it: the same bytes are then not sent. */
async function withEtag(store: Store, file: WantedFile): Promise<WantedFile> {
  const { source } = file;
  if (source.kind !== 'release file') return file;
  return { ...file, source: { ...source, etag: await heldEtag(store, source.dataSetFileId) } };
}

async function dryEes(tools: Tools, request: EesBackfill): Promise<BackfillReport> {
  const client = openClient(tools.settings, tools.now, tools.signal);
  try {
    const plan = await planBackfill(client, await inContext(tools, request));
    return {
      run: null,
      dry_run: true,
      outcome: wholeOrNot(plan.notes),
      plan: await planned(plan, tools),
      files: [],
      skipped: plan.skipped,
      notes: plan.notes,
      events: 0,
      mails: null,
    };
  } finally {
    client.close();
  }
}

/** A plan that could not ask everything may lack files: a later one finds them. */
function wholeOrNot(notes: BackfillPlan['notes']): 'done' | 'in part' {
  return notes.length === 0 ? 'done' : 'in part';
}

/** What the configuration says about the data sets of this publication counts for backfills too, and how it is called here. */
async function inContext({ store, settings }: Tools, request: EesBackfill): Promise<BackfillRequest> {
  return { ...request, sources: settings.config.sources, known: await knownNames(store) };
}

/** The same request under the name by which the publication is known here. */
async function underKnownName<T extends LocalBackfill | EesBackfill>({ store }: Tools, request: T): Promise<T> {
  const found = findName(await knownNames(store), undefined, [request.publication]);
  return { ...request, publication: found?.name ?? request.publication };
}

async function loadFromEes(
  tools: Tools,
  request: EesBackfill,
  runId: number,
  options: BackfillOptions,
): Promise<Loaded> {
  const { store, settings, log, now, signal } = tools;
  if (options.accept.length > 0) {
    const ids = await heldBack(store, await underKnownName(tools, request));
    if (ids.length > 0) return { ...NOTHING, files: await accepted(tools, ids, options.accept) };
  }
  const directory = downloadsOf(settings);
  await cleanDownloads(directory);
  const client = openClient(settings, now, signal);
  try {
    const plan = await planBackfill(client, await inContext(tools, request));
    if (options.accept.length > 0) {
      // Renamed, and asked for by a name that nothing was loaded under.
      const ids = await heldBack(store, { ...request, publication: plan.publication });
      if (ids.length > 0) return { ...NOTHING, files: await accepted(tools, ids, options.accept) };
    }
    const list = await planned(plan, tools);
    const files: FileReport[] = [];
    const missing = plan.files.filter((_, index) => list[index]?.already_loaded !== true);
    for (const { source, alternative, version } of plan.files)
      if (alternative !== undefined && version !== undefined && !(await isHandled(store, sourceKey(source))))
        await learnNumber(store, sourceKey(alternative), version);
    const progress = progressOf(tools, missing);
    const counting: EesClient = {
      ...client,
      count(bytes) {
        client.count(bytes);
        progress.fetched(bytes);
      },
    };
    for (const wanted of missing) {
      signal.throwIfAborted();
      progress.begin(`${wanted.release.title}, ${wanted.dataSet.title}`);
      try {
        const got = await download(counting, await withEtag(store, wanted), directory);
        if (got.kind === 'not modified') {
          await noteNotModified(store, wanted, got);
          progress.end(wanted.expected.bytes ?? 0, 0);
          continue;
        }
        try {
          const reading: { stream?: Readable } = {};
          const open = () => (reading.stream = got.open());
          const file = fileToLoad(wanted, { ...got, open }, runId);
          const report = await loadFile(
            {
              store,
              now,
              signal,
              onRows: (rows) => {
                const { stream } = reading;
                progress.read(stream instanceof ReadStream ? stream.bytesRead : 0, got.bytes, rows);
              },
            },
            {
              ...file,
              meta: {
                ...file.meta,
                source: { ...file.meta.source, backfill: !options.notify },
                accept: options.accept,
              },
            },
          );
          await noteUnchanged(store, wanted, report);
          progress.end(got.bytes, report.rows);
          const { file: name, release, outcome, rows, reason } = report;
          // On a terminal it would stand in the line of the progress; the answer tells it.
          if (tools.progress === undefined)
            log.info({ file: name, release, outcome, rows, reason }, `${progress.text()}: ${outcome}`);
          files.push(report);
        } finally {
          await got.remove();
        }
      } catch (error) {
        signal.throwIfAborted();
        progress.end(wanted.expected.bytes ?? 0, 0);
        const reason = error instanceof Error ? error.message : String(error);
        log.error({ file: wanted.fileName, error: reason }, 'a data set could not be loaded');
        files.push({
          publication: wanted.publication.slug,
          release: wanted.release.title,
          data_set: wanted.dataSet.title,
          file: wanted.fileName,
          outcome: 'failed',
          version: null,
          version_id: null,
          rows: 0,
          reason,
          gates: [],
          diff: null,
        });
      }
    }
    return { plan: list, files, skipped: plan.skipped, notes: plan.notes };
  } finally {
    client.close();
  }
}

/** Overrides gates of versions that are held back. */
async function accepted(tools: Tools, ids: readonly number[], gates: readonly Acceptance[]): Promise<FileReport[]> {
  const reports: FileReport[] = [];
  for (const id of ids) {
    let state = 'quarantined';
    let stillHeldBy: readonly string[] = [];
    for (const { gate, reason } of gates)
      ({ state, stillHeldBy } = await acceptVersion(tools.store, id, gate, reason, tools.now()));
    const row = await tools.store.db
      .selectFrom('data_set_version as v')
      .innerJoin('data_set as d', 'd.id', 'v.data_set_id')
      .innerJoin('release as r', 'r.id', 'v.release_id')
      .select([
        'd.publication',
        'd.title as data_set',
        'r.title as release',
        'v.file_name',
        'v.rows',
        'v.major',
        'v.minor',
        'v.patch',
      ])
      .where('v.id', '=', id)
      .executeTakeFirstOrThrow();
    reports.push({
      publication: row.publication,
      release: row.release,
      data_set: row.data_set,
      file: row.file_name,
      outcome: state === 'loaded' ? 'loaded' : 'quarantined',
      version: `${row.major}.${row.minor}.${row.patch}`,
      version_id: id,
      rows: row.rows,
      reason: stillHeldBy.length === 0 ? null : `still held back by: ${stillHeldBy.join(', ')}`,
      gates: gates.map(({ gate, reason }) => ({ gate, verdict: 'accepted' as const, message: reason })),
      diff: null,
    });
  }
  return reports;
}

/** How far it is: on a terminal as one line that is written over, else as lines of the log. */
function progressOf(tools: Tools, files: readonly WantedFile[]): Progress {
  const { progress, log } = tools;
  return createProgress(
    files.map(({ expected }) => expected),
    {
      now: () => performance.now(),
      say: (text) => progress?.(text),
      log: (text) => {
        if (progress === undefined) log.info(text);
      },
    },
  );
}

/** Publications whose figures are known to the field; another slug is a family of its own. */
export function isKnownPublication(slug: string): boolean {
  return familyOf(slug) !== slug;
}
