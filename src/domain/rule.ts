/** Rules as the configuration states them and the evaluation reads them. */
import type { Breakdown, SchoolType } from './figure.js';
import type { Measure } from './measure.js';

/** What a rule watches for; every comparison is strict ("more than"). Rates in percent, differences in points. */
export type Condition =
  | { readonly kind: 'above'; readonly line: number; readonly clearBelow: number | undefined }
  | { readonly kind: 'below'; readonly line: number; readonly clearAbove: number | undefined }
  /** Points on the same period a year before. */
  | { readonly kind: 'rise'; readonly line: number }
  | { readonly kind: 'fall'; readonly line: number }
  /** Points above England, above the unweighted mean of the statistical neighbours. */
  | { readonly kind: 'gap_to_england'; readonly line: number; readonly clearBelow: number | undefined }
  | { readonly kind: 'gap_to_neighbours'; readonly line: number; readonly clearBelow: number | undefined };

/** A name, an ONS code, DfE's three digits, a URN; or all areas of a level, within a region or an authority; or everything. */
export type AreaSelector =
  | { readonly by: 'name'; readonly text: string }
  | { readonly by: 'level'; readonly level: string; readonly within: string | undefined }
  | { readonly by: 'all' };

/** A name in the configuration that figures must answer to, or a rule watches nothing. */
export type WatchedName =
  | { readonly kind: 'area'; readonly selector: AreaSelector }
  | { readonly kind: 'breakdown'; readonly breakdown: Breakdown }
  | { readonly kind: 'school type'; readonly schoolType: SchoolType };

/** What a figure that is no number does to a rule's state. */
export type OnNoFigure = 'keep' | 'clear';

/** `min_enrolments` of a rule that says nothing of it (product.md, Configuration). */
export const USUAL_MIN_ENROLMENTS = 100;

export interface Rule {
  /** A rule's name is its identity. */
  readonly name: string;
  readonly measure: Measure;
  readonly areas: readonly AreaSelector[];
  readonly condition: Condition;
  /** Percentage points further than when last mailed. */
  readonly worseBy: number | undefined;
  readonly schoolType: SchoolType;
  readonly breakdown: Breakdown;
  /** Undefined: every finished period. Year to date and weeks ('Week') only where named. */
  readonly timeIdentifiers: readonly string[] | undefined;
  /** Publication slugs; undefined: all. */
  readonly sources: readonly string[] | undefined;
  readonly dataSets: { readonly include: readonly string[]; readonly exclude: readonly string[] } | undefined;
  readonly minEnrolments: number;
  readonly onSuppressed: OnNoFigure;
  readonly onMissingArea: OnNoFigure;
  /** Mail again at each release while in breach. */
  readonly remind: boolean;
  /** Names of recipient groups. */
  readonly notify: readonly string[];
}

/** A short mail at every release of a finished period, whether or not a line was crossed. */
export interface BriefRequest {
  readonly areas: readonly AreaSelector[];
  readonly notify: readonly string[];
}

export type EventKind = 'baseline' | 'crossed' | 'cleared' | 'worse' | 'corrected' | 'reminder' | 'area ended';

/** Why an event was recorded but is not sent. */
export type Muted = 'backfill' | 'silence' | 'paused' | 'not in breach' | 'series ended';
