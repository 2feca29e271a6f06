/** Reads the cases of decide-cases.md and holds the decisions against them, word for word. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { decide } from '../../src/alerts/decide.js';
import type { Against, RuleFigure } from '../../src/alerts/reading.js';
import { comparePosition, type Decision, type RuleState } from '../../src/alerts/rule-state.js';
import { isMeasure } from '../../src/domain/measure.js';
import { academicPeriod, weekPeriod, type Period, type TimeIdentifier } from '../../src/domain/period.js';
import type { Condition, Rule } from '../../src/domain/rule.js';
import { ruleWith } from './rules.js';

const FILE = fileURLToPath(new URL('decide-cases.md', import.meta.url));

interface Case {
  readonly title: string;
  readonly rule: string;
  readonly figures: string;
  readonly events: readonly string[];
}

function readCases(text: string): Case[] {
  return text
    .split(/^## /m)
    .slice(1)
    .map((block) => {
      const lines = block.split('\n');
      const field = (name: string): string => {
        const found = lines.find((line) => line.startsWith(`${name}: `));
        if (found === undefined) throw new Error(`case "${lines[0] ?? ''}" has no line "${name}:"`);
        return found.slice(name.length + 2);
      };
      const events = lines.filter((line) => line.startsWith('- ')).map((line) => line.slice(2));
      return { title: lines[0] ?? '', rule: field('Rule'), figures: field('Figures'), events };
    });
}

/** 'above 2.0, clear below 1.8, worse by 0.5, remind, suppressed clears, min 0, persistent_absence_rate' */
function ruleOf(text: string): Rule {
  const parts = text.split(', ');
  const number = (pattern: RegExp): number | undefined => {
    for (const part of parts) {
      const match = pattern.exec(part);
      if (match?.[1] !== undefined) return Number(match[1]);
    }
    return undefined;
  };
  const [kind, line] = (parts[0] ?? '').split(/ (?=[\d.-]+$)/);
  const clearBelow = number(/^clear below (.+)$/);
  const clearAbove = number(/^clear above (.+)$/);
  const conditions: Record<string, Condition> = {
    above: { kind: 'above', line: Number(line), clearBelow },
    below: { kind: 'below', line: Number(line), clearAbove },
    rise: { kind: 'rise', line: Number(line) },
    fall: { kind: 'fall', line: Number(line) },
    'gap to England': { kind: 'gap_to_england', line: Number(line), clearBelow },
    'gap to neighbours': { kind: 'gap_to_neighbours', line: Number(line), clearBelow },
  };
  const condition = conditions[kind ?? ''];
  if (condition === undefined) throw new Error(`no such rule: ${text}`);
  return ruleWith({
    condition,
    measure: parts.find(isMeasure) ?? 'severe_absence_rate',
    worseBy: number(/^worse by (.+)$/),
    minEnrolments: number(/^min (.+)$/) ?? 100,
    remind: parts.includes('remind'),
    onSuppressed: parts.includes('suppressed clears') ? 'clear' : 'keep',
  });
}

/** '2023/24', 'autumn and spring 2023/24', 'week 8 2025', '2024/25 to 2025-01-10' */
function periodIn(text: string): { period: Period; asOf: string | undefined } {
  const week = /^week (\d+) (\d{4})$/.exec(text);
  if (week) return { period: weekPeriod(Number(week[2]), Number(week[1])), asOf: undefined };
  const [, words = '', year = '', day] = /^(?:(\D+) )?(\d{4})\/\d\d(?: to (\S+))?$/.exec(text) ?? [];
  const identifiers: Record<string, Exclude<TimeIdentifier, `Week ${number}`>> = {
    '': 'Academic year',
    autumn: 'Autumn term',
    'autumn and spring': 'Autumn and spring term',
  };
  const identifier = day === undefined ? identifiers[words] : 'Year to date';
  if (identifier === undefined || year === '') throw new Error(`no such period: ${text}`);
  return { period: academicPeriod(Number(year), identifier), asOf: day };
}

const VALUE = /^(?:(?<number>[\d.]+)%?|(?<symbol>\S+))/;

/** '2023/24: 2.1% of 90, England 1.9%' */
function figureIn(text: string): RuleFigure {
  const [when = '', rest = ''] = text.split(': ');
  const [own = '', ...others] = rest.split(', ');
  const at = periodIn(when);
  const value = VALUE.exec(own)?.groups;
  const enrolments = /of (\S+)$/.exec(own)?.[1] ?? '500';
  const published = /^[\d.]+$/.test(enrolments);
  return {
    ...at,
    value: value?.number ?? null,
    symbol: value?.symbol,
    enrolments: published ? enrolments : null,
    enrolmentsSymbol: published ? undefined : enrolments,
    against: others.map((other) => againstIn(other, at))[0],
  };
}

function againstIn(text: string, at: { period: Period; asOf: string | undefined }): Against {
  const [, who = '', value = '', of, configured] = /^(.+?) ([\d.]+|none)%?(?: \((\d+) of (\d+)\))?$/.exec(text) ?? [];
  const number = value === 'none' ? null : value;
  if (who === 'England') return { who, value: number, ...at };
  if (who === 'neighbours')
    return {
      who,
      value: number,
      ...at,
      members: { withFigure: Number(of ?? 10), configured: Number(configured ?? 10) },
    };
  return { who: 'a year before', value: number, ...periodIn(who) };
}

function told(event: Decision): string {
  const when =
    event.period.kind === 'week'
      ? `week ${event.period.timeIdentifier.slice(5)} ${event.period.timePeriod}`
      : event.period.academicYear;
  const day = event.asOf === undefined ? '' : ` to ${event.asOf}`;
  const quiet = event.kind === 'baseline' && !event.inBreach ? ', not told' : '';
  return `${when}${day} ${event.kind}${quiet}: ${event.reason}`;
}

/** Figures come one after the other, each seen by the rule on its own, as releases would bring them. */
function eventsOf(one: Case): string[] {
  const rule = ruleOf(one.rule);
  let state: RuleState | undefined;
  return one.figures.split('; ').flatMap((text) => {
    const outcome = decide(rule, state, [figureIn(text)]);
    state = outcome.state;
    return outcome.events.map(told);
  });
}

const text = readFileSync(FILE, 'utf8');
const cases = readCases(text);

// `REWRITE_CASES=1` writes what the rules say now into the file, to be read before it is kept.
if (process.env.REWRITE_CASES === '1') {
  const head = text.split(/^## /m)[0] ?? '';
  const blocks = cases.map((one) => {
    const events = eventsOf(one);
    return `## ${one.title}\n\nRule: ${one.rule}\nFigures: ${one.figures}\n\n${events.length === 0 ? 'No event.' : events.map((event) => `- ${event}`).join('\n')}\n`;
  });
  writeFileSync(FILE, `${head}${blocks.join('\n')}`);
}

describe('crossings, as decide-cases.md tells them', () => {
  it('has at least sixty cases, each under its own title', () => {
    expect(cases.length).toBeGreaterThanOrEqual(60);
    expect(new Set(cases.map(({ title }) => title)).size).toBe(cases.length);
  });

  it.each(cases)('$title', (one) => {
    expect(eventsOf(one)).toEqual(one.events);
  });

  it('gives the same events when all figures of a case come at once', () => {
    for (const one of cases) {
      const figures = one.figures.split('; ').map(figureIn);
      const inOrder = figures.every((figure, i) => i === 0 || comparePosition(figures[i - 1] ?? figure, figure) < 0);
      if (!inOrder) continue;
      expect(decide(ruleOf(one.rule), undefined, figures).events.map(told)).toEqual(one.events);
    }
  });
});
