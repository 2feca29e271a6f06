import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TransformError } from '../../src/transform/error.js';
import { readRecords } from './reading.js';

const failure = async (content: string | Uint8Array, options = {}): Promise<TransformError> => {
  const error: unknown = await readRecords(content, options).catch((thrown: unknown) => thrown);
  if (!(error instanceof TransformError)) throw new Error(`expected a TransformError, got ${String(error)}`);
  return error;
};

/** Another reader of the same text: csv-parse, as strict as ours. */
function independent(text: string): string[][] {
  const records = parse(text, { bom: true, record_delimiter: ['\r\n', '\n', '\r'], skip_empty_lines: true });
  return records;
}

describe('reading CSV', () => {
  it('reads cells, and the line each row starts on', async () => {
    const read = await readRecords('a,b\n1,2\n"x\ny",3\n4,"5 ""quoted"", yes"\n');
    expect(read.header).toEqual(['a', 'b']);
    expect(read.rows).toEqual([
      ['1', '2'],
      ['x\ny', '3'],
      ['4', '5 "quoted", yes'],
    ]);
    expect(read.lines).toEqual([2, 3, 5]);
  });

  it('returns the wanted columns in the order asked for', async () => {
    const read = await readRecords('a,b,c\n1,2,3\n"4","5","6"\n', { wanted: [2, 0] });
    expect(read.rows).toEqual([
      ['3', '1'],
      ['6', '4'],
    ]);
  });

  it.each([
    ['a byte order mark', '\uFEFFa,b\n1,2\n'],
    ['CRLF', 'a,b\r\n1,2\r\n'],
    ['CR alone', 'a,b\r1,2\r'],
    ['mixed line ends', 'a,b\r\n1,2\n'],
    ['no line end at the end', 'a,b\n1,2'],
    ['blank lines', '\n\na,b\n\n1,2\n\n\r\n'],
    ['a quoted header behind a byte order mark', '\uFEFF"a","b"\n1,2\n'],
  ])('accepts %s', async (_, text) => {
    for (const size of [1, 3, 1000]) {
      const read = await readRecords(text, { size });
      expect(read.header).toEqual(['a', 'b']);
      expect(read.rows).toEqual([['1', '2']]);
    }
  });

  it('names the line of a row with too few or too many cells, quoted or not', async () => {
    expect(await failure('a,b\n1,2\n1\n')).toMatchObject({ gate: 'file', line: 3 });
    expect((await failure('a,b\n\n1,2,3\n')).message).toContain('line 3: has 3 cells where the header has 2');
    expect(await failure('a,b\n1,2\n"1",2,3\n')).toMatchObject({ line: 3 });
  });

  it('refuses quotes that do not open or close where they should', async () => {
    expect((await failure('a,b\n1,2\n"3,4\n5,6\n')).message).toContain('line 3: opens a quote that is never closed');
    expect((await failure('a,b\n1,2\n3"x",4\n')).message).toContain('line 3');
    expect((await failure('a,b\n"1"x,2\n')).message).toContain('line 2');
  });

  it('does not let an unclosed quote swallow a large file', async () => {
    const text = `a,b\n"1,2\n${'3,4\n'.repeat(100_000)}`;
    const error = await failure(text, { maxRecordBytes: 10_000 });
    expect(error.message).toContain('a quote is never closed');
    expect(error.line).toBe(2);
  });

  it('refuses NUL bytes and empty files', async () => {
    expect((await failure('a,b\n1,\0\n')).message).toContain('line 2: has a NUL byte');
    expect((await failure(Buffer.from('a,b\n1,2\n', 'utf16le'))).message).toContain('UTF-16');
    expect((await failure('')).message).toContain('is empty');
    expect((await failure('\n\n')).message).toContain('is empty');
  });

  it('reads what is not UTF-8 as Windows-1252, line by line, and says so', async () => {
    const bytes = Buffer.concat([
      Buffer.from('name,n\nÂ genuine UTF-8 Ø,1\n'),
      Buffer.from('St Mary\x92s Caf\xe9,2\n', 'latin1'),
      Buffer.from('Ø again,3\n'),
    ]);
    for (const size of [7, 1000]) {
      const read = await readRecords(bytes, { size });
      expect(read.rows.map(([name]) => name)).toEqual(['Â genuine UTF-8 Ø', 'St Mary’s Café', 'Ø again']);
      expect(read.warnings).toEqual(['not UTF-8 (first on line 3): read as Windows-1252']);
    }
  });

  const cells = fc.oneof(
    fc.string({ maxLength: 8 }).filter((text) => !text.includes('\0')),
    fc.constantFrom('', 'plain', '12.5', 'a,b', 'say "x"', 'two\nlines', 'two\r\nlines', 'é', '，'),
  );
  const quoted = (cell: string, always: boolean): string =>
    always || /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;

  it('reads back what was written, whatever the cells, quoting, line ends and chunks', async () => {
    const tables = fc.integer({ min: 2, max: 5 }).chain((width) =>
      fc.record({
        rows: fc.array(fc.array(cells, { minLength: width, maxLength: width }), { minLength: 2, maxLength: 8 }),
        always: fc.boolean(),
        lineEnd: fc.constantFrom('\n', '\r\n', '\r'),
        size: fc.constantFrom(1, 5, 17, 1000),
        bom: fc.boolean(),
      }),
    );
    await fc.assert(
      fc.asyncProperty(tables, async ({ rows, always, lineEnd, size, bom }) => {
        const header = rows[0]?.map((_, index) => `column ${index}`) ?? [];
        const text = [header, ...rows].map((row) => row.map((cell) => quoted(cell, always)).join(',')).join(lineEnd);
        const read = await readRecords((bom ? '\uFEFF' : '') + text + lineEnd, { size });
        expect(read.header).toEqual(header);
        expect(read.rows).toEqual(rows);
      }),
      { numRuns: 300 },
    );
  });

  it('agrees with csv-parse on mutated files, or refuses them as csv-parse does', async () => {
    const pieces = fc.array(fc.constantFrom(',', '"', '\n', '\r\n', '\r', 'a', '1', ' ', '""', 'x,y\n', '"q,q"\n'), {
      maxLength: 25,
    });
    await fc.assert(
      fc.asyncProperty(pieces, fc.constantFrom(1, 4, 1000), async (parts, size) => {
        const text = `h,i\n${parts.join('')}`;
        let expected: string[][] | undefined;
        try {
          expected = independent(text);
        } catch {
          expected = undefined;
        }
        const read = await readRecords(text, { size }).catch(() => undefined);
        if (expected === undefined) expect(read).toBeUndefined();
        else expect([read?.header, ...(read?.rows ?? [])]).toEqual(expected);
      }),
      { numRuns: 1500 },
    );
  });
});
