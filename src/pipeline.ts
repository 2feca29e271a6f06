/**
 * One run on one page: discover, download, normalise, gate, load, evaluate, deliver. What fails, fails one data set; what
 * is loaded is evaluated; what is owed is sent; the next run takes up what this one could not.
 */
import { gather, type Gathered } from './gather.js';
import { RunHeldError } from './load/errors.js';
import { withRunLock, type Run, type RunEnd } from './load/runs.js';
import { deliverQueue } from './mail-server.js';
import { noteBrokenOff, noteRunEnded } from './run-troubles.js';
import { deliverOwed, evaluateLeftovers, evaluateLoaded, tellerOf, type Mails } from './tell.js';
import { messageOf, ping, type Tools } from './tools.js';

/** What a run did. */
export interface RunReport extends Omit<Gathered, 'untold'> {
  readonly runId: number;
  readonly events: number;
  readonly mails: Mails;
}

/**
 * Runs once, as the only run on this database.
 * @throws RunHeldError when another run is under way; what the database throws
 */
export async function runOnce(tools: Tools & { readonly trigger: string }): Promise<RunReport> {
  const { store, settings, now } = tools;
  const begun: { run?: Run } = {};
  try {
    const { report, isWell } = await withRunLock(
      store,
      { trigger: tools.trigger, now, log: tools.log },
      async (run) => {
        begun.run = run;
        await ping(settings, 'start', run.id);
        const done = await runWithin(tools, run, tools.trigger === 'manual');
        run.log.info(summary(done.report), `run ended: ${done.report.outcome}`);
        return { end: runEnd(done.report), result: done };
      },
    );
    // Not before its end is on record: that may fail too.
    await ping(settings, isWell ? 'success' : 'fail', begun.run?.id);
    return report;
  } catch (error) {
    // Another run is under way, or a person stopped this one: nothing is said of either.
    if (error instanceof RunHeldError || tools.signal.aborted) throw error;
    await ping(settings, 'fail', begun.run?.id);
    // Whoever lost the lock may have a successor by now, who speaks for itself.
    if (begun.run?.signal.aborted !== true) await tellBrokenOff(tools, messageOf(error));
    throw error;
  }
}

async function runWithin(tools: Tools, run: Run, isByHand: boolean): Promise<{ report: RunReport; isWell: boolean }> {
  const { log } = run;
  const inRun = { ...tools, log, signal: AbortSignal.any([tools.signal, run.signal]) };

  await evaluateLeftovers(inRun, run.id, 'quiet');
  // Extract, transform and load, file by file.
  const { untold, ...gathered } = await gather(inRun, run, isByHand);
  // Alerts: figures to events, events to mails, mails to recipients.
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
    mails: again === undefined ? delivered : withLater(delivered, again),
  };
  return { report, isWell: gathered.outcome !== 'failed' && troubles.length === 0 };
}

/** With what went out once it was known how the run ended. */
function withLater(mails: Mails, { sent, to_operator = 0 }: Pick<Mails, 'sent' | 'to_operator'>): Mails {
  return {
    ...mails,
    sent: mails.sent + sent,
    ...(to_operator === 0 ? {} : { to_operator: (mails.to_operator ?? 0) + to_operator }),
  };
}

/** What a run that broke off leaves to be said: on record, to the operator, and on its way. Never throws. */
async function tellBrokenOff(tools: Tools, reason: string): Promise<void> {
  await noteBrokenOff(tellerOf(tools), reason);
  await deliverQueue({ ...tools, server: tools.mailServer }).catch((error: unknown) => {
    tools.log.warn({ error: messageOf(error) }, 'mail could not be sent either; it waits');
  });
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
