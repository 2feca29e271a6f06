/** The first half of a run: looking around at EES, and loading what is new file by file. */
import { operatorEdge } from './alerts/operator.js';
import { downloadsOf } from './downloads.js';
import type { EesClient } from './extract/client.js';
import { discover, type Discovery } from './extract/discover.js';
import { download, type Downloaded, type NotModified } from './extract/download.js';
import { cleanDownloads } from './extract/held-files.js';
import { stillLeftAlone } from './extract/left-alone.js';
import { sourceKey, type WantedFile } from './extract/wanted.js';
import type { Store } from './load/database.js';
import { retrying } from './load/retry.js';
import { learnNumber } from './load/versions.js';
import { getSourceState, setSourceState, type Run } from './load/runs.js';
import {
  isHandled,
  isLoadedRelease,
  loadedFiles,
  noteSameBytes,
  reinstateAtSource,
  withdrawAtSource,
  withdrawReplaced,
  type TakenBack,
} from './load/sources.js';
import { knownNames } from './known-names.js';
import { loadFile, type FileReport, type FileToLoad } from './load-file.js';
import { operatorPost } from './mail-server.js';
import { withNoticed } from './noticed.js';
import { operatorNews } from './operator-news.js';
import { readSourceState, SOURCE, type SourceState } from './source-state.js';
import { messageOf, openClient, type Tools } from './tools.js';
import { newlyUnmatched, unmatchedWords } from './unmatched.js';

/** What came of it. */
export interface Gathered {
  readonly outcome: 'done' | 'in part' | 'failed';
  readonly files: readonly FileReport[];
  readonly skipped: Discovery['skipped'];
  readonly degraded: Discovery['degraded'];
  readonly notes: readonly string[];
  readonly requests: number;
  readonly bytes: number;
  readonly error: string | null;
  /** Why the operator could not be told of something, where that is so; the next run tells it. */
  readonly untold: string | undefined;
}

/**
 * Looks around at EES and loads what is new. Never throws for EES's troubles: they are in the report.
 * @param isByHand a person may ask a host that asked for time; the schedule leaves it alone until then
 */
export async function gather(tools: Tools, run: Run, isByHand: boolean): Promise<Gathered> {
  const { store, settings, log, now, signal } = tools;
  const directory = downloadsOf(settings);
  await cleanDownloads(directory, now().getTime());
  const before = readSourceState(await getSourceState(store, SOURCE));
  const leftAlone = isByHand ? [] : stillLeftAlone(before.leftAlone, now().getTime());
  const client = openClient(settings, now, signal, {}, leftAlone);
  try {
    tools.progress?.('asking EES what is new');
    const discovery = await discover(client, settings.config.sources, before.memory, {
      alreadyLoaded: (file) => isHandled(store, sourceKey(file.source)),
      isLoadedRelease: (publication, slug) => isLoadedRelease(store, publication, slug),
      loadedFiles: (publication, slug) => loadedFiles(store, publication, slug),
      known: await knownNames(store),
    });
    const known = withNoticed(before, discovery, now());
    // First of all: what is remembered after the first file must not be forgotten by a kill.
    // Numbers before what is withdrawn: bytes that were published again as a version that stands are not.
    for (const { key, dataSetId, version } of discovery.numbered)
      await retrying(store, (again) => learnNumber(again, key, dataSetId, version));
    for (const withdrawn of discovery.withdrawn) {
      const { what } = withdrawn;
      // No more is to come of it; what was published of it goes on being served, and is the newest there is.
      if (what.kind === 'data set' && withdrawn.status === 'deprecated') continue;
      const mark = (it: TakenBack): Promise<number[]> =>
        retrying(store, (again) => withdrawAtSource(again, it, withdrawn.status, now()));
      const marked = await mark(what);
      if (what.kind === 'version' && what.fileId !== undefined) {
        marked.push(...(await mark({ kind: 'bytes', fileId: what.fileId })));
      }
      if (marked.length > 0) log.warn({ withdrawn }, `${withdrawn.title}: ${withdrawn.status} at EES`);
    }
    for (const what of discovery.reinstated) {
      const back = await retrying(store, (again) => reinstateAtSource(again, what, now()));
      if (back.length > 0) log.warn({ what, versions: back }, 'EES publishes again what it had taken back');
    }
    const files: FileReport[] = [];
    for (const [index, wanted] of discovery.files.entries()) {
      signal.throwIfAborted();
      tools.progress?.(`${index + 1} of ${discovery.files.length}: ${wanted.release.title}, ${wanted.dataSet.title}`);
      files.push(await takeIn(tools, client, directory, wanted, run.id, discovery, known));
    }
    const replaced = await retrying(store, (again) => withdrawReplaced(again, now()));
    if (replaced.length > 0)
      log.warn(
        { versions: replaced },
        'files that EES has uploaded anew, in other columns or under another title, are withdrawn',
      );
    const outcome =
      client.leftAlone().length > 0 ||
      discovery.degraded.some(({ costsNoFigure }) => !costsNoFigure) ||
      files.some(({ outcome: each }) => each !== 'loaded' && each !== 'unchanged')
        ? 'in part'
        : 'done';
    const after: SourceState = {
      ...stateOf(known, discovery),
      lastPoll: now().toISOString(),
      lastGoodPoll: now().toISOString(),
      failures: 0,
      lastError: null,
      memory: discovery.remember([]),
      leftAlone: [...client.askedForTime()],
    };
    await setSourceState(store, SOURCE, after, now());
    const { failuresBeforeMail } = settings.config;
    const untold = await untoldOf(tools, () =>
      operatorNews(store, operatorPost(settings), { after, failuresBeforeMail, now: now() }),
    );
    return {
      outcome,
      files,
      skipped: discovery.skipped,
      degraded: discovery.degraded,
      notes: [
        ...discovery.notes,
        ...newlyUnmatched(before.unmatched, discovery.unmatched).map(unmatchedWords),
        ...client.leftAlone(),
      ],
      ...spentBy(client),
      error: null,
      untold,
    };
  } catch (error) {
    // What our own database refuses, or a person who stopped the run, is no fault of EES: the run breaks off.
    if (isOfDatabase(error) || signal.aborted) throw error;
    const reason = messageOf(error);
    log.error({ error: reason }, 'EES could not be read');
    const untold = await noteFailure(tools, { ...before, leftAlone: [...client.askedForTime()] }, reason);
    const nothing = { files: [], skipped: [], degraded: [], notes: [] };
    return { outcome: 'failed', ...nothing, ...spentBy(client), error: reason, untold };
  } finally {
    client.close();
  }
}

/** Postgres gives every error that it raises a severity. */
function isOfDatabase(error: unknown): boolean {
  return error instanceof Error && 'severity' in error;
}

/** Tells the operator something. @returns why that could not be done; the run goes on */
async function untoldOf({ log, signal }: Tools, tell: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await tell();
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    const reason = messageOf(error);
    log.error({ error: reason }, 'the operator cannot be told; the next run tries again');
    return `The operator could not be told what is new: ${reason}`;
  }
}

/** Fetches and loads one file, and remembers it as dealt with unless it is to be tried again. */
async function takeIn(
  tools: Tools,
  client: EesClient,
  directory: string,
  wanted: WantedFile,
  runId: number,
  discovery: Discovery,
  before: SourceState,
): Promise<FileReport> {
  const { store, log, now, signal } = tools;
  const remember = async (etag?: string): Promise<void> => {
    const memory = discovery.remember([wanted], etag === undefined ? undefined : new Map([[wanted, etag]]));
    const leftAlone = [...client.askedForTime()];
    await setSourceState(store, SOURCE, { ...before, memory, leftAlone } satisfies SourceState, now());
  };
  try {
    const got = await download(client, wanted, directory);
    if (got.kind === 'not modified') {
      await noteNotModified(store, wanted, got);
      await remember(got.etag);
      return { ...namesOf(wanted), outcome: 'unchanged', reason: 'EES has the same bytes as before' };
    }
    discovery.fetched(wanted, got);
    let isDone = false;
    try {
      const report = await loadFile(
        { store, now, signal, onRows: (rows) => tools.progress?.(`${wanted.dataSet.title}: ${rows} rows`) },
        fileToLoad(wanted, got, runId, tools.composed),
      );
      isDone = true;
      log.info(
        { file: report.file, outcome: report.outcome, rows: report.rows, reason: report.reason },
        `${report.outcome}: ${report.data_set}`,
      );
      await noteUnchanged(store, wanted, report);
      await remember(got.etag);
      return report;
    } finally {
      // Told to end before it was loaded: the next run need not fetch it a second time.
      if (isDone || !signal.aborted) await got.remove();
    }
  } catch (error) {
    // A stopped run is no fault of this file: the next run takes it up.
    signal.throwIfAborted();
    const reason = messageOf(error);
    log.error({ file: wanted.fileName, error: reason }, 'a data set could not be loaded');
    discovery.failed(wanted, reason);
    return { ...namesOf(wanted), outcome: 'failed', reason };
  }
}

/** EES has the same bytes as before under a new id: a backfill need not ask for them. */
export async function noteNotModified(store: Store, { source }: WantedFile, { etag }: NotModified): Promise<void> {
  await noteSameBytes(store, sourceKey(source), { dataSetFileId: source.dataSetFileId, etag });
}

/** As `noteNotModified`, where that showed only after they were fetched. */
export async function noteUnchanged(store: Store, { source }: WantedFile, report: FileReport): Promise<void> {
  if (report.outcome === 'unchanged' && report.version_id !== null)
    await noteSameBytes(store, sourceKey(source), { versionId: report.version_id });
}

/** What loading needs to know of a file of EES. */
export function fileToLoad(
  wanted: WantedFile,
  got: Pick<Downloaded, 'sha256' | 'bytes' | 'open' | 'etag' | 'source' | 'doubts'>,
  runId: number,
  composed = false,
): FileToLoad {
  return {
    meta: {
      publication: wanted.publication,
      release: {
        ...wanted.release,
        // Whoever queries the view must see it too.
        title: composed ? `COMPOSED: ${wanted.release.title}` : wanted.release.title,
        firstPublished: new Date(wanted.release.firstPublished),
      },
      dataSet: { title: wanted.dataSet.title, apiId: wanted.dataSet.apiId },
      version: wanted.version,
      publishedAt: new Date(wanted.publishedAt),
      source: {
        ...wanted.source,
        key: sourceKey(wanted.source),
        // Of these bytes; the one they were asked with is that of older ones.
        etag: got.source.kind === 'release file' ? got.etag : undefined,
        ...(wanted.replaces === undefined ? {} : { replaces: wanted.replaces }),
      },
      sha256: got.sha256,
      fileName: wanted.fileName,
      bytes: got.bytes,
      runId,
    },
    open: () => got.open(),
    notes: got.doubts,
  };
}

function namesOf(wanted: WantedFile): Omit<FileReport, 'outcome' | 'reason'> {
  return {
    publication: wanted.publication.slug,
    release: wanted.release.title,
    data_set: wanted.dataSet.title,
    file: wanted.fileName,
    version: null,
    version_id: null,
    rows: 0,
    gates: [],
    notes: [],
    diff: null,
  };
}

function spentBy(client: EesClient): { requests: number; bytes: number } {
  return { requests: client.spent.requests, bytes: client.spent.bytes };
}

function stateOf(before: SourceState, discovery: Discovery): SourceState {
  return {
    ...before,
    degraded: [
      ...discovery.standing().map(({ source, route, kind, reason, missing, since, way }) => ({
        source,
        route,
        kind,
        reason,
        missing: [...missing],
        since,
        way,
      })),
      ...discovery.absent.map(({ missing, ...each }) => ({
        ...each,
        route: 'publications/sitemap-items',
        missing: [...missing],
        way: `publication ${each.source}`,
      })),
      ...discovery.unfetched().map(({ missing, ...each }) => ({
        ...each,
        missing: [...missing],
        way: `files of ${each.source}`,
      })),
    ],
    skipped: discovery.skipped.map(({ title, release, reason }) => ({ title, release, reason })),
    unmatched: [...discovery.unmatched],
    next: discovery.next.map(({ publication, nextReleaseDate }) => ({
      publication,
      nextReleaseDate: nextReleaseDate ?? null,
    })),
  };
}

/** Counts a failed run; the operator hears of it once it has happened often enough. @returns why not, where that failed */
async function noteFailure(tools: Tools, before: SourceState, reason: string): Promise<string | undefined> {
  // Stopped by a person or a lost connection: nothing is said about EES.
  const { store, settings, now, signal } = tools;
  if (signal.aborted) throw signal.reason;
  const failures = before.failures + 1;
  await setSourceState(
    store,
    SOURCE,
    { ...before, lastPoll: now().toISOString(), failures, lastError: reason } satisfies SourceState,
    now(),
  );
  return untoldOf(tools, () =>
    operatorEdge(
      store,
      operatorPost(settings),
      'outage',
      'ill',
      {
        after: settings.config.failuresBeforeMail,
        ill: ({ count, since }) => ({
          subject: `absence-watch: EES cannot be read since ${since.toISOString().slice(0, 16)}Z`,
          text: `${count} runs in a row failed. The last one said:\n\n${reason}\n\nNothing is lost: the next run that succeeds takes up everything. "absence-watch doctor" checks the way to EES.`,
        }),
      },
      now(),
    ),
  );
}
