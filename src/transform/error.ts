/** A file that cannot be understood: what, where, and what to do. Quarantines its data set version. */

export interface Where {
  readonly file: string;
  /** Line of the file, the header being 1. */
  readonly line?: number;
  /** Name of the column as the file spells it. */
  readonly column?: string;
  /** The cell as the file has it. */
  readonly value?: string;
}

/** Gates that are passed while reading, or not at all: no part of the file is loaded when one of them fails. */
export type ReadingGate = 'file' | 'columns' | 'cells' | 'time' | 'school type' | 'areas' | 'key unique';

const LONGEST_VALUE = 80;

export class TransformError extends Error {
  override readonly name = 'TransformError';
  readonly gate: ReadingGate;
  readonly file: string;
  readonly line: number | undefined;
  readonly column: string | undefined;
  readonly value: string | undefined;
  /** What is wrong, without the place. */
  readonly problem: string;
  /** What a person can do about it. */
  readonly advice: string;

  constructor(gate: ReadingGate, where: Where, problem: string, advice: string, options?: ErrorOptions) {
    const value = where.value === undefined ? undefined : clipped(where.value);
    const place = [
      where.file,
      ...(where.line === undefined ? [] : [`line ${where.line}`]),
      ...(where.column === undefined ? [] : [`column ${where.column}`]),
    ].join(', ');
    super(`${place}: ${value === undefined ? '' : `"${value}" `}${problem}. ${advice}`, options);
    this.gate = gate;
    this.file = where.file;
    this.line = where.line;
    this.column = where.column;
    this.value = value;
    this.problem = problem;
    this.advice = advice;
  }
}

/** A file is not ours to load: it has nothing that is watched. Refused, never quarantined. */
export class NotOursError extends Error {
  override readonly name = 'NotOursError';
  readonly file: string;
  readonly reason: string;

  constructor(file: string, reason: string) {
    super(`${file}: ${reason}; nothing of it was loaded`);
    this.file = file;
    this.reason = reason;
  }
}

function clipped(value: string): string {
  return value.length > LONGEST_VALUE ? `${value.slice(0, LONGEST_VALUE)}…` : value;
}
