import { randomUUID } from "node:crypto";
import type { Clock } from "@ganglion/kernel";
import { ADVISORY_PREFIX, formatTimestamp } from "@ganglion/protocol";
import type { AccountBus } from "./account-bus.js";

/** Tells whoever listens what happens to streams and consumers. */
export class Advisories {
  constructor(
    private readonly bus: AccountBus,
    private readonly clock: Clock,
    private readonly domain: string | undefined,
  ) {}

  /**
   * Publishes an advisory when somebody listens for it.
   *
   * @param subject - behind `$JS.EVENT.ADVISORY.`
   * @param type - behind `io.nats.jetstream.advisory.v1.`
   * Source: nats-server jetstream_events.go.
   */
  advise(subject: string, type: string, facts: Readonly<Record<string, unknown>>): void {
    this.publish(`${ADVISORY_PREFIX}${subject}`, `io.nats.jetstream.advisory.v1.${type}`, facts);
  }

  /** Publishes an event of any `type` when somebody listens for it. */
  publish(subject: string, type: string, facts: Readonly<Record<string, unknown>>): void {
    if (!this.bus.hasInterest(subject)) return;
    const timestamp = formatTimestamp(this.clock.nowUs());
    const domain = this.domain === undefined ? {} : { domain: this.domain };
    const json = JSON.stringify({ type, id: randomUUID(), timestamp, ...facts, ...domain });
    this.bus.publish({ subject, headerSizeBytes: 0, data: Buffer.from(json) });
  }
}
