/** What a page says, apart from how it looks: sections of a few kinds of blocks, which the templates know how to set. */

export type Tone = 'plain' | 'good' | 'bad' | 'warn';

export interface Cell {
  readonly text: string;
  /** '' where the cell is no link. */
  readonly href: string;
  /** A second, softer line; '' for none. */
  readonly note: string;
  readonly tone: Tone;
  /** Aligned by its last digit. */
  readonly numeric: boolean;
  /** How wide a column it wants: a class of the stylesheet. */
  readonly width: 'short' | 'some' | 'middle' | 'wide';
}

export interface Fact {
  readonly term: string;
  readonly text: string;
  readonly href: string;
}

export interface Picture {
  readonly src: string;
  /** Tells the trend to who does not see it. */
  readonly alt: string;
  readonly caption: string;
  readonly width: number;
  readonly height: number;
}

export type Block =
  | { readonly kind: 'text'; readonly text: string; readonly soft: boolean }
  | { readonly kind: 'verdict'; readonly tone: Tone; readonly text: string; readonly reasons: readonly string[] }
  | { readonly kind: 'list'; readonly items: readonly Cell[] }
  | { readonly kind: 'facts'; readonly items: readonly Fact[] }
  | {
      readonly kind: 'table';
      readonly caption: string;
      readonly columns: readonly { readonly text: string; readonly numeric: boolean }[];
      /** More columns than a phone shows side by side. */
      readonly many: boolean;
      readonly rows: readonly { readonly head: Cell; readonly cells: readonly Cell[] }[];
    }
  | { readonly kind: 'pictures'; readonly items: readonly Picture[] }
  | { readonly kind: 'links'; readonly items: readonly { readonly text: string; readonly href: string }[] }
  /** Search for an area; a form that works without scripts. */
  | { readonly kind: 'search'; readonly value: string };

export interface Section {
  /** '' for the first section, which stands under the page's own heading. */
  readonly heading: string;
  readonly blocks: readonly Block[];
}

export interface Page {
  readonly title: string;
  /** One line under the heading; '' for none. */
  readonly lead: string;
  /** Path of the entry of the navigation that the page belongs to. */
  readonly under: string;
  readonly sections: readonly Section[];
}

const COLUMNS_OF_A_PHONE = 4;
/** Lengths in characters from which a cell wants more than a few words' width, and as much as a sentence does. */
const MIDDLE = { text: 14, note: 20 } as const;
const LONG = { text: 44, note: 32 } as const;
const SHORT_TEXT = 10;

export function cell(
  text: string | number | null | undefined,
  more: { readonly href?: string; readonly note?: string; readonly tone?: Tone; readonly numeric?: boolean } = {},
): Cell {
  const words = typeof text === 'number' ? text.toLocaleString('en-GB') : (text ?? '');
  const note = more.note ?? '';
  return {
    text: words,
    href: more.href ?? '',
    note,
    tone: more.tone ?? 'plain',
    numeric: more.numeric ?? typeof text === 'number',
    width: widthOf(words, note),
  };
}

function widthOf(words: string, note: string): Cell['width'] {
  if (words.length > LONG.text || note.length > LONG.note) return 'wide';
  if (words.length > MIDDLE.text || note.length > MIDDLE.note) return 'middle';
  return words.length <= SHORT_TEXT && note === '' ? 'short' : 'some';
}

export function text(words: string, soft = false): Block {
  return { kind: 'text', text: words, soft };
}

export function facts(items: readonly (readonly [term: string, text: string, href?: string])[]): Block {
  return { kind: 'facts', items: items.map(([term, said, href]) => ({ term, text: said, href: href ?? '' })) };
}

export function list(items: readonly (string | Cell)[]): Block {
  return { kind: 'list', items: items.map((item) => (typeof item === 'string' ? cell(item) : item)) };
}

/**
 * A table; the first cell of a row is its heading. A column is set as numbers where its cells are.
 * @param caption says what the table is about; every table has one
 */
export function table(caption: string, columns: readonly string[], rows: readonly (readonly Cell[])[]): Block {
  return {
    kind: 'table',
    caption,
    columns: columns.map((name, column) => ({
      text: name,
      numeric: rows.length > 0 && rows.every((row) => row[column]?.numeric === true || row[column]?.text === ''),
    })),
    many: columns.length > COLUMNS_OF_A_PHONE,
    rows: rows.map(([head, ...cells]) => ({ head: head ?? cell(''), cells })),
  };
}

/** Blocks under a heading. */
export function section(heading: string, blocks: readonly (Block | undefined)[]): Section {
  return { heading, blocks: blocks.filter((block) => block !== undefined) };
}

/** The address of an area's page. */
export function areaPath(level: string, code: string): string {
  return `/area/${encodeURIComponent(level)}/${encodeURIComponent(code)}`;
}

/**
 * From one page of a long list to those beside it; undefined where it is the only one.
 * @param number of the page, from 1
 * @param more whether another follows
 */
export function pageLinks(path: string, number: number, more: boolean): Block | undefined {
  if (number === 1 && !more) return undefined;
  return {
    kind: 'links',
    items: [
      ...(number > 1 ? [{ text: 'Newer', href: `${path}?page=${number - 1}` }] : []),
      ...(more ? [{ text: 'Older', href: `${path}?page=${number + 1}` }] : []),
    ],
  };
}
