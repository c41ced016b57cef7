import type { AppInternals } from "@ganglion/core/internal";
import { type Duration, durationMs } from "@ganglion/kernel";
import { eventSourcingError } from "./errors.js";
import type { ProjectionDefinition } from "./projection/definition.js";
import type { RebuildProgress } from "./projection/progress.js";
import type { ProjectionRunner, ProjectionStatus, RebuildOptions } from "./projection/projection-runner.js";
import type { ReadModel, Row } from "./projection/read-model.js";
import type { Rows } from "./projection/rows.js";

/** The row type of a projection class, as the contexts of its methods say. */
export type RowOf<T> = {
  [K in keyof T]: T[K] extends (event: never, ctx: infer C) => unknown
    ? C extends { readonly tx: Rows<infer R> }
      ? R
      : never
    : never;
}[keyof T];

/** What {@link ProjectionClient.waitFor} takes. */
export interface WaitForOptions {
  /** @default "5s" */
  readonly timeout?: Duration;
}

/** Options of {@link ProjectionClient.list}. */
export interface ListRowsOptions {
  /** @default all */
  readonly prefix?: string;
  /** @default 1000 */
  readonly limit?: number;
}

/** Reads the rows of a projection class and steers it. */
export class ProjectionClient<T> {
  private readonly model: ReadModel<unknown>;

  constructor(
    private readonly app: AppInternals,
    private readonly definition: ProjectionDefinition,
    private readonly runner: ProjectionRunner | undefined,
  ) {
    this.model = runner?.model ?? definition.store.open({ projection: definition.name, app });
  }

  /** The row of a key, as of the last batch. */
  async get(key: string): Promise<RowOf<T> | undefined> {
    return (await this.model.get(key)) as RowOf<T> | undefined; // written by the methods of T
  }

  /** Rows ordered by key. */
  async list({ prefix = "", limit = 1_000 }: ListRowsOptions = {}): Promise<readonly Row<RowOf<T>>[]> {
    return (await this.model.list({ prefix, limit })) as readonly Row<RowOf<T>>[]; // written by the methods of T
  }

  /**
   * Waits until the rows reflect an event: read your own writes.
   *
   * @param position - what `emit` returned, or a stream and a sequence.
   * @throws GanglionError `PROJECTION_WAIT_TIMEOUT`
   * @example await app.projections(OrderSummary).waitFor(await app.emit(Orders.placed, order));
   */
  async waitFor(
    { stream, sequence }: { readonly stream: string; readonly sequence: number },
    { timeout = "5s" }: WaitForOptions = {},
  ): Promise<void> {
    const timeoutMs = durationMs(timeout, "timeout");
    const over = new AbortController();
    const timer = this.app.clock.schedule(timeoutMs, () => over.abort());
    await this.hosted().waitFor(stream, sequence, over.signal);
    timer.cancel();
    if (!over.signal.aborted) return;
    const projection = this.definition.name;
    const message = `Projection ${projection} did not reach sequence ${sequence} of ${stream} within ${timeoutMs} ms`;
    throw eventSourcingError("PROJECTION_WAIT_TIMEOUT", message, {
      retryable: true,
      details: { projection, stream, sequence, timeoutMs },
    });
  }

  /**
   * Fills new rows by replay, beside the present ones, and lets queries read them in one switch. Resolves then.
   * Interrupted, by its signal or by a crash, the next rebuild goes on where it was.
   *
   * @throws GanglionError `PROJECTION_REBUILD_RUNNING`, `PROJECTION_NOT_HOSTED`, `ABORTED`
   */
  rebuild(options: RebuildOptions = {}): Promise<RebuildProgress> {
    return this.hosted().rebuild(options);
  }

  /** What the projection is doing in this app. @throws GanglionError `PROJECTION_NOT_HOSTED` */
  status(): ProjectionStatus {
    return this.hosted().status;
  }

  private hosted(): ProjectionRunner {
    if (this.runner !== undefined) return this.runner;
    const projection = this.definition.name;
    throw eventSourcingError(
      "PROJECTION_NOT_HOSTED",
      `This app does not run projection ${projection}: list its class in createApp({ services })`,
      { details: { projection } },
    );
  }
}
