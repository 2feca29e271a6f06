import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import Chromium from '@sparticuz/chromium';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pageWorld, type PageWorld } from './world.js';

/** Kept to be looked at. */
const OUTPUT = new URL('../../test-output/page/', import.meta.url);
const WIDTHS = { phone: 375, desk: 1280 } as const;

const PAGES: Readonly<Record<string, string>> = {
  overview: '/',
  versions: '/versions',
  version: '/versions/VERSION',
  alerts: '/alerts',
  'alerts-of-a-rule': '/alerts?rule=Luton%20persistent%20absence',
  areas: '/areas',
  search: '/areas?q=luton',
  luton: '/area/Local%20authority/E06000032',
  england: '/area/National/E92000001',
  region: '/area/Regional/E12000006',
  runs: '/runs',
  'runs-older': '/runs?page=2',
  run: '/runs/RUN',
  nothing: '/no/such/page',
};

interface AxeResult {
  violations: { id: string; impact: string | null; help: string; nodes: { html: string; failureSummary?: string }[] }[];
}

let world: PageWorld;
let browser: Browser;
let axe: string;
let pages: Readonly<Record<string, string>>;

beforeAll(async () => {
  await mkdir(OUTPUT, { recursive: true });
  axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  [world, browser] = await Promise.all([
    pageWorld(),
    Chromium.executablePath().then((executablePath) =>
      chromium.launch({
        executablePath,
        // Not the package's own arguments: in a single process the first page that is closed takes the browser with it,
        // and a graphics card played by the processor takes seconds a picture.
        args: ['--no-sandbox', '--disable-gpu'],
      }),
    ),
  ]);
  const version = await world.store.db
    .selectFrom('version_diff')
    .select('version_id')
    .orderBy('changed', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow();
  const run = await world.store.db
    .selectFrom('run_record')
    .select('id')
    .orderBy('id')
    .limit(1)
    .executeTakeFirstOrThrow();
  // So many that the page of runs has a second one.
  const outcome = 'done' as const;
  const quiet = { trigger: 'schedule', started_at: world.now, finished_at: world.now, outcome, detail: '{}' };
  await world.store.db
    .insertInto('run_record')
    .values(Array.from({ length: 220 }, () => quiet))
    .execute();
  pages = Object.fromEntries(
    Object.entries(PAGES).map(([name, path]) => [
      name,
      path.replace('VERSION', String(version.version_id)).replace('RUN', String(run.id)),
    ]),
  );
}, 600_000);

afterAll(async () => {
  await browser.close();
  await world.close();
});

/** Opens a page; everything it asked for and complained of is on record. */
async function visit(
  path: string,
  width: number,
  look: (page: Page) => Promise<void>,
  scheme: 'light' | 'dark' = 'light',
): Promise<{ readonly requests: string[]; readonly complaints: string[] }> {
  const context = await browser.newContext({
    viewport: { width, height: 800 },
    javaScriptEnabled: true,
    colorScheme: scheme,
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  const requests: string[] = [];
  const complaints: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  try {
    await page.goto(world.web.url + path, { waitUntil: 'load' });
    await look(page);
  } finally {
    await context.close();
  }
  return { requests, complaints };
}

describe.each(Object.entries(WIDTHS))('on a %s', (device, width) => {
  it.each(Object.keys(PAGES))('the page "%s" is accessible, fits, and asks nobody else', async (name) => {
    const path = pages[name] ?? '';
    const { requests, complaints } = await visit(path, width, async (page) => {
      // Pictures below the fold are fetched when they come near.
      await page.evaluate(
        "Promise.all([...document.images].map((image) => { image.loading = 'eager'; return image.decode(); }))",
      );
      await page.screenshot({ path: new URL(`${name}-${device}.png`, OUTPUT).pathname, fullPage: true });
      const overflow = await page.evaluate(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      );
      expect(overflow, 'pixels too wide').toBeLessThanOrEqual(0);
      await page.evaluate(axe);
      const result = await page.evaluate<AxeResult>("axe.run({ resultTypes: ['violations'] })");
      await writeFile(new URL(`${name}-${device}.axe.json`, OUTPUT), JSON.stringify(result.violations, null, 2));
      expect(
        result.violations.map(({ id, impact, nodes }) => `${impact ?? ''} ${id}: ${nodes[0]?.html ?? ''}`),
      ).toEqual([]);
      expect(await page.title()).toMatch(/ - absence-watch$/);
      expect(await page.locator('h1').count()).toBe(1);
      expect(await page.locator('.composed').innerText()).toContain('COMPOSED');
      const widths = await page.evaluate<number[]>('[...document.images].map((image) => image.naturalWidth)');
      expect(widths.every((width) => width > 0)).toBe(true);
      if (['luton', 'england', 'region'].includes(name)) expect(widths.length).toBeGreaterThan(3);
    });
    const foreign = requests.filter((url) => !url.startsWith(world.web.url));
    expect(foreign).toEqual([]);
    expect(complaints.filter((said) => !(name === 'nothing' && said.includes('404')))).toEqual([]);
  });
});

it('the page is legible in the dark and on paper', async () => {
  for (const name of ['overview', 'luton'])
    await visit(
      pages[name] ?? '',
      1280,
      async (page) => {
        await page.screenshot({ path: new URL(`${name}-dark.png`, OUTPUT).pathname, fullPage: true });
        await page.evaluate(axe);
        const result = await page.evaluate<AxeResult>(
          "axe.run({ runOnly: ['color-contrast'], resultTypes: ['violations'] })",
        );
        expect(result.violations).toEqual([]);
        await page.emulateMedia({ media: 'print', colorScheme: 'light' });
        await page.pdf({ path: new URL(`${name}.pdf`, OUTPUT).pathname, format: 'A4' });
        await page.setViewportSize({ width: 720, height: 1000 });
        await page.screenshot({ path: new URL(`${name}-print.png`, OUTPUT).pathname, fullPage: true });
      },
      'dark',
    );
});

interface WideTable {
  label: string | null;
  role: string | null;
  focusable: boolean;
  shaded: boolean;
  columns: number;
  hinted: boolean;
  scrolled: boolean;
}

it('a table wider than a phone says so, and scrolls by keyboard', async () => {
  await visit(pages['overview'] ?? '', WIDTHS.phone, async (page) => {
    const tables = await page.evaluate<WideTable[]>(`[...document.querySelectorAll('.scroll')]
      .filter((box) => box.scrollWidth > box.clientWidth)
      .map((box) => {
        box.focus();
        const focusable = document.activeElement === box;
        box.scrollLeft = 40;
        return {
          label: box.getAttribute('aria-label'), role: box.getAttribute('role'), focusable,
          shaded: getComputedStyle(box).backgroundImage.split('linear-gradient').length === 5,
          columns: box.querySelectorAll('thead th').length,
          hinted: [...box.querySelectorAll('.hint')].some((hint) => hint.getClientRects().length > 0),
          scrolled: box.scrollLeft > 0,
        };
      })`);
    expect(tables.length).toBeGreaterThan(0);
    for (const { columns, ...table } of tables)
      expect(table).toEqual({
        ...{ label: expect.stringMatching(/./) as string, role: 'region', focusable: true, shaded: true },
        ...{ hinted: columns >= 5, scrolled: true },
      });
  });
  await visit(pages['overview'] ?? '', WIDTHS.desk, async (page) => {
    expect(await page.locator('.hint:visible').count()).toBe(0);
  });
});
