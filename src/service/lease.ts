/**
 * Which of several services on one database is the active one: a lease in a table, renewed by a heartbeat, measured by
 * the database's clock, so that machines need not agree on the time. It works through any pooler: no session is held.
 * The run lock excludes two runs whatever happens here; the lease only decides who starts them.
 */
import { sql } from 'kysely';
import type { Store } from '../load/database.js';

/** How long a silent holder keeps the lease: a standby takes over within a minute. */
export const LEASE_SECONDS = 40;
const NAME = 'active service';

/**
 * Takes or renews the lease.
 * @param holder a name for this process, unique among all
 * @returns the fencing token while this process is the active one, else undefined
 */
export async function holdLease(store: Store, holder: string): Promise<number | undefined> {
  const until = sql<Date>`clock_timestamp() + make_interval(secs => ${LEASE_SECONDS})`;
  const taken = await store.db
    .insertInto('lease')
    .values({ name: NAME, holder, token: 1, until })
    .onConflict((conflict) =>
      conflict
        .column('name')
        .doUpdateSet({
          holder,
          until,
          // A new holder gets a new token; a renewal keeps its own.
          token: sql<number>`lease.token + case when lease.holder = ${holder} then 0 else 1 end`,
        })
        .where(sql<boolean>`lease.holder = ${holder} or lease.until < clock_timestamp()`),
    )
    .returning('token')
    .executeTakeFirst();
  return taken === undefined ? undefined : Number(taken.token);
}

/** Gives the lease back, so that a standby need not wait for it to run out. */
export async function releaseLease(store: Store, holder: string): Promise<void> {
  await store.db.deleteFrom('lease').where('name', '=', NAME).where('holder', '=', holder).execute();
}
