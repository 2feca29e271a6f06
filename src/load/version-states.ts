/** What may happen to a version after it was loaded: accepted and held back again, removed, withdrawn. Figures stay as they are. */
import { sql, type Kysely } from 'kysely';
import { judgeAgain } from './agree.js';
import { renameAreas } from './area-names.js';
import { chooseCurrent, compareVersions } from './currency.js';
import type { Store } from './database.js';
import type { Database, VersionState } from './schema.js';
import { beginLoad, KEY_GATE, type Trx } from './version-record.js';

/** No such version, or not in a state for what was asked. Commands end with exit code 2. */
export class VersionStateError extends Error {
  override readonly name = 'VersionStateError';
}

interface Version {
  readonly id: number;
  readonly data_set_id: number;
  readonly release_id: number;
  readonly state: VersionState;
  readonly rows: number;
}

async function changing<T>(store: Store, id: number, change: (trx: Trx, version: Version) => Promise<T>): Promise<T> {
  return store.db.transaction().execute(async (trx) => {
    await beginLoad(trx, store);
    const version = await trx
      .selectFrom('data_set_version')
      .select(['id', 'data_set_id', 'release_id', 'state', 'rows'])
      .where('id', '=', id)
      .forUpdate()
      .executeTakeFirst();
    if (version === undefined) throw new VersionStateError(`There is no data set version ${id}; see "versions list".`);
    return change(trx, version);
  });
}

async function setState(
  trx: Trx,
  version: Version,
  state: VersionState,
  said: { readonly what: string; readonly reason: string; readonly at: Date },
): Promise<void> {
  const entry = JSON.stringify([{ at: said.at.toISOString(), what: said.what, reason: said.reason }]);
  await trx
    .updateTable('data_set_version')
    .set({
      state,
      history: sql`history || ${entry}::jsonb`,
      // What counted, and what is over for good, has an end. By whosever clock it comes after what the rules saw: they look at it.
      ...(state === 'loaded' || (state === 'quarantined' && version.state !== 'loaded')
        ? {}
        : { is_current: false, ended_at: sql<Date>`greatest(${said.at}::timestamptz, evaluated_at)` }),
    })
    .where('id', '=', version.id)
    .execute();
}

/** The gates that hold a version back and were not overridden, by name. */
export async function heldBy(db: Kysely<Database>, id: number): Promise<string[]> {
  const held = await db
    .selectFrom('gate_result')
    .select('gate')
    .where('version_id', '=', id)
    .where('verdict', '=', 'quarantine')
    .orderBy('gate')
    .execute();
  return held.map(({ gate }) => gate);
}

/**
 * Overrides one gate of a quarantined version, with a reason that is kept; when no gate holds it back any more, it
 * becomes current.
 * @throws VersionStateError when that gate does not hold it back
 */
export async function acceptVersion(
  store: Store,
  id: number,
  gate: string,
  reason: string,
  now: Date = new Date(),
): Promise<{ readonly state: VersionState; readonly stillHeldBy: readonly string[] }> {
  return changing(store, id, async (trx, version) => {
    const gates = await heldBy(trx, id);
    if (version.state !== 'quarantined' || !gates.includes(gate))
      throw new VersionStateError(
        version.state === 'quarantined'
          ? `Gate "${gate}" does not hold version ${id} back. Held back by: ${gates.join(', ')}.`
          : version.state === 'refused'
            ? `Version ${id} could not be read, so nothing of it was kept: correct the file and load it again.`
            : `Version ${id} is ${version.state}, not quarantined.`,
      );
    if (gate === KEY_GATE)
      throw new VersionStateError(
        `Version ${id} has the same figure twice, so nothing of it was kept: correct the file and load it again.`,
      );
    await trx
      .updateTable('gate_result')
      .set({ verdict: 'accepted' })
      .where('version_id', '=', id)
      .where('gate', '=', gate)
      .execute();
    const stillHeldBy = gates.filter((each) => each !== gate);
    const state = stillHeldBy.length === 0 ? 'loaded' : 'quarantined';
    await setState(trx, version, state, { what: `accepted ${gate}`, reason, at: now });
    if (state === 'loaded') await countAgain(trx, version);
    return { state, stillHeldBy };
  });
}

/**
 * Takes back that gates were overridden: the version waits for a decision again, and what is current, and how areas are
 * called, is as it was before. The rules look at what that changed.
 * @returns the gates that hold it back now
 * @throws VersionStateError when none was overridden, or it does not count for another reason
 */
export async function unacceptVersion(
  store: Store,
  id: number,
  reason: string,
  now: Date = new Date(),
): Promise<readonly string[]> {
  return changing(store, id, async (trx, version) => {
    if (version.state !== 'loaded' && version.state !== 'quarantined')
      throw new VersionStateError(`Version ${id} is ${version.state}: nothing is read of it.`);
    const accepted = await trx
      .updateTable('gate_result')
      .set({ verdict: 'quarantine' })
      .where('version_id', '=', id)
      .where('verdict', '=', 'accepted')
      .returning('gate')
      .execute();
    if (accepted.length === 0)
      throw new VersionStateError(
        `No gate of version ${id} was accepted. To take it back whatever it is, use "versions remove ${id}".`,
      );
    const gates = accepted.map(({ gate }) => gate).sort();
    await setState(trx, version, 'quarantined', { what: `no longer accepted ${gates.join(', ')}`, reason, at: now });
    await settle(trx, version);
    return gates;
  });
}

/** Makes a version that did not count any more, or not yet, one that does: the rules have to look at it as at what is new. */
async function countAgain(trx: Trx, version: Version): Promise<void> {
  const fresh = { ended_at: null, evaluated_at: null };
  await trx.updateTable('data_set_version').set(fresh).where('id', '=', version.id).execute();
  await settle(trx, version);
}

async function settle(trx: Trx, version: Version): Promise<void> {
  await chooseCurrent(trx, version.data_set_id, version.release_id);
  await renameAreas(trx, version.id);
  await judgeAgain(trx, version.release_id);
  await compareVersions(trx, version.data_set_id);
}

/**
 * Takes a version back: what is current, and how areas are called, is again as if it had never been loaded.
 * @throws VersionStateError when there is nothing to take back
 */
export async function removeVersion(store: Store, id: number, reason: string, now: Date = new Date()): Promise<void> {
  await changing(store, id, async (trx, version) => {
    if (version.state === 'removed' || version.state === 'refused')
      throw new VersionStateError(`Version ${id} is ${version.state} already: there is nothing to take back.`);
    await setState(trx, version, 'removed', { what: 'removed', reason, at: now });
    await settle(trx, version);
  });
}

/** Marks a version that its publisher withdrew or deprecated. @returns false when it was marked or removed before */
export async function withdrawVersion(
  store: Store,
  id: number,
  reason: string,
  now: Date = new Date(),
): Promise<boolean> {
  return changing(store, id, async (trx, version) => {
    if (version.state !== 'loaded' && version.state !== 'quarantined') return false;
    await setState(trx, version, 'withdrawn', { what: 'withdrawn', reason, at: now });
    await settle(trx, version);
    return true;
  });
}

/** Undoes `withdrawVersion`: the publisher publishes it again. @returns false when it is not withdrawn */
export async function reinstateVersion(store: Store, id: number, now: Date = new Date()): Promise<boolean> {
  return changing(store, id, async (trx, version) => {
    if (version.state !== 'withdrawn') return false;
    const held = await heldBy(trx, id);
    const said = { what: 'published again', reason: 'published again at source', at: now };
    await setState(trx, version, held.length === 0 ? 'loaded' : 'quarantined', said);
    await countAgain(trx, version);
    return true;
  });
}
