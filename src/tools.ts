/** What every command and step is given, and the way to EES that is made of it. */
import type { Logger } from 'pino';
import { heartbeat } from './alerts/operator.js';
import type { Smtp } from './alerts/smtp.js';
import type { Settings } from './config.js';
import { createAgents, type ProxyEnvironment } from './extract/agents.js';
import { createEesClient, type Budget, type EesClient } from './extract/client.js';
import type { LeftAlone } from './extract/left-alone.js';
import type { Store } from './load/database.js';
import { VERSION } from './version.js';

/** What everything is done with. */
export interface Tools {
  readonly store: Store;
  readonly settings: Settings;
  readonly log: Logger;
  readonly now: () => Date;
  /** Aborted: what is under way stops, nothing is left half done. */
  readonly signal: AbortSignal;
  /** Figures are composed, not published: every mail says so. */
  readonly composed?: boolean;
  /** A word on how far it is, for a terminal. */
  readonly progress?: (text: string) => void;
  /** A way to the mail server that is open already. */
  readonly mailServer?: Smtp | undefined;
}

/** The proxy as configured. */
export function proxyOf({ environment }: Settings): ProxyEnvironment {
  return {
    ...(environment.httpsProxy === undefined ? {} : { HTTPS_PROXY: environment.httpsProxy }),
    NO_PROXY: environment.noProxy.join(','),
  };
}

/** Pings `heartbeat_url`, where one is configured. Never throws. */
export async function ping(settings: Settings, event: 'start' | 'success' | 'fail', runId?: number): Promise<void> {
  const url = settings.config.heartbeatUrl;
  if (url === undefined) return;
  const agents = createAgents(proxyOf(settings), 1);
  await heartbeat(url, event, runId, agents.agentsFor(new URL(url)));
  agents.destroy();
}

/** The way to EES, as configured. @param leftAlone what is not asked, by what runs before were told */
export function openClient(
  settings: Settings,
  now: () => Date,
  signal: AbortSignal,
  budget: Partial<Budget> = {},
  leftAlone: readonly LeftAlone[] = [],
): EesClient {
  const { environment, config } = settings;
  return createEesClient({
    apiUrl: environment.eesApiUrl,
    contentUrl: environment.eesContentUrl,
    contact: config.contact,
    version: VERSION,
    environment: proxyOf(settings),
    signal,
    budget,
    leftAlone,
    now: () => now().getTime(),
  });
}

/** What an error says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
