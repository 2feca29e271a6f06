/** One publication, one name, whichever of its slugs is met: EES renames publications, and figures must not be divided by it. */
import { KNOWN_PUBLICATIONS } from '../domain/series.js';

/** A publication as it is called here, with what it may be met by. */
export interface KnownName {
  /** The name: its first slug. */
  readonly name: string;
  readonly eesId?: string | undefined;
  /** The slug in use now, where known. */
  readonly slug?: string | undefined;
}

/** The publication of this id, or of one of these slugs. */
export function findName(
  known: readonly KnownName[],
  eesId: string | undefined,
  slugs: readonly string[],
): KnownName | undefined {
  return (
    known.find((each) => eesId !== undefined && each.eesId === eesId) ??
    known.find(({ name, slug }) => slugs.includes(name) || (slug !== undefined && slugs.includes(slug)))
  );
}

/**
 * Where a slug leads through all renamings; itself where there was none.
 * @param isThere whether a slug is in use: one renamed back has redirects that go round
 */
export function followRedirects(
  redirects: readonly { fromSlug: string; toSlug: string }[],
  slug: string,
  isThere: (slug: string) => boolean = () => false,
): string {
  const seen = new Set([slug]);
  let at = slug;
  for (let next = to(at); next !== undefined && !seen.has(next); next = to(at)) {
    seen.add(next);
    at = next;
    if (isThere(at)) break;
  }
  return at;

  function to(from: string): string | undefined {
    return redirects.find(({ fromSlug }) => fromSlug === from)?.toSlug;
  }
}

/** Every slug that leads to this one, itself last. */
export function slugsOf(redirects: readonly { fromSlug: string; toSlug: string }[], slug: string): string[] {
  const former = redirects.map(({ fromSlug }) => fromSlug).filter((from) => followRedirects(redirects, from) === slug);
  return [...new Set([...former.filter((from) => from !== slug), slug])];
}

/** The slug among these under which the field knows the publication: its series depend on it. */
export function fieldName(slugs: readonly string[]): string | undefined {
  return slugs.find((slug) => KNOWN_PUBLICATIONS.includes(slug));
}
