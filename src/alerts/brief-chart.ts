/** From facts to the model of the trend chart, with the words that tell the trend to who does not see it. */
import { decimal, printed } from '../domain/decimal.js';
import { MEASURE_WORDS, RATES, type Rate } from '../domain/measure.js';
import { academicYearLabel, type Period } from '../domain/period.js';
import { discontinuity } from '../domain/series.js';
import type { BriefFacts, ChartLine, ChartModel, FigureRow } from './brief-model.js';
import type { BriefOptions } from './brief.js';
import { figureOf, type Places } from './brief-print.js';
import { recordOf } from './brief-trend.js';
import { linePlaces } from './rule-print.js';
import { periodWords, shortPeriod, symbolWords, whereWords } from './brief-words.js';

/** A chart of a phone's width has room for so many periods. */
const MOST_PERIODS = 24;

/**
 * The trend of one measure for area, region and England, with a gap at its end where the newest figure is withheld;
 * undefined where the area has fewer than two figures.
 */
export function briefChart(facts: BriefFacts, options: BriefOptions, placesOf: Places): ChartModel | undefined {
  const focus = RATES.find((rate) => rate === options.focus);
  const last = facts.own.at(-1);
  const measure = measureDrawn(facts.own, focus);
  if (measure === undefined || last === undefined) return undefined;
  const lines = [
    line(facts.area.name, 'area', facts.own, measure),
    line(facts.region.at(-1)?.area ?? '', 'region', facts.region, measure),
    line('England', 'England', facts.england, measure),
  ].filter((one) => one.points.length > 0);
  const own = lines[0];
  if (own?.role !== 'area' || own.points.length < 2) return undefined;
  const labels = periodLabels([...facts.own, ...facts.region, ...facts.england]).slice(-MOST_PERIODS);
  const shown = lines
    .map((one) => ({ ...one, points: one.points.filter(({ label }) => labels.includes(label)) }))
    .filter((one) => one.points.length > 0);
  const others = (role: ChartLine['role']): readonly FigureRow[] => [
    ...(role === 'area' ? [] : facts.own),
    ...(role === 'region' ? [] : facts.region),
    ...(role === 'England' ? [] : facts.england),
  ];
  const rowsOf = { area: facts.own, region: facts.region, England: facts.england };
  const endOf = ({ role }: ChartLine): string => lineEnd(rowsOf[role], measure, placesOf(measure), others(role));
  const threshold = measure === focus ? options.threshold : undefined;
  const places = placesOf(measure);
  const title = `${MEASURE_WORDS[measure]} ${whereWords(facts.area, facts.schoolType, facts.group)}, ${seriesWords(last.period)}`;
  return {
    title: title.charAt(0).toUpperCase() + title.slice(1),
    measure,
    labels,
    lines: shown,
    threshold,
    places,
    alt: altText(title, shown, endOf, threshold, places),
    composed: options.composed ?? false,
  };
}

/** The measure asked for, else the first with a newest figure, else the first whose newest figure is withheld. */
function measureDrawn(own: readonly FigureRow[], focus: Rate | undefined): Rate | undefined {
  const last = own.at(-1);
  const hasFigure = (rate: Rate): boolean => figureOf(last, rate) !== undefined;
  const isWithheld = (rate: Rate): boolean =>
    last?.symbols[rate] !== undefined && own.filter((row) => figureOf(row, rate) !== undefined).length > 1;
  if (focus !== undefined && (hasFigure(focus) || isWithheld(focus))) return focus;
  return RATES.find(hasFigure) ?? RATES.find(isWithheld);
}

/** What is said at the end of a line: that the last figure is a record, by the rule of the prose, or that it is withheld. */
function lineEnd(rows: readonly FigureRow[], measure: Rate, places: number, others: readonly FigureRow[]): string {
  const last = rows.at(-1);
  if (last !== undefined && figureOf(last, measure) === undefined)
    return `; the figure for ${shortPeriod(last.period)} is ${symbolWords(last.symbols[measure] ?? '')}`;
  const record = recordOf(rows, measure, places, others);
  return record === undefined ? '' : `, its ${record.kind}`;
}

function seriesWords(period: Period): string {
  if (period.kind === 'week') return 'week by week';
  return periodWords(period).replace(` ${period.academicYear}`, '');
}

function line(name: string, role: ChartLine['role'], rows: readonly FigureRow[], measure: Rate): ChartLine {
  let segment = 0;
  let previous: Period | undefined;
  const points = rows.flatMap((row) => {
    const figure = figureOf(row, measure);
    if (figure === undefined) {
      segment++;
      return [];
    }
    if (previous !== undefined && discontinuity(measure, previous, row.period) !== undefined) segment++;
    previous = row.period;
    return [{ label: shortPeriod(row.period), sort: row.period.sort, value: figure.value.toNumber(), segment }];
  });
  return { name, role, points };
}

/** Every period from the first to the last in order; of years also those without a figure, so that a gap is seen. */
function periodLabels(rows: readonly FigureRow[]): readonly string[] {
  const periods = new Map(rows.map(({ period }) => [period.sort, period]));
  const sorted = [...periods.values()].sort((a, b) => a.sort - b.sort);
  const [first, last] = [sorted[0], sorted.at(-1)];
  if (first === undefined || last === undefined) return [];
  if (first.kind === 'week') return sorted.map(shortPeriod);
  return Array.from({ length: last.startYear - first.startYear + 1 }, (_, i) => academicYearLabel(first.startYear + i));
}

/**
 * @param endOf what is said at the end of a line
 * @param places decimal places of every figure, as the prose prints them
 */
function altText(
  title: string,
  lines: readonly ChartLine[],
  endOf: (line: ChartLine) => string,
  threshold: number | undefined,
  places: number,
): string {
  const parts = lines.map((one) => `${one.name}: ${course(one, places)}${endOf(one)}.`);
  const gap = lines.some(({ points }) => new Set(points.map(({ segment }) => segment)).size > 1)
    ? ' The lines are interrupted where figures are missing or cannot be compared.'
    : '';
  const at = threshold === undefined ? '' : ` A dashed line marks ${plain(threshold, places)}%.`;
  return `Line chart: ${title}. ${parts.join(' ')}${at}${gap}`;
}

/** A line never with fewer decimals than configured: '2' is '2.0', '2.25' stays '2.25'. */
function plain(value: number, places: number): string {
  return printed(value, linePlaces(decimal(value), places));
}

/** Each stretch between gaps for itself: no trend is told across one. */
function course({ points }: ChartLine, places: number): string {
  const segments = [...new Set(points.map(({ segment }) => segment))];
  const told = segments.map((segment) =>
    stretch(
      points.filter((point) => point.segment === segment),
      places,
    ),
  );
  return told.join('; after an interruption ');
}

/** 'from 10.9% in 2016/17, highest at 22.4% in 2021/22, to 17.3% in 2024/25'; 'unchanged at 1.5% from 2022/23 to 2024/25'. */
function stretch(points: ChartLine['points'], places: number): string {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return 'no figure';
  const at = (point: typeof first): string => `${printed(point.value, places)}% in ${point.label}`;
  if (points.length === 1) return at(first);
  const shown = (point: typeof first): number => Number(printed(point.value, places));
  const high = points.reduce((best, point) => (shown(point) >= shown(best) ? point : best));
  const low = points.reduce((best, point) => (shown(point) <= shown(best) ? point : best));
  const within = (turn: typeof first): boolean => shown(turn) !== shown(first) && shown(turn) !== shown(last);
  const turns = [within(high) ? `highest at ${at(high)}` : '', within(low) ? `lowest at ${at(low)}` : ''].filter(
    (turn) => turn !== '',
  );
  if (turns.length === 0 && shown(first) === shown(last))
    return `unchanged at ${printed(last.value, places)}% from ${first.label} to ${last.label}`;
  return `from ${at(first)}${turns.length === 0 ? '' : `, ${turns.join(', ')},`} to ${at(last)}`;
}
