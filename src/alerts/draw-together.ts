/**
 * Corrections of one figure, as one: where it was revised again before a recipient was mailed of the first revision, or
 * without a mail, he hears of what he was told last and of what stands, and of nothing where that is the same, or where he
 * was told nothing and the figure is not past the line. A crossing that was corrected before he was mailed of it is told as that, with the figure
 * that stands, or not at all. Every event stays on record.
 */
import type { Kysely } from 'kysely';
import { printed, printedCount } from '../domain/decimal.js';
import { isRate } from '../domain/measure.js';
import type { Database } from '../load/schema.js';
import type { RecordedNews } from './compose-read.js';
import { OCCASION_WORDS } from './decide.js';
import type { MailNews } from './mail-model.js';
import { drawnReason } from './mail-news.js';
import { alertKey } from './mail-order.js';
import { endOfCorrection, isOfHistory, placesIn } from './reason.js';
import { sameNumber } from './rule-state.js';
import { stoodBefore, toldBefore, type LastTold } from './told-before.js';

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
  for (const { chain, isHeardOf } of chainsOf(recorded, mailed)) {
    const [recordedFirst] = chain;
    const last = chain.at(-1);
    if (recordedFirst === undefined || last === undefined) continue;
    const lastTold = mailed.get(recordedFirst.alertId);
    const first = lastTold === undefined ? recordedFirst : fromLastTold(recordedFirst, lastTold);
    if (await comesToNothing(db, { first, last, isHeardOf, lastTold }))
      for (const { alertId } of chain) cameBack.add(alertId);
    else if (first === last) told.push(first);
    else told.push({ ...last, news: asOne(first.news, last.news) });
  }
  return { recorded: told, cameBack };
}

/** A correction as one of what the recipient was told last: what was recorded since, while mails were muted, he never saw. */
function fromLastTold(first: RecordedNews, { value }: LastTold): RecordedNews {
  if (readsAlike(first.news, { ...first.news, value })) return first;
  return { ...first, news: { ...first.news, previous: value } };
}

/** Would the recipient hear of these events what he knows already, or of an alert that came and went? */
async function comesToNothing(
  db: Kysely<Database>,
  {
    first,
    last,
    isHeardOf,
    lastTold,
  }: {
    readonly first: RecordedNews;
    readonly last: RecordedNews;
    readonly isHeardOf: boolean;
    readonly lastTold: LastTold | undefined;
  },
): Promise<boolean> {
  const isOne = first.alertId === last.alertId;
  if (!isOne && opens(first.news)) return !last.news.inBreach;
  const isNoWord = first.news.event === 'corrected' && !isHeardOf && !last.news.inBreach;
  if (isOne && !isNoWord && lastTold === undefined) return false;
  const before = lastTold?.inBreach ?? (await stoodBefore(db, first));
  return before === last.news.inBreach && (isNoWord || readsAlike(first.news, last.news));
}

/**
 * Is it the first word of an alert? Not where the rule was edited: its readers may know of an alert under the rule as it
 * was, and hear of the end of that.
 */
function opens({ event, inBreach, reason }: MailNews): boolean {
  return event === 'crossed' || (event === 'baseline' && inBreach && !reason.startsWith(OCCASION_WORDS['edited rule']));
}

interface Chain {
  readonly chain: readonly RecordedNews[];
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
    const started = { chain: [one], isHeardOf: known !== undefined || mailed.has(one.alertId) };
    newest.set(key, started);
    chains.push(started);
  }
  return chains;
}

function goesOn(earlier: MailNews, later: MailNews, { chain, isHeardOf }: Chain): boolean {
  const isOpened = chain[0] !== undefined && opens(chain[0].news);
  if (earlier.event !== 'corrected' && !opens(earlier)) return false;
  if (later.event !== 'corrected' || !sameNumber(earlier.value, later.previous)) return false;
  if (!sameNumber(earlier.threshold, later.threshold)) return false;
  // A crossing is not told with a figure that is none, or that does not count.
  if (isOpened && later.inBreach && later.compared === null) return false;
  // An alert that the first word of a figure opens may go on with a newer one, whatever becomes of this one.
  return (isHeardOf && !isOpened) || isOfHistory(earlier.reason) || !isOfHistory(later.reason);
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
  const { event, previous } = first;
  const places = event === 'corrected' ? { places: placesIn(first.reason) } : {};
  const news: MailNews = { ...last, event, previous, ...places, drawn };
  return { ...news, reason: drawnReason(news) };
}
