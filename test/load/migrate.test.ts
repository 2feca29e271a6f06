import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/load/database.js';
import { migrate, migrationState } from '../../src/load/migrate.js';
import { dropSchema, freshSchema, freshStore, testDatabaseUrl } from '../support/database.js';

const ABSENCE = [
  ...['series', 'publication', 'release', 'data_set', 'data_set_version', 'published_at', 'loaded_at', 'time_period'],
  ...['time_identifier', 'period_label', 'academic_year', 'geographic_level', 'area_code', 'old_la_code', 'area_name'],
  ...['region_code', 'region_name', 'school_type', 'breakdown_topic', 'breakdown', 'enrolments'],
  ...['persistent_absentees', 'persistent_absence_rate', 'severe_absentees', 'severe_absence_rate'],
  ...['overall_absence_rate', 'authorised_absence_rate', 'unauthorised_absence_rate', 'as_of', 'symbols', 'provenance'],
];

const ALL = [
  '0001_initial',
  '0002_alert_standing',
  '0003_layout',
  '0004_run_log',
  '0005_history',
  '0006_release_names',
  '0007_running_measures',
  '0008_named_by',
  '0009_not_tried',
  '0010_mail_sender',
  '0011_held_history',
  '0012_rule_settings',
  '0013_ties',
];

const VIEWS = {
  absence: ABSENCE,
  absence_history: [...ABSENCE, 'valid_from', 'valid_to'],
  alert_event: [
    ...['at', 'rule', 'event', 'reason', 'measure', 'area_code', 'area_name', 'series', 'time_period'],
    ...['time_identifier', 'school_type', 'breakdown_topic', 'breakdown', 'value', 'previous_value', 'threshold'],
    ...['release', 'muted'],
  ],
  run: ['id', 'trigger', 'started_at', 'finished_at', 'outcome', 'detail'],
};

describe.each(['postgres', 'embedded'] as const)('migrating (%s)', (kind) => {
  it.each(Object.entries(VIEWS))(
    'view %s has exactly its columns, in order, each with a comment',
    async (view, columns) => {
      const store = await freshStore(kind);
      const { rows } = await sql<{ name: string; comment: string | null }>`
      select attname as name, col_description(attrelid, attnum) as comment from pg_attribute
      where attrelid = ${view}::regclass and attnum > 0 order by attnum`.execute(store.db);
      expect(rows.map(({ name }) => name)).toEqual(columns);
      expect(rows.filter(({ comment }) => comment === null)).toEqual([]);
      const about = await sql<{ about: string | null }>`select obj_description(${view}::regclass) as about`.execute(
        store.db,
      );
      expect(about.rows[0]?.about).toBeTruthy();
      await sql`select * from ${sql.table(view)}`.execute(store.db);
    },
  );

  it('does nothing the second time', async () => {
    const store = await freshStore(kind);
    expect(await migrationState(store)).toEqual({ state: 'current', applied: ALL, pending: [] });
    expect(await migrate(store)).toEqual([]);
  });

  it('refuses a database of a newer version', async () => {
    const store = await freshStore(kind);
    await sql`insert into schema_migration (name, timestamp) values ('0999_later', '2030-01-01')`.execute(store.db);
    expect((await migrationState(store)).state).toBe('newer');
    await expect(migrate(store)).rejects.toThrow(/0999_later is unknown here/);
  });
});

it('may be started by several processes at once', async () => {
  const schema = freshSchema();
  const stores = await Promise.all(Array.from({ length: 4 }, () => openDatabase(testDatabaseUrl(), { schema })));
  expect((await Promise.all(stores.map((store) => migrationState(store)))).map(({ state }) => state)).toContain(
    'empty',
  );
  const applied = await Promise.all(stores.map((store) => migrate(store)));
  expect(applied.flat()).toEqual(ALL);
  await Promise.all(stores.map((store) => store.close()));
  await dropSchema(schema);
});

it('views can be read with any search path', async () => {
  const store = await freshStore('postgres');
  await store.db.transaction().execute(async (trx) => {
    await sql`set local search_path = pg_catalog`.execute(trx);
    await sql`select * from ${sql.table(`${store.schema}.absence`)}`.execute(trx);
    await sql`select * from ${sql.table(`${store.schema}.absence_history`)}`.execute(trx);
  });
});
