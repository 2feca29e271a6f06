import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { parseConfig } from '../../src/config.js';

describe('whatever is thrown at it', () => {
  const fragment = fc.constantFrom(
    'rules:',
    'recipients:',
    '- ',
    '  ',
    '\n',
    ': ',
    '? ',
    '[',
    ']',
    '{',
    '}',
    '&a ',
    '*a',
    '!!',
    '|',
    '>',
    '"',
    "'",
    '#',
    '---',
    '...',
    '\t',
    'name',
    'areas: ',
    'above: 2',
    'mail',
    '<<: *a',
    '%YAML 1.1',
    'null',
    '~',
    '.nan',
    '0x1F',
    '1e999',
    '\u0000',
    '\u2028',
    '😀',
    '\\',
    ',',
    '@',
    '`',
    'team',
    'schedule: {cron: ',
    'breakdown: ',
    '__proto__: ',
  );
  const anyText = fc.oneof(
    fc.string({ maxLength: 300 }),
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.array(fragment, { maxLength: 60 }).map((parts) => parts.join('')),
  );

  it('answers ok or with placed problems, within a second of work', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const before = process.cpuUsage();
        const parsed = parseConfig(text, 'f');
        expect(process.cpuUsage(before).user).toBeLessThan(1_000_000);
        if (parsed.kind === 'invalid') {
          expect(parsed.problems.length).toBeGreaterThan(0);
          const lines = text.split('\n').length;
          for (const { line, column } of parsed.problems) {
            expect(line).toBeLessThanOrEqual(lines + 1);
            expect(column).toBeGreaterThanOrEqual(0);
          }
        }
      }),
      { numRuns: 1500 },
    );
  });

  it('takes any values in the place of right ones', () => {
    const value = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constantFrom('Luton', 2, 'each release', 'all', ['all']));
    const keys = [
      'name',
      'measure',
      'areas',
      'above',
      'below',
      'clear_below',
      'school_type',
      'breakdown',
      'time_identifiers',
      'sources',
      'notify',
      'remind',
      'worse_by',
    ];
    const top = ['schedule', 'sources', 'recipients', 'briefs', 'mail', 'retention', 'page', 'heartbeat_url'];
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom(...top), value),
        fc.array(fc.dictionary(fc.constantFrom(...keys), value), { maxLength: 3 }),
        (sections, rules) => {
          const parsed = parseConfig(stringify({ ...sections, rules }), 'f');
          expect(['ok', 'invalid']).toContain(parsed.kind);
        },
      ),
      { numRuns: 300 },
    );
  });

  it.each([
    [
      'aliases that multiply',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${['b', 'c', 'd', 'e', 'f', 'g', 'h']
        .map(
          (key, index, all) =>
            `${key}: &${key} [${Array(9)
              .fill(`*${all[index - 1] ?? 'a'}`)
              .join(',')}]`,
        )
        .join('\n')}`,
    ],
    ['an alias of itself', 'rules: &a\n  - *a\n'],
    ['keys inside keys', '? '.repeat(45)],
    ['brackets without end', '['.repeat(100_000)],
    ['deep lists', '- '.repeat(100_000)],
    ['more than is read', '#'.repeat(300_000)],
    ['commas and nothing else', `[${','.repeat(20_000)}]`],
    ['a key ten thousand times', 'a: 1\n'.repeat(10_000)],
  ])('refuses %s', (_, text) => {
    const before = process.cpuUsage();
    expect(parseConfig(text, 'f').kind).toBe('invalid');
    expect(process.cpuUsage(before).user).toBeLessThan(3_000_000);
  });
});
