/** Alerts: what stands above (or below) its line now, every event with its reason, what is silenced. */
import { pausedSince } from '../../alerts/queue-upkeep.js';
import { listSilences } from '../../alerts/silence.js';
import { decimal, printed, printedCount } from '../../domain/decimal.js';
import { periodOf } from '../../domain/period.js';
import { isMeasure, isRate } from '../../domain/measure.js';
import type { Store } from '../../load/database.js';
import { listEvents, type EventRow } from '../../load/inspect.js';
import { counted, ukTime } from '../../print.js';
import { areaPath, cell, list, section, table, text, type Block, type Cell, type Page } from './content.js';

const SHOWN = 200;

export async function alertsPage(store: Store, now: Date, rule: string | undefined): Promise<Page> {
  const [standing, events, silences, paused] = await Promise.all([
    standingAlerts(store, { rule }),
    listEvents(store, { rule, limit: SHOWN }),
    listSilences(store, now),
    pausedSince(store),
  ]);
  return {
    title: rule === undefined ? 'Alerts' : `Alerts of "${rule}"`,
    lead: '',
    under: '/alerts',
    sections: [
      section('', [
        paused === undefined
          ? undefined
          : {
              kind: 'verdict',
              tone: 'warn',
              text: `Sending is paused since ${ukTime(paused.at)}: ${paused.reason}`,
              reasons: [],
            },
        rule === undefined ? undefined : { kind: 'links', items: [{ text: 'Alerts of all rules', href: '/alerts' }] },
      ]),
      section('In breach now', [
        standing.length === 0 ? text('No watched figure is beyond its line.') : standingTable(standing),
      ]),
      section('What happened', [events.length === 0 ? text('No event was recorded yet.', true) : eventTable(events)]),
      ...(silences.length === 0
        ? []
        : [
            section('Silences', [
              list(
                silences.map((silence) =>
                  cell(
                    `${silence.rule ?? 'every rule'}, ${silence.area ?? 'every area'}: ${silence.active ? `until ${ukTime(silence.until)}` : 'over'}`,
                    { note: `${silence.reason} (${counted(silence.muted, 'event')} kept quiet)` },
                  ),
                ),
              ),
            ]),
          ]),
    ],
  };
}

interface Standing {
  readonly rule: string;
  readonly level: string;
  readonly code: string;
  readonly name: string;
  readonly measure: string | null;
  readonly period: string;
  readonly school_type: string;
  readonly topic: string;
  readonly breakdown: string;
  readonly value: string | null;
  readonly since: Date | null;
}

/** Rules in breach, newest first; those of one area or one rule. */
export async function standingAlerts(
  store: Store,
  of: { readonly rule?: string | undefined; readonly areaId?: number },
): Promise<Standing[]> {
  let states = store.db
    .selectFrom('alert_state as s')
    .innerJoin('area as a', 'a.id', 's.area_id')
    .innerJoin('period as p', 'p.id', 's.period_id')
    .innerJoin('school_type as t', 't.id', 's.school_type_id')
    .innerJoin('breakdown as b', 'b.id', 's.breakdown_id')
    .leftJoin('alert as e', 'e.id', 's.opened_by')
    .select([
      's.rule',
      'a.level',
      'a.code',
      'a.name',
      'e.measure',
      'p.label as period',
      't.name as school_type',
      'b.topic',
      'b.name as breakdown',
      's.value',
      'e.at as since',
    ])
    .where('s.in_breach', '=', true)
    .orderBy('e.at', 'desc')
    .orderBy('s.rule')
    .orderBy('a.name')
    .limit(SHOWN);
  if (of.rule !== undefined) states = states.where('s.rule', '=', of.rule);
  if (of.areaId !== undefined) states = states.where('s.area_id', '=', of.areaId);
  return states.execute();
}

function standingTable(rows: readonly Standing[]): Block {
  return table(
    'Figures beyond the line of a rule',
    ['Area', 'Figure', 'Rule', 'Pupils', 'Period', 'Since'],
    rows.map((row) => [
      cell(row.name, { href: areaPath(row.level, row.code) }),
      cell(figure(row.measure, row.value), { numeric: true }),
      ruleCell(row.rule),
      pupilsCell(row.school_type, row.topic, row.breakdown),
      cell(row.period),
      cell(row.since === null ? '' : ukTime(row.since)),
    ]),
  );
}

/** Events with their reasons; who was mailed is counted, addresses are not shown. */
export function eventTable(events: readonly EventRow[]): Block {
  return table(
    events.length === SHOWN ? `The newest ${SHOWN} events` : 'Events, newest first',
    ['Area', 'Event', 'Rule', 'Figure', 'Mail', 'When'],
    events.map((event) => [
      cell(event.area_name, {
        note: [periodOf(event.time_period, event.time_identifier)?.label ?? event.time_period, pupils(event)]
          .filter((part) => part !== '')
          .join(', '),
      }),
      cell(event.event, { note: event.reason }),
      ruleCell(event.rule),
      cell(figure(event.measure, event.value), {
        note: event.threshold === null ? '' : `line ${decimal(event.threshold).toString()}`,
        numeric: true,
      }),
      cell(mailWords(event)),
      cell(ukTime(event.at)),
    ]),
  );
}

function ruleCell(rule: string): Cell {
  return cell(rule, { href: `/alerts?rule=${encodeURIComponent(rule)}` });
}

function pupilsCell(schoolType: string, topic: string, breakdown: string): Cell {
  return cell(topic === 'Total' ? 'all' : breakdown, { note: schoolType === 'Total' ? '' : schoolType });
}

function pupils(event: EventRow): string {
  return [
    event.breakdown_topic === 'Total' ? '' : event.breakdown,
    event.school_type === 'Total' ? '' : event.school_type,
  ]
    .filter((part) => part !== '')
    .join(', ');
}

function figure(measure: string | null, value: string | null): string {
  if (value === null) return 'none';
  if (measure !== null && isMeasure(measure) && !isRate(measure)) return printedCount(value);
  return measure === null ? printed(value) : `${printed(value)}%`;
}

function mailWords({ mails, muted }: EventRow): string {
  if (muted !== null) return `none: ${muted}`;
  const counts = new Map<string, number>();
  for (const { state } of mails) counts.set(WORDS[state] ?? state, (counts.get(WORDS[state] ?? state) ?? 0) + 1);
  return counts.size === 0 ? 'none' : [...counts].map(([state, count]) => `${count} ${state}`).join(', ');
}

const WORDS: Readonly<Record<string, string>> = {
  owed: 'to be written',
  queued: 'waiting',
  sending: 'under way',
  dead: 'given up',
};
