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
    const lastWord = async (): Promise<LastWord | undefined> =>
      inThisMail.get(alertKey(last.news)) ?? (await lastWordBefore(db, address, first.alertId));
    const news = (await isOfAlert(db, events)) ? asItStands(events, await lastWord()) : await asCorrected(db, events);
    if (news === undefined) for (const { alertId } of chain) cameBack.add(alertId);
    else {
      told.push({ ...last, news });
      inThisMail.set(alertKey(news), news);
    }
  }
  return { recorded: told, cameBack };
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
 * Is it news of an alert that was corrected before the recipient was mailed of it? The clearing of an alert that he knows
 * of may itself have been muted.
 */
async function isOfAlert(db: Kysely<Database>, { first, last, isHeardOf }: Events): Promise<boolean> {
  if (first.alertId !== last.alertId) return isWord(first.news);
  if (first.news.event !== 'corrected' || isHeardOf || !last.news.inBreach) return false;
  const before = await stoodBefore(db, first.alertId);
  return before?.event === 'cleared' && before.isMuted;
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
  if (!stands.inBreach) return 'cleared';
  const isTakenBack = word.event === 'cleared' || word.event === 'corrected';
  if (lastWord?.inBreach !== true) {
    if (word.event === 'corrected') return 'corrected';
    return isTakenBack ? undefined : word.event;
  }
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

/** Is it the end of an alert that its readers know of, with a figure that says so? */
function closes({ event, value, reason }: MailNews): boolean {
  return event === 'cleared' && value !== null && !reason.endsWith(UNHEARD);
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
  if (later.event !== 'corrected' || !sameNumber(earlier.value, later.previous)) return false;
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
