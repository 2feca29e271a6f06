/** Files made wrong by chance: refused in words, or read exactly as independent readers read them. */
import { parse } from 'csv-parse/sync';
import Papa from 'papaparse';
import { describe, expect, it } from 'vitest';
import type { AreaRef } from '../../src/domain/area.js';
import { MEASURE_COLUMNS } from '../../src/domain/layouts.js';
import { MEASURES } from '../../src/domain/measure.js';
import type { Period } from '../../src/domain/period.js';
import { NotOursError, TransformError } from '../../src/transform/error.js';
import { ABSENCE, readObservations, readRecords } from '../transform/reading.js';
import { INPUTS, mutated, tryAll } from './harness/mutate.js';
import { smallGroups, smallLong, smallWide, type SmallFile } from './harness/small-files.js';

const FILE: SmallFile = { identifier: 'Academic year', years: [2023, 2024], shares: { 'Luton 2024': 'c' } };
const WHOLE = [smallWide(FILE), smallGroups(FILE, {}), smallLong(FILE)].map((text) => Buffer.from(text));

const SIGNS = [',', '"', '""', '\n', '\r\n', '\r', '\n\n', '\t', ' ', ';', '\u0000', '\uFEFF', ',,', '"a\nb"', '"a,b"'];
const WORDS =
  'c|z|low|1e5|1,234|-|−5|٣|0x10|NaN|17.3|=1+1|Luton|E06000032|Local authority|National|Total|202425|2024|73444|Week 53';
const NOT_UTF8 = [[0xff], [0xe9], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0x93]].map((bytes) => Buffer.from(bytes));
const PIECES: readonly (string | Buffer)[] = [...SIGNS, ...WORDS.split('|'), '9'.repeat(400), '\u2028', ...NOT_UTF8];

const ROWS = { skip_empty_lines: true, relax_column_count: true, bom: true, record_delimiter: ['\r\n', '\n', '\r'] };

/** Rows that hold nothing are passed over by one reader and not by another: they say nothing. */
const telling = (rows: readonly (readonly string[])[]): (readonly string[])[] =>
  rows.filter((row) => row.some((cell) => cell !== ''));

/** The text as both independent readers would be given it. */
function textOf(bytes: Buffer): string {
  return bytes.toString('utf8').replace(/^\uFEFF/, '');
}

const isUtf8 = (bytes: Buffer): boolean => Buffer.from(bytes.toString('utf8')).equals(bytes);

describe('CSV bytes', () => {
  it('are refused in words, or read as csv-parse and Papa Parse read them', { timeout: 4 * 3_600_000 }, async () => {
    let read = 0;
    let byPapa = 0;
    const inputs = await tryAll(INPUTS, async (chance) => {
      const bytes = mutated(chance.of(WHOLE), chance, PIECES);
      const records = await readRecords(bytes, { size: chance.of([7, 64, 1_000, 65_536]) }).catch((error: unknown) => {
        if (error instanceof TransformError) return undefined;
        throw error;
      });
      if (records === undefined || !isUtf8(bytes)) return 1;
      read++;
      const rows = telling([records.header, ...records.rows]);
      expect(rows).toEqual(telling(parse(textOf(bytes), ROWS)));
      // Papa Parse settles on one line end for the whole file, and lets a quote stand anywhere.
      const text = textOf(bytes).replace(/\r\n?/g, '\n');
      const papa = Papa.parse<string[]>(text, { skipEmptyLines: true, newline: '\n', delimiter: ',' });
      if (papa.errors.length > 0) return 1;
      byPapa++;
      expect(rows.map((row) => row.map((cell) => cell.replace(/\r\n?/g, '\n')))).toEqual(telling(papa.data));
      return 1;
    });
    console.log(`CSV bytes: ${inputs} inputs, ${read} read and held against csv-parse, ${byPapa} against Papa Parse`);
    expect(read).toBeGreaterThan(inputs / 20);
  });

  it(
    'give no figure that is not in its column of a row about its area and year, as an independent reader sees it',
    { timeout: 4 * 3_600_000 },
    async () => {
      let loaded = 0;
      const inputs = await tryAll(INPUTS, async (chance) => {
        const bytes = mutated(chance.of(WHOLE), chance, PIECES);
        const found = await readObservations(bytes, { publication: ABSENCE }).catch((error: unknown) => {
          if (error instanceof TransformError || error instanceof NotOursError) return undefined;
          throw error;
        });
        if (found === undefined) return 1;
        loaded++;
        const text = isUtf8(bytes) ? textOf(bytes) : bytes.toString('latin1');
        const [first = [], ...rows] = parse(text, ROWS).map((row) => row.map((cell) => cell.trim().toLowerCase()));
        const header = first.map((name) => name.replace(/[^a-z0-9]+/g, '_'));
        for (const { area, period, values, computed } of found.observations) {
          const theirs = rows.filter((row) => isAbout(row, header, area) && row.some((cell) => startsIn(cell, period)));
          for (const [index, measure] of MEASURES.entries()) {
            const value = values[measure];
            if (value === undefined || value === null || (computed & (1 << index)) !== 0) continue;
            expect(value).toMatch(/^-?\d+(\.\d+)?$/);
            const columns = [...MEASURE_COLUMNS[measure], ...LONG_COLUMNS].map((name) => name.toLowerCase());
            const cells = theirs.flatMap((row) => row.filter((_, at) => columns.includes(header[at] ?? '')));
            expect(
              cells.some((cell) => isNumber(cell) && Number(cell) === Number(value)),
              `${measure} ${value} of ${area.name}, ${period.label}`,
            ).toBe(true);
          }
        }
        return 1;
      });
      console.log(`Figures of CSV bytes: ${inputs} inputs, ${loaded} gave figures`);
      expect(loaded).toBeGreaterThan(0);
    },
  );
});

/** Where the long layout has its figures. */
const LONG_COLUMNS = ['enrolment_count', 'enrolment_percent'];

/** Whether a row, in lower case, names an area by one of its codes or its name, and its level. */
function isAbout(row: readonly string[], header: readonly string[], area: AreaRef): boolean {
  const level = row[header.indexOf('geographic_level')] ?? '';
  const names = [area.code, area.oldLaCode, area.name].flatMap((name) => (name ? [name.toLowerCase()] : []));
  return level.includes(area.level.toLowerCase()) && row.some((cell) => names.some((name) => cell.includes(name)));
}

function startsIn(cell: string, { startYear }: Period): boolean {
  return cell.startsWith(String(startYear));
}

function isNumber(cell: string): boolean {
  return /^-?\d+(\.\d+)?$/.test(cell);
}
