/** What `alerts simulate` prints for people. */
import { MANY_AREAS, type SimulatedYear, type Simulation } from '../alerts/simulate.js';
import { isRate, type Measure } from '../domain/measure.js';
import { counted, table } from '../print.js';
import { eventCells } from './event-cells.js';

const NO_LINE =
  '  No line would have given about 1, 5 or 20 crossings a year with no more than as many figures past it at first look.';

/** The events in a table, and of each rule the alerts a year and the lines for others. */
export function simulationText({ events, rules }: Simulation): string {
  return [
    events.length === 0
      ? 'The loaded history raises no event.'
      : table(['published', 'rule', 'event', 'area', 'period', 'value', 'before', 'reason'], events.map(eventCells)),
    ...rules.map(({ rule, measure, areas, perYear, suggested }) =>
      [
        `${rule} (${counted(areas, 'area')}): ${yearsText(perYear)}.`,
        ...(areas >= MANY_AREAS && suggested.length === 0 ? [NO_LINE] : []),
        ...suggested.map(
          ({ alertsAYear, line, wouldHaveGiven, firstLook }) =>
            `  For about ${counted(alertsAYear, 'crossing')} a year after the first look: a line of ${lineText(line, measure)} (it would have given ${wouldHaveGiven.toFixed(1)} a year; the first look would have told ${firstLook === 0 ? 'none' : `${firstLook} in one summary`}).`,
        ),
      ].join('\n'),
    ),
    `${counted(events.length, 'event')}.`,
  ].join('\n\n');
}

/** 'alerts a year (first looks and crossings): 2022/23: 4, 2023/24: 1; 3 further events (cleared, worse, …)' */
function yearsText(perYear: readonly SimulatedYear[]): string {
  if (perYear.length === 0) return 'no alert';
  const further = perYear.reduce((sum, { alerts, events }) => sum + events - alerts, 0);
  const years = perYear.map(({ academicYear, alerts }) => `${academicYear}: ${alerts}`).join(', ');
  const rest = further === 0 ? '' : `; ${counted(further, 'further event')} (cleared, worse, corrected, reminders)`;
  return `alerts a year (past the line at first look, or crossed): ${years}${rest}`;
}

/** A line with at least the decimal of its rates: '5.0', '0.54'; of a count '120'. */
function lineText(line: number, measure: Measure): string {
  return isRate(measure) && Number.isInteger(line) ? line.toFixed(1) : String(line);
}
