/** Commands about alerts: list, silence, pause, resume, simulate, preview. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { previewMail } from '../alerts/preview.js';
import { listMail, pausedSince, pauseSending, resumeSending } from '../alerts/queue-upkeep.js';
import { addSilence, endSilence, listSilences, SilenceError } from '../alerts/silence.js';
import { simulate } from '../alerts/simulate.js';
import type { Rule } from '../domain/rule.js';
import { listEvents, type EventRow } from '../load/inspect.js';
import type { Store } from '../load/database.js';
import { getSetting } from '../load/runs.js';
import { mailSettings } from '../tell.js';
import { COMPOSED_LINE, counted, table, ukTime } from '../print.js';
import { oneArea } from './area.js';
import { eventCells } from './event-cells.js';
import { partsOf } from './mail-parts.js';
import { addLineOptions, lineOption } from './simulation-line.js';
import { simulationText } from './simulation-text.js';
import { UsageError, type AddCommand, type Context } from './context.js';
import { timeOption } from './time-option.js';

const PAUSE_HELP = `
While sending is paused, mails that were already written wait and go out after
"alerts resume". What happens meanwhile is recorded as muted (paused) and is not
mailed afterwards: events are in "alerts list" and in the view alert_event, and
"brief --area" prints the brief of a release that came meanwhile. The mails to the
operator wait too. To keep one rule or area quiet, use "alerts silence".
`;

/** So many held mails, and no more, are looked through. */
const MOST_HELD = 100_000;

export function register(program: Command, add: AddCommand): void {
  const alerts = program.command('alerts').description('alerts: list, silence, pause, resume, simulate, preview');

  add(
    alerts,
    'list',
    'events, newest first, with what became of their mails',
    'absence-watch alerts list --area Luton',
    async (context, _args, options) => {
      const store = await context.store();
      const area = typeof options['area'] === 'string' ? await oneArea(context, options['area']) : undefined;
      const rows = await listEvents(store, {
        rule: typeof options['rule'] === 'string' ? options['rule'] : undefined,
        areaId: area?.id,
        limit: whole(options['limit'], '--limit'),
        held: new Set((await listMail(store, { state: 'held', limit: MOST_HELD })).map(({ id }) => id)),
      });
      const head = await composedHead(store);
      context.out.result(
        rows.map((row) => ({
          ...row,
          value: number(row.value),
          previous_value: number(row.previous_value),
          threshold: number(row.threshold),
        })),
        () =>
          rows.length === 0
            ? 'No events yet.'
            : head +
              table(
                ['at', 'rule', 'event', 'area', 'period', 'value', 'before', 'reason', 'mail'],
                rows.map(eventLine),
              ),
      );
      return 0;
    },
  )
    .option('--rule <name>', 'only of this rule')
    .option('--area <name>', 'only of this area')
    .option('--limit <n>', 'only the newest so many', '1000000');

  add(
    alerts,
    'silence',
    'stops mail about a rule or an area until a day; without options: lists silences',
    'absence-watch alerts silence --rule "Luton severe absence" --until 2027-01-31 --reason "known, being worked on"',
    silence,
  )
    .option('--rule <name>', 'a rule')
    .option('--area <name>', 'an area')
    .option('--until <date>', 'the last day of it')
    .option('--reason <text>', 'why')
    .option('--end <id>', 'ends a silence before its time');

  add(
    alerts,
    'pause',
    'stops all sending at once; events go on being recorded',
    'absence-watch alerts pause --reason "mail server moves"',
    async (context, _args, options) => {
      const store = await context.store();
      await pauseSending(
        store,
        typeof options['reason'] === 'string' ? options['reason'] : 'paused by hand',
        context.now(),
      );
      const paused = await pausedSince(store);
      context.out.result(
        { paused: true, ...paused },
        () =>
          'Nothing is sent until "absence-watch alerts resume". Events go on being recorded, and are not mailed later.',
      );
      return 0;
    },
    'as the service',
  )
    .option('--reason <text>', 'why')
    .addHelpText('after', PAUSE_HELP);

  add(
    alerts,
    'resume',
    'ends a pause',
    'absence-watch alerts resume',
    async (context) => {
      const unsent = await resumeSending(await context.store(), context.now());
      const briefs =
        context.settings.config.briefs.length === 0
          ? ''
          : ' Briefs on what was released meanwhile are not mailed either: "absence-watch brief" shows them.';
      context.out.result({ paused: false, was_paused: unsent !== undefined, events_not_mailed: unsent ?? 0 }, () => {
        if (unsent === undefined) return 'Sending was not paused.';
        return unsent === 0
          ? `Sending goes on.${briefs}`
          : `Sending goes on. ${counted(unsent, 'event')} of the pause ${unsent === 1 ? 'is' : 'are'} not mailed: "absence-watch alerts list" shows ${unsent === 1 ? 'it' : 'them'} as muted (paused).${briefs}`;
      });
      return 0;
    },
    'as the service',
  ).addHelpText('after', PAUSE_HELP);

  const simulating = add(
    alerts,
    'simulate',
    'replays all loaded history through the rules: how to choose a threshold',
    'absence-watch alerts simulate --rule "Luton severe absence" --above 2.5',
    simulateRules,
  ).option('--rule <name>', 'only this rule');
  addLineOptions(simulating);

  add(
    alerts,
    'preview',
    'writes the mail that the newest figures would make; sends nothing',
    'absence-watch alerts preview --area Luton --output preview',
    async (context, _args, options) => {
      const store = await context.store();
      const area = await oneArea(context, String(options['area']));
      const composed = (await getSetting(store, 'composed')) === true;
      const mail = await previewMail(store, area.id, {
        ...(await mailSettings({ ...context, store, composed })),
        to: context.settings.config.mail.from.address,
      });
      const directory = resolve(context.streams.cwd, String(options['output']));
      await mkdir(directory, { recursive: true });
      const name = join(
        directory,
        area.name
          .toLowerCase()
          .replace(/[^a-z0-9]+/g, '-')
          .replace(/^-|-$/g, ''),
      );
      const { subject } = await partsOf(mail.eml);
      const files: string[] = [];
      for (const [ending, content] of Object.entries({
        eml: mail.eml,
        html: mail.html,
        txt: mail.text,
        png: mail.png,
      })) {
        if (content === undefined) continue;
        await writeFile(`${name}.${ending}`, content);
        files.push(relative(context.streams.cwd, `${name}.${ending}`));
      }
      context.out.result({ area_code: area.code, area_name: area.name, subject, files }, () =>
        [subject, ...files.map((file) => `  ${file}`)].join('\n'),
      );
      return 0;
    },
  )
    .requiredOption('--area <name>', 'name, ONS code, DfE code or URN')
    .option('--output <directory>', 'where to write', 'preview');
}

function number(value: string | null): number | null {
  return value === null ? null : Number(value);
}

function eventLine(row: EventRow): string[] {
  return [
    ...eventCells(row),
    row.muted === null ? row.mails.map((mail) => `${mail.address}: ${mail.state}`).join(', ') : `muted: ${row.muted}`,
  ];
}

function whole(value: unknown, option: string): number {
  const text = typeof value === 'string' ? value : '';
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new UsageError(`${option} takes a whole number; got "${text}".`);
  return Number(text);
}

/** What stands above figures that are no statistics. */
async function composedHead(store: Store): Promise<string> {
  return (await getSetting(store, 'composed')) === true ? `${COMPOSED_LINE}\n\n` : '';
}

async function silence(context: Context, _args: readonly string[], options: Record<string, unknown>): Promise<0 | 1> {
  const store = await context.store();
  const option = (name: string): string | undefined => (typeof options[name] === 'string' ? options[name] : undefined);
  const end = option('end');
  if (end !== undefined) {
    const ended = await endSilence(store, whole(end, '--end'), context.now());
    context.out.result({ id: Number(end), ended }, () =>
      ended ? `Silence ${end} is over.` : `There is no silence ${end} that goes on.`,
    );
    return ended ? 0 : 1;
  }
  const [rule, areaName, until, reason] = [option('rule'), option('area'), option('until'), option('reason')];
  if (rule === undefined && areaName === undefined && until === undefined && reason === undefined) {
    const all = await listSilences(store, context.now());
    context.out.result(
      all.map(({ id, rule: ofRule, area, until: to, reason: why, active, muted }) => ({
        id,
        rule: ofRule ?? null,
        area: area ?? null,
        until: to,
        reason: why,
        active,
        muted,
      })),
      () =>
        all.length === 0
          ? 'No silences.'
          : table(
              ['id', 'rule', 'area', 'until', 'reason', 'goes on', 'kept quiet'],
              all.map((each) => [
                String(each.id),
                each.rule ?? 'every rule',
                each.area ?? 'every area',
                ukTime(each.until),
                each.reason,
                each.active ? 'yes' : '',
                String(each.muted),
              ]),
            ),
    );
    return 0;
  }
  if (until === undefined) throw new UsageError('--until DATE is missing: a silence ends by itself.');
  if (reason === undefined) throw new UsageError('--reason TEXT is missing.');
  const to = timeOption('--until', until, 'to its end');
  if (rule !== undefined && !context.settings.config.rules.some(({ name }) => name === rule))
    throw new UsageError(
      `There is no rule "${rule}". Rules: ${context.settings.config.rules.map(({ name }) => name).join(', ')}.`,
    );
  const area = areaName === undefined ? undefined : await oneArea(context, areaName);
  try {
    const id = await addSilence(store, { rule, areaId: area?.id, until: to, reason }, context.now());
    context.out.result(
      { id, rule: rule ?? null, area: area?.name ?? null, until: to, reason },
      () => `Silence ${id}: ${rule ?? 'every rule'}, ${area?.name ?? 'every area'}, until ${ukTime(to)}.`,
    );
    return 0;
  } catch (error) {
    if (error instanceof SilenceError) throw new UsageError(error.message);
    throw error;
  }
}

async function simulateRules(context: Context, _args: readonly string[], options: Record<string, unknown>): Promise<0> {
  const { config } = context.settings;
  const name = options['rule'];
  let rules: readonly Rule[] = config.rules;
  if (typeof name === 'string') {
    rules = rules.filter((rule) => rule.name === name);
    if (rules.length === 0)
      throw new UsageError(`There is no rule "${name}". Rules: ${config.rules.map((rule) => rule.name).join(', ')}.`);
  }
  const line = lineOption(options, rules);
  const store = await context.store();
  const head = await composedHead(store);
  const result = await simulate(store, rules, {
    line,
    neighbours: context.settings.neighbours,
  });
  context.out.result(
    result.events.map((row) => ({
      ...row,
      value: number(row.value),
      previous_value: number(row.previous_value),
      threshold: number(row.threshold),
    })),
    () => head + simulationText(result),
  );
  return 0;
}
