/**
 * Under which numbers the official API published the bytes of one version. Whoever replaces a file by the same bytes
 * makes a patch of it: the bytes came again under another key (`source.also`), and count while any of their numbers
 * stands. Those taken back are kept in `source.gone`.
 */
import { sql } from 'kysely';
import type { Store } from './database.js';
import { numberText, type VersionNumber } from './version-meta.js';
import { beginLoad, renumbered, type Trx } from './version-record.js';

/** A version of a data set of the official API. */
export interface OfVersion {
  readonly dataSetId: string;
  /** As EES writes it: '1.0', '1.0.1'. */
  readonly version: string;
}

/** @param version as EES writes it */
export function versionNumber(version: string): VersionNumber {
  const [major = 0, minor = 0, patch = 0] = version.replace(/^v/, '').split('.').map(Number);
  return { major, minor, patch };
}

/** Under which key the official API gives a version, as it writes its number. */
export function apiKey(dataSetId: string, { major, minor, patch }: VersionNumber): string {
  return `api/${dataSetId}/${major}.${minor}${patch === 0 ? '' : `.${patch}`}`;
}

/**
 * Notes that one of the numbers of a version was taken back; the version has the newest that stands from then on.
 * @returns whether any stands
 */
export async function takeBackNumber(store: Store, id: number, of: OfVersion): Promise<boolean> {
  return store.db.transaction().execute(async (trx) => {
    await beginLoad(trx, store);
    const place = await readNumbers(trx, id, of.dataSetId);
    const gone = [...new Set([...place.gone, numberText(versionNumber(of.version))])];
    await keepGone(trx, id, of.dataSetId, gone);
    const standing = place.published.filter((each) => !gone.includes(numberText(each)));
    if (standing.some((each) => numberText(each) === numberText(place))) return true;
    standing.sort((a, b) => b.major - a.major || b.minor - a.minor || b.patch - a.patch);
    for (const each of standing)
      // Where a number is another version's, that one is what EES publishes.
      if ((await renumbered(trx, place, place, each)) === each) return true;
    return false;
  });
}

/** Notes that one of the numbers of a version stands again; it becomes the version's own where that one does not stand. */
export async function giveBackNumber(store: Store, id: number, of: OfVersion): Promise<void> {
  await store.db.transaction().execute(async (trx) => {
    await beginLoad(trx, store);
    const place = await readNumbers(trx, id, of.dataSetId);
    const back = versionNumber(of.version);
    const gone = place.gone.filter((each) => each !== numberText(back));
    await keepGone(trx, id, of.dataSetId, gone);
    if (gone.includes(numberText(place))) await renumbered(trx, place, place, back);
  });
}

interface Numbers extends VersionNumber {
  readonly id: number;
  readonly dataSetId: number;
  readonly published: readonly VersionNumber[];
  /** Of those, as text. */
  readonly gone: readonly string[];
}

async function readNumbers(trx: Trx, id: number, apiId: string): Promise<Numbers> {
  const row = await trx
    .selectFrom('data_set_version')
    .select(['id', 'data_set_id', 'major', 'minor', 'patch'])
    .select([
      sql<string | null>`source ->> 'key'`.as('key'),
      sql<string[]>`coalesce(source -> 'also', '[]')`.as('also'),
      sql<string[]>`coalesce(source -> 'gone' -> ${apiId}, '[]')`.as('gone'),
    ])
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  const own = { major: row.major, minor: row.minor, patch: row.patch };
  const prefix = `api/${apiId}/`;
  const published = [row.key ?? '', ...row.also]
    .filter((key) => key.startsWith(prefix))
    .map((key) => versionNumber(key.slice(prefix.length)));
  return {
    ...{ id, dataSetId: row.data_set_id, ...own, gone: row.gone },
    // The API begins with 1.0: below that are those whose number is not known.
    published: own.major === 0 ? published : [own, ...published],
  };
}

async function keepGone(trx: Trx, id: number, apiId: string, gone: readonly string[]): Promise<void> {
  const kept = JSON.stringify({ [apiId]: gone });
  await trx
    .updateTable('data_set_version')
    .set({ source: sql`jsonb_set(source, '{gone}', coalesce(source -> 'gone', '{}') || ${kept}::jsonb)` })
    .where('id', '=', id)
    .execute();
}
