/** An entry of `data_sets` in the configuration that names nothing: what was meant is not loaded, and somebody must see it. */
import { expect, it, onTestFinished } from 'vitest';
import { StandIn } from '../../demo/index.js';
import { freshProgram, type Program } from '../support/program.js';
import { ABSENCE, long, LONG_SET, wide } from '../extract/support.js';

interface Status {
  readonly health: { readonly well: boolean; readonly attention: readonly string[] };
  readonly unmatched: readonly object[];
}
interface Check {
  readonly check: string;
  readonly ok: boolean;
  readonly found: string;
  readonly advice: string;
}

const SAID = new RegExp(`data_sets of ${ABSENCE} .* include "Absence by levle"`);

async function world(dataSets: string): Promise<{ ees: StandIn; program: Program }> {
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
  await choose(program, dataSets);
  return { ees, program };
}

function choose(program: Program, dataSets: string): Promise<void> {
  return program.configure(`sources: [{ publication: ${ABSENCE}, data_sets: ${dataSets} }]`);
}

async function notesOfRun(program: Program): Promise<string> {
  const said = await program.run('run', '--json');
  expect(said.code).toBe(0);
  return (said.json() as { notes: string[] }).notes.join('\n');
}

async function statusOf(program: Program): Promise<Status> {
  return (await program.run('status', '--json')).json() as Status;
}

async function badSources(program: Program): Promise<Check[]> {
  const checks = (await program.run('doctor', '--json')).json() as Check[];
  return checks.filter(({ check, ok }) => check === 'data_sets' && !ok);
}

it('stands in status and doctor until it is corrected, and the first run after the edit tells it', async () => {
  const { program } = await world('{ include: ["Absence by level"] }');
  expect(await notesOfRun(program)).not.toContain('data_sets');
  expect(await statusOf(program)).toMatchObject({ health: { attention: [] }, unmatched: [] });

  await choose(program, '{ include: ["Absence by levle", "Persistent and severe"] }');
  expect(await notesOfRun(program)).toMatch(SAID);
  expect(await notesOfRun(program)).not.toMatch(SAID);
  const { health, unmatched } = await statusOf(program);
  expect(health.well).toBe(true);
  expect(health.attention).toEqual([expect.stringMatching(SAID)]);
  expect(unmatched).toEqual([{ publication: ABSENCE, list: 'include', entry: 'Absence by levle' }]);
  expect((await program.run('status')).stdout).toMatch(
    /^Well, but there is something to look at:\n {2}- data_sets of /,
  );
  const [bad] = await badSources(program);
  expect(bad?.found).toMatch(SAID);
  expect(bad?.advice).toContain('title');

  // An entry that left the configuration is nobody's trouble, even before the next run.
  await choose(program, '{ include: ["Absence by level", "Persistent and severe"] }');
  expect((await statusOf(program)).health.attention).toEqual([]);
  expect(await badSources(program)).toEqual([]);
  expect(await notesOfRun(program)).not.toContain('data_sets');
  expect(await statusOf(program)).toMatchObject({ unmatched: [] });
});

it('of an entry that a later release makes true nothing is said any more', async () => {
  const { ees, program } = await world('{ exclude: ["Autumn alone"] }');
  expect(await notesOfRun(program)).toMatch(/exclude "Autumn alone"/);
  expect((await statusOf(program)).unmatched).toHaveLength(1);
  ees.publish({
    publication: ABSENCE,
    slug: '2025-26-autumn-term',
    title: 'Autumn term 2025/26',
    at: '2026-04-01T09:30:00Z',
    files: [{ name: 'a.csv', title: 'Autumn alone', content: wide('Autumn term', '18.1') }],
  });
  await program.run('run');
  expect(await statusOf(program)).toMatchObject({ health: { attention: [] }, unmatched: [] });
});

it('while the website has never been read, nobody knows what its releases hold', async () => {
  const { ees, program } = await world('{ include: ["Absence by level"] }');
  ees.removeRoute(/^\/content/);
  await program.run('run');
  expect((await statusOf(program)).unmatched).toEqual([]);
});
