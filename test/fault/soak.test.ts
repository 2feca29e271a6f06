/**
 * A year of the program by a clock of its own: something is published every week, and every week something goes wrong.
 * SOAK_WEEKS=52 is the year; `npm test` does a few weeks.
 */
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Fault } from '../../demo/stand-in.js';
import type { SmtpBehave } from '../../demo/mail-catcher.js';
import { loadConfig } from '../../src/config.js';
import { openDatabase, type Store } from '../../src/load/database.js';
import { migrate } from '../../src/load/migrate.js';
import { runOnce } from '../../src/pipeline.js';
import { greylist } from '../../demo/mail-catcher.js';
import { putEmbedded, testDatabaseUrl } from '../support/database.js';
import { byRecipient } from './harness/play.js';
import { bytesOf } from './harness/room.js';
import { smallWide, type SmallFile } from './harness/small-files.js';
import { countRows, differences, snapshot, type Snapshot } from './harness/snapshot.js';
import { CONFIG, watch, type Watch } from './harness/watch.js';

const WEEKS = Number(process.env['SOAK_WEEKS'] ?? 3);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const START = Date.parse('2025-09-01T09:32:00Z');

/** What the year's runs are done with; a fault may put the store away and open it again. */
interface Year {
  readonly world: Watch;
  store: Store;
  readonly reopen: () => Promise<void>;
  /** One run at that time. @returns its outcome, or what it threw */
  readonly run: (at: number, signal?: AbortSignal) => Promise<string>;
}

/** Sets a trouble going for the first run of the week; what it returns ends it. */
type WeeklyFault = { readonly name: string; readonly begin: (year: Year) => unknown };

const onEes = (fault: Fault): WeeklyFault => ({
  name: `EES: ${fault.kind}`,
  begin: ({ world }) => {
    world.ees.fault(() => fault);
  },
});
const onDownloads = (fault: Fault): WeeklyFault => ({
  name: `downloads: ${fault.kind}`,
  begin: ({ world }) => {
    world.ees.fault(({ path }) => (/\/(csv|files\/[^/]+)$/.test(path) ? fault : undefined));
  },
});
const onMail = (name: string, behave: SmtpBehave): WeeklyFault => ({
  name: `mail: ${name}`,
  begin: ({ world }) => {
    world.mail.behave(behave);
  },
});

const FAULTS: readonly WeeklyFault[] = [
  onEes({ kind: 'wrong JSON' }),
  onMail('down', ({ at }) => (at === 'connect' ? { kind: 'refuse', code: 421 } : undefined)),
  onDownloads({ kind: 'cut' }),
  { name: 'put away and opened again', begin: (year) => year.reopen() },
  onMail('lost without an answer', ({ at }) => (at === 'message' ? { kind: 'lose' } : undefined)),
  onEes({ kind: 'HTML' }),
  { name: 'stopped in the middle', begin: (year) => stoppedRun(year) },
  onDownloads({ kind: 'bad gzip trailer' }),
  onMail('greylisted', greylist(1)),
  { name: 'a clock three hours ahead', begin: (year) => year.run(clock + 3 * HOUR) },
  onMail('dropped before the message', ({ at }) => (at === 'rcpt to' ? { kind: 'drop' } : undefined)),
  onEes({ kind: 'redirect loop' }),
];

let clock = START;

/** Interrupted as soon as EES has been asked for a file. */
async function stoppedRun({ world, run }: Year): Promise<void> {
  const stop = new AbortController();
  world.ees.fault(({ path }) => {
    if (/\/(csv|files\/[^/]+)$/.test(path)) stop.abort(new Error('stopped'));
    return undefined;
  });
  await run(clock, stop.signal);
}

function contentOf(week: number): string {
  const file: SmallFile = {
    identifier: 'Academic year',
    years: [2022, 2023, 2024],
    shares: {
      'Luton 2024': [week % 2 === 0 ? 20.6 : 18.2, 1.7],
      'Derby 2024': [17.3, week % 5 === 0 ? 2.4 : 1.6],
      'Medway 2024': [16 + (week % 30) / 10, 1.5],
    },
  };
  return smallWide(file);
}

interface Lived {
  readonly snapshot: Snapshot;
  readonly mails: number;
  readonly copies: number;
  readonly bytes: number;
  readonly runs: number;
}

async function live(kind: Store['kind'], withFaults: boolean): Promise<Lived> {
  const world = await watch({ config: CONFIG });
  const { program } = world;
  const settings = await loadConfig('watch.yaml', program.env, program.directory);
  const directory = join(program.directory, 'soak-db');
  if (kind === 'embedded') await putEmbedded(directory);
  const url = kind === 'embedded' ? `pglite:${directory}` : testDatabaseUrl();
  const open = (): Promise<Store> => openDatabase(url, { schema: program.schema });
  const log = pino({ level: 'silent' });
  let runs = 0;
  const year: Year = {
    world,
    store: await open(),
    async reopen() {
      await year.store.close();
      year.store = await open();
    },
    async run(at, signal = new AbortController().signal) {
      runs++;
      world.at(new Date(at).toISOString());
      const now = (): Date => new Date(at);
      return runOnce({ store: year.store, settings, log, now, signal, trigger: 'schedule' }).then(
        ({ outcome }) => outcome,
        (error: unknown) => String(error),
      );
    },
  };
  onTestFinished(() => year.store.close());
  await migrate(year.store);

  for (let week = 0; week < WEEKS; week++) {
    clock = START + week * 7 * DAY;
    const at = new Date(clock - 90_000).toISOString();
    if (week === 0) world.publish({ slug: '2024-25', title: 'Academic year 2024/25', at, content: contentOf(week) });
    else world.amend({ slug: '2024-25', at, content: contentOf(week), note: `Week ${week}` });
    const fault = withFaults ? FAULTS[week % FAULTS.length] : undefined;
    await fault?.begin(year);
    await year.run(clock);
    world.ees.fault();
    world.mail.behave(undefined);
    // The next day all is well; then once more for what was put off.
    for (const later of [DAY, 2 * DAY]) expect(await year.run(clock + later), fault?.name).toBe('done');
  }
  const copies = [...byRecipient(world.mail.messages)].filter(([to]) => !to.startsWith('ops'));
  return {
    snapshot: await snapshot(year.store),
    mails: copies.length,
    copies: copies.reduce((sum, [, mails]) => sum + mails.length, 0),
    bytes: await bytesOf(year.store, kind === 'embedded' ? directory : undefined),
    runs,
  };
}

/** Without mails to the operator, who hears of the faults, and without what tells how a mail was tried. */
function ofTheNews(all: Snapshot): Snapshot {
  return { ...all, mails: (all['mails'] ?? []).filter((row) => !row.includes('"operator"')) };
}

const MEGABYTE = 1024 * 1024;

describe('a year with a fault a week', () => {
  for (const kind of ['embedded', 'postgres'] as const)
    it(
      `on the ${kind} database: figures, events and mails are those of a year without faults`,
      { timeout: 4 * HOUR },
      async () => {
        const calm = await live(kind, false);
        const year = await live(kind, true);
        expect(differences(ofTheNews(calm.snapshot), ofTheNews(year.snapshot))).toEqual([]);
        expect(year.mails).toBe(calm.mails);
        expect(year.mails).toBeGreaterThanOrEqual(Math.floor(WEEKS / 2));
        // Where a server took a mail over and lost it, or never said so, it is sent again; no other is.
        expect(year.copies).toBe(year.mails);
        expect(Math.abs(year.bytes - calm.bytes)).toBeLessThan(0.2 * calm.bytes + 20 * MEGABYTE);
        console.log(
          `Soak, ${kind}: ${WEEKS} weeks, ${year.runs} runs, ${year.mails} mails, ${countRows(year.snapshot)} rows compared, ` +
            `${Math.round(year.bytes / MEGABYTE)} MB on disk (${Math.round(calm.bytes / MEGABYTE)} without faults)`,
        );
      },
    );
});
