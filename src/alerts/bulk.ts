/** Many rows in one statement: as one JSON value, which the server takes apart, instead of ten thousand parameters. */
import { sql, type RawBuilder } from 'kysely';

/** Rows in pieces of a size that a server takes in one statement. */
export function* batches<T>(rows: readonly T[], size = 2000): Generator<T[]> {
  for (let start = 0; start < rows.length; start += size) yield rows.slice(start, start + size);
}

/**
 * `insert into table (columns) select columns from …`, to be followed by what to do on conflict.
 * @param columns names with their types in the database
 * @param rows values that JSON can carry; decimals as text, so that nothing is lost
 */
export function insertMany<C extends string>(
  table: string,
  columns: Readonly<
    Record<C, 'text' | 'integer' | 'bigint' | 'numeric' | 'boolean' | 'date' | 'timestamptz' | 'jsonb'>
  >,
  rows: readonly Readonly<Record<C, unknown>>[],
): RawBuilder<unknown> {
  const names = Object.keys(columns) as C[];
  const list = sql.join(names.map((name) => sql.ref(name)));
  const typed = sql.join(names.map((name) => sql`${sql.ref(name)} ${sql.raw(columns[name])}`));
  return sql`insert into ${sql.table(table)} (${list})
    select ${list} from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as given (${typed})`;
}
