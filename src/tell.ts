/** The second half of a run: what was loaded is compared with the rules, what is owed is written and sent. */
import { createHash } from 'node:crypto';
import type { ComposeSettings, Notice } from './alerts/compose.js';
import type { Delivered } from './alerts/deliver.js';
import type { EndedNews } from './alerts/ended-areas.js';
import { newsWaitsForRules } from './alerts/delivery-state.js';
import { evaluate, type Evaluation } from './alerts/evaluate.js';
import { operatorEdge, type OperatorMail } from './alerts/operator.js';
import { releaseDue } from './alerts/queue.js';
import { pausedSince } from './alerts/queue-upkeep.js';
import type { Settings } from './config.js';
import { publicationTitle } from './domain/publications.js';
import { EVERY_SOURCE } from './extract/standing.js';
import type { Store } from './load/database.js';
import { getSourceState } from './load/runs.js';
import { leftovers } from './load/sources.js';
import { deliverQueue, mailboxText, noteMailAlive, operatorPost } from './mail-server.js';
import { noteMails, type Teller } from './run-troubles.js';
import { readSourceState, SOURCE, type SourceState } from './source-state.js';
import { messageOf, type Tools } from './tools.js';

/**
 * What a run that died had loaded and not yet compared with the rules: as quietly as it would have been done then. Before
 * a quiet backfill also what was taken back since the last run: the next one mails the corrections.
 * To be called by the holder of the lock, before anything is loaded.
 * @param which 'quiet' or 'to be told': the other kind waits, and is compared together with what comes now, which is told
 *   or recorded in the same way, so that a first look that a crash cut in two is still one look
 */
export async function evaluateLeftovers(
  tools: Tools,
  runId: number,
  which: 'all' | 'quiet' | 'to be told',
): Promise<void> {
  const left = await leftovers(tools.store);
  // What was taken back since the last run is no history: a backfill does not record it as quietly as what it loads.
  if (left === undefined && which === 'to be told' && (await newsWaitsForRules(tools.store.db))) {
    await evaluateLoaded(tools, runId);
    return;
  }
  if (left === undefined || (which !== 'all' && left.quiet !== (which === 'quiet'))) return;
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
    neighbours: settings.neighbours,
    runId,
    now: now(),
    paused: (await pausedSince(store)) !== undefined,
    muteAs: history === 'quiet' ? 'backfill' : undefined,
    notifyHistory: history === 'told',
  });
  for (const warning of evaluation.warnings) tools.log.warn(warning);
  if (history !== 'quiet') {
    if (evaluation.newlyMissing.length > 0) await tellMissing(tools, evaluation.newlyMissing);
    for (const ended of evaluation.ended) await tellEnded(tools, ended);
  }
  return evaluation;
}

/** Tells the operator of areas that are missing from now on. */
async function tellMissing(tools: Tools, lines: readonly string[]): Promise<void> {
  const key = `missing:${createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 16)}`;
  const text = [
    ...lines,
    '',
    'No alert is cleared by that. Once these areas have a figure again, the rules go on from where they stood.',
    'An area that is gone for good can leave the rule, or the rule can say on_missing_area: clear.',
  ].join('\n');
  const subject = 'absence-watch: areas without a figure in a new release';
  await tellOfAreas(tools, key, { subject, text });
}

/** Tells the operator, once for each area, of an authority that was abolished. */
async function tellEnded(tools: Tools, { key, name, text }: EndedNews): Promise<void> {
  await tellOfAreas(tools, `ended:${key}`, {
    subject: `absence-watch: ${name} has come to its end`,
    text: [
      text,
      '',
      'An alert that is open for it is closed as "area ended" with the first release of its series that has others and no longer this one, and those who were told of it are told so.',
      'Its figures up to its end stay in the database.',
    ].join('\n'),
  });
}

/** What is on record in the run need not be told at any price. */
async function tellOfAreas({ store, settings, log, now }: Tools, key: string, mail: OperatorMail): Promise<void> {
  await operatorEdge(store, operatorPost(settings), key, 'ill', { ill: () => mail }, now()).catch((error: unknown) => {
    log.error(
      { error: messageOf(error) },
      'the operator cannot be told of areas without figures; the notes of the run name them',
    );
  });
}

/** How many were written, sent, and what became of the others. */
export type Mails = Delivered & { readonly composed: number };

/** What became of what was owed; `unwritten` says why not all of it is a mail by now, where that is so. */
export type DeliveredOwed = Mails & { readonly unwritten: string | undefined };

/**
 * Writes what is owed as mails, and sends what is due. A mail that cannot go now waits in the queue; one that cannot be
 * written stays owed, and the operator hears of it once it has happened often enough.
 * @param untold what else could not be written: news for the operator
 */
export async function deliverOwed(tools: Tools, untold?: string): Promise<DeliveredOwed> {
  const { store, now } = tools;
  // Of this run, and of any that died before it came so far: no other can be under way.
  await releaseDue(store, 'all', now());
  // What a restored backup believes untried must be known as that before it becomes part of a new mail.
  await noteMailAlive(tools);
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
  const { mail, rules } = settings.config;
  const { degraded } = readSourceState(await getSourceState(store, SOURCE));
  return {
    now: now(),
    from: mailboxText(mail.from),
    replyTo: mail.replyTo === undefined ? undefined : mailboxText(mail.replyTo),
    owner: mail.owner,
    rules,
    neighbours: settings.neighbours,
    composed: composed === true,
    notices: await noticesOf(store, degraded),
  };
}

/** What mails say is missing: one sentence on what concerns every source, and one on each publication. */
async function noticesOf(store: Store, degraded: SourceState['degraded']): Promise<Notice[]> {
  const missing = new Map<string, Set<string>>();
  for (const each of degraded) {
    // What was never there is missing from no figures that anybody is mailed: the operator sees it in status and doctor.
    if (each.failures === 0) continue;
    const known = missing.get(each.source) ?? new Set();
    if (each.missing.length > 0) missing.set(each.source, new Set([...known, ...each.missing]));
  }
  if (missing.size === 0) return [];
  const rows = await store.db.selectFrom('publication').select(['slug', 'title']).execute();
  const titles = new Map(rows.map(({ slug, title }) => [slug, title]));
  return [...missing].map(([source, what]) => {
    const publication = source === EVERY_SOURCE ? undefined : publicationTitle(source, titles.get(source));
    const where = publication === undefined ? '' : ` for “${publication}”`;
    return { publication, text: `EES could not be read in full${where}; missing meanwhile: ${[...what].join('; ')}.` };
  });
}

/** Group names to bare addresses. */
export function recipientsOf(settings: Settings): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    [...settings.config.recipients].map(([group, mailboxes]) => [group, mailboxes.map(({ address }) => address)]),
  );
}

/** Who speaks to the operator of what goes wrong with runs. */
export function tellerOf({ store, settings, log, now }: Pick<Tools, 'store' | 'settings' | 'log' | 'now'>): Teller {
  const { failuresBeforeMail } = settings.config;
  return { store, post: operatorPost(settings), failuresBeforeMail, log, now: now() };
}
