/** `demo`: the whole product in one process, on composed figures: a stand-in of EES, the pipeline, a mail catcher. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import {
  composedNote,
  composedReleases,
  StandIn,
  startMailCatcher,
  type CaughtMail,
  type ComposedStep,
} from '../../demo/index.js';
import { partsOf } from './mail-parts.js';
import { loadConfig } from '../config.js';
import { openDatabase, type Store } from '../load/database.js';
import { migrate } from '../load/migrate.js';
import { setSetting } from '../load/runs.js';
import { runOnce, type RunReport } from '../pipeline.js';
import { counted, table } from '../print.js';
import type { AddCommand } from './context.js';

/** The configuration of the demo, left beside its output as an example. */
const CONFIG = `# COMPOSED figures, no statistics: the configuration of the demo.
sources:
  - publication: pupil-absence-in-schools-in-england
  - publication: pupil-attendance-in-schools
recipients:
  attendance-team: [attendance@luton.example]
  data-desk: ["Data desk <desk@example.org>"]
rules:
  - name: Luton persistent absence
    measure: persistent_absence_rate
    areas: [Luton]
    above: 17.5
    notify: [attendance-team]
  - name: Severe absence, England
    measure: severe_absence_rate
    areas: [England]
    above: 2.2
    notify: [attendance-team, data-desk]
  - name: EHC plan pupils, England
    measure: severe_absence_rate
    areas: [England]
    breakdown: { topic: SEN provision, value: EHC plan }
    above: 7.0
    notify: [attendance-team, data-desk]
  - name: Persistent absence, authorities of the East of England
    measure: persistent_absence_rate
    areas: [{ level: Local authority, within: East of England }]
    above: 18.0
    notify: [data-desk]
briefs:
  - { areas: [Luton], notify: [attendance-team] }
mail:
  from: "Absence watch <absence@luton.example>"
  operator: [ops@luton.example]
  owner: The attendance team
`;

const MINUTE_MS = 60_000;
/** The release that the project's story is about. */
const STORY = 'autumn-and-spring-2024-25';

interface Act {
  readonly step: ComposedStep;
  readonly report: RunReport;
  readonly mails: readonly SavedMail[];
}

interface SavedMail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** Paths of .eml, .html, .txt and, where there is a chart, .png. */
  readonly files: readonly string[];
}

export function register(program: Command, add: AddCommand): void {
  add(
    program,
    'demo',
    'the whole job on composed figures: no network, no configuration, no server',
    'absence-watch demo',
    async (given, _args, options) => {
      // The log of the pipeline would drown the story; --log-level brings it back.
      const context = {
        ...given,
        log: options['logLevel'] === undefined ? given.log.child({}, { level: 'warn' }) : given.log,
      };
      const output = resolve(context.streams.cwd, String(options['output']));
      await rm(output, { recursive: true, force: true });
      await mkdir(join(output, 'mails'), { recursive: true });
      await writeFile(join(output, 'absence-watch.yaml'), CONFIG);

      const say = (text: string): void => {
        if (!context.out.json) context.out.raw(`${text}\n`);
      };
      say(`${composedNote}\n`);

      let now = new Date(composedReleases()[0]?.at ?? 0);
      const [standIn, catcher] = await Promise.all([StandIn.start({ now: () => now }), startMailCatcher()]);
      const database = join(output, 'db');
      let store: Store | undefined;
      const acts: Act[] = [];
      // Whatever fails, the servers are closed: an open one would keep the program alive.
      try {
        const settings = await loadConfig(
          join(output, 'absence-watch.yaml'),
          {
            DATABASE_URL: `pglite:${database}`,
            SMTP_URL: catcher.url,
            EES_API_URL: standIn.apiUrl,
            EES_CONTENT_URL: standIn.contentUrl,
            LOG_LEVEL: 'warn',
          },
          output,
        );
        store = await openDatabase(settings.environment.databaseUrl, {
          schema: settings.environment.databaseSchema,
          logger: context.log,
        });
        await migrate(store);
        await setSetting(store, 'composed', true, now);
        for (const step of composedReleases()) {
          context.signal.throwIfAborted();
          now = new Date(Date.parse(step.at) + 2 * MINUTE_MS);
          step.apply(standIn);
          const caught = catcher.messages.length;
          const report = await runOnce({
            store,
            settings,
            log: context.log,
            now: () => now,
            signal: context.signal,
            trigger: 'demo',
            composed: true,
          });
          const mails = await Promise.all(
            catcher.messages
              .slice(caught)
              .map((mail, index) => saveMail(mail, join(output, 'mails'), caught + index + 1, context.streams.cwd)),
          );
          acts.push({ step, report, mails });
          say(actText(step, report, mails));
        }
        now = new Date(now.getTime() + 10 * MINUTE_MS);
        const again = await runOnce({
          store,
          settings,
          log: context.log,
          now: () => now,
          signal: context.signal,
          trigger: 'demo',
          composed: true,
        });
        say(
          `Once more, with nothing new: ${counted(again.requests, 'request')}, ${counted(again.files.length, 'file')}, ${counted(again.mails.sent, 'mail')}.\n`,
        );
      } finally {
        await store?.close();
        await Promise.all([standIn.close(), catcher.close()]);
      }

      const shown = acts
        .find(({ step }) => step.id === STORY)
        ?.mails.find((mail) => mail.to === 'attendance@luton.example');
      if (shown !== undefined) say(`The mail of the story, to ${shown.to}, as text:\n\n${indented(shown.text)}\n`);
      const at = relative(context.streams.cwd, output) || '.';
      context.out.result(
        {
          composed: true,
          steps: acts.map(({ step, report, mails }) => ({
            id: step.id,
            at: step.at,
            says: step.says,
            run: report,
            mails,
          })),
          output,
        },
        () =>
          [
            'Where to look:',
            `  ${at}/mails/            every mail as .eml, .html, .txt, and its chart as .png`,
            `  ${at}/absence-watch.yaml the rules`,
            `  ${at}/db                the database, for the other commands:`,
            `    DATABASE_URL=pglite:${at}/db npm start -- series --area Luton --measure persistent_absence_rate`,
            `    DATABASE_URL=pglite:${at}/db npm start -- alerts list --config ${at}/absence-watch.yaml`,
          ].join('\n'),
      );
      return acts.every((act) => act.report.outcome === 'done') ? 0 : 1;
    },
  ).option('--output <directory>', 'where mails and database are left (emptied first)', 'demo-output');
}

async function saveMail(mail: CaughtMail, directory: string, number: number, cwd: string): Promise<SavedMail> {
  const parts = await partsOf(mail.raw);
  const to = mail.to.join(', ');
  const name = join(directory, `${String(number).padStart(2, '0')}-${to.replace(/[^a-z0-9]+/gi, '-')}`);
  const contents: [string, string | Buffer | undefined][] = [
    ['eml', mail.raw],
    ['txt', parts.text],
    ['html', parts.html],
    ['png', parts.chart],
  ];
  const files: string[] = [];
  for (const [ending, content] of contents) {
    if (content === undefined) continue;
    await writeFile(`${name}.${ending}`, content);
    files.push(relative(cwd, `${name}.${ending}`));
  }
  return { to, subject: parts.subject, text: parts.text ?? '', files };
}

function actText(step: ComposedStep, report: RunReport, mails: readonly SavedMail[]): string {
  return [
    `${step.at.slice(0, 10)}  EES publishes: ${step.says}`,
    ...(report.files.length === 0
      ? ['  nothing to load']
      : [
          indented(
            table(
              ['outcome', 'release', 'data set', 'version', 'rows'],
              report.files.map((file) => [
                file.outcome,
                file.release,
                file.data_set,
                file.version ?? '',
                String(file.rows),
              ]),
            ),
          ),
        ]),
    ...(report.error === null ? [] : [`  ${report.error}`]),
    `  ${counted(report.events, 'event')}, ${counted(mails.length, 'mail')}`,
    ...mails.map((mail) => `    to ${mail.to}: ${mail.subject}`),
    '',
  ].join('\n');
}

function indented(text: string): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? '' : `  ${line}`))
    .join('\n');
}
