import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startMailCatcher } from '../../demo/mail-catcher.js';
import { openTokenSource, type OAuthSettings } from '../../src/alerts/oauth.js';
import { openSmtp, type Smtp } from '../../src/alerts/smtp.js';
import { readSmtpUrl } from '../../src/alerts/smtp-settings.js';

const MAILBOX = 'watch@luton.example';
const raw = Buffer.from('From: watch@luton.example\r\nSubject: News\r\n\r\nText\r\n');

interface TokenServer {
  readonly url: string;
  readonly asked: URLSearchParams[];
  answer: (fields: URLSearchParams, times: number) => { status: number; body: object | string } | 'hang';
}

async function tokenServer(): Promise<TokenServer> {
  const asked: URLSearchParams[] = [];
  const server = createServer((request, response) => {
    void read(request).then((text) => {
      const fields = new URLSearchParams(text);
      asked.push(fields);
      const answer = state.answer(fields, asked.length);
      if (answer === 'hang') return;
      response.writeHead(answer.status, { 'content-type': 'application/json' });
      response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const state: TokenServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    asked,
    answer: (_, times) => ({ status: 200, body: { access_token: `token-${times}`, expires_in: 3600 } }),
  };
  return state;
}

async function read(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

function microsoft(tokenUrl: string, refreshToken?: string): OAuthSettings {
  return {
    provider: 'microsoft',
    tenant: 'luton',
    clientId: 'app',
    clientSecret: 'app-secret',
    refreshToken,
    tokenUrl,
  };
}

/** A mail server that takes one token, which the test may change. */
async function mailServer(token: string) {
  const auth = { user: MAILBOX, token };
  const server = await startMailCatcher({ auth });
  onTestFinished(() => server.close());
  return { server, auth };
}

function smtpTo(url: string, oauth: OAuthSettings): Smtp {
  return openSmtp({
    from: MAILBOX,
    ...readSmtpUrl(url.replace('//', `//${encodeURIComponent(MAILBOX)}@`), 'required', oauth),
  });
}

describe('signing in with OAuth2', () => {
  it('as an application of Microsoft 365 asks with client credentials, once for many mails', async () => {
    const tokens = await tokenServer();
    const { server } = await mailServer('token-1');
    const smtp = smtpTo(server.url, microsoft(tokens.url));
    const results = await Promise.all(
      ['a@x.example', 'b@x.example', 'c@x.example'].map((to) => smtp.send({ to, raw })),
    );
    expect(results.map((result) => result.kind)).toEqual(['accepted', 'accepted', 'accepted']);
    expect(tokens.asked.map((fields) => Object.fromEntries(fields))).toEqual([
      {
        client_id: 'app',
        client_secret: 'app-secret',
        grant_type: 'client_credentials',
        scope: 'https://outlook.office365.com/.default',
      },
    ]);
    expect(server.messages).toMatchObject([{ user: MAILBOX }, { user: MAILBOX }, { user: MAILBOX }]);
  });

  it('on behalf of a person uses the refresh token, and the newer one that comes with the answer', async () => {
    const tokens = await tokenServer();
    tokens.answer = (_, times) => ({
      status: 200,
      body: { access_token: `token-${times}`, expires_in: 600, refresh_token: `refresh-${times}` },
    });
    let now = 0;
    const source = openTokenSource(microsoft(tokens.url, 'refresh-0'), () => now);
    expect(await source.token()).toBe('token-1');
    now += 600_000;
    expect(await source.token()).toBe('token-2');
    expect(tokens.asked.map((fields) => [fields.get('refresh_token'), fields.get('scope')])).toEqual([
      ['refresh-0', 'https://outlook.office.com/SMTP.Send offline_access'],
      ['refresh-1', 'https://outlook.office.com/SMTP.Send offline_access'],
    ]);
  });

  it('at Google uses the refresh token of the mailbox', async () => {
    const tokens = await tokenServer();
    const { server } = await mailServer('token-1');
    const smtp = smtpTo(server.url, {
      provider: 'google',
      clientId: 'app',
      clientSecret: 'app-secret',
      refreshToken: 'refresh-0',
      tokenUrl: tokens.url,
    });
    expect((await smtp.send({ to: 'a@x.example', raw })).kind).toBe('accepted');
    expect(tokens.asked[0]?.get('grant_type')).toBe('refresh_token');
  });

  it('renews a token shortly before it ends, and keeps it until then', async () => {
    const tokens = await tokenServer();
    let now = 0;
    const source = openTokenSource(microsoft(tokens.url), () => now);
    await source.token();
    now = 3_400_000;
    expect(await source.token()).toBe('token-1');
    now = 3_590_000;
    expect(await source.token()).toBe('token-2');
  });

  it('gets a new token within the same conversation where the old one was withdrawn', async () => {
    const tokens = await tokenServer();
    const { server, auth } = await mailServer('token-1');
    const smtp = smtpTo(server.url, microsoft(tokens.url));
    await smtp.send({ to: 'a@x.example', raw });
    auth.token = 'token-2';
    expect((await smtp.send({ to: 'a@x.example', raw })).kind).toBe('accepted');
    expect(tokens.asked).toHaveLength(2);
    expect(server.connections()).toBe(2);
  });

  it('that the mail server refuses with every token is a fault of the sign-in, told without secrets', async () => {
    const tokens = await tokenServer();
    const { server } = await mailServer('another');
    const result = await smtpTo(server.url, microsoft(tokens.url)).send({ to: 'a@x.example', raw });
    expect(result).toMatchObject({ kind: 'failed', server: true, ambiguous: false });
    expect(JSON.stringify(result)).toContain('535');
    expect(JSON.stringify(result)).not.toMatch(/token-\d|app-secret/);
  });

  it.each([
    [
      { status: 401, body: { error: 'invalid_client', error_description: 'AADSTS7000222: expired.\r\nTrace: 1' } },
      /make a new one/,
    ],
    [{ status: 400, body: { error: 'invalid_grant' } }, /give consent again/],
    [{ status: 500, body: '<html>' }, /HTTP 500/],
    [{ status: 200, body: {} }, /HTTP 200 without a token/],
  ])('whose token server answers %j says what to do, without secrets', async (answer, expected) => {
    const tokens = await tokenServer();
    tokens.answer = () => answer;
    const { server } = await mailServer('token-1');
    const result = await smtpTo(server.url, microsoft(tokens.url)).send({ to: 'a@x.example', raw });
    expect(result).toMatchObject({ kind: 'failed', server: true, reason: expect.stringMatching(expected) as string });
    expect(JSON.stringify(result)).not.toContain('app-secret');
    expect(server.messages).toHaveLength(0);
  });

  it('whose token server hangs ends at the deadline of the mail', async () => {
    const tokens = await tokenServer();
    tokens.answer = () => 'hang';
    const { server } = await mailServer('token-1');
    const smtp = openSmtp({
      from: MAILBOX,
      ...readSmtpUrl(server.url.replace('//', '//w%40x.example@'), 'required', microsoft(tokens.url)),
      deadlines: { connect: 200, total: 400 },
    });
    expect(await smtp.send({ to: 'a@x.example', raw })).toMatchObject({ kind: 'failed', ambiguous: false });
  });

  it('at a server that offers none says what it offers', async () => {
    const tokens = await tokenServer();
    const server = await startMailCatcher();
    onTestFinished(() => server.close());
    const result = await smtpTo(server.url, microsoft(tokens.url)).send({ to: 'a@x.example', raw });
    expect(result).toMatchObject({ kind: 'failed', reason: expect.stringContaining('no sign-in') as string });
    expect(tokens.asked).toHaveLength(0);
  });

  it('never sends a secret to a token server in plain text', () => {
    expect(() => openTokenSource(microsoft('http://login.example/token'))).toThrow(/https/);
  });
});
