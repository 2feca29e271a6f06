import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { academicPeriod } from '../../src/domain/period.js';
import { loadConfig } from '../../src/config.js';
import type { Store } from '../../src/load/database.js';
import { differences } from '../../src/load/differences.js';
import { listVersionRows } from '../../src/load/inspect.js';
import { migrate } from '../../src/load/migrate.js';
import { acceptVersion, removeVersion, withdrawVersion } from '../../src/load/versions.js';
import { statusOf, statusText } from '../../src/service/status.js';
import { versionPage } from '../../src/service/page/versions.js';
import { freshStore } from '../support/database.js';
import { BEDFORD, ENGLAND, heldBy, load, loaded, LUTON, observation, versionMeta } from './sample.js';

const LATER = { publishedAt: new Date('2024-04-02T10:00:00Z') };
const EAST = { ...ENGLAND, level: 'Regional' as const, key: 'E12000006', code: 'E12000006', name: 'East of England' };

async function diffOf(
  before: Parameters<typeof load>[2],
  after: Parameters<typeof load>[2],
  store?: Store,
  rest: Parameters<typeof versionMeta>[0] = LATER,
) {
  const into = store ?? (await freshStore('postgres'));
  await loaded(into, versionMeta(), before);
  const outcome = await load(into, versionMeta(rest), after);
  return outcome.kind === 'unchanged' ? undefined : outcome.diff;
}

async function all(store: Store, id: number) {
  const found = [];
  for await (const batch of differences(store, id, 2)) found.push(...batch);
  return found;
}

async function statusIn(store: Store) {
  return statusOf(store, await loadConfig(undefined, {}, '/nowhere'), new Date('2026-11-24T09:31:00Z'));
}

it('counts figures: three of one row are three', async () => {
  const before = { enrolments: '40000', persistent_absentees: '7000', persistent_absence_rate: '17.5' };
  const after = { enrolments: '40100', persistent_absentees: '7100', persistent_absence_rate: '17.7' };
  expect(await diffOf([observation(before)], [observation(after)])).toMatchObject({ added: 0, gone: 0, changed: 3 });
});

it('a number that becomes a symbol, a symbol that becomes a number, and another symbol are changes', async () => {
  const before = observation(
    { persistent_absence_rate: '17.5', severe_absence_rate: null, overall_absence_rate: null, enrolments: '100.0' },
    { symbols: { severe_absence_rate: 'c', overall_absence_rate: 'x' } },
  );
  const after = observation(
    { persistent_absence_rate: null, severe_absence_rate: '2.1', overall_absence_rate: null, enrolments: '100' },
    { symbols: { persistent_absence_rate: 'c', overall_absence_rate: 'z' } },
  );
  const diff = await diffOf([before], [after]);
  expect(diff).toMatchObject({ added: 0, gone: 0, changed: 3 });
  expect(diff?.sample).toMatchObject([
    { measure: 'persistent_absence_rate', from: '17.5', to: 'c' },
    { measure: 'severe_absence_rate', from: 'c', to: '2.1' },
    { measure: 'overall_absence_rate', from: 'x', to: 'z' },
  ]);
});

it('figures whose column vanished are gone, those of a new column are added, those of a row that is no more are gone', async () => {
  const store = await freshStore('postgres');
  const diff = await diffOf(
    [
      observation(
        { persistent_absence_rate: '17.5', severe_absence_rate: null },
        { symbols: { severe_absence_rate: 'c' } },
      ),
      observation({ persistent_absence_rate: '18.5', severe_absence_rate: '2.0' }, { area: BEDFORD }),
    ],
    [observation({ persistent_absence_rate: '17.5', overall_absence_rate: '6.1' })],
    store,
  );
  expect(diff).toMatchObject({ added: 1, gone: 3, changed: 0 });
  const [version] = await listVersionRows(store);
  expect(await all(store, version?.id ?? 0)).toMatchObject([
    { change: 'gone', area_name: 'Bedford', measure: 'persistent_absence_rate', from: '18.5', to: null },
    { change: 'gone', area_name: 'Bedford', measure: 'severe_absence_rate', from: '2.0', to: null },
    { change: 'gone', area_name: 'Luton', area_code: 'E06000032', measure: 'severe_absence_rate', from: 'c', to: null },
    {
      change: 'added',
      area_name: 'Luton',
      time_period: '202223',
      measure: 'overall_absence_rate',
      from: null,
      to: '6.1',
    },
  ]);
});

it('shows first what most will look for: England, regions, authorities; of each the newest period', async () => {
  const areas = [LUTON, BEDFORD, EAST, ENGLAND];
  const years = [2020, 2022, 2021];
  const rows = (by: number) =>
    areas.flatMap((area, a) =>
      years.map((year) =>
        observation(
          { persistent_absence_rate: String(10 + a + by) },
          { area, period: academicPeriod(year, 'Academic year') },
        ),
      ),
    );
  const store = await freshStore('postgres');
  const diff = await diffOf(rows(0), rows(1), store);
  const inOrder = ['England', 'East of England', 'Bedford', 'Luton'].flatMap((name) =>
    ['2022/23', '2021/22', '2020/21'].map((year) => [name, `Academic year ${year}`]),
  );
  expect(diff?.sample.map(({ area, period }) => [area, period])).toEqual(inOrder);
  const [version] = await listVersionRows(store);
  expect((await all(store, version?.id ?? 0)).map((each) => [each.area_name, each.period_label])).toEqual(inOrder);
});

it('status and the page of the version say a few, from what to what, and how many more', async () => {
  const store = await freshStore('postgres');
  const schools = Array.from({ length: 30 }, (_, i) => ({
    ...LUTON,
    key: String(100 + i),
    code: `X${100 + i}`,
    name: `Area ${100 + i}`,
  }));
  const rows = (rate: string) => [
    observation({ persistent_absence_rate: rate }, { area: ENGLAND }),
    ...schools.map((area) => observation({ persistent_absence_rate: rate, enrolments: '1000' }, { area })),
  ];
  await diffOf(rows('17.3'), rows('17.5'), store);
  const status = await statusIn(store);
  expect(status.newest_diff).toMatchObject({ added: 0, gone: 0, changed: 31, sample: { length: 20 } });
  const [version] = await listVersionRows(store);
  const text = statusText(status);
  expect(text).toContain('31 changed');
  expect(text).toContain('England, Academic year 2022/23: persistent absence 17.3% → 17.5%');
  expect(text).toContain(`26 more: absence-watch versions diff ${version?.id ?? 0}`);
  const page = JSON.stringify(await versionPage(store, version?.id ?? 0));
  expect(page).toContain('31 changed');
  expect(page).toContain(`versions diff ${version?.id ?? 0}`);
});

it('the newest diff of status is that of a version that counts', async () => {
  const store = await freshStore('postgres');
  await diffOf(
    [observation({ persistent_absence_rate: '17.0' })],
    [observation({ persistent_absence_rate: '17.1' })],
    store,
  );
  const [second] = await listVersionRows(store);
  const third = await loaded(store, versionMeta({ publishedAt: new Date('2024-04-03T10:00:00Z') }), [
    observation({ persistent_absence_rate: '71.0' }),
  ]);
  expect((await statusIn(store)).newest_diff?.version_id).toBe(third);
  await removeVersion(store, third, 'a slip of the pen');
  expect((await statusIn(store)).newest_diff?.version_id).toBe(second?.id);
  await withdrawVersion(store, second?.id ?? 0, 'withdrawn');
  expect((await statusIn(store)).newest_diff).toBeNull();
});

it('a version that was held against one taken back since is held against the one before that', async () => {
  const store = await freshStore('postgres');
  const at = (day: number) => ({ publishedAt: new Date(Date.UTC(2024, 3, day)) });
  const first = await loaded(store, versionMeta(at(1)), [observation({ persistent_absence_rate: '17.0' })]);
  const wrong = await loaded(store, versionMeta(at(2)), [observation({ persistent_absence_rate: '71.0' })]);
  const third = await loaded(store, versionMeta(at(3)), [observation({ persistent_absence_rate: '17.0' })]);
  const diff = async () => (await listVersionRows(store)).find(({ id }) => id === third)?.diff;
  expect(await diff()).toMatchObject({ previous_id: wrong, changed: 1 });
  await removeVersion(store, wrong, 'a slip of the pen');
  expect(await diff()).toMatchObject({ previous_id: first, changed: 0, sample: [] });
});

it('a version that comes between two others, or before the first, is told apart from both', async () => {
  const store = await freshStore('postgres');
  const at = (day: number) => ({ publishedAt: new Date(Date.UTC(2024, 3, day)) });
  const third = await loaded(store, versionMeta(at(3)), [observation({ persistent_absence_rate: '21.0' })]);
  const first = await loaded(store, versionMeta(at(1)), [observation({ persistent_absence_rate: '20.0' })]);
  const diffs = async () =>
    Object.fromEntries((await listVersionRows(store)).map(({ id, diff }) => [id, [diff?.previous_id, diff?.sample]]));
  const change = (from: string, to: string) => [{ from, to }];
  expect(await diffs()).toMatchObject({ [third]: [first, change('20.0', '21.0')] });
  const held = await load(
    store,
    versionMeta(at(2)),
    [observation({ persistent_absence_rate: '22.0' })],
    heldBy('rate and count'),
  );
  const second = held.versionId;
  expect(await diffs()).toMatchObject({
    [third]: [first, change('20.0', '21.0')],
    [second]: [first, change('20.0', '22.0')],
  });
  await acceptVersion(store, second, 'rate and count', 'checked by telephone');
  expect(await diffs()).toMatchObject({
    [third]: [second, change('22.0', '21.0')],
    [second]: [first, change('20.0', '22.0')],
  });
});

it('status says where to see what is gone, where nothing changed besides', async () => {
  const store = await freshStore('postgres');
  const rate = { persistent_absence_rate: '17.3' };
  const [england, luton] = [ENGLAND, LUTON].map((area) => observation(rate, { area }));
  if (england === undefined || luton === undefined) throw new Error('two rows');
  await diffOf([england, luton], [england], store);
  const [version] = await listVersionRows(store);
  expect(statusText(await statusIn(store))).toContain(
    `0 figures added, 1 gone, 0 changed.\n  those that are gone: absence-watch versions diff ${version?.id ?? 0}`,
  );
});

it('the same versions give the same diffs in whatever order they are loaded, and status the same newest one', async () => {
  const told = async (days: readonly number[]) => {
    const store = await freshStore('postgres');
    for (const day of days)
      await loaded(store, versionMeta({ publishedAt: new Date(Date.UTC(2024, 3, day)) }), [
        observation({ persistent_absence_rate: `${day}.5` }),
      ]);
    const versions = await listVersionRows(store);
    const newest = (await statusIn(store)).newest_diff;
    return {
      diffs: versions
        .map(({ published_at, diff }) => [published_at.getUTCDate(), diff?.changed, diff?.sample] as const)
        .sort(([a], [b]) => a - b),
      newest: newest?.sample.map(({ from, to }) => `${from ?? ''} → ${to ?? ''}`),
    };
  };
  const inTurn = await told([1, 2, 3, 4]);
  expect(inTurn.newest).toEqual(['3.5 → 4.5']);
  expect(inTurn.diffs.map(([, changed]) => changed)).toEqual([undefined, 1, 1, 1]);
  for (const days of [
    [4, 3, 2, 1],
    [2, 4, 1, 3],
  ])
    expect(await told(days), days.join()).toEqual(inTurn);
});

it('a running total is held against that of the day before: moved, new, or gone', async () => {
  const store = await freshStore('postgres');
  const total = (rate: string, day: string, rest: Partial<Parameters<typeof observation>[1]> = {}) =>
    observation(
      { persistent_absence_rate: rate },
      { series: 'attendance/year-to-date', period: academicPeriod(2025, 'Year to date'), asOf: day, ...rest },
    );
  const diff = await diffOf(
    [total('17.0', '2025-10-03'), total('18.0', '2025-10-03', { area: BEDFORD })],
    [total('17.4', '2025-10-17'), total('19.0', '2025-10-17', { area: ENGLAND })],
    store,
  );
  expect(diff).toMatchObject({ added: 1, gone: 1, changed: 1, sample: [{ area: 'Luton', from: '17.0', to: '17.4' }] });
  const newest = (await listVersionRows(store))[0]?.id ?? 0;
  expect((await all(store, newest)).map(({ change, area_name: area, from, to }) => [area, change, from, to])).toEqual([
    ['England', 'added', null, '19.0'],
    ['Bedford', 'gone', '18.0', null],
    ['Luton', 'changed', '17.0', '17.4'],
  ]);
});

describe('a running total that makes way for that of the next year', () => {
  const total = (rate: string, year: number, day: string, rest: Partial<Parameters<typeof observation>[1]> = {}) =>
    observation(
      { persistent_absence_rate: rate },
      { series: 'attendance/year-to-date', period: academicPeriod(year, 'Year to date'), asOf: day, ...rest },
    );
  const before = [total('17.0', 2024, '2025-03-06'), total('18.0', 2024, '2025-03-06', { area: BEDFORD })];
  const after = [total('16.0', 2025, '2025-10-03')];

  it('is gone where the release has no other, as from the view', async () => {
    const store = await freshStore('postgres');
    expect(await diffOf(before, after, store)).toMatchObject({ added: 1, gone: 2, changed: 0, sample: [] });
    const newest = (await listVersionRows(store))[0]?.id ?? 0;
    expect(
      (await all(store, newest)).map((each) => [each.area_name, each.change, each.time_period, each.as_of, each.from]),
    ).toEqual([
      ['Bedford', 'gone', '202425', '2025-03-06', '18.0'],
      ['Luton', 'added', '202526', '2025-10-03', null],
      ['Luton', 'gone', '202425', '2025-03-06', '17.0'],
    ]);
    const { rows } = await sql<{ time_period: string }>`select time_period from absence`.execute(store.db);
    expect(rows).toEqual([{ time_period: '202526' }]);
  });

  it('stays where it is of another release, and nothing is gone', async () => {
    const next = { ...LATER, release: { title: 'Next', firstPublished: LATER.publishedAt } };
    expect(await diffOf(before, after, undefined, next)).toMatchObject({ added: 1, gone: 0, changed: 0 });
  });

  it('given for several days is gone as it stood in the view, of its newest day; earlier days that a file leaves out are not', async () => {
    const days = [total('16.0', 2024, '2025-02-20'), total('17.0', 2024, '2025-03-06')];
    expect(await diffOf(days, after)).toMatchObject({ added: 1, gone: 1, changed: 0 });
    const later = [total('17.0', 2024, '2025-03-06'), total('17.5', 2024, '2025-03-20')];
    expect(await diffOf(days, later)).toMatchObject({ added: 1, gone: 0, changed: 0 });
  });
});

it('what an earlier program counted as rows is counted afresh when the database is brought up to date', async () => {
  const store = await freshStore('postgres');
  const rates = (persistent: string, overall: string) =>
    observation({ persistent_absence_rate: persistent, overall_absence_rate: overall });
  await diffOf([rates('17.0', '6.0')], [rates('17.1', '6.1')], store);
  await store.db.updateTable('version_diff').set({ changed: 1, sample: '[]' }).execute();
  await sql`delete from schema_migration where name >= '0005_history'`.execute(store.db);
  await sql`alter table data_set_version drop column release_title cascade, drop column release_first_published cascade,
    drop column data_set_title cascade`.execute(store.db);
  expect(await migrate(store)).toContain('0005_history');
  const [version] = await listVersionRows(store);
  expect(version?.diff).toMatchObject({ changed: 2, sample: [{ to: '17.1' }, { to: '6.1' }] });
  const named = await store.db.selectFrom('data_set_version').select(['release_title', 'data_set_title']).execute();
  expect(named).toEqual(
    Array(2).fill({ release_title: 'Academic year 2022/23', data_set_title: 'Absence by geography' }),
  );
});
