/** The roles of docs/database.md on the suite's Postgres, made by its own statements. */
import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { onTestFinished } from 'vitest';
import { testDatabaseUrl } from './database.js';

/** A connection that ends with the test. */
export async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

/** The address of a database as a role sees it. @param database the suite's own where none is named */
export function addressAs(role: string, database?: string): string {
  const url = new URL(testDatabaseUrl());
  url.username = role;
  url.password = '…';
  if (database !== undefined) url.pathname = `/${database}`;
  return url.href;
}

export interface Roles {
  /** The statements up to the analysts' part, which needs the views. */
  makeService(): Promise<void>;
  makeReader(): Promise<void>;
}

/** Roles NAME (owner of the schema NAME), NAME_service and NAME_reader; gone with all they own when the test ends. */
export async function documentedRoles(name: string): Promise<Roles> {
  const docs = await readFile(new URL('../../docs/database.md', import.meta.url), 'utf8');
  const statements = (/^## Roles\n[^]*?```sql\n([^]*?)```/m.exec(docs)?.[1] ?? '')
    .replaceAll('absence_reader', `${name}_reader`)
    .replace(/\babsence_watch/g, name);
  const [before = '', after = ''] = statements.split(/(?=^-- Analysts)/m);
  const superuser = await connected(testDatabaseUrl());
  onTestFinished(async () => {
    const made = await superuser.query<{ rolname: string }>(
      `select rolname from pg_roles where rolname in ('${name}_reader', '${name}_service', '${name}') order by 1 desc`,
    );
    for (const { rolname: role } of made.rows) {
      await superuser.query(`drop owned by ${role} cascade`);
      await superuser.query(`drop role ${role}`);
    }
  });
  return {
    async makeService() {
      await superuser.query(before);
    },
    async makeReader() {
      await superuser.query(after);
    },
  };
}
