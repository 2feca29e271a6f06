import { describe, expect, it } from 'vitest';
import { sparkline } from '../../src/print.js';

describe('the small chart of a text', () => {
  it('draws no step between figures that are printed as equal', () => {
    expect(sparkline([17.31, 17.28, 17.34], 1)).toBe('▄▄▄');
    expect(sparkline([17.31, 17.28, undefined, 18.04, 17.96], 1)).toBe('▁▁ ██');
  });

  it('draws what it is given where nothing is printed beside it', () => {
    expect(sparkline([17.28, 17.34])).toBe('▁█');
  });
});
