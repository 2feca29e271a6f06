/**
 * Corrections of one figure, as one: where it was revised again before a recipient was mailed of the first revision, he
 * hears of what he was told and of what stands, and of nothing where that is the same. Of a figure that is gone before he was
 * mailed anything of it, he hears nothing either. Every event stays on record.
 */
import type { Kysely } from 'kysely';
import { printed, printedCount } from '../domain/decimal.js';
import { isRate } from '../domain/measure.js';
import type { Database } from '../load/schema.js';
import { stoodBefore, wasToldOfFigure, type RecordedNews } from './compose-read.js';
import type { MailNews } from './mail-model.js';
import { drawnReason } from './mail-news.js';
import { alertKey } from './mail-order.js';
import { endOfCorrection, placesIn } from './reason.js';
import { sameNumber } from './rule-state.js';

export interface DrawnTogether {
  readonly recorded: readonly RecordedNews[];
  /** Ids of events that come to nothing: the figure reads again as it did when the recipient was told of it, or not. */
  readonly cameBack: ReadonlySet<number>;
}

/**
 * @param address of the recipient, in lower case
 * @param recorded events that he is owed, in the order in which they were recorded
 */
export async function drawTogether(
  db: Kysely<Database>,
  address: string,
  recorded: readonly RecordedNews[],
): Promise<DrawnTogether> {
  const told: RecordedNews[] = [];
  const cameBack = await goneUntold(db, address, recorded);
  for (const chain of chainsOf(recorded.filter(({ alertId }) => !cameBack.has(alertId)))) {
    const [first] = chain;
    const last = chain.at(-1);
    if (first === undefined || last === undefined) continue;
    if (first === last) {
      told.push(first);
      continue;
    }
    const before = await stoodBefore(db, first);
    if (before === last.news.inBreach && readsAlike(first.news, last.news))
      for (const { alertId } of chain) cameBack.add(alertId);
    else told.push({ ...last, news: asOne(first.news, last.news) });
  }
  return { recorded: told, cameBack };
}

/** Events on figures that were withdrawn, or their versions removed, before the recipient was mailed anything of them. */
async function goneUntold(
  db: Kysely<Database>,
  address: string,
  recorded: readonly RecordedNews[],
): Promise<Set<number>> {
  const byFigure = new Map<string, RecordedNews[]>();
  for (const one of recorded) byFigure.set(figureKey(one), [...(byFigure.get(figureKey(one)) ?? []), one]);
  const gone = new Set<number>();
  for (const all of byFigure.values()) {
    const last = all.at(-1);
    // A correction that comes first corrects what another mail told.
    if (all[0]?.news.event === 'corrected' || last === undefined || !isWithdrawal(last.news)) continue;
    const ids = all.map(({ alertId }) => alertId);
    if (!(await wasToldOfFigure(db, address, ids))) for (const id of ids) gone.add(id);
  }
  return gone;
}

/** An empty cell has its symbol, if only ''. */
function isWithdrawal({ event, value, symbol }: MailNews): boolean {
  return event === 'corrected' && value === null && symbol === undefined;
}

function figureKey({ news }: RecordedNews): string {
  const { period, asOf } = news;
  return JSON.stringify([alertKey(news), period.timePeriod, period.timeIdentifier, asOf]);
}

/** Corrections of one figure by one rule that follow each other, and every other event by itself. */
function chainsOf(recorded: readonly RecordedNews[]): readonly (readonly RecordedNews[])[] {
  const chains: RecordedNews[][] = [];
  const newest = new Map<string, RecordedNews[]>();
  for (const one of recorded) {
    const key = figureKey(one);
    const chain = newest.get(key);
    const last = chain?.at(-1);
    if (chain !== undefined && last !== undefined && goesOn(last.news, one.news)) {
      chain.push(one);
      continue;
    }
    const started = [one];
    newest.set(key, started);
    chains.push(started);
  }
  return chains;
}

function goesOn(earlier: MailNews, later: MailNews): boolean {
  return (
    earlier.event === 'corrected' &&
    later.event === 'corrected' &&
    sameNumber(earlier.value, later.previous) &&
    sameNumber(earlier.threshold, later.threshold)
  );
}

/** Would the reader see the number that he was told, with the decimals with which the first correction quotes it? */
function readsAlike({ previous, measure, reason }: MailNews, { value }: MailNews): boolean {
  if (previous === null || value === null) return previous === value;
  if (!isRate(measure)) return printedCount(previous) === printedCount(value);
  const places = placesIn(reason);
  return printed(previous, places) === printed(value, places);
}

function asOne(first: MailNews, last: MailNews): MailNews {
  const { value, compared, reason } = last;
  const drawn = endOfCorrection(reason, { value, counts: compared !== null });
  const news: MailNews = { ...last, previous: first.previous, places: placesIn(first.reason), drawn };
  return { ...news, reason: drawnReason(news) };
}
