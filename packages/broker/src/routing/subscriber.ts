import type { Outbox } from "../connection/outbox.js";
import type { Subscription } from "./subscription.js";

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
  /** Called for every message delivered to a connection that traces; undefined otherwise. */
  readonly traceOut: ((line: string) => void) | undefined;
}
