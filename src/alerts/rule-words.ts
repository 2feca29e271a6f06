/** A rule explained, at the end of a mail: what it watches, and whatever else decides its events. */
import { decimal, printed, printedAsGiven, printedCount } from '../domain/decimal.js';
import { isRate, MEASURE_WORDS, type Measure } from '../domain/measure.js';
import { publicationTitle } from '../domain/publications.js';
import { USUAL_MIN_ENROLMENTS } from '../domain/rule.js';
import { pupilsOf } from './brief-words.js';
import type { MailNews } from './mail-model.js';
import { isLevelNews } from './mail-news.js';
import { clearingLine, isGap, type GapKind } from './rule-print.js';

/** What a gap is to, where a rule is explained. */
const MEAN_OF_OTHERS: Record<GapKind, string> = {
  gap_to_england: 'England',
  gap_to_neighbours: 'the mean of the statistical neighbours',
};

/**
 * What a rule watches, in words, and whatever else decides its events and is not as usual: 'severe absence above 2.0%,
 * clear again below 1.8%; told again when more than 0.3 percentage points further than last told'.
 */
export function ruleWords(news: MailNews): string {
  const clearing = news.condition === undefined ? undefined : clearingLine(news.condition);
  const watched =
    clearing === undefined ? watchedWords(news) : `${watchedWords(news)}, clear again ${clearingWords(news, clearing)}`;
  return [watched, ...settingsWords(news)].join('; ');
}

function settingsWords({ settings, measure }: MailNews): string[] {
  if (settings === undefined) return [];
  const { worseBy, remind, minEnrolments, onSuppressed, onMissingArea, timeIdentifiers, sources } = settings;
  const list = new Intl.ListFormat('en-GB');
  return [
    ...(timeIdentifiers === undefined
      ? []
      : [`figures of ${list.format(timeIdentifiers.map((one) => one.toLowerCase()))} only`]),
    ...(sources === undefined
      ? []
      : [`figures of ${list.format(sources.map((slug) => `“${publicationTitle(slug, undefined)}”`))} only`]),
    ...(worseBy === undefined
      ? []
      : [`told again when more than ${pointsOf(measure, worseBy)} further than last told`]),
    ...(remind ? ['told again at each release while past the line'] : []),
    ...(minEnrolments === USUAL_MIN_ENROLMENTS ? [] : [enrolmentsWords(minEnrolments)]),
    ...(onSuppressed === 'keep' ? [] : ['clear again when a figure is withheld']),
    ...(onMissingArea === 'keep' ? [] : ['closed when a release has no figure for the area']),
  ];
}

function enrolmentsWords(least: number): string {
  return least <= 0
    ? 'figures count however few the pupil enrolments'
    : `figures of fewer than ${printedCount(least)} pupil enrolments do not count`;
}

/** '0.25 percentage points', or '120' of a count: as configured. */
function pointsOf(measure: Measure, size: number): string {
  if (!isRate(measure)) return printedAsGiven(size);
  const exact = decimal(size);
  return `${printed(exact, Math.max(1, exact.decimalPlaces()))} percentage points`;
}

/** 'below 1.8%', 'more than 0.3 percentage points below England' */
function clearingWords(news: MailNews, clearing: number): string {
  const { condition } = news;
  const line = configured(news, clearing);
  if (condition !== undefined && isGap(condition) && clearing <= 0)
    return `${clearing === 0 ? '' : `more than ${line} `}below ${MEAN_OF_OTHERS[condition.kind]}`;
  return `${condition?.kind === 'below' ? 'above' : 'below'} ${line}`;
}

/** What a gap is past: 'more than 0.5 percentage points above England', of a line below it 'less than 0.1 … below England, …'. */
function gapWords(kind: GapKind, line: string, sign: number): string {
  const others = MEAN_OF_OTHERS[kind];
  if (sign === 0) return `above ${others}`;
  const itself = kind === 'gap_to_england' ? others : 'that mean';
  return sign > 0 ? `more than ${line} above ${others}` : `less than ${line} below ${others}, or above ${itself}`;
}

function watchedWords(news: MailNews): string {
  const who =
    news.topic === 'Total' && news.schoolType === 'Total'
      ? ''
      : ` of ${pupilsOf(news.topic, news.breakdown, news.schoolType)}`;
  const what = `${MEASURE_WORDS[news.measure]}${who}`;
  const line = news.threshold === null ? 'a line' : configured(news, news.threshold);
  switch (news.condition?.kind) {
    case 'above':
    case 'below':
      return `${what} ${news.condition.kind} ${line}`;
    case 'rise':
      return `${what} up more than ${line} on the same period a year before`;
    case 'fall':
      return `${what} down more than ${line} on the same period a year before`;
    case 'gap_to_england':
    case 'gap_to_neighbours':
      return `${what} ${gapWords(news.condition.kind, line, decimal(news.threshold ?? 0).cmp(0))}`;
    case undefined:
      return `${what}, line ${line} (no longer configured)`;
  }
}

function configured(news: MailNews, at: string | number): string {
  if (!isRate(news.measure)) return printedAsGiven(at);
  const line = isLevelNews(news) ? decimal(at) : decimal(at).abs();
  const text = printed(line, Math.max(1, line.decimalPlaces()));
  return isLevelNews(news) ? `${text}%` : `${text} percentage points`;
}
