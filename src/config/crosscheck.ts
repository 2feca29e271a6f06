/**
 * What no single value tells: names that must exist elsewhere in the file, keys that exclude each other. Reads the
 * file as it is, right or wrong, so that every mistake comes at once.
 */
import { canonicalBreakdown, folded, isWhole, knownBreakdowns } from '../domain/breakdowns.js';
import { canonicalSchoolType, KNOWN_SCHOOL_TYPES } from '../domain/school-types.js';
import { isMeasure, isRate } from '../domain/measure.js';
import { nearest } from '../domain/names.js';
import { KNOWN_PUBLICATIONS } from '../domain/series.js';
import { didYouMean, type Path, type Problems } from './problems.js';
import { CONDITIONS } from './schema.js';
import { cronProblems, cronWarnings } from './schedule.js';

/** Ours, and what attendance calls them. */
const SCHOOL_TYPE_NAMES = [...KNOWN_SCHOOL_TYPES, 'Primary', 'Secondary', 'Pupil referral unit'];

export type Section = Readonly<Record<string, unknown>>;

export function isSection(value: unknown): value is Section {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function section(value: unknown): Section {
  return isSection(value) ? value : {};
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

/** One item or a list of them, each with its path. */
export function items(value: unknown, path: Path): [unknown, Path][] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as unknown[]).map((item, index) => [item, [...path, index]]) : [[value, path]];
}

/** Checks a whole file. @param root what the YAML says, of any shape */
export function crosscheck(root: unknown, problems: Problems, warnings: Problems): void {
  const file = section(root);
  const groups = Object.keys(section(file['recipients']));
  const publications =
    file['sources'] === undefined
      ? KNOWN_PUBLICATIONS
      : list(file['sources']).flatMap((source) => {
          const publication = section(source)['publication'];
          return typeof publication === 'string' ? [publication] : [];
        });
  checkSchedule(section(file['schedule']), warnings);
  checkSources(list(file['sources']), problems, warnings);
  const names = new Set<string>();
  for (const [index, rule] of list(file['rules']).entries()) {
    if (!isSection(rule)) continue;
    const path = ['rules', index];
    const name = typeof rule['name'] === 'string' ? rule['name'].trim() : '';
    if (name !== '' && names.has(name))
      problems.add([...path, 'name'], `"${name}" is the name of a rule above: a rule's name is its identity`);
    names.add(name);
    checkCondition(rule, path, problems, warnings);
    if (rule['gap_to_neighbours'] !== undefined && file['neighbours'] === undefined)
      warnings.add(
        [...path, 'gap_to_neighbours'],
        'never raises anything without `neighbours`, the file of statistical neighbours',
        'key',
      );
    checkPupils(rule, path, problems, warnings);
    checkGroups(rule['notify'], [...path, 'notify'], groups, problems);
    for (const [slug, at] of items(rule['sources'], [...path, 'sources']))
      if (typeof slug === 'string' && !publications.includes(slug))
        problems.add(
          at,
          () => `"${slug}" is none of the publications under \`sources\`${didYouMean(slug, publications)}`,
        );
  }
  for (const [index, brief] of list(file['briefs']).entries())
    checkGroups(section(brief)['notify'], ['briefs', index, 'notify'], groups, problems);
  checkSender(file, problems);
}

function checkSchedule(schedule: Section, warnings: Problems): void {
  for (const [expression, path] of items(schedule['cron'], ['schedule', 'cron']))
    if (typeof expression === 'string' && cronProblems(expression).length === 0)
      for (const warning of cronWarnings(expression)) warnings.add(path, warning);
}

function checkSources(sources: readonly unknown[], problems: Problems, warnings: Problems): void {
  const seen = new Set<string>();
  for (const [index, source] of sources.entries()) {
    const slug = section(source)['publication'];
    if (typeof slug !== 'string') continue;
    const path = ['sources', index, 'publication'];
    if (seen.has(slug)) problems.add(path, `"${slug}" is listed twice`);
    seen.add(slug);
    if (KNOWN_PUBLICATIONS.includes(slug)) continue;
    const near = nearest(slug, KNOWN_PUBLICATIONS);
    if (near !== undefined) problems.add(path, `"${slug.slice(0, 80)}" is not known; did you mean "${near}"?`);
    else warnings.add(path, 'is not a publication whose layouts are known: what cannot be read is quarantined');
  }
}

function checkGroups(value: unknown, path: Path, groups: readonly string[], problems: Problems): void {
  for (const [group, at] of items(value, path))
    if (typeof group === 'string' && !groups.includes(group))
      problems.add(at, () => `"${group.slice(0, 80)}" is no group of \`recipients\`${didYouMean(group, groups)}`);
}

/** Exactly one condition, a line that the measure can reach, and a hysteresis line on the right side of it. */
function checkCondition(rule: Section, path: Path, problems: Problems, warnings: Problems): void {
  const given = CONDITIONS.filter((key) => rule[key] !== undefined);
  const [kind, ...more] = given;
  if (kind === undefined) {
    problems.add(path, `needs one of ${CONDITIONS.join(', ')}`);
    return;
  }
  for (const other of more)
    problems.add([...path, other], `beside \`${kind}\`: a rule has exactly one of ${CONDITIONS.join(', ')}`, 'key');
  const measure = rule['measure'];
  const line = rule[kind];
  if (typeof line === 'number' && Number.isFinite(line) && typeof measure === 'string' && isMeasure(measure)) {
    const isGap = kind === 'gap_to_england' || kind === 'gap_to_neighbours';
    if (!isRate(measure)) {
      if (isGap)
        problems.add(
          [...path, kind],
          `compares rates: the count ${measure} of an area cannot be held against it`,
          'key',
        );
    } else if (line > 100 || line < (isGap ? -100 : 0))
      problems.add(
        [...path, kind],
        `must lie between ${isGap ? -100 : 0} and 100: rates are percent, differences points`,
      );
    else if (kind === 'above' && line > 0 && line < 0.25)
      warnings.add([...path, kind], `rates are percent: ${line} means ${line} in a hundred pupils`);
    if (!isRate(measure) && line < 0 && (kind === 'above' || kind === 'below'))
      problems.add([...path, kind], 'is a count and cannot be negative');
    if (!isRate(measure) && line < 0 && (kind === 'rise' || kind === 'fall'))
      problems.add(
        [...path, kind],
        `cannot be negative: the count has to ${kind} by more than this; \`${kind === 'rise' ? 'fall' : 'rise'}\` watches the other way`,
      );
  }
  checkClearing(rule, path, kind, problems);
}

function checkClearing(rule: Section, path: Path, kind: (typeof CONDITIONS)[number], problems: Problems): void {
  const line = rule[kind];
  const expected = kind === 'below' ? 'clear_above' : kind === 'rise' || kind === 'fall' ? undefined : 'clear_below';
  for (const key of ['clear_below', 'clear_above'] as const) {
    const clear = rule[key];
    if (clear === undefined) continue;
    if (key !== expected)
      problems.add(
        [...path, key],
        expected === undefined
          ? `has no meaning with \`${kind}\`, which is told for each period in which it happens`
          : `does not go with \`${kind}\`; did you mean "${expected}"?`,
        'key',
      );
    else if (
      typeof clear === 'number' &&
      typeof line === 'number' &&
      (key === 'clear_below' ? clear >= line : clear <= line)
    )
      problems.add(
        [...path, key],
        `must be ${key === 'clear_below' ? 'below' : 'above'} the line of \`${kind}\` (${line})`,
      );
  }
}

/** School type and pupil group, in any spelling that files have. */
function checkPupils(rule: Section, path: Path, problems: Problems, warnings: Problems): void {
  const type = rule['school_type'];
  if (typeof type === 'string' && canonicalSchoolType(type) === undefined)
    problems.add(
      [...path, 'school_type'],
      `"${type.slice(0, 80)}" is no school type${didYouMean(type, SCHOOL_TYPE_NAMES)}`,
    );
  const breakdown = section(rule['breakdown']);
  const { topic, value } = breakdown;
  if (typeof topic !== 'string' || typeof value !== 'string') return;
  if (isWhole(topic) && isWhole(value)) return;
  const known = knownBreakdowns();
  const canonical = canonicalBreakdown(topic, value);
  if (known.some((each) => each.topic === canonical.topic && each.breakdown === canonical.breakdown)) return;
  const topics = [...new Set(known.map((each) => each.topic))];
  const ofTopic = known.filter((each) => folded(each.topic) === folded(canonical.topic)).map((each) => each.breakdown);
  const [key, wrong, candidates] =
    ofTopic.length === 0 ? (['topic', topic, topics] as const) : (['value', value, ofTopic] as const);
  const near = nearest(wrong, candidates);
  const at = [...path, 'breakdown', key];
  if (near !== undefined)
    problems.add(at, `"${wrong.slice(0, 80)}" is no ${key} of a breakdown; did you mean "${near}"?`);
  else
    warnings.add(
      at,
      `"${wrong.slice(0, 80)}" is no ${key} that files are known to have${didYouMean(wrong, candidates)}`,
    );
}

/** Mail needs a sender as soon as anybody is to get some. */
function checkSender(file: Section, problems: Problems): void {
  const mail = section(file['mail']);
  const somebody = [...list(file['rules']), ...list(file['briefs'])].some(
    (each) => section(each)['notify'] !== undefined,
  );
  if ((somebody || mail['operator'] !== undefined) && mail['from'] === undefined)
    problems.add(['mail', 'from'], 'is missing: the address that mails come from');
}
