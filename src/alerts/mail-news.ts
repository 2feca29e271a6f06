/** Events in words: what stands in a subject, in the summary table and before a reason. */
import { decimal, printed, printedCount } from '../domain/decimal.js';
import { isRate, MEASURE_WORDS } from '../domain/measure.js';
import type { Condition, EventKind } from '../domain/rule.js';
import { periodWords, pupilsOf, schoolTypeWords } from './brief-words.js';
import { placesWhere } from './brief-print.js';
import { clearingLine } from './reason.js';
import type { MailModel, MailNews, MailSection } from './mail-model.js';

/** The most important first: a mail's subject tells the first. */
const IMPORTANCE: readonly EventKind[] = [
  'crossed',
  'worse',
  'corrected',
  'baseline',
  'reminder',
  'cleared',
  'area ended',
];

export const EVENT_LABELS: Record<EventKind, string> = {
  crossed: 'Line crossed',
  worse: 'Further past the line',
  corrected: 'Corrected figure',
  baseline: 'Past the line at first look',
  reminder: 'Still past the line',
  cleared: 'No longer past the line',
  'area ended': 'Area ended',
};

/** What the event does to the words before the line, where the rule is in breach: 'above', 'still above'. */
const TURN: Record<EventKind, string> = {
  crossed: '',
  baseline: '',
  worse: 'further ',
  reminder: 'still ',
  cleared: '',
  corrected: '',
  'area ended': '',
};

/** Important events first, then by how far over the line, then by name: the same for the same events. */
export function byImportance(a: MailNews, b: MailNews): number {
  return (
    IMPORTANCE.indexOf(a.event) - IMPORTANCE.indexOf(b.event) ||
    excess(b) - excess(a) ||
    a.area.name.localeCompare(b.area.name, 'en') ||
    a.rule.localeCompare(b.rule, 'en') ||
    a.fingerprint.localeCompare(b.fingerprint, 'en')
  );
}

/** How far beyond its line, relative to the line. */
function excess({ value, threshold, condition }: MailNews): number {
  if (value === null || threshold === null || decimal(threshold).isZero()) return 0;
  if (condition !== undefined && condition.kind !== 'above' && condition.kind !== 'below') return 0;
  return decimal(value).minus(threshold).div(threshold).abs().toNumber();
}

/** Decimal places at which the figure stays on its side of the line, and is told from the one before. */
export function placesOf({ value, threshold, previous, condition, event }: MailNews): number {
  if (value === null) return 1;
  const own = decimal(value);
  const line = threshold === null || !isLevel(condition) ? undefined : decimal(threshold);
  const clearing = isLevel(condition) && condition !== undefined ? clearingLine(condition) : undefined;
  const lines = [line, clearing === undefined ? undefined : decimal(clearing)].filter((each) => each !== undefined);
  const was = event !== 'corrected' || previous === null ? undefined : decimal(previous);
  return placesWhere(
    (as) =>
      lines.every((each) => as(own).cmp(as(each)) === own.cmp(each)) &&
      (was === undefined || as(own).cmp(as(was)) === own.cmp(was)) &&
      (was === undefined || line === undefined || as(was).cmp(as(line)) === was.cmp(line)),
  );
}

function isLevel(condition: Condition | undefined): boolean {
  return condition === undefined || condition.kind === 'above' || condition.kind === 'below';
}

/** '2.1%' of a rate, '6,569' of a count. */
function amount(news: MailNews, value: string): string {
  return isRate(news.measure) ? `${printed(value, placesOf(news))}%` : printedCount(value);
}

/** '2.1%', or why there is none. */
export function valueWords(news: MailNews): string {
  return news.value === null ? 'no figure' : amount(news, news.value);
}

/** The line as configured, never with fewer decimals: '2.0%', '2.25%', '1.0 points'. */
export function lineWords(news: MailNews): string {
  return news.threshold === null ? '–' : lineText(news, news.threshold);
}

function lineText(news: MailNews, at: string | number): string {
  const line = decimal(at);
  const places = Math.max(line.decimalPlaces(), isLevel(news.condition) ? placesOf(news) : 1);
  if (!isRate(news.measure)) return printedCount(line);
  return isLevel(news.condition) ? `${printed(line, places)}%` : `${printed(line, places)} points`;
}

/** 'not yet below your clearing line of 1.8%' of a figure in breach that is not past the line itself. */
function betweenLines(news: MailNews): string | undefined {
  const { condition, inBreach, threshold } = news;
  const clearing = condition === undefined ? undefined : clearingLine(condition);
  if (!inBreach || condition === undefined || clearing === undefined || threshold === null) return undefined;
  if (!isBetween(news, condition, threshold)) return undefined;
  return `not yet ${condition.kind === 'below' ? 'above' : 'below'} your clearing line of ${lineText(news, clearing)}`;
}

function isBetween({ value, reason }: MailNews, condition: Condition, threshold: string): boolean {
  // Of a gap the event carries the figure, not the difference: the recorded sentence says where that stands.
  if (!isLevel(condition)) return reason.includes('not yet below the clearing line');
  if (value === null) return false;
  return condition.kind === 'below' ? decimal(value).gte(threshold) : decimal(value).lte(threshold);
}

/** 'above your 2.0% line', 'up more than your 1.0 points in a year', 'still more than your 0.5 points above England'. */
function standing(news: MailNews): string {
  const between = betweenLines(news);
  if (between !== undefined) return between;
  const line = lineWords(news);
  const turn = news.inBreach ? TURN[news.event] : 'no longer ';
  switch (news.condition?.kind) {
    case 'above':
    case 'below':
      return `${turn}${news.condition.kind} your ${line} line`;
    case 'rise':
      return `${turn}up more than your ${line} in a year`;
    case 'fall':
      return `${turn}down more than your ${line} in a year`;
    case 'gap_to_england':
      return `${turn}more than your ${line} above England`;
    case 'gap_to_neighbours':
      return `${turn}more than your ${line} above its statistical neighbours`;
    case undefined:
      return `${turn}past your line of ${line}`;
  }
}

/** 'Luton', 'England, pupils with SEN support', 'Luton, special schools'. */
export function whoWords({ area, topic, breakdown, schoolType }: MailNews): string {
  if (topic !== 'Total') return `${area.name}, ${pupilsOf(topic, breakdown, schoolType)}`;
  const types = schoolTypeWords(schoolType);
  return types === undefined ? area.name : `${area.name}, ${types}`;
}

/** 'Luton: severe absence 2.1%, above your 2.0% line (autumn and spring terms 2024/25)' */
export function newsLine(news: MailNews): string {
  const who = whoWords(news);
  const measure = MEASURE_WORDS[news.measure];
  if (news.event === 'area ended') return `${who}: no longer published, the alert on ${measure} is closed`;
  const when = ` (${periodWords(news.period, news.asOf)})`;
  if (news.event === 'corrected' && news.previous !== null) {
    const now = news.value === null ? 'withdrawn' : amount(news, news.value);
    return `${who}: ${measure} was ${amount(news, news.previous)}, now ${now}, ${standing(news)}${when}`;
  }
  return `${who}: ${measure} ${valueWords(news)}, ${standing(news)}${when}`;
}

/** The subject of a mail: the most important news, how much more there is, and what kind of mail it is. */
export function subjectOf(model: MailModel, sections: readonly MailSection[]): string {
  const news = sections.flatMap((section) => section.news).sort(byImportance);
  const quiet = sections.filter((section) => section.news.length === 0);
  const first = news[0];
  const more = news.length + quiet.length - 1;
  const head = first === undefined ? briefLine(quiet[0]) : newsLine(first);
  return [
    model.composed ? 'COMPOSED: ' : '',
    model.followUp ? 'Follow-up: ' : '',
    news.length > 0 && news.every(({ event }) => event === 'baseline') ? 'First look: ' : '',
    first?.event === 'corrected' ? 'Correction: ' : '',
    head,
    more > 0 ? `, and ${more} more` : '',
  ].join('');
}

function briefLine(section: MailSection | undefined): string {
  if (section?.brief === undefined) return `${section?.area.name ?? 'Pupil absence'}: no figure in this release`;
  return `${section.brief.headline} (${section.brief.periodWords})`;
}

/** What a rule watches, in words: 'severe absence above 2.0%'. */
export function ruleWords(news: MailNews): string {
  const who =
    news.topic === 'Total' && news.schoolType === 'Total'
      ? ''
      : ` of ${pupilsOf(news.topic, news.breakdown, news.schoolType)}`;
  const what = `${MEASURE_WORDS[news.measure]}${who}`;
  const line =
    news.threshold === null ? 'a line' : isRate(news.measure) ? configured(news) : printedCount(news.threshold);
  switch (news.condition?.kind) {
    case 'above':
    case 'below':
      return `${what} ${news.condition.kind} ${line}`;
    case 'rise':
      return `${what} up more than ${line} on the same period a year before`;
    case 'fall':
      return `${what} down more than ${line} on the same period a year before`;
    case 'gap_to_england':
      return `${what} more than ${line} above England`;
    case 'gap_to_neighbours':
      return `${what} more than ${line} above the mean of the statistical neighbours`;
    case undefined:
      return `${what}, line ${line} (no longer configured)`;
  }
}

function configured({ threshold, condition }: MailNews): string {
  const line = decimal(threshold ?? 0);
  const text = printed(line, Math.max(1, line.decimalPlaces()));
  return isLevel(condition) ? `${text}%` : `${text} percentage points`;
}
