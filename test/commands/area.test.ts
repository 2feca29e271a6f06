import { expect, it } from 'vitest';
import { oneArea } from '../../src/commands/area.js';
import { UsageError } from '../../src/commands/context.js';
import { Output } from '../../src/commands/output.js';
import { unansweredNames } from '../../src/alerts/watched-names.js';
import type { AreaRef } from '../../src/domain/area.js';
import { freshStore } from '../support/database.js';
import { ENGLAND, loaded, LUTON, observation, versionMeta } from '../load/sample.js';

const CITY: AreaRef = {
  ...LUTON,
  key: '201',
  oldLaCode: '201',
  code: 'E09000001',
  name: 'City of London',
  regionCode: 'E12000007',
  regionName: 'London',
};

it('takes what is called so, never what is merely like it, and says so of a slip', async () => {
  const store = await freshStore('postgres');
  await loaded(
    store,
    versionMeta(),
    [ENGLAND, LUTON, CITY].map((area) => observation({ enrolments: '500' }, { area })),
  );
  const remarks: string[] = [];
  const stream = { write: (text: string) => remarks.push(text) > 0 };
  const out = new Output({ stdout: stream, stderr: stream, cwd: '/', columns: undefined }, false);
  const context = { store: () => Promise.resolve(store), out };
  expect(await oneArea(context, 'luton')).toMatchObject({ name: 'Luton' });
  expect(await oneArea(context, 'city of london')).toMatchObject({ name: 'City of London' });
  expect(remarks).toEqual([]);
  const london = oneArea(context, 'London');
  await expect(london).rejects.toThrow(UsageError);
  await expect(london).rejects.toThrow(
    'London (Regional) is known, but no loaded figure is about it. Load data first ("run" or "backfill"). Near it, with figures: City of London (Local authority).',
  );
  expect(await oneArea(context, 'Lutno')).toMatchObject({ name: 'Luton' });
  expect(remarks).toEqual(['"Lutno" is taken for Luton (Local authority).\n']);

  const name = { kind: 'area', selector: { by: 'name', text: 'London' } } as const;
  expect((await unansweredNames(store, [name])).map(({ message }) => message)).toEqual([
    'no loaded figure has the area "London" (Regional); loaded is City of London (Local authority)',
  ]);
});
