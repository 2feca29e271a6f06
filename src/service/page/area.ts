/** Finding an area, and one area's figures over time beside its region and England. */
import { standingAlerts, eventTable } from './alerts.js';
import type { FigureRow } from '../../alerts/brief-model.js';
import { symbolMeaning } from '../../domain/symbol.js';
import { printed, printedCount } from '../../domain/decimal.js';
import { COUNT_OF, isRate, MEASURE_WORDS, type Measure, type Rate } from '../../domain/measure.js';
import type { Rule } from '../../domain/rule.js';
import { findAreas } from '../../load/areas.js';
import type { Store } from '../../load/database.js';
import { listEvents } from '../../load/inspect.js';
import { counted, ukTime } from '../../print.js';
import {
  areaSeries,
  chartOf,
  everyFigure,
  findArea,
  linesOf,
  type AreaSeries,
  type FoundArea,
  type Line,
} from './area-figures.js';
import {
  areaPath,
  cell,
  facts,
  section,
  table,
  text,
  type Block,
  type Cell,
  type Page,
  type Picture,
  type Section,
} from './content.js';

/** The two measures of the page, each with a chart. */
export const DRAWN = ['persistent_absence_rate', 'severe_absence_rate'] as const satisfies readonly Rate[];
const EVENTS = 20;

/** @param query what was typed; '' shows where to begin */
export async function areasPage(store: Store, query: string): Promise<Page> {
  const found = query === '' ? await beginnings(store) : await findAreas(store, query);
  return {
    title: 'Areas',
    lead: '',
    under: '/areas',
    sections: [
      section('', [{ kind: 'search', value: query }]),
      section(query === '' ? 'England, its regions, and what is watched' : `Areas called "${query}"`, [
        found.length === 0
          ? text(
              query === ''
                ? 'Nothing is loaded yet.'
                : "No area is called so. Try a part of the name, an ONS code, DfE's three digits or a URN.",
            )
          : table(
              counted(found.length, 'area'),
              ['Area', 'Level', 'Region', 'Code'],
              found.map((area) => [
                cell(area.name, {
                  href: area.id === undefined ? '' : areaPath(area.level, area.code),
                  note: area.id === undefined ? 'no figure loaded' : '',
                }),
                cell(area.level),
                cell(area.regionName ?? ''),
                cell(area.code),
              ]),
            ),
      ]),
    ],
  };
}

async function beginnings(store: Store) {
  const rows = await store.db
    .selectFrom('area')
    .select(['id', 'level', 'code', 'name', 'region_name as regionName'])
    .where('named_by', 'is not', null)
    .where((eb) =>
      eb.or([
        eb('level', 'in', ['National', 'Regional']),
        eb('id', 'in', eb.selectFrom('alert_state').select('area_id').where('in_breach', '=', true)),
      ]),
    )
    .orderBy((eb) =>
      eb.case().when('level', '=', 'National').then(0).when('level', '=', 'Regional').then(1).else(2).end(),
    )
    .orderBy('name')
    .limit(200)
    .execute();
  return rows;
}

/** @returns undefined where no loaded area has that level and code */
export async function areaPage(
  store: Store,
  level: string,
  code: string,
  rules: readonly Rule[],
  composed: boolean,
): Promise<Page | undefined> {
  const area = await findArea(store, level, code);
  if (area === undefined) return undefined;
  const [series, lines, standing, events] = await Promise.all([
    areaSeries(store, area),
    linesOf(store, area, rules),
    standingAlerts(store, { areaId: area.id }),
    listEvents(store, { areaId: area.id, limit: EVENTS }),
  ]);
  const first = series[0];
  return {
    title: area.name,
    lead: [area.level, ...(area.region_name === null || area.level === 'Regional' ? [] : [area.region_name])].join(
      ', ',
    ),
    under: '/areas',
    sections: [
      section('', [
        facts([
          [area.level === 'School' ? 'URN' : 'ONS code', area.code],
          ...(area.old_la_code === null ? [] : [['DfE number', area.old_la_code] as const]),
          ...(first === undefined ? [] : newest(first)),
          ['Rules in breach', String(standing.length)],
        ]),
        { kind: 'links', items: [{ text: 'All figures as CSV', href: `${areaPath(area.level, area.code)}.csv` }] },
        series.length === 0 ? text('No current figure is about it.') : undefined,
      ]),
      ...series.map((one) => seriesSection(area, one, lines, composed)),
      ...(first === undefined
        ? []
        : [section('Groups of pupils and types of school', await groups(store, area, first))]),
      ...(events.length === 0 ? [] : [section('Alerts', [eventTable(events)])]),
      ...(first === undefined ? [] : [section('What the words mean', [text(MEANINGS)])]),
    ],
  };
}

const MEANINGS =
  'Persistent absence: 10% or more of possible sessions missed; severe absence: 50% or more, so every severe absentee is a persistent one. Counted are pupil enrolments: a pupil with two schools counts twice. Figures of two series are not compared with each other.';

function newest({ own }: AreaSeries): (readonly [string, string])[] {
  const last = own.at(-1);
  if (last === undefined) return [];
  return DRAWN.flatMap((measure) => {
    const value = last.values[measure];
    return typeof value === 'string'
      ? [[`${capital(MEASURE_WORDS[measure])}, ${last.period.label}`, `${printed(value)}%`] as const]
      : [];
  });
}

function seriesSection(area: FoundArea, series: AreaSeries, lines: readonly Line[], composed: boolean): Section {
  const pictures = DRAWN.flatMap((measure): Picture[] => {
    const chart = chartOf(area, series, measure, lines, composed);
    if (chart === undefined) return [];
    const watched = lines.filter((line) => line.series === series.series && line.measure === measure);
    return [
      {
        src: `${areaPath(area.level, area.code)}/chart.png?series=${encodeURIComponent(series.series)}&measure=${measure}`,
        alt: chart.alt,
        caption:
          watched.length === 0
            ? 'No rule draws a line here.'
            : `Lines: ${watched.map((line) => `${withDecimals(line.line)}% (${line.rule})`).join(', ')}.`,
        width: 480,
        height: 320,
      },
    ];
  });
  const blocks: Block[] = [
    ...(pictures.length === 0 ? [] : [{ kind: 'pictures' as const, items: pictures }]),
    periodTable(area, series),
  ];
  return section(seriesWords(series), blocks);
}

function seriesWords({ series, own }: AreaSeries): string {
  const period = own.at(-1)?.period;
  if (period === undefined) return series;
  const what = period.kind === 'week' ? 'Week by week' : period.timeIdentifier;
  const family = series.split('/')[0] ?? '';
  return `${what} (${FAMILY_WORDS[family] ?? family}${series.endsWith('five-half-terms') ? ', years of five half terms' : ''})`;
}

const FAMILY_WORDS: Readonly<Record<string, string>> = {
  absence: 'school census',
  attendance: 'daily registers',
};

/** So many of the newest periods; all of them are in the CSV file. */
const PERIODS = 30;

function periodTable(area: FoundArea, series: AreaSeries): Block {
  const { own, region, england } = series;
  const rows = own.toReversed().slice(0, PERIODS);
  const others = [
    ...(region.length > 0 ? [region.at(-1)?.area ?? ''] : []),
    ...(england.length > 0 ? ['England'] : []),
  ];
  const beside = (place: readonly FigureRow[], row: FigureRow, measure: Measure): Cell =>
    figureCell(
      place.find((other) => other.period.label === row.period.label),
      measure,
    );
  const running = rows.some((row) => row.asOf !== undefined);
  return table(
    `${seriesWords(series)}: ${area.name}${others.length === 0 ? '' : ` beside ${others.join(' and ')}`}, newest first`,
    [
      'Period',
      'Persistent',
      ...(region.length > 0 ? ['region'] : []),
      ...(england.length > 0 ? ['England'] : []),
      'Severe',
      ...(region.length > 0 ? ['region'] : []),
      ...(england.length > 0 ? ['England'] : []),
      'Enrolments',
      'From',
    ],
    rows.map((row) => [
      cell(row.period.label, { note: running && row.asOf !== undefined ? `to ${row.asOf}` : '' }),
      ...DRAWN.flatMap((measure) => [
        withCount(row, measure),
        ...(region.length > 0 ? [beside(region, row, measure)] : []),
        ...(england.length > 0 ? [beside(england, row, measure)] : []),
      ]),
      figureCell(row, 'enrolments'),
      provenanceCell(row),
    ]),
  );
}

/** A figure as printed; the symbol with its meaning where there is none. */
function figureCell(row: FigureRow | undefined, measure: Measure): Cell {
  const value = row?.values[measure];
  if (typeof value === 'string')
    return cell(isRate(measure) ? `${printed(value)}%` : printedCount(value), {
      numeric: true,
      note: row?.provenance[measure]?.computed === true ? 'computed' : '',
    });
  const symbol = row?.symbols[measure];
  return symbol === undefined
    ? cell('', { numeric: true })
    : cell(symbol, { numeric: true, note: symbolMeaning(symbol) ?? '' });
}

function withCount(row: FigureRow, measure: Rate): Cell {
  const rate = figureCell(row, measure);
  const count = COUNT_OF[measure];
  const value = count === undefined ? undefined : row.values[count];
  return typeof value === 'string'
    ? { ...rate, note: [`${printedCount(value)} pupils`, rate.note].filter((part) => part !== '').join(', ') }
    : rate;
}

/** The release and version that gave most of the row; the CSV file names one for each figure. */
function provenanceCell(row: FigureRow): Cell {
  const named = row.provenance.persistent_absence_rate ?? Object.values(row.provenance)[0];
  if (named === undefined) return cell('');
  const others = new Set(
    Object.values(row.provenance)
      .map((one) => `${one.data_set} ${one.version}`)
      .filter((one) => one !== `${named.data_set} ${named.version}`),
  );
  const more = others.size === 0 ? '' : ` and ${counted(others.size, 'more data set')}`;
  return cell(named.release, {
    note: `${named.data_set} ${named.version}${more}, ${ukTime(named.published_at).split(',')[0] ?? ''}`,
  });
}

/** The newest period of the first series, by breakdown and by type of school. */
async function groups(store: Store, area: FoundArea, { series, own }: AreaSeries): Promise<Block[]> {
  const last = own.at(-1);
  if (last === undefined) return [];
  const rows = (await everyFigure(store, area)).filter(
    (row) =>
      row.series === series &&
      row.time_period === last.period.timePeriod &&
      row.time_identifier === last.period.timeIdentifier &&
      (row.breakdown_topic === 'Total') !== (row.school_type === 'Total'),
  );
  if (rows.length === 0) return [text('None is published for this area and period.', true)];
  const say = (value: string | null, symbol: string | undefined, rate: boolean): Cell =>
    cell(value === null ? (symbol ?? '') : rate ? `${printed(value)}%` : printedCount(value), {
      numeric: true,
      note: value === null && symbol !== undefined ? (symbolMeaning(symbol) ?? '') : '',
    });
  return [
    table(
      last.period.label,
      ['Pupils', 'Topic', 'Persistent', 'Severe', 'Enrolments'],
      rows.map((row) => [
        cell(row.breakdown_topic === 'Total' ? row.school_type : row.breakdown),
        cell(row.breakdown_topic === 'Total' ? 'School type' : row.breakdown_topic),
        say(row.persistent_absence_rate, row.symbols?.['persistent_absence_rate'], true),
        say(row.severe_absence_rate, row.symbols?.['severe_absence_rate'], true),
        say(row.enrolments, row.symbols?.['enrolments'], false),
      ]),
    ),
  ];
}

/** A line as configured, with one decimal at least. */
function withDecimals(line: number): string {
  return Number.isInteger(line) ? line.toFixed(1) : String(line);
}

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
