/**
 * Holes that the outline of a whole version does not show, as other school types and pupil groups stand where they are:
 * England's primary schools, or severe absence of pupils with EHC plans.
 */
import { MEASURE_WORDS, MEASURES, type Measure } from '../domain/measure.js';
import type { Findings } from './gate-figures.js';
import type { GroupShape, SeriesSeen } from './release-shape.js';

/** Authorities come and go, and those without pupils of a group; not a third of them at once. */
export const SHARE_GONE = 1 / 3;

interface Held {
  readonly group: string;
  /** Regions that the period of `then` has in any group. */
  readonly regions: number;
  readonly now: GroupShape | undefined;
  readonly then: GroupShape;
  /** "the last release had it for 2023/24" */
  readonly had: string;
  /** What the last release may be held for. */
  readonly measures: readonly Measure[];
}

/**
 * The groups of the newest period beside those of the last release and of the year before in the file. Weeks are not
 * held, as schools close in single weeks; a running year only against itself, as its persistent absence begins in January.
 */
function heldGroups({ newest, all, before }: SeriesSeen): Held[] {
  if (newest.kind === 'week') return [];
  const now = newest.groups();
  const held: Held[] = [];
  const hold = (
    groups: Readonly<Record<string, GroupShape>>,
    of: { readonly regions: number; readonly had: string; readonly measures: readonly Measure[] },
  ): void => {
    for (const [group, then] of Object.entries(groups))
      if (!held.some((each) => each.group === group)) held.push({ group, now: now[group], then, ...of });
  };
  if (before !== undefined && (newest.kind === 'finished' || newest.startYear === before.startYear))
    hold(before.groups, {
      ...{ regions: before.regions.length, measures: before.measures },
      had: `the last release had it for ${before.period}`,
    });
  const earlier = newest.kind === 'finished' ? all[1] : undefined;
  if (earlier !== undefined)
    hold(earlier.groups(), {
      ...{ regions: earlier.places.any.regions.length, measures: MEASURES },
      had: `${earlier.period} of the same file has it`,
    });
  return held;
}

/** England or regions gone from a group, which other groups and other places of it have. */
export function regionsOfGroups(one: SeriesSeen, findings: Findings): void {
  const { england, regions } = one.newest.places.any;
  for (const { group, now, then, had, regions: regionsThen } of heldGroups(one)) {
    // Counted from what the file has of other groups, as London may come as one or as two.
    const gone = now === undefined ? 0 : regions.length - now.regions - (regionsThen - then.regions);
    const lost = [
      ...(england && then.england && now?.england === false ? ['England'] : []),
      ...(then.regions === 0 || gone <= 0
        ? []
        : [now?.regions === 0 ? 'all regions' : `${gone} of ${regions.length} regions`]),
    ];
    if (lost.length > 0)
      findings.add(() => `${lost.join(', ')} of ${group} missing from ${one.name}, ${one.newest.period}; ${had}`);
  }
}

/** Many authorities gone from a group, which other groups have. */
export function authoritiesOfGroups(one: SeriesSeen, findings: Findings): void {
  if (one.newest.places.any.authorities === 0) return;
  for (const { group, now, then, had } of heldGroups(one)) {
    const lost = now === undefined ? [] : manyGone(then.authorities, now.authorities);
    if (lost.length > 0)
      findings.add(() => `${lost.join('')} of ${group} missing from ${one.name}, ${one.newest.period}; ${had}`);
  }
}

/**
 * A measure gone from a group altogether, or from a level of it that has rows; and one that England lacks while other
 * places of the group have it.
 */
export function measuresOfGroups(one: SeriesSeen, findings: Findings): void {
  const { newest, name, all } = one;
  const say = (measure: Measure, group: string, period: string, where: readonly string[], why: string): void => {
    const of = where.length === 0 ? '' : ` of ${where.join(', ')}`;
    findings.add(() => `${MEASURE_WORDS[measure]}${of} in ${name} missing in ${period} (${group}); ${why}`);
  };
  for (const seen of all)
    if (seen === newest || seen.kind === 'finished')
      for (const [group, own] of Object.entries(seen.groups()))
        for (const measure of MEASURES) {
          const [england, regions, authorities] = own.given[measure] ?? [false, 0, 0];
          if (own.england && !england && regions + authorities > 0)
            say(measure, group, seen.period, ['England'], 'other places have it');
        }
  for (const { group, now, then, had, measures } of heldGroups(one))
    for (const measure of measures) {
      const [england, regions, authorities] = then.given[measure] ?? [false, 0, 0];
      if (now === undefined || !newest.gives(measure) || then.given[measure] === undefined) continue;
      const [ownEngland, ownRegions, ownAuthorities] = now.given[measure] ?? [false, 0, 0];
      const lost = [
        ...(england && now.england && !ownEngland ? ['England'] : []),
        ...(regions > 0 && now.regions > 0 && ownRegions === 0 ? ['all regions'] : []),
        ...manyGone(Math.min(authorities, now.authorities), ownAuthorities),
      ];
      if (lost.length > 0) say(measure, group, newest.period, now.given[measure] === undefined ? [] : lost, had);
    }
}

function manyGone(then: number, now: number): string[] {
  return then - now >= Math.max(1, then * SHARE_GONE) && then - now > 3 ? [`${then - now} of ${then} authorities`] : [];
}

/**
 * Groups without a row: what was no longer published, or was called by another name.
 * @param said those that were told of already
 */
export function groupsGone(one: SeriesSeen, findings: Findings, said: readonly string[]): void {
  for (const { group, now, had } of heldGroups(one))
    if (now === undefined && !said.includes(group))
      findings.add(() => `no row of ${group} for ${one.newest.period} (${one.name}); ${had}`);
}
