/** What is owed becomes mails: one for each recipient, written into the queue together with the note that it is done. */
import { sql, type Kysely } from 'kysely';
import { parseMailbox, type Mailbox } from '../config/words.js';
import { COUNT_OF, isRate, RATES } from '../domain/measure.js';
import { periodOf } from '../domain/period.js';
import type { Rule } from '../domain/rule.js';
import type { Store } from '../load/database.js';
import { retrying } from '../load/retry.js';
import type { Database } from '../load/schema.js';
import { composeBrief, type BriefOptions } from './brief.js';
import { gatherBrief, type BriefWanted, type SharedReads } from './brief-facts.js';
import { NoFiguresError } from './brief-period.js';
import type { Brief, BriefArea, ReleaseFacts } from './brief-model.js';
import { renderChart, type RenderedChart } from './chart.js';
import {
  addressesDue,
  readNews,
  releasesOfVersions,
  silencedIn,
  takeOwed,
  threadOf,
  versionNames,
  wasHeldBack,
  wasTold,
  type Owed,
  type OwedBrief,
  type RecordedNews,
} from './compose-read.js';
import { standingsOf, standsBetweenLines } from './standing.js';
import { readDelivery } from './delivery-state.js';
import { drawTogether } from './draw-together.js';
import { buildRaw, messageIdOf, renderMail } from './mail.js';
import type { MailModel, MailSection } from './mail-model.js';
import { placesInPrint, placesOf } from './mail-news.js';
import { leading } from './mail-order.js';
import { newsPlaces, withOnePrecision } from './mail-precision.js';
import { inOrder, shownOf } from './mail-view.js';
import { takeUntriedApart } from './queue.js';

export interface ComposeSettings {
  readonly now: Date;
  /** Sender, with or without a name. */
  readonly from: string;
  readonly replyTo: string | undefined;
  /** Whom to ask about the lines. */
  readonly owner: string | undefined;
  readonly rules: readonly Rule[];
  /** DfE's three digits of an authority to those of its statistical neighbours. */
  readonly neighbours: ReadonlyMap<string, readonly string[]>;
  /** The figures are composed (demo): subject, body and charts say so. */
  readonly composed: boolean;
  /** What is missing or doubtful about the sources in this run. */
  readonly notices?: readonly Notice[];
}

/** A sentence on what is missing. */
export interface Notice {
  /** Title of the publication that it is missing from; undefined where it concerns them all. */
  readonly publication: string | undefined;
  readonly text: string;
}

/** Some recipients' mails could not be written; the others' are queued. */
export class UnwrittenMailError extends AggregateError {
  override readonly name = 'UnwrittenMailError';

  /** @param queued how many mails were written all the same */
  constructor(
    failures: readonly Error[],
    message: string,
    readonly queued: number,
  ) {
    super(failures, message);
  }
}

/**
 * Composes one mail for each recipient to whom alerts or briefs are due, each in a transaction of its own, and queues
 * them. Nothing while sending is paused. A recipient whom another process is composing for is left to it.
 * @returns how many mails were queued
 * @throws UnwrittenMailError where some recipients' mails could not be composed; the others' are queued
 */
export async function composeDue(store: Pick<Store, 'db'>, settings: ComposeSettings): Promise<number> {
  if ((await readDelivery(store)).paused !== undefined) return 0;
  let moment = newMoment();
  const failures: Error[] = [];
  let mails = 0;
  for (const address of await addressesDue(store.db, settings.now)) {
    try {
      const queued = await retrying(store, ({ db }) =>
        db
          .transaction()
          .execute((trx) => composeFor(trx, address, settings, moment))
          .catch((error: unknown) => {
            // What a transaction read that failed is not shared: it may be the read that failed.
            moment = newMoment();
            throw error;
          }),
      );
      mails += queued ? 1 : 0;
    } catch (error) {
      failures.push(error instanceof Error ? error : new Error('unknown failure', { cause: error }));
    }
  }
  const [first] = failures;
  if (first !== undefined) {
    const all = failures.length === 1 ? 'The mail of one recipient' : `The mails of ${failures.length} recipients`;
    throw new UnwrittenMailError(
      failures,
      `${all} could not be composed; what they tell stays owed. First reason: ${first.message}`,
      mails,
    );
  }
  return mails;
}

async function composeFor(
  trx: Kysely<Database>,
  address: string,
  settings: ComposeSettings,
  moment: Moment,
): Promise<boolean> {
  // Two processes taking some rows each would make two mails of one: whoever comes second leaves all of them.
  const lock = await sql<{ mine: boolean }>`
    select pg_try_advisory_xact_lock(hashtext(current_schema()), hashtext(${`mail to ${address}`})) as mine`.execute(
    trx,
  );
  if (lock.rows[0]?.mine !== true) return false;
  // After a restored backup a mail that seems untried may have gone out: what is held stays as it is.
  if ((await readDelivery({ db: trx })).hold === undefined) await takeUntriedApart(trx, address);
  const { to, owed: taken } = await takeOwed(trx, address, settings.now);
  const { owed, recorded } = await newsOf(trx, address, taken, settings.rules);
  if (owed.length === 0) return false;
  const model = await modelFor(trx, { address, to, owed, recorded }, settings, moment);
  const raw = await buildRaw(model);
  const message = {
    ...{ address: to, subject: renderMail(model).subject, message_id: messageIdOf(model), raw },
    kind: owed.some(({ alertId }) => alertId !== null) ? 'alert' : 'brief',
    ...{ state: 'queued' as const, next_attempt_at: settings.now, created_at: settings.now },
  };
  const written = await trx
    .insertInto('mail')
    .values(message)
    .onConflict((conflict) => conflict.column('message_id').doNothing())
    .returning('id')
    .executeTakeFirst();
  // The same news in the same versions for the same recipient is that mail already.
  const mail =
    written ??
    (await trx.selectFrom('mail').select('id').where('message_id', '=', message.message_id).executeTakeFirstOrThrow());
  await trx
    .updateTable('notification')
    .set({ mail_id: mail.id })
    .where(
      'id',
      'in',
      owed.map(({ id }) => id),
    )
    .execute();
  await notePlaces(trx, model, owed);
  return written !== undefined;
}

/** The events among what is owed, drawn together; those that come to nothing are owed no longer. */
async function newsOf(
  trx: Kysely<Database>,
  address: string,
  taken: readonly Owed[],
  rules: readonly Rule[],
): Promise<{ readonly owed: readonly Owed[]; readonly recorded: readonly RecordedNews[] }> {
  const alertIds = taken.map(({ alertId }) => alertId).filter((id) => id !== null);
  const { recorded, cameBack } = await drawTogether(trx, address, await readNews(trx, { alertIds }, rules));
  const isVoid = ({ alertId }: Owed): boolean => alertId !== null && cameBack.has(alertId);
  const gone = taken.filter(isVoid).map(({ id }) => id);
  if (gone.length > 0) await trx.deleteFrom('notification').where('id', 'in', gone).execute();
  return { owed: taken.filter((each) => !isVoid(each)), recorded };
}

/** With how many decimals the mail prints the figure of each event: what a revision has to be told of depends on it. */
async function notePlaces(trx: Kysely<Database>, { sections }: MailModel, owed: readonly Owed[]): Promise<void> {
  const news = sections.flatMap((section) => withOnePrecision(section).news).filter(({ measure }) => isRate(measure));
  if (news.length === 0) return;
  await sql`
    update notification n set payload = jsonb_build_object('places', printed.places)
    from unnest(${news.map(({ fingerprint }) => fingerprint)}::text[], ${news.map(placesInPrint)}::integer[])
      as printed (fingerprint, places)
    join alert e on e.fingerprint = printed.fingerprint
    where n.alert_id = e.id and n.id = any(${owed.map(({ id }) => id)}::bigint[])`.execute(trx);
}

export function mailbox(text: string): Mailbox {
  const parsed = parseMailbox(text);
  if (parsed === undefined)
    throw new Error(
      `${JSON.stringify(text)} is not one mail address. Write name@example.org or "Name <name@example.org>".`,
    );
  return parsed;
}

/** What one area's section tells, before it is told. */
export interface Draft extends MailSection {
  readonly areaId: number;
  readonly wanted: BriefWanted;
  /** Versions that it tells of. */
  readonly versionIds: readonly number[];
}

async function modelFor(
  db: Kysely<Database>,
  what: {
    readonly address: string;
    readonly to: string;
    readonly owed: readonly Owed[];
    readonly recorded: readonly RecordedNews[];
  },
  settings: ComposeSettings,
  moment: Moment,
): Promise<MailModel> {
  const { address, to, owed, recorded } = what;
  const briefs = owed.map(({ brief }) => brief).filter((brief) => brief !== undefined);
  const drafts = newsDrafts(recorded);
  for (const each of briefs) {
    const { areaId, releaseId, lacking } = each;
    if (lacking !== undefined) {
      const draft = await lackingDraft(db, areaId, { ...each, lacking });
      if (draft !== undefined && !drafts.some((other) => tellsTheSame(other, draft))) drafts.push(draft);
      continue;
    }
    const release = await db.selectFrom('release').select('title').where('id', '=', releaseId).executeTakeFirst();
    const draft = await briefDraft(db, areaId, {
      ...{ release: release?.title, neighbours: settings.neighbours, shared: moment.reads },
    });
    // Where an alert's section tells the same figures, the brief is in it.
    if (!drafts.some((other) => tellsTheSame(other, draft))) drafts.push(draft);
  }
  const groups = [...new Set(owed.map(({ group }) => group))].sort();
  const rules = settings.rules.filter(({ notify }) => notify.some((group) => groups.includes(group)));
  for (const [i, draft] of drafts.entries())
    if (draft.news.length === 0) drafts[i] = { ...draft, open: await openAlerts(db, draft, rules) };
  const runIds = [...new Set(owed.map(({ runId }) => runId).filter((id) => id !== null))];
  const versionIds = new Set([
    ...recorded.map(({ versionId }) => versionId),
    ...briefs.flatMap((brief) => brief.versionIds),
  ]);
  const onlyCorrections = briefs.length === 0 && recorded.every(({ news }) => news.event === 'corrected');
  const [only, ...others] = recorded;
  const sections = await tellSections(db, drafts, settings, moment);
  return {
    date: settings.now,
    from: mailbox(settings.from),
    replyTo: settings.replyTo === undefined ? undefined : mailbox(settings.replyTo),
    to,
    groups,
    owner: settings.owner,
    sections,
    composed: settings.composed,
    followUp: await lateness(db, address, owed, onlyCorrections),
    silenced: await silencedIn(db, runIds, groups, settings.rules),
    notices: noticesFor(settings, sections, await releasesOfVersions(db, [...versionIds])),
    references:
      only !== undefined && others.length === 0 && briefs.length === 0 ? await threadOf(db, address, only) : [],
    versions: await versionNames(db, [...versionIds]),
  };
}

/** Why what is owed comes late, if it does. That a correction follows an earlier mail goes without saying. */
async function lateness(
  db: Kysely<Database>,
  address: string,
  owed: readonly Pick<Owed, 'id'>[],
  onlyCorrections: boolean,
): Promise<MailModel['followUp']> {
  const ids = owed.map(({ id }) => id);
  if (!onlyCorrections && (await wasTold(db, address, ids))) return 'told before';
  return (await wasHeldBack(db, ids)) ? 'held back' : undefined;
}

/** What concerns a mail: what is missing from all sources, and from the publications that it tells of. */
export function noticesFor(
  { notices = [] }: Pick<ComposeSettings, 'notices'>,
  sections: readonly MailSection[],
  others: readonly ReleaseFacts[],
): string[] {
  const releases = [
    ...sections.flatMap((each) => [...(each.brief?.releases ?? []), ...(each.releases ?? [])]),
    ...others,
  ];
  const told = new Set(releases.map(({ publication }) => publication));
  return notices
    .filter(({ publication }) => publication === undefined || told.has(publication))
    .map(({ text }) => text);
}

/** One draft for each area, series, school type and pupil group in the news, on the newest period among it. */
export function newsDrafts(
  recorded: readonly (Pick<RecordedNews, 'areaId' | 'news'> & { readonly versionId: number | undefined })[],
): Draft[] {
  const drafts = new Map<string, Draft>();
  for (const { areaId, news, versionId } of recorded) {
    const slice = { schoolType: news.schoolType, topic: news.topic, breakdown: news.breakdown };
    const key = JSON.stringify([areaId, news.series, slice]);
    const before = drafts.get(key);
    const all = [...(before?.news ?? []), news];
    const newest = all.reduce((best, one) => (one.period.sort > best.period.sort ? one : best));
    drafts.set(key, {
      ...{ areaId, area: news.area, series: news.series, ...slice, news: all, brief: undefined, chart: undefined },
      versionIds: [...new Set([...(before?.versionIds ?? []), ...(versionId === undefined ? [] : [versionId])])],
      wanted: {
        series: news.series,
        timePeriod: newest.period.timePeriod,
        timeIdentifier: newest.period.timeIdentifier,
        slice,
      },
    });
  }
  return [...drafts.values()];
}

type Place = Pick<Draft, 'areaId' | 'series' | 'schoolType' | 'topic' | 'breakdown'>;

/** Figures of one area, series, school type and pupil group: the sections of a mail mix none of them. */
function tellsTheSame(one: Place, other: Place): boolean {
  return (
    one.areaId === other.areaId &&
    one.series === other.series &&
    one.schoolType === other.schoolType &&
    one.topic === other.topic &&
    one.breakdown === other.breakdown
  );
}

/** The alerts of some rules that stand open on the newest figures of a section. */
async function openAlerts(
  db: Kysely<Database>,
  draft: Draft,
  rules: readonly Rule[],
): Promise<NonNullable<MailSection['open']>> {
  return (await standingsOf(db, draft.areaId, rules))
    .filter((one) => one.inBreach === true && tellsTheSame(draft, { ...one, areaId: draft.areaId }))
    .map((one) => ({ rule: one.rule.name, measure: one.rule.measure, betweenLines: standsBetweenLines(one) }));
}

async function areaOf(db: Kysely<Database>, areaId: number): Promise<BriefArea> {
  const row = await db.selectFrom('area').selectAll().where('id', '=', areaId).executeTakeFirstOrThrow();
  return { name: row.name, level: row.level, code: row.code, regionName: row.region_name ?? undefined };
}

/** A section that says that the release has no figure; undefined where its series or period is known no more. */
async function lackingDraft(
  db: Kysely<Database>,
  areaId: number,
  { lacking, versionIds }: Pick<OwedBrief, 'versionIds'> & { readonly lacking: NonNullable<OwedBrief['lacking']> },
): Promise<Draft | undefined> {
  const series = await db.selectFrom('series').select('name').where('id', '=', lacking.seriesId).executeTakeFirst();
  const row = await db.selectFrom('period').selectAll().where('id', '=', lacking.periodId).executeTakeFirst();
  const period = row === undefined ? undefined : periodOf(row.time_period, row.time_identifier);
  if (series === undefined || period === undefined) return undefined;
  return {
    ...{ areaId, area: await areaOf(db, areaId), series: series.name, versionIds, lacking: period },
    ...{ schoolType: 'Total', topic: 'Total', breakdown: 'Total' },
    ...{ news: [], brief: undefined, chart: undefined, wanted: {} },
  };
}

async function briefDraft(db: Kysely<Database>, areaId: number, wanted: BriefWanted): Promise<Draft> {
  const area = await areaOf(db, areaId);
  const facts = await ifAny(gatherBrief(db, areaId, wanted));
  const slice = { schoolType: facts?.schoolType ?? 'Total', topic: 'Total', breakdown: 'Total' };
  const none = { news: [], versionIds: [], brief: undefined, chart: undefined };
  return { areaId, area, series: facts?.series ?? '', ...slice, ...none, wanted };
}

/** What the mails of one moment share. */
interface Moment {
  readonly told: Map<string, Told>;
  readonly reads: SharedReads;
}

export function newMoment(): Moment {
  return { told: new Map(), reads: new Map() };
}

interface Told {
  readonly brief: Brief | undefined;
  readonly chart: RenderedChart | undefined;
}

/** Briefs and charts for the sections that the mail itself has room for; recipients of the same news share them. */
export async function tellSections(
  db: Kysely<Database>,
  drafts: readonly Draft[],
  settings: ComposeSettings,
  moment: Moment,
): Promise<MailSection[]> {
  const sections: MailSection[] = [];
  const shown = new Set(shownOf(inOrder(drafts)));
  for (const draft of drafts) {
    const { areaId, wanted, versionIds, ...section } = draft;
    if (!shown.has(draft)) {
      sections.push(section);
      continue;
    }
    if (section.lacking !== undefined || section.news.some(({ event }) => event === 'area ended')) {
      sections.push({ ...section, releases: await releasesOfVersions(db, versionIds) });
      continue;
    }
    const options = briefOptions(section, settings.composed);
    const key = JSON.stringify([
      areaId,
      wanted.series,
      wanted.timePeriod,
      wanted.timeIdentifier,
      wanted.slice,
      wanted.release,
      options,
    ]);
    const asked = { ...wanted, neighbours: settings.neighbours, shared: moment.reads };
    const telling = moment.told.get(key) ?? (await tell(db, areaId, asked, options));
    moment.told.set(key, telling);
    const releases = telling.brief === undefined ? await releasesOfVersions(db, versionIds) : [];
    sections.push({ ...section, ...telling, releases });
  }
  return sections;
}

/** The rule's measure first, its line in the chart, and its figure with as many decimals as the line asks for. */
function briefOptions(section: MailSection, composed: boolean): BriefOptions {
  const first = leading(section.news)[0];
  if (first === undefined) return { composed };
  const atLeast = newsPlaces(section.news);
  // A count has no chart: the rate of the same pupils is told and drawn first.
  if (!isRate(first.measure)) {
    const rate = RATES.find((one) => COUNT_OF[one] === first.measure);
    return { composed, atLeast, ...(rate === undefined ? {} : { focus: rate }) };
  }
  const level = first.condition?.kind === 'above' || first.condition?.kind === 'below';
  return {
    focus: first.measure,
    composed,
    atLeast,
    ...(level && first.threshold !== null ? { threshold: Number(first.threshold), places: placesOf(first) } : {}),
  };
}

async function tell(db: Kysely<Database>, areaId: number, wanted: BriefWanted, options: BriefOptions): Promise<Told> {
  const facts = await ifAny(gatherBrief(db, areaId, wanted));
  if (facts === undefined) return { brief: undefined, chart: undefined };
  const brief = composeBrief(facts, options);
  return { brief, chart: brief.chart === undefined ? undefined : await renderChart(brief.chart) };
}

/** An event whose figures are gone (withdrawn, removed) is still told, without a brief. */
async function ifAny<T>(facts: Promise<T>): Promise<T | undefined> {
  try {
    return await facts;
  } catch (error) {
    if (error instanceof NoFiguresError) return undefined;
    throw error;
  }
}
