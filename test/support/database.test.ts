/** A schema that tests have used before is no other than a new one. */
import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { openDatabase, type Store } from '../../src/load/database.js';
import { migrate } from '../../src/load/migrate.js';
import { CROSSED, publishCrossing, watchWithHistory } from '../fault/harness/watch.js';
import { smallWide } from '../fault/harness/small-files.js';
import { load, observation, versionMeta } from '../load/sample.js';
import { dropSchema, freshSchema, putBack, takeSchema, testDatabaseUrl } from './database.js';

/** Every row of every table but the times of migrations, and where every sequence stands. */
async function contentOf(store: Store): Promise<Record<string, unknown>> {
  const { rows } = await sql<{ name: string; kind: string }>`
    select relname as name, relkind as kind from pg_class
    where relnamespace = ${store.schema}::regnamespace and relkind in ('r', 'S') order by relname`.execute(store.db);
  const content: Record<string, unknown> = {};
  for (const { name, kind } of rows) {
    const columns = kind === 'S' ? 'last_value, is_called' : name === 'schema_migration' ? 'name' : '*';
    const found = await sql`select ${sql.raw(columns)} from ${sql.table(`${store.schema}.${name}`)}`.execute(store.db);
    content[name] = found.rows;
  }
  return content;
}

async function expectAsNew(schema: string): Promise<void> {
  const other = freshSchema();
  const used = await openDatabase(testDatabaseUrl(), { schema });
  const anew = await openDatabase(testDatabaseUrl(), { schema: other });
  try {
    await migrate(anew);
    expect(await contentOf(used)).toEqual(await contentOf(anew));
  } finally {
    await Promise.all([used.close(), anew.close()]);
    await dropSchema(other);
  }
}

async function within(schema: string, work: (store: Store) => Promise<unknown>): Promise<void> {
  const store = await openDatabase(testDatabaseUrl(), { schema });
  await work(store).finally(() => store.close());
}

it('is as a new one after a program filled it with mails and what it remembers of EES, and its rows were deleted', async () => {
  const schema = await takeSchema();
  const world = await watchWithHistory({ env: { DATABASE_URL: testDatabaseUrl(), DATABASE_SCHEMA: schema } });
  publishCrossing(world);
  expect((await world.run()).code).toBe(0);
  world.amend({ slug: '2023-24', at: '2025-03-21T09:30:00Z', content: smallWide({ ...CROSSED, shares: {} }) });
  world.at('2025-03-21T09:32:00Z');
  expect((await world.run()).code).toBe(0);
  await putBack('postgres', schema);
  expect(await takeSchema()).toBe(schema);
  await expectAsNew(schema);
  await dropSchema(schema);
});

it('is as a new one after it was filled with more than is deleted, and its tables were truncated', async () => {
  const schema = await takeSchema();
  await within(schema, async (store) => {
    await load(store, versionMeta(), [observation({ enrolments: '1' })]);
    await sql`insert into setting (name, value, updated_at)
      select i, to_jsonb(repeat(md5(i::text), 10)), now() from generate_series(1, 4000) i`.execute(store.db);
  });
  await putBack('postgres', schema);
  expect(await takeSchema()).toBe(schema);
  await expectAsNew(schema);
  await dropSchema(schema);
});

it('is used no more once a test has changed its form', async () => {
  const schema = await takeSchema();
  await within(schema, ({ db }) => sql`create index on setting (updated_at)`.execute(db));
  await putBack('postgres', schema);
  const next = await takeSchema();
  expect(next).not.toBe(schema);
  await expectAsNew(next);
  await dropSchema(next);
});
