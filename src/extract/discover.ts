/**
 * Noticing: what is new at EES since last time, by both ways, depending on neither.
 *
 * A quiet poll is two requests: the website's listing of all releases (it moves for new releases and every amendment,
 * also of an old release), and one step of the round of the official API (`takeStep`). What moved costs three requests a
 * release, plus one for each file never seen. Without the listing it is one official request for each publication and the
 * try of the listing; the round goes on a step an hour. A publication that the listing lacks costs its one request more.
 * Display dates, the order of lists, titles, 'latest' marks and stored ids decide nothing.
 */
import type { EesClient } from './client.js';
import { freshPublication, readMemory, type PublicationMemo } from './memory.js';
import { troubleOf } from './errors.js';
import { offersOf, skippedOf, unmatchedOf, type Offer, type Offers, type Unmatched } from './offers.js';
import { findOfficially, lookAtDataSets, noteOfficialTrouble } from './official.js';
import { takeStep } from './round.js';
import {
  bringUpToDate,
  EVERY_SOURCE,
  lesserRoutes,
  noteWay,
  nothingAsked,
  noting,
  standing,
  type Came,
  type Standing,
} from './standing.js';
import type {
  Degraded,
  DiscoverOptions,
  Numbered,
  PublicationNews,
  Reinstated,
  ReleaseNews,
  Skipped,
  Survey,
  Withdrawn,
} from './survey.js';
import { oneMore, unfetchedOf, type Unfetched } from './unfetched.js';
import { sourceKey, type WantedFile, type WatchedSource } from './wanted.js';
import { absentOf, lookAtWebsite, noteWebsiteTrouble, readListing, type Absent, type Listing } from './website.js';

export interface Discovery {
  /** To load, oldest first; offered again at every poll until remembered. */
  readonly files: readonly WantedFile[];
  readonly releases: readonly ReleaseNews[];
  /** Everything passed over in the releases that are followed, not only now. */
  readonly skipped: readonly Skipped[];
  /** What this look around met. */
  readonly degraded: readonly Degraded[];
  /** What is gone, whether it was asked this time or not. */
  standing(): readonly Standing[];
  /** Publications of the configuration that the website does not list. */
  readonly absent: readonly Absent[];
  /** Entries of `data_sets` that name nothing in the releases that are followed, whether anything moved or not. */
  readonly unmatched: readonly Unmatched[];
  readonly publications: readonly PublicationNews[];
  readonly numbered: readonly Numbered[];
  readonly withdrawn: readonly Withdrawn[];
  readonly reinstated: readonly Reinstated[];
  readonly notes: readonly string[];
  /** When each publication says it publishes next: '2026', '2026-08' or '2026-08-13'. */
  readonly next: readonly { readonly publication: string; readonly nextReleaseDate: string | undefined }[];
  readonly nothingNew: boolean;
  /**
   * What to keep for the next poll, as JSON, after these files were dealt with (loaded, quarantined or refused; all calls
   * add up). A file never passed here is offered again.
   * @param etags by file, as downloads gave them
   */
  remember(handled: readonly WantedFile[], etags?: ReadonlyMap<WantedFile, string>): unknown;
  /** Notes that a file could not be fetched: it is offered again at the next poll. `remember` keeps the note. */
  failed(file: WantedFile, reason: string): void;
  /**
   * Notes how a file came: `standing` tells from now on whether the official API hands out files, and whether pinned
   * addresses of the website do.
   */
  fetched(file: WantedFile, got: Came): void;
  /** What is noted so, by this poll or one before, of files that are still to be had. */
  unfetched(): readonly Unfetched[];
}

const DEFAULTS = { thorough: false, apiDeadlineMs: 10 * 60_000, apiPatienceMs: 45_000, known: [] };
const PATIENCE_STEP_MS = 15_000;

/**
 * Looks around once.
 * @param remembered what `remember` gave last time; anything else starts afresh
 * @throws the last error when neither API answered for any source; errors that are no trouble of EES (stopped, budget)
 */
export async function discover(
  client: EesClient,
  sources: readonly WatchedSource[],
  remembered: unknown,
  options: DiscoverOptions = {},
): Promise<Discovery> {
  const memory = readMemory(remembered);
  const asked = nothingAsked();
  const survey: Survey = {
    client: noting(client, asked),
    memory,
    options: { ...DEFAULTS, ...options },
    releases: [],
    publications: [],
    numbered: [],
    withdrawn: [],
    reinstated: [],
    degraded: [],
    notes: [],
    dataSetLists: new Map(),
    versionsAsked: new Set(),
    asked,
  };
  const configured = sources.map((source) => ({ source, publication: publicationOf(survey, source) }));
  const { watched, lost } = await lookByWebsite(survey, once(survey, configured));
  await lookOfficially(
    survey,
    watched.map(({ publication }) => publication),
    lost,
  );
  const offers = await collectOffers(survey, watched);
  bringUpToDate(
    survey,
    watched.map(({ publication }) => publication.name),
  );

  const byKey = new Map(offers.map((offer) => [sourceKey(offer.file.source), offer]));
  const files = offers.map(({ file }) => file);
  return {
    files,
    releases: survey.releases,
    skipped: watched.flatMap(({ publication }) => skippedOf(publication)),
    degraded: survey.degraded,
    standing: () => standing(memory),
    absent: watched.flatMap(({ publication }) => absentOf(publication) ?? []),
    unmatched: watched.flatMap(({ source, publication }) => unmatchedOf(source, publication)),
    publications: survey.publications,
    numbered: survey.numbered,
    withdrawn: survey.withdrawn,
    reinstated: survey.reinstated,
    notes: survey.notes,
    next: watched.map(({ publication }) => ({ publication: publication.name, nextReleaseDate: publication.next })),
    nothingNew: files.length === 0 && survey.releases.length === 0 && survey.withdrawn.length === 0,
    remember(handled, etags) {
      for (const file of handled) byKey.get(sourceKey(file.source))?.handled(etags?.get(file));
      return structuredClone(memory);
    },
    failed(file, reason) {
      byKey.get(sourceKey(file.source))?.failed(reason, new Date(client.now()).toISOString());
    },
    fetched(file, got) {
      noteWay(memory, file, got, new Date(client.now()).toISOString());
    },
    unfetched: () => watched.flatMap(({ publication }) => unfetchedOf(publication) ?? []),
  };
}

interface Watched {
  readonly source: WatchedSource;
  readonly publication: PublicationMemo;
}

function publicationOf({ memory }: Survey, { publication: slug }: WatchedSource): PublicationMemo {
  // After a renaming the configuration may follow: it is still the same publication.
  const renamed = Object.values(memory.publications).find((known) => known.slug === slug);
  if (renamed && !memory.publications[slug]) return renamed;
  return (memory.publications[slug] ??= freshPublication(slug));
}

/**
 * Each publication once, under whichever of its names the configuration has it. What is known of it stays with the name
 * that was looked at, the choice of files is that of its name now.
 */
function once(survey: Survey, configured: readonly Watched[]): Watched[] {
  const { memory, notes } = survey;
  const watched = new Map<string, Watched>();
  for (const { source, publication } of configured) {
    const { slug } = publication;
    const other = watched.get(slug);
    if (other === undefined) {
      watched.set(slug, { source, publication });
      continue;
    }
    const [now, former] = source.publication === slug ? [source, other.source] : [other.source, source];
    notes.push(
      `"${former.publication}" is watched as "${slug}", which is configured too; it can leave the configuration`,
    );
    const kept = publication.seen && !other.publication.seen ? publication : other.publication;
    watched.set(slug, { source: now, publication: kept });
    const doubles = [publication, other.publication].filter((each) => each !== kept);
    memory.publications = Object.fromEntries(
      Object.entries(memory.publications).filter(([, each]) => !doubles.includes(each)),
    );
  }
  return [...watched.values()];
}

/** The website for all sources. @returns what is watched, and of it the publications for which it did not do */
async function lookByWebsite(
  survey: Survey,
  all: readonly Watched[],
): Promise<{ watched: Watched[]; lost: Set<PublicationMemo> }> {
  const lost = new Set<PublicationMemo>();
  let listing: Listing | undefined;
  try {
    listing = await readListing(survey);
  } catch (error) {
    noteWebsiteTrouble(survey, EVERY_SOURCE, error);
  }
  const configured = all.map(({ source }) => source.publication);
  const lookAt = async (publication: PublicationMemo): Promise<void> => {
    try {
      const served =
        listing !== undefined &&
        !survey.asked.down.has('content') &&
        (await lookAtWebsite(survey, publication, listing, configured));
      if (!served) lost.add(publication);
    } catch (error) {
      noteWebsiteTrouble(survey, publication.name, error);
      lost.add(publication);
    }
  };
  // What is not listed first: it may turn out to be another of these, which is then looked at no more.
  const listed = all.filter(({ publication }) => listing?.has(publication.slug) === true);
  for (const each of all) if (!listed.includes(each)) await lookAt(each.publication);
  const watched = once(survey, all);
  for (const { publication } of watched)
    if (listed.some((each) => each.publication === publication)) await lookAt(publication);
  return { watched, lost };
}

/** The official API: the lists of publications that the website does not serve, and one step of its round. */
async function lookOfficially(
  survey: Survey,
  publications: readonly PublicationMemo[],
  lost: ReadonlySet<PublicationMemo>,
): Promise<void> {
  const before = survey.client.spent.requests;
  let answered = publications.length - lost.size;
  let trouble: unknown;
  const attempt = async (source: string, work: () => Promise<void>) => {
    try {
      await work();
      return true;
    } catch (error) {
      noteOfficialTrouble(survey, source, error);
      trouble = error;
      return false;
    }
  };
  if (lost.size > 0 && (await attempt(EVERY_SOURCE, () => findOfficially(survey, [...lost]))))
    for (const publication of lost)
      if (await attempt(publication.name, () => lookAtDataSets(survey, publication, true))) answered += 1;
  // Met in trouble beyond a route that is gone: the one step would be one more try at an API that is probably down.
  if (trouble === undefined || troubleOf(trouble) === 'vanished')
    await attempt(EVERY_SOURCE, () =>
      takeStep(survey, publications, lost, lesserRoutes(survey), survey.client.spent.requests > before),
    );
  // Nothing answered: there is nothing to go on with.
  if (answered === 0 && trouble instanceof Error) throw trouble;
}

/** All files to load; waits a little for versions that are just being made. */
async function collectOffers(survey: Survey, watched: readonly Watched[]): Promise<Offer[]> {
  const { client, options } = survey;
  for (let waited = 0; ; waited += PATIENCE_STEP_MS) {
    const all: Offer[] = [];
    const outOfReach: Offers['outOfReach'][number][] = [];
    let waiting = 0;
    for (const { source, publication } of watched) {
      const found = await offersOf(survey, source, publication);
      all.push(...found.offers);
      outOfReach.push(...found.outOfReach);
      waiting += found.waiting;
    }
    if (waiting === 0 || waited >= options.apiPatienceMs) {
      for (const { memo, reason } of outOfReach)
        memo.failure = oneMore(memo.failure, reason, new Date(client.now()).toISOString());
      if (waiting > 0)
        survey.notes.push(
          `${waiting} ${waiting === 1 ? 'file is' : 'files are'} on the website before the official API has ${waiting === 1 ? 'its' : 'their'} version; next poll`,
        );
      return all.sort((a, b) => a.file.publishedAt.localeCompare(b.file.publishedAt));
    }
    await client.sleep(PATIENCE_STEP_MS);
    survey.versionsAsked.clear();
  }
}
