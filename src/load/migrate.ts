/** Brings the database to the version of this program. */
import { sql, Migrator, type Migration } from 'kysely';
import type { Store } from './database.js';
import { DatabaseUnusableError, UnmigratedError } from './errors.js';
import * as initial from './migrations/0001_initial.js';
import * as alertStanding from './migrations/0002_alert_standing.js';
import * as layout from './migrations/0003_layout.js';
import * as runLog from './migrations/0004_run_log.js';
import * as history from './migrations/0005_history.js';
import * as releaseNames from './migrations/0006_release_names.js';
import * as runningMeasures from './migrations/0007_running_measures.js';
import * as namedBy from './migrations/0008_named_by.js';
import * as notTried from './migrations/0009_not_tried.js';
import * as mailSender from './migrations/0010_mail_sender.js';
import * as heldHistory from './migrations/0011_held_history.js';
import * as ruleSettings from './migrations/0012_rule_settings.js';
import * as ties from './migrations/0013_ties.js';

const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001_initial': initial,
  '0002_alert_standing': alertStanding,
  '0003_layout': layout,
  '0004_run_log': runLog,
  '0005_history': history,
  '0006_release_names': releaseNames,
  '0007_running_measures': runningMeasures,
  '0008_named_by': namedBy,
  '0009_not_tried': notTried,
  '0010_mail_sender': mailSender,
  '0011_held_history': heldHistory,
  '0012_rule_settings': ruleSettings,
  '0013_ties': ties,
};
const MIGRATION_TABLE = 'schema_migration';

export interface MigrationState {
  readonly state: 'empty' | 'behind' | 'current' | 'newer';
  readonly applied: readonly string[];
  readonly pending: readonly string[];
}

/** How the tables of the schema stand to this program. Reads only. */
export async function migrationState(store: Store): Promise<MigrationState> {
  const { rows } = await sql<{ found: boolean }>`
    select to_regclass(${`${store.schema}.${MIGRATION_TABLE}`}) is not null as found`.execute(store.db);
  const known = Object.keys(MIGRATIONS);
  if (rows[0]?.found !== true) return { state: 'empty', applied: [], pending: known };
  const table = sql.table(`${store.schema}.${MIGRATION_TABLE}`);
  const result = await sql<{ name: string }>`select name from ${table} order by name`.execute(store.db);
  const applied = result.rows.map(({ name }) => name);
  const pending = known.filter((name) => !applied.includes(name));
  if (applied.some((name) => !known.includes(name))) return { state: 'newer', applied, pending };
  if (applied.length === 0) return { state: 'empty', applied, pending };
  return { state: pending.length > 0 ? 'behind' : 'current', applied, pending };
}

/** @throws DatabaseUnusableError when the database belongs to a newer version of the program */
async function usableState(store: Store): Promise<MigrationState> {
  const found = await migrationState(store);
  if (found.state === 'newer')
    throw new DatabaseUnusableError(
      `The database (schema ${store.schema}) was brought to a newer version of absence-watch: ` +
        `${found.applied.filter((name) => !(name in MIGRATIONS)).join(', ')} is unknown here. Install that version, or use another DATABASE_SCHEMA.`,
    );
  return found;
}

/**
 * For whoever works on the database as it is.
 * @throws UnmigratedError while something is pending, DatabaseUnusableError as `migrate`
 */
export async function refuseUnmigrated(store: Store): Promise<void> {
  const { state, pending } = await usableState(store);
  if (state !== 'current') throw new UnmigratedError(store.schema, pending);
}

/**
 * Applies what is pending, all or nothing; several at once wait for each other.
 * @returns names of the migrations applied now
 * @throws DatabaseUnusableError when the database belongs to a newer version of the program
 */
export async function migrate(store: Store): Promise<string[]> {
  if ((await usableState(store)).state === 'current') return [];
  const migrator = new Migrator({
    db: store.db,
    provider: { getMigrations: () => Promise.resolve({ ...MIGRATIONS }) },
    migrationTableSchema: store.schema,
    migrationTableName: MIGRATION_TABLE,
    migrationLockTableName: `${MIGRATION_TABLE}_lock`,
  });
  const { error, results } = await migrator.migrateToLatest();
  if (error !== undefined) throw error instanceof Error ? error : new Error('the migration failed', { cause: error });
  return (results ?? []).filter(({ status }) => status === 'Success').map(({ migrationName }) => migrationName);
}
