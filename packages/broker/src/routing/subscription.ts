import type { DeliveryFilter } from "../auth/permissions.js";
import type { InternalHandler } from "../jetstream/account-bus.js";
import type { Subscriber } from "./subscriber.js";

/** Who receives the messages of a subscription: a connection, or a function of the broker. */
export type SubscriptionOwner =
  | { readonly subscriber: Subscriber; readonly sid: string; readonly queue?: string | undefined }
  | { readonly handler: InternalHandler };

/** One subscription: of a connection, or of the broker itself. */
export class Subscription {
  readonly queue: string | undefined;
  /** The client's name for it, one character per byte; empty for the broker's own. */
  readonly sid: string;
  readonly subscriber: Subscriber | undefined;
  readonly handler: InternalHandler | undefined;
  /** What of it must not be delivered; undefined: nothing is kept back. */
  filter: DeliveryFilter | undefined;
  /** Messages after which it ends, counted from its start; 0: it does not end by itself. */
  max = 0;
  /** Messages it has received so far. */
  delivered = 0;
  /** True once it is out of the trie; a route that was looked up before may still name it. */
  closed = false;

  /** @param subject - a valid filter. */
  constructor(
    readonly subject: string,
    owner: SubscriptionOwner,
  ) {
    this.queue = "handler" in owner ? undefined : owner.queue;
    this.sid = "handler" in owner ? "" : owner.sid;
    this.subscriber = "handler" in owner ? undefined : owner.subscriber;
    this.handler = "handler" in owner ? owner.handler : undefined;
  }
}
