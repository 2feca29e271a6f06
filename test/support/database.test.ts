/** A schema that tests have used before is no other than a new one. */
import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { openDatabase, type Store } from '../../src/load/database.js';
import { migrate } from '../../src/load/migrate.js';
import { CROSSED, publishCrossing, watchWithHistory } from '../fault/harness/watch.js';
import { smallWide } from '../fault/harness/small-files.js';
import { load, observation, versionMeta } from '../load/sample.js';
import { dropSchema, freshSchema, freshStore, testDatabaseUrl } from './database.js';

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

/** Tests of this file hand the same schema on, as those of a worker do. */
let used = '';

async function expectAsNew(store: Store): Promise<void> {
  const schema = freshSchema();
  const anew = await openDatabase(testDatabaseUrl(), { schema });
  try {
    await migrate(anew);
    expect(await contentOf(store)).toEqual(await contentOf(anew));
  } finally {
    await anew.close();
    await dropSchema(schema);
  }
}

it('is filled by a program, with mails and what is remembered of EES', async () => {
  const world = await watchWithHistory();
  publishCrossing(world);
  expect((await world.run()).code).toBe(0);
  world.amend({ slug: '2023-24', at: '2025-03-21T09:30:00Z', content: smallWide({ ...CROSSED, shares: {} }) });
  world.at('2025-03-21T09:32:00Z');
  expect((await world.run()).code).toBe(0);
  used = world.program.schema;
});

it('is as a new one after its rows were deleted, and is filled with more than is deleted', async () => {
  const store = await freshStore('postgres');
  expect(store.schema).toBe(used);
  await expectAsNew(store);
  await load(store, versionMeta(), [observation({ enrolments: '1' })]);
  await sql`insert into setting (name, value, updated_at)
    select i, to_jsonb(repeat(md5(i::text), 10)), now() from generate_series(1, 4000) i`.execute(store.db);
});

it('is as a new one after its tables were truncated, and is changed in form', async () => {
  const store = await freshStore('postgres');
  expect(store.schema).toBe(used);
  await expectAsNew(store);
  await sql`create index on setting (updated_at)`.execute(store.db);
});

it('is used no more after that', async () => {
  const store = await freshStore('postgres');
  expect(store.schema).not.toBe(used);
  await expectAsNew(store);
});
