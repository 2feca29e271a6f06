/** What `run` says to whoever starts it by hand. */
import { expect, it } from 'vitest';
import { smallWide } from '../fault/harness/small-files.js';
import { ABSENCE, CROSSED, FILE_TITLE, watch } from '../fault/harness/watch.js';

it('tells what the gates warn of in what it loads', async () => {
  const world = await watch();
  const other = smallWide({ ...CROSSED, shares: { 'Luton 2023': [21.6, 1.8] } });
  world.ees.publish({
    publication: ABSENCE,
    slug: '2023-24',
    title: 'Academic year 2023/24',
    at: '2025-03-20T09:30:02Z',
    files: [
      { name: 'level.csv', title: FILE_TITLE, content: smallWide(CROSSED) },
      { name: 'area.csv', title: 'Absence by area', content: other },
    ],
  });
  world.at('2025-03-20T09:40:00Z');
  const { code, stdout } = await world.program.run('run');
  expect(code, stdout).toBe(0);
  expect(stdout).toMatch(
    /^\w+\.csv: warning, data sets agree: .*Luton, .*: persistent_absence_rate (20\.6|21\.6)\S* here, /m,
  );
});
