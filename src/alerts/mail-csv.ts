/** The table that goes with a mail on many areas: one row for each event, the columns of the view `alert_event`. */
import type { MailNews } from './mail-model.js';

const COLUMNS: readonly (readonly [string, (news: MailNews) => string | null])[] = [
  ['rule', ({ rule }) => rule],
  ['event', ({ event }) => event],
  ['reason', ({ reason }) => reason],
  ['measure', ({ measure }) => measure],
  ['area_code', ({ area }) => area.code],
  ['area_name', ({ area }) => area.name],
  ['series', ({ series }) => series],
  ['time_period', ({ period }) => period.timePeriod],
  ['time_identifier', ({ period }) => period.timeIdentifier],
  ['school_type', ({ schoolType }) => schoolType],
  ['breakdown_topic', ({ topic }) => topic],
  ['breakdown', ({ breakdown }) => breakdown],
  ['value', ({ value }) => value],
  ['previous_value', ({ previous }) => previous],
  ['threshold', ({ threshold }) => threshold],
  ['release', ({ release }) => release],
];

/** A cell as spreadsheets read it: quoted where needed, and no text is taken for a formula. */
function cell(value: string | null): string {
  if (value === null) return '';
  const harmless = /^[=+@\t]|^-(?![\d.]+$)/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

/** With a byte order mark, so that spreadsheets read it as UTF-8. */
export function newsCsv(news: readonly MailNews[]): string {
  const lines = [COLUMNS.map(([name]) => name), ...news.map((one) => COLUMNS.map(([, read]) => cell(read(one))))];
  return `\ufeff${lines.map((line) => line.join(',')).join('\r\n')}\r\n`;
}
