/** Every key stands once in a file; where a URN stands for two schools, what tells them apart. */
import type { AreaRef } from '../domain/area.js';
import type { Breakdown, SchoolType } from '../domain/figure.js';
import type { AreaReader, Row, TimeOfRow } from './dimensions.js';
import { TransformError } from './error.js';
import { KeyTable } from './keys.js';

/** What a row says, before its figures. */
export interface RowKey {
  readonly area: AreaRef;
  readonly time: TimeOfRow;
  readonly schoolType: SchoolType;
  readonly breakdown: Breakdown;
}

export interface UniqueKeys {
  /** URNs that stand for two schools in one period of the file. */
  readonly sharedUrns: ReadonlySet<string>;
  /**
   * Checks that a key stands once in the file.
   * @param row of a school, to tell apart two that share a URN
   * @returns the area to file the row under: another than the key's where a URN stands for two schools
   * @throws TransformError naming both lines
   */
  area(key: RowKey, line: number, row?: Row): AreaRef;
}

/**
 * Keeps keys unique. A URN is a school's identity, but the school file of 2018/19 has one that two schools share in
 * 2008/09: their LAESTAB tells them apart.
 */
export function uniqueKeys(file: string, areas: AreaReader): UniqueKeys {
  const table = new KeyTable();
  const areaNumbers = new Map<string, number>();
  const combinations = new Map<string, number>();
  /** The LAESTAB first met with a URN, and those of keys that came with another. */
  const laestabs = new Map<number, number>();
  const otherLaestabs = new Map<number, number>();
  const sharedUrns = new Set<string>();

  function numberOf(area: AreaRef): number {
    if (area.level === 'School' && /^\d{5,8}$/.test(area.key)) return FIRST_URN + Number(area.key);
    const id = `${area.level}\u001f${area.key}`;
    const number = areaNumbers.get(id) ?? areaNumbers.size;
    areaNumbers.set(id, number);
    return number;
  }

  let last = {
    time: undefined as TimeOfRow | undefined,
    schoolType: '',
    breakdown: undefined as Breakdown | undefined,
    number: 0,
  };

  /** A small number for period, school type and breakdown together; neighbours mostly share it. */
  function combination({ time, schoolType, breakdown }: RowKey): number {
    if (last.time === time && last.schoolType === schoolType && last.breakdown === breakdown) return last.number;
    const { series, period, asOf } = time;
    const id = [series, period.label, asOf, schoolType, breakdown.topic, breakdown.breakdown].join('\u001f');
    const number = combinations.get(id) ?? combinations.size;
    combinations.set(id, number);
    last = { time, schoolType, breakdown, number };
    return number;
  }

  return {
    sharedUrns,
    area(key, line, row) {
      const areaNumber = numberOf(key.area);
      const number = areaNumber * MOST_COMBINATIONS + combination(key);
      const before = table.add(number, line);
      if (key.area.level !== 'School' || row === undefined) {
        if (before !== undefined) throw duplicate(file, before, line, key);
        return key.area;
      }
      const own = Number(areas.laestab(row).replace(NOT_DIGITS, ''));
      const first = laestabs.get(areaNumber);
      if (first === undefined) laestabs.set(areaNumber, own);
      if (before === undefined) {
        if (first !== undefined && first !== own) otherLaestabs.set(number, own);
        return key.area;
      }
      const other = areas.readShared(row);
      if (own === (otherLaestabs.get(number) ?? first) || other === undefined) throw duplicate(file, before, line, key);
      sharedUrns.add(key.area.key);
      const lineOfOther = table.add(numberOf(other) * MOST_COMBINATIONS + combination(key), line);
      if (lineOfOther !== undefined) throw duplicate(file, lineOfOther, line, key);
      return other;
    },
  };
}

/** Areas other than schools are numbered from 0, schools by their URN behind them. */
const FIRST_URN = 2 ** 20;
/** URNs have at most eight digits, so that area and combination together stay below 2^53. */
const MOST_COMBINATIONS = 2 ** 24;

export function duplicate(
  file: string,
  first: number,
  second: number,
  { area, time, schoolType, breakdown }: RowKey,
): TransformError {
  const group = breakdown.topic === 'Total' ? '' : `, ${breakdown.topic}: ${breakdown.breakdown}`;
  return new TransformError(
    'key unique',
    { file, line: second },
    `repeats line ${first}: both are about ${area.name}, ${time.period.label}, ${schoolType}${group}`,
    'Which of the two is right cannot be told; its publisher has to mend the file',
  );
}

/** Some files write a LAESTAB as 820/3353. */
const NOT_DIGITS = /\D/g;
