import type { ClientOperationVisitor, PublishedFrame } from "@ganglion/protocol";
import { CLOSE_REASON } from "../connection/close-reason.js";
import type { Connection } from "../connection/connection.js";
import { handleConnect, handleWithoutConnect } from "./connect.js";
import { handlePing, handlePong } from "./ping.js";
import { PublishHandler } from "./publish.js";
import { handleSubscribe } from "./subscribe.js";
import { handleUnsubscribe } from "./unsubscribe.js";

/** Hands every operation of a connection to its handler. */
export class Dispatch implements ClientOperationVisitor {
  private readonly publisher: PublishHandler;

  constructor(private readonly connection: Connection) {
    this.publisher = new PublishHandler(connection);
  }

  /** Forgets what depends on the account and the permissions of the connection: they change. */
  forget(): void {
    this.publisher.reset();
  }

  connect(json: string): void {
    this.forget();
    handleConnect(this.connection, json);
  }
  withoutConnect(): boolean {
    return handleWithoutConnect(this.connection);
  }
  publish(frame: PublishedFrame): void {
    this.publisher.handle(frame);
  }
  subscribe(subject: string, queue: string | undefined, sid: string): void {
    handleSubscribe(this.connection, { subject, queue, sid });
  }
  unsubscribe(sid: string, max: number): void {
    handleUnsubscribe(this.connection, sid, max);
  }
  ping(): void {
    handlePing(this.connection);
  }
  pong(): void {
    handlePong(this.connection);
  }
  info(json: string): void {
    // A server learns nothing from a client's INFO, but it reads it. Source: nats-server client.go `processInfo`.
    if (!isJsonObject(json)) this.connection.close(CLOSE_REASON.protocolViolation);
  }
  ok(): void {
    // Nor from its +OK.
  }
  error(text: string): void {
    this.connection.context.options.logger.error(`${this.connection.label} - Client Error ${text}`);
    this.connection.close(CLOSE_REASON.parseError);
  }
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && !Array.isArray(value);
  } catch {
    return false;
  }
}
