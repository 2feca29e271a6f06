/**
 * Which of several services on one database is the active one: a lease in a table, renewed by a heartbeat, measured by
 * the database's clock, so that machines need not agree on the time. The run lock excludes two runs whatever happens
 * here; the lease only decides who starts them, and the configuration that was changed last decides who may hold it.
 */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { sql } from 'kysely';
import * as z from 'zod';
import type { Settings } from '../config.js';
import type { Store } from '../load/database.js';

/** How long a silent holder keeps the lease: with the beat of the service, a standby takes over within a minute. */
export const LEASE_SECONDS = 40;
const LEASE = 'active service';
const CONFIGURATION = 'config';

/**
 * Takes or renews the lease.
 * @param holder a name for this process, unique among all
 * @returns the fencing token while this process is the active one, else undefined
 */
export async function holdLease(store: Store, holder: string): Promise<number | undefined> {
  const until = sql<Date>`clock_timestamp() + make_interval(secs => ${LEASE_SECONDS})`;
  const taken = await store.db
    .insertInto('lease')
    .values({ name: LEASE, holder, token: 1, until })
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
  return taken?.token;
}

/** Gives the lease back, so that a standby need not wait for it to run out. Tokens go on counting. */
export async function releaseLease(store: Store, holder: string): Promise<void> {
  await store.db
    .updateTable('lease')
    .set({ until: sql<Date>`clock_timestamp() - interval '1 second'` })
    .where('name', '=', LEASE)
    .where('holder', '=', holder)
    .execute();
}

/** What tells one configuration from another: what is watched and who is told, and when its file was last changed. */
export interface Configuration {
  readonly hash: string;
  /** ISO time; '' where there is no file. */
  readonly modified: string;
}

export async function configurationOf(settings: Settings): Promise<Configuration> {
  const { rules, briefs, sources, recipients } = settings.config;
  const text = JSON.stringify([rules, briefs, sources, [...recipients]]);
  const modified =
    settings.configFile === undefined
      ? ''
      : await stat(settings.configFile).then(
          ({ mtime }) => mtime.toISOString(),
          () => '',
        );
  return { hash: createHash('sha256').update(text).digest('hex').slice(0, 16), modified };
}

const stored = z.object({ hash: z.string(), modified: z.string() });

/**
 * Holds one's own configuration against the newest that a living service has. One that nobody has spoken for within a
 * lease is forgotten: a service alone always goes by its own.
 * @returns the newer one, where another service has it; else undefined, and one's own is on record
 */
export async function newerConfiguration(store: Store, mine: Configuration): Promise<Configuration | undefined> {
  const value = JSON.stringify(mine);
  const now = sql<Date>`clock_timestamp()`;
  const accepted = await store.db
    .insertInto('setting')
    .values({ name: CONFIGURATION, value, updated_at: now })
    .onConflict((conflict) =>
      conflict
        .column('name')
        .doUpdateSet({ value, updated_at: now })
        .where(
          sql<boolean>`setting.value ->> 'hash' = ${mine.hash} or setting.value ->> 'modified' < ${mine.modified}
            or setting.updated_at < clock_timestamp() - make_interval(secs => ${LEASE_SECONDS})`,
        ),
    )
    .returning('name')
    .executeTakeFirst();
  if (accepted !== undefined) return undefined;
  const row = await store.db
    .selectFrom('setting')
    .select('value')
    .where('name', '=', CONFIGURATION)
    .executeTakeFirstOrThrow();
  return stored.parse(row.value);
}
