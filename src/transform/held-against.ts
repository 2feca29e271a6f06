/** Which release a series is held against, how much of it binds, and what a version that takes another's place lacks. */
import type { LastRelease } from './gates.js';
import {
  ABOVE_SCHOOLS,
  asOfBefore,
  type PeriodSeen,
  type ReleaseShape,
  type SeriesSeen,
  type SeriesShape,
} from './release-shape.js';

/** What the last release had of a series, as far as the file may be held against it. @param all its periods */
export function heldAgainst(
  previous: readonly LastRelease<ReleaseShape>[],
  name: string,
  newest: PeriodSeen,
  all: readonly PeriodSeen[],
): SeriesShape | undefined {
  const ofTheseColumns = previous.find(({ likeness }) => likeness === 'same data set')?.shape.series[name];
  for (const last of previous) {
    const before = last.shape.series[name];
    if (before === undefined || !isSameTable(newest, before, last)) continue;
    const { likeness, isLater } = last;
    if (likeness === 'same data set' || likeness === 'alike')
      return isLater === true ? asOfBefore(before, newest, all) : before;
    // Files without a date come in any order, and a file of England or of authorities alone is a table of its own.
    const isEarlier =
      newest.startYear < before.startYear && (likeness === 'other label' || ofTheseColumns === undefined);
    const isLess = isEarlier || (likeness === 'other label' && newest.levels.size === 1);
    const held = isLater === true || isLess ? asOfBefore(before, newest, all) : before;
    if (likeness === 'same label' && !isOff(newest.rows, before.rows)) return held;
    // Other columns are other measures, unless it is the table of this label with a column less, or changed back.
    const known = likeness === 'same label' ? (ofTheseColumns?.measures ?? []) : [];
    return { ...held, measures: held.measures.filter((measure) => known.includes(measure)) };
  }
  return undefined;
}

/** Whether figures of both are about the same: told by what they are about, and not by columns that are not read. */
function isSameTable(newest: PeriodSeen, before: SeriesShape, { likeness }: LastRelease): boolean {
  if (likeness === 'same data set') return true;
  const isAllSchools = newest.schoolTypes.has('Total') && before.schoolTypes.includes('Total');
  const isSameSchools = isAllSchools || isEqual(newest.schoolTypes, before.schoolTypes);
  if (likeness === 'alike' || !isSameSchools) return isSameSchools;
  // What was kept before levels and topics were is told by its rows, under one label.
  if (before.levels === undefined || before.topics === undefined)
    return likeness === 'same label' && !isOff(newest.rows, before.rows);
  return (
    isEqual(newest.topics, before.topics) &&
    isEqual(lowest(newest.levels), lowest(before.levels)) &&
    before.levels.some((level) => newest.levels.has(level)) &&
    before.measures.some((measure) => newest.gives(measure))
  );
}

function isEqual(one: Iterable<string>, other: Iterable<string>): boolean {
  return String([...one].sort()) === String([...other].sort());
}

/** Levels that a table either has or has not: authorities, regions and England may be missing from a damaged one. */
function lowest(levels: Iterable<string>): string[] {
  return [...levels].filter((level) => !ABOVE_SCHOOLS.has(level));
}

/**
 * The series whose periods must all be there again, as the version takes the place of the one that had them. Where that
 * one may be another table by its columns, the version before it binds, but for what was gone by then.
 */
export function replacedBy(
  all: readonly SeriesSeen[],
  previous: readonly LastRelease<ReleaseShape>[],
): ReleaseShape['series'] {
  const bound = new Map<string, SeriesShape>();
  const since: ReleaseShape['series'][] = [];
  for (const replaced of previous.filter(({ isSameRelease }) => isSameRelease)) {
    const series = Object.entries(replaced.shape.series);
    const newestOf = (name: string): PeriodSeen | undefined => all.find((each) => each.name === name)?.newest;
    const isTable = ([name, before]: [string, SeriesShape]): boolean => {
      const newest = newestOf(name);
      return newest !== undefined && isSameTable(newest, before, replaced);
    };
    const isBound = ([name, before]: [string, SeriesShape]): boolean =>
      replaced.likeness === 'same data set' ||
      (isTable([name, before]) &&
        (before.levels ?? []).every((level) => newestOf(name)?.levels.has(level)) &&
        before.measures.every((measure) => newestOf(name)?.gives(measure)));
    for (const [name, before] of series.filter(isBound)) {
      if (bound.has(name)) continue;
      const wasThere = (period: string): boolean => since.every((later) => labels(later[name]).includes(period));
      bound.set(name, {
        ...before,
        periods: before.periods.filter(({ period }) => wasThere(period)),
        weeks: before.weeks.filter(([week]) => wasThere(week)),
      });
    }
    if (series.some(isTable)) since.push(replaced.shape.series);
  }
  return Object.fromEntries(bound);
}

/** All periods of a series, weeks too. */
export function labels(series: SeriesShape | undefined): string[] {
  return series === undefined
    ? []
    : [...series.periods.map(({ period }) => period), ...series.weeks.map(([week]) => week)];
}

/** Periods that the replaced version had, by series. */
export function periodsGone(
  all: readonly SeriesSeen[],
  replaced: ReleaseShape['series'],
): { readonly name: string; readonly kind: SeriesShape['kind']; readonly periods: readonly string[] }[] {
  return Object.entries(replaced).flatMap(([name, before]) => {
    const there = new Set(all.find((each) => each.name === name)?.all.map(({ period }) => period));
    const gone = labels(before).filter((period) => !there.has(period));
    return gone.length === 0 ? [] : [{ name, kind: before.kind, periods: gone }];
  });
}

/** Weeks that the last release had of a school year that the file has, too: another year may have begun. Oldest first. */
export function weeksGone({ all, before }: SeriesSeen): readonly string[] {
  const years = new Set(all.map(({ startYear }) => startYear));
  const there = new Set(all.map(({ period }) => period));
  return (before?.weeks ?? []).flatMap(([week, year]) => (years.has(year) && !there.has(week) ? [week] : [])).reverse();
}

const MOST_ROWS_OFF = 0.1;

/** Whether one in ten rows more or fewer are there, or more than that. */
export function isOff(rows: number, before: number): boolean {
  return Math.abs(rows - before) > before * MOST_ROWS_OFF;
}
