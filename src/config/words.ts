/** Small notations of the configuration: durations, mail addresses. */

/** A span of time as people write it ('5 days', '2 years'). */
export interface Duration {
  readonly text: string;
  /** A month counts 30 days, a year 365. */
  readonly milliseconds: number;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const UNITS: Record<string, number> = {
  minute: 60_000,
  hour: HOUR,
  day: DAY,
  week: 7 * DAY,
  month: 30 * DAY,
  year: 365 * DAY,
};

/** '5 days', '1 hour', '2 years'; undefined when it is none of that kind or no time at all. */
export function parseDuration(text: string): Duration | undefined {
  const match = /^(\d{1,5}) ?(minute|hour|day|week|month|year)s?$/.exec(text.trim().toLowerCase());
  const unit = UNITS[match?.[2] ?? ''];
  const count = Number(match?.[1]);
  return unit === undefined || !(count > 0) ? undefined : { text: text.trim(), milliseconds: count * unit };
}

/** Somebody who gets or sends mail. */
export interface Mailbox {
  readonly name: string | undefined;
  readonly address: string;
}

const LOCAL = /^[\p{L}\p{N}!#$%&'*+/=?^_`{|}~.-]{1,64}$/u;
const LABEL = /^[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?$/u;
/** Characters that end a header line, or a name inside one. */
const UNSAFE_IN_NAME = /[\p{Cc}\u2028\u2029<>"\\]/u;

/**
 * One mail address, bare or as 'Name <address>'. Nothing passes that could begin another header line, another
 * address or another command of the SMTP conversation.
 */
export function parseMailbox(text: string): Mailbox | undefined {
  if (text.length > 320) return undefined;
  const open = text.indexOf('<');
  if (open === -1) return isAddress(text.trim()) ? { name: undefined, address: text.trim() } : undefined;
  if (!text.trimEnd().endsWith('>')) return undefined;
  const address = text.slice(open + 1, text.lastIndexOf('>')).trim();
  const name = text
    .slice(0, open)
    .trim()
    .replace(/^"(.*)"$/u, '$1')
    .trim();
  if (UNSAFE_IN_NAME.test(name) || !isAddress(address)) return undefined;
  return { name: name === '' ? undefined : name, address };
}

function isAddress(text: string): boolean {
  const at = text.lastIndexOf('@');
  const local = text.slice(0, at);
  const domain = text.slice(at + 1);
  return (
    at > 0 &&
    text.length <= 254 &&
    LOCAL.test(local) &&
    !/^\.|\.$|\.\./.test(local) &&
    domain.split('.').every((label) => LABEL.test(label))
  );
}
