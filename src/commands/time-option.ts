/** Days and times as options give them. */
import * as z from 'zod';
import { ukMoment } from '../domain/time.js';
import { UsageError } from './context.js';

const day = z.iso.date();
const time = z.iso.datetime({ offset: true, local: true });

/**
 * A day (2025-10-23) or a time (2025-10-23T09:30:00+01:00; without an offset, by the clock of this machine).
 * @param counts which moment of a day is meant, in UK civil time
 * @throws UsageError for anything else: 01/06/2024 is June to one reader and January to another
 */
export function timeOption(option: string, text: string, counts: 'from its start' | 'to its end'): Date {
  const written = text.trim().replace(/^(\d{4}-\d\d-\d\d) (?=\d)/, '$1T');
  if (day.safeParse(written).success)
    return ukMoment(`${written}T${counts === 'from its start' ? '00:00:00.000' : '23:59:59.999'}`);
  if (time.safeParse(written).success) return new Date(written);
  throw new UsageError(
    `${option} takes a day such as 2025-10-23 (year, month, day), or a time such as 2025-10-23T09:30:00+01:00; got "${text}".`,
  );
}
