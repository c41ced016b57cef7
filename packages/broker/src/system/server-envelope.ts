import { formatTimestamp } from "@ganglion/protocol";
import type { BrokerContext } from "../connection/broker-context.js";

/** What the broker can do. Source: nats-server events.go `ServerCapability`. */
const JETSTREAM = 1;
const BINARY_SNAPSHOTS = 2;

/** Describes the broker at the head of what the system account tells, numbered from one message to the next. */
export class ServerEnvelope {
  private sequence = 0;

  constructor(private readonly context: BrokerContext) {}

  /** Source: nats-server events.go `ServerInfo`. */
  next() {
    const { options, info } = this.context;
    const { server_id, server_name = "", host, version, jetstream = false } = info();
    return {
      name: server_name,
      host,
      id: server_id,
      ...(options.jetstream?.domain && { domain: options.jetstream.domain }),
      ver: version,
      ...(options.serverTags?.length && { tags: options.serverTags }),
      ...(options.serverMetadata && { metadata: Object.fromEntries(options.serverMetadata) }),
      jetstream,
      flags: jetstream ? JETSTREAM | BINARY_SNAPSHOTS : 0,
      seq: ++this.sequence,
      time: formatTimestamp(options.clock.nowUs()),
    };
  }
}
