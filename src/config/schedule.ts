/**
 * When the service looks: cron expressions as node-cron reads them, and nothing that it reads otherwise than cron.
 * Slots are found with node-cron's matcher, which is given the moment: so they can be asked of any clock.
 */
import { createTask, validateDetailed, type ParsedFields } from 'node-cron';

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
  const foreign = fields.find((field) => /#|(^|,)(L|W|\d+[LW]|L-\d+|LW)(,|$)/i.test(field));
  if (foreign !== undefined)
    return [`says "${foreign}": L, W and # are not cron's; write the days themselves, or run daily`];
  const backwards = fields.find((field) => rangesOf(field).some(([from, to]) => from > to));
  if (backwards !== undefined) return [`has a range that runs backwards ("${backwards}"), which cron does not know`];
  const { valid, fields: parsed, errors } = validateDetailed(expression);
  if (!valid || !parsed)
    return errors.map(({ field, value }) => `does not say ${FIELD_WORDS[field] ?? 'a time'} with "${value ?? ''}"`);
  const [dayOfMonth, , dayOfWeek] = fields.slice(-3);
  // cron looks at how they are written: only what begins with a star is no restriction to it.
  const areWritten = ![dayOfMonth, dayOfWeek].some((field) => field?.startsWith('*') === true);
  if (areWritten || (restrictsDays(parsed.dayOfMonth, 31) && restrictsDays(parsed.dayOfWeek, 7)))
    return [
      `restricts both the day of the month and the day of the week: ${areWritten ? 'cron runs' : 'some crons run'} on either, this scheduler only where both are true; write two expressions, each with one of the two`,
    ];
  if (dayCount(parsed) === 0) return ['names a day that never comes'];
  return [];
}

/** Names of months and weekdays in their order; a week begins with Sunday, and Sunday may also end it as 7. */
const NAMES = ['jan feb mar apr may jun jul aug sep oct nov dec', 'sun mon tue wed thu fri sat'].map((names) =>
  names.split(' '),
);

/** First and last of each range of a field, as numbers that can be compared. */
function rangesOf(field: string): [number, number][] {
  const at = (name: string): number =>
    /^\d+$/.test(name)
      ? Number(name)
      : Math.max(...NAMES.map((names) => names.indexOf(name.slice(0, 3).toLowerCase())));
  return [...field.matchAll(/(?:^|,)(\d+|[a-z]{3,})-(\d+|[a-z]{3,})/gi)].map(([, from = '', to = '']) => [
    at(from),
    /^sun/i.test(to) ? 7 : at(to),
  ]);
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
/** How long after one slot the next is looked for: a 29 February comes at the latest after eight years. */
const HORIZON_DAYS = 366 * 8;

/**
 * The next moments at which the schedule is due, after `now`, in order. Expressions that meet in a minute are one slot,
 * that of the earlier one; the seconds of a single expression are slots each. A time that
 * the clocks skip in spring is due as much later as they are put forward, one that they repeat in autumn the first time.
 * @param count how many
 * @param until none after this moment
 * @returns fewer only where the expressions have fewer until then, or none for eight years
 */
export function nextSlots(schedule: Schedule, now: Date, count: number, until?: Date): Date[] {
  const end = until?.getTime() ?? Infinity;
  const minuteOf = (slot: number): number => Math.floor(slot / MINUTE);
  // From the start of this minute on: whose it is may have been decided before `now`.
  const from = minuteOf(now.getTime()) * MINUTE - 1;
  const byMinute = new Map<number, number[]>();
  for (const expression of schedule.cron) {
    const own = new Map<number, number[]>();
    for (const slot of slotsOf(expression, schedule.timezone, from, count + 1, end))
      own.set(minuteOf(slot), [...(own.get(minuteOf(slot)) ?? []), slot]);
    for (const [minute, slots] of own) {
      const others = byMinute.get(minute);
      const isEarlier = others === undefined || (slots[0] ?? 0) < (others[0] ?? 0);
      const isFuller = others !== undefined && slots[0] === others[0] && slots.length > others.length;
      if (isEarlier || isFuller) byMinute.set(minute, slots);
    }
  }
  return [...byMinute.values()]
    .flat()
    .filter((slot) => slot > now.getTime())
    .sort((a, b) => a - b)
    .slice(0, count)
    .map((slot) => new Date(slot));
}

/** @param minutes in how many minutes at least, where there are as many until the end */
function slotsOf(expression: string, timezone: string, after: number, minutes: number, end: number): number[] {
  const parsed = validateDetailed(expression).fields;
  if (!parsed) return [];
  const days = expression.trim().split(/\s+/).slice(-3).join(' ');
  const onDay = createTask(`* * * ${days}`, noop, { timezone });
  const isDue = matcher(expression, timezone, parsed);
  const slots: number[] = [];
  const count = minutes * parsed.second.length;
  try {
    const firstDay = Math.floor(after / DAY) * DAY;
    let lastDay = Math.min(firstDay + HORIZON_DAYS * DAY, end + 1);
    for (let day = firstDay; day < lastDay && slots.length < count; day += DAY) {
      if (!mayBeIn(parsed.month, day)) continue;
      // A day of UTC touches two local dates at most: those of its first and of its last minute.
      if (!onDay.match(new Date(day)) && !onDay.match(new Date(day + DAY - MINUTE))) continue;
      const before = slots.length;
      const dayEnd = Math.min(day + DAY, end + 1);
      for (let minute = Math.max(day, Math.floor(after / MINUTE) * MINUTE); minute < dayEnd; minute += MINUTE) {
        if (!isDue(minute + (parsed.second[0] ?? 0) * 1000)) continue;
        for (const second of parsed.second) {
          const slot = minute + second * 1000;
          if (slot > after && slot <= end) slots.push(slot);
        }
        if (slots.length >= count) break;
      }
      if (slots.length > before) lastDay = Math.min(day + HORIZON_DAYS * DAY, end + 1);
    }
  } finally {
    void onDay.destroy();
  }
  return slots;
}

/** Whether a day of UTC may, anywhere on earth, touch one of the months; asked first, as node-cron's matcher takes its time. */
function mayBeIn(months: readonly number[], day: number): boolean {
  return [day - DAY, day, day + DAY].some((each) => months.includes(new Date(each).getUTCMonth() + 1));
}

/**
 * Whether an expression is due at a moment. node-cron's matcher has the last word; it takes its time over each moment,
 * so those whose hour and minute are not named are not put to it.
 */
function matcher(expression: string, timezone: string, { hour, minute }: ParsedFields): (moment: number) => boolean {
  const task = createTask(expression, noop, { timezone });
  const asUtc = createTask(expression, noop, { timezone: 'UTC' });
  const ahead = clockOf(timezone);
  const isNamed = (wall: number): boolean =>
    hour.includes(Math.floor(wall / HOUR) % 24) && minute.includes(Math.floor(wall / MINUTE) % 60);
  // What runs in every hour has nothing to lose or to double: it goes by the time that passes.
  const hourly = hour.length === 24;
  return (moment) => {
    const now = ahead(moment);
    const matches = isNamed(moment + now) && task.match(new Date(moment));
    const before = hourly ? now : ahead(moment - LONGEST_CHANGE);
    if (before === now || ahead(moment - Math.abs(now - before)) !== before) return matches;
    if (now < before) return false;
    return matches || (isNamed(moment + before) && asUtc.match(new Date(moment + before)));
  };
}

const HOUR = 60 * MINUTE;
const QUARTER = 15 * MINUTE;
/** No clock is put forward or back by more. */
const LONGEST_CHANGE = 3 * HOUR;

/** By how many ms the clocks of a zone are ahead of UTC at a moment; they change on a quarter of an hour at the finest. */
function clockOf(timezone: string): (moment: number) => number {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  const known = new Map<number, number>();
  const at = (moment: number): number => {
    const stored = known.get(moment);
    if (stored !== undefined) return stored;
    const parts = format.formatToParts(moment);
    const part = (type: Intl.DateTimeFormatPartTypes): number =>
      Number(parts.find((each) => each.type === type)?.value);
    const ahead = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute')) - moment;
    known.set(moment, ahead);
    return ahead;
  };
  return (moment) => {
    const day = Math.floor(moment / DAY) * DAY;
    // Most days have no change in them.
    return at(day) === at(day + DAY) ? at(day) : at(Math.floor(moment / QUARTER) * QUARTER);
  };
}

function noop(): void {
  // The task is asked when it would run and never started.
}
