/**
 * Every key stands once in a file; where a URN stands for two schools, what tells them apart; where every topic repeats
 * the Total, that it is the same one.
 */
import type { AreaRef } from '../domain/area.js';
import type { Breakdown, Observation, SchoolType } from '../domain/figure.js';
import { MEASURES } from '../domain/measure.js';
import type { AreaReader } from './areas.js';
import { ownCopy, type Row, type TimeOfRow } from './dimensions.js';
import { TransformError } from './error.js';
import { Pages } from './pages.js';

/** What a row says, before its figures. */
export interface RowKey {
  readonly area: AreaRef;
  readonly time: TimeOfRow;
  readonly schoolType: SchoolType;
  readonly breakdown: Breakdown;
  /** How the file writes a Total that it can write in several ways (under each topic); undefined for all else. */
  readonly spelling: string | undefined;
}

/** The figures of a row: see Observation. */
export type RowFigures = Pick<Observation, 'values' | 'symbols'>;

export interface UniqueKeys {
  /** How many rows said again what a Total spelt otherwise had said. */
  readonly repeated: number;
  /** URNs that stand for two schools in one period of the file. */
  readonly sharedUrns: ReadonlySet<string>;
  /**
   * Checks that a key stands once in the file.
   * @param row of a school, to tell apart two that share a URN
   * @returns the area to file the row under: another than the key's where a URN stands for two schools; undefined where
   *   it is a Total that was there already, spelt otherwise and with the same figures
   * @throws TransformError naming both lines
   */
  area(key: RowKey, line: number, figures: RowFigures, row?: Row): AreaRef | undefined;
}

/** What is kept of a Total that may come again. */
interface KeptTotal {
  readonly figures: readonly string[];
  /** The line of each spelling. */
  readonly lines: Map<string, number>;
}

/** Totals kept to be compared: more than any published file has; one that repeats a later one is refused. */
const MOST_TOTALS = 200_000;

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
  /** By line. */
  const totals = new Map<number, KeptTotal>();
  let repeated = 0;

  /** Keeps what a Total says that may come again. */
  function keep(line: number, { spelling }: RowKey, figures: RowFigures): void {
    if (spelling === undefined || totals.size >= MOST_TOTALS) return;
    totals.set(line, { figures: figuresAsWritten(figures), lines: new Map([[spelling, line]]) });
  }

  /**
   * Takes a row whose key stood before for the same row, if it is a Total spelt otherwise that agrees in every figure.
   * @throws TransformError otherwise, naming both lines and, where it is known, what differs
   */
  function again(before: number, line: number, key: RowKey, figures: RowFigures): AreaRef | undefined {
    const total = totals.get(before);
    if (total === undefined || key.spelling === undefined) throw duplicate(file, before, line, key);
    const literal = total.lines.get(key.spelling);
    if (literal !== undefined) throw duplicate(file, literal, line, key);
    const differing = differences(total.figures, figuresAsWritten(figures));
    if (differing.length > 0) throw duplicate(file, before, line, key, differing);
    total.lines.set(key.spelling, line);
    repeated += 1;
    return undefined;
  }

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
    get repeated() {
      return repeated;
    },
    area(key, line, figures, row) {
      const subject = subjectOf(key.area, key);
      const before = note(subject, key.time, line);
      if (before === 0) keep(line, key, figures);
      if (key.area.level !== 'School' || row === undefined)
        return before === 0 ? key.area : again(before, line, key, figures);
      const own = laestabNumber(areas.laestab(row));
      const first = laestabs.at(subject) - 1;
      if (first === -1) laestabs.put(subject, own + 1);
      if (before === 0) {
        if (first !== -1 && first !== own) otherLaestabs.set(line, own);
        return key.area;
      }
      const other = areas.readShared(row);
      if (own === (otherLaestabs.get(before) ?? first) || other === undefined) return again(before, line, key, figures);
      sharedUrns.add(key.area.key);
      const lineOfOther = note(subjectOf(other, key), key.time, line);
      if (lineOfOther !== 0) return again(lineOfOther, line, key, figures);
      keep(line, key, figures);
      return other;
    },
  };
}

/** Schools go by their URN: those of a file lie close together, and pages of longer numbers could become too many. */
const URN = /^[1-9]\d{0,6}$/;
/** Other areas are numbered behind them. */
const FIRST_OTHER = 10_000_000;

/** @param differing what the two say of the same, in words; none where it is not known */
export function duplicate(
  file: string,
  first: number,
  second: number,
  { area, time, schoolType, breakdown }: RowKey,
  differing: readonly string[] = [],
): TransformError {
  const group = breakdown.topic === 'Total' ? '' : `, ${breakdown.topic}: ${breakdown.breakdown}`;
  return new TransformError(
    'key unique',
    { file, line: second },
    `repeats line ${first}: both are about ${area.name}, ${time.period.label}, ${schoolType}${group}${differing.length > 0 ? `, and they differ: ${differing.join('; ')}` : ''}`,
    'Which of the two is right cannot be told; its publisher has to mend the file',
  );
}

/** One text for each measure, in their order, '' for one without a column; copies. */
function figuresAsWritten({ values, symbols }: RowFigures): string[] {
  return MEASURES.map((measure) => ownCopy(values[measure] ?? symbols[measure] ?? ''));
}

function differences(before: readonly string[], now: readonly string[]): string[] {
  return MEASURES.flatMap((measure, index) => {
    const [one = '', other = ''] = [before[index], now[index]];
    const isSame = one === other || (one !== '' && other !== '' && Number(one) === Number(other));
    return isSame ? [] : [`${measure} is "${one}" there and "${other}" here`];
  });
}

/** The three digits of the authority and the four of the school; some files write them as 820/3353. 0 where there are none. */
function laestabNumber(text: string): number {
  const digits = text.replace(NOT_DIGITS, '');
  return digits.length > MOST_DIGITS ? 0 : Number(digits);
}

const NOT_DIGITS = /\D/g;
const MOST_DIGITS = 9;
