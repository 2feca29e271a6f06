import { describe, expect, it } from 'vitest';
import { evaluate } from '../../src/alerts/evaluate.js';
import { describeRuleEdit } from '../../src/alerts/rule-edit.js';
import { simulate } from '../../src/alerts/simulate.js';
import type { Rule } from '../../src/domain/rule.js';
import { freshStore } from '../support/database.js';
import { FiguresWorld, LUTON, year, type AreaOf } from './figures-world.js';
import { ruleWith } from './rules.js';

const NOW = new Date('2025-10-23T09:00:00Z');

async function lutonThroughTheYears(): Promise<FiguresWorld> {
  const w = new FiguresWorld(await freshStore('postgres'));
  await w.load(year(2021, { Luton: '1.9' }));
  await w.load(year(2022, { Luton: '2.1' }));
  await w.load(year(2023, { Luton: '2.7' }));
  await w.load(year(2024, { Luton: '1.5' }));
  return w;
}

describe('simulation', () => {
  it('replays the releases, oldest first, and counts the events of each year', async () => {
    const w = await lutonThroughTheYears();
    const { events, rules } = await simulate(w.store, [ruleWith()]);
    expect(
      events.map(({ time_period, event, muted }) => `${time_period} ${event}${muted === null ? '' : `, ${muted}`}`),
    ).toEqual(['202122 baseline, not in breach', '202223 crossed', '202425 cleared']);
    expect(events[1]).toMatchObject({
      area_name: 'Luton',
      value: '2.1',
      release: 'Academic year 2022',
      threshold: '2',
    });
    expect(rules).toEqual([
      {
        rule: 'Severe absence',
        measure: 'severe_absence_rate',
        areas: 1,
        perYear: [
          { academicYear: '2021/22', alerts: 0, events: 0 },
          { academicYear: '2022/23', alerts: 1, events: 1 },
          { academicYear: '2023/24', alerts: 0, events: 0 },
          { academicYear: '2024/25', alerts: 0, events: 1 },
        ],
        suggested: undefined,
      },
    ]);
  });

  it('tries another line, with the clearing line as far from it as before, and writes nothing', async () => {
    const w = await lutonThroughTheYears();
    const rule = ruleWith({ condition: { kind: 'above', line: 2, clearBelow: 1.8 } });
    const { events, rules } = await simulate(w.store, [rule], { line: 2.5 });
    expect(rules).toMatchObject([{ tried: { line: 2.5, clearing: 2.3, configured: 1.8 } }]);
    expect((await simulate(w.store, [rule])).rules[0]?.tried).toBeUndefined();
    expect(
      events
        .filter(({ muted }) => muted === null)
        .map(({ time_period, event, reason }) => `${time_period} ${event}: ${reason}`),
    ).toEqual([
      '202324 crossed: severe absence 2.7%, above the line of 2.5%; it was 2.1% in academic year 2022/23',
      '202425 cleared: severe absence 1.5%, below the clearing line of 2.3%; it was 2.7% in academic year 2023/24',
    ]);
    expect(await w.store.db.selectFrom('alert').select('id').execute()).toEqual([]);
    expect(await w.store.db.selectFrom('alert_rule').select('rule').execute()).toEqual([]);
  });

  it('shows the history that came in one file, period by period', async () => {
    const w = new FiguresWorld(await freshStore('postgres'));
    const rows = ['1.9', '2.1', '1.7'].map((value, i) => [LUTON, 2021 + i, value] as const);
    await w.load(year(2023, {}, { rows }));
    const { events } = await simulate(w.store, [ruleWith()]);
    expect(events.map(({ time_period, event }) => `${time_period} ${event}`)).toEqual([
      '202122 baseline',
      '202223 crossed',
      '202324 cleared',
    ]);
  });

  it('suggests, for a rule over many areas, lines by how many alerts they would have given', async () => {
    const w = new FiguresWorld(await freshStore('postgres'));
    const areas = Array.from({ length: 60 }, (_, i): AreaOf => ({
      level: 'Local authority',
      key: String(201 + i),
      name: `Area ${i}`,
    }));
    // Area i goes from 1.05% to 1.05% + i tenths: a line of 1.0% + k tenths is crossed by all areas from k on.
    const value = (i: number, grown: boolean): string => (1.05 + (grown ? i / 10 : 0)).toFixed(2);
    for (const [start, grown] of [
      [2022, false],
      [2023, true],
    ] as const)
      await w.load(year(start, {}, { rows: areas.map((area, i) => [area, start, value(i, grown)] as const) }));
    const { rules } = await simulate(w.store, [ruleWith()]);
    expect(rules[0]?.suggested?.lines).toEqual([
      { alertsAYear: 1, line: 6.9, wouldHaveGiven: 1, firstLook: 0 },
      { alertsAYear: 5, line: 6.5, wouldHaveGiven: 5, firstLook: 0 },
      { alertsAYear: 20, line: 5, wouldHaveGiven: 20, firstLook: 0 },
    ]);
    for (const { line, wouldHaveGiven } of rules[0]?.suggested?.lines ?? []) {
      const tried = await simulate(w.store, [ruleWith()], { line });
      expect(tried.events.filter(({ event }) => event === 'crossed')).toHaveLength(wouldHaveGiven);
    }
  });
});

describe('a suggested line', () => {
  const authorities = (n: number): AreaOf[] =>
    Array.from({ length: n }, (_, i) => ({ level: 'Local authority', key: String(201 + i), name: `Area ${i}` }));

  it('is none that nearly everything is past at first look, though it would give the number asked for', async () => {
    const w = new FiguresWorld(await freshStore('postgres'));
    // All but one are past every line below 3% from the start; that one crosses what lies below 2.05%.
    for (const [start, last] of [
      [2022, '1.05'],
      [2023, '2.05'],
    ] as const)
      await w.load(
        year(start, {}, { rows: authorities(20).map((area, i) => [area, start, i === 0 ? last : '3.05'] as const) }),
      );
    const { rules } = await simulate(w.store, [ruleWith()]);
    // One of 20 alerts a year is not about 20, and 1 or 5 would be told no more than as many at first look.
    expect(rules[0]?.suggested).toMatchObject({ lines: [], none: [{ alertsAYear: 1 }, { alertsAYear: 5 }, {}] });
  });

  it('gives what the same line tried gives, year by year, clearing line and all', async () => {
    const w = new FiguresWorld(await freshStore('postgres'));
    // Growing rates that go up and down: the first figures are low, so low lines are past at once by nearly all.
    const value = (i: number, start: number): string =>
      (0.3 + 0.011 * i + (start - 2021) * 0.35 + (((i * 7 + start * 13) % 11) - 5) * 0.05).toFixed(2);
    for (const start of [2021, 2022, 2023, 2024])
      await w.load(
        year(start, {}, { rows: authorities(100).map((area, i) => [area, start, value(i, start)] as const) }),
      );
    const rule = ruleWith({ condition: { kind: 'above', line: 3, clearBelow: 2.9 } });
    const { rules } = await simulate(w.store, [rule]);
    const suggested = rules[0]?.suggested?.lines ?? [];
    expect(suggested.map(({ alertsAYear }) => alertsAYear)).toEqual([1, 5, 20]);
    expect(suggested.map(({ line }) => line)).toEqual(suggested.map(({ line }) => line).sort((a, b) => b - a));
    for (const { line, alertsAYear, wouldHaveGiven, firstLook } of suggested) {
      const tried = await simulate(w.store, [rule], { line });
      const [first = 0, ...later] = (tried.rules[0]?.perYear ?? []).map(({ alerts }) => alerts);
      expect(first, `first look at ${line}`).toBe(firstLook);
      expect(later.reduce((sum, n) => sum + n, 0) / later.length, `a year at ${line}`).toBeCloseTo(wouldHaveGiven, 1);
      expect(Math.max(first, wouldHaveGiven)).toBeLessThanOrEqual(alertsAYear);
    }
  });
});

describe('a line suggested where figures were revised', () => {
  it('gives as many alerts a year as the same line tried: those included that a revision opens', async () => {
    const w = new FiguresWorld(await freshStore('postgres'));
    const areas = Array.from({ length: 60 }, (_, i): AreaOf => ({
      ...{ level: 'Local authority', key: String(201 + i), name: `Area ${i}` },
    }));
    const value = (i: number, start: number, revised: number): string =>
      (1 + 0.013 * i + (((i * 7 + start * 13 + revised * 5) % 11) - 5) * 0.08).toFixed(2);
    for (const start of [2021, 2022, 2023, 2024])
      for (const revised of [0, 1])
        await w.load(
          year(
            start,
            {},
            {
              published: `${start + 2}-0${3 + revised}-20T09:30:00Z`,
              rows: areas.map((area, i) => [area, start, value(i, start, revised)] as const),
            },
          ),
        );
    const { rules } = await simulate(w.store, [ruleWith()]);
    const suggested = rules[0]?.suggested?.lines ?? [];
    expect(suggested.length).toBeGreaterThan(1);
    for (const { line, wouldHaveGiven, firstLook } of suggested) {
      const tried = await simulate(w.store, [ruleWith()], { line });
      const years = tried.rules[0]?.perYear ?? [];
      const alerts = years.reduce((sum, each) => sum + each.alerts, 0);
      expect((alerts - firstLook) / (years.length - 1), `a year at ${line}`).toBeCloseTo(wouldHaveGiven, 1);
      expect(tried.events.some(({ event }) => event === 'corrected')).toBe(true);
    }
  });
});

describe('a replay in which figures were revised', () => {
  it('counts the alert that a revision opens, once, and says of nothing that it was mailed', async () => {
    const w = new FiguresWorld(await freshStore('postgres'));
    await w.load(year(2022, { Luton: '1.9' }));
    for (const [i, value] of ['1.8', '2.3', '2.4'].entries())
      await w.load(year(2023, { Luton: value }, { published: `2025-03-2${i}T09:30:00Z` }));
    await w.load(year(2024, { Luton: '2.9' }));
    const { events, rules } = await simulate(w.store, [ruleWith({ worseBy: 0.3 })]);
    expect(rules[0]?.perYear.map(({ academicYear, alerts }) => `${academicYear} ${alerts}`)).toEqual([
      '2022/23 0',
      '2023/24 1',
      '2024/25 0',
    ]);
    expect(events.map(({ event }) => event)).toEqual(['baseline', 'corrected', 'corrected', 'worse']);
    expect(events.at(-1)?.reason).toContain('0.5 percentage points further than the 2.4% last told; it was 2.4%');
    expect(events.map(({ reason }) => reason).join()).not.toContain('mailed');
  });
});

describe('what an edit of the rules would change', () => {
  const of = (name: string, line: number, ...areas: string[]): Rule =>
    ruleWith({
      name,
      condition: { kind: 'above', line, clearBelow: undefined },
      areas: areas.map((text) => ({ by: 'name', text })),
    });
  const evaluateWith = (w: FiguresWorld, rules: readonly Rule[]) =>
    evaluate(w.store, { rules, briefs: [], recipients: {}, runId: null, now: NOW, paused: false });

  it('is said before it counts, and changes nothing', async () => {
    const w = new FiguresWorld(await freshStore('postgres'));
    await w.load(year(2023, { Luton: '2.7', Bedford: '2.4' }));
    await evaluateWith(w, [of('a', 2, 'Luton'), of('b', 2, 'Luton'), of('c', 2, 'Luton')]);
    const rules = [of('a', 3, 'Luton'), of('b', 2, 'Luton', 'Bedford'), of('d', 2, 'Luton')];
    const changes = await describeRuleEdit(w.store, rules);
    expect(changes.map(({ text }) => text)).toEqual([
      'Rule "a" was edited and starts anew, with 1 alert open as it was (1 is closed by the edit, and told): the next run would tell of 1 area in one summary.',
      'Rule "b" is for other areas, 1 area added and 0 removed: the next run would tell of 1 area in one summary.',
      'Rule "d" is new: the next run would tell of 1 area in one summary.',
      'Rule "c" is gone, with 1 alert open: the next run forgets it, and mails nobody. Under another name it is a new rule.',
    ]);
    expect(await describeRuleEdit(w.store, rules)).toEqual(changes);
    await evaluateWith(w, rules);
    expect(await describeRuleEdit(w.store, rules)).toEqual([]);
  });
});
