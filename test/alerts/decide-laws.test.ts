import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../../src/alerts/decide.js';
import type { RuleFigure } from '../../src/alerts/reading.js';
import type { Decision, RuleState } from '../../src/alerts/rule-state.js';
import { printed } from '../../src/domain/decimal.js';
import { academicPeriod } from '../../src/domain/period.js';
import type { Condition, Rule } from '../../src/domain/rule.js';
import { ruleWith } from './rules.js';

/** A figure of the full year, so many years after 2005/06. */
function figure(years: number, value: string): RuleFigure {
  const number = /^\d[\d.]*$/.test(value);
  return {
    period: academicPeriod(2005 + years, 'Academic year'),
    asOf: undefined,
    value: number ? value : null,
    symbol: number ? undefined : value,
    enrolments: '1000',
    against: undefined,
  };
}

const path = (...values: string[]): RuleFigure[] => values.map((value, i) => figure(i, value));

/** Percent with two decimals, between two bounds in hundredths. */
const percent = (from: number, to: number): fc.Arbitrary<string> =>
  fc.integer({ min: from, max: to }).map((hundredths) => (hundredths / 100).toFixed(2));

const above = (clearBelow?: number): Rule => ruleWith({ condition: { kind: 'above', line: 2, clearBelow } });
const below = (clearAbove?: number): Rule => ruleWith({ condition: { kind: 'below', line: 2, clearAbove } });
const told = (events: readonly Decision[]): Decision[] =>
  events.filter(({ kind, inBreach }) => kind !== 'baseline' || inBreach);

describe('laws of decisions', () => {
  it('no path of values inside the hysteresis band gives more than one event, from whatever state it comes', () => {
    const band = fc.array(percent(180, 200), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(percent(0, 400), band, (start, values) => {
        const { state } = decide(above(1.8), undefined, path(start));
        const inside = values.map((value, i) => figure(i + 1, value));
        expect(decide(above(1.8), state, inside).events).toEqual([]);
        expect(decide(above(1.8), undefined, inside).events.length).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('suppressing a figure never clears, whatever surrounds it', () => {
    const values = fc.array(fc.oneof(percent(0, 400), fc.constantFrom('c', 'x', 'z', 'u', '..', '')), {
      maxLength: 10,
    });
    fc.assert(
      fc.property(values, (figures) => {
        let state: RuleState | undefined;
        figures.forEach((value, i) => {
          const before = state?.inBreach ?? null;
          const outcome = decide(above(), state, [figure(i, value)]);
          state = outcome.state;
          if (/^\d[\d.]*$/.test(value)) return;
          expect(outcome.events).toEqual([]);
          expect(state?.inBreach ?? null).toBe(before);
        });
      }),
    );
  });

  it('a figure seen again, however often, gives no event and leaves the state', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(percent(0, 400), fc.constantFrom('c', 'low')), { minLength: 1 }), (values) => {
        const figures = path(...values);
        const { state } = decide(above(1.8), undefined, figures);
        const again = decide(above(1.8), state, figures);
        expect(again.events).toEqual([]);
        expect(again.state).toEqual(state);
      }),
    );
  });

  it('crossings and clearings take turns, and the last one tells the state', () => {
    fc.assert(
      fc.property(fc.array(percent(100, 300), { minLength: 2, maxLength: 12 }), fc.boolean(), (values, hysteresis) => {
        const { events, state } = decide(above(hysteresis ? 1.7 : undefined), undefined, path(...values));
        for (const [i, event] of events.entries()) if (i > 0) expect(event.inBreach).not.toBe(events[i - 1]?.inBreach);
        expect(state?.inBreach).toBe(events.at(-1)?.inBreach);
      }),
    );
  });

  it('a revision and its undoing leave the state as it was', () => {
    fc.assert(
      fc.property(percent(150, 250), percent(150, 250), percent(150, 250), (earlier, value, other) => {
        const rule = above(1.8);
        const first = decide(rule, undefined, path(earlier, value)).state;
        const revised = decide(rule, first, [figure(1, other)]).state;
        const back = decide(rule, revised, [figure(1, value)]).state;
        expect(back?.inBreach).toBe(first?.inBreach);
        expect(back?.value).toBe(first?.value);
      }),
    );
  });

  it('below is above turned upside down', () => {
    const mirror = (value: string): string => (4 - Number(value)).toFixed(2);
    fc.assert(
      fc.property(fc.array(percent(100, 300), { minLength: 1, maxLength: 10 }), (values) => {
        const up = decide(above(1.8), undefined, path(...values)).events;
        const down = decide(below(2.2), undefined, path(...values.map(mirror))).events;
        expect(down.map(({ kind, inBreach }) => [kind, inBreach])).toEqual(
          up.map(({ kind, inBreach }) => [kind, inBreach]),
        );
      }),
    );
  });

  it('with worse_by, each mail about getting worse lies further from the line than the one before, by more than asked', () => {
    fc.assert(
      fc.property(fc.array(percent(150, 400), { minLength: 2, maxLength: 12 }), (values) => {
        const { events } = decide({ ...above(), worseBy: 0.3 }, undefined, path(...values));
        told(events).forEach((event, i, all) => {
          const before = all[i - 1];
          if (event.kind !== 'worse') return;
          expect(Number(event.compared)).toBeGreaterThan(Number(before?.compared) + 0.3 - 1e-9);
          const printed = /absence ([\d.]+)%.* ([\d.]+) percentage points further than the ([\d.]+)% last/.exec(
            event.reason,
          );
          const [now = NaN, by = NaN, from = NaN] = (printed ?? []).slice(1).map(Number);
          expect(now - from, event.reason).toBeCloseTo(by, 6);
        });
      }),
    );
  });

  it('a reason never prints a figure on the wrong side of its line, nor with more decimals than that takes', () => {
    const conditions: Condition[] = [above().condition, below().condition];
    fc.assert(
      fc.property(
        fc.constantFrom(...conditions),
        fc.integer({ min: 19000, max: 21000 }),
        (condition, tenThousandths) => {
          const value = (tenThousandths / 10_000).toFixed(4);
          const [event] = decide(ruleWith({ condition }), undefined, path(value)).events;
          const [, figureText = '', lineText = ''] =
            /severe absence (\d+\.\d+)%, .* line of (\d\.\d\d?)%$/.exec(event?.reason ?? '') ?? [];
          const side = (shown: number): number => Math.sign(shown - Number(lineText));
          expect(side(Number(figureText))).toBe(side(Number(value)));
          const fewer = (figureText.split('.')[1]?.length ?? 0) - 1;
          expect(figureText).toBe(printed(value, fewer + 1));
          if (fewer > 0) expect(side(Number(printed(value, fewer)))).toBe(0);
        },
      ),
    );
  });
});
