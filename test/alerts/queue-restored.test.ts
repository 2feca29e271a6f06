import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { describe, expect, it, onTestFinished } from 'vitest';
import { deliverDue, type DeliverOptions } from '../../src/alerts/deliver.js';
import {
  listMail,
  mailHealth,
  pauseSending,
  resumeSending,
  retryDead,
  skipBefore,
} from '../../src/alerts/queue-upkeep.js';
import { openDatabase, type Store } from '../../src/load/database.js';
import { migrate } from '../../src/load/migrate.js';
import { freshStore, putEmbedded } from '../support/database.js';
import { tellsOf } from '../support/news.js';
import {
  clockAt,
  DAY,
  delivery,
  HOUR,
  mailServer,
  MINUTE,
  MORNING,
  queueMails,
  received,
  SENDER,
  smtpTo,
  type Clock,
} from '../support/smtp.js';

async function witnessPath(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'absence-watch-witness-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return join(directory, 'state', 'mail.json');
}

/** The setting as a backup of that moment would hold it. */
async function backup(store: Store): Promise<() => Promise<void>> {
  const { value } = await store.db
    .selectFrom('setting')
    .select('value')
    .where('name', '=', 'delivery')
    .executeTakeFirstOrThrow();
  const mails = await store.db.selectFrom('mail').select('id').execute();
  return async () => {
    await store.db
      .deleteFrom('mail')
      .where('id', 'not in', [...mails.map((mail) => mail.id), -1])
      .execute();
    await store.db
      .updateTable('setting')
      .set({ value: JSON.stringify(value) })
      .where('name', '=', 'delivery')
      .execute();
  };
}

/** A database that was backed up with a mail waiting, which then went out, and was put back two days later. */
async function restored(more: Partial<DeliverOptions> = {}) {
  const store = await freshStore('postgres');
  const server = await mailServer();
  const smtp = smtpTo(server);
  const clock = clockAt(MORNING);
  const options = delivery(clock, { witness: await witnessPath(), ...more });
  await deliverDue(store, smtp, options);
  const [id = 0] = await queueMails(store, ['a@x.example'], clock());
  const restore = await backup(store);
  clock.pass(HOUR);
  await deliverDue(store, smtp, options);
  expect(received(server).get('a@x.example')).toHaveLength(1);
  clock.pass(2 * DAY);
  await restore();
  await store.db
    .updateTable('mail')
    .set({ state: 'queued', attempts: 0, sent_at: null })
    .where('id', '=', id)
    .execute();
  return { store, server, smtp, clock, options };
}

describe('a database put back from a backup', () => {
  it('sends nothing old again: what waited is held, shown, and told to the operator once', async () => {
    const { store, server, smtp, options } = await restored({ operator: { from: SENDER, to: ['ops@x.example'] } });
    expect(await deliverDue(store, smtp, options)).toMatchObject({ sent: 1, held: 1 });
    expect(await deliverDue(store, smtp, options)).toMatchObject({ sent: 0, held: 1 });
    expect(received(server).get('a@x.example')).toHaveLength(1);
    expect(received(server).get('ops@x.example')).toHaveLength(1);
    expect(server.messages.at(-1)?.raw.toString()).toContain('mail skip --before DATE');
    expect(await listMail(store, { state: 'held' })).toMatchObject([{ address: 'a@x.example' }]);
    expect(await mailHealth(store)).toMatchObject({
      held: 1,
      holdReason: expect.stringContaining('knows of nothing after') as string,
    });
  });

  it.each(['brief', 'alert'] as const)('holds a %s that is told anew of what was published before', async (as) => {
    const { store, server, smtp, clock, options } = await restored();
    await deliverDue(store, smtp, options);
    clock.pass(MINUTE);
    const [again = 0] = await queueMails(store, ['b@x.example'], clock());
    await tellsOf(store, again, { published: new Date(MORNING.getTime() + DAY), loaded: clock(), as });
    expect(await deliverDue(store, smtp, options)).toMatchObject({ sent: 0, held: 2 });
    expect(received(server).get('b@x.example')).toBeUndefined();
  });

  it('sends what is published from then on, what was backfilled by hand, and what was loaded before', async () => {
    const { store, server, smtp, clock, options } = await restored();
    await deliverDue(store, smtp, options);
    clock.pass(DAY);
    const [fresh = 0, asked = 0, baseline = 0] = await queueMails(
      store,
      ['b@x.example', 'c@x.example', 'd@x.example'],
      clock(),
    );
    await tellsOf(store, fresh, { published: new Date(clock().getTime() - MINUTE), loaded: clock() });
    await tellsOf(store, asked, { published: MORNING, loaded: clock(), trigger: 'backfill' });
    await tellsOf(store, baseline, { published: MORNING, loaded: new Date(MORNING.getTime() - DAY), as: 'alert' });
    expect(await deliverDue(store, smtp, options)).toMatchObject({ sent: 3, held: 1 });
    expect([...received(server).keys()].sort()).toEqual(['a@x.example', 'b@x.example', 'c@x.example', 'd@x.example']);
  });

  it('knows a directory that was copied back minutes later, with the witness in it; one that only rested it lets be', async ({
    skip,
  }) => {
    const home = await mkdtemp(join(tmpdir(), 'absence-watch-copied-'));
    onTestFinished(() => rm(home, { recursive: true, force: true }));
    const [data, kept] = [join(home, 'data'), join(home, 'backup')];
    await putEmbedded(join(data, 'db'));
    const server = await mailServer();
    const smtp = smtpTo(server);
    const clock = clockAt(MORNING);
    const options = delivery(clock, { witness: join(data, 'mail.json') });
    const opened = async (work: (store: Store) => Promise<unknown>): Promise<unknown> => {
      const store = await openDatabase(`pglite:${join(data, 'db')}`);
      await migrate(store);
      try {
        return await work(store);
      } finally {
        await store.close();
      }
    };
    await opened(async (store) => {
      skip(store.files === undefined, 'this file system does not know when a file was made');
      await deliverDue(store, smtp, options);
      await queueMails(store, ['a@x.example'], clock());
    });
    await cp(data, kept, { recursive: true, preserveTimestamps: true });
    expect(await opened((store) => deliverDue(store, smtp, options))).toMatchObject({ sent: 1, held: 0 });
    await rm(data, { recursive: true });
    await cp(kept, data, { recursive: true, preserveTimestamps: true });
    clock.pass(MINUTE);
    expect(await opened((store) => deliverDue(store, smtp, options))).toMatchObject({ sent: 0, held: 1 });
    expect(received(server).get('a@x.example')).toHaveLength(1);
  });

  it('lets go on `mail retry`', async () => {
    const { store, smtp, clock, options } = await restored();
    await deliverDue(store, smtp, options);
    expect(await retryDead(store, clock())).toEqual({ queued: 0, released: 1, overtaken: [] });
    expect(await deliverDue(store, smtp, options)).toMatchObject({ sent: 1, held: 0 });
  });

  it('drops it on `mail skip`, and for a day also what is loaded and told again', async () => {
    const { store, server, smtp, clock, options } = await restored();
    await deliverDue(store, smtp, options);
    expect(await skipBefore(store, clock(), clock())).toEqual({ mails: 1, notifications: 0 });
    clock.pass(HOUR);
    const [again = 0, fresh = 0] = await queueMails(store, ['b@x.example', 'c@x.example'], clock());
    await tellsOf(store, again, { published: new Date(MORNING.getTime() + DAY), loaded: clock() });
    await tellsOf(store, fresh, { published: clock(), loaded: clock() });
    expect(await deliverDue(store, smtp, options)).toMatchObject({ sent: 1, held: 0 });
    expect([...received(server).keys()]).toEqual(['a@x.example', 'c@x.example']);
    expect(await listMail(store, { state: 'skipped' })).toHaveLength(2);
  });

  it('is known by its tables where no witness outlived it', async () => {
    const { store, smtp, options } = await restored({ witness: undefined });
    await sql`update setting set value = jsonb_set(value, '{table}', '"1"') where name = 'delivery'`.execute(store.db);
    expect(await deliverDue(store, smtp, options)).toMatchObject({ sent: 0, held: 1 });
    expect((await mailHealth(store)).holdReason).toContain('tables were made anew');
  });
});

describe('what only looks like a restored backup', () => {
  async function quiet(): Promise<{
    store: Store;
    clock: Clock;
    run: (witness: string) => ReturnType<typeof deliverDue>;
  }> {
    const store = await freshStore('postgres');
    const server = await mailServer();
    const clock = clockAt(MORNING);
    return { store, clock, run: (witness) => deliverDue(store, smtpTo(server), delivery(clock, { witness })) };
  }

  it('is a service that was off for some days: its mails go out', async () => {
    const { store, clock, run } = await quiet();
    const witness = await witnessPath();
    await run(witness);
    await queueMails(store, ['a@x.example'], clock());
    clock.pass(4 * DAY);
    expect(await run(witness)).toMatchObject({ sent: 1, held: 0 });
  });

  it('is a run by hand once a month: its news goes out', async () => {
    const { store, clock, run } = await quiet();
    const witness = await witnessPath();
    await run(witness);
    clock.pass(30 * DAY);
    await queueMails(store, ['a@x.example'], clock());
    expect(await run(witness)).toMatchObject({ sent: 1, held: 0 });
  });

  it('is the witness of another database, or one that cannot be read', async () => {
    const { store, clock, run } = await quiet();
    const witness = await witnessPath();
    await run(witness);
    await writeFile(
      witness,
      JSON.stringify({ id: 'another', alive: new Date(MORNING.getTime() + 3 * DAY).toISOString() }),
    );
    await queueMails(store, ['a@x.example'], clock());
    clock.pass(HOUR);
    expect(await run(witness)).toMatchObject({ sent: 1, held: 0 });
    expect(await readFile(witness, 'utf8')).not.toContain('another');
    await writeFile(witness, '{');
    clock.pass(HOUR);
    expect(await run(witness)).toMatchObject({ held: 0 });
  });

  it('but mails that waited longer than any is retried are held all the same', async () => {
    const { store, clock, run } = await quiet();
    const witness = await witnessPath();
    await queueMails(store, ['a@x.example'], new Date(MORNING.getTime() - MINUTE));
    const nobody = smtpTo({ url: 'smtp://127.0.0.1:1' });
    await deliverDue(store, nobody, delivery(clock, { witness }));
    clock.pass(6 * DAY);
    await queueMails(store, ['b@x.example'], clock());
    expect(await run(witness)).toMatchObject({ sent: 1, held: 1 });
  });

  it('is a clock that was ten days ahead for one run: once it is put right the mails go out, and nothing is held', async () => {
    const store = await freshStore('postgres');
    const server = await mailServer();
    const smtp = smtpTo(server);
    const witness = await witnessPath();
    const run = (at: Date) => deliverDue(store, smtp, delivery(clockAt(at), { witness }));
    await queueMails(store, ['a@x.example', 'b@x.example'], MORNING);
    await pauseSending(store, 'the server is being moved', MORNING);
    await run(new Date(MORNING.getTime() + MINUTE));
    await resumeSending(store, new Date(MORNING.getTime() + 2 * MINUTE));
    expect(await run(new Date(MORNING.getTime() + 10 * DAY))).toMatchObject({ sent: 0, held: 2 });
    expect(await run(new Date(MORNING.getTime() + 10 * MINUTE))).toMatchObject({ sent: 2, held: 0 });
    // And what is looked after from now on is known by the right clock.
    await queueMails(store, ['c@x.example'], new Date(MORNING.getTime() + 11 * MINUTE));
    expect(await run(new Date(MORNING.getTime() + 20 * MINUTE))).toMatchObject({ sent: 1, held: 0 });
    expect(await mailHealth(store)).toMatchObject({ held: 0 });
  });

  it('nor is a clock that is put right while two look after mail: the witness of the one that is late is of an earlier life', async () => {
    const store = await freshStore('postgres');
    const server = await mailServer();
    const witness = await witnessPath();
    const run = (at: Date) => deliverDue(store, smtpTo(server), delivery(clockAt(at), { witness }));
    await run(new Date(MORNING.getTime() + 3 * HOUR));
    const ahead = await readFile(witness, 'utf8');
    await run(MORNING);
    await queueMails(store, ['a@x.example'], MORNING);
    // The late one has read it before the other wrote, or writes it after.
    await writeFile(witness, ahead);
    expect(await run(new Date(MORNING.getTime() + MINUTE))).toMatchObject({ sent: 1, held: 0 });
    expect(await mailHealth(store)).toMatchObject({ held: 0 });
  });

  it('a witness that cannot be written is said, and keeps no mail', async () => {
    const { store, clock } = await quiet();
    const server = await mailServer();
    await queueMails(store, ['a@x.example'], clock());
    const said: string[] = [];
    const options = delivery(clock, { witness: '/dev/null/mail.json', warn: (text) => said.push(text) });
    expect(await deliverDue(store, smtpTo(server), options)).toMatchObject({ sent: 1 });
    expect(said).toEqual([expect.stringContaining('/dev/null/mail.json cannot be written') as string]);
  });
});
