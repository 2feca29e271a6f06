/**
 * Files that were fetched whole by a run which was killed before it had loaded them: the next one need not fetch them
 * again. A file counts as held once a record of what it is lies beside it; the record is written last.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { sourceKey, type FileSource } from './wanted.js';

const PREFIX = 'absence-watch-';
const RECORD = '.json';
const FILE = '.csv';

/** ms: whoever has not come back for a file by then will hardly come. */
const KEPT_MS = 24 * 60 * 60_000;

const factsOf = z.object({
  bytes: z.number().int().positive(),
  /** Hex, of the plain bytes. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** CSV records without the header. */
  rows: z.number().int().nonnegative(),
  fileName: z.string(),
  contentType: z.string(),
  etag: z.string().optional(),
  notes: z.array(z.string()),
  doubts: z.array(z.string()).default([]),
  detour: z.string().optional(),
});
/** What is known of a file that was fetched. */
export type FileFacts = z.infer<typeof factsOf>;

const recordOf = z.object({ key: z.string(), fetchedAt: z.iso.datetime(), facts: factsOf });

/** A file that is written and not yet known to be whole. */
export function pieceIn(directory: string): string {
  return join(directory, `${PREFIX}${randomUUID()}.part`);
}

/** Source keys come from EES: only a digest of them names a file. */
function placeOf(directory: string, source: FileSource): string {
  return join(directory, PREFIX + createHash('sha256').update(sourceKey(source)).digest('hex').slice(0, 32));
}

/**
 * Gives a whole piece its name, and makes that last through a power cut.
 * @param at ISO time
 * @returns its path
 */
export async function hold(
  piece: string,
  directory: string,
  source: FileSource,
  facts: FileFacts,
  at: string,
): Promise<string> {
  const place = placeOf(directory, source);
  await rename(piece, place + FILE);
  const record: z.infer<typeof recordOf> = { key: sourceKey(source), fetchedAt: at, facts };
  const draft = pieceIn(directory);
  await writeFile(draft, JSON.stringify(record), { mode: 0o600, flush: true });
  await rename(draft, place + RECORD);
  await syncDirectory(directory);
  return place + FILE;
}

/** A file of this source that lies there whole: its bytes are those that were fetched; undefined where there is none. */
export async function heldFile(
  directory: string,
  source: FileSource,
): Promise<{ readonly path: string; readonly facts: FileFacts } | undefined> {
  const path = placeOf(directory, source) + FILE;
  const record = await recordAt(placeOf(directory, source) + RECORD);
  if (record?.key !== sourceKey(source)) return undefined;
  const found = await stat(path).catch(() => undefined);
  if (found?.size !== record.facts.bytes || (await digestOf(path)) !== record.facts.sha256) return undefined;
  return { path, facts: record.facts };
}

/** Removes a file that is no longer needed. */
export async function letGo(directory: string, source: FileSource): Promise<void> {
  // The record first: a file without one is not held.
  for (const ending of [RECORD, FILE]) await rm(placeOf(directory, source) + ending, { force: true });
}

/**
 * Removes what a process that was killed left behind, but for files that are whole and may still be wanted. Call it only
 * while holding the lock of a run.
 * @param now ms since 1970
 * @returns the names of what was removed
 */
export async function cleanDownloads(directory: string, now: number): Promise<string[]> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const names = (await readdir(directory)).filter((name) => name.startsWith(PREFIX));
  const kept = new Set<string>();
  for (const name of names.filter((each) => each.endsWith(RECORD))) {
    const record = await recordAt(join(directory, name));
    const age = record === undefined ? Infinity : now - Date.parse(record.fetchedAt);
    if (age >= 0 && age < KEPT_MS) kept.add(name).add(name.slice(0, -RECORD.length) + FILE);
  }
  const left = names.filter((name) => !kept.has(name));
  await Promise.all(left.map((name) => rm(join(directory, name), { force: true })));
  return left;
}

async function recordAt(path: string): Promise<z.infer<typeof recordOf> | undefined> {
  try {
    return recordOf.safeParse(JSON.parse(await readFile(path, 'utf8'))).data;
  } catch {
    return undefined;
  }
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** A rename lasts through a power cut only once the directory is on disk too. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
