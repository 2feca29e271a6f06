/** Hands single messages to a mail server, one recipient each, and says exactly what came of it. */
import { Readable } from 'node:stream';
import type { Agent } from 'node:http';
import type { NodemailerError } from 'nodemailer';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { OAuthError, openTokenSource, xoauth2, type TokenSource } from './oauth.js';
import { bareAddress, isLoopback, smtpAdvice, SmtpSettingsError, type SmtpSettings } from './smtp-settings.js';

/** accepted: the server has taken the message over. */
export interface Accepted {
  readonly kind: 'accepted';
  readonly answer: string;
}

/** The server (or the address itself) refused this message: for good (5xx) or for now (4xx, greylisting). */
export interface Refused {
  readonly kind: 'refused';
  readonly permanent: boolean;
  readonly answer: string;
}

/** No verdict on this message was given. */
export interface Failed {
  readonly kind: 'failed';
  readonly reason: string;
  /** The whole message had gone out when the answer failed to come: it may have been delivered. */
  readonly ambiguous: boolean;
  /** The fault lies with the server, the way to it or the sign-in: the next message would fare no better. */
  readonly server: boolean;
}

export type SendResult = Accepted | Refused | Failed;

export interface OutgoingMail {
  /** The one recipient, with or without a name. */
  readonly to: string;
  /** The whole message as it goes over the wire. */
  readonly raw: Uint8Array;
}

export interface Smtp {
  /** `host:port`, for people. */
  readonly server: string;
  /** Never throws for what a server does. */
  send(mail: OutgoingMail): Promise<SendResult>;
  /** Connects, secures and signs in as for a message, without sending one. */
  verify(): Promise<Accepted | Failed>;
  /** Breaks off what is under way. */
  close(): void;
}

/** Milliseconds. `connect`: look-up, connection, greeting and TLS together. `total`: the whole attempt, hard. */
export interface Deadlines {
  readonly connect: number;
  readonly total: number;
}

export const DEADLINES: Deadlines = { connect: 15_000, total: 60_000 };

export interface SmtpOptions extends SmtpSettings {
  /** Sender, with or without a name; the envelope has its bare address. */
  readonly from: string;
  readonly deadlines?: Deadlines;
  /** Connects to the token server through a proxy, where there is one. */
  readonly agent?: Agent | undefined;
}

const CHUNK = 64 * 1024;
/** How long a server may take to answer QUIT before the connection is closed anyway. */
const GOODBYE_MS = 2_000;

/**
 * Opens the way to the mail server; connections are made for each message.
 * @throws SmtpSettingsError where `from` is not one address.
 */
export function openSmtp(options: SmtpOptions): Smtp {
  const from = bareAddress(options.from);
  const deadlines = options.deadlines ?? DEADLINES;
  const server = `${options.host}:${options.port}`;
  const tokens =
    options.signIn.kind === 'oauth2' ? openTokenSource(options.signIn.oauth, Date.now, options.agent) : undefined;
  const sessions = new Set<Session>();

  async function converse<T extends SendResult>(work: (session: Session) => Promise<T>): Promise<T | Refused | Failed> {
    const session = new Session(options, deadlines, tokens);
    sessions.add(session);
    try {
      await session.connect();
      await session.signIn();
      const result = await work(session);
      session.goodbye();
      return result;
    } catch (error) {
      session.close();
      return verdict(error, session, options, deadlines);
    } finally {
      sessions.delete(session);
    }
  }

  return {
    server,
    async send(mail) {
      try {
        const to = bareAddress(mail.to);
        return await converse((session) => session.send(from, { ...mail, to }));
      } catch (error) {
        if (error instanceof SmtpSettingsError) return { kind: 'refused', permanent: true, answer: error.message };
        throw error;
      }
    },
    async verify() {
      const result = await converse((session) =>
        Promise.resolve<Accepted>({ kind: 'accepted', answer: session.welcome() }),
      );
      // Nothing was sent that could be refused.
      return result.kind === 'refused'
        ? { kind: 'failed', reason: result.answer, ambiguous: false, server: true }
        : result;
    },
    close() {
      for (const session of sessions) session.break(new Error('broken off because the program ends'));
    },
  };
}

type Step =
  'connecting' | 'signing in' | 'naming sender and recipient' | 'sending the message' | 'waiting for the answer';

class DeadlineError extends Error {}
class SignInError extends Error {}

/** One conversation, bounded in time at every step. */
class Session {
  step: Step = 'connecting';
  readonly #connection: SMTPConnection;
  readonly #broken: Promise<never>;
  readonly #timer: NodeJS.Timeout;
  #break: (error: Error) => void = () => undefined;

  constructor(
    private readonly settings: SmtpSettings,
    deadlines: Deadlines,
    private readonly tokens: TokenSource | undefined,
  ) {
    const off = settings.tls === 'off';
    // Nothing travels: TLS is used where the server offers it, since it may take no sign-in without, and not relied on.
    const mayBePlain = !settings.secure && !off && isLoopback(settings.host);
    this.#connection = new SMTPConnection({
      host: settings.host,
      port: settings.port,
      secure: settings.secure,
      requireTLS: !settings.secure && !off && !mayBePlain,
      ignoreTLS: !settings.secure && off,
      opportunisticTLS: mayBePlain,
      // Said outright, so that nothing in the environment can weaken it.
      tls: {
        rejectUnauthorized: !mayBePlain,
        minVersion: 'TLSv1.2',
        ...(settings.ca === undefined ? {} : { ca: settings.ca }),
      },
      connectionTimeout: deadlines.connect,
      greetingTimeout: deadlines.connect,
      dnsTimeout: deadlines.connect,
      socketTimeout: deadlines.total,
      socketCloseTimeout: 0,
      maxResponseSize: 64 * 1024,
      // Under a name of our own: for XOAUTH2 the library wants its own source of tokens.
      customAuth: { TOKEN: (context) => this.#signInWithToken(context) },
    });
    this.#broken = new Promise<never>((_, reject) => {
      this.#break = reject;
      this.#connection.on('error', reject);
      this.#connection.on('end', () => {
        // Later than the error that says why, which comes in the same turn.
        setImmediate(reject, new Error('the server closed the connection'));
      });
    });
    // Each step races against it; a break after the last step concerns nobody.
    this.#broken.catch(() => undefined);
    this.#timer = setTimeout(() => {
      this.break(new DeadlineError());
    }, deadlines.total);
  }

  async connect(): Promise<void> {
    await this.#race((resolve, reject) => {
      this.#connection.connect((error) => {
        settle(error, undefined, resolve, reject);
      });
    });
  }

  async signIn(): Promise<void> {
    const { signIn } = this.settings;
    if (signIn.kind === 'none') return;
    this.step = 'signing in';
    // A server that offers no sign-in (or a stripped one) must not get the mail anonymously.
    if (!this.#connection.allowsAuth) {
      throw new SignInError('the server offers no sign-in here, although a user is configured');
    }
    await this.#race<boolean | undefined>((resolve, reject) => {
      this.#connection.login(
        signIn.kind === 'oauth2'
          ? { user: signIn.user, method: 'TOKEN' }
          : { user: signIn.user, credentials: { user: signIn.user, pass: signIn.password } },
        (error, result) => {
          settle(error, result, resolve, reject);
        },
      );
    });
  }

  async send(from: string, mail: OutgoingMail): Promise<Accepted | Refused> {
    this.step = 'naming sender and recipient';
    const body = Readable.from(
      pieces(mail.raw, () => (this.step = 'sending the message')),
      { objectMode: false },
    );
    body.once('end', () => {
      this.step = 'waiting for the answer';
    });
    const info = await this.#race<SMTPConnection.SentMessageInfo>((resolve, reject) => {
      this.#connection.send({ from, to: [mail.to], size: mail.raw.byteLength }, body, (error, result) => {
        settle(error, result, resolve, reject);
      });
    });
    const refusal = info.rejectedErrors?.[0];
    if (refusal !== undefined || info.rejected.length > 0) {
      return { kind: 'refused', permanent: refusal?.permanent ?? true, answer: refusal?.response ?? info.response };
    }
    return { kind: 'accepted', answer: info.response };
  }

  /** What the server said of itself once all is set up. */
  welcome(): string {
    const how = this.#connection.secure ? 'over TLS' : 'without TLS';
    const who = this.settings.signIn.kind === 'none' ? 'without sign-in' : `signed in as ${this.settings.signIn.user}`;
    return `${this.settings.host}:${this.settings.port} answers ${how}, ${who}`;
  }

  goodbye(): void {
    clearTimeout(this.#timer);
    const late = setTimeout(() => {
      this.#connection.close();
    }, GOODBYE_MS);
    this.#connection.once('end', () => {
      clearTimeout(late);
    });
    this.#connection.quit();
  }

  break(error: Error): void {
    this.#break(error);
    this.close();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#connection.close();
  }

  #race<T = void>(start: (resolve: (value: T) => void, reject: (error: Error) => void) => void): Promise<T> {
    return Promise.race([new Promise<T>(start), this.#broken]);
  }

  async #signInWithToken(context: SMTPConnection.CustomAuthenticationContext): Promise<void> {
    const { signIn } = this.settings;
    if (signIn.kind !== 'oauth2' || this.tokens === undefined) throw new SignInError('no OAuth2 settings');
    if (!context.authMethods.includes('XOAUTH2')) {
      throw new SignInError(`the server offers no OAuth2 sign-in, only ${context.authMethods.join(', ') || 'none'}`);
    }
    // A token that was withdrawn before its time is replaced once, in the same conversation.
    for (const fresh of [false, true]) {
      const token = await this.tokens.token({ fresh });
      let answer = await context.sendCommand(`AUTH XOAUTH2 ${xoauth2(signIn.user, token)}`);
      // 334 carries the reason as JSON; the empty line asks for the verdict.
      if (answer.status === 334) answer = await context.sendCommand('');
      if (answer.status === 235) return;
      if (fresh) throw new SignInError(answer.response);
    }
  }
}

function settle<T>(
  error: NodemailerError | null | undefined,
  value: T,
  resolve: (value: T) => void,
  reject: (error: Error) => void,
): void {
  if (error === null || error === undefined) resolve(value);
  else reject(error);
}

function* pieces(raw: Uint8Array, begun: () => void): Generator<Uint8Array> {
  begun();
  for (let at = 0; at < raw.byteLength; at += CHUNK) yield raw.subarray(at, at + CHUNK);
}

/** Tells a verdict on the message from a fault of the server or the way to it. */
function verdict(error: unknown, session: Session, settings: SmtpSettings, deadlines: Deadlines): Refused | Failed {
  const known: NodemailerError = error instanceof Error ? error : new Error(String(error));
  const { step } = session;
  const talking = step !== 'connecting' && step !== 'signing in';
  const code = known.responseCode;
  const ofMessage = talking && (known.code === 'EENVELOPE' || known.code === 'EMESSAGE');
  // 421: the server is closing; 530: it wants a sign-in first. Neither speaks of this message.
  if (ofMessage && code !== 421 && code !== 530) {
    const answer = redact(known.response ?? known.message, settings);
    return { kind: 'refused', permanent: known.permanent ?? true, answer };
  }
  return {
    kind: 'failed',
    reason: redact(explain(known, step, settings, deadlines), settings),
    ambiguous: step === 'waiting for the answer' && code === undefined,
    server: !talking || code === 421 || code === 530,
  };
}

function explain(error: NodemailerError, step: Step, settings: SmtpSettings, deadlines: Deadlines): string {
  const where = `${settings.host}:${settings.port}`;
  const advice = step === 'connecting' ? smtpAdvice(settings) : [];
  const what = `${where}, while ${step}: ${cause(error, settings, deadlines)}`;
  return [what.replace(/[.\s]*$/, '.'), hint(error, step, settings), ...advice].filter((part) => part !== '').join(' ');
}

function cause(error: NodemailerError, settings: SmtpSettings, deadlines: Deadlines): string {
  if (error instanceof DeadlineError) return `no end within ${deadlines.total / 1000} s`;
  if (error.code === 'ETIMEDOUT') return `no answer within ${deadlines.connect / 1000} s`;
  if (error.code === 'EDNS') return `the name ${settings.host} is not known`;
  if (error.originalCode === 'ECONNREFUSED') return 'nothing listens there (connection refused)';
  return error.response ?? error.message;
}

function hint(error: NodemailerError, step: Step, settings: SmtpSettings): string {
  const code = error.originalCode ?? '';
  if (/WRONG_VERSION_NUMBER|PACKET_LENGTH|wrong version number/i.test(`${code} ${error.message}`)) {
    return 'The server does not speak TLS from the first byte: use smtp:// with port 587.';
  }
  if (error.timeoutType === 'GREETING_TIMEOUT' && !settings.secure) {
    return 'If the server expects TLS from the first byte (port 465), use smtps://.';
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO_|ALTNAME/.test(code)) {
    return 'The certificate is not to be trusted for this host, so nothing was sent. Use the name that is in the certificate; for an authority of your own set NODE_EXTRA_CA_CERTS.';
  }
  if (error.command === 'STARTTLS' || (error.code === 'ETLS' && code === '')) {
    return 'The server offers no TLS, so nothing was sent. For a relay on a trusted network set `mail.tls: off`.';
  }
  if (settings.tls === 'off' && /STARTTLS/i.test(error.response ?? '')) {
    return 'The server wants TLS first: take `mail.tls: off` out of the configuration.';
  }
  if (error.responseCode === 530) return 'The server wants a sign-in: put user and password into SMTP_URL.';
  if (step === 'signing in' && !(error instanceof OAuthError)) {
    return 'Check user and password (or the OAuth2 settings), and that this mailbox may send by SMTP.';
  }
  return '';
}

/** Server answers and library messages end up in the database and on screens: no secret may ride along. */
function redact(text: string, settings: SmtpSettings): string {
  const { signIn } = settings;
  const secrets =
    signIn.kind === 'password'
      ? [signIn.password, Buffer.from(signIn.password).toString('base64')]
      : signIn.kind === 'oauth2'
        ? [signIn.oauth.clientSecret, signIn.oauth.refreshToken]
        : [];
  let clean = text;
  for (const secret of secrets) {
    if (secret !== undefined && secret.length > 3) clean = clean.replaceAll(secret, '[secret]');
  }
  return clean.length > 1000 ? `${clean.slice(0, 1000)}…` : clean;
}
