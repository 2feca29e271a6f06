/** Where the files of EES lie while they are loaded. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Settings } from './config.js';

/**
 * A directory of this database alone: a run clears away what it finds there, and what lies there while another database
 * that shares the data directory is being loaded is not its own.
 */
export function downloadsOf({ config, environment }: Pick<Settings, 'config' | 'environment'>): string {
  const key = createHash('sha256')
    .update(JSON.stringify([placeOf(environment.databaseUrl), environment.databaseSchema]))
    .digest('hex')
    .slice(0, 12);
  return join(config.dataDirectory, 'downloads', key);
}

/** The address without who signs in: another password is no other database. */
function placeOf(databaseUrl: string): string {
  if (!URL.canParse(databaseUrl)) return databaseUrl;
  const url = new URL(databaseUrl);
  url.username = '';
  url.password = '';
  for (const name of ['user', 'password']) url.searchParams.delete(name);
  return url.href;
}
