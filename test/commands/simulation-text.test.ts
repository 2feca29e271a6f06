import { describe, expect, it } from 'vitest';
import type { Suggestions } from '../../src/alerts/line-chooser.js';
import type { SimulatedEvent, Simulation } from '../../src/alerts/simulate.js';
import { simulationText } from '../../src/commands/simulation-text.js';

const event: SimulatedEvent = {
  ...{ at: new Date('2025-10-23T08:30:00Z'), rule: 'Low', event: 'crossed', measure: 'severe_absence_rate' },
  reason: 'severe absence 0.99%, below the line of 1.00%; it was 1.04% in academic year 2023/24',
  ...{ area_code: 'E06000032', area_name: 'Luton', series: 'absence/academic-year' },
  ...{ time_period: '202425', time_identifier: 'Academic year' },
  ...{ school_type: 'Total', breakdown_topic: 'Total', breakdown: 'Total' },
  ...{ value: '0.99', previous_value: '1.04', threshold: '1', release: 'Academic year 2024/25', muted: null },
};

const simulation: Simulation = {
  events: [event],
  rules: [
    {
      ...{ rule: 'Low', measure: 'severe_absence_rate', areas: 158 },
      perYear: [
        { academicYear: '2023/24', alerts: 2, events: 2 },
        { academicYear: '2024/25', alerts: 1, events: 3 },
      ],
      suggested: {
        lines: [
          { alertsAYear: 1, line: 1, wouldHaveGiven: 1, firstLook: 0 },
          { alertsAYear: 5, line: 1.04, wouldHaveGiven: 4.8, firstLook: 2 },
        ],
        none: [],
      },
    },
  ],
};

describe('the text of a simulation', () => {
  it('has values with the decimals of their reason', () => {
    const row = simulationText(simulation)
      .split('\n')
      .find((line) => line.includes('crossed '));
    expect(row).toMatch(/ 0\.99% +1\.04% /);
    const coarse = { ...event, value: '2.12', reason: 'severe absence 2.1%, above the line of 2.0%' };
    expect(simulationText({ ...simulation, events: [coarse] })).toMatch(/ 2\.1% /);
  });

  it('counts a year what the suggested lines are chosen by, and prints these with their decimals', () => {
    expect(simulationText(simulation).split('\n').slice(-5)).toEqual([
      'Low (158 areas): alerts a year (past the line at first look, crossed, or taken past it by a revision): 2023/24: 2, 2024/25: 1; 2 further events (cleared, worse, other corrections, reminders).',
      '  For about 1 alert a year after the first look: a line of 1.0 (it would have given 1.0 a year; the first look would have told none).',
      '  For about 5 alerts a year after the first look: a line of 1.04 (it would have given 4.8 a year; the first look would have told 2 in one summary).',
      '',
      '1 event.',
    ]);
  });

  it('says which clearing line went with a line that was tried', () => {
    const tried = simulation.rules.map((rule) => ({ ...rule, tried: { line: 2.5, clearing: 2.3, configured: 1.8 } }));
    expect(simulationText({ ...simulation, rules: tried })).toContain(
      '\nLow: tried with a line of 2.5 and a clearing line of 2.3, as far from it as the configured one (1.8) is from its line.\nLow (158 areas): ',
    );
  });

  it('says for which numbers there is no line, and says nothing of lines for one area', () => {
    const text = (suggested: Suggestions | undefined): string =>
      simulationText({ ...simulation, rules: simulation.rules.map((rule) => ({ ...rule, suggested })) });
    const nearest = { alertsAYear: 20, line: 0.9, wouldHaveGiven: 10.8, firstLook: 3 };
    const lines = text({
      lines: [{ alertsAYear: 5, line: 1, wouldHaveGiven: 5, firstLook: 0 }],
      none: [
        { alertsAYear: 1, nearest: undefined },
        { alertsAYear: 20, nearest },
      ],
    }).split('\n');
    expect(lines.slice(-5, -2)).toEqual([
      '  For about 1 alert a year after the first look: no line that at most half of the areas are past at first look would have given that many.',
      '  For about 5 alerts a year after the first look: a line of 1.0 (it would have given 5.0 a year; the first look would have told none).',
      '  For about 20 alerts a year after the first look: no line that at most half of the areas are past at first look would have given that many; the nearest is 0.9 (it would have given 10.8 a year; the first look would have told 3 in one summary).',
    ]);
    expect(text(undefined)).not.toContain('line, with');
    expect(text(undefined)).not.toContain('For about');
  });
});
