/** Reads text or bytes as a file, whole, for tests. */
import type { Observation } from '../../src/domain/figure.js';
import { openCsv, type Batch } from '../../src/transform/csv.js';
import { createNormaliser, type NormaliseContext } from '../../src/transform/normalise.js';

/** Bytes in chunks of a given size, as a stream hands them out. */
export async function* chunked(content: string | Uint8Array, size = 64 * 1024): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(content as Uint8Array);
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

export interface Records {
  readonly header: readonly string[];
  readonly rows: string[][];
  readonly lines: number[];
  readonly warnings: readonly string[];
}

/** All rows of a file. @param wanted as for `batches` */
export async function readRecords(
  content: string | Uint8Array,
  options: { size?: number; wanted?: number[]; maxRecordBytes?: number } = {},
): Promise<Records> {
  const { size, wanted, ...rest } = options;
  const csv = await openCsv(chunked(content, size), { file: 'test.csv', ...rest });
  const batches: Batch[] = [];
  for await (const batch of csv.batches(wanted)) batches.push(batch);
  return {
    header: csv.header,
    rows: batches.flatMap((batch) => batch.rows.map((row) => [...row])),
    lines: batches.flatMap((batch) => [...batch.lines]),
    warnings: csv.warnings,
  };
}

export const ABSENCE = 'pupil-absence-in-schools-in-england';
export const ATTENDANCE = 'pupil-attendance-in-schools';

/** All observations of a file. */
export async function readObservations(
  content: string | Uint8Array,
  context: Partial<NormaliseContext> = {},
): Promise<{ observations: Observation[]; notes: readonly string[] }> {
  const file = context.file ?? 'test.csv';
  const csv = await openCsv(chunked(content), { file });
  const normaliser = createNormaliser(csv.header, {
    publication: ABSENCE,
    publishedAt: '2025-10-16T08:30:00Z',
    ...context,
    file,
  });
  const observations: Observation[] = [];
  for await (const batch of csv.batches(normaliser.wanted)) observations.push(...normaliser.rows(batch));
  const { observations: rest, notes } = normaliser.finish();
  return { observations: [...observations, ...rest], notes: [...csv.warnings, ...notes] };
}
