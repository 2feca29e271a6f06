/** Answers of EES made wrong by chance: an error in words or a file that was published, byte for byte; never anything else. */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StandIn } from '../../demo/stand-in.js';
import { createEesClient } from '../../src/extract/client.js';
import { discover } from '../../src/extract/discover.js';
import { download } from '../../src/extract/download.js';
import { EesError } from '../../src/extract/errors.js';
import { chance as chanceOf, type Chance } from './harness/chance.js';
import { INPUTS, mutatedJson, tryAll } from './harness/mutate.js';
import { smallGroups, smallLong, smallWide, type SmallFile } from './harness/small-files.js';

const PUBLICATION = 'pupil-absence-in-schools-in-england';
const FILE: SmallFile = { identifier: 'Academic year', years: [2023, 2024] };
const CONTENTS = [smallWide(FILE), smallGroups(FILE, {}), smallLong(FILE)];
const PUBLISHED = new Set(CONTENTS.map((content) => createHash('sha256').update(content).digest('hex')));

let ees: StandIn;
let directory: string;

beforeAll(async () => {
  ees = await StandIn.start();
  directory = await mkdtemp(join(tmpdir(), 'fuzz-ees-'));
  const [wide = '', groups = '', long = ''] = CONTENTS;
  const files = [
    { name: 'wide.csv', title: 'Absence rates by geographic level', content: wide },
    { name: 'groups.csv', title: 'Absence by pupil characteristics', content: groups },
    {
      name: 'long.csv',
      title: 'Absence for persistent and severe absentees',
      content: long,
      api: { dataSetId: '019d209c-08dc-74b6-9edb-52d521406fcf' },
    },
  ];
  ees.publish({
    publication: PUBLICATION,
    slug: '2024-25',
    title: 'Academic year 2024/25',
    at: '2026-03-26T09:30:05Z',
    files,
  });
});
afterAll(async () => {
  await ees.close();
  await rm(directory, { recursive: true });
});

/** One run against answers of which about `share` are wrong. @returns how many were, and the files that came */
async function look(chance: Chance, share: number): Promise<{ wrong: number; hashes: string[] }> {
  let wrong = 0;
  ees.restoreRoutes();
  ees.removeRoute(/./, (value) => {
    if (chance.next() >= share) return value;
    wrong++;
    return mutatedJson(value, chance);
  });
  const client = createEesClient({
    ...{ apiUrl: ees.apiUrl, contentUrl: ees.contentUrl, version: '0', environment: {} },
    timing: { attempts: 2, firstWaitMs: 1, longestWaitMs: 2, requestMs: 5_000, headersMs: 5_000 },
    budget: { requests: 300 },
  });
  const hashes: string[] = [];
  try {
    const found = await discover(client, [{ publication: PUBLICATION }], undefined, { apiPatienceMs: 0 });
    for (const file of found.files)
      try {
        const got = await download(client, file, directory, { stallMs: 5_000 });
        if (got.kind !== 'file') continue;
        hashes.push(got.sha256);
        await got.remove();
      } catch (error) {
        if (!(error instanceof EesError)) throw error;
      }
    // What is remembered of it must be able to go through JSON and back.
    JSON.parse(JSON.stringify(found.remember(found.files)));
  } catch (error) {
    if (!(error instanceof EesError)) throw error;
  } finally {
    client.close();
  }
  return { wrong, hashes };
}

describe('answers of EES', () => {
  it(
    'are an error in words, or lead to published bytes alone; nothing is left over',
    { timeout: 4 * 3_600_000 },
    async () => {
      const whole = await look(chanceOf(1), 0);
      expect(new Set(whole.hashes)).toEqual(PUBLISHED);
      let runs = 0;
      let files = 0;
      const wrong = await tryAll(INPUTS, async (chance) => {
        const seen = await look(chance, chance.of([0.1, 0.3, 1]));
        runs++;
        files += seen.hashes.length;
        for (const hash of seen.hashes) expect(PUBLISHED.has(hash)).toBe(true);
        expect(await readdir(directory)).toEqual([]);
        return seen.wrong;
      });
      console.log(`Answers of EES: ${wrong} made wrong in ${runs} runs, ${files} files came all the same`);
    },
  );
});
