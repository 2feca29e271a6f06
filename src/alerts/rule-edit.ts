/** What an edit of the rules would do, said before it counts. */
import type { Kysely } from 'kysely';
import type { Rule } from '../domain/rule.js';
import type { Database } from '../load/schema.js';
import { evaluate } from './evaluate.js';
import type { Neighbours } from './group-walk.js';
import { AreaLookup, ruleChanges, type RuleChange, type SettingChange } from './rule-changes.js';

type Reader = { readonly db: Kysely<Database> };

export interface RuleEdit {
  readonly rule: string;
  /** 'settings': what holds from the next figures on, and changes no alert now. */
  readonly kind: Exclude<RuleChange['kind'], 'known'> | 'gone' | 'settings';
  /** Alerts that are open under the rule as it was last applied. */
  readonly open_now: number;
  /** Of these, those that stay open under the edited rule. */
  readonly stay_open: number;
  /** Of these, those that the edit closes; they are told. */
  readonly closed: number;
  /** Areas with an open alert that ends without a mail: the edited rule does not look there, or has no figure to go on from. */
  readonly forgotten: readonly string[];
  /** What the next run would tell of in its summary. */
  readonly would_tell: readonly { readonly area: string; readonly reason: string }[];
  readonly areas_added: number;
  readonly areas_removed: number;
  readonly settings: readonly SettingChange[];
  /** For a terminal. */
  readonly text: string;
}

/**
 * Compares rules with those last applied, and tries them on the loaded figures without keeping anything.
 * @returns rules that are as they were are not in it
 */
export async function describeRuleEdit(
  store: Reader,
  rules: readonly Rule[],
  options: { readonly now?: Date; readonly neighbours?: Neighbours | undefined } = {},
): Promise<RuleEdit[]> {
  const changes = await ruleChanges(store.db, rules);
  const changed = rules.filter((rule) => changes.byRule.get(rule.name)?.kind !== 'known');
  const resettled = rules.flatMap(({ name }): RuleEdit[] => {
    const settings = changes.settings.get(name) ?? [];
    const edit = { ...{ rule: name, kind: 'settings' as const, open_now: 0 }, ...NO_AREAS, settings };
    return settings.length === 0 ? [] : [{ ...edit, text: editWords(edit) }];
  });
  if (changed.length === 0 && changes.gone.length === 0) return resettled;
  const open = await openAlerts(store.db);
  const trial = await evaluate(store, {
    ...{ rules, briefs: [], recipients: {}, runId: null, now: options.now ?? new Date(), paused: false, dryRun: true },
    neighbours: options.neighbours,
  });
  const lookup = new AreaLookup(store.db);
  const edits: RuleEdit[] = [];
  for (const rule of changed) {
    const change = changes.byRule.get(rule.name);
    if (change === undefined || change.kind === 'known') continue;
    const now = await lookup.resolve(rule.areas);
    const before = change.kind === 'other areas' ? await lookup.resolve(change.before) : now;
    const fate = trial.edited.find((each) => each.rule === rule.name);
    const edit = {
      ...{ rule: rule.name, kind: change.kind, open_now: open.get(rule.name) ?? 0 },
      ...{ stay_open: fate?.stayOpen ?? 0, closed: fate?.closed ?? 0, forgotten: fate?.forgotten ?? [] },
      // All that an edited rule raises comes of its first look: also what that closes.
      would_tell: trial.events
        .filter((event) => event.rule === rule.name && (event.event === 'baseline' || change.kind === 'edited'))
        .map(({ area, reason }) => ({ area, reason })),
      areas_added: [...now].filter((id) => !before.has(id)).length,
      areas_removed: [...before].filter((id) => !now.has(id)).length,
      settings: [],
    };
    edits.push({ ...edit, text: editWords(edit) });
  }
  for (const rule of changes.gone) {
    const edit = { ...{ rule, kind: 'gone' as const, open_now: open.get(rule) ?? 0 }, ...NO_AREAS };
    edits.push({ ...edit, text: editWords(edit) });
  }
  return [...edits, ...resettled];
}

const NO_AREAS = {
  ...{ stay_open: 0, closed: 0, forgotten: [], would_tell: [] },
  ...{ areas_added: 0, areas_removed: 0, settings: [] },
};

const alerts = (count: number): string => `${count} ${count === 1 ? 'alert' : 'alerts'}`;
const areas = (count: number): string => `${count} ${count === 1 ? 'area' : 'areas'}`;

function editWords(edit: Omit<RuleEdit, 'text'>): string {
  const tells =
    edit.would_tell.length === 0
      ? 'the next run would find nothing to tell'
      : `the next run would tell of ${areas(edit.would_tell.length)} in one summary`;
  switch (edit.kind) {
    case 'new':
      return `Rule "${edit.rule}" is new: ${tells}.`;
    case 'edited':
      return `Rule "${edit.rule}" was edited and starts anew, with ${alerts(edit.open_now)} open as it was${fateWords(edit)}: ${tells}.`;
    case 'other areas':
      return `Rule "${edit.rule}" is for other areas, ${areas(edit.areas_added)} added and ${edit.areas_removed} removed: ${tells}.`;
    case 'settings':
      return `Rule "${edit.rule}" has other settings: ${edit.settings.map(settingWords).join('; ')}. They hold from the next figures on; no alert changes now.`;
    case 'gone':
      return `Rule "${edit.rule}" is gone, with ${alerts(edit.open_now)} open: the next run forgets it, and mails nobody. Under another name it is a new rule.`;
  }
}

/** 'min_enrolments 50000 instead of 100: what is of fewer pupils counts as no figure' */
function settingWords({ setting, from, to }: SettingChange): string {
  const means = setting === 'min_enrolments' ? ', and what is of fewer pupils is no figure' : '';
  return `${setting} ${valueWords(to)} instead of ${valueWords(from)}${means}`;
}

function valueWords(value: unknown): string {
  return value === null ? 'none' : typeof value === 'string' ? value : JSON.stringify(value);
}

/** ' (1 stays open, 2 are closed by the edit, and told)' */
function fateWords({ stay_open: stay, closed, forgotten }: Omit<RuleEdit, 'text'>): string {
  const parts = [
    ...(stay === 0 ? [] : [`${stay} ${stay === 1 ? 'stays' : 'stay'} open`]),
    ...(closed === 0 ? [] : [`${closed} ${closed === 1 ? 'is' : 'are'} closed by the edit, and told`]),
    ...(forgotten.length === 0
      ? []
      : [
          `${forgotten.length === 1 ? 'that' : 'those'} for ${forgotten.join(', ')} ${forgotten.length === 1 ? 'ends' : 'end'} without a mail, since the edited rule does not look there or has no figure to go on from`,
        ]),
  ];
  return parts.length === 0 ? '' : ` (${parts.join('; ')})`;
}

async function openAlerts(db: Kysely<Database>): Promise<Map<string, number>> {
  const rows = await db
    .selectFrom('alert_state')
    .select(['rule', (eb) => eb.fn.countAll<string>().as('n')])
    .where('in_breach', '=', true)
    .groupBy('rule')
    .execute();
  return new Map(rows.map(({ rule, n }) => [rule, Number(n)]));
}
