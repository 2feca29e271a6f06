/**
 * Rows, and readers of what one is about: when and which pupils here, where in areas.ts, which schools in school-types.ts.
 * Each remembers what it has read, so that equal cells give the same object and a file of a hundred thousand rows makes a
 * few hundred of them.
 */
import { canonicalBreakdown, crossesTopics, folded, isWhole } from '../domain/breakdowns.js';
import { TOTAL, type Breakdown } from '../domain/figure.js';
import type { UsableColumns } from '../domain/columns.js';
import type { ColumnRole } from '../domain/layouts.js';
import { readTime, type TimeCells, type TimeContext, type TimeRead } from '../domain/time.js';
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

/** Between cells that are looked up together. */
export const BETWEEN = '\u001f';

export function cell(row: Row, slot: number | undefined): string {
  return slot === undefined ? '' : (row[slot] ?? '');
}

/** The name of a column, for errors. */
export function nameOf(columns: Columns, column: number | undefined): { column?: string } {
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

/** Reads which pupils a row is about; 'cross-tabulation' where two filters name a group at once, or one its topic. */
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
    const topic = topicOf(group);
    if (crossesTopics(topic)) return 'cross-tabulation';
    return canonicalBreakdown(ownCopy(topic), ownCopy(cell(row, group.slot)));
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
