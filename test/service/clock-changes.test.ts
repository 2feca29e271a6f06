import { describe, expect, it } from 'vitest';
import { nextSlots } from '../../src/config.js';

/** Slots of some days, as UTC times. */
function slots(cron: string, from: string, to: string, timezone = 'Europe/London'): string[] {
  return nextSlots({ cron: [cron], timezone }, new Date(from), 500, new Date(to)).map((slot) =>
    slot.toISOString().slice(5, 16),
  );
}

describe('when clocks go forward (28 March 2027)', () => {
  it('a time that the change skips runs an hour later that day', () => {
    expect(slots('30 1 * * *', '2027-03-27T00:00Z', '2027-03-30T00:00Z')).toEqual([
      '03-27T01:30',
      '03-28T01:30',
      '03-29T00:30',
    ]);
    expect(slots('0 1 * * 0', '2027-03-20T00:00Z', '2027-04-05T00:00Z')).toEqual([
      '03-21T01:00',
      '03-28T01:00',
      '04-04T00:00',
    ]);
  });

  it('a skipped time and the hour after it are not run twice', () => {
    expect(slots('30 1,2 * * *', '2027-03-27T12:00Z', '2027-03-29T12:00Z')).toEqual([
      '03-28T01:30',
      '03-29T00:30',
      '03-29T01:30',
    ]);
  });

  it('what runs every hour has 23 slots of that day', () => {
    expect(slots('0 * * * *', '2027-03-27T23:59Z', '2027-03-28T22:59Z')).toHaveLength(23);
  });
});

describe('when clocks go back (31 October 2027)', () => {
  it('a time that comes twice runs the first time only', () => {
    expect(slots('30 1 * * *', '2027-10-30T00:00Z', '2027-11-02T00:00Z')).toEqual([
      '10-30T00:30',
      '10-31T00:30',
      '11-01T01:30',
    ]);
    expect(slots('*/20 1-2 * * *', '2027-10-30T12:00Z', '2027-10-31T12:00Z')).toEqual([
      '10-31T00:00',
      '10-31T00:20',
      '10-31T00:40',
      '10-31T02:00',
      '10-31T02:20',
      '10-31T02:40',
    ]);
  });

  it('what runs every hour has 25 slots of that day', () => {
    expect(slots('0 * * * *', '2027-10-30T22:59Z', '2027-10-31T23:59Z')).toHaveLength(25);
  });
});

it('a change of half an hour is one as well', () => {
  expect(slots('45 1 * * *', '2027-04-02T00:00Z', '2027-04-06T00:00Z', 'Australia/Lord_Howe')).toEqual([
    '04-02T14:45',
    '04-03T14:45',
    '04-04T15:15',
    '04-05T15:15',
  ]);
  expect(slots('15 2 * * *', '2027-10-01T00:00Z', '2027-10-05T00:00Z', 'Australia/Lord_Howe')).toEqual([
    '10-01T15:45',
    '10-02T15:45',
    '10-03T15:15',
    '10-04T15:15',
  ]);
});
