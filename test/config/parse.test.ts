import { describe, expect, it } from 'vitest';
import { ConfigError, parseConfig, problemText, type Config } from '../../src/config.js';
import { rule } from './rule-text.js';

function good(text: string): Config {
  const parsed = parseConfig(text, 'test.yaml');
  if (parsed.kind === 'invalid') throw new ConfigError(parsed.problems);
  return parsed.config;
}

describe('a configuration that is right', () => {
  it('gives a rule every default of the contract', () => {
    expect(good(rule({})).rules).toEqual([
      {
        name: 'R',
        measure: 'severe_absence_rate',
        areas: [{ by: 'name', text: 'Luton' }],
        condition: { kind: 'above', line: 2, clearBelow: undefined },
        worseBy: undefined,
        schoolType: 'Total',
        breakdown: { topic: 'Total', breakdown: 'Total' },
        timeIdentifiers: undefined,
        sources: undefined,
        dataSets: undefined,
        minEnrolments: 100,
        onSuppressed: 'keep',
        onMissingArea: 'keep',
        remind: false,
        notify: [],
      },
    ]);
  });

  it('reads every option of a rule', () => {
    const text = `recipients: { team: [a@b.example] }
mail: { from: a@b.example }
${rule({
  areas: '[821, E06000032, all, { level: School, within: Luton }, { level: Local authority, within: 821 }]',
  above: undefined,
  gap_to_neighbours: '-0.5',
  clear_below: '-1',
  worse_by: '0.3',
  school_type: 'Primary',
  breakdown: '{ topic: SEN, value: Education, health and care plan }'.replace(
    'Education, health and care plan',
    '"Education, health and care plan"',
  ),
  time_identifiers: '[Year to date, Week]',
  sources: '[pupil-attendance-in-schools]',
  data_sets: '{ include: [a], exclude: [b] }',
  min_enrolments: '0',
  on_suppressed: 'clear',
  on_missing_area: 'clear',
  remind: 'each release',
  notify: 'team',
})}`;
    expect(good(text).rules[0]).toMatchObject({
      areas: [
        { by: 'name', text: '821' },
        { by: 'name', text: 'E06000032' },
        { by: 'all' },
        { by: 'level', level: 'School', within: 'Luton' },
        { by: 'level', level: 'Local authority', within: '821' },
      ],
      condition: { kind: 'gap_to_neighbours', line: -0.5, clearBelow: -1 },
      worseBy: 0.3,
      schoolType: 'State-funded primary',
      breakdown: { topic: 'SEN provision', breakdown: 'EHC plan' },
      timeIdentifiers: ['Year to date', 'Week'],
      sources: ['pupil-attendance-in-schools'],
      dataSets: { include: ['a'], exclude: ['b'] },
      minEnrolments: 0,
      onSuppressed: 'clear',
      onMissingArea: 'clear',
      remind: true,
      notify: ['team'],
    });
  });

  it.each([
    ['above', { above: '2', clear_below: '1' }, { kind: 'above', line: 2, clearBelow: 1 }],
    ['below', { above: undefined, below: '2', clear_above: '3' }, { kind: 'below', line: 2, clearAbove: 3 }],
    ['rise', { above: undefined, rise: '1' }, { kind: 'rise', line: 1 }],
    ['fall', { above: undefined, fall: '1' }, { kind: 'fall', line: 1 }],
    [
      'gap_to_england',
      { above: undefined, gap_to_england: '1' },
      { kind: 'gap_to_england', line: 1, clearBelow: undefined },
    ],
    [
      'a count',
      { measure: 'persistent_absentees', above: '6500' },
      { kind: 'above', line: 6500, clearBelow: undefined },
    ],
  ])('reads the condition %s', (_, lines, condition) => {
    expect(good(rule(lines)).rules[0]?.condition).toEqual(condition);
  });

  it('has no rules, mails nobody and watches both publications when the file is empty', () => {
    for (const text of ['', '# nothing\n', '---\n', '{}']) {
      const config = good(text);
      expect(config.rules).toEqual([]);
      expect(config.recipients.size).toBe(0);
      expect(config.sources.map(({ publication }) => publication)).toEqual([
        'pupil-absence-in-schools-in-england',
        'pupil-attendance-in-schools',
      ]);
      expect(config).toMatchObject({
        schedule: { timezone: 'Europe/London' },
        mail: { tls: 'required', maxPerHour: 200, retryFor: { text: '5 days', milliseconds: 432_000_000 } },
        retention: { versions: undefined, runs: { text: '2 years' } },
        failuresBeforeMail: 3,
        dataDirectory: './data',
        page: { enabled: true, exposed: false },
      });
    }
  });

  it('keeps names and addresses of mailboxes', () => {
    const config = good(`recipients:
  team: [a@b.example, "Data desk <desk@example.org>", '"Desk, data" <desk@example.org>']
  one: c@d.example
mail: { from: Ärzte <x@y.example>, tls: off, retry_for: 1 hour }
`);
    expect(config.recipients.get('team')).toEqual([
      { name: undefined, address: 'a@b.example' },
      { name: 'Data desk', address: 'desk@example.org' },
      { name: 'Desk, data', address: 'desk@example.org' },
    ]);
    expect(config.recipients.get('one')).toEqual([{ name: undefined, address: 'c@d.example' }]);
    expect(config.mail).toMatchObject({ from: { name: 'Ärzte' }, tls: 'off', retryFor: { milliseconds: 3_600_000 } });
  });

  it('understands anchors and aliases', () => {
    const text = `briefs: []\nrules:\n  - &first { name: A, measure: severe_absence_rate, areas: &where [Luton], above: 2 }\n  - { name: B, measure: severe_absence_rate, areas: *where, above: 3 }\n`;
    expect(good(text).rules[1]?.areas).toEqual([{ by: 'name', text: 'Luton' }]);
  });

  it('warns of what is allowed and probably not meant', () => {
    const parsed = parseConfig(
      `schedule: { cron: "30 1 * * *" }\nsources: [{ publication: school-workforce-in-england }]\n${rule({ above: '0.02', breakdown: '{ topic: Height, value: Tall }' })}`,
      'f',
    );
    expect(parsed.kind === 'ok' && parsed.warnings.map(problemText)).toEqual([
      'f:1:19 schedule.cron: runs between 00:00 and 03:00, hours that the clock changes skip or repeat: choose a later hour',
      'f:2:26 sources[0].publication: is not a publication whose layouts are known: what cannot be read is quarantined',
      'f:7:12 rules[0].above: rates are percent: 0.02 means 0.02 in a hundred pupils',
      expect.stringContaining('f:8:25 rules[0].breakdown.topic: "Height" is no topic that files are known to have'),
    ]);
  });
});

it('warns of a rule on neighbours where none are configured', () => {
  const warned = (text: string): string[] => {
    const parsed = parseConfig(text + rule({ above: undefined, gap_to_neighbours: '1.0' }), 'f');
    return parsed.kind === 'ok' ? parsed.warnings.map(problemText) : ['refused'];
  };
  expect(warned('')).toEqual([
    expect.stringContaining('gap_to_neighbours: never raises anything without `neighbours`'),
  ]);
  expect(warned('neighbours: neighbours.csv\n')).toEqual([]);
});

it('whom the people who run EES may write to is the operator, where nobody else is named, else the sender', () => {
  const contact = (text: string): string | undefined => {
    const parsed = parseConfig(text, 'watch.yaml');
    return parsed.kind === 'ok' ? parsed.config.contact : undefined;
  };
  const mail = 'mail: { from: a@b.example, operator: ["Ops <ops@b.example>", late@b.example] }\n';
  expect(contact(mail)).toBe('ops@b.example');
  expect(contact(`${mail}contact: data@b.example\n`)).toBe('data@b.example');
  expect(contact('mail: { from: "Watch <a@b.example>" }\n')).toBe('a@b.example');
  expect(contact('')).toBeUndefined();
});
