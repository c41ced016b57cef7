import type { Attributes } from "@ganglion/kernel";
import { durationMs, type GanglionError, isGanglionError, noopObserver } from "@ganglion/kernel";
import { type CoreErrorCode, coreError } from "../errors.js";
import { type RpcCodec, rpcCodec } from "../messages/endpoint-codec.js";
import { DEADLINE_HEADER, VERSION_HEADER } from "../messages/header-names.js";
import { encodeFailure, encodeRefusal } from "../messages/wire-error.js";
import { InvalidValue } from "../messages/wire-form.js";
import type { HandlerDefinition } from "../metadata/definitions.js";
import { invokeOnce } from "../once/once-invoke.js";
import { PolicyError } from "../policies/policy.js";
import type { HeaderBlock } from "../transport/header-block.js";
import type { IncomingMessage } from "../transport/message.js";
import type { TransportSubscription } from "../transport/transport.js";
import { Gate } from "./gate.js";
import { type Invoke, invoker, isPromise } from "./invoke.js";
import type { Delivery } from "./middleware.js";
import { RpcContext } from "./rpc-context.js";
import type { Runtime } from "./runtime.js";
import { isAsyncIterable, StreamPump } from "./stream-pump.js";

const DEFAULT_CONCURRENCY = 256;
/** Requests that may wait for each one that may run. */
const QUEUE_FACTOR = 8;

/** What is told of a header nobody understands. */
const MAX_QUOTED_CHARS = 40;

/** Subjects on which callers of streaming handlers grant more. */
const CONTROL_PREFIX = "_GANGLION.stream";

/** A request that was taken in. */
interface Request {
  readonly message: IncomingMessage;
  /** Monotonic time it arrived at. */
  readonly arrivedMs: number;
  readonly deadlineAtMs: number | undefined;
}

/** Counters of an endpoint, as `$SRV.STATS` shows them. */
export interface EndpointStats {
  requests: number;
  errors: number;
  lastError: string;
  processingMs: number;
}

/** Answers one rpc. */
export class RpcHost {
  readonly stats: EndpointStats = { requests: 0, errors: 0, lastError: "", processingMs: 0 };
  /** Requests being worked on, by reply subject, so that their callers can give them up. */
  private readonly running = new Map<string, RpcContext>();
  private readonly codec: RpcCodec;
  private readonly gate: Gate<Request>;
  private readonly invoke: Invoke;
  private readonly major: string;
  private readonly timeoutMs: number | undefined;
  private readonly attributes: Attributes;
  private readonly measuring: boolean;
  private readonly streaming: boolean;
  private subscription: TransportSubscription | undefined;
  private idle: (() => void) | undefined;

  constructor(
    private readonly runtime: Runtime,
    readonly definition: HandlerDefinition,
    instance: object,
  ) {
    const { endpoint, options } = definition;
    this.codec = rpcCodec(endpoint);
    const { service } = endpoint;
    this.invoke = invokeOnce(runtime, { service, definition }, invoker(runtime, definition, instance));
    this.major = String(endpoint.contract.major);
    this.timeoutMs = options.timeout === undefined ? undefined : durationMs(options.timeout, "timeout");
    const concurrency = options.concurrency ?? DEFAULT_CONCURRENCY;
    this.gate = new Gate(concurrency, concurrency * QUEUE_FACTOR, (request) => this.run(request));
    this.measuring = runtime.observer !== noopObserver;
    this.streaming = "streaming" in endpoint;
    this.attributes = {
      "rpc.system": "ganglion",
      "rpc.service": endpoint.service,
      "rpc.method": endpoint.name,
    };
  }

  get queue(): string {
    return this.definition.options.queue ?? this.definition.endpoint.service;
  }

  start(): void {
    const { pattern } = this.definition.endpoint.template;
    this.subscription = this.runtime.transport.subscribe(pattern, {
      queue: this.queue,
      onMessage: (message) => this.receive(message),
      onError: (error) =>
        this.runtime.logger.error("a handler lost its subscription", { subject: pattern, error }),
    });
  }

  /** Takes no new requests; resolves when those that were sent before have arrived. */
  async drain(): Promise<void> {
    await this.subscription?.drain();
  }

  /** Resolves when no request is being worked on. */
  async settled(): Promise<void> {
    if (this.gate.running === 0) return;
    await new Promise<void>((resolve) => {
      this.idle = resolve;
    });
  }

  /** Gives up what is still being worked on. */
  abortAll(reason: unknown): void {
    for (const request of this.gate.clear()) {
      this.refuse(request, coreError("OVERLOADED", "The service is stopping", { retryable: true }));
    }
    for (const ctx of [...this.running.values()]) ctx.abort(reason);
  }

  /** The caller who waits on `reply` gave up. */
  cancel(reply: string): void {
    this.running.get(reply)?.abort(coreError("INTERNAL", "The caller gave up"));
  }

  private receive(message: IncomingMessage): void {
    const arrivedMs = this.runtime.clock.monotonicMs();
    const left = message.headers.get(DEADLINE_HEADER);
    const leftMs = Math.min(
      left === undefined ? Number.POSITIVE_INFINITY : Number(left),
      this.timeoutMs ?? Number.POSITIVE_INFINITY,
    );
    const deadlineAtMs = Number.isFinite(leftMs) ? arrivedMs + leftMs : undefined;
    this.stats.requests++;
    if (this.measuring) this.runtime.observer.adjust("rpc.server.active_requests", 1, this.attributes);
    const request = { message, arrivedMs, deadlineAtMs };
    if (this.gate.enter(request)) return;
    this.refuse(
      request,
      coreError("OVERLOADED", "The service has more requests than it takes", { retryable: true }),
    );
  }

  private run(request: Request): void {
    const { runtime } = this;
    const { message, deadlineAtMs } = request;
    if (deadlineAtMs !== undefined && runtime.clock.monotonicMs() >= deadlineAtMs) {
      // Nobody waits any more: it is not started.
      this.refuse(request, coreError("TIMEOUT", "The deadline passed while the request waited"));
      this.leave();
      return;
    }
    const ctx = new RpcContext(runtime, { message, endpoint: this.definition.endpoint }, deadlineAtMs);
    const { reply } = message;
    if (reply !== undefined) this.running.set(reply, ctx);
    if (runtime.observer.tracing) this.runTraced(request, ctx);
    else this.work(request, ctx);
  }

  private runTraced(request: Request, ctx: RpcContext): void {
    const { service, name, template } = this.definition.endpoint;
    const { message } = request;
    const span = this.runtime.observer.startSpan({
      name: `process ${service}.${name}`,
      kind: "server",
      parent: (header) => message.headers.get(header),
      attributes: {
        ...this.attributes,
        "messaging.system": "nats",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": message.subject,
        "messaging.destination.template": template.template,
        "messaging.consumer.group.name": this.queue,
      },
    });
    ctx.span = span;
    span.run(() => this.work(request, ctx));
  }

  private work(request: Request, ctx: RpcContext): void {
    let input: unknown;
    try {
      this.checkVersion(request.message);
      input = this.codec.input.decode(request.message.text());
    } catch (error) {
      this.end(request, ctx, () => this.refuse(request, refusal(error)));
      return;
    }
    let result: unknown;
    try {
      result = this.invoke(input, ctx);
    } catch (error) {
      this.failed(request, ctx, error);
      return;
    }
    if (isPromise(result)) {
      result.then(
        (value) => this.succeeded(request, ctx, value),
        (error) => this.failed(request, ctx, error),
      );
    } else {
      this.succeeded(request, ctx, result);
    }
  }

  private pump(request: Request, ctx: RpcContext, values: AsyncIterable<unknown>): void {
    const { transport } = this.runtime;
    const control = `${CONTROL_PREFIX}.${this.runtime.uniqueId()}`;
    const { message } = request;
    const pump = new StreamPump({ transport, message, form: this.codec.output, ctx, control });
    pump.run(values).then(
      () => this.end(request, ctx, () => this.count(request, undefined)),
      (error) => this.failed(request, ctx, error),
    );
  }

  private checkVersion(message: IncomingMessage): void {
    const version = message.headers.get(VERSION_HEADER);
    if (version === undefined || version === this.major) return;
    const { service, contract } = this.definition.endpoint;
    throw coreError(
      "VERSION_MISMATCH",
      `${service} speaks version ${contract.version}, the caller ${quoted(version)}`,
      {
        details: {
          service,
          version: contract.version,
          callerMajor: Number.parseInt(version, 10) || undefined,
        },
      },
    );
  }

  private succeeded(request: Request, ctx: RpcContext, value: unknown): void {
    if (this.streaming && isAsyncIterable(value)) {
      this.pump(request, ctx, value);
      return;
    }
    try {
      this.reply(request.message, this.codec.output.encodeText(value), undefined);
    } catch (error) {
      if (isGanglionError(error, "PAYLOAD_TOO_LARGE")) {
        this.end(request, ctx, () => this.refuse(request, error));
      } else {
        this.failed(request, ctx, error);
      }
      return;
    }
    this.end(request, ctx, () => this.count(request, undefined));
  }

  private failed(request: Request, ctx: RpcContext, error: unknown): void {
    if (ctx.overdue) {
      // Whatever it failed with, most likely it was told to stop: the caller hears what it knows anyway.
      ctx.span?.fail(error);
      this.end(request, ctx, () => this.refuse(request, coreError("TIMEOUT", "The deadline passed")));
      return;
    }
    if (error instanceof PolicyError && (error.operation as Partial<Delivery>).ctx === ctx) {
      // A policy around this very method refused; one around what the method called is the method's own failure.
      ctx.span?.fail(error);
      this.end(request, ctx, () => this.refuse(request, error));
      return;
    }
    const { headers, body, code } = encodeFailure(error, this.codec);
    if (code === "INTERNAL") ctx.log.error("a handler failed", { error: explained(error) }); // nobody else is told why
    ctx.span?.fail(error);
    this.end(request, ctx, () => {
      this.tell(request.message, body, headers);
      this.count(request, code);
    });
  }

  /** The request is answered with an error of ours. */
  private refuse(request: Request, error: GanglionError<CoreErrorCode>): void {
    const { headers, body, code } = encodeRefusal(error);
    this.tell(request.message, body, headers);
    this.count(request, code);
  }

  private end(request: Request, ctx: RpcContext, conclude: () => void): void {
    conclude();
    const { reply } = request.message;
    if (reply !== undefined) this.running.delete(reply);
    ctx.span?.end();
    ctx.finish();
    this.leave();
  }

  private leave(): void {
    this.gate.done();
    if (this.gate.running === 0) this.idle?.();
  }

  /** @throws GanglionError `PAYLOAD_TOO_LARGE`, `CONNECTION_CLOSED` */
  private reply({ reply }: IncomingMessage, body: string, headers: HeaderBlock | undefined): void {
    if (reply !== undefined) this.runtime.transport.publish(reply, body, { headers });
  }

  private tell(message: IncomingMessage, body: string, headers: HeaderBlock): void {
    try {
      this.reply(message, body, headers);
    } catch (error) {
      this.runtime.logger.error("an error reply could not be sent", { subject: message.subject, error });
    }
  }

  private count({ arrivedMs }: Request, code: string | undefined): void {
    const tookMs = this.runtime.clock.monotonicMs() - arrivedMs;
    this.stats.processingMs += tookMs;
    if (code !== undefined) {
      this.stats.errors++;
      this.stats.lastError = code;
    }
    if (!this.measuring) return;
    const attributes = code === undefined ? this.attributes : { ...this.attributes, "error.type": code };
    this.runtime.observer.adjust("rpc.server.active_requests", -1, this.attributes);
    this.runtime.observer.record("rpc.server.duration", tookMs / 1_000, attributes);
  }
}

/** What a stranger sent, in an error that goes back to it. */
function quoted(text: string): string {
  return JSON.stringify(text.slice(0, MAX_QUOTED_CHARS));
}

/** What is wrong with a request. */
function refusal(error: unknown): GanglionError<CoreErrorCode> {
  if (!(error instanceof InvalidValue)) return error as GanglionError<CoreErrorCode>; // checkVersion throws nothing else
  return coreError("BAD_REQUEST", `The input does not fit its schema: ${error.summary}`, {
    details: { issues: error.issues },
  });
}

/** An error for the log. A result that does not fit is told here: the caller is not told what a service returns. */
function explained(error: unknown): unknown {
  if (!(error instanceof InvalidValue)) return error;
  return coreError("INVALID_DATA", `The result does not fit its schema: ${error.summary}`, {
    details: { issues: error.issues },
  });
}
