import { describe, expect, it } from 'vitest';
import { parseConfig, problemText } from '../../src/config.js';
import { rule } from './rule-text.js';

function problems(text: string): string[] {
  const parsed = parseConfig(text, 'f');
  return parsed.kind === 'invalid' ? parsed.problems.map(problemText) : [];
}

describe('a mistake is told with its line and column, in plain words, with the name that was meant', () => {
  it.each([
    [
      'an unknown key at the top',
      'recipents: {}',
      'f:1:1 recipents: is not a key that is known here; did you mean "recipients"?',
    ],
    [
      'an unknown key of a rule',
      rule({ treshold: '2' }),
      expect.stringContaining('f:6:5 rules[0].treshold: is not a key that is known here (known: name, measure, areas,'),
    ],
    [
      'an unknown key of a section',
      'mail: { form: x }',
      'f:1:9 mail.form: is not a key that is known here; did you mean "from"?',
    ],
    [
      'an unknown key of a selector',
      rule({ areas: '[{ level: School, wihtin: Luton }]' }),
      'f:4:30 rules[0].areas[0].wihtin: is not a key that is known here; did you mean "within"?',
    ],
    [
      'an unknown measure',
      rule({ measure: 'sever_absence_rate' }),
      'f:3:14 rules[0].measure: "sever_absence_rate" is not known here; did you mean "severe_absence_rate"?',
    ],
    ['a missing measure', rule({ measure: undefined }), 'f:2:5 rules[0].measure: is missing'],
    [
      'no condition',
      rule({ above: undefined }),
      'f:2:5 rules[0]: needs one of above, below, rise, fall, gap_to_england, gap_to_neighbours',
    ],
    [
      'two conditions',
      rule({ rise: '1' }),
      'f:6:5 rules[0].rise: beside `above`: a rule has exactly one of above, below, rise, fall, gap_to_england, gap_to_neighbours',
    ],
    [
      'a number as text',
      rule({ above: '"2,0"' }),
      'f:5:12 rules[0].above: must be a number, not text (write it without quotes, with a full stop)',
    ],
    [
      'a percentage sign',
      rule({ above: '2%' }),
      'f:5:12 rules[0].above: must be a number, not text (write it without quotes, with a full stop)',
    ],
    ['an infinite line', rule({ above: '.inf' }), 'f:5:12 rules[0].above: must be a number, not infinite'],
    ['an empty value', rule({ above: '' }), 'f:5:12 rules[0].above: must be a number, not empty'],
    [
      'a line beyond 100 percent',
      rule({ above: '101' }),
      'f:5:12 rules[0].above: must lie between 0 and 100: rates are percent, differences points',
    ],
    [
      'a negative rate',
      rule({ above: '-1' }),
      'f:5:12 rules[0].above: must lie between 0 and 100: rates are percent, differences points',
    ],
    [
      'a negative count',
      rule({ measure: 'enrolments', above: '-1' }),
      'f:5:12 rules[0].above: is a count and cannot be negative',
    ],
    [
      'a negative fall of a count',
      rule({ measure: 'enrolments', above: undefined, fall: '-261' }),
      'f:5:11 rules[0].fall: cannot be negative: the count has to fall by more than this; `rise` watches the other way',
    ],
    [
      'a negative rise of a rate',
      rule({ above: undefined, rise: '-1' }),
      'f:5:11 rules[0].rise: must lie between 0 and 100: rates are percent, differences points',
    ],
    [
      'a count held against England',
      rule({ measure: 'enrolments', above: undefined, gap_to_england: '1' }),
      'f:5:5 rules[0].gap_to_england: compares rates: the count enrolments of an area cannot be held against it',
    ],
    [
      'clear_below above the line',
      rule({ clear_below: '2.5' }),
      'f:6:18 rules[0].clear_below: must be below the line of `above` (2)',
    ],
    [
      'clear_below on the line',
      rule({ clear_below: '2' }),
      'f:6:18 rules[0].clear_below: must be below the line of `above` (2)',
    ],
    [
      'clear_above below the line',
      rule({ above: undefined, below: '2', clear_above: '1' }),
      'f:6:18 rules[0].clear_above: must be above the line of `below` (2)',
    ],
    [
      'clear_above beside above',
      rule({ clear_above: '1' }),
      'f:6:5 rules[0].clear_above: does not go with `above`; did you mean "clear_below"?',
    ],
    [
      'clear_below beside rise',
      rule({ above: undefined, rise: '1', clear_below: '0' }),
      'f:6:5 rules[0].clear_below: has no meaning with `rise`, which is told for each period in which it happens',
    ],
    [
      'an unknown group',
      `recipients: { team: [a@b.example] }\nmail: { from: a@b.example }\n${rule({ notify: '[taem]' })}`,
      'f:8:14 rules[0].notify[0]: "taem" is no group of `recipients`; did you mean "team"?',
    ],
    [
      'an unknown group of a brief',
      'recipients: { team: [a@b.example] }\nmail: { from: a@b.example }\nbriefs: [{ areas: Luton, notify: teem }]',
      'f:3:34 briefs[0].notify: "teem" is no group of `recipients`; did you mean "team"?',
    ],
    ['a brief for nobody', 'briefs: [{ areas: [Luton] }]', 'f:1:10 briefs[0].notify: is missing'],
    ['an empty group', 'recipients: { team: [] }', 'f:1:21 recipients.team: must not be an empty list'],
    [
      'an unknown time identifier',
      rule({ time_identifiers: '[Autum term]' }),
      'f:6:24 rules[0].time_identifiers[0]: "Autum term" is not known here; did you mean "Autumn term"?',
    ],
    [
      'one week',
      rule({ time_identifiers: 'Week 8' }),
      'f:6:23 rules[0].time_identifiers: "Week 8" is not known here; did you mean "Week"?',
    ],
    [
      'an unknown school type',
      rule({ school_type: 'State-funded primry' }),
      'f:6:18 rules[0].school_type: "State-funded primry" is no school type; did you mean "State-funded primary"?',
    ],
    [
      'an unknown topic',
      rule({ breakdown: '{ topic: SEN provison, value: EHC plan }' }),
      'f:6:25 rules[0].breakdown.topic: "SEN provison" is no topic of a breakdown; did you mean "SEN provision"?',
    ],
    [
      'an unknown group of a topic',
      rule({ breakdown: '{ topic: SEN provision, value: EHC plam }' }),
      'f:6:47 rules[0].breakdown.value: "EHC plam" is no value of a breakdown; did you mean "EHC plan"?',
    ],
    [
      'an unknown level',
      rule({ areas: '[{ level: Local autority }]' }),
      'f:4:22 rules[0].areas[0].level: "Local autority" is not known here; did you mean "Local authority"?',
    ],
    ['no areas', rule({ areas: '[]' }), 'f:4:12 rules[0].areas: must not be an empty list'],
    [
      'an unknown publication',
      'sources: [{ publication: pupil-absence-in-school-in-england }]',
      'f:1:26 sources[0].publication: "pupil-absence-in-school-in-england" is not known; did you mean "pupil-absence-in-schools-in-england"?',
    ],
    [
      'an address for a publication',
      'sources: [{ publication: "https://x/y" }]',
      'f:1:26 sources[0].publication: is no publication: write the last part of its address on EES, such as pupil-absence-in-schools-in-england',
    ],
    [
      'a publication twice',
      'sources: [{ publication: pupil-attendance-in-schools }, { publication: pupil-attendance-in-schools }]',
      'f:1:72 sources[1].publication: "pupil-attendance-in-schools" is listed twice',
    ],
    [
      'a source that is not watched',
      `sources: [{ publication: pupil-attendance-in-schools }]\n${rule({ sources: '[pupil-attendance-in-school]' })}`,
      'f:7:15 rules[0].sources[0]: "pupil-attendance-in-school" is none of the publications under `sources`; did you mean "pupil-attendance-in-schools"?',
    ],
    ['a doubled key', 'mail: { tls: off }\nmail: { tls: off }\n', 'f:2:1 the key "mail" stands twice in this section'],
    [
      'a doubled rule name',
      `${rule({})}${rule({}).replace('rules:\n', '')}`,
      'f:6:11 rules[1].name: "R" is the name of a rule above: a rule\'s name is its identity',
    ],
    [
      'a name of two lines',
      rule({ name: '"Luton\\nBcc: x@y.example"' }),
      'f:2:11 rules[0].name: must be one line without control characters',
    ],
    [
      'an address that begins a header',
      'recipients: { team: ["a@b.example\\r\\nBcc: x@y.example"] }',
      'f:1:22 recipients.team[0]: is not one mail address: write name@example.org or "Name <name@example.org>"',
    ],
    [
      'two addresses in one',
      'recipients: { team: ["a@b.example, c@d.example"] }',
      'f:1:22 recipients.team[0]: is not one mail address: write name@example.org or "Name <name@example.org>"',
    ],
    [
      'a cron expression of four fields',
      'schedule: { cron: "9 * * *" }',
      'f:1:19 schedule.cron: has 4 fields: write five (minute hour day month weekday), or six with seconds first',
    ],
    [
      'a nickname for a cron expression',
      'schedule: { cron: "@daily" }',
      'f:1:19 schedule.cron: has 1 fields: write five (minute hour day month weekday), or six with seconds first',
    ],
    [
      'an impossible hour',
      'schedule: { cron: ["0 25 * * *"] }',
      'f:1:20 schedule.cron[0]: does not say hours with "25"',
    ],
    [
      'a day that never comes',
      'schedule: { cron: "0 9 30 2 *" }',
      'f:1:19 schedule.cron: does not say days of the month with "30"',
    ],
    [
      'a backward range',
      'schedule: { cron: "50-10 9 * * *" }',
      'f:1:19 schedule.cron: has a range that runs backwards ("50-10"), which cron does not know',
    ],
    [
      'a backward range of names',
      'schedule: { cron: "0 9 * nov-feb *" }',
      'f:1:19 schedule.cron: has a range that runs backwards ("nov-feb"), which cron does not know',
    ],
    [
      'a word that only some schedulers know',
      'schedule: { cron: "0 9 L * *" }',
      'f:1:19 schedule.cron: says "L": L, W and # are not cron\'s; write the days themselves, or run daily',
    ],
    [
      'steps of both kinds of days',
      'schedule: { cron: "0 9 */2 * */2" }',
      expect.stringContaining('day of the week: some crons run on either, this scheduler only where both are true'),
    ],
    [
      'both kinds of days',
      'schedule: { cron: "0 9 1 * 1" }',
      expect.stringContaining('f:1:19 schedule.cron: restricts both the day of the month and the day of the week'),
    ],
    [
      'all days of the month and some of the week, written out',
      'schedule: { cron: "0 9 1-31 * 1" }',
      expect.stringContaining('f:1:19 schedule.cron: restricts both the day of the month and the day of the week'),
    ],
    [
      'all days of the week, written out, and one of the month',
      'schedule: { cron: "0 9 1 * 0-6" }',
      expect.stringContaining('f:1:19 schedule.cron: restricts both the day of the month and the day of the week'),
    ],
    [
      'a wrong time zone',
      'schedule: { timezone: Europe/Londn }',
      'f:1:23 schedule.timezone: is no time zone; did you mean "Europe/London"?',
    ],
    [
      'an offset for a time zone',
      'schedule: { timezone: "+01:00" }',
      'f:1:23 schedule.timezone: is no time zone: write one such as Europe/London',
    ],
    [
      'a wrong duration',
      'mail: { retry_for: 5 dayz }',
      'f:1:20 mail.retry_for: is no length of time: write a number and a unit, such as 5 days, 2 weeks or 1 year',
    ],
    [
      'a duration for ever where it must end',
      'mail: { retry_for: forever }',
      'f:1:20 mail.retry_for: is no length of time: write a number and a unit, such as 5 days, 2 weeks or 1 year',
    ],
    [
      'a wrong retention',
      'retention: { runs: always }',
      'f:1:20 retention.runs: is no length of time: write forever, or a number and a unit, such as 2 years',
    ],
    [
      'no sender although somebody is to be told',
      `recipients: { team: [a@b.example] }\n${rule({ notify: 'team' })}`,
      'f:1:1 mail.from: is missing: the address that mails come from',
    ],
    [
      'tls switched with a word of its own',
      'mail: { tls: no }',
      'f:1:14 mail.tls: "no" is not known here (known: required, off)',
    ],
    ['a section where a list belongs', 'rules: { name: x }', 'f:1:8 rules: must be a list, not a section'],
    ['a list for the whole file', '- rules', 'f:1:1 must be a section with keys of its own, not a list'],
    [
      'a heartbeat that is no address',
      'heartbeat_url: ftp://x',
      'f:1:16 heartbeat_url: is no web address: it begins with https:// or http://',
    ],
    ['broken YAML', 'rules: [\n  {a: 1\n', expect.stringMatching(/^f:3:\d+ is no YAML: /)],
    [
      'a tag of another language',
      'contact: !!js/function x',
      expect.stringMatching(/^f:1:10 is no YAML: Unresolved tag/),
    ],
    ['a section for a key', '? { a: 1 }\n: 2', 'f:1:3 a key must be plain text'],
    ['a second document', '--- {}\n--- {}\n', expect.stringContaining('is no YAML')],
  ])('%s', (_, text, expected) => {
    expect(problems(text)).toContainEqual(expected);
  });

  it('tells every mistake at once, in the order of the file, and each once', () => {
    const found = problems(`schedule: { cron: "x", timezone: Mars }
recipents: {}
mail: { retry_for: soon }
rules:
  - { name: A, mesure: x, areas: [Luton], above: two, notify: [nobody] }
  - { name: A, measure: severe_absence_rate, areas: [Luton] }
`);
    expect(found.map((problem) => problem.split(' ').slice(0, 2).join(' '))).toEqual([
      'f:1:19 schedule.cron:',
      'f:1:34 schedule.timezone:',
      'f:2:1 recipents:',
      'f:3:7 mail.from:',
      'f:3:20 mail.retry_for:',
      'f:5:5 rules[0].measure:',
      'f:5:16 rules[0].mesure:',
      'f:5:50 rules[0].above:',
      'f:5:64 rules[0].notify[0]:',
      'f:6:5 rules[1]:',
      'f:6:13 rules[1].name:',
    ]);
    expect(new Set(found).size).toBe(found.length);
  });

  it('never repeats an address or the heartbeat in a message', () => {
    const text = 'recipients: { a: [someone@@private.example] }\nheartbeat_url: "ftp://token-123"\n';
    expect(problems(text).join('\n')).not.toMatch(/private|token-123/);
  });

  it('lists a hundred problems and counts the rest', () => {
    const found = problems(Array.from({ length: 250 }, (_, index) => `key${index}: 1`).join('\n'));
    expect(found).toHaveLength(101);
    expect(found.at(-1)).toBe('f and 150 more');
  });
});

it('reads both of two sections of one name', () => {
  const text = [
    'rules:',
    '  - { name: A, measure: severe_absence_rat, areas: [Luton], above: 2, notify: [team] }',
    'recipients: { team: [nobody], team: [team@example.org] }',
    'rules: []',
  ].join('\n');
  const parsed = parseConfig(text, 'f');
  const said = parsed.kind === 'invalid' ? parsed.problems.map(({ line, message }) => `${line} ${message}`) : [];
  expect(said).toEqual([
    expect.stringMatching(/^2 .*severe_absence_rate/),
    expect.stringMatching(/^3 is not one mail address/),
    '3 the key "team" stands twice in this section',
    '4 the key "rules" stands twice in this section',
  ]);
});
