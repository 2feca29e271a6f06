/** The mails as a reader sees them: in a real browser, narrow and wide, light and dark. Pictures in test-output/mails. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import chromium from '@sparticuz/chromium';
import { chromium as playwright, type Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderChart } from '../../src/alerts/chart.js';
import { renderMail } from '../../src/alerts/mail.js';
import type { MailModel } from '../../src/alerts/mail-model.js';
import { SITUATIONS } from './mail-fixtures.js';

const OUTPUT = join(import.meta.dirname, '../../test-output/mails');
const SHOWN = [
  'the-story-of-luton',
  'several-areas',
  'gap-to-england',
  'reminder-between-the-lines',
  'composed',
  'more-areas-than-a-mail-holds',
  'year-to-date-of-a-school-type',
];

let browser: Browser;
beforeAll(async () => {
  mkdirSync(OUTPUT, { recursive: true });
  browser = await playwright.launch({
    executablePath: await chromium.executablePath(),
    args: ['--no-sandbox', '--disable-gpu'],
    headless: true,
  });
});
afterAll(() => browser.close());

/** With real charts, and pictures inside the page instead of in parts of the mail. */
async function page(model: MailModel): Promise<string> {
  const sections = await Promise.all(
    model.sections.map(async (one) => ({
      ...one,
      chart: one.brief?.chart === undefined ? undefined : await renderChart(one.brief.chart),
    })),
  );
  const { html, attachments } = renderMail({ ...model, sections });
  return attachments.reduce(
    (text, { cid, content }) =>
      cid === undefined ? text : text.replaceAll(`cid:${cid}`, `data:image/png;base64,${content.toString('base64')}`),
    html,
  );
}

describe('in a browser', () => {
  for (const name of SHOWN)
    it(`fits 320 and 700 pixels, light and dark, and loads nothing: ${name.replaceAll('-', ' ')}`, async () => {
      const html = await page(SITUATIONS[name]?.() ?? expect.fail(`no situation ${name}`));
      const tab = await browser.newPage();
      const asked: string[] = [];
      tab.on('request', (request) => {
        if (!request.url().startsWith('data:')) asked.push(request.url());
      });
      await tab.setContent(html, { waitUntil: 'load' });
      for (const width of [320, 700])
        for (const colorScheme of ['light', 'dark'] as const) {
          await tab.setViewportSize({ width, height: 900 });
          await tab.emulateMedia({ colorScheme });
          const measured = await tab.evaluate<{ wide: number; pictures: number[]; contrast: [string, string] }>(
            MEASURE,
          );
          expect(measured.wide, 'nothing sticks out').toBeLessThanOrEqual(width);
          for (const picture of measured.pictures) expect(picture).toBeGreaterThan(width === 320 ? 250 : 400);
          expect(contrastOf(...measured.contrast)).toBeGreaterThan(7);
          await tab.screenshot({ path: join(OUTPUT, `${name}-${width}-${colorScheme}.png`), fullPage: true });
        }
      expect(asked).toEqual([]);
      await tab.close();
    });
});

/** Runs in the page: how wide it is, how wide its pictures are, and the colours of heading and ground. */
const MEASURE = `({
  wide: document.documentElement.scrollWidth,
  pictures: [...document.images].map((image) => (image.complete ? image.getBoundingClientRect().width : 0)),
  contrast: [
    getComputedStyle(document.querySelector('h1')).color,
    getComputedStyle(document.querySelector('.sheet')).backgroundColor,
  ],
})`;

/** WCAG contrast of two CSS colours 'rgb(r, g, b)'. */
function contrastOf(one: string, other: string): number {
  const [a, b] = [luminance(one), luminance(other)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [...colour.matchAll(/\d+/g)].map(([part]) => {
    const channel = Number(part) / 255;
    return channel <= 0.03928 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
