/** What a database takes up on the disk. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import type { Store } from '../../../src/load/database.js';

/** @param directory the files of an embedded database, or a part of them; else the tables of the schema are counted */
export async function bytesOf(store: Store, directory: string | undefined): Promise<number> {
  if (directory === undefined) {
    const { rows } = await sql<{ bytes: string }>`
      select sum(pg_total_relation_size(c.oid))::bigint as bytes from pg_class c
      where c.relnamespace = (select oid from pg_namespace where nspname = current_schema())
        and c.relkind = 'r'`.execute(store.db);
    return Number(rows[0]?.bytes ?? 0);
  }
  let bytes = 0;
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  return bytes;
}
