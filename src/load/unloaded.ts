/** Versions of which nothing could be kept: refused files, and files that give one figure twice. */
import type { Observation } from '../domain/figure.js';
import type { Store } from './database.js';
import { DuplicateKeyError } from './errors.js';
import { keepVerdicts, type KeptVerdict } from './verdicts.js';
import { numberText, type VersionMeta } from './version-meta.js';
import { beginLoad, fileColumns, nextVersionId, numberVersion, placeVersion } from './version-record.js';

type Reread = (() => AsyncIterable<readonly Observation[]>) | undefined;

/** The database's refusal of a second row for one key; undefined for any other error. */
export function asDuplicateKey(error: unknown): DuplicateKeyError | undefined {
  if (!(error instanceof Error) || !('code' in error) || error.code !== '23505') return undefined;
  const where = 'where' in error && typeof error.where === 'string' ? error.where : '';
  const line = /^COPY figure, line (\d+)/.exec(where)?.[1];
  return line === undefined ? undefined : new DuplicateKeyError(Number(line), { cause: error });
}

function keyOf(observation: Observation): string {
  const { area, series, period, schoolType, breakdown, asOf } = observation;
  return JSON.stringify([
    ...[area.level, area.key, series, period.timePeriod, period.timeIdentifier, schoolType],
    ...[breakdown.topic, breakdown.breakdown, asOf],
  ]);
}

/** The two rows, found by reading the file once more: the key is remembered at the second row and looked for before it. */
export async function describeDuplicate(duplicate: DuplicateKeyError, reread: Reread): Promise<string> {
  if (reread === undefined) return duplicate.message;
  let second: Observation | undefined;
  let count = 0;
  for await (const batch of reread()) {
    count += batch.length;
    if (count < duplicate.observation) continue;
    second = batch[batch.length - 1 - (count - duplicate.observation)];
    break;
  }
  if (second === undefined) return duplicate.message;
  const key = keyOf(second);
  for await (const batch of reread())
    for (const first of batch)
      if (first !== second && keyOf(first) === key && first.line !== second.line)
        return (
          `Lines ${Math.min(first.line, second.line)} and ${Math.max(first.line, second.line)} are about the same figure: ` +
          `${second.area.level} ${second.area.name} (${second.area.key}), ${second.period.label}, ${second.schoolType}, ` +
          `${second.breakdown.topic}: ${second.breakdown.breakdown}.`
        );
  return `Line ${second.line} gives two figures for the same key.`;
}

/** The gate of a file that has nothing to watch: no fault of it, and no news. */
export const NOTHING_WATCHED = 'nothing watched';

/**
 * Writes down that a file was refused, and why; nothing of its figures. The same bytes refused again make no second row.
 * @param gate what it was refused by
 * @returns the version's row
 */
export async function recordRefusal(
  store: Store,
  meta: VersionMeta,
  error: Error,
  now: Date = new Date(),
  gate = 'readable',
): Promise<{ versionId: number; version: string }> {
  return recordUnloaded(store, meta, 'refused', [{ gate, verdict: 'quarantine', message: error.message }], now, []);
}

/** Writes a version without figures, in its state and with what was said of it. */
export async function recordUnloaded(
  store: Store,
  meta: VersionMeta,
  state: 'quarantined' | 'refused',
  verdicts: readonly KeptVerdict[],
  loadedAt: Date,
  notes: readonly string[],
): Promise<{ versionId: number; version: string }> {
  return store.db.transaction().execute(async (trx) => {
    await beginLoad(trx, store);
    const place = await placeVersion(trx, meta, loadedAt);
    const known = await trx
      .selectFrom('data_set_version')
      .select(['id', 'major', 'minor', 'patch'])
      .where('data_set_id', '=', place.dataSetId)
      .where('release_id', '=', place.releaseId)
      .where('sha256', '=', meta.sha256)
      .where('state', '=', state)
      .executeTakeFirst();
    const number = known ?? (await numberVersion(trx, place.dataSetId, meta));
    const versionId = known?.id ?? (await nextVersionId(trx));
    if (known === undefined)
      await trx
        .insertInto('data_set_version')
        .values({
          id: versionId,
          ...fileColumns(meta, place, loadedAt),
          ...{ major: number.major, minor: number.minor, patch: number.patch },
          ...{ state, rows: 0, areas: 0, history: '[]', notes: JSON.stringify(notes) },
        })
        .execute();
    await trx.deleteFrom('gate_result').where('version_id', '=', versionId).execute();
    await keepVerdicts(trx, versionId, verdicts);
    return { versionId, version: numberText(number) };
  });
}
