/** A data set of 25 versions, two pages of the list: a patch to an old one, and one to the newest, between two polls. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { StandIn } from '../../demo/stand-in.js';
import { discover } from '../../src/extract/discover.js';
import { ABSENCE, clientFor, long, LONG_SET } from './support.js';

const HOUR = 3_600_000;
const TITLE = 'Absence for persistent and severe absentees';
const slugOf = (minor: number): string => `${2000 + minor}-${String(1 + minor).padStart(2, '0')}`;

/** Versions 1.0 to 1.24, each of a release of its own. */
async function world() {
  let now = Date.parse('2026-04-01T09:30:00Z');
  const ees = await StandIn.start({ now: () => new Date(now), apiLagMs: 20_000 });
  const client = clientFor(ees, {
    now: () => now,
    sleep: (ms) => Promise.resolve(void (now += ms)),
    budget: { ms: Infinity },
  });
  onTestFinished(async () => {
    client.close();
    await ees.close();
  });
  for (let minor = 0; minor < 25; minor += 1)
    ees.publish({
      publication: ABSENCE,
      slug: slugOf(minor),
      title: `Academic year ${slugOf(minor)}`,
      at: new Date((now += 60_000)),
      files: [{ name: 'long.csv', title: TITLE, content: long(`1${minor}`), api: { dataSetId: LONG_SET } }],
    });
  now += HOUR;
  let memory: unknown;
  return {
    ees,
    patch: (minor: number): void => {
      const replace = [{ file: TITLE, content: long(`2${minor}`) }];
      ees.amend({ publication: ABSENCE, release: slugOf(minor), at: new Date((now += 60_000)), replace });
    },
    /** Polls, an hour from one to the next. @returns what each of them loads */
    polls: async (count: number): Promise<string[]> => {
      const loaded: string[] = [];
      for (let poll = 0; poll < count; poll += 1) {
        now += HOUR;
        const found = await discover(client, [{ publication: ABSENCE }], memory, { apiPatienceMs: 0 });
        loaded.push(
          found.files.map(({ source }) => (source.kind === 'api' ? source.version : 'of the website')).join(' '),
        );
        memory = JSON.parse(JSON.stringify(found.remember(found.files)));
      }
      return loaded;
    },
  };
}

describe('a patch to an older version, published before one to the newest', () => {
  it.each([
    ['after the website had been read', false],
    ['where the website was never there', true],
  ])(
    'is loaded once while the website is gone, %s; no other version is',
    async (_when, isGoneFromTheStart) => {
      const { ees, patch, polls } = await world();
      if (isGoneFromTheStart) ees.removeRoute(/^\/content\/api/);
      expect(await polls(1)).toEqual(['1.24']);
      ees.removeRoute(/^\/content\/api/);
      expect(await polls(3)).toEqual(['', '', '']);
      patch(2);
      patch(24);
      // The poll after them looks at one page of the list, the steps of the round at both.
      const loaded = (await polls(6)).flatMap((each) => each.split(' ')).filter((each) => each !== '');
      expect(loaded.toSorted()).toEqual(['1.2.1', '1.24.1']);
    },
    60_000,
  );

  it.each([
    ['with the website', false],
    ['without the website', true],
  ])(
    'is history where it was there before the first look, %s',
    async (_how, isGone) => {
      const { ees, patch, polls } = await world();
      patch(24);
      patch(2);
      if (isGone) ees.removeRoute(/^\/content\/api/);
      expect(await polls(1)).toEqual(['1.24.1']);
      expect(await polls(6)).toEqual(['', '', '', '', '', '']);
      ees.removeRoute(/^\/content\/api/);
      expect(await polls(4)).toEqual(['', '', '', '']);
    },
    60_000,
  );
});
