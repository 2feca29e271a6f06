/** Writes events down, and with each, in the same transaction, what is owed to whom. */
import { createHash } from 'node:crypto';
import { sql, type Kysely } from 'kysely';
import { epochOf } from '../domain/series.js';
import type { Database } from '../load/schema.js';
import { batches, insertMany } from './bulk.js';
import { periodId, type Catalogue } from './catalogue.js';
import type { DueBrief, SeriesPeriod } from './due-briefs.js';
import type { PendingEvent } from './sweep.js';

/** Recipient groups and their addresses, as the configuration has them. */
export type Recipients = Readonly<Record<string, readonly string[]>>;

const ALERT_COLUMNS = {
  at: 'timestamptz',
  rule: 'text',
  event: 'text',
  reason: 'text',
  measure: 'text',
  area_id: 'integer',
  series_id: 'integer',
  period_id: 'integer',
  school_type_id: 'integer',
  breakdown_id: 'integer',
  as_of: 'date',
  in_breach: 'boolean',
  between_lines: 'boolean',
  value: 'numeric',
  previous_value: 'numeric',
  threshold: 'numeric',
  compared: 'numeric',
  release_id: 'integer',
  version_id: 'integer',
  run_id: 'integer',
  muted: 'text',
  fingerprint: 'text',
} as const;

/** Not yet due, and in no mail: those columns stay null. */
const NOTIFICATION_COLUMNS = {
  kind: 'text',
  address: 'text',
  recipient_group: 'text',
  alert_id: 'bigint',
  payload: 'jsonb',
  run_id: 'integer',
  fingerprint: 'text',
  created_at: 'timestamptz',
} as const;

const sha256 = (...parts: readonly (string | number | null)[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex');

/** The name of an event: the same event cannot be recorded twice. */
export function eventFingerprint(event: PendingEvent): string {
  const { rule, group, areaId, decision } = event;
  return sha256(
    ...[rule.name, areaId, group.slice.series.id, epochOf(rule.measure, decision.period), group.slice.schoolTypeId],
    ...[group.slice.breakdownId, decision.period.timePeriod, decision.period.timeIdentifier, decision.asOf ?? null],
    ...[decision.kind, decision.value, event.cause],
  );
}

/**
 * Records events, muted ones too, and a notification for each address of those that are not. An event that is there
 * already is left as it is, and owes nothing a second time.
 * @returns the ids of the events, by fingerprint
 */
export async function recordEvents(
  db: Kysely<Database>,
  catalogue: Catalogue,
  events: readonly PendingEvent[],
  context: { readonly recipients: Recipients; readonly runId: number | null; readonly now: Date },
): Promise<ReadonlyMap<string, number>> {
  const ids = new Map<string, number>();
  for (const batch of batches(events)) {
    const named = new Map(batch.map((event) => [eventFingerprint(event), event]));
    const rows = [...named].map(([fingerprint, event]) => alertRow(catalogue, event, fingerprint, context));
    const { rows: written } = await sql<{ id: number; fingerprint: string }>`${insertMany('alert', ALERT_COLUMNS, rows)}
      on conflict (fingerprint) do nothing returning id, fingerprint`.execute(db);
    for (const { id, fingerprint } of written) ids.set(fingerprint, id);
    await owe(
      db,
      written.flatMap(({ id, fingerprint }) => {
        const event = named.get(fingerprint);
        if (event === undefined || event.muted !== undefined) return [];
        return addressesOf(event.rule.notify, context.recipients).map(({ address, group }) => ({
          ...{ kind: 'alert', address, recipient_group: group, alert_id: id, payload: null },
          ...{ run_id: context.runId, fingerprint: sha256('alert', fingerprint, bareAddress(address)) },
          created_at: context.now,
        }));
      }),
    );
  }
  return ids;
}

function alertRow(
  catalogue: Catalogue,
  event: PendingEvent,
  fingerprint: string,
  context: { readonly runId: number | null; readonly now: Date },
) {
  const { rule, group, areaId, decision } = event;
  return {
    ...{ at: context.now, rule: rule.name, event: decision.kind, reason: decision.reason, measure: rule.measure },
    ...{ area_id: areaId, series_id: group.slice.series.id, period_id: periodId(catalogue, decision.period) },
    ...{ school_type_id: group.slice.schoolTypeId, breakdown_id: group.slice.breakdownId },
    as_of: decision.asOf ?? 'infinity',
    ...{ in_breach: decision.inBreach, between_lines: decision.betweenLines },
    ...{ value: decision.value, previous_value: decision.previousValue },
    ...{ threshold: decision.threshold, compared: decision.compared },
    ...{ release_id: event.releaseId, version_id: event.versionId, run_id: context.runId },
    ...{ muted: event.muted ?? null, fingerprint },
  };
}

/** Every address once, with the first group that names it, spelt as the configuration spells it first. */
export function addressesOf(
  groups: readonly string[],
  recipients: Recipients,
): { readonly address: string; readonly group: string }[] {
  const found = new Map<string, string>();
  for (const group of groups)
    for (const address of recipients[group] ?? [])
      if (!found.has(bareAddress(address))) found.set(bareAddress(address), group);
  // Of all groups: which of them come together in a mail differs from run to run.
  const spellings = Object.values(recipients).flat();
  return [...found].map(([bare, group]) => ({
    address: spellings.find((each) => bareAddress(each) === bare) ?? bare,
    group,
  }));
}

/** 'desk@example.org' for 'Data desk <Desk@example.org>': whoever is named twice gets one mail. */
export function bareAddress(address: string): string {
  return (/<([^<>]+)>\s*$/.exec(address)?.[1] ?? address).trim().toLowerCase();
}

/**
 * One brief for each address, area, release and period that it is about, and one that the release has no figure for it: what
 * is owed already is not owed twice, and a figure that comes with an amendment is owed all the same. A release may bring
 * more than one period: local files of one label do, year by year, and a data set that a gate had held back.
 */
export async function recordBriefs(
  db: Kysely<Database>,
  briefs: readonly DueBrief[],
  context: { readonly recipients: Recipients; readonly runId: number | null; readonly now: Date },
): Promise<void> {
  const rows = new Map(
    briefs.flatMap(({ areaId, releaseId, versionIds, notify, about, isLacking }) =>
      addressesOf(notify, context.recipients).map(({ address, group }) => {
        const bare = bareAddress(address);
        const kind = isLacking ? 'no figure' : 'brief';
        const fingerprint = sha256(kind, areaId, releaseId, about.seriesId, about.periodId, bare);
        const row = {
          ...{ kind: 'brief', address, recipient_group: group, alert_id: null },
          payload: { areaId, releaseId, versionIds, ...(isLacking ? { lacking: about } : {}) },
          ...{ run_id: context.runId, fingerprint, created_at: context.now },
        };
        return [fingerprint, { row, about, unnamed: sha256('brief', areaId, releaseId, bare) }] as const;
      }),
    ),
  );
  const all = [...rows.values()];
  const before = await owedUnnamed(db, all);
  await owe(
    db,
    all.filter(({ unnamed }) => !before.has(unnamed)).map(({ row }) => row),
  );
}

/**
 * Briefs were once named without the period that they are about, so that a release had one for ever. Of those names the ones
 * whose brief was on versions with a figure of the area for that period: it was told.
 */
async function owedUnnamed(
  db: Kysely<Database>,
  briefs: readonly { readonly about: SeriesPeriod; readonly unnamed: string }[],
): Promise<ReadonlySet<string>> {
  if (briefs.length === 0) return new Set();
  const { rows } = await sql<{ unnamed: string }>`
    select due.unnamed
    from unnest(${briefs.map(({ unnamed }) => unnamed)}::text[], ${briefs.map(({ about }) => about.seriesId)}::int[],
      ${briefs.map(({ about }) => about.periodId)}::int[]) as due (unnamed, series_id, period_id)
    join notification n on n.fingerprint = due.unnamed
    where exists (
      select 1 from figure f
      where f.version_id in (select v::integer from jsonb_array_elements_text(n.payload -> 'versionIds') v)
        and f.area_id = (n.payload ->> 'areaId')::integer
        and f.series_id = due.series_id and f.period_id = due.period_id)`.execute(db);
  return new Set(rows.map(({ unnamed }) => unnamed));
}

async function owe(
  db: Kysely<Database>,
  rows: readonly Readonly<Record<keyof typeof NOTIFICATION_COLUMNS, unknown>>[],
): Promise<void> {
  for (const batch of batches(rows))
    await sql`${insertMany('notification', NOTIFICATION_COLUMNS, batch)} on conflict (fingerprint) do nothing`.execute(
      db,
    );
}
