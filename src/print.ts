/** Figures, tables and times as plain text for people. */
import { printed } from './domain/decimal.js';

/** Above figures that were composed for showing and testing. */
export const COMPOSED_LINE = 'COMPOSED figures: no statistics.';

/** Plain text table: columns as wide as their widest cell, numbers to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const numeric = header.map(
    (_, column) => rows.length > 0 && rows.every((row) => /^[-+]?[\d,.]*%?$/.test(row[column] ?? '')),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        numeric[column] === true ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/**
 * A line of eight heights for a series of numbers; a gap is a space.
 * @param places decimal places of the numbers printed beside it: what is equal there is drawn equal
 */
export function sparkline(exact: readonly (number | undefined)[], places?: number): string {
  const values = exact.map((value) =>
    value === undefined || places === undefined ? value : Number(printed(value, places)),
  );
  const known = values.filter((value) => value !== undefined);
  const low = Math.min(...known);
  const span = Math.max(...known) - low;
  const bars = '▁▂▃▄▅▆▇█';
  return values
    .map((value) =>
      value === undefined ? ' ' : (bars[span === 0 ? 3 : Math.round(((value - low) / span) * 7)] ?? ' '),
    )
    .join('');
}

/** A time for people: UK civil time, as the figures' publisher uses. */
export function ukTime(at: Date | string | null | undefined): string {
  if (at === null || at === undefined) return 'never';
  return new Intl.DateTimeFormat('en-GB', {
    timeZone: 'Europe/London',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZoneName: 'short',
  }).format(typeof at === 'string' ? new Date(at) : at);
}

/** A moment of the schedule: with its seconds only where it has some. */
export function ukSlot(at: Date): string {
  const told = ukTime(at);
  const seconds = at.getUTCSeconds();
  return seconds === 0 ? told : told.replace(/(\d\d:\d\d)/, `$1:${String(seconds).padStart(2, '0')}`);
}

/** '09:31:05': the second of a day that is told elsewhere. */
export function ukClock(at: Date): string {
  return new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/London', timeStyle: 'medium' }).format(at);
}

/** '1 file', '2 files'. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-GB')} ${count === 1 ? one : many}`;
}

/** At most so many characters; what is cut off is marked. */
export function shortened(said: string, most: number): string {
  return said.length > most ? `${said.slice(0, most - 1)}…` : said;
}
