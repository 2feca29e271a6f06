/**
 * The way out of the building: direct, or through the proxy that HTTPS_PROXY names (a tunnel by CONNECT), except for
 * hosts in NO_PROXY. An additional certificate authority comes through NODE_EXTRA_CA_CERTS, which Node itself reads.
 */
import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { BlockList, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { HttpsProxyAgent } from 'https-proxy-agent';

/** Environment variables that are looked at: HTTPS_PROXY and NO_PROXY, either case. */
export type ProxyEnvironment = Readonly<Record<string, string | undefined>>;

export interface Agents {
  readonly httpAgent: HttpAgent;
  readonly httpsAgent: HttpAgent;
}

/**
 * Whether NO_PROXY exempts a host: `*`, `host`, `.suffix`, `suffix`, each with an optional `:port`; an address, or a range
 * of addresses (`10.0.0.0/8`), for hosts that are given as such: as curl has it, no name is looked up for that.
 */
export function bypassesProxy(url: URL, noProxy: string | undefined): boolean {
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  const host = bare(url.hostname.toLowerCase());
  return (noProxy ?? '')
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      const [, range = '', bits] = /^(.+)\/(\d{1,3})$/.exec(entry) ?? [];
      if (bits !== undefined) return isInRange(host, bare(range), Number(bits));
      if (isIP(entry) !== 0) return entry === host;
      const [, name = '', only] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? [];
      if (only !== undefined && only !== port) return false;
      const exempt = bare(name.replace(/^\*?\./, ''));
      return exempt !== '' && (host === exempt || (isIP(host) === 0 && host.endsWith(`.${exempt}`)));
    });
}

/** A host without the brackets of an IPv6 address, or the dot that ends a name of which nothing is left out. */
function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

function isInRange(host: string, network: string, bits: number): boolean {
  const family = isIP(network);
  if (family === 0 || isIP(host) !== family || bits > (family === 4 ? 32 : 128)) return false;
  const range = new BlockList();
  const type = family === 4 ? 'ipv4' : 'ipv6';
  range.addSubnet(network, bits, type);
  return range.check(host, type);
}

/** Of an empty one nothing is said, as compose files set it so. */
const either = (environment: ProxyEnvironment, name: string): string | undefined =>
  [environment[name], environment[name.toLowerCase()]].map((value) => value?.trim()).find(Boolean);
const proxyIn = (environment: ProxyEnvironment): string | undefined => either(environment, 'HTTPS_PROXY');
const noProxyIn = (environment: ProxyEnvironment): string | undefined => either(environment, 'NO_PROXY');

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
  const tunnel = proxy ? new Tunnels(proxyUrl(proxy), settings) : undefined;
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

/** The proxy keeps a request from its host. The message begins with the proxy, without its password, and says what to do. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';

  constructor(
    message: string,
    /** Whether asking again may help. */
    readonly retryable: boolean,
  ) {
    super(message);
  }
}

/** From asking the proxy for a tunnel to its answer: less than a request may take, so that the proxy is named. */
const CONNECT_MS = 30_000;

/**
 * Tunnels through a proxy. Other than with the agent that this extends, what the proxy answers in place of a tunnel is
 * never taken for an answer of the host, a proxy that is silent is given up, and `destroy` leaves none being asked.
 */
class Tunnels extends HttpsProxyAgent<string> {
  readonly #asked = new Set<ClientRequest>();

  /** @throws ProxyError */
  override connect(
    _request: ClientRequest,
    options: Parameters<HttpsProxyAgent<string>['connect']>[1],
  ): Promise<Socket> {
    const { proxy } = this;
    const host = `${isIP(options.host ?? '') === 6 ? `[${options.host}]` : options.host}:${options.port}`;
    const [user, password] = [proxy.username, proxy.password].map(decodeURIComponent);
    const credentials = Buffer.from(`${user}:${password}`).toString('base64');
    return new Promise((settle, fail) => {
      const asking = (proxy.protocol === 'https:' ? httpsRequest : httpRequest)({
        host: bare(proxy.hostname),
        port: proxy.port === '' ? undefined : proxy.port,
        method: 'CONNECT',
        path: host,
        agent: false,
        headers: {
          Host: host,
          Connection: 'keep-alive',
          'Proxy-Connection': 'keep-alive',
          ...(proxy.username === '' && proxy.password === '' ? {} : { 'Proxy-Authorization': `Basic ${credentials}` }),
        },
      });
      this.#asked.add(asking);
      const refuse = (why: string, retryable: boolean): void => {
        fail(new ProxyError(`the proxy ${proxy.protocol}//${proxy.host} ${why}`, retryable));
      };
      const late = setTimeout(() => {
        refuse(`did not answer within ${CONNECT_MS / 1000} s: check HTTPS_PROXY`, true);
        asking.destroy();
      }, CONNECT_MS);
      const over = (): void => {
        clearTimeout(late);
        this.#asked.delete(asking);
      };
      asking.once('close', over);
      asking.on('error', (error: NodeJS.ErrnoException) => {
        const check = proxy.protocol === 'https:' ? 'HTTPS_PROXY and NODE_EXTRA_CA_CERTS' : 'HTTPS_PROXY';
        refuse(`could not be reached (${error.code ?? 'no answer'}): check ${check}`, true);
      });
      asking.once('connect', (answer, socket: Socket) => {
        const { statusCode: status = 0 } = answer;
        over();
        if (status >= 200 && status < 300) {
          settle(options.secureEndpoint ? connectTls({ ...options, socket }) : socket);
          return;
        }
        socket.destroy();
        refuse(refusalWords(answer, host, proxy), status === 408 || status === 429 || status >= 500);
      });
      asking.end();
    });
  }

  override destroy(): void {
    super.destroy();
    for (const asking of this.#asked) asking.destroy();
  }
}

function refusalWords({ statusCode: status = 0, headers }: IncomingMessage, host: string, proxy: URL): string {
  if (status === 407) {
    // Several come as one, and what follows the name of one has an equals sign.
    const offered = (headers['proxy-authenticate'] ?? '').split(',').map((each) => each.trim().split(/\s/, 1)[0] ?? '');
    const ways = offered.filter((way) => way !== '' && !way.includes('='));
    if (ways.length > 0 && !ways.some((way) => way.toLowerCase() === 'basic'))
      return `wants a sign-in that is not known here (407, ${ways.join(', ')}): ask whoever runs it to let this machine through`;
    return proxy.username === '' && proxy.password === ''
      ? 'asks for a user and a password (407): put them into HTTPS_PROXY, like http://user:password@proxy.example:3128'
      : 'refuses the user or the password that HTTPS_PROXY has (407): check them';
  }
  return status >= 500
    ? `has no way to ${host} now (${status}): should that last, ask whoever runs it`
    : `lets nothing through to ${host} (${status}): ask whoever runs it to allow that host`;
}
