/** The line that `alerts simulate` is to try: one option for each kind of rule, called as the configuration calls it. */
import type { Command } from 'commander';
import { CONDITIONS } from '../config/schema.js';
import type { Rule } from '../domain/rule.js';
import { UsageError } from './context.js';

type Kind = Rule['condition']['kind'];

const optionOf = (kind: Kind): string => `--${kind.replaceAll('_', '-')}`;
/** As commander keys it: 'gapToEngland'. */
const keyOf = (kind: Kind): string => kind.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());

/** Adds `--above <value>` and the like. */
export function addLineOptions(command: Command): void {
  for (const kind of CONDITIONS)
    command.option(`${optionOf(kind)} <value>`, `another line for a rule with \`${kind}\` than the configured one`);
}

/**
 * The line given, undefined where none is.
 * @param rules those to be simulated: a line of one kind says nothing of a rule of another
 * @throws UsageError where it is no number, or not for all of these rules
 */
export function lineOption(options: Record<string, unknown>, rules: readonly Rule[]): number | undefined {
  const given = CONDITIONS.filter((kind) => options[keyOf(kind)] !== undefined);
  const [kind, ...more] = given;
  if (kind === undefined) return undefined;
  if (more.length > 0) throw new UsageError(`${given.map(optionOf).join(' and ')}: one line at a time can be tried.`);
  const text = options[keyOf(kind)];
  if (typeof text !== 'string' || !/^-?\d+(\.\d+)?$/.test(text))
    throw new UsageError(`${optionOf(kind)} takes a number such as 2.5.`);
  const others = rules.filter(({ condition }) => condition.kind !== kind);
  const [first] = others;
  if (first === undefined) return Number(text);
  if (rules.length === 1)
    throw new UsageError(
      `Rule "${first.name}" has its line under \`${first.condition.kind}\`: use ${optionOf(first.condition.kind)} ${text}.`,
    );
  const fitting = rules.filter(({ condition }) => condition.kind === kind).map(({ name }) => name);
  throw new UsageError(
    fitting.length === 0
      ? `No rule has its line under \`${kind}\`.`
      : `${optionOf(kind)} is not for every rule: name one rule with --rule; with \`${kind}\` are: ${fitting.join(', ')}.`,
  );
}
