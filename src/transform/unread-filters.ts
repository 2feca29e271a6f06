/**
 * Filters that nobody has taught the program. A row that a filter narrows to some pupils or schools must not be taken for
 * all of them because its column is new; but a new column is no reason to hold a file back.
 *
 * What the meta file declares a Filter is one. Without a declaration the text tells, as narrowly as is safe. Numbers
 * and symbols are figures. A filter with several values for one area and period repeats its key and is held back for
 * that (key unique), so what is left to tell apart are texts that stand once: a filter cut down to one value, or a fact
 * or remark about an area, school or source, which may stay. It is a filter where its name speaks of pupils, where a
 * value is a known group of pupils or, in a row about no single school, a kind of schools or has a word that narrows
 * (NARROWING_WORDS in domain/layouts), or where some rows have Total in it and others have not. No published file that
 * was collected has a column that is not known, so none is held back by this.
 *
 * Columns that are known to say which schools or sessions are counted (NARROWING in domain/layouts) need no such signs:
 * but in rows about one school, or one body that runs schools, any text but a total holds the file back.
 */
import type { GeographicLevel } from '../domain/area.js';
import { isPupilGroup, isWhole } from '../domain/breakdowns.js';
import { canonicalSchoolType } from '../domain/school-types.js';
import type { UnreadColumn, UsableColumns } from '../domain/columns.js';
import { columnKey, narrowsPupils, speaksOfPupils } from '../domain/layouts.js';
import { readCell } from './cell.js';
import { cell, NOT_APPLICABLE, ownCopy, type Columns, type Row } from './dimensions.js';
import { declaredColumns } from './school-types.js';
import { TransformError } from './error.js';

/** A column that is not read, and that may be a filter. */
export interface Suspect {
  readonly index: number;
  readonly name: string;
  readonly isDeclared: boolean;
  readonly narrows: UnreadColumn['narrows'];
}

/** @param metaText the contents of the `.meta.csv` */
export function suspectColumns(
  header: readonly string[],
  { unread }: UsableColumns,
  metaText: string | undefined,
): Suspect[] {
  if (unread.length === 0) return [];
  const declared = declaredColumns(metaText ?? '');
  return unread.flatMap(({ index, isFigure, narrows }) => {
    const name = header[index]?.trim() ?? '';
    const type = declared.get(columnKey(name));
    const isDeclared = type === 'filter';
    return isDeclared || (!isFigure && type !== 'indicator') ? [{ index, name, isDeclared, narrows }] : [];
  });
}

interface Watched extends Suspect {
  readonly slot: number | undefined;
  readonly speaksOfPupils: boolean;
  /** Texts that were looked at in rows about one school, and in others. */
  readonly known: Record<'school' | 'other', Set<string>>;
  hasWhole: boolean;
  /** The first text that is neither a total nor known to name a group. */
  first: { readonly line: number; readonly value: string } | undefined;
}

/** What a fact about a school is a fact about, besides areas. */
const ABOUT_ONE: ReadonlySet<GeographicLevel> = new Set(['School', 'MAT', 'Sponsor', 'Provider', 'Institution']);

/** More different texts than a filter has. */
const MOST_KEPT = 2000;

export interface UnreadFilters {
  /** To be called for every row that is loaded. @throws TransformError where it is about some pupils or schools only */
  check(row: Row, line: number, level: GeographicLevel): void;
  /** To be called after the last row. @throws as `check` */
  finish(): void;
}

export function unreadFilters(columns: Columns, suspects: readonly Suspect[]): UnreadFilters {
  const watched = suspects.map((suspect): Watched => ({
    ...suspect,
    slot: columns.slot(suspect.index),
    speaksOfPupils: speaksOfPupils(suspect.name),
    known: { school: new Set(), other: new Set() },
    hasWhole: false,
    first: undefined,
  }));

  function refused(column: Watched, line: number, value: string): TransformError {
    return new TransformError(
      'cells',
      { file: columns.file, line, column: column.name, value },
      column.narrows !== undefined
        ? `says that only some ${column.narrows} are counted: the figure is not about all`
        : column.isDeclared
          ? 'is a value of a filter (so says the meta file) that is not known: the figure is not about all'
          : 'looks like the value of a filter that is not known: the figure may not be about all',
      'Nothing of the file is loaded; what was loaded before stays. The program has to be taught the column (src/domain/layouts.ts: GROUP_COLUMNS if it tells groups of pupils apart, NOT_WATCHED if it says nothing of pupils or schools); until then "data_sets: { exclude: [...] }" of the source leaves the data set out',
    );
  }

  function look(column: Watched, text: string, line: number, level: GeographicLevel): void {
    if (NOT_APPLICABLE.has(text.trim().toLowerCase())) return;
    if (isWhole(text)) {
      column.hasWhole = true;
      return;
    }
    if (column.isDeclared) throw refused(column, line, text);
    const { kind } = readCell(text);
    if (column.narrows !== undefined && kind !== 'symbol') throw refused(column, line, text);
    if (kind !== 'unknown') return;
    const isKindOfSchools = level !== 'School' && canonicalSchoolType(text) !== undefined;
    const isNarrow = column.speaksOfPupils || isPupilGroup(text) || (!ABOUT_ONE.has(level) && narrowsPupils(text));
    if (isNarrow || isKindOfSchools) throw refused(column, line, text);
    column.first ??= { line, value: ownCopy(text) };
  }

  return {
    check(row, line, level) {
      for (const column of watched) {
        if (column.narrows === 'schools' && ABOUT_ONE.has(level)) continue;
        const text = cell(row, column.slot);
        const known = column.known[level === 'School' ? 'school' : 'other'];
        if (known.has(text)) continue;
        look(column, text, line, level);
        if (known.size < MOST_KEPT) known.add(ownCopy(text));
      }
    },
    finish() {
      for (const column of watched)
        if (column.hasWhole && column.first !== undefined) throw refused(column, column.first.line, column.first.value);
    },
  };
}
