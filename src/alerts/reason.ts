/** Why an event happened, in a sentence a reader can check: the figures, the line, what it was before. */
import { decimal, type Decimal, printedAsGiven, printedCount } from '../domain/decimal.js';
import { isRate, MEASURE_WORDS, type Measure } from '../domain/measure.js';
import type { Period } from '../domain/period.js';
import type { Condition, Rule } from '../domain/rule.js';
import { symbolMeaning } from '../domain/symbol.js';
import { placesWhere, rounding, statedAt } from './brief-print.js';
import {
  amount,
  belowOthers,
  clearingLine,
  differenceInPrint,
  isGap,
  linePlaces,
  OTHERS,
  placesFor,
  points,
  printedPlaces,
  signedPoints,
} from './rule-print.js';
import { periodWords, pupilsOf, schoolTypeWords, symbolWords } from './brief-words.js';
import { isBreach, isLevel, furtherBy, isPerPeriod, type Readable, type Reading, type RuleFigure } from './reading.js';

/**
 * A figure as it stood before: its text, the symbol in its place, and when it was for. Both, where a symbol has taken its
 * place since.
 */
export interface Earlier {
  readonly value: string | null;
  readonly symbol: string | undefined;
  readonly period: Period;
  readonly asOf: string | undefined;
}

function earlierWords(rule: Rule, earlier: Earlier, places: number): string {
  if (earlier.value !== null) return amount(rule, earlier.value, places);
  return earlier.symbol === undefined ? 'without a figure' : symbolWords(earlier.symbol);
}

/** 'severe absence', 'severe absence in special schools', 'severe absence of pupils with SEN support'. */
export function measured({
  measure,
  schoolType,
  breakdown: group,
}: Pick<Rule, 'measure' | 'schoolType' | 'breakdown'>): string {
  const words = MEASURE_WORDS[measure];
  return `${words}${ofWhom(schoolType, group)}`;
}

/** ' in special schools', ' of pupils with SEN support', '' for all. */
export function ofWhom(schoolType: string, group: Rule['breakdown']): string {
  if (group.topic !== 'Total') return ` of ${pupilsOf(group.topic, group.breakdown, schoolType)}`;
  const types = schoolTypeWords(schoolType);
  return types === undefined ? '' : ` in ${types}`;
}

/** The difference of a rule that is judged by one, in print; undefined where the figure itself is. */
function differenceOf(
  rule: Rule,
  { against }: RuleFigure,
  reading: Readable,
  places: number,
): ReturnType<typeof differenceInPrint> | undefined {
  if (reading.kind === 'low' || isLevel(rule.condition) || typeof against?.value !== 'string') return undefined;
  return differenceInPrint(rule, reading.value, decimal(against.value), places);
}

/** 'severe absence 2.1%', 'persistent absence 19.0%, up 1.2 percentage points from 17.8% (autumn and spring terms 2023/24)'. */
function figureWords(rule: Rule, figure: RuleFigure, reading: Readable, places: number): string {
  const measure = measured(rule);
  if (reading.kind === 'low') return `${measure} ${symbolWords(figure.symbol ?? 'low')}`;
  const told = differenceOf(rule, figure, reading, places);
  const size = amount(rule, reading.value, told?.at ?? places);
  const own = isRate(rule.measure)
    ? `${measure} ${size}`
    : `${size} ${countedWords(rule.measure, size)}${ofWhom(rule.schoolType, rule.breakdown)}`;
  const against = figure.against;
  if (told === undefined || typeof against?.value !== 'string') return own;
  const { shown: difference, isNone, at } = told;
  const apart = points(rule, difference, at);
  const other = amount(rule, against.value, at);
  if (against.who === 'a year before') {
    const when = periodWords(against.period, against.asOf);
    if (isNone) return `${own}, the same as in ${when}`;
    return `${own}, ${difference.gt(0) ? 'up' : 'down'} ${apart} from ${other} (${when})`;
  }
  const who = against.who === 'England' ? 'England' : 'the mean of its statistical neighbours';
  if (isNone) return `${own}, the same as ${who}`;
  return `${own}, ${apart} ${difference.gt(0) ? 'above' : 'below'} ${who} (${other})`;
}

/** The line in words: 'the line of 2.0%', 'the line of 1.0 percentage points', 'the line of 0.1 percentage points below England'. */
function lineWords(rule: Rule, line: number, places: number): string {
  const p = linePlaces(decimal(line), places);
  if (!isRate(rule.measure)) return `the line of ${printedAsGiven(line)}`;
  if (isLevel(rule.condition)) return `the line of ${amount(rule, line, p)}`;
  return `the line of ${points(rule, line, p)}${belowOthers(rule.condition, line)}`;
}

/** 'above the line of 2.0%'. */
function beyondWords(rule: Rule, reading: Readable, places: number): string {
  const line = lineWords(rule, rule.condition.line, places);
  if (belowOthers(rule.condition, rule.condition.line) !== '') return `past ${line}`;
  const beyond = rule.condition.kind === 'below' ? 'below' : isLevel(rule.condition) ? 'above' : 'more than';
  const way = reading.kind === 'low' ? '' : directionWords(rule.condition, reading.compared);
  return `${way}${beyond} ${line}`;
}

/** 'down by ' before 'more than the line', where a rule watches for a fall and the figure rose: else '', as the figure says it. */
export function directionWords({ kind }: Condition, compared: Decimal): string {
  if (!compared.isNeg() || compared.isZero()) return '';
  return kind === 'fall' ? 'down by ' : kind === 'rise' ? 'up by ' : '';
}

/** Is the rule in breach on its clearing line alone, the figure itself being back on the right side of the line? */
export function isBetweenLines(condition: Condition, reading: Reading, inBreach: boolean): boolean {
  return inBreach && reading.kind !== 'none' && !isBreach(condition, reading, false);
}

/** Where the figure stands: 'above the line of 2.0%', or in breach on the clearing line alone. */
function standing(rule: Rule, reading: Readable, inBreach: boolean, places: number): string {
  const beyond = beyondWords(rule, reading, places);
  if (isBetweenLines(rule.condition, reading, inBreach))
    return `no longer ${beyond}, but not yet ${clearedStanding(rule, reading, places)}`;
  return `${inBreach ? '' : 'not '}${beyond}`;
}

/** What a cleared rule is past: its clearing line where it has one. */
function clearedStanding(rule: Rule, reading: Readable, places: number): string {
  if (clearingLine(rule.condition) === undefined) return `no longer ${beyondWords(rule, reading, places)}`;
  return `${rule.condition.kind === 'below' ? 'above' : 'below'} ${clearingLineWords(rule, places)}`;
}

/** 'the clearing line of 1.8%' */
function clearingLineWords(rule: Rule, places: number): string {
  const clear = clearingLine(rule.condition) ?? rule.condition.line;
  return lineWords(rule, clear, places).replace('the line', 'the clearing line');
}

/** Said where the figure before was between the lines: it is not still past the line. */
const AGAIN = ' again';

/** Does a recorded sentence say that a figure between the lines went past the line again? */
export function saysAgain(reason: string): boolean {
  return / (above|below|more than|past) the line of (minus )?[\d.,]+(%| percentage points( below [\w ]+?)?)? again\b/.test(
    reason,
  );
}

/** Was what was held against the line past the line itself? */
function isPastLine(condition: Condition, compared: string): boolean {
  const was = decimal(compared);
  return isBreach(condition, { kind: 'number', value: was, compared: was, notes: [] }, false);
}

/** What the sentences of one figure have in common. */
export interface Said {
  readonly figure: string;
  readonly standing: string;
  /**
   * `standing` of what was in breach before: 'still above the line of 2.0%', or 'above the line of 2.0% again'; between
   * the lines it says so already.
   */
  readonly still: string;
  /** Past the line, as the rule words it, wherever the figure stands. */
  readonly beyond: string;
  readonly cleared: string;
  /** '0.6 percentage points further than the 2.1% last mailed'; empty where nothing is counted from. */
  readonly further: string;
  /** ' (compared across a gap: …)', or nothing. */
  readonly notes: string;
  /** Decimal places of the figures of the sentence. */
  readonly places: number;
}

/**
 * The parts of a reason for one figure under one rule, all with the same number of decimals.
 * @param before what was held against the line before, where that is known
 * @param from what a figure that got worse is counted from
 */
export function sayFigure(
  rule: Rule,
  figure: RuleFigure,
  reading: Readable,
  inBreach: boolean,
  before: string | null = null,
  from?: CountedFrom,
): Said {
  const places = reading.kind === 'low' ? 1 : placesCounting(rule, figure, reading, from);
  const at = differenceOf(rule, figure, reading, places)?.at ?? places;
  const notes = reading.kind === 'low' ? [] : reading.notes;
  const stands = standing(rule, reading, inBreach, at);
  return {
    figure: figureWords(rule, figure, reading, places),
    standing: stands,
    still: isBetweenLines(rule.condition, reading, inBreach)
      ? stands
      : before !== null && !isPastLine(rule.condition, before)
        ? `${stands}${AGAIN}`
        : `still ${stands}`,
    beyond: beyondWords(rule, reading, at),
    cleared: clearedStanding(rule, reading, at),
    further: from === undefined || reading.kind === 'low' ? '' : furtherWords(rule, reading.compared, from, at),
    notes: notes.length === 0 ? '' : ` (${notes.join('; ')})`,
    places: at,
  };
}

/**
 * Where a revision leaves a figure, beside where it stood before: never 'no longer above the line' of one that was not
 * above it.
 * @param was what was held against the line before; undefined where that is not known
 * @param found.turned the rule stands otherwise than it did with the figure that it was, which need not be the state before
 * @param found.present the figure is the newest one, so that its state is that of the alert
 */
export function revisedStanding(
  rule: Rule,
  was: Decimal | undefined,
  reading: Readable,
  said: Said,
  found: { readonly inBreach: boolean; readonly turned: boolean; readonly present: boolean },
): string {
  const { condition } = rule;
  const { inBreach, turned } = found;
  const before = was === undefined ? undefined : ({ kind: 'number', value: was, compared: was, notes: [] } as const);
  if (before !== undefined && !isBreach(condition, before, false)) {
    if (isBetweenLines(condition, reading, inBreach)) {
      const open = found.present && turned ? ', so the alert is open again' : '';
      if (!isBreach(condition, before, true)) return `no longer ${clearedStanding(rule, reading, said.places)}${open}`;
      return `still between ${lineWords(rule, condition.line, said.places)} and ${clearingLineWords(rule, said.places)}${open}`;
    }
    if (inBreach) return `now ${said.standing}`;
    if (turned) return said.cleared;
  }
  if (!turned) return said.still;
  return inBreach ? `now ${said.standing}` : `no longer ${said.beyond}`;
}

/**
 * Ends the reason of what closes an alert that a pause, a silence or a backfill had kept from everybody. Of the record, not
 * of readers: after a move to another database an older installation may have mailed them.
 */
export const UNHEARD = '. That it was past the line had been recorded without a mail';

/** Ends the reason of a correction of a figure older than the newest one. */
export const OF_HISTORY = '; newer figures stand as they were';

/** Is a recorded sentence about an older figure, so that the alert may stand otherwise than with that one? */
export function isOfHistory(reason: string): boolean {
  return reason.endsWith(OF_HISTORY);
}

/**
 * What a correction's recorded sentence ends with: of a figure that counts its notes, and that it is about an older one;
 * of another what stands in its place, or why it does not count.
 */
export function endOfCorrection(
  reason: string,
  now: { readonly value: string | null; readonly counts: boolean },
): string {
  const end =
    now.value === null
      ? /, now .*$/
      : now.counts
        ? new RegExp(`( \\([^()]+\\))?(${UNHEARD}|${OF_HISTORY})?$`)
        : /, which is not judged: .*$/;
  return end.exec(reason)?.[0] ?? '';
}

/** What is counted, as many as the number before it: 'severely absent pupils', of one 'severely absent pupil'. */
export function countedWords(measure: Measure, amount: string): string {
  const words = MEASURE_WORDS[measure];
  return amount === '1' ? words.replace(/s$/, '') : words;
}

/** '; it was 1.9% in autumn and spring terms 2023/24', of a gap '; it was 0.1 percentage points above England in …'. A rise or fall has said so already. */
export function wasBefore(rule: Rule, earlier: Earlier & { readonly compared: string | null }, places: number): string {
  if (isPerPeriod(rule.condition)) return '';
  const gone = goneSince(earlier);
  if (gone !== '') {
    const size = earlierWords(rule, earlier, samePlaces(rule, earlier, places));
    return `; the figure for ${periodWords(earlier.period, earlier.asOf)}, ${size} before, ${gone}`;
  }
  const gap = gapBefore(rule, earlier, places);
  if (gap !== undefined) return `; ${IT_WAS}${gap} in ${periodWords(earlier.period, earlier.asOf)}`;
  const told = wasWhen(rule, earlier, places);
  if (isRate(rule.measure) || earlier.value === null) return `; ${IT_WAS}${told}`;
  return `; there ${told.startsWith('1 ') ? 'was' : 'were'} ${told}`;
}

/** Stands before the figure, or the gap, of an earlier period. */
export const IT_WAS = 'it was ';

/** '0.1 percentage points above England', which is what a rule of a gap watches; undefined of other rules, and where there was none. */
function gapBefore(
  rule: Rule,
  { value, compared }: { readonly value: string | null; readonly compared: string | null },
  places: number,
): string | undefined {
  const { condition } = rule;
  if (!isGap(condition) || value === null || compared === null) return undefined;
  const own = decimal(value);
  const against = own.minus(compared);
  const once = differenceInPrint(rule, own, against, places);
  // The table beside it may have the two figures with two decimals, where they are not the same.
  const { shown, isNone, at } = once.isNone ? differenceInPrint(rule, own, against, Math.max(places, 2)) : once;
  const others = condition.kind === 'gap_to_england' ? OTHERS[condition.kind] : 'that mean';
  if (isNone) return `level with ${others}`;
  return `${points(rule, shown, at)} ${shown.gt(0) ? 'above' : 'below'} ${others}`;
}

/**
 * '; it was 1.0 percentage points above England before' of a difference whose other figure was revised; of a rise or fall
 * '; it was 0.6 percentage points up before'.
 */
export function differenceBefore(rule: Rule, value: string, compared: string, places: number): string {
  const { kind } = rule.condition;
  const gap = gapBefore(rule, { value, compared }, places);
  if (gap !== undefined) return `; ${IT_WAS}${gap} before`;
  if (kind !== 'rise' && kind !== 'fall') return '';
  const own = decimal(value);
  const turned = kind === 'fall' ? decimal(compared).neg() : decimal(compared);
  const { shown, isNone, at } = differenceInPrint(rule, own, own.minus(turned), places);
  return `; ${IT_WAS}${isNone ? 'unchanged' : `${points(rule, shown, at)} ${shown.gt(0) ? 'up' : 'down'}`} before`;
}

/** What became of a figure that a symbol stands for since: it is quoted, but not as if it stood. '' of one that stands. */
function goneSince({ value, symbol }: Earlier): string {
  if (value === null || symbol === undefined) return '';
  return symbolMeaning(symbol) === 'confidential' ? 'has been withheld since' : 'is no longer published';
}

/** '1.9% in autumn and spring terms 2023/24' */
export function wasWhen(rule: Rule, earlier: Earlier, places: number): string {
  const when = periodWords(earlier.period, earlier.asOf);
  const gone = goneSince(earlier);
  const since = gone === '' ? '' : `, which ${gone}`;
  return `${earlierWords(rule, earlier, samePlaces(rule, earlier, places))} in ${when}${since}`;
}

/** The earlier figure too is printed on its own side of the lines. */
function samePlaces(rule: Rule, earlier: Earlier, places: number): number {
  return earlier.value === null ? places : Math.max(places, printedPlaces(rule, earlier.value));
}

/**
 * 'was 17.3%, now 17.9%', with one decimal more where it takes that to tell them apart.
 * @param atLeast decimal places of the same figure elsewhere in the sentence
 */
export function wasNow(rule: Rule, was: Earlier, now: Earlier, atLeast = 1): string {
  const verb = isRate(rule.measure) || was.value === null || printedCount(was.value) === '1' ? 'was' : 'were';
  if (was.value === null || now.value === null)
    return `${verb} ${earlierWords(rule, was, samePlaces(rule, was, atLeast))}, now ${now.value === null && now.symbol === undefined ? 'withdrawn' : earlierWords(rule, now, samePlaces(rule, now, 1))}`;
  const [a, b] = [decimal(was.value), decimal(now.value)];
  const places = Math.max(
    atLeast,
    printedPlaces(rule, was.value),
    printedPlaces(rule, now.value),
    placesWhere((as) => a.eq(b) || !as(a).eq(as(b))),
  );
  const [before, after] = [amount(rule, a, places), amount(rule, b, places)];
  if (before === after && !a.eq(b)) return `${verb} ${before}, now slightly ${b.gt(a) ? 'higher' : 'lower'}`;
  return `${verb} ${before}, now ${after}`;
}

/** What `worse_by` is counted from. */
export interface CountedFrom {
  /** The figure, or the difference a rule is judged by. */
  readonly compared: string;
  /** How it was told; undefined where it is what a muted alert was recorded with. */
  readonly told: Telling | undefined;
}

/** How events are told: in mails, by a replay of history, which mails nobody, or by a backfill, which may or may not. */
export type Telling = 'mailed' | 'replayed' | 'recorded';

/**
 * Decimal places at which all numbers of a sentence agree: the figure, what it is compared with, what it is counted from
 * and how much further it is.
 */
function placesCounting(
  rule: Rule,
  figure: RuleFigure,
  reading: Extract<Reading, { kind: 'number' }>,
  from: CountedFrom | undefined,
): number {
  let places = placesFor(rule, reading.value);
  if (from === undefined || !isRate(rule.measure)) return places;
  const earlier = decimal(from.compared);
  places = Math.max(places, printedPlaces(rule, from.compared));
  const at = differenceOf(rule, figure, reading, places)?.at ?? places;
  return statedAt(reading.compared, earlier, at, (as) =>
    furtherBy(rule.condition, as(reading.compared), as(earlier).toString()).gt(rule.worseBy ?? 0),
  );
}

/**
 * '0.6 percentage points further than the 2.1% last mailed'
 * @param compared what is held against the line, as print shows it
 */
function furtherWords(rule: Rule, compared: Decimal, from: CountedFrom, places: number): string {
  const earlier = decimal(from.compared);
  const as = isRate(rule.measure) ? rounding(places) : (value: Decimal): Decimal => value;
  const further = furtherBy(rule.condition, as(compared), as(earlier).toString());
  const by = points(rule, further, places, [decimal(rule.worseBy ?? 0)]);
  const counted = isLevel(rule.condition) ? amount(rule, earlier, places) : signedPoints(rule, earlier, places);
  return `${by} further than the ${counted} ${from.told === undefined ? RECORDED : LAST[from.told]}`;
}

const LAST: Record<Telling, string> = { mailed: 'last mailed', replayed: 'last told', recorded: 'recorded before' };
const RECORDED = 'at which the alert was recorded without a mail';

/** What follows a number of a recorded sentence that says how much worse a figure got, and is none of its event. */
export const OF_FURTHER = ` (further|${LAST.mailed}|${LAST.recorded}|${RECORDED})`;

/** Decimal places that a recorded sentence asks of others: the most of a rate or a difference in it; a line asks for two. */
export function placesIn(reason: string): number {
  const numbers = reason.matchAll(/(line of (?:minus )?)?\d+\.(\d+)(?:%| (?:percentage )?points)/g);
  return Math.max(
    1,
    ...[...numbers].map(([, line, { length } = '']) => (line === undefined ? length : Math.min(length, 2))),
  );
}
