/** One real Postgres for the whole suite, and what it is: said once, at the start. */
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { startServer } from './postgres.js';
import { SCRATCH } from './scratch.js';

declare module 'vitest' {
  interface ProvidedContext {
    testDatabaseUrl: string;
  }
}

/** A server for tests may lose everything in a crash, so it waits for no disk. */
const SETTINGS = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '200' };

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startServer(SETTINGS, SCRATCH);
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  const { rows } = await client.query<{ version: string }>('select version()');
  await client.end();
  console.log(`Tests use ${server.name}: ${(rows[0]?.version ?? '').split(' on ')[0] ?? ''}`);
  project.provide('testDatabaseUrl', server.url);
  return () => server.stop();
}
