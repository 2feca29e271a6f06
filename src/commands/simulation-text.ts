/** What `alerts simulate` prints for people. */
import type { NoLine, SuggestedLine, Suggestions } from '../alerts/line-chooser.js';
import type { SimulatedRule, SimulatedYear, Simulation } from '../alerts/simulate.js';
import { isRate, type Measure } from '../domain/measure.js';
import { counted, table } from '../print.js';
import { eventCells } from './event-cells.js';

/** The events in a table, and of each rule the alerts a year and the lines for others. */
export function simulationText({ events, rules }: Simulation): string {
  return [
    events.length === 0
      ? 'The loaded history raises no event.'
      : table(['published', 'rule', 'event', 'area', 'period', 'value', 'before', 'reason'], events.map(eventCells)),
    ...rules.map(({ rule, measure, areas, tried, perYear, suggested }) =>
      [
        ...(tried === undefined ? [] : [`${rule}: ${triedText(tried, measure)}.`]),
        `${rule} (${counted(areas, 'area')}): ${yearsText(perYear)}.`,
        ...(suggested === undefined ? [] : suggestionLines(suggested, measure)),
      ].join('\n'),
    ),
    `${counted(events.length, 'event')}.`,
  ].join('\n\n');
}

/** A line that is tried takes its clearing line along: with the configured one, the two might not fit each other. */
function triedText({ line, clearing, configured }: NonNullable<SimulatedRule['tried']>, measure: Measure): string {
  return `tried with a line of ${lineText(line, measure)} and a clearing line of ${lineText(clearing, measure)}, as far from it as the configured one (${lineText(configured, measure)}) is from its line`;
}

/** One line for each number of alerts a year, the smallest first. */
function suggestionLines({ lines, none }: Suggestions, measure: Measure): string[] {
  return [
    ...lines.map((line) => ({ ...line, text: `a line of ${suggestedText(line, measure)}` })),
    ...none.map((each) => ({ ...each, text: noLineText(each, measure) })),
  ]
    .sort((a, b) => a.alertsAYear - b.alertsAYear)
    .map(
      ({ alertsAYear, text }) => `  For about ${counted(alertsAYear, 'alert')} a year after the first look: ${text}.`,
    );
}

function suggestedText({ line, wouldHaveGiven, firstLook }: SuggestedLine, measure: Measure): string {
  return `${lineText(line, measure)} (it would have given ${wouldHaveGiven.toFixed(1)} a year; the first look would have told ${firstLook === 0 ? 'none' : `${firstLook} in one summary`})`;
}

function noLineText({ nearest }: NoLine, measure: Measure): string {
  const why = 'no line that at most half of the areas are past at first look would have given that many';
  return nearest === undefined ? why : `${why}; the nearest is ${suggestedText(nearest, measure)}`;
}

/** 'alerts a year (past the line at first look, …): 2022/23: 4, 2023/24: 1; 3 further events (cleared, worse, …)' */
function yearsText(perYear: readonly SimulatedYear[]): string {
  if (perYear.length === 0) return 'no alert';
  const further = perYear.reduce((sum, { alerts, events }) => sum + events - alerts, 0);
  const years = perYear.map(({ academicYear, alerts }) => `${academicYear}: ${alerts}`).join(', ');
  const rest =
    further === 0 ? '' : `; ${counted(further, 'further event')} (cleared, worse, other corrections, reminders)`;
  return `alerts a year (past the line at first look, crossed, or taken past it by a revision): ${years}${rest}`;
}

/** A line with at least the decimal of its rates: '5.0', '0.54'; of a count '120'. */
function lineText(line: number, measure: Measure): string {
  return isRate(measure) && Number.isInteger(line) ? line.toFixed(1) : String(line);
}
