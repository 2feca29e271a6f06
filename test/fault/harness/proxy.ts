/** A TCP proxy that can go silent or away: what a network does to a connection. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface Proxy {
  readonly port: number;
  /** From now on nothing passes in either direction, and nobody is told. */
  silence(): void;
  /** Every connection ends, new ones are refused. */
  goAway(): Promise<void>;
  /** All is well again, on the same port. */
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

export async function startProxy(target: { readonly host: string; readonly port: number }): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let isSilent = false;
  const serve = (): Server =>
    createServer((near) => {
      const far = connect(target.port, target.host);
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(from);
        from.on('data', (bytes: Buffer) => {
          if (!isSilent) to.write(bytes);
        });
        from.on('error', () => to.destroy());
        from.on('close', () => {
          sockets.delete(from);
          to.destroy();
        });
      }
    });
  const listen = (server: Server, port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
  let server = serve();
  await listen(server, 0);
  const { port } = server.address() as AddressInfo;
  const goAway = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    port,
    silence() {
      isSilent = true;
    },
    goAway,
    async comeBack() {
      isSilent = false;
      if (server.listening) return;
      server = serve();
      await listen(server, port);
    },
    close: goAway,
  };
}
