/** What every load process is told. */
interface JobBase {
  /** Address such as `nats://127.0.0.1:4222`. */
  readonly url: string;
  readonly subject: string;
  readonly payloadBytes: number;
  readonly seconds: number;
}

/** Receivers of what is published. */
export interface Audience {
  readonly subscribers: number;
  /** Members of one queue group, or plain subscribers. */
  readonly queue: boolean;
}

/** Publishes as fast as the server takes it, and counts what the server has confirmed by a PONG. */
export type PublishJob = JobBase & { readonly role: "publish" };
/** Publishes as fast as the receiving process gives credit. */
export type FeedJob = JobBase & Audience & { readonly role: "feed" };
/** Subscribes, counts what arrives and gives credit for it. */
export type CountJob = JobBase & Audience & { readonly role: "count" };
/** Sends requests, counts the replies and takes their time. */
export type RequestJob = JobBase & { readonly role: "request"; readonly inFlight: number };
/** Answers requests with their size. */
export type RespondJob = JobBase & { readonly role: "respond" };

/** What a load process is to do. Every job ends by itself, except `feed` and `respond`, which are ended. */
export type WorkerJob = PublishJob | FeedJob | CountJob | RequestJob | RespondJob;

/** What a load process has measured. */
export interface RateReport {
  readonly kind: "rate";
  readonly perSecond: number;
  /** Round trips in microseconds: the middle one and the one that 99 % are faster than. Only of requests. */
  readonly p50?: number;
  readonly p99?: number;
}

/** What a load process reports: `started` when it begins to measure. */
export type WorkerReport = { readonly kind: "ready" } | { readonly kind: "started" } | RateReport;
