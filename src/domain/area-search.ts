/** Finding an area by a name or code as people write it. */
import { AUTHORITIES, authorityOfDigits, ENGLAND, LONDON_PARTS, REGIONS } from './authorities.js';
import { distance, foldName, slipsAllowed } from './names.js';

/** What a search needs to know of an area. */
export interface NamedArea {
  readonly level: string;
  readonly key: string;
  readonly code: string;
  readonly oldLaCode: string | undefined;
  readonly name: string;
  /** Other names and codes, in any case. */
  readonly aliases: readonly string[];
}

/** England, the regions, the halves of London and every authority, known before any figure is loaded. */
export const KNOWN_AREAS: readonly NamedArea[] = [
  { level: 'National', key: ENGLAND.code, code: ENGLAND.code, oldLaCode: undefined, name: ENGLAND.name, aliases: [] },
  ...[...REGIONS, ...LONDON_PARTS].map((region) => ({
    level: 'Regional',
    key: region.code,
    code: region.code,
    oldLaCode: undefined,
    name: region.name,
    aliases: region.aliases,
  })),
  ...AUTHORITIES.map((authority) => ({
    level: 'Local authority',
    key: authority.oldLaCode,
    code: authority.code,
    oldLaCode: authority.oldLaCode,
    name: authority.name,
    aliases: [...authority.aliases, ...authority.codes],
  })),
];

/** How well an area answers a search, best first. */
export const MATCHES = ['code', 'name', 'alias', 'loosely', 'beginning', 'part', 'slip'] as const;
export type Match = (typeof MATCHES)[number];

export interface Found<A> {
  readonly area: A;
  readonly match: Match;
}

/** Words of a name that people leave out or put elsewhere: 'Bristol, City of', 'County Durham', 'London Borough of Brent'. */
export function loose(folded: string): string {
  return folded
    .replace(/\b(city|county|london borough|royal borough|metropolitan borough|borough|district) of\b/g, ' ')
    .replace(/\b(county|city|borough|council|unitary authority|pre lgr? \d{4}|pre lgr?)\b/g, ' ')
    .replace(/ {2,}/g, ' ')
    .trim();
}

/** Names and codes of an area in the form in which they are compared. */
interface Spellings {
  readonly codes: readonly string[];
  /** Folded; the name first. */
  readonly names: readonly string[];
  readonly loose: readonly string[];
}

/** Folding a name costs more than comparing it, and the same areas are searched again and again. */
const spellingsOfArea = new WeakMap<NamedArea, Spellings>();

function spellingsOf(area: NamedArea): Spellings {
  const kept = spellingsOfArea.get(area);
  if (kept) return kept;
  const known = area.level === 'Local authority' ? authorityOfDigits(area.key) : undefined;
  const others = known ? [...area.aliases, ...known.aliases, ...known.codes] : area.aliases;
  const names = [...new Set([area.name, ...others].map(foldName))];
  // A school carries the digits of its authority, so only an authority answers to them.
  const digits = area.level === 'Local authority' && area.oldLaCode !== undefined ? [area.oldLaCode] : [];
  const codes = [area.code, area.key, ...digits, ...others.filter((other) => /\d/.test(other))];
  const spellings = {
    codes: codes.map((each) => each.toUpperCase()),
    names,
    loose: names.map((each) => loose(each) || each),
  };
  spellingsOfArea.set(area, spellings);
  return spellings;
}

function matchOf(code: string, wanted: string, area: NamedArea): Match | undefined {
  const { codes, names, loose: looseNames } = spellingsOf(area);
  if (codes.includes(code)) return 'code';
  if (wanted === '') return undefined;
  if (names[0] === wanted) return 'name';
  if (names.includes(wanted)) return 'alias';
  const looselyWanted = loose(wanted);
  if (looselyWanted !== '' && looseNames.includes(looselyWanted)) return 'loosely';
  if (names.some((each) => each.startsWith(wanted))) return 'beginning';
  if (names.some((each) => each.includes(` ${wanted}`)) || hasAllWords(wanted, names)) return 'part';
  return undefined;
}

/** The fewest slips that turn the query into a name of the area; undefined when they are too many for its length. */
function slipsTo(wanted: string, area: NamedArea): number | undefined {
  const { names, loose: looseNames } = spellingsOf(area);
  let fewest: number | undefined;
  for (const [text, candidates] of [
    [wanted, names],
    [loose(wanted), looseNames],
  ] as const)
    for (const candidate of candidates) {
      const most = slipsAllowed(Math.min(text.length, candidate.length));
      const slips = most > 0 ? distance(text, candidate, most) : most + 1;
      if (slips <= most && slips < (fewest ?? Infinity)) fewest = slips;
    }
  return fewest;
}

function hasAllWords(wanted: string, names: readonly string[]): boolean {
  const parts = wanted.split(' ').filter((word) => word !== 'of' && word !== 'and');
  return parts.length > 1 && names.some((name) => parts.every((part) => ` ${name}`.includes(` ${part}`)));
}

const LEVEL_ORDER = ['National', 'Regional', 'Local authority', 'School'];

function levelRank(level: string): number {
  const rank = LEVEL_ORDER.indexOf(level);
  return rank === -1 ? LEVEL_ORDER.length : rank;
}

/** An abolished authority comes after a live one of the same name. */
function isAbolished(area: NamedArea): boolean {
  return area.level === 'Local authority' && authorityOfDigits(area.key)?.closed !== undefined;
}

/**
 * Areas by a name or code as people write it, best first: codes, then the exact name, another spelling, the name
 * without "City of" and the like, beginnings, parts, and, where nothing else answers, slips of the pen. Among equals
 * live authorities come before abolished ones, wide areas before schools, then by name.
 */
export function searchAreas<A extends NamedArea>(query: string, areas: Iterable<A>): Found<A>[] {
  const code = query.slice(0, LONGEST_QUERY).trim().toUpperCase();
  const wanted = foldName(code);
  if (code === '') return [];
  const all = [...areas];
  const found = all.flatMap((area) => {
    const match = matchOf(code, wanted, area);
    return match ? [{ area, match, slips: 0 }] : [];
  });
  // A code is right or wrong: nearly every code is one slip from another.
  if (found.length === 0 && !/^[A-Z]\d{8}$|^\d+$/.test(code))
    for (const area of all) {
      const slips = slipsTo(wanted, area);
      if (slips !== undefined) found.push({ area, match: 'slip', slips });
    }
  return found
    .sort(
      (a, b) =>
        MATCHES.indexOf(a.match) - MATCHES.indexOf(b.match) ||
        a.slips - b.slips ||
        Number(isAbolished(a.area)) - Number(isAbolished(b.area)) ||
        levelRank(a.area.level) - levelRank(b.area.level) ||
        a.area.name.localeCompare(b.area.name, 'en') ||
        a.area.key.localeCompare(b.area.key, 'en'),
    )
    .map(({ area, match }) => ({ area, match }));
}

const LONGEST_QUERY = 200;

/** What a name in a rule or on a command line stands for. */
export type Resolved<A> =
  | { readonly kind: 'one'; readonly area: A }
  | { readonly kind: 'several'; readonly areas: readonly A[] }
  /** `near`: what may have been meant, best first. */
  | { readonly kind: 'none'; readonly near: readonly A[] };

/**
 * The one area that a name or code stands for: a code, else a name in any of its spellings; of two of the same name
 * the live authority, and the wider level. Parts of names and slips are never taken for a hit, they are proposed.
 */
export function resolveArea<A extends NamedArea>(text: string, areas: Iterable<A>): Resolved<A> {
  const found = searchAreas(text, areas);
  const best = found[0];
  if (!best || MATCHES.indexOf(best.match) > MATCHES.indexOf('loosely'))
    return { kind: 'none', near: found.slice(0, 5).map(({ area }) => area) };
  const equals = found.filter(
    ({ area, match }) =>
      match === best.match && area.level === best.area.level && isAbolished(area) === isAbolished(best.area),
  );
  return equals.length === 1
    ? { kind: 'one', area: best.area }
    : { kind: 'several', areas: equals.map(({ area }) => area) };
}
