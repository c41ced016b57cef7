import { once } from "node:events";
import { connect, type Socket } from "node:net";

const TIMEOUT_MS = 5_000;

/** A client that sends and receives exactly the bytes a test wants. */
export class RawClient {
  private text = "";
  private ended = false;
  private pingsSent = 0;
  private readonly changed: (() => void)[] = [];

  private constructor(private readonly socket: Socket) {
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => this.update(() => (this.text += chunk)));
    socket.on("close", () => this.update(() => (this.ended = true)));
    socket.on("error", () => {}); // a reset is an end as well
  }

  /** Connects to `nats://host:port`. */
  static async open(url: string): Promise<RawClient> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    await once(socket, "connect");
    const client = new RawClient(socket);
    await client.until(/^INFO .*\r\n/);
    return client;
  }

  /** Everything that has been received, as Latin-1. */
  get received(): string {
    return this.text;
  }

  get isClosed(): boolean {
    return this.ended;
  }

  send(text: string | Uint8Array): void {
    if (typeof text === "string") this.pingsSent += text.match(/^PING\r\n/gim)?.length ?? 0;
    this.socket.write(text);
  }

  /** Sends bytes and waits until the socket has taken them. */
  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => this.socket.write(bytes, () => resolve()));
  }

  /** Waits for so many PONGs in all, or for the end of the connection. */
  async pongsOrEnd(wanted: number): Promise<void> {
    await this.wait(() => this.ended || this.text.split("PONG\r\n").length > wanted, `${wanted} PONG`);
  }

  /** Sends a PING and waits until all PONGs are there: everything sent before has been dealt with. */
  async sync(): Promise<void> {
    this.send("PING\r\n");
    const wanted = this.pingsSent;
    await this.wait(() => this.text.split("PONG\r\n").length > wanted, `${wanted} PONG`);
  }

  /** Waits until what was received matches. */
  async until(pattern: RegExp): Promise<void> {
    await this.wait(() => pattern.test(this.text), String(pattern));
  }

  /** Waits until the server has closed the connection. */
  async closed(): Promise<void> {
    await this.wait(() => this.ended, "the end of the connection");
  }

  /** Stops reading from the socket, so that the server's writes pile up. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  close(): void {
    this.socket.destroy();
  }

  private update(change: () => void): void {
    change();
    for (const check of this.changed.splice(0)) check();
  }

  private wait(condition: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`No ${what} within ${TIMEOUT_MS} ms; received ${JSON.stringify(this.text)}`)),
        TIMEOUT_MS,
      );
      const check = () => {
        if (condition()) {
          clearTimeout(timer);
          resolve();
        } else if (this.ended) {
          clearTimeout(timer);
          reject(new Error(`Closed before ${what}; received ${JSON.stringify(this.text)}`));
        } else this.changed.push(check);
      };
      check();
    });
  }
}
