/** From what zod found to what a person can mend: a place in the file and plain words. */
import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  visit,
  type Document,
  type LineCounter,
  type Node,
  type Pair,
  type YAMLMap,
} from 'yaml';
import type * as z from 'zod';
import { nearest } from '../domain/names.js';
import type { ConfigPlace, ConfigProblem } from './types.js';

export type Path = readonly PropertyKey[];

/** Where a problem is shown: at the value of the path, or at its last key. */
type At = 'value' | 'key';

/** More than anybody mends in one go; the rest shows after the next attempt. */
const MOST_PROBLEMS = 100;

/** Collects the problems of one file, each once, in the order of the file. */
export class Problems {
  private readonly found = new Map<string, ConfigProblem>();
  private readonly pairs = new WeakMap<YAMLMap, Map<string, Pair>>();
  private more = 0;

  constructor(
    private readonly file: string,
    private readonly document: Document.Parsed,
    private readonly lines: LineCounter,
  ) {}

  /** @param message given as a function where it takes work to find the words */
  add(path: Path, message: string | (() => string), at: At = 'value'): void {
    this.addAt(() => this.offsetOf(path, at), path, message);
  }

  addAt(offset: number | (() => number), path: Path, message: string | (() => string)): void {
    if (this.found.size >= MOST_PROBLEMS) {
      this.more += 1;
      return;
    }
    const problem = {
      ...this.place(typeof offset === 'number' ? offset : offset(), path),
      message: typeof message === 'string' ? message : message(),
    };
    this.found.set(JSON.stringify(problem), problem);
  }

  /** Where the value of a path stands. */
  placeOf(path: Path): ConfigPlace {
    return this.place(this.offsetOf(path, 'value'), path);
  }

  private place(offset: number, path: Path): ConfigPlace {
    const { line, col } = this.lines.linePos(offset);
    return { file: this.file, line: Math.max(1, line), column: Math.max(1, col), path: pathText(path) };
  }

  /** Takes over what was found with the same file by another reading of it. */
  absorb(other: Problems): void {
    for (const [key, problem] of other.found) this.found.set(key, problem);
    this.more += other.more;
  }

  list(): ConfigProblem[] {
    const sorted = [...this.found.values()].sort((a, b) => a.line - b.line || a.column - b.column);
    if (this.more === 0) return sorted;
    return [...sorted, { file: this.file, line: 0, column: 0, path: '', message: `and ${this.more} more` }];
  }

  /** Offset of the node at a path; where the path leads nowhere (a missing key), of the last node on the way. */
  private offsetOf(path: Path, at: At): number {
    let node: Node | null | undefined = this.document.contents;
    let offset = startOf(node) ?? 0;
    for (const [index, part] of path.entries()) {
      if (isAlias(node)) node = node.resolve(this.document);
      let next: unknown;
      if (isMap(node)) {
        const pair = this.pairOf(node, String(part));
        if (!pair) return offset;
        const keyOffset = startOf(pair.key);
        if (keyOffset !== undefined && (at === 'key' || pair.value === null)) offset = keyOffset;
        if (at === 'key' && index === path.length - 1) return offset;
        next = pair.value;
      } else if (isSeq(node) && typeof part === 'number') next = node.items[part];
      else return offset;
      offset = startOf(next) ?? offset;
      node = isNode(next) ? next : undefined;
    }
    return offset;
  }

  private pairOf(map: YAMLMap, key: string): Pair | undefined {
    let pairs = this.pairs.get(map);
    if (!pairs) {
      pairs = new Map(map.items.map((pair) => [keyText(pair.key), pair]));
      this.pairs.set(map, pairs);
    }
    return pairs.get(key);
  }
}

function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : '';
}

/**
 * Keys that no configuration has: doubled ones (the YAML reader's own check compares every key with every other), and
 * lists or sections in the place of a key, whose text takes time beyond all bounds when they nest.
 * @returns 'unusable' when there are keys of the second kind: the document must not be turned into values
 */
export function checkKeys(problems: Problems, document: Document.Parsed): 'fine' | 'doubled' | 'unusable' {
  let found: 'fine' | 'doubled' | 'unusable' = 'fine';
  visit(document, {
    Map(_, map) {
      const seen = new Set<string>();
      for (const { key } of map.items) {
        if (key !== null && !isScalar(key)) {
          found = 'unusable';
          problems.addAt(startOf(key) ?? 0, [], 'a key must be plain text');
          continue;
        }
        const text = keyText(key);
        if (seen.has(text)) {
          if (found === 'fine') found = 'doubled';
          problems.addAt(startOf(key) ?? 0, [], `the key "${text}" stands twice in this section`);
        }
        seen.add(text);
      }
    },
  });
  return found;
}

/** Of keys that stand twice keeps the first: values come from the last otherwise, and the first would go unread. */
export function keepFirst(document: Document.Parsed): void {
  visit(document, {
    Map(_, map) {
      const seen = new Set<string>();
      map.items = map.items.filter(({ key }) => {
        const isFirst = !seen.has(keyText(key));
        seen.add(keyText(key));
        return isFirst;
      });
    },
  });
}

/** 'rules[0].measure' */
export function pathText(path: Path): string {
  return path.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`,
    '',
  );
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

/** Adds everything that zod found wrong. @param keysOf the keys that the section at a path may have */
export function addIssues(
  problems: Problems,
  issues: readonly z.core.$ZodIssue[],
  keysOf: (path: Path) => readonly string[],
): void {
  for (const issue of issues) addIssue(problems, issue, [], keysOf);
}

function addIssue(
  problems: Problems,
  issue: z.core.$ZodIssue,
  before: Path,
  keysOf: (path: Path) => readonly string[],
): void {
  const path = [...before, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    const known = keysOf(path);
    for (const key of issue.keys)
      problems.add([...path, key], () => `is not a key that is known here${didYouMean(key, known)}`, 'key');
    return;
  }
  if (issue.code === 'invalid_key') {
    for (const inner of issue.issues) problems.add(path, () => inWords(inner), 'key');
    return;
  }
  if (issue.code === 'invalid_union') {
    const branch = closest(issue.errors);
    for (const inner of branch) addIssue(problems, inner, path, keysOf);
    return;
  }
  problems.add(
    path,
    () => inWords(issue),
    issue.code === 'invalid_type' && issue.input === undefined ? 'key' : 'value',
  );
}

/** Of the readings that a value might have had, the one that it comes closest to: of the right kind, with the fewest faults. */
function closest(branches: readonly z.core.$ZodIssue[][]): readonly z.core.$ZodIssue[] {
  const ofTheKind = branches.filter((issues) => !issues.some(isOfAnotherKind));
  const best = [...ofTheKind].sort((a, b) => a.length - b.length)[0];
  if (best) return best;
  const first = branches[0]?.[0];
  if (first && first.input === undefined) return [{ ...first, code: 'custom', message: 'is missing' }];
  const expected = [...new Set(branches.flat().filter(isOfAnotherKind).map(expectedWords))];
  return first
    ? [{ ...first, code: 'custom', message: `must be ${expected.join(' or ')}${notThis(first.input)}` }]
    : [];
}

function isOfAnotherKind(issue: z.core.$ZodIssue): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === 'invalid_union') return issue.errors.every((issues) => issues.some(isOfAnotherKind));
  // A list where one of several words is possible was meant as a list, not as a word.
  return issue.code === 'invalid_type' || (issue.code === 'invalid_value' && typeof issue.input === 'object');
}

const KINDS: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a section with keys of its own',
  record: 'a section with keys of its own',
};

function expectedWords(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_union')
    return [...new Set(issue.errors.flat().filter(isOfAnotherKind).map(expectedWords))].join(' or ');
  return issue.code === 'invalid_type' ? (KINDS[issue.expected] ?? issue.expected) : 'text';
}

/** What a value is, where that helps; a value itself may be a secret or an address and is not repeated. */
function notThis(input: unknown): string {
  if (input === null) return ', not empty';
  if (Array.isArray(input)) return ', not a list';
  switch (typeof input) {
    case 'object':
      return ', not a section';
    case 'string':
      return /^\s*-?\d+([.,]\d+)?\s*%?\s*$/.test(input)
        ? ', not text (write it without quotes, with a full stop)'
        : ', not text';
    case 'number':
      return Number.isFinite(input) ? ', not a number' : ', not infinite';
    case 'boolean':
      return `, not ${input ? 'true' : 'false'}`;
    default:
      return '';
  }
}

/** Bounds the time that many wrong names beside many right ones take. */
const MOST_COMPARED = 1000;

/** '; did you mean "above"?', or what is known, when that is a short list. */
export function didYouMean(name: string, known: readonly string[]): string {
  const near = nearest(name, known.slice(0, MOST_COMPARED));
  if (near !== undefined) return `; did you mean "${near}"?`;
  return known.length > 0 && known.length <= 24 ? ` (known: ${known.join(', ')})` : '';
}

function inWords(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is missing' : `must be ${expectedWords(issue)}${notThis(issue.input)}`;
    case 'invalid_value': {
      const known = issue.values.map(String);
      const input: unknown = issue.input;
      if (input === undefined) return 'is missing';
      if (typeof input !== 'string')
        return `must be ${known.length === 1 ? known.join('') : `one of ${known.join(', ')}`}`;
      return `"${input.slice(0, 80)}" is not known here${didYouMean(input, known)}`;
    }
    case 'too_small':
      if (issue.origin === 'array') return 'must not be an empty list';
      return `must be ${issue.inclusive === true ? 'at least' : 'more than'} ${issue.minimum}`;
    case 'too_big':
      if (issue.origin === 'string') return `is longer than ${issue.maximum} characters`;
      if (issue.origin === 'array') return `has more than ${issue.maximum} entries`;
      return `must be at most ${issue.maximum}`;
    default:
      return issue.message;
  }
}
