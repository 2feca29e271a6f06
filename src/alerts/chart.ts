/** The trend chart as picture and SVG. The drawing programs are loaded when the first chart is drawn: they are large. */
import { createRequire } from 'node:module';
import type { TopLevelSpec } from 'vega-lite';
import { printed } from '../domain/decimal.js';
import type { ChartLine, ChartModel } from './brief-model.js';

export interface RenderedChart {
  readonly png: Buffer;
  readonly svg: string;
  readonly alt: string;
}

/** Drawn at half of this and shown at most so wide: lines and letters stay legible in a column of 320 pixels. */
export const CHART_WIDTH = 480;
const CHART_HEIGHT = 320;
/** What title, legend and axis take of the height. */
const ABOVE_AND_BELOW = 120;
/** Device pixels for each pixel of the drawing, for sharp letters on telephones. */
const SCALE = 2;

const COLOURS: Record<ChartLine['role'], string> = { area: '#0b5394', region: '#b45f06', England: '#5f6368' };
const DASHES: Record<ChartLine['role'], readonly number[]> = { area: [1, 0], region: [6, 3], England: [2, 2] };
const THRESHOLD_COLOUR = '#b00020';
const FONT = 'DejaVu Sans';

/**
 * Draws a chart. Lines differ in colour, width and dashes, and each is named at its end, so that the chart can be read
 * without colour. @returns PNG of 960 pixels width, SVG, and the alt text of the model
 */
export async function renderChart(model: ChartModel): Promise<RenderedChart> {
  const [vega, vegaLite, { Resvg }] = await Promise.all([
    import('vega'),
    import('vega-lite'),
    import('@resvg/resvg-js'),
  ]);
  const { spec } = vegaLite.compile(specOf(model));
  const view = new vega.View(vega.parse(spec), { renderer: 'none', logger: vega.logger(vega.Error) });
  const svg = await view.toSVG();
  view.finalize();
  const require = createRequire(import.meta.url);
  // Without a font file resvg leaves out every letter, silently.
  const fontFiles = ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'].map((file) =>
    require.resolve(`dejavu-fonts-ttf/ttf/${file}`),
  );
  const png = new Resvg(svg, {
    background: '#ffffff',
    fitTo: { mode: 'zoom', value: SCALE },
    font: { fontFiles, loadSystemFonts: false, defaultFontFamily: FONT },
  }).render();
  return { png: Buffer.from(png.asPng()), svg, alt: model.alt };
}

/** So many letters of names fit into one row of the legend. */
const LEGEND_ROW = 34;
/** Height of a line of letters in the drawing, to keep the values at the ends of lines apart. */
const LABEL_HEIGHT = 17;
/** Distance of such a value from the plot. */
const LABEL_GAP = 8;

function specOf(model: ChartModel): TopLevelSpec {
  const points = model.lines.flatMap((line) =>
    line.points.map((point) => ({ ...point, name: line.name, part: `${line.role} ${point.segment}` })),
  );
  const thresholds = [...(model.threshold === undefined ? [] : [model.threshold]), ...(model.otherThresholds ?? [])];
  const values = [...points.map(({ value }) => value), ...thresholds];
  const [low, high] = axisEnds(values);
  const ends = endLabels(model, low, high);
  const x = {
    field: 'label',
    type: 'ordinal' as const,
    scale: { domain: [...model.labels], padding: 0.3 },
    axis: {
      title: null,
      labelAngle: 0,
      labelOverlap: 'greedy' as const,
      values: tickLabels(model.labels),
      labelFlush: true,
      grid: false,
    },
  };
  const y = {
    field: 'value',
    type: 'quantitative' as const,
    scale: { domain: [low, high], nice: false, zero: false },
    axis: {
      title: null,
      tickCount: 5,
      labelExpr: "datum.label + '%'",
      gridColor: '#e3e3e3',
      domain: false,
      ticks: false,
    },
  };
  const names = model.lines.map(({ name }) => name);
  const legend = {
    title: null,
    orient: 'top' as const,
    columns: names.join('').length > LEGEND_ROW ? 1 : names.length,
    symbolType: 'stroke' as const,
    symbolSize: 400,
    symbolStrokeWidth: 3,
    labelLimit: CHART_WIDTH - 60,
    rowPadding: 2,
    offset: 6,
  };
  const color = {
    field: 'name',
    type: 'nominal' as const,
    scale: { domain: names, range: model.lines.map(({ role }) => COLOURS[role]) },
    legend,
  };
  const strokeDash = {
    field: 'name',
    type: 'nominal' as const,
    scale: { domain: names, range: model.lines.map(({ role }) => DASHES[role]) },
    legend,
  };
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    width: CHART_WIDTH,
    height: CHART_HEIGHT,
    autosize: { type: 'fit', contains: 'padding' },
    padding: { left: 6, right: 10, top: 6, bottom: 6 },
    background: '#ffffff',
    title: {
      text: wrapped(model.composed ? `COMPOSED FIGURES: ${model.title}` : model.title, 46),
      anchor: 'start',
      fontSize: 16,
      offset: 8,
    },
    config: {
      font: FONT,
      axis: { labelFontSize: 14, labelColor: '#1f1f1f' },
      legend: { labelFontSize: 14, labelColor: '#1f1f1f' },
      view: { stroke: null },
    },
    layer: [
      ...(thresholds.length === 0 ? [] : [thresholdLines(thresholds, y)]),
      {
        data: { values: points },
        mark: { type: 'line', strokeWidth: 3, strokeCap: 'butt' },
        encoding: { x, y, color, strokeDash, detail: { field: 'part', type: 'nominal' } },
      },
      {
        data: { values: points },
        mark: { type: 'point', filled: true, size: 38, opacity: 1 },
        encoding: { x, y, color },
      },
      {
        data: { values: ends.atEdge },
        mark: { type: 'text', align: 'left', dx: LABEL_GAP, fontSize: 14, fontWeight: 'bold' },
        encoding: { x: { value: 'width' }, y, text: { field: 'text', type: 'nominal' }, color },
      },
      {
        data: { values: ends.before },
        mark: { type: 'text', align: 'left', dx: LABEL_GAP, fontSize: 14, fontWeight: 'bold' },
        encoding: { x, y, text: { field: 'text', type: 'nominal' }, color },
      },
      ...(thresholds.length === 0 ? [] : thresholdLabel(thresholds, y, model, [low, high])),
    ],
  };
}

function thresholdLines<Y>(thresholds: readonly number[], y: Y) {
  return {
    data: { values: thresholds.map((value) => ({ value })) },
    mark: { type: 'rule' as const, color: THRESHOLD_COLOUR, strokeDash: [8, 4], strokeWidth: 2 },
    encoding: { y },
  };
}

/** Over all other marks, on a ground of its own: the letters once in broad white, and once more. */
function thresholdLabel<Y>(thresholds: readonly number[], y: Y, model: ChartModel, ends: readonly [number, number]) {
  const all = [...thresholds].sort((one, other) => one - other);
  const named = all.map((value) => `${withDecimals(value)}%`).join(', ');
  const text = `your ${all.length === 1 ? 'line' : 'lines'}: ${named}`;
  const { above, atStart } = placeOfLabel(text, all, model, ends);
  const mark = {
    type: 'text' as const,
    align: atStart ? ('left' as const) : ('right' as const),
    baseline: above ? ('bottom' as const) : ('top' as const),
    dx: atStart ? 4 : -4,
    dy: above ? -3 : 5,
    fontSize: 14,
  };
  return [{ stroke: '#ffffff', strokeWidth: 5, strokeJoin: 'round' as const }, {}].map((ground) => ({
    // Lines lie close to each other: one label, at the highest, names all.
    data: { values: all.slice(-1).map((value) => ({ value, text })) },
    mark: { ...mark, color: THRESHOLD_COLOUR, ...ground },
    encoding: {
      y,
      x: atStart ? { value: 0 } : { value: 'width' as const },
      text: { field: 'text', type: 'nominal' as const },
    },
  }));
}

/** About what the plot has of the width, and a letter of a label. */
const PLOT_WIDTH = 366;
const LETTER_WIDTH = 7.2;

/** Above or below the line, at its start or end: where fewest lines run, above at the start where they are as many. */
function placeOfLabel(
  text: string,
  thresholds: readonly number[],
  { lines, labels }: ChartModel,
  [low, high]: readonly [number, number],
): { readonly above: boolean; readonly atStart: boolean } {
  const line = thresholds.at(-1) ?? low;
  const height = ((high - low) * (LABEL_HEIGHT + 6)) / (CHART_HEIGHT - ABOVE_AND_BELOW);
  const width = text.length * LETTER_WIDTH + 8;
  const xOf = (label: string): number =>
    (PLOT_WIDTH * (labels.indexOf(label) + 0.3)) / Math.max(labels.length - 1 + 0.6, 1);
  // Each stretch between two points as dots close enough to tell where it runs.
  const dots = lines.flatMap(({ points }) =>
    points.flatMap((point, i) => {
      const next = points[i + 1];
      const [x, value] = [xOf(point.label), point.value];
      if (next === undefined || next.segment !== point.segment) return [{ x, value }];
      return Array.from({ length: 24 }, (_, k) => ({
        x: x + ((xOf(next.label) - x) * k) / 24,
        value: value + ((next.value - value) * k) / 24,
      }));
    }),
  );
  const places = [true, false].flatMap((atStart) => [true, false].map((above) => ({ above, atStart })));
  const crowded = ({ above, atStart }: (typeof places)[number]): number => {
    const [bottom, top] = above ? [line, line + height] : [line - height, line];
    const within = (value: number): boolean => value > bottom && value < top;
    if (bottom < low || top > high || thresholds.some(within)) return Infinity;
    return dots.filter(({ x, value }) => within(value) && (atStart ? x < width : x > PLOT_WIDTH - width)).length;
  };
  const least = Math.min(...places.map(crowded));
  return places.find((place) => crowded(place) === least) ?? { above: true, atStart: true };
}

function withDecimals(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}

/** Room above and below the lines; a rate never goes below nought. */
function axisEnds(values: readonly number[]): [number, number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = Math.max((high - low) * 0.15, 0.1);
  return [Math.max(0, low - room), high + room];
}

/** So many period labels as the width has room for, the last one among them. */
function tickLabels(labels: readonly string[]): string[] {
  const every = Math.max(1, Math.ceil(labels.length / 5));
  return labels.filter((_, i) => (labels.length - 1 - i) % every === 0);
}

interface EndLabel {
  readonly label: string;
  readonly value: number;
  readonly text: string;
  readonly name: string;
}

/**
 * The last value of each line. Those of lines that reach the end of the chart stand to the right of the plot, where no
 * line, marker or threshold is, and apart from each other; a line that ends before has its value beside its last point.
 */
function endLabels(
  model: ChartModel,
  low: number,
  high: number,
): { readonly atEdge: readonly EndLabel[]; readonly before: readonly EndLabel[] } {
  const apart = ((high - low) * LABEL_HEIGHT) / (CHART_HEIGHT - ABOVE_AND_BELOW);
  const ends = model.lines
    .flatMap((line) =>
      line.points.slice(-1).map((point) => ({
        label: point.label,
        value: point.value,
        text: `${printed(point.value, model.places)}%`,
        name: line.name,
      })),
    )
    .sort((a, b) => b.value - a.value);
  const atEdge = ends.filter(({ label }) => label === model.labels.at(-1));
  const places = spread(
    atEdge.map(({ value }) => value),
    apart,
    [low + apart / 2, high - apart / 2],
  );
  return {
    atEdge: atEdge.map((end, i) => ({ ...end, value: places[i] ?? end.value })),
    before: ends.filter((end) => !atEdge.includes(end)),
  };
}

/**
 * Places for labels that are at least `apart` from each other: each at its value where there is room, else those that
 * crowd evenly around the middle of theirs.
 * @param values highest first
 * @param within lowest and highest place
 */
export function spread(
  values: readonly number[],
  apart: number,
  [lowest, highest]: readonly [number, number],
): readonly number[] {
  const crowds: { readonly values: readonly number[]; readonly top: number }[] = [];
  for (const value of values) {
    let crowd = { values: [value], top: clamp(value, lowest, highest) };
    for (let above = crowds.at(-1); above !== undefined; above = crowds.at(-1)) {
      const bottom = above.top - apart * (above.values.length - 1);
      if (bottom - crowd.top >= apart - 1e-9) break;
      crowds.pop();
      const all = [...above.values, ...crowd.values];
      const height = apart * (all.length - 1);
      const middle = all.reduce((sum, one) => sum + one, 0) / all.length;
      crowd = { values: all, top: clamp(middle + height / 2, lowest + height, highest) };
    }
    crowds.push(crowd);
  }
  return crowds.flatMap((crowd) => crowd.values.map((_, i) => crowd.top - i * apart));
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}
