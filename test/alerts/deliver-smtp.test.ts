import { createServer, type AddressInfo, type Server } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startMailCatcher, type MailCatcher, type MailCatcherOptions } from '../../demo/mail-catcher.js';
import { testMail } from '../../src/alerts/deliver.js';
import { openSmtp, type Smtp, type SmtpOptions } from '../../src/alerts/smtp.js';
import { readSmtpUrl, smtpAdvice, SmtpSettingsError } from '../../src/alerts/smtp-settings.js';
import { AUTHORITY, EXPIRED, GOOD, OTHER_HOST } from '../support/certificates.js';

const raw = Buffer.from(
  'From: watch@luton.example\r\nTo: a@luton.example\r\nMessage-ID: <one@luton.example>\r\nSubject: News\r\n\r\nLine\r\n.dot\r\n',
);

async function catcher(options?: MailCatcherOptions): Promise<MailCatcher> {
  const server = await startMailCatcher(options);
  onTestFinished(async () => {
    // Node ends with a fault of its own where a socket is destroyed under a TLS handshake that is just failing.
    await wait(20);
    await server.close();
  });
  return server;
}

function smtpTo(url: string, options: Partial<SmtpOptions> = {}): Smtp {
  const smtp = openSmtp({ from: 'Absence watch <watch@luton.example>', ...readSmtpUrl(url, options.tls), ...options });
  onTestFinished(() => {
    smtp.close();
  });
  return smtp;
}

/** The same server by an address that is not loopback, so that TLS is required of it. */
function foreign(server: MailCatcher): string {
  return server.url.replace('127.0.0.1', '0.0.0.0');
}

/** A server that says what it is told, line by line, and nothing on its own. */
async function scripted(greet: string | undefined, answers: Record<string, string>): Promise<string> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    if (greet !== undefined) socket.write(`${greet}\r\n`);
    socket.on('data', (chunk) => {
      const answer = answers[chunk.toString('latin1').slice(0, 4).toUpperCase()];
      if (answer !== undefined) socket.write(`${answer}\r\n`);
    });
    onTestFinished(() => {
      socket.destroy();
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(
    () =>
      new Promise<void>((closed) => {
        server.close(() => {
          closed();
        });
      }),
  );
  return `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('one message', () => {
  it('arrives whole, from the bare sender, to the one recipient, and the answer comes back', async () => {
    const server = await catcher();
    const result = await smtpTo(server.url).send({ to: 'Desk <a@luton.example>', raw });
    expect(result).toMatchObject({ kind: 'accepted', answer: expect.stringMatching(/^250/) as string });
    expect(server.messages).toMatchObject([{ from: 'watch@luton.example', to: ['a@luton.example'] }]);
    expect(server.messages[0]?.raw.toString()).toBe(raw.toString());
  });

  it('arrives whole when it is larger than a piece', async () => {
    const server = await catcher();
    const large = Buffer.concat([raw, Buffer.from('0123456789abcdef0123456789abcdef0123456789\r\n'.repeat(20_000))]);
    await smtpTo(server.url).send({ to: 'a@luton.example', raw: large });
    expect(server.messages[0]?.raw.equals(large)).toBe(true);
  });

  it.each([
    [550, true],
    [553, true],
    [451, false],
    [450, false],
    [503, false],
  ])('refused with %i at its recipient is refused for good: %s', async (code, permanent) => {
    const server = await catcher();
    server.behave((step) => (step.at === 'rcpt to' ? { kind: 'refuse', code, message: 'Not here' } : undefined));
    const result = await smtpTo(server.url).send({ to: 'a@luton.example', raw });
    expect(result).toEqual({ kind: 'refused', permanent, answer: `${code} Not here` });
    expect(server.messages).toHaveLength(0);
  });

  it.each([
    [554, true],
    [452, false],
  ])('refused with %i after its text is refused for good: %s', async (code, permanent) => {
    const server = await catcher();
    server.behave((step) => (step.at === 'message' ? { kind: 'refuse', code } : undefined));
    expect(await smtpTo(server.url).send({ to: 'a@luton.example', raw })).toMatchObject({ kind: 'refused', permanent });
  });

  it('too large for the server is refused for good without being sent', async () => {
    const server = await catcher({ size: 100 });
    expect(await smtpTo(server.url).send({ to: 'a@luton.example', raw })).toMatchObject({
      kind: 'refused',
      permanent: true,
    });
  });

  it.each(['nobody', 'a@b.example, c@d.example', 'a@b.example\r\nRCPT TO:<c@d.example>', ''])(
    'to the bad address %j is refused for good and nothing is sent',
    async (to) => {
      const server = await catcher();
      expect(await smtpTo(server.url).send({ to, raw })).toMatchObject({ kind: 'refused', permanent: true });
      expect(server.connections()).toBe(0);
    },
  );

  it('to a server that closes with 421 says nothing of the message, but of the server', async () => {
    const server = await catcher();
    server.behave((step) => (step.at === 'rcpt to' ? { kind: 'refuse', code: 421, message: 'Too busy' } : undefined));
    expect(await smtpTo(server.url).send({ to: 'a@luton.example', raw })).toMatchObject({
      kind: 'failed',
      server: true,
      ambiguous: false,
    });
  });

  it('whose connection drops after the final dot may have arrived', async () => {
    const server = await catcher();
    server.behave((step) => (step.at === 'message' ? { kind: 'drop' } : undefined));
    const result = await smtpTo(server.url).send({ to: 'a@luton.example', raw });
    expect(result).toMatchObject({ kind: 'failed', ambiguous: true, server: false });
    expect(server.messages).toHaveLength(1);
  });

  it.each(['connect', 'mail from', 'rcpt to'] as const)(
    'whose connection drops at "%s" has not arrived',
    async (at) => {
      const server = await catcher();
      server.behave((step) => (step.at === at ? { kind: 'drop' } : undefined));
      expect(await smtpTo(server.url).send({ to: 'a@luton.example', raw })).toMatchObject({
        kind: 'failed',
        ambiguous: false,
      });
    },
  );

  it('to a port where nobody listens says so', async () => {
    const server = await startMailCatcher();
    await server.close();
    expect(await smtpTo(server.url).send({ to: 'a@luton.example', raw })).toMatchObject({
      kind: 'failed',
      server: true,
      reason: `127.0.0.1:${server.port}, while connecting: nothing listens there (connection refused).`,
    });
  });
});

describe('a server that hangs', () => {
  const deadlines = { connect: 200, total: 600 };

  it.each([
    ['connect', false, /^127.*while connecting: no answer within 0.2 s/],
    ['mail from', false, /naming sender and recipient: no end within 0.6 s/],
    ['rcpt to', false, /naming sender and recipient: no end within 0.6 s/],
    ['message', true, /waiting for the answer: no end within 0.6 s/],
  ] as const)('at "%s" is left at the deadline', async (at, ambiguous, reason) => {
    const server = await catcher();
    server.behave((step) => (step.at === at ? { kind: 'hang' } : undefined));
    const began = performance.now();
    const result = await smtpTo(server.url, { deadlines }).send({ to: 'a@luton.example', raw });
    expect(performance.now() - began).toBeLessThan(3_000);
    expect(result).toMatchObject({ kind: 'failed', ambiguous, reason: expect.stringMatching(reason) as string });
  });

  it('at its name, at sign-in or before the text is left at the deadline', async () => {
    const ehlo = { EHLO: '250-x\r\n250 AUTH PLAIN' };
    const urls = [
      await scripted('220 x', {}),
      (await scripted('220 x', ehlo)).replace('//', '//user:secret1@'),
      await scripted('220 x', { ...ehlo, MAIL: '250 ok', RCPT: '250 ok' }),
    ];
    const results = await Promise.all(
      urls.map((url) => smtpTo(url, { deadlines }).send({ to: 'a@luton.example', raw })),
    );
    expect(results).toMatchObject([
      { kind: 'failed', ambiguous: false, server: true },
      { kind: 'failed', ambiguous: false, server: true, reason: expect.stringContaining('signing in') as string },
      { kind: 'failed', ambiguous: false, server: false },
    ]);
  });

  it('is broken off when the program ends', async () => {
    const server = await catcher();
    server.behave((step) => (step.at === 'rcpt to' ? { kind: 'hang' } : undefined));
    const smtp = smtpTo(server.url);
    const sending = smtp.send({ to: 'a@luton.example', raw });
    await expect.poll(() => server.connections()).toBe(1);
    smtp.close();
    expect(await sending).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('the program ends') as string,
    });
  });
});

describe('TLS', () => {
  it('is required: a server without it gets nothing, and the reason names the setting', async () => {
    const server = await catcher({ tls: 'none' });
    const result = await smtpTo(foreign(server)).send({ to: 'a@luton.example', raw });
    expect(result).toMatchObject({
      kind: 'failed',
      server: true,
      reason: expect.stringContaining('`mail.tls: off`') as string,
    });
    expect(server.messages).toHaveLength(0);
  });

  it('is not asked for where it is switched off, nor on loopback', async () => {
    const server = await catcher({ tls: 'none' });
    expect((await smtpTo(foreign(server), { tls: 'off' }).send({ to: 'a@luton.example', raw })).kind).toBe('accepted');
    expect((await smtpTo(server.url).send({ to: 'a@luton.example', raw })).kind).toBe('accepted');
  });

  it.each([
    ['good', GOOD],
    ['for another host', OTHER_HOST],
    ['that ran out', EXPIRED],
    ['of nobody', 'self-signed'],
  ] as const)('is used on loopback where it is offered, with a certificate %s', async (_, certificate) => {
    // As a submission server on the same machine is set up: no sign-in before STARTTLS.
    const auth = { user: 'watch', password: 'secret1' };
    const server = await catcher({ tls: certificate, auth });
    const smtp = smtpTo(server.url.replace('//', '//watch:secret1@'));
    expect(await smtp.send({ to: 'a@luton.example', raw })).toMatchObject({ kind: 'accepted' });
    expect(server.messages).toMatchObject([{ secure: true, user: 'watch' }]);
    expect(await smtp.verify()).toMatchObject({ answer: expect.stringContaining('answers over TLS') as string });
  });

  it('is not used on loopback where it is switched off, though it is offered', async () => {
    const server = await catcher({ tls: GOOD });
    expect((await smtpTo(server.url, { tls: 'off' }).send({ to: 'a@luton.example', raw })).kind).toBe('accepted');
    expect(server.messages).toMatchObject([{ secure: false }]);
  });

  it('that a server on loopback offers and cannot do is done without', async () => {
    const url = await scripted('220 x', {
      ...{ EHLO: '250-x\r\n250 STARTTLS', STAR: '454 TLS not available', MAIL: '250 ok', RCPT: '250 ok' },
      ...{ DATA: '354 go on', QUIT: '221 bye' },
    });
    expect(await smtpTo(url).verify()).toMatchObject({ kind: 'accepted' });
  });

  it('is asked for where a server demands it before the sign-in, in words that say so', async () => {
    const url = await scripted('220 x', { EHLO: '250-x\r\n250 AUTH PLAIN', AUTH: '538 Must issue STARTTLS first' });
    expect(await smtpTo(url.replace('//', '//watch:secret1@'), { tls: 'off' }).verify()).toMatchObject({
      kind: 'failed',
      reason: expect.stringMatching(/538 Must issue STARTTLS first\. .*`mail\.tls: off`/) as string,
    });
  });

  it('by STARTTLS carries the message where the certificate is good', async () => {
    const server = await catcher({ tls: GOOD });
    const result = await smtpTo(foreign(server), { ca: AUTHORITY }).send({ to: 'a@luton.example', raw });
    expect(result.kind).toBe('accepted');
    expect(server.messages).toMatchObject([{ secure: true }]);
  });

  it('from the first byte carries the message where the certificate is good', async () => {
    const server = await catcher({ tls: GOOD, implicitTls: true });
    const result = await smtpTo(server.url, { ca: AUTHORITY }).send({ to: 'a@luton.example', raw });
    expect(result.kind).toBe('accepted');
    expect(server.messages).toMatchObject([{ secure: true }]);
  });

  it.each([
    ['of an unknown authority', GOOD, undefined],
    ['for another host', OTHER_HOST, AUTHORITY],
    ['that ran out', EXPIRED, AUTHORITY],
  ])('with a certificate %s is an error, never plain text', async (_, certificate, ca) => {
    for (const implicitTls of [false, true]) {
      const server = await catcher({ tls: certificate, implicitTls });
      const url = implicitTls ? server.url : foreign(server);
      const result = await smtpTo(url, { ca }).send({ to: 'a@luton.example', raw });
      expect(result).toMatchObject({
        kind: 'failed',
        server: true,
        reason: expect.stringContaining('certificate is not to be trusted') as string,
      });
      expect(server.messages).toHaveLength(0);
    }
  });

  it('cannot be weakened by the environment', async () => {
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      const server = await catcher({ tls: GOOD, implicitTls: true });
      expect((await smtpTo(server.url).send({ to: 'a@luton.example', raw })).kind).toBe('failed');
    } finally {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
    }
  });

  it('spoken to a server that begins in plain text is explained, and so is the reverse', async () => {
    const plain = await catcher();
    const tls = await catcher({ tls: GOOD, implicitTls: true });
    const deadlines = { connect: 300, total: 1000 };
    const wrong = await Promise.all([
      smtpTo(plain.url.replace('smtp:', 'smtps:'), { deadlines }).send({ to: 'a@luton.example', raw }),
      smtpTo(tls.url.replace('smtps:', 'smtp:'), { deadlines }).send({ to: 'a@luton.example', raw }),
    ]);
    expect(wrong).toMatchObject([
      { kind: 'failed', reason: expect.stringContaining('use smtp:// with port 587') as string },
      { kind: 'failed', reason: expect.stringContaining('use smtps://') as string },
    ]);
  });
});

describe('sign-in', () => {
  const auth = { user: 'watch@luton.example', password: 'pa%ss/wörd' };
  const withUser = (url: string, password = auth.password): string =>
    url.replace('//', `//${encodeURIComponent(auth.user)}:${encodeURIComponent(password)}@`);

  it('uses user and password of the URL', async () => {
    const server = await catcher({ auth });
    expect((await smtpTo(withUser(server.url)).send({ to: 'a@luton.example', raw })).kind).toBe('accepted');
    expect(server.messages).toMatchObject([{ user: auth.user }]);
  });

  it('that is refused concerns the server, not the mail, and no password is in the reason', async () => {
    const server = await catcher({ auth });
    server.behave((step) =>
      step.at === 'sign in' ? { kind: 'refuse', code: 535, message: 'Bad password revoked1' } : undefined,
    );
    const result = await smtpTo(withUser(server.url, 'revoked1')).send({ to: 'a@luton.example', raw });
    expect(result).toMatchObject({ kind: 'failed', server: true, ambiguous: false });
    expect(JSON.stringify(result)).toContain('535');
    expect(JSON.stringify(result)).not.toContain('revoked1');
  });

  it('that the server does not offer keeps the mail back', async () => {
    const server = await catcher();
    expect(await smtpTo(withUser(server.url)).send({ to: 'a@luton.example', raw })).toMatchObject({
      kind: 'failed',
      server: true,
    });
    expect(server.messages).toHaveLength(0);
  });

  it('that the server demands and nobody configured is explained', async () => {
    const server = await catcher({ auth });
    expect(await smtpTo(server.url).send({ to: 'a@luton.example', raw })).toMatchObject({
      kind: 'failed',
      server: true,
      reason: expect.stringContaining('SMTP_URL') as string,
    });
  });

  it('is what verify tries, without sending anything', async () => {
    const server = await catcher({ auth });
    expect(await smtpTo(withUser(server.url)).verify()).toMatchObject({
      kind: 'accepted',
      answer: `127.0.0.1:${server.port} answers without TLS, signed in as watch@luton.example`,
    });
    expect(await smtpTo(withUser(server.url, 'other')).verify()).toMatchObject({ kind: 'failed' });
    expect(server.messages).toHaveLength(0);
  });
});

describe('a test mail', () => {
  it('goes out at once and brings the answer of the server', async () => {
    const server = await catcher();
    const now = new Date('2026-10-22T08:45:00Z');
    const result = await testMail(smtpTo(server.url), 'Absence watch <watch@luton.example>', 'a@luton.example', now);
    expect(result).toMatchObject({ kind: 'accepted' });
    const text = server.messages[0]?.raw.toString() ?? '';
    expect(text).toContain('Subject: absence-watch: test mail');
    expect(text).toContain('Auto-Submitted: auto-generated');
    expect(text).toMatch(/^Message-ID: <[0-9a-f]{40}@luton.example>\r$/m);
  });
});

describe('SMTP_URL', () => {
  it('is read with its escapes, and ports follow the scheme', () => {
    expect(readSmtpUrl('smtp://a%40b.example:p%3Aq@mail.example')).toEqual({
      host: 'mail.example',
      port: 587,
      secure: false,
      tls: 'required',
      signIn: { kind: 'password', user: 'a@b.example', password: 'p:q' },
    });
    expect(readSmtpUrl('smtps://mail.example')).toMatchObject({ port: 465, secure: true, signIn: { kind: 'none' } });
    expect(readSmtpUrl('smtp://[::1]:2525')).toMatchObject({ host: '::1', port: 2525 });
  });

  it.each([
    'mail.example:587',
    'http://mail.example',
    'smtp://user:pa/ss@mail.example',
    'smtp://mail.example?tls.rejectUnauthorized=false',
    'smtp://hunter2@mail.example',
    'smtp://a:50%@mail.example',
    'smtp://',
  ])('%s is refused with words and without the password', (url) => {
    expect(() => readSmtpUrl(url)).toThrow(SmtpSettingsError);
    expect(() => readSmtpUrl(url)).not.toThrow(/pa\/ss|50%|hunter2/);
  });

  it('carries any user and password, escaped', () => {
    const secret = fc.string({ minLength: 1, unit: 'grapheme' });
    fc.assert(
      fc.property(secret, secret, (user, password) => {
        const url = `smtp://${encodeURIComponent(user)}:${encodeURIComponent(password)}@mail.example`;
        expect(readSmtpUrl(url).signIn).toEqual({ kind: 'password', user, password });
      }),
    );
  });

  it('that contradicts tls: off is refused', () => {
    expect(() => readSmtpUrl('smtps://mail.example', 'off')).toThrow(/contradict/);
  });

  it('with the port of the other scheme is advised against', () => {
    expect(smtpAdvice(readSmtpUrl('smtps://mail.example:587'))).toEqual([expect.stringContaining('use smtp://')]);
    expect(smtpAdvice(readSmtpUrl('smtp://mail.example:465'))).toEqual([expect.stringContaining('use smtps://')]);
    expect(smtpAdvice(readSmtpUrl('smtp://u:p@relay.example', 'off'))).toHaveLength(1);
    expect(smtpAdvice(readSmtpUrl('smtp://u:p@mail.example'))).toEqual([]);
  });
});
