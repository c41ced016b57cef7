/** What a load process is to do. Every job ends by itself, except `flood` and `respond`, which are ended. */
export type WorkerJob = {
  /** Address such as `nats://127.0.0.1:4222`. */
  readonly url: string;
  readonly subject: string;
  readonly payloadBytes: number;
  readonly seconds: number;
} & (
  | {
      /** Publishes as fast as the server takes it, and counts what the server has confirmed by a PONG. */
      readonly role: "publish";
    }
  | {
      /** Publishes as fast as the server takes it, without counting. */
      readonly role: "flood";
    }
  | {
      /** Subscribes and counts what arrives. */
      readonly role: "count";
    }
  | {
      /** Sends requests and counts the replies. */
      readonly role: "request";
      readonly inFlight: number;
    }
  | {
      /** Answers requests with their size. */
      readonly role: "respond";
    }
);

/** What a load process reports. */
export type WorkerReport = { readonly kind: "ready" } | { readonly kind: "rate"; readonly perSecond: number };
