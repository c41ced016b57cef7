import { deferred, type Timer } from "@ganglion/kernel";
import type { MessageFrame, ServerInfo } from "@ganglion/protocol";
import { coreError } from "../errors.js";
import type { TransportStatus } from "../transport/transport.js";
import { establish } from "./establish.js";
import {
  checkInterest,
  checkSubject,
  type Interest,
  type Link,
  type Publication,
  serverComplaint,
} from "./link.js";
import type { ResolvedNatsOptions } from "./nats-options.js";
import { Outbox } from "./outbox.js";
import { ServerPool } from "./server-address.js";
import type { Session, SessionHooks } from "./session.js";
import { type Dial, dialTcp } from "./socket.js";

/** How long closing waits for the server to take what was sent. */
const CLOSE_TIMEOUT_MS = 2_000;

/**
 * A connection to a NATS server that is restored when it is lost, with its subscriptions. What is published
 * meanwhile waits in the outbox.
 */
export class Connection implements Link {
  private readonly outbox = new Outbox();
  private readonly interests = new Map<number, Interest>();
  private readonly listeners = new Set<(status: TransportStatus) => void>();
  private readonly pool: ServerPool;
  private readonly closing = new AbortController();
  private session: Session | undefined;
  private nextSid = 1;
  private pingTimer: Timer | undefined;
  private hold: NodeJS.Timeout | undefined;
  private checkedSubject = "";
  private isSubjectAscii = true;
  private serverInfo: ServerInfo | undefined;

  private constructor(
    private readonly options: ResolvedNatsOptions,
    private readonly dial: Dial,
  ) {
    this.pool = new ServerPool(options.servers);
  }

  /** @throws GanglionError `CONNECTION_FAILED`, `INVALID_OPTIONS`, `INVALID_CREDENTIALS`, `ABORTED` */
  static async open(options: ResolvedNatsOptions, dial: Dial = dialTcp): Promise<Connection> {
    const connection = new Connection(options, dial);
    const giveUpMs = options.clock.monotonicMs() + options.waitForServerMs;
    return connection.keepingAlive(async () => {
      for (let round = 0; ; round++) {
        const error = await connection.connectOnce();
        if (error === undefined) return connection;
        const waitMs = connection.delayMs(round);
        if (options.clock.monotonicMs() + waitMs > giveUpMs) throw error;
        await connection.pause(waitMs);
      }
    });
  }

  get info(): ServerInfo {
    if (this.serverInfo === undefined) throw coreError("CONNECTION_CLOSED", "The connection was never made");
    return this.serverInfo;
  }

  get connected(): boolean {
    return this.session !== undefined;
  }

  get closed(): boolean {
    return this.closing.signal.aborted;
  }

  /** @throws GanglionError `PAYLOAD_TOO_LARGE`, `CONNECTION_CLOSED`, `BUFFER_FULL`, `INVALID_SUBJECT` */
  publish({ subject, reply, headers, data }: Publication): void {
    if (subject !== this.checkedSubject) {
      checkSubject(subject);
      this.checkedSubject = subject;
      this.isSubjectAscii = subject.length === Buffer.byteLength(subject);
    }
    const isText = typeof data === "string";
    const dataBytes = isText ? Buffer.byteLength(data) : data.length;
    const headerBytes = headers === undefined ? 0 : headers.sizeBytes;
    this.checkRoom(dataBytes + headerBytes);
    const target = reply === undefined ? subject : `${subject} ${reply}`;
    let frame: string;
    let isAscii = this.isSubjectAscii;
    if (headers === undefined) {
      frame = `PUB ${target} ${dataBytes}\r\n`;
    } else {
      frame = `HPUB ${target} ${headerBytes} ${headerBytes + dataBytes}\r\n${headers.text}`;
      isAscii &&= headers.text.length === headerBytes;
    }
    if (isText) {
      this.outbox.add(`${frame}${data}\r\n`, isAscii && data.length === dataBytes);
    } else {
      this.outbox.add(frame, isAscii);
      if (dataBytes > 0) this.outbox.addBytes(data);
      this.outbox.add("\r\n", true);
    }
  }

  acknowledge(subject: string, body: string, isAscii: boolean): void {
    if (this.closed || this.outbox.sizeBytes > this.options.maxBufferedBytes) return;
    this.outbox.addSoon(`PUB ${subject} ${body.length}\r\n${body}\r\n`, isAscii);
  }

  /** @returns the number to end it with. @throws GanglionError `CONNECTION_CLOSED`, `INVALID_SUBJECT` */
  subscribe(interest: Interest): number {
    this.checkOpen();
    const { subject, queue } = interest;
    checkInterest(subject, queue);
    const sid = this.nextSid++;
    this.interests.set(sid, interest);
    if (this.session !== undefined) this.outbox.add(subscribeFrame(sid, interest), false);
    return sid;
  }

  unsubscribe(sid: number): void {
    if (this.interests.delete(sid) && this.session !== undefined) this.outbox.add(`UNSUB ${sid}\r\n`, true);
  }

  /** Ends it for new messages; resolves when those on their way have been handed over. */
  async drain(sid: number): Promise<void> {
    if (!this.interests.has(sid)) return;
    if (this.session !== undefined) {
      this.outbox.add(`UNSUB ${sid}\r\n`, true);
      await this.flush().catch(() => {}); // without a session there is nothing on its way
    }
    this.interests.delete(sid);
  }

  /** Resolves when the server has processed everything sent before. @throws GanglionError `CONNECTION_CLOSED` */
  async flush(): Promise<void> {
    this.checkOpen();
    this.outbox.flush();
    if (this.session === undefined)
      throw coreError("CONNECTION_CLOSED", "There is no connection", { retryable: true });
    await this.session.roundTrip();
  }

  onStatus(listener: (status: TransportStatus) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    const { session } = this;
    if (session !== undefined) {
      // The round trip gets everything out that waits for a slow socket.
      const timer = this.options.clock.schedule(CLOSE_TIMEOUT_MS, () => session.destroy());
      await this.flush().catch(() => {});
      timer.cancel();
    }
    if (this.closed) return;
    this.shut(undefined);
    await session?.finish();
  }

  private shut(error: Error | undefined): void {
    this.closing.abort(coreError("CONNECTION_CLOSED", "The connection was closed"));
    this.session = undefined;
    this.outbox.detach();
    this.outbox.clear();
    this.pingTimer?.cancel();
    clearInterval(this.hold);
    this.tell({ type: "closed", error });
    this.interests.clear();
  }

  private checkOpen(): void {
    if (this.closed) throw coreError("CONNECTION_CLOSED", "The connection is closed");
  }

  private checkRoom(sizeBytes: number): void {
    this.checkOpen();
    const limit = this.info.max_payload;
    if (sizeBytes > limit) {
      throw coreError(
        "PAYLOAD_TOO_LARGE",
        `A message of ${sizeBytes} bytes, headers included, exceeds the server's limit of ${limit}`,
        { details: { sizeBytes, limitBytes: limit } },
      );
    }
    const { maxBufferedBytes } = this.options;
    if (this.outbox.sizeBytes + sizeBytes > maxBufferedBytes) {
      throw coreError(
        "BUFFER_FULL",
        `${this.outbox.sizeBytes} bytes wait to be written${this.connected ? "" : ", there is no connection"}; at most ${maxBufferedBytes} are kept`,
        { retryable: true, details: { maxBufferedBytes } },
      );
    }
  }

  /** Tries every server once. @returns the last error, undefined when one took the connection. */
  private async connectOnce(): Promise<Error | undefined> {
    let last: unknown;
    for (const address of this.pool.round()) {
      try {
        const { session, info } = await establish({
          address,
          options: this.options,
          dial: this.dial,
          closing: this.closing.signal,
          hooks: (opened) => this.hooksOf(opened),
        });
        this.checkOpen();
        this.take(session, info);
        return undefined;
      } catch (error) {
        if (this.closed) throw error;
        last = error;
        this.options.logger.debug("connect failed", { server: address.text, error });
      }
    }
    return coreError("CONNECTION_FAILED", `No NATS server took the connection: ${reasonOf(last)}`, {
      retryable: true,
      cause: last,
      details: { servers: this.pool.round().map(({ text }) => text) },
    });
  }

  private take(session: Session, info: ServerInfo): void {
    this.session = session;
    this.learn(info);
    for (const [sid, interest] of this.interests) session.write(subscribeFrame(sid, interest), "utf8");
    this.outbox.attach(session);
    this.schedulePing(session);
  }

  private hooksOf(session: () => Session): SessionHooks {
    return {
      message: (frame) => this.interests.get(sidOf(frame))?.receive(frame),
      info: (info) => this.learn(info),
      serverError: (text) => this.serverError(text),
      drained: () => this.outbox.drained(),
      ended: (error) => {
        if (this.session === session()) this.lost(error);
      },
    };
  }

  private learn(info: ServerInfo): void {
    this.serverInfo = { ...this.serverInfo, ...info };
    if (info.connect_urls !== undefined && !this.options.ignoreDiscovered) this.pool.learn(info.connect_urls);
    if (info.ldm === true) this.tell({ type: "lame-duck" });
  }

  private lost(error: Error | undefined): void {
    this.session = undefined;
    this.outbox.detach();
    this.pingTimer?.cancel();
    this.options.logger.warn("connection lost", { error });
    this.tell({ type: "disconnected" });
    if (!this.closed) void this.restore();
  }

  private async restore(): Promise<void> {
    let failure: Error | undefined;
    try {
      await this.keepingAlive(async () => {
        for (let round = 0; round < this.options.maxReconnects; round++) {
          await this.pause(this.delayMs(round));
          failure = await this.connectOnce();
          if (failure === undefined) break;
          this.tell({ type: "error", error: failure });
        }
      });
    } catch (error) {
      if (this.closed) return;
      failure = error as Error; // connectOnce throws errors only
    }
    if (this.session === undefined) this.shut(failure);
    else this.tell({ type: "reconnected" });
  }

  /** Timers and a missing socket do not keep the process alive, but an app that waits for its server must live. */
  private async keepingAlive<T>(work: () => Promise<T>): Promise<T> {
    this.hold = setInterval(() => {}, 2 ** 30);
    try {
      return await work();
    } finally {
      clearInterval(this.hold);
    }
  }

  private delayMs(round: number): number {
    const { reconnectMinMs, reconnectMaxMs } = this.options;
    const ceilingMs = Math.min(reconnectMaxMs, reconnectMinMs * 2 ** Math.min(round, 20));
    return ceilingMs * (0.5 + Math.random() / 2); // so that many clients do not come back at once
  }

  private pause(delayMs: number): Promise<void> {
    const { promise, resolve, reject } = deferred();
    const timer = this.options.clock.schedule(delayMs, resolve);
    const onAbort = () => {
      timer.cancel();
      reject(this.closing.signal.reason);
    };
    if (this.closed) onAbort();
    this.closing.signal.addEventListener("abort", onAbort, { once: true });
    return promise.finally(() => this.closing.signal.removeEventListener("abort", onAbort));
  }

  private schedulePing(session: Session): void {
    const { clock, pingIntervalMs, maxPingsOut } = this.options;
    this.pingTimer = clock.schedule(pingIntervalMs, () => {
      if (this.session !== session) return;
      if (session.pingsOut >= maxPingsOut) {
        session.destroy(
          coreError("CONNECTION_CLOSED", "The server does not answer pings", { retryable: true }),
        );
        return;
      }
      session.roundTrip().catch(() => {}); // its end is told by the session
      this.schedulePing(session);
    });
  }

  private serverError(text: string): void {
    const error = serverComplaint(text);
    const [, subject] = /^Permissions Violation for Subscription to "([^"]+)"/.exec(text) ?? [];
    for (const [sid, interest] of subject === undefined ? [] : this.interests) {
      if (interest.subject !== subject) continue;
      this.interests.delete(sid);
      interest.onError?.(error);
    }
    this.tell({ type: "error", error });
  }

  private tell(status: TransportStatus): void {
    for (const listener of this.listeners) listener(status);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}

function subscribeFrame(sid: number, { subject, queue }: Interest): string {
  return queue === undefined ? `SUB ${subject} ${sid}\r\n` : `SUB ${subject} ${queue} ${sid}\r\n`;
}

function sidOf({ bytes, sidStart, sidEnd }: MessageFrame): number {
  let sid = 0;
  for (let at = sidStart; at < sidEnd; at++) sid = sid * 10 + (bytes[at] as number) - 0x30; // digits, or no such sid
  return sid;
}
