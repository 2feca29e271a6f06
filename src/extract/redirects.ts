/** Where a request may go, and when: addresses, redirects, waits that a server asks for. */
import { EesUnavailableError } from './errors.js';

/** A URL as messages may show it. */
export function shown(url: URL): string {
  const copy = new URL(url);
  copy.username = '';
  copy.password = '';
  return copy.href;
}

/**
 * Where a redirect leads. EES redirects a path with capitals to its lower-case twin (308); the gateway may name an
 * internal host there, so such a redirect keeps the host that was asked. Any other host is not followed.
 */
export function followed(from: URL, location: string): URL {
  if (!URL.canParse(location, from.href))
    throw new EesUnavailableError(
      `${shown(from)} redirects to "${location.slice(0, 100)}", which is no address`,
      shown(from),
      {
        retryable: false,
      },
    );
  const to = new URL(location, from.href);
  if (to.origin === from.origin) return to;
  if (to.pathname.toLowerCase().endsWith(from.pathname.toLowerCase())) {
    const kept = new URL(from);
    kept.pathname = from.pathname.toLowerCase();
    if (kept.href !== from.href) return kept;
  }
  throw new EesUnavailableError(
    `${shown(from)} redirects to another host (${to.host}), which is not followed`,
    shown(from),
    {
      retryable: false,
    },
  );
}

/**
 * What Retry-After asks for, in ms; undefined where absent or unreadable. A date counts from that of the answer, where
 * it has one: the clock of this machine may be off.
 * @param date of the answer
 * @param now ms since the epoch
 */
export function retryAfter(value: string | undefined, date: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const answered = Date.parse(date ?? '');
  const ms = /^\d+$/.test(value.trim())
    ? Number(value) * 1000
    : Date.parse(value) - (Number.isNaN(answered) ? now : answered);
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
