import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../../src/alerts/decide.js';
import { LineChooser } from '../../src/alerts/line-chooser.js';
import type { RuleFigure } from '../../src/alerts/reading.js';
import { academicPeriod } from '../../src/domain/period.js';
import type { Condition, Rule } from '../../src/domain/rule.js';
import { ruleWith } from './rules.js';

const number = (each: string | undefined): string | null =>
  each === undefined || !/^[\d.]+$/.test(each) ? null : each;
const period = (i: number) => academicPeriod(2014 + i, 'Academic year');

/** A text is a value in percent or a symbol. */
function figures(values: readonly string[], measureOf: 'rise' | 'level' = 'level'): RuleFigure[] {
  return values.map((text, i) => {
    return {
      ...{ period: period(i), asOf: undefined, value: number(text), enrolments: '500' },
      symbol: number(text) === null ? text : undefined,
      against:
        measureOf === 'level' || i === 0
          ? undefined
          : { who: 'a year before', value: number(values[i - 1]), period: period(i - 1), asOf: undefined },
    };
  });
}

/** As `figures`, each period as first published and then as revised: '1.9>2.1'. */
function revised(texts: readonly string[], measureOf: 'rise' | 'level' = 'level'): RuleFigure[] {
  const values = texts.map((text) => text.split('>'));
  return values.flatMap((each, i) =>
    each.map((text) => {
      const last = values.slice(0, i).map((earlier) => earlier.at(-1) ?? '');
      const [figure] = figures([...last, text], measureOf).slice(-1);
      if (figure === undefined) throw new Error('no figure');
      return figure;
    }),
  );
}

function suggest(rule: Rule, areas: readonly (readonly RuleFigure[])[]) {
  const chooser = new LineChooser(rule);
  for (const [i, own] of areas.entries()) chooser.see(String(i), own);
  return chooser.suggest();
}

const above = (clearBelow?: number): Condition => ({ kind: 'above', line: 3, clearBelow });

describe('suggested lines', () => {
  it('come from the side where alerts are rare, not from below, where nearly all is past from the start', () => {
    // Two areas cross 0.5%, which all others are past from the start; three reach 3%; all others cross 0.9%.
    const areas = Array.from({ length: 100 }, (_, i) =>
      figures(i < 2 ? ['0.45', '0.55', '0.55', '0.55'] : ['0.85', '0.95', '0.95', i < 5 ? '3.25' : '0.95']),
    );
    expect(suggest(ruleWith({ condition: above() }), areas).lines).toEqual([
      { alertsAYear: 1, line: 1, wouldHaveGiven: 1, firstLook: 0 },
    ]);
  });

  it('have two decimals where lines in tenths give far too few', () => {
    // Of 60 areas, 0.001 apart, all go from below 1.9% to between 1.9 and 2.0%.
    const areas = Array.from({ length: 60 }, (_, i) => figures(['1.5', (1.931 + i / 1000).toFixed(3)]));
    expect(suggest(ruleWith({ condition: above() }), areas).lines).toEqual([
      { alertsAYear: 20, line: 1.97, wouldHaveGiven: 20, firstLook: 0 },
    ]);
  });

  it('of a rule of lows count the lines down, and figures too low to print as past all of them', () => {
    const areas = [
      ...Array.from({ length: 10 }, (_, i) => figures(['5.0', (4.95 - i / 10).toFixed(2)])),
      figures(['low', 'low']),
    ];
    const rule = ruleWith({ condition: { kind: 'below', line: 1, clearAbove: undefined } });
    expect(suggest(rule, areas)).toEqual({
      lines: [
        { alertsAYear: 1, line: 4.1, wouldHaveGiven: 1, firstLook: 1 },
        { alertsAYear: 5, line: 4.5, wouldHaveGiven: 5, firstLook: 1 },
      ],
      none: [{ alertsAYear: 20, nearest: { alertsAYear: 20, line: 5, wouldHaveGiven: 10, firstLook: 1 } }],
    });
  });

  it('of a fall never lie below zero, where they would be rises, and say for which numbers there is none', () => {
    // Each year one area of eleven falls by 0.4 points, and all others rise by 0.1.
    const areas = Array.from({ length: 11 }, (_, i) =>
      figures(
        Array.from({ length: 12 }, (_, year) => (2 + year / 10 - (year > i ? 0.5 : 0)).toFixed(1)),
        'rise',
      ),
    );
    const rule = ruleWith({ condition: { kind: 'fall', line: 50 } });
    expect(suggest(rule, areas)).toEqual({
      lines: [{ alertsAYear: 1, line: 0, wouldHaveGiven: 1, firstLook: 0 }],
      none: [5, 20].map((alertsAYear) => ({
        ...{ alertsAYear, nearest: { alertsAYear, line: 0, wouldHaveGiven: 1, firstLook: 0 } },
      })),
    });
    const counts = { ...rule, measure: 'persistent_absentees' as const };
    for (const { line } of suggest(counts, areas).lines) expect(line).toBeGreaterThanOrEqual(0);
  });

  it('have a longer first look, of up to half of the areas, where those with a shorter one give too few', () => {
    // Six of twenty areas are past 2.0% from the start; each year one more crosses it, and falls back.
    const areas = Array.from({ length: 20 }, (_, i) =>
      figures(Array.from({ length: 5 }, (_, year) => (i < 6 ? '3.0' : i - 5 === year ? '2.5' : '1.5'))),
    );
    expect(suggest(ruleWith({ condition: above() }), areas).lines).toEqual([
      { alertsAYear: 1, line: 1.5, wouldHaveGiven: 1, firstLook: 6 },
    ]);
    const most = areas.map((own, i) => (i < 12 ? figures(['3.0', '3.0', '3.0', '3.0', '3.0']) : own));
    expect(suggest(ruleWith({ condition: above() }), most).lines).toEqual([]);
  });

  it('count a revision past the line as an alert, which it opens, and one that was taken back by a revision too', () => {
    // Of ten areas four are revised from below 3% to above it, one crosses and is revised to below it.
    const areas = Array.from({ length: 10 }, (_, i) =>
      revised(i < 4 ? ['1.0', '1.0>3.5'] : i === 4 ? ['1.0', '3.5>1.0'] : ['1.0', '1.0']),
    );
    expect(suggest(ruleWith({ condition: above() }), areas).lines).toEqual([
      { alertsAYear: 5, line: 1, wouldHaveGiven: 5, firstLook: 0 },
    ]);
  });

  it('of a gap may lie below England', () => {
    const gap = (values: readonly string[]): RuleFigure[] =>
      figures(values).map((figure) => ({
        ...figure,
        against: { who: 'England', value: '5', period: figure.period, asOf: undefined },
      }));
    const areas = [gap(['2', '3']), gap(['1', '1'])];
    const rule = ruleWith({ condition: { kind: 'gap_to_england', line: 1, clearBelow: undefined } });
    const [line] = suggest(rule, areas).lines;
    expect(line?.line).toBeLessThan(0);
  });

  it('give, held against the same figures by the rules themselves, just what is said of them', () => {
    const value = fc.oneof(
      { weight: 12, arbitrary: fc.integer({ min: 0, max: 400 }).map((n) => (n / 100).toFixed(2)) },
      { weight: 1, arbitrary: fc.constantFrom('c', 'low', 'z') },
    );
    const published = fc.array(value, { minLength: 1, maxLength: 3 }).map((each) => each.join('>'));
    const area = fc.array(published, { minLength: 1, maxLength: 7 });
    const conditions = fc.constantFrom<Condition>(
      { kind: 'above', line: 3, clearBelow: undefined },
      { kind: 'above', line: 3, clearBelow: 2.75 },
      { kind: 'below', line: 1, clearAbove: 1.3 },
      { kind: 'rise', line: 1 },
      { kind: 'fall', line: 1 },
    );
    const suppressed = fc.constantFrom('keep' as const, 'clear' as const);
    let found = 0;
    fc.assert(
      fc.property(fc.array(area, { minLength: 10, maxLength: 40 }), conditions, suppressed, (texts, condition, on) => {
        const perPeriod = condition.kind === 'rise' || condition.kind === 'fall';
        const areas = texts.map((each) => revised(each, perPeriod ? 'rise' : 'level'));
        const rule = ruleWith({ condition, onSuppressed: on });
        const { lines: suggested, none } = suggest(rule, areas);
        expect([...suggested, ...none].map(({ alertsAYear }) => alertsAYear).sort((a, b) => a - b)).toEqual([1, 5, 20]);
        found += suggested.length;
        for (const { line, alertsAYear, wouldHaveGiven, firstLook } of suggested) {
          const clearing = (clear: number | undefined): number | undefined =>
            clear === undefined ? undefined : Math.round((clear - condition.line + line) * 100) / 100;
          const tried = ruleWith({
            onSuppressed: on,
            condition:
              condition.kind === 'above'
                ? { ...condition, line, clearBelow: clearing(condition.clearBelow) }
                : condition.kind === 'below'
                  ? { ...condition, line, clearAbove: clearing(condition.clearAbove) }
                  : { ...condition, line },
          });
          const told = areas.flatMap((own) => decide(tried, undefined, own).events.filter(({ inBreach }) => inBreach));
          const of = (kind: string): number => told.filter((event) => event.kind === kind).length;
          expect(of('baseline')).toBe(firstLook);
          const judged = areas.flatMap((own) => {
            const counting = own.filter(({ value: own, symbol, against }) =>
              perPeriod ? own !== null && against?.value != null : own !== null || symbol === 'low',
            );
            const years = [...new Set(counting.map(({ period }) => period.academicYear))];
            return perPeriod ? years : years.slice(1);
          });
          const opened = of('crossed') + told.filter(({ opens }) => opens === true).length;
          const aYear = opened / Math.max(1, new Set(judged).size);
          expect(Math.abs(aYear - wouldHaveGiven), `${aYear} a year`).toBeLessThan(0.0501);
          expect(firstLook).toBeLessThanOrEqual(Math.ceil(areas.length / 2));
          expect(wouldHaveGiven).toBeLessThanOrEqual(alertsAYear);
          expect(wouldHaveGiven).toBeGreaterThanOrEqual(alertsAYear * 0.75 - 0.05);
          expect(line).toBeGreaterThanOrEqual(0);
        }
      }),
    );
    expect(found).toBeGreaterThan(50);
  });
});
