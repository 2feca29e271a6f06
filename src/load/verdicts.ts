/** What the gates said of a version, as it is kept. */
import type { Verdict, VersionMeta } from './version-meta.js';
import type { Trx } from './version-record.js';

/** A verdict as it was kept: a quarantine may have been accepted. */
export interface KeptVerdict extends Omit<Verdict, 'verdict'> {
  readonly verdict: Verdict['verdict'] | 'accepted';
}

/** Verdicts with what was accepted beforehand. */
export function judged(verdicts: readonly Verdict[], meta: VersionMeta): KeptVerdict[] {
  const accepted = new Set(meta.accept?.map(({ gate }) => gate));
  return verdicts.map((each) =>
    each.verdict === 'quarantine' && accepted.has(each.gate) ? { ...each, verdict: 'accepted' as const } : each,
  );
}

/** Entries of a version's history for what was accepted. */
export function acceptances(verdicts: readonly KeptVerdict[], meta: VersionMeta, at: Date) {
  return verdicts.flatMap(({ gate, verdict }) =>
    verdict === 'accepted'
      ? [
          {
            at: at.toISOString(),
            what: `accepted ${gate}`,
            reason: meta.accept?.find((each) => each.gate === gate)?.reason ?? '',
          },
        ]
      : [],
  );
}

const SEVERITY = ['pass', 'warn', 'accepted', 'quarantine'] as const;

/** One row a gate: what it says twice is joined, the graver verdict counts. */
export async function keepVerdicts(trx: Trx, versionId: number, verdicts: readonly KeptVerdict[]): Promise<void> {
  const byGate = new Map<string, KeptVerdict>();
  for (const each of verdicts) {
    const other = byGate.get(each.gate);
    if (other === undefined) byGate.set(each.gate, each);
    else {
      const [lesser, graver] = [other, each].sort((a, b) => SEVERITY.indexOf(a.verdict) - SEVERITY.indexOf(b.verdict));
      if (lesser !== undefined && graver !== undefined)
        byGate.set(each.gate, { ...graver, message: `${graver.message} ${lesser.message}` });
    }
  }
  if (byGate.size === 0) return;
  await trx
    .insertInto('gate_result')
    .values(
      [...byGate.values()].map(({ gate, verdict, message, detail }) => ({
        version_id: versionId,
        gate,
        verdict,
        message,
        detail: detail === undefined ? null : JSON.stringify(detail),
      })),
    )
    .execute();
}
