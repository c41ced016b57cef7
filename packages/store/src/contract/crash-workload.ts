import { isGanglionError, VirtualClock } from "@ganglion/kernel";
import type { ConsumerState, ConsumerStore } from "../consumer-store.js";
import { openFileStorage } from "../file/file-storage.js";
import type { Checksum } from "../file/record-codec.js";
import type { FileSystem } from "../file-system.js";
import type { StoreLimits } from "../message-store.js";
import { below, type Random, seededRandom } from "../simulated/random.js";
import type { Storage, StreamStore } from "../storage.js";
import { RecordingListener, UNLIMITED } from "./recording-listener.js";

/** How a storage under test is opened. */
export interface StorageSetup {
  readonly fileSystem: FileSystem;
  readonly checksum?: Checksum;
  readonly clock?: VirtualClock;
}

/** What the outside world knows of a message. */
export interface KnownMessage {
  readonly subject: string;
  readonly text: string;
  /** `asked`: its removal was asked for but not confirmed, or a failed write took it back. */
  removed: "no" | "asked" | "yes";
}

/** Everything the store said, and everything it was asked to do. */
export interface Promises {
  /** Whether the stream's creation was confirmed. */
  created: boolean;
  durableSequence: number;
  readonly messages: Map<number, KnownMessage>;
  /** Messages that were stored as one. */
  readonly batches: { readonly first: number; readonly last: number }[];
  /** Versions of the stream's metadata, and the last one that was confirmed. */
  metadataVersion: number;
  confirmedMetadataVersion: number;
  /** States the consumer went through, and the index of the last one that was durable. */
  readonly consumerStates: string[];
  durableConsumerState: number;
  consumerCreated: boolean;
}

/** Opens a storage with small files, so that a short run crosses many of them. */
export function openSmallStorage({ fileSystem, checksum, clock }: StorageSetup): Promise<Storage> {
  return openFileStorage({
    directory: "/store",
    clock: clock ?? new VirtualClock(),
    segmentSizeBytes: 5_400,
    consumerLogBytes: 5_200,
    fileSystem,
    ...(checksum === undefined ? {} : { checksum }),
  });
}

/** A consumer's state as text, to compare. */
export function stateText(state: ConsumerState | undefined): string {
  return JSON.stringify(state && { ...state, pending: [...state.pending] });
}

/** Limits of the stream, by the seed: none, messages per subject, or messages. */
export function limitsFor(seed: number): StoreLimits {
  if (seed % 3 === 0) return UNLIMITED;
  return seed % 3 === 1 ? { ...UNLIMITED, maxMessagesPerSubject: 2 } : { ...UNLIMITED, maxMessages: 12 };
}

/** One random life of a store. Runs until it is done, or until the file system fails. */
export class CrashWorkload {
  readonly promises: Promises = {
    created: false,
    durableSequence: 0,
    messages: new Map(),
    batches: [],
    metadataVersion: 1,
    confirmedMetadataVersion: 0,
    consumerStates: [stateText(undefined)],
    durableConsumerState: 0,
    consumerCreated: false,
  };
  /** How often writing failed and was taken up again. */
  failures = 0;
  private readonly random: Random;
  private readonly clock = new VirtualClock();
  private storage: Storage | undefined;
  private readonly takenBack: { readonly fromSequence: number; readonly toSequence: number }[] = [];

  constructor(
    private readonly seed: number,
    private readonly steps: number,
    /** Goes on after a failed write, as a broker does. */
    private readonly enduring = false,
  ) {
    this.random = seededRandom(seed);
  }

  /** @returns whether it came to its end. */
  async run(setup: StorageSetup): Promise<boolean> {
    try {
      await this.live(setup);
      return true;
    } catch {
      return false; // the file system failed, as it was told to
    }
  }

  async close(): Promise<void> {
    await this.storage?.close();
  }

  private async live(setup: StorageSetup): Promise<void> {
    const { promises } = this;
    this.storage = await openSmallStorage({ ...setup, clock: this.clock });
    const listener = new RecordingListener();
    listener.onDurable = (sequence) => {
      promises.durableSequence = sequence;
      // Writing works again: what a failure took back is gone for good.
      for (const { fromSequence, toSequence } of this.takenBack.splice(0)) {
        for (const [taken, message] of promises.messages) {
          if (taken >= fromSequence && taken <= toSequence) message.removed = "yes";
        }
      }
    };
    listener.onFailed = (fromSequence) => {
      this.failures++;
      const toSequence = Math.max(...promises.messages.keys());
      this.takenBack.push({ fromSequence, toSequence });
      for (const [taken, message] of promises.messages) {
        if (taken >= fromSequence && message.removed === "no") message.removed = "asked";
      }
    };
    listener.onRemoved = (sequence) => {
      const message = promises.messages.get(sequence);
      if (message?.removed === "no") message.removed = "yes"; // by a limit, which holds after a crash as well
    };
    const options = { metadata: { version: 1 }, limits: limitsFor(this.seed), listener };
    const stream = await this.storage.createStream("$G", "ORDERS", options);
    promises.created = true;
    promises.confirmedMetadataVersion = 1;
    const consumer = await stream.createConsumer("worker", {});
    promises.consumerCreated = true;
    for (let step = 0; step < this.steps; step++) {
      try {
        await this.step(stream, consumer);
      } catch (error) {
        if (!this.enduring || !isGanglionError(error, "STORE_UNAVAILABLE")) throw error;
        await this.clock.advanceAsync(6_000); // beyond the longest wait before writing is tried again
        for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
      }
    }
    await stream.messages.flush();
  }

  private async step(stream: StreamStore, consumer: ConsumerStore): Promise<void> {
    const choice = below(this.random, 100);
    if (choice < 38) this.appendSome(stream);
    else if (choice < 45) this.appendBatch(stream);
    else if (choice < 55) this.removeSome(stream);
    else if (choice < 80) this.consume(consumer);
    else if (choice < 84) await this.updateMetadata(stream);
    else if (choice < 92) await this.flush(stream);
    else await new Promise((resolve) => setImmediate(resolve));
  }

  private appendSome({ messages }: StreamStore): void {
    for (let count = 1 + below(this.random, 5); count > 0; count--) {
      const subject = `orders.${below(this.random, 6)}`;
      const text = `${this.promises.messages.size}:${"x".repeat(below(this.random, 200))}`;
      const message = { subject, timestampUs: 1_000, headerSizeBytes: 0, data: Buffer.from(text) };
      this.promises.messages.set(messages.append(message), { subject, text, removed: "no" });
    }
  }

  private appendBatch({ messages }: StreamStore): void {
    const batch = Array.from({ length: 2 + below(this.random, 5) }, (_, index) => ({
      subject: `orders.${below(this.random, 6)}`,
      timestampUs: 1_000,
      headerSizeBytes: 0,
      data: Buffer.from(
        `batch ${index} of ${this.promises.messages.size}:${"y".repeat(below(this.random, 400))}`,
      ),
    }));
    const first = messages.appendBatch(batch);
    this.promises.batches.push({ first, last: first + batch.length - 1 });
    batch.forEach(({ subject, data }, index) => {
      this.promises.messages.set(first + index, { subject, text: data.toString(), removed: "no" });
    });
  }

  private removeSome({ messages }: StreamStore): void {
    const { lastSequence } = messages.state();
    const ask = (sequence: number) => {
      const known = this.promises.messages.get(sequence);
      if (known?.removed === "no") known.removed = "asked";
    };
    if (below(this.random, 5) === 0) {
      const beforeSequence = below(this.random, lastSequence + 1);
      const filter = `orders.${below(this.random, 6)}`;
      for (const [sequence, { subject }] of this.promises.messages) {
        if (subject === filter && sequence < beforeSequence) ask(sequence);
      }
      messages.purge({ filter, beforeSequence });
    } else {
      const sequence = 1 + below(this.random, lastSequence + 1);
      ask(sequence);
      messages.remove(sequence, { erase: below(this.random, 3) === 0 });
    }
  }

  private consume(consumer: ConsumerStore): void {
    const { promises } = this;
    const state = consumer.load();
    const next = (state?.delivered.stream ?? 0) + 1;
    const [oldest] = state?.pending.keys() ?? [];
    if (oldest !== undefined && below(this.random, 2) === 0) {
      const isOnly = state?.pending.size === 1;
      const floor = isOnly ? state.delivered : { consumer: oldest, stream: oldest };
      consumer.append({ kind: "acknowledged", streamSequence: oldest, ackFloor: floor });
    } else if (next <= promises.durableSequence) {
      consumer.append({
        kind: "delivered",
        streamSequence: next,
        consumerSequence: next,
        timestampUs: 1,
        deliveries: 1,
        pending: true,
      });
    } else return;
    const index = promises.consumerStates.push(stateText(consumer.load())) - 1;
    consumer.whenDurable(() => {
      promises.durableConsumerState = Math.max(promises.durableConsumerState, index);
    });
  }

  private async updateMetadata(stream: StreamStore): Promise<void> {
    const version = ++this.promises.metadataVersion;
    await stream.updateMetadata({ version });
    this.promises.confirmedMetadataVersion = version;
  }

  private async flush({ messages }: StreamStore): Promise<void> {
    const asked = [...this.promises.messages.values()].filter(({ removed }) => removed === "asked");
    await messages.flush();
    for (const message of asked) message.removed = "yes";
  }
}
