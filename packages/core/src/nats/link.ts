import { isValidFilter, type MessageFrame, protocolError, type ServerInfo } from "@ganglion/protocol";
import { coreError } from "../errors.js";
import type { HeaderBlock } from "../transport/header-block.js";
import type { Payload } from "../transport/message.js";
import type { TransportStatus } from "../transport/transport.js";

/** Gets the frames of one subscription; they are valid only during the call. */
export type FrameReceiver = (frame: MessageFrame) => void;

/** What a subscription asks for. */
export interface Interest {
  readonly subject: string;
  readonly queue: string | undefined;
  readonly receive: FrameReceiver;
  readonly onError: ((error: Error) => void) | undefined;
}

/** What is published. */
export interface Publication {
  readonly subject: string;
  readonly reply: string | undefined;
  readonly headers: HeaderBlock | undefined;
  readonly data: Payload;
}

/**
 * A lasting connection to NATS: what the request multiplexer and JetStream are built on. `Connection` is our own,
 * on `@ganglion/protocol`; `ClientLink` borrows one from the `nats` client.
 */
export interface Link {
  /** What the server told last. @throws GanglionError `CONNECTION_CLOSED` before it told anything */
  readonly info: ServerInfo;
  readonly connected: boolean;
  readonly closed: boolean;
  /** @throws GanglionError `PAYLOAD_TOO_LARGE`, `CONNECTION_CLOSED`, `BUFFER_FULL`, `INVALID_SUBJECT` */
  publish(publication: Publication): void;
  /**
   * Sends an acknowledgement of a delivery: soon, together with others. One that cannot be sent is left out, since
   * the message will be delivered again.
   *
   * @param isAscii - whether the subject is; the body is.
   */
  acknowledge(subject: string, body: string, isAscii: boolean): void;
  /** @returns the number to end it with. @throws GanglionError `CONNECTION_CLOSED`, `INVALID_SUBJECT` */
  subscribe(interest: Interest): number;
  unsubscribe(sid: number): void;
  /** Ends it for new messages; resolves when those on their way have been handed over. */
  drain(sid: number): Promise<void>;
  /** Resolves when the server has processed everything sent before. @throws GanglionError `CONNECTION_CLOSED` */
  flush(): Promise<void>;
  /** @returns a function that ends it */
  onStatus(listener: (status: TransportStatus) => void): () => void;
  /** Idempotent. */
  close(): Promise<void>;
}

const WHITE_SPACE = /\s/;

/** @throws GanglionError `INVALID_SUBJECT` for what would break the frame it is written into. */
export function checkSubject(subject: string): void {
  if (subject !== "" && !WHITE_SPACE.test(subject)) return;
  throw protocolError("INVALID_SUBJECT", `Cannot publish to ${JSON.stringify(subject)}`);
}

/** @throws GanglionError `INVALID_SUBJECT` for what nobody can subscribe to. */
export function checkInterest(subject: string, queue: string | undefined): void {
  if (isValidFilter(subject) && (queue === undefined || (queue !== "" && !WHITE_SPACE.test(queue)))) return;
  const group = queue === undefined ? "" : ` in group ${JSON.stringify(queue)}`;
  throw protocolError("INVALID_SUBJECT", `Cannot subscribe to ${JSON.stringify(subject)}${group}`);
}

/** What the server complains about, as an error. */
export function serverComplaint(text: string): Error {
  if (text.startsWith("Permissions Violation")) {
    return coreError("PERMISSION_DENIED", text, { details: { subject: /"([^"]+)"/.exec(text)?.[1] } });
  }
  return coreError("CONNECTION_CLOSED", `The server reports: ${text}`, { retryable: true });
}
