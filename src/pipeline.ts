/**
 * One run on one page: discover, download, normalise, gate, load, evaluate, deliver. What fails, fails one data set; what
 * is loaded is evaluated; what is owed is sent; the next run takes up what this one could not.
 */
import type { Logger } from 'pino';
import type { ComposeSettings } from './alerts/compose.js';
import type { Delivered } from './alerts/deliver.js';
import { evaluate, type Evaluation } from './alerts/evaluate.js';
import { heartbeat, operatorEdge } from './alerts/operator.js';
import { releaseDue } from './alerts/queue.js';
import { pausedSince } from './alerts/queue-upkeep.js';
import type { Smtp } from './alerts/smtp.js';
import type { Settings } from './config.js';
import { downloadsOf } from './downloads.js';
import { createEesClient, type EesClient } from './extract/client.js';
import { discover, type Discovery } from './extract/discover.js';
import { cleanDownloads, download, type Downloaded, type NotModified } from './extract/download.js';
import { sourceKey, type WantedFile } from './extract/wanted.js';
import type { Store } from './load/database.js';
import { RunHeldError } from './load/errors.js';
import { retrying } from './load/retry.js';
import { getSourceState, setSourceState, withRunLock, type Run, type RunEnd } from './load/runs.js';
import { isHandled, leftovers, noteSameBytes, withdrawAtSource, type TakenBack } from './load/sources.js';
import { knownNames } from './known-names.js';
import { loadFile, type FileReport, type FileToLoad } from './load-file.js';
import { deliverQueue, mailboxText, operatorPost } from './mail-server.js';
import { readNeighbours } from './neighbours.js';
import { withNoticed } from './noticed.js';
import { operatorNews } from './operator-news.js';
import { noteBrokenOff, noteMails, noteRunEnded, type Teller } from './run-troubles.js';
import { readSourceState, type SourceState } from './source-state.js';
import { VERSION } from './version.js';

/** What everything is done with. */
export interface Tools {
  readonly store: Store;
  readonly settings: Settings;
  readonly log: Logger;
  readonly now: () => Date;
  /** Aborted: what is under way stops, nothing is left half done. */
  readonly signal: AbortSignal;
  /** Figures are composed, not published: every mail says so. */
  readonly composed?: boolean;
  /** A word on how far it is, for a terminal. */
  readonly progress?: (text: string) => void;
  /** A way to the mail server that is open already. */
  readonly mailServer?: Smtp | undefined;
}

export interface RunReport {
  readonly runId: number;
  readonly outcome: 'done' | 'in part' | 'failed';
  readonly files: readonly FileReport[];
  readonly skipped: Discovery['skipped'];
  readonly degraded: Discovery['degraded'];
  readonly notes: readonly string[];
  readonly events: number;
  readonly mails: Delivered & { readonly composed: number };
  readonly requests: number;
  readonly bytes: number;
  readonly error: string | null;
}

const SOURCE = 'ees';

/**
 * Runs once, as the only run on this database.
 * @throws RunHeldError when another run is under way; what the database throws
 */
export async function runOnce(tools: Tools & { readonly trigger: string }): Promise<RunReport> {
  const { store, now } = tools;
  const begun: { run?: Run } = {};
  const ping = (event: 'start' | 'success' | 'fail'): Promise<unknown> => {
    const url = tools.settings.config.heartbeatUrl;
    return url === undefined ? Promise.resolve() : heartbeat(url, event, begun.run?.id);
  };
  try {
    const { report, isWell } = await withRunLock(
      store,
      { trigger: tools.trigger, now, log: tools.log },
      async (run) => {
        begun.run = run;
        await ping('start');
        const done = await runWithin(tools, run);
        run.log.info(summary(done.report), `run ended: ${done.report.outcome}`);
        return { end: runEnd(done.report), result: done };
      },
    );
    // Not before its end is on record: that may fail too.
    await ping(isWell ? 'success' : 'fail');
    return report;
  } catch (error) {
    // Another run is under way, or a person stopped this one: nothing is said of either.
    if (error instanceof RunHeldError || tools.signal.aborted) throw error;
    await ping('fail');
    // Whoever lost the lock may have a successor by now, who speaks for itself.
    if (begun.run?.signal.aborted !== true) await tellBrokenOff(tools, messageOf(error));
    throw error;
  }
}

async function runWithin(tools: Tools, run: Run): Promise<{ report: RunReport; isWell: boolean }> {
  const { log } = run;
  const inRun = { ...tools, log, signal: AbortSignal.any([tools.signal, run.signal]) };

  await evaluateLeftovers(inRun, run.id, 'backfills');
  const { untold, ...gathered } = await gather(inRun, run);
  const evaluation = await evaluateLoaded(inRun, run.id);
  const { unwritten, ...delivered } = await deliverOwed(inRun, untold);
  const ended = await noteRunEnded(tellerOf(inRun));
  // A run by hand or by cron has no loop that would send this later.
  const again = ended.isNews ? await deliverQueue({ ...inRun, server: tools.mailServer }) : undefined;

  const troubles = [unwritten, ended.untold].filter((each) => each !== undefined);
  const report: RunReport = {
    runId: run.id,
    ...gathered,
    outcome: gathered.outcome === 'done' && troubles.length > 0 ? 'in part' : gathered.outcome,
    events: evaluation.events.length,
    notes: [...gathered.notes, ...evaluation.warnings, ...troubles],
    mails: again === undefined ? delivered : { ...delivered, sent: delivered.sent + again.sent },
  };
  return { report, isWell: gathered.outcome !== 'failed' && troubles.length === 0 };
}

/** What a run that broke off leaves to be said: on record, to the operator, and on its way. Never throws. */
async function tellBrokenOff(tools: Tools, reason: string): Promise<void> {
  await noteBrokenOff(tellerOf(tools), reason);
  await deliverQueue({ ...tools, server: tools.mailServer }).catch((error: unknown) => {
    tools.log.warn({ error: messageOf(error) }, 'mail could not be sent either; it waits');
  });
}

function tellerOf({ store, settings, log, now }: Pick<Tools, 'store' | 'settings' | 'log' | 'now'>): Teller {
  const { failuresBeforeMail } = settings.config;
  return { store, post: operatorPost(settings), failuresBeforeMail, log, now: now() };
}

interface Gathered extends Omit<RunReport, 'runId' | 'events' | 'mails'> {
  /** Why the operator could not be told of something, where that is so; the next run tells it. */
  readonly untold: string | undefined;
}

/** Looks around at EES and loads what is new. Never throws for EES's troubles: they are in the report. */
async function gather(tools: Tools, run: Run): Promise<Gathered> {
  const { store, settings, log, now, signal } = tools;
  const directory = downloadsOf(settings);
  await cleanDownloads(directory);
  const before = readSourceState(await getSourceState(store, SOURCE));
  const client = openClient(settings, now, signal);
  try {
    tools.progress?.('asking EES what is new');
    const discovery = await discover(client, settings.config.sources, before.memory, {
      alreadyLoaded: (file) => isHandled(store, sourceKey(file.source)),
      known: await knownNames(store),
    });
    const known = withNoticed(before, discovery, now());
    // First of all: what is remembered after the first file must not be forgotten by a kill.
    for (const withdrawn of discovery.withdrawn) {
      const { what } = withdrawn;
      const mark = (it: TakenBack): Promise<number[]> =>
        retrying(store, (again) => withdrawAtSource(again, it, `${withdrawn.status} at source`, now()));
      const marked = await mark(what);
      if (what.kind === 'version' && what.fileId !== undefined) {
        marked.push(...(await mark({ kind: 'release file', fileId: what.fileId })));
      }
      if (marked.length > 0) log.warn({ withdrawn }, `${withdrawn.title}: ${withdrawn.status} at EES`);
    }
    const files: FileReport[] = [];
    for (const [index, wanted] of discovery.files.entries()) {
      signal.throwIfAborted();
      tools.progress?.(`${index + 1} of ${discovery.files.length}: ${wanted.release.title}, ${wanted.dataSet.title}`);
      files.push(await takeIn(tools, client, directory, wanted, run.id, discovery, known));
    }
    const outcome =
      discovery.degraded.length > 0 || files.some(({ outcome: each }) => each !== 'loaded' && each !== 'unchanged')
        ? 'in part'
        : 'done';
    const after: SourceState = {
      ...stateOf(known, discovery),
      lastPoll: now().toISOString(),
      lastGoodPoll: now().toISOString(),
      failures: 0,
      lastError: null,
      memory: discovery.remember([]),
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
      notes: discovery.notes,
      ...spentBy(client),
      error: null,
      untold,
    };
  } catch (error) {
    // What our own database refuses is no fault of EES: the run breaks off.
    if (isOfDatabase(error)) throw error;
    const reason = messageOf(error);
    log.error({ error: reason }, 'EES could not be read');
    const untold = await noteFailure(tools, before, reason);
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
    await setSourceState(store, SOURCE, { ...before, memory } satisfies SourceState, now());
  };
  try {
    const got = await download(client, wanted, directory);
    if (got.kind === 'not modified') {
      await noteNotModified(store, wanted, got);
      await remember(got.etag);
      return { ...namesOf(wanted), outcome: 'unchanged', reason: 'EES has the same bytes as before' };
    }
    try {
      const report = await loadFile(
        { store, now, signal, onRows: (rows) => tools.progress?.(`${wanted.dataSet.title}: ${rows} rows`) },
        fileToLoad(wanted, got, runId, tools.composed),
      );
      log.info(
        { file: report.file, outcome: report.outcome, rows: report.rows, reason: report.reason },
        `${report.outcome}: ${report.data_set}`,
      );
      await noteUnchanged(store, wanted, report);
      await remember(got.etag);
      return report;
    } finally {
      await got.remove();
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
  got: Pick<Downloaded, 'sha256' | 'bytes' | 'open' | 'etag' | 'source'>,
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
      },
      sha256: got.sha256,
      fileName: wanted.fileName,
      bytes: got.bytes,
      runId,
    },
    open: () => got.open(),
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
    diff: null,
  };
}

/**
 * What a run that died had loaded and not yet compared with the rules: as quietly as it would have been done then.
 * To be called by the holder of the lock, before anything is loaded.
 * @param which 'backfills': what is to be told waits, and is compared together with what comes now, so that a first look
 *   that a crash cut in two is still one look
 */
export async function evaluateLeftovers(tools: Tools, runId: number, which: 'all' | 'backfills'): Promise<void> {
  const left = await leftovers(tools.store);
  if (left === undefined || (which === 'backfills' && !left.quiet)) return;
  await evaluateLoaded(tools, runId, left.quiet ? 'quiet' : undefined);
}

/**
 * Compares what was loaded with the rules.
 * @param history for backfills: 'quiet' records what history would have raised, 'told' mails it
 */
export async function evaluateLoaded(tools: Tools, runId: number, history?: 'quiet' | 'told'): Promise<Evaluation> {
  const { store, settings, now } = tools;
  tools.progress?.('comparing with the rules');
  const evaluation = await evaluate(store, {
    rules: settings.config.rules,
    briefs: settings.config.briefs,
    recipients: recipientsOf(settings),
    neighbours: await readNeighbours(settings.config.neighbours),
    runId,
    now: now(),
    paused: (await pausedSince(store)) !== undefined,
    muteAs: history === 'quiet' ? 'backfill' : undefined,
    notifyHistory: history === 'told',
  });
  for (const warning of evaluation.warnings) tools.log.warn(warning);
  return evaluation;
}

/** What became of what was owed; `unwritten` says why not all of it is a mail by now, where that is so. */
export type DeliveredOwed = RunReport['mails'] & { readonly unwritten: string | undefined };

/**
 * Writes what is owed as mails, and sends what is due. A mail that cannot go now waits in the queue; one that cannot be
 * written stays owed, and the operator hears of it once it has happened often enough.
 * @param untold what else could not be written: news for the operator
 */
export async function deliverOwed(tools: Tools, untold?: string): Promise<DeliveredOwed> {
  const { store, now } = tools;
  // Of this run, and of any that died before it came so far: no other can be under way.
  await releaseDue(store, 'all', now());
  const { composed, unwritten: failed } = await composeOwed(tools);
  const reasons = [failed, untold].filter((each) => each !== undefined);
  const reason = reasons.length === 0 ? undefined : reasons.join(' ');
  // While sending is paused nothing is written: nobody knows whether it could be.
  const isKnown = reason !== undefined || (await pausedSince(store)) === undefined;
  const unwritten = isKnown ? await noteMails(tellerOf(tools), reason) : undefined;
  tools.progress?.('sending mail');
  return { ...(await deliverQueue({ ...tools, server: tools.mailServer })), composed, unwritten };
}

/** Writes mails for everything that has fallen due; `unwritten` is the reason of those that could not be. */
async function composeOwed(tools: Tools): Promise<{ composed: number; unwritten: string | undefined }> {
  // Loaded with the first mail: charts and templates are no part of a load.
  const { composeDue, UnwrittenMailError } = await import('./alerts/compose.js');
  try {
    return { composed: await composeDue(tools.store, await mailSettings(tools)), unwritten: undefined };
  } catch (error) {
    // Whose mail cannot be written stays owed; the others' are in the queue and go out.
    tools.signal.throwIfAborted();
    const unwritten = messageOf(error);
    tools.log.error({ error: unwritten }, 'some mails could not be written and stay owed');
    return { composed: error instanceof UnwrittenMailError ? error.queued : 0, unwritten };
  }
}

/** What mails are written with: who writes, whom to ask, what is known of the rules and of the sources' troubles. */
export async function mailSettings({
  store,
  settings,
  now,
  composed,
}: Pick<Tools, 'store' | 'settings' | 'now' | 'composed'>): Promise<ComposeSettings> {
  const { mail, rules, neighbours } = settings.config;
  const { degraded } = readSourceState(await getSourceState(store, SOURCE));
  return {
    now: now(),
    from: mailboxText(mail.from),
    replyTo: mail.replyTo === undefined ? undefined : mailboxText(mail.replyTo),
    owner: mail.owner,
    rules,
    neighbours: await readNeighbours(neighbours),
    composed: composed === true,
    notices: degraded
      .filter(({ missing }) => missing.length > 0)
      .map(({ missing }) => `EES could not be read in full; missing meanwhile: ${missing.join('; ')}.`),
  };
}

/** Group names to bare addresses. */
export function recipientsOf(settings: Settings): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    [...settings.config.recipients].map(([group, mailboxes]) => [group, mailboxes.map(({ address }) => address)]),
  );
}

/** The way to EES, as configured. */
export function openClient(settings: Settings, now: () => Date, signal: AbortSignal): EesClient {
  const { environment, config } = settings;
  return createEesClient({
    apiUrl: environment.eesApiUrl,
    contentUrl: environment.eesContentUrl,
    contact: config.contact,
    version: VERSION,
    environment: {
      ...(environment.httpsProxy === undefined ? {} : { HTTPS_PROXY: environment.httpsProxy }),
      NO_PROXY: environment.noProxy.join(','),
    },
    signal,
    now: () => now().getTime(),
  });
}

function spentBy(client: EesClient): { requests: number; bytes: number } {
  return { requests: client.spent.requests, bytes: client.spent.bytes };
}

function stateOf(before: SourceState, discovery: Discovery): SourceState {
  return {
    ...before,
    degraded: [
      ...discovery.standing.map(({ source, route, reason, missing, since, way }) => ({
        source,
        route,
        reason,
        missing: [...missing],
        since,
        way,
      })),
      ...discovery.unfetched().map(({ missing, ...each }) => ({
        ...each,
        missing: [...missing],
        way: `files of ${each.source}`,
      })),
    ],
    skipped: discovery.skipped.map(({ title, release, reason }) => ({ title, release, reason })),
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

function summary({ files, events, mails, requests, bytes, outcome }: RunReport) {
  return {
    outcome,
    loaded: files.filter((file) => file.outcome === 'loaded').length,
    files: files.length,
    events,
    mails,
    requests,
    bytes,
  };
}

function runEnd(report: RunReport): RunEnd {
  return {
    outcome: report.outcome,
    detail: {
      ...summary(report),
      error: report.error,
      files: report.files.map(({ file, release, outcome, version, rows, reason }) => ({
        file,
        release,
        outcome,
        version,
        rows,
        reason,
      })),
      degraded: report.degraded,
      notes: report.notes,
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
