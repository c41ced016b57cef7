import type { DeliveryFilter } from "../auth/permissions.js";
import type { InternalHandler } from "../jetstream/account-bus.js";
import type { Forwarder } from "./forwarder.js";
import type { Subscriber } from "./subscriber.js";

/** Who receives the messages of a subscription: a connection, a function of the broker, or another account. */
export type SubscriptionOwner =
  | { readonly subscriber: Subscriber; readonly sid: string; readonly queue?: string | undefined }
  | { readonly handler: InternalHandler }
  | { readonly forwarder: Forwarder };

/** One subscription: of a connection, or of the broker itself. */
export class Subscription {
  readonly queue: string | undefined;
  /** The client's name for it, one character per byte; empty for the broker's own. */
  readonly sid: string;
  readonly subscriber: Subscriber | undefined;
  readonly handler: InternalHandler | undefined;
  readonly forwarder: Forwarder | undefined;
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
    const client = "subscriber" in owner ? owner : undefined;
    this.queue = client?.queue;
    this.sid = client?.sid ?? "";
    this.subscriber = client?.subscriber;
    this.handler = "handler" in owner ? owner.handler : undefined;
    this.forwarder = "forwarder" in owner ? owner.forwarder : undefined;
  }
}
