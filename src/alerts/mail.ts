/** A mail: from its model to text, HTML and pictures, and to the bytes that go over the wire. */
import { createHash } from 'node:crypto';
import MailComposer from 'nodemailer/lib/mail-composer';
import { clean, cleanAll } from './brief-words.js';
import { newsCsv } from './mail-csv.js';
import { mailHtml, WHOLE_MAIL } from './mail-html.js';
import type { MailAttachment, MailModel, RenderedMail } from './mail-model.js';
import { byImportance } from './mail-news.js';
import { mailText } from './mail-text.js';
import { chartCid, domainOf, inOrder, shownOf, viewOf } from './mail-view.js';

/**
 * @returns subject, both bodies, and the attachments: a picture for each chart in the HTML, above 25 areas a CSV of all
 * events, and the plain text as a file where the HTML has no room for all of it
 */
export function renderMail(unclean: MailModel): RenderedMail {
  const model = cleanAll(unclean);
  const view = viewOf(model);
  const sections = inOrder(model.sections);
  const text = mailText(view);
  const { html, sections: inHtml, isCut } = mailHtml(view);
  const attachments: MailAttachment[] = shownOf(sections).flatMap(({ chart }, i) =>
    chart === undefined || !inHtml.includes(i)
      ? []
      : [{ filename: `chart-${i + 1}.png`, content: chart.png, contentType: 'image/png', cid: chartCid(i, model) }],
  );
  if (shownOf(sections).length < sections.length) {
    const all = sections.flatMap(({ news }) => news).sort(byImportance);
    attachments.push({
      filename: 'alerts.csv',
      content: Buffer.from(newsCsv(all)),
      contentType: 'text/csv; charset=utf-8',
      cid: undefined,
    });
  }
  if (isCut)
    attachments.push({
      filename: WHOLE_MAIL,
      content: Buffer.from(text),
      contentType: 'text/plain; charset=utf-8',
      cid: undefined,
    });
  return { subject: view.subject, text, html, attachments };
}

/**
 * The same recipient, release versions and events give the same id, so that a mail that had to be sent twice can be
 * told as one.
 */
export function messageIdOf(model: MailModel): string {
  const events = model.sections.flatMap(({ area, series, news }) =>
    news.length === 0 ? [`brief\n${area.code}\n${series}`] : news.map(({ fingerprint }) => fingerprint),
  );
  const named = JSON.stringify([model.to.toLowerCase(), [...model.versions].sort(), events.sort()]);
  return `<${createHash('sha256').update(named).digest('hex').slice(0, 40)}@${domainOf(model)}>`;
}

/** '"attendance-team" <attendance-team.absence-watch.luton.example>' (RFC 2919): printable ASCII, no quotes or brackets in the name. */
function listId(model: MailModel): string {
  const group = clean(model.groups[0] ?? 'all');
  const label = group
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return `"${group.replace(/[^ !#-;=?-[\]-~]/g, '').trim()}" <${label === '' ? 'list' : label}.absence-watch.${domainOf(model)}>`;
}

/** The whole message as bytes; the same model gives the same bytes. */
export async function buildRaw(model: MailModel): Promise<Buffer> {
  const mail = renderMail(model);
  const messageId = messageIdOf(model);
  const { from, replyTo } = model;
  const composer = new MailComposer({
    from: { name: from.name ?? '', address: from.address },
    ...(replyTo === undefined ? {} : { replyTo: { name: replyTo.name ?? '', address: replyTo.address } }),
    to: model.to,
    date: model.date,
    messageId,
    subject: mail.subject,
    text: mail.text,
    html: mail.html,
    baseBoundary: messageId.slice(1, 33),
    headers: { 'Auto-Submitted': 'auto-generated', 'List-Id': { prepared: true, value: listId(model) } },
    ...(model.references.length === 0
      ? {}
      : { inReplyTo: model.references.at(-1) ?? '', references: [...model.references] }),
    attachments: mail.attachments.map(({ filename, content, contentType, cid }) => ({
      filename,
      content,
      contentType,
      ...(cid === undefined ? {} : { cid, contentDisposition: 'inline' as const }),
    })),
  });
  return composer.compile().build();
}
