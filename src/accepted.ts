/** Versions that gates hold back, accepted by a person with a reason. */
import type { Evaluation } from './alerts/evaluate.js';
import type { FileReport } from './load-file.js';
import { acceptVersion, heldBy } from './load/versions.js';
import { fetchedByRuns, withdrawReplaced } from './load/sources.js';
import { evaluateLeftovers, evaluateLoaded } from './tell.js';
import type { Tools } from './tools.js';

export interface Acceptance {
  readonly gate: string;
  readonly reason: string;
}

/** What was accepted, and what the rules made of that part of it which is told. */
export interface AcceptedHeld {
  readonly files: readonly FileReport[];
  readonly late: Evaluation | undefined;
}

/**
 * Overrides gates of versions that are held back. What a run of the schedule had fetched is compared with the rules by
 * itself, and told as that run would have told it: the gate put it off, and nobody loads history by accepting it. What a
 * backfill had loaded is left to be compared with the rest of the backfill.
 */
export async function acceptHeld(
  tools: Tools,
  runId: number,
  ids: readonly number[],
  gates: readonly Acceptance[],
): Promise<AcceptedHeld> {
  const put = await fetchedByRuns(tools.store, ids);
  if (put.length === 0) return { files: await accepted(tools, ids, gates), late: undefined };
  await evaluateLeftovers(tools, runId, 'quiet');
  const files = await accepted(tools, put, gates);
  const late = files.some(({ outcome }) => outcome === 'loaded') ? await evaluateLoaded(tools, runId) : undefined;
  const others = ids.filter((id) => !put.includes(id));
  return { files: [...files, ...(await accepted(tools, others, gates))], late };
}

/**
 * Overrides gates of versions that are held back; what one was uploaded in the place of goes when it counts. Gates that
 * do not hold one of them are passed over: what holds it is said.
 */
export async function accepted(
  tools: Tools,
  ids: readonly number[],
  gates: readonly Acceptance[],
): Promise<FileReport[]> {
  const reports: FileReport[] = [];
  for (const id of ids) {
    let state = 'quarantined';
    let stillHeldBy: readonly string[] = await heldBy(tools.store.db, id);
    const holding = gates.filter(({ gate }) => stillHeldBy.includes(gate));
    for (const { gate, reason } of holding)
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
      gates: holding.map(({ gate, reason }) => ({ gate, verdict: 'accepted' as const, message: reason })),
      diff: null,
    });
  }
  await withdrawReplaced(tools.store, tools.now());
  return reports;
}
