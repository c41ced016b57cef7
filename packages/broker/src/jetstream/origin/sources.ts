import { getHeader, JETSTREAM_HEADERS, type StreamSourceConfig } from "@ganglion/protocol";
import type { ConsumerStore, StreamStore } from "@ganglion/store";
import type { RoutedMessage } from "../account-bus.js";
import { sourceIndexName } from "../stream/origin-config-check.js";
import { nextReadable } from "../stream/readable.js";
import { type FramedMessage, withHeaders } from "../stream/with-headers.js";
import type { DeliveryPosition } from "./delivery-reply.js";
import { type CopyHost, isSourceHeader, withoutOriginHeaders } from "./mirror.js";
import { OriginLink } from "./origin-link.js";
import type { StartPoint } from "./origin-request.js";
import { compileOriginTransform } from "./origin-transform.js";

/** Stores a message. @returns its sequence, 0 for a duplicate, undefined when it could not be stored. */
export type StoreSourced = (message: FramedMessage & { readonly subject: string }) => number | undefined;

/** What {@link Sources} needs of its stream. */
export interface SourcesHost extends CopyHost {
  readonly store: StreamStore;
  readonly storeMessage: StoreSourced;
}

/** Names under which positions are kept begin so: no consumer can be called like that. */
export const SOURCE_MEMORY_PREFIX = "source ";

/** How far one source was copied. */
interface Source {
  readonly link: OriginLink;
  readonly memory: ConsumerStore;
  /** Last sequence of the origin that was stored or is a duplicate. */
  sequence: number;
  /** Positions that become true when the message at `ownSequence` is durable. */
  readonly pending: { readonly ownSequence: number; readonly sequence: number }[];
}

/**
 * Copies messages of other streams into one. How far it came is in a header of every copied message, and kept beside
 * the stream as well, where it outlives messages that are deleted. It is written after the message, and messages
 * behind it are looked at when the stream is opened: so each message of a source comes exactly once.
 */
export class Sources {
  private readonly byName = new Map<string, Source>();
  private closed = false;
  private updating: Promise<void> = Promise.resolve();

  constructor(private readonly host: SourcesHost) {}

  /** Every source, in no particular order. */
  get links(): readonly OriginLink[] {
    return [...this.byName.values()].map(({ link }) => link);
  }

  /** Copies from exactly these. */
  update(configs: readonly StreamSourceConfig[]): void {
    this.updating = this.updating
      .then(() => this.change(configs))
      .catch((error: unknown) => {
        this.host.logger.error("sources could not be opened", { stream: this.host.copyName, error });
      });
  }

  /** Messages up to `sequence` are durable. */
  durable(sequence: number): void {
    for (const { memory, pending } of this.byName.values()) {
      const count = pending.findIndex((entry) => entry.ownSequence > sequence);
      const done = pending.splice(0, count === -1 ? pending.length : count).at(-1);
      if (done === undefined) continue;
      const position = { consumer: done.ownSequence, stream: done.sequence };
      memory.append({ kind: "floor", ackFloor: position, delivered: position });
    }
  }

  /** Messages were not stored after all: what was copied comes again. */
  failed(): void {
    for (const [name, source] of this.byName) {
      source.pending.length = 0;
      source.sequence = this.position(name, source.memory);
      source.link.restart();
    }
  }

  close(): void {
    this.closed = true;
    for (const { link } of this.byName.values()) link.close();
  }

  private async change(configs: readonly StreamSourceConfig[]): Promise<void> {
    const wanted = new Map(configs.map((config) => [sourceIndexName(config), config]));
    for (const [name, { link }] of this.byName) {
      if (wanted.has(name)) continue;
      link.close();
      this.byName.delete(name);
    }
    for (const [name, config] of wanted) {
      if (this.closed || this.byName.has(name)) continue;
      const memory = await this.openMemory(name);
      if (!this.closed) this.add(name, config, memory);
    }
  }

  private async openMemory(name: string): Promise<ConsumerStore> {
    const { store } = this.host;
    const memoryName = `${SOURCE_MEMORY_PREFIX}${name}`;
    const exists = store.consumers().some((consumer) => consumer.name === memoryName);
    return exists ? store.openConsumer(memoryName) : store.createConsumer(memoryName, { source: name });
  }

  private add(name: string, config: StreamSourceConfig, memory: ConsumerStore): void {
    const transform = compileOriginTransform(config);
    const link = new OriginLink(config, {
      ...this.host,
      kind: "S",
      start: () => startOf(config, source.sequence),
      begun: () => {},
      take: (message, position) => this.take(source, message, { ...position, name, transform }),
    });
    const source: Source = { link, memory, sequence: this.position(name, memory), pending: [] };
    this.byName.set(name, source);
    link.restart();
  }

  private take(
    source: Source,
    message: RoutedMessage,
    at: DeliveryPosition & { readonly name: string; readonly transform: (subject: string) => string },
  ): boolean {
    if (at.streamSequence <= source.sequence) return true;
    const framed = withHeaders(withoutOriginHeaders(message, isSourceHeader), [
      [JETSTREAM_HEADERS.streamSource, sourceHeader(at.name, at.streamSequence, message.subject)],
    ]);
    const stored = this.host.storeMessage({ ...framed, subject: at.transform(message.subject) });
    if (stored === undefined) return false;
    source.sequence = at.streamSequence;
    // A duplicate is done with when what it repeats is durable.
    const ownSequence = stored === 0 ? this.host.messages.state().lastSequence : stored;
    source.pending.push({ ownSequence, sequence: at.streamSequence });
    return true;
  }

  private position(name: string, memory: ConsumerStore): number {
    const { messages } = this.host;
    const kept = memory.load()?.ackFloor ?? { consumer: 0, stream: 0 };
    let position = kept.stream;
    for (
      let next = nextReadable(messages, kept.consumer + 1);
      next !== undefined;
      next = nextReadable(messages, next.sequence + 1)
    ) {
      const header =
        next.headerSizeBytes === 0
          ? undefined
          : getHeader(next.data, JETSTREAM_HEADERS.streamSource, next.headerSizeBytes);
      const found = header === undefined ? undefined : readSourceHeader(header);
      if (found?.name === name) position = Math.max(position, found.sequence);
    }
    return position;
  }
}

function startOf(
  { opt_start_seq: sequence, opt_start_time: time }: StreamSourceConfig,
  position: number,
): StartPoint {
  if (position > 0) return { deliver_policy: "by_start_sequence", opt_start_seq: position + 1 };
  if (sequence !== undefined) return { deliver_policy: "by_start_sequence", opt_start_seq: sequence };
  if (time !== undefined) return { deliver_policy: "by_start_time", opt_start_time: time };
  return { deliver_policy: "all" };
}

/** `<stream> <sequence> <filter> <destination> <subject>`. Source: nats-server stream.go `genSourceHeader`. */
function sourceHeader(indexName: string, sequence: number, subject: string): string {
  const [stream, filter, destination] = indexName.split(" ");
  return `${stream} ${sequence} ${filter} ${destination} ${subject}`;
}

function readSourceHeader(header: string): { name: string; sequence: number } | undefined {
  const [stream, sequence, filter, destination] = header.split(" ");
  if (destination === undefined) return undefined;
  return { name: `${stream} ${filter} ${destination}`, sequence: Number(sequence) };
}
