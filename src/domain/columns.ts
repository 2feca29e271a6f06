/** Recognises a file by its header row: which layout it has, and which of its columns says what (the tables of layouts.ts). */
import { isRate, MEASURES, RATES, type Measure } from './measure.js';
import {
  columnKey,
  COLUMNS,
  FIGURES_NOT_WATCHED,
  GROUP_COLUMNS,
  LAYOUTS,
  LEVELS,
  LONG_MEASURES,
  MEASURE_COLUMNS,
  NARROWING,
  NOT_WATCHED,
  SCHOOL_TYPE_COLUMNS,
  TOPIC_AND_GROUP,
  type ColumnRole,
  type LayoutName,
} from './layouts.js';

/** A filter column that may name a pupil group; indexes count from 0. */
export interface GroupColumn {
  readonly index: number;
  /** Fixed topic, or the index of the column that names it, or neither ("Gender_male"). */
  readonly topic: string | number | undefined;
  /** Index of the column of which this one is a subdivision: where this one names a group, that one does not count. */
  readonly within: number | undefined;
}

export interface UsableColumns {
  readonly kind: 'usable';
  readonly layout: LayoutName;
  /** Which family of publications writes this layout: attendance calls its running totals "Academic year". */
  readonly writtenBy: 'absence' | 'attendance';
  readonly columns: Readonly<Partial<Record<ColumnRole, number>>>;
  /** Indexes of the columns that name the kind of school, the one of today's files first. */
  readonly schoolTypes: readonly number[];
  readonly groups: readonly GroupColumn[];
  /** Index of the column of each measure; none in the long layout, where the row says what its count and rate are. */
  readonly measures: readonly (readonly [Measure, number])[];
  /** What the file may give, also through the long layout. */
  readonly gives: readonly Measure[];
  /** Code and name columns of other levels. */
  readonly otherAreas: ReadonlyMap<string, readonly [code: number | undefined, name: number | undefined]>;
  /** Columns never met before, as the file spells them: not read, and worth a note. */
  readonly unfamiliar: readonly string[];
  /** Columns that are not read, but for known facts about schools and places: any may turn out to be a filter. */
  readonly unread: readonly UnreadColumn[];
}

export interface UnreadColumn {
  readonly index: number;
  /** Its name is that of a known figure. */
  readonly isFigure: boolean;
  /** Where it says something else than Total, the row counts only some of these. */
  readonly narrows: keyof typeof NARROWING | undefined;
}

export type Recognised =
  | UsableColumns
  /** Nothing to watch in it: passed over, with the reason. */
  | { readonly kind: 'not ours'; readonly reason: string }
  /** It should be ours and cannot be understood: quarantined, with the reason. */
  | { readonly kind: 'unreadable'; readonly reason: string };

/** Says what a file is from its header row. */
export function recogniseColumns(header: readonly string[]): Recognised {
  const keys = header.map(columnKey);
  const has = (name: string): boolean => keys.includes(name);

  const [only = '', ...others] = header;
  const separator = others.length === 0 ? /[;\t|]/.exec(only)?.[0] : undefined;
  if (separator !== undefined)
    return {
      kind: 'unreadable',
      reason: `its first line is separated by ${separator === '\t' ? 'tabs' : `"${separator}"`}; a CSV file is separated by commas. Save it as CSV with commas`,
    };

  const shape = LAYOUTS.find((rule) => rule.has.every(has))?.is;
  if (typeof shape === 'object') return { kind: 'not ours', reason: shape.notOurs };
  const isLong = shape === 'long';
  const given = isLong ? LONG_MEASURES : MEASURES.filter((measure) => MEASURE_COLUMNS[measure].some(has));
  if (!given.some(isRate) && !(given.includes('enrolments') && given.some((each) => each !== 'enrolments')))
    return {
      kind: 'not ours',
      reason: `none of the five absence rates is among its columns (${RATES.map((rate) => MEASURE_COLUMNS[rate][0]).join(', ')})`,
    };

  const doubled = [
    ...Object.values(COLUMNS).map((names) => meaningTwice(names, keys, false)),
    ...Object.values(MEASURE_COLUMNS).map((names) => meaningTwice(names, keys, true)),
    meaningTwice(SCHOOL_TYPE_COLUMNS, keys, false),
    meaningTwice(
      GROUP_COLUMNS.map(({ column }) => column).concat(
        TOPIC_AND_GROUP.flatMap(({ topic, group }) => (topic === undefined ? [group] : [topic, group])),
      ),
      keys,
      false,
    ),
  ].find((found) => found !== undefined);
  if (doubled)
    return {
      kind: 'unreadable',
      reason: `the columns ${doubled.map((at) => `"${(header[at] ?? '').trim()}" (column ${at + 1})`).join(' and ')} mean the same; which one to read cannot be told`,
    };

  const columns: Partial<Record<ColumnRole, number>> = {};
  for (const [role, names] of Object.entries(COLUMNS) as [ColumnRole, readonly string[]][]) {
    const at = firstOf(names, keys);
    if (at !== undefined) columns[role] = at;
  }
  const missing = [
    ...(columns.timePeriod === undefined ? ['time_period'] : []),
    ...([columns.timeIdentifier, columns.yearBreakdown, columns.absenceTerms, columns.term].every(
      (at) => at === undefined,
    )
      ? ['time_identifier']
      : []),
    ...(columns.level === undefined ? ['geographic_level'] : []),
  ];
  if (missing.length > 0 || shape === undefined)
    return { kind: 'unreadable', reason: `it has absence figures, but no column ${missing.join(', ')}` };

  const schoolTypes = SCHOOL_TYPE_COLUMNS.flatMap((name) => indexOf(name, keys) ?? []);
  const groups = groupColumns(keys);
  const measures = (isLong ? [] : given).flatMap((measure): [Measure, number][] => {
    const at = firstOf(MEASURE_COLUMNS[measure], keys);
    return at === undefined ? [] : [[measure, at]];
  });
  const otherAreas = new Map(
    Object.entries(LEVELS).map(([level, [code, name]]) => [level, [indexOf(code, keys), indexOf(name, keys)] as const]),
  );
  const read = new Set<number | undefined>([
    ...Object.values(columns),
    ...schoolTypes,
    ...groups.flatMap((group) => [group.index, typeof group.topic === 'number' ? group.topic : undefined]),
    ...measures.map(([, at]) => at),
    ...[...otherAreas.values()].flat(),
  ]);
  const isOneOf = (known: readonly RegExp[], key: string): boolean => known.some((pattern) => pattern.test(key));
  const unread = keys.flatMap((key, index) =>
    read.has(index) || isOneOf(NOT_WATCHED, key)
      ? []
      : [{ index, isFigure: isOneOf(FIGURES_NOT_WATCHED, key), narrows: narrowedBy(key) }],
  );
  return {
    kind: 'usable',
    layout: shape,
    writtenBy: shape.startsWith('attendance') ? 'attendance' : 'absence',
    columns,
    schoolTypes,
    groups,
    measures,
    gives: given,
    otherAreas,
    unfamiliar: unread.flatMap(({ index, isFigure, narrows }) =>
      isFigure || narrows === 'schools' ? [] : [header[index]?.trim() ?? ''],
    ),
    unread,
  };
}

function narrowedBy(key: string): keyof typeof NARROWING | undefined {
  if (NARROWING.schools.test(key)) return 'schools';
  return NARROWING.sessions.test(key) ? 'sessions' : undefined;
}

function indexOf(name: string | undefined, keys: readonly string[]): number | undefined {
  return name === undefined ? undefined : firstOf([name], keys);
}

/** Index of the first name that is among the columns. */
function firstOf(names: readonly string[], keys: readonly string[]): number | undefined {
  for (const name of names) {
    const at = keys.indexOf(name);
    if (at !== -1) return at;
  }
  return undefined;
}

/** Where one column name stands twice, or (`synonyms`) two spellings of one figure stand side by side. */
function meaningTwice(names: readonly string[], keys: readonly string[], synonyms: boolean): number[] | undefined {
  const groups = synonyms ? [names] : names.map((name) => [name]);
  return groups
    .map((group) => keys.flatMap((key, index) => (group.includes(key) ? [index] : [])))
    .find((found) => found.length > 1);
}

function groupColumns(keys: readonly string[]): GroupColumn[] {
  const groups: GroupColumn[] = [];
  const taken = new Set<string>();
  for (const { topic, group } of TOPIC_AND_GROUP) {
    const index = keys.indexOf(group);
    const topicAt = topic === undefined ? undefined : keys.indexOf(topic);
    if (index === -1 || topicAt === -1 || taken.has(group)) continue;
    groups.push({ index, topic: topicAt, within: undefined });
    taken.add(group);
    if (topic !== undefined) taken.add(topic);
  }
  for (const { column, topic, within } of GROUP_COLUMNS) {
    const index = keys.indexOf(column);
    if (index !== -1) groups.push({ index, topic, within: firstOf(within ?? [], keys) });
  }
  return groups;
}
