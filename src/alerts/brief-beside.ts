/** What stands beside an area's figures: England, its region, its statistical neighbours, its rank, its pupil groups. */
import { MEASURE_WORDS, type Rate } from '../domain/measure.js';
import type { BriefFacts, FigureRow, GroupFacts, Paragraph, Quoted, Sentence } from './brief-model.js';
import {
  capital,
  figureOf,
  howMany,
  joined,
  meanOf,
  meanRate,
  NOTHING,
  rank,
  rate,
  rounding,
  say,
  type Figure,
  type Places,
} from './brief-print.js';
import { inPlace, placeName, pupilsOf, symbolWords, TOLD_OF, whereWords } from './brief-words.js';
import { courseOf, isYearBefore, paceSentence, rowYearBefore, type Course } from './brief-trend.js';
import type { Decimal } from '../domain/decimal.js';
import { TOTAL } from '../domain/figure.js';
import { discontinuity } from '../domain/series.js';
import { ofWhom } from './reason.js';

/** Groups from this many enrolments on are told: below, a handful of pupils moves the rate. */
export const GROUP_FROM_ENROLMENTS = 1000;

/** 'down from 19.2%', 'unchanged'; undefined where the year before cannot be compared. */
function movedFrom(now: Figure, before: Figure | undefined, places: number): Sentence | undefined {
  if (before === undefined || !isYearBefore(before.row.period, now.row.period)) return undefined;
  if (discontinuity(now.measure, before.row.period, now.row.period) !== undefined) return undefined;
  const as = rounding(places);
  const moved = as(now.value).cmp(as(before.value));
  return moved === 0 ? say`unchanged` : say`${moved > 0 ? 'up' : 'down'} from ${rate(before, places)}`;
}

/** One sentence a measure, and England's pace where it has one. England itself has nothing to stand beside. */
export function comparisonParagraph(facts: BriefFacts, measures: readonly Rate[], places: Places): Paragraph {
  const sentences = measures.flatMap((measure) => {
    const england = courseOf(facts.england, measure);
    const told = comparison(facts, measure, england, places(measure));
    const pace = paceSentence(england?.pace, places(measure), ` in ${MEASURE_WORDS[measure]} across England`);
    return [told, pace].filter((sentence) => sentence !== undefined);
  });
  return { about: 'comparison', sentences };
}

interface Beside {
  readonly value: Decimal;
  readonly where: Sentence;
  readonly now: Quoted;
  readonly moved: Sentence | undefined;
}

function comparison(
  facts: BriefFacts,
  measure: Rate,
  england: Course | undefined,
  places: number,
): Sentence | undefined {
  const beside = [
    england === undefined
      ? undefined
      : besideFigure(
          england.now,
          facts.england,
          say`${besideWhere(facts, { name: 'England', level: 'National' })}`,
          places,
        ),
    besideRegion(facts, measure, places),
    besideNeighbours(facts, measure, places),
  ].filter((one) => one !== undefined);
  if (beside.length === 0) return undefined;
  const what = capital({ text: MEASURE_WORDS[measure], numbers: [] });
  const own = figureOf(facts.own.at(-1), measure);
  if (own === undefined) {
    const parts = beside.map(
      ({ now, where, moved }) => say`${now} ${where}${moved === undefined ? '' : say` (${moved})`}`,
    );
    return say`${what}${ofWhom(besideType(facts), facts.group ?? TOTAL)} was ${joined(parts)}.`;
  }
  const as = rounding(places);
  const than = (value: Decimal): string => {
    const side = as(own.value).cmp(as(value));
    return side === 0 ? 'the same as' : side > 0 ? 'higher than' : 'lower than';
  };
  const sides: { readonly than: string; readonly places: Sentence[] }[] = [];
  for (const { value, where, now, moved } of beside) {
    const place = say`${where} (${now}${moved === undefined ? '' : say`, ${moved}`})`;
    const side = sides.at(-1);
    if (side?.than === than(value)) side.places.push(place);
    else sides.push({ than: than(value), places: [place] });
  }
  const parts = sides.map((side) => say`${side.than} ${joined(side.places)}`);
  // 'lower than in England and in London, and higher than on average …': two kinds of 'and' want a comma.
  const last = sides.some(({ places: some }) => some.length > 1) ? ', and ' : ' and ';
  return say`${what} ${whereWords(facts.area, facts.schoolType, facts.group)} (${rate(own, places)}) was ${joined(parts, ', ', last)}.`;
}

/** The school type that the figures beside are said to be of; beside a school each of them says it itself. */
function besideType({ area, schoolType }: BriefFacts): string {
  return area.level === 'School' ? 'Total' : schoolType;
}

function besideFigure(now: Figure, rows: readonly FigureRow[], where: Sentence, places: number): Beside {
  const before = figureOf(rowYearBefore(rows), now.measure);
  return { value: now.value, where, now: rate(now, places), moved: movedFrom(now, before, places) };
}

/** A sentence on one school names no school type, so that what stands beside it does. */
function besideWhere(
  { area, schoolType }: BriefFacts,
  place: { readonly name: string; readonly level: string },
): string {
  return area.level === 'School' ? whereWords(place, schoolType) : inPlace(place);
}

function besideRegion(facts: BriefFacts, measure: Rate, places: number): Beside | undefined {
  const region = figureOf(facts.region.at(-1), measure);
  if (region === undefined) return undefined;
  return besideFigure(
    region,
    facts.region,
    say`${besideWhere(facts, { name: region.row.area, level: 'Regional' })}`,
    places,
  );
}

function besideNeighbours({ neighbours }: BriefFacts, measure: Rate, places: number): Beside | undefined {
  const figures = (neighbours?.rows ?? []).map((row) => figureOf(row, measure)).filter((one) => one !== undefined);
  if (neighbours === undefined || figures.length === 0) return undefined;
  const all = figures.length === neighbours.configured;
  const one = figures.length === 1;
  const where = say`${one ? 'in' : 'on average in'} its ${howMany(figures)} statistical ${one ? 'neighbour' : 'neighbours'}${all ? '' : ' with a figure'}`;
  return { value: meanOf(figures), where, now: meanRate(figures, places), moved: undefined };
}

/** 'For persistent absence Luton ranks 87th among 151 authorities with a figure (1st is the highest), level with two others.' */
export function rankParagraph(facts: BriefFacts, measures: readonly Rate[]): Paragraph {
  const sentences: Sentence[] = [];
  for (const measure of measures) {
    const own = figureOf(facts.own.at(-1), measure);
    const all = facts.authorities.map((row) => figureOf(row, measure)).filter((figure) => figure !== undefined);
    if (own === undefined || all.length < 2) continue;
    const position = 1 + all.filter(({ value }) => value.gt(own.value)).length;
    const level = all.filter((figure) => figure.row.areaCode !== own.row.areaCode && figure.value.eq(own.value));
    const ties =
      level.length === 0 ? NOTHING : say`, level with ${howMany(level)} ${level.length === 1 ? 'other' : 'others'}`;
    const who = sentences.length === 0 ? placeName(facts.area) : 'it';
    const among =
      sentences.length === 0
        ? say`among ${howMany(all)} authorities with a figure (1st is the highest)`
        : say`among ${howMany(all)}`;
    sentences.push(say`For ${MEASURE_WORDS[measure]} ${who} ranks ${rank(position, own)} ${among}${ties}.`);
  }
  return { about: 'rank', sentences };
}

/** The pupil groups in the order of the facts; those of England say so, and those withheld. */
export function groupsParagraph(facts: BriefFacts, measures: readonly Rate[]): Paragraph {
  const sentences: Sentence[] = [];
  let leftOut = false;
  let saidWhy = '';
  for (const group of facts.groups) {
    const speaking = [group.now, group.withheld].some(
      (row) => row !== undefined && measures.some((m) => speaks(row, m)),
    );
    if (!speaking) continue;
    if (tooSmall(group)) {
      leftOut = true;
      continue;
    }
    const why = besideWhy(facts, group, measures);
    sentences.push(groupSentence(facts, group, measures, why === saidWhy ? '' : why));
    if (why !== '') saidWhy = why;
  }
  if (leftOut) sentences.push(say`Small groups of pupils are left out.`);
  return { about: 'groups', sentences };
}

function speaks(row: FigureRow, measure: Rate): boolean {
  return figureOf(row, measure) !== undefined || row.symbols[measure] !== undefined;
}

/** Why England is told in the place of the area; empty where the area itself is told. */
function besideWhy({ area }: BriefFacts, { where, withheld }: GroupFacts, measures: readonly Rate[]): string {
  if (where === 'area' || area.level === 'National') return '';
  if (withheld === undefined) return `there are no such figures for ${placeName(area)}`;
  return `the figures for ${placeName(area)} are ${withheldWords(withheld, measures)}`;
}

/** 'withheld so that no pupil can be identified (published as “c”)', of the first of the measures that is. */
function withheldWords(row: FigureRow, measures: readonly Rate[]): string {
  return symbolWords(measures.map((measure) => row.symbols[measure]).find((symbol) => symbol !== undefined) ?? '');
}

/** @param why said in brackets, where it was not yet */
function groupSentence(facts: BriefFacts, group: GroupFacts, measures: readonly Rate[], why: string): Sentence {
  const isEngland = facts.area.level === 'National';
  const pupils = pupilsOf(group.topic, group.breakdown, group.schoolType);
  const elsewhere = group.where === 'England' && !isEngland;
  const whose = elsewhere ? ',' : isEngland ? '' : ` ${inPlace(facts.area)}`;
  const numbers = measures.filter((measure) => figureOf(group.now, measure) !== undefined);
  const told = numbers.map((measure, i) => groupFigure(group, measure, i === 0)).filter((part) => part !== undefined);
  const without = measures.filter((measure) => !numbers.includes(measure) && speaks(group.now, measure));
  if (told.length === 0) {
    const what = joined(without.map((measure) => say`${MEASURE_WORDS[measure]}`));
    return say`The ${without.length === 1 ? 'figure' : 'figures'} for ${what} of ${pupils}${whose} ${without.length === 1 ? 'is' : 'are'} ${withheldWords(group.now, without)}.`;
  }
  // A symbol has brackets of its own.
  const because = why.includes('(') ? `${why.charAt(0).toUpperCase()}${why.slice(1)}; across England, of ` : undefined;
  const start = elsewhere ? (because ?? `Across England${why === '' ? '' : ` (${why})`}, of `) : 'Of ';
  const rest = without.map(
    (measure) => say`; the figure for ${MEASURE_WORDS[measure]} is ${symbolWords(group.now.symbols[measure] ?? '')}`,
  );
  return say`${start}${pupils}${whose} ${joined(told)}${joined(rest, '', '')}.`;
}

function tooSmall({ where, now, withheld }: GroupFacts): boolean {
  // Of a group that is withheld even the size may be.
  const own = figureOf(withheld, 'enrolments');
  if (withheld !== undefined) return own?.value.lt(GROUP_FROM_ENROLMENTS) === true;
  const enrolments = figureOf(now, 'enrolments');
  if (enrolments !== undefined) return enrolments.value.lt(GROUP_FROM_ENROLMENTS);
  return where === 'area' && now.symbols['enrolments'] === undefined;
}

/** '33.1% were persistently absent (down from 34.5%)', '7.3% severely absent (up from 6.6%)'. */
function groupFigure(group: GroupFacts, measure: Rate, first: boolean): Sentence | undefined {
  const now = figureOf(group.now, measure);
  if (now === undefined) return undefined;
  const told = say`${rate(now, 1)} ${first ? 'were ' : ''}${TOLD_OF[measure] ?? MEASURE_WORDS[measure]}`;
  const moved = movedFrom(now, figureOf(group.before, measure), 1);
  return moved === undefined ? told : say`${told} (${moved})`;
}
