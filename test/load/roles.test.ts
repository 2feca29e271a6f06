/** The roles of docs/database.md, made by its own statements: the owner migrates, the service works, analysts read. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { smallWide } from '../fault/harness/small-files.js';
import { freshSchema } from '../support/database.js';
import { freshProgram } from '../support/program.js';
import { addressAs, connected, documentedRoles } from '../support/roles.js';

it('the statements of docs/database.md make roles that can do their work, and no more', async () => {
  const name = freshSchema();
  const roles = await documentedRoles(name);
  await roles.makeService();
  const migrating = await freshProgram({ DATABASE_URL: addressAs(name), DATABASE_SCHEMA: name });
  expect(await migrating.run('migrate')).toMatchObject({ code: 0 });
  await roles.makeReader();

  const service = await freshProgram({ DATABASE_URL: addressAs(`${name}_service`), DATABASE_SCHEMA: name });
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

  const reader = await connected(addressAs(`${name}_reader`));
  for (const view of ['absence', 'absence_history', 'alert_event', 'run'])
    expect((await reader.query(`select * from ${name}.${view} limit 1`)).rows.length).toBeLessThanOrEqual(1);
  await expect(reader.query(`select * from ${name}.notification`)).rejects.toThrow(/permission denied/);
  await expect(reader.query(`delete from ${name}.figure`)).rejects.toThrow(/permission denied/);
});
