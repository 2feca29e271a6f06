import { createReadStream, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import Papa from 'papaparse';
import { describe, expect, it } from 'vitest';
import type { GeographicLevel } from '../../src/domain/area.js';
import { currentNameAndCode, identifyArea } from '../../src/domain/areas.js';
import { AUTHORITIES, REGIONS, LONDON_PARTS } from '../../src/domain/authorities.js';

const DATA = process.env['EES_REAL_DATA'] ?? new URL('../../../shared/data', import.meta.url).pathname;
const absent = !existsSync(DATA);

type Cells = Record<string, string | undefined>;

/** Calls back for every row, with the column names in lower case. */
function eachRow(file: string, onRow: (cells: Cells) => void): Promise<void> {
  const bytes = createReadStream(file);
  return new Promise((resolve, reject) => {
    Papa.parse<Cells>(file.endsWith('.gz') ? bytes.pipe(createGunzip()) : bytes, {
      header: true,
      skipEmptyLines: true,
      transformHeader: (name) => name.replace(/^\uFEFF/, '').toLowerCase(),
      step: ({ data }) => {
        onRow(data);
      },
      complete: () => {
        resolve();
      },
      error: reject,
    });
  });
}

function files(folder: string): string[] {
  if (absent) return [];
  return readdirSync(join(DATA, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.csv$/.test(name) && !name.endsWith('.meta.csv'))
    .map((name) => join(DATA, folder, name));
}

const LEVELS: Record<string, GeographicLevel> = {
  national: 'National',
  regional: 'Regional',
  region: 'Regional',
  'local authority': 'Local authority',
};

describe.skipIf(absent)('areas of the real files (skipped where EES_REAL_DATA and ../shared/data are absent)', () => {
  it('each row of England, a region or an authority is identified, and each authority is one through all files', async () => {
    const met = new Map<string, { codes: Set<string>; names: Set<string>; now: Set<string> }>();
    const unidentified: unknown[] = [];
    let rows = 0;
    for (const file of [...files('absence'), ...files('attendance')])
      await eachRow(file, (cells) => {
        const level = LEVELS[(cells['geographic_level'] ?? cells['level'] ?? '').toLowerCase()];
        if (level === undefined) return;
        rows += 1;
        const area = identifyArea(level, {
          countryCode: cells['country_code'],
          countryName: cells['country_name'] ?? cells['country'],
          regionCode: cells['region_code'],
          regionName: cells['region_name'],
          newLaCode: cells['new_la_code'],
          oldLaCode: cells['old_la_code'],
          laName: cells['la_name'],
        });
        if (!area) {
          unidentified.push({ file, level, cells });
          return;
        }
        const key = `${level} ${area.key}`;
        const known = met.get(key) ?? { codes: new Set(), names: new Set(), now: new Set() };
        if (area.code !== '') known.codes.add(area.code);
        known.names.add(area.name);
        known.now.add(JSON.stringify(currentNameAndCode(area)));
        met.set(key, known);
      });
    expect(rows).toBeGreaterThan(30_000);
    expect(unidentified).toEqual([]);
    const expected = [
      'National E92000001',
      ...[...REGIONS, ...LONDON_PARTS].map(({ code }) => `Regional ${code}`),
      ...AUTHORITIES.map(({ oldLaCode }) => `Local authority ${oldLaCode}`),
    ];
    expect([...met.keys()].sort()).toEqual(expected.sort());
    for (const { now } of met.values()) expect(now.size).toBe(1);
    for (const { oldLaCode, codes, name, aliases } of AUTHORITIES) {
      const seen = met.get(`Local authority ${oldLaCode}`);
      expect(codes).toEqual(expect.arrayContaining([...(seen?.codes ?? [])]));
      expect([name, ...aliases]).toEqual(expect.arrayContaining([...(seen?.names ?? [])]));
    }
    const owners = new Map<string, string>();
    for (const [key, { codes }] of met)
      for (const code of codes) {
        expect(owners.get(code) ?? key).toBe(key);
        owners.set(code, key);
      }
  });

  it('each school is identified, and belongs to an authority that is known', async () => {
    const file = join(DATA, 'absence/2018-19_absence_3term_nat_reg_la_school.rewritten.csv.gz');
    const keys = new Set<string>();
    const parts = { rows: 0, withoutUrn: 0, unidentified: 0, withoutRegion: 0 };
    await eachRow(file, (cells) => {
      if (!/school/i.test(cells['geographic_level'] ?? '')) return;
      parts.rows += 1;
      const school = identifyArea('School', {
        regionCode: cells['region_code'],
        regionName: cells['region_name'],
        newLaCode: cells['new_la_code'],
        oldLaCode: cells['old_la_code'],
        schoolUrn: cells['urn'],
        schoolLaestab: cells['laestab'],
      });
      if (!school) parts.unidentified += 1;
      else {
        if (school.code === '') parts.withoutUrn += 1;
        if (currentNameAndCode(school).regionCode?.startsWith('E12') !== true) parts.withoutRegion += 1;
        keys.add(school.key);
      }
    });
    expect(parts).toMatchObject({ unidentified: 0, withoutRegion: 0 });
    expect(parts.rows).toBeGreaterThan(250_000);
    expect(keys.size).toBeGreaterThan(15_000);
    expect(parts.withoutUrn).toBe(2);
  });

  it('the table agrees with the list of authorities that DfE publishes', async () => {
    const differences: unknown[] = [];
    let compared = 0;
    await eachRow(join(DATA, 'reference/las.csv'), (cells) => {
      const oldLaCode = cells['old_la_code'] ?? '';
      // Left out: service families abroad (702), pairs of authorities in one row, districts of before 2009 without digits.
      const authority = AUTHORITIES.find((each) => each.oldLaCode === oldLaCode);
      if (!authority) {
        if (/^\d{3}$/.test(oldLaCode) && oldLaCode !== '702') differences.push(cells);
        return;
      }
      compared += 1;
      const isNow = cells['status'] === 'live';
      const code = cells['new_la_code'] ?? '';
      const [day = '', month = '', year = ''] = (cells['date_of_termination'] ?? '').split('/');
      const isLastCode = !isNow && authority.code === code;
      const agrees =
        (!isLastCode || authority.closed === `${year}-${month}-${day}`) &&
        authority.codes.includes(code) &&
        (!isNow ||
          (authority.code === code && authority.name === cells['la_name'] && authority.closed === undefined)) &&
        authority.regionCode === cells['parent_geography_code'];
      if (!agrees) differences.push(cells);
    });
    expect(differences).toEqual([]);
    expect(compared).toBeGreaterThan(AUTHORITIES.length);
  });
});
