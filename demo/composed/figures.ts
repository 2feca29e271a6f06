/**
 * Composed figures for every local authority of England: whole counts that add up from authority and phase to regions,
 * phases and England, and come to exactly the targets. Deterministic.
 */
import {
  AUTHORITIES,
  ENGLAND,
  LONDON_CODE,
  LONDON_PARTS,
  REGIONS,
  type Authority,
} from '../../src/domain/authorities.js';
import { chance, splitWithin, sum } from './split.js';
import { ENGLAND_ENROLMENTS, ENGLAND_RATES, LUTON, LUTON_FACTORS, SESSIONS, type ComposedPeriod } from './targets.js';

export const PHASES = ['State-funded primary', 'State-funded secondary', 'Special'] as const;
export type Phase = (typeof PHASES)[number];

/** Whole counts of one cell; every rate is a quotient of two of them. */
export interface Counts {
  readonly schools: number;
  readonly enrolments: number;
  readonly persistent: number;
  readonly severe: number;
  /** Sessions. */
  readonly possible: number;
  readonly authorised: number;
  readonly unauthorised: number;
}

export interface AuthorityFigures {
  readonly authority: Authority;
  /** A phase without pupils is left out, as in the real files (no special school in Rutland). */
  readonly phases: ReadonlyMap<Phase, Counts>;
}

export type Level = 'National' | 'Regional' | 'Local authority';

/** An area with its rows: 'Total' and each phase it has. */
export interface AreaFigures {
  readonly level: Level;
  readonly regionCode: string;
  readonly regionName: string;
  readonly authority: Authority | undefined;
  readonly rows: ReadonlyMap<Phase | 'Total', Counts>;
}

export const LUTON_CODE = '821';

const LUTON_SHARES: Record<Phase, number> = {
  'State-funded primary': 0.556,
  'State-funded secondary': 0.428,
  Special: 0.016,
};
const SHARES: Record<Phase, number> = {
  'State-funded primary': 0.535,
  'State-funded secondary': 0.447,
  Special: 0.018,
};
/** How a phase stands to all phases. */
const RELATIVE: Record<Phase, { persistent: number; severe: number; overall: number; pupilsASchool: number }> = {
  'State-funded primary': { persistent: 0.76, severe: 0.37, overall: 0.81, pupilsASchool: 280 },
  'State-funded secondary': { persistent: 1.26, severe: 1.69, overall: 1.2, pupilsASchool: 980 },
  Special: { persistent: 1.88, severe: 3.05, overall: 1.9, pupilsASchool: 150 },
};

/** City of London, Isles of Scilly, Rutland: tiny, and without a special school. */
const TINY: Readonly<Record<string, number>> = { '201': 0.006, '420': 0.005, '857': 0.12 };
/** Birmingham is the largest authority that is no county. */
const LARGE: Readonly<Record<string, number>> = { '330': 4.2 };
const SIZE_BY_KIND: Readonly<Record<string, number>> = { E10: 3.4, E09: 1, E08: 1.2, E06: 0.9 };

function size(authority: Authority): number {
  const known = TINY[authority.oldLaCode] ?? LARGE[authority.oldLaCode];
  if (known !== undefined) return known;
  return (SIZE_BY_KIND[authority.code.slice(0, 3)] ?? 1) * (1 + 0.35 * chance(`size ${authority.oldLaCode}`));
}

/** Whether an authority reports in an academic year: the one that existed on its first day. */
export function existsIn(authority: Authority, startYear: number): boolean {
  const firstDay = `${startYear}-09-01`;
  return (authority.opened ?? '') <= firstDay && (authority.closed ?? '9999') > firstDay;
}

/** A correction that a later version of a file brings: so many more persistent and severe absentees. */
export interface Correction {
  readonly period: ComposedPeriod;
  readonly startYear: number;
  readonly oldLaCode: string;
  readonly phase: Phase;
  readonly persistent: number;
  readonly severe: number;
}

/**
 * The figures of one period, authority by authority.
 * @param startYear first calendar year of the academic year
 * @throws when no targets are set for that period and year
 */
export function composeYear(
  period: ComposedPeriod,
  startYear: number,
  correction?: Correction,
): readonly AuthorityFigures[] {
  const key = `${period} ${startYear}`;
  const known = composed.get(key) ?? composeAnew(period, startYear);
  composed.set(key, known);
  return correction?.period === period && correction.startYear === startYear ? corrected(known, correction) : known;
}

/** Every release restates the years before it. */
const composed = new Map<string, readonly AuthorityFigures[]>();

function corrected(figures: readonly AuthorityFigures[], correction: Correction): AuthorityFigures[] {
  return figures.map((each) => {
    const counts = each.phases.get(correction.phase);
    if (each.authority.oldLaCode !== correction.oldLaCode || !counts) return each;
    const { persistent, severe } = counts;
    const right = { ...counts, persistent: persistent + correction.persistent, severe: severe + correction.severe };
    return { ...each, phases: new Map(each.phases).set(correction.phase, right) };
  });
}

function composeAnew(period: ComposedPeriod, startYear: number): AuthorityFigures[] {
  const rates = ENGLAND_RATES[period][startYear];
  const pupils = ENGLAND_ENROLMENTS[startYear];
  if (!rates || pupils === undefined) throw new RangeError(`no figures are composed for ${period} ${startYear}`);
  const authorities = AUTHORITIES.filter((authority) => existsIn(authority, startYear));
  const lutonAt = authorities.findIndex(({ oldLaCode }) => oldLaCode === LUTON_CODE);
  const luton = lutonOf(period, startYear);

  const enrolments = splitPhases(pupils, SHARES).map((total, at) => {
    const phase = PHASES[at] ?? 'Special';
    const weights = authorities.map((each) =>
      phase === 'Special' && TINY[each.oldLaCode] !== undefined
        ? 0
        : size(each) * (1 + 0.012 * chance(`${phase} ${startYear} ${each.oldLaCode}`)),
    );
    return splitAround(total, weights, lutonAt, luton && splitPhases(luton.enrolments, LUTON_SHARES)[at]);
  });

  /** Divides England's count among phases and authorities, Luton's apart; `spread` says how far authorities differ. */
  const divide = (
    total: number,
    bases: readonly (readonly number[])[],
    of: 'persistent' | 'severe' | 'overall',
    spread: number,
    caps: readonly (readonly number[])[],
    ofLuton: number | undefined,
  ): number[][] => {
    const relative = PHASES.map((phase) => RELATIVE[phase][of]);
    const totals = splitWithin(
      total,
      bases.map((base, at) => sum(base) * (relative[at] ?? 1)),
    );
    const lutonParts =
      ofLuton === undefined
        ? undefined
        : splitWithin(
            ofLuton,
            bases.map((base, at) => (base[lutonAt] ?? 0) * (relative[at] ?? 1)),
          );
    return bases.map((base, at) => {
      const weights = base.map((count, index) => {
        const code = authorities[index]?.oldLaCode ?? '';
        const lasting = spread * chance(`absence ${code}`) + 0.5 * spread * chance(`${of} ${code}`);
        return count * Math.exp(lasting + 0.15 * spread * chance(`${of} ${code} ${period} ${startYear}`));
      });
      return splitAround(totals[at] ?? 0, weights, lutonAt, lutonParts?.[at], caps[at]);
    });
  };

  const persistentTotal = Math.round((pupils * rates.persistent) / 100);
  const severeTotal = Math.round((pupils * rates.severe) / 100);
  const persistent = divide(persistentTotal, enrolments, 'persistent', 0.18, enrolments, luton?.persistent);
  const severe = divide(severeTotal, enrolments, 'severe', 0.26, persistent, luton?.severe);
  const possible = enrolments.map((counts) => counts.map((count) => count * SESSIONS[period]));
  const overallTotal = Math.round((sum(possible.map(sum)) * rates.overall) / 100);
  const overall = divide(overallTotal, possible, 'overall', 0.1, possible, undefined);

  return authorities.map((authority, index) => {
    const code = authority.oldLaCode;
    const unauthorisedShare = 0.31 + 0.06 * chance(`unauthorised ${code}`) + (startYear - 2020) * 0.008;
    const phases = new Map<Phase, Counts>();
    PHASES.forEach((phase, at) => {
      const enrolled = enrolments[at]?.[index] ?? 0;
      if (enrolled === 0) return;
      const absent = overall[at]?.[index] ?? 0;
      const unauthorised = Math.round(absent * unauthorisedShare);
      phases.set(phase, {
        schools: Math.max(1, Math.round(enrolled / RELATIVE[phase].pupilsASchool)),
        enrolments: enrolled,
        persistent: persistent[at]?.[index] ?? 0,
        severe: severe[at]?.[index] ?? 0,
        possible: possible[at]?.[index] ?? 0,
        authorised: absent - unauthorised,
        unauthorised,
      });
    });
    return { authority, phases };
  });
}

function lutonOf(period: ComposedPeriod, startYear: number): (typeof LUTON)[number] | undefined {
  const figures = LUTON[startYear];
  const factors = LUTON_FACTORS[period];
  return (
    figures && {
      enrolments: figures.enrolments,
      persistent: Math.round(figures.persistent * factors.persistent),
      severe: Math.round(figures.severe * factors.severe),
    }
  );
}

function splitPhases(total: number, shares: Readonly<Record<Phase, number>>): number[] {
  return splitWithin(
    total,
    PHASES.map((phase) => shares[phase]),
  );
}

/** Splits in proportion, but for one part that is given. */
function splitAround(
  total: number,
  weights: readonly number[],
  at: number,
  given: number | undefined,
  caps?: readonly number[],
): number[] {
  if (given === undefined) return splitWithin(total, weights, caps);
  const others = weights.map((weight, index) => (index === at ? 0 : weight));
  return splitWithin(total - given, others, caps).map((part, index) => (index === at ? given : part));
}

/** Cells added up. */
export function addUp(cells: readonly Counts[]): Counts {
  const of = (key: keyof Counts): number => sum(cells.map((cell) => cell[key]));
  return {
    schools: of('schools'),
    enrolments: of('enrolments'),
    persistent: of('persistent'),
    severe: of('severe'),
    possible: of('possible'),
    authorised: of('authorised'),
    unauthorised: of('unauthorised'),
  };
}

function withTotal(phases: readonly ReadonlyMap<Phase, Counts>[]): Map<Phase | 'Total', Counts> {
  const rows = new Map<Phase | 'Total', Counts>([['Total', addUp(phases.flatMap((each) => [...each.values()]))]]);
  for (const phase of PHASES) {
    const cells = phases.flatMap((each) => each.get(phase) ?? []);
    if (cells.length > 0) rows.set(phase, addUp(cells));
  }
  return rows;
}

/**
 * An area for England, each region and each authority.
 * @param london whole: boroughs under London; halves: under Inner and Outer London, which then have rows of their own
 *   beside London, as in files up to 2023/24
 */
export function areasOf(figures: readonly AuthorityFigures[], london: 'whole' | 'halves'): AreaFigures[] {
  const region = (code: string, name: string, members: readonly AuthorityFigures[]): AreaFigures => ({
    level: 'Regional',
    regionCode: code,
    regionName: name,
    authority: undefined,
    rows: withTotal(members.map(({ phases }) => phases)),
  });
  const regions = REGIONS.flatMap(({ code, name }) => {
    const whole = region(
      code,
      name,
      figures.filter(({ authority }) => authority.regionCode === code),
    );
    if (code !== LONDON_CODE || london === 'whole') return [whole];
    const halves = LONDON_PARTS.map((part) =>
      region(
        part.code,
        part.name,
        figures.filter(({ authority }) => authority.innerOuter?.code === part.code),
      ),
    );
    return [whole, ...halves];
  });
  return [
    { ...region('', '', figures), level: 'National' },
    ...regions,
    ...figures.map(({ authority, phases }): AreaFigures => {
      const half = london === 'halves' ? authority.innerOuter : undefined;
      return {
        level: 'Local authority',
        regionCode: half?.code ?? authority.regionCode,
        regionName: half?.name ?? authority.regionName,
        authority,
        rows: withTotal([phases]),
      };
    }),
  ];
}

export { ENGLAND };
