/**
 * Corrections of one figure, as one: where it was revised again before a recipient was mailed of the first revision, or
 * without a mail, he hears of what he was told last and of what stands, and of nothing where that is the same, or where he
 * was told nothing and the figure is not past the line. News of an alert (a crossing, a clearing, a figure that got worse, a
 * reminder) that was corrected before he was mailed of it is told as what stands makes of it, or not at all: never with a
 * figure that was amended or withheld since. Every event stays on record.
 */
import type { Kysely } from 'kysely';
import { decimal, printed, printedCount } from '../domain/decimal.js';
import { isRate } from '../domain/measure.js';
import type { Database } from '../load/schema.js';
import type { RecordedNews } from './compose-read.js';
import { OCCASION_WORDS } from './decide.js';
import type { MailNews } from './mail-model.js';
import { drawnReason } from './mail-news.js';
import { alertKey } from './mail-order.js';
import { furtherBy } from './reading.js';
import { endOfCorrection, isOfHistory, placesIn, UNHEARD } from './reason.js';
import { sameNumber } from './rule-state.js';
import { lastWordBefore, stoodBefore, toldBefore, type LastTold, type LastWord } from './told-before.js';

export interface DrawnTogether {
  readonly recorded: readonly RecordedNews[];
  /** Ids of events that come to nothing: the recipient knows already what stands, or has nothing to know. */
  readonly cameBack: ReadonlySet<number>;
  /** Chains of these events that came to nothing while an alert stays open, with what its recipient was told last of it. */
  readonly uncounted: readonly { readonly alertIds: readonly number[]; readonly compared: string }[];
}

/**
 * @param address whose mail it is
 * @param recorded events that one recipient is owed, in the order in which they were recorded
 */
export async function drawTogether(
  db: Kysely<Database>,
  address: string,
  recorded: readonly RecordedNews[],
): Promise<DrawnTogether> {
  const told: RecordedNews[] = [];
  const cameBack = new Set<number>();
  const uncounted: DrawnTogether['uncounted'][number][] = [];
  const mailed = await toldBefore(
    db,
    address,
    recorded.filter(({ news }) => news.event === 'corrected').map(({ alertId }) => alertId),
  );
  const inThisMail = new Map<string, MailNews>();
  for (const { chain, heard, isHeardOf } of chainsOf(recorded, mailed)) {
    const [recordedFirst] = chain;
    const last = chain.at(-1);
    if (recordedFirst === undefined || last === undefined) continue;
    const lastTold = mailed.get(recordedFirst.alertId);
    const first = fromLastTold(recordedFirst, lastTold, heard);
    const events = { first, last, isHeardOf, lastTold };
    const key = alertKey(last.news);
    const lastWord = (await isOfAlert(db, events))
      ? { is: inThisMail.get(key) ?? (await lastWordBefore(db, address, first.alertId)) }
      : undefined;
    const news = lastWord === undefined ? await asCorrected(db, events) : asItStands(events, lastWord.is);
    if (news !== undefined) {
      told.push({ ...last, news });
      inThisMail.set(key, news);
      continue;
    }
    const alertIds = chain.map(({ alertId }) => alertId);
    for (const id of alertIds) cameBack.add(id);
    const compared = lastWord?.is?.inBreach === true ? lastWord.is.compared : null;
    if (compared !== null && last.news.inBreach) uncounted.push({ alertIds, compared });
  }
  return { recorded: told, cameBack, uncounted };
}

/**
 * A correction as one of what the recipient was told last, in a mail or earlier in this one: what was recorded since, while
 * mails were muted, he never saw.
 */
function fromLastTold(first: RecordedNews, told: LastTold | undefined, heard: MailNews | undefined): RecordedNews {
  const { news } = first;
  const stood = heard ?? told;
  if (news.event !== 'corrected' || stood === undefined) return first;
  const { inBreach, compared } = stood;
  const isSeen = told === undefined || readsAlike(news, { ...news, value: told.value });
  return { ...first, news: { ...news, previous: isSeen ? news.previous : told.value, stood: { inBreach, compared } } };
}

/** What is told of a chain of events as one. */
interface Events {
  readonly first: RecordedNews;
  readonly last: RecordedNews;
  readonly isHeardOf: boolean;
  readonly lastTold: LastTold | undefined;
}

/**
 * Is it news of an alert that was corrected before the recipient was mailed of it? What was said of the figure before may
 * have come to nothing in an earlier mail, and the clearing of an alert that he knows of may itself have been muted.
 */
async function isOfAlert(db: Kysely<Database>, { first, last, isHeardOf }: Events): Promise<boolean> {
  if (first.alertId !== last.alertId) return isWord(first.news);
  if (first.news.event !== 'corrected' || isHeardOf) return false;
  const before = await stoodBefore(db, first.alertId);
  if (before === undefined) return false;
  return before.isMuted ? before.event === 'cleared' && last.news.inBreach : true;
}

/**
 * News of an alert as the figure that stands makes it; undefined where the recipient has nothing to hear.
 * @param lastWord what he was told of the alert last, of whichever figure
 */
function asItStands({ first, last }: Events, lastWord: LastWord | undefined): MailNews | undefined {
  const event = eventOf(first.news, last.news, lastWord);
  return event === undefined ? undefined : asOne({ ...first.news, event }, last.news);
}

function eventOf(word: MailNews, stands: MailNews, lastWord: LastWord | undefined): MailNews['event'] | undefined {
  if (opens(word)) return stands.inBreach ? word.event : undefined;
  const isKnown = lastWord?.inBreach === true;
  if (word.event === 'corrected' && !isKnown) return stands.inBreach ? 'crossed' : undefined;
  if (!stands.inBreach) return 'cleared';
  if (!isKnown) return word.event === 'cleared' ? undefined : word.event;
  const { condition, settings, compared } = stands;
  if (
    condition !== undefined &&
    settings?.worseBy !== undefined &&
    compared !== null &&
    lastWord.compared !== null &&
    furtherBy(condition, decimal(compared), lastWord.compared).gt(settings.worseBy)
  )
    return 'worse';
  return word.event === 'reminder' || settings?.remind === true ? 'reminder' : undefined;
}

/** Corrections of a figure as one; undefined where that tells the recipient nothing. */
async function asCorrected(db: Kysely<Database>, events: Events): Promise<MailNews | undefined> {
  const { first, last } = events;
  if (await comesToNothing(db, events)) return undefined;
  const isAsRecorded = first.alertId === last.alertId && sameNumber(first.news.previous, last.news.previous);
  return isAsRecorded ? first.news : asOne(first.news, last.news);
}

/** Would the recipient hear of these events what he knows already, or of an alert that came and went? */
async function comesToNothing(db: Kysely<Database>, { first, last, isHeardOf, lastTold }: Events): Promise<boolean> {
  const isOne = first.alertId === last.alertId;
  const isNoWord = first.news.event === 'corrected' && !isHeardOf && !last.news.inBreach;
  if (isOne && !isNoWord && lastTold === undefined) return false;
  // A figure without an earlier event is corrected only where its state turned.
  const before = lastTold?.inBreach ?? (await stoodBefore(db, first.alertId))?.inBreach ?? !first.news.inBreach;
  return before === last.news.inBreach && (isNoWord || readsAlike(first.news, last.news));
}

/**
 * Is it the first word of an alert? Not where the rule was edited: its readers may know of an alert under the rule as it
 * was, and hear of the end of that.
 */
function opens({ event, inBreach, reason }: MailNews): boolean {
  return event === 'crossed' || (event === 'baseline' && inBreach && !reason.startsWith(OCCASION_WORDS['edited rule']));
}

/** Is it the end of an alert that its readers know of? */
function closes({ event, reason }: MailNews): boolean {
  return event === 'cleared' && !reason.endsWith(UNHEARD);
}

/** Is it news of an alert itself, not of a figure? */
function isWord(news: MailNews): boolean {
  return news.event === 'worse' || news.event === 'reminder' || opens(news) || closes(news);
}

interface Chain {
  readonly chain: readonly RecordedNews[];
  /** What this mail tells of the figure before it. */
  readonly heard: MailNews | undefined;
  /** Did the recipient hear of the figure before, in a mail or earlier in this one? */
  readonly isHeardOf: boolean;
}

/** Corrections of one figure by one rule that follow each other, and news of the alert before them; every other event by itself. */
function chainsOf(recorded: readonly RecordedNews[], mailed: ReadonlyMap<number, LastTold>): readonly Chain[] {
  const chains: (Chain & { readonly chain: RecordedNews[] })[] = [];
  const newest = new Map<string, (typeof chains)[number]>();
  for (const one of recorded) {
    const { period, asOf } = one.news;
    const key = JSON.stringify([alertKey(one.news), period.timePeriod, period.timeIdentifier, asOf]);
    const known = newest.get(key);
    const last = known?.chain.at(-1);
    if (known !== undefined && last !== undefined && goesOn(last.news, one.news, known)) {
      known.chain.push(one);
      continue;
    }
    const started = { chain: [one], heard: last?.news, isHeardOf: known !== undefined || mailed.has(one.alertId) };
    newest.set(key, started);
    chains.push(started);
  }
  return chains;
}

function goesOn(earlier: MailNews, later: MailNews, { chain, isHeardOf }: Chain): boolean {
  const ofAlert = chain[0] !== undefined && isWord(chain[0].news);
  if (earlier.event !== 'corrected' && !isWord(earlier)) return false;
  // A rule that takes a missing figure as cleared crosses and clears with one figure, as that comes and goes.
  const comesOrGoes = ofAlert && (later.event === 'cleared' || later.event === 'crossed');
  if (!comesOrGoes && (later.event !== 'corrected' || !sameNumber(earlier.value, later.previous))) return false;
  if (!sameNumber(earlier.threshold, later.threshold)) return false;
  // News of an alert is not told with a figure that does not count.
  if (ofAlert && later.compared === null && later.value !== null) return false;
  // An alert may go on with a newer figure, whatever becomes of the one that opened or closed it.
  return (isHeardOf && !ofAlert) || isOfHistory(earlier.reason) || !isOfHistory(later.reason);
}

/** Would the reader see the number that he was told, with the decimals with which the first correction quotes it? */
function readsAlike({ previous, measure, reason }: MailNews, { value }: MailNews): boolean {
  if (previous === null || value === null) return previous === value;
  if (!isRate(measure)) return printedCount(previous) === printedCount(value);
  const places = placesIn(reason);
  return printed(previous, places) === printed(value, places);
}

/** Of corrections one, from the figure before the first; of news of an alert and its corrections that, with the figure that stands. */
function asOne(first: MailNews, last: MailNews): MailNews {
  const { value, compared, reason } = last;
  const drawn = endOfCorrection(reason, { value, counts: compared !== null });
  const { event, previous, stood } = first;
  const places = event === 'corrected' ? { places: placesIn(first.reason) } : {};
  const news: MailNews = { ...last, event, previous, ...places, drawn, ...(stood === undefined ? {} : { stood }) };
  return { ...news, reason: drawnReason(news) };
}
