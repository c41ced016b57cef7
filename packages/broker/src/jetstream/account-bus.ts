/** Who sent a message that reached an internal subscriber. */
export interface MessageOrigin {
  /** Connection id, as INFO `client_id` and /connz show it. */
  readonly clientId: number;
  readonly accountName: string;
}

/**
 * A message on its way through the router, as an internal subscriber sees it.
 *
 * It is a view: `data` (and the object itself) is valid only during the call. Copy what must be kept.
 */
export interface RoutedMessage {
  readonly subject: string;
  /** Undefined when the publisher set none. */
  readonly reply: string | undefined;
  /** Size of the header block at the front of `data`; 0 when the message has no headers. */
  readonly headerSizeBytes: number;
  /** Header block directly followed by the payload. */
  readonly data: Uint8Array;
  /** Undefined for messages the broker itself published. */
  readonly origin: MessageOrigin | undefined;
}

/** Receives routed messages synchronously. Must not throw and must not keep the message. */
export type InternalHandler = (message: RoutedMessage) => void;

/** A message the broker publishes. `data` is copied or written out before `publish` returns. */
export interface BusMessage {
  readonly subject: string;
  /** Subject under which it is delivered when it differs from the one that routes it (JetStream deliveries). */
  readonly deliverAs?: string | undefined;
  readonly reply?: string | undefined;
  readonly headerSizeBytes: number;
  readonly data: Uint8Array;
}

/** Interest in a subject, live. */
export interface InterestWatch {
  /** True while a subscription matches. */
  readonly active: boolean;
  stop(): void;
}

/**
 * What JetStream (and every other internal service) needs of an account's routing: the seam between
 * `jetstream/` and `routing/`. One per account.
 */
export interface AccountBus {
  readonly accountName: string;
  /**
   * Subscribes the broker itself.
   *
   * @param subject - may hold wildcards.
   * @returns a function that ends the subscription.
   */
  subscribe(subject: string, handler: InternalHandler): () => void;
  /**
   * Routes a message as if a client had published it, also to internal subscribers.
   *
   * @returns how many subscriptions it was delivered to; 0: nobody listens.
   */
  publish(message: BusMessage): number;
  /** Whether any subscription (with `queue`: of that queue group) matches the literal `subject`. */
  hasInterest(subject: string, queue?: string): boolean;
  /** Whether the literal `subject` leads to a service of another account. */
  isImported(subject: string): boolean;
  /** Watches interest in the literal `subject`; `changed` is called after every change of `active`. */
  watchInterest(
    subject: string,
    queue: string | undefined,
    changed: (active: boolean) => void,
  ): InterestWatch;
  /**
   * Calls `callback` when the outboxes of the connections that `subject` leads to have room again;
   * synchronously when they have room now. Consumers pace their deliveries by it.
   */
  whenWritable(subject: string, callback: () => void): void;
}
