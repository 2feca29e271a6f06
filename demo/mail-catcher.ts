/** A mail server on loopback that keeps what it receives, and can be told to misbehave the way real ones do. */
import type { AddressInfo, Socket } from 'node:net';
import { SMTPServer, type SMTPServerOptions, type SMTPServerSession } from 'smtp-server';

export interface CaughtMail {
  /** The message as it came over the wire, dot-unstuffed. */
  readonly raw: Buffer;
  readonly from: string;
  readonly to: readonly string[];
  readonly receivedAt: Date;
  /** Whether the conversation was encrypted. */
  readonly secure: boolean;
  /** The user who signed in, if any. */
  readonly user: string | undefined;
  /** False where the connection was dropped after the final dot: the sender cannot know that the message arrived. */
  readonly acknowledged: boolean;
}

/** Where in the conversation the server is; `address` is the sender or the recipient, '' where there is none yet. */
export interface SmtpStep {
  readonly at: 'connect' | 'sign in' | 'mail from' | 'rcpt to' | 'message';
  readonly address: string;
  /** How often this step was met with this address, from 1. */
  readonly times: number;
}

/**
 * refuse: answer with that code (4xx for now, 5xx for good). hang: say nothing more. drop: close the connection; at
 * 'message' the message is kept first, as by a server that dies between storing and answering. lose: the same, but
 * nothing is kept.
 */
export type SmtpBehaviour =
  | { readonly kind: 'refuse'; readonly code: number; readonly message?: string }
  | { readonly kind: 'hang' }
  | { readonly kind: 'drop' }
  | { readonly kind: 'lose' };

export type SmtpBehave = (step: SmtpStep) => SmtpBehaviour | undefined;

export interface MailCatcherOptions {
  /** none: STARTTLS is not offered. self-signed: a certificate nobody trusts. Or a key and certificate of your own. */
  readonly tls?: 'none' | 'self-signed' | { readonly key: string | Buffer; readonly cert: string | Buffer };
  /** TLS from the first byte (smtps). */
  readonly implicitTls?: boolean;
  /** Sign-in is required with exactly these. A password is compared for PLAIN and LOGIN, a token for XOAUTH2. */
  readonly auth?: { readonly user: string; readonly password?: string; readonly token?: string };
  /** Largest message in bytes; default 25 MB. */
  readonly size?: number;
}

export interface MailCatcher {
  /** For SMTP_URL; without user and password. */
  readonly url: string;
  readonly port: number;
  /** Everything received, oldest first. The array is live. */
  readonly messages: readonly CaughtMail[];
  /** Connections accepted so far. */
  readonly connections: () => number;
  /** Sets how the server behaves from now on; undefined: well. */
  behave(behave: SmtpBehave | undefined): void;
  /** Forgets the messages. */
  clear(): void;
  close(): Promise<void>;
}

/** Refuses one recipient, accepts the others. @param code 550 by default: for good */
export function refuseRecipient(address: string, code = 550): SmtpBehave {
  return (step) =>
    step.at === 'rcpt to' && step.address === address
      ? { kind: 'refuse', code, message: code >= 500 ? 'No such mailbox here' : 'Try again later' }
      : undefined;
}

/** Puts off every recipient the first `times` times with 451, as greylisting servers do. */
export function greylist(times: number): SmtpBehave {
  return (step) =>
    step.at === 'rcpt to' && step.times <= times ? { kind: 'refuse', code: 451, message: 'Greylisted' } : undefined;
}

class SmtpRefusal extends Error {
  constructor(
    readonly responseCode: number,
    message: string,
  ) {
    super(message);
  }
}

/** Starts a mail server on 127.0.0.1 and any free port. */
export async function startMailCatcher(options: MailCatcherOptions = {}): Promise<MailCatcher> {
  const messages: CaughtMail[] = [];
  const sockets = new Map<number, Socket>();
  const times = new Map<string, number>();
  let behave: SmtpBehave | undefined;
  let connections = 0;

  const drop = (session: SMTPServerSession): void => {
    sockets.get(session.remotePort)?.destroy();
  };

  /** Runs what the test asked for at this step, else `well`. */
  const act = (
    at: SmtpStep['at'],
    address: string,
    session: SMTPServerSession,
    answer: (error?: Error) => void,
    well: () => void,
    keep: () => void = () => undefined,
  ): void => {
    const seen = (times.get(`${at} ${address}`) ?? 0) + 1;
    times.set(`${at} ${address}`, seen);
    const behaviour = behave?.({ at, address, times: seen });
    switch (behaviour?.kind) {
      case undefined:
        well();
        return;
      case 'refuse':
        answer(new SmtpRefusal(behaviour.code, behaviour.message ?? 'Refused'));
        return;
      case 'hang':
        return;
      case 'drop':
        keep();
        drop(session);
        return;
      case 'lose':
        drop(session);
    }
  };

  const tls = options.tls ?? 'none';
  const disabled = [...(tls === 'none' ? ['STARTTLS'] : []), ...(options.auth === undefined ? ['AUTH'] : [])];
  const settings: SMTPServerOptions = {
    secure: options.implicitTls === true,
    ...(typeof tls === 'object' ? { key: tls.key, cert: tls.cert } : {}),
    disabledCommands: disabled,
    authOptional: options.auth === undefined,
    authMethods: ['PLAIN', 'LOGIN', 'XOAUTH2'],
    allowInsecureAuth: tls === 'none',
    disableReverseLookup: true,
    size: options.size ?? 25 * 1024 * 1024,
    closeTimeout: 100,
    onConnect(session, callback) {
      connections++;
      act('connect', '', session, callback, callback);
    },
    onAuth(auth, session, callback) {
      const wanted = options.auth;
      const good =
        wanted !== undefined &&
        auth.username === wanted.user &&
        (auth.method === 'XOAUTH2'
          ? wanted.token !== undefined && auth.accessToken === wanted.token
          : wanted.password !== undefined && auth.password === wanted.password);
      const answer = (error?: Error): void => {
        if (error) callback(error);
        else if (good) callback(null, { user: wanted.user });
        else callback(new SmtpRefusal(535, 'Sign-in refused'));
      };
      act('sign in', auth.username ?? '', session, answer, answer);
    },
    onMailFrom(address, session, callback) {
      act('mail from', address.address, session, callback, callback);
    },
    onRcptTo(address, session, callback) {
      act('rcpt to', address.address, session, callback, callback);
    },
    onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        // smtp-server announces SIZE but does not enforce it.
        if (stream.sizeExceeded) {
          callback(new SmtpRefusal(552, 'Message too large'));
          return;
        }
        const { mailFrom, rcptTo } = session.envelope;
        const from = mailFrom === false ? '' : mailFrom.address;
        const to = rcptTo.map((recipient) => recipient.address);
        const keep = (acknowledged: boolean): void => {
          const user = typeof session.user === 'string' ? session.user : undefined;
          const mail = { from, to, receivedAt: new Date(), secure: session.secure, user, acknowledged };
          messages.push({ raw: Buffer.concat(chunks), ...mail });
        };
        const well = (): void => {
          keep(true);
          callback();
        };
        act('message', to[0] ?? '', session, callback, well, () => {
          keep(false);
        });
      });
    },
  };

  const server = new SMTPServer(settings);
  // A client that hangs up in the middle is what the tests want, not an error of ours.
  server.on('error', () => undefined);
  server.server.on('connection', (socket: Socket) => {
    const port = socket.remotePort ?? 0;
    sockets.set(port, socket);
    socket.on('close', () => sockets.delete(port));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.server.address() as AddressInfo;

  return {
    url: `${options.implicitTls === true ? 'smtps' : 'smtp'}://127.0.0.1:${port}`,
    port,
    messages,
    connections: () => connections,
    behave(next) {
      behave = next;
    },
    clear() {
      messages.length = 0;
    },
    async close() {
      for (const socket of sockets.values()) socket.destroy();
      await new Promise<void>((resolve) => {
        server.close(resolve);
      });
    },
  };
}
