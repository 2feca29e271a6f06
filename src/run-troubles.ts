/**
 * What goes wrong with runs beside EES: they break off, or mails cannot be written. Counted in a row, kept for status and
 * health, told to the operator on the edges. What tells of it may be what fails: nothing here throws for the database.
 */
import type { Logger } from 'pino';
import { operatorEdge, type EdgeMails, type OpenEdge, type OperatorPost } from './alerts/operator.js';
import type { Store } from './load/database.js';

/** Names of the two edges. */
export const RUNS = 'runs';
export const MAILS = 'mails';

export interface Teller {
  readonly store: Store;
  readonly post: OperatorPost;
  readonly failuresBeforeMail: number;
  readonly log: Logger;
  readonly now: Date;
}

/** The two as they stand; undefined where all is well. */
export interface RunTroubles {
  readonly brokenOff: OpenEdge | undefined;
  readonly unwritten: OpenEdge | undefined;
}

export function runTroubles(edges: readonly OpenEdge[]): RunTroubles {
  const named = (name: string): OpenEdge | undefined => edges.find(({ key }) => key === name);
  return { brokenOff: named(RUNS), unwritten: named(MAILS) };
}

/** The two in words, for health and doctor. */
export function troubleWords({ brokenOff, unwritten }: RunTroubles): string[] {
  return [
    ...(brokenOff === undefined ? [] : [`${lastRuns(brokenOff.count)} broke off${because(brokenOff)}`]),
    ...(unwritten === undefined ? [] : [`mails cannot be written (${lastRuns(unwritten.count)})${because(unwritten)}`]),
  ];
}

function lastRuns(count: number): string {
  return count === 1 ? 'the last run' : `the last ${count} runs`;
}

function because({ reason }: OpenEdge): string {
  return reason === undefined ? '' : `: ${reason}`;
}

/** Counts a run that broke off. @returns why the operator could not be told, where that is so */
export async function noteBrokenOff(teller: Teller, reason: string): Promise<string | undefined> {
  return turn(teller, RUNS, 'ill', {
    ...{ after: teller.failuresBeforeMail, reason },
    ill: ({ count, since }) => ({
      subject: `absence-watch: runs break off since ${minute(since)}`,
      text: [
        `${count === 1 ? 'A run' : `${count} runs in a row`} broke off. The last one said:`,
        '',
        reason,
        '',
        'Nothing is lost: what was loaded and not yet compared or mailed is taken up by the next run that succeeds.',
        '"absence-watch doctor" checks everything that a run needs.',
      ].join('\n'),
    }),
  });
}

/** A run came to its end. @returns whether that is news to the operator, and why it could not be told, where that is so */
export async function noteRunEnded(teller: Teller): Promise<{ isNews: boolean; untold: string | undefined }> {
  let isNews = false;
  const untold = await turn(
    teller,
    RUNS,
    'well',
    {
      ill: () => ({ subject: '', text: '' }),
      well: ({ count, since }) => ({
        subject: 'absence-watch: runs come to their end again',
        text: `From ${minute(since)} on ${count === 1 ? 'a run' : `${count} runs in a row`} broke off. What they could not do is done.`,
      }),
    },
    (mailed) => {
      isNews = mailed;
    },
  );
  return { isNews, untold };
}

/**
 * Notes whether the mails of a run could be written.
 * @param reason why not
 * @returns that reason, or why the operator could not be told that it is over
 */
export async function noteMails(teller: Teller, reason: string | undefined): Promise<string | undefined> {
  const still =
    reason ??
    (await turn(teller, MAILS, 'well', {
      ill: () => ({ subject: '', text: '' }),
      well: ({ since }) => ({
        subject: 'absence-watch: mails can be written again',
        text: `From ${minute(since)} on the database did not take all mails. What was owed meanwhile is in the queue now, each mail once.`,
      }),
    }));
  if (still === undefined) return undefined;
  await turn(teller, MAILS, 'ill', {
    ...{ after: teller.failuresBeforeMail, reason: still },
    ill: ({ count, since }) => ({
      subject: `absence-watch: mails cannot be written since ${minute(since)}`,
      text: [
        `${count === 1 ? 'A run' : `${count} runs in a row`} could not write all mails. The last one said:`,
        '',
        still,
        '',
        'What they tell stays owed; the next run that can write it sends it. "absence-watch status" counts it as waiting.',
      ].join('\n'),
    }),
  });
  return still;
}

async function turn(
  { store, post, log, now }: Teller,
  key: string,
  state: 'ill' | 'well',
  mails: EdgeMails,
  told?: (mailed: boolean) => void,
): Promise<string | undefined> {
  try {
    const done = await operatorEdge(store, post, key, state, mails, now);
    told?.(done === 'mailed');
    return undefined;
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    log.error({ error: said }, 'the operator cannot be told; the next run tries again');
    return said;
  }
}

function minute(at: Date): string {
  return `${at.toISOString().slice(0, 16)}Z`;
}
