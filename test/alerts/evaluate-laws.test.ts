import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluate, type EvaluateOptions } from '../../src/alerts/evaluate.js';
import { freshStore } from '../support/database.js';
import { FiguresWorld, year } from './figures-world.js';
import { ruleWith } from './rules.js';

let minutes = 0;
/** Each evaluation at its own moment, as in life. */
function options(changes: Partial<EvaluateOptions>): EvaluateOptions {
  minutes++;
  const now = new Date(Date.UTC(2025, 9, 23) + minutes * 60_000);
  const recipients = { team: ['attendance@luton.example'] };
  return { rules: [], briefs: [], recipients, runId: null, now, paused: false, ...changes };
}

async function world(): Promise<FiguresWorld> {
  return new FiguresWorld(await freshStore('postgres'));
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

describe('laws of evaluation', () => {
  const values = fc.array(fc.constantFrom('1.5', '1.79', '1.8', '1.9', '2.0', '2.1', '2.6', 'c', 'low'), {
    minLength: 2,
    maxLength: 6,
  });
  const rules = [ruleWith({ condition: { kind: 'above', line: 2, clearBelow: 1.8 }, worseBy: 0.4 })];
  const first = 2016;
  const runs = { numRuns: 8 };

  const loaded = async (w: FiguresWorld, path: readonly string[], from: number, to: number): Promise<void> => {
    for (let i = from; i < to; i++) await w.load(year(first + i, { Luton: path[i] ?? 'c' }));
  };

  it('the same releases give the same events in one run or in many', async () => {
    const [one, many] = [await world(), await world()];
    await fc.assert(
      fc.asyncProperty(values, async (path) => {
        await Promise.all([one.reset(), many.reset()]);
        for (const w of [one, many]) {
          await loaded(w, path, 0, 1);
          await evaluate(w.store, options({ rules }));
        }
        await loaded(one, path, 1, path.length);
        await evaluate(one.store, options({ rules }));
        for (let i = 1; i < path.length; i++) {
          await loaded(many, path, i, i + 1);
          await evaluate(many.store, options({ rules }));
        }
        expect(await allEvents(one)).toEqual(await allEvents(many));
      }),
      runs,
    );
  });

  it('a release loaded twice, or older ones loaded late, give no event that is told', async () => {
    const w = await world();
    await fc.assert(
      fc.asyncProperty(values, async (path) => {
        await w.reset();
        await loaded(w, path, path.length - 1, path.length);
        await evaluate(w.store, options({ rules }));
        const before = (await allEvents(w)).filter((event) => event.endsWith('told'));
        await w.load(year(first + path.length - 1, { Luton: path.at(-1) }, { published: '2030-01-01' }));
        await loaded(w, path, 0, path.length - 1);
        await evaluate(w.store, options({ rules }));
        expect((await allEvents(w)).filter((event) => event.endsWith('told'))).toEqual(before);
      }),
      runs,
    );
  });

  it('silence and pause lose no event', async () => {
    const [loud, quiet] = [await world(), await world()];
    await fc.assert(
      fc.asyncProperty(values, async (path) => {
        await Promise.all([loud.reset(), quiet.reset()]);
        const plain = [ruleWith({ condition: { kind: 'above', line: 2, clearBelow: 1.8 } })];
        for (let i = 0; i < path.length; i++)
          for (const w of [loud, quiet]) {
            await loaded(w, path, i, i + 1);
            await evaluate(w.store, options({ rules: plain, paused: w === quiet }));
          }
        const named = (events: string[]): string[] => events.map((event) => event.replace(/ (told|paused)$/, ''));
        expect(named(await allEvents(quiet))).toEqual(named(await allEvents(loud)));
        expect(await quiet.store.db.selectFrom('notification').select('id').execute()).toEqual([]);
      }),
      runs,
    );
  });
});
