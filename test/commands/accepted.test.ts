/** What a gate held back and a person accepts: who is told of it, and how. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { simpleParser } from 'mailparser';
import { describe, expect, it } from 'vitest';
import type { BackfillReport } from '../../src/backfill.js';
import type { VersionRow } from '../../src/load/inspect.js';
import type { Status } from '../../src/service/status.js';
import { smallWide, type SmallFile } from '../fault/harness/small-files.js';
import {
  ABSENCE,
  CONFIG,
  CROSSED,
  FILE_TITLE,
  publishCrossing,
  QUIET,
  watch,
  watchWithHistory,
  type Watch,
} from '../fault/harness/watch.js';
import type { Said } from '../support/program.js';

const GATE = 'rate and count';
const CROSSING = 'Luton: persistent absence 20.6%, above your 20.0% line (academic year 2023/24)';
const BRIEFED = `${CONFIG}briefs:\n  - { areas: [Bedford], notify: [team] }\n`;

/** One authority's rate contradicts its count. */
function contradicting(file: SmallFile): string {
  const [header = '', ...rows] = smallWide(file).split('\n');
  const at = header.split(',').indexOf('enrolments_pa_50_exact_percent');
  const last = rows.findLastIndex((row) => row.includes('Bedford'));
  return [
    header,
    ...rows.map((row, index) =>
      index === last
        ? row
            .split(',')
            .map((cell, place) => (place === at ? '1.9' : cell))
            .join(',')
        : row,
    ),
  ].join('\n');
}

async function heldBack(world: Watch): Promise<string[]> {
  const rows = (await world.program.run('versions', 'list', '--json')).json() as VersionRow[];
  return rows.filter(({ state }) => state === 'quarantined').map(({ id }) => String(id));
}

async function accept(world: Watch, ...more: string[]): Promise<Said> {
  const why = ['--accept', GATE, '--reason', 'checked by telephone'];
  return world.program.run('backfill', '--publication', ABSENCE, ...why, ...more);
}

/** Of the event in which Luton crosses its line. */
async function mutedAs(world: Watch): Promise<(string | null)[]> {
  const events = await world.events();
  return events.filter(({ event, rule }) => event === 'crossed' && rule === 'Luton persistent').map((e) => e.muted);
}

async function lastText(world: Watch): Promise<string> {
  const to = world.mail.messages.filter(({ to: all }) => all.includes('attendance@luton.example'));
  return ((await simpleParser(to.at(-1)?.raw ?? '')).text ?? '').replaceAll(/\s+/g, ' ');
}

describe('accepted', () => {
  it('what a run of the schedule had fetched is told as that run would have told it, as a follow-up', async () => {
    const world = await watchWithHistory({ config: BRIEFED });
    const before = world.subjects().length;
    publishCrossing(world, contradicting(CROSSED));
    expect((await world.run()).code).toBe(3);
    expect(world.subjects()).toHaveLength(before);
    const [id = '', ...others] = await heldBack(world);
    expect(others).toEqual([]);
    world.at('2025-03-20T11:00:00Z');
    const said = await accept(world, '--data-set', id);
    expect(said.code, said.stderr).toBe(0);
    expect(said.stdout).toContain('1 recipient is told');
    expect(said.stdout).toMatch(/; mail: 1 written, 1 sent\.$/m);
    expect(await mutedAs(world)).toEqual([null]);
    expect(world.subjects().slice(before)).toEqual([`Follow-up: ${CROSSING}`]);
    const text = await lastText(world);
    expect(text).toContain('a check held back figures of this mail when they came');
    expect(text).toContain('Bedford, academic year 2023/24');
    world.at('2025-03-20T11:10:00Z');
    await world.run();
    expect(world.subjects()).toHaveLength(before + 1);
  });

  it('a brief on the figures that a gate held back follows the one on what the release had besides', async () => {
    const world = await watchWithHistory({ config: BRIEFED.replace('above: 20', 'above: 90') });
    const before = world.subjects().length;
    world.at('2025-03-20T09:32:00Z');
    world.ees.publish({
      ...{ publication: ABSENCE, slug: '2023-24', title: 'Academic year 2023/24', at: '2025-03-20T09:30:05Z' },
      files: [
        { name: 'wide.csv', title: FILE_TITLE, content: contradicting(CROSSED) },
        {
          name: 'term.csv',
          title: 'Absence rates by term',
          content: smallWide({ ...CROSSED, identifier: 'Autumn and spring term' }),
        },
      ],
    });
    expect((await world.run()).code).toBe(3);
    const brief = (period: string): unknown => expect.stringMatching(new RegExp(`Bedford: .*\\(${period} 2023/24\\)$`));
    expect(world.subjects().slice(before)).toEqual([brief('autumn and spring terms')]);
    world.at('2025-03-20T11:00:00Z');
    const said = await accept(world);
    expect(said.stdout).toMatch(/; mail: 1 written, 1 sent\.$/m);
    expect(world.subjects().slice(before)).toEqual([brief('autumn and spring terms'), brief('academic year')]);
    world.at('2025-03-20T11:10:00Z');
    await world.run();
    expect(world.subjects()).toHaveLength(before + 2);
  });

  it('a correction is marked as a follow-up as an alert is, and one that no gate held back is not', async () => {
    const world = await watchWithHistory();
    publishCrossing(world);
    await world.run();
    const before = world.subjects().length;
    const amend = async (share: number, at: string, make = smallWide): Promise<Said> => {
      world.at(`2025-03-${at}T09:32:00Z`);
      const content = make({ ...CROSSED, shares: { 'Luton 2023': [share, 1.8] } });
      world.amend({ slug: '2023-24', at: `2025-03-${at}T09:30:00Z`, content });
      return world.run();
    };
    expect((await amend(21.4, '21', contradicting)).code).toBe(3);
    expect(world.subjects()).toHaveLength(before);
    world.at('2025-03-21T11:00:00Z');
    expect((await accept(world)).code).toBe(0);
    expect((await amend(22.3, '24')).code).toBe(0);
    const corrected = (was: string, now: string): string =>
      `Correction: Luton: persistent absence was ${was}%, now ${now}%, above your 20.0% line (academic year 2023/24)`;
    expect(world.subjects().slice(before)).toEqual([
      `Follow-up: ${corrected('20.6', '21.4')}`,
      corrected('21.4', '22.3'),
    ]);
  });

  it('what a backfill had loaded stays quiet, also beside what a run had fetched; with --notify it is told', async () => {
    const world = await watchWithHistory();
    publishCrossing(world, contradicting(CROSSED));
    await world.run();
    world.publish({
      slug: '2021-22',
      title: 'Academic year 2021/22',
      at: '2023-03-20T09:30:00Z',
      content: contradicting({ ...QUIET, years: [2021], shares: { 'Luton 2021': [21.5, 1.8] } }),
    });
    world.at('2025-03-20T10:00:00Z');
    expect((await world.program.run('backfill', '--publication', ABSENCE)).code).toBe(3);
    expect(await heldBack(world)).toHaveLength(2);
    const said = await accept(world, '--json');
    const report = said.json() as BackfillReport;
    expect(report.files.map(({ outcome }) => outcome)).toEqual(['loaded', 'loaded']);
    expect(report.mails).toMatchObject({ composed: 1, sent: 1 });
    expect(world.subjects()).toEqual([`Follow-up: ${CROSSING}`]);
    expect(await mutedAs(world)).toEqual([null]);
  });

  it.each([
    [[], ['backfill'], []],
    [['--notify'], [null], [`Follow-up: ${CROSSING}`]],
  ] as const)('a backfill held back, accepted with %j', async (notify, muted, subjects) => {
    const world = await watchWithHistory();
    publishCrossing(world, contradicting(CROSSED));
    expect((await world.program.run('backfill', '--publication', ABSENCE)).code).toBe(3);
    world.at('2025-03-20T10:00:00Z');
    const said = await accept(world, ...notify);
    expect(said.code, said.stderr).toBe(0);
    expect(await mutedAs(world)).toEqual(muted);
    expect(world.subjects()).toEqual(subjects);
    expect(said.stdout).toMatch(notify.length === 0 ? /, nothing sent\.$/m : /; mail: 1 written, 1 sent\.$/m);
  });

  it('a local file is history as before: quiet without --notify', async () => {
    const world = await watch();
    const load = async (file: SmallFile, label: string, ...more: string[]): Promise<Said> => {
      await writeFile(join(world.program.directory, 'some.csv'), contradicting(file));
      const options = ['--file', 'some.csv', '--release', label, ...more];
      return world.program.run('backfill', '--publication', ABSENCE, ...options);
    };
    const because = ['--accept', GATE, '--reason', 'checked by telephone'];
    expect((await load(QUIET, 'Before', ...because)).code).toBe(0);
    world.at('2025-03-20T10:00:00Z');
    expect((await load(CROSSED, 'After')).code).toBe(3);
    expect((await load(CROSSED, 'After', ...because)).code).toBe(0);
    expect(await mutedAs(world)).toEqual(['backfill']);
    expect(world.subjects()).toEqual([]);
  });

  it('the very same command again finds nothing to do: of a local file', async () => {
    const world = await watch();
    await writeFile(join(world.program.directory, 'some.csv'), contradicting(QUIET));
    const load = (gate: string): Promise<Said> =>
      accept(world, '--file', 'some.csv', '--release', 'Before', '--accept', gate, '--json');
    for (const outcome of ['loaded', 'unchanged', 'unchanged']) {
      const said = await load(GATE);
      expect(said.code, said.stderr).toBe(0);
      expect((said.json() as BackfillReport).files.map((file) => file.outcome)).toEqual([outcome]);
    }
    const status = (await world.program.run('status', '--json')).json() as Status;
    expect(status).toMatchObject({ health: { well: true }, last_run: { outcome: 'done' } });
  });

  it('the very same command again finds nothing to do: of EES, also beside what another gate holds back', async () => {
    const world = await watchWithHistory();
    publishCrossing(world, contradicting(CROSSED));
    const outcomes = async (): Promise<unknown> => {
      const said = await accept(world, '--json');
      return [said.code, (said.json() as BackfillReport).files.map(({ outcome, reason }) => [outcome, reason])];
    };
    expect(await outcomes()).toEqual([0, [['loaded', null]]]);
    expect(await outcomes()).toEqual([0, []]);
    const few = smallWide({ ...QUIET, years: [2020] })
      .split('\n')
      .filter((row) => !/Luton|Bedford|Thurrock|Derby/.test(row))
      .join('\n');
    const publish = (slug: string, content: string, year: string): void => {
      world.publish({ slug, title: `Academic year ${slug}`, at: `${year}-03-20T09:30:00Z`, content });
    };
    publish('2020-21', few, '2022');
    expect(await outcomes()).toEqual([3, [['quarantined', expect.stringMatching(/^authorities: /)]]]);
    // What is asked for is not what holds it: that is said, and the rest of history is loaded all the same.
    publish('2021-22', contradicting({ ...QUIET, years: [2021] }), '2023');
    const still = ['quarantined', 'still held back by: authorities'];
    expect(await outcomes()).toEqual([3, [['loaded', null], still]]);
    expect(await outcomes()).toEqual([3, [still]]);
    const said = await accept(world, '--accept', 'authorities');
    expect(said.code, said.stderr).toBe(0);
    expect(await outcomes()).toEqual([0, []]);
    const status = (await world.program.run('status', '--json')).json() as Status;
    expect(status.last_run).toMatchObject({ outcome: 'done' });
  });
});
