/** Commands about the configuration and the database's form: config check, config schema, migrate. */
import type { Command } from 'commander';
import { describeRuleEdit } from '../alerts/rule-edit.js';
import { configSchema, nextSlots, problemText } from '../config.js';
import { migrate, migrationState } from '../load/migrate.js';
import { readNeighbours } from '../neighbours.js';
import { ukTime } from '../print.js';
import type { AddCommand } from './context.js';

export function register(program: Command, add: AddCommand): void {
  const config = program.command('config').description('the configuration: check it, print its schema');
  add(
    config,
    'check',
    'every mistake with line and column; what an edit of the rules would change; the next slots',
    'absence-watch config check --config config/absence-watch.yaml',
    async (context) => {
      const { settings, out } = context;
      const neighbours = await readNeighbours(settings.config.neighbours);
      const edit = await describeRuleEdit(await context.store(), settings.config.rules, settings.config.briefs, {
        now: context.now(),
        neighbours,
      });
      const slots = nextSlots(settings.config.schedule, context.now(), 5);
      const answer = {
        file: settings.configFile ?? null,
        rules: settings.config.rules.length,
        recipients: settings.config.recipients.size,
        warnings: settings.warnings.map(problemText),
        problems: edit.problems,
        rule_changes: edit.changes,
        next_slots: slots.map((slot) => slot.toISOString()),
      };
      out.result(answer, () =>
        [
          `${settings.configFile ?? 'No configuration file: the built-in defaults hold'}${edit.problems.length === 0 ? ': valid' : ''}. ${answer.rules} rules, ${answer.recipients} recipient groups.`,
          ...answer.problems.map((problem) => `Error: ${problem}`),
          ...answer.warnings.map((warning) => `Warning: ${warning}`),
          ...(edit.changes.length === 0
            ? ['The rules are those last applied: nothing would change.']
            : ['What the next run would change:', ...edit.changes.map((change) => `  - ${change.text}`)]),
          `Next slots: ${slots.map((slot) => ukTime(slot)).join(', ')}.`,
        ].join('\n'),
      );
      return edit.problems.length === 0 ? 0 : 2;
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
