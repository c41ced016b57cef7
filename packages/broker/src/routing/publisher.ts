import type { Outbox } from "../connection/outbox.js";
import type { MessageOrigin } from "../jetstream/account-bus.js";
import type { Subscriber } from "./subscriber.js";

/** Who publishes: a connection, or the broker itself. A class, so that routing sees objects of one shape. */
export class Publisher {
  /** Subject under which messages are delivered, when it differs from the one that routes them. */
  deliverAs: string | undefined;
  /** A congested destination this publisher has written to since it was last asked; see {@link Outbox.congested}. */
  congestedBy: Outbox | undefined;

  constructor(
    /** What internal subscribers are told; undefined for the broker itself. */
    readonly origin: MessageOrigin | undefined,
    /** The publishing connection as a receiver. */
    readonly subscriber: Subscriber | undefined,
  ) {}
}
