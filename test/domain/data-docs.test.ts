import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { successorsOf } from '../../src/domain/areas.js';
import { AUTHORITIES } from '../../src/domain/authorities.js';
import { symbolMeaning } from '../../src/domain/symbol.js';

/** Rows of the table whose first header begins so, cells trimmed. */
async function tableOf(firstHeader: string, after = ''): Promise<string[][]> {
  const text = await readFile(new URL('../../docs/data.md', import.meta.url), 'utf8');
  const lines = text.slice(text.indexOf(after)).split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${firstHeader}`));
  const rows = lines.slice(start + 2);
  return rows
    .slice(
      0,
      rows.findIndex((line) => !line.startsWith('|')),
    )
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

const byDigits = [...AUTHORITIES].sort((a, b) => a.oldLaCode.localeCompare(b.oldLaCode));

describe('docs/data.md is in step with the code', () => {
  it('on the meaning of each symbol', async () => {
    const rows = await tableOf('symbol');
    expect(rows.length).toBeGreaterThan(5);
    for (const [symbols = '', meaning] of rows)
      for (const symbol of symbols.split(', '))
        expect([symbol, symbolMeaning(symbol === 'empty' ? '' : symbol.replaceAll('`', ''))]).toEqual([
          symbol,
          meaning,
        ]);
  });

  it('on authorities that changed their code', async () => {
    const expected = byDigits
      .filter(({ codes }) => codes.length > 1)
      .map(({ oldLaCode, name, codes }) => [oldLaCode, name, codes.join(', ')]);
    expect(await tableOf('old_la_code', 'stayed the same')).toEqual(expected);
  });

  it('on authorities that ended', async () => {
    const expected = byDigits.flatMap(({ oldLaCode, name, closed }) =>
      closed === undefined
        ? []
        : [
            [
              oldLaCode,
              name,
              closed,
              successorsOf(oldLaCode)
                .map(({ authority }) => `${authority.name} (${authority.oldLaCode})`)
                .join(', '),
            ],
          ],
    );
    expect(await tableOf('old_la_code', 'that ended')).toEqual(expected);
  });
});
