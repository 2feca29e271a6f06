/** What a loaded file takes on disk, and how fast the view `absence` answers over it. */
import type { DatabaseServer } from './measure.js';

export interface Reading {
  readonly tableBytes: number;
  readonly indexBytes: number;
  /** Of the questions below, warm, the better of two; milliseconds. */
  readonly areaMs: number;
  readonly authoritiesMs: number;
  readonly everythingMs: number;
}

/** @param schema into which one file was loaded */
export async function readBack({ client }: DatabaseServer, schema: string): Promise<Reading> {
  const { rows } = await client.query<{ table: string; indexes: string }>(
    `select pg_table_size(t) as table, pg_indexes_size(t) as indexes from (select $1::regclass as t) as figures`,
    [`${schema}.figure`],
  );
  await client.query(`analyze ${schema}.figure`);
  const timed = async (question: string): Promise<number> => {
    const once = async (): Promise<number> => {
      const started = performance.now();
      await client.query(question);
      return performance.now() - started;
    };
    await once();
    return Math.min(await once(), await once());
  };
  const luton = `geographic_level = 'Local authority' and area_name = 'Luton'`;
  return {
    tableBytes: Number(rows[0]?.table ?? 0),
    indexBytes: Number(rows[0]?.indexes ?? 0),
    areaMs: await timed(`select * from ${schema}.absence where ${luton}`),
    authoritiesMs: await timed(
      `select * from ${schema}.absence where geographic_level = 'Local authority' and time_period = '201819' and school_type = 'Total'`,
    ),
    everythingMs: await timed(`select count(*), avg(severe_absence_rate) from ${schema}.absence`),
  };
}
