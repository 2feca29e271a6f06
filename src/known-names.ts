/** The publications that are known here: what was loaded, and what runs remember of EES. */
import { readMemory, releaseName } from './extract/memory.js';
import { fieldName, findName, type KnownName } from './extract/names.js';
import type { Store } from './load/database.js';
import { getSourceState } from './load/runs.js';
import { readSourceState, SOURCE } from './source-state.js';

/** Names for `findName`, those to be preferred first. */
export async function knownNames(store: Store): Promise<KnownName[]> {
  const rows = await store.db.selectFrom('publication').select(['slug', 'ees_id']).orderBy('slug').execute();
  const loaded = rows.map(({ slug, ees_id }): KnownName => ({ name: slug, eesId: ees_id ?? undefined }));
  const { memory } = readSourceState(await getSourceState(store, SOURCE));
  const remembered = Object.values(readMemory(memory).publications).map(({ name, eesId, slug }) => ({
    name,
    eesId,
    slug,
  }));
  const isOfTheField = ({ name }: KnownName): boolean => fieldName([name]) !== undefined;
  return [...loaded, ...remembered].toSorted((a, b) => Number(isOfTheField(b)) - Number(isOfTheField(a)));
}

/** The same request under the name by which its publication is known here. */
export async function underKnownName<T extends { readonly publication: string }>(store: Store, request: T): Promise<T> {
  const found = findName(await knownNames(store), undefined, [request.publication]);
  return { ...request, publication: found?.name ?? request.publication };
}

/** The same files, each under the slug by which its release is known here. */
export async function underKnownReleases<
  T extends { readonly publication: { readonly slug: string }; readonly release: { readonly slug: string } },
>(store: Store, files: readonly T[]): Promise<T[]> {
  const { memory } = readSourceState(await getSourceState(store, SOURCE));
  const publications = Object.values(readMemory(memory).publications);
  return files.map((file) => {
    const publication = publications.find(({ name }) => name === file.publication.slug);
    if (publication === undefined) return file;
    return { ...file, release: { ...file.release, slug: releaseName(publication, file.release.slug) } };
  });
}
