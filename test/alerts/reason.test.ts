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
});
