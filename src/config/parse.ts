/** A YAML text as configuration, or everything that is wrong with it. */
import { LineCounter, parseDocument } from 'yaml';
import * as z from 'zod';
import { build } from './build.js';
import { crosscheck, section } from './crosscheck.js';
import { addIssues, checkKeys, keepFirst, Problems, type Path } from './problems.js';
import { configurationSchema } from './schema.js';
import { placedNames } from './names.js';
import type { Config, ConfigProblem, PlacedName } from './types.js';

export type ParsedConfig =
  | {
      readonly kind: 'ok';
      readonly config: Config;
      readonly warnings: readonly ConfigProblem[];
      readonly names: readonly PlacedName[];
    }
  | {
      readonly kind: 'invalid';
      readonly problems: readonly ConfigProblem[];
      /** Of what could be read all the same; undefined where nothing could. */
      readonly rest?: { readonly names: readonly PlacedName[]; readonly dataDirectory: string | undefined };
    };

/** Characters; a file with a rule for each authority has about 40,000. */
const LONGEST_FILE = 250_000;
/** Levels of nesting; the deepest that means anything is six. */
const DEEPEST = 50;

/**
 * Reads a configuration. Never throws.
 * @param fileName as problems name it
 */
export function parseConfig(text: string, fileName: string): ParsedConfig {
  const whole = (message: string): ParsedConfig => ({
    kind: 'invalid',
    problems: [{ file: fileName, line: 1, column: 1, path: '', message }],
  });
  if (text.length > LONGEST_FILE) return whole(`the file is longer than ${LONGEST_FILE} characters`);
  if (nesting(text) > DEEPEST) return whole(`the file nests brackets or lists deeper than ${DEEPEST} levels`);
  // The YAML reader makes an error object for each fault; without stacks a file of nothing else is read in time.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return parse(text, fileName);
  } catch (error) {
    // Whatever a YAML reader trips over (runaway aliases, nesting) is a fault of the file, not of the program.
    return whole(`the file cannot be read as YAML: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** How deep flow brackets and '- - -' nest, counted without understanding: an upper bound that keeps recursion short. */
function nesting(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const character of text) {
    if (character === '[' || character === '{') deepest = Math.max(deepest, (depth += 1));
    else if (character === ']' || character === '}') depth = Math.max(0, depth - 1);
  }
  for (const [dashes] of text.matchAll(/^[ \t]*(?:[-?:][ \t]+)+/gm))
    deepest = Math.max(deepest, dashes.replace(/\s/g, '').length);
  return deepest;
}

function parse(text: string, fileName: string): ParsedConfig {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'error',
    uniqueKeys: false,
  });
  const problems = new Problems(fileName, document, lines);
  const warnings = new Problems(fileName, document, lines);
  for (const { message, pos } of [...document.errors, ...document.warnings])
    problems.addAt(pos[0], [], `is no YAML: ${message}`);
  // After a fault of syntax what follows may be misread: nothing is said of it.
  if (document.errors.length > 0) return { kind: 'invalid', problems: problems.list() };
  const keys = checkKeys(problems, document);
  if (keys === 'unusable') return { kind: 'invalid', problems: problems.list() };
  const root: unknown = document.toJS() ?? {};
  const checked = configurationSchema.safeParse(root, { reportInput: true });
  if (!checked.success) addIssues(problems, checked.error.issues, keysAt);
  crosscheck(root, problems, warnings);
  const names = placedNames(root, problems);
  if (keys === 'doubled') {
    keepFirst(document);
    const first = configurationSchema.safeParse(document.toJS(), { reportInput: true });
    const ofFirst = new Problems(fileName, document, lines);
    if (!first.success) addIssues(ofFirst, first.error.issues, keysAt);
    problems.absorb(ofFirst);
  }
  const found = problems.list();
  if (found.length > 0 || !checked.success) {
    const dataDirectory = configurationSchema.shape.data_directory.safeParse(section(root)['data_directory']).data;
    return { kind: 'invalid', problems: found, rest: { names, dataDirectory } };
  }
  return { kind: 'ok', config: build(checked.data), warnings: warnings.list(), names };
}

/** The keys that the section at a path may have, read from the schema. */
function keysAt(path: Path): readonly string[] {
  let found: readonly z.core.$ZodType[] = [configurationSchema];
  for (const part of path) found = found.flatMap(unwrapped).flatMap((schema) => inside(schema, part));
  return [
    ...new Set(
      found.flatMap(unwrapped).flatMap((schema) => (schema instanceof z.ZodObject ? Object.keys(schema.shape) : [])),
    ),
  ];
}

function unwrapped(schema: z.core.$ZodType): readonly z.core.$ZodType[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return unwrapped(schema.unwrap());
  return schema instanceof z.ZodUnion ? schema.options.flatMap(unwrapped) : [schema];
}

function inside(schema: z.core.$ZodType, part: PropertyKey): readonly z.core.$ZodType[] {
  if (schema instanceof z.ZodArray) return typeof part === 'number' ? [schema.element] : [];
  if (!(schema instanceof z.ZodObject)) return [];
  const shape: Readonly<Record<PropertyKey, z.core.$ZodType | undefined>> = schema.shape;
  const found = Object.hasOwn(shape, part) ? shape[part] : undefined;
  return found ? [found] : [];
}
