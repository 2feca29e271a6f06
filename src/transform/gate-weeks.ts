/**
 * England and regions in each week of a file. Holiday weeks differ by area: in the week of half term the files have four
 * authorities, and neither England nor a region. So they are wanted where enough of their authorities have figures.
 */
import type { Findings } from './gate-figures.js';
import {
  OF_ENGLAND,
  placesOf,
  SCOPE_WORDS,
  wholeRegion,
  wholeRegions,
  type PeriodSeen,
  type Scope,
  type SeriesSeen,
} from './release-shape.js';

/** Of the authorities that have a figure in the fullest week. */
const SHARE_AT_SCHOOL = 1 / 2;

const ENGLAND = 'England';

/** England and whole regions that have a row. */
function placesIn(places: { readonly england: boolean; readonly regions: Iterable<string> } | undefined): Set<string> {
  const regions = [...(places?.regions ?? [])].filter((region) => OF_ENGLAND.test(region));
  return new Set([...(places?.england === true ? [ENGLAND] : []), ...wholeRegions(regions)]);
}

/** How many authorities of England and of each region have a rate. */
function atSchool({ authoritiesWithRates }: PeriodSeen): Map<string, number> {
  const counts = new Map([[ENGLAND, authoritiesWithRates.size]]);
  for (const regionCode of authoritiesWithRates.values()) {
    if (regionCode === undefined) continue;
    const region = wholeRegion(regionCode);
    counts.set(region, (counts.get(region) ?? 0) + 1);
  }
  return counts;
}

/**
 * England or a region without a row in a week in which the last release had it, its other rows are there, or half of the
 * authorities that it has in its fullest week have a figure.
 */
export function placesOfWeeks({ name, all, before }: SeriesSeen, scope: Scope, findings: Findings): void {
  const weeks = all
    .filter(({ kind }) => kind === 'week')
    .map((seen) => {
      const [, , last] = before?.weeks.find(([week]) => week === seen.period) ?? [];
      const any = placesIn(seen.places.any);
      return { seen, any, own: placesIn(seen.places[scope]), then: placesIn(last && placesOf(last, scope)) };
    });
  const counts = new Map(weeks.map(({ seen }) => [seen, atSchool(seen)]));
  // What the last release had in another week, or in the newest one, may not be in this file at all.
  const wanted = new Set([
    ...weeks.flatMap(({ own, then }) => [...own, ...then]),
    ...placesIn(before && placesOf(before, scope)),
  ]);
  for (const place of wanted) {
    const fullest = Math.max(...[...counts.values()].map((count) => count.get(place) ?? 0));
    const missing = weeks.filter(({ seen, own, any, then }) => {
      const count = counts.get(seen)?.get(place) ?? 0;
      const isOpen = count > 0 && count >= fullest * SHARE_AT_SCHOOL;
      return !own.has(place) && (isOpen || then.has(place) || any.has(place));
    });
    if (missing.length === 0) continue;
    const labels = missing.map(({ seen }) => seen.period).reverse();
    const had = missing.some(({ then }) => then.has(place)) ? '; the last release had it' : '';
    const most = Math.max(...missing.map(({ seen }) => counts.get(seen)?.get(place) ?? 0));
    const open = most > 0 ? `; up to ${most} of its authorities have figures then` : '';
    findings.add(
      () =>
        `${place === ENGLAND ? ENGLAND : `region ${place}`} is missing from ${name}, ${labels.join(', ')}${SCOPE_WORDS[scope]}${had}${open}`,
    );
  }
}
