import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AreaRef } from '../../src/domain/area.js';
import {
  contradictionIn,
  currentNameAndCode,
  foldName,
  identifyArea,
  isUnknownPlace,
  KNOWN_AREAS,
  nearest,
  predecessorsOf,
  resolveArea,
  searchAreas,
  successorsOf,
  type NamedArea,
} from '../../src/domain/areas.js';
import { AUTHORITIES, findAuthority, LONDON_PARTS, REGIONS } from '../../src/domain/authorities.js';
import { distance } from '../../src/domain/names.js';

function authority(oldLaCode: string, newLaCode: string, laName: string): AreaRef {
  const ref = identifyArea('Local authority', { oldLaCode, newLaCode, laName });
  if (!ref) throw new Error(`not identified: ${oldLaCode} ${newLaCode} ${laName}`);
  return ref;
}

describe('the table of authorities', () => {
  it('names for each opening, closing and re-coding what made it so, and when', () => {
    const dayBefore = (day: string): string => new Date(Date.parse(day) - 86_400_000).toISOString().slice(0, 10);
    for (const { oldLaCode, opened, closed, successors, by, codes, recoded } of AUTHORITIES) {
      expect([oldLaCode, by !== undefined]).toEqual([oldLaCode, opened !== undefined || closed !== undefined]);
      if (by !== undefined) {
        expect([opened ?? by.on, closed ?? dayBefore(by.on)]).toEqual([by.on, dayBefore(by.on)]);
        for (const each of successors) expect(findAuthority(each)?.by).toBe(by);
      }
      expect(recoded.map(({ from }) => from)).toEqual(codes.slice(0, -1));
      const orders = [...recoded.map((each) => each.by), ...(by === undefined ? [] : [by])];
      for (const { title, on } of orders) expect(`${title}, ${on}`).toMatch(/^The .+ Order 20\d\d, 20\d\d-04-01$/);
    }
  });

  it('has each three digits and each ONS code once', () => {
    const digits = AUTHORITIES.map((each) => each.oldLaCode);
    const codes = AUTHORITIES.flatMap((each) => each.codes);
    expect(new Set(digits).size).toBe(digits.length);
    expect(new Set(codes).size).toBe(codes.length);
  });

  it.each([
    ['2008-12-31', 150],
    ['2018-12-31', 152],
    ['2020-12-31', 151],
    ['2022-12-31', 152],
    ['2025-12-31', 153],
  ])('counts on %s the %i authorities that there were', (day, count) => {
    const live = AUTHORITIES.filter(
      ({ opened, closed }) => (opened === undefined || opened <= day) && (closed === undefined || closed >= day),
    );
    expect(live).toHaveLength(count);
  });

  it('leaves no abolished authority without successor, and opens the successors on the next day', () => {
    for (const each of AUTHORITIES.filter(({ closed }) => closed !== undefined)) {
      const successors = successorsOf(each.oldLaCode);
      expect(successors.length).toBeGreaterThan(0);
      for (const { authority: next, on } of successors) expect(next.opened).toBe(on);
    }
  });

  it('places every London borough in London, and half of London apart', () => {
    const boroughs = AUTHORITIES.filter(({ regionCode }) => regionCode === 'E12000007');
    expect(boroughs).toHaveLength(33);
    expect(boroughs.filter(({ innerOuter }) => innerOuter?.name === 'Inner London')).toHaveLength(14);
    expect(AUTHORITIES.filter(({ innerOuter }) => innerOuter !== undefined)).toHaveLength(33);
    expect(REGIONS).toHaveLength(9);
  });
});

describe('identity', () => {
  it.each([
    ['padded codes', ['  390 ', 'E08000020   ', ' Gateshead '], '390', 'E08000020', 'Gateshead'],
    [
      'a code of before a re-coding, without three digits',
      ['', 'E10000002', 'Buckinghamshire'],
      '825',
      'E10000002',
      'Buckinghamshire',
    ],
    [
      'a full stop for the ONS code',
      ['820', '.', 'Bedfordshire (Pre LGR 2009)'],
      '820',
      '',
      'Bedfordshire (Pre LGR 2009)',
    ],
    ['0 for the three digits', ['0', 'E06000032', 'Luton'], '821', 'E06000032', 'Luton'],
    ['NA for the three digits', ['NA', 'E06000032', 'Luton'], '821', 'E06000032', 'Luton'],
    ['no code at all but a name that only one has', ['x', 'z', 'Bristol City of'], '801', '', 'Bristol City of'],
    ['an ONS code that nobody knows', ['', 'E06009999', 'Newshire'], 'E06009999', 'E06009999', 'Newshire'],
    ['a name that nobody knows', ['', '', 'Newshire'], 'newshire', '', 'Newshire'],
    [
      'two authorities in one row',
      ['314 / 318', 'E09000021 / E09000027', 'Both'],
      'E09000021 / E09000027',
      'E09000021 / E09000027',
      'Both',
    ],
  ] as const)('reads %s', (_, [old, ons, name], key, code, shown) => {
    const ref = authority(old, ons, name);
    expect([ref.key, ref.code, ref.name]).toEqual([key, code, shown]);
  });

  it('finds no authority in a row whose digits, code and name are of different ones', () => {
    const row = (oldLaCode: string, newLaCode: string, laName: string): string | undefined =>
      identifyArea('Local authority', { oldLaCode, newLaCode, laName })?.key;
    expect(row('821', 'E06000032', 'Luton')).toBe('821');
    expect(row('821', 'E06000015', 'Luton'), 'the code of Derby').toBeUndefined();
    expect(row('821', 'E06000032', 'Derby')).toBeUndefined();
    expect(row('', 'E06000032', 'Derby')).toBeUndefined();
    expect(row('821', '', 'Derby')).toBeUndefined();
    // What nobody knows yet may be new.
    expect(row('821', 'E06000932', 'Luton and Dunstable')).toBe('821');
  });

  it.each([
    ['Regional', 'E12000006', 'South East', 'E12000006 is the code of East of England, South East has E12000008'],
    ['Regional', 'E13000001', 'London', 'E13000001 is the code of Inner London, London has E12000007'],
    ['Regional', 'E12000007', 'Inner London', 'E12000007 is the code of London, Inner London has E13000001'],
    ['Regional', 'E06000032', 'East', 'E06000032 is the code of Luton, East has E12000006'],
    ['Regional', 'E12000099', 'London', 'E12000099 is no code that is known, London has E12000007'],
    ['National', 'E92000001', 'Wales', 'E92000001 is the code of England, Wales has W92000004'],
    ['National', 'W92000004', 'England', 'W92000004 is the code of Wales, England has E92000001'],
    ['National', 'E92000001', 'London', 'E92000001 is the code of England, London has E12000007'],
  ] as const)('finds no area in a row of level %s with the code %s and the name %s', (level, ownCode, name, says) => {
    const cells =
      level === 'National'
        ? { countryCode: ownCode, countryName: name }
        : { countryCode: 'E92000001', countryName: 'England', regionCode: ownCode, regionName: name };
    expect(identifyArea(level, cells)).toBeUndefined();
    expect(contradictionIn(level, cells)).toBe(says);
  });

  it.each([
    ['Regional', 'E12000006', 'East'],
    ['Regional', 'E12000003', 'Yorkshire and The Humber'],
    ['Regional', 'E12000003', 'Yorkshire & the Humber'],
    ['Regional', 'E12000007', 'London'],
    ['Regional', 'E13000001', 'Inner London'],
    ['Regional', 'E13000002', 'OUTER LONDON'],
    ['Regional', 'E12000008', 'What nobody knows yet'],
    ['Regional', 'E12000010', 'What nobody knows yet'],
    ['Regional', 'W92000004', 'Wales'],
    ['National', 'E92000001', 'ENGLAND'],
    ['National', 'S92000003', 'Scotland'],
  ] as const)('finds one area in a row of level %s with the code %s and the name %s', (level, ownCode, name) => {
    const cells =
      level === 'National' ? { countryCode: ownCode, countryName: name } : { regionCode: ownCode, regionName: name };
    expect(identifyArea(level, cells)?.key).toBe(ownCode);
  });

  it('keeps the two Dorsets apart, and knows neither by the name alone', () => {
    expect(authority('835', 'E10000009', 'Dorset').key).not.toBe(authority('838', 'E06000059', 'Dorset').key);
    expect(authority('', 'E10000009', 'Dorset').key).toBe('835');
    expect(identifyArea('Local authority', { laName: 'Dorset' })).toBeUndefined();
    expect(identifyArea('Local authority', { laName: 'Pre-LGR 2019 Dorset' })?.key).toBe('835');
  });

  it.each([
    ['x', 'x', 'Not available', true],
    ['z', 'z', 'Outside of England and unknown', true],
    ['[z]', '', 'Service children overseas', true],
    ['', '', 'Unknown', true],
    ['z', 'z', 'Luton', false],
    ['821', 'z', 'Not available', false],
    ['z', 'E06000099', 'Outside of England', false],
    ['', '', 'West Kent', false],
    ['z', 'z', '', false],
  ])('knows what is no place: %s, %s, %s', (oldLaCode, newLaCode, laName, is) => {
    expect(isUnknownPlace('Local authority', { oldLaCode, newLaCode, laName })).toBe(is);
    expect(isUnknownPlace('Ward', { otherCode: newLaCode || oldLaCode, otherName: laName })).toBe(
      is || laName === 'Luton' || (newLaCode === 'z' && laName === 'Not available'),
    );
  });

  it('is undefined for a row that names no area of its level', () => {
    for (const level of ['National', 'Regional', 'Local authority', 'School', 'MAT'] as const)
      expect(identifyArea(level, { oldLaCode: '0', newLaCode: 'z', regionCode: '.', schoolUrn: ' ' })).toBeUndefined();
  });

  it('takes one region for one, whatever the case of its name, and never Inner London for London', () => {
    const the = identifyArea('Regional', { regionCode: 'E12000003', regionName: 'Yorkshire and the Humber' });
    const The = identifyArea('Regional', { regionCode: '', regionName: 'Yorkshire and The Humber' });
    expect(the?.key).toBe('E12000003');
    expect(The?.key).toBe('E12000003');
    const londons = ['E12000007', 'E13000001', 'E13000002'].map(
      (regionCode) => identifyArea('Regional', { regionCode })?.key,
    );
    expect(new Set(londons).size).toBe(3);
  });

  it('knows a school by its URN, by LAESTAB where that is blank, and by both where two share one', () => {
    const school = { schoolUrn: '109532', schoolLaestab: '821/2001', schoolName: 'A School', oldLaCode: '821' };
    expect(identifyArea('School', school)).toMatchObject({ key: '109532', code: '109532', oldLaCode: '821' });
    expect(identifyArea('School', { ...school, schoolUrn: ' ' })).toMatchObject({ key: '8212001', code: '' });
    expect(identifyArea('School', school, { sharedUrn: true })?.key).toBe('109532/8212001');
  });

  it('knows England with or without its code', () => {
    expect(identifyArea('National', { countryCode: 'E92000001', countryName: 'England' })?.key).toBe('E92000001');
    expect(identifyArea('National', { countryCode: '', countryName: 'ENGLAND' })?.key).toBe('E92000001');
    expect(identifyArea('National', { countryCode: 'W92000004', countryName: 'Wales' })?.key).toBe('W92000004');
  });

  it('gives every authority one key, by each code it ever had, padded or not', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...AUTHORITIES),
        fc.nat({ max: 5 }),
        fc.constantFrom('', '.', 'x', 'z', '0', 'NA'),
        fc.nat({ max: 4 }),
        (each, pick, blank, padding) => {
          const ons = (each.codes[pick % each.codes.length] ?? each.code) + ' '.repeat(padding);
          const byDigits = authority(each.oldLaCode, blank, 'any name');
          const byOns = authority(blank, ons, 'any name');
          expect([byDigits.key, byOns.key]).toEqual([each.oldLaCode, each.oldLaCode]);
          expect(currentNameAndCode(byOns)).toEqual(currentNameAndCode(byDigits));
        },
      ),
    );
  });

  it('never throws and never gives an empty key, whatever the cells', () => {
    const cell = fc.option(fc.string({ maxLength: 12 }), { nil: undefined });
    fc.assert(
      fc.property(
        fc.constantFrom('National', 'Regional', 'Local authority', 'School', 'Ward', 'MAT'),
        fc.record({
          countryCode: cell,
          regionCode: cell,
          regionName: cell,
          newLaCode: cell,
          oldLaCode: cell,
          laName: cell,
          schoolUrn: cell,
          schoolLaestab: cell,
          otherCode: cell,
          otherName: cell,
        }),
        (level, cells) => {
          const ref = identifyArea(level, cells);
          if (ref) expect(ref.key).not.toBe('');
        },
      ),
    );
  });
});

describe('name and code in use now', () => {
  it('gives a re-coded authority its present code and spelling', () => {
    expect(currentNameAndCode(authority('370', 'E08000016', 'Barnsley'))).toEqual({
      name: 'Barnsley',
      code: 'E08000038',
      oldLaCode: '370',
      regionCode: 'E12000003',
      regionName: 'Yorkshire and The Humber',
    });
    expect(currentNameAndCode(authority('801', 'E06000023', 'Bristol City of')).name).toBe('Bristol, City of');
  });

  it('moves boroughs and schools from Inner and Outer London to London', () => {
    const inner = { regionCode: 'E13000001', regionName: 'Inner London' };
    const camden = identifyArea('Local authority', {
      oldLaCode: '202',
      newLaCode: 'E09000007',
      laName: 'Camden',
      ...inner,
    });
    const school = identifyArea('School', { schoolUrn: '100001', schoolName: 'School', ...inner });
    for (const ref of [camden, school]) {
      expect(ref?.regionCode).toBe('E13000001');
      expect(ref && currentNameAndCode(ref)).toMatchObject({ regionCode: 'E12000007', regionName: 'London' });
    }
    const part = identifyArea('Regional', inner);
    expect(part && currentNameAndCode(part)).toMatchObject({ code: 'E13000001', name: 'Inner London' });
  });

  it('keeps what it does not know as the file has it', () => {
    expect(currentNameAndCode(authority('', 'E06009999', 'Newshire'))).toMatchObject({
      name: 'Newshire',
      code: 'E06009999',
    });
  });
});

describe('reorganisations', () => {
  const named = (list: ReturnType<typeof successorsOf>) => list.map(({ authority: each, on }) => [each.name, on]);

  it('tells who followed whom and when', () => {
    expect(named(successorsOf('909'))).toEqual([
      ['Cumberland', '2023-04-01'],
      ['Westmorland and Furness', '2023-04-01'],
    ]);
    expect(named(successorsOf('835'))).toEqual([
      ['Dorset', '2019-04-01'],
      ['Bournemouth, Christchurch and Poole', '2019-04-01'],
    ]);
    expect(
      predecessorsOf('839')
        .map(({ authority: each }) => each.oldLaCode)
        .sort(),
    ).toEqual(['835', '836', '837']);
  });

  it('sees none in a mere change of code', () => {
    expect(successorsOf('815')).toEqual([]);
    expect(predecessorsOf('815')).toEqual([]);
    expect(successorsOf('999')).toEqual([]);
  });
});

describe('search', () => {
  const first = (query: string) => searchAreas(query, KNOWN_AREAS)[0]?.area.key;

  it.each([
    ['Bristol', '801'],
    ['city of bristol', '801'],
    ['BRISTOL CITY OF', '801'],
    ['County Durham', '840'],
    ['Durham', '840'],
    ['durham county council', '840'],
    ['kingston upon hull', '810'],
    ['hull', '810'],
    ['herefordshire', '884'],
    ['St Helens', '342'],
    ['saint helens', '342'],
    ['isles of scilly', '420'],
    ['the isle of wight', '921'],
    ['Brighton & Hove', '846'],
    ['stockton on tees', '808'],
    ['Lütön', '821'],
    ['Lutton', '821'],
    ['Birmingam', '330'],
    ['Westmoreland and Furness', '943'],
    ['london borough of brent', '304'],
    ['E06000032', '821'],
    ['e10000023', '815'],
    ['821', '821'],
    ['Dorset', '838'],
    ['London', 'E12000007'],
    ['City of London', '201'],
    ['yorkshire and humber', 'E12000003'],
    ['England', 'E92000001'],
    ['Bedford', '822'],
    ['Bedford Borough', '822'],
    ['York', '816'],
  ])('finds for %j the area %s first', (query, key) => {
    expect(first(query)).toBe(key);
  });

  it('lists everything a part of a name fits, live before abolished', () => {
    const names = searchAreas('northamptonshire', KNOWN_AREAS).map(({ area, match }) => `${area.name} (${match})`);
    expect(names).toEqual(['Northamptonshire (name)', 'North Northamptonshire (part)', 'West Northamptonshire (part)']);
  });

  it('finds nothing for what is no area', () => {
    for (const query of ['', '   ', '???', 'Narnia', 'the', 'E06000099', '099', 'x'.repeat(5000)])
      expect(searchAreas(query, KNOWN_AREAS)).toEqual([]);
  });

  it('resolves a name to one area, an ambiguous one to several, a slip to none with a proposal', () => {
    expect(resolveArea('Dorset', KNOWN_AREAS)).toMatchObject({ kind: 'one', area: { key: '838' } });
    expect(resolveArea('Bristol', KNOWN_AREAS)).toMatchObject({ kind: 'one', area: { key: '801' } });
    expect(resolveArea('Lutton', KNOWN_AREAS)).toMatchObject({
      kind: 'none',
      near: [{ name: 'Luton' }, { name: 'Sutton' }],
    });
    expect(resolveArea('Hampton', KNOWN_AREAS).kind).toBe('none');
    const school = (key: string): NamedArea => ({
      level: 'School',
      key,
      code: key,
      oldLaCode: '821',
      name: 'St Mary’s',
      aliases: [],
    });
    const two = resolveArea('st marys', [...KNOWN_AREAS, school('100001'), school('100002')]);
    expect(two).toMatchObject({ kind: 'several', areas: [{ key: '100001' }, { key: '100002' }] });
  });

  it('never takes a school for its authority', () => {
    const school: NamedArea = {
      level: 'School',
      key: '109532',
      code: '109532',
      oldLaCode: '821',
      name: 'Luton',
      aliases: [],
    };
    expect(resolveArea('821', [school, ...KNOWN_AREAS])).toMatchObject({
      kind: 'one',
      area: { level: 'Local authority' },
    });
    expect(resolveArea('Luton', [school, ...KNOWN_AREAS])).toMatchObject({
      kind: 'one',
      area: { level: 'Local authority' },
    });
  });

  it('finds every area by its name, and every authority by each of its codes and other spellings', () => {
    for (const area of KNOWN_AREAS) {
      const same = searchAreas(area.name, KNOWN_AREAS).filter(({ match }) => match === 'name');
      expect(same.map((found) => found.area.key)).toContain(area.key);
      for (const alias of area.aliases)
        expect(searchAreas(alias, KNOWN_AREAS).map((found) => found.area.key)).toContain(area.key);
    }
    for (const { codes, oldLaCode } of AUTHORITIES) for (const each of codes) expect(first(each)).toBe(oldLaCode);
    expect(findAuthority('e08000016')?.oldLaCode).toBe('370');
    expect(LONDON_PARTS.map(({ name }) => first(name))).toEqual(LONDON_PARTS.map(({ code }) => code));
  });

  it('still finds an authority of six letters or more when one letter is dropped', () => {
    const long = AUTHORITIES.filter(({ name }) => foldName(name).length >= 6);
    fc.assert(
      fc.property(fc.constantFrom(...long), fc.nat(), (each, at) => {
        const name = each.name.toLowerCase();
        const cut = at % name.length;
        const query = name.slice(0, cut) + name.slice(cut + 1);
        expect(searchAreas(query, KNOWN_AREAS).map(({ area }) => area.name)).toContain(each.name);
      }),
      { numRuns: 300 },
    );
  });
});

describe('names', () => {
  it('folds once and for all', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
        expect(foldName(foldName(text))).toBe(foldName(text));
      }),
    );
  });

  it('measures distance as a metric does', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 });
    fc.assert(
      fc.property(word, word, fc.nat({ max: 8 }), (a, b, most) => {
        const full = distance(a, b);
        expect(distance(b, a)).toBe(full);
        expect(full === 0).toBe(a === b);
        expect(full).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(Math.min(distance(a, b, most), most + 1)).toBe(Math.min(full, most + 1));
      }),
    );
    expect(distance('abvoe', 'above')).toBe(1);
  });

  it.each([
    ['abvoe', 'above'],
    ['persistent_abscence_rate', 'persistent_absence_rate'],
    ['severe_rate', undefined],
    ['recipient', 'recipients'],
    ['zzz', undefined],
    ['', undefined],
  ])('proposes for %j the name %j', (name, meant) => {
    expect(nearest(name, ['above', 'below', 'recipients', 'persistent_absence_rate', 'severe_absence_rate'])).toBe(
      meant,
    );
  });
});
