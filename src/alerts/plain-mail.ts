/** Short mails in plain text, to the operator or as a test. */
import { createHash } from 'node:crypto';
import { bareAddress } from './smtp-settings.js';

export interface PlainMail {
  /** Sender, with or without a name. */
  readonly from: string;
  /** The one recipient. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** What the mail is about: the same key, sender and recipient give the same Message-ID. */
  readonly key: string;
  readonly date: Date;
}

/**
 * The whole message, and its Message-ID.
 * @throws SmtpSettingsError where sender or recipient is not one address
 */
export async function composePlain(mail: PlainMail): Promise<{ raw: Buffer; messageId: string }> {
  const sender = bareAddress(mail.from);
  const recipient = bareAddress(mail.to);
  const hash = createHash('sha256')
    .update(JSON.stringify([mail.key, sender, recipient]))
    .digest('hex')
    .slice(0, 40);
  const messageId = `<${hash}@${sender.slice(sender.lastIndexOf('@') + 1)}>`;
  const { default: MailComposer } = await import('nodemailer/lib/mail-composer');
  const raw = await new MailComposer({
    from: mail.from,
    to: mail.to,
    subject: mail.subject,
    text: mail.text,
    date: mail.date,
    messageId,
    newline: 'windows',
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
    disableFileAccess: true,
    disableUrlAccess: true,
  })
    .compile()
    .build();
  return { raw, messageId };
}
