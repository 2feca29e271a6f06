/** A message taken apart, to be looked at. */
import { simpleParser } from 'mailparser';

export interface MailParts {
  readonly subject: string;
  readonly text: string | undefined;
  /** Inline pictures stand in it as data, so that it can be opened by itself. */
  readonly html: string | undefined;
  /** The first inline picture. */
  readonly chart: Buffer | undefined;
}

/** @param raw the whole message */
export async function partsOf(raw: Buffer): Promise<MailParts> {
  const mail = await simpleParser(raw);
  return {
    subject: mail.subject ?? '',
    text: mail.text,
    html: mail.html === false ? undefined : mail.html,
    chart: mail.attachments.find((attachment) => attachment.contentType === 'image/png')?.content,
  };
}
