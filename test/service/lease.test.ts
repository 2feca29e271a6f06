import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import type { Store } from '../../src/load/database.js';
import { holdLease, LEASE_SECONDS, newerConfiguration, releaseLease } from '../../src/service/lease.js';
import { freshStore } from '../support/database.js';

/** As if so much time had passed at the database. */
async function pass(store: Store, seconds: number): Promise<void> {
  await sql`update lease set until = until - make_interval(secs => ${seconds})`.execute(store.db);
  await sql`update setting set updated_at = updated_at - make_interval(secs => ${seconds})`.execute(store.db);
}

describe('the lease', () => {
  it('has one holder, who keeps it by renewing it', async () => {
    const store = await freshStore('postgres');
    expect(await holdLease(store, 'a')).toBe(1);
    expect(await holdLease(store, 'b')).toBeUndefined();
    await pass(store, LEASE_SECONDS - 10);
    expect(await holdLease(store, 'a')).toBe(1);
    await pass(store, LEASE_SECONDS - 10);
    expect(await holdLease(store, 'b')).toBeUndefined();
  });

  it('passes within a minute from a holder that is silent, with a new token', async () => {
    const store = await freshStore('postgres');
    await holdLease(store, 'a');
    expect(LEASE_SECONDS).toBeLessThan(50);
    await pass(store, LEASE_SECONDS + 1);
    expect(await holdLease(store, 'b')).toBe(2);
    expect(await holdLease(store, 'a')).toBeUndefined();
  });

  it('passes at once from a holder that gives it back, and tokens go on counting', async () => {
    const store = await freshStore('postgres');
    await holdLease(store, 'a');
    await releaseLease(store, 'b');
    expect(await holdLease(store, 'b')).toBeUndefined();
    await releaseLease(store, 'a');
    expect(await holdLease(store, 'b')).toBe(2);
  });

  it('is taken by one of many that ask at the same moment', async () => {
    const store = await freshStore('postgres');
    const tokens = await Promise.all(Array.from({ length: 12 }, (_, i) => holdLease(store, `holder ${i}`)));
    expect(tokens.filter((token) => token !== undefined)).toEqual([1]);
  });
});

describe('of two configurations', () => {
  const older = { hash: 'aaaa', modified: '2026-11-01T09:00:00.000Z' };
  const newer = { hash: 'bbbb', modified: '2026-11-02T09:00:00.000Z' };

  it('the one changed later is gone by, whoever was first', async () => {
    const store = await freshStore('postgres');
    expect(await newerConfiguration(store, older)).toBeUndefined();
    expect(await newerConfiguration(store, newer)).toBeUndefined();
    expect(await newerConfiguration(store, older)).toEqual(newer);
    expect(await newerConfiguration(store, newer)).toBeUndefined();
  });

  it('the older one is gone by again when nobody speaks for the newer one any more', async () => {
    const store = await freshStore('postgres');
    await newerConfiguration(store, newer);
    expect(await newerConfiguration(store, older)).toEqual(newer);
    await pass(store, LEASE_SECONDS + 1);
    expect(await newerConfiguration(store, older)).toBeUndefined();
    expect(await newerConfiguration(store, newer)).toBeUndefined();
  });

  it('the same in two files of different dates is one', async () => {
    const store = await freshStore('postgres');
    expect(await newerConfiguration(store, newer)).toBeUndefined();
    expect(await newerConfiguration(store, { ...newer, modified: older.modified })).toBeUndefined();
  });
});
