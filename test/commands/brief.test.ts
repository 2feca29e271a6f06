/** `brief`: which period it tells. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { smallWide } from '../fault/harness/small-files.js';
import { freshProgram } from '../support/program.js';

it('tells the newest period of the release asked for, also where later releases give it again', async () => {
  const program = await freshProgram();
  for (const [year, name] of [
    [2022, '2022/23'],
    [2023, '2023/24'],
    [2024, '2024/25'],
  ] as const) {
    const years = [year - 2, year - 1, year];
    const shares = { 'Luton 2022': [18 + (year - 2022) / 10, 1.5] as const };
    await writeFile(join(program.directory, 'wide.csv'), smallWide({ identifier: 'Academic year', years, shares }));
    const loaded = await program.run(
      ...['backfill', '--file', 'wide.csv', '--publication', 'pupil-absence-in-schools-in-england'],
      ...['--release', `Academic year ${name}`, '--published-at', `${year + 2}-03-20T09:30:00Z`],
    );
    expect(loaded.code, loaded.stdout + loaded.stderr).toBe(0);
  }
  const brief = async (release: string): Promise<unknown> => {
    const said = await program.run('brief', '--area', 'Luton', '--release', release, '--json');
    expect(said.code, said.stderr).toBe(0);
    return (said.json() as { time_period: string }).time_period;
  };
  expect(await brief('Academic year 2024/25')).toBe('202425');
  expect(await brief('Academic year 2023/24')).toBe('202324');
  expect(await brief('Academic year 2022/23')).toBe('202223');
  // As it stands now: the last release has restated it.
  expect((await program.run('brief', '--area', 'Luton', '--release', 'Academic year 2022/23')).stdout).toContain(
    '18.2%',
  );
  const unknown = await program.run('brief', '--area', 'Luton', '--release', '1999-00');
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('No release “1999-00” is loaded')]);
});
