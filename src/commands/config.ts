/** Commands about the configuration and the database's form: config check, config schema, migrate. */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { describeRuleEdit } from '../alerts/rule-edit.js';
import { unansweredNames } from '../alerts/watched-names.js';
import { configSchema, nextSlots, NO_CONTACT, problemText, type ConfigProblem, type PlacedName } from '../config.js';
import type { Store } from '../load/database.js';
import { DatabaseHeldError } from '../load/errors.js';
import { migrate, migrationState } from '../load/migrate.js';
import { counted, ukSlot } from '../print.js';
import type { AddCommand } from './context.js';

async function nameProblems(store: Store, names: readonly PlacedName[]): Promise<ConfigProblem[]> {
  return (await unansweredNames(store, names)).map(({ name, message }) => ({ ...name.place, message }));
}

function inOrder(problems: readonly ConfigProblem[]): ConfigProblem[] {
  // What has no place in the file comes last.
  const line = (problem: ConfigProblem): number => (problem.line === 0 ? Infinity : problem.line);
  return [...problems].sort((a, b) => (line(a) === line(b) ? a.column - b.column : line(a) - line(b)));
}

export function register(program: Command, add: AddCommand): void {
  const config = program.command('config').description('the configuration: check it, print its schema');
  add(
    config,
    'check',
    'every mistake with line and column; what an edit of the rules would change; the next slots',
    'absence-watch config check --config config/absence-watch.yaml',
    async (context) => {
      const { settings, out } = context;
      const { neighbours } = settings;
      const store = await context.store();
      const problems = (await nameProblems(store, settings.names)).map(problemText);
      const changes = await describeRuleEdit(store, settings.config.rules, { now: context.now(), neighbours });
      const slots = nextSlots(settings.config.schedule, context.now(), 5);
      const answer = {
        file: settings.configFile ?? null,
        rules: settings.config.rules.length,
        recipients: settings.config.recipients.size,
        warnings: settings.warnings.map(problemText),
        notes: settings.config.contact === undefined ? [NO_CONTACT] : [],
        problems,
        rule_changes: changes,
        next_slots: slots.map((slot) => slot.toISOString()),
      };
      out.result(answer, () =>
        [
          `${settings.configFile ?? 'No configuration file: the built-in defaults hold'}${problems.length === 0 ? ': valid' : ''}. ${counted(answer.rules, 'rule')}, ${counted(answer.recipients, 'recipient group')}.`,
          ...problems.map((problem) => `Error: ${problem}`),
          ...answer.warnings.map((warning) => `Warning: ${warning}`),
          ...answer.notes.map((note) => `Note: ${note}`),
          ...(changes.length === 0
            ? ['The rules are those last applied: no alert would change.']
            : ['What the next run would change:', ...changes.map((change) => `  - ${change.text}`)]),
          `Next slots: ${slots.map(ukSlot).join(', ')}.`,
        ].join('\n'),
      );
      return problems.length === 0 ? 0 : 2;
    },
    async (problems, { names, databaseUrl }, store) => {
      // A database is not made for this: an empty one answers to every name.
      if (databaseUrl.startsWith('pglite:') && !existsSync(databaseUrl.slice('pglite:'.length))) return problems;
      try {
        const unanswered = await nameProblems(await store(), names);
        // A breakdown that is none anywhere is no loaded one either: one mistake is told once.
        const isTold = ({ path }: ConfigProblem): boolean => problems.some((told) => told.path.startsWith(`${path}.`));
        return inOrder([...problems, ...unanswered.filter((each) => !isTold(each))]);
      } catch (error) {
        if (error instanceof DatabaseHeldError) throw error;
        return problems;
      }
    },
  );
  add(config, 'schema', 'the JSON Schema of the configuration file', 'absence-watch config schema', (context) => {
    context.out.raw(`${JSON.stringify(configSchema(), null, 2)}\n`);
    return Promise.resolve(0);
  });

  add(
    program,
    'migrate',
    'brings the database to the form that this version needs',
    'absence-watch migrate',
    async (context) => {
      const store = await context.store({ migrate: false });
      const applied = await migrate(store);
      const state = await migrationState(store);
      context.out.result({ applied, state }, () =>
        applied.length === 0 ? 'The database is up to date.' : `Applied: ${applied.join(', ')}.`,
      );
      return 0;
    },
  );
}
