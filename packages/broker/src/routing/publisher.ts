import type { Outbox } from "../connection/outbox.js";
import type { MessageOrigin } from "../jetstream/account-bus.js";
import type { Subscriber } from "./subscriber.js";

/** One service of another account on the way of a message. */
export interface ServiceStep {
  /** What is passed through; a message that comes by it again goes round in a circle. */
  readonly service: object;
  /** Whether the service may know who asks. */
  readonly isShared: boolean;
  readonly previous: ServiceStep | undefined;
}

/** Who publishes: a connection, or the broker itself. A class, so that routing sees objects of one shape. */
export class Publisher {
  /** The services of other accounts the message passes through on its way. */
  via: ServiceStep | undefined;
  /** Subject under which messages are delivered, when it differs from the one that routes them. */
  deliverAs: string | undefined;
  /** A congested destination this publisher has written to since it was last asked; see {@link Outbox.congested}. */
  congestedBy: Outbox | undefined;

  constructor(
    /** What internal subscribers are told; undefined for the broker itself. */
    public origin: MessageOrigin | undefined,
    /** The publishing connection as a receiver. */
    public subscriber: Subscriber | undefined,
  ) {}
}
