/** From what a page says to its HTML. Strict: a field that the view lacks is an error, not a blank. */
import { createHash } from 'node:crypto';
import Handlebars from 'handlebars';
import { ukTime } from '../../print.js';
import { VERSION } from '../../version.js';
import type { Page } from './content.js';
import { STYLE } from './style.js';
import { LAYOUT, PARTIALS } from './templates.js';

/** Browsers may keep the stylesheet for as long as its address stays. */
export const STYLE_VERSION = createHash('sha256').update(STYLE).digest('hex').slice(0, 8);

const NAVIGATION = [
  { text: 'Overview', href: '/' },
  { text: 'Releases', href: '/versions' },
  { text: 'Alerts', href: '/alerts' },
  { text: 'Areas', href: '/areas' },
  { text: 'Runs', href: '/runs' },
] as const;

export interface Surround {
  readonly now: Date;
  /** Figures are composed: every page says so. */
  readonly composed: boolean;
  /** When what is shown was read, where the database did not answer now, and whether it is down or but busy. */
  readonly known: { readonly at: Date; readonly down: boolean } | undefined;
}

const engine = Handlebars.create();
for (const [kind, template] of Object.entries(PARTIALS)) engine.registerPartial(kind, template);
const layout = engine.compile<{
  page: Page;
  nav: readonly { text: string; href: string; current: boolean }[];
  composed: boolean;
  stale: string;
  now: string;
  version: string;
  styleVersion: string;
}>(LAYOUT, { strict: true });

export function renderPage(page: Page, { now, composed, known }: Surround): string {
  return layout({
    page,
    nav: NAVIGATION.map((entry) => ({ ...entry, current: entry.href === page.under })),
    composed,
    stale:
      known === undefined
        ? ''
        : `The database ${known.down ? 'does not answer' : 'is busy'}; this is what was known at ${ukTime(known.at)}.`,
    now: ukTime(now),
    version: VERSION,
    styleVersion: STYLE_VERSION,
  });
}
