/** The log of each run, for the status page. No reference to run_record: writing it must wait for nothing of the run. */
import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table run_log (
      run_id integer not null,
      number integer not null,
      at timestamptz not null,
      level text not null,
      message text not null,
      detail text not null,
      primary key (run_id, number)
    )`.execute(db);
}
