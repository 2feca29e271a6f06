import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { simpleParser } from 'mailparser';
import { composeDue } from '../../src/alerts/compose.js';
import { readNews } from '../../src/alerts/compose-read.js';
import { evaluate, type EvaluateOptions, type Evaluation } from '../../src/alerts/evaluate.js';
import { newsLine } from '../../src/alerts/mail-news.js';
import { releaseDue } from '../../src/alerts/queue.js';
import { pauseSending, resumeSending } from '../../src/alerts/queue-upkeep.js';
import { addSilence, listSilences, silencedEvents } from '../../src/alerts/silence.js';
import type { Rule } from '../../src/domain/rule.js';
import type { Store } from '../../src/load/database.js';
import { freshStore } from '../support/database.js';
import { BEDFORD, FiguresWorld, LUTON, year, type NewVersion } from './figures-world.js';
import { ruleWith } from './rules.js';

const NOW = new Date('2025-10-23T09:00:00Z');
const RECIPIENTS = { team: ['attendance@luton.example', 'Data desk <desk@example.org>'] };

let minutes = 0;
/** Each evaluation at its own moment, as in life. */
function options(changes: Partial<EvaluateOptions> = {}): EvaluateOptions {
  minutes++;
  const now = new Date(NOW.getTime() + minutes * 60_000);
  return { rules: [ruleWith()], briefs: [], recipients: RECIPIENTS, runId: null, now, paused: false, ...changes };
}

const words = ({ events }: Pick<Evaluation, 'events'>): string[] =>
  events.map(
    ({ area, period, event, muted }) => `${area}, ${period}: ${event}${muted === undefined ? '' : ` (${muted})`}`,
  );

async function world(kind: Store['kind'] = 'postgres'): Promise<FiguresWorld> {
  return new FiguresWorld(await freshStore(kind));
}

async function allEvents({ store }: FiguresWorld): Promise<string[]> {
  const rows = await store.db
    .selectFrom('alert_event')
    .select(['rule', 'area_name', 'time_period', 'event', 'value', 'muted'])
    .orderBy('area_name')
    .orderBy('time_period')
    .execute();
  return rows
    .map((row) => `${row.area_name} ${row.time_period} ${row.event} ${row.value ?? '-'} ${row.muted ?? 'told'}`)
    .sort();
}

/** The mails that are owed, as subject and text. */
async function mailed({ store }: FiguresWorld, rules: readonly Rule[] = []): Promise<string[]> {
  minutes++;
  const now = new Date(NOW.getTime() + minutes * 60_000);
  await releaseDue(store, 'all', now);
  const from = 'Absence watch <absence@luton.example>';
  const quiet = { replyTo: undefined, owner: undefined, neighbours: new Map<string, string[]>(), composed: false };
  await composeDue(store, { now, from, rules, ...quiet });
  const rows = await store.db
    .updateTable('mail')
    .set({ state: 'sent', sent_at: now })
    .where('state', '=', 'queued')
    .returning(['subject', 'raw'])
    .execute();
  return Promise.all(
    rows.map(async ({ subject, raw }) => `${subject}\n${(await simpleParser(Buffer.from(raw))).text ?? ''}`),
  );
}

describe.each(['postgres', 'embedded'] as const)('evaluation on %s', (kind) => {
  it('tells at first load what stands above the line, records what does not, and owes each address one row an event', async () => {
    const w = await world(kind);
    await w.load(year(2023, { Luton: '2.1', Bedford: '1.4' }));
    const evaluation = await evaluate(w.store, options());
    expect(words(evaluation)).toEqual(['Luton, Academic year 2023/24: baseline']);
    expect(evaluation.quietBaselines).toBe(1);
    expect(evaluation).toMatchObject({ notifications: 2, addresses: 2, versions: 1, warnings: [] });
    expect(await allEvents(w)).toEqual(['Bedford 202324 baseline 1.4 not in breach', 'Luton 202324 baseline 2.1 told']);
    const owed = await w.store.db.selectFrom('notification').select(['address', 'recipient_group', 'due_at']).execute();
    expect(owed.map(({ address }) => address).sort()).toEqual([...RECIPIENTS.team].sort());
    expect(owed.every(({ due_at, recipient_group }) => due_at === null && recipient_group === 'team')).toBe(true);
  });

  it('follows the years, and does nothing when nothing is due', async () => {
    const w = await world(kind);
    await w.load(year(2022, { Luton: '1.9' }));
    await evaluate(w.store, options());
    await w.load(year(2023, { Luton: '2.1' }));
    const crossed = await evaluate(w.store, options());
    expect(words(crossed)).toEqual(['Luton, Academic year 2023/24: crossed']);
    expect(crossed.events[0]?.reason).toBe(
      'severe absence 2.1%, above the line of 2.0%; it was 1.9% in academic year 2022/23',
    );
    expect(await evaluate(w.store, options())).toMatchObject({ events: [], versions: 0, notifications: 0 });
    await w.load(year(2024, { Luton: '1.8' }));
    expect(words(await evaluate(w.store, options()))).toEqual(['Luton, Academic year 2024/25: cleared']);
  });

  it.each(['removed', 'quarantined'] as const)(
    'corrects a told figure when its release is amended, and takes it back when that is %s',
    async (fate) => {
      const w = await world(kind);
      await w.load(year(2022, { Luton: '1.9' }));
      await evaluate(w.store, options());
      await w.load(year(2023, { Luton: '2.3' }));
      await evaluate(w.store, options());
      const amended = await w.load(year(2023, { Luton: '2.9' }, { published: '2025-04-01T12:00:00Z' }));
      const corrected = await evaluate(w.store, options());
      expect(corrected.events.map(({ reason }) => reason)).toEqual([
        'severe absence in academic year 2023/24 revised: was 2.3%, now 2.9%, still above the line of 2.0%',
      ]);
      await w.remove(amended, options().now, fate);
      const back = await evaluate(w.store, options());
      expect(back.events.map(({ reason }) => reason)).toEqual([
        'severe absence in academic year 2023/24 revised: was 2.9%, now 2.3%, still above the line of 2.0%',
      ]);
      expect(await evaluate(w.store, options())).toMatchObject({ events: [], versions: 0 });
    },
  );
});

/** The last event in the line that a mail has of it. */
async function lastLine(w: FiguresWorld): Promise<string> {
  const recorded = await w.store.db.selectFrom('alert').select('id').orderBy('id', 'desc').limit(1).execute();
  const [read] = await readNews(w.store.db, { alertIds: recorded.map(({ id }) => id) }, options().rules);
  return read === undefined ? '' : newsLine(read.news);
}

it('corrects a told figure that an amendment suppresses, once, and keeps the alert open', async () => {
  const w = await world();
  await w.load(year(2022, { Luton: '1.9' }));
  await evaluate(w.store, options());
  await w.load(year(2023, { Luton: '2.3' }));
  await evaluate(w.store, options());
  await w.load(year(2023, { Luton: 'c' }, { published: '2025-04-01T12:00:00Z' }));
  const suppressed = await evaluate(w.store, options());
  expect(suppressed.events.map(({ event, reason }) => `${event}: ${reason}`)).toEqual([
    'corrected: severe absence in academic year 2023/24 revised: was 2.3%, now withheld so that no pupil can be identified (published as “c”). The alert stays open, since a missing figure does not clear it',
  ]);
  expect(await lastLine(w)).toBe('Luton: severe absence was 2.3%, now no figure is published (academic year 2023/24)');
  await w.load(year(2023, { Luton: 'c' }, { published: '2025-04-08T12:00:00Z' }));
  expect(await evaluate(w.store, options())).toMatchObject({ events: [], versions: 1 });
  await w.load(year(2023, { Luton: '2.3' }, { published: '2025-05-01T12:00:00Z' }));
  expect(words(await evaluate(w.store, options()))).toEqual(['Luton, Academic year 2023/24: corrected']);
  await w.load(year(2024, { Luton: '2.4' }));
  expect(await evaluate(w.store, options())).toMatchObject({ events: [], versions: 1 });
});

it.each([
  ['the newest figure', 2023, ''],
  ['an older figure', 2024, '; newer figures stand as they were'],
])('corrects %s that was told and that an amendment leaves without a row, once', async (_, last, after) => {
  const w = await world();
  await w.load(year(2022, { Luton: '1.9', Bedford: '1.0' }));
  await evaluate(w.store, options());
  for (let start = 2023; start <= last; start++) {
    await w.load(year(start, { Luton: '2.3', Bedford: '1.0' }));
    await evaluate(w.store, options());
  }
  await w.load(year(2023, { Bedford: '1.0' }, { published: '2026-04-01T12:00:00Z' }));
  const gone = await evaluate(w.store, options());
  expect(gone.events.map(({ event, reason }) => `${event}: ${reason}`)).toEqual([
    `corrected: severe absence in academic year 2023/24 revised: was 2.3%, now missing in the release${after === '' ? '. The alert stays open, since a missing figure does not clear it' : after}`,
  ]);
  expect(await lastLine(w)).toBe('Luton: severe absence was 2.3%, now no figure is published (academic year 2023/24)');
  await w.load(year(2023, { Bedford: '1.0' }, { published: '2026-04-08T12:00:00Z' }));
  expect(await evaluate(w.store, options())).toMatchObject({ events: [], versions: 1 });
  await w.load(year(2023, { Luton: '2.3', Bedford: '1.0' }, { published: '2026-05-01T12:00:00Z' }));
  expect(words(await evaluate(w.store, options()))).toEqual(['Luton, Academic year 2023/24: corrected']);
});

describe('a first look at an area whose newest figure is suppressed', () => {
  const look = async (...figures: string[]) => {
    const w = await world();
    for (const [i, value] of figures.entries()) await w.load(year(2022 + i, { Luton: value, Bedford: '1.0' }));
    return { w, first: await evaluate(w.store, options()) };
  };
  const told = ({ events }: Evaluation) => events.map(({ event, period, reason }) => `${event} ${period}: ${reason}`);

  it('starts from the last figure that counts: what comes next is crossed from there', async () => {
    const { w, first } = await look('1.5', 'c');
    expect(told(first)).toEqual([]);
    await w.load(year(2024, { Luton: '2.1', Bedford: '1.0' }));
    expect(told(await evaluate(w.store, options()))).toEqual([
      'crossed Academic year 2024/25: severe absence 2.1%, above the line of 2.0%; it was withheld so that no pupil can be identified (published as “c”) in academic year 2023/24',
    ]);
  });

  it('tells of an alert that stays open over it, once', async () => {
    const { w, first } = await look('2.4', 'c');
    expect(told(first)).toEqual([
      'baseline Academic year 2022/23: first look under this rule: severe absence 2.4%, above the line of 2.0%; there is no figure for academic year 2023/24 that counts: the figure is withheld so that no pupil can be identified (published as “c”). The alert stays open, since a missing figure does not clear it',
    ]);
    await w.load(year(2024, { Luton: '2.2', Bedford: '1.0' }));
    expect(told(await evaluate(w.store, options()))).toEqual([]);
  });

  it('has nothing to start from where no figure counts', async () => {
    const { w, first } = await look('c', 'c');
    expect(told(first)).toEqual([]);
    await w.load(year(2024, { Luton: '2.1', Bedford: '1.0' }));
    expect(told(await evaluate(w.store, options()))).toEqual([
      expect.stringMatching(/^baseline .*first figure that could be judged: severe absence 2\.1%/),
    ]);
  });
});

it('corrects where a reader was told that there is no figure and there is one, and that one from then on', async () => {
  const w = await world();
  const rules = [ruleWith({ onSuppressed: 'clear' })];
  const next = async (value: string, day: number): Promise<string[]> => {
    await w.load(year(2023, { Luton: value }, { published: `2025-04-${String(day).padStart(2, '0')}T12:00:00Z` }));
    const { events } = await evaluate(w.store, options({ rules }));
    return events.map(({ event, reason }) => `${event}: ${reason}`);
  };
  await w.load(year(2022, { Luton: '2.4' }));
  await evaluate(w.store, options({ rules }));
  expect(await next('c', 1)).toEqual([expect.stringMatching(/^cleared: .*this rule takes that as cleared/)]);
  expect(await next('1.92', 2)).toEqual([
    'corrected: severe absence in academic year 2023/24 revised: was withheld so that no pupil can be identified (published as “c”), now 1.9%, still not above the line of 2.0%',
  ]);
  expect(await next('1.71', 3)).toEqual([
    'corrected: severe absence in academic year 2023/24 revised: was 1.9%, now 1.7%, still not above the line of 2.0%',
  ]);
});

it('a gap of before that two decimals show is not called level', async () => {
  const w = await world();
  const rules = [ruleWith({ condition: { kind: 'gap_to_england', line: 0.2, clearBelow: undefined } })];
  await w.load(year(2023, { Luton: '2.04649', England: '2.03878' }));
  await evaluate(w.store, options({ rules }));
  await w.load(year(2024, { Luton: '2.62', England: '2.04' }));
  const { events } = await evaluate(w.store, options({ rules }));
  expect(events.find(({ event }) => event === 'crossed')?.reason).toContain(
    '; it was 0.01 percentage points above England in academic year 2023/24',
  );
});

it('records what an event was judged by, and that only the clearing line holds it', async () => {
  const w = await world();
  const rules = [
    ruleWith({
      areas: [{ by: 'name', text: 'Luton' }],
      condition: { kind: 'gap_to_england', line: 1, clearBelow: 0.5 },
      remind: true,
    }),
  ];
  await w.load(year(2022, { Luton: '3.5', England: '2.0' }));
  await evaluate(w.store, options({ rules }));
  await w.load(year(2023, { Luton: '2.8', England: '2.0' }));
  await evaluate(w.store, options({ rules }));
  const recorded = await w.store.db.selectFrom('alert').select('id').orderBy('id').execute();
  const read = await readNews(w.store.db, { alertIds: recorded.map(({ id }) => id) }, rules);
  expect(read.map(({ news: { event, compared, betweenLines } }) => ({ event, compared, betweenLines }))).toEqual([
    { event: 'baseline', compared: '1.5', betweenLines: false },
    { event: 'reminder', compared: '0.8', betweenLines: true },
  ]);
});

describe('versions that go', () => {
  it('takes back what only the withdrawn version told, and starts from what was before', async () => {
    const w = await world();
    await w.load(year(2022, { Luton: '1.9' }));
    await evaluate(w.store, options());
    const only = await w.load(year(2023, { Luton: '2.3' }));
    await evaluate(w.store, options());
    await w.remove(only, options().now, 'withdrawn');
    const gone = await evaluate(w.store, options());
    expect(gone.events.map(({ event, reason }) => `${event}: ${reason}`)).toEqual([
      'corrected: the figure for academic year 2023/24 was withdrawn: was 2.3%, now withdrawn',
    ]);
    await w.load(year(2023, { Luton: '2.2' }, { published: '2025-05-01' }));
    expect(words(await evaluate(w.store, options()))).toEqual(['Luton, Academic year 2023/24: crossed']);
  });

  it('says nothing when a withdrawn version had told nothing', async () => {
    const w = await world();
    const only = await w.load(year(2023, { Luton: '1.3' }));
    await evaluate(w.store, options());
    await w.remove(only, options().now);
    expect(await evaluate(w.store, options())).toMatchObject({ events: [], versions: 1 });
    expect(await evaluate(w.store, options())).toMatchObject({ events: [], versions: 0 });
  });
});

describe('rules that are new or edited', () => {
  it('looks at a new rule once, however many releases came with it', async () => {
    const w = await world();
    for (const [y, value] of [
      [2021, '1.0'],
      [2022, '2.5'],
      [2023, '2.1'],
    ] as const)
      await w.load(year(y, { Luton: value }));
    expect(words(await evaluate(w.store, options()))).toEqual(['Luton, Academic year 2023/24: baseline']);
  });

  it('starts an edited rule anew, and says which open alert the edit closed', async () => {
    const w = await world();
    await w.load(year(2023, { Luton: '2.1', Bedford: '3.4' }));
    await evaluate(w.store, options());
    const higher = ruleWith({ condition: { kind: 'above', line: 3, clearBelow: undefined } });
    const edited = await evaluate(w.store, options({ rules: [higher] }));
    expect(edited.events.map(({ area, event, reason }) => `${area}: ${event}: ${reason}`).sort()).toEqual([
      'Bedford: baseline: first look since this rule was edited: severe absence 3.4%, above the line of 3.0%',
      'Luton: baseline: first look since this rule was edited: severe absence 2.1%, not above the line of 3.0%; under the rule as it was before, an alert was open: it is closed by the edit',
    ]);
    expect((await evaluate(w.store, options({ rules: [higher] }))).events).toEqual([]);
  });

  it('looks first only at the areas that an edit adds', async () => {
    const w = await world();
    await w.load(year(2023, { Luton: '2.1', Bedford: '3.4' }));
    const of = (...names: string[]): Rule => ruleWith({ areas: names.map((text) => ({ by: 'name', text })) });
    expect(words(await evaluate(w.store, options({ rules: [of('Luton')] })))).toEqual([
      'Luton, Academic year 2023/24: baseline',
    ]);
    const added = await evaluate(w.store, options({ rules: [of('Luton', 'Bedford')] }));
    expect(words(added)).toEqual(['Bedford, Academic year 2023/24: baseline']);
    expect(added.events[0]?.reason).toContain('first look at this area, new in the rule');
  });

  it('does not mind who is notified', async () => {
    const w = await world();
    await w.load(year(2023, { Luton: '2.1' }));
    await evaluate(w.store, options());
    expect((await evaluate(w.store, options({ rules: [ruleWith({ notify: ['other'] })] }))).events).toEqual([]);
  });

  it('tells an area’s first figure under an old rule as such', async () => {
    const w = await world();
    await w.load(year(2022, { Luton: '1.1' }));
    await evaluate(w.store, options());
    await w.load(year(2023, { Luton: '1.2', Bedford: '2.6' }));
    const later = await evaluate(w.store, options());
    expect(later.events.map(({ area, reason }) => `${area}: ${reason}`)).toEqual([
      'Bedford: first figure under this rule: severe absence 2.6%, above the line of 2.0%',
    ]);
  });
});

describe('backfills', () => {
  it('changes history, never the present, and records what history would have raised', async () => {
    const w = await world();
    await w.load(year(2023, { Luton: '2.1' }));
    await evaluate(w.store, options());
    await w.load(year(2021, { Luton: '2.4' }));
    await w.load(year(2022, { Luton: '1.8' }));
    const filled = await evaluate(w.store, options({ muteAs: 'backfill' }));
    expect(words(filled)).toEqual([
      'Luton, Academic year 2021/22: baseline (backfill)',
      'Luton, Academic year 2022/23: cleared (backfill)',
    ]);
    expect(filled.notifications).toBe(0);
    const state = await w.store.db.selectFrom('alert_state').select(['in_breach', 'value']).execute();
    expect(state).toEqual([{ in_breach: true, value: '2.1' }]);
    await w.load(year(2024, { Luton: '2.2' }));
    expect((await evaluate(w.store, options())).events).toEqual([]);
  });

  it('that are quiet do not keep back what a version that was removed meanwhile takes back', async () => {
    const w = await world();
    await w.load(year(2022, { Luton: '1.9' }));
    await evaluate(w.store, options());
    const wrong = await w.load(year(2023, { Luton: '2.3' }));
    await evaluate(w.store, options());
    await w.remove(wrong, options().now);
    await w.load(year(2021, { Luton: '2.4' }));
    expect(words(await evaluate(w.store, options({ muteAs: 'backfill' })))).toEqual([
      'Luton, Academic year 2023/24: corrected',
      'Luton, Academic year 2021/22: baseline (backfill)',
      'Luton, Academic year 2022/23: cleared (backfill)',
    ]);
  });

  it.each([
    ['in the same backfill', false],
    ['that had been loaded before', true],
  ])('follows an alert of the past to its end, by a figure %s', async (_when, loadedBefore) => {
    const w = await world();
    const asked = options({ notifyHistory: true });
    if (loadedBefore) {
      await w.load(year(2023, { Luton: '1.2' }));
      await evaluate(w.store, options());
    }
    await w.load(year(2021, { Luton: '2.4' }));
    await w.load(year(2022, { Luton: '2.6' }));
    if (!loadedBefore) await w.load(year(2023, { Luton: '1.2' }));
    expect(words(await evaluate(w.store, asked))).toEqual([
      'Luton, Academic year 2021/22: baseline (backfill)',
      'Luton, Academic year 2023/24: cleared',
    ]);
    await w.load(year(2024, { Luton: '2.2' }));
    expect(words(await evaluate(w.store, options()))).toEqual(['Luton, Academic year 2024/25: crossed']);
  });

  it('says without doing it how much news a notified backfill would make', async () => {
    const w = await world();
    await w.load(year(2023, { Luton: '2.1' }));
    await evaluate(w.store, options());
    await w.load(year(2021, { Luton: '2.4' }));
    await w.load(year(2022, { Luton: '1.8' }));
    const before = await allEvents(w);
    const asked = await evaluate(w.store, options({ notifyHistory: true, dryRun: true }));
    expect(asked).toMatchObject({ notifications: 2, addresses: 2 });
    expect(await allEvents(w)).toEqual(before);
    expect(words(await evaluate(w.store, options({ notifyHistory: true })))).toEqual([
      'Luton, Academic year 2021/22: baseline (backfill)',
      'Luton, Academic year 2022/23: cleared',
    ]);
  });

  it('tells of each alert of a notified backfill what happened, and how it stands once, by its newest figure', async () => {
    const w = await world();
    const asked = options({ notifyHistory: true });
    await w.load(year(2021, { Luton: '2.4', Bedford: '2.4', England: '1.9' }));
    await w.load(year(2022, { Luton: '2.6', Bedford: '1.8', England: '2.1' }));
    await w.load(year(2023, { Luton: '2.7', Bedford: '2.5', England: '2.2' }));
    const reminding = { ...asked, rules: asked.rules.map((rule) => ({ ...rule, remind: true })) };
    expect(words(await evaluate(w.store, reminding)).sort()).toEqual([
      'Bedford, Academic year 2021/22: baseline (backfill)',
      'Bedford, Academic year 2022/23: cleared',
      'Bedford, Academic year 2023/24: baseline',
      'England, Academic year 2022/23: crossed',
      'England, Academic year 2023/24: baseline',
      'Luton, Academic year 2021/22: baseline (backfill)',
      'Luton, Academic year 2022/23: reminder (backfill)',
      'Luton, Academic year 2023/24: baseline',
    ]);
  });

  it('tells every rise of a notified backfill: each is one of its own year', async () => {
    const w = await world();
    const asked = options({ notifyHistory: true });
    const rules = asked.rules.map((rule) => ({ ...rule, condition: { kind: 'rise' as const, line: 0.5 } }));
    for (const [start, value] of [
      [2020, '1.0'],
      [2021, '2.0'],
      [2022, '3.0'],
      [2023, '4.0'],
    ] as const)
      await w.load(year(start, { Luton: value }, { identifier: 'Autumn term' }));
    const told = words(await evaluate(w.store, { ...asked, rules }));
    expect(told.filter((each) => each.includes('(backfill)'))).toEqual([]);
    expect(told.length).toBe(3);
  });

  it('raises nothing when an older release comes late by a run', async () => {
    const w = await world();
    await w.load(year(2023, { Luton: '1.1' }));
    await evaluate(w.store, options());
    await w.load(year(2022, { Luton: '9.9' }));
    expect((await evaluate(w.store, options())).events).toEqual([]);
  });
});

describe('silence and pause', () => {
  it('records what is silenced, mails nothing of it, and lifts by itself', async () => {
    const w = await world();
    await w.load(year(2022, { Luton: '1.9', Bedford: '1.9' }));
    await evaluate(w.store, options());
    const at = options();
    const silence = {
      rule: undefined,
      areaId: await w.areaId(LUTON),
      until: new Date(at.now.getTime() + 3_600_000),
      reason: 'known',
    };
    await addSilence(w.store, silence, at.now);
    await w.load(year(2023, { Luton: '2.1', Bedford: '2.1' }));
    const { id: runId } = await w.store.db
      .insertInto('run_record')
      .values({ trigger: 'manual', started_at: at.now, outcome: 'running', detail: '{}' })
      .returning('id')
      .executeTakeFirstOrThrow();
    const evaluation = await evaluate(w.store, { ...options(), runId });
    expect(words(evaluation).sort()).toEqual([
      'Bedford, Academic year 2023/24: crossed',
      'Luton, Academic year 2023/24: crossed (silence)',
    ]);
    expect(evaluation.notifications).toBe(2);
    expect(await silencedEvents(w.store, runId)).toBe(1);
    expect(await listSilences(w.store, at.now)).toMatchObject([
      { area: 'Luton', active: true, muted: 1, reason: 'known' },
    ]);
    const later = new Date(at.now.getTime() + 7_200_000);
    expect(await listSilences(w.store, later)).toMatchObject([{ active: false }]);
    await w.load(year(2024, { Luton: '1.2', Bedford: '1.2' }));
    expect(words(await evaluate(w.store, { ...options(), now: later })).sort()).toEqual([
      'Bedford, Academic year 2024/25: cleared',
      'Luton, Academic year 2024/25: cleared',
    ]);
  });

  it('measures "worse" from what was mailed, not from what was silenced', async () => {
    const w = await world();
    const rules = [ruleWith({ worseBy: 0.5 })];
    await w.load(year(2021, { Luton: '2.1' }));
    await evaluate(w.store, options({ rules }));
    await w.load(year(2022, { Luton: '2.7' }));
    expect(words(await evaluate(w.store, options({ rules, paused: true })))).toEqual([
      'Luton, Academic year 2022/23: worse (paused)',
    ]);
    await w.load(year(2023, { Luton: '2.8' }));
    expect(words(await evaluate(w.store, options({ rules })))).toEqual(['Luton, Academic year 2023/24: worse']);
  });

  it('measures "worse" from where an alert was opened, as long as nobody was mailed of it', async () => {
    const w = await world();
    const rules = [ruleWith({ worseBy: 0.3 })];
    const next = async (from: number, rate: string, how: Partial<Parameters<typeof options>[0]> = {}) => {
      await w.load(year(from, { Luton: rate }));
      const { events } = await evaluate(w.store, options({ rules, ...how }));
      return events.map(({ event, muted, reason }) => [event, muted, reason]);
    };
    await next(2018, '1.5');
    expect(await next(2019, '2.1', { paused: true })).toEqual([['crossed', 'paused', expect.anything()]]);
    expect(await next(2020, '2.3')).toEqual([]);
    expect(await next(2021, '2.6')).toEqual([
      [
        'worse',
        undefined,
        expect.stringContaining(
          '0.5 percentage points further than the 2.1% at which the alert was recorded without a mail',
        ),
      ],
    ]);
    expect(await next(2022, '2.8')).toEqual([]);
    expect(await next(2023, '3.0')).toEqual([
      ['worse', undefined, expect.stringContaining('further than the 2.6% last mailed')],
    ]);
  });
});

describe('what a later event says of an alert that was muted', () => {
  const rules = [ruleWith({ worseBy: 0.3 })];
  type How = Partial<Parameters<typeof options>[0]>;
  const paused: How = { paused: true };
  const nextIn =
    (w: FiguresWorld) =>
    async (from: number, rate: string, how: How = {}, more: Partial<NewVersion> = {}): Promise<string[]> => {
      await w.load(year(from, { Luton: rate }, more));
      const { events } = await evaluate(w.store, options({ rules, ...how }));
      return events.map(({ event, reason }) => `${event}: ${reason}`);
    };

  it('the history that a backfill records was not mailed', async () => {
    const w = await world();
    const next = nextIn(w);
    await next(2024, '3.0');
    for (const [from, rate] of [
      [2021, '1.9'],
      [2022, '2.1'],
    ] as const)
      await w.load(year(from, { Luton: rate }));
    expect(await next(2023, '2.9', { muteAs: 'backfill' })).toEqual([
      expect.stringContaining('crossed: severe absence 2.1%'),
      expect.stringMatching(/^worse: .*, 0\.8 percentage points further than the 2\.1% recorded before/),
    ]);
  });

  it.each([
    ['a pause', paused],
    ['a backfill', { muteAs: 'backfill' } as const],
  ])('an alert raised anew during %s was not mailed, though an earlier one was', async (_, muted) => {
    const next = nextIn(await world());
    await next(2018, '2.6');
    expect(await next(2019, '1.5', muted)).toEqual([expect.stringMatching(/^cleared/)]);
    expect(await next(2020, '2.1', muted)).toEqual([expect.stringMatching(/^crossed/)]);
    expect(await next(2021, '2.6')).toEqual([
      expect.stringContaining('further than the 2.1% at which the alert was recorded without a mail'),
    ]);
  });

  it('an alert that was mailed stays so when an older figure is corrected', async () => {
    const next = nextIn(await world());
    await next(2020, '2.3');
    await next(2021, '1.5');
    expect(await next(2022, '2.1')).toEqual([expect.stringMatching(/^crossed/)]);
    expect(await next(2020, '1.9', {}, { published: '2024-06-01' })).toEqual([expect.stringMatching(/^corrected/)]);
    expect(await next(2023, '2.6')).toEqual([expect.stringMatching(/^worse: .*further than the 2\.1% last mailed/)]);
  });

  const UNHEARD = '. That it was past the line had been recorded without a mail';

  it.each([
    ['a pause', paused],
    ['a quiet backfill', { muteAs: 'backfill' } as const],
  ])('the end of one that %s kept quiet says so, once', async (_, muted) => {
    const next = nextIn(await world());
    await next(2018, '1.5', muted);
    await next(2019, '2.1', muted);
    expect(await next(2020, '2.2')).toEqual([]);
    expect(await next(2021, '1.8')).toEqual([
      `cleared: severe absence 1.8%, no longer above the line of 2.0%; it was 2.2% in academic year 2020/21 (across a gap: 2020/21 counted absence for COVID-19 apart)${UNHEARD}`,
    ]);
    expect(await next(2022, '2.1')).toEqual([expect.stringMatching(/^crossed/)]);
    expect(await next(2023, '1.8')).toEqual([
      'cleared: severe absence 1.8%, no longer above the line of 2.0%; it was 2.1% in academic year 2022/23',
    ]);
  });

  it('so does the mail that a reader gets of it, and the end of an area', async () => {
    const w = await world();
    await w.load(year(2021, { Luton: '2.1', Cumbria: '2.4' }));
    await evaluate(w.store, options({ ...paused }));
    await w.load(year(2023, { Luton: '1.9' }));
    await evaluate(w.store, options());
    const [mail = ''] = (await mailed(w, [ruleWith()])).map((text) => text.replaceAll(/\s+/g, ' '));
    expect(mail).toMatch(/^Luton: severe absence 1\.9%, no longer above your 2\.0% line/);
    expect(mail).toContain(
      'No longer past the line: Severe absence 1.9%, no longer above the line of 2.0%; it was 2.1% in academic year 2021/22 (across a gap: no figure was published for 2022/23). That it was past the line had been recorded without a mail.',
    );
    expect(mail).toContain(`The alert is closed; that is no improvement${UNHEARD}.`);
  });

  it('a revision that takes it back says so, and one of an alert that was mailed does not', async () => {
    const next = nextIn(await world());
    await next(2018, '1.5');
    await next(2019, '2.1', paused);
    expect(await next(2019, '1.9', {}, { published: '2021-05-01' })).toEqual([
      `corrected: severe absence in academic year 2019/20 revised: was 2.1%, now 1.9%, no longer above the line of 2.0%${UNHEARD}`,
    ]);
    await next(2021, '2.1', paused);
    expect(await next(2022, '2.7')).toEqual([expect.stringMatching(/^worse/)]);
    expect(await next(2022, '1.9', {}, { published: '2024-05-01' })).toEqual([
      'corrected: severe absence in academic year 2022/23 revised: was 2.7%, now 1.9%, no longer above the line of 2.0%',
    ]);
  });
});

describe('a figure that was mailed and revised without a mail, told when a later version has it again', () => {
  type How = Partial<Parameters<typeof options>[0]>;
  const steps = async (
    w: FiguresWorld,
    rules: readonly Rule[],
    ...versions: readonly (readonly [from: number, figure: string, published: string, how?: How])[]
  ): Promise<string[]> => {
    let last: string[] = [];
    for (const [from, rate, published, how = {}] of versions) {
      await w.load(year(from, { Luton: rate }, { published }));
      const { events } = await evaluate(w.store, options({ rules, ...how }));
      last = events.map(({ event, reason }) => `${event}: ${reason}`);
      if (published !== versions.at(-1)?.[2]) await mailed(w, rules);
    }
    return last;
  };
  const above = [ruleWith({ condition: { kind: 'above', line: 2.5, clearBelow: undefined } })];
  const clearing = [ruleWith({ condition: { kind: 'above', line: 2.5, clearBelow: 2 } })];
  const rise = [ruleWith({ condition: { kind: 'rise', line: 2 } })];
  const paused: How = { paused: true };

  it.each([
    ['a rule with a line', above, 'no longer above the line of 2.5%', 'no longer above your 2.5% line'],
    ['one with a clearing line', clearing, 'no longer above the line of 2.5%', 'no longer above your 2.5% line'],
  ])(
    'says that it is past the line no longer, in the reason as in the subject, of %s',
    async (_, rules, reason, subject) => {
      const w = await world();
      await steps(w, rules, [2021, '1.0', '2023-03-01'], [2022, '3.0', '2024-03-01']);
      await mailed(w, rules);
      const told = await steps(w, rules, [2022, '1.0', '2024-04-01', paused], [2022, '1.0', '2024-05-01']);
      expect(told).toEqual([
        `corrected: severe absence in academic year 2022/23 revised: was 3.0%, now 1.0%, ${reason}`,
      ]);
      const mails = await mailed(w, rules);
      expect(mails).toHaveLength(2);
      for (const mail of mails) {
        expect(mail.split('\n')[0]).toContain(`was 3.0%, now 1.0%, ${subject}`);
        expect(mail).not.toContain('still');
      }
    },
  );

  it('says of a rise that it is none any more, and that it is one after all', async () => {
    const w = await world();
    await steps(w, rise, [2021, '1.0', '2023-03-01'], [2022, '4.0', '2024-03-01']);
    await mailed(w, rise);
    expect(await steps(w, rise, [2022, '2.0', '2024-04-01', paused], [2022, '2.0', '2024-05-01'])).toEqual([
      'corrected: severe absence in academic year 2022/23 revised: was 4.0%, now 2.0%; that makes severe absence 2.0%, up 1.0 percentage points from 1.0% (academic year 2021/22), no longer more than the line of 2.0 percentage points',
    ]);
    await mailed(w, rise);
    expect(await steps(w, rise, [2022, '4.5', '2024-06-01', paused], [2022, '4.5', '2024-07-01'])).toEqual([
      'corrected: severe absence in academic year 2022/23 revised: was 2.0%, now 4.5%; that makes severe absence 4.5%, up 3.5 percentage points from 1.0% (academic year 2021/22), now more than the line of 2.0 percentage points',
    ]);
  });

  it('says that it is past the line now of one that was not', async () => {
    const w = await world();
    await steps(w, above, [2021, '1.0', '2023-03-01'], [2022, '3.0', '2024-03-01'], [2022, '2.4', '2024-04-01']);
    await mailed(w, above);
    expect(await steps(w, above, [2022, '2.6', '2024-05-01', paused], [2022, '2.6', '2024-06-01'])).toEqual([
      'corrected: severe absence in academic year 2022/23 revised: was 2.4%, now 2.6%, now above the line of 2.5%',
    ]);
  });
});

describe('a figure that was mailed, and revised and back while mails are muted', () => {
  type How = Partial<Parameters<typeof options>[0]>;
  const line = [ruleWith({ condition: { kind: 'above', line: 2.5, clearBelow: undefined } })];
  const gap = [
    ruleWith({
      areas: [{ by: 'name', text: 'Luton' }],
      condition: { kind: 'gap_to_england', line: 0.5, clearBelow: undefined },
    }),
  ];
  const owed = ({ store }: FiguresWorld) =>
    store.db.selectFrom('notification').select('id').where('mail_id', 'is', null).execute();
  const silenced = async (w: FiguresWorld): Promise<How> => {
    const now = options().now;
    const until = new Date(now.getTime() + 90_000);
    await addSilence(w.store, { rule: 'Severe absence', areaId: undefined, until, reason: 'known' }, now);
    return {};
  };
  const ways: [string, (w: FiguresWorld) => How | Promise<How>][] = [
    ['a pause', () => ({ paused: true })],
    ['a silence', silenced],
    ['a quiet backfill', () => ({ muteAs: 'backfill' })],
  ];
  let day = 0;
  const amended = async (w: FiguresWorld, luton: string, england: string, rules = line, how: How = {}) => {
    const published = new Date(Date.UTC(2025, 5, 1) + ++day * 3_600_000).toISOString();
    await w.load(year(2023, { Luton: luton, England: england }, { published }));
    return words(await evaluate(w.store, options({ rules, ...how }))).filter((text) => text.startsWith('Luton'));
  };
  const told = async (rules = line): Promise<FiguresWorld> => {
    const w = await world();
    await w.load(year(2022, { Luton: '2.0', England: '2.0' }));
    await evaluate(w.store, options({ rules }));
    await w.load(year(2023, { Luton: '3.0', England: '2.0' }));
    await evaluate(w.store, options({ rules }));
    expect(await mailed(w, rules)).toHaveLength(2);
    return w;
  };

  it.each(ways)('is no news to whom it was mailed, after %s', async (_, muted) => {
    const w = await told();
    const how = await muted(w);
    expect(await amended(w, '1.0', '2.0', line, how)).toEqual([expect.stringMatching(/: corrected \(/)]);
    minutes += 5;
    expect(await amended(w, '3.0', '2.0'), 'on record').toEqual(['Luton, Academic year 2023/24: corrected']);
    expect(await mailed(w, line)).toEqual([]);
    expect(await owed(w)).toEqual([]);
    await amended(w, '3.3', '2.0');
    const mails = await mailed(w, line);
    expect(mails).toHaveLength(2);
    for (const mail of mails) expect(mail).toMatch(/^Correction: .*was 3\.0%, now 3\.3%, above your 2\.5% line/);
  });

  it('is news to whom it was not', async () => {
    const w = await told();
    await amended(w, '1.0', '2.0', line, { paused: true });
    const recipients = { team: ['attendance@luton.example', 'new@luton.example'] };
    await amended(w, '3.0', '2.0', line, { recipients });
    const mails = await mailed(w, line);
    expect(mails).toHaveLength(1);
    expect(mails[0]).toMatch(/^Correction: .*was 1\.0%, now 3\.0%, above your 2\.5% line/);
    expect(mails[0]).toContain('new@luton.example');
  });

  it('is corrected from what was mailed where it stands otherwise: the figure is the same, what it is compared with is not', async () => {
    const w = await told(gap);
    await amended(w, '3.4', '2.0', gap, { paused: true });
    await amended(w, '3.0', '2.8', gap);
    const mails = await mailed(w, gap);
    expect(mails).toHaveLength(2);
    for (const mail of mails) {
      expect(mail.split('\n')[0]).toBe(
        'Correction: Luton: the figure of England was revised: severe absence 3.0%, 0.2 points above England, no longer more than your line of 0.5 points (academic year 2023/24)',
      );
      expect(mail).not.toContain('3.4');
    }
  });
});

it('records what happens during a pause, mails neither it nor its briefs after the resume, and says how much that was', async () => {
  const w = await world();
  const briefs = [{ areas: [{ by: 'name' as const, text: 'Luton' }], notify: ['team'] }];
  const owed = async (): Promise<string[]> =>
    (await w.store.db.selectFrom('notification').select('kind').orderBy('id').execute()).map(({ kind }) => kind);
  await w.load(year(2021, { Luton: '1.8' }));
  await evaluate(w.store, options({ briefs }));
  expect(await owed(), 'owed before the pause').toEqual(['brief', 'brief']);
  await pauseSending(w.store, 'mail server moves', options().now);
  await w.load(year(2022, { Luton: '2.7', Bedford: '1.0' }));
  expect(words(await evaluate(w.store, options({ briefs, paused: true })))).toEqual([
    'Luton, Academic year 2022/23: crossed (paused)',
  ]);
  expect(await resumeSending(w.store, options().now)).toBe(1);
  expect((await evaluate(w.store, options({ briefs }))).notifications).toBe(0);
  await w.load(year(2023, { Luton: '2.8' }));
  expect(words(await evaluate(w.store, options({ briefs }))), 'it does not cross again').toEqual([]);
  expect(await owed(), 'the brief of the release after the pause').toEqual(['brief', 'brief', 'brief', 'brief']);
  await pauseSending(w.store, 'again', options().now);
  expect(await resumeSending(w.store, options().now), 'of this pause alone').toBe(0);
});

describe('a crossing that waits in the queue, amended while mails are muted', () => {
  const silence = async (w: FiguresWorld): Promise<Partial<Parameters<typeof options>[0]>> => {
    const { now } = options();
    const until = new Date(now.getTime() + 3_600_000);
    await addSilence(w.store, { rule: 'Severe absence', areaId: undefined, until, reason: 'known' }, now);
    return {};
  };
  const waits = async (): Promise<FiguresWorld> => {
    const w = await world();
    await w.load(year(2021, { Luton: '1.8' }));
    await evaluate(w.store, options());
    await w.load(year(2022, { Luton: '2.4' }));
    await evaluate(w.store, options());
    return w;
  };
  const rules = [ruleWith()];

  describe.each([
    ['a silence', silence],
    ['a pause', () => ({ paused: true })],
    ['a quiet backfill', () => ({ muteAs: 'backfill' as const })],
  ])('by %s', (_, muted) => {
    it.each([
      ['is told as it stands', '2.9', [/^Luton: severe absence 2\.9%, above your 2\.0% line/]],
      ['is not told where it came to nothing', '1.7', []],
    ])('%s', async (__, value, expected) => {
      const w = await waits();
      const how = await muted(w);
      await w.load(year(2022, { Luton: value }, { published: '2024-05-01' }));
      await evaluate(w.store, options({ ...how }));
      const mails = await mailed(w, rules);
      expect(mails).toHaveLength(2 * expected.length);
      for (const mail of mails) {
        expect(mail).toMatch(expected[0] ?? /nothing/);
        expect(mail).not.toContain('2.4%');
      }
    });
  });

  it('what comes after it went out is muted', async () => {
    const w = await waits();
    await silence(w);
    expect(await mailed(w, rules)).toHaveLength(2);
    await w.load(year(2022, { Luton: '1.7' }, { published: '2024-05-01' }));
    expect(words(await evaluate(w.store, options()))).toEqual(['Luton, Academic year 2022/23: corrected (silence)']);
    expect(await mailed(w, rules)).toEqual([]);
  });
});

it.each([
  ['waits', ['Luton, Academic year 2022/23: corrected', 'Bedford, Academic year 2022/23: corrected']],
  [
    'went out',
    ['Luton, Academic year 2022/23: corrected (paused)', 'Bedford, Academic year 2022/23: corrected (paused)'],
  ],
])('a correction that comes during a pause, of a crossing whose mail %s', async (fate, expected) => {
  const w = await world();
  const rules = [ruleWith(), ruleWith({ name: 'Silenced' })];
  await w.load(year(2021, { Luton: '1.8', Bedford: '1.8' }));
  await evaluate(w.store, options({ rules }));
  await w.load(year(2022, { Luton: '2.1', Bedford: '2.1' }));
  await evaluate(w.store, options({ rules }));
  if (fate === 'went out') await mailed(w, rules);
  await pauseSending(w.store, 'wrong figures', options().now);
  await addSilence(
    { db: w.store.db },
    { rule: 'Silenced', areaId: undefined, until: new Date('2026-10-23T09:00:00Z'), reason: 'ours to know' },
    NOW,
  );
  await w.load(year(2022, { Luton: '1.7', Bedford: '1.7' }, { published: '2024-05-01' }));
  const { events } = await evaluate(w.store, options({ rules, paused: true }));
  const ours = events.filter(({ rule }) => rule !== 'Silenced');
  expect(words({ events: ours }).toSorted()).toEqual(expected.toSorted());
  expect(new Set(events.filter(({ rule }) => rule === 'Silenced').map(({ muted }) => muted))).toEqual(
    new Set([fate === 'waits' ? undefined : 'silence']),
  );
  // What crosses meanwhile is recorded alone, as ever.
  await w.load(year(2023, { Luton: '2.4' }));
  expect(words(await evaluate(w.store, options({ paused: true })))).toContain(
    'Luton, Academic year 2023/24: crossed (paused)',
  );
  await resumeSending(w.store, options().now);
  // Of a crossing that nobody was mailed, and that came to nothing, nobody hears.
  const told = await mailed(w, rules);
  expect(told.join('\n')).not.toContain('2.1%, now 1.7%');
});

it.each([
  ['alone: one decimal, and the change does not show', [ruleWith()], []],
  [
    'beside a line of two decimals: two, and it does',
    [ruleWith(), ruleWith({ name: 'Finer', condition: { kind: 'above', line: 2.25, clearBelow: undefined } })],
    ['Luton, Academic year 2023/24: corrected', 'Luton, Academic year 2023/24: corrected'],
  ],
])('corrects a figure whose change shows at the decimals that its mail had, %s', async (_, rules, expected) => {
  const w = await world();
  await w.load(year(2022, { Luton: '1.8' }));
  await evaluate(w.store, options({ rules }));
  await w.load(year(2023, { Luton: '2.61' }));
  await evaluate(w.store, options({ rules }));
  const [mail = ''] = await mailed(w, rules);
  expect(mail).toContain(expected.length === 0 ? '2.6%' : '2.61%');
  await w.load(year(2023, { Luton: '2.64' }, { published: '2025-06-01' }));
  const { events } = await evaluate(w.store, options({ rules }));
  expect(words({ events })).toEqual(expected);
  for (const { reason } of events) expect(reason).toContain('was 2.61%, now 2.64%');
});

describe('a told figure that is revised again before anybody is mailed of the first revision', () => {
  const rules = [ruleWith({ condition: { kind: 'above', line: 1.5, clearBelow: undefined } })];
  const revisedTo = async (w: FiguresWorld, value: string, day: number): Promise<void> => {
    await w.load(year(2023, { Luton: value }, { published: `2025-06-${String(day).padStart(2, '0')}T09:00:00Z` }));
  };
  const told = async (): Promise<FiguresWorld> => {
    const w = await world();
    await w.load(year(2023, { Luton: '1.54' }));
    await evaluate(w.store, options({ rules }));
    expect(await mailed(w, rules)).toHaveLength(2);
    return w;
  };
  const owed = ({ store }: FiguresWorld) =>
    store.db.selectFrom('notification').select('id').where('mail_id', 'is', null).execute();

  it.each([
    ['in one run', false],
    ['in two, the mail of the first still untried', true],
  ])('is corrected once, from what was mailed to what stands, %s', async (_, twoRuns) => {
    const w = await told();
    await revisedTo(w, '1.62', 1);
    if (twoRuns) await evaluate(w.store, options({ rules }));
    await revisedTo(w, '1.71', 2);
    await evaluate(w.store, options({ rules }));
    const mails = await mailed(w, rules);
    expect(mails).toHaveLength(2);
    for (const mail of mails) {
      expect(mail).toMatch(
        /^Correction: Luton: severe absence was 1\.54%, now 1\.71%, above your 1\.50% line \(academic year 2023\/24\)\n/,
      );
      expect(mail.replaceAll(/\s+/g, ' ')).toContain(
        'Severe absence in academic year 2023/24 revised: was 1.54%, now 1.71%, above your 1.50% line.',
      );
      expect(mail).not.toContain('1.62');
    }
    expect(await owed(w)).toEqual([]);
    expect(await allEvents(w), 'both are on record').toEqual([
      'Luton 202324 baseline 1.54 told',
      'Luton 202324 corrected 1.62 told',
      'Luton 202324 corrected 1.71 told',
    ]);
  });

  it('is not corrected where it came back to what was mailed', async () => {
    const w = await told();
    await revisedTo(w, '1.62', 1);
    await revisedTo(w, '1.54', 2);
    await evaluate(w.store, options({ rules }));
    expect(await mailed(w, rules)).toEqual([]);
    expect(await owed(w)).toEqual([]);
    await revisedTo(w, '1.66', 3);
    await evaluate(w.store, options({ rules }));
    for (const mail of await mailed(w, rules)) expect(mail).toMatch(/was 1\.54%, now 1\.66%/);
  });

  it('leaves other news of the mail as it is where it came back', async () => {
    const w = await told();
    await revisedTo(w, '1.62', 1);
    await revisedTo(w, '1.54', 2);
    await w.load(year(2024, { Luton: '1.2' }, { published: '2026-06-20' }));
    await evaluate(w.store, options({ rules }));
    const mails = await mailed(w, rules);
    expect(mails).toHaveLength(2);
    for (const mail of mails) {
      expect(mail).toMatch(/^Luton: severe absence 1\.20%, no longer above your 1\.50% line/);
      expect(mail).not.toMatch(/1\.62|revised/);
    }
  });

  it.each([
    [
      'is withheld in the end',
      ['1.62', 'c'],
      'was 1.54%, now no figure is published',
      'was 1.54%, now withheld so that no pupil can be identified (published as “c”). The alert stays open,',
    ],
    ['goes under the line and back over it', ['1.4', '1.9'], 'was 1.54%, now 1.90%, above your 1.50% line'],
    ['goes over the line and under it', ['1.62', '1.4'], 'was 1.54%, now 1.40%, no longer above your 1.50% line'],
  ])('is told as it stands where it %s', async (_, values, expected, reason = expected) => {
    const w = await told();
    for (const [i, value] of values.entries()) await revisedTo(w, value, i + 1);
    await evaluate(w.store, options({ rules }));
    const mails = await mailed(w, rules);
    expect(mails).toHaveLength(2);
    for (const mail of mails) {
      expect(mail.split('\n')[0]).toContain(expected);
      expect(mail.replaceAll(/\s+/g, ' ')).toContain(`revised: ${reason}`);
      expect(mail).not.toContain(values[0]);
    }
  });

  describe('where it was never mailed', () => {
    const line = [ruleWith({ condition: { kind: 'above', line: 2.5, clearBelow: undefined } })];
    const evaluated = (w: FiguresWorld) => evaluate(w.store, options({ rules: line }));
    const unmailed = async (): Promise<FiguresWorld> => {
      const w = await world();
      await w.load(year(2023, { Luton: '2.4' }));
      await evaluated(w);
      expect(await mailed(w, line)).toEqual([]);
      await revisedTo(w, '2.6', 1);
      await evaluated(w);
      return w;
    };

    it('says nothing of it once it is no longer past the line, whatever the figure is then, nor of what follows', async () => {
      const w = await unmailed();
      await revisedTo(w, '2.3', 2);
      await evaluated(w);
      expect(await mailed(w, line)).toEqual([]);
      await revisedTo(w, '2.1', 3);
      await evaluated(w);
      expect(await mailed(w, line)).toEqual([]);
      expect(await owed(w)).toEqual([]);
      expect(await allEvents(w), 'all are on record').toEqual([
        'Luton 202324 baseline 2.4 not in breach',
        'Luton 202324 corrected 2.1 told',
        'Luton 202324 corrected 2.3 told',
        'Luton 202324 corrected 2.6 told',
      ]);
    });

    it('tells it where it is past the line', async () => {
      const w = await unmailed();
      await revisedTo(w, '2.8', 2);
      await evaluated(w);
      for (const mail of await mailed(w, line)) expect(mail).toMatch(/was 2\.4%, now 2\.8%, above your 2\.5% line/);
    });

    it('corrects it for those alone who were told', async () => {
      const w = await unmailed();
      expect(await mailed(w, line)).toHaveLength(2);
      // The mail of one of them was not tried.
      const untried = { state: 'queued', sent_at: null } as const;
      await w.store.db.updateTable('mail').set(untried).where('address', 'like', '%desk%').execute();
      for (const [value, day] of [
        ['2.3', 2],
        ['2.1', 3],
      ] as const) {
        await revisedTo(w, value, day);
        await evaluated(w);
        const mails = await mailed(w, line);
        expect(mails).toHaveLength(1);
        expect(mails[0]).toMatch(/^Correction: Luton: severe absence was 2\.[36]%, now 2\.[13]%/);
        expect(mails[0]).toContain('attendance@luton.example');
      }
    });

    it('tells it where the alert goes on with a newer figure', async () => {
      const w = await unmailed();
      await w.load(year(2024, { Luton: '2.7' }));
      await evaluated(w);
      await revisedTo(w, '2.3', 2);
      await evaluated(w);
      const mails = await mailed(w, line);
      expect(mails).toHaveLength(2);
      for (const mail of mails) {
        const text = mail.replaceAll(/\s+/g, ' ');
        expect(text).toContain('was 2.4%, now 2.6%, now above the line of 2.5%');
        expect(text).toContain(
          'was 2.6%, now 2.3%, no longer above the line of 2.5%; newer figures stand as they were',
        );
      }
    });
  });

  describe('and before anybody is mailed that it is past the line', () => {
    const line = [ruleWith({ condition: { kind: 'above', line: 2.5, clearBelow: 2.2 } })];
    const evaluated = (w: FiguresWorld, applied = line) => evaluate(w.store, options({ rules: applied }));
    const crossing = async (): Promise<FiguresWorld> => {
      const w = await world();
      await w.load(year(2022, { Luton: '2.0' }));
      await evaluated(w);
      await w.load(year(2023, { Luton: '2.6' }));
      return w;
    };
    const firstLook = async (): Promise<FiguresWorld> => {
      const w = await world();
      await w.load(year(2023, { Luton: '2.6' }));
      return w;
    };

    describe.each([
      ['a crossing', 'crossed', crossing],
      ['a first look', 'baseline', firstLook],
    ])('%s', (_, event, started) => {
      it.each([
        ['in one run', false],
        ['in two', true],
      ])('is not told where it came to nothing, %s', async (__, twoRuns) => {
        const w = await started();
        if (twoRuns) await evaluated(w);
        await revisedTo(w, '2.3', 1);
        await evaluated(w);
        expect(await mailed(w, line)).toEqual([]);
        expect(await owed(w)).toEqual([]);
        // A first look sees of several versions the newest.
        if (twoRuns || event === 'crossed')
          expect(await allEvents(w)).toEqual(
            expect.arrayContaining([`Luton 202324 ${event} 2.6 told`, 'Luton 202324 corrected 2.3 told']),
          );
      });

      it('is told alone, with the figure that stands, where that is past the line', async () => {
        const w = await started();
        await evaluated(w);
        await revisedTo(w, '2.0', 1);
        await evaluated(w);
        await revisedTo(w, '2.8', 2);
        await evaluated(w);
        const mails = await mailed(w, line);
        expect(mails).toHaveLength(2);
        for (const mail of mails) {
          expect(mail).toMatch(
            /^(First look: )?Luton: severe absence 2\.8%, above your 2\.5% line \(academic year 2023\/24\)\n/,
          );
          expect(mail).toContain(': Severe absence 2.8%, above your 2.5% line.');
          expect(mail).not.toMatch(/2\.6|revised|Corrected/);
        }
        await revisedTo(w, '3.0', 3);
        await evaluated(w);
        for (const mail of await mailed(w, line)) expect(mail).toMatch(/^Correction: .*was 2\.8%, now 3\.0%/);
      });

      it('is told without a figure where none stands', async () => {
        const w = await started();
        await evaluated(w);
        await revisedTo(w, '2.7', 1);
        await evaluated(w);
        await revisedTo(w, 'c', 2);
        await evaluated(w);
        const mails = await mailed(w, line);
        expect(mails).toHaveLength(2);
        for (const mail of mails) {
          const text = mail.replaceAll(/\s+/g, ' ');
          expect(text).toContain('Severe absence in academic year 2023/24 was above your 2.5% line, now withheld');
          expect(text).not.toMatch(/2\.[67]%|revised|Corrected/);
        }
      });
    });

    it('a crossing is told with the correction where the alert goes on with a newer figure', async () => {
      const w = await crossing();
      await evaluated(w);
      await w.load(year(2024, { Luton: '2.7' }));
      await evaluated(w);
      await revisedTo(w, '2.0', 2);
      await evaluated(w);
      for (const mail of await mailed(w, line)) {
        const text = mail.replaceAll(/\s+/g, ' ');
        expect(text).toContain('Severe absence 2.6%, above your 2.5% line');
        expect(text).toContain('now 2.0%, no longer above the line of 2.5%; newer figures stand as they were');
      }
    });

    it('a first look since an edit of the rule is told with its end: the alert may have been known before', async () => {
      const w = await firstLook();
      await evaluated(w);
      await mailed(w, line);
      const edited = [ruleWith({ condition: { kind: 'above', line: 2.4, clearBelow: 2.2 } })];
      await evaluated(w, edited);
      await revisedTo(w, '2.0', 1);
      await evaluated(w, edited);
      const mails = await mailed(w, edited);
      expect(mails).toHaveLength(2);
      for (const mail of mails) expect(mail).toContain('was 2.6%, now 2.0%, no longer above your 2.4% line');
    });
  });

  describe('and before anybody is mailed that it is past the line no longer', () => {
    const cleared = async (rule: Partial<Rule> = {}, how: Partial<Parameters<typeof options>[0]> = {}) => {
      const w = await world();
      const applied = [ruleWith({ condition: { kind: 'above', line: 2.5, clearBelow: undefined }, ...rule })];
      await w.load(year(2021, { Luton: '2.0' }));
      await evaluate(w.store, options({ rules: applied }));
      await w.load(year(2022, { Luton: '3.0' }));
      await evaluate(w.store, options({ rules: applied }));
      expect(await mailed(w, applied)).toHaveLength(2);
      await w.load(year(2023, { Luton: '1.0' }));
      expect(words(await evaluate(w.store, options({ rules: applied, ...how })))).toEqual([
        expect.stringContaining('cleared'),
      ]);
      return {
        w,
        mailsAfter: async (...values: readonly string[]): Promise<string[]> => {
          for (const [i, value] of values.entries()) {
            await revisedTo(w, value, i + 1);
            await evaluate(w.store, options({ rules: applied }));
          }
          return mailed(w, applied);
        },
      };
    };

    it.each([
      ['the clearing waits', {}],
      ['a pause muted the clearing', { paused: true }],
    ])('comes to nothing where the alert that was mailed goes on, %s', async (_, how) => {
      const { w, mailsAfter } = await cleared({}, how);
      expect(await mailsAfter('2.8')).toEqual([]);
      expect(await owed(w)).toEqual([]);
      await w.load(year(2024, { Luton: '1.2' }));
      await evaluate(
        w.store,
        options({ rules: [ruleWith({ condition: { kind: 'above', line: 2.5, clearBelow: undefined } })] }),
      );
      for (const mail of await mailed(w, [ruleWith()])) expect(mail).toMatch(/^Luton: severe absence 1\.2%, no longer/);
    });

    it('is told alone, with the figure that stands, where that is not past the line', async () => {
      const { mailsAfter } = await cleared();
      const mails = await mailsAfter('2.8', '1.4');
      expect(mails).toHaveLength(2);
      for (const mail of mails) {
        expect(mail).toMatch(/^Luton: severe absence 1\.4%, no longer above your 2\.5% line/);
        expect(mail).not.toMatch(/1\.0%|revised|Corrected/);
      }
    });

    it.each([
      [
        'is reminded of, where the rule asks for that',
        { remind: true },
        '2.8',
        'severe absence 2.8%, still above your 2.5% line',
      ],
      ['is told as worse, where it is', { worseBy: 0.5 }, '3.6', 'severe absence 3.6%, further above your 2.5% line'],
      ['is not told where it is not', { worseBy: 0.5 }, '3.4', undefined],
    ])('%s', async (_, rule, value, expected) => {
      const { mailsAfter } = await cleared(rule);
      const mails = await mailsAfter(value);
      expect(mails).toHaveLength(expected === undefined ? 0 : 2);
      for (const mail of mails) {
        expect(mail.split('\n')[0]).toBe(`Luton: ${expected} (academic year 2023/24)`);
        expect(mail).not.toMatch(/1\.0%|revised|Corrected/);
      }
    });
  });

  it('is told of a difference where only the other figure moved, and not where that came back', async () => {
    const w = await world();
    const gap = [
      ruleWith({
        areas: [{ by: 'name', text: 'Luton' }],
        condition: { kind: 'gap_to_england', line: 0.5, clearBelow: undefined },
      }),
    ];
    const next = async (luton: string, england: string, day: number): Promise<void> => {
      await w.load(year(2023, { Luton: luton, England: england }, { published: `2025-06-0${day}T09:00:00Z` }));
    };
    await next('2.6', '2.0', 1);
    await evaluate(w.store, options({ rules: gap }));
    await mailed(w, gap);
    await next('2.6', '2.3', 2);
    await next('2.6', '2.0', 3);
    await evaluate(w.store, options({ rules: gap }));
    expect(await mailed(w, gap), 'level with what was mailed').toEqual([]);
    await next('2.9', '2.0', 4);
    await next('2.6', '2.3', 5);
    await evaluate(w.store, options({ rules: gap }));
    const mails = await mailed(w, gap);
    expect(mails).toHaveLength(2);
    for (const mail of mails)
      expect(mail.split('\n')[0]).toBe(
        'Correction: Luton: the figure of England was revised: severe absence 2.6%, 0.3 points above England, no longer more than your line of 0.5 points (academic year 2023/24)',
      );
  });
});

describe('the subject of a correction under a rule of a difference', () => {
  const of = (condition: Rule['condition']): Rule[] => [
    ruleWith({ areas: [{ by: 'name', text: 'Luton' }], condition }),
  ];
  const clearing = of({ kind: 'gap_to_england', line: 1, clearBelow: 0.5 });
  it.each([
    [
      'a rise',
      of({ kind: 'rise', line: 2 }),
      ['4.0', '2.0', '2.4'],
      'up 1.4 points in a year, still not more than your line of 2.0 points',
    ],
    [
      'a rise to the line itself',
      of({ kind: 'rise', line: 2 }),
      ['4.0', '2.0', '3.0'],
      'up 2.0 points in a year, still not more than your line of 2.0 points',
    ],
    [
      'a rise that is none any more',
      of({ kind: 'rise', line: 2 }),
      ['4.0', '3.0'],
      'up 2.0 points in a year, no longer more than your line of 2.0 points',
    ],
    [
      'a fall',
      of({ kind: 'fall', line: 0.5 }),
      ['0.4', '0.8', '1.1'],
      'up 0.1 points in a year, still not down by more than your line of 0.5 points',
    ],
    [
      'a gap',
      of({ kind: 'gap_to_england', line: 0.5, clearBelow: undefined }),
      ['3.0', '1.0', '1.2'],
      '0.8 points below England, still not more than your line of 0.5 points',
    ],
    [
      'a line below England',
      of({ kind: 'gap_to_england', line: -0.5, clearBelow: undefined }),
      ['3.0', '1.0', '1.2'],
      '0.8 points below England, still not past your line of 0.5 points below England',
    ],
    [
      'a gap between the lines',
      clearing,
      ['3.2', '2.8', '2.7'],
      '0.7 points above England, still not more than your line of 1.0 points',
    ],
    [
      'a gap that is clear',
      clearing,
      ['3.2', '2.8', '2.4'],
      '0.4 points above England, below your clearing line of 0.5 points',
    ],
    [
      'a gap that was clear',
      clearing,
      ['3.2', '2.4', '2.3'],
      '0.3 points above England, still not more than your line of 1.0 points',
    ],
  ])('%s', async (_, rules, values, expected) => {
    const w = await world();
    await w.load(year(2021, { Luton: '1.0', England: '2.0' }));
    await evaluate(w.store, options({ rules }));
    let mails = await mailed(w, rules);
    for (const [i, Luton] of values.entries()) {
      await w.load(year(2022, { Luton, England: '2.0' }, { published: `2025-06-0${i + 1}` }));
      await evaluate(w.store, options({ rules }));
      mails = await mailed(w, rules);
    }
    expect(mails).toHaveLength(2);
    for (const mail of mails) expect(mail.split('\n')[0]).toContain(`now ${values.at(-1)}%, ${expected} (`);
  });
});

it('quotes what was mailed as too low to print as that, and what is withheld since as that', async () => {
  const w = await world();
  const rules = [ruleWith({ condition: { kind: 'below', line: 2, clearAbove: undefined } })];
  await w.load(year(2022, { Luton: 'low', Bedford: '1.9' }));
  await evaluate(w.store, options({ rules }));
  await w.load(year(2022, { Luton: '2.5', Bedford: 'c' }, { published: '2024-06-01' }));
  const reasons = (await evaluate(w.store, options({ rules }))).events.map(({ reason }) => reason);
  expect(reasons).toContainEqual(
    expect.stringContaining('revised: was so low that it rounds to zero (published as “low”), now 2.5%'),
  );
  await w.load(year(2023, { Luton: '2.4', Bedford: '2.4' }));
  expect((await evaluate(w.store, options({ rules }))).events.map(({ reason }) => reason)).toEqual([
    'severe absence 2.4%, no longer below the line of 2.0%; the figure for academic year 2022/23, 1.9% before, has been withheld since',
  ]);
});

describe('areas that are gone', () => {
  it('closes the alert of an abolished authority without a word of recovery', async () => {
    const w = await world();
    await w.load(year(2022, { Cumbria: '2.6', Luton: '1.0' }));
    await evaluate(w.store, options());
    await w.load(year(2023, { Luton: '1.0' }));
    const evaluation = await evaluate(w.store, options());
    expect(evaluation.events.map(({ event, reason }) => `${event}: ${reason}`)).toEqual([
      'area ended: Cumbria was abolished on 31 March 2023 and has no figure of its own any more: its place was taken by Cumberland, and by Westmorland and Furness; last figure 2.6% in academic year 2022/23. The alert is closed; that is no improvement',
    ]);
    await w.load(year(2024, { Luton: '1.0' }));
    expect((await evaluate(w.store, options())).events).toEqual([]);
  });

  it('names the last figure also under a rule that is judged by a difference', async () => {
    const w = await world();
    const rules = [ruleWith({ condition: { kind: 'rise', line: 0.5 } })];
    await w.load(year(2021, { Cumbria: '1.6', Luton: '1.0' }));
    await w.load(year(2022, { Cumbria: '2.6', Luton: '1.0' }));
    await evaluate(w.store, options({ rules }));
    await w.load(year(2023, { Luton: '1.0' }));
    const { events } = await evaluate(w.store, options({ rules }));
    expect(events.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('last figure 2.6% in academic year 2022/23. The alert is closed'),
    ]);
  });

  it('keeps the state of an area that is only missing, and says from when on it is', async () => {
    const w = await world();
    await w.load(year(2022, { Bedford: '2.6', Luton: '1.0' }));
    await evaluate(w.store, options());
    await w.load(year(2023, { Luton: '1.0' }));
    const evaluation = await evaluate(w.store, options());
    expect(evaluation.events).toEqual([]);
    expect(evaluation.warnings).toEqual([
      'Rule "Severe absence": no figure for Bedford in Academic year 2023/24 (release "Academic year 2023"), where other areas have one. Their state is kept (on_missing_area: keep).',
    ]);
    expect(evaluation.newlyMissing).toEqual(evaluation.warnings);
    await w.load(year(2024, { Luton: '1.0' }));
    const still = await evaluate(w.store, options());
    expect([still.warnings.length, still.newlyMissing]).toEqual([1, []]);
    await w.load(year(2025, { Luton: '1.0', Bedford: '1.0' }));
    expect(words(await evaluate(w.store, options()))).toEqual(['Bedford, Academic year 2025/26: cleared']);
  });

  it('closes it where the rule takes missing as gone', async () => {
    const w = await world();
    const rules = [ruleWith({ onMissingArea: 'clear' })];
    await w.load(year(2022, { Bedford: '2.6', Luton: '1.0' }));
    await evaluate(w.store, options({ rules }));
    await w.load(year(2023, { Luton: '1.0' }));
    expect(words(await evaluate(w.store, options({ rules })))).toEqual(['Bedford, Academic year 2023/24: area ended']);
  });
});

describe('comparisons', () => {
  it('holds an area against England and against its statistical neighbours', async () => {
    const w = await world();
    const gap = (kind: 'gap_to_england' | 'gap_to_neighbours'): Rule =>
      ruleWith({
        name: kind,
        areas: [{ by: 'name', text: 'Luton' }],
        condition: { kind, line: 0.5, clearBelow: undefined },
      });
    const more = {
      rules: [gap('gap_to_england'), gap('gap_to_neighbours')],
      neighbours: new Map([['821', ['822', '909']]]),
    };
    await w.load(year(2022, { Luton: '2.1', England: '2.0', Bedford: '1.9', Cumbria: '2.1' }));
    await evaluate(w.store, options(more));
    await w.load(year(2023, { Luton: '2.1', England: '1.5', Bedford: '1.4' }));
    const evaluation = await evaluate(w.store, options(more));
    expect(evaluation.events.map(({ rule, event, reason }) => `${rule} ${event}: ${reason}`)).toEqual([
      'gap_to_england crossed: severe absence 2.1%, 0.6 percentage points above England (1.5%), more than the line of 0.5 percentage points; it was 0.1 percentage points above England in academic year 2022/23',
      'gap_to_neighbours crossed: severe absence 2.1%, 0.7 percentage points above the mean of its statistical neighbours (1.4%), more than the line of 0.5 percentage points (1 of 2 statistical neighbours have a figure); it was 0.1 percentage points above that mean in academic year 2022/23',
    ]);
  });

  it('tells a rise on the year before, and corrects it when last year is revised', async () => {
    const w = await world();
    const rules = [ruleWith({ condition: { kind: 'rise', line: 0.5 } })];
    await w.load(year(2021, { Luton: '2.0' }));
    await w.load(year(2022, { Luton: '2.1' }));
    await evaluate(w.store, options({ rules }));
    await w.load(year(2023, { Luton: '2.7' }));
    expect(words(await evaluate(w.store, options({ rules })))).toEqual(['Luton, Academic year 2023/24: crossed']);
    await w.load(year(2022, { Luton: '2.5' }, { published: '2025-06-01' }));
    const revised = await evaluate(w.store, options({ rules }));
    expect(revised.events.map(({ event, reason }) => `${event}: ${reason}`)).toEqual([
      'corrected: the figure that severe absence in academic year 2023/24 is compared with was revised; that makes severe absence 2.7%, up 0.2 percentage points from 2.5% (academic year 2022/23), no longer more than the line of 0.5 percentage points; it was 0.6 percentage points up before',
    ]);
  });

  const ytd = (release: string, published: string, rows: NewVersion['rows']): NewVersion => ({
    ...{ publication: 'pupil-attendance-in-schools', release, published },
    ...{ identifier: 'Year to date', rows },
  });

  it.each([
    ['each in a release of its own', (day: string) => `Week to ${day}`],
    ['each in place of the one before', () => 'Pupil attendance in schools'],
  ])('compares a running total with the nearest day a year before: versions %s', async (_, releaseOf) => {
    const w = await world();
    const rules = [ruleWith({ condition: { kind: 'rise', line: 0.5 }, timeIdentifiers: ['Year to date'] })];
    const upTo = (start: number, day: string, value: string): NewVersion =>
      ytd(releaseOf(day), day, [[LUTON, start, value, day]]);
    await w.load(upTo(2023, '2024-01-12', '1.5'));
    await w.load(upTo(2023, '2024-01-26', '2.0'));
    await w.load(upTo(2024, '2025-01-10', '1.6'));
    await evaluate(w.store, options({ rules }));
    await w.load(upTo(2024, '2025-01-23', '2.6'));
    const evaluation = await evaluate(w.store, options({ rules }));
    expect(evaluation.events.map(({ reason }) => reason)).toEqual([
      'severe absence 2.6%, up 0.6 percentage points from 2.0% (year to date 2023/24, as at 26 January 2024), more than the line of 0.5 percentage points',
    ]);
  });

  it('of a day that a later version of the same release speaks of, only what that says counts', async () => {
    const w = await world();
    const rules = [ruleWith({ condition: { kind: 'rise', line: 0.5 }, timeIdentifiers: ['Year to date'] })];
    const both = (published: string, start: number, day: string, value: string): NewVersion =>
      ytd(
        'Attendance',
        published,
        [LUTON, BEDFORD].map((area) => [area, start, value, day] as const),
      );
    await w.load(both('2024-01-30', 2023, '2024-01-26', '1.0'));
    // Luton is revised, Bedford taken back.
    await w.load(ytd('Attendance', '2024-02-01', [[LUTON, 2023, '2.0', '2024-01-26']]));
    await w.load(both('2024-02-13', 2023, '2024-02-09', '2.2'));
    await evaluate(w.store, options({ rules }));
    await w.load(both('2025-01-28', 2024, '2025-01-24', '2.6'));
    const { events } = await evaluate(w.store, options({ rules }));
    expect(events.map(({ area, reason }) => `${area}, ${/up .* from \S+/.exec(reason)?.[0]}`)).toEqual([
      'Luton, up 0.6 percentage points from 2.0%',
    ]);
  });

  it('reads only the sources and data sets a rule names', async () => {
    const w = await world();
    const rules = [
      ruleWith({ name: 'without', dataSets: { include: [], exclude: ['Estimates'] } }),
      ruleWith({ name: 'only', dataSets: { include: ['Estimates'], exclude: [] } }),
      ruleWith({ name: 'elsewhere', sources: ['pupil-attendance-in-schools'] }),
    ];
    await w.load(year(2023, { Luton: '2.1' }));
    await w.load(year(2023, { Bedford: '2.1' }, { dataSet: 'Estimates' }));
    expect((await evaluate(w.store, options({ rules }))).events.map(({ rule, area }) => `${rule}: ${area}`)).toEqual([
      'without: Luton',
      'only: Bedford',
    ]);
  });
});

describe('briefs', () => {
  it('owes one for each area and address at the first version of a release of a finished period', async () => {
    const w = await world();
    const briefs = [{ areas: [{ by: 'name', text: 'Luton' }] as const, notify: ['team'] }];
    const owed = async (): Promise<number> =>
      (await w.store.db.selectFrom('notification').select('id').where('kind', '=', 'brief').execute()).length;
    await w.load(year(2022, { Luton: '1.1' }));
    await w.load(year(2023, { Luton: '1.2', Bedford: '1.0' }));
    await evaluate(w.store, options({ briefs, rules: [] }));
    expect(await owed()).toBe(2);
    await w.load(year(2023, { Luton: '1.3' }, { published: '2025-06-01' }));
    await w.load(year(2021, { Luton: '1.3' }));
    await evaluate(w.store, options({ briefs, rules: [] }));
    expect(await owed()).toBe(2);
    await w.load(year(2024, { Luton: '1.2' }));
    await evaluate(w.store, options({ briefs, rules: [] }));
    expect(await owed()).toBe(4);
  });

  describe('of one release', () => {
    const briefs = [{ areas: [{ by: 'name', text: 'Luton' }] as const, notify: ['team'] }];
    const told = { briefs, rules: [], recipients: { team: ['Desk <desk@example.org>'] } };
    const release = 'One label';
    /** A file under the label with its newest year, and the year before where it has one. */
    const file = (last: number, value: string, more: Partial<NewVersion> = {}): NewVersion =>
      year(
        last,
        {},
        { release, rows: [...(last > 2023 ? [[LUTON, 2023, '1.1'] as const] : []), [LUTON, last, value]], ...more },
      );
    const subjects = async (w: FiguresWorld): Promise<string[]> => {
      await evaluate(w.store, options(told));
      return (await mailed(w)).map((mail) => mail.split('\n')[0] ?? '');
    };
    const about = (value: string, period: string): unknown[] => [
      expect.stringMatching(new RegExp(`^Luton: severe absence ${value}% \\(${period}\\)$`)),
    ];

    it.each(['postgres', 'embedded'] as const)('tell each newer period once, and no amendment (%s)', async (kind) => {
      const w = await world(kind);
      await w.load(file(2023, '1.1'));
      expect(await subjects(w)).toEqual(about('1.1', 'academic year 2023/24'));
      await w.load(file(2024, '1.2', { published: '2025-06-01' }));
      expect(await subjects(w), 'the next year under the same label').toEqual(about('1.2', 'academic year 2024/25'));
      await w.load(file(2024, '1.3', { published: '2025-06-02' }));
      expect(await subjects(w), 'an amendment').toEqual([]);
      await w.load(file(2024, '1.3', { published: '2025-06-03', dataSet: 'By region' }));
      expect(await subjects(w), 'another data set with the same period').toEqual([]);
      await w.store.db.updateTable('data_set_version').set({ evaluated_at: null }).execute();
      expect(await subjects(w), 'all of it looked at again').toEqual([]);
    });

    it('are not told again where they were recorded before they were named by their period', async () => {
      const w = await world();
      const first = await w.load(file(2023, '1.1'));
      expect(await subjects(w)).toEqual(about('1.1', 'academic year 2023/24'));
      const { id, payload } = await w.store.db
        .selectFrom('notification')
        .select(['id', 'payload'])
        .executeTakeFirstOrThrow();
      const name = JSON.stringify(['brief', payload?.['areaId'], payload?.['releaseId'], 'desk@example.org']);
      const fingerprint = createHash('sha256').update(name).digest('hex');
      await w.store.db.updateTable('notification').set({ fingerprint }).where('id', '=', id).execute();
      await w.remove(first, new Date('2025-10-22'));
      await w.load(file(2023, '1.1', { published: '2025-06-01' }));
      expect(await subjects(w), 'its version was taken back, and comes again').toEqual([]);
      await w.load(file(2024, '1.2', { published: '2025-06-02' }));
      expect(await subjects(w)).toEqual(about('1.2', 'academic year 2024/25'));
    });

    it('are one where two of its data sets have the newest period', async () => {
      const w = await world();
      await w.load(file(2023, '1.1'));
      await w.load(file(2023, '1.1', { dataSet: 'By region' }));
      expect(await subjects(w)).toEqual(about('1.1', 'academic year 2023/24'));
    });

    it('tell a wider period that comes after, and not again what was told where a narrower one does', async () => {
      const term = { identifier: 'Autumn term', dataSet: 'By term' } as const;
      const w = await world();
      await w.load(file(2023, '0.9', term));
      expect(await subjects(w)).toEqual(about('0.9', 'autumn term 2023/24'));
      await w.load(file(2023, '1.1'));
      expect(await subjects(w)).toEqual(about('1.1', 'academic year 2023/24'));
      const other = await world();
      await other.load(file(2023, '1.1'));
      expect(await subjects(other)).toEqual(about('1.1', 'academic year 2023/24'));
      await other.load(file(2023, '0.9', term));
      expect(await subjects(other), 'the release was told by its widest period').toEqual([]);
    });
  });

  describe('of an area that a release has no figure for', () => {
    const briefs = [{ areas: [{ by: 'name', text: 'Bedford' }] as const, notify: ['team'] }];
    const told = { briefs, rules: [], recipients: { team: ['attendance@luton.example'] } };

    it.each(['postgres', 'embedded'] as const)('say so, once, and name the release (%s)', async (kind) => {
      const w = await world(kind);
      await w.load(year(2021, { Luton: '1.2', Bedford: '1.0' }));
      await evaluate(w.store, options(told));
      expect(await mailed(w)).toEqual([expect.stringMatching(/^Bedford: .*1\.0%/)]);
      await w.load(year(2022, { Luton: '1.2' }));
      await evaluate(w.store, options(told));
      const [mail, ...more] = await mailed(w);
      expect(more).toEqual([]);
      expect(mail).toMatch(/^Bedford: no figure in this release \(academic year 2022\/23\)\n/);
      const text = (mail ?? '').replace(/\s+/g, ' ');
      expect(text).toContain(
        'The release “Academic year 2022” has no figure for Bedford in academic year 2022/23, though it has one for other areas like it.',
      );
      expect(text).toContain('release “Academic year 2022”');
      expect(text).toContain('published 20 March 2024');
      await w.load(year(2022, { Luton: '1.3' }, { published: '2024-04-01' }));
      await evaluate(w.store, options(told));
      expect(await mailed(w), 'amended, it has none either').toEqual([]);
      await w.load(year(2022, { Luton: '1.3', Bedford: '1.1' }, { published: '2024-05-01' }));
      await evaluate(w.store, options(told));
      expect(await mailed(w)).toEqual([expect.stringMatching(/^Follow-up: Bedford: .*1\.1%/)]);
    });

    it('say so where the release gives its older years again', async () => {
      const w = await world();
      await w.load(year(2021, { Luton: '1.2', Bedford: '1.0' }));
      await evaluate(w.store, options(told));
      await mailed(w);
      const [luton] = year(2022, { Luton: '1.2' }).rows;
      const older = year(2021, { Luton: '1.2', Bedford: '1.0' }).rows;
      await w.load(year(2022, {}, { rows: [...(luton === undefined ? [] : [luton]), ...older] }));
      await evaluate(w.store, options(told));
      expect(await mailed(w)).toEqual([expect.stringMatching(/^Bedford: no figure in this release/)]);
    });

    it('say so of each release where they name it, and once where it is one of many', async () => {
      for (const [areas, later] of [
        [[{ by: 'name', text: 'Bedford' }], 1],
        [[{ by: 'level', level: 'Local authority', within: undefined }], 0],
      ] as const) {
        const w = await world();
        const asked = { ...told, briefs: [{ areas, notify: ['team'] }] };
        await w.load(year(2021, { Cumbria: '1.2', Bedford: '1.0' }));
        await evaluate(w.store, options(asked));
        await mailed(w);
        const lacking = async (first: number, published?: string): Promise<number> => {
          await w.load(year(first, { Luton: '1.2' }, published === undefined ? {} : { published }));
          await evaluate(w.store, options(asked));
          return (await mailed(w)).join('\n').split('has no figure for Bedford').length - 1;
        };
        expect([await lacking(2022), await lacking(2022, '2024-05-01')]).toEqual([1, 0]);
        expect([await lacking(2023), await lacking(2023, '2025-05-01')]).toEqual([later, 0]);
      }
    });

    it('say nothing of what was never there, of an older release that comes late, or of another level', async () => {
      const w = await world();
      await w.load(year(2022, { Luton: '1.2' }));
      await w.load(year(2023, { Luton: '1.2', England: '1.0' }));
      await evaluate(w.store, options(told));
      await w.load(year(2023, { Luton: '1.2', Bedford: '1.0' }, { dataSet: 'Whole', published: '2025-04-01' }));
      await evaluate(w.store, options(told));
      expect(await mailed(w)).toHaveLength(1);
      await w.load(year(2021, { Luton: '1.2' }));
      await w.load(year(2024, { England: '1.2' }));
      await evaluate(w.store, options(told));
      expect(await mailed(w)).toEqual([]);
    });

    it('say nothing of an authority that was abolished, in a quiet backfill, or during a pause', async () => {
      const w = await world();
      const cumbria = { ...told, briefs: [{ areas: [{ by: 'name', text: 'Cumbria' }] as const, notify: ['team'] }] };
      await w.load(year(2021, { Luton: '1.2', Bedford: '1.0' }));
      await w.load(year(2022, { Luton: '1.2', Bedford: '1.0', Cumbria: '1.0' }));
      await evaluate(w.store, options({ ...cumbria, briefs: [...cumbria.briefs, ...briefs] }));
      await mailed(w);
      await w.load(year(2023, { Luton: '1.2', Bedford: '1.0' }));
      await evaluate(w.store, options(cumbria));
      await w.load(year(2024, { Luton: '1.2' }));
      await evaluate(w.store, options({ ...told, muteAs: 'backfill' }));
      await w.load(year(2025, { Luton: '1.2' }));
      await evaluate(w.store, options({ ...told, paused: true }));
      expect(await mailed(w)).toEqual([]);
    });

    it('are told in the section of the alert that the missing row closes', async () => {
      const w = await world();
      const rules = [ruleWith({ onMissingArea: 'clear' })];
      await w.load(year(2022, { Luton: '1.2', Bedford: '2.6' }));
      await evaluate(w.store, options({ ...told, rules }));
      await mailed(w, rules);
      await w.load(year(2023, { Luton: '1.2' }));
      await evaluate(w.store, options({ ...told, rules }));
      const [mail, ...more] = await mailed(w, rules);
      expect(more).toEqual([]);
      expect(mail).toMatch(
        /^Bedford: no figure for severe absence in this release, the alert on your line of 2\.0% is closed \(academic year 2023\/24\)\n/,
      );
      const text = (mail ?? '').replace(/\s+/g, ' ');
      expect(text).toMatch(
        /Bedford, academic year 2023\/24 =+ No figure, the alert is closed: Bedford has no figure in/,
      );
      expect(text).toContain('release “Academic year 2023”');
      expect(text).toContain('published 20 March 2025');
      expect(text).not.toContain('no longer published');
      expect(text, 'told once').not.toContain('though it has one for other areas');
    });
  });
});

describe('follow-ups', () => {
  const recipients = { team: ['attendance@luton.example'] };
  const low = ruleWith({ name: 'Low', condition: { kind: 'above', line: 1.5, clearBelow: undefined } });
  const later = (rules: readonly Rule[]): EvaluateOptions => options({ recipients, rules });

  /** A release is told under one rule. */
  async function toldOnce(): Promise<FiguresWorld> {
    const w = await world();
    await w.load(year(2023, { Luton: '2.1', Bedford: '1.9' }));
    await evaluate(w.store, later([ruleWith()]));
    expect(await mailed(w, [ruleWith()])).toHaveLength(1);
    return w;
  }

  it('what a rule added or edited tells first of figures that are not new is no follow-up', async () => {
    const w = await toldOnce();
    const added = [ruleWith(), low];
    await evaluate(w.store, later(added));
    expect(await mailed(w, added)).toEqual([expect.stringMatching(/^First look: /)]);
    const edited = [ruleWith({ condition: { kind: 'above', line: 3, clearBelow: undefined } }), low];
    await evaluate(w.store, later(edited));
    const [closed, ...more] = await mailed(w, edited);
    expect(more).toEqual([]);
    expect(closed).toContain('closed by the edit');
    expect(closed).not.toMatch(/^Follow-up|earlier mail on this release/m);
  });

  it('a first summary of figures that came late is one, and so is news of them beside it', async () => {
    const w = await toldOnce();
    const rules = [ruleWith(), low];
    await w.load(year(2023, { Luton: '2.1', Bedford: '2.2' }, { published: '2025-06-01' }));
    await evaluate(w.store, later(rules));
    expect(await mailed(w, rules)).toEqual([expect.stringMatching(/^Follow-up: /)]);

    const other = await toldOnce();
    const secondary = ruleWith({ name: 'Secondary', schoolType: 'State-funded secondary' });
    await other.load(year(2023, { Luton: '2.4' }, { schoolType: 'State-funded secondary', dataSet: 'Late' }));
    await evaluate(other.store, later([ruleWith(), secondary]));
    expect(await mailed(other, [ruleWith(), secondary])).toEqual([expect.stringMatching(/^Follow-up: First look: /)]);
  });
});

it('an address configured in two spellings is one recipient, written as the configuration has it first', async () => {
  const w = await world();
  const recipients = { team: ['Desk@Luton.example'], heads: ['desk@luton.example'] };
  const rules = [
    ruleWith({ name: 'For heads', notify: ['heads'] }),
    ruleWith({
      name: 'For the team',
      notify: ['team'],
      condition: { kind: 'above', line: 1.5, clearBelow: undefined },
    }),
  ];
  const briefs = [{ areas: [{ by: 'name', text: 'Bedford' }] as const, notify: ['heads'] }];
  for (const [start, value] of [
    [2021, '2.1'],
    [2022, '1.6'],
    [2023, '2.6'],
  ] as const) {
    await w.load(year(start, { Luton: value, Bedford: '1.0' }));
    await evaluate(w.store, options({ recipients, rules, briefs }));
    const [mail, ...more] = await mailed(w, rules);
    expect(more).toEqual([]);
    expect(mail?.replace(/\s+/g, ' ')).toContain('because Desk@Luton.example is in');
  }
  const rows = await w.store.db.selectFrom('mail').select('address').execute();
  expect(rows.map(({ address }) => address)).toEqual(Array(3).fill('Desk@Luton.example'));
});
