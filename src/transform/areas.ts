/** Reads where a row is about: the area that it names by codes and names, at its level. */
import type { AreaRef, GeographicLevel } from '../domain/area.js';
import {
  contradictionIn,
  identifyArea,
  isUnknownPlace,
  placeOfSchool,
  schoolIn,
  type AreaCells,
} from '../domain/areas.js';
import { readLevel, type ColumnRole } from '../domain/layouts.js';
import { cell, nameOf, ownCopy, type Columns, type Row } from './dimensions.js';
import { TransformError } from './error.js';

/** Beyond it what was read of rows is forgotten, and read again. */
const MOST_KEPT = 40_000;

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
