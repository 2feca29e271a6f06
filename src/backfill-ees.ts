/** Backfill from EES: planned over both APIs, then fetched and loaded file by file, what is held left where it is. */
import { ReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { createProgress, LOG_EVERY_MS, plainLines, planWords, type Progress } from './backfill-progress.js';
import { downloadsOf } from './downloads.js';
import type { EesClient } from './extract/client.js';
import { download } from './extract/download.js';
import { cleanDownloads } from './extract/held-files.js';
import { planBackfill, type BackfillPlan, type BackfillRequest } from './extract/history.js';
import { sourceKey, type WantedFile } from './extract/wanted.js';
import { fileToLoad, noteNotModified, noteUnchanged } from './gather.js';
import { knownNames, underKnownName, underKnownReleases } from './known-names.js';
import type { Store } from './load/database.js';
import { heldBack, heldEtag, isHandled, isHandledAsVersion } from './load/sources.js';
import { heldBy, learnNumber } from './load/versions.js';
import { loadFile, type FileReport } from './load-file.js';
import { counted } from './print.js';
import { openClient, type Tools } from './tools.js';
import type { BackfillOptions, BackfillReport, EesBackfill, Loaded, PlannedFile, PlanTotals } from './backfill.js';
import { accepted, acceptHeld, type Acceptance } from './accepted.js';

/** Asked for by a person, who waits for all of history: a plan alone takes a request for each file that EES has of it. */
const BUDGET = { requests: 20_000, ms: 12 * 3_600_000 };

export const NOTHING = { plan: [], skipped: [], notes: [] } as const;

async function planned(plan: BackfillPlan, tools: Tools, { dataSet }: EesBackfill): Promise<PlannedFile[]> {
  const isNamed = dataSet !== undefined;
  return Promise.all(
    plan.files.map(async (file) => ({
      release: file.release.title,
      data_set: file.dataSet.title,
      file: file.fileName,
      version: file.version === undefined ? null : `${file.version.major}.${file.version.minor}.${file.version.patch}`,
      bytes: file.expected.bytes ?? null,
      rows: file.expected.rows ?? null,
      already_loaded: await isHeld(tools.store, file, isNamed),
    })),
  );
}

function totalsOf(releases: number, list: readonly PlannedFile[]): PlanTotals {
  const amountOf = (files: readonly PlannedFile[]) => ({
    files: files.length,
    bytes: files.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0),
    of_unknown_size: files.filter(({ bytes }) => bytes === null).length,
  });
  const toLoad = list.filter((file) => !file.already_loaded);
  return {
    releases,
    ...amountOf(list),
    already_loaded: list.length - toLoad.length,
    to_load: amountOf(toLoad),
  };
}

/** Whether these bytes were dealt with, whichever way they came. */
async function isHeld(
  store: Store,
  { source, alternative, publishedAt }: WantedFile,
  isNamed: boolean,
): Promise<boolean> {
  if (await isHandled(store, sourceKey(source), isNamed)) return true;
  if (alternative !== undefined && (await isHandled(store, sourceKey(alternative), isNamed))) return true;
  // Planned without the official API, which does not answer now and did when they were loaded.
  return source.kind === 'release file' && isHandledAsVersion(store, source.dataSetFileId, new Date(publishedAt));
}

/** A file of the website is asked for with the ETag of what is held of it: the same bytes are then not sent. */
async function withEtag(store: Store, file: WantedFile): Promise<WantedFile> {
  const { source } = file;
  if (source.kind !== 'release file') return file;
  return { ...file, source: { ...source, etag: await heldEtag(store, source.dataSetFileId) } };
}

export async function dryEes(tools: Tools, request: EesBackfill): Promise<BackfillReport> {
  const client = openClient(tools.settings, tools.now, tools.signal, BUDGET);
  try {
    const plan = await planOf(tools, client, request);
    const notes = [...plan.notes, ...client.leftAlone()];
    const list = await planned(plan, tools, request);
    return {
      run: null,
      dry_run: true,
      outcome: wholeOrNot(notes),
      plan: list,
      totals: totalsOf(plan.releases.length, list),
      files: [],
      skipped: plan.skipped,
      notes,
      events: 0,
      not_in_breach: 0,
      told_late: 0,
      open_unmailed: 0,
      mails: null,
    };
  } finally {
    client.close();
  }
}

/** A plan that could not ask everything may lack files: a later one finds them. */
export function wholeOrNot(notes: BackfillPlan['notes']): 'done' | 'in part' {
  return notes.length === 0 ? 'done' : 'in part';
}

/** What the configuration says about the data sets of this publication counts for backfills too, and how it is called here. */
async function inContext({ store, settings }: Tools, request: EesBackfill): Promise<BackfillRequest> {
  return { ...request, sources: settings.config.sources, known: await knownNames(store) };
}

/** The plan; making it takes minutes where there is much history. */
async function planOf(tools: Tools, client: EesClient, request: EesBackfill): Promise<BackfillPlan> {
  const line = plainLines(tools);
  const asking = `asking EES what it has of ${request.publication}`;
  tools.progress?.(asking);
  line(asking);
  const timer = setInterval(() => {
    line(`${asking}: ${counted(client.spent.requests, 'request')} so far`);
  }, LOG_EVERY_MS);
  try {
    const plan = await planBackfill(client, await inContext(tools, request));
    return { ...plan, files: await underKnownReleases(tools.store, plan.files) };
  } finally {
    clearInterval(timer);
  }
}

/** Whether one of the gates that are to be overridden holds one of these versions: else they were all overridden before. */
async function isHeldByAny(store: Store, ids: readonly number[], gates: readonly Acceptance[]): Promise<boolean> {
  for (const id of ids) {
    const held = await heldBy(store.db, id);
    if (gates.some(({ gate }) => held.includes(gate))) return true;
  }
  return false;
}

export async function loadFromEes(
  tools: Tools,
  request: EesBackfill,
  runId: number,
  options: BackfillOptions,
): Promise<Loaded> {
  const { store, settings, log, now, signal } = tools;
  // With --notify all of it is told together.
  const acceptedHere = async (ids: readonly number[]): Promise<Pick<Loaded, 'files' | 'late'>> =>
    options.notify
      ? { files: await accepted(tools, ids, options.accept) }
      : acceptHeld(tools, runId, ids, options.accept);
  let held: readonly number[] = [];
  if (options.accept.length > 0) {
    held = await heldBack(store, await underKnownName(tools.store, request));
    if (await isHeldByAny(store, held, options.accept)) return { ...NOTHING, ...(await acceptedHere(held)) };
  }
  const directory = downloadsOf(settings);
  await cleanDownloads(directory, now().getTime());
  const client = openClient(settings, now, signal, BUDGET);
  try {
    const plan = await planOf(tools, client, request);
    if (options.accept.length > 0) {
      // Renamed, and asked for by a name that nothing was loaded under.
      held = await heldBack(store, { ...request, publication: plan.publication });
      if (await isHeldByAny(store, held, options.accept)) return { ...NOTHING, ...(await acceptedHere(held)) };
    }
    const list = await planned(plan, tools, request);
    const files: FileReport[] = [];
    const missing = plan.files.filter((_, index) => list[index]?.already_loaded !== true);
    for (const { source, alternative, dataSet, version } of plan.files)
      if (alternative && dataSet.apiId !== undefined && version && !(await isHandled(store, sourceKey(source))))
        await learnNumber(store, sourceKey(alternative), dataSet.apiId, version);
    const line = plainLines(tools);
    line(
      `plan: ${planWords(
        missing.map(({ expected }) => expected),
        list.length - missing.length,
        plan.skipped.length,
      )}`,
    );
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
      const title = `${wanted.release.title}, ${wanted.dataSet.title}`;
      progress.begin(title);
      line(`${progress.text()}: begins: ${title}`, { file: wanted.fileName });
      try {
        const got = await download(counting, await withEtag(store, wanted), directory);
        if (got.kind === 'not modified') {
          await noteNotModified(store, wanted, got);
          progress.end(wanted.expected.bytes ?? 0, 0);
          line(`${progress.text()}: unchanged`, { file: wanted.fileName });
          continue;
        }
        let isDone = false;
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
                // Asked for by name, it is meant, even if it was removed before.
                again: request.dataSet !== undefined,
              },
            },
          );
          isDone = true;
          await noteUnchanged(store, wanted, report);
          progress.end(got.bytes, report.rows);
          const { file: name, release, outcome, rows, reason } = report;
          line(`${progress.text()}: ${outcome}`, { file: name, release, outcome, rows, reason });
          files.push(report);
        } finally {
          // Told to end before it was loaded: a backfill that is begun again need not fetch it a second time.
          if (isDone || !signal.aborted) await got.remove();
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
          notes: [],
          diff: null,
        });
      }
    }
    // Other gates hold these: whoever named the wrong one is told which.
    files.push(...(await accepted(tools, held, options.accept)));
    return { plan: list, files, skipped: plan.skipped, notes: [...plan.notes, ...client.leftAlone()] };
  } finally {
    client.close();
  }
}

/** How far it is: on a terminal as one line that is written over, else as lines of the log. */
function progressOf(tools: Tools, files: readonly WantedFile[]): Progress {
  return createProgress(
    files.map(({ expected }) => expected),
    {
      now: () => performance.now(),
      say: (text) => tools.progress?.(text),
      log: plainLines(tools),
    },
  );
}
