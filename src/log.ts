import type { LoggerOptions } from 'pino';

/** pino's options: JSON lines, addresses and secrets redacted wherever an object carries them. */
export function logOptions(level: string): LoggerOptions {
  return {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
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
