/** Everything of the JetStream API is below this. */
export const API_PREFIX = "$JS.API.";
/** Acknowledgements: `$JS.ACK.<stream>.<consumer>.…`; see {@link parseAckSubject}. */
export const ACK_PREFIX = "$JS.ACK.";
/** Answers to flow control: `$JS.FC.<stream>.<consumer>.<id>`. */
export const FLOW_CONTROL_PREFIX = "$JS.FC.";
/** What JetStream tells about itself. */
export const ADVISORY_PREFIX = "$JS.EVENT.ADVISORY.";
/** Acknowledgement samples of consumers with `sample_freq`. */
export const ACK_METRIC_PREFIX = "$JS.EVENT.METRIC.CONSUMER.ACK.";

/** The API of a JetStream domain, equal to {@link API_PREFIX} on its own server. */
export function domainApiPrefix(domain: string): string {
  return `$JS.${domain}.API.`;
}

/**
 * Headers with a meaning for JetStream.
 *
 * Source: nats-server stream.go and consumer.go, constants `JSMsgId` and neighbours.
 */
export const JETSTREAM_HEADERS = {
  messageId: "Nats-Msg-Id",
  expectedStream: "Nats-Expected-Stream",
  expectedLastSequence: "Nats-Expected-Last-Sequence",
  expectedLastSubjectSequence: "Nats-Expected-Last-Subject-Sequence",
  /** Names the subject {@link expectedLastSubjectSequence} is about, when it is not the published one. */
  expectedLastSubjectSequenceSubject: "Nats-Expected-Last-Subject-Sequence-Subject",
  expectedLastMessageId: "Nats-Expected-Last-Msg-Id",
  rollup: "Nats-Rollup",
  lastConsumer: "Nats-Last-Consumer",
  lastStream: "Nats-Last-Stream",
  consumerStalled: "Nats-Consumer-Stalled",
  messageSize: "Nats-Msg-Size",
  stream: "Nats-Stream",
  sequence: "Nats-Sequence",
  timeStamp: "Nats-Time-Stamp",
  subject: "Nats-Subject",
  lastSequence: "Nats-Last-Sequence",
  /** Level of the JetStream API a request needs. */
  requiredApiLevel: "Nats-Required-Api-Level",
  ttl: "Nats-TTL",
  /** Why a delete marker was left behind: `MaxAge`, `Remove` or `Purge`. */
  markerReason: "Nats-Marker-Reason",
  increment: "Nats-Incr",
  counterSources: "Nats-Counter-Sources",
  /** Where a message was copied from: stream, sequence, filter, destination, subject. */
  streamSource: "Nats-Stream-Source",
  batchId: "Nats-Batch-Id",
  batchSequence: "Nats-Batch-Sequence",
  batchCommit: "Nats-Batch-Commit",
  schedule: "Nats-Schedule",
  scheduleTimeZone: "Nats-Schedule-Time-Zone",
  scheduleTtl: "Nats-Schedule-TTL",
  scheduleTarget: "Nats-Schedule-Target",
  scheduleSource: "Nats-Schedule-Source",
  scheduleRollup: "Nats-Schedule-Rollup",
  scheduleNext: "Nats-Schedule-Next",
  scheduler: "Nats-Scheduler",
  numPending: "Nats-Num-Pending",
  upToSequence: "Nats-UpTo-Sequence",
  pendingMessages: "Nats-Pending-Messages",
  pendingBytes: "Nats-Pending-Bytes",
  /** Tells a client that it is the pinned one, and what to say so with. */
  pinId: "Nats-Pin-Id",
} as const;
