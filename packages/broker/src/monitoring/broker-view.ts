import type { BrokerContext } from "../connection/broker-context.js";
import type { JetStream } from "../jetstream/jetstream.js";
import type { CpuUse } from "./cpu-use.js";

/** Where a listener listens. */
export interface ListenerAddress {
  readonly host: string;
  readonly port: number;
}

/** What monitoring sees of a broker. */
export interface BrokerView {
  readonly context: BrokerContext;
  /** Undefined while JetStream is off. */
  readonly jetstream: JetStream | undefined;
  /** Start of the broker: wall clock in microseconds since 1970, and monotonic clock in milliseconds. */
  readonly startedUs: number;
  readonly startedMs: number;
  /** When its configuration was last loaded. */
  readonly configuredUs: number;
  readonly cpu: CpuUse;
  /** Requests to the monitoring server, by path. */
  readonly httpRequests: ReadonlyMap<string, number>;
  readonly addresses: {
    readonly http: ListenerAddress | undefined;
    readonly https: ListenerAddress | undefined;
    readonly websocket: ListenerAddress | undefined;
  };
  /** Whether clients are accepted. */
  readonly isReady: boolean;
}
