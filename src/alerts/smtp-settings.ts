/** Where mail is handed over, and as whom: read from SMTP_URL or from its parts. */
import addressparser from 'nodemailer/lib/addressparser';
import type { OAuthSettings } from './oauth.js';

export type SignIn =
  | { readonly kind: 'none' }
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  | { readonly kind: 'oauth2'; readonly user: string; readonly oauth: OAuthSettings };

export interface SmtpSettings {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte (smtps, usually port 465) instead of STARTTLS (smtp, usually port 587). */
  readonly secure: boolean;
  readonly signIn: SignIn;
  /** 'off' is for the one relay that these settings name; loopback needs no TLS either way. */
  readonly tls: 'required' | 'off';
  /** An additional certificate authority, as PEM. */
  readonly ca?: string | undefined;
}

/** The settings of the mail server cannot be used as they stand. Never holds a password. */
export class SmtpSettingsError extends Error {
  override readonly name = 'SmtpSettingsError';
}

/**
 * Reads `smtp://user:password@host:587` or `smtps://…:465`. `oauth` replaces the password; the user of the URL is then
 * the mailbox.
 * @throws SmtpSettingsError naming the fault and the repair, without the password.
 */
export function readSmtpUrl(text: string, tls: 'required' | 'off' = 'required', oauth?: OAuthSettings): SmtpSettings {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new SmtpSettingsError(
      'SMTP_URL is no URL. Write smtp://user:password@host:587; special characters in the password as %40 (@), %3A (:), %2F (/), %23 (#), %25 (%).',
    );
  }
  if (url.protocol !== 'smtp:' && url.protocol !== 'smtps:') {
    throw new SmtpSettingsError(
      `SMTP_URL begins with ${url.protocol}// but must begin with smtp:// (STARTTLS, usually port 587) or smtps:// (TLS from the start, usually port 465).`,
    );
  }
  if (url.hostname === '') throw new SmtpSettingsError('SMTP_URL names no host: smtp://user:password@host:587.');
  if (url.search !== '' || url.hash !== '' || (url.pathname !== '' && url.pathname !== '/')) {
    throw new SmtpSettingsError(
      'SMTP_URL has something after the host and port. Nothing is read from there: TLS is set by `mail.tls`, and a #, ? or / in a password is written %23, %3F, %2F.',
    );
  }
  const secure = url.protocol === 'smtps:';
  if (secure && tls === 'off') {
    throw new SmtpSettingsError('`mail.tls: off` and an smtps:// URL contradict each other. Take one of them away.');
  }
  const user = decode(url.username);
  const password = decode(url.password);
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? (secure ? 465 : 587) : Number(url.port),
    secure,
    signIn: signInOf(user, password, oauth),
    tls,
  };
}

function signInOf(user: string, password: string, oauth: OAuthSettings | undefined): SignIn {
  if (oauth !== undefined) {
    if (user === '') {
      throw new SmtpSettingsError('OAuth2 needs the mailbox it signs in as: smtp://mailbox%40example.org@host:587.');
    }
    return { kind: 'oauth2', user, oauth };
  }
  if (user === '') return { kind: 'none' };
  if (password === '')
    throw new SmtpSettingsError('SMTP_URL has a user and no password: smtp://user:password@host:587.');
  return { kind: 'password', user, password };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new SmtpSettingsError('User or password in SMTP_URL has a % that starts no escape. Write % itself as %25.');
  }
}

/** True for the machine itself: nothing travels, so no TLS is needed. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** What commonly goes wrong with such settings, in words; empty when nothing looks odd. */
export function smtpAdvice(settings: SmtpSettings): string[] {
  const advice: string[] = [];
  if (settings.secure && settings.port === 587) {
    advice.push('Port 587 begins in plain text and turns to TLS by STARTTLS: use smtp://, not smtps://.');
  }
  if (!settings.secure && settings.port === 465) {
    advice.push('Port 465 expects TLS from the first byte: use smtps://, not smtp://.');
  }
  if (settings.port === 25 && !isLoopback(settings.host)) {
    advice.push('Port 25 is for mail between servers and blocked in many networks: a mail program uses 587 or 465.');
  }
  if (settings.tls === 'off' && settings.signIn.kind !== 'none' && !isLoopback(settings.host)) {
    advice.push(`\`mail.tls: off\` sends the password of ${settings.host} readable over the network.`);
  }
  return advice;
}

/**
 * The bare address of `Name <address>` or `address`.
 * @throws SmtpSettingsError where it is not exactly one address.
 */
export function bareAddress(text: string): string {
  const [first, ...more] = addressparser(text, { flatten: true });
  const address = first?.address ?? '';
  if (/[\r\n]/.test(text) || more.length > 0 || !/^[^\s@<>]+@[^\s@<>]+$/.test(address)) {
    throw new SmtpSettingsError(
      `${JSON.stringify(text)} is not one mail address. Write name@example.org or "Name <name@example.org>".`,
    );
  }
  return address;
}
