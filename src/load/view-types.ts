/** The views as kysely sees them: the columns of product, in their order. */

/** numeric comes as decimal text. */
type Numeric = string | null;

/** View `alert_event`. */
export interface AlertEventView {
  at: Date;
  rule: string;
  event: string;
  reason: string;
  measure: string;
  area_code: string;
  area_name: string;
  series: string;
  time_period: string;
  time_identifier: string;
  school_type: string;
  breakdown_topic: string;
  breakdown: string;
  value: Numeric;
  previous_value: Numeric;
  threshold: Numeric;
  release: string;
  muted: string | null;
}

/** View `run`. */
export interface RunView {
  id: number;
  trigger: string;
  started_at: Date;
  finished_at: Date | null;
  outcome: string;
  detail: Record<string, unknown>;
}

/** View `absence`, as analysts and our own alerts read it. */
export interface AbsenceView {
  series: string;
  publication: string;
  release: string;
  data_set: string;
  data_set_version: string;
  published_at: Date;
  loaded_at: Date;
  time_period: string;
  time_identifier: string;
  period_label: string;
  academic_year: string;
  geographic_level: string;
  area_code: string;
  old_la_code: string | null;
  area_name: string;
  region_code: string | null;
  region_name: string | null;
  school_type: string;
  breakdown_topic: string;
  breakdown: string;
  enrolments: Numeric;
  persistent_absentees: Numeric;
  persistent_absence_rate: Numeric;
  severe_absentees: Numeric;
  severe_absence_rate: Numeric;
  overall_absence_rate: Numeric;
  authorised_absence_rate: Numeric;
  unauthorised_absence_rate: Numeric;
  as_of: string | null;
  symbols: Record<string, string> | null;
  /** For each measure that has a value or a symbol: { data_set, version, release, published_at, computed? }. */
  provenance: Record<string, Provenance>;
}

export interface Provenance {
  data_set: string;
  version: string;
  release: string;
  published_at: string;
  /** True where the rate was computed from the row's counts. */
  computed?: boolean;
  /** The last day that the figure counts, where that is not the row's own. */
  as_of?: string;
}

export interface AbsenceHistoryView extends AbsenceView {
  valid_from: Date;
  valid_to: Date | null;
}
