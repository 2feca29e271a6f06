/** Numbers to print: each rounded once, each with the stored figures it stands for. */
import { decimal, Decimal, printed, printedCount } from '../domain/decimal.js';
import type { Measure, Rate } from '../domain/measure.js';
import { discontinuity } from '../domain/series.js';
import type { BriefFacts, FigureRow, Quoted, Sentence, Source } from './brief-model.js';
import { cardinal, naturalFrequency, ordinal } from './brief-words.js';

/** A stored figure that is a number. */
export interface Figure {
  readonly row: FigureRow;
  readonly measure: Measure;
  readonly value: Decimal;
}

/** The figure of a row, undefined where none is published. */
export function figureOf(row: FigureRow | undefined, measure: Measure): Figure | undefined {
  const value = row?.values[measure];
  return row === undefined || value === undefined || value === null
    ? undefined
    : { row, measure, value: decimal(value) };
}

/** Where a figure stands, for --json and for whoever quotes it. */
export function sourceOf({ row, measure, value }: Figure): Source {
  const provenance = row.provenance[measure];
  return {
    area: row.area,
    area_code: row.areaCode,
    period: row.period.label,
    school_type: row.schoolType,
    breakdown: row.topic === 'Total' ? 'Total' : `${row.topic}: ${row.breakdown}`,
    measure,
    value: value.toNumber(),
    data_set: provenance?.data_set ?? '',
    data_set_version: provenance?.version ?? '',
    release: provenance?.release ?? '',
    published_at: provenance?.published_at ?? '',
    computed: provenance?.computed ?? false,
  };
}

/** How a value looks at a number of decimal places, as a number to compare what the reader sees. */
export type Rounding = (value: Decimal) => Decimal;

/** How many decimal places the figures of a measure are printed with. */
export type Places = (measure: Rate) => number;

/** Rounds half away from zero to a number of decimal places. */
export function rounding(places: number): Rounding {
  return (value) => value.toDecimalPlaces(places, Decimal.ROUND_HALF_UP);
}

/**
 * Decimal places at which what is said holds for the numbers as printed (a difference fits the two figures beside it): one,
 * or else one more, and never more than that. A difference that two do not fit is the one of the figures as printed
 * (`shownDifference`); only a line may ask for more of them (`placesOnSide`).
 */
export function placesWhere(holds: (as: Rounding) => boolean): 1 | 2 {
  return holds(rounding(1)) ? 1 : 2;
}

/** Does rounding keep a figure on its side of a line? */
export function keepsSide(as: Rounding, value: Decimal, line: Decimal): boolean {
  return as(value).cmp(as(line)) === value.cmp(line);
}

/** More decimal places than any figure is published with: a published number is on its side of any line before that. */
const ALL_DECIMALS = 30;

/**
 * The fewest decimal places at which something holds of numbers as printed, so many as it takes.
 * @param from not fewer than these
 */
function fewestPlaces(holds: (as: Rounding) => boolean, from = 1): number {
  let places = from;
  while (places < ALL_DECIMALS && !holds(rounding(places))) places++;
  return places;
}

/** Decimal places at which a value stays on its side of lines: a figure never contradicts its line, in words or in a table. */
export function placesOnSide(value: Decimal, lines: readonly Decimal[]): number {
  return fewestPlaces((as) => lines.every((line) => keepsSide(as, value, line)));
}

/**
 * Decimal places at which all figures of some rows stay on their side of a line, in percent; two at the most, as nothing is
 * said of the side of figures of years ago.
 */
export function placesBeside(rows: readonly FigureRow[], measure: Measure, line: number | undefined): 1 | 2 {
  const values = rows.map((row) => figureOf(row, measure)?.value).filter((value) => value !== undefined);
  return line === undefined ? 1 : placesWhere((as) => values.every((value) => keepsSide(as, value, decimal(line))));
}

/** What a reader gets who subtracts the figures as printed. */
export function shownDifference(as: Rounding, later: Decimal, earlier: Decimal): Decimal {
  return as(later).minus(as(earlier));
}

/** Is the difference of the figures as printed the rounded difference too? */
export function differenceFits(as: Rounding, later: Decimal, earlier: Decimal): boolean {
  return shownDifference(as, later, earlier).eq(as(later.minus(earlier)));
}

const MOST_DECIMALS = 2;

/**
 * With how many decimal places a difference and its two figures are printed, all three: one more where the rounded
 * difference would be another than a reader gets by subtracting. Where two decimals do not make them agree either, the
 * difference is that of the figures as printed, less than 0.01 from the true one.
 * @param places with which the figures are printed wherever nothing speaks against it
 * @param holds what else the difference has to show in print, with as many decimals as it takes: its side of a line
 */
export function statedAt(
  later: Decimal,
  earlier: Decimal,
  places: number,
  holds: (as: Rounding) => boolean = () => true,
): number {
  const fits = differenceFits(rounding(places), later, earlier);
  return fewestPlaces(holds, fits ? places : Math.max(places, MOST_DECIMALS));
}

/** '17.3%' */
export function rate(figure: Figure, places: number): Quoted {
  return {
    text: `${printed(figure.value, places)}%`,
    value: figure.value.toNumber(),
    kind: 'rate',
    from: [sourceOf(figure)],
  };
}

/** '6,569' */
export function count(figure: Figure): Quoted {
  return { text: printedCount(figure.value), value: figure.value.toNumber(), kind: 'count', from: [sourceOf(figure)] };
}

/** The size of the difference of two figures as it is printed beside them, without sign and unit: '0.7'. */
export function difference(later: Figure, earlier: Figure, places: number): Quoted {
  return {
    text: printed(shownDifference(rounding(places), later.value, earlier.value).abs(), places),
    value: later.value.minus(earlier.value).toNumber(),
    kind: 'difference',
    from: [sourceOf(later), sourceOf(earlier)],
  };
}

/** 'about one in six', undefined where no simple fraction is near, or the rate beside it is printed as zero. */
export function frequency(figure: Figure, places: number): Sentence | undefined {
  if (rounding(places)(figure.value).isZero()) return undefined;
  const near = naturalFrequency(figure.value);
  if (near === undefined) return undefined;
  const from = [sourceOf(figure)];
  const of: Quoted = { text: cardinal(near.of), value: near.of, kind: 'frequency', from };
  const among: Quoted = { text: cardinal(near.among), value: near.among, kind: 'frequency', from };
  return say`about ${of} in ${among}`;
}

/** '87th' */
export function rank(position: number, figure: Figure): Quoted {
  return { text: ordinal(position), value: position, kind: 'rank', from: [sourceOf(figure)] };
}

/** How many areas: 'ten' or '151'; of the figures counted one from each data set version stands as source. */
export function howMany(figures: readonly Figure[], n = figures.length): Quoted {
  const from = new Map(
    figures.map(sourceOf).map((source) => [`${source.data_set}\n${source.data_set_version}`, source]),
  );
  return { text: cardinal(n), value: n, kind: 'number of areas', from: [...from.values()] };
}

/** The unweighted mean of rates, in percent. @throws on an empty list */
export function meanOf(figures: readonly Figure[]): Decimal {
  return figures.reduce((sum, { value }) => sum.plus(value), new Decimal(0)).div(figures.length);
}

/** The mean of a measure over an area's statistical neighbours with a figure, now and a year before. */
export interface NeighbourMeans {
  readonly now: readonly Figure[];
  /** Empty where none has a figure of the year before that may stand beside this one's. */
  readonly before: readonly Figure[];
  /** Whether the means are of the same neighbours, with neither break nor gap between, so that their change says something. */
  readonly comparable: boolean;
}

/** What the means of the neighbours are of; undefined where none has a figure. */
export function neighbourMeans({ neighbours }: BriefFacts, measure: Measure): NeighbourMeans | undefined {
  const figures = (rows: readonly FigureRow[]): Figure[] =>
    rows.map((row) => figureOf(row, measure)).filter((one) => one !== undefined);
  const now = figures(neighbours?.rows ?? []);
  const [first] = now;
  if (first === undefined) return undefined;
  const earlier = figures(neighbours?.before ?? []);
  const between =
    earlier[0] === undefined ? undefined : discontinuity(measure, earlier[0].row.period, first.row.period);
  const before = between?.kind === 'break' ? [] : earlier;
  const codes = new Set(now.map(({ row }) => row.areaCode));
  const same = before.length === codes.size && before.every(({ row }) => codes.has(row.areaCode));
  return { now, before, comparable: same && between === undefined };
}

/** '18.9%', with every rate it is the mean of. */
export function meanRate(figures: readonly Figure[], places: number): Quoted {
  const value = meanOf(figures);
  return { text: `${printed(value, places)}%`, value: value.toNumber(), kind: 'mean', from: figures.map(sourceOf) };
}

/** Prose with numbers: text and quoted numbers joined in order. */
export function say(strings: TemplateStringsArray, ...parts: readonly (string | Quoted | Sentence)[]): Sentence {
  let text = strings[0] ?? '';
  const numbers: Quoted[] = [];
  parts.forEach((part, i) => {
    text += (typeof part === 'string' ? part : part.text) + (strings[i + 1] ?? '');
    if (typeof part === 'string') return;
    if ('numbers' in part) numbers.push(...part.numbers);
    else numbers.push(part);
  });
  return { text, numbers };
}

export const NOTHING: Sentence = { text: '', numbers: [] };

/** Joined by a separator, the last one by `last`: 'a, b and c'. */
export function joined(parts: readonly Sentence[], separator = ', ', last = ' and '): Sentence {
  return parts.reduce((all, part, i) => {
    if (i === 0) return part;
    return say`${all}${i === parts.length - 1 ? last : separator}${part}`;
  }, NOTHING);
}

/** With a capital at the start. */
export function capital(sentence: Sentence): Sentence {
  return { ...sentence, text: sentence.text.charAt(0).toUpperCase() + sentence.text.slice(1) };
}
