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
import { inPlace, placeName, pupilsOf, TOLD_OF, whereWords } from './brief-words.js';
import { courseOf, isYearBefore, paceSentence, rowYearBefore, type Course } from './brief-trend.js';
import type { Decimal } from '../domain/decimal.js';
import { discontinuity } from '../domain/series.js';

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
    england === undefined ? undefined : besideFigure(england.now, facts.england, say`in England`, places),
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
    return say`${what} was ${joined(parts)}.`;
  }
  const as = rounding(places);
  const than = (value: Decimal): string => {
    const side = as(own.value).cmp(as(value));
    return side === 0 ? 'the same as' : side > 0 ? 'higher than' : 'lower than';
  };
  const parts = beside.map(({ value, where, now, moved }, i) => {
    const before = beside[i - 1];
    const again = before !== undefined && than(before.value) === than(value);
    return say`${again ? '' : `${than(value)} `}${where} (${now}${moved === undefined ? '' : say`, ${moved}`})`;
  });
  return say`${what} ${whereWords(facts.area, facts.schoolType, facts.group)} (${rate(own, places)}) was ${joined(parts)}.`;
}

function besideFigure(now: Figure, rows: readonly FigureRow[], where: Sentence, places: number): Beside {
  const before = figureOf(rowYearBefore(rows), now.measure);
  return { value: now.value, where, now: rate(now, places), moved: movedFrom(now, before, places) };
}

function besideRegion(facts: BriefFacts, measure: Rate, places: number): Beside | undefined {
  const region = figureOf(facts.region.at(-1), measure);
  if (region === undefined) return undefined;
  return besideFigure(region, facts.region, say`${inPlace({ name: region.row.area, level: 'Regional' })}`, places);
}

function besideNeighbours({ neighbours }: BriefFacts, measure: Rate, places: number): Beside | undefined {
  const figures = (neighbours?.rows ?? []).map((row) => figureOf(row, measure)).filter((one) => one !== undefined);
  if (neighbours === undefined || figures.length === 0) return undefined;
  const all = figures.length === neighbours.configured;
  const where = say`on average in its ${howMany(figures)} statistical neighbours${all ? '' : ' with a figure'}`;
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
      say`${start}${pupilsOf(group.topic, group.breakdown, group.schoolType)}${elsewhere ? ',' : isEngland ? '' : ` ${inPlace(facts.area)}`} ${joined(told)}.`,
    );
  }
  if (leftOut) sentences.push(say`Small groups of pupils are left out.`);
  return { about: 'groups', sentences };
}

function tooSmall({ where, now }: GroupFacts): boolean {
  const enrolments = figureOf(now, 'enrolments');
  return enrolments === undefined ? where === 'area' : enrolments.value.lt(GROUP_FROM_ENROLMENTS);
}

/** '33.1% were persistently absent (down from 34.5%)', '7.3% severely absent (up from 6.6%)'. */
function groupFigure(group: GroupFacts, measure: Rate, first: boolean): Sentence | undefined {
  const now = figureOf(group.now, measure);
  if (now === undefined) return undefined;
  const told = say`${rate(now, 1)} ${first ? 'were ' : ''}${TOLD_OF[measure] ?? MEASURE_WORDS[measure]}`;
  const moved = movedFrom(now, figureOf(group.before, measure), 1);
  return moved === undefined ? told : say`${told} (${moved})`;
}
