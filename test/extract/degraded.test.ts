/**
 * A way to EES that is gone stays gone until it was asked again and answered; the operator hears of each edge once,
 * however many steps of the round of the official API met it.
 */
import { simpleParser } from 'mailparser';
import { describe, expect, it } from 'vitest';
import type { Status } from '../../src/service/status.js';
import { smallWide } from '../fault/harness/small-files.js';
import {
  ABSENCE,
  CONFIG,
  CROSSED,
  FILE_TITLE,
  publishCrossing,
  QUIET,
  watch,
  watchWithHistory,
  type Watch,
} from '../fault/harness/watch.js';
import { anyOf, ATTENDANCE, LONG_SET, long, reasons, stringMatching } from './support.js';

const OTHER_SET = '019d209c-08dc-74b6-9edb-52d521406f00';

const GONE = (what: string): string => `absence-watch: a way to EES is gone (${what})`;
const BACK = 'absence-watch: a way to EES is back';

/** Two files are published, one of them in the official API: a round of two steps. */
async function twoFiles(): Promise<Watch> {
  const world = await watch();
  world.ees.publish({
    publication: ABSENCE,
    slug: '2022-23',
    title: 'Academic year 2022/23',
    at: '2024-03-21T09:30:02Z',
    files: [
      { name: 'pa.csv', title: 'Persistent absentees', content: long(), api: { dataSetId: LONG_SET } },
      { name: 'wide.csv', title: FILE_TITLE, content: smallWide(QUIET) },
    ],
  });
  return world;
}

/** As `twoFiles`, loaded. */
async function watchOfTwoFiles(): Promise<Watch> {
  const world = await twoFiles();
  expect((await world.run()).code).toBe(0);
  return world;
}

async function statusOf(world: Watch): Promise<Status> {
  return (await world.program.run('status', '--json')).json() as Status;
}

async function routes(world: Watch): Promise<string[]> {
  return (await statusOf(world)).degraded.map(({ route }) => route);
}

const operatorMails = (world: Watch): string[] => world.subjects('ops@luton.example');

describe('what the operator hears of a way to EES that is gone', () => {
  it('the official API down for four polls: one mail, whichever step met it; one more when any step is answered', async () => {
    const world = await watchOfTwoFiles();
    world.ees.fault(({ path }) => (path.startsWith('/statistics') ? { kind: 'server error' } : undefined));
    const seen: string[][] = [];
    for (let poll = 0; poll < 4; poll++) {
      world.at(`2024-04-05T09:1${poll}:00Z`);
      expect((await world.run()).code).toBe(3);
      seen.push(await routes(world));
    }
    expect(new Set(seen.map(String)).size).toBe(1);
    expect(seen[0]).toHaveLength(1);
    expect(operatorMails(world)).toEqual([GONE('the official API')]);
    world.ees.fault();
    world.at('2024-04-05T10:30:00Z');
    expect((await world.run()).code).toBe(0);
    expect(await routes(world)).toEqual([]);
    expect(operatorMails(world)).toEqual([GONE('the official API'), BACK]);
  }, 120_000);

  it('the official API that answers 503 to a poll or two: nothing, as product.md has it of what may pass', async () => {
    const world = await watchOfTwoFiles();
    world.ees.fault(({ path }) => (path.startsWith('/statistics') ? { kind: 'unavailable' } : undefined));
    for (const minute of [10, 12]) {
      world.at(`2024-04-05T09:${minute}:00Z`);
      expect((await world.run()).code).toBe(3);
      expect(await routes(world)).toHaveLength(1);
    }
    world.ees.fault();
    world.at('2024-04-05T09:14:00Z');
    expect((await world.run()).code).toBe(0);
    expect(operatorMails(world)).toEqual([]);
  }, 60_000);

  it.each([
    ['answers 404', 404],
    ['answers 500 while the rest is well', 500],
  ])(
    'the versions of the official API %s: polls that ask another step end 0 and forget nothing',
    async (_how, code) => {
      const world = await watchOfTwoFiles();
      const versions = /\/statistics\/v1\/data-sets\/[^/]+\/versions/;
      if (code === 404) world.ees.removeRoute(versions);
      else world.ees.fault(({ path }) => (versions.test(path) ? { kind: 'server error' } : undefined));
      const codes: number[] = [];
      for (let poll = 0; poll < 8; poll++) {
        world.at(`2024-04-05T09:1${poll}:00Z`);
        codes.push((await world.run()).code);
      }
      expect(codes.toSorted()).toEqual([0, 0, 0, 0, 3, 3, 3, 3]);
      expect(await routes(world)).toEqual(['data-sets/…/versions']);
      // One answer 500 looks like the whole API, and may pass: nothing is said of it until it alone has failed again.
      expect(operatorMails(world)).toEqual([GONE('the official API')]);
      const before = operatorMails(world).length;
      world.ees.restoreRoutes();
      world.ees.fault();
      for (const minute of [30, 32]) {
        world.at(`2024-04-05T09:${minute}:00Z`);
        expect((await world.run()).code).toBe(0);
      }
      expect(await routes(world)).toEqual([]);
      expect(operatorMails(world).slice(before)).toEqual([BACK]);
    },
    120_000,
  );

  it('routes of the website gone: one mail each, and status shows them through quiet polls until they answer', async () => {
    const world = await watchOfTwoFiles();
    world.ees.removeRoute(/data-content|\/updates/);
    for (const day of ['02', '03', '04']) {
      world.at(`2024-04-${day}T09:00:00Z`);
      world.ees.amend({ publication: ABSENCE, release: '2022-23', note: `Note ${day}` });
      expect((await world.run()).code).toBe(3);
      world.at(`2024-04-${day}T09:02:00Z`);
      expect((await world.run()).code).toBe(0);
      expect(await routes(world)).toEqual(['releases/…/data-content', 'releases/…/updates']);
    }
    const gone = [GONE('the website: releases/.../data-content'), GONE('the website: releases/.../updates')];
    expect(operatorMails(world)).toEqual(gone);
    world.ees.restoreRoutes();
    // Nothing is published that would ask for them: the round of quiet polls does.
    for (const minute of ['00', '02', '04', '06']) {
      world.at(`2024-04-05T09:${minute}:00Z`);
      const { code, report } = await world.run();
      expect([code, report.requests]).toEqual([0, 2]);
    }
    expect(await routes(world)).toEqual([]);
    expect(operatorMails(world)).toEqual([...gone, BACK, BACK]);
  }, 120_000);
});

describe('both lists of the files of a release gone', () => {
  const GONE_FILES = GONE('the website: releases/.../data-content');

  async function amendedMeanwhile(): Promise<Watch> {
    const world = await watchOfTwoFiles();
    world.ees.removeRoute(/data-content$|\/data-set-files$/);
    world.at('2024-04-02T09:00:00Z');
    world.amend({ slug: '2022-23', at: '2024-04-02T08:59:00Z', content: smallWide(CROSSED) });
    for (const minute of ['00', '02', '04', '06']) {
      world.at(`2024-04-02T09:${minute}:00Z`);
      await world.run();
    }
    return world;
  }

  it('is told once, with both reasons and what is missing', async () => {
    const world = await amendedMeanwhile();
    expect(operatorMails(world)).toEqual([GONE_FILES]);
    const { degraded } = await statusOf(world);
    expect(degraded).toMatchObject([
      {
        route: 'releases/…/data-content',
        reason: stringMatching(
          /data-content answered 404.*; nor does the data catalogue help: .*data-set-files\S* answered 404/,
        ),
        missing: [stringMatching(/term releases above all/), anyOf(String), anyOf(String), anyOf(String)],
      },
    ]);
    const { text = '' } = await simpleParser(world.mail.messages.at(-1)?.raw ?? '');
    expect(text).toContain('Missing meanwhile: release files that are not in the official API');
    expect(text).not.toContain('nothing is missing');
    world.ees.restoreRoutes();
    world.at('2024-04-02T09:30:00Z');
    expect((await world.run()).code).toBe(0);
    expect(await world.figures()).toContain('202324 20.6');
    expect(await routes(world)).toEqual([]);
    expect(operatorMails(world)).toEqual([GONE_FILES, BACK]);
  }, 120_000);

  it('and the catalogue back alone: nothing is missing any more, and nobody hears of it twice', async () => {
    const world = await amendedMeanwhile();
    world.ees.restoreRoutes();
    world.ees.removeRoute(/data-content$/);
    world.at('2024-04-02T09:30:00Z');
    await world.run();
    expect(await world.figures()).toContain('202324 20.6');
    expect((await statusOf(world)).degraded).toMatchObject([{ route: 'releases/…/data-content', missing: [] }]);
    expect(operatorMails(world)).toEqual([GONE_FILES]);
  }, 120_000);

  it('of which the catalogue answers, and lists nothing of a release that had files: told once, and over when it is', async () => {
    const world = await watchOfTwoFiles();
    const lists = /\/data-set-files$/;
    const emptied = (value: unknown): unknown => ({ ...(value as object), results: [] });
    world.ees.removeRoute(lists, emptied);
    world.ees.removeRoute(/data-content$/);
    world.at('2024-04-02T09:00:00Z');
    world.amend({ slug: '2022-23', at: '2024-04-02T08:59:00Z', content: smallWide(CROSSED) });
    await world.run();
    expect(operatorMails(world)).toEqual([GONE_FILES]);
    world.ees.restoreRoutes();
    for (const minute of ['30', '32', '34', '36']) {
      world.at(`2024-04-02T09:${minute}:00Z`);
      await world.run();
    }
    expect(await routes(world)).toEqual([]);
    expect(operatorMails(world)).toEqual([GONE_FILES, BACK]);
  }, 120_000);
});

describe("the website's listing gone", () => {
  /** Requests of one poll to each API. */
  async function pollAt(world: Watch, time: string): Promise<{ official: number; content: number }> {
    world.at(time);
    const from = world.ees.requests.length;
    await world.run();
    const paths = world.ees.requests.slice(from).map(({ path }) => path);
    return {
      official: paths.filter((path) => path.startsWith('/statistics')).length,
      content: paths.filter((path) => path.startsWith('/content')).length,
    };
  }

  it.each([
    ['removed', undefined],
    ['of another shape', () => ({ publications: [] })],
  ])(
    '(%s): a quiet poll is one request to each API, and what is published is taken up by the next',
    async (_how, answer) => {
      const world = await watchOfTwoFiles();
      world.ees.removeRoute(/sitemap-items$/, answer);
      await pollAt(world, '2024-04-05T09:10:00Z');
      for (let minute = 12; minute < 40; minute += 2)
        expect(await pollAt(world, `2024-04-05T09:${minute}:00Z`)).toEqual({ official: 1, content: 1 });
      world.ees.amend({
        publication: ABSENCE,
        release: '2022-23',
        at: '2024-04-05T09:40:30Z',
        replace: [{ file: 'pa.csv', content: long('19.0') }],
      });
      world.at('2024-04-05T09:41:00Z');
      expect((await world.run()).report.files.map(({ data_set }) => data_set)).toEqual(['Persistent absentees']);
      world.ees.restoreRoutes();
      await pollAt(world, '2024-04-05T09:42:00Z');
      expect(await routes(world)).toEqual([]);
    },
    120_000,
  );

  it('for one publication alone: the round of the others goes on with a step at each poll', async () => {
    const both = `  - publication: ${ABSENCE}\n  - publication: ${ATTENDANCE}\n`;
    const world = await watch({ config: CONFIG.replace(`  - publication: ${ABSENCE}\n`, both) });
    const file = (id: string) => ({
      name: 'pa.csv',
      title: 'Persistent absentees',
      content: long(),
      api: { dataSetId: id },
    });
    for (const [publication, id] of [
      [ABSENCE, LONG_SET],
      [ATTENDANCE, OTHER_SET],
    ] as const)
      world.ees.publish({
        publication,
        slug: '2022-23',
        title: '2022/23',
        at: '2024-03-21T09:30:02Z',
        files: [file(id)],
      });
    await pollAt(world, '2024-03-21T10:00:00Z');
    world.ees.removeRoute(/sitemap-items$/, (items) =>
      (items as { slug: string }[]).filter(({ slug }) => slug !== ATTENDANCE),
    );
    await pollAt(world, '2024-04-05T09:00:00Z');
    await pollAt(world, '2024-04-05T09:02:00Z');
    for (const minute of [10, 12, 14])
      expect(await pollAt(world, `2024-04-05T09:${minute}:00Z`)).toEqual({ official: 2, content: 1 });
    world.ees.withdrawVersion(LONG_SET, '1.0', '2024-04-05T09:15:00Z');
    // The list of one publication, and the versions of both.
    for (const minute of [16, 18, 20]) await pollAt(world, `2024-04-05T09:${minute}:00Z`);
    expect((await world.noticed()).map(({ what }) => what)).toContain('withdrawn');
    world.ees.amend({
      publication: ATTENDANCE,
      release: '2022-23',
      at: '2024-04-05T09:21:30Z',
      replace: [{ file: 'pa.csv', content: long('19.0') }],
    });
    world.at('2024-04-05T09:23:00Z');
    expect((await world.run()).report.files).toHaveLength(1);
  }, 120_000);

  it('a version withdrawn meanwhile is noticed within an hour for each step of the round', async () => {
    const world = await watchOfTwoFiles();
    world.ees.removeRoute(/sitemap-items$/);
    world.ees.withdrawVersion(LONG_SET, '1.0', '2024-04-05T09:00:00Z');
    const official: number[] = [];
    for (const time of ['09:10', '09:40', '10:09', '10:10', '10:40'])
      official.push((await pollAt(world, `2024-04-05T${time}:00Z`)).official);
    expect((await world.noticed()).map(({ what }) => what)).toContain('withdrawn');
    expect(official.filter((requests) => requests > 1).length).toBeLessThanOrEqual(2);
  }, 120_000);
});

describe('a way without which all figures come', () => {
  it.each([
    ['the notes on amendments', /\/updates/, 'releases/…/updates'],
    ['the list of files with their times', /\/data-set-files$/, 'data-set-files'],
    ['the columns of each file', /\/data-set-files\/[^/]+$/, 'data-set-files/…'],
  ])(
    '%s gone: the run ends 0, status and the operator are told',
    async (_what, route, name) => {
      const world = await watchOfTwoFiles();
      world.ees.removeRoute(route);
      world.at('2024-04-02T09:00:00Z');
      world.amend({ slug: '2022-23', at: '2024-04-02T08:59:00Z', content: smallWide(CROSSED), note: 'One file' });
      const { code, report } = await world.run();
      expect(code).toBe(0);
      expect(report.files).toMatchObject([{ outcome: 'loaded' }]);
      expect(await routes(world)).toEqual([name]);
      expect(operatorMails(world)).toEqual([GONE(`the website: ${name.replace('…', '...')}`)]);
    },
    120_000,
  );
});

it('columns that the website no longer tells come from the official API: what adds nothing is not fetched', async () => {
  const world = await watchOfTwoFiles();
  world.ees.removeRoute(/\/data-set-files\/[^/]+$/);
  world.at('2025-03-20T09:32:00Z');
  world.ees.publish({
    publication: ABSENCE,
    slug: '2023-24',
    title: 'Academic year 2023/24',
    at: '2025-03-20T09:30:02Z',
    files: [
      { name: 'why.csv', title: 'Sessions', content: reasons(), api: { dataSetId: OTHER_SET } },
      { name: 'wide.csv', title: FILE_TITLE, content: smallWide(CROSSED) },
    ],
  });
  const { report } = await world.run();
  expect(report.files.map(({ data_set, outcome }) => [data_set, outcome])).toEqual([[FILE_TITLE, 'loaded']]);
  expect((await statusOf(world)).skipped).toContainEqual(
    expect.objectContaining({ title: 'Sessions', reason: stringMatching(/sessions by reason/) }),
  );
}, 120_000);

describe('a configured publication that EES does not list', () => {
  const both = `  - publication: ${ABSENCE}\n  - publication: ${ATTENDANCE}\n`;

  async function watchOfTwo(): Promise<Watch> {
    const world = await watch({ config: CONFIG.replace(`  - publication: ${ABSENCE}\n`, both) });
    world.publish({
      slug: '2022-23',
      title: 'Academic year 2022/23',
      at: '2024-03-21T09:30:02Z',
      content: smallWide(QUIET),
    });
    return world;
  }
  const publishOther = (world: Watch): void => {
    world.ees.publish({
      publication: ATTENDANCE,
      slug: '2024-week-12',
      title: 'Week 12 2024',
      at: '2024-04-05T09:20:00Z',
      files: [],
    });
  };

  it('and never did is named in status, health and doctor until it is there; nobody is mailed', async () => {
    const world = await watchOfTwo();
    for (let poll = 0; poll < 4; poll++) {
      world.at(`2024-04-05T09:1${poll}:00Z`);
      expect((await world.run()).code).toBe(0);
      const { degraded, health } = await statusOf(world);
      expect(degraded).toMatchObject([{ source: ATTENDANCE, missing: ['everything of this publication'] }]);
      expect(health).toMatchObject({ well: true });
      expect(health.attention.join()).toContain(
        `"${ATTENDANCE}" is not among the publications of the website, and not in the official API`,
      );
    }
    expect((await world.program.run('doctor')).stdout).toContain(`"${ATTENDANCE}" is not among`);
    publishOther(world);
    world.at('2024-04-05T09:22:00Z');
    expect((await world.run()).code).toBe(0);
    expect((await statusOf(world)).degraded).toEqual([]);
    expect(operatorMails(world)).toEqual([]);
  }, 120_000);

  it('any longer is told to the operator after three polls, and when it is there again', async () => {
    const world = await watchOfTwo();
    publishOther(world);
    world.at('2024-04-06T09:00:00Z');
    expect((await world.run()).code).toBe(0);
    world.ees.removeRoute(/publications\/sitemap-items/, (value) =>
      (value as { slug: string }[]).filter(({ slug }) => slug !== ATTENDANCE),
    );
    for (const [poll, mails] of [0, 0, 1, 1].entries()) {
      world.at(`2024-04-06T09:1${poll}:00Z`);
      expect((await world.run()).code).toBe(0);
      expect((await statusOf(world)).degraded).toMatchObject([{ source: ATTENDANCE, failures: poll + 1 }]);
      expect(operatorMails(world)).toHaveLength(mails);
    }
    world.ees.restoreRoutes();
    world.at('2024-04-06T09:20:00Z');
    expect((await world.run()).code).toBe(0);
    expect(operatorMails(world)).toEqual([
      `absence-watch: EES does not list ${ATTENDANCE}`,
      `absence-watch: EES lists ${ATTENDANCE} again`,
    ]);
  }, 120_000);
});

describe('what readers are told is missing', () => {
  const TITLE = 'Pupil absence in schools in England';
  const OTHER = ATTENDANCE;

  /** The mail of the crossing, in one line; undefined where none came. */
  async function crossingMail(world: Watch): Promise<string> {
    publishCrossing(world);
    await world.run();
    const raw = world.mail.messages.filter(({ to }) => to.includes('attendance@luton.example')).at(-1)?.raw;
    if (raw === undefined) throw new Error('no mail came');
    return ((await simpleParser(raw)).text ?? '').replace(/\s+/g, ' ');
  }
  const withOther = (other: string): string =>
    CONFIG.replace(`  - publication: ${ABSENCE}\n`, `  - publication: ${ABSENCE}\n  - publication: ${other}\n`);

  it('nothing of a source that was never there', async () => {
    const world = await watchWithHistory({ config: withOther('pupil-absence-typo') });
    const text = await crossingMail(world);
    expect(text).toContain('20.6%');
    expect(text).not.toContain('What is missing');
    expect((await statusOf(world)).degraded).toMatchObject([{ source: 'pupil-absence-typo' }]);
  }, 60_000);

  /** With history, and another publication that was there and is listed no longer. */
  async function withOtherGone(): Promise<Watch> {
    const world = await watch({ config: withOther(OTHER) });
    const at = '2024-03-21T09:30:02Z';
    world.publish({ slug: '2022-23', title: 'Academic year 2022/23', at, content: smallWide(QUIET) });
    world.ees.publish({ publication: OTHER, slug: '2024-week-12', title: 'Week 12 2024', at, files: [] });
    await world.run();
    world.ees.removeRoute(/publications\/sitemap-items/, (value) =>
      (value as { slug: string }[]).filter(({ slug }) => slug !== OTHER),
    );
    return world;
  }

  it('nothing of another publication that is there no longer', async () => {
    const world = await withOtherGone();
    expect(await crossingMail(world)).not.toContain('What is missing');
    expect((await statusOf(world)).degraded).toMatchObject([{ source: OTHER, failures: 1 }]);
  }, 60_000);

  it('what cannot be had of the publication, by its name, each thing once', async () => {
    const world = await watchWithHistory();
    world.ees.removeRoute(/\/data-set-files(\/[^/]+)?$/);
    expect(await crossingMail(world)).toMatch(
      new RegExp(
        `What is missing -+ EES could not be read in full for “${TITLE}”; missing meanwhile: the time [^;.]+; the columns [^;.]+\\. What`,
      ),
    );
  }, 60_000);

  it('what concerns every source, in all mails, whichever of them met it', async () => {
    const world = await withOtherGone();
    world.ees.fault(({ path }) => (path.startsWith('/statistics') ? { kind: 'server error' } : undefined));
    expect(await crossingMail(world)).toContain(
      'What is missing --------------- EES could not be read in full; missing meanwhile: numbers of data set versions; withdrawn and deprecated versions.',
    );
    expect((await statusOf(world)).degraded).toContainEqual(
      expect.objectContaining({ source: 'every source', way: 'the official API' }),
    );
  }, 60_000);
});

describe('the pinned address of files gone', () => {
  const PINNED = /\/content\/api\/releases\/[^/]+\/files\//;
  const amendment = { slug: '2022-23', at: '2024-04-02T08:59:00Z', content: smallWide(CROSSED) };

  it.each([
    ['its return', undefined],
    ['its return where an amendment has since taken that address away', { kind: 'forbidden' }],
  ] as const)(
    'a file comes from the data catalogue: the run ends 0, the operator hears of it once, and of %s',
    async (_, then) => {
      const world = await watchOfTwoFiles();
      world.ees.removeRoute(PINNED);
      world.at('2024-04-02T09:00:00Z');
      world.amend(amendment);
      const { code, report } = await world.run();
      expect([code, report.files.map(({ outcome }) => outcome)]).toEqual([0, ['loaded']]);
      expect(await world.figures()).toContain('202324 20.6');
      const told = [GONE('the website: releases/.../files/...')];
      for (const minute of ['02', '04', '06']) {
        expect(await routes(world)).toEqual(['releases/…/files/…']);
        expect(operatorMails(world)).toEqual(told);
        world.at(`2024-04-02T09:${minute}:00Z`);
        expect((await world.run()).code).toBe(0);
      }
      world.ees.restoreRoutes();
      world.ees.fault(({ path }) => (PINNED.test(path) ? then : undefined));
      for (const minute of ['08', '10', '12']) {
        world.at(`2024-04-02T09:${minute}:00Z`);
        expect((await world.run()).code).toBe(0);
      }
      expect(await routes(world)).toEqual([]);
      expect(operatorMails(world)).toEqual([...told, BACK]);
    },
    120_000,
  );

  it('a file that the data catalogue has no longer is not taken for another', async () => {
    const world = await watchOfTwoFiles();
    world.ees.removeRoute(PINNED);
    world.ees.removeRoute(/\/data-set-files\/[^/]+$/, (value) => ({
      ...(value as { file: object }),
      file: { ...(value as { file: object }).file, id: '00000000-0000-4000-8000-000000000000' },
    }));
    world.at('2024-04-02T09:00:00Z');
    world.amend(amendment);
    const { code, report } = await world.run();
    expect([code, report.files.map(({ outcome }) => outcome)]).toEqual([3, ['failed']]);
    expect(report.files[0]?.reason).toContain('/files/');
  }, 120_000);
});

describe('what the operator hears of a file that cannot be fetched', () => {
  it('its route answers 404: named in status from the first poll on, one mail after three, one when it came', async () => {
    const world = await watch();
    const away = /\/content\/api\/releases\/[^/]+\/files\//;
    world.ees.removeRoute(away);
    world.ees.removeRoute(/\/data-set-files\/[^/]+\/download$/);
    world.publish({
      slug: '2022-23',
      title: 'Academic year 2022/23',
      at: '2024-03-21T09:30:02Z',
      content: smallWide(QUIET),
    });
    for (const [poll, mails] of [0, 0, 1, 1].entries()) {
      world.at(`2024-04-05T09:1${poll}:00Z`);
      expect((await world.run()).code).toBe(3);
      expect((await statusOf(world)).degraded).toMatchObject([
        {
          source: ABSENCE,
          route: 'releases/…/files/…',
          since: '2024-04-05T09:10:00.000Z',
          missing: [`"${FILE_TITLE}" (Academic year 2022/23)`],
        },
      ]);
      expect(operatorMails(world)).toHaveLength(mails);
    }
    expect(operatorMails(world)).toEqual([`absence-watch: 1 file of ${ABSENCE} cannot be fetched`]);
    const { stdout } = await world.program.run('status');
    expect(stdout).toContain(`1 file could not be fetched: "${FILE_TITLE}" (Academic year 2022/23)`);
    expect(stdout).toContain('404');
    world.ees.restoreRoutes();
    world.at('2024-04-05T09:30:00Z');
    expect((await world.run()).code).toBe(0);
    expect((await statusOf(world)).degraded).toEqual([]);
    expect(operatorMails(world).slice(1)).toEqual([
      `absence-watch: no file of ${ABSENCE} waits to be fetched any more`,
    ]);
  }, 120_000);

  it('a file that failed and was replaced is named no longer; other files of the publication are taken meanwhile', async () => {
    const world = await twoFiles();
    world.ees.fault(({ path }) => (path.includes('/files/') ? { kind: 'cut' } : undefined));
    const first = await world.run();
    expect(first.report.files.map(({ outcome }) => outcome).toSorted()).toEqual(['failed', 'loaded']);
    expect(await routes(world)).toEqual(['releases/…/files/…']);
    world.at('2024-04-06T09:30:00Z');
    world.amend({ slug: '2022-23', at: '2024-04-06T09:29:00Z', content: smallWide(CROSSED) });
    world.ees.fault();
    expect((await world.run()).code).toBe(0);
    expect(await routes(world)).toEqual([]);
    expect(operatorMails(world)).toEqual([]);
  }, 120_000);
});
