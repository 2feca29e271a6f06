/**
 * Which of two data sets counts that nothing else tells apart is no matter of which was loaded first. All views are made
 * anew with it, as the latest change of them.
 */
import type { Kysely } from 'kysely';
import { renewResolution } from '../views.js';

export async function up(db: Kysely<unknown>): Promise<void> {
  await renewResolution(db);
}
