/** What EES changes without new figures is recorded once, and shown. */
import { expect, it, onTestFinished } from 'vitest';
import { openDatabase } from '../../src/load/database.js';
import { versionsPage } from '../../src/service/page/versions.js';
import type { Status } from '../../src/service/status.js';
import { smallLong, smallWide } from '../fault/harness/small-files.js';
import { ABSENCE, CROSSED, FILE_TITLE, QUIET, watch } from '../fault/harness/watch.js';
import { testDatabaseUrl } from '../support/database.js';
import { LONG_SET, PA_SET } from './support.js';

const RELEASE = {
  publication: ABSENCE,
  slug: '2022-23',
  title: 'Academic year 2022/23',
  at: '2024-03-21T09:30:02Z',
} as const;

it('a file that came by the website while the official API was away is withdrawn with its version', async () => {
  const world = await watch();
  world.ees.publish({
    ...RELEASE,
    files: [{ name: 'pa.csv', title: 'Persistent absentees', content: smallLong(QUIET), api: { dataSetId: LONG_SET } }],
  });
  world.ees.removeRoute(/^\/statistics/);
  world.at('2024-03-21T09:45:00Z');
  expect((await world.run()).report.files.map(({ outcome }) => outcome)).toEqual(['loaded']);
  world.ees.restoreRoutes();
  world.ees.withdrawVersion(LONG_SET, '1.0', '2024-04-01T12:00:00Z');
  for (const minute of [1, 2, 3]) {
    world.at(`2024-04-02T09:0${minute}:00Z`);
    await world.run();
  }
  const { loaded, noticed } = (await world.program.run('status', '--json')).json() as Status;
  expect(loaded).toEqual([]);
  expect(noticed.map(({ what }) => what)).toEqual(['withdrawn']);
}, 120_000);

it('what came by the website while the official API was away has its number at the first poll after', async () => {
  const world = await watch();
  world.ees.publish({
    ...RELEASE,
    files: [
      { name: 'wide.csv', title: FILE_TITLE, content: smallWide(QUIET) },
      { name: 'pa.csv', title: 'Persistent absentees', content: smallLong(QUIET), api: { dataSetId: LONG_SET } },
    ],
  });
  const numbers = async (): Promise<string[]> =>
    ((await world.program.run('versions', 'list', '--json')).json() as { data_set_version: string }[])
      .map((each) => each.data_set_version)
      .sort();
  world.ees.removeRoute(/^\/statistics/);
  world.at('2024-03-21T09:45:00Z');
  expect((await world.run()).report.files.map(({ outcome }) => outcome)).toEqual(['loaded', 'loaded']);
  const away = await numbers();
  world.ees.restoreRoutes();
  world.at('2024-03-21T09:47:00Z');
  expect((await world.run()).report).toMatchObject({ files: [], outcome: 'done' });
  expect({ away, back: await numbers() }).toEqual({ away: ['0.0.0', '1.0.0'], back: ['1.0.0', '1.0.0'] });
}, 120_000);

it('a text amendment, a release no longer latest, a version withdrawn, a data set superseded: in status, each once', async () => {
  const world = await watch();
  const title = 'Persistent absentees';
  world.ees.publish({
    ...RELEASE,
    files: [
      { name: 'wide.csv', title: FILE_TITLE, content: smallWide(QUIET) },
      { name: 'pa.csv', title, content: smallLong(QUIET), api: { dataSetId: LONG_SET } },
    ],
  });
  const runs = async (...times: string[]): Promise<void> => {
    for (const time of times) {
      world.at(time);
      expect((await world.run()).code).toBe(0);
    }
  };
  await runs('2024-03-21T09:40:00Z');
  const loaded = async (): Promise<string[]> =>
    ((await world.program.run('status', '--json')).json() as Status).loaded.map(({ release }) => release);
  const before = await loaded();
  world.ees.amend({ publication: ABSENCE, release: '2022-23', at: '2024-05-03T09:30:00Z', note: 'A footnote.' });
  await runs('2024-05-03T09:32:00Z', '2024-05-03T09:34:00Z');
  expect(await loaded()).toEqual(before);
  world.ees.publish({
    publication: ABSENCE,
    slug: '2023-24',
    title: 'Academic year 2023/24',
    at: '2025-03-20T09:30:05Z',
    files: [
      { name: 'wide.csv', title: FILE_TITLE, content: smallWide(CROSSED) },
      { name: 'pa.csv', title, content: smallLong(CROSSED), api: { dataSetId: LONG_SET } },
      { name: 'new.csv', title: 'Absentees anew', content: smallLong(CROSSED), api: { dataSetId: PA_SET } },
    ],
  });
  await runs('2025-03-20T09:32:00Z');
  world.ees.withdrawVersion(LONG_SET, '1.0', '2025-04-01T12:00:00Z');
  world.ees.supersedeDataSet(LONG_SET, PA_SET);
  await runs('2025-04-02T09:00:00Z', '2025-04-02T09:02:00Z', '2025-04-02T09:04:00Z', '2025-04-02T09:06:00Z');
  const status = (await world.program.run('status', '--json')).json() as Status;
  expect(status.noticed.map(({ what, release, data_set, at, note }) => [what, release, data_set, at, note])).toEqual(
    expect.arrayContaining([
      ['amended in text only', 'Academic year 2022/23', null, '2024-05-03T09:30:00.000Z', 'A footnote.'],
      ['no longer latest', 'Academic year 2022/23', null, '2025-03-20T09:32:00.000Z', null],
      ['withdrawn', 'Academic year 2022/23', `${title}, version 1.0`, '2025-04-01T12:00:00.000Z', null],
      ['superseded', null, title, expect.stringContaining('2025-04-02'), null],
    ]),
  );
  expect(status.noticed).toHaveLength(4);
  const { stdout } = await world.program.run('status');
  expect(stdout).toContain('Noticed at EES, without new figures:');
  expect(stdout).toContain(`Academic year 2022/23 (${ABSENCE}): amended in text only ("A footnote.")`);
  const store = await openDatabase(testDatabaseUrl(), { schema: world.program.schema });
  onTestFinished(() => store.close());
  expect(JSON.stringify(await versionsPage(store, 1))).toContain('amended in text only');
}, 120_000);
