/** Files that left their release: those in whose place another was uploaded, and those that EES took out. */
import { titleWithoutYear } from '../domain/titles.js';
import { HISTORY, releaseName, type FileMemo, type PublicationMemo, type ReleaseMemo } from './memory.js';
import type { Survey } from './survey.js';

/** Two titles that share more of their words than this are one that was edited. */
const NEARLY_THE_SAME = 0.5;

type Left = Pick<FileMemo, 'dataSetFileId' | 'fileId' | 'title'>;

/**
 * Tells files that were uploaded anew, under another id, from those that are gone. The new one remembers in whose place
 * it is: what it replaces counts until it is loaded, and goes with it should it be taken out, too.
 * @param before files of the release as they were; what is known of them is handed on to those of `now`
 * @returns `gone`: whatever is there no more; `takenOut`: that, and all it had replaced, where nothing is in its place
 */
export function handOn(
  before: readonly FileMemo[],
  now: readonly FileMemo[],
): { readonly gone: readonly FileMemo[]; readonly takenOut: readonly Left[] } {
  const lacks = (files: readonly FileMemo[], id: string): boolean =>
    !files.some(({ dataSetFileId }) => dataSetFileId === id);
  for (const file of now) {
    const known = before.find(({ dataSetFileId }) => dataSetFileId === file.dataSetFileId);
    if (known?.replaces !== undefined) file.replaces = known.replaces;
    if (known !== undefined && known.fileId !== file.fileId) handOnNames(known, file);
  }
  const heirs = now.filter(({ dataSetFileId }) => lacks(before, dataSetFileId));
  const gone = before.filter(({ dataSetFileId }) => lacks(now, dataSetFileId));
  const takenOut: Left[] = [];
  const heirOf = new Map<FileMemo, FileMemo>();
  for (const file of gone) {
    const index = heirs.findIndex((each) => isSame(each, file));
    const [heir] = index === -1 ? [] : heirs.splice(index, 1);
    if (heir !== undefined) heirOf.set(file, heir);
  }
  // Titles are edited, too: what is called nearly the same, and the one that came for the one that went.
  const left = gone.filter((file) => !heirOf.has(file) && mayBeLoaded(file));
  const wanted = heirs.filter(mayBeLoaded);
  const pairs = left.flatMap((file) => wanted.map((heir) => ({ file, heir, share: wordsShared(file, heir) })));
  for (const { file, heir, share } of pairs.sort((a, b) => b.share - a.share)) {
    const isFree = left.includes(file) && wanted.includes(heir);
    if (!isFree || (share <= NEARLY_THE_SAME && left.length + wanted.length > 2)) continue;
    heirOf.set(file, heir);
    left.splice(left.indexOf(file), 1);
    wanted.splice(wanted.indexOf(heir), 1);
  }
  for (const file of gone) {
    const all = [...(file.replaces ?? []), nameOf(file)];
    const heir = heirOf.get(file);
    if (heir === undefined) {
      takenOut.push(...all);
      continue;
    }
    // It may be one of them that is there again.
    heir.replaces = all.filter(({ dataSetFileId }) => dataSetFileId !== heir.dataSetFileId);
    handOnNames(file, heir);
  }
  return { gone, takenOut };
}

/** Whether a file may count, or come to: a backfill may have loaded what was there before. */
function mayBeLoaded({ state, reason }: FileMemo): boolean {
  return state !== 'skipped' || reason === HISTORY;
}

/** Chosen, or left out, by what it was called then, a file stays so whatever its title is now. */
function handOnNames(from: FileMemo, to: FileMemo): void {
  const names = [...(from.formerly ?? []), ...namesOf(from)].filter((name) => !namesOf(to).includes(name));
  if (names.length > 0) to.formerly = [...new Set(names)];
}

function namesOf({ title, fileName, dataSetFileId, apiId }: FileMemo): string[] {
  return [title, fileName, dataSetFileId, ...(apiId === undefined ? [] : [apiId])];
}

/** Whether two files of one release are called the same, by EES's id or by title, whatever others come and go. */
function isSame(a: FileMemo, b: FileMemo): boolean {
  return (a.apiId !== undefined && a.apiId === b.apiId) || titleWithoutYear(a.title) === titleWithoutYear(b.title);
}

/** Share of the words of two titles that both have, from 0 to 1. */
function wordsShared(a: FileMemo, b: FileMemo): number {
  const [one, other] = [a, b].map(({ title }) => new Set(titleWithoutYear(title).split(' ')));
  const both = [...(one ?? [])].filter((word) => other?.has(word) === true).length;
  return both / ((one?.size ?? 0) + (other?.size ?? 0) - both);
}

function nameOf({ dataSetFileId, fileId, title }: FileMemo): Left {
  return { dataSetFileId, fileId, title };
}

/** Notes that a file was taken out of its release. */
export function noteTakenOut(
  survey: Survey,
  publication: PublicationMemo,
  slug: string,
  release: Pick<ReleaseMemo, 'title' | 'lastUpdated'>,
  { title, dataSetFileId, fileId }: Left,
): void {
  survey.withdrawn.push({
    publication: publication.name,
    title,
    release: release.title ?? slug,
    status: 'removed from its release',
    what: { kind: 'release file', release: releaseName(publication, slug), dataSetFileId, fileId },
    at: release.lastUpdated,
  });
}
