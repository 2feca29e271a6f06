/**
 * Gates that hold a version against the last release of its data set, and what they keep for the next one. Which release
 * that is, and how much of it binds, is told by held-against; what the outline of a whole file does not show by gate-holes
 * and gate-weeks; what a version takes out of the view by taking the place of another by gate-replaced.
 */
import type { Observation } from '../domain/figure.js';
import { MEASURE_WORDS, MEASURES, type Measure } from '../domain/measure.js';
import { Findings, verdictOf, type Numbers } from './gate-figures.js';
import { authoritiesOfGroups, groupsGone, measuresOfGroups, regionsOfGroups, SHARE_GONE } from './gate-holes.js';
import { takenOut, type TakenOut } from './gate-replaced.js';
import { ratesArePercent } from './gate-units.js';
import { placesOfWeeks } from './gate-weeks.js';
import type { GateVerdict, LastRelease } from './gates.js';
import { heldAgainst, isOff, periodsGone, replacedBy, weeksGone } from './held-against.js';
import {
  OF_ENGLAND,
  placesOf,
  PeriodSeen,
  SCOPES,
  SCOPE_WORDS,
  wholeRegions,
  type ReleaseShape,
  type Scope,
  type SeriesSeen,
  type SeriesShape,
} from './release-shape.js';

/**
 * Watches the outline of a version: which areas, how many rows, how many pupils.
 * @param previous shapes that it may be held against, the nearest first; each series is held against the first of its table,
 *   and only within a release everything that it had must be there again
 * @param isLocal a file under a label, whose next file takes its place
 */
export function releaseShape(
  previous: readonly LastRelease<ReleaseShape>[],
  isLocal: boolean,
): {
  observe(observation: Observation, numbers: Numbers): void;
  verdicts(): GateVerdict[];
  shape(): ReleaseShape;
} {
  const seen = new Map<string, Map<number, PeriodSeen>>();
  let last: { series: string; sort: number; periodSeen: PeriodSeen } | undefined;

  function periodOf(observation: Observation): PeriodSeen {
    const { series, period } = observation;
    if (last?.series === series && last.sort === period.sort) return last.periodSeen;
    let periods = seen.get(series);
    if (periods === undefined) seen.set(series, (periods = new Map<number, PeriodSeen>()));
    let periodSeen = periods.get(period.sort);
    if (periodSeen === undefined) periods.set(period.sort, (periodSeen = new PeriodSeen(observation)));
    last = { series, sort: period.sort, periodSeen };
    return periodSeen;
  }

  /** The periods of each series, newest first. A week of holidays with a few authorities alone stands for no week. */
  const series = (): SeriesSeen[] =>
    [...seen].flatMap(([name, periods]) => {
      const all = [...periods.values()].sort((a, b) => b.sort - a.sort);
      const newest = all.find(({ kind, places }) => kind === 'week' && places.any.england) ?? all[0];
      if (newest === undefined) return [];
      return [{ name, newest, all, before: heldAgainst(previous, name, newest, all) }];
    });

  return {
    observe: (observation, numbers) => {
      periodOf(observation).add(observation, numbers);
    },
    verdicts() {
      const all = series();
      const replaced = replacedBy(all, previous);
      return [
        englandAndRegions(all, replaced),
        authorities(all),
        measures(all),
        ratesArePercent(all),
        enrolments(all),
        ...againstLastRelease(all, replaced, takenOut(all, previous, replaced), isLocal),
      ];
    },
    shape: () => ({ series: Object.fromEntries(series().map(({ name, newest, all }) => [name, newest.shape(all)])) }),
  };
}

/** A table of all of them. */
const MANY_AUTHORITIES = 100;

/** @param replaced series of the version that this one replaces within its release */
function englandAndRegions(all: readonly SeriesSeen[], replaced: ReleaseShape['series']): GateVerdict {
  const findings = new Findings();
  for (const { name, kind, periods } of periodsGone(all, replaced))
    if (kind === 'finished')
      findings.add(() => `${periods.join(', ')} of ${name} are missing; the version before in this release had them`);
  for (const one of all)
    for (const scope of SCOPES) {
      // What is missing altogether need not be said again of the rows of all schools.
      const found = findings.count;
      regionsOf(one, scope, findings);
      if (findings.count === found) placesOfWeeks(one, scope, findings);
      if (findings.count > found) break;
    }
  const strays = strayRows(all, findings);
  // Many rows under another identifier by mistake are a series of their own, of some places.
  const whole = all.find(({ newest: { places } }) => places.any.england && places.any.authorities >= MANY_AUTHORITIES);
  for (const { name, newest, all: periods } of all)
    if (whole !== undefined && !strays.has(name) && !periods.some(({ places }) => places.any.england))
      findings.add(() => `England is missing from ${name}, ${newest.period}; ${whole.name} of the same file has it`);
  if (findings.count === 0) for (const one of all) regionsOfGroups(one, findings);
  return verdictOf(
    'England and regions',
    'quarantine',
    findings,
    'England and all regions that were there before are there',
  );
}

/** More rows under a time identifier that the rest of the file has not are no slip. */
const MOST_STRAY_ROWS = 3;

const ROWS_BESIDE_A_STRAY = 10;

/**
 * A row under another identifier by mistake is a series of its own. England alone is none: its headline may stand
 * beside a table, unless the table lacks it.
 * @returns the names of such series
 */
function strayRows(all: readonly SeriesSeen[], findings: Findings): ReadonlySet<string> {
  const strays = new Set<string>();
  for (const { name, newest, all: periods } of all) {
    const rows = rowsOf(periods);
    if (newest.kind === 'week' || rows > MOST_STRAY_ROWS) continue;
    for (const other of all) {
      const beside = other.all.filter(({ startYear }) => periods.some((each) => each.startYear === startYear));
      const isHeadline =
        hasEngland(periods, 'any') && SCOPES.every((at) => !hasEngland(periods, at) || hasEngland(beside, at));
      if (other.name === name || isHeadline || rowsOf(beside) < rows * ROWS_BESIDE_A_STRAY) continue;
      strays.add(name);
      findings.add(
        () =>
          `${rows} ${rows === 1 ? 'row' : 'rows'} of ${name}, ${newest.period} (line ${newest.line}), beside ${rowsOf(beside)} of ${other.name}: is the time identifier right?`,
      );
      break;
    }
  }
  return strays;
}

function rowsOf(periods: readonly PeriodSeen[]): number {
  return periods.reduce((sum, { rows }) => sum + rows, 0);
}

function hasEngland(periods: readonly PeriodSeen[], scope: Scope): boolean {
  return periods.some(({ places }) => places[scope].england);
}

function regionsOf({ name, newest, all: periods, before }: SeriesSeen, scope: Scope, findings: Findings): void {
  const words = SCOPE_WORDS[scope];
  const last = placesOf(before, scope);
  const present = newest.kind === 'week' ? periods : [newest];
  const expected = [...periods.map(({ places }) => places[scope]), ...(last === undefined ? [] : [last])];
  if (expected.some(({ england }) => england) && !present.some(({ places }) => places[scope].england))
    findings.add(() => `England is missing from ${name}, ${newest.period}${words}`);
  const regions = wholeRegions(present.flatMap(({ places }) => [...places[scope].regions]));
  const missing = [...wholeRegions(expected.flatMap((places) => [...places.regions]))].filter(
    (region) => !regions.has(region),
  );
  if (missing.length > 0)
    findings.add(() => `regions ${missing.join(', ')} are missing from ${name}, ${newest.period}${words}`);
  const anywhere = wholeRegions(
    periods.flatMap(({ places }) => [...places[scope].regions].filter((code) => OF_ENGLAND.test(code))),
  );
  for (const older of periods.filter((each) => each !== newest && each.kind === 'finished')) {
    const own = older.places[scope];
    const ownRegions = wholeRegions(own.regions);
    const then = placesOf(
      before?.periods.find(({ period }) => period === older.period),
      scope,
    );
    if (then?.england === true && !own.england)
      findings.add(() => `England is missing from ${name}, ${older.period}${words}; the last release had it`);
    const wanted = ownRegions.size > 0 ? anywhere : wholeRegions(then?.regions ?? []);
    const without = [...wanted].filter((region) => !ownRegions.has(region));
    if (without.length > 0)
      findings.add(() => `regions ${without.join(', ')} are missing from ${name}, ${older.period}${words}`);
  }
}

const MOST_AUTHORITIES_OFF = 3;

/** Not every authority has a pupil referral unit or a special school, and which have changes. */
const SMALL_SCHOOL_TYPES = ['Special', 'Alternative provision'];

const MOST_SHARE_OFF = 0.1;

function authorities(all: readonly SeriesSeen[]): GateVerdict {
  const findings = new Findings();
  const said: string[] = [];
  for (const one of all) {
    if (one.newest.kind === 'week') continue;
    if (one.before !== undefined && one.before.authorities > 0)
      said.push(`${one.newest.places.any.authorities} in ${one.name} (${one.before.authorities} in the last release)`);
    for (const scope of SCOPES) {
      const found = findings.count;
      authoritiesOf(one, scope, findings);
      if (findings.count > found) break;
    }
  }
  if (findings.count === 0) for (const one of all) authoritiesOfGroups(one, findings);
  return verdictOf(
    'authorities',
    'quarantine',
    findings,
    said.length === 0 ? 'no last release to count against' : said.join('; '),
  );
}

/** How many authorities more or fewer are no damage. */
function mostOff({ schoolTypes }: PeriodSeen, expected: number): number {
  const isSmall = [...schoolTypes].every((type) => SMALL_SCHOOL_TYPES.includes(type));
  return isSmall ? Math.max(MOST_AUTHORITIES_OFF, expected * MOST_SHARE_OFF) : MOST_AUTHORITIES_OFF;
}

function authoritiesOf({ name, newest, all: periods, before }: SeriesSeen, scope: Scope, findings: Findings): void {
  const compare = (seen: PeriodSeen, expected: number | undefined, where: string): void => {
    if (expected === undefined || expected === 0) return;
    const allowed = mostOff(newest, expected);
    const size = seen.places[scope].authorities;
    if (Math.abs(size - expected) > allowed || expected - size >= expected * SHARE_GONE)
      findings.add(
        () => `${size} authorities in ${name}, ${seen.period}${SCOPE_WORDS[scope]}; ${expected} in ${where}`,
      );
  };
  if (before !== undefined)
    compare(newest, placesOf(before, scope)?.authorities, `${before.period} of the last release`);
  for (const [index, older] of periods.entries()) {
    if (index === 0 || older.kind !== 'finished') continue;
    const then = before?.periods.find(({ period }) => period === older.period);
    compare(older, placesOf(then, scope)?.authorities, 'the last release');
    const later = periods[index - 1];
    if (later !== undefined && older.places[scope].authorities > 0)
      compare(older, later.places[scope].authorities, `${later.period} of the same file`);
  }
}

/**
 * A column that is gone takes its figures away without a row less, and so does a row of the long layout, of which three
 * make one figure. Persistent absence of a running year begins in January.
 */
function measures(all: readonly SeriesSeen[]): GateVerdict {
  const findings = new Findings();
  for (const one of all) {
    const { name, newest, all: periods, before } = one;
    const found = findings.count;
    for (const seen of periods)
      if (seen === newest || seen.kind === 'finished')
        for (const measure of MEASURES) inSomePlaces(seen, measure, name, findings);
    if (findings.count === found) measuresOfGroups(one, findings);
    if (newest.kind !== 'finished' && newest.startYear !== before?.startYear) continue;
    const held = before?.measures ?? [];
    const missing = (gone: readonly Measure[], why: string): void => {
      if (gone.length > 0)
        findings.add(
          () =>
            `${gone.map((measure) => MEASURE_WORDS[measure]).join(', ')} of ${name} missing in ${newest.period}; ${why}`,
        );
    };
    missing(
      held.filter((measure) => !newest.gives(measure)),
      `the last release had it for ${before?.period ?? ''}`,
    );
    const earlier = newest.kind === 'finished' ? periods[1] : undefined;
    if (earlier !== undefined)
      missing(
        MEASURES.filter((measure) => earlier.gives(measure) && !newest.gives(measure) && !held.includes(measure)),
        `${earlier.period} of the same file has it`,
      );
    for (const measure of held) {
      const then = before?.given[measure];
      if (then === undefined || !newest.gives(measure)) continue;
      const now = newest.places.any.of(measure);
      const lost = [
        ...(then.england && newest.places.any.england && !now.england ? ['England'] : []),
        ...(then.regions.length > 0 && newest.places.any.regions.length > 0 && now.regions.length === 0
          ? ['all regions']
          : []),
        ...(then.authorities > 0 && newest.places.any.authorities > 0 && now.authorities === 0
          ? ['all authorities']
          : []),
      ];
      if (lost.length > 0)
        findings.add(
          () =>
            `${MEASURE_WORDS[measure]} of ${lost.join(', ')} in ${name} missing in ${newest.period}; the last release had it for ${before?.period ?? ''}`,
        );
    }
  }
  return verdictOf('measures', 'quarantine', findings, 'all measures that were there before are there');
}

/** A measure that some places have, as a number or a symbol, and others have not. */
function inSomePlaces(seen: PeriodSeen, measure: Measure, name: string, findings: Findings): void {
  if (!seen.gives(measure)) return;
  for (const scope of SCOPES) {
    const places = seen.places[scope];
    const given = places.of(measure);
    const lacking = [
      ...(places.england && !given.england && given.regions.length + given.authorities > 0 ? ['England'] : []),
      ...(given.regions.length > 0 ? places.regions.filter((region) => !given.regions.includes(region)) : []),
      ...(given.authorities > 0 && places.authorities - given.authorities > mostOff(seen, places.authorities)
        ? [`${places.authorities - given.authorities} of ${places.authorities} authorities`]
        : []),
    ];
    if (lacking.length === 0) continue;
    findings.add(
      () =>
        `${MEASURE_WORDS[measure]} of ${lacking.join(', ')} in ${name} missing in ${seen.period}${SCOPE_WORDS[scope]}; other places have it`,
    );
    return;
  }
}

const LARGEST_MOVE = 0.25;

const FEWEST_ENROLMENTS = 1000;

/**
 * Year against the year before, in the file and in the last release; a running total only against itself, as it counts
 * the schools that send their registers, which were many more in 2024/25 than the year before.
 */
function enrolments(all: readonly SeriesSeen[]): GateVerdict {
  const findings = new Findings();
  let compared = 0;
  function compare(earlier: SeriesShape | PeriodSeen, where: string, later: PeriodSeen, name: string): void {
    for (const [area, now] of later.enrolments) {
      const then = earlier instanceof PeriodSeen ? earlier.enrolments.get(area) : earlier.enrolments[area];
      if (then === undefined || Math.max(then, now) < FEWEST_ENROLMENTS) continue;
      compared += 1;
      if (Math.abs(now - then) > then * LARGEST_MOVE)
        findings.add(
          () => `${area}: ${now} enrolments in ${later.period}, ${then} in ${earlier.period}${where} (${name})`,
        );
    }
  }
  for (const { name, newest, all: periods, before } of all) {
    if (newest.kind === 'week') continue;
    const isRunning = newest.kind === 'year to date';
    for (const later of isRunning ? [] : periods) {
      const earlier = periods.find(({ startYear }) => startYear === later.startYear - 1);
      if (earlier) compare(earlier, '', later, name);
    }
    const years = before === undefined ? undefined : newest.startYear - before.startYear;
    if (before !== undefined && (years === 0 || ((years === 1 || years === -1) && !isRunning)))
      compare(before, ' of the last release', newest, name);
  }
  return verdictOf('enrolments', 'quarantine', findings, `${compared} enrolments moved by less than a quarter`);
}

/** Schools close in single weeks; an authority that is in no week of the file is gone. */
function weeklyAuthorities({ name, all: periods, before }: SeriesSeen, findings: Findings): void {
  const expected = before?.authorities ?? 0;
  const size = new Set(periods.flatMap(({ places }) => places.any.authorityKeys)).size;
  if (expected > 0 && expected - size >= expected * SHARE_GONE)
    findings.add(
      () => `${size} authorities in all weeks of ${name}; ${expected} in ${before?.period ?? ''} of the last release`,
    );
}

const MOST_SUPPRESSED_OFF = 0.05;

const ONE_LABEL_EACH =
  'The next file under a label takes the place of the one before. If this is another data set, take it back ("versions remove") and load it under a label of its own';

function againstLastRelease(
  all: readonly SeriesSeen[],
  replaced: ReleaseShape['series'],
  gone: readonly TakenOut[],
  isLocal: boolean,
): GateVerdict[] {
  const rows = new Findings();
  const suppressed = new Findings();
  const nothingLeft = (what: string): void => {
    rows.add(() => `nothing is left of ${what}; the version before in this release had it`);
  };
  const series = gone.flatMap(({ series: name, what }) => (what === undefined ? [name] : []));
  if (series.length > 0) nothingLeft(series.join(', '));
  for (const { series: name, what } of gone) if (what !== undefined) nothingLeft(`${what} of ${name}`);
  const noRow = (weeks: readonly string[], name: string, who: string): void => {
    rows.add(() => `no row for ${weeks.join(', ')} (${name}); ${who} had some`);
  };
  for (const { name, kind, periods } of periodsGone(all, replaced)) {
    if (kind === 'year to date')
      rows.add(() => `${periods.join(', ')} of ${name} made way: the version before in this release had it`);
    if (kind === 'week') noRow([...periods].reverse(), name, 'the version before in this release');
  }
  for (const one of all) {
    const { name, newest, before } = one;
    groupsGone(one, rows, gone.find(({ series }) => series === name)?.groups ?? []);
    if (newest.kind === 'week') weeklyAuthorities(one, rows);
    const weeks = replaced[name] === undefined ? weeksGone(one) : [];
    if (weeks.length > 0) noRow(weeks, name, 'the last release');
    if (before === undefined) continue;
    if (newest.kind !== 'week' && isOff(newest.rows, before.rows))
      rows.add(
        () =>
          `${newest.rows} rows for ${newest.period}, ${before.rows} for ${before.period} in the last release (${name})`,
      );
    const now = share(newest);
    const then = share(before);
    if (Math.abs(now - then) > MOST_SUPPRESSED_OFF)
      suppressed.add(
        () =>
          `${percent(now)} of the figures for ${newest.period} are symbols, ${percent(then)} for ${before.period} in the last release (${name})`,
      );
  }
  const ofRows = verdictOf('rows', 'warn', rows, 'as many rows as in the last release, or no last release');
  return [
    isLocal && gone.length > 0 ? { ...ofRows, message: `${ofRows.message}. ${ONE_LABEL_EACH}` } : ofRows,
    verdictOf(
      'suppressed',
      'warn',
      suppressed,
      'as many symbols in place of figures as in the last release, or no last release',
    ),
  ];
}

function share({ figures, suppressed }: { figures: number; suppressed: number }): number {
  return figures === 0 ? 0 : suppressed / figures;
}

function percent(part: number): string {
  return `${(part * 100).toFixed(1)}%`;
}
