/** Every key stands once in a file; where a URN stands for two schools, what tells them apart. */
import type { AreaRef } from '../domain/area.js';
import type { Breakdown, SchoolType } from '../domain/figure.js';
import type { AreaReader, Row, TimeOfRow } from './dimensions.js';
import { TransformError } from './error.js';
import { Pages } from './pages.js';

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
 *
 * What a key says besides its time is its subject. Subjects are few and come back in period after period, so each gets a
 * number, and each period keeps the lines of its subjects: four bytes a row.
 */
export function uniqueKeys(file: string, areas: AreaReader): UniqueKeys {
  const areaNumbers = new Map<string, number>();
  const groups = new Map<string, Pages>();
  let subjects = 0;
  const linesOf = new Map<TimeOfRow, Pages>();
  /** By subject: the LAESTAB first met with it, plus 1. */
  const laestabs = new Pages();
  /** By line: the LAESTABs of rows that came with another. */
  const otherLaestabs = new Map<number, number>();
  const sharedUrns = new Set<string>();

  function numberOf(area: AreaRef): number {
    if (area.level === 'School' && URN.test(area.key)) return Number(area.key);
    const id = `${area.level}\u001f${area.key}`;
    const number = areaNumbers.get(id) ?? FIRST_OTHER + areaNumbers.size;
    areaNumbers.set(id, number);
    return number;
  }

  let last = { schoolType: '', breakdown: undefined as Breakdown | undefined, pages: new Pages() };

  /** The subjects of one school type and breakdown, by area; neighbours mostly share them. */
  function groupOf({ schoolType, breakdown }: RowKey): Pages {
    if (last.schoolType === schoolType && last.breakdown === breakdown) return last.pages;
    const id = [schoolType, breakdown.topic, breakdown.breakdown].join('\u001f');
    const pages = groups.get(id) ?? new Pages();
    groups.set(id, pages);
    last = { schoolType, breakdown, pages };
    return pages;
  }

  /** Numbered from 1. */
  function subjectOf(area: AreaRef, key: RowKey): number {
    const group = groupOf(key);
    const areaNumber = numberOf(area);
    const known = group.at(areaNumber);
    if (known !== 0) return known;
    subjects += 1;
    group.put(areaNumber, subjects);
    return subjects;
  }

  /** @returns the line on which the subject stood before in this period, else 0 */
  function note(subject: number, time: TimeOfRow, line: number): number {
    let lines = linesOf.get(time);
    if (lines === undefined) linesOf.set(time, (lines = new Pages()));
    const before = lines.at(subject);
    if (before === 0) lines.put(subject, line);
    return before;
  }

  return {
    sharedUrns,
    area(key, line, row) {
      const subject = subjectOf(key.area, key);
      const before = note(subject, key.time, line);
      if (key.area.level !== 'School' || row === undefined) {
        if (before !== 0) throw duplicate(file, before, line, key);
        return key.area;
      }
      const own = laestabNumber(areas.laestab(row));
      const first = laestabs.at(subject) - 1;
      if (first === -1) laestabs.put(subject, own + 1);
      if (before === 0) {
        if (first !== -1 && first !== own) otherLaestabs.set(line, own);
        return key.area;
      }
      const other = areas.readShared(row);
      if (own === (otherLaestabs.get(before) ?? first) || other === undefined) throw duplicate(file, before, line, key);
      sharedUrns.add(key.area.key);
      const lineOfOther = note(subjectOf(other, key), key.time, line);
      if (lineOfOther !== 0) throw duplicate(file, lineOfOther, line, key);
      return other;
    },
  };
}

/** Schools go by their URN: those of a file lie close together, and pages of longer numbers could become too many. */
const URN = /^[1-9]\d{0,6}$/;
/** Other areas are numbered behind them. */
const FIRST_OTHER = 10_000_000;

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

/** The three digits of the authority and the four of the school; some files write them as 820/3353. 0 where there are none. */
function laestabNumber(text: string): number {
  const digits = text.replace(NOT_DIGITS, '');
  return digits.length > MOST_DIGITS ? 0 : Number(digits);
}

const NOT_DIGITS = /\D/g;
const MOST_DIGITS = 9;
