/** Identifiers and times as EES writes them, made deterministically: the same story has the same ids every time. */
import { createHash } from 'node:crypto';

/** A lower-case GUID that looks like a random one (version 4), the same for the same seed. */
export function guid(seed: string): string {
  const hex = createHash('sha256').update(seed).digest('hex');
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}

export const GUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';

const LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** The short id of a filter option, indicator or location: letters and digits, at least five. */
export function shortId(seed: string): string {
  const bytes = createHash('sha256').update(seed).digest();
  let id = '';
  for (const byte of bytes.subarray(0, 6)) id += LETTERS[byte % LETTERS.length] ?? '0';
  return id;
}

/** A number from 0 to 2^32-1, the same for the same text: for orders that are undefined but must be repeatable. */
export function hashNumber(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0);
}

/**
 * A time stamp of EES: offset, and as many fraction digits as are left when the trailing zeros are dropped
 * (from none to seven; the digits after the third come from the instant itself, so one instant is always one text).
 */
export function stamp(at: Date): string {
  const text = at.toISOString();
  const rest = String(hashNumber(text))
    .padStart(4, '0')
    .slice(0, hashNumber(`digits ${text}`) % 5);
  const fraction = `${text.slice(20, 23)}${rest}`.replace(/0+$/, '');
  return `${text.slice(0, 19)}${fraction === '' ? '' : `.${fraction}`}+00:00`;
}

/** A display date: set by people, whole seconds. */
export function displayDate(at: Date): string {
  return `${at.toISOString().slice(0, 19)}+00:00`;
}
