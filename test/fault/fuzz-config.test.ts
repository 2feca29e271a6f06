/** Configurations made wrong by chance: every one is read, or refused with at least one place in the file. */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config.js';
import { INPUTS, mutated, tryAll } from './harness/mutate.js';
import { SCENARIO_CONFIG } from './harness/scenario.js';
import { CONFIG } from './harness/watch.js';

const SIGNS = [
  ': ',
  '- ',
  '\n',
  '\n  ',
  '  ',
  '\t',
  '"',
  "'",
  '|\n',
  '>\n',
  '---\n',
  '...\n',
  '%YAML 1.2\n',
  '\u0000',
  '\u0085',
];
const WORDS =
  '[ ] { } #  &a  *a  ?  <<:*a !!binary !!js/function ~ null yes .inf .nan 0x1F 1e999 -0 above:2 rules: notify:[team] areas:[] __proto__:1 constructor:x a:&a[*a,*a] <script> é ${HOME}';
const PIECES = [
  ...SIGNS,
  ...WORDS.split(' '),
  ...WORDS.replaceAll(':', ': ').split('  '),
  '9'.repeat(400),
  'x'.repeat(5_000),
  '\u2028',
];

describe('configurations', () => {
  it('are read, or refused with line and column; never thrown at, never long', { timeout: 4 * 3_600_000 }, async () => {
    const example = await readFile(new URL('../../config/absence-watch.yaml', import.meta.url));
    const whole = [example, Buffer.from(CONFIG), Buffer.from(SCENARIO_CONFIG)];
    let read = 0;
    const inputs = await tryAll(INPUTS, (chance) => {
      const text = mutated(chance.of(whole), chance, PIECES).toString('utf8');
      const parsed = parseConfig(text, 'watch.yaml');
      if (parsed.kind === 'ok') {
        read++;
        for (const { name, notify } of parsed.config.rules) {
          expect(name).not.toMatch(/\p{Cc}/u);
          for (const group of notify) expect(parsed.config.recipients.has(group)).toBe(true);
        }
        return 1;
      }
      expect(parsed.problems.length).toBeGreaterThan(0);
      const lines = text.split(/\r\n|\r|\n/).length;
      for (const problem of parsed.problems) {
        expect(problem.file).toBe('watch.yaml');
        expect(problem.message).not.toBe('');
        expect(problem.line).toBeLessThanOrEqual(lines + 1);
      }
      expect(parsed.problems.some(({ line }) => line >= 1)).toBe(true);
      return 1;
    });
    console.log(`Configurations: ${inputs} inputs, ${read} read`);
    expect(read).toBeGreaterThan(0);
  });
});
