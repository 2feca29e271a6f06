/** Events in words: what stands in a subject, in the summary table and before a reason. */
import { decimal, printed, printedAsGiven, type Decimal } from '../domain/decimal.js';
import { findAbolished } from '../domain/authorities.js';
import { isRate, MEASURE_WORDS } from '../domain/measure.js';
import type { Condition, EventKind } from '../domain/rule.js';
import { symbolMeaning } from '../domain/symbol.js';
import { periodWords, pupilsOf, schoolTypeWords } from './brief-words.js';
import { keepsSide, placesOnSide, placesWhere } from './brief-print.js';
import { isBreach, isLevel, type Readable } from './reading.js';
import { countedWords, directionWords, measured, saysAgain } from './reason.js';
import { belowOthers, clearingLine, countBeside, differenceInPrint, linePlaces, OTHERS } from './rule-print.js';
import type { MailNews } from './mail-model.js';

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

const EVENT_LABELS: Record<EventKind, string> = {
  crossed: 'Line crossed',
  worse: 'Further past the line',
  corrected: 'Corrected figure',
  baseline: 'Past the line',
  reminder: 'Still past the line',
  cleared: 'No longer past the line',
  'area ended': 'Area ended',
};

/** What happened, in two or three words: never 'still past the line' of a figure that only the clearing line holds. */
export function eventLabel(news: MailNews): string {
  const { event, betweenLines } = news;
  if (isClosedByEdit(news)) return 'Closed by an edit of the rule';
  if (isWithheld(news)) return 'No figure, the alert stays open';
  if (isAgain(news)) return 'Past the line again';
  if (event === 'area ended' && !isAbolished(news)) return 'No figure, the alert is closed';
  return betweenLines && event !== 'corrected' ? 'No longer past the line, not yet clear' : EVENT_LABELS[event];
}

/** An alert that was open under the rule as it was before an edit: a first look that finds nothing past the line is told of no other. */
function isClosedByEdit({ event, inBreach }: MailNews): boolean {
  return event === 'baseline' && !inBreach;
}

/** Did the area come to its end? Else the release has no figure for it, and that is all that is known. */
export function isAbolished({ event, area, period }: MailNews): boolean {
  return (
    event === 'area ended' &&
    area.level === 'Local authority' &&
    findAbolished(area.code, period.startYear) !== undefined
  );
}

/** Is it a reminder of a figure that was between the lines before? */
function isAgain({ event, betweenLines, reason }: MailNews): boolean {
  return event === 'reminder' && !betweenLines && saysAgain(reason);
}

/** Does an alert stay open over a figure that is no number? One too low to print is a figure to a rule that watches for low ones. */
function isWithheld(news: MailNews): boolean {
  return news.event === 'reminder' && news.value === null && news.inBreach && !isTooLow(news);
}

/** Is it news of an alert whose figure was withheld, or is gone, before anybody was mailed of it? */
function isWithheldSince(news: MailNews): boolean {
  return news.drawn !== undefined && news.event !== 'corrected' && news.value === null && !isTooLow(news);
}

/** Ends news of a gap that has nothing to be told from any more. */
export const NO_COMPARISON = '; there is no figure to compare it with any more';

/** A symbol that stands for a figure below every line, where figures themselves are held against one. */
function isTooLow(news: MailNews): boolean {
  const { value, symbol } = news;
  return value === null && isLevelNews(news) && symbol !== undefined && symbolMeaning(symbol) === 'low';
}

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

/**
 * Important events first, then rates before counts and figures before differences, then by how far over the line, then
 * by name: the same for the same events.
 */
export function byImportance(a: MailNews, b: MailNews): number {
  return (
    IMPORTANCE.indexOf(a.event) - IMPORTANCE.indexOf(b.event) ||
    Number(isRate(b.measure)) - Number(isRate(a.measure)) ||
    Number(isLevelNews(b)) - Number(isLevelNews(a)) ||
    excess(b) - excess(a) ||
    a.area.name.localeCompare(b.area.name, 'en') ||
    a.rule.localeCompare(b.rule, 'en') ||
    a.fingerprint.localeCompare(b.fingerprint, 'en')
  );
}

/** How far the figure, or the difference, is from its line, relative to the line. */
function excess({ compared, threshold }: MailNews): number {
  if (compared === null || threshold === null || decimal(threshold).isZero()) return 0;
  return decimal(compared).minus(threshold).div(threshold).abs().toNumber();
}

/** Decimal places at which the figure stays on its side of the line, and is told from the one before. */
export function placesOf(news: MailNews): number {
  const { value, threshold, previous, event } = news;
  const atLeast = news.places ?? 1;
  if (value === null) return atLeast;
  const own = decimal(value);
  const line = threshold === null || !isLevelNews(news) ? [] : [decimal(threshold)];
  const was = event !== 'corrected' || previous === null ? undefined : decimal(previous);
  return Math.max(
    atLeast,
    placesOnSide(own, linesOf(news)),
    ...(was === undefined ? [] : [placesOnSide(was, line), placesWhere((as) => keepsSide(as, own, was))]),
  );
}

/** The lines that the figure itself is held against. */
function linesOf(news: MailNews): readonly Decimal[] {
  if (!isLevelNews(news)) return [];
  const clearing = news.condition === undefined ? undefined : clearingLine(news.condition);
  return [news.threshold, clearing].filter((line) => line !== null && line !== undefined).map(decimal);
}

/** Is the figure itself held against the line, not a difference? */
export function isLevelNews({ condition }: MailNews): boolean {
  return condition === undefined || isLevel(condition);
}

/** Decimal places with which a mail prints a rate of the news. */
export function placesInPrint(news: MailNews): number {
  return differenceOf(news)?.at ?? placesOf(news);
}

/** '2.1%' of a rate, '6,569' of a count. */
function amount(news: MailNews, value: string): string {
  return isRate(news.measure) ? `${printed(value, placesInPrint(news))}%` : countBeside(decimal(value), linesOf(news));
}

/** '2.1%', or that there is none. */
export function valueWords(news: MailNews): string {
  if (news.value !== null) return amount(news, news.value);
  return isTooLow(news) ? 'so low that it rounds to zero' : 'no figure';
}

/** 'severe absence 2.1%', '2 severely absent pupils', 'severe absence, no figure'. */
export function figureWords(news: MailNews): string {
  const measure = MEASURE_WORDS[news.measure];
  const size = valueWords(news);
  if (news.value === null) return `${measure}, ${size}`;
  return isRate(news.measure) ? `${measure} ${size}` : `${size} ${countedWords(news.measure, size)}`;
}

/** The difference a rule is judged by, as print shows it, and its sign as a reader sees it; undefined where it is the figure itself. */
function differenceOf(
  news: MailNews,
):
  | (ReturnType<typeof differenceInPrint> & { readonly kind: Exclude<Condition['kind'], 'above' | 'below'> })
  | undefined {
  const { condition, compared, measure, value } = news;
  if (condition === undefined || isLevel(condition) || compared === null) return undefined;
  const exact = decimal(compared);
  const turned = condition.kind === 'fall' ? exact.neg() : exact;
  const own = decimal(value ?? compared);
  return { kind: condition.kind, ...differenceInPrint({ measure, condition }, own, own.minus(turned), placesOf(news)) };
}

/** The difference a rule is judged by: '0.6 points above England', 'up 1.2 points in a year'; '' where it is the figure itself. */
export function differenceWords(news: MailNews): string {
  const told = differenceOf(news);
  if (told === undefined) return '';
  const { kind, shown: turned, isNone, at } = told;
  const size = pointsText(news, turned.abs(), at);
  switch (kind) {
    case 'rise':
    case 'fall':
      return isNone ? 'unchanged in a year' : `${turned.gt(0) ? 'up' : 'down'} ${size} in a year`;
    case 'gap_to_england':
      return isNone ? 'level with England' : `${size} ${turned.gt(0) ? 'above' : 'below'} England`;
    case 'gap_to_neighbours':
      return isNone
        ? 'level with its statistical neighbours'
        : `${size} ${turned.gt(0) ? 'above' : 'below'} its statistical neighbours`;
  }
}

/** '1.0 points' of a rate, '120' of a count. */
function pointsText({ measure, condition, threshold }: MailNews, value: Decimal, places: number): string {
  if (isRate(measure)) return `${printed(value, places)} points`;
  const lines = [threshold, condition === undefined ? undefined : clearingLine(condition)];
  return countBeside(
    value,
    lines.filter((line) => line !== null && line !== undefined).map((line) => decimal(line).abs()),
  );
}

/** The line as configured, never with fewer decimals, and what it is a line of: '2.25%', '0.5 points above England'. */
export function lineWords(news: MailNews): string {
  if (news.threshold === null) return '–';
  const line = lineText(news, news.threshold);
  switch (news.condition?.kind) {
    case 'rise':
      return `up ${line} in a year`;
    case 'fall':
      return `down ${line} in a year`;
    case 'gap_to_england':
    case 'gap_to_neighbours': {
      const side = decimal(news.threshold).cmp(0);
      const others = OTHERS[news.condition.kind];
      return side === 0 ? `level with ${others}` : side > 0 ? `${line} above ${others}` : line;
    }
    case 'above':
    case 'below':
    case undefined:
      return line;
  }
}

/** A line in print; of a gap below England or the neighbours, which has no sign, with them: '0.1 points below England'. */
function lineText(news: MailNews, at: string | number): string {
  const line = decimal(at);
  const level = isLevelNews(news);
  const own = level ? placesOf(news) : (differenceOf(news)?.at ?? news.places ?? 1);
  const places = linePlaces(line, own);
  if (!isRate(news.measure)) return printedAsGiven(line);
  if (level) return `${printed(line, places)}%`;
  return `${pointsText(news, line.abs(), places)}${belowOthers(news.condition, line)}`;
}

/** ', but not yet below your clearing line of 1.8%' of a figure that only the clearing line holds in breach. */
function notYetClear(news: MailNews): string {
  const clearing = news.condition === undefined ? undefined : clearingLine(news.condition);
  if (!news.betweenLines || clearing === undefined) return '';
  const side = news.condition?.kind === 'below' ? 'above' : 'below';
  return `, but not yet ${side} your clearing line of ${lineText(news, clearing)}`;
}

/** 'above your 2.0% line', 'up 1.2 points in a year, more than your line of 1.0 points'. */
function standing(news: MailNews): string {
  const line = news.threshold === null ? '–' : lineText(news, news.threshold);
  const again = isAgain(news) ? ' again' : '';
  const since = isClosedByEdit(news) ? 'not ' : wasOutside(news) ? 'still not ' : 'no longer ';
  const turn = again !== '' ? '' : news.inBreach && !news.betweenLines ? TURN[news.event] : since;
  const clear = `${again}${notYetClear(news)}`;
  const difference = differenceWords(news);
  if (difference !== '') {
    return `${difference}, ${turn}${beyondWords(news)} your line of ${line}${clear}`;
  }
  switch (news.condition?.kind) {
    case 'above':
    case 'below':
      return isRate(news.measure)
        ? `${turn}${news.condition.kind} your ${line} line${clear}`
        : `${turn}${news.condition.kind} your line of ${line}${clear}`;
    case 'rise':
    case 'fall':
    case 'gap_to_england':
    case 'gap_to_neighbours':
    case undefined:
      return `${turn}past your line of ${lineWords(news)}${clear}`;
  }
}

/** Was the rule not in breach with what a correction corrects either? Its recorded sentence says so where no mail does. */
function wasOutside({ event, inBreach, stood, reason }: MailNews): boolean {
  if (event !== 'corrected' || inBreach) return false;
  return stood === undefined ? / still not (above|below|more than|past) /.test(reason) : !stood.inBreach;
}

/** 'above' of a figure; 'more than', or 'past', of a difference. */
function beyondWords(news: MailNews): string {
  const { condition, threshold } = news;
  if (condition?.kind === 'above' || condition?.kind === 'below') return condition.kind;
  return belowOthers(condition, threshold ?? 0) === '' ? `${otherWay(news)}more than` : 'past';
}

/** 'down by ', where a rule watches for a fall and there was a rise. */
function otherWay({ condition, compared }: MailNews): string {
  return condition === undefined || compared === null ? '' : directionWords(condition, decimal(compared));
}

/**
 * Where a corrected figure, or difference, stands that was not past the line before either; undefined where that is not
 * known, or was so.
 */
function revised(news: MailNews, previous: string): string | undefined {
  const { condition, inBreach, betweenLines, threshold, compared, stood } = news;
  if (condition === undefined || threshold === null) return undefined;
  const asRead = (value: string): Readable => {
    const number = decimal(value);
    return { kind: 'number', value: number, compared: number, notes: [] };
  };
  const [before, now] = isLevel(condition) ? [previous, news.value] : [stood?.compared ?? null, compared];
  if (before === null) return undefined;
  const was = asRead(before);
  if (isBreach(condition, was, false)) return undefined;
  const clearing = clearingLine(condition);
  const line = lineText(news, threshold);
  const side = condition.kind === 'below' ? 'above' : 'below';
  if (betweenLines && clearing !== undefined)
    return isBreach(condition, was, true)
      ? `still between your line of ${line} and your clearing line of ${lineText(news, clearing)}`
      : `no longer ${side} your clearing line of ${lineText(news, clearing)}`;
  if (inBreach || now === null) return undefined;
  // Between the lines a rule that was not in breach is not in breach, and the figure not past the clearing line.
  const isPastClearing = isBreach(condition, was, true) && !isBreach(condition, asRead(now), true);
  return clearing === undefined || !isPastClearing
    ? `still not ${beyondWords(news)} your line of ${line}`
    : `${side} your clearing line of ${lineText(news, clearing)}`;
}

/** Where a corrected figure stands, beside where it stood before. */
function revisedStanding(news: MailNews, previous: string): string {
  const stands = revised(news, previous);
  if (stands === undefined) return standing(news);
  const difference = differenceWords(news);
  return difference === '' ? stands : `${difference}, ${stands}`;
}

/** 'Luton', 'England, pupils with SEN support', 'Luton, special schools'. */
export function whoWords({
  area,
  topic,
  breakdown,
  schoolType,
}: Pick<MailNews, 'area' | 'topic' | 'breakdown' | 'schoolType'>): string {
  // One school is no 'state-funded primary schools'.
  const type = area.level === 'School' ? 'Total' : schoolType;
  if (topic !== 'Total') return `${area.name}, ${pupilsOf(topic, breakdown, type)}`;
  const types = schoolTypeWords(type);
  return types === undefined ? area.name : `${area.name}, ${types}`;
}

/** What a difference is to, where that was revised and the area's own figure was not. */
const COMPARED_WITH: Record<Condition['kind'], string> = {
  above: '',
  below: '',
  rise: 'the figure of the year before',
  fall: 'the figure of the year before',
  gap_to_england: 'the figure of England',
  gap_to_neighbours: 'the mean of its statistical neighbours',
};

function isSameFigure(news: MailNews): boolean {
  const { previous, value } = news;
  return !isLevelNews(news) && previous !== null && value !== null && decimal(previous).eq(value);
}

/** 'Luton: severe absence 2.1%, above your 2.0% line (autumn and spring terms 2024/25)' */
export function newsLine(news: MailNews): string {
  const who = whoWords(news);
  const measure = MEASURE_WORDS[news.measure];
  if (isAbolished(news)) return `${who}: no longer published, the alert on ${measure} is closed`;
  const when = ` (${periodWords(news.period, news.asOf)})`;
  if (news.event === 'corrected' && news.previous !== null && news.value === null && news.symbol !== undefined)
    return `${who}: ${measure} ${was(news)} ${amount(news, news.previous)}, now no figure is published${when}`;
  if (news.event === 'corrected' && news.previous !== null && news.condition !== undefined && isSameFigure(news))
    return `${who}: ${COMPARED_WITH[news.condition.kind]} was revised: ${figureWords(news)}, ${revisedStanding(news, news.previous)}${when}`;
  if (news.event === 'corrected' && news.previous !== null) {
    return `${who}: ${measure} ${wasNow(news, news.previous)}, ${revisedStanding(news, news.previous)}${when}`;
  }
  if (news.event === 'area ended')
    return `${who}: no figure for ${measure} in this release, the alert on your line of ${lineWords(news)} is closed${when}`;
  if (isWithheld(news))
    return `${who}: no figure for ${measure}, the alert on your line of ${lineWords(news)} stays open${when}`;
  if (isWithheldSince(news))
    return `${who}: ${measure} ${was(news)} ${standing(news)}, now no figure is published${when}`;
  if (isClosedByEdit(news) && news.value === null && !isTooLow(news))
    return `${who}: no figure for ${measure} that counts, the alert is closed by an edit of the rule${when}`;
  if (news.drawn === NO_COMPARISON)
    return `${who}: ${figureWords(news)}, it was ${standing(news)}${NO_COMPARISON}${when}`;
  const edit = isClosedByEdit(news) ? ': the alert is closed by an edit of the rule' : '';
  return `${who}: ${figureWords(news)}, ${standing(news)}${edit}${when}`;
}

/** Why an alert is told that has no event of its own: where its newest figure stands. */
export function standingReason(news: MailNews): string {
  const { measure, schoolType, topic, breakdown } = news;
  if (isWithheld(news))
    return `there is no figure for ${measured({ measure, schoolType, breakdown: { topic, breakdown } })} in ${periodWords(news.period, news.asOf)} that counts: the alert stays open, since a missing figure does not clear it`;
  const size = valueWords(news);
  const who = measured({ measure, schoolType, breakdown: { topic, breakdown } });
  const it = news.drawn === NO_COMPARISON ? 'it was ' : '';
  const told = isRate(measure)
    ? `${who} ${size}`
    : `${size} ${who.replace(MEASURE_WORDS[measure], countedWords(measure, size))}`;
  return `${told}, ${it}${standing(news)}`;
}

/**
 * Why corrections of one figure are told as one: from what the reader was told to what stands. Of news of an alert that was
 * corrected before it was mailed: where the figure stands.
 */
export function drawnReason(news: MailNews): string {
  const { previous, value, compared, schoolType, topic, breakdown, condition, drawn = '' } = news;
  const who = measured({ measure: news.measure, schoolType, breakdown: { topic, breakdown } });
  const figure = `${who} in ${periodWords(news.period, news.asOf)}`;
  if (isWithheld(news)) return standingReason(news);
  if (isWithheldSince(news)) return `${figure} ${was(news)} ${standing(news)}${drawn}`;
  if (news.event !== 'corrected') return `${standingReason(news)}${drawn}`;
  if (previous !== null && condition !== undefined && compared !== null && isSameFigure(news))
    return `${COMPARED_WITH[condition.kind]} was revised: ${figureWords(news)}, ${revisedStanding(news, previous)}${drawn}`;
  const before = previous === null ? 'there was no figure' : `${was(news)} ${amount(news, previous)}`;
  const revised = `${figure} revised: ${before}`;
  if (value === null) return `${revised}${drawn}`;
  if (previous === null)
    return `${revised}, now ${amount(news, value)}${compared === null ? '' : `, ${standing(news)}`}${drawn}`;
  const stands = compared === null ? '' : `, ${revisedStanding(news, previous)}`;
  return `${revised}, ${now(news, previous)}${stands}${drawn}`;
}

function was({ measure }: MailNews): string {
  return isRate(measure) ? 'was' : 'were';
}

/** 'was 17.9%, now 17.3%'. */
function wasNow(news: MailNews, previous: string): string {
  return `${was(news)} ${amount(news, previous)}, ${now(news, previous)}`;
}

function now(news: MailNews, previous: string): string {
  if (news.value === null) return 'now withdrawn';
  const size = amount(news, news.value);
  const moved = decimal(news.value).cmp(previous);
  if (size === amount(news, previous) && moved !== 0) return `now slightly ${moved > 0 ? 'higher' : 'lower'}`;
  return `now ${size}`;
}
