/**
 * Who is sending, and whether it still is: a claim on a mail ends with its sender, not with somebody's clock. Clocks jump,
 * and those of two machines differ; what stands beside a lease is a lock of the sender's own connection, which the server
 * frees when the process dies.
 */
import { randomInt } from 'node:crypto';
import { sql, type RawBuilder } from 'kysely';
import type { Session, Store } from '../load/database.js';

/** First half of the locks' keys: any number that nothing else uses. */
const LOCKS = 1_096_243_533;

/** Senders of this process that are at work. */
const here = new Set<number>();

export interface Sender {
  /** Its number on its claims; undefined where the server gives it no connection of its own: the lease alone counts then. */
  number(): Promise<number | undefined>;
  end(): Promise<void>;
}

/** A sender of this process; it connects with its first claim. */
export function newSender(store: Pick<Store, 'session'>): Sender {
  const number = randomInt(1, 2 ** 31);
  let session: Promise<Session | undefined> | undefined;
  const locked = async (): Promise<Session | undefined> => {
    const own = await store.session();
    try {
      if (own !== undefined) await sql`select pg_advisory_lock(${LOCKS}::int, ${number}::int)`.execute(own.db);
    } catch (error) {
      await own?.end();
      throw error;
    }
    return own;
  };
  return {
    async number() {
      session ??= locked();
      try {
        await session;
      } catch {
        return undefined;
      }
      here.add(number);
      return number;
    },
    async end() {
      here.delete(number);
      const own = await session?.catch(() => undefined);
      await own?.end();
    },
  };
}

/**
 * True for a row of `mail` whose sender is gone: it died, or has stood still for longer than any attempt can take, by the
 * database's clock. Senders of this process are known to be at work.
 */
export function isOrphaned(leaseMs: number): RawBuilder<boolean> {
  return sql<boolean>`(mail.claimed_by is null or mail.claimed_by <> all(${[...here]}::int[]) and (
    mail.claimed_since < clock_timestamp() - make_interval(secs => ${leaseMs / 1000})
    or not exists (
      select from pg_locks l
      where l.locktype = 'advisory' and l.granted and l.objsubid = 2
        and l.database = (select oid from pg_database where datname = current_database())
        and l.classid = ${LOCKS}::oid and l.objid = mail.claimed_by::oid)))`;
}
