/** A release that EES renames is the same release, whoever meets its new slug first, and by which way. */
import { expect, it, onTestFinished } from 'vitest';
import { StandIn } from '../../demo/index.js';
import type { VersionRow } from '../../src/load/inspect.js';
import { freshProgram, type Program } from '../support/program.js';
import { ABSENCE, long, LONG_SET, wide } from '../extract/support.js';

const REVISED = '2024-25-revised';

async function loadedOnce(): Promise<{ ees: StandIn; program: Program }> {
  const ees = await StandIn.start();
  onTestFinished(() => ees.close());
  ees.publish({
    publication: ABSENCE,
    slug: '2024-25',
    title: 'Academic year 2024/25',
    at: '2026-03-26T09:30:00Z',
    files: [
      { name: 'pa.csv', title: 'Persistent and severe', content: long('17.3'), api: { dataSetId: LONG_SET } },
      { name: 'w.csv', title: 'Absence by level', content: wide('Academic year', '17.3') },
    ],
  });
  const program = await freshProgram({ EES_API_URL: ees.apiUrl, EES_CONTENT_URL: ees.contentUrl });
  await program.configure(`sources: [{ publication: ${ABSENCE} }]`);
  expect((await program.run('run')).code).toBe(0);
  ees.renameRelease(ABSENCE, '2024-25', REVISED, 'Academic year 2024/25 revised');
  amend(ees, '2026-04-02T09:30:00Z', '17.9');
  return { ees, program };
}

function amend(ees: StandIn, at: string, rate: string): void {
  const counted = (text: string): string => text.replaceAll(',173,', `,${Math.round(Number(rate) * 10)},`);
  const replace = [
    { file: 'pa.csv', content: counted(long(rate)) },
    { file: 'w.csv', content: counted(wide('Academic year', rate)) },
  ];
  ees.amend({ publication: ABSENCE, release: REVISED, at, replace });
}

/** After one more amendment: one current version of each data set, and its figure. */
async function expectOne(ees: StandIn, program: Program): Promise<void> {
  amend(ees, '2026-04-09T09:30:00Z', '18.1');
  await program.run('run');
  const versions = (await program.run('versions', 'list', '--json')).json() as VersionRow[];
  const current = versions.filter(({ is_current }) => is_current).map(({ data_set }) => data_set);
  expect(current.toSorted()).toEqual(['Absence by level', 'Persistent and severe']);
  const series = await program.run('series', '--area', 'England', '--measure', 'persistent_absence_rate', '--json');
  expect((series.json() as { persistent_absence_rate: number }[]).at(-1)?.persistent_absence_rate).toBe(18.1);
}

it('while the website is away, by the official API', async () => {
  const { ees, program } = await loadedOnce();
  ees.removeRoute(/^\/content/);
  await program.run('run');
  ees.restoreRoutes();
  await program.run('run');
  await expectOne(ees, program);
});

it('by a backfill between two runs', async () => {
  const { ees, program } = await loadedOnce();
  expect((await program.run('backfill', '--publication', ABSENCE, '--release', REVISED)).code).toBe(0);
  await program.run('run');
  await expectOne(ees, program);
});
