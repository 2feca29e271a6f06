/** Commands about delivery: mail test, list, retry, skip. */
import type { Command } from 'commander';
import { testMail } from '../alerts/deliver.js';
import { bareAddress } from '../alerts/smtp-settings.js';
import type { OvertakenMail } from '../alerts/overtaken.js';
import { heldForRules, listMail, retryDead, skipBefore, skipNamed, type MailRow } from '../alerts/queue-upkeep.js';
import { mailboxText, openMailServer } from '../mail-server.js';
import { counted, table, ukTime } from '../print.js';
import { UsageError, type AddCommand } from './context.js';
import { timeOption } from './time-option.js';

const STATES = ['queued', 'sending', 'sent', 'dead', 'skipped', 'held'] as const satisfies readonly MailRow['state'][];

const OVERTAKEN: Readonly<Record<OvertakenMail['since'], string>> = {
  corrected: 'its figure was corrected since',
  cleared: 'its alert was cleared since',
  'area ended': 'its alert was closed since, with the end of the area',
  'taken back': 'its figures were taken back since',
};

/** Which mails were not queued, why, and what can be done about them. */
function overtakenWords(mails: readonly OvertakenMail[]): string[] {
  if (mails.length === 0) return [];
  return [
    `Not queued, as ${mails.length === 1 ? 'it would be a last word that no longer holds' : 'they would be last words that no longer hold'}:`,
    ...mails.map(({ id, address, subject, since }) => `  mail ${id} to ${address}, “${subject}”: ${OVERTAKEN[since]}`),
    `To send one all the same, name it: absence-watch mail retry ${mails[0]?.id ?? 'ID'}`,
    `To leave it out for good: absence-watch mail skip ${mails[0]?.id ?? 'ID'}`,
  ];
}

/** @throws UsageError where it is no number */
function mailId(text: string): number {
  if (!/^\d+$/.test(text)) throw new UsageError(`"${text}" is no mail id; see "mail list".`);
  return Number(text);
}

export function register(program: Command, add: AddCommand): void {
  const mail = program.command('mail').description('delivery: test, list, retry, skip');

  add(
    mail,
    'test <address>',
    "one test mail, with the mail server's answer",
    'absence-watch mail test ops@luton.example',
    async (context, [address = '']) => {
      let to: string;
      try {
        to = bareAddress(address);
      } catch (error) {
        throw new UsageError(error instanceof Error ? error.message : String(error));
      }
      const server = openMailServer(context.settings);
      if (server === undefined)
        throw new UsageError('No mail server: set SMTP_URL, for example smtp://user:password@mail.luton.example:587.');
      try {
        const result = await testMail(server, mailboxText(context.settings.config.mail.from), to, context.now());
        context.out.result({ server: server.server, ...result }, () =>
          result.kind === 'accepted'
            ? `${server.server} took the test mail: ${result.answer}`
            : `${server.server} did not take the test mail: ${result.kind === 'refused' ? result.answer : result.reason}`,
        );
        return result.kind === 'accepted' ? 0 : 1;
      } finally {
        server.close();
      }
    },
  );

  add(
    mail,
    'list',
    'the queue, newest first',
    'absence-watch mail list --state dead',
    async (context, _args, options) => {
      const wanted = options['state'];
      const state = STATES.find((known) => known === wanted);
      if (wanted !== undefined && state === undefined)
        throw new UsageError(`--state takes one of ${STATES.join(', ')}.`);
      const rows = await listMail(await context.store(), { state });
      context.out.result(rows, () =>
        rows.length === 0
          ? 'No mail.'
          : table(
              ['id', 'address', 'state', 'attempts', 'subject', 'answer', 'written', 'sent'],
              rows.map((row) => [
                String(row.id),
                row.address,
                row.state,
                String(row.attempts),
                row.subject,
                row.answer ?? '',
                ukTime(row.created_at),
                row.sent_at === null ? '' : ukTime(row.sent_at),
              ]),
            ),
      );
      return 0;
    },
  ).option('--state <state>', `only one of ${STATES.join(', ')}`);

  add(
    mail,
    'retry [ids...]',
    'sends mails again that were given up: all that still hold, or those named',
    'absence-watch mail retry',
    async (context, ids) => {
      const numbers = ids.map(mailId);
      const store = await context.store();
      const retried = await retryDead(store, context.now(), numbers.length === 0 ? undefined : numbers);
      const held = (await heldForRules(store)) ?? 0;
      context.out.result(retried, () =>
        [
          `${counted(retried.queued, 'mail')} queued again${retried.released === 0 ? '' : `, ${retried.released} held ones let go`}.${held === 0 ? '' : ' A version was taken back: news is held until the next run has looked at that.'}`,
          ...overtakenWords(retried.overtaken),
        ].join('\n'),
      );
      return 0;
    },
  );

  add(
    mail,
    'skip [ids...]',
    'leaves unsent for good: mails by their ids or, after a restored backup, what was written before a date',
    'absence-watch mail skip --before 2026-11-01',
    async (context, ids, options) => {
      if ((ids.length === 0) === (options['before'] === undefined))
        throw new UsageError('Say what to skip: mail ids (see "mail list"), or --before DATE.');
      if (ids.length > 0) {
        const mails = await skipNamed(await context.store(), ids.map(mailId), context.now());
        context.out.result({ mails, notifications: 0 }, () => `Skipped: ${counted(mails, 'mail')}.`);
        return 0;
      }
      const before = timeOption('--before', String(options['before']), 'from its start');
      if (before > context.now())
        throw new UsageError(`${String(options['before'])} is still to come: only past mails can be skipped.`);
      const skipped = await skipBefore(await context.store(), before, context.now());
      context.out.result(
        skipped,
        () =>
          `Skipped: ${counted(skipped.mails, 'mail')}, ${counted(skipped.notifications, 'notification')} not yet written as mail.`,
      );
      return 0;
    },
  ).option('--before <date>', 'what was written before it is not sent');
}
