/** What leaves the view when one version takes the place of another, be the two the same table or not. */
import { MEASURE_WORDS, MEASURES } from '../domain/measure.js';
import type { LastRelease } from './gates.js';
import { labels } from './held-against.js';
import { ABOVE_SCHOOLS, type ReleaseShape, type SeriesSeen, type SeriesShape } from './release-shape.js';

/** What a series had in the version whose place this one takes, and has in no row of it. */
export interface TakenOut {
  readonly series: string;
  /** School types and pupil groups, in the words of the shape. */
  readonly groups: readonly string[];
  /** What is gone, in words; undefined: the series. */
  readonly what: string | undefined;
}

const MOST_NAMED = 5;

/**
 * Series, school types and pupil groups, levels, measures and periods that are gone. A file that is judged to be another
 * table is held against nothing, and takes the place of the version before all the same: nothing else would say so.
 * @param previous the nearest first: the first of the same release is the version whose place this one takes
 * @param bound series of it whose periods are all wanted again: other gates say which are gone
 */
export function takenOut(
  all: readonly SeriesSeen[],
  previous: readonly LastRelease<ReleaseShape>[],
  bound: ReleaseShape['series'],
): TakenOut[] {
  const replaced = previous.find(({ isSameRelease }) => isSameRelease);
  return Object.entries(replaced?.shape.series ?? {}).flatMap(([series, before]): TakenOut[] => {
    const now = all.find(({ name }) => name === series);
    const isBound = series in bound;
    if (now === undefined) return isBound ? [] : [{ series, groups: [], what: undefined }];
    const groups = groupsGone(before, now);
    const gone = [...groups, ...topicsGone(before, now, groups), ...levelsGone(before, now)];
    gone.push(...measuresGone(before, now), ...(isBound ? [] : periodsGone(before, now)));
    return gone.length === 0 ? [] : [{ series, groups, what: listed(gone) }];
  });
}

function groupsGone({ groups, schoolTypes }: SeriesShape, { all }: SeriesSeen): string[] {
  const there = new Set(all.flatMap((period) => Object.keys(period.groups())));
  const gone = Object.keys(groups).filter((group) => !there.has(group));
  // Schools have no groups in a shape.
  const types = schoolTypes.filter(
    (type) => !all.some((period) => period.schoolTypes.has(type)) && !gone.some((group) => group.startsWith(type)),
  );
  return [...gone, ...types];
}

function topicsGone({ topics = [] }: SeriesShape, { all }: SeriesSeen, groups: readonly string[]): string[] {
  const isSaid = (topic: string): boolean =>
    groups.some((group) => (topic === 'Total' ? !group.includes(', ') : group.includes(`, ${topic}: `)));
  return topics
    .filter((topic) => !isSaid(topic) && !all.some((period) => period.topics.has(topic)))
    .map((topic) => (topic === 'Total' ? 'all pupils' : topic));
}

/** Of a table that is held against the last release England, regions and authorities are missed by gates of their own. */
function levelsGone({ levels = [] }: SeriesShape, { all, before }: SeriesSeen): string[] {
  return levels
    .filter((level) => !(before !== undefined && ABOVE_SCHOOLS.has(level)))
    .filter((level) => !all.some((period) => period.levels.has(level)))
    .map((level) => `level ${level}`);
}

/** Persistent absence of a running year begins in January: only a version of the same year should have it. */
function measuresGone({ kind, startYear, measures }: SeriesShape, { all, newest, before }: SeriesSeen): string[] {
  if (kind !== 'finished' && startYear !== newest.startYear) return [];
  return MEASURES.filter(
    (measure) =>
      measures.includes(measure) &&
      before?.measures.includes(measure) !== true &&
      !all.some((period) => period.gives(measure)),
  ).map((measure) => MEASURE_WORDS[measure]);
}

function periodsGone(before: SeriesShape, { all }: SeriesSeen): string[] {
  return labels(before).filter((label) => !all.some(({ period }) => period === label));
}

function listed(names: readonly string[]): string {
  const more = names.length - MOST_NAMED;
  const first = names.slice(0, MOST_NAMED).map((name) => `"${name}"`);
  return `${first.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
