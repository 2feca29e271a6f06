/**
 * When the service looks: cron expressions as node-cron reads them, and nothing that it reads otherwise than cron.
 * Slots are found with node-cron's matcher, which is given the moment: so they can be asked of any clock.
 */
import { createTask, validateDetailed, type ParsedFields, type ScheduledTask } from 'node-cron';

export interface Schedule {
  /** Five fields, or six with seconds first. */
  readonly cron: readonly string[];
  /** IANA name. */
  readonly timezone: string;
}

const FIELD_WORDS: Record<string, string> = {
  second: 'seconds',
  minute: 'minutes',
  hour: 'hours',
  dayOfMonth: 'days of the month',
  month: 'months',
  dayOfWeek: 'days of the week',
};

/** @returns what is wrong with a cron expression, in words; empty when nothing is */
export function cronProblems(expression: string): string[] {
  if (expression.length > 200) return ['is longer than any cron expression need be (200 characters)'];
  const fields = expression.trim().split(/\s+/);
  if (expression.trim() === '' || (fields.length !== 5 && fields.length !== 6))
    return [
      `has ${expression.trim() === '' ? 0 : fields.length} fields: write five (minute hour day month weekday), or six with seconds first`,
    ];
  const backwards = fields.find((field) => /(^|,)(\d+)-(\d+)/.test(field) && rangesOf(field).some(([a, b]) => a > b));
  if (backwards !== undefined) return [`has a range that runs backwards ("${backwards}"), which cron does not know`];
  const { valid, fields: parsed, errors } = validateDetailed(expression);
  if (!valid || !parsed)
    return errors.map(({ field, value }) => `does not say ${FIELD_WORDS[field] ?? 'a time'} with "${value ?? ''}"`);
  if (restrictsDays(parsed.dayOfMonth, 31) && restrictsDays(parsed.dayOfWeek, 7))
    return [
      'restricts both the day of the month and the day of the week: cron runs on either, this scheduler only where both are true; write two expressions, each with one of the two',
    ];
  if (dayCount(parsed) === 0) return ['names a day that never comes'];
  return [];
}

function rangesOf(field: string): [number, number][] {
  return [...field.matchAll(/(?:^|,)(\d+)-(\d+)/g)].map(([, from, to]) => [Number(from), Number(to)]);
}

function restrictsDays(days: readonly (number | string)[], all: number): boolean {
  return days.length < all;
}

/** Days of a leap year on which numbers alone would run; words such as L count as one. */
function dayCount({ dayOfMonth, month }: ParsedFields): number {
  const longest = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  return month.reduce(
    (sum, each) => sum + dayOfMonth.filter((day) => typeof day === 'string' || day <= (longest[each - 1] ?? 31)).length,
    0,
  );
}

/** @returns what a valid expression is better not used for; empty when nothing */
export function cronWarnings(expression: string): string[] {
  const parsed = validateDetailed(expression).fields;
  if (!parsed) return [];
  const warnings: string[] = [];
  // What runs in every hour runs in the repeated one too, and misses none.
  if (parsed.hour.length < 24 && parsed.hour.some((hour) => hour < 3))
    warnings.push('runs between 00:00 and 03:00, hours that the clock changes skip or repeat: choose a later hour');
  if (parsed.second.length > 1) warnings.push('asks EES more than once a minute');
  return warnings;
}

/** @returns the spelling of a known IANA time zone, else undefined */
export function knownTimezone(name: string): string | undefined {
  try {
    // Offsets such as +01:00 have no summer time, so they are not what a person in a place means.
    if (/^[+-]/.test(name)) return undefined;
    return new Intl.DateTimeFormat('en-GB', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}

const MINUTE = 60_000;
const DAY = 86_400_000;
/** A 29 February comes at the latest after eight years. */
const HORIZON_DAYS = 366 * 8;

/**
 * The next moments at which the schedule is due, after `now`, in order; expressions that meet are one slot.
 * @param count how many
 * @returns fewer only where the expressions have fewer in the next eight years
 */
export function nextSlots(schedule: Schedule, now: Date, count: number): Date[] {
  const slots = new Set<number>();
  for (const expression of schedule.cron)
    for (const slot of slotsOf(expression, schedule.timezone, now.getTime(), count)) slots.add(slot);
  return [...slots]
    .sort((a, b) => a - b)
    .slice(0, count)
    .map((slot) => new Date(slot));
}

function slotsOf(expression: string, timezone: string, after: number, count: number): number[] {
  const parsed = validateDetailed(expression).fields;
  if (!parsed) return [];
  const fields = expression.trim().split(/\s+/);
  const days = fields.slice(-3).join(' ');
  const task = createTask(expression, noop, { timezone });
  // What runs in every hour has nothing to lose or double: it goes by the time that passes.
  const runs =
    parsed.hour.length === 24
      ? (moment: number) => task.match(new Date(moment))
      : wallClock(task, expression, timezone);
  const onDay = createTask(`* * * ${days}`, noop, { timezone });
  const slots: number[] = [];
  try {
    const firstDay = Math.floor(after / DAY) * DAY;
    for (let day = firstDay; day < firstDay + HORIZON_DAYS * DAY && slots.length < count; day += DAY) {
      // A day of UTC touches two local dates at most: those of its first and of its last minute.
      if (!onDay.match(new Date(day)) && !onDay.match(new Date(day + DAY - MINUTE))) continue;
      for (let minute = Math.max(day, Math.floor(after / MINUTE) * MINUTE); minute < day + DAY; minute += MINUTE) {
        const first = minute + (parsed.second[0] ?? 0) * 1000;
        if (!runs(first)) continue;
        for (const second of parsed.second) {
          const slot = minute + second * 1000;
          if (slot > after) slots.push(slot);
        }
        if (slots.length >= count) break;
      }
    }
  } finally {
    void task.destroy();
    void onDay.destroy();
  }
  return slots;
}

const HOUR = 60 * MINUTE;
/** No clock is put forward or back by more. */
const LONGEST_CHANGE = 3 * HOUR;

/**
 * Whether a task runs at a moment, by the clock on the wall: a time that the spring change skips runs as much later as
 * the clock was put forward, one that the autumn change repeats runs the first time only.
 */
function wallClock(task: ScheduledTask, expression: string, timezone: string): (moment: number) => boolean {
  const asUtc = createTask(expression, noop, { timezone: 'UTC' });
  const offsets = new Map<number, number>();
  // Clocks change on a quarter of an hour at the finest.
  const offset = (moment: number): number => {
    const quarter = Math.floor(moment / (15 * MINUTE));
    const known = offsets.get(quarter) ?? offsetAt(timezone, moment);
    offsets.set(quarter, known);
    return known;
  };
  return (moment) => {
    const before = offset(moment - LONGEST_CHANGE);
    const forward = offset(moment) - before;
    const matches = task.match(new Date(moment));
    if (forward === 0) return matches;
    const justChanged = offset(moment - Math.abs(forward)) === before;
    if (forward < 0) return matches && !justChanged;
    return matches || (justChanged && asUtc.match(new Date(moment + before)));
  };
}

/** By how much the clocks of a zone are ahead of UTC, in ms. */
function offsetAt(timezone: string, moment: number): number {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  }).formatToParts(moment);
  const part = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.find((each) => each.type === type)?.value);
  const wall = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'));
  return wall - Math.floor(moment / MINUTE) * MINUTE;
}

function noop(): void {
  // The task is asked when it would run and never started.
}
