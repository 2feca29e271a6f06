/** What the operator is told after a look around at EES: edges only, one mail each. */
import { openEdges, operatorEdge, type EdgeMails, type OperatorPost } from './alerts/operator.js';
import type { Store } from './load/database.js';
import { heldBackByRuns } from './load/sources.js';
import type { SourceState } from './source-state.js';

export interface NewsOfRun {
  readonly after: SourceState;
  readonly failuresBeforeMail: number;
  readonly now: Date;
}

/** Queues what is new for the operator. Safe to call after every run. */
export async function operatorNews(
  store: Store,
  post: OperatorPost,
  { after, failuresBeforeMail, now }: NewsOfRun,
): Promise<void> {
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
  const edges = await openEdges(store);
  const open = edges.map(({ key }) => key);
  const ways = new Map<string, SourceState['degraded']>();
  for (const each of after.degraded) ways.set(WAY + each.way, [...(ways.get(WAY + each.way) ?? []), each]);
  // What the operator was told of, not what the run before knew: one that was killed may have told nothing.
  for (const key of new Set([...open.filter((each) => each.startsWith(WAY)), ...ways.keys()])) {
    const found = ways.get(key);
    const isEarly = found?.every(({ failures = Infinity }) => failures < failuresBeforeMail) ?? false;
    if (isEarly && !open.includes(key)) continue;
    // What does not answer may do so next time; what is gone will not.
    const mayPass = found?.every(({ kind }) => kind === 'unreachable') ?? false;
    const mails = { ...mailsOfWay(key, found ?? []), after: mayPass ? failuresBeforeMail : 1 };
    await operatorEdge(store, post, key, found === undefined ? 'well' : 'ill', mails, now);
  }
  const told = new Set(edges.filter(({ mailed }) => mailed).map(({ key }) => key));
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
            'Those whom it concerns are then mailed what it brings, marked as a follow-up.',
          ].join('\n'),
        }),
      },
      now,
    );
  }
}

const WAY = 'degraded:';

function mailsOfWay(key: string, found: SourceState['degraded']): EdgeMails {
  const way = key.slice(WAY.length);
  const missing = [...new Set(found.flatMap((each) => each.missing))];
  if (way.startsWith(FILES)) return mailsOfFiles(way, missing, found);
  if (way.startsWith(PUBLICATION)) return mailsOfPublication(way.slice(PUBLICATION.length), missing, found);
  return {
    ill: () => ({
      subject: `absence-watch: a way to EES is gone (${way.replaceAll('…', '...')})`,
      text: [
        ...found.map(({ source, route, reason }) => `${source}: ${route} does not answer as it should: ${reason}`),
        '',
        missing.length === 0
          ? 'The other way does instead; nothing is missing.'
          : `Runs go on by the other way. Missing meanwhile: ${missing.join('; ')}.`,
        '',
        found.every(({ kind }) => kind === 'unreachable')
          ? '"absence-watch doctor" tells a fault of the network or proxy from one of EES.'
          : 'Should it last, look for a new version of absence-watch: undocumented routes of the website change.',
      ].join('\n'),
    }),
    well: () => ({
      subject: 'absence-watch: a way to EES is back',
      text: `${way.charAt(0).toUpperCase()}${way.slice(1)} answers again.`,
    }),
  };
}

const PUBLICATION = 'publication ';

function mailsOfPublication(
  publication: string,
  missing: readonly string[],
  found: SourceState['degraded'],
): EdgeMails {
  return {
    ill: () => ({
      subject: `absence-watch: EES does not list ${publication}`,
      text: [
        ...found.map(({ reason, failures }) => `${reason} (${failures ?? 1} runs in a row).`),
        '',
        `Missing meanwhile: ${missing.join('; ')}. What was loaded stays in use.`,
        '',
        'See under "sources" of the configuration whether the name is right: it is the last part of the address of the publication\'s page.',
      ].join('\n'),
    }),
    well: () => ({
      subject: `absence-watch: EES lists ${publication} again`,
      text: 'It is read as before; what was published meanwhile has been taken up.',
    }),
  };
}

const FILES = 'files of ';

function mailsOfFiles(way: string, missing: readonly string[], found: SourceState['degraded']): EdgeMails {
  const publication = way.slice(FILES.length);
  const files = missing.length === 1 ? '1 file' : `${missing.length} files`;
  return {
    ill: () => ({
      subject: `absence-watch: ${files} of ${publication} cannot be fetched`,
      text: [
        ...found.map(({ reason, failures }) => `${reason}\n\nTried in ${failures ?? 1} runs in a row.`),
        '',
        'Everything else is loaded; every run tries again. The figures known before stay in use.',
        'Should it last, see whether the release can be downloaded from the website in a browser: if not, tell its publishers; if so, look for a new version of absence-watch.',
      ].join('\n'),
    }),
    well: () => ({
      subject: `absence-watch: no file of ${publication} waits to be fetched any more`,
      text: 'The files that could not be fetched have come, or the publisher has replaced them or taken them back.',
    }),
  };
}
