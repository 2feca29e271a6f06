import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../src/config.js';
import { ping } from '../src/tools.js';

it.each([
  ['goes through the proxy', undefined, ['monitor.invalid:443']],
  ['goes past it to a host that NO_PROXY names', 'monitor.invalid', []],
] as const)('a heartbeat %s', async (_what, noProxy, expected) => {
  const tunnels: string[] = [];
  const proxy = createServer().on('connect', (request, socket) => {
    tunnels.push(request.url ?? '');
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const directory = await mkdtemp(join(tmpdir(), 'absence-watch-ping-'));
  onTestFinished(async () => {
    proxy.closeAllConnections();
    proxy.close();
    await rm(directory, { recursive: true });
  });
  await writeFile(join(directory, 'watch.yaml'), 'heartbeat_url: https://monitor.invalid/uuid\n');
  const environment = {
    HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    ...(noProxy === undefined ? {} : { NO_PROXY: noProxy }),
  };
  await ping(await loadConfig('watch.yaml', environment, directory), 'fail');
  expect(tunnels).toEqual(expected);
});
