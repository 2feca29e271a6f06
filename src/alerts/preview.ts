/** The mail that the newest figures of an area make, without queueing it. */
import type { Kysely } from 'kysely';
import type { Store } from '../load/database.js';
import type { Database } from '../load/schema.js';
import { gatherBrief, type BriefWanted } from './brief-facts.js';
import { versionNames } from './compose-read.js';
import { newestNews, standingsOf } from './standing.js';
import { buildRaw, renderMail } from './mail.js';
import type { MailModel } from './mail-model.js';
import { mailbox, noticesFor, type ComposeSettings } from './compose.js';
import { newMoment, newsDrafts, tellSections, type Draft } from './mail-sections.js';

export interface MailPreview {
  readonly eml: Buffer;
  /** With pictures inside, to open in a browser. */
  readonly html: string;
  readonly text: string;
  /** The chart, where the area has one. */
  readonly png: Buffer | undefined;
}

/** A brief alone: of what a rule watches where there are no figures of all schools together. */
async function quietPreview(
  db: Kysely<Database>,
  areaId: number,
  settings: ComposeSettings & { readonly release?: string | undefined },
): Promise<Draft> {
  const wanted: BriefWanted = { release: settings.release, neighbours: settings.neighbours };
  const facts = await gatherBrief(db, areaId, wanted);
  const watched = (await standingsOf(db, areaId, settings.rules)).find(
    ({ series, schoolType, rule }) => series === facts.series && schoolType === rule.schoolType,
  );
  const { schoolType, topic, breakdown } =
    facts.schoolType === 'Total' || watched === undefined
      ? { schoolType: facts.schoolType, topic: 'Total', breakdown: 'Total' }
      : watched;
  const slice = { schoolType, topic, breakdown };
  const draft = { areaId, area: facts.area, series: facts.series, ...slice, news: [], versionIds: [] };
  return { ...draft, brief: undefined, chart: undefined, wanted: { ...wanted, series: facts.series, slice } };
}

/**
 * The mail that the newest figures of an area make under the rules as configured: the events on them that are told, those
 * kept back by a silence, pause or backfill too, and the alerts that are open on them; without either the brief. An event
 * on an older figure is no news of the newest one.
 * Nothing is queued. @throws NoFiguresError where the area has no figures
 */
export async function previewMail(
  store: Pick<Store, 'db'>,
  areaId: number,
  settings: ComposeSettings & { readonly to: string; readonly release?: string | undefined },
): Promise<MailPreview> {
  const { db } = store;
  const told = await newestNews(store, areaId, settings.rules, settings);
  const drafts = newsDrafts(told);
  if (drafts.length === 0) drafts.push(await quietPreview(db, areaId, settings));
  const sections = await tellSections(db, drafts, settings, newMoment());
  const model: MailModel = {
    date: settings.now,
    from: mailbox(settings.from),
    replyTo: settings.replyTo === undefined ? undefined : mailbox(settings.replyTo),
    to: settings.to,
    groups: ['preview'],
    owner: settings.owner,
    sections,
    composed: settings.composed,
    followUp: undefined,
    silenced: 0,
    notices: noticesFor(settings, sections, []),
    references: [],
    versions: await versionNames(db, [...new Set(told.flatMap(({ versionId }) => versionId ?? []))]),
  };
  const mail = renderMail(model);
  const html = mail.attachments.reduce(
    (page, { cid, content, contentType }) =>
      cid === undefined
        ? page
        : page.replaceAll(`cid:${cid}`, `data:${contentType};base64,${content.toString('base64')}`),
    mail.html,
  );
  return { eml: await buildRaw(model), html, text: mail.text, png: model.sections[0]?.chart?.png };
}
