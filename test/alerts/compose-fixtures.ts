/** A small database for briefs and mails: four authorities, their region and England, autumn and spring terms. */
import type { Insertable, Kysely } from 'kysely';
import type { Store } from '../../src/load/database.js';
import type { AlertTable, Database, NotificationTable } from '../../src/load/schema.js';
import { academicPeriod, type Period } from '../../src/domain/period.js';
import { measureMask, type Measure } from '../../src/domain/measure.js';

export const PUBLISHED = new Date('2025-10-23T08:30:00Z');
export const NOW = new Date('2025-10-23T08:41:00Z');

const AREAS = [
  { id: 1, level: 'National', key: 'E92000001', code: 'E92000001', name: 'England' },
  { id: 2, level: 'Regional', key: 'E12000006', code: 'E12000006', name: 'East of England' },
  { id: 3, level: 'Local authority', key: '821', code: 'E06000032', old_la_code: '821', name: 'Luton', ...region() },
  { id: 4, level: 'Local authority', key: '871', code: 'E06000039', old_la_code: '871', name: 'Slough' },
  { id: 5, level: 'Local authority', key: '831', code: 'E06000015', old_la_code: '831', name: 'Derby' },
  { id: 6, level: 'Local authority', key: '857', code: 'E06000017', old_la_code: '857', name: 'Rutland' },
] as const;

function region(): { region_code: string; region_name: string } {
  return { region_code: 'E12000006', region_name: 'East of England' };
}

export const LUTON = 3;

/** Persistent and severe rates by first year of the academic year, from 2021 on. */
const RATES: Readonly<Record<number, readonly (readonly [string, string])[]>> = {
  1: [
    ['22.3', '1.41'],
    ['21.2', '1.81'],
    ['19.2', '2.08'],
    ['17.6', '2.28'],
  ],
  2: [
    ['21.3', '1.5'],
    ['20.3', '1.8'],
    ['18.5', '2.0'],
    ['16.9', '2.2'],
  ],
  3: [
    ['22.4', '1.2'],
    ['20.6', '1.4'],
    ['18.0', '1.5'],
    ['17.3', '2.1'],
  ],
  4: [
    ['22.0', '1.2'],
    ['20.9', '1.4'],
    ['18.9', '1.8'],
    ['18.2', '1.9'],
  ],
  5: [
    ['24.0', '1.5'],
    ['22.6', '1.9'],
    ['20.8', '2.2'],
    ['19.9', '2.4'],
  ],
  6: [
    ['14.0', '0.9'],
    ['13.6', '1.0'],
    ['13.0', '1.1'],
    ['12.6', '1.2'],
  ],
};

export interface Seeded {
  readonly store: Store;
  readonly releaseId: number;
  readonly versionId: number;
}

/** Fills the tables as a load would, with one version of one data set. */
export async function seed(store: Store): Promise<Seeded> {
  const { db } = store;
  await db
    .insertInto('publication')
    .values({
      slug: 'pupil-absence-in-schools-in-england',
      title: 'Pupil absence in schools in England',
      family: 'absence',
      ees_id: null,
    })
    .execute();
  const release = await db
    .insertInto('release')
    .values({
      ...{
        publication: 'pupil-absence-in-schools-in-england',
        title: 'Autumn and spring term 2024/25',
        slug: '2024-25-autumn-and-spring-term',
      },
      ...{
        status: 'accredited official statistics',
        url: 'https://explore.example/release',
        first_published: PUBLISHED,
      },
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  const dataSet = await db
    .insertInto('data_set')
    .values({
      publication: 'pupil-absence-in-schools-in-england',
      identity: 'absence by authority',
      title: 'Absence by authority',
      api_id: null,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  const version = await insertVersion(db, { data_set_id: dataSet.id, release_id: release.id });
  await db
    .insertInto('area')
    .values(
      AREAS.map((area) => ({
        ...{ old_la_code: null, region_code: null, region_name: null, ...area },
        ...{ aliases: '[]', named_by: version.id },
      })),
    )
    .execute();
  await db.insertInto('series').values({ id: 1, name: 'absence/autumn-and-spring-term', family: 'absence' }).execute();
  await db
    .insertInto('school_type')
    .values([
      { id: 1, name: 'Total' },
      { id: 2, name: 'State-funded secondary' },
    ])
    .execute();
  await db
    .insertInto('breakdown')
    .values([
      { id: 1, topic: 'Total', name: 'Total' },
      { id: 2, topic: 'SEN provision', name: 'EHC plan' },
    ])
    .execute();
  const periods = [2021, 2022, 2023, 2024].map((year) => academicPeriod(year, 'Autumn and spring term'));
  await db
    .insertInto('period')
    .values(periods.map((period, i) => ({ id: i + 1, ...periodRow(period) })))
    .execute();
  for (const [areaId, years] of Object.entries(RATES))
    for (const [i, [persistent, severe]] of years.entries())
      await figure(
        store,
        version.id,
        { area_id: Number(areaId), period_id: i + 1 },
        {
          enrolments: '37973',
          persistent_absentees: '6569',
          persistent_absence_rate: persistent,
          severe_absentees: '797',
          severe_absence_rate: severe,
        },
      );
  for (const period_id of [3, 4]) {
    const values = {
      enrolments: '430000',
      persistent_absence_rate: '33.8',
      severe_absence_rate: period_id === 4 ? '7.3' : '6.6',
    };
    await figure(store, version.id, { area_id: 1, period_id, breakdown_id: 2 }, values);
    await figure(
      store,
      version.id,
      { area_id: LUTON, period_id, school_type_id: 2 },
      { ...values, enrolments: '16120' },
    );
  }
  return { store, releaseId: release.id, versionId: version.id };
}

function periodRow(period: Period) {
  const { timePeriod, timeIdentifier, kind, startYear, academicYear, label, sort } = period;
  return {
    time_period: timePeriod,
    time_identifier: timeIdentifier,
    kind,
    start_year: startYear,
    academic_year: academicYear,
    label,
    sort,
  };
}

/** A loaded version, or one that differs from that in `changes`. */
export function insertVersion(
  db: Kysely<Database>,
  of: { readonly data_set_id: number; readonly release_id: number },
  changes: Partial<Insertable<Database['data_set_version']>> = {},
): Promise<{ id: number }> {
  return db
    .insertInto('data_set_version')
    .values({
      ...{
        major: 1,
        minor: 0,
        patch: 0,
        state: 'loaded' as const,
        is_current: true,
      },
      ...{
        published_at: PUBLISHED,
        loaded_at: NOW,
        source: '{}',
        sha256: 'x',
        file_name: 'absence.csv',
        bytes: 1,
        rows: 1,
        areas: 6,
      },
      ...{ run_id: 1, notes: '[]', history: '[]', evaluated_at: NOW },
      ...of,
      ...changes,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
}

export async function figure(
  { db }: Store,
  versionId: number,
  key: {
    area_id: number;
    period_id: number;
    series_id?: number;
    school_type_id?: number;
    breakdown_id?: number;
    as_of?: string;
  },
  values: Partial<Record<Measure, string | null>>,
): Promise<void> {
  const measures = Object.keys(values) as Measure[];
  await db
    .insertInto('figure')
    .values({
      ...{ series_id: 1, school_type_id: 1, breakdown_id: 1, as_of: 'infinity', computed: 0, symbols: null },
      ...{
        enrolments: null,
        persistent_absentees: null,
        persistent_absence_rate: null,
        severe_absentees: null,
        severe_absence_rate: null,
      },
      ...{ overall_absence_rate: null, authorised_absence_rate: null, unauthorised_absence_rate: null },
      ...key,
      ...values,
      version_id: versionId,
      has: measureMask(measures),
    })
    .execute();
}

/** Records an event on Luton's severe absence, and owes it to an address. @returns the alert's id */
export async function oweAlert(
  { store, releaseId, versionId }: Seeded,
  address: string,
  alert: Partial<Insertable<AlertTable>> = {},
  notification: Partial<Insertable<NotificationTable>> = {},
): Promise<number> {
  const fingerprint = alert.fingerprint ?? `crossed ${Math.random()}`;
  const { id } = await store.db
    .insertInto('alert')
    .values({
      ...{ at: NOW, rule: 'Luton severe absence', event: 'crossed', measure: 'severe_absence_rate' },
      ...{ reason: 'severe absence 2.1%, above the line of 2.0%; it was 1.5% in autumn and spring terms 2023/24' },
      ...{
        area_id: LUTON,
        series_id: 1,
        period_id: 4,
        school_type_id: 1,
        breakdown_id: 1,
        as_of: 'infinity',
        in_breach: true,
      },
      ...{
        value: '2.1',
        previous_value: '1.5',
        threshold: '2',
        release_id: releaseId,
        version_id: versionId,
        run_id: 1,
        muted: null,
      },
      ...alert,
      fingerprint,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  await owe(store, { address, alert_id: id, fingerprint: `${fingerprint} ${address}`, ...notification });
  return id;
}

export async function owe(
  { db }: Store,
  notification: Partial<Insertable<NotificationTable>> & { address: string; fingerprint: string },
): Promise<void> {
  await db
    .insertInto('notification')
    .values({
      ...{ kind: 'alert', recipient_group: 'attendance-team', alert_id: null, payload: null, run_id: 1 },
      ...{ due_at: NOW, mail_id: null, created_at: NOW },
      ...notification,
    })
    .execute();
}
