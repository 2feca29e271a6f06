/**
 * A year of the service left alone, by a clock of its own: attendance every week, absence every term, and what the
 * service keeps for itself does not grow with its age. SOAK_WEEKS=52 is the year; `npm test` does a few weeks.
 */
import { join } from 'node:path';
import { sql } from 'kysely';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ABSENCE, ATTENDANCE, attendanceFile } from '../../demo/index.js';
import { loadConfig } from '../../src/config.js';
import type { Store } from '../../src/load/database.js';
import { startService } from '../../src/service/service.js';
import { freshStore } from '../support/database.js';
import { bytesOf } from './harness/room.js';
import { smallWide } from './harness/small-files.js';
import { FILE_TITLE, watch } from './harness/watch.js';

const WEEKS = Number(process.env['SOAK_WEEKS'] ?? 4);
const KEPT_WEEKS = 2;
const TERM_WEEKS = 13;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;
/** A Monday. */
const START = Date.parse('2025-09-01T00:00:00Z');
/** Hours of the schedule. */
const LOOKS_A_DAY = WEEKS > 10 ? [9, 13] : [9];
const MEGABYTE = 1024 * 1024;
/** Versions as small as these cost some 350 bytes a figure, indexes, names and verdicts included. */
const MOST_BYTES_A_FIGURE = 500;
const PATIENT = { timeout: 30_000, interval: 10 };

const CONFIG = `
schedule: { cron: ['0 ${LOOKS_A_DAY.join(',')} * * *'], timezone: UTC }
sources: [{ publication: ${ABSENCE} }, { publication: ${ATTENDANCE} }]
recipients: { team: [attendance@luton.example] }
rules:
  - { name: Luton persistent, measure: persistent_absence_rate, areas: [Luton], above: 20, notify: [team] }
briefs:
  - { areas: [Luton], notify: [team] }
mail: { from: watch@luton.example, operator: [ops@luton.example] }
retention: { runs: ${KEPT_WEEKS} weeks, mails: ${KEPT_WEEKS} weeks }
`;

/** What the database holds at the end of a week. */
interface Size {
  /** Rows of each table. */
  readonly rows: Readonly<Record<string, number>>;
  /** Mails older than the retention setting whose text is still there. */
  readonly staleMails: number;
  readonly bytes: number;
}

async function sizeOf(store: Store, directory: string | undefined, now: Date): Promise<Size> {
  const { rows: tables } = await sql<{ name: string }>`
    select c.relname as name from pg_class c
    where c.relnamespace = (select oid from pg_namespace where nspname = current_schema())
      and c.relkind = 'r'`.execute(store.db);
  const rows: Record<string, number> = {};
  for (const { name } of tables) {
    const { rows: counted } = await sql<{ count: number }>`
      select count(*)::int as count from ${sql.table(name)}`.execute(store.db);
    rows[name] = counted[0]?.count ?? 0;
  }
  const { count } = await store.db
    .selectFrom('mail')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('created_at', '<', new Date(now.getTime() - KEPT_WEEKS * WEEK - DAY))
    .where(sql<boolean>`length(raw) > 0`)
    .executeTakeFirstOrThrow();
  return {
    rows,
    staleMails: count,
    bytes: await bytesOf(store, directory === undefined ? undefined : join(directory, 'base')),
  };
}

describe('a year of the service', () => {
  for (const kind of ['postgres', 'embedded'] as const)
    it(`on the ${kind} database: what it keeps for itself does not grow`, { timeout: HOUR }, async () => {
      const world = await watch({ config: CONFIG });
      const { program } = world;
      const directory = kind === 'embedded' ? join(program.directory, 'year-db') : undefined;
      const store = await freshStore(kind, directory === undefined ? {} : { directory });
      const settings = await loadConfig('watch.yaml', { ...program.env, HTTP_PORT: '0' }, program.directory);
      let now = new Date(START + 8 * HOUR);
      const end = new AbortController();
      const service = startService({
        ...{ store, settings, now: () => now, signal: end.signal, beatMs: 5, deliverMs: 20 },
        log: pino({ level: 'silent' }),
      });
      onTestFinished(async () => {
        end.abort(new Error('over'));
        await service.ended;
      });
      const publishWeek = (week: number): void => {
        const at = now.toISOString();
        const startYear = week < 52 ? 2025 : 2026;
        const number = ((35 + week) % 52) + 1;
        world.ees.publish({
          ...{ publication: ATTENDANCE, slug: `${startYear}-week-${number}`, title: `Week ${number} ${startYear}`, at },
          files: [{ name: 'ytd.csv', title: 'Year to date', content: attendanceFile({ startYear, week: number }) }],
        });
        if (week % TERM_WEEKS !== 1) return;
        const term = Math.floor(week / TERM_WEEKS);
        world.ees.publish({
          ...{
            publication: ABSENCE,
            slug: `20${20 + term}-2${1 + term}`,
            title: `Academic year 20${20 + term}/2${1 + term}`,
            at,
          },
          files: [
            {
              ...{ name: 'wide.csv', title: FILE_TITLE },
              content: smallWide({ identifier: 'Academic year', years: [2018, 2019, 2020].map((year) => year + term) }),
            },
          ],
        });
      };
      const sizes: Size[] = [];
      for (let week = 0; week < WEEKS; week++) {
        for (let day = 0; day < 7; day++)
          for (const hour of LOOKS_A_DAY) {
            const due = START + week * WEEK + day * DAY + hour * HOUR;
            now = new Date(due - MINUTE);
            if (day === 3 && hour === LOOKS_A_DAY[0]) publishWeek(week);
            now = new Date(due + MINUTE);
            await vi.waitFor(async () => {
              const slot = await store.db
                .selectFrom('slot')
                .innerJoin('run_record', 'run_record.id', 'slot.run_id')
                .select(['slot.state', 'run_record.outcome'])
                .where('slot.due_at', '>=', new Date(due - MINUTE))
                .executeTakeFirst();
              expect(slot).toEqual({ state: 'done', outcome: 'done' });
            }, PATIENT);
          }
        sizes.push(await sizeOf(store, directory, now));
      }

      const [full, last] = [sizes[KEPT_WEEKS], sizes.at(-1)];
      if (full === undefined || last === undefined) throw new Error('too few weeks');
      // What retention speaks of stands still as soon as there is anything old.
      for (const table of ['run_record', 'run_log', 'slot', 'mail_attempt'])
        expect(last.rows[table], table).toBeLessThanOrEqual((full.rows[table] ?? 0) * 1.1 + 3);
      expect(last.staleMails).toBe(0);
      for (const table of ['setting', 'source_state', 'lease', 'alert_state', 'alert_rule', 'area', 'silence'])
        expect(last.rows[table], table).toBe(full.rows[table]);
      // The rest is what was published, and what it takes to hold it.
      const published = (last.rows['figure'] ?? 0) - (full.rows['figure'] ?? 0);
      expect(published).toBeGreaterThan(0);
      const grown = last.bytes - full.bytes;
      expect(grown).toBeLessThan(MOST_BYTES_A_FIGURE * published + MEGABYTE);
      console.log(
        `Service, ${kind}: ${WEEKS} weeks, ${WEEKS * 7 * LOOKS_A_DAY.length} looks, ${last.rows['run_record']} runs and ` +
          `${last.rows['slot']} slots kept (${full.rows['run_record']} and ${full.rows['slot']} after ${KEPT_WEEKS + 1} weeks), ` +
          `${last.rows['figure']} figures, ${(last.bytes / MEGABYTE).toFixed(1)} MB ` +
          `(since then ${Math.round(grown / published)} bytes for each new figure)`,
      );
    });
});
