/** What a command says: one JSON document on stdout with --json, else text for a person. */
import type { Streams } from '../surroundings.js';

export class Output {
  constructor(
    private readonly streams: Streams,
    readonly json: boolean,
  ) {}

  /** The command's answer: `value` as JSON, or what `text` says. Call it once a command. */
  result(value: unknown, text: () => string): void {
    if (this.json) this.streams.stdout.write(`${JSON.stringify(value, jsonNumber, 2)}\n`);
    else {
      const said = text();
      if (said !== '') this.streams.stdout.write(said.endsWith('\n') ? said : `${said}\n`);
    }
  }

  /** Raw text on stdout, for formats of their own (CSV). */
  raw(text: string): void {
    this.streams.stdout.write(text);
  }

  /** A remark for the person at the terminal; never part of the answer. */
  remark(text: string): void {
    this.streams.stderr.write(`${text}\n`);
  }

  get columns(): number {
    return this.streams.columns ?? 80;
  }
}

function jsonNumber(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}
