import { Ajv } from 'ajv';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { configSchema, parseConfig } from '../../src/config.js';
import { LEVELS, TIME_IDENTIFIERS } from '../../src/config/schema.js';
import { MEASURES } from '../../src/domain/measure.js';

const EXAMPLE = new URL('../../config/absence-watch.yaml', import.meta.url);

describe('the example configuration', () => {
  it('is valid, without a warning, and mails nobody who exists', async () => {
    const text = await readFile(EXAMPLE, 'utf8');
    const parsed = parseConfig(text, 'config/absence-watch.yaml');
    expect(parsed).toMatchObject({ kind: 'ok', warnings: [] });
    expect(
      [...text.matchAll(/[\w.-]+@[\w.-]+/g)]
        .map(([address]) => address)
        .filter((address) => !address.endsWith('.example')),
    ).toEqual([]);
  });

  it('says what holds without it', async () => {
    const example = parseConfig(await readFile(EXAMPLE, 'utf8'), 'f');
    const nothing = parseConfig('', 'f');
    if (example.kind !== 'ok' || nothing.kind !== 'ok') throw new Error('not valid');
    const { schedule, sources, failuresBeforeMail, retention, dataDirectory, page } = nothing.config;
    expect(example.config).toMatchObject({ schedule, sources, failuresBeforeMail, retention, dataDirectory, page });
  });
});

describe('the JSON Schema', () => {
  const validate = new Ajv({ strict: false, allErrors: true }).compile(configSchema());

  it('accepts the example and an empty file', async () => {
    expect(validate(parse(await readFile(EXAMPLE, 'utf8')))).toBe(true);
    expect(validate({})).toBe(true);
  });

  it.each([
    ['an unknown key', { recipents: {} }],
    ['an unknown measure', { rules: [{ name: 'a', measure: 'x', areas: 'all', above: 1 }] }],
    ['two conditions', { rules: [{ name: 'a', measure: 'severe_absence_rate', areas: 'all', above: 1, below: 2 }] }],
    ['no condition', { rules: [{ name: 'a', measure: 'severe_absence_rate', areas: 'all' }] }],
    ['an unknown level', { rules: [{ name: 'a', measure: 'severe_absence_rate', areas: { level: 'x' }, above: 1 }] }],
    ['text for a number', { failures_before_mail: '3' }],
  ])('refuses %s, as the program does', (_, value) => {
    expect(validate(value)).toBe(false);
    expect(parseConfig(JSON.stringify(value), 'f').kind).toBe('invalid');
  });

  it('names what may be chosen', () => {
    const text = JSON.stringify(configSchema());
    for (const name of [...MEASURES, ...LEVELS, ...TIME_IDENTIFIERS]) expect(text).toContain(`"${name}"`);
  });
});
