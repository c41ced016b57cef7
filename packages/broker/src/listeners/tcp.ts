import { createServer, type Server, type Socket } from "node:net";
import type { Logger } from "@ganglion/kernel";
import { type ListenAddress, listen } from "./listen.js";

/** Accepts TCP connections. */
export class TcpListener {
  private constructor(
    private readonly server: Server,
    /** The port it got. */
    readonly port: number,
  ) {}

  /**
   * Starts to listen.
   *
   * @throws GanglionError `LISTEN_FAILED`, retryable when the address is in use.
   */
  static async open(
    { host, port, logger }: ListenAddress & { readonly logger: Logger },
    accept: (socket: Socket) => void,
  ): Promise<TcpListener> {
    const server = createServer({ noDelay: true }, accept);
    const bound = await listen(server, { address: { host, port }, purpose: "client connections", logger });
    return new TcpListener(server, bound.port);
  }

  /** Accepts nothing more. Open connections stay. */
  close(): void {
    this.server.close();
  }
}
