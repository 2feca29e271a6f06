/** What a reason says of a figure, read alone. */
import { describe, expect, it } from 'vitest';
import { decide } from '../../src/alerts/decide.js';
import type { RuleFigure } from '../../src/alerts/reading.js';
import type { Rule } from '../../src/domain/rule.js';
import { term } from './brief-fixtures.js';
import { ruleWith } from './rules.js';

function figure(year: number, value: string | null, changes: Partial<RuleFigure> = {}): RuleFigure {
  return {
    period: term(year),
    asOf: undefined,
    value,
    symbol: undefined,
    enrolments: '10000',
    against: undefined,
    ...changes,
  };
}

/** The reason of the last event that the figures raise. */
function reason(rule: Rule, ...figures: readonly RuleFigure[]): string | undefined {
  return decide(rule, undefined, figures).events.at(-1)?.reason;
}

describe('the reason of an event', () => {
  it('names the school type and the pupil group wherever it is not Total', () => {
    const crossing = [figure(2023, '1.5'), figure(2024, '2.1')] as const;
    expect(reason(ruleWith({ schoolType: 'State-funded primary' }), ...crossing)).toBe(
      'severe absence in state-funded primary schools 2.1%, above the line of 2.0%; it was 1.5% in autumn and spring terms 2023/24',
    );
    expect(
      reason(ruleWith({ breakdown: { topic: 'SEN provision', breakdown: 'SEN support' } }), ...crossing),
    ).toContain('severe absence of pupils with SEN support 2.1%, above');
  });

  it('counts pupils as a sentence does', () => {
    const rule = ruleWith({
      measure: 'severe_absentees',
      condition: { kind: 'above', line: 1, clearBelow: undefined },
    });
    expect(reason(rule, figure(2023, '1'), figure(2024, '2'))).toBe(
      '2 severely absent pupils, above the line of 1; there was 1 in autumn and spring terms 2023/24',
    );
  });

  it('reminds of an alert that stays open over a withheld figure, once', () => {
    const withheld = figure(2024, null, { symbol: 'c' });
    const rule = ruleWith({ remind: true });
    const { events, state } = decide(rule, undefined, [figure(2023, '2.3'), withheld, withheld]);
    expect(events.map(({ kind }) => kind)).toEqual(['baseline', 'reminder']);
    expect(events[1]).toMatchObject({ inBreach: true, value: null, previousValue: '2.3' });
    expect(events[1]?.reason).toBe(
      'there is no figure for severe absence in autumn and spring terms 2024/25 that counts: the figure is withheld so that no pupil can be identified (published as “c”). The alert stays open, since a missing figure does not clear it; the last figure was 2.3% in autumn and spring terms 2023/24. Told at each release, as the rule asks',
    );
    expect(state?.inBreach).toBe(true);
    expect(decide(ruleWith(), undefined, [figure(2023, '2.3'), withheld]).events).toHaveLength(1);
  });

  it('prints a figure with the decimals of its line', () => {
    const rule = ruleWith({
      measure: 'persistent_absence_rate',
      condition: { kind: 'below', line: 17.95, clearAbove: undefined },
    });
    expect(reason(rule, figure(2023, '18'), figure(2024, '17.3'))).toBe(
      'persistent absence 17.30%, below the line of 17.95%; it was 18.00% in autumn and spring terms 2023/24',
    );
  });

  it('says of a revision what was revised and where that leaves the difference', () => {
    const rule = ruleWith({ condition: { kind: 'gap_to_england', line: 0.2, clearBelow: undefined } });
    const beside = (value: string) =>
      figure(2024, value, {
        against: { who: 'England', value: '1.9', period: term(2024), asOf: undefined },
      });
    expect(reason(rule, beside('1.7'), beside('2.3'))).toBe(
      'severe absence in autumn and spring terms 2024/25 revised: was 1.7%, now 2.3%; that makes severe absence 2.3%, 0.4 percentage points above England (1.9%), now more than the line of 0.2 percentage points',
    );
  });
});
