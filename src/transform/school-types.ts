/** Reads which schools a row is about: from its columns, or what title, meta file and user say of the whole file. */
import { parse } from 'csv-parse/sync';
import type { GeographicLevel } from '../domain/area.js';
import type { SchoolType } from '../domain/figure.js';
import { columnKey } from '../domain/layouts.js';
import {
  canonicalSchoolType,
  KNOWN_SCHOOL_TYPES,
  saysNoSchoolType,
  schoolTypeInWords,
  schoolTypeOfAll,
} from '../domain/school-types.js';
import { BETWEEN, cell, nameOf, NOT_APPLICABLE, ownCopy, type Columns, type Row } from './dimensions.js';
import { TransformError } from './error.js';

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
