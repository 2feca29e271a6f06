/** `prune`: applies the retention setting. */
import type { Command } from 'commander';
import type { Config } from '../config.js';
import { prune, type Pruned } from '../load/prune.js';
import { counted } from '../print.js';
import { retentionAt } from '../retention.js';
import type { AddCommand } from './context.js';

export function register(program: Command, add: AddCommand): void {
  add(
    program,
    'prune',
    'takes away what is older than the retention setting (the service does so daily)',
    'absence-watch prune --dry-run',
    async (context, _args, options) => {
      const dryRun = options['dryRun'] === true;
      const now = context.now();
      const { retention } = context.settings.config;
      const pruned = await prune(await context.store(), retentionAt(retention, now), { now, dryRun });
      context.out.result({ dry_run: dryRun, ...pruned }, () => prunedText(pruned, retention, dryRun));
      return 0;
    },
  ).option('--dry-run', 'only says what would go');
}

function prunedText(pruned: Pruned, retention: Config['retention'], dryRun: boolean): string {
  const line = (kept: string | undefined, what: string): string =>
    `${what}${kept === undefined ? ' (kept for ever)' : ` (kept for ${kept})`}`;
  return [
    dryRun ? 'Would go:' : 'Gone:',
    `  ${line(retention.runs?.text, `${counted(pruned.runs, 'run')}, ${counted(pruned.slots, 'slot')}`)}`,
    `  ${line(retention.mails?.text, `the content of ${counted(pruned.mails, 'mail')}`)}`,
    `  ${line(retention.versions?.text, `the figures of ${counted(pruned.versions, 'old version')}, ${counted(pruned.figures, 'row')}`)}`,
  ].join('\n');
}
