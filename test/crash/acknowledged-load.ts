import {
  AckPolicy,
  type ConsumerMessages,
  type JetStreamClient,
  jetstream,
  jetstreamManager,
} from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";

export const STREAM = "LOAD";
const DURABLE = "work";
const PUBLISHERS = 24;
const SUBJECTS = 7;

/** What the server confirmed over all lives of the broker. */
export class Confirmed {
  /** Text of every message whose PubAck arrived, by sequence. */
  readonly published = new Map<number, string>();
  /** Sequences whose deletion was asked for: it may have happened without a confirmation. */
  readonly deletionAsked = new Set<number>();
  /** Sequences whose deletion was confirmed. */
  readonly deleted = new Set<number>();
  /** Sequences whose consumer ack was confirmed. */
  readonly consumed = new Set<number>();
  /** Confirmed acks that were delivered again. */
  readonly deliveredAgain: number[] = [];
  nextId = 0;
}

/** Creates the stream and the durable consumer of the load. */
export async function createStream(url: string): Promise<void> {
  const connection = await connect({ servers: url });
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: STREAM, subjects: ["load.>"] });
  await manager.consumers.add(STREAM, {
    durable_name: DURABLE,
    ack_policy: AckPolicy.Explicit,
    max_ack_pending: 200,
  });
  await connection.close();
}

/**
 * Publishes, deletes and consumes at full speed until the server dies; everything it confirms is noted.
 *
 * @param kill - is called once the load has come up to speed; ends the server.
 */
export async function loadUntilDead(
  url: string,
  confirmed: Confirmed,
  kill: () => Promise<void>,
): Promise<void> {
  const connection = await connect({ servers: url, reconnect: false, timeout: 5_000 });
  const client = jetstream(connection);
  const consumer = await client.consumers.get(STREAM, DURABLE);
  const messages = await consumer.consume({ max_messages: 100 });
  let isDead = false;
  const startedWith = confirmed.published.size;
  const work = [consume(messages, confirmed), remove(connection, confirmed, () => isDead)];
  for (let publisher = 0; publisher < PUBLISHERS; publisher++)
    work.push(publish(client, confirmed, () => isDead));
  const ended = Promise.allSettled(work); // all of it fails when the server dies
  while (confirmed.published.size < startedWith + PUBLISHERS)
    await new Promise((resolve) => setImmediate(resolve));
  await kill();
  isDead = true;
  await connection.closed();
  messages.stop();
  await ended;
}

async function publish(client: JetStreamClient, confirmed: Confirmed, isDead: () => boolean): Promise<void> {
  while (!isDead()) {
    const id = confirmed.nextId++;
    const text = `id-${id} ${"x".repeat((id * 37) % 400)}`;
    const { seq } = await client.publish(`load.${id % SUBJECTS}`, text, { retries: 1 });
    const before = confirmed.published.get(seq);
    if (before !== undefined)
      throw new Error(`sequence ${seq} was confirmed twice: for ${before} and ${text}`);
    confirmed.published.set(seq, text);
  }
}

async function remove(
  connection: NatsConnection,
  confirmed: Confirmed,
  isDead: () => boolean,
): Promise<void> {
  const manager = await jetstreamManager(connection);
  while (!isDead()) {
    const candidates = [...confirmed.published.keys()];
    const sequence = candidates[Math.floor(candidates.length / 2)];
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (sequence === undefined || confirmed.deletionAsked.has(sequence)) continue;
    confirmed.deletionAsked.add(sequence);
    if (await manager.streams.deleteMessage(STREAM, sequence, false)) confirmed.deleted.add(sequence);
  }
}

async function consume(messages: ConsumerMessages, confirmed: Confirmed): Promise<void> {
  const acks: Promise<void>[] = [];
  for await (const message of messages) {
    if (confirmed.consumed.has(message.seq)) confirmed.deliveredAgain.push(message.seq);
    acks.push(
      message.ackAck().then(
        (done) => {
          if (done) confirmed.consumed.add(message.seq);
        },
        () => {}, // the server died before it confirmed
      ),
    );
  }
  await Promise.all(acks);
}

/** Everything in the stream, by sequence. */
export async function readAll(url: string): Promise<Map<number, string>> {
  const connection = await connect({ servers: url });
  const found = new Map<number, string>();
  const consumer = await jetstream(connection).consumers.get(STREAM);
  const { num_pending: pending } = await consumer.info();
  if (pending > 0) {
    const messages = await consumer.consume({ max_messages: 2_000 });
    for await (const message of messages) {
      found.set(message.seq, message.string());
      if (message.info.pending === 0) break;
    }
  }
  await connection.close();
  return found;
}

/** What of everything confirmed does not hold, in words. */
export function brokenPromises(confirmed: Confirmed, found: ReadonlyMap<number, string>): string[] {
  const broken: string[] = [];
  for (const [sequence, text] of confirmed.published) {
    const stored = found.get(sequence);
    if (stored === undefined && !confirmed.deletionAsked.has(sequence)) broken.push(`${sequence} is lost`);
    if (stored !== undefined && stored !== text)
      broken.push(`${sequence} holds ${stored.slice(0, 12)}, not ${text.slice(0, 12)}`);
    if (stored !== undefined && confirmed.deleted.has(sequence))
      broken.push(`${sequence} came back after its deletion`);
  }
  const ids = new Map<string, number>();
  for (const [sequence, text] of found) {
    const id = text.split(" ")[0] ?? "";
    const other = ids.get(id);
    if (other !== undefined) broken.push(`${id} is stored at ${other} and at ${sequence}`);
    ids.set(id, sequence);
  }
  for (const sequence of confirmed.deliveredAgain)
    broken.push(`${sequence} was delivered again after its ack`);
  return broken;
}
