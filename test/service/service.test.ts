import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { StandIn } from '../../demo/index.js';
import { loadConfig, type Settings } from '../../src/config.js';
import type { Store } from '../../src/load/database.js';
import { withRunLock } from '../../src/load/runs.js';
import { createWeb } from '../../src/service/web.js';
import { startService, type Service } from '../../src/service/service.js';
import { freshStore, secondStore } from '../support/database.js';
import { clockAt, mailServer, queueMails, type Clock } from '../support/smtp.js';
import { SCRATCH } from '../support/scratch.js';

const CONFIG = `
schedule: { cron: ["*/2 9-10 * * 1-5"], timezone: Europe/London }
recipients: { team: [team@luton.example] }
mail: { from: absence@luton.example, operator: [ops@luton.example] }
`;
const START = new Date('2026-11-24T09:01:00Z');
const QUICK = { beatMs: 30, deliverMs: 40 };
const PATIENT = { timeout: 30_000, interval: 30 };

interface Town {
  readonly ees: StandIn;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly mail: Awaited<ReturnType<typeof mailServer>>;
  /** Settings from another text of the configuration, changed at that time. */
  readonly settingsOf: (yaml: string, changed: Date) => Promise<Settings>;
}

async function town(): Promise<Town> {
  const directory = await mkdtemp(join(SCRATCH, 'absence-watch-service-'));
  const clock = clockAt(START);
  const [ees, mail] = await Promise.all([StandIn.start({ now: clock }), mailServer()]);
  onTestFinished(async () => {
    await ees.close();
    await rm(directory, { recursive: true, force: true });
  });
  let count = 0;
  const settingsOf = async (yaml: string, changed: Date): Promise<Settings> => {
    const file = join(directory, `watch-${++count}.yaml`);
    await writeFile(file, yaml);
    await utimes(file, changed, changed);
    return loadConfig(
      file,
      { EES_API_URL: ees.apiUrl, EES_CONTENT_URL: ees.contentUrl, SMTP_URL: mail.url, HTTP_PORT: '0' },
      directory,
    );
  };
  return { ees, clock, mail, settings: await settingsOf(CONFIG, START), settingsOf };
}

interface Running {
  readonly service: Service;
  readonly stop: () => Promise<void>;
}

function started(
  store: Store,
  settings: Settings,
  clock: Clock,
  more: { readonly graceMs?: number; readonly log?: string[] } = {},
): Running {
  const end = new AbortController();
  const log = pino({ level: 'info' }, { write: (line: string) => void more.log?.push(line) });
  const { graceMs } = more;
  const service = startService({
    store,
    settings,
    log,
    now: clock,
    signal: end.signal,
    ...QUICK,
    ...(graceMs === undefined ? {} : { graceMs }),
  });
  const stop = async (): Promise<void> => {
    end.abort(new Error('stopped'));
    await service.ended;
  };
  return { service, stop };
}

async function runs(store: Store): Promise<string[]> {
  const rows = await store.db.selectFrom('run_record').select(['trigger', 'outcome']).orderBy('id').execute();
  return rows.map(({ trigger, outcome }) => `${trigger} ${outcome}`);
}

/** Something that is waited for until the test lets it happen. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return {
    opened,
    open: () => {
      open();
    },
  };
}

async function slots(store: Store): Promise<string[]> {
  const rows = await store.db.selectFrom('slot').selectAll().orderBy('due_at').execute();
  return rows.map((row) => `${row.due_at.toISOString().slice(11, 16)} ${row.state}`);
}

describe.each(['embedded', 'postgres'] as const)('a service alone (%s)', (kind) => {
  it('looks at once, then at each slot, and once for those it slept through', async () => {
    const { clock, settings } = await town();
    const store = await freshStore(kind);
    const { stop } = started(store, settings, clock);
    await vi.waitFor(async () => {
      expect(await slots(store)).toEqual(['09:01 done']);
    }, PATIENT);
    clock.pass(60_000);
    await vi.waitFor(async () => {
      expect(await slots(store)).toEqual(['09:01 done', '09:02 done']);
    }, PATIENT);
    clock.pass(20 * 60_000);
    await vi.waitFor(async () => {
      expect(await slots(store)).toHaveLength(3);
    }, PATIENT);
    await vi.waitFor(async () => {
      expect(await runs(store)).toEqual(['schedule done', 'schedule done', 'schedule missed', 'catch-up done']);
    }, PATIENT);
    await stop();
    expect(await slots(store)).toEqual(['09:01 done', '09:02 done', '09:22 done']);
  });

  it('delivers mail and notes slots while a run hangs, and ends the run after the grace time', async () => {
    const { clock, settings, ees, mail } = await town();
    const store = await freshStore(kind);
    ees.fault(() => ({ kind: 'stall' }));
    const { service, stop } = started(store, settings, clock, { graceMs: 50 });
    await vi.waitFor(() => {
      expect(service.state.runningSince).toBeDefined();
    }, PATIENT);
    await queueMails(store, ['a@luton.example'], clock());
    await vi.waitFor(() => {
      expect(mail.messages).toHaveLength(1);
    }, PATIENT);
    clock.pass(60_000);
    await vi.waitFor(async () => {
      expect(await slots(store)).toEqual(['09:01 running', '09:02 due']);
    }, PATIENT);
    expect(await runs(store)).toEqual(['schedule running', 'schedule overlap']);
    await stop();
    expect(await runs(store)).toEqual(['schedule failed', 'schedule overlap']);

    ees.fault();
    const again = started(store, settings, clock);
    await vi.waitFor(async () => {
      expect(await slots(store)).toEqual(['09:01 overlap', '09:02 done']);
    }, PATIENT);
    await again.stop();
    expect(await runs(store)).toEqual(['schedule failed', 'schedule overlap', 'catch-up done']);
  });

  it('counts each run when it ends, however seldom somebody asks, and one that broke off among the failed', async () => {
    const { clock, settings, ees } = await town();
    const store = await freshStore(kind);
    const { service, stop } = started(store, settings, clock, { graceMs: 50 });
    const web = createWeb({
      ...{ settings: service.settings, subject: () => ({ kind: 'open', store, service }) as const, now: clock },
      log: pino({ level: 'silent' }),
    });
    onTestFinished(() => web.close());
    for (const times of [1, 2]) {
      await vi.waitFor(async () => {
        expect(await slots(store)).toEqual(['09:01 done', '09:02 done'].slice(0, times));
      }, PATIENT);
      clock.pass(60_000);
    }
    ees.fault(() => ({ kind: 'stall' }));
    clock.pass(60_000);
    await vi.waitFor(() => {
      expect(service.state.runningSince).toBeDefined();
    }, PATIENT);
    await stop();
    const said = [...(await web.inject('/metrics')).body.matchAll(/runs_total\{outcome="(.*)"\} (\d+)/g)];
    expect(said.map(([, ...each]) => each.join(' '))).toEqual(['done 2', 'failed 1']);
  });

  it('waits for a backfill to end, and then runs once for all slots that met it', async () => {
    const { clock, settings } = await town();
    const store = await freshStore(kind);
    const [running, ended] = [gate(), gate()];
    const backfill = withRunLock(store, { trigger: 'backfill', now: clock }, async () => {
      running.open();
      await ended.opened;
      return { end: { outcome: 'done', detail: {} }, result: undefined };
    });
    // It holds the lock a moment before it is on record: the service would note its overlap first.
    await running.opened;
    const { stop } = started(store, settings, clock);
    await vi.waitFor(async () => {
      expect(await slots(store)).toEqual(['09:01 due']);
    }, PATIENT);
    clock.pass(60_000);
    await vi.waitFor(async () => {
      expect(await slots(store)).toEqual(['09:01 due', '09:02 due']);
    }, PATIENT);
    ended.open();
    await backfill;
    await vi.waitFor(async () => {
      expect(await slots(store)).toEqual(['09:01 overlap', '09:02 done']);
    }, PATIENT);
    await stop();
    expect(await runs(store)).toEqual(['backfill done', 'schedule overlap', 'catch-up done']);
  });

  it('takes up a new configuration, and keeps the old one where the new is broken', async () => {
    const { clock, settings, settingsOf } = await town();
    const store = await freshStore(kind);
    const { service, stop } = started(store, settings, clock);
    await vi.waitFor(async () => {
      expect(await slots(store)).toEqual(['09:01 done']);
    }, PATIENT);
    service.refuse('watch.yaml:3:1 rules: is no list');
    expect(service.state.brokenConfiguration).toContain('rules');
    service.reload(await settingsOf(CONFIG.replace('*/2 9-10', '*/5 9-10'), START));
    expect(service.state.brokenConfiguration).toBeUndefined();
    clock.pass(2 * 60_000);
    await wait(200);
    expect(await slots(store)).toEqual(['09:01 done']);
    clock.pass(2 * 60_000);
    await vi.waitFor(async () => {
      expect(await slots(store)).toEqual(['09:01 done', '09:05 done']);
    }, PATIENT);
    await stop();
  });
});

describe.each(['embedded', 'postgres'] as const)('a schedule changed while the service is up (%s)', (kind) => {
  it('has missed nothing, by SIGHUP or by a restart', async () => {
    const { clock, settings, settingsOf } = await town();
    const early = await settingsOf(CONFIG.replace('*/2 9-10', '0 6'), START);
    const store = await freshStore(kind);
    const { service, stop } = started(store, early, clock);
    await vi.waitFor(async () => {
      expect(await slots(store)).toEqual(['09:01 done']);
    }, PATIENT);
    clock.pass(20 * 60_000);
    service.reload(settings);
    await wait(200);
    expect(await slots(store)).toEqual(['09:01 done']);
    clock.pass(60_000);
    await vi.waitFor(async () => {
      expect(await slots(store)).toEqual(['09:01 done', '09:22 done']);
    }, PATIENT);

    service.reload(early);
    clock.pass(20 * 60_000 + 30_000);
    await wait(200);
    await stop();
    const again = started(store, settings, clock);
    await vi.waitFor(() => {
      expect(again.service.state.role).toBe('active');
    }, PATIENT);
    await wait(200);
    expect(await slots(store)).toEqual(['09:01 done', '09:22 done']);
    clock.pass(90_000);
    await vi.waitFor(async () => {
      expect(await slots(store)).toEqual(['09:01 done', '09:22 done', '09:44 done']);
    }, PATIENT);
    await again.stop();
    expect(await runs(store)).toEqual(['schedule done', 'schedule done', 'schedule done']);
  });
});

describe('several services on one database', () => {
  it('share the work: one runs, all deliver, and when it ends another goes on at once', async () => {
    const { clock, settings, mail } = await town();
    const store = await freshStore('postgres');
    const services = [
      started(store, settings, clock),
      started(await secondStore(store), settings, clock),
      started(await secondStore(store), settings, clock),
    ];
    const active = (): Running[] => services.filter(({ service }) => service.state.role === 'active');
    await vi.waitFor(() => {
      expect(services.map(({ service }) => service.state.role).sort()).toEqual(['active', 'standby', 'standby']);
    }, PATIENT);
    await vi.waitFor(async () => {
      expect(await slots(store)).toEqual(['09:01 done']);
    }, PATIENT);
    const [first] = active();
    if (first === undefined) throw new Error('none is active');
    await first.stop();
    services.splice(services.indexOf(first), 1);
    await vi.waitFor(() => {
      expect(active()).toHaveLength(1);
    }, PATIENT);
    clock.pass(60_000);
    await vi.waitFor(async () => {
      expect(await slots(store)).toEqual(['09:01 done', '09:02 done']);
    }, PATIENT);
    await active()[0]?.stop();
    services.splice(
      services.findIndex(({ service }) => service.state.role === 'active'),
      1,
    );
    await queueMails(store, ['a@luton.example', 'b@luton.example', 'c@luton.example'], clock());
    await vi.waitFor(() => {
      expect(mail.messages).toHaveLength(3);
    }, PATIENT);
    for (const { stop } of services) await stop();
    expect(await runs(store)).toEqual(['schedule done', 'schedule done']);
  });

  it('of two configurations the newer evaluates, and the other says so', async () => {
    const { clock, settings, settingsOf } = await town();
    const store = await freshStore('postgres');
    const said: string[] = [];
    const older = started(store, settings, clock, { log: said });
    await vi.waitFor(() => {
      expect(older.service.state.role).toBe('active');
    }, PATIENT);
    await vi.waitFor(async () => {
      expect(await slots(store)).toEqual(['09:01 done']);
    }, PATIENT);
    const rules = 'rules: [{ name: Luton, measure: severe_absence_rate, areas: [Luton], above: 2, notify: [team] }]\n';
    const newer = started(
      await secondStore(store),
      await settingsOf(CONFIG + rules, new Date(START.getTime() + 60_000)),
      clock,
    );
    await vi.waitFor(() => {
      expect(newer.service.state.role).toBe('active');
    }, PATIENT);
    await vi.waitFor(() => {
      expect(older.service.state.role).toBe('standby');
    }, PATIENT);
    expect(older.service.state.newer?.modified).toBe('2026-11-24T09:02:00.000Z');
    expect(said.join('')).toContain('another service has a newer configuration');
    await newer.stop();
    await older.stop();
  });
});
