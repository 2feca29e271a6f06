/**
 * One identity for each area through re-coding, renaming and the spellings of twenty years of files.
 * DfE's three digits stay when an authority gets a new ONS code, so they are the key; a name never is: two
 * authorities called Dorset (835 to March 2019, 838 since) share nothing but the name.
 */
import {
  AUTHORITIES,
  authorityOfDigits,
  COUNTRIES,
  ENGLAND,
  findAuthority,
  LONDON_CODE,
  LONDON_PARTS,
  REGIONS,
  type Authority,
  type Region,
} from './authorities.js';
import type { AreaRef, GeographicLevel } from './area.js';
import { loose } from './area-search.js';
import { distance, foldName, slipsAllowed } from './names.js';

export * from './area-search.js';
export { findAuthority } from './authorities.js';
export { foldName, nearest } from './names.js';

/** The cells of a row that say which area it is about, as the file has them. */
export interface AreaCells {
  readonly countryCode?: string | undefined;
  readonly countryName?: string | undefined;
  readonly regionCode?: string | undefined;
  readonly regionName?: string | undefined;
  readonly newLaCode?: string | undefined;
  readonly oldLaCode?: string | undefined;
  readonly laName?: string | undefined;
  readonly schoolUrn?: string | undefined;
  readonly schoolLaestab?: string | undefined;
  readonly schoolName?: string | undefined;
  /** Code and name of an area of any other level (district, constituency, trust, …). */
  readonly otherCode?: string | undefined;
  readonly otherName?: string | undefined;
}

/** What files write into a code they have none for: '0' in drafts of 2016/17, 'NA' in attendance, '.' for 2006-2008. */
const NO_CODE = /^(|0+|\.+|[xzc:~-]|n\/?a|nan|null|unknown)$/i;

function code(cell: string | undefined): string {
  const trimmed = (cell ?? '').trim();
  return NO_CODE.test(trimmed) ? '' : trimmed;
}

function words(cell: string | undefined): string {
  const text = (cell ?? '').replace(/\s+/g, ' ').trim();
  return /^([.:~-]|[xz])$/i.test(text) ? '' : text;
}

const THREE_DIGITS = /^[1-9]\d{2}$/;

const regionByCode = new Map([...REGIONS, ...LONDON_PARTS].map((region) => [region.code, region]));
const regionByName = new Map(
  [...REGIONS, ...LONDON_PARTS].flatMap((region) =>
    [region.name, ...region.aliases].map((name) => [foldName(name), region] as const),
  ),
);

/** Countries and regions by code and by name, as one: a row of either may carry what belongs to another of either. */
const placeByCode = new Map([...COUNTRIES, ...regionByCode.values()].map((place) => [place.code, place]));
const placeByName = new Map([
  ...COUNTRIES.map((country) => [foldName(country.name), country] as const),
  ...regionByName,
]);

const byName = new Map<string, Authority[]>();
for (const authority of AUTHORITIES)
  for (const name of new Set([authority.name, ...authority.aliases].map(foldName)))
    byName.set(name, [...(byName.get(name) ?? []), authority]);

/** A region, or half of London, by its code, else by its name in any spelling. */
function findRegion(regionCode: string, regionName: string): Region | undefined {
  return regionByCode.get(regionCode) ?? regionByName.get(foldName(regionName));
}

/**
 * Which area a row is about.
 * @param options.sharedUrn the same URN stands twice in one period of this file (three do, 2006-2019): the key then
 *   carries the LAESTAB too, so that neither overwrites the other
 * @returns undefined when the row names no area of that level, or an authority by nothing but a name that two share
 */
export function identifyArea(
  level: GeographicLevel,
  cells: AreaCells,
  options: { readonly sharedUrn?: boolean } = {},
): AreaRef | undefined {
  const region = regionOf(cells);
  if (contradictionIn(level, cells) !== undefined) return undefined;
  switch (level) {
    case 'National': {
      const countryCode = code(cells.countryCode);
      const name = words(cells.countryName);
      const isEngland = countryCode === ENGLAND.code || (countryCode === '' && foldName(name) === 'england');
      const key = isEngland ? ENGLAND.code : countryCode || foldName(name);
      const none = { oldLaCode: undefined, regionCode: undefined, regionName: undefined };
      return key === '' ? undefined : { level, key, code: countryCode, name: name || key, ...none };
    }
    case 'Regional': {
      const regionCode = code(cells.regionCode);
      const name = words(cells.regionName);
      const known = findRegion(regionCode, name);
      const key = regionCode || known?.code || foldName(name);
      if (key === '') return undefined;
      return { level, key, code: regionCode, oldLaCode: undefined, name: name || known?.name || key, ...region };
    }
    case 'Local authority':
      return authorityOf(cells, region);
    case 'School':
      return schoolIn(placeOfSchool(cells), cells, options);
    default: {
      const otherCode = code(cells.otherCode);
      const name = words(cells.otherName);
      const key = otherCode || foldName(name);
      if (key === '') return undefined;
      return { level, key, code: otherCode, oldLaCode: threeDigits(cells), name: name || key, ...region };
    }
  }
}

/** DfE's codes for places that are not known (x) and for groups of them (z), bare or in brackets. */
const UNKNOWN_PLACE_CODE = /^[[(]?\s*[xz]\s*[\])]?$/i;

/** What stands for the name of such a place, folded. */
const UNKNOWN_PLACE_NAMES: ReadonlySet<string> = new Set(
  [
    'Not available',
    'Not applicable',
    'Not known',
    'Not recorded',
    'Unknown',
    'Outside England',
    'Outside of England',
    'Outside England and unknown',
    'Outside of England and unknown',
  ].map(foldName),
);

/** The cells by which an area of a level is known, besides its name; and that. */
function ownCells(level: GeographicLevel, cells: AreaCells): { codes: (string | undefined)[]; name: string } {
  if (level === 'National') return { codes: [cells.countryCode], name: words(cells.countryName) };
  if (level === 'Regional') return { codes: [cells.regionCode], name: words(cells.regionName) };
  if (level === 'Local authority') return { codes: [cells.oldLaCode, cells.newLaCode], name: words(cells.laName) };
  return { codes: [cells.otherCode], name: words(cells.otherName) };
}

/**
 * Whether a row is about what has no known place ("Not available", "Outside of England and unknown"): no area, and no
 * mistake of the file. A code or name that is known says otherwise.
 */
export function isUnknownPlace(level: GeographicLevel, cells: AreaCells): boolean {
  if (level === 'School') return false;
  const { codes, name } = ownCells(level, cells);
  if (name === '' || codes.some((each) => code(each) !== '' && !UNKNOWN_PLACE_CODE.test(each?.trim() ?? '')))
    return false;
  const folded = foldName(name);
  if (UNKNOWN_PLACE_NAMES.has(folded)) return true;
  const isKnown = level === 'Local authority' ? byName.has(folded) : placeByName.has(folded);
  return !isKnown && codes.some((each) => UNKNOWN_PLACE_CODE.test(each?.trim() ?? ''));
}

type RegionCells = Pick<AreaRef, 'regionCode' | 'regionName'>;

function regionOf({ regionCode, regionName }: AreaCells): RegionCells {
  return { regionCode: code(regionCode) || undefined, regionName: words(regionName) || undefined };
}

/** DfE's three digits as the row gives them, else as its ONS code tells. */
function threeDigits(cells: AreaCells): string | undefined {
  const old = code(cells.oldLaCode);
  return THREE_DIGITS.test(old) ? old : findAuthority(code(cells.newLaCode))?.oldLaCode;
}

/**
 * What contradicts where the codes and the name of a row belong to different authorities, regions or countries: in words,
 * for an error. What the tables do not know is no contradiction, but for a name that the tables know: under a code that
 * they do not, it would be a second area of that name.
 */
export function contradictionIn(level: GeographicLevel, cells: AreaCells): string | undefined {
  if (level === 'Local authority') return severalAuthorities(cells);
  if (level === 'National') return severalPlaces(code(cells.countryCode), words(cells.countryName));
  if (level === 'Regional') return severalPlaces(code(cells.regionCode), words(cells.regionName));
  return undefined;
}

function severalPlaces(ownCode: string, name: string): string | undefined {
  const named = placeByName.get(foldName(name));
  if (ownCode === '' || named === undefined || named.code === ownCode) return undefined;
  const coded = placeByCode.get(ownCode) ?? findAuthority(ownCode);
  return `${ownCode} is ${coded === undefined ? 'no code that is known' : `the code of ${coded.name}`}, ${name} has ${named.code}`;
}

function severalAuthorities(cells: AreaCells): string | undefined {
  const byDigits = authorityOfDigits(code(cells.oldLaCode));
  const byCode = findAuthority(code(cells.newLaCode));
  const authority = byDigits ?? byCode;
  if (authority === undefined) return undefined;
  if (byCode !== undefined && byCode !== authority)
    return `${code(cells.oldLaCode)} is ${authority.name}, ${code(cells.newLaCode)} is ${byCode.name}`;
  const name = words(cells.laName);
  const [named, ...more] = byName.get(foldName(name)) ?? [];
  if (named === undefined || named === authority || more.includes(authority)) return undefined;
  const said = byDigits === undefined ? code(cells.newLaCode) : code(cells.oldLaCode);
  return `${said} is ${authority.name}, ${name} has ${byDigits === undefined ? named.code : named.oldLaCode}`;
}

function authorityOf(cells: AreaCells, region: RegionCells): AreaRef | undefined {
  const onsCode = code(cells.newLaCode);
  const name = words(cells.laName);
  const namesakes = onsCode === '' ? (byName.get(foldName(name)) ?? []) : [];
  const oldLaCode = threeDigits(cells) ?? (namesakes.length === 1 ? namesakes[0]?.oldLaCode : undefined);
  const key = oldLaCode ?? (onsCode || (namesakes.length === 0 ? foldName(name) : ''));
  if (key === '') return undefined;
  return { level: 'Local authority', key, code: onsCode, oldLaCode, name: name || key, ...region };
}

/** Where a school is: what the schools of an authority have in common. */
export type SchoolPlace = Pick<AreaRef, 'oldLaCode' | 'regionCode' | 'regionName'>;

/** As `identifyArea` reads it of the cells of a school. */
export function placeOfSchool(cells: AreaCells): SchoolPlace {
  return { oldLaCode: threeDigits(cells), ...regionOf(cells) };
}

/** As `identifyArea`, for a school of which the place is known. */
export function schoolIn(
  { oldLaCode, regionCode, regionName }: SchoolPlace,
  cells: Pick<AreaCells, 'schoolUrn' | 'schoolLaestab' | 'schoolName'>,
  { sharedUrn = false }: { readonly sharedUrn?: boolean } = {},
): AreaRef | undefined {
  const urn = code(cells.schoolUrn);
  let key = urn;
  if (urn === '' || sharedUrn) {
    const laestab = code(cells.schoolLaestab).replace(/[^0-9A-Za-z]/g, '');
    key = [urn, laestab].filter((part) => part !== '').join('/');
  }
  if (key === '') return undefined;
  return { level: 'School', key, code: urn, oldLaCode, name: words(cells.schoolName) || key, regionCode, regionName };
}

/** What an area is called now. */
export interface CurrentArea {
  readonly name: string;
  /** ONS code in use now, the URN of a school (its key where it has none). */
  readonly code: string;
  readonly oldLaCode: string | undefined;
  /** One of the nine regions (for half of London, itself); undefined for a country or where unknown. */
  readonly regionCode: string | undefined;
  readonly regionName: string | undefined;
}

/**
 * Name, code and region in use now, of an area as its newest file has it. Codes and spellings that the tables know
 * are decided by the tables: files go on with old ones for a while. What the tables do not know is news, and stays as
 * the file has it. Files up to 2023/24 list London's boroughs and schools under Inner or Outer London: here their
 * region is London.
 */
export function currentNameAndCode(ref: AreaRef): CurrentArea {
  const own = { name: ref.name, code: ref.code || ref.key, oldLaCode: ref.oldLaCode };
  if (ref.level === 'National') {
    const noRegion = { oldLaCode: undefined, regionCode: undefined, regionName: undefined };
    return ref.key === ENGLAND.code ? { ...ENGLAND, ...noRegion } : { ...own, ...noRegion };
  }
  if (ref.level === 'Regional') {
    const known = regionByCode.get(ref.key);
    const { code: regionCode, name: regionName } = known ?? own;
    return { code: regionCode, name: regionName, oldLaCode: undefined, regionCode, regionName };
  }
  const authority = authorityOfDigits(ref.level === 'Local authority' ? ref.key : ref.oldLaCode);
  const { regionCode, regionName } = authority ?? regionNow(ref);
  const {
    name,
    code: ownCode,
    oldLaCode,
  } = ref.level === 'Local authority' && authority !== undefined ? authorityNow(authority, ref) : own;
  // Written out: spread into one another, the objects of 300,000 schools outlive their use.
  return { name, code: ownCode, oldLaCode, regionCode, regionName };
}

const ONS_CODE = /^E\d{8}$/;

/** An authority that was re-coded or renamed since the table was made is called as the file calls it. */
function authorityNow(authority: Authority, ref: AreaRef): Pick<CurrentArea, 'name' | 'code' | 'oldLaCode'> {
  const { oldLaCode } = authority;
  // A code or name of another authority is a slip of the file.
  const isNewCode = ONS_CODE.test(ref.code) && findAuthority(ref.code) === undefined;
  const isName = /\p{L}/u.test(ref.name) && !NO_CODE.test(ref.name) && ref.name !== ref.code;
  const isNewName = isName && !byName.has(foldName(ref.name)) && !isSpellingOf(authority, ref.name);
  return { name: isNewName ? ref.name : authority.name, code: isNewCode ? ref.code : authority.code, oldLaCode };
}

/** Whether it is a name that the table knows but for a slip of the pen, or for words such as 'City of'. */
function isSpellingOf({ name, aliases }: Authority, written: string): boolean {
  const bare = (text: string): string => loose(foldName(text)) || foldName(text);
  const said = bare(written);
  return [name, ...aliases].map(bare).some((known) => {
    const most = slipsAllowed(Math.min(said.length, known.length));
    return said === known || distance(said, known, most) <= most;
  });
}

function regionNow(ref: AreaRef): RegionCells {
  const known = findRegion(ref.regionCode ?? '', ref.regionName ?? '');
  if (!known) return { regionCode: ref.regionCode, regionName: ref.regionName };
  const region = LONDON_PARTS.includes(known) ? (regionByCode.get(LONDON_CODE) ?? known) : known;
  return { regionCode: region.code, regionName: region.name };
}

/** A step of a reorganisation, seen from one of the two authorities. */
export interface Succession {
  readonly authority: Authority;
  /** First day of the new order (ISO date). */
  readonly on: string;
}

function dayAfter(isoDate: string): string {
  return new Date(Date.parse(isoDate) + 86_400_000).toISOString().slice(0, 10);
}

/** The authorities that took over the area of an abolished one. @param key DfE's three digits */
export function successorsOf(key: string): Succession[] {
  const ended = authorityOfDigits(key);
  const closed = ended?.closed;
  if (!ended || closed === undefined) return [];
  return ended.successors.flatMap((each) => {
    const authority = authorityOfDigits(each);
    return authority ? [{ authority, on: dayAfter(closed) }] : [];
  });
}

/** The abolished authorities whose area, or part of it, this one took over. @param key DfE's three digits */
export function predecessorsOf(key: string): Succession[] {
  return AUTHORITIES.flatMap((authority) =>
    authority.closed !== undefined && authority.successors.includes(key)
      ? [{ authority, on: dayAfter(authority.closed) }]
      : [],
  );
}
