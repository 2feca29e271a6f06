/** One choice of decimals for each measure of a section: reason, summary, subject, prose and table print it alike. */
import { decimal, printed, type Decimal } from '../domain/decimal.js';
import { isRate, type Measure } from '../domain/measure.js';
import { rounding, shownDifference } from './brief-print.js';
import { isLevel } from './reading.js';
import { IT_WAS, OF_FURTHER, placesIn } from './reason.js';
import { clearingLine, differenceInPrint, linePlaces } from './rule-print.js';
import type { MailNews, MailSection } from './mail-model.js';
import { drawnReason, placesOf, standingReason } from './mail-news.js';

/** Decimal places that the news of a section asks for, by measure. */
export function newsPlaces(news: readonly MailNews[]): Readonly<Partial<Record<Measure, number>>> {
  const places: Partial<Record<Measure, number>> = {};
  for (const one of news) {
    if (!isRate(one.measure)) continue;
    places[one.measure] = Math.max(places[one.measure] ?? 1, placesOf(one), placesIn(one.reason));
  }
  return places;
}

/** The news of a section with the decimals of its prose and table. */
export function withOnePrecision(section: MailSection): MailSection {
  const asked = newsPlaces(section.news);
  const news = section.news.map((one) => {
    const places = Math.max(asked[one.measure] ?? 1, section.brief?.places[one.measure] ?? 1);
    const printed = { ...one, places };
    return { ...printed, reason: reasonOf(one, printed, places) };
  });
  return { ...section, news };
}

function reasonOf(recorded: MailNews, printed: MailNews, places: number): string {
  if (recorded.isStanding === true) return standingReason(printed);
  return recorded.drawn === undefined ? reprinted(recorded, places) : drawnReason(printed);
}

/** Not how much further a figure is than another, nor how wide a gap was before, which the event does not have. */
const FIGURES = new RegExp(
  `(?<![\\d.])(?<!${IT_WAS}(?=[\\d.]+ ))(line of (?:minus )?)?(\\d+\\.\\d+)(%| percentage points)(?!${OF_FURTHER})`,
  'g',
);

/**
 * The recorded sentence with more decimals where it has fewer than those. Each number is told by the stored figures of the event, in
 * the order in which a sentence has them; one that is none of them stays as it was recorded.
 */
function reprinted(news: MailNews, places: number): string {
  if (places < 2 || !isRate(news.measure)) return news.reason;
  const { measure, condition, event, value, previous, threshold, compared } = news;
  const rates = present([...(event === 'corrected' ? [previous, value] : [value]), previous]);
  // In print a difference is the one of the two figures beside it.
  const points: Decimal[] = [];
  let inPrint: (number: Decimal, to: number) => Decimal = (number) => number;
  let at: number = places;
  if (condition !== undefined && !isLevel(condition) && value !== null && compared !== null) {
    const own = decimal(value);
    const against = own.minus(decimal(compared).times(condition.kind === 'fall' ? -1 : 1));
    rates.splice(1, 0, against);
    points.push(decimal(compared).abs());
    at = differenceInPrint({ measure, condition }, own, against, places).at;
    inPrint = (number, to) => (points.includes(number) ? shownDifference(rounding(to), own, against).abs() : number);
  }
  const lines = present([threshold, condition === undefined ? undefined : clearingLine(condition)]);
  const taken = new Set<Decimal>();
  return news.reason.replace(FIGURES, (all, line: string | undefined, text: string, unit: string) => {
    const some = line !== undefined ? lines : unit === '%' ? rates : points;
    const had = text.length - text.indexOf('.') - 1;
    const fitting = some.filter((number) => printed(inPrint(number, had), had) === text);
    const number = fitting.find((one) => !taken.has(one)) ?? fitting[0];
    if (number === undefined) return all;
    taken.add(number);
    const to = some === lines ? linePlaces(number, at) : at;
    return had >= to ? all : `${line ?? ''}${printed(inPrint(number, to), to)}${unit}`;
  });
}

function present(some: readonly (string | number | null | undefined)[]): Decimal[] {
  return some.filter((one) => one !== null && one !== undefined).map((one) => decimal(one.toString()).abs());
}
