/** The HTML part of a mail, kept to a size that Gmail shows whole. */
import Handlebars from 'handlebars';
import type { MailView } from './mail-view.js';
import { MAIL_HTML } from './templates/mail-html.js';

/**
 * Bytes that the HTML part may have. Gmail shows the first 102 KB and hides the rest, sources and "how to stop these
 * mails" first, behind a link "Message clipped".
 */
export const MOST_HTML = 100_000;

/** Bytes that the list of rules may take before the table in short and the sections get theirs. */
const MOST_WITH_RULES = 30_000;

/** The file that has everything the HTML part has no room for: readers of HTML do not get to see the plain part. */
export const WHOLE_MAIL = 'whole-mail.txt';

interface HtmlView extends MailView {
  /** What the HTML part has no room for and where it stands, or empty. */
  readonly leftOut: string;
}

/** Strict: a field that the view lacks is an error, not a blank. */
const template = Handlebars.compile<HtmlView>(MAIL_HTML, { strict: true });

/** How much of a mail its HTML part has. */
interface Room {
  readonly rules: number;
  readonly summary: number;
  /** Positions of those it has. */
  readonly sections: readonly number[];
}

export interface MailHtml {
  readonly html: string;
  /** Positions of the sections that it has. */
  readonly sections: readonly number[];
  /** Does it say that something stands in the file WHOLE_MAIL instead? */
  readonly isCut: boolean;
}

/**
 * All of a mail, or where that is too large for mail programs: as many rows of the table in short as there is room for,
 * then as many whole sections, passing over one that is too large by itself, and what stands in WHOLE_MAIL instead.
 * Notices, definitions, sources, licence and foot are always there.
 */
export function mailHtml(view: MailView): MailHtml {
  const all = { rules: view.rules.length, summary: view.summary.length, sections: [...view.sections.keys()] };
  const uncut = rendered(view, all);
  if (isWithin(uncut, MOST_HTML)) return { html: uncut, sections: all.sections, isCut: false };
  const none = { rules: 0, summary: 0, sections: [] };
  const rules = most(all.rules, (count) => isWithin(rendered(view, { ...none, rules: count }), MOST_WITH_RULES));
  const summary = most(all.summary, (count) => isWithin(rendered(view, { ...none, rules, summary: count }), MOST_HTML));
  const whole = all.sections.filter((position) =>
    isWithin(rendered(view, { ...none, sections: [position] }), MOST_HTML),
  );
  const count = most(whole.length, (some) =>
    isWithin(rendered(view, { rules, summary, sections: whole.slice(0, some) }), MOST_HTML),
  );
  const sections = whole.slice(0, count);
  return { html: rendered(view, { rules, summary, sections }), sections, isCut: true };
}

function rendered(view: MailView, { rules, summary, sections }: Room): string {
  return template({
    ...view,
    rules: view.rules.slice(0, rules),
    summary: view.summary.slice(0, summary),
    sections: view.sections.filter((_, position) => sections.includes(position)),
    leftOut: leftOut(view, { rules, summary, sections }),
  });
}

function isWithin(html: string, bytes: number): boolean {
  return Buffer.byteLength(html) < bytes;
}

/** The greatest count up to `all` that fits, where what fits with more fits with fewer; 0 where none does. */
function most(all: number, fits: (count: number) => boolean): number {
  let [low, high] = [0, all];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** 'Mail programs cut long mails off, so this one leaves out the last 3 of its 25 sections. …' */
function leftOut(view: MailView, room: Room): string {
  const parts = [
    part(view.summary.length, room.summary, 'row of this table', 'rows of this table'),
    part(view.sections.length, room.sections.length, 'section', 'sections', isStart(room.sections)),
    part(view.rules.length, room.rules, 'rule', 'rules'),
  ].filter((text) => text !== '');
  if (parts.length === 0) return '';
  const what = new Intl.ListFormat('en-GB').format(parts);
  return `Mail programs cut long mails off, so this one leaves out ${what}. The attached file ${WHOLE_MAIL} has all of it, as has the plain text part of this mail.`;
}

function isStart(positions: readonly number[]): boolean {
  return positions.every((position, i) => position === i);
}

/**
 * 'the last 3 of 25 sections', 'all 25 sections', or nothing.
 * @param fromStart what is told are the first ones; else '3 of 25 sections'
 */
function part(all: number, told: number, one: string, several: string, fromStart = true): string {
  if (told === all) return '';
  if (told === 0) return all === 1 ? `the ${one}` : `all ${all} ${several}`;
  if (!fromStart) return `${all - told} of ${all} ${several}`;
  return all - told === 1 ? `the last of ${all} ${several}` : `the last ${all - told} of ${all} ${several}`;
}
