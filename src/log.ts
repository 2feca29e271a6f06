import type { LoggerOptions } from 'pino';

const ADDRESS = /[\w.+%'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+/g;

/** A text without the mail addresses in it: a mail server's answer and a problem of the configuration quote them. */
export function withoutAddresses(text: string): string {
  return text.includes('@') ? text.replace(ADDRESS, '[address]') : text;
}

/** pino's options: JSON lines, secrets redacted wherever an object carries them, addresses wherever they stand. */
export function logOptions(level: string): LoggerOptions {
  return {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    hooks: { streamWrite: withoutAddresses },
    redact: {
      paths: [
        'address',
        '*.address',
        'to',
        '*.to',
        'recipients',
        '*.recipients',
        'password',
        '*.password',
        'url.auth',
        'smtpUrl',
        '*.smtpUrl',
        'databaseUrl',
        '*.databaseUrl',
      ],
      censor: '[redacted]',
    },
  };
}
