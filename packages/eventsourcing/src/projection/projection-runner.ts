import {
  type AppInternals,
  compareAndSetFault,
  type DeliverFrom,
  ownerStream,
  type ResourcePlan,
} from "@ganglion/core/internal";
import { isGanglionError, pause, throwIfAborted } from "@ganglion/kernel";
import { eventSourcingError } from "../errors.js";
import type { ProjectionDefinition, ProjectionInstance } from "./definition.js";
import { Follower, type FollowerOptions, type FollowerPorts, type Obstacle } from "./follower.js";
import type { ReplaySpeed } from "./pace.js";
import { progressOf, type RebuildProgress, type Stretch } from "./progress.js";
import type { Checkpoint, Generation, GenerationWriter, ModelState, ReadModel } from "./read-model.js";

/** Where a replay starts: at the first event, at a sequence (of every stream), or at a time. */
export type RebuildFrom = "start" | { readonly sequence: number } | { readonly time: Date | string };

/** Options of a rebuild. */
export interface RebuildOptions {
  /** @default "start". A resumed rebuild goes on where it was. */
  readonly from?: RebuildFrom;
  /** @default "max" */
  readonly speed?: ReplaySpeed;
  /** Drops what an interrupted rebuild has built. @default false: goes on with it */
  readonly restart?: boolean;
  /** Called about four times a second, and at the end. */
  readonly onProgress?: (progress: RebuildProgress) => void;
  /** Interrupts the rebuild; the next one goes on from there. */
  readonly signal?: AbortSignal;
}

/**
 * What a projection is doing. `standby`: another process writes the rows; `stalled`: a handler fails at an event;
 * `rebuilding`: for the first time, or for a new version; `waiting`: for its streams or for the broker.
 */
export type ProjectionPhase =
  | "live"
  | "catching up"
  | "standby"
  | "stalled"
  | "rebuilding"
  | "waiting"
  | "stopped";

/** What {@link ProjectionRunner.status} tells. */
export interface ProjectionStatus {
  readonly projection: string;
  readonly version: number;
  readonly phase: ProjectionPhase;
  /** The rows queries read; `undefined` before the first. */
  readonly generation: Generation | undefined;
  /** Last sequence applied by this process, by stream. */
  readonly positions: Checkpoint;
  /** How far this process is behind; all zero while it does not write. */
  readonly lag: { readonly events: number; readonly seconds: number };
  /** The event a handler fails at. */
  readonly obstacle: Obstacle | undefined;
  /** Why it does nothing. */
  readonly problem: string | undefined;
  /** Progress of a rebuild that runs in this process. */
  readonly rebuild: RebuildProgress | undefined;
}

const RETRY_MS = 1_000;
const STANDBY_MS = 1_000;
/** How often the live process looks whether queries still read what it writes. */
const WATCH_MS = 2_000;
const PROGRESS_MS = 250;
const CATCH_UP_POLL_MS = 20;

/** Keeps the rows of one projection up to date in one process, and rebuilds them. */
export class ProjectionRunner {
  readonly model: ReadModel<unknown>;
  private live: Follower | undefined;
  private generation: Generation | undefined;
  private phase: ProjectionPhase = "waiting";
  private problem: string | undefined;
  private rebuildProgress: RebuildProgress | undefined;
  private rebuilding = false;
  private running: Promise<void> | undefined;
  private instance: ProjectionInstance | undefined;
  private readonly stopping = new AbortController();
  private door: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly app: AppInternals,
    readonly definition: ProjectionDefinition,
    private readonly type: Parameters<AppInternals["instance"]>[0],
  ) {
    this.model = definition.store.open({ projection: definition.name, app });
  }

  plan(): readonly ResourcePlan[] {
    const { name, sources } = this.definition;
    const events = sources.flatMap((source) => source.handlers.slice(0, 1)); // one tells the stream
    const streams = events.map(({ event }) => ownerStream(event, `projection ${name}`, this.app.streams));
    return [...streams, ...this.model.plan()];
  }

  async start(): Promise<void> {
    await this.refuseUnsafeServer();
    this.instance = (await this.app.instance(this.type)) as ProjectionInstance; // its methods were recorded by name
    this.running = this.run();
  }

  /** Rows are written with compare-and-set. */
  private async refuseUnsafeServer(): Promise<void> {
    for (const plan of this.model.plan()) {
      if (plan.kind !== "stream") continue;
      const fault = await compareAndSetFault(this.app.transport, plan.spec.name);
      if (fault !== undefined) throw eventSourcingError("PROJECTION_UNSAFE_SERVER", fault);
    }
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.live?.stop();
    await this.running;
    this.phase = "stopped";
  }

  get status(): ProjectionStatus {
    const { live } = this;
    return {
      projection: this.definition.name,
      version: this.definition.version,
      phase: this.phaseNow(),
      generation: this.generation,
      positions: live?.positions ?? {},
      lag: { events: live?.pendingCount ?? 0, seconds: (live?.lagMs ?? 0) / 1_000 },
      obstacle: live?.obstacle,
      problem: this.problem,
      rebuild: this.rebuildProgress,
    };
  }

  /** Whether the rows reflect that sequence of that stream, as seen by this process or by the one that writes. */
  async waitFor(stream: string, sequence: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.live !== undefined) {
        await Promise.race([this.live.reached(stream, sequence), pause(this.app.clock, STANDBY_MS, signal)]);
        if ((this.live?.positions[stream] ?? 0) >= sequence) return;
        continue;
      }
      const { active } = await this.model.state();
      const checkpoint = active === undefined ? {} : await this.model.checkpoint(active);
      if ((checkpoint[stream] ?? 0) >= sequence) return;
      await pause(this.app.clock, CATCH_UP_POLL_MS, signal);
    }
  }

  /** Fills a new generation by replay and lets queries read it. */
  async rebuild(options: RebuildOptions = {}): Promise<RebuildProgress> {
    if (this.rebuilding) throw this.rebuildRuns();
    this.rebuilding = true;
    try {
      return await this.build(options);
    } finally {
      this.rebuilding = false;
      this.rebuildProgress = undefined;
    }
  }

  private phaseNow(): ProjectionPhase {
    if (this.stopping.signal.aborted) return "stopped";
    const { live } = this;
    if (live === undefined) return this.rebuilding ? "rebuilding" : this.phase;
    if (live.obstacle !== undefined) return "stalled";
    return live.caughtUp ? "live" : "catching up";
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      try {
        await this.turn(await this.model.state());
        this.problem = undefined;
      } catch (error) {
        if (this.stopping.signal.aborted) return;
        this.phase = "waiting";
        this.problem = error instanceof Error ? error.message : String(error);
        this.app.logger.warn("projection cannot go on", { projection: this.definition.name, error });
        await pause(this.app.clock, RETRY_MS, this.stopping.signal);
      }
    }
  }

  /** Does what the state of the read model asks for, until that changes. */
  private async turn({ active }: ModelState): Promise<void> {
    const { version, name } = this.definition;
    this.generation = active ?? (await this.model.first(version));
    if (this.generation.version > version) {
      await this.live?.stop();
      this.live = undefined;
      throw eventSourcingError(
        "PROJECTION_OUTDATED",
        `Version ${this.generation.version} of projection ${name} is active: version ${version} does nothing`,
        { details: { projection: name, version, active: this.generation.version } },
      );
    }
    if (this.generation.version < version) {
      this.phase = "rebuilding";
      await this.rebuild({ signal: this.stopping.signal });
    } else if (this.live !== undefined) {
      await this.watch(this.live);
    } else if (!(await this.exclusively(() => this.goLive()))) {
      this.phase = "standby";
      await pause(this.app.clock, STANDBY_MS, this.stopping.signal);
    }
  }

  /** @returns false while another process writes. */
  private async goLive(): Promise<boolean> {
    const { active } = await this.model.state(); // a rebuild may have switched meanwhile
    if (this.live !== undefined || active === undefined) return true;
    const writer = await this.model.writer(active);
    if (writer === undefined) return false;
    const follower = this.follow(writer, active);
    await follower.start();
    this.live = follower;
    return true;
  }

  /** Nobody goes live while a rebuild switches. */
  private exclusively<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.door.then(work);
    this.door = turn.catch(() => {});
    return turn;
  }

  /** Lets a follower work, as long as it writes the rows queries read. */
  private async watch(follower: Follower): Promise<void> {
    try {
      await Promise.race([
        follower.closed,
        pause(this.app.clock, Math.min(WATCH_MS, follower.renewEveryMs), this.stopping.signal),
      ]);
      if (this.live !== follower) return;
      const { active } = await this.model.state();
      if (active?.id !== follower.generation.id) throw this.switchedAway(follower);
      await follower.renew();
      this.measure(follower);
    } catch (error) {
      if (this.live === follower) this.live = undefined;
      await follower.stop();
      if (!isGanglionError(error, "PROJECTION_FENCED")) throw error;
    }
  }

  private switchedAway(follower: Follower) {
    const message = `Queries do not read generation ${follower.generation.id} any more`;
    return eventSourcingError("PROJECTION_FENCED", message, {
      details: { projection: this.definition.name },
    });
  }

  private measure(follower: Follower): void {
    const { observer } = this.app;
    const attributes = { "ganglion.projection.name": this.definition.name };
    observer.gauge("ganglion.projection.lag", follower.pendingCount, attributes);
    observer.gauge("ganglion.projection.lag.seconds", follower.lagMs / 1_000, attributes);
  }

  private follow(
    writer: GenerationWriter<unknown>,
    generation: Generation,
    options: Omit<FollowerOptions, "generation"> = {},
  ): Follower {
    const { app, definition } = this;
    const { transport, clock, logger, observer } = app;
    const ports: FollowerPorts = {
      definition,
      instance: this.instance as ProjectionInstance, // start() came first
      jetstream: transport.jetstream,
      clock,
      logger,
      observer,
    };
    return new Follower(ports, writer, { ...options, generation });
  }

  private async build({
    from = "start",
    speed = "max",
    restart = false,
    onProgress,
    signal,
  }: RebuildOptions) {
    const { building } = await this.model.state();
    const resumes = !restart && building?.version === this.definition.version;
    const generation = resumes ? building : await this.model.begin(this.definition.version);
    const writer = await this.model.writer(generation);
    if (writer === undefined) throw this.rebuildRuns();
    const builder = this.follow(writer, generation, { from: deliverFrom(from), speed });
    try {
      const stretches = await this.stretches(writer.checkpoint);
      const startedMs = this.app.clock.monotonicMs();
      const report = () => {
        const elapsedMs = this.app.clock.monotonicMs() - startedMs;
        this.rebuildProgress = progressOf(stretches, {
          positions: builder.positions,
          events: builder.handledCount,
          elapsedMs,
        });
        onProgress?.(this.rebuildProgress);
        return this.rebuildProgress;
      };
      await builder.start();
      await this.untilCaughtUp(builder, { report, signal });
      await this.exclusively(() => this.switchTo(builder, signal));
      return report();
    } catch (error) {
      await builder.stop();
      throw error;
    }
  }

  private async untilCaughtUp(
    builder: Follower,
    { report, signal }: { readonly report: () => unknown; readonly signal: AbortSignal | undefined },
  ): Promise<void> {
    let reportedMs = 0;
    let renewedMs = this.app.clock.monotonicMs();
    while (!builder.caughtUp) {
      throwIfAborted(signal, `Rebuild of projection ${this.definition.name}`);
      throwIfAborted(this.stopping.signal, `Rebuild of projection ${this.definition.name}`);
      await Promise.race([builder.closed, pause(this.app.clock, CATCH_UP_POLL_MS, signal)]);
      const nowMs = this.app.clock.monotonicMs();
      if (nowMs - reportedMs >= PROGRESS_MS) {
        reportedMs = nowMs;
        report();
      }
      if (nowMs - renewedMs >= builder.renewEveryMs) {
        renewedMs = nowMs;
        await builder.renew();
      }
    }
  }

  /**
   * Stops whoever writes the active rows, lets the new ones get at least as far, and switches: no query sees an
   * event and later does not see it any more. The builder becomes the live follower.
   */
  private async switchTo(builder: Follower, signal: AbortSignal | undefined): Promise<void> {
    const { active } = await this.model.state();
    const old = this.live;
    this.live = undefined;
    await old?.stop();
    const oldWriter = active && (await this.model.writer(active, { force: true }));
    for (const [stream, sequence] of Object.entries(oldWriter?.checkpoint ?? {})) {
      const listens = this.definition.sources.some((source) => source.stream === stream);
      while (listens && (builder.positions[stream] ?? 0) < sequence) {
        throwIfAborted(signal, `Rebuild of projection ${this.definition.name}`);
        await Promise.race([
          builder.closed,
          builder.reached(stream, sequence),
          pause(this.app.clock, WATCH_MS, signal),
        ]);
      }
    }
    await this.model.activate(builder.generation);
    await oldWriter?.close();
    this.generation = builder.generation;
    this.live = builder;
  }

  private stretches(checkpoint: Checkpoint): Promise<readonly Stretch[]> {
    const { streams } = this.app.transport.jetstream;
    return Promise.all(
      this.definition.sources.map(async ({ stream }) => {
        const info = await streams.info(stream);
        const from = checkpoint[stream] ?? Math.max(0, (info?.firstSequence ?? 1) - 1);
        return { stream, from, to: info?.lastSequence ?? 0 };
      }),
    );
  }

  private rebuildRuns() {
    const { name } = this.definition;
    return eventSourcingError("PROJECTION_REBUILD_RUNNING", `A rebuild of projection ${name} runs already`, {
      retryable: true,
      details: { projection: name },
    });
  }
}

function deliverFrom(from: RebuildFrom): DeliverFrom {
  if (from === "start") return "all";
  return "sequence" in from ? from : { timeMs: new Date(from.time).getTime() };
}
