/** The website's way: what moved, and what is new in it. */
import { createHash } from 'node:crypto';
import * as answers from './answers.js';
import { EesRefusedError, troubleOf } from './errors.js';
import { freshRelease, releaseName, renameRelease, type PublicationMemo } from './memory.js';
import { fieldName, findName, followRedirects, slugsOf } from './names.js';
import { degrade, MISSING_WITHOUT_WEBSITE, type Survey } from './survey.js';
import { lookAtRelease, news } from './release.js';

/** ms after which a publication that is neither listed nor redirected is looked for again. */
const SOUGHT_AGAIN_MS = 3_600_000;

interface Listed {
  /** When something of the publication itself was changed: its name, its next date, the order of its releases. */
  readonly touched: string | undefined;
  /** Its releases with the true time of their newest version. */
  readonly releases: ReadonlyMap<string, string>;
}

/** By publication. */
export type Listing = ReadonlyMap<string, Listed>;

/** The one poll: moves for new releases and amendments alike. Superseded publications are not in it. */
export async function readListing(survey: Survey): Promise<Listing> {
  const items = await survey.client.get('content', '/publications/sitemap-items', answers.sitemap);
  return new Map(
    items.map(({ slug, lastModified: touched, releases }) => [
      slug,
      { touched, releases: new Map(releases.map((release) => [release.slug, release.lastModified])) },
    ]),
  );
}

/**
 * Looks at the releases of one publication that moved since last time and notes their files.
 * @returns whether the website serves the publication, itself or through one that is watched in its place
 * @throws whatever a route throws: a release that was not understood stays unread and is looked at again next time
 */
export async function lookAtWebsite(
  survey: Survey,
  publication: PublicationMemo,
  listing: Listing,
  configured: readonly string[],
): Promise<boolean> {
  const listed = await findListed(survey, publication, listing, configured);
  if (!listed) return publication.absent?.served ?? false;
  const { touched, releases } = listed;
  delete publication.absent;
  await forgetMissing(survey, publication, releases);
  const firstLook = !publication.seen;
  const follow = firstLook ? newestOfEachCadence([...releases.keys()]) : [];
  const moved: string[] = [];
  for (const [slug, lastModified] of releases) {
    const known = publication.releases[slug];
    if (firstLook && !follow.includes(slug)) publication.releases[slug] ??= freshRelease(lastModified);
    else if (known?.lastModified !== lastModified) moved.push(slug);
  }
  if (moved.length > 0) {
    await readPublication(survey, publication);
    if (firstLook) await settleName(survey, publication);
    // Oldest first, so that news comes in the order in which it happened.
    moved.sort((a, b) => (releases.get(a) ?? '').localeCompare(releases.get(b) ?? ''));
    let trouble: Error | undefined;
    for (const slug of moved)
      try {
        await lookAtRelease(survey, publication, slug, releases.get(slug) ?? '', firstLook);
      } catch (error) {
        // One release that cannot be understood does not hide the others.
        if (!(error instanceof Error) || troubleOf(error) === undefined || survey.asked.down.has('content'))
          throw error;
        trouble ??= error;
      }
    if (trouble) throw trouble;
  } else if (touched !== undefined && publication.touched !== touched) {
    await readPublication(survey, publication);
  }
  publication.touched = touched;
  if (firstLook)
    await noteHistory(
      survey,
      publication,
      releases.size,
      [...releases.keys()].filter((slug) => !follow.includes(slug)),
    );
  publication.seen = true;
  return true;
}

/** Says what is not watched and was not loaded by a backfill either. @param older slugs of the releases that are not watched */
async function noteHistory(
  { notes, options }: Survey,
  { name, slug }: PublicationMemo,
  all: number,
  older: readonly string[],
): Promise<void> {
  let left = 0;
  for (const release of older) if ((await options.isLoadedRelease?.(name, release)) !== true) left += 1;
  if (left === 0) return;
  notes.push(
    `"${slug}" is new here: the newest release of each kind is watched, ${left} of its ${all} releases ${left === 1 ? 'is' : 'are'} history that is not loaded; ` +
      `to load it: absence-watch backfill --publication ${slug} (first with --dry-run)`,
  );
}

/** Finds the publication in the listing, under another name if it was renamed, or its successor. */
async function findListed(
  survey: Survey,
  publication: PublicationMemo,
  listing: Listing,
  configured: readonly string[],
): Promise<Listed | undefined> {
  const listed = listing.get(publication.slug);
  if (listed) return listed;
  const { client, notes } = survey;
  const before = publication.absent;
  const looksLike = createHash('sha256')
    .update([...listing.keys()].sort().join('\n'))
    .digest('hex')
    .slice(0, 16);
  // A redirect may come after the name it leads to: looked for again by the next poll, then once an hour.
  const isSought =
    before?.listing !== looksLike ||
    (!before.served &&
      ((publication.seen && before.polls < 2) ||
        !(Math.abs(client.now() - Date.parse(before.soughtAt)) < SOUGHT_AGAIN_MS)));
  const absent = (note: string, served: boolean): undefined => {
    const now = new Date(client.now()).toISOString();
    const { since = now, polls = 0 } = before ?? {};
    const soughtAt = isSought ? now : before.soughtAt;
    publication.absent = { listing: looksLike, note, served, since, polls: polls + 1, soughtAt };
    notes.push(note);
  };
  if (before && !isSought) {
    absent(before.note, before.served);
    return;
  }
  const { publicationRedirects } = await client.get('content', '/redirects', answers.redirects);
  const renamed = followRedirects(publicationRedirects, publication.slug, (slug) => listing.has(slug));
  if (renamed !== publication.slug) {
    const { publications } = survey.memory;
    // With nothing known of it yet, it goes on here with what is known under the old name.
    const isKnown = Object.values(publications).some((each) => each.slug === renamed && each.seen);
    if (isKnown && configured.includes(renamed)) {
      absent(
        `"${publication.slug}" is called "${renamed}" at EES now, which is watched; it can leave the configuration`,
        true,
      );
      return;
    }
    notes.push(`"${publication.slug}" is called "${renamed}" at EES now; the configuration may say so too`);
    survey.publications.push({ publication: publication.slug, what: 'renamed', now: renamed });
    publication.slug = renamed;
    const found = listing.get(renamed);
    if (found) return found;
  }
  const path = `/publications/${encodeURIComponent(publication.slug)}`;
  const detail = await client.get('content', path, answers.publicationDetail).catch((error: unknown) => {
    if (error instanceof EesRefusedError && error.status === 404) return undefined;
    throw error;
  });
  const successor = detail?.supersededByPublication?.slug;
  if (successor === undefined) {
    absent(`"${publication.slug}" is not among the publications of the website`, false);
    return;
  }
  if (configured.includes(successor)) {
    if (before === undefined)
      survey.publications.push({ publication: publication.slug, what: 'superseded', now: successor });
    absent(
      `"${publication.slug}" was superseded by "${successor}", which is watched; it can leave the configuration`,
      true,
    );
    return;
  }
  notes.push(`"${publication.slug}" was superseded by "${successor}", which is watched in its place`);
  survey.publications.push({ publication: publication.slug, what: 'superseded', now: successor });
  Object.assign(publication, {
    slug: successor,
    name: successor,
    eesId: undefined,
    releases: {},
    vanished: {},
    releaseNames: {},
    dataSets: {},
    seen: false,
  });
  return listing.get(successor);
}

/** A configured publication that the website does not list, and nothing in its place; undefined where all is well. */
export function absentOf({ name, absent, eesId, seen }: PublicationMemo): Absent | undefined {
  if (absent === undefined || absent.served) return undefined;
  const everywhere = eesId === undefined;
  return {
    source: name,
    reason: everywhere ? `${absent.note}, and not in the official API` : absent.note,
    missing: everywhere ? ['everything of this publication'] : MISSING_WITHOUT_WEBSITE,
    since: absent.since,
    failures: seen || !everywhere ? absent.polls : 0,
  };
}

export interface Absent {
  readonly source: string;
  readonly reason: string;
  readonly missing: readonly string[];
  /** ISO time of the first poll that missed it. */
  readonly since: string;
  /** Polls in a row; 0 where it was never there: whoever configured it may be ahead of EES, and sees it in status. */
  readonly failures: number;
}

/** Releases that were followed and are listed no longer: renamed, or gone. */
async function forgetMissing(
  survey: Survey,
  publication: PublicationMemo,
  listed: ReadonlyMap<string, string>,
): Promise<void> {
  for (const slug of listed.keys()) delete publication.releases[slug]?.gone;
  findByTime(publication, listed);
  const missing = Object.keys(publication.releases).filter(
    (slug) => !listed.has(slug) && publication.releases[slug]?.gone !== true,
  );
  if (missing.length === 0) return;
  const { releaseRedirectsByPublicationSlug } = await survey.client.get('content', '/redirects', answers.redirects);
  const redirects = releaseRedirectsByPublicationSlug[publication.slug] ?? [];
  for (const slug of missing) {
    const release = publication.releases[slug];
    if (!release) continue;
    const renamed = followRedirects(redirects, slug, (each) => listed.has(each));
    const found = renamed !== slug && listed.has(renamed);
    if (!release.followed && !found) {
      // Listed again, it is still no new release with all of its history.
      release.gone = true;
      if ((await survey.options.isLoadedRelease?.(publication.name, releaseName(publication, slug))) === true)
        survey.releases.push(news(publication, slug, release, 'gone'));
      continue;
    }
    publication.releases = without(publication.releases, slug);
    if (found) {
      publication.releases[renamed] ??= release;
      renameRelease(publication, slug, renamed);
    } else publication.vanished[slug] = release;
    if (release.followed)
      survey.releases.push(news(publication, found ? renamed : slug, release, found ? 'renamed' : 'gone'));
  }
}

/**
 * A release that is only watched has no id here. What tells it under another slug, before there is a redirect, is the
 * time of its newest version: a new name leaves it as it is.
 */
function findByTime(publication: PublicationMemo, listed: ReadonlyMap<string, string>): void {
  for (const [slug, release] of Object.entries(publication.releases)) {
    if (release.followed || listed.has(slug)) continue;
    const [renamed, ...others] = [...listed.keys()].filter(
      (each) => publication.releases[each] === undefined && listed.get(each) === release.lastModified,
    );
    if (renamed === undefined || others.length > 0) continue;
    publication.releases = without(publication.releases, slug);
    delete release.gone;
    publication.releases[renamed] = release;
    renameRelease(publication, slug, renamed);
  }
}

/**
 * What to follow when a publication is met for the first time: the newest release of each cadence (full year, each term,
 * weeks), told by the slug that EES makes from its time period; old one-off releases are history, for backfill. Later
 * every release that moves is followed, whatever its name.
 */
export function newestOfEachCadence(slugs: readonly string[]): string[] {
  const newest = new Map<string, { slug: string; numbers: number[] }>();
  for (const slug of slugs) {
    const numbers = (slug.match(/\d+/g) ?? []).map(Number);
    const cadence = slug.replace(/\d+/g, '');
    const best = newest.get(cadence);
    if (!best || compareNumbers(numbers, best.numbers) > 0) newest.set(cadence, { slug, numbers });
  }
  const years = [...newest.values()].map(({ numbers }) => numbers[0] ?? 0);
  return [...newest.values()]
    .filter(({ numbers }) => (numbers[0] ?? 0) >= Math.max(...years) - RECENT_YEARS)
    .map(({ slug }) => slug);
}

const RECENT_YEARS = 2;

function compareNumbers(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((number, index) => number !== b[index]);
  return at === -1 ? a.length - b.length : (a[at] ?? 0) - (b[at] ?? -1);
}

/** Title, id, the date of the next release, which one is the latest; asked with every movement, so it costs nothing while all is quiet. */
async function readPublication(survey: Survey, publication: PublicationMemo): Promise<void> {
  const detail = await survey.client.get(
    'content',
    `/publications/${encodeURIComponent(publication.slug)}`,
    answers.publicationDetail,
  );
  publication.title = detail.title;
  publication.eesId = detail.id;
  publication.next = detail.nextReleaseDate && nextDate(detail.nextReleaseDate);
  const before = publication.latestRelease;
  publication.latestRelease = detail.latestRelease?.slug;
  const former = before === undefined ? undefined : publication.releases[before];
  if (before !== undefined && former && before !== publication.latestRelease)
    survey.releases.push(news(publication, before, former, 'no longer latest'));
}

/** Before anything of it is loaded: figures loaded under another of its slugs, or known under one, are of the same publication. */
async function settleName(survey: Survey, publication: PublicationMemo): Promise<void> {
  const { known } = survey.options;
  const found = findName(known, publication.eesId, [publication.slug]);
  if (found) publication.name = found.name;
  if (found || fieldName([publication.slug]) !== undefined) return;
  try {
    const { publicationRedirects } = await survey.client.get('content', '/redirects', answers.redirects);
    const slugs = slugsOf(publicationRedirects, publication.slug);
    publication.name = findName(known, undefined, slugs)?.name ?? fieldName(slugs) ?? publication.name;
  } catch (error) {
    degrade(survey, error, {
      source: publication.name,
      api: 'content',
      route: 'redirects',
      missing: ['former names of the publication'],
      costsNoFigure: true,
    });
  }
}

/** '2026', '2026-08' or '2026-08-13': EES tells no more than it knows. */
function nextDate({
  year,
  month,
  day,
}: {
  year: number;
  month?: number | undefined;
  day?: number | undefined;
}): string {
  return [year, month, month === undefined ? undefined : day]
    .flatMap((part) => (part === undefined ? [] : [String(part).padStart(2, '0')]))
    .join('-');
}

/** Says which route of the website failed, without its ids. */
export function noteWebsiteTrouble(survey: Survey, source: string, error: unknown): void {
  const url = error instanceof Error && 'url' in error && typeof error.url === 'string' ? error.url : '';
  degrade(survey, error, { source, api: 'content', route: routeOf(url), missing: MISSING_WITHOUT_WEBSITE });
}

function routeOf(url: string): string {
  const last = /\/(sitemap-items|redirects|version-summary|data-content|updates|data-set-files)(?:[?/]|$)/.exec(
    url,
  )?.[1];
  if (last === undefined) return 'publications/…';
  // As it is called where the catalogue does in its place.
  if (last === 'data-content') return 'releases/…/data-content';
  return last === 'sitemap-items' ? 'publications/sitemap-items' : last;
}

function without<T>(record: Readonly<Record<string, T>>, key: string): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => name !== key));
}
