/** The roles of docs/database.md, made by its own statements: the owner migrates, the service works, analysts read. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { smallWide } from '../fault/harness/small-files.js';
import { freshSchema, testDatabaseUrl } from '../support/database.js';
import { freshProgram } from '../support/program.js';

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

it('the statements of docs/database.md make roles that can do their work, and no more', async () => {
  const name = freshSchema();
  const docs = await readFile(new URL('../../docs/database.md', import.meta.url), 'utf8');
  const statements = (/^## Roles\n[^]*?```sql\n([^]*?)```/m.exec(docs)?.[1] ?? '')
    .replaceAll('absence_reader', `${name}_reader`)
    .replace(/\babsence_watch/g, name);
  const [before = '', after = ''] = statements.split(/(?=^-- Analysts)/m);
  const owner = await connected(testDatabaseUrl());
  onTestFinished(async () => {
    for (const role of [`${name}_reader`, `${name}_service`, name]) {
      await owner.query(`drop owned by ${role} cascade`);
      await owner.query(`drop role ${role}`);
    }
  });
  const as = (role: string): string => {
    const url = new URL(testDatabaseUrl());
    url.username = role;
    url.password = '…';
    return url.href;
  };
  await owner.query(before);
  const migrating = await freshProgram({ DATABASE_URL: as(name), DATABASE_SCHEMA: name });
  expect(await migrating.run('migrate')).toMatchObject({ code: 0 });
  await owner.query(after);

  const service = await freshProgram({ DATABASE_URL: as(`${name}_service`), DATABASE_SCHEMA: name });
  const content = smallWide({ identifier: 'Academic year', years: [2021, 2022], shares: {} });
  await writeFile(join(service.directory, 'wide.csv'), content);
  const loading = await service.run(
    ...['backfill', '--file', 'wide.csv', '--publication', 'pupil-absence-in-schools-in-england'],
    ...['--release', 'Academic year 2022/23', '--json'],
  );
  expect(loading.stderr).toBe('');
  expect(loading.code).toBe(0);
  const removing = await service.run('versions', 'remove', '1', '--reason', 'to see that it may');
  expect(removing.code).toBe(0);
  expect((await service.run('prune')).code).toBe(0);

  const reader = await connected(as(`${name}_reader`));
  for (const view of ['absence', 'absence_history', 'alert_event', 'run'])
    expect((await reader.query(`select * from ${name}.${view} limit 1`)).rows.length).toBeLessThanOrEqual(1);
  await expect(reader.query(`select * from ${name}.notification`)).rejects.toThrow(/permission denied/);
  await expect(reader.query(`delete from ${name}.figure`)).rejects.toThrow(/permission denied/);
});
