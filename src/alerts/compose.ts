/** What is owed becomes mails: one for each recipient, written into the queue together with the note that it is done. */
import { sql, type Kysely } from 'kysely';
import { parseMailbox, type Mailbox } from '../config/words.js';
import { isRate } from '../domain/measure.js';
import type { Rule } from '../domain/rule.js';
import type { Store } from '../load/database.js';
import { retrying } from '../load/retry.js';
import type { Database } from '../load/schema.js';
import type { ReleaseFacts } from './brief-model.js';
import {
  addressesDue,
  readNews,
  releasesOfVersions,
  silencedIn,
  takeOwed,
  versionNames,
  type Owed,
  type RecordedNews,
} from './compose-read.js';
import { readDelivery } from './delivery-state.js';
import { drawTogether, type DrawnTogether } from './draw-together.js';
import { buildRaw, messageIdOf, renderMail } from './mail.js';
import type { MailModel, MailSection } from './mail-model.js';
import { placesInPrint } from './mail-news.js';
import { withOnePrecision } from './mail-precision.js';
import {
  briefDraft,
  lackingDraft,
  newMoment,
  newsDrafts,
  openAlerts,
  tellSections,
  tellsTheSame,
  type Moment,
  type SectionSettings,
} from './mail-sections.js';
import { takeUntriedApart } from './queue.js';
import { restated } from './restated.js';
import { threadOf, wasHeldBack, wasTold } from './told-before.js';

export interface ComposeSettings extends SectionSettings {
  readonly now: Date;
  /** Sender, with or without a name. */
  readonly from: string;
  readonly replyTo: string | undefined;
  /** Whom to ask about the lines. */
  readonly owner: string | undefined;
  readonly rules: readonly Rule[];
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
  if ((await readDelivery({ db: trx })).hold === undefined) await takeUntriedApart(trx, { address });
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

/** The events among what is owed, drawn together and as they stand; those that come to nothing are owed no longer. */
async function newsOf(
  trx: Kysely<Database>,
  address: string,
  taken: readonly Owed[],
  rules: readonly Rule[],
): Promise<{ readonly owed: readonly Owed[]; readonly recorded: readonly RecordedNews[] }> {
  const alertIds = taken.map(({ alertId }) => alertId).filter((id) => id !== null);
  const drawn = await drawTogether(trx, address, await readNews(trx, { alertIds }, rules));
  await countFromLastTold(trx, drawn.uncounted);
  const now = await restated(trx, drawn.recorded);
  const isVoid = ({ alertId }: Owed): boolean =>
    alertId !== null && (drawn.cameBack.has(alertId) || now.cameBack.has(alertId));
  const gone = taken.filter(isVoid).map(({ id }) => id);
  if (gone.length > 0) await trx.deleteFrom('notification').where('id', 'in', gone).execute();
  return { owed: taken.filter((each) => !isVoid(each)), recorded: now.recorded };
}

/** What gets worse is counted from what was last mailed: not from a figure that came to nothing, unless another was mailed it. */
async function countFromLastTold(trx: Kysely<Database>, uncounted: DrawnTogether['uncounted']): Promise<void> {
  for (const { alertIds, compared } of uncounted)
    await sql`
      update alert_state s set mailed = ${compared}::numeric
      from alert e
      where e.id = ${alertIds.at(-1) ?? null} and s.rule = e.rule and s.area_id = e.area_id and s.series_id = e.series_id
        and s.school_type_id = e.school_type_id and s.breakdown_id = e.breakdown_id and s.in_breach
        and not exists (
          select 1 from notification n where n.alert_id = any(${[...alertIds]}::bigint[]) and n.mail_id is not null)`.execute(
      trx,
    );
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
