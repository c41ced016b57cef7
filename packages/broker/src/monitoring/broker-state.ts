import type { BrokerContext } from "../connection/broker-context.js";
import type { JetStream } from "../jetstream/jetstream.js";
import type { BrokerView, ListenerAddress } from "./broker-view.js";
import { CpuUse } from "./cpu-use.js";

/** What a broker tells monitoring of itself; the broker keeps it up to date. */
export class BrokerState implements BrokerView {
  jetstream: JetStream | undefined;
  isReady = false;
  readonly startedUs: number;
  readonly startedMs: number;
  configuredUs: number;
  readonly cpu: CpuUse;
  readonly httpRequests = new Map<string, number>();
  readonly addresses: { -readonly [Name in keyof BrokerView["addresses"]]: ListenerAddress | undefined } = {
    http: undefined,
    https: undefined,
    websocket: undefined,
  };

  constructor(readonly context: BrokerContext) {
    const { clock } = context.options;
    this.startedUs = clock.nowUs();
    this.startedMs = clock.monotonicMs();
    this.configuredUs = this.startedUs;
    this.cpu = new CpuUse(() => clock.monotonicMs());
  }
}
