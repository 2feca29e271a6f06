import { describe, expect, it } from 'vitest';
import { overdueRelease } from '../../src/service/health.js';

const day = (text: string): Date => new Date(`${text}T09:30:00Z`);
/** Ten releases, fortnight by fortnight, the last on 12 November 2026. */
const FORTNIGHTLY = Array.from(
  { length: 10 },
  (_, index) => new Date(day('2026-11-12').getTime() - index * 14 * 86_400_000),
);
const overdue = (announced: string | undefined, now: string, published: readonly Date[] = FORTNIGHTLY) =>
  overdueRelease({ publication: 'attendance', published, announced }, day(now));

describe('a release that should be out', () => {
  it.each([
    ['2026-11-26', '2026-11-28', undefined],
    ['2026-11-26', '2026-12-01', 'attendance: a release was announced for 2026-11-26 and has not come'],
    ['2026-11', '2027-06-10', 'attendance: nothing new for 210 days; the longest wait so far was 14'],
    ['2026-12', '2027-01-10', 'attendance: a release was announced for 2026-12 and has not come'],
    ['2026', '2027-06-10', 'attendance: nothing new for 210 days; the longest wait so far was 14'],
    ['2027-03', '2027-01-10', undefined],
    [undefined, '2026-11-30', undefined],
    [undefined, '2027-01-10', 'attendance: nothing new for 59 days; the longest wait so far was 14'],
  ])('announced for %s, on %s: %s', (announced, now, said) => {
    expect(overdue(announced, now)).toBe(said);
  });

  it('an announcement that nobody renewed does not silence the rhythm', () => {
    expect(overdue('2026-08-21', '2027-01-10')).toBe(
      'attendance: nothing new for 59 days; the longest wait so far was 14',
    );
  });

  it('of a yearly publication a release some weeks early is the announced one', () => {
    const yearly = [2024, 2025, 2026].map((year) => day(`${year}-03-20`));
    expect(overdue('2026-04-10', '2026-06-01', yearly)).toBeUndefined();
    expect(overdue('2027-03-18', '2027-04-01', yearly)).toMatch(/announced for 2027-03-18/);
  });
});
