/** Access tokens for mail servers that take no passwords (Microsoft 365, Google). */
import type { Agent } from 'node:http';
import * as z from 'zod';

export type OAuthSettings =
  | {
      readonly provider: 'microsoft';
      /** Directory (tenant) id or domain. */
      readonly tenant: string;
      readonly clientId: string;
      readonly clientSecret?: string | undefined;
      /** With it: on behalf of the person who consented. Without: client credentials of the application itself. */
      readonly refreshToken?: string | undefined;
      readonly tokenUrl?: string | undefined;
    }
  | {
      readonly provider: 'google';
      readonly clientId: string;
      readonly clientSecret: string;
      readonly refreshToken: string;
      readonly tokenUrl?: string | undefined;
    };

/** No token could be had. The message never holds a secret. */
export class OAuthError extends Error {
  override readonly name = 'OAuthError';
}

export interface TokenSource {
  /** A valid access token; `fresh` asks for a new one although the known one has not expired. @throws OAuthError */
  token(options?: { fresh?: boolean }): Promise<string>;
}

const TIMEOUT_MS = 15_000;
const MOST_BYTES = 100_000;
/** A token is renewed this long before it expires, so that it outlives the conversation it is used in. */
const MARGIN_MS = 120_000;

const granted = z.object({
  access_token: z.string().min(1),
  expires_in: z.coerce.number().positive().default(3600),
  refresh_token: z.string().min(1).optional(),
});
const denied = z.object({ error: z.string(), error_description: z.string().optional() });

/**
 * Keeps one access token and renews it in time; callers at the same moment share one request.
 * @param now the clock, milliseconds since 1970
 * @param agent connects through a proxy, where there is one
 */
export function openTokenSource(settings: OAuthSettings, now: () => number = Date.now, agent?: Agent): TokenSource {
  const url = tokenUrlOf(settings);
  let refreshToken = settings.refreshToken;
  let known: { token: string; expires: number } | undefined;
  let asking: Promise<string> | undefined;

  async function ask(): Promise<string> {
    const answer = await post(url, form(settings, refreshToken), agent);
    const body = granted.safeParse(answer.body);
    if (answer.status === 200 && body.success) {
      // Microsoft replaces refresh tokens as they are used; the newest lives longest.
      refreshToken = body.data.refresh_token ?? refreshToken;
      known = { token: body.data.access_token, expires: now() + body.data.expires_in * 1000 - MARGIN_MS };
      return known.token;
    }
    throw new OAuthError(refusal(settings, url, answer));
  }

  return {
    async token(options) {
      if (options?.fresh !== true && known !== undefined && known.expires > now()) return known.token;
      asking ??= ask().finally(() => {
        asking = undefined;
      });
      return asking;
    },
  };
}

/** The line that XOAUTH2 signs in with. */
export function xoauth2(user: string, token: string): string {
  return Buffer.from(`user=${user}\u0001auth=Bearer ${token}\u0001\u0001`, 'utf8').toString('base64');
}

function tokenUrlOf(settings: OAuthSettings): string {
  const url =
    settings.tokenUrl ??
    (settings.provider === 'google'
      ? 'https://oauth2.googleapis.com/token'
      : `https://login.microsoftonline.com/${encodeURIComponent(settings.tenant)}/oauth2/v2.0/token`);
  const { protocol, hostname } = new URL(url);
  if (protocol !== 'https:' && hostname !== '127.0.0.1' && hostname !== 'localhost') {
    throw new OAuthError(`The token URL ${url} must begin with https://: the client secret goes there.`);
  }
  return url;
}

/** Scopes from Microsoft's "Authenticate an IMAP, POP or SMTP connection using OAuth" and Google's "XOAUTH2 Mechanism". */
function form(settings: OAuthSettings, refreshToken: string | undefined): URLSearchParams {
  const fields = new URLSearchParams({ client_id: settings.clientId });
  if (settings.clientSecret !== undefined) fields.set('client_secret', settings.clientSecret);
  if (refreshToken === undefined) {
    fields.set('grant_type', 'client_credentials');
    fields.set('scope', 'https://outlook.office365.com/.default');
    return fields;
  }
  fields.set('grant_type', 'refresh_token');
  fields.set('refresh_token', refreshToken);
  if (settings.provider === 'microsoft') {
    fields.set('scope', 'https://outlook.office.com/SMTP.Send offline_access');
  }
  return fields;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

async function post(url: string, fields: URLSearchParams, agent: Agent | undefined): Promise<Answer> {
  const { default: axios } = await import('axios');
  try {
    const { status, data } = await axios.post<unknown>(url, fields, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
      maxContentLength: MOST_BYTES,
      maxRedirects: 0,
      proxy: false,
      ...(agent === undefined ? {} : { httpAgent: agent, httpsAgent: agent }),
      validateStatus: () => true,
    });
    return { status, body: data };
  } catch (error) {
    // The error of axios carries the request, and with it the secret: only its code goes on.
    const code = axios.isCancel(error) ? `no answer within ${TIMEOUT_MS / 1000} s` : codeOf(error);
    throw new OAuthError(`${new URL(url).host} gave no access token: ${code}.`);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'the request failed';
}

function refusal(settings: OAuthSettings, url: string, answer: Answer): string {
  const host = new URL(url).host;
  const body = denied.safeParse(answer.body);
  if (!body.success) return `${host} gave no access token: HTTP ${answer.status} without a token in the answer.`;
  const { error, error_description } = body.data;
  const what = `${host} gave no access token: ${error}${error_description === undefined ? '' : ` (${firstLine(error_description)})`}.`;
  const advice: Record<string, string> = {
    invalid_client: 'Check client id and client secret; a secret expires, make a new one.',
    invalid_grant: 'The refresh token was revoked or has expired: give consent again and store the new one.',
    unauthorized_client:
      settings.provider === 'microsoft'
        ? 'The application needs the permission SMTP.SendAsApp (or SMTP.Send) with admin consent.'
        : 'The client was not made for this kind of sign-in.',
  };
  return [what, advice[error] ?? ''].join(' ').trim();
}

function firstLine(text: string): string {
  const line = text.split(/\r?\n/, 1)[0] ?? '';
  return line.length > 300 ? `${line.slice(0, 300)}…` : line.replace(/\.$/, '');
}
