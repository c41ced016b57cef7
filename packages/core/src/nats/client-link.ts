import type { MessageFrame, ServerInfo } from "@ganglion/protocol";
import type { Msg, MsgHdrs, NatsConnection, Subscription } from "nats";
import { coreError } from "../errors.js";
import { type HeaderBlock, headerLine } from "../transport/header-block.js";
import type { TransportStatus } from "../transport/transport.js";
import {
  checkInterest,
  checkSubject,
  type Interest,
  type Link,
  type Publication,
  serverComplaint,
} from "./link.js";

/** A {@link Link} that lives on a connection of the `nats` client. */
export class ClientLink implements Link {
  private readonly subscriptions = new Map<number, Subscription>();
  private readonly listeners = new Set<(status: TransportStatus) => void>();
  private nextSid = 1;
  private isConnected = true;
  private isClosed = false;

  /** @param owned - whether closing the link closes the connection; a borrowed one is left as it was. */
  constructor(
    private readonly client: NatsConnection,
    private readonly owned: boolean,
  ) {
    void this.watch();
    void client.closed().then((error) => this.shut(error instanceof Error ? error : undefined));
  }

  get info(): ServerInfo {
    const { info } = this.client;
    if (info === undefined) throw coreError("CONNECTION_CLOSED", "The connection was never made");
    return info as unknown as ServerInfo; // the client hands over the server's INFO as it is
  }

  get connected(): boolean {
    return this.isConnected && !this.closed;
  }

  get closed(): boolean {
    return this.isClosed || this.client.isClosed();
  }

  publish({ subject, reply, headers, data }: Publication): void {
    checkSubject(subject);
    if (this.closed) throw closedError();
    try {
      this.client.publish(subject, data, {
        ...(reply !== undefined && { reply }),
        ...(headers !== undefined && { headers: encoded(headers) }),
      });
    } catch (error) {
      throw this.translated(error, Buffer.byteLength(data) + (headers?.sizeBytes ?? 0));
    }
  }

  acknowledge(subject: string, body: string): void {
    if (!this.closed) this.client.publish(subject, body);
  }

  subscribe({ subject, queue, receive, onError }: Interest): number {
    if (this.closed) throw closedError();
    checkInterest(subject, queue);
    const sid = this.nextSid++;
    const callback = (error: Error | null, message: Msg) => {
      if (error === null) receive(frameOf(message));
      else {
        this.subscriptions.delete(sid);
        onError?.(serverComplaint(plainText(error.message)));
      }
    };
    const group = queue === undefined ? {} : { queue };
    this.subscriptions.set(sid, this.client.subscribe(subject, { callback, ...group }));
    return sid;
  }

  unsubscribe(sid: number): void {
    this.subscriptions.get(sid)?.unsubscribe();
    this.subscriptions.delete(sid);
  }

  async drain(sid: number): Promise<void> {
    const subscription = this.subscriptions.get(sid);
    if (subscription === undefined) return;
    await subscription.drain().catch(() => {}); // without a connection there is nothing on its way
    this.subscriptions.delete(sid);
  }

  async flush(): Promise<void> {
    if (this.closed) throw closedError();
    try {
      await this.client.flush();
    } catch (error) {
      throw coreError("CONNECTION_CLOSED", "The connection was lost", { retryable: true, cause: error });
    }
  }

  onStatus(listener: (status: TransportStatus) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    await this.flush().catch(() => {}); // what a lost connection did not take is lost with it
    for (const sid of [...this.subscriptions.keys()]) this.unsubscribe(sid);
    this.shut(undefined);
    if (this.owned) await this.client.close();
  }

  private shut(error: Error | undefined): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.tell({ type: "closed", error });
  }

  private async watch(): Promise<void> {
    for await (const { type, data, ...rest } of this.client.status()) {
      if (this.isClosed) return;
      if (type === "disconnect") {
        this.isConnected = false;
        this.tell({ type: "disconnected" });
      } else if (type === "reconnect") {
        this.isConnected = true;
        this.tell({ type: "reconnected" });
      } else if (type === "ldm") {
        this.tell({ type: "lame-duck" });
      } else if (type === "error") {
        this.tell({ type: "error", error: complaintOf(String(data), rest) });
      }
    }
  }

  private tell(status: TransportStatus): void {
    for (const listener of this.listeners) listener(status);
  }

  private translated(error: unknown, sizeBytes: number): Error {
    if (codeOf(error) === "MAX_PAYLOAD_EXCEEDED") {
      const limit = this.info.max_payload;
      return coreError(
        "PAYLOAD_TOO_LARGE",
        `A message of ${sizeBytes} bytes, headers included, exceeds the server's limit of ${limit}`,
        { cause: error, details: { sizeBytes, limitBytes: limit } },
      );
    }
    return coreError("CONNECTION_CLOSED", "The connection takes nothing more", { cause: error });
  }
}

function closedError(): Error {
  return coreError("CONNECTION_CLOSED", "The connection is closed");
}

function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown } | null)?.code;
}

/** Our encoded headers in the only form the client asks for: something that can be encoded. */
function encoded(headers: HeaderBlock): MsgHdrs {
  return { encode: () => Buffer.from(headers.text) } as unknown as MsgHdrs;
}

/** A message as the frame it was on the wire, as far as readers look at it. */
function frameOf({ subject, reply = "", headers, data }: Msg): MessageFrame {
  const block = headers === undefined ? "" : blockOf(headers);
  const text = Buffer.from(subject + reply + block);
  const subjectEnd = Buffer.byteLength(subject);
  const replyEnd = subjectEnd + Buffer.byteLength(reply);
  return {
    bytes: Buffer.concat([text, data]),
    subjectStart: 0,
    subjectEnd,
    sidStart: subjectEnd,
    sidEnd: subjectEnd,
    replyStart: subjectEnd,
    replyEnd,
    tailStart: subjectEnd,
    isHeaderOperation: block !== "",
    headerSizeBytes: text.length - replyEnd,
    dataStart: replyEnd,
    dataEnd: text.length + data.length,
    retainable: true,
  };
}

function blockOf(headers: MsgHdrs): string {
  const status = headers.code > 0 ? ` ${headers.code} ${headers.description}` : "";
  let lines = "";
  for (const name of headers.keys()) {
    for (const value of headers.values(name)) lines += headerLine(name, value);
  }
  return `NATS/1.0${status.trimEnd()}\r\n${lines}\r\n`;
}

/** The server quotes its text; the client keeps the quotes. */
function plainText(text: string): string {
  return text.replace(/^'|'$/g, "");
}

/** The client keeps of a server's error its code, and what a permission was about. */
function complaintOf(code: string, { permissionContext }: { readonly permissionContext?: unknown }): Error {
  if (permissionContext === undefined) return serverComplaint(code);
  const { operation, subject } = permissionContext as {
    readonly operation: string;
    readonly subject: string;
  };
  const what = operation === "publish" ? "Publish" : "Subscription";
  return serverComplaint(`Permissions Violation for ${what} to "${subject}"`);
}
