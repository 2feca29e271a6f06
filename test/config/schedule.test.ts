import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextSlots, parseConfig } from '../../src/config.js';

const DEFAULT = { cron: ['*/2 9-10 * * 1-5', '*/15 7-19 * * *'], timezone: 'Europe/London' };

function slots(cron: string | string[], from: string, count: number, timezone = 'Europe/London'): string[] {
  return nextSlots({ cron: [cron].flat(), timezone }, new Date(from), count).map((slot) => slot.toISOString());
}

/** Hour and minute in London, by the runtime's own time zone data. */
function london(slot: Date): string {
  return new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/London', hour: '2-digit', minute: '2-digit' }).format(
    slot,
  );
}

describe('the next slots', () => {
  it('are one where expressions meet in a minute, whatever their seconds; those of one expression are each its own', () => {
    expect(slots(['0 9 * * 1-5', '30 0 9 * * 1-5'], '2026-11-27T08:00:00Z', 2)).toEqual([
      '2026-11-27T09:00:00.000Z',
      '2026-11-30T09:00:00.000Z',
    ]);
    // Asked from between the two: the minute has had its slot.
    expect(slots(['* * * * *', '30 * * * * *'], '2026-11-27T09:00:10Z', 2)).toEqual([
      '2026-11-27T09:01:00.000Z',
      '2026-11-27T09:02:00.000Z',
    ]);
    expect(slots(['0 9 * * *', '*/30 0 9 * * *'], '2026-11-27T08:00:00Z', 3)).toEqual([
      '2026-11-27T09:00:00.000Z',
      '2026-11-27T09:00:30.000Z',
      '2026-11-28T09:00:00.000Z',
    ]);
    expect(slots(['* * * * * *', '* * * * *'], '2026-11-27T08:59:59Z', 3)).toEqual([
      '2026-11-27T09:00:00.000Z',
      '2026-11-27T09:00:01.000Z',
      '2026-11-27T09:00:02.000Z',
    ]);
  });

  it('are in order, after now, and one where two expressions meet', () => {
    expect(slots(DEFAULT.cron, '2026-11-23T08:50:00Z', 5)).toEqual([
      '2026-11-23T09:00:00.000Z',
      '2026-11-23T09:02:00.000Z',
      '2026-11-23T09:04:00.000Z',
      '2026-11-23T09:06:00.000Z',
      '2026-11-23T09:08:00.000Z',
    ]);
    expect(slots(DEFAULT.cron, '2026-11-23T09:00:00.000Z', 1)).toEqual(['2026-11-23T09:02:00.000Z']);
    expect(slots(DEFAULT.cron, '2026-11-23T08:59:59.999Z', 1)).toEqual(['2026-11-23T09:00:00.000Z']);
  });

  it('are found as well where years lie between them', () => {
    expect(slots('0 9 29 2 *', '2026-11-26T00:00:00Z', 5)).toEqual(
      [2028, 2032, 2036, 2040, 2044].map((year) => `${year}-02-29T09:00:00.000Z`),
    );
    expect(slots('0 9 29 2 *', '2095-01-01T00:00:00Z', 3)).toEqual(
      [2096, 2104, 2108].map((year) => `${year}-02-29T09:00:00.000Z`),
    );
    // Midnight of the first of a month is the day before in UTC, and at the other end of the world a day later.
    expect(slots('0 0 1 3 *', '2027-01-01T00:00:00Z', 1, 'Pacific/Kiritimati')).toEqual(['2027-02-28T10:00:00.000Z']);
    expect(slots('59 23 31 1 *', '2027-01-01T00:00:00Z', 1, 'Pacific/Niue')).toEqual(['2027-02-01T10:59:00.000Z']);
  });

  it.each([
    ['spring', '2027-03-27T00:00:00Z', '2027-03-30T00:00:00Z'],
    ['autumn', '2027-10-30T00:00:00Z', '2027-11-02T00:00:00Z'],
  ])('lose and double none when the clocks change in %s', (_, from, to) => {
    const all = nextSlots(DEFAULT, new Date(from), 1000).filter((slot) => slot < new Date(to));
    expect(new Set(all.map((slot) => slot.getTime())).size).toBe(all.length);
    const byDay = new Map<string, string[]>();
    for (const slot of all) {
      const day = slot.toISOString().slice(0, 10);
      byDay.set(day, [...(byDay.get(day) ?? []), london(slot)]);
    }
    const quarters = Array.from(
      { length: 13 * 4 },
      (_unused, index) =>
        `${String(7 + Math.floor(index / 4)).padStart(2, '0')}:${String((index % 4) * 15).padStart(2, '0')}`,
    );
    const mornings = Array.from(
      { length: 60 },
      (_unused, index) =>
        `${String(9 + Math.floor(index / 30)).padStart(2, '0')}:${String((index % 30) * 2).padStart(2, '0')}`,
    );
    for (const [day, times] of byDay) {
      const isWeekday = ![0, 6].includes(new Date(day).getUTCDay());
      expect(times).toEqual([...new Set([...quarters, ...(isWeekday ? mornings : [])])].sort());
    }
    expect(byDay.size).toBe(3);
  });

  it('keep 09:30 UK time through summer and winter', () => {
    expect(slots('30 9 * * *', '2027-03-26T12:00:00Z', 4)).toEqual([
      '2027-03-27T09:30:00.000Z',
      '2027-03-28T08:30:00.000Z',
      '2027-03-29T08:30:00.000Z',
      '2027-03-30T08:30:00.000Z',
    ]);
    expect(slots('30 9 * * *', '2027-10-29T12:00:00Z', 3)).toEqual([
      '2027-10-30T08:30:00.000Z',
      '2027-10-31T09:30:00.000Z',
      '2027-11-01T09:30:00.000Z',
    ]);
  });

  it('know seconds, other zones, the last day of a month and leap days', () => {
    expect(slots('*/20 30 9 * * 1', '2026-11-23T00:00:00Z', 4, 'Asia/Kolkata')).toEqual([
      '2026-11-23T04:00:00.000Z',
      '2026-11-23T04:00:20.000Z',
      '2026-11-23T04:00:40.000Z',
      '2026-11-30T04:00:00.000Z',
    ]);
    expect(slots('0 9 L * *', '2027-02-01T00:00:00Z', 2)).toEqual([
      '2027-02-28T09:00:00.000Z',
      '2027-03-31T08:00:00.000Z',
    ]);
    expect(slots('0 9 29 2 *', '2026-11-23T00:00:00Z', 1)).toEqual(['2028-02-29T09:00:00.000Z']);
    expect(slots('0 0 * * *', '2026-11-23T00:00:00Z', 1, 'Pacific/Kiritimati')).toEqual(['2026-11-23T10:00:00.000Z']);
  });

  it('asked one after the other are those asked at once', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('*/2 9-10 * * 1-5', '*/15 7-19 * * *', '7 */3 * * *', '0 30 6 * * 2', '15,45 23 1 * *'),
        fc.constantFrom('*/15 7-19 * * *', '30 9 * * *'),
        fc.constantFrom('Europe/London', 'Europe/Berlin', 'Australia/Lord_Howe', 'UTC'),
        fc.date({ min: new Date('2026-01-01'), max: new Date('2028-01-01'), noInvalidDate: true }),
        (one, other, timezone, from) => {
          const schedule = { cron: [one, other], timezone };
          const together = nextSlots(schedule, from, 4);
          let now = from;
          for (const slot of together) {
            const [next] = nextSlots(schedule, now, 1);
            expect(next).toEqual(slot);
            expect(slot.getTime()).toBeGreaterThan(now.getTime());
            now = slot;
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  it('exist for every expression that the configuration lets pass', () => {
    const field = (from: number, to: number) =>
      fc.oneof(
        fc.constant('*'),
        fc.integer({ min: from, max: to }).map(String),
        fc.integer({ min: 2, max: 20 }).map((step) => `*/${step}`),
        fc.tuple(fc.integer({ min: from, max: to }), fc.integer({ min: from, max: to })).map(([a, b]) => `${a}-${b}`),
      );
    fc.assert(
      fc.property(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7), (...fields) => {
        const cron = fields.join(' ');
        const parsed = parseConfig(`schedule: { cron: "${cron}" }`, 'f');
        if (parsed.kind === 'ok')
          expect(nextSlots(parsed.config.schedule, new Date('2026-11-23T00:00:00Z'), 1)).toHaveLength(1);
        else expect(fields[2] === '*' && fields[4] === '*' && !cron.includes('-')).toBe(false);
      }),
      { numRuns: 60 },
    );
  });
});
