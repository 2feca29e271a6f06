import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { prune } from '../../src/load/prune.js';
import type { Store } from '../../src/load/database.js';
import { differences } from '../../src/load/differences.js';
import { readDiff } from '../../src/load/diff.js';
import { removeVersion } from '../../src/load/versions.js';
import { versionPage } from '../../src/service/page/versions.js';
import { freshStore } from '../support/database.js';
import { load, loaded, observation, versionMeta } from './sample.js';
import { DAY, MORNING, queueMails } from '../support/smtp.js';

const YEAR = 365 * DAY;
const rate = (value: string) => observation({ persistent_absence_rate: value });
const NOW = MORNING;
const ago = (ms: number): Date => new Date(NOW.getTime() - ms);
const TWO_YEARS = { runs: ago(2 * YEAR), mails: ago(2 * YEAR), versions: undefined };

async function countOf(store: Store, table: 'run_record' | 'slot' | 'mail' | 'mail_attempt'): Promise<number> {
  const { count } = await store.db
    .selectFrom(table)
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return count;
}

const pageOf = async (store: Store, id: number): Promise<string> => JSON.stringify(await versionPage(store, id));

describe.each(['embedded', 'postgres'] as const)('retention (%s)', (kind) => {
  it('takes old runs and slots, but never the newest slot or what is under way; a dry run takes nothing', async () => {
    const store = await freshStore(kind);
    const times = [ago(3 * YEAR), ago(2.5 * YEAR), ago(YEAR)];
    for (const [index, at] of times.entries()) {
      await store.db
        .insertInto('run_record')
        .values({ trigger: 'schedule', started_at: at, finished_at: at, outcome: 'done', detail: '{}' })
        .execute();
      if (index < 2)
        await store.db
          .insertInto('slot')
          .values({ due_at: at, state: 'done', run_id: index + 1 })
          .execute();
    }
    await store.db
      .insertInto('run_record')
      .values({ trigger: 'backfill', started_at: ago(3 * YEAR), outcome: 'running', detail: '{}' })
      .execute();
    expect(await prune(store, TWO_YEARS, { now: NOW, dryRun: true })).toMatchObject({ runs: 2, slots: 1 });
    expect(await countOf(store, 'run_record')).toBe(4);
    expect(await prune(store, TWO_YEARS, { now: NOW, dryRun: false })).toMatchObject({ runs: 2, slots: 1 });
    expect(await countOf(store, 'run_record')).toBe(2);
    expect(await countOf(store, 'slot')).toBe(1);
    expect(await prune(store, TWO_YEARS, { now: NOW, dryRun: false })).toMatchObject({ runs: 0, slots: 0 });
  });

  it('takes the content of old mails, keeps that they were sent, and leaves alone what still waits', async () => {
    const store = await freshStore(kind);
    const [told, free, waiting] = await queueMails(store, ['a@x.example', 'b@x.example', 'c@x.example'], ago(3 * YEAR));
    const [young] = await queueMails(store, ['d@x.example'], ago(YEAR));
    if (told === undefined || free === undefined || waiting === undefined || young === undefined)
      throw new Error('four mails were queued');
    await store.db.updateTable('mail').set({ state: 'sent' }).where('id', 'in', [told, free, young]).execute();
    await store.db
      .insertInto('mail_attempt')
      .values({ mail_id: told, at: ago(3 * YEAR), outcome: 'sent', answer: '250' })
      .execute();
    await store.db
      .insertInto('notification')
      .values({
        kind: 'brief',
        address: 'a@x.example',
        recipient_group: 'team',
        fingerprint: 'told once',
        mail_id: told,
        created_at: ago(3 * YEAR),
      })
      .execute();
    expect(await prune(store, TWO_YEARS, { now: NOW, dryRun: true })).toMatchObject({ mails: 2 });
    expect(await prune(store, TWO_YEARS, { now: NOW, dryRun: false })).toMatchObject({ mails: 2 });
    const left = await store.db.selectFrom('mail').select(['id', 'raw']).orderBy('id').execute();
    expect(left.map(({ id, raw }) => [id, raw.length > 0])).toEqual([
      [told, false],
      [waiting, true],
      [young, true],
    ]);
    expect(await countOf(store, 'mail_attempt')).toBe(0);
    expect(await prune(store, TWO_YEARS, { now: NOW, dryRun: false })).toMatchObject({ mails: 0 });
  });

  it('leaves dead letters to a person, however old', async () => {
    const store = await freshStore(kind);
    const [dead] = await queueMails(store, ['a@x.example'], ago(3 * YEAR));
    await store.db.updateTable('mail').set({ state: 'dead' }).execute();
    expect(await prune(store, TWO_YEARS, { now: NOW, dryRun: false })).toMatchObject({ mails: 0 });
    const { raw } = await store.db
      .selectFrom('mail')
      .select('raw')
      .where('id', '=', dead ?? 0)
      .executeTakeFirstOrThrow();
    expect(raw.length).toBeGreaterThan(0);
  });

  it('leaves what is held back and waits for a decision, until a later version has overtaken it', async () => {
    const store = await freshStore(kind);
    await load(store, versionMeta({ publishedAt: new Date('2024-03-21T09:30:00Z') }), [rate('17.3')]);
    await load(store, versionMeta({ publishedAt: new Date('2024-04-21T09:30:00Z') }), [rate('17.4')]);
    const all = store.db.updateTable('data_set_version');
    await all.set({ evaluated_at: NOW }).execute();
    await all.set({ state: 'quarantined', is_current: false }).where('id', '=', 2).execute();
    await all.set({ is_current: true }).where('id', '=', 1).execute();
    const keepNothing = { runs: undefined, mails: undefined, versions: new Date('2099-01-01T00:00:00Z') };
    expect(await prune(store, keepNothing, { now: NOW, dryRun: false })).toMatchObject({ versions: 0 });
    await load(store, versionMeta({ publishedAt: new Date('2024-05-21T09:30:00Z') }), [rate('17.5')]);
    await store.db.updateTable('data_set_version').set({ evaluated_at: NOW }).execute();
    await all.set({ state: 'removed', is_current: false }).where('id', '=', 3).execute();
    const undecided = await store.db.selectFrom('figure').select('version_id').where('version_id', '=', 2).execute();
    expect(undecided).toHaveLength(1);
    await prune(store, keepNothing, { now: NOW, dryRun: false });
    expect(
      await store.db.selectFrom('figure').select('version_id').where('version_id', '=', 2).execute(),
      'taken back, the later one overtakes nothing',
    ).toEqual(undecided);
    await load(store, versionMeta({ publishedAt: new Date('2024-06-21T09:30:00Z') }), [rate('17.6')]);
    await all.set({ evaluated_at: NOW }).execute();
    await prune(store, keepNothing, { now: NOW, dryRun: false });
    expect(await store.db.selectFrom('figure').select('version_id').where('version_id', '=', 2).execute()).toEqual([]);
  });

  it('takes the figures of replaced versions only where configured, and never those that are shown', async () => {
    const store = await freshStore(kind);
    await load(store, versionMeta({ publishedAt: new Date('2024-03-21T09:30:00Z') }), [rate('17.3')]);
    await load(store, versionMeta({ publishedAt: new Date('2024-04-21T09:30:00Z') }), [rate('17.4')]);
    const future = new Date('2099-01-01T00:00:00Z');
    const keepNothing = { runs: undefined, mails: undefined, versions: future };
    // Until the rules have seen it, a version stays.
    expect(await prune(store, keepNothing, { now: NOW, dryRun: true })).toMatchObject({ versions: 0 });
    await store.db.updateTable('data_set_version').set({ evaluated_at: NOW }).execute();
    expect(await prune(store, TWO_YEARS, { now: NOW, dryRun: false })).toMatchObject({ versions: 0 });
    const shown = (): Promise<unknown> => store.db.selectFrom('absence').selectAll().execute();
    const before = await shown();
    expect(await prune(store, keepNothing, { now: NOW, dryRun: false })).toMatchObject({ versions: 1, figures: 1 });
    expect(await shown()).toEqual(before);
    const versions = await store.db
      .selectFrom('data_set_version')
      .select(['id', 'state', 'is_current'])
      .orderBy('id')
      .execute();
    expect(versions.map(({ state, is_current }) => [state, is_current])).toEqual([
      ['removed', false],
      ['loaded', true],
    ]);
    // What is gone does not come back as an empty current version.
    await removeVersion(store, versions[1]?.id ?? 0, 'wrong file', NOW);
    expect(await shown()).toEqual([]);
    expect(await prune(store, keepNothing, { now: NOW, dryRun: false })).toMatchObject({ versions: 1 });
    expect(await prune(store, keepNothing, { now: NOW, dryRun: false })).toMatchObject({ versions: 0 });
  });

  it('counts from when a version was replaced, however often the release is revised after that', async () => {
    const store = await freshStore(kind);
    const all = store.db.updateTable('data_set_version');
    const ids: number[] = [];
    for (const years of [5, 4, 1.5, 0.1]) {
      const id = await loaded(store, versionMeta({ publishedAt: ago(years * YEAR) }), [rate('17.3')]);
      await all
        .set({ loaded_at: ago(years * YEAR), evaluated_at: ago(years * YEAR) })
        .where('id', '=', id)
        .execute();
      ids.push(id);
    }
    const [, second, third, current] = ids;
    const withFigures = async () =>
      (await store.db.selectFrom('figure').select('version_id').orderBy('version_id').execute()).map(
        ({ version_id }) => version_id,
      );
    const keep = { runs: undefined, mails: undefined, versions: ago(2 * YEAR) };
    // Replaced before that time, but loaded since: history that came late stays as long as anything else.
    const late = await loaded(store, versionMeta({ publishedAt: ago(4.5 * YEAR) }), [rate('17.2')]);
    await all
      .set({ loaded_at: ago(DAY), evaluated_at: ago(DAY) })
      .where('id', '=', late)
      .execute();
    expect(await prune(store, keep, { now: NOW, dryRun: false })).toMatchObject({ versions: 1 });
    expect(await withFigures()).toEqual([second, third, current, late]);
    expect(await prune(store, { ...keep, versions: ago(YEAR) }, { now: NOW, dryRun: true })).toMatchObject({
      versions: 1,
    });
    // Accepted a year after it was loaded, a version replaces the one before from then on.
    const history = JSON.stringify([{ at: ago(0.5 * YEAR).toISOString(), what: 'accepted sums', reason: 'right' }]);
    await all
      .set({ history })
      .where('id', '=', third ?? 0)
      .execute();
    expect(await prune(store, { ...keep, versions: ago(YEAR) }, { now: NOW, dryRun: true })).toMatchObject({
      versions: 0,
    });
  });

  it('leaves what a version changed on record when the figures of the one before went, whatever is loaded then', async () => {
    const store = await freshStore(kind);
    const published = (month: number) => versionMeta({ publishedAt: new Date(Date.UTC(2024, 0, 30 * month)) });
    const first = await loaded(store, published(3), [rate('17.3')]);
    const second = await loaded(store, published(4), [rate('17.4')]);
    await store.db.updateTable('data_set_version').set({ evaluated_at: NOW }).execute();
    const kept = await readDiff(store.db, second);
    expect(kept).toMatchObject({ previousId: first, changed: 1, sample: [{ from: '17.3', to: '17.4' }] });
    const since = () => store.db.selectFrom('release').select('first_published').execute();
    const before = await since();
    const keepNothing = { runs: undefined, mails: undefined, versions: new Date('2099-01-01T00:00:00Z') };
    expect(await prune(store, keepNothing, { now: NOW, dryRun: false })).toMatchObject({ versions: 1 });

    const third = await loaded(store, published(6), [rate('17.6')]);
    expect(await readDiff(store.db, second)).toEqual(kept);
    expect(await since(), 'the release is as old as it was').toEqual(before);
    await expect(differences(store, second).next()).rejects.toThrow(`The figures of version ${first} were taken away`);
    expect(await pageOf(store, second)).not.toContain('first of its data set');

    // What comes in between is what it is held against from then on; taken back again, nothing is left.
    const between = await loaded(store, published(3.5), [rate('17.35')]);
    expect(await readDiff(store.db, second)).toMatchObject({ previousId: between });
    await removeVersion(store, between, 'wrong file', NOW);
    expect(await readDiff(store.db, second)).toBeUndefined();
    expect(await readDiff(store.db, third)).toMatchObject({ previousId: second });
    expect(await pageOf(store, second)).toContain('The figures of the version before were taken away');
    await expect(differences(store, second).next()).rejects.toThrow('The figures of the version before');
    expect(await pageOf(store, first)).toContain('first of its data set');
  });

  it('what a person took back before its figures went is nobody’s predecessor', async () => {
    const store = await freshStore(kind);
    const published = (month: number) => versionMeta({ publishedAt: new Date(Date.UTC(2024, month - 1, 21)) });
    const wrong = await loaded(store, published(3), [rate('71.3')]);
    const second = await loaded(store, published(4), [rate('17.4')]);
    await removeVersion(store, wrong, 'wrong file', NOW);
    const keepNothing = { runs: undefined, mails: undefined, versions: new Date('2099-01-01T00:00:00Z') };
    expect(await prune(store, keepNothing, { now: NOW, dryRun: false })).toMatchObject({ versions: 1 });
    await loaded(store, published(5), [rate('17.5')]);
    expect(await readDiff(store.db, second)).toBeUndefined();
    expect(await pageOf(store, second)).toContain('first of its data set');
  });
});

describe('on the embedded database', () => {
  it('the room of what went is used again: nobody else clears up there', async () => {
    const store = await freshStore('embedded');
    const sizes: number[] = [];
    for (let round = 0; round < 4; round++) {
      const at = ago(3 * YEAR - round * DAY);
      const row = { trigger: 'schedule', started_at: at, finished_at: at, outcome: 'done', detail: '{}' } as const;
      await store.db
        .insertInto('run_record')
        .values(Array.from({ length: 2000 }, () => row))
        .execute();
      expect(await prune(store, TWO_YEARS, { now: NOW, dryRun: false })).toMatchObject({ runs: 2000 });
      const { rows } = await sql<{ size: number }>`
        select pg_total_relation_size('run_record'::regclass)::int as size`.execute(store.db);
      sizes.push(rows[0]?.size ?? 0);
    }
    expect(sizes.at(-1)).toBeLessThan(1.5 * (sizes[1] ?? 0));
  });
});
