/**
 * How long the program waits for others when nobody has set anything: what product.md promises of the mail server, and
 * what keeps a run from hanging. Timers are moved by hand, everything else is real.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import { sql } from 'kysely';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { StandIn } from '../../demo/stand-in.js';
import { deliverDue } from '../../src/alerts/deliver.js';
import { createEesClient } from '../../src/extract/client.js';
import { discover } from '../../src/extract/discover.js';
import { download } from '../../src/extract/download.js';
import { openDatabase } from '../../src/load/database.js';
import { freshStore, testDatabaseUrl } from '../support/database.js';
import { attempts, clockAt, delivery, mailServer, MORNING, queueMails, smtpTo } from '../support/smtp.js';
import { startProxy } from './harness/proxy.js';
import { smallWide } from './harness/small-files.js';
import { ABSENCE, CROSSED, FILE_TITLE } from './harness/watch.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** From here on timers stand still. @returns moves them until the work ends, and says how many ms that took */
function byHand(): (work: Promise<unknown>, most: number) => Promise<number> {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'],
  });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  return async (work, most) => {
    const state = { isOver: false };
    const over = (): void => void (state.isOver = true);
    work.then(over, over);
    const step = SECOND / 2;
    for (let passed = 0; ; passed += step) {
      // What sockets have to say is heard in between.
      for (let turns = 0; turns < 50; turns++) await turn();
      // What a busy machine takes for sockets and disk is none of the promise: time stands still meanwhile.
      for (let tries = 0; passed >= most && !state.isOver && tries < 1_000; tries++) await wait(10);
      if (state.isOver) return passed;
      if (passed >= most) throw new Error(`not over after ${passed / SECOND} s`);
      await vi.advanceTimersByTimeAsync(step);
    }
  };
}

/** A mail server that greets (or not), answers EHLO, and then says nothing. `met` resolves with what it heard last. */
async function mute(heardLast: 'nothing' | 'MAIL'): Promise<{ readonly url: string; readonly met: Promise<void> }> {
  let meet = (): void => undefined;
  const met = new Promise<void>((resolve) => (meet = resolve));
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    if (heardLast === 'nothing') {
      meet();
      return;
    }
    socket.write('220 here\r\n');
    socket.on('data', (bytes) => {
      if (bytes.toString('latin1').startsWith('EHLO')) socket.write('250 here\r\n');
      else meet();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`, met };
}

describe('patience, with nothing set', () => {
  it.each([
    ['that does not greet', 'nothing', 15 * SECOND, 'no answer within 15 s'],
    ['that greets and then says nothing', 'MAIL', MINUTE, 'no end within 60 s'],
  ] as const)('a mail server %s holds a mail for no longer than promised', async (_what, heardLast, most, says) => {
    const { url, met } = await mute(heardLast);
    const until = byHand();
    const sending = smtpTo({ url }).send({ to: 'a@luton.example', raw: Buffer.from('Subject: News\r\n\r\nNews\r\n') });
    await met;
    const took = await until(sending, most);
    expect(await sending).toMatchObject({ kind: 'failed', ambiguous: false });
    expect(await sending).toMatchObject({ reason: expect.stringContaining(says) as string });
    // Nor is a slow server given up much earlier.
    expect(took).toBeGreaterThan(most - 2 * SECOND);
  });

  it('EES silent in the middle of a file holds a run for a minute at most', async () => {
    const ees = await StandIn.start({ now: () => new Date('2024-03-21T09:31:00Z') });
    const directory = await mkdtemp(join(tmpdir(), 'absence-watch-patience-'));
    onTestFinished(async () => {
      await ees.close();
      await rm(directory, { recursive: true });
    });
    ees.publish({
      publication: ABSENCE,
      slug: '2023-24',
      title: 'Academic year 2023/24',
      at: '2024-03-21T09:30:00Z',
      files: [{ name: 'wide.csv', title: FILE_TITLE, content: smallWide(CROSSED) }],
    });
    const { apiUrl, contentUrl } = ees;
    const client = createEesClient({ apiUrl, contentUrl, version: '0', environment: {}, timing: { attempts: 1 } });
    onTestFinished(() => {
      client.close();
    });
    const { files } = await discover(client, [{ publication: ABSENCE }], undefined, { apiPatienceMs: 0 });
    const [file] = files;
    if (file === undefined) throw new Error('nothing to fetch');
    ees.fault(() => ({ kind: 'stall', afterBytes: 400 }));
    const until = byHand();
    let bytes = 0;
    const counting = { ...client, count: (more: number) => void (bytes += more) };
    const fetching = download(counting, file, directory);
    fetching.catch(() => undefined);
    while (bytes === 0) await wait(5);
    await until(fetching, MINUTE);
    await expect(fetching).rejects.toThrow(/stopped sending for \d+ s after 400 bytes/);
  });

  it('a database that goes silent holds a question for a minute at most', async () => {
    const there = new URL(testDatabaseUrl());
    const proxy = await startProxy({ host: there.hostname, port: Number(there.port) });
    onTestFinished(() => proxy.close());
    there.port = String(proxy.port);
    const until = byHand();
    const store = await openDatabase(there.href);
    onTestFinished(() => store.close());
    await sql`select 1`.execute(store.db);
    proxy.silence();
    const asked = sql`select 2`.execute(store.db);
    asked.catch(() => undefined);
    await until(asked, MINUTE);
    await expect(asked).rejects.toThrow(/terminated/);
  });

  it('a database that does not take the note of an accepted mail is asked again for some seconds, whatever it says: the mail goes once', async () => {
    const store = await freshStore('embedded');
    const server = await mailServer();
    const [id = 0] = await queueMails(store, ['a@luton.example'], MORNING);
    await sql`create sequence refusals`.execute(store.db);
    await sql`
      create function refuse() returns trigger language plpgsql as $$
        begin
          if new.state = 'sent' and nextval(tg_argv[0]::regclass) <= 5 then
            raise exception 'the disk is full' using errcode = '53100';
          end if;
          return new;
        end $$`.execute(store.db);
    await sql`create trigger refuse before update on mail for each row execute function refuse(${sql.lit(`${store.schema}.refusals`)})`.execute(
      store.db,
    );
    let waited = 0;
    const options = delivery(clockAt(MORNING), {
      wait: (ms) => {
        waited += ms;
        return Promise.resolve();
      },
    });
    expect(await deliverDue(store, smtpTo(server), options)).toMatchObject({ sent: 1, retried: 0 });
    expect(await deliverDue(store, smtpTo(server), options)).toMatchObject({ sent: 0, retried: 0 });
    expect(server.messages).toHaveLength(1);
    expect(await attempts(store, id)).toEqual(['sent']);
    // What passes by itself (a restart) is tried again within each try, too.
    expect(waited).toBeGreaterThanOrEqual(10 * SECOND);
  });
});
