/** DfE's ten statistical neighbours of each authority, from the file that the configuration names. */
import { readFile, stat } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import * as z from 'zod';
import { ConfigError } from './types.js';

const MOST_BYTES = 4 * 1024 ** 2;

const row = z.object({
  old_la_code: z.string().regex(/^\d{3}$/, 'must be three digits'),
  rank: z.coerce.number().int().min(1).max(50),
  neighbour_old_la_code: z.string().regex(/^\d{3}$/, 'must be three digits'),
});

/** DfE's three digits of an authority to those of its neighbours, closest first. */
export type Neighbours = ReadonlyMap<string, readonly string[]>;

/** @throws ConfigError naming file, line and column when the file is not there or not of the documented columns */
export async function readNeighbours(path: string | undefined): Promise<Neighbours> {
  if (path === undefined) return new Map();
  const fail = (line: number, message: string): never => {
    throw new ConfigError([{ file: path, line, column: 1, path: 'neighbours', message }]);
  };
  const info = await stat(path).catch(() => undefined);
  if (info === undefined || !info.isFile()) return fail(1, 'there is no such file');
  if (info.size > MOST_BYTES) return fail(1, 'is too large for a table of neighbours (over 4 MiB)');
  let records: unknown[];
  try {
    records = parse(await readFile(path), { bom: true, columns: true, trim: true, skip_empty_lines: true });
  } catch (error) {
    return fail(1, error instanceof Error ? error.message : String(error));
  }
  const byAuthority = new Map<string, { rank: number; neighbour: string }[]>();
  records.forEach((record, index) => {
    const parsed = row.safeParse(record);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      return fail(index + 2, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is wrong'}`);
    }
    const own = byAuthority.get(parsed.data.old_la_code) ?? [];
    own.push({ rank: parsed.data.rank, neighbour: parsed.data.neighbour_old_la_code });
    byAuthority.set(parsed.data.old_la_code, own);
  });
  return new Map(
    [...byAuthority].map(([authority, own]) => [
      authority,
      own.toSorted((a, b) => a.rank - b.rank).map((each) => each.neighbour),
    ]),
  );
}
