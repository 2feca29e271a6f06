/** A plain load as many programs do it: csv-parse, then rows in INSERT statements. Arguments: file, database. */
import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';

const [path = '', url = ''] = process.argv.slice(2);
const keys = (process.env['BENCH_KEYS'] ?? '').split(',');
const figures = (process.env['BENCH_FIGURES'] ?? '').split(',');
const ROWS_A_STATEMENT = 1000;

type Row = Record<string, string | number | null>;
const db = new Kysely<{ hand_written: Row }>({
  dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 1 }) }),
});
await db.transaction().execute(async (trx) => {
  let rows: Row[] = [];
  const flush = async (): Promise<void> => {
    if (rows.length > 0) await trx.insertInto('hand_written').values(rows).execute();
    rows = [];
  };
  let header: string[] | undefined;
  for await (const record of createReadStream(path).pipe(parse({ bom: true })) as AsyncIterable<string[]>) {
    if (header === undefined) {
      header = record;
      continue;
    }
    const row: Row = { version_id: 1 };
    header.forEach((name, index) => {
      const cell = record[index] ?? '';
      if (keys.includes(name)) row[name] = cell;
      else if (figures.includes(name)) row[name] = /^-?\d+(\.\d+)?$/.test(cell) ? cell : null;
    });
    rows.push(row);
    if (rows.length === ROWS_A_STATEMENT) await flush();
  }
  await flush();
});
await db.destroy();
