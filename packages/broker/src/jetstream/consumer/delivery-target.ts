import type { Clock } from "@ganglion/kernel";
import { encodeStatus, type Status } from "@ganglion/protocol";
import type { AccountBus, BusMessage } from "../account-bus.js";
import type { UnpinReason } from "./pin.js";

/** Where the messages of a consumer go: to a subject, or to whoever pulls. */
export interface DeliveryTarget {
  /** Whether a message could be taken now. */
  readonly isReady: boolean;
  /** Whether {@link subjectFor} just found that those who wait do not want a message yet. */
  readonly isBlocked: boolean;
  /** Pin id to tell the client that {@link subjectFor} named. */
  readonly pinId: string | undefined;
  /** The subject for a message of `sizeBytes`; undefined when it can not be taken after all. */
  subjectFor(sizeBytes: number): string | undefined;
  /** A message went to the subject {@link subjectFor} named. */
  delivered(sizeBytes: number): void;
  /** Nobody listened at that subject. */
  undeliverable(): void;
  /** The consumer stops for now. `endOfStream`: since it has nothing to deliver, not since it must wait for acks. */
  idle(endOfStream: boolean): void;
  /** The consumer is gone; `status` is for those who wait. */
  close(status: Status): void;
}

/** What a delivery target needs of its consumer. */
export interface TargetHost {
  readonly bus: AccountBus;
  readonly clock: Clock;
  readonly streamName: string;
  readonly consumerName: string;
  /** Delivered last, in the consumer's count, and the stream sequence below which nothing is left to deliver. */
  lastSequences(): { readonly consumer: number; readonly stream: number };
  /** Messages that could be delivered: new ones and redeliveries. */
  deliverable(): number;
  /** New messages that wait to be delivered, with the one to deliver next. */
  pending(): number;
  /** Messages that wait to be acknowledged. */
  ackPending(): number;
  /** A client was pinned. */
  pinned(group: string, pinId: string): void;
  /** A client lost its pin. */
  unpinned(group: string, reason: UnpinReason): void;
  /** There may be something to do for the consumer. */
  wake(): void;
  /** The consumer was not used for its inactive threshold. */
  expired(): void;
}

/** What a status message says beside its code. */
export interface StatusDetails {
  readonly headers?: readonly (readonly [string, string])[];
  readonly reply?: string;
}

/** Makes a header-only status message for `subject`. */
export function statusMessage(subject: string, status: Status, details: StatusDetails = {}): BusMessage {
  const data = encodeStatus(status, details.headers);
  return { subject, reply: details.reply, headerSizeBytes: data.length, data };
}
