/** An event as a row of a table: what `alerts list` and `alerts simulate` have in common. */
import { placesIn } from '../alerts/reason.js';
import { printed } from '../domain/decimal.js';
import { isMeasure, isRate } from '../domain/measure.js';
import { periodOf } from '../domain/period.js';
import { ukTime } from '../print.js';

/** An event as the view `alert_event` and a simulation have it; values as decimal text. */
export interface EventInTable {
  readonly at: Date;
  readonly rule: string;
  readonly event: string;
  readonly measure: string;
  readonly area_name: string;
  readonly time_period: string;
  readonly time_identifier: string;
  readonly value: string | null;
  readonly previous_value: string | null;
  readonly reason: string;
}

/** When, rule, event, area, period, value, value before, reason. */
export function eventCells(row: EventInTable): string[] {
  // Beside '0.99%, below the line of 1.00%' no column says 1.0%.
  const places = placesIn(row.reason);
  return [
    ukTime(row.at),
    row.rule,
    row.event,
    row.area_name,
    periodOf(row.time_period, row.time_identifier)?.label ?? `${row.time_identifier} ${row.time_period}`,
    shown(row.measure, row.value, places),
    shown(row.measure, row.previous_value, places),
    row.reason,
  ];
}

function shown(measure: string, value: string | null, places: number): string {
  if (value === null) return '';
  return isMeasure(measure) && isRate(measure) ? `${printed(value, places)}%` : value;
}
