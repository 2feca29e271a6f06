/** What an address was told before what it is owed now. */
import { sql, type Kysely } from 'kysely';
import type { Database } from '../load/schema.js';
import type { RecordedNews } from './compose-read.js';
import { bareAddress } from './record.js';

type Db = Kysely<Database>;

/** Event `e` is of the alert of event `this`: of one rule, one area, one series and its pupils. */
const SAME_ALERT = sql`e.rule = this.rule and e.area_id = this.area_id and e.series_id = this.series_id
  and e.school_type_id = this.school_type_id and e.breakdown_id = this.breakdown_id`;
/** … and about the same figure. */
const SAME_FIGURE = sql`${SAME_ALERT} and e.period_id = this.period_id and e.as_of = this.as_of`;

/** How a rule stood with a figure, by the event that said so. */
export interface StoodBefore {
  readonly event: string;
  readonly inBreach: boolean;
  readonly isMuted: boolean;
}

/** How the rule stood with the figure of an event before that; undefined where no earlier event is about the figure. */
export async function stoodBefore(db: Db, alertId: number): Promise<StoodBefore | undefined> {
  const { rows } = await sql<{ event: string; in_breach: boolean; muted: string | null }>`
    select e.event, e.in_breach, e.muted
    from alert this join alert e on ${SAME_FIGURE} and e.id < this.id
    where this.id = ${alertId}
    order by e.id desc
    limit 1`.execute(db);
  const [row] = rows;
  return row === undefined ? undefined : { event: row.event, inBreach: row.in_breach, isMuted: row.muted !== null };
}

/** The last that mails told an address of an alert, of whichever figure. */
export interface LastWord {
  readonly inBreach: boolean;
  /** Decimal text of what was held against the line; null where there was none. */
  readonly compared: string | null;
}

/**
 * What mails told an address last of the alert of an event before that, under the rule as it is; undefined where that is
 * nothing. A mail that is tried counts, whatever became of it.
 */
export async function lastWordBefore(db: Db, address: string, alertId: number): Promise<LastWord | undefined> {
  const bare = bareAddress(address);
  const { rows } = await sql<{ in_breach: boolean; compared: string | null; address: string }>`
    select e.in_breach, e.compared, n.address
    from alert this
    join alert e on ${SAME_ALERT} and e.id < this.id
    join notification n on n.alert_id = e.id and n.mail_id is not null and strpos(lower(n.address), ${bare}) > 0
    left join alert_rule r on r.rule = this.rule
    where this.id = ${alertId} and e.at >= coalesce(r.first_seen, e.at)
    order by e.id`.execute(db);
  const last = rows.findLast((row) => bareAddress(row.address) === bare);
  return last === undefined ? undefined : { inBreach: last.in_breach, compared: last.compared };
}

/** The last that mails told an address of a figure. */
export interface LastTold {
  /** Decimal text; null where that was that there is none. */
  readonly value: string | null;
  /** How the rule stood after it. */
  readonly inBreach: boolean;
  /** Decimal text of what was held against the line; null where there was none. */
  readonly compared: string | null;
}

interface ToldRow {
  readonly id: number;
  readonly value: string | null;
  readonly in_breach: boolean;
  readonly compared: string | null;
  readonly address: string;
}

/**
 * What mails told an address last of the figures of some events before those, under the rules as they are, by event. None
 * of an event before which they told nothing of its figure. A mail that is tried counts, whatever became of it.
 */
export async function toldBefore(
  db: Db,
  address: string,
  alertIds: readonly number[],
): Promise<ReadonlyMap<number, LastTold>> {
  const bare = bareAddress(address);
  const { rows } = await sql<ToldRow>`
    select this.id, e.value, e.in_breach, e.compared, n.address
    from alert this
    join alert e on ${SAME_FIGURE} and e.id < this.id
    join notification n on n.alert_id = e.id and n.mail_id is not null and strpos(lower(n.address), ${bare}) > 0
    left join alert_rule r on r.rule = this.rule
    where this.id = any(${[...alertIds]}::bigint[]) and e.at >= coalesce(r.first_seen, e.at)
    order by e.id`.execute(db);
  return new Map(
    rows
      .filter((row) => bareAddress(row.address) === bare)
      .map(({ id, value, in_breach: inBreach, compared }) => [id, { value, inBreach, compared }]),
  );
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

/**
 * Message-IDs of the mails to the address on the same alert since it was raised, oldest first: the thread of a single
 * alert. A crossing starts a thread of its own.
 */
export async function threadOf(db: Db, address: string, { alertId, news }: RecordedNews): Promise<string[]> {
  if (news.event === 'crossed' || news.event === 'baseline') return [];
  const { rows } = await sql<{ event: string; message_id: string }>`
    select e.event, m.message_id
    from alert this
    join alert e on ${SAME_ALERT} and e.id < this.id
    join notification n on n.alert_id = e.id and lower(n.address) = ${address}
    join mail m on m.id = n.mail_id and m.state <> 'skipped'
    where this.id = ${alertId}
    order by e.id`.execute(db);
  const opened = rows.findLastIndex(({ event }) => event === 'crossed' || event === 'baseline');
  return [...new Set(rows.slice(Math.max(opened, 0)).map(({ message_id: id }) => id))];
}
