/** Everything that must be the same whatever was killed: figures, versions, events, states, what is owed and what went. */
import { sql } from 'kysely';
import type { Store } from '../../../src/load/database.js';

/** Rows by what they are rows of, each as one line of text; sorted, without ids and times of our own. */
export type Snapshot = Readonly<Record<string, readonly string[]>>;

const WHOLE_TABLES = {
  absence: sql`select to_jsonb(a) - 'loaded_at' as row from absence a`,
  // Where a version was withdrawn, the time at which we noticed ends it, and begins what it had replaced.
  absence_history: sql`
    select to_jsonb(a) - 'loaded_at' - 'valid_from' - 'valid_to'
      || jsonb_build_object(
        'valid_from', case when valid_from in (select published_at from data_set_version)
           then valid_from::text else 'withdrawn' end,
        'valid_to', case when valid_to in (select published_at from data_set_version)
           then valid_to::text when valid_to is not null then 'withdrawn' end) as row
    from absence_history a`,
  alert_event: sql`select to_jsonb(a) - 'at' as row from alert_event a`,
};

/** An alert by what it says, not by its number. */
const ALERT = sql`
  (select jsonb_build_array(e.rule, e.event, e.measure, ar.level, ar.key, s.name, p.label, st.name, b.topic, b.name,
          e.as_of, e.value, e.previous_value, e.threshold, e.in_breach, e.muted)
   from alert e join area ar on ar.id = e.area_id join series s on s.id = e.series_id
     join period p on p.id = e.period_id join school_type st on st.id = e.school_type_id
     join breakdown b on b.id = e.breakdown_id
   where e.id = said.id)`;

const COMPOSED = {
  versions: sql`
    select jsonb_build_array(d.publication, r.title, d.title, v.major, v.minor, v.patch, v.state, v.is_current,
      v.published_at, v.sha256, v.rows, v.areas, v.notes, v.shape, v.evaluated_at is not null,
      (select count(*) from figure f where f.version_id = v.id)) as row
    from data_set_version v join data_set d on d.id = v.data_set_id join release r on r.id = v.release_id`,
  gates: sql`
    select jsonb_build_array(d.title, r.title, v.sha256, g.gate, g.verdict, g.message) as row
    from gate_result g join data_set_version v on v.id = g.version_id join data_set d on d.id = v.data_set_id
      join release r on r.id = v.release_id`,
  diffs: sql`
    select jsonb_build_array(v.sha256, w.sha256, f.added, f.gone, f.changed, f.sample) as row
    from version_diff f join data_set_version v on v.id = f.version_id
      left join data_set_version w on w.id = f.previous_id`,
  areas: sql`
    select jsonb_build_array(level, key, code, old_la_code, name, region_code, region_name, aliases) as row from area`,
  states: sql`
    select jsonb_build_array(t.rule, ar.level, ar.key, s.name, st.name, b.topic, b.name, t.epoch, t.in_breach, t.before,
      p.label, t.as_of, t.value, t.symbol, t.compared, t.mailed,
      (select said.row from (select e.id, e.rule as row from alert e) said where said.id = t.opened_by)) as row
    from alert_state t join area ar on ar.id = t.area_id join series s on s.id = t.series_id
      join school_type st on st.id = t.school_type_id join breakdown b on b.id = t.breakdown_id
      left join period p on p.id = t.period_id`,
  rules: sql`select jsonb_build_array(rule, fingerprint, areas) as row from alert_rule`,
  owed: sql`
    select jsonb_build_array(n.kind, n.address, n.recipient_group, n.due_at is not null, m.state, m.subject,
      (select ${ALERT} from (select n.alert_id as id) said)) as row
    from notification n left join mail m on m.id = n.mail_id`,
  mails: sql`select jsonb_build_array(address, kind, state, subject) as row from mail`,
};

/** Reads it all. The order of rows in the database means nothing. */
export async function snapshot(store: Pick<Store, 'db'>): Promise<Snapshot> {
  const all: Record<string, string[]> = {};
  for (const [name, query] of Object.entries({ ...WHOLE_TABLES, ...COMPOSED })) {
    const { rows } = await sql<{ row: string }>`select q.row::text as row from (${query}) q`.execute(store.db);
    all[name] = rows.map(({ row }) => row).sort();
  }
  return all;
}

export function countRows(snapshot: Snapshot): number {
  return Object.values(snapshot).reduce((total, rows) => total + rows.length, 0);
}

/** What is in one and not in the other, for people; empty when they are equal. */
export function differences(expected: Snapshot, found: Snapshot): string[] {
  const said: string[] = [];
  for (const name of new Set([...Object.keys(expected), ...Object.keys(found)])) {
    const counts = new Map<string, number>();
    for (const row of expected[name] ?? []) counts.set(row, (counts.get(row) ?? 0) - 1);
    for (const row of found[name] ?? []) counts.set(row, (counts.get(row) ?? 0) + 1);
    for (const [row, count] of counts)
      if (count !== 0) said.push(`${name}: ${count > 0 ? `${count} too many` : `${-count} missing`}: ${row}`);
  }
  return said;
}
