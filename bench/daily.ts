/** What happens every few minutes and on a release morning: an unchanged poll, a release to a mail, many rules. */
import { sql } from 'kysely';
import { composedReleases, StandIn, startMailCatcher } from '../demo/index.js';
import { openDatabase } from '../src/load/database.js';
import type { BenchFile } from './files.js';
import type { DatabaseServer } from './measure.js';
import { command, loadArguments, type Program, type Ran } from './program.js';

export interface Poll extends Ran {
  readonly requests: number;
  readonly bytes: number;
}

export interface Release {
  /** From the moment of publication to the last mail accepted by the mail server. */
  readonly acceptedMs: number;
  readonly ran: Ran;
  readonly mails: number;
  readonly files: number;
}

/** Publishes composed releases on a stand-in, lets the program take them in, then the next one, then nothing new. */
export async function releaseAndPolls(
  program: Program,
  server: DatabaseServer,
  schema: string,
  polls: number,
): Promise<{ release: Release; polls: Poll[] }> {
  await server.client.query(`drop schema if exists ${schema} cascade`);
  const [standIn, catcher] = await Promise.all([StandIn.start(), startMailCatcher()]);
  try {
    const env = { SMTP_URL: catcher.url, EES_API_URL: standIn.apiUrl, EES_CONTENT_URL: standIn.contentUrl };
    const steps = composedReleases();
    const newest = steps.findIndex(({ id }) => id === NEWEST);
    for (const step of steps.slice(0, newest)) step.apply(standIn);
    await command(program, server, ['run'], { schema, env, rules: RULES });

    const before = catcher.messages.length;
    steps[newest]?.apply(standIn);
    const published = Date.now();
    const seen = standIn.requests.length;
    const ran = await command(program, server, ['run'], { schema, env, rules: RULES });
    const mails = catcher.messages.slice(before);
    const accepted = Math.max(...mails.map(({ receivedAt }) => receivedAt.getTime()));
    const files = standIn.requests.slice(seen).filter(({ path }) => /\/(files|csv)\b/.test(path)).length;

    const unchanged: Poll[] = [];
    for (let poll = 0; poll < polls; poll += 1) {
      const first = standIn.requests.length;
      const again = await command(program, server, ['run'], { schema, env, rules: RULES });
      const requests = standIn.requests.slice(first);
      unchanged.push({
        ...again,
        requests: requests.length,
        bytes: requests.reduce((sum, request) => sum + request.bytes, 0),
      });
    }
    return { release: { acceptedMs: accepted - published, ran, mails: mails.length, files }, polls: unchanged };
  } finally {
    await Promise.all([standIn.close(), catcher.close()]);
  }
}

const NEWEST = 'autumn-and-spring-2024-25';

const RULES = `
recipients: { team: [team@example.org], desk: [desk@example.org], operator: [ops@example.org] }
rules:
  - { name: Persistent, measure: persistent_absence_rate, areas: [{ level: Local authority }], rise: 0.1, notify: [team] }
  - { name: Severe, measure: severe_absence_rate, areas: [{ level: Local authority }], above: 2, notify: [team, desk] }
briefs: [{ areas: [Luton], notify: [desk] }]
mail: { from: watch@example.org, tls: "off", max_per_hour: 1000 }
`;

export interface Ruled {
  readonly ran: Ran;
  readonly rules: number;
  readonly schools: number;
  readonly states: number;
}

/**
 * Evaluates a thousand new rules over the schools that are loaded: the rules of an authority watch its schools, primary
 * and secondary by turns, each with a line of its own, so that every school is watched by several.
 */
export async function thousandRules(
  program: Program,
  server: DatabaseServer,
  file: BenchFile,
  schema: string,
): Promise<Ruled> {
  const store = await openDatabase(server.url, { schema });
  try {
    const { rows: authorities } = await sql<{ code: string; schools: number }>`
      select a.code, count(*)::int as schools from area a join area s on s.level = 'School' and s.old_la_code = a.old_la_code
      where a.level = 'Local authority' group by a.code order by a.code`.execute(store.db);
    const lines = Array.from({ length: RULES_IN_ALL }, (_, index) => {
      const code = authorities[index % authorities.length]?.code ?? '';
      const turn = Math.floor(index / authorities.length);
      const type = TYPES[turn % TYPES.length] ?? '';
      const line = 10 + turn;
      return `  - { name: "${code} above ${line}", measure: persistent_absence_rate, areas: [{ level: School, within: ${code} }], school_type: ${type}, above: ${line}, notify: [team] }`;
    });
    const rules = `recipients: { team: [team@example.org] }\nmail: { from: watch@example.org }\nrules:\n${lines.join('\n')}\n`;
    const ran = await command(program, server, loadArguments(file), { schema, rules });
    const { rows } = await sql<{ n: number }>`select count(*)::int as n from alert_state`.execute(store.db);
    const schools = authorities.reduce((sum, each) => sum + each.schools, 0);
    return { ran, rules: RULES_IN_ALL, schools, states: rows[0]?.n ?? 0 };
  } finally {
    await store.close();
  }
}

const RULES_IN_ALL = 1000;
/** A school has figures of its own type only. */
const TYPES = ['State-funded primary', 'State-funded secondary'];
