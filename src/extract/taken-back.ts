/** Whether the bytes that lie on the website are of a version that the official API has taken back. */
import { byVersion } from './wanted.js';

export const DATA_SET_WITHDRAWN = 'the official API has withdrawn its data set';

/** EES promotes a version after its file shows on the website; clocks may differ by less than this. */
const CLOCK_MS = 60_000;

/** Whether a version (of the data set file) was published no earlier than the file was last replaced. */
export function isMadeFrom(versionPublished: string, fileLastUpdated: string): boolean {
  return Date.parse(versionPublished) >= Date.parse(fileLastUpdated) - CLOCK_MS;
}

/** Why a file is not to be taken, in words; undefined where nothing is against it, or a version that stands carries it too. */
export function whyTakenBack(
  versions: readonly {
    readonly version: string;
    readonly status: string;
    readonly published?: string | undefined;
    readonly dataSetFileId: string;
  }[],
  file: { readonly dataSetFileId: string; readonly lastUpdated: string },
): string | undefined {
  const made = versions.filter(
    ({ dataSetFileId, published }) =>
      dataSetFileId === file.dataSetFileId && published !== undefined && isMadeFrom(published, file.lastUpdated),
  );
  if (made.some(({ status }) => status === 'Published')) return undefined;
  const newest = made.toSorted((a, b) => byVersion(a.version, b.version)).at(-1);
  return newest && `the official API has ${newest.status.toLowerCase()} version ${newest.version}, which is this file`;
}
