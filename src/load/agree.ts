/** Two data sets of one release that give the same figure: whether they agree. */
import { sql } from 'kysely';
import { MEASURES } from '../domain/measure.js';
import { NAMED, NAMES, SAME_KEY } from './diff.js';
import { keepVerdicts } from './verdicts.js';
import type { Verdict } from './version-meta.js';
import type { Trx, VersionPlace } from './version-record.js';

const GATE = 'data sets agree';
const SAMPLE = 5;

interface Common {
  readonly common: number;
  readonly differ: number;
}

export interface Disagreement {
  readonly area: string;
  readonly period: string;
  readonly school_type: string;
  readonly breakdown: string;
  readonly measure: string;
  /** Decimal text as published. */
  readonly here: string;
  readonly there: string;
  readonly data_set: string;
}

/** Each measure of rows n and o as (name, of n, of o), and the rule of the view: half a unit of the lesser precision. */
const PAIRS = sql`lateral (values ${sql.join(
  MEASURES.map((name) => sql`(${sql.lit(name)}, ${sql.ref(`n.${name}`)}, ${sql.ref(`o.${name}`)})`),
)}) as m (name, here, there)`;
const DIFFER = sql`abs(m.here - m.there) > 0.5 * power(10::numeric, -least(scale(m.here), scale(m.there)))`;

/**
 * Holds the figures of a version against those of the other data sets of its release that are current.
 * @returns undefined where they have no figure in common
 */
export async function agreement(
  trx: Trx,
  versionId: number,
  place: Pick<VersionPlace, 'dataSetId' | 'releaseId'>,
): Promise<Verdict | undefined> {
  const others = await trx
    .selectFrom('data_set_version')
    .select('id')
    .where('release_id', '=', place.releaseId)
    .where('data_set_id', '<>', place.dataSetId)
    .where('is_current', '=', true)
    .execute();
  if (others.length === 0) return undefined;
  const both = sql`figure n join figure o on ${SAME_KEY} and o.version_id in (${sql.join(others.map(({ id }) => id))})`;
  const { rows } = await sql<Common>`
    select count(*)::int as common, (count(*) filter (where ${DIFFER}))::int as differ
    from ${both} cross join ${PAIRS}
    where n.version_id = ${versionId} and m.here is not null and m.there is not null`.execute(trx);
  const { common, differ } = rows[0] ?? { common: 0, differ: 0 };
  if (common === 0) return undefined;
  if (differ === 0)
    return {
      gate: GATE,
      verdict: 'pass',
      message: `${common} ${common === 1 ? 'figure that another data set of the release gives, too, agrees' : 'figures that another data set of the release gives, too, agree'}.`,
    };
  const { rows: first } = await sql<Disagreement>`
    select ${NAMES},
      m.name as measure, m.here::text as here, m.there::text as there, d.title as data_set
    from ${both} cross join ${PAIRS}
    ${NAMED}
    join data_set_version v on v.id = o.version_id
    join data_set d on d.id = v.data_set_id
    where n.version_id = ${versionId} and ${DIFFER}
    order by p.sort desc, a.level, a.name, t.name, b.topic, b.name, m.name
    limit ${SAMPLE}`.execute(trx);
  const example = first[0];
  return {
    gate: GATE,
    verdict: 'warn',
    message:
      `${differ} of ${common} figures that another data set of the release gives, too, ${differ === 1 ? 'is another one' : 'are others'} there` +
      (example === undefined ? '.' : `: ${inWords(example)}${differ > 1 ? ', and more' : ''}.`),
    detail: { count: differ, first },
  };
}

/**
 * Judges again what was told of disagreements within a release: where two data sets are amended one after the other, the
 * first disagrees only until the second is there.
 */
export async function judgeAgain(trx: Trx, releaseId: number): Promise<void> {
  const warned = await trx
    .selectFrom('gate_result as g')
    .innerJoin('data_set_version as v', 'v.id', 'g.version_id')
    .select(['v.id', 'v.data_set_id'])
    .where('v.release_id', '=', releaseId)
    .where('v.is_current', '=', true)
    .where('g.gate', '=', GATE)
    .where('g.verdict', '=', 'warn')
    .execute();
  for (const { id, data_set_id } of warned) {
    const now = await agreement(trx, id, { dataSetId: data_set_id, releaseId });
    await trx.deleteFrom('gate_result').where('version_id', '=', id).where('gate', '=', GATE).execute();
    if (now !== undefined) await keepVerdicts(trx, id, [now]);
  }
}

function inWords({ area, period, school_type, breakdown, measure, here, there, data_set }: Disagreement): string {
  const who = [area, period, school_type, ...(breakdown === 'Total' ? [] : [breakdown])].join(', ');
  return `${who}: ${measure} ${here} here, ${there} in “${data_set}”`;
}
