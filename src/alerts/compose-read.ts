/** Reads what is owed to a recipient, as the mail tells it. */
import { sql, type Kysely } from 'kysely';
import * as z from 'zod';
import { isMeasure, measureBit, type Measure } from '../domain/measure.js';
import { periodOf } from '../domain/period.js';
import { publicationStatus, publicationTitle } from '../domain/publications.js';
import type { EventKind, Rule } from '../domain/rule.js';
import type { Database } from '../load/schema.js';
import type { BriefArea, ReleaseFacts } from './brief-model.js';
import type { Lacking } from './due-briefs.js';
import type { MailNews } from './mail-model.js';
import { bareAddress } from './record.js';

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
  readonly lacking?: Lacking | undefined;
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

/**
 * Was the rule in breach with the figure of a correction before that? A figure without an earlier event is corrected only
 * where its state turned.
 */
export async function stoodBefore(db: Db, { alertId, news }: RecordedNews): Promise<boolean> {
  const row = await db
    .selectFrom('alert as e')
    .innerJoin('alert as this', (join) =>
      join
        .onRef('this.rule', '=', 'e.rule')
        .onRef('this.area_id', '=', 'e.area_id')
        .onRef('this.series_id', '=', 'e.series_id')
        .onRef('this.period_id', '=', 'e.period_id')
        .onRef('this.school_type_id', '=', 'e.school_type_id')
        .onRef('this.breakdown_id', '=', 'e.breakdown_id')
        .onRef('this.as_of', '=', 'e.as_of'),
    )
    .select('e.in_breach')
    .where('this.id', '=', alertId)
    .where('e.id', '<', alertId)
    .orderBy('e.id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.in_breach ?? !news.inBreach;
}

/**
 * What mails told an address of the figures of some events before those, under the rules as they are: by event whether the
 * rule was in breach after the last of it. None of an event before which they told nothing of its figure. A mail that is
 * tried counts, whatever became of it.
 */
export async function toldBefore(
  db: Db,
  address: string,
  alertIds: readonly number[],
): Promise<ReadonlyMap<number, boolean>> {
  const bare = bareAddress(address);
  const { rows } = await sql<{ id: number; in_breach: boolean; address: string }>`
    select this.id, e.in_breach, n.address
    from alert this
    join alert e on e.rule = this.rule and e.area_id = this.area_id and e.series_id = this.series_id
      and e.school_type_id = this.school_type_id and e.breakdown_id = this.breakdown_id
      and e.period_id = this.period_id and e.as_of = this.as_of and e.id < this.id
    join notification n on n.alert_id = e.id and n.mail_id is not null and strpos(lower(n.address), ${bare}) > 0
    left join alert_rule r on r.rule = this.rule
    where this.id = any(${[...alertIds]}::bigint[]) and e.at >= coalesce(r.first_seen, e.at)
    order by e.id`.execute(db);
  return new Map(
    rows.filter((row) => bareAddress(row.address) === bare).map(({ id, in_breach: inBreach }) => [id, inBreach]),
  );
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

/**
 * Did a mail that was sent tell the address before something of what these notifications tell of: the same release, and in
 * it the same period and day? Local files of one label are one release, whatever they are about. A brief is about the
 * newest finished period of its versions, or the one that they have no figure for. What a new or edited rule tells first
 * of a version that had been evaluated before came no later than the other figures: the rule did.
 * @param owedIds notifications that go into the mail now
 */
export async function wasTold(db: Db, address: string, owedIds: readonly number[]): Promise<boolean> {
  if (owedIds.length === 0) return false;
  const { rows } = await sql`
    with about as (
      select n.id, n.mail_id, lower(n.address) as address, n.payload, n.alert_id,
        coalesce(e.release_id, (n.payload ->> 'releaseId')::integer) as release_id, e.period_id, e.as_of
      from notification n
      left join alert e on e.id = n.alert_id
      where lower(n.address) = ${address} and n.kind in ('alert', 'brief')
    ), own as materialized (
      select * from about where id in (${sql.join([...owedIds])}) and not exists (
        select 1 from alert e join data_set_version v on v.id = e.version_id
        where e.id = about.alert_id and v.evaluated_at < e.at
          and (e.event = 'baseline' or exists (
            select 1 from alert_rule r where r.rule = e.rule and r.first_seen = e.at
          ))
      )
    ), earlier as materialized (
      select about.* from about
      join mail m on m.id = about.mail_id and m.state = 'sent'
      where release_id in (select release_id from own)
    ), told as (${toldOf('own')}), before as (${toldOf('earlier')})
    select 1 from told join before using (release_id, period_id, as_of) limit 1`.execute(db);
  return rows.length > 0;
}

/**
 * Is one of these notifications about a version that a gate held back when it came, and that was accepted in a later run,
 * as the rules saw it then?
 */
export async function wasHeldBack(db: Db, owedIds: readonly number[]): Promise<boolean> {
  if (owedIds.length === 0) return false;
  const { rows } = await sql`
    select 1
    from notification n
    left join alert e on e.id = n.alert_id
    join data_set_version v on v.id = e.version_id or n.payload -> 'versionIds' @> to_jsonb(v.id)
    where n.id in (${sql.join([...owedIds])})
      and v.state = 'loaded' and v.evaluated_at = n.created_at and v.run_id is distinct from n.run_id
      and exists (select 1 from jsonb_array_elements(v.history) h where h ->> 'what' like 'accepted %')
    limit 1`.execute(db);
  return rows.length > 0;
}

/** Release, period and day of each alert, and of each brief the newest period of each series. */
function toldOf(notifications: 'own' | 'earlier') {
  return sql`
    select release_id, period_id, as_of from ${sql.table(notifications)} where alert_id is not null
    union
    select b.release_id, newest.period_id, 'infinity'::date from ${sql.table(notifications)} b
    cross join lateral (
      select distinct on (f.series_id) f.period_id
      from figure f
      join period p on p.id = f.period_id and p.kind = 'finished'
      where f.version_id in (select v::integer from jsonb_array_elements_text(b.payload -> 'versionIds') v)
        and f.area_id = (b.payload ->> 'areaId')::integer
      order by f.series_id, p.sort desc
    ) newest
    where b.alert_id is null and b.payload -> 'lacking' is null
    union
    select release_id, (payload -> 'lacking' ->> 'periodId')::integer, 'infinity'::date
    from ${sql.table(notifications)} where payload -> 'lacking' is not null`;
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

/**
 * Message-IDs of the mails to the address on the same alert since it was raised, oldest first: the thread of a single
 * alert. A crossing starts a thread of its own.
 */
export async function threadOf(db: Db, address: string, { alertId, news }: RecordedNews): Promise<string[]> {
  if (news.event === 'crossed' || news.event === 'baseline') return [];
  const rows = await db
    .selectFrom('alert as e')
    .innerJoin('alert as this', (join) =>
      join
        .onRef('this.rule', '=', 'e.rule')
        .onRef('this.area_id', '=', 'e.area_id')
        .onRef('this.series_id', '=', 'e.series_id')
        .onRef('this.school_type_id', '=', 'e.school_type_id')
        .onRef('this.breakdown_id', '=', 'e.breakdown_id'),
    )
    .innerJoin('notification as n', 'n.alert_id', 'e.id')
    .innerJoin('mail as m', 'm.id', 'n.mail_id')
    .select(['e.id', 'e.event', 'm.message_id'])
    .where('this.id', '=', alertId)
    .where('e.id', '<', alertId)
    .where(sql<boolean>`lower(n.address) = ${address}`)
    .where('m.state', '!=', 'skipped')
    .orderBy('e.id')
    .execute();
  const opened = rows.findLastIndex(({ event }) => event === 'crossed' || event === 'baseline');
  return [...new Set(rows.slice(Math.max(opened, 0)).map(({ message_id: id }) => id))];
}
