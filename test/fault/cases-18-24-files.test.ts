/** Fault cases 18 to 24: files that are odd, wrong, or about an England that has changed. */
import { describe, expect, it } from 'vitest';
import { smallWide, type SmallFile } from './harness/small-files.js';
import type { RunReport } from '../../src/pipeline.js';
import { CONFIG, CROSSED, publishCrossing, watch, watchWithHistory, type Watch } from './harness/watch.js';

const CONTENT = smallWide(CROSSED);
const BEFORE = ['202122 17', '202223 17'];
const AFTER = [...BEFORE, '202324 20.6'];

/** Changes one cell. @param row counted from 1, the header not included */
function withCell(content: string, row: number, column: string, value: string): string {
  const lines = content.split('\n');
  const at = (lines[0] ?? '').split(',').indexOf(column);
  return lines
    .map((line, index) =>
      index === row
        ? line
            .split(',')
            .map((cell, place) => (place === at ? value : cell))
            .join(',')
        : line,
    )
    .join('\n');
}

function withoutRows(content: string, drop: (line: string) => boolean): string {
  const [header = '', ...rows] = content.split('\n');
  return [header, ...rows.filter((row) => !drop(row))].join('\n');
}

/** The line of Luton's newest year, counted as `withCell` does. */
const LUTON_ROW = CONTENT.split('\n').findIndex((line) => line.startsWith('202324') && line.includes('Luton'));

async function loaded(content: string | Buffer): Promise<{
  world: Watch;
  outcome: string;
  reason: string;
  code: number;
  notes: readonly string[];
  gates: readonly unknown[];
}> {
  const world = await watchWithHistory();
  publishCrossing(world, content as string);
  const { code, report } = await world.run();
  const [file] = report.files;
  return {
    world,
    code,
    outcome: file?.outcome ?? 'none',
    reason: file?.reason ?? '',
    notes: file?.notes ?? [],
    gates: file?.gates ?? [],
  };
}

/** Held back: nothing of it in use, nobody but the operator told, the exit code says so. */
async function expectHeldBack(
  content: string | Buffer,
  says: readonly RegExp[],
  outcomes = ['quarantined'],
): Promise<Watch> {
  const { world, code, outcome, reason } = await loaded(content);
  expect(outcomes, reason).toContain(outcome);
  for (const words of says) expect(reason).toMatch(words);
  expect(code).toBe(3);
  expect(await world.figures()).toEqual(BEFORE);
  expect(world.subjects()).toEqual([]);
  expect((await world.run()).code).toBe(0);
  return world;
}

describe('files', () => {
  it.each<[string, (content: string) => string]>([
    ['a column added', (content) => content.replaceAll(/$/gm, ',new')],
    [
      'columns in another order',
      (content) =>
        content
          .split('\n')
          .map((line) => line.split(',').toReversed().join(','))
          .join('\n'),
    ],
    ['a byte order mark', (content) => `\uFEFF${content}`],
    ['CRLF', (content) => content.replaceAll('\n', '\r\n')],
    [
      'quoted cells, one with a line break',
      (content) => content.replace(/^(.*)$/gm, '$1,"a\nb"').replace(',"a\nb"', ',note'),
    ],
    ['blank lines at the end', (content) => `${content}\n\n\r\n`],
  ])('case 18: %s: loaded, with the figures of the plain file', async (what, change) => {
    const { world, outcome, reason, code, notes } = await loaded(change(CONTENT.replace(/\n$/, '')));
    expect(outcome, reason).toBe('loaded');
    expect(code).toBe(0);
    expect(await world.figures()).toEqual(AFTER);
    expect(world.subjects()).toHaveLength(1);
    // A column more is a warning where the run reports it and where the version is listed; nothing else is remarkable.
    const added = { 'a column added': 'new', 'quoted cells, one with a line break': 'note' }[what];
    const said = added === undefined ? [] : [`columns not known and not read: ${added}`];
    expect(notes).toEqual(said);
    const [newest] = (await world.program.run('versions', 'list', '--json')).json() as { notes: string[] }[];
    expect(newest?.notes).toEqual(said);
  });

  it.each<[string, string, readonly RegExp[]]>([
    ['a used column is missing', CONTENT.replace('time_identifier', 'identifier'), [/time_identifier|identifier/]],
    [
      'rates come as shares of one',
      CONTENT.split('\n')
        .map((line, index) =>
          index === 0
            ? line
            : line.replace(
                /,([\d.]+),(\d+),([\d.]+)$/,
                (_, a: string, n: string, b: string) => `,${Number(a) / 100},${n},${Number(b) / 100}`,
              ),
        )
        .join('\n'),
      [/rate/],
    ],
  ])(
    'case 19: %s: held back before it is in use, the old figures stay, the operator is mailed, exit code 3',
    async (_what, content, says) => {
      const world = await expectHeldBack(content, says);
      expect(world.subjects('ops@luton.example')).toEqual([expect.stringContaining('held back')]);
      expect((await world.program.run('status')).stdout).toMatch(/quarantined|refused/);
    },
  );

  it.each<[string, string]>([
    ['a thousands separator', '"1,234"'],
    ['a number beyond all', '1e999'],
    ['NaN with a sign', '-NaN'],
    ['300 digits', '9'.repeat(300)],
    ['a hexadecimal number', '0x1F'],
    ['two points', '17.3.1'],
    ['300 digits and a letter', `${'9'.repeat(300)}x`],
    ['a NUL byte', '17\u00003'],
    ['a character that stands for a broken one', '17\uFFFD'],
  ])(
    'case 20: %s in a cell of figures: held back with line and column, never taken for a number',
    async (_what, value) => {
      const content = withCell(CONTENT, LUTON_ROW, 'enrolments_pa_10_exact_percent', value);
      await expectHeldBack(
        content,
        value.includes('\u0000') ? [/NUL/] : [new RegExp(`line ${LUTON_ROW + 1}\\b`), /enrolments_pa_10_exact_percent/],
      );
    },
  );

  it('case 20, the bytes of a lone surrogate in a cell of figures: held back with line and column', async () => {
    const marked = withCell(CONTENT, LUTON_ROW, 'enrolments_pa_10_exact_percent', '17@@@');
    const bytes = Buffer.from(marked);
    Buffer.from([0xed, 0xa0, 0x80]).copy(bytes, bytes.indexOf('@@@'));
    await expectHeldBack(bytes, [new RegExp(`line ${LUTON_ROW + 1}\\b`), /enrolments_pa_10_exact_percent/]);
  });

  it('case 20, NaN: no number, the symbol kept', async () => {
    const content = ['enrolments_pa_10_exact', 'enrolments_pa_10_exact_percent'].reduce(
      (text, column) => withCell(text, LUTON_ROW, column, 'NaN'),
      CONTENT,
    );
    const { outcome, world } = await loaded(content);
    expect(outcome).toBe('loaded');
    expect(await world.figures()).toEqual([...BEFORE, '202324 null']);
    expect((await world.events()).filter(({ muted }) => muted === null)).toEqual([]);
  });

  it('case 20, a serial number in place of a period: held back with line and value', async () => {
    await expectHeldBack(withCell(CONTENT, LUTON_ROW, 'time_period', '73444'), [
      /73444/,
      new RegExp(`line ${LUTON_ROW + 1}\\b`),
    ]);
  });

  it('case 20, Windows-1252: read as such, with a warning', async () => {
    const bytes = Buffer.from(CONTENT.replaceAll('Brighton and Hove', 'Brighton \u00e9t Hove'), 'latin1');
    const { outcome, reason, world, gates } = await loaded(bytes);
    expect(outcome, reason).toBe('loaded');
    const message = expect.stringMatching(/^not UTF-8 \(first on line \d+\): read as Windows-1252$/) as string;
    expect(gates).toEqual([expect.objectContaining({ gate: 'file', verdict: 'warn', message })]);
    expect((await world.program.run('status')).stdout).toContain('read as Windows-1252');
    expect(await world.figures()).toEqual(AFTER);
  });

  it.each([
    [['c', 'z', 'x', 'k', 'low', 'u']],
    [['.', '..', ':', '~', '-', '']],
    [['[c]', '(c)', 'N/A', 'SUPP', '#VALUE!']],
  ])(
    'case 21: each of the symbols %j: no number, the symbol kept; a withheld figure turns no state, low counts as below',
    async (symbols) => {
      const areas = ['Luton', 'Bedford', 'Thurrock', 'Derby', 'Leicester', 'Medway'].slice(0, symbols.length);
      const rule = `{ name: Persistent, measure: persistent_absence_rate, areas: ${JSON.stringify(areas)}, above: 20, notify: [team] }`;
      const world = await watchWithHistory({ config: CONFIG.replace(/rules:(\n {2}- .*)+/, `rules:\n  - ${rule}`) });
      const shares = Object.fromEntries(areas.map((area) => [`${area} 2023`, [20.6, 1.8] as const]));
      publishCrossing(world, smallWide({ ...CROSSED, shares }));
      await world.run();
      world.at('2026-03-26T09:32:00Z');
      const plain = smallWide({ ...CROSSED, years: [2022, 2023, 2024], shares });
      const lines = plain.split('\n');
      const withheld = areas.reduce((content, area, at) => {
        const row = lines.findIndex((line) => line.startsWith('202425') && line.includes(`,${area},`));
        return ['enrolments_pa_10_exact', 'enrolments_pa_10_exact_percent'].reduce(
          (text, column) => withCell(text, row, column, symbols[at] ?? ''),
          content,
        );
      }, plain);
      world.publish({ slug: '2024-25', title: 'Academic year 2024/25', at: '2026-03-26T09:30:00Z', content: withheld });
      const { report } = await world.run();
      expect(report.files.map(({ outcome, reason }) => [outcome, reason])).toEqual([['loaded', null]]);
      const events = await world.events();
      for (const [at, symbol] of symbols.entries()) {
        const area = areas[at] ?? '';
        const rows = (await world.program.run('series', '--area', area, '--json')).json() as {
          time_period: string;
          persistent_absence_rate: number | null;
          symbols: Record<string, string> | null;
        }[];
        const newest = rows.find(({ time_period }) => time_period === '202425');
        expect(newest?.persistent_absence_rate, symbol).toBeNull();
        expect(newest?.symbols?.['persistent_absence_rate'], symbol).toBeDefined();
        const told = events.filter(({ area_name, muted }) => area_name === area && muted === null);
        const isLow = ['low', 'k', '~'].includes(symbol);
        expect(
          told.map(({ event }) => event),
          symbol,
        ).toEqual(isLow ? ['crossed', 'cleared'] : ['crossed']);
      }
    },
  );

  it('case 21, a symbol nobody knows: held back', async () => {
    await expectHeldBack(withCell(CONTENT, LUTON_ROW, 'enrolments_pa_10_exact_percent', '??'), [/\?\?/]);
  });

  it.each([
    ['the same values', (line: string) => line],
    ['other values', (line: string) => line.replace(/,20\.6,/, ',20.7,')],
  ])('case 22: a key that stands twice, with %s: nothing is loaded, both lines are named', async (_what, change) => {
    const line = CONTENT.split('\n')[LUTON_ROW] ?? '';
    const lines = CONTENT.trimEnd().split('\n');
    const content = `${[...lines, change(line)].join('\n')}\n`;
    await expectHeldBack(content, [new RegExp(`${LUTON_ROW + 1}\\b`), new RegExp(`${lines.length + 1}\\b`)]);
  });

  it.each<[string, (line: string) => boolean]>([
    ['half of the authorities', (line) => line.startsWith('202324') && /Derby|Leicester|Medway|Brighton/.test(line)],
    ['England', (line) => line.startsWith('202324') && line.includes(',National,')],
    ['a third of the authorities', (line) => line.startsWith('202324') && /Derby|Leicester|Medway/.test(line)],
  ])('case 23: without %s: held back, and no wave of good news', async (_what, drop) => {
    const world = await expectHeldBack(withoutRows(CONTENT, drop), [/authorities|England/]);
    expect((await world.events()).filter(({ muted }) => muted === null)).toEqual([]);
  });

  it('case 24: an area that is gone keeps its state: nobody hears of a recovery', async () => {
    const world = await watchWithHistory();
    publishCrossing(world);
    await world.run();
    world.at('2026-03-26T09:32:00Z');
    const content = withoutRows(
      smallWide({ ...CROSSED, years: [2022, 2023, 2024] }),
      (line) => line.startsWith('202425') && line.includes('Luton'),
    );
    world.publish({ slug: '2024-25', title: 'Academic year 2024/25', at: '2026-03-26T09:30:00Z', content });
    const { report } = await world.run();
    expect(report.files).toMatchObject([{ outcome: 'loaded' }]);
    const told = (await world.events()).filter(({ muted }) => muted === null);
    expect(told.map(({ event }) => event)).toEqual(['crossed']);
    expect(report.notes.join('\n')).toMatch(/Luton/);
  });

  it('case 24, an authority that was abolished: its alert closes as area ended, without a word of recovery', async () => {
    const cumbria = (file: SmallFile): string =>
      smallWide(file).replaceAll(/,821,E06000032,Luton|,E06000032,821,Luton/g, (place) =>
        place.replace('821', '909').replace('E06000032', 'E10000006').replace('Luton', 'Cumbria'),
      );
    const world = await watch({ config: CONFIG.replace('areas: [Luton]', 'areas: [Cumbria]') });
    const year = async (file: SmallFile, slug: string, at: string, without = '-'): Promise<RunReport> => {
      world.at(`${at}T09:32:00Z`);
      const content = withoutRows(cumbria(file), (line) => line.startsWith(without) && line.includes('Cumbria'));
      world.publish({ slug, title: `Academic year ${slug.replace('-', '/')}`, at: `${at}T09:30:00Z`, content });
      return (await world.run()).report;
    };
    const shares = { 'Luton 2022': [20.6, 1.8] } as const;
    await year({ identifier: 'Academic year', years: [2021] }, '2021-22', '2023-03-16');
    await year({ identifier: 'Academic year', years: [2021, 2022], shares }, '2022-23', '2024-03-21');
    await year({ identifier: 'Academic year', years: [2021, 2022, 2023], shares }, '2023-24', '2025-03-20', '202324');
    const told = (await world.events()).filter(({ rule, muted }) => rule === 'Luton persistent' && muted === null);
    expect(told.map(({ event, area_name }) => [area_name, event])).toEqual([
      ['Cumbria', 'crossed'],
      ['Cumbria', 'area ended'],
    ]);
    expect(told[1]?.reason).toMatch(
      /^Cumbria was abolished on 31 March 2023.*Cumberland.*Westmorland and Furness.*no improvement$/,
    );
    expect(world.subjects().at(-1)).toBe('Cumbria: no longer published, the alert on persistent absence is closed');
  });

  const SECONDARY = 'school_type: State-funded secondary, ';
  const SCHOOLS = ['109700,Hill Top School', '109701,Icknield High School'] as const;

  /** Two schools of Luton beside the areas. @param persistent pupils of 1,000 by school, by first calendar year */
  function withSchools(years: readonly number[], persistent: Readonly<Record<number, readonly number[]>>): string {
    const [header = '', ...rows] = smallWide({ identifier: 'Academic year', years }).trimEnd().split('\n');
    const schools = years.flatMap((year) =>
      (persistent[year] ?? []).map((pupils, index) =>
        [
          `${year}${String(year + 1).slice(2)}`,
          'Academic year,E92000001,England,School,E12000006,East of England,821,E06000032,Luton',
          `State-funded secondary,1000,${pupils},${pupils / 10},20,2,${SCHOOLS[index] ?? ''}`,
        ].join(','),
      ),
    );
    return [`${header},school_urn,school_name`, ...rows.map((row) => `${row},,`), ...schools, ''].join('\n');
  }

  it.each([
    ['as it is by default: its alert stays open, the run says so and the operator is told once', SECONDARY, 'keep'],
    ['the same under a rule that names no school type', '', 'keep'],
    ['on_missing_area: clear: its alert closes as area ended', SECONDARY, 'clear'],
  ] as const)('case 24, a school that closed, %s; no word of recovery', async (_what, type, missing) => {
    const events = missing === 'keep' ? ['crossed'] : ['crossed', 'area ended'];
    const rule = `  - { name: Schools of Luton, measure: persistent_absence_rate, areas: [{ level: School, within: Luton }], ${type}above: 40, on_missing_area: ${missing}, notify: [team] }`;
    const world = await watch({ config: CONFIG.replace(/^ {2}- \{ name: Luton.*$/m, rule) });
    const year = async (first: number, content: string): Promise<RunReport> => {
      world.at(`${first + 2}-03-20T09:32:00Z`);
      const title = `Academic year ${first}/${(first + 1) % 100}`;
      world.publish({ slug: String(first), title, at: `${first + 2}-03-20T09:30:00Z`, content });
      const { report } = await world.run();
      expect(report.files.map(({ outcome, reason }) => [outcome, reason])).toEqual([['loaded', null]]);
      return report;
    };
    const pupils = { 2022: [350, 300], 2023: [412, 310] };
    await year(2022, withSchools([2022], pupils));
    await year(2023, withSchools([2022, 2023], pupils));
    expect(world.subjects()).toEqual([expect.stringMatching(/^Hill Top School.*: persistent absence 41\.2%/)]);
    const left = withSchools([2022, 2023, 2024], { ...pupils, 2024: [300, 320] });
    const report = await year(
      2024,
      withoutRows(left, (line) => /^202425.*Hill Top/.test(line)),
    );
    const told = (await world.events()).filter(({ muted }) => muted === null);
    expect(told.map(({ event, area_name }) => [area_name, event])).toEqual(
      events.map((event) => ['Hill Top School', event]),
    );
    const ofMissing = ['absence-watch: areas without a figure in a new release'];
    expect(world.subjects('ops@luton.example')).toEqual(missing === 'keep' ? ofMissing : []);
    const later = world.mail.messages.slice(1).map(({ raw }) => raw.toString('utf8'));
    for (const text of later)
      expect(text.replaceAll(/=\r?\n/g, '')).not.toMatch(/recover|no longer above|is below|has fallen/i);
    if (missing === 'keep') {
      expect(world.subjects()).toHaveLength(1);
      expect(report.notes.join('\n')).toMatch(/no figure for Hill Top School in .*Their state is kept/);
      const next = withSchools([2022, 2023, 2024, 2025], { ...pupils, 2024: [300, 320], 2025: [300, 320] });
      const again = await year(
        2025,
        withoutRows(next, (line) => /^202[45]2[56].*Hill Top/.test(line)),
      );
      expect(again.notes.join('\n')).toContain('no figure for Hill Top School');
      expect(world.subjects('ops@luton.example')).toEqual(ofMissing);
    } else {
      expect(world.subjects().at(-1)).toMatch(
        /^Hill Top School.*: no figure for persistent absence in this release, the alert on your line of 40\.0% is closed/,
      );
      expect(told[1]?.reason).toMatch(/^Hill Top School has no figure in .*that is no improvement$/);
    }
  });
});
