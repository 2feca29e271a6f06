/** What a brief is told from (stored figures) and what it says (sentences whose numbers know where they come from). */
import type { Measure } from '../domain/measure.js';
import type { Period } from '../domain/period.js';
import type { Provenance } from '../load/schema.js';

/** One row of the view `absence`: an area's figures for one period, school type and breakdown. */
export interface FigureRow {
  readonly area: string;
  readonly areaCode: string;
  readonly period: Period;
  readonly schoolType: string;
  readonly topic: string;
  readonly breakdown: string;
  /** The day up to which a running figure counts (ISO date). */
  readonly asOf: string | undefined;
  /** `asOf` is the day of publication, as the file names no week: up to which day the figure counts is not known. */
  readonly asOfPublication?: boolean;
  /** Decimal text as published (rates in percent); null or absent where no number stands. */
  readonly values: Readonly<Partial<Record<Measure, string | null>>>;
  readonly symbols: Readonly<Partial<Record<Measure, string>>>;
  readonly provenance: Readonly<Partial<Record<Measure, Provenance>>>;
}

/** A breakdown as the view names it: topic 'SEN provision', breakdown 'EHC plan'. */
export interface PupilGroup {
  readonly topic: string;
  readonly breakdown: string;
}

export interface BriefArea {
  readonly name: string;
  readonly level: string;
  /** ONS code in use now; the URN of a school. */
  readonly code: string;
  readonly regionName: string | undefined;
}

/** The release a brief is told from, for the source line. */
export interface ReleaseFacts {
  readonly publication: string;
  readonly title: string;
  /** 'accredited official statistics', 'official statistics'; undefined where unknown. */
  readonly status: string | undefined;
  readonly url: string | undefined;
  readonly dataSet: string;
  readonly version: string;
  readonly publishedAt: Date;
}

/** One pupil group of the fixed list: this period and, where there is one, the same period a year before. */
export interface GroupFacts {
  /** 'area' where published for the area itself, 'England' where only there. */
  readonly where: 'area' | 'England';
  /** Where the area has the group, but no number to tell: its row, with the symbols that say why. */
  readonly withheld?: FigureRow | undefined;
  readonly topic: string;
  readonly breakdown: string;
  readonly schoolType: string;
  readonly now: FigureRow;
  readonly before: FigureRow | undefined;
}

/**
 * Stored figures of one series only, so that no sentence can mix two. `own`, `region` and `england` run from the
 * oldest period to the period told; of a running total the rows stand for the same point of each year.
 */
export interface BriefFacts {
  readonly area: BriefArea;
  readonly series: string;
  readonly schoolType: string;
  /** Other school types with figures for the period, where none of all schools together is told. */
  readonly otherTypes?: readonly string[];
  /** The one pupil group told; without it all pupils. */
  readonly group?: PupilGroup | undefined;
  readonly own: readonly FigureRow[];
  /** Of a running total all the area's figures of earlier days, this year's and those of the years before. */
  readonly past?: readonly FigureRow[];
  readonly region: readonly FigureRow[];
  readonly england: readonly FigureRow[];
  /**
   * Rows of the area's statistical neighbours for the period told and, but of a running total, for the same one a year
   * before; `configured`: how many the list names.
   */
  readonly neighbours:
    | { readonly configured: number; readonly rows: readonly FigureRow[]; readonly before?: readonly FigureRow[] }
    | undefined;
  /** Rows of all authorities for the period told, for the rank; empty where the area is none. */
  readonly authorities: readonly FigureRow[];
  readonly groups: readonly GroupFacts[];
  readonly releases: readonly ReleaseFacts[];
}

/** A stored figure behind a number in print. */
export interface Source {
  readonly area: string;
  readonly area_code: string;
  readonly period: string;
  readonly school_type: string;
  readonly breakdown: string;
  readonly measure: Measure;
  /** Unrounded, as published. */
  readonly value: number | null;
  readonly data_set: string;
  readonly data_set_version: string;
  readonly release: string;
  readonly published_at: string;
  /** True where the rate was computed from the row's own counts. */
  readonly computed: boolean;
}

/** A number in the prose, and the stored figures it is formatted from. */
export interface Quoted {
  /** As printed: '17.3%', '6,569', 'six' (in 'one in six'). */
  readonly text: string;
  /** Unrounded. */
  readonly value: number;
  readonly kind: 'rate' | 'count' | 'difference' | 'frequency' | 'rank' | 'number of areas' | 'mean';
  readonly from: readonly Source[];
}

/** A piece of prose with its numbers, in the order they are read. */
export interface Sentence {
  readonly text: string;
  readonly numbers: readonly Quoted[];
}

export interface Paragraph {
  readonly about: 'area' | 'comparison' | 'rank' | 'groups' | 'notes';
  readonly sentences: readonly Sentence[];
}

/** One line of the small table: 'Luton', '17.3%', '18.0%', '-0.7'. */
export interface TableRow {
  readonly measure: Measure;
  readonly place: string;
  readonly now: string;
  readonly before: string;
  readonly change: string;
  /** Unrounded. */
  readonly values: { readonly now: number | null; readonly before: number | null; readonly change: number | null };
  readonly sources: readonly Source[];
}

export interface BriefTable {
  readonly nowHeading: string;
  /** undefined where no place has a figure for the year before: then the table has no such column. */
  readonly beforeHeading: string | undefined;
  readonly rows: readonly TableRow[];
}

/** One line of a chart; a segment ends where a break or a gap lies. */
export interface ChartLine {
  readonly name: string;
  readonly role: 'area' | 'region' | 'England';
  readonly points: readonly {
    readonly label: string;
    readonly sort: number;
    readonly value: number;
    readonly segment: number;
  }[];
}

export interface ChartModel {
  readonly title: string;
  readonly measure: Measure;
  readonly labels: readonly string[];
  readonly lines: readonly ChartLine[];
  readonly threshold: number | undefined;
  /** Lines of other rules on the same figures, drawn as well. */
  readonly otherThresholds?: readonly number[];
  /** Decimal places of the figures at the ends of the lines and in `alt`, as in the prose beside it. */
  readonly places: number;
  /** What a person who does not see the chart should know: the trend in words. */
  readonly alt: string;
  /** Set on charts of composed figures, which say so. */
  readonly composed: boolean;
}

export interface Brief {
  readonly area: BriefArea;
  readonly series: string;
  readonly schoolType: string;
  /** The one pupil group told; undefined: all pupils. */
  readonly group: PupilGroup | undefined;
  readonly period: Period;
  /** 'autumn and spring terms 2024/25', 'year to date 2024/25, as at 11 July 2025'. */
  readonly periodWords: string;
  readonly periodEnded: string;
  /** The news in a subject's length: 'Luton: persistent absence 17.3%, severe absence 1.5%'. */
  readonly headline: string;
  readonly paragraphs: readonly Paragraph[];
  readonly table: BriefTable;
  /** Decimal places with which prose, table and chart print each measure. */
  readonly places: Readonly<Partial<Record<Measure, number>>>;
  readonly chart: ChartModel | undefined;
  readonly releases: readonly ReleaseFacts[];
}
