/** Places, periods, symbols and small numbers as a newspaper writes them. */
import { Decimal } from '../domain/decimal.js';
import type { Measure } from '../domain/measure.js';
import { weekEnd, type Period } from '../domain/period.js';
import { symbolMeaning, type SymbolMeaning } from '../domain/symbol.js';

/**
 * One line of harmless text: control characters, line and paragraph separators and invisible direction marks become
 * blanks, so that nothing stored can start a header, move a cursor or turn a sentence round.
 */
export function clean(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]+/gu, ' ')
    .replace(/ {2,}/g, ' ')
    .trim();
}

/** `clean` for every string in a structure of arrays and plain objects; buffers, dates and the like stay as they are. */
export function cleanAll<T>(value: T): T;
export function cleanAll(value: unknown): unknown {
  if (typeof value === 'string') return clean(value);
  if (Array.isArray(value)) return value.map((item: unknown) => cleanAll(item));
  if (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, cleanAll(item)]));
  return value;
}

const WITH_ARTICLE: Readonly<Record<string, RegExp>> = {
  Regional: /^(east of england|north (east|west)|south (east|west)|(east|west) midlands)$/i,
  'Local authority': /^(city of london|isles of scilly)$/i,
};

/** 'the East of England', 'London', 'the Isles of Scilly', 'Luton'. */
export function placeName(area: { readonly name: string; readonly level: string }): string {
  return WITH_ARTICLE[area.level]?.test(area.name) === true ? `the ${area.name}` : area.name;
}

/** 'in Luton', 'at Hill Top School', 'in the East of England'. */
export function inPlace(area: { readonly name: string; readonly level: string }): string {
  return `${area.level === 'School' ? 'at' : 'in'} ${placeName(area)}`;
}

const SCHOOL_TYPE_WORDS: Readonly<Record<string, string>> = {
  'State-funded primary': 'state-funded primary schools',
  'State-funded secondary': 'state-funded secondary schools',
  Special: 'special schools',
  'Alternative provision': 'alternative provision',
  'State-funded primary and secondary': 'state-funded primary and secondary schools',
};

/** 'state-funded primary schools'; undefined for all schools together. */
export function schoolTypeWords(schoolType: string): string | undefined {
  return schoolType === 'Total' ? undefined : (SCHOOL_TYPE_WORDS[schoolType] ?? `schools of type ${schoolType}`);
}

/** 'in Luton', 'in special schools in Luton', 'of pupils with SEN support in Luton'. */
export function whereWords(
  area: { readonly name: string; readonly level: string },
  schoolType: string,
  group?: { readonly topic: string; readonly breakdown: string },
): string {
  // One school is no 'state-funded primary schools'.
  const type = area.level === 'School' ? 'Total' : schoolType;
  if (group !== undefined && group.topic !== 'Total')
    return `of ${pupilsOf(group.topic, group.breakdown, type)} ${inPlace(area)}`;
  const types = schoolTypeWords(type);
  return types === undefined ? inPlace(area) : `in ${types} ${inPlace(area)}`;
}

/** The pupils a breakdown or a school type stands for: 'pupils with SEN support'. */
export function pupilsOf(topic: string, breakdown: string, schoolType: string): string {
  const types = schoolTypeWords(schoolType);
  const where = types === undefined ? '' : ` in ${types}`;
  if (topic === 'Total') return `pupils${where}`;
  const known = GROUP_WORDS[`${topic}: ${breakdown}`];
  return known === undefined ? `pupils in the group “${topic}: ${breakdown}”${where}` : `${known}${where}`;
}

const GROUP_WORDS: Readonly<Record<string, string>> = {
  'SEN provision: EHC plan': 'pupils with an education, health and care (EHC) plan',
  'SEN provision: SEN support': 'pupils with SEN support',
  'SEN provision: No SEN': 'pupils without special educational needs',
  'FSM eligibility: FSM eligible': 'pupils eligible for free school meals',
  'FSM eligibility: Not FSM eligible': 'pupils not eligible for free school meals',
};

const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' });
const MOMENT = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'long',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
  timeZone: 'Europe/London',
});

/** '11 July 2025' for '2025-07-11'. */
export function dayWords(isoDate: string): string {
  return DAY.format(new Date(`${isoDate.slice(0, 10)}T00:00:00Z`));
}

/** '23 October 2025 at 09:30 (UK time)'. */
export function momentWords(at: Date): string {
  const part = new Map(MOMENT.formatToParts(at).map(({ type, value }) => [type, value]));
  const get = (type: Intl.DateTimeFormatPartTypes): string => part.get(type) ?? '';
  return `${get('day')} ${get('month')} ${get('year')} at ${get('hour')}:${get('minute')} (UK time)`;
}

/**
 * Without article, for headings and subjects: 'autumn and spring terms 2024/25', 'week 8 2025', 'year to date 2024/25, as
 * at 11 July 2025' (true of the day that a total counts up to and of the day it was published on, where that is all we know).
 */
export function periodWords(period: Period, asOf?: string): string {
  if (period.kind === 'week') return `${period.timeIdentifier.toLowerCase()} ${period.timePeriod}`;
  const named = period.timeIdentifier.toLowerCase().replace(/^autumn and spring term$/, 'autumn and spring terms');
  const day = period.kind === 'year to date' && asOf !== undefined ? `, as at ${dayWords(asOf)}` : '';
  return `${named} ${period.academicYear}${day}`;
}

/**
 * In a sentence: 'across the autumn and spring terms 2024/25', 'in the academic year 2024/25'.
 * @param ofPublication `asOf` is no more than the day of publication: what the figures count up to is not known
 */
export function duringPeriod(period: Period, asOf?: string, ofPublication = false): string {
  const words = periodWords(period);
  if (period.kind === 'week') return `in ${words}`;
  if (period.kind === 'year to date')
    return `in the academic year ${period.academicYear} so far${asOf === undefined ? '' : `, ${ofPublication ? 'as published on' : 'up to'} ${dayWords(asOf)},`}`;
  return `${period.timeIdentifier === 'Autumn and spring term' ? 'across' : 'in'} the ${words}`;
}

/** How one period of a series is called beside another: '2023/24', 'week 7 2025'. */
export function shortPeriod(period: Period): string {
  return period.kind === 'week' ? periodWords(period) : period.academicYear;
}

/** When the period ended: terms end by the school calendar, running figures on their day. */
export function periodEnded(period: Period, asOf?: string, ofPublication = false): string {
  if (period.kind === 'week') {
    const week = Number(period.timeIdentifier.slice('Week '.length));
    return `The week ended on ${dayWords(weekEnd(Number(period.timePeriod), week))}.`;
  }
  if (period.kind === 'year to date')
    return asOf === undefined
      ? 'The year is still running.'
      : ofPublication
        ? `The figures count the year so far, as published on ${dayWords(asOf)}.`
        : `The figures count the year up to ${dayWords(asOf)}.`;
  const next = period.startYear + 1;
  if (period.timeIdentifier === 'Autumn term') return `The term ended at Christmas ${period.startYear}.`;
  if (period.timeIdentifier === 'Academic year' || period.timeIdentifier === 'Summer term')
    return `The ${period.timeIdentifier.toLowerCase()} ended in July ${next}.`;
  return `The period ended with the spring term, at Easter ${next}.`;
}

const SMALL = ['none', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];

/** One to ten in letters, more in figures: 'six', '67', '1,250'. */
export function cardinal(n: number): string {
  return SMALL[n] ?? String(n).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** '1st', '22nd', '113th'. */
export function ordinal(n: number): string {
  const tens = n % 100;
  const suffix = tens >= 11 && tens <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th');
  return `${n}${suffix}`;
}

const SYMBOL_WORDS: Readonly<Record<SymbolMeaning, string>> = {
  confidential: 'withheld so that no pupil can be identified',
  'not available': 'not available',
  'not applicable': 'not applicable',
  low: 'so low that it rounds to zero',
  unreliable: 'withheld as unreliable',
  'no data': 'missing in the release',
};

/** 'withheld so that no pupil can be identified (published as “c”)'. */
export function symbolWords(symbol: string): string {
  const words = SYMBOL_WORDS[symbolMeaning(symbol) ?? 'no data'];
  return symbol.trim() === '' ? words : `${words} (published as “${clean(symbol)}”)`;
}

/** How a rate is told of pupils or sessions. */
export const TOLD_OF: Readonly<Partial<Record<Measure, string>>> = {
  persistent_absence_rate: 'persistently absent',
  severe_absence_rate: 'severely absent',
};

/**
 * The natural frequency of a rate: the nearest 1 in n whose percentage, rounded to a whole one or to a tenth, is within
 * half a point of the rate; else the nearest such 2 in n, n odd and up to 20; else none. 17.3 is 1 in 6 (16.7, rounds
 * to 17), 1.501 is 1 in 67 (1.5).
 * @param rate percent
 */
export function naturalFrequency(rate: Decimal): { readonly of: 1 | 2; readonly among: number } | undefined {
  if (rate.lte(0)) return undefined;
  for (const of of [1, 2] as const) {
    const exact = new Decimal(100 * of).div(rate);
    const around = of === 1 ? [exact.floor(), exact.ceil()] : [oddBelow(exact), oddBelow(exact).plus(2)];
    const fitting = around
      .filter((n) => n.gt(of) && (of === 1 || n.lte(MOST_FOR_TWO)))
      .map((n) => ({ n, percent: new Decimal(100 * of).div(n) }))
      .sort((a, b) => a.percent.minus(rate).abs().cmp(b.percent.minus(rate).abs()));
    const best = fitting[0];
    if (best !== undefined && [0, 1].some((places) => isNear(best.percent.toDecimalPlaces(places), rate)))
      return { of, among: best.n.toNumber() };
  }
  return undefined;
}

/** '2 in 21' helps nobody to picture a share. */
const MOST_FOR_TWO = 20;

function isNear(percent: Decimal, rate: Decimal): boolean {
  return percent.minus(rate).abs().lte(0.5);
}

/** 2 in an even number is 1 in half of it: only odd ones are of interest. */
function oddBelow(exact: Decimal): Decimal {
  const floor = exact.floor();
  return floor.mod(2).isZero() ? floor.minus(1) : floor;
}
