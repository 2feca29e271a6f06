/** Edits of rules with alerts open, while figures are missing: nothing is fired or cleared silently. */
import { expect, it } from 'vitest';
import { evaluate, type EvaluateOptions, type Evaluation } from '../../src/alerts/evaluate.js';
import { describeRuleEdit } from '../../src/alerts/rule-edit.js';
import type { Rule } from '../../src/domain/rule.js';
import { freshStore } from '../support/database.js';
import { FiguresWorld, year } from './figures-world.js';
import { ruleWith } from './rules.js';

let minutes = 0;
function options(rule: Rule): EvaluateOptions {
  minutes++;
  const now = new Date(Date.UTC(2026, 9, 22, 9, minutes));
  return { rules: [rule], briefs: [], recipients: { team: ['a@b.example'] }, runId: null, now, paused: false };
}

const world = async (): Promise<FiguresWorld> => new FiguresWorld(await freshStore('embedded'));
const above = (line: number, clearBelow?: number, changes: Partial<Rule> = {}): Rule =>
  ruleWith({ condition: { kind: 'above', line, clearBelow }, ...changes });
const told = ({ events }: Evaluation): string[] =>
  events.map(({ period, event, reason }) => `${period}: ${event}: ${reason}`);
const kinds = ({ events }: Evaluation): string[] => events.map(({ area, event }) => `${area} ${event}`);

/** Luton in breach and told, then without a figure that counts. */
async function suppressed(rule: Rule, symbol = 'c'): Promise<FiguresWorld> {
  const w = await world();
  await w.load(year(2024, { Luton: '2.37', Bedford: '1' }));
  await evaluate(w.store, options(rule));
  await w.load(year(2025, { Luton: symbol, Bedford: '1' }));
  expect((await evaluate(w.store, options(rule))).events).toEqual([]);
  return w;
}

const OPEN =
  'Academic year 2024/25: baseline: first look since this rule was edited: severe absence 2.4%, above the line of 1.5%; there is no figure for academic year 2025/26 that counts: the figure is withheld so that no pupil can be identified (published as “c”). The alert stays open, since a missing figure does not clear it';

it('carries an open alert over where the newest figure is suppressed, and clears it with the next one', async () => {
  const w = await suppressed(above(2, 1.8));
  const edited = above(1.5);
  const [check] = await describeRuleEdit(w.store, [edited]);
  expect(check).toMatchObject({ open_now: 1, stay_open: 1, closed: 0, forgotten: [] });
  expect(check?.text).toBe(
    'Rule "Severe absence" was edited and starts anew, with 1 alert open as it was (1 stays open): the next run would tell of 1 area in one summary.',
  );
  const edit = await evaluate(w.store, options(edited));
  expect(told(edit)).toEqual([OPEN]);
  expect(edit.notifications).toBe(1);
  // And over another edit.
  expect(kinds(await evaluate(w.store, options(above(1.4))))).toEqual(['Luton baseline']);
  await w.load(year(2026, { Luton: '1.32', Bedford: '1' }));
  const cleared = await evaluate(w.store, options(above(1.4)));
  expect(kinds(cleared)).toEqual(['Luton cleared']);
  expect(cleared.notifications).toBe(1);
});

it('does so too where the suppressed release and the edit come in one run, or the edit comes first', async () => {
  const w = await world();
  await w.load(year(2024, { Luton: '2.37', Bedford: '1' }));
  await evaluate(w.store, options(above(2)));
  await w.load(year(2025, { Luton: 'c', Bedford: '1' }));
  expect(told(await evaluate(w.store, options(above(1.5))))).toEqual([OPEN]);

  const before = await world();
  await before.load(year(2024, { Luton: '2.37', Bedford: '1' }));
  await evaluate(before.store, options(above(2)));
  expect(kinds(await evaluate(before.store, options(above(1.5))))).toEqual(['Luton baseline']);
  await before.load(year(2025, { Luton: 'c', Bedford: '1' }));
  expect(kinds(await evaluate(before.store, options(above(1.5))))).toEqual([]);
  await before.load(year(2026, { Luton: '1.32', Bedford: '1' }));
  expect(kinds(await evaluate(before.store, options(above(1.5))))).toEqual(['Luton cleared']);
});

it('tells that the edit closes it where the last figure that counts is not in breach of the edited rule', async () => {
  const w = await suppressed(above(2));
  const [check] = await describeRuleEdit(w.store, [above(3)]);
  expect(check?.text).toContain('1 alert open as it was (1 is closed by the edit, and told): the next run would tell');
  const edit = await evaluate(w.store, options(above(3)));
  expect(told(edit)).toEqual([
    'Academic year 2024/25: baseline: first look since this rule was edited: severe absence 2.4%, not above the line of 3.0%; under the rule as it was before, an alert was open: it is closed by the edit',
  ]);
  expect(edit.notifications).toBe(1);
  await w.load(year(2026, { Luton: '3.2', Bedford: '1' }));
  expect(kinds(await evaluate(w.store, options(above(3))))).toEqual(['Luton crossed']);
});

it('tells that it is closed where the edited rule takes a suppressed figure as cleared', async () => {
  const w = await suppressed(above(2));
  const edit = await evaluate(w.store, options(above(1.5, undefined, { onSuppressed: 'clear' })));
  expect(told(edit)).toEqual([
    'Academic year 2025/26: cleared: no figure for academic year 2025/26: the figure is withheld so that no pupil can be identified (published as “c”); this rule takes that as cleared; under the rule as it was before, an alert was open: it is closed by the edit',
  ]);
  expect(edit.notifications).toBe(1);
});

it('carries it over a figure of too few pupils', async () => {
  const w = await world();
  await w.load(year(2024, { Luton: '2.37', Bedford: '1' }));
  await evaluate(w.store, options(above(2)));
  await w.load(year(2025, { Luton: '1.0', Bedford: '1' }, { enrolments: '40' }));
  await evaluate(w.store, options(above(2)));
  const edit = await evaluate(w.store, options(above(1.5)));
  expect(told(edit)).toEqual([expect.stringMatching(/^Academic year 2024\/25: baseline: .* fewer than the rule asks/)]);
  await w.load(year(2026, { Luton: '1.32', Bedford: '1' }));
  expect(kinds(await evaluate(w.store, options(above(1.5))))).toEqual(['Luton cleared']);
});

it('carries it over a release without the area, or ends it where the edited rule takes missing as gone', async () => {
  const missing = async (): Promise<FiguresWorld> => {
    const w = await world();
    await w.load(year(2024, { Luton: '2.37', Bedford: '1' }));
    await evaluate(w.store, options(above(2)));
    await w.load(year(2025, { Bedford: '1' }));
    await evaluate(w.store, options(above(2)));
    return w;
  };
  const w = await missing();
  const edit = await evaluate(w.store, options(above(1.5)));
  expect(told(edit)).toEqual([
    'Academic year 2024/25: baseline: first look since this rule was edited: severe absence 2.4%, above the line of 1.5%; Luton has no figure in academic year 2025/26, where others have one. The alert stays open, since a missing figure does not clear it',
  ]);
  await w.load(year(2026, { Luton: '1.32', Bedford: '1' }));
  expect(kinds(await evaluate(w.store, options(above(1.5))))).toEqual(['Luton cleared']);

  const gone = await missing();
  const clears = above(1.5, undefined, { onMissingArea: 'clear' });
  expect(kinds(await evaluate(gone.store, options(clears)))).toEqual(['Luton area ended']);
});

it('says on record where an edit leaves an alert without any figure to go on from', async () => {
  const w = await suppressed(above(2));
  const other = above(2, undefined, { timeIdentifiers: ['Autumn term'] });
  const [check] = await describeRuleEdit(w.store, [other]);
  expect(check?.text).toContain(
    'with 1 alert open as it was (that for Luton ends without a mail, since the edited rule does not look there or has no figure to go on from): the next run would find nothing to tell.',
  );
  expect((await evaluate(w.store, options(other))).warnings).toEqual([
    'Rule "Severe absence" was edited: its alert open for Luton ended without a mail, since the edited rule does not look there or has no figure to go on from.',
  ]);
});

it('tells that it is closed where no figure of the edited rule counts', async () => {
  const w = await world();
  const ehc = { topic: 'SEN provision', name: 'EHC plan' };
  await w.load(year(2024, { Luton: '2.37', Bedford: '1' }));
  await w.load(year(2024, { Luton: 'c', Bedford: '1' }, { breakdown: ehc, dataSet: 'Groups' }));
  await evaluate(w.store, options(above(2)));
  const other = above(2, undefined, { breakdown: { topic: 'SEN provision', breakdown: 'EHC plan' } });
  const edit = await evaluate(w.store, options(other));
  expect(told(edit)).toEqual([
    'Academic year 2024/25: baseline: first look since this rule was edited: there is no figure that counts (the figure is withheld so that no pupil can be identified (published as “c”)); under the rule as it was before, an alert was open: it is closed by the edit',
  ]);
  expect(edit.notifications).toBe(1);
});

it('knows an alert of an earlier stretch of the series from one that is open', async () => {
  const w = await world();
  const overall = { measure: 'overall_absence_rate' as const };
  await w.load(year(2023, { Luton: '8.0', Bedford: '1' }, overall));
  await evaluate(w.store, options(above(7, undefined, overall)));
  await w.load(year(2024, { Luton: '6.0', Bedford: '1' }, overall));
  await evaluate(w.store, options(above(7, undefined, overall)));
  const edit = await evaluate(w.store, options(above(6.5, undefined, overall)));
  expect(told(edit)).toEqual([]);
  expect(edit.quietBaselines).toBe(2);
});

it('what holds from the next figures on is told too, as long as it was not applied', async () => {
  const w = await world();
  await w.load(year(2024, { Luton: '2.37', Bedford: '1' }));
  await evaluate(w.store, options(above(2)));
  expect(await describeRuleEdit(w.store, [above(2)])).toEqual([]);
  const other = above(2, undefined, { minEnrolments: 50_000, worseBy: 0.5, remind: true, notify: ['desk'] });
  const [check, ...more] = await describeRuleEdit(w.store, [other]);
  expect(more).toEqual([]);
  expect(check).toMatchObject({ kind: 'settings', would_tell: [] });
  expect(check?.text).toBe(
    'Rule "Severe absence" has other settings: worse_by 0.5 instead of none; min_enrolments 50000 instead of 100, and what is of fewer pupils is no figure; remind true instead of false; notify ["desk"] instead of ["team"]. They hold from the next figures on; no alert changes now.',
  );
  expect(kinds(await evaluate(w.store, options(other)))).toEqual([]);
  expect(await describeRuleEdit(w.store, [other])).toEqual([]);
});
