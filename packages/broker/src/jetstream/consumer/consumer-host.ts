import type { Clock, Logger } from "@ganglion/kernel";
import type { StreamConfig } from "@ganglion/protocol";
import type { MessageStore } from "@ganglion/store";
import type { AccountBus } from "../account-bus.js";
import type { Advisories } from "../advisories.js";
import type { ReadyQueue } from "../ready-queue.js";
import type { Consumer } from "./consumer.js";

/** What a consumer needs of its stream. */
export interface ConsumerHost {
  readonly bus: AccountBus;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly advisories: Advisories;
  readonly ready: ReadyQueue;
  readonly messages: MessageStore;
  /** The stream's configuration, as it is now. */
  readonly config: StreamConfig;
  /** Largest payload the broker takes, in bytes. */
  readonly maxPayloadBytes: number;
  /** Calls `callback` once a message at `sequence` is durable; at once if it is. */
  whenDurable(sequence: number, callback: () => void): void;
  /** A consumer no longer needs a message. */
  released(consumer: Consumer, streamSequence: number): void;
  /** A consumer was not used for its inactive threshold: it goes. */
  expired(consumer: Consumer): void;
}
