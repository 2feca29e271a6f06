import { describe, expect, it } from 'vitest';
import { unansweredNames } from '../../src/alerts/watched-names.js';
import { parseConfig, problemText } from '../../src/config.js';
import { freshStore } from '../support/database.js';
import { FiguresWorld, year } from './figures-world.js';

const FILE = `mail: { from: a@example.org }
recipients: { desk: [desk@example.org] }
rules:
  - name: one
    measure: severe_absence_rate
    above: 2
    areas: [Luton, Lutonn, { level: Local authority, within: East of Englnd }]
    notify: desk
  - name: two
    measure: severe_absence_rate
    above: 2
    areas: Nowhere at all
    school_type: Special
    breakdown: { topic: SEN provision, value: EHC plan }
    notify: desk
briefs:
  - { areas: [Lutn], notify: desk }
`;

describe('names that no loaded figure answers to', () => {
  it('are named with their place and the nearest name; while nothing is loaded, none is', async () => {
    const w = new FiguresWorld(await freshStore('postgres'));
    const parsed = parseConfig(FILE, 'watch.yaml');
    if (parsed.kind === 'invalid') throw new Error(parsed.problems.map(problemText).join());
    const said = async () =>
      (await unansweredNames(w.store, parsed.names)).map(({ name, message }) =>
        problemText({ ...name.place, message }),
      );
    expect(await said()).toEqual([]);
    await w.load(year(2023, { Luton: '2.7' }));
    expect(await said()).toEqual([
      'watch.yaml:7:20 rules[0].areas[1]: no loaded figure has the area "Lutonn"; did you mean "Luton"?',
      'watch.yaml:7:28 rules[0].areas[2]: no loaded figure has the area "Local authority within East of Englnd"; did you mean "East of England"?',
      'watch.yaml:12:12 rules[1].areas: no loaded figure has the area "Nowhere at all"',
      'watch.yaml:13:18 rules[1].school_type: no loaded figure has the school type "Special"; loaded is Total',
      'watch.yaml:14:16 rules[1].breakdown: no loaded figure has the topic of a breakdown "SEN provision"; loaded is Total',
      'watch.yaml:17:15 briefs[0].areas[0]: no loaded figure has the area "Lutn"; did you mean "Luton"?',
    ]);
  });

  it('are collected from a file that has other mistakes, too', () => {
    const parsed = parseConfig(
      FILE.replace('measure: severe_absence_rate', 'measure: severe_rate').replace('name: two', 'nam: two'),
      'watch.yaml',
    );
    if (parsed.kind !== 'invalid') throw new Error('the file has mistakes');
    expect(parsed.problems.length).toBeGreaterThan(1);
    expect(parsed.rest?.names.map(({ place }) => place.path)).toEqual([
      'rules[0].areas[0]',
      'rules[0].areas[1]',
      'rules[0].areas[2]',
      'rules[1].areas',
      'rules[1].school_type',
      'rules[1].breakdown',
      'briefs[0].areas[0]',
    ]);
  });
});
