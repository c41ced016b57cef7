import { createServer, type Server, type Socket } from "node:net";
import { brokerError } from "../errors.js";

/** Where a listener accepts connections. */
export interface ListenAddress {
  readonly host: string;
  /** 0 or -1 takes a free port. */
  readonly port: number;
}

/** Connections the system holds until they are accepted: many clients reconnect at the same moment. */
const BACKLOG = 4_096;

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
  static open({ host, port }: ListenAddress, accept: (socket: Socket) => void): Promise<TcpListener> {
    return new Promise((resolve, reject) => {
      const server = createServer({ noDelay: true }, accept);
      server.once("error", (cause: NodeJS.ErrnoException) => {
        const retryable = cause.code === "EADDRINUSE";
        const details = { host, port };
        const message = `Cannot listen for client connections on ${host}:${port}: ${cause.message}`;
        reject(brokerError("LISTEN_FAILED", message, { cause, retryable, details }));
      });
      server.listen({ host, port: Math.max(0, port), backlog: BACKLOG }, () => {
        const address = server.address();
        resolve(
          new TcpListener(server, typeof address === "object" && address !== null ? address.port : port),
        );
      });
    });
  }

  /** Accepts nothing more. Open connections stay. */
  close(): void {
    this.server.close();
  }
}
