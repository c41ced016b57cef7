import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Stands between clients and a server, and cuts their connections when told to. */
export class CuttingProxy implements AsyncDisposable {
  private readonly sockets = new Set<Socket>();
  /** Connections that were cut. */
  cutCount = 0;

  private constructor(private readonly server: Server) {}

  static async start(target: string): Promise<CuttingProxy> {
    const { hostname: host, port } = new URL(target);
    const server = createServer();
    const proxy = new CuttingProxy(server);
    server.on("connection", (client) => {
      const upstream = connect({ host, port: Number(port), noDelay: true });
      client.setNoDelay(true);
      for (const [from, to] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        proxy.sockets.add(from);
        from.on("error", () => {});
        from.once("close", () => {
          proxy.sockets.delete(from);
          to.destroy();
        });
        from.pipe(to);
      }
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return proxy;
  }

  get url(): string {
    return `nats://127.0.0.1:${(this.server.address() as AddressInfo).port}`; // a TCP listener has no other form
  }

  /** Cuts every connection in the middle of whatever it carries. */
  cut(): void {
    this.cutCount += this.sockets.size / 2;
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.server, "close");
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}
