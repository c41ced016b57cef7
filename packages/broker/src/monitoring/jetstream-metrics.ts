import type { JetStreamAccount } from "../jetstream/account.js";
import type { Consumer } from "../jetstream/consumer/consumer.js";
import type { Stream } from "../jetstream/stream/stream.js";
import type { BrokerView } from "./broker-view.js";
import { jetStreamStatistics } from "./jetstream-use.js";
import type { Labels, Metric } from "./prometheus-text.js";

/** Metrics of streams and consumers; none while JetStream is off. */
export function jetStreamMetrics(view: BrokerView): Metric[] {
  const statistics = jetStreamStatistics(view);
  if (view.jetstream === undefined || statistics === undefined) return [];
  const accounts = [...view.jetstream.accounts()];
  const single = (type: Metric["type"], [name, help]: readonly [string, string], value: number): Metric => ({
    name: `ganglion_jetstream_${name}`,
    help,
    type,
    samples: [{ value }],
  });
  return [
    single("gauge", ["memory_bytes", "Bytes of streams in memory."], statistics.memory),
    single("gauge", ["storage_bytes", "Bytes of streams in files."], statistics.storage),
    single("counter", ["api_requests_total", "Requests to the JetStream API."], statistics.api.total),
    single(
      "counter",
      ["api_errors_total", "Requests that were answered with an error."],
      statistics.api.errors,
    ),
    ...streamMetrics(accounts),
    ...consumerMetrics(accounts),
  ];
}

type StreamState = ReturnType<Stream["store"]["messages"]["state"]>;

function lostCount({ lost }: StreamState): number {
  return lost.reduce((sum, { firstSequence, lastSequence }) => sum + lastSequence - firstSequence + 1, 0);
}

/** Name, type and meaning of each stream's metrics, and how to read them. */
const STREAM_METRICS: readonly (readonly [
  string,
  Metric["type"],
  string,
  (state: StreamState, stream: Stream) => number,
])[] = [
  ["messages", "gauge", "Messages in the stream.", ({ messages }) => messages],
  ["bytes", "gauge", "Bytes of the messages in the stream.", ({ bytes }) => bytes],
  ["subjects", "gauge", "Different subjects in the stream.", ({ subjectCount }) => subjectCount],
  ["first_sequence", "gauge", "Sequence of the first message.", ({ firstSequence }) => firstSequence],
  ["last_sequence", "gauge", "Sequence of the last message stored.", ({ lastSequence }) => lastSequence],
  ["lost_messages", "gauge", "Messages lost to damaged storage.", lostCount],
  ["consumers", "gauge", "Consumers of the stream.", (_, { consumers }) => consumers.size],
];

function streamMetrics(accounts: readonly JetStreamAccount[]): Metric[] {
  const rows = accounts.flatMap((account) =>
    [...account.streams].map((stream) => ({
      labels: { account: account.bus.accountName, stream: stream.name },
      stream,
      state: stream.store.messages.state(),
    })),
  );
  return STREAM_METRICS.map(([name, type, help, read]) => ({
    name: `ganglion_stream_${name}`,
    help,
    type,
    samples: rows.map(({ labels, stream, state }) => ({ labels, value: read(state, stream) })),
  }));
}

const CONSUMER_METRICS: readonly (readonly [
  string,
  Metric["type"],
  string,
  (consumer: Consumer) => number,
])[] = [
  ["pending_messages", "gauge", "Messages not yet delivered.", ({ cursor }) => cursor.pendingCount],
  [
    "ack_pending_messages",
    "gauge",
    "Messages delivered and not acknowledged.",
    ({ acks }) => acks.pending.size,
  ],
  [
    "redelivered_messages",
    "gauge",
    "Unacknowledged messages delivered again.",
    (c) => c.acks.redeliveredCount,
  ],
  ["waiting_pulls", "gauge", "Pull requests that wait.", (consumer) => consumer.countWaiting()],
  ["delivered_sequence", "gauge", "Stream sequence last delivered.", ({ acks }) => acks.delivered.stream],
  [
    "ack_floor_sequence",
    "gauge",
    "Stream sequence up to which all is acknowledged.",
    (c) => c.acks.ackFloor.stream,
  ],
];

function consumerMetrics(accounts: readonly JetStreamAccount[]): Metric[] {
  const rows: { readonly labels: Labels; readonly consumer: Consumer }[] = [];
  for (const account of accounts) {
    for (const stream of account.streams) {
      for (const consumer of stream.consumers.consumers) {
        const labels = { account: account.bus.accountName, stream: stream.name, consumer: consumer.name };
        rows.push({ labels, consumer });
      }
    }
  }
  return CONSUMER_METRICS.map(([name, type, help, read]) => ({
    name: `ganglion_consumer_${name}`,
    help,
    type,
    samples: rows.map(({ labels, consumer }) => ({ labels, value: read(consumer) })),
  }));
}
