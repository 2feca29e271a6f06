/**
 * Of a running total each measure comes from the newest day that has it: two data sets of one release may count to
 * different days, and one of them gave its measures to no row before.
 */
import type { Kysely } from 'kysely';
import { renewResolution } from '../views.js';

export async function up(db: Kysely<unknown>): Promise<void> {
  await renewResolution(db);
}
