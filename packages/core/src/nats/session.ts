import { type Deferred, deferred } from "@ganglion/kernel";
import {
  type ConnectOptions,
  decodeInfo,
  encodeConnect,
  type MessageFrame,
  PING,
  PONG,
  type ServerInfo,
  ServerOperationParser,
  type ServerOperationVisitor,
} from "@ganglion/protocol";
import { coreError } from "../errors.js";
import type { OutboxSink } from "./outbox.js";
import type { SessionSocket } from "./socket.js";

/** What a session tells its connection. */
export interface SessionHooks {
  message(frame: MessageFrame): void;
  /** INFO after the first one: a cluster changed, or the server is about to stop. */
  info(info: ServerInfo): void;
  /** -ERR after the handshake, without quotes. */
  serverError(text: string): void;
  /** The socket takes more. */
  drained(): void;
  /** The session is over. Called once, also for sessions that never were established. */
  ended(error: Error | undefined): void;
}

/** One stream to a server, from INFO to its end. */
export class Session implements OutboxSink, ServerOperationVisitor {
  private readonly parser = new ServerOperationParser(this);
  private readonly firstInfo: Deferred<ServerInfo> = deferred();
  private readonly pongs: Deferred<void>[] = [];
  private established = false;
  private over = false;
  private lastError: Error | undefined;

  constructor(
    private socket: SessionSocket,
    private readonly hooks: SessionHooks,
  ) {
    this.firstInfo.promise.catch(() => {}); // whoever waits for it gets the error
    this.listen();
  }

  /** Pings sent and not answered. */
  get pingsOut(): number {
    return this.pongs.length;
  }

  /** The server's greeting. */
  greeting(): Promise<ServerInfo> {
    return this.firstInfo.promise;
  }

  /** Continues on another stream over the same one: TLS. */
  async replaceSocket(replace: (socket: SessionSocket) => Promise<SessionSocket>): Promise<void> {
    this.socket.removeAllListeners();
    this.socket = await replace(this.socket);
    this.listen();
  }

  /** Says who connects, and resolves when the server has accepted it. */
  async introduce(options: Partial<ConnectOptions>): Promise<void> {
    this.socket.write(encodeConnect(options));
    await this.roundTrip();
    this.established = true;
  }

  /** Resolves when the server has worked on everything that was written before. */
  roundTrip(): Promise<void> {
    const pong = deferred();
    if (this.over) {
      pong.reject(this.endError());
    } else {
      this.pongs.push(pong);
      this.socket.write(PING);
    }
    return pong.promise;
  }

  write(data: string | Uint8Array, encoding?: "latin1" | "utf8"): boolean {
    return typeof data === "string" ? this.socket.write(data, encoding) : this.socket.write(data);
  }

  /** Ends it at once, for a reason that everyone who waits is told. */
  destroy(error?: Error): void {
    this.lastError ??= error;
    this.socket.destroy();
    this.end();
  }

  /** Ends it after everything is written. */
  async finish(): Promise<void> {
    if (this.over) return;
    await new Promise<void>((resolve) => {
      this.socket.once("close", () => resolve());
      this.socket.end();
    });
    this.end();
  }

  message(frame: MessageFrame): void {
    this.hooks.message(frame);
  }

  info(json: string): void {
    const info = decodeInfo(json);
    if (this.established) this.hooks.info(info);
    else this.firstInfo.resolve(info);
  }

  /** The server asks for a sign of life. */
  ping(): void {
    this.socket.write(PONG);
  }

  pong(): void {
    this.pongs.shift()?.resolve();
  }

  ok(): void {}

  error(text: string): void {
    const plain = text.replace(/^'|'$/g, "");
    if (this.established) this.hooks.serverError(plain);
    else this.destroy(coreError("CONNECTION_FAILED", `The server refused the connection: ${plain}`));
  }

  private listen(): void {
    this.socket.on("data", (chunk: Buffer) => this.receive(chunk));
    this.socket.on("drain", () => this.hooks.drained());
    this.socket.on("error", (error) => {
      this.lastError ??= error;
    });
    this.socket.on("close", () => this.end());
  }

  private receive(chunk: Buffer): void {
    const fault = this.parser.feed(chunk);
    if (fault !== undefined) {
      this.destroy(coreError("CONNECTION_CLOSED", `The server broke the protocol: ${fault.detail}`));
    }
  }

  private end(): void {
    if (this.over) return;
    this.over = true;
    this.parser.stop();
    const error = this.endError();
    this.firstInfo.reject(error);
    for (const pong of this.pongs.splice(0)) pong.reject(error);
    this.hooks.ended(this.lastError);
  }

  private endError(): Error {
    return (
      this.lastError ??
      coreError("CONNECTION_CLOSED", "The server closed the connection", { retryable: true })
    );
  }
}
