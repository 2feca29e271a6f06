/**
 * Which line would have given about so many alerts a year: all areas' figures, in the order in which they were published,
 * held against many lines, without the words and the states that `decide` makes. As there, a crossing lies between two
 * consecutive figures; a revision that takes the newest figure past the line opens an alert too, which a mail tells as a
 * correction, and counts like one. Pure. It starts from lines that nothing is past and goes on to less strict ones: a line
 * with a short first look is preferred, and one that most are past from the start is never an answer.
 */
import { decimal } from '../domain/decimal.js';
import { isRate } from '../domain/measure.js';
import type { Rule } from '../domain/rule.js';
import { startsAfresh } from './decide.js';
import { isPerPeriod, read, type Reading, type RuleFigure } from './reading.js';
import { clearingLine } from './rule-print.js';
import { comparePosition } from './rule-state.js';

/** A line that would have given about so many alerts a year. */
export interface SuggestedLine {
  readonly alertsAYear: number;
  readonly line: number;
  /** How many it would really have given a year, on average, after the first look: never more than asked for. */
  readonly wouldHaveGiven: number;
  /** How many areas are past it at first look, told once in a summary: at most a half of them. */
  readonly firstLook: number;
}

/** No line gives about so many alerts a year. */
export interface NoLine {
  readonly alertsAYear: number;
  /** Of the lines that give fewer, the one that gives most; undefined where none of them gives any. */
  readonly nearest: SuggestedLine | undefined;
}

export interface Suggestions {
  /** In the order of the alerts a year. */
  readonly lines: readonly SuggestedLine[];
  readonly none: readonly NoLine[];
}

const WANTED = [1, 5, 20] as const;
/** "About" ends where a line gives less than this part of what is asked for. */
const ABOUT = 0.75;
/** A line in tenths will do where it gives at least this part of what is asked for; else one in hundredths is sought. */
const NEAR = 0.8;
/** A line that more than this part of the areas are past from the start tells nobody's news. */
const MOST_AT_FIRST_LOOK = 0.5;
/** Lines of rates are sought in hundredths of a point and told in tenths where these will do. */
const HUNDREDTHS = 100;
const A_TENTH = 10;
/** Rates are percent, and differences of rates points. */
const MOST_POINTS = 100;

/** A figure on the scale of lines: the higher, the further past them, whatever the direction of the rule. */
interface Point {
  /** In hundredths of a point, or as counted; undefined where the figure counts for nothing. */
  readonly at: number | undefined;
  /**
   * Where it stands: the state does not carry over to it; it follows, in a period of its own or not; it is a later
   * version of the one before; or it is none, and the area came to its end.
   */
  readonly place: 'fresh' | 'next period' | 'next' | 'same' | 'ended';
}

/** One area's figures in one series, in the order in which they became known. */
interface Track {
  readonly points: Point[];
  highest: number;
  /** The newest figure. */
  last: RuleFigure | undefined;
  /** What that was judged by, as it was last published; undefined where it counts for nothing. */
  lastAt: number | undefined;
  /** The first figure that counts. */
  first: RuleFigure | undefined;
}

interface Counted {
  readonly firstLook: number;
  readonly crossings: number;
}

/** Neighbouring lines that give the same alerts, on the scale of points. */
interface Stretch extends Counted {
  readonly strictest: number;
  readonly leastStrict: number;
}

export class LineChooser {
  readonly #rule: Rule;
  readonly #perPeriod: boolean;
  readonly #scale: number;
  /** From the line to the clearing line, on the scale of points; undefined where the rule has none. */
  readonly #clearing: number | undefined;
  readonly #tracks = new Map<string, Track>();
  /** Years in which something could be told after the first look. */
  readonly #years = new Set<string>();

  constructor(rule: Rule) {
    this.#rule = rule;
    this.#perPeriod = isPerPeriod(rule.condition);
    this.#scale = isRate(rule.measure) ? HUNDREDTHS : 1;
    const clear = clearingLine(rule.condition);
    this.#clearing =
      clear === undefined ? undefined : decimal(clear).minus(rule.condition.line).abs().times(this.#scale).toNumber();
  }

  /**
   * Figures that a version brings of one area in one series, in order; what is older than the newest figure seen is history.
   * @param track area and series
   */
  see(track: string, figures: readonly RuleFigure[]): void {
    const known = this.#tracks.get(track) ?? {
      ...{ points: [], highest: -Infinity, last: undefined, lastAt: undefined, first: undefined },
    };
    this.#tracks.set(track, known);
    for (const figure of figures) this.#seeOne(known, figure);
  }

  /** The area came to its end: an alert is closed, and nothing carries over. */
  end(track: string): void {
    this.#tracks.get(track)?.points.push({ at: undefined, place: 'ended' });
  }

  #seeOne(track: Track, figure: RuleFigure): void {
    const order = track.last === undefined ? 1 : comparePosition(figure, track.last);
    if (order < 0) return;
    const at = this.#at(read(this.#rule, figure));
    const place = order === 0 ? 'same' : this.#placeAfter(track.last, figure);
    const revises = place === 'same' && track.lastAt !== undefined;
    track.last = figure;
    // A figure that is withheld afterwards clears nothing, and one that is published again is no news.
    if (revises && (at === track.lastAt || (at === undefined && this.#rule.onSuppressed === 'keep'))) return;
    track.points.push({ at, place });
    track.lastAt = at;
    if (at === undefined) return;
    track.first ??= figure;
    if (this.#perPeriod || comparePosition(figure, track.first) > 0) this.#years.add(figure.period.academicYear);
    track.highest = Math.max(track.highest, at);
  }

  #placeAfter(earlier: RuleFigure | undefined, figure: RuleFigure): Point['place'] {
    if (earlier === undefined || startsAfresh(this.#rule, earlier.period, figure) !== undefined) return 'fresh';
    return earlier.period.sort === figure.period.sort ? 'next' : 'next period';
  }

  /** Lines for about 1, 5 and 20 alerts a year, and for which of these there is none. */
  suggest(): Suggestions {
    const byHeight = [...this.#tracks.values()]
      .filter(({ first }) => first !== undefined)
      .sort((a, b) => b.highest - a.highest);
    const years = Math.max(1, this.#years.size);
    const lines: SuggestedLine[] = [];
    const none: NoLine[] = [];
    const most = Math.ceil(byHeight.length * MOST_AT_FIRST_LOOK);
    for (const wanted of WANTED) {
      const isAbout = (best: Stretch | undefined): boolean =>
        best !== undefined && best.crossings >= ABOUT * wanted * years;
      const short = this.#best(byHeight, Math.min(wanted, most), wanted * years);
      const best = isAbout(short) ? short : this.#best(byHeight, most, wanted * years);
      const line = best === undefined || best.crossings === 0 ? undefined : this.#suggested(wanted, best, years);
      if (line !== undefined && isAbout(best)) lines.push(line);
      else none.push({ alertsAYear: wanted, nearest: line });
    }
    return { lines, none };
  }

  /** Of the lines that give no more than this: one that gives most, in tenths where these will do. */
  #best(byHeight: readonly Track[], mostFirst: number, crossings: number): Stretch | undefined {
    const qualifying = this.#qualifying(byHeight, mostFirst, crossings);
    const all = mostCrossings(qualifying);
    const tenths = this.#scale === 1 ? undefined : mostCrossings(qualifying.flatMap(inTenths));
    const willDo = tenths !== undefined && tenths.crossings >= NEAR * crossings;
    return willDo || tenths?.crossings === all?.crossings ? tenths : all;
  }

  #suggested(wanted: number, best: Stretch, years: number): SuggestedLine {
    const line = decimal(best.leastStrict).div(this.#scale).toNumber();
    return {
      alertsAYear: wanted,
      // Never a negative zero.
      line: line === 0 ? 0 : this.#rule.condition.kind === 'below' ? -line : line,
      wouldHaveGiven: Math.round((best.crossings / years) * 10) / 10,
      firstLook: best.firstLook,
    };
  }

  /** The lines that the configuration takes, on the scale of points: from 0 on, of gaps also below England or neighbours. */
  #range(): { readonly leastStrict: number; readonly strictest: number } {
    const most = this.#scale === 1 ? Infinity : MOST_POINTS * this.#scale;
    switch (this.#rule.condition.kind) {
      case 'gap_to_england':
      case 'gap_to_neighbours':
        return { leastStrict: -most, strictest: most };
      case 'below':
        return { leastStrict: -most, strictest: 0 };
      default:
        return { leastStrict: 0, strictest: most };
    }
  }

  #at(reading: Reading): number | undefined {
    const below = this.#rule.condition.kind === 'below';
    if (reading.kind === 'none') return undefined;
    // Too low to be published is past every line of `below` and past none of `above`.
    if (reading.kind === 'low') return below ? Infinity : -Infinity;
    const scaled = reading.compared.times(this.#scale);
    return (below ? scaled.neg() : scaled).toNumber();
  }

  /** From the strictest line on, as long as neither first looks nor crossings are more than asked for. */
  #qualifying(byHeight: readonly Track[], mostFirst: number, mostCrossings: number): Stretch[] {
    const lines = this.#linesOfChange(byHeight);
    const range = this.#range();
    const found: Stretch[] = [];
    for (const [i, strictest] of lines.entries()) {
      const counted = this.#count(byHeight, strictest);
      if (counted.firstLook > mostFirst || counted.crossings > mostCrossings) break;
      const next = lines[i + 1];
      const stretch = { strictest, leastStrict: next === undefined ? strictest : next + 1 };
      const within = {
        strictest: Math.min(stretch.strictest, range.strictest),
        leastStrict: Math.max(stretch.leastStrict, range.leastStrict),
      };
      if (within.leastStrict <= within.strictest) found.push({ ...counted, ...within });
    }
    return found;
  }

  /** Whole lines at which another figure comes to lie past the line, or not yet past the clearing line; falling. */
  #linesOfChange(tracks: readonly Track[]): number[] {
    const lines = new Set<number>();
    for (const { points } of tracks)
      for (const { at } of points) {
        if (at === undefined || !Number.isFinite(at)) continue;
        lines.add(Math.ceil(at) - 1);
        if (this.#clearing !== undefined) lines.add(Math.floor(at + this.#clearing));
      }
    return [...lines].sort((a, b) => b - a);
  }

  /** The alerts that a line gives. */
  #count(tracks: readonly Track[], line: number): Counted {
    let firstLook = 0;
    let crossings = 0;
    for (const track of tracks) {
      if (track.highest <= line) break;
      const counted = this.#countOne(track, line);
      firstLook += counted.firstLook;
      crossings += counted.crossings;
    }
    return { firstLook, crossings };
  }

  /** As `decide` would go through them. */
  #countOne({ points }: Track, line: number): Counted {
    let firstLook = 0;
    let crossings = 0;
    let judged = false;
    let inBreach: boolean | null = null;
    /** `inBreach` before the newest figure, and whether that was a number. */
    let before: boolean | null = null;
    let valued = false;
    for (const { at, place } of points) {
      if (place === 'ended') {
        inBreach = null;
        before = null;
        continue;
      }
      const isPast = (was: boolean): boolean =>
        at !== undefined && (at > line || (was && this.#clearing !== undefined && at >= line - this.#clearing));
      const revises: boolean = place === 'same' && valued;
      valued = at !== undefined;
      if (revises && at !== undefined) {
        const past = isPast(before === true);
        if (past && inBreach !== true) crossings++;
        inBreach = past;
        continue;
      }
      const ownPeriod = this.#perPeriod && (place === 'next period' || place === 'fresh');
      const carried: boolean | null = ownPeriod ? false : inBreach;
      if (at === undefined) {
        before = place === 'fresh' || ownPeriod ? null : carried;
        inBreach = this.#withoutFigure(before);
        continue;
      }
      const begins = place === 'fresh' || (inBreach === null && !this.#perPeriod);
      const was = !begins && carried === true;
      const now = isPast(was);
      if (now && !was) {
        if (begins && !judged) firstLook++;
        else crossings++;
      }
      judged = true;
      if (place !== 'same' || begins) before = begins ? null : carried;
      inBreach = now;
    }
    return { firstLook, crossings };
  }

  #withoutFigure(carried: boolean | null): boolean | null {
    return carried === true && this.#rule.onSuppressed === 'clear' ? false : carried;
  }
}

/** The lines of a stretch that are whole tenths. */
function inTenths(stretch: Stretch): Stretch[] {
  const leastStrict = Math.ceil(stretch.leastStrict / A_TENTH) * A_TENTH;
  return leastStrict > stretch.strictest ? [] : [{ ...stretch, leastStrict }];
}

/** Of those that give the most crossings, the least strict. */
function mostCrossings(stretches: readonly Stretch[]): Stretch | undefined {
  return stretches.reduce<Stretch | undefined>(
    (found, each) => (found === undefined || each.crossings >= found.crossings ? each : found),
    undefined,
  );
}
