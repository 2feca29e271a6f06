/** In which order a mail tells its events: of one alert as they happened, of several the newest and most important first. */
import type { MailNews } from './mail-model.js';
import { byImportance } from './mail-news.js';
import { comparePosition } from './rule-state.js';

/** One rule on one area, series, school type and pupil group. */
export function alertKey({ rule, area, series, schoolType, topic, breakdown }: MailNews): string {
  return JSON.stringify([rule, area.level, area.code, series, schoolType, topic, breakdown]);
}

/** The events of each alert in order of time; of one figure in the order given, which is that in which they were recorded. */
function byAlert(news: readonly MailNews[]): readonly (readonly MailNews[])[] {
  const alerts = new Map<string, MailNews[]>();
  for (const one of news) alerts.set(alertKey(one), [...(alerts.get(alertKey(one)) ?? []), one]);
  return [...alerts.values()].map((some) => some.sort(comparePosition));
}

/** News of the newest academic year before older news, then the most important. */
export function byLead(a: MailNews, b: MailNews): number {
  return b.period.startYear - a.period.startYear || byImportance(a, b);
}

/** The last event of each alert, which is how it stands: what a subject may tell; the first leads. */
export function leading(news: readonly MailNews[]): readonly MailNews[] {
  return byAlert(news)
    .flatMap((some) => some.slice(-1))
    .sort(byLead);
}

/**
 * The events of one section in order of time; those of one figure by importance, but what one rule made of it in the
 * order in which it did.
 */
export function inTime(news: readonly MailNews[]): readonly MailNews[] {
  const alerts = byAlert(news)
    .map((some) => ({ some, first: [...some].sort(byImportance)[0] }))
    .sort((a, b) => (a.first === undefined || b.first === undefined ? 0 : byImportance(a.first, b.first)));
  return alerts.flatMap(({ some }) => some).sort(comparePosition);
}

/** Is it the last of several events of its alert? */
export function isLatest(news: MailNews, all: readonly MailNews[]): boolean {
  const own = byAlert(all.filter((one) => alertKey(one) === alertKey(news)))[0] ?? [];
  return own.length > 1 && own.at(-1) === news;
}
