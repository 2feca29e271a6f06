import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { StandIn } from '../../demo/stand-in.js';
import type { EesClient } from '../../src/extract/client.js';
import { planBackfill, yearOfRelease, type BackfillPlan } from '../../src/extract/history.js';
import {
  ABSENCE,
  anyOf,
  asked,
  ATTENDANCE,
  attendanceRates,
  clientFor,
  long,
  LONG_SET,
  PA_SET,
  reasons,
  REASONS_SET,
  stringContaining,
  stringMatching,
  wide,
} from './support.js';
import { hasDescription, offences } from '../support/description.js';

const TERM = `${ABSENCE}-autumn-term`;
let ees: StandIn;
let client: EesClient;

beforeAll(async () => {
  ees = await StandIn.start();
  client = clientFor(ees);
  ees.publish({
    publication: TERM,
    slug: '2021-22-autumn-term',
    title: 'Autumn term 2021/22',
    at: '2022-05-19T08:30:05Z',
    files: [{ name: 'a1.csv', title: 'Absence rates, autumn term', content: wide('Autumn term', '23.0') }],
  });
  for (const [year, rate, at] of [
    [2022, '21.2', '2024-03-21T09:30:05Z'],
    [2023, '20.0', '2025-03-20T09:30:05Z'],
    [2024, '17.3', '2026-03-26T09:30:05Z'],
  ] as const) {
    const slug = `${year}-${year - 1999}`;
    ees.publish({
      publication: ABSENCE,
      slug,
      title: `Academic year ${slug.replace('-', '/')}`,
      at,
      files: [
        { name: 'a3.csv', title: 'Absence rates by geographic level', content: wide('Academic year', rate) },
        ...(year === 2022
          ? []
          : [{ name: 'long.csv', title: 'Persistent and severe', content: long(rate), api: { dataSetId: LONG_SET } }]),
        { name: 'reasons.csv', title: 'Sessions by reason', content: reasons(rate), api: { dataSetId: REASONS_SET } },
      ],
    });
  }
  ees.supersedePublication(TERM, ABSENCE);
  ees.amend({
    publication: ABSENCE,
    release: '2023-24',
    at: '2025-04-01T10:00:00Z',
    replace: [{ file: 'long.csv', content: long('20.1') }],
  });
  ees.publish({
    publication: ATTENDANCE,
    slug: '2026-week-2',
    title: 'Week 2 2026',
    at: '2026-01-22T09:30:00Z',
    files: [
      { name: 'pa.csv', title: 'Persistent absence', content: attendanceRates(2, '18.0'), api: { dataSetId: PA_SET } },
    ],
  });
});
afterAll(async () => {
  client.close();
  await ees.close();
});

const lines = ({ files }: BackfillPlan) =>
  files.map(
    ({ release, dataSet, version }) =>
      `${release.slug} ${dataSet.title}${version ? ` ${version.major}.${version.minor}.${version.patch}` : ''}`,
  );

describe('a plan of all history', () => {
  it('holds every release, the superseded term publication, and every version of the API with its patches, oldest first', async () => {
    const plan = await planBackfill(client, { publication: ABSENCE });
    expect(lines(plan).sort()).toEqual([
      '2021-22-autumn-term Absence rates, autumn term',
      '2022-23 Absence rates by geographic level',
      '2023-24 Absence rates by geographic level',
      '2023-24 Persistent and severe 1.0.0',
      '2023-24 Persistent and severe 1.0.1',
      '2024-25 Absence rates by geographic level',
      '2024-25 Persistent and severe 1.1.0',
    ]);
    expect(plan.files.map(({ publishedAt }) => publishedAt)).toEqual(
      plan.files.map(({ publishedAt }) => publishedAt).sort(),
    );
    expect(plan.files[0]).toMatchObject({
      publication: { slug: TERM },
      release: { status: 'accredited official statistics', firstPublished: stringMatching(/^2022-05-19/) },
      expected: { rows: 2, bytes: anyOf(Number) },
    });
    expect(plan.skipped.map(({ release }) => release).sort()).toEqual([
      'Academic year 2022/23',
      'Academic year 2023/24',
      'Academic year 2024/25',
    ]);
    expect(plan.releases).toContainEqual({
      publication: ABSENCE,
      slug: '2023-24',
      title: 'Academic year 2023/24',
      files: 3,
    });
    expect(plan.notes).toEqual([]);
    const patched = plan.files.find(({ version }) => version?.patch === 1);
    expect(patched).toMatchObject({ source: { kind: 'api', version: '1.0.1' }, alternative: { kind: 'release file' } });
  });

  it.each([
    [{ from: '2023/24' }, 5],
    [{ to: '2021/22' }, 1],
    [{ from: '2023/24', to: '2023/24' }, 3],
    [{ release: '2024-25' }, 2],
    [{ dataSet: LONG_SET }, 3],
    [{ dataSet: 'absence rates by geographic level' }, 3],
    [{ release: '2024-25', dataSets: { exclude: [LONG_SET] } }, 1],
    [{ release: '2024-25', dataSets: { include: ['Sessions by reason'] } }, 1],
  ])('narrowed by %j: %i files', async (narrow, files) => {
    expect((await planBackfill(client, { publication: ABSENCE, ...narrow })).files).toHaveLength(files);
  });

  it('a week belongs to its school year', async () => {
    expect(
      (await planBackfill(client, { publication: ATTENDANCE, from: '2025/26', to: '2025/26' })).files,
    ).toHaveLength(1);
    expect(yearOfRelease('2026-week-2')).toBe(2025);
    expect(yearOfRelease('2025-week-37')).toBe(2025);
    expect(yearOfRelease('2024-25-autumn-and-spring-term')).toBe(2024);
    expect(yearOfRelease('special-report')).toBeUndefined();
  });

  it('a wrong year or an unknown publication is told', async () => {
    await expect(planBackfill(client, { publication: ABSENCE, from: '2016' })).rejects.toThrow(
      '--from 2016 is no academic year',
    );
    await expect(planBackfill(client, { publication: ABSENCE, from: '2020/21', to: '2019/20' })).rejects.toThrow(
      'later than',
    );
    await expect(planBackfill(client, { publication: 'nothing' })).rejects.toThrow('EES has no publication "nothing"');
  });

  it('with one API down, what the other has, and what is missing is said', async () => {
    ees.removeRoute(/^\/content/);
    const official = await planBackfill(client, { publication: ABSENCE });
    expect(lines(official)).toEqual([
      '2023-24 Persistent and severe 1.0.0',
      '2023-24 Persistent and severe 1.0.1',
      '2024-25 Persistent and severe 1.1.0',
    ]);
    expect(official.notes).toEqual([expect.stringContaining('only data sets of the official API')]);
    ees.restoreRoutes();
    ees.removeRoute(/^\/statistics/);
    const website = await planBackfill(client, { publication: ABSENCE });
    expect(website.files.filter(({ version }) => version)).toEqual([]);
    expect(website.files).toHaveLength(6);
    ees.removeRoute(/^\/content/);
    await expect(planBackfill(client, { publication: ABSENCE })).rejects.toThrow('Neither API of EES helps');
    ees.restoreRoutes();
  });

  describe('with one route of the website gone, the others tell of the files', () => {
    /** What a plan says of its files, but for the sizes, which the catalogue's list alone has. */
    const told = ({ files }: BackfillPlan) =>
      files.map((file) => ({ ...file, expected: { rows: file.expected.rows } }));

    afterEach(() => {
      ees.restoreRoutes();
    });

    it('the list of the data catalogue: each release tells its own, with the time of each file', async () => {
      const whole = await planBackfill(client, { publication: ABSENCE });
      ees.removeRoute(/\/data-set-files$/);
      const plan = await planBackfill(client, { publication: ABSENCE });
      expect(told(plan)).toEqual(told(whole));
      expect(plan.skipped).toHaveLength(whole.skipped.length);
      expect(plan.notes).toEqual([
        stringMatching(/^The data catalogue does not list files \(.*\/data-set-files.* answered 404/),
      ]);
    });

    it('the times of files too: those of their releases count, and that is said', async () => {
      ees.removeRoute(/\/data-set-files(\/sitemap-items)?$/);
      const plan = await planBackfill(client, { publication: ABSENCE, release: '2022-23' });
      expect(lines(plan)).toEqual(['2022-23 Absence rates by geographic level']);
      expect(plan.notes).toContainEqual(stringContaining('The times at which files were last replaced are not known'));
    });

    it('the files of one release too: those of the others are planned', async () => {
      ees.removeRoute(/\/data-set-files$/);
      ees.removeRoute(/\/2022-23\/data-content$/);
      const plan = await planBackfill(client, { publication: ABSENCE });
      expect(lines(plan)).toHaveLength(6);
      expect(plan.notes).toContainEqual(stringContaining('The files of "Academic year 2022/23" are not known'));
    });

    it('the files of every release: two are asked, and all are named', async () => {
      ees.removeRoute(/\/data-set-files$|\/data-content$/);
      const from = ees.requests.length;
      const plan = await planBackfill(client, { publication: ABSENCE });
      // Of the publication, and of the one that it superseded, which has one release.
      expect(asked(ees, from).filter((each) => each.includes('/data-content'))).toHaveLength(2 + 1);
      const unread = plan.notes.join('\n');
      for (const year of ['2022/23', '2023/24', '2024/25']) expect(unread).toContain(`"Academic year ${year}"`);
    });

    it('what does not answer any more is not asked release after release', async () => {
      const hurried = clientFor(ees, { timing: { attempts: 1 } });
      const from = ees.requests.length;
      ees.fault(({ path }) => (/data-set-files|version-summary/.test(path) ? { kind: 'unavailable' } : undefined));
      try {
        const plan = await planBackfill(hurried, { publication: ABSENCE });
        expect(lines(plan)).toEqual([
          '2023-24 Persistent and severe 1.0.0',
          '2023-24 Persistent and severe 1.0.1',
          '2024-25 Persistent and severe 1.1.0',
        ]);
        expect(asked(ees, from).filter((each) => each.includes('version-summary'))).toHaveLength(2);
      } finally {
        ees.fault();
        hurried.close();
      }
    });

    it.each([
      ['gone', undefined],
      ['silent', { kind: 'unavailable' } as const],
      ['a web page', { kind: 'HTML' } as const],
    ])('the previews of files, %s: after two files in a row no other is asked for', async (_how, fault) => {
      const whole = await planBackfill(client, { publication: ABSENCE });
      const preview = /\/data-set-files\/[0-9a-f-]+$/;
      if (fault === undefined) ees.removeRoute(preview);
      else ees.fault(({ path }) => (preview.test(path) ? fault : undefined));
      const from = ees.requests.length;
      try {
        const plan = await planBackfill(client, { publication: ABSENCE });
        expect(new Set(ees.requests.slice(from).flatMap(({ path }) => preview.exec(path) ?? [])).size).toBe(2);
        // Nothing is left out for want of columns: the file's own header decides, once it is here.
        expect(lines(plan)).toEqual(expect.arrayContaining(lines(whole)));
        expect(plan.notes).toEqual([
          stringMatching(/^The columns of "[^"]+" are not known before it is fetched \(/),
          stringMatching(
            /^The columns of "[^"]+" are not known before it is fetched \(.*; other files are not asked about$/,
          ),
        ]);
      } finally {
        ees.fault();
      }
    });

    it('the previews of two files with one in between that answers: all others are asked for', async () => {
      let asked = 0;
      const preview = /\/data-set-files\/[0-9a-f-]+$/;
      const hurried = clientFor(ees, { timing: { attempts: 1 } });
      ees.fault(({ path }) => (preview.test(path) && asked++ % 2 === 0 ? { kind: 'unavailable' } : undefined));
      try {
        await planBackfill(hurried, { publication: ABSENCE });
        expect(asked).toBeGreaterThan(4);
      } finally {
        ees.fault();
        hurried.close();
      }
    });

    it('the page of the publication: the list of publications has it', async () => {
      const whole = await planBackfill(client, { publication: TERM });
      ees.removeRoute(/\/publications\/[^/]+-term$/);
      const plan = await planBackfill(client, { publication: TERM });
      expect(told(plan)).toEqual(told(whole));
      expect(plan.notes).toEqual([stringContaining(`The website has no page of "${TERM}", its list of publications`)]);
    });

    it.each([/^\/content/, /^\/statistics/])('%s: a publication is not denied by half of EES', async (route) => {
      ees.removeRoute(route);
      const refused = planBackfill(client, { publication: 'nothing' });
      await expect(refused).rejects.toThrow('has no publication "nothing", and not all of EES could be asked');
      await expect(refused).rejects.not.toThrow('EES has no publication');
    });
  });

  it('a file whose version the official API has withdrawn is not planned, though the website still has it', async () => {
    ees.withdrawVersion(LONG_SET, '1.1');
    const plan = await planBackfill(client, { publication: ABSENCE, release: '2024-25' });
    expect(lines(plan)).toEqual(['2024-25 Absence rates by geographic level']);
    expect(plan.skipped).toContainEqual({
      release: 'Academic year 2024/25',
      title: 'Persistent and severe',
      reason: 'the official API has withdrawn version 1.1, which is this file',
    });
    ees.withdrawDataSet(LONG_SET);
    const without = await planBackfill(client, { publication: ABSENCE });
    expect(lines(without).filter((line) => line.includes('Persistent'))).toEqual([]);
    expect(without.skipped).toContainEqual({
      release: 'Academic year 2024/25',
      title: 'Persistent and severe',
      reason: 'the official API has withdrawn its data set',
    });
  });

  it.skipIf(!hasDescription)('asks the official API as its description allows (needs the OpenAPI file)', async () => {
    expect(await offences(ees.requests)).toEqual([]);
  });
});

describe('a route of the official API that is dead', () => {
  const SETS = Array.from({ length: 5 }, (_, index) => LONG_SET.replace(/..$/, `0${index}`));

  /** Five data sets, each in two releases. */
  async function fiveSets() {
    const standIn = await StandIn.start();
    const asking = clientFor(standIn, { timing: { attempts: 1 } });
    onTestFinished(async () => {
      asking.close();
      await standIn.close();
    });
    for (const year of [2022, 2023])
      standIn.publish({
        publication: ABSENCE,
        slug: `${year}-${year - 1999}`,
        title: `Academic year ${year}/${year - 1999}`,
        at: `${year + 2}-03-21T09:30:05Z`,
        files: SETS.map((dataSetId, index) => ({
          name: `long${index}.csv`,
          title: `Persistent and severe ${index}`,
          content: long(`${year - 2000}.${index}`),
          api: { dataSetId },
        })),
      });
    return { standIn, asking };
  }

  it.each([
    ['gone', false],
    ['silent', true],
  ])('that of columns, %s: asked twice, and the files are planned all the same', async (_how, isSilent) => {
    const { standIn, asking } = await fiveSets();
    standIn.removeRoute(/^\/content/);
    const whole = await planBackfill(asking, { publication: ABSENCE });
    if (isSilent) standIn.fault(({ path }) => (path.endsWith('/meta') ? { kind: 'unavailable' } : undefined));
    else standIn.removeRoute(/\/meta$/);
    const from = standIn.requests.length;
    const plan = await planBackfill(asking, { publication: ABSENCE });
    expect(asked(standIn, from).filter((each) => each.includes('/meta'))).toHaveLength(2);
    expect(lines(plan)).toEqual(lines(whole));
    expect(plan.notes.slice(1)).toEqual([
      stringMatching(/^The columns of "[^"]+" are not known before it is fetched \(/),
      stringMatching(/^The columns of .*; other data sets are not asked about$/),
    ]);
  });

  it('that of single data sets: each is asked once, and after two that tell nothing no other', async () => {
    const { standIn, asking } = await fiveSets();
    for (const id of SETS) standIn.withdrawDataSet(id);
    const single = /\/v1\/data-sets\/[0-9a-f-]+$/;
    const askedOf = async () => {
      const from = standIn.requests.length;
      const plan = await planBackfill(asking, { publication: ABSENCE });
      return { plan, asked: standIn.requests.slice(from).filter(({ path }) => single.test(path)).length };
    };
    const whole = await askedOf();
    expect([whole.asked, whole.plan.files, whole.plan.notes]).toEqual([5, [], []]);
    standIn.removeRoute(single);
    const without = await askedOf();
    expect(without.asked).toBe(2);
    expect(without.plan.notes).toEqual([
      stringMatching(/^Whether the official API has withdrawn the data set of "[^"]+" is not known \(/),
      stringMatching(/^Whether .* \(.*; other data sets are not asked about$/),
    ]);
  });
});
