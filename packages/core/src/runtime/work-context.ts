import type { Logger, Span, Timer } from "@ganglion/kernel";
import type { CallOptions, EmitOptions, Emitted } from "../client/call.js";
import type { AnyCallOptions } from "../client/rpc-caller.js";
import type { AnyEmitOptions } from "../client/sender.js";
import type { Container } from "../container/container.js";
import type { Injectable } from "../container/token.js";
import type { Bound } from "../contract/contract.js";
import type {
  AnyEvent,
  AnyRpc,
  AnySingleRpc,
  AnyStreamingRpc,
  AnyTask,
  Ask,
  DataIn,
  Got,
  OptionsWithParams,
} from "../contract/inference.js";
import { coreError } from "../errors.js";
import type { MessageContext } from "../messages/context.js";
import { TRACE_HEADERS } from "../messages/header-names.js";
import { sendableLines } from "../transport/header-block.js";
import type { IncomingHeaders } from "../transport/message.js";
import type { Cause } from "./cause.js";
import type { Runtime } from "./runtime.js";

/** The message a piece of work is about. */
export interface WorkMessage {
  readonly subject: string;
  readonly headers: IncomingHeaders;
}

/**
 * What a method is given beside its input. Everything that costs something is made when it is first asked for: most
 * methods look at little of it.
 */
export abstract class WorkContext implements MessageContext, Cause {
  /** Set when the method runs in a span. */
  span: Span | undefined;
  private controller: AbortController | undefined;
  private abortReason: unknown;
  private isAborted = false;
  private abortListeners: Set<(reason: unknown) => void> | undefined;
  private deadlineTimer: Timer | undefined;
  private deadlinePassed = false;
  private ordinals: Map<string, number> | undefined;
  private lazyLog: Logger | undefined;
  private lazyTrace: string | undefined;
  private scope: Container | undefined;

  constructor(
    protected readonly runtime: Runtime,
    protected readonly message: WorkMessage,
    readonly deadlineAtMs: number | undefined,
  ) {}

  abstract get idempotencyKey(): string;
  abstract get key(): string;
  /** Facts for log lines. */
  protected abstract get logFields(): Readonly<Record<string, unknown>>;

  get subject(): string {
    return this.message.subject;
  }

  get headers(): IncomingHeaders {
    return this.message.headers;
  }

  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.isAborted) this.controller.abort(this.abortReason);
      else this.watchDeadline();
    }
    return this.controller.signal;
  }

  /** Whether nobody waits any more. Timers may fire a little early by the clock, so the timer counts too. */
  get overdue(): boolean {
    return this.deadlinePassed || this.remainingMs() === 0;
  }

  get log(): Logger {
    this.lazyLog ??= this.runtime.logger.child({ ...this.logFields, ...this.span?.ids });
    return this.lazyLog;
  }

  get traceLines(): string {
    if (this.lazyTrace === undefined) {
      this.lazyTrace = "";
      for (const name of TRACE_HEADERS) {
        const value = this.message.headers.get(name);
        if (value !== undefined) this.lazyTrace += sendableLines([[name, value]]);
      }
    }
    return this.lazyTrace;
  }

  remainingMs(): number | undefined {
    if (this.deadlineAtMs === undefined) return undefined;
    return Math.max(0, this.deadlineAtMs - this.runtime.clock.monotonicMs());
  }

  nextOrdinal(subject: string): number {
    this.ordinals ??= new Map();
    const ordinal = this.ordinals.get(subject) ?? 0;
    this.ordinals.set(subject, ordinal + 1);
    return ordinal;
  }

  onAbort(listener: (reason: unknown) => void): () => void {
    this.abortListeners ??= new Set();
    this.abortListeners.add(listener);
    return () => this.abortListeners?.delete(listener);
  }

  /** Tells the method that nobody waits for it any more. */
  abort(reason: unknown): void {
    if (this.isAborted) return;
    this.isAborted = true;
    this.abortReason = reason;
    this.controller?.abort(reason);
    for (const listener of [...(this.abortListeners ?? [])]) listener(reason);
  }

  /** The method is through: what was made for it is disposed of. */
  finish(): void {
    this.deadlineTimer?.cancel();
    if (this.scope !== undefined) {
      this.scope[Symbol.asyncDispose]().catch((error) =>
        this.log.error("disposing after a message failed", { error }),
      );
    }
  }

  get<T>(injectable: Injectable<T>): Promise<T> {
    this.scope ??= this.runtime.container.scope();
    return this.scope.prepared(injectable);
  }

  call<E extends AnySingleRpc & Bound>(
    endpoint: E,
    input: Ask<E>,
    ...options: OptionsWithParams<E, CallOptions>
  ): Promise<Got<E>>;
  call<E extends AnyStreamingRpc & Bound>(
    endpoint: E,
    input: Ask<E>,
    ...options: OptionsWithParams<E, CallOptions>
  ): AsyncIterable<Got<E>>;
  call(
    endpoint: AnyRpc & Bound,
    input: unknown,
    options?: AnyCallOptions,
  ): Promise<unknown> | AsyncIterable<unknown> {
    const caller = this.runtime.caller.of(endpoint);
    return "streaming" in endpoint ? caller.stream(input, options, this) : caller.call(input, options, this);
  }

  emit<E extends AnyEvent>(
    event: E,
    data: DataIn<E>,
    ...[options]: OptionsWithParams<E, EmitOptions>
  ): Promise<Emitted> {
    return this.runtime.sender.of(event).emit(data, options as AnyEmitOptions, this);
  }

  publish<E extends AnyEvent>(
    event: E,
    data: DataIn<E>,
    ...[options]: OptionsWithParams<E, EmitOptions>
  ): void {
    this.runtime.sender.of(event).publish(data, options as AnyEmitOptions, this);
  }

  enqueue<E extends AnyTask>(
    task: E,
    data: DataIn<E>,
    ...[options]: OptionsWithParams<E, EmitOptions>
  ): Promise<Emitted> {
    return this.runtime.sender.of(task).emit(data, options as AnyEmitOptions, this);
  }

  private watchDeadline(): void {
    const leftMs = this.remainingMs();
    if (leftMs === undefined) return;
    this.deadlineTimer = this.runtime.clock.schedule(leftMs, () => {
      this.deadlinePassed = true;
      this.abort(coreError("TIMEOUT", `The deadline of ${this.subject} has passed`));
    });
  }
}
