/** The bytes of COPY, read back by the rules of its text format. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gatherBatches, gatherRows, writeRow } from '../../src/load/copy-text.js';

type Cell = string | number | null;

async function written(batches: readonly (readonly (readonly Cell[])[])[]): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  for await (const piece of gatherBatches(batches, writeRow)) pieces.push(piece);
  return pieces;
}

const LETTERS: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', '\\': '\\' };

/** PostgreSQL's documentation of COPY, "Text Format". */
function readBack(text: string): (string | null)[][] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) =>
      line
        .split('\t')
        .map((cell) =>
          cell === '\\N' ? null : cell.replace(/\\(.)/gs, (_, letter: string) => LETTERS[letter] ?? letter),
        ),
    );
}

const cell = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: fc.constantFrom('\\', '\t', '\n', '\r', 'N', '.', 'é', '’', '𝄞', 'a'), maxLength: 12 }),
  fc.constantFrom('\\N', '\\.', ''),
  fc.integer(),
  fc.constant(null),
);

describe('rows for COPY', () => {
  it('are read back as they were, however they are batched', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.array(cell, { minLength: 1, maxLength: 6 }), { maxLength: 5 }), { maxLength: 5 }),
        async (batches) => {
          const text = Buffer.concat(await written(batches)).toString();
          expect(readBack(text)).toEqual(
            batches.flat().map((row) => row.map((each) => (each === null ? null : String(each)))),
          );
        },
      ),
    );
  });

  it('come in pieces of about 64 KB that end where a row ends, whatever the length of a cell', async () => {
    const rows = Array.from({ length: 3000 }, (_, index): Cell[] => [index, 'ä'.repeat(index % 150), '1.25']);
    rows.splice(1500, 0, [1500, `${'long\t'.repeat(100_000)}é`, null]);
    const pieces = await written([rows]);
    expect(pieces.length).toBeGreaterThan(5);
    for (const piece of pieces) {
      expect(piece.at(-1)).toBe(0x0a);
      expect(piece.length).toBeLessThan(700_000);
    }
    expect(readBack(Buffer.concat(pieces).toString())).toEqual(
      rows.map((row) => row.map((each) => (each === null ? null : String(each)))),
    );
  });

  it('of nothing are no piece', async () => {
    const pieces: Buffer[] = [];
    for await (const piece of gatherRows([], writeRow)) pieces.push(piece);
    expect(pieces).toEqual([]);
  });
});
