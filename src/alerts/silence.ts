/** Silences: events of a rule, an area or both are recorded and not mailed, until a day that comes by itself. */
import { sql, type Kysely } from 'kysely';
import type { Database } from '../load/schema.js';

type Reader = { readonly db: Kysely<Database> };

export interface NewSilence {
  /** A rule's name; undefined: every rule. */
  readonly rule: string | undefined;
  /** An area's id; undefined: every area. */
  readonly areaId: number | undefined;
  readonly until: Date;
  readonly reason: string;
}

export interface Silence extends NewSilence {
  readonly id: number;
  readonly area: string | undefined;
  readonly createdAt: Date;
  /** Ended by hand before its time. */
  readonly endedAt: Date | undefined;
  readonly active: boolean;
  /** How many events it has kept from being mailed. */
  readonly muted: number;
}

/** A silence that cannot be: already over, or without a reason. Commands end with exit code 2. */
export class SilenceError extends Error {
  override readonly name = 'SilenceError';
}

/**
 * Adds a silence.
 * @throws SilenceError when it would be over already, has no reason, or names neither a rule nor an area
 */
export async function addSilence(store: Reader, silence: NewSilence, now: Date): Promise<number> {
  if (silence.until.getTime() <= now.getTime())
    throw new SilenceError(`A silence until ${silence.until.toISOString()} would be over already. Give a later day.`);
  if (silence.reason.trim() === '') throw new SilenceError('A silence needs a reason, for whoever finds it later.');
  if (silence.rule === undefined && silence.areaId === undefined)
    throw new SilenceError('Name a rule, an area or both. To stop all mail at once there is "alerts pause".');
  const row = await store.db
    .insertInto('silence')
    .values({
      ...{ rule: silence.rule ?? null, area_id: silence.areaId ?? null, until: silence.until },
      ...{ reason: silence.reason.trim(), created_at: now, ended_at: null },
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return row.id;
}

/** Ends a silence before its time. @returns false when it is not in force */
export async function endSilence(store: Reader, id: number, now: Date): Promise<boolean> {
  const ended = await store.db
    .updateTable('silence')
    .set({ ended_at: now })
    .where('id', '=', id)
    .where('ended_at', 'is', null)
    .where('until', '>', now)
    .returning('id')
    .execute();
  return ended.length > 0;
}

/** All silences, newest first, those that are over included. */
export async function listSilences(store: Reader, now: Date): Promise<Silence[]> {
  const rows = await store.db
    .selectFrom('silence as s')
    .leftJoin('area as a', 'a.id', 's.area_id')
    .select(['s.id', 's.rule', 's.area_id', 's.until', 's.reason', 's.created_at', 's.ended_at', 'a.name as area'])
    .select((eb) =>
      eb
        .selectFrom('alert as e')
        .select(sql<number>`count(*)::int`.as('n'))
        .where('e.muted', '=', 'silence')
        .whereRef('e.at', '>=', 's.created_at')
        .whereRef('e.at', '<', sql<Date>`coalesce(s.ended_at, s.until)`)
        .where((each) => each.or([each('s.rule', 'is', null), each('e.rule', '=', each.ref('s.rule'))]))
        .where((each) => each.or([each('s.area_id', 'is', null), each('e.area_id', '=', each.ref('s.area_id'))]))
        .as('muted'),
    )
    .orderBy('s.created_at', 'desc')
    .orderBy('s.id', 'desc')
    .execute();
  return rows.map((row) => ({
    ...{ id: row.id, rule: row.rule ?? undefined, areaId: row.area_id ?? undefined, area: row.area ?? undefined },
    ...{ until: row.until, reason: row.reason, createdAt: row.created_at, endedAt: row.ended_at ?? undefined },
    active: row.ended_at === null && row.until.getTime() > now.getTime(),
    muted: row.muted ?? 0,
  }));
}

/** Answers, for one moment, whether a rule's events on an area are silenced. */
export async function activeSilences(store: Reader, now: Date): Promise<(rule: string, areaId: number) => boolean> {
  const rows = await store.db
    .selectFrom('silence')
    .select(['rule', 'area_id'])
    .where('ended_at', 'is', null)
    .where('until', '>', now)
    .execute();
  return (rule, areaId) =>
    rows.some((row) => (row.rule === null || row.rule === rule) && (row.area_id === null || row.area_id === areaId));
}

/** For the foot of a mail: how many events of a run a silence kept from being mailed. */
export async function silencedEvents(store: Reader, runId: number): Promise<number> {
  const { n } = await store.db
    .selectFrom('alert')
    .select(sql<number>`count(*)::int`.as('n'))
    .where('run_id', '=', runId)
    .where('muted', '=', 'silence')
    .executeTakeFirstOrThrow();
  return n;
}
