import type { DeliverFrom, JetStream, OrderedRead, StoredMessage } from "@ganglion/core/internal";
import { type Clock, deferred, isGanglionError, type Logger, type Observer, pause } from "@ganglion/kernel";
import type { ProjectionDefinition, ProjectionInstance, Source } from "./definition.js";
import { EventRouter } from "./event-router.js";
import { Pace, type ReplaySpeed } from "./pace.js";
import type { Checkpoint, Generation, GenerationWriter } from "./read-model.js";

/** What a {@link Follower} works with. */
export interface FollowerPorts {
  readonly definition: ProjectionDefinition;
  readonly instance: ProjectionInstance;
  readonly jetstream: JetStream;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer: Observer;
}

/** Options of a {@link Follower}. */
export interface FollowerOptions {
  /** What the writer writes. */
  readonly generation: Generation;
  /** Where to start in a stream the checkpoint does not mention. @default "all" */
  readonly from?: DeliverFrom;
  /** @default "max" */
  readonly speed?: ReplaySpeed;
}

/** An event a handler fails at: the projection waits in front of it and tries again. */
export interface Obstacle {
  readonly stream: string;
  readonly sequence: number;
  readonly subject: string;
  readonly error: string;
  readonly attempts: number;
}

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 30_000;

/**
 * Applies the events of a projection's streams to one generation, in stream order, without gaps and without repeats:
 * the ordered reads begin behind the writer's checkpoint, and every batch moves it together with the rows.
 */
export class Follower {
  /** Resolves when it was stopped; rejects when it cannot go on. */
  readonly closed: Promise<void>;
  private readonly over = deferred();
  private readonly stopping = new AbortController();
  private readonly reads = new Map<string, OrderedRead>();
  private readonly pace: Pace;
  private checkpoint: Record<string, number>;
  private turn: Promise<void> = Promise.resolve();
  private handled = 0;
  private lastEventMs: number | undefined;
  private waiters: { readonly stream: string; readonly sequence: number; readonly done: () => void }[] = [];
  private stuckAt: Obstacle | undefined;

  constructor(
    private readonly ports: FollowerPorts,
    private readonly writer: GenerationWriter<unknown>,
    private readonly options: FollowerOptions,
  ) {
    this.closed = this.over.promise;
    this.closed.catch(() => {}); // whoever cares listens; a follower nobody watches must not end the process
    this.checkpoint = { ...writer.checkpoint };
    this.pace = new Pace(options.speed ?? "max", ports.clock);
  }

  /** Begins to read. @throws GanglionError `NO_STREAM` */
  async start(): Promise<void> {
    for (const source of this.ports.definition.sources) {
      const read = await this.open(source);
      this.reads.set(source.stream, read);
      read.closed.catch((error) => this.fail(error));
    }
  }

  /** Last sequence applied, by stream. */
  get positions(): Checkpoint {
    return this.checkpoint;
  }

  /** Events handled since the start. */
  get handledCount(): number {
    return this.handled;
  }

  /** Whether everything that was in the streams when it began has been applied. */
  get caughtUp(): boolean {
    return (
      this.reads.size === this.ports.definition.sources.length &&
      [...this.reads.values()].every((read) => read.caughtUp)
    );
  }

  /** Messages known to wait in the streams; before nats-server 2.10 those of other events are among them. */
  get pendingCount(): number {
    return [...this.reads.values()].reduce((sum, read) => sum + read.pending, 0);
  }

  /** Age of the newest event applied, in milliseconds; 0 when nothing waits. */
  get lagMs(): number {
    if (this.pendingCount === 0 || this.lastEventMs === undefined) return 0;
    return Math.max(0, this.ports.clock.nowMs() - this.lastEventMs);
  }

  get obstacle(): Obstacle | undefined {
    return this.stuckAt;
  }

  /** Resolves when the rows reflect that sequence of that stream. */
  reached(stream: string, sequence: number): Promise<void> {
    if ((this.checkpoint[stream] ?? 0) >= sequence) return Promise.resolve();
    return new Promise((done) => {
      this.waiters.push({ stream, sequence, done });
    });
  }

  get generation(): Generation {
    return this.options.generation;
  }

  get renewEveryMs(): number {
    return this.writer.renewEveryMs;
  }

  /** Tells others that this process is alive. */
  async renew(): Promise<void> {
    try {
      await this.writer.renew();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Ends after the running batch and closes the writer. Idempotent. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all([...this.reads.values()].map((read) => read.stop().catch(() => {})));
    await this.turn.catch(() => {});
    await this.writer.close();
    this.over.resolve();
  }

  private fail(error: unknown): void {
    this.stopping.abort();
    this.over.reject(error);
  }

  private async open(source: Source): Promise<OrderedRead> {
    const router = new EventRouter(source, this.ports.instance);
    const done = this.checkpoint[source.stream];
    const last = (await this.ports.jetstream.streams.info(source.stream))?.lastSequence ?? 0;
    return await this.ports.jetstream.readOrdered(source.stream, {
      from: done === undefined ? (this.options.from ?? "all") : { sequence: done + 1 },
      filterSubjects: router.patterns,
      onBatch: (messages) => this.inTurn(() => this.take(source.stream, router, messages)),
      onCaughtUp: () => this.inTurn(() => this.skipTo(source.stream, last)),
      onHealth: (problem) => {
        if (problem !== undefined)
          this.ports.logger.warn("projection source disturbed", { stream: source.stream, error: problem });
      },
    });
  }

  /** Nothing up to `sequence` is left: without an event to say so, a restart would begin at the first one again. */
  private async skipTo(stream: string, sequence: number): Promise<void> {
    if ((this.checkpoint[stream] ?? 0) >= sequence || this.stopping.signal.aborted) return;
    await this.writer.apply(() => {}, { [stream]: sequence });
    this.checkpoint = { ...this.checkpoint, [stream]: sequence };
    this.tell();
  }

  /** One batch at a time, over all streams. */
  private inTurn(work: () => Promise<void>): Promise<void> {
    this.turn = this.turn.then(work);
    return this.turn;
  }

  private async take(stream: string, router: EventRouter, messages: readonly StoredMessage[]): Promise<void> {
    let rest = messages;
    while (rest.length > 0 && !this.stopping.signal.aborted) {
      const due = this.pace.due(rest);
      if (due > 0) await this.apply(stream, router, rest.slice(0, due));
      rest = rest.slice(due);
      const [next] = rest;
      if (next !== undefined) await pause(this.ports.clock, this.pace.waitMs(next), this.stopping.signal);
    }
  }

  /** A batch that fails is halved until the event it fails at stands alone. */
  private async apply(
    stream: string,
    router: EventRouter,
    messages: readonly StoredMessage[],
  ): Promise<void> {
    for (let attempts = 1; !this.stopping.signal.aborted; attempts++) {
      try {
        await this.observed(messages, () => this.store(stream, router, messages));
        this.stuckAt = undefined;
        return;
      } catch (error) {
        if (isGanglionError(error, "PROJECTION_FENCED")) throw error;
        if (messages.length > 1) {
          const half = messages.length >> 1;
          await this.apply(stream, router, messages.slice(0, half));
          await this.apply(stream, router, messages.slice(half));
          return;
        }
        await this.waitAt(messages[0] as StoredMessage, { stream, error, attempts }); // there is exactly one
      }
    }
  }

  /**
   * Runs a batch of new events in a span: it continues the trace of the first one and is linked with the others. A
   * replay has none, since it has nothing to do with the work that made the events.
   */
  private async observed(messages: readonly StoredMessage[], work: () => Promise<void>): Promise<void> {
    const { observer, definition } = this.ports;
    const [first, ...others] = messages;
    if (!observer.tracing || !this.caughtUp || first === undefined) return work();
    const span = observer.startSpan({
      name: `project ${definition.name}`,
      kind: "consumer",
      parent: (header) => first.headers.get(header),
      links: others.map(
        ({ headers }) =>
          (header) =>
            headers.get(header),
      ),
      attributes: {
        "messaging.system": "nats",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": first.subject,
        "messaging.batch.message_count": messages.length,
        "ganglion.projection.name": definition.name,
      },
    });
    try {
      await span.run(work);
    } catch (error) {
      span.fail(error);
      throw error;
    } finally {
      span.end();
    }
  }

  private async store(
    stream: string,
    router: EventRouter,
    messages: readonly StoredMessage[],
  ): Promise<void> {
    const last = messages.at(-1) as StoredMessage; // batches are never empty
    let handled = 0;
    await this.writer.apply(
      async (view) => {
        handled = 0;
        for (const message of messages) {
          const handler = router.route(message.subject);
          if (handler === undefined) continue;
          const result = handler(message, view);
          if (result instanceof Promise) await result;
          handled++;
        }
      },
      { [stream]: last.sequence },
    );
    this.checkpoint = { ...this.checkpoint, [stream]: last.sequence };
    this.handled += handled;
    this.lastEventMs = last.timestampMs;
    this.tell();
  }

  private tell(): void {
    if (this.waiters.length === 0) return;
    const reached = this.waiters.filter(({ stream, sequence }) => (this.checkpoint[stream] ?? 0) >= sequence);
    this.waiters = this.waiters.filter((waiter) => !reached.includes(waiter));
    for (const { done } of reached) done();
  }

  private async waitAt(
    message: StoredMessage,
    { stream, error, attempts }: { stream: string; error: unknown; attempts: number },
  ): Promise<void> {
    const { sequence, subject } = message;
    const { definition, logger, clock } = this.ports;
    this.stuckAt = { stream, sequence, subject, error: String(error), attempts };
    logger.error("projection cannot handle an event", {
      projection: definition.name,
      stream,
      sequence,
      attempts,
      error,
    });
    await pause(
      clock,
      Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempts - 1, 20), LONGEST_RETRY_MS),
      this.stopping.signal,
    );
  }
}
