/** Mails that were given up and would tell, sent now, what something since has made untrue. */
import { sql, type Kysely } from 'kysely';
import type { Database } from '../load/schema.js';

export interface OvertakenMail {
  readonly id: number;
  readonly address: string;
  readonly subject: string;
  /** The newest event that overtook it, or that the figures of its brief were taken back. */
  readonly since: 'corrected' | 'cleared' | 'area ended' | 'taken back';
}

/**
 * Dead mails of which some news was corrected, cleared or closed since, or whose brief is on figures that count no more:
 * whether the recipient was told of that or a silence, a pause or a backfill kept it quiet. Not where what followed is to
 * come after the mail, itself given up, waiting or still to be written: then the last word is the right one. A backfill
 * records what it finds of older periods later, and overtakes nothing.
 */
export async function overtakenMails(db: Kysely<Database>): Promise<OvertakenMail[]> {
  let left: OvertakenMail[] = [];
  for (;;) {
    const found = await overtakenWithout(db, left);
    if (found.length === left.length) return found;
    // One that is left tells nobody anything: what it would have corrected is left with it.
    left = found;
  }
}

/** @param left mails that will not be sent, so that what they tell comes after nothing */
async function overtakenWithout(db: Kysely<Database>, left: readonly OvertakenMail[]): Promise<OvertakenMail[]> {
  const { rows } = await sql<OvertakenMail>`
    with over as (
      select m.id, later.event as since, later.id as at
      from mail m
      join notification n on n.mail_id = m.id
      join alert e on e.id = n.alert_id
      join period p on p.id = e.period_id
      join alert later on later.rule = e.rule and later.area_id = e.area_id and later.series_id = e.series_id
        and later.school_type_id = e.school_type_id and later.breakdown_id = e.breakdown_id and later.id > e.id
      join period q on q.id = later.period_id
      where m.state = 'dead'
        and (later.event in ('cleared', 'area ended') and (q.sort, later.as_of) >= (p.sort, e.as_of)
          or later.event = 'corrected' and later.period_id = e.period_id and later.as_of = e.as_of)
        and not exists (
          select 1 from notification owed
          left join mail next on next.id = owed.mail_id
          where owed.alert_id = later.id and lower(owed.address) = lower(m.address)
            and (next.id is null or next.id = m.id or next.id > m.id and next.state in ('queued', 'dead')
              and next.id <> all(${left.map(({ id }) => id)}::bigint[])))
      union all
      select m.id, 'taken back', null
      from mail m
      join notification n on n.mail_id = m.id and n.kind = 'brief'
      where m.state = 'dead' and not exists (
        select 1 from data_set_version v where n.payload -> 'versionIds' @> to_jsonb(v.id) and v.state = 'loaded')
    )
    select distinct on (m.id) m.id, m.address, m.subject, over.since
    from over join mail m on m.id = over.id
    order by m.id, over.at desc nulls last`.execute(db);
  return rows;
}
