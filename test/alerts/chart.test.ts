import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { composeBrief } from '../../src/alerts/brief.js';
import type { ChartModel } from '../../src/alerts/brief-model.js';
import { renderChart, spread } from '../../src/alerts/chart.js';
import { lutonFacts, row, term, years } from './brief-fixtures.js';

const OUTPUT = join(import.meta.dirname, '../../test-output/charts');

function luton(options: Parameters<typeof composeBrief>[1] = {}): ChartModel {
  const model = composeBrief(lutonFacts(), options).chart;
  if (model === undefined) throw new Error('Luton has a chart');
  return model;
}

/** Draws, and keeps the picture for looking at. */
async function drawn(name: string, model: ChartModel) {
  const chart = await renderChart(model);
  mkdirSync(OUTPUT, { recursive: true });
  writeFileSync(join(OUTPUT, `${name}.png`), chart.png);
  return chart;
}

describe('the chart', () => {
  it('draws area, region, England and the line, as a picture of twice its width', async () => {
    const { png, svg } = await drawn('luton-severe', luton({ focus: 'severe_absence_rate', threshold: 1.4 }));
    expect(png.subarray(1, 4).toString()).toBe('PNG');
    expect(png.readUInt32BE(16)).toBe(960);
    for (const name of ['Luton', 'East of England', 'England', 'your line: 1.4%', '1.5%', '2.2%', '2.3%'])
      expect(svg).toContain(`>${name}<`);
  });

  it('draws the lines of several rules, named by one label', async () => {
    const { svg } = await drawn('luton-two-lines', {
      ...luton({ focus: 'severe_absence_rate', threshold: 1.5 }),
      otherThresholds: [1.4],
    });
    expect(svg).toContain('>your lines: 1.4%, 1.5%<');
    expect(svg.match(/aria-roledescription="rule mark"/g)).toHaveLength(2);
  });

  it('draws letters: without a font the picture would be far smaller', async () => {
    const full = await renderChart(luton());
    const bare = await renderChart({ ...luton(), title: ' ', labels: luton().labels });
    expect(full.png.length).toBeGreaterThan(bare.png.length + 1000);
  });

  it('interrupts the lines where years are missing', async () => {
    const { svg } = await drawn('luton-persistent', luton());
    const line = /aria-label="line mark container">(.*?)<\/g><g/s.exec(svg)?.[0] ?? svg;
    // Luton and England before and after the pandemic, the region after it.
    expect(line.match(/aria-roledescription="line mark"/g)).toHaveLength(5);
  });

  it('says COMPOSED on composed figures', async () => {
    expect((await drawn('composed', luton({ composed: true }))).svg).toContain('COMPOSED FIGURES');
  });

  it('is legible where names are long, lines lie close and years are many', async () => {
    const name = 'Bournemouth, Christchurch and Poole';
    const rates = (start: number): Record<number, [string]> =>
      Object.fromEntries(
        Array.from({ length: 19 }, (_, i) => [2006 + i, [(start + Math.sin(i) / 3).toFixed(1)]] as [number, [string]]),
      );
    const facts = lutonFacts({
      area: { name, level: 'Local authority', code: 'E06000058', regionName: 'South West' },
      own: years(rates(17), { area: name }),
      region: years(rates(17.1), { area: 'South West' }),
      england: years(rates(17.05), { area: 'England' }),
    });
    const model = composeBrief(facts).chart;
    expect(model).toBeDefined();
    if (model !== undefined) await drawn('close-lines', model);
  });

  it('names the ends of lines to the right of the plot, clear of the threshold line, markers and each other', async () => {
    const severe = (last: string, area = 'Luton') =>
      years({ 2022: ['17', '1.4'], 2023: ['17', '1.7'], 2024: ['17', last] }, { area });
    const facts = lutonFacts({
      own: severe('2.04'),
      region: severe('2.02', 'East of England'),
      england: severe('2.01'),
    });
    const model = composeBrief(facts, { focus: 'severe_absence_rate', threshold: 2, places: 2 }).chart;
    if (model === undefined) throw new Error('three years make a chart');
    const { svg } = await drawn('close-to-the-line', model);
    const at = (text: string): [number, number] => {
      const found = new RegExp(`translate\\(([\\d.]+),([\\d.]+)\\)[^>]*>${text}<`).exec(svg);
      return [Number(found?.[1]), Number(found?.[2])];
    };
    const labels = ['2.04%', '2.02%', '2.01%'].map(at);
    const rule = /aria-roledescription="rule mark" transform="translate\(([\d.]+),[\d.]+\)"/.exec(svg);
    const edge = Number(rule?.[1]);
    expect(edge).toBeGreaterThan(300);
    for (const [x] of labels) expect(x).toBeGreaterThan(edge);
    const heights = labels.map(([, y]) => y);
    heights.slice(1).forEach((y, i) => {
      expect(y - (heights[i] ?? 0)).toBeGreaterThanOrEqual(14);
    });
  });

  it.each([
    ['above', ['2.05', '2.05', '2.1', '2.3'], 'below'],
    ['below', ['1.95', '1.95', '1.9', '1.9'], 'above'],
  ] as const)(
    'writes the label of the line over all other marks, and where England runs %s it to the side with room',
    async (where, england, side) => {
      const severe = (rates: Readonly<Record<number, string>>, area: string) =>
        years(
          Object.fromEntries(Object.entries(rates).map(([year, rate]) => [year, ['17', rate] as [string, string]])),
          {
            area,
          },
        );
      const facts = lutonFacts({
        own: severe({ 2021: '1.2', 2022: '1.4', 2023: '1.5', 2024: '2.1' }, 'Luton'),
        region: severe({ 2021: '1.5', 2022: '1.8', 2023: '2.0', 2024: '2.2' }, 'East of England'),
        england: severe(Object.fromEntries(england.map((rate, i) => [2021 + i, rate])), 'England'),
      });
      const model = composeBrief(facts, { focus: 'severe_absence_rate', threshold: 2 }).chart;
      if (model === undefined) throw new Error('four years make a chart');
      const { svg } = await drawn(`england ${where} the line`.replaceAll(' ', '-'), model);
      const label = svg.lastIndexOf('>your line: 2.0%<');
      expect(label).toBeGreaterThan(svg.lastIndexOf('aria-roledescription="line mark"'));
      expect(label).toBeGreaterThan(svg.lastIndexOf('aria-roledescription="point"'));
      const height = (pattern: RegExp): number => Number(pattern.exec(svg)?.[1]);
      const rule = height(/aria-roledescription="rule mark" transform="translate\([\d.]+,([\d.]+)\)"/);
      const text = height(/translate\([\d.]+,([\d.]+)\)[^>]*>your line: 2\.0%</);
      // Where letters stand: from the height of their foot.
      expect(text < rule ? 'above' : 'below').toBe(side);
    },
  );

  it('spreads labels that crowd evenly around their middle, and inside the plot', () => {
    expect(spread([5, 3, 1], 1, [0, 6])).toEqual([5, 3, 1]);
    expect(spread([3, 3, 3], 1, [0, 6])).toEqual([4, 3, 2]);
    expect(spread([6, 6], 1, [0, 6])).toEqual([6, 5]);
    expect(spread([0.2, 0.1, 0], 1, [0, 6])).toEqual([2, 1, 0]);
    expect(spread([], 1, [0, 6])).toEqual([]);
  });

  it('tells the trend in its alt text, each stretch for itself', () => {
    expect(luton({ focus: 'severe_absence_rate', threshold: 1.4 }).alt).toBe(
      'Line chart: severe absence in Luton, autumn and spring terms. Luton: from 0.5% in 2016/17 to 0.6% in 2018/19; after an interruption from 1.2% in 2021/22 to 1.5% in 2024/25. East of England: from 1.5% in 2021/22 to 2.2% in 2024/25, its highest. England: from 0.7% in 2016/17 to 0.8% in 2018/19; after an interruption from 1.4% in 2021/22 to 2.3% in 2024/25, its highest. A dashed line marks 1.4%. The lines are interrupted where figures are missing or cannot be compared.',
    );
  });

  it('keeps the figures of its alt text on their side of the line, and calls no equal of an earlier one its highest', () => {
    const severe = (rates: readonly string[]) =>
      lutonFacts({
        own: years(Object.fromEntries(rates.map((rate, i) => [2025 - rates.length + i, ['17.3', rate] as const]))),
        region: [],
        england: [],
      });
    const alt = (rates: readonly string[], threshold: number) =>
      composeBrief(severe(rates), { focus: 'severe_absence_rate', threshold }).chart?.alt;
    expect(alt(['1.5', '2.04'], 2)).toContain('to 2.04% in 2024/25. A dashed line marks 2.00%.');
    expect(alt(['1.5', '2.1', '1.7', '2.1'], 1)).toContain('to 2.1% in 2024/25. A dashed');
    expect(alt(['1.5', '1.6', '1.7', '2.1'], 1)).toContain('to 2.1% in 2024/25, its highest. A dashed');
  });

  it('prints the figures of all lines, in picture and alt text, with the same decimals', async () => {
    const model = luton({ focus: 'severe_absence_rate', threshold: 1.46 });
    expect(model.alt).toContain('England: from 0.70% in 2016/17');
    expect(model.alt).toContain('East of England: from 1.50% in 2021/22 to 2.20% in 2024/25');
    const { svg } = await renderChart(model);
    for (const end of ['1.50%', '2.20%', '2.28%']) expect(svg).toContain(`>${end}<`);
  });

  it('claims a record in its alt text exactly where the prose does, with the decimals of both', () => {
    const rates = ['1.96', '1.99', '1.95', '1.89'];
    const rows = (some: readonly string[], area?: string) =>
      years(
        Object.fromEntries(some.map((rate, i) => [2025 - some.length + i, ['17.3', rate] as const])),
        area === undefined ? {} : { area },
      );
    const of = (some: readonly string[], places: number) => {
      const own = rows(some);
      const brief = composeBrief(lutonFacts({ own, region: [], england: rows(rates, 'England') }), {
        focus: 'severe_absence_rate',
        places,
      });
      const prose = brief.paragraphs[0]?.sentences.map(({ text }) => text).join(' ') ?? '';
      return { prose, alt: brief.chart?.alt ?? '' };
    };
    const fine = of(rates, 2);
    expect(fine.prose).toContain('That is the lowest since the figures on record began in 2021/22.');
    expect(fine.alt).toContain(
      'Luton: from 1.96% in 2021/22, highest at 1.99% in 2022/23, to 1.89% in 2024/25, its lowest.',
    );
    const alike = of(['1.91', '1.93', '1.92', '1.89'], 1);
    expect(alike.prose).not.toContain('lowest');
    expect(alike.alt).not.toContain('Luton: from 1.9% in 2021/22 to 1.9% in 2024/25, its');
  });

  it('has a gap at its end where the newest figure is withheld, and says so', async () => {
    const own = [
      ...years({ 2021: ['22.4', '1.2'], 2022: ['20.6', '1.4'], 2023: ['18.0', '1.5'] }),
      row(term(2024), {}, { symbols: { persistent_absence_rate: 'c', severe_absence_rate: 'c' } }),
    ];
    for (const focus of [undefined, 'severe_absence_rate'] as const) {
      const { chart } = composeBrief(lutonFacts({ own }), focus === undefined ? {} : { focus, threshold: 1.4 });
      expect(chart).toBeDefined();
      if (chart === undefined) continue;
      expect(chart.measure).toBe(focus ?? 'persistent_absence_rate');
      expect(chart.labels.at(-1)).toBe('2024/25');
      expect(chart.lines[0]?.points.at(-1)?.label).toBe('2023/24');
      expect(chart.alt).toContain(
        `in 2023/24; the figure for 2024/25 is withheld so that no pupil can be identified (published as “c”). East of England:`,
      );
      const { svg } = await drawn(`withheld ${chart.measure}`, chart);
      expect(svg).toContain(focus === undefined ? '>18.0%<' : '>1.5%<');
    }
    const others = composeBrief(lutonFacts({ own, region: [], england: [] })).chart;
    expect(others?.labels.at(-1)).toBe('2024/25');
  });

  it('is not drawn of a single figure', () => {
    expect(composeBrief(lutonFacts({ own: years({ 2024: ['17.3'] }) })).chart).toBeUndefined();
  });
});
