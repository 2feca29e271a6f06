/** The demonstration's releases, taken in by the real pipeline, and the status page over them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { composedReleases, StandIn, startMailCatcher } from '../../demo/index.js';
import { loadConfig, type Settings } from '../../src/config.js';
import { openDatabase, type Store } from '../../src/load/database.js';
import { migrate } from '../../src/load/migrate.js';
import { setSetting } from '../../src/load/runs.js';
import { runOnce } from '../../src/pipeline.js';
import type { Service, ServiceState } from '../../src/service/service.js';
import { startWeb, type Web } from '../../src/service/web.js';
import { dropSchema, freshSchema, testDatabaseUrl } from '../support/database.js';

const CONFIG = `
recipients:
  attendance-team: [attendance@luton.example]
  data-desk: [desk@example.org]
rules:
  - { name: Luton persistent absence, measure: persistent_absence_rate, areas: [Luton], above: 17.5, notify: [attendance-team] }
  - { name: "Severe absence, England", measure: severe_absence_rate, areas: [England], above: 2.2, notify: [data-desk] }
  - name: EHC plan pupils, England
    measure: severe_absence_rate
    areas: [England]
    breakdown: { topic: SEN provision, value: EHC plan }
    above: 7.0
    notify: [attendance-team, data-desk]
  - name: Authorities of the East of England
    measure: persistent_absence_rate
    areas: [{ level: Local authority, within: East of England }]
    above: 18.0
    notify: [data-desk]
mail: { from: absence@luton.example, operator: [ops@luton.example] }
`;

export interface PageWorld {
  readonly store: Store;
  readonly settings: Settings;
  readonly web: Web;
  /** What the service would say of itself; a test may change it. */
  readonly state: ServiceState;
  readonly now: Date;
  close(): Promise<void>;
}

/** @param steps how many of the composed releases; all by default */
export async function pageWorld(steps = Infinity): Promise<PageWorld> {
  const directory = await mkdtemp(join(tmpdir(), 'absence-watch-page-'));
  await writeFile(join(directory, 'watch.yaml'), CONFIG);
  const releases = composedReleases().slice(0, steps);
  let now = new Date(releases[0]?.at ?? 0);
  const [standIn, catcher] = await Promise.all([StandIn.start({ now: () => now }), startMailCatcher()]);
  const schema = freshSchema();
  const settings = await loadConfig(
    'watch.yaml',
    {
      DATABASE_URL: testDatabaseUrl(),
      DATABASE_SCHEMA: schema,
      SMTP_URL: catcher.url,
      EES_API_URL: standIn.apiUrl,
      EES_CONTENT_URL: standIn.contentUrl,
      HTTP_PORT: '0',
    },
    directory,
  );
  const store = await openDatabase(settings.environment.databaseUrl, { schema });
  await migrate(store);
  await setSetting(store, 'composed', true, now);
  const log = pino({ level: 'silent' });
  for (const step of releases) {
    now = new Date(Date.parse(step.at) + 120_000);
    step.apply(standIn);
    await runOnce({
      store,
      settings,
      log,
      now: () => now,
      signal: new AbortController().signal,
      trigger: 'schedule',
      composed: true,
    });
  }
  now = new Date(now.getTime() + 600_000);
  await Promise.all([standIn.close(), catcher.close()]);

  const state: ServiceState = {
    role: 'active',
    runningSince: undefined,
    lastReport: undefined,
    runsEnded: new Map(),
    lastBeat: now,
    newer: undefined,
    trouble: undefined,
    brokenConfiguration: undefined,
  };
  const service: Service = {
    state,
    settings: () => settings,
    reload: () => undefined,
    refuse: () => undefined,
    graceOver: new AbortController().signal,
    ended: Promise.resolve(),
  };
  const web = await startWeb({
    settings: service.settings,
    subject: () => ({ kind: 'open', store, service }),
    log,
    now: () => now,
  });
  return {
    store,
    settings,
    web,
    state,
    now,
    async close() {
      await web.close();
      await store.close();
      await dropSchema(schema);
      await rm(directory, { recursive: true, force: true });
    },
  };
}
