/** Differences as they stand when a mail is written: the other figure may have been revised since the event. */
import { sql, type Kysely } from 'kysely';
import { decimal } from '../domain/decimal.js';
import type { Database } from '../load/schema.js';
import type { RecordedNews } from './compose-read.js';
import { drawnReason } from './mail-news.js';
import { isLevel } from './reading.js';
import { isBetweenLines } from './reason.js';
import { sameNumber } from './rule-state.js';

/**
 * Events under rules of a difference (`rise`, `fall`, gaps) with the difference that the rules last made of the same figure,
 * where that is another one. No event tells of that while the state is the same: what was mailed is not corrected for a
 * comparison figure (product.md, Alerts), but nobody is told a difference that is known to be another. A correction tells
 * what it was recorded for.
 */
export async function withDifferencesNow(
  db: Kysely<Database>,
  recorded: readonly RecordedNews[],
): Promise<readonly RecordedNews[]> {
  const ids = recorded.filter(({ news }) => isOfDifference(news)).map(({ alertId }) => alertId);
  if (ids.length === 0) return recorded;
  const { rows } = await sql<{ id: number; value: string | null; compared: string | null }>`
    select e.id, s.value, s.compared
    from alert e
    join alert_state s on s.rule = e.rule and s.area_id = e.area_id and s.series_id = e.series_id
      and s.school_type_id = e.school_type_id and s.breakdown_id = e.breakdown_id
      and s.period_id = e.period_id and s.as_of = e.as_of
    where e.id = any(${ids}::bigint[]) and s.in_breach = e.in_breach and s.compared is not null`.execute(db);
  const now = new Map(rows.map((row) => [row.id, row]));
  return recorded.map((one) => {
    const { news } = one;
    const state = now.get(one.alertId);
    if (state === undefined || !sameNumber(state.value, news.value) || sameNumber(state.compared, news.compared))
      return one;
    return { ...one, news: comparedNow(news, state.compared) };
  });
}

function isOfDifference({ event, condition, compared }: RecordedNews['news']): boolean {
  return event !== 'corrected' && condition !== undefined && !isLevel(condition) && compared !== null;
}

function comparedNow(news: RecordedNews['news'], compared: string | null): RecordedNews['news'] {
  const { condition, value, inBreach } = news;
  if (condition === undefined || value === null || compared === null) return news;
  const reading = { kind: 'number' as const, value: decimal(value), compared: decimal(compared), notes: [] };
  const stands = { ...news, compared, betweenLines: isBetweenLines(condition, reading, inBreach), drawn: '' };
  return { ...stands, reason: drawnReason(stands) };
}
