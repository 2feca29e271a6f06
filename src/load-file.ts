/** One file, from its bytes to a loaded version: read, recognised, normalised, judged, written. */
import type { Readable } from 'node:stream';
import type { Observation } from './domain/figure.js';
import type { Store } from './load/database.js';
import { retrying } from './load/retry.js';
import {
  lastReleases,
  loadVersion,
  NOTHING_WATCHED,
  recordRefusal,
  underKnownRelease,
  type KeptVerdict,
  type VersionMeta,
} from './load/versions.js';
import type { VersionDiff } from './load/diff.js';
import { openCsv } from './transform/csv.js';
import { NotOursError, TransformError } from './transform/error.js';
import { createGates, type Gates, type LastRelease } from './transform/gates.js';
import { createNormaliser } from './transform/normalise.js';

export interface FileToLoad {
  /** All that is known of the version; columns are read from the file. */
  readonly meta: Omit<VersionMeta, 'dataSet'> & { readonly dataSet: Omit<VersionMeta['dataSet'], 'columns'> };
  /** The plain bytes, as often as asked for. */
  open(): Readable;
  /** Contents of the metadata file, where there is one. */
  readonly metaText?: string | undefined;
  readonly schoolType?: string | undefined;
  /** What was noted of the bytes while they were fetched, told with what is noted while they are read. */
  readonly notes?: readonly string[] | undefined;
}

export interface FileReport {
  readonly publication: string;
  readonly release: string;
  readonly data_set: string;
  readonly file: string;
  /**
   * loaded; quarantined: written, and held back by a gate; refused: not understood, or nothing of it is watched; unchanged:
   * the same bytes are there; failed: could not be fetched or written, and is tried again.
   */
  readonly outcome: 'loaded' | 'quarantined' | 'refused' | 'unchanged' | 'failed';
  readonly version: string | null;
  readonly version_id: number | null;
  readonly rows: number;
  readonly reason: string | null;
  readonly gates: readonly KeptVerdict[];
  /** What was noted while it was fetched and read: another number of rows than EES counts, its encoding, columns that are not read, rows left out. */
  readonly notes: readonly string[];
  readonly diff: VersionDiff | null;
}

export interface LoadTools {
  readonly store: Store;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  /** Rows of the file written so far. */
  readonly onRows?: ((rows: number) => void) | undefined;
  /** Reads and judges, writes nothing. */
  readonly dryRun?: boolean | undefined;
}

/**
 * Loads one file. What cannot be understood is refused, with a record; nothing of it is loaded.
 * @throws what reading the bytes or the database throws: the file may be tried again
 */
export async function loadFile(tools: LoadTools, file: FileToLoad): Promise<FileReport> {
  const { store, now, signal } = tools;
  const named = {
    publication: file.meta.publication.slug,
    release: file.meta.release.title,
    data_set: file.meta.dataSet.title,
    file: file.meta.fileName,
  };
  let columns: readonly string[] = [];
  try {
    const load = async (): Promise<FileReport> => {
      const reading = await readObservations(file, now());
      const notes = (): string[] => [...(file.notes ?? []), ...reading.notes()];
      columns = reading.header;
      const meta = await underKnownRelease(store.db, { ...file.meta, dataSet: { ...file.meta.dataSet, columns } });
      const gates = gatesFor(reading, await lastReleases(store, meta), meta.dataSet.local === true);
      if (tools.dryRun === true) {
        let rows = 0;
        for await (const batch of reading.observations) {
          signal.throwIfAborted();
          gates.observe(batch);
          rows += batch.length;
        }
        const verdicts = gates.verdicts().filter(({ verdict }) => verdict !== 'pass');
        const held = verdicts.some(({ verdict }) => verdict === 'quarantine');
        return {
          ...named,
          outcome: held ? 'quarantined' : 'loaded',
          version: null,
          version_id: null,
          rows,
          reason: held ? whyHeld(verdicts) : null,
          gates: verdicts,
          notes: notes(),
          diff: null,
        };
      }
      const outcome = await loadVersion(store, meta, reading.observations, gates, {
        notes,
        reread: () => again(file, now()),
        signal,
        now,
        ...(tools.onRows === undefined ? {} : { onRows: tools.onRows }),
      });
      if (outcome.kind === 'unchanged')
        return {
          ...named,
          outcome: 'unchanged',
          version: outcome.version,
          version_id: outcome.versionId,
          rows: 0,
          reason: `the same bytes are there already (${outcome.state})`,
          gates: [],
          notes: [],
          diff: null,
        };
      const verdicts = outcome.verdicts.filter(({ verdict }) => verdict !== 'pass');
      return {
        ...named,
        outcome: outcome.kind,
        version: outcome.version,
        version_id: outcome.versionId,
        rows: outcome.rows,
        reason: outcome.kind === 'quarantined' ? whyHeld(verdicts) : null,
        gates: verdicts,
        notes: notes(),
        diff: outcome.diff ?? null,
      };
    };
    // A run that has lost its lock tries nothing again.
    return await retrying(store, load, { signal });
  } catch (error) {
    if (!(error instanceof TransformError) && !(error instanceof NotOursError)) throw error;
    const gate = error instanceof TransformError ? error.gate : NOTHING_WATCHED;
    const refused =
      tools.dryRun === true
        ? undefined
        : await recordRefusal(store, { ...file.meta, dataSet: { ...file.meta.dataSet, columns } }, error, now(), gate);
    return {
      ...named,
      outcome: error instanceof NotOursError ? 'refused' : 'quarantined',
      version: refused?.version ?? null,
      version_id: refused?.versionId ?? null,
      rows: 0,
      reason: error.message,
      gates: [{ gate, verdict: 'quarantine', message: error.message }],
      notes: [],
      diff: null,
    };
  }
}

function whyHeld(verdicts: readonly KeptVerdict[]): string {
  return verdicts
    .filter(({ verdict }) => verdict === 'quarantine')
    .map(({ gate, message }) => `${gate}: ${message}`)
    .join('; ');
}

/** The gates of the figures, and what is odd about the bytes. */
function gatesFor(reading: Reading, previous: readonly LastRelease[], isLocal: boolean): Gates {
  const gates = createGates({ previous, groupColumn: reading.groupColumn, isLocal });
  return {
    ...gates,
    verdicts: () => [
      ...reading.warnings.map((message) => ({ gate: 'file', verdict: 'warn', message }) as const),
      ...gates.verdicts(),
    ],
  };
}

interface Reading {
  readonly header: readonly string[];
  /** The column that names pupil groups. */
  readonly groupColumn: string | undefined;
  readonly observations: AsyncIterable<readonly Observation[]>;
  /** Both complete once all observations are read. */
  readonly warnings: readonly string[];
  readonly notes: () => string[];
}

async function readObservations(file: FileToLoad, now: Date): Promise<Reading> {
  const { meta } = file;
  const csv = await openCsv(file.open() as AsyncIterable<Uint8Array>, { file: meta.fileName });
  const normaliser = createNormaliser(csv.header, {
    file: meta.fileName,
    publication: meta.publication.slug,
    publishedAt: (meta.publishedAt ?? now).toISOString(),
    dataSetTitle: meta.dataSet.title,
    metaText: file.metaText,
    schoolType: file.schoolType,
  });
  let last: readonly string[] = [];
  async function* observations(): AsyncGenerator<readonly Observation[]> {
    let isEmpty = true;
    for await (const batch of csv.batches(normaliser.wanted)) {
      const figures = normaliser.rows(batch);
      isEmpty &&= figures.length === 0;
      yield figures;
    }
    const { observations: rest, notes } = normaliser.finish();
    last = notes;
    // Taken for a version, it would take every figure away.
    if (isEmpty && rest.length === 0)
      throw new TransformError(
        'file',
        { file: meta.fileName },
        'has a header and no row with a figure',
        ['Nothing of it is loaded; what was loaded before stays', ...notes].join('. '),
      );
    if (rest.length > 0) yield rest;
  }
  const [groups] = normaliser.recognised.groups;
  return {
    header: csv.header,
    groupColumn: groups && csv.header[groups.index]?.trim(),
    observations: observations(),
    warnings: csv.warnings,
    notes: () => [...last],
  };
}

async function* again(file: FileToLoad, now: Date): AsyncGenerator<readonly Observation[]> {
  yield* (await readObservations(file, now)).observations;
}
