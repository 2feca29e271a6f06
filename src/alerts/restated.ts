/** News that waited, in the words of what stands when it is written: other figures than its own may have been revised since. */
import { sql, type Kysely } from 'kysely';
import { decimal } from '../domain/decimal.js';
import type { Database } from '../load/schema.js';
import type { RecordedNews } from './compose-read.js';
import { drawnReason, NO_COMPARISON } from './mail-news.js';
import { isLevel, isPerPeriod } from './reading.js';
import { isBetweenLines } from './reason.js';
import { sameNumber } from './rule-state.js';

type News = RecordedNews['news'];

interface Now {
  readonly id: number;
  /** What the rule made last of the same figure, where that is the newest one and the rule stands as it did. */
  readonly value: string | null;
  readonly compared: string | null;
  readonly is_known: boolean;
}

/**
 * Tells events after which other versions came for the same area, series and pupils by how the figure stands: without the
 * earlier figure that the recorded sentence quotes, and with the difference that the rules made last. No event tells of a
 * comparison figure that changes nothing (product.md, Alerts), but nobody is told one that is known to be another. A
 * correction tells what it was recorded for.
 * @returns the news, and the ids of rises and falls that have nothing to be told from any more
 */
export async function restated(
  db: Kysely<Database>,
  recorded: readonly RecordedNews[],
): Promise<{ readonly recorded: readonly RecordedNews[]; readonly cameBack: ReadonlySet<number> }> {
  const cameBack = new Set<number>();
  const ids = recorded.filter(({ news }) => isRestatable(news)).map(({ alertId }) => alertId);
  if (ids.length === 0) return { recorded, cameBack };
  const { rows } = await sql<Now>`
    select e.id, s.value, s.compared, s.rule is not null as is_known
    from alert e
    left join alert_state s on s.rule = e.rule and s.area_id = e.area_id and s.series_id = e.series_id
      and s.school_type_id = e.school_type_id and s.breakdown_id = e.breakdown_id
      and s.period_id = e.period_id and s.as_of = e.as_of and s.in_breach = e.in_breach
    where e.id = any(${ids}::bigint[]) and exists (
      select 1 from data_set_version v
      where v.evaluated_at > e.at and v.id <> e.version_id and exists (
        select 1 from figure f
        where f.version_id = v.id and f.area_id = e.area_id and f.series_id = e.series_id
          and f.school_type_id = e.school_type_id and f.breakdown_id = e.breakdown_id))`.execute(db);
  const since = new Map(rows.map((row) => [row.id, row]));
  const told = recorded.flatMap((one) => {
    const now = since.get(one.alertId);
    if (now === undefined) return [one];
    const news = asOfNow(one.news, now);
    if (news === undefined) cameBack.add(one.alertId);
    return news === undefined ? [] : [{ ...one, news }];
  });
  return { recorded: told, cameBack };
}

/** A first look that finds nothing past the line says why it is told; what was drawn together is in words of its own. */
function isRestatable({ event, condition, value, inBreach, drawn }: News): boolean {
  if (event === 'corrected' || event === 'area ended' || condition === undefined || value === null) return false;
  return (inBreach || event === 'cleared') && (drawn === undefined || !isLevel(condition));
}

/** undefined of a rise or a fall whose figure of the year before is there no more. */
function asOfNow(news: News, now: Now): News | undefined {
  const { condition, value, inBreach, drawn = '' } = news;
  if (condition === undefined || value === null) return news;
  const isSame = now.is_known && sameNumber(now.value, value);
  const compared = isLevel(condition) || !isSame ? news.compared : now.compared;
  if (compared === null && isPerPeriod(condition)) return undefined;
  const reading = { kind: 'number' as const, value: decimal(value), compared: decimal(compared ?? value), notes: [] };
  const betweenLines = compared !== null && isBetweenLines(condition, reading, inBreach);
  const stands = { ...news, compared, betweenLines, drawn: compared === null ? NO_COMPARISON : drawn };
  return { ...stands, reason: drawnReason(stands) };
}
