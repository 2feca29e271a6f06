import { createTransport, type SentMessageInfo } from 'nodemailer';
import { afterEach, describe, expect, it } from 'vitest';
import {
  greylist,
  refuseRecipient,
  startMailCatcher,
  type MailCatcher,
  type MailCatcherOptions,
} from '../../demo/index.js';

let catcher: MailCatcher;

afterEach(() => catcher.close());

async function start(options?: MailCatcherOptions): Promise<void> {
  catcher = await startMailCatcher(options);
}

/** Sends one message; extra transport settings where a test needs them. */
async function send(to: string | string[], settings: object = {}): Promise<SentMessageInfo> {
  const transport = createTransport({
    host: '127.0.0.1',
    port: catcher.port,
    connectionTimeout: 2_000,
    greetingTimeout: 300,
    socketTimeout: 300,
    ...settings,
  });
  try {
    return await transport.sendMail({
      from: 'a@example.org',
      to,
      subject: 'News',
      text: 'Hello\n.\nthere',
    });
  } finally {
    transport.close();
  }
}

describe('the mail catcher', () => {
  it('keeps the message and its envelope', async () => {
    await start();
    await send(['b@example.org', 'c@example.org']);
    expect(catcher.messages).toHaveLength(1);
    expect(catcher.messages[0]).toMatchObject({
      from: 'a@example.org',
      to: ['b@example.org', 'c@example.org'],
      secure: false,
      acknowledged: true,
    });
    expect(catcher.messages[0]?.raw.toString()).toMatch(/Subject: News[\s\S]*Hello\r\n\.\r\nthere/);
  });

  it('refuses one recipient and takes the others', async () => {
    await start();
    catcher.behave(refuseRecipient('c@example.org'));
    const info = (await send(['b@example.org', 'c@example.org'])) as { rejected: string[] };
    expect(info.rejected).toEqual(['c@example.org']);
    expect(catcher.messages[0]?.to).toEqual(['b@example.org']);
  });

  it('puts a recipient off as often as asked', async () => {
    await start();
    catcher.behave(greylist(2));
    await expect(send('b@example.org')).rejects.toMatchObject({ responseCode: 451 });
    await expect(send('b@example.org')).rejects.toMatchObject({ responseCode: 451 });
    await send('b@example.org');
    expect(catcher.messages).toHaveLength(1);
  });

  it('drops the connection after the final dot, the message kept but not acknowledged', async () => {
    await start();
    catcher.behave((step) => (step.at === 'message' ? { kind: 'drop' } : undefined));
    await expect(send('b@example.org')).rejects.toThrow();
    expect(catcher.messages.map(({ acknowledged }) => acknowledged)).toEqual([false]);
  });

  it('can lose the message with the connection', async () => {
    await start();
    catcher.behave((step) => (step.at === 'message' ? { kind: 'lose' } : undefined));
    await expect(send('b@example.org')).rejects.toThrow();
    expect(catcher.messages).toEqual([]);
  });

  it.each(['connect', 'mail from', 'rcpt to', 'message'] as const)(
    'hangs at "%s" until the client gives up',
    async (at) => {
      await start();
      catcher.behave((step) => (step.at === at ? { kind: 'hang' } : undefined));
      await expect(send('b@example.org')).rejects.toThrow(/timeout|greeting/i);
      catcher.behave(undefined);
      await send('b@example.org');
      expect(catcher.messages).toHaveLength(1);
    },
  );

  it('offers no STARTTLS unless asked to', async () => {
    await start();
    await expect(send('b@example.org', { requireTLS: true })).rejects.toThrow();
    expect(catcher.messages).toEqual([]);
  });

  it('offers STARTTLS with a certificate that nobody trusts', async () => {
    await start({ tls: 'self-signed' });
    await expect(send('b@example.org')).rejects.toThrow(/certificate|self.signed/i);
    await send('b@example.org', { tls: { rejectUnauthorized: false } });
    expect(catcher.messages.map(({ secure }) => secure)).toEqual([true]);
  });

  it('asks for a user and password where told to', async () => {
    await start({ auth: { user: 'me', password: 'secret' } });
    await expect(send('b@example.org')).rejects.toThrow();
    await expect(send('b@example.org', { auth: { user: 'me', pass: 'wrong' } })).rejects.toMatchObject({
      responseCode: 535,
    });
    await send('b@example.org', { auth: { user: 'me', pass: 'secret' } });
    expect(catcher.messages.map(({ user }) => user)).toEqual(['me']);
  });

  it('refuses a message over its size', async () => {
    await start({ size: 100 });
    await expect(send('b@example.org')).rejects.toMatchObject({ responseCode: 552 });
  });
});
