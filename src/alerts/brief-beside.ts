/** What stands beside an area's figures: England, its region, its statistical neighbours, its rank, its pupil groups. */
import { MEASURE_WORDS, type Rate } from '../domain/measure.js';
import type { BriefFacts, FigureRow, GroupFacts, Paragraph, Sentence } from './brief-model.js';
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
  say,
  type Figure,
  type Rounding,
} from './brief-print.js';
import { placeName, pupilsOf, schoolTypeWords, TOLD_OF } from './brief-words.js';
import { courseOf, isYearBefore, paceSentence, rowYearBefore, type Course } from './brief-trend.js';
import { Decimal } from '../domain/decimal.js';
import { discontinuity } from '../domain/series.js';

/** Groups from this many enrolments on are told: below, a handful of pupils moves the rate. */
export const GROUP_FROM_ENROLMENTS = 1000;

/** How many decimal places the area's own figures of a measure are printed with. */
type Places = (measure: Rate) => number;

const rounding =
  (places: number): Rounding =>
  (value) =>
    value.toDecimalPlaces(places, Decimal.ROUND_HALF_UP);

/** '17.6%, down from 19.2%'; only '17.6%' where the year before cannot be compared. */
function withYearBefore(now: Figure, before: Figure | undefined, places: number): Sentence {
  if (before === undefined || discontinuity(now.measure, before.row.period, now.row.period) !== undefined)
    return say`${rate(now, places)}`;
  const as = rounding(places);
  const moved = as(now.value).cmp(as(before.value));
  return moved === 0
    ? say`${rate(now, places)}, unchanged`
    : say`${rate(now, places)}, ${moved > 0 ? 'up' : 'down'} from ${rate(before, places)}`;
}

/** One sentence a measure, and England's pace where it has one. England itself has nothing to stand beside. */
export function comparisonParagraph(facts: BriefFacts, measures: readonly Rate[], ownPlaces: Places): Paragraph {
  const sentences = measures.flatMap((measure) => {
    const england = courseOf(facts.england, measure, ownPlaces(measure));
    const told = comparison(facts, measure, england, england?.pace === undefined ? ownPlaces(measure) : england.places);
    const pace =
      england === undefined ? undefined : paceSentence(england, ` in ${MEASURE_WORDS[measure]} across England`);
    return [told, pace].filter((sentence) => sentence !== undefined);
  });
  return { about: 'comparison', sentences };
}

function comparison(
  facts: BriefFacts,
  measure: Rate,
  england: Course | undefined,
  places: number,
): Sentence | undefined {
  const own = figureOf(facts.own.at(-1), measure);
  const as = rounding(places);
  const beside: { readonly value: Decimal; readonly where: Sentence; readonly told: Sentence }[] = [];
  const than = (value: Decimal): string => {
    const side = own === undefined ? 0 : as(own.value).cmp(as(value));
    return side === 0 ? 'the same as' : side > 0 ? 'higher than' : 'lower than';
  };
  if (england !== undefined) {
    const told = withYearBefore(england.now, figureOf(rowYearBefore(facts.england), measure), places);
    beside.push({ value: england.now.value, where: say`in England`, told });
  }
  const region = figureOf(facts.region.at(-1), measure);
  if (region !== undefined) {
    const told = withYearBefore(region, figureOf(rowYearBefore(facts.region), measure), places);
    beside.push({
      value: region.value,
      where: say`in ${placeName({ name: region.row.area, level: 'Regional' })}`,
      told,
    });
  }
  const neighbours = (facts.neighbours?.rows ?? [])
    .map((row) => figureOf(row, measure))
    .filter((figure) => figure !== undefined);
  if (facts.neighbours !== undefined && neighbours.length > 0) {
    const all = neighbours.length === facts.neighbours.configured;
    const where = say`on average in its ${howMany(neighbours)} statistical neighbours${all ? '' : ' with a figure'}`;
    beside.push({ value: meanOf(neighbours), where, told: say`${meanRate(neighbours, places)}` });
  }
  if (beside.length === 0) return undefined;
  const what = capital({ text: MEASURE_WORDS[measure], numbers: [] });
  if (own === undefined)
    return say`${what} was ${joined(
      beside.map(({ where, told }) => say`${told} ${where}`),
      '; ',
      '; ',
    )}.`;
  const parts = beside.map((one, i) => {
    const before = beside[i - 1];
    const side = than(one.value);
    const again = before !== undefined && than(before.value) === side;
    return say`${again ? '' : `${side} `}${one.where} (${one.told})`;
  });
  const types = schoolTypeWords(facts.schoolType);
  const where = types === undefined ? placeName(facts.area) : `${placeName(facts.area)}’s ${types}`;
  return say`${what} in ${where} (${rate(own, places)}) was ${joined(parts)}.`;
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

/** The pupil groups in the order of the facts; those of England say so. */
export function groupsParagraph(facts: BriefFacts, measures: readonly Rate[]): Paragraph {
  const isEngland = facts.area.level === 'National';
  let saidWhy = false;
  const sentences: Sentence[] = [];
  let leftOut = false;
  for (const group of facts.groups) {
    const told = measures
      .map((measure, i) => groupFigure(group, measure, i === 0))
      .filter((part) => part !== undefined);
    if (told.length === 0) continue;
    if (tooSmall(group)) {
      leftOut = true;
      continue;
    }
    const elsewhere = group.where === 'England' && !isEngland;
    const start = !elsewhere
      ? 'Of '
      : saidWhy
        ? 'Across England, of '
        : `Across England (there are no such figures for ${placeName(facts.area)}), of `;
    saidWhy ||= elsewhere;
    sentences.push(
      say`${start}${pupilsOf(group.topic, group.breakdown, group.schoolType)}${elsewhere ? ',' : isEngland ? '' : ` ${inArea(facts)}`} ${joined(told)}.`,
    );
  }
  if (leftOut) sentences.push(say`Small groups of pupils are left out.`);
  return { about: 'groups', sentences };
}

function inArea(facts: BriefFacts): string {
  return `in ${placeName(facts.area)}`;
}

function tooSmall({ where, now }: GroupFacts): boolean {
  const enrolments = figureOf(now, 'enrolments');
  return enrolments === undefined ? where === 'area' : enrolments.value.lt(GROUP_FROM_ENROLMENTS);
}

/** '33.1% were persistently absent (down from 34.5%)', '7.3% severely absent (up from 6.6%)'. */
function groupFigure(group: GroupFacts, measure: Rate, first: boolean): Sentence | undefined {
  const now = figureOf(group.now, measure);
  if (now === undefined) return undefined;
  const before = figureOf(group.before, measure);
  const told = say`${rate(now, 1)} ${first ? 'were ' : ''}${TOLD_OF[measure] ?? MEASURE_WORDS[measure]}`;
  if (before === undefined || !comparable(before.row, now.row, measure)) return told;
  const as = rounding(1);
  const moved = as(now.value).cmp(as(before.value));
  return moved === 0 ? say`${told} (unchanged)` : say`${told} (${moved > 0 ? 'up' : 'down'} from ${rate(before, 1)})`;
}

function comparable(before: FigureRow, now: FigureRow, measure: Rate): boolean {
  return isYearBefore(before.period, now.period) && discontinuity(measure, before.period, now.period) === undefined;
}
