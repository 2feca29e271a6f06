/**
 * How files write time: four or six digits and one or more columns of words, which twenty years have spelled in many
 * ways, to one period and series.
 */
import {
  academicPeriod,
  hasWeek,
  parseSixDigits,
  weekEnd,
  weekPeriod,
  type Period,
  type TimeIdentifier,
} from './period.js';
import { seriesId, type Family } from './series.js';

type Term = Exclude<TimeIdentifier, `Week ${number}`>;

/** What one word of time says. */
interface Said {
  readonly identifier?: Term;
  readonly halfTerms?: 5 | 6;
  /** A part of the year within "Academic year" counts more than the year. */
  readonly week?: number;
}

/** Spellings (lower case, single spaces). A new one is one more line. */
const WORDS: Record<string, Said> = {
  'academic year': { identifier: 'Academic year' },
  // Before EES and in drafts of 2016/17 the full year was named by its half terms.
  'six half terms': { identifier: 'Academic year', halfTerms: 6 },
  'five half terms': { identifier: 'Academic year', halfTerms: 5 },
  'full year': { identifier: 'Academic year' },
  'autumn, spring and summer terms': { identifier: 'Academic year' },
  autumn: { identifier: 'Autumn term' },
  'autumn term': { identifier: 'Autumn term' },
  spring: { identifier: 'Spring term' },
  'spring term': { identifier: 'Spring term' },
  summer: { identifier: 'Summer term' },
  'summer term': { identifier: 'Summer term' },
  'autumn and spring': { identifier: 'Autumn and spring term' },
  'autumn and spring term': { identifier: 'Autumn and spring term' },
  'autumn and spring terms': { identifier: 'Autumn and spring term' },
  'autumn term and spring term': { identifier: 'Autumn and spring term' },
  'year to date': { identifier: 'Year to date' },
  // The whole of a `term` or `year_breakdown` column adds nothing to the identifier.
  total: {},
  '': {},
};

function saidBy(text: string): Said | undefined {
  const word = text.trim().toLowerCase().replaceAll('&', 'and').replace(/\s+/g, ' ');
  const week = /^week (\d{1,2})$/.exec(word)?.[1];
  if (week !== undefined) return Number(week) >= 1 && Number(week) <= 53 ? { week: Number(week) } : undefined;
  return Object.hasOwn(WORDS, word) ? WORDS[word] : undefined;
}

/** Words of `time_frame` beyond those of an identifier: a day of the week is a single day. */
const SINGLE_DAYS = new Set(['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'day']);

/** The cells of one row that say when, in the order in which they count; undefined where the file has no such column. */
export interface TimeCells {
  readonly timePeriod: string;
  readonly timeIdentifier: string | undefined;
  readonly yearBreakdown: string | undefined;
  readonly absenceTerms: string | undefined;
  readonly term: string | undefined;
  readonly timeFrame: string | undefined;
}

export interface TimeContext {
  readonly family: Family;
  /** True for files of the attendance publication: their "Academic year" is a running total. */
  readonly runningTotals: boolean;
  /** Day of publication in the United Kingdom (ISO date). */
  readonly publishedOn: string;
}

export type TimeRead =
  | { readonly kind: 'time'; readonly period: Period; readonly series: string; readonly asOf: string | undefined }
  | { readonly kind: 'single day' }
  | { readonly kind: 'unknown'; readonly column: keyof TimeCells; readonly value: string; readonly why: string };

/** Reads when a row is about. Never throws: what it does not know it names. */
export function readTime(cells: TimeCells, context: TimeContext): TimeRead {
  const timeFrame = (cells.timeFrame ?? '').trim().toLowerCase();
  if (SINGLE_DAYS.has(timeFrame)) return { kind: 'single day' };
  let identifier: Term | undefined;
  let halfTerms: 5 | 6 | undefined;
  let week: number | undefined;
  for (const column of ['timeIdentifier', 'yearBreakdown', 'absenceTerms', 'term', 'timeFrame'] as const) {
    const value = cells[column];
    if (value === undefined || (column === 'timeFrame' && timeFrame === 'week')) continue;
    const said = saidBy(value);
    if (!said)
      return { kind: 'unknown', column, value, why: 'is no time identifier that absence figures are known to have' };
    week ??= said.week;
    halfTerms ??= said.halfTerms;
    if (identifier === undefined || identifier === 'Academic year') identifier = said.identifier ?? identifier;
    else if (said.identifier !== undefined && said.identifier !== 'Academic year' && said.identifier !== identifier)
      return { kind: 'unknown', column, value, why: `contradicts "${identifier}" in the same row` };
  }
  if (week !== undefined) return readWeek(cells, context, week, identifier);
  if (identifier === undefined)
    return { kind: 'unknown', column: 'timeIdentifier', value: cells.timeIdentifier ?? '', why: 'is empty' };

  const startYear = parseYear(cells.timePeriod);
  if (startYear === undefined)
    return {
      kind: 'unknown',
      column: 'timePeriod',
      value: cells.timePeriod,
      why: `is no academic year; "${identifier}" needs six digits of two consecutive years, such as 202425`,
    };
  const isRunning = identifier === 'Year to date' || (context.runningTotals && identifier === 'Academic year');
  const period = academicPeriod(startYear, isRunning ? 'Year to date' : identifier);
  return {
    kind: 'time',
    period,
    series: seriesId(context.family, period, halfTerms),
    asOf: isRunning ? context.publishedOn : undefined,
  };
}

/** A week, or the year to date at the end of a week. */
function readWeek(cells: TimeCells, context: TimeContext, week: number, also: Term | undefined): TimeRead {
  if (also !== undefined && also !== 'Year to date')
    return {
      kind: 'unknown',
      column: 'timeIdentifier',
      value: cells.timeIdentifier ?? '',
      why: `contradicts "Week ${week}" in the same row`,
    };
  const year = /^(19|20)\d{2}$/.test(cells.timePeriod.trim()) ? Number(cells.timePeriod) : undefined;
  if (year === undefined)
    return {
      kind: 'unknown',
      column: 'timePeriod',
      value: cells.timePeriod,
      why: 'is no calendar year; a week needs four digits, such as 2025',
    };
  if (!hasWeek(year, week))
    return {
      kind: 'unknown',
      column: 'timeIdentifier',
      value: cells.timeIdentifier ?? '',
      why: `names a week that ${year} does not have`,
    };
  const ofWeek = weekPeriod(year, week);
  if (also === undefined)
    return { kind: 'time', period: ofWeek, series: seriesId(context.family, ofWeek), asOf: undefined };
  const period = academicPeriod(ofWeek.startYear, 'Year to date');
  return { kind: 'time', period, series: seriesId(context.family, period), asOf: weekEnd(year, week) };
}

/** '202425', and '2024/25', '2024-25', '2024/2025' as elsewhere. @returns the first calendar year */
function parseYear(text: string): number | undefined {
  const written = text.trim();
  const [, first, , second] = /^(\d{4})([/-])(\d{2}|\d{4})$/.exec(written) ?? [];
  if (first === undefined || second === undefined) return parseSixDigits(written);
  return second.length === 4 && Number(second) !== Number(first) + 1
    ? undefined
    : parseSixDigits(first + second.slice(-2));
}

const UK_DAY = new Intl.DateTimeFormat('en-CA', {
  timeZone: 'Europe/London',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
});

/** The day in the United Kingdom at a moment. @param iso a time stamp with offset @throws RangeError when it is none */
export function ukDay(iso: string): string {
  return UK_DAY.format(new Date(iso));
}

const UK_CLOCK = new Intl.DateTimeFormat('sv-SE', {
  timeZone: 'Europe/London',
  dateStyle: 'short',
  timeStyle: 'medium',
});

/** The moment at which clocks in the United Kingdom show a time. @param local ISO date and time without an offset */
export function ukMoment(local: string): Date {
  const asUtc = new Date(`${local}Z`);
  const shown = new Date(`${UK_CLOCK.format(asUtc).replace(' ', 'T')}Z`);
  const ahead = Math.round((shown.getTime() - asUtc.getTime()) / 60_000) * 60_000;
  return new Date(asUtc.getTime() - ahead);
}
