/** The least that makes a mail tell of a data set version: what was published when, and loaded when. */
import type { Store } from '../../src/load/database.js';

export interface News {
  readonly published: Date;
  readonly loaded: Date;
  /** Whose run loaded and told it. */
  readonly trigger?: string;
  /** As a brief (payload) or as an alert (row of its own). */
  readonly as?: 'brief' | 'alert';
}

/** Ties a queued mail to a version published and loaded at these times. */
export async function tellsOf(store: Store, mailId: number, news: News): Promise<void> {
  const { db } = store;
  const tag = `news-${mailId}`;
  await db.insertInto('publication').values({ slug: tag, title: tag, family: tag, ees_id: null }).execute();
  const release = await db
    .insertInto('release')
    .values({ publication: tag, title: tag, slug: tag, status: null, url: null, first_published: news.published })
    .returning('id')
    .executeTakeFirstOrThrow();
  const dataSet = await db
    .insertInto('data_set')
    .values({ publication: tag, identity: tag, title: tag, api_id: null })
    .returning('id')
    .executeTakeFirstOrThrow();
  const version = await db
    .insertInto('data_set_version')
    .values({
      data_set_id: dataSet.id,
      release_id: release.id,
      major: 1,
      minor: 0,
      patch: 0,
      state: 'loaded',
      published_at: news.published,
      loaded_at: news.loaded,
      source: '{}',
      sha256: tag,
      file_name: tag,
      bytes: 1,
      rows: 1,
      areas: 1,
      run_id: null,
      notes: '[]',
      history: '[]',
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  const run = await db
    .insertInto('run_record')
    .values({ trigger: news.trigger ?? 'schedule', started_at: news.loaded, outcome: 'done', detail: '{}' })
    .returning('id')
    .executeTakeFirstOrThrow();
  const alertId = news.as === 'alert' ? await alert(store, tag, release.id, version.id, news.loaded) : null;
  await db
    .insertInto('notification')
    .values({
      kind: alertId === null ? 'brief' : 'alert',
      address: 'a@luton.example',
      recipient_group: 'team',
      alert_id: alertId,
      payload: alertId === null ? JSON.stringify({ areaId: 1, releaseId: release.id, versionIds: [version.id] }) : null,
      run_id: run.id,
      fingerprint: tag,
      due_at: news.loaded,
      mail_id: mailId,
      created_at: news.loaded,
    })
    .execute();
}

async function alert(store: Store, tag: string, releaseId: number, versionId: number, at: Date): Promise<number> {
  const { db } = store;
  const area = await db
    .insertInto('area')
    .values({
      level: tag,
      key: tag,
      code: tag,
      old_la_code: null,
      name: tag,
      region_code: null,
      region_name: null,
      aliases: '[]',
      named_by: null,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  const series = await db
    .insertInto('series')
    .values({ name: tag, family: tag })
    .returning('id')
    .executeTakeFirstOrThrow();
  const period = await db
    .insertInto('period')
    .values({
      time_period: '202425',
      time_identifier: tag,
      kind: 'year',
      start_year: 2024,
      academic_year: '2024/25',
      label: tag,
      sort: 1,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  const schoolType = await db.insertInto('school_type').values({ name: tag }).returning('id').executeTakeFirstOrThrow();
  const breakdown = await db
    .insertInto('breakdown')
    .values({ topic: tag, name: tag })
    .returning('id')
    .executeTakeFirstOrThrow();
  const { id } = await db
    .insertInto('alert')
    .values({
      at,
      rule: tag,
      event: 'crossed',
      reason: tag,
      measure: 'severe_absence_rate',
      area_id: area.id,
      series_id: series.id,
      period_id: period.id,
      school_type_id: schoolType.id,
      breakdown_id: breakdown.id,
      as_of: 'infinity',
      in_breach: true,
      value: '2.1',
      previous_value: null,
      threshold: '2.0',
      release_id: releaseId,
      version_id: versionId,
      run_id: null,
      muted: null,
      fingerprint: tag,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}
