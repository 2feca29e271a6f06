import { execFile } from 'node:child_process';
import { createServer, request, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import * as tls from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { StandIn } from '../../demo/stand-in.js';
import { AUTHORITY, GOOD } from '../support/certificates.js';
import { ABSENCE, long, LONG_SET, stringMatching } from './support.js';

/** A company's way out: TLS to EES by a certificate of its own authority, through a proxy that wants a password. */
describe('through a proxy, with an authority of one’s own', () => {
  let ees: StandIn;
  let front: Server;
  let proxy: Server;
  let tlsProxy: Server;
  let directory: string;
  const tunnels: string[] = [];
  /** What the proxy says in place of a tunnel, and by which ways of signing in. */
  let answers: string | undefined;
  let offers = '';
  const listen = (server: Server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const portOf = (server: Server) => (server.address() as AddressInfo).port;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'proxy-'));
    await writeFile(join(directory, 'authority.pem'), AUTHORITY);
    ees = await StandIn.start();
    ees.publish({
      publication: ABSENCE,
      slug: '2024-25',
      title: 'Academic year 2024/25',
      files: [{ name: 'long.csv', title: 'Persistent and severe', content: long(), api: { dataSetId: LONG_SET } }],
    });
    // TLS in front of the stand-in, as a gateway does it.
    front = createTlsServer({ cert: GOOD.cert, key: GOOD.key }, (incoming, outgoing) => {
      const onward = request(ees.origin + (incoming.url ?? ''), { headers: incoming.headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      });
      onward.end();
    });
    await listen(front);
    const tunnel = createServer((_request, response) => response.writeHead(405).end());
    tlsProxy = createTlsServer({ cert: GOOD.cert, key: GOOD.key });
    const onConnect = (incoming: IncomingMessage, socket: Duplex): void => {
      tunnels.push(incoming.url ?? '');
      const password = `Basic ${Buffer.from('luton:s3cret').toString('base64')}`;
      if (incoming.headers['proxy-authorization'] !== password) {
        socket.end(`HTTP/1.1 407 Proxy Authentication Required\r\n${offers}\r\n`);
        return;
      }
      if (answers === 'silence') return;
      if (answers !== undefined) {
        socket.end(`HTTP/1.1 ${answers}\r\nContent-Length: 5\r\n\r\nSorry`);
        return;
      }
      const [, port] = (incoming.url ?? '').split(':');
      const onward = connect(Number(port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        onward.pipe(socket).pipe(onward);
      });
      const end = () => {
        onward.destroy();
        socket.destroy();
      };
      onward.on('error', end);
      socket.on('error', end);
    };
    proxy = tunnel.on('connect', onConnect);
    tlsProxy.on('connect', onConnect);
    await Promise.all([listen(proxy), listen(tlsProxy)]);
  });
  afterAll(async () => {
    await ees.close();
    front.close();
    proxy.close();
    tlsProxy.close();
    await rm(directory, { recursive: true });
  });
  beforeEach(() => {
    tunnels.length = 0;
    answers = undefined;
    offers = '';
  });

  /** What a process with this environment gets. */
  async function ask(environment: Record<string, string>) {
    const child = await promisify(execFile)(process.execPath, ['--import', 'tsx', 'test/extract/ask.child.ts'], {
      env: {
        PATH: process.env['PATH'],
        // What lies there already is not fetched.
        DOWNLOADS: await mkdtemp(join(directory, 'downloads-')),
        EES_ORIGIN: `https://localhost:${portOf(front)}`,
        ...environment,
      },
    });
    const said = child.stdout + child.stderr;
    expect(said).not.toContain('s3cret');
    return JSON.parse(child.stdout) as {
      api: { ok: boolean; reason?: string; fault?: string };
      content: { ok: boolean };
      rows: unknown;
    };
  }

  const trusting = () => ({ NODE_EXTRA_CA_CERTS: join(directory, 'authority.pem') });
  const proxied = (password = 's3cret') => ({ HTTPS_PROXY: `http://luton:${password}@127.0.0.1:${portOf(proxy)}` });

  it('answers and files come through the tunnel', async () => {
    expect(await ask({ ...trusting(), ...proxied() })).toMatchObject({
      api: { ok: true },
      content: { ok: true },
      rows: 3,
    });
    expect(new Set(tunnels)).toEqual(new Set([`localhost:${portOf(front)}`]));
  });

  it('a proxy that is itself spoken to by TLS', async () => {
    const spoken = { HTTPS_PROXY: `https://luton:s3cret@localhost:${portOf(tlsProxy)}` };
    expect(await ask({ ...trusting(), ...spoken })).toMatchObject({
      api: { ok: true },
      content: { ok: true },
      rows: 3,
    });
    expect(tunnels.length).toBeGreaterThan(0);
    const { api } = await ask(spoken);
    expect(api.reason).toContain(`the proxy https://localhost:${portOf(tlsProxy)} could not be reached (UNABLE_TO`);
  });

  it('NO_PROXY goes past it', async () => {
    expect(await ask({ ...trusting(), ...proxied(), NO_PROXY: 'localhost' })).toMatchObject({
      api: { ok: true },
      rows: 3,
    });
    expect(tunnels).toEqual([]);
  });

  it('the authority may be named by a file, from Node 22.19 on; before that it is refused with what to do', async () => {
    const path = join(directory, 'authority.path');
    await writeFile(path, `${trusting().NODE_EXTRA_CA_CERTS}\n`);
    const asked = ask({ NODE_EXTRA_CA_CERTS_FILE: path, ...proxied() });
    if ('setDefaultCACertificates' in tls) expect(await asked).toMatchObject({ api: { ok: true }, rows: 3 });
    else
      await expect(asked).rejects.toThrow(
        /NODE_EXTRA_CA_CERTS_FILE: needs Node 22\.19 or later.*set NODE_EXTRA_CA_CERTS/,
      );
  });

  it('without the authority the certificate is refused, and the reason says so', async () => {
    const { api } = await ask(proxied());
    expect(api).toMatchObject({
      ok: false,
      reason: stringMatching(/could not be reached \(UNABLE_TO_VERIFY_LEAF_SIGNATURE\)/),
    });
  });

  it('a proxy without a scheme is one of http, and an empty variable is none', async () => {
    const { HTTPS_PROXY: url } = proxied();
    const bareProxy = { HTTPS_PROXY: '', https_proxy: url.replace('http://', ''), NO_PROXY: '' };
    expect(await ask({ ...trusting(), ...bareProxy })).toMatchObject({ api: { ok: true }, rows: 3 });
    expect(tunnels.length).toBeGreaterThan(0);
  });

  it.each([
    ['wr0ng', '', 'refuses the user or the password that HTTPS_PROXY has (407): check them'],
    [undefined, '', 'asks for a user and a password (407): put them into HTTPS_PROXY'],
    [
      undefined,
      'Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n',
      'wants a sign-in that is not known here (407, Negotiate, NTLM)',
    ],
    [undefined, 'Proxy-Authenticate: NTLM\r\nProxy-Authenticate: Basic realm="a, b"\r\n', 'asks for a user'],
  ])(
    'a refused sign-in at the proxy is told as its own, with what to do: password %s',
    async (password, offered, says) => {
      offers = offered;
      const proxyUrl = `http://127.0.0.1:${portOf(proxy)}`;
      const environment = password === undefined ? { HTTPS_PROXY: proxyUrl } : proxied(password);
      const { api, rows } = await ask({ ...trusting(), ...environment });
      expect(api).toMatchObject({ ok: false, fault: 'proxy' });
      expect(api.reason).toContain(`could not be reached: the proxy ${proxyUrl} ${says}`);
      expect(rows).toContain(says);
      expect(JSON.stringify([api, rows])).not.toMatch(/wr0ng|luton/);
    },
  );

  it.each([
    ['403 Forbidden', 'lets nothing through to localhost:', 1],
    ['502 Bad Gateway', 'has no way to localhost:', 2],
    ['503 Service Unavailable', 'has no way to localhost:', 2],
  ])('a proxy that answers %s is named, and asked again only where that may help', async (status, says, times) => {
    answers = status;
    const { api, rows } = await ask({ ...trusting(), ...proxied(), ATTEMPTS: '2' });
    expect(api).toMatchObject({ ok: false, fault: 'proxy' });
    expect(api.reason).toContain(`the proxy http://127.0.0.1:${portOf(proxy)} ${says}`);
    expect(rows).toContain(status.slice(0, 3));
    // Two APIs and a file.
    expect(tunnels).toHaveLength(3 * times);
  });

  it('a proxy that says nothing, or that is not there, keeps no process from ending', async () => {
    answers = 'silence';
    expect((await ask({ ...trusting(), ...proxied(), REQUEST_MS: '500' })).api.reason).toContain('did not answer');
    const { api } = await ask({ ...trusting(), HTTPS_PROXY: 'http://luton:s3cret@127.0.0.1:1' });
    expect(api).toMatchObject({ fault: 'proxy' });
    expect(api.reason).toContain('the proxy http://127.0.0.1:1 could not be reached (ECONNREFUSED): check HTTPS_PROXY');
  });
});
