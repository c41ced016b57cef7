import type { MessageFrame } from "@ganglion/protocol";
import type { Outbox } from "../connection/outbox.js";
import type { Publisher } from "./publisher.js";
import type { RouteTarget } from "./route.js";
import type { Subscription } from "./subscription.js";

/** Is told of every message a connection receives. */
export interface DeliveryObserver {
  delivered(target: RouteTarget, frame: MessageFrame, publisher: Publisher): void;
}

/** What routing needs to know of a connection that has subscriptions. */
export interface Subscriber {
  /** Whether it receives its own messages. */
  readonly echo: boolean;
  /** Whether it understands HMSG; otherwise it gets payloads without headers. */
  readonly headers: boolean;
  readonly outbox: Outbox;
  /** Counts a message that was put into the outbox. */
  countOut(sizeBytes: number): void;
  /** Ends a subscription that has reached its maximum. */
  expire(subscription: Subscription): void;
  /** Undefined for nearly all connections: those that neither trace nor have limited answers. */
  readonly observer: DeliveryObserver | undefined;
}
