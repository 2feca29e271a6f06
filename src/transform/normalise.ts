/** From rows of any era to observations: the one shape that every layout ends in. */
import { Decimal } from '../domain/decimal.js';
import type { Observation } from '../domain/figure.js';
import { recogniseColumns, type UsableColumns } from '../domain/columns.js';
import { ABSENCE_TYPES, type LayoutName } from '../domain/layouts.js';
import { COUNT_OF, measureBit, type Measure } from '../domain/measure.js';
import { familyOf } from '../domain/series.js';
import { ukDay } from '../domain/time.js';
import { areaReader } from './areas.js';
import { isNumber, readCell } from './cell.js';
import type { Batch } from './csv.js';
import { breakdownReader, cell, timeReader, totalSpelling, type Columns, type Row } from './dimensions.js';
import { NotOursError, TransformError } from './error.js';
import { schoolTypeReader, type SchoolTypeSources } from './school-types.js';
import { suspectColumns, unreadFilters, type Suspect } from './unread-filters.js';
import { duplicate, uniqueKeys, type RowKey } from './unique.js';

export interface NormaliseContext extends SchoolTypeSources {
  /** Named in errors. */
  readonly file: string;
  /** Slug of the publication the file belongs to. */
  readonly publication: string;
  /** When this version was published (ISO time stamp): the `as_of` of running totals that name no week. */
  readonly publishedAt: string;
}

export interface Normaliser {
  readonly layout: LayoutName;
  readonly recognised: UsableColumns;
  /** Columns to ask the reader for: `rows` expects the cells in this order. */
  readonly wanted: readonly number[];
  /** @throws TransformError at the first row that cannot be understood */
  rows(batch: Batch): Observation[];
  /** To be called after the last batch: what was waiting for rows that never came, and what a person should know. */
  finish(): { readonly observations: Observation[]; readonly notes: readonly string[] };
}

/** The figures of a row: see Observation. */
interface Figures {
  values: Partial<Record<Measure, string | null>>;
  symbols: Partial<Record<Measure, string>>;
}

/** An observation of the long layout in the making: it comes in up to three rows. */
interface Draft extends Figures {
  readonly key: RowKey;
  readonly line: number;
  /** Absence types met, with the line of each. */
  readonly seen: Map<string, number>;
}

/** More keys of the long layout waiting for their other rows than any published file has (34,701 rows in 2024/25). */
const MOST_WAITING = 500_000;

const NO_SYMBOLS: Figures['symbols'] = Object.freeze({});

/**
 * Prepares to read the rows of one file.
 * @throws NotOursError when the file has nothing to watch
 * @throws TransformError when its columns cannot be understood, or nothing says which schools it is about
 */
export function createNormaliser(header: readonly string[], context: NormaliseContext): Normaliser {
  const { file } = context;
  const recognised = recogniseColumns(header);
  if (recognised.kind === 'not ours') throw new NotOursError(file, recognised.reason);
  if (recognised.kind === 'unreadable')
    throw new TransformError(
      'columns',
      { file, line: 1 },
      recognised.reason,
      'See the table of columns in src/domain/layouts.ts',
    );

  const suspects = suspectColumns(header, recognised, context.metaText);
  const wanted = wantedColumns(recognised, suspects);
  const slots = new Map(wanted.map((column, slot) => [column, slot]));
  const columns: Columns = {
    file,
    header,
    recognised,
    slot: (column) => (column === undefined ? undefined : slots.get(column)),
  };
  const notes = new Set<string>();
  const note = (text: string): void => void notes.add(text);
  if (recognised.unfamiliar.length > 0) note(`columns not known and not read: ${recognised.unfamiliar.join(', ')}`);

  const family = familyOf(context.publication);
  const readTimeOf = timeReader(columns, {
    family,
    runningTotals: family === 'attendance' || recognised.writtenBy === 'attendance',
    publishedOn: ukDay(context.publishedAt),
  });
  const areas = areaReader(columns);
  const readSchoolType = schoolTypeReader(columns, context, note);
  const readBreakdown = breakdownReader(columns);
  const spellingOf = totalSpelling(columns);
  const filters = unreadFilters(columns, suspects);
  const unique = uniqueKeys(file, areas);
  const figures = figureReader(columns);
  const hasCounts = recognised.gives.some((measure) => COUNTED_RATES.some(([, count]) => count === measure));
  const skipped = { 'single day': 0, 'cross-tabulation': 0, 'two school types': 0, 'unknown place': 0, blank: 0 };
  const waiting = new Map<string, Draft>();

  function keyOf(row: Row, line: number): RowKey | undefined {
    const time = readTimeOf(row, line);
    if (time === undefined) {
      skipped['single day'] += 1;
      return undefined;
    }
    const breakdown = readBreakdown(row, line);
    if (breakdown === 'cross-tabulation') {
      skipped['cross-tabulation'] += 1;
      return undefined;
    }
    const area = areas.read(row, line);
    if (area === undefined) {
      skipped['unknown place'] += 1;
      return undefined;
    }
    const schoolType = readSchoolType(row, line, area.level);
    if (schoolType === undefined) {
      skipped['two school types'] += 1;
      return undefined;
    }
    filters.check(row, line, area.level);
    return { area, time, schoolType, breakdown, spelling: spellingOf(row, breakdown) };
  }

  function finished(key: RowKey, figures: Figures, line: number, row?: Row): Observation | undefined {
    const computed = hasCounts ? computeRates(figures) : 0;
    const { values, symbols } = figures;
    const area = unique.area(key, line, figures, row);
    if (area === undefined) return undefined;
    return {
      area,
      series: key.time.series,
      period: key.time.period,
      schoolType: key.schoolType,
      breakdown: key.breakdown,
      asOf: key.time.asOf,
      values,
      symbols,
      computed,
      line,
    };
  }

  /** One row, one observation. */
  function wideRow(row: Row, line: number): Observation | undefined {
    const key = keyOf(row, line);
    if (key === undefined) return undefined;
    return finished(key, figures.all(row, line), line, row);
  }

  /** One of up to three rows of an observation; complete when all three have come. */
  function longRow(row: Row, line: number): Observation | undefined {
    const key = keyOf(row, line);
    if (key === undefined) return undefined;
    const type = figures.absenceType(row, line);
    const id = [
      key.area.level,
      key.area.key,
      key.time.series,
      key.time.period.label,
      key.time.asOf,
      key.schoolType,
      key.breakdown.topic,
      key.breakdown.breakdown,
      key.spelling,
    ].join('\u001f');
    const draft: Draft = waiting.get(id) ?? { key, values: {}, symbols: NO_SYMBOLS, line, seen: new Map() };
    const twin = draft.seen.get(type);
    if (twin !== undefined) throw duplicate(file, twin, line, key);
    draft.seen.set(type, line);
    figures.ofType(type, row, line, draft);
    if (draft.seen.size < Object.keys(ABSENCE_TYPES).length) {
      waiting.set(id, draft);
      if (waiting.size > MOST_WAITING)
        throw new TransformError(
          'file',
          { file, line },
          'is too scattered: half a million figures wait for their other rows',
          'Sort the file by area and period',
        );
      return undefined;
    }
    waiting.delete(id);
    return finished(draft.key, draft, draft.line);
  }

  const readRow = recognised.layout === 'long' ? longRow : wideRow;
  return {
    layout: recognised.layout,
    recognised,
    wanted,
    rows(batch) {
      const observations: Observation[] = [];
      batch.rows.forEach((row, index) => {
        if (isBlank(row)) {
          skipped.blank += 1;
          return;
        }
        const observation = readRow(row, batch.lines[index] ?? 0);
        if (observation !== undefined) observations.push(observation);
      });
      return observations;
    },
    finish() {
      filters.finish();
      const observations = [...waiting.values()].flatMap((draft) => finished(draft.key, draft, draft.line) ?? []);
      waiting.clear();
      if (skipped['cross-tabulation'] > 0)
        note(`${skipped['cross-tabulation']} rows of two pupil characteristics at once are not loaded`);
      if (skipped['two school types'] > 0)
        note(
          `${skipped['two school types']} rows of two school types at once (columns ${recognised.schoolTypes.map((column) => header[column]?.trim() ?? '').join(', ')}) are not loaded`,
        );
      if (skipped['unknown place'] > 0)
        note(
          `${skipped['unknown place']} rows of unknown places ("Not available", "Outside of England": codes x and z) are not loaded`,
        );
      if (skipped['single day'] > 0) note(`${skipped['single day']} rows of single days are not loaded`);
      if (skipped.blank > 0) note(`${skipped.blank} rows of empty cells are not loaded`);
      if (unique.repeated > 0)
        note(`${unique.repeated} rows repeat a Total under another name, with the same figures: loaded once`);
      if (unique.sharedUrns.size > 0)
        note(`URN ${[...unique.sharedUrns].join(', ')} stands for two schools in one period: told apart by LAESTAB`);
      return { observations, notes: [...notes] };
    },
  };
}

function isBlank(row: Row): boolean {
  for (const text of row) if (text !== '' && text.trim() !== '') return false;
  return true;
}

function wantedColumns(
  { columns, schoolTypes, groups, measures, otherAreas }: UsableColumns,
  suspects: readonly Suspect[],
): number[] {
  const all = [
    ...Object.values(columns),
    ...schoolTypes,
    ...groups.flatMap(({ index, topic }) => [index, typeof topic === 'number' ? topic : undefined]),
    ...measures.map(([, column]) => column),
    ...[...otherAreas.values()].flat(),
    ...suspects.map(({ index }) => index),
  ];
  return [...new Set(all)].filter((column) => column !== undefined);
}

/** Reads the figures of a row, or of one row of the long layout. */
function figureReader(columns: Columns): {
  all(row: Row, line: number): Figures;
  absenceType(row: Row, line: number): string;
  ofType(type: string, row: Row, line: number, into: Figures): void;
} {
  const { measures, columns: roles } = columns.recognised;
  const slots = measures.map(([measure, column]) => ({ measure, column, slot: columns.slot(column) }));

  function read(measure: Measure, column: number, text: string, line: number, into: Figures): void {
    if (isNumber(text)) {
      into.values[measure] = text;
      return;
    }
    const figure = readCell(text);
    if (figure.kind === 'unknown')
      throw unknownCell(
        column,
        text,
        line,
        'is neither a number nor a symbol that stands for one',
        'If it is a new symbol, add it to the table in src/domain/symbol.ts',
      );
    into.values[measure] = figure.kind === 'number' ? figure.text : null;
    if (figure.kind === 'symbol') into.symbols = { ...into.symbols, [measure]: figure.symbol };
  }

  function unknownCell(column: number, value: string, line: number, problem: string, advice: string): TransformError {
    return new TransformError(
      'cells',
      { file: columns.file, line, value, column: columns.header[column]?.trim() ?? '' },
      problem,
      advice,
    );
  }

  return {
    all(row, line) {
      const into: Figures = { values: {}, symbols: NO_SYMBOLS };
      for (const { measure, column, slot } of slots) read(measure, column, cell(row, slot), line, into);
      return into;
    },
    absenceType(row, line) {
      const text = cell(row, columns.slot(roles.absenceType));
      const type = text.trim().toLowerCase();
      if (Object.hasOwn(ABSENCE_TYPES, type)) return type;
      throw unknownCell(
        roles.absenceType ?? 0,
        text,
        line,
        'is no absence type we know',
        'See ABSENCE_TYPES in src/domain/layouts.ts',
      );
    },
    ofType(type, row, line, into) {
      const { enrolmentCount: countAt, enrolmentPercent: rateAt } = roles;
      const said = ABSENCE_TYPES[type];
      if (said !== undefined && countAt !== undefined)
        read(said.count, countAt, cell(row, columns.slot(countAt)), line, into);
      if (said?.rate !== undefined && rateAt !== undefined)
        read(said.rate, rateAt, cell(row, columns.slot(rateAt)), line, into);
    },
  };
}

/** Decimals of a rate that the file leaves out and its counts give: as many as DfE's files carry. */
const COMPUTED_PLACES = 5;

/**
 * Adds the rates that the columns lack and the counts give; where a symbol stands in place of the count, or of the
 * enrolments, it does so for the rate.
 * @returns the mask of those computed
 */
function computeRates(figures: Figures): number {
  const { values } = figures;
  let mask = 0;
  for (const [rate, count] of COUNTED_RATES) {
    const counted = values[count];
    const enrolments = values.enrolments;
    if (values[rate] !== undefined || counted === undefined || enrolments === undefined) continue;
    if (counted === null || enrolments === null) {
      const symbol = figures.symbols[count] ?? figures.symbols.enrolments;
      values[rate] = null;
      if (symbol !== undefined) figures.symbols = { ...figures.symbols, [rate]: symbol };
    } else if (Number(enrolments) > 0) {
      values[rate] = new Decimal(counted).times(100).div(enrolments).toFixed(COMPUTED_PLACES);
      mask |= measureBit(rate);
    }
  }
  return mask;
}

const COUNTED_RATES = Object.entries(COUNT_OF) as [Measure, Measure][];
