/** The whole run against a stand-in that serves published files over both APIs. */
import { simpleParser } from 'mailparser';
import { describe, expect, it, onTestFinished } from 'vitest';
import { StandIn, startMailCatcher } from '../../demo/index.js';
import type { RunReport } from '../../src/pipeline.js';
import { freshProgram } from '../support/program.js';
import { HAS_REAL_DATA, realFile, WITH_REAL_DATA } from '../support/real-data.js';

const ABSENCE = 'pupil-absence-in-schools-in-england';
const ATTENDANCE = 'pupil-attendance-in-schools';

const CONFIG = `
sources:
  - publication: ${ABSENCE}
  - publication: ${ATTENDANCE}
recipients:
  team: [attendance@luton.example]
  desk: [desk@example.org]
rules:
  - { name: Luton persistent, measure: persistent_absence_rate, areas: [Luton], above: 20, notify: [team] }
  - { name: England severe, measure: severe_absence_rate, areas: [England], above: 2.0, notify: [team, desk] }
  - { name: England low, measure: persistent_absence_rate, areas: [England], below: 15, notify: [desk] }
  - { name: Primary year to date, measure: persistent_absence_rate, areas: [Luton], above: 99, school_type: State-funded primary, time_identifiers: [Year to date], notify: [team] }
mail: { from: absence@luton.example, operator: [ops@luton.example] }
`;

interface EventRow {
  rule: string;
  event: string;
  area_name: string;
  time_period: string;
  value: number;
  previous_value: number | null;
  muted: string | null;
}

describe.skipIf(!HAS_REAL_DATA)(`a run over published files${WITH_REAL_DATA}`, () => {
  it('fetches what is new, once; does nothing when nothing is new; raises exactly the right alerts', async () => {
    let now = new Date('2020-03-26T09:31:00Z');
    const standIn = await StandIn.start({ now: () => now });
    const catcher = await startMailCatcher();
    onTestFinished(async () => {
      await Promise.all([standIn.close(), catcher.close()]);
    });
    const program = await freshProgram({
      EES_API_URL: standIn.apiUrl,
      EES_CONTENT_URL: standIn.contentUrl,
      SMTP_URL: catcher.url,
    });
    await program.configure(CONFIG);
    const run = async (at: string): Promise<RunReport & { code: number }> => {
      now = new Date(at);
      program.at(at);
      const said = await program.run('run', '--json');
      return { ...(said.json() as RunReport), code: said.code };
    };
    const events = async (): Promise<EventRow[]> =>
      ((await program.run('alerts', 'list', '--json')).json() as EventRow[]).toReversed();
    const subjects = async (address: string): Promise<string[]> =>
      Promise.all(
        catcher.messages
          .filter((mail) => mail.to.includes(address))
          .map(async (mail) => (await simpleParser(mail.raw)).subject ?? ''),
      );

    standIn.publish({
      publication: ABSENCE,
      publicationTitle: 'Pupil absence in schools in England',
      slug: '2018-19',
      title: 'Academic year 2018/19',
      type: 'AccreditedOfficialStatistics',
      at: '2020-03-26T09:30:02Z',
      files: [
        {
          name: 'absence_3term_nat_reg_la.csv',
          title: 'Absence rates by geographic level',
          content: { path: realFile('absence/2018-19_absence_3term_nat_reg_la.rewritten.csv') },
        },
      ],
    });
    standIn.publish({
      publication: ATTENDANCE,
      publicationTitle: 'Pupil attendance in schools',
      slug: '2019-week-12',
      title: 'Week 12 2020',
      type: 'OfficialStatistics',
      at: '2020-03-26T09:30:12Z',
      files: [
        {
          name: 'persistent_absence.csv',
          title: 'Persistent absence in schools',
          content: { path: realFile('attendance/2024-25_week29_persistent_absence.csv') },
          api: { dataSetId: '55629501-e98b-0c75-adba-f95a0cfbb5e9' },
        },
      ],
    });

    const first = await run('2020-03-26T09:35:00Z');
    expect(first).toMatchObject({ error: null, skipped: [], degraded: [], notes: [] });
    expect(
      first.files.map(({ file, outcome, rows, version }) => [file.endsWith('.csv'), outcome, rows, version]),
    ).toEqual([
      [true, 'loaded', 8400, '1.0.0'],
      [true, 'loaded', 5928, '1.0.0'],
    ]);
    expect(first.code).toBe(0);
    // Baselines: only what stands past its line is told, in one mail a recipient.
    expect((await events()).filter((event) => event.muted === null)).toMatchObject([
      { rule: 'England low', event: 'baseline', area_name: 'England', time_period: '201819', value: 10.9 },
    ]);
    expect(await subjects('desk@example.org')).toHaveLength(1);
    expect(await subjects('attendance@luton.example')).toHaveLength(0);

    const again = await run('2020-03-26T09:40:00Z');
    expect(again).toMatchObject({ code: 0, files: [], events: 0, mails: { sent: 0, composed: 0 } });
    expect(again.requests).toBeLessThanOrEqual(2);
    expect(catcher.messages).toHaveLength(1);

    standIn.publish({
      publication: ABSENCE,
      slug: '2022-23',
      title: 'Academic year 2022/23',
      type: 'AccreditedOfficialStatistics',
      at: '2024-03-21T09:30:02Z',
      files: [
        {
          name: 'absence_pa_severe.csv',
          title: 'Persistent and severe absence by geographic level',
          content: { path: realFile('absence/2016-23_fullyear_pa_severe_nat_reg_la.computed.csv') },
        },
      ],
    });
    const second = await run('2024-03-21T09:32:00Z');
    expect(second.files).toMatchObject([{ outcome: 'loaded', rows: 3880 }]);
    const told = (await events()).filter((event) => event.muted === null).slice(1);
    expect(
      told.map(({ rule, event, area_name, time_period, value }) => [rule, event, area_name, time_period, value]),
    ).toEqual(
      expect.arrayContaining([
        ['England severe', 'baseline', 'England', '202223', 2.03163],
        ['England low', 'cleared', 'England', '202122', 22.50843],
        ['Luton persistent', 'crossed', 'Luton', '202122', 24.66993],
      ]),
    );
    expect(told).toHaveLength(3);
    expect(await subjects('attendance@luton.example')).toHaveLength(1);
    expect(await subjects('desk@example.org')).toHaveLength(2);

    const quiet = await run('2024-03-21T09:34:00Z');
    expect(quiet).toMatchObject({ files: [], events: 0, mails: { sent: 0 } });
    expect(catcher.messages).toHaveLength(3);
  });
});
