/** Observations and descriptions of versions for the tests of loading. */
import type { AreaRef } from '../../src/domain/area.js';
import { TOTAL, type Observation } from '../../src/domain/figure.js';
import { academicPeriod } from '../../src/domain/period.js';
import type { Store } from '../../src/load/database.js';
import {
  loadVersion,
  type Gates,
  type LoadHooks,
  type LoadOutcome,
  type VersionMeta,
} from '../../src/load/versions.js';

export const ENGLAND: AreaRef = {
  level: 'National',
  key: 'E92000001',
  code: 'E92000001',
  oldLaCode: undefined,
  name: 'England',
  regionCode: undefined,
  regionName: undefined,
};

export const LUTON: AreaRef = {
  level: 'Local authority',
  key: '821',
  code: 'E06000032',
  oldLaCode: '821',
  name: 'Luton',
  regionCode: 'E12000006',
  regionName: 'East of England',
};

export const BEDFORD: AreaRef = { ...LUTON, key: '822', code: 'E06000055', oldLaCode: '822', name: 'Bedford' };

export function observation(values: Observation['values'], rest: Partial<Observation> = {}): Observation {
  return {
    area: LUTON,
    series: 'absence/academic-year',
    period: academicPeriod(2022, 'Academic year'),
    schoolType: 'Total',
    breakdown: TOTAL,
    asOf: undefined,
    values,
    symbols: {},
    computed: 0,
    line: 2,
    ...rest,
  };
}

export const allPass: Gates = { observe: () => undefined, verdicts: () => [], shape: () => null };

export function heldBy(...gates: string[]): Gates {
  return {
    ...allPass,
    verdicts: () => gates.map((gate) => ({ gate, verdict: 'quarantine', message: `${gate} does not hold` })),
  };
}

let serial = 0;

/** A file of the publication of absence; every call is a file of other bytes. */
export function versionMeta(
  rest: Partial<Omit<VersionMeta, 'release' | 'dataSet'>> & {
    release?: Partial<VersionMeta['release']>;
    dataSet?: Partial<VersionMeta['dataSet']>;
  } = {},
): VersionMeta {
  serial += 1;
  return {
    publication: { slug: 'pupil-absence-in-schools-in-england', title: 'Pupil absence in schools in England' },
    source: { kind: 'test' },
    sha256: String(serial).padStart(64, '0'),
    fileName: 'absence.csv',
    bytes: 100,
    publishedAt: new Date('2024-03-21T09:30:00Z'),
    ...rest,
    release: { title: 'Academic year 2022/23', ...rest.release },
    dataSet: { title: 'Absence by geography', columns: ['time_period', 'enrolments'], ...rest.dataSet },
  };
}

export async function* inBatches(observations: readonly Observation[], size = 100): AsyncGenerator<Observation[]> {
  for (let at = 0; at < observations.length; at += size) {
    await Promise.resolve();
    yield observations.slice(at, at + size);
  }
}

export async function load(
  store: Store,
  meta: VersionMeta,
  observations: readonly Observation[],
  gates: Gates = allPass,
  hooks: LoadHooks = {},
): Promise<LoadOutcome> {
  return loadVersion(store, meta, inBatches(observations), gates, hooks);
}

/** Loads and returns the id of the version. */
export async function loaded(store: Store, meta: VersionMeta, observations: readonly Observation[]): Promise<number> {
  return (await load(store, meta, observations)).versionId;
}
