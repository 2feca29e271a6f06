/** A brief as one JSON document: figures as numbers, each number of the prose with where it stands. */
import type { Brief } from './brief-model.js';

/** Column names as in the view `absence`; `numbers` of a sentence in the order they are read. */
export function briefJson(brief: Brief): Record<string, unknown> {
  return {
    area_name: brief.area.name,
    area_code: brief.area.code,
    geographic_level: brief.area.level,
    series: brief.series,
    school_type: brief.schoolType,
    time_period: brief.period.timePeriod,
    time_identifier: brief.period.timeIdentifier,
    period_label: brief.period.label,
    headline: brief.headline,
    period_ended: brief.periodEnded,
    paragraphs: brief.paragraphs,
    table: brief.table.rows.map(({ measure, place, values, sources }) => ({ measure, place, ...values, sources })),
    chart:
      brief.chart === undefined
        ? null
        : {
            title: brief.chart.title,
            measure: brief.chart.measure,
            alt: brief.chart.alt,
            threshold: brief.chart.threshold ?? null,
            lines: brief.chart.lines.map(({ name, points }) => ({
              name,
              points: points.map(({ label, value, segment }) => ({ period: label, value, segment })),
            })),
          },
    releases: brief.releases.map((release) => ({
      publication: release.publication,
      release: release.title,
      status: release.status ?? null,
      url: release.url ?? null,
      data_set: release.dataSet,
      data_set_version: release.version,
      published_at: release.publishedAt.toISOString(),
    })),
  };
}
