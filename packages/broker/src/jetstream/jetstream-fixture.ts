import { VirtualClock } from "@ganglion/kernel";
import { ackSubject, decodeHeaders, encodeHeaders, type MessageHeaders } from "@ganglion/protocol";
import { openMemoryStorage, type Storage } from "@ganglion/store";
import { Account } from "../accounts/account.js";
import type { AccountBus } from "./account-bus.js";
import { type JetStream, startJetStream } from "./jetstream.js";

/** A message a test received. */
export interface Received {
  readonly subject: string;
  readonly reply: string | undefined;
  readonly headers: MessageHeaders | undefined;
  readonly payload: string;
}

/** What a test gets at a subject, in order. */
export class Inbox {
  readonly received: Received[] = [];
  private waiting: ((message: Received) => void)[] = [];

  constructor(
    readonly subject: string,
    readonly stop: () => void,
  ) {}

  add(message: Received): void {
    this.received.push(message);
    for (const resolve of this.waiting.splice(0)) resolve(message);
  }

  /** The first message, or the next one when there is none. */
  next(): Promise<Received> {
    const [first] = this.received;
    return first === undefined
      ? new Promise((resolve) => this.waiting.push(resolve))
      : Promise.resolve(first);
  }

  /** Payloads and statuses since the last call. */
  take(): string[] {
    return this.received.splice(0).map(describeReceived);
  }
}

/** A payload, or the status of a message without one. */
export function describeReceived({ headers, payload }: Received): string {
  if (headers?.status === undefined) return payload;
  const rest = headers.entries.map(([name, value]) => `${name}: ${value}`).join(", ");
  return `${headers.status} ${headers.description}${rest === "" ? "" : ` (${rest})`}`;
}

/** What {@link jetStreamFixture} takes. */
export interface FixtureOptions {
  readonly clock?: VirtualClock;
  readonly fileStorage?: Storage;
  readonly memoryStorage?: Storage;
  readonly domain?: string;
}

/** JetStream on a real router, a virtual clock and memory, spoken to without sockets. */
export class JetStreamFixture {
  private inboxCount = 0;

  private constructor(
    readonly clock: VirtualClock,
    readonly bus: AccountBus,
    readonly jetstream: JetStream,
  ) {}

  static async start(options: FixtureOptions = {}): Promise<JetStreamFixture> {
    const clock = options.clock ?? new VirtualClock();
    const { bus } = new Account("TEST");
    const jetstream = startJetStream({
      clock,
      domain: options.domain,
      fileStorage: options.fileStorage ?? openMemoryStorage({ clock }),
      memoryStorage: options.memoryStorage ?? openMemoryStorage({ clock }),
    });
    await jetstream.enable(bus);
    return new JetStreamFixture(clock, bus, jetstream);
  }

  /** Listens at a subject. */
  inbox(subject = `inbox.${++this.inboxCount}`): Inbox {
    const stop = this.bus.subscribe(subject, (message) => {
      const { headerSizeBytes, data } = message;
      inbox.add({
        subject: message.subject,
        reply: message.reply,
        headers: headerSizeBytes === 0 ? undefined : decodeHeaders(data, headerSizeBytes),
        payload: Buffer.from(data.subarray(headerSizeBytes)).toString(),
      });
    });
    const inbox = new Inbox(subject, stop);
    return inbox;
  }

  send(subject: string, payload: string, reply?: string): void {
    this.bus.publish({ subject, reply, headerSizeBytes: 0, data: Buffer.from(payload) });
  }

  /** Publishes into a stream without waiting. @returns where the answer comes. */
  publish(subject: string, payload: string, headers: Readonly<Record<string, string>> = {}): Inbox {
    const inbox = this.inbox();
    const entries = Object.entries(headers);
    const block = entries.length === 0 ? Buffer.alloc(0) : encodeHeaders({ entries });
    const data = Buffer.concat([block, Buffer.from(payload)]);
    this.bus.publish({ subject, reply: inbox.subject, headerSizeBytes: block.length, data });
    return inbox;
  }

  /** Asks the API. @returns the response, which must not carry an error. */
  async ask<T = Record<string, unknown>>(verb: string, body?: unknown): Promise<T> {
    const inbox = this.inbox();
    this.send(`$JS.API.${verb}`, body === undefined ? "" : JSON.stringify(body), inbox.subject);
    const { payload } = await inbox.next();
    inbox.stop();
    const response = JSON.parse(payload) as T & {
      error?: { description: string };
    };
    if (response.error !== undefined)
      throw Object.assign(new Error(response.error.description), response.error);
    return response;
  }

  /** Creates a memory stream. */
  async stream(name: string, fields: object = {}): Promise<void> {
    await this.ask(`STREAM.CREATE.${name}`, { name, subjects: [`${name}.>`], storage: "memory", ...fields });
  }

  /** Creates a durable consumer with explicit acks. */
  async consumer(stream: string, name: string, fields: object = {}): Promise<void> {
    const config = { durable_name: name, ack_policy: "explicit", ...fields };
    await this.ask(`CONSUMER.DURABLE.CREATE.${stream}.${name}`, { stream_name: stream, config });
  }

  info(stream: string, consumer: string): Promise<ConsumerInfoLike> {
    return this.ask<ConsumerInfoLike>(`CONSUMER.INFO.${stream}.${consumer}`);
  }

  streamState(stream: string): Promise<{ messages: number; first_seq: number; last_seq: number }> {
    return this.ask<{ state: { messages: number; first_seq: number; last_seq: number } }>(
      `STREAM.INFO.${stream}`,
    ).then(({ state }) => state);
  }

  /** Pulls; messages come to the inbox. */
  async pull(stream: string, consumer: string, request: object | string = ""): Promise<Inbox> {
    const inbox = this.inbox();
    const body = typeof request === "string" ? request : JSON.stringify(request);
    this.send(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, body, inbox.subject);
    await settled();
    return inbox;
  }

  /** Acknowledges what was received, with any payload. */
  async ack(message: Received | undefined, payload = "+ACK"): Promise<void> {
    // Without a message there is no reply subject, and the test that expected one fails on what it looks at next.
    this.send(message?.reply ?? "nothing.to.acknowledge", payload);
    await settled();
  }

  /** Moves time on and lets everything happen that it brings. */
  async advance(durationMs: number): Promise<void> {
    await this.clock.advanceAsync(durationMs);
    await settled();
  }
}

/** The parts of a consumer info that tests look at. */
export interface ConsumerInfoLike {
  readonly delivered: { consumer_seq: number; stream_seq: number };
  readonly ack_floor: { consumer_seq: number; stream_seq: number };
  readonly num_ack_pending: number;
  readonly num_redelivered: number;
  readonly num_waiting: number;
  readonly num_pending: number;
  readonly push_bound?: boolean;
}

/** Resolves when microtasks and work for the next turns are done. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A message's delivery count, from its acknowledgement subject. */
export function deliveriesOf(message: Received | undefined): number {
  return Number(message?.reply?.split(".")[4]);
}

/** Holds back what a storage announces as durable, until it is released or fails. */
export class HeldDurability {
  readonly storage: Storage;
  private held = false;
  private pending: (() => void)[] = [];
  private announced = 0;
  private listener: Parameters<Storage["createStream"]>[2]["listener"] | undefined;

  constructor(inner: Storage) {
    const createStream: Storage["createStream"] = async (account, name, options) => {
      this.listener = options.listener;
      const store = await inner.createStream(account, name, {
        ...options,
        listener: {
          durable: (sequence) => this.tell(() => this.announce(sequence)),
          failed: (error, from) => options.listener.failed(error, from),
          removed: (sequence, subject, reason) => options.listener.removed(sequence, subject, reason),
        },
      });
      const messages = overriding(store.messages, "durableSequence", () => this.announced);
      return overriding(store, "messages", () => messages);
    };
    this.storage = overriding(inner, "createStream", () => createStream);
  }

  hold(): void {
    this.held = true;
  }

  release(): void {
    this.held = false;
    for (const tell of this.pending.splice(0)) tell();
  }

  /** Tells that everything from `sequence` on was lost. */
  fail(sequence: number): void {
    this.pending = [];
    this.listener?.failed("disk full", sequence);
  }

  private tell(announce: () => void): void {
    if (this.held) this.pending.push(announce);
    else announce();
  }

  private announce(sequence: number): void {
    this.announced = sequence;
    this.listener?.durable(sequence);
  }
}

/** The same object with one property computed. */
function overriding<T extends object, K extends keyof T>(target: T, name: K, value: () => T[K]): T {
  return new Proxy(target, {
    get(object, key) {
      if (key === name) return value();
      const found: unknown = Reflect.get(object, key, object);
      return typeof found === "function" ? found.bind(object) : found;
    },
  });
}

/** An acknowledgement subject a client made up. */
export function inventedAck(stream: string, consumer: string, streamSequence: number): string {
  return ackSubject(`$JS.ACK.${stream}.${consumer}.`, {
    deliveries: 1,
    streamSequence,
    consumerSequence: streamSequence,
    timestampUs: 1,
    pending: 0,
  });
}
