/** `doctor`: everything that the service needs, checked one by one, with what to do. */
import { mkdir, access, constants } from 'node:fs/promises';
import type { Command } from 'commander';
import { sql } from 'kysely';
import { openEdges } from '../alerts/operator.js';
import { smtpAdvice } from '../alerts/smtp-settings.js';
import { nextSlots, NO_CONTACT, problemText } from '../config.js';
import { usesProxy } from '../extract/agents.js';
import type { Api } from '../extract/client.js';
import { probe, type Probe } from '../extract/probe.js';
import { DatabaseHeldError } from '../load/errors.js';
import { migrationState } from '../load/migrate.js';
import { openMailServer } from '../mail-server.js';
import { messageOf, openClient, proxyOf } from '../tools.js';
import { stillUnmatched, UNMATCHED_ADVICE, unmatchedWords } from '../unmatched.js';
import { counted, ukSlot, ukTime } from '../print.js';
import { runTroubles, troubleWords } from '../run-troubles.js';
import { untilServiceListens } from '../service/socket.js';
import { sourceStateOf } from '../service/status.js';
import type { AddCommand, Context } from './context.js';

/** What was checked, and the clocks that told the time. */
interface Checked {
  readonly checks: Check[];
  readonly clocks: readonly Clock[];
}

interface Clock {
  /** As 'from … ' goes on. */
  readonly whose: string;
  /** ms by which it is ahead of this machine's. */
  readonly ahead: number;
}

interface Check {
  readonly check: string;
  readonly ok: boolean;
  readonly found: string;
  /** What to do; empty when well. */
  readonly advice: string;
}

export function register(program: Command, add: AddCommand): void {
  add(
    program,
    'doctor',
    'checks configuration, database, mail server, EES, clock and schedule',
    'absence-watch doctor',
    async (context) => {
      const stored = await database(context);
      const asked = await ees(context);
      const checks = [
        ...configuration(context),
        await dataDirectory(context),
        ...stored.checks,
        ...(await mailServer(context)),
        ...asked.checks,
        ...(await runs(context)),
        clock([...stored.clocks, ...asked.clocks]),
        ...schedule(context),
      ];
      context.out.result(checks, () =>
        checks
          .map(
            ({ check, ok, found, advice }) =>
              `${ok ? 'ok  ' : 'BAD '} ${check}: ${found}${advice === '' ? '' : `\n       ${advice}`}`,
          )
          .join('\n'),
      );
      return checks.every(({ ok }) => ok) ? 0 : 1;
    },
  );
}

function configuration({ settings }: Context): Check[] {
  const rules = settings.config.rules.length;
  return [
    {
      check: 'configuration',
      ok: true,
      found: `${settings.configFile ?? 'built-in defaults (no file)'}, ${counted(rules, 'rule')}, ${counted(settings.config.recipients.size, 'recipient group')}`,
      advice: [
        ...(rules === 0 && settings.config.briefs.length === 0
          ? ['No rules and no briefs: nobody will be mailed.']
          : []),
        ...(settings.config.contact === undefined ? [NO_CONTACT] : []),
      ].join(' '),
    },
    ...settings.warnings.map((warning) => ({
      check: 'configuration',
      ok: true,
      found: problemText(warning),
      advice: '',
    })),
  ];
}

async function dataDirectory({ settings }: Context): Promise<Check> {
  const directory = settings.config.dataDirectory;
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await access(directory, constants.W_OK);
    return { check: 'data directory', ok: true, found: directory, advice: '' };
  } catch (error) {
    return {
      check: 'data directory',
      ok: false,
      found: `${directory}: ${messageOf(error)}`,
      advice: 'Make it, owned by the user who runs the service (data_directory in the configuration).',
    };
  }
}

/** @throws DatabaseHeldError where a service holds it and listens: `main` then has the service do all of this */
async function database(context: Context): Promise<Checked> {
  try {
    const store = await context.store({ migrate: false });
    const migrations = await migrationState(store);
    const { rows } = await sql<{ version: string; now: number; writable: boolean }>`
      select current_setting('server_version') as version, extract(epoch from clock_timestamp())::float8 as now,
        has_database_privilege(current_database(), 'CREATE') as writable`.execute(store.db);
    const server = rows[0];
    const checks = [
      {
        check: 'database',
        ok: true,
        found: `${store.kind === 'embedded' ? 'embedded' : 'Postgres'} ${server?.version ?? ''}, schema ${store.schema}`,
        advice: '',
      },
      {
        check: 'database rights',
        ok: migrations.state !== 'empty' || server?.writable === true,
        found: server?.writable === true ? 'may create the schema' : 'may not create a schema',
        advice:
          migrations.state === 'empty' && server?.writable !== true
            ? 'Let an administrator create the schema for this role: see docs/database.md.'
            : '',
      },
      {
        check: 'migrations',
        // An empty database is as it should be before the first run.
        ok: migrations.state === 'current' || migrations.state === 'empty',
        found: migrationWords(migrations),
        advice: MIGRATION_ADVICE[migrations.state],
      },
    ];
    // The embedded one goes by the clock of this machine.
    const isOther = server !== undefined && store.kind !== 'embedded';
    return { checks, clocks: isOther ? [{ whose: "the database's", ahead: server.now * 1000 - Date.now() }] : [] };
  } catch (error) {
    const isHeld = error instanceof DatabaseHeldError;
    if (isHeld && (await untilServiceListens(error, context)) !== 'silent') throw error;
    const advice = isHeld
      ? 'It can be checked once that process has ended.'
      : 'Check DATABASE_URL, and that the server runs and lets this user in.';
    return { checks: [{ check: 'database', ok: false, found: messageOf(error), advice }], clocks: [] };
  }
}

type Migrations = Awaited<ReturnType<typeof migrationState>>;

const MIGRATION_ADVICE: Readonly<Record<Migrations['state'], string>> = {
  current: '',
  empty: '',
  behind: 'Run "absence-watch migrate" ("run" and "start" do it too).',
  newer: 'Install the newer version of absence-watch.',
};

function migrationWords(migrations: Migrations): string {
  switch (migrations.state) {
    case 'current':
      return 'up to date';
    case 'empty':
      return 'nothing here yet: the first "run" or "start" makes the tables ("absence-watch migrate" does it alone)';
    default:
      return `${migrations.state}; pending: ${migrations.pending.join(', ')}`;
  }
}

/** s by which this machine's clock may differ from another one. */
const MOST_APART = 60;

/** By the clock of a database server, which the figures are recorded with, and those of EES, which dates what it publishes. */
function clock(clocks: readonly Clock[]): Check {
  const zone = `local time zone ${Intl.DateTimeFormat().resolvedOptions().timeZone}`;
  const apart = clocks.map(({ whose, ahead }) => ({ whose, seconds: Math.abs(ahead) / 1000 }));
  const isWell = apart.every(({ seconds }) => seconds < MOST_APART);
  const differs = apart.map(({ whose, seconds }) => `by ${seconds.toFixed(1)} s from ${whose}`).join(', ');
  return {
    check: 'clock',
    ok: isWell,
    found: `${differs === '' ? 'compared with no other: neither a database server nor EES told the time' : `differs ${differs}`}; ${zone}`,
    advice: isWell ? '' : 'Set the clock (NTP): times of publication and mails depend on it.',
  };
}

async function mailServer({ settings }: Context): Promise<Check[]> {
  const needed =
    settings.config.rules.length > 0 || settings.config.briefs.length > 0 || settings.config.mail.operator.length > 0;
  const server = openMailServer(settings);
  if (server === undefined || settings.smtp === undefined)
    return [
      {
        check: 'mail server',
        ok: !needed,
        found: 'SMTP_URL is not set: mail stays in the queue',
        advice: needed
          ? 'Set SMTP_URL, for example smtp://user:password@mail.luton.example:587; see docs/mail.md.'
          : '',
      },
    ];
  try {
    const result = await server.verify();
    const advice = smtpAdvice(settings.smtp).join(' ');
    return result.kind === 'accepted'
      ? [{ check: 'mail server', ok: true, found: `${server.server}: ${result.answer}`, advice }]
      : [
          {
            check: 'mail server',
            ok: false,
            found: `${server.server}: ${result.reason}`,
            advice: advice === '' ? 'See docs/mail.md.' : advice,
          },
        ];
  } finally {
    server.close();
  }
}

/** What the program does while one of the two is away. */
const WITHOUT_API = 'Meanwhile everything comes from the website.';
const WITHOUT_BOTH = 'Meanwhile nothing is read of EES; what was loaded stays in use.';
const WITHOUT_WEBSITE =
  'On the official API alone only full-year figures are watched: release files, term releases above all, are missing.';

async function ees(context: Context): Promise<Checked> {
  const { settings, now, signal } = context;
  const client = openClient(settings, now, signal);
  try {
    const { api, content } = await probe(client);
    const proxy = (url: string): string => (usesProxy(new URL(url), proxyOf(settings)) ? ' (through the proxy)' : '');
    const line = (check: string, host: Api, url: string, result: Probe, without: string): Check => {
      const busy = client.askedForTime().find((each) => each.api === host);
      const words =
        busy === undefined ? adviceOn(result) : `EES asks for time: runs leave it alone until ${ukTime(busy.until)}.`;
      return {
        check,
        ok: result.ok,
        found: `${url}${proxy(url)}: ${result.ok ? `answered in ${Math.round(result.ms)} ms` : result.reason}`,
        advice: result.ok ? '' : `${words} ${api.ok || content.ok ? without : WITHOUT_BOTH}`,
      };
    };
    const { eesApiUrl, eesContentUrl } = settings.environment;
    return {
      checks: [
        line('official API', 'official', eesApiUrl, api, WITHOUT_API),
        line('website (content API)', 'content', eesContentUrl, content, WITHOUT_WEBSITE),
        ...(await sourcesInTrouble(context)),
      ],
      clocks: [
        ...clockOf('that of the official API', api, client.clockAhead('official')),
        ...clockOf('that of the website', content, client.clockAhead('content')),
      ],
    };
  } catch (error) {
    signal.throwIfAborted();
    return {
      checks: [{ check: 'EES', ok: false, found: messageOf(error), advice: 'Check the network.' }],
      clocks: [],
    };
  } finally {
    client.close();
  }
}

/** The clock of a host of EES, where it was EES that answered: a proxy's page carries the time of the proxy. */
function clockOf(whose: string, result: Probe, ahead: number | undefined): Clock[] {
  return ahead !== undefined && (result.ok || result.fault === 'route') ? [{ whose, ahead }] : [];
}

function adviceOn(result: Probe): string {
  if (result.ok) return '';
  switch (result.fault) {
    case 'route':
      return 'The host answers, so the network is well, but this route is gone or has changed: EES has altered it (or the URL is mistaken). It is asked again at each run; look for a newer version of absence-watch.';
    case 'refused':
      return 'The host, or a proxy before it, refuses: ask whoever runs the proxy or firewall to let this address through; check HTTPS_PROXY.';
    case 'proxy':
      return 'EES itself was not asked. HTTPS_PROXY names the proxy, NO_PROXY the hosts that are reached without it.';
    case 'host':
      return 'Check the network, HTTPS_PROXY and NODE_EXTRA_CA_CERTS.';
  }
}

/** What the last run could not read or find. Without a database nobody knows, and `database` says so. */
async function sourcesInTrouble(context: Context): Promise<Check[]> {
  const state = await context
    .store({ migrate: false })
    .then(sourceStateOf)
    .catch(() => undefined);
  if (state === undefined) return [];
  return [
    ...state.degraded.map((each) => ({
      check: 'source',
      ok: false,
      found: `${each.source}: ${each.route}: ${each.reason}`,
      advice: each.missing.length === 0 ? '' : `Missing meanwhile: ${each.missing.join('; ')}.`,
    })),
    ...stillUnmatched(state, context.settings.config.sources).map((each) => ({
      check: 'data_sets',
      ok: false,
      found: unmatchedWords(each),
      advice: UNMATCHED_ADVICE,
    })),
  ];
}

/** What the last runs could not do. Without a database nobody knows, and `database` says so. */
async function runs(context: Context): Promise<Check[]> {
  const found = await context
    .store({ migrate: false })
    .then(openEdges)
    .catch(() => []);
  return troubleWords(runTroubles(found)).map((words) => ({
    check: 'runs',
    ok: false,
    found: words,
    advice: 'Nothing is lost: the next run that succeeds takes it up. "absence-watch status" tells more.',
  }));
}

function schedule({ settings, now }: Context): Check[] {
  const { schedule: cron } = settings.config;
  const slots = nextSlots(cron, now(), 3);
  return [
    {
      check: 'schedule',
      ok: slots.length > 0,
      found: `${cron.cron.join(' and ')} in ${cron.timezone}; next slots: ${slots.map(ukSlot).join(', ')}`,
      advice: slots.length > 0 ? '' : 'The expressions have no slot in the next years.',
    },
  ];
}
