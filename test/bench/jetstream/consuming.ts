import type { TestBroker } from "@ganglion/testing";
import {
  AckPolicy,
  type Consumer,
  DeliverPolicy,
  type JsMsg,
  jetstream,
  jetstreamManager,
} from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { createStream } from "./publishing.js";
import {
  PAYLOAD_BYTES,
  STREAM,
  type StreamScenario,
  SUBJECT,
  secondsOf,
  withConnection,
} from "./scenario.js";

/** Messages that lie in the stream before it is consumed. */
const MESSAGES = 60_000;
const PARALLEL_PUBLISHES = 1_000;

/** Fills the stream. */
export async function publishMany(
  connection: NatsConnection,
  count: number,
  subject = SUBJECT,
): Promise<void> {
  const streams = jetstream(connection, { timeout: 60_000 });
  const payload = new Uint8Array(PAYLOAD_BYTES).fill(120);
  for (let sent = 0; sent < count; ) {
    const size = Math.min(PARALLEL_PUBLISHES, count - sent);
    await Promise.all(Array.from({ length: size }, () => streams.publish(subject, payload)));
    sent += size;
  }
}

/** Messages per second that a consumer takes of a stream that is full. */
function consumed(take: (connection: NatsConnection) => Promise<void>): StreamScenario["measure"] {
  return async (broker: TestBroker) => {
    await createStream(broker);
    return withConnection(broker, async (connection) => {
      await publishMany(connection, MESSAGES);
      return MESSAGES / (await secondsOf(() => take(connection)));
    });
  };
}

async function consumeAll(consumer: Consumer, each: (message: JsMsg) => void): Promise<void> {
  const messages = await consumer.consume({ max_messages: 5_000 });
  let count = 0;
  for await (const message of messages) {
    each(message);
    if (++count === MESSAGES) break;
  }
}

async function pull(connection: NatsConnection): Promise<void> {
  const manager = await jetstreamManager(connection);
  const config = { durable_name: "pull", ack_policy: AckPolicy.Explicit, max_ack_pending: -1 };
  await manager.consumers.add(STREAM, config);
  const consumer = await jetstream(connection).consumers.get(STREAM, "pull");
  await consumeAll(consumer, (message) => message.ack());
  while ((await consumer.info()).num_ack_pending > 0) await connection.flush();
}

async function push(connection: NatsConnection): Promise<void> {
  const manager = await jetstreamManager(connection);
  let count = 0;
  const done = new Promise<void>((resolve) => {
    connection.subscribe("deliver", {
      callback: (_, message) => {
        message.respond("+ACK");
        if (++count === MESSAGES) resolve();
      },
    });
  });
  await manager.consumers.add(STREAM, {
    durable_name: "push",
    deliver_subject: "deliver",
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    max_ack_pending: -1,
  });
  await done;
  while ((await manager.consumers.info(STREAM, "push")).num_ack_pending > 0) await connection.flush();
}

async function ordered(connection: NatsConnection): Promise<void> {
  await consumeAll(await jetstream(connection).consumers.get(STREAM), () => {});
}

const goal = { atLeast: 1 };
const unit = "msg/s";

/** Messages taken out of a full file stream by nats.js. */
export const CONSUMING: readonly StreamScenario[] = [
  { name: "consume and ack, pull, nats.js", unit, goal, measure: consumed(pull) },
  { name: "consume and ack, push, nats.js", unit, goal, measure: consumed(push) },
  { name: "consume in order, without acks, nats.js", unit, goal, measure: consumed(ordered) },
];
