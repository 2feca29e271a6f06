/** Puts releases with figures straight into the tables, for tests of what the rules make of them. */
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { Store } from '../../src/load/database.js';
import { academicPeriod, weekPeriod, type Period, type TimeIdentifier } from '../../src/domain/period.js';
import { measureMask, MEASURES, type Measure } from '../../src/domain/measure.js';
import { familyOf, seriesId } from '../../src/domain/series.js';

export interface AreaOf {
  readonly level: string;
  readonly key: string;
  readonly name: string;
  readonly regionCode?: string;
}

export const LUTON: AreaOf = { level: 'Local authority', key: '821', name: 'Luton', regionCode: 'E12000006' };
export const BEDFORD: AreaOf = { level: 'Local authority', key: '822', name: 'Bedford', regionCode: 'E12000006' };
export const CUMBRIA: AreaOf = { level: 'Local authority', key: '909', name: 'Cumbria', regionCode: 'E12000002' };
export const ENGLAND: AreaOf = { level: 'National', key: 'E92000001', name: 'England' };

/** 'area, period' to a value in percent, or a symbol: figures of severe absence unless `measure` says otherwise. */
export interface NewVersion {
  readonly publication?: string;
  readonly release: string;
  readonly dataSet?: string;
  /** ISO time or day; the release's order too, unless `firstPublished`. */
  readonly published: string;
  readonly measure?: Measure;
  readonly identifier?: Exclude<TimeIdentifier, `Week ${number}`>;
  readonly schoolType?: string;
  readonly breakdown?: { readonly topic: string; readonly name: string };
  readonly enrolments?: string | null;
  /** Rows: area, first calendar year (or [year, week]), value or symbol, day for running totals. */
  readonly rows: readonly (readonly [AreaOf, number | readonly [number, number], string, string?])[];
}

const NO_VALUES = Object.fromEntries(MEASURES.map((name) => [name, null])) as Record<Measure, null>;

export class FiguresWorld {
  readonly #ids = new Map<string, number>();
  #patch = 0;

  constructor(readonly store: Store) {}

  /** Loads a version, as the loader leaves it: current within its release, not yet evaluated. @returns its id */
  async load(version: NewVersion): Promise<number> {
    const { db } = this.store;
    const publication = version.publication ?? 'pupil-absence-in-schools-in-england';
    const family = familyOf(publication);
    await db
      .insertInto('publication')
      .values({ slug: publication, title: publication, family, ees_id: null })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    const releaseId = await this.#once(`release ${publication} ${version.release}`, () =>
      db
        .insertInto('release')
        .values({
          ...{ publication, title: version.release, slug: version.release, status: null, url: null },
          first_published: version.published,
        })
        .returning('id')
        .executeTakeFirstOrThrow(),
    );
    const title = version.dataSet ?? 'Absence';
    const dataSetId = await this.#once(`data set ${publication} ${title}`, () =>
      db
        .insertInto('data_set')
        .values({ publication, identity: `${publication} ${title}`, title, api_id: null })
        .returning('id')
        .executeTakeFirstOrThrow(),
    );
    const { id } = await db
      .insertInto('data_set_version')
      .values({
        ...{ data_set_id: dataSetId, release_id: releaseId, major: 1, minor: 0, patch: this.#patch++, state: 'loaded' },
        ...{ published_at: version.published, loaded_at: version.published, source: '{}', sha256: randomUUID() },
        ...{ file_name: 'test.csv', bytes: 1, rows: version.rows.length, areas: 1, run_id: null },
        ...{ notes: '[]', history: '[]', evaluated_at: null },
      })
      .returning('id')
      .executeTakeFirstOrThrow();
    await this.#chooseCurrent(dataSetId, releaseId);
    for (const row of version.rows) await this.#figure(id, family, version, row);
    return id;
  }

  /** Takes a version back, as `versions remove`, `versions unaccept` or a withdrawal does. */
  async remove(id: number, at: Date, state: 'removed' | 'quarantined' | 'withdrawn' = 'removed'): Promise<void> {
    const row = await this.store.db
      .updateTable('data_set_version')
      .set({ state, is_current: false, ended_at: at })
      .where('id', '=', id)
      .returning(['data_set_id', 'release_id'])
      .executeTakeFirstOrThrow();
    await this.#chooseCurrent(row.data_set_id, row.release_id);
  }

  /** Empties everything: quicker than another database. */
  async reset(): Promise<void> {
    await sql`
      truncate publication, release, data_set, data_set_version, area, series, period, school_type, breakdown, figure,
        alert_rule, alert, alert_state, notification, silence cascade`.execute(this.store.db);
    this.#ids.clear();
  }

  async areaId(area: AreaOf): Promise<number> {
    return this.#once(`area ${area.level} ${area.key}`, () =>
      this.store.db
        .insertInto('area')
        .values({
          ...{ level: area.level, key: area.key, code: area.key, name: area.name, aliases: '[]' },
          old_la_code: area.level === 'Local authority' ? area.key : null,
          ...{
            region_code: area.regionCode ?? null,
            region_name: null,
            named_by: this.#ids.get('any version') ?? null,
          },
        })
        .returning('id')
        .executeTakeFirstOrThrow(),
    );
  }

  async #chooseCurrent(dataSetId: number, releaseId: number): Promise<void> {
    const { db } = this.store;
    const versions = await db
      .selectFrom('data_set_version')
      .select('id')
      .where('data_set_id', '=', dataSetId)
      .where('release_id', '=', releaseId)
      .where('state', '=', 'loaded')
      .orderBy('published_at', 'desc')
      .orderBy('patch', 'desc')
      .execute();
    await db
      .updateTable('data_set_version')
      .set({ is_current: false })
      .where('data_set_id', '=', dataSetId)
      .where('release_id', '=', releaseId)
      .execute();
    const [newest] = versions;
    if (newest === undefined) return;
    this.#ids.set('any version', newest.id);
    await db.updateTable('data_set_version').set({ is_current: true }).where('id', '=', newest.id).execute();
  }

  async #figure(
    versionId: number,
    family: string,
    version: NewVersion,
    row: NewVersion['rows'][number],
  ): Promise<void> {
    const [area, when, value, day] = row;
    const period: Period =
      typeof when === 'number' ? academicPeriod(when, version.identifier ?? 'Academic year') : weekPeriod(...when);
    const { db } = this.store;
    const series = seriesId(family, period);
    const breakdown = version.breakdown ?? { topic: 'Total', name: 'Total' };
    const schoolType = version.schoolType ?? 'Total';
    const measure = version.measure ?? 'severe_absence_rate';
    const number = /^-?[\d.]+$/.test(value);
    const enrolments = version.enrolments === undefined ? '1000' : version.enrolments;
    await db
      .insertInto('figure')
      .values({
        version_id: versionId,
        area_id: await this.areaId(area),
        series_id: await this.#once(`series ${series}`, () =>
          db.insertInto('series').values({ name: series, family }).returning('id').executeTakeFirstOrThrow(),
        ),
        period_id: await this.#once(`period ${period.timePeriod} ${period.timeIdentifier}`, () =>
          db
            .insertInto('period')
            .values({
              ...{ time_period: period.timePeriod, time_identifier: period.timeIdentifier, kind: period.kind },
              ...{ start_year: period.startYear, academic_year: period.academicYear },
              ...{ label: period.label, sort: period.sort },
            })
            .returning('id')
            .executeTakeFirstOrThrow(),
        ),
        school_type_id: await this.#once(`type ${schoolType}`, () =>
          db.insertInto('school_type').values({ name: schoolType }).returning('id').executeTakeFirstOrThrow(),
        ),
        breakdown_id: await this.#once(`breakdown ${breakdown.topic} ${breakdown.name}`, () =>
          db.insertInto('breakdown').values(breakdown).returning('id').executeTakeFirstOrThrow(),
        ),
        as_of: day ?? 'infinity',
        has: measureMask(enrolments === null ? [measure] : ['enrolments', measure]),
        computed: 0,
        ...NO_VALUES,
        enrolments,
        [measure]: number ? value : null,
        symbols: number ? null : JSON.stringify({ [measure]: value }),
      })
      .execute();
  }

  async #once(key: string, insert: () => Promise<{ id: number }>): Promise<number> {
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const { id } = await insert();
    this.#ids.set(key, id);
    return id;
  }
}

/** A release of full-year figures: name of an area to percent or symbol. */
export function year(
  startYear: number,
  figures: Readonly<Record<string, string | undefined>>,
  more: Partial<NewVersion> = {},
): NewVersion {
  const areas = { Luton: LUTON, Bedford: BEDFORD, England: ENGLAND, Cumbria: CUMBRIA };
  return {
    release: `Academic year ${startYear}`,
    published: `${startYear + 2}-03-20T09:30:00Z`,
    rows: Object.entries(areas).flatMap(([name, area]) => {
      const value = figures[name];
      return value === undefined ? [] : [[area, startYear, value] as const];
    }),
    ...more,
  };
}
