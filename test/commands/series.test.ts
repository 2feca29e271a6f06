/** The command `series`: what it says of breaks and gaps. */
import { expect, it } from 'vitest';
import { academicPeriod } from '../../src/domain/period.js';
import { seriesId } from '../../src/domain/series.js';
import { openDatabase } from '../../src/load/database.js';
import { migrate } from '../../src/load/migrate.js';
import { loaded, observation, versionMeta } from '../load/sample.js';
import { testDatabaseUrl } from '../support/database.js';
import { freshProgram, type Program } from '../support/program.js';

/** A program that has full years of Luton, given by the year in which they start. */
async function withYears(years: readonly number[]): Promise<Program> {
  const program = await freshProgram();
  const store = await openDatabase(testDatabaseUrl(), { schema: program.schema });
  await migrate(store);
  await loaded(
    store,
    versionMeta(),
    years.map((year) => {
      const period = academicPeriod(year, 'Academic year');
      const rate = String(5 + (year % 10));
      const values = { overall_absence_rate: rate, persistent_absence_rate: rate, severe_absentees: '10' };
      return observation(values, { period, series: seriesId('absence', period) });
    }),
  );
  await store.close();
  return program;
}

const YEARS = [2010, 2011, 2012, 2016, 2017, 2018, 2020, 2021, 2022, 2023, 2024];

async function said(program: Program, measure: string, ...more: string[]) {
  return program.run('series', '--area', 'Luton', '--measure', measure, ...more);
}

/** The lines that name a break or a gap, and the chart of the series of six half terms. */
async function interruptions(program: Program, measure: string) {
  const lines = (await said(program, measure)).stdout.split('\n');
  const head = lines.find((line) => /series absence\/academic-year( |$)/.test(line)) ?? '';
  return { named: lines.filter((line) => line.startsWith('┊')), chart: head.split(/ {3}/).at(-1) };
}

it('names each break and gap of the measure, and interrupts the chart there', async () => {
  const program = await withYears(YEARS);
  const overall = await interruptions(program, 'overall_absence_rate');
  expect(overall.chart).toMatch(/^.┊...┊.┊...┊.$/);
  expect(overall.named).toEqual([
    expect.stringMatching(/^┊ break .*2011\/12.*2012\/13: .*five half terms.*six/),
    expect.stringMatching(/^┊ gap between Academic year 2012\/13 and Academic year 2016\/17: no figure was published/),
    expect.stringMatching(/^┊ gap between Academic year 2018\/19 and Academic year 2020\/21: .*no full year 2019\/20/),
    expect.stringMatching(/^┊ gap between Academic year 2020\/21 and Academic year 2021\/22: .*COVID-19/),
    expect.stringMatching(/^┊ break between Academic year 2023\/24 and Academic year 2024\/25: attendance codes/),
  ]);
  const persistent = await interruptions(program, 'persistent_absence_rate');
  expect(persistent.chart).toMatch(/^.┊...┊.┊....$/);
  expect(persistent.named.join()).not.toContain('codes');
});

it('names a gap also where a break lies in it', async () => {
  const program = await withYears([2018, 2024]);
  expect((await interruptions(program, 'overall_absence_rate')).named).toEqual([
    expect.stringMatching(/^┊ break between Academic year 2018\/19 and Academic year 2024\/25: attendance codes/),
    expect.stringMatching(/^┊ gap between Academic year 2018\/19 and Academic year 2024\/25: the pandemic/),
  ]);
});

it('JSON says it with the row that follows; CSV has the columns of the view and no more', async () => {
  const program = await withYears(YEARS);
  const rows = (await said(program, 'overall_absence_rate', '--json')).json() as {
    academic_year: string;
    discontinuity: { kind: string; says: string }[];
  }[];
  expect(rows.map((row) => [row.academic_year, row.discontinuity.map(({ kind }) => kind).join()])).toEqual([
    ['2012/13', 'break'],
    ['2016/17', 'gap'],
    ['2017/18', ''],
    ['2018/19', ''],
    ['2020/21', 'gap'],
    ['2021/22', 'gap'],
    ['2022/23', ''],
    ['2023/24', ''],
    ['2024/25', 'break'],
    ['2010/11', ''],
    ['2011/12', ''],
  ]);
  expect(rows[8]?.discontinuity[0]?.says).toContain('attendance codes');
  expect((await said(program, 'overall_absence_rate', '--csv')).stdout).not.toContain('discontinuity');
});

it('a series without breaks is drawn in one', async () => {
  const program = await withYears([2021, 2022, 2023]);
  const { chart, named } = await interruptions(program, 'overall_absence_rate');
  expect(chart).toMatch(/^[▁-█]{3}$/);
  expect(named).toEqual([]);
});
