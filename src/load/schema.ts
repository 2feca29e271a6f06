/** The tables as kysely sees them: the hand-written twin of the migrations. */
import type { ColumnType, Generated, GeneratedAlways } from 'kysely';
import type { AbsenceHistoryView, AbsenceView, AlertEventView, RunView } from './view-types.js';

export type { AbsenceView, AlertEventView, Provenance, RunView } from './view-types.js';

/** numeric comes and goes as decimal text: nothing is lost on the way. */
type Numeric = string | null;
/** Time stamps are read as Date and written as ISO text or Date. */
type Time = ColumnType<Date, Date | string, Date | string>;
type TimeOrNull = ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
/** jsonb: write JSON.stringify(value). */
type Json<T> = ColumnType<T, string, string>;
type JsonOrNull<T> = ColumnType<T | null, string | null | undefined, string | null>;

export interface PublicationTable {
  slug: string;
  title: string;
  family: string;
  /** EES publication id, where known. */
  ees_id: string | null;
}

export interface ReleaseTable {
  id: GeneratedAlways<number>;
  publication: string;
  /** The release's title ('Autumn and spring term 2024/25'); for `backfill --file` the label. Kept by load/currency. */
  title: string;
  /** EES slug, or a slug made from the label. */
  slug: string;
  /** 'accredited official statistics', 'official statistics', … null where unknown. */
  status: string | null;
  url: string | null;
  /** True publication time of the release's first version that we hold: orders releases. Kept by load/currency. */
  first_published: Time;
}

export interface DataSetTable {
  id: GeneratedAlways<number>;
  publication: string;
  /** API id, else publication + title without its year + columns; for local files publication + label. */
  identity: string;
  title: string;
  api_id: string | null;
}

/** loaded: may be current; quarantined: written, held back by a gate; refused: nothing written; withdrawn, removed: no longer current. */
export type VersionState = 'loaded' | 'quarantined' | 'refused' | 'withdrawn' | 'removed';

export interface DataSetVersionTable {
  id: Generated<number>;
  data_set_id: number;
  release_id: number;
  major: number;
  minor: number;
  patch: number;
  state: VersionState;
  /** Newest loaded version of its data set within its release: what the view `absence` reads. Kept by load/versions. */
  is_current: Generated<boolean>;
  published_at: Time;
  loaded_at: Time;
  /** Where the bytes came from: API data set version, release file, local file name; and the id that names a re-publication. */
  source: Json<Record<string, unknown>>;
  sha256: string;
  /** Hash of its column names, whatever their order: null for versions of before that was kept. */
  layout: ColumnType<string | null, string | null | undefined, string | null>;
  /** What this version said of its release and its data set. */
  release_title: ColumnType<string | null, string | null | undefined, string | null>;
  release_first_published: TimeOrNull;
  data_set_title: ColumnType<string | null, string | null | undefined, string | null>;
  file_name: string;
  bytes: number;
  rows: number;
  /** How many areas have figures: third criterion between two data sets of one release. */
  areas: number;
  /** When it was withdrawn or removed. */
  ended_at: TimeOrNull;
  run_id: number | null;
  /** Notes of the normaliser: ignored columns, skipped cross-tabulations, encoding. */
  notes: Json<string[]>;
  /** State changes with time and reason: accepted, removed, withdrawn. */
  history: Json<{ at: string; what: string; reason: string }[]>;
  /** What the gates remember of it for the next version; opaque here. */
  shape: JsonOrNull<unknown>;
  /** Set once the rules have been evaluated on it (a recorded step: null means due). */
  evaluated_at: TimeOrNull;
}

export interface GateResultTable {
  version_id: number;
  gate: string;
  verdict: 'pass' | 'warn' | 'quarantine' | 'accepted';
  message: string;
  detail: JsonOrNull<unknown>;
}

export interface VersionDiffTable {
  version_id: number;
  /** The version it is held against, null for a first one. */
  previous_id: number | null;
  added: number;
  gone: number;
  changed: number;
  /** The first changed figures: { area, period, school_type, breakdown, measure, from, to }. */
  sample: Json<unknown[]>;
}

export interface AreaTable {
  id: Generated<number>;
  level: string;
  /** Identity within the level: see domain/area. */
  key: string;
  /** In use now. */
  code: string;
  old_la_code: string | null;
  name: string;
  region_code: string | null;
  region_name: string | null;
  /** Every code and name met, for search: lower case. */
  aliases: Json<string[]>;
  /** The loaded version that code and name come from; null for an area that only versions not in use speak of. */
  named_by: number | null;
}

/** How one version calls an area: names in use follow from these, also after a version is removed. */
export interface AreaNamingTable {
  area_id: number;
  version_id: number;
  code: string;
  old_la_code: string | null;
  name: string;
  region_code: string | null;
  region_name: string | null;
}

export interface SeriesTable {
  id: Generated<number>;
  name: string;
  family: string;
}

export interface PeriodTable {
  id: Generated<number>;
  time_period: string;
  time_identifier: string;
  kind: string;
  start_year: number;
  academic_year: string;
  label: string;
  sort: number;
}

export interface SchoolTypeTable {
  id: Generated<number>;
  name: string;
}

export interface BreakdownTable {
  id: Generated<number>;
  topic: string;
  name: string;
}

/** Immutable. One row of one data set version. */
export interface FigureTable {
  version_id: number;
  area_id: number;
  series_id: number;
  period_id: number;
  school_type_id: number;
  breakdown_id: number;
  /** ISO date; 'infinity' where the figure is of a finished period. */
  as_of: string;
  /** measureMask of the measures this row speaks of, be it with a number or a symbol. */
  has: number;
  /** measureMask of rates computed from the row's own counts. */
  computed: number;
  enrolments: Numeric;
  persistent_absentees: Numeric;
  persistent_absence_rate: Numeric;
  severe_absentees: Numeric;
  severe_absence_rate: Numeric;
  overall_absence_rate: Numeric;
  authorised_absence_rate: Numeric;
  unauthorised_absence_rate: Numeric;
  symbols: JsonOrNull<Record<string, string>>;
}

export interface RunTable {
  id: GeneratedAlways<number>;
  /** 'manual', 'schedule', 'catch-up', 'backfill', 'demo' */
  trigger: string;
  started_at: Time;
  finished_at: TimeOrNull;
  outcome: 'running' | 'done' | 'failed' | 'in part' | 'abandoned' | 'overlap' | 'missed';
  detail: Json<Record<string, unknown>>;
}

/** A line of the log of a run, for the status page. */
export interface RunLogTable {
  run_id: number;
  /** From 1, in the order in which they were said. */
  number: number;
  at: Time;
  /** 'info', 'warn', 'error', … */
  level: string;
  message: string;
  /** Other fields of the line, in words; '' for none. */
  detail: string;
}

/** What extract remembers between polls (ETags, last modified times, degraded routes), opaque to everyone else. */
export interface SourceStateTable {
  source: string;
  state: Json<unknown>;
  updated_at: Time;
}

/** The state of one rule for one area × series × school type × breakdown × epoch. Never expires. */
export interface AlertStateTable {
  rule: string;
  area_id: number;
  series_id: number;
  school_type_id: number;
  breakdown_id: number;
  /** Stretch of the series between two breaks of the measure (domain/series epochOf). */
  epoch: string;
  /** null: no figure yet that could be judged. */
  in_breach: boolean | null;
  /** `in_breach` before the newest figure: a revision of that figure is judged from it. */
  before: boolean | null;
  /** The newest figure evaluated. */
  period_id: number;
  as_of: string;
  value: Numeric;
  /** The symbol in place of `value`, as published. */
  symbol: string | null;
  /** What the condition compared (the difference, for rise, fall and gaps). */
  compared: Numeric;
  /** Compared value when last mailed, for worse_by. */
  mailed: Numeric;
  /** Event that opened the present breach, for threads of mails. */
  opened_by: number | null;
  updated_at: Time;
}

/** The rule as last applied: an edit makes baselines. */
export interface AlertRuleTable {
  rule: string;
  /** Fingerprint of measure, line, breakdown, school type, series (not of areas, recipients). */
  fingerprint: string;
  /** The area selectors as last applied (JSON text): areas that an edit adds are seen for the first time. */
  areas: string;
  /** What else the rule says, by its names in the configuration; null in a row of before that was kept. */
  settings: JsonOrNull<Record<string, unknown>>;
  /** When the rule was first applied as it is, or as last edited. */
  first_seen: Time;
}

export interface AlertTable {
  id: GeneratedAlways<number>;
  at: Time;
  rule: string;
  event: string;
  reason: string;
  measure: string;
  area_id: number;
  series_id: number;
  period_id: number;
  school_type_id: number;
  breakdown_id: number;
  as_of: string;
  /** The rule's state after this event; what a later revision of the figure is held against. */
  in_breach: boolean;
  /** In breach on the rule's clearing line alone: the figure, or the difference, is not past the line itself. */
  between_lines: Generated<boolean>;
  value: Numeric;
  previous_value: Numeric;
  threshold: Numeric;
  /** What was held against the line: the figure, or for rise, fall and gaps the difference. */
  compared: Numeric;
  release_id: number;
  version_id: number;
  run_id: number | null;
  muted: string | null;
  /** Unique: rule, area, series, epoch, school type, breakdown, period, as_of, event, value: one event is recorded once. */
  fingerprint: string;
}

/** What is owed to whom: one row for each recipient and event (or brief), written in the event's own transaction. */
export interface NotificationTable {
  id: GeneratedAlways<number>;
  kind: 'alert' | 'brief' | 'operator' | 'test';
  address: string;
  /** The recipient group, for List-Id. */
  recipient_group: string;
  alert_id: number | null;
  /**
   * For briefs { areaId, releaseId, versionIds, lacking? }, for operator mails { subject, text }, for alerts of rates, once
   * in a mail, { places }: the decimals with which it prints the figure.
   */
  payload: JsonOrNull<Record<string, unknown>>;
  run_id: number | null;
  /** Unique: makes a second row for the same recipient and event impossible. */
  fingerprint: string;
  /** null until the run has finished its loads. */
  due_at: TimeOrNull;
  mail_id: number | null;
  created_at: Time;
}

export type MailState = 'queued' | 'sending' | 'sent' | 'dead' | 'skipped';

/** A composed mail: never changes once it may have arrived, retried as it stands. */
export interface MailTable {
  id: GeneratedAlways<number>;
  address: string;
  subject: string;
  message_id: string;
  /** The whole message, as it goes over the wire. */
  raw: Uint8Array;
  kind: string;
  state: MailState;
  attempts: Generated<number>;
  next_attempt_at: Time;
  /** When another process may take over a claim. */
  claimed_until: TimeOrNull;
  /** Who claimed it last, and when by the database's clock: see alerts/sender. */
  claimed_by: Generated<number | null>;
  claimed_since: Generated<Date | null>;
  answer: string | null;
  created_at: Time;
  sent_at: TimeOrNull;
}

/** A row is written before the attempt ('sending'); 'unknown': no answer came, or nobody was left to note it. */
export interface MailAttemptTable {
  id: GeneratedAlways<number>;
  mail_id: number;
  at: Time;
  outcome: 'sending' | 'sent' | 'retry' | 'unknown' | 'refused' | 'gave up' | 'not tried';
  answer: string;
}

export interface SilenceTable {
  id: GeneratedAlways<number>;
  rule: string | null;
  area_id: number | null;
  until: Time;
  reason: string;
  created_at: Time;
  ended_at: TimeOrNull;
}

/** Small switches: 'paused', 'operator:outage', 'config_hash', … */
export interface SettingTable {
  name: string;
  value: Json<unknown>;
  updated_at: Time;
}

/** Due slots of the schedule. */
export interface SlotTable {
  due_at: Time;
  state: 'due' | 'running' | 'done' | 'collapsed' | 'overlap';
  run_id: number | null;
}

/** The lease of the active service. */
export interface LeaseTable {
  name: string;
  holder: string;
  token: number;
  until: Time;
}

export interface Database {
  publication: PublicationTable;
  release: ReleaseTable;
  data_set: DataSetTable;
  data_set_version: DataSetVersionTable;
  gate_result: GateResultTable;
  version_diff: VersionDiffTable;
  area: AreaTable;
  area_naming: AreaNamingTable;
  series: SeriesTable;
  period: PeriodTable;
  school_type: SchoolTypeTable;
  breakdown: BreakdownTable;
  figure: FigureTable;
  run_record: RunTable;
  run_log: RunLogTable;
  source_state: SourceStateTable;
  alert_state: AlertStateTable;
  alert_rule: AlertRuleTable;
  alert: AlertTable;
  notification: NotificationTable;
  mail: MailTable;
  mail_attempt: MailAttemptTable;
  silence: SilenceTable;
  setting: SettingTable;
  slot: SlotTable;
  lease: LeaseTable;
  alert_event: AlertEventView;
  run: RunView;
  absence: AbsenceView;
  absence_history: AbsenceHistoryView;
}
