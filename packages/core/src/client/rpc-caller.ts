import { durationMs, GanglionError, isGanglionError, type Span } from "@ganglion/kernel";
import type { Bound } from "../contract/contract.js";
import type { AnyRpc } from "../contract/inference.js";
import { coreError } from "../errors.js";
import { type RpcCodec, rpcCodec } from "../messages/endpoint-codec.js";
import {
  cancelSubject,
  DEADLINE_HEADER,
  IDEMPOTENCY_HEADER,
  VERSION_HEADER,
  WINDOW_HEADER,
} from "../messages/header-names.js";
import { decodeError, isErrorReply } from "../messages/wire-error.js";
import { InvalidValue } from "../messages/wire-form.js";
import type { Cause } from "../runtime/cause.js";
import type { Runtime } from "../runtime/runtime.js";
import { HeaderBlock, headerLine, headerLines } from "../transport/header-block.js";
import type { IncomingMessage } from "../transport/message.js";
import type { PendingReply } from "../transport/transport.js";
import type { CallOptions } from "./call.js";
import { type OpenStream, ValueStream, WINDOW } from "./value-stream.js";

/** {@link CallOptions} with the values of a subject's named tokens. */
export type AnyCallOptions = CallOptions & { readonly params?: Readonly<Record<string, string>> };

const DEFAULT_TIMEOUT_MS = 5_000;

/** Calls rpcs. What does not change from call to call is prepared once for each endpoint. */
export class RpcCaller {
  private readonly endpoints = new WeakMap<AnyRpc, EndpointCaller>();

  constructor(private readonly runtime: Runtime) {}

  of(endpoint: AnyRpc & Bound): EndpointCaller {
    let caller = this.endpoints.get(endpoint);
    if (caller === undefined) {
      caller = new EndpointCaller(this.runtime, endpoint);
      this.endpoints.set(endpoint, caller);
    }
    return caller;
  }
}

/** Calls one rpc. */
export class EndpointCaller {
  private readonly codec: RpcCodec;
  private readonly timeoutMs: number;
  private readonly constantSubject: string | undefined;
  private readonly label: string;
  private readonly versionLine: string;
  private readonly isStreaming: boolean;
  /** Headers of calls that have nothing of their own, by whole milliseconds left. */
  private constantHeaders: { readonly leftMs: number; readonly block: HeaderBlock } | undefined;

  constructor(
    private readonly runtime: Runtime,
    private readonly endpoint: AnyRpc & Bound,
  ) {
    const { template } = endpoint;
    this.isStreaming = "streaming" in endpoint;
    this.codec = rpcCodec(endpoint);
    this.timeoutMs = endpoint.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.constantSubject =
      template.sendable && template.paramNames.length === 0 ? template.template : undefined;
    this.label = `${endpoint.service}.${endpoint.name}`;
    this.versionLine = `${VERSION_HEADER}: ${endpoint.contract.major}\r\n`;
  }

  /** @throws ServiceError of a declared code; GanglionError, see `SystemFailure`; `INVALID_DATA` for streams */
  call(input: unknown, options?: AnyCallOptions, cause?: Cause): Promise<unknown> {
    if (this.isStreaming) return Promise.reject(this.manyValues());
    if (this.runtime.observer.tracing) return this.tracedCall(input, options, cause);
    return new Promise((resolve, reject) =>
      this.send({ input, options, cause, span: undefined, resolve, reject }),
    );
  }

  /** Milliseconds a call with these options may take. @throws GanglionError `ABORTED` */
  budgetMs(options: AnyCallOptions | undefined): number {
    return this.timeoutOf(options, undefined);
  }

  /** Calls an rpc that answers with many values. The timeout is the longest wait for the next one. */
  stream(input: unknown, options?: AnyCallOptions, cause?: Cause): AsyncIterable<unknown> {
    return new ValueStream({
      label: this.label,
      open: (stream) => {
        const span = this.runtime.observer.tracing ? this.startSpan() : undefined;
        return this.openStream({ input, options, cause, span }, stream);
      },
      decode: (message) => this.decoded(message),
      errorOf: (message) => decodeError(message, this.label, this.codec),
    });
  }

  private openStream(request: Omit<Request, "resolve" | "reject">, stream: ValueStream): OpenStream {
    const { options, cause, input } = request;
    const { transport } = this.runtime;
    const timeoutMs = this.timeoutOf(options, cause);
    const window = `${WINDOW_HEADER}: ${WINDOW}\r\n`;
    const pending = transport.send(this.subjectOf(options), this.encode(input), {
      // Without a deadline: what the values take altogether is not known.
      headers: new HeaderBlock(this.versionLine + window + this.extraLines(request)),
      timeoutMs,
      many: true,
      onReply: (error, message) => {
        if (message === undefined) release();
        if (isGanglionError(error, "TIMEOUT")) tellService();
        stream.receive(error, message);
      },
    });
    const abort = (error: unknown) => stream.receive(error, undefined);
    const unwatch = this.watchAborts({ ...request, resolve: () => {}, reject: abort }, pending);
    const release = () => {
      unwatch();
      request.span?.end();
    };
    const tellService = () => transport.publish(cancelSubject(this.endpoint.service), pending.inbox);
    return {
      grant: (control, more) => transport.publish(control, String(more)),
      extend: () => pending.extend(timeoutMs),
      end: () => {
        release();
        pending.cancel();
      },
      cancel: () => {
        release();
        pending.cancel();
        tellService();
      },
    };
  }

  private async tracedCall(input: unknown, options?: AnyCallOptions, cause?: Cause): Promise<unknown> {
    const span = this.startSpan();
    try {
      return await new Promise((resolve, reject) =>
        this.send({ input, options, cause, span, resolve, reject }),
      );
    } catch (error) {
      span.fail(error);
      throw error;
    } finally {
      span.end();
    }
  }

  private manyValues(): GanglionError {
    return coreError(
      "INVALID_DATA",
      `${this.label} answers with many values: call it through a client, or the context of a handler, worker or subscriber`,
      { details: { endpoint: this.label } },
    );
  }

  private startSpan(): Span {
    const { service, name, template } = this.endpoint;
    return this.runtime.observer.startSpan({
      name: `request ${this.label}`,
      kind: "client",
      attributes: {
        "rpc.system": "ganglion",
        "rpc.service": service,
        "rpc.method": name,
        "messaging.system": "nats",
        "messaging.operation.name": "request",
        "messaging.operation.type": "send",
        "messaging.destination.name": this.constantSubject ?? template.pattern,
      },
    });
  }

  private send(request: Request): void {
    const { options, cause } = request;
    const timeoutMs = this.timeoutOf(options, cause);
    let release: (() => void) | undefined;
    const pending = this.runtime.transport.send(this.subjectOf(options), this.encode(request.input), {
      headers: this.headers(Math.max(1, Math.floor(timeoutMs)), request),
      timeoutMs,
      onReply: (error, message) => {
        release?.();
        if (message === undefined) request.reject(error);
        else this.settle(message, request);
      },
    });
    if (options?.signal !== undefined || cause !== undefined) release = this.watchAborts(request, pending);
  }

  /** @throws GanglionError `TIMEOUT` when the deadline of the work this belongs to has passed, `ABORTED` */
  private timeoutOf(options: AnyCallOptions | undefined, cause: Cause | undefined): number {
    if (options?.signal?.aborted) throw this.aborted(options.signal.reason);
    const ownMs = options?.timeout === undefined ? this.timeoutMs : durationMs(options.timeout, "timeout");
    if (cause?.deadlineAtMs === undefined) return ownMs;
    const leftMs = cause.deadlineAtMs - this.runtime.clock.monotonicMs();
    if (leftMs > 0) return Math.min(ownMs, leftMs);
    throw coreError("TIMEOUT", `${this.label} was not called: the deadline has passed`, {
      details: { endpoint: this.label },
    });
  }

  private subjectOf(options: AnyCallOptions | undefined): string {
    return this.constantSubject ?? this.endpoint.template.render(options?.params);
  }

  private settle(message: IncomingMessage, { resolve, reject }: Request): void {
    try {
      if (isErrorReply(message)) reject(decodeError(message, this.label, this.codec));
      else resolve(this.decoded(message));
    } catch (error) {
      reject(error);
    }
  }

  /** @throws GanglionError `BAD_RESPONSE` */
  private decoded(message: IncomingMessage): unknown {
    try {
      return this.codec.output.decode(message.text());
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error;
      throw coreError(
        "BAD_RESPONSE",
        `${this.label} answered with what does not fit its schema: ${error.summary}`,
        {
          details: { endpoint: this.label, issues: error.issues },
        },
      );
    }
  }

  private encode(input: unknown): string {
    try {
      return this.codec.input.encodeText(input);
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error;
      throw coreError(
        "INVALID_DATA",
        `The input of ${this.label} does not fit its schema: ${error.summary}`,
        {
          details: { endpoint: this.label, issues: error.issues },
        },
      );
    }
  }

  private headers(leftMs: number, request: Request): HeaderBlock {
    const extra = this.extraLines(request);
    if (extra !== "") return new HeaderBlock(this.ownLines(leftMs) + extra);
    if (this.constantHeaders?.leftMs !== leftMs) {
      this.constantHeaders = { leftMs, block: new HeaderBlock(this.ownLines(leftMs)) };
    }
    return this.constantHeaders.block;
  }

  /** What a call brings along itself: trace, idempotency key and headers of the caller. */
  private extraLines({ options, cause, span }: Pick<Request, "options" | "cause" | "span">): string {
    let lines = span === undefined ? (cause?.traceLines ?? "") : injected(span);
    if (options?.idempotencyKey !== undefined)
      lines += headerLine(IDEMPOTENCY_HEADER, options.idempotencyKey);
    if (options?.headers !== undefined) lines += headerLines(options.headers);
    return lines;
  }

  private ownLines(leftMs: number): string {
    return `${DEADLINE_HEADER}: ${leftMs}\r\n${this.versionLine}`;
  }

  /** Gives the call up when its signal or the work it belongs to says so, and tells the service. */
  private watchAborts({ options, cause, reject }: Request, pending: PendingReply): () => void {
    const giveUp = (reason: unknown) => {
      release();
      pending.cancel();
      this.runtime.transport.publish(cancelSubject(this.endpoint.service), pending.inbox);
      reject(this.aborted(reason));
    };
    const { signal } = options ?? {};
    const onAbort = () => giveUp(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    const forget = cause?.onAbort(giveUp);
    const release = () => {
      signal?.removeEventListener("abort", onAbort);
      forget?.();
    };
    return release;
  }

  private aborted(reason: unknown): GanglionError {
    return new GanglionError("ABORTED", `The call of ${this.label} was given up`, {
      cause: reason,
      details: { endpoint: this.label },
    });
  }
}

interface Request {
  readonly input: unknown;
  readonly options: AnyCallOptions | undefined;
  readonly cause: Cause | undefined;
  readonly span: Span | undefined;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** Trace header lines of a span. */
export function injected(span: Span): string {
  let lines = "";
  span.inject((name, value) => {
    lines += headerLine(name, value);
  });
  return lines;
}
