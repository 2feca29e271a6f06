/** Which file of a release stands in the place of which that is gone. */
import { describe, expect, it } from 'vitest';
import { HISTORY, type FileMemo } from '../../src/extract/memory.js';
import { handOn } from '../../src/extract/replaced.js';

const file = (id: string, title: string, rest: Partial<FileMemo> = {}): FileMemo => ({
  dataSetFileId: id,
  fileId: `file ${id}`,
  title,
  fileName: `${id}.csv`,
  lastUpdated: '2024-03-21T09:30:02Z',
  state: 'open',
  ...rest,
});

function places(before: FileMemo[], now: FileMemo[]): { heirs: string[]; takenOut: string[] } {
  const { takenOut } = handOn(before, now);
  return {
    heirs: now.flatMap(({ dataSetFileId: heir, replaces = [] }) =>
      replaces.map((each) => `${heir} for ${each.dataSetFileId}`),
    ),
    takenOut: takenOut.map(({ dataSetFileId }) => dataSetFileId),
  };
}

describe('files that are gone and files that came in one amendment', () => {
  it.each<[string, FileMemo[], FileMemo[], string[], string[]]>([
    ['one for one, whatever its title', [file('a', 'By level')], [file('b', 'By area')], ['b for a'], []],
    [
      'first by title, then the one that is left',
      [file('a', 'By level'), file('b', 'By term')],
      [file('c', 'By area'), file('d', 'By level')],
      ['c for b', 'd for a'],
      [],
    ],
    [
      'where two are left, nobody knows which',
      [file('a', 'By level'), file('b', 'By term')],
      [file('c', 'By area')],
      [],
      ['a', 'b'],
    ],
    [
      'two whose titles were edited, each for the one it is nearest to',
      [file('a', 'Absence rates by geographic level'), file('b', 'Absence rates by pupil characteristics')],
      [
        file('c', 'Absence rates by pupil characteristics (corrected)'),
        file('d', 'Absence rates by geographic level (corrected)'),
      ],
      ['c for b', 'd for a'],
      [],
    ],
    [
      'the nearest of two that came',
      [file('a', 'Absence rates by geographic level')],
      [file('b', 'Absence rates by geographic level and term'), file('c', 'Absence rates by geographic level, all')],
      ['c for a'],
      [],
    ],
    ['where two came, neither', [file('a', 'By level')], [file('b', 'By area'), file('c', 'By term')], [], ['a']],
    [
      'what was not wanted is not counted',
      [file('a', 'By level'), file('b', 'Reasons', { state: 'skipped', reason: 'it has no figure' })],
      [file('c', 'By area')],
      ['c for a'],
      ['b'],
    ],
    [
      'what a backfill may have loaded is',
      [file('a', 'By level', { state: 'skipped', reason: HISTORY })],
      [file('b', 'By area')],
      ['b for a'],
      [],
    ],
    [
      'one that stays is in no other place',
      [file('a', 'By level'), file('b', 'By term')],
      [file('a', 'By area')],
      [],
      ['b'],
    ],
  ])('%s', (_how, before, now, heirs, takenOut) => {
    expect(places(before, now)).toEqual({ heirs, takenOut });
  });
});
