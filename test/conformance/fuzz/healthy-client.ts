import { once } from "node:events";
import { connect, type Socket } from "node:net";

const PATIENCE_MS = 10_000;

/**
 * A well-behaved client among hostile ones: it sends itself numbered messages, one after the other, and each must
 * come back in time and in order.
 */
export class HealthyClient {
  private received = "";
  private sent = 0;
  private sentAtMs = 0;
  private worst = 0;
  private failure: Error | undefined;
  private stopping: (() => void) | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly subject = `healthy.${Math.random().toString(36).slice(2)}`;

  private constructor(private readonly socket: Socket) {}

  static async open(url: string): Promise<HealthyClient> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    await once(socket, "connect");
    const client = new HealthyClient(socket);
    socket.on("data", (chunk: Buffer) => client.take(chunk));
    socket.on("error", (error) => client.fail(error));
    socket.on("close", () => client.fail(new Error("closed")));
    socket.write(`CONNECT {"verbose":false}\r\nSUB ${client.subject} 1\r\n`);
    client.publish();
    return client;
  }

  /**
   * Waits for the message that is under way.
   *
   * @returns how many messages came back and how long the slowest took.
   * @throws Error when the client was not served.
   */
  async stop(): Promise<{ readonly messages: number; readonly worstMs: number }> {
    if (this.failure === undefined) {
      await new Promise<void>((resolve) => {
        this.stopping = resolve;
      });
    }
    clearTimeout(this.timer);
    this.socket.removeAllListeners("close").destroy();
    if (this.failure !== undefined)
      throw new Error("A healthy client was not served", { cause: this.failure });
    return { messages: this.sent, worstMs: Math.round(this.worst) };
  }

  private publish(): void {
    const payload = String(++this.sent);
    this.sentAtMs = performance.now();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fail(new Error(`message ${payload} is late`)), PATIENCE_MS);
    this.socket.write(`PUB ${this.subject} ${payload.length}\r\n${payload}\r\n`);
  }

  private take(chunk: Buffer): void {
    this.received = (this.received + chunk.toString("latin1")).replace(/^INFO .*\r\n/, "");
    if (this.received.includes("PING\r\n")) {
      this.received = this.received.replace("PING\r\n", "");
      this.socket.write("PONG\r\n");
    }
    const payload = String(this.sent);
    const expected = `MSG ${this.subject} 1 ${payload.length}\r\n${payload}\r\n`;
    if (!expected.startsWith(this.received)) this.fail(new Error(`received ${this.received}`));
    else if (this.received === expected) this.next();
  }

  private next(): void {
    this.received = "";
    this.worst = Math.max(this.worst, performance.now() - this.sentAtMs);
    if (this.stopping !== undefined) this.stopping();
    else setImmediate(() => this.publish());
  }

  private fail(error: Error): void {
    this.failure ??= error;
    this.stopping?.();
  }
}
