import { ReusedFrame } from "@ganglion/protocol";
import type { AccountBus, BusMessage, InterestWatch, InternalHandler } from "../jetstream/account-bus.js";
import { deliver } from "./deliver.js";
import { InterestWatches } from "./interest.js";
import { Publisher, type ServiceStep } from "./publisher.js";
import type { Route, RouteTarget } from "./route.js";
import type { Router } from "./router.js";
import { Subscription } from "./subscription.js";

const CR = 0x0d;
const LF = 0x0a;
/** Frames up to this size are built in reused memory. */
const SCRATCH_BYTES = 16 * 1024;

/** A message of the broker in the form in which client messages arrive, so that both are delivered alike. */
class BusFrame extends ReusedFrame {
  private readonly scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

  /** Builds `[reply ]sizes CRLF data CRLF`. */
  fill({ reply, headerSizeBytes, data }: BusMessage): void {
    const sizes = headerSizeBytes > 0 ? `${headerSizeBytes} ${data.length}` : `${data.length}`;
    const line = reply === undefined ? `${sizes}\r\n` : `${reply} ${sizes}\r\n`;
    const replySizeBytes = reply === undefined ? 0 : Buffer.byteLength(reply);
    const lineSizeBytes = replySizeBytes + line.length - (reply?.length ?? 0);
    const totalBytes = lineSizeBytes + data.length + 2;
    this.retainable = totalBytes > SCRATCH_BYTES;
    const bytes = this.retainable ? Buffer.allocUnsafeSlow(totalBytes) : this.scratch;
    // Of a short text, a loop is quicker than the call into the runtime.
    if (reply !== undefined) bytes.write(line, 0, "utf8");
    else for (let i = 0; i < line.length; i++) bytes[i] = line.charCodeAt(i);
    bytes.set(data, lineSizeBytes);
    bytes[totalBytes - 2] = CR;
    bytes[totalBytes - 1] = LF;
    this.moved();
    this.bytes = bytes;
    this.replyEnd = replySizeBytes;
    this.isHeaderOperation = headerSizeBytes > 0;
    this.headerSizeBytes = headerSizeBytes;
    this.dataStart = lineSizeBytes;
    this.dataEnd = totalBytes - 2;
  }
}

/** Who a message comes from, and by which way. */
interface Sender {
  readonly publisher: Publisher | undefined;
  readonly via: ServiceStep | undefined;
}

const THE_BROKER: Sender = { publisher: undefined, via: undefined };

/** What one nesting of publishing uses. */
class Level {
  readonly frame = new BusFrame();
  readonly publisher = new Publisher(undefined, undefined);
}

/** The broker's own access to the routing of one account. */
export class RouterBus implements AccountBus {
  private readonly watches: InterestWatches;
  private readonly levels: Level[] = [];
  private depth = 0;

  constructor(
    readonly accountName: string,
    private readonly router: Router,
  ) {
    this.watches = new InterestWatches((subject, queue) => this.hasInterest(subject, queue));
    router.onChange = (filter) => this.watches.update(filter);
  }

  subscribe(subject: string, handler: InternalHandler): () => void {
    const subscription = new Subscription(subject, { handler });
    this.router.add(subscription);
    return () => this.router.remove(subscription);
  }

  publish(message: BusMessage): number {
    const route = this.router.findText(message.subject);
    return route.isEmpty ? 0 : this.send(route, message, THE_BROKER);
  }

  /**
   * Delivers a message that comes through a service import, in the name of who published it. Streams that are
   * exported do not carry it further.
   *
   * Source: nats-server client.go `processMsgResults`, at `pmrMsgImportedFromService`.
   *
   * @returns how many subscriptions it was delivered to.
   */
  forward(message: BusMessage, publisher: Publisher, via: ServiceStep): number {
    const route = this.router.findText(message.subject).own;
    return route.isEmpty ? 0 : this.send(route, message, { publisher, via });
  }

  private send(route: Route, message: BusMessage, { publisher: from, via }: Sender): number {
    // A handler may publish while it is being called: every nesting has a frame of its own.
    if (this.depth === this.levels.length) this.levels.push(new Level());
    const { frame, publisher } = this.levels[this.depth] as Level; // pushed just now or before
    this.depth++;
    frame.fill(message);
    publisher.deliverAs = message.deliverAs;
    publisher.origin = from?.origin;
    publisher.subscriber = from?.subscriber;
    publisher.via = via;
    try {
      return deliver(route, frame, publisher);
    } finally {
      this.depth--;
      if (from !== undefined) from.congestedBy = publisher.congestedBy ?? from.congestedBy;
      publisher.congestedBy = undefined;
    }
  }

  hasInterest(subject: string, queue?: string): boolean {
    const route = this.router.findText(subject);
    if (queue === undefined) return route.groups.length > 0 || route.targets.some(isHeard);
    return route.groups.some((group) => group[0]?.subscription.queue === queue);
  }

  isImported(subject: string): boolean {
    const { targets } = this.router.findText(subject);
    return targets.some(({ subscription }) => subscription.forwarder !== undefined);
  }

  watchInterest(
    subject: string,
    queue: string | undefined,
    changed: (active: boolean) => void,
  ): InterestWatch {
    return this.watches.watch({ subject, queue, changed });
  }

  whenWritable(subject: string, callback: () => void): void {
    const full = firstFull(this.router.findText(subject));
    if (full === undefined) callback();
    else full.whenRoom(() => this.whenWritable(subject, callback));
  }
}

/** Whether a message would reach somebody: behind a service import there may be nobody. */
function isHeard({ subscription: { forwarder }, subject }: RouteTarget): boolean {
  return forwarder?.hasInterest(subject) ?? true;
}

function firstFull({ targets, groups }: Route) {
  for (const group of [targets, ...groups]) {
    for (const { subscription } of group as readonly RouteTarget[]) {
      const outbox = subscription.subscriber?.outbox;
      if (outbox !== undefined && !outbox.hasRoom) return outbox;
    }
  }
  return undefined;
}
