/** The whole program in this process, on small files: what a case does to EES, the mail server or the database shows in its runs. */
import { onTestFinished } from 'vitest';
import { startMailCatcher, type MailCatcher, type MailCatcherOptions } from '../../../demo/mail-catcher.js';
import { StandIn } from '../../../demo/stand-in.js';
import { openDatabase, type Store } from '../../../src/load/database.js';
import type { RunReport } from '../../../src/pipeline.js';
import { testDatabaseUrl } from '../../support/database.js';
import { freshProgram, type Program, type Said } from '../../support/program.js';
import { queueMails } from '../../support/smtp.js';
import { smallWide, type SmallFile } from './small-files.js';

export const ABSENCE = 'pupil-absence-in-schools-in-england';
export const FILE_TITLE = 'Absence rates by geographic level';

export const CONFIG = `
sources:
  - publication: ${ABSENCE}
recipients:
  team: [attendance@luton.example]
rules:
  - { name: Luton persistent, measure: persistent_absence_rate, areas: [Luton], above: 20, notify: [team] }
  - { name: Authorities severe, measure: severe_absence_rate, areas: [{ level: Local authority }], above: 2.0, notify: [team] }
mail: { from: watch@luton.example, operator: [ops@luton.example] }
`;

/** Two years, nothing in breach. */
export const QUIET: SmallFile = { identifier: 'Academic year', years: [2021, 2022] };
/** A year more: Luton crosses 20%. */
export const CROSSED: SmallFile = {
  identifier: 'Academic year',
  years: [2021, 2022, 2023],
  shares: { 'Luton 2023': [20.6, 1.8] },
};

export interface Event {
  readonly rule: string;
  readonly event: string;
  readonly reason: string;
  readonly area_name: string;
  readonly time_period: string;
  readonly value: number | null;
  readonly muted: string | null;
}

export interface Watch {
  readonly program: Program;
  readonly ees: StandIn;
  readonly mail: MailCatcher;
  at(time: string): void;
  /** Publishes one release of one file. */
  publish(release: {
    slug: string;
    title: string;
    at: string;
    content: string;
    name?: string;
    fileTitle?: string;
  }): void;
  amend(release: { slug: string; at: string; content: string; note?: string }): void;
  run(): Promise<Said & { readonly report: RunReport }>;
  events(): Promise<Event[]>;
  /** 'Luton 202223 20.6' … of the view. */
  figures(area?: string): Promise<string[]>;
  /** Subjects of mails that arrived, oldest first. */
  subjects(address?: string): string[];
  /** What status says was noticed at EES, oldest first. */
  noticed(): Promise<{ readonly publication: string; readonly what: string }[]>;
}

/** @param env further variables, or others than usual: DATABASE_URL, SMTP_URL … */
export async function watch(
  options: { readonly config?: string; readonly env?: NodeJS.ProcessEnv; readonly mail?: MailCatcherOptions } = {},
): Promise<Watch> {
  let now = new Date('2024-03-21T09:31:00Z');
  const ees = await StandIn.start({ now: () => now });
  const mail = await startMailCatcher(options.mail);
  onTestFinished(async () => {
    await Promise.all([ees.close(), mail.close()]);
  });
  const program = await freshProgram({
    EES_API_URL: ees.apiUrl,
    EES_CONTENT_URL: ees.contentUrl,
    SMTP_URL: mail.url,
    ...options.env,
  });
  await program.configure(options.config ?? CONFIG);
  program.at(now.toISOString());
  const json = async (...argv: string[]): Promise<unknown> => (await program.run(...argv, '--json')).json();
  return {
    program,
    ees,
    mail,
    at(time) {
      now = new Date(time);
      program.at(time);
    },
    publish({ slug, title, at, content, name = 'wide.csv', fileTitle = FILE_TITLE }) {
      ees.publish({ publication: ABSENCE, slug, title, at, files: [{ name, title: fileTitle, content }] });
    },
    amend({ slug, at, content, note }) {
      ees.amend({
        publication: ABSENCE,
        release: slug,
        at,
        ...(note === undefined ? {} : { note }),
        replace: [{ file: FILE_TITLE, content }],
      });
    },
    async run() {
      const said = await program.run('run', '--json');
      return { ...said, report: said.json() as RunReport };
    },
    events: async () => ((await json('alerts', 'list')) as Event[]).toReversed(),
    async figures(area = 'Luton') {
      const rows = (await json('series', '--area', area)) as { time_period: string; persistent_absence_rate: number }[];
      return rows.map((row) => `${row.time_period} ${row.persistent_absence_rate}`);
    },
    async noticed() {
      const { noticed } = (await json('status')) as { noticed: Record<'publication' | 'what', string>[] };
      return noticed.map(({ publication, what }) => ({ publication, what }));
    },
    subjects: (address = 'attendance@luton.example') =>
      mail.messages.filter(({ to }) => to.includes(address)).map(({ raw }) => subjectOf(raw)),
  };
}

/** The subject with its folded lines. */
export function subjectOf(raw: Buffer): string {
  const head = raw.toString('utf8').split('\r\n\r\n')[0] ?? '';
  return (/^subject: (.*)$/im.exec(head.replaceAll(/\r\n[ \t]+/g, ' '))?.[1] ?? '').trim();
}

/** History is published and loaded, and nobody was told anything. */
export async function watchWithHistory(options: Parameters<typeof watch>[0] = {}): Promise<Watch> {
  const world = await watch(options);
  world.publish({
    slug: '2022-23',
    title: 'Academic year 2022/23',
    at: '2024-03-21T09:30:02Z',
    content: smallWide(QUIET),
  });
  const first = await world.run();
  if (first.code !== 0) throw new Error(`the first run ended with ${first.code}: ${first.stderr}${first.stdout}`);
  return world;
}

/** The year after, in which Luton crosses its line. */
export function publishCrossing(world: Watch, content: string = smallWide(CROSSED)): void {
  world.at('2025-03-20T09:32:00Z');
  world.publish({ slug: '2023-24', title: 'Academic year 2023/24', at: '2025-03-20T09:30:05Z', content });
}

/** The database of a world, as another process than its commands would open it. */
export async function storeOf({ program }: Watch): Promise<Store> {
  const store = await openDatabase(testDatabaseUrl(), { schema: program.schema });
  onTestFinished(() => store.close());
  return store;
}

/** One mail has gone at that time: with `max_per_hour: 1` no other goes for an hour. */
export async function fillTheHour(world: Watch, time: string): Promise<void> {
  const store = await storeOf(world);
  const [id = 0] = await queueMails(store, ['somebody@luton.example'], new Date(time));
  await store.db.updateTable('mail').set({ state: 'sent' }).where('id', '=', id).execute();
  const attempt = { mail_id: id, at: new Date(time), outcome: 'sent' as const, answer: '' };
  await store.db.insertInto('mail_attempt').values(attempt).execute();
}
