/**
 * Loading one data set version: in one transaction its figures are written beside older ones, judged, and made current,
 * so that a reader or a crash meets all of it or nothing.
 */
import { sql } from 'kysely';
import { MEASURES } from '../domain/measure.js';
import type { Observation } from '../domain/figure.js';
import { familyOf } from '../domain/series.js';
import { agreement, judgeAgain } from './agree.js';
import { joinApiDataSet } from './api-data-set.js';
import { renameAreas } from './area-names.js';
import { gatherBatches, type CopyRows } from './copy-text.js';
import { chooseCurrent, compareVersions } from './currency.js';
import type { Copy, Store } from './database.js';
import { readDiff, type VersionDiff } from './diff.js';
import { Dimensions } from './dimensions.js';
import type { DuplicateKeyError } from './errors.js';
import { apiKey } from './published-as.js';
import { isOf, noteKey } from './sources.js';
import { asDuplicateKey, describeDuplicate, recordUnloaded } from './unloaded.js';
import { acceptances, judged, keepVerdicts, type KeptVerdict } from './verdicts.js';
import type { VersionState } from './schema.js';
import { acceptVersion, VersionStateError } from './version-states.js';
import { numberText, type Gates, type VersionMeta, type VersionNumber } from './version-meta.js';
import {
  beginLoad,
  fileColumns,
  KEY_GATE,
  nextVersionId,
  numberVersion,
  placeVersion,
  renumbered,
  type Trx,
  type VersionPlace,
} from './version-record.js';

export { NOTHING_WATCHED, recordRefusal } from './unloaded.js';
export { underKnownRelease } from './version-record.js';
export type { KeptVerdict } from './verdicts.js';
export type { Gates, Verdict, VersionMeta, VersionNumber } from './version-meta.js';
export type { ChangedFigure, VersionDiff } from './diff.js';
export {
  acceptVersion,
  heldBy,
  removeVersion,
  unacceptVersion,
  VersionStateError,
  withdrawVersion,
} from './version-states.js';
export { lastReleases } from './last-release.js';

export type LoadOutcome =
  | {
      readonly kind: 'loaded' | 'quarantined';
      readonly versionId: number;
      readonly version: string;
      /** Rows of figures written; 0 where a key stands twice and nothing could be kept. */
      readonly rows: number;
      readonly areas: number;
      readonly verdicts: readonly KeptVerdict[];
      readonly diff: VersionDiff | undefined;
    }
  | {
      /** The same bytes, or the same number of the API, are there already. */
      readonly kind: 'unchanged';
      readonly versionId: number;
      readonly version: string;
      readonly state: VersionState;
    };

export interface LoadHooks {
  /** What the normaliser noted, asked for when the file has been read. */
  readonly notes?: () => readonly string[];
  /** Rows written so far. */
  readonly onRows?: (rows: number) => void;
  /** Reads the file again, to name the lines of two rows about one figure. */
  readonly reread?: () => AsyncIterable<readonly Observation[]>;
  readonly signal?: AbortSignal;
  readonly now?: () => Date;
}

const FIGURE_COLUMNS = [
  ...['area_id', 'period_id', 'version_id', 'as_of', 'breakdown_id', 'series_id', 'school_type_id', 'has', 'computed'],
  ...MEASURES,
  'symbols',
];

/**
 * Loads one version.
 * @param batches observations in the order of the file, read once
 * @throws what reading the file throws, or the database; nothing is then left behind
 */
export async function loadVersion(
  store: Store,
  meta: VersionMeta,
  batches: AsyncIterable<readonly Observation[]>,
  gates: Gates,
  hooks: LoadHooks = {},
): Promise<LoadOutcome> {
  const loadedAt = hooks.now?.() ?? new Date();
  try {
    const outcome = await store.copyTransaction((trx, copy) =>
      load(trx, copy, store, meta, batches, gates, hooks, loadedAt),
    );
    if (outcome.kind !== 'unchanged') await keepStatistics(store);
    else if (outcome.state === 'quarantined' && meta.accept !== undefined)
      return await acceptKept(store, outcome, meta.accept, loadedAt);
    return outcome;
  } catch (error) {
    const duplicate = asDuplicateKey(error);
    if (duplicate === undefined) throw error;
    return quarantineDuplicate(store, meta, duplicate, hooks, loadedAt);
  }
}

/** The bytes are there, held back: an override given now holds for them. Gates that do not hold them are passed over. */
async function acceptKept(
  store: Store,
  kept: { readonly versionId: number; readonly version: string },
  accept: NonNullable<VersionMeta['accept']>,
  now: Date,
): Promise<LoadOutcome> {
  const { versionId, version } = kept;
  for (const { gate, reason } of accept)
    await acceptVersion(store, versionId, gate, reason, now).catch((error: unknown) => {
      if (!(error instanceof VersionStateError)) throw error;
    });
  const { state, rows, areas } = await store.db
    .selectFrom('data_set_version')
    .select(['state', 'rows', 'areas'])
    .where('id', '=', versionId)
    .executeTakeFirstOrThrow();
  const verdicts = await store.db
    .selectFrom('gate_result')
    .select(['gate', 'verdict', 'message', 'detail'])
    .where('version_id', '=', versionId)
    .orderBy('gate')
    .execute();
  const diff = await readDiff(store.db, versionId);
  return { kind: state === 'loaded' ? 'loaded' : 'quarantined', versionId, version, rows, areas, verdicts, diff };
}

async function load(
  trx: Trx,
  copy: Copy,
  store: Store,
  meta: VersionMeta,
  batches: AsyncIterable<readonly Observation[]>,
  gates: Gates,
  hooks: LoadHooks,
  loadedAt: Date,
): Promise<LoadOutcome> {
  await beginLoad(trx, store);
  const place = await placeVersion(trx, meta, loadedAt);
  const known = await alreadyLoaded(trx, place, meta);
  if (known !== undefined) return known;

  const number = await numberVersion(trx, place.dataSetId, meta);
  const versionId = await nextVersionId(trx);
  const dimensions = await Dimensions.read(trx, familyOf(meta.publication.slug));
  let rows = 0;
  await copy(
    'figure',
    FIGURE_COLUMNS,
    gatherBatches(
      watched(batches, hooks.signal, (batch) => {
        gates.observe(batch);
        rows += batch.length;
        hooks.onRows?.(rows);
      }),
      (into, observation) => {
        writeFigure(into, observation, dimensions, versionId);
      },
    ),
  );

  const ofFile = judged(gates.verdicts(), meta);
  const held = ofFile.some(({ verdict }) => verdict === 'quarantine');
  await trx
    .insertInto('data_set_version')
    .values({
      id: versionId,
      ...fileColumns(meta, place, loadedAt),
      ...number,
      state: held ? 'quarantined' : 'loaded',
      rows,
      areas: dimensions.areas.named,
      notes: JSON.stringify(hooks.notes?.() ?? []),
      history: JSON.stringify(acceptances(ofFile, meta, loadedAt)),
      shape: JSON.stringify(gates.shape() ?? null),
    })
    .execute();
  await dimensions.save(trx, copy, versionId, !held);
  const agreed = await agreement(trx, versionId, place);
  const verdicts = agreed === undefined ? ofFile : [...ofFile, agreed];
  await keepVerdicts(trx, versionId, verdicts);
  if (!held) {
    await chooseCurrent(trx, place.dataSetId, place.releaseId);
    await renameAreas(trx, versionId, dimensions.areas.lastKnown);
    await judgeAgain(trx, place.releaseId);
  }
  await compareVersions(trx, place.dataSetId);
  const diff = await readDiff(trx, versionId);
  const said = { versionId, version: numberText(number), rows, areas: dimensions.areas.named, verdicts, diff };
  return { kind: held ? 'quarantined' : 'loaded', ...said };
}

/**
 * The version that makes this load needless: the one that carries the same number of the API, or the same bytes, unless
 * others were published in between (whoever amends an amendment back publishes the old bytes anew) or its publisher had
 * withdrawn it.
 */
async function alreadyLoaded(trx: Trx, place: VersionPlace, meta: VersionMeta): Promise<LoadOutcome | undefined> {
  const schoolType = meta.source['schoolType'];
  const found = await trx
    .selectFrom('data_set_version as v')
    .select(['v.id', 'v.state', 'v.major', 'v.minor', 'v.patch'])
    .where('v.data_set_id', '=', place.dataSetId)
    .where('v.release_id', '=', place.releaseId)
    .where(
      'v.state',
      'in',
      meta.again === true ? ['loaded', 'quarantined'] : ['loaded', 'quarantined', 'withdrawn', 'removed'],
    )
    .where((eb) =>
      eb.or([
        eb.and([
          eb('v.sha256', '=', meta.sha256),
          eb('v.state', '<>', 'withdrawn'),
          eb.not(
            eb.exists(
              eb
                .selectFrom('data_set_version as between')
                .select('between.id')
                .whereRef('between.data_set_id', '=', 'v.data_set_id')
                .whereRef('between.release_id', '=', 'v.release_id')
                .where('between.state', 'in', ['loaded', 'quarantined'])
                .where('between.sha256', '<>', meta.sha256)
                .whereRef('between.published_at', '>', 'v.published_at')
                .where('between.published_at', '<', place.publishedAt),
            ),
          ),
          // The same bytes read as of other schools are other figures.
          ...(typeof schoolType === 'string'
            ? [sql<boolean>`coalesce(v.source ->> 'schoolType', '') = ${schoolType}`]
            : []),
        ]),
        ...(meta.version === undefined
          ? []
          : [
              eb.and([
                eb('v.major', '=', meta.version.major),
                eb('v.minor', '=', meta.version.minor),
                eb('v.patch', '=', meta.version.patch),
              ]),
            ]),
      ]),
    )
    .orderBy('v.id', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (found === undefined) return undefined;
  const number =
    found.major === 0 && meta.version !== undefined ? await renumbered(trx, place, found, meta.version) : found;
  return { kind: 'unchanged', versionId: found.id, version: numberText(number), state: found.state };
}

/**
 * Gives a version that came by the website its number, learned later, without its bytes; one that has a number was
 * published again under this one, which is noted. It is one of the API's data set from then on, if it was not.
 * @param key under which its bytes came, or came again
 * @param apiId of the data set
 */
export async function learnNumber(store: Store, key: string, apiId: string, known: VersionNumber): Promise<void> {
  await store.db.transaction().execute(async (trx) => {
    await beginLoad(trx, store);
    const came = await trx
      .selectFrom('data_set_version as v')
      .innerJoin('data_set as d', 'd.id', 'v.data_set_id')
      .select(['v.id', 'd.publication', sql<string | null>`v.source ->> 'dataSetFileId'`.as('dataSetFileId')])
      .where(isOf(key))
      .orderBy('v.id', 'desc')
      .limit(1)
      .executeTakeFirst();
    if (came === undefined) return;
    const { publication, dataSetFileId } = came;
    if (dataSetFileId !== null) await joinApiDataSet(trx, apiId, { publication, dataSetFileId });
    const found = await trx
      .selectFrom('data_set_version')
      .select(['id', 'data_set_id', 'release_id', 'published_at', 'major', 'minor', 'patch'])
      .where('id', '=', came.id)
      .executeTakeFirstOrThrow();
    if (found.major > 0) {
      // It has a number: the same bytes were published again.
      if (numberText(found) !== numberText(known)) await noteKey(trx, found.id, apiKey(apiId, known));
      return;
    }
    const place = { dataSetId: found.data_set_id, releaseId: found.release_id, publishedAt: found.published_at };
    await renumbered(trx, place, found, known);
  });
}

async function* watched<T>(
  batches: AsyncIterable<T>,
  signal: AbortSignal | undefined,
  see: (batch: T) => void,
): AsyncGenerator<T> {
  for await (const batch of batches) {
    signal?.throwIfAborted();
    see(batch);
    yield batch;
  }
}

/** One row of COPY, in the order of FIGURE_COLUMNS. */
function writeFigure(row: CopyRows, observation: Observation, dimensions: Dimensions, versionId: number): void {
  const { area, period, series, schoolType, breakdown, asOf, values, symbols, computed } = observation;
  let has = 0;
  MEASURES.forEach((measure, index) => {
    if (values[measure] !== undefined) has |= 1 << index;
  });
  row.cell(dimensions.areas.of(area, period));
  row.cell(dimensions.periods.of(period));
  row.cell(versionId);
  row.cell(asOf ?? 'infinity');
  row.cell(dimensions.breakdowns.of(breakdown));
  row.cell(dimensions.series.of(series));
  row.cell(dimensions.schoolTypes.of(schoolType));
  row.cell(has);
  row.cell(computed);
  for (const measure of MEASURES) row.cell(values[measure] ?? null);
  row.cell(symbolsCell(symbols));
  row.endRow();
}

function symbolsCell(symbols: Observation['symbols']): string | null {
  for (const _ in symbols) return JSON.stringify(symbols);
  return null;
}

/**
 * The planner knows nothing of a table just filled, and an embedded database has nobody to look after it: there it is
 * told anew whenever the table has grown by a fifth, as a server's own housekeeping would. Of keys and names alone: nobody
 * looks for a figure by its value, and a server's housekeeping adds the rest.
 */
async function keepStatistics(store: Store): Promise<void> {
  const { rows } = await sql<{ unknown: boolean; grown: boolean }>`
    select reltuples <= 0 as unknown,
      pg_relation_size(oid) > 1.2 * relpages * current_setting('block_size')::bigint as grown
    from pg_class where oid = 'figure'::regclass`.execute(store.db);
  const { unknown = false, grown = false } = rows[0] ?? {};
  if (unknown || (grown && store.kind === 'embedded'))
    await store.db.transaction().execute(async (trx) => {
      // A third of the usual sample: a third of the time, and as good an idea of keys.
      await sql`set local default_statistics_target = 30`.execute(trx);
      await sql`analyze figure (area_id, period_id, version_id, as_of, breakdown_id, series_id, school_type_id),
        area (level, key, code, old_la_code, name, named_by)`.execute(trx);
    });
}

async function quarantineDuplicate(
  store: Store,
  meta: VersionMeta,
  duplicate: DuplicateKeyError,
  hooks: LoadHooks,
  loadedAt: Date,
): Promise<LoadOutcome> {
  const message = `${await describeDuplicate(duplicate, hooks.reread)} Nothing of the file is kept; it cannot be accepted.`;
  const verdicts: KeptVerdict[] = [{ gate: KEY_GATE, verdict: 'quarantine', message }];
  const kept = await recordUnloaded(store, meta, 'quarantined', verdicts, loadedAt, hooks.notes?.() ?? []);
  return { kind: 'quarantined', ...kept, rows: 0, areas: 0, verdicts, diff: undefined };
}
