/** Reads what is owed to a recipient, as the mail tells it. */
import { sql, type Kysely } from 'kysely';
import * as z from 'zod';
import { isMeasure, measureBit, type Measure } from '../domain/measure.js';
import { periodOf } from '../domain/period.js';
import { publicationStatus, publicationTitle } from '../domain/publications.js';
import type { EventKind, Rule } from '../domain/rule.js';
import type { Database } from '../load/schema.js';
import type { BriefArea, ReleaseFacts } from './brief-model.js';
import type { SeriesPeriod } from './due-briefs.js';
import type { MailNews } from './mail-model.js';

type Db = Kysely<Database>;

/** A notification that no mail has taken up yet. */
export interface Owed {
  readonly id: number;
  readonly group: string;
  readonly alertId: number | null;
  readonly brief: OwedBrief | undefined;
  readonly runId: number | null;
}

export interface OwedBrief {
  readonly areaId: number;
  readonly releaseId: number;
  readonly versionIds: readonly number[];
  /** What the release has no figure for, where that is what is owed. */
  readonly lacking?: SeriesPeriod | undefined;
}

const briefPayload = z.object({
  areaId: z.number().int(),
  releaseId: z.number().int(),
  versionIds: z.array(z.number().int()),
  lacking: z.object({ seriesId: z.number().int(), periodId: z.number().int() }).optional(),
});

/** An event with the ids that place it among others. */
export interface RecordedNews {
  readonly alertId: number;
  readonly areaId: number;
  readonly releaseId: number;
  readonly versionId: number;
  readonly news: MailNews;
}

/** Addresses, in lower case, to which something is due. */
export async function addressesDue(db: Db, now: Date): Promise<string[]> {
  const rows = await db
    .selectFrom('notification')
    .select(sql<string>`lower(address)`.as('address'))
    .distinct()
    .where('mail_id', 'is', null)
    .where('due_at', '<=', now)
    .where('kind', 'in', ['alert', 'brief'])
    .orderBy('address')
    .execute();
  return rows.map(({ address }) => address);
}

/** Locks what is due to an address until the transaction ends; rows that another process holds are passed over. */
export async function takeOwed(trx: Db, address: string, now: Date): Promise<{ to: string; owed: Owed[] }> {
  const rows = await trx
    .selectFrom('notification')
    .select(['id', 'address', 'recipient_group', 'alert_id', 'payload', 'run_id'])
    .where(sql<boolean>`lower(address) = ${address}`)
    .where('mail_id', 'is', null)
    .where('due_at', '<=', now)
    .where('kind', 'in', ['alert', 'brief'])
    .orderBy('id')
    .forUpdate()
    .skipLocked()
    .execute();
  return {
    to: rows[0]?.address ?? address,
    owed: rows.map((row) => ({
      id: row.id,
      group: row.recipient_group,
      alertId: row.alert_id,
      brief: row.alert_id === null ? briefPayload.parse(row.payload) : undefined,
      runId: row.run_id,
    })),
  };
}

/**
 * The events, each once, in the order they were recorded. Of an area those that the rules, as they are now, tell or would
 * have told without a silence, a pause or a backfill: what a rule made of it before it was edited is another rule's.
 */
export async function readNews(
  db: Db,
  which: { readonly alertIds: readonly number[] } | { readonly toldOfArea: number },
  rules: readonly Rule[],
): Promise<RecordedNews[]> {
  let query = db
    .selectFrom('alert as e')
    .innerJoin('area as a', 'a.id', 'e.area_id')
    .innerJoin('series as s', 's.id', 'e.series_id')
    .innerJoin('period as p', 'p.id', 'e.period_id')
    .innerJoin('school_type as t', 't.id', 'e.school_type_id')
    .innerJoin('breakdown as b', 'b.id', 'e.breakdown_id')
    .innerJoin('release as r', 'r.id', 'e.release_id')
    .leftJoin('figure as f', (join) =>
      join
        .onRef('f.version_id', '=', 'e.version_id')
        .onRef('f.area_id', '=', 'e.area_id')
        .onRef('f.series_id', '=', 'e.series_id')
        .onRef('f.period_id', '=', 'e.period_id')
        .onRef('f.school_type_id', '=', 'e.school_type_id')
        .onRef('f.breakdown_id', '=', 'e.breakdown_id')
        .onRef('f.as_of', '=', 'e.as_of'),
    )
    .select([
      'e.id',
      'e.rule',
      'e.event',
      'e.reason',
      'e.measure',
      'e.area_id',
      'e.as_of',
      'e.in_breach',
      'e.between_lines',
      'e.value',
      'e.previous_value',
      'e.threshold',
      'e.compared',
      'e.release_id',
      'e.version_id',
      'e.fingerprint',
      'a.name as area_name',
      'a.level',
      'a.code',
      'a.region_name',
      's.name as series',
      'p.time_period',
      'p.time_identifier',
      't.name as school_type',
      'b.topic',
      'b.name as breakdown',
      'r.title as release',
      'f.symbols',
      'f.has',
    ])
    .orderBy('e.id');
  if ('alertIds' in which) {
    if (which.alertIds.length === 0) return [];
    query = query.where('e.id', 'in', [...which.alertIds]);
  } else
    query = query
      .where('e.area_id', '=', which.toldOfArea)
      .where((eb) => eb.or([eb('e.muted', 'is', null), eb('e.muted', 'in', ['backfill', 'silence', 'paused'])]))
      .where((eb) =>
        eb.exists(
          eb
            .selectFrom('alert_rule as applied')
            .select('applied.rule')
            .whereRef('applied.rule', '=', 'e.rule')
            .whereRef('applied.first_seen', '<=', 'e.at'),
        ),
      );
  const configured = new Map(rules.map((rule) => [rule.name, rule]));
  return (await query.execute()).flatMap((row) => {
    const period = periodOf(row.time_period, row.time_identifier);
    if (period === undefined || !isMeasure(row.measure)) return [];
    const area: BriefArea = {
      name: row.area_name,
      level: row.level,
      code: row.code,
      regionName: row.region_name ?? undefined,
    };
    const news: MailNews = {
      event: row.event as EventKind,
      rule: row.rule,
      condition: configured.get(row.rule)?.condition,
      settings: configured.get(row.rule),
      measure: row.measure,
      area,
      series: row.series,
      period,
      asOf: row.as_of === 'infinity' ? undefined : row.as_of,
      schoolType: row.school_type,
      topic: row.topic,
      breakdown: row.breakdown,
      value: row.value,
      symbol: isGone(row, row.measure) ? '' : row.symbols?.[row.measure],
      previous: row.previous_value,
      inBreach: row.in_breach,
      betweenLines: row.between_lines,
      threshold: row.threshold,
      compared: row.compared,
      reason: row.reason,
      release: row.release,
      fingerprint: row.fingerprint,
    };
    return [{ alertId: row.id, areaId: row.area_id, releaseId: row.release_id, versionId: row.version_id, news }];
  });
}

/** A corrected figure of which the version has no row any more: to a reader an empty cell. A withdrawn version has its row. */
function isGone(
  row: { readonly event: string; readonly value: string | null; readonly has: number | null },
  measure: Measure,
): boolean {
  return row.event === 'corrected' && row.value === null && ((row.has ?? 0) & measureBit(measure)) === 0;
}

/** 'Absence by authority 1.0.1' for each version: what the Message-ID is made of. */
export async function versionNames(db: Db, versionIds: readonly number[]): Promise<string[]> {
  if (versionIds.length === 0) return [];
  const rows = await db
    .selectFrom('data_set_version as v')
    .innerJoin('data_set as d', 'd.id', 'v.data_set_id')
    .select(['d.identity', 'v.release_id', 'v.major', 'v.minor', 'v.patch'])
    .where('v.id', 'in', [...versionIds])
    .execute();
  return rows.map(
    ({ identity, release_id, major, minor, patch }) => `${identity} ${release_id} ${major}.${minor}.${patch}`,
  );
}

/** The releases of some versions, for a section that has no figures of them to tell. */
export async function releasesOfVersions(db: Db, versionIds: readonly number[]): Promise<ReleaseFacts[]> {
  if (versionIds.length === 0) return [];
  const rows = await db
    .selectFrom('data_set_version as v')
    .innerJoin('data_set as d', 'd.id', 'v.data_set_id')
    .innerJoin('release as r', 'r.id', 'v.release_id')
    .innerJoin('publication as p', 'p.slug', 'r.publication')
    .select(['v.major', 'v.minor', 'v.patch', 'v.published_at', 'd.title as data_set'])
    .select(['r.title', 'r.status', 'r.url', 'r.publication', 'p.title as publication_title'])
    .where('v.id', 'in', [...versionIds])
    .orderBy('v.id')
    .execute();
  return rows.map((row) => ({
    publication: publicationTitle(row.publication, row.publication_title),
    title: row.title,
    status: publicationStatus(row.publication, row.status ?? undefined),
    url: row.url ?? undefined,
    dataSet: row.data_set,
    version: `${row.major}.${row.minor}.${row.patch}`,
    publishedAt: row.published_at,
  }));
}

/** How many events of these runs, under rules that notify one of the groups, a silence kept back. */
export async function silencedIn(
  db: Db,
  runIds: readonly number[],
  groups: readonly string[],
  rules: readonly Rule[],
): Promise<number> {
  const names = rules.filter(({ notify }) => notify.some((group) => groups.includes(group))).map(({ name }) => name);
  if (names.length === 0 || runIds.length === 0) return 0;
  const row = await db
    .selectFrom('alert')
    .select(({ fn }) => fn.countAll<string>().as('silenced'))
    .where('muted', '=', 'silence')
    .where('run_id', 'in', [...runIds])
    .where('rule', 'in', names)
    .executeTakeFirst();
  return Number(row?.silenced ?? 0);
}
