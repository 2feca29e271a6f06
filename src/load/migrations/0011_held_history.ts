/** A version that went while a gate held it back has no rows in the history: nobody ever read it. */
import type { Kysely } from 'kysely';
import { renewResolution } from '../views.js';

export async function up(db: Kysely<unknown>): Promise<void> {
  await renewResolution(db);
}
