/** `alerts simulate` with another line: for rules of that kind, and no others. */
import { expect, it } from 'vitest';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { smallWide } from '../fault/harness/small-files.js';
import { freshProgram } from '../support/program.js';

const RULES = `
recipients: { team: [team@luton.example] }
mail: { from: watch@luton.example }
rules:
  - { name: High, measure: severe_absence_rate, areas: [Luton], above: 2.0, notify: [team] }
  - { name: Low, measure: severe_absence_rate, areas: [Luton], below: 1.0, notify: [team] }
  - { name: Climbing, measure: severe_absence_rate, areas: [Luton], rise: 1.0, notify: [team] }
  - { name: Falling, measure: severe_absence_rate, areas: [Luton], fall: 1.0, notify: [team] }
  - { name: Gap, measure: severe_absence_rate, areas: [Luton], gap_to_england: 1.0, notify: [team] }
`;

it('takes a line by the name that the rule has it under, and refuses another', async () => {
  const program = await freshProgram();
  await program.configure(RULES);
  await writeFile(
    join(program.directory, 'wide.csv'),
    smallWide({ identifier: 'Academic year', years: [2021, 2022, 2023] }),
  );
  const loaded = await program.run(
    ...['backfill', '--file', 'wide.csv', '--publication', 'pupil-absence-in-schools-in-england'],
    ...['--release', 'Academic year 2023/24'],
  );
  expect(loaded.code, loaded.stdout + loaded.stderr).toBe(0);
  const simulate = (...args: string[]) => program.run('alerts', 'simulate', ...args);
  const refused = async (...args: string[]): Promise<string> => {
    const said = await simulate(...args);
    expect([said.code, said.stdout]).toEqual([2, '']);
    return said.stderr;
  };

  for (const [rule, option] of [
    ['Low', '--below'],
    ['Climbing', '--rise'],
    ['Falling', '--fall'],
    ['Gap', '--gap-to-england'],
  ] as const) {
    expect(await refused('--rule', rule, '--above', '0.5')).toContain(
      `Rule "${rule}" has its line under \`${option.slice(2).replaceAll('-', '_')}\`: use ${option} 0.5.`,
    );
    const tried = await simulate('--rule', rule, option, '0.001', '--json');
    expect(tried.code, tried.stderr).toBe(0);
    for (const { threshold } of tried.json() as { threshold: number }[]) expect(threshold).toBe(0.001);
  }
  expect((await simulate('--rule', 'Gap', '--gap-to-england', '-0.1')).code).toBe(0);
  expect((await simulate('--rule', 'High', '--above', '2.5')).code).toBe(0);

  expect(await refused('--above', '2.5')).toContain('name one rule with --rule; with `above` are: High.');
  expect(await refused('--gap-to-neighbours', '2.5')).toContain('No rule has its line under `gap_to_neighbours`.');
  expect(await refused('--rule', 'High', '--above', '2.5', '--below', '1')).toContain('--above and --below');
  expect(await refused('--rule', 'Low', '--below', 'x')).toContain('--below takes a number such as 2.5');
});
