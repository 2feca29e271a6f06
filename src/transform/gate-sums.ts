/** Gates that add up: phases to Total, authorities and regions to England. Finished periods only. */
import type { AreaRef } from '../domain/area.js';
import { COUNTS, MEASURE_WORDS } from '../domain/measure.js';
import type { Period } from '../domain/period.js';
import { CountRounding, Findings, numberOf, verdictOf, type Numbers } from './gate-figures.js';
import type { Gate, GateName, GateVerdict } from './gates.js';

/** Beyond one percent, and more than a handful of pupils, a sum is not told by rounding any more. */
const LARGEST_SHARE_OFF = 0.01;
const HANDFUL = 5;
/** What adding binary fractions may be off by, as a share: attendance has estimates of 15 digits. */
const BINARY = 1e-9;

/** What several areas or phases have in common, for each count. */
class Sum {
  readonly #sums = [0, 0, 0];
  /** Mask of the counts that a part did not have. */
  #incomplete = 0;
  parts = 0;

  add(numbers: Numbers): void {
    this.parts += 1;
    COUNTS.forEach((count, index) => {
      const value = numberOf(numbers, count);
      if (Number.isNaN(value)) this.#incomplete |= 1 << index;
      else this.#sums[index] = (this.#sums[index] ?? 0) + value;
    });
  }

  of(index: number): { sum: number; isComplete: boolean } {
    return { sum: this.#sums[index] ?? 0, isComplete: (this.#incomplete & (1 << index)) === 0 };
  }
}

/** Beyond rounding, and beyond one percent. */
class SumFindings {
  readonly slight = new Findings();
  readonly grave = new Findings();
  checked = 0;

  /** @param rounded how far the two may be apart by rounding @param isComplete where not, only more than the whole counts */
  compare(whole: number, sum: number, isComplete: boolean, rounded: number, say: () => string): void {
    this.checked += 1;
    const over = sum - whole;
    const off = isComplete ? Math.abs(over) : Math.max(over, 0);
    if (off <= rounded + whole * BINARY) return;
    (off > Math.max(whole * LARGEST_SHARE_OFF, HANDFUL) ? this.grave : this.slight).add(say);
  }

  verdict(gate: GateName, nothing: string): GateVerdict {
    if (this.grave.count > 0) return verdictOf(gate, 'quarantine', this.grave, '');
    return verdictOf(gate, 'warn', this.slight, this.checked === 0 ? nothing : `${this.checked} sums add up`);
  }
}

const PHASES = ['State-funded primary', 'State-funded secondary', 'Special'];
const BESIDES = 'Alternative provision';

/** One for each area and period, so there are many: kept small. */
interface Phased {
  readonly area: AreaRef;
  readonly period: Period;
  /** The counts of Total, in the order of COUNTS. */
  total: readonly number[] | undefined;
  readonly phases: Sum;
  besides: Sum | undefined;
}

/** Primary, secondary and special schools make the Total of an area. */
export function phasesAndTotal(): Gate {
  const rounding = new CountRounding();
  const areas = new Map<string, Phased>();
  return {
    observe(observation, numbers) {
      const { area, period, breakdown, schoolType, series } = observation;
      if (area.level === 'School' || period.kind !== 'finished' || breakdown.topic !== 'Total') return;
      rounding.observe(observation, numbers);
      const key = `${area.level} ${area.key} ${series} ${period.sort}`;
      let phased = areas.get(key);
      if (phased === undefined) {
        phased = { area, period, total: undefined, phases: new Sum(), besides: undefined };
        areas.set(key, phased);
      }
      if (schoolType === 'Total') phased.total = COUNTS.map((count) => numberOf(numbers, count));
      else if (PHASES.includes(schoolType)) phased.phases.add(numbers);
      else if (schoolType === BESIDES) (phased.besides ??= new Sum()).add(numbers);
    },
    verdict() {
      const findings = new SumFindings();
      for (const { area, period, total, phases, besides } of areas.values()) {
        if (total === undefined || phases.parts < 2) continue;
        COUNTS.forEach((count, index) => {
          const whole = total[index] ?? NaN;
          if (Number.isNaN(whole)) return;
          const { sum, isComplete } = phases.of(index);
          const withBesides = sum + (besides?.of(index).sum ?? 0);
          const nearer = Math.abs(withBesides - whole) < Math.abs(sum - whole) ? withBesides : sum;
          findings.compare(
            whole,
            nearer,
            isComplete && phases.parts === PHASES.length,
            (phases.parts + 1) * rounding.half(area.level),
            () => `${MEASURE_WORDS[count]}: phases make ${nearer}, Total is ${whole}: ${area.name}, ${period.label}`,
          );
        });
      }
      return findings.verdict('phases add up', 'no Total beside phases to add up');
    },
  };
}

/** Fewer authorities are a selection, not England. */
const FEWEST_AUTHORITIES = 100;
const FEWEST_REGIONS = 9;
const INNER_AND_OUTER_LONDON = ['E13000001', 'E13000002'];
const LONDON = 'E12000007';

interface National {
  readonly name: string;
  /** Counts of England. */
  england: Numbers | undefined;
  readonly authorities: Sum;
  readonly regions: Sum;
  readonly london: Sum;
  readonly londonParts: Sum;
}

/** Authorities make England, and so do regions, London being counted once. */
export function authoritiesAndEngland(): Gate {
  const rounding = new CountRounding();
  const groups = new Map<string, National>();
  return {
    observe(observation, numbers) {
      const { area, period, schoolType, breakdown, series } = observation;
      if (period.kind !== 'finished' || area.level === 'School') return;
      const { level, key } = area;
      if (level !== 'Local authority' && level !== 'Regional' && !(level === 'National' && key === 'E92000001')) return;
      rounding.observe(observation, numbers);
      const id = `${series} ${period.sort} ${schoolType} ${breakdown.topic} ${breakdown.breakdown}`;
      let group = groups.get(id);
      if (group === undefined) {
        const pupils = breakdown.topic === 'Total' ? '' : `, ${breakdown.topic}: ${breakdown.breakdown}`;
        group = {
          name: `${period.label}, ${schoolType}${pupils}`,
          england: undefined,
          authorities: new Sum(),
          regions: new Sum(),
          london: new Sum(),
          londonParts: new Sum(),
        };
        groups.set(id, group);
      }
      if (level === 'National') group.england = numbers.slice();
      else if (level === 'Local authority') group.authorities.add(numbers);
      else if (key === LONDON) group.london.add(numbers);
      else if (INNER_AND_OUTER_LONDON.includes(key)) group.londonParts.add(numbers);
      else group.regions.add(numbers);
    },
    verdict() {
      const findings = new SumFindings();
      for (const { name, england, authorities, regions, london, londonParts } of groups.values()) {
        if (england === undefined) continue;
        COUNTS.forEach((count, index) => {
          const whole = numberOf(england, count);
          // Estimates (fractions) of areas do not add up to the estimate of England.
          if (!Number.isInteger(whole)) return;
          const half = rounding.half('National');
          if (authorities.parts >= FEWEST_AUTHORITIES) {
            const { sum, isComplete } = authorities.of(index);
            const rounded = half + authorities.parts * rounding.half('Local authority');
            findings.compare(whole, sum, isComplete, rounded, () => said('authorities', sum));
          }
          const capital = london.parts > 0 ? london : londonParts;
          if (regions.parts + 1 >= FEWEST_REGIONS && capital.parts > 0) {
            const sum = regions.of(index).sum + capital.of(index).sum;
            const isComplete = regions.of(index).isComplete && capital.of(index).isComplete;
            const rounded = half + (regions.parts + capital.parts) * rounding.half('Regional');
            findings.compare(whole, sum, isComplete, rounded, () => said('regions', sum));
          }
          function said(who: string, sum: number): string {
            return `${MEASURE_WORDS[count]}: ${who} make ${sum}, England is ${whole}: ${name}`;
          }
        });
      }
      return findings.verdict('authorities add up', 'no England beside authorities or regions to add up');
    },
  };
}
