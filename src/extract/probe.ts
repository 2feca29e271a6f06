/** Whether both hosts of EES answer: for `doctor`. */
import type * as z from 'zod';
import { publicationPage, sitemap } from './answers.js';
import type { Api, EesClient } from './client.js';
import { EesProxyError, EesRefusedError, troubleOf } from './errors.js';

export type Probe =
  | { readonly ok: true; readonly ms: number }
  | {
      readonly ok: false;
      readonly ms: number;
      readonly reason: string;
      /**
       * 'route': the host answers, but the route is gone or answers another shape; 'refused': something says no, EES or
       * a firewall before it; 'proxy': the proxy of HTTPS_PROXY did not let it through; 'host': no usable answer.
       */
      readonly fault: 'route' | 'refused' | 'proxy' | 'host';
    };

/** One cheap request to each API, side by side, each with the retries of any other. @throws when the run is stopped */
export async function probe(client: EesClient): Promise<{ api: Probe; content: Probe }> {
  const [api, content] = await Promise.all([
    ask(client, 'official', '/publications', publicationPage, { page: 1, pageSize: 1 }),
    ask(client, 'content', '/publications/sitemap-items', sitemap, {}),
  ]);
  return { api, content };
}

async function ask(
  client: EesClient,
  api: Api,
  path: string,
  schema: z.ZodType,
  query: Record<string, number>,
): Promise<Probe> {
  const started = client.now();
  try {
    await client.get(api, path, schema, query);
    return { ok: true, ms: client.now() - started };
  } catch (error) {
    client.signal?.throwIfAborted();
    return {
      ok: false,
      ms: client.now() - started,
      reason: error instanceof Error ? error.message : String(error),
      fault: faultOf(error),
    };
  }
}

function faultOf(error: unknown): Extract<Probe, { ok: false }>['fault'] {
  if (error instanceof EesProxyError) return 'proxy';
  // 401, 403 and 407 are the words of a proxy or firewall as often as those of EES.
  if (error instanceof EesRefusedError) return [404, 410].includes(error.status) ? 'route' : 'refused';
  return troubleOf(error) === 'vanished' ? 'route' : 'host';
}
