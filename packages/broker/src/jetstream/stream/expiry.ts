import type { Clock, Timer } from "@ganglion/kernel";
import { getHeader, JETSTREAM_HEADERS } from "@ganglion/protocol";
import type { MessageStore, StoredMessage } from "@ganglion/store";
import { DueQueue } from "./due-queue.js";
import { parseMessageTtl } from "./message-ttl.js";
import { nextReadable } from "./readable.js";

/** What {@link Expiry} needs of its stream. */
export interface ExpiryHost {
  readonly clock: Clock;
  readonly messages: MessageStore;
  /** The time of a message is over. */
  expire(message: StoredMessage): void;
}

const US_PER_SECOND = 1_000_000;
/** How many messages are looked at before others have a turn. */
const MAX_PER_TURN = 1000;

/**
 * Lets messages go when their own time to live is over, or the age of their stream, from which `never` exempts them.
 * Only streams that allow TTLs have one; in the others the store removes what is too old.
 *
 * Source: ADR-43; nats-server filestore.go `expireMsgs`.
 */
export class Expiry {
  private readonly due = new DueQueue<number>();
  /** Messages below it were looked at for their age. */
  private ageFrom = 0;
  private timer: Timer | undefined;

  constructor(
    private readonly host: ExpiryHost,
    private maxAgeUs: number,
  ) {
    const { messages } = host;
    for (let next = nextReadable(messages, 0); next; next = nextReadable(messages, next.sequence + 1)) {
      this.note(next);
    }
    this.schedule();
  }

  setMaxAge(maxAgeUs: number): void {
    this.maxAgeUs = maxAgeUs;
    this.ageFrom = 0;
    this.schedule();
  }

  /** A message was appended. */
  added(message: StoredMessage): void {
    const nextUs = this.due.nextUs;
    this.note(message);
    const isNext = this.due.nextUs !== nextUs;
    const isOldest = this.maxAgeUs > 0 && message.sequence <= this.ageFrom;
    if (isNext || isOldest) this.schedule();
  }

  close(): void {
    this.timer?.cancel();
  }

  private note({ sequence, timestampUs, headerSizeBytes, data }: StoredMessage): void {
    const ttl = ttlOf({ headerSizeBytes, data });
    if (typeof ttl === "number" && ttl > 0) this.due.add(timestampUs + ttl * US_PER_SECOND, sequence);
  }

  private schedule(): void {
    this.timer?.cancel();
    this.timer = undefined;
    const times = [this.due.nextUs, this.oldestAgeUs()].filter((time) => time !== undefined);
    if (times.length === 0) return;
    const waitUs = Math.min(...times) - this.host.clock.nowUs();
    this.timer = this.host.clock.schedule(
      Math.min(2 ** 31 - 1, Math.max(1, Math.ceil(waitUs / 1000))),
      () => {
        this.timer = undefined;
        this.run();
      },
    );
  }

  private oldestAgeUs(): number | undefined {
    const oldest = this.maxAgeUs > 0 ? this.nextAging() : undefined;
    return oldest === undefined ? undefined : oldest.timestampUs + this.maxAgeUs;
  }

  /** The oldest message that is not to live for ever. */
  private nextAging(): StoredMessage | undefined {
    const { messages } = this.host;
    let next = nextReadable(messages, this.ageFrom);
    while (next !== undefined && ttlOf(next) === "never") next = nextReadable(messages, next.sequence + 1);
    this.ageFrom = next?.sequence ?? messages.state().lastSequence + 1;
    return next;
  }

  private run(): void {
    const nowUs = this.host.clock.nowUs();
    let left = MAX_PER_TURN;
    for (; left > 0 && this.maxAgeUs > 0; left--) {
      const message = this.nextAging();
      if (message === undefined || message.timestampUs + this.maxAgeUs > nowUs) break;
      this.ageFrom = message.sequence + 1;
      this.host.expire(message);
    }
    for (const sequence of this.due.takeDue(nowUs, left).sort((a, b) => a - b)) {
      const message = nextReadable(this.host.messages, sequence);
      if (message?.sequence === sequence) this.host.expire(message);
    }
    this.schedule();
  }
}

function ttlOf({ headerSizeBytes, data }: Pick<StoredMessage, "headerSizeBytes" | "data">) {
  if (headerSizeBytes === 0) return undefined;
  return parseMessageTtl(getHeader(data, JETSTREAM_HEADERS.ttl, headerSizeBytes));
}
