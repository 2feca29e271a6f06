import { expect, it } from 'vitest';
import type { AreaRef } from '../../src/domain/area.js';
import type { AreaSelector } from '../../src/domain/rule.js';
import { findAreas, resolveSelector, selectAreas } from '../../src/load/areas.js';
import type { Store } from '../../src/load/database.js';
import { removeVersion } from '../../src/load/versions.js';
import { freshStore } from '../support/database.js';
import { BEDFORD, ENGLAND, heldBy, load, loaded, LUTON, observation, versionMeta } from './sample.js';

const EAST: AreaRef = { ...ENGLAND, level: 'Regional', key: 'E12000006', code: 'E12000006', name: 'East of England' };
const CAMDEN: AreaRef = {
  ...LUTON,
  key: '202',
  oldLaCode: '202',
  code: 'E09000007',
  name: 'Camden',
  regionCode: 'E13000001',
  regionName: 'Inner London',
};
const GATESHEAD: AreaRef = { ...LUTON, key: '390', oldLaCode: '390', code: 'E08000020', name: 'Gateshead' };
const school = (urn: string, name: string, authority: AreaRef): AreaRef => ({
  ...authority,
  level: 'School',
  key: urn,
  code: urn,
  name,
});

async function withAreas(): Promise<Store> {
  const store = await freshStore('postgres');
  const areas = [ENGLAND, EAST, LUTON, BEDFORD, CAMDEN, GATESHEAD];
  const schools = [
    school('109000', 'Icknield High School', LUTON),
    school('109001', 'Luton Grammar', BEDFORD),
    school('100049', 'Haverstock School', CAMDEN),
  ];
  await loaded(
    store,
    versionMeta(),
    [...areas, ...schools].map((area) => observation({ enrolments: '500' }, { area })),
  );
  return store;
}

it('areas are found by name and by any code, with the name, code and region in use now', async () => {
  const store = await withAreas();
  const first = async (text: string) => (await findAreas(store, text))[0];
  expect(await first('luton')).toMatchObject({ name: 'Luton', oldLaCode: '821', level: 'Local authority' });
  expect(await first('821')).toMatchObject({ name: 'Luton' });
  expect(await first('109000')).toMatchObject({ name: 'Icknield High School', level: 'School' });
  expect(await first('icknield')).toMatchObject({ level: 'School', oldLaCode: '821' });
  expect(await first('E08000020')).toMatchObject({ name: 'Gateshead', code: 'E08000037' });
  expect(await first('camden')).toMatchObject({ regionName: 'London', regionCode: 'E12000007' });
  expect(await first('cumberland')).toMatchObject({ name: 'Cumberland', id: undefined });
});

it.each<[string, AreaSelector, string[]]>([
  ['a name', { by: 'name', text: 'Luton' }, ['Luton']],
  ['an old ONS code', { by: 'name', text: 'E08000020' }, ['Gateshead']],
  [
    'a level',
    { by: 'level', level: 'local authority', within: undefined },
    ['Bedford', 'Camden', 'Gateshead', 'Luton'],
  ],
  [
    'a level within a region',
    { by: 'level', level: 'Local authority', within: 'East of England' },
    ['Bedford', 'Luton'],
  ],
  ['schools within an authority', { by: 'level', level: 'School', within: 'Luton' }, ['Icknield High School']],
  [
    'schools within a region',
    { by: 'level', level: 'School', within: 'E12000006' },
    ['Icknield High School', 'Luton Grammar'],
  ],
  ['a level within Inner London', { by: 'level', level: 'Local authority', within: 'Inner London' }, ['Camden']],
  ['a level within Outer London', { by: 'level', level: 'Local authority', within: 'Outer London' }, []],
  ['schools within Inner London', { by: 'level', level: 'School', within: 'Inner London' }, ['Haverstock School']],
  ['schools within Outer London', { by: 'level', level: 'School', within: 'Outer London' }, []],
  ['schools within London', { by: 'level', level: 'School', within: 'London' }, ['Haverstock School']],
  ['a level within England', { by: 'level', level: 'Regional', within: 'England' }, ['East of England']],
])('a selector of %s stands for its areas', async (_, selector, names) => {
  const store = await withAreas();
  const selected = await selectAreas(store, selector);
  expect(selected.kind === 'areas' && selected.areas.map(({ name }) => name).sort()).toEqual(names);
  expect(await resolveSelector(store, selector)).toHaveLength(names.length);
});

it('a selector that nothing answers to says what may have been meant', async () => {
  const store = await withAreas();
  expect(await selectAreas(store, { by: 'name', text: 'Lutn' })).toMatchObject({ kind: 'none', near: ['Luton'] });
  expect(await selectAreas(store, { by: 'name', text: 'Cumberland' })).toMatchObject({
    kind: 'none',
    near: [],
    known: { name: 'Cumberland' },
  });
  expect(await selectAreas(store, { by: 'level', level: 'Ward', within: undefined })).toMatchObject({
    kind: 'none',
    near: ['Local authority', 'National', 'Regional', 'School'],
  });
  expect(await resolveSelector(store, { by: 'all' })).toHaveLength(9);
});

it('areas of a quarantined version are not found', async () => {
  const store = await freshStore('postgres');
  const junk = { ...LUTON, key: 'XX', code: 'XX', name: 'Nowhere at all' };
  await load(store, versionMeta(), [observation({ enrolments: '1' }, { area: junk })], heldBy('sums'));
  expect((await findAreas(store, 'nowhere at all')).filter(({ id }) => id !== undefined)).toEqual([]);
});

/** A release that speaks of some areas; each of them is a figure. */
async function release(store: Store, day: string, ...areas: AreaRef[]): Promise<number> {
  return loaded(
    store,
    versionMeta({ release: { title: `Release of ${day}` }, publishedAt: new Date(`${day}T09:30:00Z`) }),
    areas.map((area) => observation({ enrolments: '500' }, { area })),
  );
}

async function calledIn(store: Store, key: string): Promise<string> {
  const area = await store.db
    .selectFrom('area')
    .select(['code', 'name', 'old_la_code', 'region_name'])
    .where('key', '=', key)
    .executeTakeFirstOrThrow();
  return `${area.code} ${area.name} ${area.old_la_code ?? ''} ${area.region_name ?? ''}`;
}

const RENAMED: AreaRef = { ...LUTON, code: 'E06000932', name: 'Luton and Dunstable' };
const AS_IN_THE_TABLE = 'E06000032 Luton 821 East of England';

it('a code and a name that the facts do not know are those in use once the newest publication has them', async () => {
  const store = await freshStore('postgres');
  await release(store, '2025-03-20', LUTON);
  const newer = await release(store, '2026-03-19', RENAMED);
  expect(await calledIn(store, '821')).toBe('E06000932 Luton and Dunstable 821 East of England');
  for (const text of ['E06000932', 'Luton and Dunstable', 'E06000032', 'Luton', '821'])
    expect((await findAreas(store, text))[0]).toMatchObject({ key: '821', code: 'E06000932' });
  await release(store, '2024-03-21', LUTON);
  expect(await calledIn(store, '821')).toBe('E06000932 Luton and Dunstable 821 East of England');
  await removeVersion(store, newer, 'a test');
  expect(await calledIn(store, '821')).toBe(AS_IN_THE_TABLE);
  const { aliases } = await store.db
    .selectFrom('area')
    .select('aliases')
    .where('key', '=', '821')
    .executeTakeFirstOrThrow();
  expect(aliases.toSorted()).toEqual(['e06000032', 'luton']);
});

it('an area first met under a code and name that the facts do not know is called so', async () => {
  const store = await freshStore('postgres');
  await release(store, '2026-03-19', RENAMED);
  expect(await calledIn(store, '821')).toBe('E06000932 Luton and Dunstable 821 East of England');
  expect((await findAreas(store, 'Luton'))[0]).toMatchObject({ key: '821' });
});

it('an older publication with such a name changes nothing', async () => {
  const store = await freshStore('postgres');
  await release(store, '2026-03-19', LUTON);
  await release(store, '2025-03-20', RENAMED);
  expect(await calledIn(store, '821')).toBe(AS_IN_THE_TABLE);
});

it('a newer file without codes takes none away', async () => {
  const store = await freshStore('postgres');
  const older = await release(store, '2026-03-19', RENAMED);
  await release(store, '2026-04-02', { ...RENAMED, code: '' });
  expect(await calledIn(store, '821')).toBe('E06000932 Luton and Dunstable 821 East of England');
  await removeVersion(store, older, 'a test');
  expect(await calledIn(store, '821')).toBe('E06000032 Luton and Dunstable 821 East of England');
});

it.each([
  ['an old code', { code: 'E08000020' }, 'E08000037 Gateshead'],
  ['the new code', { code: 'E08000037' }, 'E08000037 Gateshead'],
  ['no code', { code: '' }, 'E08000037 Gateshead'],
  ['a slip of the pen', { code: 'E08000037', name: 'Gatehead' }, 'E08000037 Gateshead'],
  ['the name with other words beside it', { name: 'Metropolitan Borough of Gateshead' }, 'E08000037 Gateshead'],
  ['a name that is none', { code: 'E08000037', name: 'N/A' }, 'E08000037 Gateshead'],
  ['no name', { code: 'E08000037', name: '390' }, 'E08000037 Gateshead'],
  ['another spelling', { code: 'E08000037', name: ' GATESHEAD ' }, 'E08000037 Gateshead'],
  ['what is no ONS code', { code: 'E0800' }, 'E08000037 Gateshead'],
  ["another authority's code and name", { code: 'E06000032', name: 'Luton' }, 'E08000037 Gateshead'],
  ['a new code and the old name', { code: 'E08000939' }, 'E08000939 Gateshead'],
  ['the old code and a new name', { code: 'E08000037', name: 'Gateshead on Tyne' }, 'E08000037 Gateshead on Tyne'],
])('of %s in the newest publication the facts know what it means', async (_, cells, called) => {
  const store = await freshStore('postgres');
  await release(store, '2025-03-20', GATESHEAD);
  await release(store, '2026-03-19', { ...GATESHEAD, ...cells });
  expect(await calledIn(store, '390')).toMatch(new RegExp(`^${called} 390 `));
});
