/** What one mail to one recipient is made from. Everything is given: no clock, no lookup. */
import type { Condition, EventKind, Rule } from '../domain/rule.js';
import type { Measure } from '../domain/measure.js';
import type { Period } from '../domain/period.js';
import type { Mailbox } from '../config/words.js';
import type { Brief, BriefArea, ReleaseFacts } from './brief-model.js';
import type { RenderedChart } from './chart.js';

/** What of a rule, beside its condition, decides which events it has. */
export type RuleSettings = Pick<
  Rule,
  'worseBy' | 'remind' | 'minEnrolments' | 'onSuppressed' | 'onMissingArea' | 'timeIdentifiers' | 'sources'
>;

/** One event, as it was recorded, with the rule's condition where the rule is still configured. */
export interface MailNews {
  readonly event: EventKind;
  readonly rule: string;
  /** undefined: the rule is no longer configured. */
  readonly condition: Condition | undefined;
  /** Of the rule as it is configured now. */
  readonly settings?: RuleSettings | undefined;
  readonly measure: Measure;
  readonly area: BriefArea;
  readonly series: string;
  readonly period: Period;
  readonly asOf: string | undefined;
  readonly schoolType: string;
  readonly topic: string;
  readonly breakdown: string;
  /** Decimal text; null where a symbol stands or the area ended. */
  readonly value: string | null;
  /** The symbol as published, where one stands in place of the value and is known. */
  readonly symbol?: string | undefined;
  readonly previous: string | null;
  /** How the rule stands after the event. */
  readonly inBreach: boolean;
  /** In breach on the clearing line alone: not past the line itself. */
  readonly betweenLines: boolean;
  readonly threshold: string | null;
  /** What was held against the line: the value, or for rise, fall and gaps the difference; null where there is none. */
  readonly compared: string | null;
  /** Decimal places at the least: those with which the section prints the measure. */
  readonly places?: number;
  /** Why, in words: the sentence recorded with the event. */
  readonly reason: string;
  /** No event was recorded: the reason says how an open alert stands, and is made anew at any precision. */
  readonly isStanding?: true;
  /**
   * Not told as recorded: several corrections of one figure as one, news of an alert as the figure stands now; the reason is
   * made anew at any precision. What the reason of the last event ends with: notes, and that it is about an older figure.
   */
  readonly drawn?: string;
  /** Of a correction, how the rule stood with what the reader was told last of the figure, where that is known. */
  readonly stood?: Pick<MailNews, 'inBreach' | 'compared'>;
  readonly release: string;
  /** Names the event for the Message-ID. */
  readonly fingerprint: string;
}

/** One area, series, school type and pupil group: what happened and, where figures stand, the brief. */
export interface MailSection {
  readonly area: BriefArea;
  readonly series: string;
  readonly schoolType: string;
  readonly topic: string;
  readonly breakdown: string;
  readonly news: readonly MailNews[];
  /** Alerts that are open on these figures, for a section without news. */
  readonly open?: readonly {
    readonly rule: string;
    readonly measure: Measure;
    /** On the clearing line alone: the figure is not past the line itself. */
    readonly betweenLines?: boolean;
  }[];
  readonly brief: Brief | undefined;
  readonly chart: RenderedChart | undefined;
  /** The period that a release has no figure for, in a section that says so. */
  readonly lacking?: Period | undefined;
  /** Releases that a section without a brief tells of. */
  readonly releases?: readonly ReleaseFacts[];
}

export interface MailModel {
  readonly date: Date;
  readonly from: Mailbox;
  readonly replyTo: Mailbox | undefined;
  /** The one recipient. */
  readonly to: string;
  /** Recipient groups through which it comes, in the order of their names. */
  readonly groups: readonly string[];
  /** Whom to ask about the lines. */
  readonly owner: string | undefined;
  readonly sections: readonly MailSection[];
  /** The figures are composed, not published: said in subject and body, and no licence is claimed. */
  readonly composed: boolean;
  /**
   * Why it comes late. 'told before': something on the same release went to the recipient before, and not all of the news
   * is a new rule's first summary. 'held back': a gate had held the figures back, and they were accepted since.
   */
  readonly followUp: 'told before' | 'held back' | undefined;
  /** Events of these runs that a silence kept out of this mail. */
  readonly silenced: number;
  /** What is missing or doubtful about the sources, in sentences. */
  readonly notices: readonly string[];
  /** Message-IDs of earlier mails on the one alert this mail is about, oldest first. */
  readonly references: readonly string[];
  /** Release versions told of, for the Message-ID. */
  readonly versions: readonly string[];
}

export interface MailAttachment {
  readonly filename: string;
  readonly content: Buffer;
  readonly contentType: string;
  /** Set on pictures shown inside the HTML. */
  readonly cid: string | undefined;
}

export interface RenderedMail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly attachments: readonly MailAttachment[];
}
