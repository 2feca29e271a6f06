/**
 * The way out of the building: direct, or through the proxy that HTTPS_PROXY names (a tunnel by CONNECT), except for
 * hosts in NO_PROXY. An additional certificate authority comes through NODE_EXTRA_CA_CERTS, which Node itself reads.
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { HttpsProxyAgent } from 'https-proxy-agent';

/** Environment variables that are looked at: HTTPS_PROXY and NO_PROXY, either case. */
export type ProxyEnvironment = Readonly<Record<string, string | undefined>>;

export interface Agents {
  readonly httpAgent: HttpAgent;
  readonly httpsAgent: HttpAgent;
}

/** Whether NO_PROXY exempts a host: `*`, `host`, `.suffix`, `suffix`, each with an optional `:port`. */
export function bypassesProxy(url: URL, noProxy: string | undefined): boolean {
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  const host = url.hostname.toLowerCase();
  return (noProxy ?? '')
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      const [, name = '', only] = /^\*?\.?(.*?)(?::(\d+))?$/.exec(entry) ?? [];
      if (only !== undefined && only !== port) return false;
      return name !== '' && (host === name || host.endsWith(`.${name}`));
    });
}

const proxyIn = (environment: ProxyEnvironment): string | undefined =>
  environment['HTTPS_PROXY'] ?? environment['https_proxy'];
const noProxyIn = (environment: ProxyEnvironment): string | undefined =>
  environment['NO_PROXY'] ?? environment['no_proxy'];

/** Whether what is asked of a URL goes through the proxy: http never does. */
export function usesProxy(url: URL, environment: ProxyEnvironment): boolean {
  return url.protocol === 'https:' && Boolean(proxyIn(environment)) && !bypassesProxy(url, noProxyIn(environment));
}

/**
 * One pair of agents for a whole run, so that connections are used again.
 * @throws Error when HTTPS_PROXY is no URL
 */
export function createAgents(environment: ProxyEnvironment, connections: number) {
  const proxy = proxyIn(environment);
  const settings = { keepAlive: true, maxSockets: connections };
  const httpAgent = new HttpAgent(settings);
  const direct = new HttpsAgent(settings);
  const tunnel = proxy ? new HttpsProxyAgent(proxyUrl(proxy), settings) : undefined;
  return {
    agentsFor(url: URL): Agents {
      return { httpAgent, httpsAgent: tunnel && !bypassesProxy(url, noProxyIn(environment)) ? tunnel : direct };
    },
    destroy() {
      httpAgent.destroy();
      direct.destroy();
      tunnel?.destroy();
    },
  };
}

function proxyUrl(text: string): URL {
  const full = text.includes('://') ? text : `http://${text}`;
  // Not shown in the message: the URL of a proxy may hold a password.
  if (!/^https?:\/\//i.test(full) || !URL.canParse(full))
    throw new Error('HTTPS_PROXY is not the URL of a proxy; write it like http://proxy.example:3128');
  return new URL(full);
}
