/** Fault case 24: an authority that was abolished, and what the operator hears of it. */
import { expect, it } from 'vitest';
import { smallWide, type SmallFile } from './harness/small-files.js';
import type { RunReport } from '../../src/pipeline.js';
import { CONFIG, watch } from './harness/watch.js';

/** Luton's figures as Cumbria's, which was abolished on 31 March 2023. */
function cumbria(file: SmallFile): string {
  return smallWide(file).replaceAll(/,821,E06000032,Luton|,E06000032,821,Luton/g, (place) =>
    place.replace('821', '909').replace('E06000032', 'E10000006').replace('Luton', 'Cumbria'),
  );
}

async function years(config: string) {
  const world = await watch({ config });
  const year = async (first: number, without = '-'): Promise<RunReport> => {
    const at = `${first + 2}-03-20`;
    world.at(`${at}T09:32:00Z`);
    const file: SmallFile = {
      ...{ identifier: 'Academic year', years: Array.from({ length: first - 2020 }, (_, i) => 2021 + i) },
      shares: { 'Luton 2022': [20.6, 1.8] },
    };
    const content = cumbria(file)
      .split('\n')
      .filter((line) => !(line.includes('Cumbria') && line.slice(0, 6) >= without && /^\d/.test(line)))
      .join('\n');
    world.publish({
      ...{ slug: String(first), title: `Academic year ${first}/${(first + 1) % 100}`, at: `${at}T09:30:00Z` },
      content,
    });
    return (await world.run()).report;
  };
  return { world, year };
}

const ENDED = ['absence-watch: Cumbria has come to its end'];
const WHY =
  'Cumbria was abolished on 31 March 2023 and has no figure of its own any more: its place was taken by Cumberland, and by Westmorland and Furness.';

it('is told to the operator once, with its successors and what names it in the configuration', async () => {
  const config = CONFIG.replaceAll('areas: [Luton]', 'areas: [Cumbria]');
  const { world, year } = await years(`${config}\nbriefs: [{ areas: [Cumbria], notify: [team] }]\n`);
  await year(2021, 'z');
  await year(2022, 'z');
  expect(world.subjects('ops@luton.example')).toEqual([]);
  const report = await year(2023, '202324');
  expect(world.subjects('ops@luton.example')).toEqual(ENDED);
  expect(report.notes.join('\n')).toContain(
    `${WHY} The configuration names it in rule "Luton persistent" and in \`briefs\`, where nothing more will come of it: name there what took its place, or take it out.`,
  );
  await year(2024, '202324');
  expect(world.subjects('ops@luton.example')).toEqual(ENDED);
});

it('is told also where briefs alone name it', async () => {
  const { world, year } = await years(`${CONFIG}\nbriefs: [{ areas: [Cumbria], notify: [team] }]\n`);
  await year(2022, 'z');
  const report = await year(2023, '202324');
  expect(world.subjects('ops@luton.example')).toEqual(ENDED);
  expect(report.notes.join('\n')).toContain(`${WHY} The configuration names it in \`briefs\`, where`);
});

it('is told as nothing to change where rules watch it as one of many', async () => {
  const config = CONFIG.replaceAll('areas: [Luton]', 'areas: [{ level: Local authority }]');
  const { world, year } = await years(config);
  await year(2022, 'z');
  const report = await year(2023, '202324');
  expect(world.subjects('ops@luton.example')).toEqual(ENDED);
  expect(report.notes.join('\n')).toMatch(/It was watched by rules ".*" as one of many: nothing is to be changed\./);
});
