/** What the operator is told after a look around at EES: edges only, one mail each. */
import { openEdges, operatorEdge, type OperatorPost } from './alerts/operator.js';
import type { Store } from './load/database.js';
import { heldBackByRuns } from './load/sources.js';
import type { SourceState } from './source-state.js';

export interface NewsOfRun {
  readonly before: SourceState;
  readonly after: SourceState;
  readonly now: Date;
}

/** Queues what is new for the operator. Safe to call after every run. */
export async function operatorNews(store: Store, post: OperatorPost, { before, after, now }: NewsOfRun): Promise<void> {
  await operatorEdge(
    store,
    post,
    'outage',
    'well',
    {
      ill: () => ({ subject: '', text: '' }),
      well: ({ since }) => ({
        subject: 'absence-watch: EES answers again',
        text: `The outage since ${since.toISOString().slice(0, 16)}Z is over. What was published meanwhile has been taken up.`,
      }),
    },
    now,
  );
  const degraded = new Map(after.degraded.map((each) => [degradedKey(each), each]));
  for (const key of new Set([...before.degraded.map(degradedKey), ...degraded.keys()])) {
    const found = degraded.get(key);
    await operatorEdge(
      store,
      post,
      key,
      found === undefined ? 'well' : 'ill',
      {
        ill: () => ({
          subject: `absence-watch: a way to EES is gone (${found?.source ?? ''})`,
          text: [
            `${found?.route ?? ''} does not answer as it should: ${found?.reason ?? ''}`,
            '',
            found === undefined || found.missing.length === 0
              ? 'The other way does instead; nothing is missing.'
              : `Runs go on by the other way. Missing meanwhile: ${found.missing.join('; ')}.`,
            '',
            'Should it last, look for a new version of absence-watch: undocumented routes of the website change.',
          ].join('\n'),
        }),
        well: () => ({
          subject: 'absence-watch: a way to EES is back',
          text: `${key.replace(/^degraded:/, '')} answers again.`,
        }),
      },
      now,
    );
  }
  const told = new Set((await openEdges(store)).map(({ key }) => key));
  // Asked of the database, not of the run: one that died may have held something back and said nothing.
  for (const { versionId, publication, release, dataSet, fileName, reason } of await heldBackByRuns(store)) {
    const key = `quarantine:${versionId}`;
    if (told.has(key)) continue;
    await operatorEdge(
      store,
      post,
      key,
      'ill',
      {
        ill: () => ({
          subject: `absence-watch: held back: ${dataSet}, ${release}`,
          text: [
            `${fileName} (${publication}, ${release}) was not made current:`,
            '',
            reason,
            '',
            'The figures known before stay in use. "absence-watch status" shows the details. If the file is right after all:',
            `  absence-watch backfill --publication ${publication} --data-set ${versionId} --accept GATE --reason "why"`,
          ].join('\n'),
        }),
      },
      now,
    );
  }
}

function degradedKey({ source, route }: SourceState['degraded'][number]): string {
  return `degraded:${source}:${route}`;
}
