/** The brief: stored figures told in sentences that could stand in a newspaper. Pure. */
import { decimal } from '../domain/decimal.js';
import { COUNT_OF, MEASURE_WORDS, RATES, type Measure, type Rate } from '../domain/measure.js';
import type { Discontinuity } from '../domain/series.js';
import { symbolMeaning } from '../domain/symbol.js';
import type { Brief, BriefFacts, FigureRow, Paragraph, Quoted, Sentence } from './brief-model.js';
import {
  cleanAll,
  duringPeriod,
  inPlace,
  periodEnded,
  periodWords,
  placeName,
  schoolTypeWords,
  shortPeriod,
  symbolWords,
  TOLD_OF,
  whereWords,
} from './brief-words.js';
import { briefChart } from './brief-chart.js';
import { comparisonParagraph, groupsParagraph, rankParagraph } from './brief-beside.js';
import {
  capital,
  count,
  difference,
  figureOf,
  frequency,
  joined,
  NOTHING,
  placesBeside,
  placesOnSide,
  rate,
  say,
  statedAt,
  type Figure,
  type Places,
} from './brief-print.js';
import { briefTable } from './brief-table.js';
import {
  courseOf,
  differencePlaces,
  neighbourPlaces,
  paceSentence,
  recordOf,
  type Before,
  type Course,
  type Highest,
} from './brief-trend.js';

export interface BriefOptions {
  /** The measure of a rule, told and drawn first; without it persistent absence. */
  readonly focus?: Measure;
  /** A rule's line, in percent, to draw into the chart of `focus`. */
  readonly threshold?: number;
  /** Decimal places `focus` is printed with at the least, where it stands beside a line it is close to. */
  readonly places?: number;
  /** Decimal places of measures that are printed with more elsewhere in the same section. */
  readonly atLeast?: Readonly<Partial<Record<Measure, number>>>;
  /** The figures are composed, not published. */
  readonly composed?: boolean;
}

/** Measures told in prose, in this order, where the series has them. */
const TOLD: readonly Rate[] = ['persistent_absence_rate', 'severe_absence_rate', 'overall_absence_rate'];

/**
 * Tells one area's figures of one period. Every number in the prose is formatted from a stored figure and carries its
 * source. @throws when `facts.own` is empty
 */
export function composeBrief(unclean: BriefFacts, options: BriefOptions = {}): Brief {
  const facts = cleanAll(unclean);
  const last = facts.own.at(-1);
  if (last === undefined) throw new Error(`There is no figure for ${facts.area.name} in the series ${facts.series}.`);
  const measures = toldMeasures(last, options.focus);
  const tellings = new Map(measures.map((measure) => [measure, tellingOf(facts, measure, options)]));
  const places: Places = (measure) => tellings.get(measure)?.places ?? 1;
  const pupilRates = measures.filter((measure) => measure in TOLD_OF);
  return {
    area: facts.area,
    series: facts.series,
    schoolType: facts.schoolType,
    group: facts.group,
    period: last.period,
    periodWords: periodWords(last.period, last.asOf),
    periodEnded: periodEnded(last.period, last.asOf, last.asOfPublication),
    headline: headline(facts, measures, places),
    paragraphs: [
      areaParagraph(facts, last, tellings),
      comparisonParagraph(facts, pupilRates.length > 0 ? pupilRates : measures, places),
      rankParagraph(facts, pupilRates.length > 0 ? pupilRates : measures),
      groupsParagraph(facts, pupilRates),
      notesParagraph(facts),
    ].filter((paragraph) => paragraph.sentences.length > 0),
    table: briefTable(facts, measures, places),
    places: Object.fromEntries(measures.map((measure) => [measure, places(measure)])),
    chart: briefChart(facts, options, places),
    releases: facts.releases,
  };
}

/** One measure of a brief: its course, and the decimal places at which every sentence, the table and the chart print it. */
interface Telling {
  readonly course: Course | undefined;
  readonly places: number;
}

/**
 * One choice of places for all figures of a measure, so that none is printed in two ways. It is made by what prose and
 * table say: the changes of the area, its region and England, the paces told, and the side of a rule's line.
 */
function tellingOf(facts: BriefFacts, measure: Rate, options: BriefOptions): Telling {
  const course = courseOf(facts.own, measure, { past: facts.past });
  const england = courseOf(facts.england, measure);
  const beside = measure === options.focus ? options : {};
  return {
    course,
    places: Math.max(
      course?.places ?? 1,
      england?.places ?? 1,
      differencePlaces(facts.region, measure),
      neighbourPlaces(facts, measure),
      beside.places ?? 1,
      options.atLeast?.[measure] ?? 1,
      placesBeside(facts.own, measure, beside.threshold),
      course === undefined || beside.threshold === undefined
        ? 1
        : placesOnSide(course.now.value, [decimal(beside.threshold)]),
    ),
  };
}

function speaksOf(row: FigureRow, measure: Measure): boolean {
  return row.values[measure] !== undefined && (row.values[measure] !== null || row.symbols[measure] !== undefined);
}

function toldMeasures(row: FigureRow, focus: Measure | undefined): readonly Rate[] {
  const wanted = RATES.filter((measure) => TOLD.includes(measure) || measure === focus);
  return wanted.filter((measure) => speaksOf(row, measure));
}

/** A figure without a number in a subject's length. */
function notShown(symbol: string | undefined): string {
  return symbol !== undefined && symbolMeaning(symbol) === 'low' ? 'too low to show' : 'not shown';
}

/** 'Luton: persistent absence 17.3%, severe absence 1.5%' */
function headline(facts: BriefFacts, measures: readonly Rate[], places: Places): string {
  const last = facts.own.at(-1);
  const told = measures.filter((measure) => measure in TOLD_OF);
  const parts = (told.length > 0 ? told : measures).map((measure) => {
    const figure = figureOf(last, measure);
    return `${MEASURE_WORDS[measure]} ${figure === undefined ? notShown(last?.symbols[measure]) : rate(figure, places(measure)).text}`;
  });
  const types = facts.area.level === 'School' ? undefined : schoolTypeWords(facts.schoolType);
  return `${facts.area.name}${types === undefined ? '' : ` (${types})`}: ${parts.join(', ')}`;
}

function areaParagraph(facts: BriefFacts, last: FigureRow, tellings: ReadonlyMap<Rate, Telling>): Paragraph {
  const sentences: Sentence[] = [];
  const gaps = new Set<string>();
  let enrolmentsNamed = false;
  [...tellings].forEach(([measure, { course, places }], i) => {
    const when = i === 0 ? ` ${duringPeriod(last.period, last.asOf, last.asOfPublication)}` : '';
    if (course === undefined) {
      sentences.push(missingSentence(facts, last, measure, when, places));
      return;
    }
    const enrolments = facts.group === undefined ? 'pupil enrolments' : 'enrolments';
    const pupils = enrolmentsNamed ? 'pupils' : enrolments;
    const where = i === 0 ? ` ${whereWords(facts.area, facts.schoolType, facts.group)}` : '';
    const at = changeAt(course, places);
    const told =
      toldOfPupils(course.now, where, pupils, at) ??
      say`${MEASURE_WORDS[measure]}${where} was ${rate(course.now, at)} of possible sessions`;
    if (measure in TOLD_OF) enrolmentsNamed = true;
    const aside = when.endsWith(',') ? when.slice(0, -1) : when;
    sentences.push(capital(say`${told}${aside}${changeClause(course, at)}.`));
    const record = recordOf(facts.own, measure, places, [...facts.region, ...facts.england]);
    if (record !== undefined) sentences.push(recordSentence(facts, record));
    // Two measures often have the same thing to say about the years before: once is enough, in so many words.
    const apart = apartSentence(facts, measure, course.before, places, gaps);
    if (apart !== undefined && !sentences.some(({ text }) => text === apart.text)) sentences.push(apart);
    else if (apart !== undefined && course.before.kind === 'missing')
      sentences.push(
        say`There is no figure of ${MEASURE_WORDS[measure]} for ${course.before.academicYear} to compare it with either.`,
      );
    const pace = paceSentence(course.pace, places, '');
    if (pace !== undefined) sentences.push(pace);
  });
  return { about: 'area', sentences };
}

/** '6,569 pupil enrolments in Luton (17.3%, about one in six) were persistently absent'; undefined for rates of sessions. */
function toldOfPupils(now: Figure, where: string, pupils: string, places: number): Sentence | undefined {
  const words = TOLD_OF[now.measure];
  if (words === undefined) return undefined;
  const near = frequency(now, places);
  const share = rate(now, places);
  const counted = countBehind(now);
  if (counted === undefined) {
    const aside = near === undefined ? '' : say` (${near})`;
    return say`${share} of ${pupils}${where}${aside} were ${words}`;
  }
  const aside = say`(${share}${near === undefined ? '' : say`, ${near}`})`;
  if (counted.value === 0) return say`${{ ...counted, text: 'no' }} ${pupils}${where} ${aside} were ${words}`;
  if (counted.value === 1) return say`${counted} ${pupils.replace(/s$/, '')}${where} ${aside} was ${words}`;
  return say`${counted} ${pupils}${where} ${aside} were ${words}`;
}

/** The published count of a rate; estimates of running periods are no counts. */
function countBehind(figure: Figure): Quoted | undefined {
  const measure = COUNT_OF[figure.measure as Rate];
  if (measure === undefined || figure.row.period.kind !== 'finished') return undefined;
  const counted = figureOf(figure.row, measure);
  return counted?.value.isInteger() === true ? count(counted) : undefined;
}

/** Decimal places of the sentence that tells a figure and its change on the year before. */
function changeAt({ now, before }: Course, places: number): number {
  return before.kind === 'year before' ? statedAt(now.value, before.figure.value, places) : places;
}

/** A change below a twentieth of what was is slight. */
const SLIGHT = 0.05;

/** ', down slightly, by 0.7 percentage points, from 18.0% in 2023/24'; '' where nothing is comparable. */
function changeClause({ now, before }: Course, at: number): Sentence {
  if (before.kind !== 'year before') return NOTHING;
  const { figure } = before;
  const when =
    now.row.period.kind === 'year to date'
      ? `at the same point of ${shortPeriod(figure.row.period)}`
      : `in ${shortPeriod(figure.row.period)}`;
  const by = difference(now, figure, at);
  const [counted, countedBefore] = [countBehind(now), countBehind(figure)];
  const ofRate = counted !== undefined && countedBefore !== undefined && counted.value !== countedBefore.value;
  // The sentence begins with the count, which may have moved where the rate as printed has not.
  if (decimal(by.text).isZero())
    return say`${ofRate ? countClause(counted, countedBefore) : ''}, ${ofRate ? 'the rate ' : ''}unchanged ${when.replace(/^in /, 'from ').replace(/^at /, 'from ')}`;
  const direction = by.value > 0 ? 'up' : 'down';
  const slight = Math.abs(by.value) < SLIGHT * figure.value.toNumber();
  const how = slight
    ? say`${direction} slightly, by ${by} percentage points,`
    : say`${direction} ${by} percentage points`;
  return say`, ${how} from ${rate(figure, at)} ${when}`;
}

/** ', down from 2' of a count that moved by more than slightly. */
function countClause(now: Quoted, before: Quoted): Sentence {
  const by = now.value - before.value;
  if (Math.abs(by) < SLIGHT * before.value) return NOTHING;
  return say`, ${by > 0 ? 'up' : 'down'} from ${before.value === 0 ? { ...before, text: 'none' } : before}`;
}

/** 'That is the lowest since comparable figures began in 2021/22.' */
function recordSentence({ area }: BriefFacts, { kind, since, began }: Highest): Sentence {
  const what = {
    'figures of the area': area.level === 'School' ? 'the school’s figures' : 'the area’s figures',
    'figures on record': 'the figures on record',
    'comparable figures': 'comparable figures',
  }[began];
  return say`That is the ${kind} since ${what} began in ${shortPeriod(since)}.`;
}

/** 'no figure for Essex was published for 2023/24': others may have one. */
function gapWords(facts: BriefFacts, by: Discontinuity): string {
  return by.kind === 'gap' && by.missing !== undefined
    ? by.says.replace(/^no figure was/, `no figure ${forWords(facts)} was`)
    : by.says;
}

/**
 * What is said where the year before cannot be compared.
 * @param gaps those told already; this one is added
 */
function apartSentence(
  facts: BriefFacts,
  measure: Rate,
  before: Before,
  places: number,
  gaps: Set<string>,
): Sentence | undefined {
  switch (before.kind) {
    case 'year before':
      return undefined;
    case 'first': {
      const what = before.alone ? 'figure' : `${MEASURE_WORDS[measure]} figure`;
      return say`This is the first ${what} held here ${forWords(facts)} in this series.`;
    }
    case 'first of the year':
      return say`This is the first figure of the year.`;
    case 'no such point':
      return say`There is no figure for the same point of ${before.academicYear} to compare it with.`;
    case 'week before':
      return say`In ${shortPeriod(before.figure.row.period)} it was ${rate(before.figure, places)}.`;
    case 'missing':
      return before.symbol === undefined
        ? say`There is no figure for ${before.academicYear} to compare it with.`
        : say`The figure for ${before.academicYear} is ${symbolWords(before.symbol)}, so there is nothing to compare it with.`;
    case 'apart': {
      if (before.by.kind === 'break') return say`No earlier figure stands beside it: ${before.by.says}.`;
      const figure = say`The figure before it, ${rate(before.figure, places)} for ${shortPeriod(before.figure.row.period)},`;
      const why = gapWords(facts, before.by);
      if (gaps.has(why)) return say`${figure} lies beyond the same gap.`;
      gaps.add(why);
      return say`${figure} lies beyond a gap and makes no trend: ${why}.`;
    }
  }
}

/** That other schools have figures too, where those of one type had to be told. */
function notesParagraph({ area, schoolType, otherTypes = [] }: BriefFacts): Paragraph {
  if (otherTypes.length === 0 || area.level === 'School') return { about: 'notes', sentences: [] };
  const [told, ...others] = [schoolType, ...otherTypes].map((type) => say`${schoolTypeWords(type) ?? 'all schools'}`);
  return {
    about: 'notes',
    sentences: [
      say`Only ${told ?? NOTHING} are told here, as no figure for all schools together is published ${forWords({ area, schoolType: 'Total' })}; figures for ${joined(others)} are published apart.`,
    ],
  };
}

/** 'for Luton', 'for special schools in Luton'. */
function forWords({ area, schoolType }: Pick<BriefFacts, 'area' | 'schoolType'>): string {
  const types = schoolTypeWords(schoolType);
  return types === undefined || area.level === 'School' ? `for ${placeName(area)}` : `for ${types} ${inPlace(area)}`;
}

function missingSentence(facts: BriefFacts, last: FigureRow, measure: Rate, when: string, places: number): Sentence {
  const before = facts.own.map((row) => figureOf(row, measure)).findLast((figure) => figure !== undefined);
  const was =
    before === undefined
      ? ''
      : say` The last one published was ${rate(before, places)} for ${shortPeriod(before.row.period)}.`;
  return say`The figure for ${MEASURE_WORDS[measure]} ${whereWords(facts.area, facts.schoolType, facts.group)}${when} is ${symbolWords(last.symbols[measure] ?? '')}.${was}`;
}
