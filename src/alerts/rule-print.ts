/** The numbers of a rule in print: figures, differences and lines, with the decimals that keep each on its side of the others. */
import { decimal, Decimal, printed, printedAsGiven, printedCount } from '../domain/decimal.js';
import { isRate } from '../domain/measure.js';
import type { Condition, Rule } from '../domain/rule.js';
import { keepsSide, placesOnSide, rounding, shownDifference, statedAt, type Rounding } from './brief-print.js';
import { isLevel } from './reading.js';

export type GapKind = Extract<Condition['kind'], 'gap_to_england' | 'gap_to_neighbours'>;
type Gap = Extract<Condition, { kind: GapKind }>;

/** What the gap of an area is to. */
export const OTHERS: Record<GapKind, string> = {
  gap_to_england: 'England',
  gap_to_neighbours: 'its statistical neighbours',
};

/** Is the difference to England, or to the neighbours, what is held against the line? */
export function isGap(condition: Condition): condition is Gap {
  return condition.kind === 'gap_to_england' || condition.kind === 'gap_to_neighbours';
}

/**
 * ' below England' of a gap's line below zero (`gap_to_england: -0.1`), '' of any other. In words such a line has no sign, and
 * what is past it is not 'more than' it: 0.05 points below England is past a line of 0.1 points below England.
 */
export function belowOthers(condition: Condition | undefined, line: Decimal | string | number): string {
  return condition !== undefined && isGap(condition) && new Decimal(line).lt(0)
    ? ` below ${OTHERS[condition.kind]}`
    : '';
}

/** The lines a figure or a difference is held against. */
export function linesOf(condition: Condition): readonly Decimal[] {
  return [condition.line, clearingLine(condition)].filter((line) => line !== undefined).map(decimal);
}

/** Decimal places of a figure beside the lines it is held against; those of a difference are `differenceInPrint`'s to say. */
export function placesFor(rule: Rule, value: Decimal): number {
  if (!isLevel(rule.condition)) return 1;
  // A figure beside a line of two decimals has two itself.
  return Math.max(
    placesOnSide(value, linesOf(rule.condition)),
    Math.min(2, decimal(rule.condition.line).decimalPlaces()),
  );
}

/** The line past which a rule in breach is clear again, where it has one of its own. */
export function clearingLine(condition: Condition): number | undefined {
  if ('clearBelow' in condition) return condition.clearBelow;
  return 'clearAbove' in condition ? condition.clearAbove : undefined;
}

/** A value of the rule's measure: '17.3%', or '6,569' for a count. */
export function amount(rule: Rule, value: Decimal | string | number, places: number): string {
  if (isRate(rule.measure)) return `${printed(value, places)}%`;
  return countBeside(new Decimal(value), isLevel(rule.condition) ? linesOf(rule.condition) : []);
}

/**
 * '6,569'. Attendance counts are estimates with a fraction, which is shown where the whole number would not be on the
 * count's side of a line: '120.4' beside a line of 120.
 */
export function countBeside(value: Decimal, lines: readonly Decimal[]): string {
  if (lines.every((line) => keepsSide(rounding(0), value, line))) return printedCount(value);
  return printedAsGiven(rounding(placesOnSide(value, lines))(value));
}

/** A difference of the rule's measure, without sign: '0.7 percentage points', or '120' for a count. */
export function points(
  rule: Rule,
  difference: Decimal | number,
  places: number,
  lines: readonly Decimal[] = linesOf(rule.condition),
): string {
  const size = new Decimal(difference).abs();
  if (isRate(rule.measure)) return `${printed(size, places)} percentage points`;
  const sizes = lines.map((line) => line.abs());
  return countBeside(size, sizes);
}

/** As `points`, where no word beside it says on which side of zero it is: 'minus 0.9 percentage points'. */
export function signedPoints(rule: Rule, difference: Decimal | number, places: number): string {
  return `${new Decimal(difference).lt(0) ? 'minus ' : ''}${points(rule, difference, places)}`;
}

/**
 * The difference a rule is judged by, as it stands in print: with one more decimal where it takes that not to contradict
 * the two figures beside it, or as many as it takes to stay on its side of the lines, and never another than a reader gets
 * by subtracting.
 * @param places decimal places of the figures wherever nothing speaks against them
 * @returns what to print and with how many decimals; `isNone` where that is nothing
 */
export function differenceInPrint(
  { measure, condition }: Pick<Rule, 'measure' | 'condition'>,
  value: Decimal,
  against: Decimal,
  places: number,
): { readonly shown: Decimal; readonly isNone: boolean; readonly at: number } {
  const exact = value.minus(against);
  const upward = (difference: Decimal): Decimal => (condition.kind === 'fall' ? difference.neg() : difference);
  const keepSide = (as: Rounding, shown: Decimal): boolean =>
    linesOf(condition).every((line) => upward(shown).cmp(as(line)) === upward(exact).cmp(line));
  if (!isRate(measure)) {
    const whole = rounding(0);
    return { shown: exact, isNone: whole(exact).isZero() && keepSide(whole, whole(exact)), at: places };
  }
  const at = statedAt(value, against, places, (as) => keepSide(as, shownDifference(as, value, against)));
  const shown = shownDifference(rounding(at), value, against);
  return { shown, isNone: shown.isZero(), at };
}

/**
 * Decimal places of a line beside figures with so many: its own are never cut (a line of 2.25 is told as 2.25), and two
 * are enough, however many a figure beside it takes.
 */
export function linePlaces(line: Decimal, places: number): number {
  return Math.max(Math.min(places, 2), line.decimalPlaces());
}

/** How many decimals a figure is printed with in a mail of this rule: one, or more where its lines ask for it. */
export function printedPlaces(rule: Rule, value: string): number {
  return isLevel(rule.condition) ? placesOnSide(decimal(value), linesOf(rule.condition)) : 1;
}

/**
 * Would a reader see another number?
 * @param atLeast decimal places with which the reader saw it
 */
export function printsDifferently(rule: Rule, was: string, now: string, atLeast: number): boolean {
  const places = Math.max(atLeast, printedPlaces(rule, was));
  return isRate(rule.measure) ? printed(was, places) !== printed(now, places) : printedCount(was) !== printedCount(now);
}
