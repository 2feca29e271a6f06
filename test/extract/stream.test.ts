/** The revisions of a running total as EES published them, one after another, through the whole run into a database. */
import { readdirSync, readFileSync } from 'node:fs';
import Papa from 'papaparse';
import { expect, it, onTestFinished } from 'vitest';
import { StandIn } from '../../demo/stand-in.js';
import { openDatabase } from '../../src/load/database.js';
import type { RunReport } from '../../src/pipeline.js';
import { testDatabaseUrl } from '../support/database.js';
import { freshProgram } from '../support/program.js';
import { HAS_REAL_DATA, realFile, WITH_REAL_DATA } from '../support/real-data.js';
import { ATTENDANCE } from './support.js';

const STREAM = 'attendance/stream';
/** Which columns of the files hold which figure. */
const FIGURES = {
  enrolments: 'enrolments',
  persistent_absence_rate: 'pa_perc',
  overall_absence_rate: 'overall_absence_perc',
  authorised_absence_rate: 'authorised_absence_perc',
  unauthorised_absence_rate: 'unauthorised_absence_perc',
};
const TYPES: Readonly<Record<string, string>> = {
  Primary: 'State-funded primary',
  Secondary: 'State-funded secondary',
};

/** '2025-26_attendance_ytd_20251106.csv' -> when EES published it. */
function publishedAt(name: string): string {
  const [, year = '', month = '', day = ''] = /_(\d{4})(\d\d)(\d\d)\.csv$/.exec(name) ?? [];
  return `${year}-${month}-${day}T09:30:00.000Z`;
}

/** Every figure of a file, read by another reader: '202526 Total E92000001 enrolments 7654321.5', sorted. */
function figuresOf(name: string): string[] {
  const text = readFileSync(realFile(`${STREAM}/${name}`), 'utf8').replace(/^\uFEFF/, '');
  const { data } = Papa.parse<Record<string, string>>(text, { header: true, skipEmptyLines: true });
  return data
    .flatMap((row) => {
      const place = [row['old_la_code'], row['region_code'], row['country_code']].find((code) => /\d/.test(code ?? ''));
      const type = row['school_type'] ?? row['education_phase'] ?? '';
      return Object.entries(FIGURES).flatMap(([measure, column]) => {
        const cell = row[column] ?? '';
        const about = [row['time_period'], TYPES[type] ?? type, place, measure].join(' ');
        return /^-?\d/.test(cell) ? [`${about} ${Number(cell)}`] : [];
      });
    })
    .sort();
}

it.skipIf(!HAS_REAL_DATA)(
  `the published revisions one after another: each becomes one version, an identical or textual one does not${WITH_REAL_DATA}`,
  async () => {
    const names = readdirSync(realFile(STREAM)).sort();
    let now = new Date(0);
    const ees = await StandIn.start({ now: () => now });
    onTestFinished(() => ees.close());
    const program = await freshProgram({ EES_API_URL: ees.apiUrl, EES_CONTENT_URL: ees.contentUrl });
    await program.configure(`
sources: [{ publication: ${ATTENDANCE} }]
recipients: { team: [attendance@luton.example] }
rules:
  - { name: Luton, measure: persistent_absence_rate, areas: [Luton], above: 99, notify: [team], time_identifiers: [Year to date] }
mail: { from: watch@luton.example, operator: [ops@luton.example] }
`);
    const setClock = (to: number): void => {
      now = new Date(to);
      program.at(now.toISOString());
    };
    async function poll(): Promise<{ files: string[]; requests: number }> {
      setClock(now.getTime() + 60_000);
      const said = await program.run('run', '--json');
      expect(`${said.code} ${said.stderr}`).toBe('0 ');
      const { files, requests } = said.json() as RunReport;
      return { files: files.map(({ outcome, version, rows }) => [outcome, version ?? '', rows].join(' ')), requests };
    }

    const slugOf = (name: string): string => name.slice(0, 7);
    const expected: string[] = [];
    for (const [index, name] of names.entries()) {
      const slug = slugOf(name);
      const content = { path: realFile(`${STREAM}/${name}`) };
      const rows = readFileSync(content.path, 'utf8').trimEnd().split('\n').length - 1;
      const sofar = names.slice(0, index).filter((each) => slugOf(each) === slug).length;
      setClock(Date.parse(publishedAt(name)));
      if (sofar === 0)
        ees.publish({
          publication: ATTENDANCE,
          slug,
          title: `Academic year ${slug.replace('-', '/')}`,
          files: [{ name: 'ytd.csv', title: 'Attendance, year to date', content }],
        });
      else ees.amend({ publication: ATTENDANCE, release: slug, replace: [{ file: 'ytd.csv', content }] });
      expect((await poll()).files, name).toEqual([expect.stringMatching(new RegExp(`^loaded \\S+ ${rows}$`))]);
      expected.push(`${slug} ${publishedAt(name)} ${rows}`);
      if (index % 4 !== 0) continue;
      setClock(now.getTime() + 3_600_000);
      ees.amend({ publication: ATTENDANCE, release: slug, replace: [{ file: 'ytd.csv', content }] });
      expect((await poll()).files, `${name}: the same bytes again`).toEqual(['unchanged  0']);
      setClock(now.getTime() + 60_000);
      ees.amend({ publication: ATTENDANCE, release: slug, note: 'A footnote.' });
      expect((await poll()).files, `${name}: text only`).toEqual([]);
    }
    const last = await poll();
    expect(last.files).toEqual([]);
    expect(last.requests).toBeLessThanOrEqual(2);

    const store = await openDatabase(testDatabaseUrl(), { schema: program.schema });
    onTestFinished(() => store.close());
    const versions = await store.db
      .selectFrom('data_set_version as v')
      .innerJoin('release as r', 'r.id', 'v.release_id')
      .select(['r.slug', 'v.published_at', 'v.rows', 'v.state', 'v.is_current', 'v.data_set_id', 'v.id'])
      .orderBy('v.published_at')
      .execute();
    expect(versions.map((each) => `${each.slug} ${each.published_at.toISOString()} ${each.rows}`)).toEqual(expected);
    expect(new Set(versions.map(({ state }) => state))).toEqual(new Set(['loaded']));
    // Of each year the newest, and no gate held any of them back on the way.
    const newest = names.filter((name, index) => slugOf(name) !== slugOf(names[index + 1] ?? ''));
    expect(versions.filter((each) => each.is_current).map(({ published_at }) => published_at.toISOString())).toEqual(
      newest.map(publishedAt),
    );
    const verdicts = await store.db.selectFrom('gate_result').select('verdict').distinct().execute();
    expect(verdicts.map(({ verdict }) => verdict)).not.toContain('quarantine');

    const shown = await store.db.selectFrom('absence').selectAll().execute();
    expect(
      shown
        .flatMap((row) =>
          Object.keys(FIGURES).flatMap((measure) => {
            const value = row[measure as keyof typeof FIGURES];
            const about = [row.time_period, row.school_type, row.old_la_code ?? row.area_code, measure].join(' ');
            return value === null ? [] : [`${about} ${Number(value)}`];
          }),
        )
        .sort(),
    ).toEqual(newest.flatMap(figuresOf).sort());
  },
  120_000,
);
