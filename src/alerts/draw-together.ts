/**
 * Corrections of one figure, as one: where it was revised again before a recipient was mailed of the first revision, or
 * without a mail, he hears of what he was told last and of what stands, and of nothing where that is the same, or where he
 * was told nothing and the figure is not past the line. A crossing that was corrected before he was mailed of it is told as
 * that, with the figure that stands, or not at all. So is a clearing: where it was taken back, the alert that he knows of
 * goes on, and is told again only where the rule asks for that. Every event stays on record.
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
import { lastWordBefore, stoodBefore, toldBefore, type LastTold } from './told-before.js';

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
  for (const { chain, heard, isHeardOf } of chainsOf(recorded, mailed)) {
    const [recordedFirst] = chain;
    const last = chain.at(-1);
    if (recordedFirst === undefined || last === undefined) continue;
    const lastTold = mailed.get(recordedFirst.alertId);
    const first = fromLastTold(recordedFirst, lastTold, heard);
    const events = { first, last, isHeardOf, lastTold };
    const standing = await goesOnUntold(db, address, events);
    if (standing?.event === undefined && (standing !== undefined || (await comesToNothing(db, events))))
      for (const { alertId } of chain) cameBack.add(alertId);
    else if (standing?.event !== undefined)
      told.push({ ...last, news: asOne({ ...first.news, event: standing.event }, last.news) });
    else if (chain.length === 1 && sameNumber(first.news.previous, last.news.previous)) told.push(first);
    else told.push({ ...last, news: asOne(first.news, last.news) });
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
 * Do these events take a clearing back that the recipient was not mailed, so that the alert that he knows of goes on?
 * @returns undefined where they do not; else the event as which the figure that stands is told, if it is
 */
async function goesOnUntold(
  db: Kysely<Database>,
  address: string,
  { first, last, isHeardOf }: Events,
): Promise<{ readonly event: 'worse' | 'reminder' | undefined } | undefined> {
  if (!last.news.inBreach) return undefined;
  const isWaiting = closes(first.news);
  if (!isWaiting && (first.news.event !== 'corrected' || isHeardOf)) return undefined;
  const before = isWaiting ? undefined : await stoodBefore(db, first.alertId);
  if (!isWaiting && !(before?.event === 'cleared' && before.isMuted)) return undefined;
  const lastWord = await lastWordBefore(db, address, first.alertId);
  if (lastWord?.inBreach !== true) return isWaiting ? { event: undefined } : undefined;
  const { condition, settings, compared } = last.news;
  const isWorse =
    condition !== undefined &&
    settings?.worseBy !== undefined &&
    compared !== null &&
    lastWord.compared !== null &&
    furtherBy(condition, decimal(compared), lastWord.compared).gt(settings.worseBy);
  return { event: isWorse ? 'worse' : settings?.remind === true ? 'reminder' : undefined };
}

/** Would the recipient hear of these events what he knows already, or of an alert that came and went? */
async function comesToNothing(db: Kysely<Database>, { first, last, isHeardOf, lastTold }: Events): Promise<boolean> {
  const isOne = first.alertId === last.alertId;
  if (!isOne && opens(first.news)) return !last.news.inBreach;
  if (!isOne && closes(first.news)) return false;
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

interface Chain {
  readonly chain: readonly RecordedNews[];
  /** What this mail tells of the figure before it. */
  readonly heard: MailNews | undefined;
  /** Did the recipient hear of the figure before, in a mail or earlier in this one? */
  readonly isHeardOf: boolean;
}

/** Corrections of one figure by one rule that follow each other, and its crossing before them; every other event by itself. */
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
  const word = chain[0]?.news;
  const isOpened = word !== undefined && opens(word);
  const isClosed = word !== undefined && closes(word);
  if (earlier.event !== 'corrected' && !opens(earlier) && !closes(earlier)) return false;
  if (later.event !== 'corrected' || !sameNumber(earlier.value, later.previous)) return false;
  if (!sameNumber(earlier.threshold, later.threshold)) return false;
  // Neither a crossing nor a clearing is told with a figure that is none, or that does not count.
  if (later.compared === null && (later.inBreach ? isOpened : isClosed)) return false;
  // An alert that the first word of a figure opens or closes may go on with a newer one, whatever becomes of this one.
  return (isHeardOf && !isOpened && !isClosed) || isOfHistory(earlier.reason) || !isOfHistory(later.reason);
}

/** Would the reader see the number that he was told, with the decimals with which the first correction quotes it? */
function readsAlike({ previous, measure, reason }: MailNews, { value }: MailNews): boolean {
  if (previous === null || value === null) return previous === value;
  if (!isRate(measure)) return printedCount(previous) === printedCount(value);
  const places = placesIn(reason);
  return printed(previous, places) === printed(value, places);
}

/** Of corrections one, from the figure before the first; of a crossing and its corrections that, with the figure that stands. */
function asOne(first: MailNews, last: MailNews): MailNews {
  const { value, compared, reason } = last;
  const drawn = endOfCorrection(reason, { value, counts: compared !== null });
  const { event, previous, stood } = first;
  const places = event === 'corrected' ? { places: placesIn(first.reason) } : {};
  const news: MailNews = { ...last, event, previous, ...places, drawn, ...(stood === undefined ? {} : { stood }) };
  return { ...news, reason: drawnReason(news) };
}
