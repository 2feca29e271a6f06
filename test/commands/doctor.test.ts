/** `doctor`: one thing that is ill hides none of the others, and what it advises fits what is ill. */
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { StandIn } from '../../demo/index.js';
import { stringContaining } from '../extract/support.js';
import { putEmbedded } from '../support/database.js';
import { freshProgram } from '../support/program.js';

interface Check {
  readonly check: string;
  readonly ok: boolean;
  readonly found: string;
  readonly advice: string;
}

async function standIn(): Promise<StandIn> {
  const ees = await StandIn.start();
  onTestFinished(() => ees.close());
  return ees;
}

const named = (checks: readonly Check[], name: string): Check | undefined => checks.find(({ check }) => check === name);

/** A port at which nothing listens. */
async function deadPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 9;
}

it('a database that cannot be reached hides neither host of EES, nor mail, clock, zone and slots', async () => {
  const ees = await standIn();
  const program = await freshProgram({
    DATABASE_URL: `postgres://nobody:x@127.0.0.1:${await deadPort()}/none`,
    EES_API_URL: ees.apiUrl,
    EES_CONTENT_URL: ees.contentUrl,
  });
  const said = await program.run('doctor', '--json');
  expect(said.code).toBe(1);
  const checks = said.json() as Check[];
  expect(checks.filter(({ ok }) => !ok).map(({ check }) => check)).toEqual(['database']);
  expect(named(checks, 'database')?.advice).toContain('DATABASE_URL');
  expect(named(checks, 'official API')?.found).toMatch(/answered in \d+ ms/);
  expect(named(checks, 'website (content API)')?.found).toMatch(/answered in \d+ ms/);
  expect(named(checks, 'clock')?.found).toMatch(
    /^differs by \d+\.\d s from that of the official API, by \d+\.\d s from that of the website; local time zone \S/,
  );
  expect(named(checks, 'schedule')?.found).toMatch(/next slots: .+, .+, .+/);
  expect(named(checks, 'mail server')).toBeDefined();
});

it('a route that is gone is no fault of the network: it says what the program does meanwhile', async () => {
  const ees = await standIn();
  const program = await freshProgram({ EES_API_URL: ees.apiUrl, EES_CONTENT_URL: ees.contentUrl });
  await program.run('migrate');
  ees.removeRoute(/sitemap-items/);
  const checks = (await program.run('doctor', '--json')).json() as Check[];
  expect(named(checks, 'official API')?.ok).toBe(true);
  const website = named(checks, 'website (content API)');
  expect(website?.ok).toBe(false);
  expect(website?.found).toContain('answered 404');
  expect(website?.advice).toMatch(/^The host answers, .*route is gone.*asked again at each run/);
  expect(website?.advice).toContain('On the official API alone only full-year figures are watched');
  expect(website?.advice).not.toMatch(/HTTPS_PROXY|NODE_EXTRA_CA_CERTS/);
  expect(named(checks, 'clock')?.ok).toBe(true);
});

it('both hosts away, one of which asks for time: neither is said to do for the other, and when to ask again is', async () => {
  const ees = await standIn();
  const program = await freshProgram({ EES_API_URL: ees.apiUrl, EES_CONTENT_URL: ees.contentUrl });
  await program.run('migrate');
  ees.fault(({ path }) =>
    path.startsWith('/statistics') ? { kind: 'forbidden' } : { kind: 'too many requests', retryAfter: 7200 },
  );
  const checks = (await program.run('doctor', '--json')).json() as Check[];
  const [api, website] = [named(checks, 'official API'), named(checks, 'website (content API)')];
  expect([api?.ok, website?.ok]).toEqual([false, false]);
  expect(api?.advice).toMatch(/^The host, or a proxy before it, refuses: .* Meanwhile nothing is read of EES/);
  expect(website?.advice).toMatch(
    /^EES asks for time: runs leave it alone until .+\. Meanwhile nothing is read of EES/,
  );
});

it('a configuration that names nobody for EES to write to is no fault: doctor and `config check` say so', async () => {
  const ees = await standIn();
  const program = await freshProgram({ EES_API_URL: ees.apiUrl, EES_CONTENT_URL: ees.contentUrl });
  const unnamed = stringContaining('do not say whom its people may write to');
  const notes = async (): Promise<unknown> =>
    ((await program.run('config', 'check', '--json')).json() as { notes: string[] }).notes;
  const checked = async (): Promise<Check | undefined> =>
    named((await program.run('doctor', '--json')).json() as Check[], 'configuration');
  await program.configure('data_directory: ./data\n');
  expect(await notes()).toEqual([unnamed]);
  expect((await program.run('config', 'check')).stdout).toContain('\nNote: Requests to EES do not say');
  expect(await checked()).toMatchObject({ ok: true, advice: unnamed });
  await program.configure('mail: { from: watch@luton.example }\n');
  expect(await notes()).toEqual([]);
  expect((await checked())?.advice).not.toContain('Requests to EES');
  expect(ees.requests.at(-1)?.userAgent).toContain('(watch@luton.example)');
});

/** The stand-in behind a host whose clock is ahead. @param seconds of it */
async function ahead(ees: StandIn, seconds: number): Promise<string> {
  const server = createHttpServer((request, response) => {
    void fetch(`${ees.origin}${request.url ?? ''}`, { headers: { accept: 'application/json' } }).then(
      async (answer) => {
        response.writeHead(answer.status, {
          'content-type': 'application/json',
          date: new Date(Date.now() + seconds * 1000).toUTCString(),
        });
        response.end(await answer.text());
      },
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 9}`;
}

describe('the clock', () => {
  const clockOf = async (apiUrl: string, contentUrl: string): Promise<Check | undefined> => {
    const program = await freshProgram({ DATABASE_URL: '', EES_API_URL: apiUrl, EES_CONTENT_URL: contentUrl });
    await putEmbedded(join(program.directory, 'data', 'db'));
    await program.run('migrate');
    return named((await program.run('doctor', '--json')).json() as Check[], 'clock');
  };

  it.each([
    ['the official API', 400, 0],
    ['the website', 0, -400],
  ])('is held against that of %s, whatever the embedded database says', async (host, api, website) => {
    const ees = await standIn();
    const found = await clockOf(`${await ahead(ees, api)}/statistics`, `${await ahead(ees, website)}/content/api`);
    expect(found?.ok).toBe(false);
    expect(found?.found).toMatch(new RegExp(`by (399|400|401)\\.\\d s from that of ${host}`));
    expect(found?.found).not.toContain('database');
    expect(found?.advice).toContain('Set the clock (NTP)');
  });

  it('is well where neither host is far off, or none is in reach', async () => {
    const ees = await standIn();
    expect((await clockOf(`${await ahead(ees, 20)}/statistics`, ees.contentUrl))?.ok).toBe(true);
    const away = `http://127.0.0.1:${await deadPort()}`;
    const alone = await clockOf(away, away);
    expect([alone?.ok, alone?.found]).toEqual([true, expect.stringContaining('compared with no other')]);
  });
});

it('a host that does not answer is looked for in the network', async () => {
  const ees = await standIn();
  const program = await freshProgram({
    EES_API_URL: `http://127.0.0.1:${await deadPort()}`,
    EES_CONTENT_URL: ees.contentUrl,
  });
  await program.run('migrate');
  const checks = (await program.run('doctor', '--json')).json() as Check[];
  expect(named(checks, 'official API')?.advice).toMatch(/^Check the network, HTTPS_PROXY/);
  expect(named(checks, 'official API')?.advice).toContain('Meanwhile everything comes from the website');
  expect(named(checks, 'website (content API)')?.ok).toBe(true);
});

it('the proxy is named only where it is gone through: not for http, nor for a host in NO_PROXY', async () => {
  const ees = await standIn();
  const dead = await deadPort();
  const found = async (api: string, more: NodeJS.ProcessEnv = {}): Promise<(string | undefined)[]> => {
    const program = await freshProgram({
      ...{ EES_API_URL: api, EES_CONTENT_URL: ees.contentUrl, HTTPS_PROXY: `http://127.0.0.1:${dead}` },
      ...more,
    });
    const checks = (await program.run('doctor', '--json')).json() as Check[];
    return ['official API', 'website (content API)'].map((name) => named(checks, name)?.found);
  };
  const [api, website] = await found(`https://127.0.0.1:${dead}`);
  expect(api).toContain(`the proxy http://127.0.0.1:${dead} could not be reached (ECONNREFUSED): check HTTPS_PROXY`);
  expect(api).toContain(`https://127.0.0.1:${dead} (through the proxy): `);
  expect(website).toMatch(/^http:\S+: answered in \d+ ms$/);
  const [past] = await found(`https://127.0.0.1:${dead}`, { NO_PROXY: '127.0.0.1' });
  expect(past).toContain(`https://127.0.0.1:${dead}: `);
});

it('before the first run nothing is ill: an empty database, embedded or on a server, is only said to be empty', async () => {
  const ees = await standIn();
  const urls = { EES_API_URL: ees.apiUrl, EES_CONTENT_URL: ees.contentUrl };
  for (const database of [{}, { DATABASE_URL: 'pglite:./data/db', DATABASE_SCHEMA: undefined }]) {
    const program = await freshProgram({ ...urls, ...database }, { unmigrated: true });
    const said = await program.run('doctor', '--json');
    const checks = said.json() as Check[];
    expect(checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(said.code).toBe(0);
    expect(named(checks, 'migrations')?.found).toMatch(/^nothing here yet: the first "run" or "start" makes/);
  }
});
