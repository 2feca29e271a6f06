/** What is new in the rules since they were last applied. */
import { sql, type Kysely } from 'kysely';
import * as z from 'zod';
import type { AreaSelector, Rule } from '../domain/rule.js';
import { resolveSelector } from '../load/areas.js';
import type { Database } from '../load/schema.js';
import { areasText, ruleFingerprint } from './state-store.js';

const SELECTORS = z.array(
  z.discriminatedUnion('by', [
    z.object({ by: z.literal('name'), text: z.string() }),
    z.object({ by: z.literal('level'), level: z.string(), within: z.string().optional() }),
    z.object({ by: z.literal('all') }),
  ]),
);

export type RuleChange =
  | { readonly kind: 'known' }
  | { readonly kind: 'new' }
  | { readonly kind: 'edited' }
  /** The same rule for other areas; `before` as they were selected. */
  | { readonly kind: 'other areas'; readonly before: readonly AreaSelector[] };

/** A setting that holds from the next figures on: it makes no other rule of it. Values as the configuration has them. */
export interface SettingChange {
  readonly setting: string;
  readonly from: unknown;
  readonly to: unknown;
}

export interface RuleChanges {
  readonly byRule: ReadonlyMap<string, RuleChange>;
  /** Of rules that are otherwise as they were, or for other areas: what else was edited. */
  readonly settings: ReadonlyMap<string, readonly SettingChange[]>;
  /** Names of rules that were applied before and are no longer configured. */
  readonly gone: readonly string[];
}

/** Compares rules with those last applied. A rule's name is its identity: a renamed rule is a new one. */
export async function ruleChanges(db: Kysely<Database>, rules: readonly Rule[]): Promise<RuleChanges> {
  const rows = await db.selectFrom('alert_rule').selectAll().execute();
  const applied = new Map(rows.map((row) => [row.rule, row]));
  const byRule = new Map<string, RuleChange>();
  const settings = new Map<string, SettingChange[]>();
  for (const rule of rules) {
    const row = applied.get(rule.name);
    const edited =
      row === undefined || row.fingerprint !== ruleFingerprint(rule) ? [] : settingChanges(row.settings, rule);
    if (edited.length > 0) settings.set(rule.name, edited);
    if (row === undefined) byRule.set(rule.name, { kind: 'new' });
    else if (row.fingerprint !== ruleFingerprint(rule)) byRule.set(rule.name, { kind: 'edited' });
    else if (row.areas !== areasText(rule))
      byRule.set(rule.name, { kind: 'other areas', before: selectorsOf(row.areas) });
    else byRule.set(rule.name, { kind: 'known' });
  }
  return { byRule, settings, gone: [...applied.keys()].filter((name) => !byRule.has(name)) };
}

/** What makes a rule no other rule, by its names in the configuration. */
function settingsOf(rule: Rule): Record<string, unknown> {
  return {
    worse_by: rule.worseBy ?? null,
    min_enrolments: rule.minEnrolments,
    on_suppressed: rule.onSuppressed,
    on_missing_area: rule.onMissingArea,
    remind: rule.remind,
    notify: rule.notify,
  };
}

function settingChanges(before: Readonly<Record<string, unknown>> | null, rule: Rule): SettingChange[] {
  if (before === null) return [];
  return Object.entries(settingsOf(rule))
    .map(([setting, to]) => ({ setting, from: before[setting] ?? null, to }))
    .filter(({ from, to }) => JSON.stringify(from) !== JSON.stringify(to));
}

function selectorsOf(text: string): AreaSelector[] {
  return SELECTORS.parse(JSON.parse(text)).map((selector) =>
    selector.by === 'level' ? { by: 'level', level: selector.level, within: selector.within } : selector,
  );
}

/** Keeps the rules as applied from now on, and forgets those that are gone, with their states. */
export async function applyRules(
  db: Kysely<Database>,
  rules: readonly Rule[],
  changes: RuleChanges,
  now: Date,
): Promise<void> {
  for (const rule of rules) {
    const change = changes.byRule.get(rule.name);
    if (change === undefined) continue;
    const settings = JSON.stringify(settingsOf(rule));
    if (change.kind === 'known') {
      const isOther = sql<boolean>`settings is distinct from ${settings}::jsonb`;
      await db.updateTable('alert_rule').set({ settings }).where('rule', '=', rule.name).where(isOther).execute();
      continue;
    }
    const row = { fingerprint: ruleFingerprint(rule), areas: areasText(rule), settings };
    await db
      .insertInto('alert_rule')
      .values({ rule: rule.name, ...row, first_seen: now })
      .onConflict((conflict) =>
        conflict.column('rule').doUpdateSet(change.kind === 'edited' ? { ...row, first_seen: now } : row),
      )
      .execute();
    if (change.kind === 'edited') await db.deleteFrom('alert_state').where('rule', '=', rule.name).execute();
  }
  if (changes.gone.length === 0) return;
  await db.deleteFrom('alert_state').where('rule', 'in', changes.gone).execute();
  await db.deleteFrom('alert_rule').where('rule', 'in', changes.gone).execute();
}

/** Resolves selectors to ids of loaded areas; the same selector is looked up once. */
export class AreaLookup {
  readonly #db: Kysely<Database>;
  readonly #known = new Map<string, readonly number[]>();

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  async resolve(selectors: readonly AreaSelector[]): Promise<Set<number>> {
    const ids = new Set<number>();
    for (const selector of selectors) {
      const key = JSON.stringify(selector);
      const found = this.#known.get(key) ?? (await resolveSelector({ db: this.#db }, selector));
      this.#known.set(key, found);
      for (const id of found) ids.add(id);
    }
    return ids;
  }
}
