/** Versions that gates hold back, accepted by a person with a reason. */
import type { FileReport } from './load-file.js';
import { acceptVersion } from './load/versions.js';
import type { Tools } from './tools.js';

export interface Acceptance {
  readonly gate: string;
  readonly reason: string;
}

/** Overrides gates of versions that are held back. */
export async function accepted(
  tools: Tools,
  ids: readonly number[],
  gates: readonly Acceptance[],
): Promise<FileReport[]> {
  const reports: FileReport[] = [];
  for (const id of ids) {
    let state = 'quarantined';
    let stillHeldBy: readonly string[] = [];
    for (const { gate, reason } of gates)
      ({ state, stillHeldBy } = await acceptVersion(tools.store, id, gate, reason, tools.now()));
    const row = await tools.store.db
      .selectFrom('data_set_version as v')
      .innerJoin('data_set as d', 'd.id', 'v.data_set_id')
      .innerJoin('release as r', 'r.id', 'v.release_id')
      .select([
        'd.publication',
        'd.title as data_set',
        'r.title as release',
        'v.file_name',
        'v.rows',
        'v.major',
        'v.minor',
        'v.patch',
      ])
      .where('v.id', '=', id)
      .executeTakeFirstOrThrow();
    reports.push({
      publication: row.publication,
      release: row.release,
      data_set: row.data_set,
      file: row.file_name,
      outcome: state === 'loaded' ? 'loaded' : 'quarantined',
      version: `${row.major}.${row.minor}.${row.patch}`,
      version_id: id,
      rows: row.rows,
      reason: stillHeldBy.length === 0 ? null : `still held back by: ${stillHeldBy.join(', ')}`,
      notes: [],
      gates: gates.map(({ gate, reason }) => ({ gate, verdict: 'accepted' as const, message: reason })),
      diff: null,
    });
  }
  return reports;
}
