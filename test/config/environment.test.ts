import fc from 'fast-check';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError, loadConfig, readEnvironment, VARIABLE_NAMES, type Settings } from '../../src/config.js';

const noFiles = (): Promise<string> => Promise.reject(Object.assign(new Error('no'), { code: 'ENOENT' }));

async function read(env: Record<string, string>, files: Record<string, string> = {}) {
  const result = await readEnvironment(env, (path) => {
    const content = files[path];
    return content === undefined ? noFiles() : Promise.resolve(content);
  });
  if (result.kind === 'invalid') throw new ConfigError(result.problems);
  return result.environment;
}

async function problemsOf(env: Record<string, string>): Promise<string[]> {
  const result = await readEnvironment(env, noFiles);
  return result.kind === 'invalid' ? result.problems.map(({ path, message }) => `${path} ${message}`) : [];
}

describe('the environment', () => {
  it('has the defaults of the contract', async () => {
    expect(await read({})).toEqual({
      databaseUrl: undefined,
      databaseSchema: 'absence_watch',
      smtpUrl: undefined,
      smtpOAuth: undefined,
      eesApiUrl: 'https://api.education.gov.uk/statistics',
      eesContentUrl: 'https://content.explore-education-statistics.service.gov.uk/api',
      configFile: undefined,
      logLevel: 'info',
      httpPort: 8080,
      httpHost: '127.0.0.1',
      httpsProxy: undefined,
      noProxy: [],
      extraCaCertificates: undefined,
    });
  });

  it('counts an empty variable as none, and reads the proxy in lower case too', async () => {
    const environment = await read({
      DATABASE_URL: '',
      HTTP_PORT: '  ',
      https_proxy: 'http://proxy:3128',
      no_proxy: 'localhost, .example.org',
      EES_API_URL: 'http://127.0.0.1:9000/api/',
    });
    expect(environment).toMatchObject({
      databaseUrl: undefined,
      httpPort: 8080,
      httpsProxy: 'http://proxy:3128',
      noProxy: ['localhost', '.example.org'],
      eesApiUrl: 'http://127.0.0.1:9000/api',
    });
  });

  it.each([
    ['proxy.example:8080', 'http://proxy.example:8080'],
    ['luton:s3cret@proxy.example:8080', 'http://luton:s3cret@proxy.example:8080'],
    ['10.1.2.3:3128', 'http://10.1.2.3:3128'],
    ['https://proxy.example', 'https://proxy.example'],
  ])('takes a proxy written as %s for %s, as curl does', async (written, meant) => {
    expect((await read({ HTTPS_PROXY: '', https_proxy: written })).httpsProxy).toBe(meant);
  });

  it.each(VARIABLE_NAMES)('reads %s from a file as well', async (name) => {
    const values: Record<string, string> = {
      DATABASE_URL: 'postgres://u:p@db/x',
      SMTP_URL: 'smtp://mail:25',
      LOG_LEVEL: 'warn',
      HTTP_PORT: '0',
      HTTPS_PROXY: 'http://proxy:3128',
    };
    const value = values[name] ?? (name.endsWith('_URL') ? 'https://x.example' : 'some_value');
    const companions: Record<string, string> = name.startsWith('SMTP_OAUTH')
      ? {
          SMTP_URL: 'smtp://me@mail:587',
          SMTP_OAUTH_CLIENT_ID: 'id',
          SMTP_OAUTH_CLIENT_SECRET: 'secret',
          SMTP_OAUTH_REFRESH_TOKEN: 'token',
          SMTP_OAUTH_TENANT: 'tenant',
        }
      : {};
    if (name === 'SMTP_USER' || name === 'SMTP_PASSWORD')
      Object.assign(companions, { SMTP_URL: 'smtp://mail', SMTP_USER: 'u' });
    const others = Object.fromEntries(Object.entries(companions).filter(([key]) => key !== name));
    const fromFile = await read({ ...others, [`${name}_FILE`]: '/run/secret' }, { '/run/secret': `${value}\n` });
    expect(fromFile).toEqual(await read({ ...others, [name]: value }));
    expect(fromFile).not.toEqual(await read({}));
  });

  it.each([
    [{ DATABASE_URL: 'mysql://root:hunter2@db' }, 'DATABASE_URL must begin with postgres:// or pglite:'],
    [{ DATABASE_URL: 'postgres://user:hunter2@[x' }, 'DATABASE_URL must begin with postgres://'],
    [{ DATABASE_SCHEMA: 'hunter2; drop' }, 'DATABASE_SCHEMA must be a lower-case name'],
    [{ DATABASE_SCHEMA: 'pg_hunter2' }, 'DATABASE_SCHEMA is a name that Postgres keeps for itself'],
    [{ SMTP_URL: 'http://me:hunter2@mail' }, 'SMTP_URL must be a URL that begins with smtp:// or smtps://'],
    [{ EES_API_URL: 'hunter2' }, 'EES_API_URL must be a URL that begins with https:// or http://'],
    [{ HTTPS_PROXY: 'socks5://hunter2:1080' }, 'HTTPS_PROXY must be a URL that begins with http:// or https://'],
    [{ HTTPS_PROXY: 'me:hunter2%@proxy' }, 'HTTPS_PROXY has a % in its user or password that is not written %25'],
    [{ LOG_LEVEL: 'hunter2' }, 'LOG_LEVEL must be one of trace, debug, info, warn, error, silent'],
    [{ HTTP_PORT: '65536' }, 'HTTP_PORT must be a port: a number from 0 (any free one) to 65535'],
    [{ HTTP_HOST: 'hunter2 x' }, 'HTTP_HOST must be a host name or an IP address'],
    [{ SMTP_URL: 'x', SMTP_URL_FILE: '/hunter2' }, 'SMTP_URL is set, and so is SMTP_URL_FILE: keep one of them'],
    [{ SMTP_PASSWORD: 'hunter2' }, 'SMTP_USER is missing, and SMTP_PASSWORD is set'],
    [{ SMTP_USER: 'hunter2' }, 'SMTP_URL is missing, and SMTP_USER is set'],
    [{ SMTP_USER: 'u', SMTP_URL: 'smtp://hunter2@mail' }, 'SMTP_USER is set, and SMTP_URL has a user of its own'],
    [{ SMTP_OAUTH_TENANT: 'hunter2' }, 'SMTP_OAUTH_CLIENT_ID is missing, and SMTP_OAUTH_TENANT is set'],
    [
      { SMTP_OAUTH_CLIENT_ID: 'hunter2', SMTP_OAUTH_TENANT: 't' },
      'SMTP_OAUTH_CLIENT_SECRET is missing, and so is SMTP_OAUTH_REFRESH_TOKEN',
    ],
    [
      { SMTP_OAUTH_CLIENT_ID: 'hunter2' },
      'SMTP_OAUTH_REFRESH_TOKEN is missing (for Microsoft 365 set SMTP_OAUTH_TENANT)',
    ],
    [{ SMTP_URL: `smtp://${'hunter2'.repeat(1000)}` }, 'SMTP_URL is too long'],
  ])('refuses %j and does not repeat the value', async (env, expected) => {
    const problems = await problemsOf(env);
    expect(problems.join('\n')).toContain(expected);
    expect(problems.join('\n').replaceAll('/hunter2', '')).not.toContain('hunter2');
  });

  it('never repeats a value, whatever it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...VARIABLE_NAMES), fc.stringMatching(/^[!-~]{1,12}$/), async (name, tail) => {
        const value = `Q7z${tail}w9K`;
        for (const problem of await problemsOf({ [name]: value })) expect(problem).not.toContain(value);
      }),
    );
  });

  it('names a secret file that cannot be used', async () => {
    expect(await problemsOf({ DATABASE_URL_FILE: '/gone' })).toEqual([
      'DATABASE_URL_FILE the file /gone cannot be read (ENOENT)',
    ]);
    await expect(read({ SMTP_URL_FILE: '/empty' }, { '/empty': '\n' })).rejects.toThrow('the file /empty is empty');
    await expect(read({ SMTP_URL_FILE: '/big' }, { '/big': 'x'.repeat(70_000) })).rejects.toThrow(
      'too long for a single value',
    );
  });

  it('signs in by OAuth2 at Microsoft where a tenant is named, else at Google', async () => {
    const common = {
      SMTP_URL: 'smtp://me%40x.example@smtp.office365.com:587',
      SMTP_OAUTH_CLIENT_ID: 'id',
      SMTP_OAUTH_CLIENT_SECRET: 's',
    };
    expect((await read({ ...common, SMTP_OAUTH_TENANT: 't' })).smtpOAuth).toMatchObject({
      provider: 'microsoft',
      tenant: 't',
      clientSecret: 's',
      refreshToken: undefined,
    });
    expect((await read({ ...common, SMTP_OAUTH_REFRESH_TOKEN: 'r' })).smtpOAuth).toMatchObject({
      provider: 'google',
      refreshToken: 'r',
    });
  });
});

describe('settings: file and environment together', () => {
  let directory = '';
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'absence-watch-config-'));
    await mkdir(join(directory, 'config'));
    await writeFile(
      join(directory, 'good.yaml'),
      'data_directory: ./kept\nneighbours: n.csv\nschedule: { cron: "30 1 * * *" }\n',
    );
    await writeFile(join(directory, 'exposed.yaml'), 'page: { exposed: true }\n');
    await writeFile(join(directory, 'bad.yaml'), 'rules: 1\n');
    await writeFile(join(directory, 'password'), 'postgres://u:p@db/x\n');
  });
  afterAll(async () => {
    await rm(directory, { recursive: true });
  });
  const load = (path: string | undefined, env: Record<string, string> = {}): Promise<Settings> =>
    loadConfig(path, env, directory);

  it('does with no file at all: defaults, database in the data directory, no mail server', async () => {
    const settings = await load(undefined);
    expect(settings).toMatchObject({ configFile: undefined, smtp: undefined, warnings: [] });
    expect(settings.environment.databaseUrl).toBe(`pglite:${join(directory, 'data', 'db')}`);
    expect(settings.config.dataDirectory).toBe(join(directory, 'data'));
  });

  it('reads the default file where it is', async () => {
    await writeFile(join(directory, 'config', 'absence-watch.yaml'), 'failures_before_mail: 7\n');
    const settings = await load(undefined);
    await rm(join(directory, 'config', 'absence-watch.yaml'));
    expect(settings.config.failuresBeforeMail).toBe(7);
    expect(settings.configFile).toBe(join(directory, 'config', 'absence-watch.yaml'));
  });

  it('resolves paths against the working directory, reads the neighbours and keeps warnings', async () => {
    await writeFile(join(directory, 'n.csv'), 'old_la_code,rank,neighbour_old_la_code\n821,2,831\n821,1,330\n');
    for (const settings of [await load('good.yaml'), await load(undefined, { ABSENCE_WATCH_CONFIG: 'good.yaml' })]) {
      expect(settings.config.dataDirectory).toBe(join(directory, 'kept'));
      expect([...settings.neighbours]).toEqual([['821', ['330', '831']]]);
      expect(settings.environment.databaseUrl).toBe(`pglite:${join(directory, 'kept', 'db')}`);
      expect(settings.warnings).toHaveLength(1);
    }
    await rm(join(directory, 'n.csv'));
    await expect(load('good.yaml')).rejects.toThrow(/n\.csv:1:1 neighbours: there is no such file/);
  });

  it.each([
    ['pglite:./x', 'pglite:DIRECTORY/x'],
    ['pglite:/x', 'pglite:/x'],
    ['pglite:memory', 'pglite:memory'],
    ['postgres://u@db/x', 'postgres://u@db/x'],
  ])('takes the database %s', async (given, expected) => {
    expect((await load(undefined, { DATABASE_URL: given })).environment.databaseUrl).toBe(
      expected.replace('DIRECTORY', directory),
    );
  });

  it('reads secret files relative to the working directory', async () => {
    expect((await load(undefined, { DATABASE_URL_FILE: 'password' })).environment.databaseUrl).toBe(
      'postgres://u:p@db/x',
    );
  });

  it('fails for a named file that is not there, and tells the mistakes of the environment with it', async () => {
    await expect(load('gone.yaml', { HTTP_PORT: 'x' })).rejects.toThrow(
      /gone\.yaml does not exist\n.*environment HTTP_PORT: must be a port/,
    );
    await expect(load('config')).rejects.toThrow('config cannot be read (EISDIR)');
  });

  it.each(['', '\n\n', '\uFEFF', '# the rules\r\n  # of last year\r\n'])(
    'takes a file of nothing, as a full disk leaves it, for no configuration: %j',
    async (content) => {
      await writeFile(join(directory, 'cut.yaml'), content);
      await expect(load('cut.yaml')).rejects.toThrow(/cut\.yaml is empty\. Put back what stood in it/);
    },
  );

  it('tells the mistakes of file and environment at once, each with its place', async () => {
    const error: unknown = await load('bad.yaml', { LOG_LEVEL: 'loud' }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toMatch(
      /bad\.yaml:1:8 rules: must be a list, not a number\n.*environment LOG_LEVEL: must be one of/,
    );
  });

  it('leaves loopback only where the page may be exposed', async () => {
    await expect(load(undefined, { HTTP_HOST: '0.0.0.0' })).rejects.toThrow(
      'environment HTTP_HOST: is not this machine alone',
    );
    expect((await load('exposed.yaml', { HTTP_HOST: '0.0.0.0' })).environment.httpHost).toBe('0.0.0.0');
    expect((await load(undefined, { HTTP_HOST: 'localhost' })).environment.httpHost).toBe('localhost');
  });

  it('takes user and password of the mail server apart from its URL, with nothing escaped', async () => {
    const env = { SMTP_URL: 'smtps://mail.example:465', SMTP_USER: 'me@x.example', SMTP_PASSWORD: '100%:/#?@é' };
    expect((await load(undefined, env)).smtp).toMatchObject({
      host: 'mail.example',
      port: 465,
      signIn: { kind: 'password', user: 'me@x.example', password: '100%:/#?@é' },
    });
  });

  it('hands on the mail server with TLS as the file says, and tells what is wrong with it', async () => {
    expect((await load(undefined, { SMTP_URL: 'smtp://u:p@mail' })).smtp).toMatchObject({
      host: 'mail',
      port: 587,
      tls: 'required',
    });
    await expect(load(undefined, { SMTP_URL: 'smtp://hunter2@mail' })).rejects.toThrow(
      'environment SMTP_URL: SMTP_URL has a user and no password',
    );
  });
});
