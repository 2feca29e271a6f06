/** The command line as its users meet it: exit codes, JSON, messages. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { wideFile } from '../../demo/index.js';
import { withRunLock } from '../../src/load/runs.js';
import { openDatabase } from '../../src/load/database.js';
import { migrate } from '../../src/load/migrate.js';
import { freshProgram, type Program } from '../support/program.js';

const PUBLICATION = 'pupil-absence-in-schools-in-england';
const LABEL = 'Academic year 2023/24';

/** A composed file of full years, on disk beside the program. */
async function composedFile(program: Program, years: readonly number[] = [2021, 2022, 2023]): Promise<string> {
  const content = wideFile(
    { period: 'Academic year', years, london: 'whole', codes: 'before 2025' },
    'education_phase',
  );
  await writeFile(join(program.directory, 'absence.csv'), content);
  return 'absence.csv';
}

const load = async (program: Program, file: string, ...more: string[]) =>
  program.run('backfill', '--file', file, '--publication', PUBLICATION, '--release', LABEL, ...more);

describe('the command line', () => {
  it('holds a table of neighbours that is not there for a wrong configuration, before anything is loaded', async () => {
    const program = await freshProgram();
    await program.configure('neighbours: nobody.csv\n');
    const said = await load(program, await composedFile(program));
    expect(said.code).toBe(2);
    expect(said.stderr).toMatch(/nobody\.csv:1:1 neighbours: there is no such file/);
    await program.configure('{}');
    expect((await program.run('versions', 'list', '--json')).json()).toEqual([]);
  });

  it('says which rates of a series were computed', async () => {
    const program = await freshProgram();
    const file = await composedFile(program);
    const rows: string[][] = parse(await readFile(join(program.directory, file)));
    const at = rows[0]?.indexOf('enrolments_pa_10_exact_percent') ?? -1;
    expect(at).toBeGreaterThan(0);
    const without = rows.map((row) => row.filter((_, column) => column !== at).map((cell) => `"${cell}"`));
    await writeFile(join(program.directory, 'counts.csv'), without.map((row) => `${row.join(',')}\n`).join(''));
    expect((await load(program, 'counts.csv')).code).toBe(0);
    const series = (measure: string) => program.run('series', '--area', 'Luton', '--measure', measure);
    expect((await series('persistent_absence_rate')).stdout).toContain(
      'computed from the counts, as the file gives no persistent_absence_rate: all',
    );
    expect((await series('severe_absence_rate')).stdout).not.toContain('computed');
  });

  it('shows an example in the help of every command', async () => {
    const program = await freshProgram();
    const commands = [
      ['demo'],
      ['run'],
      ['start'],
      ['backfill'],
      ['status'],
      ['series'],
      ['brief'],
      ['areas'],
      ['versions', 'list'],
      ['versions', 'diff'],
      ['versions', 'remove'],
      ['versions', 'unaccept'],
      ['alerts', 'list'],
      ['alerts', 'silence'],
      ['alerts', 'pause'],
      ['alerts', 'resume'],
      ['alerts', 'simulate'],
      ['alerts', 'preview'],
      ['mail', 'test'],
      ['mail', 'list'],
      ['mail', 'retry'],
      ['mail', 'skip'],
      ['doctor'],
      ['config', 'check'],
      ['config', 'schema'],
      ['migrate'],
    ];
    for (const command of commands) {
      const said = await program.run(...command, '--help');
      expect(said.code).toBe(0);
      expect(said.stdout).toContain(`Example:\n  absence-watch ${command.join(' ')}`);
      expect(said.stdout).toContain('--json');
    }
  });

  it('counts in the summary of a backfill every event that `alerts list` shows', async () => {
    const program = await freshProgram({}, { unmigrated: true });
    await program.configure(
      [
        'recipients: { team: [team@luton.example] }',
        'mail: { from: watch@luton.example }',
        'rules:',
        '  - { name: High, measure: severe_absence_rate, areas: [Luton, England], above: 90, notify: [team] }',
        '  - { name: Low, measure: severe_absence_rate, areas: [Luton], above: 0.1, notify: [team] }',
      ].join('\n'),
    );
    const said = await load(program, await composedFile(program));
    expect(said.stdout).toMatch(/^4 events recorded \(2 of them not in breach\), nothing sent\.$/m);
    expect((await program.run('alerts', 'list', '--json')).json()).toHaveLength(4);
  });

  it('answers wrong use with exit code 2 and a sentence', async () => {
    const program = await freshProgram({}, { unmigrated: true });
    for (const [argv, message] of [
      [['nonsense'], /unknown command/],
      [['series'], /--area/],
      [['series', '--area', 'Luton', '--measure', 'rate'], /"rate" is no measure/],
      [['backfill', '--publication', 'Not A Slug'], /is no publication slug/],
      [
        ['backfill', '--publication', 'a\r\nb'],
        /^absence-watch: --publication has to be one line without control characters/,
      ],
      ...['AY\r\nX', 'AY\u001b[2J', 'AY\u2028X'].map(
        (label) =>
          [
            ['backfill', '--publication', PUBLICATION, '--file', 'a.csv', '--release', label],
            /--release has to be one line without control characters/,
          ] as const,
      ),
      [
        ['backfill', '--publication', PUBLICATION, '--release', 'x\ny'],
        /--release has to be one line without control characters/,
      ],
      [['backfill', '--publication', PUBLICATION, '--file', 'missing.csv', '--release', 'x'], /There is no file/],
      [['backfill', '--publication', PUBLICATION, '--file', 'missing.csv'], /--release LABEL/],
      [
        ['backfill', '--publication', PUBLICATION, '--file', 'a.csv', '--release', 'x', '--school-type', 'Foo'],
        /"Foo" is no school type; known are Total, /,
      ],
      [['backfill', '--publication', PUBLICATION, '--accept', 'rate and count'], /--reason/],
      [
        ['backfill', '--publication', PUBLICATION, '--accept', 'rates', '--reason', 'x'],
        /no such gate .*Use one of: pupil groups, England and regions, authorities, measures, rates in range, rate and count/,
      ],
      [['run', '--config', 'missing.yaml'], /missing\.yaml/],
      [['alerts', 'silence', '--rule', 'x'], /--until/],
      [['mail', 'skip', '--before', 'yesterday'], /--before takes a day/],
      [['series', '--area', 'Luton', '--as-of', '06/01/2024'], /--as-of takes a day such as .*"06\/01\/2024"/],
      [['series', '--area', 'Luton', '--as-of', '2024-02-30'], /--as-of takes a day/],
      [['alerts', 'silence', '--rule', 'x', '--until', '2027-03', '--reason', 'y'], /--until takes a day/],
      ...['01/06/2024', '2024-06-31', '1 June 2024'].map(
        (day) =>
          [
            ['backfill', '--publication', PUBLICATION, '--file', 'a.csv', '--release', 'x', '--published-at', day],
            /--published-at takes a day/,
          ] as const,
      ),
    ] as const) {
      const said = await program.run(...argv);
      expect(`${argv.join(' ')}: ${said.code}`).toBe(`${argv.join(' ')}: 2`);
      expect(said.stderr).toMatch(message);
    }
  });

  it('a damaged archive is a failure, an empty file or one of a header alone is held back and takes nothing away', async () => {
    const program = await freshProgram();
    const file = await composedFile(program, [2023]);
    expect((await load(program, file)).code).toBe(0);
    const figures = async (): Promise<number> =>
      ((await program.run('series', '--area', 'Luton', '--json')).json() as unknown[]).length;
    const before = await figures();
    expect(before).toBeGreaterThan(0);

    await writeFile(
      join(program.directory, 'cut.csv.gz'),
      gzipSync(await readFile(join(program.directory, file))).subarray(0, -9),
    );
    const cut = await load(program, 'cut.csv.gz');
    expect({ code: cut.code, said: cut.stderr }).toMatchObject({
      ...{ code: 1, said: expect.stringContaining('cut.csv.gz cannot be read to its end') as string },
    });
    await writeFile(join(program.directory, 'empty.csv'), '');
    for (const more of [['--dry-run'], []]) {
      const empty = await load(program, 'empty.csv', '--json', ...more);
      expect(empty.code).toBe(3);
      expect(empty.json()).toMatchObject({
        files: [{ outcome: 'quarantined', reason: expect.stringContaining('empty.csv: is empty') as string }],
      });
    }
    const header = wideFile(
      { period: 'Academic year', years: [2023], london: 'whole', codes: 'before 2025' },
      'education_phase',
    );
    await writeFile(join(program.directory, 'header.csv'), header.slice(0, header.indexOf('\n') + 1));
    const headerAlone = await load(program, 'header.csv', '--json');
    expect(headerAlone.code).toBe(3);
    expect(headerAlone.json()).toMatchObject({
      files: [{ outcome: 'quarantined', reason: expect.stringContaining('has a header and no row') as string }],
    });
    expect(await figures()).toBe(before);
  });

  it('the series of a school says that its figures are those of its own kind of school', async () => {
    const program = await freshProgram();
    const place = 'School,E92000001,England,E12000006,East of England,821,E06000032,Luton';
    const header =
      'time_period,time_identifier,geographic_level,country_code,country_name,region_code,region_name,old_la_code,new_la_code,la_name,school_urn,school_name,school_type,sess_overall_percent';
    await writeFile(
      join(program.directory, 'schools.csv'),
      `${header}\n202425,Academic year,${place},109700,Hill Top School,State-funded secondary,6.5\n`,
    );
    await load(program, 'schools.csv');
    const series = (...more: string[]) =>
      program.run('series', '--area', '109700', '--measure', 'overall_absence_rate', ...more);
    expect((await series()).stdout).toContain('A school has the figures of its own kind of school: --school-type');
    expect((await series('--school-type', 'State-funded secondary')).stdout).toContain('6.5%');
  });

  it('a file that was read as of other schools is read again as what it is said to be', async () => {
    const program = await freshProgram();
    const content = [
      'time_period,time_identifier,geographic_level,country_code,country_name,enrolments,enrolments_pa_10_exact,enrolments_pa_10_exact_percent',
      '202324,Academic year,National,E92000001,England,1000,200,20.0',
    ].join('\n');
    await writeFile(join(program.directory, 'open.csv'), content);
    const types: string[] = [];
    for (const [type, outcome] of [
      ['Special', 'loaded'],
      ['Special', 'unchanged'],
      ['PRU', 'loaded'],
    ] as const) {
      const said = await load(program, 'open.csv', '--school-type', type, '--json');
      expect(said.json()).toMatchObject({ files: [{ outcome }] });
      const rows = await program.run('series', '--area', 'England', '--school-type', type, '--json');
      types.push((rows.json() as { school_type: string }[]).map(({ school_type }) => school_type).join());
    }
    expect(types).toEqual(['Special', 'Special', 'Alternative provision']);
  });

  it('names every mistake of a configuration at once, each with line and column', async () => {
    const program = await freshProgram();
    await program.configure(
      [
        'recipients:',
        '  team: [attendance@luton.example]',
        'rules:',
        '  - name: One',
        '    measure: sever_absence_rate',
        '    areas: [Luton]',
        '    above: 2',
        '    notify: [team]',
        '  - name: Two',
        '    measure: severe_absence_rate',
        '    areas: [Luton]',
        '    above: 2',
        '    below: 1',
        '    notify: [teem]',
        'shedule: {}',
      ].join('\n'),
    );
    const said = await program.run('config', 'check');
    expect(said.code).toBe(2);
    expect(said.stderr).toMatch(/watch\.yaml:5:\d+ .*severe_absence_rate/);
    expect(said.stderr).toMatch(/watch\.yaml:1[0-4]:\d+ .*(above|below)/);
    expect(said.stderr).toMatch(/watch\.yaml:14:\d+ .*team/);
    expect(said.stderr).toMatch(/watch\.yaml:15:\d+ .*schedule/);
  });

  it('names an area that no loaded figure has beside the other mistakes, in the order of the file', async () => {
    const program = await freshProgram();
    await load(program, await composedFile(program));
    const file = (measure: string): string =>
      [
        'recipients: { team: [attendance@luton.example] }',
        'mail: { from: watch@luton.example }',
        'rules:',
        '  - name: One',
        '    areas: [Luton, Lutonn]',
        `    measure: ${measure}`,
        '    above: 2',
        '    notify: [team]',
      ].join('\n');
    await program.configure(file('severe_absence_rate'));
    const alone = await program.run('config', 'check');
    expect(alone.code).toBe(2);
    expect(alone.stdout).toMatch(/watch\.yaml:5:20 rules\[0\]\.areas\[1\]: .*"Lutonn".*"Luton"/);
    // A breakdown that is none anywhere is told once.
    await program.configure(
      `${file('severe_absence_rate')}\n    breakdown: { topic: SEN provision, value: EHC plann }`,
    );
    const twice = (await program.run('config', 'check', '--json')).json() as { problems: { path: string }[] };
    expect(twice.problems.map(({ path }) => path)).toEqual(['rules[0].areas[1]', 'rules[0].breakdown.value']);
    await program.configure(file('severe_absence_rte'));
    const beside = await program.run('config', 'check', '--json');
    expect(beside.code).toBe(2);
    expect(beside.json()).toMatchObject({
      problems: [
        { line: 5, column: 20, path: 'rules[0].areas[1]' },
        { line: 6, column: 14, path: 'rules[0].measure' },
      ],
    });
  });

  it('answers wrong use with a document, too, where one is asked for', async () => {
    const program = await freshProgram();
    const said = await program.run('series', '--json');
    expect(said.code).toBe(2);
    expect(said.json()).toEqual({ error: expect.stringMatching(/--area/) as unknown });
    expect((await program.run('series', '--json', '--help')).stdout).not.toContain('{');
  });

  it('loads a file, shows its figures as numbers, and finds nothing to do the second time', async () => {
    const program = await freshProgram();
    const file = await composedFile(program);
    const first = await load(program, file, '--json');
    expect(first.code).toBe(0);
    expect(first.json()).toMatchObject({
      outcome: 'done',
      files: [{ outcome: 'loaded', version: '1.0.0' }],
      mails: null,
    });
    const again = await load(program, file, '--json');
    expect(again.code).toBe(0);
    expect(again.json()).toMatchObject({ files: [{ outcome: 'unchanged', version: '1.0.0' }] });

    const series = (await program.run('series', '--area', 'Luton', '--json')).json() as Record<string, unknown>[];
    expect(series.map((row) => row['academic_year'])).toEqual(['2021/22', '2022/23', '2023/24']);
    for (const row of series) {
      expect(row).toMatchObject({
        series: 'absence/academic-year',
        release: LABEL,
        area_name: 'Luton',
        old_la_code: '821',
        data_set_version: '1.0.0',
      });
      expect(typeof row['persistent_absence_rate']).toBe('number');
    }
    const text = await program.run('series', '--area', 'luton');
    expect(text.stdout).toContain('Academic year 2023/24');
    const csv = await program.run('series', '--area', 'E06000032', '--csv');
    expect(csv.stdout.split('\r\n')[0]).toMatch(/^series,publication,release,data_set,/);

    const brief = await program.run('brief', '--area', 'Luton');
    expect(brief.code).toBe(0);
    expect(brief.stdout).toContain('pupil enrolments in Luton');
    const numbers = (await program.run('brief', '--area', 'Luton', '--json')).json() as {
      paragraphs: { sentences: { numbers: unknown[] }[] }[];
    };
    expect(
      numbers.paragraphs.flatMap(({ sentences }) => sentences).some((sentence) => sentence.numbers.length > 0),
    ).toBe(true);

    const status = (await program.run('status', '--json')).json();
    expect(status).toMatchObject({
      health: { well: true },
      totals: { versions: 1 },
      loaded: [{ release: LABEL, state: 'loaded' }],
    });
    expect((await program.run('status')).stdout).toContain('Well.');
  });

  it('takes a version back: the figures are again as before', async () => {
    const program = await freshProgram();
    await load(program, await composedFile(program, [2021, 2022]), '--published-at', '2024-03-21T09:30:00Z');
    const before = (await program.run('series', '--area', 'Luton', '--json')).json();
    await load(program, await composedFile(program, [2021, 2022, 2023]), '--published-at', '2025-03-20T09:30:00Z');
    const versions = (await program.run('versions', 'list', '--json')).json() as {
      id: number;
      data_set_version: string;
    }[];
    expect(versions.map((row) => row.data_set_version)).toEqual(['1.0.1', '1.0.0']);
    const removed = await program.run('versions', 'remove', String(versions[0]?.id), '--reason', 'a test', '--json');
    expect(removed.json()).toMatchObject({ state: 'removed', reason: 'a test' });
    expect((await program.run('series', '--area', 'Luton', '--json')).json()).toEqual(before);
  });

  it('prints every figure that a version changed, as text, JSON and CSV', async () => {
    const program = await freshProgram();
    const file = await composedFile(program);
    await load(program, file, '--published-at', '2024-03-21T09:30:00Z');
    const path = join(program.directory, file);
    const content = await readFile(path, 'utf8');
    const line = content.split(/\r?\n/).find((each) => each.includes('Luton') && /(^|,)Total(,|$)/.test(each)) ?? '';
    const cells = line.split(',');
    const at = (content.split(/\r?\n/)[0] ?? '').split(',').indexOf('enrolments_pa_50_exact_percent');
    const was = cells[at] ?? '';
    const now = (Number(was) + 0.01).toFixed(2);
    await writeFile(path, content.replace(line, cells.with(at, now).join(',')));
    await load(
      program,
      file,
      '--published-at',
      '2024-04-21T09:30:00Z',
      ...['rate and count', 'phases add up'].flatMap((gate) => ['--accept', gate]),
      '--reason',
      'a test',
    );
    const [version] = (await program.run('versions', 'list', '--json')).json() as { id: number }[];
    const id = String(version?.id);
    const json = (await program.run('versions', 'diff', id, '--json')).json();
    expect(json).toMatchObject([
      { change: 'changed', area_name: 'Luton', measure: 'severe_absence_rate', from: Number(was), to: Number(now) },
    ]);
    const text = (await program.run('versions', 'diff', id)).stdout;
    expect(text).toContain('0 figures added, 0 gone, 1 changed');
    expect(text).toMatch(/changed {2}Luton, .*: severe absence [\d.]+% → [\d.]+%\n/);
    const csv = (await program.run('versions', 'diff', id, '--csv')).stdout.split('\r\n');
    expect(csv).toHaveLength(3);
    expect(csv[1]).toContain(`severe_absence_rate,${was},${now}`);
    const first = await program.run('versions', 'diff', String(Number(id) - 1), '--json');
    expect(first.json()).toEqual([]);
    const none = await program.run('versions', 'diff', '999');
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('versions list')]);
  });

  it('says what a dry run would do, and writes nothing', async () => {
    const program = await freshProgram({}, { unmigrated: true });
    const said = await load(program, await composedFile(program), '--dry-run', '--json');
    expect(said.json()).toMatchObject({ dry_run: true, run: null, files: [{ outcome: 'loaded' }] });
    expect((await program.run('versions', 'list', '--json')).json()).toEqual([]);
  });

  it('holds back what it cannot understand, with file, line, column and value, and ends with 3', async () => {
    const program = await freshProgram();
    const file = await composedFile(program);
    const { readFile } = await import('node:fs/promises');
    const text = await readFile(join(program.directory, file), 'utf8');
    const lines = text.split('\n');
    const cells = (lines[5] ?? '').split(',');
    const column = (lines[0] ?? '').split(',').indexOf('enrolments_pa_10_exact_percent');
    cells[column] = '17,3'.replace(',', '.') + '.1';
    lines[5] = cells.join(',');
    await writeFile(join(program.directory, file), lines.join('\n'));
    const said = await load(program, file, '--json');
    expect(said.code).toBe(3);
    const [report] = (said.json() as { files: { outcome: string; reason: string }[] }).files;
    expect(report?.outcome).toBe('quarantined');
    expect(report?.reason).toMatch(/absence\.csv, line 6, column enrolments_pa_10_exact_percent: "17\.3\.1"/);
    const status = (await program.run('status', '--json')).json() as {
      quarantined: { gates: unknown }[];
      refused: unknown[];
      loaded: unknown[];
    };
    expect(status.quarantined).toMatchObject([{ state: 'quarantined', gates: [{ gate: 'cells' }] }]);
    expect(status.refused).toEqual([]);
    expect(status.loaded).toEqual([]);
  });

  it('leaves with 4 while another run holds the database, and says which', async () => {
    const program = await freshProgram();
    const file = await composedFile(program);
    const store = await openDatabase(program.env['DATABASE_URL'] ?? '', { schema: program.schema });
    try {
      await migrate(store);
      await withRunLock(store, { trigger: 'schedule' }, async (run) => {
        for (const said of [await load(program, file), await program.run('run')]) {
          expect(said.code).toBe(4);
          expect(said.stderr).toContain(`Run ${run.id} (schedule) holds this database`);
        }
        return { end: { outcome: 'done', detail: {} }, result: undefined };
      });
      expect((await load(program, file)).code).toBe(0);
    } finally {
      await store.close();
    }
  });

  it('finds areas forgivingly, with predecessors and successors of abolished authorities', async () => {
    const program = await freshProgram({}, { unmigrated: true });
    const [bristol] = (await program.run('areas', 'bristol', '--json')).json() as {
      area_name: string;
      old_la_code: string;
    }[];
    expect(bristol).toMatchObject({
      area_name: 'Bristol, City of',
      old_la_code: '801',
      geographic_level: 'Local authority',
    });
    const cumbria = (await program.run('areas', 'Cumbria', '--json')).json() as {
      old_la_code: string;
      successors: { old_la_code: string }[];
    }[];
    expect(
      cumbria
        .find((area) => area.old_la_code === '909')
        ?.successors.map((each) => each.old_la_code)
        .sort(),
    ).toEqual(['942', '943']);
    expect((await program.run('areas', 'qqqqq')).code).toBe(1);
  });
});
