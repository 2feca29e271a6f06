/**
 * Readers of what a row is about: when, where, which schools, which pupils. Each remembers what it has read, so that
 * equal cells give the same object and a file of a hundred thousand rows makes a few hundred of them.
 */
import type { AreaRef, GeographicLevel } from '../domain/area.js';
import {
  contradictionIn,
  identifyArea,
  isUnknownPlace,
  placeOfSchool,
  schoolIn,
  type AreaCells,
} from '../domain/areas.js';
import {
  canonicalBreakdown,
  canonicalSchoolType,
  folded,
  isWhole,
  KNOWN_SCHOOL_TYPES,
  saysNoSchoolType,
  schoolTypeInWords,
  schoolTypeOfAll,
} from '../domain/breakdowns.js';
import { TOTAL, type Breakdown, type SchoolType } from '../domain/figure.js';
import { columnKey, readLevel, type ColumnRole, type UsableColumns } from '../domain/layouts.js';
import { readTime, type TimeCells, type TimeContext, type TimeRead } from '../domain/time.js';
import { parse } from 'csv-parse/sync';
import { TransformError } from './error.js';

export type Row = readonly string[];

/** The columns of a file with their places in the rows that the reader returns. */
export interface Columns {
  readonly file: string;
  readonly header: readonly string[];
  readonly recognised: UsableColumns;
  /** Place in a row of a column of the file; undefined stays undefined. */
  slot(column: number | undefined): number | undefined;
}

const BETWEEN = '\u001f';

/** Beyond it what was read of rows is forgotten, and read again. */
const MOST_KEPT = 40_000;

export function cell(row: Row, slot: number | undefined): string {
  return slot === undefined ? '' : (row[slot] ?? '');
}

function nameOf(columns: Columns, column: number | undefined): { column?: string } {
  const name = column === undefined ? undefined : columns.header[column]?.trim();
  return name === undefined ? {} : { column: name };
}

/** Shorter pieces of a string are copies anyway; longer ones are views that keep the whole block of the file alive. */
const SHORTEST_VIEW = 13;

/** A copy that shares no memory with the block of the file it was cut from. */
export function ownCopy(text: string): string {
  return text.length < SHORTEST_VIEW ? text : Buffer.from(text).toString();
}

export type TimeOfRow = Extract<TimeRead, { kind: 'time' }>;

/** Reads when a row is about; undefined for single days, which are not watched. */
export function timeReader(columns: Columns, context: TimeContext): (row: Row, line: number) => TimeOfRow | undefined {
  const roles = ['timePeriod', 'timeIdentifier', 'yearBreakdown', 'absenceTerms', 'term', 'timeFrame'] as const;
  const slots = roles.map((role) => columns.slot(columns.recognised.columns[role]));
  const known = new Map<string, TimeOfRow | undefined>();
  const canonical = new Map<string, TimeOfRow>();
  let last: { row: Row; time: TimeOfRow | undefined } | undefined;
  const cellOf = (row: Row, role: ColumnRole): string | undefined => {
    const slot = columns.slot(columns.recognised.columns[role]);
    return slot === undefined ? undefined : cell(row, slot);
  };
  const cellsOf = (row: Row): TimeCells => ({
    timePeriod: cellOf(row, 'timePeriod') ?? '',
    timeIdentifier: cellOf(row, 'timeIdentifier'),
    yearBreakdown: cellOf(row, 'yearBreakdown'),
    absenceTerms: cellOf(row, 'absenceTerms'),
    term: cellOf(row, 'term'),
    timeFrame: cellOf(row, 'timeFrame'),
  });
  const read = (row: Row, line: number): TimeOfRow | undefined => {
    let key = '';
    for (const slot of slots) if (slot !== undefined) key += (row[slot] ?? '') + BETWEEN;
    if (known.has(key)) return known.get(key);
    const read = readTime(cellsOf(row), context);
    if (read.kind === 'unknown')
      throw new TransformError(
        'time',
        { file: columns.file, line, value: read.value, ...nameOf(columns, columns.recognised.columns[read.column]) },
        read.why,
        'If it is a new way to write a known period, add it to the table in src/domain/time.ts',
      );
    let time: TimeOfRow | undefined;
    if (read.kind === 'time') {
      const id = `${read.series} ${read.period.label} ${read.asOf ?? ''}`;
      time = canonical.get(id) ?? read;
      canonical.set(id, time);
    }
    known.set(ownCopy(key), time);
    return time;
  };
  return (row, line) => {
    if (last === undefined || !sameCells(row, last.row, slots)) last = { row, time: read(row, line) };
    return last.time;
  };
}

/** Rows next to each other are mostly about the same time or place: comparing is cheaper than looking up. */
function sameCells(row: Row, other: Row, slots: readonly (number | undefined)[]): boolean {
  for (const slot of slots) if (slot !== undefined && row[slot] !== other[slot]) return false;
  return true;
}

/** What says where an area is; for a school that of its authority comes first, as most tell them apart. */
const PLACE_ROLES = [
  'oldLaCode',
  'newLaCode',
  'laName',
  'regionCode',
  'regionName',
  'countryCode',
  'countryName',
] as const satisfies readonly ColumnRole[];

export interface AreaReader {
  /**
   * @returns undefined where the place is not known and no mistake of the file
   * @throws TransformError where the row names no one area
   */
  read(row: Row, line: number): AreaRef | undefined;
  /** The area of a school whose URN stands for another school too: its key carries the LAESTAB. */
  readShared(row: Row): AreaRef | undefined;
  /** The LAESTAB of a row, '' where it has none. */
  laestab(row: Row): string;
}

const UNKNOWN_PLACE = 'unknown place';
type Place = AreaRef | typeof UNKNOWN_PLACE;

/** The columns of the table of roles that name the areas of a level. */
const OWN_ROLES: Partial<Record<GeographicLevel, readonly ColumnRole[]>> = {
  National: ['countryCode', 'countryName'],
  Regional: ['regionCode', 'regionName'],
  'Local authority': ['oldLaCode', 'newLaCode', 'laName'],
  School: ['schoolUrn', 'schoolLaestab'],
};

/** The column by which the areas of a level are found again; those of other levels by the code of theirs. */
const CODE_OF_LEVEL: Partial<Record<GeographicLevel, (typeof PLACE_ROLES)[number]>> = {
  National: 'countryCode',
  Regional: 'regionCode',
  'Local authority': 'oldLaCode',
};

/**
 * Remembers what was read of some cells of a row, and finds it again by the first of them.
 * @param read undefined is not remembered
 */
function remembering<T>(slots: readonly number[], read: (row: Row) => T): (row: Row) => T {
  const known = new Map<string, { readonly cells: readonly string[]; readonly value: T }>();
  return (row) => {
    const found = known.get(cell(row, slots[0]));
    if (found !== undefined && slots.every((slot, index) => row[slot] === found.cells[index])) return found.value;
    const value = read(row);
    if (value === undefined) return value;
    if (known.size >= MOST_KEPT) known.clear();
    const cells = slots.map((slot) => ownCopy(cell(row, slot)));
    known.set(cells[0] ?? '', { cells, value });
    return value;
  };
}

export function areaReader(columns: Columns): AreaReader {
  const { columns: roles, otherAreas } = columns.recognised;
  const levelSlot = columns.slot(roles.level);
  const urnSlot = columns.slot(roles.schoolUrn);
  const laestabSlot = columns.slot(roles.schoolLaestab);
  const nameSlot = columns.slot(roles.schoolName);
  const levels = new Map<string, (row: Row) => Place | undefined>();
  const placeSlots = slotsOf(PLACE_ROLES.map((role) => roles[role]));

  function slotsOf(wanted: readonly (number | undefined)[]): number[] {
    return [...new Set(wanted.map((column) => columns.slot(column)))].filter((slot) => slot !== undefined);
  }

  function cellsOf(row: Row, all: readonly ColumnRole[]): AreaCells {
    return Object.fromEntries(all.map((role) => [role, ownCopy(cell(row, columns.slot(roles[role])))]));
  }

  // Schools are many and come once a year each: what they share is remembered, they themselves are read each time.
  const placeOf = remembering(placeSlots, (row) => placeOfSchool(cellsOf(row, PLACE_ROLES)));

  function school(row: Row, options?: { readonly sharedUrn: boolean }): AreaRef | undefined {
    const cells = {
      schoolUrn: ownCopy(cell(row, urnSlot)),
      schoolLaestab: ownCopy(cell(row, laestabSlot)),
      schoolName: ownCopy(cell(row, nameSlot)),
    };
    return schoolIn(placeOf(row), cells, options);
  }

  function readerOf(level: GeographicLevel): (row: Row) => Place | undefined {
    if (level === 'School') return school;
    const [code, name] = otherAreas.get(level) ?? [];
    const own = CODE_OF_LEVEL[level];
    // Its own code first, so that it is what an area is found by.
    const slots = [...slotsOf([code, name, own === undefined ? undefined : roles[own]]), ...placeSlots];
    return remembering([...new Set(slots)], (row): Place | undefined => {
      const cells = {
        ...cellsOf(row, PLACE_ROLES),
        otherCode: ownCopy(cell(row, columns.slot(code))),
        otherName: ownCopy(cell(row, columns.slot(name))),
      };
      return isUnknownPlace(level, cells) ? UNKNOWN_PLACE : identifyArea(level, cells);
    });
  }

  /** Columns of the file that name the areas of a level. */
  function ownColumns(level: GeographicLevel): number[] {
    const own = OWN_ROLES[level]?.map((role) => roles[role]) ?? otherAreas.get(level) ?? [];
    return own.flatMap((column) => column ?? []);
  }

  function noArea(row: Row, line: number): TransformError {
    const level = levelOf(row, line);
    const own = ownColumns(level).map((column) => ({ column, text: cell(row, columns.slot(column)).trim() }));
    const told = own.find(({ text }) => text !== '') ?? own[0];
    const why =
      contradictionIn(level, cellsOf(row, PLACE_ROLES)) ??
      (own.length === 0 ? 'the file has no column that names one' : 'no code, and no name that only one area has');
    const cells = own.map(({ column, text }) => `${columns.header[column]?.trim() ?? ''} is "${ownCopy(text)}"`);
    return new TransformError(
      'areas',
      {
        file: columns.file,
        line,
        ...(told === undefined ? {} : { value: ownCopy(told.text), ...nameOf(columns, told.column) }),
      },
      `names no one area of level ${level} (${[...cells, why].join('; ')})`,
      'Its publisher has to mend them; nothing can be said about a figure without a place',
    );
  }

  function levelOf(row: Row, line: number): GeographicLevel {
    const text = cell(row, levelSlot);
    const level = readLevel(text);
    if (level !== undefined) return level;
    throw new TransformError(
      'areas',
      { file: columns.file, line, value: text, ...nameOf(columns, roles.level) },
      'is no geographic level',
      'See the levels of the EES open data standard in src/domain/layouts.ts',
    );
  }

  return {
    read(row, line) {
      const text = cell(row, levelSlot);
      let reader = levels.get(text);
      if (reader === undefined) {
        reader = readerOf(levelOf(row, line));
        levels.set(ownCopy(text), reader);
      }
      const area = reader(row);
      if (area === undefined) throw noArea(row, line);
      return area === UNKNOWN_PLACE ? undefined : area;
    },
    readShared: (row) => school(row, { sharedUrn: true }),
    laestab: (row) => cell(row, laestabSlot).trim(),
  };
}

/** What is known about a file beyond its bytes. */
export interface SchoolTypeSources {
  /** As given with `--school-type`. */
  readonly schoolType?: string | undefined;
  readonly dataSetTitle?: string | undefined;
  /** The contents of the `.meta.csv`. */
  readonly metaText?: string | undefined;
}

/** Reads which schools a row is about; undefined where they are of two types at once that no type has a name for. */
export type SchoolTypeReader = (row: Row, line: number, level: GeographicLevel) => SchoolType | undefined;

/**
 * Reads which schools a row is about: from its columns, else one type for the whole file, which its title, its meta file
 * or the user names. Never Total by default: of several columns each may leave out some schools, but for a row about one
 * school, of which they tell facts.
 * @param note is told where a file has no such column
 * @throws TransformError, then or by the reader, where the schools are left open or unknown
 */
export function schoolTypeReader(
  columns: Columns,
  sources: SchoolTypeSources,
  note: (text: string) => void,
): SchoolTypeReader {
  const [first, ...more] = columns.recognised.schoolTypes.map((column) => ({ column, slot: columns.slot(column) }));
  if (first === undefined) {
    const type = schoolTypeOfFile(columns.file, sources);
    note(`no school type column: all figures are of ${type}`);
    return () => type;
  }
  const readFirst = schoolTypeIn(columns, first.column);
  if (more.length === 0) return readFirst;

  const all = [first, ...more].map((each) => ({ ...each, read: schoolTypeIn(columns, each.column) }));
  const known = new Map<string, SchoolType | undefined>();
  return (row, line, level) => {
    if (level === 'School') return readFirst(row, line);
    const key = all.map(({ slot }) => cell(row, slot)).join(BETWEEN);
    if (known.has(key)) return known.get(key);
    const saying = all.filter(({ slot }) => {
      const text = cell(row, slot);
      return !NOT_APPLICABLE.has(text.trim().toLowerCase()) && !saysNoSchoolType(text);
    });
    const type =
      saying.length === 0 ? readFirst(row, line) : schoolTypeOfAll(saying.map(({ read }) => read(row, line)));
    known.set(ownCopy(key), type);
    return type;
  };
}

/** Reads the school type that one column names. */
function schoolTypeIn(columns: Columns, column: number): (row: Row, line: number) => SchoolType {
  const slot = columns.slot(column);
  const known = new Map<string, SchoolType>();
  return (row, line) => {
    const text = cell(row, slot);
    const found = known.get(text);
    if (found !== undefined) return found;
    const own = ownCopy(text);
    if (own.trim() === '')
      throw new TransformError(
        'school type',
        { file: columns.file, line, value: own, ...nameOf(columns, column) },
        'leaves open which schools the figure is about',
        'It is never taken for Total; its publisher has to fill it',
      );
    const canonical = canonicalSchoolType(own);
    if (canonical === undefined)
      throw new TransformError(
        'school type',
        { file: columns.file, line, value: own, ...nameOf(columns, column) },
        'is no school type that is known',
        `Known are ${KNOWN_SCHOOL_TYPES.join(', ')} and their usual spellings`,
      );
    known.set(own, canonical);
    return canonical;
  };
}

function schoolTypeOfFile(file: string, { schoolType, dataSetTitle, metaText }: SchoolTypeSources): SchoolType {
  if (schoolType !== undefined) {
    const given = canonicalSchoolType(schoolType);
    if (given !== undefined) return given;
    throw new TransformError(
      'school type',
      { file, value: schoolType },
      'is no school type that is known',
      `Known are ${KNOWN_SCHOOL_TYPES.join(', ')}`,
    );
  }
  const inTitle = schoolTypeInWords(dataSetTitle ?? '');
  const inMeta = [...new Set(metaLabels(metaText ?? '').map(schoolTypeInWords))].filter((type) => type !== undefined);
  const named = new Set([...(inTitle === undefined ? [] : [inTitle]), ...inMeta]);
  const [only] = named;
  if (named.size === 1 && only !== undefined) return only;
  throw new TransformError(
    'school type',
    { file },
    named.size === 0
      ? 'has no column for the school type, and neither its title nor its meta file names one'
      : `has no column for the school type, and its title and meta file name several (${[...named].join(', ')})`,
    'It is never taken for Total: say which schools it is about with --school-type',
  );
}

function metaRecords(metaText: string): string[][] {
  return parse(metaText, { bom: true, relax_column_count: true, relax_quotes: true });
}

/** What a meta file declares each column to be ('filter', 'indicator'), by its key. */
export function declaredColumns(metaText: string): Map<string, string> {
  const [header = [], ...rows] = metaRecords(metaText);
  const [name, type] = ['col_name', 'col_type'].map((wanted) => header.map(columnKey).indexOf(wanted));
  return new Map(
    rows.map((row) => [columnKey(row[name ?? -1] ?? ''), (row[type ?? -1] ?? '').trim().toLowerCase()] as const),
  );
}

/** The labels and hints of a meta file: what it says in words. */
function metaLabels(metaText: string): string[] {
  const [header = [], ...rows] = metaRecords(metaText);
  const wanted = header.flatMap((name, index) => (['label', 'filter_hint'].includes(name.trim()) ? [index] : []));
  return rows.flatMap((row) => wanted.map((index) => row[index] ?? ''));
}

/** Cells of a filter column that say it does not apply to the row. */
export const NOT_APPLICABLE: ReadonlySet<string> = new Set(['', 'z', '[z]', 'n/a', 'not applicable']);

/**
 * Reads how a file writes the Total of a row, where it can write it in several ways: under every topic, in several columns
 * of pupil groups or of school types. Undefined where it cannot, and for what is no Total.
 */
export function totalSpelling(columns: Columns): (row: Row, breakdown: Breakdown) => string | undefined {
  const { groups, schoolTypes } = columns.recognised;
  const all = groups.flatMap(({ index, topic }) => (typeof topic === 'number' ? [topic, index] : [index]));
  const slots = [...all, ...schoolTypes].map((column) => columns.slot(column));
  if (groups.length === 0 && schoolTypes.length < 2) return () => undefined;
  return (row, { topic }) =>
    topic === TOTAL.topic ? slots.map((slot) => folded(cell(row, slot))).join(BETWEEN) : undefined;
}

/** Reads which pupils a row is about; 'cross-tabulation' where two filters name a group at once. */
export function breakdownReader(columns: Columns): (row: Row, line: number) => Breakdown | 'cross-tabulation' {
  const groups = columns.recognised.groups.map((group) => ({
    ...group,
    slot: columns.slot(group.index),
    topicSlot: typeof group.topic === 'number' ? columns.slot(group.topic) : undefined,
  }));
  if (groups.length === 0) return () => TOTAL;
  const known = new Map<string, Breakdown | 'cross-tabulation'>();

  function read(row: Row, line: number): Breakdown | 'cross-tabulation' {
    const applying = groups.filter((group) => !NOT_APPLICABLE.has(cell(row, group.slot).trim().toLowerCase()));
    const topicOf = ({ topic, topicSlot }: (typeof groups)[number]): string =>
      typeof topic === 'string' ? topic : cell(row, topicSlot);
    const unnamed = groups.find(
      (group) => !applying.includes(group) && typeof group.topic === 'number' && !isWhole(topicOf(group)),
    );
    const isWholeByTopic = groups.some((group) => group.topicSlot !== undefined && isWhole(topicOf(group)));
    if (unnamed !== undefined || (applying.length === 0 && !isWholeByTopic))
      throw new TransformError(
        'cells',
        {
          file: columns.file,
          line,
          value: cell(row, (unnamed ?? groups[0])?.slot),
          ...nameOf(columns, (unnamed ?? groups[0])?.index),
        },
        'leaves open which pupils the figure is about',
        'It is never taken for Total; its publisher has to fill it',
      );
    const named = applying.filter((group) => !isWhole(cell(row, group.slot)));
    const finest = named.filter((group) => !named.some((other) => other.within === group.index));
    const [group, another] = finest;
    if (group === undefined) return TOTAL;
    if (another !== undefined) return 'cross-tabulation';
    return canonicalBreakdown(ownCopy(topicOf(group)), ownCopy(cell(row, group.slot)));
  }

  return (row, line) => {
    let key = '';
    for (const { slot, topicSlot } of groups) key += cell(row, topicSlot) + BETWEEN + cell(row, slot) + BETWEEN;
    const found = known.get(key);
    if (found !== undefined) return found;
    const breakdown = read(row, line);
    known.set(ownCopy(key), breakdown);
    return breakdown;
  };
}
