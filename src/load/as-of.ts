/** Rows of the view `absence` as they stood at an earlier time of publication. */
import type { Store } from './database.js';
import { figuresAsOf } from './figures.js';
import type { SeriesQuery } from './inspect.js';
import { MEASURES, type Measure } from '../domain/measure.js';
import type { AbsenceView, Provenance } from './schema.js';

/** What the view would have shown at `at`. Areas are called as they are now. */
export async function seriesAsOf(store: Store, query: SeriesQuery, at: Date): Promise<AbsenceView[]> {
  const { db } = store;
  const figures = await figuresAsOf(db, {
    at,
    areaIds: query.areaIds,
    schoolType: query.schoolType,
    breakdown: { topic: query.breakdownTopic, breakdown: query.breakdown },
  });
  const [areas, series, periods, versions] = await Promise.all([
    db
      .selectFrom('area')
      .selectAll()
      .where('id', 'in', [...query.areaIds, -1])
      .execute(),
    db.selectFrom('series').selectAll().execute(),
    db.selectFrom('period').selectAll().execute(),
    db
      .selectFrom('data_set_version as v')
      .innerJoin('data_set as d', 'd.id', 'v.data_set_id')
      .innerJoin('release as r', 'r.id', 'v.release_id')
      .select([
        'v.id',
        'v.major',
        'v.minor',
        'v.patch',
        'v.published_at',
        'v.loaded_at',
        'd.title as data_set',
        'r.publication',
        'r.title as release',
      ])
      .execute(),
  ]);
  const areaOf = new Map(areas.map((area) => [area.id, area]));
  const seriesOf = new Map(series.map((each) => [each.id, each]));
  const periodOf = new Map(periods.map((period) => [period.id, period]));
  const versionOf = new Map(versions.map((version) => [version.id, version]));
  return figures.flatMap((figure): AbsenceView[] => {
    const area = areaOf.get(figure.areaId);
    const ofSeries = seriesOf.get(figure.seriesId);
    const period = periodOf.get(figure.periodId);
    const version = versionOf.get(figure.versionId);
    if (area === undefined || ofSeries === undefined || period === undefined || version === undefined) return [];
    if (query.timeIdentifier !== undefined && period.time_identifier !== query.timeIdentifier) return [];
    const value = (measure: Measure): string | null => figure.values[measure] ?? null;
    const provenance: Record<string, Provenance> = {};
    for (const measure of MEASURES) {
      const source = figure.provenance[measure];
      const from = source === undefined ? undefined : versionOf.get(source.versionId);
      if (source === undefined || from === undefined) continue;
      provenance[measure] = {
        data_set: from.data_set,
        version: `${from.major}.${from.minor}.${from.patch}`,
        release: from.release,
        published_at: from.published_at.toISOString(),
        ...(source.computed ? { computed: true } : {}),
        ...(source.asOf === undefined || source.asOf === figure.asOf ? {} : { as_of: source.asOf }),
      };
    }
    return [
      {
        series: ofSeries.name,
        publication: version.publication,
        release: version.release,
        data_set: version.data_set,
        data_set_version: `${version.major}.${version.minor}.${version.patch}`,
        published_at: version.published_at,
        loaded_at: version.loaded_at,
        time_period: period.time_period,
        time_identifier: period.time_identifier,
        period_label: period.label,
        academic_year: period.academic_year,
        geographic_level: area.level,
        area_code: area.code,
        old_la_code: area.old_la_code,
        area_name: area.name,
        region_code: area.region_code,
        region_name: area.region_name,
        school_type: query.schoolType,
        breakdown_topic: query.breakdownTopic,
        breakdown: query.breakdown,
        enrolments: value('enrolments'),
        persistent_absentees: value('persistent_absentees'),
        persistent_absence_rate: value('persistent_absence_rate'),
        severe_absentees: value('severe_absentees'),
        severe_absence_rate: value('severe_absence_rate'),
        overall_absence_rate: value('overall_absence_rate'),
        authorised_absence_rate: value('authorised_absence_rate'),
        unauthorised_absence_rate: value('unauthorised_absence_rate'),
        as_of: figure.asOf === 'infinity' ? null : figure.asOf,
        symbols: figure.symbols,
        provenance,
      },
    ];
  });
}
