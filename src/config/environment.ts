/** What differs by place and what is secret: environment variables, each also as NAME_FILE. */
import * as z from 'zod';
import type { OAuthSettings } from '../alerts/oauth.js';
import type { ConfigProblem } from './types.js';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

export interface Environment {
  /** `postgres://…` or `pglite:DIRECTORY`; undefined: the embedded database in the data directory. */
  readonly databaseUrl: string | undefined;
  readonly databaseSchema: string;
  /** With user and password inside, also where SMTP_USER and SMTP_PASSWORD gave them. */
  readonly smtpUrl: string | undefined;
  /** Signing in to the mail server by OAuth2 instead of a password. */
  readonly smtpOAuth: OAuthSettings | undefined;
  /** Without a slash at the end, like the next. */
  readonly eesApiUrl: string;
  readonly eesContentUrl: string;
  readonly configFile: string | undefined;
  readonly logLevel: (typeof LOG_LEVELS)[number];
  /** 0: any free one. */
  readonly httpPort: number;
  readonly httpHost: string;
  /** With its scheme, also where none was given. */
  readonly httpsProxy: string | undefined;
  /** Hosts that are reached without the proxy. */
  readonly noProxy: readonly string[];
  /** A PEM file of certificate authorities besides the usual ones. */
  readonly extraCaCertificates: string | undefined;
}

const text = z.string().max(4096);

function url(...protocols: string[]) {
  const begins = protocols.map((protocol) => `${protocol}//`).join(' or ');
  return text.refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol), {
    error: `must be a URL that begins with ${begins}`,
  });
}

/** Whether user and password can be read. */
function isEscaped({ username, password }: URL): boolean {
  try {
    decodeURIComponent(username + password);
    return true;
  } catch {
    return false;
  }
}

const withoutSlash = (value: string): string => value.replace(/\/+$/, '');

const VARIABLES = {
  DATABASE_URL: text
    .refine((value) => /^pglite:.+/.test(value) || (/^postgres(ql)?:\/\//.test(value) && URL.canParse(value)), {
      error:
        'must begin with postgres:// or pglite: (special characters of a password are written %40 for @, %3A for :, %2F for /, %23 for #)',
    })
    .optional(),
  DATABASE_SCHEMA: text
    .regex(/^[a-z_][a-z0-9_]{0,62}$/, { error: 'must be a lower-case name: letters, digits and _, 63 at most' })
    .refine((value) => !value.startsWith('pg_') && value !== 'information_schema', {
      error: 'is a name that Postgres keeps for itself',
    })
    .default('absence_watch'),
  SMTP_URL: url('smtp:', 'smtps:').optional(),
  SMTP_USER: text.optional(),
  SMTP_PASSWORD: text.optional(),
  SMTP_OAUTH_CLIENT_ID: text.optional(),
  SMTP_OAUTH_CLIENT_SECRET: text.optional(),
  SMTP_OAUTH_REFRESH_TOKEN: z.string().max(16_384).optional(),
  SMTP_OAUTH_TENANT: text.optional(),
  SMTP_OAUTH_TOKEN_URL: url('https:', 'http:').optional(),
  EES_API_URL: url('https:', 'http:').transform(withoutSlash).default('https://api.education.gov.uk/statistics'),
  EES_CONTENT_URL: url('https:', 'http:')
    .transform(withoutSlash)
    .default('https://content.explore-education-statistics.service.gov.uk/api'),
  ABSENCE_WATCH_CONFIG: text.optional(),
  LOG_LEVEL: z.enum(LOG_LEVELS, { error: `must be one of ${LOG_LEVELS.join(', ')}` }).default('info'),
  HTTP_PORT: text
    .refine((value) => /^\d{1,5}$/.test(value) && Number(value) <= 65_535, {
      error: 'must be a port: a number from 0 (any free one) to 65535',
    })
    .transform(Number)
    .default(8080),
  HTTP_HOST: text
    .regex(/^[A-Za-z0-9.:[\]_-]+$/, { error: 'must be a host name or an IP address' })
    .default('127.0.0.1'),
  HTTPS_PROXY: text
    // Curl and others take a proxy without a scheme for one of http.
    .transform((value) => (value.includes('://') ? value : `http://${value}`))
    .pipe(url('http:', 'https:'))
    .refine((value) => !URL.canParse(value) || isEscaped(new URL(value)), {
      error: 'has a % in its user or password that is not written %25',
    })
    .optional(),
  NO_PROXY: text.optional(),
  NODE_EXTRA_CA_CERTS: text.optional(),
};

const variables = z.object(VARIABLES);

/** The names of all variables; each may also be given as NAME_FILE, the path of a file that holds the value. */
export const VARIABLE_NAMES = Object.keys(VARIABLES) as readonly (keyof typeof VARIABLES)[];

/** Curl and others read these two in lower case as well. */
const ALSO_LOWER_CASE = ['HTTPS_PROXY', 'NO_PROXY'];

const LONGEST_SECRET_FILE = 64 * 1024;

export type EnvironmentResult =
  | { readonly kind: 'ok'; readonly environment: Environment }
  | { readonly kind: 'invalid'; readonly problems: readonly ConfigProblem[] };

/**
 * Reads the environment. An empty variable counts as none, as compose files set it so. Problems name the variable,
 * never its value.
 * @param readFile reads the file of a NAME_FILE variable
 */
export async function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  readFile: (path: string) => Promise<string>,
): Promise<EnvironmentResult> {
  const problems: ConfigProblem[] = [];
  const report = (path: string, message: string): void => {
    problems.push({ file: 'environment', line: 0, column: 0, path, message });
  };
  const given: Record<string, string> = {};
  for (const name of VARIABLE_NAMES) {
    const value =
      blankToNone(env[name]) ?? (ALSO_LOWER_CASE.includes(name) ? blankToNone(env[name.toLowerCase()]) : undefined);
    const path = blankToNone(env[`${name}_FILE`]);
    if (value !== undefined && path !== undefined) report(name, `is set, and so is ${name}_FILE: keep one of them`);
    else if (path !== undefined) {
      const content = await contentOf(path, readFile);
      if (content.kind === 'ok') given[name] = content.text;
      else report(`${name}_FILE`, content.why);
    } else if (value !== undefined) given[name] = value;
  }
  const parsed = variables.safeParse(given);
  if (!parsed.success)
    for (const { path, message, code } of parsed.error.issues)
      report(String(path[0]), code === 'too_big' ? 'is too long' : message);
  const oauth = oauthOf(given, report);
  const smtpUrl = smtpUrlOf(given, report);
  if (problems.length > 0 || !parsed.success) return { kind: 'invalid', problems };
  const { data } = parsed;
  return {
    kind: 'ok',
    environment: {
      databaseUrl: data.DATABASE_URL,
      databaseSchema: data.DATABASE_SCHEMA,
      smtpUrl,
      smtpOAuth: oauth,
      eesApiUrl: data.EES_API_URL,
      eesContentUrl: data.EES_CONTENT_URL,
      configFile: data.ABSENCE_WATCH_CONFIG,
      logLevel: data.LOG_LEVEL,
      httpPort: data.HTTP_PORT,
      httpHost: data.HTTP_HOST,
      httpsProxy: data.HTTPS_PROXY,
      noProxy: (data.NO_PROXY ?? '').split(/[\s,]+/).filter((host) => host !== ''),
      extraCaCertificates: data.NODE_EXTRA_CA_CERTS,
    },
  };
}

function blankToNone(value: string | undefined): string | undefined {
  return value === undefined || value.trim() === '' ? undefined : value.trim();
}

async function contentOf(
  path: string,
  readFile: (path: string) => Promise<string>,
): Promise<{ kind: 'ok'; text: string } | { kind: 'no'; why: string }> {
  let content: string;
  try {
    content = await readFile(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    return { kind: 'no', why: `the file ${path} cannot be read (${code})` };
  }
  if (content.length > LONGEST_SECRET_FILE)
    return { kind: 'no', why: `the file ${path} is too long for a single value` };
  const text = content.trim();
  return text === '' ? { kind: 'no', why: `the file ${path} is empty` } : { kind: 'ok', text };
}

/** User and password of the mail server may stand apart from its URL: as they are, with nothing to be escaped. */
function smtpUrlOf(
  given: Readonly<Record<string, string>>,
  report: (path: string, message: string) => void,
): string | undefined {
  const { SMTP_URL: url, SMTP_USER: user, SMTP_PASSWORD: password } = given;
  if (password !== undefined && user === undefined) report('SMTP_USER', 'is missing, and SMTP_PASSWORD is set');
  if (user === undefined) return url;
  if (url === undefined) report('SMTP_URL', 'is missing, and SMTP_USER is set');
  if (url === undefined || !URL.canParse(url)) return url;
  const whole = new URL(url);
  if (whole.username !== '') report('SMTP_USER', 'is set, and SMTP_URL has a user of its own: keep one of them');
  // The setters of URL refuse credentials for no host and leave % as it is, so they are written here.
  const credentials = [user, password ?? ''].map(encodeURIComponent).join(':').replace(/:$/, '');
  return `${whole.protocol}//${credentials}@${whole.host}${whole.pathname}${whole.search}${whole.hash}`;
}

/** OAuth2 for Microsoft 365 where a tenant is named, else for Google; nothing where no client is named. */
function oauthOf(
  given: Readonly<Record<string, string>>,
  report: (path: string, message: string) => void,
): OAuthSettings | undefined {
  const clientId = given['SMTP_OAUTH_CLIENT_ID'];
  const clientSecret = given['SMTP_OAUTH_CLIENT_SECRET'];
  const refreshToken = given['SMTP_OAUTH_REFRESH_TOKEN'];
  const tenant = given['SMTP_OAUTH_TENANT'];
  const tokenUrl = given['SMTP_OAUTH_TOKEN_URL'];
  if (clientId === undefined) {
    const orphan = Object.keys(given).find((name) => name.startsWith('SMTP_OAUTH_'));
    if (orphan !== undefined) report('SMTP_OAUTH_CLIENT_ID', `is missing, and ${orphan} is set`);
    return undefined;
  }
  if (given['SMTP_URL'] === undefined) report('SMTP_URL', 'is missing, and SMTP_OAUTH_CLIENT_ID is set');
  if (tenant !== undefined) {
    if (clientSecret === undefined && refreshToken === undefined)
      report('SMTP_OAUTH_CLIENT_SECRET', 'is missing, and so is SMTP_OAUTH_REFRESH_TOKEN: one of them is needed');
    return { provider: 'microsoft', tenant, clientId, clientSecret, refreshToken, tokenUrl };
  }
  if (clientSecret === undefined) report('SMTP_OAUTH_CLIENT_SECRET', 'is missing');
  if (refreshToken === undefined)
    report('SMTP_OAUTH_REFRESH_TOKEN', 'is missing (for Microsoft 365 set SMTP_OAUTH_TENANT)');
  return clientSecret === undefined || refreshToken === undefined
    ? undefined
    : { provider: 'google', clientId, clientSecret, refreshToken, tokenUrl };
}
